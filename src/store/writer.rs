//! The writer: the one task that changes the database.
//!
//! Commands queue up without bound and are taken in their order. What is queued when the writer is idle is committed
//! at once; what queues up during a commit goes together into the next one, up to [`MAX_BATCH`]; of these, contacts that
//! are created one behind the other share their statements. The rows of an import go alone. A command that fails
//! in company is not let to undo the others: the batch is rolled back and each gets a transaction of its own. A
//! transaction is never cancelled half way, for the task is never aborted.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection, query};
use tokio::runtime::{self, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::command::{ClaimOrder, Command, Committed, Done};
use super::dl::{self, NewContact};
use super::error::{Fault, StoreError};
use super::file::{self, OpenFiles};
use super::health::{self, Health, Healthy};
use super::notes::{Note, Notes, Withdrawn};
use super::outbox::{self, Numbering};
use super::{campaign, claim, ending, import, noun, pacing};
use crate::crash::{self, Point};
use crate::model::dialing::Ending;
use crate::model::dl::Dl;
use crate::model::event::{Change, Noun};
use crate::model::ids::DialingUuid;
use crate::model::import::Step;
use crate::model::policy::Policy;
use crate::model::refusal::{NounKind, Refusal};
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

struct Queued {
    asked: Asked,
    now: Timestamp,
    command: Command,
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
                        gathers &= is_of_a_call(&command);
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
        if let Some(contacts) = batch.iter().map(new_contact).collect::<Option<Vec<_>>>()
            && dl::fit_a_statement(&contacts)
            && let Some(made) =
                dl::create_at_once(conn, &self.rules, &contacts).await.map_err(|fault| ("creating", fault))?
        {
            // The statement was a transaction by itself, which spares three trips to SQLite's thread.
            return Ok(made.into_iter().map(|dl| created(Ok(dl))).collect());
        }
        let at = |doing| move |error: sqlx::Error| (doing, Fault::from(error));
        query("BEGIN IMMEDIATE").execute(&mut *conn).await.map_err(at("beginning to write"))?;
        // Notes are of dialings that earlier transactions have made, and an end writes over them: they may go first.
        let noted = notes(batch).write(conn).await;
        noted.map_err(|fault| ("noting how far dialings are", fault))?;
        let mut numbering = Numbering::default();
        let mut done = Vec::with_capacity(batch.len());
        // What stands together and goes into one statement a table, goes so: new contacts, ends, and claims.
        let mut rest = batch;
        while let Some(queued) = rest.first() {
            let contacts: Vec<_> = rest.iter().map_while(new_contact).collect();
            let ends = rest.iter().take_while(|queued| goes_with_ends(queued)).count();
            let claims = claim::together(rest.iter().map_while(claim_order));
            let answers = if !contacts.is_empty() {
                create(conn, &self.rules, &contacts).await
            } else if ends > 0 {
                finish(conn, &self.rules, &mut numbering, &rest[..ends]).await
            } else if claims > 0 {
                claim(conn, &rest[..claims]).await
            } else {
                match apply(conn, &self.rules, queued.now, &queued.command).await {
                    Err(Fault::Refused(refusal)) => Ok(vec![Done::Refused(refusal)]),
                    answer => answer.map(|answer| vec![answer]),
                }
            };
            let answers = answers.map_err(|fault| (doing(&queued.command), fault))?;
            rest = &rest[answers.len()..];
            done.extend(answers);
        }
        numbering.write(conn).await.map_err(|fault| ("numbering result lines", fault))?;
        let (claims, ends) = (done.iter().any(is_a_claim), done.iter().any(is_an_end));
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

fn is_a_claim(done: &Done) -> bool {
    matches!(done, Done::Claimed(claimed) if !claimed.dialings.is_empty())
}

fn is_an_end(done: &Done) -> bool {
    matches!(done, Done::Finished { .. })
}

fn new_contact(queued: &Queued) -> Option<NewContact<'_>> {
    match &queued.command {
        Command::Create { kind: NounKind::Dl, uuid, fields } => {
            Some(NewContact { now: queued.now, uuid: *uuid, fields })
        }
        Command::Create { .. }
        | Command::Update { .. }
        | Command::Delete { .. }
        | Command::Transition { .. }
        | Command::Import(_)
        | Command::Claim(_)
        | Command::Progress(..)
        | Command::Withdraw(_)
        | Command::KeepPool(_)
        | Command::Finish(_)
        | Command::Logged { .. } => None,
    }
}

fn is_of_a_call(command: &Command) -> bool {
    match command {
        Command::Claim(_) | Command::Progress(..) | Command::Finish(_) | Command::Logged { .. } => true,
        Command::Create { .. }
        | Command::Update { .. }
        | Command::Delete { .. }
        | Command::Transition { .. }
        | Command::Import(_)
        | Command::KeepPool(_)
        | Command::Withdraw(_) => false,
    }
}

fn claim_order(queued: &Queued) -> Option<&ClaimOrder> {
    match &queued.command {
        Command::Claim(order) => Some(order),
        Command::Create { .. }
        | Command::Update { .. }
        | Command::Delete { .. }
        | Command::Transition { .. }
        | Command::Import(_)
        | Command::Progress(..)
        | Command::Withdraw(_)
        | Command::KeepPool(_)
        | Command::Finish(_)
        | Command::Logged { .. } => None,
    }
}

/// What the batch notes; of progress what it does not write over itself.
fn notes(batch: &[Queued]) -> Notes<'_> {
    let mut written: HashSet<DialingUuid> = HashSet::new();
    let mut notes = Notes::default();
    for queued in batch.iter().rev() {
        match &queued.command {
            Command::Progress(dialing, progress) => {
                if written.insert(*dialing) {
                    notes.progress.push(Note { uuid: *dialing, progress });
                }
            }
            Command::Withdraw(dialing) => notes.withdrawn.push(Withdrawn { uuid: *dialing }),
            Command::Finish(ending) => {
                written.insert(ending.dialing.attempt.uuid);
            }
            Command::Create { .. }
            | Command::Update { .. }
            | Command::Delete { .. }
            | Command::Transition { .. }
            | Command::Import(_)
            | Command::Claim(_)
            | Command::KeepPool(_)
            | Command::Logged { .. } => {}
        }
    }
    notes
}

/// Whether it is an end, or so far from anything that ends meet that it may stand among them.
fn goes_with_ends(queued: &Queued) -> bool {
    match queued.command {
        Command::Finish(_) | Command::Progress(..) | Command::Withdraw(_) | Command::Logged { .. } => true,
        Command::Create { .. }
        | Command::Update { .. }
        | Command::Delete { .. }
        | Command::Transition { .. }
        | Command::Import(_)
        | Command::KeepPool(_)
        | Command::Claim(_) => false,
    }
}

/// Writes new contacts; an answer for each.
async fn create(
    conn: &mut SqliteConnection,
    rules: &Rules,
    contacts: &[NewContact<'_>],
) -> Result<Vec<Done>, Fault> {
    Ok(dl::create_all(conn, rules, contacts).await?.into_iter().map(created).collect())
}

fn created(made: Result<Dl, Refusal>) -> Done {
    match made {
        Ok(dl) => Done::Stored { change: Change::Create, noun: Noun::Dl(dl) },
        Err(refusal) => Done::Refused(refusal),
    }
}

/// Carries out claims; an answer for each.
async fn claim(conn: &mut SqliteConnection, commands: &[Queued]) -> Result<Vec<Done>, Fault> {
    let orders = commands.iter().filter_map(|queued| Some((queued.now, claim_order(queued)?)));
    let claimed = claim::claim(conn, &orders.collect::<Vec<_>>()).await?;
    Ok(claimed.into_iter().map(Done::Claimed).collect())
}

/// Writes the ends, and how far the log is, of commands that go with ends; an answer for each.
async fn finish(
    conn: &mut SqliteConnection,
    rules: &Rules,
    numbering: &mut Numbering,
    commands: &[Queued],
) -> Result<Vec<Done>, Fault> {
    let mut endings: Vec<&Ending> = Vec::new();
    let mut logged = None;
    for queued in commands {
        match &queued.command {
            Command::Finish(ending) => endings.push(ending),
            Command::Logged { seq } => logged = logged.max(Some(*seq)),
            // The rest is notes, which are written with those of the whole transaction.
            _ => {}
        }
    }
    let mut ended = Vec::new();
    if !endings.is_empty() {
        ended = ending::finish(conn, rules.result, numbering, &endings).await?;
    }
    if let Some(seq) = logged {
        outbox::logged(conn, seq).await?;
    }
    let mut ended = ended.into_iter();
    let answer = |queued: &Queued| match queued.command {
        Command::Finish(_) => ended.next().unwrap_or(Done::AlreadyFinished),
        _ => Done::Noted,
    };
    Ok(commands.iter().map(answer).collect())
}

/// A refusal comes before the first write, so it leaves nothing to undo.
async fn apply(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    command: &Command,
) -> Result<Done, Fault> {
    match command {
        Command::Create { kind, uuid, fields } => {
            noun::create(conn, rules, now, (*kind, *uuid), fields).await
        }
        Command::Update { kind, fields } => noun::update(conn, rules, now, *kind, fields).await,
        Command::Delete { kind, fields } => noun::delete(conn, now, *kind, fields).await,
        Command::Transition { campaign, from, to } => {
            campaign::transition(conn, now, *campaign, *from, *to).await
        }
        Command::Import(step) => import::step(conn, rules, now, step).await.map(Done::Imported),
        Command::KeepPool(pool) => pacing::keep(conn, now, pool).await,
        // Written with the others of the transaction.
        Command::Claim(_)
        | Command::Progress(..)
        | Command::Withdraw(_)
        | Command::Finish(_)
        | Command::Logged { .. } => Ok(Done::Noted),
    }
}

fn doing(command: &Command) -> &'static str {
    match command {
        Command::Create { .. } => "creating",
        Command::Update { .. } => "updating",
        Command::Delete { .. } => "deleting",
        Command::Transition { .. } => "moving a campaign on",
        Command::Import(_) => "importing contacts",
        Command::Claim(_) => "claiming contacts",
        Command::Progress(..) => "noting a dialing's progress",
        Command::KeepPool(_) => "keeping what pacing has learnt",
        Command::Withdraw(_) => "noting that a dialing is withdrawn",
        Command::Finish(_) => "ending a dialing",
        Command::Logged { .. } => "noting the result log's position",
    }
}
