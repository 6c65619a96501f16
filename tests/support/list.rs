//! A long list, written past the daemon while it is down.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, query};

/// So many contacts, each with one number: a telephone that answers at once and stays.
const FILL: &str = "
    INSERT INTO dl_list (uuid, dlma_uuid, name, number_1, tm_create)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
    SELECT printf('00000000-0000-4000-%04x-%012x', 32768 + ?3, i), ?2, printf('client %07d', i), printf('10000%07d', i),
        '2026-01-01T00:00:00.000000000Z'
    FROM n";

/// Writes them; lists of one database have a number each.
pub fn fill(database: &Path, dlma: &str, list: u16, contacts: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new()
            .filename(database)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off);
        let mut conn = options.connect().await.unwrap();
        let contacts = i64::try_from(contacts).unwrap();
        query(FILL).bind(contacts).bind(dlma).bind(list).execute(&mut conn).await.unwrap();
        query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    });
}
