//! B5: what astout takes of the memory.

use crate::figure::{Figure, Rounds, Target};
use crate::support::daemon::Daemon;
use crate::support::process::Process;
use crate::support::sandbox::Sandbox;

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let idle = || {
        let sandbox = Sandbox::up("");
        let daemon = Daemon::start(&sandbox, "");
        drop(daemon.client());
        Process::of(daemon.pid()).sample().mb
    };
    let idle = Rounds::of((0..rounds).map(|_| idle()).collect());
    let limit = ("the limit; the original takes 44", Rounds::fixed(20.0));
    vec![Figure::new("B5", ("MB resident, idle", idle), limit, Target::AtMost(1.0))]
}
