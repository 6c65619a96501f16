//! What is no breach: lines on their way, files that are compressed, a clock that was set back; and what cannot be read.

use std::fs;
use std::fs::File;

use crate::records::{Records, at, contact, dialing};

/// Makes the last line one that is committed and not in the log.
async fn one_pending() -> Records {
    let mut records = Records::right().await;
    records.sql("UPDATE logpos SET seq = 3").await;
    records.edit("astout.result", |text| text.lines().take(1).map(|line| format!("{line}\n")).collect());
    records
}

#[tokio::test]
async fn a_line_on_its_way_is_pending_whether_a_daemon_runs_or_not() {
    let records = one_pending().await;
    assert!(records.notes(&[]).contains("pending: 1 line on the way to the log: no daemon runs"));
    let lock = File::create(records.path("astout.sqlite3.lock")).unwrap();
    lock.try_lock().unwrap();
    let notes = records.notes(&[]);
    assert!(notes.contains("is writing them") && notes.contains(&std::process::id().to_string()), "{notes}");
    let (_, report) = records.report(&[]);
    assert_eq!((&report["pending"], &report["daemon"]), (&1.into(), &true.into()));
}

#[tokio::test]
async fn a_line_that_is_being_written_is_a_note() {
    let records = one_pending().await;
    records.edit("astout.result", |text| text + "{\"seq\":4,\"dial");
    assert!(records.notes(&[]).contains("astout.result:2 is torn"));
}

#[tokio::test]
async fn lines_in_compressed_files_are_told_and_not_missed() {
    let records = Records::right().await;
    fs::rename(records.path("astout.result.1"), records.path("astout.result.1.gz")).unwrap();
    let notes = records.notes(&[]);
    assert!(notes.contains("astout.result.1.gz is compressed and not read"), "{notes}");
    assert!(notes.contains("lines 1 to 2 are not read"), "{notes}");
    assert!(notes.contains("2 dialings ended in lines that were not read"), "{notes}");
}

#[tokio::test]
async fn a_gap_within_a_file_is_a_breach_whatever_was_compressed() {
    let records = Records::right().await;
    fs::rename(records.path("astout.result.1"), records.path("astout.result.1.gz")).unwrap();
    records.edit("astout.result", |text| text.replace("\"seq\":4", "\"seq\":5"));
    assert!(records.breach("P4", &[]).contains("has seq 5, and 4 was to come"));
}

#[tokio::test]
async fn an_outbox_that_was_pruned_behind_the_log_is_right() {
    let mut records = Records::right().await;
    records.sql("DELETE FROM outbox WHERE seq < 3").await;
    assert_eq!(records.notes(&[]), "[]");
    records.sql("DELETE FROM outbox").await;
    assert_eq!(records.notes(&[]), "[]");
}

#[tokio::test]
async fn a_clock_that_was_set_back_accuses_nobody() {
    let mut records = Records::empty().await;
    records.add_contact(1).await;
    records.attempt(1, 600, Some((610, ("busy", 5, 17)))).await;
    records.attempt(1, 300, Some((320, ("busy", 5, 17)))).await;
    records.write_log();
    let notes = records.notes(&["--max-channels", "1"]);
    assert!(notes.contains("the clock was set back (1 row)"), "{notes}");
}

#[tokio::test]
async fn contacts_that_are_gone_or_came_with_tries_are_notes() {
    let mut records = Records::right().await;
    records.sql(format!("DELETE FROM dl_list WHERE uuid = '{}'", contact(1))).await;
    records.sql(format!("UPDATE dl_list SET trycnt = 3, trycnt_1 = 3 WHERE uuid = '{}'", contact(4))).await;
    let notes = records.notes(&[]);
    assert!(notes.contains("removed from dl_list by hand: 1 contact with attempts"), "{notes}");
    assert!(notes.contains("came with tries from elsewhere"), "{notes}");
}

#[tokio::test]
async fn files_can_be_named_in_any_order_without_a_configuration() {
    let records = Records::right().await;
    let path = |file| records.path(file).to_str().unwrap().to_owned();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_astout"))
        .args([
            "check",
            "--database",
            &path("astout.sqlite3"),
            "--results",
            &path("astout.result"),
            &path("astout.result.1"),
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test]
async fn nothing_at_all_holds() {
    let records = Records::empty().await;
    assert_eq!(records.notes(&[]), "[]");
}

#[tokio::test]
async fn what_cannot_be_read_is_74_and_what_is_no_database_69() {
    let records = Records::right().await;
    let code = |arguments: &[&str]| records.check(arguments).status.code().unwrap();
    assert_eq!(code(&["--database", "/nowhere/astout.sqlite3"]), 74);
    assert_eq!(code(&["--results", "/nowhere/astout.result"]), 74);
    assert_eq!(code(&["--cdr", "/nowhere/Master.csv"]), 74);
    assert_eq!(code(&["--database", records.path("astout.toml").to_str().unwrap()]), 69);
    fs::write(records.path("empty"), "").unwrap();
    assert_eq!(code(&["--database", records.path("empty").to_str().unwrap()]), 69);
    assert_eq!(code(&["--nonsense"]), 64);
}

#[tokio::test]
async fn nothing_is_changed_by_a_look() {
    let mut records = Records::right().await;
    records.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let read = |file: &str| fs::read(records.path(file)).unwrap();
    let before = [read("astout.sqlite3"), read("astout.result"), read("astout.result.1")];
    fs::write(
        records.path("dials"),
        format!("{{\"channelid\":\"{}\",\"time\":\"{}\"}}\n", dialing(1), at(11)),
    )
    .unwrap();
    records.notes(&["--dial-log", records.path("dials").to_str().unwrap()]);
    assert_eq!(before, [read("astout.sqlite3"), read("astout.result"), read("astout.result.1")]);
}
