//! Contacts that are asked for without waiting for answers: they are written together, and answered as if one by one.

use std::collections::HashSet;

use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::client::Client;
use crate::daemon::Daemon;

fn contact(dlma: &str, more: &str) -> String {
    format!("Action: OutDlListCreate\r\nDlmaUuid: {dlma}\r\n{more}\r\n")
}

async fn list(client: &mut Client) -> String {
    client.create("Action: OutDlmaCreate\nName: a list").await
}

#[tokio::test]
async fn contacts_that_come_together_are_answered_in_their_order_and_a_wrong_one_refuses_only_itself() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let dlma = list(&mut client).await;
    let mut text = String::new();
    for id in 0..700 {
        let number = if id % 7 == 3 { "" } else { "Number1: 300\r\n" };
        text.push_str(&contact(&dlma, &format!("ActionID: {id}\r\nName: {id}\r\n{number}")));
    }
    client.stream.write_all(text.as_bytes()).await.unwrap();
    let mut created = Vec::new();
    for id in 0..700 {
        let answer = client.response().await;
        assert_eq!(answer.get("ActionID"), id.to_string());
        if id % 7 == 3 {
            assert_eq!(answer.get("Response"), "Error");
            assert!(answer.get("Message").contains("Number1: missing"), "{}", answer.0);
        } else {
            assert_eq!(answer.get("Message"), "Dl list created successfully", "{}", answer.0);
            created.push(answer.get("Uuid").to_owned());
        }
    }
    let listed = client.list(&format!("Action: OutDlListShow\nDlmaUuid: {dlma}\nCount: 1000")).await;
    assert_eq!(listed.iter().map(|entry| entry.get("Uuid")).collect::<Vec<_>>(), created);
}

#[tokio::test]
async fn what_comes_between_contacts_keeps_its_place() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let dlma = list(&mut client).await;
    let uuid = Uuid::new_v4();
    let own = format!("Uuid: {uuid}\r\nNumber1: 300\r\n");
    let text = [
        contact(&dlma, "ActionID: 1\r\nNumber1: 300\r\n"),
        contact(&dlma, &format!("ActionID: 2\r\n{own}")),
        "Action: Ping\r\nActionID: 3\r\n\r\n".to_owned(),
        contact(&dlma, "ActionID: 4\r\nNumber1: 300\r\n"),
        format!("Action: OutDlListDelete\r\nActionID: 5\r\nUuid: {uuid}\r\n\r\n"),
        contact(&dlma, "ActionID: 6\r\nUKey: k\r\nNumber1: 300\r\n"),
        contact(&dlma, "ActionID: 7\r\nUKey: k\r\nNumber1: 300\r\n"),
        contact(&dlma, &format!("ActionID: 8\r\n{own}")),
        contact(&Uuid::new_v4().to_string(), "ActionID: 9\r\nNumber1: 300\r\n"),
        "Action: OutNothing\r\nActionID: 10\r\n\r\n".to_owned(),
        "\r\n".to_owned(),
        format!("X: {}\r\nActionID: 12\r\n\r\n", "y".repeat(2000)),
        contact(&dlma, "ActionID: 13\r\nNumber1: 300\r\n"),
        "Action: Logoff\r\nActionID: 14\r\n\r\n".to_owned(),
        contact(&dlma, "ActionID: 15\r\nNumber1: 300\r\n"),
    ];
    client.stream.write_all(text.concat().as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    while let Some(answer) = client.read().await {
        let id = answer.all("ActionID").first().map_or(11, |id| id.parse().unwrap());
        answers.push((id, answer.get("Response").to_owned(), answer.all("Message").concat()));
    }
    let ids: Vec<i32> = answers.iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids, (1..=14).collect::<Vec<_>>(), "{answers:?}");
    for (id, response, text) in &answers {
        let wanted = match id {
            7 => Some("UKey: \"k\" is taken"),
            8 => Some("is taken; allowed: a uuid"),
            9 => Some("names no dlma"),
            10 => Some("Invalid/unknown command"),
            11 => Some("Missing action in request"),
            12 => Some("line too long"),
            _ => None,
        };
        assert_eq!(response == "Error", wanted.is_some(), "{id}: {text}");
        assert!(wanted.is_none_or(|wanted| text.contains(wanted)), "{id}: {text}");
    }
    let mut client = daemon.login_with_events("admin", "off").await;
    assert_eq!(client.list(&format!("Action: OutDlListShow\nDlmaUuid: {dlma}")).await.len(), 4);
}

#[tokio::test]
async fn who_may_not_create_is_told_so_each_time() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let dlma = list(&mut client).await;
    let mut viewer = daemon.login_with_events("viewer", "off").await;
    let text = contact(&dlma, "Number1: 300\r\n").repeat(3);
    viewer.stream.write_all(text.as_bytes()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(viewer.response().await.get("Message"), "Permission denied");
    }
}

/// More events than the bus keeps.
#[tokio::test]
async fn who_creates_without_waiting_hears_of_every_contact_even_so() {
    const CONTACTS: usize = 9000;
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let dlma = list(&mut client).await;
    let Client { stream, .. } = client;
    let (mut reading, mut writing) = stream.into_split();
    let text = contact(&dlma, "Number1: 300\r\n").repeat(CONTACTS);
    let sending = tokio::spawn(async move {
        writing.write_all(text.as_bytes()).await.unwrap();
        writing
    });
    let (mut bytes, mut answered, mut told) = (Vec::new(), 0, HashSet::new());
    while answered < CONTACTS || told.len() < CONTACTS {
        let read = tokio::io::AsyncReadExt::read_buf(&mut reading, &mut bytes);
        let read = tokio::time::timeout(crate::client::LONG, read).await.expect("more").unwrap();
        assert!(read > 0, "dropped with {answered} answers and {} events", told.len());
        let whole = bytes.windows(4).rposition(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
        for message in String::from_utf8(bytes.drain(..whole).collect()).unwrap().split("\r\n\r\n") {
            answered += usize::from(message.starts_with("Response: Success"));
            if message.starts_with("Event: OutDlListCreate\r\n") {
                let uuid = message.split("\r\n").find_map(|line| line.strip_prefix("Uuid: ")).unwrap();
                assert!(told.insert(uuid.to_owned()), "{uuid} twice");
            }
        }
    }
    drop(sending.await.unwrap());
}
