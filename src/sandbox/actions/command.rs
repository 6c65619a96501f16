//! What is asked of the PBX itself, and the few commands of its CLI that programs use.

use chrono::DateTime;

use super::Asked;
use crate::ami::{MessageBuilder, response};
use crate::sandbox::world::World;

pub(super) fn core_status(world: &mut World, asked: Asked<'_>) {
    let started = i64::try_from(world.started.unix.as_secs()).unwrap_or_default();
    let started = DateTime::from_timestamp(started, 0).unwrap_or_default();
    let (date, time) = (started.format("%Y-%m-%d").to_string(), started.format("%H:%M:%S").to_string());
    let message = response::success(asked.id())
        .header("CoreStartupDate", &date)
        .header("CoreStartupTime", &time)
        .header("CoreReloadDate", &date)
        .header("CoreReloadTime", &time)
        .header("CoreCurrentCalls", world.live_calls().to_string())
        .header("CoreProcessedCalls", world.processed.to_string());
    world.answer(asked, message.finish_lossy());
}

pub(super) fn core_settings(world: &mut World, asked: Asked<'_>) {
    let settings = [
        ("AMIversion", "11.0.0"),
        ("AsteriskVersion", &world.profile.asterisk.version),
        ("SystemName", ""),
        ("CoreMaxCalls", "0"),
        ("CoreMaxLoadAvg", "0.000000"),
        ("CoreRunUser", ""),
        ("CoreRunGroup", ""),
        ("CoreMaxFilehandles", "0"),
        ("CoreRealTimeEnabled", "No"),
        ("CoreCDRenabled", "No"),
        ("CoreHTTPenabled", "No"),
        ("SoundsSearchCustomDir", "No"),
    ];
    let message = settings
        .into_iter()
        .fold(response::success(asked.id()), |message, (name, value)| message.header(name, value));
    world.answer(asked, message.finish_lossy());
}

pub(super) fn command(world: &mut World, asked: Asked<'_>) {
    let Some(line) = asked.get("Command") else {
        return world.refuse(asked, "No command provided");
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    let uptime = world.now.monotonic.saturating_sub(world.started.monotonic).as_secs();
    let output = match words[..] {
        ["core", "show", "channels", "count"] => vec![
            format!("{} active channels", world.channels.len()),
            format!("{} active calls", world.live_calls()),
            format!("{} calls processed", world.processed),
        ],
        ["core", "show", "uptime", "seconds"] => {
            vec![format!("System uptime: {uptime}"), format!("Last reload: {uptime}")]
        }
        ["core", "show", "uptime"] => {
            vec![format!("System uptime: {uptime} seconds"), format!("Last reload: {uptime} seconds")]
        }
        ["core", "show", "version"] => {
            let version = &world.profile.asterisk.version;
            vec![format!("Asterisk {version} (astout sandbox, a PBX that rings nobody)")]
        }
        _ => {
            let help = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
            let said = format!(
                "No such command '{line}' (type 'core show help {help}' for other possible commands)"
            );
            let error = MessageBuilder::new("Response", "Error").echo(asked.id());
            return world.answer(asked, with_output(error, &[said]));
        }
    };
    let message = with_output(response::success(asked.id()), &output);
    world.answer(asked, message);
}

fn with_output(message: MessageBuilder, lines: &[String]) -> crate::ami::Message {
    let message = message.header("Message", "Command output follows");
    lines.iter().fold(message, |message, line| message.header("Output", line)).finish_lossy()
}
