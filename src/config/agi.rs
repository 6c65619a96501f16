//! `[agi]`: the door for the dialplan.

use std::net::SocketAddr;

use super::listen;
use super::section::Section;

/// The FastAGI door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agi {
    /// Where FastAGI listens; `None` where it is turned off.
    pub listen: Option<SocketAddr>,
    /// Whether it may listen beyond this machine; FastAGI knows neither TLS nor a login.
    pub allow_plaintext: bool,
    /// Whether UserEvents of Asterisk make contacts.
    pub user_events: bool,
}

pub(super) fn read(mut section: Section<'_, '_>) -> Agi {
    let (listen, allow_plaintext) = listen::read(&mut section, SocketAddr::from(([127, 0, 0, 1], 4573)));
    let user_events = section.flag("user_events", false);
    section.finish();
    Agi { listen, allow_plaintext, user_events }
}
