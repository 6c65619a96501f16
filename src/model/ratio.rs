//! How many lines power dialing takes a free agent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// In hundredths, from 1 to 20: `1`, `2.5`, `1.25`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerRatio(u32);

/// What is said to be allowed.
pub const RATIO_FORM: &str =
    "a number from 1 to 20 with two decimals at most, such as 1.5 (lines a free agent)";

/// A text that is no ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a ratio of the form 1.5")]
pub struct NotARatio;

impl Default for PowerRatio {
    fn default() -> Self {
        Self(100)
    }
}

impl PowerRatio {
    /// How many lines so many agents get, rounded down; one agent at least one.
    pub const fn lines(self, agents: u32) -> usize {
        (agents as usize * self.0 as usize) / 100
    }
}

/// Reads a number with so many digits before its point, and two behind it at most: `2.5` is 250.
pub(super) fn hundredths(text: &str, digits_before: usize) -> Option<u32> {
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (whole, decimals) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    if !digits(whole, digits_before) || !decimals.is_none_or(|decimals| digits(decimals, 2)) {
        return None;
    }
    let decimals = format!("{:0<2}", decimals.unwrap_or_default());
    (whole.to_owned() + &decimals).parse().ok()
}

/// Writes it without zeros behind.
pub(super) fn write_hundredths(number: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (whole, hundredths) = (number / 100, number % 100);
    match (hundredths, hundredths % 10) {
        (0, _) => write!(f, "{whole}"),
        (_, 0) => write!(f, "{whole}.{}", hundredths / 10),
        _ => write!(f, "{whole}.{hundredths:02}"),
    }
}

impl FromStr for PowerRatio {
    type Err = NotARatio;

    fn from_str(text: &str) -> Result<Self, NotARatio> {
        hundredths(text, 2).filter(|ratio| (100..=2000).contains(ratio)).map(Self).ok_or(NotARatio)
    }
}

impl fmt::Display for PowerRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hundredths(self.0, f)
    }
}

impl Serialize for PowerRatio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PowerRatio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_reads_back_from_its_text_without_zeros_behind() {
        for (text, shown) in [("1", "1"), ("2.5", "2.5"), ("1.05", "1.05"), ("3.00", "3"), ("20", "20")] {
            assert_eq!(text.parse::<PowerRatio>().unwrap().to_string(), shown);
        }
        for text in ["", "0.99", "20.01", "21", "1.", ".5", "1.234", "-1", "1,5", "x", "+2", "100"] {
            assert!(text.parse::<PowerRatio>().is_err(), "{text}");
        }
    }

    #[test]
    fn lines_are_rounded_down() {
        let ratio: PowerRatio = "1.5".parse().unwrap();
        assert_eq!([0, 1, 2, 3].map(|agents| ratio.lines(agents)), [0, 1, 3, 4]);
    }
}
