//! Every fate of a call on a real Asterisk, over Local channels and over PJSIP to SIPp: what the result line says of it,
//! and that each of a contact's numbers gets its tries to the exact count.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use serde_json::{Value, json};
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::fates::{self, Fate, HANGUP};
use support::lab::Lab;
use support::scenario::{Campaign, LOCAL, assert_lines_whole};

/// Dials each number once and compares.
fn dial_each(name: &str, plan: &[(&str, &str)], destination: &[(&str, &str)], fates: &[Fate]) -> Daemon {
    fates::dial_each(&Lab::up(name), plan, destination, fates)
}

#[test]
fn every_fate_over_local_channels() {
    dial_each("local", &LOCAL, &HANGUP, &fates::over_local());
}

#[test]
fn every_fate_over_pjsip() {
    dial_each("pjsip", &fates::SIPP, &HANGUP, &fates::over_pjsip());
}

#[test]
fn an_unknown_endpoint_makes_no_channel() {
    let fates = [("300", "failed", 0, 0, json!(null), "13")];
    let daemon = dial_each("endpoint", &[("TechName", "PJSIP")], &HANGUP, &fates);
    assert!(daemon.results()[0]["channel_name"].is_null());
}

#[test]
fn asterisk_says_no_at_once() {
    let nowhere = [("Type", "0"), ("Exten", "nosuch"), ("Context", "astout-empty")];
    let fates = [("1020301", "failed", 0, 0, json!(null), "12")];
    let daemon = dial_each("refused", &LOCAL, &nowhere, &fates);
    let line = &daemon.results()[0];
    assert_eq!(line["res_dial_detail"], "Extension does not exist.");
    assert!(line["tm_hangup"].is_null() && line["channel_name"].is_null(), "{line}");
    let log = daemon.log();
    let end = log.lines().find(|line| line.contains("the campaign's list has ended")).unwrap();
    assert!(end.contains("INFO") && end.contains("Sales campaign") && end.contains("calls=1"), "{end}");
}

#[test]
fn an_invalid_application_is_an_answered_call() {
    let nonsense = [("Type", "1"), ("Application", "NoSuchApplication")];
    dial_each("application", &LOCAL, &nonsense, &[("1020301", "answered", 4, 0, json!("Unknown"), "7")]);
}

/// The outcomes of one contact's attempts as `(index, try)`, in the order of their lines.
fn tries(daemon: &Daemon, contact: &str) -> Vec<(i64, i64)> {
    let of_contact = |line: &Value| line["info_dl_list"]["name"] == contact;
    let pair = |line: Value| (line["dial_index"].as_i64().unwrap(), line["dial_trycnt"].as_i64().unwrap());
    daemon.results().into_iter().filter(of_contact).map(pair).collect()
}

fn start(client: &mut Client, plan: &[(&str, &str)], contacts: &[&[(&str, &str)]]) -> Campaign {
    let plan = [&LOCAL[..], plan].concat();
    Campaign::create(client, &plan, &HANGUP, contacts)
}

#[test]
fn each_of_eight_numbers_gets_its_tries_to_the_exact_count() {
    let lab = Lab::up("tries");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan = [
        ("RetryDelay", "0"),
        ("DialTimeout", "400"),
        ("MaxRetry1", "2"),
        ("MaxRetry2", "1"),
        ("MaxRetry3", "0"),
        ("MaxRetryCnt4", "3"),
        ("MaxRetry5", "1"),
        ("MaxRetry6", "1"),
        ("MaxRetry7", "1"),
        ("MaxRetry8", "2"),
    ];
    // Busy, congestion, one that is never dialled, unallocated, rejected, no answer, hung up ringing, cause 17.
    let numbers = ["201", "401", "202", "501", "601", "301", "70101", "901701"];
    let names = ["Number1", "Number2", "Number3", "Number4", "Number5", "Number6", "Number7", "Number8"];
    let mut all = vec![("Name", "all")];
    all.extend(names.into_iter().zip(numbers));
    let some = [("Name", "some"), ("Number2", "203"), ("Number5", "1000001"), ("Number8", "204")];
    let campaign = start(&mut client, &plan, &[&all, &some]);

    let events = campaign.run(&mut client);

    assert_eq!(campaign.way(&events), ["11", "1", "10", "0"]);
    assert_lines_whole(&daemon.results());
    let expected = [(1, 1), (1, 2), (2, 1), (4, 1), (4, 2), (4, 3), (5, 1), (6, 1), (7, 1), (8, 1), (8, 2)];
    assert_eq!(tries(&daemon, "all"), expected);
    // An answer ends it: the number after it is not dialled.
    assert_eq!(tries(&daemon, "some"), [(2, 1), (5, 1)]);
    let contact = &campaign.contacts(&mut client)["all"];
    let counts: Vec<_> = (1..=8).map(|index| header(contact, &format!("TryCnt{index}"))).collect();
    assert_eq!(counts, ["2", "1", "0", "3", "1", "1", "1", "2"]);
    daemon.check();
}

#[test]
fn a_contact_that_is_not_due_holds_nobody_up_and_is_tried_again_after_retry_delay() {
    let lab = Lab::up("retry");
    let daemon = Daemon::start(&lab, "[dialer]\n");
    let mut client = daemon.client();
    let plan = [("RetryDelay", "2"), ("MaxRetry1", "2")];
    let contacts: [&[(&str, &str)]; 3] = [
        &[("Name", "busy"), ("Number1", "2001")],
        &[("Name", "slow"), ("Number1", "1100101")],
        &[("Name", "quick"), ("Number1", "1000101")],
    ];
    let campaign = start(&mut client, &plan, &contacts);
    campaign.run(&mut client);

    let line = |name: &str, place: usize| {
        let of_contact = |line: &Value| line["info_dl_list"]["name"] == name;
        daemon.results().into_iter().filter(of_contact).nth(place).unwrap()
    };
    let at = |line: &Value, key: &str| -> chrono::DateTime<chrono::Utc> {
        line[key].as_str().unwrap().parse().unwrap()
    };
    assert_eq!(tries(&daemon, "busy"), [(1, 1), (1, 2)]);
    let pause = at(&line("busy", 1), "tm_dialing") - at(&line("busy", 0), "tm_hangup");
    assert!(pause.num_milliseconds() >= 2000, "{pause}");
    assert!(pause.num_milliseconds() < 3000, "{pause}");
    assert!(at(&line("quick", 0), "tm_hangup") < at(&line("busy", 1), "tm_dialing"));
    daemon.check();
}

#[test]
fn a_busy_number_is_tried_again_after_delays_of_its_own_that_grow() {
    let lab = Lab::up("growing");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan = [("RetryDelay", "600"), ("RetryDelayBusy", "1 3"), ("MaxRetry1", "3")];
    let campaign = start(&mut client, &plan, &[&[("Name", "busy"), ("Number1", "2001")]]);
    campaign.run(&mut client);

    let lines = daemon.results();
    let at = |line: &Value, key: &str| -> chrono::DateTime<chrono::Utc> {
        line[key].as_str().unwrap().parse().unwrap()
    };
    let pauses: Vec<_> = lines
        .windows(2)
        .map(|two| (at(&two[1], "tm_dialing") - at(&two[0], "tm_hangup")).num_milliseconds())
        .collect();
    // Nobody comes early; how late is a matter of how busy the machine is.
    assert!(pauses.len() == 2 && (1000..3000).contains(&pauses[0]) && pauses[1] >= 3000, "{pauses:?}");
    daemon.check();
}

#[test]
fn a_plan_of_chan_sip_is_taken_and_the_log_says_once_what_to_do() {
    let fates = [("300", "failed", 0, 0, json!(null), "13"), ("301", "failed", 0, 0, json!(null), "13")];
    let daemon = fates::dial_each(&Lab::up("sip"), &[("TechName", "sip/")], &HANGUP, &fates);
    assert_eq!(daemon.log().matches("TechName: PJSIP/").count(), 1, "{}", daemon.log());
    assert!(daemon.results()[0]["dial_channel"].as_str().unwrap().starts_with("sip/30"));
}
