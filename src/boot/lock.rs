//! One instance: a lock beside each file that two daemons would spoil for each other. It is the process's, and goes with
//! it however that ends.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::BootError;

/// What each daemon needs for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// The database.
    Database,
    /// The file of Asterisk's dialplan that is written.
    Dialplan,
    /// The result log.
    ResultLog,
}

impl Shared {
    pub(super) const fn on(self) -> &'static str {
        match self {
            Self::Database => "on this database",
            Self::Dialplan => "with this [dialplan] directory",
            Self::ResultLog => "with this result log",
        }
    }

    pub(super) const fn setting(self) -> &'static str {
        match self {
            Self::Database => "[database]",
            Self::Dialplan => "[dialplan] directory",
            Self::ResultLog => "[result] filename",
        }
    }
}

/// One instance a database.
///
/// # Errors
/// Where another one has it, or it cannot be made.
pub fn lock(database: &Path) -> Result<File, BootError> {
    lock_beside(database, Shared::Database)
}

/// The same for what a daemon starts without, as where a directory is not there yet: only another one that has it ends
/// the start.
pub(super) fn lock_where_possible(file: &Path, shared: Shared) -> Result<Option<File>, BootError> {
    match lock_beside(file, shared) {
        Ok(lock) => Ok(Some(lock)),
        Err(running @ BootError::Running { .. }) => Err(running),
        Err(why) => {
            warn!("{why}. Another daemon {} would not be noticed", shared.on());
            Ok(None)
        }
    }
}

fn lock_beside(file: &Path, shared: Shared) -> Result<File, BootError> {
    let mut path = file.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |why| BootError::Lock { path: path.clone(), why };
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let read = file.read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
            return Err(BootError::Running { shared, path, pid: read.then(|| pid.trim().to_owned()) });
        }
        Err(fs::TryLockError::Error(why)) => return Err(failed(why)),
    }
    let written =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    match written {
        // It is locked all the same; the pid is but a help.
        Err(why) if why.kind() == io::ErrorKind::StorageFull => {
            warn!(%why, "cannot note the pid in {}", path.display());
        }
        written => written.map_err(failed)?,
    }
    Ok(file)
}
