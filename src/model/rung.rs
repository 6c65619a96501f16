//! The rung of the retry ladder on which a contact stands: which numbers it has, and how often each was tried.
//!
//! Contacts on one rung are alike for every plan but for when their last try ended. So the store keeps them in
//! order a rung, counts them a rung, and asks the plan once a rung rather than once a contact: picking the next
//! one and counting those that are finished cost the same in a list of ten and of ten million, for any plan, also
//! one that was changed a moment ago (`docs/decisions/001-rungs.md`).

use std::fmt;
use std::str::FromStr;

use super::number::{NUMBERS, NumberIndex};

/// For each number the tries it has had, or `None` where the contact has no such number. Its text has the eight
/// joined by dots, `-` for none, absent ones at the end left out: `2.-.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rung([Option<u32>; NUMBERS]);

/// A text that is no rung.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a rung of the form 2.-.0")]
pub struct NotARung;

impl Rung {
    /// From the tries of the numbers that are there.
    pub const fn new(tries: [Option<u32>; NUMBERS]) -> Self {
        Self(tries)
    }

    /// The tries of one number; `None` where there is no such number.
    pub fn tries(&self, index: NumberIndex) -> Option<u32> {
        self.0[index.place()]
    }

    /// All tries together: contacts with fewer come first.
    pub fn total(&self) -> u64 {
        self.0.iter().flatten().map(|tries| u64::from(*tries)).sum()
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = self.0.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        for (place, tries) in self.0[..there].iter().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            match tries {
                Some(tries) => write!(f, "{tries}")?,
                None => f.write_str("-")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Rung {
    type Err = NotARung;

    fn from_str(text: &str) -> Result<Self, NotARung> {
        let mut tries = [None; NUMBERS];
        if text.is_empty() {
            return Ok(Self(tries));
        }
        let mut parts = text.split('.');
        for (place, part) in tries.iter_mut().zip(&mut parts) {
            *place = match part {
                "-" => None,
                digits => Some(digits.parse().map_err(|_| NotARung)?),
            };
        }
        if parts.next().is_some() { Err(NotARung) } else { Ok(Self(tries)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_reads_back_from_its_text() {
        for text in ["", "0", "2.-.0", "-.-.-.-.-.-.-.12", "1.2.3.4.5.6.7.8"] {
            assert_eq!(text.parse::<Rung>().unwrap().to_string(), text);
        }
        for text in ["x", "1.", "1.2.3.4.5.6.7.8.9"] {
            assert!(text.parse::<Rung>().is_err(), "{text}");
        }
    }
}
