//! A simulated day, event by event. The clock jumps from each to the next; what happens is told to the pacing, and the
//! pacing is asked.
//!
//! ```text
//! dial → rings → nobody, busy
//!              → given up by the pacing
//!              → answered → (AMD) → machine: hung up
//!                                 → queue → agent → talk → work after it → free, a break, or home
//!                                         → nobody in time: abandoned, a message
//! ```

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use super::draws::{Draws, slot};
use super::outcome::{Outcome, Tally};
use super::policy::{Pacer, Policy};
use super::scenario::{AbandonClock, Scenario, Spread, ViewKind};
use super::staff::{Doing, Staff};
use crate::engine::pacing::{Decision, Event, View};

/// The campaign ends so long after its last number was dialled.
const AFTER_LAST_LEAD_S: f64 = 30.0;
/// The bucket of calls a second begins with so many.
const FIRST_TOKENS: f64 = 10.0;
/// An agent's work after a machine.
const MACHINE_WRAP_S: f64 = 2.0;
/// Spread of [`Scenario::machine_handle_s`].
const MACHINE_HANDLE_CV: f64 = 0.3;
/// What AMD's delay is held to.
const AMD_DELAY_S: (f64, f64) = (0.5, 6.0);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Human,
    Machine,
    Fail,
    NoAnswer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Originating,
    Ringing,
    Amd,
    Queued,
    Talking,
    Message,
    Over,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    fate: Fate,
    stage: Stage,
    dialled: f64,
    answered: f64,
}

#[derive(Debug, Clone, Copy)]
enum Due {
    Rings(u64),
    Ends(u64),
    Answers(u64),
    Verdict(u64),
    GivesUpWaiting(u64),
    MessageOver(u64),
    TalkOver(usize),
    WrapOver(usize),
    BreakOver(usize),
    Shift(u32),
    Tick,
    Poll,
}

#[derive(Debug)]
struct At(f64, u64, Due);

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for At {}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// What is known of the agents since the last poll.
#[derive(Debug, Default, Clone, Copy)]
struct Summary {
    available: u32,
    logged_in: u32,
    connects: u32,
}

/// Is handed each decision to make, so that whoever measures may stand around it.
pub type Watch<'a> = &'a mut dyn FnMut(&mut dyn FnMut());

struct World<'a> {
    watch: Option<Watch<'a>>,
    scenario: &'a Scenario,
    draws: Draws,
    pacer: Pacer,
    now: f64,
    due: BinaryHeap<Reverse<At>>,
    entered: u64,
    calls: Vec<Call>,
    waiting: VecDeque<u64>,
    staff: Staff,
    /// Originating, ringing, at AMD, in the queue.
    under_way: u32,
    channels: u32,
    tokens: f64,
    refilled: f64,
    summary: Summary,
    end: f64,
    tally: Tally,
}

/// Plays a day. With `restart_at`, the pacing is put down at that second and taken up again from what it keeps.
pub fn run(scenario: &Scenario, policy: &Policy, seed: u64, restart_at: Option<f64>) -> Outcome {
    play(scenario, policy, seed, restart_at, None)
}

/// Plays a day, watched.
pub fn run_watched<'a>(scenario: &'a Scenario, policy: &Policy, seed: u64, watch: Watch<'a>) -> Outcome {
    play(scenario, policy, seed, None, Some(watch))
}

fn play<'a>(
    scenario: &'a Scenario,
    policy: &Policy,
    seed: u64,
    restart_at: Option<f64>,
    watch: Option<Watch<'a>>,
) -> Outcome {
    let mut world = World {
        watch,
        scenario,
        draws: Draws::new(seed),
        pacer: Pacer::new(policy, scenario),
        now: 0.0,
        due: BinaryHeap::new(),
        entered: 0,
        calls: Vec::new(),
        waiting: VecDeque::new(),
        staff: Staff::new(scenario.duration_s),
        under_way: 0,
        channels: 0,
        tokens: FIRST_TOKENS.min(scenario.cps),
        refilled: 0.0,
        summary: Summary::default(),
        end: scenario.duration_s,
        tally: Tally::new(scenario.duration_s),
    };
    for (from, agents) in scenario.agents.shifts() {
        world.enter(from, Due::Shift(agents));
    }
    if scenario.view.kind == ViewKind::Summary {
        world.enter(0.0, Due::Poll);
    }
    world.enter(0.0, Due::Tick);
    let mut restart = restart_at;
    while let Some(Reverse(At(now, _, due))) = world.due.pop() {
        world.now = now;
        if restart.is_some_and(|at| now >= at) {
            restart = None;
            world.restart();
        }
        world.happens(due);
        world.decide();
    }
    world.staff.close();
    world.tally.outcome(&scenario.name, policy, seed, &world.staff)
}

impl World<'_> {
    fn enter(&mut self, at: f64, due: Due) {
        self.due.push(Reverse(At(at, self.entered, due)));
        self.entered += 1;
    }

    fn happens(&mut self, due: Due) {
        match due {
            Due::Rings(call) => self.rings(call),
            Due::Ends(call) => {
                if self.is(call, Stage::Ringing) {
                    self.leaves_the_way(call);
                    self.tell(Event::Unanswered(call));
                }
            }
            Due::Answers(call) => self.answers(call),
            Due::Verdict(call) => self.verdict(call),
            Due::GivesUpWaiting(call) => self.gives_up_waiting(call),
            Due::MessageOver(call) => {
                self.calls[call as usize].stage = Stage::Over;
                self.channels -= 1;
            }
            Due::TalkOver(who) => self.talk_is_over(who),
            Due::WrapOver(who) => self.wrap_is_over(who),
            Due::BreakOver(who) => self.break_is_over(who),
            Due::Shift(agents) => {
                self.staff.set(self.now, agents);
                self.serve();
            }
            Due::Tick => {
                let next = self.now + self.pacer.tick_s();
                if next < self.end {
                    self.enter(next, Due::Tick);
                }
            }
            Due::Poll => {
                let (available, logged_in) = (self.staff.free(), self.staff.logged_in());
                self.summary = Summary { available, logged_in, connects: 0 };
                let next = self.now + self.scenario.view.poll_s;
                if next < self.end {
                    self.enter(next, Due::Poll);
                }
            }
        }
    }

    fn is(&self, call: u64, stage: Stage) -> bool {
        self.calls[call as usize].stage == stage
    }

    fn tell(&mut self, event: Event<u64>) {
        self.pacer.heard(self.now, event);
    }

    fn decide(&mut self) {
        if self.now >= self.end {
            return;
        }
        let scenario = self.scenario;
        self.tokens = scenario.cps.min(self.tokens + (self.now - self.refilled) * scenario.cps);
        self.refilled = self.now;
        let channels = scenario.channels.map_or(u32::MAX, |most| most.saturating_sub(self.channels));
        let leads = scenario.leads.map_or(u64::MAX, |leads| leads.saturating_sub(self.used()));
        let room = channels.min(self.tokens as u32).min(u32::try_from(leads).unwrap_or(u32::MAX));
        let view = self.view(room);
        let Self { watch, pacer, now, under_way, .. } = self;
        let mut decision = Decision::default();
        let mut decide = || decision = pacer.decide(*now, view, *under_way);
        match watch {
            Some(watch) => watch(&mut decide),
            None => decide(),
        }
        for call in decision.give_up {
            if self.is(call, Stage::Ringing) {
                self.leaves_the_way(call);
                self.tally.cancels += 1;
                // Its lead goes back, so there is one again.
                self.ends_at(scenario.duration_s);
                self.tell(Event::Withdrawn(call));
            }
        }
        for _ in 0..decision.dial.min(room) {
            self.dial();
        }
    }

    fn view(&self, room: u32) -> View {
        let waiting = self.waiting.len() as u32;
        let talking = self.staff.talking();
        match self.scenario.view.kind {
            ViewKind::Full => {
                View { free: self.staff.free(), talking, wrapping: self.staff.wrapping(), waiting, room }
            }
            ViewKind::Summary => {
                let free = self.summary.available.saturating_sub(self.summary.connects);
                let wrapping = self.summary.logged_in.saturating_sub(free + talking);
                View { free, talking, wrapping, waiting, room }
            }
        }
    }

    /// Leads that are used up: those of calls that were given up have gone back.
    fn used(&self) -> u64 {
        self.tally.dials - self.tally.cancels
    }

    fn ends_at(&mut self, end: f64) {
        self.end = end;
        self.staff.ends(end);
    }

    fn dial(&mut self) {
        let call = self.calls.len() as u64;
        let (scenario, draws, now) = (self.scenario, self.draws, self.now);
        let u = draws.uniform(call, slot::OUTCOME);
        let human = scenario.p_human.at(now);
        let machine = human + scenario.p_machine.at(now);
        let fate = match u {
            u if u < human => Fate::Human,
            u if u < machine => Fate::Machine,
            u if u < machine + scenario.p_fail => Fate::Fail,
            _ => Fate::NoAnswer,
        };
        self.calls.push(Call { fate, stage: Stage::Originating, dialled: now, answered: 0.0 });
        self.enter(now + draws.time(call, slot::ORIGINATE, scenario.originate), Due::Rings(call));
        self.under_way += 1;
        self.channels += 1;
        self.tokens -= 1.0;
        self.tally.dialled(now, self.channels);
        if scenario.leads == Some(self.used()) {
            self.ends_at((now + AFTER_LAST_LEAD_S).min(scenario.duration_s));
        }
        self.tell(Event::Dialled(call));
    }

    fn rings(&mut self, call: u64) {
        self.calls[call as usize].stage = Stage::Ringing;
        let (scenario, draws, now) = (self.scenario, self.draws, self.now);
        let after = |spread| draws.time(call, slot::RING, spread);
        let timeout = scenario.ring_timeout_s;
        let answer =
            |ring: f64| if ring > timeout { (timeout, Due::Ends(call)) } else { (ring, Due::Answers(call)) };
        let (ring, due) = match self.calls[call as usize].fate {
            Fate::Human => answer(after(scenario.ring_human)),
            Fate::Machine => answer(after(scenario.ring_machine)),
            Fate::Fail => (after(scenario.fail_after), Due::Ends(call)),
            Fate::NoAnswer => (timeout, Due::Ends(call)),
        };
        self.enter(now + ring, due);
        self.tell(Event::Ringing(call));
    }

    /// It is no longer on its way to an agent, and its channel is gone.
    fn leaves_the_way(&mut self, call: u64) {
        self.calls[call as usize].stage = Stage::Over;
        self.under_way -= 1;
        self.channels -= 1;
    }

    fn answers(&mut self, call: u64) {
        if !self.is(call, Stage::Ringing) {
            return;
        }
        self.calls[call as usize].answered = self.now;
        if self.calls[call as usize].fate == Fate::Human {
            self.tally.live_answers += 1;
        }
        self.tell(Event::Answered(call));
        if self.scenario.amd.enabled {
            self.calls[call as usize].stage = Stage::Amd;
            let (least, most) = AMD_DELAY_S;
            let delay = self.draws.time(call, slot::AMD_DELAY, self.scenario.amd.delay).clamp(least, most);
            self.enter(self.now + delay, Due::Verdict(call));
        } else {
            self.queues(call);
        }
    }

    fn verdict(&mut self, call: u64) {
        let amd = self.scenario.amd;
        let u = self.draws.uniform(call, slot::AMD_VERDICT);
        let human = self.calls[call as usize].fate == Fate::Human;
        let passes = if human { u >= amd.false_positive } else { u < amd.false_negative };
        if passes {
            self.queues(call);
        } else {
            if human {
                self.tally.amd_false_drop += 1;
            }
            self.leaves_the_way(call);
            self.tell(Event::Machine(call));
        }
    }

    fn queues(&mut self, call: u64) {
        self.calls[call as usize].stage = Stage::Queued;
        self.waiting.push_back(call);
        self.tell(Event::Queued(call));
        self.serve();
        if self.is(call, Stage::Queued) {
            let from = match self.scenario.abandon_clock {
                AbandonClock::Answer => self.calls[call as usize].answered,
                AbandonClock::AmdEnd => self.now,
            };
            let until = (from + self.scenario.abandon_after_s).max(self.now);
            self.enter(until, Due::GivesUpWaiting(call));
        }
    }

    /// Callers that wait get the agents that are free.
    fn serve(&mut self) {
        while self.staff.free() > 0
            && let Some(call) = self.waiting.pop_front()
            && let Some((who, waited)) = self.staff.take(self.now, call)
        {
            let Call { fate, dialled, .. } = self.calls[call as usize];
            let (scenario, draws) = (self.scenario, self.draws);
            let talk = if fate == Fate::Human {
                self.tally.connected(self.now, waited);
                draws.talk(call, &scenario.talk) * scenario.talk_scale.at(dialled)
            } else {
                let handle = Spread { mean_s: scenario.machine_handle_s, cv: MACHINE_HANDLE_CV };
                draws.time(call, slot::TALK, handle)
            };
            self.calls[call as usize].stage = Stage::Talking;
            self.under_way -= 1;
            self.summary.connects += 1;
            self.enter(self.now + scenario.bridge_s + talk, Due::TalkOver(who));
            self.tell(Event::Connected(call));
        }
    }

    fn gives_up_waiting(&mut self, call: u64) {
        if !self.is(call, Stage::Queued) {
            return;
        }
        self.waiting.retain(|waiting| *waiting != call);
        self.calls[call as usize].stage = Stage::Message;
        self.under_way -= 1;
        self.enter(self.now + self.scenario.abandon_msg_s, Due::MessageOver(call));
        if self.calls[call as usize].fate == Fate::Human {
            self.tally.abandoned(self.now);
        }
        self.tell(Event::Abandoned(call));
    }

    fn talk_is_over(&mut self, who: usize) {
        let call = self.staff.call(who);
        let human = self.calls[call as usize].fate == Fate::Human;
        self.calls[call as usize].stage = Stage::Over;
        self.channels -= 1;
        self.staff.becomes(self.now, who, Doing::Wrapping);
        let wrap = if human { self.draws.time(call, slot::WRAP, self.scenario.wrap) } else { MACHINE_WRAP_S };
        self.enter(self.now + wrap, Due::WrapOver(who));
        self.tell(Event::Talked { id: call, machine: !human });
    }

    fn wrap_is_over(&mut self, who: usize) {
        if self.scenario.view.kind == ViewKind::Full {
            let took = (self.now - self.staff.since(who)).max(0.0);
            self.tell(Event::Wrapped(std::time::Duration::from_secs_f64(took)));
        }
        if self.staff.goes(self.now, who) {
            return;
        }
        let (call, breaks) = (self.staff.call(who), self.scenario.breaks);
        let draws = self.draws.breaks();
        if draws.uniform(call, 0) < breaks.prob {
            self.staff.becomes(self.now, who, Doing::Pausing);
            self.enter(self.now + draws.time(call, 1, breaks.len), Due::BreakOver(who));
        } else {
            self.staff.becomes(self.now, who, Doing::Free);
            self.serve();
        }
    }

    fn break_is_over(&mut self, who: usize) {
        if self.staff.doing(who) == Doing::Pausing && !self.staff.goes(self.now, who) {
            self.staff.becomes(self.now, who, Doing::Free);
            self.serve();
        }
    }

    /// The pacing is taken up again, and told of the calls that are up.
    fn restart(&mut self) {
        self.pacer.restart();
        for call in 0..self.calls.len() as u64 {
            let Call { stage, dialled, answered, .. } = self.calls[call as usize];
            let events: &[Event<u64>] = match stage {
                Stage::Originating => &[Event::Dialled(call)],
                Stage::Ringing => &[Event::Dialled(call), Event::Ringing(call)],
                Stage::Amd => &[Event::Dialled(call), Event::Ringing(call), Event::Answered(call)],
                Stage::Queued => &[Event::Dialled(call), Event::Queued(call)],
                Stage::Talking => &[Event::Talking(call)],
                Stage::Message | Stage::Over => &[],
            };
            for event in events {
                let at = if matches!(event, Event::Answered(_)) { answered } else { dialled };
                self.pacer.heard(at, *event);
            }
        }
    }
}
