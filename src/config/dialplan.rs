//! `[dialplan]`: what astout writes for Asterisk's dialplan.

use std::path::PathBuf;

use super::section::Section;

/// Where the files of the dialplan are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialplan {
    /// The directory; `None` where astout writes no dialplan.
    pub directory: Option<PathBuf>,
}

pub(super) fn read(mut section: Section<'_, '_>) -> Dialplan {
    let allowed = "the absolute name of a directory, or \"\" for off";
    let directory = section.value("directory", None, allowed, |given| match given.text()? {
        "" => Ok(None),
        text if text.starts_with('/') => Ok(Some(PathBuf::from(text))),
        text => Err(format!("{text:?} is not absolute")),
    });
    section.finish();
    Dialplan { directory }
}
