//! A short session beside the dialer's own: one question after the other, then goodbye. For what Asterisk may take its time
//! over, such as reading its dialplan anew: Originates must not queue up behind it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::connection::ConnectionOptions;
use crate::ami::{ClientEvent, ClientOptions, ClientSession, Message, MessageBuilder};

/// How long connecting and logging in may take, and each answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A session that is logged in.
pub struct Errand {
    stream: TcpStream,
    session: ClientSession<()>,
    origin: Instant,
}

impl Errand {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Why it could not, in words.
    pub async fn open(options: &ConnectionOptions) -> Result<Self, String> {
        let stream = timeout(PATIENCE, TcpStream::connect((options.host.as_str(), options.port)));
        let stream = stream.await.map_err(|_late| "no answer".to_owned())?.map_err(|why| why.to_string())?;
        let session = ClientOptions {
            events_mask: "off".to_owned(),
            action_id_prefix: format!("e{:08x}:", fastrand::u32(..)),
            action_timeout: PATIENCE,
            ..options.session.clone()
        };
        let session = ClientSession::new(Duration::ZERO, session);
        let mut errand = Self { stream, session, origin: Instant::now() };
        loop {
            match errand.next().await? {
                ClientEvent::LoggedIn => return Ok(errand),
                ClientEvent::Closed { why } => return Err(why.to_string()),
                _ => {}
            }
        }
    }

    /// Asks for one response, an error among them.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn ask(&mut self, action: MessageBuilder) -> Result<Message, String> {
        self.session.submit(self.origin.elapsed(), action, ());
        loop {
            match self.next().await? {
                ClientEvent::Response { message, .. } => return Ok(message),
                ClientEvent::NoAnswer { why, .. } => return Err(why.to_string()),
                ClientEvent::Closed { why } => return Err(why.to_string()),
                _ => {}
            }
        }
    }

    /// Says goodbye, so that Asterisk's log shows an end and no failure.
    pub async fn close(mut self) {
        self.session.logoff();
        while let Ok(event) = self.next().await {
            if matches!(event, ClientEvent::Closed { .. }) {
                return;
            }
        }
    }

    /// The next thing that happens.
    async fn next(&mut self) -> Result<ClientEvent<()>, String> {
        let mut part = vec![0; 16 * 1024];
        loop {
            if let Some(event) = self.session.poll_event() {
                return Ok(event);
            }
            if self.session.is_closed() {
                return Err("the connection is closed".to_owned());
            }
            while let Some(bytes) = self.session.take_output() {
                self.stream.write_all(&bytes).await.map_err(|why| why.to_string())?;
            }
            let deadline = self.session.next_deadline().unwrap_or_else(|| self.origin.elapsed() + PATIENCE);
            let wait = deadline.saturating_sub(self.origin.elapsed());
            match timeout(wait, self.stream.read(&mut part)).await {
                Ok(Ok(0)) => self.session.receive_eof(),
                Ok(Ok(count)) => self.session.receive(self.origin.elapsed(), &part[..count]),
                Ok(Err(why)) => self.session.fail(why.to_string()),
                Err(_late) => self.session.handle_timer(self.origin.elapsed()),
            }
        }
    }
}
