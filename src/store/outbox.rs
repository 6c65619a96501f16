//! Tables `outbox` and `logpos`: result lines on their way to the result log, and how far that is written.

use sqlx::{Row, SqliteConnection, SqliteExecutor, query};

use super::error::Fault;
use super::row;
use super::{Store, StoreError};
use crate::model::ids::DialingUuid;

const NUMBERED: &str = "UPDATE meta SET value = ?1 WHERE key = 'last_seq'";
const LOGGED: &str = "UPDATE logpos SET seq = max(seq, ?1) WHERE id = 1";
const LAST_LOGGED: &str = "SELECT seq FROM logpos WHERE id = 1";
const LAST: &str = "SELECT value FROM meta WHERE key = 'last_seq'";
const AFTER: &str = "SELECT seq, dialing_uuid, line FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2";

/// Numbers the lines of one transaction. The counter is kept in that same transaction, so a rollback takes lines and
/// counter back together and leaves no gap.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    last: Option<i64>,
}

impl Numbering {
    /// The number of the next line.
    pub(super) async fn next(&mut self, conn: &mut SqliteConnection) -> Result<i64, Fault> {
        let last = match self.last {
            Some(last) => last,
            None => last(conn).await?,
        };
        self.last = Some(last + 1);
        Ok(last + 1)
    }

    /// Writes the counter; the last thing before the commit.
    pub(super) async fn write(self, conn: &mut SqliteConnection) -> Result<(), Fault> {
        if let Some(last) = self.last {
            query(NUMBERED).bind(last).execute(conn).await?;
        }
        Ok(())
    }
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
