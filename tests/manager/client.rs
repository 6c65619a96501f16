//! A client of the AMI server that sees the very bytes, and compares names and their order.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::timeout;

/// When something that should have come is missing.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// One message as it came, without its empty line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received(pub(crate) String);

impl Received {
    pub(crate) fn get(&self, name: &str) -> &str {
        let value = self.0.split("\r\n").find_map(|line| line.strip_prefix(&format!("{name}: ")));
        value.unwrap_or_else(|| panic!("no {name} in\n{}", self.0))
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.split("\r\n").filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect()
    }

    /// Names in their order, one each time.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.split("\r\n").map(|line| line.split(':').next().unwrap_or_default()).collect()
    }

    pub(crate) fn is_event(&self, name: &str) -> bool {
        self.0.starts_with(&format!("Event: {name}\r\n"))
    }

    pub(crate) fn is_response(&self) -> bool {
        self.0.starts_with("Response: ")
    }
}

pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
    events: VecDeque<Received>,
}

impl Client<TcpStream> {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::greeted(TcpStream::connect(address).await.unwrap()).await
    }

    /// A client whose side of the connection holds little that it has not read.
    pub(crate) async fn connect_narrowly(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Self::greeted(socket.connect(address).await.unwrap()).await
    }
}

impl Client<UnixStream> {
    pub(crate) async fn connect_locally(path: &Path) -> Self {
        Self::greeted(UnixStream::connect(path).await.unwrap()).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn greeted(stream: S) -> Self {
        let mut client = Self { stream, buffer: Vec::new(), events: VecDeque::new() };
        let banner = client.until(b"\r\n").await.expect("a banner");
        assert_eq!(banner, "Asterisk Call Manager/11.0.0");
        client
    }

    /// Sends an action: its lines, with LF in place of CRLF.
    pub(crate) async fn send(&mut self, lines: &str) {
        let text = format!("{}\r\n\r\n", lines.trim().replace('\n', "\r\n"));
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next message; `None` where the server has closed.
    pub(crate) async fn read(&mut self) -> Option<Received> {
        self.until(b"\r\n\r\n").await.map(Received)
    }

    async fn until(&mut self, end: &[u8]) -> Option<String> {
        let reading = async {
            loop {
                if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                    let message: Vec<u8> = self.buffer.drain(..at + end.len()).take(at).collect();
                    return Some(String::from_utf8(message).unwrap());
                }
                if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                    assert!(self.buffer.is_empty(), "cut: {:?}", String::from_utf8_lossy(&self.buffer));
                    return None;
                }
            }
        };
        timeout(LONG, reading).await.expect("a message in time")
    }

    /// The next response; events before it are kept.
    pub(crate) async fn response(&mut self) -> Received {
        loop {
            let message = self.read().await.expect("a response");
            if message.is_response() {
                return message;
            }
            self.events.push_back(message);
        }
    }

    /// Sends an action, gives its response.
    pub(crate) async fn ask(&mut self, lines: &str) -> Received {
        self.send(lines).await;
        self.response().await
    }

    /// Sends an action that must be refused with that text.
    pub(crate) async fn refused(&mut self, lines: &str, text: &str) {
        let reply = self.ask(lines).await;
        assert_eq!(reply.get("Response"), "Error", "{lines}");
        assert_eq!(reply.get("Message"), text, "{lines}");
    }

    /// Creates a noun, gives its uuid.
    pub(crate) async fn create(&mut self, lines: &str) -> String {
        let reply = self.ask(lines).await;
        assert_eq!(reply.get("Response"), "Success", "{lines}: {}", reply.0);
        reply.get("Uuid").to_owned()
    }

    /// Sends an action that must succeed.
    pub(crate) async fn done(&mut self, lines: &str) -> Received {
        let reply = self.ask(lines).await;
        assert_eq!(reply.get("Response"), "Success", "{lines}: {}", reply.0);
        reply
    }

    /// Asks for a list: its items, without the frame, which is checked.
    pub(crate) async fn list(&mut self, lines: &str) -> Vec<Received> {
        let start = self.done(lines).await;
        assert_eq!(start.get("EventList"), "start");
        assert!(start.get("Message").ends_with(" List will follow"), "{}", start.0);
        let mut items = Vec::new();
        loop {
            let item = self.read().await.expect("a list");
            if item.0.contains("\r\nEventList: Complete\r\n") {
                assert_eq!(item.get("ListItems"), items.len().to_string());
                assert!(item.get("Event").ends_with("Complete"));
                return items;
            }
            items.push(item);
        }
    }

    /// The next event of that name; others before it are passed over.
    pub(crate) async fn event(&mut self, name: &str) -> Received {
        loop {
            let message = match self.events.pop_front() {
                Some(event) => event,
                None => self.read().await.unwrap_or_else(|| panic!("no {name} before the end")),
            };
            if message.is_event(name) {
                return message;
            }
        }
    }

    pub(crate) async fn login(&mut self, user: &str, secret: &str, events: &str) {
        let action = format!("Action: Login\nUsername: {user}\nSecret: {secret}\nEvents: {events}");
        let reply = self.ask(&action).await;
        assert_eq!(reply.0, "Response: Success\r\nMessage: Authentication accepted");
    }

    /// Whether the connection is closed, with nothing more said.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.read().await.is_none()
    }
}
