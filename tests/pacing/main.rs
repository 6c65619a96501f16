//! Pacing, and the simulated days that it is measured on: does the world agree with the published figures, does the
//! predictive mode keep its promises, does `astout simulate` say what people need?
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod command;
mod credit;
mod properties;
mod world;

use astout::simworld::report::Pooled;
use astout::simworld::{Scenario, run};

/// A scenario of `tests/pacing/scenarios`.
fn scenario(name: &str) -> Scenario {
    let path = format!("{}/tests/pacing/scenarios/{name}.json", env!("CARGO_MANIFEST_DIR"));
    Scenario::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Its days with those seeds.
fn days(scenario: &Scenario, policy: &str, seeds: std::ops::RangeInclusive<u64>) -> Pooled {
    let policy = policy.parse().unwrap();
    Pooled::of(&seeds.map(|seed| run(scenario, &policy, seed, None)).collect::<Vec<_>>())
}
