//! Asterisk's events on an operator's connection: his classes, his mask, his ActionIDs, his pace.

use std::time::{Duration, Instant};

use crate::support::ami::{PATIENCE, header};
use crate::{RINGS, STAYS, WATCHER, dial, relaying, watcher};

#[test]
fn an_originate_is_followed_by_its_events_with_its_own_action_id() {
    let (_sandbox, daemon) = relaying("");
    let (mut client, mut other) = (daemon.client(), daemon.client());
    client.send(
        format!("Action: Originate\r\nActionID: mine 1\r\nChannel: {STAYS}\r\nApplication: Wait\r\nData: 60\r\nAsync: true\r\n\r\n")
            .as_bytes(),
    );
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|message| header(message, "Event") != "OriginateResponse") {
        seen.push(client.read(deadline).unwrap());
    }
    let (responded, told) = (
        seen.iter().position(astout::ami::Message::is_response).unwrap(),
        seen.iter().position(|message| header(message, "ActionID") == "mine 1").unwrap(),
    );
    assert_eq!(responded, told, "the response comes before all else of that ActionID");
    assert_eq!(header(&seen[responded], "Message"), "Originate successfully queued");
    assert!(seen.iter().any(|message| header(message, "Event") == "Newchannel"));
    let last = seen.last().unwrap();
    assert_eq!((header(last, "ActionID").as_str(), header(last, "Response").as_str()), ("mine 1", "Success"));
    let told = other.wait_for("OriginateResponse", |event| header(event, "Event") == "OriginateResponse");
    assert_eq!(header(&told, "ActionID"), "mine 1", "put back for every reader");
    daemon.check();
}

#[test]
fn a_user_event_goes_to_those_who_read_its_class_the_sender_included_after_his_answer() {
    let (_sandbox, daemon) = relaying(WATCHER);
    let (mut sender, mut reader, mut blind) = (daemon.client(), daemon.client(), watcher(&daemon));
    reader.action("Events", &[("EventMask", "user")]);
    blind.action("Events", &[("EventMask", "on")]);
    sender.send(
        b"Action: UserEvent\r\nActionID: u\r\nUserEvent: Greeting\r\nText: hello\r\nText: twice\r\n\r\n",
    );
    let deadline = Instant::now() + PATIENCE;
    let mut next = || loop {
        let message = sender.read(deadline).unwrap();
        if header(&message, "ActionID") == "u" {
            return message;
        }
    };
    assert_eq!(header(&next(), "Message"), "Event Sent");
    let told = reader.wait_for("UserEvent", |event| header(event, "Event") == "UserEvent");
    for told in [next(), told] {
        let shown: Vec<_> = told.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let wanted = [
            "Event=UserEvent",
            "Privilege=user,all",
            "UserEvent=Greeting",
            "Text=hello",
            "Text=twice",
            "ActionID=u",
        ];
        assert_eq!(shown, wanted);
    }
    // He who may not read the class sees calls, and of this nothing.
    sender.done("Originate", &dial(STAYS));
    let first = blind.event(PATIENCE).unwrap();
    assert_eq!(header(&first, "Privilege"), "call,all", "{first:?}");
    daemon.check();
}

#[test]
fn a_mask_holds_for_asterisks_events_as_for_ours() {
    let (_sandbox, daemon) = relaying("");
    let (mut client, mut busy) = (daemon.client(), daemon.client());
    client.wait_for("FullyBooted", |event| header(event, "Event") == "FullyBooted");
    client.done("Events", &[("EventMask", "off")]);
    busy.done("UserEvent", &[("UserEvent", "Unheard")]);
    client.done("CoreStatus", &[]);
    client.done("Events", &[("EventMask", "user,message")]);
    client.done("CoreStatus", &[]);
    busy.done("Originate", &dial(STAYS));
    busy.create("OutPlanCreate", &[]);
    busy.done("UserEvent", &[("UserEvent", "Heard")]);
    // Asterisk's events and ours are in order each; which of two that come together is first is chance.
    let mut heard = [(); 2].map(|()| header(&client.event(PATIENCE).unwrap(), "Event"));
    heard.sort();
    assert_eq!(heard, ["OutPlanCreate", "UserEvent"]);
    daemon.check();
}

#[test]
fn events_go_on_while_an_action_blocks_once_they_have_become_many() {
    let (_sandbox, daemon) = relaying("");
    let (mut client, mut other) = (daemon.client(), daemon.client());
    other.action("Events", &[("EventMask", "off")]);
    client.wait_for("FullyBooted", |event| header(event, "Event") == "FullyBooted");
    client.done("Events", &[("EventMask", "user")]);
    client.done("CoreStatus", &[]);
    let began = Instant::now();
    let blocking = [("Channel", RINGS), ("Application", "Wait"), ("Data", "1"), ("Timeout", "20000")];
    let id = client.submit("Originate", &blocking);
    // More than wait anywhere.
    other.done("SandboxFault", &[("Flood", "5000"), ("For", "8")]);
    let (mut left, mut before) = (None::<u64>, None);
    while left != Some(1) || before.is_none() {
        let message = client.read(Instant::now() + PATIENCE).unwrap();
        if message.is_response() {
            assert_eq!(
                (header(&message, "ActionID"), header(&message, "Response")),
                (id.clone(), "Error".to_owned())
            );
            before = Some(left.map_or(0, |left| 40_000 - left));
            continue;
        }
        assert_eq!(header(&message, "UserEvent"), "SandboxFlood", "{message:?}");
        let now = header(&message, "Left").parse().unwrap();
        assert!(left.is_none_or(|left| now == left - 1), "none is lost: {now} after {left:?}");
        left = Some(now);
    }
    let before = before.unwrap();
    println!("{before} of 40000 events came before the answer, which took {:.1?}", began.elapsed());
    assert!(before > 20_000, "{before}");
    daemon.check();
}

#[test]
fn who_does_not_read_is_dropped_and_nobody_else_notices() {
    let (_sandbox, mut daemon) = relaying("");
    let (_deaf, mut reader) = (daemon.client(), daemon.client());
    reader.done("SandboxFault", &[("Flood", "3000"), ("For", "25"), ("FloodOf", "calls")]);
    let mut slowest = Duration::ZERO;
    daemon.poll("the deaf one is dropped", |daemon| {
        let asked = Instant::now();
        // Whoever reads keeps up.
        reader.action("Ping", &[]);
        slowest = slowest.max(asked.elapsed());
        daemon.log().contains("dropped: it does not read").then_some(())
    });
    println!("the slowest ping meanwhile took {slowest:.1?}");
    reader.done("CoreStatus", &[]);
    daemon.check();
}
