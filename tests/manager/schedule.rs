//! A campaign's schedule over AMI: how it is set and shown, and that it starts and stops the campaign by itself.

use crate::client::Client;
use crate::daemon::Daemon;
use crate::made::make;

const SCHEDULE: &str = "ScMode: 1\nScTimeStart: 09:00:00\nScTimeEnd: 17:30:00\nScDateStart: 2016-11-17\n\
    ScDateEnd: 2016-11-30\nScDateList: 2016-12-24,2016-12-03\nScDateListExcept: 2016-11-20\nScDayList: 1, 3,0\n\
    ScTimezone: Europe/Berlin";

async fn shown(client: &mut Client, uuid: &str) -> Vec<(String, String)> {
    let entry = &client.list(&format!("Action: OutCampaignShow\nUuid: {uuid}")).await[0];
    let names = entry.names().into_iter().filter(|name| name.starts_with("Sc"));
    names.map(|name| (name.to_owned(), entry.get(name).to_owned())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn every_field_is_set_at_create_shown_in_the_originals_order_and_changed_by_update() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let uuid = client.create(&format!("Action: OutCampaignCreate\nName: x\n{SCHEDULE}")).await;
    let whole = [
        ("ScMode", "1"),
        ("ScTimeStart", "09:00:00"),
        ("ScTimeEnd", "17:30:00"),
        ("ScDateStart", "2016-11-17"),
        ("ScDateEnd", "2016-11-30"),
        ("ScDateList", "2016-12-03, 2016-12-24"),
        ("ScDateListExcept", "2016-11-20"),
        ("ScDayList", "0, 1, 3"),
        ("ScTimezone", "Europe/Berlin"),
    ];
    assert_eq!(shown(&mut client, &uuid).await, pairs(&whole));
    let event = client.event("OutCampaignCreate").await;
    assert_eq!((event.get("ScDayList"), event.get("ScTimezone")), ("0, 1, 3", "Europe/Berlin"));

    let change =
        "ScMode: 0\nScTimeStart: 10:00:00\nScTimeEnd:\nScDateEnd: 2017-01-01\nScDateList:\nScTimezone:";
    client.done(&format!("Action: OutCampaignUpdate\nUuid: {uuid}\n{change}")).await;

    let changed = [
        ("ScMode", "0"),
        ("ScTimeStart", "10:00:00"),
        ("ScTimeEnd", "<unknown>"),
        ("ScDateStart", "2016-11-17"),
        ("ScDateEnd", "2017-01-01"),
        ("ScDateList", "<unknown>"),
        ("ScDateListExcept", "2016-11-20"),
        ("ScDayList", "0, 1, 3"),
    ];
    assert_eq!(shown(&mut client, &uuid).await, pairs(&changed), "a zone that is not set has no header");
}

#[tokio::test]
async fn what_is_wrong_is_said_with_the_form_that_is_right() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    for (field, value, allowed) in [
        ("ScMode", "2", "0 (no schedule) or 1 (schedule)"),
        ("ScTimeStart", "9:00", "a time of day hh:mm:ss, from 00:00:00 to 23:59:59"),
        ("ScTimeEnd", "24:00:00", "a time of day hh:mm:ss, from 00:00:00 to 23:59:59"),
        ("ScDateStart", "1.2.2026", "a date YYYY-MM-DD"),
        ("ScDateEnd", "2026-02-30", "a date YYYY-MM-DD"),
        ("ScDateList", "x", "dates YYYY-MM-DD, YYYY-MM-DD, ..., up to 900 bytes"),
        ("ScDateListExcept", "x", "dates YYYY-MM-DD, YYYY-MM-DD, ..., up to 900 bytes"),
        ("ScDayList", "8", "days of the week from 0 (Sunday) to 6 (Saturday), such as 1, 2, 3"),
        (
            "ScTimezone",
            "Berlin",
            "a time zone by its IANA name, such as Europe/Berlin, America/New_York or UTC",
        ),
    ] {
        let reply = client.ask(&format!("Action: OutCampaignCreate\n{field}: {value}")).await;
        let text = format!(
            "Error encountered while creating campaign: {field}: \"{value}\" is not allowed; allowed: {allowed}"
        );
        assert_eq!(reply.get("Message"), text);
    }
    assert!(client.list("Action: OutCampaignShow").await.is_empty());
}

#[tokio::test]
async fn a_campaign_whose_window_is_open_starts_by_itself_and_an_operators_stop_holds() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let made = make(&mut client).await;
    client.done(&format!("Action: OutCampaignUpdate\nUuid: {}\nScMode: 1", made.campaign)).await;
    for status in ["0", "11", "1"] {
        assert_eq!(client.event("OutCampaignUpdate").await.get("Status"), status);
    }
    client.done(&format!("Action: OutCampaignUpdate\nUuid: {}\nStatus: 0", made.campaign)).await;
    for status in ["10", "0"] {
        assert_eq!(client.event("OutCampaignUpdate").await.get("Status"), status);
    }
    client.done(&format!("Action: OutCampaignUpdate\nUuid: {}\nName: other", made.campaign)).await;
    assert_eq!(client.event("OutCampaignUpdate").await.get("Status"), "0");
    client.done(&format!("Action: OutCampaignUpdate\nUuid: {}\nStatus: 1", made.campaign)).await;
    for status in ["11", "1"] {
        assert_eq!(client.event("OutCampaignUpdate").await.get("Status"), status);
    }
}

#[tokio::test]
async fn a_start_outside_of_the_window_is_refused_and_a_schedule_that_closes_stops_at_once() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let made = make(&mut client).await;
    let update = format!("Action: OutCampaignUpdate\nUuid: {}", made.campaign);
    client.done(&format!("{update}\nScMode: 1\nScDateEnd: 2016-11-17")).await;
    let refused = client.ask(&format!("{update}\nName: changed\nStatus: 1")).await;
    assert_eq!(
        refused.get("Message"),
        "Error encountered while updating campaign: Status: its schedule's window is closed; none is to come; \
         allowed: to wait for it, to change its schedule, or ScMode 0 (no schedule)"
    );
    let entry = &client.list(&format!("Action: OutCampaignShow\nUuid: {}", made.campaign)).await[0];
    assert_eq!((entry.get("Status"), entry.get("Name")), ("0", "Sales campaign"), "nothing was written");

    client.done(&format!("{update}\nScMode: 0\nStatus: 1")).await;
    while client.event("OutCampaignUpdate").await.get("Status") != "1" {}
    client.done(&format!("{update}\nScMode: 1")).await;
    for status in ["1", "10", "0"] {
        assert_eq!(client.event("OutCampaignUpdate").await.get("Status"), status);
    }
}
