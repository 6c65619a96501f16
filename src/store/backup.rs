//! A copy of the database for a backup, made while others write, and what is done to one that comes back.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, query};

use super::error::Fault;
use super::open::{self, MIGRATIONS};
use super::{BUSY_TIMEOUT, StoreError, campaign, file, outbox};

/// How long a lock of somebody else's is waited for.
const PATIENCE: Duration = BUSY_TIMEOUT;

/// Copies the database as it is at one moment; gives the number of its last result line. `to` may be there, empty.
///
/// # Errors
/// Where it cannot be read, or the copy not be written.
pub async fn copy(database: &Path, to: &Path) -> Result<i64, StoreError> {
    let mut conn = connect(database).await?;
    file::copy(&mut conn, database, to).await?;
    let closed = conn.close().await;
    closed.map_err(|error| Fault::from(error).into_error(database, "closing"))?;
    let mut copied = connect(to).await?;
    let last = outbox::last(&mut copied).await.map_err(|fault| fault.into_error(to, "reading the copy"))?;
    let closed = copied.close().await;
    closed.map_err(|error| Fault::from(error).into_error(to, "closing"))?;
    Ok(last)
}

/// Makes a copy ready to be the database again: it has to be whole, and of tables that this version knows. Whoever was
/// dialled since it was made would be dialled again, so every campaign is paused; gives their names.
///
/// # Errors
/// Where it is damaged, or newer than this program.
pub async fn make_ready(copy: &Path) -> Result<Vec<String>, StoreError> {
    let mut conn = connect(copy).await?;
    let failed = |fault: Fault| fault.into_error(copy, "looking at the backup");
    let found = integrity(&mut conn).await.map_err(failed)?;
    if found != ["ok"] {
        return Err(StoreError::Damaged { path: copy.to_owned(), what: found.join("; ") });
    }
    open::migrate(&mut conn, copy, &MIGRATIONS).await?;
    let paused = campaign::pause_all(&mut conn).await.map_err(failed)?;
    conn.close().await.map_err(|error| failed(error.into()))?;
    Ok(paused)
}

async fn connect(path: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE);
    options.connect().await.map_err(|error| Fault::from(error).into_error(path, "opening"))
}

async fn integrity(conn: &mut SqliteConnection) -> Result<Vec<String>, Fault> {
    let rows = query("PRAGMA integrity_check(3)").fetch_all(conn).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
