//! The predictive mode on random histories: whatever happens, it keeps within the room, dials nobody for nobody, takes no
//! risk without credit, loses no more callers than were on their way when it took its last one, and decides the same on the
//! same. What is earned and spent is counted here a second time, from what happened alone.

use std::time::Duration;

use astout::engine::pacing::predictive::{Predictive, Settings};
use astout::engine::pacing::{Decision, Event, View};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const TARGET: f64 = 0.03;
/// docs/pacing.md: with less than half an abandoned call of credit, loan included, only free agents get calls.
const LEAST: f64 = 0.5;
/// The same, where windows of few calls are to hold: no loan, and so much in reserve.
const STRICT: f64 = 3.0;
/// Before so many calls have ended nothing is known of who answers, and only free agents get calls.
const BLIND: u64 = 30;

/// What happens next; numbers pick one of those it may happen to.
#[derive(Debug, Clone, Copy)]
enum Next {
    Pass(u16),
    Ring(usize),
    Answer(usize),
    Unanswered(usize),
    Machine(usize),
    Queue(usize),
    Abandon(usize),
    Talked(usize, bool),
    Wrapped,
    AgentComes,
    AgentGoes,
    Room(u32),
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![
        6 => (1_u16..4000).prop_map(Next::Pass),
        6 => any::<usize>().prop_map(Next::Ring),
        6 => any::<usize>().prop_map(Next::Answer),
        3 => any::<usize>().prop_map(Next::Unanswered),
        1 => any::<usize>().prop_map(Next::Machine),
        5 => any::<usize>().prop_map(Next::Queue),
        3 => any::<usize>().prop_map(Next::Abandon),
        5 => (any::<usize>(), any::<bool>()).prop_map(|(which, machine)| Next::Talked(which, machine)),
        5 => Just(Next::Wrapped),
        1 => Just(Next::AgentComes),
        1 => Just(Next::AgentGoes),
        1 => (0_u32..40).prop_map(Next::Room),
    ]
}

/// A queue that anything may happen to.
#[derive(Debug, Default)]
struct History {
    now: Duration,
    settings: Settings,
    originating: Vec<u64>,
    ringing: Vec<(u64, Duration)>,
    listening: Vec<u64>,
    waiting: Vec<u64>,
    talking: Vec<u64>,
    free: u32,
    wrapping: u32,
    room: u32,
    dialled: u64,
    /// Calls whose ringing has ended.
    resolved: u64,
    live: f64,
    abandoned: f64,
    /// Persons whom AMD is thought to have hung up on, where they count.
    mistaken: f64,
    /// Agents who have left while they were free.
    left: f64,
    last_risk: Option<Risk>,
    /// Risks taken.
    risks: u32,
}

/// A decision for more calls than free agents were certain.
#[derive(Debug, Clone, Copy, Default)]
struct Risk {
    abandoned: f64,
    left: f64,
    /// Calls for which there was no agent yet.
    uncovered: f64,
}

fn pick<T>(from: &mut Vec<T>, which: usize) -> Option<T> {
    if from.is_empty() { None } else { Some(from.swap_remove(which % from.len())) }
}

impl History {
    fn under_way(&self) -> u32 {
        (self.originating.len() + self.ringing.len() + self.listening.len()) as u32
    }

    /// How many more calls are certain to find an agent.
    fn sure(&self) -> u32 {
        (self.free + self.settings.service_level).saturating_sub(self.waiting.len() as u32 + self.under_way())
    }

    /// What may still be abandoned, with what a new window is lent.
    fn credit(&self) -> f64 {
        let live = self.live + self.mistaken;
        let credit = TARGET * live - self.abandoned - self.mistaken;
        let loan = if self.settings.strict { 0.0 } else { (1.0 - TARGET * live / 2.0).max(0.0) };
        credit + loan
    }

    /// A person was put through, or abandoned.
    fn person(&mut self) {
        self.live += 1.0;
        let share = self.settings.amd_false_positives;
        self.mistaken += share / (1.0 - share);
    }

    fn happens(&mut self, next: Next) -> Option<Event<u64>> {
        match next {
            Next::Pass(ms) => {
                self.now += Duration::from_millis(ms.into());
                None
            }
            Next::Ring(which) => {
                let id = pick(&mut self.originating, which)?;
                self.ringing.push((id, self.now));
                Some(Event::Ringing(id))
            }
            Next::Answer(which) => {
                let (id, _) = pick(&mut self.ringing, which)?;
                self.resolved += 1;
                self.listening.push(id);
                Some(Event::Answered(id))
            }
            Next::Unanswered(which) => {
                let (id, _) = pick(&mut self.ringing, which)?;
                self.resolved += 1;
                Some(Event::Unanswered(id))
            }
            Next::Machine(which) => Some(Event::Machine(pick(&mut self.listening, which)?)),
            Next::Queue(which) => {
                let id = pick(&mut self.listening, which)?;
                self.waiting.push(id);
                Some(Event::Queued(id))
            }
            Next::Abandon(which) => {
                let id = pick(&mut self.waiting, which)?;
                self.person();
                self.abandoned += 1.0;
                Some(Event::Abandoned(id))
            }
            Next::Talked(which, machine) => {
                let id = pick(&mut self.talking, which)?;
                self.wrapping += 1;
                self.live -= f64::from(u8::from(machine));
                Some(Event::Talked { id, machine })
            }
            Next::Wrapped => {
                self.wrapping = self.wrapping.checked_sub(1)?;
                self.free += 1;
                Some(Event::Wrapped(Duration::from_secs(7)))
            }
            Next::AgentComes => {
                self.free += 1;
                None
            }
            Next::AgentGoes => {
                self.free = self.free.checked_sub(1)?;
                self.left += 1.0;
                None
            }
            Next::Room(room) => {
                self.room = room;
                None
            }
        }
    }

    /// Asterisk's queue gives callers to agents at once.
    fn connects(&mut self) -> Option<Event<u64>> {
        if self.free == 0 || self.waiting.is_empty() {
            return None;
        }
        let id = self.waiting.remove(0);
        self.free -= 1;
        self.talking.push(id);
        self.person();
        Some(Event::Connected(id))
    }

    fn view(&self) -> View {
        View {
            free: self.free,
            talking: self.talking.len() as u32,
            wrapping: self.wrapping,
            waiting: self.waiting.len() as u32,
            room: self.room,
        }
    }

    fn takes(&mut self, pacer: &mut Predictive<u64>, decision: &Decision<u64>) {
        let is_risk = decision.dial > self.sure();
        for id in &decision.give_up {
            self.ringing.retain(|(ringing, _)| ringing != id);
            self.resolved += 1;
            pacer.heard(self.now, Event::Withdrawn(*id));
        }
        for _ in 0..decision.dial {
            pacer.heard(self.now, Event::Dialled(self.dialled));
            self.originating.push(self.dialled);
            self.dialled += 1;
        }
        if is_risk {
            let wanting = f64::from(self.under_way() + self.waiting.len() as u32);
            let (abandoned, left) = (self.abandoned, self.left);
            let uncovered = wanting - f64::from(self.free);
            self.last_risk = Some(Risk { abandoned, left, uncovered });
            self.risks += 1;
        }
    }

    /// One more step: what happens next, and what is decided on it.
    fn step(&mut self, pacer: &mut Predictive<u64>, next: Next) -> Result<Decision<u64>, TestCaseError> {
        if let Some(event) = self.happens(next) {
            pacer.heard(self.now, event);
        }
        while let Some(event) = self.connects() {
            pacer.heard(self.now, event);
        }
        let decision = pacer.decide(self.now, self.view());
        self.holds(&decision, pacer)?;
        self.takes(pacer, &decision);
        Ok(decision)
    }

    /// What is promised of every decision.
    fn holds(&self, decision: &Decision<u64>, pacer: &Predictive<u64>) -> Result<(), TestCaseError> {
        let (standing, sure) = (pacer.standing(), self.sure());
        prop_assert!(decision.dial <= self.room, "more than there is room for: {decision:?} {self:?}");
        if self.view().agents() == 0 {
            prop_assert_eq!(decision.dial, 0, "nobody is there");
        } else {
            prop_assert!(
                decision.dial >= sure.min(self.room),
                "an agent is left waiting: {decision:?} {self:?}"
            );
        }
        for id in &decision.give_up {
            let since = self.ringing.iter().find(|(ringing, _)| ringing == id).map(|(_, since)| *since);
            let long = since.is_some_and(|since| self.now - since >= self.settings.min_ring);
            prop_assert!(long, "{id} too early");
        }
        prop_assert!(standing.credit <= TARGET * standing.live - standing.abandoned + 1e-6, "{standing:?}");
        if decision.dial > sure {
            let least = if self.settings.strict { STRICT } else { LEAST };
            prop_assert!(self.credit() >= least - 1e-6, "a risk without credit: {decision:?} {self:?}");
            prop_assert!(self.resolved >= BLIND, "a risk in the dark: {decision:?} {self:?}");
        }
        // Since the last risk none is lost but those that had no agent then, and those whose agent has left. With
        // ServiceLevel the operator has more calls dialled than there are agents, whatever the credit.
        if self.settings.service_level == 0 {
            let risk = self.last_risk.unwrap_or_default();
            let (lost, left) = (self.abandoned - risk.abandoned, self.left - risk.left);
            prop_assert!(lost <= risk.uncovered.max(0.0) + left, "{lost} lost, {left} agents left: {self:?}");
        }
        Ok(())
    }
}

/// So many calls that rang for some seconds, of which every third was answered: what is known at the start.
fn known(calls: u64, history: &mut History, pacer: &mut Predictive<u64>) {
    for _ in 0..calls {
        let (id, second) = (history.dialled, Duration::from_secs(1));
        history.dialled += 1;
        pacer.heard(history.now, Event::Dialled(id));
        pacer.heard(history.now + second, Event::Ringing(id));
        history.now += second * (5 + (id % 9) as u32);
        history.resolved += 1;
        if id.is_multiple_of(3) {
            pacer.heard(history.now, Event::Connected(id));
            history.person();
            history.now += 2 * second;
            pacer.heard(history.now, Event::Talked { id, machine: false });
            pacer.heard(history.now, Event::Wrapped(second));
        } else {
            pacer.heard(history.now, Event::Unanswered(id));
        }
    }
}

/// Plays a history, holds the mode to its promises at each step; gives its decisions, and how often it took a risk.
fn play(
    settings: Settings,
    agents: u32,
    calls: u64,
    steps: &[Next],
) -> Result<(Vec<Decision<u64>>, u32), TestCaseError> {
    let mut pacer = Predictive::new(settings);
    let mut history = History { settings, free: agents, room: 20, ..History::default() };
    known(calls, &mut history, &mut pacer);
    let decisions = steps.iter().map(|next| history.step(&mut pacer, *next)).collect::<Result<_, _>>()?;
    Ok((decisions, history.risks))
}

fn settings() -> impl Strategy<Value = Settings> {
    let amd_false_positives = prop_oneof![3 => Just(0.0), 1 => 0.0..0.1];
    (amd_false_positives, proptest::bool::weighted(0.3), prop_oneof![4 => Just(0_u32), 1 => 0_u32..4])
        .prop_map(|(amd_false_positives, strict, service_level)| Settings {
            abandon_target: TARGET,
            amd_false_positives,
            strict,
            service_level,
            ..Settings::default()
        })
}

/// What a history is made of.
fn histories() -> impl Strategy<Value = (Settings, u32, u64, Vec<Next>)> {
    let calls = prop_oneof![Just(0_u64), 0_u64..60, 450_u64..600];
    (settings(), 0_u32..12, calls, proptest::collection::vec(next(), 1..600))
}

#[test]
fn the_histories_are_ones_in_which_risks_are_taken() {
    let mut runner = TestRunner::deterministic();
    let mut of_kind = [0, 0];
    for place in 0..30 {
        let (_, agents, _, steps) = histories().new_tree(&mut runner).unwrap().current();
        let strict = place % 2 == 1;
        let settings = Settings { abandon_target: TARGET, strict, ..Settings::default() };
        of_kind[usize::from(strict)] += play(settings, agents, 500, &steps).unwrap().1;
    }
    assert!(of_kind.iter().all(|risks| *risks >= 10), "risks usually and with strict: {of_kind:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_its_promises_hold_and_the_same_comes_of_the_same(
        (settings, agents, calls, steps) in histories(),
    ) {
        let played = play(settings, agents, calls, &steps)?;
        prop_assert_eq!(played, play(settings, agents, calls, &steps)?);
    }
}
