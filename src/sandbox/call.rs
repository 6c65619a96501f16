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

use super::channel::{Party, State, UNKNOWN, variables};
use super::destination::{Place, Target};
use super::dial_log::{Entry, What};
use super::faults::OriginateFault;
use super::numbers::{self, Fate};
use super::profile::{Line, Numbers};
use super::world::{Due, NewChannel, Owner, SessionId, World};
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
    fate: Fate,
    line: String,
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

fn entry(originate: &Originate, time: Timestamp, what: What, n: u64) -> Entry {
    let actionid = originate.action_id.as_deref().map(|id| String::from_utf8_lossy(id).into_owned());
    Entry { channelid: originate.channel_id.clone(), actionid, ..Entry::new(time, what, n) }
}

/// Where an Originate leads: the technology's address, taken apart.
struct Address<'a> {
    local: bool,
    number: &'a str,
    /// The context or the trunk.
    line: &'a str,
}

fn address(channel: &str) -> Option<Address<'_>> {
    let (technology, rest) = channel.split_once('/')?;
    let local = technology.eq_ignore_ascii_case("Local");
    if !local && !technology.eq_ignore_ascii_case("PJSIP") {
        return None;
    }
    // `/n` asks for a Local channel that stays in its call.
    let rest = if local { rest.split('/').next().unwrap_or_default() } else { rest };
    Some(match rest.split_once('@') {
        Some((number, line)) => Address { local, number, line },
        None if local => Address { local, number: rest, line: "default" },
        None => Address { local, number: "", line: rest },
    })
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
    /// Has an accepted Originate carried out in a moment, unless a fault says otherwise.
    pub(super) fn schedule(&mut self, originate: Originate, fault: Option<OriginateFault>) {
        let mut wait = self.profile.asterisk.originate_s.draw(&mut self.rng);
        match fault {
            Some(OriginateFault::Late(late)) => wait += late,
            Some(OriginateFault::Swallow) => return,
            Some(OriginateFault::Error | OriginateFault::Mute) | None => {}
        }
        self.after(wait, Due::Execute(Box::new(originate)));
    }

    pub(super) fn execute(&mut self, originate: Originate) {
        self.executed += 1;
        self.processed += 1;
        let n = self.executed;
        let address = address(&originate.channel);
        let number = address.as_ref().map_or("", |address| address.number).to_owned();
        let line = address.as_ref().and_then(|address| self.line(address));
        let local = address.as_ref().is_some_and(|address| address.local);
        let (context, name) = match (&address, &line) {
            (Some(address), _) => (address.line.to_owned(), format!("{}@{}", address.number, address.line)),
            (None, _) => (String::new(), String::new()),
        };
        let clash = self.clashes(&originate);
        let fate = match &line {
            Some(line) => self.decide(line, local, &number),
            // A Local channel can be made to anywhere; an endpoint has to exist.
            None if local => self.dialplan_fate(&context, &number),
            None => Fate::NoChannel,
        };
        // `PJSIP/300` calls the endpoint 300 itself: that is its number.
        let called = if number.is_empty() { &context } else { &number };
        self.log(Entry {
            channel: Some(originate.channel.clone()),
            number: Some(called.clone()),
            fate: Some(if clash { "clash" } else { fate.word() }),
            ..entry(&originate, self.timestamp(), What::Dialled, n)
        });
        if clash || fate == Fate::NoChannel {
            self.respond(&originate, None, 0);
            self.log(entry(&originate, self.timestamp(), What::Ended, n));
            return;
        }
        let line = line.map(|line| line.name).unwrap_or_default();
        *self.lines_in_use.entry(line_key(local, &line)).or_default() += 1;
        let one_id = originate.channel_id.clone().unwrap_or_else(|| self.new_uniqueid());
        let (one, two) = if local {
            let base = self.new_local_name(&name);
            let channel = |half: &str, uniqueid: String, state| NewChannel {
                name: format!("{base};{half}"),
                uniqueid,
                linkedid: &one_id,
                state,
                context: &context,
                exten: &number,
                owner: Owner::Call(n),
            };
            let two_id = match (&originate.other_channel_id, &originate.channel_id) {
                (Some(other), _) => other.clone(),
                (None, Some(one)) => format!("{one};2"),
                (None, None) => self.new_uniqueid(),
            };
            let one = self.new_channel(channel("1", one_id.clone(), State::Down));
            (one, Some(self.new_channel(channel("2", two_id, State::Ring))))
        } else {
            let name = self.new_pjsip_name(&context);
            let channel = NewChannel {
                name,
                uniqueid: one_id.clone(),
                linkedid: &one_id,
                state: State::Down,
                context: "astout-dest",
                exten: "s",
                owner: Owner::Call(n),
            };
            (self.new_channel(channel), None)
        };
        self.dress(&originate, &one, two.as_deref());
        self.run_application(&one, "AppDial2", "(Outgoing Line)");
        let timeout = originate.timeout;
        let call = Call { n, originate, one, two, fate, line, answered: None, place: Place::Dialling };
        self.calls.insert(n, call);
        if fate == Fate::NoSuchNumber {
            self.fail(n, 0, None, 0, 0);
            return;
        }
        self.begin_dialling(n, &name, local, &number);
        if self.calls.contains_key(&n) {
            self.after(timeout, Due::Call(n, Step::Timeout));
        }
    }

    /// Whether a channel lives whose Uniqueid begins with one of those asked for, in any case: Asterisk compares only as
    /// many characters as the new id has.
    fn clashes(&self, originate: &Originate) -> bool {
        let (one, two) = (originate.channel_id.as_deref(), originate.other_channel_id.as_deref());
        let taken = |id: &str| {
            let id = id.to_ascii_lowercase();
            self.channels.range(id.clone()..).next().is_some_and(|(key, _)| key.starts_with(&id))
        };
        one.is_some_and(taken) || two.is_some_and(taken) || (one.is_some() && one == two)
    }

    fn line(&self, address: &Address<'_>) -> Option<Line> {
        let lines = if address.local { &self.profile.context } else { &self.profile.trunk };
        lines.iter().find(|line| line.name.eq_ignore_ascii_case(address.line)).cloned()
    }

    /// The fate of a call on a known line. What people do depends on the seed, the number, and how often it was
    /// dialled: not on who else is dialled when.
    fn decide(&mut self, line: &Line, local: bool, number: &str) -> Fate {
        let in_use = self.lines_in_use.get(&line_key(local, &line.name)).copied().unwrap_or_default();
        if line.limit > 0 && in_use >= line.limit {
            return Fate::Refuse { ring: None, cause: 34 };
        }
        let hour = usize::try_from(self.now.unix.as_secs() / 3600 % 24).unwrap_or_default();
        if line.numbers != Numbers::People {
            return numbers::fate(line.numbers, number, &self.profile.people, hour, &mut self.rng);
        }
        let times = self.dialled.entry(number.to_owned()).or_default();
        *times += 1;
        let bytes = number.bytes().chain(times.to_le_bytes()).chain(self.seed.to_le_bytes());
        // FNV-1a: any hash that stays the same will do.
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut rng = fastrand::Rng::with_seed(hash);
        numbers::fate(line.numbers, number, &self.profile.people, hour, &mut rng)
    }

    /// `Local/` to an extension for answered calls: it answers at once, and stays.
    fn dialplan_fate(&self, context: &str, exten: &str) -> Fate {
        match self.extension(context, exten, "1") {
            Some(destination) => Fate::Answer {
                ring: Duration::ZERO,
                early_media: false,
                stay: Some(super::profile::seconds(destination.stay_s)),
                machine: false,
            },
            None => Fate::NoSuchNumber,
        }
    }

    /// Caller ID, account and variables: on both halves, set in the reverse of their order.
    fn dress(&mut self, originate: &Originate, one: &str, two: Option<&str>) {
        for key in std::iter::once(one).chain(two) {
            let Some(channel) = self.channels.get_mut(key) else { continue };
            channel.account.clone_from(&originate.account);
            // The callee's half is called by, and connected to, who calls.
            if key == one {
                channel.caller = originate.caller.clone();
            }
            channel.connected = originate.caller.clone();
            for (name, value) in originate.variables.iter().rev().flat_map(|header| variables(header)) {
                channel.set(&name, &value);
            }
        }
    }

    fn begin_dialling(&mut self, n: u64, name: &str, local: bool, number: &str) {
        let Some((one, two, fate)) =
            self.calls.get(&n).map(|call| (call.one.clone(), call.two.clone(), call.fate))
        else {
            return;
        };
        if let Some(two) = &two
            && let (Some(first), Some(second)) = (self.channels.get(&one), self.channels.get(two))
        {
            let bridge = first.headers("LocalOne", event("LocalBridge", Class::Call));
            let bridge = second.headers("LocalTwo", bridge);
            let (context, exten) = (second.context.clone(), second.exten.clone());
            let bridge = bridge.header("Context", context).header("Exten", exten);
            self.event(Class::Call, bridge.header("LocalOptimization", "Yes"));
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
            if (one_cause, two_cause) == (0, 17) {
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
    fn respond(&mut self, originate: &Originate, channel: Option<&str>, reason: u32) {
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

fn line_key(local: bool, line: &str) -> String {
    format!("{}{line}", if local { "Local/" } else { "PJSIP/" })
}
