//! The frontend of the `astout` binary: arguments in, exit code out.

use std::process::ExitCode;

use rustix::fs::Mode;
use rustix::process::umask;

fn main() -> ExitCode {
    // Database, lists and logs hold people's numbers: what is made here is nothing for everybody.
    let closed = umask(Mode::empty());
    umask(closed | Mode::WGRP | Mode::RWXO);
    ExitCode::from(astout::cli::run(std::env::args_os()))
}
