//! What is learnt of the agents: how soon who talks, and who wraps up, will be free. A table of ends by age, with the
//! time that was lived at each, those included who still talk: so a morning on which only the short calls are over
//! does not make all calls short.

use serde::{Deserialize, Serialize};

/// Bounds of the ages in seconds; the last bin has none.
const BOUNDS: [f64; 23] = [
    1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0, 25.0, 30.0, 37.0, 45.0, 55.0, 70.0, 90.0, 120.0, 160.0,
    220.0, 300.0, 420.0, 600.0, 900.0,
];
/// How many bins.
pub(super) const BINS: usize = BOUNDS.len() + 1;
/// So many ends later an end counts half.
const HALF_LIFE: f64 = 600.0;
/// Each bin begins with the rate of all, as if so many ends had been seen in it.
const POOL: f64 = 3.0;

/// How many are in each bin of ages.
pub(super) type Ages = [f64; BINS];

/// Ends and lived time by age.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lifetimes {
    ends: Vec<f64>,
    lived: Vec<f64>,
    all_ends: f64,
    all_lived: f64,
}

/// How likely one lives on: the sum of the hazard up to each bound.
#[derive(Debug, Clone)]
pub(super) struct Hazard {
    rates: Ages,
    sums: Ages,
}

fn bin(age_s: f64) -> usize {
    BOUNDS.partition_point(|bound| *bound <= age_s)
}

fn from(bin: usize) -> f64 {
    bin.checked_sub(1).map_or(0.0, |before| BOUNDS[before])
}

/// The middle of a bin.
pub(super) fn middle(bin: usize) -> f64 {
    let from = from(bin);
    (from + BOUNDS.get(bin).copied().unwrap_or(from * 1.5)) / 2.0
}

/// Counts by bins.
pub(super) fn by_age(ages_s: impl Iterator<Item = f64>) -> Ages {
    let mut counts = [0.0; BINS];
    for age_s in ages_s {
        counts[bin(age_s)] += 1.0;
    }
    counts
}

impl Lifetimes {
    /// Nothing is known but a mean to begin with, which weighs as much as so many ends.
    pub(super) fn of_mean(mean_s: f64, weight: f64) -> Self {
        let nothing = || vec![0.0; BINS];
        Self { ends: nothing(), lived: nothing(), all_ends: weight, all_lived: weight * mean_s }
    }

    /// One has ended after so long.
    pub(super) fn ended(&mut self, after_s: f64) {
        let keep = libm::exp2(-1.0 / HALF_LIFE);
        self.ends.iter_mut().chain(&mut self.lived).for_each(|cell| *cell *= keep);
        self.all_ends = self.all_ends * keep + 1.0;
        self.all_lived *= keep;
        self.ends[bin(after_s)] += 1.0;
    }

    /// So many of each age have lived for `seconds` more.
    pub(super) fn live(&mut self, ages: &Ages, seconds: f64) {
        for (lived, count) in self.lived.iter_mut().zip(ages) {
            *lived += count * seconds;
            self.all_lived += count * seconds;
        }
    }

    /// Some are over that were not seen one by one: so many, after so many seconds in all.
    pub(super) fn unseen(&mut self, ends: f64, seconds: f64) {
        let keep = libm::exp2(-ends / HALF_LIFE);
        self.all_ends = self.all_ends * keep + ends;
        self.all_lived = self.all_lived * keep + seconds;
    }

    /// The hazard at every age.
    pub(super) fn hazard(&self) -> Hazard {
        let all = (self.all_ends / self.all_lived.max(1e-9)).max(1e-9);
        let rates: Ages = std::array::from_fn(|bin| (self.ends[bin] + POOL) / (self.lived[bin] + POOL / all));
        let mut sums = [0.0; BINS];
        for bin in 1..BINS {
            sums[bin] = sums[bin - 1] + rates[bin - 1] * (from(bin) - from(bin - 1));
        }
        Hazard { rates, sums }
    }
}

impl Hazard {
    fn sum(&self, age_s: f64) -> f64 {
        let bin = bin(age_s);
        self.sums[bin] + self.rates[bin] * (age_s - from(bin))
    }

    /// How likely one of that age ends within so many seconds.
    pub(super) fn ends(&self, age_s: f64, within_s: f64) -> f64 {
        1.0 - libm::exp(self.sum(age_s) - self.sum(age_s + within_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_calls_that_are_over_do_not_make_all_calls_short() {
        let mut talk = Lifetimes::of_mean(90.0, 20.0);
        // Two of fifty are over after five seconds; the others still talk a minute later.
        for second in 0..60 {
            talk.live(&by_age((0..48).map(|_| f64::from(second))), 1.0);
        }
        talk.ended(5.0);
        talk.ended(5.0);
        assert!(talk.hazard().ends(40.0, 10.0) < 0.1, "{talk:?}");
    }

    #[test]
    fn before_anything_is_known_ends_come_at_the_rate_of_the_mean() {
        let ends = Lifetimes::of_mean(20.0, 20.0).hazard().ends(0.0, 20.0);
        assert!((ends - (1.0 - libm::exp(-1.0))).abs() < 1e-6, "{ends}");
    }
}
