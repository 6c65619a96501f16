//! `ListCommands`: what the asker may use, by name, as Asterisk shows it.

use super::{ACTIONS, is_enough};
use crate::ami::{Class, Message, Privileges, response};

/// What the session serves itself, and the classes that it asks for.
pub(super) const OF_THE_SESSION: [(&str, &str, &[Class]); 6] = [
    ("Challenge", "Generate Challenge for MD5 Auth", &[]),
    ("Events", "Control Event Flow", &[]),
    ("Filter", "Dynamically add filters for the current manager session", &[Class::System]),
    ("Login", "Login Manager", &[]),
    ("Logoff", "Logoff Manager", &[]),
    ("Ping", "Keepalive command", &[]),
];

/// Beside ours `relayed`, each a name and what is said of it; of a name that both have ours stands.
pub(in crate::manager) fn answer(
    action_id: Option<&[u8]>,
    may: Privileges,
    relayed: &[(String, String)],
) -> Message {
    let ours = ACTIONS.iter().map(|action| (action.name, action.synopsis, action.needs));
    let all =
        ours.chain(OF_THE_SESSION).filter(|(.., needs)| is_enough(may, needs)).map(|(name, text, needs)| {
            let classes: String = needs.iter().map(|class| format!("{class},")).collect();
            let classes = if classes.is_empty() { "<none>".to_owned() } else { classes + "all" };
            (name, format!("{text}.  (Priv: {classes})"))
        });
    let mut lines: Vec<_> = all.collect();
    for (name, text) in relayed {
        if !lines.iter().any(|(ours, _)| ours.eq_ignore_ascii_case(name)) {
            lines.push((name, text.clone()));
        }
    }
    lines.sort_unstable();
    let answer = response::success(action_id);
    lines.into_iter().fold(answer, |answer, (name, text)| answer.header(name, text)).finish_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_asker_may_use_is_listed_by_name() {
        let text = |may| String::from_utf8(answer(Some(b"1"), may, &[]).to_wire().to_vec()).unwrap();
        assert_eq!(
            text(Privileges::NONE),
            "Response: Success\r\nActionID: 1\r\n\
             Challenge: Generate Challenge for MD5 Auth.  (Priv: <none>)\r\n\
             Events: Control Event Flow.  (Priv: <none>)\r\n\
             ListCommands: List available manager commands.  (Priv: <none>)\r\n\
             Login: Login Manager.  (Priv: <none>)\r\n\
             Logoff: Logoff Manager.  (Priv: <none>)\r\n\
             Ping: Keepalive command.  (Priv: <none>)\r\n\r\n"
        );
        let all = text(Privileges::from(Class::Message));
        assert!(all.contains("\r\nOutPlanCreate: Create a plan.  (Priv: message,all)\r\n"), "{all}");
        assert!(
            all.contains(
                "\r\nCommand: Execute an \"out ...\" command line.  (Priv: command,message,all)\r\n"
            )
        );
    }
}
