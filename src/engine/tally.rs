//! What is counted over all calls, those that a claim under way may bring among them: the originates without an
//! answer and those that are being set up, and the calls that each queue still has to find an agent for.

use std::collections::BTreeMap;

use super::dialing::Call;

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    claiming: usize,
    unacknowledged: usize,
    setting_up: usize,
    awaiting_agent: BTreeMap<String, usize>,
}

impl Tally {
    /// A claim goes out that may bring so many calls, for a queue or not.
    pub(super) fn claim(&mut self, queue: Option<&str>, calls: usize) {
        self.claiming += calls;
        self.await_agent(queue, calls);
    }

    /// That claim is back.
    pub(super) fn claimed(&mut self, queue: Option<&str>, calls: usize) {
        self.claiming -= calls;
        self.no_longer_await_agent(queue, calls);
    }

    /// A call comes in.
    pub(super) fn admit(&mut self, call: &Call) {
        self.unacknowledged += usize::from(call.is_unacknowledged());
        self.setting_up += usize::from(call.is_being_set_up());
        if call.awaits_agent() {
            self.await_agent(call.dialing().attempt.capsule.destination.queue().as_deref(), 1);
        }
    }

    /// Asterisk has answered one originate.
    pub(super) fn acknowledged(&mut self) {
        self.unacknowledged -= 1;
    }

    /// Asterisk has set one up, or failed to.
    pub(super) fn set_up(&mut self) {
        self.setting_up -= 1;
    }

    /// A call no longer waits for an agent: it has one, or it has ended.
    pub(super) fn served(&mut self, call: &Call) {
        self.no_longer_await_agent(call.dialing().attempt.capsule.destination.queue().as_deref(), 1);
    }

    fn await_agent(&mut self, queue: Option<&str>, calls: usize) {
        if let Some(queue) = queue {
            *self.awaiting_agent.entry(queue.to_owned()).or_default() += calls;
        }
    }

    fn no_longer_await_agent(&mut self, queue: Option<&str>, calls: usize) {
        let Some(queue) = queue else { return };
        if let Some(count) = self.awaiting_agent.get_mut(queue) {
            *count -= calls;
            if *count == 0 {
                self.awaiting_agent.remove(queue);
            }
        }
    }

    /// Calls that claims under way may bring.
    pub(super) fn claiming(&self) -> usize {
        self.claiming
    }

    /// Originates without an answer.
    pub(super) fn unacknowledged(&self) -> usize {
        self.unacknowledged
    }

    /// Originates that Asterisk is setting up.
    pub(super) fn setting_up(&self) -> usize {
        self.setting_up
    }

    /// Calls that are not yet with an agent of that queue: being claimed, originating, ringing, waiting in it.
    pub(super) fn awaiting_agent(&self, queue: &str) -> usize {
        self.awaiting_agent.get(queue).copied().unwrap_or_default()
    }
}
