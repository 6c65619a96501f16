//! Predictive pacing at work: a pool a queue that has a campaign of mode 1.
//!
//! Campaigns that share a queue share its agents, so they share a pool, and what may be abandoned in it: the queue gives an
//! agent to whoever has waited longest, whosever caller that is. The pool hears of every call to the queue, also of those of
//! campaigns of other modes. It goes by the strictest of what the plans say; who of them gets how many of its calls is dealt
//! out as all calls are.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use uuid::Uuid;

use super::dialing::{Call, Stage};
use super::gate::Saw;
use super::pacing::predictive::{Memory, Predictive, Settings, Standing};
use super::pacing::{Event, View};
use super::run::Claim;
use super::window::local_date;
use super::{Effect, Engine, QueueAgents};
use crate::model::abandonment::AbandonWindow;
use crate::model::campaign::Campaign;
use crate::model::codes::{CampaignStatus, DialMode};
use crate::model::event::Noun;
use crate::model::ids::DialingUuid;
use crate::model::node;
use crate::model::plan::Plan;
use crate::model::time::{Now, Timestamp};

/// How often a pool decides at least.
const EVERY: Duration = Duration::from_secs(1);
/// How often what it has learnt is kept.
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// A call that is to be given up and still rings is named again so much later.
const GIVE_UP_AGAIN: Duration = Duration::from_secs(5);
/// The share of persons that AMD is thought to take for machines, where they count: nobody can hear it of each call.
const AMD_FALSE_POSITIVES: f64 = 0.03;
/// Of the calls that get through, so many more are said to ring, or fewer, before it is gone by: a share.
const SIGNALS_OF: f64 = 20.0;

/// What is kept of a pool over a restart.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptPool {
    /// The queue, in lower case.
    pub queue: String,
    /// What was learnt, and the credit.
    pub memory: Memory,
    /// Of which window the credit is, by its first date, or its kind where it has none.
    pub period: String,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Pool {
    pacing: Predictive<DialingUuid>,
    /// How many calls more there may be, by the last decision.
    pub(super) room: u32,
    /// When its calls were dialled.
    dialled: BTreeMap<DialingUuid, Duration>,
    /// Since when those ring that do, as pacing counts it.
    ringing: BTreeMap<DialingUuid, Duration>,
    /// Calls that are being given up, and when they were last named.
    giving_up: BTreeMap<DialingUuid, Duration>,
    /// How many of the calls that get through are not said to ring before: the network does not tell.
    silent: f64,
    period: String,
    kept: Option<Duration>,
    /// Somebody was abandoned since it was kept.
    spent: bool,
}

/// What a supervisor sees of a pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paced {
    /// Where its pacing stands.
    pub standing: Standing,
    /// Calls more that it lets through now.
    pub room: u32,
    /// What it goes by.
    pub settings: Settings,
}

impl Pool {
    fn new(kept: Option<(Memory, String)>, settings: Settings) -> Self {
        let (pacing, period) = match kept {
            Some((memory, period)) => (Predictive::resume(settings, memory), period),
            None => (Predictive::new(settings), String::new()),
        };
        Self {
            pacing,
            room: 0,
            dialled: BTreeMap::new(),
            ringing: BTreeMap::new(),
            giving_up: BTreeMap::new(),
            silent: 0.0,
            period,
            kept: None,
            spent: false,
        }
    }

    /// A call is being claimed for it.
    fn dials(&mut self, now: Duration, dialing: DialingUuid) {
        self.dialled.insert(dialing, now);
        self.room = self.room.saturating_sub(1);
        self.pacing.heard(now, Event::Dialled(dialing));
    }

    /// A call that it does not know is there, such as one that an earlier run has left.
    fn finds(&mut self, now: Now, call: &Call) {
        let dialing = call.dialing().attempt.uuid;
        if self.dialled.contains_key(&dialing) || call.stage() == Stage::Over {
            return;
        }
        let at = |wall: Timestamp| now.mono.saturating_sub(now.wall.since(wall));
        let progress = &call.dialing().progress;
        self.dials(at(call.dialing().attempt.tm_create), dialing);
        let since = progress.tm_dial_end.or(progress.tm_dial_begin).map_or(now.mono, at);
        match call.stage() {
            Stage::Originating | Stage::Over => {}
            // For how long is not known: the legal time of ringing begins anew.
            Stage::Ringing => self.rings(now.mono, dialing),
            Stage::Answered => self.pacing.heard(since, Event::Answered(dialing)),
            Stage::Waiting => self.pacing.heard(now.mono, Event::Queued(dialing)),
            Stage::Talking | Stage::Talked => self.pacing.heard(since, Event::Talking(dialing)),
        }
    }

    /// The call has come from one stage to another, or counts as abandoned from now on.
    fn moves(&mut self, now: Duration, call: &Call, (before, was_abandoned): (Stage, bool)) {
        let id = call.dialing().attempt.uuid;
        let Some(dialled) = self.dialled.get(&id).copied() else { return };
        let after = call.stage();
        let is_new = call.is_abandoned() && !was_abandoned;
        if before == Stage::Originating && (Stage::Ringing..Stage::Over).contains(&after) {
            let silent = if after == Stage::Ringing { 0.0 } else { 1.0 };
            self.silent += (silent - self.silent) / SIGNALS_OF;
            if after != Stage::Ringing {
                // It rang, and nobody said so.
                self.pacing.heard(dialled, Event::Ringing(id));
            }
        }
        if after == Stage::Ringing {
            return self.rings(now, id);
        }
        self.ringing.remove(&id);
        let mut tell = |event| self.pacing.heard(now, event);
        match after {
            Stage::Originating | Stage::Ringing => {}
            Stage::Answered => tell(Event::Answered(id)),
            Stage::Waiting if is_new => tell(Event::Abandoned(id)),
            Stage::Waiting => tell(Event::Queued(id)),
            Stage::Talking if call.is_abandoned() => {}
            Stage::Talking => tell(Event::Connected(id)),
            Stage::Talked if before == Stage::Talked => {}
            Stage::Talked => tell(Event::Talked { id, machine: false }),
            Stage::Over => match before {
                Stage::Originating | Stage::Ringing if call.is_withdrawn() => tell(Event::Withdrawn(id)),
                Stage::Originating if call.has_channel() && !call.is_answered() => {
                    // Busy, or there is no such number: the network says no more than that.
                    tell(Event::Ringing(id));
                    tell(Event::Unanswered(id));
                }
                Stage::Originating | Stage::Ringing => tell(Event::Unanswered(id)),
                Stage::Answered | Stage::Waiting if is_new => tell(Event::Abandoned(id)),
                Stage::Answered => tell(Event::Machine(id)),
                Stage::Waiting | Stage::Over => {}
                Stage::Talking | Stage::Talked => tell(Event::Talked { id, machine: false }),
            },
        }
        self.spent |= is_new;
        if after == Stage::Over {
            self.dialled.remove(&id);
            self.giving_up.remove(&id);
        }
    }

    /// It is not dialled after all, or gone unseen.
    fn loses(&mut self, now: Duration, id: DialingUuid) {
        if self.dialled.remove(&id).is_some() {
            self.ringing.remove(&id);
            self.pacing.heard(now, Event::Unanswered(id));
        }
    }

    /// Where the network does not tell that it rings, what has a channel is taken to ring.
    fn rings_unheard(&mut self, now: Duration, call: &Call) {
        if self.silent > 0.5 && call.has_channel() && call.stage() == Stage::Originating {
            self.rings(now, call.dialing().attempt.uuid);
        }
    }

    fn rings(&mut self, now: Duration, id: DialingUuid) {
        self.ringing.entry(id).or_insert(now);
        self.pacing.heard(now, Event::Ringing(id));
    }

    fn begins(&mut self, period: String) {
        // Of one kind they are of one length, and later ones come later in the alphabet. Another kind, or a clock or zone by
        // which it is an earlier one, is no new window: nothing is lent again, and no debt is forgotten.
        let is_next = self.period.len() == period.len() && self.period < period;
        if is_next {
            self.pacing.window_begins();
        }
        if is_next || self.period.len() != period.len() {
            (self.period, self.spent) = (period, true);
        }
    }

    /// What it decides: how many calls more, which is kept, and which of its calls to give up.
    fn decides(&mut self, now: Duration, agents: QueueAgents, room: u32) -> Vec<DialingUuid> {
        let view = View {
            // Of several who are called for one caller one has him in a moment, and the others are free.
            free: agents.free + agents.ringing.saturating_sub(agents.called_for),
            talking: agents.talking + agents.called_for.min(agents.ringing),
            wrapping: agents.wrapping,
            waiting: agents.unserved,
            room,
        };
        let decision = self.pacing.decide(now, view);
        self.room = decision.dial;
        let is_due = |id: &DialingUuid| self.giving_up.get(id).is_none_or(|at| *at + GIVE_UP_AGAIN <= now);
        let named: Vec<_> = decision.give_up.into_iter().filter(is_due).collect();
        self.giving_up.extend(named.iter().map(|id| (*id, now)));
        named
    }

    /// Calls of other modes are nobody's to give up, and no call before the time that its own plan says.
    fn may_give_up(&self, now: Duration, call: &Call) -> bool {
        let attempt = &call.dialing().attempt;
        let min_ring = attempt.capsule.plan.abandonment.min_ring();
        is_paced(call) && self.ringing.get(&attempt.uuid).is_some_and(|since| *since + min_ring <= now)
    }

    fn keeps(&mut self, now: Duration, queue: &str) -> Option<KeptPool> {
        let is_due = self.kept.is_none_or(|at| at + KEEP_EVERY <= now);
        if !self.spent && !is_due {
            return None;
        }
        (self.kept, self.spent) = (Some(now), false);
        Some(KeptPool { queue: queue.to_owned(), memory: self.pacing.memory(), period: self.period.clone() })
    }
}

/// What the campaigns of a queue ask for together.
#[derive(Debug)]
pub(super) struct Wanted {
    settings: Settings,
    window: AbandonWindow,
    /// Which window it is.
    period: String,
    /// Whether one of them is in its window.
    dials: bool,
}

impl Wanted {
    /// The strictest counts, and of windows the one that begins anew most often.
    fn join(&mut self, other: Self) {
        self.settings = strictest(self.settings, other.settings);
        self.dials |= other.dials;
        // Of two zones the one in which it is still yesterday.
        if (other.window, &other.period) < (self.window, &self.period) {
            (self.window, self.period) = (other.window, other.period);
        }
    }
}

impl Engine {
    /// Decides for each queue that is dialled predictively how many calls more there may be, and which are given up.
    pub(super) fn pace(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.pace_deadline = None;
        if self.for_queues.is_empty() && self.pools.is_empty() {
            return;
        }
        // Dates and windows change by the clock, the rest by a record.
        if self.wanted_until.is_none_or(|until| until <= now.mono) {
            self.wanted = self.wanted_pools(now);
            self.wanted_until = Some(now.mono + EVERY);
        }
        let budget = self.gates_of_asterisk(now).map(Saw::room).into_iter().min().unwrap_or_default();
        let budget = u32::try_from(budget).unwrap_or(u32::MAX);
        for (queue, Wanted { settings, period, .. }) in &self.wanted {
            let kept = self.kept_pools.remove(queue).map(|kept| (kept.memory, kept.period));
            let is_new = !self.pools.contains_key(queue);
            let pool = self.pools.entry(queue.clone()).or_insert_with(|| Pool::new(kept, *settings));
            pool.pacing.set(*settings);
            pool.begins(period.clone());
            if is_new {
                let calls = self.calls.values().filter(|call| queue_of(call).as_ref() == Some(queue));
                calls.for_each(|call| pool.finds(now, call));
            }
        }
        for (queue, pool) in &mut self.pools {
            let dials =
                !self.draining && !self.held && self.wanted.get(queue).is_some_and(|wanted| wanted.dials);
            pool.room = 0;
            if !dials && pool.dialled.is_empty() && !pool.spent {
                continue;
            }
            self.pace_deadline = Some(now.mono + EVERY);
            let agents = self.agents.get(queue).copied().flatten().filter(|_| self.link.is_ready());
            if let Some(agents) = agents {
                let given_up = pool.decides(now.mono, agents, if dials { budget } else { 0 });
                let calls = &self.calls;
                let is_its =
                    |id: &DialingUuid| calls.get(id).is_some_and(|call| pool.may_give_up(now.mono, call));
                effects.extend(given_up.into_iter().filter(is_its).map(Effect::GiveUp));
            }
            effects.extend(pool.keeps(now.mono, queue).map(|kept| Effect::KeepPool(Box::new(kept))));
        }
    }

    /// The queues that started campaigns of mode 1 are for.
    fn wanted_pools(&self, now: Now) -> BTreeMap<String, Wanted> {
        let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
        for uuid in &self.for_queues {
            let Some(run) = self.runs.get(uuid) else { continue };
            let Ok(route) = self.route(run) else { continue };
            let plan = run.campaign.plan.and_then(|plan| self.plans.get(&plan));
            let (Some(queue), Some(plan), DialMode::Predictive) = (&route.queue, plan, route.mode) else {
                continue;
            };
            let window = plan.abandonment.window;
            let one = Wanted {
                settings: settings(plan),
                window,
                period: period(window, local_date(run.campaign.schedule.zone(), now.wall)),
                dials: run.is_in_window(now),
            };
            match wanted.get_mut(queue) {
                Some(known) => known.join(one),
                None => drop(wanted.insert(queue.clone(), one)),
            }
        }
        wanted
    }

    /// Finds the started campaigns that are for a queue.
    pub(super) fn find_for_queues(&mut self) {
        let campaigns = self.runs.iter().filter(|(_, run)| self.is_for_a_queue(&run.campaign));
        self.for_queues = campaigns.map(|(uuid, _)| *uuid).collect();
    }

    /// A record has changed, and is taken up.
    pub(super) fn pacing_changed(&mut self, noun: &Noun) {
        match noun {
            Noun::Destination(_) => self.find_for_queues(),
            Noun::Plan(_) => {}
            Noun::Campaign(Campaign { uuid, .. }) => {
                if self.runs.get(uuid).is_some_and(|run| self.is_for_a_queue(&run.campaign)) {
                    self.for_queues.insert(*uuid);
                } else {
                    self.for_queues.remove(uuid);
                }
            }
            Noun::Dlma(_) | Noun::Dl(_) | Noun::Dialing(_) => return,
        }
        self.wanted_until = None;
    }

    fn is_for_a_queue(&self, campaign: &Campaign) -> bool {
        let destination = campaign.dest.and_then(|dest| self.destinations.get(&dest));
        campaign.status == CampaignStatus::Start
            && destination.is_some_and(|destination| destination.queue().is_some())
    }

    /// Contacts are being claimed for that queue; gives those that are counted.
    pub(super) fn pool_dials(
        &mut self,
        now: Now,
        queue: Option<&str>,
        ids: &[(DialingUuid, Uuid)],
    ) -> Vec<DialingUuid> {
        let Some(pool) = queue.and_then(|queue| self.pools.get_mut(queue)) else { return Vec::new() };
        ids.iter().for_each(|(id, _)| pool.dials(now.mono, *id));
        ids.iter().map(|(id, _)| *id).collect()
    }

    /// That claim is back: not all of it may have come.
    pub(super) fn pool_loses(&mut self, now: Now, claim: &Claim) {
        let Some(pool) = claim.queue.as_ref().and_then(|queue| self.pools.get_mut(queue)) else { return };
        let lost = claim.paced.iter().filter(|id| !self.calls.contains_key(id));
        lost.for_each(|id| pool.loses(now.mono, *id));
    }

    /// A call is gone from the books.
    pub(super) fn pool_forgets(&mut self, call: &Call) {
        if !self.pools.is_empty()
            && let Some(pool) = queue_of(call).and_then(|queue| self.pools.get_mut(&queue))
        {
            let id = call.dialing().attempt.uuid;
            pool.dialled.remove(&id);
            pool.ringing.remove(&id);
            pool.giving_up.remove(&id);
        }
    }

    /// A call is in the books: a pool that was made while it was being claimed does not know it.
    pub(super) fn pool_finds(&mut self, now: Now, dialing: DialingUuid) {
        if self.pools.is_empty() {
            return;
        }
        let Some(call) = self.calls.get(&dialing) else { return };
        if let Some(pool) = queue_of(call).and_then(|queue| self.pools.get_mut(&queue)) {
            pool.finds(now, call);
        }
    }

    /// What was learnt is kept with the next decision.
    pub(super) fn keep_pools(&mut self) {
        self.pools.values_mut().for_each(|pool| pool.spent = true);
    }

    /// Where a callee goes whom no agent takes.
    pub(super) fn send_away(&self, call: &Call) -> Option<Effect> {
        let attempt = &call.dialing().attempt;
        let away = self.destinations.get(&attempt.capsule.plan.abandonment.dest?)?;
        let uuid = away.uuid.to_string();
        let place = away.place().unwrap_or([node::CONTEXT, &uuid, "1"]).map(str::to_owned);
        Some(Effect::SendAway(attempt.uuid, place))
    }

    /// Something has happened to a call.
    pub(super) fn pool_hears(&mut self, now: Now, dialing: DialingUuid, before: (Stage, bool)) {
        if self.pools.is_empty() {
            return;
        }
        let Some(call) = self.calls.get(&dialing) else { return };
        let Some(pool) = queue_of(call).and_then(|queue| self.pools.get_mut(&queue)) else { return };
        if before != (call.stage(), call.is_abandoned()) {
            pool.moves(now.mono, call, before);
        } else {
            pool.rings_unheard(now.mono, call);
        }
    }

    /// How long agents have wrapped up.
    pub(super) fn pool_wraps(&mut self, now: Now, queue: &str, wrapped: &[Duration]) {
        if let Some(pool) = self.pools.get_mut(queue) {
            wrapped.iter().for_each(|took| pool.pacing.heard(now.mono, Event::Wrapped(*took)));
        }
    }

    /// How the queue is paced, where it is.
    pub fn paced(&self, queue: &str) -> Option<Paced> {
        let pool = self.pools.get(queue)?;
        Some(Paced { standing: pool.pacing.standing(), room: pool.room, settings: pool.pacing.settings() })
    }
}

/// Whether it was dialled by what a pool let through.
pub(super) fn is_paced(call: &Call) -> bool {
    let capsule = &call.dialing().attempt.capsule;
    capsule.plan.dial_mode == DialMode::Predictive && capsule.destination.queue().is_some()
}

fn queue_of(call: &Call) -> Option<String> {
    call.dialing().attempt.capsule.destination.queue()
}

fn settings(plan: &Plan) -> Settings {
    let abandonment = &plan.abandonment;
    Settings {
        abandon_target: abandonment.target.part(),
        abandon_after: abandonment.after(),
        // The wait begins with the queue.
        from_answer: false,
        min_ring: abandonment.min_ring(),
        service_level: plan.service_level,
        amd_false_positives: if abandonment.counts_amd_false_positives { AMD_FALSE_POSITIVES } else { 0.0 },
        strict: abandonment.window == AbandonWindow::Calls,
    }
}

fn strictest(one: Settings, other: Settings) -> Settings {
    Settings {
        abandon_target: one.abandon_target.min(other.abandon_target),
        abandon_after: one.abandon_after.min(other.abandon_after),
        from_answer: one.from_answer || other.from_answer,
        min_ring: one.min_ring.max(other.min_ring),
        service_level: one.service_level.min(other.service_level),
        amd_false_positives: one.amd_false_positives.max(other.amd_false_positives),
        strict: one.strict || other.strict,
    }
}

/// The window that a date lies in.
fn period(window: AbandonWindow, date: NaiveDate) -> String {
    match window {
        AbandonWindow::Day => date.to_string(),
        AbandonWindow::Month => date.format("%Y-%m").to_string(),
        AbandonWindow::Rolling30Days | AbandonWindow::Calls => window.to_string(),
    }
}
