//! What actions, events and messages call the nouns. The words are the original's, uneven as they are: programs match on
//! them.

use crate::model::event::{Change, Noun};
use crate::model::refusal::NounKind;

/// The names of one kind of noun.
#[derive(Debug)]
pub(super) struct Names {
    /// In events: `Out<event>Create`.
    pub(super) event: &'static str,
    /// `… created successfully`, and in what follows `… List will follow`.
    pub(super) done: &'static str,
    /// Opens a list.
    pub(super) will_follow: &'static str,
    /// One item of a list.
    pub(super) entry: &'static str,
    /// Closes a list.
    pub(super) complete: &'static str,
    /// In `Error encountered while creating …` and `… updating …`.
    pub(super) wrong: &'static str,
}

pub(super) const fn of(kind: NounKind) -> &'static Names {
    match kind {
        NounKind::Plan => &Names {
            event: "Plan",
            done: "Plan",
            will_follow: "Plan List will follow",
            entry: "OutPlanEntry",
            complete: "OutPlanListComplete",
            wrong: "plan",
        },
        NounKind::Dlma => &Names {
            event: "Dlma",
            done: "Dlma",
            will_follow: "Dlma List will follow",
            entry: "OutDlmaEntry",
            complete: "OutDlmaListComplete",
            wrong: "dlma",
        },
        NounKind::Destination => &Names {
            event: "Destination",
            done: "Destination",
            will_follow: "Destination List will follow",
            entry: "OutDestinationEntry",
            complete: "OutDestinationListComplete",
            wrong: "destination",
        },
        NounKind::Campaign => &Names {
            event: "Campaign",
            done: "Campaign",
            will_follow: "Campaign List will follow",
            entry: "OutCampaignEntry",
            complete: "OutCampaignListComplete",
            wrong: "campaign",
        },
        NounKind::Dl => &Names {
            event: "DlList",
            done: "Dl list",
            will_follow: "Dl List will follow",
            entry: "OutDlListEntry",
            complete: "OutDlListComplete",
            wrong: "dl list",
        },
        NounKind::Dialing => &Names {
            event: "Dialing",
            done: "Dialing",
            will_follow: "Dialing List will follow",
            entry: "OutDialingEntry",
            complete: "OutDialingListComplete",
            wrong: "dialing",
        },
    }
}

/// Of which kind a noun is.
pub(super) const fn kind(noun: &Noun) -> NounKind {
    match noun {
        Noun::Plan(_) => NounKind::Plan,
        Noun::Dlma(_) => NounKind::Dlma,
        Noun::Destination(_) => NounKind::Destination,
        Noun::Dl(_) => NounKind::Dl,
        Noun::Campaign(_) => NounKind::Campaign,
        Noun::Dialing(_) => NounKind::Dialing,
    }
}

/// The event of that change of that kind: `OutPlanCreate`.
pub(super) fn event(kind: NounKind, change: Change) -> String {
    format!("Out{}{}", of(kind).event, self::change(change))
}

/// The end of an event's name.
pub(super) const fn change(change: Change) -> &'static str {
    match change {
        Change::Create => "Create",
        Change::Update => "Update",
        Change::Delete => "Delete",
    }
}
