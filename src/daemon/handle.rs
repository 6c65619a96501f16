//! What the doors call: requests go to the driver, reads go to the records.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::error;
use uuid::Uuid;

use crate::engine;
use crate::engine::explain::{About, Explained};
use crate::model::destination::Destination;
use crate::model::dialing::Dialing;
use crate::model::event::Noun;
use crate::model::fields::Fields;
use crate::model::ids::{CampaignUuid, DialingUuid};
use crate::model::import::{Import, Step};
use crate::model::pacing::Pacing;
use crate::model::preview::{Answer as PreviewAnswer, Ask, Preview};
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Now;
use crate::store::{Done, Store, StoreError};

use super::bus::{Bus, Told};
use super::clock::Clock;
use super::dialplan::Question;

/// How long it is waited for what Asterisk says of its dialplan.
const DIALPLAN_WAIT: Duration = Duration::from_secs(2);

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It was wrong; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The records could not be written or read.
    #[error("{}{}", .0, what_was_written(.0))]
    Store(#[from] StoreError),
    /// The daemon is stopping.
    #[error("astout is stopping: whether this was written is not said any more")]
    Stopping,
}

/// After a failed sync nobody knows.
fn what_was_written(error: &StoreError) -> &'static str {
    if error.is_final() { "" } else { "; nothing was written" }
}

/// What an operator wants done to a noun.
#[derive(Debug)]
pub enum Write {
    /// Make one, with this id unless the fields bring one.
    Create(Uuid),
    /// Change it.
    Update,
    /// Take it out of use.
    Delete,
}

impl Write {
    fn create(kind: NounKind) -> Self {
        // Of contacts there are millions: ids that grow with time keep their index together on disk. Of the rest there
        // are few, and people tell them apart by their first letters.
        Self::Create(match kind {
            NounKind::Dl | NounKind::Dialing => Uuid::now_v7(),
            NounKind::Plan | NounKind::Dlma | NounKind::Destination | NounKind::Campaign => Uuid::new_v4(),
        })
    }
}

/// A change of a noun that was asked for.
#[derive(Debug)]
pub struct Writing(Answer);

#[derive(Debug)]
enum Answer {
    OfTheDriver(oneshot::Receiver<Result<Noun, RequestError>>),
    OfTheStore(oneshot::Receiver<Done>),
}

impl Writing {
    /// The noun as it is committed.
    ///
    /// # Errors
    /// Where a field is wrong or missing, or the records cannot be written. Nothing is written then.
    pub async fn done(&mut self) -> Result<Noun, RequestError> {
        match &mut self.0 {
            Answer::OfTheDriver(answer) => answer.await.map_err(|_| RequestError::Stopping)?,
            Answer::OfTheStore(answer) => match answer.await.map_err(|_| RequestError::Stopping)? {
                Done::Stored { noun, .. } => Ok(noun),
                Done::Refused(refusal) => Err(refusal.into()),
                Done::Failed(why) => Err(why.into()),
                done => {
                    error!(?done, "the store answered what was not asked");
                    Err(RequestError::Stopping)
                }
            },
        }
    }
}

/// A request to the driver, with where the answer goes.
#[derive(Debug)]
pub enum Request {
    /// Write a noun; the answer is the noun as it is committed.
    Write {
        /// What to do.
        write: Write,
        /// To what.
        kind: NounKind,
        /// With what.
        fields: Fields,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Noun, RequestError>>,
    },
    /// Take an import a step further; the answer is how far it has come.
    Import {
        /// Which step.
        step: Box<Step>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Import, RequestError>>,
    },
    /// Say which dialings have not ended.
    Dialings {
        /// Where the answer goes.
        reply: oneshot::Sender<Vec<Dialing>>,
    },
    /// Say why campaigns, or contacts of their lists, are not being dialled right now, and whether a number ever would be.
    Explain {
        /// The campaigns, each with a contact or without.
        asked: Vec<About>,
        /// The number.
        number: Option<String>,
        /// Where the answer goes.
        reply: oneshot::Sender<Explained>,
    },
    /// Say how campaigns for queues are paced, or one of them.
    Pacing {
        /// Which.
        only: Option<CampaignUuid>,
        /// Where the answer goes.
        reply: oneshot::Sender<Vec<Pacing>>,
    },
    /// Serve an agent who dials by previews.
    Preview {
        /// What he asks.
        ask: Ask,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<PreviewAnswer, RequestError>>,
    },
    /// Say what agents look at.
    Previews {
        /// Where the answer goes.
        reply: oneshot::Sender<Vec<Preview>>,
    },
    /// Answer: somebody asks whether the driver turns.
    Beat {
        /// Where the answer goes.
        reply: oneshot::Sender<()>,
    },
    /// Go by these options from now on.
    Options(engine::Options),
    /// Asterisk's dialplan has these nodes.
    Nodes(BTreeSet<String>),
    /// Give a dialing up.
    Withdraw {
        /// Which.
        dialing: DialingUuid,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<(), RequestError>>,
    },
}

/// A way to ask the daemon; clones ask the same one.
#[derive(Debug, Clone)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
    store: Store,
    bus: Bus,
    link: watch::Receiver<bool>,
    clock: Clock,
    /// Whom to ask what Asterisk's dialplan has.
    dialplan: Option<mpsc::Sender<Question>>,
}

impl Handle {
    pub(super) fn new(
        requests: mpsc::Sender<Request>,
        store: Store,
        bus: Bus,
        link: watch::Receiver<bool>,
        clock: Clock,
    ) -> Self {
        Self { requests, store, bus, link, clock, dialplan: None }
    }

    /// The same that has somebody to ask about Asterisk's dialplan, and the questions.
    pub fn with_dialplan(self) -> (Self, mpsc::Receiver<Question>) {
        let (ask, questions) = mpsc::channel(16);
        (Self { dialplan: Some(ask), ..self }, questions)
    }

    /// Makes a noun of these fields, and gives it as it is committed.
    ///
    /// # Errors
    /// Where a field is wrong or missing, or the records cannot be written. Nothing is written then.
    pub async fn create(&self, kind: NounKind, fields: Fields) -> Result<Noun, RequestError> {
        self.write(Write::create(kind), kind, fields).await
    }

    /// Changes the noun that `Uuid` names, and gives it as it is committed.
    ///
    /// # Errors
    /// As for [`Handle::create`], and where there is no such noun.
    pub async fn update(&self, kind: NounKind, fields: Fields) -> Result<Noun, RequestError> {
        self.write(Write::Update, kind, fields).await
    }

    /// Deletes the noun that `Uuid` names, and gives it as it was.
    ///
    /// # Errors
    /// As for [`Handle::update`], and where a campaign that is not stopped uses it.
    pub async fn delete(&self, kind: NounKind, fields: Fields) -> Result<Noun, RequestError> {
        self.write(Write::Delete, kind, fields).await
    }

    /// The same for who has more to ask for before that is done: what is asked for together is committed together, and
    /// done in its order.
    pub async fn begin_to_create(&self, kind: NounKind, fields: Fields) -> Writing {
        self.begin(Write::create(kind), kind, fields).await
    }

    async fn write(&self, write: Write, kind: NounKind, fields: Fields) -> Result<Noun, RequestError> {
        self.begin(write, kind, fields).await.done().await
    }

    async fn begin(&self, write: Write, kind: NounKind, fields: Fields) -> Writing {
        // Straight to the store: the driver hears of contacts that are made, and decides nothing before.
        if let (Write::Create(uuid), NounKind::Dl) = (&write, kind) {
            return Writing(Answer::OfTheStore(self.store.create_contact(self.now().wall, *uuid, fields)));
        }
        let (reply, answer) = oneshot::channel();
        // Where the driver has ended nobody answers, which is what there is to say.
        drop(self.requests.send(Request::Write { write, kind, fields, reply }).await);
        Writing(Answer::OfTheDriver(answer))
    }

    /// Takes an import a step further, and gives how far it has come, as it is committed.
    ///
    /// # Errors
    /// Where the step is not the next one, or the records cannot be written. Nothing is written then.
    pub async fn import(&self, step: Step) -> Result<Import, RequestError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Import { step: Box::new(step), reply };
        self.requests.send(request).await.map_err(|_| RequestError::Stopping)?;
        answer.await.map_err(|_| RequestError::Stopping)?
    }

    /// The dialings that have not ended, oldest first.
    ///
    /// # Errors
    /// Where the daemon is stopping.
    pub async fn dialings(&self) -> Result<Vec<Dialing>, RequestError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Dialings { reply }).await.map_err(|_| RequestError::Stopping)?;
        answer.await.map_err(|_| RequestError::Stopping)
    }

    /// Serves an agent who dials by previews.
    ///
    /// # Errors
    /// Where what he asks is not done, or the records cannot be written. Nothing is written then.
    pub async fn preview(&self, ask: Ask) -> Result<PreviewAnswer, RequestError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Preview { ask, reply }).await.map_err(|_| RequestError::Stopping)?;
        answer.await.map_err(|_| RequestError::Stopping)?
    }

    /// What agents look at.
    ///
    /// # Errors
    /// Where the daemon is stopping.
    pub async fn previews(&self) -> Result<Vec<Preview>, RequestError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Previews { reply }).await.map_err(|_| RequestError::Stopping)?;
        answer.await.map_err(|_| RequestError::Stopping)
    }

    /// Why campaigns, or contacts of their lists, are not being dialled right now; and why `number` never would be.
    ///
    /// # Errors
    /// Where the daemon is stopping.
    pub async fn explain(
        &self,
        asked: Vec<About>,
        number: Option<String>,
    ) -> Result<Explained, RequestError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Explain { asked, number, reply };
        self.requests.send(request).await.map_err(|_| RequestError::Stopping)?;
        answer.await.map_err(|_| RequestError::Stopping)
    }

    /// How campaigns that dial for a queue are paced: those that are not stopped, or the one that is asked for.
    ///
    /// # Errors
    /// Where the daemon is stopping.
    pub async fn pacing(&self, only: Option<CampaignUuid>) -> Result<Vec<Pacing>, RequestError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Pacing { only, reply }).await.map_err(|_| RequestError::Stopping)?;
        answer.await.map_err(|_| RequestError::Stopping)
    }

    /// Gives up a dialing: its call is hung up, and without an answer before that it is no try.
    ///
    /// # Errors
    /// Where there is no such dialing, or the records cannot be written.
    pub async fn withdraw(&self, dialing: DialingUuid) -> Result<(), RequestError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Withdraw { dialing, reply }).await.map_err(|_| RequestError::Stopping)?;
        answer.await.map_err(|_| RequestError::Stopping)?
    }

    /// Has the engine go by these options from now on.
    ///
    /// # Errors
    /// Where the daemon is stopping.
    pub async fn set_options(&self, options: engine::Options) -> Result<(), RequestError> {
        self.requests.send(Request::Options(options)).await.map_err(|_| RequestError::Stopping)
    }

    /// Tells the engine which nodes of destinations Asterisk's dialplan has.
    ///
    /// # Errors
    /// Where the daemon is stopping.
    pub async fn set_nodes(&self, nodes: BTreeSet<String>) -> Result<(), RequestError> {
        self.requests.send(Request::Nodes(nodes)).await.map_err(|_| RequestError::Stopping)
    }

    /// Whether Asterisk's dialplan has the place that a destination of type 0 names; `None` where nobody says so in time.
    pub async fn is_in_dialplan(&self, destination: &Destination) -> Option<bool> {
        let ask = self.dialplan.as_ref().filter(|_| destination.place().is_some() && *self.link.borrow())?;
        let (reply, answer) = oneshot::channel();
        ask.try_send(Question { destination: destination.clone(), reply }).ok()?;
        tokio::time::timeout(DIALPLAN_WAIT, answer).await.ok()?.ok()?
    }

    /// Ends once the driver has come to it: it turns. At once where it has ended.
    pub async fn beat(&self) {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(Request::Beat { reply }).await.is_ok() {
            drop(answer.await);
        }
    }

    /// Whether the driver has ended.
    pub fn is_stopped(&self) -> bool {
        self.requests.is_closed()
    }

    /// Whether Asterisk is there, and every change of that.
    pub fn link(&self) -> watch::Receiver<bool> {
        self.link.clone()
    }

    /// What the clock says that everything is decided by.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// The records, for reading.
    pub fn records(&self) -> &Store {
        &self.store
    }

    /// Every change of a destination from now on, without saying which.
    pub fn destinations(&self) -> watch::Receiver<()> {
        self.bus.destinations()
    }

    /// Every event from now on.
    pub fn events(&self) -> broadcast::Receiver<Arc<Told>> {
        self.bus.subscribe()
    }
}
