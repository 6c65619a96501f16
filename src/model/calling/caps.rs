//! Caps: at most so many attempts in any period of that length.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MAX_ATTEMPTS: u32 = 100;
const MAX_PERIOD: Duration = Duration::from_secs(366 * 86_400);
const MAX_CAPS: usize = 4;
const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];

/// At most so many attempts in any period of that length: `3/1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    attempts: u32,
    /// Of the unit.
    count: u64,
    unit: (char, u64),
}

/// One or a few that hold together: `3/1d 7/7d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps(Vec<Cap>);

/// A text that is no cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form 3/1d or 3/1d 7/7d")]
pub struct NotACap;

impl Cap {
    /// How many.
    pub const fn attempts(self) -> usize {
        self.attempts as usize
    }

    /// In how long.
    pub const fn period(self) -> Duration {
        Duration::from_secs(self.count * self.unit.1)
    }
}

impl Caps {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Cap> {
        self.0.iter().copied()
    }

    /// The most attempts that one of them allows.
    pub fn most(&self) -> usize {
        self.iter().map(Cap::attempts).max().unwrap_or_default()
    }

    /// The longest of their periods.
    pub fn longest(&self) -> Duration {
        self.iter().map(Cap::period).max().unwrap_or_default()
    }
}

impl FromStr for Cap {
    type Err = NotACap;

    fn from_str(text: &str) -> Result<Self, NotACap> {
        fn number<T: FromStr>(text: &str) -> Option<T> {
            text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
        }
        let (attempts, period) = text.split_once('/').ok_or(NotACap)?;
        let unit = UNITS.into_iter().find(|(letter, _)| period.ends_with(*letter)).ok_or(NotACap)?;
        let attempts = number(attempts).filter(|count| (1..=MAX_ATTEMPTS).contains(count)).ok_or(NotACap)?;
        let count: u64 = number(&period[..period.len() - 1]).ok_or(NotACap)?;
        let in_bounds = (1..=MAX_PERIOD.as_secs() / unit.1).contains(&count);
        if in_bounds { Ok(Self { attempts, count, unit }) } else { Err(NotACap) }
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.attempts, self.count, self.unit.0)
    }
}

impl FromStr for Caps {
    type Err = NotACap;

    fn from_str(text: &str) -> Result<Self, NotACap> {
        let caps = text.split(' ').map(str::parse).collect::<Result<Vec<Cap>, _>>()?;
        if caps.len() > MAX_CAPS { Err(NotACap) } else { Ok(Self(caps)) }
    }
}

impl fmt::Display for Caps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, cap) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            cap.fmt(f)?;
        }
        Ok(())
    }
}

impl Serialize for Caps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Caps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_attempts_in_a_period() {
        let caps: Caps = "3/1d 7/7d 2/90m 1/45s".parse().unwrap();
        let read: Vec<_> = caps.iter().map(|cap| (cap.attempts(), cap.period().as_secs())).collect();
        assert_eq!(read, [(3, 86_400), (7, 604_800), (2, 5400), (1, 45)]);
        assert_eq!((caps.most(), caps.longest().as_secs()), (7, 604_800));
        assert_eq!(caps.to_string(), "3/1d 7/7d 2/90m 1/45s");
    }

    #[test]
    fn the_longest_period_is_a_year() {
        for text in ["100/366d", "1/8784h", "1/31622400s"] {
            assert_eq!(text.parse::<Cap>().unwrap().to_string(), text);
        }
        for text in ["1/8785h", "1/31622401s", "", "/", "1/", "1/d", "1/1", "1/1D", "1/1é"] {
            assert_eq!(text.parse::<Cap>(), Err(NotACap), "{text}");
        }
    }
}
