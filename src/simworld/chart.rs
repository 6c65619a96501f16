//! A plain-text chart of the hours of a day, a column a setting.

use std::fmt::{self, Write};

use super::outcome::{Hour, Outcome};
use super::staff::Seconds;

const BAR: usize = 20;
/// A bar and its figure.
const COLUMN: usize = BAR + 9;

/// What an hour came to over all seeds.
fn sum(outcomes: &[Outcome], hour: usize) -> Hour {
    outcomes.iter().filter_map(|outcome| outcome.hours.get(hour)).fold(Hour::default(), |sum, hour| Hour {
        seconds: Seconds {
            talk: sum.seconds.talk + hour.seconds.talk,
            wrap: sum.seconds.wrap + hour.seconds.wrap,
            idle: sum.seconds.idle + hour.seconds.idle,
        },
        dials: sum.dials + hour.dials,
        connects: sum.connects + hour.connects,
        abandoned: sum.abandoned + hour.abandoned,
    })
}

struct Measure {
    title: &'static str,
    unit: &'static str,
    /// What a full bar is at least.
    full: f64,
    of: fn(&Hour, f64) -> f64,
}

const MEASURES: [Measure; 3] = [
    Measure {
        title: "agents' time in talk",
        unit: "%",
        full: 100.0,
        of: |hour, _| hour.seconds.occupancy() * 100.0,
    },
    Measure { title: "abandoned", unit: "%", full: 5.0, of: |hour, _| hour.abandon_rate() * 100.0 },
    Measure { title: "numbers dialled", unit: "", full: 1.0, of: |hour, days| hour.dials as f64 / days },
];

/// The hours of each setting, side by side.
pub(super) fn hours(out: &mut String, settings: &[&[Outcome]]) -> fmt::Result {
    let count =
        settings.iter().flat_map(|days| days.iter().map(|day| day.hours.len())).max().unwrap_or_default();
    for measure in &MEASURES {
        let value = |days: &[Outcome], hour| (measure.of)(&sum(days, hour), days.len().max(1) as f64);
        let most = settings
            .iter()
            .flat_map(|days| (0..count).map(|hour| value(days, hour)))
            .fold(measure.full, f64::max);
        writeln!(out, "\n{}", measure.title)?;
        write!(out, "{:>4}", "hour")?;
        for days in settings {
            let name = days.first().map_or("", |day| day.policy.as_str());
            write!(out, "  {name:<COLUMN$.COLUMN$}")?;
        }
        let line = out.trim_end().len();
        out.truncate(line);
        out.push('\n');
        for hour in 0..count {
            write!(out, "{hour:>4}")?;
            for days in settings {
                let value = value(days, hour);
                let length = (value / most * BAR as f64).round() as usize;
                let shown = if measure.unit.is_empty() {
                    format!("{value:.0}")
                } else {
                    format!("{value:.1} {}", measure.unit)
                };
                write!(out, "  {:<BAR$} {shown:>8}", "#".repeat(length.min(BAR)))?;
            }
            out.push('\n');
        }
    }
    Ok(())
}
