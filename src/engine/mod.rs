//! The engine decides; it never does. Time comes in as a parameter, and what is to be done goes out as effects, in the
//! order in which they are to be done.
//!
//! One owner (the daemon's driver) feeds it everything that happens: committed changes, claims, the events of calls,
//! the state of the link to Asterisk. A claim is committed before its [`Effect::Originate`] goes out, and an end is
//! committed and its result line written before [`Input::Ended`] comes back and the end is announced.

pub mod breaker;
pub mod calling;
pub mod campaign;
pub mod dialing;
mod dispatch;
mod effect;
pub mod explain;
mod gate;
mod history;
mod input;
pub mod intake;
pub mod limits;
mod link;
pub mod pacing;
pub mod place;
mod pools;
pub mod preview;
mod roster;
mod route;
mod run;
pub mod selection;
mod supervise;
mod tally;
mod wall;
pub mod window;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::campaign::Campaign;
use crate::model::codes::{CampaignStatus, Outcome};
use crate::model::destination::Destination;
use crate::model::dialing::{Attempt, Capsule, Dialing, Ending, NextTry};
use crate::model::dl::Dl;
use crate::model::dlma::Dlma;
use crate::model::event::{Change, Noun, OutEvent};
use crate::model::ids::{CampaignUuid, CapsuleUuid, DestinationUuid, DialingUuid, DlmaUuid, Ids, PlanUuid};
use crate::model::node;
use crate::model::plan::Plan;
use crate::model::time::Now;
use breaker::Breaker;
use dialing::{Call, CallEvent, CallOutput};
use gate::Parts;
use intake::Intake;
use limits::CallRate;
use link::Link;
use place::{Place, Places};
use pools::{Pool, Wanted};
use preview::Previews;
use roster::Roster;
use run::Run;
use tally::Tally;

pub use effect::{Effect, Notice};
pub use input::{Input, LiveChannel, OpenDialing, Options, Outlook, Records};
pub use pools::{KeptPool, Paced};

pub use crate::model::agents::QueueAgents;

/// The state that the decisions are made on.
#[derive(Debug)]
pub struct Engine {
    options: Options,
    ids: Ids,
    plans: BTreeMap<PlanUuid, Plan>,
    dlmas: BTreeMap<DlmaUuid, Dlma>,
    destinations: BTreeMap<DestinationUuid, Destination>,
    runs: BTreeMap<CampaignUuid, Run>,
    roster: Roster,
    /// Whether a run may have a [`Run::retry_at`].
    retries: bool,
    calls: BTreeMap<DialingUuid, Call>,
    /// Whom to wake when: each call that has a [`Call::wake`].
    wakes: BTreeSet<(Duration, DialingUuid)>,
    tally: Tally,
    /// By what a plan's calls go over.
    breakers: BTreeMap<String, Breaker>,
    places: Places,
    previews: Previews,
    rate: CallRate,
    intake: Intake,
    link: Link,
    agents: BTreeMap<String, Option<QueueAgents>>,
    /// By their queues.
    pools: BTreeMap<String, Pool>,
    /// What earlier runs have left of pools that are not there yet.
    kept_pools: BTreeMap<String, KeptPool>,
    /// Campaigns that are started and for a queue.
    for_queues: BTreeSet<CampaignUuid>,
    /// What those of mode 1 ask for, by their queues, and until when that is known.
    wanted: BTreeMap<String, Wanted>,
    wanted_until: Option<Duration>,
    pace_deadline: Option<Duration>,
    /// When supervisors are told of the pacing again.
    told_deadline: Option<Duration>,
    /// Queues that Asterisk was asked for and has not told of yet.
    asked_queues: BTreeSet<String>,
    /// The nodes that Asterisk's dialplan has.
    nodes: BTreeSet<String>,
    /// The least turn of those that want to dial (see [`Run::turn`]). Who comes, or comes back, begins with it: a
    /// campaign that had nothing to dial for a while has saved nothing up by that.
    turn: u64,
    /// Ends that could not be committed, the one first that is tried first again.
    ends_to_retry: VecDeque<(Duration, Box<Ending>)>,
    claim_deadline: Option<Duration>,
    /// When a schedule is looked at again.
    window_deadline: Option<Duration>,
    /// The clocks at the last input.
    clocks: Option<Now>,
    draining: bool,
    held: bool,
    told_of_sip: bool,
}

impl Engine {
    /// An engine on the records as they are. Open dialings wait for the link to say what became of them.
    pub fn new(options: Options, records: Records, ids: Ids) -> Self {
        let rate = CallRate::new(options.calls_per_second);
        let mut engine = Self {
            options,
            ids,
            plans: records.plans.into_iter().map(|plan| (plan.uuid, plan)).collect(),
            dlmas: records.dlmas.into_iter().map(|dlma| (dlma.uuid, dlma)).collect(),
            destinations: records.destinations.into_iter().map(|dest| (dest.uuid, dest)).collect(),
            runs: records.campaigns.into_iter().map(|camp| (camp.uuid, Run::new(camp))).collect(),
            roster: Roster::default(),
            retries: false,
            calls: BTreeMap::new(),
            wakes: BTreeSet::new(),
            tally: Tally::default(),
            breakers: BTreeMap::new(),
            places: Places::default(),
            previews: Previews::default(),
            rate,
            intake: Intake::default(),
            link: Link::default(),
            agents: BTreeMap::new(),
            pools: BTreeMap::new(),
            kept_pools: records.pools.into_iter().map(|kept| (kept.queue.clone(), kept)).collect(),
            for_queues: BTreeSet::new(),
            wanted: BTreeMap::new(),
            wanted_until: None,
            pace_deadline: None,
            told_deadline: None,
            asked_queues: BTreeSet::new(),
            nodes: BTreeSet::new(),
            turn: 0,
            ends_to_retry: VecDeque::new(),
            claim_deadline: None,
            window_deadline: None,
            clocks: None,
            draining: false,
            held: false,
            told_of_sip: false,
        };
        engine.runs.values().for_each(|run| engine.roster.enter(&run.campaign));
        engine.find_for_queues();
        for open in records.open {
            let uuid = open.attempt.uuid;
            engine.link.inherit(uuid, open.epoch);
            let forced = engine.stops_forcedly(&open.attempt);
            let mut call = Call::resumed(open.attempt, open.progress);
            // A row does not say whose word it was; a predictive call to a queue is given up by pacing every day.
            if forced || (open.withdrawn && !pools::is_paced(&call)) {
                call.withdraw();
            } else if open.withdrawn {
                call.give_up();
            }
            engine.admit(call);
        }
        engine
    }

    /// Takes one input and says what is to be done, in this order: [`Engine::take`] and [`Engine::go_on`].
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let mut effects = self.take(now, input);
        effects.extend(self.go_on(now));
        effects
    }

    /// Takes one input of several that are there at once, and says what follows from it alone. What follows from all of
    /// them, such as who may dial now, is not worked out for each: [`Engine::go_on`] says it, before time passes.
    #[must_use]
    pub fn take(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.watch_clock(now, &mut effects);
        match input {
            Input::Tick => {}
            Input::Drain => {
                self.draining = true;
                self.keep_pools();
            }
            Input::Hold(held) => self.held = held,
            Input::Options(options) => {
                self.rate.set(options.calls_per_second);
                self.options = options;
            }
            Input::Changed(change, noun) => {
                self.changed(now, change, &noun, &mut effects);
                self.pacing_changed(&noun);
            }
            Input::ListChanged(dlma) => self.list_changed(dlma),
            Input::NotMoved(campaign) => {
                if let Some(run) = self.runs.get_mut(&campaign) {
                    run.moving = None;
                    // Somebody else has written to the record: not at full speed.
                    run.wait(now);
                    self.retries = true;
                }
            }
            Input::Claimed { campaign, attempts, outlook } => {
                let first = attempts.first().map(|(attempt, _)| attempt.uuid);
                self.claimed(now, campaign, attempts, outlook, &mut effects);
                self.preview_claimed(campaign, first, &mut effects);
            }
            Input::StoreFailed(campaign) => {
                self.store_failed(now, campaign);
                self.preview_not_written(campaign);
            }
            Input::Preview(told) => self.preview_told(now, told, &mut effects),
            Input::Ended(dialing, dl) => self.ended(dialing, dl.as_deref(), &mut effects),
            Input::EndFailed(ending) => {
                self.ends_to_retry.push_back((now.mono + run::STORE_RETRY, ending));
            }
            Input::Call(dialing, event) => self.happened(now, dialing, event, &mut effects),
            Input::Withdraw(dialing) => {
                if let Some(call) = self.calls.get_mut(&dialing).filter(|call| !call.is_ended()) {
                    call.withdraw();
                    effects.push(Effect::Hangup(dialing));
                }
            }
            Input::GivenUp(dialing) => {
                // Who has answered meanwhile is not hung up on.
                if let Some(call) =
                    self.calls.get_mut(&dialing).filter(|call| !call.is_ended() && !call.is_answered())
                {
                    call.give_up();
                    effects.push(Effect::Hangup(dialing));
                }
            }
            Input::LinkUp { epoch } => self.link_up(now, epoch, &mut effects),
            Input::LinkDown => self.link_down(),
            Input::Live(channels) => self.live(now, channels, &mut effects),
            Input::Agents { queue, agents, wrapped } => {
                self.pool_wraps(now, &queue, &wrapped);
                self.asked_queues.remove(&queue);
                self.agents.insert(queue, agents);
            }
            Input::Nodes(nodes) => self.nodes = nodes,
        }
        effects
    }

    /// What follows from all that was taken, and from the time.
    #[must_use]
    pub fn go_on(&mut self, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.wake_calls(now, &mut effects);
        self.retry_ends(now, &mut effects);
        self.rescan(now, &mut effects);
        self.retry_store(now);
        self.follow_schedules(now, &mut effects);
        self.move_campaigns(&mut effects);
        self.pace(now, &mut effects);
        self.follow_previews(now, &mut effects);
        self.dispatch(now, &mut effects);
        self.tell_pacing(now, &mut effects);
        effects
    }

    /// When the engine wants a [`Input::Tick`] at the latest; `None` where only an input can change anything.
    pub fn next_deadline(&self) -> Option<Duration> {
        let calls = self.wakes.first().map(|(at, _)| *at);
        let ends = self.ends_to_retry.front().map(|(at, _)| *at);
        let runs = self.runs.values().filter(|_| self.retries).filter_map(|run| run.retry_at).min();
        let (claim, window, pace) = (self.claim_deadline, self.window_deadline, self.pace_deadline);
        let (previews, told, scan) = (self.previews.wake(), self.told_deadline, self.link.next_scan());
        [calls, ends, runs, claim, window, pace, previews, told, scan].into_iter().flatten().min()
    }

    /// The dialings that have not ended, in the order of their ids.
    pub fn dialings(&self) -> impl Iterator<Item = &Dialing> {
        self.calls.values().map(Call::dialing)
    }

    /// How many originates still wait for Asterisk's answer.
    pub fn unacknowledged(&self) -> usize {
        self.tally.unacknowledged()
    }

    /// Whether a stop would leave nothing half done: every call is answered, and every end committed.
    pub fn is_settled(&self) -> bool {
        self.ends_to_retry.is_empty()
            && self.calls.values().all(|call| call.is_answered() && !call.is_ended())
    }

    /// One dialing that has not ended.
    pub fn dialing(&self, uuid: DialingUuid) -> Option<&Dialing> {
        self.calls.get(&uuid).map(Call::dialing)
    }

    fn changed(&mut self, now: Now, change: Change, noun: &Noun, effects: &mut Vec<Effect>) {
        let there = change != Change::Delete;
        match noun {
            Noun::Plan(plan) => {
                keep(&mut self.plans, plan.uuid, plan, there);
                let uuid = plan.uuid;
                self.recapsule(|campaign| campaign.plan == Some(uuid));
            }
            Noun::Dlma(dlma) => {
                keep(&mut self.dlmas, dlma.uuid, dlma, there);
                let uuid = dlma.uuid;
                self.recapsule(|campaign| campaign.dlma == Some(uuid));
            }
            Noun::Destination(destination) => {
                keep(&mut self.destinations, destination.uuid, destination, there);
                let uuid = destination.uuid;
                let first = self
                    .destinations
                    .values()
                    .filter(|first| self.ways(first).iter().any(|way| way.uuid == uuid));
                let changed: BTreeSet<_> = first.map(|first| first.uuid).chain([uuid]).collect();
                self.recapsule(|campaign| campaign.dest.is_some_and(|dest| changed.contains(&dest)));
            }
            Noun::Campaign(campaign) if there => {
                let calls = self
                    .calls
                    .values_mut()
                    .filter(|call| campaign_of(&call.dialing().attempt) == campaign.uuid);
                match self.runs.entry(campaign.uuid) {
                    Entry::Occupied(mut run) => {
                        let run = run.get_mut();
                        effects.extend(run.list_end(campaign).map(Effect::Notice));
                        self.roster.leave(&run.campaign);
                        self.roster.enter(campaign);
                        run.set_campaign(campaign.clone());
                    }
                    Entry::Vacant(place) => {
                        self.roster.enter(campaign);
                        let run = place.insert(Run::new(campaign.clone()));
                        calls.for_each(|call| run.admit(call));
                        return;
                    }
                }
                if campaign.status == CampaignStatus::StoppingForcedly {
                    for call in calls.filter(|call| !call.is_ended()) {
                        call.withdraw();
                        effects.push(Effect::Hangup(call.dialing().attempt.uuid));
                    }
                }
            }
            Noun::Campaign(campaign) => self.remove_run(now, campaign.uuid),
            Noun::Dl(dl) => {
                self.list_changed(dl.dlma_uuid);
                self.preview_changed(change, dl, effects);
            }
            Noun::Dialing(_) => {}
        }
    }

    /// What is known of that list no longer counts.
    fn list_changed(&mut self, dlma: DlmaUuid) {
        for campaign in self.roster.of_list(dlma) {
            if let Some(run) = self.runs.get_mut(&campaign) {
                run.look_again();
            }
        }
    }

    /// Attempts from now on are frozen with what has just changed.
    fn recapsule(&mut self, uses: impl Fn(&Campaign) -> bool) {
        for run in self.runs.values_mut().filter(|run| uses(&run.campaign)) {
            run.refresh();
        }
    }

    fn capsule(&mut self, campaign: CampaignUuid) -> Option<Arc<Capsule>> {
        let run = self.runs.get(&campaign)?;
        if let Some(capsule) = &run.capsule {
            return Some(Arc::clone(capsule));
        }
        let campaign = run.campaign.clone();
        let Parts { plan, dlma, destination } = self.parts(&campaign).ok()?;
        let failovers = self.ways(destination).into_iter().skip(1).cloned().collect();
        let (plan, dlma, destination) = (plan.clone(), dlma.clone(), destination.clone());
        let (key, uuid) = (campaign.uuid, CapsuleUuid::new(self.ids.next_uuid()));
        let capsule = Arc::new(Capsule { uuid, campaign, plan, dlma, destination, failovers });
        self.runs.get_mut(&key)?.capsule = Some(Arc::clone(&capsule));
        Some(capsule)
    }

    /// Where calls go, and in turn where they go where that cannot take them.
    fn ways<'a>(&'a self, destination: &'a Destination) -> Vec<&'a Destination> {
        let failovers = node::failovers(destination, |uuid| self.destinations.get(&uuid));
        std::iter::once(destination).chain(failovers).collect()
    }

    /// Takes a new call into the books.
    fn admit(&mut self, call: Call) {
        let dialing = call.dialing().attempt.uuid;
        if let Some(run) = self.runs.get_mut(&campaign_of(&call.dialing().attempt)) {
            run.admit(&call);
        }
        self.tally.admit(&call);
        let breaker = self.breakers.entry(call.dialing().attempt.capsule.plan.trunk()).or_default();
        breaker.admit(call.has_channel(), call.is_decided());
        self.calls.insert(dialing, call);
    }

    /// Something happened to a call. One that was given up before it had a channel to hang up is hung up now.
    fn happened(&mut self, now: Now, dialing: DialingUuid, event: CallEvent, effects: &mut Vec<Effect>) {
        let has_channel = matches!(event, CallEvent::ChannelCreated { .. } | CallEvent::Present { .. });
        self.touch(now, dialing, effects, |call| call.handle(now, event));
        if has_channel && self.calls.get(&dialing).is_some_and(Call::is_to_be_hung_up) {
            effects.push(Effect::Hangup(dialing));
        }
    }

    /// Lets something happen to a call, keeps the books, and carries out what the call asks for.
    fn touch(
        &mut self,
        now: Now,
        dialing: DialingUuid,
        effects: &mut Vec<Effect>,
        happen: impl FnOnce(&mut Call) -> Vec<CallOutput>,
    ) {
        let Some(call) = self.calls.get_mut(&dialing) else { return };
        let (unacknowledged, awaits_agent, wake) =
            (call.is_unacknowledged(), call.awaits_agent(), call.wake());
        let (blind, decided, setting_up) = (call.is_blind(), call.is_decided(), call.is_being_set_up());
        let stood = (call.stage(), call.is_abandoned());
        let outputs = happen(call);
        if wake != call.wake() {
            wake.map(|at| self.wakes.remove(&(at, dialing)));
            call.wake().map(|at| self.wakes.insert((at, dialing)));
        }
        if unacknowledged && !call.is_unacknowledged() {
            self.tally.acknowledged();
            if let Some(run) = self.runs.get_mut(&campaign_of(&call.dialing().attempt)) {
                run.unacknowledged -= 1;
            }
            let place = Place::of(&call.dialing().attempt.capsule.ways());
            if let (Some(place), Some(there)) = (place, call.found_place())
                && let Some(turn) = self.places.answered(now.mono, place.clone(), there)
            {
                effects.push(Effect::Notice(Notice::Place { place, turn }));
            }
        }
        if setting_up && !call.is_being_set_up() {
            self.tally.set_up();
            if let Some(sent) = call.sent() {
                self.intake.took(now.mono, now.mono.saturating_sub(sent), self.options.max_unanswered);
            }
        }
        if awaits_agent && !call.awaits_agent() {
            self.tally.served(call);
        }
        if (blind, decided) != (call.is_blind(), call.is_decided()) {
            let trunk = call.dialing().attempt.capsule.plan.trunk();
            let breaker = self.breakers.entry(trunk.clone()).or_default();
            if blind && !call.is_blind() {
                breaker.seen();
            }
            if !decided
                && call.is_decided()
                && let Some(turn) = breaker.decided(now.mono, call.blames_trunk())
            {
                effects.push(Effect::Notice(Notice::Trunk { trunk, turn }));
            }
        }
        if !self.told_of_sip && call.asks_for_lost_sip() {
            self.told_of_sip = true;
            effects.push(Effect::Notice(Notice::NoSip { channel: call.dialing().attempt.channel.clone() }));
        }
        self.carry_out(dialing, outputs, effects);
        self.pool_hears(now, dialing, stood);
    }

    /// Whether the calls of its campaign are being hung up.
    fn stops_forcedly(&self, attempt: &Attempt) -> bool {
        let run = self.runs.get(&campaign_of(attempt));
        run.is_some_and(|run| run.campaign.status == CampaignStatus::StoppingForcedly)
    }

    fn carry_out(&mut self, dialing: DialingUuid, outputs: Vec<CallOutput>, effects: &mut Vec<Effect>) {
        let Some(call) = self.calls.get(&dialing) else { return };
        for output in outputs {
            let effect = match output {
                CallOutput::Updated => {
                    Effect::Publish(OutEvent::new(Change::Update, Noun::Dialing(call.dialing().clone())))
                }
                CallOutput::Answered => Effect::Progress(dialing, call.dialing().progress.clone()),
                CallOutput::Probe => Effect::Probe(dialing),
                CallOutput::SendAway => {
                    // It could be carried out only once an agent has him.
                    effects.extend(self.send_away(call).filter(|_| self.link.is_ready()));
                    continue;
                }
                CallOutput::Ended(mut ending) => {
                    if ending.outcome == Outcome::Unknown {
                        ending.next_try = self.options.on_unknown;
                    }
                    if ending.next_try == NextTry::Held {
                        let dl = ending.dialing.attempt.dl.uuid;
                        effects.push(Effect::Notice(Notice::Held { dl }));
                    }
                    Effect::Finish(ending)
                }
            };
            effects.push(effect);
        }
    }

    fn ended(&mut self, dialing: DialingUuid, dl: Option<&Dl>, effects: &mut Vec<Effect>) {
        let Some(call) = self.calls.remove(&dialing) else { return };
        self.pool_forgets(&call);
        if let Some(run) = self.runs.get_mut(&campaign_of(&call.dialing().attempt)) {
            run.open -= 1;
            run.made.0 += 1;
            run.made.1 += u64::from(call.is_answered());
        }
        self.link.forget(dialing);
        let last = Noun::Dialing(call.dialing().clone());
        effects.push(Effect::Publish(OutEvent::new(Change::Update, last.clone())));
        if let Some(dl) = dl {
            effects.push(Effect::Publish(OutEvent::new(Change::Update, Noun::Dl(dl.clone()))));
        }
        self.list_changed(call.dialing().attempt.dl.dlma_uuid);
        effects.push(Effect::Publish(OutEvent::new(Change::Delete, last)));
    }

    fn wake_calls(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((at, dialing)) = self.wakes.first().copied().filter(|(at, _)| *at <= now.mono) {
            self.wakes.remove(&(at, dialing));
            self.touch(now, dialing, effects, |call| call.handle_wake(now));
        }
    }

    fn retry_ends(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while self.ends_to_retry.front().is_some_and(|(at, _)| *at <= now.mono) {
            effects.extend(self.ends_to_retry.pop_front().map(|(_, ending)| Effect::Finish(ending)));
        }
    }

    fn move_campaigns(&mut self, effects: &mut Vec<Effect>) {
        for (uuid, run) in &mut self.runs {
            if run.is_busy() {
                continue;
            }
            let from = run.campaign.status;
            let goes_on = campaign::on_progress(from, run.open, run.unacknowledged);
            let ends = goes_on.is_none() && run.list_has_ended();
            if let Some(to) = goes_on.or(ends.then_some(CampaignStatus::Stopping)) {
                (run.moving, run.ends) = (Some(to), ends);
                effects.push(Effect::Transition { campaign: *uuid, from, to });
            }
        }
    }

    /// Campaigns whose commit failed a while ago go on.
    fn retry_store(&mut self, now: Now) {
        if !std::mem::take(&mut self.retries) {
            return;
        }
        for run in self.runs.values_mut() {
            run.retry_at = run.retry_at.filter(|at| *at > now.mono);
            self.retries |= run.retry_at.is_some();
        }
    }
}

fn campaign_of(attempt: &Attempt) -> CampaignUuid {
    attempt.capsule.campaign.uuid
}

fn keep<K: Ord, V: Clone>(map: &mut BTreeMap<K, V>, key: K, value: &V, there: bool) {
    if there {
        map.insert(key, value.clone());
    } else {
        map.remove(&key);
    }
}
