//! A TCP proxy of a test's own between astout and its PBX, for what a network does, and for what a PBX says that ours do
//! not say: it cuts with RST, goes dead both ways while TCP stays up, dribbles, changes messages, and adds bytes of its
//! own between two of them. It keeps what astout has sent, whether or not that came through.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use astout::ami::Message;

use super::pbx::Pbx;

/// What becomes of one message of the PBX's, or of its banner: the messages that astout gets in its place.
pub type Rewrite = Box<dyn FnMut(&str) -> Vec<String> + Send>;

/// The proxy; its connections end when it is dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    address: String,
}

struct Shared {
    state: Mutex<State>,
    over: AtomicBool,
}

struct State {
    upstream: String,
    lines: Vec<Arc<Line>>,
    opened: Vec<Instant>,
    sent: Vec<Sent>,
    rewrite: Option<Rewrite>,
    /// Between two bytes of the PBX's.
    pace: Duration,
}

/// An action that astout sent.
#[derive(Clone)]
pub struct Sent {
    /// When the proxy had it.
    pub at: Instant,
    /// What it was.
    pub message: Message,
}

/// One connection through the proxy.
struct Line {
    astout: TcpStream,
    pbx: TcpStream,
    /// Nothing passes any more, either way; TCP stays up.
    dead: AtomicBool,
    /// It ends without a FIN.
    reset: AtomicBool,
    /// Held for a whole message.
    writing: Mutex<()>,
}

impl Proxy {
    /// A proxy before that PBX, on a port of its own.
    pub fn before(pbx: &impl Pbx) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = State {
            upstream: pbx.get("ASTERISK_AMI").to_owned(),
            lines: Vec::new(),
            opened: Vec::new(),
            sent: Vec::new(),
            rewrite: None,
            pace: Duration::ZERO,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), over: AtomicBool::new(false) });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.over.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(stream) = stream {
                    accepting.open(stream);
                }
            }
        });
        Self { shared, address }
    }

    /// Where astout finds it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// When each of astout's connections was opened, also those that found no PBX.
    pub fn opened(&self) -> Vec<Instant> {
        self.shared.state().opened.clone()
    }

    /// Every action of that name that astout has sent.
    pub fn sent(&self, action: &str) -> Vec<Sent> {
        let state = self.shared.state();
        let of_name = |sent: &&Sent| sent.message.get("Action").is_some_and(|name| name == action);
        state.sent.iter().filter(of_name).cloned().collect()
    }

    /// Ends every connection by RST.
    pub fn cut(&self) {
        for line in self.shared.state().lines.drain(..) {
            line.reset.store(true, Ordering::Relaxed);
            line.end();
        }
    }

    /// From now on nothing passes on the connections that there are, and nobody is told; new ones work.
    pub fn go_dead(&self) {
        for line in &self.shared.state().lines {
            line.dead.store(true, Ordering::Relaxed);
        }
    }

    /// So long passes between two bytes that astout gets; zero for as fast as it goes.
    pub fn dribble(&self, pace: Duration) {
        self.shared.state().pace = pace;
    }

    /// What becomes of each message of the PBX's from now on.
    pub fn rewrite(&self, rewrite: impl FnMut(&str) -> Vec<String> + Send + 'static) {
        self.shared.state().rewrite = Some(Box::new(rewrite));
    }

    /// From now on astout gets what the PBX sends.
    pub fn be_true(&self) {
        self.shared.state().rewrite = None;
    }

    /// Gives astout these bytes between two messages, as if the PBX had sent them.
    pub fn inject(&self, bytes: &[u8]) {
        let lines = self.shared.state().lines.clone();
        for line in lines {
            let _whole = line.writing.lock().unwrap_or_else(PoisonError::into_inner);
            // A connection that has ended meanwhile is what some tests are after.
            drop((&line.astout).write_all(bytes));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.shared.state().lines.drain(..).for_each(|line| line.end());
        // Wakes the thread that accepts.
        drop(TcpStream::connect(&self.address));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(self: &Arc<Self>, astout: TcpStream) {
        let upstream = {
            let mut state = self.state();
            state.opened.push(Instant::now());
            state.upstream.clone()
        };
        // Without a PBX the connection ends at once.
        let Ok(pbx) = TcpStream::connect(upstream) else { return };
        astout.set_nodelay(true).unwrap();
        pbx.set_nodelay(true).unwrap();
        let line = Arc::new(Line {
            astout,
            pbx,
            dead: AtomicBool::new(false),
            reset: AtomicBool::new(false),
            writing: Mutex::new(()),
        });
        self.state().lines.push(Arc::clone(&line));
        let (shared, other) = (Arc::clone(self), Arc::clone(&line));
        thread::spawn(move || shared.carry_out(&other));
        let shared = Arc::clone(self);
        thread::spawn(move || shared.carry_in(&line));
    }

    /// From astout to the PBX.
    fn carry_out(&self, line: &Arc<Line>) {
        let (mut part, mut unread) = ([0; 16 * 1024], Vec::new());
        while let Some(count) = read(&line.astout, &mut part) {
            unread.extend_from_slice(&part[..count]);
            let at = Instant::now();
            for message in whole_messages(&mut unread) {
                self.state().sent.push(Sent { at, message: Message::from_wire(message) });
            }
            if !line.dead.load(Ordering::Relaxed) && (&line.pbx).write_all(&part[..count]).is_err() {
                break;
            }
        }
        self.close(line);
    }

    /// From the PBX to astout, message by message.
    fn carry_in(&self, line: &Arc<Line>) {
        let (mut part, mut unread, mut greeted) = ([0; 16 * 1024], Vec::new(), false);
        while let Some(count) = read(&line.pbx, &mut part) {
            unread.extend_from_slice(&part[..count]);
            if !greeted && let Some(end) = unread.windows(2).position(|two| two == b"\r\n") {
                greeted = true;
                let banner = unread.drain(..end + 2).collect();
                self.hand_on(line, banner);
            }
            for message in whole_messages(&mut unread) {
                self.hand_on(line, message);
            }
        }
        self.close(line);
    }

    fn hand_on(&self, line: &Line, message: Vec<u8>) {
        let (bytes, pace) = {
            let mut state = self.state();
            let pace = state.pace;
            match &mut state.rewrite {
                Some(rewrite) => (rewrite(&String::from_utf8_lossy(&message)).concat().into_bytes(), pace),
                None => (message, pace),
            }
        };
        let _whole = line.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if line.dead.load(Ordering::Relaxed) {
            return;
        }
        // Whoever cannot be written to is noticed where it is read.
        if pace.is_zero() {
            drop((&line.astout).write_all(&bytes));
            return;
        }
        for byte in bytes {
            if (&line.astout).write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(pace);
        }
    }

    fn close(&self, line: &Arc<Line>) {
        self.state().lines.retain(|other| !Arc::ptr_eq(other, line));
        // A dead line tells nobody: its other side stays as it is.
        if !line.dead.load(Ordering::Relaxed) {
            line.end();
        }
    }
}

impl Line {
    fn end(&self) {
        if self.reset.load(Ordering::Relaxed) {
            // With nothing to linger for, the last close sends RST; reading alone is shut down, for that sends no FIN.
            for stream in [&self.astout, &self.pbx] {
                rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
                drop(stream.shutdown(Shutdown::Read));
            }
            return;
        }
        for stream in [&self.astout, &self.pbx] {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

/// What is there to read; `None` at the end, of whichever kind.
fn read(mut stream: &TcpStream, part: &mut [u8]) -> Option<usize> {
    loop {
        match stream.read(part) {
            Ok(0) => return None,
            Ok(count) => return Some(count),
            Err(why) if why.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// Takes the messages that are there whole, each with its empty line.
fn whole_messages(unread: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
        messages.push(unread.drain(..end + 4).collect());
    }
    messages
}

/// The value of a header of a message as it is on the wire; empty where there is none.
pub fn value<'a>(message: &'a str, header: &str) -> &'a str {
    let line = message.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| *name == header));
    line.map_or("", |(_, value)| value)
}
