//! Table `destination`.

use sqlx::{SqliteConnection, query};
use uuid::Uuid;

use super::campaign::{self, Used};
use super::error::Fault;
use super::row::{self, Stored};
use super::writer::Rules;
use super::{Store, StoreError};
use crate::model::destination::Destination;
use crate::model::fields::Fields;
use crate::model::ids::DestinationUuid;
use crate::model::refusal::NounKind;
use crate::model::time::Timestamp;

impl Stored for Destination {
    const KIND: NounKind = NounKind::Destination;
    const SAVE: &'static str = row::save_sql!("destination": "name" "detail" "in_use" "type" "exten" "context" "priority"
        "variables" "application" "data" "tm_create" "tm_delete" "tm_update");
    const ONE: &'static str = "SELECT * FROM destination WHERE uuid = ?1 AND in_use = 1";
    const TAKEN: &'static str = "SELECT 1 FROM destination WHERE uuid = ?1";
}

pub(super) const ALL: &str = "SELECT * FROM destination WHERE in_use = 1 ORDER BY rowid";

pub(super) async fn create(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    uuid: Uuid,
    fields: &Fields,
) -> Result<Destination, Fault> {
    let uuid = row::new_uuid::<Destination>(conn, uuid, fields).await?;
    let destination = Destination::create(DestinationUuid::new(uuid), fields, &rules.policy, now)?;
    row::save(conn, &destination).await?;
    Ok(destination)
}

pub(super) async fn update(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    fields: &Fields,
) -> Result<Destination, Fault> {
    let destination =
        row::requested::<Destination>(conn, fields).await?.updated(fields, &rules.policy, now)?;
    row::save(conn, &destination).await?;
    Ok(destination)
}

pub(super) async fn delete(
    conn: &mut SqliteConnection,
    now: Timestamp,
    fields: &Fields,
) -> Result<Destination, Fault> {
    let destination: Destination = row::requested(conn, fields).await?;
    campaign::check_unused(conn, Used::Destination(destination.uuid)).await?;
    let destination = Destination { in_use: false, tm_delete: Some(now), ..destination };
    row::save(conn, &destination).await?;
    Ok(destination)
}

impl Store {
    /// Destinations in use, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn destinations(&self) -> Result<Vec<Destination>, StoreError> {
        self.reading("reading destinations", async {
            row::records(&query(ALL).fetch_all(&self.readers).await?)
        })
        .await
    }

    /// One destination in use.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn destination(&self, uuid: DestinationUuid) -> Result<Option<Destination>, StoreError> {
        self.reading("reading a destination", row::one(&self.readers, uuid.uuid())).await
    }
}
