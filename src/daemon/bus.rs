//! Hands every event to whoever listens, without ever waiting for one of them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::{broadcast, watch};

use crate::model::event::{Noun, OutEvent};

/// Events that a listener may be behind before it loses some, which it is told.
pub const BEHIND_AT_MOST: usize = 8192;

/// An event on its way to all who listen.
#[derive(Debug)]
pub struct Told {
    event: OutEvent,
    wire: OnceLock<Bytes>,
}

impl Told {
    /// The event.
    pub fn event(&self) -> &OutEvent {
        &self.event
    }

    /// The event as it is written: by the first who asks, for all.
    pub fn wire(&self, write: impl FnOnce(&OutEvent) -> Bytes) -> Bytes {
        self.wire.get_or_init(|| write(&self.event)).clone()
    }
}

/// The sending side; clones send to the same listeners.
#[derive(Debug, Clone)]
pub struct Bus {
    told: broadcast::Sender<Arc<Told>>,
    destinations: watch::Sender<()>,
}

impl Bus {
    /// A bus nobody listens to yet.
    pub fn new() -> Self {
        Self { told: broadcast::Sender::new(BEHIND_AT_MOST), destinations: watch::Sender::new(()) }
    }

    /// Tells everybody who listens now.
    pub fn publish(&self, event: OutEvent) {
        if matches!(&event, OutEvent::Noun { noun, .. } if matches!(**noun, Noun::Destination(_) | Noun::Plan(_)))
        {
            self.destinations.send_replace(());
        }
        // Nobody listening is no error.
        drop(self.told.send(Arc::new(Told { event, wire: OnceLock::new() })));
    }

    /// Listens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Told>> {
        self.told.subscribe()
    }

    /// Hears from now on that destinations, or plans, which name some, have changed, and is not woken up by anything else.
    pub fn destinations(&self) -> watch::Receiver<()> {
        self.destinations.subscribe()
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use uuid::Uuid;

    use super::*;
    use crate::model::dlma::Dlma;
    use crate::model::event::Change;
    use crate::model::fields::Fields;
    use crate::model::ids::DlmaUuid;
    use crate::model::time::Timestamp;

    #[test]
    fn an_event_is_written_once_for_all_who_listen() {
        let bus = Bus::new();
        let mut listeners: Vec<_> = (0..3).map(|_| bus.subscribe()).collect();
        let (uuid, now) = (DlmaUuid::new(Uuid::nil()), Timestamp::from_micros(0));
        let dlma = Dlma::create(uuid, &Fields::default(), now).unwrap();
        bus.publish(OutEvent::new(Change::Create, Noun::Dlma(dlma)));
        let written = Cell::new(0);
        for listener in &mut listeners {
            let told = listener.try_recv().unwrap();
            let wire = told.wire(|_| {
                written.set(written.get() + 1);
                Bytes::from_static(b"Event: X\r\n\r\n")
            });
            assert_eq!(wire, "Event: X\r\n\r\n");
        }
        assert_eq!(written.get(), 1);
    }
}
