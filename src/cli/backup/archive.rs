//! The one file of a backup: a line that says what it is, a manifest, and the parts one after the other. Each has a digest, so
//! that damage is found before anything is put back; against somebody who means harm it is no protection.
//!
//! ```text
//! astout backup 1 MD5-OF-THE-MANIFEST ITS-LENGTH
//! {"created": …, "astout": …, "result_seq": …, "parts": [{"name": …, "bytes": …, "md5": …}, …]}PART PART …
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

const MAGIC: &str = "astout backup 1";
/// The longest first line, and the longest manifest, that are believed.
const LONGEST_LINE: u64 = 128;
const LONGEST_MANIFEST: u64 = 64 * 1024;

/// What a backup is of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// When it was made.
    pub(super) created: String,
    /// By which version.
    pub(super) astout: String,
    /// The number of the last result line that its database knows of.
    pub(super) result_seq: i64,
    /// In their order.
    parts: Vec<Part>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    name: String,
    bytes: u64,
    md5: String,
}

/// Writes a backup: readable for its owner only, and there under its name only once it is whole. Nothing is written over.
pub(super) fn write(
    to: &Path,
    (created, result_seq): (String, i64),
    parts: &[(&str, &Path)],
) -> io::Result<()> {
    if to.exists() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is there already"));
    }
    let mut manifest =
        Manifest { created, astout: env!("CARGO_PKG_VERSION").to_owned(), result_seq, parts: Vec::new() };
    for (name, path) in parts {
        let (bytes, md5) = copy(&mut File::open(path)?, &mut io::sink(), u64::MAX)?;
        manifest.parts.push(Part { name: (*name).to_owned(), bytes, md5 });
    }
    let new = beside(to, ".new");
    // One that was cut off.
    drop(std::fs::remove_file(&new));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = (|| {
        let mut out = BufWriter::new(&file);
        let text = serde_json::to_string(&manifest)?;
        writeln!(out, "{MAGIC} {} {}", digest(text.as_bytes()), text.len())?;
        out.write_all(text.as_bytes())?;
        for ((_, path), part) in parts.iter().zip(&manifest.parts) {
            let copied = copy(&mut File::open(path)?, &mut out, u64::MAX)?;
            if copied != (part.bytes, part.md5.clone()) {
                let why = format!("{} has changed meanwhile; try again", path.display());
                return Err(io::Error::other(why));
            }
        }
        out.flush()?;
        file.sync_all()?;
        std::fs::rename(&new, to)
    })();
    if written.is_err() {
        drop(std::fs::remove_file(&new));
    }
    written
}

/// A backup that is whole.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) manifest: Manifest,
    file: File,
    /// Where the first part begins.
    start: u64,
}

impl Archive {
    /// Opens one, and reads all of it: what is damaged is refused.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (manifest, start) = {
            let mut reader = BufReader::new(&mut file);
            let mut line = String::new();
            let first = reader.by_ref().take(LONGEST_LINE).read_line(&mut line);
            let fields: Vec<_> = match first {
                Ok(_) => line.trim_end().strip_prefix(MAGIC).unwrap_or_default().split_whitespace().collect(),
                Err(_) => Vec::new(),
            };
            let [md5, length] = fields[..] else { return Err(damaged("it is no backup of astout")) };
            let length = length.parse().ok().filter(|length| *length <= LONGEST_MANIFEST);
            let length = length.ok_or_else(|| damaged("its first line is damaged"))?;
            let mut text = Vec::new();
            reader.by_ref().take(length).read_to_end(&mut text)?;
            if digest(&text) != md5 {
                return Err(damaged("its manifest is damaged"));
            }
            let manifest: Manifest = serde_json::from_slice(&text)?;
            (manifest, line.len() as u64 + length)
        };
        let mut archive = Self { manifest, file, start };
        for place in 0..archive.manifest.parts.len() {
            archive.extract_at(place, &mut io::sink())?;
        }
        let all: u64 = archive.manifest.parts.iter().map(|part| part.bytes).sum();
        if archive.file.metadata()?.len() != archive.start + all {
            return Err(damaged("it is longer than it should be"));
        }
        Ok(archive)
    }

    /// Copies the part of that name out, where there is one.
    pub(super) fn extract(&mut self, name: &str, to: &mut impl Write) -> io::Result<bool> {
        let Some(place) = self.manifest.parts.iter().position(|part| part.name == name) else {
            return Ok(false);
        };
        self.extract_at(place, to)?;
        Ok(true)
    }

    fn extract_at(&mut self, place: usize, to: &mut impl Write) -> io::Result<()> {
        let before: u64 = self.manifest.parts.iter().take(place).map(|part| part.bytes).sum();
        let part = &self.manifest.parts[place];
        self.file.seek(SeekFrom::Start(self.start + before))?;
        if copy(&mut self.file, to, part.bytes)? != (part.bytes, part.md5.clone()) {
            return Err(damaged(&format!("its {} is damaged", part.name)));
        }
        Ok(())
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The name of a file that goes with that one.
pub(super) fn beside(path: &Path, end: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn digest(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies at most so many bytes; says how many, and their digest.
fn copy(from: &mut impl Read, to: &mut impl Write, most: u64) -> io::Result<(u64, String)> {
    let (mut from, mut md5) = (from.take(most), Md5::new());
    let (mut buffer, mut bytes) = (vec![0; 256 * 1024], 0);
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok((bytes, hex(&md5.finalize()))),
            count => {
                md5.update(&buffer[..count]);
                to.write_all(&buffer[..count])?;
                bytes += count as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn backup(directory: &Path) -> std::path::PathBuf {
        let (one, two, to) = (directory.join("one"), directory.join("two"), directory.join("backup"));
        fs::write(&one, "first part").unwrap();
        fs::write(&two, vec![7; 70_000]).unwrap();
        let made = ("2026-11-21T00:00:00Z".to_owned(), 42);
        write(&to, made, &[("config", &one), ("database", &two)]).unwrap();
        to
    }

    #[test]
    fn what_is_put_in_comes_out_and_nothing_is_written_over() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = backup(directory.path());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut archive = Archive::open(&path).unwrap();
        assert_eq!(archive.manifest.result_seq, 42);
        let mut out = Vec::new();
        assert!(archive.extract("config", &mut out).unwrap());
        assert!(!archive.extract("dialplan", &mut out).unwrap());
        assert_eq!(out, b"first part");
        out.clear();
        archive.extract("database", &mut out).unwrap();
        assert_eq!(out, vec![7; 70_000]);
        let again = write(&path, (String::new(), 0), &[]).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn whatever_byte_is_damaged_and_wherever_it_is_cut_off_it_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = backup(directory.path());
        let whole = fs::read(&path).unwrap();
        for at in (0..400).chain([1000, 30_000, whole.len() - 1]) {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 0x41;
            fs::write(&path, &spoilt).unwrap();
            assert!(Archive::open(&path).is_err(), "byte {at}");
        }
        for length in [0, 5, 40, 100, 400, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(Archive::open(&path).is_err(), "cut to {length}");
        }
        fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert!(Archive::open(&path).is_err(), "longer");
    }
}
