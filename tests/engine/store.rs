//! A store that fails: what is decided waits, is tried again, and nothing is lost.

use astout::engine::{Effect, Input, Options};
use astout::model::codes::{CampaignStatus, Outcome};
use astout::model::dialing::NextTry;
use astout::model::policy::Policy;

use crate::pbx::fate;
use crate::world::{Running, World, secs};

fn one_channel() -> World {
    let mut world = World::with(Options {
        max_channels: 1,
        calls_per_second: 10,
        max_unanswered: 10,
        policy: Policy::default(),
        on_unknown: NextTry::default(),
        preview_timeout: secs(60),
    });
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(1));
    world
}

#[test]
fn a_claim_that_fails_is_tried_again_about_every_second() {
    let mut world = one_channel();
    let Running { dlma, .. } = world.running(&[("DlEndHandle", "0")], 0);
    world.store_works = false;
    world.dls(dlma, 1);
    world.advance(secs(10));
    let claims = world.count(|effect| matches!(effect, Effect::Claim { .. }));
    assert!((11..=12).contains(&claims), "{claims}");

    world.store_works = true;
    world.advance(secs(1));

    assert_eq!(world.originated().len(), 1);
}

#[test]
fn a_change_of_status_that_fails_is_tried_again_about_every_second() {
    let mut world = one_channel();
    let Running { campaign, .. } = world.running(&[("DlEndHandle", "0")], 0);
    world.store_works = false;
    world.request(campaign, CampaignStatus::Stop);
    world.advance(secs(5));
    assert_eq!(world.status(campaign), CampaignStatus::Stopping);

    world.store_works = true;
    world.advance(secs(1));

    assert_eq!(world.status(campaign), CampaignStatus::Stop);
    assert!((6..=8).contains(&world.moves(campaign).len()));
}

#[test]
fn an_end_that_cannot_be_committed_keeps_its_slot_and_is_committed_later_as_it_was() {
    let mut world = one_channel();
    world.running(&[], 2);
    world.store_works = false;
    world.advance(secs(20));
    let finishes = world.count(|effect| matches!(effect, Effect::Finish(_)));
    assert!((18..=20).contains(&finishes), "{finishes}");
    assert_eq!(world.originated().len(), 1, "its channel is not free");
    let end = world.now().wall;

    world.store_works = true;
    world.advance(secs(2));

    assert_eq!(world.outcomes(), [Outcome::Answered]);
    assert!(world.records.endings[0].tm_end < end);
    assert_eq!(world.originated().len(), 2);
}

#[test]
fn a_status_that_somebody_else_has_changed_is_left_to_them() {
    let mut world = one_channel();
    let Running { campaign, .. } = world.running(&[("DlEndHandle", "0")], 0);
    world.latency = Box::new(|| secs(1));

    world.request(campaign, CampaignStatus::Pause);
    world.request(campaign, CampaignStatus::Start);
    world.request(campaign, CampaignStatus::Stop);
    world.advance(secs(20));

    assert_eq!(world.status(campaign), CampaignStatus::Stop);
    assert!(world.moves(campaign).len() <= 5, "{:?}", world.moves(campaign));
}

#[test]
fn a_failed_change_of_status_does_not_forget_a_claim_that_is_under_way() {
    let mut world = one_channel();
    let Running { campaign, dlma, .. } = world.running(&[("DlEndHandle", "0")], 0);
    world.latency = Box::new(|| secs(1));
    world.request(campaign, CampaignStatus::Pause);
    world.request(campaign, CampaignStatus::Start);
    world.dls(dlma, 5);
    world.advance(secs(1));
    world.store_works = false;
    world.advance(secs(1));
    world.store_works = true;

    world.advance(secs(60));

    assert_eq!(world.outcomes(), [Outcome::Answered; 5], "one at a time");
}

#[test]
fn an_end_that_was_committed_before_is_not_committed_again() {
    let mut world = one_channel();
    let Running { campaign, .. } = world.running(&[], 1);
    let dialing = world.originated()[0];
    world.records.open.remove(&dialing);
    world.records.contacts[0].dl.status = astout::model::codes::DlStatus::Idle;
    world.records.contacts[0].dl.res_dial = astout::model::codes::DialResult::Answered;

    world.advance(secs(5));

    assert!(world.outcomes().is_empty());
    assert_eq!(world.engine.dialings().count(), 0);
    assert_eq!(world.status(campaign), CampaignStatus::Stop, "and its list is looked at again");
    world.feed(Input::Ended(dialing, None));
}

#[test]
fn while_it_is_held_nothing_is_claimed_and_calls_go_on_to_their_end() {
    let mut world = one_channel();
    let Running { campaign, .. } = world.running(&[], 3);
    assert_eq!(world.originated().len(), 1);

    world.feed(Input::Hold(true));
    let claims = world.count(|effect| matches!(effect, Effect::Claim { .. }));
    world.advance(secs(30));

    assert_eq!(world.outcomes(), [Outcome::Answered]);
    assert_eq!(world.count(|effect| matches!(effect, Effect::Claim { .. })), claims);
    assert_eq!(world.status(campaign), CampaignStatus::Start);

    world.feed(Input::Hold(false));
    world.advance(secs(30));
    assert_eq!(world.originated().len(), 3);
}
