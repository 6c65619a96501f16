//! How many may be connected at once: in all and from one address, and fewer of those that have not logged in. Whoever is
//! too many is turned away without a word, as Asterisk does (`authlimit`).
//!
//! From one address never come more than half of all: nobody alone keeps the others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::warn;

use super::backoff::network;

/// Connections at once, at most.
const CONNECTIONS: usize = 200;
/// Of them from one address, at most.
const OF_ONE: usize = 100;
/// Connections at once that nobody has logged in on, at most.
const STRANGERS: usize = 100;
/// Of them from one address, at most.
const STRANGERS_OF_ONE: usize = 50;

/// The places of one listener.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: Count,
    strangers: Count,
    /// Somebody was turned away, and nobody has come in since: that was said.
    full: bool,
}

/// How many there are, in all and by address. Those without an address, on a local socket, count as one.
#[derive(Debug, Default)]
struct Count {
    total: usize,
    of: HashMap<Option<IpAddr>, usize>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    from: Option<IpAddr>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Connection,
    Stranger,
}

impl Places {
    /// A place for a connection from that address, and one among the strangers, to be dropped once somebody has logged in
    /// on it. `None` where there is none; that is said once, until somebody comes in again.
    pub(super) fn take(self: &Arc<Self>, from: Option<IpAddr>) -> Option<(Place, Place)> {
        let from = from.map(network);
        let mut taken = self.taken();
        if taken.all.has_room(from, CONNECTIONS, OF_ONE)
            && taken.strangers.has_room(from, STRANGERS, STRANGERS_OF_ONE)
        {
            taken.all.add(from);
            taken.strangers.add(from);
            taken.full = false;
            let place = |kind| Place { places: Arc::clone(self), from, kind };
            return Some((place(Kind::Connection), place(Kind::Stranger)));
        }
        if !std::mem::replace(&mut taken.full, true) {
            warn!(
                from = from.map_or_else(|| "local".to_owned(), |from| from.to_string()),
                connected = taken.all.total,
                not_logged_in = taken.strangers.total,
                "too many connections to the AMI server: more are turned away until some of these end \
                 (at most {CONNECTIONS} in all, {STRANGERS} not logged in; \
                 from one address {OF_ONE}, {STRANGERS_OF_ONE} not logged in)"
            );
        }
        None
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counts are whole numbers: whoever panicked while holding them left them right.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn has_room(&self, from: Option<IpAddr>, most: usize, most_of_one: usize) -> bool {
        self.total < most && self.of.get(&from).is_none_or(|count| *count < most_of_one)
    }

    fn add(&mut self, from: Option<IpAddr>) {
        self.total += 1;
        *self.of.entry(from).or_default() += 1;
    }

    fn remove(&mut self, from: Option<IpAddr>) {
        self.total -= 1;
        if let Some(count) = self.of.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                self.of.remove(&from);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        match self.kind {
            Kind::Connection => taken.all.remove(self.from),
            Kind::Stranger => taken.strangers.remove(self.from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    /// Takes places from that address until there are no more; with `login` each is logged in at once.
    fn crowd(places: &Arc<Places>, from: Option<IpAddr>, login: bool) -> Vec<(Place, Option<Place>)> {
        let take = || places.take(from).map(|(place, stranger)| (place, (!login).then_some(stranger)));
        std::iter::from_fn(take).collect()
    }

    #[test]
    fn one_address_never_takes_the_places_of_all() {
        let places = Arc::new(Places::default());
        let strangers = crowd(&places, address(1), false);
        assert_eq!(strangers.len(), STRANGERS_OF_ONE);
        let others = crowd(&places, address(2), false);
        assert_eq!(others.len(), STRANGERS - STRANGERS_OF_ONE);
        assert!(places.take(address(3)).is_none());
        drop(strangers);
        assert_eq!(crowd(&places, address(3), true).len(), OF_ONE);
    }

    #[test]
    fn fifty_clients_of_one_host_fit_however_they_come() {
        let places = Arc::new(Places::default());
        let at_once = crowd(&places, address(1), false);
        assert!(at_once.len() >= 50);
        let logged_in: Vec<_> = at_once.into_iter().map(|(place, _)| place).collect();
        assert!(places.take(address(1)).is_some(), "who has logged in is no stranger");
        drop(logged_in);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_leaves_nothing_behind() {
        let places = Arc::new(Places::default());
        for _ in 0..3 {
            drop(crowd(&places, address(1), true));
            drop(crowd(&places, None, false));
        }
        let taken = places.taken();
        assert_eq!((taken.all.total, taken.strangers.total), (0, 0));
        assert!(taken.all.of.is_empty() && taken.strangers.of.is_empty());
    }
}
