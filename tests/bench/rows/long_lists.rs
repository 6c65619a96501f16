//! B4: what a dial costs does not depend on how long the list is, nor on how much of it is done with.

use std::time::Duration;

use crate::dialing::{Dialing, over};
use crate::figure::{Figure, Rounds, Target};
use crate::peer::{BUSY, Peer};

/// Dials of a round before it is measured, those that are, and for how long at most.
const FIRST: u64 = 200;
/// Of a million contacts ten thousand are due: they last for five rounds.
const DIALS: u64 = 1_700;
const MOST: Duration = Duration::from_secs(2);
/// Set, a list of ten million is dialled too: it takes some 5 GB on disk, and a quarter of an hour.
const TEN_MILLION: &str = "ASTOUT_BENCH_TEN_MILLION";
/// Of a hundred contacts one is due; half of the others are answered, half were tried a moment ago.
const FINISH: &str = "UPDATE dl_list SET trycnt = 1, trycnt_1 = 1, res_dial = iif(id % 2 = 0, 4, 8),
        last_outcome = iif(id % 2 = 0, 'answered', 'busy'), last_end = unixepoch() * 1000000
    WHERE id % 100 <> 0";

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let peer = Peer::up();
    // Of a thousand contacts each is tried again and again.
    let again = [&over(BUSY)[..2], &[("MaxRetry1", "1000"), ("RetryDelay", "0")]].concat();
    let mut short = Dialing::prepare(&peer, &again, &[1], 1_000);
    let mut sizes = vec![("10k", 10_000), ("100k", 100_000), ("1M", 1_000_000)];
    if std::env::var_os(TEN_MILLION).is_some() {
        sizes.push(("10M", 10_000_000));
    }
    let mut lists: Vec<_> = sizes
        .into_iter()
        .map(|(name, contacts)| (name.to_owned(), Dialing::prepare(&peer, &again, &[1], contacts)))
        .collect();
    let later = [&over(BUSY)[..2], &[("MaxRetry1", "1000"), ("RetryDelay", "36000")]].concat();
    let finished = Dialing::prepare(&peer, &later, &[1], 1_000_000);
    finished.change(FINISH);
    lists.push(("1M, of which 99 % are finished or not due".to_owned(), finished));

    let (mut of_short, mut of_lists) = (Vec::new(), vec![Vec::new(); lists.len()]);
    for round in 0..rounds {
        of_short.push(dial_us(&mut short));
        for ((_, list), figures) in lists.iter_mut().zip(&mut of_lists) {
            figures.push(dial_us(list));
        }
        let told: Vec<_> = of_lists.iter().map(|figures| format!("{:.0}", figures[round])).collect();
        eprintln!("bench:     round {}: {:.0} | {}", round + 1, of_short[round], told.join(" | "));
    }
    let short = Rounds::of(of_short);
    let figure = |((name, _), figures): (&(String, Dialing), Vec<f64>)| {
        let ours = (format!("µs a dial with {name} contacts"), Rounds::of(figures));
        Figure::new("B4", ours, ("with 1k", short.clone()), Target::AtMost(1.2))
    };
    lists.iter().zip(of_lists).map(figure).collect()
}

fn dial_us(dialing: &mut Dialing) -> f64 {
    1e6 / dialing.spell(FIRST, DIALS, MOST).lives_a_second()
}
