//! B1 and B2: calls a second through a real Asterisk, beside a program that does nothing but originate.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};

use crate::blaster::{self, Blaster};
use crate::figure::{Figure, Target, alternate};
use crate::support::daemon::Daemon;
use crate::support::fates::SIPP;
use crate::support::lab::Lab;
use crate::support::scenario::{Campaign, LOCAL};

/// Contacts of a round.
const CONTACTS: u64 = 10_000;
/// Ceilings, no aims: astout is to find its own pace below them.
const CEILING: u32 = 5_000;
/// Where an answered call goes: it is hung up there at once.
const DESTINATION: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hangup"), ("Context", "astout-dest")];

/// What is dialled, and how both sides write it.
struct Way {
    /// The plan's fields.
    plan: [(&'static str, &'static str); 2],
    /// The contacts' numbers begin so.
    prefix: &'static str,
    /// The blaster's channel of a number.
    channel: fn(u64) -> String,
}

pub(crate) fn local(rounds: usize) -> Vec<Figure> {
    let way =
        Way { plan: LOCAL, prefix: "10099", channel: |place| format!("Local/10099{place:07}@astout-demo") };
    vec![measure("B1", "Local calls a second", rounds, &way, Target::AtLeast(0.9))]
}

pub(crate) fn sip(rounds: usize) -> Vec<Figure> {
    let way = Way { plan: SIPP, prefix: "2002", channel: |place| format!("PJSIP/2002{place:07}@sipp") };
    vec![measure("B2", "PJSIP calls a second", rounds, &way, Target::AtLeast(0.95))]
}

fn measure(row: &'static str, what: &str, rounds: usize, way: &Way, target: Target) -> Figure {
    let lab = Lab::up(&format!("bench-{}", row.to_lowercase()));
    let window = best_window(&mut Blaster::beside(&lab), way);
    let (ours, theirs) = alternate(
        rounds,
        || dialled(&lab, way),
        || Blaster::beside(&lab).blast(window, CONTACTS, way.channel),
    );
    Figure::new(row, (what, ours), (format!("a bare blaster, {window} calls at once"), theirs), target)
}

/// The number of calls at once with which the blaster is fastest.
fn best_window(blaster: &mut Blaster, way: &Way) -> usize {
    let trial = CONTACTS / 4;
    blaster.blast(blaster::WINDOWS[0], trial, way.channel);
    let tried = blaster::WINDOWS.map(|window| (blaster.blast(window, trial, way.channel), window));
    let (_, best) = tried.into_iter().max_by(|one, other| one.0.total_cmp(&other.0)).unwrap();
    best
}

/// astout's calls a second: from the start of the campaign until the last result line is synced.
fn dialled(lab: &Lab, way: &Way) -> f64 {
    let mut daemon = Daemon::start_limited(lab, CEILING, CEILING);
    daemon.not_checked("Asterisk's own account has the blaster's calls too");
    let mut client = daemon.client();
    let plan = [&way.plan[..], &[("MaxRetry1", "1"), ("DialTimeout", "30000")]].concat();
    let campaign = Campaign::create(&mut client, &plan, &DESTINATION, &[]);
    fill(&daemon, &campaign.dlma, way.prefix);
    // Nobody but the result log is read.
    client.done("Events", &[("EventMask", "off")]);
    let mut log = fs::File::open(daemon.results_path()).unwrap();
    let began = Instant::now();
    campaign.request(&mut client, "1");
    let deadline = began + Duration::from_secs(120);
    let (mut lines, mut part) = (0, vec![0; 256 * 1024]);
    while lines < CONTACTS {
        assert!(Instant::now() < deadline, "{lines} of {CONTACTS} calls\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(10));
        let count = log.read(&mut part).unwrap();
        lines += part[..count].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    let rate = CONTACTS as f64 / began.elapsed().as_secs_f64();
    let answered = daemon.results().iter().filter(|line| line["outcome"] == "answered").count();
    assert!(answered as u64 * 100 >= CONTACTS * 99, "only {answered} of {CONTACTS} calls were answered");
    rate
}

fn fill(daemon: &Daemon, dlma: &str, prefix: &str) {
    let file = daemon.path("contacts.csv");
    let mut rows = "name,number1\n".to_owned();
    for place in 0..CONTACTS {
        writeln!(rows, "client {place},{prefix}{place:07}").unwrap();
    }
    fs::write(&file, rows).unwrap();
    let imported = daemon.cli(&["import", "--dlma", dlma, file.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
}
