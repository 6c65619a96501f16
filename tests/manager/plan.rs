//! What a plan has beside the original's fields, over AMI: how it is set, shown, unset and refused.

use crate::client::Client;
use crate::daemon::Daemon;

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
    let retry = "RetryDelayBusy: 60 300\nRetryDelayNoAnswer: 7200\nRetryDelayCongestion: 5\n\
                 RetryDelayFailed: 0\nTrunkFaultRetries: 2";
    let uuid = client.create(&format!("Action: OutPlanCreate\nName: x\n{retry}")).await;
    assert_eq!(behind(&mut client, &uuid).await.join("\n"), retry);
    let event = client.event("OutPlanCreate").await;
    assert_eq!((event.get("RetryDelayBusy"), event.get("TrunkFaultRetries")), ("60 300", "2"));

    let unset = "RetryDelayBusy:\nRetryDelayCongestion:\nRetryDelayFailed:\nTrunkFaultRetries: 0";
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
    ] {
        for action in ["Action: OutPlanCreate".to_owned(), format!("Action: OutPlanUpdate\nUuid: {uuid}")] {
            let reply = client.ask(&format!("{action}\nName: y\n{field}: {value}")).await;
            let text = format!("{field}: \"{value}\" is not allowed; allowed: {allowed}");
            assert!(reply.get("Message").contains(&text), "{}", reply.0);
        }
    }
    assert_eq!(client.list("Action: OutPlanShow").await, before);
}
