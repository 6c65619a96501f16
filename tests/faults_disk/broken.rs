//! A disk that says that it could not sync (44): nothing is synced twice, the daemon ends, and the next start goes by what is
//! there.

use std::fs;

use super::scene::{Scene, asterisk, sandbox};
use super::support::daemon::Daemon;
use super::support::disk::{EIO, Shim};
use super::support::pbx::Pbx;

fn case_44(pbx: &impl Pbx) {
    let mut daemon = Scene::daemon(pbx);
    let at = daemon.path("disk");
    fs::create_dir(&at).unwrap();
    let shim = Shim::on(&mut daemon, &at);
    daemon.keep_results(&at.join("astout.result"));
    daemon.keep_database(&at.join("astout.sqlite3"));
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    for file in ["astout.result", "astout.sqlite3"] {
        shim.fail(&["sync"], file, EIO);
        ends_with_74(&mut daemon, file);
        // It could not be synced once, and nobody has tried again, not on the way out either.
        let failed = shim.failed();
        assert_eq!(failed.iter().filter(|call| call.contains(file)).count(), 1, "{failed:?}");
        assert!(scene.is_up(pbx));
        shim.work();
        daemon.run();
        let lines = daemon.results().len();
        daemon.poll("more lines", |daemon| (daemon.results().len() > lines + 3).then_some(()));
    }
    scene.hang_up(pbx);
    scene.ends_whole(&mut daemon);
}

fn ends_with_74(daemon: &mut Daemon, file: &str) {
    let before = daemon.log().len();
    assert_eq!(daemon.ended().code(), Some(74), "{}", daemon.log());
    let said = daemon.log()[before..].to_owned();
    let last = said.lines().rfind(|line| line.contains("ERROR")).unwrap_or_default();
    for part in [file, "look at the disk and the kernel log", "start astout again", "calls stay up"] {
        assert!(last.contains(part), "{part} in:\n{said}");
    }
}

#[test]
fn case_44_a_sync_that_fails_ends_the_daemon_with_74_on_the_sandbox() {
    case_44(&sandbox());
}

#[test]
fn case_44_a_sync_that_fails_ends_the_daemon_with_74_on_a_real_asterisk() {
    case_44(&asterisk("c44"));
}
