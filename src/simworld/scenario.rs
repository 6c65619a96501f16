//! What a simulated day is like: the scenario file, JSON, read strictly. An unknown key is an error, for a key that is
//! passed over in silence is a day that nobody asked for.

use serde::{Deserialize, Serialize};

use super::curve::Curve;

/// A day: who works, who is called and what they do. Times are seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Stands in the results.
    #[serde(default)]
    pub name: String,
    /// When the campaign ends.
    #[serde(default = "defaults::duration")]
    pub duration_s: f64,
    /// How many agents are there.
    pub agents: Agents,
    /// The pauses that agents take after a call.
    #[serde(default)]
    pub breaks: Breaks,
    /// How likely a person would answer, by the time of dialling.
    #[serde(default = "defaults::human")]
    pub p_human: Curve,
    /// How likely a machine would.
    #[serde(default = "defaults::machine")]
    pub p_machine: Curve,
    /// How likely the number is busy or does not exist.
    #[serde(default = "defaults::fail")]
    pub p_fail: f64,
    /// From the dial to the first ring.
    #[serde(default = "defaults::originate")]
    pub originate: Spread,
    /// How long it rings until a person answers.
    #[serde(default = "defaults::ring_human")]
    pub ring_human: Spread,
    /// How long it rings until a machine answers.
    #[serde(default = "defaults::ring_machine")]
    pub ring_machine: Spread,
    /// How long until the busy tone.
    #[serde(default = "defaults::fail_after")]
    pub fail_after: Spread,
    /// How long it may ring.
    #[serde(default = "defaults::ring_timeout")]
    pub ring_timeout_s: f64,
    /// How long they talk.
    #[serde(default = "defaults::talk")]
    pub talk: Talk,
    /// Multiplies the talk, by the time of dialling.
    #[serde(default = "defaults::one")]
    pub talk_scale: Curve,
    /// The agent's work after a call.
    #[serde(default = "defaults::wrap")]
    pub wrap: Spread,
    /// Asterisk's AMD between the answer and the queue.
    #[serde(default)]
    pub amd: Amd,
    /// How long an agent has a machine on the line.
    #[serde(default = "defaults::machine_handle")]
    pub machine_handle_s: f64,
    /// How long a caller waits for an agent before the call counts as abandoned.
    #[serde(default = "defaults::abandon_after")]
    pub abandon_after_s: f64,
    /// From when that counts.
    #[serde(default)]
    pub abandon_clock: AbandonClock,
    /// How long the message for an abandoned caller holds the channel.
    #[serde(default = "defaults::abandon_msg")]
    pub abandon_msg_s: f64,
    /// From the queue to the agent's ear; part of the talk.
    #[serde(default = "defaults::bridge")]
    pub bridge_s: f64,
    /// How many calls may be up or ringing; absent: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u32>,
    /// How many calls a second.
    #[serde(default = "defaults::cps")]
    pub cps: f64,
    /// How many numbers there are to dial; absent: they never end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<u64>,
    /// The share of the answered calls that may be abandoned.
    #[serde(default = "defaults::cap")]
    pub cap: f64,
    /// How the pacing sees the agents.
    #[serde(default)]
    pub view: View,
}

/// A head count: one for the day, or `[[from second, agents], …]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "agents: allowed: a number such as 20, or [[second, number], …]")]
pub enum Agents {
    /// All day.
    Fixed(u32),
    /// Each from its second on.
    Shifts(Vec<(f64, u32)>),
}

impl Agents {
    /// The head counts, each from its second on.
    pub fn shifts(&self) -> Vec<(f64, u32)> {
        match self {
            Self::Fixed(agents) => vec![(0.0, *agents)],
            Self::Shifts(shifts) => shifts.clone(),
        }
    }

    /// The most that are there at once.
    pub fn most(&self) -> u32 {
        self.shifts().iter().map(|shift| shift.1).max().unwrap_or_default()
    }
}

/// A lognormal time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Its mean.
    pub mean_s: f64,
    /// Its standard deviation, as a multiple of the mean.
    pub cv: f64,
}

/// One kind of conversation, or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "talk: allowed: {mean_s, cv}, or [{w, mean_s, cv}, …]")]
pub enum Talk {
    /// All of one kind.
    One(Spread),
    /// Some of each.
    Mixed(Vec<Part>),
}

/// One of several kinds of conversation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its weight among the others.
    pub w: f64,
    /// Its mean.
    pub mean_s: f64,
    /// Its spread.
    pub cv: f64,
}

/// The pauses that agents take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaks {
    /// How likely one follows a call.
    pub prob: f64,
    /// How long it is.
    pub len: Spread,
}

impl Default for Breaks {
    fn default() -> Self {
        Self { prob: 0.0, len: Spread { mean_s: 600.0, cv: 0.5 } }
    }
}

/// Answering machine detection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Amd {
    /// Whether there is one. Without, machines reach agents.
    pub enabled: bool,
    /// How long until its verdict, from 0.5 to 6 s.
    pub delay: Spread,
    /// How many persons it takes for machines, and hangs up.
    pub false_positive: f64,
    /// How many machines it takes for persons.
    pub false_negative: f64,
}

impl Default for Amd {
    fn default() -> Self {
        let delay = Spread { mean_s: 2.2, cv: 0.35 };
        Self { enabled: false, delay, false_positive: 0.0, false_negative: 0.0 }
    }
}

/// From when a caller's wait counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbandonClock {
    /// From the answer.
    #[default]
    Answer,
    /// From the verdict of AMD.
    AmdEnd,
}

/// How the pacing sees the agents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// All that happens, or a summary now and then.
    pub kind: ViewKind,
    /// How often the summary comes.
    #[serde(default)]
    pub poll_s: f64,
}

impl Default for View {
    fn default() -> Self {
        Self { kind: ViewKind::Full, poll_s: 0.0 }
    }
}

/// What is seen of the agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// Each change as it happens, as by QueueMemberStatus.
    Full,
    /// Counts at each poll, as by QueueSummary.
    Summary,
}

/// Why a text is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// No JSON, an unknown key, or a value of another kind.
    #[error("{0}")]
    Form(String),
    /// A value that no day can have.
    #[error("{key}: {found}; allowed: {allowed}")]
    Value {
        /// The key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What may.
        allowed: &'static str,
    },
}

impl Scenario {
    /// A day of so many agents on which all else is as by default.
    pub fn of_agents(agents: Agents) -> Self {
        Self {
            name: String::new(),
            duration_s: defaults::duration(),
            agents,
            breaks: Breaks::default(),
            p_human: defaults::human(),
            p_machine: defaults::machine(),
            p_fail: defaults::fail(),
            originate: defaults::originate(),
            ring_human: defaults::ring_human(),
            ring_machine: defaults::ring_machine(),
            fail_after: defaults::fail_after(),
            ring_timeout_s: defaults::ring_timeout(),
            talk: defaults::talk(),
            talk_scale: defaults::one(),
            wrap: defaults::wrap(),
            amd: Amd::default(),
            machine_handle_s: defaults::machine_handle(),
            abandon_after_s: defaults::abandon_after(),
            abandon_clock: AbandonClock::default(),
            abandon_msg_s: defaults::abandon_msg(),
            bridge_s: defaults::bridge(),
            channels: None,
            cps: defaults::cps(),
            leads: None,
            cap: defaults::cap(),
            view: View::default(),
        }
    }

    /// Reads a scenario file's text.
    ///
    /// # Errors
    /// What is wrong, where it stands, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self =
            serde_json::from_str(text).map_err(|why| ScenarioError::Form(why.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), ScenarioError> {
        const SHARE: &str = "0 to 1";
        const SPREAD: &str = "mean_s from 0 to 86400, cv from 0 to 10";
        const SECONDS: &str = "0 to 86400";
        let value = |key, good: bool, found: String, allowed| {
            if good { Ok(()) } else { Err(ScenarioError::Value { key, found, allowed }) }
        };
        let share = |key, share: f64| value(key, (0.0..=1.0).contains(&share), share.to_string(), SHARE);
        let seconds = |key, s: f64| value(key, (0.0..=86_400.0).contains(&s), s.to_string(), SECONDS);
        let spread = |key, Spread { mean_s, cv }: Spread| {
            let good = (0.0..=86_400.0).contains(&mean_s) && (0.0..=10.0).contains(&cv);
            value(key, good, format!("mean_s {mean_s}, cv {cv}"), SPREAD)
        };
        let curve = |key, curve: &Curve, most: f64, allowed| {
            let good = curve.knots().iter().all(|knot| (0.0..=most).contains(&knot.1)) && curve.in_order();
            value(key, good, format!("{:?}", curve.knots()), allowed)
        };
        let day = (1.0..=604_800.0).contains(&self.duration_s);
        value("duration_s", day, self.duration_s.to_string(), "1 to 604800")?;
        let shifts = self.agents.shifts();
        let in_order = shifts.is_sorted_by(|a, b| a.0 <= b.0) && shifts.iter().all(|shift| shift.0 >= 0.0);
        let shown = format!("{shifts:?}");
        value("agents", !shifts.is_empty() && in_order, shown.clone(), "seconds from 0 on, in order")?;
        value("agents", self.agents.most() <= 20_000, shown, "0 to 20000 at once")?;
        share("breaks.prob", self.breaks.prob)?;
        spread("breaks.len", self.breaks.len)?;
        curve(
            "p_human",
            &self.p_human,
            1.0,
            "probabilities from 0 to 1, knots in the order of their seconds",
        )?;
        curve(
            "p_machine",
            &self.p_machine,
            1.0,
            "probabilities from 0 to 1, knots in the order of their seconds",
        )?;
        curve("talk_scale", &self.talk_scale, 100.0, "0 to 100, knots in the order of their seconds")?;
        share("p_fail", self.p_fail)?;
        for (key, times) in [
            ("originate", self.originate),
            ("ring_human", self.ring_human),
            ("ring_machine", self.ring_machine),
            ("fail_after", self.fail_after),
            ("wrap", self.wrap),
            ("amd.delay", self.amd.delay),
        ] {
            spread(key, times)?;
        }
        match &self.talk {
            Talk::One(talk) => spread("talk", *talk)?,
            Talk::Mixed(parts) => {
                let weights: f64 = parts.iter().map(|part| part.w).sum();
                let good = parts.iter().all(|part| part.w >= 0.0) && weights > 0.0 && weights.is_finite();
                value(
                    "talk",
                    good,
                    format!("weights that sum to {weights}"),
                    "weights of 0 or more, not all 0",
                )?;
                for part in parts {
                    spread("talk", Spread { mean_s: part.mean_s, cv: part.cv })?;
                }
            }
        }
        share("amd.false_positive", self.amd.false_positive)?;
        share("amd.false_negative", self.amd.false_negative)?;
        for (key, s) in [
            ("ring_timeout_s", self.ring_timeout_s),
            ("machine_handle_s", self.machine_handle_s),
            ("abandon_after_s", self.abandon_after_s),
            ("abandon_msg_s", self.abandon_msg_s),
            ("bridge_s", self.bridge_s),
        ] {
            seconds(key, s)?;
        }
        value("cps", self.cps >= 1.0 && self.cps <= 100_000.0, self.cps.to_string(), "1 to 100000")?;
        share("cap", self.cap)?;
        let polled = self.view.kind == ViewKind::Full || self.view.poll_s > 0.0;
        value("view.poll_s", polled, self.view.poll_s.to_string(), "above 0 where kind is summary")?;
        seconds("view.poll_s", self.view.poll_s)
    }
}

mod defaults {
    use super::{Curve, Spread, Talk};

    pub(super) fn duration() -> f64 {
        28_800.0
    }
    pub(super) fn human() -> Curve {
        Curve::Fixed(0.3)
    }
    pub(super) fn machine() -> Curve {
        Curve::Fixed(0.0)
    }
    pub(super) fn one() -> Curve {
        Curve::Fixed(1.0)
    }
    pub(super) fn fail() -> f64 {
        0.08
    }
    pub(super) fn originate() -> Spread {
        Spread { mean_s: 1.2, cv: 0.5 }
    }
    pub(super) fn ring_human() -> Spread {
        Spread { mean_s: 11.0, cv: 0.5 }
    }
    pub(super) fn ring_machine() -> Spread {
        Spread { mean_s: 20.0, cv: 0.2 }
    }
    pub(super) fn fail_after() -> Spread {
        Spread { mean_s: 2.0, cv: 0.5 }
    }
    pub(super) fn ring_timeout() -> f64 {
        28.0
    }
    pub(super) fn talk() -> Talk {
        Talk::One(Spread { mean_s: 90.0, cv: 0.8 })
    }
    pub(super) fn wrap() -> Spread {
        Spread { mean_s: 20.0, cv: 0.6 }
    }
    pub(super) fn machine_handle() -> f64 {
        7.0
    }
    pub(super) fn abandon_after() -> f64 {
        2.0
    }
    pub(super) fn abandon_msg() -> f64 {
        8.0
    }
    pub(super) fn bridge() -> f64 {
        0.2
    }
    pub(super) fn cps() -> f64 {
        50.0
    }
    pub(super) fn cap() -> f64 {
        0.03
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_by_default() {
        let day = Scenario::parse("{\"agents\": 20}").unwrap();
        assert_eq!(day, Scenario::of_agents(Agents::Fixed(20)));
        let day = Scenario::parse(
            "{\"agents\": [[0, 8], [1800, 40]], \"talk\": [{\"w\": 1, \"mean_s\": 9, \"cv\": 0}]}",
        );
        assert_eq!(day.unwrap().agents.most(), 40);
    }

    #[test]
    fn mistakes_are_told_by_their_key_with_what_is_allowed() {
        for (text, words) in [
            ("{}", &["agents"][..]),
            ("{\"agents\": 20, \"agent\": 3}", &["unknown field `agent`", "expected one of", "line 1"]),
            ("{\"agents\": \"x\"}", &["agents: allowed: a number"]),
            ("{\"agents\": 20, \"p_human\": 1.5}", &["p_human", "1.5", "allowed: probabilities from 0 to 1"]),
            ("{\"agents\": 20, \"p_human\": {\"mode\": \"stp\", \"knots\": []}}", &["step", "linear"]),
            ("{\"agents\": 20, \"p_human\": {\"mode\": \"step\", \"knots\": []}}", &["p_human"]),
            ("{\"agents\": [[60, 1], [0, 2]]}", &["agents", "in order"]),
            ("{\"agents\": 1, \"wrap\": {\"mean_s\": -1, \"cv\": 0}}", &["wrap: mean_s -1", "allowed"]),
            ("{\"agents\": 1, \"view\": {\"kind\": \"summary\"}}", &["view.poll_s"]),
            ("{\"agents\": 1, \"cps\": 0}", &["cps: 0; allowed: 1 to"]),
        ] {
            let why = Scenario::parse(text).unwrap_err().to_string();
            for word in words {
                assert!(why.contains(word), "{word} in {why}");
            }
        }
    }
}
