//! One question after the other to an Asterisk, over one connection: a small blocking shell around
//! [`ClientSession`].

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::ami::{ClientEvent, ClientOptions, ClientSession, CloseReason, Message, MessageBuilder, NoAnswer};
use crate::config;

/// How long connecting, logging in, and each answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSession {
    /// Nobody answers there.
    #[error("{0}")]
    Unreachable(#[from] io::Error),
    /// Somebody does, and it ended.
    #[error("{0}")]
    Closed(CloseReason),
}

/// What was answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// One response, an error among them.
    Response(Message),
    /// A whole list.
    List(Vec<Message>),
    /// Nothing.
    None(NoAnswer),
}

impl Answer {
    /// The response, if that is a success.
    pub(super) fn success(self) -> Option<Message> {
        match self {
            Self::Response(message) if message.is_success() => Some(message),
            Self::Response(_) | Self::List(_) | Self::None(_) => None,
        }
    }

    /// What it says against it.
    pub(super) fn refusal(&self) -> String {
        match self {
            Self::Response(message) => message.get("Message").unwrap_or_default().into_owned(),
            Self::List(_) => String::new(),
            Self::None(why) => why.to_string(),
        }
    }
}

/// A session that is logged in.
pub(super) struct Session {
    stream: TcpStream,
    session: ClientSession<()>,
    origin: Instant,
    /// The first line of the other side.
    pub(super) banner: String,
    /// Whether FullyBooted came: events of class `system` may be read.
    pub(super) booted: bool,
}

impl Session {
    /// Connects and logs in.
    pub(super) fn open(asterisk: &config::Asterisk) -> Result<Self, NoSession> {
        let stream = connect(&asterisk.host, asterisk.port)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let options = ClientOptions {
            username: asterisk.username.clone(),
            secret: asterisk.secret.expose().to_owned(),
            events_mask: "system".to_owned(),
            action_id_prefix: "doctor:".to_owned(),
            action_timeout: PATIENCE,
            ..ClientOptions::default()
        };
        let session = ClientSession::new(Duration::ZERO, options);
        let (origin, banner) = (Instant::now(), String::new());
        let mut session = Self { stream, session, origin, banner, booted: false };
        loop {
            match session.next()? {
                ClientEvent::LoggedIn => return Ok(session),
                ClientEvent::Closed { why } => return Err(NoSession::Closed(why)),
                _ => {}
            }
        }
    }

    /// Asks for one response.
    pub(super) fn ask(&mut self, action: MessageBuilder) -> Answer {
        self.session.submit(self.origin.elapsed(), action, ());
        self.answer()
    }

    /// Asks for a list.
    pub(super) fn list(&mut self, action: MessageBuilder) -> Answer {
        self.session.submit_list(self.origin.elapsed(), action, ());
        self.answer()
    }

    /// Says goodbye, so that Asterisk's log shows an end and no failure.
    pub(super) fn close(mut self) {
        self.session.logoff();
        while let Ok(event) = self.next() {
            if matches!(event, ClientEvent::Closed { .. }) {
                return;
            }
        }
    }

    fn answer(&mut self) -> Answer {
        loop {
            match self.next() {
                Ok(ClientEvent::Response { message, .. }) => return Answer::Response(message),
                Ok(ClientEvent::List { items, .. }) => return Answer::List(items),
                Ok(ClientEvent::NoAnswer { why, .. }) => return Answer::None(why),
                Ok(ClientEvent::Closed { .. }) | Err(_) => return Answer::None(NoAnswer::Lost),
                Ok(_) => {}
            }
        }
    }

    /// The next thing that happens.
    fn next(&mut self) -> io::Result<ClientEvent<()>> {
        let mut part = [0; 16 * 1024];
        loop {
            match self.session.poll_event() {
                Some(ClientEvent::FullyBooted(_)) => self.booted = true,
                Some(ClientEvent::Banner(line)) => self.banner = line,
                Some(event) => return Ok(event),
                None if self.session.is_closed() => return Err(ErrorKind::NotConnected.into()),
                None => {
                    while let Some(bytes) = self.session.take_output() {
                        self.stream.write_all(&bytes)?;
                    }
                    let deadline = self.session.next_deadline().unwrap_or(PATIENCE);
                    let wait = deadline.saturating_sub(self.origin.elapsed()).max(Duration::from_millis(1));
                    self.stream.set_read_timeout(Some(wait.min(PATIENCE)))?;
                    match self.stream.read(&mut part) {
                        Ok(0) => self.session.receive_eof(),
                        Ok(count) => self.session.receive(self.origin.elapsed(), &part[..count]),
                        Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                            self.session.handle_timer(self.origin.elapsed());
                        }
                        Err(why) if why.kind() == ErrorKind::Interrupted => {}
                        Err(why) => self.session.fail(why.to_string()),
                    }
                }
            }
        }
    }
}

/// The first of the host's addresses that answers.
fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(why) => last = why,
        }
    }
    Err(last)
}
