//! The benchmark suite: how fast astout is, always as a ratio of something else that was measured in the same run.
//!
//! `make bench` plays every row; `make bench ROWS='B3 B6'` some of them. The sides of a row alternate, each figure is the
//! median of at least five rounds, and the table goes into `docs/performance.md`. Benchmarks are no tests: nothing
//! fails on a time, only on a thing that does not work. All load stays on the loopback and ends by itself.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what does not work ends the run, and what is measured is told"
)]

mod alone;
mod blaster;
mod dialing;
mod figure;
mod machine;
mod page;
mod peer;
mod rows;
#[path = "../load/spacing.rs"]
mod spacing;
#[path = "../support/mod.rs"]
mod support;
mod syncs;

use std::process::ExitCode;

use rows::ROWS;

/// How often each side is measured where nobody says otherwise, and at least.
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let asked: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let known = |word: &String| ROWS.iter().any(|row| row.name.eq_ignore_ascii_case(word));
    if let Some(unknown) = asked.iter().find(|word| !known(word)) {
        eprintln!("bench: there is no row {unknown}; there are:");
        for row in ROWS {
            eprintln!("  {:<4} {}", row.name, row.about);
        }
        return ExitCode::from(64);
    }
    let rounds =
        std::env::var("ASTOUT_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let mut figures = Vec::new();
    for row in ROWS {
        if asked.is_empty() || asked.iter().any(|word| row.name.eq_ignore_ascii_case(word)) {
            eprintln!("bench: {}: {}", row.name, row.about);
            let measured = (row.measure)(rounds);
            for figure in &measured {
                eprintln!("bench:   {figure}");
            }
            figures.extend(measured);
        }
    }
    print!("{}", page::table(&figures));
    page::write(&figures);
    ExitCode::SUCCESS
}
