//! Any order of a call's events that Asterisk may send, with some doubled and some lost, ends it once.

use astout::engine::Effect;
use astout::engine::dialing::CallEvent;
use astout::model::codes::HangupCause;
use astout::model::dialing::Ending;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::pbx::{Fate, Step, fates};
use crate::world::{World, millis, secs};

/// The order of one run: where the response stands among the channel's events, how far apart the events are, which of
/// them come again and where, and which are lost.
#[derive(Debug, Clone)]
struct Order {
    fate: Fate,
    response: Index,
    gaps: Vec<u64>,
    doubles: Vec<(Index, Index)>,
    lost: Vec<Index>,
}

fn orders(lost: impl Strategy<Value = Vec<Index>>) -> impl Strategy<Value = Order> {
    let index = any::<Index>;
    let doubles = prop::collection::vec((index(), index()), 0..4);
    let gaps = prop::collection::vec(0..100_u64, 16);
    (prop::sample::select(fates()), index(), gaps, doubles, lost)
        .prop_map(|(fate, response, gaps, doubles, lost)| Order { fate, response, gaps, doubles, lost })
}

impl Order {
    fn steps(&self) -> Vec<Step> {
        let mut events = vec![CallEvent::Queued];
        events.extend(self.fate.channel.iter().cloned());
        events.insert(1 + self.response.index(events.len()), self.fate.response.clone());
        for (what, place) in &self.doubles {
            let what = what.index(events.len());
            let place = what + 1 + place.index(events.len() - what);
            events.insert(place, events[what].clone());
        }
        let gaps = self.gaps.iter().cycle();
        let mut steps: Vec<Step> =
            events.into_iter().zip(gaps).map(|(event, gap)| Step::after(millis(*gap), event)).collect();
        for lost in &self.lost {
            let lost = lost.index(steps.len());
            steps[lost].heard = 0;
        }
        steps
    }

    /// Lets a call have this fate, and gives its end.
    fn run(&self, wait: u64) -> (World, Ending) {
        let mut world = World::new();
        let steps = self.steps();
        world.pbx.script = Box::new(move |_| steps.clone());
        let (_, dialing) = world.one_call(&[("MaxRetry1", "1")]);
        world.advance(secs(wait));
        assert_eq!(world.records.endings.len(), 1, "one end");
        assert!(world.records.open.is_empty());
        let ending = world.ending(dialing).clone();
        // What comes after the end is late: it has no effect at all.
        let before = world.log.len();
        for event in self.fate.canonical() {
            world.call(dialing, event);
        }
        world.advance(secs(200));
        let late = world.log[before..].iter().filter(|(_, effect)| of_calls(effect));
        assert_eq!(late.count(), 0, "late events");
        (world, ending)
    }
}

fn of_calls(effect: &Effect) -> bool {
    match effect {
        Effect::Originate(_)
        | Effect::Hangup(_)
        | Effect::GiveUp(_)
        | Effect::SendAway(..)
        | Effect::Probe(_)
        | Effect::Progress(..)
        | Effect::Finish(_)
        | Effect::Publish(_) => true,
        Effect::Claim { .. }
        | Effect::Preview(_)
        | Effect::Transition { .. }
        | Effect::Scan
        | Effect::WatchQueue(_)
        | Effect::KeepPool(_)
        | Effect::Notice(_)
        | Effect::Orphan(_) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_a_calls_events_ends_it_once_and_alike(order in orders(Just(Vec::new()))) {
        let (_, ending) = order.run(10);

        prop_assert_eq!(ending.outcome, order.fate.outcome);
        prop_assert_eq!(ending.dialing.progress.res_dial, order.fate.res_dial);
        prop_assert_eq!(ending.dialing.progress.res_hangup, order.fate.res_hangup.map(HangupCause));
    }

    #[test]
    fn whatever_events_are_lost_a_call_ends_once(
        order in orders(prop::collection::vec(any::<Index>(), 1..6))
    ) {
        order.run(200);
    }
}
