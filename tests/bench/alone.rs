//! SQLite alone: the rows that lives of calls, and contacts that are created, write into astout's own tables, with nothing
//! around them. Each statement is prepared before, and each transaction is synced: as fast as SQLite does it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use astout::model::policy::Policy;
use astout::model::result::ResultOptions;
use astout::store::{Store, StoreOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection, query};
use uuid::Uuid;

use crate::support::list;

/// Lives in a transaction.
const LIVES: u64 = 128;
const DLMA: &str = "11111111-1111-4111-8111-111111111111";
/// As long as those of astout.
const LINE: usize = 1700;
const CONTACT: usize = 900;

const PICK: &str = "SELECT uuid FROM dl_list WHERE dlma_uuid = ?1 AND rung = '0' AND past = ''
    AND in_use = 1 AND status = 0 AND res_dial <> 4 AND held = 0 ORDER BY turn, id LIMIT ?2";
const STATEMENTS: [&str; 5] = [
    "UPDATE dl_list SET status = 1, dialing_uuid = life.value ->> 'uuid', dialing_camp_uuid = dlma_uuid,
            dialing_plan_uuid = dlma_uuid, tm_last_dial = life.value ->> 'time', trycnt = 1, trycnt_1 = 1
        FROM json_each(?1) AS life WHERE dl_list.uuid = life.value ->> 'dl'",
    "INSERT INTO dialing (dl_uuid, uuid, campaign_uuid, plan_uuid, tm_create, number_index, dlma_uuid, dest_uuid,
            capsule_uuid, other_uuid, addr, channel, try_count, dl, server_epoch, attempt_no)
        SELECT value ->> 'dl', value ->> 'uuid', value ->> 'dlma', value ->> 'dlma', value ->> 'time', 1,
            value ->> 'dlma', value ->> 'dlma', value ->> 'dlma', value ->> 'dlma', '100000000001',
            'Local/100000000001@astout-demo', 1, value ->> 'contact', '2026-01-01 00:00:00', 1
        FROM json_each(?1)",
    "UPDATE dialing SET open = 0, outcome = 'answered', tm_end = life.value ->> 'time', status = 7,
            channel_name = 'Local/100000000001@astout-demo-00000000;1', res_dial = 4, res_hangup = 16,
            res_hangup_detail = 'Normal Clearing', tm_dial_begin = life.value ->> 'time',
            tm_dial_end = life.value ->> 'time', tm_hangup = life.value ->> 'time', tm_update = life.value ->> 'time'
        FROM json_each(?1) AS life WHERE dialing.uuid = life.value ->> 'uuid' AND open = 1",
    "INSERT INTO outbox (seq, dialing_uuid, line) SELECT value ->> 'seq', value ->> 'uuid', value ->> 'line'
        FROM json_each(?1)",
    "UPDATE dl_list SET status = 0, dialing_uuid = NULL, dialing_camp_uuid = NULL, dialing_plan_uuid = NULL,
            res_dial = 4, res_hangup = 16, res_hangup_detail = 'Normal Clearing',
            tm_last_hangup = life.value ->> 'time', last_end = 1, last_outcome = 'answered'
        FROM json_each(?1) AS life WHERE dl_list.uuid = life.value ->> 'dl'",
];

/// Contacts that go to SQLite's thread at once.
const CONTACTS: usize = 32;
const LIST: &str = "INSERT INTO dl_list_ma (uuid, dl_table, tm_create) VALUES (?1, 'dl_list', '2026-01-01T00:00:00.000000000Z')";
const CREATE: &str = "INSERT INTO dl_list (held, uuid, dlma_uuid, name, tm_create, number_1)
    VALUES (0, ?, (SELECT uuid FROM dl_list_ma WHERE uuid = ? AND in_use = 1), 'client 01', '2026-01-01T00:00:00.000000000Z',
        '300')";

/// How many lives a second it writes, in that long.
pub(crate) fn lives_a_second(contacts: u64, most: Duration) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alone.sqlite3");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(make_tables(&file));
    list::fill(&file, DLMA, 0, contacts);
    runtime.block_on(async {
        let mut conn = synced(&file).await;
        // The statements are prepared.
        write_lives(&mut conn, 1).await;
        let (begin, mut lives) = (Instant::now(), 0);
        while begin.elapsed() < most && lives + 2 * LIVES < contacts {
            write_lives(&mut conn, lives + LIVES + 1).await;
            lives += LIVES;
        }
        let a_second = lives as f64 / begin.elapsed().as_secs_f64();
        conn.close().await.unwrap();
        a_second
    })
}

/// How many contacts a second it writes, each in a transaction of its own, in that long. Many go to its thread at once:
/// nobody is woken up between two.
pub(crate) fn contacts_a_second(most: Duration) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alone.sqlite3");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        make_tables(&file).await;
        let mut conn = synced(&file).await;
        query(LIST).bind(DLMA).execute(&mut conn).await.unwrap();
        write_contacts(&mut conn).await;
        let (begin, mut contacts) = (Instant::now(), 0);
        while begin.elapsed() < most {
            contacts += write_contacts(&mut conn).await;
        }
        let a_second = contacts as f64 / begin.elapsed().as_secs_f64();
        conn.close().await.unwrap();
        a_second
    })
}

async fn write_contacts(conn: &mut SqliteConnection) -> usize {
    static ALL: LazyLock<String> = LazyLock::new(|| vec![CREATE; CONTACTS].join("; "));
    let mut all = query(AssertSqlSafe(ALL.as_str()));
    for _ in 0..CONTACTS {
        all = all.bind(Uuid::now_v7().to_string()).bind(DLMA);
    }
    all.execute(conn).await.unwrap();
    CONTACTS
}

async fn synced(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    options.connect().await.unwrap()
}

/// astout's own.
pub(crate) async fn make_tables(file: &Path) {
    let options = StoreOptions {
        url: format!("sqlite://{}", file.display()),
        policy: Policy::default(),
        result: ResultOptions::default(),
        log_seq: 0,
    };
    let opened = Store::open(options).await.unwrap();
    opened.store.close().await.unwrap();
}

async fn write_lives(conn: &mut SqliteConnection, first: u64) {
    query("BEGIN IMMEDIATE").execute(&mut *conn).await.unwrap();
    let limit = i64::try_from(LIVES).unwrap();
    let picked = query(PICK).bind(DLMA).bind(limit).fetch_all(&mut *conn).await.unwrap();
    let mut lives = String::from("[");
    for (seq, row) in (first..).zip(&picked) {
        let dl: String = row.get(0);
        let (line, contact) = ("x".repeat(LINE), "y".repeat(CONTACT));
        let comma = if lives.len() > 1 { "," } else { "" };
        write!(
            lives,
            r#"{comma}{{"dl":"{dl}","uuid":"22222222-2222-4222-8222-{seq:012x}","dlma":"{DLMA}","seq":{seq},"time":"2026-01-01T00:00:00.000000000Z","line":"{line}","contact":"{contact}"}}"#
        )
        .unwrap();
    }
    lives.push(']');
    for statement in STATEMENTS {
        query(statement).bind(lives.as_str()).execute(&mut *conn).await.unwrap();
    }
    query("UPDATE meta SET value = value + ?1 WHERE key = 'last_seq'")
        .bind(limit)
        .execute(&mut *conn)
        .await
        .unwrap();
    query("COMMIT").execute(&mut *conn).await.unwrap();
}
