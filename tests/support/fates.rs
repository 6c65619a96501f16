//! The fates of calls as tests dial them, on whatever PBX has the lab's numbers, and what the result log says of each.

use serde_json::{Value, json};

use super::ami::header;
use super::daemon::Daemon;
use super::pbx::Pbx;
use super::scenario::{Campaign, assert_lines_whole, results_of};

/// What dials over the lab's SIP trunk.
pub const SIPP: [(&str, &str); 2] = [("TechName", "PJSIP/"), ("TrunkName", "sipp")];

/// A destination that hangs up at once.
pub const HANGUP: [(&str, &str); 4] =
    [("Type", "0"), ("Exten", "hangup"), ("Context", "astout-dest"), ("Priority", "1")];

/// A fate by its number: `outcome`, `res_dial`, `res_hangup`, `res_hangup_detail`, last status of the dialing.
pub type Fate = (&'static str, &'static str, u32, u32, Value, &'static str);

/// Dials each number once and compares.
pub fn dial_each(
    pbx: &impl Pbx,
    plan: &[(&str, &str)],
    destination: &[(&str, &str)],
    fates: &[Fate],
) -> Daemon {
    let policy = "[policy]\napplications = [\"*\"]\ntechnologies = [\"*\"]\nlocal_contexts = [\"*\"]\n";
    let daemon = Daemon::start(pbx, policy);
    let mut client = daemon.client();
    let plan = [&[("MaxRetry1", "1"), ("DialTimeout", "1500")], plan].concat();
    let contacts: Vec<_> = fates.iter().map(|fate| [("Name", fate.0), ("Number1", fate.0)]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let campaign = Campaign::create(&mut client, &plan, destination, &contacts);
    let events = campaign.run(&mut client);
    assert_lines_whole(&daemon.results());
    assert_eq!(daemon.results().len(), fates.len());
    let listed = campaign.contacts(&mut client);
    for (number, outcome, res_dial, res_hangup, detail, status) in fates {
        let lines = results_of(&daemon, number);
        assert_eq!(lines.len(), 1, "{number}");
        let line = &lines[0];
        assert_eq!(line["outcome"], *outcome, "{line}");
        assert_eq!(line["res_dial"], *res_dial, "{line}");
        assert_eq!(line["res_hangup"], *res_hangup, "{line}");
        assert_eq!(line["res_hangup_detail"], *detail, "{line}");
        let contact = &listed[*number];
        assert_eq!(header(contact, "TryCnt1"), "1", "{number}");
        assert_eq!(header(contact, "ResDial"), res_dial.to_string(), "{number}");
        assert_eq!(header(contact, "ResHangup"), res_hangup.to_string(), "{number}");
        let dialing = line["dialing_uuid"].as_str().unwrap();
        let deleted = events
            .iter()
            .find(|event| header(event, "Event") == "OutDialingDelete" && header(event, "Uuid") == dialing);
        assert_eq!(header(deleted.unwrap(), "Status"), *status, "{number}");
    }
    daemon.check();
    daemon
}

/// Every fate of the lab's telephones.
pub fn over_local() -> Vec<Fate> {
    vec![
        ("1020301", "answered", 4, 16, json!("Normal Clearing"), "7"),
        ("2001", "busy", 5, 0, json!("Unknown"), "7"),
        ("4001", "congestion", 8, 0, json!("Unknown"), "7"),
        ("3001", "noanswer", 3, 19, json!("User alerting, no answer"), "7"),
        ("8001", "noanswer", 3, 19, json!("User alerting, no answer"), "7"),
        ("5001", "failed", 0, 1, json!("Unallocated (unassigned) number"), "7"),
        ("6001", "rejected", 0, 21, json!("Call Rejected"), "7"),
        ("70301", "failed", 0, 16, json!("Normal Clearing"), "7"),
        ("901701", "busy", 5, 17, json!("User busy"), "7"),
        ("903401", "congestion", 8, 34, json!("Circuit/channel congestion"), "7"),
        ("904201", "congestion", 8, 42, json!("Switching equipment congestion"), "7"),
        ("901801", "noanswer", 0, 18, json!("No user responding"), "7"),
        ("*1", "failed", 0, 0, json!("Unknown"), "7"),
    ]
}

/// Every fate of the lab's SIP trunk.
pub fn over_pjsip() -> Vec<Fate> {
    vec![
        ("20011", "answered", 4, 16, json!("Normal Clearing"), "7"),
        ("4861", "busy", 5, 17, json!("User busy"), "7"),
        ("5031", "congestion", 8, 34, json!("Circuit/channel congestion"), "7"),
        ("4041", "failed", 0, 1, json!("Unallocated (unassigned) number"), "7"),
        ("6031", "rejected", 0, 21, json!("Call Rejected"), "7"),
        ("1801", "noanswer", 3, 19, json!("User alerting, no answer"), "7"),
    ]
}
