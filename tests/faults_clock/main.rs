//! The wall clock is set under a running campaign, and windows close on work that is under way: cases 53 and 54. The
//! daemon is the binary itself beside the sandbox; its wall clock is set, the machine's is not.
#![cfg(debug_assertions)]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use astout::model::time::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, query};
use support::ami::{Client, PATIENCE, header};
use support::clock::Clocked;
use support::daemon::Daemon;
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL, assert_lines_whole};

const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
/// Answers at once, and stays on the line.
const STAYS: &str = "1000001";
/// A daemon's tick may be late on a busy machine, a schedule's second may not be missed.
const TO_THE_SECOND: Duration = Duration::from_secs(1);

/// A campaign with a schedule, over nobody yet, that goes on at the end of its list.
fn scheduled(client: &mut Client, plan: &[(&str, &str)], schedule: &[(&str, &str)]) -> Campaign {
    let plan = [&LOCAL[..], &[("DlEndHandle", "0"), ("MaxRetry1", "1")], plan].concat();
    let campaign = Campaign::create(client, &plan, &HOLD, &[]);
    update(client, &campaign, schedule);
    campaign
}

fn update(client: &mut Client, campaign: &Campaign, fields: &[(&str, &str)]) {
    client.done("OutCampaignUpdate", &[&[("Uuid", campaign.uuid.as_str())], fields].concat());
}

fn add(client: &mut Client, campaign: &Campaign, number: &str) {
    client.create("OutDlListCreate", &[("DlmaUuid", &campaign.dlma), ("Number1", number)]);
}

/// Forgets the events that have come.
fn forget(client: &mut Client) {
    while client.event(Duration::ZERO).is_some() {}
}

/// Waits for the next change to a status, and gives when it was by the daemon's clock. Events before it are gone.
fn until_status(client: &mut Client, campaign: &Campaign, status: &str) -> Timestamp {
    let deadline = Instant::now() + PATIENCE;
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        let Some(event) = client.event(left) else { break };
        let of_campaign =
            header(&event, "Event") == "OutCampaignUpdate" && header(&event, "Uuid") == campaign.uuid;
        if of_campaign && header(&event, "Status") == status {
            return header(&event, "TmUpdate").parse().unwrap();
        }
    }
    panic!("status {status} did not come within {PATIENCE:?}");
}

fn status(client: &mut Client, campaign: &Campaign) -> String {
    header(&client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0], "Status")
}

/// Has the engine look at everything once, and waits until it has done what it then decides.
fn poke(client: &mut Client, campaign: &Campaign) {
    for name in ["once", "twice"] {
        update(client, campaign, &[("Name", name)]);
    }
}

fn jumps(daemon: &Daemon) -> usize {
    daemon.log().matches("clock_jump").count()
}

fn until_jumps(daemon: &mut Daemon, count: usize) {
    daemon.poll("a clock_jump", |daemon| (jumps(daemon) >= count).then_some(()));
    assert_eq!(jumps(daemon), count, "each is told once");
}

fn until_lines(daemon: &mut Daemon, count: usize) {
    daemon.poll("the result lines", |daemon| (daemon.results().len() >= count).then_some(()));
}

fn answered(client: &mut Client) -> String {
    let event = client.wait_for("an answer", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "ResDial") == "4"
    });
    header(&event, "Uuid")
}

fn on_the_second(at: Timestamp, expected: &str) {
    let expected: Timestamp = expected.parse().unwrap();
    assert!(at >= expected && at.since(expected) < TO_THE_SECOND, "at {at}, not at {expected}");
}

fn finish(daemon: &mut Daemon, clock: &Clocked<'_>) {
    assert!(daemon.stop().success());
    assert_lines_whole(&daemon.results());
    clock.tell();
    daemon.check();
}

#[test]
fn case_53_a_clock_set_past_the_close_stops_dialing_and_one_set_back_does_not_run_the_window_again() {
    let sandbox = Sandbox::up("");
    let mut clock = Clocked::new(&sandbox);
    let mut daemon = Daemon::start(&clock, "");
    clock.set(&daemon, "2027-03-02T16:30:00Z");
    let mut client = daemon.client();
    let office = [("ScMode", "1"), ("ScTimeStart", "09:00:00"), ("ScTimeEnd", "17:00:00")];
    let campaign = scheduled(&mut client, &[], &office);
    until_status(&mut client, &campaign, "1");
    add(&mut client, &campaign, STAYS);
    let call = answered(&mut client);
    until_jumps(&mut daemon, 1);

    clock.jump(&daemon, 3600);
    add(&mut client, &campaign, STAYS);
    until_status(&mut client, &campaign, "10");
    until_jumps(&mut daemon, 2);
    assert_eq!(sandbox.dialled_of("dialled").len(), 1, "nobody is dialled after the close");
    assert_eq!(sandbox.dialled_of("ended").len(), 0, "the call goes on");

    client.done("OutDialingDelete", &[("Uuid", &call)]);
    until_status(&mut client, &campaign, "0");
    clock.jump(&daemon, -3600);
    poke(&mut client, &campaign);
    until_jumps(&mut daemon, 3);
    assert_eq!(status(&mut client, &campaign), "0", "that window is over");

    forget(&mut client);
    clock.set(&daemon, "2027-03-03T08:59:58Z");
    poke(&mut client, &campaign);
    on_the_second(until_status(&mut client, &campaign, "1"), "2027-03-03T09:00:00Z");
    answered(&mut client);
    assert_eq!(sandbox.dialled_of("dialled").len(), 2);
    finish(&mut daemon, &clock);
}

#[test]
fn case_53_a_clock_that_falls_to_1970_dials_nobody_and_comes_back() {
    let sandbox = Sandbox::up("");
    let mut clock = Clocked::new(&sandbox);
    let mut daemon = Daemon::start(&clock, "");
    clock.set(&daemon, "2027-03-02T12:00:00Z");
    let mut client = daemon.client();
    let campaign = scheduled(
        &mut client,
        &[],
        &[("ScMode", "1"), ("ScDateStart", "2027-03-01"), ("ScTimeEnd", "17:00:00")],
    );
    until_status(&mut client, &campaign, "1");
    add(&mut client, &campaign, "10310");
    until_lines(&mut daemon, 1);

    clock.set(&daemon, "1970-01-01T00:00:05Z");
    add(&mut client, &campaign, "10310");
    until_status(&mut client, &campaign, "10");
    until_status(&mut client, &campaign, "0");
    assert_eq!(sandbox.dialled_of("dialled").len(), 1);
    daemon.kill();
    daemon.run();
    let mut client = daemon.client();
    poke(&mut client, &campaign);
    assert_eq!(status(&mut client, &campaign), "0");

    clock.set(&daemon, "2027-03-02T12:00:30Z");
    until_lines(&mut daemon, 2);
    assert_eq!(status(&mut client, &campaign), "1");
    assert_eq!(sandbox.dialled_of("dialled").len(), 2, "each once");
    finish(&mut daemon, &clock);
}

#[test]
fn case_53_windows_of_the_nights_on_which_clocks_are_changed_open_and_close_to_the_second() {
    let sandbox = Sandbox::up("");
    let mut clock = Clocked::new(&sandbox);
    let mut daemon = Daemon::start(&clock, "");
    clock.set(&daemon, "2027-03-27T12:00:00Z");
    let mut client = daemon.client();
    let night = [
        ("ScMode", "1"),
        ("ScTimezone", "Europe/Berlin"),
        ("ScTimeStart", "02:30:00"),
        ("ScTimeEnd", "05:00:00"),
    ];
    let campaign = scheduled(&mut client, &[], &night);
    for (before, opens, before_close, closes) in [
        // 02:30 is skipped: the clock goes from 02:00 to 03:00 at 01:00 UTC.
        ("2027-03-28T00:59:58Z", "2027-03-28T01:00:00Z", "2027-03-28T02:59:58Z", "2027-03-28T03:00:00Z"),
        // 02:30 comes twice, at 00:30 and at 01:30 UTC.
        ("2027-10-31T01:29:58Z", "2027-10-31T01:30:00Z", "2027-10-31T03:59:58Z", "2027-10-31T04:00:00Z"),
    ] {
        if before.starts_with("2027-10") {
            clock.set(&daemon, "2027-10-31T00:45:00Z");
            poke(&mut client, &campaign);
            assert_eq!(status(&mut client, &campaign), "0", "the first of the two is not it");
        }
        forget(&mut client);
        clock.set(&daemon, before);
        add(&mut client, &campaign, "10310");
        on_the_second(until_status(&mut client, &campaign, "1"), opens);
        clock.set(&daemon, before_close);
        poke(&mut client, &campaign);
        on_the_second(until_status(&mut client, &campaign, "10"), closes);
        until_status(&mut client, &campaign, "0");
    }
    until_lines(&mut daemon, 2);
    finish(&mut daemon, &clock);
}

#[test]
fn case_53_steps_of_the_clock_during_calls_lose_and_double_nothing() {
    let sandbox = Sandbox::up("");
    let mut clock = Clocked::new(&sandbox);
    let mut daemon = Daemon::start(&clock, "");
    clock.set(&daemon, "2027-03-02T12:00:00Z");
    let mut client = daemon.client();
    let campaign = scheduled(&mut client, &[("DialTimeout", "2000")], &[("ScMode", "1")]);
    until_status(&mut client, &campaign, "1");
    until_jumps(&mut daemon, 1);
    for (place, step) in [3, -3, 3600, -3600, 86_400 * 200].into_iter().enumerate() {
        // One rings until it is given up, one is answered and stays a second.
        for number in ["3", "10310"] {
            add(&mut client, &campaign, number);
        }
        let dialled = (place + 1) * 2;
        daemon.poll("both calls", |_| (sandbox.dialled_of("dialled").len() == dialled).then_some(()));
        let before = Instant::now();
        clock.jump(&daemon, step);
        until_lines(&mut daemon, dialled);
        assert!(before.elapsed() < PATIENCE / 2, "a call is timed by no wall clock");
        until_jumps(&mut daemon, place + 2);
    }
    let outcomes: Vec<_> = daemon.results().iter().map(|line| line["outcome"].to_string()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "\"answered\"").count(), 5, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "\"noanswer\"").count(), 5, "{outcomes:?}");
    assert_eq!(status(&mut client, &campaign), "1");
    finish(&mut daemon, &clock);
}

#[test]
fn case_54_what_is_committed_and_not_sent_when_the_window_closes_ends_as_window_closed() {
    let sandbox = Sandbox::up("");
    let mut clock = Clocked::new(&sandbox);
    let mut daemon = Daemon::start(&clock, "");
    clock.set(&daemon, "2027-03-02T16:00:00Z");
    let mut client = daemon.client();
    let campaign = scheduled(&mut client, &[], &[]);
    for _ in 0..10 {
        add(&mut client, &campaign, STAYS);
    }
    // Each attempt takes a while to be written, so that the clock can be set while the ten are.
    let slowly = "CREATE TRIGGER slowly AFTER INSERT ON dialing BEGIN SELECT (WITH RECURSIVE many(x) AS
        (SELECT 1 UNION ALL SELECT x + 1 FROM many WHERE x < 500000) SELECT max(x) FROM many); END";
    sql(&daemon, slowly).unwrap();

    update(
        &mut client,
        &campaign,
        &[("ScMode", "1"), ("ScTimeStart", "09:00:00"), ("ScTimeEnd", "17:00:00")],
    );
    // Nothing else takes as long: what is being written is the claim.
    daemon.poll("the claim", |daemon| sql(daemon, "BEGIN IMMEDIATE").is_err().then_some(()));
    clock.set(&daemon, "2027-03-02T17:00:00Z");
    until_status(&mut client, &campaign, "10");
    until_status(&mut client, &campaign, "0");

    until_lines(&mut daemon, 10);
    let lines = daemon.results();
    assert_eq!(lines.len(), 10);
    for line in &lines {
        assert_eq!(line["outcome"], "window-closed");
        assert_eq!(line["res_dial"], 0);
        assert_eq!(line["res_dial_detail"], "the campaign's window had closed");
    }
    let contacts = client.list("OutDlListShow", &[("DlmaUuid", &campaign.dlma)]);
    assert!(contacts.iter().all(|contact| header(contact, "TryCnt1") == "1"), "each line is a try");
    assert!(sandbox.dialled_of("dialled").is_empty());
    sql(&daemon, "DROP TRIGGER slowly").unwrap();
    finish(&mut daemon, &clock);
}

/// Somebody's own SQL; an error where the database stays locked for a while.
fn sql(daemon: &Daemon, statement: &'static str) -> Result<(), sqlx::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(daemon.path("astout.sqlite3"));
        let mut connection = options.busy_timeout(Duration::from_millis(150)).connect().await?;
        query(statement).execute(&mut connection).await.map(drop)
    })
}
