//! A campaign's status: what an operator asks for, and how the engine goes on.

use std::sync::Arc;

use astout::engine::dialing::CallEvent;
use astout::engine::{Effect, Input, Notice};
use astout::model::codes::{CampaignStatus, Outcome};
use astout::model::event::{Change, Noun};
use astout::model::ids::CampaignUuid;

use crate::pbx::{SUCCESS, Step, created, fate, hangup};
use crate::world::{Running, World, millis, secs};

use CampaignStatus::{Pause, Pausing, Start, Starting, Stop, Stopping, StoppingForcedly};

/// Every call rings for ever.
fn all_ringing() -> World {
    let mut world = World::new();
    let ringing = [CallEvent::Queued, created(), CallEvent::DialBegin];
    world.pbx.script = Box::new(move |_| ringing.iter().cloned().map(Step::now).collect());
    world
}

/// The campaign's record as it would be with that status.
fn with_status(world: &World, campaign: CampaignUuid, status: CampaignStatus) -> Input {
    let mut campaign = world.records.campaigns[&campaign].clone();
    campaign.status = status;
    Input::Changed(Change::Update, Arc::new(Noun::Campaign(campaign)))
}

#[test]
fn a_started_campaign_goes_by_11_to_1_and_dials() {
    let mut world = all_ringing();
    let Running { campaign, .. } = world.running(&[], 2);

    assert_eq!(world.moves(campaign), [(Starting, Start)]);
    assert_eq!(world.originated().len(), 2);
}

#[test]
fn a_pause_waits_for_originates_without_an_answer_and_not_for_calls() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&[], 1);
    let dialing = world.originated()[0];

    world.request(campaign, Pause);
    assert_eq!(world.status(campaign), Pausing);
    world.call(dialing, CallEvent::Queued);

    assert_eq!(world.status(campaign), Pause);
    assert!(world.records.endings.is_empty());
}

#[test]
fn a_paused_campaign_dials_nobody_until_it_is_resumed() {
    let mut world = World::new();
    world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
    let Running { campaign, dlma, .. } = world.running(&[("RetryDelay", "5")], 1);
    world.request(campaign, Pause);
    world.dls(dlma, 3);
    world.advance(secs(100));
    assert_eq!(world.originated().len(), 1);

    world.request(campaign, Start);

    assert_eq!(world.status(campaign), Start);
    assert_eq!(world.originated().len(), 5);
}

#[test]
fn a_stop_waits_for_the_calls_and_dials_nobody_meanwhile() {
    let mut world = all_ringing();
    let Running { campaign, dlma, .. } = world.running(&[], 2);

    world.request(campaign, Stop);
    world.dls(dlma, 3);
    world.advance(secs(100));
    assert_eq!(world.status(campaign), Stopping);
    for dialing in world.originated() {
        world.call(dialing, SUCCESS);
        world.call(dialing, hangup(16));
    }

    assert_eq!(world.status(campaign), Stop);
    assert_eq!(world.originated().len(), 2);
}

#[test]
fn a_forced_stop_hangs_up_what_is_there_then_stops() {
    let mut world = all_ringing();
    let Running { campaign, .. } = world.running(&[], 3);
    let answered = world.originated()[0];
    world.call(answered, CallEvent::Up);
    world.call(answered, SUCCESS);

    world.request(campaign, StoppingForcedly);

    assert_eq!(world.count(|effect| matches!(effect, Effect::Hangup(_))), 3);
    assert_eq!(world.status(campaign), Stop);
    assert_eq!(world.ending(answered).outcome, Outcome::Answered);
    let given_up = world.outcomes().iter().filter(|outcome| **outcome == Outcome::Withdrawn).count();
    assert_eq!(given_up, 2, "given up by the operator while they rang");
    assert_eq!(world.records.contacts[2].dl.trycnt, 0);
}

#[test]
fn a_forced_stop_hangs_up_a_call_whose_channel_comes_later() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&[], 1);
    let dialing = world.originated()[0];
    world.call(dialing, CallEvent::Queued);
    world.request(campaign, StoppingForcedly);
    assert_eq!(world.status(campaign), StoppingForcedly);

    world.call(dialing, created());

    assert_eq!(world.status(campaign), Stop);
    assert_eq!(world.outcomes(), [Outcome::Withdrawn]);
}

#[test]
fn a_forced_stop_is_not_forgotten_over_a_lost_link_or_a_new_daemon() {
    for daemon_too in [false, true] {
        let mut world = all_ringing();
        let Running { campaign, .. } = world.running(&[], 1);
        world.link_down();
        world.request(campaign, StoppingForcedly);
        if daemon_too {
            world.restart_daemon();
        }
        assert_eq!(world.status(campaign), StoppingForcedly);

        world.link_up("first start");
        world.advance(secs(1));

        assert_eq!((world.status(campaign), world.outcomes()), (Stop, vec![Outcome::Withdrawn]));
    }
}

#[test]
fn a_stop_that_comes_after_a_claim_takes_back_what_was_claimed() {
    for status in [Pausing, Stopping, StoppingForcedly] {
        let mut world = all_ringing();
        let Running { campaign, dlma, .. } = world.running(&[("DlEndHandle", "0")], 0);
        world.latency = Box::new(|| millis(100));
        world.dl(dlma, &[("Number1", "300")]);
        world.advance(millis(150));

        // The claim is being committed when the engine hears of the stop.
        let stop = with_status(&world, campaign, status);
        world.feed(stop);
        world.advance(millis(60));
        world.records.campaigns.get_mut(&campaign).unwrap().status = status;
        world.advance(secs(5));

        assert!(world.originated().is_empty(), "{status}");
        assert_eq!(world.outcomes(), [Outcome::Withdrawn]);
        assert_eq!(world.records.contacts[0].dl.trycnt, 0);
        let end = if status == Pausing { Pause } else { Stop };
        assert_eq!(world.status(campaign), end);
    }
}

#[test]
fn a_stop_of_the_daemon_takes_back_what_was_claimed_and_claims_no_more() {
    let mut world = all_ringing();
    let Running { dlma, .. } = world.running(&[("DlEndHandle", "0")], 1);
    world.latency = Box::new(|| millis(100));
    world.dls(dlma, 2);
    world.advance(millis(150));

    world.feed(Input::Drain);
    world.advance(secs(200));

    assert_eq!(world.originated().len(), 1);
    assert!(world.outcomes().iter().all(|outcome| *outcome == Outcome::Withdrawn));
    assert_eq!(world.count(|effect| matches!(effect, Effect::Hangup(_))), 0, "calls that are up stay up");
    assert_eq!(world.engine.dialings().count(), 1);
}

#[test]
fn a_start_while_calls_end_goes_by_11_again() {
    let mut world = all_ringing();
    let Running { campaign, .. } = world.running(&[], 1);
    world.request(campaign, Stop);

    world.request(campaign, Start);

    assert_eq!(world.moves(campaign), [(Starting, Start), (Starting, Start)]);
    assert_eq!(world.status(campaign), Start);
}

#[test]
fn a_campaign_that_is_deleted_is_forgotten_with_its_claim() {
    let mut world = all_ringing();
    let Running { campaign, dlma, .. } = world.running(&[("DlEndHandle", "0")], 0);
    world.latency = Box::new(|| millis(100));
    world.dl(dlma, &[("Number1", "300")]);
    world.advance(millis(150));

    let deleted = world.records.campaigns[&campaign].clone();
    world.feed(Input::Changed(Change::Delete, Arc::new(Noun::Campaign(deleted))));
    world.advance(secs(5));

    assert!(world.originated().is_empty());
    assert_eq!(world.outcomes(), [Outcome::Withdrawn]);
    assert_eq!(world.engine.dialings().count(), 0);
}

#[test]
fn a_campaign_that_comes_back_while_its_call_is_up_counts_it() {
    let mut world = all_ringing();
    let Running { campaign, .. } = world.running(&[], 1);
    let record = world.records.campaigns[&campaign].clone();
    for change in [Change::Delete, Change::Create] {
        world.feed(Input::Changed(change, Arc::new(Noun::Campaign(record.clone()))));
    }

    let dialing = world.originated()[0];
    world.request(campaign, Stop);
    assert_eq!(world.status(campaign), Stopping);
    world.call(dialing, SUCCESS);
    world.call(dialing, hangup(16));

    assert_eq!(world.status(campaign), Stop);
}

#[test]
fn a_plan_that_is_gone_stops_the_claims() {
    let mut world = all_ringing();
    let Running { plan, dlma, .. } = world.running(&[], 1);
    let gone = world.records.plans[&plan].clone();
    world.feed(Input::Changed(Change::Delete, Arc::new(Noun::Plan(gone))));

    world.dls(dlma, 5);
    world.advance(secs(100));

    assert_eq!(world.originated().len(), 1);
}

#[test]
fn contacts_that_come_by_the_thousand_are_dialled_at_once_whatever_was_known_of_the_list() {
    let mut world = all_ringing();
    let Running { campaign, dlma, .. } = world.running(&[("DlEndHandle", "0")], 0);
    world.advance(secs(5));
    assert_eq!((world.status(campaign), world.originated().len()), (Start, 0));

    for _ in 0..3 {
        let contact = world.new_contact(dlma, &[("Number1", "300")]);
        world.records.contacts.push(contact);
    }
    world.advance(secs(5));
    assert_eq!(world.originated().len(), 0, "nobody has told the engine");
    world.feed(Input::ListChanged(dlma));
    world.advance(secs(1));

    assert_eq!(world.originated().len(), 3);
}

#[test]
fn what_a_claim_says_of_a_list_that_has_changed_meanwhile_does_not_end_the_campaign() {
    let mut world = all_ringing();
    world.latency = Box::new(|| millis(100));
    let Running { campaign, dlma, .. } = world.running(&[], 0);
    while world.count(|effect| matches!(effect, Effect::Claim { .. })) == 0 {
        world.advance(millis(10));
    }

    // The engine hears of a contact before it hears what the claim found, which was begun before.
    let contact = world.new_contact(dlma, &[("Number1", "300")]);
    world.feed(Input::Changed(Change::Create, Arc::new(Noun::Dl(contact.dl.clone()))));
    world.advance(millis(110));
    world.records.contacts.push(contact);
    world.advance(secs(1));

    assert_eq!(world.status(campaign), Start);
    assert_eq!(world.originated().len(), 1);
}

fn list_ends(world: &World) -> Vec<(CampaignUuid, u64, u64)> {
    let end = |(_, effect): &(_, Effect)| match effect {
        Effect::Notice(Notice::ListEnded { campaign, calls, answered, .. }) => {
            Some((*campaign, *calls, *answered))
        }
        _ => None,
    };
    world.log.iter().filter_map(end).collect()
}

#[test]
fn the_end_of_a_list_is_told_once_with_what_was_made_since_the_start() {
    let mut world = World::new();
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(1));
    let Running { campaign, dlma, .. } = world.running(&[], 3);
    world.advance(secs(10));
    assert_eq!((world.status(campaign), list_ends(&world)), (Stop, vec![(campaign, 3, 3)]));

    world.dls(dlma, 1);
    world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
    world.request(campaign, Start);
    world.advance(secs(30));
    world.request(campaign, Stop);
    world.advance(secs(10));
    assert_eq!(world.status(campaign), Stop);
    assert_eq!(list_ends(&world).len(), 1, "an operator's stop is no end of the list");

    world.request(campaign, Start);
    world.advance(secs(600));
    assert_eq!((world.status(campaign), list_ends(&world).last()), (Stop, Some(&(campaign, 4, 0))));
}
