//! Tables `dialing` and `capsule`: attempts from their claim on; how they end is in `ending`.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, query};
use uuid::Uuid;

use super::error::Fault;
use super::row;
use super::{Store, StoreError};
use crate::engine::OpenDialing;
use crate::model::codes::DlStatus;
use crate::model::dialing::{Attempt, Capsule};
use crate::model::dl::Dl;
use crate::model::ids::{CapsuleUuid, DialingUuid, DlUuid};
use crate::model::number::{NumberIndex, PhoneNumber};
use crate::model::variables::Variables;

const NOUN: &str = "dialing";

const PUT_CAPSULE: &str = "INSERT INTO capsule (uuid, json) VALUES (?1, ?2)";
const CAPSULE: &str = "SELECT json FROM capsule WHERE uuid = ?1";
/// Two statements in one go, for each go is a trip to SQLite's thread: contacts are marked as being dialled, with one
/// try more, and their attempts are written. `?1` is a JSON array of [`Take`].
pub(super) const TAKE: &str = "WITH taken AS MATERIALIZED (SELECT value ->> 'dl_uuid' AS dl, value ->> 'uuid' AS dialing,
        value ->> 'number_index' AS number FROM json_each(?1))
    UPDATE dl_list SET status = 1, dialing_uuid = dialing, dialing_camp_uuid = ?2, dialing_plan_uuid = ?3,
        tm_last_dial = ?4, trycnt = trycnt + 1,
        trycnt_1 = trycnt_1 + (number = 1), trycnt_2 = trycnt_2 + (number = 2), trycnt_3 = trycnt_3 + (number = 3),
        trycnt_4 = trycnt_4 + (number = 4), trycnt_5 = trycnt_5 + (number = 5), trycnt_6 = trycnt_6 + (number = 6),
        trycnt_7 = trycnt_7 + (number = 7), trycnt_8 = trycnt_8 + (number = 8)
    FROM taken WHERE dl_list.uuid = taken.dl;
    INSERT INTO dialing (dl_uuid, uuid, campaign_uuid, plan_uuid, tm_create, number_index, dlma_uuid, dest_uuid,
        capsule_uuid, other_uuid, addr, channel, try_count, dl, server_epoch, attempt_no)
    SELECT value ->> 'dl_uuid', value ->> 'uuid', ?2, ?3, ?4, value ->> 'number_index', ?5, ?6, ?7,
        value ->> 'other_uuid', value ->> 'addr', value ->> 'channel', value ->> 'try_count', value -> 'dl', ?8,
        coalesce((SELECT max(attempt_no) FROM dialing WHERE dl_uuid = value ->> 'dl_uuid'), 0) + 1
    FROM json_each(?1)";
const KNOWN: &str = "SELECT 1 FROM dialing WHERE uuid = ?1";
const OPEN: &str = "SELECT * FROM dialing WHERE open = 1 ORDER BY rowid";

/// Writes a capsule that is used for the first time.
pub(super) async fn put_capsule(conn: &mut SqliteConnection, capsule: &Capsule) -> Result<(), Fault> {
    let json = row::json("capsule", capsule)?;
    query(PUT_CAPSULE).bind(capsule.uuid.to_string()).bind(json).execute(conn).await?;
    Ok(())
}

/// What differs between the attempts of one claim.
#[derive(Serialize)]
struct Take<'a> {
    dl_uuid: DlUuid,
    uuid: DialingUuid,
    number_index: u8,
    other_uuid: Uuid,
    addr: &'a str,
    channel: &'a str,
    try_count: u32,
    dl: &'a Dl,
}

impl<'a> Take<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        Self {
            dl_uuid: attempt.dl.uuid,
            uuid: attempt.uuid,
            number_index: attempt.index.get(),
            other_uuid: attempt.other,
            addr: attempt.addr.as_str(),
            channel: &attempt.channel,
            try_count: attempt.try_count,
            dl: &attempt.dl,
        }
    }
}

/// Writes the new attempts of one claim and marks their contacts as being dialled; gives each with its contact as it is
/// then.
pub(super) async fn take(
    conn: &mut SqliteConnection,
    attempts: Vec<Attempt>,
    epoch: &str,
) -> Result<Vec<(Arc<Attempt>, Dl)>, Fault> {
    let Some(Attempt { capsule, tm_create, .. }) = attempts.first() else { return Ok(Vec::new()) };
    let rows: Vec<_> = attempts.iter().map(Take::of).collect();
    query(TAKE)
        .bind(row::json(NOUN, &rows)?)
        .bind(capsule.campaign.uuid.to_string())
        .bind(capsule.plan.uuid.to_string())
        .bind(tm_create.to_string())
        .bind(capsule.dlma.uuid.to_string())
        .bind(capsule.destination.uuid.to_string())
        .bind(capsule.uuid.to_string())
        .bind(epoch)
        .execute(conn)
        .await?;
    Ok(attempts
        .into_iter()
        .map(|attempt| {
            let dl = taken(&attempt);
            (Arc::new(attempt), dl)
        })
        .collect())
}

/// The contact of an attempt once that is written.
fn taken(attempt: &Attempt) -> Dl {
    let capsule = &attempt.capsule;
    let mut dl = Dl {
        status: DlStatus::Dialing,
        dialing_uuid: Some(attempt.uuid),
        dialing_camp_uuid: Some(capsule.campaign.uuid),
        dialing_plan_uuid: Some(capsule.plan.uuid),
        tm_last_dial: Some(attempt.tm_create),
        ..attempt.dl.clone()
    };
    dl.trycnt += 1;
    dl.tries.0[attempt.index.place()] += 1;
    dl
}

/// Every attempt without an end, in the order of the claims.
pub(super) async fn open_dialings(conn: &mut SqliteConnection) -> Result<Vec<OpenDialing>, Fault> {
    let mut capsules: HashMap<CapsuleUuid, Arc<Capsule>> = HashMap::new();
    let mut open = Vec::new();
    for row in query(OPEN).fetch_all(&mut *conn).await? {
        let uuid: CapsuleUuid = row::parsed(NOUN, &row, "capsule_uuid")?;
        let capsule = match capsules.get(&uuid) {
            Some(capsule) => Arc::clone(capsule),
            None => {
                let capsule = Arc::new(read_capsule(conn, uuid).await?);
                capsules.insert(uuid, Arc::clone(&capsule));
                capsule
            }
        };
        open.push(OpenDialing {
            attempt: Arc::new(read_attempt(&row, capsule)?),
            progress: row::record(NOUN, &row)?,
            epoch: row.try_get("server_epoch")?,
            withdrawn: row.try_get("withdrawn")?,
        });
    }
    Ok(open)
}

async fn read_capsule(conn: &mut SqliteConnection, uuid: CapsuleUuid) -> Result<Capsule, Fault> {
    let wrong = |what: String| Fault::Row { noun: "capsule", what: format!("uuid {uuid}: {what}") };
    let row = query(CAPSULE).bind(uuid.to_string()).fetch_optional(conn).await?;
    let json: String = row.ok_or_else(|| wrong("it is gone".to_owned()))?.try_get(0)?;
    serde_json::from_str(&json).map_err(|error| wrong(error.to_string()))
}

fn read_attempt(row: &SqliteRow, capsule: Arc<Capsule>) -> Result<Attempt, Fault> {
    let uuid: DialingUuid = row::parsed(NOUN, row, "uuid")?;
    let wrong = |what: String| Fault::Row { noun: NOUN, what: format!("uuid {uuid}: {what}") };
    let dl: String = row.try_get("dl")?;
    let dl: Dl = serde_json::from_str(&dl).map_err(|error| wrong(format!("dl: {error}")))?;
    let variables = Variables::merged([
        &capsule.plan.variables,
        &capsule.dlma.variables,
        &capsule.destination.variables,
        &dl.variables,
    ]);
    Ok(Attempt {
        uuid,
        other: row::parsed::<Uuid>(NOUN, row, "other_uuid")?,
        capsule,
        dl,
        index: NumberIndex::new(row.try_get("number_index")?)
            .ok_or_else(|| wrong("number_index is not 1 to 8".to_owned()))?,
        addr: PhoneNumber::trusted(row.try_get("addr")?),
        try_count: row.try_get("try_count")?,
        channel: row.try_get("channel")?,
        variables,
        tm_create: row::parsed(NOUN, row, "tm_create")?,
    })
}

impl Store {
    /// Whether there is such a dialing, open or ended.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn is_dialing(&self, uuid: DialingUuid) -> Result<bool, StoreError> {
        self.reading("looking for a dialing", async {
            Ok(query(KNOWN).bind(uuid.to_string()).fetch_optional(&self.readers).await?.is_some())
        })
        .await
    }
}
