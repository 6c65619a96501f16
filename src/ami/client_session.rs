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

mod pending;
mod pings;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::Decoder;

use self::pending::{Arrived, Pending, Waiting};
use self::pings::Pings;
use super::action;
use super::builder::{EncodeError, MessageBuilder};
use super::codec::{ClientCodec, FromServer};
use super::message::Message;

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// Over a challenge, so that the secret does not cross the wire (spec 4.4).
    #[default]
    Md5,
    /// With the secret in clear.
    Plain,
}

/// What a session needs to know. Debug output hides the secret.
#[derive(Clone)]
pub struct ClientOptions {
    /// The manager user on the Asterisk.
    pub username: String,
    /// Its secret.
    pub secret: String,
    /// The `Events` header of Login, such as `call,user`; empty for everything that is readable (spec 5.2).
    pub events_mask: String,
    /// How to log in.
    pub auth: Auth,
    /// Begins the ActionIDs that the session makes. OriginateResponse events carry those of all clients to all of
    /// them, so it should clash with nobody's: give it some randomness per connection.
    pub action_id_prefix: String,
    /// How long an action may stay unanswered; for a list, how long nothing of it may come. Also the time for banner
    /// and login together.
    pub action_timeout: Duration,
    /// Between two pings.
    pub ping_every: Duration,
    /// How long a ping may stay unanswered before it counts as missed; less than `ping_every`.
    pub ping_deadline: Duration,
    /// So many missed pings in a row close the session.
    pub max_missed_pings: u32,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            username: String::new(),
            secret: String::new(),
            events_mask: String::new(),
            auth: Auth::Md5,
            action_id_prefix: "c:".to_owned(),
            action_timeout: Duration::from_secs(10),
            ping_every: Duration::from_secs(5),
            ping_deadline: Duration::from_secs(2),
            max_missed_pings: 3,
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClientOptions")
            .field("username", &self.username)
            .field("secret", &"***")
            .field("events_mask", &self.events_mask)
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}

/// What a session tells, in the order in which it came from the server.
#[derive(Debug)]
pub enum ClientEvent<T> {
    /// The banner line (spec 1.1).
    Banner(String),
    /// Login succeeded: from here on actions are accepted.
    LoggedIn,
    /// Asterisk is up; follows the login, or comes later while it boots (spec 4.1). Carries `Uptime`.
    FullyBooted(Message),
    /// The answer to an action; also the plain answer to an action that might have answered with a list.
    Response {
        /// As submitted.
        tag: T,
        /// The response.
        message: Message,
    },
    /// A complete list (spec 6.1).
    List {
        /// As submitted.
        tag: T,
        /// The response that opened it.
        response: Message,
        /// Its items, in order.
        items: Vec<Message>,
        /// The event that closed it.
        complete: Message,
    },
    /// There is no answer, or no complete one.
    NoAnswer {
        /// As submitted.
        tag: T,
        /// What is known about it.
        why: NoAnswer,
    },
    /// Any other event.
    Event(Message),
    /// A response that nobody waits for (any more): a late one, or a stranger's.
    Stray(Message),
    /// A ping was not answered in time: nothing more should be sent that can't be taken back.
    PingMissed {
        /// How many in a row, this one included.
        missed: u32,
    },
    /// Pings are answered again.
    PingAnswered {
        /// How long this one took.
        round_trip: Duration,
    },
    /// The end; nothing comes behind it.
    Closed {
        /// Why.
        why: CloseReason,
    },
}

/// Why an action has no answer. What counts is whether Asterisk may have executed it: see [`NoAnswer::was_sent`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Never handed out for writing: not logged in, or withdrawn in time.
    #[error("not sent")]
    NotSent,
    /// Never handed out for writing: it can't be encoded.
    #[error("not sent: {0}")]
    Invalid(#[from] EncodeError),
    /// Never handed out for writing: an action with this ActionID is under way.
    #[error("not sent: its ActionID is in use")]
    ActionIdInUse,
    /// Written, maybe in part, and the connection is gone.
    #[error("the connection was lost before the answer")]
    Lost,
    /// Written, and not answered in time.
    #[error("no answer in time")]
    TimedOut,
    /// Answered by a list that did not come to its end, or came with fewer items than it counts.
    #[error("the list is incomplete")]
    IncompleteList,
}

impl NoAnswer {
    /// Whether the action may have reached Asterisk, so that it may have been, or may yet be, executed.
    pub fn was_sent(&self) -> bool {
        match self {
            Self::NotSent | Self::Invalid(_) | Self::ActionIdInUse => false,
            Self::Lost | Self::TimedOut | Self::IncompleteList => true,
        }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The server refused the login; its text (spec 4.2).
    #[error("login refused: {0}")]
    Refused(String),
    /// Banner and login took longer than an action may.
    #[error("no answer to the login")]
    LoginTimeout,
    /// Too many pings in a row were not answered.
    #[error("pings are not answered")]
    PingLost,
    /// What came is no AMI.
    #[error("protocol error: {0}")]
    Protocol(String),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Eof,
    /// The connection failed; what the caller said of it.
    #[error("{0}")]
    Io(String),
    /// We logged off.
    #[error("logged off")]
    LoggedOff,
}

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
            match self.codec.decode(&mut self.input) {
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
        for (action_id, waiting) in self.pending.expired(now) {
            let why = if waiting.opened() {
                NoAnswer::IncompleteList
            } else if self.withdraw(&action_id) {
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

    /// Takes an action back that was not given out for writing; false if it was.
    fn withdraw(&mut self, action_id: &Bytes) -> bool {
        let before = self.output.len();
        self.output.retain(|outgoing| outgoing.action_id.as_ref() != Some(action_id));
        self.output.len() < before
    }

    fn close(&mut self, why: CloseReason) {
        if self.is_closed() {
            return;
        }
        self.state = State::Closed;
        let unsent: Vec<_> = self.output.drain(..).filter_map(|outgoing| outgoing.action_id).collect();
        for (action_id, waiting) in self.pending.drain() {
            let why = if unsent.contains(&action_id) { NoAnswer::NotSent } else { NoAnswer::Lost };
            self.events.push_back(ClientEvent::NoAnswer { tag: waiting.tag, why });
        }
        self.events.push_back(ClientEvent::Closed { why });
    }
}

#[cfg(test)]
mod tests;
