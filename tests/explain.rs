//! `OutExplain` in each situation, asked through the door of a daemon beside the sandbox.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use astout::ami::Message;
use astout::model::time::Timestamp;
use serde_json::Value;
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::pbx::{Breakable, Pbx};
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL};

const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
const QUEUE: [(&str, &str); 2] = [("Type", "1"), ("Application", "Queue")];
/// Answers at once and stays until it is hung up.
const STAYS: [(&str, &str); 2] = [("Name", "stays"), ("Number1", "1000001")];
const BUSY: [(&str, &str); 2] = [("Name", "busy"), ("Number1", "2001")];

/// A place that no dialplan has.
const NOWHERE: [(&str, &str); 3] = [("Type", "0"), ("Exten", "nosuch"), ("Context", "astout-empty")];

/// What was said of one campaign, or of one contact of its.
struct Told {
    verdict: Message,
    entries: Vec<Message>,
}

impl Told {
    fn held_by(&self) -> String {
        header(&self.verdict, "HeldBy")
    }

    fn saw(&self, gate: &str) -> String {
        header(self.entry(gate), "Saw")
    }

    fn entry(&self, gate: &str) -> &Message {
        let of = |entry: &&Message| header(entry, "Gate") == gate;
        self.entries.iter().find(of).unwrap_or_else(|| panic!("no {gate}: {:?}", self.entries))
    }
}

fn ask(client: &mut Client, field: &str, value: &str) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for item in client.list("OutExplain", &[(field, value)]) {
        match header(&item, "Event").as_str() {
            "OutExplainVerdict" => told.push(Told { verdict: item, entries: Vec::new() }),
            "OutExplainEntry" => told.last_mut().unwrap().entries.push(item),
            other => panic!("{other}"),
        }
    }
    told
}

fn one(client: &mut Client, field: &str, value: &str) -> Told {
    let mut told = ask(client, field, value);
    assert_eq!(told.len(), 1, "{field} {value}");
    told.pop().unwrap()
}

/// Asks until these gates hold it, and no others.
fn until_held_by(daemon: &mut Daemon, client: &mut Client, field: &str, value: &str, gates: &str) -> Told {
    let told = daemon.poll(&format!("held by {gates}"), |_| {
        Some(one(client, field, value)).filter(|told| told.held_by() == gates)
    });
    assert_eq!(header(&told.verdict, "Dialled"), "No");
    let (first, verdict) = (gates.split(',').next().unwrap(), header(&told.verdict, "Verdict"));
    assert!(verdict.starts_with(&format!("not dialled now. {first}: {}", told.saw(first))), "{verdict}");
    for entry in &told.entries {
        let (gate, holds) = (header(entry, "Gate"), header(entry, "Holds"));
        assert_eq!(holds == "Yes", gates.split(',').any(|held| held == gate), "{gate} {holds}");
        assert!(!header(entry, "Saw").is_empty(), "{gate}");
    }
    told
}

/// Asks until that gate has seen this.
fn until_saw(daemon: &mut Daemon, client: &mut Client, campaign: &str, gate: &str, words: &str) {
    daemon.poll(words, |_| one(client, "Uuid", campaign).saw(gate).contains(words).then_some(()));
}

fn running(
    client: &mut Client,
    plan: &[(&str, &str)],
    dest: &[(&str, &str)],
    contacts: &[&[(&str, &str)]],
) -> Campaign {
    let campaign = Campaign::create(client, &[&LOCAL, plan].concat(), dest, contacts);
    campaign.request(client, "1");
    campaign
}

fn contact(client: &mut Client, campaign: &Campaign, name: &str) -> String {
    header(&campaign.contacts(client)[name], "Uuid")
}

#[test]
fn a_campaign_says_what_it_itself_lacks() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    // Stopped, and what starts it.
    let campaign = Campaign::create(&mut client, &LOCAL, &HOLD, &[&STAYS]);
    let uuid = campaign.uuid.as_str();
    let told = until_held_by(&mut daemon, &mut client, "Uuid", uuid, "Status");
    assert_eq!(told.saw("Status"), "0 (stop): OutCampaignUpdate with Status: 1 starts it");
    assert_eq!(header(&told.verdict, "Uuid"), uuid);
    assert_eq!(header(&told.verdict, "Name"), "Sales campaign");
    assert_eq!(header(&told.verdict, "Next"), "<unknown>");
    // Outside of its window, and when that opens.
    let window =
        [("Uuid", uuid), ("ScMode", "1"), ("ScDateStart", "2199-01-01"), ("ScTimeStart", "09:00:00")];
    client.done("OutCampaignUpdate", &window);
    let told = until_held_by(&mut daemon, &mut client, "Uuid", uuid, "Status,Schedule");
    assert_eq!(header(told.entry("Schedule"), "Next"), "2199-01-01T09:00:00.000000000Z");
    client.done("OutCampaignUpdate", &[("Uuid", uuid), ("ScMode", "0")]);
    // Without a destination.
    client.done("OutCampaignUpdate", &[("Uuid", uuid), ("Dest", "")]);
    let told = until_held_by(&mut daemon, &mut client, "Uuid", uuid, "Status,Parts");
    assert!(told.saw("Parts").starts_with("it has no destination"));
    client.done("OutCampaignUpdate", &[("Uuid", uuid), ("Dest", &campaign.dest)]);
    // Paused, with its one call up.
    campaign.request(&mut client, "1");
    client.wait_for("the answer", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == "6"
    });
    campaign.request(&mut client, "2");
    let told = until_held_by(&mut daemon, &mut client, "Uuid", uuid, "Status,List");
    assert!(told.saw("Status").starts_with("2 (pause)"));
    // Stopping forcedly takes the call with it.
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    // One that is finished, and would be so again at once.
    until_saw(&mut daemon, &mut client, uuid, "Status", "0 (stop): its list has ended");
    let told = until_held_by(&mut daemon, &mut client, "Uuid", uuid, "Status,List");
    assert!(told.saw("List").ends_with("(of 1 contacts 1 are finished, 0 are held)"), "{}", told.saw("List"));
    // An empty list.
    let empty = running(&mut client, &[("DlEndHandle", "0")], &HOLD, &[]);
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &empty.uuid, "List");
    assert_eq!(told.saw("List"), "the list is empty");
    // One that is finished.
    let finished = running(&mut client, &[("DlEndHandle", "0"), ("MaxRetry1", "1")], &HOLD, &[&BUSY]);
    until_saw(&mut daemon, &mut client, &finished.uuid, "List", "(of 1 contacts 1 are finished, 0 are held)");
    daemon.check();
}

#[test]
fn a_campaign_says_what_asterisk_and_its_limits_lack() {
    let mut sandbox = Sandbox::up("");
    let limits = [("calls_per_second = 200", "calls_per_second = 200\nmax_channels = 1")];
    let address = Pbx::get(&sandbox, "ASTERISK_AMI").to_owned();
    let mut daemon = Daemon::start_at(&sandbox, &address, &limits, "");
    let mut client = daemon.client();
    // The one channel is taken.
    let others = [&STAYS[..], &[("Name", "other"), ("Number1", "1000002")]];
    let campaign = running(&mut client, &[], &HOLD, &others);
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &campaign.uuid, "Channels");
    assert_eq!(told.saw("Channels"), "1 calls; [asterisk] max_channels = 1");
    // Nobody is free, and there is no such queue; both wait for the channel too.
    let none = [&QUEUE[..], &[("Data", "sales_none")]].concat();
    let busy = running(&mut client, &[], &none, &[&STAYS]);
    until_saw(&mut daemon, &mut client, &busy.uuid, "Queue", "queue sales_none: 0 agents are free");
    until_held_by(&mut daemon, &mut client, "Uuid", &busy.uuid, "Queue,Channels");
    let nowhere = [&QUEUE[..], &[("Data", "nowhere")]].concat();
    let lost = running(&mut client, &[], &nowhere, &[&STAYS]);
    until_saw(&mut daemon, &mut client, &lost.uuid, "Queue", "queue nowhere: Asterisk has no such queue");
    // The daemon stops once its calls have ended.
    assert!(daemon.cli(&["-rx", "out daemon drain"]).status.success());
    until_held_by(&mut daemon, &mut client, "Uuid", &campaign.uuid, "Daemon,Channels");
    // And Asterisk is away.
    sandbox.kill();
    until_saw(&mut daemon, &mut client, &campaign.uuid, "Asterisk", "not connected");
    daemon.kill();
    daemon.check();
}

#[test]
fn a_dead_trunk_says_until_when_it_is_left_alone() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let plan =
        [("TechName", "PJSIP/"), ("TrunkName", "nocontact"), ("RetryDelay", "0"), ("MaxRetry1", "100")];
    let campaign = Campaign::create(&mut client, &plan, &HOLD, &[&STAYS, &BUSY]);
    campaign.request(&mut client, "1");
    until_saw(&mut daemon, &mut client, &campaign.uuid, "Trunk", "pjsip/nocontact: the trunk failed");
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &campaign.uuid, "Trunk");
    let until: Timestamp = header(&told.verdict, "Next").parse().unwrap();
    assert_eq!(header(told.entry("Trunk"), "Next"), until.to_string());
    daemon.kill();
    daemon.check();
}

#[test]
fn a_rate_says_when_the_next_call_may_go() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start_slow(&sandbox, 1);
    let mut client = daemon.client();
    let contacts: Vec<_> =
        (0..30).map(|place| [("Name", "x".to_owned()), ("Number1", format!("10000{place:02}"))]).collect();
    let contacts: Vec<Vec<_>> = contacts
        .iter()
        .map(|fields| fields.iter().map(|(name, value)| (*name, value.as_str())).collect())
        .collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(Vec::as_slice).collect();
    let campaign = running(&mut client, &[], &HOLD, &contacts);
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &campaign.uuid, "Rate");
    assert!(header(&told.verdict, "Next").parse::<Timestamp>().is_ok());
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    daemon.check();
}

#[test]
fn originates_that_asterisk_does_not_answer_hold_back_the_rest() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let contacts: Vec<String> = (0..20).map(|place| format!("10000{place:02}")).collect();
    let contacts: Vec<_> = contacts.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|fields| &fields[..]).collect();
    let campaign = Campaign::create(&mut client, &LOCAL, &HOLD, &contacts);
    sandbox.freeze();
    campaign.request(&mut client, "1");
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &campaign.uuid, "Answers");
    assert_eq!(
        told.saw("Answers"),
        "Asterisk is setting up 10 calls, and by how long it takes gets 10 at once; [asterisk] max_unanswered = 200"
    );
    sandbox.thaw();
    daemon.kill();
    daemon.check();
}

/// A list whose destination names a place that the dialplan lacks costs a try and not the list.
fn until_held_by_its_place(pbx: &impl Pbx) -> (Daemon, Client, Campaign) {
    let mut daemon = Daemon::start_slow(pbx, 10);
    let mut client = daemon.client();
    let contacts: Vec<String> = (0..30).map(|place| format!("10000{place:02}")).collect();
    let contacts: Vec<_> = contacts.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|fields| &fields[..]).collect();
    let campaign = running(&mut client, &[], &NOWHERE, &contacts);
    let told = daemon.poll("held by its place", |_| {
        Some(one(&mut client, "Uuid", &campaign.uuid)).filter(|told| told.held_by().contains("Place"))
    });
    let (saw, next) = (told.saw("Place"), header(told.entry("Place"), "Next"));
    assert!(saw.starts_with("astout-empty,nosuch,1: Asterisk's dialplan has no such place"), "{saw}");
    assert!(next.parse::<Timestamp>().is_ok(), "{next}");
    let log = daemon.log();
    let warned = |line: &&str| line.contains("Asterisk's dialplan has no such place");
    let warnings: Vec<_> = log.lines().filter(warned).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(
        warnings[0].contains("WARN") && warnings[0].contains("dialplan show astout-empty"),
        "{warnings:?}"
    );
    let refused = daemon.poll("its line", |daemon| Some(daemon.results()).filter(|lines| !lines.is_empty()));
    assert!(refused.len() <= 10, "{}", refused.len());
    for line in refused {
        assert_eq!(line["res_dial_detail"], "Extension does not exist.");
    }
    (daemon, client, campaign)
}

#[test]
fn a_place_that_the_dialplan_lacks_holds_back_what_goes_there() {
    let sandbox = Sandbox::up("");
    let (mut daemon, mut client, campaign) = until_held_by_its_place(&sandbox);
    // Another place is another matter.
    client.done(
        "OutDestinationUpdate",
        &[("Uuid", &campaign.dest), ("Exten", "hold"), ("Context", "astout-dest")],
    );
    client.wait_for("an answer", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == "6"
    });
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    daemon.stop();
    daemon.check();
}

#[test]
fn a_real_asterisk_that_gets_the_place_is_dialled_on_by_itself() {
    let lab = Lab::up("place");
    let (mut daemon, mut client, campaign) = until_held_by_its_place(&lab);
    lab.cli("dialplan add extension nosuch,1,Wait(1) into astout-empty");
    client.wait_for("an answer", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == "6"
    });
    daemon.poll("the log", |daemon| daemon.log().contains("has the place again").then_some(()));
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    daemon.stop();
    daemon.check();
}

#[test]
fn a_contact_says_what_it_alone_stands_for() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let plan = [("RetryDelay", "3600"), ("DlEndHandle", "0")];
    let over = [("Name", "over"), ("Number1", "2002"), ("Number2", "1000101")];
    let campaign = running(&mut client, &plan, &HOLD, &[&STAYS, &BUSY, &over]);
    let campaign_of = |told: &Told| header(&told.verdict, "Uuid");
    // Being dialled now, found by its number.
    daemon.poll("a call", |_| client.list("OutDialingShow", &[]).len().eq(&1).then_some(()));
    let told = daemon.poll("the answer", |_| {
        Some(one(&mut client, "Number", "1000001"))
            .filter(|told| told.saw("Contact").starts_with("its call is up: dialing "))
    });
    assert_eq!(campaign_of(&told), campaign.uuid);
    assert!(told.saw("Contact").ends_with(&format!("of campaign {}", campaign.uuid)));
    let said = (header(&told.verdict, "Dialled"), header(&told.verdict, "Verdict"));
    assert_eq!(said, ("Yes".to_owned(), told.saw("Contact")), "whatever holds a further call");
    // Not due yet, and when.
    let busy = contact(&mut client, &campaign, "busy");
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &busy, "Due,Delay");
    assert_eq!(told.saw("Tries"), "next is number 1, 2001: try 2 of 5");
    let due: Timestamp = header(told.entry("Delay"), "Next").parse().unwrap();
    assert_eq!(header(&told.verdict, "Next").parse::<Timestamp>().unwrap(), due);
    assert_eq!(header(&told.verdict, "DlListUuid"), busy);
    // Held by a person.
    client.done("OutDlListUpdate", &[("Uuid", &busy), ("Status", "2")]);
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &busy, "Due,Contact,Delay");
    assert!(told.saw("Contact").starts_with("it is held"));
    // No try left.
    client.done("OutPlanUpdate", &[("Uuid", &campaign.plan), ("MaxRetry1", "1"), ("MaxRetry2", "0")]);
    let over = contact(&mut client, &campaign, "over");
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &over, "List,Tries");
    assert_eq!(told.saw("Tries"), "it is finished: no try is left (1 of 1 at number 1, 0 of 0 at number 2)");
    // Answered.
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    let told = one(&mut client, "Number", "1000001");
    assert_eq!(
        (told.saw("Contact"), told.held_by().starts_with("Status")),
        ("it is finished: it was answered".to_owned(), true)
    );
    // Of a list that no campaign dials.
    let dlma = client.create("OutDlmaCreate", &[("Name", "lonely")]);
    let alone = client.create("OutDlListCreate", &[("DlmaUuid", &dlma), ("Number1", "555")]);
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &alone, "Campaign");
    assert!(told.saw("Campaign").contains(&dlma));
    // Numbers that nobody has, one of which nobody may have.
    until_held_by(&mut daemon, &mut client, "Number", "777", "Contact");
    let told = until_held_by(&mut daemon, &mut client, "Number", "112", "Contact,Policy");
    assert!(told.saw("Policy").contains("emergency"), "{}", told.saw("Policy"));
    // A number that two contacts have, and a policy that has come to deny it since.
    client.create("OutDlListCreate", &[("DlmaUuid", &campaign.dlma), ("Number1", "1"), ("Number8", "555")]);
    daemon.reconfigure("info_enable = true", "info_enable = true\n[policy]\ndenied_prefixes = [\"55\"]");
    assert!(daemon.cli(&["reload"]).status.success());
    let told = ask(&mut client, "Number", "555");
    assert_eq!(told.len(), 2);
    assert_eq!(
        (campaign_of(&told[0]), campaign_of(&told[1])),
        ("<unknown>".to_owned(), campaign.uuid.clone())
    );
    client.done("OutDlListUpdate", &[("Uuid", &alone), ("Number1", "1000777"), ("Number2", "")]);
    client.done("OutCampaignUpdate", &[("Uuid", &campaign.uuid), ("Dlma", &dlma)]);
    client.done("OutPlanUpdate", &[("Uuid", &campaign.plan), ("MaxRetry1", "5")]);
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &alone, "Status");
    assert_eq!(told.saw("Line"), "none comes before it");
    daemon.reconfigure("[\"55\"]", "[\"1000\"]");
    assert!(daemon.cli(&["reload"]).status.success());
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &alone, "Status,Policy");
    assert!(told.saw("Policy").contains("starts with the denied prefix 1000"), "{}", told.saw("Policy"));
    // What was dialled was allowed then.
    daemon.reconfigure("[\"1000\"]", "[]");
    daemon.check();
}

#[test]
fn what_is_wrong_is_refused_with_the_field_and_what_is_allowed() {
    let sandbox = Sandbox::up("");
    let daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let nobody = "01234567-89ab-4cde-8f01-23456789abcd";
    for (fields, said) in [
        (&[][..], "Error encountered while explaining: Uuid: missing; allowed: Uuid (of a campaign"),
        (&[("Uuid", "x")], "Error encountered while explaining: Uuid: \"x\" is not allowed; allowed: a uuid"),
        (&[("Uuid", nobody)], "No such campaign: Uuid:"),
        (
            &[("Uuid", nobody), ("Number", "1")],
            "Error encountered while explaining: Number: \"1\" is not allowed",
        ),
        (&[("Number", "1\u{7f}")], "Error encountered while explaining: Number: "),
    ] {
        let answer = client.action("OutExplain", fields);
        assert_eq!(header(&answer, "Response"), "Error", "{fields:?}");
        assert!(header(&answer, "Message").starts_with(said), "{}", header(&answer, "Message"));
    }
}

#[test]
fn the_command_line_says_the_same() {
    let sandbox = Sandbox::up("");
    let daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let campaign = Campaign::create(&mut client, &LOCAL, &HOLD, &[&STAYS]);
    let said = |arguments: &[&str]| {
        let output = daemon.cli(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = said(&["explain", &campaign.uuid]);
    assert!(text.starts_with(&format!(
        "Campaign {} Sales campaign\nnot dialled now. Status: 0 (stop)",
        campaign.uuid
    )));
    assert!(
        text.contains("\n  HOLDS Status   0 (stop)") && text.contains("\n  ok    Trunk    local/"),
        "{text}"
    );
    assert_eq!(text, said(&["-rx", &format!("out explain {}", &campaign.uuid[..13])]));
    assert!(said(&["explain", "1000001"]).contains("\nContact "));
    let json: Value = serde_json::from_str(&said(&["explain", "1000001", "--json"])).unwrap();
    assert_eq!((json[0]["number"].as_str(), json[0]["dialled"].as_bool()), (Some("1000001"), Some(false)));
    assert_eq!(json[0]["gates"][2]["gate"], "Status");
    let refused = daemon.cli(&["explain", "zz"]);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn a_real_asterisk_is_told_of_as_the_sandbox_is() {
    let lab = Lab::up("explain");
    let mut daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    // A call that is up, and a list that waits for nobody else.
    let up = running(&mut client, &[], &HOLD, &[&STAYS]);
    client.wait_for("the answer", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == "6"
    });
    let told = until_held_by(&mut daemon, &mut client, "Uuid", &up.uuid, "List");
    assert!(
        told.saw("List").starts_with("0 contacts have a try left, 1 are being dialled"),
        "{}",
        told.saw("List")
    );
    let told = one(&mut client, "Number", "1000001");
    assert!(told.saw("Contact").starts_with("its call is up"), "{}", told.saw("Contact"));
    // A queue that Asterisk does not have, and one without agents.
    for (queue, saw) in [("nowhere", "Asterisk has no such queue"), ("sales_none", "0 agents are free")] {
        let destination = [&QUEUE[..], &[("Data", queue)]].concat();
        let campaign = running(&mut client, &[], &destination, &[&BUSY]);
        until_saw(&mut daemon, &mut client, &campaign.uuid, "Queue", saw);
        until_held_by(&mut daemon, &mut client, "Uuid", &campaign.uuid, "Queue");
        campaign.request(&mut client, "0");
    }
    // It dies with its call, and what waits for another waits for it. Whoever comes before its death is seen
    // is claimed, cannot be sent, and waits for the next try instead.
    lab.kill();
    until_saw(&mut daemon, &mut client, &up.uuid, "Asterisk", "not connected");
    client.create("OutDlListCreate", &[("DlmaUuid", &up.dlma), ("Number1", "2002")]);
    until_held_by(&mut daemon, &mut client, "Uuid", &up.uuid, "Asterisk");
    daemon.kill();
    daemon.check();
}
