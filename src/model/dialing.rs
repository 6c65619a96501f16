//! A dialing: one attempt to reach one contact, with everything that it was decided on frozen at its start.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::campaign::Campaign;
use super::codes::{DialResult, DialingStatus, HangupCause, Outcome};
use super::destination::Destination;
use super::dl::Dl;
use super::dlma::Dlma;
use super::history::History;
use super::ids::{CapsuleUuid, DialingUuid};
use super::node;
use super::number::{NumberIndex, PhoneNumber};
use super::plan::Plan;
use super::time::Timestamp;
use super::variables::Variables;

/// One state of campaign, plan, dlma and destination together. Attempts share it for as long as none of the four
/// changes; a later change makes a new capsule and leaves the attempts under way alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capsule {
    /// Its id, new with each change.
    pub uuid: CapsuleUuid,
    /// The campaign as it was.
    pub campaign: Campaign,
    /// The plan as it was.
    pub plan: Plan,
    /// The dlma as it was.
    pub dlma: Dlma,
    /// The destination as it was.
    pub destination: Destination,
    /// Its failover, that one's failover, and so on, as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failovers: Vec<Destination>,
}

impl Capsule {
    /// Where the call goes, and in turn where it goes where that cannot take it.
    pub fn ways(&self) -> Vec<&Destination> {
        std::iter::once(&self.destination).chain(&self.failovers).collect()
    }

    /// The node in the dialplan through which its calls go; `None` where they go to the destination itself, for there
    /// is nowhere else to go.
    pub fn node(&self) -> Option<String> {
        node::of(&self.ways())
    }
}

/// What an attempt is: fixed when the contact is claimed, never changed after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id; the `ChannelId` of its Originate.
    pub uuid: DialingUuid,
    /// The `OtherChannelId` of its Originate: the second half of a Local channel.
    pub other: Uuid,
    /// What it was decided on.
    pub capsule: Arc<Capsule>,
    /// The contact as it was before the claim.
    pub dl: Dl,
    /// Which of the contact's numbers.
    pub index: NumberIndex,
    /// The number.
    pub addr: PhoneNumber,
    /// Which try of that number, from 1.
    pub try_count: u32,
    /// The channel to dial: `PJSIP/300@trunk`.
    pub channel: String,
    /// The variables of plan, dlma, destination and dl as one set.
    pub variables: Variables,
    /// When the contact was claimed.
    pub tm_create: Timestamp,
}

impl Attempt {
    /// The attempt to reach `dl` at its number `index`. `None` where it has no such number, or the plan no
    /// technology to dial it by.
    pub fn new(
        (uuid, other): (DialingUuid, Uuid),
        capsule: Arc<Capsule>,
        dl: Dl,
        index: NumberIndex,
        now: Timestamp,
    ) -> Option<Self> {
        let addr = dl.number(index)?.clone();
        let channel = capsule.plan.dial_channel(&addr)?;
        let variables = Variables::merged([
            &capsule.plan.variables,
            &capsule.dlma.variables,
            &capsule.destination.variables,
            &dl.variables,
        ]);
        let try_count = dl.tries.0[index.place()] + 1;
        Some(Self { uuid, other, capsule, dl, index, addr, try_count, channel, variables, tm_create: now })
    }
}

/// What Asterisk's application AMD has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amd {
    /// `AMDSTATUS`.
    pub status: String,
    /// `AMDCAUSE`: why it says so.
    pub cause: String,
}

impl Amd {
    /// Whether it lets the call pass: who answered is, or may be, a person who is still there.
    pub fn is_person(&self) -> bool {
        !matches!(self.status.as_str(), "MACHINE" | "HANGUP")
    }
}

/// How a callee has waited for an agent of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// For how long, in milliseconds.
    pub ms: u64,
    /// Whether that was too long by the plan's `AbandonAfter`, or no agent came at all.
    pub abandoned: bool,
}

/// How far a dialing has come: what its events have said so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The status of the table.
    pub status: DialingStatus,
    /// The name of its channel.
    pub channel_name: Option<String>,
    /// How the dial ended; answered counts once it was so.
    pub res_dial: DialResult,
    /// The same in words: what Asterisk said where it refused.
    pub res_dial_detail: Option<String>,
    /// The hangup cause of its channel, once it was hung up.
    pub res_hangup: Option<HangupCause>,
    /// The same in Asterisk's words.
    pub res_hangup_detail: Option<String>,
    /// What answered, in the words of Asterisk's AMD: HUMAN, MACHINE, NOTSURE, HANGUP; `None` where nobody looked. Known
    /// with the hangup only, and so kept in the line and nowhere else.
    #[serde(skip)]
    pub amd: Option<Box<Amd>>,
    /// How the callee has waited for an agent; `None` where he has not, or nobody saw it. Kept in the line and nowhere else.
    #[serde(skip)]
    pub wait: Option<Wait>,
    /// When the channel began to dial.
    pub tm_dial_begin: Option<Timestamp>,
    /// When the dial ended: answered, or given up.
    pub tm_dial_end: Option<Timestamp>,
    /// When the channel was hung up.
    pub tm_hangup: Option<Timestamp>,
    /// When anything of this last changed.
    pub tm_update: Option<Timestamp>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            status: DialingStatus::None,
            channel_name: None,
            res_dial: DialResult::None,
            res_dial_detail: None,
            res_hangup: None,
            res_hangup_detail: None,
            amd: None,
            wait: None,
            tm_dial_begin: None,
            tm_dial_end: None,
            tm_hangup: None,
            tm_update: None,
        }
    }
}

/// A dialing as it is shown: what it is, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialing {
    /// What it is.
    pub attempt: Arc<Attempt>,
    /// How far it has come.
    pub progress: Progress,
}

/// When the contact of an attempt may be dialled again, if it has a try left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NextTry {
    /// RetryDelay after the end of this one.
    #[default]
    AfterDelay,
    /// At once.
    AtOnce,
    /// Once a person says so.
    Held,
}

/// The end of a dialing, as it is committed: once, and with its result line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The dialing with all that was seen of it.
    pub dialing: Dialing,
    /// How it ended, in one word.
    pub outcome: Outcome,
    /// Whether the trunk was to blame for it, or we: its number may have a try more for that.
    pub fault: bool,
    /// What becomes of its contact.
    pub next_try: NextTry,
    /// When that was decided. The contact's `RetryDelay` runs from here.
    pub tm_end: Timestamp,
    /// What was seen of its call.
    pub history: History,
}
