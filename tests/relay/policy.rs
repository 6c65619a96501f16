//! Relayed Originates obey `[policy]`, and none can be taken for a dialing's.

use std::time::{Duration, Instant};

use crate::support::ami::{PATIENCE, header};
use crate::support::scenario::{Campaign, LOCAL};
use crate::{STAYS, dial, refused, relaying};

#[test]
fn an_originate_out_of_the_policy_is_refused_by_field_and_not_sent() {
    let (sandbox, daemon) = relaying("[policy]\ndenied_prefixes = [\"00\"]\n");
    let mut client = daemon.client();
    let to = |change: &[(&'static str, &'static str)]| {
        let mut fields = dial(STAYS).to_vec();
        for (name, value) in change {
            fields.retain(|(other, _)| other != name);
            fields.push((name, value));
        }
        fields
    };
    for (change, field) in [
        (&[("Channel", "Console/dsp")][..], "Channel"),
        (&[("Channel", "Local/100@default")], "Channel"),
        (&[("Channel", "PJSIP/112")], "Channel"),
        (&[("Channel", "PJSIP/0049301@sipp")], "Channel"),
        (&[("Channel", "Local/1000001@astout-demo&PJSIP/100")], "Channel"),
        (&[("Channel", "")], "Channel"),
        (&[("Application", "System"), ("Data", "touch /tmp/x")], "Application"),
        (&[("Data", "${SHELL(id)}")], "Data"),
        (&[("Exten", "112"), ("Context", "from-internal"), ("Priority", "1")], "Exten"),
        (&[("CallerID", "nobody's")], "CallerId"),
        (&[("Variable", "SHELL(id)=1")], "Variable"),
        (&[("Variable", "A=1,CALLERID(num)=112")], "Variable"),
        (&[("Timeout", "soon")], "Timeout"),
        (&[("PreDialGoSub", "default,s,1")], "PreDialGoSub"),
    ] {
        let told = refused(&client.action("Originate", &to(change)));
        assert!(
            told.starts_with(&format!("Originate refused: {field}: ")) && told.contains("allowed"),
            "{told}"
        );
    }
    assert_eq!(sandbox.dialled().len(), 0);
    client.done("Originate", &to(&[("CallerID", "\"Us\" <5551000>"), ("Variable", "A=1,B=2")]));
    daemon.check();
}

#[test]
fn a_policy_that_is_taken_up_holds_for_the_next_originate() {
    let (_sandbox, daemon) = relaying("[policy]\ntechnologies = [\"PJSIP\"]\n");
    let mut client = daemon.client();
    assert!(refused(&client.action("Originate", &dial(STAYS))).contains("PJSIP (by [policy] technologies)"));
    daemon.reconfigure("technologies = [\"PJSIP\"]", "technologies = [\"Local\"]");
    daemon.hang_up();
    let deadline = Instant::now() + PATIENCE;
    while !client.action("Originate", &dial(STAYS)).is_success() {
        assert!(Instant::now() < deadline, "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    daemon.check();
}

/// OriginateResponse is told to everybody, the dialer included, by the ActionID that was sent.
#[test]
fn no_action_id_or_channel_id_of_an_operator_is_taken_for_a_dialings() {
    let (_sandbox, daemon) = relaying("");
    let mut client = daemon.client();
    let campaign = Campaign::create(
        &mut client,
        &[&LOCAL[..], &[("MaxRetry1", "1"), ("DialTimeout", "60000")]].concat(),
        &[("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")],
        &[&[("Number1", "3001")]],
    );
    campaign.request(&mut client, "1");
    let ringing = client.wait_for("it rings", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "DialAddr") == "3001"
    });
    let dialing = header(&ringing, "Uuid");
    let forged = format!(
        "Action: Originate\r\nActionID: o:{dialing}\r\nChannel: Local/2@astout-demo\r\nApplication: Wait\r\nData: 1\r\n\
         Async: true\r\n\r\n"
    );
    client.send(forged.as_bytes());
    let told = client.wait_for("OriginateResponse", |event| {
        header(event, "Event") == "OriginateResponse" && header(event, "Response") == "Failure"
    });
    assert_eq!(header(&told, "ActionID"), format!("o:{dialing}"), "as it was given");
    for id in [dialing.clone(), format!("{dialing}-2")] {
        let fields = [&dial(STAYS)[..], &[("ChannelId", id.as_str())]].concat();
        let told = refused(&client.action("Originate", &fields));
        assert!(told.starts_with("Originate refused: ChannelId: "), "{told}");
    }
    let shown = client.list("OutDialingShow", &[("Uuid", &dialing)]);
    assert_eq!(shown.len(), 1, "it still rings");
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    assert_eq!(daemon.results()[0]["outcome"], "withdrawn");
    daemon.check();
}
