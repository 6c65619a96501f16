//! The agents of the queues that campaigns send calls to, kept from Asterisk's own events rather than by asking for
//! every call; and questions beside them, for events can be lost, and not everything has one. Sans IO: events and answers
//! go in, and what the engine is to know and what Asterisk is to be asked come out.

mod member;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::warn;

use self::queue::{Change, Queue, Summary};
use crate::ami::message::Message;
use crate::engine::{Input, QueueAgents};

/// How often Asterisk is asked whether it sees a queue as its events have shown it.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How soon it is asked again where it does not: an event may be on its way.
const CHECK_AGAIN: Duration = Duration::from_secs(1);
/// So often in a row an answer may differ while events come.
const CHECKS_IN_FLIGHT: u32 = 5;
/// How often it is asked who is ready, while somebody is left alone after a call.
const READY_EVERY: Duration = Duration::from_millis(250);

/// What Asterisk is asked about a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// QueueStatus: all of it.
    Status(String),
    /// QueueSummary: how many there are of whom.
    Summary(String),
    /// `QUEUE_MEMBER(…,ready)`: how many agents it would call.
    Ready(String),
}

impl Question {
    /// The queue that it is about.
    pub fn queue(&self) -> &str {
        match self {
            Self::Status(queue) | Self::Summary(queue) | Self::Ready(queue) => queue,
        }
    }
}

/// The watched queues.
///
/// Names are in lower case: Asterisk tells queues apart without it.
#[derive(Debug, Default)]
pub struct Queues(BTreeMap<String, Watched>);

/// A queue that is watched.
#[derive(Debug, Default)]
struct Watched {
    /// `None` where Asterisk does not have it.
    queue: Option<Queue>,
    /// What the engine was told last.
    told: Option<Option<QueueAgents>>,
    check: Check,
    ready: Check,
    /// The last answer to a check was another than expected: by how much, how many events there had been until then, and
    /// how many answers in a row it was.
    doubt: Option<(Summary, u64, u32)>,
    /// It was said that events have told something else than Asterisk.
    complained: bool,
}

/// When something is asked next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Check {
    #[default]
    Never,
    At(Duration),
    /// It is being asked; whether that is out of date by now.
    Asked {
        again: bool,
    },
}

impl Check {
    fn is_due(self, now: Duration) -> bool {
        matches!(self, Self::At(at) if at <= now)
    }

    /// As soon as can be: at once, or once the answer is there that was asked for before.
    fn soon(&mut self, now: Duration) {
        *self = match self {
            Self::Asked { .. } => Self::Asked { again: true },
            Self::Never | Self::At(_) => Self::At(now),
        };
    }
}

impl Queues {
    /// Forgets everything: the link was lost, and with it events.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The queues that are watched.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// When [`Queues::questions`] has something to ask.
    pub fn next_deadline(&self) -> Option<Duration> {
        let checks = self.0.values().flat_map(|watched| [watched.check, watched.ready]);
        checks.filter_map(|check| if let Check::At(at) = check { Some(at) } else { None }).min()
    }

    /// What Asterisk is to be asked by now; each is answered by the method of its name, or by [`Queues::unanswered`].
    pub fn questions(&mut self, now: Duration) -> Vec<Question> {
        let mut questions = Vec::new();
        for (name, watched) in &mut self.0 {
            if watched.check.is_due(now) {
                watched.check = Check::Asked { again: false };
                questions.push(Question::Summary(name.clone()));
                watched.ready.soon(now);
            }
            let tells = watched.queue.is_some() && is_plain(name);
            if watched.ready.is_due(now) {
                watched.ready = if tells { Check::Asked { again: false } } else { Check::Never };
                questions.extend(tells.then(|| Question::Ready(name.clone())));
            }
        }
        questions
    }

    /// Takes the answer to a QueueStatus for `queue`, which is watched from now on.
    pub fn status(&mut self, now: Duration, queue: &str, items: &[Message]) -> Input {
        let name = queue.to_ascii_lowercase();
        let watched = self.0.entry(name.clone()).or_default();
        if items.iter().any(|item| item.is_event_named("QueueParams")) {
            watched.queue.get_or_insert_with(Queue::new).status(now, items);
            watched.ready.soon(now);
        } else {
            watched.queue = None;
        }
        watched.doubt = None;
        if !matches!(watched.check, Check::Asked { .. }) {
            watched.check = Check::At(now + CHECK_EVERY);
        }
        let agents = watched.agents(now);
        watched.told = Some(agents);
        Input::Agents { queue: name, agents, wrapped: watched.take_wrapped() }
    }

    /// Takes an event of class agent; gives the queue's agents anew where it has changed something of them.
    pub fn event(&mut self, now: Duration, event: &Message) -> Option<Input> {
        // Asterisk's events have its own spelling.
        let name = event.get("Queue")?.to_ascii_lowercase();
        let watched = self.0.get_mut(&name)?;
        match watched.queue.as_mut()?.event(now, event) {
            Change::Nothing => return None,
            Change::Something => {}
            Change::WhoIsReady => watched.ready.soon(now),
        }
        watched.news(now, name)
    }

    /// A Redirect has sent that caller elsewhere; gives the agents of the queue anew in which he waited.
    pub fn sent_away(&mut self, now: Duration, caller: &str) -> Option<Input> {
        let waits =
            |watched: &mut Watched| watched.queue.as_mut().is_some_and(|queue| queue.sent_away(caller));
        let (name, watched) =
            self.0.iter_mut().find_map(|(name, watched)| waits(watched).then_some((name, watched)))?;
        watched.news(now, name.clone())
    }

    /// Takes the answer to a QueueSummary; gives what has to be asked because of it.
    pub fn summary(&mut self, now: Duration, queue: &str, items: &[Message]) -> Option<Question> {
        let watched = self.0.get_mut(queue)?;
        watched.check = Check::At(now + CHECK_EVERY);
        let told = items.iter().find(|item| item.is_event_named("QueueSummary")).and_then(Summary::of);
        let whole = Question::Status(queue.to_owned());
        let (Some(queue), Some(told)) = (&mut watched.queue, told) else {
            // It came or went by a reload, which tells nobody.
            return (watched.queue.is_some() != told.is_some()).then_some(whole);
        };
        queue.check();
        let held = queue.summary(now);
        if held == told {
            watched.doubt = None;
            return None;
        }
        let before = watched.doubt.take();
        let in_a_row = before.map_or(0, |(.., in_a_row)| in_a_row) + 1;
        let is_quiet =
            before.is_some_and(|(as_before, events, _)| as_before == told && events == queue.events);
        if !is_quiet && in_a_row < CHECKS_IN_FLIGHT {
            watched.doubt = Some((told, queue.events, in_a_row));
            watched.check = Check::At(now + CHECK_AGAIN);
            return None;
        }
        queue.corrections += 1;
        if !std::mem::replace(&mut watched.complained, true) {
            warn!(
                queue = whole.queue(),
                ?held,
                ?told,
                "Asterisk sees a queue otherwise than its events have shown it: it goes by Asterisk's answer. Said once; \
                 OutExplain counts on"
            );
        }
        Some(whole)
    }

    /// Takes how many agents of a queue are ready; `None` where Asterisk does not say.
    pub fn ready(&mut self, now: Duration, queue: &str, ready: Option<usize>) -> Option<Input> {
        let watched = self.0.get_mut(queue)?;
        let known = watched.queue.as_mut()?;
        known.ready(now, ready);
        watched.ready = match watched.ready {
            Check::Asked { again: true } => Check::At(now),
            _ if known.leaves_alone() => Check::At(now + READY_EVERY),
            Check::Never | Check::At(_) | Check::Asked { again: false } => Check::Never,
        };
        watched.news(now, queue.to_owned())
    }

    /// A question was not answered: it is asked again later.
    pub fn unanswered(&mut self, now: Duration, question: &Question) {
        let Some(watched) = self.0.get_mut(question.queue()) else { return };
        match question {
            Question::Summary(_) => watched.check = Check::At(now + CHECK_EVERY),
            Question::Ready(_) => watched.ready = Check::At(now + READY_EVERY),
            Question::Status(_) => {}
        }
    }
}

impl Watched {
    fn agents(&self, now: Duration) -> Option<QueueAgents> {
        self.queue.as_ref().map(|queue| queue.agents(now))
    }

    /// What the engine is to be told, where that is another than before.
    fn news(&mut self, now: Duration, queue: String) -> Option<Input> {
        let agents = self.agents(now);
        let wrapped = self.take_wrapped();
        let is_news = self.told != Some(agents) || !wrapped.is_empty();
        self.told = Some(agents);
        is_news.then_some(Input::Agents { queue, agents, wrapped })
    }

    fn take_wrapped(&mut self) -> Vec<Duration> {
        self.queue.as_mut().map(Queue::take_wrapped).unwrap_or_default()
    }
}

/// Whether a name can stand among the arguments of a function as it is.
fn is_plain(queue: &str) -> bool {
    !queue.contains([',', '(', ')', '"', '\\', '$'])
}
