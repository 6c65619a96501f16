//! Calls for the agents of a queue, progressively: free agents + `ServiceLevel` − calls that are not yet with an agent.

use astout::engine::dialing::CallEvent;
use astout::engine::{Effect, Input, QueueAgents};
use astout::model::codes::CampaignStatus;
use astout::model::ids::{CampaignUuid, DialingUuid, DlmaUuid};
use astout::model::node;

use crate::pbx::{SUCCESS, Step, created, fate, hangup};
use crate::world::{World, free_agents, millis, secs};

/// A campaign that dials so many contacts for queue `sales`.
fn for_sales(world: &mut World, plan: &[(&str, &str)], contacts: usize) -> (CampaignUuid, DlmaUuid) {
    let plan = [plan, &[("DialMode", "2")]].concat();
    let (plan, dlma, dest) = (world.plan(&plan), world.dlma(), world.queue("sales,t"));
    world.dls(dlma, contacts);
    let campaign = world.campaign(plan, dlma, dest, &[]);
    world.request(campaign, CampaignStatus::Start);
    (campaign, dlma)
}

/// A world with so many free agents in queue `sales`, where every call waits in it.
fn agents(free: u32) -> World {
    let mut world = World::new();
    let waiting = [CallEvent::Queued, created(), CallEvent::DialBegin, CallEvent::Up, SUCCESS];
    world.pbx.script = Box::new(move |_| waiting.iter().cloned().map(Step::now).collect());
    world.pbx.queues.insert("sales".into(), free);
    world.link_up("first start");
    world
}

fn take(world: &mut World, dialing: DialingUuid) {
    world.call(dialing, CallEvent::WithAgent);
}

#[test]
fn a_queue_gets_a_call_for_each_free_agent_and_service_level_more() {
    let mut world = agents(2);
    for_sales(&mut world, &[("ServiceLevel", "3")], 20);

    world.advance(secs(10));

    assert_eq!(world.originated().len(), 5);
    assert_eq!(world.count(|effect| *effect == Effect::WatchQueue("sales".into())), 1);
}

#[test]
fn a_call_in_conversation_has_taken_its_agent_from_the_free_ones() {
    let mut world = agents(2);
    for_sales(&mut world, &[], 20);
    let first = world.originated()[0];

    world.set_agents("sales", 1);
    take(&mut world, first);
    assert_eq!(world.originated().len(), 2);
    world.set_agents("sales", 2);

    assert_eq!(world.originated().len(), 3, "one free agent without a call");
}

#[test]
fn a_call_that_ends_in_the_queue_makes_room_for_another() {
    let mut world = agents(1);
    for_sales(&mut world, &[], 20);
    let first = world.originated()[0];

    world.call(first, hangup(16));

    assert_eq!(world.originated().len(), 2);
}

#[test]
fn whoever_waits_from_elsewhere_gets_a_free_agent_first() {
    let mut world = agents(0);
    for_sales(&mut world, &[], 20);
    let agents = QueueAgents { waiting: 3, others: 2, ..free_agents(3) };
    world.feed(Input::Agents { queue: "sales".into(), agents: Some(agents), wrapped: Vec::new() });
    assert_eq!(world.originated().len(), 1);
    // One of them is being called an agent for, who is not free any more.
    let agents = QueueAgents { waiting: 3, others: 1, ringing: 1, ..free_agents(2) };
    world.feed(Input::Agents { queue: "sales".into(), agents: Some(agents), wrapped: Vec::new() });
    assert_eq!(world.originated().len(), 1);
}

#[test]
fn agents_that_talk_wrap_up_or_are_paused_get_no_call_and_an_explanation_tells_of_each() {
    let mut world = agents(0);
    let (campaign, _) = for_sales(&mut world, &[], 20);
    let agents = QueueAgents { talking: 4, wrapping: 3, paused: 2, busy: 1, ringing: 5, ..free_agents(0) };
    world.feed(Input::Agents { queue: "sales".into(), agents: Some(agents), wrapped: Vec::new() });
    assert_eq!(world.originated().len(), 0);
    let words = "0 agents are free (of 15 that are logged in: 5 being called, 4 talking, 3 wrapping up, 2 paused, 1 in \
                 other calls; 0 callers wait;";
    let held = world.held_by(campaign);
    assert!(held[0].0 == "Queue" && held[0].1.contains(words), "{held:?}");
}

#[test]
fn power_dialing_gives_each_free_agent_so_many_lines() {
    for (mode, ratio, calls) in [("3", "", 3), ("3", "1", 3), ("3", "2", 6), ("3", "1.5", 4), ("2", "2", 3)] {
        let mut world = agents(3);
        for_sales(&mut world, &[("DialMode", mode), ("PowerRatio", ratio)], 20);
        world.advance(secs(10));
        assert_eq!(world.originated().len(), calls, "DialMode {mode}, PowerRatio {ratio:?}");
    }
}

#[test]
fn a_queue_that_asterisk_does_not_have_gets_no_call_whatever_the_service_level() {
    let mut world = agents(0);
    world.pbx.queues.clear();
    for_sales(&mut world, &[("ServiceLevel", "5")], 3);

    world.advance(secs(100));

    assert!(world.originated().is_empty());
    world.set_agents("sales", 0);
    assert_eq!(world.originated().len(), 3, "it is there now");
}

#[test]
fn a_list_that_ends_while_no_agent_is_free_still_ends_its_campaign() {
    let mut world = agents(1);
    let (campaign, _) = for_sales(&mut world, &[("MaxRetry1", "1")], 1);
    world.set_agents("sales", 0);

    world.call(world.originated()[0], hangup(16));
    let (empty, _) = for_sales(&mut world, &[], 0);

    assert_eq!(world.status(campaign), CampaignStatus::Stop);
    assert_eq!(world.status(empty), CampaignStatus::Stop);
}

#[test]
fn two_campaigns_for_one_queue_share_its_agents_also_while_they_claim() {
    let mut world = agents(4);
    world.latency = Box::new(|| millis(100));
    for_sales(&mut world, &[("ServiceLevel", "1")], 20);
    for_sales(&mut world, &[("ServiceLevel", "1")], 20);

    world.advance(secs(10));

    assert_eq!(world.originated().len(), 5);
}

#[test]
fn campaigns_for_one_queue_share_its_free_agents_by_their_weight_whether_they_come_one_by_one_or_many() {
    for at_once in [1, 4] {
        let mut world = agents(0);
        let campaigns = ["1", "3"].map(|weight| {
            let (plan, dlma, dest) = (world.plan(&[("DialMode", "2")]), world.dlma(), world.queue("sales,t"));
            world.dls(dlma, 100);
            let campaign = world.campaign(plan, dlma, dest, &[("Weight", weight)]);
            world.request(campaign, CampaignStatus::Start);
            campaign
        });
        for round in 1..=80 / at_once {
            world.set_agents("sales", at_once);
            world.advance(secs(1));
            let dialled = world.originated();
            assert_eq!(dialled.len(), (round * at_once) as usize, "a call for each");
            // They talk, and no other agent is free.
            world.set_agents("sales", 0);
            dialled.iter().rev().take(at_once as usize).for_each(|dialing| take(&mut world, *dialing));
        }
        let of = |campaign: CampaignUuid| {
            world.attempts().iter().filter(|(_, attempt)| attempt.capsule.campaign.uuid == campaign).count()
        };
        assert_eq!(campaigns.map(of), [20, 60], "{at_once} at once");
    }
}

#[test]
fn campaigns_that_wait_for_one_queue_get_its_free_agent_once() {
    let mut world = agents(0);
    for _ in 0..3 {
        for_sales(&mut world, &[], 5);
    }
    world.advance(secs(1));
    assert!(world.originated().is_empty());

    world.set_agents("sales", 1);
    world.advance(secs(5));

    assert_eq!(world.originated().len(), 1);
}

#[test]
fn a_change_of_the_destination_while_a_claim_is_under_way_keeps_the_count() {
    let mut world = agents(3);
    let (campaign, dlma) = for_sales(&mut world, &[("DlEndHandle", "0")], 0);
    world.latency = Box::new(|| millis(100));
    world.dls(dlma, 10);
    let dest = world.records.campaigns[&campaign].dest.unwrap();
    world.operate(move |records| {
        let destination = records.destinations[&dest].clone();
        (astout::model::event::Change::Update, astout::model::event::Noun::Destination(destination))
    });

    world.advance(secs(10));

    assert_eq!(world.originated().len(), 3);
}

#[test]
fn agents_are_asked_for_anew_after_the_link_was_lost() {
    let mut world = agents(1);
    let (_, dlma) = for_sales(&mut world, &[("DlEndHandle", "0")], 0);
    world.link_down();
    world.pbx.queues.insert("sales".into(), 2);
    world.dls(dlma, 5);
    assert!(world.originated().is_empty());

    world.link_up("first start");

    assert_eq!(world.originated().len(), 2);
}

#[test]
fn nobody_is_dialled_for_a_destination_whose_failover_asterisk_does_not_have() {
    let mut world = World::new();
    let last = world.anywhere().to_string();
    let dest = world.destination(&[("Exten", "1"), ("Context", "in"), ("Failover", &last)]);
    let (plan, dlma) = (world.plan(&[]), world.dlma());
    world.dls(dlma, 3);
    let campaign = world.campaign(plan, dlma, dest, &[]);
    world.link_up("first start");
    world.request(campaign, CampaignStatus::Start);
    world.advance(secs(60));
    assert_eq!(world.originated().len(), 0);

    let (first, last) =
        (&world.records.destinations[&dest], &world.records.destinations[&last.parse().unwrap()]);
    let node = node::name(&[first, last]);
    world.feed(Input::Nodes([node.clone()].into()));
    assert_eq!(world.originated().len(), 3);
    assert!(world.attempts().iter().all(|(_, attempt)| attempt.capsule.node().as_ref() == Some(&node)));
}

#[test]
fn calls_that_go_elsewhere_take_no_agent() {
    let mut world = agents(1);
    world.running(&[], 5);
    for_sales(&mut world, &[], 5);

    assert_eq!(world.originated().len(), 6);
}

#[test]
fn never_more_calls_wait_than_there_are_agents_whatever_comes_and_goes() {
    let mut world = agents(0);
    let fates = ["486 of a trunk", "answered, and hung up out of a bridge", "rang until the time was out"];
    let mut calls = 0;
    world.pbx.script = Box::new(move |_| {
        calls += 1;
        fate(fates[calls % 3]).steps(secs(2), secs(3))
    });
    let (campaign, _) = for_sales(&mut world, &[("MaxRetry1", "1")], 50);
    for round in 0..200_u32 {
        let free = round % 4;
        let before = world.originated().len();
        world.feed(Input::Agents {
            queue: "sales".into(),
            agents: Some(free_agents(free)),
            wrapped: Vec::new(),
        });
        let open = world.engine.dialings().count();
        let fresh = world.originated().len() - before;
        assert!(fresh == 0 || open <= free as usize, "{open} calls for {free} agents");
        world.advance(secs(1));
    }
    assert_eq!(world.status(campaign), CampaignStatus::Stop);
    assert_eq!(world.outcomes().len(), 50);
}
