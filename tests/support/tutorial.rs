//! The tutorial's campaign, on whatever PBX has the lab's numbers, and what holds for all of its scenarios.

use serde_json::Value;

use super::ami::{Client, header};
use super::daemon::Daemon;
use super::scenario::{Campaign, LOCAL, assert_lines_whole, dialing_events};

/// One contact that answers after 0.3 s and stays 1.5 s.
const CLIENT: [(&str, &str); 3] =
    [("Name", "client 01"), ("Detail", "Dial to client 01"), ("Number1", "1031501")];
const NUMBER: &str = "1031501";

/// The tutorial's plan, list of one contact and campaign, with that destination.
pub fn campaign(client: &mut Client, destination: &[(&str, &str)]) -> Campaign {
    let plan =
        [&[("Name", "sales_plan"), ("Detail", "simple sales plan"), ("DialMode", "1")], &LOCAL[..]].concat();
    Campaign::create(client, &plan, destination, &[&CLIENT])
}

/// Runs the campaign and checks what all four scenarios have in common; gives the one result line.
pub fn run(daemon: &Daemon, client: &mut Client, campaign: &Campaign) -> Value {
    let events = campaign.run(client);

    assert_eq!(campaign.way(&events), ["11", "1", "10", "0"]);
    let created: Vec<_> =
        events.iter().filter(|event| header(event, "Event") == "OutDialingCreate").collect();
    assert_eq!(created.len(), 1, "{created:?}");
    let dialing = header(created[0], "Uuid");
    for (name, value) in [
        ("Status", "0"),
        ("CampUuid", campaign.uuid.as_str()),
        ("PlanUuid", &campaign.plan),
        ("DlmaUuid", &campaign.dlma),
        ("DestUuid", &campaign.dest),
        ("DialIndex", "1"),
        ("DialAddr", NUMBER),
        ("DialChannel", "Local/1031501@astout-demo"),
        ("DialTryCnt", "1"),
        ("DialTimeout", "30000"),
        ("ChannelName", "<unknown>"),
        ("ResDial", "0"),
        ("ResHangup", "0"),
    ] {
        assert_eq!(header(created[0], name), value, "{name}");
    }
    let told = dialing_events(&events, &dialing);
    let statuses: Vec<&str> = told.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!(statuses[..3], ["0", "1", "2"], "{told:?}");
    for status in ["3", "4", "5", "6"] {
        assert!(statuses.contains(&status), "{status} is not in {told:?}");
    }
    let last = told.len() - 1;
    assert_eq!(told[last - 1], ("OutDialingUpdate".into(), "7".into()));
    assert_eq!(told[last], ("OutDialingDelete".into(), "7".into()));

    let lines = daemon.results();
    assert_lines_whole(&lines);
    assert_eq!(lines.len(), 1);
    let line = lines[0].clone();
    assert_eq!(line["outcome"], "answered");
    assert_eq!(line["res_dial"], 4);
    assert_eq!(line["dialing_uuid"], dialing.as_str());
    assert_eq!((&line["dial_index"], &line["dial_trycnt"]), (&1.into(), &1.into()));
    let time = |key: &str| line[key].as_str().unwrap_or_else(|| panic!("{key} in {line}")).to_owned();
    assert!(time("tm_dialing") <= time("tm_dial_begin"), "{line}");
    assert!(time("tm_dial_begin") <= time("tm_dial_end"), "{line}");
    assert!(time("tm_dial_end") < time("tm_hangup"), "{line}");
    assert!(line["channel_name"].as_str().unwrap().starts_with("Local/1031501@astout-demo-"), "{line}");

    let contact = &campaign.contacts(client)["client 01"];
    assert_eq!((header(contact, "TryCnt1").as_str(), header(contact, "Status").as_str()), ("1", "0"));
    assert_eq!(header(contact, "ResDial"), "4");
    let stat = &client.list("OutCampaignStatShow", &[("Uuid", &campaign.uuid)])[0];
    assert_eq!(header(stat, "DlTotalCount"), "1");
    assert_eq!(header(stat, "DlFinishedCount"), "1");
    assert!(client.list("OutDialingShow", &[]).is_empty());
    daemon.check();
    line
}
