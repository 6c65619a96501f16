//! What a server session asks of its caller, and what it is answered.

use bytes::Bytes;

use crate::ami::action::Request;
use crate::ami::auth::Proof;
use crate::ami::privilege::Privileges;

/// Who is logged in, and what he may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's name.
    pub name: String,
    /// Events he may read; no event mask goes beyond it (spec 5.3).
    pub read: Privileges,
    /// Actions he may use; checking it is the caller's, who knows the actions.
    pub write: Privileges,
}

/// How a login failed. Only the second tells the client more than that it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Wrong secret, unknown user, wrong address: all alike (spec 4.2).
    AuthenticationFailed,
    /// The user is logged in and may be so only once (spec 4.5).
    LoginInUse,
}

impl Denied {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::AuthenticationFailed => "Authentication failed",
            Self::LoginInUse => "Login Already In Use",
        }
    }
}

/// What the caller has to do something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerEvent {
    /// Somebody wants in: answer with [`authenticated`](crate::ami::ServerSession::authenticated).
    Authenticate(Authenticate),
    /// An action: answer with [`send_reply`](crate::ami::ServerSession::send_reply), once or more, then [`reply_done`](crate::ami::ServerSession::reply_done).
    Request(Request),
    /// The end; nothing comes behind it. Write what is left and close the connection.
    Closed(Closed),
}

/// A Login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// As sent; user names are case-insensitive (spec 4.2). Empty if none was sent.
    pub username: String,
    /// What shall prove it.
    pub proof: Proof,
    /// The ActionID of the Login.
    pub action_id: Option<Bytes>,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// Logoff (spec 4.7).
    #[error("logged off")]
    LoggedOff,
    /// The client closed its side, and all it had asked is answered (spec 1.11).
    #[error("the client closed the connection")]
    Eof,
    /// A login failed (spec 4.2).
    #[error("the login failed")]
    Denied,
    /// Nobody logged in in time (spec 4.6).
    #[error("nobody logged in in time")]
    AuthTimeout,
    /// The client does not read what it gets.
    #[error("more than the allowed bytes wait for the client")]
    Overflow,
}
