//! Which column of a file becomes which field of a contact: by its name, or as `--map` says.

use crate::model::import::{Column, FIELDS};
use crate::model::number::NumberIndex;

/// Names that columns often have, beside the fields' own. Those of numbers are made by [`field_of`].
const ALIASES: [(&str, &[&str]); 6] = [
    ("Name", &["fullname", "contact", "contactname"]),
    ("Detail", &["details", "description", "note", "notes", "comment"]),
    ("UKey", &["key", "externalid", "customerid"]),
    ("UData", &["data"]),
    ("Email", &["mail", "emailaddress"]),
    ("Number1", &["number", "phone", "phonenumber", "telephone", "tel"]),
];
/// With a digit behind them they are the numbers.
const NUMBERS: [&str; 5] = ["number", "phone", "phonenumber", "telephone", "tel"];
/// What the file of refused rows adds: it may be mended and imported, and these are nobody's.
pub(super) const OURS: [&str; 2] = ["astout_line", "astout_refused"];

/// What becomes of a file's columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    /// Those that are taken: their places in a row, and what they become.
    pub(super) taken: Vec<(usize, Column)>,
    /// The places of those that are not.
    pub(super) left: Vec<usize>,
}

/// Why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// `--map` makes no sense.
    Usage(String),
    /// The file's header does.
    Header(String),
}

impl Mapping {
    /// Of those columns, by what `--map` asked for; `variables` takes what is left over as variables.
    pub(super) fn new(header: &[String], asked: &[String], variables: bool) -> Result<Self, Wrong> {
        let mut taken: Vec<(usize, Column)> = Vec::new();
        let mut settled: Vec<&str> = Vec::new();
        for text in asked {
            let (field, column) = text.split_once('=').ok_or_else(|| {
                Wrong::Usage(format!("--map {text}: allowed: field=column, as in number1=Mobile"))
            })?;
            let field = FIELDS
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(field.trim()))
                .ok_or_else(|| {
                    Wrong::Usage(format!(
                        "--map {text}: there is no field {field}; allowed: {}",
                        FIELDS.join(", ")
                    ))
                })?;
            if settled.contains(&field) {
                return Err(Wrong::Usage(format!("--map {text}: {field} is mapped twice")));
            }
            settled.push(field);
            if !column.is_empty() {
                taken.push((place(header, column)?, Column::Field(field)));
            }
        }
        for field in FIELDS.into_iter().filter(|field| !settled.contains(field)) {
            if let Some(place) = by_name(header, field, &taken)? {
                taken.push((place, Column::Field(field)));
            }
        }
        let mut left: Vec<usize> =
            (0..header.len()).filter(|place| taken.iter().all(|(other, _)| other != place)).collect();
        if variables {
            for place in std::mem::take(&mut left) {
                match variable(&header[place]) {
                    Some(_) if OURS.contains(&header[place].as_str()) => left.push(place),
                    Some(name) => taken.push((place, Column::Variable(name))),
                    None => left.push(place),
                }
            }
        }
        let mapping = Self { taken, left };
        if mapping.taken.iter().any(|(_, column)| column.to_string().starts_with("Number")) {
            Ok(mapping)
        } else {
            Err(Wrong::Header(no_number(header)))
        }
    }

    /// In one line: `Name=Customer, Number1=Phone`.
    pub(super) fn describe(&self, header: &[String]) -> String {
        let one = |(place, column): &(usize, Column)| format!("{column}={}", header[*place]);
        let text = self.taken.iter().map(one).collect::<Vec<_>>().join(", ");
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// The names of the columns that nobody takes.
    pub(super) fn left<'a>(&'a self, header: &'a [String]) -> impl Iterator<Item = &'a str> {
        self.left.iter().map(|place| header[*place].as_str()).filter(|name| !OURS.contains(name))
    }
}

/// The column of that name, or `#N`, the Nth.
fn place(header: &[String], column: &str) -> Result<usize, Wrong> {
    let exact = header.iter().position(|name| name == column.trim());
    let any_case = || header.iter().position(|name| name.to_lowercase() == column.trim().to_lowercase());
    let counted = || {
        let number: usize = column.trim().strip_prefix('#')?.parse().ok()?;
        number.checked_sub(1).filter(|place| *place < header.len())
    };
    exact.or_else(any_case).or_else(counted).ok_or_else(|| {
        Wrong::Usage(format!(
            "--map …={column}: there is no such column; allowed: {}, or #1 to #{}",
            names(header),
            header.len()
        ))
    })
}

/// The column that is named like the field, or else like one of its other names.
fn by_name(
    header: &[String],
    field: &'static str,
    taken: &[(usize, Column)],
) -> Result<Option<usize>, Wrong> {
    let named = |exactly: bool| -> Vec<usize> {
        let fits =
            |name: &String| field_of(name).is_some_and(|(found, exact)| found == field && exact == exactly);
        let free = |place: &usize| taken.iter().all(|(other, _)| other != place);
        (0..header.len()).filter(|place| fits(&header[*place])).filter(free).collect()
    };
    let own = named(true);
    let candidates = if own.is_empty() { named(false) } else { own };
    match candidates[..] {
        [] => Ok(None),
        [place] => Ok(Some(place)),
        [first, second, ..] => Err(Wrong::Header(format!(
            "the columns {:?} and {:?} both look like {field}; say which it is: --map {}={}",
            header[first],
            header[second],
            field.to_lowercase(),
            header[first]
        ))),
    }
}

/// The field that a column's name means, and whether it is the field's own name.
fn field_of(name: &str) -> Option<(&'static str, bool)> {
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if let Some(field) = FIELDS.into_iter().find(|field| field.to_lowercase() == name) {
        return Some((field, true));
    }
    if let Some((field, _)) = ALIASES.into_iter().find(|(_, aliases)| aliases.contains(&name.as_str())) {
        return Some((field, false));
    }
    let number = NumberIndex::all().find(|index| {
        let digit = index.to_string();
        name.strip_suffix(digit.as_str()).is_some_and(|word| NUMBERS.contains(&word))
    })?;
    FIELDS.into_iter().find(|field| *field == format!("Number{number}")).map(|field| (field, false))
}

/// The name of a variable that a column's name makes: what no variable's name holds becomes `_`.
fn variable(name: &str) -> Option<String> {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(name)
}

fn names(header: &[String]) -> String {
    header.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

fn no_number(header: &[String]) -> String {
    let wrong = format!(
        "no column looks like a number to dial; there are: {}; name one with --map number1=COLUMN",
        names(header)
    );
    let other = [(';', ";"), ('\t', "tab"), ('|', "|")]
        .into_iter()
        .find(|(c, _)| header.len() == 1 && header[0].contains(*c));
    match other {
        Some((_, delimiter)) => format!("{wrong}, or give --delimiter '{delimiter}'"),
        None => wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn mapped(names: &[&str], asked: &[&str]) -> Result<String, Wrong> {
        let names = header(names);
        Ok(Mapping::new(&names, &header(asked), false)?.describe(&names))
    }

    fn wrong(names: &[&str], asked: &[&str]) -> String {
        match mapped(names, asked) {
            Err(Wrong::Usage(text) | Wrong::Header(text)) => text,
            Ok(mapping) => panic!("{mapping}"),
        }
    }

    #[test]
    fn columns_named_like_fields_map_themselves_in_any_case() {
        let names = ["NAME", "uKey", "number1", "Number 8", "number_2", "e-mail", "Zip"];
        assert_eq!(
            mapped(&names, &[]).unwrap(),
            "Name=NAME, UKey=uKey, Email=e-mail, Number1=number1, Number2=number_2, Number8=Number 8"
        );
    }

    #[test]
    fn other_names_are_understood_and_a_fields_own_name_goes_first() {
        assert_eq!(mapped(&["Phone", "Tel2"], &[]).unwrap(), "Number1=Phone, Number2=Tel2");
        assert_eq!(mapped(&["Phone", "Number1"], &[]).unwrap(), "Number1=Number1");
        assert!(wrong(&["Phone", "Tel"], &[]).contains("--map number1=Phone"));
    }

    #[test]
    fn map_wins_over_names_takes_one_column_twice_and_leaves_out() {
        assert_eq!(mapped(&["Phone", "Mobile"], &["number1=mobile"]).unwrap(), "Number1=Mobile");
        assert_eq!(mapped(&["Phone"], &["ukey=Phone", "Number1=#1"]).unwrap(), "UKey=Phone, Number1=Phone");
        assert_eq!(mapped(&["Phone", "Name"], &["name="]).unwrap(), "Number1=Phone");
    }

    #[test]
    fn what_map_cannot_mean_is_told_with_what_there_is() {
        assert!(wrong(&["Phone"], &["number9=Phone"]).contains("Number8"));
        assert!(wrong(&["Phone"], &["number1"]).contains("field=column"));
        assert!(wrong(&["Phone"], &["number1=Mobile"]).contains("\"Phone\""));
        assert!(wrong(&["Phone"], &["number1=#2"]).contains("#1"));
        assert!(wrong(&["a", "b"], &["number1=a", "Number1=b"]).contains("twice"));
    }

    #[test]
    fn a_file_without_a_number_is_refused_with_its_columns_and_the_delimiter_it_may_have() {
        let text = wrong(&["Customer", "Town"], &[]);
        assert!(text.contains("\"Customer\", \"Town\"") && text.contains("--map number1="), "{text}");
        assert!(wrong(&["name;number1"], &[]).contains("--delimiter ';'"));
    }

    #[test]
    fn what_is_left_over_can_become_variables() {
        let names = header(&["Phone", "Order No", "2nd", "astout_line"]);
        let mapping = Mapping::new(&names, &[], true).unwrap();
        assert_eq!(mapping.describe(&names), "Number1=Phone, Variable:Order_No=Order No");
        assert_eq!(mapping.left(&names).collect::<Vec<_>>(), ["2nd"]);
        let mapping = Mapping::new(&names, &[], false).unwrap();
        assert_eq!(mapping.left(&names).collect::<Vec<_>>(), ["Order No", "2nd"]);
    }
}
