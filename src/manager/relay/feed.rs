//! Asterisk's events, read once for all operators, each of whom takes of them what his classes and mask let him see.
//!
//! Asterisk sends only the classes that somebody reads at the moment: with nobody logged in, none. A reader that is too
//! slow is told how many it has missed, and nobody waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::{Asterisk, mark};
use crate::ami::{ClientOptions, Message, MessageBuilder, Privileges};
use crate::asterisk::connection::{self, ConnectionOptions, FromAsterisk, ToAsterisk};

/// Events that an operator may be behind before he loses some.
const BEHIND_AT_MOST: usize = 16_384;
/// How long it is waited for that Asterisk sends what a session reads.
const LISTENS: Duration = Duration::from_secs(2);

/// An event of Asterisk's.
#[derive(Debug, Clone)]
pub(in crate::manager) struct Told {
    /// Who reads all of these classes may see it.
    pub(in crate::manager) needs: Privileges,
    /// Whose it is, where it has an ActionID.
    pub(in crate::manager) action_id: Option<Bytes>,
    /// As it is written.
    pub(in crate::manager) wire: Bytes,
}

/// Where the events are had.
pub(super) struct Feed {
    told: broadcast::Sender<Told>,
    audience: Mutex<Audience>,
    wanted: watch::Sender<Privileges>,
    granted: watch::Receiver<Privileges>,
}

#[derive(Default)]
struct Audience {
    next: u64,
    reads: BTreeMap<u64, Privileges>,
}

/// One who listens, until it is dropped.
pub(in crate::manager) struct Listener {
    feed: Arc<Feed>,
    place: u64,
    reads: Privileges,
    events: broadcast::Receiver<Told>,
}

impl Feed {
    pub(super) fn start(asterisk: Asterisk, tasks: &TaskTracker, stop: CancellationToken) -> Arc<Self> {
        let told = broadcast::Sender::new(BEHIND_AT_MOST);
        let (wanted, wants) = watch::channel(Privileges::NONE);
        let (grants, granted) = watch::channel(Privileges::NONE);
        let (commands, taken) = mpsc::channel(16);
        let (out, from_asterisk) = mpsc::channel(BEHIND_AT_MOST);
        let options = ConnectionOptions {
            host: asterisk.host,
            port: asterisk.port,
            session: ClientOptions {
                username: asterisk.username,
                secret: asterisk.secret,
                events_mask: "off".to_owned(),
                action_id_prefix: String::new(),
                ..ClientOptions::default()
            },
            purpose: " for the relay",
            ..ConnectionOptions::default()
        };
        tasks.spawn(connection::run(options, taken, out, stop));
        let reading = Reading { told: told.clone(), commands, wants, grants, is_up: false };
        tasks.spawn(reading.run(from_asterisk));
        Arc::new(Self { told, audience: Mutex::default(), wanted, granted })
    }

    pub(super) fn listen(self: &Arc<Self>) -> Listener {
        let mut audience = self.audience();
        audience.next += 1;
        let place = audience.next;
        let events = self.told.subscribe();
        Listener { feed: Arc::clone(self), place, reads: Privileges::NONE, events }
    }

    /// Ends once Asterisk sends these classes, or does not for a while.
    pub(super) async fn ready(&self, reads: Privileges) {
        let mut granted = self.granted.clone();
        drop(timeout(LISTENS, granted.wait_for(|granted| granted.includes(reads))).await);
    }

    fn audience(&self) -> std::sync::MutexGuard<'_, Audience> {
        self.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for what all read together.
    fn ask(&self, audience: &Audience) {
        let wanted = audience.reads.values().copied().fold(Privileges::NONE, |all, one| all | one);
        self.wanted.send_if_modified(|old| std::mem::replace(old, wanted) != wanted);
    }
}

impl Listener {
    /// Says what is read from now on.
    pub(in crate::manager) fn reads(&mut self, classes: Privileges) {
        if std::mem::replace(&mut self.reads, classes) == classes {
            return;
        }
        let mut audience = self.feed.audience();
        audience.reads.insert(self.place, classes);
        self.feed.ask(&audience);
    }

    /// The next event.
    pub(in crate::manager) async fn recv(&mut self) -> Result<Told, broadcast::error::RecvError> {
        self.events.recv().await
    }

    /// The next event, if it is there.
    pub(in crate::manager) fn try_recv(&mut self) -> Result<Told, broadcast::error::TryRecvError> {
        self.events.try_recv()
    }

    /// Whether it is about to miss some.
    pub(in crate::manager) fn is_too_far_behind(&self) -> bool {
        self.events.len() > BEHIND_AT_MOST
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut audience = self.feed.audience();
        audience.reads.remove(&self.place);
        self.feed.ask(&audience);
    }
}

/// The task between the connection and the listeners.
struct Reading {
    told: broadcast::Sender<Told>,
    commands: mpsc::Sender<ToAsterisk<Privileges>>,
    wants: watch::Receiver<Privileges>,
    grants: watch::Sender<Privileges>,
    is_up: bool,
}

impl Reading {
    async fn run(mut self, mut from_asterisk: mpsc::Receiver<FromAsterisk<Privileges>>) {
        loop {
            tokio::select! {
                told = from_asterisk.recv() => match told {
                    Some(told) => self.told(told).await,
                    None => return,
                },
                changed = self.wants.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.ask().await;
                }
            }
        }
    }

    async fn ask(&mut self) {
        if !self.is_up {
            return;
        }
        let wanted = *self.wants.borrow_and_update();
        let mask = if wanted.is_empty() { "off".to_owned() } else { wanted.to_string() };
        let action = MessageBuilder::action("Events").header("EventMask", mask);
        // Where the connection has ended the daemon is stopping.
        drop(self.commands.send(ToAsterisk::Submit { action, tag: wanted }).await);
    }

    async fn told(&mut self, told: FromAsterisk<Privileges>) {
        match told {
            FromAsterisk::Up { .. } => {
                self.is_up = true;
                self.ask().await;
            }
            FromAsterisk::Down { .. } => {
                self.is_up = false;
                self.grants.send_replace(Privileges::NONE);
            }
            FromAsterisk::Response { tag, message } if message.is_success() => {
                self.grants.send_replace(tag);
            }
            FromAsterisk::Response { message, .. } => {
                warn!(?message, "Asterisk sends the relay no events");
            }
            FromAsterisk::Event(message) | FromAsterisk::FullyBooted(message) => self.announce(&message),
            FromAsterisk::Gap { lost } => {
                error!(lost, "events of Asterisk were lost on their way to the operators");
            }
            FromAsterisk::List { .. }
            | FromAsterisk::NoAnswer { .. }
            | FromAsterisk::Stray(_)
            | FromAsterisk::PingMissed { .. }
            | FromAsterisk::PingAnswered { .. } => {}
        }
    }

    fn announce(&self, message: &Message) {
        if self.told.receiver_count() == 0 {
            return;
        }
        let message = mark::put_back(message);
        let told = Told {
            needs: needs(&message),
            action_id: message.action_id_bytes().map(Bytes::copy_from_slice),
            wire: message.to_wire(),
        };
        drop(self.told.send(told));
    }
}

/// The classes of an event: those that its `Privilege` header names. One that names none, or one that nobody knows, is for
/// those who read everything.
fn needs(event: &Message) -> Privileges {
    let Some(privilege) = event.get("Privilege") else { return Privileges::ALL };
    let words = privilege.split(',').map(str::trim).filter(|word| !word.eq_ignore_ascii_case("all"));
    match Privileges::of_words(words) {
        Ok(classes) if !classes.is_empty() => classes,
        Ok(_) | Err(_) => Privileges::ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_for_those_who_read_all_its_classes() {
        let needs = |text: &'static str| needs(&Message::from_wire(text)).to_string();
        assert_eq!(needs("Event: Hangup\r\nPrivilege: call,all\r\n\r\n"), "call");
        assert_eq!(needs("Event: RTCPSent\r\nPrivilege: reporting,all\r\n\r\n"), "reporting");
        assert_eq!(needs("Event: X\r\nPrivilege: aoc,reporting,all\r\n\r\n"), "reporting,aoc");
        for text in [
            "Event: X\r\n\r\n",
            "Event: X\r\nPrivilege: all\r\n\r\n",
            "Event: X\r\nPrivilege: hookresponse,all\r\n\r\n",
        ] {
            assert_eq!(needs(text), Privileges::ALL.to_string(), "{text}");
        }
    }
}
