//! Tables `outbox` and `logpos`: result lines on their way to the result log, and how far that is written.

use sqlx::{Row, SqliteConnection, SqliteExecutor, query};

use super::error::Fault;
use super::row;
use super::{Store, StoreError};
use crate::model::dialing::Ending;
use crate::model::ids::DialingUuid;
use crate::model::result::{self, ResultOptions};

// The counter is written in the transaction of its line, so that a rollback takes both back and leaves no gap.
const NEXT_SEQ: &str = "UPDATE meta SET value = value + 1 WHERE key = 'last_seq' RETURNING value";
const PUT: &str = "INSERT INTO outbox (seq, dialing_uuid, line) VALUES (?1, ?2, ?3)";
const LOGGED: &str = "UPDATE logpos SET seq = max(seq, ?1) WHERE id = 1";
const LAST_LOGGED: &str = "SELECT seq FROM logpos WHERE id = 1";
const LAST: &str = "SELECT value FROM meta WHERE key = 'last_seq'";
const AFTER: &str = "SELECT seq, dialing_uuid, line FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2";

/// Queues the one line of an ended dialing.
pub(super) async fn put(
    conn: &mut SqliteConnection,
    ending: &Ending,
    options: ResultOptions,
) -> Result<(i64, String), Fault> {
    let seq: i64 = query(NEXT_SEQ).fetch_one(&mut *conn).await?.try_get(0)?;
    let line = result::line(seq, ending, options)
        .map_err(|error| Fault::Row { noun: "outbox", what: error.to_string() })?;
    query(PUT).bind(seq).bind(ending.dialing.attempt.uuid.to_string()).bind(&line).execute(conn).await?;
    Ok((seq, line))
}

pub(super) async fn logged(conn: &mut SqliteConnection, seq: i64) -> Result<(), Fault> {
    query(LOGGED).bind(seq).execute(conn).await?;
    Ok(())
}

pub(super) async fn last_logged(executor: impl SqliteExecutor<'_>) -> Result<i64, Fault> {
    Ok(query(LAST_LOGGED).fetch_one(executor).await?.try_get(0)?)
}

pub(super) async fn last(executor: impl SqliteExecutor<'_>) -> Result<i64, Fault> {
    Ok(query(LAST).fetch_one(executor).await?.try_get(0)?)
}

impl Store {
    /// At most `limit` result lines after `seq`, in their order: number, dialing, line without a line feed.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn lines_after(
        &self,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<(i64, DialingUuid, String)>, StoreError> {
        self.reading("reading result lines", async {
            let rows = query(AFTER).bind(seq).bind(limit).fetch_all(&self.readers).await?;
            rows.iter()
                .map(|row| {
                    Ok((row.try_get(0)?, row::parsed("outbox", row, "dialing_uuid")?, row.try_get(2)?))
                })
                .collect()
        })
        .await
    }

    /// The last result line that is known to be in the result log.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn last_logged(&self) -> Result<i64, StoreError> {
        self.reading("reading the result log's position", last_logged(&self.readers)).await
    }

    /// The last result line that there is.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn last_seq(&self) -> Result<i64, StoreError> {
        self.reading("reading the last result line's number", last(&self.readers)).await
    }
}
