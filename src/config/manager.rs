//! `[manager]`: the AMI server, and `[[manager.user]]`: who may log in to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use argon2::PasswordHash;
use ipnet::{IpNet, Ipv4Net};
use toml::de::DeTable;

use super::listen;
use super::problem::Place;
use super::secret::Secret;
use super::section::{Given, Reader, Section, nearest};

/// The classes of rights: those of Asterisk's manager.conf, then ours, which `all` includes.
pub const CLASSES: [&str; 25] = [
    "all",
    "system",
    "call",
    "log",
    "verbose",
    "command",
    "agent",
    "user",
    "config",
    "dtmf",
    "reporting",
    "cdr",
    "dialplan",
    "originate",
    "agi",
    "cc",
    "aoc",
    "test",
    "security",
    "message",
    "out-view",
    "out-contact",
    "out-control",
    "out-config",
    "out-admin",
];

/// The AMI server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Where it listens; `None` where it is turned off.
    pub listen: Option<SocketAddr>,
    /// Whether it may listen beyond this machine without TLS.
    pub allow_plaintext: bool,
    /// Whether other actions, and Asterisk's events, pass through.
    pub relay: bool,
    /// Who may log in. With none, nobody can. Names are unique.
    pub users: Vec<ManagerUser>,
}

/// One who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerUser {
    /// `Username:` of the login.
    pub name: String,
    /// What the login is checked against.
    pub secret: ManagerSecret,
    /// Classes of events that this user sees: words of [`CLASSES`], in lower case. Default: none.
    pub read: Vec<String>,
    /// Classes of actions that this user may send. Default: none.
    pub write: Vec<String>,
    /// Addresses let in, whatever `deny` says.
    pub permit: Vec<IpNet>,
    /// Addresses refused, but for those in `permit`. What is in neither is let in.
    pub deny: Vec<IpNet>,
}

/// A secret as the config holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagerSecret {
    /// In clear: plain and MD5 challenge logins both work.
    Plain(Secret),
    /// A PHC string, `$argon2id$…`: plain logins only, for a challenge needs the secret in clear.
    Argon2id(Secret),
}

pub(super) fn read(mut section: Section<'_, '_>) -> Manager {
    let (listen, allow_plaintext) = listen::read(&mut section, SocketAddr::from(([127, 0, 0, 1], 5138)));
    let relay = section.flag("relay", true);
    let tables = section.tables("user");
    section
        .reader()
        .not_overridable("ASTOUT__MANAGER__USER", "users stand in the file; allowed: [[manager.user]]");
    let mut users: Vec<ManagerUser> = Vec::new();
    for (index, (table, place)) in tables.into_iter().enumerate() {
        let user = read_user(section.reader(), index + 1, table, place.clone());
        if !user.name.is_empty() && users.iter().any(|other| other.name.eq_ignore_ascii_case(&user.name)) {
            let text = format!(
                "{:?} is taken; allowed: a name of its own for each user, whatever its case",
                user.name
            );
            section.reader().problem(place, format!("manager.user[{}].name", index + 1), text);
        }
        users.push(user);
    }
    section.finish();
    Manager { listen, allow_plaintext, relay, users }
}

fn read_user<'a>(
    reader: &mut Reader<'a>,
    number: usize,
    table: &'a DeTable<'a>,
    place: Place,
) -> ManagerUser {
    let mut section = Section::of_many(reader, "manager.user", number, table, place);
    let name = section.name("name", "");
    if !section.is_in_file("name") {
        section.problem("name", "is missing; allowed: name = \"…\"");
    }
    let user = ManagerUser {
        name,
        secret: read_secret(&mut section),
        read: read_classes(&mut section, "read"),
        write: read_classes(&mut section, "write"),
        permit: read_nets(&mut section, "permit"),
        deny: read_nets(&mut section, "deny"),
    };
    if !user.permit.is_empty() && user.deny.is_empty() {
        section.warning(
            "permit",
            "shuts nobody out without deny, as in Asterisk; add deny = [\"0.0.0.0/0\", \"::/0\"]",
        );
    }
    section.finish();
    user
}

fn read_secret(section: &mut Section<'_, '_>) -> ManagerSecret {
    /// Below this, an MD5 challenge that somebody overheard can be guessed.
    const SHORT: usize = 20;
    const ALLOWED: &str = "secret = \"…\", or secret_hash = \"$argon2id$…\"";
    let plain = section.value("secret", None, "a string that is not empty", |given| match given.text()? {
        "" => Err("is empty".into()),
        text => Ok(Some(text)),
    });
    let hash = section.value(
        "secret_hash",
        None,
        "a PHC string, \"$argon2id$v=19$m=…,t=…,p=…$salt$hash\"",
        take_hash,
    );
    section.reader().secret_in_file |= section.is_in_file("secret") || section.is_in_file("secret_hash");
    match (section.is_in_file("secret"), section.is_in_file("secret_hash")) {
        (false, false) => section.problem("secret", format!("is missing; allowed: {ALLOWED}")),
        (true, true) => section.problem("secret_hash", "is given beside secret; allowed: one of the two"),
        (true, false) | (false, true) => {}
    }
    if plain.is_some_and(|secret| secret.chars().count() < SHORT) {
        let text =
            format!("is short: who overhears a challenge login can guess it; take {SHORT} random characters");
        section.warning("secret", text);
    }
    match (plain, hash) {
        (_, Some(hash)) => ManagerSecret::Argon2id(Secret::new(hash)),
        (plain, None) => ManagerSecret::Plain(Secret::new(plain.unwrap_or_default())),
    }
}

fn take_hash(given: Given<'_>) -> Result<Option<&str>, String> {
    let text = given.text()?;
    match PasswordHash::new(text) {
        Ok(hash) if hash.algorithm.as_str() == "argon2id" && hash.salt.is_some() && hash.hash.is_some() => {
            Ok(Some(text))
        }
        Ok(hash) if hash.algorithm.as_str() != "argon2id" => {
            Err(format!("is a hash of another kind, {}", hash.algorithm))
        }
        Ok(_) => Err("has no salt, or no hash".into()),
        Err(_) => Err("is no hash".into()),
    }
}

fn read_classes(section: &mut Section<'_, '_>, key: &'static str) -> Vec<String> {
    section.list_of(key, &CLASSES.join(", "), |item| {
        let class = item.to_ascii_lowercase();
        if CLASSES.contains(&class.as_str()) {
            return Ok(class);
        }
        let near = nearest(&class, CLASSES.into_iter()).map(|near| format!(", {near}")).unwrap_or_default();
        Err(format!("{item:?} is no class{near}"))
    })
}

fn read_nets(section: &mut Section<'_, '_>, key: &'static str) -> Vec<IpNet> {
    section.list_of(key, "addresses and networks, as in \"127.0.0.1\", \"10.0.0.0/8\", \"::1/128\"", |item| {
        parse_net(item).ok_or_else(|| format!("{item:?} is no address or network"))
    })
}

/// `10.0.0.0/8`, `::1/128`, a single address, or manager.conf's `10.0.0.0/255.0.0.0`.
fn parse_net(text: &str) -> Option<IpNet> {
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(net.trunc());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(IpNet::from(address));
    }
    let (address, mask) = text.split_once('/')?;
    let net = Ipv4Net::with_netmask(address.parse().ok()?, mask.parse::<Ipv4Addr>().ok()?).ok()?;
    Some(IpNet::V4(net.trunc()))
}

#[cfg(test)]
mod tests {
    use ipnet::Ipv6Net;

    use super::*;

    #[test]
    fn networks_are_read_in_each_of_their_spellings() {
        let shown = |text| parse_net(text).map(|net| net.to_string());
        assert_eq!(shown("0.0.0.0/0").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(shown("127.0.0.1/32").as_deref(), Some("127.0.0.1/32"));
        assert_eq!(shown("127.0.0.1").as_deref(), Some("127.0.0.1/32"));
        assert_eq!(shown("10.1.2.3/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(shown("10.1.2.3/255.255.0.0").as_deref(), Some("10.1.0.0/16"));
        assert_eq!(shown("0.0.0.0/0.0.0.0").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(shown("::/0").as_deref(), Some("::/0"));
        assert_eq!(shown("::1").as_deref(), Some("::1/128"));
        assert_eq!(
            parse_net("::ffff:10.0.0.1"),
            Some(IpNet::V6(Ipv6Net::new_assert("::ffff:10.0.0.1".parse().unwrap(), 128)))
        );
        for wrong in
            ["", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "::/129", "localhost", "0.0.0.0/-0"]
        {
            assert_eq!(parse_net(wrong), None, "{wrong}");
        }
    }
}
