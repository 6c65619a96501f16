//! A campaign's schedule: it starts and stops by itself, to the second, once a window, whatever is done to the clock.

use std::time::Duration;

use astout::engine::dialing::CallEvent;
use astout::engine::window::{self, Hindrance};
use astout::engine::{Effect, Input, Notice};
use astout::model::campaign::Campaign;
use astout::model::codes::{CampaignStatus, Outcome};
use astout::model::event::{Change, Noun};
use astout::model::ids::CampaignUuid;

use crate::pbx::{SUCCESS, Step, created, fate, hangup};
use crate::world::{World, secs};

use CampaignStatus::{Pause, Start, Starting, Stop, Stopping, StoppingForcedly};

/// A Tuesday, before the office opens.
const TUESDAY: &str = "2026-11-17T08:00:00Z";
const OFFICE: [(&str, &str); 3] = [("ScMode", "1"), ("ScTimeStart", "09:00:00"), ("ScTimeEnd", "17:00:00")];
/// The campaign goes on when its list has ended.
const ENDLESS: [(&str, &str); 1] = [("DlEndHandle", "0")];

/// A world in which each call is answered and lasts ten seconds, at that time, and a campaign of that schedule over so
/// many contacts that nobody has started.
fn scheduled(
    wall: &str,
    plan: &[(&str, &str)],
    contacts: usize,
    fields: &[(&str, &str)],
) -> (World, CampaignUuid) {
    let mut world = World::new();
    world.set_wall(wall);
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(9));
    world.link_up("first start");
    let (plan, dlma, dest) = (world.plan(plan), world.dlma(), world.anywhere());
    world.dls(dlma, contacts);
    let campaign = world.campaign(plan, dlma, dest, fields);
    (world, campaign)
}

/// When the campaign moved on by itself, by the wall clock if nobody has set it since, and to what.
fn moves(world: &World, campaign: CampaignUuid) -> Vec<String> {
    let now = world.now();
    let moved = |(at, effect): &(Duration, Effect)| match effect {
        Effect::Transition { campaign: of, to, .. } if *of == campaign => {
            let ago = i64::try_from((now.mono - *at).as_micros()).unwrap();
            let wall = astout::model::time::Timestamp::from_micros(now.wall.micros() - ago).to_string();
            Some(format!("{} {to}", wall.trim_end_matches(".000000000Z")))
        }
        _ => None,
    };
    world.log.iter().filter_map(moved).collect()
}

fn add_contacts(world: &mut World, campaign: CampaignUuid, count: usize) {
    let dlma = world.records.campaigns[&campaign].dlma.unwrap();
    world.dls(dlma, count);
}

fn notices(world: &World) -> Vec<Notice> {
    let notice = |(_, effect): &(Duration, Effect)| match effect {
        Effect::Notice(notice) => Some(notice.clone()),
        _ => None,
    };
    world.log.iter().filter_map(notice).collect()
}

fn jumps(world: &World) -> Vec<i64> {
    let jump = |notice| match notice {
        Notice::ClockJump { ahead_ms } => Some(ahead_ms / 1000),
        Notice::ListEnded { .. }
        | Notice::Place { .. }
        | Notice::Trunk { .. }
        | Notice::NoSip { .. }
        | Notice::CannotStart { .. }
        | Notice::Held { .. } => None,
    };
    notices(world).into_iter().filter_map(jump).collect()
}

// ---- days

#[test]
fn a_week_of_office_hours_starts_and_stops_to_the_second() {
    let week = [&OFFICE[..], &[("ScDayList", "1,2,3,4,5"), ("ScDateListExcept", "2026-11-19")]].concat();
    let (mut world, campaign) = scheduled(TUESDAY, &ENDLESS, 0, &week);

    world.advance_to("2026-11-24T08:00:00Z");

    let expected: Vec<_> = ["17", "18", "20", "23"]
        .into_iter()
        .flat_map(|day| {
            ["T09:00:00 11", "T09:00:00 1", "T17:00:00 10", "T17:00:00 0"]
                .map(|at| format!("2026-11-{day}{at}"))
        })
        .collect();
    assert_eq!(moves(&world, campaign), expected);
    assert!(jumps(&world).is_empty());
}

#[test]
fn the_day_on_which_the_clock_goes_forward_or_back_keeps_the_hours_of_its_zone() {
    let berlin = [&OFFICE[..], &[("ScTimezone", "Europe/Berlin")]].concat();
    for (from, to, hours) in [
        ("2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z", ["28T08", "28T16", "29T07", "29T15"]),
        ("2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z", ["24T07", "24T15", "25T08", "25T16"]),
    ] {
        let (mut world, campaign) = scheduled(from, &ENDLESS, 0, &berlin);
        world.advance_to(to);
        let starts_and_stops: Vec<_> = moves(&world, campaign).into_iter().step_by(2).collect();
        let expected: Vec<_> = hours
            .iter()
            .zip([11, 10, 11, 10])
            .map(|(hour, to)| format!("{}{hour}:00:00 {to}", &from[..8]))
            .collect();
        assert_eq!(starts_and_stops, expected);
    }
}

#[test]
fn windows_in_the_hour_that_is_skipped_or_comes_twice_open_and_close_where_the_documentation_says() {
    let night = |start, end| {
        [("ScMode", "1"), ("ScTimezone", "America/New_York"), ("ScTimeStart", start), ("ScTimeEnd", end)]
    };
    // 02:00 to 03:00 is skipped on 2026-03-08, at 07:00 UTC; 01:00 to 02:00 comes twice on 2026-11-01, from 05:00 UTC.
    for (day, (start, end), expected) in [
        ("2026-03-08", ("02:30:00", "04:00:00"), vec!["07:00:00 11", "08:00:00 10"]),
        ("2026-03-08", ("01:00:00", "02:30:00"), vec!["06:00:00 11", "07:00:00 10"]),
        ("2026-03-08", ("02:10:00", "02:50:00"), vec![]),
        ("2026-11-01", ("01:30:00", "03:00:00"), vec!["06:30:00 11", "08:00:00 10"]),
        ("2026-11-01", ("00:30:00", "01:30:00"), vec!["04:30:00 11", "05:30:00 10"]),
        ("2026-11-01", ("01:10:00", "01:50:00"), vec!["06:10:00 11", "06:50:00 10"]),
    ] {
        let (mut world, campaign) = scheduled(&format!("{day}T04:00:00Z"), &ENDLESS, 0, &night(start, end));
        world.advance_to(&format!("{day}T20:00:00Z"));
        let seen: Vec<_> = moves(&world, campaign).into_iter().step_by(2).collect();
        let expected: Vec<_> = expected.iter().map(|at| format!("{day}T{at}")).collect();
        assert_eq!(seen, expected, "{day} {start} to {end}");
    }
}

#[test]
fn a_night_across_midnight_is_one_window() {
    let night = [("ScMode", "1"), ("ScTimeStart", "22:00:00"), ("ScTimeEnd", "02:00:00")];
    let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &ENDLESS, 0, &night);
    world.advance_to("2026-11-18T12:00:00Z");
    let expected = ["17T22:00:00 11", "17T22:00:00 1", "18T02:00:00 10", "18T02:00:00 0"];
    assert_eq!(moves(&world, campaign), expected.map(|at| format!("2026-11-{at}")));
}

#[test]
fn days_that_touch_do_not_stop_at_midnight() {
    let (mut world, campaign) = scheduled(TUESDAY, &ENDLESS, 0, &[("ScMode", "1"), ("ScDayList", "2,3")]);
    world.advance_to("2026-11-20T12:00:00Z");
    let expected = ["17T08:00:00 11", "17T08:00:00 1", "19T00:00:00 10", "19T00:00:00 0"];
    assert_eq!(moves(&world, campaign), expected.map(|at| format!("2026-11-{at}")));
}

// ---- what is in a window

#[test]
fn nobody_is_dialled_before_the_window_opens_and_everybody_after() {
    let (mut world, campaign) = scheduled(TUESDAY, &[], 3, &OFFICE);
    world.advance_to("2026-11-17T08:59:59Z");
    assert!(world.originated().is_empty());
    assert_eq!(world.status(campaign), Stop);

    world.advance(secs(1));

    assert_eq!(world.originated().len(), 3);
}

#[test]
fn a_campaign_that_is_made_in_its_window_starts_at_once() {
    let (world, campaign) = scheduled("2026-11-17T12:00:00Z", &[], 1, &OFFICE);
    assert_eq!(world.status(campaign), Start);
    assert_eq!(world.originated().len(), 1);
}

#[test]
fn calls_go_on_when_the_window_closes_and_the_campaign_waits_for_them() {
    let (mut world, campaign) = scheduled("2026-11-17T16:59:55Z", &[("RetryDelay", "0")], 1, &OFFICE);
    world.advance_to("2026-11-17T17:00:00Z");
    assert_eq!(world.status(campaign), Stopping);
    assert_eq!(world.count(|effect| matches!(effect, Effect::Hangup(_))), 0);

    world.advance(secs(10));

    assert_eq!(world.outcomes(), [Outcome::Answered]);
    assert_eq!(world.status(campaign), Stop);
}

#[test]
fn a_paused_campaign_is_stopped_when_its_window_closes_and_started_with_the_next() {
    let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &ENDLESS, 0, &OFFICE);
    world.request(campaign, Pause);
    assert_eq!(world.status(campaign), Pause);
    world.advance_to("2026-11-17T17:00:00Z");
    assert_eq!(world.status(campaign), Stop);
    world.advance_to("2026-11-18T09:00:00Z");
    assert_eq!(world.status(campaign), Start);
}

#[test]
fn a_campaign_whose_last_call_lasts_into_the_next_window_is_started_all_the_same() {
    let (mut world, campaign) = scheduled("2026-11-17T16:59:59Z", &[], 1, &OFFICE);
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(3600 * 20));
    add_contacts(&mut world, campaign, 1);
    world.advance_to("2026-11-18T09:00:00Z");
    assert_eq!(world.status(campaign), Start);
}

#[test]
fn what_was_claimed_and_not_sent_when_the_window_closes_is_not_sent_and_has_its_line() {
    let (mut world, campaign) = scheduled("2026-11-17T16:59:57Z", &ENDLESS, 0, &OFFICE);
    world.request(campaign, Pause);
    add_contacts(&mut world, campaign, 10);
    // The start is committed a second before the claim, and the claim as the window closes.
    world.latency = Box::new(|| secs(1));
    world.request(campaign, Start);

    world.advance_to("2026-11-17T17:00:10Z");

    assert!(world.originated().is_empty());
    assert_eq!(world.outcomes(), [Outcome::WindowClosed; 10]);
    for ending in &world.records.endings {
        assert_eq!(
            ending.dialing.progress.res_dial_detail.as_deref(),
            Some("the campaign's window had closed")
        );
    }
    assert!(world.records.contacts.iter().all(|contact| contact.dl.trycnt == 1), "each line is a try");
    assert_eq!(world.status(campaign), Stop);
}

#[test]
fn whose_hour_is_over_between_his_claim_and_his_call_is_not_called() {
    let plan = [("DlEndHandle", "0"), ("MaxRetry1", "1"), ("CallingHours", "tue 09:00-16:00")];
    let (mut world, campaign) = scheduled("2026-11-17T15:59:57Z", &plan, 0, &OFFICE);
    world.request(campaign, Pause);
    add_contacts(&mut world, campaign, 3);
    world.latency = Box::new(|| secs(1));
    world.request(campaign, Start);

    world.advance_to("2026-11-17T16:00:10Z");

    assert!(world.originated().is_empty());
    assert_eq!(world.outcomes(), [Outcome::WindowClosed; 3]);
    let why = world.records.endings[0].dialing.progress.res_dial_detail.as_deref();
    assert_eq!(why, Some("the campaign's window had closed, or the callee's calling hour was over"));
}

#[test]
fn what_asterisk_is_not_sent_because_it_came_too_late_ends_as_window_closed() {
    let (mut world, _) = scheduled("2026-11-17T12:00:00Z", &[("MaxRetry1", "1")], 0, &OFFICE);
    world.pbx.script = Box::new(|_| Vec::new());
    let campaign = *world.records.campaigns.keys().next().unwrap();
    world.update_campaign(campaign, &[("ScTimeEnd", "18:00:00")]);
    add_contacts(&mut world, campaign, 1);
    world.request(campaign, Start);
    let dialing = world.originated()[0];

    world.call(dialing, CallEvent::WindowClosed);

    assert_eq!(world.ending(dialing).outcome, Outcome::WindowClosed);
    assert_eq!(world.engine.unacknowledged(), 0);
}

// ---- once a window

#[test]
fn a_list_that_has_ended_is_not_begun_again_in_the_same_window() {
    let (mut world, campaign) = scheduled(TUESDAY, &[], 2, &OFFICE);
    world.advance_to("2026-11-17T10:00:00Z");
    assert_eq!(world.status(campaign), Stop);
    add_contacts(&mut world, campaign, 1);

    world.advance_to("2026-11-18T08:59:59Z");
    assert_eq!(world.outcomes().len(), 2);
    world.advance(secs(1));

    assert_eq!(world.originated().len(), 3);
}

#[test]
fn a_window_that_never_closes_starts_its_campaign_once() {
    let (mut world, campaign) = scheduled(TUESDAY, &[], 2, &[("ScMode", "1")]);
    world.advance(secs(3600 * 24 * 40));
    let statuses: Vec<_> = world.moves(campaign).into_iter().map(|(_, to)| to).collect();
    assert_eq!(statuses, [Starting, Start, Stopping, Stop]);
}

#[test]
fn an_operators_stop_holds_until_the_next_window_also_over_a_restart() {
    for stop in [Stop, StoppingForcedly] {
        let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &ENDLESS, 0, &OFFICE);
        world.request(campaign, stop);
        world.advance(secs(60));
        world.restart_daemon();
        world.link_up("first start");
        world.advance_to("2026-11-18T08:59:59Z");
        assert_eq!(world.status(campaign), Stop);
        assert_eq!(
            window::hindrance(&world.records.campaigns[&campaign], "2026-11-17T13:00:00Z".parse().unwrap()),
            Some(Hindrance::Served)
        );
        world.advance(secs(1));
        assert_eq!(world.status(campaign), Start);
    }
}

#[test]
fn an_operators_stop_of_what_is_stopped_holds_too() {
    let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &[], 0, &[("ScMode", "0")]);
    world.request(campaign, Stop);
    world.update_campaign(campaign, &[("ScMode", "1")]);
    assert_eq!(world.status(campaign), Stop, "its list has ended");
    world.request(campaign, Stop);
    add_contacts(&mut world, campaign, 1);
    world.advance(secs(3600));
    assert!(world.originated().is_empty());
}

#[test]
fn an_operators_start_in_the_window_takes_a_stop_back() {
    let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &ENDLESS, 0, &OFFICE);
    world.request(campaign, Stop);
    world.request(campaign, Start);
    assert_eq!(world.status(campaign), Start);
    world.advance_to("2026-11-17T17:00:00Z");
    assert_eq!(world.status(campaign), Stop);
}

#[test]
fn an_operators_start_outside_of_the_window_is_refused_and_says_when_it_opens() {
    let (world, campaign) = scheduled(TUESDAY, &[], 1, &OFFICE);
    let before: &Campaign = &world.records.campaigns[&campaign];
    let mut after = Campaign { status: Starting, ..before.clone() };
    let refused = window::changed(before, &mut after, Some(Start), world.now().wall).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "its schedule's window is closed; the next one opens at 2026-11-17T09:00:00.000000000Z; allowed: to wait for \
         it, to change its schedule, or ScMode 0 (no schedule)"
    );
}

#[test]
fn a_schedule_that_is_changed_holds_at_once() {
    let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &ENDLESS, 0, &OFFICE);
    world.update_campaign(campaign, &[("ScTimeEnd", "11:00:00")]);
    assert_eq!(world.status(campaign), Stop);
    world.update_campaign(campaign, &[("ScTimeEnd", "12:30:00"), ("ScTimeStart", "12:10:00")]);
    world.advance_to("2026-11-17T12:10:00Z");
    assert_eq!(world.status(campaign), Start);
    world.update_campaign(campaign, &[("ScMode", "0")]);
    world.advance_to("2026-11-17T14:00:00Z");
    assert_eq!(world.status(campaign), Start, "without a schedule it goes on");
}

#[test]
fn a_window_that_is_made_longer_is_still_the_same_window() {
    let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &ENDLESS, 0, &OFFICE);
    world.request(campaign, Stop);
    world.update_campaign(campaign, &[("ScTimeEnd", "20:00:00")]);
    world.advance_to("2026-11-17T20:00:00Z");
    assert_eq!(world.status(campaign), Stop);
    assert!(world.moves(campaign).iter().filter(|(_, to)| *to == Starting).count() == 1);
}

#[test]
fn a_campaign_that_lacks_something_is_not_started_and_that_is_said_once_a_window() {
    let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &[("DialMode", "0")], 1, &OFFICE);
    world.advance(secs(60));
    assert_eq!(world.status(campaign), Stop);
    let told = notices(&world);
    assert!(matches!(&told[..], [Notice::CannotStart { why, .. }] if why.contains("DialMode")), "{told:?}");

    let plan = world.records.campaigns[&campaign].plan.unwrap();
    world.update_plan(plan, &[("DialMode", "1")]);

    assert_eq!(world.originated().len(), 1);
}

#[test]
fn a_stopping_daemon_starts_nothing() {
    let (mut world, campaign) = scheduled(TUESDAY, &[], 1, &OFFICE);
    world.feed(Input::Drain);
    world.advance_to("2026-11-17T10:00:00Z");
    assert_eq!(world.status(campaign), Stop);
    world.restart_daemon();
    assert_eq!(world.status(campaign), Start);
}

#[test]
fn a_campaign_that_ran_when_the_daemon_ended_is_stopped_if_its_window_has_closed_meanwhile() {
    let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &ENDLESS, 0, &OFFICE);
    world.jump_wall(3600 * 12);
    world.restart_daemon();
    assert_eq!(world.status(campaign), Stop);
}

// ---- the clock is set

#[test]
fn a_clock_that_is_set_forward_past_the_close_stops_at_the_next_claim_and_is_told_once() {
    let (mut world, campaign) = scheduled("2026-11-17T16:30:00Z", &ENDLESS, 0, &OFFICE);
    world.jump_wall(3600);
    add_contacts(&mut world, campaign, 1);
    world.advance(secs(60));
    assert!(world.originated().is_empty());
    assert_eq!(world.status(campaign), Stop);
    assert_eq!(jumps(&world), [3600]);
}

#[test]
fn a_clock_that_is_set_while_nothing_happens_is_noticed_within_seconds() {
    let (mut world, campaign) = scheduled(TUESDAY, &[], 1, &OFFICE);
    world.advance(secs(60));
    world.jump_wall(3600);
    world.advance(secs(10));
    assert_eq!(world.status(campaign), Start);
    assert_eq!(jumps(&world), [3600]);
}

#[test]
fn a_window_that_is_over_does_not_come_back_with_the_clock() {
    let (mut world, campaign) = scheduled("2026-11-17T16:30:00Z", &ENDLESS, 0, &OFFICE);
    world.jump_wall(3600);
    world.advance(secs(10));
    assert_eq!(world.status(campaign), Stop);
    world.jump_wall(-3600);
    add_contacts(&mut world, campaign, 1);
    world.advance(secs(3600 * 15));
    assert!(world.originated().is_empty());
    world.advance(secs(3600 * 2));
    assert_eq!(world.originated().len(), 1, "the next one has come");
}

#[test]
fn a_list_that_has_ended_does_not_begin_again_because_the_clock_went_back() {
    let (mut world, campaign) = scheduled("2026-11-17T09:30:00Z", &[], 1, &OFFICE);
    world.advance(secs(60));
    assert_eq!(world.status(campaign), Stop);
    for back in [-600, -3600] {
        world.jump_wall(back);
        add_contacts(&mut world, campaign, 1);
        world.advance(secs(3600));
    }
    assert_eq!(world.originated().len(), 1);
    assert_eq!(world.moves(campaign).iter().filter(|(_, to)| *to == Starting).count(), 1);
}

#[test]
fn a_clock_that_is_set_back_to_before_the_opening_stops_a_campaign_until_it_opens() {
    let (mut world, campaign) = scheduled("2026-11-17T09:30:00Z", &ENDLESS, 0, &OFFICE);
    world.jump_wall(-3600);
    add_contacts(&mut world, campaign, 1);
    world.advance(secs(10));
    assert_eq!(world.status(campaign), Stop);
    assert!(world.originated().is_empty());
    world.advance_to("2026-11-17T09:00:00Z");
    assert_eq!(world.originated().len(), 1);
}

#[test]
fn a_clock_that_falls_to_1970_and_comes_back_costs_what_it_took() {
    let dated = [&OFFICE[..], &[("ScDateStart", "2026-01-01")]].concat();
    let (mut world, campaign) = scheduled("2026-11-17T12:00:00Z", &ENDLESS, 0, &dated);
    world.set_wall("1970-01-01T00:00:10Z");
    add_contacts(&mut world, campaign, 1);
    world.advance(secs(20));
    assert_eq!(world.status(campaign), Stop);
    assert!(world.originated().is_empty());

    world.set_wall("2026-11-17T12:00:30Z");
    world.advance(secs(11));

    assert_eq!(world.originated().len(), 1);
    assert_eq!(jumps(&world).len(), 2);
}

#[test]
fn a_clock_that_is_set_during_a_call_changes_nothing_in_how_long_it_is_waited_for() {
    for jump in [7200, -7200, -1_000_000_000] {
        let mut world = World::new();
        let (_, dialing) = world.one_call(&[("DialTimeout", "30000")]);
        world.call(dialing, CallEvent::Queued);
        world.jump_wall(jump);
        world.advance(secs(34));
        assert_eq!(world.count(|effect| matches!(effect, Effect::Probe(_))), 0);
        world.advance(secs(2));
        assert_eq!(
            world.count(|effect| matches!(effect, Effect::Probe(_))),
            1,
            "asked for once it is overdue"
        );
        assert_eq!(jumps(&world), [jump]);
    }
}

#[test]
fn a_slow_correction_of_the_clock_is_no_jump() {
    let (mut world, _) = scheduled(TUESDAY, &[], 0, &OFFICE);
    for _ in 0..100 {
        world.jump_wall(1);
        world.advance(secs(10));
    }
    assert!(jumps(&world).is_empty());
}

#[test]
fn a_scheduled_campaign_wakes_the_engine_every_few_seconds_at_most() {
    let (mut world, _) = scheduled(TUESDAY, &ENDLESS, 0, &OFFICE);
    world.advance(secs(3600 * 12));
    assert!(world.ticks.len() < 12 * 3600 / 5, "{}", world.ticks.len());
}

#[test]
fn a_store_that_fails_at_the_opening_is_asked_again() {
    let (mut world, campaign) = scheduled(TUESDAY, &ENDLESS, 0, &OFFICE);
    world.store_works = false;
    world.advance_to("2026-11-17T09:00:05Z");
    assert_eq!(world.status(campaign), Stop);
    world.store_works = true;
    world.advance(secs(1));
    assert_eq!(world.status(campaign), Start);
    assert!(world.moves(campaign).len() <= 8);
}

#[test]
fn an_operators_stop_that_overtakes_the_schedules_start_wins() {
    let (mut world, campaign) = scheduled(TUESDAY, &ENDLESS, 0, &OFFICE);
    world.advance_to("2026-11-17T08:59:59.5Z");
    world.latency = Box::new(|| secs(1));
    let now = world.now().wall.plus(secs(1));
    // As the driver would say it: judged when it is committed, behind the start that is on its way.
    world.operate(move |records| {
        let campaign = records.campaigns.get_mut(&campaign).unwrap();
        let before = campaign.clone();
        window::changed(&before, campaign, Some(Stop), now).unwrap();
        (Change::Update, Noun::Campaign(campaign.clone()))
    });
    world.advance(secs(3600));
    assert_eq!(world.status(campaign), Stop);
}

#[test]
fn a_ringing_call_of_a_closed_window_may_still_be_answered() {
    let (mut world, campaign) = scheduled("2026-11-17T16:59:58Z", &[], 0, &OFFICE);
    world.pbx.script = Box::new(|_| [CallEvent::Queued, created()].map(Step::now).to_vec());
    world.request(campaign, Stop);
    add_contacts(&mut world, campaign, 1);
    world.request(campaign, Start);
    let dialing = world.originated()[0];
    world.advance(secs(5));
    assert_eq!(world.status(campaign), Stopping);

    world.call(dialing, SUCCESS);
    world.call(dialing, hangup(16));

    assert_eq!(world.outcomes(), [Outcome::Answered]);
    assert_eq!(world.status(campaign), Stop);
}
