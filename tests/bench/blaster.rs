//! The least that dials: it originates, and counts hangups. What astout's calls a second are held against.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::pbx::Pbx;

/// Calls at once that are tried.
pub(crate) const WINDOWS: [usize; 5] = [10, 25, 50, 100, 200];
/// How long a blast, and how long nothing, may last.
const PATIENCE: Duration = Duration::from_secs(40);
const SILENCE: Duration = Duration::from_secs(5);

/// A connection with nothing behind it.
pub(crate) struct Blaster {
    stream: TcpStream,
    /// What was read and is no whole message yet.
    rest: Vec<u8>,
    /// Originates of all its blasts.
    sent: u64,
    /// Originates that failed.
    odd: Vec<String>,
    /// What its channels' ids begin with: two connections have none in common.
    name: String,
}

impl Blaster {
    /// Logged in as the user that astout is there, with the same events.
    pub(crate) fn beside(pbx: &impl Pbx) -> Self {
        let mut stream = TcpStream::connect(pbx.get("ASTERISK_AMI")).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        let (user, secret) = (pbx.get("ASTERISK_USER"), pbx.get("ASTERISK_SECRET"));
        write!(stream, "Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n").unwrap();
        let name = format!("blast{}-", stream.local_addr().unwrap().port());
        Self { stream, rest: Vec::new(), sent: 0, odd: Vec::new(), name }
    }

    /// Makes so many calls, never more than `window` at once; gives the calls a second.
    pub(crate) fn blast(&mut self, window: usize, calls: u64, channel: impl Fn(u64) -> String) -> f64 {
        let began = Instant::now();
        let last = self.sent + calls;
        let mut up = HashSet::new();
        while self.sent < last || !up.is_empty() {
            let (mut actions, name) = (String::new(), &self.name);
            while up.len() < window && self.sent < last {
                let (id, channel) = (self.sent, channel(self.sent));
                write!(
                    actions,
                    "Action: Originate\r\nActionID: {name}{id}\r\nChannelId: {name}{id}\r\nChannel: {channel}\r\n\
                     Context: astout-dest\r\nExten: hangup\r\nPriority: 1\r\nTimeout: 30000\r\nAsync: true\r\n\r\n"
                )
                .unwrap();
                up.insert(id);
                self.sent += 1;
            }
            self.stream.write_all(actions.as_bytes()).unwrap();
            self.read();
            assert!(began.elapsed() < PATIENCE, "the blaster's calls {up:?} do not end: {:?}", self.odd);
            for message in self.whole().split("\r\n\r\n") {
                self.take(message, &mut up);
            }
        }
        calls as f64 / began.elapsed().as_secs_f64()
    }

    /// Takes what is there, or comes within a while.
    fn read(&mut self) {
        let mut part = [0; 64 * 1024];
        match self.stream.read(&mut part) {
            Ok(0) => panic!("Asterisk closed the blaster's connection"),
            Ok(count) => self.rest.extend_from_slice(&part[..count]),
            Err(why) if why.kind() == ErrorKind::WouldBlock => {}
            Err(why) => panic!("{why}"),
        }
    }

    /// The messages that are whole.
    fn whole(&mut self) -> String {
        let end = self.rest.windows(4).rposition(|four| four == b"\r\n\r\n").map_or(0, |end| end + 4);
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        String::from_utf8_lossy(&whole).into_owned()
    }

    /// A call has ended with the hangup of the channel that was asked for, or where there never was one. The other half of
    /// a Local channel has its id with `;2` behind, which is no number.
    fn take(&mut self, message: &str, up: &mut HashSet<u64>) {
        let of = |header: &str| {
            message.split(&format!("\r\n{header}: {}", self.name)).nth(1)?.lines().next()?.parse().ok()
        };
        let ended: Option<u64> = if message.starts_with("Event: Hangup\r\n") {
            of("Uniqueid")
        } else if message.starts_with("Event: OriginateResponse\r\n")
            && message.contains("\r\nResponse: Failure\r\n")
        {
            self.odd.push(message.to_owned());
            of("ActionID")
        } else if message.starts_with("Response: Error\r\n") {
            panic!("{message}")
        } else {
            None
        };
        if let Some(id) = ended {
            up.remove(&id);
        }
    }
}
