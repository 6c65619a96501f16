//! Runs seeds: each in a directory of its own in memory, many on as many threads as there are processors, and a failing
//! one told with the command that replays it.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::places::Places;
use crate::simulation::{Simulation, secs};
use crate::tally::Tally;
use crate::trace::Trace;

/// After so many failures the rest is not run.
const FAILURES: usize = 5;

/// A number from the environment.
pub(crate) fn number_of(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().expect("a number"))
}

/// How a seed went.
pub(crate) struct Ending {
    pub(crate) tally: Tally,
    pub(crate) history: u64,
}

/// Where seeds are run.
pub(crate) struct Seeds {
    directory: TempDir,
    runtime: Runtime,
}

impl Seeds {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let seeds = Self {
            directory: directory.unwrap(),
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
        };
        seeds.runtime.block_on(Places::template(&seeds.template()));
        seeds
    }

    fn template(&self) -> std::path::PathBuf {
        self.directory.path().join("template.sqlite3")
    }

    /// Runs one seed to its end.
    pub(crate) fn run(&self, seed: u64, trace: Trace) -> Ending {
        let directory = self.directory.path().join("seed");
        if directory.exists() {
            std::fs::remove_dir_all(&directory).unwrap();
        }
        let places = Places::new(&directory, &self.template());
        self.runtime.block_on(async {
            let mut simulation = Simulation::new(seed, places, trace);
            simulation.live().await;
            if let Some(daemon) = simulation.daemon.take() {
                daemon.close().await;
            }
            simulation.places.clear();
            Ending { history: simulation.trace.hash(), tally: simulation.tally }
        })
    }
}

impl Simulation {
    /// From the first start to the last line.
    async fn live(&mut self) {
        self.set_up().await;
        let trouble = secs(self.rng.u64(5..40));
        self.plan_troubles(trouble);
        self.advance(trouble).await;
        self.come_to_an_end().await;
    }
}

/// Runs these seeds, on every processor.
pub(crate) fn run_all(range: Range<u64>) -> Tally {
    let (next, failed) = (AtomicU64::new(range.start), AtomicUsize::new(0));
    let (tally, failures) = (Mutex::new(Tally::default()), Mutex::new(Vec::new()));
    let since = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut seeds = Seeds::new();
                while failed.load(Ordering::Relaxed) < FAILURES {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= range.end {
                        return;
                    }
                    match catch_unwind(AssertUnwindSafe(|| seeds.run(seed, Trace::Nowhere))) {
                        Ok(ending) => tally.lock().unwrap().merge(&ending.tally),
                        Err(_) => {
                            println!("the above was seed {seed}");
                            failed.fetch_add(1, Ordering::Relaxed);
                            failures.lock().unwrap().push(seed);
                            seeds = Seeds::new();
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let replay = |seed: &u64| {
        format!("ASTOUT_SEED={seed} cargo test --locked --test simulation whatever_the_seed -- --nocapture")
    };
    let replays: Vec<String> = failures.iter().map(replay).collect();
    println!("{} seeds in {:.1?}", range.end - range.start, since.elapsed());
    assert!(failures.is_empty(), "{} seeds failed; to replay them:\n{}", failures.len(), replays.join("\n"));
    tally.into_inner().unwrap()
}
