//! `[result]`: the result log.

use std::path::PathBuf;

use super::section::Section;

/// The result log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultLog {
    /// The file that lines are appended to.
    pub filename: PathBuf,
    /// Adds `info_camp`, `info_plan`, `info_dlma`, `info_dest`, `info_dl_list` and `info_dial` to each line.
    pub info_enable: bool,
    /// Adds `history_events` to each line.
    pub history_events_enable: bool,
}

pub(super) fn read(mut section: Section<'_, '_>) -> ResultLog {
    let default = PathBuf::from("/var/lib/astout/astout.result");
    let filename = section.value("filename", default, "the name of a file", |given| match given.text()? {
        "" => Err("is empty".into()),
        text => Ok(text.into()),
    });
    let info_enable = section.flag("info_enable", false);
    let history_events_enable = section.flag("history_events_enable", false);
    section.finish();
    ResultLog { filename, info_enable, history_events_enable }
}
