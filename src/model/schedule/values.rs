//! What single fields of a schedule hold: a time of day, a date, dates, days of the week, a time zone. Each has one
//! spelling, in which it is taken, kept and shown.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::model::fields::MAX_TEXT;

/// A text that has not the form of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of its form")]
pub struct NotOfItsForm;

/// Records hold these as text, in the one spelling that they are shown in.
macro_rules! held_as_text {
    ($($name:ident)+) => {$(
        impl TryFrom<String> for $name {
            type Error = NotOfItsForm;

            fn try_from(text: String) -> Result<Self, NotOfItsForm> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}
held_as_text!(ScTime ScDate ScDates ScDays ScZone);

/// A time of day, `15:00:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScTime(pub(super) NaiveTime);

/// A date, `2016-11-17`, of the years 1970 to 9998: the year after has to have four digits too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScDate(pub(super) NaiveDate);

/// Some dates, at least one: `2016-11-16, 2016-11-17`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScDates(pub(super) BTreeSet<ScDate>);

/// Some days of the week, at least one: `0, 1, 3, 4`, where 0 is Sunday.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScDays(pub(super) BTreeSet<u8>);

/// A time zone by its IANA name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScZone(pub(super) Tz);

impl ScZone {
    /// The zone.
    pub const fn tz(self) -> Tz {
        self.0
    }
}

/// Whether the text is of that form, where `d` stands for a digit.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            literal => byte == literal,
        })
}

/// The parts of a list, of which there is at least one and none is empty.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(|part| part.trim_matches(' '))
}

fn listed(parts: impl Iterator<Item = impl fmt::Display>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, part) in parts.enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        part.fmt(f)?;
    }
    Ok(())
}

impl FromStr for ScTime {
    type Err = NotOfItsForm;

    fn from_str(text: &str) -> Result<Self, NotOfItsForm> {
        let number = |at: usize| text.get(at..at + 2).and_then(|digits| digits.parse().ok());
        if !has_form(text, "dd:dd:dd") {
            return Err(NotOfItsForm);
        }
        let (Some(hour), Some(minute), Some(second)) = (number(0), number(3), number(6)) else {
            return Err(NotOfItsForm);
        };
        NaiveTime::from_hms_opt(hour, minute, second).map(Self).ok_or(NotOfItsForm)
    }
}

impl FromStr for ScDate {
    type Err = NotOfItsForm;

    fn from_str(text: &str) -> Result<Self, NotOfItsForm> {
        if !has_form(text, "dddd-dd-dd") {
            return Err(NotOfItsForm);
        }
        let date: NaiveDate = text.parse().map_err(|_| NotOfItsForm)?;
        if (1970..9999).contains(&date.year()) { Ok(Self(date)) } else { Err(NotOfItsForm) }
    }
}

impl FromStr for ScDates {
    type Err = NotOfItsForm;

    fn from_str(text: &str) -> Result<Self, NotOfItsForm> {
        let dates = Self(parts(text).map(str::parse).collect::<Result<_, _>>()?);
        // As it will be shown, it has to fit a header.
        if dates.to_string().len() > MAX_TEXT { Err(NotOfItsForm) } else { Ok(dates) }
    }
}

impl FromStr for ScDays {
    type Err = NotOfItsForm;

    fn from_str(text: &str) -> Result<Self, NotOfItsForm> {
        let day = |part: &str| match part.as_bytes() {
            [digit @ b'0'..=b'6'] => Ok(digit - b'0'),
            _ => Err(NotOfItsForm),
        };
        parts(text).map(day).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for ScZone {
    type Err = NotOfItsForm;

    fn from_str(text: &str) -> Result<Self, NotOfItsForm> {
        text.parse().map(Self).map_err(|_| NotOfItsForm)
    }
}

impl fmt::Display for ScTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%H:%M:%S"))
    }
}

impl fmt::Display for ScDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl fmt::Display for ScDates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        listed(self.0.iter(), f)
    }
}

impl fmt::Display for ScDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        listed(self.0.iter(), f)
    }
}

impl fmt::Display for ScZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}
