//! The world of the sandbox: channels, calls, queues, trunks, and what is due when. Pure: requests and the time go in,
//! answers, events and lines of the dial log come out, and a seed makes it the same every time.
//!
//! ```text
//!   Input::Request ──► actions ──► replies at once
//!                         │ Originate, 1 ms later: call::execute ──► ring ──► answer ──► queue, park, dialplan ──► end
//!   Input::Tick ────► timers, in order of their times, each a step of a call or of an agent
//!   events of one step ──► faults ──► Output::Event
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use fastrand::Rng;

use super::call::{Call, Originate, Step};
use super::channel::{Channel, Party, State};
use super::dial_log::{Entry, What};
use super::faults::Switches;
use super::flood::Flood;
use super::profile::{Profile, seconds};
use super::queue::{AgentStep, Queue};
use crate::ami::event::{event, fully_booted};
use crate::ami::{Class, Message, MessageBuilder, Now, Request};
use crate::model::time::Timestamp;

/// Tells sessions apart.
pub type SessionId = u64;

/// What the world is told.
#[derive(Debug)]
pub enum Input {
    /// Somebody has logged in, and hears FullyBooted now, or once that is true.
    LoggedIn(SessionId),
    /// An action; it is answered by replies and one [`Output::Done`], at once or later.
    Request(SessionId, Request),
    /// Something may be due.
    Tick,
}

/// What the world does.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A message of the answer to that session's request.
    Reply(SessionId, Message),
    /// The answer to it is complete.
    Done(SessionId),
    /// An event for everybody who reads its class, or for one.
    Event {
        /// For this one only.
        only: Option<SessionId>,
        /// The class.
        class: Class,
        /// The event.
        message: Message,
    },
    /// A line for the dial log.
    Log(Entry),
    /// Bytes that are no AMI, for everybody but this one.
    Garbage(SessionId, Vec<u8>),
    /// The connections of all but this one are neither read nor written for so long (for ever where it is zero).
    HalfOpen(SessionId, Duration),
    /// Nothing moves for so long, the world included.
    Freeze(Duration),
    /// All connections are cut, and none is taken for so long.
    Restart(Duration),
}

/// Whose a channel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Call(u64),
    Agent { queue: String, member: u32 },
}

/// What is due.
#[derive(Debug)]
pub(super) enum Due {
    Execute(Box<Originate>),
    Call(u64, Step),
    Agent(String, AgentStep),
    /// An event that a fault has held back.
    Event(Class, Message),
    Booted,
    Flood(Flood),
}

/// A timer; of those of one time, the one that was set first.
struct Timer {
    at: Duration,
    serial: u64,
    due: Due,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// A PBX and everybody around it.
pub struct World {
    pub(super) profile: Profile,
    pub(super) seed: u64,
    pub(super) rng: Rng,
    pub(super) now: Now,
    /// The moment that is being dealt with: a timer's own, be it reached late.
    pub(super) moment: Duration,
    /// When it was started, as [`Now::unix`] and as [`Now::monotonic`].
    pub(super) started: Now,
    pub(super) boots_at: Duration,
    pub(super) channels: BTreeMap<String, Channel>,
    pub(super) calls: BTreeMap<u64, Call>,
    pub(super) queues: BTreeMap<String, Queue>,
    pub(super) lines_in_use: BTreeMap<String, u32>,
    /// How often each number was dialled: with the seed it decides what people do.
    pub(super) dialled: BTreeMap<String, u64>,
    pub(super) parked: BTreeSet<u32>,
    pub(super) globals: BTreeMap<String, String>,
    pub(super) faults: Switches,
    pub(super) processed: u64,
    /// Counts Originates that were carried out, over restarts too.
    pub(super) executed: u64,
    next_local: u32,
    next_pjsip: u32,
    next_unique: u64,
    serial: u64,
    timers: BinaryHeap<Reverse<Timer>>,
    waiting_for_boot: Vec<SessionId>,
    /// The events of the step under way.
    batch: Vec<(Class, Message)>,
    /// OriginateResponses of the step under way: they stand anywhere among its events.
    responses: Vec<Message>,
    out: Vec<Output>,
}

impl World {
    /// A world that is started now.
    pub fn new(profile: Profile, seed: u64, now: Now) -> Self {
        let mut world = Self {
            faults: profile.faults.clone(),
            profile,
            seed,
            rng: Rng::with_seed(seed),
            now,
            moment: now.monotonic,
            started: now,
            boots_at: now.monotonic,
            channels: BTreeMap::new(),
            calls: BTreeMap::new(),
            queues: BTreeMap::new(),
            lines_in_use: BTreeMap::new(),
            dialled: BTreeMap::new(),
            parked: BTreeSet::new(),
            globals: BTreeMap::new(),
            processed: 0,
            executed: 0,
            next_local: 0,
            next_pjsip: 0,
            next_unique: 0,
            serial: 0,
            timers: BinaryHeap::new(),
            waiting_for_boot: Vec::new(),
            batch: Vec::new(),
            responses: Vec::new(),
            out: Vec::new(),
        };
        world.boot(now.monotonic);
        world
    }

    /// Takes one input at `now`, and whatever was due before it.
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Output> {
        self.now = now;
        self.run_due();
        self.moment = now.monotonic;
        match input {
            Input::LoggedIn(session) => self.greet(session),
            Input::Request(session, request) => self.act(session, &request),
            Input::Tick => {}
        }
        self.flush();
        std::mem::take(&mut self.out)
    }

    /// When something is due next.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.timers.peek().map(|Reverse(timer)| timer.at)
    }

    /// How many calls there are.
    pub fn live_calls(&self) -> usize {
        self.calls.len()
    }

    fn run_due(&mut self) {
        while self.timers.peek().is_some_and(|Reverse(timer)| timer.at <= self.now.monotonic) {
            let Some(Reverse(timer)) = self.timers.pop() else { return };
            self.moment = timer.at;
            match timer.due {
                Due::Execute(originate) => self.execute(*originate),
                Due::Call(serial, step) => self.step(serial, step),
                Due::Agent(queue, step) => self.agent_step(&queue, step),
                Due::Event(class, message) => self.out.push(Output::Event { only: None, class, message }),
                Due::Booted => self.booted(),
                Due::Flood(flood) => self.flood(flood),
            }
            self.flush();
        }
    }

    /// Has `due` come up so long after the moment under way.
    pub(super) fn after(&mut self, wait: Duration, due: Due) {
        self.serial += 1;
        self.timers.push(Reverse(Timer { at: self.moment.saturating_add(wait), serial: self.serial, due }));
    }

    /// The events of a step are complete: puts OriginateResponses among them, lets faults hit them, and gives them out.
    fn flush(&mut self) {
        for response in std::mem::take(&mut self.responses) {
            let places = self.batch.len();
            let place =
                if self.profile.asterisk.response_anywhere { self.rng.usize(0..=places) } else { places };
            self.batch.insert(place, (Class::Call, response));
        }
        let moment = self.moment;
        for (class, message) in std::mem::take(&mut self.batch) {
            for wait in self.faults.event(&message, &mut self.rng) {
                if wait.is_zero() {
                    self.out.push(Output::Event { only: None, class, message: message.clone() });
                } else {
                    self.moment = moment;
                    self.after(wait, Due::Event(class, message.clone()));
                }
            }
        }
    }

    // ---- what the other files of the room say through it

    pub(super) fn reply(&mut self, session: SessionId, message: Message) {
        self.out.push(Output::Reply(session, message));
    }

    pub(super) fn done(&mut self, session: SessionId) {
        self.out.push(Output::Done(session));
    }

    pub(super) fn put(&mut self, output: Output) {
        self.out.push(output);
    }

    pub(super) fn event(&mut self, class: Class, message: MessageBuilder) {
        self.batch.push((class, message.finish_lossy()));
    }

    pub(super) fn response(&mut self, message: MessageBuilder) {
        self.responses.push(message.finish_lossy());
    }

    /// An event about one channel; nothing where it is gone.
    pub(super) fn about(
        &mut self,
        name: &str,
        class: Class,
        key: &str,
        more: impl FnOnce(MessageBuilder) -> MessageBuilder,
    ) {
        if let Some(channel) = self.channels.get(key) {
            let message = more(channel.headers("", event(name, class)));
            self.event(class, message);
        }
    }

    pub(super) fn log(&mut self, entry: Entry) {
        self.out.push(Output::Log(entry));
    }

    pub(super) fn timestamp(&self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.now.unix.as_micros()).unwrap_or(i64::MAX))
    }

    /// The time of day at a moment that is past.
    pub(super) fn unix_at(&self, moment: Duration) -> Duration {
        self.now.unix.saturating_sub(self.now.monotonic.saturating_sub(moment))
    }

    // ---- channels

    /// A Uniqueid as Asterisk makes them: the second and a counter.
    pub(super) fn new_uniqueid(&mut self) -> String {
        let serial = self.next_unique;
        self.next_unique += 1;
        format!("{}.{serial}", self.now.unix.as_secs())
    }

    pub(super) fn new_local_name(&mut self, address: &str) -> String {
        let serial = self.next_local;
        self.next_local += 1;
        format!("Local/{address}-{serial:08x}")
    }

    pub(super) fn new_pjsip_name(&mut self, endpoint: &str) -> String {
        let serial = self.next_pjsip;
        self.next_pjsip += 1;
        format!("PJSIP/{endpoint}-{serial:08x}")
    }

    /// Makes a channel, announces it, gives its key.
    pub(super) fn new_channel(&mut self, new: NewChannel<'_>) -> String {
        let key = new.uniqueid.to_ascii_lowercase();
        let channel = Channel {
            name: new.name,
            uniqueid: new.uniqueid,
            linkedid: new.linkedid.to_owned(),
            state: new.state,
            caller: Party::default(),
            connected: Party::default(),
            account: String::new(),
            context: new.context.to_owned(),
            exten: new.exten.to_owned(),
            priority: "1".to_owned(),
            application: String::new(),
            data: String::new(),
            bridge: String::new(),
            created: self.moment,
            answered: None,
            variables: BTreeMap::new(),
            owner: new.owner,
        };
        self.channels.insert(key.clone(), channel);
        self.about("Newchannel", Class::Call, &key, |message| message);
        key
    }

    /// Sets a channel's state and tells it.
    pub(super) fn set_state(&mut self, key: &str, state: State) {
        if let Some(channel) = self.channels.get_mut(key) {
            channel.state = state;
            if state == State::Up {
                channel.answered.get_or_insert(self.moment);
            }
            self.about("Newstate", Class::Call, key, |message| message);
        }
    }

    /// Has a channel execute an application.
    pub(super) fn run_application(&mut self, key: &str, application: &str, data: &str) {
        let Some(channel) = self.channels.get_mut(key) else { return };
        application.clone_into(&mut channel.application);
        data.clone_into(&mut channel.data);
        let exten = channel.exten.clone();
        self.about("Newexten", Class::Dialplan, key, |message| {
            message.header("Extension", exten).header("Application", application).header("AppData", data)
        });
    }

    /// Hangs a channel up: its last event.
    pub(super) fn remove_channel(&mut self, key: &str, cause: u32) {
        use super::channel::{cause_text, sip_code};
        let pjsip = self.channels.get(key).is_some_and(|channel| channel.name.starts_with("PJSIP/"));
        self.about("Hangup", Class::Call, key, |message| {
            let message = message.header("Cause", cause.to_string()).header("Cause-txt", cause_text(cause));
            match sip_code(cause).filter(|_| pjsip) {
                Some(code) => message.header("TechCause", code),
                None => message,
            }
        });
        self.channels.remove(key);
    }

    /// The key of the channel that a `Channel` header names, by its name or its Uniqueid, in any case.
    pub(super) fn find_channel(&self, wanted: &str) -> Option<String> {
        let key = wanted.to_ascii_lowercase();
        if self.channels.contains_key(&key) {
            return Some(key);
        }
        let by_name = self.channels.iter().find(|(_, channel)| channel.name.eq_ignore_ascii_case(wanted));
        by_name.map(|(key, _)| key.clone())
    }

    // ---- start and end

    fn boot(&mut self, at: Duration) {
        self.boots_at = at + seconds(self.profile.asterisk.boot_s);
        self.moment = self.boots_at;
        self.after(Duration::ZERO, Due::Booted);
        self.moment = at;
        self.open_queues();
    }

    fn uptime(&self) -> u64 {
        self.now.monotonic.saturating_sub(self.started.monotonic).as_secs()
    }

    fn greet(&mut self, session: SessionId) {
        if self.now.monotonic < self.boots_at {
            self.waiting_for_boot.push(session);
        } else {
            let message = fully_booted(self.uptime(), self.uptime());
            self.put(Output::Event { only: Some(session), class: Class::System, message });
        }
    }

    fn booted(&mut self) {
        let message = fully_booted(self.uptime(), self.uptime());
        for session in std::mem::take(&mut self.waiting_for_boot) {
            self.put(Output::Event { only: Some(session), class: Class::System, message: message.clone() });
        }
    }

    /// Everything is lost, and a new start begins `down` from now. If it is in order, every channel is told to hang up
    /// (`Cause` 4: for the shutdown) and does, and Shutdown comes last.
    pub(super) fn restart(&mut self, down: Duration, in_order: bool) {
        if in_order {
            let keys: Vec<_> = self.channels.keys().cloned().collect();
            for key in &keys {
                self.about("SoftHangupRequest", Class::Call, key, |message| message.header("Cause", "4"));
            }
            for key in &keys {
                self.remove_channel(key, 0);
            }
            let shutdown =
                event("Shutdown", Class::System).header("Shutdown", "Cleanly").header("Restart", "True");
            self.event(Class::System, shutdown);
            self.flush();
        }
        let time = self.timestamp();
        for call in std::mem::take(&mut self.calls).into_values() {
            self.log(Entry { answered: call.answered, ..call.entry(time, What::Ended) });
        }
        self.log(Entry::new(time, What::Restarted, self.executed));
        self.channels.clear();
        self.lines_in_use.clear();
        self.parked.clear();
        self.globals.clear();
        self.timers.clear();
        self.waiting_for_boot.clear();
        self.queues.clear();
        self.processed = 0;
        // Asterisk tells its start to the second: another start must show another one.
        let second = Duration::from_secs(self.started.unix.as_secs() + 1);
        let at = self.now.monotonic + down;
        self.started = Now { monotonic: at, unix: (self.now.unix + down).max(second) };
        self.boot(at);
        self.put(Output::Restart(down));
    }
}

/// What a channel begins with.
pub(super) struct NewChannel<'a> {
    pub(super) name: String,
    pub(super) uniqueid: String,
    pub(super) linkedid: &'a str,
    pub(super) state: State,
    pub(super) context: &'a str,
    pub(super) exten: &'a str,
    pub(super) owner: Owner,
}
