//! Opening, and what is said where that fails.

use super::*;

async fn refused(url: String) -> String {
    let options = StoreOptions { url, policy: Policy::default(), result: ResultOptions::default() };
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
    assert!(error.contains("schema does not fit"), "{error}");
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
