//! The campaign's machine: in each status each request, and where each status goes by itself.

use astout::engine::campaign::{on_progress, on_request};
use astout::engine::dialing::CallEvent;
use astout::engine::window;
use astout::model::codes::CampaignStatus;
use astout::model::event::{Change, Noun};
use astout::model::ids::CampaignUuid;

use super::table::Table;
use crate::pbx::fate;
use crate::world::{Running, World, secs};

/// What an operator asks for, by its code, in each status; `no` is a refusal.
const REQUESTS: &str = "
     0   1   2   10  11  12  30
0    .   11  no  .   11  no  .
1    10  .   12  10  .   12  30
2    10  11  .   10  11  .   30
10   .   11  no  .   11  no  30
11   10  .   12  10  .   12  30
12   10  11  .   10  11  .   30
30   .   no  no  .   no  no  .
";

/// Where a campaign goes by itself: with no call open, with one whose Originate Asterisk has not answered, with one
/// that it has; and at the end of its list, by `DlEndHandle`. There are no other situations: what is unacknowledged is
/// open, and a list has not ended while a call of it is open.
const MOVES: &str = "
     idle  unacknowledged  acknowledged  list-end-keep  list-end-stop
0    .     .               .             .              .
1    .     .               .             .              10
2    .     .               .             .              .
10   0     .               .             0              0
11   1     .               1             1              1
12   2     .               2             2              2
30   0     .               .             0              0
";

/// Where its schedule has a campaign go: in a window that has not started it yet, in one that has (or in which an operator
/// has stopped it), outside of any.
const SCHEDULE: &str = "
     new  served  closed
0    11   .       .
1    .    .       10
2    .    .       10
10   11   .       .
11   .    .       10
12   .    .       10
30   .    .       .
";

fn status_of(code: &str) -> CampaignStatus {
    code.parse().unwrap()
}

#[test]
fn every_request_in_every_status_of_a_campaign_is_answered_as_the_table_says() {
    let mut table = Table::parse(REQUESTS);
    for current in CampaignStatus::ALL {
        for requested in CampaignStatus::ALL {
            let expected = table.see(&current.to_string(), &requested.to_string());
            let answer = on_request(*current, *requested);
            let got = answer.map_or("no".to_owned(), |status| status.to_string());
            assert_eq!(got, expected, "{current} × {requested}");
        }
    }
    table.assert_covered(|_, _| None).tell("campaign machine, requests");
}

/// An engine with a campaign in that situation, and whatever its status is.
fn world_in(situation: &str) -> (World, CampaignUuid) {
    let mut world = World::new();
    let campaign = match situation {
        "idle" => {
            // Its one contact waits for the next try.
            world.every_call(&fate("486 of a trunk"), secs(1), secs(0));
            let Running { campaign, .. } = world.running(&[("MaxRetry1", "2"), ("RetryDelay", "1000")], 1);
            world.advance(secs(5));
            campaign
        }
        "unacknowledged" => world.running(&[], 1).campaign,
        "acknowledged" => {
            let Running { campaign, .. } = world.running(&[], 1);
            let dialing = world.originated()[0];
            world.call(dialing, CallEvent::Queued);
            campaign
        }
        "list-end-keep" => world.running(&[("DlEndHandle", "0")], 0).campaign,
        "list-end-stop" => world.running(&[("DlEndHandle", "1")], 0).campaign,
        other => panic!("{other} is no column"),
    };
    (world, campaign)
}

/// The first move that the engine makes once the campaign has that status.
fn move_of(situation: &str, status: CampaignStatus) -> CampaignStatus {
    let (mut world, campaign) = world_in(situation);
    let before = world.moves(campaign).len();
    world.operate(move |records| {
        let campaign = records.campaigns.get_mut(&campaign).unwrap();
        campaign.status = status;
        (Change::Update, Noun::Campaign(campaign.clone()))
    });
    match world.moves(campaign).get(before) {
        Some((from, to)) => {
            assert_eq!(*from, status);
            *to
        }
        None => status,
    }
}

#[test]
fn a_campaign_goes_on_by_itself_from_every_status_as_the_table_says() {
    let mut table = Table::parse(MOVES);
    for situation in table.columns().to_vec() {
        for status in CampaignStatus::ALL {
            let expected = status_of(table.see(&status.to_string(), situation));
            assert_eq!(move_of(situation, *status), expected, "{status}, {situation}");
            let (open, unacknowledged) = match situation {
                "unacknowledged" => (1, 1),
                "acknowledged" => (1, 0),
                _ => (0, 0),
            };
            if situation != "list-end-stop" {
                let alone = on_progress(*status, open, unacknowledged).unwrap_or(*status);
                assert_eq!(alone, expected, "{status}, {situation}");
            }
        }
    }
    table.assert_covered(|_, _| None).tell("campaign machine, by itself");
}

#[test]
fn a_schedule_moves_a_campaign_from_every_status_as_the_table_says() {
    let mut table = Table::parse(SCHEDULE);
    let mut world = World::new();
    let (plan, dlma, dest) = (world.plan(&[]), world.dlma(), world.anywhere());
    let uuid = world.campaign(plan, dlma, dest, &[("ScTimeStart", "09:00:00"), ("ScTimeEnd", "17:00:00")]);
    world.update_campaign(uuid, &[("ScMode", "1")]);
    for situation in table.columns().to_vec() {
        for status in CampaignStatus::ALL {
            let mut campaign = world.records.campaigns[&uuid].clone();
            campaign.status = *status;
            campaign.sc_served = (situation == "served").then(|| "2026-11-17T17:00:00Z".parse().unwrap());
            let hour = if situation == "closed" { "18" } else { "12" };
            let wall = format!("2026-11-17T{hour}:00:00Z").parse().unwrap();
            let to = window::on_schedule(&campaign, window::at(&campaign.schedule, wall));
            let expected = status_of(table.see(&status.to_string(), situation));
            assert_eq!(to.unwrap_or(*status), expected, "{status}, {situation}");
        }
    }
    table.assert_covered(|_, _| None).tell("campaign machine, by its schedule");
}
