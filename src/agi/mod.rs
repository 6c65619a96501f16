//! The door for the dialplan: `AGI(agi://127.0.0.1:4573/OutDlCreate,…)` makes a contact and sets the channel variables
//! `OUTSTATUS` and `OUTDETAIL` ([`codec`] is the protocol). The same by a UserEvent, for whoever reaches only Asterisk, is
//! [`user_event`]'s. The scripts are a table; those for agents who dial by previews are in `preview`.
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
mod preview;
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

/// What a script does.
#[derive(Debug, Clone, Copy)]
enum Does {
    CreateContact,
    PreviewNext,
    PreviewGo,
    PreviewSkip,
}

/// Every script, by the form of its call.
const SCRIPTS: [(&str, Does); 4] = [
    (contact::FORM, Does::CreateContact),
    (preview::NEXT, Does::PreviewNext),
    (preview::GO, Does::PreviewGo),
    (preview::SKIP, Does::PreviewSkip),
];

/// The script of that name.
fn script(name: &str) -> Result<Does, FieldError> {
    let is_it = |form: &str| form.split(',').next().is_some_and(|of| of.eq_ignore_ascii_case(name));
    let found = SCRIPTS.iter().find(|(form, _)| is_it(form)).map(|(_, does)| *does);
    found.ok_or_else(|| FieldError::invalid("script", name, SCRIPTS.map(|(form, _)| form).join(" | ")))
}

/// What the channel is told.
#[derive(Debug)]
struct Said {
    status: &'static str,
    detail: String,
    /// Further variables.
    more: Vec<(&'static str, String)>,
}

impl Said {
    fn ok(detail: String) -> Self {
        Self { status: "OK", detail, more: Vec::new() }
    }

    fn refused(refusal: &Refusal) -> Self {
        let status = if matches!(refusal, Refusal::NoContact(_)) { "NONE" } else { "REFUSED" };
        Self { status, detail: refusal.to_string(), more: Vec::new() }
    }

    fn failed(why: &RequestError) -> Self {
        match why {
            RequestError::Refused(refusal) => Self::refused(refusal),
            RequestError::Store(_) | RequestError::Stopping => {
                Self { status: "FAILED", detail: why.to_string(), more: Vec::new() }
            }
        }
    }
}

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
    let Said { status, detail, more } = match script(&call.script) {
        Ok(does) => carry_out(does, &call, handle).await,
        Err(wrong) => Said::refused(&wrong.into()),
    };
    if status == "OK" {
        debug!(%peer, channel = call.channel, script = call.script, detail, "FastAGI: done");
    } else {
        info!(%peer, channel = call.channel, script = call.script, status, detail, "FastAGI: not done");
    }
    for (name, value) in more {
        wire.set(name, &value).await?;
    }
    wire.set("OUTSTATUS", status).await?;
    wire.set("OUTDETAIL", &detail).await
}

async fn carry_out(does: Does, call: &Call, handle: &Handle) -> Said {
    match does {
        Does::CreateContact => match contact::fields(call) {
            Ok(fields) => create(fields, handle).await,
            Err(wrong) => Said::refused(&wrong.into()),
        },
        Does::PreviewNext => preview::next(call, handle).await,
        Does::PreviewGo => preview::go(call, handle).await,
        Does::PreviewSkip => preview::skip(call, handle).await,
    }
}

/// Makes the contact; gives what became of it.
async fn create(fields: Fields, handle: &Handle) -> Said {
    match handle.create(NounKind::Dl, fields).await {
        Ok(noun) => match noun {
            Noun::Dl(dl) => Said::ok(dl.uuid.to_string()),
            Noun::Plan(_) | Noun::Dlma(_) | Noun::Destination(_) | Noun::Campaign(_) | Noun::Dialing(_) => {
                let detail = "something else was made".to_owned();
                Said { status: "FAILED", detail, more: Vec::new() }
            }
        },
        Err(why) => Said::failed(&why),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_known_by_its_name_and_another_is_refused_with_all_forms() {
        assert!(matches!(script("outdlcreate"), Ok(Does::CreateContact)));
        assert!(matches!(script("OutPreviewGo"), Ok(Does::PreviewGo)));
        let error = script("x").unwrap_err().to_string();
        assert!(error.starts_with("script: \"x\" is not allowed; allowed: OutDlCreate,dlma"), "{error}");
        assert!(error.contains(preview::SKIP), "{error}");
    }
}
