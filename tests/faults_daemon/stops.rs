//! Cases 12 and 16 to 18, and what ends the daemon on request: SIGTERM once and twice, `astout stop`, `drain`, `reload`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::fault::{Witness, campaign, finish, killed_at, on_both, told};
use crate::support::ami::{Client, header};
use crate::support::daemon::Daemon;
use crate::support::pbx::Pbx;
use crate::support::sandbox::Sandbox;
use crate::support::scenario::Campaign;

/// Answers at once and stays.
const STAYS: &str = "1000001";
/// Rings longer than a test lasts.
const RINGS: &str = "3001";

on_both!(
    case_12_a_second_daemon_is_refused_before_it_touches_anything,
    case_16_a_stop_waits_for_what_rings_and_hangs_up_nothing,
    case_17_a_second_sigterm_ends_it_at_once_and_hangs_up_nothing,
    case_17_a_stop_during_the_recovery_of_a_start_leaves_it_to_the_next,
    case_17_a_stop_while_calls_are_looked_for_finds_out_first,
);

fn said(output: &Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// A running campaign to these numbers, so many of which have been answered.
fn calling(daemon: &Daemon, numbers: &[&str], answered: usize) -> Campaign {
    let mut client = daemon.client();
    let campaign = campaign(&mut client, "1", numbers);
    campaign.request(&mut client, "1");
    for _ in 0..answered {
        client.wait_for("an answer", |event| {
            header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == "6"
        });
    }
    campaign
}

/// The dialings that the PBX has calls of.
fn live(admin: &mut Client) -> usize {
    let channels = admin.list("CoreShowChannels", &[]);
    channels.iter().filter(|channel| header(channel, "Uniqueid") == header(channel, "Linkedid")).count()
}

pub(crate) fn hang_up_all(admin: &mut Client) {
    for channel in admin.list("CoreShowChannels", &[]) {
        // Its other half may have taken it along.
        admin.action("Hangup", &[("Channel", &header(&channel, "Uniqueid")), ("Cause", "16")]);
    }
}

fn case_12_a_second_daemon_is_refused_before_it_touches_anything(pbx: &mut impl Pbx) {
    let mut daemon = Daemon::start(pbx, "");
    daemon.client().create("OutPlanCreate", &[]);
    // Once nothing has happened for a while the database is left alone: the log is emptied into it, and then cut.
    let (database, wal) = (daemon.path("astout.sqlite3"), daemon.path("astout.sqlite3-wal"));
    daemon.poll("a quiet database", |_| {
        let (database, wal) = (fs::metadata(&database).unwrap(), fs::metadata(&wal).unwrap());
        (wal.len() == 0 && wal.modified().unwrap() >= database.modified().unwrap()).then_some(())
    });
    let files = |daemon: &Daemon| -> Vec<(String, u64, SystemTime)> {
        let mut files: Vec<_> = fs::read_dir(daemon.dir())
            .unwrap()
            .map(|file| file.unwrap())
            .filter(|file| file.file_name() != "log")
            .map(|file| {
                let about = file.metadata().unwrap();
                (file.file_name().into_string().unwrap(), about.len(), about.modified().unwrap())
            })
            .collect();
        files.sort();
        files
    };
    let before = files(&daemon);
    let (code, text) = said(&daemon.cli(&["serve"]));
    assert_eq!(code, 69, "{text}");
    assert!(text.contains(&format!("already running (pid {})", daemon.pid())), "{text}");
    assert_eq!(files(&daemon), before);
    assert!(daemon.client().action("Ping", &[]).is_success());
    assert!(daemon.stop().success());
    daemon.check();
}

#[test]
fn a_daemon_of_another_database_does_not_take_the_socket_of_one_that_runs() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut other = Daemon::prepared_beside(&sandbox, "");
    let (own, theirs) = (other.path("ctl.sock"), daemon.path("ctl.sock"));
    other.reconfigure(&own.display().to_string(), &theirs.display().to_string());
    let (code, text) = other.refused();
    assert_eq!(code, 69, "{text}");
    assert!(text.contains("another daemon answers there"), "{text}");
    assert_eq!(said(&daemon.cli(&["stop"])).0, 0, "it is still reached");
    assert!(daemon.ended().success());
}

#[test]
fn what_is_made_is_nothing_for_everybody() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    daemon.client().create("OutPlanCreate", &[]);
    for name in ["astout.sqlite3", "astout.sqlite3-wal", "astout.sqlite3-shm", "astout.result"] {
        let mode = fs::metadata(daemon.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o027, 0, "{name} has {mode:o}");
    }
    assert!(daemon.stop().success());
}

fn case_16_a_stop_waits_for_what_rings_and_hangs_up_nothing(pbx: &mut impl Pbx) {
    const LIVE: usize = 50;
    const RINGING: usize = 20;
    const LATER: usize = 5;
    let mut witness = Witness::at(pbx);
    let mut admin = pbx.admin();
    let mut daemon = Daemon::beside(pbx, "");
    let most = (LIVE + RINGING).to_string();
    daemon.run_with(&[("ASTOUT__ASTERISK__MAX_CHANNELS", &most)]);
    // Half of those that ring answer after 4 s and stay, the others are given up after 6; what is behind them waits for
    // a channel to be free.
    let numbers: Vec<String> = (0..LIVE + RINGING + LATER)
        .map(|place| match place {
            0..LIVE => format!("10000{place:03}"),
            place if place >= LIVE + RINGING => format!("10001{place:03}"),
            place if place % 2 == 0 => format!("14000{place:03}"),
            place => format!("3{place:03}"),
        })
        .collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let campaign = calling(&daemon, &numbers, LIVE);
    daemon.poll("every call", |_| (live(&mut admin) == LIVE + RINGING).then_some(()));

    let since = Instant::now();
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert!(since.elapsed() < Duration::from_secs(25), "{:?}", since.elapsed());
    assert_eq!(live(&mut admin), LIVE + RINGING / 2, "no call was hung up");
    assert_eq!(witness.dialled().len(), LIVE + RINGING, "nothing was dialled while it stopped");
    assert_eq!(told(&daemon.results()), vec![("noanswer", 3, 1); RINGING / 2]);

    daemon.run();
    let mut client = daemon.client();
    daemon.poll("what waited is dialled", |_| (witness.dialled().len() == numbers.len()).then_some(()));
    daemon.poll("the calls of before", |_| {
        (client.list("OutDialingShow", &[]).len() == LIVE + RINGING / 2).then_some(())
    });
    hang_up_all(&mut admin);
    let lines = finish(&mut daemon, &campaign);
    let of = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count();
    assert_eq!((of("answered"), of("noanswer")), (LIVE + RINGING / 2 + LATER, RINGING / 2));
    assert!(lines.iter().filter(|line| line["outcome"] == "answered").all(|line| line["res_hangup"] == 16));
    witness.assert_dialled_once(&lines);
}

fn case_17_a_second_sigterm_ends_it_at_once_and_hangs_up_nothing(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    let mut admin = pbx.admin();
    let mut daemon = Daemon::start(pbx, "");
    let campaign = calling(&daemon, &[STAYS, RINGS], 1);
    daemon.poll("both calls", |_| (live(&mut admin) == 2).then_some(()));
    daemon.signal("-TERM");
    daemon.poll("the stop", |daemon| daemon.log().contains("stopping: nothing more").then_some(()));
    let since = Instant::now();
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    assert_eq!(live(&mut admin), 2);

    daemon.run();
    let mut client = daemon.client();
    daemon.poll("what rang is given up", |_| (client.list("OutDialingShow", &[]).len() == 1).then_some(()));
    hang_up_all(&mut admin);
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("noanswer", 3, 1), ("answered", 4, 1)]);
    witness.assert_dialled_once(&lines);
}

fn case_17_a_stop_during_the_recovery_of_a_start_leaves_it_to_the_next(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    // One line is not in the log yet, one call is up.
    let (mut daemon, campaign) = killed_at(pbx, "after_end_commit:1", "1", &["2001", "1000401"]);
    daemon.spawn(&[("ASTOUT_CRASH_AT", "recovered:1:pause")]);
    daemon.poll("the pause", |daemon| daemon.log().contains("pausing at Recovered").then_some(()));
    assert!(daemon.stop().success(), "{}", daemon.log());

    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(lines.len(), 2);
    assert_eq!(told(&lines)[0], ("busy", 5, 1));
    witness.assert_dialled_once(&lines);
}

fn case_17_a_stop_while_calls_are_looked_for_finds_out_first(pbx: &mut impl Pbx) {
    let (mut daemon, campaign) = killed_at(pbx, "after_claim_commit:1", "1", &[STAYS]);
    daemon.run();
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert_eq!(told(&daemon.results()), [("unknown", 0, 1)]);
    daemon.run();
    finish(&mut daemon, &campaign);
}

#[test]
fn case_18_a_broken_configuration_is_told_with_its_line_and_the_running_one_stays() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let campaign = calling(&daemon, &[STAYS], 1);
    let path = daemon.path("astout.toml");
    let right = fs::read_to_string(&path).unwrap();
    let (code, text) = said(&daemon.cli(&["reload"]));
    assert_eq!((code, text.as_str()), (0, "The configuration was taken up\n"));
    assert_eq!(daemon.log().matches("took up the configuration").count(), 1);

    fs::write(&path, right.replace("calls_per_second = 200", "calls_per_secnod = 1")).unwrap();
    let wrong = "astout.toml:7: asterisk.calls_per_secnod";
    daemon.signal("-HUP");
    daemon.poll("the complaint", |daemon| daemon.log().contains(wrong).then_some(()));
    let (code, text) = said(&daemon.cli(&["reload"]));
    assert_eq!(code, 78, "{text}");
    assert!(text.contains(wrong), "{text}");
    assert_eq!(daemon.log().matches("took up the configuration").count(), 1);

    fs::write(&path, right).unwrap();
    hang_up_all(&mut sandbox.client());
    assert_eq!(told(&finish(&mut daemon, &campaign)), [("answered", 4, 1)]);
}

#[test]
fn the_daemon_says_itself_what_is_wrong_to_whoever_cannot_read_its_configuration() {
    let sandbox = Sandbox::up("");
    let daemon = Daemon::start(&sandbox, "");
    let path = daemon.path("astout.toml");
    let right = fs::read_to_string(&path).unwrap();
    // What the command line reads is right, what the daemon reads is not.
    let own = daemon.path("own.toml");
    fs::write(&own, &right).unwrap();
    fs::write(&path, right.replace("[manager]", "[manger]")).unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_astout")).args(["reload", "--config"]).arg(&own).output().unwrap();
    let (code, text) = said(&output);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("astout.toml:9: manger") && text.contains("the running one stays"), "{text}");
    fs::write(&path, right).unwrap();
}

#[test]
fn stop_drain_and_reload_without_a_daemon_are_69_and_say_what_to_do() {
    let daemon = Daemon::beside(&Sandbox::up(""), "");
    for command in [&["stop"][..], &["stop", "--now"], &["stop", "--hangup"], &["drain"], &["reload"]] {
        let (code, text) = said(&daemon.cli(command));
        assert_eq!(code, 69, "{command:?}: {text}");
        assert!(text.contains("is `astout serve` running?"), "{text}");
    }
}

#[test]
fn astout_stop_ends_once_the_daemon_has_ended_and_calls_stay_up() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let campaign = calling(&daemon, &[STAYS], 1);
    let (code, text) = said(&daemon.cli(&["stop"]));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("calls that are up stay up"), "{text}");
    assert!(!daemon.path("ctl.sock").exists());
    assert!(daemon.ended().success());
    assert_eq!(live(&mut sandbox.client()), 1);

    daemon.run();
    hang_up_all(&mut sandbox.client());
    assert_eq!(told(&finish(&mut daemon, &campaign)), [("answered", 4, 1)]);
}

#[test]
fn astout_stop_now_ends_within_two_seconds_whatever_rings() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let campaign = calling(&daemon, &[RINGS], 0);
    daemon.poll("the call", |_| (live(&mut sandbox.client()) == 1).then_some(()));
    let since = Instant::now();
    let (code, text) = said(&daemon.cli(&["stop", "--now"]));
    assert_eq!(code, 0, "{text}");
    assert!(daemon.ended().success());
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    daemon.run();
    assert_eq!(told(&finish(&mut daemon, &campaign)), [("noanswer", 3, 1)]);
}

#[test]
fn astout_stop_hangup_hangs_up_what_is_up_and_what_rings() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let campaign = calling(&daemon, &[STAYS, RINGS], 1);
    daemon.poll("both calls", |_| (live(&mut sandbox.client()) == 2).then_some(()));
    let (code, text) = said(&daemon.cli(&["stop", "--hangup"]));
    assert_eq!(code, 0, "{text}");
    assert!(daemon.ended().success());
    assert_eq!(live(&mut sandbox.client()), 0);
    let mut lines = daemon.results();
    lines.sort_by_key(|line| line["dial_addr"].as_str().unwrap().to_owned());
    assert_eq!(told(&lines), [("answered", 4, 1), ("withdrawn", 0, 1)]);
    drop(campaign);
    daemon.check();
}

#[test]
fn astout_drain_dials_no_more_says_how_many_calls_are_left_and_ends_with_the_last() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::beside(&sandbox, "");
    daemon.run_with(&[("ASTOUT__ASTERISK__MAX_CHANNELS", "2")]);
    let campaign = calling(&daemon, &[STAYS, "1003001", "1000105"], 2);
    let drain = Command::new(env!("CARGO_BIN_EXE_astout"))
        .args(["drain", "--config"])
        .arg(daemon.path("astout.toml"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    daemon.poll("the end of the short call", |daemon| (daemon.results().len() == 1).then_some(()));
    // A daemon that drains is still there for whoever asks.
    assert!(daemon.client().action("Ping", &[]).is_success());
    daemon.poll("a look at what is left", |_| (live(&mut sandbox.client()) == 1).then_some(()));
    hang_up_all(&mut sandbox.client());
    let (code, text) = said(&drain.wait_with_output().unwrap());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Draining") && text.contains("calls left: 2"), "{text}");
    assert!(daemon.ended().success());
    assert_eq!(sandbox.dialled_of("dialled").len(), 2);

    daemon.run();
    assert_eq!(told(&finish(&mut daemon, &campaign)), vec![("answered", 4, 1); 3]);
}

#[test]
fn what_concerns_the_daemon_itself_is_refused_to_clients_from_elsewhere() {
    let mut daemon = Daemon::beside(&Sandbox::up(""), "");
    daemon.run();
    let mut client = daemon.client();
    for line in ["out daemon stop", "out daemon drain", "out daemon reload", "out daemon calls"] {
        let refused = client.action("Command", &[("Command", line)]);
        assert!(!refused.is_success() && header(&refused, "Output").contains("local socket"), "{refused:?}");
    }
    assert!(client.action("Ping", &[]).is_success());
    daemon.check();
}
