//! The frontend of the `astout` binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(astout::cli::run(std::env::args_os()))
}
