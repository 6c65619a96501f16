//! What a plan adds to the Originate of its calls, as a real Asterisk carries it out: codecs, early media, and user-to-user
//! information on a channel and in an INVITE.

mod support;

use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::scenario::{Campaign, LOCAL};

const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
/// Answers at once and stays until it is hung up.
const STAYS: &str = "1000001";

fn answered(client: &mut Client) -> String {
    let event = client.wait_for("an answer", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == "6"
    });
    header(&event, "Uuid")
}

#[test]
fn codecs_and_user_to_user_information_are_on_the_channel() {
    let lab = Lab::up("codecs");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("Codecs", "g722"), ("UuiField", "udata")]].concat();
    let contact = [("Number1", STAYS), ("UData", "order 7, \"Zoé\"; ${HOME}")];
    let campaign = Campaign::create(&mut client, &plan, &HOLD, &[&contact]);
    campaign.request(&mut client, "1");
    let dialing = answered(&mut client);

    let mut admin = lab.admin();
    for (variable, value) in [("CHANNEL(audionativeformat)", "(g722)"), ("UUI", contact[1].1)] {
        let answer = admin.done("Getvar", &[("Channel", &dialing), ("Variable", variable)]);
        assert_eq!(header(&answer, "Value"), value, "{variable}");
    }
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    daemon.check();
}

#[test]
fn user_to_user_information_goes_out_in_the_invite() {
    let lab = Lab::up("uui");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    lab.cli("module load res_pjsip_logger.so");
    lab.cli("pjsip set logger on");
    let plan = [("TechName", "PJSIP"), ("TrunkName", "sipp"), ("UuiField", "ORDER")];
    let contacts = [("Number1", "2001"), ("Variable", "ORDER=7é")];
    let campaign = Campaign::create(&mut client, &plan, &HOLD, &[&contacts]);
    campaign.run(&mut client);
    assert_eq!(daemon.results()[0]["outcome"], "answered");
    let log = std::fs::read_to_string(lab.get("ASTERISK_LOG")).unwrap();
    assert!(log.contains("User-to-User: 37c3a9;encoding=hex"), "{log}");
    daemon.check();
}

#[test]
fn with_early_media_a_callee_who_plays_something_counts_as_answered() {
    let lab = Lab::up("early");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    for (early_media, outcome) in [("no", "noanswer"), ("yes", "answered")] {
        let plan = [&LOCAL[..], &[("EarlyMedia", early_media), ("DialTimeout", "2000"), ("MaxRetry1", "1")]]
            .concat();
        let hangup = [("Type", "0"), ("Exten", "hangup"), ("Context", "astout-dest")];
        // It would answer after ten seconds.
        let campaign = Campaign::create(&mut client, &plan, &hangup, &[&[("Number1", "09901001")]]);
        campaign.run(&mut client);
        assert_eq!(daemon.results().last().unwrap()["outcome"], outcome, "EarlyMedia {early_media}");
    }
    daemon.check();
}
