//! The ends of dialings: each its row, its line and its contact in one transaction. Ends come many at a time where
//! many calls are made, and each statement is a trip to SQLite's thread and a plan set going anew: so those that stand
//! together in a transaction go into one statement a table.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sqlx::{SqliteConnection, query};

use super::command::Done;
use super::error::Fault;
use super::outbox::Numbering;
use super::pacing;
use super::row::{self, Stored};
use crate::model::codes::{DialResult, DialingStatus, Outcome};
use crate::model::dialing::{Ending, NextTry, Progress};
use crate::model::dl::Dl;
use crate::model::ids::{DialingUuid, DlUuid};
use crate::model::result::{self, ResultOptions};
use crate::model::time::Timestamp;

const NOUN: &str = "dialing";

/// `?1` is a JSON array of [`Close`], whose keys are the columns.
pub(super) const CLOSE: &str = "UPDATE dialing SET open = 0, outcome = ended.value ->> 'outcome',
        tm_end = ended.value ->> 'tm_end', status = ended.value ->> 'status',
        channel_name = ended.value ->> 'channel_name',
        res_dial = ended.value ->> 'res_dial', res_dial_detail = ended.value ->> 'res_dial_detail',
        res_hangup = ended.value ->> 'res_hangup', res_hangup_detail = ended.value ->> 'res_hangup_detail',
        tm_dial_begin = ended.value ->> 'tm_dial_begin', tm_dial_end = ended.value ->> 'tm_dial_end',
        tm_hangup = ended.value ->> 'tm_hangup', tm_update = ended.value ->> 'tm_update'
    FROM json_each(?1) AS ended WHERE dialing.uuid = ended.value ->> 'uuid' AND open = 1
    RETURNING uuid";
/// `?1` is a JSON array of [`Release`], `?2` one of lines in the same order, of which the first has number `?3`. An
/// answered contact stays answered, a held one held.
pub(super) const RELEASE: &str = "INSERT INTO outbox (seq, dialing_uuid, line)
        SELECT ?3 + line.key, ?1 ->> ('$[' || line.key || '].uuid'), line.value FROM json_each(?2) AS line;
    WITH ended AS MATERIALIZED (SELECT value ->> 'uuid' AS dialing, value ->> 'dl' AS dl,
        value ->> 'res_dial' AS dial, value ->> 'res_dial_detail' AS dial_detail,
        value ->> 'res_hangup' AS hangup, value ->> 'res_hangup_detail' AS hangup_detail,
        value ->> 'tm_last_hangup' AS hung_up, value ->> 'last_end' AS at, value ->> 'given_back' AS given_back,
        value ->> 'fault' AS fault, value ->> 'held' AS now_held, value ->> 'last_outcome' AS outcome
        FROM json_each(?1))
    UPDATE dl_list SET status = 0, dialing_uuid = NULL, dialing_camp_uuid = NULL,
        dialing_plan_uuid = NULL, res_dial = iif(res_dial = 4, 4, dial), res_dial_detail = dial_detail,
        res_hangup = hangup, res_hangup_detail = hangup_detail,
        tm_last_hangup = coalesce(hung_up, tm_last_hangup), last_end = coalesce(at, last_end),
        trycnt = max(trycnt - (given_back > 0), 0), held = max(held, now_held),
        last_outcome = coalesce(outcome, last_outcome),
        faultcnt = iif(fault = 0, faultcnt, iif(fault_number = fault, faultcnt, 0) + 1),
        fault_number = iif(fault = 0, fault_number, fault),
        trycnt_1 = max(trycnt_1 - (given_back = 1), 0), trycnt_2 = max(trycnt_2 - (given_back = 2), 0),
        trycnt_3 = max(trycnt_3 - (given_back = 3), 0), trycnt_4 = max(trycnt_4 - (given_back = 4), 0),
        trycnt_5 = max(trycnt_5 - (given_back = 5), 0), trycnt_6 = max(trycnt_6 - (given_back = 6), 0),
        trycnt_7 = max(trycnt_7 - (given_back = 7), 0), trycnt_8 = max(trycnt_8 - (given_back = 8), 0)
    FROM ended WHERE dl_list.uuid = ended.dl AND dialing_uuid = ended.dialing
    RETURNING *";
const CONTACT: &str = "SELECT * FROM dl_list WHERE uuid = ?1";

/// What the row of a dialing gets at its end.
#[derive(Serialize)]
struct Close<'a> {
    uuid: DialingUuid,
    outcome: &'static str,
    tm_end: Timestamp,
    #[serde(flatten)]
    progress: &'a Progress,
}

/// What its contact gets.
#[derive(Serialize)]
struct Release<'a> {
    uuid: DialingUuid,
    dl: DlUuid,
    res_dial: DialResult,
    res_dial_detail: Option<&'a str>,
    res_hangup: u32,
    res_hangup_detail: Option<&'a str>,
    tm_last_hangup: Option<Timestamp>,
    last_end: Option<i64>,
    /// The number whose try is given back; 0 for none.
    given_back: u8,
    /// The number whose try has failed by a fault of the trunk or ours; 0 for none.
    fault: u8,
    held: u8,
    last_outcome: Option<&'static str>,
}

impl<'a> Close<'a> {
    fn of(ending: &'a Ending) -> Self {
        Self {
            uuid: ending.dialing.attempt.uuid,
            outcome: ending.outcome.as_str(),
            tm_end: ending.tm_end,
            progress: &ending.dialing.progress,
        }
    }
}

impl<'a> Release<'a> {
    fn of(ending: &'a Ending) -> Self {
        let attempt = &ending.dialing.attempt;
        let progress = &ending.dialing.progress;
        // What was taken back before it was sent was no try that a RetryDelay could run from.
        let dialled = ending.outcome.is_a_try() || progress.status != DialingStatus::None;
        // One that is due at once is due since ever.
        let last_end = if ending.next_try == NextTry::AtOnce { 0 } else { ending.tm_end.micros() };
        Self {
            uuid: attempt.uuid,
            dl: attempt.dl.uuid,
            res_dial: progress.res_dial,
            res_dial_detail: progress.res_dial_detail.as_deref(),
            res_hangup: progress.res_hangup.map_or(0, |cause| cause.0),
            res_hangup_detail: progress.res_hangup_detail.as_deref(),
            tm_last_hangup: dialled.then_some(ending.tm_end),
            last_end: dialled.then_some(last_end),
            given_back: if ending.outcome.is_a_try() { 0 } else { attempt.index.get() },
            fault: if ending.fault { attempt.index.get() } else { 0 },
            held: u8::from(ending.next_try == NextTry::Held),
            last_outcome: dialled.then(|| Outcome::as_str(ending.outcome)),
        }
    }
}

/// Ends attempts, each once, in their order; an answer for each.
pub(super) async fn finish(
    conn: &mut SqliteConnection,
    options: ResultOptions,
    numbering: &mut Numbering,
    endings: &[&Ending],
) -> Result<Vec<Done>, Fault> {
    let mut closed = close(conn, endings).await?;
    let mut ended = Vec::with_capacity(closed.len());
    // The first end of a dialing is its end.
    let is_its_end: Vec<bool> = endings.iter().map(|ending| closed.remove(&uuid_of(ending))).collect();
    for (ending, _) in endings.iter().zip(&is_its_end).filter(|(_, is)| **is) {
        let seq = numbering.next(&mut *conn).await?;
        let line = result::line(seq, ending, options)
            .map_err(|error| Fault::Row { noun: "outbox", what: error.to_string() })?;
        ended.push((*ending, seq, line));
    }
    let mut dls = release(conn, &ended).await?;
    pacing::count(conn, ended.iter().map(|(ending, ..)| *ending)).await?;
    let mut ended = ended.into_iter();
    let mut done = Vec::with_capacity(endings.len());
    for is_its_end in is_its_end {
        done.push(match if is_its_end { ended.next() } else { None } {
            Some((ending, seq, line)) => {
                let dl = match dls.remove(&ending.dialing.attempt.dl.uuid) {
                    Some(dl) => dl,
                    None => contact(conn, ending).await?,
                };
                Done::Finished { dl, seq, line }
            }
            None => Done::AlreadyFinished,
        });
    }
    Ok(done)
}

/// Closes the rows that are open; gives which.
async fn close(conn: &mut SqliteConnection, endings: &[&Ending]) -> Result<HashSet<DialingUuid>, Fault> {
    let mut seen = HashSet::new();
    // Of two ends of one dialing which would count is not told.
    let firsts = endings.iter().filter(|ending| seen.insert(uuid_of(ending)));
    let rows: Vec<_> = firsts.map(|ending| Close::of(ending)).collect();
    let closed = query(CLOSE).bind(row::json(NOUN, &rows)?).fetch_all(conn).await?;
    closed.iter().map(|row| row::parsed(NOUN, row, "uuid")).collect()
}

/// Queues the lines and gives the contacts back to their lists; gives those contacts as they are then.
async fn release(
    conn: &mut SqliteConnection,
    ended: &[(&Ending, i64, String)],
) -> Result<HashMap<DlUuid, Dl>, Fault> {
    let Some((_, first, _)) = ended.first() else { return Ok(HashMap::new()) };
    let contacts: Vec<_> = ended.iter().map(|(ending, ..)| Release::of(ending)).collect();
    let lines: Vec<_> = ended.iter().map(|(_, _, line)| line).collect();
    let released = query(RELEASE)
        .bind(row::json(Dl::KIND.word(), &contacts)?)
        .bind(row::json("outbox", &lines)?)
        .bind(*first)
        .fetch_all(conn)
        .await?;
    // One that cannot be read is told below, where its dialing is known.
    let read = released.iter().filter_map(|row| row::record::<Dl>(Dl::KIND.word(), row).ok());
    Ok(read.map(|dl| (dl.uuid, dl)).collect())
}

/// The contact of a dialing from which somebody's own SQL took it meanwhile: it is theirs, and left as it is. One that
/// cannot be read or is gone must not keep the dialing from its end.
async fn contact(conn: &mut SqliteConnection, ending: &Ending) -> Result<Dl, Fault> {
    let dl = &ending.dialing.attempt.dl;
    let row = query(CONTACT).bind(dl.uuid.to_string()).fetch_optional(conn).await?;
    let read = row.and_then(|row| {
        row::record(Dl::KIND.word(), &row)
            .inspect_err(|_| tracing::warn!(dl = %dl.uuid, "the contact's row cannot be read"))
            .ok()
    });
    Ok(read.unwrap_or_else(|| dl.clone()))
}

fn uuid_of(ending: &Ending) -> DialingUuid {
    ending.dialing.attempt.uuid
}
