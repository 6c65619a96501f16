//! Tables `dialing` and `capsule`: attempts from their claim to their one end.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, query};
use uuid::Uuid;

use super::command::Done;
use super::error::Fault;
use super::outbox::Numbering;
use super::row::{self, Stored};
use super::{Store, StoreError};
use crate::engine::OpenDialing;
use crate::model::codes::DialingStatus;
use crate::model::codes::DlStatus;
use crate::model::dialing::{Attempt, Capsule, Ending, NextTry};
use crate::model::dl::Dl;
use crate::model::ids::{CapsuleUuid, DialingUuid};
use crate::model::number::{NumberIndex, PhoneNumber};
use crate::model::result::{self, ResultOptions};
use crate::model::variables::Variables;

const NOUN: &str = "dialing";

const PUT_CAPSULE: &str = "INSERT INTO capsule (uuid, json) VALUES (?1, ?2)";
const CAPSULE: &str = "SELECT json FROM capsule WHERE uuid = ?1";
/// Two statements in one go, for each go is a trip to SQLite's thread: the contact is marked as being dialled, with
/// one try more, and the attempt is written.
const TAKE: &str = "UPDATE dl_list SET status = 1, dialing_uuid = ?2, dialing_camp_uuid = ?3, dialing_plan_uuid = ?4,
        tm_last_dial = ?5, trycnt = trycnt + 1,
        trycnt_1 = trycnt_1 + (?6 = 1), trycnt_2 = trycnt_2 + (?6 = 2), trycnt_3 = trycnt_3 + (?6 = 3),
        trycnt_4 = trycnt_4 + (?6 = 4), trycnt_5 = trycnt_5 + (?6 = 5), trycnt_6 = trycnt_6 + (?6 = 6),
        trycnt_7 = trycnt_7 + (?6 = 7), trycnt_8 = trycnt_8 + (?6 = 8)
    WHERE uuid = ?1;
    INSERT INTO dialing (dl_uuid, uuid, campaign_uuid, plan_uuid, tm_create, number_index, dlma_uuid, dest_uuid,
        capsule_uuid, other_uuid, addr, channel, try_count, dl, server_epoch, attempt_no)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, coalesce(max(attempt_no), 0) + 1
    FROM dialing WHERE dl_uuid = ?1";
/// `?2` is the JSON of the progress, whose keys are the columns.
const CLOSE: &str = "UPDATE dialing SET open = 0, outcome = ?3, tm_end = ?4,
        status = ?2 ->> 'status', channel_name = ?2 ->> 'channel_name',
        res_dial = ?2 ->> 'res_dial', res_dial_detail = ?2 ->> 'res_dial_detail',
        res_hangup = ?2 ->> 'res_hangup', res_hangup_detail = ?2 ->> 'res_hangup_detail',
        tm_dial_begin = ?2 ->> 'tm_dial_begin', tm_dial_end = ?2 ->> 'tm_dial_end',
        tm_hangup = ?2 ->> 'tm_hangup', tm_update = ?2 ->> 'tm_update'
    WHERE uuid = ?1 AND open = 1";
/// Again two in one go: the line, and the contact given back to its list. `?9` is the number whose try is given back,
/// `?14` the one whose try has failed by a fault of the trunk or ours; 0 for none. An answered contact stays answered, a held one held.
const RELEASE: &str = "INSERT INTO outbox (seq, dialing_uuid, line) VALUES (?10, ?2, ?11);
    UPDATE dl_list SET status = 0, dialing_uuid = NULL, dialing_camp_uuid = NULL,
        dialing_plan_uuid = NULL, res_dial = iif(res_dial = 4, 4, ?3), res_dial_detail = ?4, res_hangup = ?5,
        res_hangup_detail = ?6, tm_last_hangup = coalesce(?7, tm_last_hangup), last_end = coalesce(?8, last_end),
        trycnt = max(trycnt - (?9 > 0), 0), held = max(held, ?12), last_outcome = coalesce(?13, last_outcome),
        faultcnt = iif(?14 = 0, faultcnt, iif(fault_number = ?14, faultcnt, 0) + 1),
        fault_number = iif(?14 = 0, fault_number, ?14),
        trycnt_1 = max(trycnt_1 - (?9 = 1), 0), trycnt_2 = max(trycnt_2 - (?9 = 2), 0),
        trycnt_3 = max(trycnt_3 - (?9 = 3), 0), trycnt_4 = max(trycnt_4 - (?9 = 4), 0),
        trycnt_5 = max(trycnt_5 - (?9 = 5), 0), trycnt_6 = max(trycnt_6 - (?9 = 6), 0),
        trycnt_7 = max(trycnt_7 - (?9 = 7), 0), trycnt_8 = max(trycnt_8 - (?9 = 8), 0)
    WHERE uuid = ?1 AND dialing_uuid = ?2
    RETURNING *";
const KNOWN: &str = "SELECT 1 FROM dialing WHERE uuid = ?1";
const CONTACT: &str = "SELECT * FROM dl_list WHERE uuid = ?1";
const OPEN: &str = "SELECT * FROM dialing WHERE open = 1 ORDER BY rowid";

/// Writes a capsule that is used for the first time.
pub(super) async fn put_capsule(conn: &mut SqliteConnection, capsule: &Capsule) -> Result<(), Fault> {
    let json = row::json("capsule", capsule)?;
    query(PUT_CAPSULE).bind(capsule.uuid.to_string()).bind(json).execute(conn).await?;
    Ok(())
}

/// Writes a new attempt and marks its contact as being dialled; gives the contact as it is then.
pub(super) async fn take(conn: &mut SqliteConnection, attempt: &Attempt, epoch: &str) -> Result<Dl, Fault> {
    let capsule = &attempt.capsule;
    query(TAKE)
        .bind(attempt.dl.uuid.to_string())
        .bind(attempt.uuid.to_string())
        .bind(capsule.campaign.uuid.to_string())
        .bind(capsule.plan.uuid.to_string())
        .bind(attempt.tm_create.to_string())
        .bind(attempt.index.get())
        .bind(capsule.dlma.uuid.to_string())
        .bind(capsule.destination.uuid.to_string())
        .bind(capsule.uuid.to_string())
        .bind(attempt.other.to_string())
        .bind(attempt.addr.as_str())
        .bind(&attempt.channel)
        .bind(attempt.try_count)
        .bind(row::json(NOUN, &attempt.dl)?)
        .bind(epoch)
        .execute(conn)
        .await?;
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
    Ok(dl)
}

/// Ends an attempt, once: its row, its line and its contact in one transaction.
pub(super) async fn finish(
    conn: &mut SqliteConnection,
    options: ResultOptions,
    numbering: &mut Numbering,
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
    let seq = numbering.next(&mut *conn).await?;
    let line = result::line(seq, ending, options)
        .map_err(|error| Fault::Row { noun: "outbox", what: error.to_string() })?;
    let dl = release(conn, ending, seq, &line).await?;
    Ok(Done::Finished { dl, seq, line })
}

/// Queues the line and gives the contact back to its list.
async fn release(conn: &mut SqliteConnection, ending: &Ending, seq: i64, line: &str) -> Result<Dl, Fault> {
    let attempt = &ending.dialing.attempt;
    let progress = &ending.dialing.progress;
    // What was taken back before it was sent was no try that a RetryDelay could run from.
    let dialled = ending.outcome.is_a_try() || progress.status != DialingStatus::None;
    let given_back = if ending.outcome.is_a_try() { 0 } else { attempt.index.get() };
    // One that is due at once is due since ever.
    let last_end = if ending.next_try == NextTry::AtOnce { 0 } else { ending.tm_end.micros() };
    let released = query(RELEASE)
        .bind(attempt.dl.uuid.to_string())
        .bind(attempt.uuid.to_string())
        .bind(progress.res_dial.code())
        .bind(progress.res_dial_detail.as_deref())
        .bind(progress.res_hangup.map_or(0, |cause| cause.0))
        .bind(progress.res_hangup_detail.as_deref())
        .bind(dialled.then(|| ending.tm_end.to_string()))
        .bind(dialled.then_some(last_end))
        .bind(given_back)
        .bind(seq)
        .bind(line)
        .bind(ending.next_try == NextTry::Held)
        .bind(dialled.then(|| ending.outcome.as_str()))
        .bind(if ending.fault { attempt.index.get() } else { 0 })
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
