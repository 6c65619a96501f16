//! The pings of a client session: when one is due, and when one counts as missed.

use std::time::Duration;

use bytes::Bytes;

pub(super) struct Pings {
    every: Duration,
    deadline: Duration,
    due: Option<Duration>,
    /// Sent and not answered, newest last; those that count as missed stay, since a late answer is one.
    sent: Vec<Ping>,
    missed: u32,
}

struct Ping {
    action_id: Bytes,
    at: Duration,
    missed: bool,
}

pub(super) struct Answer {
    pub(super) round_trip: Duration,
    pub(super) after_a_miss: bool,
}

impl Pings {
    pub(super) fn new(every: Duration, deadline: Duration) -> Self {
        Self { every, deadline, due: None, sent: Vec::new(), missed: 0 }
    }

    pub(super) fn start(&mut self, now: Duration) {
        self.due = Some(now + self.every);
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.due.is_some_and(|due| now >= due)
    }

    pub(super) fn sent(&mut self, now: Duration, action_id: Bytes) {
        self.sent.push(Ping { action_id, at: now, missed: false });
        self.due = Some(now + self.every);
    }

    pub(super) fn is_missed(&self, now: Duration) -> bool {
        self.sent.iter().any(|ping| !ping.missed && now >= ping.at + self.deadline)
    }

    /// Counts the oldest ping whose time is up; gives how many were missed in a row.
    pub(super) fn count_missed(&mut self) -> u32 {
        if let Some(ping) = self.sent.iter_mut().find(|ping| !ping.missed) {
            ping.missed = true;
            self.missed += 1;
        }
        self.missed
    }

    /// Whether the ActionID is that of a ping. An answer, however late, shows that the server serves again; older
    /// pings are answered before newer ones, so they are forgotten with it.
    pub(super) fn answered(&mut self, now: Duration, action_id: &[u8]) -> Option<Answer> {
        let index = self.sent.iter().position(|ping| ping.action_id == action_id)?;
        let round_trip = now.saturating_sub(self.sent[index].at);
        self.sent.drain(..=index);
        Some(Answer { round_trip, after_a_miss: std::mem::take(&mut self.missed) > 0 })
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let missed = self.sent.iter().find(|ping| !ping.missed).map(|ping| ping.at + self.deadline);
        self.due.into_iter().chain(missed).min()
    }
}
