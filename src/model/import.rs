//! An import: the rows of a file on their way into a dial list, a batch at a time. How far it has come is written with
//! each batch, so that one that was cut off goes on where it was, and nobody is in the list twice.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{FieldError, Fields, check_text};
use super::ids::DlmaUuid;
use super::time::Timestamp;

/// What the refusal of a row is counted as, whose `UKey` another contact of the list has.
pub const DUPLICATE: &str = "duplicate";

/// The fields of a contact that a column can fill.
pub const FIELDS: [&str; 14] = [
    "Name", "Detail", "UKey", "UData", "Email", "TimeZone", "Number1", "Number2", "Number3", "Number4",
    "Number5", "Number6", "Number7", "Number8",
];

/// A file may have many columns, and each is named in it.
const LONGEST_MAPPING: usize = 16 * 1024;
/// Begins the name of a column whose values become a variable of the contact.
const VARIABLE: &str = "Variable:";

/// How far an import has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its number; `None` where nothing is written, as in a dry run.
    pub id: Option<i64>,
    /// The list.
    pub dlma_uuid: DlmaUuid,
    /// Where the rows come from.
    pub source: Source,
    /// Rows that are done with.
    pub rows: u64,
    /// Those of them that are contacts now.
    pub imported: u64,
    /// The others, by what they were refused for.
    pub refused: BTreeMap<String, u64>,
    /// The first row of the last batch.
    pub last_from: u64,
    /// The rows that the last batch had to refuse.
    pub last_refused: Vec<RefusedRow>,
    /// Whether all rows are done with.
    pub finished: bool,
    /// When it began.
    pub tm_create: Timestamp,
    /// When it was last taken further.
    pub tm_update: Timestamp,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, for people.
    pub name: String,
    /// Its length in bytes and the digest of them, which tell it from other files; `None` for a pipe, which cannot be
    /// read again.
    pub content: Option<(u64, String)>,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// Which row of the file, from 0.
    pub row: u64,
    /// What it is counted as: a field, or a word.
    pub kind: String,
    /// Why, for people.
    pub why: String,
}

/// Asks for one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To begin, or to go on with what was cut off.
    Begin(Order),
    /// To take rows.
    Rows(Batch),
}

/// Asks for an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Into which list.
    pub dlma: DlmaUuid,
    /// Of what.
    pub source: Source,
    /// Which columns go where, in one line; an import goes on only by the same.
    pub mapping: String,
    /// Whether the file is taken once more, if it was before.
    pub again: bool,
    /// Whether nothing is to be written.
    pub dry_run: bool,
}

/// Rows that follow each other in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Of which import; `None` in a dry run.
    pub import: Option<i64>,
    /// Into which list.
    pub dlma: DlmaUuid,
    /// How many rows come before them.
    pub from: u64,
    /// What each value of a row is.
    pub columns: Vec<Column>,
    /// The rows, each with an id for the contact that it may become.
    pub rows: Vec<(Uuid, Row)>,
    /// Whether these are the last.
    pub finish: bool,
}

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// The values of its columns.
    Values(Vec<String>),
    /// Whoever read the file could not read this row.
    Unreadable {
        /// What it is counted as.
        kind: String,
        /// Why, for people.
        why: String,
    },
}

/// What the values of a column become.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Column {
    /// That field; one of [`FIELDS`].
    Field(&'static str),
    /// The variable of that name.
    Variable(String),
}

impl Import {
    /// One of which nothing is done yet.
    pub fn new(order: &Order, now: Timestamp) -> Self {
        Self {
            id: None,
            dlma_uuid: order.dlma,
            source: order.source.clone(),
            rows: 0,
            imported: 0,
            refused: BTreeMap::new(),
            last_from: 0,
            last_refused: Vec::new(),
            finished: false,
            tm_create: now,
            tm_update: now,
        }
    }

    /// Counts a row that is refused.
    pub fn refuse(&mut self, row: RefusedRow) {
        *self.refused.entry(row.kind.clone()).or_default() += 1;
        self.last_refused.push(row);
    }

    /// How many rows were refused because the list has their `UKey`.
    pub fn duplicates(&self) -> u64 {
        self.refused.get(DUPLICATE).copied().unwrap_or_default()
    }

    /// How many rows were refused for what they hold.
    pub fn faulty(&self) -> u64 {
        self.refused.values().sum::<u64>() - self.duplicates()
    }
}

impl Step {
    /// Whether the list may be another one after it.
    pub fn writes(&self) -> bool {
        match self {
            Self::Begin(_) => false,
            Self::Rows(batch) => batch.import.is_some(),
        }
    }
}

impl Order {
    /// Reads the request for an import.
    ///
    /// # Errors
    /// Where a field is missing or wrong.
    pub fn from_fields(fields: &Fields) -> Result<Self, FieldError> {
        let text = |name| Ok(fields.text(name)?.flatten());
        let name =
            text("File")?.ok_or_else(|| FieldError::missing("File", "the name of what is imported"))?;
        let mapping = fields.raw("Mapping").unwrap_or_default();
        check_text("Mapping", mapping, LONGEST_MAPPING)?;
        let size = fields.parsed_or_unset::<u64>("Size", "a number of bytes")?.flatten();
        Ok(Self {
            dlma: fields.required_uuid("DlmaUuid")?,
            source: Source { name, content: size.zip(text("Hash")?) },
            mapping: mapping.to_owned(),
            again: yes(fields, "Again")?,
            dry_run: yes(fields, "DryRun")?,
        })
    }
}

/// Whether that field says yes.
///
/// # Errors
/// Where it says something else than yes or no.
pub fn yes(fields: &Fields, name: &str) -> Result<bool, FieldError> {
    match fields.raw(name) {
        None | Some("") => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("yes") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("no") => Ok(false),
        Some(text) => Err(FieldError::invalid(name, text, "yes or no")),
    }
}

impl Batch {
    /// The fields of a contact with these values; those of a column without a value are not set.
    pub fn fields(&self, values: &[String]) -> Fields {
        let given = self.columns.iter().zip(values).filter(|(_, value)| !value.is_empty());
        let pair = |(column, value): (&Column, &String)| match column {
            Column::Field(name) => ((*name).to_owned(), value.clone()),
            Column::Variable(name) => ("Variable".to_owned(), format!("{name}={value}")),
        };
        given.map(pair).collect()
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Variable(name) => write!(f, "{VARIABLE}{name}"),
        }
    }
}

impl FromStr for Column {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        if let Some(name) = text.strip_prefix(VARIABLE) {
            return Ok(Self::Variable(name.to_owned()));
        }
        let field = FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(text));
        field.map(Self::Field).ok_or_else(|| {
            let allowed = format!("{} or {VARIABLE}NAME", FIELDS.join(", "));
            FieldError::invalid("Columns", text, allowed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_field_in_any_case_or_a_variable() {
        assert_eq!("number3".parse(), Ok(Column::Field("Number3")));
        assert_eq!("Variable:CITY".parse(), Ok(Column::Variable("CITY".into())));
        for column in FIELDS {
            assert_eq!(column.parse::<Column>().unwrap().to_string(), column);
        }
        let error = "Number9".parse::<Column>().unwrap_err().to_string();
        assert!(error.contains("Number8") && error.contains("Variable:NAME"), "{error}");
    }

    #[test]
    fn a_value_that_is_empty_sets_nothing() {
        let batch = Batch {
            import: None,
            dlma: DlmaUuid::new(Uuid::nil()),
            from: 0,
            columns: ["Name", "Number1", "Variable:CITY"].map(|name| name.parse().unwrap()).to_vec(),
            rows: Vec::new(),
            finish: false,
        };
        let fields = batch.fields(&["".into(), "300".into(), "Bonn".into()]);
        assert_eq!(fields, [("Number1", "300"), ("Variable", "CITY=Bonn")].into_iter().collect());
    }
}
