//! `[dialer] on_unknown`: what becomes of a contact when nobody saw the end of its attempt. The sandbox acknowledges an
//! Originate and forgets it (case 28).

use serde_json::{Value, json};

use crate::scene::{self, count, dial, finish, wait_until_said};
use crate::support::ami::{Client, header};
use crate::support::daemon::Daemon;
use crate::support::sandbox::Sandbox;
use crate::support::scenario::Campaign;

/// A campaign of one contact, whose first Originate comes to nothing.
fn lost_once(sandbox: &Sandbox, on_unknown: &str, retry_delay: &str) -> (Daemon, Client, Campaign) {
    sandbox.client().done("SandboxFault", &[("Swallow", "1"), ("Times", "1")]);
    let daemon = Daemon::start(sandbox, &format!("[dialer]\non_unknown = \"{on_unknown}\"\n"));
    let plan = [("MaxRetry1", "2"), ("RetryDelay", retry_delay), ("DialTimeout", "1000")];
    let (client, campaign) = dial(&daemon, &plan, &["1000301"]);
    (daemon, client, campaign)
}

fn outcomes(daemon: &Daemon) -> Vec<Value> {
    daemon.results().iter().map(|line| line["outcome"].clone()).collect()
}

fn stat(client: &mut Client, campaign: &Campaign, header_name: &str) -> String {
    header(&client.list("OutCampaignStatShow", &[("Uuid", &campaign.uuid)])[0], header_name)
}

#[test]
fn count_waits_for_retry_delay() {
    let sandbox = Sandbox::up("");
    let (mut daemon, mut client, campaign) = lost_once(&sandbox, "count", "3600");
    daemon.poll("the line", |daemon| (count(daemon, "unknown") == 1).then_some(()));
    daemon.poll("the contact to wait", |_| {
        (stat(&mut client, &campaign, "DlAvailableCount") == "1").then_some(())
    });
    assert!(scene::open(&mut client).is_empty());
    assert_eq!(stat(&mut client, &campaign, "DlHeldCount"), "");
    scene::stop_and_finish(&daemon, &mut client, &campaign);
    assert_eq!(outcomes(&daemon), [json!("unknown")]);
}

#[test]
fn retry_dials_again_at_once() {
    let sandbox = Sandbox::up("");
    let (daemon, mut client, campaign) = lost_once(&sandbox, "retry", "3600");
    finish(&daemon, &mut client, &campaign);
    assert_eq!(outcomes(&daemon), [json!("unknown"), json!("answered")]);
    let tries: Vec<_> = daemon.results().iter().map(|line| line["dial_trycnt"].clone()).collect();
    assert_eq!(tries, [json!(1), json!(2)]);
}

#[test]
fn hold_waits_for_a_person_and_keeps_no_campaign_running() {
    let sandbox = Sandbox::up("");
    let (mut daemon, mut client, campaign) = lost_once(&sandbox, "hold", "0");
    finish(&daemon, &mut client, &campaign);
    wait_until_said(&mut daemon, "the contact is held", 1);
    let contact = campaign.contacts(&mut client).remove("1000301").unwrap();
    assert_eq!((header(&contact, "Status"), header(&contact, "TryCnt1")), ("2".into(), "1".into()));
    assert_eq!(stat(&mut client, &campaign, "DlHeldCount"), "1");
    // Held over a restart, and by a campaign that is started anew.
    assert!(daemon.stop().success());
    daemon.run();
    let mut client = daemon.client();
    campaign.request(&mut client, "1");
    finish(&daemon, &mut client, &campaign);
    assert_eq!(outcomes(&daemon), [json!("unknown")]);

    client.done("OutDlListUpdate", &[("Uuid", &header(&contact, "Uuid")), ("Status", "0")]);
    client.wait_for("the release", |event| {
        header(event, "Event") == "OutDlListUpdate" && header(event, "Status") == "0"
    });
    campaign.request(&mut client, "1");
    daemon.poll("the second try", |daemon| (count(daemon, "answered") == 1).then_some(()));
    finish(&daemon, &mut client, &campaign);
    assert_eq!(stat(&mut client, &campaign, "DlFinishedCount"), "1");
}
