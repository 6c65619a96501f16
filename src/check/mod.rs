//! The independent reader behind `astout check`: do the records say that the promises held?
//!
//! It reads what the daemon has written (database, result log) and what others have (a dial log, Asterisk's CDR) with
//! SQL and parsing of its own, so that a mistake of the store is not repeated here. It writes nothing but temporary
//! tables, and may run beside a daemon:
//!
//! ```text
//!  1 how far the log is known to be written   2 the files are opened, their lengths kept   3 one read transaction
//! ```
//!
//! A line is committed before it is written and known to be written after, so in this order every line that is read
//! has its row in the transaction, and every line that 1 knows of is in what is read. What is committed and behind
//! both is on its way, which is no breach.
//!
//! | file | subject |
//! |---|---|
//! | [`report`] | promises, what is found against them, text and JSON |
//! | `files` | the result log with the files rotated from it, each up to a length; their lines |
//! | `line` | one line by itself: keys, codes, the order of its times |
//! | `log` | the lines against each other, the outbox and the rows |
//! | `dialings` | the rows of attempts against each other |
//! | `clock` | when the clock was set back, so that times do not tell |
//! | `contacts` | tries, marks and counters of the contacts |
//! | `caps` | attempts in a period, of each contact and number |
//! | `codes` | every status in its table |
//! | `dialled` | dial logs and CDR against the rows |
//! | [`facts`] | what `astout doctor` asks of a database and a log |

mod caps;
mod clock;
mod codes;
mod contacts;
mod database;
mod dialings;
mod dialled;
pub mod facts;
mod files;
mod line;
mod log;
pub mod report;
mod rows;
pub mod running;

use std::io;
use std::path::PathBuf;

use crate::model::policy::Policy;
use clock::Clock;
use database::Database;
use files::{Bounded, ResultFiles};
use report::{Findings, Report};

/// What is read, and by which rules.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The SQLite file.
    pub database: PathBuf,
    /// The result log. The files rotated from it are found beside it.
    pub result_log: PathBuf,
    /// In place of `result_log`: exactly these files.
    pub result_files: Vec<PathBuf>,
    /// What a PBX says that it dialled: JSON lines with `channelid`.
    pub dial_logs: Vec<PathBuf>,
    /// Asterisk's `cdr-csv/Master.csv`, with `loguniqueid`.
    pub cdrs: Vec<PathBuf>,
    /// Calls at once, at most.
    pub max_channels: Option<u32>,
    /// Originates a second, at most.
    pub calls_per_second: Option<u32>,
    /// Which numbers are never dialled.
    pub policy: Policy,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The database cannot be opened or read.
    #[error(
        "the database {path} cannot be read: {why}; it has to be one of astout, and its directory be open to you"
    )]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: sqlx::Error,
    },
}

/// Reads everything and says what it found.
///
/// # Errors
/// Where something cannot be read at all; a file with nonsense in it is a finding.
pub async fn run(options: &Options) -> Result<Report, CheckError> {
    let mut findings = Findings::default();
    let mut database = Database::open(&options.database).await?;
    let running = running::daemon_of(&options.database);
    let logged = database.logged().await?;
    let files = match options.result_files.as_slice() {
        [] => ResultFiles::beside(&options.result_log)?,
        given => ResultFiles::given(given)?,
    };
    let dial_logs = options.dial_logs.iter().map(Bounded::open).collect::<Result<Vec<_>, _>>()?;
    let cdrs = options.cdrs.iter().map(Bounded::open).collect::<Result<Vec<_>, _>>()?;
    database.begin().await?;

    let clock = Clock::read(&mut database, &mut findings).await?;
    let log = log::check(&mut database, files, logged, running.as_ref(), &clock, &mut findings).await?;
    dialings::check(&mut database, &clock, options.max_channels, &mut findings).await?;
    contacts::check(&mut database, &mut findings).await?;
    caps::check(&mut database, &mut findings).await?;
    codes::check(&mut database, &mut findings).await?;
    dialled::check(&mut database, dial_logs, cdrs, options, &clock, &mut findings).await?;
    Ok(findings.report(log.lines, log.pending, running.is_some()))
}
