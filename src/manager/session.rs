//! One connection, one task: moves bytes between the socket and `ServerSession`, requests to the actions, and events to
//! the client.
//!
//! Nothing here waits for the client alone. What it does not read stays in the session up to a bound; beyond that its
//! events wait in the bus, where they cost nothing, until it has missed some: then it is dropped, for a client that
//! believes to have seen every event must not be wrong. So is one that has read nothing for long. Others never notice.

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
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut in_vain = 0;
        loop {
            let stopping = door.stop.is_cancelled();
            self.proceed(stopping);
            let idle = self.work.is_none() && self.login.is_none();
            if (self.closed.is_some() || (stopping && idle)) && self.unwritten.is_empty() {
                return Ending::Close;
            }
            if give_up.is_none() && (stopping || self.closed.is_some()) {
                give_up = Some(Instant::now() + if stopping { LAST_WORDS_OF_ALL } else { LAST_WORDS });
            }
            let room = self.queued() < ENOUGH_QUEUED;
            let open = self.closed.is_none();
            let deadline = self.session.next_deadline().map(|mono| door.clock.instant(mono));
            tokio::select! {
                read = reader.read(&mut buffer), if open && !stopping && self.session.wants_input() => match read {
                    Ok(0) => self.session.receive_eof(),
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
                    if in_vain > LOOKS_IN_VAIN || (self.listens() && events.len() > BEHIND_AT_MOST) {
                        return self.too_slow();
                    }
                }
                // While an answer is under way its events would only wait in the session.
                event = events.recv(), if open && room && self.work.is_none() => match event {
                    Ok(event) => self.announce(&event),
                    Err(RecvError::Lagged(_)) if self.listens() => return self.too_slow(),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ending::Close,
                },
                reply = next_reply(&mut self.work), if room => match reply {
                    Some(reply) => self.session.send_reply(&reply),
                    None => {
                        self.work = None;
                        self.session.reply_done();
                    }
                },
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
        let done = Box::pin(async move { actions::perform(request, may, handle, control, replies_to).await });
        self.work = Some(Work { done: Some(done), replies });
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
