//! B3: the whole life of a call: claimed, committed, originated, followed by its sixteen events, ended, its line
//! written. Beside the peer, so that what is measured is astout.

use std::time::Duration;

use crate::alone;
use crate::dialing::{Dialing, over};
use crate::figure::{Figure, Rounds, Target, alternate};
use crate::peer::{ANSWERS, Peer};

/// Contacts of each side's list.
const CONTACTS: u64 = 60_000;
/// Lives before it is measured.
const FIRST: u64 = 2_000;
const MOST: Duration = Duration::from_secs(6);

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let peer = Peer::up();
    let mut a_sync = Vec::new();
    let ours = || {
        let mut dialing = Dialing::prepare(&peer, &over(ANSWERS), &[1], CONTACTS);
        let seen = dialing.spell(FIRST, CONTACTS - 2 * FIRST, MOST);
        a_sync.push(seen.lives_a_sync());
        seen.lives_a_second()
    };
    let (ours, theirs) = alternate(rounds, ours, || alone::lives_a_second(CONTACTS, MOST));
    let what = "whole lives of calls a second";
    vec![
        Figure::new("B3", (what, ours.clone()), ("the aim", Rounds::fixed(5_000.0)), Target::AtLeast(1.0)),
        Figure::new(
            "B3",
            (what, ours),
            ("SQLite alone, the same rows, 128 lives a commit", theirs),
            Target::AtLeast(1.0),
        ),
        Figure::new(
            "B3",
            ("lives a sync", Rounds::of(a_sync)),
            ("the aim", Rounds::fixed(50.0)),
            Target::AtLeast(1.0),
        ),
    ]
}
