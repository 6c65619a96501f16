//! Cases 27 to 33: answers and events that are errors, missing, out of order, doubled, another's, or cut short. Every order
//! and every loss of the same events also goes through the engine alone: `tests/engine/interleaving.rs`, 2,000 cases
//! each, and `tests/engine/chaos.rs`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::measure::saw;
use crate::scene::{self, answered, count, dial, finish, finish_beside_strangers, line_of, open, ringing};
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::lab::Lab;
use crate::support::pbx::{Breakable, Pbx};
use crate::support::proxy::{Proxy, value};
use crate::support::sandbox::Sandbox;
use crate::support::scenario::{Campaign, LOCAL};

/// One call at once: whoever keeps the slot keeps all others waiting.
const ONE_SLOT: &str = "calls_per_second = 200\nmax_channels = 1";

/// Every Originate is refused at once; each gives its slot to the next.
fn case_27<P: Breakable>(pbx: P, destinations: &[&[(&str, &str)]], refuse: impl FnOnce(&P)) {
    let mut daemon =
        Daemon::start_at(&pbx, pbx.get("ASTERISK_AMI"), &[("calls_per_second = 200", ONE_SLOT)], "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("MaxRetry1", "1")]].concat();
    let callees = scene::numbers("10001", 5);
    let contacts: Vec<_> = callees.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let lists = contacts.chunks(contacts.len() / destinations.len());
    let campaigns: Vec<_> = destinations
        .iter()
        .zip(lists)
        .map(|(destination, list)| Campaign::create(&mut client, &plan, destination, list))
        .collect();
    refuse(&pbx);
    let begun = Instant::now();
    for campaign in &campaigns {
        campaign.request(&mut client, "1");
    }
    daemon.poll("all lines", |daemon| (daemon.results().len() == 5).then_some(()));
    saw(27, &format!("five refused one after the other in {:.2?}", begun.elapsed()));
    for campaign in &campaigns {
        finish(&daemon, &mut client, campaign);
    }
    for line in daemon.results() {
        assert_eq!((&line["outcome"], &line["res_dial"]), (&json!("failed"), &json!(0)), "{line}");
        assert!(line["res_dial_detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{line}");
        assert!(line["channel_name"].is_null(), "{line}");
    }
}

#[test]
fn case_27_a_refused_originate_ends_at_once_and_frees_its_slot_on_the_sandbox() {
    let refuse = |sandbox: &Sandbox| drop(sandbox.client().done("SandboxFault", &[("Error", "1")]));
    case_27(Sandbox::up(""), &[&scene::HOLD], refuse);
}

/// A place that is missing is refused at once, and is not tried again for a while: so each is to another one.
#[test]
fn case_27_a_refused_originate_ends_at_once_and_frees_its_slot_on_a_real_asterisk() {
    let nowhere = ["no1", "no2", "no3", "no4", "no5"]
        .map(|exten| [("Type", "0"), ("Exten", exten), ("Context", "astout-empty")]);
    let nowhere: Vec<&[(&str, &str)]> = nowhere.iter().map(|place| &place[..]).collect();
    case_27(Lab::up("case27"), &nowhere, |_| {});
}

/// After the acknowledgement nothing is heard of a call any more, and there is no channel of it: two looks, and its slot
/// is free. Its number rings a second and a half, so it may be asked for 6.5 s later.
fn case_28(pbx: impl Breakable, silence: impl FnOnce(&Proxy)) {
    let proxy = Proxy::before(&pbx);
    let slot = [("calls_per_second = 200", ONE_SLOT)];
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &slot, "");
    silence(&proxy);
    let plan = [("MaxRetry1", "1"), ("DialTimeout", "1500")];
    let begun = Instant::now();
    let (mut client, campaign) = dial(&daemon, &plan, &["5001", "1000301"]);
    let line = line_of(&mut daemon, "5001");
    let took = begun.elapsed();
    assert_eq!(line["outcome"], "unknown", "{line}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    saw(28, &format!("`unknown` after {took:.1?}, with a DialTimeout of 1.5 s"));
    finish(&daemon, &mut client, &campaign);
    assert_eq!(line_of(&mut daemon, "1000301")["outcome"], "answered");
}

/// Hides every event about the call to that number, which is known by its channel's name.
fn hide_calls_to(number: &'static str) -> impl FnMut(&str) -> Vec<String> + Send + 'static {
    let mut hidden = BTreeSet::new();
    move |message| {
        let about = ["Uniqueid", "DestUniqueid", "Linkedid", "ActionID"].map(|name| value(message, name));
        let about = about.map(|id| id.trim_start_matches("o:").to_owned());
        if value(message, "Channel").contains(&format!("/{number}@")) && !about[0].is_empty() {
            hidden.extend([about[0].clone(), about[2].clone()]);
        }
        let is_event = message.starts_with("Event: ");
        let hide = is_event && about.iter().any(|id| !id.is_empty() && hidden.contains(id));
        if hide { Vec::new() } else { vec![message.to_owned()] }
    }
}

#[test]
fn case_28_a_call_of_which_nothing_is_heard_ends_as_unknown_on_the_sandbox() {
    let sandbox = Sandbox::up("");
    sandbox.client().done("SandboxFault", &[("Swallow", "1"), ("Times", "1")]);
    case_28(sandbox, |_| {});
}

#[test]
fn case_28_a_call_of_which_nothing_is_heard_ends_as_unknown_on_a_real_asterisk() {
    case_28(Lab::up("case28"), |proxy| proxy.rewrite(hide_calls_to("5001")));
}

/// Without its OriginateResponse a call ends by its hangup, as it would have with it.
fn case_28_without_a_response(pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    proxy.rewrite(|message| match value(message, "Event") {
        "OriginateResponse" => Vec::new(),
        _ => vec![message.to_owned()],
    });
    let plan = [("MaxRetry1", "1"), ("DialTimeout", "1500")];
    let (mut client, campaign) = dial(&daemon, &plan, &["2001", "5001", "6001", "1000301"]);
    finish(&daemon, &mut client, &campaign);
    for (number, outcome) in
        [("2001", "busy"), ("5001", "failed"), ("6001", "rejected"), ("1000301", "answered")]
    {
        assert_eq!(line_of(&mut daemon, number)["outcome"], outcome);
    }
}

#[test]
fn case_28_a_call_without_its_response_ends_by_its_hangup_on_the_sandbox() {
    case_28_without_a_response(Sandbox::up(""));
}

#[test]
fn case_28_a_call_without_its_response_ends_by_its_hangup_on_a_real_asterisk() {
    case_28_without_a_response(Lab::up("case28r"));
}

/// What the result lines of these fates say on a PBX of its own, with the messages of the PBX changed like that.
fn fates(pbx: &impl Pbx, change: impl FnMut(&str) -> Vec<String> + Send + 'static) -> Vec<Value> {
    let proxy = Proxy::before(pbx);
    let mut daemon = Daemon::start_at(pbx, proxy.address(), &[], "");
    proxy.rewrite(change);
    let plan = [("MaxRetry1", "1"), ("DialTimeout", "1000")];
    let numbers = ["1010201", "2", "3", "4", "5", "6", "70201", "8", "9017", "00101", "+499"];
    let (mut client, campaign) = dial(&daemon, &plan, &numbers);
    finish(&daemon, &mut client, &campaign);
    let told = |line: Value| {
        json!([
            line["dial_addr"],
            line["outcome"],
            line["res_dial"],
            line["res_hangup"],
            line["res_hangup_detail"]
        ])
    };
    numbers.iter().map(|number| told(line_of(&mut daemon, number))).collect()
}

/// The response before the acknowledgement, the hangup before the response, all of it twice.
fn cases_29_and_30<P: Breakable>(up: impl Fn() -> P) {
    let plain = fates(&up(), |message| vec![message.to_owned()]);
    let mut held: Vec<(String, String)> = Vec::new();
    let response_first = fates(&up(), move |message| {
        let id = value(message, "ActionID").to_owned();
        if message.starts_with("Response: Success") && id.starts_with("o:") {
            held.push((id, message.to_owned()));
            return Vec::new();
        }
        let place =
            held.iter().position(|(of, _)| value(message, "Event") == "OriginateResponse" && *of == id);
        let acknowledgement = place.map(|place| held.remove(place).1);
        [message.to_owned()].into_iter().chain(acknowledgement).collect()
    });
    assert_eq!(response_first, plain, "the response came before the acknowledgement");
    let mut held: Vec<(String, String)> = Vec::new();
    let hangup_first = fates(&up(), move |message| {
        let failed =
            value(message, "Event") == "OriginateResponse" && value(message, "Response") == "Failure";
        // What made no channel has no hangup to wait for.
        if failed && value(message, "Channel").contains(";1") {
            held.push((value(message, "Uniqueid").to_owned(), message.to_owned()));
            return Vec::new();
        }
        let hung_up = |id: &str| value(message, "Event") == "Hangup" && value(message, "Uniqueid") == id;
        let response = held.iter().position(|(id, _)| hung_up(id)).map(|place| held.remove(place).1);
        [message.to_owned()].into_iter().chain(response).collect()
    });
    assert_eq!(hangup_first, plain, "the hangup came before the response");
    let doubled = fates(&up(), |message| match value(message, "Event") {
        "" => vec![message.to_owned()],
        _ => vec![message.to_owned(); 2],
    });
    assert_eq!(doubled, plain, "every event came twice");
}

#[test]
fn case_29_and_30_the_order_of_events_and_doubles_change_no_end_on_the_sandbox() {
    cases_29_and_30(|| Sandbox::up(""));
}

#[test]
fn case_29_and_30_the_order_of_events_and_doubles_change_no_end_on_a_real_asterisk() {
    cases_29_and_30(|| Lab::up("case29"));
}

/// Somebody originates with the id of a call of ours that lives: the failure that Asterisk tells has that id.
fn case_31(pbx: impl Breakable) {
    let mut daemon = Daemon::start(&pbx, "");
    let (mut client, campaign) = dial(&daemon, &[("MaxRetry1", "1")], &["1000001", "1301001"]);
    let up = answered(&mut client, "1000001");
    let rings = ringing(&mut client, "1301001");
    daemon.not_checked("strangers dial under ids of ours");
    let mut stranger = pbx.admin();
    let ours = format!("o:{rings}");
    for (id, action) in [(&up, "theirs-1"), (&rings, "theirs-2"), (&rings, ours.as_str())] {
        stranger.send(
            format!(
                "Action: Originate\r\nActionID: {action}\r\nChannel: Local/5@astout-demo\r\nChannelId: {id}\r\n\
                 Async: true\r\nApplication: Wait\r\nData: 1\r\n\r\n"
            )
            .as_bytes(),
        );
        let failure = stranger.wait_for("the failure", |event| {
            header(event, "Event") == "OriginateResponse" && header(event, "ActionID") == action
        });
        assert_eq!(
            (header(&failure, "Response"), header(&failure, "Uniqueid")),
            ("Failure".into(), id.clone())
        );
    }
    assert_eq!(open(&mut client).len(), 2);
    assert_eq!(answered(&mut client, "1301001"), rings);
    assert_eq!(line_of(&mut daemon, "1301001")["outcome"], "answered");
    assert!(open(&mut client).iter().any(|dialing| header(dialing, "Uuid") == up));
    campaign.request(&mut client, "30");
    finish_beside_strangers(&daemon, &mut client, &campaign);
    assert_eq!(count(&daemon, "answered"), 2);
}

#[test]
fn case_31_a_call_with_the_id_of_one_that_lives_changes_nothing_of_it_on_the_sandbox() {
    case_31(Sandbox::up(""));
}

#[test]
fn case_31_a_call_with_the_id_of_one_that_lives_changes_nothing_of_it_on_a_real_asterisk() {
    case_31(Lab::up("case31"));
}

/// Strangers' channels under ids of ours, and events that say what is not so.
fn case_32(pbx: impl Breakable) {
    let mut daemon = Daemon::start(&pbx, "");
    let (mut client, campaign) = dial(&daemon, &[("MaxRetry1", "1")], &["5001", "1000001"]);
    let up = answered(&mut client, "1000001");
    daemon.not_checked("strangers dial under ids of ours");
    let ended = line_of(&mut daemon, "5001")["dialing_uuid"].as_str().unwrap().to_owned();
    let mut stranger = pbx.admin();
    // The call of an ended dialing, and one of no dialing.
    for id in [ended.as_str(), "11111111-2222-4333-8444-555555555555"] {
        stranger.send(
            format!(
                "Action: Originate\r\nActionID: o:{id}\r\nChannel: Local/1000001@astout-demo\r\nChannelId: {id}\r\n\
                 Async: true\r\nApplication: Wait\r\nData: 1\r\n\r\n"
            )
            .as_bytes(),
        );
        stranger.wait_for("their hangup", |event| {
            header(event, "Event") == "Hangup" && header(event, "Uniqueid") == id
        });
    }
    for forged in ["Hangup", "OriginateResponse"] {
        let fields = [
            ("UserEvent", "Forged"),
            ("Event", forged),
            ("Uniqueid", up.as_str()),
            ("Cause", "17"),
            ("Response", "Failure"),
        ];
        drop(stranger.action("UserEvent", &fields));
    }
    assert!(client.action("Ping", &[]).is_success());
    let lives = open(&mut client);
    assert_eq!(lives.len(), 1, "{lives:?}");
    assert_eq!((header(&lives[0], "Uuid"), header(&lives[0], "ResHangup")), (up.clone(), "0".into()));
    assert_eq!(daemon.results().len(), 1);
    stranger.done("Hangup", &[("Channel", &up), ("Cause", "16")]);
    finish_beside_strangers(&daemon, &mut client, &campaign);
    let line = line_of(&mut daemon, "1000001");
    assert_eq!((&line["outcome"], &line["res_hangup"]), (&json!("answered"), &json!(16)));
    assert_eq!(daemon.results().len(), 2);
}

#[test]
fn case_32_strangers_channels_and_forged_events_are_passed_over_on_the_sandbox() {
    case_32(Sandbox::up(""));
}

#[test]
fn case_32_strangers_channels_and_forged_events_are_passed_over_on_a_real_asterisk() {
    case_32(Lab::up("case32"));
}

/// A list of channels that stops half way says nothing of what is missing in it.
fn case_33<P: Breakable>(pbx: P, truncate: impl FnOnce(&P, &Proxy), mend: impl FnOnce(&P, &Proxy)) {
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    let (mut client, campaign) = dial(&daemon, &[("MaxRetry1", "1")], &["1000001", "1000002", "1000003"]);
    let up = ["1000001", "1000002", "1000003"].map(|number| answered(&mut client, number));
    truncate(&pbx, &proxy);
    let before = proxy.sent("CoreShowChannels").len();
    proxy.cut();
    // It is asked at once and again two seconds later; a third time only once the first list has come to no end in its ten
    // seconds. By two whole lists without them the calls would be gone.
    daemon.poll("three questions", |_| (proxy.sent("CoreShowChannels").len() >= before + 3).then_some(()));
    assert_eq!(open(&mut client).len(), 3);
    assert!(daemon.results().is_empty());
    mend(&pbx, &proxy);
    // The list that is under way may have been cut already; the one after the next login is whole.
    let asked = proxy.sent("CoreShowChannels").len();
    proxy.cut();
    daemon.poll("a whole list", |_| (proxy.sent("CoreShowChannels").len() > asked).then_some(()));
    assert_eq!(open(&mut client).len(), 3);
    let mut admin = pbx.admin();
    for one in &up {
        admin.done("Hangup", &[("Channel", one), ("Cause", "16")]);
    }
    finish(&daemon, &mut client, &campaign);
    assert_eq!(count(&daemon, "answered"), 3);
}

#[test]
fn case_33_a_list_of_channels_that_is_not_whole_ends_no_call_on_the_sandbox() {
    let fault =
        |sandbox: &Sandbox, fields: &[(&str, &str)]| drop(sandbox.client().done("SandboxFault", fields));
    case_33(
        Sandbox::up(""),
        |sandbox, _| fault(sandbox, &[("Truncate", "1")]),
        |sandbox, _| fault(sandbox, &[("Reset", "yes")]),
    );
}

#[test]
fn case_33_a_list_of_channels_that_is_not_whole_ends_no_call_on_a_real_asterisk() {
    case_33(
        Lab::up("case33"),
        |_, proxy| {
            proxy.rewrite(|message| match value(message, "Event") {
                "CoreShowChannel" | "CoreShowChannelsComplete" => Vec::new(),
                _ => vec![message.to_owned()],
            });
        },
        |_, proxy| proxy.be_true(),
    );
}
