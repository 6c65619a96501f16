//! Answers: as Asterisk's, in their order, whole, and nobody's wait is another's.

use std::time::{Duration, Instant};

use crate::support::ami::{PATIENCE, header};
use crate::support::scenario::{Campaign, LOCAL};
use crate::{RINGS, STAYS, dial, relaying};

#[test]
fn actions_are_passed_on_and_answered_with_their_own_action_ids() {
    let (_sandbox, daemon) = relaying("");
    let mut client = daemon.client();
    client.action("Events", &[("EventMask", "off")]);
    client.done("Setvar", &[("Variable", "COLOUR"), ("Value", "blue, \"dark\"")]);
    let answer = client.done("getVAR", &[("Variable", "COLOUR")]);
    assert_eq!(header(&answer, "Value"), "blue, \"dark\"");
    assert_eq!(answer.iter().nth(1).unwrap().0, "ActionID", "{answer:?}");
    let members = client.list("QueueStatus", &[("Queue", "sales_5")]);
    assert_eq!(header(&members[0], "Event"), "QueueParams");
    client.send(b"Action: QueueStatus\r\nQueue: sales_1\r\n\r\nAction: Ping\r\nActionID: \xe9 x \r\n\r\n");
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        let message = client.read(deadline).unwrap();
        if message.get("Ping").is_some() {
            assert_eq!(message.get_bytes("ActionID"), Some(&b"\xe9 x "[..]));
            break;
        }
        assert_eq!(message.get("ActionID"), None, "none was sent: {message:?}");
        seen.push(message);
    }
    assert_eq!(header(&seen[0], "EventList"), "start");
    assert_eq!(header(seen.last().unwrap(), "Event"), "QueueStatusComplete");
    let unknown = client.action("OutNothing", &[]);
    assert!(header(&unknown, "Message").starts_with("Invalid/unknown command: OutNothing"));
    let unknown = client.action("Nothing", &[]);
    assert!(header(&unknown, "Message").starts_with("Invalid/unknown command: Nothing"));
    daemon.check();
}

#[test]
fn pipelined_actions_of_both_kinds_are_answered_in_their_order() {
    let (_sandbox, daemon) = relaying("");
    let mut client = daemon.client();
    client.action("Events", &[("EventMask", "off")]);
    let actions =
        ["Ping", "CoreStatus", "OutPlanCreate", "Getvar\r\nVariable: X", "OutNothing", "CoreSettings"];
    let text: String = (0..120)
        .map(|id| format!("Action: {}\r\nActionID: {id}\r\n\r\n", actions[id % actions.len()]))
        .collect();
    client.send(text.as_bytes());
    let deadline = Instant::now() + PATIENCE;
    for id in 0..120 {
        assert_eq!(header(&client.read(deadline).unwrap(), "ActionID"), id.to_string());
    }
    daemon.check();
}

#[test]
fn a_blocking_originate_holds_up_neither_another_client_nor_the_dialer() {
    let (sandbox, daemon) = relaying("");
    let (mut blocked, mut client) = (daemon.client(), daemon.client());
    let originate = [("Channel", RINGS), ("Application", "Wait"), ("Data", "1"), ("Timeout", "8000")];
    let began = Instant::now();
    let id = blocked.submit("Originate", &originate);
    // While it blocks:
    let campaign = Campaign::create(
        &mut client,
        &[&LOCAL[..], &[("MaxRetry1", "1")]].concat(),
        &[("Type", "0"), ("Exten", "hangup"), ("Context", "astout-dest")],
        &[&[("Number1", "1000001")]],
    );
    campaign.run(&mut client);
    client.done("CoreStatus", &[]);
    client.list("CoreShowChannels", &[]);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(sandbox.dialled_of("dialled").len(), 2);
    let answer = blocked.response(&id);
    assert_eq!(
        (header(&answer, "Response").as_str(), began.elapsed() >= Duration::from_secs(8)),
        ("Error", true)
    );
    daemon.check();
}

#[test]
fn only_so_many_actions_are_under_way_at_asterisk_and_one_more_is_told_so() {
    let (sandbox, daemon) = relaying("");
    let mut clients: Vec<_> = (0..51).map(|_| daemon.client()).collect();
    let blocking = [("Channel", RINGS), ("Application", "Wait"), ("Data", "1"), ("Timeout", "60000")];
    for client in &mut clients[..50] {
        client.action("Events", &[("EventMask", "off")]);
        client.submit("Originate", &blocking);
    }
    let deadline = Instant::now() + PATIENCE;
    while sandbox.dialled_of("dialled").len() < 50 {
        assert!(Instant::now() < deadline, "{:?}", sandbox.dialled());
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = crate::refused(&clients[50].action("CoreStatus", &[]));
    assert!(told.starts_with("50 relayed actions are under way"), "{told}");
    // Those who go leave their sessions.
    let mut left = clients.pop().unwrap();
    drop(clients);
    let deadline = Instant::now() + PATIENCE;
    while !left.action("CoreStatus", &[]).is_success() {
        assert!(Instant::now() < deadline, "their sessions are not let go");
    }
    daemon.check();
}

#[test]
fn no_event_falls_inside_a_list() {
    let (_sandbox, daemon) = relaying("");
    let (mut lists, mut calls) = (daemon.client(), daemon.client());
    for _ in 0..30 {
        calls.done("Originate", &dial(STAYS));
    }
    calls.done("SandboxFault", &[("Flood", "3000"), ("For", "3")]);
    let text: String = (0..100)
        .map(|id| format!("Action: CoreShowChannels\r\nActionID: {id}\r\n\r\nAction: OutPlanCreate\r\n\r\n"))
        .collect();
    lists.send(text.as_bytes());
    let (mut listed, mut ended, mut between) = (None::<usize>, 0, 0);
    let deadline = Instant::now() + PATIENCE;
    while ended < 100 || between == 0 {
        let message = lists.read(deadline).unwrap();
        match (&mut listed, header(&message, "Event").as_str()) {
            (None, _) if header(&message, "EventList") == "start" => listed = Some(0),
            (None, _) => between += 1,
            (Some(items), "CoreShowChannel") => {
                *items += 1;
                assert_eq!(header(&message, "ActionID"), ended.to_string());
            }
            (Some(items), "CoreShowChannelsComplete") => {
                assert_eq!(header(&message, "ListItems"), items.to_string());
                (listed, ended) = (None, ended + 1);
            }
            (Some(_), _) => panic!("inside a list: {message:?}"),
        }
    }
    daemon.check();
}

#[test]
fn list_commands_has_ours_and_those_of_asterisk_that_one_may_use() {
    let (_sandbox, daemon) = relaying(crate::WATCHER);
    let all = daemon.client().done("ListCommands", &[]);
    assert_eq!(header(&all, "OutPlanCreate"), "Create a plan.  (Priv: message,all)");
    assert_eq!(
        header(&all, "QueuePause"),
        "Makes a queue member temporarily unavailable.  (Priv: agent,all)"
    );
    assert_eq!(header(&all, "SandboxFault"), "Have things go wrong.  (Priv: system,all)");
    assert_eq!(all.all("Ping").count(), 1);
    let few = crate::watcher(&daemon).done("ListCommands", &[]);
    assert_eq!(header(&few, "Hangup"), "Hangup channel.  (Priv: system,call,all)");
    for name in ["QueuePause", "Originate", "Command", "OutPlanCreate", "SandboxFault"] {
        assert_eq!(few.get(name), None, "{name}");
    }
    daemon.check();
}

#[test]
fn without_the_relay_other_actions_are_unknown_and_no_event_of_asterisk_comes() {
    let sandbox = crate::Sandbox::up("");
    let daemon = crate::Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    assert!(crate::refused(&client.action("CoreStatus", &[])).starts_with("Invalid/unknown command"));
    sandbox.client().done("UserEvent", &[("UserEvent", "Unheard")]);
    client.wait_for("FullyBooted", |event| header(event, "Event") == "FullyBooted");
    client.create("OutPlanCreate", &[]);
    assert_eq!(header(&client.event(PATIENCE).unwrap(), "Event"), "OutPlanCreate");
    daemon.check();
}
