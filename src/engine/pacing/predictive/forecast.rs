//! What the tables say of the next half minute, a step at a time: when a call that rings now will have its person in the
//! queue, and when an agent will be free. Worked out every second or so, and asked at every decision.

use super::amd::{Shares, Verdicts};
use super::busy::{self, Ages, Lifetimes};
use super::ring::{AGES, Ring};
use super::walk::{STEP_S, STEPS};

/// A share for each step.
pub(super) type Steps = [f64; STEPS];

/// So many standard errors are added to the answers that are expected.
const DOUBT: f64 = 0.5;
const SPAN_S: usize = STEPS * STEP_S as usize;

/// When a call's person enters the queue: how likely in each step, apart for those steps in which it has rung so long
/// that it would have been given up had no agent been in sight.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Arrival {
    /// While it cannot be given up.
    pub(super) bound: Steps,
    /// Later.
    pub(super) late: Steps,
}

impl Arrival {
    /// So many of them, added up.
    pub(super) fn add(&mut self, other: &Self, calls: f64) {
        for (sum, each) in self.bound.iter_mut().zip(&other.bound) {
            *sum += calls * each;
        }
        for (sum, each) in self.late.iter_mut().zip(&other.late) {
            *sum += calls * each;
        }
    }

    /// So many times as many.
    pub(super) fn times(mut self, factor: f64) -> Self {
        self.bound.iter_mut().chain(&mut self.late).for_each(|share| *share *= factor);
        self
    }

    /// How likely it ever does.
    pub(super) fn total(&self) -> f64 {
        self.bound.iter().chain(&self.late).sum()
    }

    fn put(&mut self, age: usize, late_s: usize, at_s: f64, share: f64) {
        let steps = if age >= late_s { &mut self.late } else { &mut self.bound };
        if let Some(step) = steps.get_mut((at_s / STEP_S) as usize) {
            *step += share;
        }
    }
}

/// Of calls.
#[derive(Debug, Clone)]
pub(super) struct CallForecast {
    /// One that has rung for so long.
    pub(super) ringing: Vec<Arrival>,
    /// One that was dialled a moment ago.
    pub(super) originating: Arrival,
    /// One that is dialled now.
    pub(super) dialled: Arrival,
    /// What comes between the answer and the queue.
    pub(super) shares: Shares,
    /// All of them by so much more, for what is not known.
    pub(super) doubt: f64,
}

impl CallForecast {
    pub(super) fn new(ring: &Ring, verdicts: &Verdicts, late_s: usize) -> Self {
        let shares = verdicts.shares();
        let hazards = ring.hazards();
        let delay = shares.delay_s();
        let mut ringing = vec![Arrival::default(); AGES];
        let mut first = [0.0; SPAN_S];
        for (from, arrival) in ringing.iter_mut().enumerate() {
            let mut left = 1.0;
            for (second, first) in first.iter_mut().enumerate() {
                let age = (from + second).min(AGES - 1);
                let (answer, end) = hazards[age];
                let enters = left * answer * shares.person[age];
                left *= 1.0 - answer - end;
                if from == 0 {
                    *first = enters;
                }
                arrival.put(age, late_s, second as f64 + delay, enters);
                if left < 1e-6 {
                    break;
                }
            }
        }
        let later = |by: f64| {
            let mut arrival = Arrival::default();
            for (second, enters) in first.iter().enumerate() {
                arrival.put(second, late_s, second as f64 + delay + by, *enters);
            }
            arrival
        };
        let originate_s = ring.originate_s();
        let (dialled, originating) = (later(originate_s), later(originate_s / 2.0));
        Self { ringing, originating, dialled, shares, doubt: 1.0 + DOUBT * ring.doubt() }
    }
}

/// Of agents: how likely one becomes free in each step, early enough for a caller who waits.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentForecast {
    /// One who talks.
    pub(super) talking: Steps,
    /// One who wraps up.
    pub(super) wrapping: Steps,
}

impl AgentForecast {
    pub(super) fn new(
        talk: &Lifetimes,
        wrap: &Lifetimes,
        talking: &Ages,
        wrapping: &Ages,
        patience_s: f64,
    ) -> Self {
        let (talk, wrap) = (talk.hazard(), wrap.hazard());
        let by = |step: usize| (step + 1) as f64 * STEP_S + patience_s;
        let fresh: Vec<f64> = (0..SPAN_S + 60).map(|second| wrap.ends(0.0, second as f64)).collect();
        let mut forecast = Self::default();
        each(talking, |age_s, share| {
            let mut ended = 0.0;
            let ends: [f64; STEPS + 2] = std::array::from_fn(|step| {
                let until = talk.ends(age_s, (step + 1) as f64 * STEP_S);
                let within = until - ended;
                ended = until;
                within
            });
            for (step, cell) in forecast.talking.iter_mut().enumerate() {
                for (end, gone) in ends.iter().enumerate() {
                    let rest = by(step) - (end as f64 + 0.5) * STEP_S;
                    if rest <= 0.0 {
                        break;
                    }
                    *cell += share * gone * fresh[(rest as usize).min(fresh.len() - 1)];
                }
            }
        });
        each(wrapping, |age_s, share| {
            for (step, cell) in forecast.wrapping.iter_mut().enumerate() {
                *cell += share * wrap.ends(age_s, by(step));
            }
        });
        for steps in [&mut forecast.talking, &mut forecast.wrapping] {
            for step in (1..STEPS).rev() {
                steps[step] -= steps[step - 1];
            }
        }
        forecast
    }
}

/// The ages with their share of all; where there are none, as if one of some age were there.
fn each(ages: &Ages, mut take: impl FnMut(f64, f64)) {
    let all: f64 = ages.iter().sum();
    if all <= 0.0 {
        return take(10.0, 1.0);
    }
    for (bin, count) in ages.iter().enumerate().filter(|(_, count)| **count > 0.0) {
        take(busy::middle(bin), count / all);
    }
}
