//! Cases 39 and 40: a trunk on which nothing gets through, and a PBX that has taken as many calls as it may.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::measure::saw;
use crate::scene::{self, count, finish, numbers, said, stop_and_finish, wait_until_said};
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::lab::Lab;
use crate::support::pbx::Breakable;
use crate::support::sandbox::Sandbox;
use crate::support::scenario::{Campaign, LOCAL};

/// Every call fails at once and no channel is made; what goes over another way goes on.
fn case_39(pbx: impl Breakable) {
    let mut daemon = Daemon::start(&pbx, "");
    let mut client = daemon.client();
    let callees = numbers("300", 100);
    let contacts: Vec<_> = callees.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let plan = [("TechName", "PJSIP/"), ("TrunkName", "nocontact"), ("MaxRetry1", "1")];
    let dead = Campaign::create(&mut client, &plan, &scene::HOLD, &contacts);
    dead.request(&mut client, "1");
    wait_until_said(&mut daemon, "the trunk's fault", 1);
    let tried = daemon.results().len();
    let (mut other, alive) = scene::dial(&daemon, &[("MaxRetry1", "1")], &["1000301", "1000302"]);
    daemon.poll("the calls over another way", |daemon| (count(daemon, "answered") == 2).then_some(()));
    let stat = &client.list("OutCampaignStatShow", &[("Uuid", &dead.uuid)])[0];
    assert_eq!(header(stat, "DlFinishedCount"), "20", "{stat:?}");
    assert_eq!(count(&daemon, "failed"), 20);
    assert_eq!(said(&daemon, "the trunk's fault"), 1);
    saw(39, &format!("told after {tried} attempts; 20 of 100 contacts spent a try"));
    finish(&daemon, &mut other, &alive);
    stop_and_finish(&daemon, &mut client, &dead);
}

#[test]
fn case_39_a_dead_trunk_costs_twenty_tries_and_nobody_elses_on_the_sandbox() {
    case_39(Sandbox::up(""));
}

#[test]
fn case_39_a_dead_trunk_costs_twenty_tries_and_nobody_elses_on_a_real_asterisk() {
    case_39(Lab::up("case39"));
}

/// A dead trunk costs nobody his last try: whoever it has spoilt one for has another once there is a way.
#[test]
fn a_list_behind_a_dead_trunk_is_dialled_whole_once_another_takes_its_place() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    let mut client = daemon.client();
    let callees = numbers("10003", 40);
    let contacts: Vec<_> = callees.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let plan = [("TechName", "PJSIP/"), ("TrunkName", "nocontact"), ("MaxRetry1", "1")];
    let retry = [("RetryDelay", "600"), ("RetryDelayFailed", "1"), ("TrunkFaultRetries", "1")];
    let campaign = Campaign::create(&mut client, &[&plan[..], &retry].concat(), &scene::HOLD, &contacts);
    campaign.request(&mut client, "1");
    wait_until_said(&mut daemon, "the trunk's fault", 1);
    let stat = &client.list("OutCampaignStatShow", &[("Uuid", &campaign.uuid)])[0];
    assert_eq!((header(stat, "DlFinishedCount"), header(stat, "DlCalledCount")), ("0".into(), "20".into()));

    let plan = header(&client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0], "Plan");
    client.done("OutPlanUpdate", &[("Uuid", &plan), ("TechName", "Local/"), ("TrunkName", "astout-demo")]);

    finish(&daemon, &mut client, &campaign);
    assert_eq!((count(&daemon, "answered"), count(&daemon, "failed")), (40, 20));
}

/// A PBX that takes two calls at once and refuses the rest: those are tried again, RetryDelay later and no sooner.
fn case_40(pbx: impl Breakable, plan: &[(&str, &str)], callees: &[String]) {
    const RETRY_DELAY: Duration = Duration::from_secs(1);
    let policy = "[policy]\ntechnologies = [\"*\"]\nlocal_contexts = [\"*\"]\n";
    let daemon = Daemon::start(&pbx, policy);
    let mut client = daemon.client();
    let plan = [plan, &[("MaxRetry1", "6"), ("RetryDelay", "1")]].concat();
    let contacts: Vec<_> = callees.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let campaign = Campaign::create(&mut client, &plan, &scene::HOLD, &contacts);
    let begun = Instant::now();
    campaign.request(&mut client, "1");
    finish(&daemon, &mut client, &campaign);
    let mut attempts: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for line in daemon.results() {
        let number = line["dial_addr"].as_str().unwrap().to_owned();
        let attempt =
            (line["dial_trycnt"].as_u64().unwrap(), line["tm_dialing"].as_str().unwrap().to_owned());
        attempts.entry(number).or_default().push(attempt);
    }
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
    for (number, tries) in &attempts {
        let counted: Vec<u64> = tries.iter().map(|(count, _)| *count).collect();
        assert_eq!(counted, (1..=tries.len() as u64).collect::<Vec<_>>(), "{number}");
        for two in tries.windows(2) {
            let gap = (time(&two[1].1) - time(&two[0].1)).to_std().unwrap();
            assert!(gap >= RETRY_DELAY, "{number} again after {gap:?}");
        }
    }
    let answered = count(&daemon, "answered");
    saw(
        40,
        &format!(
            "{answered} of {} answered in {} attempts and {:.1?}",
            callees.len(),
            daemon.results().len(),
            begun.elapsed()
        ),
    );
    assert_eq!(answered, callees.len(), "{attempts:?}");
    assert!(daemon.results().len() > callees.len(), "the PBX refused none");
}

#[test]
fn case_40_calls_above_the_pbxs_limit_are_tried_again_later_on_the_sandbox() {
    let sandbox = Sandbox::up("[[context]]\nname = \"few\"\nnumbers = \"lab\"\nlimit = 2\n");
    let few = [("TechName", "Local/"), ("TrunkName", "few")];
    case_40(sandbox, &few, &numbers("10003", 6));
}

#[test]
fn case_40_calls_above_maxcalls_are_tried_again_later_on_a_real_asterisk() {
    let mut lab = Lab::up("case40");
    let file = std::path::Path::new(lab.get("ASTERISK_CONF")).join("asterisk.conf");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("[options]\n", "[options]\nmaxcalls = 2\n")).unwrap();
    lab.kill();
    lab.start_again();
    case_40(lab, &LOCAL, &numbers("10003", 6));
}
