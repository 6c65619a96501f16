//! Wires the rooms together: what each gets of the configuration, the order of the start, and that of the stop.
//!
//! Start: the lock, the database, the result log with what a crash left unwritten, Asterisk, the driver, the doors,
//! `ready`. Stop: the doors take nothing more and dialing ends, the driver settles what is half done, the connection
//! logs off, the database is closed. Calls that are up stay up.

mod lock;
mod options;
mod watchdog;

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::agi;
use crate::asterisk;
use crate::config::{self, Config, OrphanPolicy};
use crate::crash::{self, Point};
use crate::daemon::clock::Clock;
use crate::daemon::control::{Control, Manner, Reloaded, Stop};
use crate::daemon::dialplan;
use crate::daemon::driver::{self, Broken, Parts};
use crate::daemon::handle::Handle;
use crate::disk;
use crate::engine::{Engine, Records};
use crate::manager;
use crate::manager::relay::Relay;
use crate::model::ids::Ids;
use crate::model::policy::Policy;
use crate::result_log::{LogError, LogWriter, ResultLog};
use crate::store::{Opened, Recovered, Store, StoreError, StoreOptions};
use lock::lock_where_possible;
pub use lock::{Shared, lock};
pub use options::policy;
use options::{connection_options, engine_options, relayed_to, result_options, users};

/// How long the doors and the connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// The same where it is to end at once.
const GOODBYE_NOW: Duration = Duration::from_millis(300);
/// Lines of the outbox that are read at once when the log is behind it.
const LINES: u32 = 1000;
/// Contacts that UserEvents ask for and that wait to be made, at most.
const CONTACTS: usize = 1024;
/// How long after a start that a full disk forbids the next one is tried.
const RETRY: Duration = Duration::from_secs(1);

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// Another one runs on the same database, or with something else of which each needs its own.
    #[error("already running{pid} {on} (lock {path}); stop it first, or give this one a {on_its_own} of its own", pid = pid.as_ref().map_or_else(String::new, |pid| format!(" (pid {pid})")), on = shared.on(), on_its_own = shared.setting())]
    Running {
        /// What both would have.
        shared: Shared,
        /// The lock file.
        path: PathBuf,
        /// Its pid, where it can be read.
        pid: Option<String>,
    },
    /// The lock file cannot be made.
    #[error("cannot lock {path}: {why}; its directory must exist and be writable for this user")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A door cannot be opened.
    #[error("cannot listen on {at} ([{section}]): {why}")]
    Listen {
        /// The section of the configuration.
        section: &'static str,
        /// The address or socket.
        at: String,
        /// What the system says.
        why: io::Error,
    },
    /// The configuration asks for what is not built yet.
    #[error("{0}")]
    NotBuilt(&'static str),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The result log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It ran, and what it writes can no longer be believed to be kept.
    #[error("{0}. Nothing more is dialled, calls stay up")]
    Broken(#[from] Broken),
}

/// A new configuration, and where it is told whether it was taken up.
#[derive(Debug)]
pub struct Reload {
    /// The configuration.
    pub config: Config,
    /// Where the answer goes.
    pub done: oneshot::Sender<Reloaded>,
}

/// Runs the daemon until it is told to stop, and takes up the configurations that come by `reloads`. Operators are served
/// on `door_threads`, which is to be a runtime of its own: however many they are, whoever dials never waits behind them
/// for a thread.
///
/// # Errors
/// Where it cannot start. Once it runs, nothing but the control's stop ends it, unless a disk has failed under it.
pub async fn serve(
    config: Config,
    control: Control,
    reloads: mpsc::Receiver<Reload>,
    door_threads: &runtime::Handle,
) -> Result<(), BootError> {
    let stop = control.stop.clone();
    let [asterisk] = config.asterisk.as_slice() else {
        return Err(BootError::NotBuilt("several [[asterisk]] are not built yet; give one"));
    };
    for note in &config.warnings {
        warn!("{note}");
    }
    for note in config.not_built() {
        warn!("{note}");
    }
    let _lock = lock(&config.database.file)?;
    let _dialplan_lock = match &config.dialplan.directory {
        Some(directory) => lock_where_possible(&directory.join(dialplan::FILE), Shared::Dialplan)?,
        None => None,
    };
    let clock = Clock::start();
    let allowed = policy(&config.policy);
    let options = StoreOptions {
        url: config.database.url.clone(),
        policy: allowed.clone(),
        result: result_options(&config.result),
        log_seq: 0,
    };
    let connection_stop = CancellationToken::new();
    // First: where nothing is left, it is what makes room.
    let low = disk::watch(&config.database.file, &config.result.filename, connection_stop.clone()).await;
    // Before it is opened: that cuts off a torn line, which may be one that another daemon is at.
    let _log_lock = lock_where_possible(&config.result.filename, Shared::ResultLog)?;
    let log = ResultLog::open(&config.result.filename)?;
    let options = StoreOptions { log_seq: log.last_seq(), ..options };
    let Some(opened) = open_store(&options, &stop).await? else { return Ok(()) };
    crash::at(Point::Recovered);
    let log = start_log(log, &opened.store, &opened.recovered).await?;
    let tasks = TaskTracker::new();
    let (contacts, asked_contacts) = config.agi.user_events.then(|| mpsc::channel(CONTACTS)).unzip();
    let (orders, inputs, pulse) = {
        let wall = move || clock.now().wall;
        let options = connection_options(asterisk, config.agi.user_events);
        asterisk::start(options, wall, contacts, &tasks, connection_stop.clone())
    };
    // Ids that grow with time keep the records' indices together on disk.
    let engine =
        Engine::new(engine_options(&config, asterisk), records(opened.recovered), Ids::new(Uuid::now_v7));
    let hang_up_orphans = config.dialer.orphan_policy == OrphanPolicy::Hangup;
    let parts = Parts {
        engine,
        store: opened.store.clone(),
        committed: opened.done,
        orders,
        inputs,
        log,
        low,
        health: opened.health,
        clock,
        hang_up_orphans,
    };
    let (driver, handle) = driver::new(parts);
    let (handle, questions) = handle.with_dialplan();
    let doors_stop = CancellationToken::new();
    if let Some(asked) = asked_contacts {
        warn!("[agi] user_events: whoever may send a UserEvent at Asterisk may make contacts");
        tasks.spawn(agi::user_event::take(asked, handle.clone(), doors_stop.clone()));
    }
    let (users, known_users) = watch::channel(Arc::from(users(&config.manager)));
    let (policies, known_policy) = watch::channel(Arc::new(allowed));
    let relay = config.manager.listen.filter(|_| config.manager.relay).map(|_| {
        let _on_their_threads = door_threads.enter();
        Relay::start(relayed_to(asterisk), known_policy, &tasks, &doors_stop)
    });
    let to_serve = (door_threads, &tasks, &doors_stop);
    let options = manager::Options { users: known_users, started: clock.now().mono, relay };
    let doors = open_doors(&config, options, handle.clone(), control, clock, to_serve).await?;
    let dialplan = dialplan::Options {
        directory: config.dialplan.directory.clone(),
        asterisk: connection_options(asterisk, false),
    };
    let (own_dialplan, asked) = mpsc::channel(1);
    tasks.spawn(dialplan::keep(dialplan, handle.clone(), (questions, asked), doors_stop.clone()));
    let to_take_up = (reloads, own_dialplan);
    tasks.spawn(take_up(config, to_take_up, (users, policies), handle.clone(), doors_stop.clone()));
    // Told at every level: others wait for the word.
    info!(target: "ready", "ready");
    // Without systemd there is nobody to tell.
    drop(sd_notify::notify(&[NotifyState::Ready]));
    tokio::spawn(tell_systemd(handle.link(), stop.clone()));
    watchdog::start(handle.clone(), pulse);

    let checking = tokio::spawn(async move { opened.store.check_health().await });
    let (store, driven) = driver.run(stop.clone()).await;
    checking.abort();
    doors_stop.cancel();
    connection_stop.cancel();
    tasks.close();
    let goodbye = if stop.manner() == Some(Manner::Now) { GOODBYE_NOW } else { GOODBYE };
    if tokio::time::timeout(goodbye, tasks.wait()).await.is_err() {
        warn!("not everybody said goodbye in time");
    }
    let closed = store.close().await;
    // Last: whoever has told it to stop waits for this.
    if let Some(socket) = doors {
        drop(fs::remove_file(socket));
    }
    match (closed, driven) {
        (Ok(()), Ok(())) => {
            info!("stopped");
            Ok(())
        }
        // Not said before: it was about to stop anyway.
        (Err(why), Ok(())) if why.is_final() => Err(why.into()),
        (Err(why), Ok(())) => {
            warn!(%why, "the database was not checkpointed; nothing is lost, the next start does it");
            info!("stopped");
            Ok(())
        }
        (_, Err(broken)) => Err(broken.into()),
    }
}

/// Opens the database. A full disk is waited for, unless somebody stops it meanwhile.
async fn open_store(options: &StoreOptions, stop: &Stop) -> Result<Option<Opened>, BootError> {
    let mut told = false;
    loop {
        match Store::open(options.clone()).await {
            Ok(opened) => return Ok(Some(opened)),
            Err(why) if why.is_full() => {
                if !std::mem::replace(&mut told, true) {
                    error!(%why, "cannot start yet; trying again");
                }
            }
            Err(why) => return Err(why.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            _ = stop.more_urgent(None) => return Ok(None),
        }
    }
}

/// Tells systemd how it stands with Asterisk, and at once that a stop is asked for.
async fn tell_systemd(mut link: watch::Receiver<bool>, stop: Stop) {
    loop {
        let status = if *link.borrow_and_update() {
            "Asterisk is there"
        } else {
            "Asterisk is not reached: nothing is dialled"
        };
        drop(sd_notify::notify(&[NotifyState::Status(status)]));
        tokio::select! {
            changed = link.changed() => if changed.is_err() { return },
            _ = stop.more_urgent(None) => break,
        }
    }
    drop(sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]));
}

/// Has the log written, first what was committed and not written when the daemon last ended.
async fn start_log(mut log: ResultLog, store: &Store, recovered: &Recovered) -> Result<LogWriter, BootError> {
    let mut after = log.resume(recovered.logged_seq, recovered.last_seq);
    let mut waiting = Vec::new();
    loop {
        let lines = store.lines_after(after, LINES).await?;
        let Some((last, ..)) = lines.last() else { break };
        after = *last;
        info!(lines = lines.len(), "writing result lines that an earlier run has left");
        waiting.extend(lines.into_iter().map(|(seq, _, line)| (seq, line)));
    }
    Ok(LogWriter::start(log, waiting))
}

fn records(recovered: Recovered) -> Records {
    Records {
        plans: recovered.plans,
        dlmas: recovered.dlmas,
        destinations: recovered.destinations,
        campaigns: recovered.campaigns,
        open: recovered.open_dialings,
        pools: recovered.pools,
    }
}

/// Takes up what of a new configuration can be taken up while calls are up, and says what takes a restart.
async fn take_up(
    mut running: Config,
    (mut reloads, own_dialplan): (mpsc::Receiver<Reload>, mpsc::Sender<dialplan::TakeUp>),
    (users_known, policies): (watch::Sender<Arc<[manager::User]>>, watch::Sender<Arc<Policy>>),
    handle: Handle,
    stop: CancellationToken,
) {
    loop {
        let reload = tokio::select! {
            reload = reloads.recv() => reload,
            () = stop.cancelled() => return,
        };
        let Some(Reload { config, done }) = reload else { return };
        let [asterisk] = config.asterisk.as_slice() else {
            let why = "several [[asterisk]] are not built yet: the running configuration stays";
            warn!("{why}");
            drop(done.send(Err(why.to_owned())));
            continue;
        };
        let (taken, answer) = oneshot::channel();
        if own_dialplan.send(taken).await.is_err() {
            return;
        }
        if let Ok(Err(why)) = answer.await {
            warn!("the dialplan of your own is wrong: the running configuration stays, too");
            drop(done.send(Err(why)));
            continue;
        }
        for note in config.warnings.iter().map(ToString::to_string).chain(config.not_built()) {
            warn!("{note}");
        }
        for section in fixed_by_the_start(&running, &config) {
            warn!("[{section}] has changed in what only a restart takes up; calls stay up meanwhile");
        }
        handle.records().set_rules(policy(&config.policy), result_options(&config.result));
        if handle.set_options(engine_options(&config, asterisk)).await.is_err() {
            return;
        }
        policies.send_replace(Arc::new(policy(&config.policy)));
        users_known.send_replace(Arc::from(users(&config.manager)));
        info!(
            "took up the configuration: [policy], limits, users, result lines, on_unknown, preview_timeout"
        );
        running = config;
        // Whoever sent a signal waits for no answer.
        drop(done.send(Ok(())));
    }
}

/// The sections of which a change is not taken up by a reload.
fn fixed_by_the_start(running: &Config, config: &Config) -> Vec<&'static str> {
    let asterisks = |config: &Config| -> Vec<_> {
        let fixed = |asterisk: &config::Asterisk| config::Asterisk {
            max_channels: 0,
            calls_per_second: 0,
            max_unanswered: 0,
            ..asterisk.clone()
        };
        config.asterisk.iter().map(fixed).collect()
    };
    [
        ("asterisk", asterisks(running) != asterisks(config)),
        ("manager", {
            let fixed = |config: &Config| (config.manager.listen, config.manager.relay);
            fixed(running) != fixed(config)
        }),
        ("agi", running.agi != config.agi),
        ("cli", running.cli != config.cli),
        ("dialer", running.dialer.orphan_policy != config.dialer.orphan_policy),
        ("dialplan", running.dialplan != config.dialplan),
        ("database", running.database != config.database),
        ("result", running.result.filename != config.result.filename),
    ]
    .into_iter()
    .filter_map(|(section, changed)| changed.then_some(section))
    .collect()
}

/// Opens the doors that are configured; gives the path of the local socket.
async fn open_doors(
    config: &Config,
    options: manager::Options,
    handle: Handle,
    control: Control,
    clock: Clock,
    (threads, tasks, stop): (&runtime::Handle, &TaskTracker, &CancellationToken),
) -> Result<Option<PathBuf>, BootError> {
    let options = Arc::new(options);
    if let Some(address) = config.manager.listen {
        let listener = TcpListener::bind(address).await.map_err(cannot_listen("manager", &address))?;
        let at: Option<SocketAddr> = listener.local_addr().ok();
        info!(at = ?at.unwrap_or(address), users = config.manager.users.len(), "AMI server listens");
        if config.manager.users.is_empty() {
            warn!("[manager] has no user: every login is refused; add a [[manager.user]]");
        }
        let serving =
            manager::serve(listener, options.clone(), handle.clone(), clock, tasks.clone(), stop.clone());
        tasks.spawn_on(serving, threads);
    }
    if let Some(address) = config.agi.listen {
        let listener = TcpListener::bind(address).await.map_err(cannot_listen("agi", &address))?;
        info!(at = %address, "FastAGI listens");
        tasks.spawn_on(agi::serve(listener, handle.clone(), tasks.clone(), stop.clone()), threads);
    }
    let Some(path) = &config.cli.socket else { return Ok(None) };
    // One that does not answer is nobody's any more. One that does is the only way to another daemon.
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        let why = "another daemon answers there: give each its own socket";
        let why = io::Error::new(io::ErrorKind::AddrInUse, why);
        return Err(cannot_listen("cli", &path.display())(why));
    }
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(why) if why.kind() == io::ErrorKind::NotFound => {}
        Err(why) => return Err(cannot_listen("cli", &path.display())(why)),
    }
    let listener = UnixListener::bind(path).map_err(cannot_listen("cli", &path.display()))?;
    fs::set_permissions(path, Permissions::from_mode(0o660))
        .map_err(cannot_listen("cli", &path.display()))?;
    let serving =
        manager::serve_local(listener, options, handle, control, clock, tasks.clone(), stop.clone());
    tasks.spawn_on(serving, threads);
    Ok(Some(path.clone()))
}

fn cannot_listen(section: &'static str, at: &dyn std::fmt::Display) -> impl FnOnce(io::Error) -> BootError {
    let at = at.to_string();
    move |why| BootError::Listen { section, at, why }
}
