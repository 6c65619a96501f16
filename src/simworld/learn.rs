//! A scenario from what was dialled: the answer rates by hour, the ring and talk times of a result log, so that tomorrow's
//! campaign is rehearsed on yesterday's world. What a log cannot know (the agents, their work after calls) is asked for.

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::Deserialize;

use super::curve::{Between, Curve, Knots};
use super::scenario::{Agents, Amd, Scenario, Spread, Talk};
use crate::model::codes::Outcome;
use crate::model::time::Timestamp;

/// So few attempts make no day.
pub const FEWEST: usize = 100;
/// An hour of fewer attempts takes the rate of the whole day.
const FEWEST_AN_HOUR: usize = 50;
/// So few of a kind of time leave it at its default.
const FEWEST_TIMES: usize = 10;

/// What is taken from a line; the rest of it is left alone.
#[derive(Debug, Deserialize)]
struct Line {
    outcome: Outcome,
    tm_dialing: Timestamp,
    tm_dial_begin: Option<Timestamp>,
    tm_dial_end: Option<Timestamp>,
    tm_hangup: Option<Timestamp>,
    dial_timeout: Option<u32>,
    res_amd: Option<String>,
}

/// How an attempt ended, as the simulated world knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Human,
    Machine,
    Fail,
    NoAnswer,
}

/// What was read.
#[derive(Debug)]
pub struct Learnt {
    /// The day.
    pub scenario: Scenario,
    /// The day's date, UTC.
    pub day: String,
    /// How many attempts it is made of.
    pub attempts: usize,
    /// How many lines were no result lines.
    pub unread: usize,
}

/// Why a log makes no scenario.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// It has too little.
    #[error(
        "its fullest day has {found} attempts ({unread} lines are no result lines); needed: at least {FEWEST} on one day, in \
         the lines that astout writes into astout.result"
    )]
    Few {
        /// On the fullest day.
        found: usize,
        /// Lines that are none.
        unread: usize,
    },
}

fn end(line: &Line) -> Option<End> {
    match line.outcome {
        Outcome::Answered if line.res_amd.as_deref() == Some("MACHINE") => Some(End::Machine),
        Outcome::Answered => Some(End::Human),
        Outcome::Busy | Outcome::Congestion | Outcome::Rejected | Outcome::Failed => Some(End::Fail),
        Outcome::NoAnswer => Some(End::NoAnswer),
        // What nobody saw, or we ended ourselves, says nothing of who was called.
        Outcome::Unknown | Outcome::PbxRestart | Outcome::WindowClosed | Outcome::Withdrawn => None,
    }
}

/// Reads result lines; the last day with enough attempts is the one.
///
/// # Errors
/// What cannot be read, or is too little.
pub fn learn(log: impl BufRead, agents: u32) -> Result<Learnt, LearnError> {
    let mut days: BTreeMap<String, Vec<(End, Line)>> = BTreeMap::new();
    let mut unread = 0;
    for line in log.split(b'\n') {
        let line = line?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Line>(&line) {
            Ok(line) => {
                if let Some(end) = end(&line) {
                    let day = line.tm_dialing.to_string().chars().take(10).collect();
                    days.entry(day).or_default().push((end, line));
                }
            }
            Err(_) => unread += 1,
        }
    }
    let found = days.values().map(Vec::len).max().unwrap_or_default();
    let Some((day, mut attempts)) = days.into_iter().rev().find(|(_, attempts)| attempts.len() >= FEWEST)
    else {
        return Err(LearnError::Few { found, unread });
    };
    attempts.sort_by_key(|(_, line)| line.tm_dialing);
    let scenario = scenario(&day, &attempts, agents);
    Ok(Learnt { scenario, day, attempts: attempts.len(), unread })
}

fn scenario(day: &str, attempts: &[(End, Line)], agents: u32) -> Scenario {
    let first = attempts[0].1.tm_dialing;
    let second = |line: &Line| line.tm_dialing.since(first).as_secs_f64();
    let span = attempts.last().map_or(0.0, |(_, line)| second(line));
    let hours = ((span / 3600.0).ceil() as usize).max(1);
    let rates = |wanted: End| {
        let share = |of: &mut dyn Iterator<Item = &(End, Line)>| {
            let (mut all, mut some) = (0_usize, 0_usize);
            for (end, _) in of {
                all += 1;
                some += usize::from(*end == wanted);
            }
            (all, if all == 0 { 0.0 } else { some as f64 / all as f64 })
        };
        let (_, whole) = share(&mut attempts.iter());
        let knots = (0..hours).map(|hour| {
            let within = |line: &Line| (second(line) / 3600.0) as usize == hour;
            let (all, rate) = share(&mut attempts.iter().filter(|(_, line)| within(line)));
            (hour as f64 * 3600.0, if all < FEWEST_AN_HOUR { whole } else { rate })
        });
        (whole, Curve::Knots(Knots { mode: Between::Step, knots: knots.collect() }))
    };
    let times = |of: &[End], from: fn(&Line) -> Option<Timestamp>, until: fn(&Line) -> Option<Timestamp>| {
        attempts
            .iter()
            .filter(|(end, _)| of.contains(end))
            .filter_map(|(_, line)| Some(until(line)?.since(from(line)?).as_secs_f64()))
            .collect::<Vec<f64>>()
    };
    let all = [End::Human, End::Machine, End::Fail, End::NoAnswer];
    let mut timeouts: Vec<f64> =
        attempts.iter().filter_map(|(_, line)| line.dial_timeout).map(|ms| f64::from(ms) / 1000.0).collect();
    timeouts.sort_by(f64::total_cmp);
    let base = Scenario::of_agents(Agents::Fixed(agents));
    let (machines, p_machine) = rates(End::Machine);
    Scenario {
        name: format!("as-{day}"),
        duration_s: (hours as f64) * 3600.0,
        p_human: rates(End::Human).1,
        p_machine,
        p_fail: rates(End::Fail).0,
        originate: spread(
            &times(&all, |line| Some(line.tm_dialing), |line| line.tm_dial_begin),
            base.originate,
        ),
        ring_human: spread(
            &times(&[End::Human], |line| line.tm_dial_begin, |line| line.tm_dial_end),
            base.ring_human,
        ),
        ring_machine: spread(
            &times(&[End::Machine], |line| line.tm_dial_begin, |line| line.tm_dial_end),
            base.ring_machine,
        ),
        fail_after: spread(
            &times(&[End::Fail], |line| line.tm_dial_begin, |line| line.tm_hangup),
            base.fail_after,
        ),
        ring_timeout_s: timeouts
            .get(timeouts.len() / 2)
            .copied()
            .unwrap_or(base.ring_timeout_s)
            .clamp(1.0, 600.0),
        talk: match &base.talk {
            Talk::One(talk) => Talk::One(spread(
                &times(&[End::Human], |line| line.tm_dial_end, |line| line.tm_hangup),
                *talk,
            )),
            Talk::Mixed(_) => base.talk.clone(),
        },
        amd: Amd { enabled: machines > 0.0, ..Amd::default() },
        ..base
    }
}

/// Mean and spread of those times; a default where they are too few.
fn spread(times: &[f64], default: Spread) -> Spread {
    if times.len() < FEWEST_TIMES {
        return default;
    }
    let count = times.len() as f64;
    let mean_s = times.iter().sum::<f64>() / count;
    let variance = times.iter().map(|time| (time - mean_s) * (time - mean_s)).sum::<f64>() / count;
    let cv = if mean_s > 0.0 { variance.sqrt() / mean_s } else { 0.0 };
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    Spread { mean_s: rounded(mean_s), cv: rounded(cv).min(10.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(answered: usize, busy: usize) -> String {
        let line = |n: usize, outcome: &str| {
            let at = |s: usize| {
                format!("\"2026-01-05T09:{:02}:{:02}.000000000Z\"", (n * 5 + s) / 60, (n * 5 + s) % 60)
            };
            let [dialing, begin, end, hangup] = [at(0), at(1), at(11), at(71)];
            format!(
                "{{\"outcome\":\"{outcome}\",\"tm_dialing\":{dialing},\"tm_dial_begin\":{begin},\"tm_dial_end\":{end},\
                 \"tm_hangup\":{hangup},\"dial_timeout\":30000,\"res_amd\":null,\"dial_index\":1}}\n"
            )
        };
        let answered = (0..answered).map(|n| line(n, "answered"));
        answered.chain((0..busy).map(|n| line(n, "busy"))).collect()
    }

    #[test]
    fn rates_and_times_are_those_of_the_log() {
        let text = log(60, 60) + "{\"outcome\":\"withdrawn\"}\nnonsense\n";
        let learnt = learn(text.as_bytes(), 7).unwrap();
        assert_eq!((learnt.attempts, learnt.unread, learnt.day.as_str()), (120, 2, "2026-01-05"));
        let day = learnt.scenario;
        assert_eq!((day.p_human.at(60.0), day.p_fail, day.ring_timeout_s), (0.5, 0.5, 30.0));
        assert_eq!(day.ring_human, Spread { mean_s: 10.0, cv: 0.0 });
        assert_eq!(day.talk, Talk::One(Spread { mean_s: 60.0, cv: 0.0 }));
        assert_eq!(day.agents, Agents::Fixed(7));
        // What is written can be read again.
        assert_eq!(Scenario::parse(&serde_json::to_string(&day).unwrap()), Ok(day));
    }

    #[test]
    fn a_log_of_a_few_attempts_is_refused_with_what_is_needed() {
        let why = learn(log(3, 2).as_bytes(), 7).unwrap_err().to_string();
        assert!(why.contains("has 5 attempts") && why.contains("at least 100"), "{why}");
    }
}
