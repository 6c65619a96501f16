//! Queues and their agents. A caller waits until free agents are there, who are rung all at once or in turn; the first
//! to answer talks to the caller and hangs up when done, and the call is over. Agents need no telephone: the interface
//! of each is `Local/NUMBER@astout-agents`.
//!
//! ```text
//!   agent:  free (1) ──rung──► ringing (6) ──answers──► in use (2) ──talk over──► [paused] ──► free
//!                      ▲            └ timeout, another was faster ┘
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use super::call::Step;
use super::channel::State;
use super::destination::Place;
use super::profile::{self, Agents, Strategy, seconds};
use super::world::{Due, NewChannel, Owner, World};
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

    /// The headers that lists and events share; `location` is what each calls the interface.
    pub(super) fn headers(
        &self,
        names: [&str; 2],
        message: MessageBuilder,
        wrapuptime: u32,
    ) -> MessageBuilder {
        let flag = |set: bool| if set { "1" } else { "0" };
        let message = message
            .header(names[0], &self.name)
            .header(names[1], &self.interface)
            .header("StateInterface", &self.interface)
            .header("Membership", self.membership)
            .header("Penalty", "0")
            .header("CallsTaken", self.calls_taken.to_string())
            .header("LastCall", self.last_call.to_string())
            .header("LastPause", self.last_pause.to_string())
            .header("LoginTime", self.login_time.to_string())
            .header("InCall", flag(self.in_call()))
            .header("Status", self.status())
            .header("Paused", flag(self.paused))
            .header("PausedReason", &self.paused_reason);
        let ringinuse = names[1] == "Interface";
        let message = if ringinuse { message.header("Ringinuse", "0") } else { message };
        message.header("Wrapuptime", wrapuptime.to_string())
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
            self.add_member(name, number, interface, format!("Agent {number}"), membership, agents.clone());
        }
        if agents.shift_s > 0.0 {
            self.after(seconds(agents.shift_s), Due::Agent(name.to_owned(), AgentStep::LogsOut { group }));
        }
    }

    fn add_member(
        &mut self,
        queue: &str,
        key: u32,
        interface: String,
        name: String,
        membership: &'static str,
        behaviour: Agents,
    ) {
        let member = Member {
            interface,
            name,
            membership,
            paused: false,
            paused_reason: String::new(),
            calls_taken: 0,
            last_call: 0,
            free_since: Duration::ZERO,
            last_pause: 0,
            login_time: self.now.unix.as_secs(),
            leg: None,
            behaviour,
            leaves: false,
        };
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
            let message = found.headers(["MemberName", "Interface"], message, of.conf.wrapuptime_s);
            self.event(Class::Agent, message);
        }
    }

    // ---- what AMI asks for

    /// QueueAdd; gives what Asterisk says where it can't be.
    pub(super) fn queue_add(&mut self, queue: &str, interface: &str, name: &str) -> Result<(), &'static str> {
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
        self.add_member(queue, key, interface.to_owned(), name.to_owned(), "dynamic", behaviour);
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
        let mut met = Vec::new();
        for (name, queue) in &self.queues {
            for (key, member) in &queue.members {
                let named = only.is_none_or(|only| only == name);
                if named && member.interface.eq_ignore_ascii_case(interface) {
                    met.push((name.clone(), *key));
                }
            }
        }
        for (queue, key) in &met {
            self.pause(queue, *key, paused, reason);
        }
        met.len()
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

    // ---- callers

    /// A call joins a queue; where there is none, the application is over.
    pub(super) fn join(&mut self, n: u64, queue: &str) {
        let since = self.moment;
        let Some(found) = self.queues.get_mut(queue) else {
            return self.hang_up(n, 0);
        };
        found.waiting.push(n);
        let count = found.waiting.len().to_string();
        let Some(call) = self.calls.get_mut(&n) else { return };
        call.place = Place::Waiting { queue: queue.to_owned(), since, ring: 0 };
        let one = call.one.clone();
        self.about("QueueCallerJoin", Class::Agent, &one, |message| {
            message.header("Queue", queue).header("Position", &count).header("Count", &count)
        });
        self.about("MusicOnHoldStart", Class::Call, &one, |message| message.header("Class", "default"));
        self.queue_retry(n);
    }

    /// Rings free agents for a waiting call whose turn it is; else looks again later.
    pub(super) fn queue_retry(&mut self, n: u64) {
        let Some(call) = self.calls.get(&n) else { return };
        let Place::Waiting { queue, ring, .. } = &call.place else { return };
        let (name, ring) = (queue.clone(), *ring);
        if ring % 2 == 1 {
            return;
        }
        let Some(queue) = self.queues.get_mut(&name) else { return };
        let retry = seconds(queue.conf.retry_s);
        let now = self.moment;
        let free: Vec<u32> =
            queue.members.iter().filter(|(_, member)| member.is_free(now)).map(|(key, _)| *key).collect();
        let place = queue.waiting.iter().position(|waiting| *waiting == n).unwrap_or_default();
        // Those before it are served first (`autofill`).
        let rung = if free.len() > place {
            match queue.conf.strategy {
                Strategy::RingAll => free,
                Strategy::RrMemory => {
                    let next = free.iter().find(|key| **key > queue.next).or(free.first()).copied();
                    queue.next = next.unwrap_or(queue.next);
                    next.into_iter().collect()
                }
            }
        } else {
            Vec::new()
        };
        if rung.is_empty() {
            return self.after(retry, Due::Call(n, Step::QueueRetry));
        }
        let timeout = seconds(queue.conf.timeout_s);
        let ring = ring + 1;
        if let Some(Place::Waiting { ring: counted, .. }) = self.calls.get_mut(&n).map(|call| &mut call.place)
        {
            *counted = ring;
        }
        for key in rung {
            self.ring_agent(n, &name, key, ring);
        }
        self.after(timeout, Due::Call(n, Step::RingOver { ring }));
    }

    fn ring_agent(&mut self, n: u64, queue: &str, key: u32, ring: u64) {
        let Some(member) = self.queues.get(queue).and_then(|queue| queue.members.get(&key)).cloned() else {
            return;
        };
        let Some(caller) = self.calls.get(&n).map(|call| call.one.clone()) else { return };
        let linkedid = self.channels.get(&caller).map(|channel| channel.linkedid.clone()).unwrap_or_default();
        let address = member.interface.split_once('/').map_or("", |(_, address)| address).to_owned();
        let (exten, context) = address.split_once('@').unwrap_or((&address, "astout-agents"));
        let base = self.new_local_name(&address);
        let owner = Owner::Agent { queue: queue.to_owned(), member: key };
        let half = |half: &str, uniqueid, state| NewChannel {
            name: format!("{base};{half}"),
            uniqueid,
            linkedid: &linkedid,
            state,
            context,
            exten,
            owner: owner.clone(),
        };
        let (first, second) = (self.new_uniqueid(), self.new_uniqueid());
        let one = self.new_channel(half("1", first, State::Down));
        let two = self.new_channel(half("2", second, State::Ring));
        let leg = Leg {
            call: n,
            one: one.clone(),
            two,
            ring,
            rung_since: self.moment,
            talking_since: None,
            bridge: String::new(),
        };
        if let Some(member) = self.queues.get_mut(queue).and_then(|queue| queue.members.get_mut(&key)) {
            member.leg = Some(leg);
        }
        self.leg_event("AgentCalled", Class::Agent, &caller, &one, |message| {
            let message = message.header("Queue", queue).header("Interface", &member.interface);
            message.header("MemberName", &member.name)
        });
        self.leg_event("DialBegin", Class::Call, &caller, &one, |message| {
            message.header("DialString", &member.interface)
        });
        self.set_state(&one, State::Ringing);
        self.member_event("QueueMemberStatus", queue, key);
        if let Some(answers) = member.behaviour.answers_s {
            let after = answers.draw(&mut self.rng);
            self.after(
                after,
                Due::Agent(queue.to_owned(), AgentStep::Answers { member: key, call: n, ring }),
            );
        }
    }

    /// An event about a caller and an agent's channel.
    fn leg_event(
        &mut self,
        name: &str,
        class: Class,
        caller: &str,
        leg: &str,
        more: impl FnOnce(MessageBuilder) -> MessageBuilder,
    ) {
        if let (Some(caller), Some(leg)) = (self.channels.get(caller), self.channels.get(leg)) {
            let message = more(leg.headers("Dest", caller.headers("", event(name, class))));
            self.event(class, message);
        }
    }

    /// The agents that were rung for a call did not answer in time.
    pub(super) fn ring_over(&mut self, n: u64, ring: u64) {
        let Some(call) = self.calls.get_mut(&n) else { return };
        let Place::Waiting { queue, ring: counted, .. } = &mut call.place else { return };
        if *counted != ring {
            return;
        }
        *counted += 1;
        let queue = queue.clone();
        self.cancel_legs(n, &queue, None, "NOANSWER", 0);
        let retry = self.queues.get(&queue).map_or(1.0, |queue| queue.conf.retry_s);
        self.after(seconds(retry), Due::Call(n, Step::QueueRetry));
    }

    /// Stops ringing those who are rung for a call, but for the one who answered.
    fn cancel_legs(&mut self, n: u64, queue: &str, but: Option<u32>, status: &str, cause: u32) {
        let caller = self.calls.get(&n).map(|call| call.one.clone()).unwrap_or_default();
        let Some(found) = self.queues.get_mut(queue) else { return };
        let mut cancelled = Vec::new();
        for (key, member) in &mut found.members {
            let rung = member.leg.as_ref().is_some_and(|leg| leg.call == n && leg.talking_since.is_none());
            if rung && but != Some(*key) {
                cancelled.extend(
                    member.leg.take().map(|leg| (*key, leg, member.interface.clone(), member.name.clone())),
                );
            }
        }
        for (key, leg, interface, name) in cancelled {
            self.leg_event("DialEnd", Class::Call, &caller, &leg.one, |message| {
                message.header("DialStatus", status)
            });
            if status == "NOANSWER" {
                let rung_ms = (self.moment.saturating_sub(leg.rung_since)).as_millis().to_string();
                self.leg_event("AgentRingNoAnswer", Class::Agent, &caller, &leg.one, |message| {
                    let message = message.header("Queue", queue).header("Interface", interface);
                    message.header("MemberName", name).header("RingTime", rung_ms)
                });
            }
            self.remove_channel(&leg.one, cause);
            self.remove_channel(&leg.two, cause);
            self.member_event("QueueMemberStatus", queue, key);
            self.leave_if_due(queue, key);
        }
    }

    fn leave_if_due(&mut self, queue: &str, key: u32) {
        let leaves = |queue: &Queue| queue.members.get(&key).is_some_and(|member| member.leaves);
        if self.queues.get(queue).is_some_and(leaves) {
            self.log_out(queue, key);
        }
    }

    /// A waiting call is hung up.
    pub(super) fn abandon(&mut self, n: u64, one: &str, queue: &str, since: Duration) {
        self.cancel_legs(n, queue, None, "CANCEL", 0);
        let waited = self.moment.saturating_sub(since);
        let position = self.take_from_waiting(n, queue);
        if let Some(found) = self.queues.get_mut(queue) {
            found.abandoned += 1;
        }
        self.about("MusicOnHoldStop", Class::Call, one, |message| message);
        self.about("QueueCallerAbandon", Class::Agent, one, |message| {
            let message = message.header("Queue", queue).header("Position", position.to_string());
            let message = message.header("OriginalPosition", position.to_string());
            message.header("HoldTime", waited.as_secs().to_string())
        });
        self.caller_leaves(one, queue, position);
    }

    /// Gives the position, from 1, that the call had.
    fn take_from_waiting(&mut self, n: u64, queue: &str) -> usize {
        let Some(queue) = self.queues.get_mut(queue) else { return 1 };
        let place = queue.waiting.iter().position(|waiting| *waiting == n);
        if let Some(place) = place {
            queue.waiting.remove(place);
        }
        place.unwrap_or_default() + 1
    }

    fn caller_leaves(&mut self, one: &str, queue: &str, position: usize) {
        let count = self.queues.get(queue).map_or(0, |queue| queue.waiting.len());
        self.about("QueueCallerLeave", Class::Agent, one, |message| {
            let message = message.header("Queue", queue).header("Position", position.to_string());
            message.header("Count", count.to_string())
        });
    }

    // ---- agents

    pub(super) fn agent_step(&mut self, queue: &str, step: AgentStep) {
        match step {
            AgentStep::Answers { member, call, ring } => self.agent_answers(queue, member, call, ring),
            AgentStep::HangsUp { member, call } => {
                let leg = self.queues.get(queue).and_then(|queue| queue.members.get(&member)?.leg.as_ref());
                if leg.is_some_and(|leg| leg.call == call && leg.talking_since.is_some()) {
                    self.end_talk(queue, member, "agent", 16);
                    self.forget_place(call);
                    self.hang_up(call, 16);
                }
            }
            AgentStep::Unpauses { member } => self.pause(queue, member, false, ""),
            AgentStep::LogsIn { group } => self.log_in(queue, group, "dynamic"),
            AgentStep::LogsOut { group } => {
                let agents = self.queues.get(queue).and_then(|queue| queue.conf.agents.get(group));
                let Some((from, count)) = agents.map(|agents| (agents.from, agents.count)) else { return };
                for key in from..from.saturating_add(count) {
                    self.log_out(queue, key);
                }
            }
        }
    }

    fn forget_place(&mut self, n: u64) {
        if let Some(call) = self.calls.get_mut(&n) {
            call.place = Place::Application;
        }
    }

    /// Somebody hangs up an agent's channel: the agent does.
    pub(super) fn hang_up_agent(&mut self, queue: &str, member: u32) {
        let leg = self.queues.get(queue).and_then(|queue| queue.members.get(&member)?.leg.clone());
        let Some(leg) = leg else { return };
        if leg.talking_since.is_some() {
            self.agent_step(queue, AgentStep::HangsUp { member, call: leg.call });
        } else {
            self.ring_over(leg.call, leg.ring);
        }
    }

    fn agent_answers(&mut self, queue: &str, key: u32, n: u64, ring: u64) {
        let moment = self.moment;
        let bridge =
            uuid::Builder::from_random_bytes(self.rng.u128(..).to_le_bytes()).into_uuid().to_string();
        let Some(member) = self.queues.get_mut(queue).and_then(|queue| queue.members.get_mut(&key)) else {
            return;
        };
        let Some(leg) = member.leg.as_mut() else { return };
        if leg.call != n || leg.ring != ring || leg.talking_since.is_some() {
            return;
        }
        leg.talking_since = Some(moment);
        leg.bridge.clone_from(&bridge);
        let leg = leg.clone();
        let member = member.clone();
        let Some(call) = self.calls.get_mut(&n) else { return };
        let since = match &call.place {
            Place::Waiting { since, .. } => *since,
            _ => moment,
        };
        call.place = Place::Talking { queue: queue.to_owned(), member: key };
        let caller = call.one.clone();
        self.cancel_legs(n, queue, Some(key), "CANCEL", 26);
        self.set_state(&leg.two, State::Up);
        self.set_state(&leg.one, State::Up);
        self.member_event("QueueMemberStatus", queue, key);
        self.leg_event("DialEnd", Class::Call, &caller, &leg.one, |message| {
            message.header("DialStatus", "ANSWER")
        });
        self.about("MusicOnHoldStop", Class::Call, &caller, |message| message);
        let position = self.take_from_waiting(n, queue);
        self.caller_leaves(&caller, queue, position);
        let (held, rung) = (moment.saturating_sub(since), moment.saturating_sub(leg.rung_since));
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.hold += held;
        }
        self.leg_event("AgentConnect", Class::Agent, &caller, &leg.one, |message| {
            let message = message.header("Queue", queue).header("Interface", &member.interface);
            let message = message.header("MemberName", &member.name);
            message
                .header("HoldTime", held.as_secs().to_string())
                .header("RingTime", rung.as_secs().to_string())
        });
        let made = bridge_headers(&bridge, 0, event("BridgeCreate", Class::Call));
        self.event(Class::Call, made);
        for (count, channel) in [(1, &leg.one), (2, &caller)] {
            if let Some(channel) = self.channels.get_mut(channel) {
                channel.bridge.clone_from(&bridge);
                let message = bridge_headers(&bridge, count, event("BridgeEnter", Class::Call));
                let message = channel.headers("", message);
                self.event(Class::Call, message);
            }
        }
        let talks = member.behaviour.talks_s.draw(&mut self.rng);
        self.after(talks, Due::Agent(queue.to_owned(), AgentStep::HangsUp { member: key, call: n }));
    }

    /// A conversation ends: the bridge, the agent's channel, and what the agent does next.
    pub(super) fn end_talk(&mut self, queue: &str, key: u32, who: &str, cause: u32) {
        let (moment, unix) = (self.moment, self.now.unix.as_secs());
        let Some(found) = self.queues.get_mut(queue) else { return };
        let wrapuptime = Duration::from_secs(found.conf.wrapuptime_s.into());
        let Some(member) = found.members.get_mut(&key) else { return };
        let Some(leg) = member.leg.take() else { return };
        member.calls_taken += 1;
        member.last_call = unix;
        member.free_since = moment + wrapuptime;
        let talked = moment.saturating_sub(leg.talking_since.unwrap_or(moment));
        let held = leg.talking_since.unwrap_or(moment).saturating_sub(leg.rung_since);
        let member = member.clone();
        found.completed += 1;
        found.talk += talked;
        let caller = self.calls.get(&leg.call).map(|call| call.one.clone()).unwrap_or_default();
        for (count, channel) in [(1, &caller), (0, &leg.one)] {
            if let Some(channel) = self.channels.get_mut(channel) {
                channel.bridge.clear();
                let message = bridge_headers(&leg.bridge, count, event("BridgeLeave", Class::Call));
                let message = channel.headers("", message);
                self.event(Class::Call, message);
            }
        }
        let gone = bridge_headers(&leg.bridge, 0, event("BridgeDestroy", Class::Call));
        self.event(Class::Call, gone);
        self.leg_event("AgentComplete", Class::Agent, &caller, &leg.one, |message| {
            let message = message.header("Queue", queue).header("Interface", &member.interface);
            let message = message.header("MemberName", &member.name);
            let message = message.header("HoldTime", held.as_secs().to_string());
            message.header("TalkTime", talked.as_secs().to_string()).header("Reason", who)
        });
        self.remove_channel(&leg.one, cause);
        self.remove_channel(&leg.two, cause);
        self.member_event("QueueMemberStatus", queue, key);
        let wraps_up = member.behaviour.wraps_up_s.draw(&mut self.rng);
        if member.leaves {
            self.log_out(queue, key);
        } else if !wraps_up.is_zero() {
            self.pause(queue, key, true, "wrap-up");
            self.after(wraps_up, Due::Agent(queue.to_owned(), AgentStep::Unpauses { member: key }));
        }
    }
}

fn bridge_headers(bridge: &str, channels: u32, message: MessageBuilder) -> MessageBuilder {
    message
        .header("BridgeUniqueid", bridge)
        .header("BridgeType", "basic")
        .header("BridgeTechnology", "simple_bridge")
        .header("BridgeCreator", "<unknown>")
        .header("BridgeName", "<unknown>")
        .header("BridgeNumChannels", channels.to_string())
        .header("BridgeVideoSourceMode", "none")
}
