//! The claim: due contacts become attempts, in one transaction, before anything is sent.

use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, query};

use super::command::{ClaimOrder, Claimed};
use super::dialing;
use super::error::Fault;
use super::row;
use super::stat::{self, RungCount};
use crate::engine::selection;
use crate::model::dialing::{Attempt, Capsule};
use crate::model::dl::Dl;
use crate::model::refusal::NounKind;
use crate::model::time::Timestamp;

const MAY_DIAL: &str = "SELECT
    EXISTS (SELECT 1 FROM campaign
        WHERE uuid = ?1 AND in_use = 1 AND status = 1 AND plan = ?2 AND dlma = ?3 AND dest = ?4),
    EXISTS (SELECT 1 FROM capsule WHERE uuid = ?5)";
/// Walks index `dl_waiting`: what it costs does not depend on how long the list is.
pub(super) const PICK: &str = "SELECT * FROM dl_list
    WHERE dlma_uuid = ?1 AND rung = ?2 AND past = ?4 AND in_use = 1 AND status = 0 AND res_dial <> 4 AND held = 0
        AND NOT EXISTS (SELECT 1 FROM dialing WHERE dl_uuid = dl_list.uuid AND open = 1)
    ORDER BY last_end, id LIMIT ?3";
const PUT_BACK: &str = "UPDATE dl_list SET last_end = ?2 WHERE id = ?1";

/// Claims as many due contacts as there are ids, fewest tries first.
pub(super) async fn claim(
    conn: &mut SqliteConnection,
    now: Timestamp,
    order: &ClaimOrder,
) -> Result<Claimed, Fault> {
    let capsule = &order.capsule;
    let plan = &capsule.plan;
    let mut counts = stat::rungs(&mut *conn, capsule.dlma.uuid).await?;
    let mut claimed = Claimed { dialings: Vec::new(), outlook: stat::outlook(&counts, plan) };
    if plan.tech_name.is_none() {
        // Nothing can be dialled by it, so nothing is due.
        claimed.outlook.next_due = None;
    }
    let none_due = claimed.outlook.next_due.is_none_or(|due| due > now);
    if order.ids.is_empty() || none_due {
        return Ok(claimed);
    }
    let (may_dial, has_capsule) = ask(conn, order).await?;
    if !may_dial {
        return Ok(claimed);
    }
    let mut ids = order.ids.as_slice();
    let mut attempts = Vec::with_capacity(ids.len());
    for (rung, index) in selection::ladder(counts.iter().map(|count| count.rung), plan) {
        let Some(count) = counts.iter_mut().find(|count| count.rung == rung) else { continue };
        let due_before = selection::due_before(&rung, plan, now);
        if ids.is_empty() || count.earliest.is_none_or(|earliest| earliest > due_before) {
            continue;
        }
        for dl in pick(conn, now, capsule, count, due_before, ids.len()).await? {
            // The second cannot fail: the rung says that the number is there, and the plan has a technology.
            let Some((pair, rest)) = ids.split_first() else { break };
            let Some(attempt) = Attempt::new(*pair, Arc::clone(capsule), dl, index, now) else { break };
            ids = rest;
            attempts.push(attempt);
        }
    }
    if !attempts.is_empty() && !has_capsule {
        dialing::put_capsule(conn, capsule).await?;
    }
    claimed.dialings = dialing::take(conn, attempts, &order.epoch).await?;
    claimed.outlook = stat::outlook(&counts, plan);
    Ok(claimed)
}

/// Whether the campaign may dial by its capsule now, and whether the capsule is written.
async fn ask(conn: &mut SqliteConnection, order: &ClaimOrder) -> Result<(bool, bool), Fault> {
    let capsule = &order.capsule;
    let row = query(MAY_DIAL)
        .bind(order.campaign.to_string())
        .bind(capsule.plan.uuid.to_string())
        .bind(capsule.dlma.uuid.to_string())
        .bind(capsule.destination.uuid.to_string())
        .bind(capsule.uuid.to_string())
        .fetch_one(conn)
        .await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Due contacts of one rung, those first that have waited longest. `count` is left as it is once they are claimed.
async fn pick(
    conn: &mut SqliteConnection,
    now: Timestamp,
    capsule: &Capsule,
    count: &mut RungCount,
    due_before: i64,
    wanted: usize,
) -> Result<Vec<Dl>, Fault> {
    // One more than wanted: the one that is then due first.
    let rows = query(PICK)
        .bind(capsule.dlma.uuid.to_string())
        .bind(count.rung.to_string())
        .bind(i64::try_from(wanted).unwrap_or(i64::MAX).saturating_add(1))
        .bind(count.rung.past().to_string())
        .fetch_all(&mut *conn)
        .await?;
    count.earliest = None;
    let mut dls = Vec::with_capacity(rows.len());
    for row in rows {
        let last_end: i64 = row.try_get("last_end")?;
        if last_end > due_before || dls.len() == wanted {
            count.earliest = [count.earliest, Some(last_end)].into_iter().flatten().min();
            break;
        }
        match row::record(NounKind::Dl.word(), &row) {
            Ok(dl) => {
                dls.push(dl);
                count.waiting = count.waiting.saturating_sub(1);
                count.dialing += 1;
            }
            Err(fault) => {
                put_back(conn, now, &row, fault).await?;
                count.earliest = Some(now.micros());
            }
        }
    }
    Ok(dls)
}

/// A row that cannot be read, written by hand, must not stand at the head of its rung for ever: it waits a
/// `RetryDelay` like one that was tried.
async fn put_back(
    conn: &mut SqliteConnection,
    now: Timestamp,
    row: &SqliteRow,
    fault: Fault,
) -> Result<(), Fault> {
    let Fault::Row { noun, what } = fault else { return Err(fault) };
    tracing::error!(noun, what, "a contact cannot be read and is not dialled; mend or delete its row");
    let id: i64 = row.try_get("id")?;
    query(PUT_BACK).bind(id).bind(now.micros()).execute(conn).await?;
    Ok(())
}
