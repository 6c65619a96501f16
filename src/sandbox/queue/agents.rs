//! Agents of a queue at work: they answer, talk, hang up, pause, go.

use std::time::Duration;

use super::AgentStep;
use crate::ami::event::event;
use crate::ami::{Class, MessageBuilder};
use crate::sandbox::channel::State;
use crate::sandbox::destination::Place;
use crate::sandbox::world::{Due, World};

impl World {
    pub(in crate::sandbox) fn agent_step(&mut self, queue: &str, step: AgentStep) {
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
    pub(in crate::sandbox) fn hang_up_agent(&mut self, queue: &str, member: u32) {
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
        let made = bridge_headers(BASIC, &bridge, 0, event("BridgeCreate", Class::Call));
        self.event(Class::Call, made);
        for (count, channel) in [(1, &leg.one), (2, &caller)] {
            if let Some(channel) = self.channels.get_mut(channel) {
                channel.bridge.clone_from(&bridge);
                let message = bridge_headers(BASIC, &bridge, count, event("BridgeEnter", Class::Call));
                let message = channel.headers("", message);
                self.event(Class::Call, message);
            }
        }
        let talks = member.behaviour.talks_s.draw(&mut self.rng);
        self.after(talks, Due::Agent(queue.to_owned(), AgentStep::HangsUp { member: key, call: n }));
    }

    /// A conversation ends: the bridge, the agent's channel, and what the agent does next.
    pub(in crate::sandbox) fn end_talk(&mut self, queue: &str, key: u32, who: &str, cause: u32) {
        let (moment, unix) = (self.moment, self.now.unix.as_secs());
        let Some(found) = self.queues.get_mut(queue) else { return };
        let of_queue = found.conf.wrapuptime_s;
        let Some(member) = found.members.get_mut(&key) else { return };
        let own = (member.wrapuptime_s > 0).then_some(member.wrapuptime_s);
        let wrapuptime = Duration::from_secs(own.unwrap_or(of_queue).into());
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
        self.leg_event("AgentComplete", Class::Agent, &caller, &leg.one, |message| {
            let message = message.header("Queue", queue).header("Interface", &member.interface);
            let message = message.header("MemberName", &member.name);
            let message = message.header("HoldTime", held.as_secs().to_string());
            message.header("TalkTime", talked.as_secs().to_string()).header("Reason", who)
        });
        for (count, channel) in [(1, &caller), (0, &leg.one)] {
            if let Some(channel) = self.channels.get_mut(channel) {
                channel.bridge.clear();
                let message = bridge_headers(BASIC, &leg.bridge, count, event("BridgeLeave", Class::Call));
                let message = channel.headers("", message);
                self.event(Class::Call, message);
            }
        }
        let gone = bridge_headers(BASIC, &leg.bridge, 0, event("BridgeDestroy", Class::Call));
        self.event(Class::Call, gone);
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

/// A bridge of two, as `BridgeType` and `BridgeTechnology` name it.
const BASIC: [&str; 2] = ["basic", "simple_bridge"];

/// The block of headers about a bridge; `kind` is its type and technology.
pub(in crate::sandbox) fn bridge_headers(
    kind: [&str; 2],
    bridge: &str,
    channels: u32,
    message: MessageBuilder,
) -> MessageBuilder {
    message
        .header("BridgeUniqueid", bridge)
        .header("BridgeType", kind[0])
        .header("BridgeTechnology", kind[1])
        .header("BridgeCreator", "<unknown>")
        .header("BridgeName", "<unknown>")
        .header("BridgeNumChannels", channels.to_string())
        .header("BridgeVideoSourceMode", "none")
}
