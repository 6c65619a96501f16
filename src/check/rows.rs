//! The rows of attempts as lines are compared with them, and which of them have been met.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, TypeInfo, ValueRef, query};

use super::CheckError;
use super::database::Database;

/// Columns that stand in a line too, by the line's key; their order is the query's, behind the first four.
const SAME: [&str; 21] = [
    "camp_uuid",
    "plan_uuid",
    "dlma_uuid",
    "dest_uuid",
    "dl_list_uuid",
    "channelid",
    "otherchannelid",
    "dial_index",
    "dial_trycnt",
    "dial_addr",
    "dial_channel",
    "tm_dialing",
    "outcome",
    "channel_name",
    "res_dial",
    "res_dial_detail",
    "tm_dial_begin",
    "tm_dial_end",
    "tm_hangup",
    "res_hangup",
    "res_hangup_detail",
];
const ROWS: &str = "SELECT d.rowid, d.open, o.seq, o.line,
        d.campaign_uuid, d.plan_uuid, d.dlma_uuid, d.dest_uuid, d.dl_uuid, d.uuid, d.other_uuid, d.number_index,
        d.try_count, d.addr, d.channel, d.tm_create, d.outcome, d.channel_name, d.res_dial, d.res_dial_detail,
        d.tm_dial_begin, d.tm_dial_end, d.tm_hangup, coalesce(d.res_hangup, 0), d.res_hangup_detail
    FROM json_each(?1) j LEFT JOIN dialing d ON d.uuid = j.value LEFT JOIN outbox o ON o.dialing_uuid = j.value
    ORDER BY j.key";

/// What the database has of one dialing.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Its row and whether it is open; `None` where it has no row.
    pub(super) row: Option<(i64, bool)>,
    /// Its line in the outbox.
    pub(super) queued: Option<(i64, String)>,
    same: Vec<Value>,
}

impl Recorded {
    /// Where a line's fields are not the row's.
    pub(super) fn differences(&self, fields: &serde_json::Map<String, Value>) -> Vec<String> {
        let pairs = SAME.iter().zip(&self.same);
        let differ = pairs.filter(|(key, value)| fields.get(**key) != Some(*value));
        differ
            .map(|(key, value)| {
                format!("{key} is {}, its row has {value}", fields.get(*key).unwrap_or(&Value::Null))
            })
            .collect()
    }
}

/// What the database has of each of these dialings, in their order.
pub(super) async fn recorded(
    database: &mut Database,
    dialings: &[&str],
) -> Result<Vec<Recorded>, CheckError> {
    let failed = database.failed();
    let uuids = serde_json::json!(dialings).to_string();
    let rows = query(ROWS).bind(uuids).fetch_all(&mut database.conn).await.map_err(&failed)?;
    rows.iter().map(|row| read(row).map_err(&failed)).collect()
}

fn read(row: &SqliteRow) -> Result<Recorded, sqlx::Error> {
    let rowid: Option<i64> = row.try_get(0)?;
    let open: Option<i64> = row.try_get(1)?;
    let seq: Option<i64> = row.try_get(2)?;
    let line: Option<String> = row.try_get(3)?;
    Ok(Recorded {
        row: rowid.zip(open).map(|(rowid, open)| (rowid, open != 0)),
        queued: seq.zip(line),
        same: (0..SAME.len()).map(|place| value(row, place + 4)).collect::<Result<_, _>>()?,
    })
}

/// A column as it would stand in JSON.
fn value(row: &SqliteRow, index: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(index)?;
    Ok(if raw.is_null() {
        Value::Null
    } else if raw.type_info().name() == "INTEGER" {
        Value::from(row.try_get::<i64, _>(index)?)
    } else {
        Value::from(row.try_get::<String, _>(index)?)
    })
}

/// A set of row ids: a bit each, in pages, so that a million of them take little room.
#[derive(Debug, Default)]
pub(super) struct RowSet(HashMap<i64, Box<[u64; 64]>>);

impl RowSet {
    /// Adds one; false where it was there.
    pub(super) fn add(&mut self, row: i64) -> bool {
        let (page, word, bit) = Self::place(row);
        let word = &mut self.0.entry(page).or_insert_with(|| Box::new([0; 64]))[word];
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether it is there.
    pub(super) fn has(&self, row: i64) -> bool {
        let (page, word, bit) = Self::place(row);
        self.0.get(&page).is_some_and(|words| words[word] & bit != 0)
    }

    fn place(row: i64) -> (i64, usize, u64) {
        let within = row.rem_euclid(4096).unsigned_abs();
        (row.div_euclid(4096), usize::try_from(within / 64).unwrap_or_default(), 1 << (within % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_rows_tells_what_it_has() {
        let mut rows = RowSet::default();
        for row in [0, 1, 63, 64, 4095, 4096, 1_000_000, i64::MAX, -1] {
            assert!(!rows.has(row) && rows.add(row) && rows.has(row) && !rows.add(row), "{row}");
        }
        assert!(!rows.has(2));
    }
}
