//! The actions that astout sends to Asterisk: an Originate from a claimed attempt, and the questions about channels
//! and queues.

use crate::ami::builder::MessageBuilder;
use crate::model::codes::DestinationKind;
use crate::model::dialing::Attempt;
use crate::model::ids::DialingUuid;
use crate::model::node;
use crate::model::originate::user_to_user;

/// Begins the ActionID of every Originate. `OriginateResponse` goes to all clients with the sender's own ActionID, so
/// it has to clash with nobody's; the dialing's uuid sees to that.
const PREFIX: &str = "o:";

/// The ActionID of a dialing's Originate.
pub fn action_id(dialing: DialingUuid) -> String {
    format!("{PREFIX}{dialing}")
}

/// The dialing whose Originate has that ActionID; `None` for a stranger's.
pub fn dialing_of(action_id: &str) -> Option<DialingUuid> {
    action_id.strip_prefix(PREFIX)?.parse().ok()
}

/// The Originate of an attempt: `Async`, with the dialing's uuid as `ChannelId` (the channel's Uniqueid from its first
/// event on; of fixed length, for Asterisk takes an id that another live one begins with for the same).
pub fn originate(attempt: &Attempt) -> MessageBuilder {
    let capsule = &*attempt.capsule;
    let destination = &capsule.destination;
    let mut action = MessageBuilder::action("Originate")
        .action_id(action_id(attempt.uuid))
        .header("Channel", &attempt.channel)
        .header("ChannelId", attempt.uuid.to_string())
        .header("OtherChannelId", attempt.other.to_string())
        .header("Timeout", capsule.plan.dial_timeout_ms.to_string())
        .header("Async", "true");
    action = match capsule.node() {
        // There its failovers are tried in turn, also where this process is gone by then.
        Some(node) => at(action, [node::CONTEXT, &node, "1"]),
        None => match destination.kind {
            DestinationKind::Exten => at(action, destination.place().unwrap_or_default()),
            DestinationKind::Application => {
                let action =
                    action.header("Application", destination.application.as_deref().unwrap_or_default());
                match destination.data.as_deref() {
                    Some(data) => action.header("Data", data),
                    None => action,
                }
            }
        },
    };
    if let Some(caller_id) = &capsule.plan.caller_id {
        action = action.header("CallerID", caller_id);
    }
    for (header, value) in
        [("EarlyMedia", &capsule.plan.originate.early_media), ("Codecs", &capsule.plan.originate.codecs)]
    {
        if let Some(value) = value {
            action = action.header(header, value);
        }
    }
    if let Some(uui) = capsule.plan.originate.uui(&attempt.dl, &attempt.variables) {
        action = action.header("Variable", format!("UUI={}", escaped(uui)));
        if capsule.plan.is_of("PJSIP") {
            // Carried out on the new channel before it dials: the INVITE has the header.
            let header = format!("PJSIP_HEADER(add,User-to-User)={}", user_to_user(uui));
            action = action.header("Variable", header);
        }
    }
    for (name, value) in attempt.variables.iter() {
        action = action.header("Variable", format!("{name}={}", escaped(value)));
    }
    action
}

fn at(action: MessageBuilder, [context, exten, priority]: [&str; 3]) -> MessageBuilder {
    action.header("Context", context).header("Exten", exten).header("Priority", priority)
}

/// A variable's value such that Asterisk reads it as it is.
///
/// Asterisk splits a `Variable` header at commas as it does the arguments of an application
/// (`ast_app_separate_args`): quotes are taken away, and a backslash takes the meaning from the character behind it.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        if matches!(c, '\\' | ',' | '"') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Hangs up the dialing's channel, by its Uniqueid.
pub fn hangup(dialing: DialingUuid) -> MessageBuilder {
    MessageBuilder::action("Hangup").header("Channel", dialing.to_string())
}

/// Has the dialing's channel go on at that place of the dialplan.
pub fn redirect(dialing: DialingUuid, [context, exten, priority]: &[String; 3]) -> MessageBuilder {
    MessageBuilder::action("Redirect")
        .header("Channel", dialing.to_string())
        .header("Context", context)
        .header("Exten", exten)
        .header("Priority", priority)
}

/// When a channel was dialled, by Asterisk's clock, in seconds with six digits behind the point.
pub const DIALLED: &str = "CDR(start,u)";
/// When it was answered, likewise; 0 where it was not.
pub const ANSWERED: &str = "CDR(answer,u)";
/// What Asterisk's clock says now, likewise.
pub const CLOCK: &str = "STRFTIME(,,%s.%6q)";

/// Asks for the dialing's channel and its times; answered by a list, or by the error `No such channel`.
pub fn probe(dialing: DialingUuid) -> MessageBuilder {
    MessageBuilder::action("Status")
        .header("Channel", dialing.to_string())
        .header("Variables", [DIALLED, ANSWERED, CLOCK].join(","))
}

/// Asks for all channels; answered by a list.
pub fn scan() -> MessageBuilder {
    MessageBuilder::action("CoreShowChannels")
}

/// Asks when Asterisk was started.
pub fn core_status() -> MessageBuilder {
    MessageBuilder::action("CoreStatus")
}

/// Asks for a queue and its members; answered by a list, an empty one where there is no such queue.
pub fn queue_status(queue: &str) -> MessageBuilder {
    MessageBuilder::action("QueueStatus").header("Queue", queue)
}

/// Asks how many agents and callers a queue has; answered by a list, an empty one where there is no such queue.
pub fn queue_summary(queue: &str) -> MessageBuilder {
    MessageBuilder::action("QueueSummary").header("Queue", queue)
}

/// Asks how many agents of a queue Asterisk would call: `Value`. Those whose device it knows nothing of are not among them.
pub fn queue_ready(queue: &str) -> MessageBuilder {
    MessageBuilder::action("Getvar").header("Variable", format!("QUEUE_MEMBER({queue},ready)"))
}

/// Asks whether that place is in the dialplan, patterns, included contexts and labels counted: `Value` is 1 or 0. Empty
/// where Asterisk has no `func_dialplan`.
pub fn is_in_dialplan([context, exten, priority]: [&str; 3]) -> MessageBuilder {
    MessageBuilder::action("Getvar")
        .header("Variable", format!("DIALPLAN_EXISTS({context},{exten},{priority})"))
}

/// Asks for a context of the dialplan; answered by the error `Did not find context …` where there is none.
pub fn context(name: &str) -> MessageBuilder {
    MessageBuilder::action("ShowDialPlan").header("Context", name)
}

/// Has Asterisk read its dialplan anew; needs the class `system` or `config`.
pub fn reload_dialplan() -> MessageBuilder {
    MessageBuilder::action("Reload").header("Module", "pbx_config")
}
