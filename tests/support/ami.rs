//! A small blocking AMI client for tests and the demo: what an operator's program does.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use astout::ami::codec::{ClientCodec, FromServer};
use astout::ami::{Message, MessageBuilder};
use bytes::BytesMut;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One connection, logged in or not.
pub struct Client {
    stream: TcpStream,
    codec: ClientCodec,
    bytes: BytesMut,
    /// Events that came while something else was waited for.
    events: VecDeque<Message>,
    actions: u32,
}

impl Client {
    /// Connects; the banner is passed over.
    pub fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap_or_else(|why| panic!("{address}: {why}"));
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            codec: ClientCodec::new(),
            bytes: BytesMut::new(),
            events: VecDeque::new(),
            actions: 0,
        }
    }

    /// Connects and logs in, with every event.
    pub fn login(address: &str, user: &str, secret: &str) -> Self {
        let mut client = Self::connect(address);
        let answer = client.action("Login", &[("Username", user), ("Secret", secret)]);
        assert!(answer.is_success(), "{answer:?}");
        client
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends an action and gives its response.
    pub fn action(&mut self, name: &str, fields: &[(&str, &str)]) -> Message {
        let id = self.submit(name, fields);
        self.response(&id)
    }

    /// Sends an action that has to succeed.
    pub fn done(&mut self, name: &str, fields: &[(&str, &str)]) -> Message {
        let answer = self.action(name, fields);
        assert!(answer.is_success(), "{name} {fields:?}: {answer:?}");
        answer
    }

    /// Creates something and gives its uuid.
    pub fn create(&mut self, name: &str, fields: &[(&str, &str)]) -> String {
        self.done(name, fields).get("Uuid").expect("a Uuid in the reply").into_owned()
    }

    /// Sends an action that answers with a list, and gives its entries.
    pub fn list(&mut self, name: &str, fields: &[(&str, &str)]) -> Vec<Message> {
        let id = self.submit(name, fields);
        let start = self.response(&id);
        assert_eq!(start.get("EventList").as_deref(), Some("start"), "{start:?}");
        let mut items = Vec::new();
        loop {
            let item = self.next_of(|message| message.action_id().as_deref() == Some(id.as_str()), PATIENCE);
            let item = item.unwrap_or_else(|| panic!("{name}: the list did not end"));
            if item.get("EventList").as_deref() == Some("Complete") {
                assert_eq!(item.get("ListItems").as_deref(), Some(items.len().to_string().as_str()));
                return items;
            }
            items.push(item);
        }
    }

    /// Sends an action and gives its ActionID, by which the answer comes.
    pub fn submit(&mut self, name: &str, fields: &[(&str, &str)]) -> String {
        self.actions += 1;
        let id = format!("t{}", self.actions);
        let action = MessageBuilder::action(name).action_id(&id);
        let action = fields.iter().fold(action, |action, (name, value)| action.header(name, value));
        self.send(&action.finish().unwrap().to_wire());
        id
    }

    /// The response with that ActionID; events before it stay for later.
    pub fn response(&mut self, id: &str) -> Message {
        let ours = |message: &Message| message.is_response() && message.action_id().as_deref() == Some(id);
        self.next_of(ours, PATIENCE).expect("a response")
    }

    /// The next event, of those kept first; `None` where none comes in time.
    pub fn event(&mut self, within: Duration) -> Option<Message> {
        self.next_of(Message::is_event, within)
    }

    /// The first event that `wanted` takes; events before it stay for later. Fails where none comes in time.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        self.next_of(|message| message.is_event() && wanted(message), PATIENCE)
            .unwrap_or_else(|| panic!("{what} did not come within {PATIENCE:?}"))
    }

    fn next_of(&mut self, wanted: impl Fn(&Message) -> bool, within: Duration) -> Option<Message> {
        if let Some(place) = self.events.iter().position(&wanted) {
            return self.events.remove(place);
        }
        let deadline = Instant::now() + within;
        loop {
            let message = self.read(deadline)?;
            if wanted(&message) {
                return Some(message);
            }
            if message.is_event() {
                self.events.push_back(message);
            }
        }
    }

    /// The next message on the wire; `None` at the deadline or the end.
    pub fn read(&mut self, deadline: Instant) -> Option<Message> {
        let mut part = [0; 16 * 1024];
        loop {
            match self.codec.next_item(&mut self.bytes).expect("AMI") {
                Some(FromServer::Message(message)) => return Some(message),
                Some(FromServer::Banner(_)) => continue,
                None => {}
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut part) {
                Ok(0) => return None,
                Ok(count) => self.bytes.extend_from_slice(&part[..count]),
                Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                Err(why) if why.kind() == ErrorKind::ConnectionReset => return None,
                Err(why) => panic!("{why}"),
            }
        }
    }
}

/// What a header holds, as text; empty where it is not there.
pub fn header(message: &Message, name: &str) -> String {
    message.get(name).unwrap_or_default().into_owned()
}
