//! The agents of a queue of a real Asterisk, as astout sees them and as Asterisk tells them to whoever asks: the same at
//! every quiet instant, whatever comes and goes.

mod support;

use std::time::{Duration, Instant};

use support::ami::{Client, PATIENCE};
use support::daemon::Daemon;
use support::lab::Lab;
use support::scenario::{Campaign, LOCAL};
use support::view::{asterisk, astout, look, until_told};

/// How long the scene goes on, and on a busy machine until there were instants enough, but not for ever.
const SCENE: Duration = Duration::from_secs(40);
const ENOUGH: usize = 50;
const AT_MOST: Duration = Duration::from_secs(150);

#[test]
fn astouts_view_of_a_queue_is_asterisks_at_every_quiet_instant() {
    let lab = Lab::up("view");
    let daemon = Daemon::start(&lab, "");
    let (mut client, mut admin, mut looker) = (daemon.client(), lab.admin(), daemon.client());
    for client in [&mut admin, &mut looker] {
        client.action("Events", &[("EventMask", "off")]);
    }
    // Devices of the lab are unknown until their first call.
    for agent in 4001..=4006 {
        lab.cli(&format!("devstate change Custom:agent-{agent} NOT_INUSE"));
    }
    let numbers: Vec<_> = (0..60).map(|place| format!("10099{place:02}")).collect();
    let contacts: Vec<_> = numbers.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let plan = [&LOCAL[..], &[("DlEndHandle", "0"), ("MaxRetry1", "1")]].concat();
    let queue = [("Type", "1"), ("Application", "Queue"), ("Data", "sales_wrap")];
    let campaign = Campaign::create(&mut client, &plan, &queue, &contacts);
    campaign.request(&mut client, "1");
    until_told(&mut looker, &campaign.uuid);

    let pause = |admin: &mut Client, agent: u32, paused: &str, reason: &str| {
        let interface = format!("Local/{agent}@astout-agents");
        let fields =
            [("Queue", "sales_wrap"), ("Interface", &interface), ("Paused", paused), ("Reason", reason)];
        admin.done("QueuePause", &fields);
    };
    let (sixth, device) = ("Local/4006@astout-agents", "Custom:agent-4006");
    let (begun, mut step) = (Instant::now(), 0);
    let (mut agreed, mut differed, mut busy_instants, mut latest) = (0, 0, 0, Duration::ZERO);
    while begun.elapsed() < SCENE || (agreed < ENOUGH && begun.elapsed() < AT_MOST) {
        if begun.elapsed() > Duration::from_secs(2) * step {
            step += 1;
            // A caller from elsewhere; every third gives up early.
            let caller =
                if step % 3 == 0 { "Local/1000901@astout-demo" } else { "Local/1009901@astout-demo" };
            let to = [("Application", "Queue"), ("Data", "sales_wrap"), ("Async", "true")];
            admin.done("Originate", &[&[("Channel", caller)][..], &to].concat());
            match step {
                2 => pause(&mut admin, 4002, "true", "lunch"),
                4 => pause(&mut admin, 4003, "true", "wrap-up"),
                5 => pause(&mut admin, 4003, "false", ""),
                6 => pause(&mut admin, 4002, "false", ""),
                7 => {
                    let fields = [("Queue", "sales_wrap"), ("Interface", sixth), ("StateInterface", device)];
                    admin.done("QueueAdd", &fields);
                }
                8 => drop(lab.cli("devstate change Custom:agent-4001 ONHOLD")),
                9 => drop(lab.cli("devstate change Custom:agent-4001 NOT_INUSE")),
                10 => drop(lab.cli("devstate change Custom:agent-4006 UNAVAILABLE")),
                12 => drop(lab.cli("devstate change Custom:agent-4006 NOT_INUSE")),
                13 => {
                    let fields = [("Queue", "sales_wrap"), ("Interface", sixth), ("Penalty", "5")];
                    admin.done("QueuePenalty", &fields);
                }
                15 => drop(admin.done("QueueRemove", &[("Queue", "sales_wrap"), ("Interface", sixth)])),
                _ => {}
            }
        }
        let look = look(&mut admin, &mut looker, "sales_wrap", &campaign.uuid);
        differed += usize::from(look.differed);
        if let Some(late) = look.agreed {
            agreed += 1;
            latest = latest.max(late);
            let (view, _) = astout(&mut looker, &campaign.uuid);
            busy_instants += u32::from(view.talking > 0 && view.wrapping > 0);
        }
        // As often as people look, not as fast as can be.
        std::thread::sleep(Duration::from_millis(50));
    }
    let (view, words) = astout(&mut looker, &campaign.uuid);
    println!(
        "{agreed} instants, {differed} looks that differed at first, {busy_instants} with talk and wrap-up, the latest after {latest:?}; {view:?}"
    );
    assert!(
        agreed >= ENOUGH && busy_instants >= 10,
        "{agreed} quiet instants, {busy_instants} with talk and wrap-up"
    );
    // What differs is on its way: it is not the rule.
    assert!(differed * 2 < agreed, "{differed} looks differed at first, {agreed} instants");
    // The events alone were enough.
    assert!(words.contains("corrections by Asterisk's answers: 0)"), "{words}");
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    let talked = daemon.results().iter().filter(|line| line["outcome"] == "answered").count();
    assert!(talked >= 10, "{talked} of the campaign's own calls");
    daemon.check();
}

#[test]
fn a_callee_who_was_sent_away_waits_in_the_queue_no_more() {
    let lab = Lab::up("sent-away");
    let daemon = Daemon::start(&lab, "");
    let (mut client, mut admin, mut looker) = (daemon.client(), lab.admin(), daemon.client());
    for client in [&mut admin, &mut looker] {
        client.action("Events", &[("EventMask", "off")]);
    }
    let hold = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
    let hold = client.create("OutDestinationCreate", &hold);
    // Nobody is there, and one is called all the same.
    let paced =
        [("DialMode", "2"), ("ServiceLevel", "1"), ("AbandonAfter", "1"), ("AbandonDest", hold.as_str())];
    let queue = [("Type", "1"), ("Application", "Queue"), ("Data", "sales_none")];
    let callee = [("Number1", "1000001")];
    let campaign = Campaign::create(&mut client, &[&LOCAL[..], &paced].concat(), &queue, &[&callee]);
    campaign.request(&mut client, "1");
    until_told(&mut looker, &campaign.uuid);

    for waiting in [1, 0] {
        let deadline = Instant::now() + PATIENCE;
        while asterisk(&mut admin, "sales_none").waiting != waiting {
            assert!(Instant::now() < deadline, "Asterisk never tells of {waiting} that wait");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(look(&mut admin, &mut looker, "sales_none", &campaign.uuid).agreed.is_some());
    let words = astout(&mut looker, &campaign.uuid).1;
    assert!(words.contains("corrections by Asterisk's answers: 0)"), "{words}");
    assert_eq!(admin.list("CoreShowChannels", &[]).len(), 2, "he hears the message");
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    assert_eq!(daemon.results()[0]["abandoned"], true);
    daemon.check();
}
