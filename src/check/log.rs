//! P4: the lines of the result log against each other, against the outbox, and against the rows.

use std::ops::Range;

use futures_util::TryStreamExt;
use sqlx::{Row, query};

use super::CheckError;
use super::clock::Clock;
use super::database::Database;
use super::files::ResultFiles;
use super::line::Line;
use super::report::{Findings, Promise, count, grouped};
use super::rows::{self, Recorded, RowSet};
use super::running::Running;

/// Lines that are looked up at once.
const BATCH: usize = 1000;

const ENDED: &str =
    "SELECT d.rowid, d.uuid, o.seq FROM dialing d LEFT JOIN outbox o ON o.dialing_uuid = d.uuid
    WHERE d.open = 0 ORDER BY d.rowid";
const QUEUED_WHILE_OPEN: &str = "SELECT o.seq, o.dialing_uuid, d.uuid FROM outbox o
    LEFT JOIN dialing d ON d.uuid = o.dialing_uuid WHERE d.uuid IS NULL OR d.open = 1";
const OUTBOX: &str = "SELECT count(*), coalesce(min(seq), 0), coalesce(max(seq), 0) FROM outbox";
const OPEN: &str = "SELECT count(*) FROM dialing WHERE open = 1";

/// What the log holds.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Lines that were read.
    pub(super) lines: u64,
    /// Ended dialings with a line.
    pub(super) ended: u64,
    /// Lines that are committed and not in the log yet.
    pub(super) pending: u64,
}

/// Lines of which nothing can be said: they are in files that are not read.
#[derive(Debug, Default)]
struct Unread(Vec<Range<i64>>);

impl Unread {
    fn has(&self, seq: i64) -> bool {
        self.0.iter().any(|range| range.contains(&seq))
    }
}

struct Reader<'a> {
    findings: &'a mut Findings,
    clock: &'a Clock,
    database: &'a mut Database,
    compressed: bool,
    /// Lines of the outbox before this one were pruned.
    outbox_from: i64,
    last_seq: i64,
    /// The highest number so far.
    last: i64,
    unread: Unread,
    met: RowSet,
    log: Log,
}

/// Reads all lines. `logged` is how far the log was known to be written before its files were opened.
pub(super) async fn check(
    database: &mut Database,
    files: ResultFiles,
    logged: i64,
    running: Option<&Running>,
    clock: &Clock,
    findings: &mut Findings,
) -> Result<Log, CheckError> {
    let outbox_from = check_outbox(database, findings).await?;
    let last_seq = database.last_seq().await?;
    let mut reader = Reader {
        findings,
        clock,
        database,
        compressed: !files.compressed.is_empty(),
        outbox_from,
        last_seq,
        last: 0,
        unread: Unread::default(),
        met: RowSet::default(),
        log: Log::default(),
    };
    for path in &files.compressed {
        reader
            .findings
            .note(format!("{} is compressed and not read; unpack it to have it checked", path.display()));
    }
    for mut file in files.files {
        let name = file.name();
        let mut lines = file.lines()?;
        let mut batch = Vec::with_capacity(BATCH);
        let (mut bytes, mut first) = (Vec::new(), true);
        // What is no line, until the next one says whether it is the torn beginning of that.
        let mut unread: Option<(String, String, Vec<u8>)> = None;
        while let Some(place) = lines.next(&mut bytes)? {
            let at = format!("{name}:{}", place.number);
            if !place.whole {
                reader.torn(&at);
                break;
            }
            let begun = unread.take_if(|(.., begun)| place.whole && bytes.starts_with(begun));
            if let Some((at, ..)) = begun {
                reader.findings.note(format!(
                    "{at} is the torn beginning of the line behind it, in a file that may only be appended to"
                ));
            }
            reader.refuse(&mut unread);
            match Line::read(&bytes) {
                Ok(line) => {
                    reader.number(&at, line.seq, std::mem::take(&mut first));
                    batch.push((at, line, std::mem::take(&mut bytes)));
                }
                Err(why) => unread = Some((at, why, std::mem::take(&mut bytes))),
            }
            if batch.len() == BATCH {
                reader.compare(&batch).await?;
                batch.clear();
            }
        }
        reader.refuse(&mut unread);
        reader.compare(&batch).await?;
    }
    reader.settle(logged, running).await
}

/// The outbox by itself: numbered without gaps, a line for ended dialings only. Gives its first number.
async fn check_outbox(database: &mut Database, findings: &mut Findings) -> Result<i64, CheckError> {
    let failed = database.failed();
    let row = query(OUTBOX).fetch_one(&mut database.conn).await.map_err(&failed)?;
    let number = |place: usize| row.try_get::<i64, _>(place).map_err(&failed);
    let (lines, first, last) = (number(0)?, number(1)?, number(2)?);
    let (last_seq, logged) = (database.last_seq().await?, database.logged().await?);
    if lines > 0 && lines != last - first + 1 {
        let missing = last - first + 1 - lines;
        findings.breach(Promise::P4, || format!("the outbox lacks {missing} of the lines {first} to {last}"));
    }
    if last != last_seq && (lines > 0 || logged != last_seq) {
        findings
            .breach(Promise::P4, || format!("the last line's number is {last}, the counter says {last_seq}"));
    }
    // Only what is in the log may be pruned.
    if first > 1 && first > logged + 1 {
        findings.breach(Promise::P4, || {
            format!("the outbox begins with line {first}, and the log is known to have {logged} only")
        });
    }
    if logged > last_seq {
        findings.breach(Promise::P4, || {
            format!("line {logged} is said to be in the log, and {last_seq} is the last")
        });
    }
    let mut rows = query(QUEUED_WHILE_OPEN).fetch(&mut database.conn);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let seq: i64 = row.try_get(0).map_err(&failed)?;
        let uuid: String = row.try_get(1).map_err(&failed)?;
        let found: Option<String> = row.try_get(2).map_err(&failed)?;
        let what = if found.is_some() { "is open" } else { "has no row" };
        findings.breach(Promise::P4, || format!("line {seq} is committed for dialing {uuid}, which {what}"));
    }
    Ok(if lines > 0 { first } else { last_seq + 1 })
}

impl Reader<'_> {
    /// What stands behind the last line feed. Whether a line is lost with it, [`Reader::settle`] finds.
    fn torn(&mut self, at: &str) {
        self.findings
            .note(format!("{at} is torn: it is being written, or the daemon's next start cuts it off"));
    }

    /// What is no line, and no beginning of one.
    fn refuse(&mut self, unread: &mut Option<(String, String, Vec<u8>)>) {
        if let Some((at, why, _)) = unread.take() {
            self.findings.breach(Promise::P4, || format!("{at} {why}"));
        }
    }

    /// Are the numbers without gap and repeat?
    fn number(&mut self, at: &str, seq: i64, first_of_file: bool) {
        self.log.lines += 1;
        let expected = self.last + 1;
        if seq < expected {
            self.findings.breach(Promise::P4, || format!("{at} has seq {seq} behind {}", self.last));
        } else if seq > expected && first_of_file && self.compressed {
            self.findings
                .note(format!("lines {expected} to {} are not read: see the compressed files", seq - 1));
            self.unread.0.push(expected..seq);
        } else if seq > expected {
            self.findings.breach(Promise::P4, || format!("{at} has seq {seq}, and {expected} was to come"));
        }
        self.last = self.last.max(seq);
    }

    /// Compares lines with what the database has of them.
    async fn compare(&mut self, batch: &[(String, Line, Vec<u8>)]) -> Result<(), CheckError> {
        let dialings: Vec<&str> = batch.iter().map(|(_, line, _)| line.dialing.as_str()).collect();
        let recorded = rows::recorded(self.database, &dialings).await?;
        for ((at, line, bytes), recorded) in batch.iter().zip(&recorded) {
            let mut wrongs = line.wrongs(self.clock);
            wrongs.extend(self.against(line, bytes, recorded));
            for wrong in wrongs {
                self.findings.breach(Promise::P4, || {
                    format!("{at} (seq {}, dialing {}): {wrong}", line.seq, line.dialing)
                });
            }
        }
        Ok(())
    }

    fn against(&mut self, line: &Line, bytes: &[u8], recorded: &Recorded) -> Vec<String> {
        let Some((row, open)) = recorded.row else {
            let restored = if line.seq > self.last_seq { "; was an older database restored?" } else { "" };
            return vec![format!("no row has this dialing{restored}")];
        };
        if !self.met.add(row) {
            return vec!["it is not the only line of this dialing".to_owned()];
        }
        if open {
            return vec!["the dialing has not ended".to_owned()];
        }
        let mut wrongs = recorded.differences(&line.fields);
        match &recorded.queued {
            Some((seq, _)) if *seq != line.seq => wrongs.push(format!("it was committed as line {seq}")),
            Some((_, text)) if text.as_bytes() != bytes && wrongs.is_empty() => {
                wrongs.push("it is not what was committed".to_owned());
            }
            None if line.seq >= self.outbox_from => wrongs.push("it was never committed".to_owned()),
            Some(_) | None => {}
        }
        wrongs
    }

    /// Has each ended dialing been met?
    async fn settle(mut self, logged: i64, running: Option<&Running>) -> Result<Log, CheckError> {
        let failed = self.database.failed();
        let open = self.database.one(OPEN).await?.unsigned_abs();
        let mut unread = 0;
        let mut rows = query(ENDED).fetch(&mut self.database.conn);
        while let Some(row) = rows.try_next().await.map_err(&failed)? {
            let rowid: i64 = row.try_get(0).map_err(&failed)?;
            if self.met.has(rowid) {
                self.log.ended += 1;
                continue;
            }
            let uuid: String = row.try_get(1).map_err(&failed)?;
            match row.try_get::<Option<i64>, _>(2).map_err(&failed)? {
                Some(seq) if self.unread.has(seq) => unread += 1,
                Some(seq) if seq > logged.max(self.last) => self.log.pending += 1,
                // Rotated and compressed at once: nothing behind it was written yet.
                Some(seq) if seq > self.last && self.compressed => unread += 1,
                Some(seq) => {
                    self.findings
                        .breach(Promise::P4, || format!("line {seq} of dialing {uuid} is not in the log"));
                }
                // Which line it had is not known any more.
                None if self.outbox_from > 1 && self.compressed => unread += 1,
                None => {
                    self.findings.breach(Promise::P4, || {
                        format!("dialing {uuid} has ended, and no line was made of it")
                    });
                }
            }
        }
        drop(rows);
        if unread > 0 {
            self.findings.note(format!("{} ended in lines that were not read", count(unread, "dialing")));
        }
        if self.log.pending > 0 {
            let when = match running {
                Some(Running { pid }) => format!("the daemon (pid {pid}) is writing them"),
                None => "no daemon runs; its next start writes them".to_owned(),
            };
            self.findings
                .note(format!("pending: {} on the way to the log: {when}", count(self.log.pending, "line")));
        }
        let ended = count(self.log.ended, "ended dialing");
        let mut told = format!("{ended}, one line each, {} open without one", grouped(open));
        if self.log.pending > 0 {
            told += &format!("; {} pending", grouped(self.log.pending));
        }
        self.findings.checked(Promise::P4, told);
        Ok(self.log)
    }
}
