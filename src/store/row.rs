//! Rows and nouns: the serde names of the model's structs are the column names, so one mapping serves every table.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqliteExecutor, query};
use uuid::Uuid;

use super::columns::Columns;
use super::error::Fault;
use crate::model::fields::{FieldError, Fields, UUID_FORM};
use crate::model::ids::NotAUuid;
use crate::model::refusal::{NounKind, Refusal};

/// The static statement that writes a whole row, by the column names that the JSON in `?1` has as keys.
macro_rules! save_sql {
    ($table:literal: $($column:literal)+) => {
        concat!(
            "INSERT INTO ", $table, " (uuid" $(, ", ", $column)+, ") SELECT ?1 ->> 'uuid'"
            $(, ", ?1 ->> '", $column, "'")+,
            " WHERE true ON CONFLICT (uuid) DO UPDATE SET uuid = excluded.uuid"
            $(, ", ", $column, " = excluded.", $column)+
        )
    };
}
pub(super) use save_sql;

/// A noun with a table of its own.
pub(super) trait Stored: Serialize + DeserializeOwned {
    const KIND: NounKind;
    /// Writes its whole row, new or not; made by [`save_sql!`].
    const SAVE: &'static str;
    /// The row of uuid `?1`, if it is in use.
    const ONE: &'static str;
    /// Whether uuid `?1` has a row, in use or not.
    const TAKEN: &'static str;
}

/// Reads a noun, or the part of one, from the columns that are named like its fields; others may be there too.
pub(super) fn record<T: DeserializeOwned>(noun: &'static str, row: &SqliteRow) -> Result<T, Fault> {
    T::deserialize(Columns(row)).map_err(|error| {
        let uuid: &str = row.try_get("uuid").unwrap_or_default();
        Fault::Row { noun, what: format!("uuid {uuid}: {error}") }
    })
}

/// Reads each row with [`record`].
pub(super) fn records<T: Stored>(rows: &[SqliteRow]) -> Result<Vec<T>, Fault> {
    rows.iter().map(|row| record(T::KIND.word(), row)).collect()
}

/// The text that a table keeps of `value`.
pub(super) fn json<T: Serialize>(noun: &'static str, value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Row { noun, what: error.to_string() })
}

/// The noun of that uuid, if it is in use.
pub(super) async fn one<T: Stored>(
    executor: impl SqliteExecutor<'_>,
    uuid: Uuid,
) -> Result<Option<T>, Fault> {
    let row = query(T::ONE).bind(uuid.to_string()).fetch_optional(executor).await?;
    row.map(|row| record(T::KIND.word(), &row)).transpose()
}

/// The noun that `field` names; refused where there is none in use.
pub(super) async fn named<T: Stored>(
    conn: &mut SqliteConnection,
    field: &'static str,
    uuid: Uuid,
) -> Result<T, Fault> {
    one(conn, uuid)
        .await?
        .ok_or_else(|| Refusal::NoSuch { noun: T::KIND, field, uuid: uuid.to_string() }.into())
}

/// The noun that the request's `Uuid` names.
pub(super) async fn requested<T: Stored>(conn: &mut SqliteConnection, fields: &Fields) -> Result<T, Fault> {
    let AnyUuid(uuid) = fields.required_uuid("Uuid")?;
    named(conn, "Uuid", uuid).await
}

/// The uuid for a new noun: the one that the request brings, if it is not taken, or `fresh`.
pub(super) async fn new_uuid<T: Stored>(
    conn: &mut SqliteConnection,
    fresh: Uuid,
    fields: &Fields,
) -> Result<Uuid, Fault> {
    let Some(uuid) = uuid_brought(fields)? else { return Ok(fresh) };
    match query(T::TAKEN).bind(uuid.to_string()).fetch_optional(conn).await? {
        None => Ok(uuid),
        Some(_) => Err(Refusal::Taken { uuid: uuid.to_string() }.into()),
    }
}

/// The uuid that a request brings for a new noun, if it brings one.
pub(super) fn uuid_brought(fields: &Fields) -> Result<Option<Uuid>, FieldError> {
    Ok(fields.parsed_or_unset("Uuid", UUID_FORM)?.flatten().map(|AnyUuid(uuid)| uuid))
}

/// Writes the noun's row.
pub(super) async fn save<T: Stored>(conn: &mut SqliteConnection, noun: &T) -> Result<(), Fault> {
    query(T::SAVE).bind(json(T::KIND.word(), noun)?).execute(conn).await?;
    Ok(())
}

/// A uuid of whichever noun, in the one spelling that ids have.
struct AnyUuid(Uuid);

impl std::str::FromStr for AnyUuid {
    type Err = NotAUuid;

    fn from_str(text: &str) -> Result<Self, NotAUuid> {
        text.parse().map(|id: crate::model::ids::PlanUuid| Self(id.uuid()))
    }
}

/// A text that a column holds, as the model has it.
pub(super) fn parsed<T: std::str::FromStr>(
    noun: &'static str,
    row: &SqliteRow,
    column: &str,
) -> Result<T, Fault> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| Fault::Row { noun, what: format!("{column}: \"{text}\" is not of its form") })
}

/// What is refused of a dialing.
pub(super) fn no_dialing() -> Fault {
    FieldError::invalid(
        "Uuid",
        "dialing",
        "campaign, plan, dlma, dl or destination: dialings are the engine's",
    )
    .into()
}
