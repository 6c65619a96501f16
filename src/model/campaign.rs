//! A campaign: a plan, a dlma and a destination put to work, and where that stands.

use serde::{Deserialize, Serialize};

use super::codes::CampaignStatus;
use super::fields::{FieldError, Fields, UUID_FORM};
use super::ids::{CampaignUuid, DestinationUuid, DlmaUuid, PlanUuid};
use super::schedule::Schedule;
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
    /// Starts when this one ends by the end of its list.
    pub next_campaign: Option<CampaignUuid>,
    /// How it dials.
    pub plan: Option<PlanUuid>,
    /// Whom it dials.
    pub dlma: Option<DlmaUuid>,
    /// Where answered calls go.
    pub dest: Option<DestinationUuid>,
    /// Its share where campaigns compete, 1 to 100.
    pub weight: u32,
    /// When it starts and stops by itself.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// The close of the window that has had its start: that window does not start it again (see `engine::window`).
    pub sc_served: Option<Timestamp>,
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
            schedule: Schedule::off(),
            sc_served: None,
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
        if let Some(next) = fields.parsed_or_unset("NextCampaign", UUID_FORM)? {
            self.next_campaign = next;
        }
        self.schedule = self.schedule.updated(fields)?;
        Ok(())
    }

    /// The status that a request asks for, where it does.
    pub fn requested_status(fields: &Fields) -> Result<Option<CampaignStatus>, FieldError> {
        fields.parsed(
            "Status",
            "0 (stop), 1 (start), 2 (pause), 10 (stopping), 11 (starting), 12 (pausing) or 30 (stopping forcedly)",
        )
    }
}
