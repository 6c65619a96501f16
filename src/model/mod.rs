//! The nouns of the dialer, without IO: what they hold, how they are read from an operator's fields, and the rules
//! that hold for their values. Whoever has one of these types has a checked value.

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
pub mod plan;
pub mod policy;
pub mod ratio;
pub mod refusal;
pub mod result;
pub mod retry;
pub mod rung;
pub mod schedule;
pub mod stat;
pub mod time;
pub mod variables;

use serde::de::{DeserializeOwned, Error};
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
fn eight_columns<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
    columns: &[&'static str; NUMBERS],
) -> Result<[T; NUMBERS], D::Error> {
    let mut record = serde_json::Map::deserialize(deserializer)?;
    let mut read = Vec::with_capacity(NUMBERS);
    for column in columns {
        let value = record.remove(*column).ok_or_else(|| D::Error::missing_field(column))?;
        read.push(serde_json::from_value(value).map_err(D::Error::custom)?);
    }
    read.try_into().map_err(|_| D::Error::custom("eight columns"))
}
