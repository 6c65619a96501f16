//! The driver: the only owner of the engine. It feeds it what happens and carries out what it decides.
//!
//! The ordering law is kept here: an Originate goes out only as an effect of a committed claim; the end of a dialing
//! is committed with its result line, the line is written and synced, and only then does the engine hear of it and
//! announce it. While the records or the log cannot be written, ends wait, and so the slots that they hold: dialing
//! stops by itself, calls go on, and both resume.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::asterisk::Order;
use crate::engine::breaker::Turn;
use crate::engine::{Effect, Engine, Input, Notice};
use crate::model::dialing::Ending;
use crate::model::dl::Dl;
use crate::model::event::{Change, Noun, OutEvent};
use crate::model::ids::{CampaignUuid, DialingUuid};
use crate::model::refusal::{NounKind, Refusal};
use crate::result_log::{LogWriter, Logged};
use crate::store::{ClaimOrder, Command, Committed, Done, Store};

use super::bus::Bus;
use super::clock::Clock;
use super::handle::{Handle, Request, RequestError, Write};

/// Requests that may wait before a door has to.
const REQUESTS: usize = 1024;
/// How long a stop waits for originates that Asterisk has not answered, and for what is being written.
const STOP_WAIT: Duration = Duration::from_secs(20);
/// How many inputs are taken before the other sources are looked at again.
const INPUTS_AT_ONCE: usize = 256;

/// What the driver is given.
#[derive(Debug)]
pub struct Parts {
    /// Decides.
    pub engine: Engine,
    /// Remembers.
    pub store: Store,
    /// The answers of the store, in commit order.
    pub committed: mpsc::UnboundedReceiver<Committed>,
    /// Orders to Asterisk.
    pub orders: mpsc::UnboundedSender<Order>,
    /// What happens at Asterisk.
    pub inputs: mpsc::Receiver<Input>,
    /// The result log.
    pub log: LogWriter,
    /// The time.
    pub clock: Clock,
    /// Whether calls that live though their dialing has ended are hung up.
    pub hang_up_orphans: bool,
}

/// Makes the driver and the handle by which the doors ask it.
pub fn new(parts: Parts) -> (Driver, Handle) {
    let (requests, taken) = mpsc::channel(REQUESTS);
    let bus = Bus::new();
    let handle = Handle::new(requests, parts.store.clone(), bus.clone());
    let driver = Driver {
        engine: parts.engine,
        store: parts.store,
        committed: parts.committed,
        orders: parts.orders,
        inputs: parts.inputs,
        log: parts.log,
        clock: parts.clock,
        requests: taken,
        bus,
        waiting: HashMap::new(),
        ticket: 0,
        to_announce: BTreeMap::new(),
        store_down: false,
        hang_up_orphans: parts.hang_up_orphans,
    };
    (driver, handle)
}

/// What a command that was submitted to the store waits for.
#[derive(Debug)]
enum Waiting {
    Reply(oneshot::Sender<Result<Noun, RequestError>>),
    Claim(CampaignUuid),
    Transition(CampaignUuid),
    Finish(Box<Ending>),
    Withdraw(DialingUuid, oneshot::Sender<Result<(), RequestError>>),
    Nothing,
}

/// See the module.
#[derive(Debug)]
pub struct Driver {
    engine: Engine,
    store: Store,
    committed: mpsc::UnboundedReceiver<Committed>,
    orders: mpsc::UnboundedSender<Order>,
    inputs: mpsc::Receiver<Input>,
    log: LogWriter,
    clock: Clock,
    requests: mpsc::Receiver<Request>,
    bus: Bus,
    waiting: HashMap<u64, Waiting>,
    ticket: u64,
    /// Ends that are committed and whose line is being written, by its number.
    to_announce: BTreeMap<i64, (DialingUuid, Box<Dl>)>,
    store_down: bool,
    hang_up_orphans: bool,
}

impl Driver {
    /// Drives until `stop`, then until nothing is half done, but not for ever. Calls that are up stay up.
    pub async fn run(mut self, stop: CancellationToken) -> Store {
        self.feed(Input::Tick);
        let mut give_up: Option<Instant> = None;
        loop {
            if let Some(at) = give_up {
                if self.is_settled() {
                    break;
                }
                if Instant::now() >= at {
                    warn!("stopping with work under way: the next start finds it in the database");
                    break;
                }
            }
            let deadline = self.engine.next_deadline().map(|mono| self.clock.instant(mono));
            let wake = deadline.into_iter().chain(give_up).min();
            tokio::select! {
                Some(committed) = self.committed.recv() => self.committed(committed),
                Some(logged) = self.log.logged() => self.logged(logged),
                Some(input) = self.inputs.recv() => {
                    self.feed(input);
                    for _ in 0..INPUTS_AT_ONCE {
                        let Ok(input) = self.inputs.try_recv() else { break };
                        self.feed(input);
                    }
                }
                Some(request) = self.requests.recv() => self.request(request),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.feed(Input::Tick),
                () = stop.cancelled(), if give_up.is_none() => {
                    info!("stopping: nothing more is dialled, calls that are up stay up");
                    give_up = Some(Instant::now() + STOP_WAIT);
                    self.feed(Input::Drain);
                }
            }
        }
        self.store
    }

    fn is_settled(&self) -> bool {
        self.engine.unacknowledged() == 0 && self.waiting.is_empty() && self.to_announce.is_empty()
    }

    fn feed(&mut self, input: Input) {
        let effects = self.engine.handle(self.clock.now(), input);
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Claim { campaign, capsule, ids, epoch } => {
                let order = ClaimOrder { campaign, capsule, ids, epoch };
                self.submit(Command::Claim(order), Waiting::Claim(campaign));
            }
            Effect::Transition { campaign, from, to } => {
                self.submit(Command::Transition { campaign, from, to }, Waiting::Transition(campaign));
            }
            Effect::Progress(dialing, progress) => {
                self.submit(Command::Progress(dialing, progress), Waiting::Nothing);
            }
            Effect::Finish(ending) => self.submit(Command::Finish(ending.clone()), Waiting::Finish(ending)),
            Effect::Publish(event) => self.bus.publish(event),
            Effect::Notice(notice) => tell(&notice),
            Effect::Orphan(dialing) => self.orphan(dialing),
            Effect::Originate(attempt) => self.order(Order::Originate(attempt)),
            Effect::Hangup(dialing) => self.order(Order::Hangup(dialing)),
            Effect::Probe(dialing) => self.order(Order::Probe(dialing)),
            Effect::Scan => self.order(Order::Scan),
            Effect::WatchQueue(queue) => self.order(Order::WatchQueue(queue)),
        }
    }

    /// A channel with the id of a dialing that is not open. A stranger's channel may have a uuid of its own.
    fn orphan(&self, dialing: DialingUuid) {
        let (store, orders, hang_up) = (self.store.clone(), self.orders.clone(), self.hang_up_orphans);
        tokio::spawn(async move {
            match store.is_dialing(dialing).await {
                Ok(true) if hang_up => {
                    warn!(%dialing, "a call lives whose dialing has ended: it is hung up");
                    drop(orders.send(Order::Hangup(dialing)));
                }
                Ok(true) => warn!(%dialing, "a call lives whose dialing has ended; it is left alone"),
                Ok(false) => {}
                Err(why) => warn!(%dialing, %why, "a channel may be an orphan"),
            }
        });
    }

    fn order(&self, order: Order) {
        // The other side ends only with the daemon.
        drop(self.orders.send(order));
    }

    fn submit(&mut self, command: Command, waiting: Waiting) {
        self.ticket += 1;
        self.waiting.insert(self.ticket, waiting);
        self.store.submit(self.ticket, self.clock.now().wall, command);
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Write { write, kind, fields, reply } => {
                let command = match write {
                    Write::Create(uuid) => Command::Create { kind, uuid, fields },
                    Write::Update => Command::Update { kind, fields },
                    Write::Delete => Command::Delete { kind, fields },
                };
                self.submit(command, Waiting::Reply(reply));
            }
            Request::Dialings { reply } => drop(reply.send(self.engine.dialings().cloned().collect())),
            Request::Options(options) => self.feed(Input::Options(options)),
            Request::Withdraw { dialing, reply } => {
                if self.engine.dialing(dialing).is_some() {
                    self.submit(Command::Withdraw(dialing), Waiting::Withdraw(dialing, reply));
                } else {
                    let uuid = dialing.to_string();
                    let refusal = Refusal::NoSuch { noun: NounKind::Dialing, field: "Uuid", uuid };
                    drop(reply.send(Err(refusal.into())));
                }
            }
        }
    }

    fn committed(&mut self, Committed { ticket, done }: Committed) {
        let Some(waiting) = self.waiting.remove(&ticket) else { return };
        match (&done, self.store_down) {
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
        match (waiting, done) {
            (Waiting::Reply(reply), Done::Stored { change, noun }) => {
                drop(reply.send(Ok(noun.clone())));
                self.changed(change, noun);
            }
            (Waiting::Reply(reply), Done::Refused(refusal)) => drop(reply.send(Err(refusal.into()))),
            (Waiting::Reply(reply), Done::Failed(why)) => drop(reply.send(Err(why.into()))),
            (Waiting::Claim(campaign), Done::Claimed(claimed)) => {
                self.feed(Input::Claimed { campaign, attempts: claimed.dialings, outlook: claimed.outlook });
            }
            (Waiting::Transition(_), Done::Moved { campaign }) => {
                self.changed(Change::Update, Noun::Campaign(campaign));
            }
            (Waiting::Transition(campaign), Done::NotMoved) => self.feed(Input::NotMoved(campaign)),
            (Waiting::Claim(campaign) | Waiting::Transition(campaign), Done::Failed(_)) => {
                self.feed(Input::StoreFailed(campaign));
            }
            (Waiting::Finish(ending), Done::Finished { dl, seq, line }) => {
                self.to_announce.insert(seq, (ending.dialing.attempt.uuid, Box::new(dl)));
                self.log.append(seq, line);
            }
            (Waiting::Finish(ending), Done::AlreadyFinished) => {
                self.feed(Input::Ended(ending.dialing.attempt.uuid, None));
            }
            (Waiting::Finish(ending), Done::Failed(_)) => self.feed(Input::EndFailed(ending)),
            (Waiting::Withdraw(dialing, reply), Done::Noted) => {
                drop(reply.send(Ok(())));
                self.feed(Input::Withdraw(dialing));
            }
            (Waiting::Withdraw(_, reply), Done::Failed(why)) => drop(reply.send(Err(why.into()))),
            (Waiting::Nothing, _) => {}
            (waiting, done) => error!(?waiting, ?done, "the store answered what was not asked"),
        }
    }

    fn changed(&mut self, change: Change, noun: Noun) {
        let event = OutEvent::new(change, noun);
        self.bus.publish(event.clone());
        self.feed(Input::Changed(change, event.noun));
    }

    /// The log holds every line up to that one: their ends may be announced.
    fn logged(&mut self, Logged { seq }: Logged) {
        let later = self.to_announce.split_off(&(seq + 1));
        for (_, (dialing, dl)) in std::mem::replace(&mut self.to_announce, later) {
            self.feed(Input::Ended(dialing, Some(dl)));
        }
        self.submit(Command::Logged { seq }, Waiting::Nothing);
    }
}

fn tell(notice: &Notice) {
    match notice {
        Notice::Trunk { trunk, turn: Turn::Opened { faults, attempts, wait } } => warn!(
            trunk,
            "{faults} of the last {attempts} attempts were the trunk's fault: nothing is dialled over it for {wait:?}"
        ),
        Notice::Trunk { trunk, turn: Turn::Closed } => info!(trunk, "the trunk works again"),
    }
}
