//! What people read: settings side by side, by the day and by the hour, and which one to take and why.

use std::fmt::{self, Write};

use serde::Serialize;

use super::chart;
use super::outcome::Outcome;
use super::scenario::Scenario;

fn mean(days: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    days.iter().map(of).sum::<f64>() / days.len().max(1) as f64
}

/// Over all seeds of a setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pooled {
    /// The policy's name.
    pub policy: String,
    /// Agents' time in talk, as the mean of the days.
    pub occupancy: f64,
    /// Of all persons put through, those whom no agent took in time.
    pub abandon_rate: f64,
    /// The worst day's.
    pub worst_day: f64,
    /// The worst sliding hour's, as the mean of the days.
    pub worst_hour: f64,
    /// Calls a day.
    pub dials: f64,
    /// Calls a day that were given up.
    pub cancels: f64,
    /// Persons an agent spoke to, an hour.
    pub connects_per_agent_hour: f64,
    /// How long an agent waited for a call.
    pub mean_wait_s: f64,
}

impl Pooled {
    /// Of the days of one setting.
    pub fn of(days: &[Outcome]) -> Self {
        let (abandoned, put_through) = days.iter().fold((0, 0), |(abandoned, put_through), day| {
            (abandoned + day.abandoned, put_through + day.live_answers - day.amd_false_drop)
        });
        let per_hour = |day: &Outcome| {
            let hours = day.seconds.staffed() / 3600.0;
            if hours > 0.0 { day.connects as f64 / hours } else { 0.0 }
        };
        Self {
            policy: days.first().map(|day| day.policy.clone()).unwrap_or_default(),
            occupancy: mean(days, |day| day.seconds.occupancy()),
            abandon_rate: if put_through == 0 { 0.0 } else { abandoned as f64 / put_through as f64 },
            worst_day: days.iter().map(Outcome::abandon_rate).fold(0.0, f64::max),
            worst_hour: mean(days, |day| day.worst_hour_rate),
            dials: mean(days, |day| day.dials as f64),
            cancels: mean(days, |day| day.cancels as f64),
            connects_per_agent_hour: mean(days, per_hour),
            mean_wait_s: mean(days, |day| day.mean_wait_s),
        }
    }
}

/// The same for programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The scenario's name.
    pub scenario: String,
    /// A setting each.
    pub policies: Vec<Pooled>,
    /// Which setting to take, and why.
    pub recommendation: String,
}

impl Summary {
    /// Of one scenario: `settings` has the days of each policy.
    pub fn of(scenario: &Scenario, settings: &[Vec<Outcome>]) -> Self {
        let policies: Vec<Pooled> = settings.iter().map(|days| Pooled::of(days)).collect();
        let recommendation = recommendation(scenario.cap, &policies);
        Self { scenario: scenario.name.clone(), policies, recommendation }
    }
}

/// The report of one scenario: `settings` has the days of each policy.
///
/// # Errors
/// None: a text takes everything.
pub fn report(scenario: &Scenario, settings: &[Vec<Outcome>]) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let days = settings.first().map_or(0, Vec::len);
    writeln!(
        out,
        "{}: {} agents at most, {:.1} h, {days} day{} of chance each, {} % may be abandoned",
        if scenario.name.is_empty() { "scenario" } else { &scenario.name },
        scenario.agents.most(),
        scenario.duration_s / 3600.0,
        if days == 1 { "" } else { "s" },
        round(scenario.cap * 100.0),
    )?;
    let pooled: Vec<Pooled> = settings.iter().map(|days| Pooled::of(days)).collect();
    let width = pooled.iter().map(|row| row.policy.len()).max().unwrap_or_default().max(6);
    writeln!(
        out,
        "{:<width$}  in talk  abandoned  worst day  worst hour  calls an hour and agent  agent waits  dialled  given up",
        "policy"
    )?;
    for row in &pooled {
        writeln!(
            out,
            "{:<width$} {:>7.2}% {:>9.2}% {:>9.2}% {:>10.2}% {:>24.1} {:>10.1} s {:>8.0} {:>9.0}",
            row.policy,
            row.occupancy * 100.0,
            row.abandon_rate * 100.0,
            row.worst_day * 100.0,
            row.worst_hour * 100.0,
            row.connects_per_agent_hour,
            row.mean_wait_s,
            row.dials,
            row.cancels,
        )?;
    }
    let false_drops: u64 = settings.iter().flatten().map(|day| day.amd_false_drop).sum();
    if false_drops > 0 {
        write!(out, "with the persons whom AMD hung up on (some countries count them):")?;
        for days in settings {
            let name = days.first().map_or("", |day| day.policy.as_str());
            write!(out, "  {name} {:.2} %", mean(days, Outcome::abandon_rate_with_amd) * 100.0)?;
        }
        out.push('\n');
    }
    let sides: Vec<&[Outcome]> = settings.iter().map(Vec::as_slice).collect();
    chart::hours(&mut out, &sides)?;
    writeln!(out, "\n{}", recommendation(scenario.cap, &pooled))?;
    Ok(out)
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Which setting to take, and why.
pub fn recommendation(cap: f64, pooled: &[Pooled]) -> String {
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    let talks = |row: &Pooled| format!("{:.1} %", row.occupancy * 100.0);
    let best = |rows: &mut dyn Iterator<Item = &'_ Pooled>| {
        rows.max_by(|a, b| a.occupancy.total_cmp(&b.occupancy)).cloned()
    };
    let Some(chosen) = best(&mut pooled.iter().filter(|row| row.worst_day <= cap)) else {
        let least = pooled.iter().min_by(|a, b| a.worst_day.total_cmp(&b.worst_day));
        return least.map_or_else(String::new, |row| {
            format!(
                "None keeps every day under {}. {} comes nearest, with {} on its worst day: try progressive, more agents, or \
                 predictive:target={:.1}.",
                percent(cap),
                row.policy,
                percent(row.worst_day),
                cap * 80.0
            )
        });
    };
    let mut said = format!(
        "Take {}: of those that kept every day at or under {} it has agents talk the most, {} of their time, and its \
         worst day had {} abandoned.",
        chosen.policy,
        percent(cap),
        talks(&chosen),
        percent(chosen.worst_day)
    );
    let next = best(&mut pooled.iter().filter(|row| row.worst_day <= cap && row.policy != chosen.policy));
    if let Some(next) = next {
        let more = (chosen.occupancy - next.occupancy) * 100.0;
        // Whole points are what a few days of chance can tell apart.
        let _ = if more < 0.5 {
            write!(said, " {} does as well within half a point, so the simpler one will do.", next.policy)
        } else {
            write!(said, " {} comes next, {more:.1} points behind.", next.policy)
        };
    }
    if let Some(breach) =
        pooled.iter().filter(|row| row.worst_day > cap).max_by(|a, b| a.occupancy.total_cmp(&b.occupancy))
        && breach.occupancy > chosen.occupancy
    {
        let _ = write!(
            said,
            " {} would have agents talk {}, but abandons {} on its worst day.",
            breach.policy,
            talks(breach),
            percent(breach.worst_day)
        );
    }
    said
}
