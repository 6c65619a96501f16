//! The link to Asterisk: what is found of the calls that were open while it, or the daemon, was down.

use astout::engine::dialing::{CallEvent, Since};
use astout::engine::{Effect, Input};
use astout::model::codes::{CampaignStatus, DialResult, DialingStatus, Outcome};
use astout::model::ids::DialingUuid;

use crate::pbx::{ListAnswer, SUCCESS, created, hangup, name};
use crate::world::{Running, World, millis, secs};

fn scans(world: &World) -> usize {
    world.count(|effect| *effect == Effect::Scan)
}

/// One call that rings, of a campaign that has another contact to dial once there is a channel.
fn ringing() -> (World, Running, DialingUuid) {
    let mut world = World::new();
    let running = world.running(&[("DlEndHandle", "0"), ("RetryDelay", "3600")], 1);
    let dialing = world.originated()[0];
    for event in [CallEvent::Queued, created(), CallEvent::DialBegin] {
        world.call(dialing, event);
    }
    (world, running, dialing)
}

fn answered() -> (World, Running, DialingUuid) {
    let (mut world, running, dialing) = ringing();
    world.call(dialing, CallEvent::Up);
    world.call(dialing, SUCCESS);
    (world, running, dialing)
}

#[test]
fn nothing_is_claimed_while_the_link_is_down() {
    let mut world = World::new();
    let (plan, dlma, dest) = (world.plan(&[]), world.dlma(), world.anywhere());
    world.dls(dlma, 3);
    let campaign = world.campaign(plan, dlma, dest, &[]);
    world.request(campaign, CampaignStatus::Start);
    world.advance(secs(100));
    assert_eq!(world.status(campaign), CampaignStatus::Start);
    assert!(world.records.open.is_empty());

    world.link_up("first start");

    assert_eq!(world.originated().len(), 3);
}

#[test]
fn a_link_that_comes_back_with_a_call_open_is_settled_before_anything_is_claimed() {
    let (mut world, Running { dlma, .. }, dialing) = ringing();
    world.link_down();
    world.dl(dlma, &[("Number1", "400")]);
    world.pbx.list = ListAnswer::Silence;
    world.link_up("first start");
    assert_eq!((scans(&world), world.originated().len()), (1, 1));

    let channels = world.pbx.live();
    world.feed(Input::Live(Some(channels)));

    assert_eq!(world.originated().len(), 2);
    assert!(world.records.open.contains_key(&dialing), "it is adopted");
}

#[test]
fn an_adopted_call_that_is_up_was_answered() {
    let (mut world, _, dialing) = ringing();
    world.link_down();
    world.call(dialing, CallEvent::Up);
    world.link_up("first start");
    let dial = |world: &World| world.engine.dialing(dialing).unwrap().progress.res_dial;
    assert_eq!(dial(&world), DialResult::Answered);

    world.advance(secs(100));
    world.call(dialing, hangup(16));
    world.advance(secs(2));

    assert_eq!(world.outcomes(), [Outcome::Answered]);
}

#[test]
fn asterisk_is_asked_once_for_the_times_of_a_call_that_was_answered_unseen() {
    let (mut world, _, dialing) = ringing();
    let dialled = world.now().wall;
    world.link_down();
    world.call(dialing, CallEvent::Up);
    world.link_up("first start");
    // Another look at all channels asks no more.
    world.advance(secs(130));
    assert_eq!(world.count(|effect| *effect == Effect::Probe(dialing)), 1);

    let answered = Some(secs(125));
    let since = Since { dialled: Some(secs(500)), answered };
    let known = world.now().wall.minus(secs(125));
    world.call(dialing, CallEvent::Present { name: name(), up: true, since });
    world.call(dialing, hangup(16));
    world.advance(secs(2));

    let progress = &world.ending(dialing).dialing.progress;
    // What was seen counts more than what is told later.
    assert_eq!(progress.tm_dial_begin, Some(dialled));
    assert_eq!(progress.tm_dial_end, Some(known));
}

#[test]
fn a_call_that_is_missing_twice_two_seconds_apart_is_unknown() {
    let (mut world, Running { dlma, .. }, dialing) = ringing();
    world.link_down();
    world.call(dialing, hangup(16));
    world.dl(dlma, &[("Number1", "400")]);
    world.advance(secs(10));
    world.link_up("first start");
    world.advance(millis(1999));
    assert!(world.records.endings.is_empty());
    assert_eq!(world.originated().len(), 1);

    world.advance(millis(2001));

    assert_eq!(world.ending(dialing).outcome, Outcome::Unknown);
    assert_eq!(world.ending(dialing).dialing.progress.status, DialingStatus::Error);
    assert_eq!(world.originated().len(), 2);
}

#[test]
fn a_call_that_was_up_and_is_missing_was_answered() {
    let (mut world, _, dialing) = answered();
    world.link_down();
    world.call(dialing, hangup(16));
    world.link_up("first start");

    world.advance(secs(4));

    assert_eq!(world.outcomes(), [Outcome::Answered]);
}

#[test]
fn a_look_before_the_link_was_lost_does_not_count_after_it() {
    let mut world = World::new();
    world.running(&[], 1);
    let dialing = world.originated()[0];
    world.call(dialing, CallEvent::Unanswered);
    world.link_down();
    world.advance(secs(60));
    world.link_up("first start");
    world.advance(millis(500));
    assert!(world.records.endings.is_empty(), "a stopped Asterisk carries out late what it was sent");

    world.call(dialing, created());
    world.advance(secs(30));

    assert!(world.records.endings.is_empty());
}

#[test]
fn a_new_start_of_asterisk_ends_every_open_call_and_one_that_was_up_was_answered() {
    let (mut world, Running { dlma, .. }, ringing) = ringing();
    let up = world.dl(dlma, &[("Number1", "400")]);
    let answered = world.originated()[1];
    for event in [CallEvent::Queued, created(), CallEvent::Up, SUCCESS] {
        world.call(answered, event);
    }

    world.restart_asterisk("second start");

    let end = |dialing| {
        let ending = world.ending(dialing);
        (ending.outcome, ending.dialing.progress.res_dial, ending.dialing.progress.status)
    };
    assert_eq!(end(ringing), (Outcome::PbxRestart, DialResult::None, DialingStatus::Error));
    assert_eq!(end(answered), (Outcome::Answered, DialResult::Answered, DialingStatus::Error));
    assert_eq!(world.records.dl(up).trycnt, 1);
    world.advance(secs(1000));
    assert_eq!(world.originated().len(), 2, "not before RetryDelay");
    assert_eq!(scans(&world), 1000 / 60);
}

#[test]
fn a_hangup_that_was_seen_is_a_calls_end_though_asterisk_was_started_anew_since() {
    let (mut world, _, dialing) = ringing();
    world.call(dialing, hangup(17));

    world.restart_asterisk("second start");

    assert_eq!(world.outcomes(), [Outcome::Busy]);
}

#[test]
fn after_a_new_daemon_a_call_that_is_there_is_adopted_with_its_id() {
    for up in [false, true] {
        let (mut world, Running { dlma, .. }, dialing) = if up { answered() } else { ringing() };
        world.dl(dlma, &[("Number1", "400")]);
        let second = world.originated()[1];
        world.restart_daemon();
        assert_eq!(world.engine.dialings().count(), 2);
        world.link_up("first start");
        world.advance(secs(1));
        assert_eq!(world.engine.dialing(dialing).unwrap().progress.channel_name, Some(name()));

        world.advance(secs(9));
        assert_eq!(world.ending(second).outcome, Outcome::Unknown);
        world.call(dialing, hangup(17));
        world.advance(secs(2));

        let expected = if up { Outcome::Answered } else { Outcome::Busy };
        assert_eq!(world.ending(dialing).outcome, expected);
    }
}

#[test]
fn after_a_new_daemon_the_calls_of_another_start_of_asterisk_have_ended_with_it() {
    let (mut world, ..) = ringing();
    world.pbx.channels.clear();
    world.restart_daemon();

    world.link_up("second start");

    assert_eq!(world.outcomes(), [Outcome::PbxRestart]);
    assert_eq!(scans(&world), 0);
}

#[test]
fn after_a_new_daemon_a_call_of_an_unknown_start_is_looked_for() {
    let (mut world, _, dialing) = ringing();
    world.records.open.get_mut(&dialing).unwrap().epoch = None;
    world.restart_daemon();

    world.link_up("second start");
    world.advance(secs(30));
    assert!(world.engine.dialing(dialing).is_some());
    world.restart_asterisk("third start");

    assert_eq!(world.outcomes(), [Outcome::PbxRestart]);
}

#[test]
fn what_the_operator_gave_up_stays_given_up_after_a_new_daemon() {
    let (mut world, _, dialing) = ringing();
    world.records.open.get_mut(&dialing).unwrap().withdrawn = true;
    world.restart_daemon();

    world.link_up("first start");
    world.advance(secs(3));

    assert_eq!(world.outcomes(), [Outcome::Withdrawn]);
}

#[test]
fn a_list_that_is_not_whole_says_nothing_of_what_is_missing() {
    let (mut world, _, dialing) = ringing();
    world.link_down();
    world.call(dialing, hangup(17));
    world.pbx.list = ListAnswer::Truncated;
    world.link_up("first start");
    world.advance(secs(30));
    assert!(world.records.endings.is_empty());
    assert!(scans(&world) <= 16);

    world.pbx.list = ListAnswer::Whole;
    world.advance(secs(5));

    assert_eq!(world.outcomes(), [Outcome::Unknown]);
}

#[test]
fn the_scan_of_every_minute_ends_a_call_whose_hangup_was_lost() {
    let (mut world, _, dialing) = answered();
    world.pbx.channels.remove(&dialing);

    world.advance(secs(63));

    assert_eq!(world.outcomes(), [Outcome::Answered]);
}

#[test]
fn the_scan_of_every_minute_leaves_a_call_alone_that_was_just_sent() {
    for jump in [0, 3600, -3600] {
        let (mut world, Running { dlma, .. }, _) = ringing();
        world.advance(millis(59_900));
        world.dl(dlma, &[("Number1", "400")]);
        let fresh = world.originated()[1];
        world.jump_wall(jump);

        world.advance(secs(3));

        assert_eq!(scans(&world), 1);
        assert!(world.engine.dialing(fresh).is_some(), "its channel may be made only now");
        assert_eq!(world.count(|effect| *effect == Effect::Probe(fresh)), 0);
    }
}

#[test]
fn a_wall_clock_that_is_set_back_does_not_hide_a_lost_hangup() {
    let (mut world, _, dialing) = answered();
    world.pbx.channels.remove(&dialing);
    world.jump_wall(-7200);

    world.advance(secs(63));

    assert_eq!(world.outcomes(), [Outcome::Answered]);
}

#[test]
fn what_was_claimed_while_the_link_was_lost_is_not_sent_and_a_try() {
    let mut world = World::new();
    let Running { dlma, .. } = world.running(&[("DlEndHandle", "0"), ("RetryDelay", "10")], 0);
    world.latency = Box::new(|| millis(100));
    world.dl(dlma, &[("Number1", "300")]);
    world.advance(millis(150));
    world.link_down();
    world.advance(secs(5));
    assert_eq!(world.outcomes(), [Outcome::Failed]);
    assert_eq!(world.records.contacts[0].dl.trycnt, 1);

    world.link_up("first start");
    world.advance(secs(10));

    assert_eq!(world.attempts()[0].1.try_count, 2);
}

#[test]
fn what_was_claimed_for_an_earlier_start_of_asterisk_is_not_sent_to_this_one() {
    let mut world = World::new();
    let Running { dlma, .. } = world.running(&[("DlEndHandle", "0")], 0);
    world.latency = Box::new(|| millis(100));
    world.dl(dlma, &[("Number1", "300")]);
    world.advance(millis(150));

    world.restart_asterisk("second start");
    world.advance(secs(5));

    assert!(world.originated().is_empty());
    assert_eq!(world.outcomes(), [Outcome::Failed]);
}

#[test]
fn a_link_that_is_reported_up_twice_harms_nothing() {
    let (mut world, _, dialing) = ringing();

    world.link_up("first start");
    world.link_up("first start");
    world.advance(secs(100));

    assert!(world.engine.dialing(dialing).is_some());
}

#[test]
fn channels_of_strangers_and_of_calls_that_have_ended_are_passed_over() {
    let (mut world, _, dialing) = ringing();
    world.pbx.channels.insert(DialingUuid::new(uuid::Uuid::from_u128(99)), true);

    world.link_down();
    world.link_up("first start");
    world.advance(secs(100));

    assert!(world.outcomes().is_empty());
    assert_eq!(world.engine.dialings().map(|dialing| dialing.attempt.uuid).collect::<Vec<_>>(), [dialing]);
}

#[test]
fn a_channel_of_no_open_dialing_in_two_lists_is_told_of_once_as_long_as_it_lives() {
    let (mut world, ..) = ringing();
    let stray = DialingUuid::new(uuid::Uuid::from_u128(99));
    let told =
        |world: &World| world.log.iter().filter(|(_, effect)| *effect == Effect::Orphan(stray)).count();
    world.pbx.channels.insert(stray, true);

    world.advance(secs(61));
    assert_eq!(told(&world), 0);
    world.advance(secs(240));
    assert_eq!(told(&world), 1);
    world.pbx.channels.remove(&stray);
    world.advance(secs(61));
    world.pbx.channels.insert(stray, true);
    world.advance(secs(130));
    assert_eq!(told(&world), 2);
}

#[test]
fn a_call_that_asterisk_has_lost_ends_soon_after_it_must_have_rung_out() {
    let mut world = World::new();
    world.pbx.script = Box::new(|_| vec![crate::pbx::Step::now(CallEvent::Queued)]);
    world.running(&[("MaxRetry1", "1"), ("DialTimeout", "2000")], 1);

    world.advance(secs(10));

    assert_eq!(world.outcomes(), [Outcome::Unknown]);
}
