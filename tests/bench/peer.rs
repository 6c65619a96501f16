//! An Asterisk that costs next to nothing: it answers each Originate at once with the events of a Local call, written
//! beforehand but for the ids. What becomes of the call is said by the trunk: see [`Peer`].

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use crate::support::pbx::Pbx;

const USER: &str = "astout";
const SECRET: &str = "peers-secret-of-the-benchmarks";

/// What such a call sends, as Asterisk 22 does to a reader of `system,call,agent`; `$A` the ActionID, `$1` and `$2` the
/// two Uniqueids, `$C` the channels' name without their number.
const ANSWERED: &str = include_str!("calls/answered.txt");
const BUSY_CALL: &str = include_str!("calls/busy.txt");
const RINGING_CALL: &str = include_str!("calls/ringing.txt");
const ANSWER: &str = "Response: Success\nActionID: $A\nMessage: Originate successfully queued\n\n";

/// A trunk, a context of Local channels, over which everybody is busy.
pub(crate) const BUSY: &str = "busy";
/// One over which it rings, and nothing more is heard.
pub(crate) const RINGING: &str = "ringing";

/// One over which everybody answers, and has hung up at once.
pub(crate) const ANSWERS: &str = "answers";

/// A peer that listens.
pub(crate) struct Peer {
    address: String,
}

/// What becomes of calls.
struct Fates {
    answered: Template,
    busy: Template,
    ringing: Template,
}

impl Fates {
    fn of(&self, originate: &Originate<'_>) -> &Template {
        let over = |trunk: &str| originate.channel.ends_with(trunk.as_bytes());
        if over(BUSY) {
            &self.busy
        } else if over(RINGING) {
            &self.ringing
        } else {
            &self.answered
        }
    }
}

/// The texts between the ids, and which id comes behind each.
struct Template(Vec<(Vec<u8>, Option<u8>)>);

impl Template {
    fn new(text: &str) -> Self {
        let text = text.replace('\n', "\r\n");
        let mut parts = text.split('$');
        let first = parts.next().unwrap_or_default().as_bytes().to_vec();
        let mut pieces = vec![(first, None)];
        for part in parts {
            let (id, rest) = part.as_bytes().split_first().unwrap();
            pieces.last_mut().unwrap().1 = Some(*id);
            pieces.push((rest.to_vec(), None));
        }
        Self(pieces)
    }

    fn write(&self, to: &mut Vec<u8>, originate: &Originate<'_>) {
        for (text, id) in &self.0 {
            to.extend_from_slice(text);
            to.extend_from_slice(match id {
                Some(b'A') => originate.action_id,
                Some(b'1') => originate.one,
                Some(b'2') => originate.two,
                Some(b'C') => originate.channel,
                _ => b"",
            });
        }
    }
}

#[derive(Default)]
struct Originate<'a> {
    action_id: &'a [u8],
    one: &'a [u8],
    two: &'a [u8],
    channel: &'a [u8],
}

impl Peer {
    /// Listens on a free port; serves until the benchmark ends.
    pub(crate) fn up() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                thread::spawn(move || serve(stream));
            }
        });
        Self { address }
    }
}

impl Pbx for Peer {
    fn get(&self, name: &str) -> &str {
        match name {
            "ASTERISK_AMI" => &self.address,
            "ASTERISK_USER" => USER,
            "ASTERISK_SECRET" => SECRET,
            other => panic!("the peer has no {other}"),
        }
    }

    /// It writes nothing down.
    fn witness(&self) -> (&'static str, PathBuf) {
        ("--dial-log", PathBuf::from("/nonexistent"))
    }
}

fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    stream.write_all(b"Asterisk Call Manager/11.0.0\r\n").unwrap();
    let call = |events: &str| Template::new(&format!("{ANSWER}{events}"));
    let fates = Fates { answered: call(ANSWERED), busy: call(BUSY_CALL), ringing: call(RINGING_CALL) };
    let mut input = vec![0; 1 << 18];
    let (mut have, mut output) = (0, Vec::with_capacity(1 << 20));
    loop {
        match stream.read(&mut input[have..]) {
            Ok(0) => return,
            Ok(count) => have += count,
            Err(why) if why.kind() == ErrorKind::ConnectionReset => return,
            Err(why) => panic!("{why}"),
        }
        let mut done = 0;
        while let Some(length) = input[done..have].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            react(&input[done..done + length], &fates, &mut output);
            done += length + 4;
        }
        input.copy_within(done..have, 0);
        have -= done;
        // Whoever was killed reads no more.
        if stream.write_all(&output).is_err() {
            return;
        }
        output.clear();
    }
}

fn react(action: &[u8], fates: &Fates, output: &mut Vec<u8>) {
    let mut originate = Originate::default();
    let mut name: &[u8] = b"";
    for line in action.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = &line[(colon + 2).min(line.len())..];
        match &line[..colon] {
            b"Action" => name = value,
            b"ActionID" => originate.action_id = value,
            b"Channel" => originate.channel = value,
            b"ChannelId" => originate.one = value,
            b"OtherChannelId" => originate.two = value,
            _ => {}
        }
    }
    match name {
        b"Originate" => fates.of(&originate).write(output, &originate),
        b"Challenge" => respond(output, &originate, "Challenge: 12345678\r\n"),
        b"Login" => {
            respond(output, &originate, "Message: Authentication accepted\r\n");
            output.extend_from_slice(b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 1\r\nLastReload: 1\r\nStatus: Fully Booted\r\n\r\n");
        }
        b"CoreStatus" => respond(
            output,
            &originate,
            "CoreStartupDate: 2026-01-01\r\nCoreStartupTime: 00:00:00\r\nCoreReloadDate: 2026-01-01\r\nCoreReloadTime: 00:00:00\r\nCoreCurrentCalls: 0\r\n",
        ),
        // A call has no time to stand in a list.
        b"CoreShowChannels" | b"QueueStatus" | b"Status" => {
            respond(output, &originate, "EventList: start\r\nMessage: Channels will follow\r\n");
            output.extend_from_slice(b"Event: CoreShowChannelsComplete\r\nActionID: ");
            output.extend_from_slice(originate.action_id);
            output.extend_from_slice(b"\r\nEventList: Complete\r\nListItems: 0\r\n\r\n");
        }
        b"Ping" => respond(output, &originate, "Ping: Pong\r\nTimestamp: 1795294813.787184\r\n"),
        _ => respond(output, &originate, ""),
    }
}

fn respond(output: &mut Vec<u8>, to: &Originate<'_>, more: &str) {
    output.extend_from_slice(b"Response: Success\r\nActionID: ");
    output.extend_from_slice(to.action_id);
    output.extend_from_slice(b"\r\n");
    output.extend_from_slice(more.as_bytes());
    output.extend_from_slice(b"\r\n");
}
