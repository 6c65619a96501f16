//! The daemon beside the sandbox, both as users start them: what holds on a real Asterisk holds here, the dial log agrees
//! with the result log, and each fault does on the wire what it says.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::fates::{self, HANGUP, SIPP};
use support::pbx::Pbx;
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL, assert_lines_whole};
use support::tutorial;

/// Every line of the result log is a call of the dial log and the other way round, and what both say agrees.
fn assert_logs_agree(daemon: &Daemon, sandbox: &Sandbox) {
    let dialled = sandbox.dialled_of("dialled");
    let ended: BTreeMap<u64, Value> =
        sandbox.dialled_of("ended").into_iter().map(|line| (line["n"].as_u64().unwrap(), line)).collect();
    let mut truth: BTreeMap<&str, &Value> = BTreeMap::new();
    for line in &dialled {
        let before = truth.insert(line["channelid"].as_str().unwrap(), line);
        assert!(before.is_none(), "dialled twice: {line}");
    }
    let results = daemon.results();
    for result in &results {
        let dialing = result["dialing_uuid"].as_str().unwrap();
        let Some(line) = truth.remove(dialing) else {
            panic!("a result of what was never dialled: {result}")
        };
        assert_eq!(line["number"], result["dial_addr"]);
        assert_eq!(line["actionid"], format!("o:{dialing}"));
        let end = &ended[&line["n"].as_u64().unwrap()];
        assert_eq!(end["answered"].is_string(), result["outcome"] == "answered", "{end} {result}");
        assert_eq!(end.get("cause").unwrap_or(&json!(0)), &result["res_hangup"], "{end} {result}");
    }
    assert!(truth.is_empty(), "dialled, and no result: {truth:?}");
}

#[test]
fn the_tutorials_four_scenarios() {
    for destination in [
        &[("Type", "1"), ("Application", "park")][..],
        &[("Type", "1"), ("Application", "queue"), ("Data", "sales_1")],
        &[("Type", "1"), ("Application", "Playback"), ("Data", "demo-congrats")],
        &[("Type", "0"), ("Exten", "10"), ("Context", "ani"), ("Priority", "40000")],
    ] {
        let sandbox = Sandbox::up("");
        let daemon = Daemon::start(&sandbox, "");
        let mut client = daemon.client();
        let mut onlooker = sandbox.client();
        let campaign = tutorial::campaign(&mut client, destination);
        let line = tutorial::run(&daemon, &mut client, &campaign);
        let proof = match destination[1].1 {
            "park" => "ParkedCall",
            "queue" => "AgentConnect",
            _ => "Hangup",
        };
        let seen = onlooker.wait_for(proof, |event| header(event, "Event") == proof);
        let id = if proof == "ParkedCall" { "ParkeeUniqueid" } else { "Linkedid" };
        assert_eq!(header(&seen, id), line["channelid"].as_str().unwrap());
        assert_logs_agree(&daemon, &sandbox);
    }
}

#[test]
fn every_fate_over_local_channels() {
    let sandbox = Sandbox::up("");
    let daemon = fates::dial_each(&sandbox, &LOCAL, &HANGUP, &fates::over_local());
    assert_logs_agree(&daemon, &sandbox);
    daemon.check();
}

#[test]
fn every_fate_over_pjsip() {
    let sandbox = Sandbox::up("");
    let daemon = fates::dial_each(&sandbox, &SIPP, &HANGUP, &fates::over_pjsip());
    assert_logs_agree(&daemon, &sandbox);
    daemon.check();
}

#[test]
fn no_channel_no_extension_and_no_application() {
    let none = [("300", "failed", 0, 0, json!(null), "13")];
    fates::dial_each(&Sandbox::up(""), &[("TechName", "PJSIP")], &HANGUP, &none);
    let nowhere = [("Type", "0"), ("Exten", "nosuch"), ("Context", "astout-empty")];
    let daemon = fates::dial_each(
        &Sandbox::up(""),
        &LOCAL,
        &nowhere,
        &[("1020301", "failed", 0, 0, json!(null), "12")],
    );
    assert_eq!(daemon.results()[0]["res_dial_detail"], "Extension does not exist.");
    let nonsense = [("Type", "1"), ("Application", "NoSuchApplication")];
    fates::dial_each(
        &Sandbox::up(""),
        &LOCAL,
        &nonsense,
        &[("1020301", "answered", 4, 0, json!("Unknown"), "7")],
    );
}

#[test]
fn people_are_rehearsed_at_many_times_the_speed_of_life() {
    let profile = "[people]\nanswer_rate_by_hour = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, \
                   0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]\nstay_s = 60";
    let sandbox = Sandbox::up_with(profile, &["--speed", "100"]);
    let daemon = Daemon::start(&sandbox, "[policy]\nlocal_contexts = [\"people\"]\n");
    let mut client = daemon.client();
    let plan = [("TechName", "Local/"), ("TrunkName", "people"), ("MaxRetry1", "1")];
    let numbers: Vec<String> = (0..200).map(|place| format!("5550{place:04}")).collect();
    let contacts: Vec<_> = numbers.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let hold = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
    let campaign = Campaign::create(&mut client, &plan, &hold, &contacts);
    campaign.run(&mut client);
    assert_lines_whole(&daemon.results());
    assert_logs_agree(&daemon, &sandbox);
    let answered = daemon.results().iter().filter(|line| line["outcome"] == "answered").count();
    assert!((70..=140).contains(&answered), "{answered} of 200");
    daemon.check();
}

// ---- faults: on the wire

const WAIT: Duration = Duration::from_secs(1);

fn faults(sandbox: &Sandbox, headers: &[(&str, &str)]) {
    sandbox.client().done("SandboxFault", headers);
}

fn dial(client: &mut Client, number: &str, id: &str) -> bool {
    let channel = format!("Local/{number}@astout-demo");
    let headers = [
        ("Channel", channel.as_str()),
        ("ChannelId", id),
        ("Async", "true"),
        ("Application", "Wait"),
        ("Data", "60"),
    ];
    client.action("Originate", &headers).is_success()
}

/// The names of the events about a call, until none comes for a while.
fn events_of(client: &mut Client, id: &str) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(event) = client.event(WAIT) {
        if ["Uniqueid", "DestUniqueid"].iter().any(|name| header(&event, name) == id) {
            names.push(header(&event, "Event"));
        }
    }
    names
}

#[test]
fn events_are_dropped_duplicated_and_delayed() {
    let sandbox = Sandbox::up("");
    let mut client = sandbox.client();
    faults(&sandbox, &[("Drop", "1"), ("Events", "Hangup, DialEnd")]);
    assert!(dial(&mut client, "2", "id-1"));
    let seen = events_of(&mut client, "id-1");
    assert!(seen.contains(&"OriginateResponse".into()) && !seen.contains(&"Hangup".into()), "{seen:?}");
    assert!(!seen.contains(&"DialEnd".into()), "{seen:?}");

    faults(&sandbox, &[("Reset", "yes"), ("Duplicate", "1"), ("Events", "Hangup"), ("Times", "1")]);
    for (id, count) in [("id-2", 2), ("id-3", 1)] {
        // ;2's Hangup comes first, and it has the one hit: ask for both halves.
        assert!(dial(&mut client, "5", id));
        let mut hangups = 0;
        while let Some(event) = client.event(WAIT) {
            hangups += i32::from(header(&event, "Event") == "Hangup" && header(&event, "Linkedid") == id);
        }
        assert_eq!(hangups, count + 1, "{id}");
    }

    faults(&sandbox, &[("Reset", "yes"), ("Delay", "1"), ("DelayTime", "0.5"), ("Events", "Newchannel")]);
    assert!(dial(&mut client, "5", "id-4"));
    assert_eq!(events_of(&mut client, "id-4").last().unwrap(), "Newchannel");
}

#[test]
fn events_are_reordered() {
    let sandbox = Sandbox::up("");
    let mut client = sandbox.client();
    faults(&sandbox, &[("Reorder", "0.5")]);
    let mut orders = Vec::new();
    for place in 0..4 {
        let id = format!("id-{place}");
        assert!(dial(&mut client, "5", &id));
        orders.push(events_of(&mut client, &id));
    }
    let whole = |order: &Vec<String>| {
        let mut order = order.clone();
        order.sort_unstable();
        order
    };
    assert!(orders.iter().all(|order| whole(order) == whole(&orders[0])), "{orders:?}");
    assert!(orders.iter().any(|order| *order != orders[0]), "{orders:?}");
    assert!(orders.iter().any(|order| order[0] != "Newchannel"), "{orders:?}");
}

#[test]
fn lists_are_truncated_and_originates_are_refused_swallowed_muted_and_late() {
    let sandbox = Sandbox::up("");
    let mut client = sandbox.client();
    assert!(dial(&mut client, "10000", "live"));
    client.wait_for("the call", |event| header(event, "Event") == "Newstate");
    faults(&sandbox, &[("Truncate", "1")]);
    client.send(b"Action: CoreShowChannels\r\nActionID: cut\r\n\r\n");
    let mut items = 0;
    while let Some(message) = client.read(Instant::now() + WAIT) {
        assert_ne!(header(&message, "Event"), "CoreShowChannelsComplete");
        items += i32::from(header(&message, "Event") == "CoreShowChannel");
    }
    assert_eq!(items, 1);
    assert!(client.action("Ping", &[]).is_success());

    faults(&sandbox, &[("Reset", "yes"), ("Error", "1")]);
    assert!(!dial(&mut client, "5", "id-1"));
    faults(&sandbox, &[("Reset", "yes"), ("Swallow", "1")]);
    assert!(dial(&mut client, "5", "id-2"));
    assert!(events_of(&mut client, "id-2").is_empty());
    faults(&sandbox, &[("Reset", "yes"), ("Mute", "1")]);
    client.send(
        b"Action: Originate\r\nActionID: mute\r\nChannel: Local/5@astout-demo\r\nChannelId: id-3\r\nAsync: 1\r\n\
          Application: Wait\r\nData: 1\r\n\r\n",
    );
    client.wait_for("its end", |event| {
        header(event, "Event") == "Hangup" && header(event, "Uniqueid") == "id-3"
    });
    faults(&sandbox, &[("Reset", "yes"), ("Late", "1"), ("LateTime", "0.7")]);
    let asked = Instant::now();
    assert!(dial(&mut client, "5", "id-4"));
    client.wait_for("its channel", |event| header(event, "Uniqueid") == "id-4");
    assert!(asked.elapsed() >= Duration::from_millis(700));
    let truth: Vec<_> = sandbox.dialled_of("dialled").iter().map(|line| line["channelid"].clone()).collect();
    assert_eq!(truth, ["live", "id-3", "id-4"]);
}

#[test]
fn floods_garbage_and_connections_that_hang() {
    let sandbox = Sandbox::up("");
    let mut client = sandbox.client();
    faults(&sandbox, &[("Flood", "5000"), ("For", "1")]);
    for left in (1..=5000).rev() {
        let event = client.wait_for("the flood", |event| header(event, "UserEvent") == "SandboxFlood");
        assert_eq!(header(&event, "Left"), left.to_string());
    }
    faults(&sandbox, &[("Flood", "1000"), ("FloodOf", "calls"), ("For", "0.1")]);
    for name in ["DialBegin", "Newstate", "DialEnd", "Hangup", "Newchannel"].repeat(20) {
        client.wait_for("a stranger's call", |event| header(event, "Event") == name);
    }

    let (user, secret) = (sandbox.get("ASTERISK_USER"), sandbox.get("ASTERISK_SECRET"));
    let mut raw = TcpStream::connect(sandbox.get("ASTERISK_AMI")).unwrap();
    raw.set_read_timeout(Some(WAIT)).unwrap();
    write!(raw, "Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    faults(&sandbox, &[("Garbage", "10000")]);
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = raw.read(&mut part) {
        bytes.extend_from_slice(&part[..count]);
    }
    assert!(bytes.len() > 10_000 && std::str::from_utf8(&bytes).is_err());

    let mut other = sandbox.client();
    other.done("SandboxFault", &[("HalfOpen", "1.5")]);
    assert!(other.action("Ping", &[]).is_success());
    // The word that it is done may be there before it is.
    let asked = Instant::now();
    let is_answered = |raw: &mut TcpStream| {
        raw.write_all(b"Action: Ping\r\nActionID: p\r\n\r\n").unwrap();
        raw.read(&mut [0; 4096]).is_ok()
    };
    while is_answered(&mut raw) {
        assert!(asked.elapsed() < Duration::from_secs(1), "all is answered on a half-open connection");
    }
    raw.set_read_timeout(Some(WAIT * 2)).unwrap();
    assert!(raw.read(&mut part).unwrap() > 0);
    assert!(asked.elapsed() >= WAIT);

    let asked = Instant::now();
    other.done("SandboxFault", &[("Freeze", "1")]);
    while asked.elapsed() < Duration::from_millis(800) {
        let before = Instant::now();
        assert!(other.action("Ping", &[]).is_success());
        let frozen = before.elapsed() >= Duration::from_millis(500);
        assert!(frozen || asked.elapsed() < Duration::from_millis(800), "nothing stood still");
    }
    let refused = other.action("SandboxFault", &[("Drop", "2")]);
    assert!(header(&refused, "Message").contains("drop"), "{refused:?}");
}

#[test]
fn fully_booted_comes_when_it_is_booted() {
    let sandbox = Sandbox::up("[asterisk]\nboot_s = 1\n");
    let started = Instant::now();
    let mut client = sandbox.client();
    client.wait_for("FullyBooted", |event| header(event, "Event") == "FullyBooted");
    assert!(started.elapsed() > Duration::from_millis(600), "{:?}", started.elapsed());
}

#[test]
fn a_restart_cuts_all_connections_and_ends_the_daemons_calls_as_pbx_restart() {
    let sandbox = Sandbox::up("");
    let daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("MaxRetry1", "1")]].concat();
    let hold = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
    let campaign =
        Campaign::create(&mut client, &plan, &hold, &[&[("Number1", "3001")], &[("Number1", "10000")]]);
    campaign.request(&mut client, "1");
    client.wait_for("an answer", |event| header(event, "ResDial") == "4");
    let mut admin = sandbox.client();
    let before = header(&admin.done("CoreStatus", &[]), "CoreStartupTime");
    let calls = admin.list("CoreShowChannels", &[]).len();
    assert_eq!(calls, 4);
    admin.done("SandboxRestart", &[("Down", "0.5")]);
    campaign.until_stopped(&mut client);
    let mut outcomes: Vec<_> = daemon.results().iter().map(|line| line["outcome"].clone()).collect();
    outcomes.sort_by_key(Value::to_string);
    assert_eq!(outcomes, ["answered", "pbx-restart"]);
    assert_ne!(header(&sandbox.client().done("CoreStatus", &[]), "CoreStartupTime"), before);
    assert_eq!(sandbox.dialled_of("restarted").len(), 1);
    assert_eq!(sandbox.dialled_of("ended").len(), 2);
    daemon.check();
}

#[test]
fn the_result_log_is_true_when_events_are_late_doubled_and_out_of_order() {
    let profile =
        "[faults]\nreorder = 0.3\nduplicate = 0.2\ndelay = 0.1\ndelay_s = { min = 0.01, max = 0.2 }\n";
    let sandbox = Sandbox::up(profile);
    let daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("MaxRetry1", "2"), ("RetryDelay", "0"), ("DialTimeout", "900")]].concat();
    let fates = ["10101", "2", "3", "4", "5", "6", "70201", "8", "9017", "00101"];
    let numbers: Vec<String> = (0..200).map(|place| format!("{}{place:03}", fates[place % 10])).collect();
    let contacts: Vec<_> = numbers.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let campaign = Campaign::create(&mut client, &plan, &HANGUP, &contacts);
    campaign.run(&mut client);
    assert_lines_whole(&daemon.results());
    assert_eq!(daemon.results().len(), 200 + 160);
    assert_logs_agree(&daemon, &sandbox);
    daemon.check();
}

#[test]
fn the_command_line_refuses_what_it_must_and_prints_the_annotated_profile() {
    let astout = |arguments: &[&str]| {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_astout")).args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned(), output.stdout)
    };
    let (code, said, _) = astout(&["sandbox", "--listen", "0.0.0.0:0"]);
    assert!(code == 64 && said.contains("--allow-plaintext"), "{code} {said}");
    let (code, said, _) = astout(&["sandbox", "--speed", "0"]);
    assert!(code == 64 && said.contains("0.01 to 1000"), "{code} {said}");
    let bad = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(bad.path(), "[people]\nbusy = 2\n").unwrap();
    let (code, said, _) = astout(&["sandbox", "--profile", bad.path().to_str().unwrap()]);
    assert!(code == 78 && said.contains("shares from 0 to 1"), "{code} {said}");
    let (code, _, printed) = astout(&["sandbox", "--print-profile"]);
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sandbox.toml");
    assert_eq!((code, printed), (0, std::fs::read(file).unwrap()));
}

#[test]
fn a_line_tells_the_history_of_its_call_and_where_astout_was_killed_what_came_after() {
    let sandbox = Sandbox::up("");
    let address = sandbox.get("ASTERISK_AMI").to_owned();
    let edits = [("info_enable = true", "history_events_enable = true")];
    let mut daemon = Daemon::start_at(&sandbox, &address, &edits, "");
    let mut client = daemon.client();
    let hold = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
    let plan = [&LOCAL[..], &[("MaxRetry1", "1")]].concat();
    let busy = [("Name", "busy"), ("Number1", "2001")];
    let campaign = Campaign::create(&mut client, &plan, &hold, &[&busy]);
    campaign.run(&mut client);
    let lines = daemon.results();
    let seen = |line: &Value| -> Vec<String> {
        let events = line["history_events"].as_array().unwrap();
        events.iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    };
    let events = seen(&lines[0]);
    assert_eq!(events[..2], ["OriginateSent", "OriginateQueued"], "{events:?}");
    for name in ["Newchannel", "DialBegin", "DialEnd", "OriginateResponse", "Hangup"] {
        assert_eq!(events.iter().filter(|event| *event == name).count(), 1, "{name}: {events:?}");
    }
    let of = |name: &str| {
        let events = lines[0]["history_events"].as_array().unwrap();
        events.iter().find(|event| event["event"] == name).unwrap().clone()
    };
    assert_eq!(of("DialEnd")["dial_status"], "BUSY");
    assert_eq!(
        (&of("OriginateResponse")["response"], &of("OriginateResponse")["reason"]),
        (&json!("Failure"), &json!(5))
    );
    assert_eq!(
        (&of("Hangup")["cause"], &of("Hangup")["tm"]),
        (&lines[0]["res_hangup"], &lines[0]["tm_hangup"])
    );
    assert!(lines[0].get("info_camp").is_none(), "that is a key of its own");

    // Two seconds of talk, in which astout is killed.
    let talks = [("Name", "talks"), ("Number1", "1001050")];
    let campaign = Campaign::create(&mut client, &plan, &hold, &[&talks]);
    campaign.request(&mut client, "1");
    client.wait_for("the answer", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == "6"
    });
    daemon.kill();
    daemon.run();
    let line = daemon.poll("the line", |daemon| daemon.results().get(1).cloned());
    let events = seen(&line);
    assert_eq!((events[0].as_str(), events.last().unwrap().as_str()), ("Resumed", "Hangup"), "{events:?}");
    assert!(!events.contains(&"Newchannel".to_owned()), "what that run saw is absent: {events:?}");
    assert_eq!(line["outcome"], "answered");
    daemon.check();
}
