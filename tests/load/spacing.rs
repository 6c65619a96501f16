//! How evenly calls are placed. A tenth of a second's calls may come together (`engine::limits`), so each is held
//! against the one that many before it: they should be a tenth of a second apart.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;

const TENTH_MS: f64 = 100.0;

/// How far calls were off.
pub(crate) struct Spacing {
    calls: usize,
    median_ms: f64,
    p99_ms: f64,
    /// The one that was off the most.
    pub(crate) max_ms: f64,
    per_second: f64,
}

impl Spacing {
    /// Of calls at these times, in milliseconds.
    pub(crate) fn of(times: &[f64], calls_per_second: u32) -> Self {
        let tenth = (f64::from(calls_per_second) / 10.0).ceil() as usize;
        let tenth_ms = if calls_per_second < 10 { 1000.0 / f64::from(calls_per_second) } else { TENTH_MS };
        let mut off: Vec<f64> =
            times.windows(tenth + 1).map(|span| (span[tenth] - span[0] - tenth_ms).abs()).collect();
        off.sort_by(f64::total_cmp);
        let at = |share: usize| off[(off.len() * share / 100).min(off.len() - 1)];
        let lasted = (times[times.len() - 1] - times[0]) / 1000.0;
        Self {
            calls: times.len(),
            median_ms: at(50),
            p99_ms: at(99),
            max_ms: at(100),
            per_second: (times.len() - 1) as f64 / lasted,
        }
    }
}

impl fmt::Display for Spacing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, median_ms, p99_ms, max_ms, per_second } = self;
        write!(
            out,
            "{median_ms:.1} ms in the median, {p99_ms:.1} ms in 99 of 100, {max_ms:.1} ms at most, of {calls} calls at \
             {per_second:.2} a second"
        )
    }
}

/// When the lines of a dial log were written, in milliseconds.
pub(crate) fn times(lines: &[Value]) -> Vec<f64> {
    let time = |line: &Value| {
        let time: DateTime<Utc> = line["time"].as_str().unwrap().parse().unwrap();
        time.timestamp_micros() as f64 / 1000.0
    };
    lines.iter().map(time).collect()
}
