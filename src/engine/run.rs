//! What the engine keeps of one campaign: its record, the capsule of its next attempts, and what is known of its list.

use std::sync::Arc;
use std::time::Duration;

use super::Outlook;
use crate::model::campaign::Campaign;
use crate::model::codes::{CampaignStatus, DlEndHandle};
use crate::model::dialing::Capsule;
use crate::model::time::Now;

/// How long after a failed commit the next one is tried.
pub(super) const STORE_RETRY: Duration = Duration::from_secs(1);

/// One campaign.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) campaign: Campaign,
    /// `None` where it has to be made anew.
    pub(super) capsule: Option<Arc<Capsule>>,
    /// The claim under way: how many contacts it asks for, and when it was sent.
    pub(super) claiming: Option<(usize, Duration)>,
    /// Whether the claim under way began before the list changed, so that its outlook is out of date.
    stale: bool,
    /// Whether a change of status is under way.
    pub(super) moving: bool,
    /// What remains of the list; `None` where it has to be asked.
    pub(super) outlook: Option<Outlook>,
    /// After a failed commit: when to go on.
    pub(super) retry_at: Option<Duration>,
    /// Its dialings that have not ended.
    pub(super) open: usize,
    /// Those among them whose Originate has no answer of Asterisk's yet.
    pub(super) unacknowledged: usize,
}

impl Run {
    pub(super) fn new(campaign: Campaign) -> Self {
        Self {
            campaign,
            capsule: None,
            claiming: None,
            stale: false,
            moving: false,
            outlook: None,
            retry_at: None,
            open: 0,
            unacknowledged: 0,
        }
    }

    /// Takes the committed record; returns its status.
    pub(super) fn set_campaign(&mut self, campaign: Campaign) -> CampaignStatus {
        let status = campaign.status;
        self.campaign = campaign;
        self.capsule = None;
        self.moving = false;
        self.look_again();
        status
    }

    /// The list may have changed: what is known of it no longer counts.
    pub(super) fn look_again(&mut self) {
        self.outlook = None;
        self.stale = self.claiming.is_some();
    }

    /// A claim came back. Its outlook counts only where nothing changed meanwhile.
    pub(super) fn claimed(&mut self, outlook: Outlook) {
        self.claiming = None;
        if !std::mem::take(&mut self.stale) {
            self.outlook = Some(outlook);
        }
    }

    pub(super) fn store_failed(&mut self, now: Now) {
        self.claiming = None;
        self.moving = false;
        self.retry_at = Some(now.mono + STORE_RETRY);
    }

    /// Whether a claim may be made for it, as far as it alone says: a list without contacts that wait has none.
    pub(super) fn may_claim(&self) -> bool {
        self.campaign.status == CampaignStatus::Start
            && !self.moving
            && self.claiming.is_none()
            && self.retry_at.is_none()
            && self.outlook.is_none_or(|outlook| outlook.next_due.is_some())
    }

    /// Whether every contact is finished and the plan says that this stops the campaign.
    pub(super) fn list_has_ended(&self) -> bool {
        self.campaign.status == CampaignStatus::Start
            && self.outlook.is_some_and(|outlook| outlook.waiting == 0 && outlook.dialing == 0)
            && self
                .capsule
                .as_ref()
                .is_some_and(|capsule| capsule.plan.dl_end_handle == DlEndHandle::StopCampaign)
    }
}
