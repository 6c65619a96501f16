//! Calling hours and holidays: which times and dates of the callee's own clock and calendar are for calls.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::fields::MAX_TEXT;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MAX_SPANS: usize = 30;
const MINUTES_A_DAY: u32 = 1440;

/// Times of a day on some days of the week, in minutes since midnight; the last is no longer in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// From 0, Monday, to 6; the last may be the earlier one: from Saturday to Monday.
    days: (usize, usize),
    from: u32,
    until: u32,
}

/// When people may be called: `mon-fri 08:00-21:00, sat 10:00-18:00`. A day that is not named has no such hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours(Vec<Span>);

/// A text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form mon-fri 08:00-21:00, sat 10:00-18:00")]
pub struct NotHours;

/// Dates on which nobody is called: `12-25` of each year, `2026-04-03` of that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holidays(BTreeSet<Holiday>);

/// A text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form 2026-04-03, 12-25")]
pub struct NotHolidays;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holiday {
    /// Its month and its day.
    Yearly(u32, u32),
    Once(NaiveDate),
}

impl Span {
    fn is_on(self, date: NaiveDate) -> bool {
        let (first, last) = self.days;
        let day = date.weekday().num_days_from_monday() as usize;
        if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last }
    }
}

impl Hours {
    /// Whether a time of a callee's clock is in them.
    pub(super) fn are_open(&self, local: NaiveDateTime) -> bool {
        self.opens_on(local) == Some(local)
    }

    /// The first time from `local` on, and on its date, that is in them.
    pub(super) fn opens_on(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let second = local.num_seconds_from_midnight();
        let to_come = self.0.iter().filter(|span| span.is_on(local.date()) && second < span.until * 60);
        let opens = to_come.map(|span| {
            let midnight = NaiveDateTime::new(local.date(), NaiveTime::MIN);
            local.max(midnight + TimeDelta::minutes(span.from.into()))
        });
        opens.min()
    }
}

impl Holidays {
    /// Whether that date is one.
    pub(super) fn has(&self, date: NaiveDate) -> bool {
        self.0.contains(&Holiday::Once(date)) || self.0.contains(&Holiday::Yearly(date.month(), date.day()))
    }
}

/// The minute of `08:00`.
fn minute(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| digits)
    };
    let minute = number(hours)? * 60 + number(minutes).filter(|minutes| *minutes < 60)?;
    (minute <= MINUTES_A_DAY).then_some(minute)
}

impl FromStr for Span {
    type Err = NotHours;

    fn from_str(text: &str) -> Result<Self, NotHours> {
        let day = |text: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(text)).ok_or(NotHours);
        let (days, times) = text.split_once(' ').ok_or(NotHours)?;
        let days = match days.split_once('-') {
            Some((first, last)) => (day(first)?, day(last)?),
            None => (day(days)?, day(days)?),
        };
        let (from, until) = times.split_once('-').ok_or(NotHours)?;
        let (from, until) = (minute(from).ok_or(NotHours)?, minute(until).ok_or(NotHours)?);
        if from < until { Ok(Self { days, from, until }) } else { Err(NotHours) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.days;
        f.write_str(DAYS[first])?;
        if first != last {
            write!(f, "-{}", DAYS[last])?;
        }
        let (from, until) = (self.from, self.until);
        write!(f, " {:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

impl FromStr for Hours {
    type Err = NotHours;

    fn from_str(text: &str) -> Result<Self, NotHours> {
        let spans = text.split(',').map(|span| span.trim_matches(' ').parse());
        let spans = spans.collect::<Result<Vec<Span>, _>>()?;
        if spans.len() > MAX_SPANS { Err(NotHours) } else { Ok(Self(spans)) }
    }
}

impl FromStr for Holiday {
    type Err = NotHolidays;

    fn from_str(text: &str) -> Result<Self, NotHolidays> {
        // Each year has the date that a leap year has, or has not got it that year.
        let (date, yearly) = match text.len() {
            5 => (format!("2024-{text}"), true),
            10 => (text.to_owned(), false),
            _ => return Err(NotHolidays),
        };
        let digits = date.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        let date: NaiveDate = date.parse().ok().filter(|_| digits).ok_or(NotHolidays)?;
        Ok(if yearly { Self::Yearly(date.month(), date.day()) } else { Self::Once(date) })
    }
}

impl fmt::Display for Holiday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yearly(month, day) => write!(f, "{month:02}-{day:02}"),
            Self::Once(date) => write!(f, "{}", date.format("%Y-%m-%d")),
        }
    }
}

impl FromStr for Holidays {
    type Err = NotHolidays;

    fn from_str(text: &str) -> Result<Self, NotHolidays> {
        let dates = text.split(',').map(|date| date.trim_matches(' ').parse());
        let holidays = Self(dates.collect::<Result<_, _>>()?);
        // As it will be shown, it has to fit a header.
        if holidays.to_string().len() > MAX_TEXT { Err(NotHolidays) } else { Ok(holidays) }
    }
}

fn listed(parts: impl Iterator<Item = impl fmt::Display>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, part) in parts.enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        part.fmt(f)?;
    }
    Ok(())
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        listed(self.0.iter(), f)
    }
}

impl fmt::Display for Holidays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        listed(self.0.iter(), f)
    }
}

/// Records hold these as text, in the one spelling that they are shown in.
macro_rules! held_as_text {
    ($($name:ident)+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
held_as_text!(Hours Holidays);

#[cfg(test)]
mod tests {
    use super::*;

    fn open(hours: &str, at: &str) -> bool {
        hours.parse::<Hours>().unwrap().are_open(at.parse().unwrap())
    }

    #[test]
    fn hours_are_open_from_their_first_second_until_their_last() {
        // 2026-11-23 is a Monday.
        let hours = "mon-fri 08:00-21:00, sat 10:00-18:00";
        for (at, is_open) in [
            ("2026-11-23T07:59:59.999", false),
            ("2026-11-23T08:00:00", true),
            ("2026-11-27T20:59:59.999", true),
            ("2026-11-27T21:00:00", false),
            ("2026-11-28T09:00:00", false),
            ("2026-11-28T10:00:00", true),
            ("2026-11-29T12:00:00", false),
        ] {
            assert_eq!(open(hours, at), is_open, "{at}");
        }
    }

    #[test]
    fn days_may_go_on_beyond_the_end_of_the_week() {
        let hours = "sat-mon 00:00-24:00";
        let days = (23..30).filter(|day| open(hours, &format!("2026-11-{day}T23:59:59")));
        assert_eq!(days.collect::<Vec<_>>(), [23, 28, 29]);
        assert_eq!("SAT-Mon 00:00-24:00".parse::<Hours>().unwrap().to_string(), hours);
    }

    #[test]
    fn holidays_are_of_one_year_or_of_each() {
        let holidays: Holidays = "2026-04-03,12-25, 02-29,12-25".parse().unwrap();
        assert_eq!(holidays.to_string(), "02-29, 12-25, 2026-04-03");
        let has = |date: &str| holidays.has(date.parse().unwrap());
        assert!(has("2026-04-03") && has("2026-12-25") && has("2031-12-25") && has("2028-02-29"));
        assert!(!has("2027-04-03") && !has("2026-12-26") && !has("2026-02-28"));
    }
}
