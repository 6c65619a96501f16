//! Every event of the original, header for header and in order: what was captured of it is played again on astout, and
//! where the two differ is written down here, with the reason.
//!
//! `events/original.txt` is the capture: the tutorial's campaign and one contact of it, 1001, who answers. Requests begin
//! with `Action`, everything else is what the original said.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use astout::ami::Message;
use support::ami::{Client, PATIENCE, header};
use support::daemon::Daemon;
use support::pbx::Pbx;
use support::sandbox::Sandbox;

const CAPTURE: &str = include_str!("events/original.txt");

/// The contact of the capture, and who stands for it in the sandbox: answers at once, and stays.
const CONTACT: (&str, &str) = ("1001", "1000001");

/// The capture's contexts, and an Asterisk that says last that a call is answered: what is up stays at that status.
const PROFILE: &str = r#"
    [asterisk]
    response_anywhere = false
    [[context]]
    name = "callee"
    numbers = "lab"
    [[destination]]
    context = "dest"
    exten = "show"
    stay_s = 600
"#;
const POLICY: &str = "[policy]\nlocal_contexts = [\"callee\"]\n";

/// Where astout says something else: message, header, the original's value, astout's (an empty one is a header that is not
/// there), and why.
const DIFFERENCES: [(&str, &str, &str, &str, &str); 16] = [
    (
        "Response",
        "Uuid",
        "",
        "more",
        "creates answer with the uuid: the original left it to be fished out of the event",
    ),
    (
        "OutPlanCreate",
        "MaxRetryCnt2",
        "5",
        "7",
        "MaxRetryCntN is taken beside MaxRetryN; the original passed over it",
    ),
    ("OutPlanEntry", "MaxRetryCnt2", "5", "7", "the same"),
    (
        "OutPlanCreate",
        "ServiceLevel",
        "",
        "more",
        "the original keeps it and never shows it: behind its headers, if set",
    ),
    ("OutPlanEntry", "ServiceLevel", "", "more", "the same"),
    ("OutCampaignStatEntry", "DlTotalCount", "8", "1", "the capture's list has seven more contacts"),
    ("OutCampaignStatEntry", "DlAvailableCount", "8", "1", "the same"),
    ("OutDialingListComplete", "ListItems", "3", "1", "they are being dialled as well"),
    ("OutDialingSummary", "Count", "3", "1", "the same"),
    (
        "OutDialingUpdate",
        "Status",
        "1",
        "4",
        "the status after what is told of; the original shows the one before",
    ),
    ("OutDialingUpdate", "Status", "1", "6", "the same"),
    ("OutDialingUpdate", "Status", "5", "7", "the same"),
    (
        "OutDialingEntry",
        "Status",
        "5",
        "6",
        "answered is 6 in the table of statuses; the original counts otherwise",
    ),
    ("OutDialingDelete", "Status", "6", "7", "hung up is 7 in the same table"),
    ("OutDialingDelete", "TmDelete", "<unknown>", "a time", "the original forgets to set it"),
    (
        "OutDlListUpdate",
        "ResHangupDetail",
        "<unknown>",
        "Normal Clearing",
        "likewise, though the call's event has it",
    ),
];

/// Headers in order.
type Headers = Vec<(String, String)>;

/// What is in one paragraph of the capture.
fn paragraph(text: &str) -> Headers {
    text.lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect()
}

fn value<'a>(headers: &'a Headers, name: &str) -> &'a str {
    headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
}

/// A time is as good as another, if it has the form: the original does not fill its fractions with zeros.
fn is_time(value: &str) -> bool {
    value.len() > 20 && value.ends_with('Z') && value.as_bytes()[10] == b'T'
}

/// astout's names for what the capture names.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn learn(&mut self, theirs: &str, ours: &str) {
        self.0.insert(theirs.to_owned(), ours.to_owned());
        self.0.insert(theirs.replace('-', "_"), ours.replace('-', "_"));
    }

    /// A header of the capture as it is in astout's words.
    fn ours(&self, name: &str, value: &str) -> String {
        match name {
            "Number1" | "DialAddr" | "DialChannel" | "ChannelName" => value.replace(CONTACT.0, CONTACT.1),
            _ => self.0.get(value).cloned().unwrap_or_else(|| value.to_owned()),
        }
    }
}

/// What a message is about: enough to tell it from those before and after it.
fn subject(message: &Headers) -> String {
    let (kind, name) = &message[0];
    match name.as_str() {
        "OutDialingUpdate" if value(message, "ResHangup") != "0" => "a call that has ended".to_owned(),
        // Only astout tells of DialEnd, and then that Asterisk has responded.
        "OutDialingUpdate" if value(message, "Status") == "5" => "a call that rings no more".to_owned(),
        "OutDialingUpdate" if value(message, "ResDial") != "0" => "a call that is answered".to_owned(),
        "OutDialingUpdate" if value(message, "ChannelName") != "<unknown>" => {
            "a call with a channel".to_owned()
        }
        "OutCampaignUpdate" | "OutDlListUpdate" => format!("{name} {}", value(message, "Status")),
        _ => format!("{kind}: {name} {}", value(message, "Message")),
    }
}

/// The next message that is astout's own, in the words of the capture's paragraphs.
fn next(client: &mut Client) -> Headers {
    loop {
        let message = client
            .read(Instant::now() + PATIENCE)
            .unwrap_or_else(|| panic!("nothing came within {PATIENCE:?}"));
        if !message.is_event() || header(&message, "Event").starts_with("Out") {
            return headers(&message);
        }
    }
}

fn headers(message: &Message) -> Headers {
    message.iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// What differs between two messages that have the same headers in the same order, but for such as follow at the end.
fn differences(names: &mut Names, theirs: &Headers, ours: &Headers) -> BTreeSet<[String; 4]> {
    let (kind, subject) = &theirs[0];
    let message = if kind == "Event" { subject } else { kind };
    let mut found = BTreeSet::new();
    for (place, (name, shown)) in ours.iter().enumerate() {
        let Some((expected, value)) = theirs.get(place) else {
            found.insert([message.as_str(), name, "", "more"].map(str::to_owned));
            continue;
        };
        assert_eq!(name, expected, "{message}: header {place}\nthe original: {theirs:#?}\nastout: {ours:#?}");
        if name == "Uuid" && message.ends_with("Create") {
            names.learn(value, shown);
        }
        if names.ours(name, value) != *shown && !(is_time(value) && is_time(shown)) {
            let shown = if is_time(shown) { "a time" } else { shown };
            found.insert([message.as_str(), name, value, shown].map(str::to_owned));
        }
    }
    assert!(ours.len() >= theirs.len(), "the original: {theirs:#?}\nastout: {ours:#?}");
    found
}

#[test]
fn the_originals_capture_played_again_has_its_events_header_for_header_and_in_order() {
    let sandbox = Sandbox::up(PROFILE);
    let daemon = Daemon::start(&sandbox, POLICY);
    let mut client = daemon.client();
    let (mut names, mut found, mut dialing) = (Names::default(), BTreeSet::new(), String::new());
    for text in CAPTURE.split("\n\n") {
        let theirs = paragraph(text);
        if theirs[0].0 == "Action" {
            let line = |(name, value): &(String, String)| format!("{name}: {}\r\n", names.ours(name, value));
            client.send((theirs.iter().map(line).collect::<String>() + "\r\n").as_bytes());
            continue;
        }
        if subject(&theirs) == "a call that has ended" {
            sandbox.admin().done("Hangup", &[("Channel", &dialing), ("Cause", "16")]);
        }
        let ours = loop {
            let ours = next(&mut client);
            if subject(&ours) == subject(&theirs) {
                break ours;
            }
            // It tells of more steps of a call than the original, and of nothing else.
            assert_eq!(ours[0].1, "OutDialingUpdate", "{ours:#?}\nwhile there should be {theirs:#?}");
        };
        found.append(&mut differences(&mut names, &theirs, &ours));
        if ours[0].1 == "OutDialingCreate" {
            dialing = value(&ours, "Uuid").to_owned();
        }
    }
    let known =
        DIFFERENCES.map(|(message, name, theirs, ours, _)| [message, name, theirs, ours].map(str::to_owned));
    assert_eq!(found, BTreeSet::from(known));
    daemon.check();
}

/// The names of a message's headers behind `Event`.
fn shape(headers: &Headers) -> Vec<&str> {
    headers[1..].iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn updates_have_the_headers_of_creates_and_deletes_too_but_for_dlmas_and_contacts() {
    let daemon = Daemon::start_beside("127.0.0.1:9", "user", "secret", "");
    let mut client = daemon.client();
    let mut ask = |action: &str, fields: &str| {
        client.send(format!("Action: {action}\r\n{fields}\r\n").as_bytes());
        let reply = next(&mut client);
        assert_eq!(reply[0].1, "Success", "{action}: {reply:?}");
        let event = next(&mut client);
        assert_eq!(event[0], ("Event".to_owned(), action.to_owned()));
        event
    };
    let dlma = ask("OutDlmaCreate", "");
    let contact = format!("DlmaUuid: {}\r\nNumber1: 300\r\n", value(&dlma, "Uuid"));
    for (noun, fields, whole) in [
        ("OutPlan", "", true),
        ("OutDestination", "Type: 1\r\nApplication: Park\r\n", true),
        ("OutCampaign", "", true),
        ("OutDlList", &contact, false),
        ("OutDlma", "", false),
    ] {
        let created = ask(&format!("{noun}Create"), fields);
        let of = format!("Uuid: {}\r\n", value(&created, "Uuid"));
        let updated = ask(&format!("{noun}Update"), &format!("{of}Detail: other\r\n"));
        assert_eq!(shape(&updated), shape(&created), "{noun}");
        assert_eq!(value(&updated, "Detail"), "other");
        let deleted = ask(&format!("{noun}Delete"), &of);
        let expected = if whole { shape(&created) } else { vec!["Privilege", "Uuid"] };
        assert_eq!(shape(&deleted), expected, "{noun}");
        assert_eq!(value(&deleted, "Uuid"), value(&created, "Uuid"));
        assert!(!whole || is_time(value(&deleted, "TmDelete")), "{deleted:?}");
    }
    daemon.check();
}
