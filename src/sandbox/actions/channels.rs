//! What is asked of channels: lists, hangup, variables.

use std::time::Duration;

use super::Asked;
use crate::ami::event::event;
use crate::ami::{Class, MessageBuilder, response};
use crate::sandbox::channel::Channel;
use crate::sandbox::world::{Owner, World};

const NO_SUCH_CHANNEL: &str = "No such channel";

pub(super) fn core_show_channels(world: &mut World, asked: Asked<'_>) {
    let item = |channel: &Channel| {
        let seconds = world.moment.saturating_sub(channel.created).as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        channel
            .headers("", response::list_item(asked.id(), "CoreShowChannel"))
            .header("Application", &channel.application)
            .header("ApplicationData", &channel.data)
            .header("Duration", format!("{hours:02}:{minutes:02}:{seconds:02}"))
            .header("BridgeId", &channel.bridge)
    };
    let items = world.channels.values().map(item).collect();
    world.list(asked, "Channels will follow", "CoreShowChannelsComplete", items, &[]);
}

pub(super) fn status(world: &mut World, asked: Asked<'_>) {
    let keys = match asked.get("Channel") {
        Some(wanted) => match world.find_channel(&wanted) {
            Some(key) => vec![key],
            None => return world.refuse(asked, NO_SUCH_CHANNEL),
        },
        None => world.channels.keys().cloned().collect(),
    };
    let variables = asked.get("Variables").unwrap_or_default();
    let variables = names(&variables);
    let item = |key: &String| -> Option<MessageBuilder> {
        let channel = world.channels.get(key)?;
        let format = if channel.name.starts_with("Local/") { "slin" } else { "ulaw" };
        let mut message = channel
            .headers("", MessageBuilder::new("Event", "Status").header("Privilege", "Call"))
            .header("Type", channel.name.split('/').next().unwrap_or_default())
            .header("DNID", "")
            .header("EffectiveConnectedLineNum", channel.connected.number())
            .header("EffectiveConnectedLineName", channel.connected.name())
            .header("TimeToHangup", "0")
            .header("BridgeID", &channel.bridge)
            .header("Application", &channel.application)
            .header("Data", &channel.data)
            .header("Nativeformats", format!("({format})"))
            .header("Readformat", format)
            .header("Readtrans", "")
            .header("Writeformat", format)
            .header("Writetrans", "")
            .header("Callgroup", "0")
            .header("Pickupgroup", "0")
            .header("Seconds", world.moment.saturating_sub(channel.created).as_secs().to_string());
        for name in &variables {
            let value = value(world, channel, name);
            let value = if value.is_empty() { "(null)" } else { &value };
            message = message.header("Variable", format!("{name}={value}"));
        }
        Some(message.echo(asked.id()))
    };
    let items = keys.iter().filter_map(item).collect();
    world.list(asked, "Channel status will follow", "StatusComplete", items, &["Items"]);
}

/// The names in a list of variables: between commas that are not within parentheses.
fn names(list: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let names = list.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// What a variable holds; of the functions that tell times those that a dialer may ask for.
fn value(world: &World, channel: &Channel, name: &str) -> String {
    let told = |at: Duration| format!("{}.{:06}", at.as_secs(), at.subsec_micros());
    match name {
        "CDR(start,u)" => told(world.unix_at(channel.created)),
        "CDR(answer,u)" => told(channel.answered.map_or(Duration::ZERO, |at| world.unix_at(at))),
        "STRFTIME(,,%s.%6q)" => told(world.unix_at(world.moment)),
        _ => channel.variable(name),
    }
}

pub(super) fn hangup(world: &mut World, asked: Asked<'_>) {
    let Some(wanted) = asked.get("Channel") else {
        return world.refuse(asked, "No channel specified");
    };
    let Some(owner) = world
        .find_channel(&wanted)
        .and_then(|key| world.channels.get(&key))
        .map(|channel| channel.owner.clone())
    else {
        return world.refuse(asked, NO_SUCH_CHANNEL);
    };
    world.answer(asked, response::success_message(asked.id(), "Channel Hungup"));
    let cause = asked.get("Cause").and_then(|cause| cause.parse().ok());
    match owner {
        Owner::Call(n) => world.hang_up_call(n, cause),
        Owner::Agent { queue, member } => world.hang_up_agent(&queue, member),
    }
}

pub(super) fn getvar(world: &mut World, asked: Asked<'_>) {
    let Some(name) = asked.get("Variable") else {
        return world.refuse(asked, "No variable specified");
    };
    let value = match asked.get("Channel") {
        None => match world.queue_member(&name) {
            Some(count) => count.to_string(),
            None => world.globals.get(&name).cloned().unwrap_or_default(),
        },
        Some(wanted) => match world.find_channel(&wanted).and_then(|key| world.channels.get(&key)) {
            Some(channel) => value(world, channel, &name),
            None => return world.refuse(asked, NO_SUCH_CHANNEL),
        },
    };
    let message = response::success(asked.id()).header("Variable", name).header("Value", value);
    world.answer(asked, message.finish_lossy());
}

pub(super) fn setvar(world: &mut World, asked: Asked<'_>) {
    let Some(name) = asked.get("Variable") else {
        return world.refuse(asked, "No variable specified");
    };
    let value = asked.get("Value").unwrap_or_default();
    let Some(wanted) = asked.get("Channel") else {
        world.globals.insert(name, value);
        return world.answer(asked, response::success_message(asked.id(), "Variable Set"));
    };
    let Some(key) = world.find_channel(&wanted) else {
        return world.refuse(asked, NO_SUCH_CHANNEL);
    };
    world.answer(asked, response::success_message(asked.id(), "Variable Set"));
    if let Some(channel) = world.channels.get_mut(&key) {
        channel.set(&name, &value);
        let message = channel.headers("", event("VarSet", Class::Dialplan));
        world.event(Class::Dialplan, message.header("Variable", name).header("Value", value));
    }
}
