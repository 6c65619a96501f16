//! The one clock of the daemon; everybody else gets the time as a parameter.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::model::time::{Now, Timestamp};

/// Tells the time since it was made, and the time of day.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose monotonic time begins now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Both times.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn now(&self) -> Now {
        Now { mono: self.origin.elapsed(), wall: Timestamp::new(set_off(Utc::now())) }
    }

    /// The moment at which the monotonic time is `mono`, for timers.
    pub fn instant(&self, mono: Duration) -> Instant {
        self.origin + mono
    }
}

/// The wall clock of a release is the machine's.
#[cfg(not(debug_assertions))]
const fn set_off(machine: DateTime<Utc>) -> DateTime<Utc> {
    machine
}

/// For tests a wall clock may be set without the machine's: `ASTOUT_CLOCK_OFFSET_FILE` names a file that holds by how
/// many milliseconds it is ahead, and is read each time.
#[cfg(debug_assertions)]
fn set_off(machine: DateTime<Utc>) -> DateTime<Utc> {
    use std::path::PathBuf;
    use std::sync::OnceLock;

    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(file) = FILE.get_or_init(|| std::env::var_os("ASTOUT_CLOCK_OFFSET_FILE").map(PathBuf::from))
    else {
        return machine;
    };
    let offset = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    offset.map_or(machine, |offset| machine + chrono::TimeDelta::milliseconds(offset))
}
