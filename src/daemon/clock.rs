//! The one clock of the daemon; everybody else gets the time as a parameter.

use std::time::Duration;

use chrono::Utc;
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
        Now { mono: self.origin.elapsed(), wall: Timestamp::new(Utc::now()) }
    }

    /// The moment at which the monotonic time is `mono`, for timers.
    pub fn instant(&self, mono: Duration) -> Instant {
        self.origin + mono
    }
}
