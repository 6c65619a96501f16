//! A campaign's own calls, as pacing has heard of them: what stage each is in, and since when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Dialled, and not ringing yet.
    Originating,
    /// It rings.
    Ringing,
    /// AMD listens; it had rung for so many seconds.
    Listening(usize),
    /// In the queue.
    Queued,
    /// With an agent.
    Talking,
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) stage: Stage,
    pub(super) since: Duration,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Calls<Id> {
    calls: BTreeMap<Id, Own>,
    ringing: BTreeSet<(Duration, Id)>,
    /// How many have rung since each second.
    rings: BTreeMap<u64, u32>,
    listening: BTreeSet<Id>,
    originating: u32,
}

impl<Id: Copy + Ord> Calls<Id> {
    pub(super) fn new() -> Self {
        Self {
            calls: BTreeMap::new(),
            ringing: BTreeSet::new(),
            rings: BTreeMap::new(),
            listening: BTreeSet::new(),
            originating: 0,
        }
    }

    /// Where it was until now. It is in another stage from now on, or over.
    pub(super) fn becomes(&mut self, now: Duration, id: Id, stage: Option<Stage>) -> Option<Own> {
        let was = match stage {
            Some(stage) => self.calls.insert(id, Own { stage, since: now }),
            None => self.calls.remove(&id),
        };
        match was.map(|was| was.stage) {
            Some(Stage::Originating) => self.originating -= 1,
            Some(Stage::Ringing) => self.rings_no_more(was.map_or(now, |was| was.since), id),
            Some(Stage::Listening(_)) => {
                self.listening.remove(&id);
            }
            Some(Stage::Queued | Stage::Talking) | None => {}
        }
        match stage {
            Some(Stage::Originating) => self.originating += 1,
            Some(Stage::Ringing) => {
                self.ringing.insert((now, id));
                *self.rings.entry(now.as_secs()).or_default() += 1;
            }
            Some(Stage::Listening(_)) => {
                self.listening.insert(id);
            }
            Some(Stage::Queued | Stage::Talking) | None => {}
        }
        was
    }

    fn rings_no_more(&mut self, since: Duration, id: Id) {
        self.ringing.remove(&(since, id));
        let second = since.as_secs();
        if let Some(calls) = self.rings.get_mut(&second) {
            *calls -= 1;
            if *calls == 0 {
                self.rings.remove(&second);
            }
        }
    }

    /// Where it is.
    pub(super) fn get(&self, id: Id) -> Option<Own> {
        self.calls.get(&id).copied()
    }

    /// How many do not ring yet.
    pub(super) fn originating(&self) -> u32 {
        self.originating
    }

    /// How many are not with an agent, in the queue or over.
    pub(super) fn under_way(&self) -> u32 {
        self.originating + (self.ringing.len() + self.listening.len()) as u32
    }

    /// How many ring, by the seconds since they began.
    pub(super) fn ringing_by_age(&self, now: Duration) -> impl Iterator<Item = (usize, f64)> {
        let now = now.as_secs();
        self.rings.iter().map(move |(since, calls)| (now.saturating_sub(*since) as usize, f64::from(*calls)))
    }

    /// Those that have rung since then or longer, the longest first.
    pub(super) fn ringing_since(&self, then: Duration) -> impl Iterator<Item = Id> {
        self.ringing.iter().take_while(move |(since, _)| *since <= then).map(|(_, id)| *id)
    }

    /// Those that AMD listens to: how long they had rung, and since when it listens.
    pub(super) fn listening(&self) -> impl Iterator<Item = (usize, Duration)> {
        self.listening.iter().filter_map(|id| match self.calls.get(id) {
            Some(Own { stage: Stage::Listening(rang), since }) => Some((*rang, *since)),
            Some(_) | None => None,
        })
    }

    /// Since when those that are with agents are.
    pub(super) fn talking(&self) -> impl Iterator<Item = Duration> {
        self.calls.values().filter(|own| own.stage == Stage::Talking).map(|own| own.since)
    }
}
