//! Is a daemon at work on a database? Asked of the kernel's list of locks: to try the lock would be to hold it for a
//! moment, and a daemon that starts in that moment would find it taken.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The daemon that has the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its process.
    pub pid: u32,
}

/// The lock file that goes with a database.
pub fn lock_file(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    PathBuf::from(path)
}

/// The daemon at work on that database, if there is one.
pub fn daemon_of(database: &Path) -> Option<Running> {
    let inode = fs::metadata(lock_file(database)).ok()?.ino();
    holder(&fs::read_to_string("/proc/locks").ok()?, inode)
}

/// `1: FLOCK  ADVISORY  WRITE 21628 fe:00:10174731 0 EOF`. The device is passed over: on layered file systems it is not
/// the one that `stat` gives.
fn holder(locks: &str, inode: u64) -> Option<Running> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, place, ..] = words[..] else { return None };
        let held: u64 = place.rsplit(':').next()?.parse().ok()?;
        (held == inode).then_some(Running { pid: pid.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_tells_who_holds_a_lock_and_not_who_waits() {
        let locks = "1: FLOCK  ADVISORY  WRITE 21628 fe:00:10174731 0 EOF\n2: POSIX  ADVISORY  WRITE 7 fe:00:5 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 8 fe:00:5 0 EOF\n";
        assert_eq!(holder(locks, 10_174_731), Some(Running { pid: 21628 }));
        assert_eq!(holder(locks, 5), None);
    }

    #[test]
    fn a_lock_that_is_held_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("astout.sqlite3");
        let file = fs::File::create(lock_file(&database)).unwrap();
        assert_eq!(daemon_of(&database), None);
        file.try_lock().unwrap();
        assert_eq!(daemon_of(&database), Some(Running { pid: std::process::id() }));
    }
}
