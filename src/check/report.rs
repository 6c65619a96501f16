//! What is found: a verdict a promise, with examples, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// How many examples of one breach are kept.
const EXAMPLES: usize = 10;

/// What is promised, by the names of `docs/check.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Promise {
    /// No dial without a record.
    P1,
    /// At most one Originate a dialing, one dialing an attempt.
    P2,
    /// A contact is never dialled twice at once.
    P3,
    /// Each ended dialing has exactly one line, an open one none.
    P4,
    /// Never more calls than allowed, and no slot is lost.
    P8,
    /// Emergency numbers and denied prefixes are never dialled.
    P13,
    /// Each number got as many tries as it is said to, and no more than its plan allows.
    #[serde(rename = "tries")]
    Tries,
    /// No contact and no number had more attempts in a period than its plan's caps say.
    #[serde(rename = "caps")]
    Caps,
    /// What is counted along the way is what a count gives.
    #[serde(rename = "counters")]
    Counters,
    /// Every status is in its table.
    #[serde(rename = "codes")]
    Codes,
}

impl Promise {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::P1,
        Self::P2,
        Self::P3,
        Self::P4,
        Self::P8,
        Self::P13,
        Self::Tries,
        Self::Caps,
        Self::Counters,
        Self::Codes,
    ];
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P8 => "P8",
            Self::P13 => "P13",
            Self::Tries => "tries",
            Self::Caps => "caps",
            Self::Counters => "counters",
            Self::Codes => "codes",
        })
    }
}

/// What the records say of one promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which.
    pub promise: Promise,
    /// `ok`, `breach` or `not checked`.
    pub verdict: &'static str,
    /// What was looked at, or why nothing was.
    pub checked: String,
    /// How often it was broken.
    pub breaches: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing is broken.
    pub held: bool,
    /// One a promise.
    pub promises: Vec<Verdict>,
    /// What is no breach and worth knowing.
    pub notes: Vec<String>,
    /// Result lines that were read.
    pub lines: u64,
    /// Result lines that are committed and on their way to the log.
    pub pending: u64,
    /// Whether a daemon is at work on the database.
    pub daemon: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for verdict in &self.promises {
            let Verdict { promise, checked, breaches, examples, .. } = verdict;
            match (*breaches, verdict.verdict) {
                (0, word) => writeln!(f, "{promise} {word}: {checked}")?,
                (1, _) => writeln!(f, "{promise} BREACH: {}", examples.first().map_or("", String::as_str))?,
                (count, _) => {
                    writeln!(f, "{promise} BREACH: {} times, such as", grouped(count))?;
                    for example in examples {
                        writeln!(f, "  {example}")?;
                    }
                }
            }
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let broken = self.promises.iter().filter(|verdict| verdict.breaches > 0).count();
        let lines = grouped(self.lines);
        match broken {
            0 => writeln!(f, "held, as far as the records tell: {lines} result lines read"),
            _ => writeln!(f, "BREACH: {broken} of {} broken; {lines} result lines read", self.promises.len()),
        }
    }
}

/// What is collected on the way.
#[derive(Debug, Default)]
pub(super) struct Findings {
    broken: BTreeMap<Promise, (u64, Vec<String>)>,
    checked: BTreeMap<Promise, String>,
    notes: Vec<String>,
}

impl Findings {
    /// A promise is broken; `how` is asked for only while examples are wanted.
    pub(super) fn breach(&mut self, promise: Promise, how: impl FnOnce() -> String) {
        let (count, examples) = self.broken.entry(promise).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(how());
        }
    }

    /// What was looked at for a promise; several are joined.
    pub(super) fn checked(&mut self, promise: Promise, what: impl AsRef<str>) {
        let checked = self.checked.entry(promise).or_default();
        if !checked.is_empty() {
            checked.push_str("; ");
        }
        checked.push_str(what.as_ref());
    }

    /// Something that is no breach.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    pub(super) fn report(mut self, lines: u64, pending: u64, daemon: bool) -> Report {
        let promises = Promise::ALL.map(|promise| {
            let (breaches, examples) = self.broken.remove(&promise).unwrap_or_default();
            let checked = self.checked.remove(&promise);
            let verdict = match (breaches, &checked) {
                (0, Some(_)) => "ok",
                (0, None) => "not checked",
                _ => "breach",
            };
            let checked = checked.unwrap_or_else(|| "needs --dial-log or --cdr".to_owned());
            Verdict { promise, verdict, checked, breaches, examples }
        });
        let promises = promises.to_vec();
        let held = promises.iter().all(|verdict| verdict.breaches == 0);
        Report { held, promises, notes: self.notes, lines, pending, daemon }
    }
}

/// `1204` → `1,204`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 call`, `1,204 calls`.
pub(super) fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1204, "1,204"), (1_000_000, "1,000,000")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(count(1, "call"), "1 call");
    }

    #[test]
    fn of_many_breaches_the_first_ten_are_told_and_all_are_counted() {
        let mut findings = Findings::default();
        for place in 0..25 {
            findings.breach(Promise::P4, || format!("line {place}"));
        }
        let report = findings.report(25, 0, false);
        let p4 = &report.promises[3];
        assert_eq!((p4.breaches, p4.examples.len(), report.held), (25, 10, false));
        let text = report.to_string();
        assert!(text.contains("P4 BREACH: 25 times, such as\n  line 0\n"), "{text}");
        assert!(text.contains("P1 not checked: needs --dial-log or --cdr"), "{text}");
    }
}
