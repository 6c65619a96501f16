//! What waits to be written to a client: whole messages, and the events that wait for an answer to be complete.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// How much is given out at most at once, unless one message is longer.
const MAX_BATCH: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct Output {
    ready: VecDeque<Bytes>,
    held: VecDeque<Bytes>,
    bytes: usize,
}

impl Output {
    pub(super) fn push(&mut self, message: Bytes) {
        self.bytes += message.len();
        self.ready.push_back(message);
    }

    /// Keeps an event back until the answer under way is complete.
    pub(super) fn hold_event(&mut self, event: Bytes) {
        self.bytes += event.len();
        self.held.push_back(event);
    }

    pub(super) fn release_events(&mut self) {
        self.ready.append(&mut self.held);
    }

    pub(super) fn drop_events(&mut self) {
        self.bytes -= self.held.drain(..).map(|event| event.len()).sum::<usize>();
    }

    /// Bytes that were not given out yet.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn take(&mut self) -> Option<Bytes> {
        let first = self.ready.pop_front()?;
        if self.ready.is_empty() {
            self.bytes -= first.len();
            return Some(first);
        }
        let mut batch = BytesMut::from(first);
        while let Some(next) = self.ready.pop_front_if(|next| batch.len() + next.len() <= MAX_BATCH) {
            batch.extend_from_slice(&next);
        }
        self.bytes -= batch.len();
        Some(batch.freeze())
    }
}
