//! Public AMI client libraries, unmodified, against astout with its relay, on a real Asterisk. Each runs a program of
//! `tests/clients` that does what operators' programs do, and tells each step that went well.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::daemon::{Daemon, SECRET, USER};
use support::lab::Lab;

/// What each program does, in order.
const STEPS: [&str; 8] =
    ["login", "ping", "list", "own event", "own list", "originate", "refusal", "bad login"];
/// How `tests/node` ends where there is no Node to be had.
const UNAVAILABLE: i32 = 69;

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What a script that gets libraries prints, or why it cannot get them.
fn got_by(script: &str) -> Result<PathBuf, String> {
    let output = Command::new(here(script)).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => Ok(PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())),
        Some(UNAVAILABLE) => Err(told),
        code => panic!("{script}: {code:?}: {told}"),
    }
}

/// Runs a program against a daemon of its own, and checks that each step went well.
fn drives(name: &str, program: &mut Command) {
    let lab = Lab::up(name);
    let mut daemon = Daemon::start_relaying(&lab, "relay", "");
    daemon.poll("Asterisk", |daemon| {
        let mut client = daemon.client();
        client.action("CoreStatus", &[]).is_success().then_some(())
    });
    let address = daemon.address();
    let (host, port) = address.split_once(':').unwrap();
    let output = program.args([host, port, USER, SECRET]).output().unwrap();
    let (told, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let steps: Vec<_> = told.lines().collect();
    assert!(output.status.success() && steps == STEPS, "{name}: {told}\n{wrong}\n{}", daemon.log());
    daemon.check();
}

fn python(name: &str) {
    let python = got_by("tests/python").unwrap_or_else(|why| panic!("{why}"));
    drives(
        name,
        Command::new("timeout").arg("90").arg(python).arg(here(&format!("tests/clients/with_{name}.py"))),
    );
}

#[test]
fn pythons_panoramisk_does_all_that_it_does_on_asterisk() {
    python("panoramisk");
}

#[test]
fn pythons_pystrix_does_all_that_it_does_on_asterisk() {
    python("pystrix");
}

#[test]
fn npms_asterisk_manager_does_all_that_it_does_on_asterisk() {
    let modules = match got_by("tests/node") {
        Ok(modules) => modules,
        Err(why) => {
            println!("SKIPPED, there is no Node to run it: {why}");
            return;
        }
    };
    let script = here("tests/clients/with_asterisk_manager.js");
    drives(
        "asterisk-manager",
        Command::new("timeout").args(["90", "node"]).arg(script).env("NODE_PATH", modules),
    );
}
