//! What can go wrong with the database, said so that an operator knows what to do: what, where, and the way out.

use std::path::{Path, PathBuf};

use crate::model::fields::FieldError;
use crate::model::refusal::Refusal;

/// Why the database could not be opened, or why a command or a read failed. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// `[database] url` is not one of ours.
    #[error(
        "[database] url: \"{url}\" is not allowed; allowed: sqlite:///absolute/path or sqlite://relative/path"
    )]
    Url {
        /// As it was given.
        url: String,
    },
    /// The file cannot be made, its directory is not there.
    #[error("database {path}: the directory {directory} does not exist; create it, writable for astout")]
    NoDirectory {
        /// The database.
        path: PathBuf,
        /// What is missing.
        directory: PathBuf,
    },
    /// The SQLite in this program is too old.
    #[error(
        "SQLite {found} is too old: astout needs {} or later (it was built against a system library)",
        super::SQLITE_AT_LEAST
    )]
    OldSqlite {
        /// What it is.
        found: String,
    },
    /// The tables are not those that this version makes.
    #[error(
        "database {path}: its schema does not fit this version of astout ({what}); use the version that wrote it, or restore a backup"
    )]
    Schema {
        /// The database.
        path: PathBuf,
        /// What SQLite or the migration said.
        what: String,
    },
    /// SQLite said no.
    #[error("database {path}: {doing}: {what}{}", .cause.advice())]
    Database {
        /// The database.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        what: String,
        /// Which kind of trouble it is.
        cause: Cause,
    },
    /// The file that was opened is no longer the one of that name.
    #[error(
        "database {path}: it was deleted or replaced while astout ran; nothing that is written now would be kept{}. Put the \
         right one in its place, without the -wal and -shm files of this one, then start astout again",
        rescued.as_ref().map_or_else(String::new, |rescued| format!("; what was in it is in {}", rescued.display()))
    )]
    Replaced {
        /// The database.
        path: PathBuf,
        /// Where a copy of what it held is, if one could be made.
        rescued: Option<PathBuf>,
    },
    /// What is in the file does not fit together.
    #[error(
        "database {path}: it is damaged, and nothing is dialled: {what}. Stop astout and restore a backup, or have \
         sqlite3 save what it can: sqlite3 {path} .recover | sqlite3 mended.sqlite3"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// The first things that SQLite found.
        what: String,
    },
    /// A read was given up.
    #[error("database {path}: {doing} took longer than {} s and was given up; ask for less", super::READ_TIMEOUT.as_secs())]
    Slow {
        /// The database.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// A row holds what astout does not write.
    #[error("database {path}: a row of {noun} cannot be read: {what}; mend or delete the row")]
    Row {
        /// The database.
        path: PathBuf,
        /// What the row should be.
        noun: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The store was closed.
    #[error("database {path}: closed; astout is stopping")]
    Closed {
        /// The database.
        path: PathBuf,
    },
}

/// The kinds of trouble that a database has, told apart where the way out differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No space is left.
    Full,
    /// Somebody else holds the lock.
    Locked,
    /// The file or its directory cannot be written.
    ReadOnly,
    /// Reading or writing failed.
    Io,
    /// It was written, and is perhaps not on disk.
    Unsynced,
    /// The file is damaged, or no database.
    Corrupt,
    /// Anything else.
    Other,
}

/// SQLite's extended codes of a sync that failed: of a file, of a directory.
const SYNCS: [u32; 2] = [1034, 1290];

/// SQLite's extended code of a -shm file that cannot be made longer: the one write that it does not call "full" itself
/// where no space is left.
const SHM_SIZE: u32 = 4874;

impl Cause {
    /// Whether the trouble is with the file as a whole, so that the next command would meet it too.
    pub const fn is_of_the_file(self) -> bool {
        match self {
            Self::Full | Self::Locked | Self::ReadOnly | Self::Io | Self::Unsynced | Self::Corrupt => true,
            Self::Other => false,
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Full => "; free some space on its disk",
            Self::Locked => "; another program holds its lock: end that transaction",
            Self::ReadOnly => "; make the file and its directory writable for astout",
            Self::Io => "; look at the disk and the kernel log",
            Self::Unsynced => {
                "; it could not be synced, and what was written last may be lost: look at the disk and the kernel log, then \
                 start astout again: it goes by what is really there"
            }
            Self::Corrupt => "; restore a backup, or try sqlite3's .recover",
            Self::Other => "",
        }
    }

    pub(super) fn of(error: &sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::Io(_)) {
            return Self::Io;
        }
        // SQLite's extended result code: its low byte is the primary one.
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
        if code.is_some_and(|code| SYNCS.contains(&code)) {
            return Self::Unsynced;
        }
        if code == Some(SHM_SIZE) {
            return Self::Full;
        }
        match code.map(|code| code & 0xff) {
            Some(13) => Self::Full,
            Some(5 | 6) => Self::Locked,
            Some(3 | 8 | 14 | 23) => Self::ReadOnly,
            Some(10) => Self::Io,
            Some(11 | 26) => Self::Corrupt,
            _ => Self::Other,
        }
    }
}

impl StoreError {
    fn database(path: &Path, doing: &'static str, error: &sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed) {
            return Self::Closed { path: path.to_owned() };
        }
        let what = match error {
            sqlx::Error::Database(error) => error.message().to_owned(),
            error => error.to_string(),
        };
        Self::Database { path: path.to_owned(), doing, what, cause: Cause::of(error) }
    }

    /// Whether the trouble is with the file as a whole, so that the next command would meet it too.
    pub fn is_of_the_file(&self) -> bool {
        match self {
            Self::Database { cause, .. } => cause.is_of_the_file(),
            Self::Url { .. }
            | Self::NoDirectory { .. }
            | Self::OldSqlite { .. }
            | Self::Schema { .. }
            | Self::Replaced { .. }
            | Self::Damaged { .. }
            | Self::Closed { .. } => true,
            Self::Slow { .. } | Self::Row { .. } => false,
        }
    }

    /// Whether trying again could only hide it: what a second sync says nobody can believe, and what is written into a
    /// file that has no name is gone.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Database { cause, .. } => *cause == Cause::Unsynced,
            Self::Replaced { .. } => true,
            Self::Url { .. }
            | Self::NoDirectory { .. }
            | Self::OldSqlite { .. }
            | Self::Schema { .. }
            | Self::Damaged { .. }
            | Self::Slow { .. }
            | Self::Row { .. }
            | Self::Closed { .. } => false,
        }
    }

    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Database { cause: Cause::Full, .. })
    }
}

/// Why a statement's work ended early, before it is known at what and where.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite said no.
    Sql(sqlx::Error),
    /// A row holds what astout does not write.
    Row { noun: &'static str, what: String },
    /// The request makes no sense.
    Refused(Refusal),
}

impl Fault {
    pub(super) fn into_error(self, path: &Path, doing: &'static str) -> StoreError {
        match self {
            Self::Sql(error) => StoreError::database(path, doing, &error),
            Self::Row { noun, what } => StoreError::Row { path: path.to_owned(), noun, what },
            // Only commands that answer a request refuse, and those turn it into an answer before.
            Self::Refused(refusal) => {
                let what = refusal.to_string();
                StoreError::Database { path: path.to_owned(), doing, what, cause: Cause::Other }
            }
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<FieldError> for Fault {
    fn from(error: FieldError) -> Self {
        Self::Refused(error.into())
    }
}
