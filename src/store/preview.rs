//! Contacts that agents look at. They are kept in a table of the writer's own connection, so that every claim passes them
//! by in the one order in which the writer does things, and what is rolled back is so here too; and so that nothing is
//! left of them once the process is gone: whoever was looked at is free again.

use std::sync::Arc;

use sqlx::{Row, SqliteConnection, query};

use super::command::{ClaimOrder, Claimed, Done, PreviewOrder};
use super::error::Fault;
use super::put_off::{self, Due, Rules, Taken};
use super::{claim, dialing, row, stat};
use crate::engine::calling::Ruling;
use crate::engine::preview::Dial;
use crate::engine::selection::{self, By};
use crate::model::dialing::Attempt;
use crate::model::dl::Dl;
use crate::model::preview::AGENT_VARIABLE;
use crate::model::refusal::NounKind;
use crate::model::time::Timestamp;

/// In memory: a disk that is full keeps nobody from looking.
const IN_MEMORY: &str = "PRAGMA temp_store = MEMORY";
const TABLE: &str = "CREATE TEMP TABLE preview (
    dl_uuid TEXT NOT NULL PRIMARY KEY,
    uuid    TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID";
const KEEP: &str = "INSERT INTO temp.preview (dl_uuid, uuid) VALUES (?1, ?2)";
const LET_GO: &str = "DELETE FROM temp.preview WHERE uuid = ?1";
const PUT_BEHIND: &str = "UPDATE dl_list SET last_end = ?2, put_off_by = NULL, put_off_until = NULL
    WHERE status = 0 AND uuid = (SELECT dl_uuid FROM temp.preview WHERE uuid = ?1)";
/// The contact, as far as it may still be dialled for whom it is kept; the conditions are those of `claim::PICK`.
const KEPT: &str = "SELECT d.* FROM dl_list d WHERE d.uuid = ?1 AND d.dlma_uuid = ?2
    AND d.in_use = 1 AND d.status = 0 AND d.res_dial <> 4 AND d.held = 0
    AND EXISTS (SELECT 1 FROM temp.preview WHERE dl_uuid = d.uuid AND uuid = ?3)
    AND NOT EXISTS (SELECT 1 FROM dialing WHERE dl_uuid = d.uuid AND open = 1)";

/// Makes the table; on the connection that writes, and there alone.
pub(super) async fn prepare(conn: &mut SqliteConnection) -> Result<(), Fault> {
    query(IN_MEMORY).execute(&mut *conn).await?;
    query(TABLE).execute(conn).await?;
    Ok(())
}

pub(super) async fn carry_out(
    conn: &mut SqliteConnection,
    now: Timestamp,
    order: &PreviewOrder,
) -> Result<Done, Fault> {
    match order {
        PreviewOrder::Keep { preview, campaign, capsule } => {
            let ids = vec![(*preview, preview.uuid())];
            let order =
                ClaimOrder { campaign: *campaign, capsule: Arc::clone(capsule), epoch: String::new(), ids };
            let (attempt, outlook) = claim::choose_one(conn, now, &order).await?;
            if let Some(attempt) = &attempt {
                let kept = query(KEEP).bind(attempt.dl.uuid.to_string()).bind(preview.to_string());
                kept.execute(conn).await?;
            }
            let contact = attempt.map(|attempt| Box::new((attempt.dl, attempt.index)));
            Ok(Done::Kept { contact, outlook })
        }
        PreviewOrder::LetGo { preview, behind } => {
            if let Some(behind) = behind {
                query(PUT_BEHIND).bind(preview.to_string()).bind(*behind).execute(&mut *conn).await?;
            }
            query(LET_GO).bind(preview.to_string()).execute(conn).await?;
            Ok(Done::Noted)
        }
        PreviewOrder::Dial(order) => dial(conn, now, order).await.map(Done::Claimed),
    }
}

/// Claims the contact for whom it is kept, as every claim does; nobody is kept for him afterwards.
async fn dial(conn: &mut SqliteConnection, now: Timestamp, order: &Dial) -> Result<Claimed, Fault> {
    let (capsule, plan) = (&order.capsule, &order.capsule.plan);
    let found = query(KEPT)
        .bind(order.dl.to_string())
        .bind(capsule.dlma.uuid.to_string())
        .bind(order.preview.to_string())
        .fetch_optional(&mut *conn)
        .await?;
    query(LET_GO).bind(order.preview.to_string()).execute(&mut *conn).await?;
    let (may, has_capsule) = claim::may_dial(conn, order.campaign, capsule).await?;
    let mut dl = None;
    if let Some(row) = found.filter(|_| may) {
        let (last_end, found): (i64, Dl) =
            (row.try_get("last_end")?, row::record(NounKind::Dl.word(), &row)?);
        let has_try = selection::numbers(&found.rung(), plan).any(|index| index == order.index);
        if has_try && may_be_called(conn, now, order, &found, last_end).await? {
            dl = Some(found);
        }
    }
    let made = dl.and_then(|dl| {
        let variables = dl.variables.clone();
        // Frozen with the contact, so that it outlives a restart, and that the result line has it.
        let told = Dl { variables: variables.clone().with(AGENT_VARIABLE, order.agent.as_str()), ..dl };
        let ids = (order.preview, order.other);
        let attempt = Attempt::new(ids, Arc::clone(capsule), told, order.index, now)?;
        Some((attempt, variables))
    });
    let mut dialings = Vec::new();
    if let Some((attempt, variables)) = made {
        if !has_capsule {
            dialing::put_capsules(conn, std::iter::once(&**capsule)).await?;
        }
        dialing::take(conn, std::iter::once((&attempt, order.epoch.as_str()))).await?;
        let dl = Dl { variables, ..dialing::taken(&attempt) };
        dialings.push((Arc::new(attempt), dl));
    }
    let outlook = stat::outlook(&stat::rungs(&mut *conn, capsule.dlma.uuid).await?, By::of(capsule));
    Ok(Claimed { dialings, outlook })
}

/// Whether the plan's caps, calling hours and holidays let the contact be called at that number now: it was asked of the
/// number that is next when it was kept.
async fn may_be_called(
    conn: &mut SqliteConnection,
    now: Timestamp,
    order: &Dial,
    dl: &Dl,
    last_end: i64,
) -> Result<bool, Fault> {
    let by = By::of(&order.capsule);
    if !by.plan.calling.is_set() {
        return Ok(true);
    }
    if by.plan.calling.number_cap.is_some() {
        query(put_off::INDEX).execute(&mut *conn).await?;
    }
    let histories = put_off::histories(conn, by, now, &[(dl, order.index)]).await?;
    let due = Due { dl, index: order.index, rung: dl.rung(), last_end };
    let history = histories.into_iter().next().unwrap_or_default();
    // Whom others of this transaction have taken is written by now.
    Ok(Rules::new(by, now).ruling(&due, &history, &Taken::new(false)) == Ruling::Now)
}
