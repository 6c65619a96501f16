//! Everything at once, from one seed: slow commits, lost and doubled events, lost links, new starts of Asterisk and of
//! the daemon, failing commits, operators. Afterwards everything comes to its end, each attempt with one line.

use std::time::Duration;

use astout::engine::dialing::CallEvent;
use astout::engine::{Effect, Input, Options, window};
use astout::model::codes::{CampaignStatus, DialResult, Outcome};
use astout::model::dialing::NextTry;
use astout::model::ids::CampaignUuid;
use astout::model::policy::Policy;
use fastrand::Rng;
use proptest::prelude::*;

use crate::pbx::{Step, fates};
use crate::world::{World, millis, secs};

/// A busy loop has thousands.
const TICKS_A_SECOND: usize = 50;

fn steps(rng: &mut Rng, faults: bool) -> Vec<Step> {
    let fates = fates();
    let fate = &fates[rng.usize(..fates.len())];
    let mut steps = fate.steps(millis(rng.u64(..3000)), millis(rng.u64(..8000)));
    steps[0].after = millis(rng.u64(..1000));
    if faults && rng.u8(..10) == 0 {
        steps[0].event = CallEvent::Refused("Originate failed".into());
        steps.truncate(1);
    }
    for step in &mut steps {
        if faults && rng.u8(..13) == 0 {
            step.heard = rng.usize(..3);
        }
    }
    steps
}

/// A world of this seed: how much it may dial, some campaigns, and their lists.
fn populated(seed: u64, faults: bool) -> (World, Vec<CampaignUuid>, Rng) {
    let mut rng = Rng::with_seed(seed);
    let mut world = World::with(Options {
        max_channels: rng.u32(1..30),
        calls_per_second: rng.u32(1..60),
        max_unanswered: 10,
        policy: Policy::default(),
        on_unknown: NextTry::default(),
        preview_timeout: Duration::from_secs(60),
    });
    let mut of_calls = rng.fork();
    world.pbx.script = Box::new(move |_| steps(&mut of_calls, faults));
    let mut of_store = rng.fork();
    let slow = rng.u64(1..400);
    world.latency = Box::new(move || millis(of_store.u64(..slow)));
    world.pbx.queues.insert("sales".into(), 3);
    world.link_up("start 0");
    let plan = world.plan(&[("MaxRetry1", "2"), ("MaxRetry2", "1"), ("RetryDelay", "5")]);
    let lists = [world.dlma(), world.dlma()];
    for list in lists {
        for _ in 0..rng.usize(..25) {
            let two = [("Number1", "300"), ("Number2", "301")];
            world.dl(list, &two[..rng.usize(1..3)]);
        }
    }
    let destinations = [world.anywhere(), world.queue("sales")];
    world.advance(secs(20));
    let campaigns: Vec<_> = (0..rng.usize(1..4))
        .map(|_| {
            let (list, dest) = (lists[rng.usize(..2)], destinations[rng.usize(..2)]);
            let weight = rng.u32(1..5).to_string();
            world.campaign(plan, list, dest, &[("Weight", &weight)])
        })
        .collect();
    world.advance(secs(5));
    for campaign in &campaigns {
        world.request(*campaign, CampaignStatus::Start);
    }
    (world, campaigns, rng)
}

/// Something goes wrong, or somebody does something.
fn disturb(world: &mut World, campaigns: &[CampaignUuid], rng: &mut Rng, starts: &mut u32) {
    let campaign = campaigns[rng.usize(..campaigns.len())];
    let epoch = format!("start {starts}");
    match rng.u8(..12) {
        0 => {
            world.link_down();
            world.advance(millis(rng.u64(..20_000)));
            world.link_up(&epoch);
        }
        1 => {
            *starts += 1;
            world.restart_asterisk(&format!("start {starts}"));
        }
        2 => {
            world.restart_daemon();
            world.advance(millis(rng.u64(..5000)));
            world.link_up(&epoch);
        }
        3 => {
            world.store_works = false;
            world.advance(millis(rng.u64(..5000)));
            world.store_works = true;
        }
        4 => world.jump_wall(rng.i64(-7200..7200)),
        5 => world.set_agents("sales", rng.u32(..6)),
        6 => {
            let dialing = world.engine.dialings().next().map(|dialing| dialing.attempt.uuid);
            dialing.into_iter().for_each(|dialing| world.feed(Input::Withdraw(dialing)));
        }
        7 => ask(world, campaign, CampaignStatus::StoppingForcedly),
        8 => ask(world, campaign, CampaignStatus::Stop),
        9 => ask(world, campaign, CampaignStatus::Pause),
        10 => {
            world.feed(Input::Hold(true));
            world.advance(millis(rng.u64(..5000)));
            world.feed(Input::Hold(false));
        }
        _ => ask(world, campaign, CampaignStatus::Start),
    }
}

/// Asks for a status where it makes sense.
fn ask(world: &mut World, campaign: CampaignUuid, status: CampaignStatus) {
    use astout::model::event::{Change, Noun};
    let now = world.now().wall;
    world.operate(move |records| {
        let campaign = records.campaigns.get_mut(&campaign).unwrap();
        let mut after = campaign.clone();
        let asked = astout::engine::campaign::on_request(campaign.status, status);
        after.status = asked.unwrap_or(campaign.status);
        if window::changed(campaign, &mut after, Some(status), now).is_ok() {
            *campaign = after;
        }
        (Change::Update, Noun::Campaign(campaign.clone()))
    });
}

/// Lets everything come to its end, and says what must hold then.
fn come_to_an_end(world: &mut World, campaigns: &[CampaignUuid]) {
    world.set_agents("sales", 3);
    // Whatever the wall clock was set back, the retries are due.
    world.jump_wall(7200 * 40);
    for campaign in campaigns {
        world.update_campaign(*campaign, &[("ScMode", "0")]);
    }
    for _ in 0..3 {
        for campaign in campaigns {
            ask(world, *campaign, CampaignStatus::Start);
        }
        world.advance(secs(700));
    }
    assert!(world.records.open.is_empty(), "open: {:?}", world.records.open.keys());
    assert_eq!(world.engine.dialings().count(), 0);
    assert_eq!(world.engine.unacknowledged(), 0);
    for campaign in campaigns {
        assert_eq!(world.status(*campaign), CampaignStatus::Stop);
        let list = world.records.campaigns[campaign].dlma.unwrap();
        let plan = &world.records.plans[&world.records.campaigns[campaign].plan.unwrap()];
        for contact in world.records.contacts.iter().filter(|contact| contact.dl.dlma_uuid == list) {
            let answered = contact.dl.res_dial == DialResult::Answered;
            let next = astout::engine::selection::next_number(&contact.dl.rung(), plan);
            assert!(answered || next.is_none(), "every contact is finished");
        }
    }
    for contact in &world.records.contacts {
        let of_contact = |ending: &&astout::model::dialing::Ending| {
            ending.dialing.attempt.dl.uuid == contact.dl.uuid && ending.outcome.is_a_try()
        };
        let tries = world.records.endings.iter().filter(of_contact).count();
        assert_eq!(tries, contact.dl.trycnt as usize, "every line is a try, but for what was withdrawn");
    }
    let busiest = busiest_second(&world.ticks);
    assert!(busiest < TICKS_A_SECOND, "{busiest} ticks in a second");
}

fn busiest_second(ticks: &[Duration]) -> usize {
    let within = |first: &Duration| ticks.iter().filter(|at| (*first..*first + secs(1)).contains(at)).count();
    ticks.iter().step_by(10).map(within).max().unwrap_or_default()
}

fn calm(seed: u64) -> World {
    let (mut world, campaigns, _) = populated(seed, false);
    come_to_an_end(&mut world, &campaigns);
    world
}

fn disturbed(seed: u64) -> World {
    let (mut world, campaigns, mut rng) = populated(seed, true);
    let mut starts = 0;
    for _ in 0..rng.usize(1..30) {
        world.advance(millis(rng.u64(..4000)));
        disturb(&mut world, &campaigns, &mut rng, &mut starts);
    }
    come_to_an_end(&mut world, &campaigns);
    world
}

/// The same, and schedules are set, changed and taken away all the while.
fn disturbed_by_schedules(seed: u64) -> World {
    let (mut world, campaigns, mut rng) = populated(seed, true);
    let mut starts = 0;
    for _ in 0..rng.usize(1..40) {
        world.advance(millis(rng.u64(..4000)));
        disturb(&mut world, &campaigns, &mut rng, &mut starts);
        let campaign = campaigns[rng.usize(..campaigns.len())];
        // Windows of seconds, around now: claims and calls are under way when they open and close.
        let now = world.now().wall.utc();
        let mut time = || {
            let at = now + chrono::TimeDelta::milliseconds(rng.i64(-5_000..8_000));
            at.with_timezone(&chrono_tz::Asia::Kathmandu).format("%H:%M:%S").to_string()
        };
        let (start, end) = (time(), time());
        if start != end {
            let mode = if rng.u8(..4) == 0 { "0" } else { "1" };
            let fields = [
                ("ScMode", mode),
                ("ScTimeStart", &start),
                ("ScTimeEnd", &end),
                ("ScTimezone", "Asia/Kathmandu"),
            ];
            world.update_campaign(campaign, &fields);
        }
    }
    come_to_an_end(&mut world, &campaigns);
    world
}

proptest! {
    #[test]
    fn whatever_the_schedules_nobody_is_dialled_outside_of_them_and_every_contact_is_finished(seed in any::<u64>()) {
        disturbed_by_schedules(seed);
    }

    #[test]
    fn whatever_the_delays_no_limit_is_exceeded_and_every_contact_is_finished(seed in any::<u64>()) {
        calm(seed);
    }

    #[test]
    fn whatever_goes_wrong_every_attempt_has_one_line_and_every_contact_is_finished(seed in any::<u64>()) {
        disturbed(seed);
    }
}

#[test]
fn the_same_seed_gives_the_same_effects() {
    for seed in [1, 2, 3, 4] {
        let (first, second) = (disturbed(seed), disturbed(seed));

        assert!(first.log.len() > 50);
        assert_eq!(first.log, second.log);
    }
}

#[test]
fn windows_close_on_claims_and_calls_that_are_under_way() {
    let ends = (0..60).flat_map(|seed| disturbed_by_schedules(seed).outcomes());
    let too_late = ends.filter(|outcome| *outcome == Outcome::WindowClosed).count();
    assert!(too_late > 10, "{too_late}");
}

#[test]
fn an_engine_with_nothing_to_do_is_woken_by_its_scan_alone() {
    let mut world = World::new();
    world.link_up("first start");

    world.advance(secs(3600));

    assert_eq!(world.ticks.len(), 60);
    assert_eq!(world.count(|effect| *effect == Effect::Scan), 60);
}

#[test]
fn a_campaign_that_waits_for_a_far_retry_is_woken_every_few_seconds_at_most() {
    let mut world = World::new();
    world.every_call(&crate::pbx::fate("486 of a trunk"), secs(1), secs(0));
    world.running(&[("RetryDelay", "31536000")], 5);

    world.advance(secs(3600));

    assert!(world.ticks.len() < 1000, "{}", world.ticks.len());
}

#[test]
fn an_adopted_call_that_has_its_agent_never_held_a_place_of_the_queue() {
    disturbed(18_219_197_158_909_790_575);
}
