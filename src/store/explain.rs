//! How contacts stand, for whoever asks why they are not dialled.

use sqlx::{Row, SqliteConnection, query};

use super::error::Fault;
use super::row;
use super::{Store, StoreError, put_off, stat};
use crate::engine::Outlook;
use crate::engine::calling::History;
use crate::engine::explain::{AHEAD_AT_MOST, Standing};
use crate::engine::selection::{self, By};
use crate::model::dl::Dl;
use crate::model::ids::{CampaignUuid, DlUuid, DlmaUuid};
use crate::model::plan::Plan;
use crate::model::refusal::NounKind;
use crate::model::rung::{Past, Rung};
use crate::model::time::Timestamp;

/// No index has the numbers: it would cost every import more than this costs the few who ask.
const OF_NUMBER: &str = "SELECT d.* FROM dl_list d
    WHERE d.in_use = 1
        AND ?1 IN (d.number_1, d.number_2, d.number_3, d.number_4, d.number_5, d.number_6, d.number_7, d.number_8)
        AND EXISTS (SELECT 1 FROM dl_list_ma m WHERE m.uuid = d.dlma_uuid AND m.in_use = 1)
    ORDER BY d.id LIMIT ?2";
const STANDING: &str =
    "SELECT d.*, EXISTS (SELECT 1 FROM dialing WHERE dl_uuid = d.uuid AND open = 1) AS is_open
    FROM dl_list d WHERE d.uuid = ?1 AND d.in_use = 1";
/// Contacts of a rung that wait as in `claim::PICK`, from the one that is first there until one place before ?4, ?5.
const AHEAD: &str = "SELECT count(*) FROM (SELECT 1 FROM dl_list
    WHERE dlma_uuid = ?1 AND rung = ?2 AND past = ?7 AND in_use = 1 AND status = 0 AND res_dial <> 4 AND held = 0
        AND turn <= ?3 AND (turn, id) < (?4, ?5) LIMIT ?6)";

impl Store {
    /// At most `count` contacts in use that have that number, of whichever lists.
    ///
    /// # Errors
    /// Where the database fails, or takes too long: every contact is looked at.
    pub async fn dls_of_number(&self, number: &str, count: u32) -> Result<Vec<Dl>, StoreError> {
        self.reading("looking for a number", async {
            let rows = query(OF_NUMBER).bind(number).bind(count).fetch_all(&self.readers).await?;
            row::records(&rows)
        })
        .await
    }

    /// What is left of a campaign's list by its plan; `None` where it lacks one of them, or is gone.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn outlook(&self, campaign: CampaignUuid) -> Result<Option<Outlook>, StoreError> {
        let campaign = self.campaign(campaign).await?;
        let parts =
            campaign.and_then(|campaign| Some((campaign.plan?, campaign.dlma?, campaign.schedule.zone())));
        let Some((plan, dlma, zone)) = parts else { return Ok(None) };
        self.reading("reading what is left of a list", async {
            let Some(plan) = row::one::<Plan>(&self.readers, plan.uuid()).await? else { return Ok(None) };
            let mut outlook =
                stat::outlook(&stat::rungs(&self.readers, dlma).await?, By { plan: &plan, zone });
            if plan.tech_name.is_none() {
                // As in the claim: nothing can be dialled by it, so nothing is due.
                outlook.next_due = None;
            }
            Ok(Some(outlook))
        })
        .await
    }

    /// How a contact stands in its list by a plan, in a campaign of that zone; without one nobody comes before it. `None`
    /// where it is gone.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn standing(
        &self,
        uuid: DlUuid,
        by: Option<By<'_>>,
        now: Timestamp,
    ) -> Result<Option<Standing>, StoreError> {
        self.reading("reading how a contact stands", async {
            let mut reader = self.readers.acquire().await?;
            let Some(found) = query(STANDING).bind(uuid.to_string()).fetch_optional(&mut *reader).await?
            else {
                return Ok(None);
            };
            let dl: Dl = row::record(NounKind::Dl.word(), &found)?;
            let (turn, id): (i64, i64) = (found.try_get("turn")?, found.try_get("id")?);
            let past: Past = row::parsed(NounKind::Dl.word(), &found, "past")?;
            let rung = dl.rung().with(past);
            let (mut ahead, mut put_off, mut history) = (0, None, History::default());
            if let Some(by) = by {
                ahead = ahead_of(&mut reader, &dl, rung, (turn, id), by, now).await?;
                let is_put_off = rung.put_off(|| by.terms()) == Some(true);
                put_off = is_put_off.then(|| Timestamp::from_micros(turn));
                if let Some(index) = selection::next_number(&rung, by.plan) {
                    let all = put_off::histories(&mut reader, by, now, &[(&dl, index)]).await?;
                    history = all.into_iter().next().unwrap_or_default();
                }
            }
            let (last_end, open) = (found.try_get("last_end")?, found.try_get("is_open")?);
            Ok(Some(Standing { dl, last_end, open, ahead, put_off, history }))
        })
        .await
    }
}

/// How many due contacts a claim takes before that one, which stands at `place` of its rung.
async fn ahead_of(
    reader: &mut SqliteConnection,
    dl: &Dl,
    own: Rung,
    place: (i64, i64),
    by: By<'_>,
    now: Timestamp,
) -> Result<u64, Fault> {
    const END: (i64, i64) = (i64::MAX, i64::MAX);
    let rungs = stat::rungs(&mut *reader, dl.dlma_uuid).await?;
    let (plan, terms) = (by.plan, by.terms());
    let mut ahead = 0;
    for (rung, _) in selection::ladder(rungs.iter().map(|count| count.rung), plan) {
        let is_own = rung == own;
        let until = if is_own { place } else { END };
        ahead +=
            on_rung(reader, dl.dlma_uuid, &rung, selection::turn_before(&rung, plan, || terms, now), until)
                .await?;
        if is_own || ahead >= AHEAD_AT_MOST {
            break;
        }
    }
    Ok(ahead.min(AHEAD_AT_MOST))
}

async fn on_rung(
    reader: &mut SqliteConnection,
    dlma: DlmaUuid,
    rung: &Rung,
    due_before: i64,
    (turn, id): (i64, i64),
) -> Result<u64, Fault> {
    let row = query(AHEAD)
        .bind(dlma.to_string())
        .bind(rung.to_string())
        .bind(due_before)
        .bind(turn)
        .bind(id)
        .bind(i64::try_from(AHEAD_AT_MOST).unwrap_or(i64::MAX))
        .bind(rung.past().to_string())
        .fetch_one(reader)
        .await?;
    Ok(row.try_get::<i64, _>(0)?.max(0).unsigned_abs())
}
