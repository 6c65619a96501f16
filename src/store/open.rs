//! Opening: the url, the settings of the connections, migrations, and what the database held.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Row, SqlSafeStr, SqliteConnection, query};
use tokio::sync::mpsc;

use super::error::Fault;
use super::writer::{Rules, Writer};
use super::{
    Opened, Recovered, SQLITE_AT_LEAST, Store, StoreError, StoreOptions, campaign, destination, dialing,
    dlma, outbox, plan, row,
};

const READERS: u32 = 4;
pub(super) async fn open(options: StoreOptions, busy_timeout: Duration) -> Result<Opened, StoreError> {
    let path = path_of(&options.url)?;
    let at = |doing| {
        let path = &path;
        move |error: sqlx::Error| Fault::from(error).into_error(path, doing)
    };
    let settings = SqliteConnectOptions::new().filename(&path).busy_timeout(busy_timeout);
    let mut conn = settings
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL may lose the last commits on power loss, and that is a double dial.
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .map_err(at("opening"))?;
    check_version(&mut conn).await.map_err(|fault| fault.into_error(&path, "opening"))??;
    migrate(&mut conn, &path).await?;
    let recovered =
        recover(&mut conn).await.map_err(|fault| fault.into_error(&path, "reading at the start"))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_with(settings.read_only(true))
        .await
        .map_err(at("opening for reading"))?;
    let (writer, queue) = mpsc::unbounded_channel();
    let (answers, done) = mpsc::unbounded_channel();
    let store = Store { path: Arc::from(path.as_path()), readers, writer };
    let rules = Rules { path, policy: options.policy, result: options.result };
    tokio::spawn(Writer { conn, busy_timeout, rules, queue, done: answers }.run());
    Ok(Opened { store, done, recovered })
}

/// The file that the url names; its directory must be there.
fn path_of(url: &str) -> Result<PathBuf, StoreError> {
    let path = url
        .strip_prefix("sqlite://")
        .filter(|path| !path.is_empty() && !path.ends_with('/') && !path.starts_with(':'))
        .map(PathBuf::from)
        .ok_or_else(|| StoreError::Url { url: url.to_owned() })?;
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() && !directory.is_dir() => {
            let directory = directory.to_owned();
            Err(StoreError::NoDirectory { path, directory })
        }
        Some(_) | None => Ok(path),
    }
}

async fn check_version(conn: &mut SqliteConnection) -> Result<Result<(), StoreError>, Fault> {
    let found: String = query("SELECT sqlite_version()").fetch_one(conn).await?.try_get(0)?;
    let parts =
        |version: &str| version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
    let new_enough = parts(&found) >= parts(SQLITE_AT_LEAST);
    Ok(if new_enough { Ok(()) } else { Err(StoreError::OldSqlite { found }) })
}

/// What makes the tables, step by step; each is run once.
const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "tables", include_str!("../../migrations/sqlite/0001_tables.sql")),
    (2, "held", include_str!("../../migrations/sqlite/0002_held.sql")),
    (3, "schedule", include_str!("../../migrations/sqlite/0003_schedule.sql")),
    (4, "import", include_str!("../../migrations/sqlite/0004_import.sql")),
];

async fn migrate(conn: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
        .run_direct(None, conn, false)
        .await
        .map_err(|error| StoreError::Schema { path: path.to_owned(), what: error.to_string() })
}

async fn recover(conn: &mut SqliteConnection) -> Result<Recovered, Fault> {
    Ok(Recovered {
        plans: row::records(&query(plan::ALL).fetch_all(&mut *conn).await?)?,
        dlmas: row::records(&query(dlma::ALL).fetch_all(&mut *conn).await?)?,
        destinations: row::records(&query(destination::ALL).fetch_all(&mut *conn).await?)?,
        campaigns: row::records(&query(campaign::ALL).fetch_all(&mut *conn).await?)?,
        open_dialings: dialing::open_dialings(conn).await?,
        logged_seq: outbox::last_logged(&mut *conn).await?,
        last_seq: outbox::last(conn).await?,
    })
}
