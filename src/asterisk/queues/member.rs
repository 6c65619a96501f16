//! One agent of a queue, by what Asterisk has said of it.
//!
//! ```text
//!   free ──AgentCalled──► ringing ──AgentConnect──► talking ──AgentComplete──► wrapping ──► free
//!    ▲                       │                                                    │
//!    └───nobody answered─────┘                          device idle, and Asterisk counts it as ready
//! ```
//!
//! Paused, busy with a call that is not the queue's, and away (its device is not there) it may be at any time.
//!
//! Of one call Asterisk tells twice, by its device and by the queue, and either may be first: the device may be in use
//! before AgentConnect or after it, and idle before AgentComplete or after it.

use std::time::Duration;

use crate::ami::message::Message;

/// A pause that begins so soon after a call, without a reason, is for what is to be done after it.
const AFTER_CALL: Duration = Duration::from_secs(2);
/// Nobody wraps up for longer: whoever is paused so long is away.
const LONGEST_WRAP: Duration = Duration::from_secs(600);
/// What reasons of a pause name when it is for what is to be done after a call.
const WRAP_WORDS: [&str; 4] = ["wrap", "acw", "after call", "after-call"];

/// `Status` of a member, as far as it matters: the device states of Asterisk (`include/asterisk/devicestate.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Device {
    /// Nothing is known of it; Asterisk calls it all the same.
    Unknown,
    /// Not in use.
    Idle,
    Ringing,
    /// In use, busy, on hold.
    InUse,
    /// Not registered, or no such device.
    Away,
}

impl Device {
    fn of(message: &Message) -> Self {
        match message.get("Status").unwrap_or_default().as_ref() {
            "0" => Self::Unknown,
            "1" => Self::Idle,
            "6" => Self::Ringing,
            "4" | "5" => Self::Away,
            _ => Self::InUse,
        }
    }

    /// Whether Asterisk would call it.
    fn takes_calls(self) -> bool {
        matches!(self, Self::Unknown | Self::Idle)
    }
}

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Away,
    Talking,
    Ringing,
    Wrapping,
    Paused,
    Busy,
    Free,
}

/// Why an agent is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pause {
    reason: String,
    /// Since when it is for what is to be done after a call, where it is.
    wraps_since: Option<Duration>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    device: Device,
    pause: Option<Pause>,
    /// It talks to a caller of the queue, whatever its device says.
    in_call: bool,
    /// The caller whom it is called for.
    called_for: Option<String>,
    /// When its last call ended, where that was seen.
    ended: Option<Duration>,
    /// Whether it may still have to do with that call: how long that took is not known yet.
    wraps_up: bool,
    /// Its last call has ended, and nothing was heard of its device since.
    hangs_up: bool,
    /// `LastCall` is set: it may be left alone because of a call that nobody here has seen.
    pub(super) has_taken_calls: bool,
}

impl Member {
    /// An agent of a list, or one that has just been added.
    pub(super) fn new(now: Duration, message: &Message) -> Self {
        let mut member = Self {
            device: Device::of(message),
            pause: None,
            in_call: is(message, "InCall", "1"),
            called_for: None,
            ended: None,
            wraps_up: false,
            hangs_up: false,
            has_taken_calls: message.get("LastCall").is_some_and(|last| last != "0"),
        };
        member.paused(now, message);
        member
    }

    /// What it is by an answer of Asterisk's; what no answer says is kept of what was known.
    pub(super) fn renewed(self, now: Duration, message: &Message) -> Self {
        let new = Self::new(now, message);
        let pause = match (self.pause, new.pause) {
            (Some(known), Some(told)) if known.reason == told.reason => Some(known),
            (_, told) => told,
        };
        let called_for = self.called_for.filter(|_| !new.in_call);
        Self { pause, called_for, ended: self.ended, wraps_up: self.wraps_up, ..new }
    }

    /// Takes an event with all that the queue knows of a member.
    pub(super) fn told(&mut self, now: Duration, message: &Message) {
        let is_status = message.is_event_named("QueueMemberStatus");
        self.device = Device::of(message);
        if is(message, "InCall", "1") {
            self.connected();
        } else if is_status && self.device.takes_calls() {
            self.called_for = None;
            self.end_call(now);
        }
        if is_status {
            self.hangs_up = false;
        }
        self.paused(now, message);
    }

    fn paused(&mut self, now: Duration, message: &Message) {
        if !is(message, "Paused", "1") {
            self.pause = None;
            return;
        }
        let reason = message.get("PausedReason").or_else(|| message.get("Reason")).unwrap_or_default();
        if self.pause.as_ref().is_some_and(|pause| pause.reason == reason) {
            return;
        }
        let lower = reason.to_ascii_lowercase();
        let after_call = self.ended.is_some_and(|ended| now.saturating_sub(ended) <= AFTER_CALL);
        let wraps = WRAP_WORDS.iter().any(|word| lower.contains(word))
            || (reason.is_empty() && after_call && self.pause.is_none() && !self.in_call);
        self.pause = Some(Pause { reason: reason.into_owned(), wraps_since: wraps.then_some(now) });
    }

    /// It is called for that caller.
    pub(super) fn called(&mut self, caller: &str) {
        self.called_for = Some(caller.to_owned());
    }

    /// It is no longer called.
    pub(super) fn not_called(&mut self) {
        self.called_for = None;
    }

    /// The caller whom it is called for.
    pub(super) fn called_for(&self) -> Option<&str> {
        self.called_for.as_deref()
    }

    /// It talks to a caller.
    pub(super) fn connected(&mut self) {
        self.in_call = true;
        self.called_for = None;
    }

    /// Its call is over.
    pub(super) fn completed(&mut self, now: Duration) {
        self.end_call(now);
    }

    fn end_call(&mut self, now: Duration) {
        if std::mem::take(&mut self.in_call) {
            self.ended = Some(now);
            self.wraps_up = true;
            self.has_taken_calls = true;
            self.hangs_up = !self.device.takes_calls();
        }
    }

    /// When the call ended after which it wraps up, or did until now.
    pub(super) fn wraps_up_since(&self) -> Option<Duration> {
        self.ended.filter(|_| self.wraps_up)
    }

    /// It no longer wraps up.
    pub(super) fn is_done(&mut self) {
        self.wraps_up = false;
    }

    /// What it does.
    pub(super) fn doing(&self, now: Duration) -> Doing {
        let wraps = |pause: &Pause| {
            pause.wraps_since.is_some_and(|since| self.in_call || now.saturating_sub(since) <= LONGEST_WRAP)
        };
        match (&self.pause, self.device) {
            (_, Device::Away) => Doing::Away,
            _ if self.in_call => Doing::Talking,
            (_, Device::Ringing) => Doing::Ringing,
            _ if self.called_for.is_some() => Doing::Ringing,
            (Some(pause), _) if wraps(pause) => Doing::Wrapping,
            (Some(_), _) => Doing::Paused,
            (None, Device::InUse) if self.hangs_up => Doing::Wrapping,
            (None, Device::InUse) => Doing::Busy,
            (None, Device::Idle | Device::Unknown) => Doing::Free,
        }
    }

    /// Whether Asterisk's QueueSummary counts it as available.
    pub(super) fn is_available(&self) -> bool {
        self.pause.is_none() && self.device.takes_calls()
    }

    /// Whether Asterisk's `QUEUE_MEMBER(…,ready)` counts it once it need not be left alone any more.
    pub(super) fn may_be_ready(&self) -> bool {
        self.pause.is_none() && self.device == Device::Idle
    }
}

fn is(message: &Message, header: &str, value: &str) -> bool {
    message.get(header).is_some_and(|given| given == value)
}
