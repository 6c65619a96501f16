//! `astout import`: the contacts of a CSV file into a dial list, through the daemon while one runs. Cut off at any moment,
//! the same command goes on where it was.

mod doors;
mod mapping;
mod progress;
mod refused;
mod rows;
mod summary;

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use self::doors::{Daemon, Direct, Door, Failure};
use self::mapping::{Mapping, Wrong};
use self::progress::Progress;
use self::refused::{Refusal, RefusedFile};
use self::rows::{Form, Rows, Taken};
use self::summary::Summary;
use super::{CONFIG, DATA, IO, OK, REFUSED, UNAVAILABLE, USAGE, complain, printed};
use crate::config::{self, Config};
use crate::manager::import::{MOST_ROWS, ROWS_AT_ONCE};
use crate::model::ids::DlmaUuid;
use crate::model::import::{Batch, Column, DUPLICATE, Import, Order, Row, Source};

/// What a row that was refused is told of, where no file keeps them.
const TOLD: usize = 5;

/// What is imported, and how.
#[derive(Debug, Args)]
#[command(
    after_help = "Columns named like the fields (name, detail, ukey, udata, email, timezone, number1 … number8), or phone, \
    phone1, tel, mail and the like, map themselves, in any case.\n\nExamples:\n  astout import --dlma 0c1c9a9e-… \
    leads.csv --dry-run\n  astout import --dlma 0c1c9a9e-… leads.csv --delimiter ';' --map number1=Mobile --map \
    ukey=Mobile\n\nCut off, the same command goes on where it was. Rows that are refused are kept, with line and reason, \
    in leads.csv.refused.csv, which can be mended and imported.\n\nExit codes: 0 imported, also where some rows were \
    refused; 1 refused; 64 usage; 65 nothing of it could be imported; 69 unavailable; 74 IO; 78 config"
)]
pub(super) struct Arguments {
    /// The dial list: its uuid, or, while a daemon runs, the first characters that no other has; `astout dlma list` shows
    /// them.
    #[arg(long, value_name = "UUID", value_parser = Named::read)]
    dlma: Named,
    /// The file, with a header in its first line; - is stdin, which cannot be gone on with.
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Fill this field from that column: by its name, or #3 for the third; an empty column leaves the field out.
    #[arg(long, value_name = "FIELD=COLUMN")]
    map: Vec<String>,
    /// Take every other column as a variable of the contact.
    #[arg(long)]
    variables: bool,
    /// What stands between columns: one character, or "tab".
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    /// Leave blanks and ( ) - . / out of numbers.
    #[arg(long)]
    clean_numbers: bool,
    /// Where the rows go that are refused; by default FILE.csv.refused.csv.
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// Import a file that was imported into this list before once more, from its first row.
    #[arg(long)]
    again: bool,
    /// Write nothing, and say what would be.
    #[arg(long)]
    dry_run: bool,
}

/// A dial list, as it is named on the command line.
#[derive(Debug, Clone)]
enum Named {
    Whole(DlmaUuid),
    /// The beginning of its uuid.
    Begin(String),
}

impl Named {
    fn read(text: &str) -> Result<Self, String> {
        let is_begin = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        match text.parse() {
            Ok(uuid) => Ok(Self::Whole(uuid)),
            Err(_) if is_begin => Ok(Self::Begin(text.to_owned())),
            Err(_) => Err(
                "allowed: the uuid of a dial list, or the first characters of one; `astout dlma list` shows \
                           them with their names"
                    .to_owned(),
            ),
        }
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if *byte != b'"' && !matches!(byte, b'\r' | b'\n') => Ok(*byte),
        _ => Err("allowed: one ASCII character, or tab".to_owned()),
    }
}

/// Why it ended early: the exit code, and what is said.
type Stop = (u8, String);

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(text) => (REFUSED, text),
            Failure::Unavailable(text) => (UNAVAILABLE, text),
            Failure::Io(text) => (IO, text),
        }
    }
}

/// Imports, and prints what became of it.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, what: &Arguments, json: bool) -> u8 {
    let config = match Config::load(path, environment) {
        Ok(config) => Ok(config),
        // The file holds secrets: whoever may use the socket need not be able to read it.
        Err(error) if path == config::default_path() => Err(error),
        Err(error) => return complain(CONFIG, format!("the configuration is wrong:\n{error}")),
    };
    let done = open(what).and_then(|input| {
        let socket =
            config.as_ref().map_or_else(|_| Config::default().cli.socket, |config| config.cli.socket.clone());
        let daemon = socket.map_or(Ok(None), |socket| {
            let why = |why| {
                (UNAVAILABLE, format!("the daemon's socket {}: {why}; may you use it?", socket.display()))
            };
            Daemon::connect(&socket).map_err(why)
        })?;
        if let Some(mut daemon) = daemon {
            let dlma = match &what.dlma {
                Named::Whole(uuid) => *uuid,
                Named::Begin(begin) => daemon.dlma(begin)?,
            };
            return Run::new(what, dlma, input, json).carry_out(&mut daemon);
        }
        let Named::Whole(dlma) = &what.dlma else {
            let why = "--dlma: no daemon runs that could make it whole; give the whole uuid, or start astout";
            return Err((UNAVAILABLE, why.to_owned()));
        };
        let config = config
            .map_err(|error| (CONFIG, format!("no daemon runs, and the configuration is wrong:\n{error}")))?;
        let mut direct = Direct::open(&config)?;
        let done = Run::new(what, *dlma, input, json).carry_out(&mut direct);
        let closed = direct.close();
        let code = done?;
        closed?;
        Ok(code)
    });
    done.unwrap_or_else(|(code, text)| complain(code, text))
}

/// A file that can be imported.
struct Input {
    source: Source,
    rows: Rows,
    mapping: Mapping,
    header: Vec<String>,
    /// How many rows it has, where that can be known before.
    total: Option<u64>,
}

/// Opens the file, and looks at its header before anybody is asked for anything.
fn open(what: &Arguments) -> Result<Input, Stop> {
    let shown = what.file.display();
    let unread = |why: io::Error| (IO, format!("{shown}: {why}"));
    let form = Form { delimiter: what.delimiter, clean_numbers: what.clean_numbers };
    let wrong = |why: String| (DATA, format!("{shown}: {why}"));
    let mut source = Source { name: "-".to_owned(), content: None };
    let mut total = None;
    let read: Box<dyn Read> = if what.file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let mut file = File::open(&what.file).map_err(unread)?;
        let kind = file.metadata().map_err(unread)?.file_type();
        if kind.is_dir() {
            return Err(unread(io::ErrorKind::IsADirectory.into()));
        }
        let name = what.file.file_name().unwrap_or_default().to_string_lossy();
        source.name = name.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
        if kind.is_file() {
            // Two at once would write the refused rows into one file. Where there are no locks it is left at that.
            if let Err(TryLockError::WouldBlock) = file.try_lock() {
                return Err((UNAVAILABLE, format!("{shown}: is being imported by another astout import")));
            }
            let survey = rows::survey(&file, form).map_err(wrong)?;
            source.content = Some((survey.size, survey.digest));
            total = Some(survey.rows);
            file.rewind().map_err(unread)?;
        }
        Box::new(file)
    };
    let rows = Rows::open(read, form).map_err(wrong)?;
    let header = rows.header();
    let mapping = Mapping::new(&header, &what.map, what.variables).map_err(|wrong| match wrong {
        Wrong::Usage(text) => (USAGE, text),
        Wrong::Header(text) => (DATA, format!("{shown}: {text}")),
    })?;
    Ok(Input { source, rows, mapping, header, total })
}

/// One import under way.
struct Run<'a> {
    what: &'a Arguments,
    order: Order,
    rows: Rows,
    mapping: Mapping,
    header: Vec<String>,
    columns: Vec<Column>,
    total: Option<u64>,
    /// Rows that are read and not done with.
    queue: VecDeque<Taken>,
    at_end: bool,
    /// How many rows go into the next batch.
    window: usize,
    refused: Option<RefusedFile>,
    /// Some of those that no file keeps.
    told: Vec<String>,
    /// In a dry run: the lines of the `UKey`s so far, which nobody writes down.
    seen: HashMap<String, u64>,
    json: bool,
}

impl<'a> Run<'a> {
    fn new(what: &'a Arguments, dlma: DlmaUuid, input: Input, json: bool) -> Self {
        let Input { source, rows, mapping, header, total } = input;
        let mut described = mapping.describe(&header);
        if what.clean_numbers {
            described += ", numbers cleaned";
        }
        let by_default = || {
            let mut name: OsString = what.file.clone().into_os_string();
            name.push(".refused.csv");
            source.content.is_some().then(|| name.into())
        };
        let file = what.refused.clone().or_else(by_default).filter(|_| !what.dry_run);
        let refused = file.map(|file| RefusedFile::new(file, rows.raw_header(), what.delimiter));
        let columns = mapping.taken.iter().map(|(_, column)| column.clone()).collect();
        let order = Order { dlma, source, mapping: described, again: what.again, dry_run: what.dry_run };
        Self {
            what,
            order,
            rows,
            mapping,
            header,
            columns,
            total,
            queue: VecDeque::new(),
            at_end: false,
            window: 500,
            refused,
            told: Vec::new(),
            seen: HashMap::new(),
            json,
        }
    }

    fn carry_out(mut self, door: &mut impl Door) -> Result<u8, Stop> {
        let mut import = door.begin(&self.order)?;
        let before = import.rows;
        self.explain(&import);
        self.go_on(&import)?;
        let mut progress = Progress::new(before, self.total);
        let taken = self.take_all(door, &mut import, &mut progress);
        progress.clear();
        if let Err((code, why)) = taken {
            let rows = import.rows;
            let again = match (self.order.dry_run, &self.order.source.content) {
                (true, _) => String::new(),
                (false, Some(_)) => {
                    format!("; {rows} rows are done with: the same command goes on behind them")
                }
                (false, None) => format!("; {rows} rows are done with, and stay"),
            };
            return Err((code, format!("{why}{again}")));
        }
        self.sum_up(&import, before, &progress)
    }

    /// Says what goes where.
    fn explain(&self, import: &Import) {
        let mut told = format!("{}: {}", self.order.source.name, self.mapping.describe(&self.header));
        let left: Vec<&str> = self.mapping.left(&self.header).collect();
        if !left.is_empty() {
            told += &format!("; not taken: {}", left.join(", "));
            if !self.what.variables {
                told += " (--variables takes them as variables)";
            }
        }
        if import.rows > 0 {
            told += &format!("\ngoes on behind the {} rows that an earlier run is done with", import.rows);
        }
        // Where stderr is closed, the summary still tells.
        drop(writeln!(io::stderr().lock(), "{told}"));
    }

    /// Passes over what an earlier run is done with. What it may not have noted of its last refusals is noted now.
    fn go_on(&mut self, import: &Import) -> Result<(), Stop> {
        let shown = self.what.file.display();
        let mut refusals = Vec::new();
        let mut first = None;
        let mut why = import.last_refused.iter().peekable();
        let skipped = self.rows.skip(import.rows, import.last_from, |row, line, record| {
            first.get_or_insert(line);
            if let Some(refused) = why.next_if(|refused| refused.row == row) {
                refusals.push(Refusal { record: record.clone(), line, why: refused.why.clone() });
            }
        });
        skipped.map_err(|why| (DATA, format!("{shown}: {why}")))?;
        if let Some((file, first)) = self.refused.as_mut().zip(first) {
            file.go_on(first).and_then(|()| file.add(refusals)).map_err(|why| unwritten(file, &why))?;
        }
        Ok(())
    }

    fn take_all(
        &mut self,
        door: &mut impl Door,
        import: &mut Import,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        loop {
            self.fill(self.window)?;
            if self.queue.is_empty() {
                break;
            }
            let now: Vec<&Taken> = self.first();
            let sent = now.len();
            door.send(self.batch(import, false), &now)?;
            // The rows behind are read while these are written. Where they cannot be read, these are counted first.
            let behind = self.fill(sent + self.window);
            let answer = door.receive(&self.order)?;
            let done = usize::try_from(answer.rows.saturating_sub(import.rows)).unwrap_or(usize::MAX);
            if done == 0 || done > sent {
                return Err((
                    UNAVAILABLE,
                    format!("of {sent} rows {done} were taken: is it an astout of another version?"),
                ));
            }
            // As many as were written in the time that a batch may take, and some more where that was not used up.
            self.window = if done < sent { done } else { (sent * 2).min(MOST_ROWS) };
            self.note(&answer)?;
            self.queue.drain(..done);
            self.count(import, answer);
            progress.tell(import);
            behind?;
        }
        if import.id.is_some() {
            door.send(self.batch(import, true), &[])?;
            *import = door.receive(&self.order)?;
        }
        Ok(())
    }

    /// The rows of the next batch.
    fn first(&self) -> Vec<&Taken> {
        let mut bytes = 0;
        let fit = self.queue.iter().take(self.window).enumerate().take_while(|(place, taken)| {
            bytes += taken.wire.len() + 8;
            *place == 0 || bytes <= ROWS_AT_ONCE
        });
        fit.map(|(_, taken)| taken).collect()
    }

    fn batch(&self, import: &Import, finish: bool) -> Batch {
        Batch {
            import: import.id,
            dlma: self.order.dlma,
            from: import.rows,
            columns: self.columns.clone(),
            rows: Vec::new(),
            finish,
        }
    }

    /// Reads ahead until so many rows are there, or enough for a message.
    fn fill(&mut self, rows: usize) -> Result<(), Stop> {
        let mut bytes: usize = self.queue.iter().map(|taken| taken.record.as_slice().len()).sum();
        while !self.at_end && self.queue.len() < rows && (self.queue.is_empty() || bytes <= 2 * ROWS_AT_ONCE)
        {
            let taken = self.rows.next(&self.mapping.taken);
            match taken.map_err(|why| (DATA, format!("{}: {why}", self.what.file.display())))? {
                Some(mut taken) => {
                    bytes += taken.record.as_slice().len();
                    if self.order.dry_run {
                        self.look_for_its_twin(&mut taken);
                    }
                    self.queue.push_back(taken);
                }
                None => self.at_end = true,
            }
        }
        Ok(())
    }

    /// Nobody writes the rows of a dry run, so a `UKey` that comes twice is found here.
    fn look_for_its_twin(&mut self, taken: &mut Taken) {
        let Row::Values(values) = &taken.row else { return };
        let ukey = self.columns.iter().zip(values).find(|(column, _)| **column == Column::Field("UKey"));
        let Some(ukey) = ukey.map(|(_, ukey)| ukey).filter(|ukey| !ukey.is_empty()) else { return };
        match self.seen.get(ukey) {
            None => drop(self.seen.insert(ukey.clone(), taken.line)),
            Some(line) => {
                let why = format!("UKey: \"{ukey}\" is taken by line {line}");
                taken.row = Row::Unreadable { kind: DUPLICATE.to_owned(), why };
                taken.wire = crate::manager::import::row_line(&taken.row);
            }
        }
    }

    /// Keeps the rows that were refused, which are the first of the queue still.
    fn note(&mut self, answer: &Import) -> Result<(), Stop> {
        let refusals = answer.last_refused.iter().filter_map(|refused| {
            let place = usize::try_from(refused.row.checked_sub(answer.last_from)?).ok()?;
            let taken = self.queue.get(place)?;
            let (record, line, why) = (taken.record.clone(), taken.line, refused.why.clone());
            Some(Refusal { record, line, why })
        });
        match &mut self.refused {
            Some(file) => file.add(refusals).map_err(|why| unwritten(file, &why)),
            None => {
                let room = TOLD - self.told.len();
                let told: Vec<String> = refusals
                    .take(room)
                    .map(|refusal| format!("line {}: {}", refusal.line, refusal.why))
                    .collect();
                self.told.extend(told);
                Ok(())
            }
        }
    }

    /// The records give the whole; of a dry run they know the last batch alone.
    fn count(&self, import: &mut Import, answer: Import) {
        if !self.order.dry_run {
            *import = answer;
            return;
        }
        import.rows = answer.rows;
        import.imported += answer.imported;
        for (kind, count) in answer.refused {
            *import.refused.entry(kind).or_default() += count;
        }
    }

    fn sum_up(&self, import: &Import, before: u64, progress: &Progress) -> Result<u8, Stop> {
        let summary = Summary {
            order: &self.order,
            import,
            before,
            seconds: progress.took().as_secs_f64(),
            refused: self.refused.as_ref().filter(|file| file.is_there()).map(RefusedFile::path),
            told: &self.told,
        };
        let text = if self.json { summary.json() } else { summary.text() };
        let done = io::stdout().lock().write_all(text.as_bytes());
        Ok(printed(done, if import.imported == 0 { DATA } else { OK }))
    }
}

fn unwritten(file: &RefusedFile, why: &io::Error) -> Stop {
    let path = file.path().display();
    (IO, format!("{path}: {why}; --refused names another file for the rows that are refused"))
}
