//! The life of one originated call, event by event as Asterisk 22 tells it.
//!
//! ```text
//!   execute ──► no channel: OriginateResponse alone (clash, unknown technology or endpoint, unregistered)
//!      │   └──► no extension: Newchannel, Hangup
//!      ▼
//!   Dialling: Newchannel, DialBegin ──► Ringing (Newstate, DialState)
//!      │ Answer: Newstate Up, DialEnd ANSWER ──► Up: its destination (super::destination) ──► Hangup
//!      │ Refuse, Busy, Congestion: DialEnd ──► Hangup
//!      └ Timeout: no DialEnd ──► Hangup 19
//! ```
//!
//! A Local call has two channels, of which `;1` is the originated one and `;2` runs the callee's dialplan; a PJSIP call
//! has one. OriginateResponse stands anywhere among the other events of its moment.

use std::time::Duration;

use super::channel::{Party, State, UNKNOWN};
use super::destination::{Place, Target};
use super::dial_log::{Entry, What};
use super::execute::line_key;
use super::numbers::Fate;
use super::world::{Due, SessionId, World};
use crate::ami::builder::MessageBuilder;
use crate::ami::event::event;
use crate::ami::{Class, response};
use crate::model::time::Timestamp;

/// An Originate that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Originate {
    pub(super) action_id: Option<Vec<u8>>,
    /// `Technology/address` as asked for.
    pub(super) channel: String,
    pub(super) channel_id: Option<String>,
    pub(super) other_channel_id: Option<String>,
    pub(super) timeout: Duration,
    pub(super) target: Target,
    pub(super) caller: Party,
    pub(super) account: String,
    /// The `Variable` headers as sent.
    pub(super) variables: Vec<String>,
    /// Who waits for the outcome, where it is not async.
    pub(super) asker: Option<SessionId>,
}

/// One call under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) n: u64,
    pub(super) originate: Originate,
    /// The originated channel.
    pub(super) one: String,
    /// The other half of a Local channel.
    pub(super) two: Option<String>,
    pub(super) fate: Fate,
    pub(super) line: String,
    pub(super) answered: Option<Timestamp>,
    pub(super) place: Place,
}

/// What comes next in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The callee does what it does after ringing.
    CalleeActs,
    /// The callee has stayed long enough.
    CalleeLeaves,
    /// `Timeout` has run out.
    Timeout,
    /// The destination is through: hangs up with that cause.
    Through { cause: u32 },
    /// Free agents are looked for again.
    QueueRetry,
    /// The agents that are rung have been rung long enough.
    RingOver { ring: u64 },
}

impl Call {
    pub(super) fn is_up(&self) -> bool {
        self.answered.is_some()
    }

    pub(super) fn entry(&self, time: Timestamp, what: What) -> Entry {
        entry(&self.originate, time, what, self.n)
    }
}

pub(super) fn entry(originate: &Originate, time: Timestamp, what: What, n: u64) -> Entry {
    let actionid = originate.action_id.as_deref().map(|id| String::from_utf8_lossy(id).into_owned());
    Entry { channelid: originate.channel_id.clone(), actionid, ..Entry::new(time, what, n) }
}

/// What the callee's half of a Local channel executes first.
fn dialplan(fate: Fate) -> Option<(&'static str, String)> {
    match fate {
        Fate::Answer { early_media: true, .. } => Some(("Progress", String::new())),
        Fate::Answer { ring, .. } if ring.is_zero() => None,
        Fate::Answer { .. } | Fate::RingsForEver | Fate::Refuse { ring: Some(_), .. } => {
            Some(("Ringing", String::new()))
        }
        Fate::Busy => Some(("Busy", String::new())),
        Fate::Congestion => Some(("Congestion", String::new())),
        Fate::Refuse { ring: None, cause } => Some(("Hangup", cause.to_string())),
        Fate::Silent | Fate::Dead { .. } => Some(("Wait", "86400".to_owned())),
        Fate::NoSuchNumber | Fate::NoChannel => None,
    }
}

/// DialStatus where a callee hangs up unanswered (`hangup_cause_to_dial_status` in `main/dial.c`).
fn dial_status(cause: u32) -> &'static str {
    match cause {
        17 => "BUSY",
        34 | 42 => "CONGESTION",
        3 | 20 => "CHANUNAVAIL",
        _ => "NOANSWER",
    }
}

impl World {
    pub(super) fn begin_dialling(&mut self, n: u64, name: &str, local: bool, number: &str) {
        let Some((one, two, fate)) =
            self.calls.get(&n).map(|call| (call.one.clone(), call.two.clone(), call.fate))
        else {
            return;
        };
        if let Some(two) = &two {
            self.local_bridge(&one, two);
        }
        let dialled = if local || number.is_empty() { name } else { &format!("{number}@{}", after_at(name)) };
        self.dial_event("DialBegin", &one, ("DialString", dialled));
        if let Some((application, data)) = two.is_some().then(|| dialplan(fate)).flatten() {
            self.run_application(two.as_deref().unwrap_or_default(), application, &data);
        }
        let now = |world: &mut Self| world.step(n, Step::CalleeActs);
        match fate {
            Fate::Answer { ring, early_media, .. } => {
                if early_media {
                    self.dial_event("DialState", &one, ("DialStatus", "PROGRESS"));
                } else if !ring.is_zero() {
                    self.ring(&one);
                }
                if ring.is_zero() { now(self) } else { self.after(ring, Due::Call(n, Step::CalleeActs)) }
            }
            Fate::Refuse { ring: Some(ring), .. } => {
                self.ring(&one);
                self.after(ring, Due::Call(n, Step::CalleeActs));
            }
            Fate::RingsForEver => self.ring(&one),
            Fate::Silent => {}
            Fate::Dead { after } => self.after(after, Due::Call(n, Step::CalleeActs)),
            Fate::Busy
            | Fate::Congestion
            | Fate::Refuse { ring: None, .. }
            | Fate::NoSuchNumber
            | Fate::NoChannel => now(self),
        }
    }

    /// The two halves of a Local channel are one call from here on.
    pub(super) fn local_bridge(&mut self, one: &str, two: &str) {
        if let (Some(first), Some(second)) = (self.channels.get(one), self.channels.get(two)) {
            let bridge = first.headers("LocalOne", event("LocalBridge", Class::Call));
            let bridge = second.headers("LocalTwo", bridge);
            let bridge = bridge.header("Context", &second.context).header("Exten", &second.exten);
            self.event(Class::Call, bridge.header("LocalOptimization", "Yes"));
        }
    }

    fn ring(&mut self, one: &str) {
        self.set_state(one, State::Ringing);
        self.dial_event("DialState", one, ("DialStatus", "RINGING"));
    }

    /// A Dial event of an Originate: about its channel as the one dialled, and from none.
    fn dial_event(&mut self, name: &str, one: &str, (header, value): (&str, &str)) {
        if let Some(channel) = self.channels.get(one) {
            let message = channel.headers("Dest", event(name, Class::Call)).header(header, value);
            self.event(Class::Call, message);
        }
    }

    /// Goes on with a call, if there is still a call that it concerns.
    pub(super) fn step(&mut self, n: u64, step: Step) {
        let Some(call) = self.calls.get(&n) else { return };
        match step {
            Step::CalleeActs if !call.is_up() => self.callee_acts(n),
            Step::Timeout if !call.is_up() => self.fail(n, 3, None, 19, 19),
            Step::CalleeLeaves if call.is_up() => self.callee_leaves(n),
            Step::Through { cause } if call.is_up() => self.hang_up(n, cause),
            Step::QueueRetry => self.queue_retry(n),
            Step::RingOver { ring } => self.ring_over(n, ring),
            // The call has gone on meanwhile.
            Step::CalleeActs | Step::Timeout | Step::CalleeLeaves | Step::Through { .. } => {}
        }
    }

    fn callee_acts(&mut self, n: u64) {
        let Some((fate, local)) = self.calls.get(&n).map(|call| (call.fate, call.two.is_some())) else {
            return;
        };
        match fate {
            Fate::Answer { stay, .. } => self.pick_up(n, stay),
            // The dialplan's Busy() and Congestion() reach the originator as control frames, without a cause.
            Fate::Busy if local => self.fail(n, 5, Some("BUSY"), 0, 17),
            Fate::Congestion if local => self.fail(n, 8, Some("CONGESTION"), 0, 34),
            Fate::Busy => self.fail(n, 0, Some("BUSY"), 17, 17),
            Fate::Congestion => self.fail(n, 0, Some("CONGESTION"), 34, 34),
            Fate::Refuse { cause, .. } => self.fail(n, 0, Some(dial_status(cause)), cause, cause),
            Fate::Dead { .. } => self.fail(n, 0, Some(dial_status(18)), 18, 18),
            Fate::RingsForEver | Fate::Silent | Fate::NoSuchNumber | Fate::NoChannel => {}
        }
    }

    fn pick_up(&mut self, n: u64, stay: Option<Duration>) {
        let time = self.timestamp();
        let Some(call) = self.calls.get_mut(&n) else { return };
        call.answered = Some(time);
        let (one, two, originate) = (call.one.clone(), call.two.clone(), call.originate.clone());
        let entry = call.entry(time, What::Answered);
        self.log(entry);
        if let Some(two) = &two {
            self.run_application(two, "Answer", "");
        }
        // Each half is in order in itself only.
        let second_first = two.is_some() && self.rng.bool();
        if let Some(two) = two.as_deref().filter(|_| second_first) {
            self.set_state(two, State::Up);
        }
        self.set_state(&one, State::Up);
        self.dial_event("DialEnd", &one, ("DialStatus", "ANSWER"));
        if let Some(two) = two.as_deref().filter(|_| !second_first) {
            self.set_state(two, State::Up);
        }
        if let Some(two) = &two {
            self.run_application(two, "Wait", &stay.map_or(86_400.0, |stay| stay.as_secs_f64()).to_string());
        }
        self.respond(&originate, Some(&one), 4);
        if let Some(stay) = stay {
            self.after(stay, Due::Call(n, Step::CalleeLeaves));
        }
        self.enter(n);
    }

    /// The callee hangs up: its dialplan with 16 on a Local channel, by a BYE without a cause on PJSIP, unless it is
    /// bridged.
    fn callee_leaves(&mut self, n: u64) {
        let Some(call) = self.calls.get(&n) else { return };
        let cause = if call.two.is_some() || matches!(call.place, Place::Talking { .. }) { 16 } else { 0 };
        self.hang_up(n, cause);
    }

    /// Ends a call that was not answered.
    pub(super) fn fail(&mut self, n: u64, reason: u32, status: Option<&str>, one_cause: u32, two_cause: u32) {
        let Some(call) = self.calls.remove(&n) else { return };
        if let Some(status) = status {
            self.dial_event("DialEnd", &call.one, ("DialStatus", status));
        }
        if let Some(two) = &call.two {
            if reason == 5 || reason == 8 {
                self.set_state(two, State::Busy);
            }
            // Where DialEnd or a timeout came from somebody, that half goes first, as in the captures.
            if status.is_some() || reason == 3 {
                self.about("SoftHangupRequest", Class::Call, two, |message| message.header("Cause", "16"));
            }
            self.remove_channel(two, two_cause);
        }
        self.remove_channel(&call.one, one_cause);
        self.respond(&call.originate, None, reason);
        self.ended(&call, one_cause);
    }

    /// Ends a call that was answered.
    pub(super) fn hang_up(&mut self, n: u64, cause: u32) {
        self.leave(n, cause);
        let Some(call) = self.calls.remove(&n) else { return };
        // Seen of 3000: the first half first in four of five.
        let first_first = self.rng.f64() < 0.82;
        if first_first {
            self.remove_channel(&call.one, cause);
        }
        if let Some(two) = &call.two {
            self.about("SoftHangupRequest", Class::Call, two, |message| message.header("Cause", "16"));
            self.remove_channel(two, cause);
        }
        if !first_first {
            self.remove_channel(&call.one, cause);
        }
        self.ended(&call, cause);
    }

    fn ended(&mut self, call: &Call, cause: u32) {
        if let Some(in_use) = self.lines_in_use.get_mut(&line_key(call.two.is_some(), &call.line)) {
            *in_use = in_use.saturating_sub(1);
        }
        let entry = call.entry(self.timestamp(), What::Ended);
        self.log(Entry { answered: call.answered, cause: Some(cause), ..entry });
    }

    /// Somebody asks for a call to be hung up, from AMI.
    pub(super) fn hang_up_call(&mut self, n: u64, cause: Option<u32>) {
        let Some(call) = self.calls.get(&n) else { return };
        if !call.is_up() {
            let cause = cause.unwrap_or(0);
            return self.fail(n, 0, Some("NOANSWER"), cause, cause);
        }
        let bridged = matches!(call.place, Place::Talking { .. } | Place::Parked { .. });
        self.hang_up(n, cause.unwrap_or(if bridged { 16 } else { 0 }));
    }

    /// OriginateResponse, or the answer of one that was not async.
    pub(super) fn respond(&mut self, originate: &Originate, channel: Option<&str>, reason: u32) {
        let id = originate.action_id.as_deref();
        if let Some(session) = originate.asker {
            let message = match reason {
                4 => response::success_message(id, "Originate successfully queued"),
                _ => response::error(id, "Originate failed"),
            };
            self.reply(session, message);
            return self.done(session);
        }
        let channel = channel.and_then(|key| self.channels.get(key));
        let mut message = event("OriginateResponse", Class::Call)
            .echo(id)
            .header("Response", if reason == 4 { "Success" } else { "Failure" })
            .header("Channel", channel.map_or(&originate.channel, |channel| &channel.name));
        message = match &originate.target {
            Target::Application { name, data } => message.header("Application", name).header("Data", data),
            Target::Exten { context, exten, .. } => message.header("Context", context).header("Exten", exten),
        };
        let uniqueid = channel.map(|channel| &channel.uniqueid).or(originate.channel_id.as_ref());
        let message = message
            .header("Reason", reason.to_string())
            .header("Uniqueid", uniqueid.map_or(UNKNOWN, String::as_str));
        let message: MessageBuilder = message
            .header("CallerIDNum", originate.caller.number())
            .header("CallerIDName", originate.caller.name());
        self.response(message);
    }
}

fn after_at(name: &str) -> &str {
    name.split_once('@').map_or(name, |(_, line)| line)
}
