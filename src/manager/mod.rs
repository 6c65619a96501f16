//! The door that operators speak AMI to: who may come in, the `Out…` actions, the events, and the `out …` command lines.
//! The protocol itself is `ami`'s; what a request means for the dialer is decided behind `daemon::handle`.
//!
//! | file | subject |
//! |---|---|
//! | `session` | one task a connection, around `ami::ServerSession` |
//! | `places` | how many may be connected |
//! | `login`, `backoff`, `acl` | who gets in, from where, and how often one may be wrong |
//! | `actions` | the table of actions, and what each does |
//! | `nouns`, `names` | nouns of whichever kind: how they are read, and what messages call them |
//! | `render` | nouns and events as headers |
//! | [`command`] | the `out …` lines of `Action: Command` |
//! | [`import`] | an import on the wire, both ends of it |
//! | [`relay`] | everything that is not ours, to Asterisk and back |

mod acl;
mod actions;
mod backoff;
pub mod command;
mod explain;
pub mod import;
mod login;
mod names;
mod nouns;
mod pacing;
mod places;
pub mod relay;
mod render;
mod session;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};
use uuid::Uuid;

use self::login::Gate;
use self::places::Places;
use self::relay::Relay;
use crate::ami::builder::Limits;
use crate::ami::server_session::ServerOptions;
use crate::ami::{Account, Now, Privileges, ServerSession};
use crate::daemon::clock::Clock;
use crate::daemon::control::Control;
use crate::daemon::handle::Handle;

/// After a connection could not be accepted, as when all file descriptors are in use.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
/// What may wait for one client: a long answer beside a message of the greatest length.
const QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// What the AMI server is given to live by.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who may log in; a change holds for the logins after it. With none, nobody can.
    pub users: watch::Receiver<Arc<[User]>>,
    /// When the daemon was up, on the monotonic clock: the `Uptime` that clients are told counts from here.
    pub started: Duration,
    /// What other actions go to, and Asterisk's events come from; `None` where nothing is relayed. Not for the local door.
    pub relay: Option<Relay>,
}

/// One who may log in.
#[derive(Debug, Clone)]
pub struct User {
    /// `Username:` of the login; compared without case.
    pub name: String,
    /// What the login is checked against.
    pub secret: Secret,
    /// Classes of events that this user sees.
    pub read: Privileges,
    /// Classes of actions that this user may send.
    pub write: Privileges,
    /// Networks let in, whatever `deny` says.
    pub permit: Vec<IpNet>,
    /// Networks refused, but for those in `permit`. What is in neither is let in.
    pub deny: Vec<IpNet>,
}

/// What a login is checked against. Debug output hides it.
#[derive(Clone)]
pub enum Secret {
    /// In clear: plain and MD5 challenge logins both work.
    Plain(String),
    /// A PHC string, `$argon2id$…`: plain logins only, for a challenge needs the secret in clear.
    Argon2id(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => out.write_str("Plain(***)"),
            Self::Argon2id(_) => out.write_str("Argon2id(***)"),
        }
    }
}

/// What the sessions of one listener share.
struct Door {
    gate: Gate,
    handle: Handle,
    /// Where the daemon itself may be told something; at the local door only.
    control: Option<Control>,
    relay: Option<Relay>,
    clock: Clock,
    started: Duration,
    stop: CancellationToken,
}

impl Door {
    fn new(
        options: &Options,
        handle: Handle,
        control: Option<Control>,
        clock: Clock,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let gate = Gate::new(options.users.clone());
        // The command line's door has nothing to relay: whoever is on this machine has Asterisk's own.
        let relay = options.relay.clone().filter(|_| control.is_none());
        Arc::new(Self { gate, handle, control, relay, clock, started: options.started, stop })
    }

    /// The time as sessions take it.
    fn now(&self) -> Now {
        let now = self.clock.now();
        let unix = Duration::from_micros(now.wall.micros().max(0).unsigned_abs());
        Now { monotonic: now.mono, unix }
    }

    fn session_options(&self) -> ServerOptions {
        ServerOptions { started: self.started, max_queued_bytes: QUEUED_BYTES, ..ServerOptions::default() }
    }
}

/// Serves operators on `listener` until `stop`. Each connection is a task of `tasks`, and ends soon after `stop` too.
pub async fn serve(
    listener: TcpListener,
    options: Arc<Options>,
    handle: Handle,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let door = Door::new(&options, handle, None, clock, stop.clone());
    let places = Arc::new(Places::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                warn!(%why, "the AMI server cannot accept a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let ip = peer.ip().to_canonical();
        let Some((place, stranger)) = places.take(Some(ip)) else { continue };
        if let Err(why) = stream.set_nodelay(true) {
            debug!(%peer, %why, "gone before it was served");
            continue;
        }
        let random = Uuid::new_v4().into_bytes();
        let session = ServerSession::new(door.now(), peer.to_string(), door.session_options(), random);
        let door = Arc::clone(&door);
        tasks.spawn(async move {
            session::run(stream, session, &door, Some(ip), Some(stranger)).await;
            drop(place);
        });
    }
}

/// Serves the command line on a socket that only those can open whom its file permissions let: they may do everything,
/// and tell the daemon itself to stop.
pub async fn serve_local(
    listener: UnixListener,
    options: Arc<Options>,
    handle: Handle,
    control: Control,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let door = Door::new(&options, handle, Some(control), clock, stop.clone());
    let places = Arc::new(Places::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(why) => {
                warn!(%why, "the command line's socket cannot accept a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let Some((place, _)) = places.take(None) else { continue };
        let account = Account { name: "cli".to_owned(), read: Privileges::ALL, write: Privileges::ALL };
        let options = ServerOptions { limits: Limits::OWN, ..door.session_options() };
        let session = ServerSession::preauthenticated(door.now(), "cli", options, account);
        let door = Arc::clone(&door);
        tasks.spawn(async move {
            session::run(stream, session, &door, None, None).await;
            drop(place);
        });
    }
}
