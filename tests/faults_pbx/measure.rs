//! What the cases tell of what they saw, on the test's output; and how long they last, from the environment.

#![expect(clippy::print_stdout, reason = "the test runner shows it on request")]

use std::time::Duration;

/// Says it, beside the case.
pub(crate) fn saw(case: u32, what: &str) {
    println!("case {case}: {what}");
}

/// A number from the environment, or that one.
pub(crate) fn number_of(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A length of time from the environment, in seconds, or that one.
pub(crate) fn seconds_of(name: &str, otherwise: usize) -> Duration {
    Duration::from_secs(number_of(name, otherwise) as u64)
}
