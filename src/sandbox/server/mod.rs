//! The shell: the listener, the clock, one task that owns the world, and a task a connection.
//!
//! ```text
//!   accept ──► session ──ToPbx──► pbx: World::handle ──ToSession──► session ──► socket
//!                                  └──► dial log
//! ```

mod session;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::profile::{Profile, seconds};
use super::world::{Input, Output, SessionId, World};
use crate::ami::{Class, Message, Now};

/// Requests that may wait for the world: with more, their sessions wait.
const REQUESTS: usize = 1024;
/// How many inputs are taken before the clock is looked at again.
const AT_ONCE: usize = 64;
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What a sandbox is told.
#[derive(Debug)]
pub struct Options {
    /// The one AMI user.
    pub username: String,
    /// Its secret.
    pub secret: String,
    /// Its world.
    pub profile: Profile,
    /// What chance begins with.
    pub seed: u64,
    /// How many times faster than life the world goes.
    pub speed: f64,
    /// Where the truth is written, opened for appending.
    pub dial_log: Option<File>,
}

/// What a session tells the world's task.
enum ToPbx {
    Opened(SessionId, mpsc::UnboundedSender<ToSession>),
    Input(Input),
    Gone(SessionId),
}

/// What the world's task tells a session.
enum ToSession {
    Reply(Message),
    Done,
    Event(Class, Message),
    Raw(Bytes),
    /// Neither read nor write until then; `None`: never again.
    Stall(Option<Instant>),
    /// Write what there is, and close.
    Cut,
}

/// The world's clock, which may run faster than ours.
#[derive(Debug, Clone, Copy)]
struct Clock {
    origin: Instant,
    speed: f64,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the sandbox's one clock")]
    fn unix() -> Duration {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
    }

    /// The time of the world.
    fn now(&self) -> Now {
        Now { monotonic: self.origin.elapsed().mul_f64(self.speed), unix: Self::unix() }
    }

    /// The time of the connections, which is ours.
    fn real(&self) -> Now {
        Now { monotonic: self.origin.elapsed(), unix: Self::unix() }
    }

    fn instant(&self, world: Duration) -> Instant {
        self.origin + world.div_f64(self.speed)
    }
}

/// Serves until `stop`, or until the dial log cannot be written.
pub async fn serve(listener: TcpListener, options: Options, stop: CancellationToken) -> io::Result<()> {
    let clock = Clock { origin: Instant::now(), speed: options.speed };
    let write_timeout = seconds(options.profile.asterisk.write_timeout_s);
    let (to_pbx, from_sessions) = mpsc::channel(REQUESTS);
    let (closed_until, closed) = watch::channel(clock.origin);
    let pbx = Pbx {
        world: World::new(options.profile, options.seed, clock.now()),
        clock,
        sessions: BTreeMap::new(),
        dial_log: options.dial_log,
        closed_until,
        frozen: None,
    };
    let door = session::Door { username: options.username, secret: options.secret, write_timeout, clock };
    let door = std::sync::Arc::new(door);
    let accepting = async {
        let mut next: SessionId = 0;
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(_) => {
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            };
            if Instant::now() < *closed.borrow() || stream.set_nodelay(true).is_err() {
                continue;
            }
            next += 1;
            let connection = session::run(stream, peer, next, door.clone(), to_pbx.clone(), stop.clone());
            tokio::spawn(connection);
        }
    };
    tokio::select! {
        () = accepting => Ok(()),
        done = pbx.run(from_sessions) => done,
        () = stop.cancelled() => Ok(()),
    }
}

struct Pbx {
    world: World,
    clock: Clock,
    sessions: BTreeMap<SessionId, mpsc::UnboundedSender<ToSession>>,
    dial_log: Option<File>,
    /// Until when connections are turned away.
    closed_until: watch::Sender<Instant>,
    frozen: Option<Instant>,
}

impl Pbx {
    async fn run(mut self, mut from_sessions: mpsc::Receiver<ToPbx>) -> io::Result<()> {
        loop {
            if let Some(until) = self.frozen.take() {
                sleep_until(until).await;
            }
            let due = self.world.next_deadline().map(|at| self.clock.instant(at));
            tokio::select! {
                told = from_sessions.recv() => {
                    let Some(told) = told else { return Ok(()) };
                    self.told(told)?;
                    for _ in 1..AT_ONCE {
                        let Ok(told) = from_sessions.try_recv() else { break };
                        self.told(told)?;
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.input(Input::Tick)?,
            }
        }
    }

    fn told(&mut self, told: ToPbx) -> io::Result<()> {
        match told {
            ToPbx::Opened(session, sender) => drop(self.sessions.insert(session, sender)),
            ToPbx::Gone(session) => drop(self.sessions.remove(&session)),
            ToPbx::Input(input) => self.input(input)?,
        }
        Ok(())
    }

    fn input(&mut self, input: Input) -> io::Result<()> {
        for output in self.world.handle(self.clock.now(), input) {
            self.carry_out(output)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, output: Output) -> io::Result<()> {
        match output {
            Output::Reply(session, message) => self.tell(session, ToSession::Reply(message)),
            Output::Done(session) => self.tell(session, ToSession::Done),
            Output::Event { only: Some(session), class, message } => {
                self.tell(session, ToSession::Event(class, message));
            }
            Output::Event { only: None, class, message } => {
                for session in self.sessions.values() {
                    drop(session.send(ToSession::Event(class, message.clone())));
                }
            }
            Output::Log(entry) => {
                if let Some(file) = &mut self.dial_log {
                    file.write_all(entry.to_line().as_bytes())?;
                }
            }
            Output::Garbage(but, bytes) => {
                let bytes = Bytes::from(bytes);
                self.others(but, || ToSession::Raw(bytes.clone()));
            }
            Output::HalfOpen(but, span) => {
                let until = (!span.is_zero()).then(|| Instant::now() + span);
                self.others(but, || ToSession::Stall(until));
            }
            Output::Freeze(span) => {
                let until = Instant::now() + span;
                self.frozen = Some(until);
                self.others(0, || ToSession::Stall(Some(until)));
            }
            Output::Restart(down) => {
                self.closed_until.send_replace(Instant::now() + down.div_f64(self.clock.speed));
                self.others(0, || ToSession::Cut);
                self.sessions.clear();
            }
        }
        Ok(())
    }

    fn tell(&self, session: SessionId, what: ToSession) {
        if let Some(sender) = self.sessions.get(&session) {
            drop(sender.send(what));
        }
    }

    /// Tells all sessions but one; their numbers begin with 1.
    fn others(&self, but: SessionId, what: impl Fn() -> ToSession) {
        for (_, sender) in self.sessions.iter().filter(|(session, _)| **session != but) {
            drop(sender.send(what()));
        }
    }
}
