//! Remembers: nouns, contacts, attempts and result lines in SQLite. One task writes (`writer`), a small pool
//! reads; nobody else speaks SQL.
//!
//! Whoever decides submits a [`Command`] and gets a [`Committed`] once it is synced to disk, in the order of
//! submission. Reads see committed state only.

pub mod backup;
mod batch;
mod campaign;
mod claim;
mod columns;
mod command;
mod destination;
mod dialing;
mod dl;
mod dlma;
mod ending;
mod error;
mod explain;
mod file;
mod health;
mod import;
mod next;
mod notes;
mod noun;
mod open;
pub mod original;
mod outbox;
mod pacing;
mod plan;
mod preview;
mod put_off;
mod row;
mod stat;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

pub use command::{ClaimOrder, Claimed, Command, Committed, Done, PreviewOrder};
pub use error::{Cause, StoreError};
pub use health::Health;

use self::error::Fault;
use self::health::Healthy;
use self::writer::Asked;
use crate::engine::{KeptPool, OpenDialing};
use crate::model::campaign::Campaign;
use crate::model::destination::Destination;
use crate::model::dlma::Dlma;
use crate::model::fields::Fields;
use crate::model::plan::Plan;
use crate::model::policy::Policy;
use crate::model::refusal::NounKind;
use crate::model::result::ResultOptions;
use crate::model::time::Timestamp;

/// The oldest SQLite that is taken: the WAL-reset corruption is mended from here on.
const SQLITE_AT_LEAST: &str = "3.51.3";
/// How long a lock of somebody else's is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// What the store is opened with.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite:///absolute/path` or `sqlite://relative/path`. The file is made where it is missing.
    pub url: String,
    /// What operators' fields are checked against.
    pub policy: Policy,
    /// What result lines hold.
    pub result: ResultOptions,
    /// The last line that the result log has, as far as it is known. A database that does not know of it is an older
    /// one: its campaigns are paused, for they would dial again whom they have dialled since.
    pub log_seq: i64,
}

/// An open store with what it held.
#[derive(Debug)]
pub struct Opened {
    /// The handle to it.
    pub store: Store,
    /// The answers to its commands, in commit order. It ends when the store is closed.
    pub done: mpsc::UnboundedReceiver<Committed>,
    /// What it held.
    pub recovered: Recovered,
    /// What becomes known of the database as a whole. The first word is there already.
    pub health: mpsc::UnboundedReceiver<Health>,
}

/// What the database held at the start.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// Plans in use.
    pub plans: Vec<Plan>,
    /// Dlmas in use.
    pub dlmas: Vec<Dlma>,
    /// Destinations in use.
    pub destinations: Vec<Destination>,
    /// Campaigns in use.
    pub campaigns: Vec<Campaign>,
    /// Dialings that have no end yet.
    pub open_dialings: Vec<OpenDialing>,
    /// What pacing has learnt.
    pub pools: Vec<KeptPool>,
    /// The last result line that is known to be in the result log.
    pub logged_seq: i64,
    /// The last result line that there is.
    pub last_seq: i64,
}

/// A handle to the open store; clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Store {
    path: Arc<Path>,
    readers: SqlitePool,
    writer: mpsc::UnboundedSender<writer::Message>,
    healthy: Healthy,
}

impl Store {
    /// Opens the database, migrates it, starts the writer.
    ///
    /// # Errors
    /// Where the database cannot be opened, is of a newer version, or holds what cannot be read.
    pub async fn open(options: StoreOptions) -> Result<Opened, StoreError> {
        open::open(options, BUSY_TIMEOUT).await
    }

    /// Queues a command; the answer comes with `ticket`. Never blocks. After [`Store::close`] it does nothing,
    /// and no answer comes.
    pub fn submit(&self, ticket: u64, now: Timestamp, command: Command) {
        // A closed writer has closed the channel of answers too: whoever waits there sees it.
        drop(self.writer.send(writer::Message::Command { asked: Asked::ByTicket(ticket), now, command }));
    }

    /// Queues the creation of a contact. The answer comes with no ticket, and then to whoever waits for what this gives:
    /// of the doors' requests it is the one that comes by the thousand, and is spared the way by others' threads.
    pub fn create_contact(&self, now: Timestamp, uuid: Uuid, fields: Fields) -> oneshot::Receiver<Done> {
        let (door, answer) = oneshot::channel();
        let command = Command::Create { kind: NounKind::Dl, uuid, fields };
        drop(self.writer.send(writer::Message::Command { asked: Asked::Directly(door), now, command }));
        answer
    }

    /// What the commands after this are judged by, and what their result lines hold.
    pub fn set_rules(&self, policy: Policy, result: ResultOptions) {
        drop(self.writer.send(writer::Message::Rules(Box::new((policy, result)))));
    }

    /// Ends once the writer has come to it: it turns.
    pub async fn beat(&self) {
        let (beat, answer) = oneshot::channel();
        if self.writer.send(writer::Message::Beat(beat)).is_ok() {
            // A closed writer answers nobody, and need not.
            drop(answer.await);
        }
    }

    /// Finishes what is queued, checkpoints, and closes the database, marked as closed in order. One that is
    /// [`Health::Broken`] is not touched any more.
    ///
    /// # Errors
    /// Where the checkpoint fails, or it is broken; everything that was answered is safe in the write-ahead log even then.
    pub async fn close(self) -> Result<(), StoreError> {
        let (closed, answer) = oneshot::channel();
        let sent = self.writer.send(writer::Message::Close(closed));
        self.readers.close().await;
        match sent {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(self.closed())),
            Err(_) => Err(self.closed()),
        }
    }

    fn closed(&self) -> StoreError {
        StoreError::Closed { path: self.path.to_path_buf() }
    }

    /// Says where and at what a read failed. One that takes too long is given up: as long as it lasts, the write-ahead log
    /// cannot be emptied.
    async fn reading<T>(
        &self,
        doing: &'static str,
        read: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(READ_TIMEOUT, read).await {
            Ok(read) => read.map_err(|fault| fault.into_error(&self.path, doing)),
            Err(_elapsed) => Err(StoreError::Slow { path: self.path.to_path_buf(), doing }),
        }
    }
}
