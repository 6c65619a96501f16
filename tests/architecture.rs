//! The floors of the house, enforced: which room may import which, what the core may not touch, how a file opens,
//! how long it may grow. A new room gets its line in [`ROOMS`].
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "architecture/paths.rs"]
mod paths;

use std::fs;
use std::path::{Path, PathBuf};

use paths::NamedPath;

/// Every room and its floor. A room imports from lower floors only, and never from its own.
const ROOMS: [(&str, u8); 18] = [
    ("model", 0),
    ("ami", 0),
    ("engine", 1),
    ("crash", 1),
    ("store", 2),
    ("asterisk", 2),
    ("result_log", 2),
    ("disk", 2),
    ("sandbox", 2),
    ("simworld", 2),
    ("check", 2),
    ("daemon", 3),
    ("manager", 4),
    ("agi", 4),
    ("http", 4),
    ("config", 5),
    ("boot", 5),
    ("cli", 5),
];

/// On the top floor these may, beside what their floor allows.
const NEIGHBOURS: [(&str, &str); 3] = [("boot", "config"), ("cli", "boot"), ("cli", "config")];

/// Stands alone, so that every room can be handed what it says.
const IMPORTS_NOTHING: [&str; 1] = ["config"];

/// The rooms that decide: no IO, no clock, no chance. Time and randomness come in as parameters.
const CORE: [&str; 3] = ["model", "ami", "engine"];

/// What the core may not name, be it by its parent: `use std::time` is refused for `std::time::Instant`'s sake.
const NOT_IN_THE_CORE: [&[&str]; 14] = [
    &["tokio"],
    &["tokio_util"],
    &["sqlx"],
    &["rand"],
    &["fastrand"],
    &["std", "net"],
    &["std", "fs"],
    &["std", "thread"],
    &["std", "process"],
    &["std", "env"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["core", "net"],
    &["std", "random"],
];

/// Addresses are nouns: they open no socket.
const ADDRESSES: [&str; 6] = ["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6"];

/// Calls that read a clock or draw lots, by their last two names.
const CLOCKS_AND_LOTS: [[&str; 2]; 6] = [
    ["Utc", "now"],
    ["Local", "now"],
    ["Instant", "now"],
    ["SystemTime", "now"],
    ["Uuid", "new_v4"],
    ["Uuid", "now_v7"],
];

/// The one file of the core that meets tokio's codec traits.
const CODEC: (&str, &str) = ("src/ami/codec", "tokio_util");

/// The rooms that speak SQL.
const SQL: [&str; 2] = ["store", "check"];

const LONG: usize = 600;
const TOO_LONG: usize = 800;

fn floor(room: &str) -> Option<u8> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn may_import(room: &str, other: &str) -> bool {
    let lower =
        floor(other).is_some_and(|other| Some(other) < floor(room)) && !IMPORTS_NOTHING.contains(&room);
    room == other || lower || NEIGHBOURS.contains(&(room, other))
}

/// `src/ami/codec.rs` → `["ami", "codec"]`; the roots, `lib.rs` and `main.rs`, → `[]`.
fn module_of(file: &str) -> Vec<&str> {
    let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
    inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).collect()
}

/// What a source says against the house, a line each.
fn breaches(file: &str, source: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    if !source.starts_with("//!") {
        breaches
            .push(format!("{file}:1: opens without //!; allowed: a first line that says what lives here"));
    }
    let lines = source.lines().count();
    if lines > TOO_LONG {
        breaches.push(format!("{file}: {lines} lines; allowed: {TOO_LONG}, and some 100 to 400 are right"));
    }
    let module = module_of(file);
    let Some(&room) = module.first() else { return breaches };
    if floor(room).is_none() {
        breaches.push(format!(
            "{file}:1: {room} is no room; allowed: those of ROOMS, where a new one gets its line"
        ));
        return breaches;
    }
    for path in paths::read(&module, source) {
        let wrong = if path.ours { wrong_room(room, &path) } else { wrong_crate(file, room, &path) };
        breaches.extend(wrong.map(|wrong| format!("{file}:{}: {wrong}", path.line)));
    }
    breaches.dedup();
    breaches
}

/// Does a path into this crate lead where the room may not go?
fn wrong_room(room: &str, path: &NamedPath) -> Option<String> {
    let other = path.segments.first().map_or("", String::as_str);
    if may_import(room, other) {
        return None;
    }
    let at = |room| floor(room).unwrap_or_default();
    let allowed: Vec<_> =
        ROOMS.iter().map(|(name, _)| *name).filter(|name| *name != room && may_import(room, name)).collect();
    let allowed = if allowed.is_empty() { "no other room".into() } else { allowed.join(", ") };
    let what = match floor(other) {
        Some(floor) => format!("{other} [{floor}]"),
        None if other.is_empty() || other == "*" => "the root of the crate".into(),
        None => format!("{other}, which is no room"),
    };
    Some(format!("{room} [{}] imports {what}; allowed: {allowed}", at(room)))
}

/// Does a path out of this crate lead where the room may not go?
fn wrong_crate(file: &str, room: &str, path: &NamedPath) -> Option<String> {
    let named: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    let shown = named.join("::");
    if named[0] == "sqlx" && !SQL.contains(&room) {
        return Some(format!("{room} names {shown}; allowed: SQL in {} only", SQL.join(" and ")));
    }
    if !CORE.contains(&room) || (file.starts_with(CODEC.0) && named[0] == CODEC.1) {
        return None;
    }
    if matches!(named[..], ["std" | "core", "net", address, ..] if ADDRESSES.contains(&address)) {
        return None;
    }
    let reaches = |barred: &&&[&str]| {
        let module = named.strip_suffix(&["*"]).or(named.strip_suffix(&["self"])).unwrap_or(&named);
        named.starts_with(barred) || (path.imported && module.len() > 1 && barred.starts_with(module))
    };
    if NOT_IN_THE_CORE.iter().any(|barred| reaches(&barred)) {
        return Some(format!("{room} names {shown}; allowed: no IO, no clock and no chance in the core"));
    }
    let calls = |call: &[&str; 2]| named.windows(2).any(|window| window == call);
    CLOCKS_AND_LOTS
        .iter()
        .any(calls)
        .then(|| format!("{room} names {shown}; allowed: time and randomness as parameters"))
}

/// Every source under `folder`, in order.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

#[test]
fn the_house_stands_as_designed() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    assert!(files.len() > 2, "the sources are found");
    let mut all = Vec::new();
    for file in files {
        let (source, file) = (fs::read_to_string(&file).unwrap(), file.to_str().unwrap());
        if source.lines().count() > LONG {
            println!("{file}: {} lines: is it still one subject?", source.lines().count());
        }
        all.extend(breaches(file, &source));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

// ---- the test of the test

fn of(file: &str, source: &str) -> Vec<String> {
    breaches(file, &format!("//! A fixture.\n{source}"))
}

fn one(file: &str, source: &str) -> String {
    let found = of(file, source);
    assert_eq!(found.len(), 1, "{source}: {found:?}");
    found[0].clone()
}

#[test]
fn a_room_may_import_from_lower_floors_and_from_itself() {
    let source = "use crate::model::{self, Campaign, ids::*};\nuse crate::engine::Engine;\nuse super::timers;\n\
                  fn f() -> crate::store::Store { self::g() }\nmod tests { use super::*; use super::super::bus; }\n";
    assert_eq!(of("src/daemon/driver.rs", source), Vec::<String>::new());
    assert_eq!(of("src/boot.rs", "use crate::config::Config;\nuse crate::manager;\n"), Vec::<String>::new());
    assert_eq!(of("src/cli/serve.rs", "use crate::{boot, config::Config, daemon};\n"), Vec::<String>::new());
    assert_eq!(
        of("src/daemon/mod.rs", "pub(super) fn f() {}\npub(crate) mod driver;\n"),
        Vec::<String>::new()
    );
}

#[test]
fn an_import_from_a_higher_floor_is_named_with_file_line_and_what_is_allowed() {
    assert_eq!(
        one("src/engine/mod.rs", "\nuse crate::store::Store;\n"),
        "src/engine/mod.rs:3: engine [1] imports store [2]; allowed: model, ami"
    );
    assert_eq!(
        one("src/model/ids.rs", "use crate::engine::Engine;\n"),
        "src/model/ids.rs:2: model [0] imports engine [1]; allowed: no other room"
    );
}

#[test]
fn neighbours_on_a_floor_do_not_import_each_other() {
    assert!(one("src/store/mod.rs", "use crate::asterisk;\n").contains("store [2] imports asterisk [2]"));
    assert!(one("src/ami/mod.rs", "use crate::model::Campaign;\n").contains("ami [0] imports model [0]"));
    assert!(one("src/http/mod.rs", "use crate::manager::x;\n").contains("http [4] imports manager [4]"));
    assert!(one("src/boot.rs", "use crate::cli::x;\n").contains("boot [5] imports cli [5]"));
}

#[test]
fn config_is_read_by_boot_and_cli_and_reads_nobody() {
    assert!(
        one("src/daemon/mod.rs", "use crate::config::Config;\n").contains("daemon [3] imports config [5]")
    );
    assert_eq!(
        one("src/config/policy.rs", "use crate::model::Policy;\n"),
        "src/config/policy.rs:2: config [5] imports model [0]; allowed: no other room"
    );
}

#[test]
fn no_spelling_of_a_path_escapes() {
    let engine = |source: &str| one("src/engine/pacing/power.rs", source);
    for source in [
        "use crate::{model::Campaign, store::{self, Store}, ami};",
        "use crate::{\n    model,\n    // use crate::model\n    store as s,\n};",
        "fn f() { crate::store::open() }",
        "fn f(x: Option<crate::store::Store>) {}",
        "use super::super::super::store::Store;",
        "use super::{super::super::store::Store, ramp};",
        "mod inner { use super::super::super::super::store::Store; }",
        "mod inner { fn f() { g() } } use super::super::super::store::Store;",
        "use self::super::super::super::store;",
        "pub use crate::r#store::Store;",
        "macro_rules! m { () => { $crate::store::open() } }",
        "const A: char = '\"'; use crate::store::Store; const B: char = '\"';",
        "fn f<'a>(x: &'a str) { crate::store::open(x) }",
        "const A: &str = r#\"\"#; use crate::store::Store; // \"#",
        "/* /* */ */ use crate::store::Store; /* */",
    ] {
        assert!(engine(source).contains("imports store [2]"), "{source}");
    }
    for source in
        ["use crate::*;", "use crate as root;", "use crate::{self as root};", "use super::super::super::*;"]
    {
        assert!(engine(source).contains("imports the root of the crate"), "{source}");
    }
    assert!(engine("use crate::Store;").contains("imports Store, which is no room"));
}

#[test]
fn comments_and_literals_are_not_read() {
    let source = "// use crate::store;\n/* crate::store */\n/// [`crate::store`]\nfn f() { g(\"crate::store\", r#\"crate::\"store\"#, \
                  b\"crate::store\", '\"', b'\"', \"\\\"crate::store\") }\n";
    assert_eq!(of("src/engine/mod.rs", source), Vec::<String>::new());
}

#[test]
fn the_core_has_no_io_no_clock_and_no_chance() {
    for source in [
        "use tokio::time::sleep;",
        "use std::{collections::BTreeMap, net::TcpStream};",
        "use std::fs;",
        "use std::fs::{File};",
        "fn f() { std::thread::spawn(g); }",
        "use std::time::{Duration, Instant};",
        "use std::time;",
        "use std::time::*;",
        "use std::time::{self, Duration};",
        "fn f(at: std::time::SystemTime) {}",
        "use ::std::fs::File;",
        "use chrono::Utc; fn f() { Utc::now(); }",
        "fn f() { chrono::Utc::now(); }",
        "fn f() { uuid::Uuid::new_v4(); }",
        "fn f() { fastrand::u64(..); }",
        "use rand::Rng;",
        "use tokio_util::codec::Decoder;",
    ] {
        let found = one("src/engine/mod.rs", source);
        assert!(found.starts_with("src/engine/mod.rs:2: engine names "), "{found}");
        assert!(found.contains("; allowed: "), "{found}");
        assert_eq!(of("src/daemon/driver.rs", source), Vec::<String>::new(), "{source}");
    }
    let source = "use std::time::Duration;\nuse chrono::{DateTime, Utc};\nuse std::net::IpAddr;\nuse std::io;\n\
                  fn f(now: DateTime<Utc>) { now.time(); fs::read(); }\n";
    assert_eq!(of("src/engine/mod.rs", source), Vec::<String>::new());
    assert_eq!(of("src/ami/codec.rs", "use tokio_util::codec::Decoder;\n"), Vec::<String>::new());
    assert_eq!(of("src/ami/codec/client.rs", "use tokio_util::codec::Decoder;\n"), Vec::<String>::new());
    assert_eq!(of("src/ami/auth.rs", "use tokio_util::codec::Decoder;\n").len(), 1);
}

#[test]
fn sql_lives_in_the_store() {
    let found = one("src/daemon/recovery.rs", "fn f() { sqlx::query(\"SELECT 1\"); }\n");
    assert_eq!(
        found,
        "src/daemon/recovery.rs:2: daemon names sqlx::query; allowed: SQL in store and check only"
    );
    assert_eq!(of("src/store/dl.rs", "use sqlx::query;\n"), Vec::<String>::new());
    assert_eq!(of("src/check.rs", "use sqlx::query;\n"), Vec::<String>::new());
}

#[test]
fn a_folder_that_is_no_room_is_named() {
    assert!(
        one("src/utils/mod.rs", "")
            .starts_with("src/utils/mod.rs:1: utils is no room; allowed: those of ROOMS")
    );
    assert!(one("src/helpers.rs", "").starts_with("src/helpers.rs:1: helpers is no room"));
}

#[test]
fn a_file_says_first_what_lives_in_it_and_stays_short() {
    let found = breaches("src/engine/mod.rs", "use crate::model;\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("src/engine/mod.rs:1: opens without //!"), "{found:?}");
    assert!(
        one("src/engine/mod.rs", &"\n".repeat(TOO_LONG))
            .starts_with("src/engine/mod.rs: 801 lines; allowed: 800")
    );
    assert_eq!(of("src/engine/mod.rs", &"\n".repeat(TOO_LONG - 1)), Vec::<String>::new());
}
