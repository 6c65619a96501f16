//! Predictive pacing in the engine: what the pool of a queue hears of its calls, and what it does.

use std::time::Duration;

use astout::engine::dialing::CallEvent;
use astout::engine::pacing::predictive::Standing;
use astout::engine::{Effect, Input, QueueAgents};
use astout::model::codes::{CampaignStatus, Outcome};
use astout::model::ids::{CampaignUuid, DialingUuid};

use crate::pbx::{SUCCESS, Step, created, failure, hangup};
use crate::world::{World, free_agents, millis, secs};

/// A world whose calls ring, and a campaign of mode 1 that dials so many contacts for queue `sales`.
fn ringing(agents: QueueAgents, plan: &[(&str, &str)], contacts: usize) -> (World, CampaignUuid) {
    let mut world = World::new();
    let rings = [CallEvent::Queued, created(), CallEvent::DialBegin, CallEvent::Ringing];
    world.pbx.script = Box::new(move |_| rings.iter().cloned().map(Step::now).collect());
    world.pbx.queues.insert("sales".into(), agents.free);
    world.link_up("first start");
    let plan = [plan, &[("DialMode", "1"), ("DialTimeout", "60000")]].concat();
    let (plan, dlma, dest) = (world.plan(&plan), world.dlma(), world.queue("sales,t"));
    world.dls(dlma, contacts);
    let campaign = world.campaign(plan, dlma, dest, &[]);
    world.request(campaign, CampaignStatus::Start);
    told(&mut world, agents);
    (world, campaign)
}

fn told(world: &mut World, agents: QueueAgents) {
    world.feed(Input::Agents { queue: "sales".into(), agents: Some(agents), wrapped: Vec::new() });
}

fn standing(world: &World) -> Standing {
    world.engine.paced("sales").unwrap().standing
}

/// The callee picks up and enters the queue.
fn answers(world: &mut World, dialing: DialingUuid) {
    for event in [CallEvent::Up, SUCCESS, CallEvent::Joined] {
        world.call(dialing, event);
    }
}

/// An agent takes him, at once.
fn talks(world: &mut World, dialing: DialingUuid) {
    answers(world, dialing);
    world.call(dialing, CallEvent::AgentCalled);
    world.call(dialing, CallEvent::WithAgent);
}

fn nobody_answers(world: &mut World, dialing: DialingUuid) {
    world.call(dialing, failure(3));
    world.call(dialing, hangup(19));
}

fn abandoned(world: &World) -> Vec<Option<(u64, bool)>> {
    let wait = |ending: &astout::model::dialing::Ending| {
        ending.dialing.progress.wait.map(|wait| (wait.ms, wait.abandoned))
    };
    world.records.endings.iter().map(wait).collect()
}

#[test]
fn before_anything_is_known_each_free_agent_gets_a_call_and_without_agents_nobody_is_dialled() {
    let (world, _) = ringing(free_agents(3), &[], 50);
    assert_eq!(world.originated().len(), 3);
    let (mut world, campaign) = ringing(free_agents(0), &[("ServiceLevel", "4")], 50);
    world.advance(secs(100));
    assert_eq!(world.originated().len(), 0);
    assert_eq!(world.held_by(campaign)[0].0, "Queue");
}

#[test]
fn who_has_learnt_that_few_answer_dials_more_than_there_are_agents() {
    let (mut world, _) = ringing(free_agents(5), &[], 400);
    let mut most = 0;
    while world.originated().len() < 250 {
        world.advance(millis(300));
        let calls = world.attempts();
        for (place, (at, attempt)) in calls.into_iter().enumerate() {
            let dialing = attempt.uuid;
            let rings = world.engine.dialing(dialing).is_some_and(|call| call.progress.tm_dial_end.is_none());
            // Each rings for 2 to 9 seconds, and one in five answers.
            if !rings || world.now().mono < at + millis(2_000 + (place as u64 * 2_711) % 7_000) {
                continue;
            }
            if place % 5 == 0 {
                talks(&mut world, dialing);
                told(&mut world, QueueAgents { talking: 1, ..free_agents(4) });
                world.call(dialing, CallEvent::Talked);
                world.call(dialing, hangup(16));
                told(&mut world, free_agents(5));
            } else {
                nobody_answers(&mut world, dialing);
            }
        }
        most = most.max(world.engine.dialings().count());
    }
    assert!(most > 5, "at most {most} calls at once for 5 agents");
    let Standing { live, abandoned, credit, .. } = standing(&world);
    assert!(live >= 30.0 && abandoned == 0.0 && credit > 0.5, "{:?}", standing(&world));
}

#[test]
fn who_waits_for_longer_than_the_plan_allows_counts_as_abandoned_once_and_goes_where_the_plan_says() {
    let (mut world, _) = ringing(free_agents(1), &[("AbandonAfter", "3")], 1);
    let message = world.destination(&[("Exten", "sorry"), ("Context", "in")]).to_string();
    let plan = *world.records.plans.keys().next().unwrap();
    world.update_plan(plan, &[("AbandonDest", &message)]);
    let first = world.originated()[0];
    answers(&mut world, first);
    // The capsule of that call names no such place yet: nothing is done but that it counts.
    world.advance(secs(4));
    assert_eq!(standing(&world).abandoned, 1.0);
    world.call(first, CallEvent::WithAgent);
    world.call(first, hangup(16));
    assert_eq!(abandoned(&world), [Some((4000, true))]);
    assert_eq!((standing(&world).live, standing(&world).abandoned), (1.0, 1.0));

    let (mut world, _) = {
        let (mut world, campaign) = ringing(free_agents(0), &[("AbandonAfter", "3")], 1);
        let message = world.destination(&[("Exten", "sorry"), ("Context", "in")]).to_string();
        let plan = *world.records.plans.keys().next().unwrap();
        world.update_plan(plan, &[("AbandonDest", &message)]);
        told(&mut world, free_agents(1));
        (world, campaign)
    };
    let call = world.originated()[0];
    answers(&mut world, call);
    let sent_away = |world: &World| world.count(|effect| matches!(effect, Effect::SendAway(..)));
    world.advance(millis(2_900));
    assert_eq!((sent_away(&world), standing(&world).abandoned), (0, 0.0));
    world.advance(millis(200));
    assert_eq!((sent_away(&world), standing(&world).abandoned), (1, 1.0));
    let place = ["in", "sorry", "1"].map(str::to_owned);
    assert_eq!(world.count(|effect| *effect == Effect::SendAway(call, place.clone())), 1);
    world.advance(secs(10));
    assert_eq!(sent_away(&world), 1);
}

#[test]
fn who_hangs_up_before_an_agent_comes_is_abandoned_and_who_is_served_is_not() {
    let (mut world, _) = ringing(free_agents(2), &[], 2);
    let [first, second] = world.originated()[..] else { panic!() };
    answers(&mut world, first);
    world.advance(millis(400));
    world.call(first, hangup(16));
    talks(&mut world, second);
    world.advance(secs(30));
    world.call(second, hangup(16));
    assert_eq!(abandoned(&world), [Some((400, true)), Some((0, false))]);
    let Standing { live, abandoned, .. } = standing(&world);
    assert_eq!((live, abandoned), (2.0, 1.0));
}

#[test]
fn a_call_that_rings_while_no_agent_is_in_sight_is_given_up_after_its_time_and_its_try_is_given_back() {
    let (mut world, _) = ringing(free_agents(1), &[("MinRing", "20"), ("MaxRetry1", "1")], 1);
    let call = world.originated()[0];
    told(&mut world, QueueAgents { busy: 1, ..free_agents(0) });
    let given_up = |world: &World| world.count(|effect| matches!(effect, Effect::GiveUp(_)));
    world.advance(millis(19_500));
    assert_eq!(given_up(&world), 0, "it has not rung for so long");
    world.advance(secs(2));
    assert_eq!(given_up(&world), 1);
    assert_eq!(world.ending(call).outcome, Outcome::Withdrawn);
    assert_eq!(world.records.contacts[0].dl.tries.0[0], 0, "the try is given back");
}

#[test]
fn who_answers_in_the_moment_in_which_he_is_given_up_is_not_hung_up_on() {
    let (mut world, _) = ringing(free_agents(1), &[("MinRing", "20")], 1);
    let call = world.originated()[0];
    world.latency = Box::new(|| millis(500));
    told(&mut world, QueueAgents { busy: 1, ..free_agents(0) });
    while world.count(|effect| matches!(effect, Effect::GiveUp(_))) == 0 {
        world.advance(millis(100));
    }
    answers(&mut world, call);
    world.advance(secs(1));
    assert_eq!(world.count(|effect| *effect == Effect::Hangup(call)), 0);
    world.call(call, hangup(16));
    world.advance(secs(1));
    assert_eq!(world.ending(call).outcome, Outcome::Answered);
}

#[test]
fn what_was_learnt_and_the_credit_outlive_a_restart() {
    let (mut world, _) = ringing(free_agents(2), &[], 2);
    let [first, second] = world.originated()[..] else { panic!() };
    talks(&mut world, first);
    answers(&mut world, second);
    world.advance(secs(3));
    let before = standing(&world);
    assert_eq!((before.live, before.abandoned), (2.0, 1.0));

    world.restart_daemon();
    world.link_up("first start");
    told(&mut world, free_agents(1));
    world.advance(secs(1));

    let after = standing(&world);
    assert_eq!((after.live, after.abandoned, after.credit), (2.0, 1.0, before.credit));
}

#[test]
fn a_window_of_a_day_begins_anew_with_the_date_in_the_zone_of_the_campaign_and_a_rolling_one_never_does() {
    for (window, begins) in [("day", true), ("rolling-30d", false), ("calls", false)] {
        let (mut world, campaign) = ringing(free_agents(1), &[("AbandonWindow", window)], 1);
        world.update_campaign(campaign, &[("ScTimezone", "Asia/Tokyo")]);
        let call = world.originated()[0];
        talks(&mut world, call);
        assert_eq!(standing(&world).live, 1.0);
        world.set_wall("2026-01-01T14:59:00Z");
        world.advance(secs(30));
        assert_eq!(standing(&world).live, 1.0);
        world.set_wall("2026-01-01T15:00:01Z");
        world.advance(secs(2));
        assert_eq!(standing(&world).live, if begins { 0.0 } else { 1.0 }, "{window}");
    }
}

#[test]
fn two_campaigns_of_one_queue_share_its_pool_by_the_strictest_of_their_plans() {
    let (mut world, _) = ringing(free_agents(4), &[("AbandonTarget", "5"), ("MinRing", "10")], 20);
    let plan = [("DialMode", "1"), ("AbandonTarget", "1.5"), ("AbandonAfter", "3"), ("MinRing", "30")];
    let (plan, dlma, dest) = (world.plan(&plan), world.dlma(), world.queue("SALES"));
    world.dls(dlma, 20);
    let other = world.campaign(plan, dlma, dest, &[]);
    world.request(other, CampaignStatus::Start);
    world.advance(secs(5));
    assert_eq!(world.originated().len(), 4, "one call an agent");
    let settings = world.engine.paced("sales").unwrap().settings;
    assert!((settings.abandon_target - 0.015).abs() < 1e-9);
    assert_eq!((settings.abandon_after, settings.min_ring), (secs(2), Duration::from_secs(30)));
}

#[test]
fn a_supervisor_sees_the_calls_the_credit_and_what_limits_it_each_second() {
    let (mut world, campaign) = ringing(free_agents(3), &[], 50);
    world.update_campaign(campaign, &[("ScTimezone", "Asia/Tokyo")]);
    let [first, second, third] = world.originated()[..] else { panic!() };
    talks(&mut world, first);
    // The queue is told of first, as by Asterisk's events.
    told(&mut world, QueueAgents { talking: 1, waiting: 1, unserved: 1, ..free_agents(2) });
    answers(&mut world, second);
    world.call(third, failure(3));
    world.call(third, hangup(19));

    let [pacing] = &world.engine.pacing(world.now(), None)[..] else { panic!() };
    assert_eq!((pacing.campaign, pacing.queue.as_str()), (campaign, "sales"));
    let calls = pacing.calls;
    assert_eq!(
        (calls.ringing, calls.waiting, calls.talking),
        (1, 1, 1),
        "a call more for the one that ended"
    );
    let predicted = pacing.predicted.unwrap();
    assert!((predicted.credit - 0.03).abs() < 1e-9 && predicted.learnt == 3, "{predicted:?}");
    assert_eq!(pacing.limited_by, "Learning", "{}", pacing.limit);
    let began = [pacing.day_began, pacing.month_began].map(|at| at.to_string());
    assert_eq!(began, ["2025-12-31T15:00:00.000000000Z"; 2], "it is the first of January in Tokyo");

    let told = |world: &World| {
        world.count(|effect| matches!(effect, Effect::Publish(astout::model::event::OutEvent::Paced(_))))
    };
    let before = told(&world);
    world.advance(secs(10));
    assert_eq!(told(&world) - before, 10);
    world.request(campaign, CampaignStatus::Pause);
    let paused = told(&world);
    world.advance(secs(10));
    assert_eq!(told(&world), paused, "of who dials nobody nothing is told");
}
