//! What the commands and the prompt say to the running daemon over its local socket, and what it says back.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::BytesMut;
use serde_json::Value;

use super::{OK, REFUSED, UNAVAILABLE, USAGE, complain, printed};
use crate::ami::builder::Limits;
use crate::ami::codec::{ClientCodec, FromServer};
use crate::ami::{EncodeError, Message, MessageBuilder};
use crate::config::{self, Config};

/// How long the daemon may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// What is read at once.
const PART: usize = 64 * 1024;

/// Executes `line` and prints what the daemon says; an error is a daemon that says nothing.
pub(super) fn execute(daemon: &mut Remote, line: &str, json: bool) -> io::Result<u8> {
    let action = match command(line, json) {
        Ok(action) => action,
        Err(why) => return Ok(complain(USAGE, format!("this command cannot be sent: {why}"))),
    };
    daemon.ask(&action).map(|answer| print(&answer))
}

/// Says that nobody answers any more.
pub(super) fn gone(why: &io::Error) -> u8 {
    complain(UNAVAILABLE, format!("the daemon did not answer: {why}"))
}

fn command(line: &str, json: bool) -> Result<Message, EncodeError> {
    let action = MessageBuilder::action("Command").header("Command", line);
    let action = if json { action.header("Json", "yes") } else { action };
    action.finish_within(Limits::OWN)
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
        loop {
            let message = self.next()?;
            if message.is_response() {
                return Ok(message);
            }
        }
    }

    fn next(&mut self) -> io::Result<Message> {
        let mut part = [0; PART];
        loop {
            match self.codec.next_item(&mut self.bytes).map_err(io::Error::other)? {
                Some(FromServer::Message(message)) => return Ok(message),
                Some(FromServer::Banner(_)) => {}
                None => match self.stream.read(&mut part)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => self.bytes.extend_from_slice(&part[..count]),
                },
            }
        }
    }

    /// Sends an action that is answered with a list; gives what is in it, or what is wrong.
    pub(super) fn list(&mut self, action: MessageBuilder) -> io::Result<Result<Vec<Message>, String>> {
        // Events of the daemon come in between; those of the list have the id.
        const ID: &str = "list";
        let action = match action.action_id(ID).finish_within(Limits::OWN) {
            Ok(action) => action,
            Err(why) => return Ok(Err(format!("this cannot be sent: {why}"))),
        };
        let answer = self.ask(&action)?;
        if !answer.is_success() {
            return Ok(Err(text(&answer)));
        }
        let mut entries = Vec::new();
        loop {
            let entry = self.next()?;
            match entry.get("ActionID") {
                Some(id) if id == ID && entry.get("EventList").is_some() => return Ok(Ok(entries)),
                Some(id) if id == ID => entries.push(entry),
                Some(_) | None => {}
            }
        }
    }

    /// Sends one `out …` line and gives what it prints, or what is wrong.
    pub(super) fn command(&mut self, line: &str) -> io::Result<Result<String, String>> {
        self.put(line, false)
    }

    /// The same in JSON.
    pub(super) fn json(&mut self, line: &str) -> io::Result<Result<Value, String>> {
        let text = self.put(line, true)?;
        let unread = |_| "its answer cannot be read: is it an astout of another version?".to_owned();
        Ok(text.and_then(|text| serde_json::from_str(&text).map_err(unread)))
    }

    fn put(&mut self, line: &str, json: bool) -> io::Result<Result<String, String>> {
        let action = match command(line, json) {
            Ok(action) => action,
            Err(why) => return Ok(Err(format!("this cannot be sent: {why}"))),
        };
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

/// Prints a text and a line end.
pub(super) fn say(text: &str) -> u8 {
    printed(writeln!(io::stdout().lock(), "{text}"), OK)
}

fn print(answer: &Message) -> u8 {
    let text = text(answer);
    if !answer.is_success() {
        return complain(REFUSED, text.trim_end());
    }
    answer.all("Output").next().map_or(OK, |_| say(&text))
}
