//! The tutorial's four scenarios against a real Asterisk: park, queue, playback, dialplan. Each asserts on the events,
//! the result line, the tries in the list and the campaign's way.

mod support;

use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::scenario::Campaign;
use support::tutorial;

struct Scenario {
    daemon: Daemon,
    client: Client,
    campaign: Campaign,
    lab: Lab,
}

fn set_up(name: &str, destination: &[(&str, &str)]) -> Scenario {
    let lab = Lab::up(name);
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let campaign = tutorial::campaign(&mut client, destination);
    Scenario { daemon, client, campaign, lab }
}

fn run(scenario: &mut Scenario) -> serde_json::Value {
    let Scenario { daemon, client, campaign, .. } = scenario;
    tutorial::run(daemon, client, campaign)
}

#[test]
fn an_answered_call_is_parked() {
    let mut scenario = set_up("park", &[("Type", "1"), ("Application", "park")]);
    let mut admin = scenario.lab.admin();
    let line = run(&mut scenario);
    assert_eq!(line["dial_application"], "park");
    assert!(line["dial_data"].is_null(), "{line}");
    let parked = admin.wait_for("ParkedCall", |event| header(event, "Event") == "ParkedCall");
    assert_eq!(header(&parked, "ParkeeUniqueid"), line["channelid"].as_str().unwrap());
}

#[test]
fn an_answered_call_is_distributed_to_an_agent_of_the_queue() {
    let destination = [("Type", "1"), ("Application", "queue"), ("Data", "sales_1")];
    let mut scenario = set_up("queue", &destination);
    let mut admin = scenario.lab.admin();
    let line = run(&mut scenario);
    assert_eq!((&line["dial_application"], &line["dial_data"]), (&"queue".into(), &"sales_1".into()));
    let connected = admin.wait_for("AgentConnect", |event| header(event, "Event") == "AgentConnect");
    assert_eq!(header(&connected, "Uniqueid"), line["channelid"].as_str().unwrap());
}

#[test]
fn power_dialing_plays_a_recorded_message() {
    let destination = [("Type", "1"), ("Application", "Playback"), ("Data", "demo-congrats")];
    let mut scenario = set_up("playback", &destination);
    let line = run(&mut scenario);
    assert_eq!(
        (&line["dial_application"], &line["dial_data"]),
        (&"Playback".into(), &"demo-congrats".into())
    );
}

#[test]
fn an_answered_call_is_transferred_to_the_dialplan() {
    let destination = [("Type", "0"), ("Exten", "10"), ("Context", "ani"), ("Priority", "40000")];
    let mut scenario = set_up("dialplan", &destination);
    let line = run(&mut scenario);
    assert_eq!(line["dial_type"], 0);
    assert_eq!((&line["dial_exten"], &line["dial_context"]), (&"10".into(), &"ani".into()));
    assert_eq!(line["dial_priority"], "40000");
    assert!(line["dial_application"].is_null(), "{line}");
}
