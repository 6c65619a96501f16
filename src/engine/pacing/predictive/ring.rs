//! What is learnt of ringing: at which second callees answer, and at which the network gives up.
//!
//! Each call is a life, and its answer an end of it; each second that a call rings counts as lived at that age, whatever
//! comes of it. So the table has no bias after a burst, of which the quick answers are known first, nor by calls that
//! were given up, and says when the calls that ring now will answer, whatever their age.

use serde::{Deserialize, Serialize};

/// The table ends there; who rings longer is as one of that age.
pub(super) const AGES: usize = 64;
/// So many calls later a call counts half.
const HALF_LIFE: f64 = 1500.0;
/// The table begins as if so many calls had been seen,
const FIRST_CALLS: f64 = 20.0;
/// of which so many answered, for too many is the safe side,
const FIRST_ANSWERS: f64 = 10.0;
/// spread over these seconds.
const FIRST_AGES: std::ops::Range<usize> = 3..27;
/// Answers are compared with what the table expects over the last so many.
const RECENT: f64 = 40.0;
/// So many answers as expected stand before the first comparison.
const RECENT_FIRST: f64 = 8.0;
/// Weights grow; beyond this they are scaled down.
const HEAVY: f64 = 1e9;

/// The table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ring {
    answers: Vec<f64>,
    ends: Vec<f64>,
    /// Seconds that calls rang at the age.
    reached: Vec<f64>,
    /// The weight of the next call.
    weight: f64,
    /// Answers of late, and how many the table expected.
    seen: f64,
    expected: f64,
    /// Calls whose end was seen.
    pub(super) resolved: u64,
    originate_s: f64,
}

impl Default for Ring {
    fn default() -> Self {
        let mut ring = Self {
            answers: vec![0.0; AGES],
            ends: vec![0.0; AGES],
            reached: vec![0.0; AGES],
            weight: 1.0,
            seen: 0.0,
            expected: 0.0,
            resolved: 0,
            originate_s: 1.0,
        };
        let share = FIRST_ANSWERS / FIRST_AGES.len() as f64;
        let mut left = FIRST_CALLS;
        for age in 0..FIRST_AGES.end {
            ring.reached[age] = left;
            if FIRST_AGES.contains(&age) {
                ring.answers[age] = share;
                left -= share;
            }
        }
        ring
    }
}

impl Ring {
    /// A call has begun to ring, so long after it was dialled.
    pub(super) fn rings(&mut self, originate_s: f64) {
        self.originate_s += (originate_s.min(20.0) - self.originate_s) / 50.0;
    }

    /// From the dial to the first ring.
    pub(super) fn originate_s(&self) -> f64 {
        self.originate_s
    }

    /// A call was answered at that age.
    pub(super) fn answered(&mut self, age: usize) {
        let age = age.min(AGES - 1);
        self.answers[age] += self.weight;
        self.ended_within(age);
        self.seen += 1.0;
        self.next();
    }

    /// A call ended at that age without an answer.
    pub(super) fn unanswered(&mut self, age: usize) {
        let age = age.min(AGES - 1);
        self.ends[age] += self.weight;
        self.ended_within(age);
        self.next();
    }

    /// A call was given up: how long it rang has been counted already.
    pub(super) fn withdrawn(&mut self) {
        self.next();
    }

    /// The second in which it ended was half lived, on the average.
    fn ended_within(&mut self, age: usize) {
        self.reached[age] += self.weight / 2.0;
    }

    fn next(&mut self) {
        self.resolved += 1;
        self.weight *= libm::exp2(1.0 / HALF_LIFE);
        if self.weight > HEAVY {
            for table in [&mut self.answers, &mut self.ends, &mut self.reached] {
                table.iter_mut().for_each(|cell| *cell /= HEAVY);
            }
            self.weight /= HEAVY;
        }
    }

    /// So many calls of each age have rung for `seconds`.
    pub(super) fn rang(&mut self, ages: impl Iterator<Item = (usize, f64)>, seconds: f64) {
        let mut expected = 0.0;
        for (age, calls) in ages {
            let age = age.min(AGES - 1);
            expected += calls * seconds * self.rate(&self.answers, age);
            self.reached[age] += self.weight * calls * seconds;
        }
        self.expected += expected;
        let keep = libm::exp2(-expected / RECENT);
        self.seen *= keep;
        self.expected *= keep;
    }

    /// How many times as many answers come of late as the table expects.
    pub(super) fn recent(&self) -> f64 {
        (self.seen + RECENT_FIRST) / (self.expected + RECENT_FIRST)
    }

    /// How much is to be added for what is not known of it.
    pub(super) fn doubt(&self) -> f64 {
        1.0 / (self.seen + RECENT_FIRST).sqrt()
    }

    fn rate(&self, table: &[f64], age: usize) -> f64 {
        if self.reached[age] > 0.0 { (table[age] / self.reached[age]).min(1.0) } else { 0.0 }
    }

    /// How likely a call of each age is answered within the second, and how likely it ends in another way.
    pub(super) fn hazards(&self) -> Vec<(f64, f64)> {
        let recent = self.recent();
        (0..AGES)
            .map(|age| {
                let answer = (recent * self.rate(&self.answers, age)).min(0.9);
                (answer, self.rate(&self.ends, age).min(0.95 - answer))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls by the second: three of ten answer at the tenth, the rest rings until the thirtieth.
    fn learnt(calls: usize) -> Ring {
        let mut ring = Ring::default();
        for call in 0..calls {
            let until = if call % 10 < 3 { 10 } else { 30 };
            for age in 0..until {
                ring.rang(std::iter::once((age, 1.0)), 1.0);
            }
            if until == 10 { ring.answered(10) } else { ring.unanswered(30) }
        }
        ring
    }

    #[test]
    fn answers_are_expected_where_they_were_seen() {
        let hazards = learnt(3000).hazards();
        let (answer, _) = hazards[10];
        assert!((answer / (answer + 1.0) - 0.3).abs() < 0.3, "{answer}");
        assert!(hazards[20].0 < 0.02 && hazards[10].0 > 10.0 * hazards[9].0, "{hazards:?}");
    }

    #[test]
    fn it_begins_by_expecting_more_answers_than_there_are() {
        let begins: f64 = Ring::default().hazards().iter().map(|hazard| hazard.0).sum();
        assert!(begins > 0.6, "{begins}");
        assert!((Ring::default().recent() - 1.0).abs() < 1e-9);
    }
}
