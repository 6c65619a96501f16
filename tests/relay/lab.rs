//! The relay on a real Asterisk.

use std::time::{Duration, Instant};

use astout::ami::Privileges;

use crate::support::ami::{Client, PATIENCE, header};
use crate::support::daemon::Daemon;
use crate::support::lab::Lab;
use crate::support::scenario::{Campaign, LOCAL};
use crate::{RINGS, STAYS, WATCHER, dial, refused, wait_for_asterisk, watcher};

fn relaying(lab: &Lab, more: &str) -> Daemon {
    let daemon = Daemon::start_relaying(lab, "relay", more);
    wait_for_asterisk(&daemon);
    daemon
}

#[test]
fn an_operator_does_on_astout_what_he_did_on_asterisk() {
    let lab = Lab::up("relay");
    let daemon = relaying(&lab, WATCHER);
    let mut client = daemon.client();
    // Lists, plain answers, a command, a variable, the database.
    assert!(!client.list("QueueStatus", &[("Queue", "sales_1")]).is_empty());
    assert!(
        client.list("PJSIPShowEndpoints", &[]).iter().any(|item| header(item, "Event") == "EndpointList")
    );
    assert_eq!(client.list("CoreShowChannels", &[]).len(), 0);
    assert!(header(&client.done("CoreSettings", &[]), "AsteriskVersion").starts_with("22."));
    let shown = client.done("Command", &[("Command", "core show version")]);
    assert!(shown.all("Output").next().unwrap().starts_with("Asterisk 22."), "{shown:?}");
    client.done("Setvar", &[("Variable", "GREETING"), ("Value", "hello, you")]);
    assert_eq!(header(&client.done("Getvar", &[("Variable", "GREETING")]), "Value"), "hello, you");
    client.done("DBPut", &[("Family", "astout"), ("Key", "k"), ("Val", "v")]);
    let got = client.list("DBGet", &[("Family", "astout"), ("Key", "k")]);
    assert_eq!(header(&got[0], "Val"), "v");
    assert_eq!(refused(&client.action("Status", &[("Channel", "none/such")])), "No such channel");
    // A bare LF in Asterisk's text makes an empty message of its own.
    let told = refused(&client.action("PJSIPShowEndpoint", &[("Endpoint", "nosuch")]));
    assert!(told.starts_with("Unable to retrieve endpoint nosuch"), "{told}");
    // A call, its events, and its end.
    let id = client.submit("Originate", &dial(STAYS));
    assert_eq!(header(&client.response(&id), "Message"), "Originate successfully queued");
    let told = client.wait_for("OriginateResponse", |event| header(event, "Event") == "OriginateResponse");
    assert_eq!((header(&told, "ActionID"), header(&told, "Response")), (id, "Success".to_owned()));
    let uniqueid = header(&told, "Uniqueid");
    client.done("Hangup", &[("Channel", &header(&told, "Channel"))]);
    client.wait_for("its Hangup", |event| {
        header(event, "Event") == "Hangup" && header(event, "Uniqueid") == uniqueid
    });
    client.done("UserEvent", &[("UserEvent", "Greeting"), ("Text", "hello")]);
    let told = client.wait_for("UserEvent", |event| header(event, "Event") == "UserEvent");
    assert_eq!(
        (header(&told, "UserEvent"), header(&told, "Text")),
        ("Greeting".to_owned(), "hello".to_owned())
    );
    // `core stop now` through AMI really stops an Asterisk.
    let mut watcher = watcher(&daemon);
    assert_eq!(refused(&watcher.action("Command", &[("Command", "core stop now")])), "Permission denied");
    client.done("CoreStatus", &[]);
    daemon.check();
}

#[test]
fn actions_that_block_hold_up_nobody_else() {
    let lab = Lab::up("blocking");
    let daemon = relaying(&lab, "");
    let (mut waits, mut dials, mut client) = (daemon.client(), daemon.client(), daemon.client());
    waits.done("Events", &[("EventMask", "off")]);
    let began = Instant::now();
    let blocking = [("Channel", RINGS), ("Application", "Wait"), ("Data", "1"), ("Timeout", "6000")];
    let id = dials.submit("Originate", &blocking);
    let campaign = Campaign::create(
        &mut client,
        &[&LOCAL[..], &[("MaxRetry1", "1")]].concat(),
        &[("Type", "0"), ("Exten", "hangup"), ("Context", "astout-dest")],
        &[&[("Number1", "1000001")], &[("Number1", "2001")]],
    );
    campaign.run(&mut client);
    client.done("CoreStatus", &[]);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(header(&dials.response(&id), "Response"), "Error");
    assert!(began.elapsed() >= Duration::from_secs(6));
    // WaitEvent is a list of what has come, as it were.
    let id = waits.submit("WaitEvent", &[("Timeout", "1")]);
    assert_eq!(header(&waits.response(&id), "Message"), "Waiting for Event completed.");
    daemon.check();
}

#[test]
fn no_event_falls_inside_a_list_while_calls_come_and_go() {
    let lab = Lab::up("lists");
    let daemon = relaying(&lab, "");
    let (mut lists, mut calls) = (daemon.client(), daemon.client());
    calls.done("Events", &[("EventMask", "off")]);
    let text: String = (0..150)
        .map(|id| format!("Action: QueueStatus\r\nActionID: {id}\r\n\r\nAction: Ping\r\n\r\n"))
        .collect();
    let (mut listed, mut ended, mut between) = (false, 0, 0);
    lists.send(text.as_bytes());
    let deadline = Instant::now() + PATIENCE;
    while ended < 150 {
        if ended % 5 == 0 && !listed {
            calls.done("Originate", &dial("Local/2001@astout-demo"));
        }
        let message = lists.read(deadline).unwrap();
        if listed {
            assert_eq!(header(&message, "ActionID"), ended.to_string(), "inside a list: {message:?}");
            listed = header(&message, "Event") != "QueueStatusComplete";
            ended += u32::from(!listed);
        } else if header(&message, "EventList") == "start" {
            listed = true;
        } else {
            between += u32::from(message.is_event());
        }
    }
    assert!(between > 20, "{between} events between lists");
    daemon.check();
}

/// Checked against the table in `manager::relay::rights`: a user with the classes that Asterisk names for an action, and one
/// without any of them.
#[test]
fn each_action_asks_for_the_classes_that_asterisk_names() {
    let lab = Lab::up("classes");
    let daemon = relaying(&lab, WATCHER);
    let theirs = lab.admin().done("ListCommands", &[]);
    let ours = daemon.client().done("ListCommands", &[]);
    let few = watcher(&daemon).done("ListCommands", &[]);
    let call: Privileges = "call".parse().unwrap();
    let (mut seen, mut missing) = (0, Vec::new());
    for (name, text) in theirs.iter().filter(|(_, text)| text.contains("(Priv: ")) {
        if ours.get(&name).is_none() {
            missing.push(name.into_owned());
            continue;
        }
        let classes = text.rsplit_once("(Priv: ").unwrap().1.trim_end_matches(')');
        let classes = classes.split(',').filter(|class| !["all", "<none>"].contains(class));
        let needs = Privileges::of_words(classes).unwrap();
        let is_ours = ["ListCommands", "Command", "Ping", "Events", "Challenge", "Login", "Logoff", "Filter"];
        // What changes something and asks Asterisk for nothing asks us for a class.
        let stricter = needs.is_empty() && few.get(&name).is_none();
        let changes = ["Bridge", "Queue"].iter().any(|begin| name.starts_with(begin));
        if is_ours.contains(&name.as_ref()) || (stricter && changes) {
            continue;
        }
        seen += 1;
        let allowed = needs.is_empty() || needs.intersects(call);
        assert_eq!(few.get(&name).is_some(), allowed, "{name} asks for {needs}");
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(seen > 60, "{seen}");
    daemon.check();
}

#[test]
fn asterisk_restarting_in_mid_answer_is_told_and_all_is_well_afterwards() {
    let mut lab = Lab::up("restarting");
    let daemon = relaying(&lab, "");
    let mut client: Client = daemon.client();
    let blocking = [("Channel", RINGS), ("Application", "Wait"), ("Data", "1"), ("Timeout", "60000")];
    let id = client.submit("Originate", &blocking);
    let mut admin = lab.admin();
    let deadline = Instant::now() + PATIENCE;
    while admin.list("CoreShowChannels", &[]).is_empty() {
        assert!(Instant::now() < deadline);
    }
    lab.kill();
    let told = refused(&client.response(&id));
    assert!(told.ends_with("whether Originate was done is not known"), "{told}");
    lab.start_again();
    wait_for_asterisk(&daemon);
    client.done("CoreStatus", &[]);
    daemon.check();
}

/// What goes through a session's filters, by `A` of UserEvents; and what each filter is answered.
fn filtered(client: &mut Client) -> (Vec<String>, Vec<String>) {
    client.done("Events", &[("EventMask", "user")]);
    let (mut told, mut heard) = (Vec::new(), Vec::new());
    for (round, filter) in [
        &[("Operation", "Add"), ("Filter", "UserEvent: (Foo|Bar)")][..],
        &[("Operation", "Add"), ("Filter", "!A: [0-9]*2[^0-9]")],
        &[("Operation", "Remove"), ("Filter", "x")],
        &[("Operation", "Add")],
        &[("Filter", "abc")],
        &[("Operation", "Add"), ("Filter", "(((")],
        &[("Operation", "Add"), ("MatchCriteria", "bogus("), ("Filter", "Bar")],
        &[
            ("Operation", "Add"),
            ("MatchCriteria", "action(include),name(UserEvent),header(UserEvent),method(exact)"),
            ("Filter", "Baz"),
        ],
        &[
            ("Operation", "Add"),
            ("MatchCriteria", "action(exclude),name(UserEvent),header(UserEvent),method(starts_with)"),
            ("Filter", "Ba"),
        ],
    ]
    .into_iter()
    .enumerate()
    {
        told.push(header(&client.action("Filter", filter), "Message"));
        for (place, name) in ["Foo", "Bar", "Baz", "Foo"].into_iter().enumerate() {
            let mark = format!("{round}{place}");
            client.done("UserEvent", &[("UserEvent", name), ("A", &mark)]);
        }
        client.done("UserEvent", &[("UserEvent", "Foo"), ("A", "last")]);
        loop {
            let event = client.wait_for("the last", |event| header(event, "Event") == "UserEvent");
            match header(&event, "A").as_str() {
                "last" => break,
                mark => heard.push(mark.to_owned()),
            }
        }
    }
    (told, heard)
}

#[test]
fn filters_work_as_on_asterisk_itself() {
    let lab = Lab::up("filters");
    let daemon = relaying(&lab, "");
    let (told, heard) = filtered(&mut daemon.client());
    assert_eq!((told.clone(), heard), filtered(&mut lab.admin()));
    assert_eq!(told.iter().filter(|told| *told == "Success").count(), 4, "{told:?}");
    // Our own events go through them, too.
    let mut client = daemon.client();
    client.done("Filter", &[("Operation", "Add"), ("Filter", "Name: wanted")]);
    client.create("OutPlanCreate", &[("Name", "other")]);
    client.create("OutPlanCreate", &[("Name", "wanted")]);
    let event = client.wait_for("a plan", |event| header(event, "Event") == "OutPlanCreate");
    assert_eq!(header(&event, "Name"), "wanted");
    daemon.check();
}
