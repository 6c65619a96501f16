//! Hands every event to whoever listens, without ever waiting for one of them.

use tokio::sync::broadcast;

use crate::model::event::OutEvent;

/// Events that a listener may be behind before it loses some, which it is told.
pub const BEHIND_AT_MOST: usize = 8192;

/// The sending side; clones send to the same listeners.
#[derive(Debug, Clone)]
pub struct Bus(broadcast::Sender<OutEvent>);

impl Bus {
    /// A bus nobody listens to yet.
    pub fn new() -> Self {
        Self(broadcast::Sender::new(BEHIND_AT_MOST))
    }

    /// Tells everybody who listens now.
    pub fn publish(&self, event: OutEvent) {
        // Nobody listening is no error.
        drop(self.0.send(event));
    }

    /// Listens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<OutEvent> {
        self.0.subscribe()
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}
