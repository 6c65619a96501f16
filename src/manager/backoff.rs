//! How often one may be wrong: after five failures in a row an address, or a user, is refused for a minute, after each
//! further one for twice as long, up to an hour. A good login clears it. Time is a parameter.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

const FREE_FAILURES: u32 = 5;
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Without a failure for so long, what was is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(2 * 60 * 60);
/// Addresses remembered, at most: whoever has many of them must not fill our memory.
const REMEMBERED: usize = 10_000;

/// The failures of addresses and users so far.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    addresses: HashMap<IpAddr, Failures>,
    /// By the place in the list of users: names that are no user's count for their address alone.
    users: HashMap<usize, Failures>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    in_a_row: u32,
    last: Duration,
    refused_until: Duration,
}

impl Backoff {
    /// Whether a login is refused unseen.
    pub(super) fn refuses(&self, now: Duration, address: Option<IpAddr>, user: Option<usize>) -> bool {
        let address = address.and_then(|address| self.addresses.get(&network(address)));
        let user = user.and_then(|user| self.users.get(&user));
        address.into_iter().chain(user).any(|failures| now < failures.refused_until)
    }

    /// A login failed on its merits; those that were refused unseen do not count.
    pub(super) fn failed(&mut self, now: Duration, address: Option<IpAddr>, user: Option<usize>) {
        if let Some(address) = address {
            count(&mut self.addresses, network(address), now);
        }
        if let Some(user) = user {
            count(&mut self.users, user, now);
        }
    }

    /// Somebody is in.
    pub(super) fn succeeded(&mut self, address: Option<IpAddr>, user: usize) {
        if let Some(address) = address {
            self.addresses.remove(&network(address));
        }
        self.users.remove(&user);
    }
}

fn count<K: Hash + Eq + Copy>(all: &mut HashMap<K, Failures>, key: K, now: Duration) {
    if all.len() >= REMEMBERED && !all.contains_key(&key) {
        all.retain(|_, failures| now < failures.refused_until);
        // All of them refused at this moment: one more stranger is let try.
        if all.len() >= REMEMBERED {
            return;
        }
    }
    let failures = all.entry(key).or_default();
    if now.saturating_sub(failures.last) > FORGOTTEN_AFTER {
        failures.in_a_row = 0;
    }
    failures.last = now;
    failures.in_a_row = failures.in_a_row.saturating_add(1);
    if let Some(doublings) = failures.in_a_row.checked_sub(FREE_FAILURES) {
        let refused = FIRST.saturating_mul(1 << doublings.min(16)).min(LONGEST);
        failures.refused_until = now + refused;
    }
}

/// An IPv6 host has a whole /64 to choose addresses from: it counts as one.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn five_failures_in_a_row_are_refused_for_a_minute() {
        let mut backoff = Backoff::default();
        let address = address("192.0.2.1");
        for second in 0..5 {
            assert!(!backoff.refuses(at(second), address, None));
            backoff.failed(at(second), address, None);
        }
        assert!(backoff.refuses(at(63), address, None));
        assert!(!backoff.refuses(at(64), address, None));
        assert!(!backoff.refuses(at(10), Some("192.0.2.2".parse().unwrap()), None));
    }

    #[test]
    fn each_further_failure_doubles_it_up_to_an_hour() {
        let mut backoff = Backoff::default();
        let address = address("192.0.2.1");
        for _ in 0..5 {
            backoff.failed(at(0), address, None);
        }
        let mut now = 60;
        for minutes in [2, 4, 8, 16, 32, 60, 60, 60] {
            assert!(!backoff.refuses(at(now), address, None), "{minutes}");
            backoff.failed(at(now), address, None);
            now += minutes * 60;
            assert!(backoff.refuses(at(now - 1), address, None), "{minutes}");
        }
    }

    #[test]
    fn a_user_is_refused_from_everywhere_and_cleared_by_a_good_login() {
        let mut backoff = Backoff::default();
        for host in 1..=5 {
            backoff.failed(at(0), address(&format!("192.0.2.{host}")), Some(0));
        }
        assert!(backoff.refuses(at(1), address("198.51.100.1"), Some(0)));
        assert!(!backoff.refuses(at(1), address("198.51.100.1"), Some(1)));
        backoff.succeeded(address("198.51.100.1"), 0);
        assert!(!backoff.refuses(at(1), address("192.0.2.1"), Some(0)));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one() {
        let mut backoff = Backoff::default();
        for host in 1..=5 {
            backoff.failed(at(0), address(&format!("2001:db8::{host}")), None);
        }
        assert!(backoff.refuses(at(1), address("2001:db8::ffff"), None));
        assert!(!backoff.refuses(at(1), address("2001:db8:0:1::1"), None));
    }

    #[test]
    fn failures_are_forgotten_in_time_and_memory_is_bounded() {
        let mut backoff = Backoff::default();
        for second in 0..4 {
            backoff.failed(at(second), address("192.0.2.1"), None);
        }
        backoff.failed(at(3 * 60 * 60), address("192.0.2.1"), None);
        assert!(!backoff.refuses(at(3 * 60 * 60), address("192.0.2.1"), None));
        for host in 0..20_000_u32 {
            backoff.failed(at(0), Some(IpAddr::V4(host.into())), None);
        }
        assert!(backoff.addresses.len() <= REMEMBERED);
    }
}
