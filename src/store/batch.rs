//! What a batch of commands is made of: which of them stand together and go into one statement a table, and what each is
//! carried out by.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use super::command::{ClaimOrder, Command, Done};
use super::dl::{self, NewContact};
use super::error::Fault;
use super::notes::{Note, Notes, Withdrawn};
use super::outbox::{self, Numbering};
use super::writer::{Queued, Rules};
use super::{campaign, claim, ending, import, noun, pacing, preview};
use crate::model::dialing::Ending;
use crate::model::dl::Dl;
use crate::model::event::{Change, Noun};
use crate::model::ids::DialingUuid;
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Timestamp;

/// Carries out commands in one transaction, in their order; an answer for each, or what was being done when it failed.
pub(super) async fn carry_out(
    conn: &mut SqliteConnection,
    rules: &Rules,
    batch: &[Queued],
) -> Result<Vec<Done>, (&'static str, Fault)> {
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
            create(conn, rules, &contacts).await
        } else if ends > 0 {
            finish(conn, rules, &mut numbering, &rest[..ends]).await
        } else if claims > 0 {
            claim(conn, &rest[..claims]).await
        } else {
            match apply(conn, rules, queued.now, &queued.command).await {
                Err(Fault::Refused(refusal)) => Ok(vec![Done::Refused(refusal)]),
                answer => answer.map(|answer| vec![answer]),
            }
        };
        let answers = answers.map_err(|fault| (doing(&queued.command), fault))?;
        rest = &rest[answers.len()..];
        done.extend(answers);
    }
    numbering.write(conn).await.map_err(|fault| ("numbering result lines", fault))?;
    Ok(done)
}

/// Where all of them are new contacts that one statement takes, that is a transaction by itself, which spares three trips
/// to SQLite's thread; `None` where they are not.
pub(super) async fn at_once(
    conn: &mut SqliteConnection,
    rules: &Rules,
    batch: &[Queued],
) -> Result<Option<Vec<Done>>, (&'static str, Fault)> {
    let Some(contacts) = batch.iter().map(new_contact).collect::<Option<Vec<_>>>() else { return Ok(None) };
    if !dl::fit_a_statement(&contacts) {
        return Ok(None);
    }
    let made = dl::create_at_once(conn, rules, &contacts).await.map_err(|fault| ("creating", fault))?;
    Ok(made.map(|made| made.into_iter().map(|dl| created(Ok(dl))).collect()))
}

pub(super) fn is_a_claim(done: &Done) -> bool {
    matches!(done, Done::Claimed(claimed) if !claimed.dialings.is_empty())
}

pub(super) fn is_an_end(done: &Done) -> bool {
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
        | Command::Preview(_)
        | Command::Progress(..)
        | Command::Withdraw(_)
        | Command::KeepPool(_)
        | Command::Finish(_)
        | Command::Logged { .. } => None,
    }
}

pub(super) fn is_of_a_call(command: &Command) -> bool {
    match command {
        Command::Claim(_) | Command::Progress(..) | Command::Finish(_) | Command::Logged { .. } => true,
        Command::Create { .. }
        | Command::Update { .. }
        | Command::Delete { .. }
        | Command::Transition { .. }
        | Command::Import(_)
        | Command::KeepPool(_)
        | Command::Preview(_)
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
        | Command::Preview(_)
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
            | Command::Preview(_)
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
        | Command::Claim(_)
        | Command::Preview(_) => false,
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
        Command::Preview(order) => preview::carry_out(conn, now, order).await,
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
        Command::Preview(_) => "keeping a contact for an agent",
        Command::Progress(..) => "noting a dialing's progress",
        Command::KeepPool(_) => "keeping what pacing has learnt",
        Command::Withdraw(_) => "noting that a dialing is withdrawn",
        Command::Finish(_) => "ending a dialing",
        Command::Logged { .. } => "noting the result log's position",
    }
}
