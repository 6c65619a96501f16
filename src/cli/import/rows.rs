//! The rows of a CSV file, one after the other, as an import takes them. What is no row that can be taken comes along
//! with the reason why; only what makes the rest of the file unreadable ends it.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use md5::{Digest, Md5};

use crate::manager::import::{LONGEST_ROW, row_line};
use crate::model::import::{Column, Row};

/// The longest row that is read at all: beyond it a quote is likely never closed.
const LONGEST_RECORD: u64 = 16 * 1024 * 1024;
const BUFFER: usize = 128 * 1024;

/// How the file is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) delimiter: u8,
    /// Whether blanks and `( ) - . /` within numbers are left out.
    pub(super) clean_numbers: bool,
}

/// A row, as it is in the file and as it is imported.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) record: ByteRecord,
    /// The line of the file that it begins in, from 1.
    pub(super) line: u64,
    pub(super) row: Row,
    /// The same as it goes over the line.
    pub(super) wire: String,
}

/// A file of rows whose header has been read.
pub(super) struct Rows {
    reader: Reader<Bounded>,
    read: Rc<Cell<u64>>,
    /// Whether the source has been read to its end.
    ended: Rc<Cell<bool>>,
    header: ByteRecord,
    form: Form,
}

impl Rows {
    /// Reads the header.
    pub(super) fn open(source: Box<dyn Read>, form: Form) -> Result<Self, String> {
        let (read, ended) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let mut reader = ReaderBuilder::new()
            .delimiter(form.delimiter)
            .flexible(true)
            // With CRLF for its line end the reader would count a line too few; the CR is dropped by `without_cr`.
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(BUFFER)
            .from_reader(Bounded {
                source,
                read: Rc::clone(&read),
                ended: Rc::clone(&ended),
                last_line_ended: false,
            });
        let mut header = reader.byte_headers().map_err(|why| format!("line 1: {}", told(why)))?.clone();
        without_cr(&mut header);
        if header.is_empty() {
            return Err("is empty; the first line has to name the columns, as in name,number1".to_owned());
        }
        let rows = Self { reader, read, ended, header, form };
        rows.closed(rows.raw_header())?;
        match rows.names() {
            Some(_) => Ok(rows),
            None if matches!(rows.header.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => {
                Err("is UTF-16; save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8".to_owned())
            }
            None => Err(format!("line 1: is {NOT_UTF8}; {LATIN_1}")),
        }
    }

    /// The names of the columns; `None` where they are no text.
    fn names(&self) -> Option<Vec<String>> {
        let name = |field: &[u8]| std::str::from_utf8(field).ok().map(|name| name.trim().to_owned());
        self.header.iter().map(name).collect()
    }

    /// The names of the columns.
    pub(super) fn header(&self) -> Vec<String> {
        self.names().unwrap_or_default()
    }

    /// The header as it is in the file.
    pub(super) fn raw_header(&self) -> &ByteRecord {
        &self.header
    }

    /// The next row, of those columns; `None` at the end of the file.
    ///
    /// # Errors
    /// Where the file cannot be read any further.
    pub(super) fn next(&mut self, taken: &[(usize, Column)]) -> Result<Option<Taken>, String> {
        let mut record = ByteRecord::new();
        let Some(line) = self.read(&mut record)? else { return Ok(None) };
        let mut row = self.row(&record, taken);
        let mut wire = row_line(&row);
        if wire.len() > LONGEST_ROW {
            let why = format!("the row has {} bytes; a field takes 900 at most", record.as_slice().len());
            row = Row::Unreadable { kind: "too long".to_owned(), why };
            wire = row_line(&row);
        }
        Ok(Some(Taken { record, line, row, wire }))
    }

    /// Passes over so many rows; shows those from `from` on, each with the line that it begins in.
    pub(super) fn skip(
        &mut self,
        count: u64,
        from: u64,
        mut show: impl FnMut(u64, u64, &ByteRecord),
    ) -> Result<(), String> {
        let mut record = ByteRecord::new();
        for row in 0..count {
            let Some(line) = self.read(&mut record)? else {
                return Err(format!(
                    "ends after {row} rows, and {count} of it were imported: is it still the same file?"
                ));
            };
            if row >= from {
                show(row, line, &record);
            }
        }
        Ok(())
    }

    /// Reads a record that is more than an empty line; gives the line that it begins in.
    fn read(&mut self, record: &mut ByteRecord) -> Result<Option<u64>, String> {
        loop {
            self.read.set(0);
            let at = self.reader.position().line();
            let more = self.reader.read_byte_record(record);
            if !more.map_err(|why| format!("line {at}: {}", told(why)))? {
                return Ok(None);
            }
            self.closed(record)?;
            let blank = record.len() == 1 && record.as_slice() == b"\r";
            if !blank {
                without_cr(record);
                return Ok(Some(self.line(record)));
            }
        }
    }

    /// Refuses a record that goes on to the end of the file: its last field has a quote that is never closed. Every other
    /// one ends at a line end, as [`Bounded`] gives the last line one, and is read before the end of the file is seen.
    fn closed(&self, record: &ByteRecord) -> Result<(), String> {
        if !self.ended.get() {
            return Ok(());
        }
        let last = record.len().checked_sub(1).and_then(|place| record.get(place)).unwrap_or_default();
        let opened = self.reader.position().line().saturating_sub(line_ends(last));
        Err(format!(
            "line {opened}: a quote is opened here and never closed; close it, or write \"\" for a quote that is text"
        ))
    }

    /// The line that the record just read begins in. The reader knows where it was before and where it is now; empty
    /// lines lie between.
    fn line(&self, record: &ByteRecord) -> u64 {
        let before = record.position().map_or(0, csv::Position::line);
        before + (self.reader.position().line() - before).saturating_sub(line_ends(record.as_slice()) + 1)
    }

    fn row(&self, record: &ByteRecord, taken: &[(usize, Column)]) -> Row {
        let unreadable = |kind: &str, why: String| Row::Unreadable { kind: kind.to_owned(), why };
        if record.len() != self.header.len() {
            let (is, should) = (record.len(), self.header.len());
            let why = format!(
                "the row has {is} columns, the header {should}; is a comma or a quote missing its quotes?"
            );
            return unreadable("columns", why);
        }
        let mut values = Vec::with_capacity(taken.len());
        for (place, column) in taken {
            let Some(text) = record.get(*place).and_then(|field| std::str::from_utf8(field).ok()) else {
                return unreadable(NOT_UTF8, format!("is {NOT_UTF8}; {LATIN_1}"));
            };
            let text = text.trim();
            values.push(match column {
                Column::Field(name) if self.form.clean_numbers && name.starts_with("Number") => clean(text),
                Column::Field(_) | Column::Variable(_) => text.to_owned(),
            });
        }
        Row::Values(values)
    }
}

fn line_ends(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// What a row is refused for.
pub(super) const NOT_UTF8: &str = "not UTF-8";
/// What to do about it.
pub(super) const LATIN_1: &str =
    "where the file is Latin-1 or Windows-1252, convert it: iconv -f WINDOWS-1252 -t UTF-8";

fn told(why: csv::Error) -> String {
    match why.into_kind() {
        csv::ErrorKind::Io(why) => why.to_string(),
        other => format!("{other:?}"),
    }
}

/// What is known of a file once it was read through.
pub(super) struct Survey {
    /// Its length in bytes.
    pub(super) size: u64,
    /// The MD5 of what it holds: against mistakes, not against malice.
    pub(super) digest: String,
    /// How many rows it has.
    pub(super) rows: u64,
}

/// Reads a file through, so that one which cannot be read to its end is refused before anything of it is imported.
pub(super) fn survey(file: &File, form: Form) -> Result<Survey, String> {
    let seen = Rc::new(RefCell::new((0, Md5::new())));
    let file = file.try_clone().map_err(|why| why.to_string())?;
    let source = Digested { source: file, seen: Rc::clone(&seen) };
    let mut through = Rows::open(Box::new(source), form)?;
    let (mut record, mut rows) = (ByteRecord::new(), 0);
    while through.read(&mut record)?.is_some() {
        rows += 1;
    }
    drop(through);
    let (size, md5) = seen.take();
    Ok(Survey { size, digest: md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), rows })
}

/// What is read from, with the length and the digest of what was read.
struct Digested {
    source: File,
    seen: Rc<RefCell<(u64, Md5)>>,
}

impl Read for Digested {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let mut seen = self.seen.borrow_mut();
        seen.0 += read as u64;
        seen.1.update(&buffer[..read]);
        Ok(read)
    }
}

/// Takes the CR of a CRLF from the last field.
fn without_cr(record: &mut ByteRecord) {
    if record.as_slice().last() == Some(&b'\r') {
        let fields: Vec<&[u8]> = record.iter().collect();
        let (last, others) = fields.split_last().map_or((&[][..], &[][..]), |(last, others)| (*last, others));
        let mut without = ByteRecord::with_capacity(record.as_slice().len(), record.len());
        without.extend(others);
        without.push_field(&last[..last.len().saturating_sub(1)]);
        without.set_position(record.position().cloned());
        *record = without;
    }
}

/// A number without what people write to read it better.
fn clean(number: &str) -> String {
    number.chars().filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '-' | '.' | '/')).collect()
}

/// What is read from, with an end to how much makes one row, and a line end behind the last line.
struct Bounded {
    source: Box<dyn Read>,
    /// Since the last row began.
    read: Rc<Cell<u64>>,
    /// Whether there is no more.
    ended: Rc<Cell<bool>>,
    /// Whether the last line has been given its line end.
    last_line_ended: bool,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.get() > LONGEST_RECORD {
            let text = format!("a row of more than {LONGEST_RECORD} bytes: is a quote not closed?");
            return Err(io::Error::other(text));
        }
        let mut read = if self.last_line_ended { 0 } else { self.source.read(buffer)? };
        if read == 0 && !self.last_line_ended {
            self.last_line_ended = true;
            if let Some(first) = buffer.first_mut() {
                *first = b'\n';
                read = 1;
            }
        }
        self.ended.set(read == 0);
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form = Form { delimiter: b',', clean_numbers: false };

    fn open(text: impl AsRef<[u8]>, form: Form) -> Result<Rows, String> {
        Rows::open(Box::new(io::Cursor::new(text.as_ref().to_vec())), form)
    }

    fn columns() -> Vec<(usize, Column)> {
        vec![(0, Column::Field("Name")), (1, Column::Field("Number1"))]
    }

    /// A row a line: its line and its values, or what it is refused as.
    fn shown(mut rows: Rows) -> Vec<String> {
        let mut shown = Vec::new();
        while let Some(taken) = rows.next(&columns()).unwrap() {
            let row = match taken.row {
                Row::Values(values) => values.join("|"),
                Row::Unreadable { kind, .. } => kind,
            };
            shown.push(format!("{} {row}", taken.line));
        }
        shown
    }

    #[test]
    fn a_bom_and_every_line_end_are_passed_over() {
        let rows = open("\u{feff}name,number1\r\na,1\nb,2\r\nc,3", FORM).unwrap();
        assert_eq!(rows.header(), ["name", "number1"]);
        assert_eq!(shown(rows), ["2 a|1", "3 b|2", "4 c|3"]);
    }

    #[test]
    fn empty_lines_are_no_rows_and_are_counted_as_lines() {
        let rows = open("name,number1\n\n\na,1\n\nb,2\n", FORM).unwrap();
        assert_eq!(shown(rows), ["4 a|1", "6 b|2"]);
        let rows = open("name,number1\r\n\r\na,1\r\n\r\n\"b\r\nc\",2\r\nd,3", FORM).unwrap();
        assert_eq!(shown(rows), ["3 a|1", "5 b\r\nc|2", "7 d|3"]);
    }

    #[test]
    fn quoted_fields_hold_delimiters_quotes_and_line_ends() {
        let rows = open("name;number1\n\"a; \"\"b\"\"\nc\"; 1 \n d ;2\n", Form { delimiter: b';', ..FORM });
        assert_eq!(shown(rows.unwrap()), ["2 a; \"b\"\nc|1", "4 d|2"]);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_told_and_the_next_one_read() {
        let text = [&b"name,number1\nM\xfcller,1\na,1,x\nb\n"[..], &[b'y'; 100_000], b",2\nc,3\n"].concat();
        assert_eq!(
            shown(open(text, FORM).unwrap()),
            ["2 not UTF-8", "3 columns", "4 columns", "5 too long", "6 c|3"]
        );
    }

    #[test]
    fn a_header_that_is_none_is_refused_with_what_to_do() {
        let wrong = |text: &[u8]| open(text, FORM).err().unwrap();
        assert!(wrong(b"").contains("empty"));
        assert!(wrong(b"\n\n").contains("empty"));
        assert!(wrong(b"\xff\xfen\0a\0").contains("UTF-16"));
        assert!(wrong(b"Stra\xdfe,number1\n").contains("iconv"));
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_take_all_memory() {
        let text = [b"name,number1\n\"".to_vec(), vec![b'x'; 40_000_000]].concat();
        let error = open(text, FORM).unwrap().next(&columns()).unwrap_err();
        assert!(error.contains("a quote not closed"), "{error}");
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_it_with_the_line_that_opens_it() {
        let rest = "c,3\n".repeat(50_000);
        for (text, line) in [
            (format!("name,number1\n\n\"a\nb\",1\n\"b,2\n{rest}"), 5),
            (format!("name,number1\n\n\"a\nb\",\"1\n{rest}"), 4),
            ("name,number1\r\na,1\r\nb,\"".to_owned(), 3),
            ("name,number1\na,1\n\"b\"\",2\n\n".to_owned(), 3),
        ] {
            let mut rows = open(text, FORM).unwrap();
            let error = loop {
                match rows.next(&columns()) {
                    Ok(taken) => {
                        assert!(matches!(taken.unwrap().row, Row::Values(values) if values[1] == "1"));
                    }
                    Err(error) => break error,
                }
            };
            assert!(error.starts_with(&format!("line {line}: a quote is opened here")), "{error}");
        }
        let error = open("name,\"number1\na,1\n", FORM).err().unwrap();
        assert!(error.starts_with("line 1: a quote is opened here"), "{error}");
    }

    #[test]
    fn a_last_row_without_a_line_end_is_whole() {
        for last in ["\"b\nc\",2", "b,\"2\"", "b,2\r", "b,", "\"b\n\",2", "b,\"\""] {
            let rows = shown(open(format!("name,number1\na,1\n{last}"), FORM).unwrap());
            assert_eq!(rows.len(), 2, "{last:?}: {rows:?}");
            assert!(rows[1].starts_with("3 b"), "{last:?}: {rows:?}");
        }
    }

    #[test]
    fn numbers_may_be_cleaned_of_what_people_write_into_them() {
        let rows = open("name,number1\na b,+49 (228) 12-34/5.6\n", Form { clean_numbers: true, ..FORM });
        assert_eq!(shown(rows.unwrap()), ["2 a b|+49228123456"]);
    }

    #[test]
    fn rows_are_passed_over_and_the_last_ones_shown() {
        let mut rows = open("name,number1\na,1\nb,2\nc,3\nd,4\n", FORM).unwrap();
        let mut last = Vec::new();
        rows.skip(3, 1, |row, line, record| last.push((row, line, record.get(0).unwrap().to_vec()))).unwrap();
        assert_eq!(last, [(1, 3, b"b".to_vec()), (2, 4, b"c".to_vec())]);
        assert!(rows.skip(2, 0, |_, _, _| {}).unwrap_err().contains("ends after 1 rows"));
    }
}
