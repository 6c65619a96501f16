//! Files that grow while they are read: each is opened, and read as far as it was then. The result log with what was
//! rotated from it, in the order of its lines.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::CheckError;

/// How often the directory is listed anew where a rotation comes between.
const LISTINGS: usize = 5;

/// How much of a file's end is searched for its last line; a line with everything in it has some 10 KB.
const TAIL: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct Seq {
    seq: i64,
}

/// A file up to the length that it had when it was opened.
#[derive(Debug)]
pub(super) struct Bounded {
    pub(super) path: PathBuf,
    file: File,
    len: u64,
}

impl Bounded {
    pub(super) fn open(path: impl AsRef<Path>) -> Result<Self, CheckError> {
        let path = path.as_ref();
        let opened = File::open(path).and_then(|file| {
            let metadata = file.metadata()?;
            if metadata.is_file() {
                Ok((metadata.len(), file))
            } else {
                Err(io::ErrorKind::InvalidInput.into())
            }
        });
        match opened {
            Ok((len, file)) => Ok(Self { path: path.to_owned(), file, len }),
            Err(why) => Err(CheckError::File { path: path.to_owned(), why }),
        }
    }

    /// Its last part, for a message.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// From its start.
    pub(super) fn lines(&mut self) -> Result<Lines<'_>, CheckError> {
        let failed = |why| CheckError::File { path: self.path.clone(), why };
        self.file.rewind().map_err(failed)?;
        let reader = BufReader::with_capacity(256 * 1024, (&self.file).take(self.len));
        Ok(Lines { path: &self.path, reader, number: 0 })
    }

    /// The number of the last whole line, if one of the last few has a number.
    pub(super) fn last_seq(&mut self) -> Result<Option<i64>, CheckError> {
        let failed = |why| CheckError::File { path: self.path.clone(), why };
        let from = self.len.saturating_sub(TAIL);
        let mut tail = Vec::new();
        self.file.seek(io::SeekFrom::Start(from)).map_err(failed)?;
        (&self.file).take(self.len - from).read_to_end(&mut tail).map_err(failed)?;
        let mut lines = tail.rsplit(|byte| *byte == b'\n');
        // What stands behind the last line feed is not whole.
        lines.next();
        Ok(lines.find_map(|line| serde_json::from_slice(line).ok()).map(|Seq { seq }| seq))
    }

    /// The number of the first line that has one.
    fn first_seq(&mut self) -> Result<Option<i64>, CheckError> {
        let mut bytes = Vec::new();
        let mut lines = self.lines()?;
        while lines.next(&mut bytes)?.is_some() {
            if let Ok(Seq { seq }) = serde_json::from_slice(&bytes) {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }
}

/// The lines of a [`Bounded`].
pub(super) struct Lines<'a> {
    path: &'a Path,
    reader: BufReader<io::Take<&'a File>>,
    number: u64,
}

/// Where a line stands, and whether it ends as a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1.
    pub(super) number: u64,
    /// False for what stands behind the last line feed.
    pub(super) whole: bool,
}

impl Lines<'_> {
    /// The next line without its line feed, into `bytes`.
    pub(super) fn next(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Place>, CheckError> {
        bytes.clear();
        let read = self.reader.read_until(b'\n', bytes);
        let read = read.map_err(|why| CheckError::File { path: self.path.to_owned(), why })?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let whole = bytes.pop_if(|last| *last == b'\n').is_some();
        Ok(Some(Place { number: self.number, whole }))
    }
}

/// The files of the result log, oldest first.
#[derive(Debug)]
pub(super) struct ResultFiles {
    /// Those that are read.
    pub(super) files: Vec<Bounded>,
    /// Those that are compressed, and passed over.
    pub(super) compressed: Vec<PathBuf>,
}

impl ResultFiles {
    /// The log and every `astout.result*` beside it. A log that is not there is one without lines.
    pub(super) fn beside(log: &Path) -> Result<Self, CheckError> {
        let mut found = list(log)?;
        for _ in 0..LISTINGS {
            let files: Vec<Bounded> =
                found.0.iter().filter_map(|(path, _)| Bounded::open(path).ok()).collect();
            // A rotation between the listing and the opening would lose a file or read one twice.
            let again = list(log)?;
            if again == found && files.len() == found.0.len() {
                return Self { files, compressed: found.1 }.in_order();
            }
            found = again;
        }
        let why = io::Error::other("its directory does not stand still");
        Err(CheckError::File { path: log.to_owned(), why })
    }

    /// Exactly these.
    pub(super) fn given(paths: &[PathBuf]) -> Result<Self, CheckError> {
        let (compressed, plain): (Vec<_>, Vec<_>) =
            paths.iter().cloned().partition(|path| is_compressed(path.as_os_str()));
        let files = plain.iter().map(Bounded::open).collect::<Result<_, _>>()?;
        Self { files, compressed }.in_order()
    }

    fn in_order(self) -> Result<Self, CheckError> {
        let mut files = Vec::new();
        for mut file in self.files {
            // Nothing that has a number: behind the others, where it is read and told of.
            files.push((file.first_seq()?.unwrap_or(i64::MAX), file));
        }
        files.sort_by(|a, b| (a.0, &a.1.path).cmp(&(b.0, &b.1.path)));
        Ok(Self { files: files.into_iter().map(|(_, file)| file).collect(), ..self })
    }
}

fn is_compressed(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    [".gz", ".xz", ".bz2", ".zst"].iter().any(|end| name.ends_with(end))
}

type Listing = (BTreeSet<(PathBuf, u64)>, Vec<PathBuf>);

/// Paths and inodes of the log's plain files, and paths of its compressed ones.
fn list(log: &Path) -> Result<Listing, CheckError> {
    let name = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = log.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |why| CheckError::File { path: directory.to_owned(), why };
    let (mut plain, mut compressed) = (BTreeSet::new(), Vec::new());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // `astout.result`, `astout.result.1`, `astout.result-20261121`; no other log that begins alike, nor the lock.
        let ours = entry.file_name().to_str().is_some_and(|other| {
            let rest = other.strip_prefix(&name).filter(|rest| *rest != ".lock");
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
        });
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        if !ours || !metadata.is_file() {
            continue;
        }
        if is_compressed(&entry.file_name()) {
            compressed.push(entry.path());
        } else {
            plain.insert((entry.path(), metadata.ino()));
        }
    }
    compressed.sort();
    Ok((plain, compressed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_come_in_the_order_of_their_lines_and_compressed_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("astout.result");
        for (name, text) in [
            ("astout.result", "{\"seq\":5}\n"),
            ("astout.result.1", "{\"seq\":3}\n{\"seq\":4}\n"),
            ("astout.result-20261121", "{\"seq\":1}\n{\"seq\":2}\n"),
            ("astout.result.2.gz", "x"),
            ("astout.results", "{\"seq\":9}\n"),
            ("astout.result.lock", "4711\n"),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let found = ResultFiles::beside(&log).unwrap();
        let names: Vec<_> = found.files.iter().map(Bounded::name).collect();
        assert_eq!(names, ["astout.result-20261121", "astout.result.1", "astout.result"]);
        assert_eq!(found.compressed, [dir.path().join("astout.result.2.gz")]);
    }

    #[test]
    fn a_file_is_read_as_far_as_it_was_when_it_was_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "one\ntw").unwrap();
        let mut file = Bounded::open(&path).unwrap();
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        let mut lines = file.lines().unwrap();
        let mut bytes = Vec::new();
        assert_eq!(lines.next(&mut bytes).unwrap(), Some(Place { number: 1, whole: true }));
        assert_eq!(bytes, b"one");
        assert_eq!(lines.next(&mut bytes).unwrap(), Some(Place { number: 2, whole: false }));
        assert_eq!(bytes, b"tw");
        assert_eq!(lines.next(&mut bytes).unwrap(), None);
    }
}
