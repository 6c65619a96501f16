//! Everything that is not ours goes to Asterisk: an operator's actions are passed on and answered, Asterisk's events come
//! on the same connection.
//!
//! ```text
//!   operator ──action──► rights, originate ──► upstream: a session of its own ──► Asterisk
//!            ◄─answer─── mark: ActionIDs ◄──── answer: until it is complete ◄────
//!            ◄─events─── classes and mask ◄─── feed: read once for all ◄─────────
//! ```
//!
//! What belongs to a session is never relayed: Login, Logoff, Challenge, Ping, Events, Filter; nor is anything that begins with
//! `Out`.

mod answer;
mod feed;
mod mark;
mod originate;
mod rights;
mod upstream;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::debug;

use self::answer::Answer;
use self::feed::Feed;
pub(super) use self::feed::{Listener, Told};
use self::rights::Right;
use self::upstream::{NoSession, Pool};
use super::actions::{Replies, list_commands};
use crate::ami::{Message, MessageBuilder, Privileges, Request, response};
use crate::daemon::handle::Handle;
use crate::model::dialing::Attempt;
use crate::model::ids::DialingUuid;
use crate::model::policy::Policy;

/// A list of which nothing has come for so long will not come to its end.
const SILENCE: Duration = Duration::from_secs(10);
/// What of an answer is read ahead of a client, in bytes: Asterisk hangs up on whoever does not read.
const AHEAD: usize = 16 * 1024 * 1024;

/// The Asterisk that is relayed to, and as whom.
#[derive(Clone)]
pub struct Asterisk {
    /// Name or address.
    pub host: String,
    /// The port of its manager.
    pub port: u16,
    /// Its manager user for what is relayed.
    pub username: String,
    /// That user's secret.
    pub secret: String,
}

/// Hides the secret.
impl fmt::Debug for Asterisk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}@{}:{}", self.username, self.host, self.port)
    }
}

/// The relay; clones are the same one.
#[derive(Clone)]
pub struct Relay {
    pool: Arc<Pool>,
    feed: Arc<Feed>,
    /// May change while the daemon runs.
    policy: watch::Receiver<Arc<Policy>>,
}

impl fmt::Debug for Relay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Relay")
    }
}

/// One request to be relayed.
pub(super) struct Asked {
    pub(super) request: Request,
    /// The classes that the operator may use.
    pub(super) may: Privileges,
    /// The classes whose events the operator reads at the moment.
    pub(super) reads: Privileges,
}

impl Relay {
    /// Starts it; it ends with `stop`.
    pub fn start(
        asterisk: Asterisk,
        policy: watch::Receiver<Arc<Policy>>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let pool = Arc::new(Pool::new(asterisk.clone()));
        let feed = Feed::start(asterisk, tasks, stop.clone());
        let (unused, stop) = (Arc::clone(&pool), stop.clone());
        tasks.spawn(async move {
            loop {
                let next = unused.close_unused();
                tokio::select! {
                    () = sleep_until(next) => {}
                    () = stop.cancelled() => return,
                }
            }
        });
        Self { pool, feed, policy }
    }

    /// Asterisk's events from now on.
    pub(super) fn listen(&self) -> Listener {
        self.feed.listen()
    }

    /// Passes a request on and answers it, in a task of its own that ends when this is dropped: Asterisk's answer is read
    /// whether or not the client reads it.
    pub(super) async fn perform(self, asked: Asked, handle: Handle, replies: Replies) {
        let serving = tokio::spawn(async move { self.serve(&asked, &handle, &replies).await });
        drop(AbortOnDropHandle::new(serving).await);
    }

    async fn serve(&self, asked: &Asked, handle: &Handle, replies: &Replies) {
        let request = &asked.request;
        if request.is("ListCommands") {
            return self.list_commands(asked, handle, replies).await;
        }
        let action = match self.checked(asked, handle).await {
            Ok(action) => action,
            Err(refusal) => return replies.send(refusal).await,
        };
        if let Err(why) = self.exchange(request.name(), action, asked.reads, handle, replies).await {
            replies.error(&format!("{why}; {} was not sent", request.name())).await;
        }
    }

    /// The action as Asterisk gets it, or what is answered in its place.
    async fn checked(&self, asked: &Asked, handle: &Handle) -> Result<MessageBuilder, Message> {
        let Asked { request, may, .. } = asked;
        let id = request.action_id();
        match rights::right(request.name(), *may) {
            Right::Granted => {}
            Right::Denied => return Err(response::permission_denied(id)),
            Right::Unknown => return Err(response::unknown_command(id, request.name())),
        }
        if request.is("Command") && !rights::may_run(&request.get("Command").unwrap_or_default(), *may) {
            return Err(response::permission_denied(id));
        }
        let action = if request.is("Originate") {
            if let Some(name) = names_a_dialing(request, handle).await {
                let text =
                    format!("Originate refused: {name}: a dialing of astout has this id; allowed: another");
                return Err(response::error(id, &text));
            }
            let policy = Arc::clone(&self.policy.borrow());
            originate::checked(request, &policy)
                .map_err(|error| response::error(id, &format!("Originate refused: {error}")))?
        } else {
            as_it_came(request)
        };
        let action = action.action_id(mark::marked(id));
        if let Err(error) = action.clone().finish() {
            let text = format!("{} cannot be relayed: {error}", request.name());
            return Err(response::error(id, &text));
        }
        Ok(action)
    }

    /// Sends the action and passes its answer on. Fails only where nothing was sent.
    async fn exchange(
        &self,
        name: &str,
        action: MessageBuilder,
        reads: Privileges,
        handle: &Handle,
        replies: &Replies,
    ) -> Result<(), NoSession> {
        let mut link = handle.link();
        if !*link.borrow_and_update() {
            return Err(NoSession::Away("the dialer's connection is down".to_owned()));
        }
        let (_place, mut upstream) = self.pool.take().await?;
        // Whoever has logged in a moment ago may not miss what his action brings about.
        self.feed.ready(reads).await;
        let mut answer = Answer::default();
        let (mut ahead, mut bytes) = (VecDeque::new(), 0);
        let mut lost = upstream.ask(action).await.err().map(|why| why.to_string());
        let mut silence = Instant::now() + SILENCE;
        while lost.is_none() && (answer != Answer::Complete || !ahead.is_empty()) {
            tokio::select! {
                message = upstream.next(), if answer != Answer::Complete && bytes < AHEAD => match message {
                    Ok(message) if answer.takes(&message) => {
                        let message = mark::put_back(&message).into_owned();
                        silence = Instant::now() + SILENCE;
                        bytes += message.to_wire().len();
                        ahead.push_back(message);
                    }
                    Ok(_) => {}
                    Err(why) => lost = Some(why.to_string()),
                },
                place = replies.place(), if !ahead.is_empty() => {
                    let Some(place) = place else { return Ok(()) };
                    if let Some(message) = ahead.pop_front() {
                        bytes -= message.to_wire().len();
                        place.send(message);
                    }
                }
                () = sleep_until(silence), if matches!(answer, Answer::Listing { .. }) && bytes < AHEAD => {
                    lost = Some("nothing more of it comes".to_owned());
                }
                // A dead connection says nothing; the dialer's, which is pinged, does.
                down = link.wait_for(|up| !up) => lost = Some(match down {
                    Ok(_) => "the connection is lost".to_owned(),
                    Err(_) => "astout is stopping".to_owned(),
                }),
            }
        }
        match lost {
            None => self.pool.give_back(upstream),
            Some(why) => {
                debug!(%why, name, "a relayed action was not answered to its end");
                for message in ahead {
                    replies.send(message).await;
                }
                if let Some(end) = answer.broken_off(&why, name, replies.id()) {
                    replies.send(end).await;
                }
            }
        }
        Ok(())
    }

    /// Ours, and of Asterisk's those that the operator may have relayed; without Asterisk only ours.
    async fn list_commands(&self, asked: &Asked, handle: &Handle, replies: &Replies) {
        let (sender, mut theirs) = mpsc::channel(1);
        let of_asterisk = Replies::new(&asked.request, sender);
        let action = MessageBuilder::action("ListCommands").action_id(mark::marked(None));
        let asking = async {
            drop(self.exchange("ListCommands", action, Privileges::NONE, handle, &of_asterisk).await);
            drop(of_asterisk);
        };
        let ((), theirs) = tokio::join!(asking, theirs.recv());
        let lines: Vec<(String, String)> = theirs
            .iter()
            .filter(|message| message.is_success())
            .flat_map(Message::iter)
            .filter(|(name, _)| rights::right(name, asked.may) == Right::Granted)
            .map(|(name, text)| (name.into_owned(), text.into_owned()))
            .filter(|(_, text)| text.contains("(Priv: "))
            .collect();
        replies.send(list_commands::answer(replies.id(), asked.may, &lines)).await;
    }
}

/// Header by header as the operator sent it, but the ActionID.
fn as_it_came(request: &Request) -> MessageBuilder {
    let own = |name: &str| name.eq_ignore_ascii_case("Action") || name.eq_ignore_ascii_case("ActionID");
    let headers = request.message().iter_bytes();
    headers.fold(MessageBuilder::action(request.name()), |action, (name, value)| {
        let name = String::from_utf8_lossy(name);
        if own(&name) { action } else { action.header(&name, value) }
    })
}

/// The header that gives a channel an id which a dialing has, or which begins with one: Asterisk, and the dialer, would take
/// the one for the other.
async fn names_a_dialing(request: &Request, handle: &Handle) -> Option<&'static str> {
    const UUID: usize = 36;
    let mut dialings = None;
    for name in ["ChannelId", "OtherChannelId"] {
        let given = request.get(name);
        let uuid =
            given.as_deref().and_then(|id| id.get(..UUID)).and_then(|id| id.parse::<DialingUuid>().ok());
        let Some(uuid) = uuid else { continue };
        if dialings.is_none() {
            dialings = Some(handle.dialings().await.unwrap_or_default());
        }
        let is_its = |attempt: &Attempt| attempt.uuid == uuid || attempt.other == uuid.uuid();
        if dialings.iter().flatten().any(|dialing| is_its(&dialing.attempt)) {
            return Some(name);
        }
    }
    None
}
