//! What the engine keeps of one campaign: its record, the capsule of its next attempts, and what is known of its list.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::dialing::Call;
use super::gate;
use super::route::Route;
use super::window::{self, Window};
use super::{Notice, Outlook};
use crate::model::campaign::Campaign;
use crate::model::codes::{CampaignStatus, DlEndHandle};
use crate::model::dialing::Capsule;
use crate::model::ids::DialingUuid;
use crate::model::time::{Now, Timestamp};

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
    /// The calls that pacing counts as dialled.
    pub(super) paced: Vec<DialingUuid>,
    /// Whether the list has changed since, so that its outlook is out of date.
    stale: bool,
}

impl Claim {
    pub(super) fn new(calls: usize, at: Duration, epoch: String, capsule: &Capsule) -> Self {
        let queue = capsule.destination.queue();
        Self { calls, at, epoch, queue, trunk: capsule.plan.trunk(), paced: Vec::new(), stale: false }
    }
}

/// What the schedule says from one time until another.
#[derive(Debug, Clone, Copy)]
struct Judged {
    window: Window,
    from: Timestamp,
    /// When that changes.
    to: Option<Timestamp>,
}

/// One campaign.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) campaign: Campaign,
    /// `None` where it has to be made anew.
    pub(super) capsule: Option<Arc<Capsule>>,
    /// Where its calls go, or what it lacks for that, once it was asked for.
    pub(super) route: OnceLock<Result<Box<Route>, &'static str>>,
    pub(super) claiming: Option<Claim>,
    /// What its schedule says, where it has one and was asked.
    judged: Option<Judged>,
    /// The window in which it was said that it cannot be started.
    pub(super) told: Option<Window>,
    /// The status that it is being moved to.
    pub(super) moving: Option<CampaignStatus>,
    /// Whether it is moved because its list has ended.
    pub(super) ends: bool,
    /// Calls that have ended since it was started, and those among them that were answered.
    pub(super) made: (u64, u64),
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

impl Judged {
    fn at(window: Window, wall: Timestamp) -> Self {
        let to = match window {
            Window::Open { until } => until,
            Window::Closed { opens } => opens,
        };
        Self { window, from: wall, to }
    }

    fn holds_at(&self, wall: Timestamp) -> bool {
        self.from <= wall && self.to.is_none_or(|to| wall < to)
    }
}

impl Run {
    pub(super) fn new(campaign: Campaign) -> Self {
        Self {
            campaign,
            capsule: None,
            route: OnceLock::new(),
            claiming: None,
            judged: None,
            told: None,
            moving: None,
            ends: false,
            made: (0, 0),
            outlook: None,
            retry_at: None,
            open: 0,
            unacknowledged: 0,
            turn: 0,
        }
    }

    /// What is told where the committed record is that of one whose list has ended.
    pub(super) fn list_end(&self, campaign: &Campaign) -> Option<Notice> {
        let stops = campaign.status == CampaignStatus::Stopping && self.moving == Some(campaign.status);
        let (calls, answered) = self.made;
        let (uuid, name) = (campaign.uuid, campaign.name.clone());
        (stops && self.ends).then_some(Notice::ListEnded { campaign: uuid, name, calls, answered })
    }

    /// A call of its comes in.
    pub(super) fn admit(&mut self, call: &Call) {
        self.open += 1;
        self.unacknowledged += usize::from(call.is_unacknowledged());
    }

    /// Whether it is not moved on just now: something that was asked of the store is not answered, or has failed.
    pub(super) fn is_busy(&self) -> bool {
        self.moving.is_some() || self.claiming.is_some() || self.retry_at.is_some()
    }

    /// What so many calls cost of its turns.
    pub(super) fn price(&self, calls: usize) -> u64 {
        (TURN / u64::from(self.campaign.weight.max(1))).saturating_mul(calls as u64)
    }

    /// Takes the committed record. A change of status that is under way stays so, unless this is what came of it.
    pub(super) fn set_campaign(&mut self, campaign: Campaign) {
        self.moving = self.moving.filter(|to| *to != campaign.status);
        let starts = campaign.status == CampaignStatus::Starting;
        if starts && matches!(self.campaign.status, CampaignStatus::Stop | CampaignStatus::Stopping) {
            self.made = (0, 0);
        }
        self.campaign = campaign;
        self.judged = None;
        self.refresh();
    }

    /// What it dials by has changed: attempts from now on are frozen with that.
    pub(super) fn refresh(&mut self) {
        self.capsule = None;
        self.route = OnceLock::new();
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
    pub(super) fn may_claim(&self, now: Now) -> bool {
        gate::OF_RUN.iter().all(|gate| !gate(self, now).holds())
    }

    /// Whether its schedule lets it dial now, where it has one. Asked before each claim and each Originate: the wall
    /// clock may have been set meanwhile.
    pub(super) fn is_in_window(&self, now: Now) -> bool {
        match self.judged.filter(|judged| judged.holds_at(now.wall)) {
            Some(Judged { window: Window::Open { .. }, .. }) => true,
            Some(Judged { window: Window::Closed { .. }, .. }) => false,
            None => window::is_open(&self.campaign.schedule, now.wall),
        }
    }

    /// What its schedule says now, and how long that holds; `None` where it has none.
    pub(super) fn window(&mut self, now: Now) -> Option<(Window, Option<Duration>)> {
        if !self.campaign.schedule.is_on() {
            return None;
        }
        let judged = match self.judged.filter(|judged| judged.holds_at(now.wall)) {
            Some(judged) => judged,
            None => *self.judged.insert(Judged::at(window::at(&self.campaign.schedule, now.wall), now.wall)),
        };
        Some((judged.window, judged.to.map(|to| to.since(now.wall))))
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
