//! Whether the loops that the daemon lives by still turn: the writer of the records, the driver, and the connection to
//! Asterisk. Systemd is told so as long as all three do; where it is not, it kills and starts anew (`WatchdogSec=`).
//! Without systemd the daemon ends itself: half dead it would take work that it does not do.
//!
//! Each loop is asked by the way on which it takes its work, so an answer says that it takes some. A process that was
//! stopped for a while, and goes on, gets time to answer.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use crate::asterisk::Pulse;
use crate::daemon::handle::Handle;

/// How long the loops may be silent where systemd does not say.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long they have once more after that.
const GRACE: Duration = Duration::from_secs(5);
/// As in `cli`: what must not happen did.
const INTERNAL: i32 = 70;

/// Watches until the driver has ended.
pub(super) fn start(handle: Handle, asterisk: Pulse) {
    let patience = sd_notify::watchdog_enabled().unwrap_or(PATIENCE);
    let supervised = sd_notify::watchdog_enabled().is_some() && std::env::var_os("NOTIFY_SOCKET").is_some();
    let (beat, beats) = mpsc::channel();
    // A thread of its own: where every thread of the runtime hangs, it does not.
    std::thread::spawn(move || watch(&beats, patience, supervised));
    tokio::spawn(async move {
        while !handle.is_stopped() {
            if all_turn(&handle, &asterisk, patience).await && beat.send(()).is_err() {
                return;
            }
            sleep(patience / 3).await;
        }
    });
}

/// Whether all have answered; says which have not.
async fn all_turn(handle: &Handle, asterisk: &Pulse, patience: Duration) -> bool {
    let (writer, driver, connection) = tokio::join!(
        timeout(patience, handle.records().beat()),
        timeout(patience, handle.beat()),
        timeout(patience, asterisk.beat()),
    );
    let loops = [
        ("the writer of the records", writer.is_ok()),
        ("the driver", driver.is_ok()),
        ("the connection to Asterisk", connection.is_ok()),
    ];
    for (name, _) in loops.iter().filter(|(_, turns)| !turns) {
        error!("{name} has not answered for {patience:?}");
    }
    loops.iter().all(|(_, turns)| *turns)
}

fn watch(beats: &mpsc::Receiver<()>, patience: Duration, supervised: bool) {
    loop {
        match beats.recv_timeout(patience).or_else(|_| beats.recv_timeout(GRACE.min(patience))) {
            // Without systemd there is nobody to tell.
            Ok(()) => drop(sd_notify::notify(&[NotifyState::Watchdog])),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if supervised => {
                warn!("not everything in astout turns any more: systemd is to start it anew");
            }
            Err(RecvTimeoutError::Timeout) => {
                error!("not everything in astout turns any more: it ends, to be started anew on its records");
                std::process::exit(INTERNAL);
            }
        }
    }
}
