//! ActionIDs on their way to Asterisk and back.
//!
//! Asterisk shows the ActionID of an Originate and of a UserEvent to everybody, the dialer's own connection included. An
//! operator's gets a mark on its way there, so that it can be taken for none of the dialer's; on the way back the mark
//! is taken away, for every reader. The mark holds all there is to know: nothing is kept, nothing can be forgotten.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use crate::ami::Message;

const MARK: &[u8] = b"relay:";

/// The ActionID that Asterisk gets; also where the operator gave none, for then Asterisk's answer has no name.
pub(super) fn marked(action_id: Option<&[u8]>) -> Vec<u8> {
    [MARK, action_id.unwrap_or_default()].concat()
}

/// The message with the operator's own ActionID, or without any where there was none.
pub(super) fn put_back(message: &Message) -> Cow<'_, Message> {
    let is_marked =
        |name: &[u8], value: &[u8]| name.eq_ignore_ascii_case(b"ActionID") && value.starts_with(MARK);
    if !message.iter_bytes().any(|(name, value)| is_marked(name, value)) {
        return Cow::Borrowed(message);
    }
    let mut wire = BytesMut::new();
    for (name, value) in message.iter_bytes() {
        let value = if is_marked(name, value) { &value[MARK.len()..] } else { value };
        if value.is_empty() && name.eq_ignore_ascii_case(b"ActionID") {
            continue;
        }
        for part in [name, b": ", value, b"\r\n"] {
            wire.put_slice(part);
        }
    }
    wire.put_slice(b"\r\n");
    Cow::Owned(Message::from_wire(wire))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(text: &'static str) -> String {
        let message = Message::from_wire(text);
        String::from_utf8(put_back(&message).to_wire().to_vec()).unwrap()
    }

    #[test]
    fn an_action_id_comes_back_byte_for_byte() {
        for id in [&b"1"[..], b"\xe9\xff  ", b"o:0190aa-bb", b"relay:x"] {
            let wire =
                [b"Response: Success\r\nActionID: ", marked(Some(id)).as_slice(), b"\r\n\r\n"].concat();
            let message = Message::from_wire(wire);
            assert_eq!(put_back(&message).get_bytes("ActionID"), Some(id));
        }
    }

    #[test]
    fn where_none_was_sent_none_comes_back() {
        assert_eq!(marked(None), MARK);
        assert_eq!(
            back("Event: QueueMember\r\nActionID: relay:\r\nQueue: q\r\n\r\n"),
            "Event: QueueMember\r\nQueue: q\r\n\r\n"
        );
    }

    #[test]
    fn strangers_ids_and_other_headers_stay() {
        for text in [
            "Event: A\r\nActionID: o:1\r\n\r\n",
            "Event: A\r\nUserEvent: relay:1\r\n\r\n",
            "Event: A\r\n\r\n",
        ] {
            assert_eq!(back(text), text);
        }
    }
}
