//! The file of the rows that were refused: as they were, with two columns more, the line and the reason. It can be mended
//! and imported itself.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder, Writer, WriterBuilder};

use super::mapping::OURS;

/// A row that was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) record: ByteRecord,
    pub(super) line: u64,
    pub(super) why: String,
}

/// See the module. It is made with the first refusal.
#[derive(Debug)]
pub(super) struct RefusedFile {
    path: PathBuf,
    header: ByteRecord,
    delimiter: u8,
    writer: Option<Writer<File>>,
}

impl RefusedFile {
    /// Nothing is made yet.
    pub(super) fn new(path: PathBuf, header: &ByteRecord, delimiter: u8) -> Self {
        let mut header = header.clone();
        OURS.iter().for_each(|name| header.push_field(name.as_bytes()));
        Self { path, header, delimiter, writer: None }
    }

    /// Its name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has been written to.
    pub(super) fn is_there(&self) -> bool {
        self.writer.is_some()
    }

    /// Goes on with what an earlier run has written, but for what it wrote of lines from `from` on: it may have been
    /// cut off in the middle of them.
    pub(super) fn go_on(&mut self, from: u64) -> io::Result<()> {
        let old = match fs::read(&self.path) {
            Ok(old) => old,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(why) => return Err(why),
        };
        let mut reader = ReaderBuilder::new()
            .delimiter(self.delimiter)
            .flexible(true)
            .has_headers(false)
            .from_reader(old.as_slice());
        let mut part = self.path.clone().into_os_string();
        part.push(".part");
        self.begin(Path::new(&part))?;
        let mut last = 1;
        for record in reader.byte_records().skip(1) {
            let Ok(record) = record else { break };
            // A row of too few columns, or too many, has the two at its end as well.
            let line = record.len().checked_sub(2).and_then(|place| record.get(place));
            let line = line.and_then(|line| std::str::from_utf8(line).ok()?.parse::<u64>().ok());
            let Some(line) = line.filter(|line| (last + 1..from).contains(line)) else { break };
            last = line;
            self.write(&record)?;
        }
        self.sync()?;
        fs::rename(&part, &self.path)
    }

    /// Adds rows; they are on the disk when this returns.
    pub(super) fn add(&mut self, refusals: impl IntoIterator<Item = Refusal>) -> io::Result<()> {
        let mut any = false;
        for refusal in refusals {
            if self.writer.is_none() {
                let path = self.path.clone();
                self.begin(&path)?;
            }
            let mut record = refusal.record;
            record.push_field(refusal.line.to_string().as_bytes());
            record.push_field(refusal.why.as_bytes());
            self.write(&record)?;
            any = true;
        }
        if any { self.sync() } else { Ok(()) }
    }

    fn begin(&mut self, path: &Path) -> io::Result<()> {
        let file = File::create(path)?;
        let writer = WriterBuilder::new().delimiter(self.delimiter).flexible(true).from_writer(file);
        self.writer = Some(writer);
        let header = self.header.clone();
        self.write(&header)
    }

    fn write(&mut self, record: &ByteRecord) -> io::Result<()> {
        match &mut self.writer {
            Some(writer) => writer.write_byte_record(record).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    /// To the disk: a batch is not looked at again once the next one is committed.
    fn sync(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Some(writer) => {
                writer.flush()?;
                writer.get_ref().sync_data()
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: u64, name: &str) -> Refusal {
        Refusal { record: ByteRecord::from(vec![name, "x,y"]), line, why: "no \"number\"".into() }
    }

    fn file(path: &Path) -> RefusedFile {
        RefusedFile::new(path.to_owned(), &ByteRecord::from(vec!["name", "number1"]), b',')
    }

    #[test]
    fn rows_are_kept_as_they_were_with_line_and_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("refused.csv");
        let mut refused = file(&path);
        refused.add([]).unwrap();
        assert!(!path.exists(), "nothing is refused");
        refused.add([refusal(3, "a")]).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "name,number1,astout_line,astout_refused\na,\"x,y\",3,\"no \"\"number\"\"\"\n"
        );
    }

    #[test]
    fn going_on_drops_what_a_cut_off_run_wrote_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("refused.csv");
        file(&path).add([refusal(3, "a"), refusal(9, "b"), refusal(10, "c")]).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 12]).unwrap();
        let mut refused = file(&path);
        refused.go_on(9).unwrap();
        refused.add([refusal(9, "b")]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().map(|line| &line[..1]).collect();
        assert_eq!(lines, ["n", "a", "b"], "{text}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
