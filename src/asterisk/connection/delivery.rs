//! Hands things to a bounded channel without ever waiting for it.

use std::collections::VecDeque;

use tokio::sync::mpsc;

/// The giving end. What finds the channel full waits here in order, unless it is an event: of those it only counts how
/// many were lost, and says so in their place.
pub(super) struct Delivery<F> {
    channel: mpsc::Sender<F>,
    behind: VecDeque<Waiting<F>>,
}

enum Waiting<F> {
    Thing(F),
    Gap { lost: u64, told_as: fn(u64) -> F },
}

impl<F> Waiting<F> {
    fn thing(self) -> F {
        match self {
            Self::Thing(thing) => thing,
            Self::Gap { lost, told_as } => told_as(lost),
        }
    }
}

impl<F: Send> Delivery<F> {
    pub(super) fn new(channel: mpsc::Sender<F>) -> Self {
        Self { channel, behind: VecDeque::new() }
    }

    /// Whether something waits; then [`Delivery::settle`] is to be awaited.
    pub(super) fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Gives what must not be lost.
    pub(super) fn give(&mut self, thing: F) {
        if let Err(thing) = self.try_give(thing) {
            self.behind.push_back(Waiting::Thing(thing));
        }
    }

    /// Gives what is counted as lost if there is no room.
    pub(super) fn give_event(&mut self, event: F, told_as: fn(u64) -> F) {
        if self.try_give(event).is_err() {
            if let Some(Waiting::Gap { lost, .. }) = self.behind.back_mut() {
                *lost += 1;
            } else {
                self.behind.push_back(Waiting::Gap { lost: 1, told_as });
            }
        }
    }

    /// Waits for room and gives the first of what waits; false if nobody will ever take it. Nothing is lost when this is
    /// dropped half-way.
    pub(super) async fn settle(&mut self) -> bool {
        let Ok(room) = self.channel.reserve().await else {
            return false;
        };
        if let Some(first) = self.behind.pop_front() {
            room.send(first.thing());
        }
        true
    }

    fn try_give(&mut self, thing: F) -> Result<(), F> {
        if self.is_behind() {
            return Err(thing);
        }
        self.channel.try_send(thing).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(thing) | mpsc::error::TrySendError::Closed(thing) => thing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_channel_loses_events_only_and_says_how_many_in_their_place() {
        let (sender, mut receiver) = mpsc::channel(2);
        let mut delivery = Delivery::new(sender);
        let gap = |lost| format!("gap {lost}");
        for number in 1..=4 {
            delivery.give_event(format!("event {number}"), gap);
        }
        delivery.give("answer".to_owned());
        delivery.give_event("event 5".to_owned(), gap);
        let mut seen = Vec::new();
        while delivery.is_behind() {
            seen.extend(receiver.try_recv());
            assert!(delivery.settle().await);
        }
        delivery.give_event("event 6".to_owned(), gap);
        drop(delivery);
        while let Some(thing) = receiver.recv().await {
            seen.push(thing);
        }
        assert_eq!(seen[..5], ["event 1", "event 2", "gap 2", "answer", "gap 1"]);
    }

    #[tokio::test]
    async fn a_receiver_that_is_gone_is_noticed() {
        let (sender, receiver) = mpsc::channel(1);
        let mut delivery = Delivery::new(sender);
        drop(receiver);
        delivery.give("answer");
        assert!(delivery.is_behind());
        assert!(!delivery.settle().await);
    }
}
