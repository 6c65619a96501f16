//! One queue: its agents and its callers, by Asterisk's events, and what its answers to questions say of both.
//!
//! Whom Asterisk leaves alone after a call (`wrapuptime`) it tells in no event, nor how long that is: the queue's own
//! setting is shown nowhere, its count of the time has faults of its own (asterisk issues 607 and 1006). But it counts who
//! is ready, `QUEUE_MEMBER(…,ready)`, by what it goes by itself. So who comes free is taken for wrapping up until the
//! answer to that has come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::member::{Doing, Member};
use crate::ami::message::Message;
use crate::engine::QueueAgents;
use crate::model::ids::DialingUuid;

/// What QueueSummary says: agents that are logged in, those among them that could be called, and callers that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) logged_in: usize,
    pub(super) available: usize,
    pub(super) callers: usize,
}

impl Summary {
    pub(super) fn of(message: &Message) -> Option<Self> {
        let number = |name: &str| message.get(name)?.trim().parse().ok();
        Some(Self {
            logged_in: number("LoggedIn")?,
            available: number("Available")?,
            callers: number("Callers")?,
        })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Queue {
    members: BTreeMap<String, Member>,
    /// The Uniqueids of those who wait.
    callers: BTreeSet<String>,
    /// How many of those who seem free are left alone by Asterisk, as far as is known.
    left_alone: usize,
    /// Whether it tells who is ready.
    tells_ready: bool,
    /// How long those have wrapped up who are done with it since this was last asked.
    wrapped: Vec<Duration>,
    /// Events so far.
    pub(super) events: u64,
    /// Answers that said something else than its events.
    pub(super) corrections: u32,
}

/// What an event has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing: it was about something else.
    Nothing,
    /// Something.
    Something,
    /// Something, and it has to be asked who is ready.
    WhoIsReady,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { tells_ready: true, ..Self::default() }
    }

    /// Takes the answer to a QueueStatus.
    pub(super) fn status(&mut self, now: Duration, items: &[Message]) {
        let mut known = std::mem::take(&mut self.members);
        let is_first = known.is_empty();
        for item in items.iter().filter(|item| item.is_event_named("QueueMember")) {
            // In lists it is `Location`, in events `Interface`.
            let Some(interface) = item.get("Location").or_else(|| item.get("Interface")) else { continue };
            let member = match known.remove(interface.as_ref()) {
                Some(member) => member.renewed(now, item),
                None => Member::new(now, item),
            };
            self.members.insert(interface.into_owned(), member);
        }
        let entries = items.iter().filter(|item| item.is_event_named("QueueEntry"));
        self.callers = entries.filter_map(|item| Some(item.get("Uniqueid")?.into_owned())).collect();
        self.forget_lost_rings();
        if is_first && self.tells_ready {
            let ended = |member: &&Member| member.has_taken_calls && member.doing(now) == Doing::Free;
            self.left_alone = self.members.values().filter(ended).count();
        }
    }

    /// Takes an event of class agent.
    pub(super) fn event(&mut self, now: Duration, event: &Message) -> Change {
        let Some(name) = event.event_name() else { return Change::Nothing };
        let interface = event.get("Interface").unwrap_or_default();
        let caller = event.get("Uniqueid").unwrap_or_default();
        let before = self.members.get(interface.as_ref()).map(|member| member.doing(now));
        match name.as_ref() {
            "QueueMemberStatus"
            | "QueueMemberAdded"
            | "QueueMemberPause"
            | "QueueMemberPaused"
            | "QueueMemberPenalty"
            | "QueueMemberRinginuse" => match self.members.get_mut(interface.as_ref()) {
                Some(member) => member.told(now, event),
                None => {
                    self.members.insert(interface.clone().into_owned(), Member::new(now, event));
                }
            },
            "QueueMemberRemoved" => {
                self.members.remove(interface.as_ref());
            }
            "AgentCalled" => self.of(&interface, |member| member.called(&caller)),
            "AgentRingNoAnswer" => self.of(&interface, Member::not_called),
            "AgentConnect" => {
                self.nobody_is_called_for(&caller);
                self.of(&interface, Member::connected);
            }
            // Where its device is never seen as in use, no status of it would follow.
            "AgentComplete" => self.of(&interface, |member| member.completed(now)),
            "QueueCallerJoin" => {
                self.callers.insert(caller.into_owned());
            }
            // Whoever is called for a caller who leaves with an agent is told of by AgentConnect, a moment later.
            "QueueCallerLeave" => {
                self.callers.remove(caller.as_ref());
            }
            "QueueCallerAbandon" => {
                self.callers.remove(caller.as_ref());
                self.nobody_is_called_for(&caller);
            }
            _ => return Change::Nothing,
        }
        self.events += 1;
        let after = self.members.get(interface.as_ref()).map(|member| member.doing(now));
        let change = self.who_is_ready(before, after);
        self.note_wrapped(now);
        change
    }

    /// Whom a Redirect has sent elsewhere waits here no more: of that the queue says nothing. Gives whether he waited.
    pub(super) fn sent_away(&mut self, caller: &str) -> bool {
        let waited = self.callers.remove(caller);
        if waited {
            self.nobody_is_called_for(caller);
            self.events += 1;
        }
        waited
    }

    fn of(&mut self, interface: &str, happen: impl FnOnce(&mut Member)) {
        // One that has been removed ends its call all the same.
        if let Some(member) = self.members.get_mut(interface) {
            happen(member);
        }
    }

    fn nobody_is_called_for(&mut self, caller: &str) {
        let called = |member: &&mut Member| member.called_for() == Some(caller);
        self.members.values_mut().filter(called).for_each(Member::not_called);
    }

    /// Of a caller who is gone nobody says to those without a device of their own that they are no longer called.
    fn forget_lost_rings(&mut self) {
        for member in self.members.values_mut() {
            if member.called_for().is_some_and(|caller| !self.callers.contains(caller)) {
                member.not_called();
            }
        }
    }

    fn who_is_ready(&mut self, before: Option<Doing>, after: Option<Doing>) -> Change {
        let (was_free, is_free) = (before == Some(Doing::Free), after == Some(Doing::Free));
        if was_free == is_free || !self.tells_ready {
            return Change::Something;
        }
        // Whom Asterisk has called it did not leave alone, and who is new has had no call.
        if is_free && !matches!(before, None | Some(Doing::Ringing)) {
            self.left_alone += 1;
        }
        if is_free || self.left_alone > 0 { Change::WhoIsReady } else { Change::Something }
    }

    /// Takes how many are ready; `None` where Asterisk does not tell.
    pub(super) fn ready(&mut self, now: Duration, ready: Option<usize>) {
        self.tells_ready = ready.is_some();
        let may_be = self.members.values().filter(|member| member.may_be_ready()).count();
        self.left_alone = ready.map_or(0, |ready| may_be.saturating_sub(ready));
        self.note_wrapped(now);
    }

    /// Notes how long those have wrapped up who are done with it. Of those who are left alone it is told how many they are,
    /// not who: whose call ended first is the first to be done.
    fn note_wrapped(&mut self, now: Duration) {
        let mut seem_free = Vec::new();
        for member in self.members.values_mut() {
            let Some(since) = member.wraps_up_since() else { continue };
            match member.doing(now) {
                Doing::Wrapping => {}
                Doing::Free => seem_free.push((since, member)),
                // Asterisk calls nobody whom it leaves alone.
                Doing::Ringing | Doing::Talking => {
                    member.is_done();
                    self.wrapped.push(now.saturating_sub(since));
                }
                // Of a break, or of another call, nobody can tell when the work on this one was done.
                Doing::Paused | Doing::Busy | Doing::Away => member.is_done(),
            }
        }
        seem_free.sort_unstable_by_key(|(since, _)| *since);
        let done = seem_free.len().saturating_sub(self.left_alone);
        for (since, member) in seem_free.into_iter().take(done) {
            member.is_done();
            self.wrapped.push(now.saturating_sub(since));
        }
    }

    /// How long those have wrapped up who are done with it since this was last asked.
    pub(super) fn take_wrapped(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.wrapped)
    }

    /// Whether somebody is left alone, which ends without an event.
    pub(super) fn leaves_alone(&self) -> bool {
        self.left_alone > 0
    }

    /// What QueueSummary would have to say.
    pub(super) fn summary(&self, now: Duration) -> Summary {
        let members = || self.members.values();
        Summary {
            logged_in: members().filter(|member| member.doing(now) != Doing::Away).count(),
            available: members().filter(|member| member.is_available()).count(),
            callers: self.callers.len(),
        }
    }

    /// Time for a check has come.
    pub(super) fn check(&mut self) {
        self.forget_lost_rings();
    }

    /// What its agents do.
    pub(super) fn agents(&self, now: Duration) -> QueueAgents {
        let mut agents = QueueAgents { corrections: self.corrections, ..QueueAgents::default() };
        for member in self.members.values() {
            let place = match member.doing(now) {
                Doing::Away => continue,
                Doing::Talking => &mut agents.talking,
                Doing::Ringing => &mut agents.ringing,
                Doing::Wrapping => &mut agents.wrapping,
                Doing::Paused => &mut agents.paused,
                Doing::Busy => &mut agents.busy,
                Doing::Free => &mut agents.free,
            };
            *place += 1;
        }
        let left_alone = agents.free.min(count(self.left_alone));
        agents.free -= left_alone;
        agents.wrapping += left_alone;
        agents.waiting = count(self.callers.len());
        let called_for: BTreeSet<_> = self.members.values().filter_map(Member::called_for).collect();
        agents.called_for = count(called_for.len());
        let unserved = || self.callers.iter().filter(|caller| !called_for.contains(caller.as_str()));
        agents.unserved = count(unserved().count());
        agents.others = count(unserved().filter(|caller| caller.parse::<DialingUuid>().is_err()).count());
        agents
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
