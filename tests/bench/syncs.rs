//! Counts how often a daemon syncs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::daemon::Daemon;

/// The counter of one daemon.
pub(crate) struct Syncs {
    dir: TempDir,
}

impl Syncs {
    /// Has the daemon count them from its next start on.
    pub(crate) fn of(daemon: &mut Daemon) -> Self {
        let syncs = Self { dir: tempfile::tempdir_in("/dev/shm").unwrap() };
        let library = syncs.dir.path().join("syncs.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/syncs.c");
        let built = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .unwrap_or_else(|why| panic!("a C compiler, cc: install gcc: {why}"));
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        daemon.set_environment(&[("LD_PRELOAD", &library), ("SYNCS", &syncs.file())]);
        syncs
    }

    /// How many there were until now.
    pub(crate) fn count(&self) -> u64 {
        fs::metadata(self.file()).map_or(0, |file| file.len())
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("syncs")
    }
}
