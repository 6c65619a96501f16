//! `astout.toml`: load and check, one file a section. Only `boot` reads it; what a room needs of it, boot hands over
//! in that room's own types. Nothing here imports another room.
//!
//! ```
//! use astout::config::Config;
//!
//! let text = "[asterisk]\nsecret = \"s3cret\"\n";
//! let environment = [("ASTOUT__ASTERISK__PORT".to_string(), "5039".to_string())];
//! let config = Config::load_str(text, "astout.toml".as_ref(), environment)?;
//! assert_eq!(config.asterisk[0].port, 5039);
//! # Ok::<(), astout::config::ConfigError>(())
//! ```

mod agi;
mod asterisk;
mod cli;
mod database;
mod dialer;
mod dialplan;
mod http;
mod listen;
mod manager;
mod policy;
mod problem;
mod result;
mod secret;
mod section;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use toml::de::DeTable;

pub use agi::Agi;
pub use asterisk::Asterisk;
pub use cli::Cli;
pub use database::Database;
pub use dialer::{Dialer, OnUnknown, OrphanPolicy};
pub use dialplan::Dialplan;
pub use http::Http;
pub use manager::{CLASSES, Manager, ManagerSecret, ManagerUser};
pub use policy::Policy;
pub use problem::{ConfigError, Place, Problem};
pub use result::ResultLog;
pub use secret::Secret;
pub(crate) use section::suggestion;
use section::{ENVIRONMENT_PREFIX, Reader};

const SECTIONS: [&str; 10] =
    ["asterisk", "manager", "http", "agi", "cli", "database", "result", "dialplan", "policy", "dialer"];

/// The file read where no `--config` is given.
pub fn default_path() -> &'static Path {
    Path::new("/etc/astout/astout.toml")
}

/// Our variables of this process's environment: what [`Config::load`] takes in earnest.
pub fn process_environment() -> Vec<(String, String)> {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let ours = |(name, _): &(String, String)| name.starts_with(ENVIRONMENT_PREFIX);
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).filter(ours).collect()
}

/// Every key that a config may have, in order: `asterisk.port`, `manager.user.name`.
pub fn known_keys() -> Vec<String> {
    let environment = BTreeMap::new();
    let text = "[[manager.user]]";
    let document = DeTable::parse(text).map(toml::Spanned::into_inner).unwrap_or_default();
    let mut reader = Reader::new(Path::new(""), text, &environment);
    read(&mut reader, &document);
    reader.keys
}

/// A config that was found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The PBXs: at least one, each with a name of its own.
    pub asterisk: Vec<Asterisk>,
    /// The AMI server.
    pub manager: Manager,
    /// REST, events, dashboard, metrics.
    pub http: Http,
    /// FastAGI.
    pub agi: Agi,
    /// The commands' socket.
    pub cli: Cli,
    /// Where everything is kept.
    pub database: Database,
    /// The result log.
    pub result: ResultLog,
    /// What astout writes for Asterisk's dialplan.
    pub dialplan: Dialplan,
    /// What may ever be sent to Asterisk.
    pub policy: Policy,
    /// The dialer's habits.
    pub dialer: Dialer,
    /// What is allowed, and should be looked at: logged at each start.
    pub warnings: Vec<Problem>,
}

impl Default for Config {
    /// Every key's default; the one Asterisk's secret is empty.
    fn default() -> Self {
        let (environment, document) = (BTreeMap::new(), DeTable::default());
        read(&mut Reader::new(Path::new(""), "", &environment), &document)
    }
}

impl Config {
    /// Reads a file, and the variables `ASTOUT__SECTION__KEY` of `environment` over it.
    ///
    /// # Errors
    /// Every problem found; only a file that cannot be read, or is no TOML, has but one.
    pub fn load(
        path: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let text = format!("cannot be read: {error}");
            ConfigError {
                problems: vec![Problem { place: Place::File(path.into()), key: String::new(), text }],
            }
        })?;
        let (mut config, secret_in_file) = load(&text, path, environment)?;
        let open = std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0);
        if secret_in_file && open {
            let text = format!("has secrets and can be read by everybody; run: chmod o= {}", path.display());
            config.warnings.push(Problem { place: Place::File(path.into()), key: String::new(), text });
        }
        Ok(config)
    }

    /// The same from a text; `path` is what messages call it, and what a relative `secret_file` is relative to.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_str(
        text: &str,
        path: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        load(text, path, environment).map(|(config, _)| config)
    }

    /// What the config turns on and this build does not have yet: a line each for the log at start.
    pub fn not_built(&self) -> Vec<String> {
        let doors = [("http", self.http.listen)];
        doors
            .iter()
            .filter_map(|(door, listen)| Some((door, (*listen)?)))
            .map(|(door, listen)| {
                format!("[{door}] listen = \"{listen}\": this door is not built yet; it is off")
            })
            .collect()
    }
}

fn load(
    text: &str,
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(Config, bool), ConfigError> {
    let environment: BTreeMap<String, String> = environment.into_iter().collect();
    let mut reader = Reader::new(path, text, &environment);
    let document = match DeTable::parse(text) {
        Ok(document) => document.into_inner(),
        Err(error) => {
            let place = error.span().map_or_else(|| reader.whole_file(), |span| reader.line_at(&span));
            reader.problem(place, "", format!("is no TOML: {}", error.message()));
            return Err(ConfigError { problems: reader.problems });
        }
    };
    let config = read(&mut reader, &document);
    for key in document.keys().filter(|key| !SECTIONS.contains(&key.get_ref().as_ref())) {
        let name = key.get_ref().as_ref();
        let place = reader.line_at(&key.span());
        let known = suggestion(name, SECTIONS.into_iter());
        reader.problem(place, name, format!("is no section, and keys stand in one; {known}"));
    }
    reader.refuse_unknown_variables();
    if reader.problems.is_empty() {
        Ok((config, reader.secret_in_file))
    } else {
        reader.problems.sort_by_key(|problem| problem.place.order());
        Err(ConfigError { problems: reader.problems })
    }
}

/// Reads each section; problems stay in the reader.
fn read<'a>(reader: &mut Reader<'a>, document: &'a DeTable<'a>) -> Config {
    let mut config = Config {
        asterisk: asterisk::read_all(reader, document),
        manager: manager::read(reader.section(document, "manager")),
        http: http::read(reader.section(document, "http")),
        agi: agi::read(reader.section(document, "agi")),
        cli: cli::read(reader.section(document, "cli")),
        database: database::read(reader.section(document, "database")),
        result: result::read(reader.section(document, "result")),
        dialplan: dialplan::read(reader.section(document, "dialplan")),
        policy: policy::read(reader.section(document, "policy")),
        dialer: dialer::read(reader.section(document, "dialer")),
        warnings: Vec::new(),
    };
    refuse_shared_addresses(reader, document, &config);
    config.warnings = std::mem::take(&mut reader.warnings);
    config
}

/// Two doors cannot have one address; port 0 is a new one each time.
fn refuse_shared_addresses<'a>(reader: &mut Reader<'a>, document: &'a DeTable<'a>, config: &Config) {
    let doors =
        [("manager", config.manager.listen), ("http", config.http.listen), ("agi", config.agi.listen)];
    let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
    for (door, address) in doors {
        let Some(address) = address.filter(|address| address.port() != 0) else { continue };
        if let Some((other, _)) = taken.iter().find(|(_, theirs)| *theirs == address) {
            let text =
                format!("{address} is taken by {other}.listen; allowed: another port, or \"\" for off");
            reader.section(document, door).problem("listen", text);
        }
        taken.push((door, address));
    }
}
