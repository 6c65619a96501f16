//! `astout -rx "…"`: one command line, executed by the running daemon over its local socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::BytesMut;

use super::{IO, OK, REFUSED, UNAVAILABLE, USAGE, complain};
use crate::ami::codec::{ClientCodec, FromServer};
use crate::ami::{Message, MessageBuilder};
use crate::config::{self, Config};

/// How long the daemon may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// What is read at once.
const PART: usize = 64 * 1024;

/// Executes `line` and prints what the daemon says.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, line: &str, json: bool) -> u8 {
    let mut action = MessageBuilder::action("Command").header("Command", line);
    if json {
        action = action.header("Json", "yes");
    }
    let action = match action.finish() {
        Ok(action) => action,
        Err(why) => return complain(USAGE, format!("this command cannot be sent: {why}")),
    };
    let mut daemon = match Remote::connect(socket_of(path, environment)) {
        Ok(daemon) => daemon,
        Err(code) => return code,
    };
    match daemon.ask(&action) {
        Ok(answer) => print(&answer),
        Err(why) => complain(UNAVAILABLE, format!("the daemon did not answer: {why}")),
    }
}

/// Where the daemon of that configuration is talked to; complains where that is not known.
pub(super) fn socket_of(path: &Path, environment: Vec<(String, String)>) -> Result<PathBuf, u8> {
    // The file holds secrets: whoever may use the socket need not be able to read it.
    let socket = match Config::load(path, environment) {
        Ok(config) => config.cli.socket,
        Err(error) if path != config::default_path() => {
            return Err(complain(super::CONFIG, format!("the configuration is wrong:\n{error}")));
        }
        Err(_) => Config::default().cli.socket,
    };
    let none = || complain(USAGE, "[cli] socket is \"\": the daemon has no local socket to talk to");
    socket.ok_or_else(none)
}

/// A conversation with the running daemon.
pub(super) struct Remote {
    stream: UnixStream,
    codec: ClientCodec,
    bytes: BytesMut,
}

impl Remote {
    /// Connects; complains where nobody is there.
    pub(super) fn connect(socket: Result<PathBuf, u8>) -> Result<Self, u8> {
        let socket = socket?;
        Self::open(&socket, ANSWER).map_err(|why| {
            let socket = socket.display();
            let why = format!("no daemon answers on {socket}: {why}; is `astout serve` running?");
            complain(UNAVAILABLE, why)
        })
    }

    /// Connects to who gives each answer within `answer`.
    pub(super) fn open(socket: &Path, answer: Duration) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(answer))?;
        Ok(Self { stream, codec: ClientCodec::new(), bytes: BytesMut::new() })
    }

    /// Sends an action and gives its response.
    pub(super) fn ask(&mut self, action: &Message) -> io::Result<Message> {
        self.say(action)?;
        self.hear()
    }

    /// Sends an action.
    pub(super) fn say(&mut self, action: &Message) -> io::Result<()> {
        self.stream.write_all(&action.to_wire())
    }

    /// The next response; what is no response is passed over.
    pub(super) fn hear(&mut self) -> io::Result<Message> {
        let mut part = [0; PART];
        loop {
            match self.codec.next_item(&mut self.bytes).map_err(io::Error::other)? {
                Some(FromServer::Message(message)) if message.is_response() => return Ok(message),
                Some(FromServer::Message(_) | FromServer::Banner(_)) => {}
                None => match self.stream.read(&mut part)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => self.bytes.extend_from_slice(&part[..count]),
                },
            }
        }
    }

    /// Sends one `out …` line and gives what it prints, or what is wrong.
    pub(super) fn command(&mut self, line: &'static str) -> io::Result<Result<String, String>> {
        let action = MessageBuilder::action("Command").header("Command", line).finish_lossy();
        let answer = self.ask(&action)?;
        let text = text(&answer);
        Ok(if answer.is_success() { Ok(text) } else { Err(text) })
    }
}

/// What it prints.
fn text(answer: &Message) -> String {
    let lines: Vec<_> = answer.all("Output").collect();
    if lines.is_empty() { answer.get("Message").unwrap_or_default().into_owned() } else { lines.join("\n") }
}

fn print(answer: &Message) -> u8 {
    let text = text(answer);
    if !answer.is_success() {
        return complain(REFUSED, text.trim_end());
    }
    let lines = answer.all("Output").next().map_or(String::new(), |_| text + "\n");
    match io::stdout().lock().write_all(lines.as_bytes()) {
        Ok(()) => OK,
        Err(why) => complain(IO, why),
    }
}
