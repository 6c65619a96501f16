//! The whole of it under simulated time: the real engine, desk, store, result log, interpreter and both ends of AMI in
//! one process with the sandbox's world, one clock, and one seed that says everything that happens. The daemon is killed
//! at named points, the PBX and the network fail, operators meddle; a model says what must hold (docs/simulation.md).
//!
//! `ASTOUT_SEEDS` says how many seeds are run (10,000), `ASTOUT_FIRST_SEED` with which they begin; `ASTOUT_SEED` replays
//! one and tells its history.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failure is a failed test, and a replay tells what happened"
)]

mod daemon;
mod kills;
mod last;
mod link;
mod model;
mod operator;
mod pbx;
mod places;
mod seeds;
mod simulation;
mod tally;
mod trace;
mod troubles;

use kills::Point;
use seeds::{Ending, Seeds, number_of};
use trace::Trace;

/// What the seeds together must have done.
const HAPPENED: [&str; 36] = [
    "KILLS",
    "at any moment",
    "answered",
    "busy",
    "congestion",
    "noanswer",
    "rejected",
    "failed",
    "unknown",
    "pbx-restart",
    "withdrawn",
    "calls alive at a kill",
    "calls followed on after a kill, their end seen",
    "calls whose whole life was seen",
    "calls carried out late",
    "attempts that use up a cap",
    "torn lines",
    "lines written at a start",
    "commits that fail",
    "writes of the log that fail",
    "pings missed",
    "connections cut",
    "network blackouts",
    "connections half open",
    "PBX frozen",
    "PBX restarted in order",
    "PBX killed",
    "garbage from the PBX",
    "clock set",
    "log rotated",
    "faults: events lost",
    "faults: events doubled",
    "faults: events reordered",
    "faults: lists cut short",
    "faults: Originates not answered",
    "faults: Originates carried out late",
];

/// So many seeds must have done all of it.
const ENOUGH: u64 = 2_000;

#[test]
fn whatever_the_seed_every_promise_holds() {
    if let Ok(seed) = std::env::var("ASTOUT_SEED") {
        let seed = seed.parse().expect("ASTOUT_SEED is a number");
        return println!("{}", Seeds::new().run(seed, Trace::Aloud).tally);
    }
    let (first, count) = (number_of("ASTOUT_FIRST_SEED", 0), number_of("ASTOUT_SEEDS", 10_000));
    let tally = seeds::run_all(first..first + count);
    println!("{tally}");
    if count >= ENOUGH {
        let points = Point::ALL.map(|(_, name)| name);
        let never: Vec<_> = points.iter().chain(&HAPPENED).filter(|what| tally.of(what) == 0).collect();
        assert!(never.is_empty(), "{count} seeds, and never once: {never:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let seeds = Seeds::new();
    let history = |seed| seeds.run(seed, Trace::Hashed(Default::default()));
    let histories: Vec<Ending> = (0..20).map(history).collect();
    for (seed, first) in histories.iter().enumerate() {
        assert_eq!(history(seed as u64).history, first.history, "seed {seed}");
    }
    assert!(histories.windows(2).all(|two| two[0].history != two[1].history));
}
