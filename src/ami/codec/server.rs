//! The server's end: what an operator's client sends, with Asterisk's limits and oddities (spec 1.3 to 1.9).

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::{find_newline, without_cr};
use crate::ami::builder::Limits;
use crate::ami::message::{Message, Span};

/// One thing a client sent, complete with its empty line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromClient {
    /// A message; without headers where the client sent an empty line only (spec 1.5).
    Message(Message),
    /// A message that can only be answered with an error; the connection stays open (spec 1.8, 1.9).
    Fault(Fault),
}

/// A message that broke a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which limit.
    pub kind: FaultKind,
    /// The ActionID to echo, where Asterisk would echo it.
    pub action_id: Option<Bytes>,
}

/// A limit of Asterisk that a message can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A line of more than 1022 bytes (spec 1.8).
    LineTooLong,
    /// More than 128 lines (spec 1.9), or more bytes in all than a codec with other limits takes.
    TooManyLines,
}

impl FaultKind {
    /// Asterisk's text for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::LineTooLong => "Failed to parse message: line too long",
            Self::TooManyLines => "Too many lines in message or allocation failure",
        }
    }
}

/// Decodes what clients send, encodes what they get.
///
/// A message in progress costs at most 128 lines of 1024 bytes, unless the codec has other limits. Once it has broken a limit only its ActionID is kept
/// and the rest is thrown away as it comes, up to the empty line. What follows the last empty line at the end of
/// the stream was no message and is forgotten (spec 1.11).
#[derive(Debug)]
pub struct ServerCodec {
    limits: Limits,
    line_start: usize,
    scanned: usize,
    lines: usize,
    spans: Vec<Span>,
    broken: Option<Broken>,
    /// Inside a line that is too long, of which nothing is kept.
    skipping: bool,
}

#[derive(Debug)]
struct Broken {
    kind: FaultKind,
    /// The value of the first ActionID header seen, maybe empty.
    action_id: Option<Bytes>,
}

impl ServerCodec {
    /// A codec for one connection, with Asterisk's limits.
    pub fn new() -> Self {
        Self::with_limits(Limits::ASTERISK)
    }

    /// A codec for a connection whose client is told other limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, line_start: 0, scanned: 0, lines: 0, spans: Vec::new(), broken: None, skipping: false }
    }

    fn forget(&mut self, source: &mut BytesMut, bytes: usize) {
        source.advance(bytes);
        self.line_start = 0;
        self.scanned = 0;
    }

    /// Notes that the message broke a limit, and keeps only the ActionID of the lines so far.
    fn break_off(&mut self, source: &BytesMut, kind: FaultKind) {
        if self.broken.is_none() {
            let action_id = self.spans.iter().find_map(|span| action_id_of(source, *span));
            self.broken = Some(Broken { kind, action_id });
        }
        self.spans.clear();
    }

    /// A complete line that belongs to a message.
    fn take_line(&mut self, source: &mut BytesMut, line_end: usize, next: usize) {
        let span = Span::of_line(self.line_start, &source[self.line_start..line_end]);
        match &mut self.broken {
            None if self.lines == self.limits.lines || next > self.limits.message => {
                self.break_off(source, FaultKind::TooManyLines);
            }
            None => {
                self.lines += 1;
                self.spans.extend(span);
                self.line_start = next;
                self.scanned = next;
                return;
            }
            Some(broken) => {
                if broken.kind == FaultKind::LineTooLong && broken.action_id.is_none() {
                    broken.action_id = span.and_then(|span| action_id_of(source, span));
                }
            }
        }
        self.forget(source, next);
    }

    fn take_message(&mut self, source: &mut BytesMut, next: usize) -> FromClient {
        let wire = source.split_to(next).freeze();
        self.line_start = 0;
        self.scanned = 0;
        self.lines = 0;
        let spans = self.spans.as_slice().into();
        self.spans.clear();
        match self.broken.take() {
            None => FromClient::Message(Message::from_parts(wire, spans)),
            Some(Broken { kind, action_id }) => {
                FromClient::Fault(Fault { kind, action_id: action_id.filter(|id| !id.is_empty()) })
            }
        }
    }
}

impl ServerCodec {
    /// The next whole item of what is there; what it holds is taken from `source`. It never fails: what is no
    /// AMI comes as a fault.
    pub fn next_item(&mut self, source: &mut BytesMut) -> Option<FromClient> {
        while let Some(newline) = find_newline(source, self.scanned) {
            if self.skipping {
                self.skipping = false;
                self.forget(source, newline + 1);
                continue;
            }
            let line = without_cr(&source[self.line_start..newline]);
            if line.len() > self.limits.line {
                self.break_off(source, FaultKind::LineTooLong);
                self.forget(source, newline + 1);
                continue;
            }
            // Asterisk reads lines as C strings: a NUL ends one, and an empty one ends the message (spec 1.6).
            let length = line.iter().position(|&byte| byte == 0).unwrap_or(line.len());
            if length == 0 {
                return Some(self.take_message(source, newline + 1));
            }
            self.take_line(source, self.line_start + length, newline + 1);
        }
        self.scanned = source.len();
        // One byte more than the longest line, since that may be the CR of its line end.
        if self.skipping || source.len() - self.line_start > self.limits.line + 1 {
            self.break_off(source, FaultKind::LineTooLong);
            self.skipping = true;
            self.forget(source, source.len());
        }
        None
    }
}

impl Default for ServerCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for ServerCodec {
    type Item = FromClient;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<FromClient>> {
        Ok(self.next_item(source))
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> io::Result<Option<FromClient>> {
        let message = self.decode(source)?;
        if message.is_none() {
            source.clear();
        }
        Ok(message)
    }
}

impl Encoder<&Message> for ServerCodec {
    type Error = io::Error;

    fn encode(&mut self, message: &Message, destination: &mut BytesMut) -> io::Result<()> {
        destination.extend_from_slice(&message.to_wire());
        Ok(())
    }
}

fn action_id_of(source: &[u8], span: Span) -> Option<Bytes> {
    let name = &source[span.name_start as usize..span.name_end as usize];
    name.eq_ignore_ascii_case(b"ActionID")
        .then(|| Bytes::copy_from_slice(&source[span.value_start as usize..span.value_end as usize]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_in_pieces(pieces: &[&[u8]]) -> Vec<FromClient> {
        let mut codec = ServerCodec::new();
        let mut source = BytesMut::new();
        let mut items = Vec::new();
        for piece in pieces {
            source.extend_from_slice(piece);
            while let Some(item) = codec.decode(&mut source).unwrap() {
                items.push(item);
            }
        }
        items
    }

    fn decode(text: impl AsRef<[u8]>) -> Vec<FromClient> {
        decode_in_pieces(&[text.as_ref()])
    }

    /// One line a message: `name=value|name=value`, or the fault and its ActionID.
    fn shown(items: &[FromClient]) -> Vec<String> {
        let one = |item: &FromClient| match item {
            FromClient::Message(message) => {
                message.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|")
            }
            FromClient::Fault(fault) => format!("{:?} {:?}", fault.kind, fault.action_id),
        };
        items.iter().map(one).collect()
    }

    #[test]
    fn lines_may_end_in_crlf_or_lf_and_a_bare_cr_is_data() {
        assert_eq!(shown(&decode("Action: Ping\nActionID: mixed\r\n\n")), ["Action=Ping|ActionID=mixed"]);
        assert_eq!(
            shown(&decode("Action: Ping\rActionID: cr\r\r\r\n\r\n")),
            ["Action=Ping\rActionID: cr\r\r"]
        );
    }

    #[test]
    fn each_extra_empty_line_is_an_empty_message() {
        assert_eq!(shown(&decode("\r\n\nA: b\r\n\r\n\r\n")), ["", "", "A=b", ""]);
    }

    #[test]
    fn nul_ends_a_line_and_a_line_that_starts_with_it_ends_the_message() {
        assert_eq!(shown(&decode("Action: Pi\0ng\r\nActionID: a\0b\r\n\r\n")), ["Action=Pi|ActionID=a"]);
        let items = decode("Action: Ping\r\n\0junk\r\nActionID: n3\r\n\r\n");
        assert_eq!(shown(&items), ["Action=Ping", "ActionID=n3"]);
    }

    #[test]
    fn nothing_comes_before_the_empty_line() {
        assert!(decode("Action: Ping\r\nActionID: late\r\n").is_empty());
    }

    #[test]
    fn lines_without_colon_are_ignored() {
        assert_eq!(
            shown(&decode("Action: Ping\r\ngarbage line\r\nActionID: g\r\n\r\n")),
            ["Action=Ping|ActionID=g"]
        );
    }

    #[test]
    fn a_line_of_1022_bytes_is_accepted_and_one_of_1023_is_not() {
        for (length, accepted) in [(1021, true), (1022, true), (1023, false), (1024, false), (100_000, false)]
        {
            for end in ["\r\n", "\n"] {
                let line = format!("X: {}", "y".repeat(length - 3));
                let items = decode(format!(
                    "Action: Ping{end}ActionID: i{end}{line}{end}{end}Action: Next{end}{end}"
                ));
                assert_eq!(items.len(), 2, "{length}");
                assert_eq!(matches!(items[0], FromClient::Message(_)), accepted, "{length}");
                assert_eq!(shown(&items)[1], "Action=Next");
                if !accepted {
                    assert_eq!(shown(&items)[0], r#"LineTooLong Some(b"i")"#);
                }
            }
        }
    }

    #[test]
    fn the_action_id_is_kept_before_and_after_a_long_line() {
        let long = "y".repeat(5000);
        let items = decode(format!("Action: Ping\r\nX: {long}\r\nActionID: after\r\n\r\n{long}\r\n\r\n"));
        assert_eq!(shown(&items), [r#"LineTooLong Some(b"after")"#, "LineTooLong None"]);
    }

    #[test]
    fn the_129th_line_breaks_a_message_and_an_action_id_behind_it_is_lost() {
        let lines = |count: usize| "H: v\r\n".repeat(count);
        assert!(matches!(decode(format!("{}\r\n", lines(128)))[0], FromClient::Message(_)));
        let early = format!("ActionID: early\r\n{}\r\n", lines(128));
        let late = format!("{}ActionID: late\r\n\r\n", lines(140));
        assert_eq!(shown(&decode(early + &late)), [r#"TooManyLines Some(b"early")"#, "TooManyLines None"]);
    }

    #[test]
    fn a_codec_may_have_other_limits_and_holds_them() {
        let limits = Limits { line: 2000, lines: 1000, message: 50_000 };
        let decode = |text: String| {
            let mut codec = ServerCodec::with_limits(limits);
            let mut source = BytesMut::from(text.as_str());
            codec.next_item(&mut source).unwrap()
        };
        let rows = |count: usize, length: usize| {
            format!("{}\r\n", format!("X: {}\r\n", "y".repeat(length)).repeat(count))
        };
        assert!(matches!(decode(rows(900, 20)), FromClient::Message(_)));
        assert!(matches!(decode(rows(20, 1997)), FromClient::Message(_)));
        for (count, length, kind) in [
            (1001, 20, FaultKind::TooManyLines),
            (30, 1997, FaultKind::TooManyLines),
            (1, 1998, FaultKind::LineTooLong),
        ] {
            assert_eq!(
                decode(rows(count, length)),
                FromClient::Fault(Fault { kind, action_id: None }),
                "{count}"
            );
        }
    }

    #[test]
    fn an_endless_line_costs_no_memory() {
        let mut codec = ServerCodec::new();
        let mut source = BytesMut::new();
        let chunk = [b'x'; 16 * 1024];
        source.extend_from_slice(b"ActionID: i\r\n");
        for _ in 0..6400 {
            source.extend_from_slice(&chunk);
            assert_eq!(codec.decode(&mut source).unwrap(), None);
            assert!(
                source.len() <= 2048 && source.capacity() < 256 * 1024,
                "{} {}",
                source.len(),
                source.capacity()
            );
        }
        source.extend_from_slice(b"\r\n\r\n");
        assert_eq!(shown(&[codec.decode(&mut source).unwrap().unwrap()]), [r#"LineTooLong Some(b"i")"#]);
    }

    #[test]
    fn endless_lines_cost_no_memory() {
        let mut codec = ServerCodec::new();
        let mut source = BytesMut::new();
        let chunk = "H: v\r\n".repeat(2000);
        for _ in 0..1000 {
            source.extend_from_slice(chunk.as_bytes());
            assert_eq!(codec.decode(&mut source).unwrap(), None);
            assert!(source.len() <= 2048, "{}", source.len());
        }
    }

    #[test]
    fn an_unfinished_message_at_the_end_of_the_stream_is_forgotten() {
        let mut codec = ServerCodec::new();
        let mut source = BytesMut::from("Action: Ping\r\n\r\nAction: Logoff\r\n");
        assert!(codec.decode_eof(&mut source).unwrap().is_some());
        assert!(codec.decode_eof(&mut source).unwrap().is_none());
        assert!(source.is_empty());
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            4 => "[A-Za-z :]{0,12}".prop_map(String::into_bytes),
            1 => Just(b"ActionID: 7".to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..8),
            1 => (1018_usize..1028).prop_map(|length| [b"X: ", "y".repeat(length - 3).as_bytes()].concat()),
            1 => Just("H: v\r\n".repeat(127).into_bytes()),
        ];
        let end = prop_oneof![Just(&b"\r\n"[..]), Just(&b"\n"[..]), Just(&b"\r\n\r\n"[..]), Just(&b"\r"[..])];
        prop::collection::vec((line, end), 0..12).prop_map(|lines| {
            lines.into_iter().flat_map(|(line, end)| [line, end.to_vec()].concat()).collect()
        })
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(text in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9)) {
            let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).chain([0, text.len()]).collect();
            at.sort_unstable();
            let pieces: Vec<_> = at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let whole = decode(&text);
            prop_assert_eq!(&decode_in_pieces(&pieces), &whole);
            let bytes: Vec<_> = text.chunks(1).collect();
            prop_assert_eq!(&decode_in_pieces(&bytes), &whole);
        }
    }
}
