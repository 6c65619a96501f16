//! Every request for a status in every status of a campaign, as an operator's client makes it: what docs/statuses.md says.

use std::sync::Arc;

use astout::model::dialing::Attempt;

use crate::client::{Client, Received};
use crate::daemon::Daemon;

const PAGE: &str = include_str!("../../docs/statuses.md");

/// The page's table: the status, what is asked for, and what follows.
fn table() -> Vec<(&'static str, &'static str, &'static str)> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let head = PAGE.lines().find(|line| line.starts_with("| | 0 |")).expect("the table's head");
    let asked = cells(head);
    let rows = PAGE.lines().filter(|line| line.starts_with("| **")).map(cells);
    let pairs = rows.flat_map(|row| {
        let status = row[0].trim_matches('*');
        asked.clone().into_iter().zip(row).skip(1).map(move |(asked, to)| (status, asked, to))
    });
    pairs.collect()
}

async fn next_status(client: &mut Client, campaign: &str) -> Received {
    loop {
        let event = client.event("OutCampaignUpdate").await;
        if event.get("Uuid") == campaign {
            return event;
        }
    }
}

async fn ask(client: &mut Client, campaign: &str, status: &str) -> Received {
    client.ask(&format!("Action: OutCampaignUpdate\nUuid: {campaign}\nName: asked\nStatus: {status}")).await
}

async fn until(client: &mut Client, campaign: &str, status: &str) {
    while next_status(client, campaign).await.get("Status") != status {}
}

/// A campaign that has a call on its way, unless it is stopped, and that status. What Asterisk does not say keeps it there.
async fn campaign_at(
    daemon: &mut Daemon,
    client: &mut Client,
    status: &str,
    plan: &str,
    dest: &str,
) -> String {
    let dlma = client.create("Action: OutDlmaCreate").await;
    client.create(&format!("Action: OutDlListCreate\nDlmaUuid: {dlma}\nNumber1: 300")).await;
    let parts = format!("Plan: {plan}\nDlma: {dlma}\nDest: {dest}");
    let campaign = client.create(&format!("Action: OutCampaignCreate\n{parts}")).await;
    if status == "0" {
        return campaign;
    }
    ask(client, &campaign, "1").await;
    until(client, &campaign, "1").await;
    let attempt: Arc<Attempt> = daemon.originate().await;
    let (answered, way): (bool, &[&str]) = match status {
        "1" => (true, &[]),
        "2" => (true, &["2"]),
        "10" => (true, &["0"]),
        "11" => (false, &["2", "1"]),
        "12" => (false, &["2"]),
        "30" => (true, &["30"]),
        other => panic!("{other}"),
    };
    if answered {
        daemon.rings(&attempt).await;
    }
    for request in way {
        ask(client, &campaign, request).await;
    }
    if !way.is_empty() {
        until(client, &campaign, status).await;
    }
    campaign
}

#[tokio::test]
async fn every_request_in_every_status_is_answered_as_the_page_says() {
    let table = table();
    assert_eq!(table.len(), 49);
    for status in ["0", "1", "2", "10", "11", "12", "30"] {
        let mut daemon = Daemon::start().await;
        let mut client = daemon.login("admin").await;
        daemon.asterisk_comes().await;
        let plan = client.create("Action: OutPlanCreate\nTechName: PJSIP").await;
        let dest = client.create("Action: OutDestinationCreate\nType: 1\nApplication: park").await;
        for (_, asked, to) in table.iter().filter(|(from, ..)| *from == status) {
            let campaign = campaign_at(&mut daemon, &mut client, status, &plan, &dest).await;
            let pair = format!("at {status}, asked for {asked}");
            let reply = ask(&mut client, &campaign, asked).await;
            if *to == "no" {
                let message = reply.get("Message");
                assert!(
                    message.starts_with("Error encountered while updating campaign: Status: "),
                    "{pair}: {message}"
                );
                assert!(message.contains("allowed"), "{pair}: {message}");
                // The next event is another request's: of the refused one there is none, nor was anything written.
                client.done(&format!("Action: OutCampaignUpdate\nUuid: {campaign}\nDetail: after")).await;
                let event = next_status(&mut client, &campaign).await;
                assert_eq!((event.get("Detail"), event.get("Status")), ("after", status), "{pair}");
            } else {
                assert_eq!(reply.get("Response"), "Success", "{pair}: {}", reply.0);
                let to = if *to == "=" { status } else { to };
                assert_eq!(next_status(&mut client, &campaign).await.get("Status"), to, "{pair}");
            }
        }
    }
}
