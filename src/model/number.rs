//! A contact's numbers: what may be one, and which of the eight is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fields::FieldError;
use super::policy::Policy;

/// How many numbers a contact has.
pub const NUMBERS: usize = 8;
const MAX_DIGITS: usize = 32;

/// A number that may be dialled: digits, `*`, `#` and a leading `+`; letters, dots, dashes and underscores where
/// the policy allows users of SIP. Nothing in it can add a leg (`&`), leave the channel's place or be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads the value of a field such as `Number1`.
    pub fn parse(field: &str, text: &str, policy: &Policy) -> Result<Self, FieldError> {
        let bare = text.strip_prefix('+').unwrap_or(text);
        let sip = policy.allow_sip_users;
        let allowed_char = |c: char| {
            c.is_ascii_digit()
                || matches!(c, '*' | '#')
                || (sip && (c.is_ascii_alphabetic() || matches!(c, '.' | '_' | '-')))
        };
        if bare.is_empty() || bare.len() > MAX_DIGITS || !bare.chars().all(allowed_char) {
            let letters = if sip { ", letters, . _ -" } else { "" };
            let form = format!("1 to {MAX_DIGITS} digits, * and #{letters}, with or without a leading +");
            return Err(FieldError::invalid(field, text, form));
        }
        match policy.refuses_number(text) {
            Some(why) => {
                Err(FieldError::invalid(field, text, format!("no number that [policy] denies ({why})")))
            }
            None => Ok(Self(text.to_owned())),
        }
    }

    /// Takes what a record holds: it was checked when it was written, and is checked again before it is dialled.
    pub fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The number as it is dialled.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of a contact's eight numbers: 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NumberIndex(u8);

impl NumberIndex {
    /// All eight, in the order in which they are tried.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=8).map(Self)
    }

    /// The index for a number as people count them, from 1 to 8.
    pub fn new(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|n| (1..=8).contains(n)).map(Self)
    }

    /// As people count: 1 to 8.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The place in an array of eight.
    pub const fn place(self) -> usize {
        self.0 as usize - 1
    }
}

impl fmt::Display for NumberIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_leave_its_place_in_a_dial_string_is_no_number() {
        let policy = Policy::default();
        for text in
            ["", "+", "300&SIP/1", "300@x", "3 0", "300/1", "${X}", "a", "300,1", "1".repeat(33).as_str()]
        {
            assert!(PhoneNumber::parse("Number1", text, &policy).is_err(), "{text}");
        }
        for text in ["300", "+4915112345", "*98#"] {
            assert!(PhoneNumber::parse("Number1", text, &policy).is_ok(), "{text}");
        }
    }

    #[test]
    fn users_of_sip_are_numbers_only_where_the_policy_says_so() {
        let sip = Policy { allow_sip_users: true, ..Policy::default() };
        assert!(PhoneNumber::parse("Number1", "alice.b-2_x", &sip).is_ok());
        assert!(PhoneNumber::parse("Number1", "alice@x", &sip).is_err());
    }

    #[test]
    fn an_emergency_number_is_refused_with_the_reason() {
        let error = PhoneNumber::parse("Number3", "112", &Policy::default()).unwrap_err();
        assert!(error.to_string().contains("Number3") && error.to_string().contains("emergency"), "{error}");
    }
}
