//! What the tutorial makes, for tests that need something to be there.

use crate::client::Client;

/// What the tutorial creates.
pub(crate) struct Made {
    pub(crate) plan: String,
    pub(crate) dlma: String,
    pub(crate) destination: String,
    pub(crate) dl: String,
    pub(crate) campaign: String,
}

/// Creates it; answers are checked.
pub(crate) async fn make(client: &mut Client) -> Made {
    let plan = client
        .create(
            "Action: OutPlanCreate\nActionID: p1\nName: sales_plan\nDetail: simple sales plan\nDialMode: 1\n\
             TechName: sip/\nRetryDelay: 3\nMaxRetry1: 2\nMaxRetryCnt2: 7\nVariable: V1=plan1\nVariable: V2=plan2",
        )
        .await;
    let dlma = client.create("Action: OutDlmaCreate\nName: DialListMaster_Sales\nDetail: Test Dlma").await;
    let destination = client
        .create("Action: OutDestinationCreate\nName: destination test\nType: 1\nApplication: park")
        .await;
    let dl = client
        .create(&format!(
            "Action: OutDlListCreate\nDlmaUuid: {dlma}\nName: client 01\nNumber1: 300\nVariable: V1=dl"
        ))
        .await;
    let campaign = client
        .create(&format!(
            "Action: OutCampaignCreate\nName: Sales campaign\nPlan: {plan}\nDlma: {dlma}\nDest: {destination}"
        ))
        .await;
    Made { plan, dlma, destination, dl, campaign }
}
