//! Table `destination`.

use sqlx::{Row, SqliteConnection, query};
use uuid::Uuid;

use super::campaign::{self, Used};
use super::error::Fault;
use super::row::{self, Stored};
use super::writer::Rules;
use super::{Store, StoreError};
use crate::model::destination::Destination;
use crate::model::fields::{FieldError, Fields};
use crate::model::ids::DestinationUuid;
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Timestamp;

impl Stored for Destination {
    const KIND: NounKind = NounKind::Destination;
    const SAVE: &'static str = row::save_sql!("destination": "name" "detail" "in_use" "type" "exten" "context" "priority"
        "variables" "application" "data" "failover" "queue" "tm_create" "tm_delete" "tm_update");
    const ONE: &'static str = "SELECT * FROM destination WHERE uuid = ?1 AND in_use = 1";
    const TAKEN: &'static str = "SELECT 1 FROM destination WHERE uuid = ?1";
}

const FAILS_OVER_TO: &str = "SELECT uuid, name FROM destination WHERE failover = ?1 AND uuid <> ?1 AND in_use = 1 ORDER BY rowid LIMIT 1";

const ABANDONS_TO: &str =
    "SELECT uuid, name FROM plan WHERE abandon_dest = ?1 AND in_use = 1 ORDER BY rowid LIMIT 1";

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
    check_failover(conn, &destination).await?;
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
    check_failover(conn, &destination).await?;
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
    if let Some(other) =
        query(FAILS_OVER_TO).bind(destination.uuid.to_string()).fetch_optional(&mut *conn).await?
    {
        let name: Option<String> = other.try_get("name")?;
        let name = name.unwrap_or_default();
        return Err(Refusal::IsFailover { destination: other.try_get("uuid")?, name }.into());
    }
    if let Some(plan) =
        query(ABANDONS_TO).bind(destination.uuid.to_string()).fetch_optional(&mut *conn).await?
    {
        let name: Option<String> = plan.try_get("name")?;
        let name = name.unwrap_or_default();
        return Err(Refusal::IsAbandonDest { plan: plan.try_get("uuid")?, name }.into());
    }
    let destination = Destination { in_use: false, tm_delete: Some(now), ..destination };
    row::save(conn, &destination).await?;
    Ok(destination)
}

/// Its failover has to be there, and must not lead back to it: a call would go round for ever.
async fn check_failover(conn: &mut SqliteConnection, destination: &Destination) -> Result<(), Fault> {
    let mut path = vec![destination.uuid];
    let mut next = destination.failover;
    while let Some(uuid) = next {
        if path.contains(&uuid) {
            path.push(uuid);
            let round = path.iter().map(ToString::to_string).collect::<Vec<_>>().join(" -> ");
            let allowed = format!("a destination that does not fail over to this one, as here: {round}");
            return Err(FieldError::invalid("Failover", &path[1].to_string(), allowed).into());
        }
        let found: Destination = row::named(conn, "Failover", uuid.uuid()).await?;
        path.push(uuid);
        next = found.failover;
    }
    Ok(())
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
