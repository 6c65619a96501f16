//! How long things take: fixed, evenly spread, or as human durations are.

use std::time::Duration;

use fastrand::Rng;
use serde::Deserialize;

/// How long something takes, in seconds: always the same, evenly between two bounds, or as human durations are.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Spread {
    /// `2.5`
    Fixed(f64),
    /// `{ min = 1, max = 4 }`
    Even(Even),
    /// `{ median = 90, sigma = 0.7, max = 900 }`
    Lognormal(Lognormal),
}

/// Evenly between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Even {
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

/// A lognormal distribution: many short ones, few long ones.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lognormal {
    /// Half are shorter.
    pub median: f64,
    /// How far they lie apart: 0 not at all, 1 widely.
    pub sigma: f64,
    /// None is longer.
    pub max: f64,
}

/// Seconds as a duration; nothing where it is none.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

impl Spread {
    pub(super) fn none() -> Self {
        Self::Fixed(0.0)
    }

    /// One of its durations.
    pub(super) fn draw(&self, rng: &mut Rng) -> Duration {
        seconds(match self {
            Self::Fixed(always) => *always,
            Self::Even(Even { min, max }) => min + (max - min) * rng.f64(),
            Self::Lognormal(Lognormal { median, sigma, max }) => {
                // Box-Muller; 1 - f64() is never 0.
                let normal =
                    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
                (median * (sigma * normal).exp()).min(*max)
            }
        })
    }

    pub(super) fn values(&self) -> Vec<f64> {
        match *self {
            Self::Fixed(always) => vec![always],
            Self::Even(Even { min, max }) => vec![min, max],
            Self::Lognormal(Lognormal { median, sigma, max }) => vec![median, sigma, max],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_lognormal_ones_are_below_the_median_and_none_is_above_the_most() {
        let spread = Spread::Lognormal(Lognormal { median: 90.0, sigma: 0.7, max: 200.0 });
        let mut rng = Rng::with_seed(1);
        let drawn: Vec<_> = (0..10_000).map(|_| spread.draw(&mut rng)).collect();
        let below = drawn.iter().filter(|one| **one < seconds(90.0)).count();
        assert!((4_800..5_200).contains(&below), "{below}");
        assert_eq!(drawn.iter().max(), Some(&seconds(200.0)));
    }
}
