//! The classes of rights and of events, as `read =` and `write =` lines, event masks and `Privilege` headers name them.

use std::fmt;
use std::ops::{BitAnd, BitOr};
use std::str::FromStr;

/// A class of actions (`write`) and of events (`read`), as in Asterisk's manager.conf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Asterisk's")]
pub enum Class {
    System,
    Call,
    Log,
    Verbose,
    Command,
    Agent,
    User,
    Config,
    Dtmf,
    Reporting,
    Cdr,
    Dialplan,
    Originate,
    Agi,
    Cc,
    Aoc,
    Test,
    Security,
    Message,
}

impl Class {
    /// Every class, in Asterisk's order.
    pub const ALL: [Self; 19] = [
        Self::System,
        Self::Call,
        Self::Log,
        Self::Verbose,
        Self::Command,
        Self::Agent,
        Self::User,
        Self::Config,
        Self::Dtmf,
        Self::Reporting,
        Self::Cdr,
        Self::Dialplan,
        Self::Originate,
        Self::Agi,
        Self::Cc,
        Self::Aoc,
        Self::Test,
        Self::Security,
        Self::Message,
    ];

    /// The word in manager.conf and in `Privilege` headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Call => "call",
            Self::Log => "log",
            Self::Verbose => "verbose",
            Self::Command => "command",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Config => "config",
            Self::Dtmf => "dtmf",
            Self::Reporting => "reporting",
            Self::Cdr => "cdr",
            Self::Dialplan => "dialplan",
            Self::Originate => "originate",
            Self::Agi => "agi",
            Self::Cc => "cc",
            Self::Aoc => "aoc",
            Self::Test => "test",
            Self::Security => "security",
            Self::Message => "message",
        }
    }

    /// Asterisk's bit (`EVENT_FLAG_*` in its manager.h), which numeric event masks are made of.
    fn bit(self) -> u32 {
        match self {
            Self::System => 1,
            Self::Call => 1 << 1,
            Self::Log => 1 << 2,
            Self::Verbose => 1 << 3,
            Self::Command => 1 << 4,
            Self::Agent => 1 << 5,
            Self::User => 1 << 6,
            Self::Config => 1 << 7,
            Self::Dtmf => 1 << 8,
            Self::Reporting => 1 << 9,
            Self::Cdr => 1 << 10,
            Self::Dialplan => 1 << 11,
            Self::Originate => 1 << 12,
            Self::Agi => 1 << 13,
            Self::Cc => 1 << 15,
            Self::Aoc => 1 << 16,
            Self::Test => 1 << 17,
            Self::Security => 1 << 18,
            Self::Message => 1 << 30,
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| word.eq_ignore_ascii_case(class.as_str()))
    }
}

impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// A word that names no class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown class {word:?}; known are all, {}", Privileges::ALL)]
pub struct UnknownClass {
    /// The word.
    pub word: String,
}

/// A set of classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Privileges(u32);

impl Privileges {
    /// No class.
    pub const NONE: Self = Self(0);
    /// Every class.
    pub const ALL: Self = Self(0x4007_bfff);

    /// The set of the classes named, as in `read = ["system", "call"]` or `["all"]`; any case, blanks around ignored.
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownClass> {
        let mut set = Self::NONE;
        for word in words {
            let word = word.trim();
            if word.eq_ignore_ascii_case("all") {
                set = Self::ALL;
            } else {
                set =
                    set | Class::of_word(word).ok_or_else(|| UnknownClass { word: word.to_owned() })?.into();
            }
        }
        Ok(set)
    }

    /// The event mask that `Events:` at Login or `EventMask:` asks for; `None` for an empty one, which is "as before" at
    /// Login (spec 5.2) and an error in the Events action (spec 5.3).
    ///
    /// All digits are Asterisk's bit mask; a word of truth (`on`, `yes`, `true`, …) or `all` is everything, a word of
    /// falsehood nothing; else it is a list of classes in which unknown words count for nothing.
    pub fn of_event_mask(text: &str) -> Option<Self> {
        let any_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        if text.is_empty() {
            return None;
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self(text.parse().unwrap_or(0) & Self::ALL.0));
        }
        if any_of(&["no", "false", "n", "f", "off"]) {
            return Some(Self::NONE);
        }
        if any_of(&["yes", "true", "y", "t", "on"]) {
            return Some(Self::ALL);
        }
        let known = text.split(',').filter_map(|word| Self::of_words([word]).ok());
        Some(known.fold(Self::NONE, BitOr::bitor))
    }

    /// Whether the class is in the set.
    pub fn contains(self, class: Class) -> bool {
        self.0 & class.bit() != 0
    }

    /// Whether the sets share a class: any of an action's classes is enough to be allowed it (spec 3.6).
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every class of the other set is in this one.
    pub fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no class is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The classes of the set, in Asterisk's order.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}

impl From<Class> for Privileges {
    fn from(class: Class) -> Self {
        Self(class.bit())
    }
}

impl FromIterator<Class> for Privileges {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> Self {
        classes.into_iter().map(Self::from).fold(Self::NONE, BitOr::bitor)
    }
}

impl FromStr for Privileges {
    type Err = UnknownClass;

    /// A comma-separated list, as in manager.conf; empty is no class.
    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        Self::of_words(text.split(',').filter(|word| !word.trim().is_empty()))
    }
}

impl BitOr for Privileges {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Privileges {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// `system,call`; nothing for the empty set.
impl fmt::Display for Privileges {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, class) in self.iter().enumerate() {
            out.write_str(if index == 0 { "" } else { "," })?;
            out.write_str(class.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Privileges {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Privileges({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(text: &str) -> String {
        Privileges::of_event_mask(text).map_or("(none)".to_owned(), |set| set.to_string())
    }

    #[test]
    fn all_is_every_class() {
        assert_eq!(Class::ALL.into_iter().collect::<Privileges>(), Privileges::ALL);
    }

    #[test]
    fn words_of_truth_and_all_are_everything() {
        for text in ["on", "On", "yes", "true", "all", "all,bogus", "call,ALL"] {
            assert_eq!(Privileges::of_event_mask(text), Some(Privileges::ALL), "{text}");
        }
    }

    #[test]
    fn words_of_falsehood_and_unknown_words_are_nothing() {
        for text in ["off", "OFF", "no", "false", "0", "-1", "bogus", "hookresponse", "99999999999999999999"]
        {
            assert_eq!(Privileges::of_event_mask(text), Some(Privileges::NONE), "{text}");
        }
    }

    #[test]
    fn lists_name_classes_and_numbers_are_bits() {
        assert_eq!(mask("user,call"), "call,user");
        assert_eq!(mask("2"), "call");
        assert_eq!(mask("65"), "system,user");
        assert_eq!(mask(""), "(none)");
    }

    #[test]
    fn a_list_of_rights_must_be_known_words() {
        assert_eq!("system, call".parse(), Ok(Privileges::from(Class::System) | Class::Call.into()));
        assert_eq!(Privileges::of_words(["all"]), Ok(Privileges::ALL));
        assert_eq!("".parse(), Ok(Privileges::NONE));
        let error = "cal".parse::<Privileges>().unwrap_err();
        assert!(
            error.to_string().starts_with("unknown class \"cal\"; known are all, system,call"),
            "{error}"
        );
    }
}
