//! Who may dial now, and how many: the gates before a claim, and what happens to what was claimed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use super::dialing::{Call, CallEvent, Cut};
use super::gate::{self, PlaceState, Saw};
use super::run::Claim;
use super::{Effect, Engine, Outlook};
use crate::model::codes::CampaignStatus;
use crate::model::destination::Destination;
use crate::model::dialing::Attempt;
use crate::model::dl::Dl;
use crate::model::event::{Change, Noun, OutEvent};
use crate::model::ids::{CampaignUuid, DialingUuid};
use crate::model::number::PhoneNumber;
use crate::model::plan::Plan;
use crate::model::policy::Policy;
use crate::model::time::Now;

/// In how many hands, at least, all calls are dealt out that may go now.
const HANDS: usize = 16;

/// A campaign that may claim now.
pub(super) struct Candidate {
    pub(super) campaign: CampaignUuid,
    /// Whether a claim makes sense that claims nothing: what remains of its list is not known, and that may be nothing.
    may_look: bool,
    /// The queue that its calls are for, and how many more calls that could take.
    queue: Option<String>,
    room: usize,
    /// Whether Asterisk is to be asked for that queue.
    ask: bool,
    /// What its calls go over, and how many more calls may.
    trunk: String,
    trunk_room: usize,
    /// How many it gets.
    pub(super) share: usize,
    turn: u64,
    price: u64,
}

impl Candidate {
    /// Whether its own gates are open.
    fn is_able(&self) -> bool {
        self.room > 0 && self.trunk_room > 0
    }
}

/// Calls that were dealt out in this round, by what they take.
#[derive(Default)]
struct Dealt {
    queues: BTreeMap<String, usize>,
    trunks: BTreeMap<String, usize>,
}

impl Dealt {
    fn room_for(&self, candidate: &Candidate) -> usize {
        let of_queue = candidate.queue.as_ref().and_then(|queue| self.queues.get(queue));
        let of_trunk = self.trunks.get(&candidate.trunk);
        let taken = candidate.share.max(of_queue.copied().unwrap_or_default());
        let room = candidate.room.saturating_sub(taken);
        room.min(candidate.trunk_room.saturating_sub(of_trunk.copied().unwrap_or_default()))
    }

    fn deal(&mut self, candidate: &Candidate, calls: usize) {
        if let Some(queue) = &candidate.queue {
            *self.queues.entry(queue.clone()).or_default() += calls;
        }
        *self.trunks.entry(candidate.trunk.clone()).or_default() += calls;
    }
}

/// What a round of dealing comes to.
pub(super) struct Round {
    pub(super) candidates: Vec<Candidate>,
    /// When time alone may change that.
    wake: Option<Duration>,
    /// The least turn of those that want to dial.
    turn: u64,
}

impl Round {
    fn wake_at(&mut self, at: Duration) {
        self.wake = Some(self.wake.map_or(at, |earlier| earlier.min(at)));
    }
}

impl Engine {
    /// Claims contacts for the campaigns that may dial now, each in its turn.
    pub(super) fn dispatch(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.claim_deadline = None;
        if self.gates_of_all().into_iter().any(Saw::holds) {
            return;
        }
        let Round { candidates, wake, turn } = self.deal(now);
        self.turn = turn;
        self.claim_deadline = wake;
        for Candidate { queue, ask, trunk, .. } in &candidates {
            self.breakers.entry(trunk.clone()).or_default().advance(now.mono);
            if let Some(queue) = queue.as_ref().filter(|queue| *ask && !self.agents.contains_key(*queue)) {
                // Unknown until Asterisk has answered; asked once a link.
                self.agents.insert(queue.clone(), None);
                self.asked_queues.insert(queue.clone());
                effects.push(Effect::WatchQueue(queue.clone()));
            }
        }
        for Candidate { campaign, may_look, share, turn, .. } in candidates {
            if share == 0 && !may_look {
                continue;
            }
            let Some(capsule) = self.capsule(campaign) else { continue };
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

    /// Who would claim how many now. Changes nothing.
    pub(super) fn deal(&self, now: Now) -> Round {
        let mut round = Round { candidates: Vec::new(), wake: None, turn: self.turn };
        for (campaign, run) in self.runs.iter().filter(|(_, run)| run.may_claim(now)) {
            let Ok(parts) = self.parts(&run.campaign) else { continue };
            if gate::due_gate(run.outlook, now).holds() {
                let wait = run.outlook.map_or(Duration::ZERO, |outlook| until_due(outlook, now));
                round.wake_at(now.mono + wait);
                continue;
            }
            let trunk = parts.plan.trunk();
            let (mode, node) = (Saw::Mode(parts.plan.dial_mode), self.node_gate(parts));
            let (place, agents) = (self.place_gate(now, run, parts), self.agents_gate(parts));
            if let Saw::Place(PlaceState::Missing { until }) = place {
                round.wake_at(until);
            }
            let over = self.trunk_gate(now, &trunk);
            if let Saw::Trunk { next: Some(at), .. } = over {
                round.wake_at(at);
            }
            round.candidates.push(Candidate {
                campaign: *campaign,
                may_look: run.outlook.is_none() && run.open == 0,
                queue: parts.destination.queue(),
                room: mode.room().min(node.room()).min(place.room()).min(agents.room()),
                ask: !mode.holds() && self.link.is_ready(),
                trunk,
                trunk_room: over.room(),
                share: 0,
                turn: run.turn.max(self.turn),
                price: run.price(1),
            });
        }
        if !round.candidates.is_empty() {
            self.share_out(now, &mut round);
        }
        round
    }

    /// Deals out the calls that the Asterisk may be given now, to whoever has had the least by its weight: one by one
    /// where there are few, else some at a time, for each campaign's are a claim of their own.
    fn share_out(&self, now: Now, round: &mut Round) {
        let claiming = self.runs.values().filter(|run| run.is_claiming_calls()).map(|run| run.turn).min();
        let able = round.candidates.iter().filter(|candidate| candidate.is_able()).map(|able| able.turn);
        if let Some(least) = claiming.into_iter().chain(able).min() {
            round.turn = round.turn.max(least);
        }
        // What one gets of a queue or a trunk, all that share it no longer have.
        let mut dealt = Dealt::default();
        let budget = self.gates_of_asterisk(now).map(Saw::room).into_iter().min().unwrap_or_default();
        let at_a_time = (budget / HANDS).max(1);
        // Whose claim is under way cannot be dealt any: who has had more by its weight does not run far ahead meanwhile.
        let hand = u64::from(self.options.max_unanswered) / HANDS as u64 + 1;
        let is_ahead = |able: &Candidate| {
            claiming.is_some_and(|least| able.turn > least.saturating_add(able.price.saturating_mul(hand)))
        };
        let in_turn = round.candidates.iter().enumerate().filter(|(_, able)| !is_ahead(able));
        let mut in_turn: BinaryHeap<_> =
            in_turn.map(|(place, able)| Reverse((able.turn, able.campaign, place))).collect();
        let mut left = budget;
        while let Some(Reverse((.., place))) = in_turn.pop() {
            let next = &mut round.candidates[place];
            let calls = dealt.room_for(next).min(at_a_time).min(left);
            if calls > 0 {
                dealt.deal(next, calls);
                next.share += calls;
                next.turn += next.price.saturating_mul(calls as u64);
                left -= calls;
                in_turn.push(Reverse((next.turn, next.campaign, place)));
            }
        }
        let waits =
            |candidate: &Candidate| candidate.share == 0 && !candidate.may_look && candidate.is_able();
        if round.candidates.iter().any(waits) {
            // Every other gate opens by an input; only the rate opens by itself, also where this round has used it up.
            let calls = round.candidates.iter().map(|candidate| candidate.share).sum();
            self.rate.next_after(now.mono, calls).into_iter().for_each(|at| round.wake_at(at));
        }
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
            let (plan, ways) = (&attempt.capsule.plan, attempt.capsule.ways());
            let refused = refused_by_policy(&self.options.policy, &attempt.addr, plan, &ways);
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
}

/// Why a number may not be dialled: what was allowed when it was created may not be any more.
pub(super) fn refused_by_policy(
    policy: &Policy,
    number: &PhoneNumber,
    plan: &Plan,
    ways: &[&Destination],
) -> Option<String> {
    let number = PhoneNumber::parse("number", number.as_str(), policy);
    number
        .err()
        .map(|wrong| wrong.to_string())
        .or_else(|| plan.refused_by(policy))
        .or_else(|| ways.iter().find_map(|way| way.refused_by(policy)))
}

/// How long until a contact is due, as far as is known; at most so long that a jump of the wall clock is noticed.
fn until_due(outlook: Outlook, now: Now) -> Duration {
    const NOTICE: Duration = Duration::from_secs(5);
    outlook.next_due.map_or(NOTICE, |due| due.since(now.wall).min(NOTICE))
}
