//! Our side towards an operator, sans IO: bytes and time in, bytes and [`ServerEvent`]s out. Everything that belongs to a
//! session is served here (login, logoff, pings, event masks, faults); what an action means is the caller's matter.
//!
//! ```text
//!            Login            authenticated(Ok)
//!  Stranger ───────► Asking ───────────────────► Member ◄────────┐
//!     │                 │ authenticated(Err)        │ an action   │ reply_done
//!     │                 ▼                           ▼             │
//!     │              Denied                      Serving ─────────┘
//!     │ Logoff, time    │ 1 s                       │ Logoff, overflow, end of input
//!     └─────────────────┴──────────► Closed ◄───────┘
//! ```
//!
//! Whoever drives this calls, after anything that went in, [`ServerSession::poll`] until it gives nothing, then
//! [`ServerSession::take_output`]; and both again, until neither gives anything: room in the output lets the next
//! request in. Once [`ServerEvent::Closed`] came, what `take_output` still gives is written, and the connection closed.
//!
//! Requests are handed out one at a time, in order, each answered before the next is looked at (spec 1.10); events wait
//! until an answer is complete (spec 5.6). Who can carry out several together asks for those that follow
//! ([`ServerSession::poll_joining`]) and answers them in their order.

mod event;
mod options;
mod output;

use std::time::Duration;

use bytes::{Bytes, BytesMut};

pub use self::event::{Account, Authenticate, Closed, Denied, ServerEvent};
pub use self::options::{Now, ServerOptions};
use self::output::Output;
use super::action::Request;
use super::auth::{self, Missing, Proof};
use super::codec::{FromClient, ServerCodec};
use super::filter::Filters;
use super::message::Message;
use super::privilege::{Class, Privileges};
use super::response;

enum State {
    Stranger,
    /// A login was handed out; the events mask it asked for.
    Asking {
        action_id: Option<Bytes>,
        mask: Option<Privileges>,
        possible: bool,
    },
    Denied {
        until: Duration,
        reply: Message,
    },
    Member,
    /// A request was handed out, and maybe others that joined it.
    Serving,
    Closed {
        why: Closed,
        told: bool,
    },
}

/// One session on one connection.
pub struct ServerSession {
    options: ServerOptions,
    peer: String,
    state: State,
    account: Option<Account>,
    mask: Privileges,
    filters: Filters,
    challenge: String,
    challenged: bool,
    codec: ServerCodec,
    input: BytesMut,
    input_ended: bool,
    /// What was looked at and has to wait for its turn.
    next: Option<FromClient>,
    output: Output,
    auth_deadline: Duration,
}

/// With so much of its answers unread, a client's further requests wait.
const ENOUGH_OUTPUT: usize = 64 * 1024;

impl ServerSession {
    /// A session on a connection that was accepted just now. `peer` is for whoever logs; `random` makes the challenge
    /// and must be unpredictable.
    pub fn new(now: Now, peer: impl Into<String>, options: ServerOptions, random: [u8; 16]) -> Self {
        let mut output = Output::default();
        output.push(Bytes::from(format!("{}\r\n", options.banner)));
        Self {
            peer: peer.into(),
            state: State::Stranger,
            account: None,
            mask: Privileges::NONE,
            filters: Filters::default(),
            challenge: auth::challenge(random),
            challenged: false,
            codec: ServerCodec::with_limits(options.limits),
            input: BytesMut::new(),
            input_ended: false,
            next: None,
            output,
            auth_deadline: now.monotonic + options.auth_timeout,
            options,
        }
    }

    /// A session whose user the caller knows already, as on a socket that only he can open. It begins with the banner,
    /// and with events off until the client asks for some: a command line wants answers only.
    pub fn preauthenticated(
        now: Now,
        peer: impl Into<String>,
        options: ServerOptions,
        account: Account,
    ) -> Self {
        let mut session = Self::new(now, peer, options, [0; 16]);
        session.account = Some(account);
        session.state = State::Member;
        session
    }

    /// The peer as given.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Who is logged in.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// The classes whose events are sent: mask and `read` together.
    pub fn event_classes(&self) -> Privileges {
        self.account.as_ref().map_or(Privileges::NONE, |account| account.read & self.mask)
    }

    /// Whether more bytes from the client should be read. While not, leaving them in the socket slows the client down
    /// instead of filling our memory.
    pub fn wants_input(&self) -> bool {
        // Twice the longest message, so that a complete one is among them, whose turn will make room.
        !self.input_ended && self.input.len() < 2 * self.options.limits.message
    }

    /// Takes bytes from the client, cut anywhere.
    pub fn receive(&mut self, bytes: &[u8]) {
        // Behind a failed login or a Logoff everything is dropped (spec 1.10).
        if !matches!(self.state, State::Denied { .. } | State::Closed { .. }) {
            self.input.extend_from_slice(bytes);
        }
    }

    /// The client closed its side, maybe only its sending half: what it sent is answered first (spec 1.11).
    pub fn receive_eof(&mut self) {
        self.input_ended = true;
    }

    /// What to do next. Serves what the session serves itself on the way.
    pub fn poll(&mut self, now: Now) -> Option<ServerEvent> {
        loop {
            match &mut self.state {
                State::Closed { told: true, .. }
                | State::Asking { .. }
                | State::Denied { .. }
                | State::Serving => {
                    return None;
                }
                State::Closed { why, told } => {
                    *told = true;
                    return Some(ServerEvent::Closed(*why));
                }
                State::Stranger | State::Member => {}
            }
            if self.has_enough_output() {
                return None;
            }
            let item = match self.next.take().or_else(|| self.codec.next_item(&mut self.input)) {
                Some(item) => item,
                None if self.input_ended => {
                    self.close(Closed::Eof);
                    continue;
                }
                None => return None,
            };
            let event = match item {
                FromClient::Fault(fault) => {
                    self.reply(&response::error(fault.action_id.as_deref(), fault.kind.text()));
                    None
                }
                FromClient::Message(message) => match Request::from_message(message) {
                    Err(message) => {
                        self.reply(&response::missing_action(message.action_id_bytes()));
                        None
                    }
                    Ok(request) => self.serve(now, request),
                },
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// The request that follows those which were handed out and are not answered yet, if it is there and `joins` takes it.
    /// They are answered in their order, with one [`ServerSession::reply_done`] behind them all. Where it is not taken it
    /// waits for its turn, and none behind it joins.
    pub fn poll_joining(&mut self, joins: impl FnOnce(&Request) -> bool) -> Option<Request> {
        if !matches!(self.state, State::Serving) || self.next.is_some() || self.has_enough_output() {
            return None;
        }
        let waits = match self.codec.next_item(&mut self.input)? {
            FromClient::Message(message) => match Request::from_message(message) {
                Ok(request) if joins(&request) => return Some(request),
                Ok(request) => FromClient::Message(request.into_message()),
                Err(message) => FromClient::Message(message),
            },
            FromClient::Fault(fault) => FromClient::Fault(fault),
        };
        self.next = Some(waits);
        None
    }

    /// Answers [`ServerEvent::Authenticate`]. A login whose proof was [`Proof::Missing`] fails whatever is said here.
    pub fn authenticated(&mut self, now: Now, verdict: Result<Account, Denied>) {
        let State::Asking { action_id, mask, possible } = &mut self.state else {
            return;
        };
        let (action_id, mask) = (action_id.take(), *mask);
        let verdict =
            verdict.and_then(|account| possible.then_some(account).ok_or(Denied::AuthenticationFailed));
        match verdict {
            Ok(account) => {
                self.state = State::Member;
                self.account = Some(account);
                self.mask = mask.unwrap_or(Privileges::ALL);
                self.reply(&response::success_message(action_id.as_deref(), "Authentication accepted"));
                if self.options.announces_boot {
                    let uptime = now.monotonic.saturating_sub(self.options.started).as_secs();
                    self.send_event(Class::System, &crate::ami::event::fully_booted(uptime, uptime));
                }
            }
            Err(denied) => {
                let reply = response::error(action_id.as_deref(), denied.text());
                self.state = State::Denied { until: now.monotonic + self.options.denial_delay, reply };
                self.input.clear();
            }
        }
    }

    /// Queues a message of the answer to what was handed out; ignored when nothing is.
    pub fn send_reply(&mut self, message: &Message) {
        if matches!(self.state, State::Serving) {
            self.reply(message);
        }
    }

    /// How many more bytes may be queued before the session is dropped: who answers with a long list sends it in
    /// pieces that fit.
    pub fn room(&self) -> usize {
        self.options.max_queued_bytes.saturating_sub(self.output.len())
    }

    /// The answer is complete: events may follow, and the next request is let in.
    pub fn reply_done(&mut self) {
        if matches!(self.state, State::Serving) {
            self.output.release_events();
            self.state = State::Member;
        }
    }

    /// Queues an event, if the client reads its class; it comes after the answer under way (spec 5.6).
    pub fn send_event(&mut self, class: Class, event: &Message) {
        if self.event_classes().contains(class) {
            self.send_event_of(class.into(), event.to_wire());
        }
    }

    /// Queues an event that is written as `wire`, if the client reads all of these classes; likewise after the answer under
    /// way.
    pub fn send_event_of(&mut self, classes: Privileges, wire: Bytes) {
        if !self.event_classes().includes(classes) || !self.filters.pass(&wire) {
            return;
        }
        match self.state {
            State::Member => self.output.push(wire),
            State::Serving => self.output.hold_event(wire),
            State::Stranger | State::Asking { .. } | State::Denied { .. } | State::Closed { .. } => {}
        }
        self.check_overflow();
    }

    /// Lets the events go that wait for the answer under way: for one that is long in coming, and of which nothing was
    /// queued yet.
    pub fn release_events(&mut self) {
        self.output.release_events();
    }

    /// To be called at [`ServerSession::next_deadline`]; harmless at any other time.
    pub fn handle_timer(&mut self, now: Now) {
        match &self.state {
            State::Stranger | State::Asking { .. } if now.monotonic >= self.auth_deadline => {
                self.close(Closed::AuthTimeout);
            }
            State::Denied { until, reply } if now.monotonic >= *until => {
                let reply = reply.to_wire();
                self.output.push(reply);
                self.close(Closed::Denied);
            }
            State::Stranger
            | State::Asking { .. }
            | State::Denied { .. }
            | State::Member
            | State::Serving
            | State::Closed { .. } => {}
        }
    }

    /// When [`ServerSession::handle_timer`] is to be called next, on the monotonic clock.
    pub fn next_deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Stranger | State::Asking { .. } => Some(self.auth_deadline),
            State::Denied { until, .. } => Some(*until),
            State::Member | State::Serving | State::Closed { .. } => None,
        }
    }

    /// Bytes to write: whole messages, about 64 KiB of them at most.
    pub fn take_output(&mut self) -> Option<Bytes> {
        self.output.take()
    }

    /// Serves what is the session's own; gives what is the caller's.
    fn serve(&mut self, now: Now, request: Request) -> Option<ServerEvent> {
        let id = request.action_id();
        let reply = if request.is("Logoff") {
            self.reply(&response::goodbye(id));
            self.close(Closed::LoggedOff);
            return None;
        } else if request.is("Challenge") {
            self.answer_challenge(&request)
        } else if request.is("Login") {
            if self.account.is_none() {
                return Some(self.ask(&request));
            }
            response::success_message(id, "Already authenticated")
        } else if self.account.is_none() {
            response::permission_denied(id)
        } else if request.is("Ping") {
            let (seconds, micros) = (now.unix.as_secs(), now.unix.subsec_micros());
            let timestamp = format!("{seconds}.{micros:06}");
            response::success(id).header("Ping", "Pong").header("Timestamp", timestamp).finish_lossy()
        } else if request.is("Events") {
            self.set_mask(&request)
        } else if request.is("Filter") {
            self.add_filter(&request)
        } else {
            self.state = State::Serving;
            return Some(ServerEvent::Request(request));
        };
        self.reply(&reply);
        None
    }

    fn answer_challenge(&mut self, request: &Request) -> Message {
        let id = request.action_id();
        if !asks_for_md5(request) {
            return response::error(id, "Must specify AuthType");
        }
        self.challenged = true;
        response::success(id).header("Challenge", &self.challenge).finish_lossy()
    }

    fn ask(&mut self, request: &Request) -> ServerEvent {
        let value = |name| request.get(name).map(std::borrow::Cow::into_owned);
        let username = value("Username").unwrap_or_default();
        let proof = if username.is_empty() {
            Proof::Missing(Missing::Username)
        } else if asks_for_md5(request) {
            match value("Key") {
                _ if !self.challenged => Proof::Missing(Missing::Challenge),
                Some(key) => Proof::Md5 { challenge: self.challenge.clone(), key },
                None => Proof::Missing(Missing::Secret),
            }
        } else {
            value("Secret").map_or(Proof::Missing(Missing::Secret), Proof::Plain)
        };
        let action_id = request.action_id().map(Bytes::copy_from_slice);
        self.state = State::Asking {
            action_id: action_id.clone(),
            mask: request.get("Events").and_then(|mask| Privileges::of_event_mask(&mask)),
            possible: !matches!(proof, Proof::Missing(_)),
        };
        ServerEvent::Authenticate(Authenticate { username, proof, action_id })
    }

    fn set_mask(&mut self, request: &Request) -> Message {
        let id = request.action_id();
        let Some(mask) = request.get("EventMask").and_then(|mask| Privileges::of_event_mask(&mask)) else {
            return response::error(id, "Invalid event mask");
        };
        self.mask = mask;
        // "On" tells what was asked for, not what the account may read (spec 5.3).
        let answer = if mask.is_empty() { "Off" } else { "On" };
        response::success(id).header("Events", answer).finish_lossy()
    }

    /// Asks for the class system, as at Asterisk (spec 5.7).
    fn add_filter(&mut self, request: &Request) -> Message {
        let id = request.action_id();
        if !self.account.as_ref().is_some_and(|account| account.write.contains(Class::System)) {
            return response::permission_denied(id);
        }
        match self.filters.add(request) {
            Ok(()) => response::success_message(id, "Success"),
            Err(why) => response::error(id, &why.to_string()),
        }
    }

    fn reply(&mut self, message: &Message) {
        self.output.push(message.to_wire());
        self.check_overflow();
    }

    /// So much that the client has to read before it is served further.
    fn has_enough_output(&self) -> bool {
        self.output.len() > ENOUGH_OUTPUT.min(self.options.max_queued_bytes / 2)
    }

    fn check_overflow(&mut self) {
        if self.output.len() > self.options.max_queued_bytes {
            self.output.clear();
            self.close(Closed::Overflow);
        }
    }

    fn close(&mut self, why: Closed) {
        if !matches!(self.state, State::Closed { .. }) {
            self.state = State::Closed { why, told: false };
            self.input.clear();
            self.next = None;
            self.output.drop_events();
        }
    }
}

fn asks_for_md5(request: &Request) -> bool {
    request.get("AuthType").is_some_and(|kind| kind.eq_ignore_ascii_case("MD5"))
}

#[cfg(test)]
mod tests;
