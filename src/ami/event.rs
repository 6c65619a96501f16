//! Events as a server sends them (spec 5.1).

use super::builder::MessageBuilder;
use super::message::Message;
use super::privilege::Class;

/// An event with its `Privilege: <class>,all` line, to be continued with its body.
pub fn event(name: &str, class: Class) -> MessageBuilder {
    MessageBuilder::new("Event", name).header("Privilege", format!("{class},all"))
}

/// The event that follows a login (spec 4.1); clients take it for the sign that they are (back) in (spec 9). Both times are
/// in whole seconds.
pub fn fully_booted(uptime: u64, last_reload: u64) -> Message {
    event("FullyBooted", Class::System)
        .header("Uptime", uptime.to_string())
        .header("LastReload", last_reload.to_string())
        .header("Status", "Fully Booted")
        .finish_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fully_booted_is_that_of_asterisk() {
        assert_eq!(
            fully_booted(123, 122).to_wire(),
            "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 123\r\nLastReload: 122\r\nStatus: Fully Booted\r\n\r\n"
        );
    }

    #[test]
    fn privilege_comes_second_and_repeated_headers_stay() {
        let message =
            event("UserEvent", Class::User).header("A", "1").header("A", "2").action_id("u1").finish_lossy();
        assert_eq!(
            message.to_wire(),
            "Event: UserEvent\r\nPrivilege: user,all\r\nA: 1\r\nA: 2\r\nActionID: u1\r\n\r\n"
        );
    }
}
