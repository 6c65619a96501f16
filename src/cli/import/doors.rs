//! The two ways of an import into the records: through the daemon, or beside none as the records' own writer. Either
//! way the same code of the store takes the rows.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;
use uuid::Uuid;

use super::rows::Taken;
use crate::ami::{EncodeError, Message};
use crate::boot::{self, BootError};
use crate::cli::remote::Remote;
use crate::config::Config;
use crate::daemon::clock::Clock;
use crate::daemon::handle::RequestError;
use crate::manager::import;
use crate::model::ids::DlmaUuid;
use crate::model::import::{Batch, Import, Order, Step};
use crate::model::result::ResultOptions;
use crate::store::{Command, Done, Opened, Store, StoreOptions};

/// How long the daemon may take over one batch: it writes for a moment only, but its disk may be full meanwhile.
const ANSWER: Duration = Duration::from_secs(60);

/// Why it goes no further.
#[derive(Debug)]
pub(super) enum Failure {
    /// It makes no sense; nothing of it was written.
    Refused(String),
    /// Who writes is not there, or is there no more.
    Unavailable(String),
    /// The records cannot be written.
    Io(String),
}

/// A way into the records.
pub(super) trait Door {
    /// Begins, or goes on with what was cut off.
    fn begin(&mut self, order: &Order) -> Result<Import, Failure>;

    /// Sends rows: `batch` says what they are, and has none itself.
    fn send(&mut self, batch: Batch, rows: &[&Taken]) -> Result<(), Failure>;

    /// What became of the rows that were sent last.
    fn receive(&mut self, order: &Order) -> Result<Import, Failure>;
}

/// Through the daemon that answers on that socket.
pub(super) struct Daemon(Remote);

impl Daemon {
    /// Connects; `None` where nobody listens there.
    pub(super) fn connect(socket: &Path) -> io::Result<Option<Self>> {
        match Remote::open(socket, ANSWER) {
            Ok(remote) => Ok(Some(Self(remote))),
            Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(why) => Err(why),
        }
    }

    /// The dial list whose uuid begins so.
    pub(super) fn dlma(&mut self, begin: &str) -> Result<DlmaUuid, Failure> {
        let found = self.0.json(&format!("out show dlma {begin}")).map_err(|why| gone(&why))?;
        let dlma = found.map_err(|why| {
            Failure::Refused(format!("--dlma {begin}: {why}; `astout dlma list` shows what there is"))
        })?;
        let unread = || Failure::Refused(format!("--dlma {begin}: the daemon shows no uuid of it"));
        dlma["uuid"].as_str().and_then(|uuid| uuid.parse().ok()).ok_or_else(unread)
    }

    fn say(&mut self, action: Result<Message, EncodeError>) -> Result<(), Failure> {
        let action = action.map_err(|why| Failure::Refused(format!("this cannot be sent: {why}")))?;
        self.0.say(&action).map_err(|why| gone(&why))
    }
}

fn gone(why: &io::Error) -> Failure {
    Failure::Unavailable(format!("the daemon answers no more ({why})"))
}

impl Door for Daemon {
    fn begin(&mut self, order: &Order) -> Result<Import, Failure> {
        self.say(import::begin_action(order))?;
        self.receive(order)
    }

    fn send(&mut self, batch: Batch, rows: &[&Taken]) -> Result<(), Failure> {
        self.say(import::rows_action(&batch, rows.iter().map(|taken| taken.wire.as_str())))
    }

    fn receive(&mut self, order: &Order) -> Result<Import, Failure> {
        let answer = self.0.hear().map_err(|why| gone(&why))?;
        import::answered(order, &answer).map_err(|why| {
            // A daemon that stops says so, or is just gone.
            let stops = why.contains(&RequestError::Stopping.to_string());
            if stops { Failure::Unavailable(why) } else { Failure::Refused(why) }
        })
    }
}

/// Beside no daemon: with its lock, so that none starts meanwhile.
pub(super) struct Direct {
    runtime: Runtime,
    opened: Opened,
    clock: Clock,
    tickets: u64,
    _lock: std::fs::File,
}

impl Direct {
    /// Takes the lock and opens the records.
    pub(super) fn open(config: &Config) -> Result<Self, Failure> {
        let file = &config.database.file;
        if !file.exists() {
            let file = file.display();
            return Err(Failure::Unavailable(format!(
                "no daemon runs, and its database {file} is not there: start astout and create the dial list first"
            )));
        }
        let lock = boot::lock(file).map_err(|why| match why {
            BootError::Running { .. } => Failure::Unavailable(format!(
                "a daemon runs, but its socket does not answer: is [cli] socket the one that it was started with? ({why})"
            )),
            why => Failure::Io(why.to_string()),
        })?;
        // Two threads: the rows behind are read while those before are written.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|why| Failure::Io(format!("cannot start: {why}")))?;
        let options = StoreOptions {
            url: config.database.url.clone(),
            policy: boot::policy(&config.policy),
            result: ResultOptions::default(),
            // Nobody is dialled here.
            log_seq: 0,
        };
        let opened = runtime.block_on(Store::open(options)).map_err(|why| Failure::Io(why.to_string()))?;
        Ok(Self { runtime, opened, clock: Clock::start(), tickets: 0, _lock: lock })
    }

    /// Closes the records.
    pub(super) fn close(self) -> Result<(), Failure> {
        let closed = self.runtime.block_on(self.opened.store.close());
        closed.map_err(|why| Failure::Io(why.to_string()))
    }

    fn submit(&mut self, step: Step) {
        self.tickets += 1;
        let now = self.clock.now().wall;
        let command = Command::Import(Box::new(step));
        let (runtime, store) = (&self.runtime, &self.opened.store);
        let _inside = runtime.enter();
        store.submit(self.tickets, now, command);
    }
}

impl Door for Direct {
    fn begin(&mut self, order: &Order) -> Result<Import, Failure> {
        self.submit(Step::Begin(order.clone()));
        self.receive(order)
    }

    fn send(&mut self, batch: Batch, rows: &[&Taken]) -> Result<(), Failure> {
        let rows = rows.iter().map(|taken| (Uuid::now_v7(), taken.row.clone())).collect();
        self.submit(Step::Rows(Batch { rows, ..batch }));
        Ok(())
    }

    fn receive(&mut self, _order: &Order) -> Result<Import, Failure> {
        let committed = self.runtime.block_on(self.opened.done.recv());
        match committed.map(|committed| committed.done) {
            Some(Done::Imported(import)) => Ok(import),
            Some(Done::Refused(refusal)) => Err(Failure::Refused(refusal.to_string())),
            Some(Done::Failed(why)) => Err(Failure::Io(why.to_string())),
            other => Err(Failure::Io(format!("the records answered what was not asked: {other:?}"))),
        }
    }
}
