//! The tutorial's steps as tests use them: a plan over Local channels, a list, a destination, a campaign.

use std::collections::BTreeMap;

use astout::ami::Message;
use serde_json::Value;

use super::ami::{Client, header};
use super::daemon::Daemon;

/// A campaign that is set up, by its uuids.
pub struct Campaign {
    /// The campaign.
    pub uuid: String,
    /// Its plan.
    pub plan: String,
    /// Its dlma.
    pub dlma: String,
    /// Its destination.
    pub dest: String,
}

/// What dials into the lab's telephones.
pub const LOCAL: [(&str, &str); 2] = [("TechName", "Local/"), ("TrunkName", "astout-demo")];

impl Campaign {
    /// Creates plan, dlma, destination, a contact for each set of fields, and the campaign.
    pub fn create(
        client: &mut Client,
        plan: &[(&str, &str)],
        destination: &[(&str, &str)],
        contacts: &[&[(&str, &str)]],
    ) -> Self {
        let plan = client.create("OutPlanCreate", plan);
        let dlma = client.create("OutDlmaCreate", &[("Name", "DialListMaster_Sales")]);
        let dest = client.create("OutDestinationCreate", destination);
        for contact in contacts {
            let fields = [&[("DlmaUuid", dlma.as_str())][..], contact].concat();
            client.create("OutDlListCreate", &fields);
        }
        let fields = [("Name", "Sales campaign"), ("Plan", &plan), ("Dlma", &dlma), ("Dest", &dest)];
        let uuid = client.create("OutCampaignCreate", &fields);
        Self { uuid, plan, dlma, dest }
    }

    /// Asks for a status.
    pub fn request(&self, client: &mut Client, status: &str) {
        client.done("OutCampaignUpdate", &[("Uuid", &self.uuid), ("Status", status)]);
    }

    /// Starts it, waits until it has stopped by itself, and gives every Out event in between, in order.
    pub fn run(&self, client: &mut Client) -> Vec<Message> {
        self.request(client, "1");
        self.until_stopped(client)
    }

    /// Every Out event until its status is 0.
    pub fn until_stopped(&self, client: &mut Client) -> Vec<Message> {
        let mut events = Vec::new();
        loop {
            let event =
                client.wait_for("the end of the campaign", |event| header(event, "Event").starts_with("Out"));
            let done = self.is_own(&event) && header(&event, "Status") == "0";
            events.push(event);
            if done {
                return events;
            }
        }
    }

    fn is_own(&self, event: &Message) -> bool {
        header(event, "Event") == "OutCampaignUpdate" && header(event, "Uuid") == self.uuid
    }

    /// The statuses that it went through.
    pub fn way(&self, events: &[Message]) -> Vec<String> {
        events.iter().filter(|event| self.is_own(event)).map(|event| header(event, "Status")).collect()
    }

    /// Its contacts as they are now, by name.
    pub fn contacts(&self, client: &mut Client) -> BTreeMap<String, Message> {
        let entries = client.list("OutDlListShow", &[("DlmaUuid", &self.dlma), ("Count", "1000")]);
        entries.into_iter().map(|entry| (header(&entry, "Name"), entry)).collect()
    }
}

/// The events of one dialing, in order: each as `(Event, Status)`.
pub fn dialing_events(events: &[Message], dialing: &str) -> Vec<(String, String)> {
    let of_dialing = |event: &&Message| {
        header(event, "Event").starts_with("OutDialing") && header(event, "Uuid") == dialing
    };
    events.iter().filter(of_dialing).map(|event| (header(event, "Event"), header(event, "Status"))).collect()
}

/// The result lines of one number.
pub fn results_of(daemon: &Daemon, number: &str) -> Vec<Value> {
    daemon.results().into_iter().filter(|line| line["dial_addr"] == number).collect()
}

/// Every key that a result line has, the mission's and the contract's.
pub const KEYS: [&str; 40] = [
    "camp_uuid",
    "channel_name",
    "channelid",
    "dest_uuid",
    "dest_variables",
    "dial_addr",
    "dial_application",
    "dial_channel",
    "dial_context",
    "dial_data",
    "dial_exten",
    "dial_index",
    "dial_priority",
    "dial_timeout",
    "dial_trycnt",
    "dial_type",
    "dialing_uuid",
    "disposition",
    "dl_list_uuid",
    "dl_variables",
    "dlma_uuid",
    "otherchannelid",
    "outcome",
    "plan_uuid",
    "plan_variables",
    "callerid",
    "res_dial",
    "res_hangup",
    "res_hangup_detail",
    "result_version",
    "seq",
    "tm_dial_begin",
    "tm_dial_end",
    "tm_dialing",
    "tm_hangup",
    "uuid",
    "variables",
    "res_dial_detail",
    "res_amd",
    "res_amd_detail",
];

/// Checks what holds for every result line: all keys, one number of its own without gaps, ids that agree.
pub fn assert_lines_whole(lines: &[Value]) {
    for (place, line) in lines.iter().enumerate() {
        for key in KEYS {
            assert!(line.get(key).is_some(), "{key} is missing in {line}");
        }
        assert_eq!(line["seq"], place + 1, "{line}");
        assert_eq!(line["dialing_uuid"], line["channelid"]);
        assert_eq!(line["dl_list_uuid"], line["uuid"]);
    }
    let mut dialings: Vec<_> = lines.iter().map(|line| line["dialing_uuid"].as_str().unwrap()).collect();
    dialings.sort_unstable();
    dialings.dedup();
    assert_eq!(dialings.len(), lines.len(), "a dialing has two lines");
}
