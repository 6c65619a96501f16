//! B10: from the start of the process to `ready`, after a kill with a thousand calls under way.

use std::time::{Duration, Instant};

use crate::dialing::{Dialing, over};
use crate::figure::{Figure, Rounds, Target};
use crate::peer::{Peer, RINGING};

const CALLS: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// Set, it is ten million contacts.
const TEN_MILLION: &str = "ASTOUT_BENCH_TEN_MILLION";

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let (contacts, words) = match std::env::var_os(TEN_MILLION) {
        Some(_) => (10_000_000, "10M"),
        None => (1_000_000, "1M"),
    };
    let peer = Peer::up();
    let mut dialing = Dialing::prepare(&peer, &over(RINGING), &[1], contacts);
    dialing.daemon.reconfigure("max_channels = 5000", &format!("max_channels = {CALLS}"));
    dialing.go();
    let mut client = dialing.daemon.client();
    client.done("Events", &[("EventMask", "off")]);
    let begin = Instant::now();
    while client.list("OutDialingShow", &[]).len() < CALLS {
        assert!(begin.elapsed() < PATIENCE, "there are not {CALLS} calls");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(client);
    let mut start = || {
        dialing.daemon.kill();
        let begin = Instant::now();
        dialing.daemon.run();
        begin.elapsed().as_secs_f64()
    };
    let seconds = Rounds::of((0..rounds).map(|_| start()).collect());
    let what = format!("seconds from a start to ready, {words} contacts, {CALLS} open dialings");
    vec![Figure::new("B10", (what, seconds), ("the limit", Rounds::fixed(1.0)), Target::AtMost(1.0))]
}
