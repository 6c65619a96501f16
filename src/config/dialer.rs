//! `[dialer]`: what is done about calls whose end nobody saw, and calls that nobody knows.

use super::section::Section;

/// The dialer's habits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialer {
    /// An attempt whose end nobody saw.
    pub on_unknown: OnUnknown,
    /// A call of ours that is up after a restart and that no dialing claims.
    pub orphan_policy: OrphanPolicy,
}

/// What becomes of an attempt whose end nobody saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknown {
    /// It counts as a try, and the contact goes on as after any other.
    Count,
    /// The contact is dialled again.
    Retry,
    /// The contact waits for a person to decide.
    Hold,
}

/// What becomes of a call that no dialing claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanPolicy {
    /// It is left alone.
    Keep,
    /// It is hung up.
    Hangup,
}

pub(super) fn read(mut section: Section<'_, '_>) -> Dialer {
    let on_unknown = [("count", OnUnknown::Count), ("retry", OnUnknown::Retry), ("hold", OnUnknown::Hold)];
    let orphan_policy = [("keep", OrphanPolicy::Keep), ("hangup", OrphanPolicy::Hangup)];
    let dialer = Dialer {
        on_unknown: section.choice("on_unknown", OnUnknown::Count, &on_unknown),
        orphan_policy: section.choice("orphan_policy", OrphanPolicy::Keep, &orphan_policy),
    };
    section.finish();
    dialer
}
