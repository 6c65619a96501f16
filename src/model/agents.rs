//! What the agents of a queue do, and who waits for them, as Asterisk tells it.

/// A queue at one moment. Each agent that is logged in is counted once: where he does two things, by the first in the
/// order `talking`, `ringing`, `wrapping`, `paused`, `busy`, `free`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueAgents {
    /// Those that a call could reach now.
    pub free: u32,
    /// Those that are being called.
    pub ringing: u32,
    /// Callers for whom these are.
    pub called_for: u32,
    /// Those that talk to a caller of the queue.
    pub talking: u32,
    /// Those that Asterisk leaves alone after a call, and those that are paused for what is to be done after one.
    pub wrapping: u32,
    /// Those that are paused for another reason.
    pub paused: u32,
    /// Those whose device is in use for something else: a call of their own, or of another queue.
    pub busy: u32,
    /// Callers that wait in the queue, whoever's they are.
    pub waiting: u32,
    /// Those among them for whom no agent is being called yet.
    pub unserved: u32,
    /// Those among these that are not ours, and for whom no agent is being called yet.
    pub others: u32,
    /// How often Asterisk has said something else when it was asked than its events had said.
    pub corrections: u32,
}

impl QueueAgents {
    /// Agents that are logged in.
    pub const fn logged_in(self) -> u32 {
        self.free + self.ringing + self.talking + self.wrapping + self.paused + self.busy
    }
}
