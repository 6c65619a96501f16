//! `astout migrate`: what an original installation's database holds is here afterwards, as it was or told of.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use support::ami::header;
use support::daemon::Daemon;
use support::sandbox::Sandbox;
use support::scenario::Campaign;

/// Nobody listens there: the daemon waits for an Asterisk.
const NOWHERE: &str = "127.0.0.1:9";

const PLAN: &str = "aaaa0001-0000-4000-8000-000000000001";
const DEST: &str = "aaaa0002-0000-4000-8000-000000000001";
const DLMA: &str = "aaaa0003-0000-4000-8000-000000000001";
const CAMPAIGN: &str = "aaaa0004-0000-4000-8000-000000000001";

/// Executes SQL on that file, which is made where it is not there; gives the texts of the last rows.
fn sql(file: &Path, sql: &str) -> Vec<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let mut conn = options.connect().await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        let text = |row: &sqlx::sqlite::SqliteRow, place| row.get_unchecked::<Option<String>, _>(place);
        rows.iter()
            .map(|row| (0..row.len()).map(|place| text(row, place).unwrap_or_default()).collect())
            .collect()
    })
}

/// An original's database beside that daemon.
fn original(daemon: &Daemon) -> PathBuf {
    let file = daemon.path("original.sqlite3");
    sql(&file, include_str!("original.sql"));
    file
}

fn migrate(daemon: &Daemon, from: &Path, more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["migrate", "--from", from.to_str().unwrap()];
    arguments.extend(more);
    let output = daemon.cli(&arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn report(daemon: &Daemon, from: &Path, more: &[&str]) -> Value {
    let (code, text, said) = migrate(daemon, from, &[more, &["--json"]].concat());
    assert_eq!((code, said.as_str()), (0, ""), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// There, taken, here already, deleted there, not taken.
fn rows(report: &Value, kind: &str) -> [u64; 5] {
    ["there", "taken", "here_already", "deleted_there", "not_taken"]
        .map(|count| report["rows"][kind][count].as_u64().unwrap())
}

fn told<'a>(report: &'a Value, list: &str, name: &str) -> Vec<&'a str> {
    let list = report[list].as_array().unwrap().iter();
    list.filter(|told| told["name"] == name).map(|told| told["what"].as_str().unwrap()).collect()
}

#[test]
fn what_fits_is_taken_as_it_was_and_what_does_not_is_told_of() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    let from = original(&daemon);
    let before = fs::read(&from).unwrap();
    let report = report(&daemon, &from, &[]);
    assert_eq!(fs::read(&from).unwrap(), before, "the original's file is only read");
    assert_eq!(rows(&report, "plans"), [4, 2, 0, 1, 1], "{report:#}");
    assert_eq!(rows(&report, "destinations"), [3, 2, 0, 0, 1], "{report:#}");
    assert_eq!(rows(&report, "dlmas"), [3, 2, 0, 1, 0], "{report:#}");
    assert_eq!(rows(&report, "campaigns"), [4, 2, 0, 0, 2], "{report:#}");
    assert_eq!(rows(&report, "contacts"), [13, 6, 0, 2, 5], "{report:#}");
    assert_eq!(report["interrupted"], 1);
    for (name, why) in [
        ("of no mode", "DialMode: \"99\""),
        (
            "a shell",
            "Application: \"System\" is not allowed; allowed: for a destination of Type 1 one of [policy] applications: Q",
        ),
        ("of that plan", "Plan: \"aaaa0001-0000-4000-8000-000000000002\" names no plan"),
        ("at noon", "ScTimeStart: \"noon\""),
        ("an odd number", "Number1: \"030 1234\""),
        ("emergency", "emergency"),
        ("the same key", "UKey: \"k1\" is taken"),
        ("of no list", "names no dlma"),
        ("nameless", "uuid: \"no uuid\""),
    ] {
        assert!(told(&report, "not_taken", name)[0].contains(why), "{name}: {report:#}");
    }
    for (name, what) in [
        ("elsewhere", "local_contexts"),
        ("elsewhere", "left out: Codecs: \"of no form\""),
        ("a menu", "[policy] applications"),
        ("autumn", "its status was 1"),
        ("by days", "by its schedule"),
        ("a table of its own", "old \"dial\" list"),
    ] {
        assert!(told(&report, "notes", name).iter().any(|told| told.contains(what)), "{name}: {report:#}");
    }

    let file = daemon.path("astout.sqlite3");
    let plan = sql(
        &file,
        "SELECT uuid, name, detail, variables, dial_timeout, caller_id, retry_delay, trunk_name,
        max_retry_cnt_1, max_retry_cnt_2, max_retry_cnt_3, tm_create FROM plan ORDER BY uuid",
    );
    assert_eq!(
        plan[0],
        [
            PLAN,
            "O'Brien's plan",
            "",
            r#"{"V1":"a=b, c","V2":"2"}"#,
            "4000",
            "\"Sales\" <5551000>",
            "0",
            "astout-demo",
            "2",
            "1",
            "5",
            "2026-11-21T08:23:45.065862165Z"
        ]
    );
    assert_eq!(plan[1][4..7], ["30000", "", "60"], "what is not set is as of a plan that is created");
    let contacts = sql(
        &file,
        "SELECT name, status, trycnt_1, trycnt_2, trycnt, res_dial, held, last_end, ukey
        FROM dl_list WHERE name IN ('half way', 'being dialled', 'new', 'of that table') ORDER BY uuid",
    );
    let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros().to_string();
    assert_eq!(
        contacts[0],
        ["half way", "0", "2", "0", "2", "5", "0", &at("2026-11-21T08:24:01.000000005Z"), "k1"]
    );
    assert_eq!(contacts[1], ["new", "0", "0", "0", "0", "0", "0", "0", ""]);
    assert_eq!(contacts[2][..7], ["being dialled", "0", "1", "0", "1", "0", "0"]);
    assert_eq!(contacts[3][..5], ["of that table", "0", "1", "0", "1"]);
    let own = sql(&file, "SELECT count(*) FROM \"aaaa0003_0000_4000_8000_000000000001\"");
    assert_eq!(own, [["5"]], "people's own SQL finds the list by its view");
    assert_eq!(sql(&file, "SELECT status FROM campaign WHERE in_use = 1"), [["0"], ["0"]]);
}

#[test]
fn a_second_run_takes_nothing_twice_and_what_was_mended_meanwhile() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    let from = original(&daemon);
    report(&daemon, &from, &[]);
    let file = daemon.path("astout.sqlite3");
    sql(&file, "UPDATE dl_list SET trycnt_2 = 1 WHERE name = 'half way'; UPDATE plan SET name = 'mine'");
    sql(&from, "UPDATE dl_list SET number_1 = '0301234' WHERE name = 'an odd number'");
    let again = report(&daemon, &from, &[]);
    assert_eq!(rows(&again, "plans"), [4, 0, 2, 1, 1]);
    assert_eq!(rows(&again, "dlmas"), [3, 0, 2, 1, 0]);
    assert_eq!(rows(&again, "contacts"), [13, 1, 6, 2, 4], "{again:#}");
    assert_eq!(
        sql(&file, "SELECT count(*), sum(trycnt_2), count(DISTINCT uuid) FROM dl_list"),
        [["7", "1", "7"]]
    );
    assert_eq!(sql(&file, "SELECT DISTINCT name FROM plan"), [["mine"]]);
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    let from = original(&daemon);
    let dry = report(&daemon, &from, &["--dry-run"]);
    assert_eq!(rows(&dry, "contacts"), [13, 6, 0, 2, 5], "{dry:#}");
    for file in ["astout.sqlite3", "astout.sqlite3.lock", "astout.result"] {
        assert!(!daemon.path(file).exists(), "{file}");
    }
    let (_, text, _) = migrate(&daemon, &from, &["--dry-run"]);
    assert!(text.contains("to take") && text.ends_with("Nothing was written.\n"), "{text}");
    let real = report(&daemon, &from, &[]);
    assert_eq!((&real["rows"], &real["not_taken"]), (&dry["rows"], &dry["not_taken"]));
    let after = report(&daemon, &from, &["--dry-run"]);
    assert_eq!(rows(&after, "contacts"), [13, 0, 6, 2, 5], "{after:#}");
}

#[test]
fn where_one_row_cannot_be_written_none_is() {
    let mut daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    daemon.run();
    assert!(daemon.stop().success());
    let file = daemon.path("astout.sqlite3");
    sql(
        &file,
        "CREATE TRIGGER broken BEFORE INSERT ON dl_list WHEN NEW.name = 'of that table'
        BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END",
    );
    let (code, text, said) = migrate(&daemon, &original(&daemon), &[]);
    assert_eq!((code, text.as_str()), (74, ""));
    assert!(said.contains("on fire") && said.contains("nothing was taken"), "{said}");
    assert_eq!(sql(&file, "SELECT (SELECT count(*) FROM plan) + (SELECT count(*) FROM dl_list)"), [["0"]]);
}

#[test]
fn while_a_daemon_runs_it_is_69_and_nothing_is_taken() {
    let mut daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    let from = original(&daemon);
    daemon.run();
    for more in [&[][..], &["--dry-run"]] {
        let (code, _, said) = migrate(&daemon, &from, more);
        assert_eq!(code, 69, "{said}");
        assert!(said.contains("already running") && said.contains("astout stop"), "{said}");
    }
    assert!(daemon.client().list("OutPlanShow", &[]).is_empty());
}

#[test]
fn what_is_no_originals_database_is_told_apart() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    let (code, _, said) = migrate(&daemon, &daemon.path("nowhere.sqlite3"), &[]);
    assert!(code == 74 && said.contains("nowhere.sqlite3"), "{said}");
    let (code, _, said) = migrate(&daemon, &daemon.path("astout.toml"), &[]);
    assert!(code == 74 && said.contains("astout.toml"), "{said}");
    let other = daemon.path("other.sqlite3");
    sql(&other, "CREATE TABLE plan (uuid text)");
    let (code, _, said) = migrate(&daemon, &other, &[]);
    assert!(code == 65 && said.contains("no table dl_list_ma"), "{said}");
    report(&daemon, &original(&daemon), &[]);
    let (code, _, said) = migrate(&daemon, &daemon.path("astout.sqlite3"), &[]);
    assert!(code == 65 && said.contains("astout's own"), "{said}");
}

#[test]
fn contacts_with_tries_left_go_on_where_they_were() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::beside(&sandbox, "");
    report(&daemon, &original(&daemon), &[]);
    daemon.run();
    let mut client = daemon.client();
    let text = |text: &str| text.to_owned();
    let campaign = Campaign { uuid: text(CAMPAIGN), plan: text(PLAN), dlma: text(DLMA), dest: text(DEST) };
    campaign.run(&mut client);
    let mut tried: Vec<(String, u64, u64)> = daemon
        .results()
        .iter()
        .map(|line| {
            let count = |key: &str| line[key].as_u64().unwrap();
            (line["dial_addr"].as_str().unwrap().to_owned(), count("dial_index"), count("dial_trycnt"))
        })
        .collect();
    tried.sort();
    let tried: Vec<_> =
        tried.iter().map(|(number, index, count)| (number.as_str(), *index, *count)).collect();
    assert_eq!(
        tried,
        [("1002001", 2, 1), ("1002004", 1, 1), ("1002005", 1, 2)],
        "nobody else has a try left"
    );
    let entry = &client.list("OutDlListShow", &[("Uuid", "aaaa0005-0000-4000-8000-000000000001")])[0];
    assert_eq!((header(entry, "TryCnt1"), header(entry, "TryCnt2")), (text("2"), text("1")));
    daemon.check();
}

#[test]
fn where_unknown_ends_are_held_so_is_who_was_being_dialled() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "[dialer]\non_unknown = \"hold\"\n");
    report(&daemon, &original(&daemon), &[]);
    let held = sql(&daemon.path("astout.sqlite3"), "SELECT name FROM dl_list WHERE held = 1");
    assert_eq!(held, [["being dialled"]]);
}
