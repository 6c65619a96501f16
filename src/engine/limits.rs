//! How fast originates may follow each other: the ceiling of calls a second, kept exactly.

use std::collections::VecDeque;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const TENTH: Duration = Duration::from_millis(100);

/// At most `calls_per_second` in any second, and at most a tenth of that (rounded up) in any tenth of one, so that a
/// second's calls do not all come at its start.
#[derive(Debug, Clone)]
pub struct CallRate {
    calls_per_second: usize,
    sent: VecDeque<Duration>,
}

impl CallRate {
    /// A rate of at least one call a second.
    pub fn new(calls_per_second: u32) -> Self {
        Self { calls_per_second: calls_per_second.max(1) as usize, sent: VecDeque::new() }
    }

    /// How many calls may be made now.
    pub fn allowed(&mut self, now: Duration) -> usize {
        while self.sent.front().is_some_and(|at| *at + SECOND <= now) {
            self.sent.pop_front();
        }
        let in_tenth = self.sent.iter().rev().take_while(|at| **at + TENTH > now).count();
        let second = self.calls_per_second.saturating_sub(self.sent.len());
        second.min(self.calls_per_second.div_ceil(10).saturating_sub(in_tenth))
    }

    /// Counts calls that are being made now.
    pub fn take(&mut self, now: Duration, calls: usize) {
        self.sent.extend(std::iter::repeat_n(now, calls));
    }

    /// Gives back calls that were taken at `at` and not made.
    pub fn give_back(&mut self, at: Duration, calls: usize) {
        for _ in 0..calls {
            if let Some(place) = self.sent.iter().rposition(|sent| *sent == at) {
                self.sent.remove(place);
            }
        }
    }

    /// When the next call may be made, where none may be made now.
    pub fn next_at(&mut self, now: Duration) -> Option<Duration> {
        if self.allowed(now) > 0 {
            return None;
        }
        if self.sent.len() >= self.calls_per_second {
            return self.sent.front().map(|at| *at + SECOND);
        }
        let tenth = self.calls_per_second.div_ceil(10);
        self.sent.len().checked_sub(tenth).and_then(|place| self.sent.get(place)).map(|at| *at + TENTH)
    }
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
            rate.take(now, allowed);
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
        rate.take(Duration::ZERO, 1);
        assert_eq!(rate.allowed(TENTH), 0);
        rate.give_back(Duration::ZERO, 1);
        assert_eq!(rate.allowed(TENTH), 1);
    }
}
