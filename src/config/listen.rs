//! Where a door listens. Without TLS it listens on this machine only, unless `allow_plaintext` says otherwise.

use std::net::SocketAddr;

use super::section::Section;

/// Reads `listen` and `allow_plaintext`.
pub(super) fn read(section: &mut Section<'_, '_>, default: SocketAddr) -> (Option<SocketAddr>, bool) {
    let allowed = format!("an address and a port, as in \"{default}\", or \"\" for off");
    let listen = section.value("listen", Some(default), &allowed, |given| match given.text()? {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("{text:?} is no address with a port")),
    });
    let allow_plaintext = section.flag("allow_plaintext", false);
    if let Some(address) = listen.filter(|address| !address.ip().to_canonical().is_loopback()) {
        if allow_plaintext {
            let text = format!(
                "{address} is open to the network without TLS (allow_plaintext): secrets can be read on the way"
            );
            section.warning("listen", text);
        } else {
            let text = format!(
                "{address} is open to the network without TLS; allowed: a loopback address, as in \"{default}\", or allow_plaintext = true beside it"
            );
            section.problem("listen", text);
        }
    }
    (listen, allow_plaintext)
}
