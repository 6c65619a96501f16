//! The desk: the engine, and what is under way for it. What was asked of the store, and which lines are being written.
//! It decides what is to be done next and does nothing itself: time comes in as a parameter, and what is to be done
//! goes out as [`Act`]s, in the order in which they are to be done.
//!
//! The ordering law is kept here: an Originate goes out only as an effect of a committed claim; the end of a dialing
//! is committed with its result line, the line is written and synced, and only then does the engine hear of it and
//! announce it. While the records or the log cannot be written, ends wait, and so the slots that they hold: calls go on,
//! and nothing is dialled whose end could not be recorded either. Both resume.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info};

use crate::asterisk::Order;
use crate::engine::explain::{About, Explained, RECORDS};
use crate::engine::preview::{Told, Wish};
use crate::engine::{Effect, Engine, Input, Notice};
use crate::model::dialing::Ending;
use crate::model::dl::Dl;
use crate::model::event::{Change, Noun, OutEvent};
use crate::model::ids::{CampaignUuid, DialingUuid};
use crate::model::import::Import;
use crate::model::preview::Answer;
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Now;
use crate::result_log::Logged;
use crate::store::{ClaimOrder, Command, Committed, Done, PreviewOrder};

use super::handle::{Request, RequestError, Write};

/// Something to do.
#[derive(Debug)]
pub enum Act {
    /// Ask the store; the answer is given back by [`Desk::committed`].
    Submit {
        /// Comes back with the answer.
        ticket: u64,
        /// When it was asked.
        now: Now,
        /// What is asked.
        command: Box<Command>,
    },
    /// Ask Asterisk.
    Order(Order),
    /// Append a line to the result log; that it is there is told by [`Desk::logged`].
    Append {
        /// The line's number.
        seq: i64,
        /// The line, without a line feed.
        line: String,
    },
    /// Tell everybody who listens.
    Publish(OutEvent),
    /// Tell the people who read the daemon's log.
    Tell(Notice),
    /// A channel lives with the id of a dialing that is not open.
    Orphan(DialingUuid),
}

/// Why nothing new may be dialled for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// The result log cannot be written, or is not known to be.
    Log,
    /// Too little room is left on disk.
    Room,
    /// The database may be damaged.
    Damage,
}

impl Hold {
    fn words(self) -> &'static str {
        match self {
            Self::Log => {
                "the result log cannot be written, or is not known to be: dialing goes on once it can"
            }
            Self::Room => "too little room is left on disk: dialing goes on once there is more",
            Self::Damage => "the database may be damaged: dialing goes on once it was found whole",
        }
    }
}

/// What a command that was submitted to the store waits for.
#[derive(Debug)]
enum Waiting {
    Reply(oneshot::Sender<Result<Noun, RequestError>>),
    Claim(CampaignUuid),
    Keep {
        ask: u64,
        preview: DialingUuid,
    },
    LetGo {
        ask: Option<u64>,
        preview: DialingUuid,
    },
    Dial {
        ask: u64,
        campaign: CampaignUuid,
    },
    Transition(CampaignUuid),
    Finish(Box<Ending>),
    Withdraw(DialingUuid, oneshot::Sender<Result<(), RequestError>>),
    GiveUp(DialingUuid),
    Import {
        /// Whether it may have brought contacts.
        writes: bool,
        reply: oneshot::Sender<Result<Import, RequestError>>,
    },
    Nothing,
}

/// See the module.
#[derive(Debug)]
pub struct Desk {
    engine: Engine,
    waiting: HashMap<u64, Waiting>,
    ticket: u64,
    /// Agents that wait for an answer, by the numbers of their questions.
    agents: HashMap<u64, oneshot::Sender<Result<Answer, RequestError>>>,
    /// Ends that are committed and whose line is being written, by its number.
    to_announce: BTreeMap<i64, (DialingUuid, Box<Dl>)>,
    store_down: bool,
    held: BTreeSet<Hold>,
    acts: Vec<Act>,
    /// The engine was told something, and has not gone on since.
    fed: bool,
}

impl Desk {
    /// A desk with nothing under way.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            waiting: HashMap::new(),
            ticket: 0,
            agents: HashMap::new(),
            to_announce: BTreeMap::new(),
            store_down: false,
            held: BTreeSet::new(),
            acts: Vec::new(),
            fed: false,
        }
    }

    /// The engine, to look at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// When a [`Input::Tick`] is due at the latest; `None` where nothing is due by itself.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.engine.next_deadline()
    }

    /// Whether a stop would leave nothing half done.
    pub fn is_settled(&self) -> bool {
        self.engine.is_settled() && self.is_written()
    }

    /// Whether all that was decided is in the records and in the result log.
    pub fn is_written(&self) -> bool {
        self.waiting.is_empty() && self.to_announce.is_empty()
    }

    /// Every call is to be given up and hung up.
    #[must_use]
    pub fn give_up_all(&mut self, now: Now) -> Vec<Act> {
        let dialings: Vec<_> = self.engine.dialings().map(|dialing| dialing.attempt.uuid).collect();
        for dialing in dialings {
            // Nobody waits for the answer.
            let (reply, _) = oneshot::channel();
            self.submit(now, Command::Withdraw(dialing), Waiting::Withdraw(dialing, reply));
        }
        self.acts(now)
    }

    /// Something happened, or time has passed.
    #[must_use]
    pub fn input(&mut self, now: Now, inputs: impl IntoIterator<Item = Input>) -> Vec<Act> {
        for input in inputs {
            self.feed(now, input);
        }
        self.acts(now)
    }

    /// That reason to dial nothing new holds from now on, or no longer does.
    #[must_use]
    pub fn hold(&mut self, now: Now, reason: Hold, holds: bool) -> Vec<Act> {
        let held = !self.held.is_empty();
        if holds {
            self.held.insert(reason);
        } else {
            self.held.remove(&reason);
        }
        if held == self.held.is_empty() {
            self.feed(now, Input::Hold(!held));
        }
        self.acts(now)
    }

    /// A door asks.
    #[must_use]
    pub fn request(&mut self, now: Now, request: Request) -> Vec<Act> {
        match request {
            Request::Write { write, kind, fields, reply } => {
                let command = match write {
                    Write::Create(uuid) => Command::Create { kind, uuid, fields },
                    Write::Update => Command::Update { kind, fields },
                    Write::Delete => Command::Delete { kind, fields },
                };
                self.submit(now, command, Waiting::Reply(reply));
            }
            Request::Import { step, reply } => {
                let waiting = Waiting::Import { writes: step.writes(), reply };
                self.submit(now, Command::Import(step), waiting);
            }
            Request::Dialings { reply } => drop(reply.send(self.engine.dialings().cloned().collect())),
            Request::Explain { asked, number, reply } => {
                drop(reply.send(self.explain(now, &asked, number.as_deref())));
            }
            Request::Pacing { only, reply } => drop(reply.send(self.engine.pacing(now, only))),
            Request::Preview { ask, reply } => {
                self.ticket += 1;
                self.agents.insert(self.ticket, reply);
                self.feed(now, Input::Preview(Told::Asked(self.ticket, ask)));
            }
            Request::Previews { reply } => drop(reply.send(self.engine.previews().cloned().collect())),
            // Whoever asked may have stopped waiting.
            Request::Beat { reply } => drop(reply.send(())),
            Request::Options(options) => self.feed(now, Input::Options(options)),
            Request::Nodes(nodes) => self.feed(now, Input::Nodes(nodes)),
            Request::Withdraw { dialing, reply } => {
                if self.engine.dialing(dialing).is_some() {
                    self.submit(now, Command::Withdraw(dialing), Waiting::Withdraw(dialing, reply));
                } else {
                    let uuid = dialing.to_string();
                    let refusal = Refusal::NoSuch { noun: NounKind::Dialing, field: "Uuid", uuid };
                    drop(reply.send(Err(refusal.into())));
                }
            }
        }
        self.acts(now)
    }

    fn explain(&self, now: Now, asked: &[About], number: Option<&str>) -> Explained {
        let explain = |asked: &About| self.engine.explain(now, asked);
        let mut explanations: Vec<_> = asked.iter().filter_map(explain).collect();
        let findings = explanations.iter_mut().flat_map(|explanation| &mut explanation.findings);
        for finding in findings.filter(|finding| finding.gate == RECORDS && finding.holds) {
            // The engine knows that it is held; by what, is known here.
            let reasons: Vec<_> = self.held.iter().map(|hold| hold.words()).collect();
            finding.saw = reasons.join("; ");
        }
        let number_refused = number.and_then(|number| self.engine.refuses_number(number));
        Explained { explanations, number_refused }
    }

    /// The store has answered.
    #[must_use]
    pub fn committed(&mut self, now: Now, answers: impl IntoIterator<Item = Committed>) -> Vec<Act> {
        for Committed { ticket, done } in answers {
            let waiting = ticket.map(|ticket| self.waiting.remove(&ticket));
            match (waiting, done) {
                (Some(Some(waiting)), done) => {
                    self.watch_store(&done);
                    self.answered(now, waiting, done);
                }
                (Some(None), _) => {}
                // The door that has asked by itself is answered.
                (None, done) => {
                    self.watch_store(&done);
                    if let Done::Stored { change, noun } = done {
                        self.changed(now, change, noun);
                    }
                }
            }
        }
        self.acts(now)
    }

    /// The log holds every line up to that one: their ends may be announced.
    #[must_use]
    pub fn logged(&mut self, now: Now, Logged { seq }: Logged) -> Vec<Act> {
        let later = self.to_announce.split_off(&(seq + 1));
        for (_, (dialing, dl)) in std::mem::replace(&mut self.to_announce, later) {
            self.feed(now, Input::Ended(dialing, Some(dl)));
        }
        self.submit(now, Command::Logged { seq }, Waiting::Nothing);
        self.acts(now)
    }

    fn feed(&mut self, now: Now, input: Input) {
        self.fed = true;
        for effect in self.engine.take(now, input) {
            self.carry_out(now, effect);
        }
    }

    /// What is to be done, once everything is taken that was there.
    fn acts(&mut self, now: Now) -> Vec<Act> {
        if std::mem::take(&mut self.fed) {
            for effect in self.engine.go_on(now) {
                self.carry_out(now, effect);
            }
        }
        std::mem::take(&mut self.acts)
    }

    fn carry_out(&mut self, now: Now, effect: Effect) {
        match effect {
            Effect::Claim { campaign, capsule, ids, epoch } => {
                let order = ClaimOrder { campaign, capsule, ids, epoch };
                self.submit(now, Command::Claim(order), Waiting::Claim(campaign));
            }
            Effect::Preview(wish) => self.wish(now, wish),
            Effect::Transition { campaign, from, to } => {
                self.submit(now, Command::Transition { campaign, from, to }, Waiting::Transition(campaign));
            }
            Effect::Progress(dialing, progress) => {
                self.submit(now, Command::Progress(dialing, progress), Waiting::Nothing);
            }
            Effect::Finish(ending) => {
                self.submit(now, Command::Finish(ending.clone()), Waiting::Finish(ending));
            }
            Effect::Publish(event) => self.acts.push(Act::Publish(event)),
            Effect::Notice(notice) => self.acts.push(Act::Tell(notice)),
            Effect::Orphan(dialing) => self.acts.push(Act::Orphan(dialing)),
            Effect::Originate(attempt) => self.order(Order::Originate(attempt)),
            Effect::GiveUp(dialing) => {
                self.submit(now, Command::Withdraw(dialing), Waiting::GiveUp(dialing));
            }
            Effect::KeepPool(pool) => self.submit(now, Command::KeepPool(pool), Waiting::Nothing),
            Effect::Hangup(dialing) => self.order(Order::Hangup(dialing)),
            Effect::SendAway(dialing, place) => self.order(Order::Redirect(dialing, place)),
            Effect::Probe(dialing) => self.order(Order::Probe(dialing)),
            Effect::Scan => self.order(Order::Scan),
            Effect::WatchQueue(queue) => self.order(Order::WatchQueue(queue)),
        }
    }

    /// Does something about a contact that an agent looks at.
    fn wish(&mut self, now: Now, wish: Wish) {
        let (order, waiting) = match wish {
            Wish::Keep { ask, preview, campaign, capsule } => {
                (PreviewOrder::Keep { preview, campaign, capsule }, Waiting::Keep { ask, preview })
            }
            Wish::LetGo { ask, preview, behind } => {
                (PreviewOrder::LetGo { preview, behind }, Waiting::LetGo { ask, preview })
            }
            Wish::Dial { ask, dial } => {
                let waiting = Waiting::Dial { ask, campaign: dial.campaign };
                (PreviewOrder::Dial(dial), waiting)
            }
            Wish::Answer { ask, answer } => {
                return self.answer_agent(Some(ask), answer.map_err(RequestError::from));
            }
        };
        self.submit(now, Command::Preview(order), waiting);
    }

    fn answer_agent(&mut self, ask: Option<u64>, answer: Result<Answer, RequestError>) {
        if let Some(agent) = ask.and_then(|ask| self.agents.remove(&ask)) {
            // He may have stopped waiting.
            drop(agent.send(answer));
        }
    }

    fn order(&mut self, order: Order) {
        self.acts.push(Act::Order(order));
    }

    fn submit(&mut self, now: Now, command: Command, waiting: Waiting) {
        self.ticket += 1;
        self.waiting.insert(self.ticket, waiting);
        self.acts.push(Act::Submit { ticket: self.ticket, now, command: Box::new(command) });
    }

    /// Says it when the database begins to fail, and when it works again.
    fn watch_store(&mut self, done: &Done) {
        match (done, self.store_down) {
            // The daemon ends with these words.
            (Done::Failed(why), _) if why.is_final() => {}
            (Done::Failed(why), _) if !why.is_of_the_file() => error!(%why, "a change was not written"),
            (Done::Failed(why), false) => {
                self.store_down = true;
                error!(%why, "the database cannot be written: dialing stops, calls go on; trying again");
            }
            (Done::Failed(_), true) => {}
            (_, true) => {
                self.store_down = false;
                info!("the database can be written again: dialing goes on");
            }
            (_, false) => {}
        }
    }

    fn answered(&mut self, now: Now, waiting: Waiting, done: Done) {
        match (waiting, done) {
            (Waiting::Reply(reply), Done::Stored { change, noun }) => {
                drop(reply.send(Ok(noun.clone())));
                self.changed(now, change, noun);
            }
            (Waiting::Reply(reply), Done::Refused(refusal)) => drop(reply.send(Err(refusal.into()))),
            (Waiting::Reply(reply), Done::Failed(why)) => drop(reply.send(Err(why.into()))),
            (Waiting::Claim(campaign), Done::Claimed(claimed)) => {
                let (attempts, outlook) = (claimed.dialings, claimed.outlook);
                self.feed(now, Input::Claimed { campaign, attempts, outlook });
            }
            (Waiting::Dial { campaign, .. }, Done::Claimed(claimed)) => {
                let (attempts, outlook) = (claimed.dialings, claimed.outlook);
                self.feed(now, Input::Claimed { campaign, attempts, outlook });
            }
            (Waiting::Dial { ask, campaign }, Done::Failed(why)) => {
                self.answer_agent(Some(ask), Err(why.into()));
                self.feed(now, Input::StoreFailed(campaign));
            }
            (Waiting::Keep { preview, .. }, Done::Kept { contact, outlook }) => {
                self.feed(now, Input::Preview(Told::Kept { preview, contact, outlook }));
            }
            (Waiting::LetGo { ask, preview }, Done::Noted) => {
                self.feed(now, Input::Preview(Told::LetGo { ask, preview }));
            }
            (Waiting::Keep { ask, preview }, Done::Failed(why)) => {
                self.answer_agent(Some(ask), Err(why.into()));
                self.feed(now, Input::Preview(Told::Failed(preview)));
            }
            (Waiting::LetGo { ask, preview }, Done::Failed(why)) => {
                self.answer_agent(ask, Err(why.into()));
                self.feed(now, Input::Preview(Told::Failed(preview)));
            }
            (Waiting::Transition(_), Done::Moved { campaign, next }) => {
                for moved in [Some(campaign), next].into_iter().flatten() {
                    self.changed(now, Change::Update, Noun::Campaign(moved));
                }
            }
            (Waiting::Transition(campaign), Done::NotMoved) => self.feed(now, Input::NotMoved(campaign)),
            (Waiting::Claim(campaign) | Waiting::Transition(campaign), Done::Failed(_)) => {
                self.feed(now, Input::StoreFailed(campaign));
            }
            (Waiting::Finish(ending), Done::Finished { dl, seq, line }) => {
                self.to_announce.insert(seq, (ending.dialing.attempt.uuid, Box::new(dl)));
                self.acts.push(Act::Append { seq, line });
            }
            (Waiting::Finish(ending), Done::AlreadyFinished) => {
                self.feed(now, Input::Ended(ending.dialing.attempt.uuid, None));
            }
            (Waiting::Finish(ending), Done::Failed(_)) => self.feed(now, Input::EndFailed(ending)),
            (Waiting::Withdraw(dialing, reply), Done::Noted) => {
                drop(reply.send(Ok(())));
                self.feed(now, Input::Withdraw(dialing));
            }
            (Waiting::Withdraw(_, reply), Done::Failed(why)) => drop(reply.send(Err(why.into()))),
            (Waiting::GiveUp(dialing), Done::Noted) => self.feed(now, Input::GivenUp(dialing)),
            // It is named again.
            (Waiting::GiveUp(_), Done::Failed(_)) => {}
            (Waiting::Import { writes, reply }, Done::Imported(import)) => {
                if writes {
                    self.acts.push(Act::Publish(OutEvent::Imported(Arc::new(import.clone()))));
                    self.feed(now, Input::ListChanged(import.dlma_uuid));
                }
                drop(reply.send(Ok(import)));
            }
            (Waiting::Import { reply, .. }, Done::Refused(refusal)) => drop(reply.send(Err(refusal.into()))),
            (Waiting::Import { reply, .. }, Done::Failed(why)) => drop(reply.send(Err(why.into()))),
            (Waiting::Nothing, _) => {}
            (waiting, done) => error!(?waiting, ?done, "the store answered what was not asked"),
        }
    }

    fn changed(&mut self, now: Now, change: Change, noun: Noun) {
        let noun = Arc::new(noun);
        self.acts.push(Act::Publish(OutEvent::Noun { change, noun: Arc::clone(&noun) }));
        self.feed(now, Input::Changed(change, noun));
    }
}
