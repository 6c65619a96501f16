//! A line of the doctor's: how bad, what, what was found, what to do.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Cannot be told from here; how to look.
    Note,
    /// Works, and should be looked at.
    Warn,
    /// Does not work.
    Fail,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Note => "NOTE",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        })
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    level: Level,
    what: String,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_do: Option<String>,
}

/// All lines, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// As it should be.
    pub(super) fn ok(&mut self, what: impl Into<String>, found: impl Into<String>) {
        self.0.push(Finding { level: Level::Ok, what: what.into(), found: found.into(), to_do: None });
    }

    /// Cannot be told from here.
    pub(super) fn note(
        &mut self,
        what: impl Into<String>,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) {
        self.add(Level::Note, what, found, to_do);
    }

    /// Works, and should be looked at.
    pub(super) fn warn(
        &mut self,
        what: impl Into<String>,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) {
        self.add(Level::Warn, what, found, to_do);
    }

    /// Does not work.
    pub(super) fn fail(
        &mut self,
        what: impl Into<String>,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) {
        self.add(Level::Fail, what, found, to_do);
    }

    pub(super) fn add(
        &mut self,
        level: Level,
        what: impl Into<String>,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) {
        let to_do = Some(to_do.into()).filter(|to_do| !to_do.is_empty());
        self.0.push(Finding { level, what: what.into(), found: found.into(), to_do });
    }

    /// Whether something does not work.
    pub(super) fn failed(&self) -> bool {
        self.count(Level::Fail) > 0
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }

    /// A line each, and how many there are of each kind.
    pub(super) fn print(&self, json: bool, out: &mut dyn Write) -> io::Result<()> {
        if json {
            serde_json::to_writer_pretty(&mut *out, &self.0)?;
            return writeln!(out);
        }
        for Finding { level, what, found, to_do } in &self.0 {
            write!(out, "{level:4} {what}: {found}")?;
            match to_do.as_deref() {
                None => writeln!(out)?,
                // Something to copy stands on lines of its own.
                Some(to_do) if to_do.contains('\n') => {
                    writeln!(out, "; {}", to_do.replace('\n', "\n       "))?;
                }
                Some(to_do) => writeln!(out, "; {to_do}")?,
            }
        }
        let [ok, note, warn, fail] =
            [Level::Ok, Level::Note, Level::Warn, Level::Fail].map(|level| self.count(level));
        writeln!(out, "{ok} OK, {note} NOTE, {warn} WARN, {fail} FAIL")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_and_all_are_counted() {
        let mut findings = Findings::default();
        findings.ok("disk", "12 GiB free");
        findings.warn("rights", "may use Command", "take command from write =");
        findings.fail("login", "refused", "add:\n[astout]\nsecret = x");
        let mut out = Vec::new();
        findings.print(false, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines = "OK   disk: 12 GiB free\nWARN rights: may use Command; take command from write =\n\
                     FAIL login: refused; add:\n       [astout]\n       secret = x\n1 OK, 0 NOTE, 1 WARN, 1 FAIL\n";
        assert_eq!(text, lines);
        assert!(findings.failed());
    }
}
