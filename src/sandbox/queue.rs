//! Queues and their agents. A caller waits until free agents are there, who are rung all at once or in turn; the first
//! to answer talks to the caller and hangs up when done, and the call is over. Agents need no telephone: the interface
//! of each is `Local/NUMBER@astout-agents`.
//!
//! ```text
//!   agent:  free (1) ──rung──► ringing (6) ──answers──► in use (2) ──talk over──► [paused] ──► free
//!                      ▲            └ timeout, another was faster ┘
//! ```

mod agents;
mod callers;

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use self::agents::bridge_headers;
use super::profile::{self, Agents, seconds};
use super::world::{Due, World};
use crate::ami::event::event;
use crate::ami::{Class, MessageBuilder};

/// A queue as it is now.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) conf: profile::Queue,
    pub(super) members: BTreeMap<u32, Member>,
    /// The calls that wait, in order.
    pub(super) waiting: Vec<u64>,
    /// Where `rrmemory` goes on.
    next: u32,
    pub(super) completed: u32,
    pub(super) abandoned: u32,
    pub(super) hold: Duration,
    pub(super) talk: Duration,
}

/// An agent in a queue.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) interface: String,
    pub(super) name: String,
    pub(super) membership: &'static str,
    pub(super) paused: bool,
    pub(super) paused_reason: String,
    pub(super) penalty: u32,
    pub(super) ring_in_use: bool,
    /// Its own, which stands before the queue's.
    wrapuptime_s: u32,
    pub(super) calls_taken: u32,
    /// The end of the last call, since 1970 and on the world's clock.
    pub(super) last_call: u64,
    free_since: Duration,
    pub(super) last_pause: u64,
    pub(super) login_time: u64,
    pub(super) leg: Option<Leg>,
    /// How the profile has it behave; one that was added over AMI answers at once and talks a minute.
    behaviour: Agents,
    leaves: bool,
}

/// The call of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leg {
    call: u64,
    one: String,
    two: String,
    /// Which ring this is: a timer of another one says nothing of it.
    ring: u64,
    rung_since: Duration,
    talking_since: Option<Duration>,
    bridge: String,
}

/// What QueueAdd says of an agent beside its names.
#[derive(Debug, Default)]
pub(super) struct Added {
    pub(super) paused: bool,
    pub(super) reason: String,
    pub(super) penalty: u32,
    pub(super) wrapuptime_s: u32,
}

/// What comes next for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AgentStep {
    Answers { member: u32, call: u64, ring: u64 },
    HangsUp { member: u32, call: u64 },
    Unpauses { member: u32 },
    LogsIn { group: usize },
    LogsOut { group: usize },
}

impl Member {
    /// The device's state, as queue events number it.
    pub(super) fn status(&self) -> &'static str {
        match &self.leg {
            None => "1",
            Some(Leg { talking_since: None, .. }) => "6",
            Some(_) => "2",
        }
    }

    pub(super) fn in_call(&self) -> bool {
        self.leg.as_ref().is_some_and(|leg| leg.talking_since.is_some())
    }

    fn is_free(&self, now: Duration) -> bool {
        self.leg.is_none() && !self.paused && !self.leaves && self.free_since <= now
    }

    fn new(interface: String, name: String, membership: &'static str, behaviour: Agents) -> Self {
        Self {
            interface,
            name,
            membership,
            paused: false,
            paused_reason: String::new(),
            penalty: 0,
            ring_in_use: false,
            wrapuptime_s: 0,
            calls_taken: 0,
            last_call: 0,
            free_since: Duration::ZERO,
            last_pause: 0,
            login_time: 0,
            leg: None,
            behaviour,
            leaves: false,
        }
    }

    /// The headers that lists and events share; `location` is what each calls the interface.
    pub(super) fn headers(&self, names: [&str; 2], message: MessageBuilder) -> MessageBuilder {
        let flag = |set: bool| if set { "1" } else { "0" };
        let message = message
            .header(names[0], &self.name)
            .header(names[1], &self.interface)
            .header("StateInterface", &self.interface)
            .header("Membership", self.membership)
            .header("Penalty", self.penalty.to_string())
            .header("CallsTaken", self.calls_taken.to_string())
            .header("LastCall", self.last_call.to_string())
            .header("LastPause", self.last_pause.to_string())
            .header("LoginTime", self.login_time.to_string())
            .header("InCall", flag(self.in_call()))
            .header("Status", self.status())
            .header("Paused", flag(self.paused))
            .header("PausedReason", &self.paused_reason);
        let ringinuse = names[1] == "Interface";
        let message = if ringinuse { message.header("Ringinuse", flag(self.ring_in_use)) } else { message };
        // Of the queue's own Asterisk tells nothing.
        message.header("Wrapuptime", self.wrapuptime_s.to_string())
    }
}

impl World {
    /// Opens the queues of the profile; agents are there, or log in later.
    pub(super) fn open_queues(&mut self) {
        for conf in self.profile.queue.clone() {
            let (name, groups) = (conf.name.clone(), conf.agents.clone());
            let queue = Queue {
                conf,
                members: BTreeMap::new(),
                waiting: Vec::new(),
                next: 0,
                completed: 0,
                abandoned: 0,
                hold: Duration::ZERO,
                talk: Duration::ZERO,
            };
            self.queues.insert(name.clone(), queue);
            for (group, agents) in groups.into_iter().enumerate() {
                if agents.logs_in_s > 0.0 {
                    self.after(
                        seconds(agents.logs_in_s),
                        Due::Agent(name.clone(), AgentStep::LogsIn { group }),
                    );
                } else {
                    self.log_in(&name, group, "static");
                }
            }
        }
    }

    fn log_in(&mut self, name: &str, group: usize, membership: &'static str) {
        let Some(agents) = self.queues.get(name).and_then(|queue| queue.conf.agents.get(group)).cloned()
        else {
            return;
        };
        for number in agents.from..agents.from.saturating_add(agents.count) {
            let interface = format!("Local/{number}@astout-agents");
            let member = Member::new(interface, format!("Agent {number}"), membership, agents.clone());
            self.add_member(name, number, member);
        }
        if agents.shift_s > 0.0 {
            self.after(seconds(agents.shift_s), Due::Agent(name.to_owned(), AgentStep::LogsOut { group }));
        }
    }

    fn add_member(&mut self, queue: &str, key: u32, member: Member) {
        let unix = self.now.unix.as_secs();
        let last_pause = if member.paused { unix } else { 0 };
        let (membership, member) = (member.membership, Member { login_time: unix, last_pause, ..member });
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.members.insert(key, member);
        }
        if membership == "dynamic" {
            self.member_event("QueueMemberAdded", queue, key);
        }
    }

    fn member_event(&mut self, event_name: &str, queue: &str, member: u32) {
        let Some(of) = self.queues.get(queue) else { return };
        if let Some(found) = of.members.get(&member) {
            let message = event(event_name, Class::Agent).header("Queue", queue);
            let message = found.headers(["MemberName", "Interface"], message);
            self.event(Class::Agent, message);
        }
    }

    // ---- what AMI asks for

    /// What `QUEUE_MEMBER(queue,option)` holds, of the options that count agents; 0 where there is no such queue.
    pub(super) fn queue_member(&self, function: &str) -> Option<usize> {
        let (queue, option) = function.strip_prefix("QUEUE_MEMBER(")?.strip_suffix(')')?.split_once(',')?;
        let Some(queue) = self.queues.get(queue) else { return Some(0) };
        let is_idle = |member: &&Member| !member.paused && member.status() == "1";
        let members = || queue.members.values();
        match option {
            "logged" | "count" => Some(members().count()),
            "free" => Some(members().filter(is_idle).count()),
            "ready" => {
                Some(members().filter(|member| is_idle(member) && member.free_since <= self.moment).count())
            }
            _ => None,
        }
    }

    /// QueueAdd; gives what Asterisk says where it can't be.
    pub(super) fn queue_add(
        &mut self,
        queue: &str,
        interface: &str,
        name: &str,
        added: Added,
    ) -> Result<(), &'static str> {
        let Some(found) = self.queues.get(queue) else {
            return Err("Unable to add interface to queue: No such queue");
        };
        if found.members.values().any(|member| member.interface.eq_ignore_ascii_case(interface)) {
            return Err("Unable to add interface: Already there");
        }
        let key = found.members.keys().next_back().map_or(1, |last| last.saturating_add(1));
        let name = if name.is_empty() { interface } else { name };
        let behaviour = Agents {
            from: key,
            count: 1,
            answers_s: Some(profile::Spread::Fixed(0.3)),
            talks_s: profile::Spread::Fixed(60.0),
            wraps_up_s: profile::Spread::Fixed(0.0),
            logs_in_s: 0.0,
            shift_s: 0.0,
        };
        let member = Member::new(interface.to_owned(), name.to_owned(), "dynamic", behaviour);
        let Added { paused, reason, penalty, wrapuptime_s } = added;
        let paused_reason = if paused { reason } else { String::new() };
        self.add_member(queue, key, Member { paused, paused_reason, penalty, wrapuptime_s, ..member });
        Ok(())
    }

    /// QueueRemove. An agent in a call ends it first.
    pub(super) fn queue_remove(&mut self, queue: &str, interface: &str) -> Result<(), &'static str> {
        let Some(found) = self.queues.get(queue) else {
            return Err("Unable to remove interface from queue: No such queue");
        };
        let member =
            found.members.iter().find(|(_, member)| member.interface.eq_ignore_ascii_case(interface));
        let Some(key) = member.map(|(key, _)| *key) else {
            return Err("Unable to remove interface: Not there");
        };
        self.log_out(queue, key);
        Ok(())
    }

    fn log_out(&mut self, queue: &str, key: u32) {
        let Some(member) = self.queues.get_mut(queue).and_then(|queue| queue.members.get_mut(&key)) else {
            return;
        };
        member.leaves = true;
        if member.leg.is_some() {
            return;
        }
        self.member_event("QueueMemberRemoved", queue, key);
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.members.remove(&key);
        }
    }

    /// QueuePause, in one queue or, where none is named, in all; says how many members it met.
    pub(super) fn queue_pause(
        &mut self,
        only: Option<&str>,
        interface: &str,
        paused: bool,
        reason: &str,
    ) -> usize {
        let met = self.members_of(only, interface);
        for (queue, key) in &met {
            self.pause(queue, *key, paused, reason);
        }
        met.len()
    }

    /// Changes the members of that interface, in one queue or in all; says how many it met.
    pub(super) fn change_members(
        &mut self,
        only: Option<&str>,
        interface: &str,
        event_name: &str,
        change: impl Fn(&mut Member),
    ) -> usize {
        let met = self.members_of(only, interface);
        for (queue, key) in &met {
            if let Some(member) = self.queues.get_mut(queue).and_then(|queue| queue.members.get_mut(key)) {
                change(member);
            }
            self.member_event(event_name, queue, *key);
        }
        met.len()
    }

    fn members_of(&self, only: Option<&str>, interface: &str) -> Vec<(String, u32)> {
        let queues = self.queues.iter().filter(|(name, _)| only.is_none_or(|only| only == *name));
        let of = |(name, queue): (&String, &Queue)| {
            let members =
                queue.members.iter().filter(|(_, member)| member.interface.eq_ignore_ascii_case(interface));
            members.map(|(key, _)| (name.clone(), *key)).collect::<Vec<_>>()
        };
        queues.flat_map(of).collect()
    }

    fn pause(&mut self, queue: &str, key: u32, paused: bool, reason: &str) {
        let unix = self.now.unix.as_secs();
        let Some(member) = self.queues.get_mut(queue).and_then(|queue| queue.members.get_mut(&key)) else {
            return;
        };
        if paused {
            member.last_pause = unix;
        }
        member.paused = paused;
        reason.clone_into(&mut member.paused_reason);
        self.member_event("QueueMemberPause", queue, key);
    }
}
