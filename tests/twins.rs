//! The sandbox beside a real Asterisk: the same calls, and the same events, header for header, but for what differs from
//! one Asterisk to the next.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use astout::ami::Message;
use support::ami::{Client, header};
use support::lab::Lab;
use support::sandbox::Sandbox;

/// Longer than any pause in the calls below.
const QUIET: Duration = Duration::from_millis(1500);

/// What the sandbox leaves out, or what comes by chance: the steps of dialplans, devices, requests to hang up, music.
const PASSED_OVER: [&str; 10] = [
    "Newexten",
    "VarSet",
    "DeviceStateChange",
    "TestEvent",
    "HangupRequest",
    "SoftHangupRequest",
    "NewCallerid",
    "NewConnectedLine",
    "MusicOnHoldStart",
    "MusicOnHoldStop",
];

/// Headers whose value has to be the same.
const SAME: [&str; 19] = [
    "Privilege",
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "DestCallerIDNum",
    "DestConnectedLineNum",
    "Context",
    "Exten",
    "Linkedid",
    "DialStatus",
    "DialString",
    "Cause",
    "Cause-txt",
    "TechCause",
    "Response",
    "Reason",
    "Application",
];

/// An event as it is compared: its name, its headers' names, and the values that must agree. What the lab's `channelvars`
/// add is left out: a sandbox has none.
fn shown(event: &Message, dialplans: bool) -> String {
    let compared = event.iter().filter(|(name, _)| name != "Event" && !name.contains("ChanVariable"));
    let lines = compared.map(|(name, value)| {
        // The half that runs the callee's dialplan is wherever that has led it.
        let free = (dialplans && ["Context", "Exten"].contains(&name.as_ref()))
            || (name == "Linkedid" && value.contains('.'));
        if SAME.contains(&name.as_ref()) && !free { format!("{name}={value}") } else { name.into_owned() }
    });
    format!("{}: {}", header(event, "Event"), lines.collect::<Vec<_>>().join(" "))
}

/// What a PBX tells of some calls: by call, of each of its channels, of its Local bridge, and its OriginateResponse.
type Told = BTreeMap<String, Vec<String>>;

/// Places the calls, all at once.
fn place(client: &mut Client, calls: &[(&str, &[(&str, &str)])]) -> Told {
    let mut told = Told::new();
    for (place, (channel, more)) in calls.iter().enumerate() {
        let id = format!("twin-{place:04}");
        let own = [("Channel", *channel), ("ChannelId", &id), ("Async", "true"), ("Timeout", "1000")];
        let answer = client.action("Originate", &[&own[..], more].concat());
        let answer = format!("{} {}", header(&answer, "Response"), header(&answer, "Message"));
        told.insert(format!("{channel} {id} answer"), vec![answer]);
    }
    while let Some(event) = client.event(QUIET) {
        let name = header(&event, "Event");
        if PASSED_OVER.contains(&name.as_str()) {
            continue;
        }
        let of = ["Uniqueid", "DestUniqueid", "LocalOneUniqueid", "ParkeeUniqueid"];
        let channel = of.iter().find_map(|name| event.get(name)).unwrap_or_default().into_owned();
        let Some((requested, _)) = channel
            .strip_prefix("twin-")
            .and_then(|rest| rest.get(..4)?.parse::<usize>().ok())
            .and_then(|place| calls.get(place))
        else {
            continue;
        };
        let whose = if name == "OriginateResponse" { format!("{channel} response") } else { channel.clone() };
        told.entry(format!("{requested} {whose}")).or_default().push(shown(&event, channel.ends_with(";2")));
    }
    // Two threads of Asterisk tell of one channel; the order that does hold is tested in the room.
    told.values_mut().for_each(|events| events.sort_unstable());
    told
}

fn compare(name: &str, calls: &[(&str, &[(&str, &str)])]) {
    let lab = Lab::up(name);
    let sandbox = Sandbox::up("");
    let admin = [lab.get("ASTERISK_AMI"), lab.get("ASTERISK_ADMIN_USER"), lab.get("ASTERISK_ADMIN_SECRET")];
    let mut asterisk = Client::login(admin[0], admin[1], admin[2]);
    let mut twin = sandbox.client();
    let (real, twin) = std::thread::scope(|scope| {
        let real = scope.spawn(|| place(&mut asterisk, calls));
        let twin = place(&mut twin, calls);
        (real.join(), twin)
    });
    let (real, none) = (real.unwrap_or_default(), Vec::new());
    assert!(real.len() > calls.len(), "{real:?}");
    let mut differences = Vec::new();
    for whose in real.keys().chain(twin.keys().filter(|whose| !real.contains_key(*whose))) {
        let (real, twin) = (real.get(whose).unwrap_or(&none), twin.get(whose).unwrap_or(&none));
        for place in 0..real.len().max(twin.len()) {
            let (real, twin) = (real.get(place), twin.get(place));
            if real != twin {
                differences.push(format!("{whose}:\n  Asterisk {real:?}\n  sandbox  {twin:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

const WAIT: [(&str, &str); 3] = [("Application", "Wait"), ("Data", "1"), ("CallerID", "\"Sales\" <5551000>")];

#[test]
fn calls_over_local_channels_are_told_alike() {
    let numbers = ["1020301", "0020301", "2", "3", "4", "5", "6", "70301", "8", "9017", "9034", "9027", "*1"];
    let channels: Vec<_> = numbers.iter().map(|number| format!("Local/{number}@astout-demo")).collect();
    let calls: Vec<_> = channels.iter().map(|channel| (channel.as_str(), &WAIT[..])).collect();
    compare("twins-local", &calls);
}

#[test]
fn calls_over_a_trunk_and_those_without_a_channel_are_told_alike() {
    let channels = [
        "PJSIP/2001@sipp",
        "PJSIP/486@sipp",
        "PJSIP/503@sipp",
        "PJSIP/404@sipp",
        "PJSIP/603@sipp",
        "PJSIP/180@sipp",
        "PJSIP/1@nocontact",
        "PJSIP/300",
        "DAHDI/1",
        "Local/1@nowhere",
    ];
    compare("twins-trunk", &channels.map(|channel| (channel, &WAIT[..])));
}

#[test]
fn calls_to_their_destinations_are_told_alike() {
    let number = "Local/1021001@astout-demo";
    let to = |application: &'static str, data: &'static str| [("Application", application), ("Data", data)];
    let show = [("Context", "astout-dest"), ("Exten", "show"), ("Priority", "1"), ("Variable", "V1=a\\,b")];
    compare(
        "twins-dest",
        &[
            (number, &to("Queue", "sales_5")),
            (number, &to("Queue", "sales_slow")),
            (number, &to("Queue", "nosuch")),
            (number, &to("Park", "")),
            (number, &to("NoSuchApplication", "")),
            ("Local/1023001@astout-demo", &show),
            ("PJSIP/2001@sipp", &to("Queue", "sales_none")),
        ],
    );
}

/// Of agents, the headers whose value has to be the same too.
const SAME_OF_AGENTS: [&str; 11] = [
    "Queue",
    "Interface",
    "Status",
    "Paused",
    "PausedReason",
    "Membership",
    "Penalty",
    "CallsTaken",
    "Ringinuse",
    "Wrapuptime",
    "Count",
];

/// What a PBX tells of queues, by the agent that it is about, in its order; of each caller likewise.
fn told_of_agents(client: &mut Client) -> Told {
    let mut told = Told::new();
    while let Some(event) = client.event(QUIET) {
        let name = header(&event, "Event");
        if !name.starts_with("Queue") && !name.starts_with("Agent") {
            continue;
        }
        let whose = event.get("Interface").or_else(|| event.get("Uniqueid")).unwrap_or_default().into_owned();
        // The dialplan's own variables are the lab's.
        let headers = event.iter().filter(|(name, _)| name != "Event" && !name.contains("ChanVariable"));
        let headers = headers.map(|(header, value)| {
            let same = SAME.contains(&header.as_ref()) || SAME_OF_AGENTS.contains(&header.as_ref());
            let free = header == "Linkedid" && value.contains('.');
            if same && !free { format!("{header}={value}") } else { header.into_owned() }
        });
        let shown = format!("{name}: {}", headers.collect::<Vec<_>>().join(" "));
        told.entry(whose).or_default().push(shown);
    }
    for events in told.values_mut() {
        // Whether the device or the queue tells first of a call that begins or ends is chance.
        events.sort_unstable();
    }
    told
}

#[test]
fn what_agents_of_a_queue_do_is_told_alike() {
    let lab = Lab::up("twins-agents");
    let sandbox = Sandbox::up("");
    // Devices of the lab are unknown until their first call.
    for agent in [2001, 2002, 2003, 2004, 2005, 3001] {
        lab.cli(&format!("devstate change Custom:agent-{agent} NOT_INUSE"));
    }
    let mut clients = [lab.admin(), sandbox.client()];
    let agent = |interface| [("Queue", "sales_5"), ("Interface", interface)];
    let (first, late) = (agent("Local/2001@astout-agents"), agent("Local/2009@astout-agents"));
    let steps: [(&str, Vec<(&str, &str)>); 9] = [
        ("QueuePause", [&first[..], &[("Paused", "true"), ("Reason", "lunch")]].concat()),
        ("QueuePause", [&first[..], &[("Paused", "true"), ("Reason", "tea")]].concat()),
        ("QueuePenalty", [&first[..], &[("Penalty", "3")]].concat()),
        ("QueueMemberRingInUse", [&first[..], &[("RingInUse", "yes")]].concat()),
        ("QueueMemberRingInUse", [&first[..], &[("RingInUse", "no")]].concat()),
        ("QueuePause", [&first[..], &[("Paused", "false")]].concat()),
        (
            "QueueAdd",
            [&late[..], &[("Penalty", "2"), ("Paused", "true"), ("Reason", "late"), ("Wrapuptime", "4")]]
                .concat(),
        ),
        ("QueueRemove", late.to_vec()),
        ("QueuePenalty", [&first[..], &[("Penalty", "0")]].concat()),
    ];
    for (name, fields) in steps {
        let [real, twin] = clients.each_mut().map(|client| {
            let answer = client.action(name, &fields);
            let answer = format!("{} {}", header(&answer, "Response"), header(&answer, "Message"));
            (answer, told_of_agents(client))
        });
        assert_eq!(real, twin, "{name} {fields:?}");
    }
    // One who gets an agent, and one who waits for an agent who never answers and gives up.
    for (caller, queue) in
        [("Local/1009901@astout-demo", "sales_5"), ("Local/1002001@astout-demo", "sales_slow")]
    {
        let call =
            [("Channel", caller), ("ChannelId", "caller"), ("Async", "true"), ("Application", "Queue")];
        let call = [&call[..], &[("Data", queue)]].concat();
        let [real, twin] = clients.each_mut().map(|client| {
            client.done("Originate", &call);
            let mut told = told_of_agents(client);
            // The call lasts longer than the pause by which the end of a tale is known.
            std::thread::sleep(2 * QUIET);
            for (whose, events) in told_of_agents(client) {
                told.entry(whose).or_default().extend(events);
            }
            let last = if queue == "sales_slow" { "QueueCallerAbandon" } else { "AgentComplete" };
            assert!(told.values().flatten().any(|event| event.starts_with(last)), "{told:?}");
            told
        });
        assert_eq!(real, twin, "{caller} {queue}");
    }
}

#[test]
fn actions_are_answered_alike() {
    let lab = Lab::up("twins-actions");
    let sandbox = Sandbox::up("");
    let admin = [lab.get("ASTERISK_AMI"), lab.get("ASTERISK_ADMIN_USER"), lab.get("ASTERISK_ADMIN_SECRET")];
    let mut asterisk = Client::login(admin[0], admin[1], admin[2]);
    let mut twin = sandbox.client();
    let mut differences = Vec::new();
    let live = [("Channel", "Local/1000001@astout-demo"), ("ChannelId", "live"), ("Async", "1")];
    let live = [&live[..], &[("Context", "astout-dest"), ("Exten", "hold"), ("Priority", "1")]].concat();
    for client in [&mut asterisk, &mut twin] {
        client.done("Originate", &live);
        client.wait_for("the call", |event| {
            header(event, "Event") == "DialEnd" && header(event, "DestUniqueid") == "live"
        });
        std::thread::sleep(Duration::from_millis(300));
    }
    let asked: [(&str, &[(&str, &str)]); 25] = [
        ("Nonsense", &[]),
        ("Originate", &[]),
        ("Originate", &[("Channel", "Local")]),
        ("Originate", &[("Channel", "Local/1@x"), ("Priority", "x"), ("Context", "a"), ("Exten", "b")]),
        ("Originate", &[("Channel", "Local/1@x"), ("Timeout", "soon")]),
        ("Originate", &[("Channel", "Local/1@x"), ("Async", "1"), ("Context", "ani"), ("Exten", "10")]),
        ("Originate", &[("Channel", "Local/2@astout-demo"), ("Application", "Wait")]),
        ("Originate", &[("Channel", "Local/1000101@astout-demo"), ("Application", "Wait"), ("Data", "1")]),
        ("Hangup", &[]),
        ("Hangup", &[("Channel", "nosuch")]),
        ("Getvar", &[]),
        ("Getvar", &[("Channel", "nosuch"), ("Variable", "X")]),
        ("Getvar", &[("Channel", "LIVE"), ("Variable", "UNIQUEID")]),
        ("Setvar", &[("Channel", "live"), ("Variable", "X"), ("Value", "a,b")]),
        ("Getvar", &[("Channel", "live"), ("Variable", "X")]),
        ("Status", &[("Channel", "nosuch")]),
        ("CoreStatus", &[]),
        ("UserEvent", &[("UserEvent", "Foo")]),
        ("QueueAdd", &[("Queue", "nosuch"), ("Interface", "Local/9@x")]),
        ("QueueAdd", &[("Queue", "sales_none"), ("Interface", "Local/9@x")]),
        ("QueueAdd", &[("Queue", "sales_none"), ("Interface", "Local/9@x")]),
        ("QueuePause", &[("Queue", "sales_none"), ("Interface", "Local/9@x"), ("Paused", "true")]),
        ("QueuePause", &[("Interface", "Local/nobody@x"), ("Paused", "true")]),
        ("QueueRemove", &[("Queue", "sales_none"), ("Interface", "Local/9@x")]),
        ("QueueRemove", &[("Queue", "sales_none"), ("Interface", "Local/9@x")]),
    ];
    let told = |message: &Message| {
        let line = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            if ["Response", "Message", "Value"].contains(&name.as_ref()) {
                format!("{name}={value}")
            } else {
                name.into_owned()
            }
        };
        message.iter().map(line).collect::<Vec<_>>().join(" ")
    };
    for (name, headers) in asked {
        let (real, twin) = (told(&asterisk.action(name, headers)), told(&twin.action(name, headers)));
        if real != twin {
            differences.push(format!("{name} {headers:?}\n  Asterisk {real}\n  sandbox  {twin}"));
        }
    }
    let times = [("Channel", "live"), ("Variables", "CDR(start,u),CDR(answer,u),STRFTIME(,,%s.%6q)")];
    let lists: [(&str, &[(&str, &str)]); 7] = [
        ("CoreShowChannels", &[]),
        ("Status", &times),
        ("Status", &[("Channel", "live"), ("Variables", "X,NOSUCH")]),
        ("Status", &[]),
        ("QueueStatus", &[("Queue", "sales_5")]),
        ("QueueStatus", &[("Queue", "nosuch")]),
        ("QueueSummary", &[]),
    ];
    for (name, headers) in lists {
        let mut items = [&mut asterisk, &mut twin].map(|client| client.list(name, headers));
        for items in &mut items {
            items.sort_by_key(|item| {
                [header(item, "Uniqueid"), header(item, "Queue"), header(item, "Location")]
            });
        }
        let [real, twin] = &mut items;
        if name == "QueueSummary" {
            // Each has the queues of its own profile: compared are those that both have.
            real.retain(|item| twin.iter().any(|twin| header(twin, "Queue") == header(item, "Queue")));
        }
        let [real, twin] = items.map(|items| items.iter().map(|item| shown(item, true)).collect::<Vec<_>>());
        if real != twin {
            differences.push(format!("{name} {headers:?}\n  Asterisk {real:#?}\n  sandbox  {twin:#?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
