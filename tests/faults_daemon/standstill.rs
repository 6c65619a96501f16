//! Cases 11, 13 and 14: the daemon stands still for a while, a task of it panics, a loop of it hangs; and what systemd is
//! told meanwhile.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fault::{Witness, campaign, finish, on_both, record, told};
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::lab::Lab;
use crate::support::pbx::Pbx;
use crate::support::sandbox::Sandbox;

on_both!(
    case_11_stopped_for_a_while_it_reads_late_what_has_become_of_its_calls,
    case_13_a_panic_in_one_task_ends_the_process_and_costs_nothing,
    case_14_a_writer_that_hangs_is_not_told_to_be_well,
);

/// Answers after 0.3 s and stays 0.5 s.
const ANSWERS: &str = "1030501";

/// A systemd of the test's own, as far as a service talks to it.
struct Systemd {
    socket: UnixDatagram,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Systemd {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, path, _dir: dir }
    }

    /// The environment that it gives a service that it watches.
    fn environment(&self, watchdog: Duration) -> [(String, String); 2] {
        let path = self.path.to_str().unwrap().to_owned();
        [("NOTIFY_SOCKET".into(), path), ("WATCHDOG_USEC".into(), watchdog.as_micros().to_string())]
    }

    /// Waits until it is told that.
    fn until(&self, wanted: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.hears(wanted, deadline) {
            assert!(Instant::now() < deadline, "{wanted} was not told");
        }
    }

    /// Whether it is told that until then.
    fn hears(&self, wanted: &str, until: Instant) -> bool {
        let mut bytes = [0; 4096];
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.socket.set_read_timeout(Some(left)).unwrap();
            let Ok(count) = self.socket.recv(&mut bytes) else { continue };
            if String::from_utf8_lossy(&bytes[..count]).lines().any(|line| line.starts_with(wanted)) {
                return true;
            }
        }
        false
    }

    /// Forgets what it was told so far.
    fn forget(&self) {
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 4096]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
    }
}

/// How long a stop of the process lasts; the matrix says 60.
fn stopped_for() -> Duration {
    let seconds = std::env::var("ASTOUT_STOPPED_SECS").ok().and_then(|value| value.parse().ok());
    Duration::from_secs(seconds.unwrap_or(12))
}

fn case_11_stopped_for_a_while_it_reads_late_what_has_become_of_its_calls(pbx: &mut impl Pbx) {
    let (lines, log) = stopped(pbx, |_| {});
    assert_eq!(told(&lines), [("answered", 4, 1); 3]);
    assert!(lines.iter().all(|line| line["res_hangup"] == 16), "{lines:?}");
    assert!(!log.contains("is back after"), "{log}");
}

/// The buffers of a loopback hold more than an idle Asterisk tells in a minute, so it is told to give up who does not read.
#[test]
fn case_11_stopped_and_given_up_by_a_real_asterisk_it_asks_what_has_become_of_its_calls() {
    let kick = |lab: &Lab| {
        let connected = lab.cli("manager show connected");
        let user = lab.get("ASTERISK_USER");
        let session = connected.lines().find(|line| line.split_whitespace().next() == Some(user)).unwrap();
        // `Username IP Address Start Elapsed FileDes HttpCnt Read Write`
        let descriptor = session.split_whitespace().nth(4).unwrap();
        lab.cli(&format!("manager kick session {descriptor}"));
    };
    let (mut lines, log) = stopped(&Lab::up("case_11-kicked"), kick);
    assert!(log.contains("is back after"), "{log}");
    // It knew that one had been answered; of the other one nobody has seen more than that it rang.
    lines.sort_by_key(|line| line["dial_addr"].as_str().unwrap().to_owned());
    assert_eq!(told(&lines), [("answered", 4, 1), ("answered", 4, 1), ("unknown", 0, 1)]);
}

/// The lines of a daemon that was stopped with three calls: one stays, one is up and hung up meanwhile, one rings, is
/// answered and hung up meanwhile. And its log.
fn stopped<P: Pbx>(pbx: &P, meanwhile: impl FnOnce(&P)) -> (Vec<Value>, String) {
    let mut witness = Witness::at(pbx);
    let mut daemon = Daemon::start(pbx, "");
    let mut client = daemon.client();
    let campaign = campaign(&mut client, "1", &["1000001", "1005001", "1402001"]);
    campaign.request(&mut client, "1");
    for _ in 0..2 {
        client.wait_for("an answer", |event| header(event, "Status") == "6");
    }
    daemon.poll("every call, and the answers in the records", |daemon| {
        let known: i64 = record(daemon, "SELECT count(*) FROM dialing WHERE res_dial = 4");
        (witness.dialled().len() == 3 && known == 2).then_some(())
    });
    daemon.signal("-STOP");
    let until = Instant::now() + stopped_for();
    meanwhile(pbx);
    while Instant::now() < until {
        // Who looks on has to read, or is given up too.
        witness.dialled();
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut admin = pbx.admin();
    daemon.signal("-CONT");

    daemon.poll("what has ended meanwhile", |daemon| (daemon.results().len() == 2).then_some(()));
    let mut client = daemon.client();
    let up = daemon.poll("the one that is up", |_| {
        let dialings = client.list("OutDialingShow", &[]);
        (dialings.len() == 1).then(|| header(&dialings[0], "Uuid"))
    });
    admin.done("Hangup", &[("Channel", &up), ("Cause", "16")]);
    let lines = finish(&mut daemon, &campaign);
    witness.assert_dialled_once(&lines);
    (lines, daemon.log())
}

fn case_13_a_panic_in_one_task_ends_the_process_and_costs_nothing(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    let mut daemon = Daemon::beside(pbx, "");
    daemon.run_with(&[("ASTOUT_CRASH_AT", "after_ack:1:panic")]);
    let mut client = daemon.client();
    let campaign = campaign(&mut client, "1", &["1102001"]);
    campaign.request(&mut client, "1");
    let status = daemon.ended();
    assert_eq!(status.signal(), Some(6), "{status}");
    assert!(daemon.log().contains("the panic that ASTOUT_CRASH_AT asks for"), "{}", daemon.log());

    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("answered", 4, 1)]);
    witness.assert_dialled_once(&lines);
}

/// Systemd hears of a daemon that is well again and again, and of one whose writer hangs no more: it would kill it.
fn case_14_a_writer_that_hangs_is_not_told_to_be_well(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    let systemd = Systemd::new();
    let watchdog = Duration::from_secs(3);
    let environment = systemd.environment(watchdog);
    let mut environment: Vec<_> =
        environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    environment.push(("ASTOUT_CRASH_AT", "before_claim_commit:1:hang"));
    let mut daemon = Daemon::beside(pbx, "");
    daemon.run_with(&environment);
    systemd.until("READY=1");
    systemd.until("STATUS=Asterisk is there");
    for _ in 0..3 {
        systemd.until("WATCHDOG=1");
    }
    let mut client = daemon.client();
    let campaign = campaign(&mut client, "1", &[ANSWERS]);
    campaign.request(&mut client, "1");
    daemon.poll("the hanging writer", |daemon| daemon.log().contains("hanging at").then_some(()));
    systemd.forget();
    // One may have been on its way.
    systemd.hears("WATCHDOG=1", Instant::now() + watchdog / 3);
    assert!(!systemd.hears("WATCHDOG=1", Instant::now() + watchdog * 2), "{}", daemon.log());
    assert!(daemon.log().contains("the writer of the records has not answered"), "{}", daemon.log());
    // What systemd does then; for a service of its own it sends SIGABRT.
    daemon.signal("-ABRT");
    assert_eq!(daemon.ended().signal(), Some(6));
    assert!(witness.dialled().is_empty());

    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("answered", 4, 1)]);
    witness.assert_dialled_once(&lines);
}

#[test]
fn case_14_without_systemd_a_daemon_whose_writer_hangs_ends_itself() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::beside(&sandbox, "");
    daemon.run_with(&[("ASTOUT_CRASH_AT", "before_claim_commit:1:hang"), ("WATCHDOG_USEC", "2000000")]);
    let mut client = daemon.client();
    let campaign = campaign(&mut client, "1", &[ANSWERS]);
    campaign.request(&mut client, "1");
    assert_eq!(daemon.ended().code(), Some(70), "{}", daemon.log());
    daemon.run();
    assert_eq!(told(&finish(&mut daemon, &campaign)), [("answered", 4, 1)]);
}

#[test]
fn systemd_is_told_of_asterisk_and_at_once_of_a_stop() {
    let sandbox = Sandbox::up("");
    let systemd = Systemd::new();
    let environment = systemd.environment(Duration::from_secs(30));
    let environment: Vec<_> = environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let mut daemon = Daemon::beside(&sandbox, "");
    daemon.run_with(&environment);
    systemd.until("STATUS=Asterisk is there");
    let mut client = daemon.client();
    let campaign = campaign(&mut client, "1", &["3001"]);
    campaign.request(&mut client, "1");
    client.wait_for("the ringing", |event| header(event, "Status") == "3");
    drop(sandbox);
    systemd.until("STATUS=Asterisk is not reached");
    daemon.signal("-TERM");
    systemd.until("STOPPING=1");
    daemon.signal("-TERM");
    assert!(daemon.ended().success());
}

#[test]
fn the_service_is_started_again_after_whatever_kills_it() {
    let unit = fs::read_to_string("config/astout.service").unwrap();
    for line in [
        "Type=notify",
        "Restart=on-failure",
        "RestartSec=2",
        "WatchdogSec=30",
        "MemoryMax=1G",
        "TimeoutStopSec=30",
    ] {
        assert!(unit.lines().any(|there| there == line), "{line}");
    }
}
