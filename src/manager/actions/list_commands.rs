//! `ListCommands`: what the asker may use, by name, as Asterisk shows it.

use super::ACTIONS;
use crate::ami::{Message, Privileges, response};

/// What the session serves itself, to everybody.
pub(super) const OF_THE_SESSION: [(&str, &str); 5] = [
    ("Challenge", "Generate Challenge for MD5 Auth"),
    ("Events", "Control Event Flow"),
    ("Login", "Login Manager"),
    ("Logoff", "Logoff Manager"),
    ("Ping", "Keepalive command"),
];

/// Beside ours `relayed`, each a name and what is said of it; of a name that both have ours stands.
pub(in crate::manager) fn answer(
    action_id: Option<&[u8]>,
    may: Privileges,
    relayed: &[(String, String)],
) -> Message {
    let ours = ACTIONS.iter().filter(|action| action.is_allowed(may)).map(|action| {
        let classes: String = action.needs.iter().map(|class| format!("{class},")).collect();
        let classes = if classes.is_empty() { "<none>".to_owned() } else { classes + "all" };
        (action.name, format!("{}.  (Priv: {classes})", action.synopsis))
    });
    let sessions = OF_THE_SESSION.iter().map(|(name, text)| (*name, format!("{text}.  (Priv: <none>)")));
    let mut lines: Vec<_> = ours.chain(sessions).collect();
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
    use crate::ami::Class;

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
