//! Tables `pacing` and `abandonment`: what predictive pacing goes by after a restart, and who was abandoned when.

use std::collections::BTreeMap;

use sqlx::{Row, SqliteConnection, query};

use super::command::Done;
use super::error::Fault;
use super::{Store, StoreError};
use crate::engine::KeptPool;
use crate::model::dialing::Ending;
use crate::model::ids::CampaignUuid;
use crate::model::pacing::Answered;
use crate::model::time::Timestamp;

const KEEP: &str = "INSERT INTO pacing (queue, period, memory, tm_update) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (queue) DO UPDATE SET period = excluded.period, memory = excluded.memory, tm_update = excluded.tm_update";
const ALL: &str = "SELECT queue, period, memory FROM pacing";
const COUNT: &str = "INSERT INTO abandonment (campaign_uuid, hour, live, abandoned) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (campaign_uuid, hour) DO UPDATE SET live = live + excluded.live, abandoned = abandoned + excluded.abandoned";
const SINCE: &str = "SELECT coalesce(sum(live), 0), coalesce(sum(abandoned), 0) FROM abandonment
    WHERE campaign_uuid = ?1 AND hour >= ?2";

/// Keeps what a pool has learnt.
pub(super) async fn keep(
    conn: &mut SqliteConnection,
    now: Timestamp,
    kept: &KeptPool,
) -> Result<Done, Fault> {
    let memory = serde_json::to_string(&kept.memory)
        .map_err(|error| Fault::Row { noun: "pacing", what: error.to_string() })?;
    let keep = query(KEEP).bind(&kept.queue).bind(&kept.period).bind(memory).bind(now.to_string());
    keep.execute(conn).await?;
    Ok(Done::Noted)
}

/// All that is kept. What cannot be read, as of a version that had learnt otherwise, is learnt anew.
pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<KeptPool>, Fault> {
    let mut kept = Vec::new();
    for row in query(ALL).fetch_all(conn).await? {
        let (queue, period, memory): (String, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        match serde_json::from_str(&memory) {
            Ok(memory) => kept.push(KeptPool { queue, memory, period }),
            Err(why) => {
                tracing::warn!(queue, %why, "what pacing had learnt cannot be read: it is learnt anew");
            }
        }
    }
    Ok(kept)
}

/// Counts those that these dialings have brought.
pub(super) async fn count<'a>(
    conn: &mut SqliteConnection,
    endings: impl Iterator<Item = &'a Ending>,
) -> Result<(), Fault> {
    let mut hours: BTreeMap<(CampaignUuid, String), Answered> = BTreeMap::new();
    for ending in endings {
        let Some(wait) = ending.dialing.progress.wait else { continue };
        let counted =
            hours.entry((ending.dialing.attempt.capsule.campaign.uuid, hour(ending.tm_end))).or_default();
        counted.live += 1;
        counted.abandoned += u64::from(wait.abandoned);
    }
    for ((campaign, hour), counted) in hours {
        let count = query(COUNT).bind(campaign.to_string()).bind(hour);
        count.bind(signed(counted.live)).bind(signed(counted.abandoned)).execute(&mut *conn).await?;
    }
    Ok(())
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The hour as the table has it: `2026-11-22T03`.
fn hour(at: Timestamp) -> String {
    at.to_string().chars().take(13).collect()
}

impl Store {
    /// Who has answered a campaign's calls since the hour of that moment.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn answered_since(
        &self,
        campaign: CampaignUuid,
        since: Timestamp,
    ) -> Result<Answered, StoreError> {
        self.reading("counting who was abandoned", async {
            let row =
                query(SINCE).bind(campaign.to_string()).bind(hour(since)).fetch_one(&self.readers).await?;
            let (live, abandoned): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            Ok(Answered { live: live.unsigned_abs(), abandoned: abandoned.unsigned_abs() })
        })
        .await
    }
}
