//! What a client session tells, and what it knows about an action without an answer.

use std::time::Duration;

use crate::ami::builder::EncodeError;
use crate::ami::message::Message;

/// What a session tells, in the order in which it came from the server.
#[derive(Debug)]
pub enum ClientEvent<T> {
    /// The banner line (spec 1.1).
    Banner(String),
    /// Login succeeded: from here on actions are accepted.
    LoggedIn,
    /// Asterisk is up; follows the login, or comes later while it boots (spec 4.1). Carries `Uptime`.
    FullyBooted(Message),
    /// The answer to an action; also the plain answer to an action that might have answered with a list.
    Response {
        /// As submitted.
        tag: T,
        /// The response.
        message: Message,
    },
    /// A complete list (spec 6.1).
    List {
        /// As submitted.
        tag: T,
        /// The response that opened it.
        response: Message,
        /// Its items, in order.
        items: Vec<Message>,
        /// The event that closed it.
        complete: Message,
    },
    /// There is no answer, or no complete one.
    NoAnswer {
        /// As submitted.
        tag: T,
        /// What is known about it.
        why: NoAnswer,
    },
    /// Any other event.
    Event(Message),
    /// A response that nobody waits for (any more): a late one, or a stranger's.
    Stray(Message),
    /// A ping was not answered in time: nothing more should be sent that can't be taken back.
    PingMissed {
        /// How many in a row, this one included.
        missed: u32,
    },
    /// Pings are answered again.
    PingAnswered {
        /// How long this one took.
        round_trip: Duration,
    },
    /// The end; nothing comes behind it.
    Closed {
        /// Why.
        why: CloseReason,
    },
}

/// Why an action has no answer. What counts is whether Asterisk may have executed it: see [`NoAnswer::was_sent`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Never handed out for writing: not logged in, or withdrawn in time.
    #[error("not sent")]
    NotSent,
    /// Never handed out for writing: it can't be encoded.
    #[error("not sent: {0}")]
    Invalid(#[from] EncodeError),
    /// Never handed out for writing: an action with this ActionID is under way.
    #[error("not sent: its ActionID is in use")]
    ActionIdInUse,
    /// Written, maybe in part, and the connection is gone.
    #[error("the connection was lost before the answer")]
    Lost,
    /// Written, and not answered in time.
    #[error("no answer in time")]
    TimedOut,
    /// Answered by a list that did not come to its end, or came with fewer items than it counts.
    #[error("the list is incomplete")]
    IncompleteList,
}

impl NoAnswer {
    /// Whether the action may have reached Asterisk, so that it may have been, or may yet be, executed.
    pub fn was_sent(&self) -> bool {
        match self {
            Self::NotSent | Self::Invalid(_) | Self::ActionIdInUse => false,
            Self::Lost | Self::TimedOut | Self::IncompleteList => true,
        }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The server refused the login; its text (spec 4.2).
    #[error("login refused: {0}")]
    Refused(String),
    /// Banner and login took longer than an action may.
    #[error("no answer to the login")]
    LoginTimeout,
    /// Too many pings in a row were not answered.
    #[error("pings are not answered")]
    PingLost,
    /// What came is no AMI.
    #[error("protocol error: {0}")]
    Protocol(String),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Eof,
    /// The connection failed; what the caller said of it.
    #[error("{0}")]
    Io(String),
    /// We logged off.
    #[error("logged off")]
    LoggedOff,
}
