//! What a client session is told to live by.

use std::fmt;
use std::time::Duration;

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// Over a challenge, so that the secret does not cross the wire (spec 4.4).
    #[default]
    Md5,
    /// With the secret in clear.
    Plain,
}

/// What a session needs to know. Debug output hides the secret.
#[derive(Clone)]
pub struct ClientOptions {
    /// The manager user on the Asterisk.
    pub username: String,
    /// Its secret.
    pub secret: String,
    /// The `Events` header of Login, such as `call,user`; empty for everything that is readable (spec 5.2).
    pub events_mask: String,
    /// How to log in.
    pub auth: Auth,
    /// Begins the ActionIDs that the session makes. OriginateResponse events carry those of all clients to all of
    /// them, so it should clash with nobody's: give it some randomness per connection.
    pub action_id_prefix: String,
    /// How long an action may stay unanswered; for a list, how long nothing of it may come. Also the time for banner
    /// and login together.
    pub action_timeout: Duration,
    /// Between two pings. With the other defaults a server that has fallen silent is given up 14 s after that at most.
    pub ping_every: Duration,
    /// How long a ping may stay unanswered before it counts as missed; less than `ping_every`.
    pub ping_deadline: Duration,
    /// So many missed pings in a row close the session.
    pub max_missed_pings: u32,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            username: String::new(),
            secret: String::new(),
            events_mask: String::new(),
            auth: Auth::Md5,
            action_id_prefix: "c:".to_owned(),
            action_timeout: Duration::from_secs(10),
            ping_every: Duration::from_secs(4),
            ping_deadline: Duration::from_secs(2),
            max_missed_pings: 3,
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClientOptions")
            .field("username", &self.username)
            .field("secret", &"***")
            .field("events_mask", &self.events_mask)
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}
