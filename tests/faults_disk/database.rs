//! The database: its disk full, locked, gone, damaged, read by somebody who does not end, restored (41, 45, 46, 47, 49, 50, 52).

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection, query};

use super::scene::{Scene, assert_nobody_is_dialled, asterisk, dialing_stops, sandbox, says, times};
use super::support::daemon::Daemon;
use super::support::disk::{ENOSPC, EROFS, Shim, SmallDisk};
use super::support::pbx::Pbx;

const STOPS: &str = "the database cannot be written: dialing stops";
const AGAIN: &str = "the database can be written again";

/// Somebody's `sqlite3`.
struct Foreign {
    runtime: tokio::runtime::Runtime,
    conn: SqliteConnection,
}

impl Foreign {
    fn at(path: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(10));
        let conn = runtime.block_on(options.connect()).unwrap();
        Self { runtime, conn }
    }

    fn run(&mut self, sql: &str) -> Vec<SqliteRow> {
        let sql = AssertSqlSafe(sql.to_owned());
        self.runtime.block_on(query(sql).fetch_all(&mut self.conn)).unwrap()
    }

    fn number(&mut self, sql: &str) -> i64 {
        self.run(sql)[0].get(0)
    }

    fn close(self) {
        self.runtime.block_on(self.conn.close()).unwrap();
    }
}

/// How long a lock is held: seconds by `ASTOUT_LOCKED` (30 are the matrix's).
fn lock_time() -> Duration {
    let seconds = std::env::var("ASTOUT_LOCKED").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(7))
}

fn case_41(pbx: &impl Pbx) {
    let mut daemon = Scene::daemon(pbx);
    let mut disk = SmallDisk::of(&mut daemon, 16);
    daemon.keep_database(&disk.path("astout.sqlite3"));
    daemon.run();
    let ballast = disk.path("astout.sqlite3.ballast");
    assert_eq!(ballast.exists(), disk.is_mounted());
    let scene = Scene::in_full_swing(&mut daemon);
    disk.fill();
    if disk.is_mounted() {
        says(&mut daemon, "little room is left on the disk of");
        says(&mut daemon, "the ballast is let go");
        assert!(!ballast.exists());
    }
    dialing_stops(&daemon);
    assert!(scene.is_up(pbx));
    // An end that cannot be committed is kept, and so is its slot.
    scene.hang_up(pbx);
    says(&mut daemon, STOPS);
    says(&mut daemon, "free some space on its disk");
    let lines = daemon.results().len();
    assert_nobody_is_dialled(&daemon);
    assert_eq!(daemon.results().len(), lines);
    assert_eq!(times(&daemon, STOPS), 1);
    disk.empty();
    says(&mut daemon, AGAIN);
    if disk.is_mounted() {
        says(&mut daemon, "there is room again on the disk of");
        daemon.poll("the ballast", |_| ballast.exists().then_some(()));
        assert_eq!(times(&daemon, "little room is left"), 1);
    }
    scene.ends_whole(&mut daemon);
}

#[test]
fn case_41_a_full_disk_under_the_database_stops_dialing_and_keeps_the_ends_of_calls_on_the_sandbox() {
    case_41(&sandbox());
}

#[test]
fn case_41_a_full_disk_under_the_database_stops_dialing_and_keeps_the_ends_of_calls_on_a_real_asterisk() {
    case_41(&asterisk("c41"));
}

#[test]
fn case_41_a_start_on_a_full_disk_waits_until_there_is_room() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    let mut disk = SmallDisk::of(&mut daemon, 16);
    if !disk.is_mounted() {
        return println!(
            "NOT PLAYED: no tmpfs can be mounted here, and nothing else is full before a start; run it as root"
        );
    }
    daemon.keep_database(&disk.path("astout.sqlite3"));
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    disk.fill();
    says(&mut daemon, "the ballast is let go");
    daemon.kill();
    daemon.spawn(&[]);
    says(&mut daemon, "little room is left");
    daemon.kill();
    disk.empty();
    daemon.run();
    scene.hang_up(&pbx);
    scene.ends_whole(&mut daemon);
}

#[test]
fn case_41_no_room_for_the_index_of_the_write_ahead_log_is_a_full_disk_too() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    let at = daemon.dir().to_owned();
    let disk = Shim::on(&mut daemon, &at);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    daemon.kill();
    disk.fail(&["write"], "-shm", ENOSPC);
    daemon.spawn(&[]);
    says(&mut daemon, "cannot start yet; trying again");
    assert!(disk.failed().iter().any(|failed| failed.ends_with("-shm")), "{:?}", disk.failed());
    disk.work();
    daemon.poll("an answer", |daemon| TcpStream::connect(daemon.address()).ok());
    scene.hang_up(&pbx);
    scene.ends_whole(&mut daemon);
}

fn case_45(pbx: &impl Pbx) {
    let mut daemon = Scene::daemon(pbx);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    let mut somebody = Foreign::at(&daemon.path("astout.sqlite3"));
    somebody.run("BEGIN EXCLUSIVE");
    let since = Instant::now();
    scene.hang_up(pbx);
    says(&mut daemon, STOPS);
    says(&mut daemon, "another program holds its lock");
    dialing_stops(&daemon);
    let lines = daemon.results().len();
    std::thread::sleep(lock_time().saturating_sub(since.elapsed()));
    assert_eq!(daemon.results().len(), lines);
    somebody.run("COMMIT");
    says(&mut daemon, AGAIN);
    scene.ends_whole(&mut daemon);
    assert_eq!(times(&daemon, STOPS), 1);
}

#[test]
fn case_45_a_lock_of_somebody_elses_pauses_claims_and_costs_no_end_on_the_sandbox() {
    case_45(&sandbox());
}

#[test]
fn case_45_a_lock_of_somebody_elses_pauses_claims_and_costs_no_end_on_a_real_asterisk() {
    case_45(&asterisk("c45"));
}

/// Ends with what happened and where what it held is; started on that, the campaign goes on.
fn goes_on_with_what_was_saved(daemon: &mut Daemon, scene: &Scene, pbx: &impl Pbx) {
    assert_eq!(daemon.ended().code(), Some(74), "{}", daemon.log());
    for part in ["deleted or replaced while astout ran", "astout.sqlite3.rescued", "start astout again"] {
        assert!(daemon.log().contains(part), "{part} in:\n{}", daemon.log());
    }
    assert!(scene.is_up(pbx));
    for left in ["astout.sqlite3-wal", "astout.sqlite3-shm"] {
        drop(fs::remove_file(daemon.path(left)));
    }
    fs::rename(daemon.path("astout.sqlite3.rescued"), daemon.path("astout.sqlite3")).unwrap();
    daemon.run();
}

fn case_46(pbx: &impl Pbx) {
    let mut daemon = Scene::daemon(pbx);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    let database = daemon.path("astout.sqlite3");
    fs::remove_file(&database).unwrap();
    goes_on_with_what_was_saved(&mut daemon, &scene, pbx);
    // Replaced by a copy of itself: as good, and not the one that is written to.
    daemon.poll("lines", |daemon| (daemon.results().len() > 20).then_some(()));
    fs::copy(&database, daemon.path("copy")).unwrap();
    fs::rename(daemon.path("copy"), &database).unwrap();
    goes_on_with_what_was_saved(&mut daemon, &scene, pbx);
    scene.hang_up(pbx);
    scene.ends_whole(&mut daemon);
}

#[test]
fn case_46_a_database_that_is_deleted_or_replaced_ends_the_daemon_and_what_it_held_is_saved_on_the_sandbox() {
    case_46(&sandbox());
}

#[test]
fn case_46_a_database_that_is_deleted_or_replaced_ends_the_daemon_and_what_it_held_is_saved_on_a_real_asterisk()
 {
    case_46(&asterisk("c46"));
}

/// Overwrites the head of a table's or an index's first page.
fn spoil(path: &Path, table: &str) {
    let mut look = Foreign::at(path);
    look.run("PRAGMA wal_checkpoint(TRUNCATE)");
    let page = look.number(&format!("SELECT rootpage FROM sqlite_master WHERE name = '{table}'"));
    let size = look.number("PRAGMA page_size");
    look.close();
    let file = fs::File::options().write(true).open(path).unwrap();
    let at = u64::try_from((page - 1) * size).unwrap();
    file.write_all_at(&[0xA5; 64], at).unwrap();
}

#[test]
fn case_47_a_damaged_database_is_found_after_a_kill_and_nobody_is_dialled() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    daemon.kill();
    let database = daemon.path("astout.sqlite3");
    let copy = daemon.path("copy");
    let mut look = Foreign::at(&database);
    look.run("PRAGMA wal_checkpoint(TRUNCATE)");
    look.close();
    fs::copy(&database, &copy).unwrap();
    let (log, copy_of_log) = (daemon.path("astout.result"), daemon.path("copied"));
    fs::copy(&log, &copy_of_log).unwrap();
    // Not of those that a start reads.
    spoil(&database, "dl_waiting");
    daemon.run();
    says(&mut daemon, "it is damaged, and nothing is dialled");
    says(&mut daemon, ".recover");
    assert_nobody_is_dialled(&daemon);
    daemon.kill();
    // Its first page, which the write-ahead log may have anew: no database at all.
    fs::remove_file(daemon.path("astout.sqlite3-wal")).unwrap();
    let file = fs::File::options().write(true).open(&database).unwrap();
    file.write_all_at(&[0; 100], 0).unwrap();
    let (code, text) = daemon.refused();
    assert_eq!(code, 74, "{text}");
    assert!(text.contains("restore a backup"), "{text}");
    // The backup.
    for left in ["astout.sqlite3-wal", "astout.sqlite3-shm"] {
        drop(fs::remove_file(daemon.path(left)));
    }
    fs::rename(&copy, &database).unwrap();
    fs::rename(&copy_of_log, &log).unwrap();
    daemon.run();
    says(&mut daemon, "it is whole");
    scene.hang_up(&pbx);
    scene.ends_whole(&mut daemon);
    // Closed in order, it is not looked at.
    assert!(daemon.stop().success());
    let looked = times(&daemon, "looking whether it is whole");
    daemon.run();
    assert_eq!(times(&daemon, "looking whether it is whole"), looked);
}

#[test]
fn case_47_a_database_of_a_newer_astout_is_refused() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    daemon.run();
    assert!(daemon.stop().success());
    let mut later = Foreign::at(&daemon.path("astout.sqlite3"));
    later.run("INSERT INTO _sqlx_migrations VALUES (999, 'later', '2030-01-01', 1, x'00', 1)");
    later.close();
    let (code, text) = daemon.refused();
    assert_eq!(code, 74, "{text}");
    assert!(text.contains("version 999") && text.contains("use the version that wrote it"), "{text}");
}

#[test]
fn case_49_a_reader_that_keeps_the_write_ahead_log_from_being_emptied_is_told_of_once() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    let database = daemon.path("astout.sqlite3");
    let mut reader = Foreign::at(&database);
    reader.run("BEGIN");
    reader.number("SELECT count(*) FROM dl_list");
    let mut other = Foreign::at(&database);
    other.run("CREATE TABLE large (bytes BLOB)");
    other.run("INSERT INTO large VALUES (zeroblob(70000000))");
    says(&mut daemon, "its write-ahead log has");
    scene.hang_up(&pbx);
    scene.ends_whole(&mut daemon);
    assert_eq!(times(&daemon, "its write-ahead log has"), 1);
    reader.run("COMMIT");
    let wal = daemon.path("astout.sqlite3-wal");
    // Written to once more, it is emptied when idle.
    let mut client = daemon.client();
    client.create("OutPlanCreate", &[("Name", "another")]);
    daemon.poll("an empty log", |_| (fs::metadata(&wal).unwrap().len() < 1_000_000).then_some(()));
}

#[test]
fn case_50_a_disk_that_is_read_only_refuses_a_start_and_stops_dialing_while_it_runs() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    let disk = SmallDisk::of(&mut daemon, 16);
    let at = disk.path("astout.sqlite3");
    daemon.keep_database(&at);
    let shim = Shim::on(&mut daemon, at.parent().unwrap());
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    shim.fail(&["write"], "astout.sqlite3", EROFS);
    says(&mut daemon, STOPS);
    dialing_stops(&daemon);
    assert!(scene.is_up(&pbx));
    shim.work();
    says(&mut daemon, AGAIN);
    scene.hang_up(&pbx);
    scene.ends_whole(&mut daemon);
    assert!(daemon.stop().success());
    if disk.is_mounted() {
        disk.make_read_only();
        let (code, text) = daemon.refused();
        assert_eq!(code, 74, "{text}");
        assert!(text.contains("os error 30") && text.contains("writable"), "{text}");
    }
}

#[test]
fn case_52_a_database_of_yesterday_starts_with_its_campaigns_paused() {
    let pbx = sandbox();
    let mut daemon = Scene::daemon(&pbx);
    daemon.run();
    let scene = Scene::in_full_swing(&mut daemon);
    // As a backup in mid-campaign is made.
    let (database, backup) = (daemon.path("astout.sqlite3"), daemon.path("backup"));
    Foreign::at(&database).run(&format!("VACUUM INTO '{}'", backup.display()));
    let lines = daemon.results().len();
    daemon.poll("more lines", |daemon| (daemon.results().len() > lines + 10).then_some(()));
    scene.hang_up(&pbx);
    daemon.kill();
    let before: Vec<PathBuf> =
        ["", "-wal", "-shm"].iter().map(|end| daemon.path(&format!("astout.sqlite3{end}"))).collect();
    for file in &before {
        drop(fs::remove_file(file));
    }
    fs::rename(&backup, &database).unwrap();
    daemon.run();
    says(&mut daemon, "the result log is ahead of the database");
    says(
        &mut daemon,
        &format!(
            "paused, for the database is older than the result log campaign=\"{}\"",
            scene.campaign.uuid
        ),
    );
    assert_nobody_is_dialled(&daemon);
    let mut client = daemon.client();
    let shown = client.list("OutCampaignShow", &[("Uuid", &scene.campaign.uuid)]);
    assert_eq!(super::support::ami::header(&shown[0], "Status"), "2");
    // What was dialled since is told apart by who compares both.
    let told = daemon.cli(&["check"]);
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("no row has this dialing"), "{told}");
    daemon.not_checked("its database is older than its log");
}
