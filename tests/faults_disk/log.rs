//! The result log: full, gone, denied, something else in its place, rotated in every way (42, 43, 51).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::scene::{Scene, assert_nobody_is_dialled, asterisk, dialing_stops, sandbox, says, times};
use super::support::daemon::Daemon;
use super::support::disk::{EACCES, ENOSPC, EPERM, Shim, SmallDisk};
use super::support::pbx::Pbx;

const WAITS: &str = "results wait in the database";
const AGAIN: &str = "the result log can be written again";

/// While the log cannot be written: nobody is dialled, not after starts either; the call stays up; its end is kept.
fn nothing_is_lost_meanwhile(daemon: &mut Daemon, scene: &Scene, pbx: &impl Pbx, starts: usize) {
    dialing_stops(daemon);
    assert!(scene.is_up(pbx));
    for _ in 0..starts {
        daemon.kill();
        daemon.run();
        assert_nobody_is_dialled(daemon);
    }
    assert!(scene.is_up(pbx));
    scene.hang_up(pbx);
}

/// Moves the log away and puts something in its place, in one step: a log that is gone would be made anew between.
fn replace(log: &Path, away: &Path, by: &Path) {
    fs::hard_link(log, away).unwrap();
    fs::rename(by, log).unwrap();
}

fn case_42(pbx: &impl Pbx) {
    let mut daemon = Scene::daemon(pbx);
    let mut disk = SmallDisk::of(&mut daemon, 2);
    daemon.keep_results(&disk.path("astout.result"));
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    disk.fill();
    says(&mut daemon, WAITS);
    nothing_is_lost_meanwhile(&mut daemon, &scene, pbx, 3);
    for part in [disk.path("astout.result").to_str().unwrap(), "os error 28", "free some space"] {
        assert!(daemon.log().contains(part), "{part} in:\n{}", daemon.log());
    }
    // Once a start.
    assert_eq!(times(&daemon, WAITS), 4);
    disk.empty();
    says(&mut daemon, AGAIN);
    scene.ends_whole(&mut daemon);
}

#[test]
fn case_42_a_log_on_a_full_disk_stops_dialing_and_has_each_line_once_when_there_is_room_on_the_sandbox() {
    case_42(&sandbox());
}

#[test]
fn case_42_a_log_on_a_full_disk_stops_dialing_and_has_each_line_once_when_there_is_room_on_a_real_asterisk() {
    case_42(&asterisk("c42"));
}

#[test]
fn case_42_a_batch_that_is_written_in_part_is_cut_back_and_written_anew() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    let at = daemon.path("disk");
    fs::create_dir(&at).unwrap();
    let shim = Shim::on(&mut daemon, &at);
    let log = at.join("astout.result");
    daemon.keep_results(&log);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    shim.fail(&["write"], "astout.result", ENOSPC);
    says(&mut daemon, WAITS);
    daemon.poll("a whole last line", |_| fs::read(&log).unwrap().ends_with(b"\n").then_some(()));
    // And where it may only be appended to: what is torn stays, and is written anew behind.
    shim.fail(&["write", "truncate"], "astout.result", ENOSPC);
    says(&mut daemon, "a part of a failed write stays in the result log");
    let torn = |path: &Path| !fs::read(path).unwrap().ends_with(b"\n");
    daemon.poll("a torn line", |_| torn(&log).then_some(()));
    daemon.kill();
    shim.fail(&["truncate"], "astout.result", EPERM);
    daemon.run();
    says(&mut daemon, "a torn line cannot be cut off");
    scene.hang_up(&pbx);
    let unreadable = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_err()).count()
    };
    daemon.poll("the line behind it", |_| (!torn(&log)).then_some(()));
    assert!(unreadable(&log) > 0);
    // Those that are torn are passed over: each has its whole line behind it.
    daemon.poll("every line", |_| {
        let text = fs::read_to_string(&log).unwrap();
        let whole = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        (whole.count() == 91).then_some(())
    });
    daemon.check();
}

fn case_43_full(pbx: &impl Pbx) {
    let mut daemon = Scene::daemon(pbx);
    let log = daemon.path("astout.result");
    symlink("/dev/full", &log).unwrap();
    daemon.run();
    says(&mut daemon, WAITS);
    for part in [log.to_str().unwrap(), "os error 28"] {
        assert!(daemon.log().contains(part), "{part} in:\n{}", daemon.log());
    }
    // From the start on: nobody is dialled at all.
    let campaign = Scene::begin(&mut daemon.client());
    assert_nobody_is_dialled(&daemon);
    daemon.kill();
    daemon.run();
    assert_nobody_is_dialled(&daemon);
    fs::remove_file(&log).unwrap();
    says(&mut daemon, AGAIN);
    let scene = Scene::join(campaign, &mut daemon);
    // In mid-campaign: by another name, as a rotation would.
    symlink("/dev/full", daemon.path("full")).unwrap();
    replace(&log, &daemon.path("astout.result.1"), &daemon.path("full"));
    daemon.poll("that it waits", |daemon| (times(daemon, WAITS) == 3).then_some(()));
    nothing_is_lost_meanwhile(&mut daemon, &scene, pbx, 2);
    fs::rename(daemon.path("astout.result.1"), &log).unwrap();
    scene.ends_whole(&mut daemon);
}

#[test]
fn case_43_dev_full_as_the_log_is_waited_out_on_the_sandbox() {
    case_43_full(&sandbox());
}

#[test]
fn case_43_dev_full_as_the_log_is_waited_out_on_a_real_asterisk() {
    case_43_full(&asterisk("c43"));
}

#[test]
fn case_43_a_log_whose_directory_is_gone_or_denied_is_waited_out_while_it_runs() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    let (at, away) = (daemon.path("disk"), daemon.path("away"));
    fs::create_dir(&at).unwrap();
    let shim = Shim::on(&mut daemon, &at);
    let log = at.join("astout.result");
    daemon.keep_results(&log);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    fs::rename(&at, &away).unwrap();
    says(&mut daemon, "os error 2");
    says(&mut daemon, "create its directory");
    dialing_stops(&daemon);
    fs::rename(&away, &at).unwrap();
    says(&mut daemon, AGAIN);
    // Moved away, and what is to take its place may not be made.
    daemon.poll("more lines", |daemon| (daemon.results().len() > 20).then_some(()));
    shim.fail(&["open"], "astout.result", EACCES);
    fs::rename(&log, at.join("astout.result.1")).unwrap();
    says(&mut daemon, "os error 13");
    says(&mut daemon, "make the file and its directory writable");
    dialing_stops(&daemon);
    assert!(scene.is_up(&pbx));
    shim.work();
    daemon.poll("that it can be written", |daemon| (times(daemon, AGAIN) == 2).then_some(()));
    daemon.poll("the new file", |_| log.exists().then_some(()));
    // Together again, for the count.
    scene.hang_up(&pbx);
    scene.ends_in(&mut daemon, &[at.join("astout.result.1"), log]);
}

#[test]
fn case_43_what_no_waiting_mends_ends_a_start_with_74_and_what_to_do() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    let at = daemon.path("disk");
    fs::create_dir(&at).unwrap();
    let shim = Shim::on(&mut daemon, &at);
    let log = at.join("astout.result");
    daemon.keep_results(&log);
    shim.fail(&["open"], "astout.result", EACCES);
    let refused = |daemon: &mut Daemon, what: [&str; 2]| {
        let (code, text) = daemon.refused();
        assert_eq!(code, 74, "{text}");
        for part in what {
            assert!(text.contains(part) && text.contains(log.to_str().unwrap()), "{part} in:\n{text}");
        }
    };
    refused(&mut daemon, ["os error 13", "writable for astout"]);
    shim.work();
    fs::create_dir(&log).unwrap();
    refused(&mut daemon, ["os error 21", "has to be a regular file"]);
    fs::remove_dir(&log).unwrap();
    assert!(Command::new("mkfifo").arg(&log).status().unwrap().success());
    refused(&mut daemon, ["not a regular file", "move away"]);
    // With the lock beside the log.
    fs::remove_dir_all(&at).unwrap();
    refused(&mut daemon, ["os error 2", "create its directory"]);
    fs::create_dir(&at).unwrap();
    daemon.run();
    daemon.check();
}

fn case_51(pbx: &impl Pbx) {
    let mut daemon = Scene::daemon(pbx);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    let log = daemon.path("astout.result");
    let more = |daemon: &mut Daemon, lines: usize| {
        daemon.poll("lines in the new file", |daemon| (daemon.results().len() >= lines).then_some(()));
    };
    let rotated = |number: u32| log.with_file_name(format!("astout.result.{number}"));
    // Moved, in mid-batch.
    fs::rename(&log, rotated(1)).unwrap();
    more(&mut daemon, 3);
    // Moved, and killed before there is a line in the new one.
    fs::rename(&log, rotated(2)).unwrap();
    daemon.kill();
    daemon.run();
    more(&mut daemon, 3);
    // A directory, then a FIFO, in its place: nothing is dialled, until it is moved away.
    let (directory, fifo) = (daemon.path("directory"), daemon.path("fifo"));
    symlink(daemon.dir(), &directory).unwrap();
    replace(&log, &rotated(3), &directory);
    says(&mut daemon, "os error 21");
    dialing_stops(&daemon);
    fs::remove_file(&log).unwrap();
    says(&mut daemon, AGAIN);
    more(&mut daemon, 3);
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    replace(&log, &rotated(4), &fifo);
    says(&mut daemon, "not a regular file");
    dialing_stops(&daemon);
    assert!(scene.is_up(pbx));
    fs::remove_file(&log).unwrap();
    more(&mut daemon, 3);
    scene.hang_up(pbx);
    let files: Vec<_> = (1..=4).map(rotated).chain([log.clone()]).collect();
    scene.ends_in(&mut daemon, &files);
}

#[test]
fn case_51_a_log_that_is_rotated_in_mid_batch_goes_on_in_a_new_file_and_nothing_else_in_its_place_is_written_on_the_sandbox()
 {
    case_51(&sandbox());
}

#[test]
fn case_51_a_log_that_is_rotated_in_mid_batch_goes_on_in_a_new_file_and_nothing_else_in_its_place_is_written_on_a_real_asterisk()
 {
    case_51(&asterisk("c51"));
}

#[test]
fn case_51_a_log_that_is_deleted_or_copied_and_cut_costs_its_lines_and_says_so() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    let log = daemon.path("astout.result");
    // What copytruncate of logrotate does.
    let copy = daemon.path("copied");
    fs::copy(&log, &copy).unwrap();
    fs::File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    says(&mut daemon, "rotated by copytruncate");
    daemon.poll("lines", |_| fs::read_to_string(&log).unwrap().starts_with('{').then_some(()));
    let before = daemon.results().len();
    fs::remove_file(&log).unwrap();
    daemon.poll("lines", |_| fs::read_to_string(&log).is_ok_and(|text| text.starts_with('{')).then_some(()));
    assert!(before > 0);
    scene.hang_up(&pbx);
    let told = scene.ends_unchecked(&mut daemon);
    // What was in the file that was deleted is gone, and is said to be; all else holds.
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("P4"), "{told}");
    daemon.not_checked("the lines of the file that was deleted are gone");
}
