//! How a section reads its keys: the environment first, then the file, else the default, and a problem noted
//! (never an early return) where a value is not allowed. A key that no section asked for is an unknown key.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem};

/// What every overriding variable starts with.
pub(super) const ENVIRONMENT_PREFIX: &str = "ASTOUT__";

/// One file and one environment, being read.
pub(super) struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    environment: &'a BTreeMap<String, String>,
    claimed: BTreeSet<String>,
    not_overridable: Vec<(&'static str, String)>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    /// Every key that was asked for: what a config may say.
    pub(super) keys: Vec<String>,
    pub(super) secret_in_file: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str, environment: &'a BTreeMap<String, String>) -> Self {
        Self {
            file,
            text,
            environment,
            claimed: BTreeSet::new(),
            not_overridable: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            keys: Vec::new(),
            secret_in_file: false,
        }
    }

    /// The file that is read: what relative names are relative to.
    pub(super) fn file(&self) -> &'a Path {
        self.file
    }

    pub(super) fn line_at(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        Place::Line(self.file.to_path_buf(), before.matches('\n').count() + 1)
    }

    pub(super) fn whole_file(&self) -> Place {
        Place::File(self.file.to_path_buf())
    }

    pub(super) fn problem(&mut self, place: Place, key: impl Into<String>, text: impl Into<String>) {
        self.problems.push(Problem { place, key: key.into(), text: text.into() });
    }

    /// The table `name` of the document, as a section that `ASTOUT__NAME__KEY` overrides.
    pub(super) fn section(&mut self, document: &'a DeTable<'a>, name: &'static str) -> Section<'_, 'a> {
        let given = document.get(name);
        let place = given.map_or_else(|| self.whole_file(), |value| self.line_at(&value.span()));
        let table = given.and_then(|value| value.get_ref().as_table());
        if given.is_some() && table.is_none() {
            self.problem(
                place.clone(),
                name,
                format!("is not a section; allowed: [{name}] on a line of its own"),
            );
        }
        Section {
            reader: self,
            name: name.into(),
            label: name.into(),
            overridable: true,
            table,
            place,
            asked: Vec::new(),
        }
    }

    /// Notes that variables starting with `prefix` cannot override anything, and why.
    pub(super) fn not_overridable(&mut self, prefix: &'static str, why: impl Into<String>) {
        self.not_overridable.push((prefix, why.into()));
    }

    /// Refuses the variables that no section asked for.
    pub(super) fn refuse_unknown_variables(&mut self) {
        let environment = self.environment;
        for name in environment.keys().filter(|name| name.starts_with(ENVIRONMENT_PREFIX)) {
            if self.claimed.contains(name) {
                continue;
            }
            let refused = self.not_overridable.iter().find(|(prefix, _)| name.starts_with(prefix));
            let text = if let Some((_, why)) = refused {
                format!("cannot be set by the environment: {why}")
            } else {
                let known: Vec<String> = self.keys.iter().map(|key| variable_of(key)).collect();
                let near = nearest(name, known.iter().map(String::as_str));
                let any = "allowed: ASTOUT__SECTION__KEY of a section and a key that the file may have";
                format!("is no key; {}", near.as_deref().unwrap_or(any))
            };
            self.problem(Place::Environment(name.clone()), "", text);
        }
    }
}

/// `asterisk.port` → `ASTOUT__ASTERISK__PORT`
fn variable_of(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// `did you mean "port"?`, or what is allowed where nothing is near.
pub(crate) fn suggestion<'s>(unknown: &str, known: impl Iterator<Item = &'s str> + Clone) -> String {
    nearest(unknown, known.clone())
        .unwrap_or_else(|| format!("allowed: {}", known.collect::<Vec<_>>().join(", ")))
}

/// `did you mean "port"?`, where a known name is near enough to be meant.
pub(super) fn nearest<'s>(unknown: &str, known: impl Iterator<Item = &'s str>) -> Option<String> {
    known
        .map(|name| (strsim::damerau_levenshtein(&unknown.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().min(unknown.len()) / 4)
        .min()
        .map(|(_, name)| format!("did you mean \"{name}\"?"))
}

/// A value as it was given.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    /// In the file, with its TOML type.
    File(&'a DeValue<'a>),
    /// In the environment, where everything is text and a list is separated by commas.
    Environment(&'a str),
}

impl<'a> Given<'a> {
    fn type_name(self) -> &'static str {
        match self {
            Self::Environment(_) | Self::File(DeValue::String(_)) => "a string",
            Self::File(DeValue::Integer(_)) => "a whole number",
            Self::File(DeValue::Float(_)) => "a number with a fraction",
            Self::File(DeValue::Boolean(_)) => "true or false",
            Self::File(DeValue::Datetime(_)) => "a date",
            Self::File(DeValue::Array(_)) => "a list",
            Self::File(DeValue::Table(_)) => "a table",
        }
    }

    /// A string without control characters: one of them in a name or a secret would end an AMI header.
    pub(super) fn text(self) -> Result<&'a str, String> {
        let text = match self {
            Self::File(value) => value.as_str().ok_or_else(|| format!("is {}", self.type_name()))?,
            Self::Environment(text) => text,
        };
        if text.chars().any(char::is_control) {
            return Err("has a control character".into());
        }
        Ok(text)
    }

    fn flag(self) -> Result<bool, String> {
        match self {
            Self::File(value) => value.as_bool().ok_or_else(|| format!("is {}", self.type_name())),
            Self::Environment("true") => Ok(true),
            Self::Environment("false") => Ok(false),
            Self::Environment(other) => Err(format!("{other:?} is neither")),
        }
    }

    fn number(self) -> Result<i128, String> {
        let (digits, radix) = match self {
            Self::File(DeValue::Integer(integer)) => (integer.as_str(), integer.radix()),
            Self::File(_) => return Err(format!("is {}", self.type_name())),
            Self::Environment(text) => (text, 10),
        };
        i128::from_str_radix(digits, radix).map_err(|_| format!("{digits:?} is not a whole number"))
    }

    fn list(self) -> Result<Vec<String>, String> {
        match self {
            Self::Environment("") => Ok(Vec::new()),
            Self::Environment(text) => {
                text.split(',').map(|item| list_item(Given::Environment(item.trim()))).collect()
            }
            Self::File(DeValue::Array(items)) => {
                items.iter().map(|item| list_item(Given::File(item.get_ref()))).collect()
            }
            Self::File(_) => Err(format!("is {}", self.type_name())),
        }
    }
}

fn list_item(item: Given<'_>) -> Result<String, String> {
    match item.text() {
        Ok("") => Err("has an empty item".into()),
        Ok(text) => Ok(text.into()),
        Err(wrong) => Err(format!("has an item that {wrong}")),
    }
}

/// A section being read. [`Section::finish`] refuses the keys that were not asked for.
pub(super) struct Section<'r, 'a> {
    reader: &'r mut Reader<'a>,
    /// The section's name in a key: `manager.user`.
    name: String,
    /// The section's name in a message: `manager.user[2]`, where there are several.
    label: String,
    overridable: bool,
    table: Option<&'a DeTable<'a>>,
    place: Place,
    asked: Vec<&'static str>,
}

impl<'r, 'a> Section<'r, 'a> {
    /// One of several tables of a name, `[[name]]`. The environment does not reach it.
    pub(super) fn of_many(
        reader: &'r mut Reader<'a>,
        name: &str,
        number: usize,
        table: &'a DeTable<'a>,
        place: Place,
    ) -> Self {
        let label = format!("{name}[{number}]");
        Self {
            reader,
            name: name.into(),
            label,
            overridable: false,
            table: Some(table),
            place,
            asked: Vec::new(),
        }
    }

    /// The same, alone: the environment reaches it.
    pub(super) fn only_one(
        reader: &'r mut Reader<'a>,
        name: &str,
        table: Option<&'a DeTable<'a>>,
        place: Place,
    ) -> Self {
        Self {
            reader,
            name: name.into(),
            label: name.into(),
            overridable: true,
            table,
            place,
            asked: Vec::new(),
        }
    }

    fn variable(&self, key: &str) -> Option<(&'a str, &'a str)> {
        let name = variable_of(&format!("{}.{key}", self.name));
        let (name, value) = self.reader.environment.get_key_value(&name).filter(|_| self.overridable)?;
        Some((name, value))
    }

    fn in_file(&self, key: &str) -> Option<(Range<usize>, &'a DeValue<'a>)> {
        let (name, value) = self.table?.get_key_value(key)?;
        Some((name.span(), value.get_ref()))
    }

    /// Is the key overridden by the environment?
    pub(super) fn is_overridden(&self, key: &str) -> bool {
        self.variable(key).is_some()
    }

    /// Is the key given in the file?
    pub(super) fn is_in_file(&self, key: &str) -> bool {
        self.in_file(key).is_some()
    }

    pub(super) fn given(&mut self, key: &'static str) -> Option<Given<'a>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
            self.reader.keys.push(format!("{}.{key}", self.name));
        }
        if let Some((name, value)) = self.variable(key) {
            self.reader.claimed.insert(name.into());
            return Some(Given::Environment(value));
        }
        self.in_file(key).map(|(_, value)| Given::File(value))
    }

    fn place_of(&self, key: &str) -> Place {
        if let Some((name, _)) = self.variable(key) {
            return Place::Environment(name.into());
        }
        self.in_file(key).map_or_else(|| self.place.clone(), |(span, _)| self.reader.line_at(&span))
    }

    /// Notes what is wrong with a key.
    pub(super) fn problem(&mut self, key: &str, text: impl Into<String>) {
        self.reader.problem(self.place_of(key), format!("{}.{key}", self.label), text);
    }

    /// Notes what somebody should look at.
    pub(super) fn warning(&mut self, key: &str, text: impl Into<String>) {
        let problem =
            Problem { place: self.place_of(key), key: format!("{}.{key}", self.label), text: text.into() };
        self.reader.warnings.push(problem);
    }

    /// A value of any shape: `take` says what is wrong with it, `allowed` what would be right.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        default: T,
        allowed: &str,
        take: impl FnOnce(Given<'a>) -> Result<T, String>,
    ) -> T {
        let Some(given) = self.given(key) else { return default };
        match take(given) {
            Ok(value) => value,
            Err(wrong) => {
                self.problem(key, format!("{wrong}; allowed: {allowed}"));
                default
            }
        }
    }

    pub(super) fn text(&mut self, key: &'static str, default: &str) -> String {
        self.value(key, default.into(), "a string", |given| given.text().map(Into::into))
    }

    /// A string that is not empty.
    pub(super) fn name(&mut self, key: &'static str, default: &str) -> String {
        self.value(key, default.into(), "a string that is not empty, without blanks", |given| {
            match given.text()? {
                "" => Err("is empty".into()),
                text if text.contains(char::is_whitespace) => Err(format!("{text:?} has a blank")),
                text => Ok(text.into()),
            }
        })
    }

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.value(key, default, "true or false", Given::flag)
    }

    pub(super) fn number<T>(&mut self, key: &'static str, default: T, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<i128> + Into<i128> + Copy,
    {
        let (least, most): (i128, i128) = ((*range.start()).into(), (*range.end()).into());
        self.value(key, default, &format!("a whole number from {least} to {most}"), |given| {
            let number = given.number()?;
            match T::try_from(number) {
                Ok(value) if (least..=most).contains(&number) => Ok(value),
                _ => Err(format!("{number} is out of range")),
            }
        })
    }

    pub(super) fn list(&mut self, key: &'static str, default: &[&str]) -> Vec<String> {
        let default = default.iter().map(ToString::to_string).collect();
        self.value(key, default, "a list of strings, as in [\"a\", \"b\"]", Given::list)
    }

    /// A list whose items each have to satisfy `take`, which says what is wrong with one.
    pub(super) fn list_of<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        take: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let items = self.list(key, &[]);
        let mut taken = Vec::with_capacity(items.len());
        for item in items {
            match take(&item) {
                Ok(value) => taken.push(value),
                Err(wrong) => self.problem(key, format!("{wrong}; allowed: {allowed}")),
            }
        }
        taken
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, default: T, choices: &[(&str, T)]) -> T {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        self.value(key, default, &words.join(", "), |given| {
            let text = given.text()?;
            let found = choices.iter().find(|(word, _)| *word == text);
            found.map(|(_, choice)| *choice).ok_or_else(|| format!("{text:?} is unknown"))
        })
    }

    /// The tables `[[name.key]]`, each with its place.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<(&'a DeTable<'a>, Place)> {
        self.asked.push(key);
        let Some((_, value)) = self.in_file(key) else { return Vec::new() };
        let tables = tables_of(value, |span| self.reader.line_at(span));
        tables.unwrap_or_else(|| {
            let name = &self.name;
            self.problem(key, format!("is not a list of sections; allowed: [[{name}.{key}]]"));
            Vec::new()
        })
    }

    /// The reader, for what lies below this section.
    pub(super) fn reader(&mut self) -> &mut Reader<'a> {
        self.reader
    }

    /// Refuses the keys that nobody asked for.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        for key in table.keys().filter(|key| !self.asked.contains(&key.get_ref().as_ref())) {
            let place = self.reader.line_at(&key.span());
            let name = key.get_ref();
            let text = format!("unknown key; {}", suggestion(name, self.asked.iter().copied()));
            self.reader.problem(place, format!("{}.{name}", self.label), text);
        }
    }
}

/// The tables of an array of tables, each with its place; `None` where it is something else.
pub(super) fn tables_of<'a>(
    value: &'a DeValue<'a>,
    place: impl Fn(&Range<usize>) -> Place,
) -> Option<Vec<(&'a DeTable<'a>, Place)>> {
    let items = value.as_array()?.iter();
    items.map(|item| Some((item.get_ref().as_table()?, place(&item.span())))).collect()
}
