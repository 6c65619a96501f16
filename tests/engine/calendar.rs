//! When windows open and close, against a reference that looks at the clock of the zone minute by minute, on the days
//! on which that clock is changed.

use astout::engine::window::{self, Window};
use astout::model::schedule::Schedule;
use astout::model::time::Timestamp;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

/// Zones, and dates at which their clocks are changed: by an hour, by half of one, at midnight, by a whole day.
const CHANGES: [(&str, &str); 15] = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("America/Havana", "2026-03-08"),
    ("America/Havana", "2026-11-01"),
    ("America/Santiago", "2026-04-05"),
    ("America/Santiago", "2026-09-06"),
    ("Africa/Cairo", "2026-04-24"),
    ("Africa/Cairo", "2026-10-30"),
    ("Pacific/Apia", "2011-12-30"),
    ("Asia/Kathmandu", "2026-05-01"),
    ("UTC", "2026-05-01"),
];
/// How far around such a date the reference looks.
const DAYS: u64 = 3;

fn schedule(fields: &[(&str, &str)]) -> Schedule {
    Schedule::off().updated(&fields.iter().copied().chain([("ScMode", "1")]).collect()).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn open_until(schedule: &Schedule, now: &str) -> String {
    match window::at(schedule, at(now)) {
        Window::Open { until } => until.map_or("for ever".to_owned(), |at| at.to_string()),
        Window::Closed { opens } => panic!("closed at {now}, opens {opens:?}"),
    }
}

fn closed_until(schedule: &Schedule, now: &str) -> String {
    match window::at(schedule, at(now)) {
        Window::Closed { opens } => opens.map_or("for ever".to_owned(), |at| at.to_string()),
        Window::Open { until } => panic!("open at {now}, until {until:?}"),
    }
}

/// The whole second at which that is.
fn second(text: &str) -> String {
    at(text).to_string()
}

// ---- the reference

/// What the fields mean, told a second time.
#[derive(Debug, Clone)]
struct Meaning {
    zone: Tz,
    start: Option<u32>,
    end: Option<u32>,
    /// Days of the week from Sunday.
    days: Vec<u32>,
    except: Vec<NaiveDate>,
}

impl Meaning {
    fn admits(&self, date: NaiveDate) -> bool {
        let day = chrono::Datelike::weekday(&date).num_days_from_sunday();
        self.days.contains(&day) && !self.except.contains(&date)
    }

    /// The minutes of the window of that date: the longest stretch in which the clock shows a time of it, of equal ones
    /// the last.
    fn minutes(&self, date: NaiveDate) -> Vec<i64> {
        if !self.admits(date) {
            return Vec::new();
        }
        let minute = |date: NaiveDate, of_day: u32| {
            date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(of_day))
        };
        let from = minute(date, self.start.unwrap_or(0));
        let end = minute(date, self.end.unwrap_or(24 * 60));
        let end = if end <= from { end + TimeDelta::days(1) } else { end };
        let first = date.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(15);
        let mut runs: Vec<Vec<i64>> = vec![Vec::new()];
        for offset in 0..(24 * 3 + 6) * 60 {
            let instant = first + TimeDelta::minutes(offset);
            let shown: NaiveDateTime = instant.with_timezone(&self.zone).naive_local();
            if from <= shown && shown < end {
                runs.last_mut().unwrap().push(instant.timestamp() / 60);
            } else if !runs.last().unwrap().is_empty() {
                runs.push(Vec::new());
            }
        }
        runs.into_iter().max_by_key(Vec::len).unwrap()
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let time = |minute: u32| format!("{:02}:{:02}:00", minute / 60, minute % 60);
        let listed = |values: &[String]| values.join(",");
        let mut fields = vec![("ScMode", "1".to_owned()), ("ScTimezone", self.zone.name().to_owned())];
        fields.extend(self.start.map(|start| ("ScTimeStart", time(start))));
        fields.extend(self.end.map(|end| ("ScTimeEnd", time(end))));
        fields.push(("ScDayList", listed(&self.days.iter().map(ToString::to_string).collect::<Vec<_>>())));
        if !self.except.is_empty() {
            let dates: Vec<_> = self.except.iter().map(ToString::to_string).collect();
            fields.push(("ScDateListExcept", listed(&dates)));
        }
        fields
    }
}

/// Compares each minute around a date.
fn compare(meaning: &Meaning, around: NaiveDate) {
    let schedule = Schedule::off().updated(&meaning.fields().into_iter().collect()).unwrap();
    let days = |days: u64| around.checked_sub_days(Days::new(DAYS + 2)).unwrap() + Days::new(days);
    let mut open = std::collections::BTreeSet::new();
    for day in 0..=2 * (DAYS + 2) {
        open.extend(meaning.minutes(days(day)));
    }
    let first = (around - Days::new(DAYS)).and_time(NaiveTime::MIN).and_utc().timestamp() / 60;
    let last = (around + Days::new(DAYS)).and_time(NaiveTime::MIN).and_utc().timestamp() / 60;
    let moment = |minute: i64| Timestamp::new(DateTime::<Utc>::from_timestamp(minute * 60, 0).unwrap());
    let mut change = None;
    for minute in (first..last).rev() {
        let is_open = open.contains(&minute);
        if is_open != open.contains(&(minute + 1)) {
            change = Some(moment(minute + 1));
        }
        let now = moment(minute);
        assert_eq!(window::is_open(&schedule, now), is_open, "{meaning:?} at {now}");
        // The whole answer costs more: at each quarter of an hour, and around each change.
        let near = is_open != open.contains(&(minute - 1)) || is_open != open.contains(&(minute + 1));
        if minute % 15 != 7 && !near {
            continue;
        }
        match (window::at(&schedule, now), is_open) {
            (Window::Open { until: found } | Window::Closed { opens: found }, _) => {
                if let Some(change) = change {
                    assert_eq!(found, Some(change), "{meaning:?} at {now}");
                }
            }
        }
        assert_eq!(matches!(window::at(&schedule, now), Window::Open { .. }), is_open);
    }
}

fn minute_of_day() -> impl Strategy<Value = Option<u32>> {
    // Where clocks are changed, and anywhere.
    prop_oneof![
        Just(None),
        (0..8u32 * 6).prop_map(|of_ten| Some(of_ten * 10)),
        (0..24 * 60u32).prop_map(Some)
    ]
}

fn meaning() -> impl Strategy<Value = (Meaning, NaiveDate)> {
    let days = prop_oneof![
        Just((0..7).collect()),
        proptest::sample::subsequence((0..7).collect::<Vec<u32>>(), 1..7)
    ];
    let except = proptest::collection::vec(-3..4i64, 0..2);
    (0..CHANGES.len(), minute_of_day(), minute_of_day(), days, except).prop_filter_map(
        "a window has a length",
        |(place, start, end, days, except)| {
            let (zone, date) = CHANGES[place];
            let date: NaiveDate = date.parse().unwrap();
            let except = except.into_iter().map(|offset| date + TimeDelta::days(offset)).collect();
            let meaning = Meaning { zone: zone.parse().unwrap(), start, end, days, except };
            (start.is_none() || start != end).then_some((meaning, date))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn windows_open_and_close_when_the_clock_of_the_zone_says_so((meaning, around) in meaning()) {
        compare(&meaning, around);
    }
}

#[test]
fn around_the_clock_is_around_the_clock_whatever_is_done_to_the_clock() {
    for (zone, date) in CHANGES {
        let meaning = Meaning {
            zone: zone.parse().unwrap(),
            start: None,
            end: None,
            days: (0..7).collect(),
            except: Vec::new(),
        };
        let schedule = schedule(&[("ScTimezone", zone)]);
        compare(&meaning, date.parse().unwrap());
        assert_eq!(open_until(&schedule, &format!("{date}T01:02:03Z")), "for ever");
    }
}

// ---- what the documentation says

#[test]
fn a_window_is_open_from_its_first_second_until_its_last_which_is_not_in_it() {
    let office = schedule(&[("ScTimeStart", "09:00:00"), ("ScTimeEnd", "17:30:15")]);
    assert_eq!(closed_until(&office, "2026-11-17T08:59:59.999999999Z"), second("2026-11-17T09:00:00Z"));
    assert_eq!(open_until(&office, "2026-11-17T09:00:00Z"), second("2026-11-17T17:30:15Z"));
    assert_eq!(open_until(&office, "2026-11-17T17:30:14.999999999Z"), second("2026-11-17T17:30:15Z"));
    assert_eq!(closed_until(&office, "2026-11-17T17:30:15Z"), second("2026-11-18T09:00:00Z"));
}

#[test]
fn a_window_across_midnight_belongs_to_the_day_on_which_it_opens() {
    // 2026-11-20 is a Friday.
    let night = [("ScTimeStart", "22:00:00"), ("ScTimeEnd", "02:00:00"), ("ScDayList", "5")];
    let night = schedule(&night);
    assert_eq!(closed_until(&night, "2026-11-20T01:00:00Z"), second("2026-11-20T22:00:00Z"));
    assert_eq!(open_until(&night, "2026-11-20T23:00:00Z"), second("2026-11-21T02:00:00Z"));
    assert_eq!(open_until(&night, "2026-11-21T01:00:00Z"), second("2026-11-21T02:00:00Z"));
    assert_eq!(closed_until(&night, "2026-11-21T23:00:00Z"), second("2026-11-27T22:00:00Z"));
}

#[test]
fn one_bound_alone_is_enough() {
    let morning = schedule(&[("ScTimeEnd", "12:00:00")]);
    assert_eq!(open_until(&morning, "2026-11-20T00:00:00Z"), second("2026-11-20T12:00:00Z"));
    let afternoon = schedule(&[("ScTimeStart", "12:00:00")]);
    assert_eq!(open_until(&afternoon, "2026-11-20T12:00:00Z"), second("2026-11-21T00:00:00Z"));
    let written = schedule(&[("ScTimeStart", "12:00:00"), ("ScTimeEnd", "00:00:00")]);
    assert_eq!(open_until(&written, "2026-11-20T12:00:00Z"), second("2026-11-21T00:00:00Z"));
}

#[test]
fn days_that_touch_are_one_window() {
    let week = schedule(&[("ScDayList", "1,2,3,4,5")]);
    assert_eq!(closed_until(&week, "2026-11-15T12:00:00Z"), second("2026-11-16T00:00:00Z"));
    assert_eq!(open_until(&week, "2026-11-16T00:00:00Z"), second("2026-11-21T00:00:00Z"));
    let until = schedule(&[("ScDateStart", "2026-01-01"), ("ScDateEnd", "2028-12-31")]);
    assert_eq!(open_until(&until, "2026-11-16T00:00:00Z"), second("2029-01-01T00:00:00Z"));
}

#[test]
fn an_excepted_date_has_no_window_but_the_night_before_runs_into_it() {
    let fields = [
        ("ScTimeStart", "20:00:00"),
        ("ScTimeEnd", "02:00:00"),
        ("ScDateListExcept", "2026-12-24, 2026-12-25"),
    ];
    let nights = schedule(&fields);
    assert_eq!(open_until(&nights, "2026-12-24T01:00:00Z"), second("2026-12-24T02:00:00Z"));
    assert_eq!(closed_until(&nights, "2026-12-24T21:00:00Z"), second("2026-12-26T20:00:00Z"));
}

#[test]
fn nothing_is_to_come_once_the_last_date_is_over() {
    let over = schedule(&[("ScDateList", "2026-11-16")]);
    assert_eq!(open_until(&over, "2026-11-16T23:59:59Z"), second("2026-11-17T00:00:00Z"));
    assert_eq!(closed_until(&over, "2026-11-17T00:00:00Z"), "for ever");
}

#[test]
fn a_time_that_is_skipped_is_shown_after_the_gap() {
    // In Berlin 02:00 to 03:00 is skipped on 2026-03-29, at 01:00 UTC.
    let berlin = |start: &str, end: &str| {
        schedule(&[("ScTimezone", "Europe/Berlin"), ("ScTimeStart", start), ("ScTimeEnd", end)])
    };
    let opens = berlin("02:30:00", "05:00:00");
    assert_eq!(closed_until(&opens, "2026-03-29T00:59:59Z"), second("2026-03-29T01:00:00Z"));
    let closes = berlin("01:00:00", "02:30:00");
    assert_eq!(open_until(&closes, "2026-03-29T00:30:00Z"), second("2026-03-29T01:00:00Z"));
    let within = berlin("02:10:00", "02:50:00");
    assert_eq!(closed_until(&within, "2026-03-29T00:00:00Z"), second("2026-03-30T00:10:00Z"));
}

#[test]
fn a_time_that_comes_twice_opens_the_second_time_and_closes_the_first() {
    // In Berlin 02:00 to 03:00 comes twice on 2026-10-25, from 00:00 and from 01:00 UTC.
    let berlin = |start: &str, end: &str| {
        schedule(&[("ScTimezone", "Europe/Berlin"), ("ScTimeStart", start), ("ScTimeEnd", end)])
    };
    let opens = berlin("02:30:00", "05:00:00");
    assert_eq!(closed_until(&opens, "2026-10-25T00:30:00Z"), second("2026-10-25T01:30:00Z"));
    let closes = berlin("01:00:00", "02:30:00");
    assert_eq!(open_until(&closes, "2026-10-25T00:00:00Z"), second("2026-10-25T00:30:00Z"));
    assert_eq!(closed_until(&closes, "2026-10-25T00:30:00Z"), second("2026-10-26T00:00:00Z"));
    let within = berlin("02:10:00", "02:50:00");
    assert_eq!(closed_until(&within, "2026-10-25T00:20:00Z"), second("2026-10-25T01:10:00Z"));
    assert_eq!(open_until(&within, "2026-10-25T01:10:00Z"), second("2026-10-25T01:50:00Z"));
}

#[test]
fn a_window_about_the_hour_that_comes_twice_is_its_longest_stretch_or_the_later_of_two() {
    for (zone, around, hour) in [
        ("America/Havana", "2026-11-01", 0),
        ("America/New_York", "2026-11-01", 1),
        ("Africa/Cairo", "2026-10-29", 23),
    ] {
        for (start, end) in [(0, 10), (0, 60), (0, 61), (1, 10), (1, 60), (1, 90), (10, 0)] {
            let minute = |of_hour: u32| Some((hour * 60 + of_hour) % (24 * 60));
            let meaning = Meaning {
                zone: zone.parse().unwrap(),
                start: minute(start),
                end: minute(end),
                days: (0..7).collect(),
                except: Vec::new(),
            };
            compare(&meaning, around.parse().unwrap());
        }
    }
}
