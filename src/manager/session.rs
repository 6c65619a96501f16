//! One connection, one task: moves bytes between the socket and `ServerSession`, requests to the actions, and events to
//! the client.
//!
//! Nothing here waits for the client alone. What it does not read stays in the session up to a bound; beyond that its
//! events wait in the bus, where they cost nothing, until it has missed some: then it is dropped, for a client that
//! believes to have seen every event must not be wrong. So is one that has read nothing for long. Others never notice.
//!
//! Events are written together that come within [`GATHER`] of the last write of some: a write costs more than all else that
//! an event and a reader take. One that comes after a quiet moment is written at once.
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
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc};
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
use crate::daemon::bus::{self, BEHIND_AT_MOST};

/// With more than this unread, no further event is taken for the client, and no further part of an answer.
const ENOUGH_QUEUED: usize = 256 * 1024;
/// Messages of an answer that may be ready before the client has taken what is.
const REPLIES_AHEAD: usize = 16;
const READ_AT_ONCE: usize = 16 * 1024;
/// Requests that are under way together at most, where they can be: enough that some are written while others are answered.
const TOGETHER_AT_MOST: usize = 256;
/// After so many of them the client's events have their turn.
const TOGETHER_IN_A_ROW: usize = 1024;
/// How long a client has to take the last of its answers.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The same while the daemon stops.
const LAST_WORDS_OF_ALL: Duration = Duration::from_secs(1);
/// How long Asterisk may take over an action whose client has closed its side: it may still read, or be gone.
const ANSWER_AFTER_EOF: Duration = Duration::from_secs(10);
/// How long what a client still sends is read after the end: closing over it would take our last words from it.
const LINGER: Duration = Duration::from_millis(500);

/// After events were taken for the client the next ones gather for so long.
const GATHER: Duration = Duration::from_millis(2);
/// With more of our events than this waiting for the client, it gets them before it is served further.
const EVENTS_FIRST: usize = BEHIND_AT_MOST / 4;

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
    /// Where it is of several requests.
    together: Option<Together>,
}

/// Requests that are carried out together.
struct Together {
    actions: actions::Together,
    /// So many were begun.
    begun: usize,
    /// So many of them are answered: a message each.
    answered: usize,
}

impl Together {
    fn takes_more(&self) -> bool {
        self.begun < TOGETHER_IN_A_ROW && self.begun - self.answered < TOGETHER_AT_MOST
    }

    fn add(&mut self, request: &Request) {
        self.actions.add(request);
        self.begun += 1;
    }
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
        events: None,
        gathering_until: None,
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
    /// Our own events, while the client reads them: others are not woken by each.
    events: Option<broadcast::Receiver<Arc<bus::Told>>>,
    /// Until then events gather.
    gathering_until: Option<Instant>,
}

/// The client has missed events, or is about to.
struct Missed;

impl Connection {
    async fn serve(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Ending {
        let door = Arc::clone(&self.door);
        let mut buffer = vec![0; READ_AT_ONCE];
        let mut give_up: Option<Instant> = None;
        let mut input_ended: Option<Instant> = None;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut in_vain = 0;
        loop {
            let stopping = door.stop.is_cancelled();
            self.proceed(stopping);
            self.listen();
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
            let open = self.closed.is_none();
            let takes_events = open && room && (self.work.is_none() || is_asked);
            let gathers = self.gathering_until.filter(|_| takes_events);
            let takes_now = takes_events && gathers.is_none();
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
                    let behind = self.events_waiting() > BEHIND_AT_MOST
                        || self.asterisk.as_ref().is_some_and(Listener::is_too_far_behind);
                    if in_vain > LOOKS_IN_VAIN || behind {
                        return self.too_slow();
                    }
                }
                // While an answer of ours is under way, which never takes long, and once any has begun, events would only
                // wait in the session.
                event = next_event(&mut self.events), if takes_now => match event {
                    Ok(event) => {
                        self.announce(&event);
                        if self.take_waiting().is_err() {
                            return self.too_slow();
                        }
                    }
                    Err(RecvError::Lagged(_)) => return self.too_slow(),
                    Err(RecvError::Closed) => return Ending::Close,
                },
                told = next_told(&mut self.asterisk), if takes_now => match told {
                    Ok(told) => {
                        self.pass_on(told);
                        if self.take_waiting().is_err() {
                            return self.too_slow();
                        }
                    }
                    Err(RecvError::Lagged(_)) if !self.session.event_classes().is_empty() => return self.too_slow(),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => self.asterisk = None,
                },
                () = sleep_until(gathers.unwrap_or_else(Instant::now)), if gathers.is_some() => {
                    self.gathering_until = None;
                }
                reply = next_reply(&mut self.work), if room => {
                    self.answer(reply);
                    // Whoever sends the next request before this answer has come would never hear of anything else.
                    if self.work.is_none() && self.take_waiting().is_err() {
                        return self.too_slow();
                    }
                }
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
            while self.closed.is_none() && !(stopping && self.work.is_none()) && !self.owes_events() {
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
            if !stopping {
                self.join();
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
        let may = self.session.account().map_or(Privileges::NONE, |account| account.write);
        let (handle, control) = (self.door.handle.clone(), self.door.control.clone());
        let action_id = request.action_id().map(Bytes::copy_from_slice);
        let relay = self.door.relay.clone().filter(|_| actions::is_for_asterisk(&request));
        let relayed = relay.is_some();
        let reads = self.session.event_classes();
        let mut together = None;
        let done: Task<()> = if actions::joins(&request, may) {
            let (actions, done) = actions::perform_together(handle, sender);
            together.insert(Together { actions, begun: 0, answered: 0 }).add(&request);
            Box::pin(done)
        } else {
            let replies_to = Replies::new(&request, sender);
            match relay {
                Some(relay) => {
                    Box::pin(relay.perform(relay::Asked { request, may, reads }, handle, replies_to))
                }
                None => Box::pin(actions::perform(request, may, handle, control, replies_to)),
            }
        };
        self.work = Some(Work { done: Some(done), replies, relayed, action_id, begun: false, together });
    }

    /// Has those requests join the ones under way that can be carried out with them.
    fn join(&mut self) {
        let may = self.session.account().map_or(Privileges::NONE, |account| account.write);
        let Some(Work { together: Some(together), .. }) = &mut self.work else { return };
        while together.takes_more()
            && let Some(next) = self.session.poll_joining(|next| actions::joins(next, may))
        {
            together.add(&next);
        }
    }

    /// Takes a message of the answer under way and those that are ready behind it, or its end.
    fn answer(&mut self, reply: Option<Message>) {
        let mut next = reply;
        let is_over = next.is_none();
        while let (Some(reply), Some(work)) = (next.take(), &mut self.work) {
            self.session.send_reply(&reply);
            work.begun = true;
            if let Some(together) = &mut work.together {
                together.answered += 1;
            }
            let room = self.session.room() > QUEUED_BYTES - ENOUGH_QUEUED;
            next = if room { work.replies.try_recv().ok() } else { None };
        }
        if !is_over {
            return;
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

    fn announce(&mut self, told: &bus::Told) {
        let wire = told.wire(|event| render::event(event).to_wire());
        self.session.send_event_of(render::CLASS.into(), wire);
    }

    /// Takes the events that are there, as many as the client has room for, and lets the next ones gather.
    fn take_waiting(&mut self) -> Result<(), Missed> {
        self.gathering_until = Some(Instant::now() + GATHER);
        while self.closed.is_none() && self.queued() < ENOUGH_QUEUED {
            let Some(events) = &mut self.events else { break };
            match events.try_recv() {
                Ok(event) => self.announce(&event),
                Err(TryRecvError::Lagged(_)) => return Err(Missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        while self.closed.is_none() && self.queued() < ENOUGH_QUEUED {
            let Some(asterisk) = &mut self.asterisk else { break };
            match asterisk.try_recv() {
                Ok(told) => self.pass_on(told),
                Err(TryRecvError::Lagged(_)) if !self.session.event_classes().is_empty() => {
                    return Err(Missed);
                }
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        Ok(())
    }

    /// Whether so many of our events wait for the client that it would miss some if it were served further.
    fn owes_events(&self) -> bool {
        self.events_waiting() > EVENTS_FIRST
    }

    /// So many of our events wait for the client.
    fn events_waiting(&self) -> usize {
        self.events.as_ref().map_or(0, broadcast::Receiver::len)
    }

    /// Listens to our events from the moment on from which the client reads them, until it no longer does.
    fn listen(&mut self) {
        match (self.listens(), &self.events) {
            (true, None) => self.events = Some(self.door.handle.events()),
            (false, Some(_)) => self.events = None,
            (true, Some(_)) | (false, None) => {}
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

/// The next of our events. Waits for ever where the client reads none.
async fn next_event(
    events: &mut Option<broadcast::Receiver<Arc<bus::Told>>>,
) -> Result<Arc<bus::Told>, RecvError> {
    match events {
        Some(events) => events.recv().await,
        None => pending().await,
    }
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
            // It holds the channel of the answers open.
            work.together = None;
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
