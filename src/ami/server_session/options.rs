//! What a server session is told to live by.

use std::time::Duration;

use crate::ami::builder::Limits;

/// The time, as both clocks show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// From any origin; never goes back. Deadlines are in it.
    pub monotonic: Duration,
    /// Since 1970, as `Timestamp` headers show it.
    pub unix: Duration,
}

/// What a session is given to live by.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The first line (spec 1.1), without its CRLF.
    pub banner: String,
    /// When the server was up, on the monotonic clock: `Uptime` in FullyBooted counts from here.
    pub started: Duration,
    /// How long a client may stay a stranger; then the connection is closed without a word (spec 4.6).
    pub auth_timeout: Duration,
    /// Before a failed login is answered (spec 4.2).
    pub denial_delay: Duration,
    /// A client that lets more than this wait for it is dropped.
    pub max_queued_bytes: usize,
    /// Whether FullyBooted follows a login; else the caller sends it, once it is true.
    pub announces_boot: bool,
    /// How long an action may be.
    pub limits: Limits,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            banner: crate::ami::BANNER.to_owned(),
            started: Duration::ZERO,
            auth_timeout: Duration::from_secs(30),
            denial_delay: Duration::from_secs(1),
            max_queued_bytes: 1024 * 1024,
            announces_boot: true,
            limits: Limits::ASTERISK,
        }
    }
}
