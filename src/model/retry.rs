//! Trying again: how long after which end, and how many tries more where the callee had no part in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codes::Outcome;
use super::fields::{FieldError, Fields};

/// The longest delay, in seconds: a year.
pub const MAX_DELAY_S: u32 = 31_536_000;
/// The most delays that one field may list.
const MAX_DELAYS: usize = 20;
const MAX_FAULT_RETRIES: u32 = 1000;
const DELAYS_FORM: &str = "whole numbers of seconds from 0 to 31536000, up to 20 of them with spaces between: after the contact's \
                           1st, 2nd, … try, the last one after all later tries, too; empty for RetryDelay";

/// How a contact's last try ended, as far as a plan may have a delay of its own for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum LastEnd {
    /// In another way than these, or there was none.
    #[default]
    Other,
    /// `busy`.
    Busy,
    /// `noanswer`.
    NoAnswer,
    /// `congestion`.
    Congestion,
    /// `failed`.
    Failed,
}

impl LastEnd {
    /// By its outcome.
    pub const fn of(outcome: Option<Outcome>) -> Self {
        match outcome {
            Some(Outcome::Busy) => Self::Busy,
            Some(Outcome::NoAnswer) => Self::NoAnswer,
            Some(Outcome::Congestion) => Self::Congestion,
            Some(Outcome::Failed) => Self::Failed,
            Some(
                Outcome::Answered
                | Outcome::Rejected
                | Outcome::Unknown
                | Outcome::PbxRestart
                | Outcome::WindowClosed
                | Outcome::Withdrawn,
            )
            | None => Self::Other,
        }
    }

    /// The outcome's word; empty for the others.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Other => "",
            Self::Busy => Outcome::Busy.as_str(),
            Self::NoAnswer => Outcome::NoAnswer.as_str(),
            Self::Congestion => Outcome::Congestion.as_str(),
            Self::Failed => Outcome::Failed.as_str(),
        }
    }

    /// The field of a plan that says the delay after it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Other => "RetryDelay",
            Self::Busy => "RetryDelayBusy",
            Self::NoAnswer => "RetryDelayNoAnswer",
            Self::Congestion => "RetryDelayCongestion",
            Self::Failed => "RetryDelayFailed",
        }
    }

    /// The one with that word.
    pub fn of_word(word: &str) -> Option<Self> {
        let all = [Self::Other, Self::Busy, Self::NoAnswer, Self::Congestion, Self::Failed];
        all.into_iter().find(|last| last.word() == word)
    }
}

/// One delay for all tries, or one for each of the first: `60`, or `60 300 3600`. In seconds, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delays(Vec<u32>);

/// A text that is no list of delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form 60 or 60 300 3600")]
pub struct NotDelays;

impl Delays {
    /// The delay after the try of that number, from 1.
    pub fn after(&self, tries: u64) -> u32 {
        let place = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
        self.0.get(place).or(self.0.last()).copied().unwrap_or_default()
    }
}

impl FromStr for Delays {
    type Err = NotDelays;

    fn from_str(text: &str) -> Result<Self, NotDelays> {
        let delay = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|delay| digits && *delay <= MAX_DELAY_S).ok_or(NotDelays)
        };
        let delays = text.split(' ').map(delay).collect::<Result<Vec<u32>, _>>()?;
        if delays.len() > MAX_DELAYS { Err(NotDelays) } else { Ok(Self(delays)) }
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, delay) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            delay.fmt(f)?;
        }
        Ok(())
    }
}

impl Serialize for Delays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Delays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a plan says of it beside `RetryDelay` and `MaxRetryN`. Its JSON has the names of the plan's columns; a capsule of an
/// earlier version has none of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Retry {
    /// After a try that ended `busy`; `None`: `RetryDelay`.
    #[serde(rename = "retry_delay_busy", default)]
    pub busy: Option<Delays>,
    /// After a try that ended `noanswer`; `None`: `RetryDelay`.
    #[serde(rename = "retry_delay_noanswer", default)]
    pub no_answer: Option<Delays>,
    /// After a try that ended `congestion`; `None`: `RetryDelay`.
    #[serde(rename = "retry_delay_congestion", default)]
    pub congestion: Option<Delays>,
    /// After a try that ended `failed`; `None`: `RetryDelay`.
    #[serde(rename = "retry_delay_failed", default)]
    pub failed: Option<Delays>,
    /// How many tries more than `MaxRetryN` a number gets for those that failed by a fault of the trunk or ours.
    #[serde(rename = "trunk_fault_retries", default)]
    pub trunk_faults: u32,
}

impl Retry {
    /// The same with these fields changed.
    pub(super) fn updated(&self, fields: &Fields) -> Result<Self, FieldError> {
        let mut retry = self.clone();
        for (field, place) in [
            ("RetryDelayBusy", &mut retry.busy),
            ("RetryDelayNoAnswer", &mut retry.no_answer),
            ("RetryDelayCongestion", &mut retry.congestion),
            ("RetryDelayFailed", &mut retry.failed),
        ] {
            if let Some(delays) = fields.parsed_or_unset(field, DELAYS_FORM)? {
                *place = delays;
            }
        }
        if let Some(tries) = fields.number("TrunkFaultRetries", 0..=MAX_FAULT_RETRIES, " (tries)")? {
            retry.trunk_faults = tries;
        }
        Ok(retry)
    }

    /// The delays after a try that ended so, where the plan has some of their own.
    pub fn delays(&self, last: LastEnd) -> Option<&Delays> {
        match last {
            LastEnd::Other => None,
            LastEnd::Busy => self.busy.as_ref(),
            LastEnd::NoAnswer => self.no_answer.as_ref(),
            LastEnd::Congestion => self.congestion.as_ref(),
            LastEnd::Failed => self.failed.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updated(fields: &[(&str, &str)]) -> Result<Retry, FieldError> {
        Retry::default().updated(&fields.iter().copied().collect())
    }

    #[test]
    fn delays_grow_try_by_try_and_stay_at_the_last() {
        let delays: Delays = "60 120 300".parse().unwrap();
        assert_eq!([1, 2, 3, 4, 100].map(|tries| delays.after(tries)), [60, 120, 300, 300, 300]);
        assert_eq!([0, 1, 9].map(|tries| "7".parse::<Delays>().unwrap().after(tries)), [7, 7, 7]);
        assert_eq!(delays.to_string(), "60 120 300");
    }

    #[test]
    fn what_is_not_of_the_form_is_refused_by_its_name_with_the_form() {
        let many = ["1"; 21].join(" ");
        for field in ["RetryDelayBusy", "RetryDelayNoAnswer", "RetryDelayCongestion", "RetryDelayFailed"] {
            for given in ["-1", "abc", "1,2", "1  2", " 1", "1 ", "+1", "1.5", "31536001", "60*2", &many] {
                let error = updated(&[(field, given)]).unwrap_err().to_string();
                assert!(error.starts_with(field) && error.contains("allowed: whole numbers"), "{error}");
            }
        }
        for given in ["", "-1", "x", "1001", "1 2"] {
            let error = updated(&[("TrunkFaultRetries", given)]).unwrap_err().to_string();
            assert!(error.starts_with("TrunkFaultRetries") && error.contains("from 0 to 1000"), "{error}");
        }
    }

    #[test]
    fn an_empty_field_is_unset() {
        let set = updated(&[("RetryDelayBusy", "60"), ("RetryDelayFailed", "0 5")]).unwrap();
        let changed = set.updated(&[("RetryDelayBusy", "")].into_iter().collect()).unwrap();
        assert_eq!((changed.busy, changed.failed), (None, "0 5".parse().ok()));
    }

    #[test]
    fn a_record_of_an_earlier_version_has_none() {
        assert_eq!(serde_json::from_str::<Retry>("{}").unwrap(), Retry::default());
    }
}
