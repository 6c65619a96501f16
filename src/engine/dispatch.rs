//! Who may dial now, and how many: the gates before a claim, and what happens to what was claimed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::calling;
use super::dialing::{Call, CallEvent, Cut};
use super::gate::{self, PlaceState, Saw};
use super::route::Route;
use super::run::Claim;
use super::{Effect, Engine, Outlook};
use crate::model::codes::{CampaignStatus, DialMode};
use crate::model::destination::Destination;
use crate::model::dialing::{Attempt, Capsule};
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
pub(super) struct Candidate<'a> {
    pub(super) campaign: CampaignUuid,
    /// Whether a claim makes sense that claims nothing: what remains of its list is not known, and that may be nothing.
    may_look: bool,
    /// What its calls go over and to.
    route: &'a Route,
    /// How many more calls it could take, and its queue.
    room: usize,
    /// Whether Asterisk is to be asked for its queue.
    ask: bool,
    /// How many more calls may go over its trunk.
    trunk_room: usize,
    /// How many it gets.
    pub(super) share: usize,
    turn: u64,
    price: u64,
}

impl Candidate<'_> {
    /// Whether its own gates are open.
    fn is_able(&self) -> bool {
        self.room > 0 && self.trunk_room > 0
    }
}

/// Calls that were dealt out in this round, by what they take.
#[derive(Default)]
struct Dealt<'a> {
    queues: BTreeMap<&'a str, usize>,
    trunks: BTreeMap<&'a str, usize>,
}

impl<'a> Dealt<'a> {
    fn room_for(&self, candidate: &Candidate<'_>) -> usize {
        let of_queue = candidate.route.queue.as_ref().and_then(|queue| self.queues.get(queue.as_str()));
        let of_trunk = self.trunks.get(candidate.route.trunk.as_str());
        let taken = candidate.share.max(of_queue.copied().unwrap_or_default());
        let room = candidate.room.saturating_sub(taken);
        room.min(candidate.trunk_room.saturating_sub(of_trunk.copied().unwrap_or_default()))
    }

    fn deal(&mut self, candidate: &Candidate<'a>, calls: usize) {
        if let Some(queue) = &candidate.route.queue {
            *self.queues.entry(queue).or_default() += calls;
        }
        *self.trunks.entry(&candidate.route.trunk).or_default() += calls;
    }
}

/// What a round of dealing comes to.
pub(super) struct Round<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    /// When time alone may change that.
    wake: Option<Duration>,
    /// The least turn of those that want to dial.
    turn: u64,
}

impl Round<'_> {
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
        let asked = candidates.iter().filter(|candidate| candidate.ask);
        let asked = asked.filter_map(|candidate| candidate.route.queue.clone());
        let asked: BTreeSet<_> = asked.filter(|queue| !self.agents.contains_key(queue)).collect();
        let claiming = candidates.iter().filter(|candidate| candidate.share > 0 || candidate.may_look);
        let claiming: Vec<_> = claiming.map(|next| (next.campaign, next.share, next.turn)).collect();
        self.turn = turn;
        self.claim_deadline = wake;
        self.breakers.values_mut().for_each(|breaker| breaker.advance(now.mono));
        for queue in asked {
            // Unknown until Asterisk has answered; asked once a link.
            self.agents.insert(queue.clone(), None);
            self.asked_queues.insert(queue.clone());
            effects.push(Effect::WatchQueue(queue));
        }
        for (campaign, share, turn) in claiming {
            let Some(capsule) = self.capsule(campaign) else { continue };
            // With no room for a call the claim is but a look at the list: it also tells when the list has ended,
            // which it cannot have while a call of the campaign is open.
            let ids: Vec<_> =
                (0..share).map(|_| (DialingUuid::new(self.ids.next_uuid()), self.ids.next_uuid())).collect();
            let epoch = self.begin_claim(now, campaign, &capsule, &ids);
            if let Some(run) = self.runs.get_mut(&campaign) {
                run.turn = turn;
            }
            effects.push(Effect::Claim { campaign, capsule, ids, epoch });
        }
        self.intake.has(self.tally.setting_up() + self.tally.claiming(), self.options.max_unanswered);
    }

    /// Who would claim how many now. Changes nothing.
    pub(super) fn deal(&self, now: Now) -> Round<'_> {
        let mut round = Round { candidates: Vec::new(), wake: None, turn: self.turn };
        let budget = self.gates_of_asterisk(now).map(Saw::room).into_iter().min().unwrap_or_default();
        let mut left_out = false;
        for (campaign, run) in self.runs.iter().filter(|(_, run)| run.may_claim(now)) {
            let may_look = run.outlook.is_none() && run.open == 0;
            if budget == 0 && !may_look {
                // It gets none, whatever its own gates say.
                left_out = true;
                continue;
            }
            let Ok(route) = self.route(run) else { continue };
            if gate::due_gate(run.outlook, now).holds() {
                let wait = run.outlook.map_or(Duration::ZERO, |outlook| until_due(outlook, now));
                round.wake_at(now.mono + wait);
                continue;
            }
            let (mode, node) = (Saw::Mode(route.mode), self.node_gate(route));
            let (place, agents) = (self.place_gate(now, run, route), self.agents_gate(route));
            if let Saw::Place(PlaceState::Missing { until }) = place {
                round.wake_at(until);
            }
            let over = self.trunk_gate(now, &route.trunk);
            if let Saw::Trunk { next: Some(at), .. } = over {
                round.wake_at(at);
            }
            round.candidates.push(Candidate {
                campaign: *campaign,
                may_look,
                route,
                room: mode.room().min(node.room()).min(place.room()).min(agents.room()),
                // In preview agents are not waited for, and a supervisor sees them.
                ask: (!mode.holds() || route.mode == DialMode::Preview) && self.link.is_ready(),
                trunk_room: over.room(),
                share: 0,
                turn: run.turn.max(self.turn),
                price: run.price(1),
            });
        }
        if left_out {
            // Every other gate opens by an input; the rate opens by itself.
            self.rate.next_at(now.mono).into_iter().for_each(|at| round.wake_at(at));
        }
        if !round.candidates.is_empty() {
            self.share_out(now, budget, &mut round);
        }
        round
    }

    /// Deals out the calls that the Asterisk may be given now, to whoever has had the least by its weight: one by one
    /// where there are few, else some at a time, for each campaign's are a claim of their own.
    fn share_out<'a>(&'a self, now: Now, budget: usize, round: &mut Round<'a>) {
        let claiming = self.runs.values().filter(|run| run.is_claiming_calls()).map(|run| run.turn).min();
        let able = round.candidates.iter().filter(|candidate| candidate.is_able()).map(|able| able.turn);
        if let Some(least) = claiming.into_iter().chain(able).min() {
            round.turn = round.turn.max(least);
        }
        // What one gets of a queue or a trunk, all that share it no longer have.
        let mut dealt = Dealt::default();
        let at_a_time = (budget / HANDS).max(1);
        // Whose claim is under way cannot be dealt any: who has had more by its weight does not run far ahead meanwhile.
        let hand = self.intake.most(self.options.max_unanswered) as u64 / HANDS as u64 + 1;
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

    /// Takes what a claim for these calls holds until it is back; gives the start of Asterisk that they are for.
    pub(super) fn begin_claim(
        &mut self,
        now: Now,
        campaign: CampaignUuid,
        capsule: &Capsule,
        ids: &[(DialingUuid, Uuid)],
    ) -> String {
        let (calls, epoch) = (ids.len(), self.link.epoch().to_owned());
        let mut claim = Claim::new(calls, now.mono, epoch.clone(), capsule);
        claim.paced = self.pool_dials(now, claim.queue.as_deref(), ids);
        self.rate.reserve(now.mono, calls);
        self.tally.claim(claim.queue.as_deref(), calls);
        if let Some(breaker) = self.breakers.get_mut(&claim.trunk) {
            breaker.sent(calls);
        } else {
            self.breakers.entry(claim.trunk.clone()).or_default().sent(calls);
        }
        if let Some(run) = self.runs.get_mut(&campaign) {
            run.claiming = Some(claim);
        }
        epoch
    }

    /// Gives back what a claim has held, but for the calls that are sent.
    fn end_claim(&mut self, now: Now, claim: &Claim, sent: usize) {
        self.tally.claimed(claim.queue.as_deref(), claim.calls);
        if let Some(breaker) = self.breakers.get_mut(&claim.trunk) {
            breaker.give_back(claim.calls);
        }
        self.rate.settle(now.mono, claim.at, claim.calls, sent);
        self.pool_loses(now, claim);
    }

    /// A campaign's claim, or its change of status, could not be committed.
    pub(super) fn store_failed(&mut self, now: Now, campaign: CampaignUuid) {
        self.retries = true;
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
        let Some(run) = self.runs.remove(&campaign) else { return };
        self.roster.leave(&run.campaign);
        if let Some(claim) = run.claiming {
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
            if attempts.is_empty()
                && claim.calls > 0
                && !outlook.more
                && outlook.next_due.is_some_and(|due| due <= now.wall)
            {
                // The records hold something against it that has not been heard of here.
                run.wait(now);
                self.retries = true;
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
            self.pool_finds(now, uuid);
            if !wanted {
                // Between the claim and now an operator stopped it: not sent, and no try.
                self.touch(now, uuid, effects, |call| call.cut(now, Cut::NotSent).into_iter().collect());
            } else if !in_window || !calling::is_hour_of(&attempt, now.wall) {
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
