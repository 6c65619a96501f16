//! `astout doctor`: what it says of an Asterisk that is right, absent, refusing or poor in rights, and of records.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::fs;
use std::path::Path;

use support::ami::header;
use support::daemon::Daemon;
use support::lab::Lab;
use support::scenario::{Campaign, LOCAL};

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:9";

/// What it says, and how it ends.
fn doctor(daemon: &Daemon, arguments: &[&str]) -> (i32, String) {
    let output = daemon.cli(&[&["doctor"], arguments].concat());
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), text)
}

/// Whether a line begins so.
#[track_caller]
fn says(text: &str, line: &str) {
    assert!(text.lines().any(|said| said.starts_with(line)), "{line} in\n{text}");
}

/// A daemon that is set up beside that lab and not started.
fn prepared(lab: &Lab, user: &str, secret: &str) -> Daemon {
    Daemon::prepared(lab.get("ASTERISK_AMI"), user, secret, "")
}

#[test]
fn a_machine_without_an_asterisk_and_before_the_first_start() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 1, "{text}");
    says(&text, "OK   configuration: ");
    says(&text, "NOTE daemon: does not run");
    says(&text, "NOTE database: ");
    says(&text, "NOTE result log: ");
    says(&text, "FAIL Asterisk at 127.0.0.1:9: no answer: Connection refused");
    assert!(text.trim_end().ends_with("1 FAIL"), "{text}");
}

#[test]
fn a_wrong_configuration_is_told_with_its_line() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "[polizy]\n");
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 1, "{text}");
    says(&text, "FAIL configuration: ");
    assert!(text.contains("polizy") && text.contains("astout.toml:"), "{text}");
    let (_, text) = doctor(&daemon, &["--json"]);
    let findings: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(findings[0]["level"], "FAIL");
}

#[test]
fn a_directory_that_is_not_there_is_told() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    let path = daemon.path("astout.toml");
    let text = fs::read_to_string(&path).unwrap().replace("astout.result\"", "nowhere/astout.result\"");
    fs::write(&path, text).unwrap();
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 1);
    says(&text, "FAIL disk of ");
    says(&text, "FAIL result log: ");
}

#[test]
fn beside_a_live_daemon_all_that_campaigns_name_is_looked_for() {
    let lab = Lab::up("doctor");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    for destination in [
        &[("Type", "1"), ("Application", "Queue"), ("Data", "sales_1,tT")][..],
        &[("Type", "1"), ("Application", "Queue"), ("Data", "sales_none")],
        &[("Type", "0"), ("Context", "astout-dest"), ("Exten", "hold")],
        &[("Type", "1"), ("Application", "Playback"), ("Data", "demo-congrats")],
    ] {
        Campaign::create(&mut client, &LOCAL, destination, &[]);
    }
    client.create("OutPlanCreate", &[("TechName", "PJSIP/"), ("TrunkName", "sipp")]);
    client.create("OutPlanCreate", &[("TechName", "sip/"), ("TrunkName", "old")]);
    let (code, text) = doctor(&daemon, &["--deep"]);
    assert_eq!(code, 0, "{text}");
    for line in [
        "OK   daemon: runs, pid ",
        "OK   result log: ",
        "OK   database integrity: every page is sound",
        "OK   SQLite: 3.",
        "OK   result lines: 0, all in the log",
        "OK   Asterisk at 127.0.0.1:",
        "OK   rights: all that dialing needs",
        "OK   version: ",
        "OK   clock: as Asterisk's",
        "OK   queue sales_1: 3 members",
        "WARN queue sales_none: has no member",
        "OK   extension hold@astout-dest: is there",
        "OK   technology LOCAL: ",
        "OK   technology PJSIP: chan_pjsip is loaded",
        "OK   context astout-demo: is there",
        // No campaign uses that plan.
        "WARN technology SIP: chan_sip is not there",
    ] {
        says(&text, line);
    }
    assert!(text.contains("use PJSIP"), "{text}");

    for destination in [
        &[("Type", "1"), ("Application", "Queue"), ("Data", "nosuch")][..],
        &[("Type", "0"), ("Context", "astout-dest"), ("Exten", "nosuch")],
    ] {
        Campaign::create(&mut client, &[("TechName", "IAX2"), ("TrunkName", "x")], destination, &[]);
    }
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 1, "{text}");
    says(&text, "FAIL queue nosuch: Asterisk has no such queue; ");
    says(&text, "FAIL extension nosuch@astout-dest: ");
    says(&text, "FAIL technology IAX2: chan_iax2 is not loaded; ");
    // It said goodbye: the daemon's own session is untouched.
    assert_eq!(header(&client.done("Ping", &[]), "Ping"), "Pong");
    daemon.check();
}

#[test]
fn a_refused_login_is_answered_with_what_manager_conf_needs() {
    let lab = Lab::up("doctor-refused");
    let daemon = prepared(&lab, "astout", "not-the-secret");
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 1, "{text}");
    says(&text, "FAIL Asterisk at ");
    for line in [
        "login as astout refused: Authentication failed",
        "       [astout]\n",
        "       permit = 127.0.0.1/255.255.255.255\n",
        "       read = system,call,agent,user,reporting\n",
        "       write = originate,call,reporting\n",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("not-the-secret"), "{text}");
}

#[test]
fn poor_rights_and_too_many_are_told_with_the_classes() {
    let lab = Lab::up("doctor-rights");
    let path = Path::new(lab.get("ASTERISK_CONF")).join("manager.conf");
    let users = "\n[poor]\nsecret = poors-secret\nread = call\nwrite = call\n\n[sample]\nsecret = samples-secret\n\
                 read = system,call,agent,user,reporting\nwrite = originate,call,reporting\n";
    fs::write(&path, fs::read_to_string(&path).unwrap() + users).unwrap();
    lab.cli("manager reload");

    let (code, text) = doctor(&prepared(&lab, "poor", "poors-secret"), &[]);
    assert_eq!(code, 1, "{text}");
    says(
        &text,
        "FAIL rights: lacks Originate, CoreShowChannels, CoreStatus; add originate, reporting to write = ",
    );
    says(&text, "WARN events: FullyBooted did not come");
    says(&text, "NOTE version: ");

    // What config/asterisk gives: enough, and no more; what it may not look at is a note.
    let mut daemon = prepared(&lab, "sample", "samples-secret");
    daemon.run();
    let mut client = daemon.client();
    Campaign::create(
        &mut client,
        &[("TechName", "PJSIP")],
        &[("Type", "1"), ("Application", "Queue"), ("Data", "sales_1")],
        &[],
    );
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 0, "{text}");
    says(&text, "OK   rights: ");
    says(&text, "NOTE technology PJSIP: we may not look for its driver; asterisk -rx ");
    says(&text, "NOTE live_dangerously: cannot be told over AMI; ");
    assert!(!text.contains("least privilege"), "{text}");

    let admin = prepared(&lab, lab.get("ASTERISK_ADMIN_USER"), lab.get("ASTERISK_ADMIN_SECRET"));
    let (code, text) = doctor(&admin, &[]);
    assert_eq!(code, 0, "{text}");
    says(
        &text,
        "WARN least privilege: may use Command, UpdateConfig, CreateConfig, ModuleLoad, DBPut; take command, ",
    );
}

#[test]
fn the_relays_user_is_tried_as_the_dialers_is() {
    let lab = Lab::up("doctor-relay");
    let path = Path::new(lab.get("ASTERISK_CONF")).join("manager.conf");
    let secret = lab.get("ASTERISK_SECRET");
    let users = format!(
        "\n[relay-poor]\nsecret = {secret}\nread = call\nwrite = call,reporting\n\n\
         [relay-sample]\nsecret = {secret}\nread = system,call,agent,user,reporting,dialplan,cdr,dtmf\n\
         write = originate,call,agent,user,reporting\n"
    );
    fs::write(&path, fs::read_to_string(&path).unwrap() + &users).unwrap();
    lab.cli("manager reload");
    let relaying = |name: &str| {
        let daemon = prepared(&lab, lab.get("ASTERISK_USER"), secret);
        daemon.reconfigure("relay = false", "relay = true");
        let line = format!("calls_per_second = 200\nrelay_username = \"{name}\"");
        daemon.reconfigure("calls_per_second = 200", &line);
        daemon
    };
    let daemon = relaying("relay-sample");
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 0, "{text}");
    says(&text, "OK   relay_username: logged in as relay-sample, which may do what operators may");
    // Somebody is to have a class that it has not got.
    daemon.reconfigure("write = [\"all\"]", "write = [\"call\", \"command\"]");
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 0, "{text}");
    says(
        &text,
        "WARN relay_username: relay-sample lacks Command: operators are refused that; add command to write = ",
    );

    let (code, text) = doctor(&relaying("relay-poor"), &[]);
    assert_eq!(code, 0, "{text}");
    says(
        &text,
        "WARN relay_username: relay-poor lacks Originate, UserEvent: operators are refused that; add originate, user ",
    );
    says(&text, "WARN relay_username: relay-poor does not hear of FullyBooted");

    let nobody = relaying("nobody-there");
    let (code, text) = doctor(&nobody, &[]);
    assert_eq!(code, 1, "{text}");
    says(
        &text,
        "FAIL relay_username: login as nobody-there refused: Authentication failed; have in manager.conf",
    );
    assert!(text.contains("       [nobody-there]\n") && !text.contains(secret), "{text}");
    nobody.reconfigure("relay = true", "relay = false");
    let (code, text) = doctor(&nobody, &[]);
    assert_eq!(code, 0, "{text}");
    says(&text, "NOTE relay_username: nobody-there is not used: nothing is relayed");
}

#[test]
fn live_dangerously_is_seen() {
    let mut lab = Lab::up("doctor-live");
    lab.cli("module load func_env.so");
    let daemon = Daemon::start(&lab, "");
    says(&doctor(&daemon, &[]).1, "OK   live_dangerously: is off");
    drop(daemon);

    let path = Path::new(lab.get("ASTERISK_CONF")).join("asterisk.conf");
    let text = fs::read_to_string(&path).unwrap().replace("[options]", "[options]\nlive_dangerously = yes");
    assert!(text.contains("live_dangerously"), "{text}");
    fs::write(&path, text).unwrap();
    lab.kill();
    lab.start_again();
    lab.cli("module load func_env.so");
    let daemon = Daemon::start(&lab, "");
    says(&doctor(&daemon, &[]).1, "WARN live_dangerously: is on");
}

#[test]
fn a_log_and_a_database_that_disagree_are_told() {
    let mut daemon = Daemon::start_beside(NOWHERE, "user", "secret", "");
    assert!(daemon.stop().success());
    fs::write(daemon.path("astout.result"), "{\"seq\":7}\n").unwrap();
    daemon.not_checked("its log is forged");
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 1, "{text}");
    says(&text, "FAIL result lines: the log has line 7, the database made 0; ");
}

#[test]
fn a_damaged_database_is_told() {
    let mut daemon = Daemon::start_beside(NOWHERE, "user", "secret", "");
    assert!(daemon.stop().success());
    let path = daemon.path("astout.sqlite3");
    let mut bytes = fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4096).skip(2) {
        page[..64].fill(0x5a);
    }
    fs::write(&path, bytes).unwrap();
    daemon.not_checked("its database is damaged");
    let (code, text) = doctor(&daemon, &["--deep"]);
    assert_eq!(code, 1, "{text}");
    says(&text, "FAIL database");
}

#[test]
fn a_socket_and_a_dialplan_that_cannot_be_made_are_told() {
    let daemon =
        Daemon::prepared(NOWHERE, "user", "secret", "[dialplan]\ndirectory = \"/nowhere/dialplan\"\n");
    daemon.reconfigure("ctl.sock", "nowhere/ctl.sock");
    let (code, text) = doctor(&daemon, &[]);
    assert_eq!(code, 1, "{text}");
    says(&text, "FAIL [dialplan] directory: /nowhere/dialplan cannot be written by this user: ");
    says(&text, "FAIL [cli] socket: ");
    assert!(
        text.contains("mkdir -p /nowhere/dialplan && chown astout: ") && text.contains("elsewhere"),
        "{text}"
    );
}

#[test]
fn what_another_daemon_has_is_told_to_the_second_and_not_to_the_first() {
    let at = tempfile::tempdir().unwrap();
    let section = format!("[dialplan]\ndirectory = \"{}\"\n", at.path().display());
    let first = Daemon::start_beside(NOWHERE, "user", "secret", &section);
    let mut second = Daemon::prepared(NOWHERE, "user", "secret", &section);
    second.keep_results(first.results_path());
    let sockets = [&second, &first].map(|daemon| daemon.path("ctl.sock").display().to_string());
    second.reconfigure(&sockets[0], &sockets[1]);
    let (_, text) = doctor(&second, &[]);
    for what in
        ["result log: another daemon writes", "[dialplan] directory: another", "[cli] socket: another"]
    {
        says(&text, &format!("FAIL {what}"));
    }
    let (_, text) = doctor(&first, &[]);
    assert!(!text.contains("another daemon"), "{text}");
    says(&text, "OK   [cli] socket: ");
    says(&text, "OK   [dialplan] directory: ");
}

#[test]
fn a_log_that_was_moved_to_another_directory_is_no_failure() {
    let sandbox = support::sandbox::Sandbox::up("");
    let mut daemon = Daemon::prepared_beside(&sandbox, "");
    daemon.run();
    let mut client = daemon.client();
    let destination = [("Type", "1"), ("Application", "Park")];
    let campaign = Campaign::create(&mut client, &LOCAL, &destination, &[&[("Number1", "2001")]]);
    campaign.request(&mut client, "1");
    daemon.poll("a result", |daemon| (!daemon.results().is_empty()).then_some(()));
    drop(client);
    assert!(daemon.stop().success());
    let away = daemon.path("old");
    fs::create_dir(&away).unwrap();
    fs::rename(daemon.path("astout.result"), away.join("astout.result")).unwrap();
    let (_, text) = doctor(&daemon, &[]);
    says(&text, "WARN result lines: the log has none, and those up to ");
    assert!(!text.contains("FAIL result lines"), "{text}");
    // In its own directory it counts, by whatever name a rotation gives it.
    fs::rename(away.join("astout.result"), daemon.path("astout.result.1")).unwrap();
    says(&doctor(&daemon, &[]).1, "OK   result lines: ");
}
