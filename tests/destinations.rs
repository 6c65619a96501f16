//! Custom destinations on a real Asterisk: places in the dialplan that astout writes, and where a call goes that its
//! destination cannot take, also while astout is away.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::fs;

use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::scenario::{Campaign, LOCAL};

/// Rings two seconds, answers, and stays until it is hung up.
const RINGS_A_WHILE: [(&str, &str); 1] = [("Number1", "1200001")];
/// Answers at once, and stays until it is hung up.
const ANSWERS: [(&str, &str); 1] = [("Number1", "1000001")];
/// Tells as an event who came, and ends the call after a second.
const SHOW: [(&str, &str); 4] =
    [("Type", "0"), ("Exten", "show"), ("Context", "astout-dest"), ("Name", "last resort")];

struct Scene {
    daemon: Daemon,
    client: Client,
    admin: Client,
    lab: Lab,
}

fn scene(name: &str) -> Scene {
    let lab = Lab::up(name);
    let directory = format!("[dialplan]\ndirectory = \"{}/dialplan\"\n", lab.get("ASTERISK_RUN"));
    let daemon = Daemon::start(&lab, &directory);
    let (client, admin) = (daemon.client(), lab.admin());
    Scene { daemon, client, admin, lab }
}

impl Scene {
    fn dialplan(&self) -> String {
        let path = format!("{}/dialplan/astout_dialplan.conf", self.lab.get("ASTERISK_RUN"));
        fs::read_to_string(path).unwrap_or_default()
    }

    /// Waits until Asterisk has that place.
    fn until_in_dialplan(&mut self, place: &str) {
        let variable = format!("DIALPLAN_EXISTS({place})");
        let admin = &mut self.admin;
        self.daemon.poll(place, |_| {
            let answer = admin.done("Getvar", &[("Variable", &variable)]);
            (header(&answer, "Value") == "1").then_some(())
        });
    }

    /// A call from elsewhere goes to that place of ours.
    fn goes_to(&mut self, label: &str) {
        self.until_in_dialplan(&format!("astout-custom,{label},1"));
        let call =
            [("Channel", "Local/1000001@astout-demo"), ("Context", "astout-custom"), ("Priority", "1")];
        self.admin.done("Originate", &[&call[..], &[("Exten", label), ("Async", "true")]].concat());
    }

    /// Waits until somebody has come to [`SHOW`].
    fn shown(&mut self) -> astout::ami::Message {
        self.admin.wait_for("AstoutShow", |event| header(event, "UserEvent") == "AstoutShow")
    }
}

/// A destination with that failover.
fn with<'a>(destination: &[(&'a str, &'a str)], failover: &'a str) -> Vec<(&'a str, &'a str)> {
    [destination, &[("Failover", failover)]].concat()
}

#[test]
fn an_answered_call_goes_on_to_the_failover_where_the_place_is_not_there() {
    let mut scene = scene("failover-place");
    let last = scene.client.create("OutDestinationCreate", &SHOW);
    let nowhere = [("Type", "0"), ("Exten", "10"), ("Context", "no-such-context")];
    let made = scene.client.done("OutDestinationCreate", &nowhere);
    let warning = "destination: Asterisk's dialplan has no no-such-context,10,1, so far";
    assert_eq!(
        (header(&made, "Message").as_str(), header(&made, "Warning").as_str()),
        ("Destination created successfully", warning)
    );
    let (uuid, ten) = (header(&made, "Uuid"), ["--exten", "10", "--context", "no-such-context"]);
    for command in [&["destination", "create"][..], &["destination", "update", &uuid]] {
        let output = scene.daemon.cli(&[command, &ten].concat());
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("astout: warning: {warning}\n"));
    }
    let campaign = Campaign::create(&mut scene.client, &LOCAL, &with(&nowhere, &last), &[&ANSWERS]);
    let events = campaign.run(&mut scene.client);
    assert_eq!(campaign.way(&events), ["11", "1", "10", "0"]);
    let shown = scene.shown();
    let line = &scene.daemon.results()[0];
    assert_eq!(header(&shown, "Uniqueid"), line["channelid"].as_str().unwrap());
    assert_eq!(line["outcome"], "answered");
    assert_eq!(line["dial_context"], "no-such-context", "what was decided on stays in the line");
    scene.daemon.check();
}

#[test]
fn an_application_that_fails_gives_its_call_on_and_one_that_worked_does_not() {
    let mut scene = scene("failover-application");
    let last = scene.client.create("OutDestinationCreate", &SHOW);
    for (application, data, fails) in [
        ("Playback", "no-such-sound", true),
        ("Park", "no-such-lot", true),
        ("Queue", "no_such_queue", true),
        ("Queue", "sales_closed", true),
        ("Playback", "vm-from", false),
        ("Queue", "sales_1", false),
    ] {
        let name = format!("{application} {data}");
        let fields = [("Name", name.as_str()), ("Type", "1"), ("Application", application), ("Data", data)];
        scene.client.create("OutDestinationCreate", &with(&fields, &last));
        scene.goes_to(&name.replace(' ', "-"));
        if fails {
            let shown = scene.shown();
            assert_ne!(header(&shown, "Uniqueid"), "", "{name}");
        } else {
            let end = scene.admin.wait_for("the end of the call", |event| {
                header(event, "UserEvent") == "AstoutShow"
                    || header(event, "Event") == "Hangup" && header(event, "Context") == "astout-custom"
            });
            assert_eq!(header(&end, "Event"), "Hangup", "{name} took the call, and so its failover does not");
        }
    }
}

#[test]
fn a_queue_that_is_full_gives_the_call_on() {
    let mut scene = scene("failover-full");
    let last = scene.client.create("OutDestinationCreate", &SHOW);
    let queue = [("Name", "full"), ("Type", "1"), ("Application", "Queue"), ("Data", "sales_full")];
    scene.client.create("OutDestinationCreate", &with(&queue, &last));
    scene.goes_to("full");
    let waits = |event: &_| ["QueueCallerJoin", "UserEvent"].contains(&header(event, "Event").as_str());
    let first = scene.admin.wait_for("the first caller", waits);
    assert_eq!(header(&first, "Event"), "QueueCallerJoin", "there was room for one");
    scene.goes_to("full");
    let shown = scene.shown();
    assert_ne!(header(&shown, "Uniqueid"), header(&first, "Uniqueid"), "who waits goes on waiting");
}

#[test]
fn a_call_that_is_answered_while_astout_is_away_finds_its_failover() {
    let mut scene = scene("failover-away");
    let last = scene.client.create("OutDestinationCreate", &SHOW);
    let nowhere = [("Type", "0"), ("Exten", "10"), ("Context", "no-such-context")];
    let campaign = Campaign::create(&mut scene.client, &LOCAL, &with(&nowhere, &last), &[&RINGS_A_WHILE]);
    campaign.request(&mut scene.client, "1");
    scene.client.wait_for("the call", |event| {
        header(event, "Event") == "OutDialingUpdate" && header(event, "Status") == "3"
    });
    scene.daemon.kill();
    let shown = scene.shown();
    scene.daemon.run();
    let mut client = scene.daemon.client();
    let daemon = &mut scene.daemon;
    daemon.poll("its end", |daemon| (daemon.results().len() == 1).then_some(()));
    assert_eq!(daemon.results()[0]["channelid"], header(&shown, "Uniqueid").as_str());
    assert_eq!(daemon.results()[0]["outcome"], "answered");
    daemon.poll("the end of the campaign", |_| {
        let shown = client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)]);
        (header(&shown[0], "Status") == "0").then_some(())
    });
    daemon.check();
}

#[test]
fn nobody_is_dialled_before_asterisk_has_the_failover() {
    let lab = Lab::up("failover-off");
    let mut daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let last = client.create("OutDestinationCreate", &SHOW);
    let campaign = Campaign::create(&mut client, &LOCAL, &with(&SHOW, &last), &[&ANSWERS]);
    campaign.request(&mut client, "1");
    daemon.poll("the word", |daemon| daemon.log().contains("[dialplan] directory is not set").then_some(()));
    assert!(client.list("OutDialingShow", &[]).is_empty());
    let dest = campaign.dest.clone();
    client.done("OutDestinationUpdate", &[("Uuid", &dest), ("Failover", "")]);
    campaign.until_stopped(&mut client);
    assert_eq!(daemon.results()[0]["outcome"], "answered");
    daemon.check();
}

#[test]
fn everybody_elses_dialplan_finds_each_destination_by_its_name() {
    let mut scene = scene("labels");
    let fields = [&SHOW[..], &[("Variable", "V1=a;b (c)")]].concat();
    let uuid = scene.client.create("OutDestinationCreate", &fields);
    for label in ["last-resort", uuid.as_str()] {
        scene.goes_to(label);
        assert_eq!(header(&scene.shown(), "V1"), "a;b (c)", "{label}");
    }
    scene.client.done("OutDestinationDelete", &[("Uuid", &uuid)]);
    scene.until_in_dialplan("astout-dest,show,1");
    let Scene { daemon, admin, .. } = &mut scene;
    daemon.poll("the label to be gone", |_| {
        let asked = [("Variable", "DIALPLAN_EXISTS(astout-custom,last-resort,1)")];
        (header(&admin.done("Getvar", &asked), "Value") == "0").then_some(())
    });
    assert!(!scene.dialplan().contains("last-resort"));
}

#[test]
fn failovers_that_lead_nowhere_or_round_are_refused_and_one_that_is_needed_stays() {
    let lab = Lab::up("failover-refused");
    let daemon = Daemon::start(&lab, "");
    let mut client = daemon.client();
    let create = |client: &mut Client, name: &str, failover: &str| {
        let fields = [("Name", name), ("Type", "1"), ("Application", "Park")];
        client.create("OutDestinationCreate", &with(&fields, failover))
    };
    let (c, missing) = (create(&mut client, "c", ""), "00000000-0000-4000-8000-000000000000");
    let b = create(&mut client, "b", &c);
    let a = create(&mut client, "a", &b);
    for (uuid, failover, words) in [
        (&c, a.as_str(), "Failover: "),
        (&c, c.as_str(), "Failover: "),
        (&c, missing, "Failover: \"00000000-0000-4000-8000-000000000000\" names no destination"),
        (&c, "nonsense", "Failover: \"nonsense\" is not allowed; allowed: a uuid, "),
    ] {
        let refused = client.action("OutDestinationUpdate", &[("Uuid", uuid), ("Failover", failover)]);
        let message = header(&refused, "Message");
        assert!(header(&refused, "Response") == "Error" && message.contains(words), "{failover}: {message}");
        if failover == a {
            assert!(message.contains(&format!("{c} -> {a} -> {b} -> {c}")), "{message}");
        }
    }
    let refused = client.action("OutDestinationDelete", &[("Uuid", &c)]);
    let message = header(&refused, "Message");
    assert!(message.contains(&format!("the failover of destination {b} (b)")), "{message}");

    let shown = &client.list("OutDestinationShow", &[("Uuid", &b)])[0];
    let names: Vec<_> = shown.iter().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names[names.len() - 4..], ["TmCreate", "TmDelete", "TmUpdate", "Failover"]);
    assert_eq!(header(shown, "Failover"), c);
    let shown = &client.list("OutDestinationShow", &[("Uuid", &c)])[0];
    assert!(shown.get("Failover").is_none(), "where it is not set there is no header");
    for uuid in [&a, &b, &c] {
        client.done("OutDestinationDelete", &[("Uuid", uuid)]);
    }
}

/// Writes the user's own file, and has the daemon take it up; gives the exit code and what is said.
fn reload(scene: &Scene, own: &str) -> (Option<i32>, String) {
    let directory = format!("{}/dialplan", scene.lab.get("ASTERISK_RUN"));
    fs::write(format!("{directory}/astout_extensions_custom.conf"), own).unwrap();
    let output = scene.daemon.cli(&["reload"]);
    let said = [&output.stdout[..], &output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

impl Scene {
    fn has(&mut self, place: &str) -> bool {
        let variable = format!("DIALPLAN_EXISTS({place})");
        header(&self.admin.done("Getvar", &[("Variable", &variable)]), "Value") == "1"
    }
}

#[test]
fn each_mistake_of_a_dialplan_has_its_own_line_in_the_answer_and_in_the_log() {
    let scene = scene("own-mistakes");
    let (code, said) =
        reload(&scene, "[one]\nexten => s,1,Goto(nowhere,s,1)\nexten => s,n,Goto(nobody,s,1)\n");
    assert_eq!(code, Some(78), "{said}");
    let log = scene.daemon.log();
    for (line, context) in [(2, "nowhere"), (3, "nobody")] {
        let mistake = format!("astout_extensions_custom.conf:{line}: there is no context {context},");
        for text in [&said, &log] {
            let told = text.lines().find(|line| line.contains(&mistake)).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(told.matches("there is no context").count(), 1, "{told}");
        }
        assert!(log.lines().any(|line| line.contains("ERROR") && line.contains(&mistake)), "{log}");
    }
}

/// The mission's example.
const OWN: &str = "[omnileads_custom]
exten => s,1,Verbose(2, omnileads custom dialplan)
same => n,Answer()
same => n,Playback(demo-congrats)
same => n,Goto(astout-dest,show,1)
";

#[test]
fn a_dialplan_of_the_users_own_is_taken_up_live_and_calls_go_there() {
    let mut scene = scene("own");
    assert!(!scene.has("omnileads_custom,s,1"));
    let (code, said) = reload(&scene, OWN);
    assert_eq!(code, Some(0), "{said}");
    assert!(scene.has("omnileads_custom,s,1"), "once it is answered Asterisk has it");
    let place = [("Type", "0"), ("Context", "omnileads_custom"), ("Exten", "s"), ("Priority", "1")];
    let campaign = Campaign::create(&mut scene.client, &LOCAL, &place, &[&ANSWERS]);
    campaign.request(&mut scene.client, "1");
    let playing = scene.admin.wait_for("the sound", |event| header(event, "Application") == "Playback");
    assert_eq!(header(&playing, "AppData"), "demo-congrats");
    campaign.request(&mut scene.client, "30");
    campaign.until_stopped(&mut scene.client);
    scene.daemon.check();

    let (code, said) = reload(&scene, "");
    assert_eq!(code, Some(0), "{said}");
    assert!(!scene.has("omnileads_custom,s,1"), "an empty one takes it away again");
}

#[test]
fn a_dialplan_with_a_mistake_is_refused_whole_and_the_one_before_it_stays() {
    let mut scene = scene("own-wrong");
    assert_eq!(reload(&scene, OWN).0, Some(0));
    for (line, words, wrong) in [
        (7, "NoOp( has no ) at its end", "[more]\nexten => s,1,NoOp(\n"),
        (
            7,
            "there is no context nowhere, in this file or elsewhere in the dialplan",
            "[more]\nexten => s,1,Goto(nowhere,s,1)\n",
        ),
        (
            7,
            "priority 1 of extension s in [omnileads_custom] is there already, in line 2",
            "[omnileads_custom]\nexten => s,1,Answer()\n",
        ),
        (6, "[astout-custom] is made by astout itself", "[astout-custom]\nexten => s,1,Answer()\n"),
    ] {
        let (code, said) = reload(&scene, &format!("{OWN}{wrong}[late]\nexten => s,1,Answer()\n"));
        let expected = format!("astout_extensions_custom.conf:{line}: {words}");
        assert!(code == Some(78) && said.contains(&expected), "{code:?} {said}");
        scene.lab.cli("dialplan reload");
        assert!(scene.has("omnileads_custom,s,1") && !scene.has("late,s,1"), "{said}");
    }
}
