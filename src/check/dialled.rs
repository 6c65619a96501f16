//! P1, P2, P8 and P13 by what others have seen: a dial log, Asterisk's CDR.
//!
//! A dial log has a JSON object a line. Needed is `channelid`; `number` and `time` are compared where they are there. Of
//! lines with an `event` only those with `dialled` are calls. In a CDR the column `uniqueid` counts, the 17th, or the
//! only one. What has no uuid is a call of somebody else.

use std::collections::VecDeque;

use futures_util::TryStreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{Row, query};

use super::clock::Clock;
use super::database::Database;
use super::files::Bounded;
use super::line::is_time;
use super::report::{Findings, Promise, count};
use super::{CheckError, Options};
use crate::model::time::Timestamp;

/// Calls that are looked up at once.
const BATCH: usize = 1000;
/// Columns of cdr-csv.
const CHANNEL: usize = 5;
const UNIQUEID: usize = 16;
/// Requests that Asterisk may hold back and carry out at once later.
const HELD_BACK: usize = 10;
const SECOND: i64 = 1_000_000;

/// `by` is 0 for dial logs, 1 for CDR.
const TABLES: [&str; 2] = [
    "CREATE TEMP TABLE dialled (by INTEGER, id TEXT, channel TEXT, calls INTEGER, at TEXT, PRIMARY KEY (by, id)) WITHOUT ROWID",
    "CREATE TEMP TABLE stranger (id TEXT PRIMARY KEY, at TEXT) WITHOUT ROWID",
];
/// Of a CDR several rows tell of one channel; another channel under the same id is another call.
const REMEMBER: &str = "INSERT INTO temp.dialled (by, id, channel, calls, at)
    SELECT ?2, value ->> 'id', value ->> 'channel', 1, value ->> 'at' FROM json_each(?1) WHERE true
    ON CONFLICT (by, id) DO UPDATE SET calls = calls + (excluded.channel IS NULL OR excluded.channel <> channel),
        at = at || ', ' || excluded.at";
const TWICE: &str = "SELECT id, calls, at FROM temp.dialled WHERE calls > 1";
const LOOK_UP: &str = "SELECT d.uuid, d.addr, d.tm_create, d.status, d.outcome
    FROM json_each(?1) j LEFT JOIN dialing d ON d.uuid = j.value ->> 'id' ORDER BY j.key";
const UNKNOWN: &str =
    "INSERT OR IGNORE INTO temp.stranger (id, at) SELECT value ->> 'id', value ->> 'at' FROM json_each(?1)";
/// The other half of a Local channel has a uuid of its own; there is no index on it, so all rows are walked once.
const OTHER_HALVES: &str = "DELETE FROM temp.stranger WHERE id IN (
    SELECT d.other_uuid FROM dialing d CROSS JOIN temp.stranger s ON s.id = d.other_uuid)";
const STRANGERS: &str = "SELECT id, at FROM temp.stranger ORDER BY id";

/// One call as somebody else has seen it.
struct Call {
    id: String,
    at: String,
    channel: Option<String>,
    number: Option<String>,
    time: Option<String>,
}

/// Compares what was dialled with the rows.
pub(super) async fn check(
    database: &mut Database,
    dial_logs: Vec<Bounded>,
    cdrs: Vec<Bounded>,
    options: &Options,
    clock: &Clock,
    findings: &mut Findings,
) -> Result<(), CheckError> {
    if dial_logs.is_empty() && cdrs.is_empty() {
        return Ok(());
    }
    let failed = database.failed();
    for table in TABLES {
        query(table).execute(&mut database.conn).await.map_err(&failed)?;
    }
    let mut reader = Reader { database, options, clock, findings, foreign: 0, rate: Rate::default() };
    for mut file in dial_logs {
        let calls = reader.dial_log(&mut file).await?;
        let told = format!("{} in {}", count(calls, "call"), file.name());
        reader.findings.checked(Promise::P1, format!("{told}, each with its row"));
        reader.findings.checked(Promise::P13, format!("{told}, none to a number that is refused"));
    }
    for mut file in cdrs {
        let calls = reader.cdr(&mut file).await?;
        let told = format!("{} in {}, each with its row", count(calls, "record"), file.name());
        reader.findings.checked(Promise::P1, told);
    }
    reader.finish().await
}

struct Reader<'a> {
    database: &'a mut Database,
    options: &'a Options,
    clock: &'a Clock,
    findings: &'a mut Findings,
    /// Calls that are none of astout's.
    foreign: u64,
    rate: Rate,
}

impl Reader<'_> {
    async fn dial_log(&mut self, file: &mut Bounded) -> Result<u64, CheckError> {
        #[derive(Deserialize)]
        struct Entry {
            event: Option<String>,
            channelid: Option<String>,
            number: Option<Value>,
            time: Option<String>,
        }
        let (name, mut calls) = (file.name(), 0);
        let (mut lines, mut bytes, mut batch) = (file.lines()?, Vec::new(), Vec::new());
        while let Some(place) = lines.next(&mut bytes)? {
            let at = format!("{name}:{}", place.number);
            let entry: Entry = match serde_json::from_slice(&bytes) {
                Ok(entry) => entry,
                // The last line may be half written.
                Err(_) if !place.whole => break,
                Err(why) => {
                    self.findings.breach(Promise::P1, || format!("{at} is no line of a dial log: {why}"));
                    continue;
                }
            };
            if entry.event.is_some_and(|event| event != "dialled") {
                continue;
            }
            let number = entry.number.map(|number| match number {
                Value::String(number) => number,
                other => other.to_string(),
            });
            if let Some(why) = number.as_deref().and_then(|number| self.options.policy.refuses_number(number))
            {
                self.findings.breach(Promise::P13, || format!("{at}: {why}, and it was dialled"));
            }
            let Some(id) = entry.channelid.filter(|id| is_uuid(id)) else {
                self.foreign += 1;
                continue;
            };
            if let Some(time) = entry.time.as_deref().and_then(|time| time.parse::<Timestamp>().ok()) {
                self.rate.dialled(time.micros());
            }
            calls += 1;
            batch.push(Call { id, at, channel: None, number, time: entry.time });
            if batch.len() == BATCH {
                self.compare(std::mem::take(&mut batch), false).await?;
            }
        }
        self.compare(batch, false).await?;
        Ok(calls)
    }

    async fn cdr(&mut self, file: &mut Bounded) -> Result<u64, CheckError> {
        let (name, mut calls, mut without) = (file.name(), 0, 0);
        let (mut lines, mut bytes, mut batch) = (file.lines()?, Vec::new(), Vec::new());
        while let Some(place) = lines.next(&mut bytes)? {
            let mut fields = csv(&String::from_utf8_lossy(&bytes));
            let id = match fields.len() {
                1 => fields.swap_remove(0),
                columns if columns > UNIQUEID => std::mem::take(&mut fields[UNIQUEID]),
                _ => {
                    without += 1;
                    continue;
                }
            };
            if !is_uuid(id.split(';').next().unwrap_or_default()) {
                self.foreign += 1;
                continue;
            }
            calls += 1;
            let channel = Some(fields.get(CHANNEL).cloned().unwrap_or_default());
            let at = format!("{name}:{}", place.number);
            batch.push(Call { id, at, channel, number: None, time: None });
            if batch.len() == BATCH {
                self.compare(std::mem::take(&mut batch), true).await?;
            }
        }
        self.compare(batch, true).await?;
        if without > 0 {
            let rows = count(without, "record");
            self.findings
                .note(format!("{rows} of {name} have no uniqueid; set loguniqueid = yes in cdr.conf"));
        }
        Ok(calls)
    }

    async fn compare(&mut self, calls: Vec<Call>, cdr: bool) -> Result<(), CheckError> {
        let failed = self.database.failed();
        let conn = &mut self.database.conn;
        let told = calls.iter().map(|call| json!({"id": call.id, "at": call.at, "channel": call.channel}));
        let told = Value::from_iter(told).to_string();
        query(REMEMBER).bind(told).bind(cdr).execute(&mut *conn).await.map_err(&failed)?;
        // The second half of a channel goes by the first one's id.
        let ids = calls.iter().map(|call| json!({"id": call.id.split(';').next()}));
        let ids = Value::from_iter(ids).to_string();
        let rows = query(LOOK_UP).bind(ids).fetch_all(&mut *conn).await.map_err(&failed)?;
        let mut unknown = Vec::new();
        for (call, row) in calls.iter().zip(rows) {
            if row.try_get::<Option<String>, _>(0).map_err(&failed)?.is_none() {
                unknown.push(json!({"id": call.id, "at": call.at}));
                continue;
            }
            let addr: String = row.try_get(1).map_err(&failed)?;
            let created: String = row.try_get(2).map_err(&failed)?;
            let status: i64 = row.try_get(3).map_err(&failed)?;
            let outcome: Option<String> = row.try_get(4).map_err(&failed)?;
            let Call { id, at, number, time, .. } = call;
            if let Some(number) = number.as_ref().filter(|number| **number != addr) {
                self.findings
                    .breach(Promise::P1, || format!("{at}: {number} was dialled, dialing {id} is to {addr}"));
            }
            if let Some(time) = time
                .as_ref()
                .filter(|time| is_time(time) && **time < created && self.clock.orders(time, &created))
            {
                self.findings.breach(Promise::P1, || {
                    format!("{at}: dialing {id} was dialled at {time}, and recorded at {created}")
                });
            }
            let not_sent = match outcome.as_deref() {
                Some("withdrawn") => matches!(status, 0 | 11),
                Some("window-closed") => true,
                Some(_) | None => status == 11,
            };
            if not_sent {
                self.findings.breach(Promise::P1, || {
                    format!("{at}: dialing {id} was dialled, its row says that it was not sent")
                });
            }
        }
        let unknown = Value::Array(unknown).to_string();
        query(UNKNOWN).bind(unknown).execute(conn).await.map_err(&failed)?;
        Ok(())
    }

    async fn finish(self) -> Result<(), CheckError> {
        let Self { database, options, findings, foreign, rate, .. } = self;
        let failed = database.failed();
        query(OTHER_HALVES).execute(&mut database.conn).await.map_err(&failed)?;
        let mut rows = query(STRANGERS).fetch(&mut database.conn);
        while let Some(row) = rows.try_next().await.map_err(&failed)? {
            let id: String = row.try_get(0).map_err(&failed)?;
            let at: String = row.try_get(1).map_err(&failed)?;
            findings.breach(Promise::P1, || format!("{at}: {id} was dialled, and no row has it"));
        }
        drop(rows);
        let mut rows = query(TWICE).fetch(&mut database.conn);
        while let Some(row) = rows.try_next().await.map_err(&failed)? {
            let id: String = row.try_get(0).map_err(&failed)?;
            let calls: i64 = row.try_get(1).map_err(&failed)?;
            let at: String = row.try_get(2).map_err(&failed)?;
            findings.breach(Promise::P2, || format!("dialing {id} was dialled {calls} times: {at}"));
        }
        drop(rows);
        findings.checked(Promise::P2, "none dialled twice");
        if foreign > 0 {
            findings
                .note(format!("{} of somebody else, without a uuid, passed over", count(foreign, "call")));
        }
        if let (Some(allowed), Some((most, at))) = (options.calls_per_second, rate.most) {
            let most_allowed = allowed as usize + (allowed as usize / 10).max(HELD_BACK);
            if most > most_allowed {
                let at = Timestamp::from_micros(at);
                findings.breach(Promise::P8, || {
                    format!("{most} calls in the second before {at}; calls_per_second is {allowed}, and {most_allowed} the most that may pile up on the way")
                });
            } else {
                findings.checked(Promise::P8, format!("at most {most} in a second, {allowed} allowed"));
            }
        }
        Ok(())
    }
}

/// How many calls there were in a second, at most.
#[derive(Default)]
struct Rate {
    second: VecDeque<i64>,
    most: Option<(usize, i64)>,
}

impl Rate {
    fn dialled(&mut self, at: i64) {
        while self.second.front().is_some_and(|first| *first + SECOND <= at) {
            self.second.pop_front();
        }
        self.second.push_back(at);
        if self.most.is_none_or(|(most, _)| self.second.len() > most) {
            self.most = Some((self.second.len(), at));
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The fields of one line of CSV, `""` for a quote within quotes.
fn csv(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.trim_end_matches('\r').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                fields.last_mut().into_iter().for_each(|field| field.push('"'));
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut().into_iter().for_each(|field| field.push(other)),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_read_with_its_quotes() {
        assert_eq!(csv("\"a\",,\"b,\"\"c\"\"\",1\r"), ["a", "", "b,\"c\"", "1"]);
    }

    #[test]
    fn the_busiest_second_is_found() {
        let mut rate = Rate::default();
        for at in [0, 100, 200, SECOND + 50, SECOND + 60, SECOND + 70, SECOND + 80] {
            rate.dialled(at);
        }
        assert_eq!(rate.most, Some((6, SECOND + 80)));
    }
}
