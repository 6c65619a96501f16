//! The connection to one Asterisk: a thin shell of sockets and timers around [`ClientSession`], for ever reconnecting.
//!
//! ```text
//!   Down ──connect, login──► Up ──EOF, ping lost, write error──► Down
//!    └─ wait: 0.2 s, doubling up to 10 s, and 10 s at least where the login was refused
//! ```
//!
//! Every tag comes back exactly once. A command that comes while the connection is down is answered
//! [`NoAnswer::NotSent`] at once: whether to try again is decided by who knows what it was.
//!
//! TLS belongs into `connect`: everything behind it works on any stream.

mod delivery;
mod exchange;
mod options;

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::delivery::Delivery;
pub use self::exchange::{FromAsterisk, ToAsterisk};
pub use self::options::ConnectionOptions;
use crate::ami::{ClientEvent, ClientSession, CloseReason, NoAnswer};
use crate::crash::{self, Point};

/// The capacity to give the channel of [`FromAsterisk`]: some seconds of a busy Asterisk.
pub const CHANNEL_CAPACITY: usize = 65_536;

/// How many commands are taken at once before the socket is looked at again.
const COMMANDS_AT_ONCE: usize = 64;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// Keeps the connection until `stop`, or until the other end of `commands` or of `out` is gone.
///
/// `out` should hold [`CHANNEL_CAPACITY`]. The reader never waits for it: Asterisk drops a reader that blocks it for
/// 100 ms (spec 7.1), and then everything is lost, while from a full channel only events are, which the consumer
/// is told by a [`FromAsterisk::Gap`] in their place. Answers are never lost; of those there are at most as many
/// as commands under way.
pub async fn run<T: Send>(
    options: ConnectionOptions,
    commands: mpsc::Receiver<ToAsterisk<T>>,
    out: mpsc::Sender<FromAsterisk<T>>,
    stop: CancellationToken,
) {
    let mut connection = Connection {
        origin: Instant::now(),
        commands,
        out: Delivery::new(out),
        stop,
        outage: None,
        retry: options.retry_min,
        options,
    };
    connection.keep().await;
    connection.finish().await;
}

/// Why a connection, or the try to make one, is over.
enum End {
    /// Nobody wants it any more.
    Stopped,
    /// It is to be made again.
    Lost { why: String, refused: bool },
}

struct Connection<T> {
    options: ConnectionOptions,
    origin: Instant,
    commands: mpsc::Receiver<ToAsterisk<T>>,
    out: Delivery<FromAsterisk<T>>,
    stop: CancellationToken,
    /// Since when Asterisk is not reached.
    outage: Option<Instant>,
    retry: Duration,
}

impl<T: Send> Connection<T> {
    async fn keep(&mut self) {
        loop {
            let connected =
                Box::pin(connect(self.options.host.clone(), self.options.port, self.options.connect_timeout));
            let started = Instant::now();
            let end = match self.meanwhile(connected).await {
                None => End::Stopped,
                Some(Err(error)) => End::Lost { why: error.to_string(), refused: false },
                Some(Ok(stream)) => self.converse(stream).await,
            };
            let End::Lost { why, refused } = end else {
                return;
            };
            if self.outage.is_none() && started.elapsed() >= self.options.retry_max {
                self.retry = self.options.retry_min;
            }
            self.went_down(&why, refused);
            let wait = self.next_wait(refused);
            if self.meanwhile(Box::pin(tokio::time::sleep(wait))).await.is_none() {
                return;
            }
        }
    }

    /// Gives every tag back that is still here.
    async fn finish(&mut self) {
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.refuse(command);
        }
        while self.out.is_behind() && timeout(GOODBYE, self.out.settle()).await.is_ok_and(|alive| alive) {}
    }

    fn refuse(&mut self, command: ToAsterisk<T>) {
        match command {
            ToAsterisk::Submit { tag, .. } | ToAsterisk::SubmitList { tag, .. } => {
                self.tell(FromAsterisk::NoAnswer { tag, why: NoAnswer::NotSent });
            }
            // Whoever asked may have stopped waiting.
            ToAsterisk::Beat(beat) => drop(beat.send(())),
        }
    }

    /// Waits for something while the connection is down; `None` if it is to stop.
    async fn meanwhile<F: Future + Unpin>(&mut self, mut something: F) -> Option<F::Output> {
        loop {
            tokio::select! {
                output = &mut something => return Some(output),
                () = self.stop.cancelled() => return None,
                alive = self.out.settle(), if self.out.is_behind() => {
                    if !alive { return None }
                }
                command = self.commands.recv() => self.refuse(command?),
            }
        }
    }

    /// Serves one connection to its end. One task reads and writes, so that neither waits for the other.
    async fn converse<S: AsyncRead + AsyncWrite + Send>(&mut self, stream: S) -> End {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut options = self.options.session.clone();
        if options.action_id_prefix.is_empty() {
            options.action_id_prefix = format!("{:08x}:", fastrand::u32(..));
        }
        let mut session = ClientSession::new(self.origin.elapsed(), options);
        let mut input = BytesMut::with_capacity(64 * 1024);
        let mut output = Bytes::new();
        let mut banner = String::new();
        let mut leaving: Option<Instant> = None;
        loop {
            while let Some(event) = session.poll_event() {
                if let Some(end) = self.pass_on(event, &mut banner) {
                    return if leaving.is_some() { End::Stopped } else { end };
                }
            }
            if output.is_empty() {
                output = session.take_output().unwrap_or_default();
            }
            let deadline = session.next_deadline().map(|at| self.origin + at);
            let wake = deadline.into_iter().chain(leaving).min().unwrap_or_else(|| Instant::now() + GOODBYE);
            tokio::select! {
                read = reader.read_buf(&mut input) => match read {
                    Ok(0) => session.receive_eof(),
                    Ok(_) => {
                        session.receive(self.origin.elapsed(), &input);
                        input.clear();
                    }
                    Err(error) => session.fail(error.to_string()),
                },
                written = writer.write(&output), if !output.is_empty() => match written {
                    Ok(0) => session.fail("the connection takes no bytes"),
                    Ok(count) => {
                        crash::at_if(Point::AfterOriginateWrite, || has_originate(&output[..count]));
                        output.advance(count);
                    }
                    Err(error) => session.fail(error.to_string()),
                },
                () = sleep_until(wake) => {
                    session.handle_timer(self.origin.elapsed());
                    if leaving.is_some_and(|at| Instant::now() >= at) {
                        session.fail("stopped");
                    }
                }
                alive = self.out.settle(), if self.out.is_behind() => {
                    if !alive { session.fail("nobody listens") ; leaving = Some(Instant::now()); }
                }
                command = self.commands.recv(), if leaving.is_none() => match command {
                    Some(command) => self.submit(&mut session, command),
                    None => leaving = Some(take_leave(&mut session)),
                },
                () = self.stop.cancelled(), if leaving.is_none() => leaving = Some(take_leave(&mut session)),
            }
        }
    }

    fn submit(&mut self, session: &mut ClientSession<T>, first: ToAsterisk<T>) {
        let now = self.origin.elapsed();
        let mut submit = |command| match command {
            ToAsterisk::Submit { action, tag } => session.submit(now, action, tag),
            ToAsterisk::SubmitList { action, tag } => session.submit_list(now, action, tag),
            ToAsterisk::Beat(beat) => drop(beat.send(())),
        };
        submit(first);
        for _ in 1..COMMANDS_AT_ONCE {
            let Ok(next) = self.commands.try_recv() else {
                return;
            };
            submit(next);
        }
    }

    /// Hands on what the session tells; gives the end if that is it.
    fn pass_on(&mut self, event: ClientEvent<T>, banner: &mut String) -> Option<End> {
        let told = match event {
            ClientEvent::Banner(line) => {
                if !line.starts_with("Asterisk Call Manager/") {
                    warn!(banner = line, "this does not greet like an Asterisk; going on");
                }
                *banner = line;
                return None;
            }
            ClientEvent::LoggedIn => {
                self.came_up(banner);
                FromAsterisk::Up { banner: std::mem::take(banner) }
            }
            ClientEvent::Event(message) => {
                self.out.give_event(FromAsterisk::Event(message), |lost| FromAsterisk::Gap { lost });
                return None;
            }
            ClientEvent::Closed { why } => {
                let refused = matches!(why, CloseReason::Refused(_));
                return Some(End::Lost { why: why.to_string(), refused });
            }
            ClientEvent::FullyBooted(message) => FromAsterisk::FullyBooted(message),
            ClientEvent::Response { tag, message } => FromAsterisk::Response { tag, message },
            ClientEvent::List { tag, response, items, complete } => {
                FromAsterisk::List { tag, response, items, complete }
            }
            ClientEvent::NoAnswer { tag, why } => FromAsterisk::NoAnswer { tag, why },
            ClientEvent::Stray(message) => FromAsterisk::Stray(message),
            ClientEvent::PingMissed { missed } => FromAsterisk::PingMissed { missed },
            ClientEvent::PingAnswered { round_trip } => FromAsterisk::PingAnswered { round_trip },
        };
        self.tell(told);
        None
    }

    fn tell(&mut self, told: FromAsterisk<T>) {
        self.out.give(told);
    }

    fn came_up(&mut self, banner: &str) {
        let ConnectionOptions { host, port, purpose, .. } = &self.options;
        match self.outage.take() {
            Some(since) => info!("Asterisk at {host}:{port} is back{purpose} after {:.1?}", since.elapsed()),
            None => info!("connected to Asterisk at {host}:{port}{purpose} ({banner})"),
        }
    }

    /// Says so once per outage.
    fn went_down(&mut self, why: &str, refused: bool) {
        let ConnectionOptions { host, port, purpose, .. } = &self.options;
        if self.outage.is_some() {
            return debug!("still no Asterisk at {host}:{port}{purpose}: {why}");
        }
        self.outage = Some(Instant::now());
        warn!("cannot reach Asterisk at {host}:{port}{purpose}: {why}; trying again");
        self.tell(FromAsterisk::Down { why: why.to_owned(), refused });
    }

    /// The wait before the next try; some more by chance, so that several daemons do not knock in step.
    fn next_wait(&mut self, refused: bool) -> Duration {
        let wait = self.retry;
        self.retry = (wait * 2).min(self.options.retry_max);
        let wait = if refused { wait.max(self.options.retry_refused) } else { wait };
        wait.mul_f64(1.0 + 0.25 * fastrand::f64())
    }
}

fn has_originate(written: &[u8]) -> bool {
    written.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"Action: Originate"))
}

fn take_leave<T>(session: &mut ClientSession<T>) -> Instant {
    session.logoff();
    Instant::now() + GOODBYE
}

async fn connect(host: String, port: u16, patience: Duration) -> io::Result<TcpStream> {
    match timeout(patience, TcpStream::connect((host.as_str(), port))).await {
        Ok(connected) => {
            let stream = connected?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")),
    }
}

#[cfg(test)]
mod tests;
