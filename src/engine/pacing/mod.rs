//! How many calls the agents of a queue could take: one file a mode, and the table of modes.
//!
//! | file | subject |
//! |---|---|
//! | [`agents`] | the capacity of a queue that both fixed modes fill |
//! | [`power`] | modes 2 and 3: lines a free agent |
//! | [`predictive`] | mode 1: as many as agents will be free when they answer |

pub mod agents;
pub mod power;
pub mod predictive;

use std::time::Duration;

use crate::model::codes::DialMode;

/// What a mode goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// As plans name it.
    pub mode: DialMode,
    /// As people type it.
    pub name: &'static str,
    /// What it does, in a line.
    pub does: &'static str,
}

/// Every mode that dials.
pub const MODES: [Mode; 4] = [
    Mode {
        mode: DialMode::Predictive,
        name: "predictive",
        does: "as many calls as agents will be free when they answer, within the abandonment that is allowed",
    },
    Mode { mode: DialMode::Progressive, name: "progressive", does: "a call a free agent" },
    Mode { mode: DialMode::Power, name: "power", does: "a fixed number of lines a free agent" },
    Mode { mode: DialMode::Preview, name: "preview", does: "an agent sees the contact and says go or skip" },
];

/// What is seen of a queue when it is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// Agents that could take a call.
    pub free: u32,
    /// Agents with a caller.
    pub talking: u32,
    /// Agents with the work after a call.
    pub wrapping: u32,
    /// Callers that wait in the queue, wherever they come from.
    pub waiting: u32,
    /// How many calls channels, calls a second and contacts allow now.
    pub room: u32,
}

impl View {
    /// Agents that work: those that are free, talk or wrap up.
    pub fn agents(&self) -> u32 {
        self.free + self.talking + self.wrapping
    }
}

/// What a campaign's calls do, as far as pacing goes by it. A call that is taken over after a restart is told anew, by
/// what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<Id> {
    /// It is dialled.
    Dialled(Id),
    /// It rings. Where the network does not tell, to be told as soon as the call is out: times of ringing are then those
    /// since the dial.
    Ringing(Id),
    /// Somebody or something has answered, and AMD listens.
    Answered(Id),
    /// It has entered the queue: after the answer or, with AMD, after its verdict.
    Queued(Id),
    /// AMD has found a machine and hung up.
    Machine(Id),
    /// It has ended without an answer.
    Unanswered(Id),
    /// It was given up while it rang, by pacing or an operator.
    Withdrawn(Id),
    /// An agent has it.
    Connected(Id),
    /// An agent has it since before, and that was counted: a call that is taken over after a restart.
    Talking(Id),
    /// No agent came in time.
    Abandoned(Id),
    /// The conversation is over.
    Talked {
        /// Which.
        id: Id,
        /// Whether the agent has had a machine on the line, as its disposition says.
        machine: bool,
    },
    /// An agent's work after a call is done, and has taken so long.
    Wrapped(Duration),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<Id> {
    /// How many calls to dial now.
    pub dial: u32,
    /// Which of those that ring to give up.
    pub give_up: Vec<Id>,
}

impl<Id> Default for Decision<Id> {
    fn default() -> Self {
        Self { dial: 0, give_up: Vec::new() }
    }
}
