//! `astout stop`, `astout drain`, `astout reload`: what the running daemon is told over its local socket.
//!
//! A stop and a drain end once the daemon has ended: what comes next in a script finds it gone.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::remote::{Remote, gone, say, socket_of};
use super::{CONFIG, INTERNAL, OK, REFUSED, complain};

/// How long a stop may take: what rings is waited for 20 s.
const STOPPED_BY: Duration = Duration::from_secs(40);
/// How often a drain looks how many calls are left.
const LOOK: Duration = Duration::from_secs(1);
/// How long a daemon that listens no more may take to be gone.
const GOODBYE: Duration = Duration::from_secs(10);
/// How often it is looked whether the daemon is gone.
const LOOK_FOR_THE_END: Duration = Duration::from_millis(50);

/// `astout stop`
#[derive(Debug, clap::Args)]
pub(super) struct Stop {
    /// Do not wait for calls that ring; ends within two seconds
    #[arg(long, conflicts_with = "hangup")]
    now: bool,
    /// Hang up every call; without this calls that are up stay up
    #[arg(long)]
    hangup: bool,
}

/// Tells the daemon to end, and waits until it has.
pub(super) fn stop(path: &Path, environment: Vec<(String, String)>, how: &Stop) -> u8 {
    let line = match how {
        Stop { now: true, .. } => "out daemon stop now",
        Stop { hangup: true, .. } => "out daemon stop hangup",
        Stop { .. } => "out daemon stop",
    };
    end(path, environment, line, Some(STOPPED_BY))
}

/// Tells the daemon to dial no more and to end with its last call, and waits until it has.
pub(super) fn drain(path: &Path, environment: Vec<(String, String)>) -> u8 {
    end(path, environment, "out daemon drain", None)
}

/// Tells the daemon to read its configuration anew.
pub(super) fn reload(path: &Path, environment: Vec<(String, String)>) -> u8 {
    // Whoever can read it is told of its mistakes here, else by the daemon: with 78 either way.
    let mut daemon = match Remote::connect(socket_of(path, environment)) {
        Ok(daemon) => daemon,
        Err(code) => return code,
    };
    match daemon.command("out daemon reload") {
        Ok(Ok(done)) => say(&done),
        Ok(Err(why)) => complain(CONFIG, why),
        Err(why) => gone(&why),
    }
}

fn end(path: &Path, environment: Vec<(String, String)>, line: &'static str, within: Option<Duration>) -> u8 {
    let socket = match socket_of(path, environment) {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    let mut daemon = match Remote::connect(Ok(socket.clone())) {
        Ok(daemon) => daemon,
        Err(code) => return code,
    };
    match daemon.command(line) {
        Ok(Ok(done)) => drop(say(&done)),
        Ok(Err(why)) => return complain(REFUSED, why),
        // Told to end at once, it may be gone before it has answered.
        Err(_) if !socket.exists() => return OK,
        Err(why) => return gone(&why),
    }
    if within.is_none() {
        follow(&mut daemon);
    }
    await_end(&socket, within)
}

/// Says how many calls are left whenever that has changed, until the daemon says no more.
fn follow(daemon: &mut Remote) {
    let mut last = String::new();
    while let Ok(Ok(calls)) = daemon.command("out daemon calls") {
        if calls != last {
            say(&format!("calls left: {calls}"));
            last = calls;
        }
        std::thread::sleep(LOOK);
    }
}

/// The daemon takes its socket away last; one that was killed leaves it behind.
fn await_end(socket: &Path, within: Option<Duration>) -> u8 {
    let (since, mut deaf_since) = (Instant::now(), None);
    while socket.exists() {
        if within.is_some_and(|within| since.elapsed() > within) {
            return complain(INTERNAL, "the daemon does not end; its log says what it waits for");
        }
        if UnixStream::connect(socket).is_ok() {
            deaf_since = None;
        } else if deaf_since.get_or_insert_with(Instant::now).elapsed() > GOODBYE {
            return OK;
        }
        std::thread::sleep(LOOK_FOR_THE_END);
    }
    OK
}
