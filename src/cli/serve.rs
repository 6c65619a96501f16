//! `astout serve`: the daemon in the foreground, with its log and its signals.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{CONFIG, INTERNAL, IO, OK, UNAVAILABLE, complain};
use crate::boot::{self, BootError};
use crate::config::{self, Config};

/// Runs it until it is told to stop.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, log_json: bool) -> u8 {
    let config = match Config::load(path, environment) {
        Ok(config) => config,
        Err(error) => return complain(CONFIG, format!("the configuration is wrong:\n{error}")),
    };
    start_log(log_json);
    abort_on_panic();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return complain(INTERNAL, format!("cannot start: {why}")),
    };
    let path = path.to_owned();
    match runtime.block_on(serve(path.as_path(), config)) {
        Ok(()) => OK,
        Err(why) => {
            error!("{why}");
            match why {
                BootError::Running { .. } | BootError::Listen { .. } => UNAVAILABLE,
                BootError::Lock { .. } | BootError::Log(_) | BootError::Store(_) => IO,
                BootError::NotBuilt(_) => CONFIG,
            }
        }
    }
}

async fn serve(path: &Path, config: Config) -> Result<(), BootError> {
    let stop = CancellationToken::new();
    let (reload, reloads) = mpsc::channel(1);
    tokio::spawn(watch_signals(path.to_owned(), stop.clone(), reload));
    boot::serve(config, stop, reloads).await
}

/// The first SIGTERM or SIGINT stops it in order, a second one at once. SIGHUP has it read its configuration again.
async fn watch_signals(path: PathBuf, stop: CancellationToken, reload: mpsc::Sender<Config>) {
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
                match Config::load(&path, config::process_environment()) {
                    // Nobody takes it once it stops.
                    Ok(config) => drop(reload.send(config).await),
                    Err(error) => error!("the configuration is wrong, the running one stays:\n{error}"),
                }
                continue;
            }
        }
        if stop.is_cancelled() {
            warn!("stopping at once");
            std::process::exit(i32::from(OK));
        }
        stop.cancel();
    }
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
