//! A power cut (48): what was not synced is gone, and who was dialled is on record, has one line at most, and is not dialled
//! again.

use std::fs;
use std::time::Duration;

use super::scene::{Scene, sandbox};
use super::support::daemon::Daemon;
use super::support::disk::Shim;

/// How often the power is cut in one campaign (`ASTOUT_POWER_CUTS`).
fn cuts() -> u64 {
    std::env::var("ASTOUT_POWER_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(6)
}

/// The power comes back: the daemon was killed, and the disk has what was synced.
fn cut(daemon: &mut Daemon, shim: &Shim) {
    daemon.kill();
    shim.lose_power();
    daemon.run();
}

#[test]
fn case_48_a_power_cut_loses_nobody_who_was_dialled_and_no_line_that_was_told() {
    let seed = std::env::var("ASTOUT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("ASTOUT_SEED={seed} repeats the moments of this run");
    let mut random = fastrand::Rng::with_seed(seed);
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    let at = daemon.path("disk");
    fs::create_dir(&at).unwrap();
    let shim = Shim::on(&mut daemon, &at);
    daemon.keep_results(&at.join("astout.result"));
    daemon.keep_database(&at.join("astout.sqlite3"));
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    for _ in 0..cuts() {
        std::thread::sleep(Duration::from_millis(random.u64(..500)));
        // A reply of success is kept, though the power goes right after it.
        let plan = daemon.client().create("OutPlanCreate", &[("Name", "told")]);
        cut(&mut daemon, &shim);
        let plans = daemon.client().list("OutPlanShow", &[("Uuid", &plan)]);
        assert_eq!(plans.len(), 1, "a plan that was told to be made is gone");
        daemon.check();
    }
    scene.hang_up(&pbx);
    scene.ends_whole(&mut daemon);
    // In order: what the stop has left behind is synced too.
    assert!(daemon.stop().success());
    shim.lose_power();
    daemon.run();
    daemon.check();
    assert_eq!(daemon.results().len(), 91);
}
