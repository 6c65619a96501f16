//! One seed's world and its clock: everything that is due stands in one queue, in order of its time, and nothing reads
//! a real clock. What happens takes no time of its own; whatever takes time in life comes due later.

use std::collections::BTreeMap;
use std::time::Duration;

use astout::asterisk::Order;
use astout::asterisk::connection::{FromAsterisk, ToAsterisk};
use astout::asterisk::interpreter::Tag;
use astout::engine::Input;
use astout::model::ids::DialingUuid;
use astout::model::time::{Now, Timestamp};
use astout::result_log::Logged;
use astout::sandbox::world::SessionId;
use astout::store::Committed;
use bytes::Bytes;
use fastrand::Rng;

use crate::daemon::Daemon;
use crate::kills::Kills;
use crate::link::Wire;
use crate::model::Model;
use crate::operator::{Deed, Operator};
use crate::pbx::Pbx;
use crate::places::Places;
use crate::tally::Tally;
use crate::trace::Trace;
use crate::troubles::Trouble;

/// 2026-01-01, 08:00 UTC.
const WALL_AT_START: i64 = 1_767_254_400_000_000;
/// More steps than this at one instant are a busy loop.
const STEPS_AT_ONCE: u32 = 5_000;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What comes due. Those in the second group die with the daemon.
pub(crate) enum Due {
    /// The daemon is started.
    Boot,
    /// Bytes come to the PBX; `None`: the other side has closed.
    ToServer(SessionId, Option<Bytes>),
    /// A connection that was neither read nor written is again.
    Resume(SessionId),
    /// Something goes wrong.
    Trouble(Trouble),
    /// It no longer does.
    Mended(Trouble),
    /// An operator does something.
    Deed(Deed),
    /// A kill that waits for no point.
    Kill,
    /// The point of the next kill is looked out for.
    Arm,

    /// The daemon connects.
    Connect,
    /// That took too long.
    ConnectTimeout,
    /// Bytes come from the PBX; `None`: it has closed.
    ToClient(SessionId, Option<Bytes>),
    /// The connection writes what it has.
    Flush,
    /// The connection tells the interpreter.
    Told(Box<FromAsterisk<Tag>>),
    /// The interpreter asks the connection.
    Ask(ToAsterisk<Tag>),
    /// The interpreter tells the desk.
    Input(Box<Input>),
    /// The desk orders something of the interpreter.
    Order(Order),
    /// The store's writer commits what it has in hand.
    Commit,
    /// Its answer comes to the desk.
    Answer(Box<Committed>),
    /// The log's writer writes what it has in hand.
    Write,
    /// Its word comes to the desk.
    Logged(Logged),
    /// A channel of a dialing that is not open.
    Orphan(DialingUuid),
    /// The link has been up for some time, if no other trouble has come since.
    Seeing(u64),
    /// So long after the link came up nothing may be half done, if no other trouble has come since.
    Settled { up: Duration, troubles: u64 },
}

impl Due {
    fn is_of_the_daemon(&self) -> bool {
        match self {
            Self::Boot
            | Self::ToServer(..)
            | Self::Resume(_)
            | Self::Trouble(_)
            | Self::Mended(_)
            | Self::Deed(_)
            | Self::Kill
            | Self::Arm => false,
            Self::Connect
            | Self::ConnectTimeout
            | Self::ToClient(..)
            | Self::Flush
            | Self::Told(_)
            | Self::Ask(_)
            | Self::Input(_)
            | Self::Order(_)
            | Self::Commit
            | Self::Answer(_)
            | Self::Write
            | Self::Logged(_)
            | Self::Orphan(_)
            | Self::Seeing(_)
            | Self::Settled { .. } => true,
        }
    }
}

/// See the module.
pub(crate) struct Simulation {
    pub(crate) rng: Rng,
    pub(crate) now: Duration,
    /// How far the wall clock was set off, in microseconds.
    wall_offset: i64,
    /// Whether it was ever set back.
    pub(crate) set_back: bool,
    due: BTreeMap<(Duration, u64), Due>,
    serial: u64,
    pub(crate) places: Places,
    /// `None` while it is dead.
    pub(crate) daemon: Option<Daemon>,
    pub(crate) kills: Kills,
    pub(crate) pbx: Pbx,
    pub(crate) wires: BTreeMap<SessionId, Wire>,
    /// How long bytes take at least, and how much more at most.
    pub(crate) latency: (Duration, Duration),
    /// How long the machine lets something wait at most that is to be done at once.
    pub(crate) lag: Duration,
    /// How long a commit, or a write of the log, takes at most.
    pub(crate) disk: Duration,
    /// Whether no byte comes through, and what has to wait for that.
    pub(crate) blackout: bool,
    pub(crate) held_back: Vec<Due>,
    pub(crate) store_works: bool,
    pub(crate) log_works: bool,
    pub(crate) model: Model,
    pub(crate) operator: Operator,
    pub(crate) trace: Trace,
    pub(crate) tally: Tally,
}

impl Simulation {
    /// The world of a seed, in which nothing has happened yet.
    pub(crate) fn new(seed: u64, places: Places, trace: Trace) -> Self {
        let mut rng = Rng::with_seed(seed);
        let operator = Operator::new(&mut rng);
        let model = Model::new(&operator.options);
        let latency = (Duration::from_micros(rng.u64(50..30_000)), Duration::from_micros(rng.u64(1..5_000)));
        let lag = if rng.u8(..4) == 0 { millis(rng.u64(1..150)) } else { millis(2) };
        let disk = if rng.u8(..4) == 0 { millis(rng.u64(1..400)) } else { millis(5) };
        let mut simulation = Self {
            now: Duration::ZERO,
            wall_offset: 0,
            set_back: false,
            due: BTreeMap::new(),
            serial: 0,
            places,
            daemon: None,
            kills: Kills::default(),
            pbx: Pbx::new(seed, &mut rng, unix_of(WALL_AT_START)),
            wires: BTreeMap::new(),
            latency,
            lag,
            disk,
            blackout: false,
            held_back: Vec::new(),
            store_works: true,
            log_works: true,
            model,
            operator,
            trace,
            tally: Tally::default(),
            rng,
        };
        simulation.after(Duration::ZERO, Due::Boot);
        simulation
    }

    // ---- the clock

    /// The time as the daemon has it.
    pub(crate) fn time(&self) -> Now {
        Now { mono: self.now, wall: Timestamp::from_micros(self.wall()) }
    }

    /// The time as the two ends of AMI have it.
    pub(crate) fn ami_time(&self) -> astout::ami::Now {
        astout::ami::Now { monotonic: self.now, unix: unix_of(self.wall()) }
    }

    fn wall(&self) -> i64 {
        WALL_AT_START + self.wall_offset + i64::try_from(self.now.as_micros()).unwrap()
    }

    /// The wall clock as a time of the system, for files.
    pub(crate) fn system_time(&self) -> std::time::SystemTime {
        std::time::UNIX_EPOCH + unix_of(self.wall())
    }

    /// Sets the wall clock off by so many seconds.
    pub(crate) fn jump_wall(&mut self, seconds: i64) {
        self.wall_offset += seconds * 1_000_000;
        self.set_back |= seconds < 0;
    }

    /// Has something come due so long from now.
    pub(crate) fn after(&mut self, wait: Duration, due: Due) {
        self.at(self.now + wait, due);
    }

    pub(crate) fn at(&mut self, at: Duration, due: Due) {
        self.serial += 1;
        self.due.insert((at, self.serial), due);
    }

    /// Some time up to `most`; mostly none worth speaking of.
    pub(crate) fn some(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap();
        Duration::from_micros(if self.rng.u8(..4) == 0 {
            self.rng.u64(..=most)
        } else {
            self.rng.u64(..=most / 20)
        })
    }

    /// What was to come due for the daemon does no longer.
    pub(crate) fn forget_daemon(&mut self) {
        self.due.retain(|_, due| !due.is_of_the_daemon());
    }

    /// Takes away what matches.
    pub(crate) fn forget(&mut self, lost: impl Fn(&Due) -> bool) {
        self.due.retain(|_, due| !lost(due));
    }

    /// Lets time pass, with everything that happens in it.
    pub(crate) async fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        let mut at_once = 0;
        loop {
            let queued = self.due.first_key_value().map(|((at, _), _)| *at);
            let next = [queued, self.daemon_deadline(), self.pbx_deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            if next > self.now {
                self.now = next;
                at_once = 0;
            }
            at_once += 1;
            assert!(at_once < STEPS_AT_ONCE, "a busy loop at {:?}", self.now);
            if queued.is_some_and(|at| at <= self.now) {
                let Some((_, due)) = self.due.pop_first() else { continue };
                self.happen(due).await;
            } else if self.daemon_deadline().is_some_and(|at| at <= self.now) {
                self.daemon_timer();
            } else {
                self.pbx_timer();
            }
        }
        self.now = end;
    }

    async fn happen(&mut self, due: Due) {
        match due {
            Due::ToServer(..) | Due::ToClient(..) if self.blackout => self.held_back.push(due),
            Due::Boot => self.boot().await,
            Due::ToServer(session, bytes) => self.server_receives(session, bytes),
            Due::Resume(session) => self.resume(session),
            Due::Trouble(trouble) => self.trouble(trouble),
            Due::Mended(trouble) => self.mended(trouble),
            Due::Deed(deed) => self.deed(&deed),
            Due::Kill => self.kill("at any moment"),
            Due::Arm => self.kills.arm(),
            Due::Connect => self.connect(),
            Due::ConnectTimeout => self.connection_lost("no answer", false),
            Due::ToClient(session, bytes) => self.client_receives(session, bytes),
            Due::Flush => self.flush(),
            Due::Told(told) => self.tell_interpreter(*told),
            Due::Ask(ask) => self.ask(ask),
            Due::Input(input) => self.tell_desk(*input),
            Due::Order(order) => self.order(order),
            Due::Commit => self.commit().await,
            Due::Answer(answer) => self.answer(*answer),
            Due::Write => self.write(),
            Due::Logged(logged) => self.logged(logged),
            Due::Orphan(dialing) => self.orphan(dialing).await,
            Due::Seeing(serial) => self.seeing(serial),
            Due::Settled { up, troubles } => self.model.settled(self.now, up, troubles),
        }
    }
}

fn unix_of(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
