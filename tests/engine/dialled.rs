//! Who is dialled, at which number, how often and when; and when a list has ended.

use std::sync::Arc;

use astout::engine::{Effect, Options};
use astout::model::codes::{CampaignStatus, DialResult, DialingStatus, Outcome};
use astout::model::dialing::NextTry;
use astout::model::event::{Change, Noun};
use astout::model::policy::Policy;
use proptest::prelude::*;

use crate::pbx::{Step, fate};
use crate::world::{Running, World, millis, secs};

/// A world in which every call is busy after a second.
fn all_busy() -> World {
    let mut world = World::new();
    world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
    world
}

/// Each attempt as (number, try).
fn tries(world: &World) -> Vec<(u8, u32)> {
    world.attempts().iter().map(|(_, attempt)| (attempt.index.get(), attempt.try_count)).collect()
}

fn max_retry(tries: [u32; 8]) -> Vec<(String, String)> {
    (1..).zip(tries).map(|(number, tries)| (format!("MaxRetry{number}"), tries.to_string())).collect()
}

fn dial_all_numbers(tries_each: [u32; 8], there: [bool; 8]) -> World {
    let mut world = all_busy();
    let mut plan = max_retry(tries_each);
    plan.push(("RetryDelay".into(), "1".into()));
    let plan: Vec<_> = plan.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let Running { campaign, dlma, .. } = world.running(&plan, 0);
    let numbers: Vec<_> = (1..=8).map(|n| (format!("Number{n}"), format!("30{n}"))).collect();
    let numbers = numbers.iter().zip(there).filter(|(_, there)| *there);
    let numbers: Vec<_> = numbers.map(|((name, value), _)| (name.as_str(), value.as_str())).collect();
    world.dl(dlma, &numbers);
    world.request(campaign, CampaignStatus::Start);
    world.advance(secs(100));
    assert_eq!(world.status(campaign), CampaignStatus::Stop, "the list has ended");
    world
}

#[test]
fn every_number_gets_exactly_its_tries_before_the_next_one_is_dialled() {
    let world = dial_all_numbers([2, 0, 1, 3, 0, 1, 2, 1], [true; 8]);

    let expected = [(1, 1), (1, 2), (3, 1), (4, 1), (4, 2), (4, 3), (6, 1), (7, 1), (7, 2), (8, 1)];
    assert_eq!(tries(&world), expected);
    assert_eq!(world.records.contacts[0].dl.trycnt, 10);
}

proptest! {
    #[test]
    fn whatever_numbers_a_contact_has_each_gets_exactly_its_tries(
        tries_each in prop::array::uniform8(0..4_u32),
        mut there in prop::array::uniform8(any::<bool>()),
        one in 0..8_usize,
    ) {
        there[one] = true;
        let world = dial_all_numbers(tries_each, there);

        let dialled = (1..).zip(tries_each).zip(there).filter(|(_, there)| *there);
        let expected: Vec<_> =
            dialled.flat_map(|((number, tries), _)| (1..=tries).map(move |nth| (number, nth))).collect();
        prop_assert_eq!(tries(&world), expected);
    }
}

#[test]
fn a_busy_number_is_tried_again_retry_delay_after_the_end_of_its_try() {
    let mut world = all_busy();
    world.running(&[("MaxRetry1", "2"), ("RetryDelay", "60")], 1);

    world.advance(secs(200));

    let times: Vec<_> = world.attempts().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [secs(0), secs(61)]);
}

#[test]
fn each_end_may_have_a_delay_of_its_own_that_grows_with_the_contacts_tries() {
    let mut world = all_busy();
    world.running(&[("MaxRetry1", "5"), ("RetryDelay", "60"), ("RetryDelayBusy", "10 20 40")], 1);

    world.advance(secs(300));

    let times: Vec<_> = world.attempts().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [0, 11, 32, 73, 114].map(secs), "a second of dialing each");
}

#[test]
fn a_delay_for_one_end_leaves_the_others_to_retry_delay() {
    let mut world = all_busy();
    world.running(&[("MaxRetry1", "2"), ("RetryDelay", "60"), ("RetryDelayNoAnswer", "10")], 1);

    world.advance(secs(300));

    let times: Vec<_> = world.attempts().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [secs(0), secs(61)]);
}

#[test]
fn a_delay_that_is_changed_holds_for_those_who_wait_already() {
    let mut world = all_busy();
    let Running { plan, .. } = world.running(&[("MaxRetry1", "2"), ("RetryDelay", "60")], 1);
    world.advance(secs(30));

    world.update_plan(plan, &[("RetryDelayBusy", "40")]);
    world.advance(secs(300));

    let times: Vec<_> = world.attempts().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [secs(0), secs(41)]);
}

#[test]
fn a_try_that_the_trunk_has_spoilt_is_given_again_as_often_as_the_plan_says() {
    for (allowed, expected) in [("0", 1), ("2", 3)] {
        let mut world = World::new();
        world.every_call(&fate("503 of a trunk"), secs(0), secs(0));
        world.running(&[("MaxRetry1", "1"), ("RetryDelay", "1"), ("TrunkFaultRetries", allowed)], 1);

        world.advance(secs(100));

        assert_eq!(world.attempts().len(), expected, "TrunkFaultRetries {allowed}");
    }
}

#[test]
fn a_contact_that_is_not_due_never_holds_up_one_that_is() {
    let mut world = all_busy();
    let Running { dlma, .. } = world.running(&[("RetryDelay", "1000")], 1);
    world.advance(secs(100));

    let late = world.dl(dlma, &[("Number1", "400")]);

    assert_eq!(world.attempts()[1].1.dl.uuid, late);
    assert_eq!(world.attempts()[1].0, secs(100));
}

#[test]
fn a_new_contact_comes_before_a_retry_that_is_due() {
    let mut world = World::with(Options {
        max_channels: 1,
        calls_per_second: 10,
        max_unanswered: 10,
        policy: Policy::default(),
        on_unknown: NextTry::default(),
        preview_timeout: secs(60),
    });
    world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
    world.running(&[("RetryDelay", "0"), ("MaxRetry1", "2")], 3);

    world.advance(secs(20));

    assert_eq!(tries(&world), [(1, 1), (1, 1), (1, 1), (1, 2), (1, 2), (1, 2)]);
}

#[test]
fn an_answered_contact_is_never_dialled_again() {
    let mut world = World::new();
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(1));
    let Running { campaign, .. } = world.running(&[("RetryDelay", "0")], 2);

    world.advance(secs(100));

    assert_eq!(world.outcomes(), [Outcome::Answered; 2]);
    assert_eq!(world.status(campaign), CampaignStatus::Stop);
    assert!(world.records.contacts.iter().all(|contact| contact.dl.res_dial == DialResult::Answered));
}

#[test]
fn at_the_end_of_its_list_a_campaign_goes_by_10_to_0() {
    let mut world = all_busy();
    let Running { campaign, .. } = world.running(&[("MaxRetry1", "1")], 1);

    world.advance(millis(1500));

    use CampaignStatus::{Start, Starting, Stop, Stopping};
    assert_eq!(world.moves(campaign), [(Starting, Start), (Start, Stopping), (Stopping, Stop)]);
    assert_eq!(world.now().mono, millis(1500));
}

#[test]
fn a_list_has_not_ended_while_a_contact_only_waits_for_its_retry() {
    let mut world = all_busy();
    let Running { campaign, .. } = world.running(&[("MaxRetry1", "2"), ("RetryDelay", "500")], 1);

    world.advance(secs(400));
    assert_eq!(world.status(campaign), CampaignStatus::Start);

    world.advance(secs(200));
    assert_eq!(world.status(campaign), CampaignStatus::Stop);
}

#[test]
fn a_campaign_that_keeps_its_status_dials_contacts_that_come_after_the_end_of_its_list() {
    let mut world = all_busy();
    let plan = [("MaxRetry1", "1"), ("DlEndHandle", "0")];
    let Running { campaign, dlma, .. } = world.running(&plan, 1);
    world.advance(secs(100));
    assert_eq!(world.status(campaign), CampaignStatus::Start);

    world.dl(dlma, &[("Number1", "400")]);

    assert_eq!(world.originated().len(), 2);
    assert_eq!(world.status(campaign), CampaignStatus::Start);
}

#[test]
fn a_contact_that_somebody_wrote_past_the_daemon_is_found_within_a_minute() {
    let mut world = all_busy();
    let Running { dlma, .. } = world.running(&[("MaxRetry1", "1"), ("DlEndHandle", "0")], 1);
    world.advance(secs(100));
    let mut contact = world.records.contacts[0].clone();
    contact.dl.uuid = astout::model::ids::DlUuid::new(uuid::Uuid::from_u128(77));
    contact.dl.tries = astout::model::dl::Tries::default();
    assert_eq!(contact.dl.dlma_uuid, dlma);
    world.records.contacts.push(contact);

    world.advance(secs(61));

    assert_eq!(world.originated().len(), 2);
}

#[test]
fn an_empty_list_ends_at_once_or_is_kept_as_its_plan_says() {
    for (handle, status) in [("1", CampaignStatus::Stop), ("0", CampaignStatus::Start)] {
        let mut world = World::new();
        let Running { campaign, .. } = world.running(&[("DlEndHandle", handle)], 0);

        world.advance(secs(10));

        assert_eq!(world.status(campaign), status);
        assert!(world.originated().is_empty());
    }
}

#[test]
fn two_campaigns_on_one_list_dial_each_contact_once_and_both_end_with_its_last_call() {
    let mut world = World::new();
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(30));
    let Running { campaign, plan, dlma, dest } = world.running(&[], 0);
    world.dls(dlma, 20);
    let other = world.campaign(plan, dlma, dest, &[]);
    world.request(campaign, CampaignStatus::Start);
    world.request(other, CampaignStatus::Start);

    world.advance(secs(10));
    assert_eq!(world.originated().len(), 20);
    assert_eq!(world.status(campaign), CampaignStatus::Start, "the other one's calls are up");
    assert_eq!(world.status(other), CampaignStatus::Start);
    world.advance(secs(30));

    assert_eq!(world.outcomes(), [Outcome::Answered; 20]);
    assert_eq!(world.status(campaign), CampaignStatus::Stop);
    assert_eq!(world.status(other), CampaignStatus::Stop);
}

#[test]
fn a_change_of_plan_holds_for_the_next_attempts_and_leaves_those_under_way() {
    let mut world = all_busy();
    let Running { plan, .. } = world.running(&[("DialTimeout", "1000"), ("RetryDelay", "10")], 1);

    world.update_plan(plan, &[("DialTimeout", "2000")]);
    world.advance(secs(12));

    let attempts = world.attempts();
    let timeout = |place: usize| attempts[place].1.capsule.plan.dial_timeout_ms;
    assert_eq!((timeout(0), timeout(1)), (1000, 2000));
    assert_eq!(world.records.endings[0].dialing.attempt.capsule.plan.dial_timeout_ms, 1000);
    assert_ne!(attempts[0].1.capsule.uuid, attempts[1].1.capsule.uuid);
}

#[test]
fn attempts_share_their_capsule_while_nothing_changes() {
    let mut world = all_busy();
    world.running(&[], 3);

    let attempts = world.attempts();
    assert!(Arc::ptr_eq(&attempts[0].1.capsule, &attempts[2].1.capsule));
}

#[test]
fn a_plan_whose_tries_are_cut_down_ends_the_list() {
    let mut world = all_busy();
    let Running { campaign, plan, .. } = world.running(&[("RetryDelay", "1000")], 1);
    world.advance(secs(10));

    world.update_plan(plan, &[("MaxRetry1", "1")]);

    assert_eq!(world.status(campaign), CampaignStatus::Stop);
}

#[test]
fn a_plan_that_dials_nobody_by_itself_claims_nothing() {
    for mode in ["0", "4"] {
        let mut world = World::new();
        world.running(&[("DialMode", mode)], 3);

        world.advance(secs(10));

        assert!(world.originated().is_empty());
    }
}

#[test]
fn a_number_that_the_policy_has_come_to_deny_is_not_sent_and_has_its_line() {
    let policy = Policy { denied_prefixes: vec!["30".into()], ..Policy::default() };
    let mut world = World::with(Options {
        max_channels: 10,
        calls_per_second: 10,
        max_unanswered: 10,
        policy,
        on_unknown: NextTry::default(),
        preview_timeout: secs(60),
    });
    let Running { campaign, .. } = world.running(&[("MaxRetry1", "1")], 1);

    assert!(world.originated().is_empty());
    let ending = &world.records.endings[0];
    assert_eq!(ending.outcome, Outcome::Failed);
    assert_eq!(ending.dialing.progress.status, DialingStatus::OriginateRequestFailed);
    assert!(ending.dialing.progress.res_dial_detail.as_deref().unwrap().contains("denied prefix"));
    assert_eq!(world.outcomes().len(), 1);
    assert_eq!(world.status(campaign), CampaignStatus::Stop);
}

#[test]
fn a_technology_or_an_application_that_the_policy_has_come_to_deny_is_not_sent() {
    let none: Vec<String> = Vec::new();
    let tech = Policy { technologies: none.iter().collect(), ..Policy::default() };
    let application = Policy { applications: none.iter().collect(), ..Policy::default() };
    for policy in [tech, application] {
        let mut world = World::with(Options {
            max_channels: 10,
            calls_per_second: 10,
            max_unanswered: 10,
            policy,
            on_unknown: NextTry::default(),
            preview_timeout: secs(60),
        });
        world.running(&[("MaxRetry1", "1")], 1);

        assert!(world.originated().is_empty());
        assert_eq!(world.outcomes(), [Outcome::Failed]);
    }
}

#[test]
fn a_claim_that_gets_nothing_of_what_is_due_is_repeated_once_a_second() {
    let mut world = World::new();
    world.running(&[("TechName", "")], 1);

    world.advance(secs(10));

    let claims = world.count(|effect| matches!(effect, Effect::Claim { ids, .. } if !ids.is_empty()));
    assert!((10..=12).contains(&claims), "{claims}");
}

#[test]
fn a_contact_that_is_deleted_is_not_dialled() {
    let mut world = all_busy();
    let Running { campaign, dlma, .. } = world.running(&[("RetryDelay", "50")], 1);
    world.advance(secs(10));

    world.operate(move |records| {
        let dl = &mut records.contacts.iter_mut().find(|contact| contact.dl.dlma_uuid == dlma).unwrap().dl;
        dl.in_use = false;
        (Change::Delete, Noun::Dl(dl.clone()))
    });

    assert_eq!(world.status(campaign), CampaignStatus::Stop);
    world.advance(secs(100));
    assert_eq!(world.originated().len(), 1);
}

#[test]
fn a_wall_clock_that_is_set_forward_makes_a_retry_due_within_seconds() {
    let mut world = all_busy();
    world.running(&[("RetryDelay", "3600"), ("MaxRetry1", "2")], 1);
    world.advance(secs(60));

    world.jump_wall(3600);
    world.advance(secs(6));

    assert_eq!(world.originated().len(), 2);
}

#[test]
fn a_step_after_the_originate_is_heard_in_its_time() {
    let mut world = World::new();
    let queued = Step::after(secs(3), astout::engine::dialing::CallEvent::Queued);
    world.pbx.script = Box::new(move |_| vec![queued.clone()]);
    world.running(&[], 1);

    world.advance(millis(2999));
    assert_eq!(world.engine.unacknowledged(), 1);
    world.advance(millis(1));
    assert_eq!(world.engine.unacknowledged(), 0);
}
