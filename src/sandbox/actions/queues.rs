//! What is asked of queues and their members.

use super::Asked;
use crate::ami::{MessageBuilder, response};
use crate::sandbox::profile::Strategy;
use crate::sandbox::queue::{Added, Member, Queue};
use crate::sandbox::world::World;

/// A mean in whole seconds; 0 of nothing.
fn mean(sum: std::time::Duration, count: u32) -> String {
    sum.as_secs().checked_div(count.into()).unwrap_or_default().to_string()
}

pub(super) fn status(world: &mut World, asked: Asked<'_>) {
    let only = asked.get("Queue");
    let mut items = Vec::new();
    for (name, queue) in
        world.queues.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == *name))
    {
        items.push(params(name, queue).echo(asked.id()));
        for member in queue.members.values() {
            let item = MessageBuilder::new("Event", "QueueMember").header("Queue", name);
            let item = member.headers(["Name", "Location"], item);
            items.push(item.echo(asked.id()));
        }
        for (place, call) in queue.waiting.iter().enumerate() {
            let channel = world.calls.get(call).and_then(|call| world.channels.get(&call.one));
            items.extend(channel.map(|channel| {
                let waited = world.moment.saturating_sub(channel.created).as_secs();
                MessageBuilder::new("Event", "QueueEntry")
                    .header("Queue", name)
                    .header("Position", (place + 1).to_string())
                    .header("Channel", &channel.name)
                    .header("Uniqueid", &channel.uniqueid)
                    .header("CallerIDNum", channel.caller.number())
                    .header("CallerIDName", channel.caller.name())
                    .header("ConnectedLineNum", channel.connected.number())
                    .header("ConnectedLineName", channel.connected.name())
                    .header("Wait", waited.to_string())
                    .header("Priority", "0")
                    .echo(asked.id())
            }));
        }
    }
    world.list(asked, "Queue status will follow", "QueueStatusComplete", items, &[]);
}

fn params(name: &str, queue: &Queue) -> MessageBuilder {
    let strategy = match queue.conf.strategy {
        Strategy::RingAll => "ringall",
        Strategy::RrMemory => "rrmemory",
    };
    MessageBuilder::new("Event", "QueueParams")
        .header("Queue", name)
        .header("Max", "0")
        .header("Strategy", strategy)
        .header("Calls", queue.waiting.len().to_string())
        .header("Holdtime", mean(queue.hold, queue.completed))
        .header("TalkTime", mean(queue.talk, queue.completed))
        .header("Completed", queue.completed.to_string())
        .header("Abandoned", queue.abandoned.to_string())
        .header("ServiceLevel", "0")
        .header("ServicelevelPerf", "0.0")
        .header("ServicelevelPerf2", "0.0")
        .header("Weight", "0")
}

pub(super) fn summary(world: &mut World, asked: Asked<'_>) {
    let only = asked.get("Queue");
    let queues = world.queues.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == *name));
    let item = |(name, queue): (&String, &Queue)| {
        let available = |member: &&Member| !member.paused && member.status() == "1";
        let longest = queue.waiting.first().and_then(|call| world.channels.get(&world.calls.get(call)?.one));
        let longest = longest.map_or(0, |channel| world.moment.saturating_sub(channel.created).as_secs());
        MessageBuilder::new("Event", "QueueSummary")
            .header("Queue", name)
            .header("LoggedIn", queue.members.len().to_string())
            .header("Available", queue.members.values().filter(available).count().to_string())
            .header("Callers", queue.waiting.len().to_string())
            .header("HoldTime", mean(queue.hold, queue.completed))
            .header("TalkTime", mean(queue.talk, queue.completed))
            .header("LongestHoldTime", longest.to_string())
            .echo(asked.id())
    };
    let items = queues.map(item).collect();
    world.list(asked, "Queue summary will follow", "QueueSummaryComplete", items, &[]);
}

pub(super) fn add(world: &mut World, asked: Asked<'_>) {
    let Some(queue) = asked.get("Queue") else { return world.refuse(asked, "'Queue' not specified.") };
    let Some(interface) = asked.get("Interface") else {
        return world.refuse(asked, "'Interface' not specified.");
    };
    let name = asked.get("MemberName").unwrap_or_default();
    let number = |name| asked.get(name).and_then(|number| number.parse().ok()).unwrap_or_default();
    let added = Added {
        paused: asked.get("Paused").is_some_and(|paused| is_true(&paused)),
        reason: asked.get("Reason").unwrap_or_default(),
        penalty: number("Penalty"),
        wrapuptime_s: number("Wrapuptime"),
    };
    match world.queue_add(&queue, &interface, &name, added) {
        Ok(()) => {
            world.answer(asked, response::success_message(asked.id(), "Added interface to queue"));
        }
        Err(text) => world.refuse(asked, text),
    }
}

pub(super) fn remove(world: &mut World, asked: Asked<'_>) {
    let (Some(queue), Some(interface)) = (asked.get("Queue"), asked.get("Interface")) else {
        return world.refuse(asked, "Need 'Queue' and 'Interface' parameters.");
    };
    match world.queue_remove(&queue, &interface) {
        Ok(()) => {
            world.answer(asked, response::success_message(asked.id(), "Removed interface from queue"));
        }
        Err(text) => world.refuse(asked, text),
    }
}

pub(super) fn pause(world: &mut World, asked: Asked<'_>) {
    let (Some(interface), Some(paused)) = (asked.get("Interface"), asked.get("Paused")) else {
        return world.refuse(asked, "Need 'Interface' and 'Paused' parameters.");
    };
    let paused = is_true(&paused);
    let (queue, reason) = (asked.get("Queue"), asked.get("Reason").unwrap_or_default());
    if world.queue_pause(queue.as_deref(), &interface, paused, &reason) == 0 {
        return world.refuse(asked, "Interface not found");
    }
    let text = if paused { "Interface paused successfully" } else { "Interface unpaused successfully" };
    world.answer(asked, response::success_message(asked.id(), text));
}

/// As Asterisk's `ast_true`.
fn is_true(text: &str) -> bool {
    ["1", "true", "yes", "on", "y", "t"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

pub(super) fn penalty(world: &mut World, asked: Asked<'_>) {
    let (Some(interface), Some(penalty)) = (asked.get("Interface"), asked.get("Penalty")) else {
        return world.refuse(asked, "Need 'Interface' and 'Penalty' parameters.");
    };
    let Some(penalty) = penalty.parse().ok() else {
        return world.refuse(asked, "Invalid interface, queuename or penalty");
    };
    let change = |member: &mut Member| member.penalty = penalty;
    if world.change_members(asked.get("Queue").as_deref(), &interface, "QueueMemberPenalty", change) == 0 {
        return world.refuse(asked, "Invalid interface, queuename or penalty");
    }
    world.answer(asked, response::success_message(asked.id(), "Interface penalty set successfully"));
}

pub(super) fn ring_in_use(world: &mut World, asked: Asked<'_>) {
    let (Some(interface), Some(ring)) = (asked.get("Interface"), asked.get("RingInUse")) else {
        return world.refuse(asked, "Need 'Interface' and 'RingInUse' parameters.");
    };
    let ring = is_true(&ring);
    let change = |member: &mut Member| member.ring_in_use = ring;
    if world.change_members(asked.get("Queue").as_deref(), &interface, "QueueMemberRinginuse", change) == 0 {
        return world.refuse(asked, "Invalid interface, queuename, or ringinuse value");
    }
    world.answer(asked, response::success_message(asked.id(), "Interface ringinuse set successfully"));
}
