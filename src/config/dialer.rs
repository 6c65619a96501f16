//! `[dialer]`: what is done about calls whose end nobody saw, and calls that nobody knows; and how long agents may look.

use super::section::Section;

/// The dialer's habits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialer {
    /// An attempt whose end nobody saw.
    pub on_unknown: OnUnknown,
    /// A call of ours that is up after a restart and that no dialing claims.
    pub orphan_policy: OrphanPolicy,
    /// How long a contact is kept for an agent who looks at it, in seconds.
    pub preview_timeout_s: u32,
}

/// What becomes of an attempt whose end nobody saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknown {
    /// It counts as a try, and the contact goes on as after any other.
    Count,
    /// It counts as a try; the contact's next one, if it has one left, is due at once.
    Retry,
    /// It counts as a try; the contact is not dialled until a person says so.
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
        preview_timeout_s: section.number("preview_timeout", 60, 1..=3_600),
    };
    section.finish();
    dialer
}
