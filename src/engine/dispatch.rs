//! Who may dial now, and how many: the gates before a claim, and what happens to what was claimed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::dialing::{Call, CallEvent, Cut};
use super::pacing::agents;
use super::run::Claim;
use super::{Effect, Engine, Outlook};
use crate::model::codes::{CampaignStatus, DialMode};
use crate::model::dialing::{Attempt, Capsule};
use crate::model::dl::Dl;
use crate::model::event::{Change, Noun, OutEvent};
use crate::model::ids::{CampaignUuid, DialingUuid};
use crate::model::number::PhoneNumber;
use crate::model::time::Now;

/// Originates that may wait for Asterisk's answer at once. A written Originate cannot be recalled, so this is how many
/// calls an Asterisk that has stopped answering may still place later.
pub const UNACKNOWLEDGED_AT_ONCE: usize = 10;

/// A campaign that may claim now.
struct Candidate {
    campaign: CampaignUuid,
    capsule: Arc<Capsule>,
    /// Whether a claim makes sense that claims nothing: what remains of its list is not known, and that may be nothing.
    may_look: bool,
    /// The queue that its calls are for, and how many more calls that could take.
    queue: Option<String>,
    room: usize,
    /// What its calls go over, and how many more calls may.
    trunk: String,
    trunk_room: usize,
    /// How many it gets.
    share: usize,
    turn: u64,
    price: u64,
}

/// Calls that were dealt out in this round, by what they take.
#[derive(Default)]
struct Dealt {
    queues: BTreeMap<String, usize>,
    trunks: BTreeMap<String, usize>,
}

impl Dealt {
    fn leave_room_for(&self, candidate: &Candidate) -> bool {
        let of_queue = candidate.queue.as_ref().and_then(|queue| self.queues.get(queue));
        let of_trunk = self.trunks.get(&candidate.trunk);
        candidate.room > of_queue.copied().unwrap_or_default()
            && candidate.trunk_room > of_trunk.copied().unwrap_or_default()
    }

    fn deal(&mut self, candidate: &Candidate) {
        if let Some(queue) = &candidate.queue {
            *self.queues.entry(queue.clone()).or_default() += 1;
        }
        *self.trunks.entry(candidate.trunk.clone()).or_default() += 1;
    }
}

impl Engine {
    /// Claims contacts for the campaigns that may dial now, each in its turn.
    pub(super) fn dispatch(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.claim_deadline = None;
        if self.draining || self.held {
            return;
        }
        let mut candidates = self.candidates(now, effects);
        if candidates.is_empty() {
            return;
        }
        self.share_out(now, &mut candidates);
        for Candidate { campaign, capsule, may_look, room, trunk_room, share, turn, .. } in candidates {
            if share == 0 && !may_look {
                // Every other gate opens by an input; only the rate opens by itself.
                if let Some(at) = self.rate.next_at(now.mono).filter(|_| room > 0 && trunk_room > 0) {
                    self.wake_at(at);
                }
                continue;
            }
            // With no room for a call the claim is but a look at the list: it also tells when the list has ended,
            // which it cannot have while a call of the campaign is open.
            let ids =
                (0..share).map(|_| (DialingUuid::new(self.ids.next_uuid()), self.ids.next_uuid())).collect();
            let epoch = self.link.epoch().to_owned();
            let claim = Claim::new(share, now.mono, epoch.clone(), &capsule);
            self.rate.reserve(now.mono, share);
            self.tally.claim(claim.queue.as_deref(), share);
            self.breakers.entry(claim.trunk.clone()).or_default().sent(share);
            if let Some(run) = self.runs.get_mut(&campaign) {
                run.turn = turn;
                run.claiming = Some(claim);
            }
            effects.push(Effect::Claim { campaign, capsule, ids, epoch });
        }
    }

    fn wake_at(&mut self, at: Duration) {
        self.claim_deadline = Some(self.claim_deadline.map_or(at, |earlier| earlier.min(at)));
    }

    /// The campaigns that have a contact due now, or whose list has to be looked at.
    fn candidates(&mut self, now: Now, effects: &mut Vec<Effect>) -> Vec<Candidate> {
        let running: Vec<_> =
            self.runs.iter().filter(|(_, run)| run.may_claim(now)).map(|(uuid, _)| *uuid).collect();
        let mut candidates = Vec::new();
        for campaign in running {
            let Some(capsule) = self.capsule(campaign) else { continue };
            let Some(run) = self.runs.get(&campaign) else { continue };
            let (turn, price) = (run.turn.max(self.turn), run.price(1));
            let may_look = run.outlook.is_none() && run.open == 0;
            let wait = run.outlook.map_or(Duration::ZERO, |outlook| until_due(outlook, now));
            if wait.is_zero() {
                let (queue, trunk) = (capsule.destination.queue(), capsule.plan.trunk());
                let (room, trunk_room) = (self.room(&capsule, effects), self.trunk_room(now, &trunk));
                candidates.push(Candidate {
                    campaign,
                    capsule,
                    may_look,
                    queue,
                    room,
                    trunk,
                    trunk_room,
                    share: 0,
                    turn,
                    price,
                });
            } else {
                self.wake_at(now.mono + wait);
            }
        }
        candidates
    }

    /// Deals out the calls that the Asterisk may be given now, one by one to whoever has had the least by its weight.
    fn share_out(&mut self, now: Now, candidates: &mut [Candidate]) {
        let claiming = self.runs.values().filter(|run| run.is_claiming_calls()).map(|run| run.turn);
        let able = candidates.iter().filter(|candidate| candidate.room > 0 && candidate.trunk_room > 0);
        let able = able.map(|candidate| candidate.turn);
        if let Some(least) = claiming.chain(able).min() {
            self.turn = self.turn.max(least);
        }
        // What one gets of a queue or a trunk, all that share it no longer have.
        let mut dealt = Dealt::default();
        for _ in 0..self.budget(now) {
            let open = candidates.iter_mut().filter(|candidate| dealt.leave_room_for(candidate));
            let Some(next) = open.min_by_key(|candidate| (candidate.turn, candidate.campaign)) else {
                return;
            };
            dealt.deal(next);
            next.share += 1;
            next.turn += next.price;
        }
    }

    /// How many calls the Asterisk may be given now, by whatever campaign.
    fn budget(&mut self, now: Now) -> usize {
        if !self.link.is_ready() {
            return 0;
        }
        let claiming = self.tally.claiming();
        let channels = (self.options.max_channels as usize).saturating_sub(self.calls.len() + claiming);
        let window = UNACKNOWLEDGED_AT_ONCE.saturating_sub(self.tally.unacknowledged() + claiming);
        channels.min(window).min(self.rate.allowed(now.mono))
    }

    /// How many calls the campaign's destination could take now.
    fn room(&mut self, capsule: &Arc<Capsule>, effects: &mut Vec<Effect>) -> usize {
        match capsule.plan.dial_mode {
            // Nobody is dialled by itself.
            DialMode::None | DialMode::Preview => return 0,
            DialMode::Predictive | DialMode::Progressive | DialMode::Power => {}
        }
        let Some(queue) = capsule.destination.queue() else { return usize::MAX };
        if !self.link.is_ready() {
            return 0;
        }
        match self.agents.get(&queue) {
            Some(Some(free)) => {
                agents::capacity(*free, capsule.plan.service_level, self.tally.awaiting_agent(&queue))
            }
            // There is no such queue: nobody would ever take a call.
            Some(None) => 0,
            None => {
                // Unknown until Asterisk has answered; asked once a link.
                self.agents.insert(queue.clone(), None);
                effects.push(Effect::WatchQueue(queue));
                0
            }
        }
    }

    /// How many calls may go over that trunk now.
    fn trunk_room(&mut self, now: Now, trunk: &str) -> usize {
        let breaker = self.breakers.entry(trunk.to_owned()).or_default();
        let room = breaker.room(now.mono);
        if let Some(at) = breaker.next_at() {
            self.wake_at(at);
        }
        room
    }

    /// Gives back what a claim has held, but for the calls that are sent.
    fn end_claim(&mut self, now: Now, claim: &Claim, sent: usize) {
        self.tally.claimed(claim.queue.as_deref(), claim.calls);
        if let Some(breaker) = self.breakers.get_mut(&claim.trunk) {
            breaker.give_back(claim.calls);
        }
        self.rate.settle(now.mono, claim.at, claim.calls, sent);
    }

    /// A campaign's claim, or its change of status, could not be committed.
    pub(super) fn store_failed(&mut self, now: Now, campaign: CampaignUuid) {
        let Some(run) = self.runs.get_mut(&campaign) else { return };
        run.wait(now);
        if run.moving.take().is_some() {
            return;
        }
        if let Some(claim) = run.claiming.take() {
            run.turn = run.turn.saturating_sub(run.price(claim.calls));
            self.end_claim(now, &claim, 0);
        }
    }

    /// A campaign is gone.
    pub(super) fn remove_run(&mut self, now: Now, campaign: CampaignUuid) {
        if let Some(claim) = self.runs.remove(&campaign).and_then(|run| run.claiming) {
            self.end_claim(now, &claim, 0);
        }
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
        // Whether it is still wanted, whether its hour has not passed, and whether it can be sent.
        let (mut wanted, mut in_window, mut linked) = (false, false, false);
        let claim = self.runs.get_mut(&campaign).and_then(|run| run.claiming.take());
        if let (Some(run), Some(claim)) = (self.runs.get_mut(&campaign), &claim) {
            run.claimed(claim, outlook);
            run.turn = run.turn.saturating_sub(run.price(claim.calls.saturating_sub(attempts.len())));
            if attempts.is_empty() && claim.calls > 0 && outlook.next_due.is_some_and(|due| due <= now.wall) {
                // The records hold something against it that has not been heard of here.
                run.wait(now);
            }
            wanted = run.campaign.status == CampaignStatus::Start && !self.draining;
            in_window = run.is_in_window(now);
            linked = self.link.is_ready() && claim.epoch == self.link.epoch();
        }
        let mut sent = 0;
        for (attempt, dl) in attempts {
            let uuid = attempt.uuid;
            let refused = self.refused_by_policy(&attempt);
            let call = Call::new(now, attempt.clone());
            effects
                .push(Effect::Publish(OutEvent::new(Change::Create, Noun::Dialing(call.dialing().clone()))));
            effects.push(Effect::Publish(OutEvent::new(Change::Update, Noun::Dl(dl))));
            self.admit(call);
            if !wanted {
                // Between the claim and now an operator stopped it: not sent, and no try.
                self.touch(now, uuid, effects, |call| call.cut(now, Cut::NotSent).into_iter().collect());
            } else if !in_window {
                self.touch(now, uuid, effects, |call| call.handle(now, CallEvent::WindowClosed));
            } else if !linked {
                let why = "not connected to Asterisk".to_owned();
                self.touch(now, uuid, effects, |call| call.handle(now, CallEvent::NotSent(why)));
            } else if let Some(why) = refused {
                self.touch(now, uuid, effects, |call| call.handle(now, CallEvent::NotSent(why)));
            } else {
                effects.push(Effect::Originate(attempt));
                sent += 1;
            }
        }
        if let Some(claim) = claim {
            self.end_claim(now, &claim, sent);
        }
    }

    /// What was allowed when it was created may not be any more.
    fn refused_by_policy(&self, attempt: &Attempt) -> Option<String> {
        let policy = &self.options.policy;
        let number = PhoneNumber::parse("number", attempt.addr.as_str(), policy);
        number
            .err()
            .map(|wrong| wrong.to_string())
            .or_else(|| attempt.capsule.plan.refused_by(policy))
            .or_else(|| attempt.capsule.destination.refused_by(policy))
    }
}

/// How long until a contact is due, as far as is known; at most so long that a jump of the wall clock is noticed.
fn until_due(outlook: Outlook, now: Now) -> Duration {
    const NOTICE: Duration = Duration::from_secs(5);
    outlook.next_due.map_or(NOTICE, |due| due.since(now.wall).min(NOTICE))
}
