//! What can be wrong with a config: one problem a line, `file:line: key: what is wrong; allowed: what is right`.
//! Values of secrets are never part of a text.

use std::fmt;
use std::path::PathBuf;

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of the file, counted from 1.
    Line(PathBuf, usize),
    /// The file as a whole: what is missing from it has no line.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
}

impl Place {
    /// The file as a whole, then its lines from the top, then the environment.
    pub(super) fn order(&self) -> usize {
        match self {
            Self::File(_) => 0,
            Self::Line(_, line) => *line,
            Self::Environment(_) => usize::MAX,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(file, line) => write!(f, "{}:{line}", file.display()),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Environment(name) => write!(f, "{name}"),
        }
    }
}

/// One thing that is wrong, or (in [`Config::warnings`](super::Config::warnings)) that should be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was given.
    pub place: Place,
    /// The key in full, `asterisk.port`; empty where it concerns the file as a whole.
    pub key: String,
    /// What is wrong and what is allowed.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.text)
    }
}

/// Why a config was refused: every problem found, in the order of the file's lines, then the environment's.
/// Shown one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}
