//! `[cli]`: the socket over which the commands talk to the daemon.

use std::path::PathBuf;

use super::section::Section;

/// The commands' door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cli {
    /// The unix socket; `None` where it is turned off.
    pub socket: Option<PathBuf>,
}

pub(super) fn read(mut section: Section<'_, '_>) -> Cli {
    /// What a `sockaddr_un` holds, less its closing zero.
    const LONGEST: usize = 107;
    let default = Some(PathBuf::from("/run/astout/ctl.sock"));
    let allowed = format!("the name of a unix socket, at most {LONGEST} bytes, or \"\" for off");
    let socket = section.value("socket", default, &allowed, |given| match given.text()? {
        "" => Ok(None),
        text if text.len() > LONGEST => Err(format!("is {} bytes long", text.len())),
        text => Ok(Some(text.into())),
    });
    section.finish();
    Cli { socket }
}
