//! Two daemons on one machine: what each needs for itself, the second does not get.

mod support;

use std::fs;

use support::daemon::Daemon;

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:9";

fn prepared(more: &str) -> Daemon {
    Daemon::prepared(NOWHERE, "user", "secret", more)
}

/// The second one ends with 69, and says what to give it.
#[track_caller]
fn refuses(second: &mut Daemon, first: &Daemon, setting: &str) {
    let (code, text) = second.refused();
    assert_eq!(code, 69, "{text}");
    let pid = format!("already running (pid {})", first.pid());
    let to_do = format!("or give this one a {setting} of its own");
    assert!(text.contains(&pid) && text.contains(&to_do), "{text}");
}

#[test]
fn a_directory_of_dialplan_has_one_daemon_and_what_another_writes_there_is_told_and_mended() {
    let at = tempfile::tempdir().unwrap();
    let directory = at.path().join("dialplan");
    let section = format!("[dialplan]\ndirectory = \"{}\"\n", directory.display());
    let (mut first, mut second) = (prepared(&section), prepared(&section));
    // One that is not there yet keeps nobody from starting.
    first.run();
    assert!(first.log().contains("astout_dialplan.conf.lock"), "{}", first.log());
    first.stop();
    fs::create_dir(&directory).unwrap();
    first.run();
    let path = directory.join("astout_dialplan.conf");
    first.poll("the file", |_| path.exists().then_some(()));
    let ours = fs::read_to_string(&path).unwrap();
    refuses(&mut second, &first, "[dialplan] directory");
    assert_eq!(fs::read_to_string(&path).unwrap(), ours);

    let changed = "was changed by somebody else";
    assert!(!first.log().contains(changed), "{}", first.log());
    fs::write(&path, "; another's\n").unwrap();
    first.poll("the file as it was", |_| (fs::read_to_string(&path).unwrap() == ours).then_some(()));
    assert!(first.log().contains(changed), "{}", first.log());
    first.kill();
    second.run();
    assert!(!second.log().contains(changed), "{}", second.log());
}

#[test]
fn a_result_log_has_one_daemon() {
    let (mut first, mut second) = (prepared(""), prepared(""));
    let log = first.path("astout.result");
    second.keep_results(&log);
    first.run();
    // What looks like the end of a line that was cut off is left to the one that writes it.
    fs::write(&log, "{\"seq\":1").unwrap();
    refuses(&mut second, &first, "[result] filename");
    assert_eq!(fs::read_to_string(&log).unwrap(), "{\"seq\":1");
    first.kill();
    second.run();
    assert_eq!(fs::read_to_string(&log).unwrap(), "");
    second.check();
}
