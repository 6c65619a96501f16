//! The tutorial as a user's program drives it: the script of `docs/tutorial.py` with the public library panoramisk.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::ami::header;
use support::daemon::{Daemon, SECRET, USER};
use support::lab::Lab;
use support::scenario::assert_lines_whole;

/// A Python that has panoramisk, made once under `target`.
fn python() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

#[test]
fn panoramisk_drives_the_whole_tutorial() {
    let python = python();
    let lab = Lab::up("panoramisk");
    let daemon = Daemon::start(&lab, "");
    let address = daemon.address();
    let (host, port) = address.split_once(':').unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tutorial.py");
    let output = Command::new("timeout")
        .arg("60")
        .arg(python)
        .arg(script)
        .args([host, port, USER, SECRET, "1030001", "2001"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    for status in ["11", "1", "10", "0"] {
        assert!(told.contains(&format!("OutCampaignUpdate  {status} ")), "{status} in\n{told}");
    }
    assert!(told.contains("OutDialingDelete 1030001 7 4 Normal Clearing"), "{told}");
    assert!(told.contains("OutDialingDelete 2001 7 5 Unknown"), "{told}");
    let stat = &daemon.client().list("OutCampaignStatShow", &[])[0];
    assert_eq!((header(stat, "DlFinishedCount").as_str(), header(stat, "DlTotalCount").as_str()), ("2", "2"));
    daemon.check();
    assert_lines_whole(&daemon.results());
}
