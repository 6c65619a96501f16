//! What came of a simulated day: the row of the result CSV, and each hour for the chart.

use std::collections::VecDeque;

use super::policy::Policy;
use super::staff::{Seconds, Staff};

/// The worst hour is looked for among those with so many answers.
const WORST_HOUR_FROM: usize = 50;
/// The rate so far, after so many answers.
const RUNNING_FROM: u64 = 100;

/// The first line of the CSV.
pub const HEADER: &str = "scenario,policy,seed,staffed_s,talk_s,wrap_s,idle_s,occupancy,utilization,dials,cancels,\
                          live_answers,connects,abandoned,abandon_rate,amd_false_drop,mean_wait_s,p90_wait_s,\
                          connects_per_agent_hour,dials_per_connect,worst_hour_rate,max_running_rate,peak_channels";

/// What came of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// The policy's.
    pub policy: String,
    /// Of the draws.
    pub seed: u64,
    /// What the agents did.
    pub seconds: Seconds,
    /// Calls made.
    pub dials: u64,
    /// Calls given up while they rang.
    pub cancels: u64,
    /// Persons that answered.
    pub live_answers: u64,
    /// Persons that reached an agent.
    pub connects: u64,
    /// Persons whom no agent took in time.
    pub abandoned: u64,
    /// Persons whom AMD took for machines.
    pub amd_false_drop: u64,
    /// How long an agent waited for a call.
    pub mean_wait_s: f64,
    /// Nine of ten waited less.
    pub p90_wait_s: f64,
    /// The worst sliding hour.
    pub worst_hour_rate: f64,
    /// The worst rate of the day so far.
    pub max_running_rate: f64,
    /// The most calls at once.
    pub peak_channels: u32,
    /// Each hour.
    pub hours: Vec<Hour>,
}

/// An hour of the day.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Hour {
    /// What the agents did.
    pub seconds: Seconds,
    /// Calls made.
    pub dials: u64,
    /// Persons that reached an agent.
    pub connects: u64,
    /// Persons whom no agent took in time.
    pub abandoned: u64,
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Hour {
    /// The share that was abandoned.
    pub fn abandon_rate(&self) -> f64 {
        share(self.abandoned, self.connects + self.abandoned)
    }
}

impl Outcome {
    /// The share of the persons put through that no agent took in time.
    pub fn abandon_rate(&self) -> f64 {
        share(self.abandoned, self.live_answers - self.amd_false_drop)
    }

    /// As [`Outcome::abandon_rate`], but persons whom AMD hung up on count too, as some countries want it.
    pub fn abandon_rate_with_amd(&self) -> f64 {
        share(self.abandoned + self.amd_false_drop, self.live_answers)
    }

    /// The CSV's row, without its line feed.
    pub fn row(&self) -> String {
        let Seconds { talk, wrap, idle } = self.seconds;
        let staffed = self.seconds.staffed();
        let per = |what: f64, of: f64| if of > 0.0 { what / of } else { 0.0 };
        let text = |name: &str| name.replace([',', '\n', '\r'], ";");
        format!(
            "{},{},{},{staffed:.3},{talk:.3},{wrap:.3},{idle:.3},{:.6},{:.6},{},{},{},{},{},{:.6},{},{:.3},{:.3},{:.4},{:.4},{:.6},{:.6},{}",
            text(&self.scenario),
            text(&self.policy),
            self.seed,
            self.seconds.occupancy(),
            per(talk + wrap, staffed),
            self.dials,
            self.cancels,
            self.live_answers,
            self.connects,
            self.abandoned,
            self.abandon_rate(),
            self.amd_false_drop,
            self.mean_wait_s,
            self.p90_wait_s,
            per(self.connects as f64, staffed / 3600.0),
            per(self.dials as f64, self.connects as f64),
            self.worst_hour_rate,
            self.max_running_rate,
            self.peak_channels,
        )
    }
}

/// What is counted while the day goes on.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) dials: u64,
    pub(super) cancels: u64,
    pub(super) live_answers: u64,
    pub(super) amd_false_drop: u64,
    peak_channels: u32,
    connects: u64,
    abandoned: u64,
    waits: Vec<f64>,
    /// The last hour's ends: when, and whether abandoned.
    last_hour: VecDeque<(f64, bool)>,
    abandoned_last_hour: u64,
    worst_hour: f64,
    max_running: f64,
    hours: Vec<Hour>,
}

impl Tally {
    pub(super) fn new(duration_s: f64) -> Self {
        Self {
            dials: 0,
            cancels: 0,
            live_answers: 0,
            amd_false_drop: 0,
            peak_channels: 0,
            connects: 0,
            abandoned: 0,
            waits: Vec::new(),
            last_hour: VecDeque::new(),
            abandoned_last_hour: 0,
            worst_hour: 0.0,
            max_running: 0.0,
            hours: vec![Hour::default(); (duration_s / 3600.0).ceil() as usize],
        }
    }

    /// Calls in flight at the end are the last hour's.
    fn hour(&mut self, now: f64) -> Option<&mut Hour> {
        let last = self.hours.len().checked_sub(1)?;
        self.hours.get_mut(((now / 3600.0) as usize).min(last))
    }

    pub(super) fn dialled(&mut self, now: f64, channels: u32) {
        self.dials += 1;
        self.peak_channels = self.peak_channels.max(channels);
        if let Some(hour) = self.hour(now) {
            hour.dials += 1;
        }
    }

    pub(super) fn connected(&mut self, now: f64, waited: f64) {
        self.connects += 1;
        self.waits.push(waited);
        if let Some(hour) = self.hour(now) {
            hour.connects += 1;
        }
        self.ended(now, false);
    }

    pub(super) fn abandoned(&mut self, now: f64) {
        self.abandoned += 1;
        if let Some(hour) = self.hour(now) {
            hour.abandoned += 1;
        }
        self.ended(now, true);
    }

    fn ended(&mut self, now: f64, abandoned: bool) {
        self.last_hour.push_back((now, abandoned));
        self.abandoned_last_hour += u64::from(abandoned);
        while let Some(&(at, abandoned)) = self.last_hour.front()
            && at <= now - 3600.0
        {
            self.last_hour.pop_front();
            self.abandoned_last_hour -= u64::from(abandoned);
        }
        if self.last_hour.len() >= WORST_HOUR_FROM {
            let rate = share(self.abandoned_last_hour, self.last_hour.len() as u64);
            self.worst_hour = self.worst_hour.max(rate);
        }
        let live = self.connects + self.abandoned;
        if live >= RUNNING_FROM {
            self.max_running = self.max_running.max(share(self.abandoned, live));
        }
    }

    pub(super) fn outcome(mut self, scenario: &str, policy: &Policy, seed: u64, staff: &Staff) -> Outcome {
        for (hour, seconds) in self.hours.iter_mut().zip(&staff.hours) {
            hour.seconds = *seconds;
        }
        self.waits.sort_by(f64::total_cmp);
        let count = self.waits.len();
        let mean = if count == 0 { 0.0 } else { self.waits.iter().sum::<f64>() / count as f64 };
        let ninth = (count * 9 / 10).min(count.saturating_sub(1));
        Outcome {
            scenario: scenario.to_owned(),
            policy: policy.to_string(),
            seed,
            seconds: staff.seconds(),
            dials: self.dials,
            cancels: self.cancels,
            live_answers: self.live_answers,
            connects: self.connects,
            abandoned: self.abandoned,
            amd_false_drop: self.amd_false_drop,
            mean_wait_s: mean,
            p90_wait_s: self.waits.get(ninth).copied().unwrap_or_default(),
            worst_hour_rate: self.worst_hour,
            max_running_rate: self.max_running,
            peak_channels: self.peak_channels,
            hours: self.hours,
        }
    }
}
