//! The door for the dialplan: what a real Asterisk's dialplan makes by FastAGI and by UserEvent, and what strangers at the
//! socket do not.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::ami::{Client, PATIENCE, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::sandbox::Sandbox;

const SAMPLE: &str = include_str!("../config/asterisk/extensions-astout.conf");
/// What calls the sample, and tells what came of it.
const CALLERS: &str = r#"
[agi-test]
exten => create,1,Gosub(astout,create,1(${DLMA},${NUMBERS},"${NAME}",${DETAIL},${EMAIL},${UKEY},${VARIABLES}))
 same => n,Goto(told,1)
exten => feed,1,Gosub(astout,create,1(${DLMA},${NUMBERS},"${BASE64_DECODE(${NAME})}"))
 same => n,Goto(told,1)
exten => none,1,Set(OUTSTATUS=)
 same => n,AGI(agi://127.0.0.1:4573/OutDlCreate)
 same => n,Goto(told,1)
exten => other,1,AGI(agi://127.0.0.1:4573/OutPlanCreate,x,y)
 same => n,Goto(told,1)
exten => event,1,UserEvent(OutDlCreate,Dlma: ${DLMA},Number1: ${NUMBERS},Name: ${NAME},Variables: A=1:B=2)
 same => n,Goto(told,1)
exten => told,1,UserEvent(Told,Status: ${OUTSTATUS},Detail: ${OUTDETAIL},Retval: ${GOSUB_RETVAL})
 same => n,Hangup()
"#;

/// A lab whose dialplan has the sample, with astout there.
fn lab(name: &str, door: &str) -> Lab {
    let lab = Lab::up(name);
    add_dialplan(&lab, door);
    lab
}

fn add_dialplan(lab: &Lab, door: &str) {
    lab.add_dialplan(&(SAMPLE.to_owned() + CALLERS).replace("127.0.0.1:4573", door));
}

/// Runs one of [`CALLERS`] with these variables; gives status, detail and what the Gosub returned.
fn run(admin: &mut Client, exten: &str, variables: &[(&str, &str)]) -> [String; 3] {
    let told = Lab::told(admin, &format!("{exten}@agi-test"), variables);
    ["Status", "Detail", "Retval"].map(|name| header(&told, name))
}

#[test]
fn a_dialplan_makes_contacts_and_is_told_what_came_of_it() {
    let lab = Lab::up("agi");
    let (mut daemon, door) = Daemon::start_with_agi(&lab, "");
    add_dialplan(&lab, &door);
    let (mut client, mut admin) = (daemon.client(), lab.admin());
    let dlma = client.create("OutDlmaCreate", &[("Name", "from calls")]);
    let contact = |more: &[(&'static str, &'static str)]| {
        [&[("DLMA", dlma.as_str()), ("NUMBERS", "300")][..], more].concat()
    };
    // With everything, a comma and an accent included.
    let all = [
        ("DLMA", dlma.as_str()),
        ("NUMBERS", "300::302"),
        ("NAME", "Doe, Renée"),
        ("DETAIL", "d"),
        ("EMAIL", "a@b.c"),
        ("UKEY", "k1"),
        ("VARIABLES", "V1=x y:V2=b"),
    ];
    let [status, uuid, retval] = run(&mut admin, "create", &all);
    assert_eq!((status.as_str(), retval.as_str()), ("OK", "OK"), "{uuid}");
    let made = client.list("OutDlListShow", &[("Uuid", &uuid)]).remove(0);
    for (name, value) in [
        ("DlmaUuid", dlma.as_str()),
        ("Name", "Doe, Renée"),
        ("Detail", "d"),
        ("Email", "a@b.c"),
        ("UKey", "k1"),
        ("Number1", "300"),
        ("Number2", "<unknown>"),
        ("Number3", "302"),
    ] {
        assert_eq!(header(&made, name), value);
    }
    assert_eq!(made.all("Variable").collect::<Vec<_>>(), ["V1=x y", "V2=b"]);
    // What is wrong is said, and nothing is made. UserEvent takes the quotes away, and what stands behind a comma.
    let nobody = "01234567-89ab-4cde-8f01-23456789abcd";
    for (exten, variables, detail) in [
        ("create", all.to_vec(), "UKey: k1 is taken"),
        ("create", vec![("DLMA", nobody), ("NUMBERS", "300")], "DlmaUuid: "),
        ("create", vec![("DLMA", dlma.as_str()), ("NUMBERS", "112")], "Number1: 112 is not allowed"),
        ("create", vec![("DLMA", dlma.as_str()), ("NUMBERS", "1:2:3:4:5:6:7:8:9")], "Number1: "),
        ("create", vec![("DLMA", dlma.as_str())], "Number1: missing"),
        ("create", contact(&[("VARIABLES", "novalue")]), "Variable: "),
        ("none", vec![], "arguments: missing; allowed: OutDlCreate"),
        ("other", vec![], "script: OutPlanCreate is not allowed"),
    ] {
        let [status, said, _] = run(&mut admin, exten, &variables);
        assert_eq!(status, "REFUSED", "{variables:?}: {said}");
        assert!(said.starts_with(detail), "{variables:?}: {said}");
    }
    // "a\nagi_arg_2: 999", a caller's name that would be more.
    let feed = contact(&[("NAME", "YQphZ2lfYXJnXzI6IDk5OQ==")]);
    assert_eq!(run(&mut admin, "feed", &feed)[..2], ["FAILED", "astout does not answer"]);
    assert_eq!(client.list("OutDlListShow", &[("DlmaUuid", &dlma)]).len(), 1);
    // A UserEvent is nobody's order unless it was asked for: by then it would have come.
    run(&mut admin, "event", &contact(&[]));
    assert_eq!(run(&mut admin, "create", &contact(&[]))[0], "OK");
    assert_eq!(client.list("OutDlListShow", &[("DlmaUuid", &dlma)]).len(), 2);
    daemon.check();
    // Without astout the dialplan goes on, and knows.
    daemon.kill();
    assert_eq!(run(&mut admin, "create", &contact(&[]))[..2], ["FAILED", "astout does not answer"]);
}

#[test]
fn a_caller_who_hangs_up_while_his_contact_is_made_has_one_and_nobody_is_told() {
    let lab = Lab::up("agi-hangup");
    let (mut daemon, door) = Daemon::start_with_agi(&lab, "");
    add_dialplan(&lab, &door);
    let (mut client, mut admin) = (daemon.client(), lab.admin());
    let dlma = client.create("OutDlmaCreate", &[("Name", "from calls")]);
    daemon.signal("-STOP");
    let (dlma_variable, numbers) = (format!("DLMA={dlma}"), "NUMBERS=300");
    let fields = [
        ("Channel", "Local/create@agi-test/n"),
        ("Application", "Wait"),
        ("Data", "60"),
        ("Async", "true"),
        ("Variable", dlma_variable.as_str()),
        ("Variable", numbers),
    ];
    admin.done("Originate", &fields);
    let calling = admin.wait_for("the call", |event| {
        header(event, "Event") == "Newexten" && header(event, "Application") == "AGI"
    });
    let channel = header(&calling, "Channel");
    admin.done("Hangup", &[("Channel", &channel)]);
    daemon.signal("-CONT");
    daemon.poll("the contact", |_| {
        (client.list("OutDlListShow", &[("DlmaUuid", &dlma)]).len() == 1).then_some(())
    });
    let again = run(&mut admin, "create", &[("DLMA", &dlma), ("NUMBERS", "301")]);
    assert_eq!(again[0], "OK", "the next caller is served");
    assert_eq!(client.list("OutDlListShow", &[("DlmaUuid", &dlma)]).len(), 2);
    daemon.assert_runs();
    daemon.check();
}

#[test]
fn a_user_event_makes_a_contact_where_that_is_turned_on() {
    let lab = lab("userevent", "127.0.0.1:9");
    let (mut daemon, _) = Daemon::start_with_agi(&lab, "user_events = true");
    let (mut client, mut admin) = (daemon.client(), lab.admin());
    let dlma = client.create("OutDlmaCreate", &[("Name", "from events")]);
    daemon.poll("the link", |daemon| daemon.log().contains("logged in to Asterisk").then_some(()));
    // One that is refused, from the dialplan; one from an AMI client of Asterisk's; one that is right.
    run(&mut admin, "event", &[("DLMA", &dlma), ("NUMBERS", "112")]);
    let fields = [("UserEvent", "OutDlCreate"), ("DlmaUuid", &dlma), ("Number2", "301"), ("UKey", "once")];
    admin.done("UserEvent", &fields);
    admin.done("UserEvent", &fields);
    run(&mut admin, "event", &[("DLMA", &dlma), ("NUMBERS", "300"), ("NAME", "Ann")]);
    let made = client.wait_for("the contact", |event| {
        header(event, "Event") == "OutDlListCreate" && header(event, "Name") == "Ann"
    });
    assert_eq!((header(&made, "DlmaUuid"), header(&made, "Number1")), (dlma.clone(), "300".to_owned()));
    assert_eq!(made.all("Variable").collect::<Vec<_>>(), ["A=1", "B=2"]);
    let all = client.list("OutDlListShow", &[("DlmaUuid", &dlma)]);
    let keys: Vec<_> = all.iter().map(|contact| header(contact, "UKey")).collect();
    assert_eq!(keys, ["once", "<unknown>"], "a key keeps it at one");
    let log = daemon.log();
    assert_eq!(log.matches("a UserEvent OutDlCreate made no contact").count(), 2, "{log}");
    daemon.check();
}

/// Sends these bytes, and gives what comes until the end.
fn say(door: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(door).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Whoever is turned away half way may not take the rest.
    drop(stream.write_all(bytes));
    let mut said = Vec::new();
    drop(stream.read_to_end(&mut said));
    String::from_utf8(said).unwrap()
}

#[test]
fn what_is_no_call_makes_nothing_and_costs_nobody_anything() {
    let sandbox = Sandbox::up("");
    let (daemon, door) = Daemon::start_with_agi(&sandbox, "");
    let mut client = daemon.client();
    let dlma = client.create("OutDlmaCreate", &[("Name", "x")]);
    let call = format!("agi_network_script: OutDlCreate\nagi_arg_1: {dlma}\nagi_arg_2: 300\n");
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"\xff\xfe\x00\n\n".to_vec(),
        vec![b'x'; 1 << 20],
        (0..50_000).flat_map(|place| format!("agi_arg_{place}: x\n").into_bytes()).collect(),
    ] {
        assert_eq!(say(&door, &bytes), "");
    }
    // A caller who hangs up before his call is whole, and one who says nothing more.
    drop(TcpStream::connect(&door).unwrap().write_all(call.as_bytes()));
    assert_eq!(say(&door, call.as_bytes()), "", "it is waited for, and not for ever");
    assert!(client.list("OutDlListShow", &[("DlmaUuid", &dlma)]).is_empty());
    // Crowds are turned away, and the next one is served.
    let crowd: Vec<_> = (0..250).map(|_| TcpStream::connect(&door).unwrap()).collect();
    assert!(client.action("Ping", &[]).is_success());
    drop(crowd);
    let mut served = None;
    let mut daemon = daemon;
    daemon.poll("a place", |_| {
        let mut stream = TcpStream::connect(&door).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        stream.write_all(format!("{call}\n").as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        drop(reader.read_line(&mut line));
        served = (!line.is_empty()).then_some((reader, line));
        served.is_some().then_some(())
    });
    let (mut reader, line) = served.unwrap();
    assert_eq!(line, "SET VARIABLE OUTSTATUS \"OK\"\n", "committed, and only then said");
    assert_eq!(client.list("OutDlListShow", &[("DlmaUuid", &dlma)]).len(), 1);
    // The caller hangs up now: the rest is said all the same, to nobody.
    reader.get_mut().write_all(b"HANGUP\n200 result=1\n").unwrap();
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("SET VARIABLE OUTDETAIL \""), "{line}");
    drop(reader);
    daemon.assert_runs();
    daemon.check();
}
