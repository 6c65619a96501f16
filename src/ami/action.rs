//! Actions: the request as a server reads it, and those that every client sends. Other actions are built with
//! [`MessageBuilder::action`].

use std::borrow::Cow;

use bytes::Bytes;

use super::auth;
use super::builder::MessageBuilder;
use super::message::Message;

/// One action that a client asks for: a message that names an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    name: String,
    action_id: Option<Bytes>,
    message: Message,
}

impl Request {
    /// The request in `message`; the message back if it names no action. Empty `Action` headers are skipped and the
    /// first other one counts (spec 2.4), wherever it stands (spec 2.5).
    pub fn from_message(message: Message) -> Result<Self, Message> {
        let name = message.all_bytes("Action").find(|name| !name.is_empty());
        let Some(name) = name.map(|name| String::from_utf8_lossy(name).into_owned()) else {
            return Err(message);
        };
        let action_id = message.action_id_bytes().map(Bytes::copy_from_slice);
        Ok(Self { name, action_id, message })
    }

    /// The action's name as sent; compare with [`Request::is`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is that action: any case, but trailing blanks count (spec 2.1, 2.2).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The ActionID to echo byte for byte (spec 2.6).
    pub fn action_id(&self) -> Option<&[u8]> {
        self.action_id.as_deref()
    }

    /// The first header of that name; an absent and an empty one are the same to Asterisk, both `None` here.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.message.get(name).filter(|value| !value.is_empty())
    }

    /// All headers.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The message that it was made from.
    pub fn into_message(self) -> Message {
        self.message
    }
}

/// `Challenge` for an MD5 login (spec 4.4).
pub fn challenge() -> MessageBuilder {
    MessageBuilder::action("Challenge").header("AuthType", "MD5")
}

/// `Login` with the secret in clear.
pub fn login(username: &str, secret: &str, events: &str) -> MessageBuilder {
    let login = MessageBuilder::action("Login").header("Username", username).header("Secret", secret);
    with_events(login, events)
}

/// `Login` that answers a challenge (spec 4.4).
pub fn login_md5(username: &str, secret: &str, challenge: &str, events: &str) -> MessageBuilder {
    let login = MessageBuilder::action("Login")
        .header("AuthType", "MD5")
        .header("Username", username)
        .header("Key", auth::md5_key(challenge, secret));
    with_events(login, events)
}

/// `Ping` (spec 3.2).
pub fn ping() -> MessageBuilder {
    MessageBuilder::action("Ping")
}

/// `Logoff` (spec 4.7).
pub fn logoff() -> MessageBuilder {
    MessageBuilder::action("Logoff")
}

fn with_events(login: MessageBuilder, events: &str) -> MessageBuilder {
    if events.is_empty() { login } else { login.header("Events", events) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &'static str) -> Option<Request> {
        Request::from_message(Message::from_wire(text)).ok()
    }

    #[test]
    fn an_empty_action_is_skipped_and_the_first_other_one_counts() {
        assert!(request("Action: \r\nAction: Ping\r\nAction: Logoff\r\n\r\n").unwrap().is("ping"));
        assert_eq!(request("Action: \r\nActionID: empty\r\n\r\n"), None);
    }

    #[test]
    fn action_need_not_be_first_and_a_trailing_blank_counts() {
        let request = request("ActionID: trail  \r\nAccount: x\r\nAction: Ping  \r\n\r\n").unwrap();
        assert!(!request.is("Ping"));
        assert_eq!(request.name(), "Ping  ");
        assert_eq!(request.action_id(), Some(&b"trail  "[..]));
    }

    #[test]
    fn a_login_names_its_events_only_if_some_are_given() {
        let wire = login_md5("admin", "adminpw", "696196513", "call").finish().unwrap().to_wire();
        assert_eq!(
            wire,
            "Action: Login\r\nAuthType: MD5\r\nUsername: admin\r\nKey: ac00c0c1fc40414fc89a862b42ce9564\r\nEvents: call\r\n\r\n"
        );
        assert_eq!(login("a", "b", "").finish().unwrap().get("Events"), None);
    }
}
