//! Claims: due contacts become attempts, in one transaction, before anything is sent. Several claims that come
//! together share their statements, for each is a trip to SQLite's thread.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, query};

use super::command::{ClaimOrder, Claimed};
use super::dialing;
use super::error::Fault;
use super::row;
use super::stat::{self, RungCount};
use crate::engine::selection;
use crate::model::dialing::Attempt;
use crate::model::dl::Dl;
use crate::model::ids::{CampaignUuid, CapsuleUuid, DestinationUuid, DlmaUuid, PlanUuid};
use crate::model::number::NumberIndex;
use crate::model::refusal::NounKind;
use crate::model::rung::Rung;
use crate::model::time::Timestamp;

/// `?1` is a JSON array of [`May`].
const MAY_DIAL: &str = "SELECT
    EXISTS (SELECT 1 FROM campaign
        WHERE uuid = value ->> 'campaign' AND in_use = 1 AND status = 1
            AND plan = value ->> 'plan' AND dlma = value ->> 'dlma' AND dest = value ->> 'dest'),
    EXISTS (SELECT 1 FROM capsule WHERE uuid = value ->> 'capsule')
    FROM json_each(?1) ORDER BY key";
/// `?1` is a JSON array of [`Step`]. Walks index `dl_waiting`: what it costs does not depend on how long the lists are.
pub(super) const PICK: &str = "SELECT step.key AS step, dl_list.* FROM json_each(?1) step CROSS JOIN dl_list
    WHERE dl_list.id IN (SELECT waits.id FROM dl_list waits
        WHERE waits.dlma_uuid = step.value ->> 'dlma' AND waits.rung = step.value ->> 'rung'
            AND waits.past = step.value ->> 'past'
            AND waits.in_use = 1 AND waits.status = 0 AND waits.res_dial <> 4 AND waits.held = 0
            AND NOT EXISTS (SELECT 1 FROM dialing WHERE dl_uuid = waits.uuid AND open = 1)
        ORDER BY waits.last_end, waits.id LIMIT ?2)";
const PUT_BACK: &str = "UPDATE dl_list SET last_end = ?2 WHERE id = ?1";

/// What a claim is by.
#[derive(Serialize)]
struct May {
    campaign: CampaignUuid,
    plan: PlanUuid,
    dlma: DlmaUuid,
    dest: DestinationUuid,
    capsule: CapsuleUuid,
}

/// A rung of a list from which contacts are picked.
#[derive(Serialize)]
struct Step {
    dlma: DlmaUuid,
    rung: String,
    past: String,
}

/// A claim on its way.
struct Claim<'a> {
    now: Timestamp,
    order: &'a ClaimOrder,
    counts: Vec<RungCount>,
    /// Rungs that were not looked at yet, those first that go first, each with the number that is dialled there.
    ladder: VecDeque<(Rung, NumberIndex)>,
    has_capsule: bool,
    attempts: Vec<Attempt>,
}

/// How many of the first of these orders can be carried out together: a list is in one of them at most, for what one
/// takes the next must not find.
pub(super) fn together<'a>(orders: impl Iterator<Item = &'a ClaimOrder>) -> usize {
    let mut lists = BTreeSet::new();
    orders.take_while(|order| lists.insert(order.capsule.dlma.uuid)).count()
}

/// Claims for each order as many due contacts as it has ids, fewest tries first. No list is in two of them.
pub(super) async fn claim(
    conn: &mut SqliteConnection,
    orders: &[(Timestamp, &ClaimOrder)],
) -> Result<Vec<Claimed>, Fault> {
    let lists: Vec<_> = orders.iter().map(|(_, order)| order.capsule.dlma.uuid).collect();
    let rungs = stat::rungs_of(&mut *conn, &lists).await?;
    let mut claims: Vec<_> =
        orders.iter().zip(rungs).map(|((now, order), counts)| Claim::new(*now, order, counts)).collect();
    look(conn, &mut claims).await?;
    loop {
        let mut steps: BTreeMap<usize, Vec<(&mut Claim<'_>, RungCount, NumberIndex)>> = BTreeMap::new();
        for claim in &mut claims {
            if let Some((count, index)) = claim.next_step() {
                // Those that want about as many are asked for together: one limit holds for all.
                let about = claim.wanted().next_power_of_two();
                steps.entry(about).or_default().push((claim, count, index));
            }
        }
        if steps.is_empty() {
            break;
        }
        for (_, steps) in steps {
            pick(conn, steps).await?;
        }
    }
    let used = claims.iter().filter(|claim| !claim.attempts.is_empty() && !claim.has_capsule);
    dialing::put_capsules(conn, used.map(|claim| &*claim.order.capsule)).await?;
    dialing::take(conn, claims.iter().flat_map(Claim::takes)).await?;
    Ok(claims.into_iter().map(Claim::done).collect())
}

impl<'a> Claim<'a> {
    fn new(now: Timestamp, order: &'a ClaimOrder, counts: Vec<RungCount>) -> Self {
        let plan = &order.capsule.plan;
        let none_due = stat::outlook(&counts, plan).next_due.is_none_or(|due| due > now);
        let ladder = if none_due || order.ids.is_empty() || plan.tech_name.is_none() {
            VecDeque::new()
        } else {
            selection::ladder(counts.iter().map(|count| count.rung), plan).into_iter().collect()
        };
        Self { now, order, counts, ladder, has_capsule: false, attempts: Vec::new() }
    }

    fn may(&self) -> May {
        let capsule = &self.order.capsule;
        May {
            campaign: self.order.campaign,
            plan: capsule.plan.uuid,
            dlma: capsule.dlma.uuid,
            dest: capsule.destination.uuid,
            capsule: capsule.uuid,
        }
    }

    /// How many contacts it still lacks.
    fn wanted(&self) -> usize {
        self.order.ids.len() - self.attempts.len()
    }

    fn due_before(&self, rung: &Rung) -> i64 {
        selection::due_before(rung, &self.order.capsule.plan, self.now)
    }

    /// The rung from which contacts are picked next, with what it holds and the number that is dialled there.
    fn next_step(&mut self) -> Option<(RungCount, NumberIndex)> {
        while self.wanted() > 0 {
            let (rung, index) = self.ladder.pop_front()?;
            let count = self.counts.iter().find(|count| count.rung == rung).copied();
            let due = |count: &RungCount| count.earliest.is_some_and(|at| at <= self.due_before(&rung));
            if let Some(count) = count.filter(due) {
                return Some((count, index));
            }
        }
        None
    }

    /// Takes of the rows of a rung those that are due, those first that have waited longest, as far as it lacks them.
    async fn take(
        &mut self,
        conn: &mut SqliteConnection,
        mut count: RungCount,
        index: NumberIndex,
        rows: Vec<SqliteRow>,
    ) -> Result<(), Fault> {
        let due_before = self.due_before(&count.rung);
        let mut ordered = Vec::with_capacity(rows.len());
        for row in rows {
            ordered.push((row.try_get::<i64, _>("last_end")?, row.try_get::<i64, _>("id")?, row));
        }
        ordered.sort_unstable_by_key(|(last_end, id, _)| (*last_end, *id));
        // What is left as it is once they are claimed.
        count.earliest = None;
        for (last_end, _, row) in ordered {
            let Some(pair) = self.order.ids.get(self.attempts.len()).filter(|_| last_end <= due_before)
            else {
                count.earliest = [count.earliest, Some(last_end)].into_iter().flatten().min();
                break;
            };
            match row::record::<Dl>(NounKind::Dl.word(), &row) {
                Ok(dl) => {
                    count.waiting = count.waiting.saturating_sub(1);
                    count.dialing += 1;
                    // It cannot fail: the rung says that the number is there, and the plan has a technology.
                    let capsule = Arc::clone(&self.order.capsule);
                    self.attempts.extend(Attempt::new(*pair, capsule, dl, index, self.now));
                }
                Err(fault) => {
                    put_back(conn, self.now, &row, fault).await?;
                    count.earliest = Some(self.now.micros());
                }
            }
        }
        if let Some(place) = self.counts.iter_mut().find(|place| place.rung == count.rung) {
            *place = count;
        }
        Ok(())
    }

    fn takes(&self) -> impl Iterator<Item = (&Attempt, &str)> {
        self.attempts.iter().map(|attempt| (attempt, self.order.epoch.as_str()))
    }

    fn done(self) -> Claimed {
        let mut outlook = stat::outlook(&self.counts, &self.order.capsule.plan);
        if self.order.capsule.plan.tech_name.is_none() {
            // Nothing can be dialled by it, so nothing is due.
            outlook.next_due = None;
        }
        let dialings = self.attempts.into_iter().map(|attempt| {
            let dl = dialing::taken(&attempt);
            (Arc::new(attempt), dl)
        });
        Claimed { dialings: dialings.collect(), outlook }
    }
}

/// Whether the campaigns may dial by their capsules now, and whether the capsules are written. One that may not gets
/// nothing.
async fn look(conn: &mut SqliteConnection, claims: &mut [Claim<'_>]) -> Result<(), Fault> {
    let mut asking: Vec<_> = claims.iter_mut().filter(|claim| !claim.ladder.is_empty()).collect();
    if asking.is_empty() {
        return Ok(());
    }
    let may: Vec<_> = asking.iter().map(|claim| claim.may()).collect();
    let rows = query(MAY_DIAL).bind(row::json("claim", &may)?).fetch_all(conn).await?;
    for (claim, row) in asking.iter_mut().zip(rows) {
        claim.has_capsule = row.try_get(1)?;
        if !row.try_get::<bool, _>(0)? {
            claim.ladder.clear();
        }
    }
    Ok(())
}

/// Picks contacts, each claim's from the rung that it is at.
async fn pick(
    conn: &mut SqliteConnection,
    steps: Vec<(&mut Claim<'_>, RungCount, NumberIndex)>,
) -> Result<(), Fault> {
    let of = |(claim, count, _): &(&mut Claim<'_>, RungCount, NumberIndex)| Step {
        dlma: claim.order.capsule.dlma.uuid,
        rung: count.rung.to_string(),
        past: count.rung.past().to_string(),
    };
    let asked: Vec<_> = steps.iter().map(of).collect();
    let most = steps.iter().map(|(claim, ..)| claim.wanted()).max().unwrap_or_default();
    let rows = query(PICK)
        .bind(row::json("claim", &asked)?)
        // One more than wanted: the one that is then due first.
        .bind(i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_all(&mut *conn)
        .await?;
    let mut found: Vec<Vec<SqliteRow>> = steps.iter().map(|_| Vec::new()).collect();
    for row in rows {
        let step: i64 = row.try_get(0)?;
        if let Some(rows) = usize::try_from(step).ok().and_then(|step| found.get_mut(step)) {
            rows.push(row);
        }
    }
    for ((claim, count, index), rows) in steps.into_iter().zip(found) {
        claim.take(conn, count, index, rows).await?;
    }
    Ok(())
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
