//! A long list, many calls, a flood of events, many clients of which some never read: the memory stays bounded, calls
//! are placed in time, clients that read miss nothing, and those that do not are dropped.
//!
//! Sizes come from the environment; `make load` has those of the promise (docs/reliability.md, P11), the defaults are
//! for every day. What is measured is printed.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failure is a failed test, and what is measured is told"
)]

mod clients;
mod spacing;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use clients::{Reader, deaf};
use spacing::Spacing;
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::list;
use support::process::{Process, Sample};
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL};

/// What the daemon may take.
const MEMORY_MB: f64 = 256.0;
/// How long it is dialled before anything is measured, and a client may stay that never reads.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much of everything.
#[derive(Debug)]
struct Sizes {
    contacts: u64,
    calls: u32,
    calls_per_second: u32,
    events_per_second: u64,
    clients: usize,
    /// Those among them that never read. Dropping them takes more than half a minute, so by default there are none;
    /// `tests/manager/sessions.rs` has one every day.
    deaf: usize,
    seconds: u64,
    /// The most that a call may be off its time, where that is held to: a machine with other work cannot be.
    jitter_ms: Option<f64>,
}

impl Sizes {
    fn from_environment() -> Self {
        let given = |name: &str| std::env::var(format!("ASTOUT_LOAD_{name}")).ok()?.parse::<u64>().ok();
        let size = |name, otherwise| given(name).unwrap_or(otherwise);
        Self {
            contacts: size("CONTACTS", 20_000),
            calls: size("CALLS", 50).try_into().unwrap(),
            calls_per_second: size("CALLS_PER_SECOND", 10).try_into().unwrap(),
            events_per_second: size("EVENTS", 200),
            clients: size("CLIENTS", 12).try_into().unwrap(),
            deaf: size("DEAF", 0).try_into().unwrap(),
            seconds: size("SECONDS", 10),
            jitter_ms: given("JITTER_MS").map(|most| most as f64),
        }
    }
}

/// A daemon that is up, over a list of that length, and the campaign that will dial it.
fn prepare(sandbox: &Sandbox, sizes: &Sizes) -> (Daemon, Campaign) {
    let mut daemon = Daemon::start_limited(sandbox, sizes.calls_per_second, sizes.calls * 2);
    let plan = [&LOCAL[..], &[("MaxRetry1", "1")]].concat();
    let hold = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
    let campaign = Campaign::create(&mut daemon.client(), &plan, &hold, &[]);
    assert!(daemon.stop().success());
    let since = Instant::now();
    list::fill(&daemon.path("astout.sqlite3"), &campaign.dlma, 0, sizes.contacts);
    let filled = since.elapsed();
    daemon.run();
    println!(
        "{} contacts written in {filled:.1?}; ready {:.1?} later",
        sizes.contacts,
        since.elapsed() - filled
    );
    (daemon, campaign)
}

/// Every answered call stays up so long that so many live at once.
fn profile(sizes: &Sizes) -> String {
    // Some longer than would do: the calls a second are a ceiling, and not quite reached.
    let stay = 1.08 * f64::from(sizes.calls) / f64::from(sizes.calls_per_second);
    format!(
        "[asterisk]\noriginate_s = 0.0\n[[context]]\nname = \"astout-demo\"\nnumbers = \"lab\"\n\
         [[destination]]\ncontext = \"astout-dest\"\nexten = \"hold\"\nstay_s = {stay:.3}\n"
    )
}

/// What an operator's screen does once a second.
fn look(screen: &mut Client, campaign: &Campaign) -> usize {
    screen.list("OutCampaignStatShow", &[("Uuid", &campaign.uuid)]);
    screen.list("OutDialingShow", &[]).len()
}

fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "{what} is not so after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn memory_stays_bounded_and_calls_are_placed_in_time_under_load() {
    let sizes = Sizes::from_environment();
    println!("{sizes:?}");
    let sandbox = Sandbox::up(&profile(&sizes));
    let (daemon, campaign) = prepare(&sandbox, &sizes);
    let (process, pbx) = (Process::of(daemon.pid()), Process::of(sandbox.pid()));
    let idle = process.sample();
    println!("idle: {idle}");

    let address = daemon.address();
    let deaf: Vec<_> = (0..sizes.deaf).map(|_| deaf(&address)).collect();
    let readers: Vec<_> = (deaf.len()..sizes.clients).map(|_| Reader::start(&address)).collect();
    let mut screen = daemon.client();
    screen.done("Events", &[("EventMask", "off")]);
    let flood = sizes.events_per_second.to_string();
    let lasting = (PATIENCE.as_secs() * 2 + sizes.seconds).to_string();
    sandbox.client().done("SandboxFault", &[("Flood", &flood), ("FloodOf", "calls"), ("For", &lasting)]);
    campaign.request(&mut screen, "1");
    let most = sizes.calls as usize;
    wait_until("as many calls as asked for", || look(&mut screen, &campaign) >= most);

    let begin = (Instant::now(), process.sample(), pbx.sample(), Reader::count_all(&readers));
    let from = sandbox.dialled_of("dialled").len();
    let mut samples: Vec<Sample> = Vec::new();
    while begin.0.elapsed() < Duration::from_secs(sizes.seconds) {
        std::thread::sleep(Duration::from_secs(1));
        let live = look(&mut screen, &campaign);
        let sample = process.sample();
        if samples.len().is_multiple_of(10) {
            println!("{:4.0} s: {live} calls, {sample}", begin.0.elapsed().as_secs_f64());
        }
        samples.push(sample);
    }
    let lasted = begin.0.elapsed().as_secs_f64();
    let end = process.sample();
    let dialled = sandbox.dialled_of("dialled");
    let seen = Spacing::of(&spacing::times(&dialled[from..]), sizes.calls_per_second);
    let told = Reader::count_all(&readers).iter().zip(&begin.3).map(|(now, then)| now - then).min().unwrap();
    println!("astout: CPU {:.0} %, {end}", begin.1.cpu_since(&end, lasted));
    println!("sandbox: CPU {:.0} %", begin.2.cpu_since(&pbx.sample(), lasted));
    println!("each of {} clients that read: {:.0} events a second", readers.len(), told as f64 / lasted);
    println!("off the time of a call: {seen}");

    let dropped = || daemon.log().matches("does not read what it is sent").count();
    wait_until("that who never reads is dropped", || dropped() == deaf.len());
    campaign.request(&mut screen, "30");
    let status = |screen: &mut Client| {
        header(&screen.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0], "Status")
    };
    wait_until("stopped", || status(&mut screen) == "0");
    let last = process.sample();
    println!("at the end: {last}");
    // Whoever reads has missed nothing: all have been told the same.
    wait_until("that all clients know the same", || {
        let counts = Reader::count_all(&readers);
        counts.iter().all(|count| *count == counts[0])
    });
    assert_eq!(dropped(), deaf.len(), "somebody who reads was dropped");
    assert!(last.peak_mb <= MEMORY_MB, "{last}");
    if let Some(most) = sizes.jitter_ms {
        assert!(seen.max_ms < most, "{seen}");
    }
    let since = Instant::now();
    daemon.check();
    println!("astout check took {:.1?}", since.elapsed());
}
