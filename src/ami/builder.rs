//! One AMI message as it is written. The second fence against header injection: no CR, LF or NUL ever leaves through a
//! name or a value, whoever forgot to check them before.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::message::{Message, Span, is_secret, is_verbatim, put_clean};

/// The longest line, without its CRLF, that Asterisk accepts in an action (spec 1.8).
pub const MAX_ACTION_LINE: usize = 1022;
/// The most lines that Asterisk accepts in an action (spec 1.9).
pub const MAX_ACTION_LINES: usize = 128;
/// The longest line in a response or an event, in both directions; Asterisk itself knows no bound.
pub const MAX_LINE: usize = 64 * 1024;
/// The longest response or event, in both directions, line ends included.
pub const MAX_MESSAGE: usize = 1024 * 1024;

/// How long an action may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line, without its CRLF.
    pub line: usize,
    /// The most lines.
    pub lines: usize,
    /// The most bytes in all, line ends included.
    pub message: usize,
}

impl Limits {
    /// Asterisk's.
    pub const ASTERISK: Self = Self {
        line: MAX_ACTION_LINE,
        lines: MAX_ACTION_LINES,
        message: MAX_ACTION_LINES * (MAX_ACTION_LINE + 2) + 2,
    };
    /// Those between our own ends, for whoever has a thousand things to say at once.
    pub const OWN: Self = Self { line: MAX_LINE, lines: 8192, message: MAX_MESSAGE };
}

/// Why a message can't be written as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A header's name is empty, or holds a colon, a control character, or a blank at an end.
    #[error("{name:?} is no header name")]
    BadName {
        /// The name as given.
        name: String,
    },
    /// A value holds CR, LF or NUL: it would end the line and begin a header of its own.
    #[error("the value of {header} holds the forbidden byte 0x{byte:02x}")]
    ForbiddenByte {
        /// The header's name.
        header: String,
        /// CR, LF or NUL.
        byte: u8,
    },
    /// The receiver would refuse the line.
    #[error("the line of {header} has {length} bytes; {limit} are allowed")]
    LineTooLong {
        /// The header's name.
        header: String,
        /// Bytes of `Name: value`.
        length: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// Asterisk would refuse the action.
    #[error("{count} headers; {limit} are allowed")]
    TooManyHeaders {
        /// Headers of the message.
        count: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The message as a whole is longer than [`MAX_MESSAGE`].
    #[error("the message is longer than {limit} bytes")]
    MessageTooLong {
        /// The most that is allowed.
        limit: usize,
    },
}

/// Collects the headers of a message to send.
///
/// The first header says what it is. In actions and responses the ActionID is written second, wherever it was set
/// (spec 3.1; clients break otherwise, spec 9); in events it stays where it was put. Leading blanks of values are left
/// out, since no receiver would see them (spec 2.2), but for those of a command's `Output`.
#[derive(Clone)]
pub struct MessageBuilder {
    kind: String,
    kind_value: Vec<u8>,
    action_id: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
}

impl MessageBuilder {
    /// A message whose first header is `kind` (`Action`, `Event` or `Response`).
    pub fn new(kind: &str, value: impl AsRef<[u8]>) -> Self {
        Self {
            kind: kind.to_owned(),
            kind_value: value.as_ref().to_vec(),
            action_id: None,
            headers: Vec::new(),
        }
    }

    /// An action, as a client sends it.
    pub fn action(name: &str) -> Self {
        Self::new("Action", name)
    }

    /// Appends a header; names may repeat. In an action or a response, `ActionID` sets the ActionID.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if name.eq_ignore_ascii_case("ActionID") && !self.kind.eq_ignore_ascii_case("Event") {
            return self.action_id(value);
        }
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the ActionID of an action or a response, or appends it to an event; an empty one writes no line (spec 2.6).
    #[must_use]
    pub fn action_id(mut self, id: impl AsRef<[u8]>) -> Self {
        let id = id.as_ref();
        if self.kind.eq_ignore_ascii_case("Event") {
            if !id.is_empty() {
                self.headers.push(("ActionID".to_owned(), id.to_vec()));
            }
        } else {
            self.action_id = (!id.is_empty()).then(|| id.to_vec());
        }
        self
    }

    /// Sets the ActionID to the given one if there is one: to answer a request that may have had none.
    #[must_use]
    pub fn echo(self, id: Option<&[u8]>) -> Self {
        match id {
            Some(id) => self.action_id(id),
            None => self,
        }
    }

    /// The ActionID set so far on an action or a response.
    pub fn current_action_id(&self) -> Option<&[u8]> {
        self.action_id.as_deref()
    }

    /// The message, or what is wrong with it. Actions obey Asterisk's limits, so that none is rejected as too long.
    pub fn finish(self) -> Result<Message, EncodeError> {
        let limits = self.limits();
        self.finish_within(limits)
    }

    /// The same within other limits, for a receiver that is known to have them.
    pub fn finish_within(self, limits: Limits) -> Result<Message, EncodeError> {
        let (line_limit, count_limit) = (limits.line, limits.lines);
        let mut writer = Writer::default();
        for (name, value) in self.lines() {
            if !is_good_name(name) {
                return Err(EncodeError::BadName { name: name.to_owned() });
            }
            if let Some(&byte) = value.iter().find(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                return Err(EncodeError::ForbiddenByte { header: name.to_owned(), byte });
            }
            let length = name.len() + 2 + value.len();
            if length > line_limit {
                return Err(EncodeError::LineTooLong { header: name.to_owned(), length, limit: line_limit });
            }
            writer.line(name, value);
        }
        if writer.spans.len() > count_limit {
            return Err(EncodeError::TooManyHeaders { count: writer.spans.len(), limit: count_limit });
        }
        if writer.wire.len() + 2 > limits.message {
            return Err(EncodeError::MessageTooLong { limit: limits.message });
        }
        Ok(writer.end())
    }

    /// The message, mended where it can't be written: forbidden bytes become blanks, long lines are cut, headers with a bad
    /// name and those beyond the limits are left out. For replies and events, which must go out whatever a
    /// record holds; never for an action, which must do what was asked or nothing.
    pub fn finish_lossy(self) -> Message {
        let Limits { line: line_limit, lines: count_limit, .. } = self.limits();
        let mut writer = Writer::default();
        for (name, value) in self.lines() {
            let room = line_limit.saturating_sub(name.len() + 2);
            let blanks = value.iter().position(|&byte| byte > b' ').unwrap_or(value.len());
            let blanks = if is_verbatim(name.as_bytes()) { 0 } else { blanks };
            let value = &value[blanks..value.len().min(blanks + room)];
            let fits = writer.wire.len() + name.len() + value.len() + 6 <= MAX_MESSAGE;
            if is_good_name(name) && name.len() + 2 <= line_limit && fits && writer.spans.len() < count_limit
            {
                writer.line(name, value);
            }
        }
        writer.end()
    }

    fn limits(&self) -> Limits {
        if self.kind.eq_ignore_ascii_case("Action") {
            Limits::ASTERISK
        } else {
            Limits { line: MAX_LINE, lines: usize::MAX, message: MAX_MESSAGE }
        }
    }

    fn lines(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let first = (self.kind.as_str(), self.kind_value.as_slice());
        let id = self.action_id.as_deref().map(|id| ("ActionID", id));
        let rest = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let skip = |name: &str, value| if is_verbatim(name.as_bytes()) { value } else { skip_blanks(value) };
        std::iter::once(first).chain(id).chain(rest).map(move |(name, value)| (name, skip(name, value)))
    }
}

/// Masks secrets, as [`Message`] does.
impl fmt::Debug for MessageBuilder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = out.debug_map();
        for (name, value) in self.lines() {
            map.entry(&name, &if is_secret(name) { "***".into() } else { String::from_utf8_lossy(value) });
        }
        map.finish()
    }
}

#[derive(Default)]
struct Writer {
    wire: BytesMut,
    spans: Vec<Span>,
}

impl Writer {
    fn line(&mut self, name: &str, value: &[u8]) {
        let name_start = self.wire.len() as u32;
        self.wire.put_slice(name.as_bytes());
        let name_end = self.wire.len() as u32;
        self.wire.put_slice(b": ");
        let value_start = self.wire.len() as u32;
        put_clean(&mut self.wire, value);
        self.spans.push(Span { name_start, name_end, value_start, value_end: self.wire.len() as u32 });
        self.wire.put_slice(b"\r\n");
    }

    fn end(mut self) -> Message {
        self.wire.put_slice(b"\r\n");
        let wire: Bytes = self.wire.freeze();
        Message::from_parts(wire, self.spans.into())
    }
}

fn is_good_name(name: &str) -> bool {
    !name.is_empty()
        && name.trim_matches([' ', '\t']) == name
        && !name.chars().any(|character| character == ':' || character.is_ascii_control())
}

/// Drops what a receiver would drop, but nothing that [`MessageBuilder::finish`] has to refuse.
fn skip_blanks(value: &[u8]) -> &[u8] {
    let dropped = |byte: u8| byte <= b' ' && !matches!(byte, b'\r' | b'\n' | 0);
    let blanks = value.iter().position(|&byte| !dropped(byte)).unwrap_or(value.len());
    &value[blanks..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn response_comes_first_and_the_action_id_second() {
        let message = MessageBuilder::new("Response", "Success")
            .header("Ping", "Pong")
            .action_id("7")
            .finish()
            .unwrap();
        assert_eq!(message.to_wire(), "Response: Success\r\nActionID: 7\r\nPing: Pong\r\n\r\n");
    }

    #[test]
    fn an_event_keeps_its_action_id_where_it_was_put() {
        let message =
            MessageBuilder::new("Event", "Status").header("A", "b").action_id("7").finish().unwrap();
        assert_eq!(message.to_wire(), "Event: Status\r\nA: b\r\nActionID: 7\r\n\r\n");
    }

    #[test]
    fn a_value_can_not_begin_a_header_of_its_own() {
        for value in ["x\r\nVariable: y", "x\ny", "\rx", "x\0", "\n"] {
            let refused = MessageBuilder::action("Originate").header("CallerID", value).finish();
            assert!(matches!(refused, Err(EncodeError::ForbiddenByte { .. })), "{value:?}");
        }
        let refused = MessageBuilder::action("Originate").action_id("a\r\nb").finish();
        assert!(matches!(refused, Err(EncodeError::ForbiddenByte { .. })));
    }

    #[test]
    fn a_name_can_not_smuggle_a_value() {
        for name in ["", "A: b\r\nC", "A:b", " A", "A ", "A\0"] {
            let refused = MessageBuilder::action("Ping").header(name, "v").finish();
            assert!(matches!(refused, Err(EncodeError::BadName { .. })), "{name:?}");
        }
    }

    #[test]
    fn an_action_obeys_the_limits_of_asterisk() {
        let line =
            |length: usize| MessageBuilder::action("Ping").header("X", "y".repeat(length - 3)).finish();
        assert!(line(1022).is_ok());
        assert_eq!(
            line(1023),
            Err(EncodeError::LineTooLong { header: "X".into(), length: 1023, limit: 1022 })
        );
        let lines = |count: usize| {
            (1..count).fold(MessageBuilder::action("Ping"), |it, _| it.header("H", "v")).finish()
        };
        assert!(lines(128).is_ok());
        assert_eq!(lines(129), Err(EncodeError::TooManyHeaders { count: 129, limit: 128 }));
    }

    #[test]
    fn a_reply_is_mended_rather_than_lost() {
        let message = MessageBuilder::new("Response", "Error")
            .header("Message", "a\r\nb")
            .header(":", "x")
            .finish_lossy();
        assert_eq!(message.to_wire(), "Response: Error\r\nMessage: a  b\r\n\r\n");
    }

    #[test]
    fn a_line_of_output_keeps_its_indentation() {
        let wire = "Response: Success\r\nOutput:   \"a\": 1\r\nOutput: \r\n\r\n";
        let message =
            MessageBuilder::new("Response", "Success").header("Output", "  \"a\": 1").header("Output", "");
        assert_eq!(message.clone().finish().unwrap().to_wire(), wire);
        assert_eq!(message.finish_lossy().to_wire(), wire);
        let read = Message::from_wire(wire);
        assert_eq!(read.all("Output").collect::<Vec<_>>(), ["  \"a\": 1", ""]);
        assert_eq!(read.to_wire(), wire);
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let shown = format!("{:?}", MessageBuilder::action("Login").header("Secret", "hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_again(headers in prop::collection::vec(("[!-9;-~]{1,20}", prop::collection::vec(any::<u8>(), 0..60)), 0..20)) {
            let builder = headers.iter().fold(MessageBuilder::new("Event", "X"), |it, (name, value)| it.header(name, value));
            for message in builder.clone().finish().into_iter().chain([builder.finish_lossy()]) {
                let wire = message.to_wire();
                prop_assert_eq!(Message::from_wire(wire.clone()), message.clone());
                prop_assert_eq!(wire.iter().filter(|&&byte| byte == b'\n').count(), message.len() + 1);
                prop_assert_eq!(wire.iter().filter(|&&byte| byte == b'\r').count(), message.len() + 1);
                prop_assert!(!wire.contains(&0));
            }
        }
    }
}
