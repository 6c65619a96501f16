//! The campaign's status machine.
//!
//! ```text
//!                 start                  no originate unacknowledged
//!        0 Stop ─────────► 11 Starting ──────────────────────────────► 1 Start
//!          ▲                    ▲   │                                   │  │
//!          │                    │   │ pause                             │  │ end of the list (DlEndHandle 1)
//!          │              start │   ▼                             pause │  │ or stop
//!          │                    ├─ 12 Pausing ◄─────────────────────────┘  │
//!          │                    │   │ no originate unacknowledged          │
//!          │                    └─ 2 Pause                                 ▼
//!          │  the last call has ended                                 10 Stopping  (stop, from everywhere)
//!          ├──────────────────────────────────────────────────────────┘    │ stop forcedly
//!          │  the last call has ended (all are hung up)                    ▼
//!          └──────────────────────────────────────────────── 30 Stopping forcedly
//! ```
//!
//! A request sets the first status of its way (11, 12, 10, 30); the engine goes on to the last one by itself. A
//! schedule's opening is a start from 0 or 10, its closing a stop from 1, 2, 11 or 12 ([`super::window`]).

use crate::model::codes::CampaignStatus;

/// Why a request for a status is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefused {
    /// Only what dials can pause.
    #[error("a campaign of status {0} cannot pause; allowed now: 1 (start)")]
    CannotPause(CampaignStatus),
    /// Calls are being hung up; that is not taken back.
    #[error("the campaign is stopping forcedly; allowed: to start it once its status is 0")]
    StoppingForcedly,
}

/// The status that a campaign of status `current` takes when an operator asks for `requested`. It may be the one
/// that it has.
///
/// # Errors
/// Where the request makes no sense now; the message says what would.
pub fn on_request(
    current: CampaignStatus,
    requested: CampaignStatus,
) -> Result<CampaignStatus, RequestRefused> {
    use CampaignStatus::{Pause, Pausing, Start, Starting, Stop, Stopping, StoppingForcedly};
    match (current, requested) {
        (Start | Starting, Start | Starting)
        | (Pause | Pausing, Pause | Pausing)
        | (Stop, Stop | Stopping | StoppingForcedly)
        | (Stopping, Stop | Stopping)
        | (StoppingForcedly, Stop | Stopping | StoppingForcedly) => Ok(current),
        (Stop | Stopping | Pause | Pausing, Start | Starting) => Ok(Starting),
        (Start | Starting, Pause | Pausing) => Ok(Pausing),
        (Start | Starting | Pause | Pausing, Stop | Stopping) => Ok(Stopping),
        (Start | Starting | Pause | Pausing | Stopping, StoppingForcedly) => Ok(StoppingForcedly),
        (Stop | Stopping, Pause | Pausing) => Err(RequestRefused::CannotPause(current)),
        (StoppingForcedly, Start | Starting | Pause | Pausing) => Err(RequestRefused::StoppingForcedly),
    }
}

/// The status that a campaign goes on to by itself, or `None` where it stays.
///
/// `open` counts its dialings that have not ended, `unacknowledged` those among them whose Originate has no answer
/// of Asterisk's yet.
pub fn on_progress(current: CampaignStatus, open: usize, unacknowledged: usize) -> Option<CampaignStatus> {
    use CampaignStatus::{Pause, Pausing, Start, Starting, Stop, Stopping, StoppingForcedly};
    match current {
        Starting if unacknowledged == 0 => Some(Start),
        Pausing if unacknowledged == 0 => Some(Pause),
        Stopping | StoppingForcedly if open == 0 => Some(Stop),
        Starting | Pausing | Stopping | StoppingForcedly | Stop | Start | Pause => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CampaignStatus::{Pause, Pausing, Start, Starting, Stop, Stopping, StoppingForcedly};

    #[test]
    fn start_goes_by_11_and_stop_by_10() {
        assert_eq!(on_request(Stop, Start), Ok(Starting));
        assert_eq!(on_progress(Starting, 0, 0), Some(Start));
        assert_eq!(on_request(Start, Stop), Ok(Stopping));
        assert_eq!(on_progress(Stopping, 1, 0), None);
        assert_eq!(on_progress(Stopping, 0, 0), Some(Stop));
    }

    #[test]
    fn pausing_waits_for_unacknowledged_originates_only() {
        assert_eq!(on_request(Start, Pause), Ok(Pausing));
        assert_eq!(on_progress(Pausing, 5, 1), None);
        assert_eq!(on_progress(Pausing, 5, 0), Some(Pause));
    }

    #[test]
    fn every_pair_of_status_and_request_has_an_answer_that_is_the_first_of_a_way_or_none() {
        for current in CampaignStatus::ALL {
            for requested in CampaignStatus::ALL {
                match on_request(*current, *requested) {
                    Ok(next) => assert!(
                        next == *current || matches!(next, Starting | Pausing | Stopping | StoppingForcedly),
                        "{current:?} {requested:?}"
                    ),
                    Err(refusal) => assert!(refusal.to_string().contains("allowed"), "{refusal}"),
                }
            }
        }
        assert!(on_request(Stop, Pause).is_err());
        assert!(on_request(StoppingForcedly, Start).is_err());
    }
}
