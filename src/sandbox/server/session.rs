//! One connection of the sandbox: bytes to and from a [`ServerSession`], requests to the world, its answers and events
//! back, and the faults that only a connection can have.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{Clock, ToPbx, ToSession};
use crate::ami::{Account, Denied, Privileges, ServerEvent, ServerOptions, ServerSession};
use crate::sandbox::world::{Input, SessionId};

const READ_AT_ONCE: usize = 16 * 1024;
/// Asterisk keeps whatever its clients do not read; so much is enough here.
const QUEUED_BYTES: usize = 64 * 1024 * 1024;
/// How much is taken from the world before the socket is looked at again.
const AT_ONCE: usize = 256;
/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What all connections share.
pub(super) struct Door {
    pub(super) username: String,
    pub(super) secret: String,
    pub(super) write_timeout: Duration,
    pub(super) clock: Clock,
}

/// Serves one connection to its end.
pub(super) async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    id: SessionId,
    door: Arc<Door>,
    to_pbx: mpsc::Sender<ToPbx>,
    stop: CancellationToken,
) {
    let (sender, from_pbx) = mpsc::unbounded_channel();
    if to_pbx.send(ToPbx::Opened(id, sender)).await.is_err() {
        return;
    }
    let options =
        ServerOptions { announces_boot: false, max_queued_bytes: QUEUED_BYTES, ..ServerOptions::default() };
    let random = uuid::Uuid::new_v4().into_bytes();
    let session = ServerSession::new(door.clock.real(), peer.to_string(), options, random);
    let mut connection = Connection {
        id,
        session,
        door,
        to_pbx,
        from_pbx,
        raw: VecDeque::new(),
        unwritten: Bytes::new(),
        progress: Instant::now(),
        stalled: None,
        ending: false,
    };
    connection.serve(stream, stop).await;
    drop(connection.to_pbx.send(ToPbx::Gone(id)).await);
}

/// Until when nothing is read or written.
#[derive(Debug, Clone, Copy)]
enum Stall {
    Until(Instant),
    ForEver,
}

struct Connection {
    id: SessionId,
    session: ServerSession,
    door: Arc<Door>,
    to_pbx: mpsc::Sender<ToPbx>,
    from_pbx: mpsc::UnboundedReceiver<ToSession>,
    raw: VecDeque<Bytes>,
    unwritten: Bytes,
    /// When bytes were last taken by the client, or began to wait for it.
    progress: Instant,
    stalled: Option<Stall>,
    /// It closes once all is written.
    ending: bool,
}

impl Connection {
    async fn serve(&mut self, stream: TcpStream, stop: CancellationToken) {
        let (mut reader, mut writer) = stream.into_split();
        let mut buffer = vec![0; READ_AT_ONCE];
        loop {
            if self.proceed().await.is_err() {
                return;
            }
            if self.ending && self.unwritten.is_empty() {
                break;
            }
            let (flowing, resume) = match self.stalled {
                None => (true, None),
                Some(Stall::Until(at)) => (false, Some(at)),
                Some(Stall::ForEver) => (false, None),
            };
            let deadline = self.session.next_deadline().map(|at| self.door.clock.origin + at);
            let give_up = self.progress + if self.ending { LAST_WORDS } else { self.door.write_timeout };
            let writing = flowing && !self.unwritten.is_empty();
            tokio::select! {
                read = reader.read(&mut buffer), if flowing && !self.ending && self.session.wants_input() => match read {
                    Ok(0) => self.session.receive_eof(),
                    Ok(read) => self.session.receive(&buffer[..read]),
                    Err(_) => return,
                },
                wrote = writer.write(&self.unwritten), if writing => match wrote {
                    Ok(wrote) if wrote > 0 => {
                        self.unwritten.advance(wrote);
                        self.progress = Instant::now();
                    }
                    Ok(_) | Err(_) => return,
                },
                () = sleep_until(give_up), if writing => return,
                told = self.from_pbx.recv(), if !self.ending => {
                    let Some(told) = told else { break };
                    self.told(told);
                    for _ in 1..AT_ONCE {
                        let Ok(told) = self.from_pbx.try_recv() else { break };
                        self.told(told);
                    }
                }
                () = sleep_until(deadline.unwrap_or(give_up)), if deadline.is_some() && flowing => {
                    self.session.handle_timer(self.door.clock.real());
                }
                () = sleep_until(resume.unwrap_or(give_up)), if resume.is_some() => {
                    self.stalled = None;
                    self.progress = Instant::now();
                }
                () = stop.cancelled() => return,
            }
        }
        // Closing over unread bytes would take our last words from the client.
        if writer.shutdown().await.is_ok() {
            let drained = async { while reader.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
            drop(timeout(LAST_WORDS, drained).await);
        }
    }

    /// Lets the session go on as far as it can.
    async fn proceed(&mut self) -> Result<(), ()> {
        if self.stalled.is_some() {
            return Ok(());
        }
        loop {
            while let Some(event) = self.session.poll(self.door.clock.real()) {
                let input = match event {
                    ServerEvent::Authenticate(login) => {
                        let known = login.username.eq_ignore_ascii_case(&self.door.username)
                            && login.proof.matches(&self.door.secret);
                        let account = Account {
                            name: self.door.username.clone(),
                            read: Privileges::ALL,
                            write: Privileges::ALL,
                        };
                        let verdict = known.then_some(account).ok_or(Denied::AuthenticationFailed);
                        self.session.authenticated(self.door.clock.real(), verdict);
                        if self.session.account().is_none() {
                            continue;
                        }
                        Input::LoggedIn(self.id)
                    }
                    ServerEvent::Request(request) => Input::Request(self.id, request),
                    ServerEvent::Closed(_) => {
                        self.ending = true;
                        self.progress = Instant::now();
                        continue;
                    }
                };
                self.to_pbx.send(ToPbx::Input(input)).await.map_err(drop)?;
            }
            if !self.unwritten.is_empty() {
                return Ok(());
            }
            match self.raw.pop_front().or_else(|| self.session.take_output()) {
                Some(output) => {
                    self.unwritten = output;
                    self.progress = Instant::now();
                }
                None => return Ok(()),
            }
        }
    }

    fn told(&mut self, told: ToSession) {
        match told {
            ToSession::Reply(message) => self.session.send_reply(&message),
            ToSession::Done => self.session.reply_done(),
            // Whoever never reads again would only fill our memory.
            ToSession::Event(..) if matches!(self.stalled, Some(Stall::ForEver)) => {}
            ToSession::Event(class, message) => self.session.send_event(class, &message),
            ToSession::Raw(bytes) => self.raw.push_back(bytes),
            ToSession::Stall(until) => self.stalled = Some(until.map_or(Stall::ForEver, Stall::Until)),
            ToSession::Cut => {
                self.ending = true;
                self.stalled = None;
                self.progress = Instant::now();
            }
        }
    }
}
