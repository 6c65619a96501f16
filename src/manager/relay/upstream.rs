//! Sessions on Asterisk for what is relayed. An action has one to itself for as long as it takes, so that one which blocks
//! (a synchronous Originate, WaitEvent, a long list) holds up nobody else's, and never the dialer's. Afterwards it is
//! kept for the next one, for a while. They get no events: all that comes on one is the answer.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::Asterisk;
use crate::ami::{ClientEvent, ClientOptions, ClientSession, CloseReason, Message, MessageBuilder};

/// So many actions are relayed at once; Asterisk spends a thread on each session.
pub(super) const SESSIONS: usize = 50;
/// How long an action waits for one of them.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long connecting and logging in may take together.
const LOGIN: Duration = Duration::from_secs(5);
/// How long a session is kept that nobody uses.
const KEPT: Duration = Duration::from_secs(60);
/// After a refused login, for so long none is tried: it would fill Asterisk's log and look like an attack.
const REFUSED: Duration = Duration::from_secs(10);
/// An action may block for as long as it likes, and while one does no ping is answered.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Why there is no session to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSession {
    /// All are in use.
    #[error("{SESSIONS} relayed actions are under way, and so many are let be; try again")]
    Busy,
    /// Nobody answers there.
    #[error("Asterisk is not reached: {0}")]
    Away(String),
    /// It answers, and lets the relay's user not in.
    #[error("Asterisk refuses the relay's login (see [asterisk] relay_username): {0}")]
    Refused(String),
}

/// The sessions.
pub(super) struct Pool {
    asterisk: Asterisk,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<(Instant, Upstream)>>,
    refused: Mutex<Option<(Instant, String)>>,
}

impl Pool {
    pub(super) fn new(asterisk: Asterisk) -> Self {
        let places = Arc::new(Semaphore::new(SESSIONS));
        Self { asterisk, places, idle: Mutex::default(), refused: Mutex::default() }
    }

    /// A session that is logged in and idle, for as long as its place is held.
    pub(super) async fn take(&self) -> Result<(OwnedSemaphorePermit, Upstream), NoSession> {
        let place = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.ok().and_then(Result::ok).ok_or(NoSession::Busy)?;
        while let Some(mut upstream) = self.pop() {
            if upstream.is_idle() {
                return Ok((place, upstream));
            }
        }
        if let Some((until, why)) = &*lock(&self.refused)
            && Instant::now() < *until
        {
            return Err(NoSession::Refused(why.clone()));
        }
        let opened = timeout(LOGIN, Upstream::open(&self.asterisk)).await;
        let opened = opened.unwrap_or_else(|_| Err(NoSession::Away("no answer".to_owned())));
        if let Err(NoSession::Refused(why)) = &opened {
            *lock(&self.refused) = Some((Instant::now() + REFUSED, why.clone()));
        }
        Ok((place, opened?))
    }

    /// Takes back one whose answer is complete.
    pub(super) fn give_back(&self, upstream: Upstream) {
        lock(&self.idle).push((Instant::now(), upstream));
    }

    /// Closes those that nobody has used for a while; gives when there may be more to close.
    pub(super) fn close_unused(&self) -> Instant {
        let now = Instant::now();
        lock(&self.idle).retain(|(since, _)| now < *since + KEPT);
        now + KEPT / 4
    }

    /// The one that was used last, so that the others come to their end.
    fn pop(&self) -> Option<Upstream> {
        lock(&self.idle).pop().map(|(_, upstream)| upstream)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One session.
pub(super) struct Upstream {
    stream: TcpStream,
    session: ClientSession<()>,
    origin: Instant,
    input: BytesMut,
}

impl Upstream {
    async fn open(asterisk: &Asterisk) -> Result<Self, NoSession> {
        let away = |why: io::Error| NoSession::Away(why.to_string());
        let stream = TcpStream::connect((asterisk.host.as_str(), asterisk.port)).await.map_err(away)?;
        stream.set_nodelay(true).map_err(away)?;
        let options = ClientOptions {
            username: asterisk.username.clone(),
            secret: asterisk.secret.clone(),
            events_mask: "off".to_owned(),
            action_timeout: FOR_EVER,
            ping_every: FOR_EVER,
            ..ClientOptions::default()
        };
        let session = ClientSession::new(Duration::ZERO, options);
        let mut upstream =
            Self { stream, session, origin: Instant::now(), input: BytesMut::with_capacity(16 * 1024) };
        loop {
            match upstream.event().await.map_err(away)? {
                ClientEvent::LoggedIn => return Ok(upstream),
                ClientEvent::Closed { why: CloseReason::Refused(why) } => {
                    return Err(NoSession::Refused(why));
                }
                ClientEvent::Closed { why } => return Err(NoSession::Away(why.to_string())),
                ClientEvent::Banner(_)
                | ClientEvent::FullyBooted(_)
                | ClientEvent::Response { .. }
                | ClientEvent::List { .. }
                | ClientEvent::NoAnswer { .. }
                | ClientEvent::Event(_)
                | ClientEvent::Stray(_)
                | ClientEvent::PingMissed { .. }
                | ClientEvent::PingAnswered { .. } => {}
            }
        }
    }

    /// Sends an action; its answer comes by [`Upstream::next`].
    pub(super) async fn ask(&mut self, action: MessageBuilder) -> io::Result<()> {
        self.session.submit(self.origin.elapsed(), action, ());
        self.write().await
    }

    /// The next message of the answer. Nothing is lost when this is dropped half-way.
    pub(super) async fn next(&mut self) -> io::Result<Message> {
        loop {
            match self.event().await? {
                ClientEvent::Response { message, .. }
                | ClientEvent::Stray(message)
                | ClientEvent::Event(message) => return Ok(message),
                ClientEvent::NoAnswer { why, .. } => return Err(io::Error::other(why)),
                ClientEvent::Closed { why } => return Err(io::Error::other(why)),
                ClientEvent::Banner(_)
                | ClientEvent::LoggedIn
                | ClientEvent::FullyBooted(_)
                | ClientEvent::List { .. }
                | ClientEvent::PingMissed { .. }
                | ClientEvent::PingAnswered { .. } => {}
            }
        }
    }

    async fn event(&mut self) -> io::Result<ClientEvent<()>> {
        loop {
            if let Some(event) = self.session.poll_event() {
                return Ok(event);
            }
            self.write().await?;
            if self.stream.read_buf(&mut self.input).await? == 0 {
                self.session.receive_eof();
            }
            self.session.receive(self.origin.elapsed(), &self.input);
            self.input.clear();
        }
    }

    async fn write(&mut self) -> io::Result<()> {
        while let Some(output) = self.session.take_output() {
            self.stream.write_all(&output).await?;
        }
        Ok(())
    }

    /// Whether it is still there, with nothing to say.
    fn is_idle(&mut self) -> bool {
        let mut byte = [0];
        let read = self.stream.try_read(&mut byte);
        read.is_err_and(|why| why.kind() == io::ErrorKind::WouldBlock) && self.session.is_logged_in()
    }
}
