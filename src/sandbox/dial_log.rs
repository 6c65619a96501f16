//! The dial log: the ground truth of what was dialled, for whoever checks what a dialer says of it. JSON lines, each
//! written as it happens: `dialled` for every Originate that was carried out, then `answered`, then `ended`. A line
//! `restarted` says that the PBX lost its calls.

use serde::Serialize;

use crate::model::time::Timestamp;

/// One line. Keys that say nothing are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, in UTC.
    pub time: Timestamp,
    /// What.
    pub event: What,
    /// Counts the Originates that were carried out, over restarts too; the lines of one have the same number.
    pub n: u64,
    /// Its `ChannelId`: the Uniqueid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channelid: Option<String>,
    /// Its `ActionID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actionid: Option<String>,
    /// `dialled`: what was asked for, `Local/…@…` or `PJSIP/…@…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// `dialled`: the number alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// `dialled`: what the callee will do if it is let: answer, machine, busy, noanswer, silent, congestion,
    /// unallocated, rejected, hangup, dead, nonexistent; nochannel and clash rang nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fate: Option<&'static str>,
    /// `ended`: when it was answered, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
    /// `ended`: `Cause` of its Hangup; absent where no channel was made, and where the PBX was restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<u32>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// An Originate was carried out.
    Dialled,
    /// The callee answered.
    Answered,
    /// The call is over.
    Ended,
    /// The PBX was started anew; `ended` lines stand before it for the calls that were lost.
    Restarted,
}

impl Entry {
    /// An entry without particulars.
    pub(super) fn new(time: Timestamp, event: What, n: u64) -> Self {
        Self {
            time,
            event,
            n,
            channelid: None,
            actionid: None,
            channel: None,
            number: None,
            fate: None,
            answered: None,
            cause: None,
        }
    }

    /// The line with its end.
    pub fn to_line(&self) -> String {
        // Nothing in it can fail to be JSON.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}
