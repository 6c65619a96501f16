//! What predictive pacing may risk, by the persons who were put through: as usual, with `strict`, and where the persons
//! count whom AMD hangs up on.

use std::time::Duration;

use astout::engine::pacing::predictive::{Predictive, Settings};
use astout::engine::pacing::{Event, View};

/// Nobody is free, but everybody soon: they wrap up, which takes a second.
const BUSY: View = View { free: 0, talking: 0, wrapping: 5, waiting: 0, room: 20 };

/// So many persons were put through, and twice as many called in vain.
fn after(settings: Settings, persons: u64) -> Predictive<u64> {
    let mut pacer = Predictive::new(settings);
    pacer.decide(Duration::ZERO, BUSY);
    for call in 0..3 * persons {
        let dialled = Duration::from_secs(call);
        pacer.heard(dialled, Event::Dialled(call));
        pacer.heard(dialled + Duration::from_secs(1), Event::Ringing(call));
        let ended = dialled + Duration::from_secs(6);
        if call % 3 == 0 {
            pacer.heard(ended, Event::Connected(call));
            pacer.heard(ended + Duration::from_secs(5), Event::Talked { id: call, machine: false });
            pacer.heard(ended + Duration::from_secs(6), Event::Wrapped(Duration::from_secs(1)));
        } else {
            pacer.heard(ended, Event::Unanswered(call));
        }
    }
    pacer
}

/// So many more persons were put through whom no agent took in time.
fn abandoning(mut pacer: Predictive<u64>, persons: u64) -> Predictive<u64> {
    let now = Duration::from_secs(9000);
    for call in 5000..5000 + persons {
        pacer.heard(now, Event::Dialled(call));
        pacer.heard(now, Event::Queued(call));
        pacer.heard(now, Event::Abandoned(call));
    }
    pacer
}

fn dials(mut pacer: Predictive<u64>) -> u32 {
    pacer.decide(Duration::from_secs(10_000), BUSY).dial
}

#[test]
fn with_less_credit_than_half_a_call_nothing_is_risked() {
    // Of 112 persons and three who were abandoned, 3 % are 3.45; of 20 more, 4.05.
    for (persons, credit) in [(112, 0.45), (132, 1.05)] {
        let pacer = abandoning(after(Settings::default(), persons), 3);
        let standing = pacer.standing();
        assert!((standing.credit - credit).abs() < 1e-6, "{standing:?}");
        assert_eq!(standing.risk > 0.0, credit > 0.5, "{standing:?}");
        assert!(credit > 0.5 || dials(pacer) == 0);
    }
}

#[test]
fn strict_lends_nothing_and_keeps_three_abandoned_calls_in_reserve() {
    let strict = Settings { strict: true, ..Settings::default() };
    // A new window is usually lent a call, and after twenty persons there is some of it left.
    for persons in [0, 20, 99] {
        assert!(after(Settings::default(), persons).standing().risk > 0.0, "after {persons}");
    }
    assert!(dials(after(Settings::default(), 99)) > 0);
    // A hundred persons earn three abandoned calls, which are the reserve.
    for persons in [0, 20, 99] {
        let pacer = after(strict, persons);
        assert_eq!(pacer.standing().risk, 0.0, "after {persons}");
        assert_eq!(dials(pacer), 0, "after {persons}");
    }
    let pacer = after(strict, 150);
    assert!(pacer.standing().risk > 0.0, "{:?}", pacer.standing());
    assert!(dials(pacer) > 0);
}

#[test]
fn persons_whom_amd_hangs_up_on_are_charged_where_they_count() {
    let counting = |amd_false_positives| Settings { amd_false_positives, ..Settings::default() };
    // Of a hundred who answer one is hung up on: ninety-nine are put through, and three less one are left.
    let standing = after(counting(0.01), 99).standing();
    assert!((standing.live - 100.0).abs() < 1e-6, "{standing:?}");
    assert!((standing.abandoned - 1.0).abs() < 1e-6, "{standing:?}");
    assert!((standing.credit - 2.0).abs() < 1e-6, "{standing:?}");
    // Where AMD alone spends more than is allowed, nothing is left to risk.
    let pacer = after(counting(0.05), 100);
    assert!(pacer.standing().credit < -1.0, "{:?}", pacer.standing());
    assert_eq!(dials(pacer), 0);
    assert!(dials(after(counting(0.0), 100)) > 0);
}

#[test]
fn strict_saves_up_one_call_beyond_its_reserve_however_quiet_it_was() {
    let strict = Settings { strict: true, ..Settings::default() };
    let standing = after(strict, 1000).standing();
    assert!((4.0..4.031).contains(&standing.credit), "{standing:?}");
    assert!(after(Settings::default(), 1000).standing().credit > 8.0);
}
