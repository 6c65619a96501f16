//! What holds for connections: order, events, halves, garbage, slow readers, the end of the daemon.

use std::time::Duration;

use astout::model::refusal::NounKind;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::client::{Client, LONG};
use crate::daemon::Daemon;
use crate::made::make;

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let mut text = String::new();
    for id in 0..200 {
        let action = match id % 4 {
            0 => "OutPlanCreate",
            1 => "Ping",
            2 => "OutNothing",
            _ => "OutDlmaCreate",
        };
        text.push_str(&format!("Action: {action}\r\nActionID: {id}\r\n\r\n"));
    }
    client.stream.write_all(text.as_bytes()).await.unwrap();
    for id in 0..200 {
        assert_eq!(client.response().await.get("ActionID"), id.to_string());
    }
}

#[tokio::test]
async fn a_list_is_never_interrupted_by_events() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    make(&mut client).await;
    client.event("OutCampaignCreate").await;
    let mut text = String::new();
    for id in 0..50 {
        text.push_str(&format!("Action: OutPlanCreate\r\n\r\nAction: OutPlanShow\r\nActionID: {id}\r\n\r\n"));
    }
    client.stream.write_all(text.as_bytes()).await.unwrap();
    let mut listed = None;
    let (mut lists, mut events) = (0, 0);
    while lists < 50 || events < 50 {
        let message = client.read().await.unwrap();
        if message.0.contains("EventList: start") {
            listed = Some(0);
        } else if message.is_event("OutPlanListComplete") {
            assert_eq!(message.get("ListItems"), listed.take().expect("a start").to_string());
            lists += 1;
        } else if let Some(count) = &mut listed {
            assert!(message.is_event("OutPlanEntry"), "{}", message.0);
            *count += 1;
        } else if message.is_event("OutPlanCreate") {
            events += 1;
        }
    }
}

#[tokio::test]
async fn two_clients_see_each_others_changes_and_their_own_after_the_answer() {
    let daemon = Daemon::start().await;
    let mut one = daemon.login("admin").await;
    let mut other = daemon.login("admin").await;
    one.event("FullyBooted").await;
    one.send("Action: OutPlanCreate\nName: mine").await;
    assert!(one.read().await.unwrap().is_response());
    assert!(one.read().await.unwrap().is_event("OutPlanCreate"));
    assert_eq!(other.event("OutPlanCreate").await.get("Name"), "mine");
    other.create("Action: OutDlmaCreate\nName: yours").await;
    assert_eq!(one.event("OutDlmaCreate").await.get("Name"), "yours");
}

#[tokio::test]
async fn events_off_is_no_events_but_lists_come() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    client.event("FullyBooted").await;
    assert_eq!(client.done("Action: Events\nEventMask: off").await.get("Events"), "Off");
    client.create("Action: OutPlanCreate\nName: unseen").await;
    assert_eq!(client.list("Action: OutPlanShow").await.len(), 1);
    assert_eq!(client.done("Action: Events\nEventMask: message").await.get("Events"), "On");
    client.create("Action: OutPlanCreate\nName: seen").await;
    let event = client.read().await.unwrap();
    assert_eq!((event.get("Event"), event.get("Name")), ("OutPlanCreate", "seen"));
}

#[tokio::test]
async fn what_was_asked_before_a_half_close_is_answered() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    client.send("Action: OutPlanCreate\nActionID: last").await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.response().await.get("ActionID"), "last");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn logoff_says_goodbye_and_closes() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let goodbye = client.ask("Action: Logoff\nActionID: g\n\nAction: OutPlanCreate").await;
    assert_eq!(goodbye.0, "Response: Goodbye\r\nActionID: g\r\nMessage: Thanks for all the fish.");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn garbage_is_answered_with_errors_and_the_connection_stays() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let long = format!("Action: OutPlanCreate\r\nName: {}\r\n\r\n", "x".repeat(5000));
    let many = format!("Action: OutPlanCreate\r\n{}\r\n", "Variable: A=b\r\n".repeat(200));
    for (bytes, answer) in [
        (&b"\xff\xfe\x80garbage\r\n\r\n"[..], "Missing action in request"),
        (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "Missing action in request"),
        (long.as_bytes(), "Failed to parse message: line too long"),
        (many.as_bytes(), "Too many lines in message or allocation failure"),
    ] {
        client.stream.write_all(bytes).await.unwrap();
        assert_eq!(client.response().await.get("Message"), answer);
    }
    client.stream.write_all(b"Action: \x00Ping\r\nAct\x01ion: \xc3\x28\r\n\r\n").await.unwrap();
    assert_eq!(client.response().await.get("Response"), "Error");
    assert_eq!(client.done("Action: Ping").await.get("Ping"), "Pong");
    assert_eq!(client.list("Action: OutPlanShow").await, []);
}

#[tokio::test]
async fn a_reader_that_stands_still_is_dropped_and_nobody_else_notices() {
    let daemon = Daemon::start().await;
    // It never reads what it is sent.
    let mut slow = Client::connect_narrowly(daemon.address).await;
    slow.login("admin", "secret", "on").await;
    let mut busy = daemon.login_with_events("admin", "off").await;
    let plan = busy.create("Action: OutPlanCreate\nName: x").await;
    let fields = [("Uuid", plan), ("Detail", "d".repeat(890))].into_iter().collect();
    let flood = async {
        while daemon.tasks.len() == 2 {
            daemon.update_plan(&fields, 500).await;
            busy.done("Action: Ping").await;
        }
    };
    timeout(LONG * 3, flood).await.expect("the slow one is dropped, and the others are not held up");
    let mut slow = slow.stream;
    let gone = async {
        // What is in the buffers can still be read; then comes the end, clean or not.
        let mut bytes = vec![0; 1 << 20];
        while tokio::io::AsyncReadExt::read(&mut slow, &mut bytes).await.is_ok_and(|read| read > 0) {}
    };
    timeout(LONG, gone).await.expect("its connection is closed");
}

#[tokio::test]
async fn a_long_list_waits_for_a_slow_reader_instead_of_filling_memory() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let dlma = client.create("Action: OutDlmaCreate").await;
    let detail = "d".repeat(890);
    let contact = |number: u32| {
        let number = format!("5{number}");
        [("DlmaUuid", dlma.clone()), ("Number1", number), ("Detail", detail.clone())].into_iter().collect()
    };
    daemon.create_all(NounKind::Dl, (0..3000).map(contact)).await;
    // Some 6 MB, more than a session may hold for a client.
    client.send("Action: OutDlListShow\nCount: 3000").await;
    let mut other = daemon.login_with_events("admin", "off").await;
    other.done("Action: Ping").await;
    let mut items = 0;
    client.response().await;
    while client.read().await.expect("the whole list").is_event("OutDlListEntry") {
        items += 1;
    }
    assert_eq!(items, 3000);
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_closes() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    client.create("Action: OutPlanCreate").await;
    daemon.stop.cancel();
    assert!(client.is_closed().await);
    daemon.tasks.close();
    timeout(Duration::from_secs(10), daemon.tasks.wait()).await.expect("all sessions end");
    assert!(tokio::net::TcpStream::connect(daemon.address).await.is_err());
}

#[tokio::test]
async fn the_command_lines_socket_needs_no_login_and_sends_no_events() {
    let daemon = Daemon::start().await;
    let mut cli = daemon.connect_locally().await;
    cli.create("Action: OutPlanCreate\nName: x").await;
    cli.send("Action: Ping").await;
    assert!(cli.read().await.unwrap().is_response());
    let handle = daemon.handle.clone();
    assert_eq!(handle.records().plans().await.unwrap().len(), 1);
}
