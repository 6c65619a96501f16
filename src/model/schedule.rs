//! A campaign's schedule: what its fields may hold, and which dates they admit.
//!
//! Dates and times are those of `ScTimezone`. Whether a date is admitted is said by the first of these that speaks:
//!
//! 1. A date in `ScDateListExcept` is not.
//! 2. A date in `ScDateList` is, whatever the day of the week, and also outside `ScDateStart` to `ScDateEnd`.
//! 3. Where only `ScDateList` is set, no other date is.
//! 4. Any other date is where it lies from `ScDateStart` to `ScDateEnd`, both included, on a day of `ScDayList`.
//!
//! On an admitted date the window is open from `ScTimeStart` until `ScTimeEnd`, whose second is no longer in it. A
//! window whose end is the earlier of the two ends on the next day, and belongs to the date on which it opens. What is
//! not set bounds nothing. When that is on the wall clock, daylight saving included, is for `engine::window` to say.

mod values;

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::codes::ScMode;
use super::fields::{FieldError, Fields};
pub use values::{NotOfItsForm, ScDate, ScDates, ScDays, ScTime, ScZone};

/// What is said to be allowed for a time of day.
const TIME_FORM: &str = "a time of day hh:mm:ss, from 00:00:00 to 23:59:59";
/// What is said to be allowed for a date.
const DATE_FORM: &str = "a date YYYY-MM-DD";
const DATES_FORM: &str = "dates YYYY-MM-DD, YYYY-MM-DD, ..., up to 900 bytes";
const DAYS_FORM: &str = "days of the week from 0 (Sunday) to 6 (Saturday), such as 1, 2, 3";
pub(super) const ZONE_FORM: &str =
    "a time zone by its IANA name, such as Europe/Berlin, America/New_York or UTC";

/// How far the next date is looked for among days of the week: beyond that none is left but by a list.
const FAR: usize = 40_000;

/// What the fields `Sc…` of a campaign say; the JSON has the column names of its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    #[serde(rename = "sc_mode")]
    mode: ScMode,
    #[serde(rename = "sc_date_start")]
    date_start: Option<ScDate>,
    #[serde(rename = "sc_date_end")]
    date_end: Option<ScDate>,
    #[serde(rename = "sc_date_list")]
    date_list: Option<ScDates>,
    #[serde(rename = "sc_date_list_except")]
    date_list_except: Option<ScDates>,
    #[serde(rename = "sc_time_start")]
    time_start: Option<ScTime>,
    #[serde(rename = "sc_time_end")]
    time_end: Option<ScTime>,
    #[serde(rename = "sc_day_list")]
    day_list: Option<ScDays>,
    #[serde(rename = "sc_timezone")]
    timezone: Option<ScZone>,
}

impl Schedule {
    /// No schedule.
    pub const fn off() -> Self {
        Self {
            mode: ScMode::Off,
            date_start: None,
            date_end: None,
            date_list: None,
            date_list_except: None,
            time_start: None,
            time_end: None,
            day_list: None,
            timezone: None,
        }
    }

    /// The schedule with these fields changed; an empty one is unset.
    ///
    /// # Errors
    /// Where a field has not its form, or an end does not fit its start.
    pub fn updated(&self, fields: &Fields) -> Result<Self, FieldError> {
        fn changed<T: FromStr>(
            kept: Option<T>,
            fields: &Fields,
            name: &str,
            form: &str,
        ) -> Result<Option<T>, FieldError> {
            Ok(fields.parsed_or_unset(name, form)?.unwrap_or(kept))
        }
        let old = self.clone();
        let mode = fields.parsed("ScMode", "0 (no schedule) or 1 (schedule)")?;
        let schedule = Self {
            mode: mode.unwrap_or(old.mode),
            time_start: changed(old.time_start, fields, "ScTimeStart", TIME_FORM)?,
            time_end: changed(old.time_end, fields, "ScTimeEnd", TIME_FORM)?,
            date_start: changed(old.date_start, fields, "ScDateStart", DATE_FORM)?,
            date_end: changed(old.date_end, fields, "ScDateEnd", DATE_FORM)?,
            date_list: changed(old.date_list, fields, "ScDateList", DATES_FORM)?,
            date_list_except: changed(old.date_list_except, fields, "ScDateListExcept", DATES_FORM)?,
            day_list: changed(old.day_list, fields, "ScDayList", DAYS_FORM)?,
            timezone: changed(old.timezone, fields, "ScTimezone", ZONE_FORM)?,
        };
        if let (Some(start), Some(end)) = (schedule.time_start, schedule.time_end)
            && start == end
        {
            let allowed = format!("another time than ScTimeStart, {start}; neither is set for the whole day");
            return Err(FieldError::invalid("ScTimeEnd", &end.to_string(), allowed));
        }
        if let (Some(start), Some(end)) = (schedule.date_start, schedule.date_end)
            && end < start
        {
            let allowed = format!("no date before ScDateStart, {start}");
            return Err(FieldError::invalid("ScDateEnd", &end.to_string(), allowed));
        }
        Ok(schedule)
    }

    /// Whether the campaign follows it.
    pub const fn is_on(&self) -> bool {
        match self.mode {
            ScMode::Off => false,
            ScMode::Schedule => true,
        }
    }

    /// The mode as it is shown.
    pub const fn mode(&self) -> ScMode {
        self.mode
    }

    /// The original's headers behind `ScMode` in its order, and what they show.
    pub fn headers(&self) -> [(&'static str, Option<String>); 7] {
        fn text<T: fmt::Display>(value: Option<&T>) -> Option<String> {
            value.map(ToString::to_string)
        }
        [
            ("ScTimeStart", text(self.time_start.as_ref())),
            ("ScTimeEnd", text(self.time_end.as_ref())),
            ("ScDateStart", text(self.date_start.as_ref())),
            ("ScDateEnd", text(self.date_end.as_ref())),
            ("ScDateList", text(self.date_list.as_ref())),
            ("ScDateListExcept", text(self.date_list_except.as_ref())),
            ("ScDayList", text(self.day_list.as_ref())),
        ]
    }

    /// The time zone that was set.
    pub const fn timezone(&self) -> Option<ScZone> {
        self.timezone
    }

    /// The time zone that its dates and times are of.
    pub fn zone(&self) -> Tz {
        self.timezone.map_or(Tz::UTC, |zone| zone.0)
    }

    /// When the window of a date opens; midnight where nothing is set.
    pub fn opens_at(&self) -> NaiveTime {
        self.time_start.map_or(NaiveTime::MIN, |time| time.0)
    }

    /// When the window of a date closes: at a time of the date, or of the next one where that is no later than it
    /// opens. Midnight where nothing is set.
    pub fn closes_at(&self) -> NaiveTime {
        self.time_end.map_or(NaiveTime::MIN, |time| time.0)
    }

    /// Whether there is a window that opens on that date.
    pub fn admits(&self, date: NaiveDate) -> bool {
        let holds =
            |dates: &Option<ScDates>| dates.as_ref().is_some_and(|dates| dates.0.contains(&ScDate(date)));
        if holds(&self.date_list_except) {
            return false;
        }
        holds(&self.date_list) || (self.has_range() && self.in_range(date))
    }

    /// The first date from `date` on that is admitted.
    pub fn first_admitted(&self, date: NaiveDate) -> Option<NaiveDate> {
        let listed = self.date_list.as_ref().and_then(|dates| {
            dates.0.range(ScDate(date)..).map(|date| date.0).find(|date| self.admits(*date))
        });
        let ranged = self.has_range().then(|| {
            let from = self.date_start.map_or(date, |start| start.0.max(date));
            let left = from.iter_days().take(FAR);
            left.take_while(|date| self.date_end.is_none_or(|end| *date <= end.0))
                .find(|date| self.admits(*date))
        });
        [listed, ranged.flatten()].into_iter().flatten().min()
    }

    /// Whether each date from `date` on is admitted, for ever.
    pub fn admits_all_from(&self, date: NaiveDate) -> bool {
        self.has_range()
            && self.date_end.is_none()
            && self.date_start.is_none_or(|start| start.0 <= date)
            && self.day_list.as_ref().is_none_or(|days| days.0.len() == 7)
            && self
                .date_list_except
                .as_ref()
                .is_none_or(|dates| dates.0.range(ScDate(date)..).next().is_none())
    }

    /// Whether dates that are in no list may be admitted.
    const fn has_range(&self) -> bool {
        self.date_list.is_none()
            || self.date_start.is_some()
            || self.date_end.is_some()
            || self.day_list.is_some()
    }

    fn in_range(&self, date: NaiveDate) -> bool {
        // At most 6.
        let day = u8::try_from(date.weekday().num_days_from_sunday()).unwrap_or_default();
        self.date_start.is_none_or(|start| start.0 <= date)
            && self.date_end.is_none_or(|end| date <= end.0)
            && self.day_list.as_ref().is_none_or(|days| days.0.contains(&day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(fields: &[(&str, &str)]) -> Result<Schedule, FieldError> {
        Schedule::off().updated(&fields.iter().copied().collect())
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn admitted(fields: &[(&str, &str)]) -> Vec<String> {
        let schedule = schedule(fields).unwrap();
        let mut found = Vec::new();
        // 2026-11-14 is a Saturday.
        let mut next = date("2026-11-14");
        while let Some(date) =
            schedule.first_admitted(next).filter(|date| date.to_string().as_str() < "2026-11-22")
        {
            assert!(schedule.admits(date));
            found.push(date.format("%d").to_string());
            next = date.succ_opt().unwrap();
        }
        found
    }

    #[test]
    fn what_is_not_set_bounds_nothing() {
        assert_eq!(admitted(&[]), ["14", "15", "16", "17", "18", "19", "20", "21"]);
    }

    #[test]
    fn a_range_and_days_have_to_admit_both_the_ends_of_the_range_included() {
        assert_eq!(
            admitted(&[("ScDateStart", "2026-11-15"), ("ScDateEnd", "2026-11-17")]),
            ["15", "16", "17"]
        );
        assert_eq!(admitted(&[("ScDayList", "0, 1, 3, 4")]), ["15", "16", "18", "19"]);
        assert_eq!(admitted(&[("ScDayList", "6,0"), ("ScDateStart", "2026-11-15")]), ["15", "21"]);
    }

    #[test]
    fn a_list_alone_is_all_there_is_and_beside_a_range_it_adds() {
        assert_eq!(admitted(&[("ScDateList", "2026-11-20,2026-11-14")]), ["14", "20"]);
        let extra = [("ScDayList", "1"), ("ScDateList", "2026-11-14"), ("ScDateEnd", "2026-11-17")];
        assert_eq!(admitted(&extra), ["14", "16"]);
        let late = [("ScDateEnd", "2026-11-15"), ("ScDateList", "2026-11-18")];
        assert_eq!(admitted(&late), ["14", "15", "18"]);
    }

    #[test]
    fn an_exception_beats_all() {
        let fields = [("ScDateList", "2026-11-14, 2026-11-15"), ("ScDateListExcept", "2026-11-14")];
        assert_eq!(admitted(&fields), ["15"]);
        assert_eq!(
            admitted(&[("ScDateListExcept", "2026-11-16, 2026-11-20"), ("ScDayList", "1,5")]),
            [""; 0]
        );
    }

    #[test]
    fn a_range_that_is_over_has_no_next_date() {
        let over = schedule(&[("ScDateEnd", "2026-11-13")]).unwrap();
        assert_eq!(over.first_admitted(date("2026-11-14")), None);
        let far = schedule(&[("ScDateStart", "9000-01-01")]).unwrap();
        assert_eq!(far.first_admitted(date("2026-11-14")), Some(date("9000-01-01")));
    }

    #[test]
    fn what_has_not_its_form_is_refused_by_its_name_with_the_form() {
        for (field, given) in [
            ("ScMode", "2"),
            ("ScMode", ""),
            ("ScTimeStart", "9:00:00"),
            ("ScTimeStart", "09:00"),
            ("ScTimeStart", "24:00:00"),
            ("ScTimeEnd", "23:60:00"),
            ("ScTimeEnd", "23:59:60"),
            ("ScTimeEnd", "+1:00:00"),
            ("ScTimeEnd", "ab:cd:ef"),
            ("ScDateStart", "2026-13-01"),
            ("ScDateStart", "2026-02-29"),
            ("ScDateStart", "26-02-01"),
            ("ScDateEnd", "2026/02/01"),
            ("ScDateEnd", "0000-01-01"),
            ("ScDateEnd", "9999-12-31"),
            ("ScDateList", ","),
            ("ScDateList", "2026-11-17;2026-11-18"),
            ("ScDateList", "2026-11-17, "),
            ("ScDateListExcept", "tomorrow"),
            ("ScDayList", "7"),
            ("ScDayList", "1 2"),
            ("ScDayList", "Monday"),
            ("ScDayList", "1,,2"),
            ("ScTimezone", "Mars/Olympus"),
            ("ScTimezone", "CET+1"),
        ] {
            let error = schedule(&[(field, given)]).unwrap_err().to_string();
            let begin = format!("{field}: \"{given}\" is not allowed; allowed: ");
            assert!(error.starts_with(&begin), "{error}");
        }
    }

    #[test]
    fn an_end_has_to_fit_its_start() {
        let same = schedule(&[("ScTimeStart", "09:00:00"), ("ScTimeEnd", "09:00:00")]).unwrap_err();
        assert!(same.to_string().contains("another time than ScTimeStart"), "{same}");
        let before = schedule(&[("ScDateStart", "2026-11-15"), ("ScDateEnd", "2026-11-14")]).unwrap_err();
        assert!(before.to_string().contains("no date before ScDateStart, 2026-11-15"), "{before}");
        let one_day = schedule(&[("ScDateStart", "2026-11-15"), ("ScDateEnd", "2026-11-15")]);
        assert!(one_day.is_ok());
    }

    #[test]
    fn a_list_that_would_not_fit_a_header_is_refused() {
        let dates = |count: usize| {
            let dates = date("2026-01-01").iter_days().take(count);
            dates.map(|date| date.to_string()).collect::<Vec<_>>().join(",")
        };
        assert!(schedule(&[("ScDateList", &dates(75))]).is_ok());
        assert!(schedule(&[("ScDateList", &dates(76))]).is_err());
    }

    #[test]
    fn lists_are_shown_in_order_and_once() {
        let schedule = schedule(&[
            ("ScDayList", "4,1, 1,0"),
            ("ScDateList", "2026-11-17,2026-11-16"),
            ("ScTimezone", "Europe/Berlin"),
        ]);
        let schedule = schedule.unwrap();
        let shown = schedule.headers();
        assert_eq!(shown[4], ("ScDateList", Some("2026-11-16, 2026-11-17".to_owned())));
        assert_eq!(shown[6], ("ScDayList", Some("0, 1, 4".to_owned())));
        assert_eq!(schedule.timezone().map(String::from).as_deref(), Some("Europe/Berlin"));
        let json = serde_json::to_value(&schedule).unwrap();
        assert_eq!(json["sc_day_list"], "0, 1, 4");
        assert_eq!(serde_json::from_value::<Schedule>(json).unwrap(), schedule);
    }

    #[test]
    fn an_empty_field_is_unset_and_one_that_is_not_given_stays() {
        let set = schedule(&[("ScMode", "1"), ("ScDayList", "1"), ("ScTimeStart", "09:00:00")]).unwrap();
        let changed = set.updated(&[("ScDayList", "")].into_iter().collect()).unwrap();
        assert!(changed.is_on());
        assert_eq!(changed.headers()[6].1, None);
        assert_eq!(changed.headers()[0].1.as_deref(), Some("09:00:00"));
    }
}
