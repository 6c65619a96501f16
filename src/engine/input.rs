//! What the engine is told: what it works by, what is in the records when it starts, and what happens after.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::QueueAgents;
use super::dialing::CallEvent;
use super::pools::KeptPool;
use super::preview;
use crate::model::campaign::Campaign;
use crate::model::destination::Destination;
use crate::model::dialing::{Attempt, Ending, NextTry, Progress};
use crate::model::dl::Dl;
use crate::model::dlma::Dlma;
use crate::model::event::{Change, Noun};
use crate::model::ids::{CampaignUuid, DialingUuid, DlmaUuid};
use crate::model::plan::Plan;
use crate::model::policy::Policy;
use crate::model::time::Timestamp;

/// What the engine works by, from the configuration.
#[derive(Debug, Clone)]
pub struct Options {
    /// Calls at once on the Asterisk, at most.
    pub max_channels: u32,
    /// Originates a second on the Asterisk, at most.
    pub calls_per_second: u32,
    /// Calls that Asterisk may be setting up at once, at most; how many it is given is found by [`super::intake`]. An
    /// Originate that is written cannot be recalled, so this is how many calls an Asterisk that has stopped answering
    /// may still place later.
    pub max_unanswered: u32,
    /// What may be sent.
    pub policy: Policy,
    /// What becomes of a contact when nobody saw the end of its attempt.
    pub on_unknown: NextTry,
    /// How long a contact is kept for an agent who looks at it, where he does not say.
    pub preview_timeout: Duration,
}

/// What is in the records when the daemon starts.
#[derive(Debug, Default)]
pub struct Records {
    /// Plans in use.
    pub plans: Vec<Plan>,
    /// Dlmas in use.
    pub dlmas: Vec<Dlma>,
    /// Destinations in use.
    pub destinations: Vec<Destination>,
    /// Campaigns in use.
    pub campaigns: Vec<Campaign>,
    /// Dialings without an end, as far as they had come.
    pub open: Vec<OpenDialing>,
    /// What predictive pacing has learnt, queue by queue.
    pub pools: Vec<KeptPool>,
}

/// A dialing that an earlier run of the daemon left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDialing {
    /// What it is.
    pub attempt: Arc<Attempt>,
    /// How far it is known to have come.
    pub progress: Progress,
    /// The start of the Asterisk that it was sent to.
    pub epoch: Option<String>,
    /// Whether the operator gave it up.
    pub withdrawn: bool,
}

/// What a claim, or a look at the list, says of what remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// When the next waiting contact with a try left is due; in the past where one is due now.
    pub next_due: Option<Timestamp>,
    /// Contacts of the list that are being dialled, by whatever campaign.
    pub dialing: u64,
    /// Contacts that wait with a try left, due or not.
    pub waiting: u64,
    /// Whether a claim has come to its end putting off contacts that may not be dialled yet, and there are more to look at.
    pub more: bool,
}

/// A channel that Asterisk has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveChannel {
    /// The dialing that it belongs to, by its Uniqueid or Linkedid.
    pub dialing: DialingUuid,
    /// Its name.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Whether it is the dialing's own channel, and not one that its call has made: the other half of a Local
    /// channel, an agent's leg.
    pub own: bool,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The daemon is stopping: nothing more is claimed.
    Drain,
    /// Nothing more is claimed as long as this is true: its end could not be recorded. Calls go on.
    Hold(bool),
    /// It goes by these options from now on. Calls that are up stay up, also where they are more than allowed.
    Options(Options),
    /// A noun was created, updated or deleted, and that is committed.
    Changed(Change, Arc<Noun>),
    /// Contacts have come into that list, many at once, and that is committed.
    ListChanged(DlmaUuid),
    /// A change of status that the engine asked for was not made: the records had another status.
    NotMoved(CampaignUuid),
    /// A claim is committed.
    Claimed {
        /// For which campaign.
        campaign: CampaignUuid,
        /// The attempts, each with its contact as it is after the claim.
        attempts: Vec<(Arc<Attempt>, Dl)>,
        /// What remains.
        outlook: Outlook,
    },
    /// A claim, or a change of status, could not be committed.
    StoreFailed(CampaignUuid),
    /// The end of a dialing is committed and its line written. No contact where it had ended before.
    Ended(DialingUuid, Option<Box<Dl>>),
    /// The end of a dialing could not be committed yet.
    EndFailed(Box<Ending>),
    /// Something happened to a call.
    Call(DialingUuid, CallEvent),
    /// The operator gives up a dialing; that is committed.
    Withdraw(DialingUuid),
    /// Pacing gives up a call that rings; that is committed.
    GivenUp(DialingUuid),
    /// The connection to Asterisk is up, and when that Asterisk was started.
    LinkUp {
        /// Its start, in Asterisk's words; another start has other words. Empty where it does not say.
        epoch: String,
    },
    /// The connection to Asterisk is down.
    LinkDown,
    /// The channels that Asterisk has; `None` where the list did not come whole.
    Live(Option<Vec<LiveChannel>>),
    /// What the agents of a queue do.
    Agents {
        /// The queue's name, in lower case.
        queue: String,
        /// What they do; `None` where there is no such queue.
        agents: Option<QueueAgents>,
        /// How long those have wrapped up after their calls who are done with it since this was last told.
        wrapped: Vec<Duration>,
    },
    /// Of contacts that agents look at.
    Preview(preview::Told),
    /// The nodes of destinations that Asterisk's dialplan has, by their names. All that it had are forgotten with the
    /// connection.
    Nodes(BTreeSet<String>),
}
