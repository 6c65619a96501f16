//! Each action's ways: what it answers, what it refuses with which words, and that nothing is written then.

use astout::model::refusal::NounKind;

use crate::client::Client;
use crate::daemon::Daemon;
use crate::made::{Made, make};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// All that is there, to see that nothing was written.
async fn everything(client: &mut Client) -> Vec<String> {
    let mut all = Vec::new();
    for action in ["OutPlanShow", "OutDlmaShow", "OutDestinationShow", "OutCampaignShow", "OutDlListShow"] {
        all.extend(client.list(&format!("Action: {action}")).await.into_iter().map(|entry| entry.0));
    }
    all
}

async fn set_up() -> (Daemon, Client, Made) {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let made = make(&mut client).await;
    (daemon, client, made)
}

#[tokio::test]
async fn every_noun_is_updated_and_deleted_with_the_originals_words() {
    let (_daemon, mut client, made) = set_up().await;
    for (name, uuid, title) in [
        ("OutCampaign", &made.campaign, "Campaign"),
        ("OutDlList", &made.dl, "Dl list"),
        ("OutPlan", &made.plan, "Plan"),
        ("OutDestination", &made.destination, "Destination"),
        ("OutDlma", &made.dlma, "Dlma"),
    ] {
        let updated =
            client.done(&format!("Action: {name}Update\nActionID: 1\nUuid: {uuid}\nName: other")).await;
        assert_eq!(
            updated.0,
            format!("Response: Success\r\nActionID: 1\r\nMessage: {title} updated successfully")
        );
        let shown = client.list(&format!("Action: {name}Show\nUuid: {uuid}")).await;
        assert_eq!(shown[0].get("Name"), "other");
        assert_ne!(shown[0].get("TmUpdate"), "<unknown>");
        let deleted = client.done(&format!("Action: {name}Delete\nUuid: {uuid}")).await;
        assert_eq!(deleted.0, format!("Response: Success\r\nMessage: {title} deleted successfully"));
        let again = client.ask(&format!("Action: {name}Delete\nUuid: {uuid}")).await;
        assert!(again.0.starts_with("Response: Error\r\nMessage: No such "), "{}", again.0);
    }
    assert_eq!(everything(&mut client).await, [""; 0]);
}

#[tokio::test]
async fn delete_events_are_whole_but_for_dlmas_and_contacts() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let made = make(&mut client).await;
    for (name, uuid, whole) in [
        ("OutCampaign", &made.campaign, true),
        ("OutDlList", &made.dl, false),
        ("OutPlan", &made.plan, true),
        ("OutDestination", &made.destination, true),
        ("OutDlma", &made.dlma, false),
    ] {
        client.done(&format!("Action: {name}Delete\nUuid: {uuid}")).await;
        let event = client.event(&format!("{name}Delete")).await;
        assert_eq!(event.get("Uuid"), uuid);
        if whole {
            assert_eq!(event.get("TmDelete").len(), "2016-11-15T03:00:10.125931679Z".len());
        } else {
            assert_eq!(event.names(), ["Event", "Privilege", "Uuid"]);
        }
    }
}

#[tokio::test]
async fn a_wrong_value_is_refused_by_its_fields_name_and_nothing_is_written() {
    let (_daemon, mut client, made) = set_up().await;
    let before = everything(&mut client).await;
    let place = "Type: 0\nExten: 1\nContext: c";
    let cases = [
        ("OutPlanCreate", "plan", "DialMode: 99"),
        ("OutPlanCreate", "plan", "DialMode: abc"),
        ("OutPlanCreate", "plan", "DialTimeout: abc"),
        ("OutPlanCreate", "plan", "RetryDelay: -5"),
        ("OutPlanCreate", "plan", "MaxRetry1: -1"),
        ("OutPlanCreate", "plan", "MaxRetryCnt8: x"),
        ("OutPlanCreate", "plan", "DlEndHandle: 2"),
        ("OutPlanCreate", "plan", "ServiceLevel: -1"),
        ("OutPlanCreate", "plan", "TechName: Console/"),
        ("OutPlanCreate", "plan", "TrunkName: a&b"),
        ("OutPlanCreate", "plan", "CallerId: <x>"),
        ("OutPlanCreate", "plan", "Variable: noequals"),
        ("OutPlanCreate", "plan", "Name: tab\there"),
        ("OutPlanCreate", "plan", "Uuid: x"),
        ("OutDlmaCreate", "dlma", "Variable: SHELL(id)=1"),
        ("OutDlmaCreate", "dlma", "Uuid: 1"),
        ("OutDestinationCreate", "destination", "Type: 7"),
        ("OutDestinationCreate", "destination", "Exten: a b"),
        ("OutDestinationCreate", "destination", &format!("Context: a@b\n{place}")),
        ("OutDestinationCreate", "destination", &format!("Priority: 0\n{place}")),
        ("OutDestinationCreate", "destination", "Application: System\nType: 1"),
        ("OutDestinationCreate", "destination", "Data: ${X}\nType: 1\nApplication: Playback"),
        ("OutDlListCreate", "dl list", &format!("DlmaUuid: {NOBODY}\nNumber1: 1")),
        ("OutDlListCreate", "dl list", "DlmaUuid: x\nNumber1: 1"),
        ("OutDlListCreate", "dl list", &format!("Number1: 1&2\nDlmaUuid: {}", made.dlma)),
        ("OutDlListCreate", "dl list", &format!("Number8: 112\nDlmaUuid: {}", made.dlma)),
        ("OutCampaignCreate", "campaign", &format!("Plan: {NOBODY}")),
        ("OutCampaignCreate", "campaign", &format!("Dlma: {NOBODY}")),
        ("OutCampaignCreate", "campaign", &format!("Dest: {NOBODY}")),
        ("OutCampaignCreate", "campaign", "Dest: x"),
        ("OutCampaignCreate", "campaign", "ScMode: 3"),
        ("OutCampaignCreate", "campaign", "ScTimeStart: 9:00"),
        ("OutCampaignCreate", "campaign", "ScTimeEnd: 24:00:00"),
        ("OutCampaignCreate", "campaign", "ScTimeEnd: 09:00:00\nScTimeStart: 09:00:00"),
        ("OutCampaignCreate", "campaign", "ScDateStart: 17.11.2016"),
        ("OutCampaignCreate", "campaign", "ScDateEnd: 2016-02-30"),
        ("OutCampaignCreate", "campaign", "ScDateEnd: 2016-11-16\nScDateStart: 2016-11-17"),
        ("OutCampaignCreate", "campaign", "ScDateList: 2016-11-17 2016-11-18"),
        ("OutCampaignCreate", "campaign", "ScDateListExcept: 2016-11-17,"),
        ("OutCampaignCreate", "campaign", "ScDayList: 1, 7"),
        ("OutCampaignCreate", "campaign", "ScTimezone: Berlin"),
        ("OutCampaignCreate", "campaign", "Weight: 0"),
        ("OutCampaignCreate", "campaign", "Status: 99"),
    ];
    for (action, noun, lines) in cases {
        let reply = client.ask(&format!("Action: {action}\nActionID: a\n{lines}")).await;
        let field = lines.split(':').next().unwrap();
        let begin = format!("Error encountered while creating {noun}: {field}: ");
        assert_eq!((reply.get("Response"), reply.get("ActionID")), ("Error", "a"), "{lines}");
        assert!(reply.get("Message").starts_with(&begin), "{lines}: {}", reply.0);
        assert!(reply.get("Message").contains("allowed"), "{lines}: {}", reply.0);
    }
    for (action, noun, field, uuid, value) in [
        ("OutPlanUpdate", "plan", "DialMode", &made.plan, "9"),
        ("OutDestinationUpdate", "destination", "Type", &made.destination, "9"),
        ("OutDlmaUpdate", "dlma", "Variable", &made.dlma, "x"),
        ("OutDlListUpdate", "dl list", "Number1", &made.dl, "x"),
        ("OutCampaignUpdate", "campaign", "Status", &made.campaign, "99"),
        ("OutCampaignUpdate", "campaign", "Status", &made.campaign, "abc"),
        ("OutCampaignUpdate", "campaign", "Status", &made.campaign, ""),
        ("OutCampaignUpdate", "campaign", "Status", &made.campaign, "2"),
        ("OutCampaignUpdate", "campaign", "ScMode", &made.campaign, "2"),
        ("OutCampaignUpdate", "campaign", "ScTimeStart", &made.campaign, "15:00"),
        ("OutCampaignUpdate", "campaign", "ScTimeEnd", &made.campaign, "3 pm"),
        ("OutCampaignUpdate", "campaign", "ScDateStart", &made.campaign, "tomorrow"),
        ("OutCampaignUpdate", "campaign", "ScDateEnd", &made.campaign, "2016-13-01"),
        ("OutCampaignUpdate", "campaign", "ScDateList", &made.campaign, "2016-11-17;2016-11-18"),
        ("OutCampaignUpdate", "campaign", "ScDateListExcept", &made.campaign, "*"),
        ("OutCampaignUpdate", "campaign", "ScDayList", &made.campaign, "Sunday"),
        ("OutCampaignUpdate", "campaign", "ScTimezone", &made.campaign, "GMT+25"),
    ] {
        let reply =
            client.ask(&format!("Action: {action}\nUuid: {uuid}\nName: changed\n{field}: {value}")).await;
        let begin = format!("Error encountered while updating {noun}: {field}: ");
        assert!(reply.get("Message").starts_with(&begin), "{action} {field}={value}: {}", reply.0);
    }
    assert_eq!(everything(&mut client).await, before);
}

#[tokio::test]
async fn what_is_missing_or_unknown_is_said_with_the_originals_words() {
    let (_daemon, mut client, _made) = set_up().await;
    let unknown = |noun: &str| {
        format!("Uuid: \"{NOBODY}\" names no {noun}; allowed: the uuid of a {noun} that is there")
    };
    for (name, noun, updated, deleted) in [
        ("OutPlan", "plan", "plan", "plan"),
        ("OutDlma", "dlma", "dlma", "dlma"),
        ("OutDestination", "destination", "destination", "destination"),
        ("OutCampaign", "campaign", "campaign", "campaign"),
        ("OutDlList", "dl_list", "dl list", "dl_list"),
    ] {
        let missing = "Uuid: missing; allowed: a uuid, xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
        let text = format!("Error encountered while updating {updated}: {missing}");
        client.refused(&format!("Action: {name}Update\nName: x"), &text).await;
        let text = format!("Error encountered while deleting {deleted}: {missing}");
        client.refused(&format!("Action: {name}Delete"), &text).await;
        let text = format!("Error encountered while updating {updated}: {}", unknown(noun));
        client.refused(&format!("Action: {name}Update\nUuid: {NOBODY}\nName: x"), &text).await;
        for action in ["Delete", "Show"] {
            let text = format!("No such {noun}: {}", unknown(noun));
            client.refused(&format!("Action: {name}{action}\nUuid: {NOBODY}"), &text).await;
        }
        let text = format!(
            "No such {noun}: Uuid: \"x\"y\" is not allowed; allowed: a uuid, xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
        );
        client.refused(&format!("Action: {name}Show\nUuid: x\"y"), &text).await;
    }
    for (action, noun) in
        [("OutCampaignStatShow", "campaign"), ("OutDialingShow", "dialing"), ("OutDialingDelete", "dialing")]
    {
        let text = format!("No such {noun}: {}", unknown(noun));
        client.refused(&format!("Action: {action}\nUuid: {NOBODY}"), &text).await;
    }
    let text = format!(
        "No such dlma: DlmaUuid: \"{NOBODY}\" names no dlma; allowed: the uuid of a dlma that is there"
    );
    client.refused(&format!("Action: OutDlListShow\nDlmaUuid: {NOBODY}"), &text).await;
    for count in ["0", "100001", "-1", "x"] {
        let text = format!(
            "Error encountered while showing dl list: Count: \"{count}\" is not allowed; allowed: a whole number from 1 to 100000"
        );
        client.refused(&format!("Action: OutDlListShow\nCount: {count}"), &text).await;
    }
}

#[tokio::test]
async fn contacts_are_listed_by_list_and_count_in_the_order_of_their_making() {
    let (daemon, mut client, made) = set_up().await;
    let other = client.create("Action: OutDlmaCreate\nName: other").await;
    let contact =
        |number| [("DlmaUuid", other.clone()), ("Number1", format!("{number}555"))].into_iter().collect();
    daemon.create_all(NounKind::Dl, (0..1203).map(contact)).await;
    assert_eq!(client.list("Action: OutDlListShow").await.len(), 100);
    assert_eq!(client.list(&format!("Action: OutDlListShow\nDlmaUuid: {}", made.dlma)).await.len(), 1);
    let all = client.list(&format!("Action: OutDlListShow\nDlmaUuid: {other}\nCount: 100000")).await;
    let recorded = daemon.handle.records().dls(Some(other.parse().unwrap()), 2000, None).await.unwrap();
    assert_eq!((all.len(), recorded.len()), (1203, 1203));
    assert!(all.iter().zip(&recorded).all(|(shown, dl)| shown.get("Uuid") == dl.uuid.to_string()));
    let some = client.list(&format!("Action: OutDlListShow\nDlmaUuid: {other}\nCount: 501")).await;
    assert_eq!(some.len(), 501);
}

#[tokio::test]
async fn a_create_may_bring_its_uuid_once() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let uuid = "f9866959-9cf5-49fb-aee0-878bfc7bd71f";
    assert_eq!(client.create(&format!("Action: OutPlanCreate\nUuid: {uuid}")).await, uuid);
    let text = format!(
        "Error encountered while creating plan: Uuid: \"{uuid}\" is taken; allowed: a uuid that is not in use, or none"
    );
    client.refused(&format!("Action: OutPlanCreate\nUuid: {uuid}"), &text).await;
}

#[tokio::test]
async fn what_a_running_campaign_uses_cannot_be_deleted() {
    let (_daemon, mut client, made) = set_up().await;
    client.done(&format!("Action: OutCampaignUpdate\nUuid: {}\nStatus: 1", made.campaign)).await;
    for (name, noun, uuid) in [
        ("OutCampaign", "campaign", &made.campaign),
        ("OutPlan", "plan", &made.plan),
        ("OutDlma", "dlma", &made.dlma),
        ("OutDestination", "destination", &made.destination),
    ] {
        let reply = client.ask(&format!("Action: {name}Delete\nUuid: {uuid}")).await;
        let begin =
            format!("Error encountered while deleting {noun}: Uuid: in use by campaign {}", made.campaign);
        assert!(reply.get("Message").starts_with(&begin), "{}", reply.0);
    }
}

#[tokio::test]
async fn a_dialing_is_given_up_and_its_try_given_back() {
    let mut daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let made = make(&mut client).await;
    daemon.asterisk_comes().await;
    client.done(&format!("Action: OutCampaignUpdate\nUuid: {}\nStatus: 1", made.campaign)).await;
    let attempt = daemon.originate().await;
    daemon.rings(&attempt).await;
    let summary = client.list("Action: OutDialingSummary\nActionID: s").await;
    assert_eq!(summary[0].0, "Event: OutDialingSummary\r\nActionID: s\r\nCount: 1");
    let deleted = client.done(&format!("Action: OutDialingDelete\nUuid: {}", attempt.uuid)).await;
    assert_eq!(deleted.0, "Response: Success\r\nMessage: Dialing deleted successfully");
}

#[tokio::test]
async fn text_is_kept_as_it_came_and_what_is_no_utf_8_is_refused() {
    use tokio::io::AsyncWriteExt;
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let name = "O'Brien \"é\" x', dial_timeout=777 -- \\ ; 漢字";
    let uuid =
        client.create(&format!("Action: OutPlanCreate\nName: {name}\nVariable: A=x,\"y\" \\z ;|=é")).await;
    let shown = client.list(&format!("Action: OutPlanShow\nUuid: {uuid}")).await;
    assert_eq!((shown[0].get("Name"), shown[0].get("DialTimeout")), (name, "30000"));
    assert_eq!(shown[0].all("Variable"), ["A=x,\"y\" \\z ;|=é"]);
    client.stream.write_all(b"Action: OutPlanCreate\r\nName: caf\xe9\r\n\r\n").await.unwrap();
    let reply = client.response().await;
    assert!(reply.get("Message").starts_with("Error encountered while creating plan: Name: "), "{}", reply.0);
}

#[tokio::test]
async fn unknown_headers_are_ignored_and_of_a_repeated_one_the_first_counts() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let uuid = client.create("Action: OutPlanCreate\nname: first\nName: second\nNoSuchThing: 1").await;
    let shown = client.list(&format!("Action: outPLANshow\nUUID: {uuid}")).await;
    assert_eq!(shown[0].get("Name"), "first");
}
