//! Cases 23 to 26: what the network does to the connection, an Asterisk that stands still, and one that lets us in no
//! more. Where a case needs the network to fail it has a proxy.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::measure::{saw, seconds_of};
use crate::scene::{
    self, answered, dial, finish, line_of, numbers, ringing, said, stop_and_finish, wait_until_said,
};
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::lab::Lab;
use crate::support::pbx::Breakable;
use crate::support::proxy::{Proxy, value};
use crate::support::sandbox::Sandbox;

const LOST: &str = "cannot reach Asterisk";
const BACK: &str = "is back after";

/// The connection is reset while one call is up and one rings; both are followed on, each to its own end.
fn case_23(pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    // Both ends of the second come after the reset: it is answered, and hangs up.
    let (mut client, campaign) = dial(&daemon, &[], &["1000001", "1401001"]);
    let up = answered(&mut client, "1000001");
    let rings = ringing(&mut client, "1401001");
    proxy.cut();
    let cut = Instant::now();
    wait_until_said(&mut daemon, BACK, 1);
    saw(23, &format!("back {:.1?} after the reset", cut.elapsed()));
    assert!(daemon.log().contains("reset"), "{}", daemon.log());
    assert_eq!(answered(&mut client, "1401001"), rings);
    assert_eq!(line_of(&mut daemon, "1401001")["res_hangup"], 16);
    pbx.admin().done("Hangup", &[("Channel", &up), ("Cause", "16")]);
    let line = line_of(&mut daemon, "1000001");
    assert_eq!((&line["dialing_uuid"], &line["outcome"]), (&json!(up), &json!("answered")));
    finish(&daemon, &mut client, &campaign);
    assert_eq!(daemon.results().len(), 2);
}

#[test]
fn case_23_calls_are_followed_over_a_reset_of_the_connection_on_the_sandbox() {
    case_23(Sandbox::up(""));
}

#[test]
fn case_23_calls_are_followed_over_a_reset_of_the_connection_on_a_real_asterisk() {
    case_23(Lab::up("case23"));
}

/// Nothing comes through any more, either way, and nobody says so.
fn case_24(pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[("second = 200", "second = 10")], "");
    let callees = [vec!["1000001".to_owned()], numbers("1000", 1000)].concat();
    let mut client = daemon.client();
    let plan = [("RetryDelay", "3600"), ("MaxRetry1", "1")];
    let campaign = scene::campaign(&mut client, &plan, &callees[..40]);
    campaign.request(&mut client, "1");
    let up = answered(&mut client, "1000001");
    let before = proxy.sent("Originate").len();
    proxy.go_dead();
    let dead = Instant::now();
    wait_until_said(&mut daemon, "does not answer a ping", 1);
    let after_first_miss = proxy.sent("Originate").len();
    let noticed = dead.elapsed();
    wait_until_said(&mut daemon, LOST, 1);
    let given_up = dead.elapsed();
    saw(
        24,
        &format!(
            "{} sent into the dead connection, first miss after {noticed:.1?}, given up after {given_up:.1?}",
            after_first_miss - before
        ),
    );
    assert!(given_up < Duration::from_secs(15), "given up after {given_up:?}");
    assert!(after_first_miss - before <= 10, "{before} {after_first_miss}");
    let sent_when_lost = proxy.sent("Originate").len();
    assert_eq!(sent_when_lost, after_first_miss, "dialled after the first miss");
    wait_until_said(&mut daemon, BACK, 1);
    assert!(daemon.log().contains("ping"), "{}", daemon.log());
    // What was sent into nothing was never placed; who was up still is.
    daemon.poll("the lines of what was lost", |daemon| {
        (scene::count(daemon, "unknown") >= after_first_miss - before).then_some(())
    });
    assert!(daemon.results().iter().all(|line| line["dialing_uuid"] != json!(up)));
    pbx.admin().done("Hangup", &[("Channel", &up), ("Cause", "16")]);
    assert_eq!(line_of(&mut daemon, "1000001")["outcome"], "answered");
    stop_and_finish(&daemon, &mut client, &campaign);
}

#[test]
fn case_24_a_dead_connection_is_noticed_and_nothing_is_sent_into_it_on_the_sandbox() {
    case_24(Sandbox::up(""));
}

#[test]
fn case_24_a_dead_connection_is_noticed_and_nothing_is_sent_into_it_on_a_real_asterisk() {
    case_24(Lab::up("case24"));
}

/// An Asterisk that stands still has the last Originates in its socket, and carries them out when it goes on.
fn case_25(pbx: impl Breakable) {
    let stands = seconds_of("ASTOUT_FAULTS_STOP", 12);
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[("second = 200", "second = 20")], "");
    let mut client = daemon.client();
    let plan = [("RetryDelay", "3600"), ("MaxRetry1", "1")];
    // They answer at once and stay for a second.
    let campaign = scene::campaign(&mut client, &plan, &numbers("10010", 100));
    campaign.request(&mut client, "1");
    daemon.poll("some calls", |_| (proxy.sent("Originate").len() >= 20).then_some(()));
    pbx.freeze();
    let stopped = Instant::now();
    // Nothing is waited for: this is how long it stands.
    std::thread::sleep(stands);
    let late = proxy.sent("Originate").iter().filter(|sent| sent.at > stopped).count();
    // Whoever has not read for half a minute is dropped.
    let mut client = daemon.client();
    let open: Vec<String> = scene::open(&mut client).iter().map(|dialing| header(dialing, "Uuid")).collect();
    pbx.thaw();
    assert!(late <= 10, "{late} Originates were sent to an Asterisk that stood still");
    daemon.poll("each line of what was open", |daemon| {
        let lines = daemon.results();
        open.iter().all(|one| lines.iter().any(|line| line["dialing_uuid"] == json!(one))).then_some(())
    });
    finish(&daemon, &mut client, &campaign);
    let unknown = scene::count(&daemon, "unknown");
    saw(25, &format!("stood for {stands:?}: {late} late Originates, {unknown} of 100 unknown"));
    assert_eq!(daemon.results().len(), 100);
    assert_eq!(said(&daemon, "a call lives whose dialing has ended"), 0, "{}", daemon.log());
}

#[test]
fn case_25_an_asterisk_that_stood_still_places_few_late_calls_each_with_its_line_on_the_sandbox() {
    case_25(Sandbox::up(""));
}

#[test]
fn case_25_an_asterisk_that_stood_still_places_few_late_calls_each_with_its_line_on_a_real_asterisk() {
    case_25(Lab::up("case25"));
}

/// We are no longer let in; then we are again.
fn case_26<P: Breakable>(pbx: P, shut_out: impl FnOnce(&P, &Proxy), let_in: impl FnOnce(&P, &Proxy)) {
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    let (mut client, campaign) = dial(&daemon, &[("MaxRetry1", "1")], &["1000001"]);
    let up = answered(&mut client, "1000001");
    shut_out(&pbx, &proxy);
    proxy.cut();
    let tries = proxy.opened().len();
    daemon.poll("two tries", |_| (proxy.opened().len() >= tries + 2).then_some(()));
    let opened = proxy.opened();
    let gaps: Vec<Duration> = opened[tries..].windows(2).map(|two| two[1] - two[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= Duration::from_secs(10)), "{gaps:?}");
    saw(26, &format!("waits between refused logins: {gaps:.1?}"));
    assert_eq!(said(&daemon, LOST), 1, "{}", daemon.log());
    assert!(daemon.results().is_empty());
    let_in(&pbx, &proxy);
    wait_until_said(&mut daemon, BACK, 1);
    pbx.admin().done("Hangup", &[("Channel", &up), ("Cause", "16")]);
    finish(&daemon, &mut client, &campaign);
    assert_eq!(daemon.results()[0]["res_hangup"], 16);
}

#[test]
fn case_26_a_refused_login_is_not_hammered_on_the_sandbox() {
    let refuse = |message: &str| {
        if value(message, "Message") == "Authentication accepted" {
            let id = value(message, "ActionID");
            return vec![format!(
                "Response: Error\r\nActionID: {id}\r\nMessage: Authentication failed\r\n\r\n"
            )];
        }
        vec![message.to_owned()]
    };
    case_26(Sandbox::up(""), |_, proxy| proxy.rewrite(refuse), |_, proxy| proxy.be_true());
}

#[test]
fn case_26_a_user_taken_from_a_real_asterisk_and_given_back_is_not_hammered() {
    let change = |lab: &Lab, from: &str, to: &str| {
        let file = std::path::Path::new(lab.get("ASTERISK_CONF")).join("manager.conf");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from));
        std::fs::write(&file, text.replace(from, to)).unwrap();
        lab.cli("manager reload");
    };
    case_26(
        Lab::up("case26"),
        |lab, _| change(lab, "[astout]", "[taken-away]"),
        |lab, _| change(lab, "[taken-away]", "[astout]"),
    );
}
