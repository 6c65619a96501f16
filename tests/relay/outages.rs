//! Asterisk away, restarting, broken in mid-list; clients that go in the middle.

use std::time::{Duration, Instant};

use crate::support::ami::{PATIENCE, header};
use crate::support::daemon::Daemon;
use crate::support::pbx::Breakable;
use crate::{RINGS, STAYS, dial, refused, relaying, wait_for_asterisk};

#[test]
fn while_asterisk_is_away_that_is_said_at_once_and_ours_goes_on() {
    let (mut sandbox, daemon) = relaying("");
    sandbox.kill();
    let mut client = daemon.client();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = Instant::now();
        let told = refused(&client.action("CoreStatus", &[]));
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        if told.starts_with("Asterisk is not reached") {
            assert!(told.ends_with("CoreStatus was not sent"), "{told}");
            break;
        }
        assert!(Instant::now() < deadline, "{told}");
    }
    client.create("OutPlanCreate", &[]);
    assert_eq!(header(&client.done("ListCommands", &[]), "OutPlanShow"), "List plans.  (Priv: message,all)");
    sandbox.start_again();
    wait_for_asterisk(&daemon);
    client.wait_for("Asterisk's word that it is up", |event| {
        header(event, "Event") == "FullyBooted" && header(event, "Status") == "Fully Booted"
    });
    daemon.check();
}

#[test]
fn a_daemon_that_starts_without_asterisk_relays_once_it_comes() {
    let sandbox = crate::Sandbox::up("");
    let mut sandbox = sandbox;
    sandbox.kill();
    let daemon = Daemon::start_relaying(&sandbox, "", "");
    let mut client = daemon.client();
    assert!(refused(&client.action("CoreStatus", &[])).starts_with("Asterisk is not reached"));
    sandbox.start_again();
    wait_for_asterisk(&daemon);
    daemon.check();
}

#[test]
fn who_waits_for_an_answer_when_asterisk_restarts_is_told() {
    let (sandbox, daemon) = relaying("");
    let (mut client, mut other) = (daemon.client(), daemon.client());
    let blocking = [("Channel", RINGS), ("Application", "Wait"), ("Data", "1"), ("Timeout", "60000")];
    let id = client.submit("Originate", &blocking);
    let deadline = Instant::now() + PATIENCE;
    while sandbox.dialled_of("dialled").is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    other.action("SandboxRestart", &[]);
    let told = refused(&client.response(&id));
    assert!(told.starts_with("No answer from Asterisk (") && told.ends_with("is not known"), "{told}");
    wait_for_asterisk(&daemon);
    daemon.check();
}

#[test]
fn a_list_that_breaks_off_is_ended_as_such() {
    let (_sandbox, daemon) = relaying("");
    let mut client = daemon.client();
    client.action("Events", &[("EventMask", "off")]);
    for _ in 0..4 {
        client.done("Originate", &dial(STAYS));
    }
    client.done("SandboxFault", &[("Truncate", "1"), ("Times", "1")]);
    let id = client.submit("CoreShowChannels", &[]);
    assert_eq!(header(&client.response(&id), "EventList"), "start");
    let mut items = 0;
    let end = loop {
        let event = client.read(Instant::now() + PATIENCE).unwrap();
        assert_eq!(header(&event, "ActionID"), id);
        if event.get("EventList").is_some() {
            break event;
        }
        items += 1;
    };
    assert_eq!(
        (header(&end, "Event").as_str(), header(&end, "EventList").as_str(), header(&end, "ListItems")),
        ("CoreShowChannelsComplete", "Cancelled", items.to_string())
    );
    assert!(header(&end, "Message").starts_with("The list is incomplete"), "{end:?}");
    assert!(client.list("CoreShowChannels", &[]).len() >= 4, "the next one is whole");
    daemon.check();
}

#[test]
fn a_silent_asterisk_is_given_up_and_said_so() {
    let (sandbox, daemon) = relaying("");
    let (mut client, mut stranger) = (daemon.client(), sandbox.client());
    // All connections stand still for ever, this one excepted; new ones work.
    stranger.done("SandboxFault", &[("HalfOpen", "0")]);
    let asked = Instant::now();
    let told = refused(&client.action("Getvar", &[("Variable", "X")]));
    assert!(told.contains("is not known") || told.contains("not reached"), "{told}");
    println!("told after {:.1?}", asked.elapsed());
    wait_for_asterisk(&daemon);
    daemon.check();
}

#[test]
fn a_client_that_goes_in_the_middle_leaves_nothing_behind() {
    let (_sandbox, daemon) = relaying("");
    let mut others = daemon.client();
    for _ in 0..2 {
        for _ in 0..45 {
            let mut client = daemon.client();
            client.action("Events", &[("EventMask", "off")]);
            client.submit(
                "Originate",
                &[("Channel", RINGS), ("Application", "Wait"), ("Data", "1"), ("Timeout", "60000")],
            );
            client.submit("CoreShowChannels", &[]);
        }
        let deadline = Instant::now() + PATIENCE;
        while !others.action("CoreStatus", &[]).is_success() {
            assert!(Instant::now() < deadline, "their sessions are not let go");
        }
    }
    daemon.check();
}
