//! Dial lists over AMI: all that a contact has, its key, its events, and pages of a list.

use astout::model::refusal::NounKind;

use crate::client::{Client, LONG, Received};
use crate::daemon::Daemon;

const WHOLE: &str = "Name: client\nDetail: of ours\nUKey: k-1\nUData: order 7, \"red\"\nEmail: a@example.org\n\
    TimeZone: America/New_York\n\
    Number1: 301\nNumber2: +302\nNumber3: 303\nNumber4: 304\nNumber5: 305\nNumber6: 306\nNumber7: *307#\n\
    Number8: 308\nVariable: A=1\nVariable: B=two, three";

async fn set_up() -> (Daemon, Client, String) {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let dlma = client.create("Action: OutDlmaCreate\nName: list").await;
    (daemon, client, dlma)
}

/// Asks for a page; its uuids, and where the next one begins.
async fn page(client: &mut Client, fields: &str) -> (Vec<String>, Option<String>) {
    client.done(&format!("Action: OutDlListShow{fields}")).await;
    let mut uuids = Vec::new();
    loop {
        let item = tokio::time::timeout(LONG, client.read()).await.unwrap().expect("a list");
        if item.is_event("OutDlListComplete") {
            assert_eq!(
                (item.get("EventList"), item.get("ListItems")),
                ("Complete", uuids.len().to_string().as_str())
            );
            return (uuids, item.all("After").first().map(|uuid| (*uuid).to_owned()));
        }
        if item.is_event("OutDlListEntry") {
            uuids.push(item.get("Uuid").to_owned());
        }
    }
}

#[tokio::test]
async fn all_that_a_contact_has_is_shown_and_told_and_an_empty_field_unsets() {
    let (_daemon, mut client, dlma) = set_up().await;
    let uuid = client.create(&format!("Action: OutDlListCreate\nDlmaUuid: {dlma}\n{WHOLE}")).await;
    let entry = client.list(&format!("Action: OutDlListShow\nUuid: {uuid}")).await.remove(0);
    let told = client.event("OutDlListCreate").await;
    for line in WHOLE.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        assert!(entry.all(name).contains(&value) && told.all(name).contains(&value), "{line}\n{}", entry.0);
    }

    client
        .done(&format!(
            "Action: OutDlListUpdate\nUuid: {uuid}\nUData:\nTimeZone:\nNumber2:\nEmail: b@example.org\nVariable:"
        ))
        .await;

    let told: Received = client.event("OutDlListUpdate").await;
    assert_eq!(
        (told.get("Number2"), told.get("Variable"), told.get("Email")),
        ("<unknown>", "<unknown>", "b@example.org")
    );
    assert_eq!((told.get("Number1"), told.get("UKey"), told.all("UData")), ("301", "k-1", vec![]));
    assert_eq!(told.all("TimeZone"), [""; 0]);
    for wrong in ["CET+1", "New York", "Mars/Olympus"] {
        let update = format!("Action: OutDlListUpdate\nUuid: {uuid}\nName: y\nTimeZone: {wrong}");
        let reply = client.ask(&update).await;
        let text = format!("TimeZone: \"{wrong}\" is not allowed; allowed: a time zone by its IANA name");
        assert!(reply.get("Message").contains(&text), "{}", reply.0);
    }
    let entry = client.list(&format!("Action: OutDlListShow\nUuid: {uuid}")).await.remove(0);
    assert_eq!(entry.get("Name"), "client");
}

#[tokio::test]
async fn a_key_is_in_a_list_once_at_create_and_at_update_until_its_contact_is_deleted() {
    let (_daemon, mut client, dlma) = set_up().await;
    let other = client.create("Action: OutDlmaCreate\nName: other").await;
    let create = |list: &str, key: &str| {
        format!("Action: OutDlListCreate\nDlmaUuid: {list}\nNumber1: 300\nUKey: {key}")
    };
    let taken = "UKey: \"a\" is taken; allowed: a key that no other contact of the list has";
    let first = client.create(&create(&dlma, "a")).await;
    let second = client.create(&create(&dlma, "b")).await;
    client.create(&create(&other, "a")).await;
    for _ in 0..2 {
        client.create(&create(&dlma, "")).await;
    }
    client.refused(&create(&dlma, "a"), &format!("Error encountered while creating dl list: {taken}")).await;
    let update = format!("Action: OutDlListUpdate\nUuid: {second}\nName: x\nUKey: a");
    client.refused(&update, &format!("Error encountered while updating dl list: {taken}")).await;
    let entry = &client.list(&format!("Action: OutDlListShow\nUuid: {second}")).await[0];
    assert_eq!((entry.get("UKey"), entry.get("Name")), ("b", "<unknown>"), "nothing was written");
    client.done(&format!("Action: OutDlListUpdate\nUuid: {first}\nUKey: a")).await;
    client.done(&format!("Action: OutDlListDelete\nUuid: {first}")).await;
    client.done(&update).await;
}

#[tokio::test]
async fn pages_follow_each_other_whatever_comes_and_goes_meanwhile() {
    let (daemon, mut client, dlma) = set_up().await;
    let contact =
        |list: &str| [("DlmaUuid", list.to_owned()), ("Number1", "300".to_owned())].into_iter().collect();
    daemon.create_all(NounKind::Dl, (0..25).map(|_| contact(&dlma))).await;
    let all = daemon.handle.records().dls(None, 100, None).await.unwrap();
    let all: Vec<String> = all.iter().map(|dl| dl.uuid.to_string()).collect();

    let (first, after) = page(&mut client, &format!("\nDlmaUuid: {dlma}\nCount: 10")).await;
    assert_eq!((first.as_slice(), after.as_ref()), (&all[..10], Some(&all[9])));
    // The place itself, one that was shown, and one that was not.
    for gone in [&all[9], &all[0], &all[10]] {
        client.done(&format!("Action: OutDlListDelete\nUuid: {gone}")).await;
    }
    let (second, after) =
        page(&mut client, &format!("\nDlmaUuid: {dlma}\nCount: 10\nAfter: {}", all[9])).await;
    assert_eq!((second.as_slice(), after.as_ref()), (&all[11..21], Some(&all[20])));
    let (third, after) = page(&mut client, &format!("\nCount: 4\nAfter: {}", all[20])).await;
    assert_eq!((third.as_slice(), after), (&all[21..], None), "the page is full, and nobody comes after it");
    assert_eq!(page(&mut client, &format!("\nAfter: {}", all[24])).await, (vec![], None));
}

#[tokio::test]
async fn a_place_that_never_was_is_refused() {
    let (_daemon, mut client, _) = set_up().await;
    let nobody = "11111111-1111-1111-1111-111111111111";
    let text = format!(
        "No such dl_list: After: \"{nobody}\" names no dl_list; allowed: the uuid of a dl_list that is there"
    );
    client.refused(&format!("Action: OutDlListShow\nAfter: {nobody}"), &text).await;
    let text = "Error encountered while showing dl list: After: \"x\" is not allowed; allowed: a uuid, \
                xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    client.refused("Action: OutDlListShow\nAfter: x", text).await;
}
