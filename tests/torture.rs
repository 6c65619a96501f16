//! SIGKILL at random moments in the middle of a campaign, of astout and of the PBX: nobody is dialled twice as one
//! attempt, every attempt has its one line, nothing is stuck.
//!
//! `ASTOUT_TORTURE` says how often it is killed (6 by default; `make torture` has 500 and 50), `ASTOUT_SEED` repeats the
//! moments of a run, whose seed a failure shows.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failure is a failed test, and its seed is told"
)]

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::pbx::Pbx;
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL, assert_lines_whole};

/// How soon after the daemon is up nothing may be half done any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);
/// A kill comes at some moment of this span after a dialing is open.
const LATEST_KILL_MS: u64 = 900;
/// Contacts for each kill, so that the list outlasts them.
const CONTACTS_A_KILL: usize = 16;

fn number_of(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// What the lab's telephones do: answer and stay a second, busy, no answer, unallocated, hung up ringing.
const CALLEES: [&str; 5] = ["10310", "2", "3", "5", "705"];
/// Where answered calls go: until the callee hangs up.
const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];

/// A campaign that is running, and a client that sees it.
fn start(daemon: &Daemon, contacts: usize) -> Campaign {
    let mut client = daemon.client();
    let plan = [
        &LOCAL[..],
        &[("MaxRetry1", "2"), ("RetryDelay", "1"), ("DialTimeout", "1500"), ("CallerId", "5551000")],
    ]
    .concat();
    let numbers: Vec<String> =
        (0..contacts).map(|place| format!("{}{place:05}", CALLEES[place % CALLEES.len()])).collect();
    let contacts: Vec<_> = numbers.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let campaign = Campaign::create(&mut client, &plan, &HOLD, &contacts);
    campaign.request(&mut client, "1");
    campaign
}

fn open_dialings(client: &mut Client) -> HashSet<String> {
    client.list("OutDialingShow", &[]).iter().map(|dialing| header(dialing, "Uuid")).collect()
}

/// Waits until a dialing is open: a kill without one would prove nothing. `None` once the campaign has ended.
fn wait_for_dialing(client: &mut Client, campaign: &Campaign) -> Option<HashSet<String>> {
    let deadline = Instant::now() + support::ami::PATIENCE;
    loop {
        let open = open_dialings(client);
        if !open.is_empty() {
            return Some(open);
        }
        let status = header(&client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0], "Status");
        if status == "0" {
            return None;
        }
        assert!(Instant::now() < deadline, "status {status}, and nothing is dialled");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Each dialing that was open has its line, or its channel lives.
fn assert_settled(daemon: &mut Daemon, admin: &mut Client, open: &HashSet<String>) {
    let since = Instant::now();
    let mut left: Vec<String> = open.iter().cloned().collect();
    daemon.poll("that nothing is half done", |daemon| {
        let ended: HashSet<String> = daemon.results().iter().map(|line| text(line, "dialing_uuid")).collect();
        left.retain(|dialing| {
            let mut lives =
                || admin.action("Getvar", &[("Channel", dialing), ("Variable", "CHANNEL")]).is_success();
            !ended.contains(dialing) && !lives()
        });
        left.is_empty().then_some(())
    });
    assert!(since.elapsed() < SETTLED_WITHIN, "settled only after {:?}", since.elapsed());
}

fn text(line: &Value, key: &str) -> String {
    line[key].as_str().unwrap_or_default().to_owned()
}

/// A moment that nothing waits for: what is under way then is what chance gives.
fn some_moment(random: &mut fastrand::Rng) {
    std::thread::sleep(Duration::from_millis(random.u64(..LATEST_KILL_MS)));
}

/// Kills, then lets the campaign come to its end, and checks what is left.
fn torture(pbx: &mut impl Killable, kills: u64, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut daemon = Daemon::start_slow(pbx, 20);
    let campaign = start(&daemon, usize::try_from(kills).unwrap() * CONTACTS_A_KILL);
    let mut killed = 0;
    while killed < kills {
        let mut client = daemon.client();
        let Some(_) = wait_for_dialing(&mut client, &campaign) else { break };
        some_moment(&mut random);
        let open = open_dialings(&mut client);
        if open.is_empty() {
            continue;
        }
        killed += 1;
        // Every fifth kill is the PBX's, every tenth of both.
        let both = random.u8(..10) == 0;
        if both || random.u8(..5) == 0 {
            pbx.kill();
            if both {
                daemon.kill();
            }
            pbx.start_again();
            if both {
                daemon.run();
            }
        } else {
            daemon.kill();
            daemon.run();
        }
        let mut admin = pbx.admin();
        assert_settled(&mut daemon, &mut admin, &open);
    }
    let mut client = daemon.client();
    let status = |client: &mut Client| {
        header(&client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0], "Status")
    };
    let deadline = Instant::now() + Duration::from_secs(600);
    while status(&mut client) != "0" {
        assert!(Instant::now() < deadline, "the campaign does not end:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(killed, kills, "the list was too short");
    let lines = daemon.results();
    assert_lines_whole(&lines);
    assert!(open_dialings(&mut client).is_empty());
    let unknown = lines.iter().filter(|line| line["outcome"] == "unknown").count();
    println!("seed {seed}: {killed} kills, {} attempts, {unknown} of them unknown", lines.len());
    daemon.check();
}

/// A PBX that can be killed.
trait Killable: Pbx {
    fn kill(&mut self);
    fn start_again(&mut self);
    /// A client of somebody who looks from outside.
    fn admin(&self) -> Client {
        Client::login(
            self.get("ASTERISK_AMI"),
            self.get("ASTERISK_ADMIN_USER"),
            self.get("ASTERISK_ADMIN_SECRET"),
        )
    }
}

impl Killable for Lab {
    fn kill(&mut self) {
        Self::kill(self);
    }

    fn start_again(&mut self) {
        Self::start_again(self);
    }
}

impl Killable for Sandbox {
    fn kill(&mut self) {
        self.restart();
    }

    fn start_again(&mut self) {}
}

fn seed() -> u64 {
    let seed = number_of("ASTOUT_SEED", fastrand::u64(..));
    println!("ASTOUT_SEED={seed} repeats the moments of this run");
    seed
}

#[test]
fn kills_at_random_moments_cost_nothing_on_the_sandbox() {
    torture(&mut Sandbox::up(""), number_of("ASTOUT_TORTURE", 6), seed());
}

#[test]
fn kills_at_random_moments_cost_nothing_on_a_real_asterisk() {
    torture(&mut Lab::up("torture"), number_of("ASTOUT_TORTURE_ASTERISK", 4), seed());
}
