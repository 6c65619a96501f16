//! Callers of a queue: they wait, agents are rung for them, and some give up.

use std::time::Duration;

use super::{AgentStep, Leg, Queue};
use crate::ami::event::event;
use crate::ami::{Class, MessageBuilder};
use crate::sandbox::call::Step;
use crate::sandbox::channel::State;
use crate::sandbox::destination::Place;
use crate::sandbox::profile::{Strategy, seconds};
use crate::sandbox::world::{Due, NewChannel, Owner, World};

impl World {
    /// A call joins a queue; where there is none, the application is over.
    pub(in crate::sandbox) fn join(&mut self, n: u64, queue: &str) {
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
    pub(in crate::sandbox) fn queue_retry(&mut self, n: u64) {
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
        // The agent sees the extension that the caller is at.
        let number = self.channels.get(&caller).map(|caller| caller.exten.clone());
        if let Some(channel) = self.channels.get_mut(&one) {
            channel.caller.number.clone_from(&number);
        }
        if let Some(channel) = self.channels.get_mut(&two) {
            channel.connected.number = number;
        }
        self.local_bridge(&one, &two);
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
        self.leg_event("DialState", Class::Call, &caller, &one, |message| {
            message.header("DialStatus", "RINGING")
        });
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
    pub(super) fn leg_event(
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
    pub(in crate::sandbox) fn ring_over(&mut self, n: u64, ring: u64) {
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
    pub(super) fn cancel_legs(&mut self, n: u64, queue: &str, but: Option<u32>, status: &str, cause: u32) {
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
            // Seen of Asterisk: a caller who gives up has it told twice.
            if but.is_none() && status == "CANCEL" {
                self.leg_event("DialEnd", Class::Call, &caller, &leg.one, |message| {
                    message.header("DialStatus", status)
                });
            }
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

    pub(super) fn leave_if_due(&mut self, queue: &str, key: u32) {
        let leaves = |queue: &Queue| queue.members.get(&key).is_some_and(|member| member.leaves);
        if self.queues.get(queue).is_some_and(leaves) {
            self.log_out(queue, key);
        }
    }

    /// A waiting call is hung up.
    pub(in crate::sandbox) fn abandon(&mut self, n: u64, one: &str, queue: &str, since: Duration) {
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
    pub(super) fn take_from_waiting(&mut self, n: u64, queue: &str) -> usize {
        let Some(queue) = self.queues.get_mut(queue) else { return 1 };
        let place = queue.waiting.iter().position(|waiting| *waiting == n);
        if let Some(place) = place {
            queue.waiting.remove(place);
        }
        place.unwrap_or_default() + 1
    }

    pub(super) fn caller_leaves(&mut self, one: &str, queue: &str, position: usize) {
        let count = self.queues.get(queue).map_or(0, |queue| queue.waiting.len());
        self.about("QueueCallerLeave", Class::Agent, one, |message| {
            let message = message.header("Queue", queue).header("Position", position.to_string());
            message.header("Count", count.to_string())
        });
    }
}
