//! When an answer of Asterisk's is complete: after its response, or, where that opens a list, after the event that ends the
//! list. The session that it comes on gets no events of its own and is asked one thing at a time, so that all that comes
//! belongs to the answer.

use crate::ami::{Message, MessageBuilder, response};

/// One answer, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Answer {
    /// Nothing has come.
    #[default]
    Awaited,
    /// A list was opened; so many items have come.
    Listing {
        /// The items.
        items: usize,
    },
    /// It is complete.
    Complete,
}

impl Answer {
    /// Takes the next message; whether it belongs to the answer. An event before the response does not.
    pub(super) fn takes(&mut self, message: &Message) -> bool {
        match *self {
            Self::Awaited if message.is_response() => {
                *self = if opens_list(message) { Self::Listing { items: 0 } } else { Self::Complete };
                true
            }
            Self::Listing { items } if message.is_event() => {
                *self = if ends_list(message) { Self::Complete } else { Self::Listing { items: items + 1 } };
                true
            }
            Self::Awaited | Self::Listing { .. } | Self::Complete => false,
        }
    }

    /// What is said in place of the rest, where no more will come, so that nobody waits for ever, nor takes a part of a
    /// list for the whole. `action_id` is the operator's own.
    pub(super) fn broken_off(self, why: &str, action: &str, action_id: Option<&[u8]>) -> Option<Message> {
        match self {
            Self::Complete => None,
            Self::Awaited => Some(response::error(
                action_id,
                &format!("No answer from Asterisk ({why}): whether {action} was done is not known"),
            )),
            Self::Listing { items } => {
                let end = MessageBuilder::new("Event", format!("{action}Complete")).echo(action_id);
                let end = end.header("EventList", "Cancelled").header("ListItems", items.to_string());
                Some(end.header("Message", format!("The list is incomplete: {why}")).finish_lossy())
            }
        }
    }
}

fn opens_list(response: &Message) -> bool {
    response.get("EventList").is_some_and(|value| value.eq_ignore_ascii_case("start"))
        // Where an action forgot that, its words still say so.
        || response.get("Message").is_some_and(|text| response.is_success() && text.ends_with("will follow"))
}

/// By its `EventList` header, or by its name where an action forgot that (spec 6.1).
fn ends_list(event: &Message) -> bool {
    event.get("EventList").is_some() || event.event_name().is_some_and(|name| name.ends_with("Complete"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: &mut Answer, text: &'static str) -> bool {
        answer.takes(&Message::from_wire(text))
    }

    #[test]
    fn a_response_alone_is_an_answer() {
        let mut answer = Answer::default();
        assert!(told(&mut answer, "Response: Error\r\nMessage: No such channel\r\n\r\n"));
        assert_eq!(answer, Answer::Complete);
        assert!(!told(&mut answer, "Event: Hangup\r\n\r\n"));
        assert_eq!(answer.broken_off("gone", "Status", None), None);
    }

    #[test]
    fn a_list_ends_with_its_complete_event() {
        let mut answer = Answer::default();
        assert!(!told(&mut answer, "Event: FullyBooted\r\n\r\n"));
        assert!(told(&mut answer, "Response: Success\r\nEventList: start\r\n\r\n"));
        assert!(told(&mut answer, "Event: QueueParams\r\n\r\n"));
        assert!(told(&mut answer, "Event: QueueMember\r\n\r\n"));
        assert_eq!(answer, Answer::Listing { items: 2 });
        assert!(told(&mut answer, "Event: QueueStatusComplete\r\nEventList: Complete\r\n\r\n"));
        assert_eq!(answer, Answer::Complete);
    }

    #[test]
    fn a_list_that_breaks_off_says_so() {
        let end = Answer::Listing { items: 2 }.broken_off("gone", "QueueStatus", Some(b"7")).unwrap();
        assert_eq!(
            end.to_wire(),
            "Event: QueueStatusComplete\r\nActionID: 7\r\nEventList: Cancelled\r\nListItems: 2\r\n\
             Message: The list is incomplete: gone\r\n\r\n"
        );
        let lost = Answer::Awaited.broken_off("gone", "Originate", None).unwrap();
        assert!(lost.get("Message").unwrap().contains("not known"), "{lost:?}");
    }
}
