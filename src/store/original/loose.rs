//! Rows of an original installation, which checked nothing: numbers as text, `<unknown>` for what is not set, fractions of
//! a second without their zeros. What a row says is put into the fields of a request, and judged as a request is.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, Row, TypeInfo, ValueRef};
use uuid::Uuid;

use crate::model::fields::{FieldError, Fields, UUID_FORM};
use crate::model::time::Timestamp;

/// What stands for a value that is not set, beside NULL.
const UNSET: [&str; 3] = ["", "<unknown>", "(null)"];

/// A row: the values that are set, by their columns.
#[derive(Debug, Default)]
pub(super) struct Loose(BTreeMap<String, String>);

impl Loose {
    pub(super) fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let mut values = BTreeMap::new();
        for column in row.columns() {
            let at = column.ordinal();
            let raw = row.try_get_raw(at)?;
            if raw.is_null() {
                continue;
            }
            let text = match raw.type_info().name() {
                "INTEGER" | "BOOLEAN" => row.try_get_unchecked::<i64, _>(at)?.to_string(),
                "REAL" => row.try_get_unchecked::<f64, _>(at)?.to_string(),
                // What is no UTF-8 gets a sign that every field refuses.
                _ => String::from_utf8_lossy(&row.try_get_unchecked::<Vec<u8>, _>(at)?).into_owned(),
            };
            if !UNSET.contains(&text.as_str()) {
                values.insert(column.name().to_ascii_lowercase(), text);
            }
        }
        Ok(Self(values))
    }

    pub(super) fn get(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str)
    }

    /// Sets what is not set.
    pub(super) fn or_set(&mut self, column: &str, value: impl FnOnce() -> String) {
        self.0.entry(column.to_owned()).or_insert_with(value);
    }

    /// A number of the installation's own making; 0 where there is none.
    pub(super) fn count(&self, column: &str) -> i64 {
        let text = self.get(column).unwrap_or_default().trim();
        // SQLite may have kept 3 as 3.0.
        text.strip_suffix(".0").unwrap_or(text).parse().unwrap_or_default()
    }

    /// False where it was deleted: nothing was ever taken out of the tables.
    pub(super) fn in_use(&self) -> bool {
        self.get("in_use").is_none() || self.count("in_use") != 0
    }

    pub(super) fn uuid(&self, column: &str) -> Result<Uuid, FieldError> {
        let text = self.get(column).ok_or_else(|| FieldError::missing(column, UUID_FORM))?;
        Uuid::try_parse(text.trim()).map_err(|_| FieldError::invalid(column, text, UUID_FORM))
    }

    /// The moment in that column; its fraction of a second is a count of nanoseconds without leading zeros.
    pub(super) fn moment(&self, column: &str) -> Option<Timestamp> {
        let text = self.get(column)?.trim();
        let Some((seconds, fraction)) = text.trim_end_matches('Z').split_once('.') else {
            return text.parse().ok();
        };
        format!("{seconds}.{fraction:0>9}Z").parse().ok()
    }

    /// The fields of a request, from the columns named with them, and from `variables`.
    pub(super) fn fields(&self, columns: &[(&str, &str)]) -> Result<Fields, FieldError> {
        let named = columns.iter().filter_map(|(field, column)| {
            let text = self.get(column)?;
            Some((
                (*field).to_owned(),
                text.strip_suffix(".0").filter(|_| is_number(text)).unwrap_or(text).to_owned(),
            ))
        });
        let variables = self.variables()?;
        Ok(named.chain(variables.into_iter().map(|text| ("Variable".to_owned(), text))).collect())
    }

    fn variables(&self) -> Result<Vec<String>, FieldError> {
        let Some(text) = self.get("variables") else { return Ok(Vec::new()) };
        let Ok(Value::Object(object)) = serde_json::from_str(text) else {
            return Err(FieldError::invalid("Variable", text, "a JSON object of names and values"));
        };
        let value = |value: Value| match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                other.to_string()
            }
        };
        Ok(object.into_iter().map(|(name, given)| format!("{name}={}", value(given))).collect())
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(pairs: &[(&str, &str)]) -> Loose {
        Loose(pairs.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_fraction_of_a_second_is_a_count_of_nanoseconds() {
        for (text, read) in [
            ("2026-11-21T08:22:17.86533431Z", "2026-11-21T08:22:17.086533431Z"),
            ("2016-11-15T03:00:10.125931679Z", "2016-11-15T03:00:10.125931679Z"),
            ("2016-11-15T03:00:10Z", "2016-11-15T03:00:10.000000000Z"),
        ] {
            assert_eq!(loose(&[("tm", text)]).moment("tm").unwrap().to_string(), read);
        }
        assert_eq!(loose(&[("tm", "yesterday")]).moment("tm"), None);
    }

    #[test]
    fn variables_become_those_of_a_request() {
        let row = loose(&[("variables", r#"{"V1":"a=b","V2":3}"#), ("dial_mode", "1.0"), ("name", "v.0")]);
        let fields = row.fields(&[("DialMode", "dial_mode"), ("Name", "name")]).unwrap();
        assert_eq!(fields.all("Variable").collect::<Vec<_>>(), ["V1=a=b", "V2=3"]);
        assert_eq!((fields.raw("DialMode"), fields.raw("Name")), (Some("1"), Some("v.0")));
        assert!(loose(&[("variables", "V1=a")]).fields(&[]).is_err());
    }

    #[test]
    fn what_was_deleted_is_out_of_use() {
        assert!(loose(&[]).in_use() && loose(&[("in_use", "1")]).in_use());
        assert!(!loose(&[("in_use", "0")]).in_use());
    }
}
