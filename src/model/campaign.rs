//! A campaign: a plan, a dlma and a destination put to work, and where that stands.

use serde::{Deserialize, Serialize};

use super::codes::{CampaignStatus, ScMode};
use super::fields::{FieldError, Fields, UUID_FORM};
use super::ids::{CampaignUuid, DestinationUuid, DlmaUuid, PlanUuid};
use super::time::Timestamp;

/// What OutCampaignCreate makes. Its JSON has the column names of the original's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its id.
    pub uuid: CampaignUuid,
    /// For people.
    pub detail: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// Where it stands.
    pub status: CampaignStatus,
    /// False once deleted.
    #[serde(with = "super::in_use")]
    pub in_use: bool,
    /// Starts when this one ends; not in use yet.
    pub next_campaign: Option<CampaignUuid>,
    /// How it dials.
    pub plan: Option<PlanUuid>,
    /// Whom it dials.
    pub dlma: Option<DlmaUuid>,
    /// Where answered calls go.
    pub dest: Option<DestinationUuid>,
    /// Its share where campaigns compete, 1 to 100.
    pub weight: u32,
    /// Whether it follows its schedule.
    pub sc_mode: ScMode,
    /// First date of the schedule.
    pub sc_date_start: Option<String>,
    /// Last date of the schedule.
    pub sc_date_end: Option<String>,
    /// Dates of the schedule.
    pub sc_date_list: Option<String>,
    /// Dates that are excepted from the schedule.
    pub sc_date_list_except: Option<String>,
    /// When its window opens.
    pub sc_time_start: Option<String>,
    /// When its window closes.
    pub sc_time_end: Option<String>,
    /// Days of the week of the schedule.
    pub sc_day_list: Option<String>,
    /// When it was created.
    pub tm_create: Timestamp,
    /// When it was deleted.
    pub tm_delete: Option<Timestamp>,
    /// When it was last updated.
    pub tm_update: Option<Timestamp>,
}

impl Campaign {
    /// A stopped campaign of these fields. Whether the plan, dlma and destination exist is for the store to say.
    pub fn create(uuid: CampaignUuid, fields: &Fields, now: Timestamp) -> Result<Self, FieldError> {
        let mut campaign = Self {
            uuid,
            detail: None,
            name: None,
            status: CampaignStatus::Stop,
            in_use: true,
            next_campaign: None,
            plan: None,
            dlma: None,
            dest: None,
            weight: 1,
            sc_mode: ScMode::Off,
            sc_date_start: None,
            sc_date_end: None,
            sc_date_list: None,
            sc_date_list_except: None,
            sc_time_start: None,
            sc_time_end: None,
            sc_day_list: None,
            tm_create: now,
            tm_delete: None,
            tm_update: None,
        };
        campaign.apply(fields)?;
        Ok(campaign)
    }

    /// The campaign with these fields changed, all but its status.
    pub fn updated(&self, fields: &Fields, now: Timestamp) -> Result<Self, FieldError> {
        let mut campaign = Self { tm_update: Some(now), ..self.clone() };
        campaign.apply(fields)?;
        Ok(campaign)
    }

    fn apply(&mut self, fields: &Fields) -> Result<(), FieldError> {
        if let Some(name) = fields.text("Name")? {
            self.name = name;
        }
        if let Some(detail) = fields.text("Detail")? {
            self.detail = detail;
        }
        if let Some(plan) = fields.parsed_or_unset("Plan", UUID_FORM)? {
            self.plan = plan;
        }
        if let Some(dlma) = fields.parsed_or_unset("Dlma", UUID_FORM)? {
            self.dlma = dlma;
        }
        if let Some(dest) = fields.parsed_or_unset("Dest", UUID_FORM)? {
            self.dest = dest;
        }
        if let Some(weight) = fields.number("Weight", 1..=100, "")? {
            self.weight = weight;
        }
        if let Some(mode) = fields.parsed::<ScMode>("ScMode", "0 (no schedule) or 1 (schedule)")? {
            if mode == ScMode::Schedule {
                return Err(FieldError::invalid(
                    "ScMode",
                    "1",
                    "0 (no schedule): schedules are not built yet",
                ));
            }
            self.sc_mode = mode;
        }
        fields.refuse_unbuilt(&[
            "ScTimeStart",
            "ScTimeEnd",
            "ScDateStart",
            "ScDateEnd",
            "ScDateList",
            "ScDateListExcept",
            "ScDayList",
            "ScTimezone",
            "NextCampaign",
        ])
    }

    /// The status that a request asks for, where it does.
    pub fn requested_status(fields: &Fields) -> Result<Option<CampaignStatus>, FieldError> {
        fields.parsed(
            "Status",
            "0 (stop), 1 (start), 2 (pause), 10 (stopping), 11 (starting), 12 (pausing) or 30 (stopping forcedly)",
        )
    }
}
