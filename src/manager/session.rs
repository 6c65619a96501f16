//! One connection, one task: moves bytes between the socket and `ServerSession`, requests to the actions, and events to
//! the client.
//!
//! Nothing here waits for the client alone. What it does not read stays in the session up to a bound; beyond that its
//! events wait in the bus, where they cost nothing, until it has missed some: then it is dropped, for a client that
//! believes to have seen every event must not be wrong. So is one that has read nothing for long. Others never notice.
//!
//! Events wait while an answer is under way, as at Asterisk. Where Asterisk takes long over a relayed action, and nothing of
//! its answer has come, they go on once they have become many; but those with its ActionID, which clients would take for
//! the answer.

use std::collections::VecDeque;
use std::future::pending;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tracing::{debug, warn};

use super::actions::{self, Replies};
use super::places::Place;
use super::relay::{self, Listener, Told};
use super::render;
use super::{Door, QUEUED_BYTES};
use crate::ami::server_session::Closed;
use crate::ami::{Account, Denied, Message, Privileges, Request, ServerEvent, ServerSession};
use crate::crash::{self, Point};
use crate::daemon::bus::BEHIND_AT_MOST;
use crate::model::event::OutEvent;

/// With more than this unread, no further event is taken for the client, and no further part of an answer.
const ENOUGH_QUEUED: usize = 256 * 1024;
/// Messages of an answer that may be ready before the client has taken what is.
const REPLIES_AHEAD: usize = 16;
const READ_AT_ONCE: usize = 16 * 1024;
/// How long a client has to take the last of its answers.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The same while the daemon stops.
const LAST_WORDS_OF_ALL: Duration = Duration::from_secs(1);
/// How long Asterisk may take over an action whose client has closed its side: it may still read, or be gone.
const ANSWER_AFTER_EOF: Duration = Duration::from_secs(10);
/// How long what a client still sends is read after the end: closing over it would take our last words from it.
const LINGER: Duration = Duration::from_millis(500);

/// How often a client that has something to read is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// So many looks without a byte read, and the client is dropped.
const LOOKS_IN_VAIN: u32 = 30;

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An action under way.
struct Work {
    done: Option<Task<()>>,
    replies: mpsc::Receiver<Message>,
    relayed: bool,
    /// Of the request.
    action_id: Option<Bytes>,
    /// Something of the answer has come.
    begun: bool,
}

/// Serves one connection until it ends, or the daemon does.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Send>(
    stream: S,
    session: ServerSession,
    door: &Arc<Door>,
    address: Option<IpAddr>,
    stranger: Option<Place>,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut connection = Connection {
        session,
        door: Arc::clone(door),
        address,
        stranger,
        login: None,
        work: None,
        asterisk: door.relay.as_ref().map(relay::Relay::listen),
        after_the_answer: VecDeque::new(),
        unwritten: Bytes::new(),
        closed: None,
    };
    if let Ending::Drop = connection.serve(&mut reader, &mut writer).await {
        return;
    }
    // From here on nobody is told anything.
    if writer.shutdown().await.is_ok() {
        let mut rest = vec![0; READ_AT_ONCE];
        let drained = async { while reader.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
        drop(timeout(LINGER, drained).await);
    }
}

/// How a connection is given up.
enum Ending {
    /// All is said.
    Close,
    /// It is gone, or reads nothing.
    Drop,
}

struct Connection {
    session: ServerSession,
    door: Arc<Door>,
    address: Option<IpAddr>,
    stranger: Option<Place>,
    login: Option<Task<Result<Account, Denied>>>,
    work: Option<Work>,
    /// Asterisk's events, where they are relayed.
    asterisk: Option<Listener>,
    /// Events with the ActionID of the answer under way.
    after_the_answer: VecDeque<Told>,
    unwritten: Bytes,
    closed: Option<Closed>,
}

impl Connection {
    async fn serve(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Ending {
        let door = Arc::clone(&self.door);
        let mut events = door.handle.events();
        let mut buffer = vec![0; READ_AT_ONCE];
        let mut give_up: Option<Instant> = None;
        let mut input_ended: Option<Instant> = None;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut in_vain = 0;
        loop {
            let stopping = door.stop.is_cancelled();
            self.proceed(stopping);
            if let Some(asterisk) = &mut self.asterisk {
                asterisk.reads(self.session.event_classes());
            }
            let idle = self.work.is_none() && self.login.is_none();
            if (self.closed.is_some() || (stopping && idle)) && self.unwritten.is_empty() {
                return Ending::Close;
            }
            if give_up.is_none() && (stopping || self.closed.is_some()) {
                give_up = Some(Instant::now() + if stopping { LAST_WORDS_OF_ALL } else { LAST_WORDS });
            }
            if self.queued() >= ENOUGH_QUEUED && self.work.as_ref().is_some_and(|work| !work.begun) {
                self.session.release_events();
                self.proceed(stopping);
            }
            let room = self.queued() < ENOUGH_QUEUED;
            let is_asked = self.work.as_ref().is_some_and(|work| work.relayed && !work.begun);
            let takes_events = self.work.is_none() || is_asked;
            let open = self.closed.is_none();
            let deadline = self.session.next_deadline().map(|mono| door.clock.instant(mono));
            tokio::select! {
                read = reader.read(&mut buffer), if open && !stopping && self.session.wants_input() => match read {
                    Ok(0) => {
                        input_ended = Some(Instant::now() + ANSWER_AFTER_EOF);
                        self.session.receive_eof();
                    }
                    Ok(read) => self.session.receive(&buffer[..read]),
                    Err(why) => return self.gone(&why),
                },
                wrote = writer.write(&self.unwritten), if !self.unwritten.is_empty() => match wrote {
                    Ok(0) => return Ending::Drop,
                    Ok(wrote) => {
                        crash::at_if(Point::AfterReply, || tells_of_a_creation(&self.unwritten[..wrote]));
                        self.unwritten.advance(wrote);
                        in_vain = 0;
                    }
                    Err(why) => return self.gone(&why),
                },
                _ = looks.tick(), if !self.unwritten.is_empty() => {
                    in_vain += 1;
                    let behind = (self.listens() && events.len() > BEHIND_AT_MOST)
                        || self.asterisk.as_ref().is_some_and(Listener::is_too_far_behind);
                    if in_vain > LOOKS_IN_VAIN || behind {
                        return self.too_slow();
                    }
                }
                // While an answer of ours is under way, which never takes long, and once any has begun, events would only
                // wait in the session.
                event = events.recv(), if open && room && takes_events => match event {
                    Ok(event) => self.announce(&event),
                    Err(RecvError::Lagged(_)) if self.listens() => return self.too_slow(),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ending::Close,
                },
                told = next_told(&mut self.asterisk), if open && room && takes_events => match told {
                    Ok(told) => self.pass_on(told),
                    Err(RecvError::Lagged(_)) if !self.session.event_classes().is_empty() => return self.too_slow(),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => self.asterisk = None,
                },
                reply = next_reply(&mut self.work), if room => self.answer(reply),
                verdict = checked(&mut self.login) => {
                    self.login = None;
                    if verdict.is_ok() {
                        self.stranger = None;
                    }
                    self.session.authenticated(door.now(), verdict);
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    self.session.handle_timer(door.now());
                }
                () = sleep_until(input_ended.unwrap_or_else(Instant::now)), if input_ended.is_some() && is_asked => {
                    return Ending::Drop;
                }
                () = sleep_until(give_up.unwrap_or_else(Instant::now)), if give_up.is_some() => return Ending::Drop,
                () = door.stop.cancelled(), if !stopping => {}
            }
        }
    }

    /// Lets the session go on as far as it can. While stopping it begins nothing new.
    fn proceed(&mut self, stopping: bool) {
        loop {
            while self.closed.is_none() && !(stopping && self.work.is_none()) {
                let Some(event) = self.session.poll(self.door.now()) else { break };
                match event {
                    ServerEvent::Authenticate(login) => {
                        let (door, address) = (Arc::clone(&self.door), self.address);
                        self.login = Some(Box::pin(async move {
                            door.gate.check(door.now().monotonic, address, login).await
                        }));
                    }
                    ServerEvent::Request(request) => self.begin(request),
                    ServerEvent::Closed(why) => self.close(why),
                }
            }
            if !self.unwritten.is_empty() {
                return;
            }
            match self.session.take_output() {
                Some(output) => self.unwritten = output,
                None => return,
            }
        }
    }

    fn begin(&mut self, request: Request) {
        let (sender, replies) = mpsc::channel(REPLIES_AHEAD);
        let replies_to = Replies::new(&request, sender);
        let may = self.session.account().map_or(Privileges::NONE, |account| account.write);
        let (handle, control) = (self.door.handle.clone(), self.door.control.clone());
        let action_id = request.action_id().map(Bytes::copy_from_slice);
        let relay = self.door.relay.clone().filter(|_| actions::is_for_asterisk(&request));
        let relayed = relay.is_some();
        let reads = self.session.event_classes();
        let done: Task<()> = match relay {
            Some(relay) => Box::pin(relay.perform(relay::Asked { request, may, reads }, handle, replies_to)),
            None => Box::pin(actions::perform(request, may, handle, control, replies_to)),
        };
        self.work = Some(Work { done: Some(done), replies, relayed, action_id, begun: false });
    }

    /// Takes a message of the answer under way, or its end.
    fn answer(&mut self, reply: Option<Message>) {
        if let Some(reply) = reply {
            if let Some(work) = &mut self.work {
                work.begun = true;
            }
            return self.session.send_reply(&reply);
        }
        self.work = None;
        self.session.reply_done();
        for told in std::mem::take(&mut self.after_the_answer) {
            self.session.send_event_of(told.needs, told.wire);
        }
    }

    /// Passes an event of Asterisk's on.
    fn pass_on(&mut self, told: Told) {
        let awaited = self.work.as_ref().and_then(|work| work.action_id.as_ref());
        if awaited.is_some() && awaited == told.action_id.as_ref() {
            self.after_the_answer.push_back(told);
        } else {
            self.session.send_event_of(told.needs, told.wire);
        }
    }

    fn close(&mut self, why: Closed) {
        match why {
            Closed::Overflow => {
                warn!(peer = self.session.peer(), user = self.user(), "dropped: {why}");
            }
            Closed::LoggedOff | Closed::Eof | Closed::Denied | Closed::AuthTimeout => {
                debug!(peer = self.session.peer(), "closed: {why}");
            }
        }
        self.closed = Some(why);
        self.work = None;
        self.login = None;
    }

    fn announce(&mut self, event: &OutEvent) {
        if self.listens() {
            self.session.send_event(render::CLASS, &render::event(event));
        }
    }

    /// Whether the client reads our events.
    fn listens(&self) -> bool {
        self.session.event_classes().contains(render::CLASS)
    }

    fn queued(&self) -> usize {
        QUEUED_BYTES.saturating_sub(self.session.room())
    }

    fn user(&self) -> &str {
        self.session.account().map_or("", |account| account.name.as_str())
    }

    fn too_slow(&self) -> Ending {
        warn!(
            peer = self.session.peer(),
            user = self.user(),
            "dropped: it does not read what it is sent, or too slowly"
        );
        Ending::Drop
    }

    fn gone(&self, why: &std::io::Error) -> Ending {
        debug!(peer = self.session.peer(), %why, "the connection broke");
        Ending::Drop
    }
}

fn tells_of_a_creation(written: &[u8]) -> bool {
    String::from_utf8_lossy(written).contains("created successfully")
}

/// The next event of Asterisk's. Waits for ever where they are not relayed.
async fn next_told(asterisk: &mut Option<Listener>) -> Result<Told, RecvError> {
    match asterisk {
        Some(asterisk) => asterisk.recv().await,
        None => pending().await,
    }
}

/// The next message of the answer under way; `None` at its end. Waits for ever where none is under way.
async fn next_reply(work: &mut Option<Work>) -> Option<Message> {
    let Some(work) = work else { return pending().await };
    let Some(task) = &mut work.done else { return work.replies.recv().await };
    tokio::select! {
        biased;
        Some(reply) = work.replies.recv() => Some(reply),
        () = task => {
            work.done = None;
            work.replies.recv().await
        }
    }
}

async fn checked(login: &mut Option<Task<Result<Account, Denied>>>) -> Result<Account, Denied> {
    match login {
        Some(login) => login.await,
        None => pending().await,
    }
}
