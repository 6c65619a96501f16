//! How many calls at once and a second, and how campaigns share them. The promises themselves are watched at every step
//! of a world (see [`crate::promises`]); here they are driven to their bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use astout::engine::dialing::CallEvent;
use astout::engine::{Effect, Notice, Options};
use astout::model::codes::CampaignStatus;
use astout::model::dialing::NextTry;
use astout::model::ids::CampaignUuid;
use astout::model::policy::Policy;

use crate::pbx::{Step, fate};
use crate::world::{Running, World, millis, secs};

fn limited(max_channels: u32, calls_per_second: u32) -> World {
    World::with(Options {
        max_channels,
        calls_per_second,
        max_unanswered: 10,
        policy: Policy::default(),
        on_unknown: NextTry::default(),
        preview_timeout: Duration::from_secs(60),
    })
}

/// Attempts of each campaign that were sent from then on.
fn shares(world: &World, from: Duration) -> BTreeMap<CampaignUuid, usize> {
    let mut shares = BTreeMap::new();
    for (_, attempt) in world.attempts().into_iter().filter(|(at, _)| *at >= from) {
        *shares.entry(attempt.capsule.campaign.uuid).or_default() += 1;
    }
    shares
}

/// Campaigns of these weights, each with more contacts than it can dial.
fn rivals(world: &mut World, weights: &[&str]) -> Vec<CampaignUuid> {
    let (plan, dest) = (world.plan(&[("MaxRetry1", "1")]), world.anywhere());
    let campaigns: Vec<_> = weights
        .iter()
        .map(|weight| {
            let dlma = world.dlma();
            world.dls(dlma, 400);
            world.campaign(plan, dlma, dest, &[("Weight", weight)])
        })
        .collect();
    for campaign in &campaigns {
        world.request(*campaign, CampaignStatus::Start);
    }
    campaigns
}

#[test]
fn no_more_channels_are_taken_than_there_are() {
    let mut world = limited(7, 100);
    world.every_call(&fate("answered, and the application ends"), secs(1), secs(100));
    world.running(&[], 50);

    world.advance(secs(50));

    assert_eq!(world.originated().len(), 7);
}

#[test]
fn no_more_calls_are_being_set_up_than_may() {
    let mut world = limited(500, 500);
    world.running(&[], 50);

    world.advance(secs(50));

    assert_eq!(world.originated().len(), world.options.max_unanswered as usize);
    for dialing in world.originated() {
        world.call(dialing, CallEvent::Queued);
    }
    // It answers at once, and makes the channel on a thread of its own: until then it is at work on the call.
    assert_eq!(world.originated().len(), world.options.max_unanswered as usize);
    for dialing in world.originated() {
        world.call(dialing, CallEvent::ChannelCreated { name: "Local/1".to_owned() });
    }
    assert_eq!(world.originated().len(), 2 * world.options.max_unanswered as usize);
}

#[test]
fn the_calls_of_a_second_are_used_to_the_last() {
    for calls_per_second in [1, 3, 10, 50, 77] {
        let mut world = limited(1000, calls_per_second);
        world.every_call(&fate("486 of a trunk"), millis(100), secs(0));
        world.running(&[("MaxRetry1", "1")], 400);

        world.advance(secs(4) - millis(1));

        assert_eq!(world.originated().len(), 4 * calls_per_second as usize);
    }
}

#[test]
fn a_slow_store_makes_no_burst() {
    for calls_per_second in [1, 10] {
        let mut world = limited(1000, calls_per_second);
        world.every_call(&fate("486 of a trunk"), millis(100), secs(0));
        let mut late = 0;
        world.latency = Box::new(move || {
            late = (late + 617) % 1500;
            millis(late)
        });
        world.link_up("first start");
        rivals(&mut world, &["1", "1", "1"]);

        world.advance(secs(120));

        // The promise of so many a second is watched at each step.
        assert!(world.originated().len() > 20);
    }
}

#[test]
fn campaigns_of_one_weight_share_alike() {
    let mut world = limited(4, 100);
    world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
    world.link_up("first start");
    rivals(&mut world, &["1", "1", "1"]);

    world.advance(secs(60));

    let shares: Vec<_> = shares(&world, secs(0)).into_values().collect();
    assert!(shares.iter().all(|share| (76..=84).contains(share)), "{shares:?}");
}

#[test]
fn campaigns_that_compete_share_by_their_weights() {
    for (max_channels, calls_per_second) in [(4, 100), (1, 100), (400, 4)] {
        let mut world = limited(max_channels, calls_per_second);
        world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
        world.link_up("first start");
        let campaigns = rivals(&mut world, &["3", "1"]);

        world.advance(secs(80));

        let shares = shares(&world, secs(0));
        let (heavy, light) = (shares[&campaigns[0]], shares[&campaigns[1]]);
        assert!((2 * light..=4 * light).contains(&heavy) && heavy + light >= 80, "{heavy} to {light}");
        assert!(heavy.abs_diff(3 * light) <= 12, "{heavy} to {light}");
    }
}

#[test]
fn a_campaign_that_comes_later_gets_its_share_and_not_what_it_missed() {
    let mut world = limited(4, 100);
    world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
    world.link_up("first start");
    let first = rivals(&mut world, &["1"])[0];
    world.advance(secs(50));

    let second = rivals(&mut world, &["1"])[0];
    world.advance(secs(40));

    let shares = shares(&world, secs(50));
    assert!(shares[&first].abs_diff(shares[&second]) <= 8, "{shares:?}");
}

#[test]
fn what_one_campaign_cannot_use_the_others_get() {
    let mut world = limited(6, 100);
    world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
    let Running { campaign, .. } = world.running(&[("DlEndHandle", "0")], 1);
    rivals(&mut world, &["1"]);

    world.advance(secs(20));

    assert_eq!(world.status(campaign), CampaignStatus::Start);
    assert!(world.originated().len() >= 6 * 19, "{}", world.originated().len());
}

#[test]
fn an_originate_that_was_not_sent_frees_its_place_at_once() {
    let mut world = limited(500, 500);
    let refused = Step::now(CallEvent::Refused("Permission denied".into()));
    world.pbx.script = Box::new(move |_| vec![refused.clone()]);
    let Running { campaign, .. } = world.running(&[("MaxRetry1", "1")], 35);

    world.advance(secs(2));

    assert_eq!(world.outcomes().len(), 35);
    assert_eq!(world.status(campaign), CampaignStatus::Stop);
}

#[test]
fn a_dead_trunk_costs_twenty_contacts_a_try_and_holds_up_no_other_trunk() {
    let mut world = limited(500, 50);
    world.every_call(&fate("no channel made"), millis(50), secs(0));
    world.running(&[("RetryDelay", "600"), ("TechName", "PJSIP"), ("TrunkName", "dead")], 200);

    world.advance(secs(25));

    assert_eq!(world.originated().len(), 20);
    let told = |(_, effect): &(Duration, Effect)| matches!(effect, Effect::Notice(Notice::Trunk { trunk, .. }) if trunk == "pjsip/dead");
    assert_eq!(world.log.iter().filter(|entry| told(entry)).count(), 1);

    // Another trunk is dialled over meanwhile, and the dead one is tried again with one call after its wait.
    world.every_call(&fate("486 of a trunk"), millis(50), secs(0));
    world.running(&[("MaxRetry1", "1"), ("TechName", "PJSIP"), ("TrunkName", "alive")], 30);
    world.advance(secs(3));
    assert_eq!(world.originated().len(), 50);
    world.every_call(&fate("no channel made"), millis(50), secs(0));
    world.advance(secs(20));
    assert_eq!(world.originated().len(), 51);
}
