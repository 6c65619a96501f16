//! Chance: a number drawn for each call and each purpose, by counting and not by a stream, so that the hundredth call
//! is the same whatever was decided before it. `ln`, `exp` and `cos` are libm's, for the platform's differ in the last bit.

use std::f64::consts::TAU;

use super::scenario::{Spread, Talk};

/// What a draw is for: a number of its own each; those that are normal take the next one too.
pub mod slot {
    /// Who answers, if any.
    pub const OUTCOME: u64 = 0;
    /// How long until it rings.
    pub const ORIGINATE: u64 = 1;
    /// How long it rings.
    pub const RING: u64 = 3;
    /// How long they talk.
    pub const TALK: u64 = 5;
    /// How long the agent's work takes after it.
    pub const WRAP: u64 = 7;
    /// Which kind of talk.
    pub const TALK_KIND: u64 = 9;
    /// How long AMD listens.
    pub const AMD_DELAY: u64 = 11;
    /// What AMD says.
    pub const AMD_VERDICT: u64 = 13;
}

/// The draws of one run.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    seed: u64,
}

/// Of those draws, the breaks' are others.
const BREAKS: u64 = 0xB4EA;

fn splitmix64(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Draws {
    /// Those of that seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Those of the agents' breaks.
    pub const fn breaks(self) -> Self {
        Self { seed: self.seed ^ BREAKS }
    }

    /// From 0 to 1, 1 excluded.
    pub fn uniform(self, call: u64, slot: u64) -> f64 {
        let bits = splitmix64(splitmix64(splitmix64(self.seed) ^ call) ^ slot) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }

    /// Normal, by Box and Muller.
    pub fn normal(self, call: u64, slot: u64) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.uniform(call, slot))).sqrt();
        radius * libm::cos(TAU * self.uniform(call, slot + 1))
    }

    /// A time of that spread.
    pub fn time(self, call: u64, slot: u64, Spread { mean_s, cv }: Spread) -> f64 {
        let variance = libm::log(1.0 + cv * cv);
        libm::exp(libm::log(mean_s) - variance / 2.0 + variance.sqrt() * self.normal(call, slot))
    }

    /// How long they talk.
    pub fn talk(self, call: u64, talk: &Talk) -> f64 {
        let spread = match talk {
            Talk::One(spread) => *spread,
            Talk::Mixed(parts) => {
                let mut left =
                    self.uniform(call, slot::TALK_KIND) * parts.iter().map(|part| part.w).sum::<f64>();
                let chosen = parts.iter().find(|part| {
                    left -= part.w;
                    left < 0.0
                });
                // Rounding may leave a rest behind the last one.
                let Some(part) = chosen.or(parts.last()) else { return 0.0 };
                Spread { mean_s: part.mean_s, cv: part.cv }
            }
        };
        self.time(call, slot::TALK, spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // Steele, Lea, Flood 2014: the first outputs from state 0.
        assert_eq!(splitmix64(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(splitmix64(0x9E37_79B9_7F4A_7C15), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn times_have_their_mean_and_spread() {
        let draws = Draws::new(7);
        let times: Vec<f64> =
            (0..20_000).map(|call| draws.time(call, slot::TALK, Spread { mean_s: 90.0, cv: 0.8 })).collect();
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / times.len() as f64;
        assert!((mean - 90.0).abs() < 2.0, "{mean}");
        assert!((variance.sqrt() / mean - 0.8).abs() < 0.05, "{variance}");
    }
}
