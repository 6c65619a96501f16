//! When somebody may be dialled by caps, calling hours and holidays: against a reference that looks at every minute, on the
//! days on which clocks are changed.

use std::time::Duration;

use astout::engine::calling::{self, Full, History, Ruling, Tried};
use astout::model::calling::{Calling, FAR_DAYS};
use astout::model::ids::PlanUuid;
use astout::model::plan::Plan;
use astout::model::policy::Policy;
use astout::model::time::Timestamp;
use chrono::{Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;
use proptest::prelude::*;

/// Zones whose clocks are changed by an hour, by half of one, at midnight, by a whole day, or never.
const ZONES: [&str; 9] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "America/Santiago",
    "Africa/Cairo",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Los_Angeles",
];
/// Days around which one of them is.
const CHANGES: [&str; 8] = [
    "2026-03-29",
    "2026-10-25",
    "2026-03-08",
    "2026-11-01",
    "2026-04-05",
    "2026-10-04",
    "2026-04-24",
    "2011-12-30",
];
const MINUTE: i64 = 60;

fn calling(fields: &[(&str, &str)]) -> Calling {
    let plan = PlanUuid::new(uuid::Uuid::nil());
    let fields = fields.iter().copied().collect();
    Plan::create(plan, &fields, &Policy::default(), second(0)).unwrap().calling
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn opens(fields: &[(&str, &str)], zones: &[Tz], from: &str) -> Option<String> {
    calling::opens(&calling(fields), zones, at(from)).map(|at| at.to_string().replace(".000000000", ""))
}

/// What the fields mean, told a second time: days of the week from Monday, minutes, and holidays.
#[derive(Debug, Clone)]
struct Meaning {
    spans: Vec<(u32, u32, u32)>,
    holidays: Vec<NaiveDate>,
    zones: Vec<Tz>,
}

impl Meaning {
    fn fields(&self) -> Vec<(&'static str, String)> {
        const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let spans = self
            .spans
            .iter()
            .map(|(day, from, until)| format!("{} {}-{}", DAYS[*day as usize], clock(*from), clock(*until)));
        let spans = spans.collect::<Vec<_>>().join(", ");
        let holidays: Vec<_> = self.holidays.iter().map(ToString::to_string).collect();
        vec![("CallingHours", spans), ("Holidays", holidays.join(", "))]
    }

    fn calling(&self) -> Calling {
        let fields = self.fields();
        calling(&fields.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
    }

    fn is_open(&self, second: i64) -> bool {
        self.zones.iter().all(|zone| {
            let local =
                chrono::DateTime::from_timestamp(second, 0).unwrap().with_timezone(zone).naive_local();
            let (day, minute) = (local.weekday().num_days_from_monday(), local.hour() * 60 + local.minute());
            !self.holidays.contains(&local.date())
                && self.spans.iter().any(|(on, from, until)| *on == day && (*from..*until).contains(&minute))
        })
    }
}

prop_compose! {
    fn meanings()(
        spans in prop::collection::vec((0..7_u32, 0..1430_u32, 1..600_u32), 1..6),
        zones in prop::sample::subsequence(ZONES.to_vec(), 1..3),
        change in prop::sample::select(CHANGES.to_vec()),
        holidays in prop::collection::vec(0..6_u64, 0..3),
    ) -> (Meaning, NaiveDate) {
        let change: NaiveDate = change.parse().unwrap();
        let spans = spans.into_iter().map(|(day, from, long)| (day, from, (from + long).min(1440))).collect();
        let holidays = holidays.into_iter().map(|days| change + chrono::Days::new(days)).collect();
        (Meaning { spans, holidays, zones: zones.iter().map(|zone| zone.parse().unwrap()).collect() }, change)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_next_hour_is_the_first_minute_that_every_zone_shows_as_one((meaning, change) in meanings(), early in 0..4000_i64) {
        let from = change.and_hms_opt(12, 0, 0).unwrap().and_utc().timestamp() - early * MINUTE;
        let calling = meaning.calling();
        let found = calling::opens(&calling, &meaning.zones, second(from));
        let until = from + FAR_DAYS as i64 * 86_400;
        let expected = (from..until).step_by(MINUTE as usize).find(|at| meaning.is_open(*at));
        prop_assert_eq!(found, expected.map(second), "{:?}", meaning);
        if let Some(found) = found {
            prop_assert!(calling::is_open(&calling, &meaning.zones, found));
        }
        for minute in (from..from + 3 * 86_400).step_by(7 * MINUTE as usize) {
            prop_assert_eq!(calling::is_open(&calling, &meaning.zones, second(minute)), meaning.is_open(minute));
        }
    }

    #[test]
    fn nobody_is_tried_more_often_than_his_caps_say_and_none_is_held_back_for_longer(
        waits in prop::collection::vec(0..90_u64, 1..60),
        caps in prop::collection::vec((1..6_usize, 1..300_u64), 1..4),
    ) {
        let text: Vec<_> = caps.iter().map(|(most, period)| format!("{most}/{period}s")).collect();
        let calling = calling(&[("ContactCap", &text.join(" "))]);
        let mut tried: Vec<i64> = Vec::new();
        let mut now = 1_000_000;
        let may = |tried: &[i64], now: i64| caps.iter().all(|(most, period)| {
            tried.iter().filter(|at| **at > now - *period as i64).count() < *most
        });
        for wait in waits {
            now += wait as i64;
            let all = tried.iter().map(|at| Tried { at: second(*at), open: false }).collect();
            let history = History { contact: all, number: Vec::new() };
            let full = history.full(&calling, &[], second(now));
            match calling::ruling(second(0), full, second(now), Some) {
                Ruling::Now => {
                    prop_assert!(may(&tried, now));
                    tried.push(now);
                }
                Ruling::Later(at) => {
                    let until = (now..now + 400).find(|at| may(&tried, *at)).unwrap();
                    prop_assert_eq!(at, second(until));
                    now = until;
                    tried.push(now);
                }
            }
        }
        for (most, period) in &caps {
            for from in &tried {
                let within = tried.iter().filter(|at| (*from..*from + *period as i64).contains(*at)).count();
                prop_assert!(within <= *most, "{} in {} s: {:?}", within, period, tried);
            }
        }
    }
}

#[test]
fn an_hour_that_is_skipped_is_not_there_and_one_that_comes_twice_is_there_twice() {
    let berlin = [Tz::Europe__Berlin];
    let night = [("CallingHours", "sun 02:15-02:45")];
    // 29 March 2026, 02:00 to 03:00 is skipped.
    assert_eq!(opens(&night, &berlin, "2026-03-28T12:00:00Z").unwrap(), "2026-04-05T00:15:00Z");
    // 25 October 2026, 02:00 to 03:00 comes twice.
    assert_eq!(opens(&night, &berlin, "2026-10-24T12:00:00Z").unwrap(), "2026-10-25T00:15:00Z");
    assert_eq!(opens(&night, &berlin, "2026-10-25T00:45:00Z").unwrap(), "2026-10-25T01:15:00Z");
    // The clock is set back into the hour.
    let early = [("CallingHours", "sun 01:00-02:30")];
    assert_eq!(opens(&early, &berlin, "2026-10-25T00:30:00Z").unwrap(), "2026-10-25T01:00:00Z");
}

#[test]
fn all_zones_that_somebody_may_be_in_have_to_show_an_hour() {
    let zones = [Tz::America__New_York, Tz::Pacific__Honolulu];
    let hours = [("CallingHours", "mon-sun 08:00-21:00")];
    assert_eq!(opens(&hours, &zones, "2026-01-07T12:00:00Z").unwrap(), "2026-01-07T18:00:00Z");
    assert_eq!(opens(&hours, &zones, "2026-01-08T02:00:00Z").unwrap(), "2026-01-08T18:00:00Z");
    let far = [Tz::Europe__Berlin, Tz::Pacific__Auckland];
    assert_eq!(opens(&[("CallingHours", "mon-sun 09:00-17:00")], &far, "2026-01-07T12:00:00Z"), None);
    // One who has no hour at all is looked at again the next day.
    let now = at("2026-01-07T12:00:00Z");
    let day = now.plus(Duration::from_secs(86_400));
    assert_eq!(calling::ruling(now, [None, None], now, |_| None), Ruling::Later(day));
}

#[test]
fn a_cap_that_is_up_at_night_waits_for_the_morning() {
    let calling = calling(&[("ContactCap", "1/6h"), ("CallingHours", "mon-sun 08:00-21:00")]);
    let tried = Tried { at: at("2026-01-07T20:00:00Z"), open: false };
    let history = History { contact: vec![tried], number: Vec::new() };
    let now = at("2026-01-07T20:30:00Z");
    let full = history.full(&calling, &[], now);
    let opens = |from| calling::opens(&calling, &[Tz::UTC], from);
    assert_eq!(full[0].map(|full| full.until), Some(at("2026-01-08T02:00:00Z")));
    assert_eq!(calling::ruling(now, full, now, opens), Ruling::Later(at("2026-01-08T08:00:00Z")));
}

#[test]
fn an_attempt_that_is_under_way_may_be_given_back_so_it_is_asked_again_soon() {
    let calling = calling(&[("NumberCap", "2/1d")]);
    let now = at("2026-01-07T12:00:00Z");
    let tried = |open| Tried { at: now.minus(Duration::from_secs(10)), open };
    let history = History { contact: Vec::new(), number: vec![tried(false)] };
    assert_eq!(history.full(&calling, &[], now), [None, None]);
    let until = now.plus(Duration::from_secs(86_390));
    let full = history.full(&calling, &[tried(true)], now);
    assert!(matches!(full, [None, Some(Full { may_change: true, until: at, .. })] if at == until));
    let soon = now.plus(Duration::from_secs(60));
    assert_eq!(calling::ruling(now, full, now, Some), Ruling::Later(soon));
    let full = history.full(&calling, &[tried(false)], now);
    assert_eq!(calling::ruling(now, full, now, Some), Ruling::Later(until));
}
