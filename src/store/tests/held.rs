//! Ends that nobody saw: the contact is due at once, or held until a person says so.

use super::*;
use crate::engine::Outlook;
use crate::model::codes::DlStatus;

/// Ends the attempt as one whose end nobody saw.
async fn unknown(lab: &mut Lab, attempt: &Arc<Attempt>, next_try: NextTry) -> Dl {
    let Command::Finish(ending) = ending(attempt, Outcome::Unknown, lab.now) else { unreachable!() };
    match lab.run(Command::Finish(Box::new(Ending { next_try, ..*ending }))).await {
        Done::Finished { dl, .. } => dl,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_retry_is_a_try_that_is_due_at_once() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "3600"), ("MaxRetry1", "2")]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    let attempt = lab.claim_one(&capsule).await;
    let dl = unknown(&mut lab, &attempt, NextTry::AtOnce).await;
    assert_eq!((dl.trycnt, dl.shown_status(), dl.tm_last_hangup), (1, DlStatus::Idle, Some(lab.now)));
    let again = lab.claim_one(&capsule).await;
    assert_eq!(again.try_count, 2);
    unknown(&mut lab, &again, NextTry::AtOnce).await;
    assert!(lab.claim(&capsule, 1).await.dialings.is_empty(), "its tries are used up");
}

#[tokio::test]
async fn a_held_contact_is_neither_due_nor_awaited_and_is_shown_and_counted() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "0")]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    let attempt = lab.claim_one(&capsule).await;
    let dl = unknown(&mut lab, &attempt, NextTry::Held).await;
    assert_eq!((dl.shown_status(), dl.status, dl.trycnt), (DlStatus::Held, DlStatus::Idle, 1));
    lab.now = seconds(100_000);
    let claimed = lab.claim(&capsule, 1).await;
    assert!(claimed.dialings.is_empty());
    assert_eq!(claimed.outlook, Outlook::default());
    let stat = lab.store.stat(capsule.campaign.uuid).await.unwrap().unwrap();
    assert_eq!((stat.total, stat.held, stat.available, stat.finished), (1, 1, 0, 0));
    assert_eq!(lab.number("SELECT held FROM dl_rung WHERE rung = '1'").await, 1);
}

#[tokio::test]
async fn an_operator_releases_a_contact_and_holds_one() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "0")]).await;
    let uuid = lab.contact(&capsule, &[("Number1", "1")]).await.to_string();
    let attempt = lab.claim_one(&capsule).await;
    // While it is being dialled it can be held, and whoever writes back what was shown changes nothing.
    lab.update(NounKind::Dl, &[("Uuid", &uuid), ("Status", "2")]).await.unwrap();
    lab.update(NounKind::Dl, &[("Uuid", &uuid), ("Status", "1")]).await.unwrap();
    let (dl, ..) = lab.finish(&attempt, Outcome::Busy).await;
    assert_eq!(dl.shown_status(), DlStatus::Held);
    assert!(lab.claim(&capsule, 1).await.dialings.is_empty());
    lab.update(NounKind::Dl, &[("Uuid", &uuid), ("Status", "2"), ("Name", "x")]).await.unwrap();
    for wrong in ["1", "3", "x", ""] {
        let refused = lab.update(NounKind::Dl, &[("Uuid", &uuid), ("Status", wrong)]).await.unwrap_err();
        assert!(refused.to_string().contains("Status"), "{refused}");
    }
    lab.update(NounKind::Dl, &[("Uuid", &uuid), ("Status", "0")]).await.unwrap();
    assert_eq!(lab.claim_one(&capsule).await.try_count, 2);
}

#[tokio::test]
async fn a_database_from_before_there_were_held_contacts_is_brought_up() {
    use sqlx::migrate::{Migration, MigrationType, Migrator};
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection, SqlSafeStr, query};

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("astout.sqlite3");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut old = options.connect().await.unwrap();
    let tables = include_str!("../../../migrations/sqlite/0001_tables.sql").into_sql_str();
    let first = Migration::new(1, "tables".into(), MigrationType::Simple, tables, false);
    Migrator::with_migrations(vec![first]).run_direct(None, &mut old, false).await.unwrap();
    let list = "11111111-2222-4333-8444-555555555555";
    for (uuid, status) in
        [("a1111111-2222-4333-8444-555555555555", 0), ("b1111111-2222-4333-8444-555555555555", 1)]
    {
        let contact = "INSERT INTO dl_list (uuid, dlma_uuid, status, number_1) VALUES (?1, ?2, ?3, '1')";
        query(contact).bind(uuid).bind(list).bind(status).execute(&mut old).await.unwrap();
    }
    old.close().await.unwrap();

    let url = format!("sqlite://{}", path.display());
    let options =
        StoreOptions { url, policy: Policy::default(), result: ResultOptions::default(), log_seq: 0 };
    let opened = Store::open(options).await.unwrap();
    let mut look = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    query("UPDATE dl_list SET held = 1").execute(&mut look).await.unwrap();
    let counted = "SELECT waiting || dialing || answered || held FROM dl_rung";
    let counted: String = query(counted).fetch_one(&mut look).await.unwrap().get(0);
    assert_eq!(counted, "0101");
    opened.store.close().await.unwrap();
}
