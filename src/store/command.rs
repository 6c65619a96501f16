//! What the writer is asked to do, and what it answers once that is committed.

use std::sync::Arc;

use uuid::Uuid;

use super::error::StoreError;
use crate::engine::preview::Dial;
use crate::engine::{KeptPool, Outlook};
use crate::model::campaign::Campaign;
use crate::model::codes::CampaignStatus;
use crate::model::dialing::{Attempt, Capsule, Ending, Progress};
use crate::model::dl::Dl;
use crate::model::event::{Change, Noun};
use crate::model::fields::Fields;
use crate::model::ids::{CampaignUuid, DialingUuid};
use crate::model::import::{Import, Step};
use crate::model::number::NumberIndex;
use crate::model::refusal::{NounKind, Refusal};

/// Something to write. Each is atomic: all of it is committed, or nothing.
#[derive(Debug, Clone)]
pub enum Command {
    /// Makes a noun. Answered by [`Done::Stored`] or [`Done::Refused`].
    Create {
        /// Of which kind; a dialing is refused.
        kind: NounKind,
        /// Its id, a fresh one, unless `fields` bring one in `Uuid`.
        uuid: Uuid,
        /// What the operator asked for.
        fields: Fields,
    },
    /// Changes the noun that `Uuid` in the fields names. Answered by [`Done::Stored`] or [`Done::Refused`].
    /// A campaign's `Status` is a request for a way (`engine::campaign::on_request`).
    Update {
        /// Of which kind; a dialing is refused.
        kind: NounKind,
        /// What the operator asked for.
        fields: Fields,
    },
    /// Takes the noun that `Uuid` in the fields names out of use; its row stays. Answered by [`Done::Stored`] or
    /// [`Done::Refused`].
    Delete {
        /// Of which kind; a dialing is refused.
        kind: NounKind,
        /// What the operator asked for.
        fields: Fields,
    },
    /// Moves a campaign on, if it still stands at `from`. Answered by [`Done::Moved`] or [`Done::NotMoved`].
    Transition {
        /// The campaign.
        campaign: CampaignUuid,
        /// The status that it must have.
        from: CampaignStatus,
        /// The status that it gets.
        to: CampaignStatus,
    },
    /// A step of an import. Of its rows as many are taken as can be written in a moment, for dialing waits meanwhile.
    /// Answered by [`Done::Imported`] or [`Done::Refused`].
    Import(Box<Step>),
    /// Claims due contacts for dialing. Answered by [`Done::Claimed`]; with no ids it claims none and tells the
    /// outlook alone.
    Claim(ClaimOrder),
    /// Does something about a contact that an agent looks at.
    Preview(PreviewOrder),
    /// Notes how far an open dialing has come; nothing for one that has ended. Answered by [`Done::Noted`].
    Progress(DialingUuid, Progress),
    /// Notes that an open dialing is being given up. Answered by [`Done::Noted`].
    Withdraw(DialingUuid),
    /// Keeps what pacing has learnt of a queue. Answered by [`Done::Noted`].
    KeepPool(Box<KeptPool>),
    /// Ends a dialing, once: its result line is queued in the same transaction. Answered by [`Done::Finished`]
    /// or [`Done::AlreadyFinished`].
    Finish(Box<Ending>),
    /// Notes that the result log holds every line up to this one, synced. Answered by [`Done::Noted`].
    Logged {
        /// The line's number.
        seq: i64,
    },
}

/// Which contacts to claim, and by what.
#[derive(Debug, Clone)]
pub struct ClaimOrder {
    /// For which campaign. It claims only while its row has status 1 and names the capsule's plan, dlma and
    /// destination.
    pub campaign: CampaignUuid,
    /// What the attempts are decided on.
    pub capsule: Arc<Capsule>,
    /// Which start of Asterisk the attempts will be sent to.
    pub epoch: String,
    /// Fresh ids, a pair (`ChannelId`, `OtherChannelId`) for each contact wanted.
    pub ids: Vec<(DialingUuid, Uuid)>,
}

/// What is done about a contact that an agent looks at.
#[derive(Debug, Clone)]
pub enum PreviewOrder {
    /// Keeps the contact that a claim of that campaign would take, so that no claim takes it. Answered by [`Done::Kept`].
    Keep {
        /// The preview's id.
        preview: DialingUuid,
        /// For which campaign.
        campaign: CampaignUuid,
        /// What it dials by.
        capsule: Arc<Capsule>,
    },
    /// Keeps it no longer. Answered by [`Done::Noted`].
    LetGo {
        /// The preview's id.
        preview: DialingUuid,
        /// When its last try is taken to have ended, in microseconds since 1970; `None`: as it was.
        behind: Option<i64>,
    },
    /// Claims it, and keeps it no longer. Answered by [`Done::Claimed`], with no dialing where it is not there to be
    /// dialled any more.
    Dial(Box<Dial>),
}

/// The answer to one command. Answers come in commit order, which is the order of submission.
#[derive(Debug, Clone)]
pub struct Committed {
    /// What the command was submitted with; `None` where a door has asked by itself, and is answered, too.
    pub ticket: Option<u64>,
    /// What became of it.
    pub done: Done,
}

/// What became of a command.
#[derive(Debug, Clone)]
pub enum Done {
    /// The noun was created, changed or deleted.
    Stored {
        /// Which of these.
        change: Change,
        /// The noun as it is now.
        noun: Noun,
    },
    /// It makes no sense; nothing was written.
    Refused(Refusal),
    /// How far the import has come; after a batch of a dry run, of that batch alone.
    Imported(Import),
    /// The campaign has moved on.
    Moved {
        /// As it is now.
        campaign: Campaign,
        /// The one that starts because this one's list has ended.
        next: Option<Campaign>,
    },
    /// The campaign stood elsewhere, or is gone; nothing was written.
    NotMoved,
    /// What was claimed.
    Claimed(Claimed),
    /// The contact that is kept for an agent.
    Kept {
        /// The contact, and which of its numbers is next; `None` where none is due.
        contact: Option<Box<(Dl, NumberIndex)>>,
        /// What is left in the list beside it.
        outlook: Outlook,
    },
    /// The dialing has ended.
    Finished {
        /// The contact as it is now.
        dl: Dl,
        /// The number of its result line.
        seq: i64,
        /// Its result line, without a line feed.
        line: String,
    },
    /// The dialing had ended before, or was never there; nothing was written.
    AlreadyFinished,
    /// It is noted.
    Noted,
    /// The transaction failed; nothing was written.
    Failed(StoreError),
}

/// The contacts that a claim got.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The attempts, each with the contact as it is after the claim. At most as many as were asked for.
    pub dialings: Vec<(Arc<Attempt>, Dl)>,
    /// What is left in the list.
    pub outlook: Outlook,
}
