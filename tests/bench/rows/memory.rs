//! B5: what astout takes of the memory.

use std::time::{Duration, Instant};

use crate::dialing::{Dialing, over};
use crate::figure::{Figure, Rounds, Target};
use crate::peer::{Peer, RINGING};
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::process::Process;

/// Contacts of the long list.
const CONTACTS: u64 = 1_000_000;
/// Calls that ring while it is looked at.
const CALLS: u64 = 2_000;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let peer = Peer::up();
    let of = |measured: &mut dyn FnMut() -> f64| Rounds::of((0..rounds).map(|_| measured()).collect());
    let idle = of(&mut || taken_by(&Daemon::start(&peer, "")));
    let mut listed = standing(&peer, CONTACTS);
    let with_list = of(&mut || {
        listed.go();
        let taken = taken_by(&listed.daemon);
        assert!(listed.daemon.stop().success());
        taken
    });
    let a_call = of(&mut || {
        let mut dialing = standing(&peer, 3 * CALLS);
        dialing.go();
        let before = taken_by(&dialing.daemon);
        let calls = ring(&dialing);
        let taken = taken_by(&dialing.daemon) - before;
        dialing.daemon.kill();
        taken * 1024.0 / calls
    });
    let limit = |what: &str, most: f64| (format!("the limit; {what}"), Rounds::fixed(most));
    let most = Target::AtMost(1.0);
    vec![
        Figure::new("B5", ("MB resident, idle", idle), limit("the original takes 44", 20.0), most),
        Figure::new(
            "B5",
            ("MB resident, with a million contacts", with_list),
            limit("the original's list is a table too", 40.0),
            most,
        ),
        Figure::new(
            "B5",
            ("kB a call, of 2,000 and more that ring", a_call),
            limit("the original takes 123", 8.0),
            most,
        ),
    ]
}

/// A list with a campaign that is not started.
fn standing(peer: &Peer, contacts: u64) -> Dialing {
    let dialing = Dialing::prepare(peer, &over(RINGING), &[1], contacts);
    dialing.change("UPDATE campaign SET status = 0");
    dialing
}

/// Starts the campaign and waits until there are enough calls; gives how many.
fn ring(dialing: &Dialing) -> f64 {
    let mut client = dialing.daemon.client();
    client.done("Events", &[("EventMask", "off")]);
    dialing.campaigns[0].request(&mut client, "1");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let summary = client.list("OutDialingSummary", &[]);
        let calls: u64 = summary.first().map_or(0, |entry| header(entry, "Count").parse().unwrap());
        if calls >= CALLS {
            return calls as f64;
        }
        assert!(Instant::now() < deadline, "{calls} calls\n{}", dialing.daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Resident megabytes, once a client has been served.
fn taken_by(daemon: &Daemon) -> f64 {
    drop(daemon.client());
    Process::of(daemon.pid()).sample().mb
}
