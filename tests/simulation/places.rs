//! The files of a seed: a database that every life of the daemon takes over as the one before has left it, and one
//! result log with what is rotated from it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use astout::store::{Store, StoreOptions};

/// How many rotated logs are kept; none is lost, for the lists are short.
const ROTATED: usize = 50;

/// Where things are.
pub(crate) struct Places {
    directory: PathBuf,
    life: u32,
}

impl Places {
    /// A new directory with an empty database, copied from `template` so that nothing has to be migrated.
    pub(crate) fn new(directory: &Path, template: &Path) -> Self {
        let places = Self { directory: directory.to_owned(), life: 0 };
        fs::create_dir_all(places.directory.join("0")).unwrap();
        fs::copy(template, places.database()).unwrap();
        places
    }

    /// Makes such a template.
    pub(crate) async fn template(path: &Path) {
        let url = format!("sqlite://{}", path.display());
        let options =
            StoreOptions { url, policy: Default::default(), result: Default::default(), log_seq: 0 };
        Store::open(options).await.unwrap().store.close().await.unwrap();
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join(self.life.to_string()).join("astout.sqlite3")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("astout.result")
    }

    pub(crate) fn rotated(&self, place: usize) -> PathBuf {
        self.directory.join(format!("astout.result.{place}"))
    }

    /// Every file of the log that there is, oldest first.
    pub(crate) fn logs(&self) -> Vec<PathBuf> {
        let rotated = (1..=ROTATED).rev().map(|place| self.rotated(place));
        rotated.chain([self.log()]).filter(|path| path.exists()).collect()
    }

    pub(crate) fn dial_log(&self) -> PathBuf {
        self.directory.join("dialled.jsonl")
    }

    /// The daemon dies: the next one finds the database as it is at this moment, its write-ahead log not emptied. What
    /// the dying one still does to its files is not seen.
    pub(crate) fn die(&mut self) {
        let old = self.database();
        self.life += 1;
        fs::create_dir_all(self.directory.join(self.life.to_string())).unwrap();
        let new = self.database();
        fs::copy(&old, &new).unwrap();
        let wal = |path: &Path| path.with_file_name("astout.sqlite3-wal");
        if wal(&old).exists() {
            fs::copy(wal(&old), wal(&new)).unwrap();
        }
    }

    /// The log is rotated as logrotate does it: each is renamed to the next number.
    pub(crate) fn rotate(&self) {
        for place in (1..ROTATED).rev() {
            if self.rotated(place).exists() {
                fs::rename(self.rotated(place), self.rotated(place + 1)).unwrap();
            }
        }
        if self.log().exists() {
            fs::rename(self.log(), self.rotated(1)).unwrap();
        }
    }

    /// Half a line is written, and then no more.
    pub(crate) fn tear(&self, bytes: &[u8]) {
        let mut file = File::options().append(true).create(true).open(self.log()).unwrap();
        file.write_all(bytes).unwrap();
    }

    /// The log shows the simulated time of its last change.
    pub(crate) fn stamp(&self, at: SystemTime) {
        File::options().append(true).open(self.log()).unwrap().set_modified(at).unwrap();
    }

    pub(crate) fn clear(&self) {
        fs::remove_dir_all(&self.directory).unwrap();
    }
}
