//! Disks that fill up, fail, and lose what was not synced: a small tmpfs where one may be mounted, and a shim that is
//! loaded into the daemon (`tests/lab/disk.c`).

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

use super::daemon::Daemon;

/// `errno.h` of Linux.
pub const EPERM: i32 = 1;
pub const EIO: i32 = 5;
pub const EACCES: i32 = 13;
pub const ENOSPC: i32 = 28;
pub const EROFS: i32 = 30;

/// The shim, for one directory.
pub struct Shim {
    dir: TempDir,
    at: PathBuf,
}

impl Shim {
    /// Builds it, and has the daemon start with it.
    pub fn on(daemon: &mut Daemon, at: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/disk.c");
        let library = dir.path().join("disk.so");
        let built = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .expect("a C compiler, cc: install gcc");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let shim = Self { dir, at: at.to_owned() };
        fs::create_dir(shim.durable()).unwrap();
        shim.work();
        daemon.set_environment(&[
            ("LD_PRELOAD", &library),
            ("DISK_AT", at),
            ("DISK_FAULTS", &shim.faults()),
            ("DISK_DURABLE", &shim.durable()),
        ]);
        shim
    }

    fn durable(&self) -> PathBuf {
        self.dir.path().join("durable")
    }

    fn faults(&self) -> PathBuf {
        self.dir.path().join("faults")
    }

    /// From now on these calls (`open`, `write`, `truncate`, `sync`) of files with that in their name fail.
    pub fn fail(&self, calls: &[&str], name: &str, errno: i32) {
        let lines: String = calls.iter().map(|call| format!("{call} {name} {errno}\n")).collect();
        // In one step: the daemon reads it at every call.
        let new = self.dir.path().join("faults.new");
        fs::write(&new, lines).unwrap();
        fs::rename(new, self.faults()).unwrap();
    }

    /// The calls that have failed: each as `sync astout.result`.
    pub fn failed(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join("faults.done")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// From now on everything works.
    pub fn work(&self) {
        self.fail(&[], "", 0);
    }

    /// What a power cut does to a disk after the daemon was killed: of each file that is left which was synced last.
    pub fn lose_power(&self) {
        for entry in fs::read_dir(&self.at).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for entry in fs::read_dir(self.durable()).unwrap() {
            let entry = entry.unwrap();
            if !entry.file_name().to_string_lossy().starts_with('.') {
                fs::copy(entry.path(), self.at.join(entry.file_name())).unwrap();
            }
        }
    }
}

/// A disk of a few megabytes.
pub struct SmallDisk {
    at: PathBuf,
    filler: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
    /// Where nothing may be mounted: it says that it is full.
    shim: Option<Shim>,
}

impl SmallDisk {
    /// Mounts one in the daemon's directory.
    pub fn of(daemon: &mut Daemon, megabytes: u32) -> Self {
        let at = daemon.path("disk");
        fs::create_dir(&at).unwrap();
        daemon.not_checked("the disk goes before the daemon, and with it what is to be checked");
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        let shim = match mounted {
            Ok(output) if output.status.success() => None,
            refused => {
                // Never silently: who reads the test's output sees what it has shown.
                drop(writeln!(
                    std::io::stderr(),
                    "no tmpfs can be mounted ({refused:?}): the shim says ENOSPC"
                ));
                Some(Shim::on(daemon, &at))
            }
        };
        Self { at, filler: None, shim }
    }

    /// Whether it is a disk of its own; if not, the shim fails what is written.
    pub fn is_mounted(&self) -> bool {
        self.shim.is_none()
    }

    /// A file of it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.at.join(name)
    }

    /// Fills it up, and keeps it full whatever is freed.
    pub fn fill(&mut self) {
        if let Some(shim) = &self.shim {
            return shim.fail(&["write"], "*", ENOSPC);
        }
        let (go_on, path) = (Arc::new(AtomicBool::new(true)), self.path("filler"));
        fill(&path);
        let going = go_on.clone();
        let thread = std::thread::spawn(move || {
            while going.load(Ordering::Relaxed) {
                fill(&path);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        self.filler = Some((go_on, thread));
    }

    /// There is room again.
    pub fn empty(&mut self) {
        if let Some(shim) = &self.shim {
            return shim.work();
        }
        if let Some((go_on, thread)) = self.filler.take() {
            go_on.store(false, Ordering::Relaxed);
            thread.join().unwrap();
        }
        drop(fs::remove_file(self.path("filler")));
    }

    /// Has it taken for reading only.
    pub fn make_read_only(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.at).status().unwrap();
        assert!(done.success());
    }
}

fn fill(path: &Path) {
    let Ok(mut file) = File::options().append(true).create(true).open(path) else { return };
    for size in [65_536, 4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.empty();
        if self.is_mounted() {
            // The daemon may still have files open on it.
            drop(Command::new("umount").arg("-l").arg(&self.at).status());
        }
    }
}
