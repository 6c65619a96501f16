//! Every table of codes of the mission as one enum: a status is never a bare integer inside.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that is in none of a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{code} is not in the table of {table}")]
pub struct NotInTable {
    /// The table's name.
    pub table: &'static str,
    /// The number that was looked up.
    pub code: i64,
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every row of the table, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number that stands for it in records, events and requests.
            pub const fn code(self) -> i64 {
                match self { $(Self::$variant => $code,)* }
            }
        }

        impl TryFrom<i64> for $name {
            type Error = NotInTable;

            fn try_from(code: i64) -> Result<Self, NotInTable> {
                match code {
                    $($code => Ok(Self::$variant),)*
                    _ => Err(NotInTable { table: stringify!($name), code }),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotInTable;

            fn from_str(text: &str) -> Result<Self, NotInTable> {
                let unknown = NotInTable { table: stringify!($name), code: -1 };
                if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(unknown);
                }
                text.parse::<i64>().map_err(|_| unknown)?.try_into()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.code().fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.code())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i64::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
            }
        }
    };
}

codes! {
    /// Where a campaign stands (mission, table "Campaign status").
    CampaignStatus {
        /// Stop.
        Stop = 0,
        /// Start.
        Start = 1,
        /// Pause.
        Pause = 2,
        /// Stopping: waits for the calls in flight.
        Stopping = 10,
        /// Starting.
        Starting = 11,
        /// Pausing.
        Pausing = 12,
        /// Stopping forcedly: hangs up the calls in flight.
        StoppingForcedly = 30,
    }
}

codes! {
    /// What a plan dials by. Pacing by agents applies to queue destinations; others know only channels and calls
    /// a second.
    DialMode {
        /// No dialing.
        None = 0,
        /// Predictive.
        Predictive = 1,
        /// Progressive: a call a free agent.
        Progressive = 2,
        /// Power: a fixed number of lines a free agent.
        Power = 3,
        /// Preview: an agent sees the contact and says go or skip.
        Preview = 4,
    }
}

codes! {
    /// What happens to the campaign at the end of its dial list.
    DlEndHandle {
        /// Keep current status.
        KeepStatus = 0,
        /// Stop the campaign.
        StopCampaign = 1,
    }
}

codes! {
    /// What a destination names.
    DestinationKind {
        /// A place in the dialplan: exten, context, priority.
        Exten = 0,
        /// An application with its data.
        Application = 1,
    }
}

codes! {
    /// Whether a campaign follows a schedule.
    ScMode {
        /// No schedule.
        Off = 0,
        /// Starts and stops by its schedule.
        Schedule = 1,
    }
}

codes! {
    /// What is being done with a contact.
    DlStatus {
        /// Nothing.
        Idle = 0,
        /// It is being dialled.
        Dialing = 1,
        /// It waits for a person to decide. In the records it is idle, and marked as held.
        Held = 2,
    }
}

codes! {
    /// Where a dialing stands (mission, table "Dialing status").
    DialingStatus {
        /// None: claimed, not sent yet.
        None = 0,
        /// Originate request sent.
        OriginateSent = 1,
        /// Originate queued: Asterisk has accepted the request.
        OriginateQueued = 2,
        /// Dial begin.
        DialBegin = 3,
        /// Channel created.
        ChannelCreated = 4,
        /// Dial end.
        DialEnd = 5,
        /// Originate responsed.
        OriginateResponsed = 6,
        /// Hangup.
        Hangup = 7,
        /// Error occurred.
        Error = 10,
        /// Originate request failed: it could not be sent.
        OriginateRequestFailed = 11,
        /// Originate queued failed: Asterisk refused the request.
        OriginateQueuedFailed = 12,
        /// Originate response failed.
        OriginateResponseFailed = 13,
    }
}

codes! {
    /// The rows of the mission's table "Dial result" that a dialing ends with; they are Asterisk's control frames.
    DialResult {
        /// No dial result event received yet, or none that says more.
        None = 0,
        /// It rang until the time was out.
        Ringing = 3,
        /// Remote end has answered.
        Answered = 4,
        /// Remote end is busy.
        Busy = 5,
        /// Congestion (circuits busy).
        Congestion = 8,
    }
}

/// How an attempt ended, in one word; the contract's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// OriginateResponse Success, or the channel was up.
    Answered,
    /// DialStatus BUSY, Reason 5 or cause 17.
    Busy,
    /// DialStatus CONGESTION, Reason 8, cause 34 or 42.
    Congestion,
    /// Reason 3, cause 18 or 19.
    #[serde(rename = "noanswer")]
    NoAnswer,
    /// Cause 21.
    Rejected,
    /// Every other cause, no channel made, or Asterisk said Error at once.
    Failed,
    /// Nobody saw its end.
    Unknown,
    /// Asterisk was started anew during the call.
    PbxRestart,
    /// Committed, then its window closed before it was sent.
    WindowClosed,
    /// Given up while ringing by pacing or an operator; the only one that gives the try back.
    Withdrawn,
}

impl Outcome {
    /// The word in records and result lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::Congestion => "congestion",
            Self::NoAnswer => "noanswer",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::PbxRestart => "pbx-restart",
            Self::WindowClosed => "window-closed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether the attempt counts as one of its number's tries.
    pub const fn is_a_try(self) -> bool {
        match self {
            Self::Withdrawn => false,
            Self::Answered
            | Self::Busy
            | Self::Congestion
            | Self::NoAnswer
            | Self::Rejected
            | Self::Failed
            | Self::Unknown
            | Self::PbxRestart
            | Self::WindowClosed => true,
        }
    }
}

/// A hangup cause of Asterisk (ITU-T Q.850 numbers, `include/asterisk/causes.h`). Any number may come from a
/// trunk, so this is no closed table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HangupCause(pub u32);

impl HangupCause {
    /// User busy.
    pub const USER_BUSY: Self = Self(17);
    /// No user responding.
    pub const NO_USER_RESPONSE: Self = Self(18);
    /// User alerting, no answer.
    pub const NO_ANSWER: Self = Self(19);
    /// Call rejected.
    pub const CALL_REJECTED: Self = Self(21);
    /// Circuit/channel congestion.
    pub const CONGESTION: Self = Self(34);
    /// Switching equipment congestion.
    pub const SWITCH_CONGESTION: Self = Self(42);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_back_from_its_number() {
        for status in DialingStatus::ALL {
            assert_eq!(DialingStatus::try_from(status.code()), Ok(*status));
        }
        for status in CampaignStatus::ALL {
            assert_eq!(status.code().to_string().parse(), Ok(*status));
        }
    }

    #[test]
    fn a_number_out_of_the_table_is_refused() {
        assert!(CampaignStatus::try_from(99).is_err());
        for text in ["", "-1", "abc", "+1", " 1", "99999999999999999999"] {
            assert!(text.parse::<CampaignStatus>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_word_of_an_outcome_is_its_json() {
        for outcome in [Outcome::Answered, Outcome::NoAnswer, Outcome::PbxRestart, Outcome::WindowClosed] {
            assert_eq!(serde_json::to_string(&outcome).unwrap(), format!("\"{}\"", outcome.as_str()));
        }
    }
}
