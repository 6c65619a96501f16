//! The agents of the queues that campaigns send calls to, kept from Asterisk's own events rather than by asking for
//! every call.

use std::collections::BTreeMap;

use crate::ami::message::Message;
use crate::engine::Input;

/// `Status` of a member: the device states of Asterisk (`include/asterisk/devicestate.h`).
const DEVICE_UNKNOWN: &str = "0";
const DEVICE_NOT_IN_USE: &str = "1";

/// What is known of one member of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    /// Its device can take a call.
    idle: bool,
    paused: bool,
    /// It talks to a caller of the queue, whatever its device says.
    in_call: bool,
}

impl Member {
    fn of(message: &Message) -> Self {
        let is = |name: &str, value: &str| message.get(name).is_some_and(|given| given == value);
        Self {
            // Asterisk's own QueueSummary counts both as available.
            idle: is("Status", DEVICE_NOT_IN_USE) || is("Status", DEVICE_UNKNOWN),
            paused: is("Paused", "1"),
            in_call: is("InCall", "1"),
        }
    }

    fn is_free(&self) -> bool {
        self.idle && !self.paused && !self.in_call
    }
}

/// The watched queues; `None` for one that Asterisk does not have.
///
/// Names are in lower case.
#[derive(Debug, Default)]
pub struct Queues(BTreeMap<String, Option<BTreeMap<String, Member>>>);

impl Queues {
    /// Forgets everything: the link was lost, and with it events.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The queues that are watched.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Takes the answer to a QueueStatus for `queue`.
    pub fn status(&mut self, queue: &str, items: &[Message]) -> Input {
        let there = items.iter().any(|item| item.is_event_named("QueueParams"));
        let members = items.iter().filter(|item| item.is_event_named("QueueMember"));
        let members = members
            .filter_map(|item| {
                // Asterisk 11 and earlier had `Location`; since then the same header is `Location` in lists and
                // `Interface` in events.
                let interface = item.get("Location").or_else(|| item.get("Interface"))?;
                Some((interface.into_owned(), Member::of(item)))
            })
            .collect();
        let queue = queue.to_ascii_lowercase();
        self.0.insert(queue.clone(), there.then_some(members));
        self.agents(&queue)
    }

    /// Takes an event of class agent; gives the queue's free agents anew where it says something of them.
    pub fn event(&mut self, event: &Message) -> Option<Input> {
        let name = event.event_name()?;
        // Asterisk tells queues apart without case, and its events have its own spelling.
        let queue = event.get("Queue")?.to_ascii_lowercase();
        let members = self.0.get_mut(&queue)?.get_or_insert_default();
        let interface = event.get("Interface")?.into_owned();
        match name.as_ref() {
            "QueueMemberStatus" | "QueueMemberAdded" | "QueueMemberPause" | "QueueMemberPaused" => {
                members.insert(interface, Member::of(event));
            }
            "QueueMemberRemoved" => {
                members.remove(&interface);
            }
            // The member's own status comes a moment later; until then it must not count as free.
            "AgentConnect" => members.get_mut(&interface)?.in_call = true,
            // Where its device is never seen as in use, no status of it would follow.
            "AgentComplete" => members.get_mut(&interface)?.in_call = false,
            _ => return None,
        }
        Some(self.agents(&queue))
    }

    fn agents(&self, queue: &str) -> Input {
        let members = self.0.get(queue).and_then(Option::as_ref);
        let free = members.map(|members| members.values().filter(|member| member.is_free()).count());
        Input::Agents {
            queue: queue.to_owned(),
            free: free.map(|free| u32::try_from(free).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message::from_wire(text.replace('\n', "\r\n").into_bytes())
    }

    fn free(input: Option<Input>) -> Option<u32> {
        match input {
            Some(Input::Agents { free, .. }) => free,
            other => panic!("{other:?}"),
        }
    }

    fn queue_of_two() -> Queues {
        let mut queues = Queues::default();
        let member = |n| {
            format!(
                "Event: QueueMember\nQueue: sales\nLocation: Local/{n}@agents\nStatus: 1\nPaused: 0\nInCall: 0\n\n"
            )
        };
        let items =
            [message("Event: QueueParams\nQueue: sales\n\n"), message(&member(1)), message(&member(2))];
        assert_eq!(free(Some(queues.status("sales", &items))), Some(2));
        queues
    }

    fn status(interface: &str, status: u8, paused: u8) -> Message {
        message(&format!(
            "Event: QueueMemberStatus\nPrivilege: agent,all\nQueue: sales\nInterface: {interface}\n\
             Status: {status}\nPaused: {paused}\nInCall: 0\n\n"
        ))
    }

    #[test]
    fn an_agent_is_free_while_its_device_is_and_it_is_not_paused() {
        let mut queues = queue_of_two();
        assert_eq!(free(queues.event(&status("Local/1@agents", 6, 0))), Some(1));
        assert_eq!(free(queues.event(&status("Local/2@agents", 1, 1))), Some(0));
        assert_eq!(free(queues.event(&status("Local/1@agents", 1, 0))), Some(1));
    }

    #[test]
    fn an_agent_that_has_just_taken_a_call_is_not_free_before_its_status_says_so() {
        let mut queues = queue_of_two();
        let connect = message("Event: AgentConnect\nQueue: Sales\nInterface: Local/1@agents\n\n");
        assert_eq!(free(queues.event(&connect)), Some(1));
        let complete = message("Event: AgentComplete\nQueue: sales\nInterface: Local/1@agents\n\n");
        assert_eq!(free(queues.event(&complete)), Some(2));
    }

    #[test]
    fn a_queue_that_is_not_there_has_no_agents_and_other_queues_are_not_followed() {
        let mut queues = Queues::default();
        assert_eq!(free(Some(queues.status("none", &[]))), None);
        assert!(queues.event(&status("Local/1@agents", 1, 0)).is_none());
    }

    #[test]
    fn members_come_and_go() {
        let mut queues = queue_of_two();
        let removed = message("Event: QueueMemberRemoved\nQueue: sales\nInterface: Local/1@agents\n\n");
        assert_eq!(free(queues.event(&removed)), Some(1));
        let added = message(
            "Event: QueueMemberAdded\nQueue: sales\nInterface: Local/3@agents\nStatus: 1\nPaused: 0\n\n",
        );
        assert_eq!(free(queues.event(&added)), Some(2));
    }
}
