//! The client's end: what an Asterisk sends. A banner line, then responses and events in one stream.

use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::{find_newline, without_cr};
use crate::ami::builder::{MAX_LINE, MAX_MESSAGE};
use crate::ami::message::{Message, Span};

/// One thing the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromServer {
    /// The first line of the connection, which no empty line follows (spec 1.1).
    Banner(String),
    /// A response or an event; never an empty message (spec 3.10).
    Message(Message),
}

/// The stream is none that this end can go on with.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// No line end within [`MAX_LINE`] bytes.
    #[error("a line of more than {MAX_LINE} bytes")]
    LineTooLong,
    /// No empty line within [`MAX_MESSAGE`] bytes.
    #[error("a message of more than {MAX_MESSAGE} bytes")]
    MessageTooLong,
    /// Only to satisfy the codec traits: nothing here does IO.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Decodes what Asterisk sends, encodes actions. Holds at most one message of [`MAX_MESSAGE`] bytes.
#[derive(Debug, Default)]
pub struct ClientCodec {
    greeted: bool,
    line_start: usize,
    scanned: usize,
    spans: Vec<Span>,
}

impl ClientCodec {
    /// A codec for one connection.
    pub fn new() -> Self {
        Self::default()
    }

    fn start_over(&mut self) {
        self.line_start = 0;
        self.scanned = 0;
        self.spans.clear();
    }
}

impl ClientCodec {
    /// The next whole item of what is there; what it holds is taken from `source`.
    ///
    /// # Errors
    /// Where a line or a message is too long to be one: nothing after it can be trusted.
    pub fn next_item(&mut self, source: &mut BytesMut) -> Result<Option<FromServer>, ProtocolError> {
        while let Some(newline) = find_newline(source, self.scanned) {
            let next = newline + 1;
            let line = without_cr(&source[self.line_start..newline]);
            if line.len() > MAX_LINE {
                return Err(ProtocolError::LineTooLong);
            }
            if next > MAX_MESSAGE {
                return Err(ProtocolError::MessageTooLong);
            }
            if !self.greeted {
                let banner = String::from_utf8_lossy(line).into_owned();
                self.greeted = true;
                source.advance(next);
                self.start_over();
                return Ok(Some(FromServer::Banner(banner)));
            }
            if !line.is_empty() {
                self.spans.extend(Span::of_line(self.line_start, line));
                self.line_start = next;
                self.scanned = next;
                continue;
            }
            if self.spans.is_empty() {
                source.advance(next);
                self.start_over();
                continue;
            }
            let message = Message::from_parts(source.split_to(next).freeze(), self.spans.as_slice().into());
            self.start_over();
            return Ok(Some(FromServer::Message(message)));
        }
        self.scanned = source.len();
        // One byte more than the longest line, since that may be the CR of its line end.
        if source.len() - self.line_start > MAX_LINE + 1 {
            return Err(ProtocolError::LineTooLong);
        }
        if source.len() > MAX_MESSAGE {
            return Err(ProtocolError::MessageTooLong);
        }
        Ok(None)
    }
}

impl Decoder for ClientCodec {
    type Item = FromServer;
    type Error = ProtocolError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<FromServer>, ProtocolError> {
        self.next_item(source)
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<FromServer>, ProtocolError> {
        let item = self.decode(source)?;
        if item.is_none() {
            source.clear();
        }
        Ok(item)
    }
}

impl Encoder<&Message> for ClientCodec {
    type Error = ProtocolError;

    fn encode(&mut self, message: &Message, destination: &mut BytesMut) -> Result<(), ProtocolError> {
        destination.extend_from_slice(&message.to_wire());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_in_pieces(pieces: &[&[u8]]) -> Result<Vec<FromServer>, ProtocolError> {
        let mut codec = ClientCodec::new();
        let mut source = BytesMut::new();
        let mut items = Vec::new();
        for piece in pieces {
            source.extend_from_slice(piece);
            while let Some(item) = codec.decode(&mut source)? {
                items.push(item);
            }
        }
        Ok(items)
    }

    fn names(items: &[FromServer]) -> Vec<String> {
        let one = |item: &FromServer| match item {
            FromServer::Banner(banner) => banner.clone(),
            FromServer::Message(message) => {
                message.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|")
            }
        };
        items.iter().map(one).collect()
    }

    #[test]
    fn the_banner_is_one_line_and_messages_follow_at_once() {
        let items = decode_in_pieces(&[
            b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\n\r\nEvent: FullyBooted\r\n\r\n",
        ]);
        assert_eq!(
            names(&items.unwrap()),
            ["Asterisk Call Manager/11.0.0", "Response=Success", "Event=FullyBooted"]
        );
    }

    #[test]
    fn a_bare_lf_before_the_crlf_makes_no_empty_message() {
        let items = decode_in_pieces(&[
            b"B/1\r\nResponse: Error\r\nMessage: Unable to retrieve endpoint nosuch\n\r\n\r\nEvent: Next\r\n\r\n",
        ]);
        let expected = ["B/1", "Response=Error|Message=Unable to retrieve endpoint nosuch", "Event=Next"];
        assert_eq!(names(&items.unwrap()), expected);
    }

    #[test]
    fn repeated_headers_of_events_are_kept() {
        let items = decode_in_pieces(&[b"B/1\r\nEvent: TestEvent\r\nState: a\r\nState: b\r\n\r\n"]);
        assert_eq!(names(&items.unwrap())[1], "Event=TestEvent|State=a|State=b");
    }

    #[test]
    fn long_lines_are_read_up_to_the_bound() {
        let text = |length: usize| format!("B/1\r\nEvent: X\r\nV: {}\r\n\r\n", "y".repeat(length - 3));
        assert_eq!(decode_in_pieces(&[text(MAX_LINE).as_bytes()]).unwrap().len(), 2);
        assert!(matches!(
            decode_in_pieces(&[text(MAX_LINE + 1).as_bytes()]),
            Err(ProtocolError::LineTooLong)
        ));
    }

    #[test]
    fn a_message_or_line_without_end_is_given_up() {
        let lines = format!("V: {}\r\n", "y".repeat(1000)).repeat(1100);
        assert!(matches!(
            decode_in_pieces(&[b"B/1\r\n", lines.as_bytes()]),
            Err(ProtocolError::MessageTooLong)
        ));
        let line = vec![b'x'; MAX_LINE + 2];
        assert!(matches!(decode_in_pieces(&[&line]), Err(ProtocolError::LineTooLong)));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(
            lines in prop::collection::vec("[A-C: \r]{0,6}(\r\n|\n|\r\n\r\n)", 0..30),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        ) {
            let text = lines.concat();
            let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).chain([0, text.len()]).collect();
            at.sort_unstable();
            let pieces: Vec<_> = at.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
            let whole = decode_in_pieces(&[text.as_bytes()]).unwrap();
            prop_assert_eq!(decode_in_pieces(&pieces).unwrap(), whole.clone());
            prop_assert_eq!(decode_in_pieces(&bytes).unwrap(), whole);
        }
    }
}
