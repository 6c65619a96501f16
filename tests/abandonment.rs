//! Whom no agent takes in time, on a real Asterisk: what the line says of him, where he goes, and what a supervisor sees.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use astout::ami::Message;
use serde_json::Value;
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::scenario::{Campaign, LOCAL};

/// Answers at once, and stays until it is hung up.
const ANSWERS: [(&str, &str); 1] = [("Number1", "1000001")];
/// Tells as an event who came, and ends the call after a second.
const SHOW: [(&str, &str); 4] =
    [("Type", "0"), ("Exten", "show"), ("Context", "astout-dest"), ("Name", "sorry")];

/// A call more than there are free agents; whoever waits for two seconds goes there.
fn plan(away: &str) -> Vec<(&str, &str)> {
    let paced = [("DialMode", "2"), ("ServiceLevel", "1"), ("AbandonAfter", "2"), ("AbandonDest", away)];
    [&LOCAL[..], &paced].concat()
}

fn queue(name: &str) -> [(&str, &str); 3] {
    [("Type", "1"), ("Application", "Queue"), ("Data", name)]
}

fn scene(name: &str) -> (Lab, Daemon, Client, Client) {
    let lab = Lab::up(name);
    let directory = format!("[dialplan]\ndirectory = \"{}/dialplan\"\n", lab.get("ASTERISK_RUN"));
    let daemon = Daemon::start(&lab, &directory);
    let (client, admin) = (daemon.client(), lab.admin());
    (lab, daemon, client, admin)
}

/// The line of the one call, and how long its callee has waited.
fn one_line(daemon: &Daemon) -> (Value, u64) {
    let mut lines = daemon.results();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines.remove(0);
    let waited = line["wait_ms"].as_u64().unwrap();
    (line, waited)
}

#[test]
fn whom_no_agent_takes_within_his_time_goes_to_the_place_that_the_plan_names() {
    let (_lab, daemon, mut client, mut admin) = scene("away-place");
    let away = client.create("OutDestinationCreate", &SHOW);
    let campaign = Campaign::create(&mut client, &plan(&away), &queue("sales_none"), &[&ANSWERS]);
    campaign.run(&mut client);

    let shown = admin.wait_for("AstoutShow", |event| header(event, "UserEvent") == "AstoutShow");
    let (line, waited) = one_line(&daemon);
    assert_eq!(header(&shown, "Uniqueid"), line["channelid"].as_str().unwrap(), "it is the same call");
    assert_eq!((line["outcome"].as_str(), line["abandoned"].as_bool()), (Some("answered"), Some(true)));
    // He is there until the message is over, and no agent had him.
    assert!((2_000..30_000).contains(&waited), "{waited} ms");
    let stat = client.list("OutPacingShow", &[("Uuid", &campaign.uuid)]);
    let of = |name| header(&stat[0], name);
    assert_eq!(
        (of("AnsweredDay"), of("AbandonedDay"), of("AbandonRateDay")),
        ("1".into(), "1".into(), "100.00".into())
    );
    assert_eq!(of("AbandonUpperDay"), "100.00");
    daemon.check();
}

#[test]
fn a_message_is_played_to_him_through_the_dialplan_that_astout_writes() {
    let (_lab, daemon, mut client, mut admin) = scene("away-message");
    let message = [("Type", "1"), ("Application", "Playback"), ("Data", "vm-from"), ("Name", "message")];
    let away = client.create("OutDestinationCreate", &message);
    let campaign = Campaign::create(&mut client, &plan(&away), &queue("sales_none"), &[&ANSWERS]);
    campaign.request(&mut client, "1");

    let played = admin.wait_for("the message", |event| {
        header(event, "Event") == "Newexten" && header(event, "AppData").contains("vm-from")
    });
    campaign.until_stopped(&mut client);

    let (line, _) = one_line(&daemon);
    assert_eq!(header(&played, "Uniqueid"), line["channelid"].as_str().unwrap());
    assert_eq!((line["outcome"].as_str(), line["abandoned"].as_bool()), (Some("answered"), Some(true)));
    daemon.check();
}

#[test]
fn whom_an_agent_takes_in_time_is_not_sent_away_and_a_supervisor_is_told_each_second() {
    let (_lab, daemon, mut client, _admin) = scene("served");
    let away = client.create("OutDestinationCreate", &SHOW);
    let plan = [&LOCAL[..], &[("DialMode", "1"), ("AbandonAfter", "3"), ("AbandonDest", &away)]].concat();
    let campaign = Campaign::create(&mut client, &plan, &queue("sales_1"), &[&ANSWERS]);
    campaign.request(&mut client, "1");

    let told = client.wait_for("the pacing of a call with an agent", |event| {
        header(event, "Event") == "OutPacingUpdate" && header(event, "CallsTalking") == "1"
    });
    for (name, value) in [
        ("Uuid", campaign.uuid.as_str()),
        ("DialMode", "1"),
        ("Queue", "sales_1"),
        ("AgentsLoggedIn", "3"),
        ("AgentsTalking", "1"),
        ("AgentsFree", "2"),
        ("CallsRinging", "0"),
        ("Credit", "0.03"),
        ("AbandonTarget", "3"),
        ("AbandonWindow", "day"),
    ] {
        assert_eq!(header(&told, name), value, "{name}: {told:?}");
    }
    campaign.until_stopped(&mut client);

    let (line, waited) = one_line(&daemon);
    assert_eq!((line["outcome"].as_str(), line["abandoned"].as_bool()), (Some("answered"), Some(false)));
    assert!(waited < 3_000, "{waited} ms");
    let stat = client.list("OutCampaignStatShow", &[("Uuid", &campaign.uuid)]);
    let of = |name| header(&stat[0], name);
    assert_eq!(
        (of("DlFinishedCount"), of("AnsweredDay"), of("AbandonedDay")),
        ("1".into(), "1".into(), "0".into())
    );
    daemon.check();
}

#[test]
fn dialplan_that_leads_to_a_queue_is_paced_by_its_agents() {
    let (_lab, daemon, mut client, _admin) = scene("led");
    let place = [("Type", "0"), ("Exten", "greeted"), ("Context", "astout-dest"), ("Queue", "Sales_1")];
    let plan = [&LOCAL[..], &[("DialMode", "1"), ("AbandonAfter", "10")]].concat();
    let campaign = Campaign::create(&mut client, &plan, &place, &[&ANSWERS[..]; 7]);
    let events = campaign.run(&mut client);

    // Three agents; nothing is known that would let a call more through.
    let is = |event: &Message, name: &str| header(event, "Event") == name;
    let first = events.iter().take_while(|event| !is(event, "OutDialingDelete"));
    let first = first.filter(|event| is(event, "OutDialingCreate")).count();
    // An agent who is done gets the next call before the end of the last one is written.
    assert!((3..=4).contains(&first), "{first} calls before the first has ended");
    let lines = daemon.results();
    assert_eq!(lines.len(), 7);
    for line in lines {
        assert_eq!((line["outcome"].as_str(), line["abandoned"].as_bool()), (Some("answered"), Some(false)));
    }
    daemon.check();
}
