//! `astout check`: do the records say that the promises held? Safe while the daemon runs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{CONFIG, INTERNAL, IO, OK, REFUSED, UNAVAILABLE, complain, printed};
use crate::check::report::Report;
use crate::check::{self, CheckError, Options};
use crate::config::{self, Config};
use crate::{boot, model};

/// What is read in place of, or beside, what the configuration names.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The SQLite file, in place of the configuration's.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// Exactly these files of result lines, in place of the configuration's with those rotated from it.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    results: Vec<PathBuf>,
    /// What a PBX says that it dialled: JSON lines with at least `channelid`, as the sandbox writes them.
    #[arg(long, value_name = "FILE")]
    dial_log: Vec<PathBuf>,
    /// Asterisk's cdr-csv/Master.csv, written with loguniqueid = yes.
    #[arg(long, value_name = "FILE")]
    cdr: Vec<PathBuf>,
    /// The most calls at once, in place of the configuration's: it may have been more before.
    #[arg(long, value_name = "N")]
    max_channels: Option<u32>,
}

/// Reads, and prints the verdict; 0 held, 1 not.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, what: Arguments, json: bool) -> u8 {
    let all_given = what.database.is_some() && !what.results.is_empty();
    let config = match Config::load(path, environment) {
        Ok(config) => Some(config),
        // Who names the files need not be able to read the secrets.
        Err(_) if all_given && path == config::default_path() => None,
        Err(error) => return complain(CONFIG, format!("the configuration is wrong:\n{error}")),
    };
    let asterisk = config.as_ref().and_then(|config| config.asterisk.first());
    let max_channels = what.max_channels.or(asterisk.map(|asterisk| asterisk.max_channels));
    let calls_per_second = asterisk.map(|asterisk| asterisk.calls_per_second);
    let policy =
        config.as_ref().map_or_else(model::policy::Policy::default, |config| boot::policy(&config.policy));
    let Config { database, result, .. } = config.unwrap_or_default();
    let options = Options {
        database: what.database.unwrap_or(database.file),
        result_log: result.filename,
        result_files: what.results,
        dial_logs: what.dial_log,
        cdrs: what.cdr,
        max_channels,
        calls_per_second,
        policy,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return complain(INTERNAL, why),
    };
    match runtime.block_on(check::run(&options)) {
        Ok(report) => printed(print(&report, json), if report.held { OK } else { REFUSED }),
        Err(why @ CheckError::File { .. }) => complain(IO, why),
        Err(why @ CheckError::Database { .. }) => complain(UNAVAILABLE, why),
    }
}

fn print(report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)
    } else {
        write!(out, "{report}")
    }
}
