//! `astout campaign|plan|dlma|dl|destination|dialing …`: each field an option, and what a mistake is answered with.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::process::{Command, Stdio};

use serde_json::Value;

use support::daemon::Daemon;

/// Nobody listens there: the daemon waits for an Asterisk.
const NOWHERE: &str = "127.0.0.1:9";

fn start() -> Daemon {
    Daemon::start_beside(NOWHERE, "user", "secret", "")
}

/// What it ends with, what it prints, and what it complains of.
fn said(daemon: &Daemon, arguments: &[&str]) -> (i32, String, String) {
    let output = daemon.cli(arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What it prints, having succeeded.
fn done(daemon: &Daemon, arguments: &[&str]) -> String {
    let (code, text, complaint) = said(daemon, arguments);
    assert_eq!((code, complaint.as_str()), (0, ""), "{arguments:?}: {text}");
    text.trim_end().to_owned()
}

fn json(daemon: &Daemon, arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.push("--json");
    serde_json::from_str(&done(daemon, &all)).unwrap()
}

/// What it complains of, refused with that code.
fn refused(daemon: &Daemon, arguments: &[&str], code: i32) -> String {
    let (ended, text, complaint) = said(daemon, arguments);
    assert_eq!(ended, code, "{arguments:?}: {text}{complaint}");
    assert_eq!(text, "", "{arguments:?}");
    complaint
}

struct Made {
    plan: String,
    dlma: String,
    destination: String,
    campaign: String,
}

fn make(daemon: &Daemon) -> Made {
    let plan =
        done(daemon, &["plan", "create", "--name", "sales", "--tech-name", "PJSIP", "--trunk-name", "t1"]);
    let dlma = done(daemon, &["dlma", "create", "--name", "O'Brien's \"list\", ü"]);
    let destination =
        done(daemon, &["destination", "create", "--type=1", "--application", "Queue", "--data", "sales_1"]);
    let campaign = done(
        daemon,
        &[
            "campaign",
            "create",
            "--name=autumn",
            "--plan",
            &plan,
            "--dlma",
            &dlma[..8],
            "--dest",
            &destination,
        ],
    );
    Made { plan, dlma, destination, campaign }
}

#[test]
fn what_is_created_is_listed_shown_changed_and_deleted() {
    let daemon = start();
    let Made { plan, dlma, destination, campaign } = make(&daemon);
    let dl = done(
        &daemon,
        &[
            "dl",
            "create",
            "--dlma",
            &dlma[..8],
            "--name",
            "client 01",
            "--number1",
            "300",
            "--variable",
            "A=x,y",
            "--variable",
            "B=\"z\"",
            "--ukey",
            "k1",
        ],
    );
    for (noun, uuid) in [
        ("plan", &plan),
        ("dlma", &dlma),
        ("destination", &destination),
        ("campaign", &campaign),
        ("dl", &dl),
    ] {
        assert_eq!(uuid.len(), 36, "{noun}: {uuid}");
        let list = done(&daemon, &[noun, "list"]);
        assert!(list.contains(uuid.as_str()) && list.ends_with(&format!("1 {noun}")), "{list}");
        assert_eq!(json(&daemon, &[noun, "list"])[0]["uuid"], uuid.as_str());
        let shown = done(&daemon, &[noun, "show", &uuid[..9]]);
        assert!(
            shown.lines().any(|line| line.starts_with("uuid") && line.ends_with(uuid.as_str())),
            "{shown}"
        );
        assert_eq!(json(&daemon, &[noun, "show", uuid])["uuid"], uuid.as_str());
        assert_eq!(
            done(&daemon, &[noun, "update", uuid, "--detail", "as it was"]),
            format!("updated {uuid}")
        );
        assert_eq!(json(&daemon, &[noun, "show", uuid])["detail"], "as it was");
        done(&daemon, &[noun, "update", uuid, "--detail="]);
        assert_eq!(json(&daemon, &[noun, "show", uuid])["detail"], Value::Null);
    }
    assert_eq!(json(&daemon, &["dl", "show", &dl])["variables"], r#"{"A":"x,y","B":"\"z\""}"#);
    assert_eq!(json(&daemon, &["dlma", "show", &dlma])["name"], "O'Brien's \"list\", ü");
    assert_eq!(json(&daemon, &["campaign", "show", &campaign])["dlma"], dlma.as_str());
    for (noun, uuid) in [("campaign", &campaign), ("dl", &dl), ("plan", &plan), ("destination", &destination)]
    {
        assert_eq!(done(&daemon, &[noun, "delete", &uuid[..12]]), format!("deleted {uuid}"));
        assert!(done(&daemon, &[noun, "list"]).ends_with(&format!("0 {noun}s")));
    }
    assert_eq!(json(&daemon, &["dlma", "delete", &dlma])["uuid"], dlma.as_str());
    assert_eq!(json(&daemon, &["dialing", "list"]), Value::Array(Vec::new()));
}

#[test]
fn a_campaign_is_started_paused_and_stopped() {
    let daemon = start();
    let Made { campaign, .. } = make(&daemon);
    assert_eq!(
        done(&daemon, &["campaign", "start", &campaign[..8]]),
        format!("Campaign {campaign}: status 11 (starting)")
    );
    for verb in [&["pause"][..], &["stop"], &["stop", "--forcedly"]] {
        let arguments = [&["campaign"], verb, &[campaign.as_str()]].concat();
        let (code, ..) = said(&daemon, &arguments);
        assert!(code <= 1, "{verb:?}");
    }
    let uuid = "00000000-0000-4000-8000-000000000000";
    assert!(refused(&daemon, &["campaign", "start", uuid], 1).contains("No such campaign"));
}

#[test]
fn how_far_campaigns_have_come_is_counted() {
    let daemon = start();
    let Made { dlma, campaign, plan, .. } = make(&daemon);
    let other = done(&daemon, &["campaign", "create", "--plan", &plan]);
    for status in ["0", "0", "2"] {
        let dl = done(&daemon, &["dl", "create", "--dlma", &dlma, "--number1", "300"]);
        done(&daemon, &["dl", "update", &dl, "--status", status]);
    }
    let stat = json(&daemon, &["campaign", "stat", &campaign[..8]]);
    assert_eq!(stat.as_array().unwrap().len(), 1);
    assert_eq!((&stat[0]["name"], &stat[0]["dl_total_count"]), (&"autumn".into(), &3.into()));
    assert_eq!((&stat[0]["dl_available_count"], &stat[0]["dl_held_count"]), (&2.into(), &1.into()));
    let stats = done(&daemon, &["campaign", "stat"]);
    assert!(stats.contains("AVAILABLE") && stats.contains(&campaign) && stats.contains(&other), "{stats}");
    assert!(refused(&daemon, &["campaign", "stat", "beefbeef"], 1).contains("No such campaign"));
}

#[test]
fn a_wrong_value_is_refused_with_the_field_and_what_is_allowed_and_nothing_is_written() {
    let daemon = start();
    let Made { plan, dlma, campaign, .. } = make(&daemon);
    for (arguments, field) in [
        (&["plan", "create", "--dial-mode", "99"][..], "DialMode: \"99\""),
        (&["plan", "create", "--max-retry3", "many"], "MaxRetry3: \"many\""),
        (&["plan", "update", &plan, "--retry-delay=-5"], "RetryDelay: \"-5\""),
        (&["destination", "create", "--type", "1"], "Application: missing"),
        (&["campaign", "create", "--plan", "beefbeef"], "No such plan"),
        (&["campaign", "update", &campaign, "--sc-time-start", "25:00"], "ScTimeStart: \"25:00\""),
        (&["dl", "create", "--dlma", &dlma], "Number1: missing"),
        (&["dl", "create", "--dlma", &dlma, "--number1", "12x"], "Number1: \"12x\""),
        (
            &["dl", "create", "--dlma", &dlma, "--number1", "300", "--variable", "novalue"],
            "Variable: \"novalue\"",
        ),
        (&["plan", "delete", "beefbeef"], "No such plan"),
        (&["plan", "create", "--uuid", &plan], "is taken"),
    ] {
        let complaint = refused(&daemon, arguments, 1);
        assert!(complaint.contains(field), "{arguments:?}: {complaint}");
    }
    assert_eq!(json(&daemon, &["plan", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(json(&daemon, &["dl", "list"]).as_array().unwrap().len(), 0);
}

#[test]
fn what_makes_no_sense_is_64_and_says_what_would() {
    let daemon = start();
    let plan = done(&daemon, &["plan", "create"]);
    for (arguments, text) in [
        (&["plan"][..], "create"),
        (&["plan", "nonsense"], "unrecognized subcommand"),
        (&["dialing", "nonsense"], "unrecognized subcommand"),
        (&["dialing"], "delete"),
        (&["plan", "create", "--dail-mode", "1"], "--dial-mode"),
        (&["plan", "update", &plan], "nothing to change"),
        (&["plan", "update", "--name", "x"], "<UUID>"),
        (&["plan", "show"], "<UUID>"),
        (&["dl", "create", "--number1", "300"], "--dlma"),
        (&["dl", "list", "--count", "0"], "--count"),
        (&["plan", "create", "--name", "two\nlines"], "Name"),
        (&["plan", "create", "--set", "nonsense"], "FIELD=VALUE"),
        (&["plan", "update", &plan, "--set", "MaxRetrys1=1"], "did you mean \"MaxRetry1\"?"),
        (&["plan", "create", "--name", "n", "--set", "Colour=red"], "allowed: Name, Detail, DialMode"),
        (&["-r", "plan", "list"], "subcommand"),
    ] {
        let complaint = refused(&daemon, arguments, 64);
        assert!(complaint.contains(text), "{arguments:?}: {complaint}");
    }
}

#[test]
fn who_would_make_or_change_a_dialing_is_told_what_does() {
    // No daemon is needed for that.
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    for (arguments, why, instead) in [
        (&["dialing", "create"][..], "campaigns make them", "astout campaign start"),
        (&["dialing", "create", "--dial-addr", "300"], "campaigns make them", "astout import"),
        (&["dialing", "update"], "a call under way", "astout dialing delete"),
        (
            &["dialing", "update", "beefbeef", "--status=7"],
            "a call under way",
            "astout campaign|plan|dl update",
        ),
    ] {
        let complaint = refused(&daemon, arguments, 64);
        for text in [why, instead, "list, show, delete", "Action: Originate"] {
            assert!(complaint.contains(text), "{arguments:?}: no {text} in\n{complaint}");
        }
    }
    let mut daemon = daemon;
    daemon.run();
    let complaint = refused(&daemon, &["-rx", "dialing create"], 64);
    assert!(complaint.contains("campaigns make them"), "{complaint}");
}

#[test]
fn set_takes_every_field_by_its_name_in_ami() {
    let daemon = start();
    let uuid = "11111111-1111-4111-8111-111111111111";
    let given = format!("Uuid={uuid}");
    assert_eq!(
        done(&daemon, &["plan", "create", "--set", "name=sales", "--set", &given, "--set", "Variable=A=b"]),
        uuid
    );
    done(&daemon, &["plan", "update", uuid, "--set", "MaxRetryCnt2=7", "--set", "MaxRetry1=3"]);
    let plan = json(&daemon, &["plan", "show", uuid]);
    assert_eq!((&plan["max_retry_cnt_1"], &plan["max_retry_cnt_2"]), (&Value::from(3), &Value::from(7)));
    assert_eq!(plan["variables"], r#"{"A":"b"}"#);
}

#[test]
fn without_a_daemon_it_is_69() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    assert!(refused(&daemon, &["plan", "list"], 69).contains("serve"));
}

#[test]
fn who_stops_reading_is_not_complained_to() {
    let daemon = start();
    make(&daemon);
    for arguments in
        [&["campaign", "list", "--json"][..], &["-rx", "out show plans"], &["completions", "bash"]]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_astout"));
        command.args(arguments).arg("--config").arg(daemon.path("astout.toml"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn contacts_are_listed_page_by_page_all_of_them_or_so_many() {
    let daemon = start();
    let dlma = done(&daemon, &["dlma", "create"]);
    let other = done(&daemon, &["dlma", "create"]);
    let mut client = daemon.client();
    for number in 0..120 {
        client.create("OutDlListCreate", &[("DlmaUuid", &dlma), ("Number1", &format!("30{number}"))]);
    }
    client.create("OutDlListCreate", &[("DlmaUuid", &other), ("Number1", "400")]);
    let count = |arguments: &[&str]| json(&daemon, arguments).as_array().unwrap().len();
    assert_eq!(count(&["dl", "list"]), 121);
    assert_eq!(count(&["dl", "list", "--dlma", &dlma]), 120);
    assert_eq!(count(&["dl", "list", "--dlma", &other]), 1);
    assert_eq!(count(&["dl", "list", "--count", "50"]), 50);
    assert_eq!(count(&["dl", "list", "--count", "60"]), 60);
    let list = done(&daemon, &["dl", "list", "--dlma", &dlma, "--count", "2"]);
    assert!(list.contains(" 300") && list.contains(" 301") && list.ends_with("2 dls"), "{list}");
}

#[test]
fn help_names_every_field() {
    let daemon = start();
    let help = done(&daemon, &["--help"]);
    for noun in ["campaign", "plan", "dlma", "dl", "destination", "dialing"] {
        assert!(help.contains(&format!("\n  {noun} ")), "{noun} in\n{help}");
    }
    let help = done(&daemon, &["plan", "create", "--help"]);
    for option in
        ["--dial-mode <0-4>", "--retry-delay <SECONDS>", "--max-retry8 <TRIES>", "--variable <NAME=VALUE>"]
    {
        assert!(help.contains(option), "{option} in\n{help}");
    }
    assert!(done(&daemon, &["campaign", "stop", "--help"]).contains("--forcedly"));
}

/// What a record shows and nobody sets.
const NOT_SET: [&str; 16] = [
    "uuid",
    "in_use",
    "status",
    "sc_served",
    "dl_table",
    "resv_target",
    "dialing_uuid",
    "dialing_camp_uuid",
    "dialing_plan_uuid",
    "res_dial",
    "res_dial_detail",
    "res_hangup",
    "res_hangup_detail",
    "trycnt",
    "held",
    "last_outcome",
];

#[test]
fn whatever_a_noun_shows_can_be_set_by_an_option() {
    let daemon = start();
    let Made { plan, dlma, destination, campaign } = make(&daemon);
    let dl = done(&daemon, &["dl", "create", "--dlma", &dlma, "--number1", "300"]);
    for (noun, uuid) in
        [("plan", plan), ("dlma", dlma), ("destination", destination), ("campaign", campaign), ("dl", dl)]
    {
        let help = done(&daemon, &[noun, "create", "--help"]);
        let options: Vec<String> = help
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("--"))
            .map(|option| option.replace('-', ""))
            .collect();
        let record = json(&daemon, &[noun, "show", &uuid]);
        for column in record.as_object().unwrap().keys() {
            let is_set = !NOT_SET.contains(&column.as_str())
                && !["tm_", "trycnt_", "fault"].iter().any(|begin| column.starts_with(begin));
            let option = column.replace("_uuid", "").replace("cnt_", "").replace('_', "");
            let option = option.strip_suffix('s').filter(|_| option == "variables").unwrap_or(&option);
            assert!(
                !is_set || options.iter().any(|known| known == option),
                "no --{option} for {noun}'s {column}"
            );
        }
    }
}

#[test]
fn a_dial_timeout_takes_its_unit_and_is_not_taken_for_seconds_without_one() {
    let daemon = start();
    let create = ["plan", "create", "--name", "patient", "--dial-timeout"];
    let complaint = refused(&daemon, &[&create[..], &["30"]].concat(), 64);
    assert!(complaint.contains("--dial-timeout 30: ") && complaint.contains("say 30s"), "{complaint}");
    let complaint = refused(&daemon, &[&create[..], &["soon"]].concat(), 1);
    assert!(complaint.contains("DialTimeout: \"soon\" is not allowed"), "{complaint}");
    assert_eq!(json(&daemon, &["plan", "list"]), serde_json::json!([]), "nothing of it was written");

    let plan = done(&daemon, &[&create[..], &["30s"]].concat());
    assert_eq!(json(&daemon, &["plan", "show", &plan])["dial_timeout"], 30_000);
    done(&daemon, &["plan", "update", &plan, "--dial-timeout", "900ms"]);
    assert_eq!(json(&daemon, &["plan", "show", &plan])["dial_timeout"], 900);
}
