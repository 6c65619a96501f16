//! The `out …` lines: tables with the original's headings and widths, details, JSON, errors.

use serde_json::Value;

use crate::client::Client;
use crate::daemon::Daemon;
use crate::made::{Made, make};

async fn output(client: &mut Client, line: &str) -> Vec<String> {
    let reply = client.done(&format!("Action: Command\nActionID: c\nCommand: {line}")).await;
    assert_eq!(&reply.names()[..3], ["Response", "ActionID", "Message"]);
    assert_eq!(reply.get("Message"), "Command output follows");
    reply.all("Output").into_iter().map(str::to_owned).collect()
}

async fn json(client: &mut Client, line: &str) -> Value {
    let reply = client.done(&format!("Action: Command\nJson: yes\nCommand: {line}")).await;
    serde_json::from_str(&reply.all("Output").join("\n")).unwrap()
}

async fn wrong(client: &mut Client, line: &str) -> String {
    let reply = client.ask(&format!("Action: Command\nCommand: {line}")).await;
    assert_eq!(reply.get("Response"), "Error", "{line}");
    assert_eq!(reply.get("Message"), "Command output follows");
    reply.all("Output").join("\n")
}

async fn set_up() -> (Daemon, Client, Made) {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let made = make(&mut client).await;
    (daemon, client, made)
}

#[tokio::test]
async fn tables_have_the_originals_headings_and_widths() {
    let (_daemon, mut client, made) = set_up().await;
    let Made { plan, dlma, destination, dl, campaign } = &made;
    let cut = |uuid: &str| uuid[..10].to_owned();
    assert_eq!(
        output(&mut client, "out show campaigns").await,
        [
            "Uuid                                 Name       Detail               Status     Plan       Dlma       Dest      ".to_owned(),
            format!(
                "{campaign} Sales camp                               0 {} {} {}",
                cut(plan),
                cut(dlma),
                cut(destination)
            ),
        ]
    );
    assert_eq!(
        output(&mut client, "out show plans").await,
        [
            "Uuid                                 Name                 Detail               DialMode DialTimeout TrunkName  TechName  ".to_owned(),
            format!("{plan} sales_plan           simple sales plan           1       30000            sip/      "),
        ]
    );
    assert_eq!(
        output(&mut client, "out show dlmas").await,
        [
            "Uuid                                 Name                 Detail               Table                         ".to_owned(),
            format!("{dlma} DialListMaster_Sales Test Dlma            {}", &dlma.replace('-', "_")[..30]),
        ]
    );
    assert_eq!(
        output(&mut client, "out show destinations").await,
        [
            "Uuid                                 Name       Detail               Type  Exten      Context    Applicatio Data      ".to_owned(),
            format!("{destination} destinatio                          1                       park                 "),
        ]
    );
    let contacts = [
        "Uuid                                 Name       Detail               Num1                 Num2                 Num3                 Num4                 Num5                 Num6                 Num7                 Num8                ".to_owned(),
        format!("{dl} client 01                       {:<167}", "300"),
    ];
    for line in
        ["out show dls".to_owned(), format!("out show dls {dlma}"), format!("out show dlma list {dlma}")]
    {
        assert_eq!(output(&mut client, &line).await, contacts, "{line}");
    }
    assert_eq!(
        output(&mut client, "out show dialings").await,
        [
            "Uuid                                 Status Channel              Addr                 Camp       Plan       Dlma       Dest       Dl        "
        ]
    );
}

#[tokio::test]
async fn a_detail_is_a_line_and_the_record_as_json() {
    let (_daemon, mut client, made) = set_up().await;
    for (noun, id, title, uuid) in [
        ("campaign", "camp", "Campaign", &made.campaign),
        ("plan", "plan", "Plan", &made.plan),
        ("dlma", "dlma", "Dlma", &made.dlma),
        ("destination", "dest", "Destination", &made.destination),
        ("dl", "dl", "Dl", &made.dl),
    ] {
        let lines = output(&mut client, &format!("out show {noun} {uuid}")).await;
        assert_eq!(lines[0], format!("{title} detail info. {id}-uuid[{uuid}]"));
        assert_eq!(&lines[1..3], ["", "{"]);
        assert_eq!(lines[3], format!("  \"uuid\": \"{uuid}\","));
        let record: Value = serde_json::from_str(&lines[2..].join("\n")).unwrap();
        assert_eq!(json(&mut client, &format!("out show {noun} {uuid}")).await, record);
        assert_eq!(record["in_use"], 1);
    }
}

#[tokio::test]
async fn a_dialing_is_shown_with_all_that_it_was_decided_on() {
    let (mut daemon, mut client, made) = set_up().await;
    daemon.asterisk_comes().await;
    assert_eq!(
        output(&mut client, &format!("out set status start on {}", made.campaign)).await,
        [format!("Campaign {}: status 11 (starting)", made.campaign)]
    );
    let attempt = daemon.originate().await;
    daemon.rings(&attempt).await;
    let table = output(&mut client, "out show dialings").await;
    assert!(table[1].starts_with(&format!("{}     ", attempt.uuid)), "{table:?}");
    assert!(table[1].contains(" sip/300              300                  "), "{table:?}");
    let shown = json(&mut client, &format!("out show dialing {}", attempt.uuid)).await;
    let keys: Vec<&String> = shown.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["uuid", "status", "name", "tm_create", "tm_update", "tm_delete", "j_dialing"]);
    let inner = &shown["j_dialing"];
    for (info, uuid) in [
        ("info_camp", &made.campaign),
        ("info_plan", &made.plan),
        ("info_dlma", &made.dlma),
        ("info_dest", &made.destination),
        ("info_dl_list", &made.dl),
        ("info_dial", &made.dl),
    ] {
        assert_eq!(inner[info]["uuid"], uuid.as_str(), "{info}");
    }
    assert_eq!((&inner["dial_addr"], &inner["dial_application"]), (&"300".into(), &"park".into()));
}

#[tokio::test]
async fn lists_are_arrays_in_json() {
    let (_daemon, mut client, made) = set_up().await;
    for (lists, uuid) in [
        ("campaigns", &made.campaign),
        ("plans", &made.plan),
        ("dlmas", &made.dlma),
        ("destinations", &made.destination),
        ("dls", &made.dl),
    ] {
        let list = json(&mut client, &format!("out show {lists}")).await;
        assert_eq!(list.as_array().unwrap().len(), 1);
        assert_eq!(list[0]["uuid"], uuid.as_str());
    }
    assert_eq!(json(&mut client, "out show dialings").await, Value::Array(Vec::new()));
}

#[tokio::test]
async fn a_uuid_may_be_cut_short_while_it_is_the_only_one() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    for uuid in ["abcd1111-0000-4000-8000-000000000001", "abcd2222-0000-4000-8000-000000000002"] {
        client.create(&format!("Action: OutPlanCreate\nUuid: {uuid}")).await;
    }
    let lines = output(&mut client, "out show plan ABCD1").await;
    assert!(lines[0].ends_with("[abcd1111-0000-4000-8000-000000000001]"));
    assert_eq!(
        wrong(&mut client, "out show plan abcd").await,
        "abcd is the beginning of several: abcd1111-0000-4000-8000-000000000001, \
         abcd2222-0000-4000-8000-000000000002; give more of it"
    );
    assert!(
        wrong(&mut client, "out show plan beef")
            .await
            .starts_with("No such plan: Uuid: \"beef\" names no plan")
    );
    for short in ["abc", "x'y", "nothing-of-hex"] {
        let text = wrong(&mut client, &format!("out show plan {short}")).await;
        assert!(text.starts_with("No such plan: ") || text.starts_with("usage: "), "{short}: {text}");
    }
    let text = wrong(&mut client, "out show plan x\"y").await;
    assert!(text.contains("a quote is opened and not closed"), "{text}");
}

#[tokio::test]
async fn a_campaign_is_made_steered_and_deleted_by_lines() {
    let (_daemon, mut client, made) = set_up().await;
    let line = format!(
        "out create campaign Name=\"by hand\" Plan={} Dlma={} Dest={}",
        made.plan, made.dlma, made.destination
    );
    let created = output(&mut client, &line).await;
    let uuid = created[0].strip_prefix("Campaign created successfully: ").unwrap().to_owned();
    assert!(wrong(&mut client, &format!("out set status pause on {uuid}")).await.contains("cannot pause"));
    assert_eq!(
        output(&mut client, &format!("out set status start on {uuid}")).await,
        [format!("Campaign {uuid}: status 11 (starting)")]
    );
    assert!(wrong(&mut client, &format!("out delete campaign {uuid}")).await.contains("in use by campaign"));
    output(&mut client, &format!("out set status stop on {uuid}")).await;
    let mut watcher = client;
    loop {
        let shown = watcher.list(&format!("Action: OutCampaignShow\nUuid: {uuid}")).await;
        if shown[0].get("Status") == "0" {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(
        output(&mut watcher, &format!("out delete campaign {uuid}")).await,
        [format!("Campaign deleted successfully: {uuid}")]
    );
}

#[tokio::test]
async fn a_wrong_line_is_an_error_that_says_what_would_be_right() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    client.refused("Action: Command", "No command provided").await;
    assert_eq!(
        wrong(&mut client, "core stop now").await,
        "No such command 'core stop now' (type 'core show help core stop now' for other possible commands)"
    );
    assert_eq!(
        wrong(&mut client, "explain 4711").await.lines().last(),
        Some("did you mean: out explain 4711"),
        "a word that only lacks its out"
    );
    assert_eq!(wrong(&mut client, "out show campaign").await, "usage: out show campaign UUID");
    assert!(wrong(&mut client, "out show").await.contains("usage: out show dialings\n"));
}
