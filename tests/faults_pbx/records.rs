//! Cases 59 and 60: what is in use cannot be deleted, and a contact of two campaigns is dialled by one at a time.

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, query};

use crate::measure::saw;
use crate::scene::{self, answered, count, dial, finish, line_of, open, stop_and_finish};
use crate::support::ami::{Client, PATIENCE, header};
use crate::support::daemon::Daemon;
use crate::support::lab::Lab;
use crate::support::pbx::Breakable;
use crate::support::sandbox::Sandbox;

/// Everything that a live call hangs on is asked to be deleted.
fn case_59(pbx: impl Breakable) {
    let mut daemon = Daemon::start(&pbx, "");
    let (mut client, campaign) = dial(&daemon, &[("MaxRetry1", "1")], &["1000001"]);
    let up = answered(&mut client, "1000001");
    let contact = header(&campaign.contacts(&mut client)["1000001"], "Uuid");
    let deletes = [
        ("OutCampaignDelete", &campaign.uuid),
        ("OutPlanDelete", &campaign.plan),
        ("OutDlmaDelete", &campaign.dlma),
        ("OutDestinationDelete", &campaign.dest),
        ("OutDlListDelete", &contact),
    ];
    let refuse_all = |client: &mut Client| {
        for (action, uuid) in deletes {
            let refused = client.action(action, &[("Uuid", uuid)]);
            assert!(!refused.is_success(), "{action}: {refused:?}");
            let said = header(&refused, "Message");
            assert!(said.contains(&campaign.uuid), "{action} does not name the campaign: {said}");
        }
    };
    refuse_all(&mut client);
    // Nor while it is stopping, with its call still up.
    campaign.request(&mut client, "0");
    refuse_all(&mut client);
    assert_eq!(open(&mut client).len(), 1);
    pbx.admin().done("Hangup", &[("Channel", &up), ("Cause", "16")]);
    finish(&daemon, &mut client, &campaign);
    let line = line_of(&mut daemon, "1000001");
    assert_eq!((&line["outcome"], &line["res_hangup"]), (&json!("answered"), &json!(16)));
    for (action, uuid) in deletes {
        // The contact goes with its list.
        if action != "OutDlListDelete" {
            client.done(action, &[("Uuid", uuid)]);
        }
    }
    daemon.check();
}

#[test]
fn case_59_what_a_live_call_hangs_on_cannot_be_deleted_on_the_sandbox() {
    case_59(Sandbox::up(""));
}

#[test]
fn case_59_what_a_live_call_hangs_on_cannot_be_deleted_on_a_real_asterisk() {
    case_59(Lab::up("case59"));
}

/// Two campaigns work off one list at full speed; and whoever writes past us cannot open a second dialing either.
fn case_60(pbx: impl Breakable) {
    let daemon = Daemon::start(&pbx, "");
    let mut client = daemon.client();
    let plan = [("MaxRetry1", "2"), ("RetryDelay", "0")];
    let callees =
        [scene::numbers("10001", 100), scene::numbers("5", 100), vec!["1000001".to_owned()]].concat();
    let one = scene::campaign(&mut client, &plan, &callees);
    let fields = [("Name", "the other"), ("Plan", &one.plan), ("Dlma", &one.dlma), ("Dest", &one.dest)];
    let other = client.create("OutCampaignCreate", &fields);
    one.request(&mut client, "1");
    client.done("OutCampaignUpdate", &[("Uuid", &other), ("Status", "1")]);
    answered(&mut client, "1000001");

    let refused = second_open_dialing(&daemon);
    assert!(refused.contains("UNIQUE constraint failed"), "{refused}");

    let mut daemon = daemon;
    daemon.poll("all lines but of the call that is up", |daemon| {
        (daemon.results().len() == 100 + 2 * 100).then_some(())
    });
    client.done("OutCampaignUpdate", &[("Uuid", &other), ("Status", "30")]);
    stop_and_finish(&daemon, &mut client, &one);
    daemon.poll("the other's end", |_| {
        let shown = client.list("OutCampaignShow", &[("Uuid", &other)]);
        (header(&shown[0], "Status") == "0").then_some(())
    });
    assert_eq!(count(&daemon, "answered"), 101);
    let of = |uuid: &str| daemon.results().iter().filter(|line| line["camp_uuid"] == json!(uuid)).count();
    saw(60, &format!("{} and {} attempts of two campaigns on 201 contacts", of(&one.uuid), of(&other)));
    assert!(of(&one.uuid) > 0 && of(&other) > 0);
    daemon.check();
}

/// What the database says to a second open dialing of a contact.
fn second_open_dialing(daemon: &Daemon) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(daemon.path("astout.sqlite3"));
        let mut database = options.busy_timeout(PATIENCE).connect().await.unwrap();
        let copy =
            "INSERT INTO dialing (uuid, dl_uuid, attempt_no, campaign_uuid, plan_uuid, dlma_uuid, dest_uuid,
                capsule_uuid, other_uuid, number_index, addr, channel, try_count, dl, tm_create)
            SELECT 'another', dl_uuid, attempt_no + 1, campaign_uuid, plan_uuid, dlma_uuid, dest_uuid,
                capsule_uuid, other_uuid, number_index, addr, channel, try_count, dl, tm_create
            FROM dialing WHERE open = 1 LIMIT 1";
        query(copy).execute(&mut database).await.unwrap_err().to_string()
    })
}

#[test]
fn case_60_a_list_of_two_campaigns_dials_nobody_twice_at_once_on_the_sandbox() {
    case_60(Sandbox::up(""));
}

#[test]
fn case_60_a_list_of_two_campaigns_dials_nobody_twice_at_once_on_a_real_asterisk() {
    case_60(Lab::up("case60"));
}
