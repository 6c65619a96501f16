//! `astout check-config`: is this config right? One line a problem, nothing is started or changed.

use std::io::{self, Write};
use std::path::Path;

use super::{CONFIG, IO, OK};
use crate::config::Config;

/// Checks the file under `environment` and writes what it found to `out`: the problems, one a line, or the warnings
/// and a line that says it is right. Returns the exit code.
pub fn run(path: &Path, environment: impl IntoIterator<Item = (String, String)>, out: &mut dyn Write) -> u8 {
    report(path, environment, out).unwrap_or(IO)
}

fn report(
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    out: &mut dyn Write,
) -> io::Result<u8> {
    match Config::load(path, environment) {
        Ok(config) => {
            for warning in &config.warnings {
                writeln!(out, "warning: {warning}")?;
            }
            for line in config.not_built() {
                writeln!(out, "note: {line}")?;
            }
            writeln!(out, "{}: config OK", path.display())?;
            Ok(OK)
        }
        Err(error) => {
            for problem in &error.problems {
                writeln!(out, "{problem}")?;
            }
            Ok(CONFIG)
        }
    }
}
