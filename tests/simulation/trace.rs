//! The history of a seed: said aloud for a replay, hashed to compare two runs, and nothing at all in the thousands.

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Where the history goes.
pub(crate) enum Trace {
    Nowhere,
    Aloud,
    Hashed(DefaultHasher),
}

impl Trace {
    /// Something happened.
    pub(crate) fn say<T: Display>(&mut self, now: Duration, what: impl FnOnce() -> T) {
        match self {
            Self::Nowhere => {}
            Self::Aloud => println!("{:10.6}  {}", now.as_secs_f64(), what()),
            Self::Hashed(hasher) => (now, what().to_string()).hash(hasher),
        }
    }

    /// What was said so far, in one number.
    pub(crate) fn hash(&self) -> u64 {
        match self {
            Self::Nowhere | Self::Aloud => 0,
            Self::Hashed(hasher) => hasher.finish(),
        }
    }
}
