//! What a plan has beside the original's fields, over AMI: how it is set, shown, unset and refused.

use crate::client::Client;
use crate::daemon::Daemon;
use crate::made::make;

/// The headers behind the original's last one.
async fn behind(client: &mut Client, uuid: &str) -> Vec<String> {
    let entry = &client.list(&format!("Action: OutPlanShow\nUuid: {uuid}")).await[0];
    let (_, rest) = entry.0.split_once("\r\nTmUpdate: ").expect("the original's last header");
    rest.split("\r\n").skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn what_the_original_does_not_have_is_shown_behind_its_headers_where_it_is_set() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let retry = "ServiceLevel: 2\nEarlyMedia: true\nCodecs: ulaw,alaw\nUuiField: UData\nPowerRatio: 2.5\n\
                 RetryDelayBusy: 60 300\nRetryDelayNoAnswer: 7200\nRetryDelayCongestion: 5\n\
                 RetryDelayFailed: 0\nTrunkFaultRetries: 2";
    let uuid = client.create(&format!("Action: OutPlanCreate\nName: x\n{retry}")).await;
    assert_eq!(behind(&mut client, &uuid).await.join("\n"), retry);
    let event = client.event("OutPlanCreate").await;
    assert_eq!((event.get("RetryDelayBusy"), event.get("TrunkFaultRetries")), ("60 300", "2"));

    let unset = "ServiceLevel: 0\nEarlyMedia:\nCodecs:\nUuiField:\nPowerRatio:\nRetryDelayBusy:\nRetryDelayCongestion:\nRetryDelayFailed:\nTrunkFaultRetries: 0";
    client.done(&format!("Action: OutPlanUpdate\nUuid: {uuid}\n{unset}")).await;
    assert_eq!(behind(&mut client, &uuid).await, ["RetryDelayNoAnswer: 7200"]);
    client.done(&format!("Action: OutPlanUpdate\nUuid: {uuid}\nRetryDelayNoAnswer:")).await;
    assert_eq!(behind(&mut client, &uuid).await, [""; 0]);
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_the_form_that_is_right_and_nothing_is_written() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let uuid = client.create("Action: OutPlanCreate\nName: x").await;
    let before = client.list(&format!("Action: OutPlanShow\nUuid: {uuid}")).await;
    const DELAYS: &str = "whole numbers of seconds from 0 to 31536000";
    for (field, value, allowed) in [
        ("RetryDelayBusy", "soon", DELAYS),
        ("RetryDelayNoAnswer", "60,120", DELAYS),
        ("RetryDelayCongestion", "-1", DELAYS),
        ("RetryDelayFailed", "31536001", DELAYS),
        ("TrunkFaultRetries", "1001", "a whole number from 0 to 1000 (tries)"),
        ("ServiceLevel", "many", "a whole number from 0 to 10000 (calls)"),
        ("EarlyMedia", "perhaps", "1, yes, true, 0, no or false"),
        ("Codecs", "u law", "up to 20 names of codecs with commas between"),
        ("UuiField", "Number 1", "Name, Detail, UKey, UData or Email"),
        ("PowerRatio", "0.5", "a number from 1 to 20 with two decimals at most"),
        ("AbandonTarget", "101", "a number from 0 to 100 with two decimals at most"),
        ("AbandonWindow", "week", "day, month, rolling-30d or calls"),
        ("AbandonAfter", "61", "a whole number from 0 to 60 (seconds)"),
        ("MinRing", "soon", "a whole number from 0 to 300 (seconds)"),
        ("AbandonDest", "sales", "a uuid, xxxxxxxx-xxxx"),
        ("CountAmdFalsePositives", "yes", "0 or 1"),
        ("ContactCap", "3 a day", "attempts/period, such as 3/1d or 7/7d: 1 to 100 attempts in 1s to 366d"),
        ("NumberCap", "0/1d", "attempts/period, such as 3/1d or 7/7d"),
        (
            "CallingHours",
            "mon-fri 21:00-08:00",
            "days and times, such as mon-fri 08:00-21:00, sat 10:00-18:00",
        ),
        ("Holidays", "02-30", "dates, such as 2026-04-03, 12-25"),
        ("DialMode", "5", "0 (none), 1 (predictive), 2 (progressive), 3 (power) or 4 (preview)"),
    ] {
        for action in ["Action: OutPlanCreate".to_owned(), format!("Action: OutPlanUpdate\nUuid: {uuid}")] {
            let reply = client.ask(&format!("{action}\nName: y\n{field}: {value}")).await;
            let text = format!("{field}: \"{value}\" is not allowed; allowed: {allowed}");
            assert!(reply.get("Message").contains(&text), "{}", reply.0);
        }
    }
    assert_eq!(client.list("Action: OutPlanShow").await, before);
}

#[tokio::test]
async fn what_a_plan_says_of_abandoned_calls_is_shown_where_it_is_not_the_usual() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let message = client.create("Action: OutDestinationCreate\nExten: sorry\nContext: in").await;
    let set = format!(
        "AbandonTarget: 2.5\nAbandonWindow: rolling-30d\nAbandonAfter: 3\nMinRing: 20\nAbandonDest: {message}\n\
         CountAmdFalsePositives: 1"
    );
    let uuid = client.create(&format!("Action: OutPlanCreate\nName: x\n{set}")).await;
    assert_eq!(behind(&mut client, &uuid).await.join("\n"), set);
    let event = client.event("OutPlanCreate").await;
    assert_eq!((event.get("AbandonTarget"), event.get("AbandonDest")), ("2.5", message.as_str()));
    // The destination is needed as long as the plan names it.
    let reply = client.ask(&format!("Action: OutDestinationDelete\nUuid: {message}")).await;
    let text = format!("Uuid: the AbandonDest of plan {uuid} (x); allowed: once that has another, or none");
    assert!(reply.get("Message").contains(&text), "{}", reply.0);
    let usual = "AbandonTarget: 3\nAbandonWindow: day\nAbandonAfter: 2\nMinRing: 15\nAbandonDest:\n\
                 CountAmdFalsePositives: 0";
    client.done(&format!("Action: OutPlanUpdate\nUuid: {uuid}\n{usual}")).await;
    assert_eq!(behind(&mut client, &uuid).await, [""; 0]);
    client.done(&format!("Action: OutDestinationDelete\nUuid: {message}")).await;
    let reply = client.ask(&format!("Action: OutPlanUpdate\nUuid: {uuid}\nAbandonDest: {message}")).await;
    assert!(reply.get("Message").contains(&format!("AbandonDest: \"{message}\" names no destination")));
    assert_eq!(behind(&mut client, &uuid).await, [""; 0]);
}

#[tokio::test]
async fn a_campaign_starts_by_every_mode_that_dials_and_says_why_not_by_the_others() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let made = make(&mut client).await;
    let start = format!("Action: OutCampaignUpdate\nUuid: {}\nStatus: 1", made.campaign);
    for (mode, refused) in
        [("0", Some("DialMode 0 is no dialing")), ("1", None), ("2", None), ("3", None), ("4", None)]
    {
        client.done(&format!("Action: OutPlanUpdate\nUuid: {}\nDialMode: {mode}", made.plan)).await;
        let reply = client.ask(&start).await;
        match refused {
            Some(words) => assert!(reply.get("Message").contains(words), "{}", reply.0),
            None => {
                assert_eq!(reply.get("Response"), "Success", "{}", reply.0);
                client.done(&format!("Action: OutCampaignUpdate\nUuid: {}\nStatus: 0", made.campaign)).await;
                while client.event("OutCampaignUpdate").await.get("Status") != "0" {}
            }
        }
    }
}

#[tokio::test]
async fn a_campaign_starts_when_the_list_of_the_one_before_it_has_ended() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let made = make(&mut client).await;
    let empty = client.create("Action: OutDlmaCreate\nName: nobody").await;
    let parts = format!("Plan: {}\nDlma: {empty}\nDest: {}", made.plan, made.destination);
    let next = format!("NextCampaign: {}", made.campaign);
    let first = client.create(&format!("Action: OutCampaignCreate\nName: first\n{parts}\n{next}")).await;
    let entry = &client.list(&format!("Action: OutCampaignShow\nUuid: {first}")).await[0];
    assert_eq!(entry.get("NextCampaign"), made.campaign);
    let reply = client.ask(&format!("Action: OutCampaignDelete\nUuid: {}", made.campaign)).await;
    assert!(reply.get("Message").contains("as its NextCampaign; allowed: once that has another, or none"));

    client.done(&format!("Action: OutCampaignUpdate\nUuid: {first}\nStatus: 1")).await;

    // What each goes through is in order; the two go side by side.
    let mut ways = [(&first, "11 1 10 0", Vec::new()), (&made.campaign, "11 1", Vec::new())];
    while ways.iter().any(|(_, whole, way)| way.join(" ") != *whole) {
        let event = client.event("OutCampaignUpdate").await;
        let (_, whole, way) = ways.iter_mut().find(|(uuid, ..)| event.get("Uuid") == **uuid).unwrap();
        way.push(event.get("Status").to_owned());
        assert!(whole.starts_with(&way.join(" ")), "{way:?}");
    }
}
