//! A day of schedule, told whole: five campaigns with windows of different kinds, every change of their statuses at its
//! second by the clock on the wall, on an ordinary day and on the two on which clocks are changed; and nobody is dialled
//! but between a start and its stop.

use std::time::Duration;

use astout::engine::Effect;
use astout::model::codes::CampaignStatus;
use astout::model::time::Timestamp;
use chrono_tz::Europe::Berlin;

use crate::pbx::fate;
use crate::world::{World, secs};

/// The campaigns by what they are for, with their hours.
const CAMPAIGNS: [(&str, Option<(&str, &str)>); 5] = [
    ("office", Some(("09:00:00", "17:30:00"))),
    ("night", Some(("22:00:00", "02:15:00"))),
    // From within the hour that is skipped in March and comes twice in October.
    ("early", Some(("02:30:00", "05:59:59"))),
    ("noon", Some(("12:00:00", "12:00:01"))),
    // From midnight to midnight.
    ("day", None),
];

/// Time as the clock in Berlin shows it, with its offset from UTC.
fn shown(at: Timestamp) -> String {
    at.utc().with_timezone(&Berlin).format("%d %H:%M:%S %z").to_string()
}

struct Day {
    world: World,
    begun: Timestamp,
}

impl Day {
    /// From an hour before the first night begins until the morning after the second, in Berlin. The night's campaign
    /// has the date and the eve, so that there are two of its nights; all others have the date alone.
    fn live(eve: &str, date: &str, from: &str, to: &str) -> Self {
        let mut world = World::new();
        world.set_wall(from);
        // Everybody is busy and is called again ten minutes later, so that somebody is always due.
        world.every_call(&fate("486 of a trunk"), Duration::ZERO, secs(0));
        world.link_up("first start");
        let plan = world.plan(&[("MaxRetry1", "1000"), ("RetryDelay", "600")]);
        let dest = world.anywhere();
        for (name, hours) in CAMPAIGNS {
            let dlma = world.dlma();
            world.dls(dlma, 1);
            let both = format!("{eve}, {date}");
            let dates = if name == "night" { &both } else { date };
            let mut fields =
                vec![("Name", name), ("ScMode", "1"), ("ScTimezone", "Europe/Berlin"), ("ScDateList", dates)];
            if let Some((start, end)) = hours {
                fields.extend([("ScTimeStart", start), ("ScTimeEnd", end)]);
            }
            world.campaign(plan, dlma, dest, &fields);
        }
        let begun = world.now().wall;
        world.advance_to(to);
        Self { world, begun }
    }

    fn wall(&self, at: Duration, first: Duration) -> Timestamp {
        self.begun.plus(at.saturating_sub(first))
    }

    /// Every change of a status, in its order. Calls are made from the first second of a window on, each ten minutes after
    /// the one before it, and none outside.
    fn story(&self) -> Vec<String> {
        let begun = self.world.now().mono.saturating_sub(self.world.now().wall.since(self.begun));
        let mut dialing = std::collections::BTreeMap::new();
        let mut story = Vec::new();
        for (at, effect) in &self.world.log {
            let wall = self.wall(*at, begun);
            match effect {
                Effect::Transition { campaign, to, .. } => {
                    let name = self.world.records.campaigns[campaign].name.clone().unwrap();
                    dialing.insert(*campaign, (*to == CampaignStatus::Start).then_some((wall, 0)));
                    story.push(format!("{} {name} {to}", shown(wall)));
                }
                Effect::Originate(attempt) => {
                    let uuid = attempt.capsule.campaign.uuid;
                    let since = dialing.get_mut(&uuid).and_then(Option::as_mut);
                    let (start, calls) = since.unwrap_or_else(|| panic!("a call at {}", shown(wall)));
                    assert_eq!(
                        shown(wall),
                        shown(start.plus(secs(600 * *calls))),
                        "call {calls} of a window"
                    );
                    *calls += 1;
                }
                _ => {}
            }
        }
        story
    }
}

/// What happens at each second, as one line.
fn told(story: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for change in story {
        let (at, what) = change.split_at("29 03:00:00 +0200".len());
        match lines.last_mut().filter(|line| line.starts_with(at)) {
            Some(line) => line.push_str(&what.replacen(' ', ", ", 1)),
            None => lines.push(change.clone()),
        }
    }
    lines
}

#[test]
fn an_ordinary_day() {
    let day = Day::live("2026-11-16", "2026-11-17", "2026-11-16T20:00:00Z", "2026-11-18T05:00:00Z");
    assert_eq!(
        told(&day.story()),
        [
            "16 22:00:00 +0100 night 11, night 1",
            "17 00:00:00 +0100 day 11, day 1",
            "17 02:15:00 +0100 night 10, night 0",
            "17 02:30:00 +0100 early 11, early 1",
            "17 05:59:59 +0100 early 10, early 0",
            "17 09:00:00 +0100 office 11, office 1",
            "17 12:00:00 +0100 noon 11, noon 1",
            "17 12:00:01 +0100 noon 10, noon 0",
            "17 17:30:00 +0100 office 10, office 0",
            "17 22:00:00 +0100 night 11, night 1",
            "18 00:00:00 +0100 day 10, day 0",
            "18 02:15:00 +0100 night 10, night 0",
        ]
    );
}

/// From 02:00 the clock goes to 03:00: what would close or open in between does so then.
#[test]
fn the_day_on_which_an_hour_is_skipped() {
    let day = Day::live("2026-03-28", "2026-03-29", "2026-03-28T20:00:00Z", "2026-03-30T04:00:00Z");
    assert_eq!(
        told(&day.story()),
        [
            "28 22:00:00 +0100 night 11, night 1",
            "29 00:00:00 +0100 day 11, day 1",
            "29 03:00:00 +0200 night 10, early 11, night 0, early 1",
            "29 05:59:59 +0200 early 10, early 0",
            "29 09:00:00 +0200 office 11, office 1",
            "29 12:00:00 +0200 noon 11, noon 1",
            "29 12:00:01 +0200 noon 10, noon 0",
            "29 17:30:00 +0200 office 10, office 0",
            "29 22:00:00 +0200 night 11, night 1",
            "30 00:00:00 +0200 day 10, day 0",
            "30 02:15:00 +0200 night 10, night 0",
        ]
    );
}

/// At 03:00 the clock goes back to 02:00: the night ends the first time that it shows 02:15, and what begins at 02:30
/// begins the second time that it does.
#[test]
fn the_day_on_which_an_hour_comes_twice() {
    let day = Day::live("2026-10-24", "2026-10-25", "2026-10-24T19:00:00Z", "2026-10-26T05:00:00Z");
    assert_eq!(
        told(&day.story()),
        [
            "24 22:00:00 +0200 night 11, night 1",
            "25 00:00:00 +0200 day 11, day 1",
            "25 02:15:00 +0200 night 10, night 0",
            "25 02:30:00 +0100 early 11, early 1",
            "25 05:59:59 +0100 early 10, early 0",
            "25 09:00:00 +0100 office 11, office 1",
            "25 12:00:00 +0100 noon 11, noon 1",
            "25 12:00:01 +0100 noon 10, noon 0",
            "25 17:30:00 +0100 office 10, office 0",
            "25 22:00:00 +0100 night 11, night 1",
            "26 00:00:00 +0100 day 10, day 0",
            "26 02:15:00 +0100 night 10, night 0",
        ]
    );
}
