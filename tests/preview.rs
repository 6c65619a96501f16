//! Preview as an agent's program meets it: a daemon beside the sandbox, and beside a real Asterisk whose dialplan asks by
//! FastAGI.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use astout::ami::Message;
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL, assert_lines_whole};

const PREVIEW: [(&str, &str); 3] = [LOCAL[0], LOCAL[1], ("DialMode", "4")];
/// Calls end there by themselves.
const SHOW: [(&str, &str); 3] = [("Type", "0"), ("Exten", "show"), ("Context", "astout-dest")];
const BUSY: [(&str, &str); 2] = [("Name", "busy"), ("Number1", "2001")];
const ALSO_BUSY: [(&str, &str); 2] = [("Name", "also busy"), ("Number1", "2002")];

/// A campaign that is started, and shows contacts.
fn started(client: &mut Client, plan: &[(&str, &str)], contacts: &[&[(&str, &str)]]) -> Campaign {
    let plan = [&PREVIEW[..], &[("DlEndHandle", "0")], plan].concat();
    let campaign = Campaign::create(client, &plan, &SHOW, contacts);
    start(client, &campaign);
    campaign
}

fn start(client: &mut Client, campaign: &Campaign) {
    campaign.request(client, "1");
    client.wait_for("the start", |event| {
        header(event, "Event") == "OutCampaignUpdate"
            && header(event, "Uuid") == campaign.uuid
            && header(event, "Status") == "1"
    });
}

fn next(client: &mut Client, campaign: &str, agent: &str) -> Message {
    client.action("OutPreviewNext", &[("CampaignUuid", campaign), ("Agent", agent)])
}

/// Asks until there is one: the link has to be up, and a trunk's times over.
fn shown(daemon: &mut Daemon, client: &mut Client, campaign: &str, agent: &str) -> Message {
    daemon.poll("a preview", |_| Some(next(client, campaign, agent)).filter(Message::is_success))
}

fn end_of(client: &mut Client, preview: &str) -> Message {
    client.wait_for("the end of the preview", |event| {
        header(event, "Event") == "OutPreviewDelete" && header(event, "Uuid") == preview
    })
}

fn refused(client: &mut Client, action: &str, fields: &[(&str, &str)]) -> String {
    let answer = client.action(action, fields);
    assert!(!answer.is_success(), "{action} {fields:?}: {answer:?}");
    header(&answer, "Message")
}

#[test]
fn an_agent_sees_a_contact_and_says_go_or_skip() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let busy = [&BUSY[..], &[("UKey", "k1"), ("Variable", "A=1"), ("Number2", "2003")]].concat();
    let campaign = started(&mut client, &[("MaxRetry1", "2")], &[&busy, &ALSO_BUSY]);
    let seen = shown(&mut daemon, &mut client, &campaign.uuid, "PJSIP/100");
    let uuid = header(&seen, "Uuid");
    for (name, value) in [
        ("Message", "Preview created successfully"),
        ("CampUuid", campaign.uuid.as_str()),
        ("Agent", "PJSIP/100"),
        ("DlmaUuid", campaign.dlma.as_str()),
        ("DialIndex", "1"),
        ("DialTryCnt", "1"),
        ("TryCnt1", "0"),
        ("Number3", "<unknown>"),
    ] {
        assert_eq!(header(&seen, name), value, "{name}");
    }
    let expires: u32 = header(&seen, "Expires").parse().unwrap();
    assert!((1..=60).contains(&expires), "{expires}");
    let told = client.wait_for("it is told", |event| header(event, "Event") == "OutPreviewCreate");
    assert_eq!(
        (header(&told, "Uuid"), header(&told, "DlListUuid")),
        (uuid.clone(), header(&seen, "DlListUuid"))
    );
    // Another agent at the same time gets another; a third gets none, and is told why.
    let mut other = daemon.client();
    let second = shown(&mut daemon, &mut other, &campaign.uuid, "PJSIP/101");
    assert_ne!(header(&second, "DlListUuid"), header(&seen, "DlListUuid"));
    let why = refused(&mut other, "OutPreviewNext", &[("CampaignUuid", &campaign.uuid), ("Agent", "c")]);
    assert!(why.contains("no contact: agents are looking at all that are due, 2 in this list"), "{why}");
    let listed = client.list("OutPreviewShow", &[]);
    let agents: BTreeSet<_> = listed.iter().map(|entry| header(entry, "Agent")).collect();
    assert_eq!(agents, ["PJSIP/100", "PJSIP/101"].map(str::to_owned).into());
    // An explanation says who looks at it.
    let explained = client.list("OutExplain", &[("Uuid", &header(&seen, "DlListUuid"))]);
    let contact = explained.iter().find(|entry| header(entry, "Gate") == "Contact").unwrap();
    let saw = header(contact, "Saw");
    assert!(saw.starts_with("agent PJSIP/100 looks at it until "), "{saw}");
    assert_eq!(header(contact, "Next"), header(&seen, "TmExpire"));
    // Skip: no try, no line.
    let skipped = [("Uuid", header(&second, "Uuid")), ("Reason", "not today".to_owned())];
    let skipped: Vec<_> = skipped.iter().map(|(name, value)| (*name, value.as_str())).collect();
    client.done("OutPreviewSkip", &skipped);
    let end = end_of(&mut client, &header(&second, "Uuid"));
    assert_eq!((header(&end, "Result"), header(&end, "Reason")), ("skipped".into(), "not today".into()));
    // Go: one call, one line, as every other.
    let gone = client.done("OutPreviewGo", &[("Uuid", &uuid)]);
    assert_eq!(header(&gone, "Uuid"), uuid);
    assert_eq!(header(&end_of(&mut client, &uuid), "Result"), "dialled");
    client.wait_for("the end of the call", |event| {
        header(event, "Event") == "OutDialingDelete" && header(event, "Uuid") == uuid
    });
    let lines = daemon.results();
    assert_lines_whole(&lines);
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["dialing_uuid"], &lines[0]["outcome"]), (&uuid.as_str().into(), &"busy".into()));
    let variables = lines[0]["variables"].to_string();
    assert!(variables.contains("ASTOUT_AGENT") && variables.contains("PJSIP/100"), "{variables}");
    assert_eq!(sandbox.dialled_of("dialled").len(), 1);
    let contacts = campaign.contacts(&mut client);
    let tries = contacts.values().map(|contact| header(contact, "TryCnt1")).collect::<Vec<_>>();
    assert_eq!(tries.iter().filter(|tries| *tries == "1").count(), 1, "{tries:?}");
    assert!(contacts.values().all(|contact| !header(contact, "Variable").contains("ASTOUT")));
    daemon.check();
}

#[test]
fn agents_that_ask_all_at_once_never_see_the_same_contact() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let numbers: Vec<String> = (0..40).map(|place| format!("20{place:02}")).collect();
    let contacts: Vec<_> = numbers.iter().map(|number| vec![("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(Vec::as_slice).collect();
    let campaign = started(&mut client, &[("MaxRetry1", "1"), ("RetryDelay", "0")], &contacts);
    // A second one dials by itself over the same list, meanwhile.
    let plan = [&LOCAL[..], &[("MaxRetry1", "1"), ("DlEndHandle", "0")]].concat();
    let rival = Campaign::create(&mut client, &plan, &SHOW, &[]);
    client.done("OutCampaignUpdate", &[("Uuid", &rival.uuid), ("Dlma", &campaign.dlma)]);
    let first = shown(&mut daemon, &mut client, &campaign.uuid, "first");
    let mut agents: Vec<_> = (0..8).map(|place| (daemon.client(), format!("PJSIP/{place}"))).collect();
    let mut seen = vec![header(&first, "DlListUuid")];
    let asked: Vec<_> = agents
        .iter_mut()
        .map(|(of, agent)| of.submit("OutPreviewNext", &[("CampaignUuid", &campaign.uuid), ("Agent", agent)]))
        .collect();
    rival.request(&mut client, "1");
    let mut previews = Vec::new();
    for ((of, _), asked) in agents.iter_mut().zip(&asked) {
        let answer = of.response(asked);
        if answer.is_success() {
            seen.push(header(&answer, "DlListUuid"));
            previews.push(header(&answer, "Uuid"));
        }
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "{seen:?}");
    assert!(!previews.is_empty());
    // The rival dials all others, and none of those.
    let lines = 40 - seen.len();
    daemon.poll("the others' calls", |daemon| (daemon.results().len() >= lines).then_some(()));
    for line in daemon.results() {
        assert!(!seen.contains(&line["dl_list_uuid"].as_str().unwrap().to_owned()), "{line}");
    }
    rival.request(&mut client, "0");
    for preview in &previews {
        client.done("OutPreviewGo", &[("Uuid", preview)]);
    }
    daemon.poll("the calls", |daemon| (daemon.results().len() == lines + previews.len()).then_some(()));
    let lines = daemon.results();
    assert_lines_whole(&lines);
    let dialled: BTreeSet<_> = lines.iter().map(|line| line["dl_list_uuid"].to_string()).collect();
    assert_eq!(dialled.len(), lines.len(), "nobody twice");
    daemon.check();
}

#[test]
fn a_preview_ends_with_its_time_and_with_its_campaign() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "[dialer]\npreview_timeout = 1\n");
    let mut client = daemon.client();
    let campaign = started(&mut client, &[], &[&BUSY]);
    let seen = shown(&mut daemon, &mut client, &campaign.uuid, "a");
    let uuid = header(&seen, "Uuid");
    assert_eq!(header(&end_of(&mut client, &uuid), "Result"), "expired");
    let why = refused(&mut client, "OutPreviewGo", &[("Uuid", &uuid)]);
    assert!(why.contains(&format!("Uuid: \"{uuid}\" is not allowed; allowed: that of a preview")), "{why}");
    refused(&mut client, "OutPreviewSkip", &[("Uuid", &uuid)]);
    // The contact is free again, and the campaign's stop frees it too.
    let fields = [("CampaignUuid", campaign.uuid.as_str()), ("Agent", "b"), ("Timeout", "600")];
    let again = header(&client.done("OutPreviewNext", &fields), "Uuid");
    assert_ne!(again, uuid);
    campaign.request(&mut client, "0");
    assert_eq!(header(&end_of(&mut client, &again), "Result"), "released");
    refused(&mut client, "OutPreviewGo", &[("Uuid", &again)]);
    client.wait_for("the stop", |event| {
        header(event, "Event") == "OutCampaignUpdate" && header(event, "Status") == "0"
    });
    let why = refused(&mut client, "OutPreviewNext", &fields);
    assert!(why.contains("Status: 0 (stop): OutCampaignUpdate with Status: 1 starts it"), "{why}");
    // Nobody was dialled, by nobody's word.
    assert!(daemon.results().is_empty() && sandbox.dialled_of("dialled").is_empty());
    daemon.check();
}

#[test]
fn what_is_wrong_is_said_with_what_is_allowed_and_nothing_comes_of_it() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let campaign =
        started(&mut client, &[("MaxRetry2", "0")], &[&[&BUSY[..], &[("Number2", "2003")]].concat()]);
    let by_itself = Campaign::create(&mut client, &LOCAL, &SHOW, &[]);
    let uuid = header(&shown(&mut daemon, &mut client, &campaign.uuid, "a"), "Uuid");
    let of = ("CampaignUuid", campaign.uuid.as_str());
    let (nobody, preview) = ("01234567-89ab-4cde-8f01-23456789abcd", ("Uuid", uuid.as_str()));
    let long = "x".repeat(81);
    let mut events = daemon.client();
    for (action, fields, says) in [
        ("OutPreviewNext", vec![("Agent", "b")], "CampaignUuid: missing; allowed: a uuid"),
        (
            "OutPreviewNext",
            vec![("CampaignUuid", "x"), ("Agent", "b")],
            "CampaignUuid: \"x\" is not allowed; allowed: a uuid",
        ),
        (
            "OutPreviewNext",
            vec![("CampaignUuid", nobody), ("Agent", "b")],
            "names no campaign; allowed: the uuid of a campaign",
        ),
        (
            "OutPreviewNext",
            vec![("CampaignUuid", &by_itself.uuid), ("Agent", "b")],
            "allowed: a campaign whose plan has DialMode 4 (preview), not 1",
        ),
        ("OutPreviewNext", vec![of], "Agent: missing; allowed: 1 to 80 letters"),
        (
            "OutPreviewNext",
            vec![of, ("Agent", "PJSIP/1&PJSIP/2")],
            "Agent: \"PJSIP/1&PJSIP/2\" is not allowed; allowed: 1 to 80",
        ),
        ("OutPreviewNext", vec![of, ("Agent", &long)], "allowed: 1 to 80"),
        (
            "OutPreviewNext",
            vec![of, ("Agent", "b"), ("Timeout", "0")],
            "Timeout: \"0\" is not allowed; allowed: a whole number from 1 to 3600 (seconds)",
        ),
        ("OutPreviewNext", vec![of, ("Agent", "b"), ("Timeout", "3601")], "from 1 to 3600"),
        ("OutPreviewNext", vec![of, ("Agent", "b"), ("Timeout", "")], "from 1 to 3600"),
        ("OutPreviewGo", vec![], "Uuid: missing; allowed: a uuid"),
        ("OutPreviewGo", vec![("Uuid", nobody)], "allowed: that of a preview which OutPreviewNext gave"),
        (
            "OutPreviewGo",
            vec![preview, ("Number", "0")],
            "Number: \"0\" is not allowed; allowed: a whole number from 1 to 8",
        ),
        ("OutPreviewGo", vec![preview, ("Number", "9")], "from 1 to 8"),
        ("OutPreviewGo", vec![preview, ("Number", "x")], "from 1 to 8"),
        (
            "OutPreviewGo",
            vec![preview, ("Number", "2")],
            "Number: \"2\" is not allowed; allowed: 1 (its numbers that have a try left)",
        ),
        ("OutPreviewSkip", vec![], "Uuid: missing; allowed: a uuid"),
        ("OutPreviewSkip", vec![("Uuid", "x")], "Uuid: \"x\" is not allowed; allowed: a uuid"),
        ("OutPreviewSkip", vec![("Uuid", nobody)], "allowed: that of a preview which OutPreviewNext gave"),
        (
            "OutPreviewSkip",
            vec![preview, ("RetryDelay", "-1")],
            "RetryDelay: \"-1\" is not allowed; allowed: a whole number from 0",
        ),
        ("OutPreviewSkip", vec![preview, ("Reason", &"x".repeat(901))], "Reason: "),
    ] {
        let said = refused(&mut client, action, &fields);
        assert!(said.contains(says) && said.contains("allowed"), "{action} {fields:?}: {said}");
    }
    // Nothing was told, nothing has changed, and the preview is as good as before.
    events.done("Ping", &[]);
    while let Some(event) = events.event(Duration::ZERO) {
        assert!(!header(&event, "Event").starts_with("Out"), "{event:?}");
    }
    let listed = client.list("OutPreviewShow", &[]);
    assert_eq!(listed.len(), 1);
    assert_eq!(header(&listed[0], "Uuid"), uuid);
    client.done("OutPreviewGo", &[preview, ("Number", "1")]);
    daemon.poll("the line", |daemon| (daemon.results().len() == 1).then_some(()));
    daemon.check();
}

#[test]
fn a_kill_between_next_and_go_frees_the_contact_and_one_behind_the_commit_dials_nobody_twice() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let campaign = started(&mut client, &[("MaxRetry1", "1")], &[&BUSY]);
    let uuid = header(&shown(&mut daemon, &mut client, &campaign.uuid, "a"), "Uuid");
    daemon.kill();
    // Killed again with the go committed, and nobody told.
    daemon.run_with(&[("ASTOUT_CRASH_AT", "after_claim_commit:1")]);
    let mut client = daemon.client();
    assert!(client.list("OutPreviewShow", &[]).is_empty());
    let why = refused(&mut client, "OutPreviewGo", &[("Uuid", &uuid)]);
    assert!(why.contains("allowed: that of a preview"), "{why}");
    assert!(daemon.results().is_empty() && sandbox.dialled_of("dialled").is_empty());
    let again = header(&shown(&mut daemon, &mut client, &campaign.uuid, "b"), "Uuid");
    client.submit("OutPreviewGo", &[("Uuid", &again)]);
    assert!(!daemon.ended().success());
    daemon.run();
    let mut client = daemon.client();
    daemon.poll("its one line", |daemon| (daemon.results().len() == 1).then_some(()));
    let lines = daemon.results();
    assert_eq!((&lines[0]["dialing_uuid"], &lines[0]["outcome"]), (&again.into(), &"unknown".into()));
    assert!(lines[0]["variables"].to_string().contains("ASTOUT_AGENT"), "{}", lines[0]);
    // It was its only try.
    let why = refused(&mut client, "OutPreviewNext", &[("CampaignUuid", &campaign.uuid), ("Agent", "b")]);
    assert!(why.contains("no contact: List: "), "{why}");
    assert!(sandbox.dialled_of("dialled").is_empty());
    daemon.check();
}

/// Extensions that ask, and tell what came of it.
const AGENTS: &str = r#"
[preview-test]
exten => next,1,AGI(agi://127.0.0.1:4573/OutPreviewNext,${CAMPAIGN},PJSIP/100,${SECONDS})
 same => n,Goto(told,1)
exten => go,1,AGI(agi://127.0.0.1:4573/OutPreviewGo,${OUTPREVIEW},${NUMBER})
 same => n,Goto(told,1)
exten => skip,1,AGI(agi://127.0.0.1:4573/OutPreviewSkip,${OUTPREVIEW},0,"busy, not today")
 same => n,Goto(told,1)
exten => both,1,AGI(agi://127.0.0.1:4573/OutPreviewNext,${CAMPAIGN},PJSIP/100)
 same => n,AGI(agi://127.0.0.1:4573/OutPreviewGo,${OUTPREVIEW})
 same => n,Goto(told,1)
exten => told,1,UserEvent(Told,Status: ${OUTSTATUS},Detail: ${OUTDETAIL},Preview: ${OUTPREVIEW},Name: ${OUTNAME},Number: ${OUTNUMBER},Index: ${OUTNUMBERINDEX},Try: ${OUTTRY},Expires: ${OUTEXPIRES},Key: ${OUTUKEY})
 same => n,Hangup()

[preview-dest]
exten => s,1,UserEvent(Reached,Agent: ${ASTOUT_AGENT})
 same => n,Wait(1)
 same => n,Hangup()
"#;

fn run(admin: &mut Client, exten: &str, variables: &[(&str, &str)]) -> Message {
    Lab::told(admin, &format!("{exten}@preview-test"), variables)
}

#[test]
fn a_real_dialplan_asks_for_a_contact_and_says_go_or_skip() {
    let lab = Lab::up("preview");
    let (mut daemon, door) = Daemon::start_with_agi(&lab, "");
    lab.add_dialplan(&AGENTS.replace("127.0.0.1:4573", &door));
    let (mut client, mut admin) = (daemon.client(), lab.admin());
    let dest = [("Type", "0"), ("Exten", "s"), ("Context", "preview-dest")];
    let plan = [&PREVIEW[..], &[("DlEndHandle", "0"), ("RetryDelay", "0")]].concat();
    // Answers at once, and stays.
    let contact = [("Name", "Doe, \"Renée\""), ("Number1", "1000001"), ("UKey", "k1")];
    let campaign = Campaign::create(&mut client, &plan, &dest, &[&contact]);
    let of = ("CAMPAIGN", campaign.uuid.as_str());
    let told = run(&mut admin, "next", &[of]);
    assert_eq!(header(&told, "Status"), "REFUSED");
    assert!(header(&told, "Detail").contains("0 (stop)"), "{told:?}");
    start(&mut client, &campaign);
    shown(&mut daemon, &mut client, &campaign.uuid, "PJSIP/100");
    // He has it already: it is the same.
    let told = run(&mut admin, "next", &[of]);
    let preview = header(&told, "Preview");
    for (name, value) in [
        ("Status", "OK"),
        ("Detail", preview.as_str()),
        ("Number", "1000001"),
        ("Index", "1"),
        ("Try", "1"),
        ("Key", "k1"),
    ] {
        assert_eq!(header(&told, name), value, "{name}");
    }
    // UserEvent takes what stands behind a comma for its next argument.
    assert_eq!(header(&told, "Name"), "Doe");
    let told = run(&mut admin, "skip", &[("OUTPREVIEW", &preview)]);
    assert_eq!(header(&told, "Status"), "OK", "{told:?}");
    let end = end_of(&mut client, &preview);
    assert_eq!(
        (header(&end, "Result"), header(&end, "Reason")),
        ("skipped".into(), "busy, not today".into())
    );
    // What is wrong is said.
    let gone = run(&mut admin, "go", &[("OUTPREVIEW", &preview)]);
    assert_eq!(header(&gone, "Status"), "REFUSED");
    assert!(header(&gone, "Detail").starts_with("Uuid: "), "{gone:?}");
    let wrong = run(&mut admin, "next", &[of, ("SECONDS", "soon")]);
    assert_eq!(header(&wrong, "Status"), "REFUSED");
    assert!(header(&wrong, "Detail").starts_with("Timeout: soon is not allowed"), "{wrong:?}");
    // Next and go in one call: the callee is answered, and whoever has said go is known there.
    let told = run(&mut admin, "both", &[of]);
    assert_eq!(header(&told, "Status"), "OK", "{told:?}");
    let dialling = header(&told, "Detail");
    assert_eq!(dialling, header(&told, "Preview"));
    let reached = admin.wait_for("the destination", |event| header(event, "UserEvent") == "Reached");
    assert_eq!(
        (header(&reached, "Agent"), header(&reached, "Uniqueid")),
        ("PJSIP/100".into(), dialling.clone())
    );
    daemon.poll("the line", |daemon| (daemon.results().len() == 1).then_some(()));
    let lines = daemon.results();
    assert_lines_whole(&lines);
    assert_eq!((&lines[0]["dialing_uuid"], &lines[0]["outcome"]), (&dialling.into(), &"answered".into()));
    let told = run(&mut admin, "next", &[of]);
    assert_eq!(header(&told, "Status"), "NONE", "{told:?}");
    daemon.check();
}

/// An agent's call is read to: his half of it.
fn looking(admin: &mut Client) -> String {
    let reading = admin.wait_for("the question", |event| {
        header(event, "Event") == "Newexten" && header(event, "Application") == "Read"
    });
    header(&reading, "Channel").replace(";2", ";1")
}

#[test]
fn the_example_of_the_documentation_does_what_it_says() {
    let lab = Lab::up("preview-example");
    let (mut daemon, door) = Daemon::start_with_agi(&lab, "");
    let (mut client, mut admin) = (daemon.client(), lab.admin());
    let dest = [("Type", "0"), ("Context", "to-the-agent"), ("Exten", "s")];
    let plan = [&PREVIEW[..], &[("DlEndHandle", "0"), ("RetryDelay", "0")]].concat();
    let contacts: [&[(&str, &str)]; 2] = [&[("Number1", "1000001")], &[("Number1", "1000002")]];
    let campaign = Campaign::create(&mut client, &plan, &dest, &contacts);
    let text = fs::read_to_string("docs/preview.md").unwrap();
    let (_, example) = text.split_once("```text\n[agents]").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let example = format!("\n[agents]{example}").replace("127.0.0.1:4573", &door);
    // Seven digits take six seconds.
    let example =
        example.replace("6a1f6f3e-4b6e-4b0e-9d1c-2f6a0d0c7b11", &campaign.uuid).replace("SayDigits", "NoOp");
    lab.add_dialplan(&example);
    start(&mut client, &campaign);
    let first = header(&shown(&mut daemon, &mut client, &campaign.uuid, "PJSIP/100"), "Uuid");
    let calls = [
        ("Channel", "Local/*80@agents/n"),
        ("CallerID", "100"),
        ("Application", "Wait"),
        ("Data", "30"),
        ("Async", "true"),
    ];
    // 2: the other one. 1: that one is dialled, and put through to him.
    admin.done("Originate", &calls);
    let agent = looking(&mut admin);
    admin.done("PlayDTMF", &[("Channel", &agent), ("Digit", "2")]);
    assert_eq!(header(&end_of(&mut client, &first), "Result"), "skipped");
    let agent = looking(&mut admin);
    let second = header(&client.list("OutPreviewShow", &[])[0], "Uuid");
    admin.done("PlayDTMF", &[("Channel", &agent), ("Digit", "1")]);
    assert_eq!(header(&end_of(&mut client, &second), "Result"), "dialled");
    daemon.poll("the line", |daemon| (daemon.results().len() == 1).then_some(()));
    let line = daemon.results().remove(0);
    assert_eq!((&line["dialing_uuid"], &line["outcome"]), (&second.into(), &"answered".into()));
    assert!(line["variables"].to_string().contains("PJSIP/100"), "{line}");
    // Who hangs up while he looks gives the contact back.
    admin.done("Originate", &calls);
    let agent = looking(&mut admin);
    let third = header(&client.list("OutPreviewShow", &[])[0], "Uuid");
    admin.done("Hangup", &[("Channel", &agent)]);
    assert_eq!(header(&end_of(&mut client, &third), "Result"), "skipped");
    daemon.check();
}
