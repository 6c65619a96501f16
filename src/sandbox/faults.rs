//! What goes wrong on demand. The standing faults are switches, each a share of what it may hit; they are set by the
//! profile and changed at run time by `Action: SandboxFault`. The momentary ones (flood, garbage, half-open, freeze,
//! restart) are carried out by [`super::actions`] and the shell.

use std::time::Duration;

use fastrand::Rng;
use serde::Deserialize;

use super::profile::{Even, Spread, seconds};
use crate::ami::{Message, Request};

/// The standing faults. All shares are from 0 (never) to 1 (always).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// The events that `delay`, `drop`, `duplicate` and `reorder` may hit, by name; none: all of them.
    pub events: Vec<String>,
    /// Events that come late, by `delay_s`.
    pub delay: f64,
    /// How late.
    pub delay_s: Spread,
    /// Events that never come.
    pub drop: f64,
    /// Events that come twice.
    pub duplicate: f64,
    /// Events that come some places, up to 20 ms, behind their own.
    pub reorder: f64,
    /// Lists that stop half way, without their Complete.
    pub truncate: f64,
    /// Originates that are answered by an Error.
    pub error: f64,
    /// Originates that are answered by Success and never carried out.
    pub swallow: f64,
    /// Originates that are carried out and never answered.
    pub mute: f64,
    /// Originates that are carried out late, by `late_s`.
    pub late: f64,
    /// How late.
    pub late_s: Spread,
    /// How many times faults hit before all of them are off; 0: no end.
    pub times: u32,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            delay: 0.0,
            delay_s: Spread::Even(Even { min: 0.05, max: 0.5 }),
            drop: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            truncate: 0.0,
            error: 0.0,
            swallow: 0.0,
            mute: 0.0,
            late: 0.0,
            late_s: Spread::Fixed(3.0),
            times: 0,
        }
    }
}

/// What happens to an Originate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OriginateFault {
    Error,
    Swallow,
    Mute,
    Late(Duration),
}

impl Switches {
    fn shares(&mut self) -> [(&'static str, &mut f64); 9] {
        [
            ("delay", &mut self.delay),
            ("drop", &mut self.drop),
            ("duplicate", &mut self.duplicate),
            ("reorder", &mut self.reorder),
            ("truncate", &mut self.truncate),
            ("error", &mut self.error),
            ("swallow", &mut self.swallow),
            ("mute", &mut self.mute),
            ("late", &mut self.late),
        ]
    }

    /// Says which value is out of its range.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut copy = self.clone();
        let wrong = copy.shares().into_iter().find(|(_, share)| !(0.0..=1.0).contains(&**share));
        match wrong {
            Some((name, _)) => Err(format!("faults: {name}: allowed: a share from 0 to 1")),
            None => Ok(()),
        }
    }

    /// Takes the switches that a `SandboxFault` names, and leaves the others.
    pub(super) fn change(&mut self, request: &Request) -> Result<(), String> {
        let number = |name: &str| match request.get(name) {
            None => Ok(None),
            Some(text) => match text.parse::<f64>() {
                Ok(value) if (0.0..=1e6).contains(&value) => Ok(Some(value)),
                _ => Err(format!("{name}: {text:?} is no number; allowed: 0 and more")),
            },
        };
        let mut changed = if request.get("Reset").is_some() { Self::default() } else { self.clone() };
        if let Some(events) = request.message().get("Events") {
            let names = events.split(',').map(|name| name.trim().to_owned());
            changed.events = names.filter(|name| !name.is_empty()).collect();
        }
        for (name, share) in changed.shares() {
            if let Some(value) = number(name)? {
                *share = value;
            }
        }
        if let Some(value) = number("DelayTime")? {
            changed.delay_s = Spread::Fixed(value);
        }
        if let Some(value) = number("LateTime")? {
            changed.late_s = Spread::Fixed(value);
        }
        if let Some(value) = number("Times")? {
            changed.times = value as u32;
        }
        changed.check()?;
        *self = changed;
        Ok(())
    }

    /// Whether a fault of that share hits now; counts it.
    fn hits(&mut self, share: f64, rng: &mut Rng) -> bool {
        let hit = share > 0.0 && rng.f64() < share;
        if hit && self.times > 0 {
            self.times -= 1;
            if self.times == 0 {
                *self = Self::default();
            }
        }
        hit
    }

    /// When an event comes, counted from its own time: once at once, unless a fault hits it.
    pub(super) fn event(&mut self, event: &Message, rng: &mut Rng) -> Vec<Duration> {
        let quiet = self.delay == 0.0 && self.drop == 0.0 && self.duplicate == 0.0 && self.reorder == 0.0;
        let concerned = || {
            let name = event.event_name().unwrap_or_default();
            self.events.is_empty() || self.events.iter().any(|one| one.eq_ignore_ascii_case(&name))
        };
        if quiet || !concerned() {
            return vec![Duration::ZERO];
        }
        if self.hits(self.drop, rng) {
            return Vec::new();
        }
        let delay_s = self.delay_s;
        let after = if self.hits(self.delay, rng) {
            delay_s.draw(rng)
        } else if self.hits(self.reorder, rng) {
            seconds(rng.f64() * 0.02)
        } else {
            Duration::ZERO
        };
        if self.hits(self.duplicate, rng) { vec![after, after] } else { vec![after] }
    }

    /// Whether a list stops half way.
    pub(super) fn truncates(&mut self, rng: &mut Rng) -> bool {
        self.hits(self.truncate, rng)
    }

    /// What happens to an Originate, if anything.
    pub(super) fn originate(&mut self, rng: &mut Rng) -> Option<OriginateFault> {
        let late_s = self.late_s;
        if self.hits(self.error, rng) {
            Some(OriginateFault::Error)
        } else if self.hits(self.swallow, rng) {
            Some(OriginateFault::Swallow)
        } else if self.hits(self.mute, rng) {
            Some(OriginateFault::Mute)
        } else if self.hits(self.late, rng) {
            Some(OriginateFault::Late(late_s.draw(rng)))
        } else {
            None
        }
    }
}
