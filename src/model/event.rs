//! What happened, for whoever listens: AMI clients, and later the dashboard, webhooks and logs, are all fed from
//! this one thing.

use std::sync::Arc;

use super::campaign::Campaign;
use super::destination::Destination;
use super::dialing::Dialing;
use super::dl::Dl;
use super::dlma::Dlma;
use super::import::Import;
use super::pacing::Pacing;
use super::plan::Plan;
use super::preview::{Preview, PreviewEnd};

/// What became of the noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It is new.
    Create,
    /// It has changed.
    Update,
    /// It is gone.
    Delete,
}

/// A noun of the dialer with all its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noun {
    /// A plan.
    Plan(Plan),
    /// A dlma.
    Dlma(Dlma),
    /// A destination.
    Destination(Destination),
    /// A contact.
    Dl(Dl),
    /// A campaign.
    Campaign(Campaign),
    /// A dialing.
    Dialing(Dialing),
}

/// Something that happened and is committed; or, of pacing, how it stands.
#[derive(Debug, Clone, PartialEq)]
pub enum OutEvent {
    /// A noun is new, has changed, or is gone.
    Noun {
        /// What became of it.
        change: Change,
        /// The noun as it is after the change.
        noun: Arc<Noun>,
    },
    /// An import has brought contacts, for which there is no event each: how far it has come.
    Imported(Arc<Import>),
    /// How a campaign is paced: told each second while it is started.
    Paced(Box<Pacing>),
    /// An agent has a contact to look at, it has changed, or he has it no longer.
    Preview {
        /// What became of the preview.
        change: Change,
        /// The preview.
        preview: Arc<Preview>,
        /// How it ended, where it did.
        end: Option<PreviewEnd>,
    },
}

impl OutEvent {
    /// The event of that change.
    pub fn new(change: Change, noun: Noun) -> Self {
        Self::Noun { change, noun: Arc::new(noun) }
    }
}
