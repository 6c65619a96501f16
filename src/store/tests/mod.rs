//! Contract tests: every query of the room against a real database file.

mod claims;
mod counters;
mod ends;
mod held;
mod imports;
mod next;
mod nouns;
mod opening;
mod preview;
mod put_off;
mod schedule;
mod writing;

use crate::model::dialing::{Attempt, Progress};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row, SqliteConnection, query};
use tempfile::TempDir;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;
use crate::model::codes::{CampaignStatus, DialResult, DialingStatus, Outcome};
use crate::model::dialing::{Capsule, Dialing, Ending, NextTry};
use crate::model::dl::Dl;
use crate::model::event::Noun;
use crate::model::fields::Fields;
use crate::model::history::History;
use crate::model::ids::{CampaignUuid, CapsuleUuid, DialingUuid, DlUuid};
use crate::model::refusal::{NounKind, Refusal};

/// A store in a directory of its own, and its one client.
struct Lab {
    directory: TempDir,
    store: Store,
    done: mpsc::UnboundedReceiver<Committed>,
    recovered: Recovered,
    health: mpsc::UnboundedReceiver<Health>,
    now: Timestamp,
    tickets: u64,
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().copied().collect()
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

async fn opened(directory: TempDir) -> Lab {
    let url = format!("sqlite://{}", directory.path().join("astout.sqlite3").display());
    let options =
        StoreOptions { url, policy: Policy::default(), result: ResultOptions::default(), log_seq: 0 };
    let Opened { store, done, recovered, health } =
        open::open(options, Duration::from_millis(50)).await.unwrap();
    Lab { directory, store, done, recovered, health, now: seconds(0), tickets: 0 }
}

async fn lab() -> Lab {
    opened(tempfile::tempdir().unwrap()).await
}

impl Lab {
    async fn reopened(self) -> Lab {
        self.store.close().await.unwrap();
        opened(self.directory).await
    }

    /// Whether nothing is said against it.
    fn healthy_at_once(&self) -> bool {
        self.health.is_empty()
    }

    /// A connection of somebody else's: people's own SQL, and looks behind the scenes.
    async fn foreign(&self) -> SqliteConnection {
        let path = self.directory.path().join("astout.sqlite3");
        SqliteConnectOptions::new().filename(path).connect().await.unwrap()
    }

    async fn sql(&self, sql: &'static str) -> Result<u64, String> {
        query(sql)
            .execute(&mut self.foreign().await)
            .await
            .map(|done| done.rows_affected())
            .map_err(|error| error.to_string())
    }

    async fn number(&self, sql: &'static str) -> i64 {
        query(sql).fetch_one(&mut self.foreign().await).await.unwrap().try_get(0).unwrap()
    }

    fn submit(&mut self, command: Command) -> u64 {
        self.tickets += 1;
        self.store.submit(self.tickets, self.now, command);
        self.tickets
    }

    async fn next(&mut self) -> Committed {
        tokio::time::timeout(Duration::from_secs(30), self.done.recv()).await.unwrap().unwrap()
    }

    async fn run(&mut self, command: Command) -> Done {
        let ticket = self.submit(command);
        let committed = self.next().await;
        assert_eq!(committed.ticket, Some(ticket));
        committed.done
    }

    async fn create(&mut self, kind: NounKind, pairs: &[(&str, &str)]) -> Result<Noun, Refusal> {
        stored(self.run(Command::Create { kind, uuid: Uuid::new_v4(), fields: fields(pairs) }).await)
    }

    async fn update(&mut self, kind: NounKind, pairs: &[(&str, &str)]) -> Result<Noun, Refusal> {
        stored(self.run(Command::Update { kind, fields: fields(pairs) }).await)
    }

    async fn delete(&mut self, kind: NounKind, uuid: &str) -> Result<Noun, Refusal> {
        stored(self.run(Command::Delete { kind, fields: fields(&[("Uuid", uuid)]) }).await)
    }

    /// A started campaign with the given plan on a list of its own.
    async fn campaign(&mut self, plan: &[(&str, &str)]) -> Arc<Capsule> {
        let mut plan = plan.to_vec();
        plan.push(("TechName", "PJSIP"));
        let plan = uuid_of(&self.create(NounKind::Plan, &plan).await.unwrap());
        let dlma = uuid_of(&self.create(NounKind::Dlma, &[("Name", "list")]).await.unwrap());
        let dest = [("Exten", "100"), ("Context", "in")];
        let dest = uuid_of(&self.create(NounKind::Destination, &dest).await.unwrap());
        self.campaign_of(&plan, &dlma, &dest).await
    }

    async fn campaign_of(&mut self, plan: &str, dlma: &str, dest: &str) -> Arc<Capsule> {
        let parts = [("Name", "spring"), ("Plan", plan), ("Dlma", dlma), ("Dest", dest)];
        let uuid = uuid_of(&self.create(NounKind::Campaign, &parts).await.unwrap());
        self.update(NounKind::Campaign, &[("Uuid", &uuid), ("Status", "1")]).await.unwrap();
        let (from, to) = (CampaignStatus::Starting, CampaignStatus::Start);
        let campaign = uuid.parse().unwrap();
        let moved = self.run(Command::Transition { campaign, from, to }).await;
        assert!(matches!(moved, Done::Moved { .. }), "{moved:?}");
        self.capsule(campaign).await
    }

    /// The campaign and its parts as they are now.
    async fn capsule(&self, campaign: CampaignUuid) -> Arc<Capsule> {
        let campaign = self.store.campaign(campaign).await.unwrap().unwrap();
        Arc::new(Capsule {
            uuid: CapsuleUuid::new(Uuid::new_v4()),
            plan: self.store.plan(campaign.plan.unwrap()).await.unwrap().unwrap(),
            dlma: self.store.dlma(campaign.dlma.unwrap()).await.unwrap().unwrap(),
            destination: self.store.destination(campaign.dest.unwrap()).await.unwrap().unwrap(),
            failovers: Vec::new(),
            campaign,
        })
    }

    async fn contact(&mut self, capsule: &Capsule, numbers: &[(&str, &str)]) -> DlUuid {
        let list = capsule.dlma.uuid.to_string();
        let mut pairs = numbers.to_vec();
        pairs.push(("DlmaUuid", &list));
        uuid_of(&self.create(NounKind::Dl, &pairs).await.unwrap()).parse().unwrap()
    }

    async fn claim(&mut self, capsule: &Arc<Capsule>, count: usize) -> Claimed {
        match self.run(order(capsule, count)).await {
            Done::Claimed(claimed) => claimed,
            other => panic!("{other:?}"),
        }
    }

    async fn claim_one(&mut self, capsule: &Arc<Capsule>) -> Arc<Attempt> {
        let claimed = self.claim(capsule, 1).await;
        Arc::clone(&claimed.dialings.first().expect("a contact is due").0)
    }

    /// Ends the attempt now.
    async fn finish(&mut self, attempt: &Arc<Attempt>, outcome: Outcome) -> (Dl, i64, String) {
        match self.run(ending(attempt, outcome, self.now)).await {
            Done::Finished { dl, seq, line } => (dl, seq, line),
            other => panic!("{other:?}"),
        }
    }
}

fn order(capsule: &Arc<Capsule>, count: usize) -> Command {
    let ids = (0..count).map(|_| (DialingUuid::new(Uuid::now_v7()), Uuid::new_v4())).collect();
    Command::Claim(ClaimOrder {
        campaign: capsule.campaign.uuid,
        capsule: Arc::clone(capsule),
        epoch: "e1".into(),
        ids,
    })
}

fn ending(attempt: &Arc<Attempt>, outcome: Outcome, tm_end: Timestamp) -> Command {
    let res_dial = match outcome {
        Outcome::Answered => DialResult::Answered,
        Outcome::Busy => DialResult::Busy,
        _ => DialResult::None,
    };
    let progress = Progress { status: DialingStatus::Hangup, res_dial, ..Progress::default() };
    let dialing = Dialing { attempt: Arc::clone(attempt), progress };
    let fault = outcome == Outcome::Congestion;
    Command::Finish(Box::new(Ending {
        dialing,
        outcome,
        fault,
        next_try: NextTry::AfterDelay,
        tm_end,
        history: History::default(),
    }))
}

fn stored(done: Done) -> Result<Noun, Refusal> {
    match done {
        Done::Stored { noun, .. } => Ok(noun),
        Done::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn uuid_of(noun: &Noun) -> String {
    match noun {
        Noun::Plan(plan) => plan.uuid.to_string(),
        Noun::Dlma(dlma) => dlma.uuid.to_string(),
        Noun::Destination(destination) => destination.uuid.to_string(),
        Noun::Dl(dl) => dl.uuid.to_string(),
        Noun::Campaign(campaign) => campaign.uuid.to_string(),
        Noun::Dialing(dialing) => dialing.attempt.uuid.to_string(),
    }
}
