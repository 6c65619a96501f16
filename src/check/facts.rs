//! What `astout doctor` asks of a database and a result log: read as `astout check` reads them, and nothing judged.

use std::path::Path;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, query};

use super::CheckError;
use super::database::Database;
use super::files::ResultFiles;

const VERSION: &str = "SELECT sqlite_version()";
const QUICK_CHECK: &str = "PRAGMA quick_check(10)";
const OPEN: &str = "SELECT count(*) FROM dialing WHERE open = 1";
/// Of campaigns that are there, at work or not.
const DESTINATIONS: &str =
    "SELECT DISTINCT c.uuid, d.type, coalesce(d.application, ''), coalesce(d.data, ''),
        coalesce(d.context, ''), coalesce(d.exten, '')
    FROM campaign c JOIN destination d ON d.uuid = c.dest WHERE c.in_use = 1 AND d.in_use = 1
    ORDER BY c.tm_create, c.uuid";
const PLANS: &str = "SELECT p.uuid, p.tech_name, coalesce(p.trunk_name, ''),
        EXISTS (SELECT 1 FROM campaign c WHERE c.plan = p.uuid AND c.in_use = 1)
    FROM plan p WHERE p.in_use = 1 AND p.tech_name IS NOT NULL ORDER BY p.tm_create, p.uuid";

/// What a database says of itself and of what its campaigns name.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Of the library that reads and writes it.
    pub sqlite: String,
    /// What `PRAGMA quick_check` found; `None` where it was not asked for, empty where all is well.
    pub damage: Option<Vec<String>>,
    /// The number of the last result line.
    pub last_seq: i64,
    /// Up to which line the log is known to be written.
    pub logged: i64,
    /// Dialings that have not ended.
    pub open: u64,
    /// Where campaigns send answered calls.
    pub destinations: Vec<Destination>,
    /// What plans dial by.
    pub technologies: Vec<Technology>,
}

/// Where a campaign sends answered calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The campaign's uuid.
    pub campaign: String,
    /// What it names.
    pub place: Place,
}

/// What a destination names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The queue of that name.
    Queue(String),
    /// A place in the dialplan.
    Exten {
        /// Its context.
        context: String,
        /// Its extension.
        exten: String,
    },
    /// Another application.
    Application(String),
}

/// What a plan dials by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Technology {
    /// The plan's uuid.
    pub plan: String,
    /// In capitals, without its slash.
    pub name: String,
    /// What stands behind the `@`: a trunk, or for Local a context.
    pub trunk: String,
    /// Whether a campaign uses the plan.
    pub in_use: bool,
}

/// Reads them. `deep` reads every page of the file.
///
/// # Errors
/// Where the database cannot be read.
pub async fn read(database: &Path, deep: bool) -> Result<Facts, CheckError> {
    let mut database = Database::open(database).await?;
    let failed = database.failed();
    let conn = &mut database.conn;
    let row = query(VERSION).fetch_one(&mut *conn).await.map_err(&failed)?;
    let mut facts = Facts { sqlite: row.try_get(0).map_err(&failed)?, ..Facts::default() };
    if deep {
        let rows = query(QUICK_CHECK).fetch_all(&mut *conn).await.map_err(&failed)?;
        let told =
            rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>().map_err(&failed)?;
        facts.damage = Some(told.into_iter().filter(|line| line != "ok").collect());
    }
    let rows = query(DESTINATIONS).fetch_all(&mut *conn).await.map_err(&failed)?;
    facts.destinations = rows.iter().map(destination).collect::<Result<_, _>>().map_err(&failed)?;
    let rows = query(PLANS).fetch_all(&mut *conn).await.map_err(&failed)?;
    facts.technologies = rows.iter().map(technology).collect::<Result<_, _>>().map_err(&failed)?;
    facts.last_seq = database.last_seq().await?;
    facts.logged = database.logged().await?;
    facts.open = database.one(OPEN).await?.unsigned_abs();
    Ok(facts)
}

fn destination(row: &SqliteRow) -> Result<Destination, sqlx::Error> {
    let application: String = row.try_get(2)?;
    let data: String = row.try_get(3)?;
    let place = if row.try_get::<i64, _>(1)? == 0 {
        Place::Exten { context: row.try_get(4)?, exten: row.try_get(5)? }
    } else if application.eq_ignore_ascii_case("queue") {
        Place::Queue(data.split(',').next().unwrap_or_default().to_owned())
    } else {
        Place::Application(application)
    };
    Ok(Destination { campaign: row.try_get(0)?, place })
}

fn technology(row: &SqliteRow) -> Result<Technology, sqlx::Error> {
    let name: String = row.try_get(1)?;
    Ok(Technology {
        plan: row.try_get(0)?,
        name: name.trim_end_matches('/').to_ascii_uppercase(),
        trunk: row.try_get(2)?,
        in_use: row.try_get(3)?,
    })
}

/// The number of the last line of a result log or of the newest file rotated from it; `None` where there is no line.
///
/// # Errors
/// Where a file cannot be read.
pub fn last_line(log: &Path) -> Result<Option<i64>, CheckError> {
    let mut last = None;
    for mut file in ResultFiles::beside(log)?.files.into_iter().rev() {
        last = file.last_seq()?;
        if last.is_some() {
            break;
        }
    }
    Ok(last)
}
