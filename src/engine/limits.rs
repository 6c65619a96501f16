//! How fast originates may follow each other: the ceiling of calls a second, kept exactly.

use std::collections::VecDeque;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const TENTH: Duration = Duration::from_millis(100);

/// At most `calls_per_second` are sent in any second. A claim takes its part before it is committed and sent, however
/// long that takes. And at most a tenth (rounded up) is claimed in any tenth of a second, so that a second's calls do
/// not all come at its start.
#[derive(Debug, Clone)]
pub struct CallRate {
    calls_per_second: usize,
    /// When calls of the last second were sent.
    sent: VecDeque<Duration>,
    /// When calls of the last tenth of a second were claimed.
    claimed: VecDeque<Duration>,
    /// Calls that are claimed and not sent yet.
    reserved: usize,
}

impl CallRate {
    /// A rate of at least one call a second.
    pub fn new(calls_per_second: u32) -> Self {
        Self {
            calls_per_second: calls_per_second.max(1) as usize,
            sent: VecDeque::new(),
            claimed: VecDeque::new(),
            reserved: 0,
        }
    }

    /// Allows so many from now on.
    pub fn set(&mut self, calls_per_second: u32) {
        self.calls_per_second = calls_per_second.max(1) as usize;
    }

    fn a_tenth(&self) -> usize {
        self.calls_per_second.div_ceil(10)
    }

    /// How many calls a second it allows.
    pub fn calls_per_second(&self) -> usize {
        self.calls_per_second
    }

    /// How many calls may be claimed now.
    pub fn allowed(&self, now: Duration) -> usize {
        let sent = self.sent.len() - gone(&self.sent, SECOND, now);
        let claimed = self.claimed.len() - gone(&self.claimed, TENTH, now);
        let second = self.calls_per_second.saturating_sub(sent + self.reserved);
        second.min(self.a_tenth().saturating_sub(claimed))
    }

    /// Takes a part for calls that are being claimed now.
    pub fn reserve(&mut self, now: Duration, calls: usize) {
        forget(&mut self.sent, SECOND, now);
        forget(&mut self.claimed, TENTH, now);
        self.reserved += calls;
        self.claimed.extend(std::iter::repeat_n(now, calls));
    }

    /// Of the calls that were claimed at `claimed_at`, `sent` are sent now; the rest is given back.
    pub fn settle(&mut self, now: Duration, claimed_at: Duration, calls: usize, sent: usize) {
        self.reserved = self.reserved.saturating_sub(calls);
        self.sent.extend(std::iter::repeat_n(now, sent));
        for _ in sent..calls {
            if let Some(place) = self.claimed.iter().rposition(|at| *at == claimed_at) {
                self.claimed.remove(place);
            }
        }
    }

    /// When time alone opens the gate once so many calls more are claimed now; as [`CallRate::next_at`].
    pub fn next_after(&self, now: Duration, calls: usize) -> Option<Duration> {
        if calls == 0 {
            return self.next_at(now);
        }
        let mut then = self.clone();
        then.reserve(now, calls);
        then.next_at(now)
    }

    /// When time alone opens the gate; `None` where it is open, or opens only once a claim is settled.
    pub fn next_at(&self, now: Duration) -> Option<Duration> {
        if self.allowed(now) > 0 {
            return None;
        }
        let sent = gone(&self.sent, SECOND, now);
        let second = match (self.sent.len() - sent + self.reserved).checked_sub(self.calls_per_second) {
            Some(place) => *self.sent.get(sent + place)? + SECOND,
            None => now,
        };
        let claimed = gone(&self.claimed, TENTH, now);
        let tenth = (self.claimed.len() - claimed).checked_sub(self.a_tenth());
        let tenth = tenth.and_then(|place| self.claimed.get(claimed + place));
        Some(tenth.map_or(second, |at| second.max(*at + TENTH)))
    }
}

/// How many of the times are `span` or more ago: the first ones.
fn gone(times: &VecDeque<Duration>, span: Duration, now: Duration) -> usize {
    times.partition_point(|at| *at + span <= now)
}

/// Drops the times that are `span` or more ago.
fn forget(times: &mut VecDeque<Duration>, span: Duration, now: Duration) {
    times.drain(..gone(times, span, now));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of the calls that a caller who always wants to call makes within `span`.
    fn greedy(calls_per_second: u32, span: Duration) -> Vec<Duration> {
        let mut rate = CallRate::new(calls_per_second);
        let (mut now, mut made) = (Duration::ZERO, Vec::new());
        while now < span {
            let allowed = rate.allowed(now);
            rate.reserve(now, allowed);
            rate.settle(now, now, allowed, allowed);
            made.extend(std::iter::repeat_n(now, allowed));
            now = rate.next_at(now).unwrap();
        }
        made
    }

    #[test]
    fn no_second_has_more_calls_than_allowed_and_none_is_wasted() {
        for calls_per_second in [1, 7, 50, 500] {
            let made = greedy(calls_per_second, Duration::from_secs(10));
            for (place, at) in made.iter().enumerate() {
                let within = made[place..].iter().take_while(|later| **later < *at + SECOND).count();
                assert!(within <= calls_per_second as usize, "{within} of {calls_per_second} at {at:?}");
            }
            assert_eq!(made.len(), 10 * calls_per_second as usize);
        }
    }

    #[test]
    fn what_is_given_back_may_be_used_again() {
        let mut rate = CallRate::new(1);
        rate.reserve(Duration::ZERO, 1);
        assert_eq!(rate.allowed(TENTH), 0);
        rate.settle(Duration::ZERO, Duration::ZERO, 1, 0);
        assert_eq!(rate.allowed(TENTH), 1);
    }

    #[test]
    fn a_claim_that_takes_long_keeps_its_part_until_it_is_sent_and_a_second_more() {
        let mut rate = CallRate::new(1);
        rate.reserve(Duration::ZERO, 1);
        assert_eq!((rate.allowed(3 * SECOND), rate.next_at(3 * SECOND)), (0, None));
        rate.settle(3 * SECOND, Duration::ZERO, 1, 1);
        assert_eq!((rate.allowed(3 * SECOND), rate.next_at(3 * SECOND)), (0, Some(4 * SECOND)));
        assert_eq!(rate.allowed(4 * SECOND), 1);
    }
}
