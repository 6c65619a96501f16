//! `astout sandbox`: a PBX that speaks AMI and rings nobody, in the foreground.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{CONFIG, INTERNAL, IO, OK, UNAVAILABLE, USAGE, complain};
use crate::sandbox::profile::ANNOTATED;
use crate::sandbox::{Options, Profile, serve};

/// Where the secret may stand too: an argument is seen by everybody on the machine.
const SECRET: &str = "ASTOUT_SANDBOX_SECRET";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where clients connect; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5038")]
    listen: SocketAddr,
    /// Listen on an address that other machines reach, too: AMI is not encrypted
    #[arg(long)]
    allow_plaintext: bool,
    /// Who is called and what they do, the queues, the faults; see --print-profile
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Print the default profile, annotated, and end
    #[arg(long)]
    print_profile: bool,
    /// The same number gives the same world; by default another one each time
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// The one AMI user
    #[arg(long, default_value = "astout")]
    username: String,
    /// Its secret; by default that of ASTOUT_SANDBOX_SECRET, else one is made and printed
    #[arg(long)]
    secret: Option<String>,
    /// Append what was dialled, JSON lines: the truth to check a dialer by
    #[arg(long, value_name = "FILE")]
    dial_log: Option<PathBuf>,
    /// How many times faster than life rings, talks and timeouts pass
    #[arg(long, value_name = "TIMES", default_value_t = 1.0)]
    speed: f64,
}

/// Runs it until it is told to stop.
pub(super) fn run(arguments: Arguments) -> u8 {
    if arguments.print_profile {
        return if std::io::stdout().lock().write_all(ANNOTATED.as_bytes()).is_ok() { OK } else { IO };
    }
    let listen = arguments.listen;
    if !listen.ip().is_loopback() && !arguments.allow_plaintext {
        let why = format!(
            "--listen {listen}: other machines reach it, and AMI is not encrypted; allowed: a loopback address, or \
             --allow-plaintext"
        );
        return complain(USAGE, why);
    }
    if !(0.01..=1000.0).contains(&arguments.speed) {
        return complain(USAGE, format!("--speed {}: allowed: 0.01 to 1000", arguments.speed));
    }
    let profile = match read_profile(arguments.profile) {
        Ok(profile) => profile,
        Err((code, why)) => return complain(code, why),
    };
    let dial_log = match arguments.dial_log {
        None => None,
        Some(path) => match OpenOptions::new().create(true).append(true).open(&path) {
            Ok(file) => Some(file),
            Err(why) => return complain(IO, format!("{}: {why}", path.display())),
        },
    };
    let secret = arguments.secret.or_else(|| std::env::var(SECRET).ok()).unwrap_or_else(|| {
        let secret = uuid::Uuid::new_v4().simple().to_string();
        complain(OK, format!("sandbox: the secret of {} is {secret}", arguments.username));
        secret
    });
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(0..1_000_000));
    let options =
        Options { username: arguments.username, secret, profile, seed, speed: arguments.speed, dial_log };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return complain(INTERNAL, format!("cannot start: {why}")),
    };
    runtime.block_on(async {
        let listener = match TcpListener::bind(listen).await {
            Ok(listener) => listener,
            Err(why) => return complain(UNAVAILABLE, format!("--listen {listen}: {why}")),
        };
        let at = listener.local_addr().unwrap_or(listen);
        complain(OK, format!("sandbox listens on {at}, seed {seed}"));
        let stop = CancellationToken::new();
        tokio::spawn(watch_signals(stop.clone()));
        match serve(listener, options, stop).await {
            Ok(()) => OK,
            Err(why) => complain(IO, format!("the dial log: {why}")),
        }
    })
}

fn read_profile(path: Option<PathBuf>) -> Result<Profile, (u8, String)> {
    let Some(path) = path else { return Ok(Profile::default()) };
    let text = std::fs::read_to_string(&path).map_err(|why| (IO, format!("{}: {why}", path.display())))?;
    Profile::parse(&text).map_err(|why| (CONFIG, format!("{}: {why}", path.display())))
}

async fn watch_signals(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
}
