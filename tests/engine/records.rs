//! The store of the [`crate::world::World`], in memory: claims by `engine::selection`, ends once, in commit order.

use std::collections::BTreeMap;
use std::sync::Arc;

use astout::engine::{KeptPool, OpenDialing, Outlook, selection, window};
use astout::model::campaign::Campaign;
use astout::model::codes::{CampaignStatus, DialResult, DlStatus, Outcome};
use astout::model::destination::Destination;
use astout::model::dialing::{Attempt, Capsule, Ending, NextTry, Progress};
use astout::model::dl::Dl;
use astout::model::dlma::Dlma;
use astout::model::ids::{CampaignUuid, DestinationUuid, DialingUuid, DlUuid, DlmaUuid, PlanUuid};
use astout::model::plan::Plan;
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
                let Some((attempt, dl)) = self.claim_one(now, capsule, *pair) else { break };
                let epoch = Some(epoch.to_owned());
                let open = OpenDialing {
                    attempt: attempt.clone(),
                    progress: Progress::default(),
                    epoch,
                    withdrawn: false,
                };
                assert!(self.open.insert(attempt.uuid, open).is_none(), "an id was given twice");
                attempts.push((attempt, dl));
            }
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

    fn claim_one(
        &mut self,
        now: Timestamp,
        capsule: &Arc<Capsule>,
        pair: (DialingUuid, Uuid),
    ) -> Option<(Arc<Attempt>, Dl)> {
        let plan = &capsule.plan;
        let waiting = self.contacts.iter_mut().filter(|contact| {
            waits(contact, capsule.dlma.uuid)
                && contact.last_end <= selection::due_before(&contact.dl.rung(), plan, now)
        });
        let with_number = waiting.filter_map(|contact| {
            selection::next_number(&contact.dl.rung(), plan).map(|index| (contact, index))
        });
        let (contact, index) =
            with_number.min_by_key(|(contact, _)| (contact.dl.rung().total(), contact.last_end))?;
        let attempt = Attempt::new(pair, Arc::clone(capsule), contact.dl.clone(), index, now)?;
        let dl = &mut contact.dl;
        dl.status = DlStatus::Dialing;
        dl.dialing_uuid = Some(attempt.uuid);
        dl.dialing_camp_uuid = Some(capsule.campaign.uuid);
        dl.dialing_plan_uuid = Some(plan.uuid);
        dl.tm_last_dial = Some(now);
        dl.trycnt += 1;
        dl.tries.0[index.place()] += 1;
        Some((Arc::new(attempt), dl.clone()))
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
