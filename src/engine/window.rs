//! When a schedule's windows open and close on the wall clock, and what that does to a campaign.
//!
//! On each date that the schedule admits ([`Schedule::admits`]) there is one window: from when the clock of its zone
//! shows `ScTimeStart` until it shows `ScTimeEnd`. Windows that touch or overlap are one. Where the clock is changed, a
//! window is the longest stretch in which the clock shows times of it and no other; of two equal ones the later:
//!
//! | | opens | closes |
//! |---|---|---|
//! | at a time that is skipped | at the first instant after the gap | at the first instant after the gap |
//! | at a time that comes twice | the second time (the first, where the hour that comes twice begins with it and lies in the window) | the first time after it has opened |
//!
//! So a window that would lie in the gap is not there, and none is there twice. One that closes at midnight does so with
//! the first instant of the next date.
//!
//! A window starts its campaign once. The campaign remembers by its close (`sc_served`) that it has been started in
//! it, or was stopped in it: what then ends it, the end of its list, an operator, or the window's close, holds until
//! another window, also where the clock is set back into this one or the daemon is started anew. Only a clock that is
//! set back to before the window's opening takes that back, if the campaign was at work: the window is still to come.

use chrono::{
    DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::{GapInfo, Tz};

use crate::model::campaign::Campaign;
use crate::model::codes::CampaignStatus;
use crate::model::schedule::Schedule;
use crate::model::time::Timestamp;

/// How many windows that touch are put together.
const FAR: usize = 40_000;

/// Whether a schedule's window is open, and until when that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// It is open.
    Open {
        /// When it closes; `None` where it never does.
        until: Option<Timestamp>,
    },
    /// It is closed.
    Closed {
        /// When the next one opens; `None` where none does.
        opens: Option<Timestamp>,
    },
}

/// Why a campaign does not dial, as far as its schedule is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Hindrance {
    /// It is not in its window.
    #[error("its schedule's window is closed; {}", opens.map_or_else(
        || "none is to come".to_owned(), |at| format!("the next one opens at {at}")))]
    Closed {
        /// When the next one opens.
        opens: Option<Timestamp>,
    },
    /// It has been stopped in this window.
    #[error("it has ended, or was stopped, in this window; it starts with the next one, or by Status 1")]
    Served,
}

/// Why a request of an operator for a status is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}; allowed: to wait for it, to change its schedule, or ScMode 0 (no schedule)", Hindrance::Closed { opens: *.0 })]
pub struct WindowClosed(pub Option<Timestamp>);

/// The window at that time.
pub fn at(schedule: &Schedule, wall: Timestamp) -> Window {
    let today = local_date(schedule.zone(), wall);
    match closes(schedule, wall, today) {
        Some(until) => Window::Open { until: last_close(schedule, until) },
        None => Window::Closed { opens: next_open(schedule, wall, today) },
    }
}

/// Whether a campaign may dial at that time, as far as its schedule is concerned.
pub fn is_open(schedule: &Schedule, wall: Timestamp) -> bool {
    !schedule.is_on() || closes(schedule, wall, local_date(schedule.zone(), wall)).is_some()
}

/// The status that a campaign's schedule asks for now, or `None` where it asks for nothing.
pub fn on_schedule(campaign: &Campaign, window: Window) -> Option<CampaignStatus> {
    use CampaignStatus::{Pause, Pausing, Start, Starting, Stop, Stopping, StoppingForcedly};
    if !campaign.schedule.is_on() {
        return None;
    }
    match (campaign.status, window) {
        (Stop | Stopping, Window::Open { until }) if !has_served(campaign, until) => Some(Starting),
        (Start | Starting | Pause | Pausing, Window::Closed { .. }) => Some(Stopping),
        (Start | Starting | Pause | Pausing | Stop | Stopping, Window::Open { .. })
        | (Stop | Stopping, Window::Closed { .. })
        | (StoppingForcedly, Window::Open { .. } | Window::Closed { .. }) => None,
    }
}

/// Why a campaign does not dial now, as far as its schedule is concerned.
pub fn hindrance(campaign: &Campaign, wall: Timestamp) -> Option<Hindrance> {
    use CampaignStatus::{Pause, Pausing, Start, Starting, Stop, Stopping, StoppingForcedly};
    if !campaign.schedule.is_on() {
        return None;
    }
    match (at(&campaign.schedule, wall), campaign.status) {
        (Window::Closed { opens }, _) => Some(Hindrance::Closed { opens }),
        (Window::Open { until }, Stop | Stopping | StoppingForcedly) => {
            has_served(campaign, until).then_some(Hindrance::Served)
        }
        (Window::Open { .. }, Start | Starting | Pause | Pausing) => None,
    }
}

/// The record of a campaign that moves on by itself to `to`; `None` where that is a start that its schedule no longer
/// asks for.
pub fn moved(campaign: &Campaign, to: CampaignStatus, now: Timestamp) -> Option<Campaign> {
    use CampaignStatus::{Pause, Pausing, Start, Starting, Stop, Stopping, StoppingForcedly};
    let mut moved = Campaign { status: to, tm_update: Some(now), ..campaign.clone() };
    let scheduled = campaign.schedule.is_on();
    match (to, scheduled.then(|| at(&campaign.schedule, now))) {
        (Starting, Some(Window::Open { until })) if !has_served(campaign, until) => {
            moved.sc_served = Some(mark(until));
        }
        // Nobody but its schedule starts it by itself.
        (Starting, _) => return None,
        (Stopping, Some(Window::Closed { opens: Some(opens) })) if campaign.sc_served > Some(opens) => {
            moved.sc_served = None;
        }
        (Stopping | Start | Pause | Pausing | Stop | StoppingForcedly, _) => {}
    }
    Some(moved)
}

/// What an operator's change of `before` to `after`, its status included, does to the window that is open.
///
/// # Errors
/// Where a start is `requested` outside of a window.
pub fn changed(
    before: &Campaign,
    after: &mut Campaign,
    requested: Option<CampaignStatus>,
    now: Timestamp,
) -> Result<(), WindowClosed> {
    use CampaignStatus::{Pause, Pausing, Start, Starting, Stop, Stopping, StoppingForcedly};
    if !after.schedule.is_on() {
        return Ok(());
    }
    let stops = match requested {
        Some(Stop | Stopping | StoppingForcedly) => true,
        Some(Start | Starting | Pause | Pausing) | None => false,
    };
    match (at(&after.schedule, now), requested) {
        (Window::Closed { opens }, Some(Start | Starting)) => return Err(WindowClosed(opens)),
        (Window::Closed { .. }, _) => {}
        (Window::Open { until }, _) => {
            let held = match at(&before.schedule, now) {
                Window::Open { until } => before.schedule.is_on() && has_served(before, until),
                Window::Closed { .. } => false,
            };
            if held || stops || after.status != Stop {
                after.sc_served = Some(mark(until));
            }
        }
    }
    Ok(())
}

/// A window by its close, as a campaign remembers it.
fn mark(until: Option<Timestamp>) -> Timestamp {
    until.unwrap_or_else(|| NaiveDateTime::new(NEVER, NaiveTime::MIN).and_utc().into())
}

/// The close of a window that never closes. No schedule names a date of that year.
const NEVER: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(date) => date,
    None => NaiveDate::MAX,
};

fn has_served(campaign: &Campaign, until: Option<Timestamp>) -> bool {
    campaign.sc_served == Some(mark(until))
}

/// When the window closes that is open at that time.
fn closes(schedule: &Schedule, wall: Timestamp, today: NaiveDate) -> Option<Timestamp> {
    // A window may reach into the next day, and a change of the clock may move that by one more.
    days(today, -2..=1)
        .filter_map(|date| span(schedule, date))
        .filter(|(open, close)| *open <= wall && wall < *close)
        .map(|(_, close)| close)
        .max()
}

/// The close of the last of the windows that touch, where one of them closes at `until`.
fn last_close(schedule: &Schedule, mut until: Timestamp) -> Option<Timestamp> {
    let mut date = days(local_date(schedule.zone(), until), -1..=-1).next()?;
    for _ in 0..FAR {
        if begin(schedule.zone(), date) > until {
            return Some(until);
        }
        if schedule.opens_at() == schedule.closes_at() && schedule.admits_all_from(date) {
            return None;
        }
        if let Some((_, close)) = span(schedule, date).filter(|(open, _)| *open <= until) {
            until = until.max(close);
        }
        date = date.succ_opt()?;
    }
    Some(until)
}

fn next_open(schedule: &Schedule, wall: Timestamp, today: NaiveDate) -> Option<Timestamp> {
    let mut date = days(today, -1..=-1).next()?;
    for _ in 0..FAR {
        date = schedule.first_admitted(date)?;
        if let Some((open, _)) = span(schedule, date).filter(|(open, _)| *open > wall) {
            return Some(open);
        }
        date = date.succ_opt()?;
    }
    None
}

/// The window of one date, from its opening until its close; `None` where there is none.
fn span(schedule: &Schedule, date: NaiveDate) -> Option<(Timestamp, Timestamp)> {
    if !schedule.admits(date) {
        return None;
    }
    let (zone, start, end) = (schedule.zone(), schedule.opens_at(), schedule.closes_at());
    let last = if end <= start { date.succ_opt()? } else { date };
    let (from, to) = (date.and_time(start), last.and_time(end));
    let (first, second) = shown(zone, from);
    // Unless the clock shows a time of the window up to when it shows its first one again: then all is one stretch.
    let begins_anew = |at: &Timestamp| {
        let before = local(zone, (at.utc() - TimeDelta::seconds(1)).into());
        before < from || to <= before
    };
    let open = second.filter(begins_anew).unwrap_or(first);
    let close = if end == NaiveTime::MIN {
        begin(zone, last)
    } else {
        let (first, second) = shown(zone, to);
        second.filter(|_| first <= open).unwrap_or(first)
    };
    (open < close).then_some((open, close))
}

/// The first instant of a date.
pub(super) fn begin(zone: Tz, date: NaiveDate) -> Timestamp {
    shown(zone, date.and_time(NaiveTime::MIN)).0
}

/// When the clocks of the zone show that time, and when they show it again. A time that is skipped is shown at the
/// first instant after the gap.
fn shown(zone: Tz, local: NaiveDateTime) -> (Timestamp, Option<Timestamp>) {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => (utc(&at), None),
        MappedLocalTime::Ambiguous(first, second) => (utc(&first), Some(utc(&second))),
        MappedLocalTime::None => {
            let gap = GapInfo::new(&local, &zone).and_then(|gap| gap.end);
            // Every gap of the database ends; were one not to, the time would be taken for one of UTC.
            (gap.map_or_else(|| local.and_utc().into(), |end| utc(&end)), None)
        }
    }
}

fn utc(at: &DateTime<Tz>) -> Timestamp {
    at.with_timezone(&Utc).into()
}

fn local(zone: Tz, at: Timestamp) -> NaiveDateTime {
    at.utc().with_timezone(&zone).naive_local()
}

pub(super) fn local_date(zone: Tz, at: Timestamp) -> NaiveDate {
    local(zone, at).date()
}

/// The dates around `date`, as far as the calendar goes.
fn days(date: NaiveDate, around: std::ops::RangeInclusive<i64>) -> impl Iterator<Item = NaiveDate> {
    around.filter_map(move |offset| {
        let days = Days::new(offset.unsigned_abs());
        if offset < 0 { date.checked_sub_days(days) } else { date.checked_add_days(days) }
    })
}
