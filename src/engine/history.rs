//! What a call's events leave in its history.

use super::dialing::{CallEvent, DialStatus, Response};
use crate::model::history::Seen;

/// An event as it is kept.
pub(super) fn seen(event: &CallEvent) -> Seen {
    match event {
        CallEvent::Sent => Seen::named("OriginateSent"),
        CallEvent::NotSent(why) => Seen::named("OriginateNotSent").told(why),
        CallEvent::WindowClosed => Seen::named("WindowClosed"),
        CallEvent::Queued => Seen::named("OriginateQueued"),
        CallEvent::Refused(why) => Seen::named("OriginateRefused").told(why),
        CallEvent::Unanswered => Seen::named("OriginateUnanswered"),
        CallEvent::ChannelCreated { name } => Seen::named("Newchannel").of(name),
        CallEvent::Up => Seen { up: Some(true), ..Seen::named("Newstate") },
        CallEvent::DialBegin => Seen::named("DialBegin"),
        CallEvent::DialEnd(status) => {
            let status = match status {
                DialStatus::Answer => "ANSWER",
                DialStatus::Busy => "BUSY",
                DialStatus::Congestion => "CONGESTION",
                DialStatus::Other => "OTHER",
            };
            Seen { dial_status: Some(status), ..Seen::named("DialEnd") }
        }
        CallEvent::Responded(Response::Success) => {
            Seen { response: Some("Success"), ..Seen::named("OriginateResponse") }
        }
        CallEvent::Responded(Response::Failure { reason }) => {
            Seen { response: Some("Failure"), reason: Some(*reason), ..Seen::named("OriginateResponse") }
        }
        CallEvent::Hangup { cause, text, amd: _ } => {
            Seen { cause: Some(cause.0), ..Seen::named("Hangup").told(text) }
        }
        CallEvent::ShutDown => Seen::named("SoftHangupRequest"),
        CallEvent::Ringing => Seen::named("Ringing"),
        CallEvent::Joined => Seen::named("QueueCallerJoin"),
        CallEvent::AgentCalled => Seen::named("AgentCalled"),
        CallEvent::AgentNotThere => Seen::named("AgentRingNoAnswer"),
        CallEvent::WithAgent => Seen::named("AgentConnect"),
        CallEvent::Talked => Seen::named("AgentComplete"),
        CallEvent::Present { name, up, .. } => Seen { up: Some(*up), ..Seen::named("Present").of(name) },
        CallEvent::Gone => Seen::named("Gone"),
    }
}
