//! From where a user may come: networks, as in manager.conf.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Whether an address is let in: `permit` wins, then `deny`; who is in neither is let in.
pub(super) fn lets_in(permit: &[IpNet], deny: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    let holds = |nets: &[IpNet]| nets.iter().any(|net| unmapped(*net).contains(&address));
    holds(permit) || !holds(deny)
}

/// A network of IPv4 addresses in their IPv6 spelling is one of IPv4 addresses, as an address in that spelling is.
/// `::/0` is not: as in Asterisk it speaks of IPv6 only.
fn unmapped(net: IpNet) -> IpNet {
    const MAPPED_PREFIX: u8 = 96;
    let IpNet::V6(v6) = net else { return net };
    let mapped = v6.network().to_ipv4_mapped().filter(|_| v6.prefix_len() >= MAPPED_PREFIX);
    let v4 = mapped.and_then(|v4| Ipv4Net::new(v4, v6.prefix_len() - MAPPED_PREFIX).ok());
    v4.map_or(net, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(permit: &[&str], deny: &[&str], address: &str) -> bool {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        lets_in(&nets(permit), &nets(deny), address.parse().unwrap())
    }

    #[test]
    fn permit_wins_over_deny_and_neither_lets_in() {
        let (permit, deny) = (&["127.0.0.1/32"][..], &["0.0.0.0/0"][..]);
        assert!(is_let_in(permit, deny, "127.0.0.1"));
        assert!(!is_let_in(permit, deny, "127.0.0.2"));
        assert!(is_let_in(&[], &[], "192.0.2.1"));
        assert!(is_let_in(&[], &["10.0.0.0/8"], "192.0.2.1"));
    }

    #[test]
    fn slash_zero_is_everybody_of_its_family() {
        assert!(!is_let_in(&[], &["0.0.0.0/0"], "255.255.255.255"));
        assert!(!is_let_in(&[], &["::/0"], "2001:db8::1"));
        assert!(is_let_in(&[], &["0.0.0.0/0"], "2001:db8::1"));
        assert!(is_let_in(&[], &["::/0"], "192.0.2.1"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_spelling_is_that_ipv4_address() {
        assert!(!is_let_in(&[], &["10.0.0.0/8"], "::ffff:10.1.2.3"));
        assert!(!is_let_in(&[], &["::ffff:10.0.0.0/104"], "10.1.2.3"));
        assert!(is_let_in(&["::ffff:10.0.0.1/128"], &["0.0.0.0/0"], "::ffff:10.0.0.1"));
        assert!(!is_let_in(&[], &["::ffff:0:0/96"], "192.0.2.1"));
        assert!(is_let_in(&[], &["::/0"], "::ffff:10.0.0.1"));
    }
}
