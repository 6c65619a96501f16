//! Who gets in, what one may do then, and how one is kept out.

use std::time::{Duration, Instant};

use astout::ami::auth::md5_key;

use crate::daemon::Daemon;

#[tokio::test]
async fn a_login_is_followed_by_fully_booted() {
    let daemon = Daemon::start().await;
    let mut client = daemon.connect().await;
    client.login("ADMIN", "secret", "on").await;
    let booted = client.read().await.unwrap();
    assert_eq!(booted.names(), ["Event", "Privilege", "Uptime", "LastReload", "Status"]);
}

#[tokio::test]
async fn a_challenge_lets_in_without_the_secret_on_the_wire() {
    let daemon = Daemon::start().await;
    let mut client = daemon.connect().await;
    let challenge = client.done("Action: Challenge\nAuthType: MD5").await.get("Challenge").to_owned();
    let key = md5_key(&challenge, "secret");
    let reply = client.ask(&format!("Action: Login\nAuthType: MD5\nUsername: admin\nKey: {key}")).await;
    assert_eq!(reply.get("Message"), "Authentication accepted");
    client.done("Action: OutPlanShow").await;
}

#[tokio::test]
async fn all_failures_are_alike_take_a_second_and_end_the_connection() {
    let daemon = Daemon::start().await;
    for login in [
        "Username: admin\nSecret: wrong",
        "Username: somebody\nSecret: secret",
        "Username: admin",
        "Secret: secret",
        "Username: remote\nSecret: secret",
    ] {
        let mut client = daemon.connect().await;
        let begin = Instant::now();
        let reply = client.ask(&format!("Action: Login\nActionID: l\n{login}")).await;
        assert_eq!(reply.0, "Response: Error\r\nActionID: l\r\nMessage: Authentication failed", "{login}");
        assert!(begin.elapsed() >= Duration::from_secs(1), "{login}");
        assert!(client.is_closed().await, "{login}");
    }
    // The sixth of this address is refused, though right: five were wrong.
    let mut client = daemon.connect().await;
    client.refused("Action: Login\nUsername: admin\nSecret: secret", "Authentication failed").await;
}

#[tokio::test]
async fn strangers_may_do_nothing_and_each_may_only_what_its_classes_say() {
    let daemon = Daemon::start().await;
    let mut stranger = daemon.connect().await;
    stranger.refused("Action: OutPlanShow", "Permission denied").await;
    stranger.refused("Action: Command\nCommand: out show plans", "Permission denied").await;
    let mut viewer = daemon.login("viewer").await;
    for action in ["OutPlanCreate", "OutPlanShow", "outdialingdelete", "Command"] {
        viewer.refused(&format!("Action: {action}"), "Permission denied").await;
    }
    viewer
        .refused(
            "Action: OutNothing",
            "Invalid/unknown command: OutNothing. Use Action: ListCommands to show available commands.",
        )
        .await;
    let commands = viewer.done("Action: ListCommands").await;
    assert_eq!(
        commands.names(),
        ["Response", "Challenge", "Events", "ListCommands", "Login", "Logoff", "Ping"]
    );
    let mut admin = daemon.login("admin").await;
    let all = admin.done("Action: ListCommands").await;
    assert_eq!(all.get("OutPlanCreate"), "Create a plan.  (Priv: message,all)");
    assert!(all.names()[1..].is_sorted());
    // Whoever reads the class sees what others do.
    admin.create("Action: OutPlanCreate\nName: seen").await;
    assert_eq!(viewer.event("OutPlanCreate").await.get("Name"), "seen");
    let mut nobody = daemon.login("nobody").await;
    admin.create("Action: OutPlanCreate\nName: unseen").await;
    viewer.event("OutPlanCreate").await;
    nobody.send("Action: Ping").await;
    assert!(nobody.read().await.unwrap().is_response());
}

#[tokio::test]
async fn of_those_who_do_not_log_in_only_fifty_are_let_stay() {
    let daemon = Daemon::start().await;
    let mut strangers = Vec::new();
    for _ in 0..50 {
        strangers.push(daemon.connect().await);
    }
    let mut one_more = tokio::net::TcpStream::connect(daemon.address).await.unwrap();
    let mut said = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut one_more, &mut said).await.unwrap_or_default();
    assert_eq!(said, b"");
    // A login frees a stranger's place.
    strangers[0].login("admin", "secret", "off").await;
    let mut next = daemon.connect().await;
    next.login("admin", "secret", "off").await;
}
