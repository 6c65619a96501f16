//! B12: what a decision of predictive pacing costs with a thousand agents and three thousand channels, over a whole simulated
//! day, and how long a day of twenty agents takes.

use std::path::Path;
use std::time::Instant;

use astout::simworld::{Policy, Scenario, run, run_watched};

use crate::figure::{Figure, Rounds, Target};

const MEAN_US: f64 = 25.0;
const P99_US: f64 = 100.0;
const DAY_S: f64 = 3.0;

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let policy: Policy = "predictive".parse().unwrap();
    let (thousand, twenty) = (scenario("T_1000"), scenario("P2_20"));
    let (mut means, mut p99s, mut days) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 1..=rounds as u64 {
        let mut took = Vec::new();
        run_watched(&thousand, &policy, seed, &mut |decide| {
            let began = Instant::now();
            decide();
            took.push(began.elapsed().as_nanos() as f64 / 1000.0);
        });
        took.sort_by(f64::total_cmp);
        means.push(took.iter().sum::<f64>() / took.len() as f64);
        p99s.push(took[took.len() * 99 / 100]);
        let began = Instant::now();
        run(&twenty, &policy, seed, None);
        days.push(began.elapsed().as_secs_f64());
    }
    let figure = |what, seen, limit, most| {
        Figure::new("B12", (what, Rounds::of(seen)), (limit, Rounds::fixed(most)), Target::AtMost(1.0))
    };
    vec![
        figure("µs a decision with a thousand agents, mean", means, "the limit", MEAN_US),
        figure("the same, the slowest of a hundred", p99s, "the limit", P99_US),
        figure("seconds a simulated day of twenty agents", days, "the limit", DAY_S),
    ]
}

fn scenario(name: &str) -> Scenario {
    let path = format!("tests/pacing/scenarios/{name}.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    Scenario::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}
