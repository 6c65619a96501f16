//! The wall clock that a test's daemon goes by, set as a test likes without touching the machine's. Builds with debug
//! assertions read by how many milliseconds they are ahead of it from a file.

use std::fs;
use std::path::{Path, PathBuf};

use astout::model::time::Timestamp;
use serde_json::Value;

use super::daemon::Daemon;
use super::pbx::Pbx;
use super::sandbox::Sandbox;

/// The file in a daemon's directory.
pub const FILE: &str = "clock-offset-ms";

/// A PBX on the machine whose clock is set: its account of the calls is told by that clock.
pub struct Clocked<'a> {
    sandbox: &'a Sandbox,
    witness: PathBuf,
    /// Since when the clock was ahead by how much.
    settings: Vec<(Timestamp, i64)>,
}

impl<'a> Clocked<'a> {
    /// A clock that nobody has set.
    pub fn new(sandbox: &'a Sandbox) -> Self {
        let witness = sandbox.witness().1.with_extension("by-the-clock");
        Self { sandbox, witness, settings: vec![(Timestamp::from_micros(0), 0)] }
    }

    /// Sets the clock of the daemon, and of the machine that they both are on.
    pub fn set(&mut self, daemon: &Daemon, to: &str) {
        let to: Timestamp = to.parse().unwrap();
        self.set_ahead(daemon, (to.micros() - machine().micros()) / 1000);
    }

    /// Sets it forward, or back, by so many seconds.
    pub fn jump(&mut self, daemon: &Daemon, seconds: i64) {
        let ahead = self.settings.last().unwrap().1;
        self.set_ahead(daemon, ahead + seconds * 1000);
    }

    fn set_ahead(&mut self, daemon: &Daemon, ahead_ms: i64) {
        self.settings.push((machine(), ahead_ms));
        // Never half written: the daemon reads it at any time.
        let new = daemon.path("clock-offset-ms.new");
        fs::write(&new, ahead_ms.to_string()).unwrap();
        fs::rename(new, daemon.path(FILE)).unwrap();
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.by_the_clock(machine())
    }

    /// The PBX's account of the calls, by the clock as it was, for the end of a test.
    pub fn tell(&self) {
        let by_the_clock = |line: Value| {
            let mut line = line;
            for key in ["time", "answered"] {
                if let Some(time) = line[key].as_str().map(|time| time.parse().unwrap()) {
                    line[key] = self.by_the_clock(time).to_string().into();
                }
            }
            line.to_string() + "\n"
        };
        let told: String = self.sandbox.dialled().into_iter().map(by_the_clock).collect();
        fs::write(&self.witness, told).unwrap();
    }

    fn by_the_clock(&self, machine: Timestamp) -> Timestamp {
        let then = self.settings.iter().rfind(|(since, _)| *since <= machine).unwrap();
        Timestamp::from_micros(machine.micros() + then.1 * 1000)
    }
}

impl Pbx for Clocked<'_> {
    fn get(&self, name: &str) -> &str {
        self.sandbox.get(name)
    }

    fn witness(&self) -> (&'static str, PathBuf) {
        (self.sandbox.witness().0, Path::new(&self.witness).to_owned())
    }
}

#[expect(clippy::disallowed_methods, reason = "the daemon's clock is set by the machine's")]
fn machine() -> Timestamp {
    Timestamp::new(chrono::Utc::now())
}
