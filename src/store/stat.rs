//! Table `dl_rung`: how many contacts stand where, and what that means under a plan. Nothing here counts a list.

use std::cell::LazyCell;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteExecutor, query};

use super::error::Fault;
use super::row;
use super::{Store, StoreError};
use crate::engine::Outlook;
use crate::engine::selection::{self, By};
use crate::model::campaign::Campaign;
use crate::model::ids::{CampaignUuid, DlmaUuid};
use crate::model::plan::Plan;
use crate::model::rung::{Past, Rung};
use crate::model::stat::CampaignStat;

/// One rung of one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RungCount {
    pub(super) rung: Rung,
    pub(super) waiting: u64,
    pub(super) dialing: u64,
    pub(super) answered: u64,
    pub(super) held: u64,
    /// When the last try ended of the waiting contact that is due first, or until when it is put off, in microseconds
    /// since 1970.
    pub(super) earliest: Option<i64>,
}

const COUNTS: &str =
    "SELECT rung, past, waiting, dialing, answered, held, NULL AS earliest FROM dl_rung WHERE dlma_uuid = ?1";
pub(super) const COUNTS_WITH_EARLIEST: &str = "SELECT rung, past, waiting, dialing, answered, held,
        (SELECT d.turn FROM dl_list d
            WHERE d.dlma_uuid = r.dlma_uuid AND d.rung = r.rung AND d.past = r.past
                AND d.in_use = 1 AND d.status = 0 AND d.res_dial <> 4 AND d.held = 0
            ORDER BY d.turn, d.id LIMIT 1) AS earliest
    FROM dl_rung r WHERE r.dlma_uuid = ?1";

/// The same of all lists that the JSON array in `?1` names.
pub(super) const COUNTS_OF: &str = "SELECT list.key AS list, rung, past, waiting, dialing, answered, held,
        (SELECT d.turn FROM dl_list d
            WHERE d.dlma_uuid = r.dlma_uuid AND d.rung = r.rung AND d.past = r.past
                AND d.in_use = 1 AND d.status = 0 AND d.res_dial <> 4 AND d.held = 0
            ORDER BY d.turn, d.id LIMIT 1) AS earliest
    FROM json_each(?1) list CROSS JOIN dl_rung r ON r.dlma_uuid = list.value";

/// The rungs of a list, each with the waiting contact that is due first.
pub(super) async fn rungs(
    executor: impl SqliteExecutor<'_>,
    dlma: DlmaUuid,
) -> Result<Vec<RungCount>, Fault> {
    let rows = query(COUNTS_WITH_EARLIEST).bind(dlma.to_string()).fetch_all(executor).await?;
    rows.iter().map(read).collect()
}

/// The rungs of each of these lists, each as [`rungs`] gives them.
pub(super) async fn rungs_of(
    executor: impl SqliteExecutor<'_>,
    lists: &[DlmaUuid],
) -> Result<Vec<Vec<RungCount>>, Fault> {
    let rows = query(COUNTS_OF).bind(row::json("dl_rung", &lists)?).fetch_all(executor).await?;
    let mut rungs: Vec<_> = lists.iter().map(|_| Vec::new()).collect();
    for row in rows {
        let list: i64 = row.try_get("list")?;
        if let Some(rungs) = usize::try_from(list).ok().and_then(|list| rungs.get_mut(list)) {
            rungs.push(read(&row)?);
        }
    }
    Ok(rungs)
}

fn read(row: &SqliteRow) -> Result<RungCount, Fault> {
    let count = |column| row.try_get(column).map(|count: i64| count.max(0).unsigned_abs());
    let (rung, past): (Rung, Past) =
        (row::parsed("dl_rung", row, "rung")?, row::parsed("dl_rung", row, "past")?);
    Ok(RungCount {
        rung: rung.with(past),
        waiting: count("waiting")?,
        dialing: count("dialing")?,
        answered: count("answered")?,
        held: count("held")?,
        earliest: row.try_get("earliest")?,
    })
}

/// What a list with these rungs still holds by that. Who is held is neither due nor awaited.
pub(super) fn outlook(rungs: &[RungCount], by: By<'_>) -> Outlook {
    let mut outlook = Outlook::default();
    let terms = LazyCell::new(|| by.terms());
    for count in rungs {
        outlook.dialing += count.dialing;
        if selection::next_number(&count.rung, by.plan).is_some() {
            outlook.waiting += count.waiting;
            let due = count.earliest.map(|turn| selection::turn_at(&count.rung, by.plan, || *terms, turn));
            outlook.next_due = [outlook.next_due, due].into_iter().flatten().min();
        }
    }
    outlook
}

/// The counts of a campaign's list under its plan. Without a plan nothing is finished but what is answered.
fn stat(uuid: CampaignUuid, rungs: &[RungCount], plan: Option<&Plan>) -> CampaignStat {
    let mut stat = CampaignStat { uuid, total: 0, finished: 0, available: 0, dialing: 0, held: 0, called: 0 };
    for count in rungs {
        let all = count.waiting + count.dialing + count.answered + count.held;
        stat.total += all;
        stat.dialing += count.dialing;
        stat.finished += count.answered;
        if plan.is_some_and(|plan| selection::next_number(&count.rung, plan).is_none()) {
            stat.finished += count.waiting + count.held;
        } else {
            stat.available += count.waiting;
            stat.held += count.held;
        }
        if count.rung.total() > 0 {
            stat.called += all;
        }
    }
    stat
}

impl Store {
    /// How far a campaign in use has come.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn stat(&self, uuid: CampaignUuid) -> Result<Option<CampaignStat>, StoreError> {
        match self.campaign(uuid).await? {
            Some(campaign) => self.stat_of(&campaign).await.map(Some),
            None => Ok(None),
        }
    }

    /// How far each campaign in use has come.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn stats(&self) -> Result<Vec<CampaignStat>, StoreError> {
        let mut stats = Vec::new();
        for campaign in self.campaigns().await? {
            stats.push(self.stat_of(&campaign).await?);
        }
        Ok(stats)
    }

    async fn stat_of(&self, campaign: &Campaign) -> Result<CampaignStat, StoreError> {
        self.reading("reading a campaign's statistics", async {
            let plan = match campaign.plan {
                Some(plan) => row::one::<Plan>(&self.readers, plan.uuid()).await?,
                None => None,
            };
            let rungs = match campaign.dlma {
                Some(dlma) => {
                    let rows = query(COUNTS).bind(dlma.to_string()).fetch_all(&self.readers).await?;
                    rows.iter().map(read).collect::<Result<Vec<_>, _>>()?
                }
                None => Vec::new(),
            };
            Ok(stat(campaign.uuid, &rungs, plan.as_ref()))
        })
        .await
    }
}
