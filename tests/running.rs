//! A campaign is given another plan, list and destination while it dials: who is under way keeps what he was decided on.

mod support;

use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::pbx::Pbx;
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL, assert_lines_whole, results_of};

/// Rings for ever.
const RINGS: &str = "3001";
/// Answers at once and stays a second.
const A_SECOND: &str = "1001001";

fn rings(client: &mut Client) -> String {
    let event = client.wait_for("a call that rings", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == "3"
    });
    header(&event, "Uuid")
}

fn its_parts_may_be_changed(pbx: &impl Pbx) {
    let daemon = Daemon::start(pbx, "");
    let mut client = daemon.client();
    let hold = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
    let plan = [&LOCAL[..], &[("DialTimeout", "3000"), ("MaxRetry1", "1"), ("Variable", "BY=one")]].concat();
    let one = Campaign::create(&mut client, &plan, &hold, &[&[("Number1", RINGS)]]);
    let hangup = [("Type", "0"), ("Exten", "hangup"), ("Context", "astout-dest")];
    let plan = [&LOCAL[..], &[("Variable", "BY=two")]].concat();
    let two = Campaign::create(&mut client, &plan, &hangup, &[&[("Number1", A_SECOND)]]);
    one.request(&mut client, "1");
    let dialing = rings(&mut client);

    let parts = [("Plan", &*two.plan), ("Dlma", &*two.dlma), ("Dest", &*two.dest)];
    client.done("OutCampaignUpdate", &[&[("Uuid", one.uuid.as_str())][..], &parts].concat());

    let shown = &client.list("OutDialingShow", &[("Uuid", &dialing)])[0];
    assert_eq!(
        (header(shown, "PlanUuid"), header(shown, "DlmaUuid"), header(shown, "DestUuid")),
        (one.plan.clone(), one.dlma.clone(), one.dest.clone())
    );
    let events = one.until_stopped(&mut client);
    assert_eq!(one.way(&events), ["11", "1", "1", "10", "0"], "the change, and the end of the new list");
    for (number, of, by, outcome) in [(RINGS, &one, "one", "noanswer"), (A_SECOND, &two, "two", "answered")] {
        let lines = results_of(&daemon, number);
        assert_eq!(lines.len(), 1, "{lines:?}");
        for (key, value) in [
            ("camp_uuid", &one.uuid),
            ("plan_uuid", &of.plan),
            ("dlma_uuid", &of.dlma),
            ("dest_uuid", &of.dest),
        ] {
            assert_eq!(lines[0][key], **value, "{key} of {number}");
        }
        assert_eq!(lines[0]["variables"], format!("{{\"BY\":\"{by}\"}}"));
        assert_eq!(lines[0]["outcome"], outcome);
    }
    assert_lines_whole(&daemon.results());
    daemon.check();
}

#[test]
fn plan_list_and_destination_may_be_changed_under_a_running_campaign_on_the_sandbox() {
    its_parts_may_be_changed(&Sandbox::up(""));
}

#[test]
fn plan_list_and_destination_may_be_changed_under_a_running_campaign_on_a_real_asterisk() {
    its_parts_may_be_changed(&Lab::up("running"));
}
