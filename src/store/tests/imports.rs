//! Imports: contacts, counters and how far it is are one; nothing comes twice.

use super::writing::create_plan;
use super::*;
use crate::model::ids::DlmaUuid;
use crate::model::import::{Batch, Import, Order, Row as CsvRow, Source, Step};

/// An import into a list of a lab.
struct File {
    dlma: DlmaUuid,
    order: Order,
}

async fn file(lab: &mut Lab) -> File {
    let dlma = uuid_of(&lab.create(NounKind::Dlma, &[("Name", "list")]).await.unwrap()).parse().unwrap();
    let source = Source { name: "leads.csv".into(), content: Some((100, "abc".into())) };
    let order = Order { dlma, source, mapping: "Name=name".into(), again: false, dry_run: false };
    File { dlma, order }
}

fn values(row: &[&str]) -> CsvRow {
    CsvRow::Values(row.iter().map(|value| (*value).to_owned()).collect())
}

fn batch(file: &File, import: &Import, rows: Vec<CsvRow>) -> Batch {
    Batch {
        import: import.id,
        dlma: file.dlma,
        from: import.rows,
        columns: ["Name", "Number1", "Number3", "UKey", "Variable:CITY"]
            .map(|name| name.parse().unwrap())
            .to_vec(),
        rows: rows.into_iter().map(|row| (Uuid::now_v7(), row)).collect(),
        finish: false,
    }
}

impl Lab {
    async fn step(&mut self, step: Step) -> Result<Import, Refusal> {
        match self.run(Command::Import(Box::new(step))).await {
            Done::Imported(import) => Ok(import),
            Done::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    async fn begin(&mut self, order: &Order) -> Result<Import, Refusal> {
        self.step(Step::Begin(order.clone())).await
    }
}

#[tokio::test]
async fn rows_become_contacts_as_creates_would_have_made_them() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let import = lab.begin(&file.order).await.unwrap();
    let rows = vec![values(&["ann", "300", "+491", "k1", "Bonn, \"x\""]), values(&["", "301", "", "", ""])];
    let import = lab.step(Step::Rows(batch(&file, &import, rows))).await.unwrap();
    assert_eq!((import.rows, import.imported, import.faulty()), (2, 2, 0));
    let dlma = file.dlma.to_string();
    let one = [("DlmaUuid", dlma.as_str()), ("Name", "ann"), ("Number1", "300"), ("Number3", "+491")];
    let one = [&one[..], &[("UKey", "k2"), ("Variable", "CITY=Bonn, \"x\"")]].concat();
    let Noun::Dl(created) = lab.create(NounKind::Dl, &one).await.unwrap() else { panic!() };
    let dls = lab.store.dls(Some(file.dlma), 10, None).await.unwrap();
    let imported = Dl { uuid: created.uuid, ukey: created.ukey.clone(), ..dls[0].clone() };
    assert_eq!(imported, created);
    assert_eq!((dls[1].name.as_deref(), dls[1].rung().to_string()), (None, "0".to_owned()));
}

#[tokio::test]
async fn the_counters_hold_whatever_the_batch_has() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let mut import = lab.begin(&file.order).await.unwrap();
    let rows: Vec<CsvRow> = (0..500)
        .map(|row| match row % 5 {
            0 => values(&["x", "", "", "", ""]),
            1 => values(&["x", "300", "", &format!("k{}", row % 50), ""]),
            _ => values(&["x", "300", if row % 2 == 0 { "301" } else { "" }, "", ""]),
        })
        .collect();
    let mut left = rows;
    while !left.is_empty() {
        let taken = lab.step(Step::Rows(batch(&file, &import, left.clone()))).await.unwrap();
        left.drain(..usize::try_from(taken.rows - import.rows).unwrap());
        import = taken;
    }
    // Of the 100 with a key 10 have one of their own.
    assert_eq!((import.rows, import.imported, import.duplicates(), import.faulty()), (500, 310, 90, 100));
    assert_eq!(lab.number("SELECT count(*) FROM dl_list").await, 310);
    let differ = "SELECT count(*) FROM (
            SELECT dlma_uuid, rung, past, count(*) AS n FROM dl_list GROUP BY dlma_uuid, rung, past
            EXCEPT SELECT dlma_uuid, rung, past, waiting FROM dl_rung)";
    assert_eq!(lab.number(differ).await, 0);
    assert_eq!(lab.number("SELECT sum(waiting) FROM dl_rung").await, 310);
}

#[tokio::test]
async fn a_refused_row_is_told_with_its_number_and_what_for() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let import = lab.begin(&file.order).await.unwrap();
    let rows = vec![
        values(&["a", "300", "", "k", ""]),
        values(&["b", "3 0", "", "", ""]),
        values(&["c", "112", "", "", ""]),
        values(&["d", "300", "", "k", ""]),
        values(&["e", "300", "", "", "${SHELL(x)}"]),
        CsvRow::Unreadable { kind: "columns".into(), why: "too many".into() },
    ];
    let import = lab.step(Step::Rows(batch(&file, &import, rows))).await.unwrap();
    let told: Vec<_> = import.last_refused.iter().map(|row| (row.row, row.kind.as_str())).collect();
    assert_eq!(
        told,
        [(1, "Number1"), (2, "denied number"), (3, "duplicate"), (4, "Variable"), (5, "columns")]
    );
    assert!(import.last_refused[1].why.contains("emergency"), "{:?}", import.last_refused[1]);
    let next =
        lab.step(Step::Rows(batch(&file, &import, vec![values(&["f", "300", "", "k", ""])]))).await.unwrap();
    assert_eq!((next.duplicates(), next.faulty(), next.last_refused.len(), next.last_from), (2, 4, 1, 6));
}

#[tokio::test]
async fn a_batch_out_of_turn_changes_nothing() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let import = lab.begin(&file.order).await.unwrap();
    let rows = || vec![values(&["a", "300", "", "", ""])];
    let first = batch(&file, &import, rows());
    lab.step(Step::Rows(first.clone())).await.unwrap();
    assert!(lab.step(Step::Rows(first)).await.unwrap_err().to_string().contains("out of turn"));
    let other = Batch { import: Some(77), ..batch(&file, &import, rows()) };
    assert!(lab.step(Step::Rows(other)).await.unwrap_err().to_string().contains("no import under way"));
    assert_eq!(lab.number("SELECT count(*) FROM dl_list").await, 1);
}

#[tokio::test]
async fn what_was_cut_off_goes_on_where_it_was_also_in_another_daemon() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let import = lab.begin(&file.order).await.unwrap();
    let rows = vec![values(&["a", "300", "", "", ""]), values(&["b", "", "", "", ""])];
    let before = lab.step(Step::Rows(batch(&file, &import, rows))).await.unwrap();
    let mut lab = lab.reopened().await;
    assert_eq!(lab.begin(&file.order).await.unwrap(), before);
    let renamed = Source { name: "other.csv".into(), ..file.order.source.clone() };
    let renamed = Order { source: renamed, ..file.order.clone() };
    assert_eq!(lab.begin(&renamed).await.unwrap().id, before.id, "the name tells no file from another");
    let elsewise = Order { mapping: "Name=x".into(), ..file.order.clone() };
    assert!(lab.begin(&elsewise).await.unwrap_err().to_string().contains("Name=name"));
    let anew = Order { again: true, ..elsewise };
    assert_eq!(lab.begin(&anew).await.unwrap().rows, 0);
}

#[tokio::test]
async fn a_finished_file_is_refused_unless_it_is_wanted_again() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let import = lab.begin(&file.order).await.unwrap();
    let last = Batch { finish: true, ..batch(&file, &import, vec![values(&["a", "300", "", "", ""])]) };
    assert!(lab.step(Step::Rows(last)).await.unwrap().finished);
    let refusal = lab.begin(&file.order).await.unwrap_err().to_string();
    assert!(refusal.contains("before") && refusal.contains("--again"), "{refusal}");
    let again = Order { again: true, ..file.order.clone() };
    assert!(lab.begin(&again).await.is_ok());
    let pipe = Source { name: "-".into(), content: None };
    let pipe = Order { source: pipe, ..file.order.clone() };
    let first = lab.begin(&pipe).await.unwrap();
    assert_ne!(first.id, lab.begin(&pipe).await.unwrap().id);
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_judges_alike() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let dlma = file.dlma.to_string();
    lab.create(NounKind::Dl, &[("DlmaUuid", &dlma), ("Number1", "300"), ("UKey", "k")]).await.unwrap();
    let import = lab.begin(&Order { dry_run: true, ..file.order.clone() }).await.unwrap();
    assert_eq!(import.id, None);
    let rows = vec![values(&["a", "300", "", "", ""]), values(&["b", "300", "", "k", ""])];
    let import = lab.step(Step::Rows(batch(&file, &import, rows))).await.unwrap();
    assert_eq!((import.rows, import.imported, import.duplicates()), (2, 1, 1));
    assert_eq!(lab.number("SELECT count(*) FROM dl_list").await, 1);
    assert_eq!(lab.number("SELECT count(*) FROM import").await, 0);
}

#[tokio::test]
async fn nothing_is_imported_into_a_list_that_is_not_there() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let import = lab.begin(&file.order).await.unwrap();
    lab.delete(NounKind::Dlma, &file.dlma.to_string()).await.unwrap();
    let rows = vec![values(&["a", "300", "", "", ""])];
    let refused = [
        lab.step(Step::Rows(batch(&file, &import, rows))).await.unwrap_err(),
        lab.begin(&file.order).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|refusal| matches!(refusal, Refusal::NoSuch { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_batch_never_keeps_the_writer_for_long_and_the_rest_waits_its_turn() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let mut import = lab.begin(&file.order).await.unwrap();
    let all = 30_000;
    let mut left: Vec<CsvRow> =
        (0..all).map(|row| values(&["x", "300", "", &format!("k{row}"), ""])).collect();
    let mut steps = 0;
    while !left.is_empty() {
        let taken = lab.step(Step::Rows(batch(&file, &import, left.clone()))).await.unwrap();
        left.drain(..usize::try_from(taken.rows - import.rows).unwrap());
        import = taken;
        steps += 1;
    }
    assert!(steps > 1, "{all} rows in one go");
    assert_eq!(import.imported, all);
    assert_eq!(lab.number("SELECT count(DISTINCT ukey) FROM dl_list").await, i64::try_from(all).unwrap());
}

#[tokio::test]
async fn nobody_waits_for_the_commit_of_rows_but_who_came_after_them() {
    let mut lab = lab().await;
    let file = file(&mut lab).await;
    let import = lab.begin(&file.order).await.unwrap();
    // Nothing of the writer's runs between these on this one thread.
    lab.submit(create_plan("before"));
    let rows = batch(&file, &import, vec![values(&["x", "300", "", "", ""])]);
    lab.submit(Command::Import(Box::new(Step::Rows(rows))));
    lab.submit(create_plan("after"));
    lab.submit(create_plan("last"));
    let mut together = Vec::new();
    while together.iter().sum::<usize>() < 4 {
        lab.next().await;
        together.push(1 + std::iter::from_fn(|| lab.done.try_recv().ok()).count());
    }
    assert_eq!(together, [1, 1, 2]);
}
