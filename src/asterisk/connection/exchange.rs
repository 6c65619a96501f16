//! What goes to Asterisk and what comes from it.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::ami::{Message, MessageBuilder, NoAnswer};

/// What the connection is asked to do.
#[derive(Debug)]
pub enum ToAsterisk<T> {
    /// Send an action; see [`submit`](crate::ami::ClientSession::submit).
    Submit {
        /// The action; it gets an ActionID if it has none.
        action: MessageBuilder,
        /// Comes back with the answer.
        tag: T,
    },
    /// Send an action that answers with a list; see [`submit_list`](crate::ami::ClientSession::submit_list).
    SubmitList {
        /// The action; it gets an ActionID if it has none.
        action: MessageBuilder,
        /// Comes back with the answer.
        tag: T,
    },
    /// Answer: somebody asks whether the connection turns, be it up or down.
    Beat(oneshot::Sender<()>),
}

/// What the connection tells, in the order in which it came.
#[derive(Debug)]
pub enum FromAsterisk<T> {
    /// Logged in: commands are sent from here on.
    Up {
        /// Asterisk's first line.
        banner: String,
    },
    /// Not, or no longer, connected. Told once per outage, also when the first try fails, and after what was under
    /// way came back as `NoAnswer`. Not told at the end.
    Down {
        /// For people.
        why: String,
        /// Whether it was the login that failed.
        refused: bool,
    },
    /// Asterisk is fully up; carries `Uptime`.
    FullyBooted(Message),
    /// The answer to an action.
    Response {
        /// As submitted.
        tag: T,
        /// The response.
        message: Message,
    },
    /// The complete answer to a `SubmitList`.
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
    /// There is no answer; [`NoAnswer::was_sent`] tells whether it may have been executed.
    NoAnswer {
        /// As submitted.
        tag: T,
        /// What is known.
        why: NoAnswer,
    },
    /// An event.
    Event(Message),
    /// A response that came too late, or was for a stranger.
    Stray(Message),
    /// Asterisk is late: send nothing more that can't be taken back.
    PingMissed {
        /// How many in a row.
        missed: u32,
    },
    /// Asterisk answers again.
    PingAnswered {
        /// How long it took.
        round_trip: Duration,
    },
    /// Events were thrown away here because this channel was full: what is believed about calls must be asked anew.
    Gap {
        /// How many.
        lost: u64,
    },
}
