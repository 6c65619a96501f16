//! `[database]`: where everything is kept.

use std::path::PathBuf;

use super::section::Section;

/// The database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// As given: `sqlite://` and a file name.
    pub url: String,
    /// The file that `url` names, taken as it stands (nothing is percent-decoded).
    pub file: PathBuf,
}

pub(super) fn read(mut section: Section<'_, '_>) -> Database {
    const FILE: &str = "/var/lib/astout/astout.sqlite3";
    let url = format!("sqlite://{FILE}");
    let allowed = format!("sqlite:// and a file, as in \"{url}\"");
    let default = Database { url, file: FILE.into() };
    let database = section.value("url", default, &allowed, |given| {
        let url = given.text()?;
        Ok(Database { url: url.into(), file: take_file(url)?.into() })
    });
    section.finish();
    database
}

/// The url is not part of a message: another database's holds a password.
fn take_file(url: &str) -> Result<&str, String> {
    let Some((scheme, file)) = url.split_once("://") else { return Err("has no scheme".into()) };
    match scheme {
        "sqlite" if file.is_empty() || file.contains(":memory:") => Err("names no file".into()),
        "sqlite" if file.contains('?') => Err("has parameters".into()),
        "sqlite" => Ok(file),
        "postgres" | "postgresql" => Err("PostgreSQL is not built yet".into()),
        _ => Err(format!("scheme {scheme:?} is unknown")),
    }
}
