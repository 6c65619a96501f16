//! What a plan says of callees who answer and get no agent: how many of them there may be, when one counts, and what
//! becomes of him.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fields::{FieldError, Fields, UUID_FORM};
use super::ids::DestinationUuid;
use super::ratio::{hundredths, write_hundredths};

const TARGET_FORM: &str = "a number from 0 to 100 with two decimals at most, such as 2.5 (per cent of the calls that people answer)";
const WINDOW_FORM: &str = "day, month, rolling-30d or calls (each hundred of them)";
const COUNT_FORM: &str =
    "0 or 1 (1: a person whom the detection of answering machines hangs up on counts as abandoned)";

/// A share in hundredths of a per cent, from 0 to 100 %: `3`, `2.5`, `0.25`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerCent(u32);

/// A text that is no such share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a per cent of the form 2.5")]
pub struct NotAPerCent;

impl PerCent {
    /// As a part of one: 3 % is 0.03.
    pub fn part(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

impl FromStr for PerCent {
    type Err = NotAPerCent;

    fn from_str(text: &str) -> Result<Self, NotAPerCent> {
        hundredths(text, 3).filter(|share| *share <= 10_000).map(Self).ok_or(NotAPerCent)
    }
}

impl fmt::Display for PerCent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hundredths(self.0, f)
    }
}

impl Serialize for PerCent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PerCent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What the share is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum AbandonWindow {
    /// Each day.
    #[default]
    #[serde(rename = "day")]
    Day,
    /// Each month of the calendar.
    #[serde(rename = "month")]
    Month,
    /// The last thirty days, at any time.
    #[serde(rename = "rolling-30d")]
    Rolling30Days,
    /// Each hundred calls that people have answered.
    #[serde(rename = "calls")]
    Calls,
}

impl AbandonWindow {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Day, Self::Month, Self::Rolling30Days, Self::Calls];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Rolling30Days => "rolling-30d",
            Self::Calls => "calls",
        }
    }
}

/// A text that is no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("none of day, month, rolling-30d, calls")]
pub struct NotAWindow;

impl FromStr for AbandonWindow {
    type Err = NotAWindow;

    fn from_str(text: &str) -> Result<Self, NotAWindow> {
        Self::ALL.into_iter().find(|window| window.word().eq_ignore_ascii_case(text)).ok_or(NotAWindow)
    }
}

impl fmt::Display for AbandonWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Its JSON has the names of the plan's columns; a capsule of an earlier version has none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Abandonment {
    /// How many of the calls that people answer may be abandoned.
    #[serde(rename = "abandon_target")]
    pub target: PerCent,
    /// Over what.
    #[serde(rename = "abandon_window")]
    pub window: AbandonWindow,
    /// A callee without an agent so long after the answer counts as abandoned, in seconds.
    #[serde(rename = "abandon_after")]
    pub after_s: u32,
    /// No call is given up that has rung for less, in seconds.
    #[serde(rename = "min_ring")]
    pub min_ring_s: u32,
    /// The destination that takes a callee whom no agent can.
    #[serde(rename = "abandon_dest")]
    pub dest: Option<DestinationUuid>,
    /// Whether a person whom the detection of answering machines hangs up on counts as abandoned.
    #[serde(rename = "count_amd_false_positives", with = "super::in_use")]
    pub counts_amd_false_positives: bool,
}

impl Default for Abandonment {
    fn default() -> Self {
        Self {
            target: PerCent(300),
            window: AbandonWindow::default(),
            after_s: 2,
            min_ring_s: 15,
            dest: None,
            counts_amd_false_positives: false,
        }
    }
}

impl Abandonment {
    /// The same with these fields changed.
    pub(super) fn updated(&self, fields: &Fields) -> Result<Self, FieldError> {
        let mut changed = self.clone();
        if let Some(target) = fields.parsed("AbandonTarget", TARGET_FORM)? {
            changed.target = target;
        }
        if let Some(window) = fields.parsed("AbandonWindow", WINDOW_FORM)? {
            changed.window = window;
        }
        if let Some(after) = fields.number("AbandonAfter", 0..=60, " (seconds)")? {
            changed.after_s = after;
        }
        if let Some(min_ring) = fields.number("MinRing", 0..=300, " (seconds)")? {
            changed.min_ring_s = min_ring;
        }
        if let Some(dest) = fields.parsed_or_unset("AbandonDest", UUID_FORM)? {
            changed.dest = dest;
        }
        match fields.raw("CountAmdFalsePositives") {
            None => {}
            Some("0") => changed.counts_amd_false_positives = false,
            Some("1") => changed.counts_amd_false_positives = true,
            Some(other) => return Err(FieldError::invalid("CountAmdFalsePositives", other, COUNT_FORM)),
        }
        Ok(changed)
    }

    /// What is not as it is where nobody has set it, by the names of its fields.
    pub fn set(&self) -> Vec<(&'static str, String)> {
        let usual = Self::default();
        let all = [
            ("AbandonTarget", self.target.to_string(), self.target != usual.target),
            ("AbandonWindow", self.window.to_string(), self.window != usual.window),
            ("AbandonAfter", self.after_s.to_string(), self.after_s != usual.after_s),
            ("MinRing", self.min_ring_s.to_string(), self.min_ring_s != usual.min_ring_s),
            ("AbandonDest", self.dest.map(|dest| dest.to_string()).unwrap_or_default(), self.dest.is_some()),
            ("CountAmdFalsePositives", "1".to_owned(), self.counts_amd_false_positives),
        ];
        all.into_iter().filter(|(.., is_set)| *is_set).map(|(name, value, _)| (name, value)).collect()
    }

    /// A callee without an agent so long after the answer counts as abandoned.
    pub fn after(&self) -> Duration {
        Duration::from_secs(self.after_s.into())
    }

    /// No call is given up that has rung for less.
    pub fn min_ring(&self) -> Duration {
        Duration::from_secs(self.min_ring_s.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updated(fields: &[(&str, &str)]) -> Result<Abandonment, FieldError> {
        Abandonment::default().updated(&fields.iter().copied().collect())
    }

    #[test]
    fn without_a_word_three_per_cent_of_a_day_may_wait_two_seconds() {
        let usual = updated(&[]).unwrap();
        assert_eq!((usual.target.to_string().as_str(), usual.window), ("3", AbandonWindow::Day));
        assert_eq!((usual.after(), usual.min_ring()), (Duration::from_secs(2), Duration::from_secs(15)));
        assert_eq!(usual.set(), []);
        assert!((usual.target.part() - 0.03).abs() < 1e-12);
    }

    #[test]
    fn what_is_set_is_shown_by_the_names_of_its_fields_as_it_was_given() {
        let dest = "72855ab4-3473-4750-8fec-e9da71abb98f";
        let given = [
            ("AbandonTarget", "2.5"),
            ("AbandonWindow", "rolling-30d"),
            ("AbandonAfter", "3"),
            ("MinRing", "20"),
            ("AbandonDest", dest),
            ("CountAmdFalsePositives", "1"),
        ];
        let set = updated(&given).unwrap();
        assert_eq!(set.set(), given.map(|(name, value)| (name, value.to_owned())));
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Abandonment>(&text).unwrap(), set);
        let unset = [("AbandonDest", ""), ("CountAmdFalsePositives", "0"), ("AbandonTarget", "3.00")];
        let unset = set.updated(&unset.into_iter().collect()).unwrap();
        assert_eq!(unset.set().len(), 3);
    }

    #[test]
    fn what_is_wrong_is_refused_by_its_name_with_what_is_allowed() {
        for (field, wrong, allowed) in [
            ("AbandonTarget", &["", "-1", "100.01", "101", "2,5", "1.234", "3%", "x"][..], TARGET_FORM),
            ("AbandonWindow", &["", "week", "30d", "rolling", "1"], WINDOW_FORM),
            ("AbandonAfter", &["", "-1", "61", "2.5", "x"], "a whole number from 0 to 60 (seconds)"),
            ("MinRing", &["", "-1", "301", "x"], "a whole number from 0 to 300 (seconds)"),
            ("AbandonDest", &["x", "1"], UUID_FORM),
            ("CountAmdFalsePositives", &["", "2", "yes"], COUNT_FORM),
        ] {
            for given in wrong {
                let error = updated(&[(field, given)]).unwrap_err().to_string();
                let expected = format!("{field}: \"{given}\" is not allowed; allowed: {allowed}");
                assert_eq!(error, expected);
            }
        }
    }

    #[test]
    fn a_record_of_an_earlier_version_has_the_usual() {
        assert_eq!(serde_json::from_str::<Abandonment>("{}").unwrap(), Abandonment::default());
    }
}
