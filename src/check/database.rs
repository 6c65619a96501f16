//! The database, opened for reading: one transaction, and temporary tables that it never sees.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row, SqliteConnection, query};

use super::CheckError;

/// Tables that this asks for.
const TABLES: &str = "SELECT count(*) FROM sqlite_master
    WHERE type = 'table' AND name IN ('dialing', 'dl_list', 'dl_rung', 'capsule', 'outbox', 'logpos', 'meta', 'campaign')";
const LOGGED: &str = "SELECT seq FROM logpos WHERE id = 1";
/// The first read of a transaction is what fixes its view.
const FIX: &str = "SELECT value FROM meta WHERE key = 'last_seq'";

/// An open database.
pub(super) struct Database {
    /// Where queries go.
    pub(super) conn: SqliteConnection,
    path: PathBuf,
}

impl Database {
    /// Opens it; it has to have astout's tables.
    pub(super) async fn open(path: &Path) -> Result<Self, CheckError> {
        let failed = |why| CheckError::Database { path: path.to_owned(), why };
        std::fs::metadata(path).map_err(|why| CheckError::File { path: path.to_owned(), why })?;
        let conn = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            // Each row is a trip to SQLite's thread but for those that wait here.
            .row_buffer_size(2048)
            .busy_timeout(Duration::from_secs(5))
            // What is sorted and remembered goes to temporary files, however large the database is.
            .pragma("temp_store", "FILE")
            .connect()
            .await
            .map_err(failed)?;
        let mut database = Self { conn, path: path.to_owned() };
        let tables: i64 = database.one(TABLES).await?;
        if tables < 8 {
            return Err(failed(sqlx::Error::Protocol("it has not the tables of astout".to_owned())));
        }
        Ok(database)
    }

    /// From here on everything is read as it is at this moment.
    pub(super) async fn begin(&mut self) -> Result<(), CheckError> {
        let begun = query("BEGIN").execute(&mut self.conn).await;
        begun.map_err(self.failed())?;
        self.last_seq().await?;
        Ok(())
    }

    /// Up to which line the log is known to be on disk.
    pub(super) async fn logged(&mut self) -> Result<i64, CheckError> {
        self.one(LOGGED).await
    }

    /// The number of the last line that there is.
    pub(super) async fn last_seq(&mut self) -> Result<i64, CheckError> {
        self.one(FIX).await
    }

    /// The one number that a query gives.
    pub(super) async fn one(&mut self, sql: &'static str) -> Result<i64, CheckError> {
        let row = query(sql).fetch_one(&mut self.conn).await;
        row.and_then(|row| row.try_get(0)).map_err(self.failed())
    }

    /// What an error of SQLite becomes.
    pub(super) fn failed(&self) -> impl Fn(sqlx::Error) -> CheckError + use<> {
        let path = self.path.clone();
        move |why| CheckError::Database { path: path.clone(), why }
    }
}
