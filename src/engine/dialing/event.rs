//! What a call is told, and what it asks for.

use std::time::Duration;

use crate::model::codes::HangupCause;
use crate::model::dialing::{Amd, Ending};

/// What happened to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEvent {
    /// The Originate was handed to the connection.
    Sent,
    /// The Originate was not sent, and never will be.
    NotSent(String),
    /// The Originate was not sent, and never will be: its campaign's window has closed.
    WindowClosed,
    /// Asterisk accepted the Originate: `Response: Success`.
    Queued,
    /// Asterisk refused it: `Response: Error` with its message.
    Refused(String),
    /// The Originate was written, and no answer came: it may have been carried out.
    Unanswered,
    /// Its channel was created: Newchannel.
    ChannelCreated {
        /// The channel's name.
        name: String,
    },
    /// Its channel is up: Newstate with ChannelState 6.
    Up,
    /// DialBegin, by `DestUniqueid`.
    DialBegin,
    /// DialEnd, by `DestUniqueid`.
    DialEnd(DialStatus),
    /// OriginateResponse, by its ActionID.
    Responded(Response),
    /// Hangup of its channel.
    Hangup {
        /// The hangup cause.
        cause: HangupCause,
        /// The same in Asterisk's words.
        text: String,
        /// What answered, where the dialplan has looked.
        amd: Option<Box<Amd>>,
    },
    /// Asterisk hangs it up, because it shuts down: SoftHangupRequest. The hangup follows.
    ShutDown,
    /// It rings at the callee, or sounds as if: Newstate with ChannelState 5, DialState RINGING or PROGRESS.
    Ringing,
    /// It waits in a queue: QueueCallerJoin.
    Joined,
    /// An agent is being called for it: AgentCalled.
    AgentCalled,
    /// One of those has not taken it: AgentRingNoAnswer.
    AgentNotThere,
    /// An agent of a queue has taken it: AgentConnect.
    WithAgent,
    /// The agent is done talking to it: AgentComplete.
    Talked,
    /// Asterisk was asked, and has its channel.
    Present {
        /// The channel's name.
        name: String,
        /// Whether it is up.
        up: bool,
        /// What it says of how the call has come so far.
        since: Since,
    },
    /// Asterisk was asked, and has no such channel.
    Gone,
}

/// How long ago something happened to a call by Asterisk's own account: ages, for its clock need not be ours. `None`
/// where it has not happened, or was not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Since {
    /// Its channel was dialled.
    pub dialled: Option<Duration>,
    /// It was answered.
    pub answered: Option<Duration>,
}

/// `DialStatus` of DialEnd, as far as it decides something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialStatus {
    /// ANSWER.
    Answer,
    /// BUSY.
    Busy,
    /// CONGESTION.
    Congestion,
    /// Every other: NOANSWER, CANCEL, CHANUNAVAIL …
    Other,
}

/// What OriginateResponse says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// `Response: Success`: the callee answered.
    Success,
    /// `Response: Failure` with its `Reason`, a control frame's number: 3 timed out, 5 busy, 8 congestion, else 0.
    Failure {
        /// The number.
        reason: u32,
    },
}

/// Where a call is on its way to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It does not ring yet.
    Originating,
    /// It rings.
    Ringing,
    /// Somebody or something has answered, and is not in the queue.
    Answered,
    /// It waits in the queue, or was in it and went on without an agent.
    Waiting,
    /// An agent has it.
    Talking,
    /// The agent is done.
    Talked,
    /// It has ended.
    Over,
}

/// Why a call is ended without its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Its channel is gone, and nobody saw the end.
    Unseen,
    /// Asterisk was started anew.
    PbxRestart,
    /// It was taken back before it was sent.
    NotSent,
    /// Its campaign's window closed before it was sent.
    WindowClosed,
}

/// What a call asks its owner to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutput {
    /// Its shown state changed.
    Updated,
    /// It was answered: worth remembering before its end.
    Answered,
    /// Ask Asterisk whether its channel is there.
    Probe,
    /// It has waited for an agent as long as its plan lets it: it goes to the plan's `AbandonDest`.
    SendAway,
    /// It has ended.
    Ended(Box<Ending>),
}
