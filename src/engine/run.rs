//! What the engine keeps of one campaign: its record, the capsule of its next attempts, and what is known of its list.

use std::sync::Arc;
use std::time::Duration;

use super::Outlook;
use super::dialing::Call;
use crate::model::campaign::Campaign;
use crate::model::codes::{CampaignStatus, DlEndHandle};
use crate::model::dialing::Capsule;
use crate::model::time::Now;

/// How long after a failed commit the next one is tried.
pub(super) const STORE_RETRY: Duration = Duration::from_secs(1);

/// What a call costs a campaign of weight 1 of its turns; one of weight 2 pays half of it.
const TURN: u64 = 1_000_000;

/// A claim under way.
#[derive(Debug)]
pub(super) struct Claim {
    /// How many contacts it asks for.
    pub(super) calls: usize,
    /// When it was sent.
    pub(super) at: Duration,
    /// The start of the Asterisk that its attempts are for.
    pub(super) epoch: String,
    /// The queue that its calls are for.
    pub(super) queue: Option<String>,
    /// What its calls go over.
    pub(super) trunk: String,
    /// Whether the list has changed since, so that its outlook is out of date.
    stale: bool,
}

impl Claim {
    pub(super) fn new(calls: usize, at: Duration, epoch: String, capsule: &Capsule) -> Self {
        let queue = capsule.destination.queue();
        Self { calls, at, epoch, queue, trunk: capsule.plan.trunk(), stale: false }
    }
}

/// One campaign.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) campaign: Campaign,
    /// `None` where it has to be made anew.
    pub(super) capsule: Option<Arc<Capsule>>,
    pub(super) claiming: Option<Claim>,
    /// The status that it is being moved to.
    pub(super) moving: Option<CampaignStatus>,
    /// What remains of the list; `None` where it has to be asked.
    pub(super) outlook: Option<Outlook>,
    /// After a failed commit: when to go on.
    pub(super) retry_at: Option<Duration>,
    /// Its dialings that have not ended.
    pub(super) open: usize,
    /// Those among them whose Originate has no answer of Asterisk's yet.
    pub(super) unacknowledged: usize,
    /// Grows with each call, the less the more its campaign weighs: who has the least is served first.
    pub(super) turn: u64,
}

impl Run {
    pub(super) fn new(campaign: Campaign) -> Self {
        Self {
            campaign,
            capsule: None,
            claiming: None,
            moving: None,
            outlook: None,
            retry_at: None,
            open: 0,
            unacknowledged: 0,
            turn: 0,
        }
    }

    /// A call of its comes in.
    pub(super) fn admit(&mut self, call: &Call) {
        self.open += 1;
        self.unacknowledged += usize::from(call.is_unacknowledged());
    }

    /// What so many calls cost of its turns.
    pub(super) fn price(&self, calls: usize) -> u64 {
        (TURN / u64::from(self.campaign.weight.max(1))).saturating_mul(calls as u64)
    }

    /// Takes the committed record. A change of status that is under way stays so, unless this is what came of it.
    pub(super) fn set_campaign(&mut self, campaign: Campaign) {
        self.moving = self.moving.filter(|to| *to != campaign.status);
        self.campaign = campaign;
        self.capsule = None;
        self.look_again();
    }

    /// The list may have changed: what is known of it no longer counts.
    pub(super) fn look_again(&mut self) {
        self.outlook = None;
        if let Some(claim) = &mut self.claiming {
            claim.stale = true;
        }
    }

    /// A claim came back. Its outlook counts only where nothing changed meanwhile.
    pub(super) fn claimed(&mut self, claim: &Claim, outlook: Outlook) {
        if !claim.stale {
            self.outlook = Some(outlook);
        }
    }

    /// A commit has failed, or did nothing: not again at full speed.
    pub(super) fn wait(&mut self, now: Now) {
        self.retry_at = Some(now.mono + STORE_RETRY);
    }

    /// Whether a claim under way may bring calls.
    pub(super) fn is_claiming_calls(&self) -> bool {
        self.claiming.as_ref().is_some_and(|claim| claim.calls > 0)
    }

    /// Whether a claim may be made for it, as far as it alone says: a list without contacts that wait has none.
    pub(super) fn may_claim(&self) -> bool {
        self.campaign.status == CampaignStatus::Start
            && self.moving.is_none()
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
