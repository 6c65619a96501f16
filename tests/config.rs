//! The promise of the config: the shipped file is complete and says the defaults, and a mistake is named with its
//! file, line and key, what is wrong and what is allowed; all of them at once, none with a secret in it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use astout::cli::check_config;
use astout::config::{Config, ConfigError, ManagerSecret, OnUnknown, OrphanPolicy, Secret, known_keys};
use insta::assert_snapshot;

const SHIPPED: &str = "config/astout.toml";
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$4sGdQv7wBrH2ffp0Y0c0fYkJ9xuAXBGd3lH5C5bW5Vo";

fn shipped() -> String {
    fs::read_to_string(SHIPPED).unwrap()
}

fn pairs<const N: usize>(environment: [(&str, &str); N]) -> Vec<(String, String)> {
    environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn load<const N: usize>(text: &str, environment: [(&str, &str); N]) -> Result<Config, ConfigError> {
    Config::load_str(text, Path::new("astout.toml"), pairs(environment))
}

/// The problems of a config that has its secret, one a line.
fn wrong(text: &str) -> String {
    load(text, [("ASTOUT__ASTERISK__SECRET", "x")]).expect_err("the config is wrong").to_string()
}

/// The same of a config with one user.
fn wrong_user(text: &str) -> String {
    wrong(&format!("[[manager.user]]\n{text}"))
}

// ---- the shipped file

#[test]
fn the_shipped_file_says_the_defaults() {
    let mut config = load(&shipped(), [("ASTOUT__ASTERISK__SECRET", "x")]).unwrap();
    assert_eq!(config.warnings, []);
    config.asterisk[0].secret = Secret::default();
    assert_eq!(config, Config::default());
}

#[test]
fn the_shipped_file_lacks_nothing_but_the_secret() {
    assert_snapshot!(load(&shipped(), []).unwrap_err(), @r#"astout.toml:10: asterisk.secret: is missing; allowed: secret = "…", or secret_file = "…""#);
}

#[test]
fn the_shipped_file_has_every_key_in_its_section() {
    let text = shipped();
    let mut section = String::new();
    let mut said = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches(['#', ' ']);
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_start_matches('[').split(']').next().unwrap().to_string();
        } else if let Some((key, _)) = line.split_once(" = ") {
            said.push(format!("{section}.{key}"));
        }
    }
    let missing: Vec<_> = known_keys().into_iter().filter(|key| !said.contains(key)).collect();
    assert_eq!(missing, Vec::<String>::new(), "keys that {SHIPPED} does not show");
}

#[test]
fn the_examples_of_the_shipped_file_are_right_when_uncommented() {
    let text: String = shipped()
        .lines()
        .filter(|line| !line.starts_with("# secret_file") && !line.starts_with("# secret_hash"))
        .map(|line| {
            let example = line.strip_prefix("# ").filter(|rest| {
                rest.starts_with("[[") || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
            });
            format!("{}\n", example.unwrap_or(line))
        })
        .collect();
    let config = load(&text, []).unwrap();
    let user = &config.manager.users[0];
    assert_eq!((user.name.as_str(), user.read.as_slice()), ("admin", ["all".to_string()].as_slice()));
    assert_eq!((user.permit.len(), user.deny.len()), (2, 2));
}

#[test]
fn the_config_of_the_image_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string("docker/astout.toml").unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "x").unwrap();
    let text = text.replace("/run/secrets/asterisk", secret.to_str().unwrap());
    Config::load_str(&text, Path::new("docker/astout.toml"), []).unwrap();
}

// ---- what is taken

#[test]
fn several_asterisks_have_names_of_their_own() {
    let text = "[[asterisk]]\nname = \"a\"\nsecret = \"x\"\n[[asterisk]]\nname = \"b\"\nsecret = \"y\"\nport = 5039\n";
    let config = load(text, []).unwrap();
    let shown: Vec<_> = config.asterisk.iter().map(|one| (one.name.as_str(), one.port)).collect();
    assert_eq!(shown, [("a", 5038), ("b", 5039)]);
    let text = "[[asterisk]]\nsecret = \"x\"\n[[asterisk]]\nname = \"b\"\n[[asterisk]]\nname = \"b\"\nsecret = \"z\"\n";
    assert_snapshot!(load(text, [("ASTOUT__ASTERISK__PORT", "1")]).unwrap_err(), @r#"
        astout.toml:1: asterisk[1].name: is missing, and there are several [[asterisk]]; allowed: 1 to 64 letters, digits, "_", "." or "-"
        astout.toml:3: asterisk[2].secret: is missing; allowed: secret = "…", or secret_file = "…"
        astout.toml:5: asterisk[3].name: "b" is taken; allowed: a name of its own for each [[asterisk]]
        ASTOUT__ASTERISK__PORT: cannot be set by the environment: there are 3 [[asterisk]] sections; allowed: in the file
    "#);
}

#[test]
fn a_user_has_a_secret_or_its_hash_and_addresses_in_any_spelling() {
    let text = format!(
        "[[manager.user]]\nname = \"a\"\nsecret = \"12345678901234567890\"\nread = [\"Call\", \"out-view\"]\n\
         deny = [\"0.0.0.0/0.0.0.0\"]\npermit = [\"127.0.0.1\", \"10.1.2.3/8\", \"::1\"]\n\
         [[manager.user]]\nname = \"b\"\nsecret_hash = \"{HASH}\"\n"
    );
    let config = load(&text, [("ASTOUT__ASTERISK__SECRET", "x")]).unwrap();
    assert_eq!(config.warnings, []);
    let [a, b] = config.manager.users.as_slice() else { panic!("two users") };
    assert_eq!(a.secret, ManagerSecret::Plain(Secret::new("12345678901234567890")));
    assert_eq!(a.read, ["call", "out-view"]);
    let shown = |nets: &[ipnet::IpNet]| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&a.permit), ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]);
    assert_eq!(shown(&a.deny), ["0.0.0.0/0"]);
    assert_eq!(b.secret, ManagerSecret::Argon2id(Secret::new(HASH)));
    assert!(b.read.is_empty() && b.write.is_empty() && b.permit.is_empty() && b.deny.is_empty());
}

#[test]
fn an_empty_listen_turns_a_door_off() {
    let text =
        "[manager]\nlisten = \"\"\n[http]\nlisten = \"\"\n[agi]\nlisten = \"\"\n[cli]\nsocket = \"\"\n";
    let config = load(text, [("ASTOUT__ASTERISK__SECRET", "x")]).unwrap();
    assert_eq!((config.manager.listen, config.http.listen, config.agi.listen), (None, None, None));
    assert_eq!(config.cli.socket, None);
    assert_eq!(config.not_built(), Vec::<String>::new());
}

#[test]
fn doors_that_are_not_built_are_taken_and_told() {
    assert_snapshot!(Config::default().not_built().join("\n"), @r#"
        [http] listen = "127.0.0.1:8138": this door is not built yet; it is off
    "#);
}

#[test]
fn a_secret_file_is_relative_to_the_config() {
    let folder = tempfile::tempdir().unwrap();
    let (config, secret) = (folder.path().join("astout.toml"), folder.path().join("ami.secret"));
    fs::write(&config, "[asterisk]\nsecret_file = \"ami.secret\"\n").unwrap();
    let shown = |text: String| text.replace(folder.path().to_str().unwrap(), "/etc/astout");
    assert_snapshot!(shown(Config::load(&config, []).unwrap_err().to_string()), @"/etc/astout/astout.toml:2: asterisk.secret_file: /etc/astout/ami.secret cannot be read: No such file or directory (os error 2); allowed: a file that holds the secret on one line, its name relative to the config file's folder");
    fs::write(&secret, "\n").unwrap();
    assert_snapshot!(shown(Config::load(&config, []).unwrap_err().to_string()), @"/etc/astout/astout.toml:2: asterisk.secret_file: /etc/astout/ami.secret is empty; allowed: a file that holds the secret on one line, its name relative to the config file's folder");
    fs::write(&secret, "s3cret\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let loaded = Config::load(&config, []).unwrap();
    assert_eq!((loaded.asterisk[0].secret.expose(), loaded.warnings.as_slice()), ("s3cret", [].as_slice()));
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    assert_snapshot!(shown(Config::load(&config, []).unwrap().warnings[0].to_string()), @"/etc/astout/astout.toml:2: asterisk.secret_file: /etc/astout/ami.secret can be read by everybody; run: chmod o= /etc/astout/ami.secret");
    let overridden = Config::load(&config, pairs([("ASTOUT__ASTERISK__SECRET", "other")])).unwrap();
    assert_eq!(overridden.asterisk[0].secret.expose(), "other");
}

// ---- what is refused

#[test]
fn unknown_keys_and_sections_are_refused_with_the_nearest_right_one() {
    assert_snapshot!(wrong("[asterisk]\nprot = 5038\nmax_chanels = 3\n[manger]\nlisten = \"\"\n"), @r#"
        astout.toml:2: asterisk.prot: unknown key; did you mean "port"?
        astout.toml:3: asterisk.max_chanels: unknown key; did you mean "max_channels"?
        astout.toml:4: manger: is no section, and keys stand in one; did you mean "manager"?
    "#);
    assert_snapshot!(wrong("[cli]\ncolour = true\n"), @"astout.toml:2: cli.colour: unknown key; allowed: socket");
    assert_snapshot!(wrong("port = 5038\n"), @"astout.toml:1: port: is no section, and keys stand in one; allowed: asterisk, manager, http, agi, cli, database, result, dialplan, policy, dialer");
    assert_snapshot!(wrong_user("name = \"a\"\nsecert = \"b\"\n"), @r#"
        astout.toml:1: manager.user[1].secret: is missing; allowed: secret = "…", or secret_hash = "$argon2id$…"
        astout.toml:3: manager.user[1].secert: unknown key; did you mean "secret"?
    "#);
}

#[test]
fn all_problems_are_told_at_once_each_with_its_line() {
    let text = "[asterisk]\nport = 70000\nhost = 5\nmax_channels = 0\ncalls_per_second = 2.5\ntls = true\n\n\
                [result]\ninfo_enable = \"yes\"\nfilename = \"\"\n\
                [dialer]\non_unknown = \"Count\"\norphan_policy = \"drop\"\n\
                [policy]\ntechnologies = \"PJSIP\"\nemergency_numbers = [112]\ncontexts = [\"\"]\n";
    assert_snapshot!(wrong(text), @r#"
        astout.toml:2: asterisk.port: 70000 is out of range; allowed: a whole number from 1 to 65535
        astout.toml:3: asterisk.host: is a whole number; allowed: a string that is not empty, without blanks
        astout.toml:4: asterisk.max_channels: 0 is out of range; allowed: a whole number from 1 to 100000
        astout.toml:5: asterisk.calls_per_second: is a number with a fraction; allowed: a whole number from 1 to 10000
        astout.toml:6: asterisk.tls: TLS to Asterisk is not built yet; allowed: false
        astout.toml:9: result.info_enable: is a string; allowed: true or false
        astout.toml:10: result.filename: is empty; allowed: the name of a file
        astout.toml:12: dialer.on_unknown: "Count" is unknown; allowed: count, retry, hold
        astout.toml:13: dialer.orphan_policy: "drop" is unknown; allowed: keep, hangup
        astout.toml:15: policy.technologies: is a string; allowed: a list of strings, as in ["a", "b"]
        astout.toml:16: policy.emergency_numbers: has an item that is a whole number; allowed: a list of strings, as in ["a", "b"]
        astout.toml:17: policy.contexts: has an empty item; allowed: a list of strings, as in ["a", "b"]
    "#);
}

#[test]
fn a_syntax_error_has_its_line() {
    assert_snapshot!(wrong("[asterisk]\nsecret = \"tell-nobody\nport = 1\n"), @r#"astout.toml:2: is no TOML: invalid basic string, expected `"`"#);
    assert_snapshot!(wrong("[asterisk]\nport = 1\nport = 2\n"), @"astout.toml:3: is no TOML: duplicate key");
    assert_snapshot!(wrong("[asterisk]\nname = \"a\"\n[asterisk]\n"), @"astout.toml:3: is no TOML: duplicate key");
    assert_snapshot!(wrong("asterisk = 1\nmanager = true\n"), @"
        astout.toml:1: asterisk: is not a section; allowed: [asterisk], or [[asterisk]] for each of several
        astout.toml:2: manager: is not a section; allowed: [manager] on a line of its own
        ASTOUT__ASTERISK__SECRET: cannot be set by the environment: asterisk is not a section; allowed: [asterisk]
    ");
}

#[test]
fn a_door_without_tls_stays_on_this_machine_unless_told_otherwise() {
    let text = "[manager]\nlisten = \"0.0.0.0:5138\"\n[http]\nlisten = \"[::]:8138\"\n[agi]\nlisten = \"localhost:4573\"\n";
    assert_snapshot!(wrong(text), @r#"
        astout.toml:2: manager.listen: 0.0.0.0:5138 is open to the network without TLS; allowed: a loopback address, as in "127.0.0.1:5138", or allow_plaintext = true beside it
        astout.toml:4: http.listen: [::]:8138 is open to the network without TLS; allowed: a loopback address, as in "127.0.0.1:8138", or allow_plaintext = true beside it
        astout.toml:6: agi.listen: "localhost:4573" is no address with a port; allowed: an address and a port, as in "127.0.0.1:4573", or "" for off
    "#);
    let text = "[manager]\nlisten = \"192.0.2.1:5138\"\nallow_plaintext = true\n";
    let config = load(text, [("ASTOUT__ASTERISK__SECRET", "x")]).unwrap();
    assert_snapshot!(config.warnings[0], @"astout.toml:2: manager.listen: 192.0.2.1:5138 is open to the network without TLS (allow_plaintext): secrets can be read on the way");
    for near in ["127.0.0.2:5138", "[::1]:5138", "[::ffff:127.0.0.1]:5138", "127.0.0.1:0"] {
        let text = format!("[manager]\nlisten = \"{near}\"\n");
        let config = load(&text, [("ASTOUT__ASTERISK__SECRET", "x")]).unwrap();
        assert_eq!(config.manager.listen, Some(near.parse().unwrap()));
    }
}

#[test]
fn two_doors_cannot_have_one_address() {
    assert_snapshot!(wrong("[manager]\nlisten = \"127.0.0.1:8138\"\n"), @r#"astout.toml: http.listen: 127.0.0.1:8138 is taken by manager.listen; allowed: another port, or "" for off"#);
}

#[test]
fn a_database_is_a_sqlite_file() {
    let text = |url: &str| wrong(&format!("[database]\nurl = \"{url}\"\n"));
    assert_snapshot!(text("postgres://astout:tell-nobody@db/astout"), @r#"astout.toml:2: database.url: PostgreSQL is not built yet; allowed: sqlite:// and a file, as in "sqlite:///var/lib/astout/astout.sqlite3""#);
    assert_snapshot!(text("mysql://astout:tell-nobody@db/astout"), @r#"astout.toml:2: database.url: scheme "mysql" is unknown; allowed: sqlite:// and a file, as in "sqlite:///var/lib/astout/astout.sqlite3""#);
    assert_snapshot!(text("/var/lib/astout/astout.sqlite3"), @r#"astout.toml:2: database.url: has no scheme; allowed: sqlite:// and a file, as in "sqlite:///var/lib/astout/astout.sqlite3""#);
    assert_snapshot!(text("sqlite://:memory:"), @r#"astout.toml:2: database.url: names no file; allowed: sqlite:// and a file, as in "sqlite:///var/lib/astout/astout.sqlite3""#);
    let text = "[database]\nurl = \"sqlite:///tmp/a b.sqlite3\"\n";
    let config = load(text, [("ASTOUT__ASTERISK__SECRET", "x")]).unwrap();
    assert_eq!(config.database.file, Path::new("/tmp/a b.sqlite3"));
}

#[test]
fn a_user_is_checked_whole() {
    assert_snapshot!(wrong_user(""), @r#"
        astout.toml:1: manager.user[1].name: is missing; allowed: name = "…"
        astout.toml:1: manager.user[1].secret: is missing; allowed: secret = "…", or secret_hash = "$argon2id$…"
    "#);
    let text = "name = \"a b\"\nsecret = \"\"\nread = [\"sytem\", \"everything\"]\nwrite = \"all\"\n\
                permit = [\"10.0.0.0/33\"]\ndeny = [\"somewhere\"]\n";
    assert_snapshot!(wrong_user(text), @r#"
        astout.toml:2: manager.user[1].name: "a b" has a blank; allowed: a string that is not empty, without blanks
        astout.toml:3: manager.user[1].secret: is empty; allowed: a string that is not empty
        astout.toml:4: manager.user[1].read: "sytem" is no class, did you mean "system"?; allowed: all, system, call, log, verbose, command, agent, user, config, dtmf, reporting, cdr, dialplan, originate, agi, cc, aoc, test, security, message, out-view, out-contact, out-control, out-config, out-admin
        astout.toml:4: manager.user[1].read: "everything" is no class; allowed: all, system, call, log, verbose, command, agent, user, config, dtmf, reporting, cdr, dialplan, originate, agi, cc, aoc, test, security, message, out-view, out-contact, out-control, out-config, out-admin
        astout.toml:5: manager.user[1].write: is a string; allowed: a list of strings, as in ["a", "b"]
        astout.toml:6: manager.user[1].permit: "10.0.0.0/33" is no address or network; allowed: addresses and networks, as in "127.0.0.1", "10.0.0.0/8", "::1/128"
        astout.toml:7: manager.user[1].deny: "somewhere" is no address or network; allowed: addresses and networks, as in "127.0.0.1", "10.0.0.0/8", "::1/128"
    "#);
    let both = format!("name = \"a\"\nsecret = \"12345678901234567890\"\nsecret_hash = \"{HASH}\"\n");
    assert_snapshot!(wrong_user(&both), @"astout.toml:4: manager.user[1].secret_hash: is given beside secret; allowed: one of the two");
    assert_snapshot!(wrong_user("name = \"a\"\nsecret_hash = \"$2b$12$tellnobody\"\n"), @r#"astout.toml:3: manager.user[1].secret_hash: is no hash; allowed: a PHC string, "$argon2id$v=19$m=…,t=…,p=…$salt$hash""#);
    let other_kind = HASH.replace("argon2id", "argon2i");
    assert_snapshot!(wrong_user(&format!("name = \"a\"\nsecret_hash = \"{other_kind}\"\n")), @r#"astout.toml:3: manager.user[1].secret_hash: is a hash of another kind, argon2i; allowed: a PHC string, "$argon2id$v=19$m=…,t=…,p=…$salt$hash""#);
    let twice = "name = \"a\"\nsecret = \"x\"\n[[manager.user]]\nname = \"a\"\nsecret = \"y\"\n";
    assert_snapshot!(wrong_user(twice), @r#"astout.toml:4: manager.user[2].name: "a" is taken; allowed: a name of its own for each user, whatever its case"#);
    assert_snapshot!(wrong("[manager.user]\nname = \"a\"\n"), @"astout.toml:1: manager.user: is not a list of sections; allowed: [[manager.user]]");
}

#[test]
fn a_number_of_the_policy_that_no_number_can_be_like_is_refused() {
    let text = "[policy]\nemergency_numbers = [\"112 \", \"+112#\"]\ndenied_prefixes = [\"abc\"]\n";
    assert_snapshot!(wrong(text), @r#"
    astout.toml:2: policy.emergency_numbers: "112 " is no number; allowed: digits, * and #, a leading +, and with allow_sip_users letters . _ -; no blanks
    astout.toml:3: policy.denied_prefixes: "abc" is no number; allowed: digits, * and #, a leading +, and with allow_sip_users letters . _ -; no blanks
    "#);
    let users = format!("[policy]\nallow_sip_users = true\n{}", "denied_prefixes = [\"abc.\"]\n");
    assert!(load(&users, [("ASTOUT__ASTERISK__SECRET", "x")]).is_ok());
}

#[test]
fn a_line_break_never_gets_into_a_name_or_a_secret() {
    let text = "[asterisk]\nusername = \"a\\r\\nAction: Command\"\nsecret = \"tell\\nnobody\"\n";
    assert_snapshot!(load(text, []).unwrap_err(), @"
        astout.toml:2: asterisk.username: has a control character; allowed: a string that is not empty, without blanks
        astout.toml:3: asterisk.secret: has a control character; allowed: a string
    ");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nonexistent/astout.toml"), []).unwrap_err();
    assert_snapshot!(error, @"/nonexistent/astout.toml: cannot be read: No such file or directory (os error 2)");
}

// ---- secrets

#[test]
fn secrets_are_not_shown() {
    let text = format!(
        "[asterisk]\nsecret = \"tell-nobody\"\n[[manager.user]]\nname = \"a\"\nsecret = \"tell-nobody\"\n\
         [[manager.user]]\nname = \"b\"\nsecret_hash = \"{HASH}\"\n"
    );
    let config = load(&text, []).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("tell-nobody") && !shown.contains("argon2id$"), "{shown}");
    assert_eq!(shown.matches("***").count(), 3);
    assert_snapshot!(config.warnings.iter().map(|warning| format!("{warning}\n")).collect::<String>(), @"astout.toml:5: manager.user[1].secret: is short: who overhears a challenge login can guess it; take 20 random characters");
}

#[test]
fn no_message_has_a_secret_in_it() {
    let nobody = "tell-nobody";
    let messages = [
        load("[asterisk]\nsecret = [\"tell-nobody\"]\n", []).unwrap_err().to_string(),
        load(&format!("[asterisk]\nsecret = \"{nobody}\nport = 1\n"), []).unwrap_err().to_string(),
        load(&format!("[asterisk]\nsecret = {nobody}\n"), []).unwrap_err().to_string(),
        wrong_user(&format!("name = \"a\"\nsecret_hash = \"{nobody}\"\n")),
        wrong(&format!("[database]\nurl = \"postgres://a:{nobody}@b/c\"\n")),
    ];
    for message in messages {
        assert!(!message.contains("tell") && !message.contains("nobody"), "{message}");
    }
}

#[test]
fn a_config_with_secrets_that_everybody_can_read_is_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("astout.toml");
    fs::write(&path, "[asterisk]\nsecret = \"x\"\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let shown = Config::load(&path, []).unwrap().warnings[0].to_string();
    assert_snapshot!(shown.replace(folder.path().to_str().unwrap(), "/etc/astout"), @"/etc/astout/astout.toml: has secrets and can be read by everybody; run: chmod o= /etc/astout/astout.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(Config::load(&path, []).unwrap().warnings, []);
    fs::write(&path, "[asterisk]\nport = 5038\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let secret_elsewhere = Config::load(&path, pairs([("ASTOUT__ASTERISK__SECRET", "x")])).unwrap();
    assert_eq!(secret_elsewhere.warnings, []);
}

// ---- the environment

#[test]
fn the_environment_overrides_a_key_by_its_type() {
    let text = "[asterisk]\nport = 1\n[policy]\ncontexts = [\"a\"]\n";
    let environment = [
        ("ASTOUT__ASTERISK__SECRET", "5039"),
        ("ASTOUT__ASTERISK__PORT", "5039"),
        ("ASTOUT__RESULT__INFO_ENABLE", "true"),
        ("ASTOUT__DIALER__ON_UNKNOWN", "hold"),
        ("ASTOUT__DIALER__ORPHAN_POLICY", "hangup"),
        ("ASTOUT__POLICY__CONTEXTS", "sales, support"),
        ("ASTOUT__POLICY__EMERGENCY_NUMBERS", ""),
        ("ASTOUT__MANAGER__LISTEN", ""),
        ("ASTOUT_LOG", "debug"),
        ("PATH", "/bin"),
    ];
    let config = load(text, environment).unwrap();
    assert_eq!((config.asterisk[0].port, config.asterisk[0].secret.expose()), (5039, "5039"));
    assert!(config.result.info_enable);
    assert_eq!(config.dialer.on_unknown, OnUnknown::Hold);
    assert_eq!(config.dialer.orphan_policy, OrphanPolicy::Hangup);
    assert_eq!(config.policy.contexts, ["sales", "support"]);
    assert!(config.policy.emergency_numbers.is_empty());
    assert_eq!(config.manager.listen, None);
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let environment = [
        ("ASTOUT__ASTERISK__SECRET", "x"),
        ("ASTOUT__ASTERISK__PORT", "many"),
        ("ASTOUT__ASTERISK__PROT", "5039"),
        ("ASTOUT__RESULT__INFO_ENABLE", "yes"),
        ("ASTOUT__MANAGER__LISTEN", "0.0.0.0:5138"),
        ("ASTOUT__MANAGER__USER", "admin"),
        ("ASTOUT__DIALER__ON_UNKNOWN", ""),
    ];
    assert_snapshot!(load("", environment).unwrap_err(), @r#"
        ASTOUT__ASTERISK__PORT: asterisk.port: "many" is not a whole number; allowed: a whole number from 1 to 65535
        ASTOUT__MANAGER__LISTEN: manager.listen: 0.0.0.0:5138 is open to the network without TLS; allowed: a loopback address, as in "127.0.0.1:5138", or allow_plaintext = true beside it
        ASTOUT__RESULT__INFO_ENABLE: result.info_enable: "yes" is neither; allowed: true or false
        ASTOUT__DIALER__ON_UNKNOWN: dialer.on_unknown: "" is unknown; allowed: count, retry, hold
        ASTOUT__ASTERISK__PROT: is no key; did you mean "ASTOUT__ASTERISK__PORT"?
        ASTOUT__MANAGER__USER: cannot be set by the environment: users stand in the file; allowed: [[manager.user]]
    "#);
}

// ---- check-config

#[test]
fn check_config_tells_right_from_wrong_by_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("astout.toml");
    let check = |text: &str| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let mut out = Vec::new();
        let code = check_config::run(&path, [], &mut out);
        let out = String::from_utf8(out).unwrap().replace(folder.path().to_str().unwrap(), "/etc/astout");
        format!("{out}exit {code}")
    };
    assert_snapshot!(check("[asterisk]\nsecret = \"x\"\n[http]\nlisten = \"\"\n[agi]\nlisten = \"\"\n"), @"
        /etc/astout/astout.toml: config OK
        exit 0
    ");
    assert_snapshot!(check("[asterisk]\nsecret = \"x\"\nport = 0\nhots = \"pbx\"\n"), @r#"
        /etc/astout/astout.toml:3: asterisk.port: 0 is out of range; allowed: a whole number from 1 to 65535
        /etc/astout/astout.toml:4: asterisk.hots: unknown key; did you mean "host"?
        exit 78
    "#);
}
