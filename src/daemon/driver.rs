//! The driver: the loop around the [`Desk`]. It waits for what happens, tells it the desk, and does what that decides,
//! in its order.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::asterisk::Order;
use crate::engine::breaker::Turn;
use crate::engine::{Engine, Input, Notice, place};
use crate::model::ids::DialingUuid;
use crate::result_log::{LogError, LogWriter, News};
use crate::store::{Committed, Health, Store, StoreError};

use super::bus::Bus;
use super::clock::Clock;
use super::control::{Manner, Stop};
use super::desk::{Act, Desk, Hold};
use super::handle::{Handle, Request};

/// Requests that may wait before a door has to.
const REQUESTS: usize = 1024;
/// How long a stop waits for originates that Asterisk has not answered, and for what is being written.
const STOP_WAIT: Duration = Duration::from_secs(20);
/// How long one that is to be at once waits for what is being written.
const NOW_WAIT: Duration = Duration::from_millis(500);
/// How many inputs, answers of the store or requests are taken before the other sources are looked at again. What a client
/// sends together so reaches the store together.
const AT_ONCE: usize = 512;

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
    /// Whether too little room is left on disk for anything new.
    pub low: watch::Receiver<bool>,
    /// What is wrong with the database as a whole.
    pub health: mpsc::UnboundedReceiver<Health>,
    /// The time.
    pub clock: Clock,
    /// Whether calls that live though their dialing has ended are hung up.
    pub hang_up_orphans: bool,
}

/// Why the daemon has to end: what it would write from here on could be lost, and nobody would know.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The result log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the driver and the handle by which the doors ask it.
pub fn new(parts: Parts) -> (Driver, Handle) {
    let (requests, taken) = mpsc::channel(REQUESTS);
    let bus = Bus::new();
    let (link, known) = watch::channel(false);
    let handle = Handle::new(requests, parts.store.clone(), bus.clone(), known, parts.clock);
    let driver = Driver {
        desk: Desk::new(parts.engine),
        store: parts.store,
        committed: parts.committed,
        orders: parts.orders,
        inputs: parts.inputs,
        log: parts.log,
        low: parts.low,
        health: parts.health,
        clock: parts.clock,
        requests: taken,
        bus,
        link,
        hang_up_orphans: parts.hang_up_orphans,
    };
    (driver, handle)
}

/// See the module.
#[derive(Debug)]
pub struct Driver {
    desk: Desk,
    store: Store,
    committed: mpsc::UnboundedReceiver<Committed>,
    orders: mpsc::UnboundedSender<Order>,
    inputs: mpsc::Receiver<Input>,
    log: LogWriter,
    low: watch::Receiver<bool>,
    health: mpsc::UnboundedReceiver<Health>,
    clock: Clock,
    requests: mpsc::Receiver<Request>,
    bus: Bus,
    /// Whether Asterisk is there, for whoever shows it.
    link: watch::Sender<bool>,
    hang_up_orphans: bool,
}

impl Driver {
    /// Drives until `stop`, then until nothing is half done, but not for ever unless it drains; or until what it writes
    /// can no longer be believed to be kept. Calls that are up stay up, unless they are to be hung up.
    pub async fn run(mut self, stop: Stop) -> (Store, Result<(), Broken>) {
        let driven = self.drive(stop).await;
        (self.store, driven)
    }

    async fn drive(&mut self, stop: Stop) -> Result<(), Broken> {
        // Until it says that it can be written: a restart must not be what lets another batch be dialled.
        self.hold(Hold::Log, true);
        self.look_at_room();
        while let Ok(health) = self.health.try_recv() {
            self.judge(health)?;
        }
        self.feed([Input::Tick]);
        let mut stopping: Option<Manner> = None;
        let mut give_up: Option<Instant> = None;
        loop {
            if stopping.is_some_and(|manner| self.is_over(manner)) {
                break;
            }
            if give_up.is_some_and(|at| Instant::now() >= at) {
                warn!("stopping with work under way: the next start finds it in the database");
                break;
            }
            let deadline = self.desk.next_deadline().map(|mono| self.clock.instant(mono));
            let wake = deadline.into_iter().chain(give_up).min();
            tokio::select! {
                Some(committed) = self.committed.recv() => self.hear(Some(committed)),
                Some(news) = self.log.news() => match news {
                    News::Logged(logged) => {
                        let acts = self.desk.logged(self.clock.now(), logged);
                        self.perform(acts);
                    }
                    News::Failing => self.hold(Hold::Log, true),
                    News::Working => self.hold(Hold::Log, false),
                    News::Broken(why) => return Err(why.into()),
                },
                Some(health) = self.health.recv() => self.judge(health)?,
                Ok(()) = self.low.changed() => self.look_at_room(),
                Some(input) = self.inputs.recv() => {
                    let more = std::iter::from_fn(|| self.inputs.try_recv().ok()).take(AT_ONCE);
                    let inputs: Vec<_> = std::iter::once(input).chain(more).collect();
                    self.feed(inputs);
                }
                Some(request) = self.requests.recv() => {
                    // Whoever asks may know of a contact that it has made: so must we.
                    self.hear(None);
                    self.asked(request);
                    for _ in 0..AT_ONCE {
                        let Ok(request) = self.requests.try_recv() else { break };
                        self.asked(request);
                    }
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.feed([Input::Tick]),
                manner = stop.more_urgent(stopping) => {
                    stopping = Some(manner);
                    give_up = self.begin_stop(manner).map(|wait| Instant::now() + wait);
                }
            }
        }
        Ok(())
    }

    /// What the store has answered by now, behind `first`.
    fn hear(&mut self, first: Option<Committed>) {
        let more = std::iter::from_fn(|| self.committed.try_recv().ok()).take(AT_ONCE);
        let acts = self.desk.committed(self.clock.now(), first.into_iter().chain(more));
        self.perform(acts);
    }

    fn asked(&mut self, request: Request) {
        let acts = self.desk.request(self.clock.now(), request);
        self.perform(acts);
    }

    fn look_at_room(&mut self) {
        let low = *self.low.borrow_and_update();
        self.hold(Hold::Room, low);
    }

    fn judge(&mut self, health: Health) -> Result<(), Broken> {
        match health {
            Health::Suspect | Health::Damaged => self.hold(Hold::Damage, true),
            Health::Whole => self.hold(Hold::Damage, false),
            Health::Broken(why) => return Err(why.into()),
        }
        Ok(())
    }

    fn hold(&mut self, reason: Hold, holds: bool) {
        let acts = self.desk.hold(self.clock.now(), reason, holds);
        self.perform(acts);
    }

    /// Dials no more; gives how long the rest may take.
    fn begin_stop(&mut self, manner: Manner) -> Option<Duration> {
        self.feed([Input::Drain]);
        let calls = self.desk.engine().dialings().count();
        match manner {
            Manner::Drain => {
                info!(calls, "draining: nothing more is dialled, astout ends with the last call");
                None
            }
            Manner::InOrder => {
                info!(calls, "stopping: nothing more is dialled, calls that are up stay up");
                Some(STOP_WAIT)
            }
            Manner::HangUp => {
                warn!(calls, "stopping: nothing more is dialled, every call is hung up, as was asked for");
                let acts = self.desk.give_up_all(self.clock.now());
                self.perform(acts);
                Some(STOP_WAIT)
            }
            Manner::Now => {
                warn!(calls, "stopping at once");
                Some(NOW_WAIT)
            }
        }
    }

    fn is_over(&self, manner: Manner) -> bool {
        match manner {
            Manner::Drain | Manner::HangUp => {
                self.desk.is_written() && self.desk.engine().dialings().next().is_none()
            }
            Manner::InOrder => self.desk.is_settled(),
            Manner::Now => self.desk.is_written(),
        }
    }

    fn feed(&mut self, inputs: impl IntoIterator<Item = Input>) {
        let told = inputs.into_iter().inspect(|input| {
            let up = matches!(input, Input::LinkUp { .. });
            if up || matches!(input, Input::LinkDown) {
                self.link.send_replace(up);
            }
        });
        let acts = self.desk.input(self.clock.now(), told);
        self.perform(acts);
    }

    fn perform(&self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Submit { ticket, now, command } => self.store.submit(ticket, now.wall, *command),
                // The other side ends only with the daemon.
                Act::Order(order) => drop(self.orders.send(order)),
                Act::Append { seq, line } => self.log.append(seq, line),
                Act::Publish(event) => self.bus.publish(event),
                Act::Tell(notice) => tell(&notice),
                Act::Orphan(dialing) => self.orphan(dialing),
            }
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
}

fn tell(notice: &Notice) {
    match notice {
        Notice::Trunk { trunk, turn: Turn::Opened { faults, attempts, wait } } => warn!(
            trunk,
            "{faults} of the last {attempts} attempts were the trunk's fault: nothing is dialled over it for {wait:?}"
        ),
        Notice::ListEnded { campaign, name, calls, answered } => info!(
            %campaign,
            name,
            calls,
            answered,
            "the campaign's list has ended, and it stops: every contact is finished"
        ),
        Notice::Held { dl } => warn!(
            %dl,
            "nobody saw the end of its call: the contact is held; OutDlListUpdate with Status: 0 has it dialled again"
        ),
        Notice::NoSip { channel } => warn!(
            channel,
            "no channel could be made: Asterisk has had no chan_sip since version 21; give the plan TechName: PJSIP/"
        ),
        Notice::Trunk { trunk, turn: Turn::Closed } => info!(trunk, "the trunk works again"),
        Notice::Place { place, turn: place::Turn::Missing } => {
            let place::Place { context, exten, priority } = place;
            warn!(
                context,
                exten,
                priority,
                "Asterisk's dialplan has no such place: campaigns whose destination it is dial one contact every \
                 {:?} until it has; see `dialplan show {context}` at Asterisk, add it there, or give the destination \
                 another one with OutDestinationUpdate",
                place::WAIT
            );
        }
        Notice::Place { place, turn: place::Turn::There } => {
            info!(%place, "Asterisk's dialplan has the place again");
        }
        Notice::ClockJump { ahead_ms } => {
            let (by, to) = (
                Duration::from_millis(ahead_ms.unsigned_abs()),
                if *ahead_ms < 0 { "back" } else { "forward" },
            );
            warn!(
                alarm = "clock_jump",
                "the wall clock was set {to} by {by:?}: schedules follow it, calls under way are timed without it"
            );
        }
        Notice::CannotStart { campaign, why } => {
            warn!(%campaign, "its schedule's window is open, and it cannot be started: {why}");
        }
    }
}
