//! Who may have what relayed.

use crate::support::ami::{PATIENCE, header};
use crate::support::daemon::Daemon;
use crate::{STAYS, WATCHER, dial, refused, relaying, watcher};

const COMMANDER: &str = r#"
[[manager.user]]
name = "commander"
secret = "a-secret-of-the-commanders-own"
read = []
write = ["command", "message"]
"#;

#[test]
fn who_may_call_only_may_not_stop_asterisk_nor_dial_nor_configure() {
    let (sandbox, daemon) = relaying(WATCHER);
    let mut watcher = watcher(&daemon);
    for (action, fields) in [
        ("Command", &[("Command", "core stop now")][..]),
        ("Command", &[("Command", "core show channels count")]),
        ("command", &[("COMMAND", " core restart now")]),
        ("Originate", &dial(STAYS)),
        ("originate", &dial(STAYS)),
        ("UpdateConfig", &[]),
        ("QueueReset", &[]),
        ("DBPut", &[]),
        ("UserEvent", &[("UserEvent", "x")]),
        ("OutPlanCreate", &[]),
    ] {
        assert_eq!(refused(&watcher.action(action, fields)), "Permission denied", "{action}");
    }
    // What nobody knows is not for it either, and it does not learn whether there is such a thing.
    for action in ["SandboxRestart", "Nothing"] {
        let told = refused(&watcher.action(action, &[]));
        assert!(told.starts_with(&format!("Invalid/unknown command: {action}.")), "{told}");
    }
    watcher.done("Getvar", &[("Variable", "X")]);
    assert_eq!(sandbox.dialled().len(), 0);
    daemon.check();
}

#[test]
fn command_alone_looks_and_does_nothing_more() {
    let (_sandbox, daemon) = relaying(COMMANDER);
    let mut commander =
        crate::Client::login(&daemon.address(), "commander", "a-secret-of-the-commanders-own");
    let shown = commander.done("Command", &[("Command", "core show channels count")]);
    assert_eq!(shown.all("Output").next().unwrap(), "0 active channels");
    for line in
        ["core stop now", "channel originate Local/1@astout-demo application System id", "module load x"]
    {
        assert_eq!(
            refused(&commander.action("Command", &[("Command", line)])),
            "Permission denied",
            "{line}"
        );
    }
    // Our own lines are there as before.
    let shown = commander.done("Command", &[("Command", "out show campaigns")]);
    assert_eq!(header(&shown, "Message"), "Command output follows");
    daemon.check();
}

#[test]
fn strangers_have_nothing_relayed() {
    let (_sandbox, daemon) = relaying("");
    let mut stranger = crate::Client::connect(&daemon.address());
    for action in ["CoreStatus", "ListCommands", "Originate", "Command"] {
        assert_eq!(refused(&stranger.action(action, &[])), "Permission denied", "{action}");
    }
    let wrong = stranger.action("Login", &[("Username", "operator"), ("Secret", "wrong")]);
    assert_eq!(refused(&wrong), "Authentication failed");
    daemon.check();
}

#[test]
fn asterisks_refusal_of_the_relays_user_is_told() {
    let sandbox = crate::Sandbox::up("");
    let daemon = Daemon::start_relaying(&sandbox, "nobody-there", "");
    let mut client = daemon.client();
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let told = refused(&client.action("CoreStatus", &[]));
        if told.contains("relay_username") {
            assert!(told.ends_with("CoreStatus was not sent"), "{told}");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{told}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // The dialer has its own.
    client.create("OutPlanCreate", &[]);
    daemon.check();
}
