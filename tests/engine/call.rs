//! One call, from its claim to its line.

use astout::engine::Effect;
use astout::engine::dialing::{CallEvent, DialStatus, Response, Since};
use astout::model::codes::{CampaignStatus, DialResult, DialingStatus, HangupCause, Outcome};
use astout::model::event::Change;

use crate::pbx::{SUCCESS, created, failure, fate, fates, hangup};
use crate::world::{World, millis, secs};

/// The codes of the statuses that were shown, from the Create to the Delete.
fn codes(world: &World, dialing: astout::model::ids::DialingUuid) -> Vec<i64> {
    world.shown(dialing).into_iter().map(|(_, status)| status.code()).collect()
}

#[test]
fn every_fate_ends_with_its_row_of_the_contracts_table() {
    for fate in fates() {
        let mut world = World::new();
        let (_, dialing) = world.one_call(&[]);

        for event in fate.canonical() {
            world.advance(millis(1));
            world.call(dialing, event);
        }
        world.advance(secs(5));

        let ending = world.ending(dialing);
        let progress = &ending.dialing.progress;
        assert_eq!(ending.outcome, fate.outcome, "{}", fate.name);
        assert_eq!(progress.res_dial, fate.res_dial, "{}", fate.name);
        assert_eq!(progress.res_hangup, fate.res_hangup.map(HangupCause), "{}", fate.name);
        let words = fate.res_hangup.map(|cause| format!("cause {cause}"));
        assert_eq!(progress.res_hangup_detail, words, "{}", fate.name);
    }
}

#[test]
fn an_answered_call_shows_its_statuses_in_order_and_its_end_after_the_line() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    for event in fate("answered, and hung up out of a bridge").canonical() {
        world.call(dialing, event);
    }

    assert_eq!(codes(&world, dialing), [0, 1, 2, 4, 3, 5, 6, 7, 7]);
    let shown = world.shown(dialing);
    assert_eq!(shown[0].0, Change::Create);
    assert!(shown[1..8].iter().all(|(change, _)| *change == Change::Update));
    assert_eq!(shown[8].0, Change::Delete);
}

#[test]
fn a_failed_call_shows_13_and_then_7() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    for event in fate("486 of a trunk").canonical() {
        world.call(dialing, event);
    }

    assert_eq!(codes(&world, dialing), [0, 1, 2, 4, 3, 5, 13, 7, 7]);
}

#[test]
fn what_the_pbx_hangs_up_to_shut_down_ends_as_pbx_restart_unless_it_was_answered() {
    for (fate_name, outcome) in [
        ("486 of a trunk", Outcome::PbxRestart),
        ("answered, and hung up out of a bridge", Outcome::Answered),
    ] {
        let mut world = World::new();
        let (_, dialing) = world.one_call(&[]);
        for event in fate(fate_name).canonical() {
            if matches!(event, CallEvent::Hangup { .. }) {
                world.call(dialing, CallEvent::ShutDown);
            }
            world.call(dialing, event);
        }
        assert_eq!(world.ending(dialing).outcome, outcome, "{fate_name}");
        assert_eq!(world.ending(dialing).dialing.progress.status, DialingStatus::Hangup);
    }
}

#[test]
fn a_call_without_a_channel_shows_13_last() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    for event in fate("no channel made").canonical() {
        world.call(dialing, event);
    }
    world.advance(secs(1));

    assert_eq!(codes(&world, dialing), [0, 1, 2, 13, 13, 13]);
    assert_eq!(world.ending(dialing).dialing.progress.res_hangup, None);
}

#[test]
fn a_hangup_before_the_response_still_shows_7_last() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    for event in
        [CallEvent::Queued, created(), CallEvent::DialBegin, CallEvent::DialEnd(DialStatus::Busy), hangup(17)]
    {
        world.call(dialing, event);
    }
    assert!(world.records.endings.is_empty());
    world.advance(millis(50));
    world.call(dialing, failure(0));

    assert_eq!(world.shown(dialing).last(), Some(&(Change::Delete, DialingStatus::Hangup)));
    assert_eq!(world.ending(dialing).outcome, Outcome::Busy);
}

#[test]
fn a_refused_originate_ends_at_once_with_12_and_asterisks_words() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    world.call(dialing, CallEvent::Refused("Extension does not exist.".into()));

    assert_eq!(codes(&world, dialing), [0, 1, 12, 12]);
    let ending = world.ending(dialing);
    assert_eq!((ending.outcome, ending.dialing.progress.res_dial), (Outcome::Failed, DialResult::None));
    let detail = ending.dialing.progress.res_dial_detail.as_deref();
    assert_eq!(detail, Some("Extension does not exist."));
}

#[test]
fn an_originate_that_was_not_sent_ends_at_once_with_11() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    world.call(dialing, CallEvent::NotSent("the connection is gone".into()));

    assert_eq!(codes(&world, dialing), [0, 1, 11, 11]);
    assert_eq!(world.ending(dialing).outcome, Outcome::Failed);
    assert_eq!(world.engine.unacknowledged(), 0);
}

#[test]
fn a_call_that_nobody_saw_end_shows_10() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    world.call(dialing, CallEvent::Queued);
    world.advance(secs(120));

    assert_eq!(codes(&world, dialing), [0, 1, 2, 10, 10]);
    assert_eq!(world.ending(dialing).outcome, Outcome::Unknown);
}

#[test]
fn the_times_of_a_call_are_those_of_its_events() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);
    let start = world.now().wall;

    for event in fate("answered, and hung up out of a bridge").canonical() {
        world.advance(secs(1));
        world.call(dialing, event);
    }

    // Queued, ChannelCreated, DialBegin, Up, DialEnd, Responded, Hangup: a second apart.
    let ending = world.ending(dialing);
    let progress = &ending.dialing.progress;
    assert_eq!(ending.dialing.attempt.tm_create, start);
    assert_eq!(progress.tm_dial_begin, Some(start.plus(secs(3))));
    assert_eq!(progress.tm_dial_end, Some(start.plus(secs(4))));
    assert_eq!(progress.tm_hangup, Some(start.plus(secs(7))));
    assert_eq!(ending.tm_end, start.plus(secs(7)));
}

#[test]
fn a_clock_that_is_set_in_mid_call_leaves_its_times_as_far_apart_as_they_were() {
    for jump in [-7200, -1, 3600] {
        let mut world = World::new();
        let (_, dialing) = world.one_call(&[]);
        let start = world.now().wall;

        for event in fate("answered, and hung up out of a bridge").canonical() {
            world.advance(secs(1));
            world.call(dialing, event);
            if world.engine.dialing(dialing).is_some_and(|it| it.progress.status == DialingStatus::DialBegin)
            {
                world.jump_wall(jump);
            }
        }

        let progress = world.ending(dialing).dialing.progress.clone();
        assert_eq!(progress.tm_dial_begin, Some(start.plus(secs(3))));
        assert_eq!(progress.tm_dial_end, Some(start.plus(secs(4))));
        assert_eq!(progress.tm_hangup, Some(start.plus(secs(7))));
    }
}

#[test]
fn times_stand_in_their_order_wherever_the_response_comes() {
    for (place, events) in [
        [CallEvent::Queued, created(), CallEvent::DialBegin, hangup(19), failure(3)],
        [CallEvent::Queued, created(), failure(3), CallEvent::DialBegin, hangup(19)],
    ]
    .into_iter()
    .enumerate()
    {
        let mut world = World::new();
        let (_, dialing) = world.one_call(&[]);
        for event in events {
            world.advance(millis(1));
            world.call(dialing, event);
        }
        let progress = &world.ending(dialing).dialing.progress;
        assert!(progress.tm_dial_begin.is_some(), "{place}");
        assert!(progress.tm_dial_begin <= progress.tm_dial_end, "{place}: {progress:?}");
        assert!(progress.tm_dial_end <= progress.tm_hangup, "{place}: {progress:?}");
    }
}

#[test]
fn the_first_word_on_a_call_counts_a_repeated_event_changes_nothing() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);
    let start = world.now().wall;

    for event in [CallEvent::Queued, created(), CallEvent::DialBegin, hangup(17)] {
        world.call(dialing, event);
    }
    world.advance(secs(1));
    world.call(dialing, CallEvent::DialBegin);
    world.call(dialing, hangup(0));
    world.call(dialing, failure(0));

    let progress = &world.ending(dialing).dialing.progress;
    assert_eq!(world.ending(dialing).outcome, Outcome::Busy);
    assert_eq!(progress.tm_dial_begin, Some(start));
    assert_eq!((progress.res_hangup, progress.tm_hangup), (Some(HangupCause(17)), Some(start)));
}

#[test]
fn an_answer_is_remembered_with_its_time_before_the_end() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    for event in [CallEvent::Queued, created(), CallEvent::DialBegin, CallEvent::Up] {
        world.call(dialing, event);
    }

    let progress = &world.records.open[&dialing].progress;
    assert_eq!(progress.res_dial, DialResult::Answered);
    assert_eq!(progress.tm_dial_end, Some(world.now().wall));
    world.call(dialing, SUCCESS);
    assert_eq!(world.count(|effect| matches!(effect, Effect::Progress(..))), 1);
}

#[test]
fn a_second_response_of_the_same_id_does_not_touch_a_live_call() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    for event in [CallEvent::Queued, created(), CallEvent::Up, SUCCESS, failure(0)] {
        world.call(dialing, event);
    }
    world.advance(secs(30));
    assert!(world.records.endings.is_empty());
    world.call(dialing, hangup(16));

    assert_eq!(world.ending(dialing).outcome, Outcome::Answered);
}

#[test]
fn a_hangup_without_a_response_ends_after_two_seconds_by_its_cause() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    for event in [CallEvent::Queued, created(), hangup(21)] {
        world.call(dialing, event);
    }
    world.advance(millis(1999));
    assert!(world.records.endings.is_empty());
    world.advance(millis(1));

    assert_eq!(world.ending(dialing).outcome, Outcome::Rejected);
}

#[test]
fn a_look_that_was_answered_late_does_not_keep_a_call_that_was_hung_up() {
    for late in [CallEvent::Present { name: "x".into(), up: false, since: Since::default() }, CallEvent::Gone]
    {
        let mut world = World::new();
        let (_, dialing) = world.one_call(&[]);

        for event in [CallEvent::Queued, created(), hangup(21), late] {
            world.call(dialing, event);
        }
        world.advance(secs(2));

        assert_eq!(world.ending(dialing).outcome, Outcome::Rejected);
    }
}

#[test]
fn a_failed_response_before_the_channels_events_waits_for_them() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    for event in [CallEvent::Queued, failure(0), created(), CallEvent::DialBegin] {
        world.call(dialing, event);
    }
    world.advance(secs(3));
    assert!(world.records.endings.is_empty(), "the channel is still there");
    world.call(dialing, CallEvent::DialEnd(DialStatus::Congestion));
    world.call(dialing, hangup(34));

    assert_eq!(world.ending(dialing).outcome, Outcome::Congestion);
}

#[test]
fn an_originate_without_an_answer_is_looked_for_and_counted_once_it_is_found() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);
    assert_eq!(world.engine.unacknowledged(), 1);

    world.pbx.channels.insert(dialing, false);
    world.call(dialing, CallEvent::Unanswered);
    world.advance(secs(30));

    assert!(world.records.endings.is_empty());
    assert_eq!(world.engine.unacknowledged(), 0);
    world.call(dialing, CallEvent::Responded(Response::Failure { reason: 5 }));
    world.call(dialing, hangup(0));
    assert_eq!(world.ending(dialing).outcome, Outcome::Busy);
}

#[test]
fn an_originate_without_an_answer_is_unknown_only_after_two_looks_two_seconds_apart() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);

    world.call(dialing, CallEvent::Unanswered);
    world.advance(millis(1999));
    assert!(world.records.endings.is_empty());
    world.advance(secs(1));

    assert_eq!(world.ending(dialing).outcome, Outcome::Unknown);
    assert_eq!(world.count(|effect| *effect == Effect::Probe(dialing)), 2);
}

#[test]
fn a_call_that_the_operator_gives_up_while_it_rings_gives_its_try_back() {
    let mut world = World::new();
    let (campaign, dialing) = world.one_call(&[("MaxRetry1", "1"), ("RetryDelay", "0")]);
    for event in [CallEvent::Queued, created(), CallEvent::DialBegin] {
        world.call(dialing, event);
    }

    world.feed(astout::engine::Input::Withdraw(dialing));

    assert_eq!(world.outcomes(), [Outcome::Withdrawn]);
    assert_eq!(world.originated().len(), 2, "its only try was given back");
    assert_eq!(world.attempts()[1].1.try_count, 1);
    assert_eq!(world.status(campaign), CampaignStatus::Start);
}

#[test]
fn a_call_that_is_given_up_before_its_channel_is_there_is_hung_up_when_it_comes() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);
    world.call(dialing, CallEvent::Queued);

    world.feed(astout::engine::Input::Withdraw(dialing));
    world.call(dialing, created());

    assert_eq!(world.outcomes(), [Outcome::Withdrawn]);
}

#[test]
fn an_answered_call_that_is_given_up_stays_answered() {
    let mut world = World::new();
    let (_, dialing) = world.one_call(&[]);
    for event in [CallEvent::Queued, created(), CallEvent::Up, SUCCESS] {
        world.call(dialing, event);
    }

    world.feed(astout::engine::Input::Withdraw(dialing));

    assert_eq!(world.outcomes(), [Outcome::Answered]);
}
