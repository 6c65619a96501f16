//! `astout doctor`: is everything there that dialing needs? A line each, with what to do. Changes nothing, and may be
//! asked beside a running daemon.
//!
//! | file | subject |
//! |---|---|
//! | [`finding`] | a line, and how all are printed |
//! | [`machine`] | the daemon, the disk, the files |
//! | [`records`] | database and result log |
//! | [`asterisk`] | the login, rights, version, clock, queues, contexts, drivers |
//! | [`relay`] | the second user, for what is relayed |
//! | [`session`] | one question after the other over AMI |

mod asterisk;
mod finding;
mod machine;
mod records;
mod relay;
mod session;

use std::path::Path;

use clap::Args;

use self::finding::Findings;
use super::{INTERNAL, OK, REFUSED, complain, printed};
use crate::config::Config;
use crate::daemon::clock::Clock;

/// How far it looks.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Read every page of the database: a second or so for a million contacts.
    #[arg(long)]
    deep: bool,
}

/// Looks at everything and prints it; 0, or 1 where something does not work.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, what: &Arguments, json: bool) -> u8 {
    let mut findings = Findings::default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return complain(INTERNAL, why),
    };
    match Config::load(path, environment) {
        Ok(config) => {
            settings(path, &config, &mut findings);
            let facts = machine::check(&config, &mut findings)
                .then(|| runtime.block_on(records::check(&config, what.deep, &mut findings)))
                .flatten();
            for one in &config.asterisk {
                let writes_dialplan = config.dialplan.directory.is_some();
                asterisk::check(one, facts.as_ref(), (Clock::start(), writes_dialplan), &mut findings);
                relay::check(one, &config.manager, &mut findings);
            }
        }
        Err(error) => {
            for problem in &error.problems {
                findings.fail(
                    "configuration",
                    problem.to_string(),
                    "mend it; astout check-config says when it is right",
                );
            }
        }
    }
    let done = findings.print(json, &mut std::io::stdout().lock());
    printed(done, if findings.failed() { REFUSED } else { OK })
}

fn settings(path: &Path, config: &Config, findings: &mut Findings) {
    findings.ok("configuration", format!("{} is right", path.display()));
    for warning in &config.warnings {
        findings.warn("configuration", warning.to_string(), "");
    }
    for line in config.not_built() {
        findings.note("configuration", line, "");
    }
}
