//! The profile: who can be called and what they do, the trunks, the queues and their agents, where answered calls can
//! go. `config/sandbox.toml` is the default one, annotated; a key that is left out has its value there, a list that
//! is given stands in place of the default one.

use std::time::Duration;

use fastrand::Rng;
use serde::Deserialize;

use super::faults::Switches;

/// The default profile, annotated.
pub const ANNOTATED: &str = include_str!("../../config/sandbox.toml");

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is no TOML, or has keys or values that are not known.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A value is out of its range.
    #[error("{0}")]
    Value(String),
}

/// Everything that the sandbox is told about its world.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// The PBX itself.
    pub asterisk: Asterisk,
    /// How people behave, for numbers of the kind `people`.
    pub people: People,
    /// Who answers `Local/NUMBER@NAME`.
    pub context: Vec<Line>,
    /// Who answers `PJSIP/NUMBER@NAME`.
    pub trunk: Vec<Line>,
    /// Where answered calls can be sent by `Context`, `Exten` and `Priority`.
    pub destination: Vec<Destination>,
    /// The queues.
    pub queue: Vec<Queue>,
    /// What goes wrong from the start on.
    pub faults: Switches,
}

/// The PBX itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asterisk {
    /// What `CoreSettings` and `core show version` say.
    pub version: String,
    /// How long after a start FullyBooted comes.
    pub boot_s: f64,
    /// Between the answer to an Originate and its execution.
    pub originate_s: Spread,
    /// Whether OriginateResponse stands anywhere among the events of its moment, as in Asterisk; else it is last.
    pub response_anywhere: bool,
    /// A session that takes no bytes for so long is dropped.
    pub write_timeout_s: f64,
    /// How long the application Playback plays.
    pub playback_s: f64,
    /// How long a call stays parked.
    pub parking_s: f64,
}

/// How people behave: shares of 1; who is none of these lets it ring.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct People {
    /// Numbers that do not exist.
    pub unallocated: f64,
    /// Calls that meet congestion.
    pub congestion: f64,
    /// Busy lines.
    pub busy: f64,
    /// People who reject the call after some ringing.
    pub rejected: f64,
    /// Machines that answer.
    pub machine: f64,
    /// Of the others, who answers, by the hour of the day in UTC: 24 shares.
    pub answer_rate_by_hour: Vec<f64>,
    /// How long it rings before somebody answers or rejects.
    pub ring_s: Spread,
    /// How long somebody who answered stays on the line unless the other side hangs up: waiting and talking.
    pub stay_s: Spread,
    /// How long it rings before a machine answers.
    pub machine_ring_s: Spread,
    /// How long a machine stays.
    pub machine_s: Spread,
}

/// What decides what a number's callee does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbers {
    /// The number's first digits.
    Lab,
    /// The number's first digits, as the SIP answers of the test lab's trunk.
    Sip,
    /// Chance, by `[people]`.
    People,
    /// There is nobody.
    None,
    /// No channel can be made.
    Unregistered,
    /// The far end never answers a packet.
    Dead,
}

/// A context of telephones, or a trunk.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// As in the channel: what stands behind the `@`.
    pub name: String,
    /// What decides what the callees do.
    pub numbers: Numbers,
    /// Calls at once; one more gets cause 34 (congestion). 0: no limit.
    #[serde(default)]
    pub limit: u32,
}

/// An extension for answered calls.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// `Context`.
    pub context: String,
    /// `Exten`; `*` is every one.
    pub exten: String,
    /// `Priority`.
    #[serde(default = "one")]
    pub priority: u32,
    /// How long a call stays there before it is hung up.
    pub stay_s: f64,
    /// An event that shows what the call brought: `UserEvent` with that name.
    #[serde(default)]
    pub user_event: String,
}

fn one() -> u32 {
    1
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// `ringall`, or in turn: `rrmemory`.
    #[serde(default)]
    pub strategy: Strategy,
    /// How long an agent is rung.
    #[serde(default = "five")]
    pub timeout_s: f64,
    /// How long a caller waits before free agents are looked for again.
    #[serde(default = "one_second")]
    pub retry_s: f64,
    /// How long an agent is left alone after a call, as the queue's `wrapuptime`.
    #[serde(default)]
    pub wrapuptime_s: u32,
    /// Its agents.
    #[serde(default)]
    pub agents: Vec<Agents>,
}

fn five() -> f64 {
    5.0
}

fn one_second() -> f64 {
    1.0
}

/// Which of a queue's free agents are rung.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// All of them.
    #[default]
    RingAll,
    /// One at a time, in turn.
    RrMemory,
}

/// Some agents of a queue who are alike.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agents {
    /// The number of the first; the interface is `Local/NUMBER@astout-agents`.
    pub from: u32,
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
    /// How long an agent lets it ring before answering; absent: for ever.
    #[serde(default)]
    pub answers_s: Option<Spread>,
    /// How long an agent talks before hanging up.
    #[serde(default = "three_minutes")]
    pub talks_s: Spread,
    /// How long an agent pauses after a call.
    #[serde(default = "Spread::none")]
    pub wraps_up_s: Spread,
    /// When they log in, after the start.
    #[serde(default)]
    pub logs_in_s: f64,
    /// How long they stay logged in; 0: for ever.
    #[serde(default)]
    pub shift_s: f64,
}

fn three_minutes() -> Spread {
    Spread::Lognormal(Lognormal { median: 150.0, sigma: 0.6, max: 1800.0 })
}

/// How long something takes, in seconds: always the same, evenly between two bounds, or as human durations are.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Spread {
    /// `2.5`
    Fixed(f64),
    /// `{ min = 1, max = 4 }`
    Even(Even),
    /// `{ median = 90, sigma = 0.7, max = 900 }`
    Lognormal(Lognormal),
}

/// Evenly between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Even {
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

/// A lognormal distribution: many short ones, few long ones.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lognormal {
    /// Half are shorter.
    pub median: f64,
    /// How far they lie apart: 0 not at all, 1 widely.
    pub sigma: f64,
    /// None is longer.
    pub max: f64,
}

/// Seconds as a duration; nothing where it is none.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

impl Spread {
    fn none() -> Self {
        Self::Fixed(0.0)
    }

    /// One of its durations.
    pub(super) fn draw(&self, rng: &mut Rng) -> Duration {
        seconds(match self {
            Self::Fixed(always) => *always,
            Self::Even(Even { min, max }) => min + (max - min) * rng.f64(),
            Self::Lognormal(Lognormal { median, sigma, max }) => {
                // Box-Muller; 1 - f64() is never 0.
                let normal =
                    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
                (median * (sigma * normal).exp()).min(*max)
            }
        })
    }

    fn values(&self) -> Vec<f64> {
        match *self {
            Self::Fixed(always) => vec![always],
            Self::Even(Even { min, max }) => vec![min, max],
            Self::Lognormal(Lognormal { median, sigma, max }) => vec![median, sigma, max],
        }
    }
}

impl Profile {
    /// Reads a profile.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text)?;
        profile.check()?;
        Ok(profile)
    }

    fn check(&self) -> Result<(), ProfileError> {
        let people = &self.people;
        let shares = [people.unallocated, people.congestion, people.busy, people.rejected, people.machine];
        let rates = &people.answer_rate_by_hour;
        let refuse = |what: String| Err(ProfileError::Value(what));
        if shares.iter().chain(rates).any(|share| !(0.0..=1.0).contains(share))
            || shares.iter().sum::<f64>() > 1.0
        {
            return refuse("people: allowed are shares from 0 to 1 that come to 1 at most together".into());
        }
        if rates.len() != 24 {
            let count = rates.len();
            return refuse(format!("people.answer_rate_by_hour: {count} values; allowed: 24, one an hour"));
        }
        let mut spans = vec![
            self.asterisk.boot_s,
            self.asterisk.write_timeout_s,
            self.asterisk.playback_s,
            self.asterisk.parking_s,
        ];
        for spread in [&self.asterisk.originate_s, &people.ring_s, &people.stay_s] {
            spans.extend(spread.values());
        }
        spans.extend([&people.machine_ring_s, &people.machine_s].into_iter().flat_map(Spread::values));
        spans.extend(self.destination.iter().map(|destination| destination.stay_s));
        for queue in &self.queue {
            spans.extend([queue.timeout_s, queue.retry_s]);
            for agents in &queue.agents {
                let answers = agents.answers_s.iter().flat_map(Spread::values);
                spans.extend(answers.chain(agents.talks_s.values()).chain(agents.wraps_up_s.values()));
                spans.extend([agents.logs_in_s, agents.shift_s]);
            }
            if queue.retry_s < 0.01 {
                return refuse(format!("queue {}: retry_s: allowed: 0.01 and more", queue.name));
            }
        }
        // A year is for ever, and more would overrun a clock.
        if spans.iter().any(|span| !(0.0..=31_536_000.0).contains(span)) {
            return refuse("durations: allowed: 0 to 31536000 seconds".into());
        }
        self.faults.check().map_err(ProfileError::Value)
    }
}

impl Default for Profile {
    fn default() -> Self {
        let line = |name: &str, numbers| Line { name: name.to_owned(), numbers, limit: 0 };
        let destination = |context: &str, exten: &str, priority, stay_s, user_event: &str| Destination {
            context: context.to_owned(),
            exten: exten.to_owned(),
            priority,
            stay_s,
            user_event: user_event.to_owned(),
        };
        let agents = |from, count, answers_s: Option<f64>, talks_s| Agents {
            from,
            count,
            answers_s: answers_s.map(Spread::Fixed),
            talks_s: Spread::Fixed(talks_s),
            wraps_up_s: Spread::none(),
            logs_in_s: 0.0,
            shift_s: 0.0,
        };
        let queue = |name: &str, strategy, timeout_s, agents: Vec<Agents>| Queue {
            name: name.to_owned(),
            strategy,
            timeout_s,
            retry_s: 1.0,
            wrapuptime_s: 0,
            agents,
        };
        Self {
            asterisk: Asterisk::default(),
            people: People::default(),
            context: vec![
                line("astout-demo", Numbers::Lab),
                line("astout-empty", Numbers::None),
                line("people", Numbers::People),
            ],
            trunk: vec![
                line("sipp", Numbers::Sip),
                line("nocontact", Numbers::Unregistered),
                line("dead", Numbers::Dead),
                Line { limit: 30, ..line("people", Numbers::People) },
            ],
            destination: vec![
                destination("astout-dest", "show", 1, 1.0, "AstoutShow"),
                destination("astout-dest", "hold", 1, 600.0, ""),
                destination("astout-dest", "hangup", 1, 0.0, ""),
                destination("ani", "*", 40_000, 3.0, ""),
            ],
            queue: vec![
                queue("sales_1", Strategy::RingAll, 5.0, vec![agents(1001, 3, Some(0.3), 2.0)]),
                queue("sales_none", Strategy::RingAll, 5.0, vec![]),
                queue("sales_5", Strategy::RrMemory, 5.0, vec![agents(2001, 5, Some(0.3), 3.0)]),
                queue("sales_slow", Strategy::RingAll, 60.0, vec![agents(3001, 1, None, 3.0)]),
            ],
            faults: Switches::default(),
        }
    }
}

impl Default for Asterisk {
    fn default() -> Self {
        Self {
            version: "22.10.1".to_owned(),
            boot_s: 0.0,
            originate_s: Spread::Even(Even { min: 0.0005, max: 0.002 }),
            response_anywhere: true,
            write_timeout_s: 5.0,
            playback_s: 10.0,
            parking_s: 45.0,
        }
    }
}

impl Default for People {
    fn default() -> Self {
        let mut answer_rate_by_hour = vec![0.05; 24];
        answer_rate_by_hour[6..22].copy_from_slice(&[
            0.1, 0.2, 0.3, 0.35, 0.35, 0.35, 0.4, 0.35, 0.3, 0.3, 0.35, 0.45, 0.5, 0.5, 0.45, 0.25,
        ]);
        Self {
            unallocated: 0.03,
            congestion: 0.01,
            busy: 0.06,
            rejected: 0.05,
            machine: 0.15,
            answer_rate_by_hour,
            ring_s: Spread::Lognormal(Lognormal { median: 9.0, sigma: 0.5, max: 60.0 }),
            stay_s: Spread::Lognormal(Lognormal { median: 120.0, sigma: 0.8, max: 1800.0 }),
            machine_ring_s: Spread::Even(Even { min: 15.0, max: 25.0 }),
            machine_s: Spread::Even(Even { min: 20.0, max: 40.0 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_annotated_profile_has_the_defaults() {
        assert_eq!(Profile::parse(ANNOTATED).unwrap(), Profile::default());
        assert_eq!(Profile::parse("").unwrap(), Profile::default());
    }

    #[test]
    fn what_is_not_known_or_out_of_range_is_refused_with_words() {
        for (text, said) in [
            ("[asterisk]\nbot_s = 1", "bot_s"),
            ("[people]\nbusy = 2", "shares from 0 to 1"),
            ("[people]\nanswer_rate_by_hour = [1]", "24"),
            ("[asterisk]\nboot_s = -1", "0 to 31536000"),
            ("[[trunk]]\nname = \"x\"\nnumbers = \"odd\"", "odd"),
            ("[faults]\ndrop = 1.5", "drop"),
        ] {
            let error = Profile::parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
