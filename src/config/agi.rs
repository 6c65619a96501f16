//! `[agi]`: FastAGI, for the dialplan. Not built yet: the keys are taken, the door stays shut.

use std::net::SocketAddr;

use super::listen;
use super::section::Section;

/// The FastAGI door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agi {
    /// Where it will listen; `None` where it is turned off.
    pub listen: Option<SocketAddr>,
    /// Whether it may listen beyond this machine; FastAGI knows neither TLS nor a login.
    pub allow_plaintext: bool,
}

pub(super) fn read(mut section: Section<'_, '_>) -> Agi {
    let (listen, allow_plaintext) = listen::read(&mut section, SocketAddr::from(([127, 0, 0, 1], 4573)));
    section.finish();
    Agi { listen, allow_plaintext }
}
