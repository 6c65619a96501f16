//! A daemon that dials a long list beside the peer, and how fast it does.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, query};

use crate::peer::{ANSWERS, BUSY, Peer, RINGING};
use crate::support::daemon::Daemon;
use crate::support::list::fill;
use crate::support::scenario::Campaign;
use crate::syncs::Syncs;

/// How long anything may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(100);
/// Ceilings that hold nothing back.
const CALLS_PER_SECOND: u32 = 10_000;
const MAX_CHANNELS: u32 = 5_000;
/// The peer never stands still.
const MAX_UNANSWERED: u32 = 500;
const DATABASE: &str = "astout.sqlite3";

/// Of a plan whose calls go over that trunk, and are made once.
pub(crate) fn over(trunk: &str) -> [(&str, &str); 3] {
    [("TechName", "Local/"), ("TrunkName", trunk), ("MaxRetry1", "1")]
}

/// A daemon beside the peer that does not run, with campaigns that are started.
pub(crate) struct Dialing {
    pub(crate) daemon: Daemon,
    pub(crate) campaigns: Vec<Campaign>,
    syncs: Syncs,
}

/// What it did in a while.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Whole calls, from their claim to their line on disk.
    pub(crate) lives: u64,
    pub(crate) syncs: u64,
    pub(crate) took: Duration,
}

impl Seen {
    pub(crate) fn lives_a_second(&self) -> f64 {
        self.lives as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn lives_a_sync(&self) -> f64 {
        self.lives as f64 / self.syncs.max(1) as f64
    }
}

impl Dialing {
    /// One with a campaign, started, for each of these weights, each with a list of its own of so many contacts.
    pub(crate) fn prepare(peer: &Peer, plan: &[(&str, &str)], weights: &[u32], contacts: u64) -> Self {
        let mut daemon = Daemon::prepared_limited(peer, CALLS_PER_SECOND, MAX_CHANNELS);
        let contexts = [ANSWERS, BUSY, RINGING];
        let policy = format!("info_enable = false\n[policy]\nlocal_contexts = {contexts:?}");
        daemon.reconfigure("info_enable = true", &policy);
        daemon
            .reconfigure("calls_per_second", &format!("max_unanswered = {MAX_UNANSWERED}\ncalls_per_second"));
        let syncs = Syncs::of(&mut daemon);
        daemon.run();
        let campaigns = create(&daemon, plan, weights);
        assert!(daemon.stop().success());
        for (campaign, list) in campaigns.iter().zip(0..) {
            fill(&daemon.path(DATABASE), &campaign.dlma, list, contacts);
        }
        let dialing = Self { daemon, campaigns, syncs };
        // All at once: of a thousand the first would have ended when the last is started.
        dialing.change("UPDATE campaign SET status = 1");
        dialing
    }

    /// Changes what is in its database, while it does not run.
    pub(crate) fn change(&self, sql: &'static str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let options = SqliteConnectOptions::new().filename(self.daemon.path(DATABASE));
            let mut conn = options.connect().await.unwrap();
            query(sql).execute(&mut conn).await.unwrap();
            query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        });
    }

    /// Starts the daemon, which goes on with the campaigns.
    pub(crate) fn go(&mut self) {
        self.daemon.run();
    }

    /// Lets it dial until there are `first` lines more, and then watches it until there are `lives` more, or for so long.
    pub(crate) fn watch(&mut self, first: u64, lives: u64, most: Duration) -> Seen {
        self.until(self.lines() + first, PATIENCE);
        let (begin, from, syncs) = (Instant::now(), self.lines(), self.syncs.count());
        self.until(from + lives, most);
        let (to, took) = (self.lines(), begin.elapsed());
        self.daemon.assert_runs();
        Seen { lives: to - from, syncs: self.syncs.count() - syncs, took }
    }

    /// Goes, is watched, and stops.
    pub(crate) fn spell(&mut self, first: u64, lives: u64, most: Duration) -> Seen {
        self.go();
        let seen = self.watch(first, lives, most);
        assert!(self.daemon.stop().success());
        seen
    }

    fn until(&self, lines: u64, most: Duration) {
        let begin = Instant::now();
        while self.lines() < lines && begin.elapsed() < most {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// How many lines the result log has.
    pub(crate) fn lines(&self) -> u64 {
        last_seq(self.daemon.results_path())
    }
}

/// They share plan and destination.
fn create(daemon: &Daemon, plan: &[(&str, &str)], weights: &[u32]) -> Vec<Campaign> {
    let mut client = daemon.client();
    client.done("Events", &[("EventMask", "off")]);
    let playback = [("Type", "1"), ("Application", "Playback"), ("Data", "demo")];
    let plan = client.create("OutPlanCreate", plan);
    let dest = client.create("OutDestinationCreate", &playback);
    let create = |weight: &u32| {
        let dlma = client.create("OutDlmaCreate", &[("Name", "bench")]);
        let weight = weight.to_string();
        let fields = [("Plan", plan.as_str()), ("Dlma", &dlma), ("Dest", &dest), ("Weight", &weight)];
        let uuid = client.create("OutCampaignCreate", &fields);
        Campaign { uuid, plan: plan.clone(), dlma, dest: dest.clone() }
    };
    weights.iter().map(create).collect()
}

/// The number of the last line, which is that of lines.
fn last_seq(log: &Path) -> u64 {
    const TAIL: u64 = 16 * 1024;
    let Ok(mut file) = File::open(log) else { return 0 };
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).unwrap();
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).unwrap();
    let tail = String::from_utf8_lossy(&tail);
    let whole = tail.rfind('\n').map_or("", |end| &tail[..end]);
    let last = whole.rsplit('\n').next().unwrap_or_default();
    serde_json::from_str(last).map_or(0, |line: Value| line["seq"].as_u64().unwrap())
}
