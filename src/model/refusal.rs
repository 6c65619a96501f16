//! Why a request was refused, so that nothing was written.

use std::fmt;

use super::fields::FieldError;

/// The kinds of nouns that operators create, change and delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NounKind {
    /// A plan.
    Plan,
    /// A dlma.
    Dlma,
    /// A destination.
    Destination,
    /// A campaign.
    Campaign,
    /// A contact.
    Dl,
    /// A dialing.
    Dialing,
}

impl NounKind {
    /// The word that messages use, as the original's do.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Dlma => "dlma",
            Self::Destination => "destination",
            Self::Campaign => "campaign",
            Self::Dl => "dl_list",
            Self::Dialing => "dialing",
        }
    }
}

impl fmt::Display for NounKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A field is missing or wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The uuid in that field names nothing of that kind.
    #[error("{field}: \"{uuid}\" names no {noun}; allowed: the uuid of a {noun} that is there")]
    NoSuch {
        /// What was looked for.
        noun: NounKind,
        /// The field that named it.
        field: &'static str,
        /// What the field held.
        uuid: String,
    },
    /// The uuid that a create brought is taken, also by something that was deleted.
    #[error("Uuid: \"{uuid}\" is taken; allowed: a uuid that is not in use, or none")]
    Taken {
        /// The uuid.
        uuid: String,
    },
    /// The user's own key is taken within the list.
    #[error("UKey: \"{ukey}\" is taken; allowed: a key that no other contact of the list has")]
    UkeyTaken {
        /// The key.
        ukey: String,
    },
    /// Something that a campaign which is not stopped uses, or such a campaign itself.
    #[error(
        "Uuid: in use by campaign {campaign} ({name}), whose status is {status}; allowed: once it is stopped"
    )]
    InUse {
        /// The campaign's uuid.
        campaign: String,
        /// Its name.
        name: String,
        /// Its status.
        status: i64,
    },
    /// A destination that another one fails over to.
    #[error(
        "Uuid: the failover of destination {destination} ({name}); allowed: once that has another Failover, or none"
    )]
    IsFailover {
        /// The uuid of the other one.
        destination: String,
        /// Its name.
        name: String,
    },
    /// A destination for those whom no agent takes.
    #[error("Uuid: the AbandonDest of plan {plan} ({name}); allowed: once that has another, or none")]
    IsAbandonDest {
        /// The plan's uuid.
        plan: String,
        /// Its name.
        name: String,
    },
    /// A campaign that is to start when another one ends.
    #[error(
        "Uuid: campaign {campaign} ({name}) has it as its NextCampaign; allowed: once that has another, or none"
    )]
    NextOf {
        /// The other campaign's uuid.
        campaign: String,
        /// Its name.
        name: String,
    },
    /// A campaign cannot take the status that was asked for.
    #[error("Status: {0}")]
    Status(String),
    /// An import cannot begin, or go on.
    #[error("{0}")]
    Import(String),
    /// Something keeps an agent from looking at a contact, or from having it dialled.
    #[error("{0}")]
    Preview(String),
    /// No contact is there to look at.
    #[error("no contact: {0}")]
    NoContact(String),
}
