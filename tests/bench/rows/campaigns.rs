//! B11: many campaigns together are dialled as fast as one alone, each by its weight.

use std::fs;
use std::time::Duration;

use crate::dialing::{Dialing, over};
use crate::figure::{Figure, Rounds, Target};
use crate::peer::{ANSWERS, Peer};

/// Contacts of all lists together.
const CONTACTS: u64 = 60_000;
/// Before that: each of a thousand campaigns has dialled, and its capsule is written.
const FIRST: u64 = 2_000;
const DIALS: u64 = 8_000;
const MOST: Duration = Duration::from_secs(2);
/// How much more the second of two campaigns weighs.
const WEIGHT: u32 = 3;

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let peer = Peer::up();
    let prepare =
        |weights: &[u32]| Dialing::prepare(&peer, &over(ANSWERS), weights, CONTACTS / weights.len() as u64);
    let mut one = prepare(&[1]);
    let mut many: Vec<_> = [2, 10, 1_000].map(|count| (count, prepare(&vec![1; count]))).into();
    let (mut of_one, mut of_many) = (Vec::new(), vec![Vec::new(); many.len()]);
    for round in 0..rounds {
        of_one.push(one.spell(FIRST, DIALS, MOST).lives_a_second());
        for ((_, dialing), figures) in many.iter_mut().zip(&mut of_many) {
            figures.push(dialing.spell(FIRST, DIALS, MOST).lives_a_second());
        }
        let told: Vec<_> = of_many.iter().map(|figures| format!("{:.0}", figures[round])).collect();
        eprintln!("bench:     round {}: {:.0} | {}", round + 1, of_one[round], told.join(" | "));
    }
    let one = Rounds::of(of_one);
    let figure = |((count, _), figures): (&(usize, Dialing), Vec<f64>)| {
        let ours = (format!("calls a second of {count} campaigns in sum"), Rounds::of(figures));
        Figure::new("B11", ours, ("one campaign", one.clone()), Target::AtLeast(0.95))
    };
    let mut figures: Vec<_> = many.iter().zip(of_many).map(figure).collect();
    figures.push(fairness(&mut prepare(&[1, WEIGHT]), rounds));
    figures
}

/// What the heavier one of two is dialled more often.
fn fairness(dialing: &mut Dialing, rounds: usize) -> Figure {
    let mut shares = Vec::new();
    for _ in 0..rounds {
        let before = fs::metadata(dialing.daemon.results_path()).map_or(0, |log| log.len());
        dialing.spell(FIRST, DIALS / 2, MOST);
        let log = fs::read_to_string(dialing.daemon.results_path()).unwrap();
        let log = &log[usize::try_from(before).unwrap()..];
        let lines = |campaign: usize| {
            let key = format!("\"camp_uuid\":\"{}\"", dialing.campaigns[campaign].uuid);
            log.lines().filter(|line| line.contains(&key)).count() as f64
        };
        shares.push(lines(1) / lines(0));
    }
    let ours =
        (format!("calls of a campaign of weight {WEIGHT} by those of one of weight 1"), Rounds::of(shares));
    Figure::new("B11", ours, ("the weights", Rounds::fixed(f64::from(WEIGHT))), Target::AtLeast(0.95))
}
