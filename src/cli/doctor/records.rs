//! What the database and the result log say.

use super::finding::Findings;
use crate::check::CheckError;
use crate::check::facts::{self, Facts};
use crate::config::Config;

/// SQLite before this can lose a write of a WAL that is checkpointed and written at once.
const SQLITE_AT_LEAST: &str = "3.51.3";

/// Reads both; gives what campaigns name.
pub(super) async fn check(config: &Config, deep: bool, findings: &mut Findings) -> Option<Facts> {
    let facts = match facts::read(&config.database.file, deep).await {
        Ok(facts) => facts,
        Err(why) => {
            findings.fail(
                "database",
                why.to_string(),
                "restore the last backup, or ask as the daemon's user",
            );
            return None;
        }
    };
    let parts =
        |version: &str| version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
    if parts(&facts.sqlite) >= parts(SQLITE_AT_LEAST) {
        findings.ok("SQLite", facts.sqlite.clone());
    } else {
        let to_do = format!("build astout with {SQLITE_AT_LEAST} or newer");
        findings.fail("SQLite", facts.sqlite.clone(), to_do);
    }
    match facts.damage.as_deref() {
        None => {
            findings.note("database integrity", "not read through", "astout doctor --deep reads every page");
        }
        Some([]) => findings.ok("database integrity", "every page is sound"),
        Some(damage) => {
            let to_do = "stop astout and restore the last backup, or sqlite3 FILE .recover into a new one";
            findings.fail("database integrity", damage.join(", "), to_do);
        }
    }
    match facts::last_line(&config.result.filename) {
        Ok(last) => result_log(&facts, last, findings),
        Err(CheckError::File { why, .. }) => {
            findings.fail("result log", why.to_string(), "see its directory's rights");
        }
        Err(why @ CheckError::Database { .. }) => findings.fail("result log", why.to_string(), ""),
    }
    Some(facts)
}

/// `in_log` is the number of its last line, where it or what was rotated from it has one.
fn result_log(facts: &Facts, in_log: Option<i64>, findings: &mut Findings) {
    let Facts { last_seq, logged, open, .. } = facts;
    let what = "result lines";
    if in_log.is_none() && *logged > 0 {
        let found = format!("the log has none, and those up to {logged} were written");
        let to_do =
            "right where the old log was moved elsewhere, as after a restore; else look for the missing file";
        findings.warn(what, found, to_do);
        return;
    }
    let in_log = in_log.unwrap_or_default();
    if in_log > *last_seq {
        let found = format!("the log has line {in_log}, the database made {last_seq}");
        findings.fail(
            what,
            found,
            "was an older database restored? see astout check; then move the old log to another directory",
        );
    } else if in_log < *logged {
        let found = format!("the log ends with line {in_log}, and {logged} was written");
        findings.fail(what, found, "look for the missing file or lines; see astout check");
    } else if in_log < *last_seq {
        let found = format!("{} on their way to the log", last_seq - in_log);
        findings.warn(what, found, "the daemon writes them; if they become more, see its log");
    } else {
        findings.ok(what, format!("{last_seq}, all in the log; {open} dialings open"));
    }
}
