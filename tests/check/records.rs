//! Records by hand: a database and a result log of five attempts, right in every way, for a test to spoil.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, raw_sql};

use crate::support::daemon::Daemon;

const SCHEMA: &str = concat!(
    include_str!("../../migrations/sqlite/0001_tables.sql"),
    include_str!("../../migrations/sqlite/0002_held.sql"),
    include_str!("../../migrations/sqlite/0005_retry.sql")
);

/// A uuid that tells in its first digits what it is of.
pub(crate) fn uuid(kind: u32, number: u32) -> String {
    format!("{kind:08x}-0000-7000-8000-{number:012x}")
}

/// The contact of that number.
pub(crate) fn contact(number: u32) -> String {
    uuid(0xc0, number)
}

/// The dialing of that number.
pub(crate) fn dialing(number: u32) -> String {
    uuid(0xd0, number)
}

/// So many seconds into the day.
pub(crate) fn at(second: u32) -> String {
    format!("2026-11-21T10:{:02}:{:02}.000000000Z", second / 60, second % 60)
}

/// How an attempt ended: outcome, res_dial, res_hangup.
type End = (&'static str, i64, i64);

/// The records, and the configuration that names them.
pub(crate) struct Records {
    pub(crate) daemon: Daemon,
    conn: SqliteConnection,
    attempts: u32,
    lines: Vec<Value>,
}

impl Records {
    /// Contact 1 was busy and answered; contact 2 was given up and then rang; contact 3 is being called; contact 4 waits.
    /// Two lines are in a rotated file, two in the log.
    pub(crate) async fn right() -> Self {
        let mut records = Self::empty().await;
        for number in 1..=4 {
            records.add_contact(number).await;
        }
        records.attempt(1, 10, Some((14, ("busy", 5, 17)))).await;
        records.attempt(2, 20, Some((25, ("withdrawn", 0, 0)))).await;
        records.attempt(1, 30, Some((38, ("answered", 4, 16)))).await;
        records.attempt(2, 40, Some((70, ("noanswer", 3, 19)))).await;
        records.attempt(3, 80, None).await;
        records.write_log();
        records
    }

    /// The tables, a list, a campaign, and nothing in them.
    pub(crate) async fn empty() -> Self {
        let daemon = Daemon::prepared("127.0.0.1:9", "user", "secret", "");
        let options = SqliteConnectOptions::new()
            .filename(daemon.path("astout.sqlite3"))
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
        let conn = options.connect().await.unwrap();
        let mut records = Self { daemon, conn, attempts: 0, lines: Vec::new() };
        records.sql(SCHEMA).await;
        let plan: Value = (1..=8).map(|number| (format!("max_retry_cnt_{number}"), json!(2))).collect();
        let capsule = json!({"plan": plan});
        let (plan, list, dest) = (uuid(0xa0, 1), uuid(0xb0, 1), uuid(0xe0, 1));
        let now = at(0);
        records
            .sql(format!(
                "INSERT INTO capsule VALUES ('{}', '{capsule}');
                INSERT INTO campaign (uuid, status, plan, dlma, dest, tm_create)
                    VALUES ('{}', 1, '{plan}', '{list}', '{dest}', '{now}');
                INSERT INTO dl_list_ma (uuid, dl_table, tm_create) VALUES ('{list}', 'x', '{now}');
                INSERT INTO destination (uuid, type, tm_create) VALUES ('{dest}', 1, '{now}')",
                uuid(0xcc, 1),
                uuid(0xca, 1),
            ))
            .await;
        records
    }

    pub(crate) async fn add_contact(&mut self, number: u32) {
        self.sql(format!(
            "INSERT INTO dl_list (uuid, dlma_uuid, number_1, tm_create) VALUES ('{}', '{}', '{number}00', '{}')",
            contact(number),
            uuid(0xb0, 1),
            at(0)
        ))
        .await;
    }

    /// Claims a contact; ends it where that is given.
    pub(crate) async fn attempt(&mut self, number: u32, begin: u32, end: Option<(u32, End)>) {
        self.attempts += 1;
        let (uuid_, dl) = (dialing(self.attempts), contact(number));
        let (other, list) = (uuid(0xd1, self.attempts), uuid(0xb0, 1));
        let tries = "json_object('number_1', number_1, 'trycnt', trycnt, 'res_dial', res_dial, 'tm_update', tm_update,
            'trycnt_1', trycnt_1, 'trycnt_2', 0, 'trycnt_3', 0, 'trycnt_4', 0, 'trycnt_5', 0, 'trycnt_6', 0,
            'trycnt_7', 0, 'trycnt_8', 0)";
        self.sql(format!(
            "INSERT INTO dialing (uuid, dl_uuid, attempt_no, campaign_uuid, plan_uuid, dlma_uuid, dest_uuid,
                capsule_uuid, other_uuid, number_index, addr, channel, try_count, dl, tm_create, status)
            SELECT '{uuid_}', uuid, (SELECT count(*) + 1 FROM dialing WHERE dl_uuid = '{dl}'), '{}', '{}', '{list}', '{}',
                '{}', '{other}', 1, number_1, 'PJSIP/' || number_1, trycnt_1 + 1, {tries}, '{}', 3
            FROM dl_list WHERE uuid = '{dl}';
            UPDATE dl_list SET status = 1, dialing_uuid = '{uuid_}', trycnt = trycnt + 1, trycnt_1 = trycnt_1 + 1,
                tm_last_dial = '{}' WHERE uuid = '{dl}'",
            uuid(0xca, 1),
            uuid(0xa0, 1),
            uuid(0xe0, 1),
            uuid(0xcc, 1),
            at(begin),
            at(begin),
        ))
        .await;
        if let Some((end, how)) = end {
            self.end(number, begin, end, how).await;
        }
    }

    async fn end(&mut self, number: u32, begin: u32, end: u32, (outcome, res_dial, res_hangup): End) {
        let (uuid_, dl, seq) = (dialing(self.attempts), contact(number), self.lines.len() + 1);
        let tries =
            self.lines.iter().filter(|line| line["uuid"] == dl.as_str() && line["outcome"] != "withdrawn");
        let line = json!({
            "seq": seq, "result_version": 1, "dialing_uuid": uuid_, "camp_uuid": uuid(0xca, 1),
            "plan_uuid": uuid(0xa0, 1), "dlma_uuid": uuid(0xb0, 1), "dest_uuid": uuid(0xe0, 1), "dl_list_uuid": dl,
            "dial_exten": null, "dial_context": null, "dial_priority": null, "dial_application": "Queue",
            "dial_data": "sales", "dest_variables": "", "dial_type": 1, "uuid": dl,
            "dial_channel": format!("PJSIP/{number}00"), "dial_addr": format!("{number}00"), "dial_index": 1,
            "dial_trycnt": tries.count() + 1, "dl_variables": "", "channelid": uuid_,
            "otherchannelid": uuid(0xd1, self.attempts), "dial_timeout": 30000, "dlma_variables": "",
            "plan_variables": "", "callerid": null, "variables": "{}", "outcome": outcome, "disposition": null,
            "tm_dialing": at(begin), "channel_name": format!("PJSIP/{number}00-0001"), "res_dial": res_dial,
            "res_dial_detail": null, "tm_dial_begin": at(begin + 1), "tm_dial_end": at(end - 1), "tm_hangup": at(end),
            "res_hangup": res_hangup, "res_hangup_detail": "some words",
        });
        let back = i64::from(outcome == "withdrawn");
        self.sql(format!(
            "UPDATE dialing SET open = 0, status = 7, outcome = '{outcome}', tm_end = '{end}', res_dial = {res_dial},
                channel_name = 'PJSIP/{number}00-0001', tm_dial_begin = '{}', tm_dial_end = '{}', tm_hangup = '{end}',
                res_hangup = {res_hangup}, res_hangup_detail = 'some words' WHERE uuid = '{uuid_}';
            INSERT INTO outbox VALUES ({seq}, '{uuid_}', '{line}');
            UPDATE meta SET value = {seq} WHERE key = 'last_seq';
            UPDATE logpos SET seq = {seq};
            UPDATE dl_list SET status = 0, dialing_uuid = NULL, res_dial = {res_dial}, trycnt = trycnt - {back},
                trycnt_1 = trycnt_1 - {back} WHERE uuid = '{dl}'",
            at(begin + 1),
            at(end - 1),
            end = at(end),
        ))
        .await;
        self.lines.push(line);
    }

    /// Carries out statements, several in one text.
    pub(crate) async fn sql(&mut self, statements: impl Into<String>) {
        let statements: String = statements.into();
        raw_sql(AssertSqlSafe(statements.clone()))
            .execute(&mut self.conn)
            .await
            .unwrap_or_else(|why| panic!("{why}: {statements}"));
    }

    /// The first half of the lines into a rotated file, the rest into the log.
    pub(crate) fn write_log(&self) {
        let (old, new) = self.lines.split_at(self.lines.len() / 2);
        for (file, lines) in [("astout.result.1", old), ("astout.result", new)] {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            fs::write(self.daemon.path(file), text).unwrap();
        }
    }

    /// Changes the text of one of its files.
    pub(crate) fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.daemon.path(file)).unwrap_or_default();
        fs::write(self.daemon.path(file), change(text)).unwrap();
    }

    /// One of its files.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.daemon.path(file)
    }

    /// `astout check` with these arguments.
    pub(crate) fn check(&self, arguments: &[&str]) -> Output {
        self.daemon.cli(&[&["check"], arguments].concat())
    }

    /// The same as JSON, with its exit code.
    pub(crate) fn report(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.check(&[&["--json"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        let report = serde_json::from_str(&text)
            .unwrap_or_else(|why| panic!("{why}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), report)
    }

    /// What is said of one promise, once it is broken.
    pub(crate) fn breach(&self, promise: &str, arguments: &[&str]) -> String {
        let (code, report) = self.report(arguments);
        let verdict = verdict(&report, promise);
        assert_eq!((code, &verdict["verdict"]), (1, &json!("breach")), "{promise}: {report:#}");
        verdict["examples"].to_string()
    }

    /// The notes of a report that holds.
    pub(crate) fn notes(&self, arguments: &[&str]) -> String {
        let (code, report) = self.report(arguments);
        assert_eq!(code, 0, "{report:#}");
        report["notes"].to_string()
    }
}

/// What a report says of one promise.
pub(crate) fn verdict<'a>(report: &'a Value, promise: &str) -> &'a Value {
    let promises = report["promises"].as_array().unwrap();
    promises.iter().find(|verdict| verdict["promise"] == promise).unwrap()
}
