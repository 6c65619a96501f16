//! The nouns of the dialer, without IO: what they hold, how they are read from an operator's fields, and the rules
//! that hold for their values. Whoever has one of these types has a checked value.

pub mod abandonment;
pub mod agents;
pub mod calling;
pub mod campaign;
pub mod codes;
pub mod destination;
pub mod dialing;
pub mod dl;
pub mod dlma;
pub mod event;
pub mod fields;
pub mod history;
pub mod ids;
pub mod import;
pub mod node;
pub mod number;
pub mod originate;
pub mod pacing;
pub mod plan;
pub mod policy;
pub mod preview;
pub mod ratio;
pub mod refusal;
pub mod result;
pub mod retry;
pub mod rung;
pub mod schedule;
pub mod stat;
pub mod terms;
pub mod time;
pub mod variables;
pub mod zone;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use number::NUMBERS;

/// How records hold whether something is in use: 1, or 0 once it was deleted.
mod in_use {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(in_use: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(u8::from(*in_use))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        u8::deserialize(deserializer).map(|in_use| in_use != 0)
    }
}

/// Reads eight flattened columns of a record, such as `number_1` to `number_8`.
fn eight_columns<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    columns: &'static [&'static str; NUMBERS],
) -> Result<[T; NUMBERS], D::Error> {
    // As a struct, so that it is given those eight of the record's columns and no others.
    deserializer.deserialize_struct("eight columns", columns, Eight { columns, held: PhantomData })
}

struct Eight<T> {
    columns: &'static [&'static str; NUMBERS],
    held: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Eight<T> {
    type Value = [T; NUMBERS];

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} to {}", self.columns[0], self.columns[NUMBERS - 1])
    }

    fn visit_map<M: MapAccess<'de>>(self, mut record: M) -> Result<Self::Value, M::Error> {
        let mut read = [const { None }; NUMBERS];
        while let Some(column) = record.next_key::<Cow<'de, str>>()? {
            match self.columns.iter().position(|known| *known == column) {
                Some(place) => read[place] = Some(record.next_value()?),
                None => drop(record.next_value::<IgnoredAny>()?),
            }
        }
        let held = read.into_iter().zip(self.columns);
        let held = held.map(|(held, column)| held.ok_or_else(|| M::Error::missing_field(column)));
        let held: Vec<T> = held.collect::<Result<_, _>>()?;
        held.try_into().map_err(|_| M::Error::custom("eight columns"))
    }
}
