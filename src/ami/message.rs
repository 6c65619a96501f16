//! One AMI message as it is read: ordered, repeatable headers. How messages are written is in [`super::builder`].

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

/// Where one header lies in the buffer of its message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) name_start: u32,
    pub(super) name_end: u32,
    pub(super) value_start: u32,
    pub(super) value_end: u32,
}

impl Span {
    /// The header in `line`, which starts at `offset` and has lost its line end; `None` for a line without colon.
    ///
    /// The name is everything before the first colon, blanks included, so that ` Action` and `Action ` are not
    /// `Action` (spec 2.3). Leading blanks of the value are dropped as Asterisk's `ast_skip_blanks` does it (every
    /// byte up to 0x20); trailing ones are kept (spec 2.2). A line of a command's output keeps its indentation.
    pub(super) fn of_line(offset: usize, line: &[u8]) -> Option<Self> {
        let colon = memchr::memchr(b':', line)?;
        let after = &line[colon + 1..];
        let blanks = if is_verbatim(&line[..colon]) {
            usize::from(after.starts_with(b" "))
        } else {
            after.iter().position(|&byte| byte > b' ').unwrap_or(after.len())
        };
        Some(Self {
            name_start: offset as u32,
            name_end: (offset + colon) as u32,
            value_start: (offset + colon + 1 + blanks) as u32,
            value_end: (offset + line.len()) as u32,
        })
    }
}

/// Whether the header's value counts with its leading blanks: those of `Output` are the shape of a table or of JSON.
pub(super) fn is_verbatim(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"Output")
}

/// A received or finished message: one frozen buffer and the offsets of its headers.
///
/// Cloning shares both. A received message shares its buffer with its neighbours in the stream: whoever keeps a few
/// messages for long should keep [`Message::detached`] copies.
///
/// Values are bytes (spec 1.7). The methods that give text replace invalid UTF-8 by U+FFFD and borrow otherwise; the
/// `_bytes` methods give what was on the wire.
#[derive(Clone)]
pub struct Message {
    wire: Bytes,
    spans: Arc<[Span]>,
}

impl Message {
    pub(super) fn from_parts(wire: Bytes, spans: Arc<[Span]>) -> Self {
        Self { wire, spans }
    }

    /// Reads one message from its complete text, up to the first empty line or the end; tolerant of bare LF.
    pub fn from_wire(text: impl Into<Bytes>) -> Self {
        let wire = text.into();
        let mut spans = Vec::new();
        let mut offset = 0;
        for raw in wire.split(|&byte| byte == b'\n') {
            let line = raw.strip_suffix(b"\r").unwrap_or(raw);
            if line.is_empty() {
                break;
            }
            spans.extend(Span::of_line(offset, line));
            offset += raw.len() + 1;
        }
        Self { wire, spans: spans.into() }
    }

    /// The first header of that name (any case), as text (spec 2.1, 2.4).
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get_bytes(name).map(String::from_utf8_lossy)
    }

    /// The first header of that name (any case), as sent.
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.iter_bytes()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Every header of that name (any case), in order, as text: `Variable`, `Output`, `ChanVariable` repeat.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.all_bytes(name).map(String::from_utf8_lossy)
    }

    /// Every header of that name (any case), in order, as sent.
    pub fn all_bytes<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter_bytes()
            .filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Names and values in order, as text.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.iter_bytes().map(|(name, value)| (String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
    }

    /// Names and values in order, as sent.
    pub fn iter_bytes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.spans.iter().map(|span| {
            (
                &self.wire[span.name_start as usize..span.name_end as usize],
                &self.wire[span.value_start as usize..span.value_end as usize],
            )
        })
    }

    /// Names and values in order, as text, with what the reading of a value passes over as Asterisk does: control
    /// characters before it, and a NUL with the rest of its line. For whoever has to refuse them.
    pub fn iter_as_written(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.spans.iter().map(|span| {
            let behind_colon = &self.wire[span.name_end as usize + 1..];
            let line = behind_colon.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let blanks = line.iter().take_while(|&&byte| byte == b' ' || byte == b'\t').count();
            let name = &self.wire[span.name_start as usize..span.name_end as usize];
            (String::from_utf8_lossy(name), String::from_utf8_lossy(&line[blanks..]))
        })
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no header at all (an empty line on the wire, spec 1.5).
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Whether this is an event: `Event` is its first header. A later `Event:` line is data: `UserEvent` passes any
    /// header on, even `Event: Hangup` (spec 5.5).
    pub fn is_event(&self) -> bool {
        self.first_value("Event").is_some()
    }

    /// The event's name, if this is an event.
    pub fn event_name(&self) -> Option<Cow<'_, str>> {
        self.first_value("Event").map(String::from_utf8_lossy)
    }

    /// Whether this is the event of that name (any case).
    pub fn is_event_named(&self, name: &str) -> bool {
        self.first_value("Event").is_some_and(|value| value.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Whether this is a response: `Response` is its first header (spec 3.1).
    pub fn is_response(&self) -> bool {
        self.first_value("Response").is_some()
    }

    /// `Success`, `Error` or `Goodbye`, if this is a response.
    pub fn response(&self) -> Option<Cow<'_, str>> {
        self.first_value("Response").map(String::from_utf8_lossy)
    }

    /// Whether this is `Response: Success`.
    pub fn is_success(&self) -> bool {
        self.first_value("Response").is_some_and(|value| value.eq_ignore_ascii_case(b"Success"))
    }

    /// The ActionID as text; an empty one counts as none (spec 2.6).
    pub fn action_id(&self) -> Option<Cow<'_, str>> {
        self.action_id_bytes().map(String::from_utf8_lossy)
    }

    /// The ActionID as sent; an empty one counts as none (spec 2.6).
    pub fn action_id_bytes(&self) -> Option<&[u8]> {
        self.get_bytes("ActionID").filter(|id| !id.is_empty())
    }

    /// The bytes to send: `Name: value` lines with CRLF and one empty line at the end. Shares the buffer when it already
    /// has that form, which is so for everything built here and for nearly everything Asterisk sends; else what
    /// can't be written (CR and NUL in values, lines without colon) is blanked or left out.
    pub fn to_wire(&self) -> Bytes {
        if self.is_canonical() {
            return self.wire.clone();
        }
        let mut wire = BytesMut::with_capacity(self.wire.len() + 2 * self.spans.len() + 2);
        for (name, value) in self.iter_bytes() {
            put_clean(&mut wire, name);
            wire.put_slice(b": ");
            put_clean(&mut wire, value);
            wire.put_slice(b"\r\n");
        }
        wire.put_slice(b"\r\n");
        wire.freeze()
    }

    /// A copy with a buffer of its own, for keeping.
    pub fn detached(&self) -> Self {
        Self { wire: Bytes::copy_from_slice(&self.wire), spans: Arc::clone(&self.spans) }
    }

    fn first_value(&self, name: &str) -> Option<&[u8]> {
        let (first, value) = self.iter_bytes().next()?;
        first.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
    }

    fn is_canonical(&self) -> bool {
        let mut at = 0;
        for span in self.spans.iter() {
            let line = at..span.value_end as usize;
            if span.name_start as usize != at
                || &self.wire[span.name_end as usize..span.value_start as usize] != b": "
                || self.wire[line].iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
                || !self.wire[span.value_end as usize..].starts_with(b"\r\n")
            {
                return false;
            }
            at = span.value_end as usize + 2;
        }
        &self.wire[at..] == b"\r\n"
    }
}

/// Appends `text` with a blank for each byte that would end a line or a C string.
pub(super) fn put_clean(wire: &mut BytesMut, text: &[u8]) {
    wire.extend(text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { byte }));
}

/// Equal headers in equal order; how they were spelled on the wire does not count.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.iter_bytes().eq(other.iter_bytes())
    }
}

impl Eq for Message {}

/// Shows the headers; values of headers that carry secrets are masked, so that a message may be logged.
impl fmt::Debug for Message {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = out.debug_map();
        for (name, value) in self.iter() {
            let value = if is_secret(&name) { Cow::Borrowed("***") } else { value };
            map.entry(&name, &value);
        }
        map.finish()
    }
}

/// Whether a header of that name carries something that must not be logged.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "password", "token"].iter().any(|word| name.contains(word)) || name == "key"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str) -> Message {
        Message::from_wire(text)
    }

    #[test]
    fn names_are_case_insensitive_and_the_first_of_a_repeated_header_wins() {
        let message = parse("aCtIoN: Ping\r\nACTIONID: one\r\nActionID: two\r\n\r\n");
        assert_eq!(message.get("Action").as_deref(), Some("Ping"));
        assert_eq!(message.action_id().as_deref(), Some("one"));
        assert_eq!(message.all("actionid").collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn leading_blanks_of_a_value_are_dropped_and_trailing_ones_kept() {
        let message = parse("A:x\r\nB: \t  y  \r\nC:\r\nD:   \r\n\r\n");
        let pairs: Vec<_> = message.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(pairs, ["A=x", "B=y  ", "C=", "D="]);
    }

    #[test]
    fn blanks_around_the_name_make_it_another_name() {
        let message = parse(" Action: Ping\r\nAction : Ping\r\n\r\n");
        assert_eq!(message.get("Action"), None);
    }

    #[test]
    fn an_event_line_inside_a_user_event_is_data() {
        let message = parse("Event: UserEvent\r\nUserEvent: Foo\r\ngarbage\r\nEvent: Hangup\r\n\r\n");
        assert_eq!(message.event_name().as_deref(), Some("UserEvent"));
        assert!(!message.is_event_named("Hangup"));
        assert_eq!(message.len(), 3);
    }

    #[test]
    fn values_that_are_not_utf8_are_kept_as_bytes_and_shown_lossy() {
        let message = Message::from_wire(&b"ActionID: \xe9\xff\r\n\r\n"[..]);
        assert_eq!(message.get_bytes("ActionID"), Some(&b"\xe9\xff"[..]));
        assert_eq!(message.get("ActionID").as_deref(), Some("\u{fffd}\u{fffd}"));
    }

    #[test]
    fn a_value_as_written_has_the_control_characters_that_reading_passes_over() {
        let message = Message::from_wire(&b"A: \t\x01b\0c\rd\r\nB:\nC: \0\n\n"[..]);
        let written: Vec<_> = message.iter_as_written().map(|(_, value)| value.into_owned()).collect();
        assert_eq!(written, ["\u{1}b\0c\rd", "", "\0"]);
    }

    #[test]
    fn a_message_in_asterisks_own_form_is_relayed_without_a_copy() {
        let text = "Event: Hangup\r\nCause: 16\r\nEmpty: \r\n\r\n";
        let message = parse(text);
        assert_eq!(message.to_wire().as_ptr(), text.as_ptr());
    }

    #[test]
    fn any_other_form_is_written_anew_without_bytes_that_break_lines() {
        let message = parse("Event:Hangup\nnonsense\nText: a\rb\0c\n\n");
        assert_eq!(message.to_wire(), "Event: Hangup\r\nText: a b c\r\n\r\n");
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let shown = format!("{:?}", parse("Action: Login\r\nSecret: hunter2\r\nKey: abcdef\r\n\r\n"));
        assert!(!shown.contains("hunter2") && !shown.contains("abcdef"), "{shown}");
    }
}
