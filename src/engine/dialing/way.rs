//! A call's way to an agent: what is known of it, how long the callee has waited for one, and whether he counts as
//! abandoned.
//!
//! He waits from the moment at which he enters the queue: after the answer, or where AMD listens first after its verdict.
//! Who has no agent [`Abandonment::after`](crate::model::abandonment::Abandonment::after) later is abandoned, also if one takes him then; and who is gone before he has
//! one, for whatever reason. Who is being called for at that moment is not sent away: an agent's telephone rings for him.

use std::time::Duration;

use crate::model::dialing::Wait;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    pub(super) rings: bool,
    /// When he has entered the queue, on the monotonic clock.
    joined: Option<Duration>,
    /// When he counts as abandoned.
    deadline: Option<Duration>,
    /// How many agents are being called for him.
    called: u32,
    pub(super) with_agent: bool,
    pub(super) talked: bool,
    pub(super) abandoned: bool,
    sent_away: bool,
    /// Events may have been missed since: he may have come into the queue and to an agent.
    missed: bool,
    waited: Option<Duration>,
}

impl Way {
    /// Of a call that an earlier run has left: who is up since before is more likely in conversation than still waiting;
    /// nobody tells.
    pub(super) fn resumed(up: bool) -> Self {
        Self { with_agent: up, ..Self::default() }
    }

    /// Nobody has looked for a while. Who is up is more likely with an agent by now than still waiting, and who comes to be
    /// found up later likewise; how long he waited nobody knows.
    pub(super) fn missed(&mut self, up: bool) {
        (self.joined, self.deadline, self.called, self.missed) = (None, None, 0, true);
        self.with_agent |= up;
    }

    /// He is found to be up.
    pub(super) fn found_up(&mut self) {
        self.with_agent |= std::mem::take(&mut self.missed);
    }

    /// Whether he is in the queue, or was, and has no agent yet.
    pub(super) fn waits(&self) -> bool {
        self.joined.is_some() && !self.with_agent
    }

    /// When [`Way::overdue`] has something to say.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// He enters a queue. One that he enters after another is the same wait.
    pub(super) fn joins(&mut self, now: Duration, patience: Duration) {
        if self.joined.is_none() && !self.with_agent {
            // This was seen.
            self.missed = false;
            self.joined = Some(now);
            self.deadline = Some(now + patience);
        }
    }

    pub(super) fn is_called_for(&mut self) {
        self.called += 1;
    }

    /// Gives whether he is to be sent away now.
    pub(super) fn is_not_called_for(&mut self) -> bool {
        self.called = self.called.saturating_sub(1);
        self.leaves()
    }

    /// An agent has him.
    pub(super) fn is_served(&mut self, now: Duration) {
        // Whom an agent passes on to a queue is not a new one.
        if self.with_agent {
            return;
        }
        self.with_agent = true;
        self.deadline = None;
        self.waited = self.joined.map(|joined| now.saturating_sub(joined));
    }

    /// His patience, which is the plan's, is over by now or not; gives whether he is to be sent away.
    pub(super) fn overdue(&mut self, now: Duration) -> bool {
        if self.deadline.is_none_or(|at| at > now) {
            return false;
        }
        self.deadline = None;
        self.abandoned = true;
        self.leaves()
    }

    /// Once.
    fn leaves(&mut self) -> bool {
        let leaves = self.abandoned && self.waits() && self.called == 0;
        leaves && !std::mem::replace(&mut self.sent_away, true)
    }

    /// He is gone. `held`: how long he was there after the answer, where he should have come into a queue and never did.
    pub(super) fn ends(&mut self, now: Duration, held: Option<Duration>) {
        self.deadline = None;
        if self.with_agent || self.missed || self.waited.is_some() {
            return;
        }
        self.waited = self.joined.map(|joined| now.saturating_sub(joined)).or(held);
        self.abandoned |= self.waited.is_some();
    }

    /// As the line has it; `None` where nobody waited, or nobody saw it.
    pub(super) fn wait(&self) -> Option<Wait> {
        let waited = self.waited?;
        let ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        Some(Wait { ms, abandoned: self.abandoned })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    fn at(ms: u64) -> Duration {
        Duration::from_millis(10_000 + ms)
    }

    fn waiting() -> Way {
        let mut way = Way::default();
        way.joins(at(0), PATIENCE);
        way
    }

    #[test]
    fn whom_an_agent_takes_in_time_is_not_abandoned_and_who_waits_longer_is_also_if_one_takes_him_then() {
        let mut way = waiting();
        assert!(!way.overdue(at(1999)));
        way.is_served(at(1999));
        assert_eq!(way.wait(), Some(Wait { ms: 1999, abandoned: false }));
        let mut way = waiting();
        assert!(way.overdue(at(2000)));
        way.is_served(at(2400));
        assert_eq!(way.wait(), Some(Wait { ms: 2400, abandoned: true }));
    }

    #[test]
    fn who_is_called_for_is_not_sent_away_until_that_agent_does_not_answer_and_once() {
        let mut way = waiting();
        way.is_called_for();
        assert!(!way.overdue(at(2000)) && way.abandoned);
        way.is_called_for();
        assert!(!way.is_not_called_for());
        assert!(way.is_not_called_for());
        way.is_called_for();
        assert!(!way.is_not_called_for());
    }

    #[test]
    fn who_is_gone_before_he_has_an_agent_is_abandoned_and_who_had_one_is_not() {
        let mut way = waiting();
        way.ends(at(700), None);
        assert_eq!(way.wait(), Some(Wait { ms: 700, abandoned: true }));
        let mut way = waiting();
        way.is_served(at(700));
        way.ends(at(90_000), None);
        assert_eq!(way.wait(), Some(Wait { ms: 700, abandoned: false }));
        let mut never = Way::default();
        never.ends(at(700), Some(Duration::from_millis(300)));
        assert_eq!(never.wait(), Some(Wait { ms: 300, abandoned: true }));
        let mut nobody = Way::default();
        nobody.ends(at(700), None);
        assert_eq!(nobody.wait(), None);
    }

    #[test]
    fn a_second_queue_is_the_same_wait() {
        let mut way = waiting();
        way.joins(at(1500), PATIENCE);
        assert_eq!(way.deadline(), Some(at(2000)));
    }

    #[test]
    fn of_whom_nothing_was_seen_for_a_while_nothing_is_told_and_he_is_not_sent_away() {
        let mut way = waiting();
        way.missed(true);
        assert!(way.with_agent && !way.overdue(at(9000)) && way.deadline().is_none());
        way.ends(at(300_000), Some(Duration::from_secs(290)));
        assert_eq!((way.wait(), way.abandoned), (None, false));
        // Who rang then, and is found in conversation.
        let mut way = Way { rings: true, ..Way::default() };
        way.missed(false);
        way.found_up();
        assert!(way.with_agent);
        // And who is seen to come into the queue after it.
        let mut way = Way { rings: true, ..Way::default() };
        way.missed(false);
        way.joins(at(0), PATIENCE);
        way.found_up();
        assert!(way.waits() && way.overdue(at(2000)));
    }

    #[test]
    fn whom_an_agent_passes_on_to_a_queue_has_waited_as_long_as_before() {
        let mut way = waiting();
        way.is_served(at(500));
        way.joins(at(60_000), PATIENCE);
        way.is_served(at(180_000));
        assert_eq!(way.wait(), Some(Wait { ms: 500, abandoned: false }));
    }
}
