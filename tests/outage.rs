//! Asterisk absent, refusing the login, killed, and astout itself killed: nothing is dialled meanwhile, it is said once,
//! and everything goes on by itself.

mod support;

use std::time::Duration;

use serde_json::json;
use support::ami::{Client, header};
use support::daemon::{Daemon, SECRET, USER};
use support::lab::Lab;
use support::scenario::{Campaign, LOCAL, assert_lines_whole};

const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];

#[expect(clippy::disallowed_methods, reason = "it is compared with what Asterisk shows of the same clock")]
fn chrono_second() -> String {
    chrono::Local::now().format("%H:%M:%S").to_string()
}

fn told_once(daemon: &Daemon, what: &str) {
    let log = daemon.log();
    assert_eq!(log.matches(what).count(), 1, "{what} in:\n{log}");
}

fn dialled(client: &mut Client) -> bool {
    while let Some(event) = client.event(Duration::from_secs(1)) {
        if header(&event, "Event") == "OutDialingCreate" {
            return true;
        }
    }
    false
}

fn answered(client: &mut Client) -> String {
    let event = client.wait_for("an answer", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "ResDial") == "4"
    });
    header(&event, "Uuid")
}

#[test]
fn an_absent_asterisk_is_waited_for() {
    let mut lab = Lab::up("absent");
    lab.kill();
    let mut daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let campaign = Campaign::create(&mut client, &LOCAL, &HOLD, &[&[("Number1", "1000301")]]);
    campaign.request(&mut client, "1");
    assert!(!dialled(&mut client));
    told_once(&daemon, "cannot reach Asterisk");
    lab.start_again();
    campaign.until_stopped(&mut client);
    assert_eq!(daemon.results()[0]["outcome"], "answered");
    assert!(daemon.stop().success());
    daemon.check();
}

#[test]
fn a_refused_login_is_told_once_and_dialing_begins_once_it_is_taken() {
    const SECRET_TO_BE: &str = "the-secret-that-asterisk-will-have";
    let lab = Lab::up("refused");
    let mut daemon =
        Daemon::start_beside(lab.get("ASTERISK_AMI"), lab.get("ASTERISK_USER"), SECRET_TO_BE, "");
    let mut client = Client::login(&daemon.address(), USER, SECRET);
    let campaign = Campaign::create(&mut client, &LOCAL, &HOLD, &[&[("Number1", "1000301")]]);
    campaign.request(&mut client, "1");
    // Long enough for the next try, which is refused as well.
    let refusals = |lab: &Lab| {
        let log = std::fs::read_to_string(lab.get("ASTERISK_LOG")).unwrap_or_default();
        log.matches("failed to authenticate").count()
    };
    daemon.poll("a second refusal", |_| (refusals(&lab) >= 2).then_some(()));
    assert!(!dialled(&mut client));
    told_once(&daemon, "cannot reach Asterisk");
    assert!(daemon.results().is_empty());

    let file = std::path::Path::new(lab.get("ASTERISK_CONF")).join("manager.conf");
    let text = std::fs::read_to_string(&file).expect("the lab's manager.conf");
    std::fs::write(&file, text.replace(lab.get("ASTERISK_SECRET"), SECRET_TO_BE)).expect("written");
    lab.cli("manager reload");
    campaign.until_stopped(&mut client);
    assert_eq!(daemon.results()[0]["outcome"], "answered");
    told_once(&daemon, "cannot reach Asterisk");
    daemon.check();
}

#[test]
fn calls_of_an_asterisk_that_was_killed_end_as_pbx_restart_and_the_campaign_goes_on() {
    let mut lab = Lab::up("killed");
    let mut daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("MaxRetry1", "2"), ("RetryDelay", "1")]].concat();
    let callees = [[("Name", "up"), ("Number1", "1000001")], [("Name", "rings"), ("Number1", "1550301")]];
    let campaign = Campaign::create(&mut client, &plan, &HOLD, &[&callees[0], &callees[1]]);
    campaign.request(&mut client, "1");
    answered(&mut client);
    // Asterisk tells when it was started to the second: the next start has to be in another one.
    let started = |lab: &Lab| header(&lab.admin().done("CoreStatus", &[]), "CoreStartupTime");
    let first = started(&lab);
    daemon.poll("another second", |_| (chrono_second() != first).then_some(()));
    lab.kill();
    lab.start_again();
    assert_ne!(started(&lab), first);
    campaign.until_stopped(&mut client);

    let lines = daemon.results();
    assert_lines_whole(&lines);
    let outcomes = |name: &str| -> Vec<serde_json::Value> {
        let of_contact = lines.iter().filter(|line| line["info_dl_list"]["name"] == name);
        of_contact.map(|line| line["outcome"].clone()).collect()
    };
    // It had been answered, so it is not dialled again.
    assert_eq!(outcomes("up"), [json!("answered")]);
    assert_eq!(outcomes("rings"), [json!("pbx-restart"), json!("answered")]);
    told_once(&daemon, "cannot reach Asterisk");
    daemon.check();
}

#[test]
fn calls_that_live_while_astout_is_killed_are_followed_to_their_end() {
    let lab = Lab::up("adopted");
    let mut daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let callees = [[("Name", "up"), ("Number1", "1000001")], [("Name", "rings"), ("Number1", "1401001")]];
    let campaign = Campaign::create(&mut client, &LOCAL, &HOLD, &[&callees[0], &callees[1]]);
    campaign.request(&mut client, "1");
    let up = answered(&mut client);
    daemon.kill();
    daemon.run();
    let mut client = daemon.client();
    assert_eq!(client.list("OutDialingShow", &[]).len(), 2);
    // The one that rang is answered now, and heard of.
    assert_ne!(answered(&mut client), up);
    lab.admin().done("Hangup", &[("Channel", &up), ("Cause", "16")]);
    campaign.until_stopped(&mut client);

    let lines = daemon.results();
    assert_lines_whole(&lines);
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["outcome"] == "answered"), "{lines:?}");
    assert!(lines.iter().any(|line| line["dialing_uuid"] == up.as_str() && line["res_hangup"] == 16));
    daemon.check();
}

#[test]
fn calls_that_ended_while_astout_was_away_end_as_unknown() {
    let lab = Lab::up("unseen");
    let mut daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("MaxRetry1", "1")]].concat();
    let campaign = Campaign::create(&mut client, &plan, &HOLD, &[&[("Number1", "3001")]]);
    campaign.request(&mut client, "1");
    let ringing = client.wait_for("DialBegin", |event| header(event, "Status") == "3");
    daemon.kill();
    lab.admin().done("Hangup", &[("Channel", &header(&ringing, "Uuid"))]);
    daemon.run();
    let mut client = daemon.client();
    daemon.poll("the line", |daemon| (!daemon.results().is_empty()).then_some(()));
    let line = &daemon.results()[0];
    assert_eq!((&line["outcome"], &line["res_dial"]), (&json!("unknown"), &json!(0)));
    let status = |client: &mut Client| header(&client.list("OutCampaignShow", &[])[0], "Status");
    daemon.poll("the end of the campaign", |_| (status(&mut client) == "0").then_some(()));
    assert_lines_whole(&daemon.results());
    daemon.check();
}

#[test]
fn a_stop_leaves_calls_up_and_ends_with_success() {
    let lab = Lab::up("stopped");
    let mut daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let campaign = Campaign::create(&mut client, &LOCAL, &HOLD, &[&[("Number1", "1000001")]]);
    campaign.request(&mut client, "1");
    let up = answered(&mut client);
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert!(lab.admin().action("Getvar", &[("Channel", &up), ("Variable", "X")]).is_success());
    daemon.run();
    let mut client = daemon.client();
    client.done("OutDialingDelete", &[("Uuid", &up)]);
    daemon.poll("the line", |daemon| (!daemon.results().is_empty()).then_some(()));
    assert_eq!(daemon.results()[0]["outcome"], "answered");
    daemon.check();
}
