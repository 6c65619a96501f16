//! Predictive dialing: as many calls as agents will be free when they answer, and no more abandoned than is allowed.
//!
//! What it goes by is learnt from the campaign's own calls. A call more is dialled as long as what it may lose is worth
//! it; what it may lose is taken over the whole way of the free agents through the next half minute, and what that is
//! worth by the credit of abandonment that is left. Where no agent is in sight, calls that have rung for long are given up.
//!
//! | file | subject |
//! |---|---|
//! | `calls` | the campaign's calls, stage by stage |
//! | `ring`, `amd`, `busy` | what is learnt: of ringing, of verdicts, of agents |
//! | `walk` | the free agents over the next half minute |
//! | `credit` | what may be abandoned |

mod amd;
mod busy;
mod calls;
mod credit;
mod forecast;
mod ring;
mod walk;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Decision, Event, View};
use amd::Verdicts;
use busy::Lifetimes;
use calls::{Calls, Own, Stage};
use credit::Credit;
use forecast::{AgentForecast, Arrival, CallForecast};
use ring::{AGES, Ring};
use walk::{Outlook, STEP_S, STEPS};

/// Who wraps up for longer does not any more.
const LONGEST_WRAP_S: f64 = 1800.0;
/// Where fewer are seen to wrap up than were told to begin, so long ago it must have been of those who do not.
const UNSEEN_WRAP_S: f64 = 10.0;
/// How often the tables are told and asked.
const LOOK_S: f64 = 1.0;
/// However few callees answer, so many are thought to.
const LEAST_SHARE: f64 = 0.01;
/// AMD's verdict comes within so many steps.
const STEPS_OF_AMD: usize = 5;
/// Calls are forecast anew each so many times.
const LOOKS_A_CALL_FORECAST: u64 = 3;
/// Calls count as ones that may be given up so long after [`Settings::min_ring`]: an agent may have been in sight.
const LATE_AFTER_S: u64 = 5;
/// Before so many calls have ended, only free agents get calls.
const BLIND: u64 = 30;
/// No call is dialled that is likelier than this to make one be lost, whatever the credit.
const MOST_RISK: f64 = 0.4;
/// The credit at which that much may be risked: so much, and so much for each agent.
const FULL_CREDIT: (f64, f64) = (6.0, 0.6);
/// More credit is not saved up.
const MOST_CREDIT: (f64, f64) = (8.0, 0.2);
/// No risk is taken with less credit: the more agents, the more calls are on their way when it ends.
const LEAST_CREDIT: (f64, f64) = (0.5, 0.02);
/// The same, of windows of few calls.
const STRICT_RESERVE: f64 = 3.0;
/// And no more than this is saved up.
const MOST_STRICT_CREDIT: f64 = STRICT_RESERVE + 1.0;
/// A loss weighs so much more for each step that it is further away: by then more calls will want the agents, of which
/// the walk knows nothing.
const FARTHER: f64 = 1.1;
/// Calls that ring are given up where no agent is as likely as this to be free in time.
const NO_AGENT: f64 = 0.4;
/// Of the agents that become free within the first step and a caller's patience, so many do early enough.
const EARLY_ENOUGH: f64 = 0.75;

/// What the plan says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The share of the persons put through that may be abandoned.
    pub abandon_target: f64,
    /// How long a caller waits until the call counts as abandoned.
    pub abandon_after: Duration,
    /// That counts from the answer, and not from AMD's verdict.
    pub from_answer: bool,
    /// No call that has rung for less is given up.
    pub min_ring: Duration,
    /// Added to the free agents.
    pub service_level: u32,
    /// The share of persons that AMD is thought to take for machines, where they count as abandoned.
    pub amd_false_positives: f64,
    /// Nothing is lent to a window that begins, and a reserve is kept: for windows of few calls.
    pub strict: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            abandon_target: 0.03,
            abandon_after: Duration::from_secs(2),
            from_answer: false,
            min_ring: Duration::from_secs(15),
            service_level: 0,
            amd_false_positives: 0.0,
            strict: false,
        }
    }
}

/// Where predictive pacing stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// How many calls may still be abandoned.
    pub credit: f64,
    /// Persons who answered in this window.
    pub live: f64,
    /// Of them, those whom no agent took in time.
    pub abandoned: f64,
    /// How likely to make one be lost the next call may be.
    pub risk: f64,
    /// How many of the calls under way will be answered within the next half minute.
    pub expected_answers: f64,
    /// How many calls have ended whose ringing was learnt from.
    pub learnt: u64,
}

/// What is kept over a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    ring: Ring,
    verdicts: Verdicts,
    talk: Lifetimes,
    wrap: Lifetimes,
    credit: Credit,
}

/// Predictive pacing of one campaign.
#[derive(Debug)]
pub struct Predictive<Id> {
    settings: Settings,
    memory: Memory,
    calls: Calls<Id>,
    /// Since when agents wrap up, as far as it is known.
    wrapping: Vec<Duration>,
    /// The ends of wraps are told one by one.
    wraps_are_told: bool,
    looked: Duration,
    looks: u64,
    /// At the last decision.
    agents: u32,
    expected_answers: f64,
    call_forecast: CallForecast,
    agent_forecast: AgentForecast,
}

impl<Id: Copy + Ord> Predictive<Id> {
    /// Nothing is known yet.
    pub fn new(settings: Settings) -> Self {
        let memory = Memory {
            ring: Ring::default(),
            verdicts: Verdicts::default(),
            talk: Lifetimes::of_mean(90.0, 20.0),
            wrap: Lifetimes::of_mean(20.0, 20.0),
            credit: Credit::default(),
        };
        Self::resume(settings, memory)
    }

    /// Goes on with what was kept. The calls that are up are told as events, with the times at which they happened.
    pub fn resume(settings: Settings, memory: Memory) -> Self {
        let call_forecast = CallForecast::new(&memory.ring, &memory.verdicts, late_s(settings));
        Self {
            settings,
            memory,
            calls: Calls::new(),
            wrapping: Vec::new(),
            wraps_are_told: false,
            looked: Duration::ZERO,
            looks: 0,
            agents: 0,
            expected_answers: 0.0,
            call_forecast,
            agent_forecast: AgentForecast::default(),
        }
    }

    /// What the plan says.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The plan was changed.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// A window of the abandonment begins, such as a day: what was earned and spent in the last one counts no more.
    pub fn window_begins(&mut self) {
        self.memory.credit = Credit::default();
    }

    /// Where it stands, for whoever supervises it.
    pub fn standing(&self) -> Standing {
        let Credit { left, live, abandoned } = self.memory.credit;
        let expected_answers = self.expected_answers;
        let learnt = self.memory.ring.resolved;
        Standing { credit: left, live, abandoned, risk: self.risk(), expected_answers, learnt }
    }

    /// What to keep for the next start.
    pub fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// Takes in what has happened. What does not fit what was heard before is passed over.
    pub fn heard(&mut self, now: Duration, event: Event<Id>) {
        match event {
            Event::Dialled(id) => {
                self.calls.becomes(now, id, Some(Stage::Originating));
            }
            Event::Ringing(id) => {
                if let Some(Own { stage: Stage::Originating, since }) = self.calls.get(id) {
                    self.memory.ring.rings(seconds(now, since));
                    self.calls.becomes(now, id, Some(Stage::Ringing));
                }
            }
            Event::Answered(id) => self.answered(now, id),
            Event::Queued(id) => {
                self.answered(now, id);
                if let Some(Own { stage: Stage::Listening(rang), since }) = self.calls.get(id) {
                    self.memory.verdicts.verdict(rang, seconds(now, since), true);
                    self.calls.becomes(now, id, Some(Stage::Queued));
                }
            }
            Event::Machine(id) => {
                if let Some(Own { stage: Stage::Listening(rang), since }) = self.calls.becomes(now, id, None)
                {
                    self.memory.verdicts.verdict(rang, seconds(now, since), false);
                }
            }
            Event::Unanswered(id) => {
                if let Some(Own { stage: Stage::Ringing, since }) = self.calls.becomes(now, id, None) {
                    self.memory.ring.unanswered(age(now, since));
                }
            }
            Event::Withdrawn(id) => {
                if let Some(Own { stage: Stage::Ringing, .. }) = self.calls.becomes(now, id, None) {
                    self.memory.ring.withdrawn();
                }
            }
            Event::Connected(id) => {
                self.answered(now, id);
                let most = self.most_credit();
                self.memory.credit.connected(self.settings.abandon_target, most);
                self.false_positives();
                self.calls.becomes(now, id, Some(Stage::Talking));
            }
            Event::Talking(id) => {
                self.calls.becomes(now, id, Some(Stage::Talking));
            }
            Event::Abandoned(id) => {
                self.calls.becomes(now, id, None);
                self.memory.credit.abandoned(1.0, self.settings.abandon_target);
                self.false_positives();
            }
            Event::Talked { id, machine } => {
                if machine {
                    self.memory.credit.machine(self.settings.abandon_target);
                }
                if let Some(Own { stage: Stage::Talking, since }) = self.calls.becomes(now, id, None) {
                    self.memory.talk.ended(seconds(now, since));
                    self.wrapping.push(now);
                }
            }
            Event::Wrapped(took) => {
                self.wraps_are_told = true;
                self.memory.wrap.ended(took.as_secs_f64());
                let since = now.saturating_sub(took);
                let nearest = self.wrapping.iter().enumerate().min_by_key(|(_, at)| at.abs_diff(since));
                if let Some((which, _)) = nearest {
                    self.wrapping.swap_remove(which);
                }
            }
        }
    }

    /// An answer, told or seen by what came after it.
    fn answered(&mut self, now: Duration, id: Id) {
        let Some(own) = self.calls.get(id) else { return };
        let rang = age(now, own.since);
        match own.stage {
            // Nothing was told of its ringing, so nothing is learnt of it.
            Stage::Originating => {}
            Stage::Ringing => self.memory.ring.answered(rang),
            Stage::Listening(_) | Stage::Queued | Stage::Talking => return,
        }
        self.calls.becomes(now, id, Some(Stage::Listening(rang)));
    }

    /// Persons whom AMD has hung up on, by what it is thought to do to those whom it lets pass.
    fn false_positives(&mut self) {
        let share = self.settings.amd_false_positives;
        if share > 0.0 {
            self.memory.credit.abandoned(share / (1.0 - share), self.settings.abandon_target);
        }
    }

    fn most_credit(&self) -> f64 {
        // What was saved could otherwise be spent within one of its windows.
        if self.settings.strict { MOST_STRICT_CREDIT } else { by_agents(MOST_CREDIT, self.agents) }
    }

    /// How many to dial, and which of those that ring to give up: each of these is named again until it is told that it
    /// was withdrawn. To be asked after every event, and each second.
    pub fn decide(&mut self, now: Duration, view: View) -> Decision<Id> {
        self.agents = view.agents();
        self.look(now, view);
        if view.agents() == 0 {
            return Decision { dial: 0, give_up: self.give_up(now, view, 0) };
        }
        let free = i64::from(view.free) + i64::from(self.settings.service_level) - i64::from(view.waiting);
        let under_way = i64::from(self.calls.under_way());
        let floor = (free - under_way).max(0) as u32;
        let floor = floor.min(view.room);
        let risk = self.risk();
        if risk <= 0.0 || self.memory.ring.resolved < BLIND {
            return Decision { dial: floor, give_up: self.give_up(now, view, free) };
        }
        let outlook = self.outlook(now, view, free);
        self.expected_answers = outlook.answers.total();
        let most = view
            .room
            .min((self.memory.ring.resolved as i64 + i64::from(view.free) - under_way).max(0) as u32);
        let dial = self.most_worth(outlook, risk, most).max(floor).min(view.room);
        Decision { dial, give_up: if dial == 0 { self.give_up(now, view, free) } else { Vec::new() } }
    }

    /// How likely to make one be lost the last call may be: the price of a connection in abandoned calls.
    fn risk(&self) -> f64 {
        let credit = &self.memory.credit;
        let spare = if self.settings.strict {
            credit.left - STRICT_RESERVE
        } else {
            let loan = credit.loan(self.settings.abandon_target);
            // Of what is lent nothing is held back for the end.
            let (some, each) = LEAST_CREDIT;
            credit.left + loan - by_agents((some, each * (1.0 - loan)), self.agents)
        };
        MOST_RISK * (spare / by_agents(FULL_CREDIT, self.agents)).clamp(0.0, 1.0)
    }

    fn give_up(&self, now: Duration, view: View, free: i64) -> Vec<Id> {
        if free > 0 || now < self.settings.min_ring {
            return Vec::new();
        }
        let freed = f64::from(view.talking) * self.agent_forecast.talking[0]
            + f64::from(view.wrapping) * self.agent_forecast.wrapping[0];
        if libm::exp(-EARLY_ENOUGH * freed) > NO_AGENT {
            self.calls.ringing_since(now - self.settings.min_ring).collect()
        } else {
            Vec::new()
        }
    }

    fn outlook(&self, now: Duration, view: View, free: i64) -> Outlook {
        let (forecast, agents) = (&self.call_forecast, &self.agent_forecast);
        let mut answers = Arrival::default();
        for (age, calls) in self.calls.ringing_by_age(now) {
            answers.add(&forecast.ringing[age.min(AGES - 1)], calls);
        }
        answers.add(&forecast.originating, f64::from(self.calls.originating()));
        for (rang, since) in self.calls.listening() {
            let listened = seconds(now, since);
            let prior = forecast.shares.person[rang.min(AGES - 1)];
            for (step, sum) in answers.bound.iter_mut().enumerate().take(STEPS_OF_AMD) {
                let from = step as f64 * STEP_S;
                *sum += forecast.shares.enters(prior, listened, from, from + STEP_S);
            }
        }
        let mut answers = answers.times(forecast.doubt);
        if free < 0 {
            answers.bound[0] += -free as f64;
        }
        let (talking, wrapping) = (f64::from(view.talking), f64::from(view.wrapping));
        let freed =
            std::array::from_fn(|step| talking * agents.talking[step] + wrapping * agents.wrapping[step]);
        Outlook { free: free.max(0) as f64, agents: view.agents() as usize, freed, answers }
    }

    /// The most calls of which the last one is worth what it may lose.
    fn most_worth(&self, mut outlook: Outlook, risk: f64, most: u32) -> u32 {
        let one = self.call_forecast.dialled.times(self.call_forecast.doubt);
        let worth = risk * self.call_forecast.dialled.total();
        // Whatever the tables say: no more answers than there are agents.
        let spare = outlook.agents as f64 - outlook.answers.total();
        let most = most.min((spare / one.total().max(LEAST_SHARE)).max(0.0) as u32);
        let mut calls = 0;
        if walk::is_many(&outlook) {
            let mut before = walk::losses(&outlook, &one, 0.0);
            while calls < most {
                let after = walk::losses(&outlook, &one, f64::from(calls + 1));
                if after - before > worth {
                    break;
                }
                before = after;
                calls += 1;
            }
            return calls;
        }
        while calls < most {
            let lost = walk::loss_of_one_more(&outlook);
            let mut weight = 1.0;
            let lost: f64 = (0..STEPS)
                .map(|step| {
                    weight *= FARTHER;
                    weight * (lost.bound[step] * one.bound[step] + lost.late[step] * one.late[step])
                })
                .sum();
            if lost > worth {
                break;
            }
            calls += 1;
            outlook.answers.add(&one, 1.0);
        }
        calls
    }

    /// Each second the tables are told of those that still ring, talk and wrap up, and asked anew.
    fn look(&mut self, now: Duration, view: View) {
        let passed = seconds(now, self.looked);
        if passed < LOOK_S && self.looked > Duration::ZERO {
            return;
        }
        // After a stop the world has gone on unseen.
        let passed = passed.min(5.0);
        self.looked = now;
        let memory = &mut self.memory;
        // As they were in the middle of the time that has passed: at its end the seconds of the clock are all new ones.
        let middle = now - Duration::from_secs_f64(passed / 2.0);
        memory.ring.rang(self.calls.ringing_by_age(middle), passed);
        let talking = busy::by_age(self.calls.talking().map(|since| seconds(now, since)));
        memory.talk.live(&talking, passed);
        let wrapping = if self.wraps_are_told {
            // An agent who logs off meanwhile is not told of again.
            self.wrapping.retain(|since| seconds(now, *since) < LONGEST_WRAP_S);
            // Who went into a break, or whose work nobody saw end, is not told of either.
            let extra = self.wrapping.len().saturating_sub(view.wrapping as usize);
            if extra > 0 {
                self.wrapping.sort_unstable();
                let old = self.wrapping.partition_point(|since| seconds(now, *since) > UNSEEN_WRAP_S);
                self.wrapping.drain(..extra.min(old));
            }
            let wrapping = busy::by_age(self.wrapping.iter().map(|since| seconds(now, *since)));
            memory.wrap.live(&wrapping, passed);
            wrapping
        } else {
            memory.wrap.unseen(self.wrapping.len() as f64, f64::from(view.wrapping) * passed);
            self.wrapping.clear();
            busy::by_age(std::iter::empty())
        };
        self.looks += 1;
        if self.looks % LOOKS_A_CALL_FORECAST == 1 {
            self.call_forecast = CallForecast::new(&memory.ring, &memory.verdicts, late_s(self.settings));
        }
        let after_s = self.settings.abandon_after.as_secs_f64();
        let patience_s =
            if self.settings.from_answer { self.call_forecast.shares.patience_s(after_s) } else { after_s };
        self.agent_forecast = AgentForecast::new(&memory.talk, &memory.wrap, &talking, &wrapping, patience_s);
    }
}

fn seconds(now: Duration, since: Duration) -> f64 {
    now.saturating_sub(since).as_secs_f64()
}

/// The second of ringing, counted as the clock's seconds pass: as calls that still ring are counted.
fn age(now: Duration, since: Duration) -> usize {
    now.as_secs().saturating_sub(since.as_secs()) as usize
}

fn by_agents((some, each): (f64, f64), agents: u32) -> f64 {
    some + each * f64::from(agents)
}

fn late_s(settings: Settings) -> usize {
    (settings.min_ring.as_secs() + LATE_AFTER_S) as usize
}
