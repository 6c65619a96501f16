//! What is said of a contact's caps, calling hours and holidays.

use chrono_tz::Tz;

use super::{Finding, Standing};
use crate::engine::calling::{self, Full, Ruling, Tried};
use crate::engine::selection;
use crate::model::calling::{Calling, Caps, FAR_DAYS};
use crate::model::number::NumberIndex;
use crate::model::plan::Plan;
use crate::model::time::Timestamp;
use crate::model::zone::Whereabouts;

/// What bounds when a contact may be dialled, beside its plan's delays.
pub(super) struct Bounds {
    /// A finding each: its cap, that of its next number, its calling hours.
    pub(super) findings: Vec<Finding>,
    /// Before when it is not dialled, by its delay and all of these together.
    pub(super) not_before: Option<Timestamp>,
}

impl Bounds {
    /// Of a contact whose next number is that, by a plan, in a campaign of that zone.
    pub(super) fn of(standing: &Standing, index: NumberIndex, plan: &Plan, zone: Tz, now: Timestamp) -> Self {
        let Standing { dl, last_end, put_off, history, .. } = standing;
        let calling = &plan.calling;
        let full = history.full(calling, &[], now);
        let caps = [("Cap", "ContactCap"), ("Number", "NumberCap")];
        let mut findings = vec![
            cap(caps[0], calling.contact_cap.as_ref(), &history.contact, full[0], now),
            cap(caps[1], calling.number_cap.as_ref(), &history.number, full[1], now),
        ];
        let Some(number) = dl.number(index) else { return Self { findings, not_before: None } };
        let whereabouts = Whereabouts::of(dl.time_zone, number, zone);
        findings.push(hours(calling, &whereabouts, now));
        let rested = selection::due_at(&dl.rung(), plan, *last_end);
        let opens = |from| calling::opens(calling, whereabouts.zones(), from);
        let ruled = match calling::ruling(rested, full, now, opens) {
            Ruling::Now => None,
            Ruling::Later(at) => Some(at),
        };
        Self { findings, not_before: ruled.max(put_off.filter(|at| *at > now)) }
    }

    /// Whether one of them holds it back.
    pub(super) fn hold(&self) -> bool {
        self.findings.iter().any(|finding| finding.holds)
    }
}

/// A cap: of the contact, or of its next number.
fn cap(
    (gate, field): (&'static str, &'static str),
    caps: Option<&Caps>,
    tried: &[Tried],
    full: Option<Full>,
    now: Timestamp,
) -> Finding {
    let Some(caps) = caps else {
        return Finding { gate, holds: false, saw: format!("its plan has no {field}"), next: None };
    };
    let counted = |period| tried.iter().filter(|tried| tried.at.plus(period) > now).count();
    let counts = caps.iter().map(|cap| {
        let (most, period) = (cap.attempts(), cap.to_string());
        let period = period.split_once('/').map_or("", |(_, period)| period);
        format!("{} of {most} attempts in the last {period}", counted(cap.period()))
    });
    let mut saw = format!("{field}: {}", counts.collect::<Vec<_>>().join(", "));
    if let Some(full) = full {
        saw.push_str(&format!("; the next at {}", full.until));
        if full.may_change {
            saw.push_str(" at the latest, for one of them is under way");
        }
    }
    Finding { gate, holds: full.is_some(), saw, next: full.map(|full| full.until) }
}

/// Calling hours and holidays.
fn hours(calling: &Calling, whereabouts: &Whereabouts, now: Timestamp) -> Finding {
    let gate = "Hours";
    if !calling.has_hours() {
        let saw = "its plan has neither CallingHours nor Holidays".to_owned();
        return Finding { gate, holds: false, saw, next: None };
    }
    let zones = whereabouts.zones();
    let shown = |zone: &Tz| calling::local(*zone, now);
    let Some(closed) = zones.iter().find(|zone| !calling.is_open(shown(zone))) else {
        let times: Vec<_> = zones.iter().map(|zone| shown(zone).format("%H:%M").to_string()).collect();
        let saw = format!("it is an hour for calls: {} in {whereabouts}", times.join(", "));
        return Finding { gate, holds: false, saw, next: None };
    };
    let local = shown(closed);
    let why = if calling.is_holiday(local.date()) {
        format!("{} is one of its plan's Holidays", local.format("%Y-%m-%d"))
    } else {
        let hours = calling.hours.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("CallingHours {hours}")
    };
    let next = calling::opens(calling, zones, now);
    let then = match next {
        Some(at) => format!("the next is at {at}, {}", calling::local(*closed, at).format("%a %H:%M there")),
        None => format!("there is none in the next {FAR_DAYS} days"),
    };
    let there = if zones.len() > 1 { format!("{closed} ({whereabouts})") } else { whereabouts.to_string() };
    let saw = format!("no hour for calls: {why}; it is {} in {there}; {then}", local.format("%a %H:%M"));
    Finding { gate, holds: true, saw, next }
}
