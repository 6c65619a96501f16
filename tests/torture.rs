//! SIGKILL at random moments in the middle of a campaign, of astout and of the PBX: nobody is dialled twice as one
//! attempt, every attempt has its one line, nothing is stuck.
//!
//! Case 9 of the fault matrix; `tests/faults_daemon` has its neighbours.
//!
//! `ASTOUT_TORTURE` says how often astout is killed (6 times by default; `make torture` has 500 and 50), the kills of
//! the PBX alone come on top; `ASTOUT_SEED` repeats the moments of a run, whose seed a failure shows.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failure is a failed test, and its seed is told"
)]

mod support;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::disk::SmallDisk;
use support::lab::Lab;
use support::pbx::Breakable;
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL, assert_lines_whole};

/// How soon after the daemon is up nothing may be half done any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);
/// A kill comes at some moment of this span after a dialing is open.
const LATEST_KILL_MS: u64 = 900;
/// Contacts for each kill, and the tries of each, so that the list outlasts them.
const CONTACTS_A_KILL: usize = 20;
const TRIES: u64 = 2;
/// Originates a second.
const CALLS_PER_SECOND: u32 = 20;
/// How often a long run says how far it is.
const KILLS_A_WORD: usize = 50;
/// A campaign that has contacts writes a line at least as often.
const STUCK: Duration = Duration::from_secs(90);

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
    let tries = TRIES.to_string();
    let plan = [
        &LOCAL[..],
        &[
            ("MaxRetry1", tries.as_str()),
            ("RetryDelay", "1"),
            ("DialTimeout", "1500"),
            ("CallerId", "5551000"),
        ],
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

/// The result log as far as it was read: what is added to it is read once, however long the run.
#[derive(Default)]
struct Results {
    read: u64,
    ended: HashSet<String>,
    unknown: usize,
}

impl Results {
    /// Reads the lines that came since; what is no whole line yet is left for the next time.
    fn follow(&mut self, daemon: &Daemon) {
        let Ok(mut file) = File::open(daemon.results_path()) else { return };
        let mut text = String::new();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        file.read_to_string(&mut text).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        for line in text[..whole].lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let dialing = line["dialing_uuid"].as_str().unwrap().to_owned();
            self.unknown += usize::from(line["outcome"] == "unknown");
            assert!(self.ended.insert(dialing), "a second line: {line}");
        }
    }
}

/// Waits until each dialing that was open has its line, or its channel lives; gives how long that took.
fn settle(
    daemon: &mut Daemon,
    admin: &mut Client,
    results: &mut Results,
    open: &HashSet<String>,
) -> Duration {
    let since = Instant::now();
    let mut left: Vec<String> = open.iter().cloned().collect();
    daemon.poll("that nothing is half done", |daemon| {
        results.follow(daemon);
        left.retain(|dialing| {
            let mut lives =
                || admin.action("Getvar", &[("Channel", dialing), ("Variable", "CHANNEL")]).is_success();
            !results.ended.contains(dialing) && !lives()
        });
        left.is_empty().then_some(())
    });
    let took = since.elapsed();
    assert!(took < SETTLED_WITHIN, "settled only after {took:?}");
    took
}

/// Who was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Astout,
    Pbx,
    Both,
}

impl Victim {
    /// One kill in ten is of both, two of the PBX alone.
    fn draw(random: &mut fastrand::Rng) -> Self {
        match random.u8(..10) {
            0 => Self::Both,
            1 | 2 => Self::Pbx,
            _ => Self::Astout,
        }
    }

    fn is_astout(self) -> bool {
        match self {
            Self::Astout | Self::Both => true,
            Self::Pbx => false,
        }
    }

    fn is_pbx(self) -> bool {
        match self {
            Self::Pbx | Self::Both => true,
            Self::Astout => false,
        }
    }
}

/// What the kills have shown so far.
struct Account {
    since: Instant,
    kills: Vec<(Victim, Duration)>,
}

impl Account {
    fn of(&self, victim: Victim) -> usize {
        self.kills.iter().filter(|(killed, _)| *killed == victim).count()
    }

    /// How often astout was killed, alone or with the PBX.
    fn of_astout(&self) -> usize {
        self.kills.iter().filter(|(killed, _)| killed.is_astout()).count()
    }

    /// `500 kills of astout (50 with the PBX) and 120 of the PBX alone, settled after 0.1 s in the median …`
    fn tell(&self) -> String {
        let mut settled: Vec<f64> = self.kills.iter().map(|(_, took)| took.as_secs_f64()).collect();
        settled.sort_by(f64::total_cmp);
        let at = |share: usize| settled[(settled.len() * share / 100).min(settled.len() - 1)];
        format!(
            "{} kills of astout ({} with the PBX) and {} of the PBX alone in {:.0} s, settled after {:.2} s in the median, \
             {:.2} s in 99 of 100, {:.2} s at most",
            self.of_astout(),
            self.of(Victim::Both),
            self.of(Victim::Pbx),
            self.since.elapsed().as_secs_f64(),
            at(50),
            at(99),
            at(100),
        )
    }
}

/// A moment that nothing waits for: what is under way then is what chance gives.
fn some_moment(random: &mut fastrand::Rng) {
    std::thread::sleep(Duration::from_millis(random.u64(..LATEST_KILL_MS)));
}

/// Waits for a moment that nothing but chance has chosen, at which dialings are open; gives them.
fn some_moment_of_dialing(
    daemon: &Daemon,
    campaign: &Campaign,
    random: &mut fastrand::Rng,
) -> HashSet<String> {
    loop {
        let mut client = daemon.client();
        assert!(wait_for_dialing(&mut client, campaign).is_some(), "the list was too short");
        some_moment(random);
        let open = open_dialings(&mut client);
        if !open.is_empty() {
            return open;
        }
    }
}

/// Kills astout so often, and the PBX in between, lets the campaign come to its end, and checks what is left.
fn torture(pbx: &mut impl Breakable, kills: u64, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut daemon = Daemon::start_slow(pbx, CALLS_PER_SECOND);
    let kills = usize::try_from(kills).unwrap();
    let contacts = kills * CONTACTS_A_KILL;
    let campaign = start(&daemon, contacts);
    let mut results = Results::default();
    let mut account = Account { since: Instant::now(), kills: Vec::new() };
    while account.of_astout() < kills {
        let open = some_moment_of_dialing(&daemon, &campaign, &mut random);
        let victim = Victim::draw(&mut random);
        if victim.is_pbx() {
            pbx.kill();
        }
        if victim.is_astout() {
            daemon.kill();
        }
        if victim.is_pbx() {
            pbx.start_again();
        }
        if victim.is_astout() {
            daemon.run();
        }
        let mut admin = pbx.admin();
        let took = settle(&mut daemon, &mut admin, &mut results, &open);
        account.kills.push((victim, took));
        if account.kills.len().is_multiple_of(KILLS_A_WORD) {
            let (attempts, unknown) = (results.ended.len(), results.unknown);
            println!("{}; {attempts} attempts, {unknown} of them unknown", account.tell());
        }
    }
    let told = account.tell();
    ends_whole(&daemon, &campaign, &mut results, &format!("seed {seed}: {contacts} contacts, {told}"));
}

/// The campaign comes to its end, and everything is as it should be.
fn ends_whole(daemon: &Daemon, campaign: &Campaign, results: &mut Results, what: &str) {
    let mut client = daemon.client();
    let status = |client: &mut Client| {
        header(&client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0], "Status")
    };
    // However slow the machine is: as long as lines come, it goes on.
    let written = || fs::metadata(daemon.results_path()).map_or(0, |file| file.len());
    let (mut grown, mut since) = (written(), Instant::now());
    while status(&mut client) != "0" {
        if std::mem::replace(&mut grown, written()) != grown {
            since = Instant::now();
        }
        if since.elapsed() > STUCK {
            let why = client.list("OutExplain", &[("Uuid", &campaign.uuid)]);
            panic!("the campaign does not end, for {STUCK:?} no line has come; {why:?}\n{}", daemon.log());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let lines = daemon.results();
    assert_lines_whole(&lines);
    assert!(open_dialings(&mut client).is_empty());
    results.follow(daemon);
    assert_eq!(results.ended.len(), lines.len());
    let checking = Instant::now();
    daemon.check();
    println!(
        "{what}; {} attempts, {} of them unknown; astout check took {:.1} s",
        lines.len(),
        results.unknown,
        checking.elapsed().as_secs_f64()
    );
}

/// What nothing can be written for, for a while.
enum Trouble {
    /// Database and log on a disk that is full.
    Disk(SmallDisk),
    /// `/dev/full` in the log's place.
    Log { log: PathBuf, away: PathBuf },
}

impl Trouble {
    /// On a disk that holds the records of as many kills, and is full all the same when it is to be.
    fn of_the_disk(daemon: &mut Daemon, kills: u64) -> Self {
        let disk = SmallDisk::of(daemon, 24 + u32::try_from(kills).unwrap());
        daemon.keep_database(&disk.path("astout.sqlite3"));
        daemon.keep_results(&disk.path("astout.result"));
        Self::Disk(disk)
    }

    fn of_the_log(daemon: &mut Daemon) -> Self {
        Self::Log { log: daemon.path("astout.result"), away: daemon.path("astout.result.1") }
    }

    fn begins(&mut self) {
        match self {
            Self::Disk(disk) => disk.fill(),
            Self::Log { log, away } => {
                let full = log.with_extension("full");
                symlink("/dev/full", &full).unwrap();
                fs::hard_link(&*log, away).unwrap();
                fs::rename(full, log).unwrap();
            }
        }
    }

    fn ends(&mut self) {
        match self {
            Self::Disk(disk) => disk.empty(),
            Self::Log { log, away } => fs::rename(away, log).unwrap(),
        }
    }
}

/// Kills while nothing can be written: soon after that begins, and several times as it lasts.
fn torture_in_trouble(
    pbx: &mut impl Breakable,
    kills: u64,
    seed: u64,
    trouble: impl FnOnce(&mut Daemon) -> Trouble,
) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut daemon = Daemon::prepared_beside(pbx, "");
    daemon.reconfigure("calls_per_second = 200", &format!("calls_per_second = {CALLS_PER_SECOND}"));
    let mut trouble = trouble(&mut daemon);
    daemon.run();
    let contacts = usize::try_from(kills).unwrap() * CONTACTS_A_KILL;
    let campaign = start(&daemon, contacts);
    let (mut results, mut killed) = (Results::default(), 0);
    while killed < kills {
        let open = some_moment_of_dialing(&daemon, &campaign, &mut random);
        trouble.begins();
        some_moment(&mut random);
        daemon.kill();
        killed += 1;
        for _ in 0..random.u64(..3).min(kills - killed) {
            daemon.spawn(&[]);
            some_moment(&mut random);
            daemon.assert_runs();
            daemon.kill();
            killed += 1;
        }
        if random.bool() {
            trouble.ends();
            daemon.run();
        } else {
            daemon.spawn(&[]);
            some_moment(&mut random);
            trouble.ends();
            daemon.poll("an answer", |daemon| TcpStream::connect(daemon.address()).ok());
        }
        settle(&mut daemon, &mut pbx.admin(), &mut results, &open);
    }
    let what = format!("seed {seed}: {contacts} contacts, {killed} kills");
    ends_whole(&daemon, &campaign, &mut results, &what);
}

fn seed() -> u64 {
    let seed = number_of("ASTOUT_SEED", fastrand::u64(..));
    println!("ASTOUT_SEED={seed} repeats the moments of this run");
    seed
}

#[test]
fn case_09_kills_at_random_moments_cost_nothing_on_the_sandbox() {
    torture(&mut Sandbox::up(""), number_of("ASTOUT_TORTURE", 6), seed());
}

#[test]
fn case_09_kills_at_random_moments_cost_nothing_on_a_real_asterisk() {
    torture(&mut Lab::up("torture"), number_of("ASTOUT_TORTURE_ASTERISK", 4), seed());
}

#[test]
fn kills_while_the_disk_is_full_cost_nothing_on_the_sandbox() {
    let kills = number_of("ASTOUT_TORTURE", 6);
    torture_in_trouble(&mut Sandbox::up(""), kills, seed(), |daemon| Trouble::of_the_disk(daemon, kills));
}

#[test]
fn kills_while_the_disk_is_full_cost_nothing_on_a_real_asterisk() {
    let kills = number_of("ASTOUT_TORTURE_ASTERISK", 4);
    torture_in_trouble(&mut Lab::up("torture-full"), kills, seed(), |daemon| {
        Trouble::of_the_disk(daemon, kills)
    });
}

#[test]
fn kills_while_the_log_is_dev_full_cost_nothing_on_the_sandbox() {
    let kills = number_of("ASTOUT_TORTURE", 6);
    torture_in_trouble(&mut Sandbox::up(""), kills, seed(), Trouble::of_the_log);
}

#[test]
fn kills_while_the_log_is_dev_full_cost_nothing_on_a_real_asterisk() {
    let kills = number_of("ASTOUT_TORTURE_ASTERISK", 4);
    torture_in_trouble(&mut Lab::up("torture-log"), kills, seed(), Trouble::of_the_log);
}
