//! Caps on attempts, calling hours and holidays on a running daemon, whose wall clock is set: who is called, who is not, and
//! what is said of him.
#![cfg(debug_assertions)]
#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use support::ami::{Client, header};
use support::clock::Clocked;
use support::daemon::Daemon;
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL, assert_lines_whole};

const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
/// Is busy.
const BUSY: &str = "2001";
/// Who is busy is called again at once, and the campaign goes on.
const AGAIN: [(&str, &str); 3] = [("RetryDelay", "0"), ("MaxRetry1", "100"), ("DlEndHandle", "0")];

/// What is said of the one contact, by gates that hold it: what these saw, and when the last opens.
struct Told {
    held_by: String,
    verdict: String,
    saw: Vec<(String, String)>,
    next: String,
}

impl Told {
    fn saw(&self, gate: &str) -> &str {
        &self.saw.iter().find(|(name, _)| name == gate).unwrap().1
    }
}

fn explained(client: &mut Client, dl: &str) -> Told {
    let items = client.list("OutExplain", &[("Uuid", dl)]);
    let (verdict, entries) = items.split_first().unwrap();
    let saw = entries.iter().map(|entry| (header(entry, "Gate"), header(entry, "Saw")));
    let of = |name| header(verdict, name);
    Told { held_by: of("HeldBy"), verdict: of("Verdict"), saw: saw.collect(), next: of("Next") }
}

fn until_held_by(daemon: &mut Daemon, client: &mut Client, dl: &str, gates: &str) -> Told {
    daemon.poll(gates, |_| Some(explained(client, dl)).filter(|told| told.held_by == gates))
}

fn running(client: &mut Client, plan: &[(&str, &str)]) -> Campaign {
    let campaign = Campaign::create(client, &[&LOCAL[..], &AGAIN, plan].concat(), &HOLD, &[]);
    campaign.request(client, "1");
    campaign
}

fn add(client: &mut Client, campaign: &Campaign, fields: &[(&str, &str)]) -> String {
    client.create("OutDlListCreate", &[&[("DlmaUuid", campaign.dlma.as_str())], fields].concat())
}

fn set(client: &mut Client, campaign: &Campaign, field: (&str, &str)) {
    client.done("OutPlanUpdate", &[("Uuid", &campaign.plan), field]);
}

fn lines(daemon: &Daemon, dl: &str) -> usize {
    daemon.results().iter().filter(|line| line["dl_list_uuid"] == dl).count()
}

fn until_lines(daemon: &mut Daemon, dl: &str, count: usize) {
    daemon.poll("the result lines", |daemon| (lines(daemon, dl) >= count).then_some(()));
}

fn finish(daemon: &mut Daemon, clock: &Clocked<'_>) {
    assert!(daemon.stop().success());
    assert_lines_whole(&daemon.results());
    clock.tell();
    daemon.check();
}

#[test]
fn a_contact_that_has_had_its_attempts_of_a_day_is_not_called_before_the_next_also_after_a_kill() {
    let sandbox = Sandbox::up("");
    let mut clock = Clocked::new(&sandbox);
    let mut daemon = Daemon::start(&clock, "");
    clock.set(&daemon, "2027-03-02T16:30:00Z");
    let mut client = daemon.client();
    let campaign = running(&mut client, &[("ContactCap", "2/1d")]);
    let dl = add(&mut client, &campaign, &[("Number1", BUSY)]);
    until_lines(&mut daemon, &dl, 2);
    let told = until_held_by(&mut daemon, &mut client, &dl, "Due,Cap");
    let first = daemon.results()[0]["tm_dialing"].as_str().unwrap().to_owned();
    let again = first.replace("2027-03-02", "2027-03-03");
    assert_eq!(told.saw("Cap"), format!("ContactCap: 2 of 2 attempts in the last 1d; the next at {again}"));
    assert!(
        told.verdict.starts_with("not dialled now. Due: by its plan's retry delay, caps and calling hours")
    );
    assert_eq!(told.next[..19], again[..19]);

    daemon.kill();
    daemon.run();
    let mut client = daemon.client();
    until_held_by(&mut daemon, &mut client, &dl, "Due,Cap");
    clock.jump(&daemon, 86_000);
    until_held_by(&mut daemon, &mut client, &dl, "Due,Cap");
    assert_eq!(lines(&daemon, &dl), 2);
    clock.jump(&daemon, 400);
    until_lines(&mut daemon, &dl, 4);
    until_held_by(&mut daemon, &mut client, &dl, "Due,Cap");
    // A cap that is raised counts at once.
    set(&mut client, &campaign, ("ContactCap", "5/1d"));
    until_lines(&mut daemon, &dl, 7);
    until_held_by(&mut daemon, &mut client, &dl, "Due,Cap");
    assert_eq!(lines(&daemon, &dl), 7, "those of the day before no longer count");
    finish(&mut daemon, &clock);
}

#[test]
fn two_contacts_of_one_number_share_its_cap() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let campaign = running(&mut client, &[("NumberCap", "3/1d")]);
    let contacts = [(); 2].map(|()| add(&mut client, &campaign, &[("Number1", BUSY)]));
    for dl in &contacts {
        let told = until_held_by(&mut daemon, &mut client, dl, "Due,Number");
        assert!(told.saw("Number").starts_with("NumberCap: 3 of 3 attempts in the last 1d; the next at "));
    }
    assert_eq!(daemon.results().len(), 3);
    // Another number of theirs has attempts of its own.
    client.done("OutDlListUpdate", &[("Uuid", &contacts[1]), ("Number1", "2002")]);
    daemon.poll("the other number's attempts", |daemon| {
        let of = daemon.results().into_iter().filter(|line| line["dial_addr"] == "2002");
        (of.count() >= 3).then_some(())
    });
    until_held_by(&mut daemon, &mut client, &contacts[1], "Due,Number");
    assert_eq!(daemon.results().len(), 6);
    assert!(daemon.stop().success());
}

#[test]
fn people_are_called_when_their_own_clocks_say_so() {
    let sandbox = Sandbox::up("");
    let mut clock = Clocked::new(&sandbox);
    let mut daemon = Daemon::start(&clock, "");
    clock.set(&daemon, "2027-03-02T16:30:00Z");
    let mut client = daemon.client();
    let hours = ("CallingHours", "mon-fri 08:00-21:00, sat 10:00-18:00");
    let campaign = running(&mut client, &[hours, ("ContactCap", "1/1d")]);
    let tokyo = add(&mut client, &campaign, &[("Number1", BUSY), ("TimeZone", "Asia/Tokyo")]);
    let nowhere = add(&mut client, &campaign, &[("Number1", "2003")]);
    until_lines(&mut daemon, &nowhere, 1);
    let told = until_held_by(&mut daemon, &mut client, &tokyo, "Due,Hours");
    assert_eq!(
        told.saw("Hours"),
        "no hour for calls: CallingHours mon-fri 08:00-21:00, sat 10:00-18:00; it is Wed 01:30 in Asia/Tokyo, its TimeZone; \
         the next is at 2027-03-02T23:00:00.000000000Z, Wed 08:00 there"
    );
    assert_eq!(told.next, "2027-03-02T23:00:00.000000000Z");
    let told = explained(&mut client, &nowhere);
    assert!(told.saw("Hours").starts_with("it is an hour for calls: 16:30 in UTC, its campaign's"));

    // By the number's prefix, and where it leaves several zones by all of them. `+1` is nobody's at the sandbox.
    let ambiguous = add(&mut client, &campaign, &[("Number1", "+61491570156")]);
    let told = until_held_by(&mut daemon, &mut client, &ambiguous, "Due,Hours");
    let saw = told.saw("Hours");
    assert!(
        saw.contains("any of Australia/Lord_Howe, ") && saw.contains("by its number's prefix 61"),
        "{saw}"
    );

    // A holiday there, and no more.
    clock.set(&daemon, "2027-03-02T23:00:00Z");
    until_lines(&mut daemon, &tokyo, 1);
    set(&mut client, &campaign, ("Holidays", "03-03, 03-04"));
    set(&mut client, &campaign, ("ContactCap", ""));
    let told = until_held_by(&mut daemon, &mut client, &tokyo, "Due,Hours");
    assert!(
        told.saw("Hours")
            .starts_with("no hour for calls: 2027-03-03 is one of its plan's Holidays; it is Wed 08:")
    );
    assert_eq!(told.next, "2027-03-04T23:00:00.000000000Z", "Friday, 08:00");
    set(&mut client, &campaign, ("ContactCap", "2/1d"));
    set(&mut client, &campaign, ("Holidays", ""));
    until_lines(&mut daemon, &tokyo, 2);
    // Whose zone is corrected is called when that says so.
    let before = lines(&daemon, &nowhere);
    client.done("OutDlListUpdate", &[("Uuid", &nowhere), ("TimeZone", "Asia/Tokyo")]);
    until_lines(&mut daemon, &nowhere, before + 1);
    finish(&mut daemon, &clock);
}
