//! Where an Asterisk is, and how patient to be with it.

use std::time::Duration;

use crate::ami::ClientOptions;

/// Where the Asterisk is, and how to treat it.
#[derive(Debug, Clone)]
pub struct ConnectionOptions {
    /// Name or address.
    pub host: String,
    /// The port of its manager, 5038 as a rule.
    pub port: u16,
    /// What the log says that the connection is for, with a blank before it; empty for the dialer's own.
    pub purpose: &'static str,
    /// How to log in and how long to wait. An empty `action_id_prefix` becomes a random one per connection.
    pub session: ClientOptions,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// The first wait before connecting again; it doubles from try to try.
    pub retry_min: Duration,
    /// The longest wait before connecting again.
    pub retry_max: Duration,
    /// The shortest wait after a refused login: trying on would fill Asterisk's log and look like an attack.
    pub retry_refused: Duration,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 5038,
            purpose: "",
            session: ClientOptions { action_id_prefix: String::new(), ..ClientOptions::default() },
            connect_timeout: Duration::from_secs(5),
            retry_min: Duration::from_millis(200),
            retry_max: Duration::from_secs(10),
            retry_refused: Duration::from_secs(10),
        }
    }
}
