//! Takes over the database of an original installation: each row as it is or not at all, all of them in one transaction.
//! A row whose uuid is here already is left alone, so that a second run takes nothing twice.

mod columns;
mod loose;
mod moving;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, query};

use self::moving::{Moving, Trouble};
use super::error::Fault;
use super::{Store, StoreError, StoreOptions, open};
use crate::model::refusal::NounKind;
use crate::model::time::Timestamp;

/// Without these it is no database of an original.
const TABLES: [&str; 4] = ["plan", "dl_list_ma", "campaign", "dl_list"];

/// What is to be taken over.
#[derive(Debug)]
pub struct Order<'a> {
    /// The original's file.
    pub from: &'a Path,
    /// Whether contacts whose call nobody saw the end of wait for a person to decide.
    pub hold_unknown: bool,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// When it is taken over.
    pub now: Timestamp,
}

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// There is such a file, and it is another's.
    #[error("{path}: {what}")]
    NotAnOriginal {
        /// The file.
        path: PathBuf,
        /// What it is, or lacks.
        what: String,
    },
    /// The original's file cannot be read.
    #[error("{path}: {what}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        what: String,
    },
    /// Our own database cannot be opened, or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What has become of the rows.
#[derive(Debug, Default)]
pub struct Report {
    /// By kind of noun.
    pub parts: BTreeMap<NounKind, Part>,
    /// Rows that were not taken.
    pub refused: Vec<Told>,
    /// Rows that were taken, and what has to be known of them.
    pub notes: Vec<Told>,
    /// Contacts that were being dialled when the original ended.
    pub interrupted: u64,
}

/// How many rows of a kind there were.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// In the original.
    pub there: u64,
    /// Taken.
    pub taken: u64,
    /// Here already.
    pub known: u64,
    /// Deleted in the original, and so left there.
    pub deleted: u64,
    /// Not taken for what they hold.
    pub refused: u64,
}

/// Something that is told of one row.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// Its kind.
    pub kind: NounKind,
    /// Its uuid, as the original has it.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// What is told: for a row that was not taken the field, and what is allowed.
    pub what: String,
}

/// Takes over what the original's file holds. Nobody else may have our database open for writing.
///
/// # Errors
/// Where either database cannot be read or written; then nothing was taken.
pub async fn take_over(options: StoreOptions, order: &Order<'_>) -> Result<Report, Wrong> {
    let unread =
        |error: sqlx::Error| Wrong::Unreadable { path: order.from.to_owned(), what: error.to_string() };
    let settings = SqliteConnectOptions::new().filename(order.from).read_only(true);
    let mut from = settings.connect().await.map_err(unread)?;
    // What is read in one transaction fits together.
    query("BEGIN").execute(&mut from).await.map_err(unread)?;
    let tables = tables(&mut from).await.map_err(unread)?;
    check(&tables).map_err(|what| Wrong::NotAnOriginal { path: order.from.to_owned(), what })?;
    let path = open::path_of(&options.url)?;
    let policy = options.policy.clone();
    let mut to = open_ours(options, &path, order.dry_run).await?;
    let failed = |fault: Fault| fault.into_error(&path, "taking over an original installation");
    let sql = |error: sqlx::Error| failed(error.into());
    query("BEGIN IMMEDIATE").execute(&mut to).await.map_err(sql)?;
    let moved = Moving::new(&mut from, &mut to, policy, order, tables).run().await;
    let report = moved.map_err(|error| match error {
        Trouble::Ours(fault) => Wrong::Store(failed(fault)),
        Trouble::Theirs(error) => unread(error),
    })?;
    let end = if order.dry_run { "ROLLBACK" } else { "COMMIT" };
    query(end).execute(&mut to).await.map_err(sql)?;
    to.close().await.map_err(sql)?;
    Ok(report)
}

/// The tables and views of a database, by name: whether each is a table.
async fn tables(conn: &mut SqliteConnection) -> Result<BTreeMap<String, bool>, sqlx::Error> {
    let rows =
        query("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')").fetch_all(conn).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<&str, _>(1)? == "table"))).collect()
}

fn check(tables: &BTreeMap<String, bool>) -> Result<(), String> {
    if tables.contains_key("_sqlx_migrations") {
        return Err(
            "it is astout's own database, not an original installation's; copy the file as it is".to_owned()
        );
    }
    match TABLES.iter().find(|table| !tables.contains_key(**table)) {
        Some(table) => Err(format!("it is no original installation's database: it has no table {table}")),
        None => Ok(()),
    }
}

/// Our database, its tables up to date. A dry run makes and changes none.
async fn open_ours(
    options: StoreOptions,
    path: &Path,
    dry_run: bool,
) -> Result<SqliteConnection, StoreError> {
    let at = |error: sqlx::Error| Fault::from(error).into_error(path, "opening");
    let settings = SqliteConnectOptions::new().filename(path);
    if !dry_run {
        // Opened as ever, so that it is made, checked and brought up to date as ever.
        Store::open(options).await?.store.close().await?;
        return settings.connect().await.map_err(at);
    }
    if !path.exists() {
        let mut empty = SqliteConnectOptions::new().in_memory(true).connect().await.map_err(at)?;
        open::migrate(&mut empty, path, &open::MIGRATIONS).await?;
        return Ok(empty);
    }
    let mut conn = settings.connect().await.map_err(at)?;
    if open::is_up_to_date(&mut conn).await { Ok(conn) } else { Err(outdated(path)) }
}

fn outdated(path: &Path) -> StoreError {
    let what = "they are of an older one, and a dry run changes none: start this version once, or leave --dry-run out";
    StoreError::Schema { path: path.to_owned(), what: what.to_owned() }
}
