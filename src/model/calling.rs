//! What a plan says of how often and when people may be called: caps on attempts in a rolling period, calling hours and
//! holidays by the callee's own clock. When somebody may be dialled by that is for `engine::calling` to say.

mod caps;
mod hours;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};

use super::fields::{FieldError, Fields};
pub use caps::{Cap, Caps, NotACap};
pub use hours::{Holidays, Hours, NotHolidays, NotHours};

/// How far ahead the next calling hour is looked for, in days.
pub const FAR_DAYS: usize = 31;

const CAP_FORM: &str = "attempts/period, such as 3/1d or 7/7d: 1 to 100 attempts in 1s to 366d (s, m, h, d), up to 4 of them with \
                        spaces between; empty for none";
const HOURS_FORM: &str = "days and times, such as mon-fri 08:00-21:00, sat 10:00-18:00: mon tue wed thu fri sat sun, from 00:00 to \
                          24:00, up to 30 of them with commas between; empty for any time";
const HOLIDAYS_FORM: &str = "dates, such as 2026-04-03, 12-25: YYYY-MM-DD, or MM-DD for each year, with commas between, up to 900 \
                             bytes; empty for none";

/// Its JSON has the names of the plan's columns; a capsule of an earlier version has none of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Calling {
    /// How often a contact may be tried, all its numbers together.
    pub contact_cap: Option<Caps>,
    /// How often a number may be tried, whosever it is.
    pub number_cap: Option<Caps>,
    /// When people may be called, by their own clock; `None`: at any time.
    #[serde(rename = "calling_hours")]
    pub hours: Option<Hours>,
    /// Dates on which they may not, by their own calendar.
    pub holidays: Option<Holidays>,
}

impl Calling {
    /// The same with these fields changed; an empty one is unset.
    pub(super) fn updated(&self, fields: &Fields) -> Result<Self, FieldError> {
        let mut changed = self.clone();
        for (field, cap) in [("ContactCap", &mut changed.contact_cap), ("NumberCap", &mut changed.number_cap)]
        {
            if let Some(given) = fields.parsed_or_unset(field, CAP_FORM)? {
                *cap = given;
            }
        }
        if let Some(hours) = fields.parsed_or_unset("CallingHours", HOURS_FORM)? {
            changed.hours = hours;
        }
        if let Some(holidays) = fields.parsed_or_unset("Holidays", HOLIDAYS_FORM)? {
            changed.holidays = holidays;
        }
        Ok(changed)
    }

    /// What is set, by the names of its fields.
    pub fn set(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("ContactCap", self.contact_cap.as_ref().map(ToString::to_string)),
            ("NumberCap", self.number_cap.as_ref().map(ToString::to_string)),
            ("CallingHours", self.hours.as_ref().map(ToString::to_string)),
            ("Holidays", self.holidays.as_ref().map(ToString::to_string)),
        ];
        all.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }

    /// Whether it bounds anything.
    pub fn is_set(&self) -> bool {
        self.has_caps() || self.has_hours()
    }

    /// Whether it bounds how often somebody is tried.
    pub fn has_caps(&self) -> bool {
        self.contact_cap.is_some() || self.number_cap.is_some()
    }

    /// Whether it bounds when somebody is called.
    pub fn has_hours(&self) -> bool {
        self.hours.is_some() || self.holidays.is_some()
    }

    /// Whether that date is one of its holidays.
    pub fn is_holiday(&self, date: NaiveDate) -> bool {
        self.holidays.as_ref().is_some_and(|holidays| holidays.has(date))
    }

    /// Whether somebody may be called whose clock shows that.
    pub fn is_open(&self, local: NaiveDateTime) -> bool {
        !self.is_holiday(local.date()) && self.hours.as_ref().is_none_or(|hours| hours.are_open(local))
    }

    /// What a clock shows that shows `local` now, when somebody may be called for the first time from now on; `None`
    /// where that is not within [`FAR_DAYS`]. A clock that is changed in between shows it at another time, or never.
    pub fn opens(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let days = local.date().iter_days().take(FAR_DAYS + 1);
        let dates = days.filter(|date| !self.is_holiday(*date));
        let from = |date| local.max(NaiveDateTime::new(date, NaiveTime::MIN));
        dates.map(from).find_map(|from| match &self.hours {
            Some(hours) => hours.opens_on(from),
            None => Some(from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updated(fields: &[(&str, &str)]) -> Result<Calling, FieldError> {
        Calling::default().updated(&fields.iter().copied().collect())
    }

    fn at(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_set_is_shown_by_the_names_of_its_fields_and_unset_by_nothing() {
        let given = [
            ("ContactCap", "3/1d 7/7d"),
            ("NumberCap", "10/12h"),
            ("CallingHours", "mon-fri 08:00-21:00, sat 10:00-18:00"),
            ("Holidays", "12-25, 2026-04-03"),
        ];
        let set = updated(&given).unwrap();
        assert_eq!(set.set(), given.map(|(name, value)| (name, value.to_owned())));
        assert!(set.is_set());
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Calling>(&text).unwrap(), set);
        let nothing = given.map(|(name, _)| (name, ""));
        let unset = set.updated(&nothing.into_iter().collect()).unwrap();
        assert_eq!((unset.set(), unset.is_set()), (vec![], false));
        assert_eq!(serde_json::from_str::<Calling>("{}").unwrap(), unset, "a record of an earlier version");
    }

    #[test]
    fn what_is_wrong_is_refused_by_its_name_with_what_is_allowed() {
        let five = "1/1d 2/2d 3/3d 4/4d 5/5d";
        let many = ["mon 08:00-09:00"; 31].join(", ");
        let long = (0..90).map(|day| format!("2026-01-{:02}", day % 28 + 1)).collect::<Vec<_>>();
        let all = (1..=28).flat_map(|day| (1..=12).map(move |month| format!("{month:02}-{day:02}")));
        let all = all.collect::<Vec<_>>().join(", ");
        for (field, wrong, allowed) in [
            (
                "ContactCap",
                &[
                    "3",
                    "3/d",
                    "0/1d",
                    "101/1d",
                    "3/0d",
                    "3/367d",
                    "3/1w",
                    "3 / 1d",
                    "3/1d,7/7d",
                    "-1/1d",
                    "+1/1d",
                    five,
                ][..],
                CAP_FORM,
            ),
            ("NumberCap", &["x", "3/1d  7/7d", " 3/1d", "3/99999999999s"], CAP_FORM),
            (
                "CallingHours",
                &[
                    "08:00-21:00",
                    "mon",
                    "mon 8:00-21:00",
                    "mon 21:00-08:00",
                    "mon 08:00-08:00",
                    "mon 08:00-24:01",
                    "mon 08:60-21:00",
                    "day 08:00-21:00",
                    "mon-fri-sun 08:00-21:00",
                    "mon 08:00-21:00;",
                    "mon 08:00-21:00,",
                    "mon 08:00-12:00-13:00",
                    &many,
                ],
                HOURS_FORM,
            ),
            (
                "Holidays",
                &[
                    "Christmas",
                    "13-01",
                    "02-30",
                    "2026-02-29",
                    "12-25;12-26",
                    "12-25,",
                    "1-1",
                    "26-12-25",
                    &all,
                ],
                HOLIDAYS_FORM,
            ),
        ] {
            for given in wrong {
                let error = updated(&[(field, given)]).unwrap_err().to_string();
                assert!(error.starts_with(&format!("{field}: \"")), "{error}");
                assert!(error.ends_with(&format!("is not allowed; allowed: {allowed}")), "{error}");
            }
        }
        assert!(updated(&[("Holidays", &long.join(","))]).is_ok(), "each date counts once");
    }

    #[test]
    fn the_next_hour_is_that_of_a_day_that_is_no_holiday() {
        // 2026-12-25 is a Friday.
        let calling =
            updated(&[("CallingHours", "mon-fri 08:00-12:00, mon-fri 14:00-24:00"), ("Holidays", "12-25")]);
        let calling = calling.unwrap();
        for (now, opens) in [
            ("2026-12-24T07:59:59.5", "2026-12-24T08:00:00"),
            ("2026-12-24T08:00:00", "2026-12-24T08:00:00"),
            ("2026-12-24T11:59:59.9", "2026-12-24T11:59:59.9"),
            ("2026-12-24T12:00:00", "2026-12-24T14:00:00"),
            ("2026-12-24T23:59:59.9", "2026-12-24T23:59:59.9"),
            ("2026-12-25T09:00:00", "2026-12-28T08:00:00"),
        ] {
            assert_eq!(calling.opens(at(now)), Some(at(opens)), "{now}");
            assert_eq!(calling.is_open(at(now)), now == opens, "{now}");
        }
        let only = updated(&[("Holidays", "12-25, 2026-12-26")]).unwrap();
        assert_eq!(only.opens(at("2026-12-25T09:00:00")), Some(at("2026-12-27T00:00:00")));
        assert!(only.is_open(at("2026-12-24T03:00:00")));
        let days: Vec<_> = (1..=28).map(|day| format!("02-{day:02}, 03-{day:02}")).collect();
        let shut = updated(&[("Holidays", &days.join(", ")), ("CallingHours", "mon 08:00-09:00")]).unwrap();
        assert_eq!(shut.opens(at("2026-02-01T00:00:00")), None, "not within a month");
    }
}
