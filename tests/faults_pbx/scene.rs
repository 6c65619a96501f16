//! What the cases share: campaigns of many numbers, and what the log, the clients and the results say.

use std::time::{Duration, Instant};

use astout::ami::Message;
use serde_json::Value;

use crate::support::ami::{Client, header};
use crate::support::daemon::Daemon;
use crate::support::scenario::{Campaign, LOCAL, assert_lines_whole};

/// Where answered calls go: until the callee hangs up.
pub(crate) const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];

/// A campaign over Local channels with a contact for each number, not started.
pub(crate) fn campaign(client: &mut Client, plan: &[(&str, &str)], numbers: &[String]) -> Campaign {
    let plan = [&LOCAL[..], plan].concat();
    let contacts: Vec<_> =
        numbers.iter().map(|number| [("Name", number.as_str()), ("Number1", number)]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    Campaign::create(client, &plan, &HOLD, &contacts)
}

/// So many numbers that begin like this.
pub(crate) fn numbers(beginning: &str, count: usize) -> Vec<String> {
    (0..count).map(|place| format!("{beginning}{place:04}")).collect()
}

/// A campaign of these numbers, started, and the client that started it.
pub(crate) fn dial(daemon: &Daemon, plan: &[(&str, &str)], numbers: &[&str]) -> (Client, Campaign) {
    let mut client = daemon.client();
    let numbers: Vec<String> = numbers.iter().map(|number| (*number).to_owned()).collect();
    let campaign = campaign(&mut client, plan, &numbers);
    campaign.request(&mut client, "1");
    (client, campaign)
}

/// The dialing of that number, once it shows that header.
pub(crate) fn wait_until(client: &mut Client, number: &str, shows: (&str, &str)) -> String {
    let event = client.wait_for(&format!("{number} with {shows:?}"), |event| {
        header(event, "Event") == "OutDialingUpdate"
            && header(event, "DialAddr") == number
            && header(event, shows.0) == shows.1
    });
    header(&event, "Uuid")
}

/// The dialing of that number, once it is answered.
pub(crate) fn answered(client: &mut Client, number: &str) -> String {
    wait_until(client, number, ("ResDial", "4"))
}

/// The dialing of that number, once it rings.
pub(crate) fn ringing(client: &mut Client, number: &str) -> String {
    wait_until(client, number, ("Status", "3"))
}

/// The dialings that have not ended.
pub(crate) fn open(client: &mut Client) -> Vec<Message> {
    client.list("OutDialingShow", &[])
}

/// The one line of that number, as soon as there is one.
pub(crate) fn line_of(daemon: &mut Daemon, number: &str) -> Value {
    daemon.poll(&format!("the line of {number}"), |daemon| {
        daemon.results().into_iter().find(|line| line["dial_addr"] == number)
    })
}

/// How many lines have that outcome.
pub(crate) fn count(daemon: &Daemon, outcome: &str) -> usize {
    daemon.results().iter().filter(|line| line["outcome"] == outcome).count()
}

/// How often the log says that.
pub(crate) fn said(daemon: &Daemon, what: &str) -> usize {
    daemon.log().matches(what).count()
}

/// Waits until the log says that, so many times in all.
pub(crate) fn wait_until_said(daemon: &mut Daemon, what: &str, times: usize) {
    daemon.poll(what, |daemon| (said(daemon, what) >= times).then_some(()));
}

/// The whole list is dialled and the campaign has stopped; the promises held.
pub(crate) fn finish(daemon: &Daemon, client: &mut Client, campaign: &Campaign) {
    until_stopped(daemon, client, campaign);
    daemon.check();
}

/// The same where the PBX's own account has calls under ids of ours that somebody else made.
pub(crate) fn finish_beside_strangers(daemon: &Daemon, client: &mut Client, campaign: &Campaign) {
    until_stopped(daemon, client, campaign);
    let output = daemon.cli(&["check"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn until_stopped(daemon: &Daemon, client: &mut Client, campaign: &Campaign) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let status = |client: &mut Client| {
        header(&client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0], "Status")
    };
    while status(client) != "0" {
        assert!(Instant::now() < deadline, "the campaign does not end:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(open(client).is_empty());
    assert_lines_whole(&daemon.results());
}

/// Hangs up what is there, waits until it is over, and checks.
pub(crate) fn stop_and_finish(daemon: &Daemon, client: &mut Client, campaign: &Campaign) {
    campaign.request(client, "30");
    finish(daemon, client, campaign);
}

/// The time, as the result lines tell it.
#[expect(clippy::disallowed_methods, reason = "it is compared with the times of the result lines")]
pub(crate) fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)
}
