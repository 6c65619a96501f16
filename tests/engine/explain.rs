//! What an explanation says in each situation. That it agrees with what is done is asked at every step of every
//! [`crate::world::World`], whatever a test is about.

use astout::engine::calling::History;
use astout::engine::explain::{About, Explanation, Finding, Standing, causes};
use astout::engine::intake::FIRST;
use astout::engine::{Input, Options, Outlook};
use astout::model::codes::CampaignStatus;
use astout::model::dialing::NextTry;
use astout::model::dl::Dl;
use astout::model::ids::{CampaignUuid, DlUuid};
use astout::model::policy::Policy;

use crate::pbx::fate;
use crate::world::{Running, World, about, millis, secs};

fn limited(max_channels: u32, calls_per_second: u32) -> World {
    let (max_unanswered, policy, on_unknown) = (10, Policy::default(), NextTry::default());
    let preview_timeout = secs(60);
    World::with(Options {
        max_channels,
        calls_per_second,
        max_unanswered,
        policy,
        on_unknown,
        preview_timeout,
    })
}

fn gates(world: &World, campaign: CampaignUuid) -> Vec<&'static str> {
    world.held_by(campaign).into_iter().map(|(gate, _)| gate).collect()
}

/// What the one gate saw that holds it.
fn only(world: &World, campaign: CampaignUuid, gate: &str) -> String {
    let held = world.held_by(campaign);
    assert!(held.len() == 1 && held[0].0 == gate, "{held:?}");
    held[0].1.clone()
}

pub(crate) fn gate<'a>(told: &'a Explanation, gate: &str) -> &'a Finding {
    told.findings.iter().find(|finding| finding.gate == gate).unwrap()
}

fn standing(dl: Dl, last_end: i64, ahead: u64) -> Standing {
    Standing { dl, last_end, open: false, ahead, put_off: None, history: History::default() }
}

pub(crate) fn explained(world: &World, campaign: CampaignUuid, contact: DlUuid) -> Explanation {
    let of = world.records.contacts.iter().find(|of| of.dl.uuid == contact).unwrap();
    let standing = standing(of.dl.clone(), of.last_end, 0);
    world.engine.explain(world.now(), &about(campaign, Some(standing))).unwrap()
}

#[test]
fn every_gate_is_told_in_the_order_in_which_it_is_asked() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&[], 1);
    let told = world.engine.explain(world.now(), &about(campaign, None)).unwrap();
    let gates: Vec<_> = told.findings.iter().map(|finding| finding.gate).collect();
    assert_eq!(
        gates,
        [
            "Daemon", "Records", "Status", "Schedule", "Change", "Claim", "Retry", "List", "Parts", "Due",
            "Mode", "Node", "Place", "Queue", "Trunk", "Asterisk", "Channels", "Answers", "Rate", "Turn"
        ]
    );
}

#[test]
fn a_campaign_that_is_stopped_or_lacks_something_says_so() {
    let mut world = World::new();
    world.link_up("first start");
    let (plan, dlma, dest) = (world.plan(&[]), world.dlma(), world.anywhere());
    world.dls(dlma, 1);
    let campaign = world.campaign(plan, dlma, dest, &[]);
    assert!(only(&world, campaign, "Status").starts_with("0 (stop)"));

    world.update_campaign(campaign, &[("Dest", "")]);
    assert_eq!(gates(&world, campaign), ["Status", "Parts"]);
    assert!(world.held_by(campaign)[1].1.contains("no destination"));
}

#[test]
fn a_daemon_that_stops_or_is_held_and_an_asterisk_that_is_away_are_told() {
    let mut world = World::new();
    let Running { campaign, dlma, .. } = world.running(&[("DlEndHandle", "0")], 0);
    world.link_down();
    world.dls(dlma, 1);
    assert!(only(&world, campaign, "Asterisk").starts_with("not connected"));
    world.feed(Input::Hold(true));
    world.feed(Input::Drain);
    assert_eq!(gates(&world, campaign), ["Daemon", "Records", "Asterisk"]);
}

#[test]
fn a_retry_that_is_not_due_says_when_it_is() {
    let mut world = World::new();
    world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
    let Running { campaign, .. } = world.running(&[("RetryDelay", "60")], 1);
    world.advance(secs(2));
    let told = world.engine.explain(world.now(), &about(campaign, None)).unwrap();
    let due = told.holds().next().unwrap();
    assert_eq!((due.gate, due.next), ("Due", told.next()));
    let next = due.next.unwrap();

    world.advance(next.since(world.now().wall));
    assert_eq!(world.originated().len(), 2, "and then it is dialled");
}

#[test]
fn a_queue_says_who_is_missing() {
    let mut world = World::new();
    world.pbx.queues.insert("sales".into(), 0);
    let (plan, dlma) = (world.plan(&[("DialMode", "2")]), world.dlma());
    let (dest, nowhere) = (world.queue("sales"), world.queue("nowhere"));
    world.dls(dlma, 1);
    world.link_up("first start");
    let full = world.campaign(plan, dlma, dest, &[]);
    let unknown = world.campaign(plan, dlma, nowhere, &[]);
    world.request(full, CampaignStatus::Start);
    world.request(unknown, CampaignStatus::Start);
    assert!(only(&world, full, "Queue").starts_with("queue sales: 0 agents are free"));
    assert_eq!(only(&world, unknown, "Queue"), "queue nowhere: Asterisk has no such queue");

    world.set_agents("sales", 1);
    assert_eq!(world.originated().len(), 1);
}

#[test]
fn limits_say_which_of_them_is_reached() {
    let mut world = limited(2, 100);
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(60));
    let Running { campaign, .. } = world.running(&[], 5);
    world.advance(secs(2));
    assert_eq!(only(&world, campaign, "Channels"), "2 calls; [asterisk] max_channels = 2");

    let mut world = limited(100, 1);
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(60));
    let Running { campaign, .. } = world.running(&[], 5);
    world.advance(millis(500));
    let told = world.engine.explain(world.now(), &about(campaign, None)).unwrap();
    let rate = told.holds().next().unwrap();
    assert_eq!(rate.gate, "Rate");
    assert_eq!(rate.next.unwrap().since(world.now().wall), millis(500), "a second after the last one");

    let mut world = limited(100, 100);
    world.pbx.script = Box::new(|_| Vec::new());
    let Running { campaign, .. } = world.running(&[], 20);
    world.advance(millis(200));
    assert_eq!(world.originated().len(), FIRST as usize);
    assert!(only(&world, campaign, "Answers").starts_with("Asterisk is setting up 10 calls"));
}

#[test]
fn a_dead_trunk_says_until_when_it_is_left_alone() {
    let mut world = World::new();
    world.pbx.script = Box::new(|_| vec![crate::pbx::Step::now(crate::pbx::failure(0))]);
    let Running { campaign, .. } = world.running(&[("RetryDelay", "0"), ("MaxRetry1", "100")], 10);
    world.advance(secs(10));
    let told = world.engine.explain(world.now(), &about(campaign, None)).unwrap();
    let trunk: Vec<_> = told.holds().filter(|finding| finding.gate == "Trunk").collect();
    assert_eq!(trunk.len(), 1, "{told:?}");
    assert!(trunk[0].saw.contains("the trunk failed"), "{:?}", trunk[0]);
    assert!(trunk[0].next > Some(world.now().wall));
}

#[test]
fn a_list_that_is_empty_or_finished_says_so() {
    let mut world = World::new();
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(1));
    let Running { campaign, .. } = world.running(&[("DlEndHandle", "0")], 1);
    world.advance(secs(5));
    assert!(only(&world, campaign, "List").starts_with("0 contacts have a try left, 0 are being dialled"));
}

#[test]
fn a_schedule_says_when_its_window_opens() {
    let mut world = World::new();
    let (plan, dlma, dest) = (world.plan(&[]), world.dlma(), world.anywhere());
    world.dls(dlma, 1);
    world.link_up("first start");
    let window = [("ScMode", "1"), ("ScTimeStart", "09:00:00"), ("ScTimeEnd", "17:00:00")];
    let campaign = world.campaign(plan, dlma, dest, &window);
    let told = world.engine.explain(world.now(), &about(campaign, None)).unwrap();
    let schedule = told.holds().find(|finding| finding.gate == "Schedule").unwrap();
    assert_eq!(schedule.next.unwrap().to_string(), "2026-01-01T09:00:00.000000000Z");

    world.advance_to("2026-01-01T09:00:01Z");
    assert_eq!(world.originated().len(), 1);
}

#[test]
fn of_two_that_share_one_channel_each_says_what_it_waits_for() {
    let mut world = limited(1, 100);
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(600));
    let one = world.running(&[], 1).campaign;
    let other = world.running(&[], 1).campaign;
    world.advance(secs(2));
    assert_eq!(gates(&world, other), ["Channels"], "the only channel is the first one's");
    assert_eq!(gates(&world, one), ["List", "Channels"], "which has nobody left");
}

#[test]
fn a_contact_says_what_it_alone_stands_for() {
    let mut world = World::new();
    world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
    let Running { campaign, dlma, .. } = world.running(&[("RetryDelay", "60"), ("DlEndHandle", "0")], 0);
    let contact = world.dl(dlma, &[("Number1", "300"), ("Number3", "302")]);
    let told = explained(&world, campaign, contact);
    assert!(gate(&told, "Contact").saw.starts_with("it is being dialled right now"), "{told:?}");

    world.advance(secs(2));
    let told = explained(&world, campaign, contact);
    assert!(!gate(&told, "Contact").holds);
    assert_eq!(gate(&told, "Tries").saw, "next is number 1, 300: try 2 of 5");
    assert!(gate(&told, "Delay").holds && gate(&told, "Delay").next.is_some());

    world.advance(secs(3600));
    let told = explained(&world, campaign, contact);
    let tries = gate(&told, "Tries");
    assert!(tries.holds, "{tries:?}");
    assert_eq!(tries.saw, "it is finished: no try is left (5 of 5 at number 1, 5 of 5 at number 3)");

    let denies = Policy { denied_prefixes: vec!["30".to_owned()], ..Policy::default() };
    let options = Options { policy: denies, ..world.options.clone() };
    world.feed(Input::Options(options));
    let other = world.new_contact(dlma, &[("Number1", "300")]);
    let standing = standing(other.dl, 0, 3);
    let told = world.engine.explain(world.now(), &about(campaign, Some(standing.clone()))).unwrap();
    assert!(gate(&told, "Policy").holds && gate(&told, "Policy").saw.contains("denied prefix"));
    assert!(gate(&told, "Line").saw.starts_with("3 due contacts come before it (first fewest tries, "));
    let told =
        world.engine.explain(world.now(), &about(campaign, Some(Standing { ahead: 1, ..standing }))).unwrap();
    assert!(gate(&told, "Line").saw.starts_with("1 due contact comes before it (first fewest tries, "));
}

#[test]
fn a_contact_on_the_phone_is_not_called_finished_also_by_its_last_try() {
    let mut world = World::new();
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(60));
    let plan = [("MaxRetry1", "1"), ("DlEndHandle", "0")];
    let Running { campaign, dlma, .. } = world.running(&plan, 0);
    let contact = world.dl(dlma, &[("Number1", "300")]);
    let told = explained(&world, campaign, contact);
    let call = told.call.clone().unwrap();
    assert!(call.starts_with("it is being dialled right now: dialing "), "{call}");
    assert!(call.ends_with(&format!(" of campaign {campaign}")), "{call}");
    assert_eq!(gate(&told, "Contact").saw, call);
    assert_eq!(gate(&told, "Tries").saw, "its last try is under way (1 of 1 at number 1)");

    world.advance(secs(10));
    let told = explained(&world, campaign, contact);
    assert!(told.call.unwrap().starts_with("its call is up: dialing "));

    world.advance(secs(120));
    let told = explained(&world, campaign, contact);
    assert_eq!((&told.call, gate(&told, "Contact").saw.as_str()), (&None, "it is finished: it was answered"));
    assert!(gate(&told, "Tries").saw.starts_with("it is finished: no try is left"));
}

#[test]
fn an_asterisk_that_is_away_is_told_before_what_it_alone_could_tell() {
    let mut world = World::new();
    let (plan, dlma, dest) = (world.plan(&[]), world.dlma(), world.queue("sales"));
    world.dls(dlma, 1);
    world.link_up("first start");
    let campaign = world.campaign(plan, dlma, dest, &[]);
    world.request(campaign, CampaignStatus::Start);
    world.link_down();
    assert_eq!(gates(&world, campaign), ["Queue", "Asterisk"], "the order in which they are asked");
    let led_by = |world: &World| {
        let told = world.engine.explain(world.now(), &about(campaign, None)).unwrap();
        causes(&told.findings).iter().map(|finding| finding.gate).collect::<Vec<_>>()
    };
    assert_eq!(led_by(&world), ["Asterisk", "Queue"]);

    world.request(campaign, CampaignStatus::Stop);
    assert_eq!(led_by(&world), ["Status", "Asterisk", "Queue"]);
}

#[test]
fn a_stopped_campaign_says_what_the_records_say_is_left_of_its_list() {
    let mut world = World::new();
    let (plan, dlma, dest) = (world.plan(&[]), world.dlma(), world.anywhere());
    world.link_up("first start");
    let campaign = world.campaign(plan, dlma, dest, &[]);
    let told = |list| {
        let asked = About { campaign, list: Some(list), contact: None };
        world.engine.explain(world.now(), &asked).unwrap()
    };
    let held_by = |told: &Explanation| told.holds().map(|finding| finding.gate).collect::<Vec<_>>();
    let ended = told(Outlook::default());
    assert_eq!(held_by(&ended), ["Status", "List"]);
    assert!(gate(&ended, "Status").saw.starts_with("0 (stop): its list has ended, and a start ends at once"));

    let now =
        told(Outlook { next_due: Some(world.now().wall), dialing: 0, waiting: 3, ..Outlook::default() });
    assert_eq!(held_by(&now), ["Status"]);
    let counts = "3 contacts have a try left, 0 are being dialled; the next is due now";
    assert_eq!(gate(&now, "List").saw, counts);

    let due = world.now().wall.plus(secs(60));
    let later = told(Outlook { next_due: Some(due), dialing: 0, waiting: 3, ..Outlook::default() });
    assert_eq!((held_by(&later), gate(&later, "Due").next), (vec!["Status", "Due"], Some(due)));
    assert!(gate(&later, "List").saw.ends_with(&format!("; the next is due at {due}")));
}
