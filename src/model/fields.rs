//! The fields of an operator's request, and what is said of one that is missing or wrong.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The longest text that a field may hold, in bytes: with its name before it, it still fits one AMI line of 1022.
pub const MAX_TEXT: usize = 900;

/// A field that is missing, malformed, or has a value out of its table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The field is needed and is not there.
    #[error("{field}: missing; allowed: {allowed}")]
    Missing {
        /// Its header name.
        field: String,
        /// What would be right.
        allowed: String,
    },
    /// The field is there, with a value that is not allowed.
    #[error("{field}: \"{given}\" is not allowed; allowed: {allowed}")]
    Invalid {
        /// Its header name.
        field: String,
        /// What was given, cut to a readable length.
        given: String,
        /// What would be right.
        allowed: String,
    },
}

impl FieldError {
    /// A field that is not there.
    pub fn missing(field: &str, allowed: impl Display) -> Self {
        Self::Missing { field: field.to_owned(), allowed: allowed.to_string() }
    }

    /// A field with a wrong value.
    pub fn invalid(field: &str, given: &str, allowed: impl Display) -> Self {
        const SHOWN: usize = 64;
        let mut shown: String =
            given.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(SHOWN).collect();
        if given.chars().count() > SHOWN {
            shown.push('…');
        }
        Self::Invalid { field: field.to_owned(), given: shown, allowed: allowed.to_string() }
    }
}

/// The fields of one request, in the order in which they came. Names are compared without case; of a repeated
/// name the first counts, but every `Variable` does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    given: Vec<(String, String)>,
    #[cfg(test)]
    asked: asked::Asked,
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self {
            given: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            #[cfg(test)]
            asked: asked::Asked::default(),
        }
    }
}

impl Fields {
    /// The first value of that name, as it came.
    pub fn raw(&self, name: &str) -> Option<&str> {
        #[cfg(test)]
        self.asked.note(name);
        self.given.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        #[cfg(test)]
        self.asked.note(name);
        self.given.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A text without control characters. Outer `None`: the field was not given; inner `None`: given and empty,
    /// which unsets it.
    pub fn text(&self, name: &str) -> Result<Option<Option<String>>, FieldError> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        if value.is_empty() {
            return Ok(Some(None));
        }
        check_text(name, value, MAX_TEXT)?;
        Ok(Some(Some(value.to_owned())))
    }

    /// The names that were asked for, each once, in order; of these fields and every copy of them.
    #[cfg(test)]
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.names()
    }

    /// A whole number within bounds; `None` where the field was not given.
    pub fn number(
        &self,
        name: &str,
        bounds: RangeInclusive<u32>,
        unit: &str,
    ) -> Result<Option<u32>, FieldError> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        value.parse::<u32>().ok().filter(|number| digits && bounds.contains(number)).map(Some).ok_or_else(
            || {
                let (low, high) = (bounds.start(), bounds.end());
                FieldError::invalid(name, value, format!("a whole number from {low} to {high}{unit}"))
            },
        )
    }

    /// A value that parses by its own rules, with the words for what would be right.
    pub fn parsed<T: FromStr>(&self, name: &str, allowed: &str) -> Result<Option<T>, FieldError> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| FieldError::invalid(name, value, allowed))
    }

    /// Like [`Fields::parsed`], where an empty value unsets the field.
    pub fn parsed_or_unset<T: FromStr>(
        &self,
        name: &str,
        allowed: &str,
    ) -> Result<Option<Option<T>>, FieldError> {
        match self.raw(name) {
            None => Ok(None),
            Some("") => Ok(Some(None)),
            Some(_) => self.parsed(name, allowed).map(|value| value.map(Some)),
        }
    }

    /// The uuid under `name`, which has to be there.
    pub fn required_uuid<T: FromStr>(&self, name: &str) -> Result<T, FieldError> {
        match self.raw(name) {
            None | Some("") => Err(FieldError::missing(name, UUID_FORM)),
            Some(_) => self.parsed(name, UUID_FORM)?.ok_or_else(|| FieldError::missing(name, UUID_FORM)),
        }
    }
}

/// Which fields somebody asked for: the reference of the actions is made of it, so that it names what the code takes.
#[cfg(test)]
mod asked {
    use std::sync::{Arc, Mutex};

    #[derive(Debug, Clone, Default)]
    pub(super) struct Asked(Arc<Mutex<Vec<String>>>);

    impl Asked {
        pub(super) fn note(&self, name: &str) {
            let mut names = self.0.lock().unwrap();
            if !names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                names.push(name.to_owned());
            }
        }

        pub(super) fn names(&self) -> Vec<String> {
            self.0.lock().unwrap().clone()
        }
    }

    /// What was asked for is no part of what was given.
    impl PartialEq for Asked {
        fn eq(&self, _: &Self) -> bool {
            true
        }
    }

    impl Eq for Asked {}
}

/// What is said to be allowed for a uuid.
pub const UUID_FORM: &str = "a uuid, xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

/// Refuses control characters, the line separators of Unicode, and more than `max` bytes. A bare LF would inject
/// a header at Asterisk.
pub fn check_text(name: &str, value: &str, max: usize) -> Result<(), FieldError> {
    let forbidden = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if value.len() > max {
        return Err(FieldError::invalid(name, value, format!("at most {max} bytes")));
    }
    if value.chars().any(forbidden) || value.contains('\u{fffd}') {
        return Err(FieldError::invalid(name, value, "UTF-8 text without control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().copied().collect()
    }

    #[test]
    fn the_first_of_a_repeated_name_counts_whatever_its_case() {
        let fields = fields(&[("name", "a"), ("Name", "b")]);
        assert_eq!(fields.raw("NAME"), Some("a"));
    }

    #[test]
    fn a_number_out_of_bounds_names_field_and_bounds() {
        for given in ["", "abc", "-5", "+5", "1.5", "11", "99999999999999"] {
            let error =
                fields(&[("RetryDelay", given)]).number("RetryDelay", 0..=10, " (seconds)").unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "RetryDelay: \"{given}\" is not allowed; allowed: a whole number from 0 to 10 (seconds)"
                )
            );
        }
    }

    #[test]
    fn control_characters_are_refused_and_shown_harmlessly() {
        let error = fields(&[("Name", "a\tb\u{85}")]).text("Name").unwrap_err();
        assert!(!error.to_string().contains('\t'), "{error}");
    }

    #[test]
    fn an_empty_text_unsets() {
        assert_eq!(fields(&[("Detail", "")]).text("Detail"), Ok(Some(None)));
        assert_eq!(fields(&[]).text("Detail"), Ok(None));
    }
}
