//! Points in time: what the wall clock says, as records and events show it, and how far the monotonic clock is.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, shown with nine digits of a second: `2016-11-15T03:00:10.125931679Z`. Texts of it sort as
/// the moments do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

/// A text that is no timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a timestamp of the form 2016-11-15T03:00:10.125931679Z")]
pub struct NotATimestamp;

impl Timestamp {
    /// Takes a moment that a clock has given.
    pub const fn new(at: DateTime<Utc>) -> Self {
        Self(at)
    }

    /// The moment as chrono has it, for calendars.
    pub const fn utc(self) -> DateTime<Utc> {
        self.0
    }

    /// Microseconds since 1970, the unit in which the store orders contacts by the end of their last try.
    pub const fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The moment so many microseconds after 1970; the epoch itself where that is out of range.
    pub fn from_micros(micros: i64) -> Self {
        Self(DateTime::from_timestamp_micros(micros).unwrap_or_default())
    }

    /// The moment `after` later.
    pub fn plus(self, after: Duration) -> Self {
        let after = chrono::Duration::from_std(after).unwrap_or(chrono::Duration::MAX);
        Self(self.0.checked_add_signed(after).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// The moment `before` earlier.
    pub fn minus(self, before: Duration) -> Self {
        let before = chrono::Duration::from_std(before).unwrap_or(chrono::Duration::MAX);
        Self(self.0.checked_sub_signed(before).unwrap_or(DateTime::<Utc>::MIN_UTC))
    }

    /// How much later `self` is than `earlier`; zero where it is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Nanos, true))
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        // Any number of digits is taken for a fraction. (An original installation's are not: `store::original` reads them.)
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.fZ")
            .map(|at| Self(at.and_utc()))
            .map_err(|_| NotATimestamp)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The time as a parameter: whoever decides gets it, and never asks a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since an arbitrary start; never jumps. Deadlines and rates are reckoned with it.
    pub mono: Duration,
    /// What the wall clock says; may jump. Records and schedules are reckoned with it.
    pub wall: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_nine_digits_and_reads_back() {
        let at: Timestamp = "2016-11-15T03:20:00.077987326Z".parse().unwrap();
        assert_eq!(at.to_string(), "2016-11-15T03:20:00.077987326Z");
        let whole: Timestamp = "2016-11-15T03:20:00Z".parse().unwrap();
        assert_eq!(whole.to_string(), "2016-11-15T03:20:00.000000000Z");
    }

    #[test]
    fn a_difference_never_runs_backwards() {
        let at = Timestamp::from_micros(1_000_000);
        let later = at.plus(Duration::from_secs(2));
        assert_eq!(later.since(at), Duration::from_secs(2));
        assert_eq!(later.minus(Duration::from_secs(2)), at);
        assert_eq!(at.since(later), Duration::ZERO);
    }
}
