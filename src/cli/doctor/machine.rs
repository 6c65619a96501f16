//! What this machine says: the daemon, the disk, the files.

use std::fs::OpenOptions;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::finding::Findings;
use crate::check::running;
use crate::config::Config;
use crate::daemon::dialplan::FILE;

const GIB: u64 = 1024 * 1024 * 1024;
/// Less than this, or less than a twentieth of the disk, is little.
const LITTLE: u64 = GIB;

/// Looks at daemon, disk and files. `true` where there is a database to look at.
pub(super) fn check(config: &Config, findings: &mut Findings) -> bool {
    let (database, log) = (&config.database.file, &config.result.filename);
    match running::daemon_of(database) {
        Some(running::Running { pid }) => findings.ok("daemon", format!("runs, pid {pid}")),
        None => findings.note(
            "daemon",
            "does not run on this database",
            "start it: systemctl start astout, or astout serve --config …",
        ),
    }
    let mut directories = vec![directory_of(database)];
    if directory_of(log) != directories[0] {
        directories.push(directory_of(log));
    }
    for directory in directories {
        disk(&directory, findings);
    }
    writable("result log", log, findings);
    neighbours(config, findings);
    if let Some(directory) = &config.dialplan.directory {
        may_make("[dialplan] directory", directory, "", findings);
    }
    if let Some(socket) = &config.cli.socket {
        may_make("[cli] socket", &directory_of(socket), ", or name a [cli] socket elsewhere", findings);
    }
    writable("database", database, findings) && database.exists()
}

/// Another daemon, with a database of its own, that has what this one is to have.
fn neighbours(config: &Config, findings: &mut Findings) {
    let ours = running::daemon_of(&config.database.file);
    let locked = |file: &Path| running::daemon_of(file).filter(|other| Some(other) != ours.as_ref());
    if let Some(other) = locked(&config.result.filename) {
        let found = format!("another daemon writes {}, pid {}", config.result.filename.display(), other.pid);
        findings.fail("result log", found, "give this one a [result] filename of its own");
    }
    if let Some(directory) = &config.dialplan.directory
        && let Some(other) = locked(&directory.join(FILE))
    {
        let found = format!("another daemon writes in {}, pid {}", directory.display(), other.pid);
        findings.fail("[dialplan] directory", found, "give this one a directory of its own");
    }
    if let Some(socket) = &config.cli.socket
        && ours.is_none()
        && UnixStream::connect(socket).is_ok()
    {
        let found = format!("another daemon answers at {}", socket.display());
        findings.fail("[cli] socket", found, "give this one a [cli] socket of its own");
    }
}

/// Whether the daemon could make its file in there.
fn may_make(what: &str, directory: &Path, or: &str, findings: &mut Findings) {
    let shown = directory.display();
    match access(directory, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if directory.is_dir() => findings.ok(what, format!("{shown} can be written by this user")),
        Ok(()) => findings.fail(what, format!("{shown} is no directory"), "name another in astout.toml"),
        Err(why) => findings.fail(
            what,
            format!("{shown} cannot be written by this user: {why}"),
            format!("mkdir -p {shown} && chown astout: {shown}{or}; and ask as the daemon's user"),
        ),
    }
}

fn directory_of(file: &Path) -> PathBuf {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

fn disk(directory: &Path, findings: &mut Findings) {
    let what = format!("disk of {}", directory.display());
    match statvfs(directory) {
        Ok(disk) => {
            let (free, whole) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
            let found = format!("{} of {} free", size(free), size(whole));
            if is_little(free, whole) {
                findings.warn(what, found, "make room: when it is full nothing is dialled");
            } else {
                findings.ok(what, found);
            }
        }
        Err(why) => findings.fail(what, why.to_string(), "make it: it holds what may never be lost"),
    }
}

fn is_little(free: u64, whole: u64) -> bool {
    free < LITTLE || free < whole / 20
}

fn size(bytes: u64) -> String {
    if bytes >= 10 * GIB { format!("{} GiB", bytes / GIB) } else { format!("{} MiB", bytes / (GIB / 1024)) }
}

/// Whether a file, or what it would be made in, can be written by who asks.
fn writable(what: &str, file: &Path, findings: &mut Findings) -> bool {
    let shown = file.display();
    if file.exists() {
        // Appending nothing changes nothing.
        return match OpenOptions::new().append(true).open(file).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => {
                findings.ok(what, format!("{shown} can be written by this user"));
                true
            }
            Ok(_) => {
                findings.fail(what, format!("{shown} is no regular file"), "name another in astout.toml");
                false
            }
            Err(why) => {
                findings.fail(
                    what,
                    format!("{shown} cannot be written by this user: {why}"),
                    "chown it to the daemon's user, and ask as that user",
                );
                true
            }
        };
    }
    let directory = directory_of(file);
    match access(&directory, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => findings.note(what, format!("{shown} is not there yet"), "the daemon makes it"),
        Err(why) => findings.fail(
            what,
            format!("{shown} is not there, and cannot be made: {why}"),
            format!("mkdir -p {0} && chown astout: {0}", directory.display()),
        ),
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_less_than_a_gibibyte_or_a_twentieth() {
        assert!(is_little(GIB - 1, 2 * GIB) && is_little(4 * GIB, 100 * GIB));
        assert!(!is_little(GIB, 2 * GIB) && !is_little(5 * GIB, 100 * GIB));
        assert_eq!((size(57 * GIB), size(3 * GIB / 2)), ("57 GiB".to_owned(), "1536 MiB".to_owned()));
    }
}
