//! The command line as people use it: exit codes, what a mistake is answered with, and `-rx` against a running daemon.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::fs;
use std::process::{Command, Output};

use support::ami::{Client, header};
use support::daemon::{Daemon, USER};

/// Nobody listens there: the daemon waits for an Asterisk.
const NOWHERE: &str = "127.0.0.1:9";

fn astout(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_astout")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn help_and_version_are_on_stdout_and_a_wrong_argument_is_64() {
    let (code, text) = said(&astout(&["--help"]));
    assert_eq!(code, 0);
    for word in ["serve", "check-config", "check", "doctor", "import", "-x", "--config", "Exit codes"] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
    assert_eq!(said(&astout(&["--version"])).0, 0);
    for wrong in [&["nonsense"][..], &["serve", "--nonsense"], &["-r", "serve"], &[]] {
        assert_eq!(said(&astout(wrong)).0, 64, "{wrong:?}");
    }
}

#[test]
fn shells_are_told_how_to_complete() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, text) = said(&astout(&["completions", shell]));
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("dial-mode") && text.contains("check-config"), "{shell}");
    }
    assert_eq!(said(&astout(&["completions", "tcl"])).0, 64);
}

#[test]
fn a_wrong_configuration_is_78_with_its_line_whoever_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("astout.toml");
    fs::write(&path, "[asterisk]\nprot = 5038\nsecret = \"x\"\n").unwrap();
    let path = path.to_str().unwrap();
    for arguments in [["check-config", "--config", path], ["--config", path, "serve"]] {
        let (code, text) = said(&astout(&arguments));
        assert_eq!(code, 78, "{text}");
        assert!(text.contains("astout.toml:2: asterisk.prot") && text.contains("port"), "{text}");
    }
    assert_eq!(said(&astout(&["check-config", "--config", "/nowhere/astout.toml"])).0, 78);
}

#[test]
fn a_second_daemon_on_the_same_database_ends_with_69_and_says_who_has_it() {
    let mut daemon = Daemon::start_beside(NOWHERE, "user", "secret", "");
    let (code, text) = said(&daemon.cli(&["serve"]));
    assert_eq!(code, 69, "{text}");
    assert!(text.contains("already running (pid "), "{text}");
    assert!(daemon.stop().success());
    assert!(!daemon.path("ctl.sock").exists());
}

#[test]
fn rx_shows_what_is_there() {
    let daemon = Daemon::start_beside(NOWHERE, "user", "secret", "");
    let mut client = daemon.client();
    let plan = client.create("OutPlanCreate", &[("Name", "sales_plan"), ("TechName", "sip/")]);
    let (code, text) = said(&daemon.cli(&["-rx", "out show plans"]));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("sales_plan") && text.contains(&plan), "{text}");
    let (code, text) = said(&daemon.cli(&["-rx", &format!("out show plan {plan}")]));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("  \"tech_name\": \"sip/\""), "{text}");
    for noun in ["campaigns", "dlmas", "destinations", "dls", "dialings"] {
        assert_eq!(said(&daemon.cli(&["-rx", &format!("out show {noun}")])).0, 0, "{noun}");
    }
    let (code, text) = said(&daemon.cli(&["-rx", "out show nonsense"]));
    assert_eq!(code, 1, "{text}");
    let (code, text) = said(&daemon.cli(&["-rx", "out show plans", "--json"]));
    assert_eq!(code, 0, "{text}");
    let plans: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plans[0]["uuid"], plan.as_str());
}

#[test]
fn rx_without_a_daemon_is_69_and_says_what_to_do() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    let (code, text) = said(&daemon.cli(&["-rx", "out show plans"]));
    assert_eq!(code, 69, "{text}");
    assert!(text.contains("ctl.sock") && text.contains("serve"), "{text}");
}

#[test]
fn a_database_or_a_log_that_cannot_be_opened_is_74_and_named() {
    for (key, value) in [
        ("ASTOUT__DATABASE__URL", "sqlite:///nowhere/at/all.sqlite3"),
        ("ASTOUT__RESULT__FILENAME", "/nowhere/at/all.result"),
    ] {
        let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
        let output = Command::new(env!("CARGO_BIN_EXE_astout"))
            .args(["serve", "--config"])
            .arg(daemon.path("astout.toml"))
            .env(key, value)
            .output()
            .unwrap();
        let (code, text) = said(&output);
        assert_eq!(code, 74, "{text}");
        assert!(text.contains("/nowhere/at"), "{text}");
    }
}

#[test]
fn a_hangup_takes_up_the_configuration_or_says_what_is_wrong_with_it() {
    let mut daemon = Daemon::start_beside(NOWHERE, "user", "secret", "");
    let path = daemon.path("astout.toml");
    let text = fs::read_to_string(&path).unwrap();
    let plan = [("TechName", "DAHDI/"), ("Name", "x")];
    assert!(daemon.client().action("OutPlanCreate", &plan).is_success());

    fs::write(
        &path,
        text.replace("operators-secret-of-the-tests", "another-secret-of-the-tests")
            + "[policy]\ntechnologies = [\"PJSIP\"]\n",
    )
    .unwrap();
    daemon.hang_up();
    daemon.poll("the reload", |daemon| daemon.log().contains("took up the configuration").then_some(()));
    let mut client = Client::login(&daemon.address(), USER, "another-secret-of-the-tests");
    let refused = client.action("OutPlanCreate", &plan);
    assert!(header(&refused, "Message").contains("TechName"), "{refused:?}");

    fs::write(&path, "[asterisk]\nprot = 1\n").unwrap();
    daemon.hang_up();
    daemon
        .poll("the complaint", |daemon| daemon.log().contains("astout.toml:2: asterisk.prot").then_some(()));
    assert!(client.action("Ping", &[]).is_success());
    fs::write(&path, text).unwrap();
}
