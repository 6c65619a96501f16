//! The files of the database as the file system has them: whether they are still those that were opened, how long the
//! write-ahead log is, and copies.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sqlx::{SqliteConnection, query};

use super::StoreError;
use super::error::Fault;

/// A write-ahead log as long as this is told of.
const LONG_LOG: u64 = 64 * 1024 * 1024;

/// Device and inode.
type Identity = (u64, u64);

/// The files that are open.
#[derive(Debug)]
pub(super) struct OpenFiles {
    path: PathBuf,
    log: PathBuf,
    opened: Option<Identity>,
    /// Where it was there.
    opened_log: Option<Identity>,
    told_of_log: bool,
}

impl OpenFiles {
    /// Of a database that is open.
    pub(super) fn of(path: &Path) -> Self {
        let log = beside(path, "-wal");
        let (opened, opened_log) = (identity(path), identity(&log));
        Self { path: path.to_owned(), log, opened, opened_log, told_of_log: false }
    }

    /// Whether their names still lead to them. SQLite does not look, and writes on into a file that nobody finds.
    pub(super) fn are_there(&self) -> bool {
        identity(&self.path) == self.opened
            && (self.opened_log.is_none() || identity(&self.log) == self.opened_log)
    }

    /// Says it when the write-ahead log has become long: only a reader that does not end keeps it from being emptied.
    pub(super) fn watch_log(&mut self) {
        let len = fs::metadata(&self.log).map_or(0, |log| log.len());
        if !self.told_of_log && len > LONG_LOG {
            self.told_of_log = true;
            tracing::warn!(
                "database {}: its write-ahead log has {} MB, for a reader keeps it from being emptied: end the transaction \
                 of whichever program has the database open",
                self.path.display(),
                len / (1024 * 1024)
            );
        } else if len < LONG_LOG / 2 {
            self.told_of_log = false;
        }
    }
}

/// The name of a file that goes with the database.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Writes a copy of what the connection sees, synced. Nothing that is there is written over.
pub(super) async fn copy(conn: &mut SqliteConnection, from: &Path, to: &Path) -> Result<(), StoreError> {
    let copied = query("VACUUM INTO ?1").bind(to.to_string_lossy().into_owned()).execute(conn).await;
    copied.map_err(|error| Fault::from(error).into_error(from, "copying"))?;
    let synced = fs::File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| Fault::from(sqlx::Error::Io(error)).into_error(to, "copying"))
}

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|found: Metadata| (found.dev(), found.ino()))
}
