//! The predictive mode on random histories: whatever happens, it keeps within the room, dials nobody for nobody, takes no
//! risk without credit, and decides the same on the same.

use std::time::Duration;

use astout::engine::pacing::predictive::{Predictive, Settings};
use astout::engine::pacing::{Decision, Event, View};
use proptest::prelude::*;

const TARGET: f64 = 0.03;

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
    ]
}

/// A queue that anything may happen to.
#[derive(Debug, Default)]
struct History {
    now: Duration,
    originating: Vec<u64>,
    ringing: Vec<(u64, Duration)>,
    listening: Vec<u64>,
    waiting: Vec<u64>,
    talking: Vec<u64>,
    free: u32,
    wrapping: u32,
    dialled: u64,
    live: f64,
    abandoned: f64,
    /// The most that was ever under way.
    most_under_way: f64,
}

fn pick<T>(from: &mut Vec<T>, which: usize) -> Option<T> {
    if from.is_empty() { None } else { Some(from.swap_remove(which % from.len())) }
}

impl History {
    fn under_way(&self) -> usize {
        self.originating.len() + self.ringing.len() + self.listening.len()
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
                self.listening.push(id);
                Some(Event::Answered(id))
            }
            Next::Unanswered(which) => Some(Event::Unanswered(pick(&mut self.ringing, which)?.0)),
            Next::Machine(which) => Some(Event::Machine(pick(&mut self.listening, which)?)),
            Next::Queue(which) => {
                let id = pick(&mut self.listening, which)?;
                self.waiting.push(id);
                Some(Event::Queued(id))
            }
            Next::Abandon(which) => {
                let id = pick(&mut self.waiting, which)?;
                self.live += 1.0;
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
                self.free = self.free.saturating_sub(1);
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
        self.live += 1.0;
        Some(Event::Connected(id))
    }

    fn view(&self, room: u32) -> View {
        View {
            free: self.free,
            talking: self.talking.len() as u32,
            wrapping: self.wrapping,
            waiting: self.waiting.len() as u32,
            room,
        }
    }

    fn takes(&mut self, pacer: &mut Predictive<u64>, decision: &Decision<u64>) {
        for id in &decision.give_up {
            self.ringing.retain(|(ringing, _)| ringing != id);
            pacer.heard(self.now, Event::Withdrawn(*id));
        }
        for _ in 0..decision.dial {
            pacer.heard(self.now, Event::Dialled(self.dialled));
            self.originating.push(self.dialled);
            self.dialled += 1;
        }
        self.most_under_way = self.most_under_way.max((self.under_way() + self.waiting.len()) as f64);
    }
}

/// Plays a history, holds the mode to its promises at each step, and gives its decisions.
fn play(agents: u32, room: u32, steps: &[Next]) -> Result<Vec<Decision<u64>>, TestCaseError> {
    let settings = Settings { abandon_target: TARGET, ..Settings::default() };
    let mut pacer = Predictive::new(settings);
    let mut history = History { free: agents, ..History::default() };
    let mut decisions = Vec::new();
    for next in steps {
        if let Some(event) = history.happens(*next) {
            pacer.heard(history.now, event);
        }
        while let Some(event) = history.connects() {
            pacer.heard(history.now, event);
        }
        let view = history.view(room);
        let decision = pacer.decide(history.now, view);
        let standing = pacer.standing();
        prop_assert!(decision.dial <= room, "more than there is room for: {decision:?}");
        if view.agents() == 0 {
            prop_assert_eq!(decision.dial, 0, "nobody is there");
        }
        for id in &decision.give_up {
            let since = history.ringing.iter().find(|(ringing, _)| ringing == id).map(|(_, since)| *since);
            prop_assert!(
                since.is_some_and(|since| history.now - since >= settings.min_ring),
                "{id} too early"
            );
        }
        prop_assert!(standing.credit <= TARGET * standing.live - standing.abandoned + 1e-6, "{standing:?}");
        let sure = view.free.saturating_sub(view.waiting + history.under_way() as u32);
        if history.abandoned > TARGET * history.live.max(0.0) + 1.0 {
            prop_assert!(decision.dial <= sure, "a risk without credit: {decision:?} {view:?} {standing:?}");
        }
        history.takes(&mut pacer, &decision);
        let bound = TARGET * history.live.max(0.0) + 1.0 + history.most_under_way;
        prop_assert!(history.abandoned <= bound + f64::from(agents), "{history:?}");
        decisions.push(decision);
    }
    Ok(decisions)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_its_promises_hold_and_the_same_comes_of_the_same(
        agents in 0_u32..12,
        room in 0_u32..40,
        steps in proptest::collection::vec(next(), 1..600),
    ) {
        prop_assert_eq!(play(agents, room, &steps)?, play(agents, room, &steps)?);
    }
}
