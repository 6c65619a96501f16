//! Tables `dialing` and `capsule`: attempts from their claim to their one end.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, query};
use uuid::Uuid;

use super::OpenDialing;
use super::command::Done;
use super::error::Fault;
use super::outbox;
use super::row::{self, Stored};
use crate::model::dialing::{Attempt, Capsule, Ending, Progress};
use crate::model::dl::Dl;
use crate::model::ids::{CapsuleUuid, DialingUuid};
use crate::model::number::{NumberIndex, PhoneNumber};
use crate::model::result::ResultOptions;
use crate::model::variables::Variables;

const NOUN: &str = "dialing";

const HAS_CAPSULE: &str = "SELECT 1 FROM capsule WHERE uuid = ?1";
const PUT_CAPSULE: &str = "INSERT INTO capsule (uuid, json) VALUES (?1, ?2)";
const CAPSULE: &str = "SELECT json FROM capsule WHERE uuid = ?1";
const INSERT: &str =
    "INSERT INTO dialing (uuid, dl_uuid, attempt_no, campaign_uuid, plan_uuid, dlma_uuid, dest_uuid,
        capsule_uuid, other_uuid, number_index, addr, channel, try_count, dl, tm_create)
    SELECT ?1, ?2, coalesce(max(attempt_no), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
    FROM dialing WHERE dl_uuid = ?2";
const SENT: &str = "UPDATE dialing SET sent = 1, server_epoch = coalesce(?2, server_epoch)
    WHERE uuid = ?1 AND open = 1";
const WITHDRAW: &str = "UPDATE dialing SET withdrawn = 1 WHERE uuid = ?1 AND open = 1";
/// `?2` is the JSON of the progress, whose keys are the columns.
const PROGRESS: &str = "UPDATE dialing SET status = ?2 ->> 'status', channel_name = ?2 ->> 'channel_name',
        res_dial = ?2 ->> 'res_dial', res_dial_detail = ?2 ->> 'res_dial_detail',
        res_hangup = ?2 ->> 'res_hangup', res_hangup_detail = ?2 ->> 'res_hangup_detail',
        tm_dial_begin = ?2 ->> 'tm_dial_begin', tm_dial_end = ?2 ->> 'tm_dial_end',
        tm_hangup = ?2 ->> 'tm_hangup', tm_update = ?2 ->> 'tm_update'
    WHERE uuid = ?1 AND open = 1";
const CLOSE: &str = "UPDATE dialing SET open = 0, outcome = ?3, tm_end = ?4,
        status = ?2 ->> 'status', channel_name = ?2 ->> 'channel_name',
        res_dial = ?2 ->> 'res_dial', res_dial_detail = ?2 ->> 'res_dial_detail',
        res_hangup = ?2 ->> 'res_hangup', res_hangup_detail = ?2 ->> 'res_hangup_detail',
        tm_dial_begin = ?2 ->> 'tm_dial_begin', tm_dial_end = ?2 ->> 'tm_dial_end',
        tm_hangup = ?2 ->> 'tm_hangup', tm_update = ?2 ->> 'tm_update'
    WHERE uuid = ?1 AND open = 1";
/// `?9` is the number whose try is given back, 0 for none. An answered contact stays answered.
const RELEASE: &str = "UPDATE dl_list SET status = 0, dialing_uuid = NULL, dialing_camp_uuid = NULL,
        dialing_plan_uuid = NULL, res_dial = iif(res_dial = 4, 4, ?3), res_dial_detail = ?4, res_hangup = ?5,
        res_hangup_detail = ?6, tm_last_hangup = ?7, last_end = ?8,
        trycnt = max(trycnt - (?9 > 0), 0),
        trycnt_1 = max(trycnt_1 - (?9 = 1), 0), trycnt_2 = max(trycnt_2 - (?9 = 2), 0),
        trycnt_3 = max(trycnt_3 - (?9 = 3), 0), trycnt_4 = max(trycnt_4 - (?9 = 4), 0),
        trycnt_5 = max(trycnt_5 - (?9 = 5), 0), trycnt_6 = max(trycnt_6 - (?9 = 6), 0),
        trycnt_7 = max(trycnt_7 - (?9 = 7), 0), trycnt_8 = max(trycnt_8 - (?9 = 8), 0)
    WHERE uuid = ?1 AND dialing_uuid = ?2
    RETURNING *";
const CONTACT: &str = "SELECT * FROM dl_list WHERE uuid = ?1";
const OPEN: &str = "SELECT * FROM dialing WHERE open = 1 ORDER BY rowid";

/// Writes the capsule where it is used for the first time.
pub(super) async fn put_capsule(conn: &mut SqliteConnection, capsule: &Capsule) -> Result<(), Fault> {
    let uuid = capsule.uuid.to_string();
    if query(HAS_CAPSULE).bind(&uuid).fetch_optional(&mut *conn).await?.is_none() {
        query(PUT_CAPSULE).bind(uuid).bind(row::json("capsule", capsule)?).execute(conn).await?;
    }
    Ok(())
}

/// Writes a new attempt.
pub(super) async fn insert(conn: &mut SqliteConnection, attempt: &Attempt) -> Result<(), Fault> {
    let capsule = &attempt.capsule;
    query(INSERT)
        .bind(attempt.uuid.to_string())
        .bind(attempt.dl.uuid.to_string())
        .bind(capsule.campaign.uuid.to_string())
        .bind(capsule.plan.uuid.to_string())
        .bind(capsule.dlma.uuid.to_string())
        .bind(capsule.destination.uuid.to_string())
        .bind(capsule.uuid.to_string())
        .bind(attempt.other.to_string())
        .bind(attempt.index.get())
        .bind(attempt.addr.as_str())
        .bind(&attempt.channel)
        .bind(attempt.try_count)
        .bind(row::json(NOUN, &attempt.dl)?)
        .bind(attempt.tm_create.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn sent(
    conn: &mut SqliteConnection,
    dialing: DialingUuid,
    epoch: Option<&str>,
) -> Result<(), Fault> {
    query(SENT).bind(dialing.to_string()).bind(epoch).execute(conn).await?;
    Ok(())
}

pub(super) async fn withdraw(conn: &mut SqliteConnection, dialing: DialingUuid) -> Result<(), Fault> {
    query(WITHDRAW).bind(dialing.to_string()).execute(conn).await?;
    Ok(())
}

pub(super) async fn progress(
    conn: &mut SqliteConnection,
    dialing: DialingUuid,
    progress: &Progress,
) -> Result<(), Fault> {
    query(PROGRESS).bind(dialing.to_string()).bind(row::json(NOUN, progress)?).execute(conn).await?;
    Ok(())
}

/// Ends an attempt, once: its row, its line and its contact in one transaction.
pub(super) async fn finish(
    conn: &mut SqliteConnection,
    options: ResultOptions,
    ending: &Ending,
) -> Result<Done, Fault> {
    let closed = query(CLOSE)
        .bind(ending.dialing.attempt.uuid.to_string())
        .bind(row::json(NOUN, &ending.dialing.progress)?)
        .bind(ending.outcome.as_str())
        .bind(ending.tm_end.to_string())
        .execute(&mut *conn)
        .await?;
    if closed.rows_affected() == 0 {
        return Ok(Done::AlreadyFinished);
    }
    let (seq, line) = outbox::put(&mut *conn, ending, options).await?;
    let dl = release(conn, ending).await?;
    Ok(Done::Finished { dl, seq, line })
}

/// Gives the contact back to its list.
async fn release(conn: &mut SqliteConnection, ending: &Ending) -> Result<Dl, Fault> {
    let attempt = &ending.dialing.attempt;
    let progress = &ending.dialing.progress;
    let given_back = if ending.outcome.is_a_try() { 0 } else { attempt.index.get() };
    let released = query(RELEASE)
        .bind(attempt.dl.uuid.to_string())
        .bind(attempt.uuid.to_string())
        .bind(progress.res_dial.code())
        .bind(progress.res_dial_detail.as_deref())
        .bind(progress.res_hangup.map_or(0, |cause| cause.0))
        .bind(progress.res_hangup_detail.as_deref())
        .bind(ending.tm_end.to_string())
        .bind(ending.tm_end.micros())
        .bind(given_back)
        .fetch_optional(&mut *conn)
        .await?;
    let row = match released {
        Some(row) => Some(row),
        // Somebody's own SQL took the contact from this dialing meanwhile: it is theirs, and left as it is.
        None => query(CONTACT).bind(attempt.dl.uuid.to_string()).fetch_optional(conn).await?,
    };
    // A contact that cannot be read or is gone must not keep the dialing from its end.
    let dl = row.and_then(|row| {
        row::record(Dl::KIND.word(), &row)
            .inspect_err(|_| tracing::warn!(dl = %attempt.dl.uuid, "the contact's row cannot be read"))
            .ok()
    });
    Ok(dl.unwrap_or_else(|| attempt.dl.clone()))
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
            sent: row.try_get("sent")?,
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
