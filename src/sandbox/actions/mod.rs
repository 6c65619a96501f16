//! The actions that the sandbox understands: one table, and what each of them does.

mod channels;
mod command;
mod originate;
mod queues;
mod trouble;

use super::world::{SessionId, World};
use crate::ami::event::event;
use crate::ami::{Class, Message, MessageBuilder, Request, response};

/// An action: its name, what ListCommands says of it, and the classes it asks for.
type Row = (&'static str, &'static str, &'static str, fn(&mut World, Asked<'_>));

/// Those that a session serves itself have no entry but in ListCommands.
const ACTIONS: [Row; 25] = [
    ("Command", "Execute Asterisk CLI Command.", "command,all", command::command),
    ("CoreSettings", "Show PBX core settings (version etc).", "system,reporting,all", command::core_settings),
    (
        "CoreShowChannels",
        "List currently active channels.",
        "system,reporting,all",
        channels::core_show_channels,
    ),
    ("CoreStatus", "Show PBX core status variables.", "system,reporting,all", command::core_status),
    ("Challenge", "Generate Challenge for MD5 Auth.", "<none>", World::unknown),
    ("Events", "Control Event Flow.", "<none>", World::unknown),
    ("Getvar", "Gets a channel variable or function value.", "call,reporting,all", channels::getvar),
    ("Hangup", "Hangup channel.", "system,call,all", channels::hangup),
    ("ListCommands", "List available manager commands.", "<none>", list_commands),
    ("Login", "Login Manager.", "<none>", World::unknown),
    ("Logoff", "Logoff Manager.", "<none>", World::unknown),
    ("Originate", "Originate a call.", "originate,all", originate::originate),
    ("Ping", "Keepalive command.", "<none>", World::unknown),
    ("QueueAdd", "Add interface to queue.", "agent,all", queues::add),
    ("QueueMemberRingInUse", "Set the ringinuse value for a queue member.", "agent,all", queues::ring_in_use),
    ("QueuePause", "Makes a queue member temporarily unavailable.", "agent,all", queues::pause),
    ("QueuePenalty", "Set the penalty for a queue member.", "agent,all", queues::penalty),
    ("QueueRemove", "Remove interface from queue.", "agent,all", queues::remove),
    ("QueueStatus", "Show queue status.", "<none>", queues::status),
    ("QueueSummary", "Show queue summary.", "<none>", queues::summary),
    ("SandboxFault", "Have things go wrong.", "system,all", trouble::fault),
    ("SandboxRestart", "Restart the sandbox's PBX.", "system,all", trouble::restart),
    ("Setvar", "Sets a channel variable or function value.", "call,all", channels::setvar),
    ("Status", "List channel status.", "system,call,reporting,all", channels::status),
    ("UserEvent", "Send an arbitrary event.", "user,all", user_event),
];

/// A request and who asks.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    session: SessionId,
    request: &'a Request,
}

impl<'a> Asked<'a> {
    fn id(&self) -> Option<&'a [u8]> {
        self.request.action_id()
    }

    /// A header's value; an empty one is none.
    fn get(&self, name: &str) -> Option<String> {
        self.request.get(name).map(std::borrow::Cow::into_owned)
    }
}

impl World {
    /// Carries out an action.
    pub(super) fn act(&mut self, session: SessionId, request: &Request) {
        let asked = Asked { session, request };
        match ACTIONS.iter().find(|(name, ..)| request.is(name)) {
            Some((.., act)) => act(self, asked),
            None => self.unknown(asked),
        }
    }

    fn unknown(&mut self, asked: Asked<'_>) {
        self.answer(asked, response::unknown_command(asked.id(), asked.request.name()));
    }

    /// Answers with one message.
    fn answer(&mut self, asked: Asked<'_>, message: Message) {
        self.reply(asked.session, message);
        self.done(asked.session);
    }

    fn refuse(&mut self, asked: Asked<'_>, text: &str) {
        self.answer(asked, response::error(asked.id(), text));
    }

    /// Answers with a list.
    fn list(
        &mut self,
        asked: Asked<'_>,
        text: &str,
        complete: &str,
        items: Vec<MessageBuilder>,
        totals: &[&str],
    ) {
        let (session, id) = (asked.session, asked.id());
        self.reply(session, response::list_start(id, text));
        let count = items.len();
        let truncated = self.faults.truncates(&mut self.rng);
        let sent = if truncated { count / 2 } else { count };
        for item in items.into_iter().take(sent) {
            self.reply(session, item.finish_lossy());
        }
        if !truncated {
            let complete = response::list_complete(id, complete, count);
            let complete =
                totals.iter().fold(complete, |message, name| message.header(name, count.to_string()));
            self.reply(session, complete.finish_lossy());
        }
        self.done(session);
    }
}

fn list_commands(world: &mut World, asked: Asked<'_>) {
    let line = |message: MessageBuilder, (name, text, classes, _): &Row| {
        message.header(name, format!("{text}  (Priv: {classes})"))
    };
    let message = ACTIONS.iter().fold(response::success(asked.id()), line);
    world.answer(asked, message.finish_lossy());
}

fn user_event(world: &mut World, asked: Asked<'_>) {
    let Some(name) = asked.get("UserEvent") else {
        return world.refuse(asked, "UserEvent not specified");
    };
    world.answer(asked, response::success_message(asked.id(), "Event Sent"));
    let mut message = event("UserEvent", Class::User).header("UserEvent", name);
    for (name, value) in asked.request.message().iter_bytes() {
        let name = String::from_utf8_lossy(name);
        if !["Action", "ActionID", "UserEvent"].iter().any(|own| name.eq_ignore_ascii_case(own)) {
            message = message.header(&name, value);
        }
    }
    world.event(Class::User, message.echo(asked.id()));
}
