//! Originate: what Asterisk refuses at once, and the rest, which is carried out a moment later.

use std::time::Duration;

use super::Asked;
use crate::ami::response;
use crate::sandbox::call::Originate;
use crate::sandbox::channel::Party;
use crate::sandbox::destination::Target;
use crate::sandbox::faults::OriginateFault;
use crate::sandbox::world::World;

/// The longest Uniqueid (`AST_MAX_PUBLIC_UNIQUEID`).
const MAX_UNIQUEID: usize = 149;
const TIMEOUT_MS: u64 = 30_000;

pub(super) fn originate(world: &mut World, asked: Asked<'_>) {
    let originate = match read(world, asked) {
        Ok(originate) => originate,
        Err(text) => return world.refuse(asked, text),
    };
    let fault = world.faults.originate(&mut world.rng);
    if fault == Some(OriginateFault::Error) {
        return world.refuse(asked, "Originate failed");
    }
    let is_async = originate.asker.is_none();
    if is_async && fault == Some(OriginateFault::Mute) {
        world.done(asked.session);
    } else if is_async {
        world.answer(asked, response::success_message(asked.id(), "Originate successfully queued"));
    }
    world.schedule(originate, fault);
}

fn is_true(text: &str) -> bool {
    ["yes", "true", "y", "t", "1", "on"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn read(world: &World, asked: Asked<'_>) -> Result<Originate, &'static str> {
    let channel = asked.get("Channel").ok_or("Channel not specified")?;
    let application = asked.get("Application");
    let (context, exten) = (asked.get("Context"), asked.get("Exten"));
    let priority = asked.get("Priority").unwrap_or_else(|| "1".to_owned());
    if !priority.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("Invalid priority");
    }
    let timeout = match asked.get("Timeout") {
        Some(text) => text.parse().map_err(|_| "Invalid timeout")?,
        None => TIMEOUT_MS,
    };
    if !channel.contains('/') {
        return Err("Invalid channel");
    }
    let too_long = |id: &Option<String>| id.as_ref().is_some_and(|id| id.len() > MAX_UNIQUEID);
    let (channel_id, other_channel_id) = (asked.get("ChannelId"), asked.get("OtherChannelId"));
    if too_long(&channel_id) || too_long(&other_channel_id) {
        return Err("Uniqueid length exceeds maximum of 149");
    }
    let is_async = asked.get("Async").is_some_and(|text| is_true(&text));
    let target = match (application, context, exten) {
        (Some(name), ..) => Target::Application { name, data: asked.get("Data").unwrap_or_default() },
        (None, Some(context), Some(exten)) => {
            if !world.exists(&context, &exten, &priority) {
                return Err("Extension does not exist.");
            }
            Target::Exten { context, exten, priority }
        }
        (None, ..) if is_async => Target::Application { name: String::new(), data: String::new() },
        (None, ..) => return Err("Originate with 'Exten' requires 'Context' and 'Priority'"),
    };
    Ok(Originate {
        action_id: asked.id().map(<[u8]>::to_vec),
        channel,
        channel_id,
        other_channel_id,
        timeout: Duration::from_millis(timeout),
        target,
        caller: Party::parse(&asked.get("CallerID").unwrap_or_default()),
        account: asked.get("Account").unwrap_or_default(),
        variables: asked.request.message().all("Variable").map(std::borrow::Cow::into_owned).collect(),
        asker: (!is_async).then_some(asked.session),
    })
}
