//! Everything that is not astout's goes to Asterisk: operators' actions passed on and answered, Asterisk's events on the same
//! connection.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod events;
mod lab;
mod outages;
mod policy;
mod rights;

use astout::ami::Message;

use support::ami::{Client, header};
use support::daemon::Daemon;
use support::sandbox::Sandbox;

/// A telephone that answers at once and stays until it is hung up.
pub(crate) const STAYS: &str = "Local/1000001@astout-demo";
/// One that rings for ever.
pub(crate) const RINGS: &str = "Local/3001@astout-demo";
/// Its user may only look at calls and place none.
pub(crate) const WATCHER: &str = r#"
[[manager.user]]
name = "watcher"
secret = "a-secret-of-the-watchers-own"
read = ["call"]
write = ["call"]
"#;

/// A daemon that relays to a sandbox.
pub(crate) fn relaying(more: &str) -> (Sandbox, Daemon) {
    let sandbox = Sandbox::up("");
    let daemon = Daemon::start_relaying(&sandbox, "", more);
    wait_for_asterisk(&daemon);
    (sandbox, daemon)
}

/// Waits until what is relayed is answered by Asterisk.
pub(crate) fn wait_for_asterisk(daemon: &Daemon) {
    let mut client = daemon.client();
    client.action("Events", &[("EventMask", "off")]);
    let deadline = std::time::Instant::now() + support::ami::PATIENCE;
    loop {
        let answer = client.action("CoreStatus", &[]);
        if answer.is_success() {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{answer:?}\n{}", daemon.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

pub(crate) fn watcher(daemon: &Daemon) -> Client {
    Client::login(&daemon.address(), "watcher", "a-secret-of-the-watchers-own")
}

/// What an error says.
pub(crate) fn refused(answer: &Message) -> String {
    assert_eq!(header(answer, "Response"), "Error", "{answer:?}");
    header(answer, "Message")
}

/// An Originate that does not wait.
pub(crate) fn dial(channel: &str) -> [(&str, &str); 4] {
    [("Channel", channel), ("Application", "Wait"), ("Data", "60"), ("Async", "true")]
}
