//! The breaker of a trunk: a dead trunk must not burn a list.
//!
//! ```text
//!             20 attempts within 30 s, 80 % of them faults          the wait is over
//!   Closed ────────────────────────────────────────────► Open ─────────────────────► Trial: one call
//!     ▲                                                    ▲                             │      │
//!     │                                                    └── fault: twice the wait ────┘      │
//!     └────────────────────────────── no fault ─────────────────────────────────────────────────┘
//! ```
//!
//! A fault is an attempt for which no channel was made, or whose hangup cause says that the way was the trouble and not
//! the callee. A reason of 0 alone says nothing: it is also a busy callee's.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::codes::HangupCause;

const WINDOW: Duration = Duration::from_secs(30);
/// So many attempts at least before it opens, and so many calls at most while all that is known are faults.
const ATTEMPTS: usize = 20;
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Causes that blame the trunk: destination out of order, no circuit, network out of order, temporary failure, switch
/// congestion, requested channel unavailable.
const FAULTS: [HangupCause; 6] =
    [HangupCause(27), HangupCause(34), HangupCause(38), HangupCause(41), HangupCause(42), HangupCause(44)];

/// Whether a hangup cause blames the trunk.
pub fn is_fault(cause: HangupCause) -> bool {
    FAULTS.contains(&cause)
}

/// What a verdict has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It opened: nothing goes over the trunk for so long.
    Opened {
        /// Faults that it has seen lately.
        faults: usize,
        /// Of so many attempts.
        attempts: usize,
        /// How long.
        wait: Duration,
    },
    /// It closed: the trunk works again.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Duration, wait: Duration },
    Trial { wait: Duration },
}

/// One trunk's breaker.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    /// Verdicts of the last half minute: when, and whether it was a fault.
    verdicts: VecDeque<(Duration, bool)>,
    faults: usize,
    /// Calls on their way, claimed or sent, of which no channel was seen yet.
    blind: usize,
    /// Calls on their way that have neither been answered nor ended.
    undecided: usize,
}

/// Verdicts that are not forgotten yet.
struct Known {
    faults: usize,
    attempts: usize,
    oldest: Option<Duration>,
}

impl Known {
    /// Whether four in five of what is known are faults; also where nothing is known.
    fn are_bad(&self) -> bool {
        self.faults * 5 >= self.attempts * 4
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed, verdicts: VecDeque::new(), faults: 0, blind: 0, undecided: 0 }
    }
}

impl Breaker {
    /// So many calls are on their way over the trunk.
    pub fn sent(&mut self, calls: usize) {
        self.blind += calls;
        self.undecided += calls;
    }

    /// A call comes in that is on its way: it may have a channel, and be answered.
    pub fn admit(&mut self, has_channel: bool, decided: bool) {
        self.blind += usize::from(!has_channel);
        self.undecided += usize::from(!decided);
    }

    /// So many of them were never made.
    pub fn give_back(&mut self, calls: usize) {
        self.blind -= calls;
        self.undecided -= calls;
    }

    /// Of one of them a channel was seen, or it has ended without one.
    pub fn seen(&mut self) {
        self.blind -= 1;
    }

    /// One of them was answered, or has ended without that. Told after [`Breaker::seen`], with its verdict where it
    /// has one.
    pub fn decided(&mut self, now: Duration, fault: Option<bool>) -> Option<Turn> {
        self.undecided -= 1;
        self.verdict(now, fault?)
    }

    /// Goes on to what time alone brings: one whose wait is over tries the trunk.
    pub fn advance(&mut self, now: Duration) {
        self.forget(now);
        if let State::Open { until, wait } = self.state
            && until <= now
        {
            self.state = State::Trial { wait };
        }
    }

    /// How many calls may be sent over the trunk now.
    pub fn room(&self, now: Duration) -> usize {
        match self.state {
            State::Open { until, .. } if until > now => 0,
            State::Open { .. } | State::Trial { .. } => 1_usize.saturating_sub(self.undecided),
            State::Closed => {
                let known = self.known(now);
                if known.are_bad() { ATTEMPTS.saturating_sub(known.faults + self.blind) } else { usize::MAX }
            }
        }
    }

    /// When one that lets no call through does again, where that is a matter of time alone.
    pub fn next_at(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Open { until, .. } => Some(until).filter(|until| *until > now),
            State::Closed => {
                let known = self.known(now);
                // The oldest of the faults that leave no room is forgotten then.
                known.oldest.filter(|_| known.are_bad() && known.faults >= ATTEMPTS).map(|at| at + WINDOW)
            }
            State::Trial { .. } => None,
        }
    }

    /// Why there is no room, in words.
    pub fn why_closed(&self, now: Duration) -> String {
        match self.state {
            State::Open { until, wait } if until > now => {
                format!("the trunk failed: nothing is dialled over it for {wait:?}, then one call tries it")
            }
            State::Open { .. } | State::Trial { .. } => {
                "the trunk failed: one call tries it, and its end is waited for".to_owned()
            }
            State::Closed => {
                let Known { faults, attempts, .. } = self.known(now);
                format!(
                    "{faults} of the last {attempts} attempts were the trunk's fault and {} more have no channel yet: \
                     what becomes of these is waited for",
                    self.blind
                )
            }
        }
    }

    /// What is known of the last half minute.
    fn known(&self, now: Duration) -> Known {
        let gone = self.verdicts.partition_point(|(at, _)| *at + WINDOW <= now);
        let forgotten = self.verdicts.range(..gone).filter(|(_, fault)| *fault).count();
        Known {
            faults: self.faults - forgotten,
            attempts: self.verdicts.len() - gone,
            oldest: self.verdicts.get(gone).map(|(at, _)| *at),
        }
    }

    /// An attempt was the trunk's fault, or was not.
    fn verdict(&mut self, now: Duration, fault: bool) -> Option<Turn> {
        self.verdicts.push_back((now, fault));
        self.faults += usize::from(fault);
        self.forget(now);
        match self.state {
            State::Closed if self.known(now).are_bad() && self.verdicts.len() >= ATTEMPTS => {
                Some(self.open(now, FIRST_WAIT))
            }
            State::Trial { wait } if fault => Some(self.open(now, (wait * 2).min(LONGEST_WAIT))),
            State::Open { .. } | State::Trial { .. } if !fault => {
                // A call of before that was answered says as much as a trial.
                *self = Self { blind: self.blind, undecided: self.undecided, ..Self::default() };
                Some(Turn::Closed)
            }
            State::Closed | State::Open { .. } | State::Trial { .. } => None,
        }
    }

    fn open(&mut self, now: Duration, wait: Duration) -> Turn {
        self.state = State::Open { until: now + wait, wait };
        Turn::Opened { faults: self.faults, attempts: self.verdicts.len(), wait }
    }

    fn forget(&mut self, now: Duration) {
        while let Some((_, fault)) = self.verdicts.front().copied().filter(|(at, _)| *at + WINDOW <= now) {
            self.verdicts.pop_front();
            self.faults -= usize::from(fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_dead_trunk_gets_twenty_calls_and_no_more() {
        let mut breaker = Breaker::default();
        let mut sent = 0;
        for second in 0..20 {
            let calls = breaker.room(at(second)).min(3);
            breaker.sent(calls);
            sent += calls;
            for _ in 0..calls {
                breaker.seen();
                breaker.decided(at(second), Some(true));
            }
        }
        assert_eq!(sent, 20);
        assert_eq!(breaker.room(at(20)), 0);
    }

    #[test]
    fn calls_without_a_verdict_count_as_long_as_all_that_is_known_are_faults() {
        let mut breaker = Breaker::default();
        breaker.sent(15);
        assert_eq!(breaker.room(at(0)), 5);
        breaker.seen();
        breaker.decided(at(0), Some(false));
        assert_eq!(breaker.room(at(0)), usize::MAX);
    }

    #[test]
    fn one_in_five_that_gets_through_keeps_it_closed() {
        let mut breaker = Breaker::default();
        for place in 0..100 {
            assert_eq!(breaker.verdict(at(0), place % 4 != 0), None);
        }
        assert_eq!(breaker.room(at(0)), usize::MAX);
    }

    #[test]
    fn after_the_wait_one_call_tries_and_decides() {
        let mut breaker = Breaker::default();
        let turns: Vec<_> = (0..20).filter_map(|_| breaker.verdict(at(0), true)).collect();
        assert_eq!(turns, [Turn::Opened { faults: 20, attempts: 20, wait: at(30) }]);
        assert_eq!((breaker.room(at(29)), breaker.next_at(at(29))), (0, Some(at(30))));
        assert_eq!(breaker.room(at(30)), 1);
        breaker.advance(at(30));
        assert_eq!(breaker.room(at(30)), 1, "to ask changes nothing");
        breaker.sent(1);
        assert_eq!(breaker.room(at(30)), 0);
        breaker.seen();
        assert_eq!(breaker.room(at(30)), 0);
        assert!(
            matches!(breaker.decided(at(31), Some(true)), Some(Turn::Opened { wait, .. }) if wait == at(60))
        );
        assert_eq!(breaker.room(at(91)), 1);
        assert_eq!(breaker.verdict(at(92), false), Some(Turn::Closed));
        assert_eq!(breaker.room(at(92)), ATTEMPTS);
    }

    #[test]
    fn faults_are_forgotten_after_half_a_minute() {
        let mut breaker = Breaker::default();
        for _ in 0..19 {
            breaker.verdict(at(0), true);
        }
        assert_eq!(breaker.room(at(1)), 1);
        assert_eq!(breaker.room(at(30)), 20);
    }
}
