//! Events in masses, on demand: user events, or those of calls that are somebody else's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::channel::{Channel, Party, State, cause_text};
use super::world::{Due, Owner, World};
use crate::ami::Class;
use crate::ami::event::event;

/// What comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `UserEvent`s, which only those hear who read the class `user`.
    User,
    /// The events of calls that come and go: whoever follows calls hears them.
    Calls,
}

/// A flood under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flood {
    pub(super) kind: Kind,
    /// How many events are still to come.
    pub(super) left: u64,
    pub(super) every: Duration,
}

impl World {
    /// The next event of a flood.
    pub(super) fn flood(&mut self, flood: Flood) {
        match flood.kind {
            Kind::User => {
                let message = event("UserEvent", Class::User).header("UserEvent", "SandboxFlood");
                self.event(Class::User, message.header("Left", flood.left.to_string()));
            }
            Kind::Calls => self.stranger(flood.left),
        }
        if flood.left > 1 {
            self.after(flood.every, Due::Flood(Flood { left: flood.left - 1, ..flood }));
        }
    }

    /// One of the five events of somebody else's call.
    fn stranger(&mut self, left: u64) {
        let call = left / 5;
        let state = if left % 5 < 3 { State::Up } else { State::Down };
        let channel = Channel {
            name: format!("PJSIP/office-{call:08x}"),
            uniqueid: format!("1700000000.{call}"),
            linkedid: format!("1700000000.{call}"),
            state,
            caller: Party { number: Some("5559000".to_owned()), name: Some("Front desk".to_owned()) },
            connected: Party::default(),
            account: String::new(),
            context: "office".to_owned(),
            exten: "100".to_owned(),
            priority: "1".to_owned(),
            application: String::new(),
            data: String::new(),
            bridge: String::new(),
            created: self.moment,
            answered: None,
            variables: BTreeMap::new(),
            owner: Owner::Call(0),
        };
        let message = match left % 5 {
            4 => channel.headers("", event("Newchannel", Class::Call)),
            3 => channel.headers("Dest", event("DialBegin", Class::Call)).header("DialString", "100"),
            2 => channel.headers("", event("Newstate", Class::Call)),
            1 => channel.headers("Dest", event("DialEnd", Class::Call)).header("DialStatus", "ANSWER"),
            _ => channel
                .headers("", event("Hangup", Class::Call))
                .header("Cause", "16")
                .header("Cause-txt", cause_text(16)),
        };
        self.event(Class::Call, message);
    }
}
