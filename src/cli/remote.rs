//! `astout -rx "…"`: one command line, executed by the running daemon over its local socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;

use super::{IO, OK, REFUSED, UNAVAILABLE, USAGE, complain};
use crate::ami::codec::{ClientCodec, FromServer};
use crate::ami::{Message, MessageBuilder};
use crate::config::{self, Config};

/// How long the daemon may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Executes `line` and prints what the daemon says.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, line: &str, json: bool) -> u8 {
    // The file holds secrets: whoever may use the socket need not be able to read it.
    let socket = match Config::load(path, environment) {
        Ok(config) => config.cli.socket,
        Err(error) if path != config::default_path() => {
            return complain(super::CONFIG, format!("the configuration is wrong:\n{error}"));
        }
        Err(_) => Config::default().cli.socket,
    };
    let Some(socket) = socket else {
        return complain(USAGE, "[cli] socket is \"\": the daemon has no local socket to talk to");
    };
    let mut action = MessageBuilder::action("Command").header("Command", line);
    if json {
        action = action.header("Json", "yes");
    }
    let action = match action.finish() {
        Ok(action) => action,
        Err(why) => return complain(USAGE, format!("this command cannot be sent: {why}")),
    };
    let stream = match UnixStream::connect(&socket) {
        Ok(stream) => stream,
        Err(why) => {
            let socket = socket.display();
            return complain(
                UNAVAILABLE,
                format!("no daemon answers on {socket}: {why}; is `astout serve` running?"),
            );
        }
    };
    match ask(stream, &action) {
        Ok(answer) => print(&answer),
        Err(why) => complain(UNAVAILABLE, format!("the daemon did not answer: {why}")),
    }
}

fn ask(mut stream: UnixStream, action: &Message) -> io::Result<Message> {
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(&action.to_wire())?;
    let mut codec = ClientCodec::new();
    let mut bytes = BytesMut::new();
    let mut part = [0; 16 * 1024];
    loop {
        match codec.next_item(&mut bytes).map_err(io::Error::other)? {
            Some(FromServer::Message(message)) if message.is_response() => return Ok(message),
            Some(FromServer::Message(_) | FromServer::Banner(_)) => {}
            None => match stream.read(&mut part)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => bytes.extend_from_slice(&part[..count]),
            },
        }
    }
}

fn print(answer: &Message) -> u8 {
    let text: String = answer.all("Output").flat_map(|line| [line, "\n".into()]).collect();
    if answer.is_success() {
        return match io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => OK,
            Err(why) => complain(IO, why),
        };
    }
    let text = if text.is_empty() { answer.get("Message").unwrap_or_default().into_owned() } else { text };
    complain(REFUSED, text.trim_end())
}
