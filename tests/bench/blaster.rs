//! The least that dials: it originates, and counts hangups. What astout's calls a second are held against.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::pbx::Pbx;

/// Calls at once that are tried.
pub(crate) const WINDOWS: [usize; 5] = [10, 25, 50, 100, 200];
/// How long a blast, and how long nothing, may last.
const PATIENCE: Duration = Duration::from_secs(120);
const SILENCE: Duration = Duration::from_secs(20);

/// A connection with nothing behind it.
pub(crate) struct Blaster {
    stream: TcpStream,
    /// What was read and is no whole message yet.
    rest: Vec<u8>,
    /// Originates of all its blasts.
    sent: u64,
}

impl Blaster {
    /// Logged in as the user that astout is there, with the same events.
    pub(crate) fn beside(pbx: &impl Pbx) -> Self {
        let mut stream = TcpStream::connect(pbx.get("ASTERISK_AMI")).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        let (user, secret) = (pbx.get("ASTERISK_USER"), pbx.get("ASTERISK_SECRET"));
        write!(stream, "Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n").unwrap();
        Self { stream, rest: Vec::new(), sent: 0 }
    }

    /// Makes so many calls, never more than `window` at once; gives the calls a second.
    pub(crate) fn blast(&mut self, window: usize, calls: u64, channel: impl Fn(u64) -> String) -> f64 {
        let began = Instant::now();
        let last = self.sent + calls;
        let (mut up, mut ended) = (0, 0);
        while ended < calls {
            let mut actions = String::new();
            while up < window && self.sent < last {
                let (id, channel) = (self.sent, channel(self.sent));
                write!(
                    actions,
                    "Action: Originate\r\nActionID: b{id}\r\nChannelId: blast-{id}\r\nChannel: {channel}\r\n\
                     Context: astout-dest\r\nExten: hangup\r\nPriority: 1\r\nTimeout: 30000\r\nAsync: true\r\n\r\n"
                )
                .unwrap();
                self.sent += 1;
                up += 1;
            }
            self.stream.write_all(actions.as_bytes()).unwrap();
            let gone = self.hangups();
            up -= gone;
            ended += gone as u64;
            assert!(began.elapsed() < PATIENCE, "the blaster saw {ended} of {calls} calls end");
        }
        calls as f64 / began.elapsed().as_secs_f64()
    }

    /// Waits for bytes and counts the hangups in them: those of the channels that it has asked for.
    fn hangups(&mut self) -> usize {
        let mut part = [0; 64 * 1024];
        let count = self.stream.read(&mut part).unwrap();
        assert!(count > 0, "Asterisk closed the blaster's connection");
        self.rest.extend_from_slice(&part[..count]);
        let Some(end) = self.rest.windows(4).rposition(|four| four == b"\r\n\r\n") else { return 0 };
        let whole: Vec<u8> = self.rest.drain(..end + 4).collect();
        let text = String::from_utf8_lossy(&whole);
        let of_ours = |message: &&str| {
            assert!(!message.contains("Response: Error"), "{message}");
            message.contains("Event: Hangup\r\n")
                && message.split("\r\nUniqueid: blast-").nth(1).is_some_and(|id| {
                    // The other half of a Local channel has its id with `;2` behind.
                    !id.lines().next().unwrap_or_default().contains(';')
                })
        };
        text.split("\r\n\r\n").filter(of_ours).count()
    }
}
