//! Responses with Asterisk's exact texts (spec 3), and the frame of list replies (spec 6.1).
//!
//! `action_id` is the one of the request ([`Request::action_id`](super::Request::action_id)): it is written second, byte
//! for byte; without one no ActionID line is written, in list items neither (spec 2.6, 6.2).
//!
//! Texts that clients misread (spec 9): no `… status will follow` unless a line `StatusComplete` follows, none that ends
//! in `successfully queued`, none that starts with `Added` and ends in `to queue`.

use super::builder::MessageBuilder;
use super::message::Message;

/// The longest text of [`unknown_command`] (spec 3.3).
const UNKNOWN_COMMAND_MAX: usize = 511;

/// `Response: Success`, to be continued with data lines.
pub fn success(action_id: Option<&[u8]>) -> MessageBuilder {
    MessageBuilder::new("Response", "Success").echo(action_id)
}

/// `Response: Success` with a `Message`.
pub fn success_message(action_id: Option<&[u8]>, text: &str) -> Message {
    success(action_id).header("Message", text).finish_lossy()
}

/// `Response: Error` with a `Message`.
pub fn error(action_id: Option<&[u8]>, text: &str) -> Message {
    MessageBuilder::new("Response", "Error").echo(action_id).header("Message", text).finish_lossy()
}

/// To a message that names no action (spec 3.4).
pub fn missing_action(action_id: Option<&[u8]>) -> Message {
    error(action_id, "Missing action in request")
}

/// To anything but Login, Logoff and Challenge before login, and to an action without its class (spec 3.5).
pub fn permission_denied(action_id: Option<&[u8]>) -> Message {
    error(action_id, "Permission denied")
}

/// To an action that nobody serves; the name as sent, the text cut as Asterisk cuts it (spec 3.3).
pub fn unknown_command(action_id: Option<&[u8]>, name: &str) -> Message {
    let mut text =
        format!("Invalid/unknown command: {name}. Use Action: ListCommands to show available commands.");
    text.truncate(text.floor_char_boundary(UNKNOWN_COMMAND_MAX));
    error(action_id, &text)
}

/// To Logoff (spec 4.7).
pub fn goodbye(action_id: Option<&[u8]>) -> Message {
    let goodbye = MessageBuilder::new("Response", "Goodbye").echo(action_id);
    goodbye.header("Message", "Thanks for all the fish.").finish_lossy()
}

/// Opens a list reply; `text` ends in `will follow` (spec 6.1).
pub fn list_start(action_id: Option<&[u8]>, text: &str) -> Message {
    success(action_id).header("EventList", "start").header("Message", text).finish_lossy()
}

/// One item of a list reply, to be continued with data lines. No `Privilege`: items are no events of a class.
pub fn list_item(action_id: Option<&[u8]>, event: &str) -> MessageBuilder {
    MessageBuilder::new("Event", event).echo(action_id)
}

/// Closes a list reply, to be continued with extra totals if any. `event` must end in `Complete` (spec 9); `items`
/// does not count this one (spec 6.3).
pub fn list_complete(action_id: Option<&[u8]>, event: &str, items: usize) -> MessageBuilder {
    debug_assert!(event.ends_with("Complete"), "clients wait for an event that ends in Complete");
    MessageBuilder::new("Event", event)
        .echo(action_id)
        .header("EventList", "Complete")
        .header("ListItems", items.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_named_as_sent() {
        assert_eq!(
            unknown_command(Some(b"a b c"), "OutX  ").to_wire(),
            "Response: Error\r\nActionID: a b c\r\nMessage: Invalid/unknown command: OutX  . \
             Use Action: ListCommands to show available commands.\r\n\r\n"
        );
    }

    #[test]
    fn a_long_name_is_cut_and_a_cr_in_it_breaks_no_line() {
        let message = unknown_command(None, &format!("a\rb{}é", "Z".repeat(600)));
        let text = message.get("Message").unwrap();
        assert_eq!(text.len(), 511);
        assert!(text.starts_with("Invalid/unknown command: a bZZZ"), "{text}");
    }

    #[test]
    fn the_action_id_is_echoed_byte_for_byte() {
        let wire = success(Some(b"\xe9\xff  ")).header("Ping", "Pong").finish_lossy().to_wire();
        assert_eq!(wire, &b"Response: Success\r\nActionID: \xe9\xff  \r\nPing: Pong\r\n\r\n"[..]);
        let long = "i".repeat(900);
        assert_eq!(success(Some(long.as_bytes())).finish_lossy().action_id().as_deref(), Some(long.as_str()));
    }

    #[test]
    fn a_list_reply_is_framed_as_clients_expect_it() {
        let start = list_start(Some(b"7"), "Campaigns will follow");
        let item = list_item(Some(b"7"), "OutCampaign").header("Campaign", "x").finish_lossy();
        let end = list_complete(Some(b"7"), "OutCampaignShowComplete", 1).finish_lossy();
        let wire = [start.to_wire(), item.to_wire(), end.to_wire()].concat();
        assert_eq!(
            String::from_utf8(wire).unwrap(),
            "Response: Success\r\nActionID: 7\r\nEventList: start\r\nMessage: Campaigns will follow\r\n\r\n\
             Event: OutCampaign\r\nActionID: 7\r\nCampaign: x\r\n\r\n\
             Event: OutCampaignShowComplete\r\nActionID: 7\r\nEventList: Complete\r\nListItems: 1\r\n\r\n"
        );
    }

    #[test]
    fn without_an_action_id_no_line_and_no_item_carries_one() {
        assert_eq!(error(None, "No").len(), 2);
        assert_eq!(list_item(None, "X").finish_lossy().len(), 1);
    }
}
