//! `astout serve`: the daemon in the foreground, with its log and its signals.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{CONFIG, INTERNAL, IO, OK, UNAVAILABLE, complain};
use crate::boot::{self, BootError, Reload};
use crate::config::{self, Config};
use crate::daemon::control::{Control, Manner, Reloaded, Stop};

/// How long an end at once may take; then it is one whatever is under way.
const AT_ONCE: Duration = Duration::from_millis(1500);

/// Runs it until it is told to stop.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, log_json: bool) -> u8 {
    let config = match Config::load(path, environment) {
        Ok(config) => config,
        Err(error) => return complain(CONFIG, format!("the configuration is wrong:\n{error}")),
    };
    start_log(log_json);
    abort_on_panic();
    let threads = |name| {
        let mut threads = runtime::Builder::new_multi_thread();
        threads.worker_threads(threads_of_each()).thread_name(name).enable_all().build()
    };
    let (dialing, doors) = match (threads("dialing"), threads("doors")) {
        (Ok(dialing), Ok(doors)) => (dialing, doors),
        (Err(why), _) | (_, Err(why)) => return complain(INTERNAL, format!("cannot start: {why}")),
    };
    let path = path.to_owned();
    match dialing.block_on(serve(path.as_path(), config, doors.handle())) {
        Ok(()) => OK,
        Err(why) => {
            error!("{why}");
            match why {
                BootError::Running { .. } | BootError::Listen { .. } => UNAVAILABLE,
                BootError::Lock { .. } | BootError::Log(_) | BootError::Store(_) | BootError::Broken(_) => IO,
                BootError::NotBuilt(_) => CONFIG,
            }
        }
    }
}

/// Both kinds share the processors, and with them SQLite's thread and those of the driver and the writer. More of a kind
/// would but wake each other up.
fn threads_of_each() -> usize {
    thread::available_parallelism().map_or(1, |processors| (processors.get() / 2).max(1))
}

async fn serve(path: &Path, config: Config, doors: &runtime::Handle) -> Result<(), BootError> {
    let (control, asked) = Control::new();
    let (reload, reloads) = mpsc::channel(1);
    tokio::spawn(end_at_once(control.stop.clone()));
    tokio::spawn(watch_signals(path.to_owned(), control.stop.clone(), reload.clone()));
    tokio::spawn(serve_reloads(path.to_owned(), asked, reload));
    boot::serve(config, control, reloads, doors).await
}

/// The first SIGTERM or SIGINT stops it in order, a second one at once. SIGHUP has it read its configuration again.
async fn watch_signals(path: PathBuf, stop: Stop, reload: mpsc::Sender<Reload>) {
    let signals =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = signals else {
        warn!("signals cannot be watched: only a kill ends this");
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {
                let (path, reload) = (path.clone(), reload.clone());
                // What is wrong is in the log.
                tokio::spawn(async move { drop(load_anew(&path, &reload).await) });
                continue;
            }
        }
        match stop.manner() {
            None | Some(Manner::Drain) => stop.request(Manner::InOrder),
            Some(Manner::InOrder | Manner::HangUp) => stop.request(Manner::Now),
            Some(Manner::Now) => std::process::exit(i32::from(OK)),
        }
    }
}

/// Whoever asks for an end at once gets it, also where something hangs: all that was answered is on disk.
async fn end_at_once(stop: Stop) {
    stop.more_urgent(Some(Manner::HangUp)).await;
    // A thread of its own: what hangs may be the runtime.
    thread::spawn(|| {
        thread::sleep(AT_ONCE);
        warn!("not everything had ended: the next start finds it in the database");
        std::process::exit(i32::from(OK));
    });
}

/// Reads the configuration for those who ask by the command line.
async fn serve_reloads(
    path: PathBuf,
    mut asked: mpsc::Receiver<oneshot::Sender<Reloaded>>,
    reload: mpsc::Sender<Reload>,
) {
    while let Some(answer) = asked.recv().await {
        // Whoever asked may be gone.
        drop(answer.send(load_anew(&path, &reload).await));
    }
}

/// Reads the configuration and has it taken up; the running one stays where it is wrong.
async fn load_anew(path: &Path, reload: &mpsc::Sender<Reload>) -> Reloaded {
    let config = Config::load(path, config::process_environment()).map_err(|error| {
        let why = format!("the configuration is wrong, the running one stays:\n{error}");
        why.lines().for_each(|line| error!("{line}"));
        why
    })?;
    let stopping = || "astout is stopping".to_owned();
    let (done, answer) = oneshot::channel();
    reload.send(Reload { config, done }).await.map_err(|_| stopping())?;
    answer.await.map_err(|_| stopping())?
}

fn start_log(json: bool) {
    let level = std::env::var("ASTOUT_LOG").unwrap_or_else(|_| "info".to_owned());
    // Every statement of the database at debug would bury the rest; `ASTOUT_LOG=debug,sqlx=debug` shows them.
    let filter = EnvFilter::new(format!("sqlx=warn,{level},ready=info"));
    let registry = tracing_subscriber::registry().with(filter);
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    if json {
        registry.with(stderr.json()).init();
    } else {
        registry.with(stderr).init();
    }
}

/// A daemon that lost one of its tasks is worse than none: it ends, and is started again on its records.
fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::abort();
    }));
}
