//! When somebody may be dialled, as far as his plan's caps, calling hours and holidays are concerned.
//!
//! A cap `3/1d` is used up while three attempts are younger than a day. An hour is open by a zone's clock as it is shown:
//! an hour that comes twice is there twice, one that is skipped is not there. Where a callee may be in several zones, each
//! of their clocks has to show an hour that is open.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::model::calling::{Calling, Cap, Caps, FAR_DAYS};
use crate::model::dialing::Attempt;
use crate::model::time::Timestamp;
use crate::model::zone::Whereabouts;

/// How long somebody is put off whose hour is not within [`FAR_DAYS`].
const LOOK_AGAIN: Duration = Duration::from_secs(86_400);
/// An attempt that is under way may be given back: whoever is put off by it is looked at again after so long.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// An attempt that counts towards a cap: one that has ended otherwise than `withdrawn`, that had a
/// channel, for it may have rung, or that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// When its contact was claimed.
    pub at: Timestamp,
    /// Whether it is under way.
    pub open: bool,
}

/// The attempts that count towards the caps of a contact and of the number that it is called at next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Those of the contact, at whichever number.
    pub contact: Vec<Tried>,
    /// Those of the number, whosever.
    pub number: Vec<Tried>,
}

/// A cap that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// The one.
    pub cap: Cap,
    /// When an attempt is old enough that there may be another.
    pub until: Timestamp,
    /// Whether that may come sooner, since one of the attempts is under way.
    pub may_change: bool,
}

/// Whether somebody may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// Now.
    Now,
    /// Not before then; then he is to be looked at again.
    Later(Timestamp),
}

impl History {
    /// The contact's cap and the number's, as far as they are used up; `taken` are further attempts of the number.
    pub fn full(&self, calling: &Calling, taken: &[Tried], now: Timestamp) -> [Option<Full>; 2] {
        let number = [&self.number, taken].concat();
        [(&calling.contact_cap, &self.contact), (&calling.number_cap, &number)]
            .map(|(caps, tried)| full(caps.as_ref(), tried, now))
    }
}

/// The one of the caps that is used up for longest, by the attempts so far.
pub fn full(caps: Option<&Caps>, tried: &[Tried], now: Timestamp) -> Option<Full> {
    let caps = caps.into_iter().flat_map(Caps::iter);
    let full = caps.filter_map(|cap| {
        let mut young: Vec<_> = tried.iter().filter(|tried| tried.at.plus(cap.period()) > now).collect();
        young.sort_unstable_by_key(|tried| std::cmp::Reverse(tried.at));
        let oldest = young.get(cap.attempts() - 1)?;
        let may_change = young.iter().any(|tried| tried.open);
        Some(Full { cap, until: oldest.at.plus(cap.period()), may_change })
    });
    full.max_by_key(|full| full.until)
}

/// Whether it is an hour for calls by the clock of each of these zones.
pub fn is_open(calling: &Calling, zones: &[Tz], at: Timestamp) -> bool {
    !calling.has_hours() || zones.iter().all(|zone| calling.is_open(local(*zone, at)))
}

/// Whether an attempt's callee may be called at that time, as far as its plan's calling hours and holidays say.
pub fn is_hour_of(attempt: &Attempt, at: Timestamp) -> bool {
    let calling = &attempt.capsule.plan.calling;
    if !calling.has_hours() {
        return true;
    }
    let campaign = attempt.capsule.campaign.schedule.zone();
    is_open(calling, Whereabouts::of(attempt.dl.time_zone, &attempt.addr, campaign).zones(), at)
}

/// The first time from `from` on at which it is an hour for calls by the clock of each of these zones; `None` where that
/// is not within [`FAR_DAYS`].
pub fn opens(calling: &Calling, zones: &[Tz], from: Timestamp) -> Option<Timestamp> {
    if !calling.has_hours() {
        return Some(from);
    }
    let far = from.plus(LOOK_AGAIN.saturating_mul(u32::try_from(FAR_DAYS).unwrap_or(u32::MAX)));
    let mut at = from;
    // Each zone in turn puts it off to its own next hour, until none does.
    loop {
        let before = at;
        for zone in zones {
            at = opens_in(calling, *zone, at, far)?;
        }
        if at == before {
            return Some(at);
        }
    }
}

/// What is ruled of somebody who is due at `due` by his plan's delays, whose caps are used up as `full` says.
pub fn ruling(
    due: Timestamp,
    full: [Option<Full>; 2],
    now: Timestamp,
    opens: impl FnOnce(Timestamp) -> Option<Timestamp>,
) -> Ruling {
    let full = || full.iter().flatten();
    let free = full().map(|full| full.until).fold(due.max(now), Timestamp::max);
    let at = opens(free).unwrap_or_else(|| free.plus(LOOK_AGAIN));
    let may_change = full().any(|full| full.may_change);
    match if may_change { at.min(due.max(now.plus(UNDER_WAY))) } else { at } {
        at if at <= now => Ruling::Now,
        at => Ruling::Later(at),
    }
}

/// The same in one zone; `None` where it is not before `far`.
fn opens_in(calling: &Calling, zone: Tz, from: Timestamp, far: Timestamp) -> Option<Timestamp> {
    let mut at = from.utc();
    while at < far.utc() {
        let shown = at.with_timezone(&zone).naive_local();
        let wait = calling.opens(shown)? - shown;
        if wait.is_zero() {
            return Some(at.into());
        }
        // Up to where the clock is changed it goes on like any other.
        let reached = at.checked_add_signed(wait.min(TimeDelta::days(1)))?;
        at = changes(zone, at.timestamp(), reached.timestamp()).unwrap_or(reached);
    }
    None
}

/// When a zone's clock is changed between these seconds, which lie so close that it is at most once.
fn changes(zone: Tz, mut before: i64, mut after: i64) -> Option<DateTime<chrono::Utc>> {
    let offset = |second| {
        let at = DateTime::from_timestamp(second, 0)?;
        Some(zone.offset_from_utc_datetime(&at.naive_utc()).fix())
    };
    let first = offset(before);
    if offset(after) == first {
        return None;
    }
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset(middle) == first {
            before = middle;
        } else {
            after = middle;
        }
    }
    DateTime::from_timestamp(after, 0)
}

/// What a zone's clock shows.
pub fn local(zone: Tz, at: Timestamp) -> NaiveDateTime {
    at.utc().with_timezone(&zone).naive_local()
}
