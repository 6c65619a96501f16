//! What the engine decides: what is to be done, in this order.

use std::sync::Arc;

use uuid::Uuid;

use super::pools::KeptPool;
use super::{breaker, place, preview};
use crate::model::codes::CampaignStatus;
use crate::model::dialing::{Attempt, Capsule, Ending, Progress};
use crate::model::event::OutEvent;
use crate::model::ids::{CampaignUuid, DialingUuid, DlUuid};

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Claim as many due contacts for the campaign as there are ids, and say what remains; with none just say it.
    Claim {
        /// The campaign.
        campaign: CampaignUuid,
        /// What its attempts are frozen with.
        capsule: Arc<Capsule>,
        /// The ids of the attempts, each with its `OtherChannelId`.
        ids: Vec<(DialingUuid, Uuid)>,
        /// The start of the Asterisk that they will be sent to.
        epoch: String,
    },
    /// Change a campaign's status, if it still has the first one; a start, which only its schedule asks for, if the
    /// schedule still does (see [`super::window::moved`]).
    Transition {
        /// The campaign.
        campaign: CampaignUuid,
        /// The status that it has.
        from: CampaignStatus,
        /// The status that it takes.
        to: CampaignStatus,
    },
    /// Do something about a contact that an agent looks at.
    Preview(preview::Wish),
    /// Send the Originate of a claimed attempt.
    Originate(Arc<Attempt>),
    /// Hang up a channel.
    Hangup(DialingUuid),
    /// Note that a call that rings is given up, and say so.
    GiveUp(DialingUuid),
    /// Have a call go on at another place of the dialplan: its context, extension and priority.
    SendAway(DialingUuid, [String; 3]),
    /// Remember what pacing has learnt.
    KeepPool(Box<KeptPool>),
    /// Ask Asterisk whether the dialing's channel is there.
    Probe(DialingUuid),
    /// Ask Asterisk which channels there are.
    Scan,
    /// Follow the agents of that queue.
    WatchQueue(String),
    /// Remember how far a dialing has come.
    Progress(DialingUuid, Progress),
    /// Commit the end of a dialing with its line and its contact.
    Finish(Box<Ending>),
    /// Tell whoever listens.
    Publish(OutEvent),
    /// Tell the people who run it.
    Notice(Notice),
    /// A channel lives that has the id of a dialing, and no dialing of that id is open: where there was one once, it
    /// is an orphan, and treated as the configuration says.
    Orphan(DialingUuid),
}

/// Something that the people who run the daemon should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A trunk's breaker has opened or closed.
    Trunk {
        /// The technology, and the trunk where there is one.
        trunk: String,
        /// What it did.
        turn: breaker::Turn,
    },
    /// Asterisk's dialplan lacks the place that a destination names, or has it again.
    Place {
        /// Where it is.
        place: place::Place,
        /// What was found.
        turn: place::Turn,
    },
    /// The wall clock does not stand where it should after the time that has passed: somebody has set it.
    ClockJump {
        /// By how many milliseconds it is ahead of that.
        ahead_ms: i64,
    },
    /// A campaign's window is open, and it cannot be started.
    CannotStart {
        /// The campaign.
        campaign: CampaignUuid,
        /// What is missing.
        why: String,
    },
    /// Every contact of a campaign's list is finished: the campaign stops.
    ListEnded {
        /// The campaign.
        campaign: CampaignUuid,
        /// Its name.
        name: Option<String>,
        /// Calls that it has made since it was started, or since the daemon was.
        calls: u64,
        /// Those among them that were answered.
        answered: u64,
    },
    /// Nobody saw the end of a contact's attempt: it is dialled no more until a person says so.
    Held {
        /// The contact.
        dl: DlUuid,
    },
    /// A call by that technology made no channel, and Asterisk has had no driver for it since version 21.
    NoSip {
        /// The channel that was asked for.
        channel: String,
    },
}
