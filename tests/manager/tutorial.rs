//! The mission's tutorial, from the plan to the end of the call: every reply and every event, their header names in the
//! order of the original's captures.

use crate::client::Received;
use crate::daemon::Daemon;
use crate::made::make;

/// Header names in order; `Variable` stands for any number of them.
fn assert_names(message: &Received, names: &str) {
    let mut shown = message.names();
    shown.dedup();
    assert_eq!(shown, names.split_whitespace().collect::<Vec<_>>(), "{}", message.0);
}

const PLAN: &str = "Uuid Name Detail DialMode DialTimeout CallerId DlEndHandle RetryDelay TrunkName TechName Variable \
    MaxRetryCnt1 MaxRetryCnt2 MaxRetryCnt3 MaxRetryCnt4 MaxRetryCnt5 MaxRetryCnt6 MaxRetryCnt7 MaxRetryCnt8 \
    TmCreate TmDelete TmUpdate";
const DLMA: &str = "Uuid Name Detail DlTable Variable TmCreate TmDelete TmUpdate";
const DESTINATION: &str =
    "Uuid Name Detail Type Exten Context Priority Variable Application Data TmCreate TmDelete TmUpdate";
const DL: &str = "Uuid DlmaUuid Name Detail Status UKey Variable DialingUuid DialingCampUuid DialingPlanUuid Number1 \
    Number2 Number3 Number4 Number5 Number6 Number7 Number8 Email TryCnt1 TryCnt2 TryCnt3 TryCnt4 TryCnt5 TryCnt6 \
    TryCnt7 TryCnt8 ResDial ResDialDetail ResHangup ResHangupDetail TmCreate TmDelete TmUpdate";
const CAMPAIGN: &str = "Uuid Name Detail Status Plan Dlma Dest ScMode ScTimeStart ScTimeEnd ScDateStart ScDateEnd \
    ScDateList ScDateListExcept ScDayList TmCreate TmDelete TmUpdate";
const DIALING: &str = "Uuid Status CampUuid PlanUuid DlmaUuid DestUuid DlListUuid DialIndex DialAddr DialChannel \
    DialTryCnt DialTimeout DialType DialExten DialContext DialApplication DialData Variable ChannelName ResDial \
    ResHangup ResHangupDetail TmCreate TmUpdate TmDelete";
const STAT: &str = "Uuid DlTotalCount DlFinishedCount DlAvailableCount DlDialingCount DlCalledCount";

#[tokio::test]
async fn each_create_is_answered_then_announced() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    assert!(client.read().await.unwrap().is_event("FullyBooted"));
    let reply = client.ask("Action: OutPlanCreate\nActionID: p1\nTechName: sip/\nName: x").await;
    let uuid = reply.get("Uuid").to_owned();
    assert_eq!(
        reply.0,
        format!("Response: Success\r\nActionID: p1\r\nMessage: Plan created successfully\r\nUuid: {uuid}")
    );
    let event = client.read().await.unwrap();
    assert_names(&event, &format!("Event Privilege {PLAN}"));
    let time = event.get("TmCreate");
    assert_eq!(
        event.0.replace("\r\n", "\n"),
        format!(
            "Event: OutPlanCreate\nPrivilege: message,all\nUuid: {uuid}\nName: x\nDetail: <unknown>\nDialMode: 1\n\
             DialTimeout: 30000\nCallerId: <unknown>\nDlEndHandle: 1\nRetryDelay: 60\nTrunkName: <unknown>\n\
             TechName: sip/\nVariable: <unknown>\nMaxRetryCnt1: 5\nMaxRetryCnt2: 5\nMaxRetryCnt3: 5\n\
             MaxRetryCnt4: 5\nMaxRetryCnt5: 5\nMaxRetryCnt6: 5\nMaxRetryCnt7: 5\nMaxRetryCnt8: 5\n\
             TmCreate: {time}\nTmDelete: <unknown>\nTmUpdate: <unknown>"
        )
    );
}

#[tokio::test]
async fn every_create_event_has_the_originals_headers() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let made = make(&mut client).await;
    let plan = client.event("OutPlanCreate").await;
    assert_names(&plan, &format!("Event Privilege {PLAN}"));
    assert_eq!(plan.get("Uuid"), made.plan);
    assert_eq!(plan.all("Variable"), ["V1=plan1", "V2=plan2"]);
    assert_eq!((plan.get("MaxRetryCnt1"), plan.get("MaxRetryCnt2")), ("2", "7"));
    let dlma = client.event("OutDlmaCreate").await;
    assert_names(&dlma, &format!("Event Privilege {DLMA}"));
    assert_eq!(dlma.get("DlTable"), made.dlma.replace('-', "_"));
    let destination = client.event("OutDestinationCreate").await;
    assert_names(&destination, &format!("Event Privilege {DESTINATION}"));
    assert_eq!((destination.get("Exten"), destination.get("Application")), ("<unknown>", "park"));
    let dl = client.event("OutDlListCreate").await;
    assert_names(&dl, &format!("Event Privilege {DL}"));
    assert_eq!((dl.get("Number1"), dl.get("Number2"), dl.get("TryCnt1")), ("300", "<unknown>", "0"));
    let campaign = client.event("OutCampaignCreate").await;
    assert_names(&campaign, &format!("Event Privilege {CAMPAIGN}"));
    assert_eq!((campaign.get("Status"), campaign.get("Dest")), ("0", made.destination.as_str()));
}

#[tokio::test]
async fn a_campaign_dials_and_every_step_is_announced() {
    let mut daemon = Daemon::start().await;
    let mut client = daemon.login("admin").await;
    let made = make(&mut client).await;
    client.event("OutCampaignCreate").await;
    daemon.asterisk_comes().await;
    let start = client.done(&format!("Action: OutCampaignUpdate\nUuid: {}\nStatus: 1", made.campaign)).await;
    assert_eq!(start.0, "Response: Success\r\nMessage: Campaign updated successfully");
    for status in ["11", "1"] {
        let event = client.event("OutCampaignUpdate").await;
        assert_names(&event, &format!("Event Privilege {CAMPAIGN}"));
        assert_eq!(event.get("Status"), status);
    }
    let created = client.event("OutDialingCreate").await;
    assert_names(&created, &format!("Event Privilege {DIALING}"));
    assert_eq!(created.get("Status"), "0");
    assert_eq!((created.get("DialChannel"), created.get("DialApplication")), ("sip/300", "park"));
    assert_eq!((created.get("DialExten"), created.get("DialData")), ("<unknown>", "<unknown>"));
    assert_eq!(created.all("Variable"), ["V1=dl", "V2=plan2"]);
    assert_eq!(created.get("DlListUuid"), made.dl);

    let attempt = daemon.originate().await;
    assert_eq!(attempt.uuid.to_string(), created.get("Uuid"));
    daemon.rings(&attempt).await;
    let named = loop {
        let update = client.event("OutDialingUpdate").await;
        assert_names(&update, &format!("Event Privilege {DIALING}"));
        if update.get("ChannelName") != "<unknown>" {
            break update;
        }
    };
    assert_eq!(named.get("ChannelName"), "sip/300-00000001");

    let listed = client.list("Action: OutDialingShow\nActionID: ds").await;
    assert_eq!(listed.len(), 1);
    assert_names(&listed[0], &format!("Event ActionID {DIALING}"));
    let one = client.list(&format!("Action: OutDialingShow\nUuid: {}", attempt.uuid)).await;
    assert_names(&one[0], &format!("Event {DIALING}"));

    daemon.is_answered_and_ends(&attempt).await;
    let gone = client.event("OutDialingDelete").await;
    assert_names(&gone, &format!("Event Privilege {DIALING}"));
    assert_eq!((gone.get("ResDial"), gone.get("ResHangup")), ("4", "16"));
    assert_eq!(gone.get("TmDelete"), gone.get("TmUpdate"));
    for status in ["10", "0"] {
        assert_eq!(client.event("OutCampaignUpdate").await.get("Status"), status);
    }
    let stat = client.list("Action: OutCampaignStatShow").await;
    assert_names(&stat[0], &format!("Event {STAT}"));
    assert_eq!((stat[0].get("DlFinishedCount"), stat[0].get("DlCalledCount")), ("1", "1"));
}

#[tokio::test]
async fn every_list_has_the_originals_frame_and_headers() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let made = make(&mut client).await;
    for (action, uuid, will_follow, entry, complete, names) in [
        ("OutPlanShow", &made.plan, "Plan List", "OutPlanEntry", "OutPlanListComplete", PLAN),
        ("OutDlmaShow", &made.dlma, "Dlma List", "OutDlmaEntry", "OutDlmaListComplete", DLMA),
        (
            "OutDestinationShow",
            &made.destination,
            "Destination List",
            "OutDestinationEntry",
            "OutDestinationListComplete",
            DESTINATION,
        ),
        ("OutDlListShow", &made.dl, "Dl List", "OutDlListEntry", "OutDlListComplete", DL),
        (
            "OutCampaignShow",
            &made.campaign,
            "Campaign List",
            "OutCampaignEntry",
            "OutCampaignListComplete",
            CAMPAIGN,
        ),
        (
            "OutCampaignStatShow",
            &made.campaign,
            "Campaign Stat List",
            "OutCampaignStatEntry",
            "OutCampaignStatListComplete",
            STAT,
        ),
    ] {
        for by_uuid in [format!("\nUuid: {uuid}"), String::new()] {
            let start = client.ask(&format!("Action: {action}\nActionID: 7{by_uuid}")).await;
            assert_eq!(
                start.0,
                format!(
                    "Response: Success\r\nActionID: 7\r\nEventList: start\r\nMessage: {will_follow} will follow"
                )
            );
            let item = client.read().await.unwrap();
            assert_names(&item, &format!("Event ActionID {names}"));
            assert_eq!((item.get("Event"), item.get("Uuid")), (entry, uuid.as_str()));
            assert_eq!(
                client.read().await.unwrap().0,
                format!("Event: {complete}\r\nActionID: 7\r\nEventList: Complete\r\nListItems: 1")
            );
        }
    }
    let none = client.list("Action: OutDialingShow").await;
    assert_eq!(none, []);
}
