//! A dial list to import into, and looks at what is in it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use crate::support::daemon::Daemon;

/// Nobody listens there: the daemon waits for an Asterisk.
const NOWHERE: &str = "127.0.0.1:9";

/// A daemon without an Asterisk, and a list.
pub(crate) fn daemon_with_list() -> (Daemon, String) {
    let daemon = Daemon::start_beside(NOWHERE, "user", "secret", "");
    let dlma = daemon.client().create("OutDlmaCreate", &[("Name", "leads")]);
    (daemon, dlma)
}

/// The same with the daemon stopped.
pub(crate) fn stopped_with_list() -> (Daemon, String) {
    let (mut daemon, dlma) = daemon_with_list();
    assert!(daemon.stop().success());
    (daemon, dlma)
}

/// Writes a file into the daemon's directory.
pub(crate) fn file(daemon: &Daemon, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = daemon.path(name);
    fs::write(&path, text).unwrap();
    path
}

/// What a command said, out and err, and its exit code.
pub(crate) fn said(output: &Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8(text).unwrap())
}

/// Runs `astout import` to its end.
pub(crate) fn import(daemon: &Daemon, dlma: &str, path: &std::path::Path, more: &[&str]) -> (i32, String) {
    let path = path.to_str().unwrap();
    let arguments = [&["import", "--dlma", dlma, path][..], more].concat();
    said(&daemon.cli(&arguments))
}

/// Starts `astout import`.
pub(crate) fn start(daemon: &Daemon, dlma: &str, path: &std::path::Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_astout"))
        .args(["import", "--dlma", dlma])
        .arg(path)
        .arg("--config")
        .arg(daemon.path("astout.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs `astout import … -` with that on its stdin.
pub(crate) fn import_piped(daemon: &Daemon, dlma: &str, text: &str, more: &[&str]) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_astout"))
        .args(["import", "--dlma", dlma, "-"])
        .args(more)
        .arg("--config")
        .arg(daemon.path("astout.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    said(&child.wait_with_output().unwrap())
}

/// What a query gives, looked up beside the daemon: rows of texts.
pub(crate) fn query(daemon: &Daemon, sql: &str) -> Vec<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let path = daemon.path("astout.sqlite3");
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut conn = options.connect().await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut conn).await.unwrap();
        let text = |row: &sqlx::sqlite::SqliteRow, place| row.get_unchecked::<Option<String>, _>(place);
        rows.iter()
            .map(|row| (0..row.len()).map(|place| text(row, place).unwrap_or_default()).collect())
            .collect()
    })
}

/// The one number that a query gives.
pub(crate) fn number(daemon: &Daemon, sql: &str) -> u64 {
    let found = query(daemon, sql);
    found.first().and_then(|row| row.first()).map_or(0, |text| text.parse().unwrap_or(0))
}

/// How many contacts there are.
pub(crate) fn contacts(daemon: &Daemon) -> u64 {
    number(daemon, "SELECT count(*) FROM dl_list")
}
