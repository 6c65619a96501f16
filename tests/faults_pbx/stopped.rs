//! Cases 20 to 22: the PBX is killed, stopped in order, restarted, not there.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::measure::saw;
use crate::scene::{self, count, dial, finish, numbers, said, stop_and_finish, wait_until_said};
use crate::support::ami::{Client, header};
use crate::support::daemon::Daemon;
use crate::support::lab::Lab;
use crate::support::pbx::{Breakable, Pbx};
use crate::support::proxy::Proxy;
use crate::support::sandbox::Sandbox;

const RETRY_DELAY: Duration = Duration::from_secs(4);

/// Waits until a new start of that PBX can be told from its last one: Asterisk tells it to the second.
fn outlive_its_second(daemon: &mut Daemon, up: Instant) {
    daemon.poll("another second", |_| (up.elapsed() > Duration::from_millis(1100)).then_some(()));
}

/// Half of them up, half of them ringing; what has been answered stays answered by the contract, whatever ends it.
fn case_20(mut pbx: impl Breakable) {
    let up = Instant::now();
    let mut daemon = Daemon::start(&pbx, "");
    let mut client = daemon.client();
    let callees = [numbers("10000", 50), numbers("3", 50)].concat();
    let delay = RETRY_DELAY.as_secs().to_string();
    let campaign = scene::campaign(&mut client, &[("MaxRetry1", "2"), ("RetryDelay", &delay)], &callees);
    campaign.request(&mut client, "1");
    let live = |client: &mut Client| {
        let open = scene::open(client);
        let up = open.iter().filter(|dialing| header(dialing, "ResDial") == "4").count();
        let ringing = open.iter().filter(|dialing| header(dialing, "Status") == "3").count();
        (up, ringing)
    };
    daemon.poll("50 up and 50 ringing", |_| (live(&mut client) == (50, 50)).then_some(()));
    outlive_its_second(&mut daemon, up);
    pbx.kill();
    wait_until_said(&mut daemon, "cannot reach Asterisk", 1);
    let before_return = scene::now();
    pbx.start_again();
    let back = Instant::now();
    daemon.poll("100 lines", |daemon| (daemon.results().len() >= 100).then_some(()));
    let took = back.elapsed();
    assert!(took < Duration::from_secs(10), "the lines came after {took:?}");
    saw(20, &format!("100 lines {took:.1?} after the return"));
    let outcomes = |beginning: &str| -> Vec<Value> {
        let lines = daemon.results();
        let of = lines.iter().filter(|line| line["dial_addr"].as_str().unwrap().starts_with(beginning));
        of.map(|line| line["outcome"].clone()).collect()
    };
    assert_eq!(outcomes("10000"), vec![json!("answered"); 50]);
    assert_eq!(outcomes("3"), vec![json!("pbx-restart"); 50]);

    let again = client.wait_for("a second try", |event| {
        header(event, "Event") == "OutDialingCreate" && header(event, "DialTryCnt") == "2"
    });
    assert!(again.get("DialAddr").unwrap().starts_with('3'));
    assert!(back.elapsed() + Duration::from_secs(1) > RETRY_DELAY);
    stop_and_finish(&daemon, &mut client, &campaign);
    let earliest = chrono::DateTime::parse_from_rfc3339(&before_return).unwrap()
        + chrono::Duration::from_std(RETRY_DELAY).unwrap();
    for line in daemon.results().iter().skip(100) {
        let dialled = chrono::DateTime::parse_from_rfc3339(line["tm_dialing"].as_str().unwrap()).unwrap();
        assert!(dialled >= earliest, "redialled before RetryDelay: {line}");
    }
}

#[test]
fn case_20_a_kill_with_a_hundred_calls_ends_each_once_on_the_sandbox() {
    case_20(Sandbox::up(""));
}

#[test]
fn case_20_a_kill_with_a_hundred_calls_ends_each_once_on_a_real_asterisk() {
    case_20(Lab::up("case20"));
}

/// A stop in order: each channel is hung up with cause 0, and Shutdown is said.
fn case_21<P: Breakable>(mut pbx: P, stop: impl FnOnce(&P), come_back: impl FnOnce(&mut P)) {
    let up = Instant::now();
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[("second = 200", "second = 10")], "");
    let mut client = daemon.client();
    let callees = [numbers("10000", 4), numbers("3", 4), numbers("10000", 200)[4..].to_vec()].concat();
    let campaign = scene::campaign(&mut client, &[("RetryDelay", "3600")], &callees);
    campaign.request(&mut client, "1");
    daemon.poll("calls", |_| {
        let open = scene::open(&mut client);
        let with = |header_name: &str, value: &str| {
            open.iter().filter(|dialing| header(dialing, header_name) == value).count()
        };
        (with("Status", "3") == 4 && with("ResDial", "4") >= 8).then_some(())
    });
    outlive_its_second(&mut daemon, up);
    stop(&pbx);
    wait_until_said(&mut daemon, "Asterisk is shutting down", 1);
    let told = proxy.sent("Originate").len();
    wait_until_said(&mut daemon, "cannot reach Asterisk", 1);
    come_back(&mut pbx);
    let back = Instant::now();
    wait_until_said(&mut daemon, "is back after", 1);
    let again = proxy.sent("Login").last().unwrap().at;
    let sent = proxy.sent("Originate").iter().filter(|originate| originate.at < again).count();
    // One may have been on its way to the proxy; in the second until the connection ends ten would have followed.
    assert!(
        sent <= told + 1,
        "{told}, then {sent}: something was dialled between Shutdown and the next start"
    );
    daemon.poll("each line of what was open", |daemon| (daemon.results().len() >= sent).then_some(()));
    assert!(back.elapsed() < Duration::from_secs(10));
    client.wait_for("dialing to go on", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "ResDial") == "4"
    });
    let lines = daemon.results();
    for line in &lines {
        let dialled = line["dial_addr"].as_str().unwrap();
        let expected = if dialled.starts_with('3') { "pbx-restart" } else { "answered" };
        // What was sent in the moment of the stop was refused, or had not been answered yet.
        assert!(line["outcome"] == expected || line["outcome"] != "answered", "{line}");
    }
    assert_eq!(lines.iter().filter(|line| line["dial_addr"].as_str().unwrap().starts_with('3')).count(), 4);
    assert!(count(&daemon, "pbx-restart") >= 4, "{lines:?}");
    let refused = lines.len() - count(&daemon, "pbx-restart") - count(&daemon, "answered");
    assert!(refused <= 10, "{refused} tries were lost to the shutdown");
    saw(21, &format!("{} lines, {refused} of them refused in the moment of the stop", lines.len()));
    stop_and_finish(&daemon, &mut client, &campaign);
}

#[test]
fn case_21_a_stop_in_order_ends_each_call_once_and_nothing_is_dialled_until_it_is_back_on_the_sandbox() {
    let stop = |sandbox: &Sandbox| {
        sandbox.admin().done("SandboxRestart", &[("Gracefully", "yes"), ("Down", "2")]);
    };
    case_21(Sandbox::up(""), stop, |_| {});
}

#[test]
fn case_21_a_stop_in_order_ends_each_call_once_and_nothing_is_dialled_until_it_is_back_on_a_real_asterisk() {
    let stop = |lab: &Lab| drop(lab.cli("core stop now"));
    case_21(Lab::up("case21"), stop, Breakable::start_again);
}

/// An Asterisk that waits for its calls refuses every action meanwhile: without a word about it each number of the list
/// would be tried and refused.
#[test]
fn case_21_an_asterisk_that_restarts_once_its_calls_have_ended_costs_few_tries() {
    let mut lab = Lab::up("case21g");
    let up = Instant::now();
    let mut daemon = Daemon::start_at(&lab, lab.get("ASTERISK_AMI"), &[("second = 200", "second = 20")], "");
    let mut client = daemon.client();
    let callees = [vec!["100700".to_owned()], numbers("50", 200)].concat();
    let campaign = scene::campaign(&mut client, &[("RetryDelay", "3600"), ("MaxRetry1", "1")], &callees);
    campaign.request(&mut client, "1");
    scene::answered(&mut client, "100700");
    outlive_its_second(&mut daemon, up);
    lab.begin_cli("core restart gracefully");
    wait_until_said(&mut daemon, "Asterisk is shutting down", 1);
    wait_until_said(&mut daemon, "cannot reach Asterisk", 1);
    let lines = daemon.results();
    let refused: Vec<_> =
        lines.iter().filter(|line| line["res_dial_detail"] == "Asterisk is shutting down").collect();
    saw(21, &format!("{} of 200 numbers were refused while Asterisk waited for its call", refused.len()));
    assert!((1..=10).contains(&refused.len()), "{lines:?}");
    lab.start_again();
    finish(&daemon, &mut client, &campaign);
    assert_eq!(daemon.results().len(), 201);
    let call = &scene::line_of(&mut daemon, "100700");
    assert_eq!((&call["outcome"], &call["res_hangup"]), (&json!("answered"), &json!(16)));
}

/// Nothing is there when astout starts: its doors answer, it is said once, and it is tried with growing waits.
fn case_22(mut pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    pbx.kill();
    let started = Instant::now();
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    let (mut client, campaign) = dial(&daemon, &[], &["1000301"]);
    assert!(started.elapsed() < Duration::from_secs(5), "it waits for Asterisk");
    assert!(client.action("Ping", &[]).is_success());
    daemon.poll("some tries", |_| (proxy.opened().len() >= 6).then_some(()));
    let opened = proxy.opened();
    let gaps: Vec<Duration> = opened.windows(2).map(|two| two[1] - two[0]).collect();
    // 0.2 s, doubling, each longer by up to a quarter by chance; and a busy machine's share.
    for (gap, least) in gaps.iter().zip([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]) {
        let (least, most) = (Duration::from_millis(least), Duration::from_millis(least * 5 / 4 + 500));
        assert!((least..most).contains(gap), "{gaps:?}");
    }
    saw(22, &format!("waits between the tries: {gaps:.2?}"));
    assert_eq!(said(&daemon, "cannot reach Asterisk"), 1, "{}", daemon.log());
    assert!(daemon.results().is_empty() && scene::open(&mut client).is_empty());
    pbx.start_again();
    finish(&daemon, &mut client, &campaign);
    assert_eq!(count(&daemon, "answered"), 1);
}

#[test]
fn case_22_an_absent_pbx_is_tried_with_growing_waits_on_the_sandbox() {
    case_22(Sandbox::up(""));
}

#[test]
fn case_22_an_absent_pbx_is_tried_with_growing_waits_on_a_real_asterisk() {
    case_22(Lab::up("case22"));
}
