//! The result log: appends each committed line to `astout.result` once, whatever crashes in between.
//!
//! Every line carries its `seq`, which grows by one without gaps, and the database keeps all lines. So the file itself
//! says what it has: at the start a torn last line is cut off, the last whole one is read, and the lines after it are
//! appended. People rotate the log by renaming it; before each batch the path is looked at, and a file that is gone is
//! made anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::crash::{self, Point};

/// How long after a failed write the next one is tried.
const RETRY: Duration = Duration::from_secs(1);
/// Lines that are written at once, at most.
const BATCH: usize = 512;

/// Why the log cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("result log {path}: {doing}: {why}")]
pub struct LogError {
    path: PathBuf,
    doing: &'static str,
    why: io::Error,
}

/// The log holds every line up to this one, and they are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged {
    /// The line's number.
    pub seq: i64,
}

/// The open file.
#[derive(Debug)]
pub struct ResultLog {
    path: PathBuf,
    file: File,
    last_seq: i64,
    /// How long the file was after the last batch; 0 where none was written yet.
    len: u64,
}

#[derive(Deserialize)]
struct Seq {
    seq: i64,
}

impl ResultLog {
    /// Opens the log, mends its end, and finds the last line that it or the files rotated from it have. Where it was
    /// rotated since a crash, the torn line is in the rotated file, and cut off there.
    ///
    /// # Errors
    /// Where the file cannot be opened, read or cut.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let failed = |doing| move |why| LogError { path: path.to_owned(), doing, why };
        let mut file = open_file(path).map_err(failed("cannot be opened"))?;
        let torn = mend(&mut file).map_err(failed("its torn last line cannot be cut off"))?;
        if torn > 0 {
            warn!(path = %path.display(), bytes = torn, "cut off a torn line; it is written anew");
        }
        let mut last_seq = last_seq_of(&mut file).map_err(failed("cannot be read"))?;
        if last_seq.is_none() {
            // When they were last written to says nothing once a clock was set: what they have does.
            last_seq = rotated(path).iter().filter_map(|path| last_seq_of_rotated(path)).max();
        }
        Ok(Self { path: path.to_owned(), file, last_seq: last_seq.unwrap_or_default(), len: 0 })
    }

    /// The number of the last line that is in the log; 0 where none is known.
    pub fn last_seq(&self) -> i64 {
        self.last_seq
    }

    /// Takes the log up for a database whose lines go up to `last`, of which those up to `logged` are known to be in it.
    /// Gives the number behind which lines are to be written now.
    pub fn resume(&mut self, logged: i64, last: i64) -> i64 {
        if self.last_seq > last {
            warn!(
                log = self.last_seq,
                database = last,
                "the result log is ahead of the database: was an older database restored? new lines repeat numbers"
            );
        }
        // A log that is ahead of the database belongs to a later state of it: what is new now has to be written all the
        // same.
        self.last_seq = self.last_seq.max(logged).min(last);
        self.last_seq
    }

    /// Appends those of the lines that are not in the log yet, and syncs them. After an error nothing of them is in it,
    /// and they may be handed in again.
    ///
    /// # Errors
    /// As for [`ResultLog::append`].
    pub fn write(&mut self, lines: &mut Vec<(i64, String)>) -> Result<Logged, LogError> {
        // A line that the file has already, from before a crash, is not written again.
        lines.retain(|(seq, _)| *seq > self.last_seq);
        self.append(lines)?;
        Ok(Logged { seq: self.last_seq })
    }

    /// Appends lines and syncs them. After an error nothing of them is in the file.
    ///
    /// # Errors
    /// Where the file cannot be written or synced.
    pub fn append(&mut self, lines: &[(i64, String)]) -> Result<(), LogError> {
        self.follow_rotation()?;
        let mut bytes = Vec::with_capacity(lines.iter().map(|(_, line)| line.len() + 1).sum());
        for (_, line) in lines {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        let before = self.file.metadata().map_err(self.failed("cannot be looked at"))?.len();
        if before < self.len {
            warn!(
                path = %self.path.display(),
                "the result log became shorter: was it rotated by copytruncate? lines may be lost in that; let it be renamed"
            );
        }
        crash::at_last(Point::MidLogWrite, || drop((&self.file).write_all(&bytes[..bytes.len() / 2])));
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(why) = written {
            // A full disk leaves a part of the batch behind: take it away, so that no line is there twice later.
            if let Err(why) = self.file.set_len(before) {
                warn!(path = %self.path.display(), %why, "a part of a failed write stays in the result log");
            }
            return Err(self.failed("cannot be written")(why));
        }
        crash::at(Point::AfterLogWrite);
        self.len = before + bytes.len() as u64;
        if let Some((seq, _)) = lines.last() {
            self.last_seq = *seq;
        }
        Ok(())
    }

    fn follow_rotation(&mut self) -> Result<(), LogError> {
        let ours = self.file.metadata().map_err(self.failed("cannot be looked at"))?;
        let there = match fs::metadata(&self.path) {
            Ok(there) => Some(there),
            Err(why) if why.kind() == ErrorKind::NotFound => None,
            Err(why) => return Err(self.failed("cannot be looked at")(why)),
        };
        if there.is_none_or(|there| (there.dev(), there.ino()) != (ours.dev(), ours.ino())) {
            self.file = open_file(&self.path).map_err(self.failed("cannot be opened after its rotation"))?;
            self.len = 0;
            info!(path = %self.path.display(), "the result log was rotated: going on in a new file");
        }
        Ok(())
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(io::Error) -> LogError + use<> {
        let path = self.path.clone();
        move |why| LogError { path, doing, why }
    }
}

/// Where lines are handed to the thread that writes them, and where its word comes back.
#[derive(Debug)]
pub struct LogWriter {
    lines: mpsc::UnboundedSender<(i64, String)>,
    logged: mpsc::UnboundedReceiver<Logged>,
}

impl LogWriter {
    /// Starts the thread. It ends when this is dropped and all lines are written, or cannot be.
    pub fn start(log: ResultLog) -> Self {
        let (lines, taken) = mpsc::unbounded_channel();
        let (told, logged) = mpsc::unbounded_channel();
        tokio::task::spawn_blocking(move || write_lines(log, taken, &told));
        Self { lines, logged }
    }

    /// Hands over a line; lines come in the order of their numbers.
    pub fn append(&self, seq: i64, line: String) {
        // The thread ends only after this side; a panic in it aborts the process.
        drop(self.lines.send((seq, line)));
    }

    /// Waits for the word that more lines are on disk. Never ends by itself while lines can be handed over.
    pub async fn logged(&mut self) -> Option<Logged> {
        self.logged.recv().await
    }
}

fn write_lines(
    mut log: ResultLog,
    mut lines: mpsc::UnboundedReceiver<(i64, String)>,
    told: &mpsc::UnboundedSender<Logged>,
) {
    let mut batch = Vec::new();
    let mut failing = false;
    while let Some(line) = lines.blocking_recv() {
        batch.push(line);
        while batch.len() < BATCH
            && let Ok(line) = lines.try_recv()
        {
            batch.push(line);
        }
        let mut tries = 0;
        let logged = loop {
            match log.write(&mut batch) {
                Ok(logged) => break logged,
                Err(why) if !failing => {
                    error!(%why, "results wait in the database: dialing stops, calls go on; trying again");
                    failing = true;
                }
                Err(_) => {}
            }
            tries += 1;
            if lines.is_closed() && tries > 1 {
                return;
            }
            std::thread::sleep(RETRY);
        };
        if std::mem::take(&mut failing) {
            info!("the result log can be written again");
        }
        batch.clear();
        if told.send(logged).is_err() {
            return;
        }
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// Cuts off what stands behind the last line feed; says how much that was.
fn mend(file: &mut File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let whole = find_back(file, len)?.map_or(0, |at| at + 1);
    if whole < len {
        file.set_len(whole)?;
        file.sync_all()?;
    }
    Ok(len - whole)
}

/// Where the last line feed before `end` stands.
fn find_back(file: &mut File, mut end: u64) -> io::Result<Option<u64>> {
    const STEP: u64 = 64 * 1024;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut part = vec![0; usize::try_from(end - start).unwrap_or_default()];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

/// The number of the last whole line that has one.
fn last_seq_of(file: &mut File) -> io::Result<Option<i64>> {
    let len = file.metadata()?.len();
    let mut end = find_back(file, len)?;
    while let Some(feed) = end {
        let before = find_back(file, feed)?;
        let start = before.map_or(0, |at| at + 1);
        let mut line = vec![0; usize::try_from(feed - start).unwrap_or_default()];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut line)?;
        if let Ok(Seq { seq }) = serde_json::from_slice(&line) {
            return Ok(Some(seq));
        }
        end = before;
    }
    Ok(None)
}

/// The number of the last whole line of a file that was rotated; a torn line behind it is cut off. What cannot be read or
/// cut of an old file is known to the database.
fn last_seq_of_rotated(path: &Path) -> Option<i64> {
    let mut file = File::options().read(true).write(true).open(path).or_else(|_| File::open(path)).ok()?;
    if is_torn(&mut file).unwrap_or_default() {
        match mend(&mut file) {
            Ok(bytes) => {
                warn!(path = %path.display(), bytes, "cut off a torn line of a rotated log; it is written anew");
            }
            Err(why) => warn!(path = %path.display(), %why, "a torn line stays at the end of a rotated log"),
        }
    }
    last_seq_of(&mut file).ok().flatten()
}

/// Whether what stands behind the last line feed is the beginning of a line of ours: people may keep other things
/// beside the log.
fn is_torn(file: &mut File) -> io::Result<bool> {
    const BEGIN: &[u8] = b"{\"seq\":";
    let len = file.metadata()?.len();
    let whole = find_back(file, len)?.map_or(0, |at| at + 1);
    let mut begin = Vec::new();
    file.seek(SeekFrom::Start(whole))?;
    file.take(BEGIN.len() as u64).read_to_end(&mut begin)?;
    Ok(!begin.is_empty() && BEGIN.starts_with(&begin))
}

/// The files that were rotated from the log: `astout.result.1`, `astout.result-20261121` …
fn rotated(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(directory.unwrap_or(Path::new("."))) else { return Vec::new() };
    let ours = |entry: &fs::DirEntry| {
        let other = entry.file_name();
        let rest = other.to_str().and_then(|other| other.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(['.', '-']) && !rest.ends_with(".gz"))
            && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    entries.filter_map(Result::ok).filter(ours).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(seqs: std::ops::RangeInclusive<i64>) -> Vec<(i64, String)> {
        seqs.map(|seq| (seq, format!("{{\"seq\":{seq}}}"))).collect()
    }

    fn content(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_torn_line_is_cut_off_and_the_last_whole_one_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("astout.result");
        fs::write(&path, "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3,\"di").unwrap();
        let mut log = ResultLog::open(&path).unwrap();
        assert_eq!(log.last_seq(), 2);
        log.append(&lines(3..=4)).unwrap();
        assert_eq!(content(&path), "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n{\"seq\":4}\n");
    }

    #[test]
    fn a_log_that_was_rotated_goes_on_in_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("astout.result");
        let mut log = ResultLog::open(&path).unwrap();
        log.append(&lines(1..=2)).unwrap();
        fs::rename(&path, dir.path().join("astout.result.1")).unwrap();
        log.append(&lines(3..=3)).unwrap();
        assert_eq!(content(&path), "{\"seq\":3}\n");
        assert_eq!(content(&dir.path().join("astout.result.1")), "{\"seq\":1}\n{\"seq\":2}\n");
    }

    #[test]
    fn after_a_rotation_and_a_crash_the_rotated_file_tells_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("astout.result.1"), "{\"seq\":7}\n").unwrap();
        assert_eq!(ResultLog::open(&dir.path().join("astout.result")).unwrap().last_seq(), 7);
    }

    #[test]
    fn a_line_that_was_torn_before_a_rotation_is_cut_off_in_the_rotated_file() {
        let dir = tempfile::tempdir().unwrap();
        let rotated = dir.path().join("astout.result.1");
        let notes = dir.path().join("astout.result.notes");
        fs::write(&rotated, "{\"seq\":7}\n{\"se").unwrap();
        fs::write(&notes, "what I think").unwrap();
        let mut log = ResultLog::open(&dir.path().join("astout.result")).unwrap();
        assert_eq!(log.last_seq(), 7);
        log.append(&lines(8..=8)).unwrap();
        assert_eq!(content(&rotated), "{\"seq\":7}\n");
        assert_eq!(content(&notes), "what I think");
    }

    #[test]
    fn of_several_rotated_files_the_one_with_the_last_line_counts_whenever_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name| dir.path().join(name);
        fs::write(path("astout.result.2"), "{\"seq\":7}\n").unwrap();
        fs::write(path("astout.result.3"), "{\"seq\":4}\n").unwrap();
        fs::write(path("astout.result.1"), "").unwrap();
        assert_eq!(ResultLog::open(&path("astout.result")).unwrap().last_seq(), 7);
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = ResultLog::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("cannot be opened"), "{error}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_writer_tells_what_is_on_disk_and_never_writes_a_line_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("astout.result");
        fs::write(&path, "{\"seq\":1}\n").unwrap();
        let mut writer = LogWriter::start(ResultLog::open(&path).unwrap());
        for (seq, line) in lines(1..=3) {
            writer.append(seq, line);
        }
        while writer.logged().await != Some(Logged { seq: 3 }) {}
        assert_eq!(content(&path), "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n");
    }
}
