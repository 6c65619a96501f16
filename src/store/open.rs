//! Opening: the url, the settings of the connections, migrations, and what the database held.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Row, SqlSafeStr, SqliteConnection, query};
use tokio::sync::mpsc;

use super::error::{Cause, Fault};
use super::file::{self, OpenFiles};
use super::health::{self, Healthy};
use super::writer::{Rules, Writer};
use super::{
    Opened, Recovered, SQLITE_AT_LEAST, Store, StoreError, StoreOptions, campaign, destination, dialing,
    dlma, outbox, pacing, plan, preview, row,
};

const READERS: u32 = 4;
const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success = 1 ORDER BY version";

pub(super) async fn open(options: StoreOptions, busy_timeout: Duration) -> Result<Opened, StoreError> {
    let path = path_of(&options.url)?;
    let at = |doing| {
        let path = &path;
        move |error: sqlx::Error| Fault::from(error).into_error(path, doing)
    };
    let settings = SqliteConnectOptions::new().filename(&path).busy_timeout(busy_timeout);
    let is_new = std::fs::metadata(&path).map_or(true, |found| found.len() == 0);
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
    migrate(&mut conn, &path, &MIGRATIONS).await?;
    let begun = begin(&mut conn, is_new, options.log_seq).await;
    let (was_clean, recovered) = begun.map_err(|fault| fault.into_error(&path, "reading at the start"))?;
    let (healthy, health) = Healthy::new(was_clean);
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_with(settings.read_only(true))
        .await
        .map_err(at("opening for reading"))?;
    let (writer, queue) = mpsc::unbounded_channel();
    let (answers, done) = mpsc::unbounded_channel();
    let store = Store { path: Arc::from(path.as_path()), readers, writer, healthy: healthy.clone() };
    let files = OpenFiles::of(&path);
    let rules = Rules { path: path.clone(), policy: options.policy, result: options.result };
    let writer = Writer { conn, busy_timeout, rules, files, healthy, broken: None, queue, done: answers };
    writer.start().map_err(sqlx::Error::Io).map_err(at("starting its writer"))?;
    Ok(Opened { store, done, recovered, health })
}

/// Takes up what the last run has left. Says whether that one closed the database in order.
async fn begin(conn: &mut SqliteConnection, is_new: bool, log_seq: i64) -> Result<(bool, Recovered), Fault> {
    preview::prepare(&mut *conn).await?;
    let was_clean = health::begin(conn).await? || is_new;
    if !was_clean {
        // What is read here may be in the kernel's memory only, where an earlier sync has failed. Moved on into the
        // database, it is written and synced anew before anything is decided on it.
        match query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *conn).await.map_err(Fault::from) {
            Err(Fault::Sql(why)) if Cause::of(&why) == Cause::Full => {
                warn!(%why, "the disk of the database is full");
            }
            moved => _ = moved?,
        }
    }
    let last_seq = outbox::last(&mut *conn).await?;
    if log_seq > last_seq {
        warn!(
            log = log_seq,
            database = last_seq,
            "the result log is ahead of the database: was an older database restored? whoever was dialled since would be \
             dialled again, so every campaign is paused, and new lines repeat numbers. Compare both, mend the contacts, \
             move the old log, with what was rotated from it, to another directory, and start the campaigns"
        );
        for paused in campaign::pause_all(&mut *conn).await? {
            warn!(campaign = paused, "paused, for the database is older than the result log");
        }
    }
    Ok((was_clean, recover(conn).await?))
}

/// The file that the url names; its directory must be there.
pub(super) fn path_of(url: &str) -> Result<PathBuf, StoreError> {
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

/// One step of what makes the tables: its number, its name, its SQL.
pub(super) type Step = (i64, &'static str, &'static str);

/// What makes the tables, step by step; each is run once.
pub(super) const MIGRATIONS: [Step; 11] = [
    (1, "tables", include_str!("../../migrations/sqlite/0001_tables.sql")),
    (2, "held", include_str!("../../migrations/sqlite/0002_held.sql")),
    (3, "schedule", include_str!("../../migrations/sqlite/0003_schedule.sql")),
    (4, "import", include_str!("../../migrations/sqlite/0004_import.sql")),
    (5, "retry", include_str!("../../migrations/sqlite/0005_retry.sql")),
    (6, "failover", include_str!("../../migrations/sqlite/0006_failover.sql")),
    (7, "power", include_str!("../../migrations/sqlite/0007_power.sql")),
    (8, "abandonment", include_str!("../../migrations/sqlite/0008_abandonment.sql")),
    (9, "calling", include_str!("../../migrations/sqlite/0009_calling.sql")),
    (11, "pacing", include_str!("../../migrations/sqlite/0011_pacing.sql")),
    (12, "destination_queue", include_str!("../../migrations/sqlite/0012_destination_queue.sql")),
];

/// The steps that have been run; without a table of them, none.
async fn applied(conn: &mut SqliteConnection) -> Vec<i64> {
    let rows = query(APPLIED).fetch_all(conn).await.unwrap_or_default();
    rows.iter().filter_map(|row| row.try_get(0).ok()).collect()
}

/// Whether the tables are those of this version.
pub(super) async fn is_up_to_date(conn: &mut SqliteConnection) -> bool {
    applied(conn).await.into_iter().eq(MIGRATIONS.iter().map(|(version, ..)| *version))
}

/// Brings the tables up to date. Before a change of what is there a copy is made.
pub(super) async fn migrate(
    conn: &mut SqliteConnection,
    path: &Path,
    steps: &[Step],
) -> Result<(), StoreError> {
    let applied = applied(conn).await;
    let knows = |version: &i64| steps.iter().any(|(known, ..)| known == version);
    if let Some(unknown) = applied.iter().find(|version| !knows(version)) {
        let what = format!("its tables are of version {unknown}, which this astout does not know");
        return Err(StoreError::Schema { path: path.to_owned(), what });
    }
    let pending =
        steps.iter().filter(|(version, ..)| !applied.contains(version)).map(|(version, ..)| version);
    if let Some(newest) = pending.max().filter(|_| !applied.is_empty()) {
        let backup = file::beside(path, &format!(".before-{newest}"));
        if !backup.exists() {
            file::copy(conn, path, &backup).await?;
            info!(backup = %backup.display(), "copied the database before its tables are changed");
        }
    }
    let migrations = steps.iter().map(|(version, name, sql)| {
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
        pools: pacing::all(conn).await?,
        logged_seq: outbox::last_logged(&mut *conn).await?,
        last_seq: outbox::last(conn).await?,
    })
}
