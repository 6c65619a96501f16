//! The door for the dialplan: `AGI(agi://127.0.0.1:4573/OutDlCreate,…)` makes a contact and sets the channel variables
//! `OUTSTATUS` and `OUTDETAIL` ([`codec`] is the protocol). The same by a UserEvent, for whoever reaches only Asterisk, is
//! [`user_event`]'s.
//!
//! | `OUTSTATUS` | `OUTDETAIL` | the contact |
//! |---|---|---|
//! | `OK` | its uuid | is there: committed and synced |
//! | `REFUSED` | the field, and what is allowed | is not there; the same again will be refused again |
//! | `FAILED` | why | is not there, unless that says that nobody knows; the same again may do |
//! | not set | | nobody answered: astout does not run, has no room, or the caller hung up |
//!
//! A caller who hangs up before the last argument has come has made nothing; after that his contact is made all the same.
//! Nobody logs in here: who may connect may make contacts, so the door listens on this machine.

pub mod codec;
mod contact;
pub mod user_event;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use self::codec::{Answer, Call, Lines, NoCall, Reading};
use crate::daemon::handle::{Handle, RequestError};
use crate::model::event::Noun;
use crate::model::fields::{FieldError, Fields};
use crate::model::refusal::{NounKind, Refusal};

/// Connections at once, at most. Each is a channel of Asterisk that waits.
const CONNECTIONS: usize = 200;
/// How long anything that the other side is to send may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a connection could not be accepted, as when all file descriptors are in use.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    NoCall(#[from] NoCall),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("nothing came for {PATIENCE:?}")]
    Silence,
    #[error("hung up before the call was whole")]
    HungUp,
    #[error("Asterisk did not take a variable: {0}")]
    NotTaken(String),
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, handle: Handle, tasks: TaskTracker, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut full = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                warn!(%why, "FastAGI: a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            // Closed at once: the dialplan goes on without OUTSTATUS.
            if !std::mem::replace(&mut full, true) {
                warn!("FastAGI: {CONNECTIONS} calls at once: more are turned away until some of these end");
            }
            continue;
        };
        full = false;
        let (handle, stop) = (handle.clone(), stop.clone());
        tasks.spawn(async move {
            let _place = place;
            tokio::select! {
                served = converse(stream, peer, &handle) => if let Err(why) = served {
                    warn!(%peer, "FastAGI: {why}");
                },
                () = stop.cancelled() => {}
            }
        });
    }
}

/// One call, from its variables to its answers.
async fn converse(stream: TcpStream, peer: SocketAddr, handle: &Handle) -> Result<(), Trouble> {
    stream.set_nodelay(true)?;
    let mut wire = Wire { stream, lines: Lines::default() };
    let mut reading = Reading::default();
    let call = timeout(PATIENCE, async {
        loop {
            let line = wire.line().await?.ok_or(Trouble::HungUp)?;
            if let Some(call) = reading.line(&line)? {
                return Ok::<Call, Trouble>(call);
            }
        }
    });
    let call = call.await.map_err(|_elapsed| Trouble::Silence)??;
    let (status, detail) = match contact::fields(&call) {
        Ok(fields) => create(fields, handle).await,
        Err(wrong) => refused(&wrong),
    };
    if status == "OK" {
        debug!(%peer, channel = call.channel, contact = detail, "FastAGI: a contact was made");
    } else {
        info!(%peer, channel = call.channel, status, detail, "FastAGI: no contact was made");
    }
    wire.set("OUTSTATUS", status).await?;
    wire.set("OUTDETAIL", &detail).await
}

/// Makes the contact; gives what became of it.
async fn create(fields: Fields, handle: &Handle) -> (&'static str, String) {
    match handle.create(NounKind::Dl, fields).await {
        Ok(Noun::Dl(dl)) => ("OK", dl.uuid.to_string()),
        Ok(_) => ("FAILED", "something else was made".to_owned()),
        Err(RequestError::Refused(Refusal::Field(wrong))) => refused(&wrong),
        Err(RequestError::Refused(refusal)) => ("REFUSED", refusal.to_string()),
        Err(why @ (RequestError::Store(_) | RequestError::Stopping)) => ("FAILED", why.to_string()),
    }
}

fn refused(wrong: &FieldError) -> (&'static str, String) {
    ("REFUSED", wrong.to_string())
}

/// The connection.
struct Wire {
    stream: TcpStream,
    lines: Lines,
}

impl Wire {
    /// The next line; `None` where the other side has closed.
    async fn line(&mut self) -> Result<Option<String>, Trouble> {
        let mut part = [0; 4096];
        loop {
            if let Some(line) = self.lines.next_line()? {
                return Ok(Some(line));
            }
            match self.stream.read(&mut part).await? {
                0 => return Ok(None),
                count => self.lines.extend(&part[..count]),
            }
        }
    }

    /// Sets a channel variable. Nobody is told who has hung up.
    async fn set(&mut self, name: &str, value: &str) -> Result<(), Trouble> {
        let conversation = async {
            self.stream.write_all(codec::set_variable(name, value).as_bytes()).await?;
            while let Some(line) = self.line().await? {
                match codec::answer(&line) {
                    Some(Answer::Done) => return Ok(()),
                    Some(Answer::Refused) => return Err(Trouble::NotTaken(line)),
                    Some(Answer::Hangup) | None => {}
                }
            }
            debug!(name, "FastAGI: the caller has hung up");
            Ok(())
        };
        timeout(PATIENCE, conversation).await.map_err(|_elapsed| Trouble::Silence)?
    }
}
