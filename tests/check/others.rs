//! What others have seen: a dial log, Asterisk's CDR.

use std::fs;

use serde_json::json;

use crate::records::{Records, at, dialing, uuid, verdict};

/// A dial log of the five calls, as the sandbox writes it.
fn dial_log() -> Vec<serde_json::Value> {
    let calls = [(1, 10, "100"), (2, 20, "200"), (3, 30, "100"), (4, 40, "200"), (5, 80, "300")];
    let dialled = |(number, second, addr): (u32, u32, &str)| {
        let id = dialing(number);
        [
            json!({"time": at(second), "event": "dialled", "n": number, "channelid": id, "actionid": format!("o:{id}"), "number": addr}),
            json!({"time": at(second + 3), "event": "ended", "n": number, "channelid": id}),
        ]
    };
    calls.into_iter().flat_map(dialled).collect()
}

/// Writes lines and gives the arguments that have them read.
fn given(records: &Records, option: &str, lines: &[impl ToString]) -> [String; 2] {
    let path = records.path("seen");
    fs::write(&path, lines.iter().map(|line| line.to_string() + "\n").collect::<String>()).unwrap();
    [option.to_owned(), path.to_str().unwrap().to_owned()]
}

/// What is said of a promise once the dial log is changed.
async fn spoilt(promise: &str, change: impl FnOnce(&mut Vec<serde_json::Value>)) -> String {
    let records = Records::right().await;
    let mut lines = dial_log();
    change(&mut lines);
    let [option, path] = given(&records, "--dial-log", &lines);
    records.breach(promise, &[&option, &path])
}

/// A record of cdr-csv: channel and uniqueid.
fn cdr(channel: &str, uniqueid: &str) -> String {
    format!(
        "\"\",\"\",\"100\",\"ctx\",\"\"\"A, B\"\" <1>\",\"{channel}\",\"\",\"Queue\",\"sales,,\",\"{}\",,\"{}\",5,0,\"BUSY\",\"DOCUMENTATION\",\"{uniqueid}\",\"\"",
        "2026-11-21 10:00:10", "2026-11-21 10:00:15"
    )
}

#[tokio::test]
async fn a_dial_log_of_what_was_recorded_holds() {
    let records = Records::right().await;
    let [option, path] = given(&records, "--dial-log", &dial_log());
    let (code, report) = records.report(&[&option, &path]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(verdict(&report, "P1")["checked"], "5 calls in seen, each with its row");
    assert!(
        verdict(&report, "P8")["checked"].as_str().unwrap().contains("at most 1 in a second, 200 allowed")
    );
    let minimal: Vec<_> = (1..=5).map(|number| json!({"channelid": dialing(number)})).collect();
    let [option, path] = given(&records, "--dial-log", &minimal);
    assert_eq!(records.notes(&[&option, &path]), "[]");
}

#[tokio::test]
async fn a_call_without_a_row_is_told() {
    let told = spoilt("P1", |lines| lines.push(json!({"channelid": dialing(66)}))).await;
    assert!(told.contains(&format!("seen:11: {} was dialled, and no row has it", dialing(66))), "{told}");
}

#[tokio::test]
async fn a_dialing_that_was_dialled_twice_is_told() {
    let told = spoilt("P2", |lines| lines.push(lines[0].clone())).await;
    assert!(told.contains(&format!("dialing {} was dialled 2 times: seen:1, seen:11", dialing(1))), "{told}");
}

#[tokio::test]
async fn another_number_than_the_rows_is_told() {
    let told = spoilt("P1", |lines| lines[0]["number"] = "555".into()).await;
    assert!(told.contains("555 was dialled, dialing") && told.contains("is to 100"), "{told}");
}

#[tokio::test]
async fn a_call_before_its_record_is_told() {
    let told = spoilt("P1", |lines| lines[0]["time"] = at(9).into()).await;
    assert!(told.contains("was dialled at 2026-11-21T10:00:09"), "{told}");
}

#[tokio::test]
async fn a_call_that_its_row_says_was_not_sent_is_told() {
    let mut records = Records::right().await;
    records.sql(format!("UPDATE dialing SET status = 11 WHERE uuid = '{}'", dialing(5))).await;
    let [option, path] = given(&records, "--dial-log", &dial_log());
    assert!(records.breach("P1", &[&option, &path]).contains("its row says that it was not sent"));
}

#[tokio::test]
async fn an_emergency_number_is_told_whoever_dialled_it() {
    let told = spoilt("P13", |lines| lines.push(json!({"number": "112"}))).await;
    assert!(told.contains("112 is an emergency number, and it was dialled"), "{told}");
}

#[tokio::test]
async fn more_calls_a_second_than_allowed_are_told() {
    let told = spoilt("P8", |lines| {
        lines.extend((0..250).map(|_| json!({"time": at(100), "channelid": dialing(5)})));
    })
    .await;
    assert!(told.contains("250 calls in the second before"), "{told}");
}

#[tokio::test]
async fn calls_of_somebody_else_are_not_counted_against_the_limit() {
    let records = Records::right().await;
    let lines: Vec<_> = (0..250).map(|_| json!({"time": at(100), "channelid": "1795249527.76"})).collect();
    let lines = [dial_log(), lines].concat();
    let given = given(&records, "--dial-log", &lines);
    let output = records.check(&given.each_ref().map(String::as_str));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("250 calls of somebody else"), "{text}");
}

#[tokio::test]
async fn nonsense_in_a_dial_log_is_told_but_for_a_torn_end() {
    let records = Records::right().await;
    fs::write(records.path("seen"), "{\"channelid\":\"x\"}\n{\"chan").unwrap();
    let path = records.path("seen").to_str().unwrap().to_owned();
    assert!(records.notes(&["--dial-log", &path]).contains("1 call of somebody else"));
    fs::write(records.path("seen"), "{\"chan\n").unwrap();
    assert!(records.breach("P1", &["--dial-log", &path]).contains("seen:1 is no line of a dial log"));
}

#[tokio::test]
async fn a_cdr_is_read_with_other_halves_and_strangers() {
    let records = Records::right().await;
    let lines = [
        cdr("PJSIP/100-0001", &dialing(1)),
        // A second record of one channel: it went through two agents.
        cdr("PJSIP/100-0001", &dialing(1)),
        cdr("Local/1@x-0001;2", &uuid(0xd1, 2)),
        cdr("Local/1@x-0002;2", &format!("{};2", dialing(3))),
        cdr("PJSIP/7-1", "1700000000.7"),
    ];
    let [option, path] = given(&records, "--cdr", &lines);
    let (code, report) = records.report(&[&option, &path]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(verdict(&report, "P1")["checked"], "4 records in seen, each with its row");
    assert!(report["notes"].to_string().contains("1 call of somebody else"));
}

#[tokio::test]
async fn a_cdr_of_uniqueids_alone_will_do() {
    let records = Records::right().await;
    let [option, path] = given(&records, "--cdr", &[dialing(1), dialing(2)]);
    assert_eq!(records.notes(&[&option, &path]), "[]");
}

#[tokio::test]
async fn a_cdr_of_an_unknown_or_a_second_call_is_told() {
    let records = Records::right().await;
    let [option, path] = given(&records, "--cdr", &[cdr("PJSIP/1-1", &dialing(66))]);
    assert!(records.breach("P1", &[&option, &path]).contains("and no row has it"));
    let twice = [cdr("PJSIP/100-0001", &dialing(1)), cdr("PJSIP/100-0009", &dialing(1))];
    let [option, path] = given(&records, "--cdr", &twice);
    assert!(records.breach("P2", &[&option, &path]).contains("was dialled 2 times"));
}

#[tokio::test]
async fn a_cdr_without_uniqueids_says_how_to_have_them() {
    let records = Records::right().await;
    let [option, path] = given(&records, "--cdr", &["a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"]);
    assert!(records.notes(&[&option, &path]).contains("loguniqueid = yes"));
}
