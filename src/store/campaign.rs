//! Table `campaign`: campaigns, what they may start with, and what they keep from being deleted.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, query};
use uuid::Uuid;

use super::command::Done;
use super::error::Fault;
use super::row::{self, Stored};
use super::{Store, StoreError, next};
use crate::engine::campaign::on_request;
use crate::engine::window;
use crate::model::campaign::Campaign;
use crate::model::codes::CampaignStatus;
use crate::model::destination::Destination;
use crate::model::dlma::Dlma;
use crate::model::fields::{FieldError, Fields};
use crate::model::ids::{CampaignUuid, DestinationUuid, DlmaUuid, PlanUuid};
use crate::model::plan::Plan;
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Timestamp;

impl Stored for Campaign {
    const KIND: NounKind = NounKind::Campaign;
    const SAVE: &'static str = row::save_sql!("campaign": "detail" "name" "status" "in_use" "next_campaign" "plan" "dlma"
        "dest" "weight" "sc_mode" "sc_date_start" "sc_date_end" "sc_date_list" "sc_date_list_except" "sc_time_start"
        "sc_time_end" "sc_day_list" "sc_timezone" "sc_served" "tm_create" "tm_delete" "tm_update");
    const ONE: &'static str = "SELECT * FROM campaign WHERE uuid = ?1 AND in_use = 1";
    const TAKEN: &'static str = "SELECT 1 FROM campaign WHERE uuid = ?1";
}

pub(super) const ALL: &str = "SELECT * FROM campaign WHERE in_use = 1 ORDER BY rowid";
const PAUSE_ALL: &str =
    "UPDATE campaign SET status = 2 WHERE in_use = 1 AND status IN (1, 11, 12) RETURNING uuid";
const USES_PLAN: &str =
    "SELECT uuid, name, status FROM campaign WHERE in_use = 1 AND status <> 0 AND plan = ?1 LIMIT 1";
const USES_DLMA: &str =
    "SELECT uuid, name, status FROM campaign WHERE in_use = 1 AND status <> 0 AND dlma = ?1 LIMIT 1";
const USES_DEST: &str =
    "SELECT uuid, name, status FROM campaign WHERE in_use = 1 AND status <> 0 AND dest = ?1 LIMIT 1";
const DIALS_BY_PLAN: &str = "SELECT 1 FROM campaign WHERE in_use = 1 AND status <> 0 AND status IN (1, 2, 11, 12) AND plan = ?1 LIMIT 1";
const HAS_DIALING: &str = "SELECT 1 FROM dialing WHERE campaign_uuid = ?1 AND open = 1 LIMIT 1";
const DIALLED_IN_LIST: &str = "SELECT coalesce(sum(dialing), 0) FROM dl_rung WHERE dlma_uuid = ?1";
const DIALS_LIST: &str = "SELECT campaign_uuid FROM dialing WHERE open = 1 AND dlma_uuid = ?1 LIMIT 1";
const ANY: &str = "SELECT uuid, name, status FROM campaign WHERE uuid = ?1";

pub(super) async fn create(
    conn: &mut SqliteConnection,
    now: Timestamp,
    uuid: Uuid,
    fields: &Fields,
) -> Result<Campaign, Fault> {
    let uuid = row::new_uuid::<Campaign>(conn, uuid, fields).await?;
    let campaign = Campaign::create(CampaignUuid::new(uuid), fields, now)?;
    if let Some(status) = Campaign::requested_status(fields)?.filter(|status| *status != CampaignStatus::Stop)
    {
        let allowed = "0 (stop): a new campaign is stopped, and started by an update";
        return Err(FieldError::invalid("Status", &status.to_string(), allowed).into());
    }
    check_parts(conn, &campaign, fields).await?;
    row::save(conn, &campaign).await?;
    Ok(campaign)
}

pub(super) async fn update(
    conn: &mut SqliteConnection,
    now: Timestamp,
    fields: &Fields,
) -> Result<Campaign, Fault> {
    let before = row::requested::<Campaign>(conn, fields).await?;
    let mut campaign = before.updated(fields, now)?;
    check_parts(conn, &campaign, fields).await?;
    let requested = Campaign::requested_status(fields)?;
    if let Some(requested) = requested {
        campaign.status =
            on_request(campaign.status, requested).map_err(|refused| Refusal::Status(refused.to_string()))?;
    }
    window::changed(&before, &mut campaign, requested, now)
        .map_err(|refused| Refusal::Status(refused.to_string()))?;
    let starts = matches!(requested, Some(CampaignStatus::Start | CampaignStatus::Starting));
    let changed = ["Plan", "Dlma", "Dest"].iter().any(|field| fields.raw(field).is_some());
    if starts || (changed && is_dialing(campaign.status)) {
        check_ready(conn, &campaign).await?;
    }
    row::save(conn, &campaign).await?;
    Ok(campaign)
}

pub(super) async fn delete(
    conn: &mut SqliteConnection,
    now: Timestamp,
    fields: &Fields,
) -> Result<Campaign, Fault> {
    let campaign: Campaign = row::requested(conn, fields).await?;
    let uuid = campaign.uuid.to_string();
    let dials = query(HAS_DIALING).bind(&uuid).fetch_optional(&mut *conn).await?.is_some();
    if campaign.status != CampaignStatus::Stop || dials {
        let name = campaign.name.unwrap_or_default();
        return Err(Refusal::InUse { campaign: uuid, name, status: campaign.status.code() }.into());
    }
    next::check_unnamed(conn, campaign.uuid).await?;
    let campaign = Campaign { in_use: false, tm_delete: Some(now), ..campaign };
    row::save(conn, &campaign).await?;
    Ok(campaign)
}

pub(super) async fn transition(
    conn: &mut SqliteConnection,
    now: Timestamp,
    campaign: CampaignUuid,
    from: CampaignStatus,
    to: CampaignStatus,
) -> Result<Done, Fault> {
    let stands = row::one::<Campaign>(&mut *conn, campaign.uuid()).await?;
    let moved = stands.filter(|campaign| campaign.status == from);
    let Some(campaign) = moved.and_then(|campaign| window::moved(&campaign, to, now)) else {
        return Ok(Done::NotMoved);
    };
    if to == CampaignStatus::Starting
        && let Err(fault) = check_ready(conn, &campaign).await
    {
        return match fault {
            Fault::Refused(_) => Ok(Done::NotMoved),
            other => Err(other),
        };
    }
    row::save(conn, &campaign).await?;
    let next = match (from, to) {
        (CampaignStatus::Start, CampaignStatus::Stopping) => next::start(conn, now, &campaign).await?,
        _ => None,
    };
    Ok(Done::Moved { campaign, next })
}

/// Pauses every campaign that dials, or would; gives their uuids.
pub(super) async fn pause_all(conn: &mut SqliteConnection) -> Result<Vec<String>, Fault> {
    let rows = query(PAUSE_ALL).fetch_all(conn).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Whether a campaign of that status dials, or will without its parts being looked at again.
const fn is_dialing(status: CampaignStatus) -> bool {
    match status {
        CampaignStatus::Start
        | CampaignStatus::Starting
        | CampaignStatus::Pause
        | CampaignStatus::Pausing => true,
        CampaignStatus::Stop | CampaignStatus::Stopping | CampaignStatus::StoppingForcedly => false,
    }
}

/// Plan, dlma and destination that the request names must be there.
async fn check_parts(conn: &mut SqliteConnection, campaign: &Campaign, fields: &Fields) -> Result<(), Fault> {
    if let (Some(plan), Some(_)) = (campaign.plan, fields.raw("Plan")) {
        row::named::<Plan>(conn, "Plan", plan.uuid()).await?;
    }
    if let (Some(dlma), Some(_)) = (campaign.dlma, fields.raw("Dlma")) {
        row::named::<Dlma>(conn, "Dlma", dlma.uuid()).await?;
    }
    if let (Some(dest), Some(_)) = (campaign.dest, fields.raw("Dest")) {
        row::named::<Destination>(conn, "Dest", dest.uuid()).await?;
    }
    if let (Some(next), Some(_)) = (campaign.next_campaign, fields.raw("NextCampaign")) {
        next::check(conn, campaign.uuid, next).await?;
    }
    Ok(())
}

/// All that dialing needs must be there.
pub(super) async fn check_ready(conn: &mut SqliteConnection, campaign: &Campaign) -> Result<(), Fault> {
    let plan =
        campaign.plan.ok_or_else(|| FieldError::missing("Plan", "a plan, for a campaign that dials"))?;
    let dlma =
        campaign.dlma.ok_or_else(|| FieldError::missing("Dlma", "a dlma, for a campaign that dials"))?;
    let dest = campaign
        .dest
        .ok_or_else(|| FieldError::missing("Dest", "a destination, for a campaign that dials"))?;
    let plan: Plan = row::named(conn, "Plan", plan.uuid()).await?;
    row::named::<Dlma>(conn, "Dlma", dlma.uuid()).await?;
    row::named::<Destination>(conn, "Dest", dest.uuid()).await?;
    match plan.why_not_dialled() {
        None => Ok(()),
        Some((field, given, allowed)) => {
            let allowed = format!("a plan with {field} {allowed}, not \"{given}\"");
            Err(FieldError::invalid("Plan", &plan.uuid.to_string(), allowed).into())
        }
    }
}

/// Whether a campaign dials by that plan, or will once it is no longer paused.
pub(super) async fn dials_by(conn: &mut SqliteConnection, plan: PlanUuid) -> Result<bool, Fault> {
    Ok(query(DIALS_BY_PLAN).bind(plan.to_string()).fetch_optional(conn).await?.is_some())
}

/// What a campaign uses.
pub(super) enum Used {
    Plan(PlanUuid),
    Dlma(DlmaUuid),
    Destination(DestinationUuid),
}

/// Refuses where a campaign that is not stopped uses it.
pub(super) async fn check_unused(conn: &mut SqliteConnection, used: Used) -> Result<(), Fault> {
    let query = match used {
        Used::Plan(uuid) => query(USES_PLAN).bind(uuid.to_string()),
        Used::Dlma(uuid) => query(USES_DLMA).bind(uuid.to_string()),
        Used::Destination(uuid) => query(USES_DEST).bind(uuid.to_string()),
    };
    match query.fetch_optional(conn).await? {
        None => Ok(()),
        Some(row) => Err(in_use(&row)?.into()),
    }
}

/// Refuses where a contact of that list is being dialled.
pub(super) async fn check_no_dl_is_dialled(conn: &mut SqliteConnection, dlma: DlmaUuid) -> Result<(), Fault> {
    let dlma = dlma.to_string();
    let dialled: i64 = query(DIALLED_IN_LIST).bind(&dlma).fetch_one(&mut *conn).await?.try_get(0)?;
    if dialled == 0 {
        return Ok(());
    }
    let campaign = match query(DIALS_LIST).bind(&dlma).fetch_optional(&mut *conn).await? {
        Some(row) => Some(row::parsed("dialing", &row, "campaign_uuid")?),
        None => None,
    };
    Err(dials(conn, campaign).await?)
}

/// The refusal of what that campaign dials.
pub(super) async fn dials(
    conn: &mut SqliteConnection,
    campaign: Option<CampaignUuid>,
) -> Result<Fault, Fault> {
    let uuid = campaign.map(|uuid| uuid.to_string()).unwrap_or_default();
    let refusal = match query(ANY).bind(&uuid).fetch_optional(conn).await? {
        Some(row) => in_use(&row)?,
        None => Refusal::InUse { campaign: uuid, name: String::new(), status: 0 },
    };
    Ok(refusal.into())
}

fn in_use(row: &SqliteRow) -> Result<Refusal, Fault> {
    let name: Option<String> = row.try_get("name")?;
    Ok(Refusal::InUse {
        campaign: row.try_get("uuid")?,
        name: name.unwrap_or_default(),
        status: row.try_get("status")?,
    })
}

impl Store {
    /// Campaigns in use, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn campaigns(&self) -> Result<Vec<Campaign>, StoreError> {
        self.reading("reading campaigns", async { row::records(&query(ALL).fetch_all(&self.readers).await?) })
            .await
    }

    /// One campaign in use.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn campaign(&self, uuid: CampaignUuid) -> Result<Option<Campaign>, StoreError> {
        self.reading("reading a campaign", row::one(&self.readers, uuid.uuid())).await
    }
}
