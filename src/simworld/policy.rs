//! Who decides how many are dialled: the engine's modes, by the names that people type.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::engine::pacing::predictive::{Predictive, Settings};
use crate::engine::pacing::{Decision, Event, View};

use super::scenario::{AbandonClock, Scenario};

/// What is typed as `--policy`.
#[derive(Debug, Clone, PartialEq)]
pub enum Policy {
    /// So many lines a free agent; 1 is progressive.
    Lines(f64),
    /// The predictive mode, with some of its settings.
    Predictive(Vec<(String, f64)>),
}

/// What is said to be allowed.
pub const POLICIES: &str = "progressive, power:R with R from 1 to 20, predictive, or predictive:KEY=VALUE,… with the keys \
                            target (per cent), min-ring (seconds), service-level (agents)";

/// A text that names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; allowed: {POLICIES}")]
pub struct NoPolicy(String);

impl FromStr for Policy {
    type Err = NoPolicy;

    fn from_str(text: &str) -> Result<Self, NoPolicy> {
        let wrong = || NoPolicy(text.to_owned());
        match text.split_once(':') {
            None if text == "progressive" => Ok(Self::Lines(1.0)),
            None if text == "predictive" => Ok(Self::Predictive(Vec::new())),
            Some(("power", ratio)) => match ratio.parse() {
                Ok(ratio) if (1.0..=20.0).contains(&ratio) => Ok(Self::Lines(ratio)),
                Ok(_) | Err(_) => Err(wrong()),
            },
            Some(("predictive", pairs)) => {
                let pair = |pair: &str| {
                    let (key, value) = pair.split_once('=')?;
                    let value: f64 = value.parse().ok()?;
                    let most = match key {
                        "target" => 100.0,
                        "min-ring" => 600.0,
                        "service-level" => 1000.0,
                        _ => return None,
                    };
                    (0.0..=most).contains(&value).then(|| (key.to_owned(), value))
                };
                pairs.split(',').map(pair).collect::<Option<_>>().map(Self::Predictive).ok_or_else(wrong)
            }
            None | Some(_) => Err(wrong()),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines(1.0) => f.write_str("progressive"),
            Self::Lines(ratio) => write!(f, "power:{ratio}"),
            Self::Predictive(settings) => {
                f.write_str("predictive")?;
                for (n, (key, value)) in settings.iter().enumerate() {
                    write!(f, "{}{key}={value}", if n == 0 { ':' } else { ',' })?;
                }
                Ok(())
            }
        }
    }
}

/// A policy at work.
#[derive(Debug)]
pub(super) enum Pacer {
    Lines(f64),
    Predictive(Box<Predictive<u64>>),
}

impl Pacer {
    pub(super) fn new(policy: &Policy, scenario: &Scenario) -> Self {
        match policy {
            Policy::Lines(ratio) => Self::Lines(*ratio),
            Policy::Predictive(pairs) => {
                Self::Predictive(Box::new(Predictive::new(settings(pairs, scenario))))
            }
        }
    }

    /// How often it decides at least.
    pub(super) fn tick_s(&self) -> f64 {
        match self {
            Self::Lines(_) => 0.5,
            Self::Predictive(_) => 1.0,
        }
    }

    pub(super) fn heard(&mut self, now: f64, event: Event<u64>) {
        match self {
            Self::Lines(_) => {}
            Self::Predictive(predictive) => predictive.heard(moment(now), event),
        }
    }

    /// `under_way`: calls that are not yet with an agent.
    pub(super) fn decide(&mut self, now: f64, view: View, under_way: u32) -> Decision<u64> {
        match self {
            Self::Lines(ratio) if *ratio > 1.0 && view.waiting > 0 => Decision::default(),
            Self::Lines(ratio) => {
                let lines = (*ratio * f64::from(view.free)).floor() as u32;
                Decision { dial: lines.saturating_sub(under_way).min(view.room), give_up: Vec::new() }
            }
            Self::Predictive(predictive) => predictive.decide(moment(now), view),
        }
    }

    /// The daemon is started anew: only what is kept is known, and what becomes of the calls that are up.
    pub(super) fn restart(&mut self) {
        if let Self::Predictive(predictive) = self {
            let kept = serde_json::to_string(&predictive.memory()).ok();
            if let Some(memory) = kept.and_then(|kept| serde_json::from_str(&kept).ok()) {
                **predictive = Predictive::resume(predictive.settings(), memory);
            }
        }
    }
}

fn moment(now: f64) -> Duration {
    Duration::from_secs_f64(now)
}

fn settings(pairs: &[(String, f64)], scenario: &Scenario) -> Settings {
    let mut settings = Settings {
        abandon_target: scenario.cap,
        abandon_after: Duration::from_secs_f64(scenario.abandon_after_s),
        from_answer: scenario.amd.enabled && scenario.abandon_clock == AbandonClock::Answer,
        ..Settings::default()
    };
    for (key, value) in pairs {
        match key.as_str() {
            "target" => settings.abandon_target = value / 100.0,
            "min-ring" => settings.min_ring = Duration::from_secs_f64(*value),
            // Parsing has let no other key through.
            _ => settings.service_level = *value as u32,
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_back_from_its_text() {
        for text in ["progressive", "power:2", "power:1.5", "predictive", "predictive:target=2.5,min-ring=20"]
        {
            assert_eq!(text.parse::<Policy>().unwrap().to_string(), text);
        }
        for text in
            ["", "power", "power:0.5", "power:x", "predictive:", "predictive:x=1", "predictive:target=200"]
        {
            let why = text.parse::<Policy>().unwrap_err().to_string();
            assert!(why.contains("allowed: progressive, power:R"), "{why}");
        }
    }
}
