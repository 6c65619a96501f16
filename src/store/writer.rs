//! The writer: the one task that changes the database.
//!
//! Commands queue up without bound and are taken in their order. What is queued when the writer is idle is committed
//! at once; what queues up during a commit goes together into the next one, up to [`MAX_BATCH`]; of these, contacts that
//! are created one behind the other share their statements. The rows of an import go alone. A command that fails
//! in company is not let to undo the others: the batch is rolled back and each gets a transaction of its own. A
//! transaction is never cancelled half way, for the task is never aborted.

use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection, query};
use tokio::runtime::{self, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::batch;
use super::command::{Command, Committed, Done};
use super::error::{Fault, StoreError};
use super::file::{self, OpenFiles};
use super::health::{self, Health, Healthy};
use crate::crash::{self, Point};
use crate::model::import::Step;
use crate::model::policy::Policy;
use crate::model::result::ResultOptions;
use crate::model::time::Timestamp;

/// The most commands in one transaction: so many that a busy daemon syncs seldom, so few that it takes a tenth of a second.
pub(super) const MAX_BATCH: usize = 1024;
/// While calls are written all the time, so few commands of theirs wait for others for so long: a transaction costs as
/// much as some ten commands in it. What anybody waits for is not kept waiting.
const FEW: usize = 32;
const GATHER: Duration = Duration::from_millis(8);
const ALL_THE_TIME: Duration = Duration::from_millis(25);
/// How often the files are looked at where nothing is to be written.
const TICK: Duration = Duration::from_secs(1);
/// After so many of them without a command the write-ahead log is emptied into the database.
const IDLE_TICKS: u32 = 2;

/// What the handles send.
#[derive(Debug)]
pub(super) enum Message {
    Command {
        asked: Asked,
        now: Timestamp,
        command: Command,
    },
    /// What commands behind this are judged by.
    Rules(Box<(Policy, ResultOptions)>),
    /// Somebody asks whether the writer turns.
    Beat(oneshot::Sender<()>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

impl Message {
    /// Whether it takes so long that whoever else waits is not to wait for its commit: it is committed alone.
    fn is_long(&self) -> bool {
        matches!(self, Self::Command { command: Command::Import(step), .. } if matches!(**step, Step::Rows(_)))
    }
}

/// Who waits for the answer.
#[derive(Debug)]
pub(super) enum Asked {
    /// Whoever hears all answers, by this ticket.
    ByTicket(u64),
    /// A door; whoever hears all answers hears this one first.
    Directly(oneshot::Sender<Done>),
}

/// What commands are judged by.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) path: PathBuf,
    pub(super) policy: Policy,
    pub(super) result: ResultOptions,
}

pub(super) struct Queued {
    asked: Asked,
    pub(super) now: Timestamp,
    pub(super) command: Command,
}

pub(super) struct Writer {
    pub(super) conn: SqliteConnection,
    /// How long a lock of somebody else's is waited for.
    pub(super) busy_timeout: Duration,
    pub(super) rules: Rules,
    pub(super) files: OpenFiles,
    pub(super) healthy: Healthy,
    /// Why nothing more is written.
    pub(super) broken: Option<StoreError>,
    pub(super) queue: mpsc::UnboundedReceiver<Message>,
    pub(super) done: mpsc::UnboundedSender<Committed>,
}

impl Writer {
    /// Has it work on a thread of its own where the runtime has several: there each answer of SQLite's would wake two of
    /// them, one that takes it up, and one to see whether there is more.
    pub(super) fn start(self) -> io::Result<()> {
        if runtime::Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
            // Who shares a thread with all others waits for them anyhow.
            tokio::spawn(self.run(Duration::ZERO));
            return Ok(());
        }
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        thread::Builder::new().name("writer".to_owned()).spawn(move || runtime.block_on(self.run(GATHER)))?;
        Ok(())
    }

    /// Works until it is closed, or no handle is left. A few commands of calls wait so long for others.
    async fn run(mut self, gather: Duration) {
        let mut closing = None;
        let mut rules = None;
        // Came behind what is to be committed before it.
        let mut kept = None;
        // Since when nothing was written, where something was since the write-ahead log was emptied.
        let mut idle = None;
        let mut written: Option<Instant> = None;
        while closing.is_none() {
            let received = match kept.take() {
                Some(message) => Ok(Some(message)),
                None => tokio::time::timeout(TICK, self.queue.recv()).await,
            };
            let first = match received {
                Ok(Some(first)) => first,
                Ok(None) => break,
                Err(_idle) => {
                    self.look().await;
                    idle = idle.map(|ticks| ticks + 1);
                    if idle.is_some_and(|ticks| ticks >= IDLE_TICKS) {
                        self.empty_log().await;
                        idle = None;
                    }
                    continue;
                }
            };
            let mut batch = Vec::new();
            let mut next = Some(first);
            let mut gathers = !gather.is_zero() && written.is_some_and(|at| at.elapsed() < ALL_THE_TIME);
            while let Some(message) = next {
                let is_long = message.is_long();
                if is_long && !batch.is_empty() {
                    kept = Some(message);
                    break;
                }
                match message {
                    Message::Command { asked, now, command } => {
                        gathers &= batch::is_of_a_call(&command);
                        batch.push(Queued { asked, now, command });
                    }
                    Message::Rules(new) => {
                        rules = Some(new);
                        break;
                    }
                    // Whoever asked may have stopped waiting.
                    Message::Beat(beat) => drop(beat.send(())),
                    Message::Close(closed) => {
                        closing = Some(closed);
                        break;
                    }
                }
                next = if batch.len() < MAX_BATCH && !is_long { self.queue.try_recv().ok() } else { None };
                if next.is_none() && gathers && batch.len() < FEW && !is_long {
                    gathers = false;
                    tokio::time::sleep(gather).await;
                    next = self.queue.try_recv().ok();
                }
            }
            if !batch.is_empty() {
                idle = Some(0);
                self.write(batch).await;
                written = Some(Instant::now());
            }
            if let Some(new) = rules.take() {
                (self.rules.policy, self.rules.result) = *new;
            }
        }
        self.queue.close();
        let closed = self.close().await;
        if let Some(closing) = closing {
            // Whoever asked may have stopped waiting.
            drop(closing.send(closed));
        }
    }

    async fn close(mut self) -> Result<(), StoreError> {
        self.look().await;
        if let Some(broken) = self.broken {
            // To close it is to sync what could not be synced, which would seem to work now. It ends with the process.
            std::mem::forget(self.conn);
            return Err(broken);
        }
        let path = self.rules.path.clone();
        let failed = |fault: Fault| fault.into_error(&path, "closing");
        let marked = if self.healthy.is_whole() { health::mark(&mut self.conn, true).await } else { Ok(()) };
        self.empty_log().await;
        if let Some(broken) = self.broken {
            std::mem::forget(self.conn);
            return Err(broken);
        }
        let closed = self.conn.close().await;
        marked.and(closed.map_err(Fault::from)).map_err(failed)
    }

    /// Looks at the files.
    async fn look(&mut self) {
        self.files.watch_log();
        if self.broken.is_none() && !self.files.are_there() {
            let error = self.replaced().await;
            self.break_off(&error);
        }
    }

    /// The name leads elsewhere: what it held would be gone with this process.
    async fn replaced(&mut self) -> StoreError {
        let path = self.rules.path.clone();
        let rescued = file::beside(&path, ".rescued");
        let copied = file::copy(&mut self.conn, &path, &rescued).await;
        if let Err(why) = &copied {
            tracing::warn!(%why, "what the database held cannot be saved");
        }
        StoreError::Replaced { path, rescued: copied.is_ok().then_some(rescued) }
    }

    /// Nothing more is written, and this is why.
    fn break_off(&mut self, error: &StoreError) {
        if self.broken.is_none() {
            self.broken = Some(error.clone());
            self.healthy.tell(Health::Broken(error.clone()));
        }
    }

    async fn write(&mut self, batch: Vec<Queued>) {
        match self.transact(&batch).await {
            Ok(done) => self.answer(batch, done),
            Err(error) if error.is_of_the_file() || batch.len() == 1 => self.fail(batch, &error),
            Err(_of_one_command) => {
                let mut rest = batch.into_iter();
                while let Some(alone) = rest.next() {
                    let alone = [alone];
                    match self.transact(&alone).await {
                        Ok(done) => self.answer(alone, done),
                        Err(error) if error.is_of_the_file() => {
                            return self.fail(alone.into_iter().chain(rest), &error);
                        }
                        Err(error) => self.fail(alone, &error),
                    }
                }
            }
        }
    }

    /// Runs the commands in one transaction, or none of them.
    async fn transact(&mut self, batch: &[Queued]) -> Result<Vec<Done>, StoreError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        match self.try_transact(batch).await {
            Ok(done) => {
                // Before anybody is told that it is kept.
                self.look().await;
                self.broken.clone().map_or(Ok(done), Err)
            }
            Err((doing, fault)) => {
                let error = fault.into_error(&self.rules.path, doing);
                if error.is_final() {
                    self.break_off(&error);
                    return Err(error);
                }
                // SQLite has rolled back by itself after some errors, a full disk among them, and says so here.
                drop(query("ROLLBACK").execute(&mut self.conn).await);
                Err(error)
            }
        }
    }

    /// sqlx's own `Transaction` is not used: it miscounts its depth when SQLite rolls back by itself, and then
    /// refuses every later one.
    async fn try_transact(&mut self, batch: &[Queued]) -> Result<Vec<Done>, (&'static str, Fault)> {
        let conn = &mut self.conn;
        if let Some(done) = batch::at_once(conn, &self.rules, batch).await? {
            return Ok(done);
        }
        let at = |doing| move |error: sqlx::Error| (doing, Fault::from(error));
        query("BEGIN IMMEDIATE").execute(&mut *conn).await.map_err(at("beginning to write"))?;
        let done = batch::carry_out(conn, &self.rules, batch).await?;
        let (claims, ends) = (done.iter().any(batch::is_a_claim), done.iter().any(batch::is_an_end));
        crash::at_if(Point::BeforeClaimCommit, || claims);
        crash::at_if(Point::BeforeEndCommit, || ends);
        query("COMMIT").execute(&mut *conn).await.map_err(at("committing"))?;
        crash::at_if(Point::AfterClaimCommit, || claims);
        crash::at_if(Point::AfterEndCommit, || ends);
        Ok(done)
    }

    fn answer(&self, batch: impl IntoIterator<Item = Queued>, done: impl IntoIterator<Item = Done>) {
        for (queued, done) in batch.into_iter().zip(done) {
            let (ticket, door) = match queued.asked {
                Asked::ByTicket(ticket) => (Some(ticket), None),
                Asked::Directly(door) => (None, Some((door, done.clone()))),
            };
            // Nobody listens any more while stopping; what is committed stays so.
            drop(self.done.send(Committed { ticket, done }));
            if let Some((door, done)) = door {
                drop(door.send(done));
            }
        }
    }

    fn fail(&self, batch: impl IntoIterator<Item = Queued>, error: &StoreError) {
        // Whoever asked tells it, once.
        tracing::debug!("not written: {error}");
        self.answer(batch, std::iter::repeat_with(|| Done::Failed(error.clone())));
    }

    /// Empties the write-ahead log into the database, unless a reader is in the way: none is waited for.
    async fn empty_log(&mut self) {
        if self.broken.is_some() {
            return;
        }
        let emptied = async {
            query("PRAGMA busy_timeout = 0").execute(&mut self.conn).await?;
            let emptied = query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.conn).await;
            query(AssertSqlSafe(format!("PRAGMA busy_timeout = {}", self.busy_timeout.as_millis())))
                .execute(&mut self.conn)
                .await?;
            emptied
        };
        if let Err(error) = emptied.await {
            let error = Fault::Sql(error).into_error(&self.rules.path, "emptying the write-ahead log");
            tracing::warn!("{error}");
            if error.is_final() {
                self.break_off(&error);
            }
        }
    }
}
