//! The store of the [`crate::world::World`], in memory: claims by `engine::selection`, ends once, in commit order.

use std::collections::BTreeMap;
use std::sync::Arc;

use astout::engine::preview::Dial;
use astout::engine::{KeptPool, OpenDialing, Outlook, selection, window};
use astout::model::campaign::Campaign;
use astout::model::codes::{CampaignStatus, DialResult, DlStatus, Outcome};
use astout::model::destination::Destination;
use astout::model::dialing::{Attempt, Capsule, Ending, NextTry, Progress};
use astout::model::dl::Dl;
use astout::model::dlma::Dlma;
use astout::model::ids::{CampaignUuid, DestinationUuid, DialingUuid, DlUuid, DlmaUuid, PlanUuid};
use astout::model::number::NumberIndex;
use astout::model::plan::Plan;
use astout::model::preview::AGENT_VARIABLE;
use astout::model::time::Timestamp;
use uuid::Uuid;

/// A contact, and when its last try ended in microseconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub(crate) dl: Dl,
    pub(crate) last_end: i64,
}

/// Everything that is remembered.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) plans: BTreeMap<PlanUuid, Plan>,
    pub(crate) dlmas: BTreeMap<DlmaUuid, Dlma>,
    pub(crate) destinations: BTreeMap<DestinationUuid, Destination>,
    pub(crate) campaigns: BTreeMap<CampaignUuid, Campaign>,
    /// In the order in which they came.
    pub(crate) contacts: Vec<Contact>,
    pub(crate) open: BTreeMap<DialingUuid, OpenDialing>,
    /// Contacts that are kept for agents, each with its preview.
    pub(crate) kept: BTreeMap<DlUuid, DialingUuid>,
    /// The result lines.
    pub(crate) endings: Vec<Ending>,
    pub(crate) pools: BTreeMap<String, KeptPool>,
}

impl Records {
    /// Claims due contacts, fewest tries first, and says what remains.
    pub(crate) fn claim(
        &mut self,
        now: Timestamp,
        campaign: CampaignUuid,
        capsule: &Arc<Capsule>,
        ids: &[(DialingUuid, Uuid)],
        epoch: &str,
    ) -> (Vec<(Arc<Attempt>, Dl)>, Outlook) {
        let mut attempts = Vec::new();
        if self.may_dial(campaign, capsule) {
            for pair in ids {
                let Some((place, index)) = self.next_one(now, capsule) else { break };
                let dl = self.contacts[place].dl.clone();
                let Some(attempt) = Attempt::new(*pair, Arc::clone(capsule), dl, index, now) else { break };
                attempts.push(self.take(place, Arc::new(attempt), epoch));
            }
        }
        (attempts, self.outlook(capsule.dlma.uuid, &capsule.plan))
    }

    /// Keeps the contact that a claim would take for an agent, and says what remains.
    pub(crate) fn keep(
        &mut self,
        now: Timestamp,
        campaign: CampaignUuid,
        capsule: &Capsule,
        preview: DialingUuid,
    ) -> (Option<(Dl, NumberIndex)>, Outlook) {
        let found = self.may_dial(campaign, capsule).then(|| self.next_one(now, capsule)).flatten();
        let kept = found.map(|(place, index)| {
            let dl = self.contacts[place].dl.clone();
            assert!(self.kept.insert(dl.uuid, preview).is_none(), "a contact is kept twice");
            (dl, index)
        });
        (kept, self.outlook(capsule.dlma.uuid, &capsule.plan))
    }

    /// Keeps it no longer.
    pub(crate) fn let_go(&mut self, preview: DialingUuid, behind: Option<i64>) {
        let kept = self.kept.iter().find(|(_, of)| **of == preview).map(|(dl, _)| *dl);
        let Some(dl) = kept else { return };
        self.kept.remove(&dl);
        let contact = self.contacts.iter_mut().find(|contact| contact.dl.uuid == dl);
        if let (Some(contact), Some(behind)) = (contact, behind) {
            contact.last_end = behind;
        }
    }

    /// Claims the contact that is kept for an agent who has said go, and says what remains.
    pub(crate) fn dial(&mut self, now: Timestamp, dial: &Dial) -> (Vec<(Arc<Attempt>, Dl)>, Outlook) {
        let capsule = &dial.capsule;
        let is_it = |contact: &Contact| {
            contact.dl.uuid == dial.dl
                && waits(contact, capsule.dlma.uuid)
                && self.kept.get(&dial.dl) == Some(&dial.preview)
                && selection::numbers(&contact.dl.rung(), &capsule.plan).any(|index| index == dial.index)
        };
        let place = self.contacts.iter().position(is_it).filter(|_| self.may_dial(dial.campaign, capsule));
        self.let_go(dial.preview, None);
        let mut attempts = Vec::new();
        if let Some(place) = place {
            let mut dl = self.contacts[place].dl.clone();
            dl.variables = dl.variables.with(AGENT_VARIABLE, dial.agent.as_str());
            let ids = (dial.preview, dial.other);
            let attempt = Attempt::new(ids, Arc::clone(capsule), dl, dial.index, now).unwrap();
            attempts.push(self.take(place, Arc::new(attempt), &dial.epoch));
        }
        (attempts, self.outlook(capsule.dlma.uuid, &capsule.plan))
    }

    fn may_dial(&self, campaign: CampaignUuid, capsule: &Capsule) -> bool {
        self.campaigns.get(&campaign).is_some_and(|row| {
            row.status == CampaignStatus::Start
                && row.plan == Some(capsule.plan.uuid)
                && row.dlma == Some(capsule.dlma.uuid)
                && row.dest == Some(capsule.destination.uuid)
        })
    }

    /// The contact that is served next, by its place, and which of its numbers.
    fn next_one(&self, now: Timestamp, capsule: &Capsule) -> Option<(usize, NumberIndex)> {
        let plan = &capsule.plan;
        let waiting = self.contacts.iter().enumerate().filter(|(_, contact)| {
            waits(contact, capsule.dlma.uuid)
                && !self.kept.contains_key(&contact.dl.uuid)
                && contact.last_end <= selection::due_before(&contact.dl.rung(), plan, now)
        });
        let with_number = waiting.filter_map(|(place, contact)| {
            selection::next_number(&contact.dl.rung(), plan).map(|index| (place, contact, index))
        });
        let first =
            with_number.min_by_key(|(_, contact, _)| (contact.dl.rung().total(), contact.last_end))?;
        Some((first.0, first.2))
    }

    fn take(&mut self, place: usize, attempt: Arc<Attempt>, epoch: &str) -> (Arc<Attempt>, Dl) {
        let dl = &mut self.contacts[place].dl;
        dl.status = DlStatus::Dialing;
        dl.dialing_uuid = Some(attempt.uuid);
        dl.dialing_camp_uuid = Some(attempt.capsule.campaign.uuid);
        dl.dialing_plan_uuid = Some(attempt.capsule.plan.uuid);
        dl.tm_last_dial = Some(attempt.tm_create);
        dl.trycnt += 1;
        dl.tries.0[attempt.index.place()] += 1;
        let dl = dl.clone();
        let open = OpenDialing {
            attempt: attempt.clone(),
            progress: Progress::default(),
            epoch: Some(epoch.to_owned()),
            withdrawn: false,
        };
        assert!(self.open.insert(attempt.uuid, open).is_none(), "an id was given twice");
        (attempt, dl)
    }

    fn outlook(&self, dlma: DlmaUuid, plan: &Plan) -> Outlook {
        let mut outlook = Outlook::default();
        for contact in &self.contacts {
            if contact.dl.dlma_uuid == dlma && contact.dl.status == DlStatus::Dialing {
                outlook.dialing += 1;
            }
            let rung = contact.dl.rung();
            if waits(contact, dlma) && selection::next_number(&rung, plan).is_some() {
                outlook.waiting += 1;
                let due = selection::due_at(&rung, plan, contact.last_end);
                outlook.next_due = Some(outlook.next_due.map_or(due, |earlier| earlier.min(due)));
            }
        }
        outlook
    }

    /// Moves a campaign on, if it still stands at `from`.
    pub(crate) fn transition(
        &mut self,
        uuid: CampaignUuid,
        from: CampaignStatus,
        to: CampaignStatus,
        now: Timestamp,
    ) -> Option<Campaign> {
        let campaign = self.campaigns.get_mut(&uuid).filter(|campaign| campaign.status == from)?;
        *campaign = window::moved(campaign, to, now)?;
        Some(campaign.clone())
    }

    /// Ends a dialing, once.
    pub(crate) fn finish(&mut self, ending: &Ending) -> Option<Dl> {
        let attempt = &ending.dialing.attempt;
        self.open.remove(&attempt.uuid)?;
        self.endings.push(ending.clone());
        let contact = self.contacts.iter_mut().find(|contact| contact.dl.uuid == attempt.dl.uuid)?;
        let progress = &ending.dialing.progress;
        let dl = &mut contact.dl;
        dl.status = DlStatus::Idle;
        dl.dialing_uuid = None;
        dl.res_dial = progress.res_dial;
        dl.res_hangup = progress.res_hangup.map_or(0, |cause| cause.0);
        dl.tm_last_hangup = Some(ending.tm_end);
        if !ending.outcome.is_a_try() {
            dl.trycnt -= 1;
            dl.tries.0[attempt.index.place()] -= 1;
        }
        contact.last_end = ending.tm_end.micros();
        dl.last_outcome = Some(ending.outcome);
        if ending.fault {
            let number = attempt.index.get();
            dl.faultcnt = if dl.fault_number == number { dl.faultcnt + 1 } else { 1 };
            dl.fault_number = number;
        }
        match ending.next_try {
            NextTry::AfterDelay => {}
            NextTry::AtOnce => contact.last_end = 0,
            NextTry::Held => dl.held = true,
        }
        Some(dl.clone())
    }

    /// Notes how far an open dialing has come.
    pub(crate) fn progress(&mut self, dialing: DialingUuid, progress: Progress) {
        if let Some(open) = self.open.get_mut(&dialing) {
            open.progress = progress;
        }
    }

    /// One contact as it is.
    pub(crate) fn dl(&self, uuid: DlUuid) -> &Dl {
        &self.contacts.iter().find(|contact| contact.dl.uuid == uuid).unwrap().dl
    }

    /// How the dialings ended, in the order of their lines.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.endings.iter().map(|ending| ending.outcome).collect()
    }
}

fn waits(contact: &Contact, dlma: DlmaUuid) -> bool {
    let dl = &contact.dl;
    let idle = dl.status == DlStatus::Idle && dl.res_dial != DialResult::Answered && !dl.held;
    dl.dlma_uuid == dlma && dl.in_use && idle
}
