//! `[http]`: REST, events, dashboard and metrics. Not built yet: the keys are taken, the door stays shut.

use std::net::SocketAddr;

use super::listen;
use super::section::Section;

/// The HTTP door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Where it will listen; `None` where it is turned off.
    pub listen: Option<SocketAddr>,
    /// Whether it may listen beyond this machine without TLS.
    pub allow_plaintext: bool,
}

pub(super) fn read(mut section: Section<'_, '_>) -> Http {
    let (listen, allow_plaintext) = listen::read(&mut section, SocketAddr::from(([127, 0, 0, 1], 8138)));
    section.finish();
    Http { listen, allow_plaintext }
}
