//! `NextCampaign`: the campaign that starts when another one's list has ended, in the transaction in which that stops.

use std::collections::BTreeSet;

use sqlx::{Row, SqliteConnection, query};

use super::error::Fault;
use super::{campaign, row, stat};
use crate::engine::campaign::on_request;
use crate::engine::selection::By;
use crate::engine::window;
use crate::model::campaign::Campaign;
use crate::model::codes::CampaignStatus;
use crate::model::fields::FieldError;
use crate::model::ids::CampaignUuid;
use crate::model::plan::Plan;
use crate::model::refusal::Refusal;
use crate::model::time::Timestamp;

const NAMED_BY: &str = "SELECT uuid, name FROM campaign WHERE in_use = 1 AND next_campaign = ?1 LIMIT 1";

/// A campaign that is there may be the next one, unless the way leads back.
pub(super) async fn check(
    conn: &mut SqliteConnection,
    of: CampaignUuid,
    next: CampaignUuid,
) -> Result<(), Fault> {
    if next != of {
        row::named::<Campaign>(conn, "NextCampaign", next.uuid()).await?;
    }
    // A round that somebody's own SQL has made has no end.
    let mut seen = BTreeSet::new();
    let mut way = Some(next);
    while let Some(uuid) = way.filter(|uuid| seen.insert(*uuid)) {
        if uuid == of {
            let allowed = "a campaign behind which this one does not come, or none: the two would start each other for ever";
            return Err(FieldError::invalid("NextCampaign", &next.to_string(), allowed).into());
        }
        way =
            row::one::<Campaign>(&mut *conn, uuid.uuid()).await?.and_then(|campaign| campaign.next_campaign);
    }
    Ok(())
}

/// Refuses where another campaign is to be followed by it.
pub(super) async fn check_unnamed(conn: &mut SqliteConnection, next: CampaignUuid) -> Result<(), Fault> {
    let Some(row) = query(NAMED_BY).bind(next.to_string()).fetch_optional(conn).await? else { return Ok(()) };
    let name: Option<String> = row.try_get("name")?;
    Err(Refusal::NextOf { campaign: row.try_get("uuid")?, name: name.unwrap_or_default() }.into())
}

/// Starts the one that comes behind `ended`, if the list of that has ended, and as an operator's start would. What keeps it from starting is
/// told, for there is nobody to answer.
pub(super) async fn start(
    conn: &mut SqliteConnection,
    now: Timestamp,
    ended: &Campaign,
) -> Result<Option<Campaign>, Fault> {
    let Some(next) = ended.next_campaign else { return Ok(None) };
    if !list_has_ended(conn, ended).await? {
        return Ok(None);
    }
    match started(conn, now, next).await {
        Ok(None) => Ok(None),
        Ok(Some(campaign)) => {
            row::save(conn, &campaign).await?;
            Ok(Some(campaign))
        }
        Err(Fault::Refused(why)) => {
            tracing::warn!(campaign = %next, behind = %ended.uuid, "the next campaign does not start: {why}");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Whether no contact of its list waits or is being dialled: its stop is its list's end, and not its schedule's.
async fn list_has_ended(conn: &mut SqliteConnection, campaign: &Campaign) -> Result<bool, Fault> {
    let (Some(plan), Some(dlma)) = (campaign.plan, campaign.dlma) else { return Ok(false) };
    let Some(plan) = row::one::<Plan>(&mut *conn, plan.uuid()).await? else { return Ok(false) };
    let outlook = stat::outlook(
        &stat::rungs(&mut *conn, dlma).await?,
        By { plan: &plan, zone: campaign.schedule.zone() },
    );
    Ok(outlook.waiting == 0 && outlook.dialing == 0)
}

/// Its record once it is started; `None` where it dials already, or an operator has paused it.
async fn started(
    conn: &mut SqliteConnection,
    now: Timestamp,
    next: CampaignUuid,
) -> Result<Option<Campaign>, Fault> {
    use CampaignStatus::{Pause, Pausing, Start, Starting, Stop, Stopping, StoppingForcedly};
    let before: Campaign = row::named(conn, "NextCampaign", next.uuid()).await?;
    match before.status {
        Start | Starting | Pause | Pausing => return Ok(None),
        Stop | Stopping | StoppingForcedly => {}
    }
    let status = |refused: &dyn std::fmt::Display| Refusal::Status(refused.to_string());
    let mut campaign = Campaign { tm_update: Some(now), ..before.clone() };
    campaign.status = on_request(before.status, Starting).map_err(|refused| status(&refused))?;
    window::changed(&before, &mut campaign, Some(Starting), now).map_err(|refused| status(&refused))?;
    campaign::check_ready(conn, &campaign).await?;
    Ok(Some(campaign))
}
