//! What is counted over all calls: the channels that they take, the originates without an answer, and the calls that
//! each queue still has to find an agent for.

use std::collections::BTreeMap;

use super::dialing::Call;

/// The counts. A call is in them from its claim to its [`super::Input::Ended`].
#[derive(Debug, Default)]
pub(super) struct Tally {
    unacknowledged: usize,
    awaiting_agent: BTreeMap<String, usize>,
}

impl Tally {
    /// A call comes in.
    pub(super) fn admit(&mut self, call: &Call) {
        self.unacknowledged += usize::from(call.is_unacknowledged());
        if let Some(queue) = call.dialing().attempt.capsule.destination.queue() {
            *self.awaiting_agent.entry(queue.to_owned()).or_default() += 1;
        }
    }

    /// Asterisk has answered one originate.
    pub(super) fn acknowledged(&mut self) {
        self.unacknowledged -= 1;
    }

    /// A call no longer waits for an agent: it has one, or it has ended.
    pub(super) fn served(&mut self, call: &Call) {
        let queue = call.dialing().attempt.capsule.destination.queue();
        if let Some(count) = queue.and_then(|queue| self.awaiting_agent.get_mut(queue)) {
            *count -= 1;
        }
    }

    /// Originates without an answer.
    pub(super) fn unacknowledged(&self) -> usize {
        self.unacknowledged
    }

    /// Calls that are not yet with an agent of that queue: originating, ringing, waiting in it.
    pub(super) fn awaiting_agent(&self, queue: &str) -> usize {
        self.awaiting_agent.get(queue).copied().unwrap_or_default()
    }
}
