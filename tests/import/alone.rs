//! Beside no daemon: the command is the records' writer itself, with their lock.

use std::time::{Duration, Instant};

use crate::list::{contacts, file, import, number, query, start, stopped_with_list};
use crate::support::ami::{PATIENCE, header};
use crate::support::daemon::Daemon;

#[test]
fn without_a_daemon_the_next_one_finds_everything() {
    let (mut daemon, dlma) = stopped_with_list();
    let path = file(&daemon, "leads.csv", "name,number1,ukey\nann,300,a\nbob,112,b\ncleo,302,a\n");
    let (code, said) = import(&daemon, &dlma, &path, &["--dry-run"]);
    assert!(code == 0 && said.contains("1 would be imported"), "{said}");
    assert_eq!(contacts(&daemon), 0);
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 rows: 1 imported, 1 duplicates") && said.contains("denied number 1"), "{said}");
    daemon.run();
    let entries = daemon.client().list("OutDlListShow", &[("DlmaUuid", &dlma)]);
    assert_eq!(entries.iter().map(|entry| header(entry, "Name")).collect::<Vec<_>>(), ["ann"]);
    assert_eq!(import(&daemon, &dlma, &path, &[]).0, 1, "the daemon knows the file");
}

#[test]
fn a_kill_in_the_middle_loses_nobody_and_doubles_nobody() {
    let (daemon, dlma) = stopped_with_list();
    let rows: String = (0..20_000).map(|row| format!("client {row},{}\n", 1000 + row)).collect();
    let path = file(&daemon, "leads.csv", format!("name,number1\n{rows}"));
    let mut child = start(&daemon, &dlma, &path);
    let deadline = Instant::now() + PATIENCE;
    while number(&daemon, "SELECT coalesce(max(rows), 0) FROM import") < 2000 {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "it is not half way");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = number(&daemon, "SELECT rows FROM import");
    assert!(before < 20_000 && contacts(&daemon) == before, "{before}");
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("behind the {before} rows")) && said.contains("20000 imported"), "{said}");
    assert_eq!(query(&daemon, "SELECT count(*), count(DISTINCT name) FROM dl_list"), [["20000", "20000"]]);
    assert_eq!(number(&daemon, "SELECT waiting FROM dl_rung"), 20_000);
}

#[test]
fn a_daemon_whose_socket_is_off_is_not_passed_by() {
    let (mut daemon, dlma) = stopped_with_list();
    let config = daemon.path("astout.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let socket = format!("socket = \"{}/ctl.sock\"", daemon.dir().display());
    std::fs::write(&config, text.replace(&socket, "socket = \"\"")).unwrap();
    daemon.run();
    let path = file(&daemon, "leads.csv", "name,number1\nann,300\n");
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("already running") && said.contains("[cli] socket"), "{said}");
    assert_eq!(contacts(&daemon), 0);
}

#[test]
fn without_daemon_and_database_it_says_what_to_do() {
    let daemon = Daemon::prepared("127.0.0.1:9", "user", "secret", "");
    let path = file(&daemon, "leads.csv", "name,number1\nann,300\n");
    let (code, said) = import(&daemon, "11111111-1111-1111-1111-111111111111", &path, &[]);
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("start astout"), "{said}");
    assert!(!daemon.path("astout.sqlite3").exists());
}
