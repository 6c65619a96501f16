//! The rung of the retry ladder on which a contact stands: which numbers it has, and how often each was tried.
//!
//! Contacts on one rung are alike for every plan but for when their last try ended. So the store keeps them in
//! order a rung, counts them a rung, and asks the plan once a rung rather than once a contact: picking the next
//! one and counting those that are finished cost the same in a list of ten and of ten million, for any plan, also
//! one that was changed a moment ago (`docs/decisions/001-rungs.md`).

use std::fmt;
use std::str::FromStr;

use super::number::{NUMBERS, NumberIndex};
use super::retry::LastEnd;
use super::terms::{PutOff, Terms};

/// For each number the tries it has had, or `None` where the contact has no such number; and its past, as far as a plan
/// asks for that. The text of the tries has the eight joined by dots, `-` for none, absent ones at the end left out:
/// `2.-.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rung {
    tries: [Option<u32>; NUMBERS],
    past: Past,
}

/// How the last try ended, which number was the last to fail by a fault of the trunk or ours, and how often, and by whose
/// terms it is put off. Its text is `busy`, `failed 1:2`, ` 1:2`, `busy@0123456789abcdef`, or empty for one without a past.
///
/// The faults of earlier numbers are of no use: a number is followed by the next one once it has had all its tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Past {
    /// How the last try ended.
    pub last: LastEnd,
    /// The number, and its faults.
    pub faults: Option<(NumberIndex, u32)>,
    /// Whose caps, calling hours or holidays did not let it be dialled when it was due.
    pub put_off: PutOff,
}

/// A text that is no rung.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a rung of the form 2.-.0, or its past not one of the form busy 1:2@0123456789abcdef")]
pub struct NotARung;

impl Rung {
    /// From the tries of the numbers that are there.
    pub const fn new(tries: [Option<u32>; NUMBERS], past: Past) -> Self {
        Self { tries, past }
    }

    /// The same with that past.
    #[must_use]
    pub const fn with(self, past: Past) -> Self {
        Self { past, ..self }
    }

    /// The tries of one number; `None` where there is no such number.
    pub fn tries(&self, index: NumberIndex) -> Option<u32> {
        self.tries[index.place()]
    }

    /// Those tries of a number that failed by a fault of the trunk or ours, as far as they are known.
    pub fn faults(&self, index: NumberIndex) -> u32 {
        let faults = self.past.faults.filter(|(number, _)| *number == index).map_or(0, |(_, faults)| faults);
        faults.min(self.tries(index).unwrap_or_default())
    }

    /// How the last try ended.
    pub const fn last(&self) -> LastEnd {
        self.past.last
    }

    /// Its past.
    pub const fn past(&self) -> Past {
        self.past
    }

    /// Whether it is put off, and where it is, whether by these terms.
    pub fn put_off(&self, terms: impl FnOnce() -> Terms) -> Option<bool> {
        (!self.past.put_off.is_none()).then(|| self.past.put_off.is_by(terms()))
    }

    /// All tries together: contacts with fewer come first.
    pub fn total(&self) -> u64 {
        self.tries.iter().flatten().map(|tries| u64::from(*tries)).sum()
    }
}

impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.last.word())?;
        if let Some((index, faults)) = self.faults {
            write!(f, " {index}:{faults}")?;
        }
        if self.put_off.is_none() { Ok(()) } else { write!(f, "@{}", self.put_off) }
    }
}

impl FromStr for Past {
    type Err = NotARung;

    fn from_str(text: &str) -> Result<Self, NotARung> {
        let (text, put_off) = text.split_once('@').map_or((text, None), |(text, by)| (text, Some(by)));
        let put_off = put_off.map_or(Ok(PutOff::default()), |by| by.parse().map_err(|_| NotARung))?;
        let (last, faults) = text.split_once(' ').map_or((text, None), |(last, rest)| (last, Some(rest)));
        let faults = faults.map(|text| {
            let (index, faults) = text.split_once(':').ok_or(NotARung)?;
            let index = index.parse().ok().and_then(NumberIndex::new).ok_or(NotARung)?;
            Ok((index, faults.parse().map_err(|_| NotARung)?))
        });
        Ok(Self { last: LastEnd::of_word(last).ok_or(NotARung)?, faults: faults.transpose()?, put_off })
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = self.tries.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        for (place, tries) in self.tries[..there].iter().enumerate() {
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
            return Ok(Self { tries, past: Past::default() });
        }
        let mut parts = text.split('.');
        for (place, part) in tries.iter_mut().zip(&mut parts) {
            *place = match part {
                "-" => None,
                digits => Some(digits.parse().map_err(|_| NotARung)?),
            };
        }
        if parts.next().is_some() { Err(NotARung) } else { Ok(Self { tries, past: Past::default() }) }
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

    #[test]
    fn a_past_reads_back_from_its_text() {
        for text in [
            "",
            "busy",
            "noanswer",
            "failed 1:2",
            " 8:1",
            "congestion 3:4294967295",
            "@0123456789abcdef",
            "busy 1:2@0123456789abcdef,fedcba9876543210",
        ] {
            assert_eq!(text.parse::<Past>().unwrap().to_string(), text);
        }
        for text in ["x", "busy 9:1", "busy 0:1", "busy 1", "busy 1:-1", "rejected", "busy@", "@x"] {
            assert!(text.parse::<Past>().is_err(), "{text}");
        }
    }
}
