//! A relayed Originate obeys `[policy]`, by the checks that plans, destinations and numbers go through. What Asterisk
//! gets is written anew from what was checked, so that the two cannot read it differently.
//!
//! The channel is one of
//!
//! ```text
//!   Tech/device    Tech/number@trunk    Tech/trunk/number    Local/exten@context[/options]
//! ```

use uuid::Uuid;

use crate::ami::{MessageBuilder, Request};
use crate::model::destination::Destination;
use crate::model::fields::{FieldError, Fields};
use crate::model::ids::{DestinationUuid, PlanUuid};
use crate::model::number::PhoneNumber;
use crate::model::plan::Plan;
use crate::model::policy::Policy;
use crate::model::time::Timestamp;
use crate::model::variables::Variables;

/// The headers that Asterisk knows; others it does not get.
const TAKEN: [&str; 14] = [
    "Channel",
    "Context",
    "Exten",
    "Priority",
    "Application",
    "Data",
    "Timeout",
    "CallerID",
    "Account",
    "EarlyMedia",
    "Async",
    "Codecs",
    "ChannelId",
    "OtherChannelId",
];
const FORM: &str = "Tech/device, Tech/number@trunk, Tech/trunk/number or Local/exten@context, without & and what \
                    would be evaluated";
const VARIABLE_FORM: &str = "NAME=value without functions, ${ and $[";

/// The action as Asterisk gets it, still without ActionID, or what of it `[policy]` does not allow.
pub(super) fn checked(request: &Request, policy: &Policy) -> Result<MessageBuilder, FieldError> {
    let given: Fields = TAKEN.iter().filter_map(|name| Some((*name, request.get(name)?))).collect();
    if let Some(sub) = request.get("PreDialGoSub") {
        return Err(FieldError::invalid("PreDialGoSub", &sub, "nothing: it would run a dialplan unseen"));
    }
    for name in TAKEN {
        given.text(name)?;
    }
    check_channel(given.raw("Channel").unwrap_or_default(), policy)?;
    given.number("Timeout", 1..=3_600_000, " (milliseconds)")?;
    check_destination(&given, policy)?;
    if let Some(caller_id) = given.raw("CallerID") {
        let fields = [("CallerID", caller_id)].into_iter().collect();
        Plan::create(PlanUuid::new(Uuid::nil()), &fields, policy, Timestamp::from_micros(0))?;
    }
    let variables: Vec<_> = request.message().all("Variable").filter(|line| !line.is_empty()).collect();
    for line in &variables {
        check_variables(line)?;
    }
    let action =
        TAKEN.iter().fold(MessageBuilder::action("Originate"), |action, name| match given.raw(name) {
            Some(value) => action.header(name, value),
            None => action,
        });
    Ok(variables.iter().fold(action, |action, line| action.header("Variable", line.as_ref())))
}

fn check_channel(channel: &str, policy: &Policy) -> Result<(), FieldError> {
    let invalid = |allowed: &dyn std::fmt::Display| Err(FieldError::invalid("Channel", channel, allowed));
    let harmless = |c: char| c.is_ascii_alphanumeric() || "+*#._-@/".contains(c);
    let Some((tech, rest)) = channel.split_once('/').filter(|_| channel.chars().all(harmless)) else {
        return invalid(&FORM);
    };
    if !policy.technologies.allows(tech) {
        return invalid(&format!("{} (by [policy] technologies)", policy.technologies.describe()));
    }
    if tech.eq_ignore_ascii_case("Local") {
        let Some((exten, context)) = rest.split_once('@') else { return invalid(&FORM) };
        let context = context.split_once('/').map_or(context, |(context, _options)| context);
        if !policy.local_contexts.allows(context) {
            let allowed = policy.local_contexts.describe();
            return invalid(&format!("with Local/ a context of [policy] local_contexts: {allowed}"));
        }
        return check_exten("Channel", exten, policy);
    }
    let number = match (rest.split_once('@'), rest.split_once('/')) {
        (Some((number, trunk)), None) if is_word(trunk) => number,
        (None, Some((trunk, number))) if is_word(trunk) => number,
        // A telephone of this PBX has a name; a number may lead out of it.
        (None, None) if rest.chars().any(|c| c.is_ascii_alphabetic()) && is_word(rest) => return Ok(()),
        (None, None) => rest,
        _ => return invalid(&FORM),
    };
    PhoneNumber::parse("Channel", number, policy).map(drop)
}

fn is_word(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (1..=64).contains(&text.len()) && text.chars().all(word)
}

/// An extension may have a name; where it is a number, the dialplan behind it may dial just that.
fn check_exten(field: &str, exten: &str, policy: &Policy) -> Result<(), FieldError> {
    match policy.refuses_number(exten) {
        Some(why) => {
            Err(FieldError::invalid(field, exten, format!("no number that [policy] denies ({why})")))
        }
        None if exten.is_empty() || exten.contains(['/', '@']) => {
            Err(FieldError::invalid(field, exten, FORM))
        }
        None => Ok(()),
    }
}

/// Both ways are looked at, whichever of them Asterisk takes.
fn check_destination(given: &Fields, policy: &Policy) -> Result<(), FieldError> {
    let destination = |kind: &'static str, names: [&'static str; 3]| {
        let fields = names.into_iter().filter_map(|name| Some((name, given.raw(name)?)));
        let fields = fields.chain([("Type", kind)]).collect();
        Destination::create(DestinationUuid::new(Uuid::nil()), &fields, policy, Timestamp::from_micros(0))
    };
    if given.raw("Application").is_some() {
        destination("1", ["Application", "Data", "Name"])?;
    }
    if let Some(exten) = given.raw("Exten") {
        destination("0", ["Exten", "Context", "Priority"])?;
        check_exten("Exten", exten, policy)?;
    }
    Ok(())
}

/// Asterisk takes what stands between commas for a variable of its own, quoted or not as it happens.
fn check_variables(line: &str) -> Result<(), FieldError> {
    let evaluated = line.contains("${") || line.contains("$[");
    let given = line.split(',').enumerate();
    let each: Fields = given
        .filter(|(place, part)| *place == 0 || part.contains('='))
        .map(|(_, part)| ("Variable", part.trim_start()))
        .collect();
    match Variables::from_fields(&each) {
        Ok(_) if !evaluated => Ok(()),
        Ok(_) | Err(_) => Err(FieldError::invalid("Variable", line, VARIABLE_FORM)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ami::Message;

    fn policy() -> Policy {
        Policy {
            contexts: ["from-internal"].into_iter().collect(),
            caller_ids: ["5551000"].into_iter().collect(),
            denied_prefixes: vec!["00".to_owned(), "0900".to_owned()],
            ..Policy::default()
        }
    }

    fn check(lines: &str) -> Result<String, String> {
        let message = Message::from_wire(format!("Action: Originate\n{lines}\n\n"));
        let request = Request::from_message(message).unwrap();
        let action = checked(&request, &policy()).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(action.finish().unwrap().to_wire().to_vec()).unwrap())
    }

    fn refused(lines: &str, field: &str) {
        let error = check(lines).unwrap_err();
        assert!(error.starts_with(field) && error.contains("allowed"), "{lines}: {error}");
    }

    #[test]
    fn calls_that_a_campaign_might_make_go_through() {
        for channel in [
            "PJSIP/300@trunk",
            "pjsip/alice",
            "SIP/trunk/+300",
            "DAHDI/g1/300",
            "Local/1001@astout-demo",
            "Local/s@astout-demo/n",
            "PJSIP/300",
        ] {
            check(&format!("Channel: {channel}\nContext: from-internal\nExten: 100\nPriority: 1")).unwrap();
        }
        check("Channel: PJSIP/300\nApplication: Playback\nData: hello&world\nCallerID: Us <5551000>")
            .unwrap();
        check("Channel: PJSIP/300\nApplication: Wait\nData: 1\nVariable: A=1,B=x y\nVariable: __C=\"q,r\"")
            .unwrap();
    }

    #[test]
    fn channels_out_of_the_policy_are_refused() {
        for channel in [
            "",
            "300",
            "Console/dsp",
            "PJSIP/300&PJSIP/301",
            "PJSIP/112",
            "PJSIP/112@trunk",
            "SIP/trunk/0049301",
            "PJSIP/0900123@trunk",
            "PJSIP/x${SHELL(id)}",
            "PJSIP/trunk/sip:300@evil",
            "Local/100@from-internal",
            "Local/112@astout-demo",
            "Local/100",
            "Local/100@astout-demo@from-internal",
            "PJSIP/alice@trunk",
        ] {
            refused(&format!("Channel: {channel}\nApplication: Wait\nData: 1"), "Channel");
        }
    }

    #[test]
    fn where_an_answered_call_goes_is_for_the_policy_too() {
        let to = |lines: &str| format!("Channel: PJSIP/300\n{lines}");
        refused(&to("Application: System\nData: id"), "Application");
        refused(&to("Application: Set\nData: FILE(/etc/asterisk/extensions.conf)=x"), "Data");
        refused(&to("Application: Set\nData: A=1"), "Application");
        refused(&to("Application: Playback\nData: ${SHELL(id)}"), "Data");
        refused(&to("Application: Wait\nContext: elsewhere\nExten: 1\nPriority: 1"), "Context");
        refused(&to("Context: elsewhere\nExten: 1\nPriority: 1"), "Context");
        refused(&to("Context: from-internal\nExten: 112\nPriority: 1"), "Exten");
        refused(&to("Context: from-internal\nExten: 00491\nPriority: 1"), "Exten");
        refused(&to("Application: Wait\nPreDialGoSub: evil,s,1"), "PreDialGoSub");
    }

    #[test]
    fn caller_ids_timeouts_and_variables_are_checked() {
        let with = |lines: &str| format!("Channel: PJSIP/300\nApplication: Wait\n{lines}");
        refused(&with("CallerID: 112"), "CallerId");
        refused(&with("Timeout: -1"), "Timeout");
        for variable in [
            "SHELL(id)=x",
            "A=1,CALLERID(num)=112",
            "A=${EXTEN}",
            "CALLERID(num)=5551000",
            "A=1, FILE(/etc/passwd)=x",
            "noequals",
        ] {
            refused(&with(&format!("Variable: {variable}")), "Variable");
        }
    }

    #[test]
    fn what_is_sent_is_what_was_checked() {
        let sent = check(
            "Channel: PJSIP/300\nchannel: Console/dsp\nApplication: Wait\nFuture: x\nAsync: true\nActionID: o:1",
        );
        assert_eq!(
            sent.unwrap(),
            "Action: Originate\r\nChannel: PJSIP/300\r\nApplication: Wait\r\nAsync: true\r\n\r\n"
        );
    }
}
