//! What is learnt of the way from the answer to the queue: how many of those who answer are taken for persons, by how
//! long it rang (machines answer late), and how long the verdict takes. Without AMD all are, at once.

use serde::{Deserialize, Serialize};

use super::ring::AGES;

/// Verdicts are counted by half seconds up to here.
pub(super) const HALVES: usize = 16;
/// So many verdicts later a verdict counts half.
const HALF_LIFE: f64 = 400.0;
/// The table begins as if so many had answered, each a person and at once in the queue.
const FIRST: f64 = 3.0;
/// What all answers say stands for so many at each age.
const POOL: f64 = 6.0;
/// Neighbouring ages speak for each other so far.
const NEAR: usize = 2;

/// The table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Verdicts {
    persons: Vec<f64>,
    answers: Vec<f64>,
    /// Those who passed, and those who did not, by how long that took.
    person_after: Vec<f64>,
    machine_after: Vec<f64>,
}

impl Default for Verdicts {
    fn default() -> Self {
        let (mut person_after, machine_after) = (vec![0.0; HALVES], vec![0.0; HALVES]);
        person_after[0] = FIRST;
        Self { persons: vec![0.0; AGES], answers: vec![0.0; AGES], person_after, machine_after }
    }
}

/// What the table says, for one decision after another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shares {
    /// Who answers at that age will enter the queue.
    pub(super) person: Vec<f64>,
    /// Who enters it does so after that many half seconds.
    pub(super) after: Vec<f64>,
    /// Who has been listened to for so many half seconds is a person by so much more or less.
    odds: Vec<f64>,
    /// Persons left to be told after so many half seconds.
    left: Vec<f64>,
}

impl Verdicts {
    /// AMD, or its absence, has let a call pass or hung it up.
    pub(super) fn verdict(&mut self, rang: usize, after_s: f64, person: bool) {
        let keep = libm::exp2(-1.0 / HALF_LIFE);
        for table in [&mut self.persons, &mut self.answers, &mut self.person_after, &mut self.machine_after] {
            table.iter_mut().for_each(|cell| *cell *= keep);
        }
        let rang = rang.min(AGES - 1);
        self.answers[rang] += 1.0;
        let half = ((after_s * 2.0) as usize).min(HALVES - 1);
        if person {
            self.persons[rang] += 1.0;
            self.person_after[half] += 1.0;
        } else {
            self.machine_after[half] += 1.0;
        }
    }

    /// What the table says now.
    pub(super) fn shares(&self) -> Shares {
        let (persons, answers): (f64, f64) = (self.persons.iter().sum(), self.answers.iter().sum());
        let all = (persons + FIRST) / (answers + FIRST);
        let person = (0..AGES)
            .map(|age| {
                let near = age.saturating_sub(NEAR)..(age + NEAR + 1).min(AGES);
                let (persons, answers): (f64, f64) =
                    (self.persons[near.clone()].iter().sum(), self.answers[near].iter().sum());
                (persons + POOL * all) / (answers + POOL)
            })
            .collect();
        let after = normal(&self.person_after);
        let left = tail(&after);
        let machines_left = tail(&normal(&self.machine_after));
        let odds =
            left.iter().zip(&machines_left).map(|(person, machine)| (person + 0.01) / (machine + 0.01));
        Shares { person, after, odds: odds.collect(), left }
    }
}

impl Shares {
    /// From the answer to the queue, on the average.
    pub(super) fn delay_s(&self) -> f64 {
        self.after.iter().enumerate().map(|(half, share)| share * seconds(half)).sum()
    }

    /// How much of the patience is left after the verdict, on the average.
    pub(super) fn patience_s(&self, patience_s: f64) -> f64 {
        self.after.iter().enumerate().map(|(half, share)| share * (patience_s - seconds(half)).max(0.0)).sum()
    }

    /// How likely a call that answered as a person by `prior`, and has been listened to for `listened_s`, enters the
    /// queue between `from_s` and `until_s` from now.
    pub(super) fn enters(&self, prior: f64, listened_s: f64, from_s: f64, until_s: f64) -> f64 {
        let at = |s: f64| self.left[((s * 2.0) as usize).min(HALVES - 1)];
        let now = ((listened_s * 2.0) as usize).min(HALVES - 1);
        let person = prior * self.odds[now];
        let person = person / (person + 1.0 - prior).max(1e-9);
        let left = self.left[now];
        if left < 1e-6 {
            // Longer than any verdict took: it may come at any moment.
            return if from_s < 0.5 { person } else { 0.0 };
        }
        let late = if (until_s + listened_s) * 2.0 >= HALVES as f64 { 0.0 } else { at(until_s + listened_s) };
        let early = if (from_s + listened_s) * 2.0 >= HALVES as f64 { 0.0 } else { at(from_s + listened_s) };
        person * (early - late) / left
    }
}

fn seconds(half: usize) -> f64 {
    if half == 0 { 0.0 } else { (half as f64 + 0.5) / 2.0 }
}

fn normal(counts: &[f64]) -> Vec<f64> {
    let all: f64 = counts.iter().sum();
    if all > 0.0 { counts.iter().map(|count| count / all).collect() } else { vec![0.0; counts.len()] }
}

/// What is left from each on.
fn tail(shares: &[f64]) -> Vec<f64> {
    let mut left = 0.0;
    let mut tail: Vec<f64> = shares
        .iter()
        .rev()
        .map(|share| {
            left += share;
            left
        })
        .collect();
    tail.reverse();
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_amd_everybody_enters_the_queue_at_once() {
        let shares = Verdicts::default().shares();
        assert_eq!((shares.delay_s(), shares.patience_s(2.0)), (0.0, 2.0));
        assert!(shares.person.iter().all(|share| *share == 1.0));
    }

    #[test]
    fn who_answers_late_is_likelier_a_machine() {
        let mut verdicts = Verdicts::default();
        for _ in 0..200 {
            verdicts.verdict(8, 2.1, true);
            verdicts.verdict(20, 2.1, false);
        }
        let shares = verdicts.shares();
        assert!(shares.person[8] > 0.9 && shares.person[20] < 0.2, "{:?}", shares.person);
        let early: f64 =
            (0..5).map(|step| shares.enters(0.9, 1.0, f64::from(step), f64::from(step) + 1.0)).sum();
        assert!((early - 0.9).abs() < 0.05, "{early}");
        assert!(shares.patience_s(2.0) < 0.1, "{}", shares.patience_s(2.0));
    }
}
