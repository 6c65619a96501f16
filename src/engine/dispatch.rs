//! Who may dial now, and how many: the gates before a claim, and what happens to what was claimed.

use std::sync::Arc;
use std::time::Duration;

use super::dialing::{Call, CallEvent, Cut};
use super::pacing::agents;
use super::{Effect, Engine, Outlook};
use crate::model::codes::CampaignStatus;
use crate::model::dialing::{Attempt, Capsule};
use crate::model::dl::Dl;
use crate::model::event::{Change, Noun, OutEvent};
use crate::model::ids::{CampaignUuid, DialingUuid};
use crate::model::time::Now;

/// Originates that may wait for Asterisk's answer at once. A written Originate cannot be recalled, so this is how many
/// calls an Asterisk that has stopped answering may still place later.
pub const UNACKNOWLEDGED_AT_ONCE: usize = 10;

impl Engine {
    /// Claims contacts for the campaigns that may dial now, each in its turn.
    pub(super) fn dispatch(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.claim_deadline = None;
        if self.draining {
            return;
        }
        let (before, mut running): (Vec<_>, Vec<_>) = self
            .runs
            .iter()
            .filter(|(_, run)| run.may_claim())
            .map(|(uuid, _)| *uuid)
            .partition(|uuid| *uuid <= self.turn);
        running.extend(before);
        for (place, uuid) in running.iter().copied().enumerate() {
            let Some(capsule) = self.capsule(uuid) else { continue };
            let outlook = self.runs.get(&uuid).and_then(|run| run.outlook);
            if let Some(wait) = outlook.map(|outlook| until_due(outlook, now)).filter(|wait| !wait.is_zero())
            {
                self.wake_at(now.mono + wait);
                continue;
            }
            let budget = self.budget(now).div_ceil(running.len() - place);
            let share = budget.min(self.room(&capsule, effects));
            if share == 0 && outlook.is_some() {
                // Every other gate opens by an input; only the rate opens by itself.
                if let Some(at) = self.rate.next_at(now.mono) {
                    self.wake_at(at);
                }
                continue;
            }
            // With no room for a call the claim is but a look at the list: it also tells when the list has ended.
            let ids =
                (0..share).map(|_| (DialingUuid::new(self.ids.next_uuid()), self.ids.next_uuid())).collect();
            self.rate.take(now.mono, share);
            if let Some(run) = self.runs.get_mut(&uuid) {
                run.claiming = Some((share, now.mono));
            }
            effects.push(Effect::Claim { campaign: uuid, capsule, ids, epoch: self.link.epoch().to_owned() });
            self.turn = uuid;
        }
    }

    fn wake_at(&mut self, at: Duration) {
        self.claim_deadline = Some(self.claim_deadline.map_or(at, |earlier| earlier.min(at)));
    }

    /// How many calls the Asterisk may be given now, by whatever campaign.
    fn budget(&mut self, now: Now) -> usize {
        if !self.link.is_ready() {
            return 0;
        }
        let claiming = self.claiming(|_| true);
        let channels = (self.options.max_channels as usize).saturating_sub(self.calls.len() + claiming);
        let window = UNACKNOWLEDGED_AT_ONCE.saturating_sub(self.tally.unacknowledged() + claiming);
        channels.min(window).min(self.rate.allowed(now.mono))
    }

    /// How many calls the campaign's destination could take now.
    fn room(&mut self, capsule: &Arc<Capsule>, effects: &mut Vec<Effect>) -> usize {
        let Some(queue) = capsule.destination.queue() else { return usize::MAX };
        if !self.link.is_ready() {
            return 0;
        }
        let free = match self.agents.get(queue) {
            Some(free) => free.unwrap_or_default(),
            None => {
                // Unknown until Asterisk has answered; asked once a link.
                self.agents.insert(queue.to_owned(), None);
                effects.push(Effect::WatchQueue(queue.to_owned()));
                0
            }
        };
        let claiming = self.claiming(|capsule| capsule.destination.queue() == Some(queue));
        agents::capacity(free, capsule.plan.service_level, self.tally.awaiting_agent(queue) + claiming)
    }

    /// Contacts that claims under way may bring, for the campaigns whose capsule is meant.
    fn claiming(&self, meant: impl Fn(&Capsule) -> bool) -> usize {
        self.runs
            .values()
            .filter_map(|run| run.claiming.filter(|_| run.capsule.as_deref().is_none_or(&meant)))
            .map(|(max, _)| max)
            .sum()
    }

    /// A claim is committed: its attempts are sent, where they still may be.
    pub(super) fn claimed(
        &mut self,
        now: Now,
        campaign: CampaignUuid,
        attempts: Vec<(Arc<Attempt>, Dl)>,
        outlook: Outlook,
        effects: &mut Vec<Effect>,
    ) {
        let mut may_send = false;
        if let Some(run) = self.runs.get_mut(&campaign) {
            let (max, at): (usize, Duration) = run.claiming.unwrap_or_default();
            self.rate.give_back(at, max.saturating_sub(attempts.len()));
            run.claimed(outlook);
            if attempts.is_empty() && max > 0 && outlook.next_due.is_some_and(|due| due <= now.wall) {
                // The records hold something against it that has not been heard of here: not at full speed.
                run.retry_at = Some(now.mono + super::run::STORE_RETRY);
            }
            may_send = run.campaign.status == CampaignStatus::Start;
        }
        for (attempt, dl) in attempts {
            let uuid = attempt.uuid;
            let refused = self.refused_by_policy(&attempt);
            let call = Call::new(now, attempt.clone());
            effects
                .push(Effect::Publish(OutEvent::new(Change::Create, Noun::Dialing(call.dialing().clone()))));
            effects.push(Effect::Publish(OutEvent::new(Change::Update, Noun::Dl(dl))));
            self.admit(call);
            if !may_send {
                // The operator stopped it between the claim and now: not sent, and no try.
                self.touch(uuid, effects, |call| call.cut(now, Cut::NotSent).into_iter().collect());
            } else if let Some(why) = refused {
                self.touch(uuid, effects, |call| call.handle(now, CallEvent::NotSent(why)));
            } else {
                effects.push(Effect::Originate(attempt));
            }
        }
    }

    /// What was allowed when it was created may not be any more.
    fn refused_by_policy(&self, attempt: &Attempt) -> Option<String> {
        let policy = &self.options.policy;
        policy
            .refuses_number(attempt.addr.as_str())
            .or_else(|| attempt.capsule.plan.refused_by(policy))
            .or_else(|| attempt.capsule.destination.refused_by(policy))
    }
}

/// How long until a contact is due, as far as is known; at most so long that a jump of the wall clock is noticed.
fn until_due(outlook: Outlook, now: Now) -> Duration {
    const NOTICE: Duration = Duration::from_secs(5);
    outlook.next_due.map_or(NOTICE, |due| due.since(now.wall).min(NOTICE))
}
