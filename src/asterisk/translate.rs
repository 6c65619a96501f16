//! Asterisk's events and answers, in the engine's words. Whatever concerns no dialing of ours is passed over: the
//! Uniqueid of a channel that we originated is the uuid of its dialing, so no table is needed to tell.

use std::time::Duration;

use crate::ami::message::Message;
use crate::engine::dialing::{CallEvent, DialStatus, Response, Since};
use crate::engine::{Input, LiveChannel};
use crate::model::codes::HangupCause;
use crate::model::dialing::Amd;
use crate::model::fields::Fields;
use crate::model::ids::DialingUuid;

use super::originate;

/// ChannelState of a channel that is up (`include/asterisk/channelstate.h`).
const STATE_UP: &str = "6";
/// ChannelState of a channel that rings at the other side, likewise.
const STATE_RINGING: &str = "5";
/// `Cause` of a SoftHangupRequest by which Asterisk hangs up all channels before it ends: `AST_SOFTHANGUP_SHUTDOWN` of
/// `include/asterisk/channel.h`.
const SHUTDOWN: &str = "4";
/// The UserEvent that asks for a contact.
const CONTACT: &str = "OutDlCreate";

/// What an event says of a call, where it says something.
pub fn call_event(event: &Message) -> Option<Input> {
    let (dialing, what) = match event.event_name()?.as_ref() {
        "OriginateResponse" => {
            let dialing = originate::dialing_of(&event.action_id()?)?;
            let reason = event.get("Reason").and_then(|reason| reason.parse().ok()).unwrap_or_default();
            let success = event.get("Response").is_some_and(|response| response == "Success");
            let response = if success { Response::Success } else { Response::Failure { reason } };
            (dialing, CallEvent::Responded(response))
        }
        "Newchannel" => {
            let name = event.get("Channel").unwrap_or_default().into_owned();
            (uuid(event, "Uniqueid")?, CallEvent::ChannelCreated { name })
        }
        "Newstate" if is(event, "ChannelState", STATE_UP) => (uuid(event, "Uniqueid")?, CallEvent::Up),
        "Newstate" if is(event, "ChannelState", STATE_RINGING) => {
            (uuid(event, "Uniqueid")?, CallEvent::Ringing)
        }
        // A network that does not say that it rings may let hear it.
        "DialState" if is(event, "DialStatus", "RINGING") || is(event, "DialStatus", "PROGRESS") => {
            (uuid(event, "DestUniqueid")?, CallEvent::Ringing)
        }
        "DialBegin" => (uuid(event, "DestUniqueid")?, CallEvent::DialBegin),
        "DialEnd" => {
            let status = match event.get("DialStatus").unwrap_or_default().as_ref() {
                "ANSWER" => DialStatus::Answer,
                "BUSY" => DialStatus::Busy,
                "CONGESTION" => DialStatus::Congestion,
                _ => DialStatus::Other,
            };
            (uuid(event, "DestUniqueid")?, CallEvent::DialEnd(status))
        }
        "Hangup" => {
            let cause = event.get("Cause").and_then(|cause| cause.parse().ok()).unwrap_or_default();
            let text = event.get("Cause-txt").unwrap_or_default().into_owned();
            (uuid(event, "Uniqueid")?, CallEvent::Hangup { cause: HangupCause(cause), text, amd: amd(event) })
        }
        "SoftHangupRequest" if is(event, "Cause", SHUTDOWN) => {
            (uuid(event, "Uniqueid")?, CallEvent::ShutDown)
        }
        "QueueCallerJoin" => (uuid(event, "Uniqueid")?, CallEvent::Joined),
        "AgentCalled" => (uuid(event, "Uniqueid")?, CallEvent::AgentCalled),
        "AgentRingNoAnswer" => (uuid(event, "Uniqueid")?, CallEvent::AgentNotThere),
        "AgentConnect" => (uuid(event, "Uniqueid")?, CallEvent::WithAgent),
        "AgentComplete" => (uuid(event, "Uniqueid")?, CallEvent::Talked),
        _ => return None,
    };
    Some(Input::Call(dialing, what))
}

/// The fields of the contact that a UserEvent `OutDlCreate` asks for: its own headers, which stand behind those of the
/// channel that sent it. `Dlma` is `DlmaUuid` by its short name, and `Variables` are several by colons: of headers of one name
/// Asterisk keeps the last alone.
pub fn contact(event: &Message) -> Option<Fields> {
    if !event.is_event_named("UserEvent") || !is(event, "UserEvent", CONTACT) {
        return None;
    }
    let own = event.iter().skip_while(|(name, _)| !name.eq_ignore_ascii_case("UserEvent")).skip(1);
    let mut fields = Vec::new();
    for (name, value) in own {
        if name.eq_ignore_ascii_case("Dlma") {
            fields.push(("DlmaUuid".into(), value));
        } else if name.eq_ignore_ascii_case("Variables") {
            let variables = value.split(':').filter(|variable| !variable.is_empty());
            fields.extend(variables.map(|variable| ("Variable".into(), variable.to_owned().into())));
        } else {
            fields.push((name, value));
        }
    }
    Some(fields.into_iter().collect())
}

/// Whether an event says that Asterisk is about to end. It hangs up its channels first; the event that says so in words
/// comes last, a second later.
pub fn tells_of_shutdown(event: &Message) -> bool {
    event.is_event_named("Shutdown")
        || (event.is_event_named("SoftHangupRequest") && is(event, "Cause", SHUTDOWN))
}

/// Whether an answer says that Asterisk takes no action any more, because it waits for its calls to end
/// (`process_message` of `main/manager.c`).
pub fn refuses_for_shutdown(answer: &Message) -> bool {
    !answer.is_success()
        && answer.get("Message").is_some_and(|text| text.trim() == "Asterisk is shutting down")
}

/// What the answer to an Originate says.
pub fn originate_answer(answer: &Message) -> CallEvent {
    if answer.is_success() {
        CallEvent::Queued
    } else {
        CallEvent::Refused(answer.get("Message").unwrap_or_default().trim().to_owned())
    }
}

/// What the answer to [`originate::probe`] says: the items of its list, or none of them.
pub fn probe_answer(items: &[Message]) -> CallEvent {
    match items.first() {
        Some(item) => CallEvent::Present {
            name: item.get("Channel").unwrap_or_default().into_owned(),
            up: is(item, "ChannelState", STATE_UP),
            since: since(item),
        },
        None => CallEvent::Gone,
    }
}

/// What the dialplan has found of who answered. Asterisk tells a channel's variables in its events where manager.conf asks
/// for that, `channelvars = AMDSTATUS,AMDCAUSE`; so its last event has them, whenever they were set.
fn amd(event: &Message) -> Option<Box<Amd>> {
    let variable = |name: &str| {
        let mut set = event.all("ChanVariable");
        set.find_map(|variable| Some(variable.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
    };
    let status = variable("AMDSTATUS").filter(|status| !status.is_empty())?;
    Some(Box::new(Amd { status, cause: variable("AMDCAUSE").unwrap_or_default() }))
}

/// How long ago the channel was dialled and answered. An Asterisk that keeps no CDRs does not know.
fn since(item: &Message) -> Since {
    let told = |name: &str| -> Option<f64> {
        let value =
            item.all("Variable").find_map(|variable| Some(variable.strip_prefix(name)?.to_owned()))?;
        value.strip_prefix('=')?.parse().ok().filter(|at| *at > 0.0)
    };
    let ago = |at: Option<f64>| Duration::try_from_secs_f64(told(originate::CLOCK)? - at?).ok();
    Since { dialled: ago(told(originate::DIALLED)), answered: ago(told(originate::ANSWERED)) }
}

/// The channels of a CoreShowChannels list that belong to dialings. One whose Linkedid alone is a dialing's (the other
/// half of a Local channel, an agent's leg) shows that the call lives, but not that it was answered.
pub fn live_channels(items: &[Message]) -> Vec<LiveChannel> {
    let mut live = Vec::new();
    for item in items {
        let name = item.get("Channel").unwrap_or_default();
        let up = is(item, "ChannelState", STATE_UP);
        let own = uuid(item, "Uniqueid");
        if let Some(dialing) = own {
            live.push(LiveChannel { dialing, name: name.clone().into_owned(), up, own: true });
        }
        if let Some(dialing) = uuid(item, "Linkedid").filter(|linked| own != Some(*linked)) {
            live.push(LiveChannel { dialing, name: name.into_owned(), up: false, own: false });
        }
    }
    live
}

/// When Asterisk was started, from the answer to CoreStatus; another start has other words.
pub fn epoch(answer: &Message) -> Option<String> {
    let date = answer.get("CoreStartupDate")?;
    let time = answer.get("CoreStartupTime")?;
    Some(format!("{date} {time}"))
}

/// How many agents are ready, from the answer to [`originate::queue_ready`]; `None` where it is none.
pub fn ready_agents(answer: &Message) -> Option<usize> {
    answer.get("Value").filter(|_| answer.is_success())?.trim().parse().ok()
}

fn uuid(message: &Message, header: &str) -> Option<DialingUuid> {
    message.get(header)?.parse().ok()
}

fn is(message: &Message, header: &str, value: &str) -> bool {
    message.get(header).is_some_and(|given| given == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "72855ab4-3473-4750-8fec-e9da71abb98f";

    fn event(name: &str, headers: &[(&str, &str)]) -> Message {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Message::from_wire(format!("Event: {name}\r\nPrivilege: call,all\r\n{headers}\r\n").into_bytes())
    }

    fn what(event: &Message) -> Option<CallEvent> {
        match call_event(event)? {
            Input::Call(dialing, what) => {
                assert_eq!(dialing.to_string(), UUID);
                Some(what)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_originate_response_is_known_by_its_action_id_never_by_its_uniqueid() {
        let headers = [("Response", "Failure"), ("Reason", "5"), ("Uniqueid", UUID)];
        assert_eq!(what(&event("OriginateResponse", &headers)), None);
        let id = format!("o:{UUID}");
        let headers = [("ActionID", id.as_str()), ("Response", "Failure"), ("Reason", "5")];
        let failed = CallEvent::Responded(Response::Failure { reason: 5 });
        assert_eq!(what(&event("OriginateResponse", &headers)), Some(failed));
    }

    #[test]
    fn the_dial_events_of_a_leg_to_an_agent_are_not_the_calls_own() {
        let agents =
            event("DialEnd", &[("Uniqueid", UUID), ("DestUniqueid", "1.2"), ("DialStatus", "ANSWER")]);
        assert_eq!(what(&agents), None);
        let own = event("DialEnd", &[("DestUniqueid", UUID), ("DialStatus", "BUSY")]);
        assert_eq!(what(&own), Some(CallEvent::DialEnd(DialStatus::Busy)));
    }

    #[test]
    fn a_user_event_brings_its_own_headers_and_not_its_channels() {
        let channels = [("Channel", "x"), ("Number1", "1"), ("UserEvent", "OutDlCreate")];
        let own = [("Dlma", "d"), ("Number1", "2"), ("Variables", "A=1:B=")];
        let fields = contact(&event("UserEvent", &[&channels[..], &own].concat())).unwrap();
        let expected = [("DlmaUuid", "d"), ("Number1", "2"), ("Variable", "A=1"), ("Variable", "B=")];
        assert_eq!(fields, expected.into_iter().collect());
        assert_eq!(contact(&event("UserEvent", &[("UserEvent", "Told")])), None);
        assert_eq!(contact(&event("Newexten", &[("UserEvent", "OutDlCreate")])), None);
    }

    #[test]
    fn channels_of_others_are_passed_over() {
        assert_eq!(
            what(&event("Newchannel", &[("Channel", "PJSIP/1"), ("Uniqueid", "1795249527.76")])),
            None
        );
    }

    #[test]
    fn a_hangup_brings_its_cause_and_words() {
        let hangup = event("Hangup", &[("Uniqueid", UUID), ("Cause", "17"), ("Cause-txt", "User busy")]);
        let expected = CallEvent::Hangup { cause: HangupCause(17), text: "User busy".into(), amd: None };
        assert_eq!(what(&hangup), Some(expected));
    }

    #[test]
    fn a_hangup_brings_what_the_dialplan_has_found_of_who_answered() {
        let of = |variables: &[(&str, &str)]| match what(&event(
            "Hangup",
            &[&[("Uniqueid", UUID), ("Cause", "16")], variables].concat(),
        )) {
            Some(CallEvent::Hangup { amd, .. }) => amd,
            other => panic!("{other:?}"),
        };
        let machine = [("ChanVariable", "AMDSTATUS=MACHINE"), ("ChanVariable", "AMDCAUSE=TOOLONG-5000")];
        let expected = Amd { status: "MACHINE".into(), cause: "TOOLONG-5000".into() };
        assert_eq!(of(&machine), Some(Box::new(expected)));
        assert_eq!(of(&[("ChanVariable", "AMDSTATUS="), ("ChanVariable", "AMDCAUSE=")]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn times_are_told_as_ages_by_asterisks_own_clock() {
        let up = |answer: &str, clock: &str| {
            let (answer, clock) = (format!("CDR(answer,u)={answer}"), format!("STRFTIME(,,%s.%6q)={clock}"));
            let variables =
                [("Variable", "CDR(start,u)=100.250000"), ("Variable", &answer), ("Variable", &clock)];
            since(&event("Status", &variables))
        };
        let millis = |millis| Some(Duration::from_millis(millis));
        let rounded =
            |age: Option<Duration>| age.map(|age| Duration::from_millis((age.as_micros() / 1000) as u64));
        let told = up("101.500000", "102.000500");
        assert_eq!((rounded(told.dialled), rounded(told.answered)), (millis(1750), millis(500)));
        assert_eq!(up("0.000000", "102.000500").answered, None);
        assert_eq!(up("101.500000", "(null)"), Since::default());
        assert_eq!(up("103.000000", "102.000000").answered, None);
    }

    #[test]
    fn a_shutdown_is_known_by_how_it_hangs_up_before_it_says_so() {
        let request = |cause| event("SoftHangupRequest", &[("Uniqueid", UUID), ("Cause", cause)]);
        assert!(tells_of_shutdown(&request("4")));
        assert_eq!(what(&request("4")), Some(CallEvent::ShutDown));
        assert!(!tells_of_shutdown(&request("16")));
        assert_eq!(what(&request("16")), None);
        assert!(tells_of_shutdown(&event("Shutdown", &[("Shutdown", "Cleanly")])));
    }

    #[test]
    fn the_other_half_of_a_local_channel_shows_that_the_call_lives() {
        let half = event(
            "CoreShowChannel",
            &[("Channel", "Local/1;2"), ("Uniqueid", "x;2"), ("Linkedid", UUID), ("ChannelState", "6")],
        );
        let live = live_channels(&[half]);
        assert_eq!(live.len(), 1);
        assert!(!live[0].up);
    }
}
