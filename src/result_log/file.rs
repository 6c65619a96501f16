//! The file itself: opened, mended, followed when it is rotated, appended to, cut back where that fails half way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tracing::{info, warn};

use super::{LogError, Logged};
use crate::crash::{self, Point};

/// The log.
#[derive(Debug)]
pub struct ResultLog {
    path: PathBuf,
    /// `None` as long as it could not be opened.
    file: Option<Arc<File>>,
    last_seq: i64,
    /// How long the file was after the last batch; 0 where none was written yet.
    len: u64,
    /// It ends within a line that cannot be cut off, for it may only be appended to.
    torn: bool,
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
    /// Where the file cannot be opened, read or cut. A full disk is none: then it is opened with the first lines.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let mut log = Self { path: path.to_owned(), file: None, last_seq: 0, len: 0, torn: false };
        match log.open_file("cannot be opened") {
            Ok(file) => log.begin(file)?,
            Err(why) if why.is_full() => {}
            Err(why) => return Err(why),
        }
        if log.last_seq == 0 {
            // When they were last written to says nothing once a clock was set: what they have does.
            let rotated = rotated(path);
            log.last_seq =
                rotated.iter().filter_map(|path| last_seq_of_rotated(path)).max().unwrap_or_default();
        }
        Ok(log)
    }

    /// The number of the last line that is in the log; 0 where none is known.
    pub fn last_seq(&self) -> i64 {
        self.last_seq
    }

    /// Takes the log up for a database whose lines go up to `last`, of which those up to `logged` are known to be in it.
    /// Gives the number behind which lines are to be written now.
    pub fn resume(&mut self, logged: i64, last: i64) -> i64 {
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

    /// Appends those of the lines that are not in the log yet, and syncs them. After an error nothing of them is in the
    /// file, or [`ResultLog::last_seq`] says how much.
    ///
    /// # Errors
    /// Where the file cannot be opened, written or synced.
    pub fn append(&mut self, lines: &[(i64, String)]) -> Result<(), LogError> {
        let file = self.current(lines.last().map_or(self.last_seq, |(seq, _)| *seq))?;
        let mut last = self.last_seq;
        let mut bytes = Vec::new();
        if self.torn {
            bytes.push(b'\n');
        }
        for (seq, line) in lines.iter().filter(|(seq, _)| *seq > self.last_seq) {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
            last = *seq;
        }
        let before = file.metadata().map_err(self.failed("cannot be looked at"))?.len();
        if before < self.len {
            warn!(
                path = %self.path.display(),
                "the result log became shorter: was it rotated by copytruncate? lines may be lost in that; let it be renamed"
            );
        }
        // A try without lines, as at the start, is no batch.
        if !bytes.is_empty() {
            crash::at_last(Point::MidLogWrite, || drop((&*file).write_all(&bytes[..bytes.len() / 2])));
        }
        if let Err(why) = (&*file).write_all(&bytes) {
            self.cut_back(&file, before)?;
            return Err(self.failed("cannot be written")(why));
        }
        if let Err(why) = file.sync_data() {
            // The kernel takes what it could not write for written now. Cut off, it is written anew by the next start.
            drop(file.set_len(before));
            return Err(LogError::unsynced(&self.path, why));
        }
        crash::at_if(Point::AfterLogWrite, || !bytes.is_empty());
        self.torn = false;
        self.len = before + bytes.len() as u64;
        self.last_seq = last;
        Ok(())
    }

    /// A full disk leaves a part of the batch behind: it is taken away, so that no line is there twice later. Where the
    /// file may only be appended to, the lines that came whole count, and the torn one is written anew behind it.
    fn cut_back(&mut self, file: &File, before: u64) -> Result<(), LogError> {
        self.len = before;
        let Err(why) = file.set_len(before) else { return Ok(()) };
        warn!(path = %self.path.display(), %why, "a part of a failed write stays in the result log");
        self.torn = ends_within_a_line(file).map_err(self.failed("cannot be read"))?;
        let whole = last_seq_of(file, before).map_err(self.failed("cannot be read"))?;
        self.last_seq = self.last_seq.max(whole.unwrap_or_default());
        Ok(())
    }

    /// Takes up a file as an earlier run has left it.
    fn begin(&mut self, file: File) -> Result<(), LogError> {
        let failed = self.failed("cannot be read");
        if ends_within_a_line(&file).map_err(&failed)? {
            match cut_torn_line(&file) {
                Ok(bytes) => {
                    // Cut, and not known to be cut, it might stand before the line that is written anew.
                    file.sync_all().map_err(|why| LogError::unsynced(&self.path, why))?;
                    warn!(path = %self.path.display(), bytes, "cut off a torn line; it is written anew");
                }
                Err(why) if why.kind() == ErrorKind::PermissionDenied => {
                    warn!(path = %self.path.display(), %why, "a torn line cannot be cut off; it is written anew behind it");
                    self.torn = true;
                }
                Err(why) => return Err(self.failed("its torn last line cannot be cut off")(why)),
            }
        }
        self.last_seq = last_seq_of(&file, 0).map_err(&failed)?.unwrap_or_default();
        self.file = Some(Arc::new(file));
        Ok(())
    }

    /// The file that has the log's name now. `newest` is the last line that there is.
    fn current(&mut self, newest: i64) -> Result<Arc<File>, LogError> {
        let Some(file) = self.file.clone() else {
            let known = self.last_seq;
            let file = self.open_file("cannot be opened")?;
            self.begin(file)?;
            // A log that is ahead of the records says nothing of what they have still to write.
            self.last_seq =
                Some(self.last_seq).filter(|found| (known..=newest).contains(found)).unwrap_or(known);
            return self.current(newest);
        };
        let looked_at = self.failed("cannot be looked at");
        let ours = file.metadata().map_err(&looked_at)?;
        let there = match fs::metadata(&self.path) {
            Ok(there) => Some(there),
            Err(why) if why.kind() == ErrorKind::NotFound => None,
            Err(why) => return Err(looked_at(why)),
        };
        if there.is_some_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            return Ok(file);
        }
        let new = Arc::new(self.open_file("cannot be opened after its rotation")?);
        // Not cut: what another one has put there is not ours to judge.
        self.torn = ends_within_a_line(&new).map_err(self.failed("cannot be read"))?;
        self.len = 0;
        self.file = Some(new.clone());
        info!(path = %self.path.display(), "the result log was rotated: going on in a new file");
        Ok(new)
    }

    fn open_file(&self, doing: &'static str) -> Result<File, LogError> {
        open(&self.path).map_err(self.failed(doing))
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> LogError + use<> {
        let path = self.path.clone();
        move |why| LogError::new(&path, doing, why)
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_char_device() {
        // /dev/full says that no space is left, and is taken at its word.
        file.write_all(b"\n")?;
    }
    if !kind.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    // A file that was made just now is there after a power cut only once its directory is synced.
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    match File::open(directory.unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all()) {
        // Not every file system can.
        Err(why) if why.kind() != ErrorKind::InvalidInput => Err(why),
        Ok(()) | Err(_) => Ok(file),
    }
}

fn ends_within_a_line(mut file: &File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Cuts off what stands behind the last line feed; says how much that was.
fn cut_torn_line(file: &File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let whole = find_back(file, len)?.map_or(0, |at| at + 1);
    file.set_len(whole)?;
    Ok(len - whole)
}

/// Where the last line feed before `end` stands.
fn find_back(mut file: &File, mut end: u64) -> io::Result<Option<u64>> {
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

/// The number of the last whole line behind `from` that has one. What is no line of ours is passed over.
fn last_seq_of(mut file: &File, from: u64) -> io::Result<Option<i64>> {
    let len = file.metadata()?.len();
    let mut end = find_back(file, len)?;
    while let Some(feed) = end.filter(|feed| *feed >= from) {
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
    let file = File::options().read(true).write(true).open(path).or_else(|_| File::open(path)).ok()?;
    if is_torn(&file).unwrap_or_default() {
        match cut_torn_line(&file).and_then(|bytes| file.sync_all().map(|()| bytes)) {
            Ok(bytes) => {
                warn!(path = %path.display(), bytes, "cut off a torn line of a rotated log; it is written anew");
            }
            Err(why) => warn!(path = %path.display(), %why, "a torn line stays at the end of a rotated log"),
        }
    }
    last_seq_of(&file, 0).ok().flatten()
}

/// Whether what stands behind the last line feed is the beginning of a line of ours: people may keep other things
/// beside the log.
fn is_torn(mut file: &File) -> io::Result<bool> {
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
        rest.is_some_and(|rest| rest.starts_with(['.', '-']) && !rest.ends_with(".gz") && rest != ".lock")
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

    #[test]
    fn what_was_torn_and_cannot_be_cut_off_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("astout.result");
        fs::write(&path, "{\"seq\":1}\n{\"seq\":2,\"di\n").unwrap();
        let mut log = ResultLog::open(&path).unwrap();
        assert_eq!(log.last_seq(), 1);
        log.append(&lines(1..=2)).unwrap();
        assert_eq!(content(&path), "{\"seq\":1}\n{\"seq\":2,\"di\n{\"seq\":2}\n");
    }

    #[test]
    fn a_full_device_is_waited_for_and_any_other_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("astout.result");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut log = ResultLog::open(&path).unwrap();
        let error = log.append(&lines(1..=2)).unwrap_err();
        assert!(error.is_full(), "{error}");
        for part in [path.to_str().unwrap(), "os error 28", "free some space"] {
            assert!(error.to_string().contains(part), "{part} in {error}");
        }
        fs::remove_file(&path).unwrap();
        log.append(&lines(1..=2)).unwrap();
        assert_eq!(content(&path), "{\"seq\":1}\n{\"seq\":2}\n");

        let null = ResultLog::open(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(null.contains("/dev/null") && null.contains("regular file"), "{null}");
    }

    #[test]
    fn a_log_that_is_opened_late_says_which_lines_it_has_unless_it_is_ahead() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("astout.result");
        for (there, written) in [(2, 3..=4), (9, 1..=4)] {
            drop(fs::remove_file(&path));
            std::os::unix::fs::symlink("/dev/full", &path).unwrap();
            let mut log = ResultLog::open(&path).unwrap();
            fs::remove_file(&path).unwrap();
            let before = format!("{{\"seq\":{there}}}\n");
            fs::write(&path, &before).unwrap();
            log.append(&lines(1..=4)).unwrap();
            let expected: String = lines(written).into_iter().map(|(_, line)| line + "\n").collect();
            assert_eq!(content(&path), before + &expected);
        }
    }
}
