//! The actions of a client session that wait for their answers, matched by ActionID.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;

use super::{ClientEvent, NoAnswer};
use crate::ami::message::Message;

/// More items than any Asterisk has; a list beyond it is a fault of the peer.
const MAX_ITEMS: usize = 500_000;

pub(super) struct Pending<T> {
    timeout: Duration,
    waiting: HashMap<Bytes, Entry<T>>,
    /// Deadline and order of submission, to the ActionID.
    deadlines: BTreeMap<(Duration, u64), Bytes>,
    inserted: u64,
}

struct Entry<T> {
    deadline: (Duration, u64),
    waiting: Waiting<T>,
}

pub(super) struct Waiting<T> {
    pub(super) tag: T,
    expects: Expects,
}

enum Expects {
    Response,
    List,
    Items { response: Message, items: Vec<Message> },
}

/// What became of a message.
pub(super) enum Arrived<T> {
    /// It opened a list, or is part of one.
    Taken,
    /// It completed an answer.
    Done(ClientEvent<T>),
    /// Nobody waits for it.
    NotOurs(Message),
}

impl<T> Waiting<T> {
    pub(super) fn new(tag: T, list: bool) -> Self {
        Self { tag, expects: if list { Expects::List } else { Expects::Response } }
    }

    /// Whether a list was opened by its response.
    pub(super) fn opened(&self) -> bool {
        matches!(self.expects, Expects::Items { .. })
    }
}

impl<T> Pending<T> {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, waiting: HashMap::new(), deadlines: BTreeMap::new(), inserted: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn contains(&self, action_id: &[u8]) -> bool {
        self.waiting.contains_key(action_id)
    }

    pub(super) fn insert(&mut self, now: Duration, action_id: Bytes, waiting: Waiting<T>) {
        self.inserted += 1;
        let deadline = (now + self.timeout, self.inserted);
        self.deadlines.insert(deadline, action_id.clone());
        self.waiting.insert(action_id, Entry { deadline, waiting });
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first_key_value().map(|((deadline, _), _)| *deadline)
    }

    /// Those whose time is up, oldest first.
    pub(super) fn expired(&mut self, now: Duration) -> Vec<(Bytes, Waiting<T>)> {
        let later = self.deadlines.split_off(&(now, u64::MAX));
        let expired = std::mem::replace(&mut self.deadlines, later);
        self.take(expired)
    }

    /// All, oldest first.
    pub(super) fn drain(&mut self) -> Vec<(Bytes, Waiting<T>)> {
        let all = std::mem::take(&mut self.deadlines);
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_unstable_by_key(|((_, order), _)| *order);
        self.take(all)
    }

    fn take(&mut self, ids: impl IntoIterator<Item = ((Duration, u64), Bytes)>) -> Vec<(Bytes, Waiting<T>)> {
        let mut taken = Vec::new();
        for (_, action_id) in ids {
            if let Some(entry) = self.waiting.remove(&action_id) {
                taken.push((action_id, entry.waiting));
            }
        }
        taken
    }

    pub(super) fn response(&mut self, now: Duration, response: Message) -> Arrived<T> {
        let Some(action_id) = response.action_id_bytes() else {
            return Arrived::NotOurs(response);
        };
        match self.waiting.get_mut(action_id) {
            None => Arrived::NotOurs(response),
            Some(entry) => match entry.waiting.expects {
                Expects::List if opens_list(&response) => {
                    entry.waiting.expects = Expects::Items { response: response.clone(), items: Vec::new() };
                    self.touch(now, action_id);
                    Arrived::Taken
                }
                Expects::Response | Expects::List => match self.remove(action_id) {
                    Some(waiting) => {
                        Arrived::Done(ClientEvent::Response { tag: waiting.tag, message: response })
                    }
                    None => Arrived::NotOurs(response),
                },
                Expects::Items { .. } => Arrived::NotOurs(response),
            },
        }
    }

    /// Takes an event that belongs to an open list; every other one, whatever its ActionID, is not ours.
    pub(super) fn event(&mut self, now: Duration, event: Message) -> Arrived<T> {
        if self.waiting.is_empty() {
            return Arrived::NotOurs(event);
        }
        let Some(action_id) = event.action_id_bytes() else {
            return Arrived::NotOurs(event);
        };
        let Some(Entry { waiting: Waiting { expects: Expects::Items { items, .. }, .. }, .. }) =
            self.waiting.get_mut(action_id)
        else {
            return Arrived::NotOurs(event);
        };
        let end = end_of_list(&event);
        if end.is_none() && items.len() < MAX_ITEMS {
            items.push(event.clone());
            self.touch(now, action_id);
            return Arrived::Taken;
        }
        let Some(Waiting { tag, expects: Expects::Items { response, items } }) = self.remove(action_id)
        else {
            return Arrived::NotOurs(event);
        };
        Arrived::Done(match end {
            Some(End::Complete) if items.len() >= announced_items(&event) => {
                ClientEvent::List { tag, response, items, complete: event }
            }
            Some(End::Complete | End::Cancelled) | None => {
                ClientEvent::NoAnswer { tag, why: NoAnswer::IncompleteList }
            }
        })
    }

    fn remove(&mut self, action_id: &[u8]) -> Option<Waiting<T>> {
        let entry = self.waiting.remove(action_id)?;
        self.deadlines.remove(&entry.deadline);
        Some(entry.waiting)
    }

    /// Gives an open list its full time again.
    fn touch(&mut self, now: Duration, action_id: &[u8]) {
        if let Some(entry) = self.waiting.get_mut(action_id)
            && let Some(id) = self.deadlines.remove(&entry.deadline)
        {
            entry.deadline.0 = now + self.timeout;
            self.deadlines.insert(entry.deadline, id);
        }
    }
}

fn opens_list(response: &Message) -> bool {
    response.is_success()
        && response.get("EventList").is_some_and(|value| value.eq_ignore_ascii_case("start"))
}

enum End {
    Complete,
    Cancelled,
}

/// Whether the event ends its list: by its `EventList` header, or by its name where an action forgot that (spec 6.1).
fn end_of_list(event: &Message) -> Option<End> {
    match event.get("EventList") {
        Some(value) if value.eq_ignore_ascii_case("Complete") => Some(End::Complete),
        Some(_) => Some(End::Cancelled),
        None => event.event_name().is_some_and(|name| name.ends_with("Complete")).then_some(End::Complete),
    }
}

/// What `ListItems` says; it counts the items without the `…Complete` (spec 6.3).
fn announced_items(complete: &Message) -> usize {
    complete.get("ListItems").and_then(|count| count.parse().ok()).unwrap_or(0)
}
