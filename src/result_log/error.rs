//! Why the log cannot be written, said so that an operator knows what to do: what, where, and the way out.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why the log cannot be opened or written.
#[derive(Debug, thiserror::Error)]
#[error("result log {path}: {doing}: {why}; {}", .trouble.advice())]
pub struct LogError {
    path: PathBuf,
    doing: &'static str,
    why: io::Error,
    trouble: Trouble,
}

/// The kinds of trouble that a log has, told apart where the way out differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// No space is left.
    Full,
    /// Its directory is not there.
    Missing,
    /// It may not be written.
    Denied,
    /// Nothing may be written on that file system.
    ReadOnly,
    /// Something else has its name: a directory, a FIFO, a device.
    NotAFile,
    /// It was written, and is perhaps not on disk.
    Unsynced,
    /// Anything else.
    Other,
}

impl Trouble {
    const fn advice(self) -> &'static str {
        match self {
            Self::Full => "free some space on its disk",
            Self::Missing => "create its directory, writable for astout",
            Self::Denied => "make the file and its directory writable for astout",
            Self::ReadOnly => "mount its file system for writing",
            Self::NotAFile => "move away what has its name: it has to be a regular file",
            Self::Unsynced => {
                "what was written last may be lost: look at the disk and the kernel log, then start astout again: it \
                 writes anew what is not there"
            }
            Self::Other => "look at the disk and the kernel log",
        }
    }
}

impl LogError {
    pub(super) fn new(path: &Path, doing: &'static str, why: io::Error) -> Self {
        let trouble = match why.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Trouble::Full,
            ErrorKind::NotFound => Trouble::Missing,
            ErrorKind::PermissionDenied => Trouble::Denied,
            ErrorKind::ReadOnlyFilesystem => Trouble::ReadOnly,
            ErrorKind::IsADirectory | ErrorKind::InvalidInput => Trouble::NotAFile,
            _ => Trouble::Other,
        };
        Self { path: path.to_owned(), doing, why, trouble }
    }

    pub(super) fn unsynced(path: &Path, why: io::Error) -> Self {
        Self { path: path.to_owned(), doing: "cannot be synced", why, trouble: Trouble::Unsynced }
    }

    /// Whether it is the one trouble that a start waits out: a disk fills up and empties by itself, all the rest is a
    /// mistake that somebody has to mend (`docs/decisions/005-what-a-start-waits-out.md`).
    pub fn is_full(&self) -> bool {
        self.trouble == Trouble::Full
    }

    /// Whether trying again could only hide it: what a second sync says nobody can believe.
    pub(super) fn is_final(&self) -> bool {
        self.trouble == Trouble::Unsynced
    }
}
