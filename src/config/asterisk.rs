//! `[asterisk]`, or `[[asterisk]]` with a name for each of several: the PBXs that dial for us.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use toml::de::DeTable;

use super::problem::Place;
use super::secret::Secret;
use super::section::{Given, Reader, Section, tables_of};

/// One Asterisk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asterisk {
    /// What it is called in logs and commands: letters, digits, `_`, `.` and `-`; unique.
    pub name: String,
    /// Host name or address of its AMI.
    pub host: String,
    /// Port of its AMI.
    pub port: u16,
    /// The AMI user we log in as.
    pub username: String,
    /// That user's secret, from `secret` or `secret_file`.
    pub secret: Secret,
    /// Whether the connection is encrypted. Not built yet: `true` is refused rather than ignored.
    pub tls: bool,
    /// Calls at once: a ceiling, not an aim.
    pub max_channels: u32,
    /// Originates a second: likewise.
    pub calls_per_second: u32,
    /// Originates without its answer at once: an Asterisk that stands still may place them all when it goes on.
    pub max_unanswered: u32,
    /// A second AMI user, with the same secret, for relayed actions; `None`: the same one.
    pub relay_username: Option<String>,
}

/// Reads the one or the several; never an empty list.
pub(super) fn read_all<'a>(reader: &mut Reader<'a>, document: &'a DeTable<'a>) -> Vec<Asterisk> {
    let Some(given) = document.get("asterisk") else {
        let place = reader.whole_file();
        return vec![read(Section::only_one(reader, "asterisk", None, place), Some("asterisk"))];
    };
    let value = given.get_ref();
    let place = reader.line_at(&given.span());
    if let Some(table) = value.as_table() {
        return vec![read(Section::only_one(reader, "asterisk", Some(table), place), Some("asterisk"))];
    }
    let tables = tables_of(value, |span| reader.line_at(span)).filter(|tables| !tables.is_empty());
    let Some(tables) = tables else {
        reader.not_overridable("ASTOUT__ASTERISK__", "asterisk is not a section; allowed: [asterisk]");
        reader.problem(
            place,
            "asterisk",
            "is not a section; allowed: [asterisk], or [[asterisk]] for each of several",
        );
        return Vec::new();
    };
    if let [(table, place)] = tables.as_slice() {
        let section = Section::only_one(reader, "asterisk", Some(table), place.clone());
        return vec![read(section, Some("asterisk"))];
    }
    let why = format!("there are {} [[asterisk]] sections; allowed: in the file", tables.len());
    reader.not_overridable("ASTOUT__ASTERISK__", why);
    let mut all: Vec<Asterisk> = Vec::new();
    for (index, (table, place)) in tables.into_iter().enumerate() {
        let one = read(Section::of_many(reader, "asterisk", index + 1, table, place.clone()), None);
        if !one.name.is_empty() && all.iter().any(|other| other.name == one.name) {
            duplicate(reader, place, index + 1, &one.name);
        }
        all.push(one);
    }
    all
}

fn duplicate(reader: &mut Reader<'_>, place: Place, number: usize, name: &str) {
    let text = format!("{name:?} is taken; allowed: a name of its own for each [[asterisk]]");
    reader.problem(place, format!("asterisk[{number}].name"), text);
}

fn read(mut section: Section<'_, '_>, default_name: Option<&str>) -> Asterisk {
    const NAME: &str = "1 to 64 letters, digits, \"_\", \".\" or \"-\"";
    let name = section.value("name", default_name.unwrap_or_default().into(), NAME, |given| {
        let text = given.text()?;
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is no name")) }
    });
    if default_name.is_none() && !section.is_in_file("name") {
        section.problem("name", format!("is missing, and there are several [[asterisk]]; allowed: {NAME}"));
    }
    let asterisk = Asterisk {
        name,
        host: section.name("host", "127.0.0.1"),
        port: section.number("port", 5038, 1..=u16::MAX),
        username: section.name("username", "astout"),
        secret: read_secret(&mut section),
        tls: section.flag("tls", false),
        max_channels: section.number("max_channels", 500, 1..=100_000),
        calls_per_second: section.number("calls_per_second", 50, 1..=10_000),
        max_unanswered: section.number("max_unanswered", 200, 1..=1_000),
        relay_username: Some(section.text("relay_username", "")).filter(|name| !name.is_empty()),
    };
    if asterisk.tls {
        section.problem("tls", "TLS to Asterisk is not built yet; allowed: false");
    } else if !is_this_machine(&asterisk.host) {
        let text =
            format!("the connection to {} is not encrypted; keep it inside a trusted network", asterisk.host);
        section.warning("host", text);
    }
    section.finish();
    asterisk
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// `secret`, or the first line of `secret_file`; the one in the environment wins.
fn read_secret(section: &mut Section<'_, '_>) -> Secret {
    const ALLOWED: &str = "secret = \"…\", or secret_file = \"…\"";
    let secret = section.value("secret", "", "a string", Given::text);
    let file = section.value("secret_file", "", "the name of a file", Given::text);
    section.reader().secret_in_file |= section.is_in_file("secret");
    let (by_secret, by_file) = (section.is_overridden("secret"), section.is_overridden("secret_file"));
    match (secret, file) {
        ("", "") => {
            if !section.is_in_file("secret") && !section.is_in_file("secret_file") {
                section.problem("secret", format!("is missing; allowed: {ALLOWED}"));
            } else if section.given("secret").is_none_or(|given| given.text().is_ok()) {
                section.problem("secret", format!("is empty; allowed: {ALLOWED}"));
            }
            Secret::default()
        }
        (_, "") => Secret::new(secret),
        ("", _) => read_secret_file(section, file),
        _ if by_secret && !by_file => Secret::new(secret),
        _ if by_file && !by_secret => read_secret_file(section, file),
        _ => {
            section.problem("secret_file", "is given beside secret; allowed: one of the two");
            Secret::default()
        }
    }
}

fn read_secret_file(section: &mut Section<'_, '_>, name: &str) -> Secret {
    const ALLOWED: &str =
        "a file that holds the secret on one line, its name relative to the config file's folder";
    let file = section.reader().file().parent().unwrap_or(Path::new("")).join(name);
    let wrong = match std::fs::read_to_string(&file) {
        Err(error) => format!("{} cannot be read: {error}", file.display()),
        Ok(text) => match text.trim_end_matches(['\r', '\n']) {
            "" => format!("{} is empty", file.display()),
            secret if secret.chars().any(char::is_control) => {
                format!("{} has more than one line, or control characters", file.display())
            }
            secret => {
                if std::fs::metadata(&file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0) {
                    let text = format!("{0} can be read by everybody; run: chmod o= {0}", file.display());
                    section.warning("secret_file", text);
                }
                return Secret::new(secret);
            }
        },
    };
    section.problem("secret_file", format!("{wrong}; allowed: {ALLOWED}"));
    Secret::default()
}
