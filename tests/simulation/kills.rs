//! The named points at which the daemon is killed.

use fastrand::Rng;

/// A moment at which a kill hurts most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    ClaimSubmitted,
    ClaimCommitted,
    ClaimTold,
    OriginateWritten,
    OriginateAcknowledged,
    GroupHalfCommitted,
    FinishSubmitted,
    FinishCommitted,
    LineTorn,
    LineWritten,
    LoggedSubmitted,
    LogRotated,
    LogMended,
    LinkUp,
}

impl Point {
    pub(crate) const ALL: [(Self, &'static str); 14] = [
        (Self::ClaimSubmitted, "a claim submitted, not committed"),
        (Self::ClaimCommitted, "a claim committed, not told"),
        (Self::ClaimTold, "a claim told, its Originates not written"),
        (Self::OriginateWritten, "an Originate written, not answered"),
        (Self::OriginateAcknowledged, "an Originate answered"),
        (Self::GroupHalfCommitted, "half of what was submitted committed"),
        (Self::FinishSubmitted, "an end submitted, not committed"),
        (Self::FinishCommitted, "an end committed, its line not written"),
        (Self::LineTorn, "half a line written"),
        (Self::LineWritten, "a line written, not told"),
        (Self::LoggedSubmitted, "a line told, not noted"),
        (Self::LogRotated, "the log rotated"),
        (Self::LogMended, "the log mended at the start, what is missing not written"),
        (Self::LinkUp, "the link up again, nothing settled"),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(point, _)| *point == self).map_or("", |(_, name)| name)
    }
}

/// The kills that are still to come at points.
#[derive(Debug, Default)]
pub(crate) struct Kills {
    /// Each with how often the point is passed before.
    to_come: Vec<(Point, u32)>,
    armed: Option<(Point, u32)>,
}

impl Kills {
    /// Plans one more.
    pub(crate) fn plan(&mut self, rng: &mut Rng) {
        let (point, _) = Point::ALL[rng.usize(..Point::ALL.len())];
        let passes = match point {
            Point::LogRotated | Point::LogMended | Point::LinkUp => rng.u32(..2),
            _ => rng.u32(..6),
        };
        self.to_come.push((point, passes));
    }

    /// The next one is looked out for.
    pub(crate) fn arm(&mut self) {
        if self.armed.is_none() {
            self.armed = self.to_come.pop();
        }
    }

    /// No more kills.
    pub(crate) fn stop(&mut self) {
        *self = Self::default();
    }

    /// That point is reached; says whether the daemon dies at it.
    pub(crate) fn reach(&mut self, point: Point) -> bool {
        match &mut self.armed {
            Some((armed, passes)) if *armed == point => match passes.checked_sub(1) {
                Some(left) => {
                    *passes = left;
                    false
                }
                None => {
                    self.armed = None;
                    true
                }
            },
            Some(_) | None => false,
        }
    }
}
