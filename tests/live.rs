//! Campaigns at work on a real Asterisk: what they may use, what operators do to them meanwhile, and that attempts under
//! way keep what they were decided on.

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::scenario::{Campaign, LOCAL, assert_lines_whole};

const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];

/// A telephone that answers at once and stays until it is hung up.
const STAYS: &str = "1000001";
/// One that answers at once and stays two seconds.
const TWO_SECONDS: &str = "1002001";
/// One that rings for ever.
const RINGS: &str = "3001";

fn contact(number: &'static str) -> [(&'static str, &'static str); 2] {
    [("Name", number), ("Number1", number)]
}

fn wait_for_status(client: &mut Client, status: &str) -> String {
    let event = client.wait_for(status, |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == status
    });
    header(&event, "Uuid")
}

#[test]
fn variables_reach_the_channel_whole() {
    let lab = Lab::up("variables");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let values = [
        ("V_COMMAS", "a,b,,c,"),
        ("V_QUOTES", r#"say "hi", 'you' and "you"#),
        ("V_BACKSLASH", r"C:\dir\,\\end\"),
        ("V_BLANKS", "two  blanks "),
        ("V_SIGNS", "a=b;c|d&e<f>g#h(i)[j]{k}"),
        ("V_TEXT", "Grüße 🙂 你好"),
        ("V_EMPTY", ""),
    ];
    let lines: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut plan = LOCAL.to_vec();
    plan.extend(lines.iter().map(|line| ("Variable", line.as_str())));
    plan.push(("Variable", "V1=plan"));
    plan.push(("Variable", "V2=plan"));
    let destination = [&HOLD[..], &[("Variable", "V1=destination"), ("Variable", "V3=destination")]].concat();
    let callee = [&contact(STAYS)[..], &[("Variable", "V1=dl")]].concat();
    let campaign = Campaign::create(&mut client, &plan, &destination, &[&callee]);
    campaign.request(&mut client, "1");
    let dialing = wait_for_status(&mut client, "6");

    let mut admin = lab.admin();
    let expected = values.into_iter().chain([("V1", "dl"), ("V2", "plan"), ("V3", "destination")]);
    for (name, value) in expected {
        let answer = admin.done("Getvar", &[("Channel", &dialing), ("Variable", name)]);
        assert_eq!(header(&answer, "Value"), value, "{name}");
    }
    let shown = client.list("OutDialingShow", &[("Uuid", &dialing)]);
    let variables: Vec<_> = shown[0].all("Variable").collect();
    assert!(variables.iter().any(|line| line == "V_COMMAS=a,b,,c,"), "{variables:?}");

    client.done("OutDialingDelete", &[("Uuid", &dialing)]);
    campaign.until_stopped(&mut client);
    let line = &daemon.results()[0];
    let merged: serde_json::Value = serde_json::from_str(line["variables"].as_str().unwrap()).unwrap();
    assert_eq!((&merged["V1"], &merged["V_QUOTES"]), (&json!("dl"), &json!(values[1].1)));
    assert_eq!(line["outcome"], "answered");
    daemon.check();
}

#[test]
fn caller_id_and_variables_are_there_in_the_dialplan() {
    let lab = Lab::up("callerid");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("CallerId", "\"Sales\" <5551000>"), ("Variable", "V1=one 1")]].concat();
    let show = [("Type", "0"), ("Exten", "show"), ("Context", "astout-dest"), ("Variable", "V2=two;2")];
    let campaign = Campaign::create(&mut client, &plan, &show, &[&contact(STAYS)]);
    let mut admin = lab.admin();
    campaign.run(&mut client);
    let shown = admin.wait_for("AstoutShow", |event| header(event, "UserEvent") == "AstoutShow");
    for (name, value) in
        [("V1", "one 1"), ("V2", "two;2"), ("CallerIDNum", "5551000"), ("CallerIDName", "Sales")]
    {
        assert_eq!(header(&shown, name), value, "{name} in {shown:?}");
    }
    assert_eq!(daemon.results()[0]["callerid"], "\"Sales\" <5551000>");
    daemon.check();
}

#[test]
fn a_long_list_of_mixed_fates_is_dialled_to_its_end_with_one_line_an_attempt() {
    const CONTACTS: usize = 400;
    let lab = Lab::up("long");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("MaxRetry1", "2"), ("RetryDelay", "1"), ("DialTimeout", "700")]].concat();
    let hangup = [("Type", "0"), ("Exten", "hangup"), ("Context", "astout-dest")];
    // What the number does, the tries that it gets, and how each ends.
    let fates = [("10001", 1, "answered"), ("2", 2, "busy"), ("5", 2, "failed"), ("3", 2, "noanswer")];
    let numbers: Vec<String> =
        (0..CONTACTS).map(|place| format!("{}{place:04}", fates[place % fates.len()].0)).collect();
    let contacts: Vec<_> = numbers.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let campaign = Campaign::create(&mut client, &plan, &hangup, &contacts);
    let events = campaign.run(&mut client);
    assert_eq!(campaign.way(&events), ["11", "1", "10", "0"]);
    let lines = daemon.results();
    assert_lines_whole(&lines);
    let mut outcomes: std::collections::HashMap<&str, Vec<&str>> = std::collections::HashMap::new();
    for line in &lines {
        let text = |key: &str| line[key].as_str().unwrap_or_default();
        outcomes.entry(text("dial_addr")).or_default().push(text("outcome"));
    }
    for (place, number) in numbers.iter().enumerate() {
        let (_, tries, outcome) = fates[place % fates.len()];
        assert_eq!(outcomes[number.as_str()], vec![outcome; tries], "{number}");
    }
    let stat = &client.list("OutCampaignStatShow", &[("Uuid", &campaign.uuid)])[0];
    assert_eq!(header(stat, "DlFinishedCount"), CONTACTS.to_string());
    daemon.check();
}

#[test]
fn an_attempt_keeps_what_it_was_decided_on() {
    let lab = Lab::up("capsule");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan =
        [&LOCAL[..], &[("Name", "before"), ("RetryDelay", "0"), ("MaxRetry1", "1"), ("MaxRetry2", "1")]]
            .concat();
    let callee =
        [("Name", "before"), ("Number1", "7150001"), ("Number2", TWO_SECONDS), ("Variable", "WHO=before")];
    let campaign = Campaign::create(&mut client, &plan, &HOLD, &[&callee]);
    campaign.request(&mut client, "1");
    let dialing = wait_for_status(&mut client, "3");
    for (action, uuid) in [
        ("OutPlanUpdate", &campaign.plan),
        ("OutDlmaUpdate", &campaign.dlma),
        ("OutDestinationUpdate", &campaign.dest),
        ("OutCampaignUpdate", &campaign.uuid),
    ] {
        client.done(action, &[("Uuid", uuid), ("Name", "after")]);
    }
    let dl = header(&client.list("OutDlListShow", &[])[0], "Uuid");
    client.done("OutDlListUpdate", &[("Uuid", &dl), ("Name", "after"), ("Variable", "WHO=after")]);
    campaign.until_stopped(&mut client);

    let lines = daemon.results();
    assert_lines_whole(&lines);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["dialing_uuid"], dialing.as_str());
    for (line, name) in [(&lines[0], "before"), (&lines[1], "after")] {
        for info in ["info_plan", "info_dl_list"] {
            assert_eq!(line[info]["name"], name, "{info}");
        }
        assert_eq!(line["dl_variables"], format!("{{\"WHO\":\"{name}\"}}"));
    }
    for (info, before) in [
        ("info_camp", json!("Sales campaign")),
        ("info_dlma", json!("DialListMaster_Sales")),
        ("info_dest", json!(null)),
    ] {
        assert_eq!((&lines[0][info]["name"], &lines[1][info]["name"]), (&before, &json!("after")), "{info}");
    }
    daemon.check();
}

#[test]
fn a_queue_gets_as_many_calls_as_it_has_free_agents() {
    let lab = Lab::up("agents");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let contacts: Vec<_> = (0..9).map(|place| format!("10500{place:02}")).collect();
    let contacts: Vec<_> = contacts.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let queue = [("Type", "1"), ("Application", "Queue"), ("Data", "sales_1")];
    let campaign = Campaign::create(&mut client, &LOCAL, &queue, &contacts);
    let mut admin = lab.admin();
    let events = campaign.run(&mut client);

    // Calls on their way to an agent, by the events of both sides: never more than the three agents.
    let mut waiting = 0;
    let mut most = 0;
    let mut moments: Vec<(chrono::DateTime<chrono::Utc>, i32)> = Vec::new();
    for line in daemon.results() {
        let at = |key: &str| line[key].as_str().unwrap().parse().unwrap();
        moments.push((at("tm_dialing"), 1));
        // From its answer on it is in the queue, and soon with an agent.
        moments.push((at("tm_dial_end"), -1));
    }
    moments.sort_unstable();
    for (_, change) in moments {
        waiting += change;
        most = most.max(waiting);
    }
    assert!((1..=3).contains(&most), "{most} calls at once for three agents");
    assert_eq!(daemon.results().len(), 9);
    assert!(daemon.results().iter().all(|line| line["outcome"] == "answered"));
    assert_eq!(campaign.way(&events), ["11", "1", "10", "0"]);
    let mut connected = 0;
    while connected < 9 {
        admin.wait_for("AgentConnect", |event| header(event, "Event") == "AgentConnect");
        connected += 1;
    }
    daemon.check();
}

#[test]
fn a_queue_without_agents_or_none_at_all_gets_no_call() {
    let lab = Lab::up("noagents");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    for queue in ["sales_none", "no_such_queue"] {
        let destination = [("Type", "1"), ("Application", "Queue"), ("Data", queue)];
        let campaign = Campaign::create(&mut client, &LOCAL, &destination, &[&contact(TWO_SECONDS)]);
        campaign.request(&mut client, "1");
    }
    assert!(no_dialing_within(&mut client, Duration::from_secs(2)));
    assert!(daemon.log().contains("no_such_queue"), "{}", daemon.log());
    assert!(daemon.results().is_empty());
    daemon.check();
}

fn no_dialing_within(client: &mut Client, span: Duration) -> bool {
    let deadline = Instant::now() + span;
    while let Some(event) = client.event(deadline.saturating_duration_since(Instant::now())) {
        if header(&event, "Event") == "OutDialingCreate" {
            return false;
        }
    }
    true
}

#[test]
fn stopping_waits_for_the_calls_in_flight_and_dials_no_more() {
    let lab = Lab::up("stop");
    let daemon = Daemon::start(&lab, "[policy]\napplications = [\"*\"]\n");
    let mut client = daemon.client();
    let one_at_a_time = [("Type", "1"), ("Application", "Queue"), ("Data", "sales_slow")];
    let contacts = [contact(TWO_SECONDS), contact("1002002")];
    let campaign = Campaign::create(&mut client, &LOCAL, &one_at_a_time, &[&contacts[0], &contacts[1]]);
    campaign.request(&mut client, "1");
    wait_for_status(&mut client, "6");
    campaign.request(&mut client, "0");
    let refused = client.action("OutCampaignDelete", &[("Uuid", &campaign.uuid)]);
    assert!(!refused.is_success() && header(&refused, "Message").contains(&campaign.uuid), "{refused:?}");
    let refused = client.action("OutPlanDelete", &[("Uuid", &campaign.plan)]);
    assert!(!refused.is_success() && header(&refused, "Message").contains(&campaign.uuid), "{refused:?}");
    let events = campaign.until_stopped(&mut client);
    assert_eq!(campaign.way(&events), ["11", "1", "10", "0"]);
    assert_eq!(daemon.results().len(), 1);
    client.done("OutCampaignDelete", &[("Uuid", &campaign.uuid)]);
    client.done("OutPlanDelete", &[("Uuid", &campaign.plan)]);
    daemon.check();
}

#[test]
fn stopping_forcedly_hangs_up_and_a_pause_keeps_calls_up() {
    let lab = Lab::up("force");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let campaign = Campaign::create(&mut client, &LOCAL, &HOLD, &[&contact(STAYS), &contact(RINGS)]);
    campaign.request(&mut client, "1");
    wait_for_status(&mut client, "6");
    campaign.request(&mut client, "2");
    let status = |client: &mut Client, status: &str| {
        client.wait_for(status, |event| {
            header(event, "Event") == "OutCampaignUpdate" && header(event, "Status") == status
        });
    };
    status(&mut client, "12");
    status(&mut client, "2");
    assert_eq!(client.list("OutDialingShow", &[]).len(), 2);
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    assert!(lab.cli("core show channels count").contains("0 active channels"));
    let outcome = |number: &str| support::scenario::results_of(&daemon, number)[0]["outcome"].clone();
    assert_eq!(outcome(STAYS), "answered");
    // It was given up while it rang: no try.
    assert_eq!(outcome(RINGS), "withdrawn");
    assert_eq!(header(&campaign.contacts(&mut client)[RINGS], "TryCnt1"), "0");
    daemon.check();
}

#[test]
fn a_dialing_that_an_operator_deletes_while_it_rings_is_no_try() {
    let lab = Lab::up("withdraw");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("RetryDelay", "600")]].concat();
    let campaign = Campaign::create(&mut client, &plan, &HOLD, &[&contact(RINGS)]);
    campaign.request(&mut client, "1");
    let dialing = wait_for_status(&mut client, "3");
    let answer = client.done("OutDialingDelete", &[("Uuid", &dialing)]);
    assert_eq!(header(&answer, "Message"), "Dialing deleted successfully");
    client.wait_for("OutDialingDelete", |event| header(event, "Event") == "OutDialingDelete");
    let line = &daemon.results()[0];
    assert_eq!((&line["outcome"], &line["dial_trycnt"]), (&json!("withdrawn"), &json!(1)));
    let listed = &campaign.contacts(&mut client)[RINGS];
    assert_eq!((header(listed, "TryCnt1").as_str(), header(listed, "Status").as_str()), ("0", "0"));
    let gone = client.action("OutDialingDelete", &[("Uuid", &dialing)]);
    assert!(header(&gone, "Message").starts_with("No such dialing: Uuid"), "{gone:?}");
    daemon.check();
}

#[test]
fn a_campaign_that_keeps_its_status_dials_contacts_that_come_later() {
    let lab = Lab::up("keep");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("DlEndHandle", "0")]].concat();
    let hangup = [("Type", "0"), ("Exten", "hangup"), ("Context", "astout-dest")];
    let campaign = Campaign::create(&mut client, &plan, &hangup, &[]);
    campaign.request(&mut client, "1");
    client.wait_for("status 1", |event| header(event, "Status") == "1");
    client.create("OutDlListCreate", &[("DlmaUuid", &campaign.dlma), ("Number1", TWO_SECONDS)]);
    client.wait_for("OutDialingDelete", |event| header(event, "Event") == "OutDialingDelete");
    let shown = client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)]);
    assert_eq!(header(&shown[0], "Status"), "1");
    assert_eq!(daemon.results().len(), 1);
    daemon.check();
}
