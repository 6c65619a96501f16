//! A destination of type 0 whose place Asterisk's dialplan lacks: a list is not burnt for it.

use astout::engine::dialing::CallEvent;
use astout::engine::place::Turn;
use astout::engine::{Effect, Notice};
use astout::model::codes::CampaignStatus;
use astout::model::dialing::Attempt;
use astout::model::ids::CampaignUuid;

use crate::pbx::{Step, fate};
use crate::world::{World, about, secs};

const NO_SUCH_PLACE: &str = "Extension does not exist.";

/// A world whose Asterisk refuses each Originate with these words.
fn refusing(words: &'static str) -> World {
    let mut world = World::new();
    world.pbx.script = Box::new(move |_| vec![Step::now(CallEvent::Refused(words.to_owned()))]);
    world.link_up("first start");
    world
}

fn started(world: &mut World, dest: &[(&str, &str)], contacts: usize) -> CampaignUuid {
    let (plan, dlma, dest) = (world.plan(&[("RetryDelay", "3600")]), world.dlma(), world.destination(dest));
    world.dls(dlma, contacts);
    let campaign = world.campaign(plan, dlma, dest, &[]);
    world.request(campaign, CampaignStatus::Start);
    campaign
}

fn told(world: &World) -> Vec<Turn> {
    let turn = |(_, effect): &(_, Effect)| match effect {
        Effect::Notice(Notice::Place { turn, .. }) => Some(*turn),
        _ => None,
    };
    world.log.iter().filter_map(turn).collect()
}

const NOWHERE: [(&str, &str); 3] = [("Exten", "nosuch"), ("Context", "sales"), ("Priority", "1")];

#[test]
fn a_place_that_is_missing_gets_one_call_every_half_minute() {
    let mut world = refusing(NO_SUCH_PLACE);
    let campaign = started(&mut world, &NOWHERE, 100);
    world.advance(secs(29));
    let at_first = world.originated().len();
    assert!(at_first <= world.options.max_unanswered as usize, "only what was under way: {at_first}");
    world.advance(secs(300));
    assert_eq!(world.originated().len(), at_first + 10);
    assert_eq!(world.status(campaign), CampaignStatus::Start);
    assert_eq!(told(&world), [Turn::Missing], "and that is told once");
}

#[test]
fn it_goes_on_at_full_speed_once_the_place_exists() {
    let mut world = refusing(NO_SUCH_PLACE);
    started(&mut world, &NOWHERE, 100);
    world.advance(secs(5));
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(1));
    world.advance(secs(40));
    assert_eq!(world.originated().len(), 100);
    assert_eq!(told(&world), [Turn::Missing, Turn::There]);
}

#[test]
fn the_explanation_names_the_place_and_when_it_is_tried() {
    let mut world = refusing("Invalid priority");
    let label = [("Exten", "10"), ("Context", "sales"), ("Priority", "nosuch")];
    let campaign = started(&mut world, &label, 100);
    world.advance(secs(5));
    let told = world.engine.explain(world.now(), &about(campaign, None)).unwrap();
    let place: Vec<_> = told.holds().collect();
    assert_eq!(place.len(), 1, "{told:?}");
    assert_eq!(place[0].gate, "Place");
    assert!(place[0].saw.starts_with("sales,10,nosuch: Asterisk's dialplan has no such place"), "{place:?}");
    assert_eq!(place[0].next.unwrap().since(world.now().wall), secs(25));
}

#[test]
fn a_trial_that_is_not_answered_is_waited_for() {
    let mut world = refusing(NO_SUCH_PLACE);
    let campaign = started(&mut world, &NOWHERE, 100);
    world.advance(secs(5));
    let before = world.originated().len();
    world.pbx.script = Box::new(|_| Vec::new());
    world.advance(secs(30));
    assert_eq!(world.originated().len(), before + 1);
    let held = world.held_by(campaign);
    assert!(held.len() == 1 && held[0].1.contains("its answer is waited for"), "{held:?}");
}

#[test]
fn another_refusal_and_another_asterisk_hold_nothing_back() {
    let mut world = refusing("Originate failed");
    started(&mut world, &NOWHERE, 100);
    world.advance(secs(5));
    assert_eq!(world.originated().len(), 100);

    let mut world = refusing(NO_SUCH_PLACE);
    started(&mut world, &NOWHERE, 100);
    world.advance(secs(5));
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(1));
    world.restart_asterisk("second start");
    world.advance(secs(5));
    assert_eq!(world.originated().len(), 100, "it may have another dialplan");
}

#[test]
fn an_application_and_a_campaign_of_another_place_are_not_held_back() {
    let mut world = World::new();
    world.link_up("first start");
    world.pbx.script = Box::new(|attempt| {
        let missing = attempt.capsule.destination.exten.as_deref() == Some("nosuch");
        if missing {
            return vec![Step::now(CallEvent::Refused(NO_SUCH_PLACE.to_owned()))];
        }
        let channel = CallEvent::ChannelCreated { name: "Local/1".to_owned() };
        vec![Step::now(CallEvent::Queued), Step::now(channel)]
    });
    started(&mut world, &NOWHERE, 50);
    world.advance(secs(5));
    let before = world.originated().len();
    started(&mut world, &[("Exten", "10"), ("Context", "sales")], 8);
    started(&mut world, &[("Type", "1"), ("Application", "Park")], 8);
    world.advance(secs(1));
    let after: Vec<_> = world.attempts().split_off(before);
    let is_elsewhere = |attempt: &Attempt| attempt.capsule.destination.exten.as_deref() != Some("nosuch");
    assert_eq!(after.iter().filter(|(_, attempt)| is_elsewhere(attempt)).count(), 16);
}
