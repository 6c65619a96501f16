//! Channel variables: names and values as an operator gave them, in their order, and how four sets become one.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fields::{FieldError, Fields, check_text};

/// The most variables that one plan, dlma, destination or dl may have: the four together, with the other headers
/// of an Originate, stay below Asterisk's 128 lines a message.
pub const MAX_VARIABLES: usize = 24;
/// The longest value of a variable, in bytes: escaped, with its name, it fits an AMI line.
pub const MAX_VALUE: usize = 400;

const FORM: &str = "NAME=value; NAME of letters, digits and _, starting with a letter (or with one or two _ \
                    before it), at most 64; value without control characters, ${ and $[, at most 400 bytes";

/// The variables of one noun, in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(Vec<(String, String)>);

impl Variables {
    /// Reads every `Variable: NAME=value`; `None` where there is none. A single empty `Variable:` unsets them
    /// all; of a name given twice the later value counts.
    pub fn from_fields(fields: &Fields) -> Result<Option<Self>, FieldError> {
        let mut given = false;
        let mut variables = Self::default();
        for text in fields.all("Variable") {
            given = true;
            if text.is_empty() {
                continue;
            }
            let (name, value) =
                text.split_once('=').ok_or_else(|| FieldError::invalid("Variable", text, FORM))?;
            if !is_variable_name(name) || value.contains("${") || value.contains("$[") {
                return Err(FieldError::invalid("Variable", text, FORM));
            }
            check_text("Variable", value, MAX_VALUE)?;
            variables.set(name, value);
        }
        if variables.0.len() > MAX_VARIABLES {
            let count = variables.0.len().to_string();
            return Err(FieldError::invalid("Variable", &count, format!("at most {MAX_VARIABLES} of them")));
        }
        Ok(given.then_some(variables))
    }

    fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The same with a variable of ours, whatever it was before.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One set of several, later ones overriding earlier ones, sorted by name: plan < dlma < destination < dl.
    pub fn merged<'a>(sets: impl IntoIterator<Item = &'a Variables>) -> Self {
        let merged: BTreeMap<&str, &str> = sets.into_iter().flat_map(Variables::iter).collect();
        Self(merged.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The JSON object as text, as the tables and the result line hold it; `None` for no variables.
    pub fn to_json(&self) -> Option<String> {
        (!self.is_empty()).then(|| self.json_object())
    }

    /// The JSON object as text, `{}` for no variables.
    pub fn json_object(&self) -> String {
        // A map of strings always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Whether a variable may be named so: no function of Asterisk's is.
pub(super) fn is_variable_name(name: &str) -> bool {
    let bare = name.strip_prefix('_').unwrap_or(name);
    let bare = bare.strip_prefix('_').unwrap_or(bare);
    bare.len() <= 64
        && bare.starts_with(|c: char| c.is_ascii_alphabetic())
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Variables;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Variables, A::Error> {
                let mut variables = Variables::default();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    variables.set(&name, &value);
                }
                Ok(variables)
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// How records hold variables: as a string of JSON, `null` for none.
pub mod as_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Variables;

    /// Writes the JSON text, or `null`.
    pub fn serialize<S: Serializer>(variables: &Variables, serializer: S) -> Result<S::Ok, S::Error> {
        variables.to_json().serialize(serializer)
    }

    /// Reads the JSON text, or `null`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Variables, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.filter(|text| !text.is_empty())
            .map_or_else(|| Ok(Variables::default()), |text| serde_json::from_str(&text))
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Option<Variables>, FieldError> {
        Variables::from_fields(&lines.iter().map(|line| ("Variable", *line)).collect())
    }

    #[test]
    fn later_sets_override_earlier_ones_and_the_result_is_sorted() {
        let plan = read(&["V2=plan", "V1=plan"]).unwrap().unwrap();
        let dl = read(&["V3=dl", "V1=dl"]).unwrap().unwrap();
        let merged = Variables::merged([&plan, &dl]);
        assert_eq!(merged.json_object(), r#"{"V1":"dl","V2":"plan","V3":"dl"}"#);
    }

    #[test]
    fn a_value_is_kept_as_it_came() {
        let variables = read(&[r#"A=x,"y" \z ;|=é"#]).unwrap().unwrap();
        let back: Variables = serde_json::from_str(&variables.json_object()).unwrap();
        assert_eq!(back.iter().collect::<Vec<_>>(), [("A", r#"x,"y" \z ;|=é"#)]);
    }

    #[test]
    fn names_that_are_functions_and_values_that_would_be_evaluated_are_refused() {
        for line in ["SHELL(id)=1", "A=${B}", "A=$[1]", "=x", "noequals", "1A=x", "___A=x", "A B=x"] {
            assert!(read(&[line]).is_err(), "{line}");
        }
    }

    #[test]
    fn an_empty_variable_unsets_them_all() {
        assert_eq!(read(&[""]), Ok(Some(Variables::default())));
        assert_eq!(read(&[]), Ok(None));
    }
}
