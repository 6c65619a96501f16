//! Our side towards an Asterisk, sans IO: bytes and time in, bytes and one ordered stream of [`ClientEvent`]s out.
//!
//! ```text
//!             banner            Challenge answered           Success
//!  Greeting ──────────► Asking ───────────────────► LoggingIn ──────► LoggedIn
//!      │    (Plain login skips Asking)                  │                │
//!      └──────── EOF, protocol error, no answer ────────┤ refused        │ EOF, pings lost, logoff
//!                                                       ▼                ▼
//!                                                     Closed ◄───────────┘
//! ```
//!
//! Every tag comes back exactly once: in a `Response`, a `List` or a `NoAnswer`. `Closed` is the last event. Whoever
//! drives this calls, after anything that went in, [`ClientSession::poll_event`] until it is empty, and
//! [`ClientSession::take_output`] whenever the socket can take more.

mod event;
mod options;
mod pending;
mod pings;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

pub use self::event::{ClientEvent, CloseReason, NoAnswer};
pub use self::options::{Auth, ClientOptions};
use self::pending::{Arrived, Pending, Waiting};
use self::pings::Pings;
use super::action;
use super::builder::MessageBuilder;
use super::codec::{ClientCodec, FromServer};
use super::message::Message;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Greeting,
    Asking,
    LoggingIn,
    LoggedIn,
    Closed,
}

/// One session on one connection. `T` tags what is submitted, so that its answer can be told.
pub struct ClientSession<T> {
    options: ClientOptions,
    state: State,
    codec: ClientCodec,
    input: BytesMut,
    output: VecDeque<Outgoing>,
    pending: Pending<T>,
    pings: Pings,
    login_deadline: Duration,
    /// ActionIDs made so far.
    made: u64,
    events: VecDeque<ClientEvent<T>>,
}

struct Outgoing {
    wire: Bytes,
    /// Of the action, where somebody waits for the answer.
    action_id: Option<Bytes>,
}

/// How much [`ClientSession::take_output`] gives at most at once, unless one message is longer. What was not given out
/// can still be withdrawn.
const MAX_OUTPUT: usize = 16 * 1024;

impl<T> ClientSession<T> {
    /// A session on a connection that was opened just now. `now` is monotonic, from any origin.
    pub fn new(now: Duration, options: ClientOptions) -> Self {
        Self {
            state: State::Greeting,
            codec: ClientCodec::new(),
            input: BytesMut::new(),
            output: VecDeque::new(),
            pending: Pending::new(options.action_timeout),
            pings: Pings::new(options.ping_every, options.ping_deadline),
            login_deadline: now + options.action_timeout,
            made: 0,
            events: VecDeque::new(),
            options,
        }
    }

    /// Whether actions are accepted.
    pub fn is_logged_in(&self) -> bool {
        self.state == State::LoggedIn
    }

    /// Whether the session is over. Events may still be waiting.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Actions that wait for their answers, pings not counted.
    pub fn unanswered(&self) -> usize {
        self.pending.len()
    }

    /// Takes bytes from the server, cut anywhere.
    pub fn receive(&mut self, now: Duration, bytes: &[u8]) {
        if self.is_closed() {
            return;
        }
        self.input.extend_from_slice(bytes);
        while !self.is_closed() {
            match self.codec.next_item(&mut self.input) {
                Ok(Some(FromServer::Banner(banner))) => self.greeted(banner),
                Ok(Some(FromServer::Message(message))) => self.arrived(now, message),
                Ok(None) => return,
                Err(error) => self.close(CloseReason::Protocol(error.to_string())),
            }
        }
    }

    /// The server closed its side.
    pub fn receive_eof(&mut self) {
        self.close(CloseReason::Eof);
    }

    /// The connection failed, or the caller gave it up.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.close(CloseReason::Io(why.into()));
    }

    /// Sends an action. Without an ActionID it gets one of ours. The tag comes back in a `Response` or a `NoAnswer`.
    pub fn submit(&mut self, now: Duration, action: MessageBuilder, tag: T) {
        self.send(now, action, tag, false);
    }

    /// Sends an action that answers with a list, which is collected. The tag comes back in a `List`, in a `Response` if the
    /// answer is none (an error, say), or in a `NoAnswer`: a list that did not come to its end is never given as one.
    pub fn submit_list(&mut self, now: Duration, action: MessageBuilder, tag: T) {
        self.send(now, action, tag, true);
    }

    /// Says goodbye; the session closes when the server has.
    pub fn logoff(&mut self) {
        if self.is_logged_in() {
            self.send_own(action::logoff());
        } else {
            self.close(CloseReason::LoggedOff);
        }
    }

    /// To be called at [`ClientSession::next_deadline`]; harmless at any other time.
    pub fn handle_timer(&mut self, now: Duration) {
        match self.state {
            State::Closed => return,
            State::Greeting | State::Asking | State::LoggingIn => {
                if now >= self.login_deadline {
                    self.close(CloseReason::LoginTimeout);
                }
                return;
            }
            State::LoggedIn => {}
        }
        let expired = self.pending.expired(now);
        let withdrawn = self.withdraw(&expired);
        for (action_id, waiting) in expired {
            let why = if waiting.opened() {
                NoAnswer::IncompleteList
            } else if withdrawn.contains(&action_id) {
                NoAnswer::NotSent
            } else {
                NoAnswer::TimedOut
            };
            self.events.push_back(ClientEvent::NoAnswer { tag: waiting.tag, why });
        }
        if self.pings.is_missed(now) {
            let missed = self.pings.count_missed();
            self.events.push_back(ClientEvent::PingMissed { missed });
            if missed >= self.options.max_missed_pings {
                return self.close(CloseReason::PingLost);
            }
        }
        if self.pings.is_due(now) {
            let action_id = self.send_own(action::ping());
            self.pings.sent(now, action_id);
        }
    }

    /// When [`ClientSession::handle_timer`] is to be called next.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.state {
            State::Closed => None,
            State::Greeting | State::Asking | State::LoggingIn => Some(self.login_deadline),
            State::LoggedIn => {
                self.pending.next_deadline().into_iter().chain(self.pings.next_deadline()).min()
            }
        }
    }

    /// Bytes to write: whole messages, some 16 KiB of them at most. What was taken counts as sent; so take only what can be
    /// written next.
    pub fn take_output(&mut self) -> Option<Bytes> {
        let first = self.output.pop_front()?.wire;
        if self.output.is_empty() {
            return Some(first);
        }
        let mut taken = BytesMut::from(first);
        while let Some(next) = self.output.pop_front_if(|next| taken.len() + next.wire.len() <= MAX_OUTPUT) {
            taken.extend_from_slice(&next.wire);
        }
        Some(taken.freeze())
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<ClientEvent<T>> {
        self.events.pop_front()
    }

    fn greeted(&mut self, banner: String) {
        self.events.push_back(ClientEvent::Banner(banner));
        match self.options.auth {
            Auth::Md5 => {
                self.state = State::Asking;
                self.send_own(action::challenge());
            }
            Auth::Plain => {
                self.state = State::LoggingIn;
                let options = &self.options;
                self.send_own(action::login(&options.username, &options.secret, &options.events_mask));
            }
        }
    }

    fn arrived(&mut self, now: Duration, message: Message) {
        if message.is_response() {
            match self.state {
                State::Asking => self.challenged(&message),
                State::LoggingIn => self.login_answered(now, &message),
                State::LoggedIn => self.answered(now, message),
                State::Greeting | State::Closed => {}
            }
        } else if message.is_event_named("FullyBooted") {
            self.events.push_back(ClientEvent::FullyBooted(message));
        } else {
            let event = match self.pending.event(now, message) {
                Arrived::Taken => return,
                Arrived::Done(event) => event,
                Arrived::NotOurs(message) => ClientEvent::Event(message),
            };
            self.events.push_back(event);
        }
    }

    fn challenged(&mut self, response: &Message) {
        let Some(challenge) = response.get("Challenge").filter(|_| response.is_success()) else {
            return self.refused(response);
        };
        let options = &self.options;
        let login = action::login_md5(&options.username, &options.secret, &challenge, &options.events_mask);
        self.state = State::LoggingIn;
        self.send_own(login);
    }

    fn login_answered(&mut self, now: Duration, response: &Message) {
        if !response.is_success() {
            return self.refused(response);
        }
        self.state = State::LoggedIn;
        self.pings.start(now);
        self.events.push_back(ClientEvent::LoggedIn);
    }

    fn refused(&mut self, response: &Message) {
        let text = response.get("Message").map_or_else(|| "no reason given".to_owned(), Into::into);
        self.close(CloseReason::Refused(text));
    }

    fn answered(&mut self, now: Duration, response: Message) {
        if response.response().is_some_and(|value| value.eq_ignore_ascii_case("Goodbye")) {
            return self.close(CloseReason::LoggedOff);
        }
        let action_id = response.action_id_bytes().unwrap_or_default();
        if let Some(answer) = self.pings.answered(now, action_id) {
            if answer.after_a_miss {
                self.events.push_back(ClientEvent::PingAnswered { round_trip: answer.round_trip });
            }
            return;
        }
        match self.pending.response(now, response) {
            Arrived::Taken => {}
            Arrived::Done(event) => self.events.push_back(event),
            Arrived::NotOurs(response) => self.events.push_back(ClientEvent::Stray(response)),
        }
    }

    fn send(&mut self, now: Duration, action: MessageBuilder, tag: T, list: bool) {
        if !self.is_logged_in() {
            return self.events.push_back(ClientEvent::NoAnswer { tag, why: NoAnswer::NotSent });
        }
        let action_id = match action.current_action_id() {
            Some(id) => Bytes::copy_from_slice(id),
            None => self.make_action_id(),
        };
        if self.pending.contains(&action_id) {
            return self.events.push_back(ClientEvent::NoAnswer { tag, why: NoAnswer::ActionIdInUse });
        }
        match action.action_id(&action_id).finish() {
            Ok(message) => {
                self.output
                    .push_back(Outgoing { wire: message.to_wire(), action_id: Some(action_id.clone()) });
                self.pending.insert(now, action_id, Waiting::new(tag, list));
            }
            Err(error) => self.events.push_back(ClientEvent::NoAnswer { tag, why: error.into() }),
        }
    }

    /// Sends an action of the session's own. One that can't be encoded (a user name of two lines) closes the session.
    fn send_own(&mut self, action: MessageBuilder) -> Bytes {
        let action_id = self.make_action_id();
        match action.action_id(&action_id).finish() {
            Ok(message) => self.output.push_back(Outgoing { wire: message.to_wire(), action_id: None }),
            Err(error) => self.close(CloseReason::Protocol(error.to_string())),
        }
        action_id
    }

    fn make_action_id(&mut self) -> Bytes {
        self.made += 1;
        format!("{}{}", self.options.action_id_prefix, self.made).into()
    }

    /// Takes back those of the actions that were not given out for writing.
    fn withdraw(&mut self, actions: &[(Bytes, Waiting<T>)]) -> HashSet<Bytes> {
        if actions.is_empty() || self.output.is_empty() {
            return HashSet::new();
        }
        let mut queued: HashSet<Bytes> = self.output.iter().filter_map(|it| it.action_id.clone()).collect();
        let wanted: HashSet<&Bytes> = actions.iter().map(|(action_id, _)| action_id).collect();
        queued.retain(|action_id| wanted.contains(action_id));
        self.output.retain(|outgoing| outgoing.action_id.as_ref().is_none_or(|id| !queued.contains(id)));
        queued
    }

    fn close(&mut self, why: CloseReason) {
        if self.is_closed() {
            return;
        }
        self.state = State::Closed;
        let waiting = self.pending.drain();
        let unsent = self.withdraw(&waiting);
        self.output.clear();
        for (action_id, waiting) in waiting {
            let why = if unsent.contains(&action_id) { NoAnswer::NotSent } else { NoAnswer::Lost };
            self.events.push_back(ClientEvent::NoAnswer { tag: waiting.tag, why });
        }
        self.events.push_back(ClientEvent::Closed { why });
    }
}

#[cfg(test)]
mod tests;
