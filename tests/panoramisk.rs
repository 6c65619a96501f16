//! The tutorial as a user's program drives it: the script of `docs/tutorial.py` with the public library panoramisk.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::daemon::{Daemon, SECRET, USER};
use support::lab::Lab;
use support::scenario::assert_lines_whole;

/// The version that the script is shown to work with.
const PANORAMISK: &str = "panoramisk==1.4";

/// A Python that has panoramisk, made once under `target`.
fn python() -> PathBuf {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panoramisk");
    let python = venv.join("bin/python");
    let run = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let output = output
            .unwrap_or_else(|why| panic!("{}: {why}; install python3 and python3-venv", program.display()));
        output
            .status
            .success()
            .then_some(())
            .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
    };
    if !python.exists() || run(&python, &["-c", "import panoramisk"]).is_err() {
        run(Path::new("python3"), &["-m", "venv", "--clear", venv.to_str().unwrap()]).unwrap();
        run(&python, &["-m", "pip", "install", "--quiet", PANORAMISK]).unwrap();
    }
    python
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
        assert!(told.contains(&format!("campaign {status}\n")), "{status} in\n{told}");
    }
    assert!(told.contains("OutDialingDelete 1030001 7 4 Normal Clearing"), "{told}");
    assert!(told.contains("OutDialingDelete 2001 7 5 Unknown"), "{told}");
    assert!(told.contains("finished 2 of 2"), "{told}");
    assert_lines_whole(&daemon.results());
}
