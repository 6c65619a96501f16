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
use crate::model::ids::{
    CampaignUuid, CapsuleUuid, DestinationUuid, DialingUuid, DlUuid, DlmaUuid, PlanUuid,
};
use crate::model::number::{NumberIndex, PhoneNumber};
use crate::model::time::Timestamp;
use crate::model::variables::Variables;

const NOUN: &str = "dialing";

/// `?1` is a JSON array of capsules.
const PUT_CAPSULES: &str =
    "INSERT INTO capsule (uuid, json) SELECT value ->> 'uuid', value FROM json_each(?1)";
const CAPSULE: &str = "SELECT json FROM capsule WHERE uuid = ?1";
/// Two statements in one go, for each go is a trip to SQLite's thread: contacts are marked as being dialled, with one
/// try more, and their attempts are written. `?1` is a JSON array of [`Take`].
pub(super) const TAKE: &str = "WITH taken AS MATERIALIZED (SELECT value ->> 'dl_uuid' AS dl, value ->> 'uuid' AS dialing,
        value ->> 'campaign' AS campaign, value ->> 'plan' AS plan, value ->> 'tm_create' AS tm,
        value ->> 'number_index' AS number FROM json_each(?1))
    UPDATE dl_list SET status = 1, dialing_uuid = dialing, dialing_camp_uuid = campaign, dialing_plan_uuid = plan,
        tm_last_dial = tm, put_off_by = NULL, put_off_until = NULL, trycnt = trycnt + 1,
        trycnt_1 = trycnt_1 + (number = 1), trycnt_2 = trycnt_2 + (number = 2), trycnt_3 = trycnt_3 + (number = 3),
        trycnt_4 = trycnt_4 + (number = 4), trycnt_5 = trycnt_5 + (number = 5), trycnt_6 = trycnt_6 + (number = 6),
        trycnt_7 = trycnt_7 + (number = 7), trycnt_8 = trycnt_8 + (number = 8)
    FROM taken WHERE dl_list.uuid = taken.dl;
    INSERT INTO dialing (dl_uuid, uuid, campaign_uuid, plan_uuid, tm_create, number_index, dlma_uuid, dest_uuid,
        capsule_uuid, other_uuid, addr, channel, try_count, dl, server_epoch, attempt_no)
    SELECT value ->> 'dl_uuid', value ->> 'uuid', value ->> 'campaign', value ->> 'plan', value ->> 'tm_create',
        value ->> 'number_index', value ->> 'dlma', value ->> 'dest', value ->> 'capsule', value ->> 'other_uuid',
        value ->> 'addr', value ->> 'channel', value ->> 'try_count', value -> 'dl', value ->> 'epoch',
        coalesce((SELECT max(attempt_no) FROM dialing WHERE dl_uuid = value ->> 'dl_uuid'), 0) + 1
    FROM json_each(?1)";
const KNOWN: &str = "SELECT 1 FROM dialing WHERE uuid = ?1";
const OPEN: &str = "SELECT * FROM dialing WHERE open = 1 ORDER BY rowid";

/// Writes capsules that are used for the first time.
pub(super) async fn put_capsules<'a>(
    conn: &mut SqliteConnection,
    capsules: impl Iterator<Item = &'a Capsule>,
) -> Result<(), Fault> {
    let capsules: Vec<_> = capsules.collect();
    if !capsules.is_empty() {
        query(PUT_CAPSULES).bind(row::json("capsule", &capsules)?).execute(conn).await?;
    }
    Ok(())
}

/// An attempt, as its statement takes it.
#[derive(Serialize)]
struct Take<'a> {
    dl_uuid: DlUuid,
    uuid: DialingUuid,
    campaign: CampaignUuid,
    plan: PlanUuid,
    dlma: DlmaUuid,
    dest: DestinationUuid,
    capsule: CapsuleUuid,
    tm_create: Timestamp,
    number_index: u8,
    other_uuid: Uuid,
    addr: &'a str,
    channel: &'a str,
    try_count: u32,
    dl: &'a Dl,
    epoch: &'a str,
}

impl<'a> Take<'a> {
    fn of(attempt: &'a Attempt, epoch: &'a str) -> Self {
        let capsule = &attempt.capsule;
        Self {
            dl_uuid: attempt.dl.uuid,
            uuid: attempt.uuid,
            campaign: capsule.campaign.uuid,
            plan: capsule.plan.uuid,
            dlma: capsule.dlma.uuid,
            dest: capsule.destination.uuid,
            capsule: capsule.uuid,
            tm_create: attempt.tm_create,
            number_index: attempt.index.get(),
            other_uuid: attempt.other,
            addr: attempt.addr.as_str(),
            channel: &attempt.channel,
            try_count: attempt.try_count,
            dl: &attempt.dl,
            epoch,
        }
    }
}

/// Writes new attempts, each with the start of Asterisk that it will be sent to, and marks their contacts as being
/// dialled, as [`taken`] has them.
pub(super) async fn take<'a>(
    conn: &mut SqliteConnection,
    attempts: impl Iterator<Item = (&'a Attempt, &'a str)>,
) -> Result<(), Fault> {
    let rows: Vec<_> = attempts.map(|(attempt, epoch)| Take::of(attempt, epoch)).collect();
    if !rows.is_empty() {
        query(TAKE).bind(row::json(NOUN, &rows)?).execute(conn).await?;
    }
    Ok(())
}

/// The contact of an attempt once that is written.
pub(super) fn taken(attempt: &Attempt) -> Dl {
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
