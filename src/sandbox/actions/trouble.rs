//! The two actions that no Asterisk has: what shall go wrong.
//!
//! `Action: SandboxFault`, every header optional. Standing, shares from 0 to 1 that stay until they are changed:
//! `Delay` (`DelayTime`: seconds), `Drop`, `Duplicate`, `Reorder`, all for the events named by `Events` (a list; empty:
//! all); `Truncate` for lists; `Error`, `Swallow`, `Mute`, `Late` (`LateTime`: seconds) for Originates; `Times`: after so
//! many hits all is off; `Reset`: all off first.
//! Momentary: `Flood` (events a second) for `For` seconds, of class user or, with `FloodOf: calls`, of other people's calls; `Garbage` (so many bytes that are no AMI) and
//! `HalfOpen` (for so many seconds; 0: for ever) on every connection but the one that asks; `Freeze` (everything stands
//! still for so many seconds, as after SIGSTOP).
//!
//! `Action: SandboxRestart`: all connections are cut, calls are gone, another start time. `Down`: seconds until it takes
//! connections again; `Gracefully: yes`: a Hangup for each channel and Shutdown before.

use std::time::Duration;

use super::Asked;
use crate::ami::response;
use crate::sandbox::flood::{Flood, Kind};
use crate::sandbox::profile::seconds;
use crate::sandbox::world::{Due, Output, World};

/// More than any test asks for, and less than would hurt.
const MOST_GARBAGE: f64 = 4.0 * 1024.0 * 1024.0;

pub(super) fn fault(world: &mut World, asked: Asked<'_>) {
    let mut momentary = Vec::new();
    for (name, most) in [
        ("Flood", 100_000.0),
        ("For", 3600.0),
        ("Garbage", MOST_GARBAGE),
        ("HalfOpen", 86_400.0),
        ("Freeze", 3600.0),
    ] {
        match asked.get(name).map(|text| (text.parse::<f64>(), text)) {
            None => momentary.push(None),
            Some((Ok(value), _)) if (0.0..=most).contains(&value) => momentary.push(Some(value)),
            Some((_, text)) => {
                return world.refuse(asked, &format!("{name}: {text:?}; allowed: 0 to {most}"));
            }
        }
    }
    let kind = match asked.get("FloodOf").as_deref() {
        None | Some("user") => Kind::User,
        Some("calls") => Kind::Calls,
        Some(other) => return world.refuse(asked, &format!("FloodOf: {other:?}; allowed: user, calls")),
    };
    let mut switches = world.faults.clone();
    if let Err(text) = switches.change(asked.request) {
        return world.refuse(asked, &text);
    }
    world.faults = switches;
    world.answer(asked, response::success_message(asked.id(), "Faults set"));
    let [flood, lasting, garbage, half_open, freeze] = momentary[..] else { return };
    if let Some(rate) = flood.filter(|rate| *rate >= 1.0) {
        let every = Duration::from_secs_f64(1.0 / rate);
        let left = (rate * lasting.unwrap_or(1.0)).max(1.0) as u64;
        world.after(every, Due::Flood(Flood { kind, left, every }));
    }
    if let Some(count) = garbage {
        let mut bytes = vec![0; count as usize];
        world.rng.fill(&mut bytes);
        // Whatever it is, it ends a message: what comes behind it is AMI again.
        bytes.extend_from_slice(b"\r\n\r\n");
        world.put(Output::Garbage(asked.session, bytes));
    }
    if let Some(span) = half_open {
        world.put(Output::HalfOpen(asked.session, seconds(span)));
    }
    if let Some(span) = freeze {
        world.put(Output::Freeze(seconds(span)));
    }
}

pub(super) fn restart(world: &mut World, asked: Asked<'_>) {
    let down = match asked.get("Down").map_or(Ok(0.0), |text| text.parse::<f64>()) {
        Ok(down) if (0.0..=86_400.0).contains(&down) => down,
        _ => return world.refuse(asked, "Down: allowed: 0 to 86400 seconds"),
    };
    world.answer(asked, response::success_message(asked.id(), "Restarting"));
    let gracefully = asked.get("Gracefully").is_some_and(|text| text != "no" && text != "0");
    world.restart(seconds(down), gracefully);
}
