//! Table `plan`.

use sqlx::{SqliteConnection, query};
use uuid::Uuid;

use super::campaign::{self, Used};
use super::error::Fault;
use super::row::{self, Stored};
use super::writer::Rules;
use super::{Store, StoreError};
use crate::model::destination::Destination;
use crate::model::fields::{FieldError, Fields};
use crate::model::ids::PlanUuid;
use crate::model::plan::Plan;
use crate::model::refusal::NounKind;
use crate::model::time::Timestamp;

impl Stored for Plan {
    const KIND: NounKind = NounKind::Plan;
    const SAVE: &'static str = row::save_sql!("plan": "name" "detail" "in_use" "variables" "dial_mode" "dial_timeout"
        "caller_id" "dl_end_handle" "retry_delay" "retry_delay_busy" "retry_delay_noanswer" "retry_delay_congestion" "retry_delay_failed"
        "trunk_fault_retries" "power_ratio" "abandon_target" "abandon_window" "abandon_after" "min_ring" "abandon_dest"
        "count_amd_false_positives" "contact_cap" "number_cap" "calling_hours" "holidays" "trunk_name" "tech_name" "service_level" "early_media" "codecs"
        "uui_field" "max_retry_cnt_1" "max_retry_cnt_2" "max_retry_cnt_3" "max_retry_cnt_4" "max_retry_cnt_5"
        "max_retry_cnt_6" "max_retry_cnt_7" "max_retry_cnt_8" "tm_create" "tm_delete" "tm_update");
    const ONE: &'static str = "SELECT * FROM plan WHERE uuid = ?1 AND in_use = 1";
    const TAKEN: &'static str = "SELECT 1 FROM plan WHERE uuid = ?1";
}

pub(super) const ALL: &str = "SELECT * FROM plan WHERE in_use = 1 ORDER BY rowid";

pub(super) async fn create(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    uuid: Uuid,
    fields: &Fields,
) -> Result<Plan, Fault> {
    let uuid = row::new_uuid::<Plan>(conn, uuid, fields).await?;
    let plan = Plan::create(PlanUuid::new(uuid), fields, &rules.policy, now)?;
    check_abandon_dest(conn, &plan).await?;
    row::save(conn, &plan).await?;
    Ok(plan)
}

pub(super) async fn update(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    fields: &Fields,
) -> Result<Plan, Fault> {
    let plan = row::requested::<Plan>(conn, fields).await?.updated(fields, &rules.policy, now)?;
    check_abandon_dest(conn, &plan).await?;
    if campaign::dials_by(conn, plan.uuid).await?
        && let Some((field, given, allowed)) = plan.why_not_dialled()
    {
        let allowed = format!("{allowed}, while a campaign dials by the plan");
        return Err(FieldError::invalid(field, &given, allowed).into());
    }
    row::save(conn, &plan).await?;
    Ok(plan)
}

pub(super) async fn delete(
    conn: &mut SqliteConnection,
    now: Timestamp,
    fields: &Fields,
) -> Result<Plan, Fault> {
    let plan: Plan = row::requested(conn, fields).await?;
    campaign::check_unused(conn, Used::Plan(plan.uuid)).await?;
    let plan = Plan { in_use: false, tm_delete: Some(now), ..plan };
    row::save(conn, &plan).await?;
    Ok(plan)
}

/// The destination of those whom no agent takes has to be there.
async fn check_abandon_dest(conn: &mut SqliteConnection, plan: &Plan) -> Result<(), Fault> {
    if let Some(uuid) = plan.abandonment.dest {
        let _found: Destination = row::named(conn, "AbandonDest", uuid.uuid()).await?;
    }
    Ok(())
}

impl Store {
    /// Plans in use, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn plans(&self) -> Result<Vec<Plan>, StoreError> {
        self.reading("reading plans", async { row::records(&query(ALL).fetch_all(&self.readers).await?) })
            .await
    }

    /// One plan in use.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn plan(&self, uuid: PlanUuid) -> Result<Option<Plan>, StoreError> {
        self.reading("reading a plan", row::one(&self.readers, uuid.uuid())).await
    }
}
