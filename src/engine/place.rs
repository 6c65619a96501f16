//! Places of the dialplan that Asterisk has refused calls for. A list must not be burnt because a destination of type 0
//! names a place that is not there.
//!
//! ```text
//!            "Extension does not exist."                    half a minute is over
//!   There ──────────────────────────────► Missing: no call ──────────────────────► Trial: one call a campaign
//!     ▲                                      ▲                                        │       │
//!     │                                      └──────────────── refused ───────────────┘       │
//!     └──────────────────────────────────── taken ────────────────────────────────────────────┘
//! ```
//!
//! What is not known is taken to be there: a call finds out. Whoever comes back after the link was down may have
//! another dialplan, so with the link all that is known is forgotten.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::model::destination::Destination;
use crate::model::node;

/// How long no call is sent to a place that is missing, before one tries it.
pub const WAIT: Duration = Duration::from_secs(30);

/// What Asterisk answers to an Originate whose place is missing; the second one where a label is (`action_originate` in
/// main/manager.c).
const REFUSALS: [&str; 2] = ["Extension does not exist.", "Invalid priority"];

/// Whether Asterisk has refused an Originate with these words because its place is missing.
pub(super) fn is_missing(refusal: &str) -> bool {
    REFUSALS.contains(&refusal)
}

/// A place of the dialplan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The context.
    pub context: String,
    /// The extension in it.
    pub exten: String,
    /// A priority of it, a number or a label.
    pub priority: String,
}

impl Place {
    /// Where answered calls go that are sent these ways, where that is a place that the dialplan has to have. One that
    /// has a failover goes through a node, which finds out by itself.
    pub(super) fn of(ways: &[&Destination]) -> Option<Self> {
        if node::of(ways).is_some() {
            return None;
        }
        let [context, exten, priority] = ways.first()?.place()?.map(str::to_owned);
        Some(Self { context, exten, priority })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.context, self.exten, self.priority)
    }
}

/// What an answer of Asterisk's has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is missing, which was not known.
    Missing,
    /// It was missing, and is there again.
    There,
}

/// The places that are missing, each with the time until which none tries it.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<Place, Duration>);

impl Places {
    /// Asterisk has answered an Originate that goes there.
    pub(super) fn answered(&mut self, now: Duration, place: Place, there: bool) -> Option<Turn> {
        if there {
            self.0.remove(&place).map(|_| Turn::There)
        } else {
            self.0.insert(place, now + WAIT).is_none().then_some(Turn::Missing)
        }
    }

    /// Until when none tries it, in the past where one may; `None` where it is not known to be missing.
    pub(super) fn missing_until(&self, place: &Place) -> Option<Duration> {
        self.0.get(place).copied()
    }

    /// The dialplan may be another one.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { context: "in".into(), exten: "1".into(), priority: "1".into() }
    }

    #[test]
    fn it_is_told_once_that_a_place_is_missing_and_once_that_it_is_back() {
        let mut places = Places::default();
        let at = Duration::from_secs;
        assert_eq!(places.answered(at(0), place(), true), None);
        assert_eq!(places.answered(at(1), place(), false), Some(Turn::Missing));
        assert_eq!(places.answered(at(40), place(), false), None);
        assert_eq!(places.missing_until(&place()), Some(at(70)));
        assert_eq!(places.answered(at(70), place(), true), Some(Turn::There));
        assert_eq!(places.missing_until(&place()), None);
    }
}
