//! Table `import`, and contacts by the thousand: a batch's contacts and how far its import has come are one transaction.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection, query};
use uuid::Uuid;

use super::dl;
use super::error::Fault;
use super::row;
use super::writer::Rules;
use crate::model::dl::Dl;
use crate::model::dlma::Dlma;
use crate::model::fields::FieldError;
use crate::model::ids::{DlUuid, DlmaUuid};
use crate::model::import::{Batch, DUPLICATE, Import, Order, RefusedRow, Row, Source, Step};
use crate::model::refusal::Refusal;
use crate::model::time::Timestamp;

/// How long the rows of one command may keep the writer from others; commands of the dialing wait behind it.
const AT_ONCE: Duration = Duration::from_millis(10);
/// How much text the refusals of one command may have, for they go into one answer.
const REFUSALS_AT_ONCE: usize = 256 * 1024;
/// Rows that are checked and written together: a statement costs more than a row.
const CHUNK: usize = 64;

const OF_FILE: &str =
    "SELECT * FROM import WHERE dlma_uuid = ?1 AND hash = ?2 AND size = ?3 ORDER BY id DESC LIMIT 1";
const OF_ID: &str = "SELECT * FROM import WHERE id = ?1";
const BEGIN: &str = "INSERT INTO import (dlma_uuid, file, size, hash, mapping, tm_create, tm_update)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
const GO_ON: &str =
    "UPDATE import SET rows = ?2, imported = ?3, refused = ?4, last_from = ?5, last_refused = ?6,
    finished = ?7, tm_update = ?8 WHERE id = ?1";
const UKEYS_TAKEN: &str = "SELECT ukey FROM dl_list
    WHERE dlma_uuid = ?1 AND in_use = 1 AND ukey IN (SELECT value FROM json_each(?2))";

pub(super) async fn step(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    step: &Step,
) -> Result<Import, Fault> {
    match step {
        Step::Begin(order) => begin(conn, now, order).await,
        Step::Rows(batch) => take(conn, rules, now, batch).await,
    }
}

async fn begin(conn: &mut SqliteConnection, now: Timestamp, order: &Order) -> Result<Import, Fault> {
    row::named::<Dlma>(conn, "DlmaUuid", order.dlma.uuid()).await?;
    if let Some((size, hash)) = &order.source.content {
        let size = i64::try_from(*size).unwrap_or(i64::MAX);
        let before = query(OF_FILE).bind(order.dlma.to_string()).bind(hash).bind(size);
        let before = before.fetch_optional(&mut *conn).await?;
        if let Some(before) = before.filter(|_| !order.again) {
            return go_on(&before, order);
        }
    }
    let mut import = Import::new(order, now);
    if order.dry_run {
        return Ok(import);
    }
    let (size, hash) = import.source.content.clone().unzip();
    let begun = query(BEGIN)
        .bind(order.dlma.to_string())
        .bind(&order.source.name)
        .bind(size.map(|size| i64::try_from(size).unwrap_or(i64::MAX)))
        .bind(hash)
        .bind(&order.mapping)
        .bind(now.to_string())
        .execute(conn)
        .await?;
    import.id = Some(begun.last_insert_rowid());
    Ok(import)
}

/// With what an earlier run left of the same file.
fn go_on(row: &SqliteRow, order: &Order) -> Result<Import, Fault> {
    let import = read(row)?;
    let mapping: String = row.try_get("mapping")?;
    let (file, at) = (&import.source.name, import.tm_update);
    if import.finished {
        let imported = import.imported;
        return Err(Refusal::Import(format!(
            "File: this file was imported into this list before, as {file} at {at}, {imported} contacts; allowed: another \
             file, or Again: yes (--again), which puts its contacts there once more"
        ))
        .into());
    }
    if mapping != order.mapping {
        let rows = import.rows;
        return Err(Refusal::Import(format!(
            "Mapping: {rows} rows of this file were imported at {at} by \"{mapping}\"; allowed: to go on by the same, or \
             Again: yes (--again), which begins anew with its first row"
        ))
        .into());
    }
    Ok(import)
}

async fn take(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    batch: &Batch,
) -> Result<Import, Fault> {
    let began = Instant::now();
    row::named::<Dlma>(conn, "DlmaUuid", batch.dlma.uuid()).await?;
    let mut import = match batch.import {
        Some(id) => of_batch(conn, id, batch).await?,
        None => of_dry_run(batch, now),
    };
    if !batch.rows.is_empty() {
        import.last_from = batch.from;
        import.last_refused.clear();
    }
    for chunk in batch.rows.chunks(CHUNK) {
        let contacts = check(conn, rules, now, batch, chunk, &mut import).await?;
        if batch.import.is_some() {
            dl::insert(conn, &contacts).await?;
        }
        import.imported += contacts.len() as u64;
        import.rows += chunk.len() as u64;
        let told: usize = import.last_refused.iter().map(|refused| refused.why.len()).sum();
        if began.elapsed() > AT_ONCE || told > REFUSALS_AT_ONCE {
            break;
        }
    }
    import.finished = batch.finish && import.rows == batch.from + batch.rows.len() as u64;
    import.tm_update = now;
    save(conn, &import).await?;
    Ok(import)
}

/// The import that the batch belongs to, if it is its turn.
async fn of_batch(conn: &mut SqliteConnection, id: i64, batch: &Batch) -> Result<Import, Fault> {
    let found = query(OF_ID).bind(id).fetch_optional(conn).await?;
    let import = found.map(|row| read(&row)).transpose()?;
    let known = import.filter(|import| import.dlma_uuid == batch.dlma && !import.finished);
    let import = known.ok_or_else(|| {
        let dlma = batch.dlma;
        Refusal::Import(format!(
            "Import: {id} is no import under way into {dlma}; allowed: what the start gave"
        ))
    })?;
    if import.rows != batch.from {
        let (rows, from) = (import.rows, batch.from);
        return Err(Refusal::Import(format!(
            "From: {from} comes out of turn, row {rows} is next; allowed: one who imports this file at a time"
        ))
        .into());
    }
    Ok(import)
}

fn of_dry_run(batch: &Batch, now: Timestamp) -> Import {
    let source = Source { name: String::new(), content: None };
    let order = Order { dlma: batch.dlma, source, mapping: String::new(), again: false, dry_run: true };
    Import { rows: batch.from, ..Import::new(&order, now) }
}

/// The contacts of those rows; what makes none is noted as refused.
async fn check(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    batch: &Batch,
    rows: &[(Uuid, Row)],
    import: &mut Import,
) -> Result<Vec<Dl>, Fault> {
    let made: Vec<_> = rows.iter().map(|(uuid, row)| contact(rules, now, batch, *uuid, row)).collect();
    let mut ukeys = ukeys_taken(conn, batch.dlma, made.iter().flatten()).await?;
    let mut contacts = Vec::with_capacity(rows.len());
    for (made, row) in made.into_iter().zip(import.rows..) {
        let refused = match made {
            Ok(dl) => match dl.ukey.clone() {
                Some(ukey) if !ukeys.insert(ukey.clone()) => {
                    (DUPLICATE.to_owned(), Refusal::UkeyTaken { ukey }.to_string())
                }
                Some(_) | None => {
                    contacts.push(dl);
                    continue;
                }
            },
            Err(refused) => refused,
        };
        let (kind, why) = refused;
        import.refuse(RefusedRow { row, kind, why });
    }
    Ok(contacts)
}

/// The contact of a row, or what the row is refused as and why.
fn contact(
    rules: &Rules,
    now: Timestamp,
    batch: &Batch,
    uuid: Uuid,
    row: &Row,
) -> Result<Dl, (String, String)> {
    let values = match row {
        Row::Values(values) => values,
        Row::Unreadable { kind, why } => return Err((kind.clone(), why.clone())),
    };
    let fields = batch.fields(values);
    Dl::create(DlUuid::new(uuid), batch.dlma, &fields, &rules.policy, now).map_err(|error| {
        let (FieldError::Missing { field, .. } | FieldError::Invalid { field, .. }) = &error;
        let denied = field.starts_with("Number")
            && fields.raw(field).is_some_and(|number| rules.policy.refuses_number(number).is_some());
        (if denied { "denied number".to_owned() } else { field.clone() }, error.to_string())
    })
}

/// Which of their `UKey`s the list has already.
async fn ukeys_taken(
    conn: &mut SqliteConnection,
    dlma: DlmaUuid,
    contacts: impl Iterator<Item = &Dl>,
) -> Result<HashSet<String>, Fault> {
    let ukeys: Vec<&str> = contacts.filter_map(|dl| dl.ukey.as_deref()).collect();
    if ukeys.is_empty() {
        return Ok(HashSet::new());
    }
    let taken = query(UKEYS_TAKEN).bind(dlma.to_string()).bind(row::json("import", &ukeys)?);
    taken.fetch_all(conn).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

async fn save(conn: &mut SqliteConnection, import: &Import) -> Result<(), Fault> {
    let Some(id) = import.id else { return Ok(()) };
    query(GO_ON)
        .bind(id)
        .bind(whole(import.rows))
        .bind(whole(import.imported))
        .bind(row::json("import", &import.refused)?)
        .bind(whole(import.last_from))
        .bind(row::json("import", &import.last_refused)?)
        .bind(import.finished)
        .bind(import.tm_update.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Import, Fault> {
    let count = |column| -> Result<u64, Fault> { Ok(row.try_get::<i64, _>(column)?.unsigned_abs()) };
    let unread = |error: serde_json::Error| Fault::Row { noun: "import", what: error.to_string() };
    let refused: BTreeMap<String, u64> =
        serde_json::from_str(row.try_get::<&str, _>("refused")?).map_err(unread)?;
    let last_refused = serde_json::from_str(row.try_get::<&str, _>("last_refused")?).map_err(unread)?;
    let size: Option<i64> = row.try_get("size")?;
    let hash: Option<String> = row.try_get("hash")?;
    Ok(Import {
        id: Some(row.try_get("id")?),
        dlma_uuid: row::parsed("import", row, "dlma_uuid")?,
        source: Source { name: row.try_get("file")?, content: size.map(i64::unsigned_abs).zip(hash) },
        rows: count("rows")?,
        imported: count("imported")?,
        refused,
        last_from: count("last_from")?,
        last_refused,
        finished: row.try_get("finished")?,
        tm_create: row::parsed("import", row, "tm_create")?,
        tm_update: row::parsed("import", row, "tm_update")?,
    })
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
