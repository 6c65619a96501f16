//! What a plan adds to the Originate of its calls: early media, codecs, and what is sent along as user-to-user information.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::dl::Dl;
use super::fields::{FieldError, Fields};
use super::variables::{MAX_VALUE, Variables, is_variable_name};

const MAX_CODECS: usize = 20;
const CODECS_FORM: &str = "up to 20 names of codecs with commas between, each of letters, digits, _ . -, such as ulaw,alaw,g722; \
                           empty for Asterisk's own choice";
const UUI_FORM: &str =
    "Name, Detail, UKey, UData or Email (a field of the contact), or the name of a variable; empty for none";

/// Its JSON has the names of the plan's columns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OriginateOptions {
    /// `EarlyMedia` of the Originate, `true` or `false`: whether a callee who plays something before he answers, such as
    /// an announcement, counts as answered; `None`: Asterisk's default, which is no.
    pub early_media: Option<String>,
    /// `Codecs` of the Originate; `None`: Asterisk's default.
    pub codecs: Option<String>,
    /// What of a contact is sent along: one of its fields, or a variable of the call.
    pub uui_field: Option<String>,
}

impl OriginateOptions {
    /// The same with these fields changed.
    pub(super) fn updated(&self, fields: &Fields) -> Result<Self, FieldError> {
        let mut options = self.clone();
        if let Some(text) = fields.raw("EarlyMedia") {
            options.early_media = match text.to_ascii_lowercase().as_str() {
                "" => None,
                "1" | "yes" | "true" => Some("true".to_owned()),
                "0" | "no" | "false" => Some("false".to_owned()),
                _ => {
                    return Err(FieldError::invalid(
                        "EarlyMedia",
                        text,
                        "1, yes, true, 0, no or false; empty for no",
                    ));
                }
            };
        }
        if let Some(codecs) = fields.text("Codecs")? {
            if let Some(text) = codecs.as_deref().filter(|text| !are_codecs(text)) {
                return Err(FieldError::invalid("Codecs", text, CODECS_FORM));
            }
            options.codecs = codecs;
        }
        if let Some(field) = fields.text("UuiField")? {
            if let Some(text) = field.as_deref().filter(|text| !is_variable_name(text)) {
                return Err(FieldError::invalid("UuiField", text, UUI_FORM));
            }
            options.uui_field = field;
        }
        Ok(options)
    }

    /// What is sent along with a call to that contact; `None` where nothing is.
    pub fn uui<'a>(&self, dl: &'a Dl, variables: &'a Variables) -> Option<&'a str> {
        let name = self.uui_field.as_deref()?;
        let of_contact = [
            ("Name", &dl.name),
            ("Detail", &dl.detail),
            ("UKey", &dl.ukey),
            ("UData", &dl.udata),
            ("Email", &dl.email),
        ];
        let value = match of_contact.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)) {
            Some((_, value)) => value.as_deref(),
            None => variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value),
        };
        value.filter(|value| !value.is_empty()).map(|value| &value[..value.floor_char_boundary(MAX_VALUE)])
    }
}

fn are_codecs(text: &str) -> bool {
    let is_name = |name: &str| {
        (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    };
    text.split(',').count() <= MAX_CODECS && text.split(',').all(is_name)
}

/// User-to-user information as the header `User-to-User` has it (RFC 7433): its bytes in hexadecimal, for which no
/// character can mean anything to whoever carries it.
pub fn user_to_user(value: &str) -> String {
    let mut header = String::with_capacity(value.len() * 2 + 13);
    for byte in value.bytes() {
        // Writing to a string cannot fail.
        let _written = write!(header, "{byte:02x}");
    }
    header + ";encoding=hex"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(fields: &[(&str, &str)]) -> Result<OriginateOptions, FieldError> {
        OriginateOptions::default().updated(&fields.iter().copied().collect())
    }

    #[test]
    fn what_has_not_its_form_is_refused_by_its_name_with_the_form() {
        let many = ["ulaw"; 21].join(",");
        for (field, given) in [
            ("EarlyMedia", "maybe"),
            ("EarlyMedia", "2"),
            ("Codecs", "ulaw, alaw"),
            ("Codecs", "ulaw,"),
            ("Codecs", "a;b"),
            ("Codecs", &many),
            ("UuiField", "SHELL(id)"),
            ("UuiField", "a b"),
            ("UuiField", "1x"),
        ] {
            let error = options(&[(field, given)]).unwrap_err().to_string();
            assert!(error.starts_with(field) && error.contains("allowed: "), "{error}");
        }
    }

    #[test]
    fn words_for_yes_and_no_are_asterisks_and_an_empty_field_is_unset() {
        let set = options(&[("EarlyMedia", "YES"), ("Codecs", "ulaw,g722"), ("UuiField", "UData")]).unwrap();
        assert_eq!(set.early_media.as_deref(), Some("true"));
        assert_eq!(options(&[("EarlyMedia", "0")]).unwrap().early_media.as_deref(), Some("false"));
        let unset = [("EarlyMedia", ""), ("Codecs", ""), ("UuiField", "")];
        assert_eq!(set.updated(&unset.into_iter().collect()).unwrap(), OriginateOptions::default());
    }

    #[test]
    fn user_to_user_information_is_hexadecimal() {
        assert_eq!(user_to_user("Zoé;"), "5a6fc3a93b;encoding=hex");
    }
}
