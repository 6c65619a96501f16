//! Opening, and what is said where that fails.

use super::*;

async fn refused(url: String) -> String {
    let options =
        StoreOptions { url, policy: Policy::default(), result: ResultOptions::default(), log_seq: 0 };
    Store::open(options).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_url_that_is_none_of_ours_is_refused_with_what_is_allowed() {
    for url in ["", "postgres://x", "sqlite:", "sqlite://", "sqlite:///", "sqlite://:memory:", "/var/x"] {
        let error = refused(url.to_owned()).await;
        assert!(error.contains("allowed: sqlite:///absolute/path"), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = refused(format!("sqlite://{}/no/astout.sqlite3", directory.path().display())).await;
    assert!(error.contains("/no does not exist"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_to_be_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    std::fs::write(&path, "no database, but long enough to have a header of SQLite's own size".repeat(20))
        .unwrap();
    let error = refused(format!("sqlite://{}", path.display())).await;
    assert!(error.contains("restore a backup"), "{error}");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let lab = lab().await;
    let sql = "INSERT INTO _sqlx_migrations VALUES (999, 'later', '2030-01-01', 1, x'00', 1)";
    lab.sql(sql).await.unwrap();
    let url = format!("sqlite://{}", lab.directory.path().join("astout.sqlite3").display());
    lab.store.close().await.unwrap();
    let error = refused(url).await;
    assert!(error.contains("schema does not fit") && error.contains("version 999"), "{error}");
}

#[tokio::test]
async fn commits_are_synced_to_disk_and_the_log_is_emptied_at_the_end() {
    let mut lab = lab().await;
    lab.create(NounKind::Plan, &[]).await.unwrap();
    let wal = lab.directory.path().join("astout.sqlite3-wal");
    assert!(std::fs::metadata(&wal).unwrap().len() > 0);
    let directory = lab.directory;
    lab.store.close().await.unwrap();
    assert!(std::fs::metadata(&wal).map_or(0, |file| file.len()) == 0);
    drop(directory);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let mut lab = lab().await;
    let other = lab.store.clone();
    lab.store.close().await.unwrap();
    assert!(matches!(other.plans().await, Err(StoreError::Closed { .. })));
    other.submit(1, lab.now, Command::Logged { seq: 1 });
    assert!(lab.done.recv().await.is_none());
    assert!(matches!(other.close().await, Err(StoreError::Closed { .. })));
}

async fn word_of(lab: &mut Lab) -> Health {
    tokio::time::timeout(Duration::from_secs(30), lab.health.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_was_not_closed_in_order_is_looked_at_and_what_was_is_not() {
    let lab = lab().await.reopened().await;
    assert!(lab.healthy_at_once());
    // As a kill leaves it.
    lab.store.close().await.unwrap();
    let path = lab.directory.path().join("astout.sqlite3");
    let mut conn = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    query("UPDATE meta SET value = 0 WHERE key = 'clean_shutdown'").execute(&mut conn).await.unwrap();
    let directory = lab.directory;
    let mut lab = opened(directory).await;
    assert!(matches!(word_of(&mut lab).await, Health::Suspect));
    // Stopped before it was looked at: still suspect.
    let mut lab = lab.reopened().await;
    assert!(matches!(word_of(&mut lab).await, Health::Suspect));
    lab.store.check_health().await;
    assert!(matches!(word_of(&mut lab).await, Health::Whole));
    assert!(lab.reopened().await.healthy_at_once());
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_of_and_what_it_held_is_saved() {
    let mut lab = lab().await;
    lab.create(NounKind::Plan, &[("Name", "kept")]).await.unwrap();
    let path = lab.directory.path().join("astout.sqlite3");
    std::fs::remove_file(&path).unwrap();
    let create = Command::Create { kind: NounKind::Plan, uuid: Uuid::new_v4(), fields: fields(&[]) };
    let Done::Failed(error) = lab.run(create.clone()).await else { panic!("claimed as kept") };
    assert!(error.is_final() && error.to_string().contains("deleted or replaced"), "{error}");
    assert!(matches!(word_of(&mut lab).await, Health::Broken(StoreError::Replaced { rescued: Some(_), .. })));
    std::fs::write(&path, "").unwrap();
    assert!(matches!(lab.run(create).await, Done::Failed(_)));
    assert!(lab.store.close().await.is_err());

    std::fs::rename(lab.directory.path().join("astout.sqlite3.rescued"), &path).unwrap();
    for left in ["astout.sqlite3-wal", "astout.sqlite3-shm"] {
        drop(std::fs::remove_file(lab.directory.path().join(left)));
    }
    let plans = opened(lab.directory).await.store.plans().await.unwrap();
    assert_eq!(plans[0].name.as_deref(), Some("kept"));
}

#[tokio::test]
async fn an_idle_database_that_is_gone_is_told_of_too() {
    let mut lab = lab().await;
    std::fs::remove_file(lab.directory.path().join("astout.sqlite3-wal")).unwrap();
    assert!(matches!(word_of(&mut lab).await, Health::Broken(StoreError::Replaced { .. })));
}

#[tokio::test]
async fn a_database_that_is_older_than_the_log_has_its_campaigns_paused() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    let url = format!("sqlite://{}", lab.directory.path().join("astout.sqlite3").display());
    lab.store.close().await.unwrap();
    for (log_seq, status) in [(0, CampaignStatus::Start), (1, CampaignStatus::Pause)] {
        let options = StoreOptions {
            url: url.clone(),
            policy: Policy::default(),
            result: ResultOptions::default(),
            log_seq,
        };
        let opened = Store::open(options).await.unwrap();
        let campaign = opened.recovered.campaigns.iter().find(|found| found.uuid == capsule.campaign.uuid);
        assert_eq!(campaign.unwrap().status, status);
        opened.store.close().await.unwrap();
    }
}

#[tokio::test]
async fn before_tables_are_changed_a_copy_is_made() {
    let mut lab = lab().await;
    lab.create(NounKind::Plan, &[]).await.unwrap();
    let path = lab.directory.path().join("astout.sqlite3");
    let mut conn = lab.foreign().await;
    let mut steps = open::MIGRATIONS.to_vec();
    steps.push((900, "later", "ALTER TABLE plan ADD COLUMN later TEXT"));
    open::migrate(&mut conn, &path, &steps).await.unwrap();
    let copy = SqliteConnectOptions::new().filename(lab.directory.path().join("astout.sqlite3.before-900"));
    let mut copy = copy.connect().await.unwrap();
    let columns = "SELECT count(*) FROM pragma_table_info('plan') WHERE name = 'later'";
    let has_later = |row: sqlx::sqlite::SqliteRow| row.try_get::<i64, _>(0).unwrap();
    assert_eq!(has_later(query(columns).fetch_one(&mut copy).await.unwrap()), 0);
    assert_eq!(has_later(query(columns).fetch_one(&mut conn).await.unwrap()), 1);
    assert_eq!(has_later(query("SELECT count(*) FROM plan").fetch_one(&mut copy).await.unwrap()), 1);
}

#[tokio::test]
async fn contacts_of_an_earlier_version_stand_where_they_stood() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("astout.sqlite3");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut conn = options.connect().await.unwrap();
    open::migrate(&mut conn, &path, &open::MIGRATIONS[..8]).await.unwrap();
    let made = "INSERT INTO dl_list_ma (uuid, dl_table, tm_create) VALUES ('b0000000-0000-4000-8000-000000000000', 'x', '2023-11-14T00:00:00.000000000Z');
        CREATE VIEW \"a list\" AS SELECT * FROM dl_list WHERE in_use = 1;
        INSERT INTO dl_list (uuid, dlma_uuid, number_1, trycnt_1, last_outcome, fault_number, faultcnt, last_end, tm_create)
        SELECT printf('%08d-0000-4000-8000-000000000000', value), 'b0000000-0000-4000-8000-000000000000', '300', value % 3,
            iif(value % 2, 'busy', NULL), value % 4 = 3, value % 4 = 3, value * 1000000, '2023-11-14T00:00:00.000000000Z'
        FROM json_each('[1, 2, 3, 4, 5, 6, 7, 8]')";
    sqlx::raw_sql(made).execute(&mut conn).await.unwrap();
    let rungs = "SELECT group_concat(rung || past || ':' || waiting) FROM (SELECT * FROM dl_rung ORDER BY rung, past)";
    let text = async |conn: &mut SqliteConnection, sql| {
        query(sql).fetch_one(conn).await.unwrap().get::<Option<String>, _>(0)
    };
    let before = text(&mut conn, rungs).await;
    assert!(before.as_deref().is_some_and(|rungs| rungs.contains("1busy 1:1:1")), "{before:?}");
    sqlx::Connection::close(conn).await.unwrap();

    let lab = opened(directory).await;
    let mut conn = lab.foreign().await;
    assert_eq!(text(&mut conn, rungs).await, before);
    let turns = "SELECT count(*) FROM \"a list\" WHERE turn = last_end AND put_off_by IS NULL";
    assert_eq!(lab.number(turns).await, 8);
    assert_eq!(
        lab.store.dls("b0000000-0000-4000-8000-000000000000".parse().ok(), 9, None).await.unwrap().len(),
        8
    );
}
