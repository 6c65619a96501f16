//! The second user on Asterisk, `[asterisk] relay_username`: whether it may log in, and may do what operators may.

use std::collections::BTreeSet;

use super::finding::Findings;
use super::session::{NoSession, Session};
use crate::ami::{CloseReason, MessageBuilder};
use crate::config;

/// An action of each class that operators ask for, and the class. Of the last three those only that a `[[manager.user]]`
/// names: `all` is no wish for them.
const ACTIONS: [(&str, &str); 7] = [
    ("Originate", "originate"),
    ("Hangup", "call"),
    ("CoreShowChannels", "reporting"),
    ("UserEvent", "user"),
    ("ModuleLoad", "system"),
    ("Command", "command"),
    ("UpdateConfig", "config"),
];
const ALWAYS: [&str; 4] = ["originate", "call", "reporting", "user"];

/// Looks at it, where there is one and the relay is on.
pub(super) fn check(asterisk: &config::Asterisk, manager: &config::Manager, findings: &mut Findings) {
    let Some(name) = &asterisk.relay_username else { return };
    let what = "relay_username";
    if !manager.relay || manager.listen.is_none() {
        return findings.note(
            what,
            format!("{name} is not used: nothing is relayed"),
            "have listen, and relay = true, in [manager], or take it out",
        );
    }
    let relayed = config::Asterisk { username: name.clone(), ..asterisk.clone() };
    let mut session = match Session::open(&relayed) {
        Ok(session) => session,
        Err(NoSession::Closed(CloseReason::Refused(text))) => {
            return findings.fail(what, format!("login as {name} refused: {text}"), stanza(name));
        }
        // The line of the dialer's own login says more.
        Err(why) => return findings.warn(what, format!("{name}: {why}"), "start Asterisk, then ask again"),
    };
    let answer = session.ask(MessageBuilder::action("ListCommands"));
    let refusal = answer.refusal();
    let Some(listed) = answer.success() else {
        return findings.warn(what, format!("{name}: ListCommands: {refusal}"), "is this an Asterisk?");
    };
    let may: BTreeSet<String> = listed.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let wanted = |class: &str| {
        let named = manager.users.iter().any(|user| user.write.iter().any(|given| given == class));
        ALWAYS.contains(&class) || named
    };
    let lacking = ACTIONS
        .into_iter()
        .filter(|(action, class)| wanted(class) && !may.contains(&action.to_ascii_lowercase()));
    let (actions, classes): (Vec<&str>, Vec<&str>) = lacking.unzip();
    if !actions.is_empty() {
        findings.warn(
            what,
            format!("{name} lacks {}: operators are refused that", actions.join(", ")),
            format!("add {} to write = in [{name}] of manager.conf", classes.join(", ")),
        );
    } else if session.booted {
        findings.ok(what, format!("logged in as {name}, which may do what operators may"));
    }
    if !session.booted {
        findings.warn(
            what,
            format!("{name} does not hear of FullyBooted: operators miss events of class system"),
            format!("add system to read = in [{name}] of manager.conf"),
        );
    }
    session.close();
}

/// What manager.conf needs for it.
fn stanza(name: &str) -> String {
    format!(
        "have in manager.conf, then asterisk -rx \"manager reload\":\n[{name}]\nsecret = <the one of [asterisk] in astout.toml>\n\
         read = system,call,agent,user,reporting,dialplan,cdr,dtmf\nwrite = originate,call,agent,user,reporting\n\
         writetimeout = 5000"
    )
}
