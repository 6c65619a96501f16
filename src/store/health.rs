//! Whether the database is whole: looked at after a stop that was not in order, while nothing is dialled yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, query};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::error::Fault;
use super::{Store, StoreError};

const WAS_CLEAN: &str = "SELECT value FROM meta WHERE key = 'clean_shutdown'";
const MARK: &str = "INSERT INTO meta (key, value) VALUES ('clean_shutdown', ?1)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";
/// It finds what would make a query wrong or fail, but for an index that disagrees with its table, and takes a few
/// seconds for a million contacts, where `integrity_check` takes a minute.
const QUICK_CHECK: &str = "PRAGMA quick_check(3)";

/// What is known of the database as a whole.
#[derive(Debug)]
pub enum Health {
    /// It was not closed in order, and is being looked at: nothing may be dialled yet.
    Suspect,
    /// Nothing is wrong with it.
    Whole,
    /// It is damaged; that is told already. Nothing may be dialled.
    Damaged,
    /// Nothing more is written into it, for whoever believed it would be deceived. The last word.
    Broken(StoreError),
}

/// Shared by the handles and the writer.
#[derive(Debug, Clone)]
pub(super) struct Healthy {
    tell: mpsc::UnboundedSender<Health>,
    /// Whether a stop in order may be marked as one.
    whole: Arc<AtomicBool>,
}

impl Healthy {
    pub(super) fn new(was_clean: bool) -> (Self, mpsc::UnboundedReceiver<Health>) {
        let (tell, told) = mpsc::unbounded_channel();
        let healthy = Self { tell, whole: Arc::new(AtomicBool::new(was_clean)) };
        if !was_clean {
            healthy.tell(Health::Suspect);
        }
        (healthy, told)
    }

    pub(super) fn tell(&self, health: Health) {
        // Nobody listens any more while stopping.
        drop(self.tell.send(health));
    }

    pub(super) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }
}

/// Whether it was closed in order; from now on, and until it is again, it was not.
pub(super) async fn begin(conn: &mut SqliteConnection) -> Result<bool, Fault> {
    let found = query(WAS_CLEAN).fetch_optional(&mut *conn).await?;
    let was_clean = match found {
        Some(row) => row.try_get::<i64, _>(0)? == 1,
        None => false,
    };
    if was_clean {
        mark(conn, false).await?;
    }
    Ok(was_clean)
}

pub(super) async fn mark(conn: &mut SqliteConnection, clean: bool) -> Result<(), Fault> {
    query(MARK).bind(i64::from(clean)).execute(conn).await?;
    Ok(())
}

impl Store {
    /// Looks whether the database is whole, where it was not closed in order, and tells what it found by
    /// [`Health`]. Reads it through once, on a connection of its own; dialing waits, everything else does not.
    pub async fn check_health(&self) {
        if self.healthy.is_whole() {
            return;
        }
        info!(
            "the database was not closed in order: looking whether it is whole; until then nothing is dialled"
        );
        let path = self.path.display();
        match self.quick_check().await {
            Ok(wrong) if wrong.is_empty() => {
                info!("database {path}: it is whole");
                self.healthy.whole.store(true, Ordering::Relaxed);
                self.healthy.tell(Health::Whole);
            }
            Ok(wrong) => {
                error!("{}", StoreError::Damaged { path: self.path.to_path_buf(), what: wrong.join("; ") });
                self.healthy.tell(Health::Damaged);
            }
            Err(why) => {
                error!(%why, "the database cannot be looked at: nothing is dialled");
                self.healthy.tell(Health::Damaged);
            }
        }
    }

    /// What is wrong with it, the first few things.
    async fn quick_check(&self) -> Result<Vec<String>, StoreError> {
        // As long as it takes.
        let looked = async {
            let mut conn =
                SqliteConnectOptions::new().filename(&*self.path).read_only(true).connect().await?;
            let rows = query(QUICK_CHECK).fetch_all(&mut conn).await?;
            if let Err(why) = conn.close().await {
                warn!(%why, "a connection was not closed");
            }
            let found = rows.iter().map(|row| Ok(row.try_get::<String, _>(0)?));
            Ok(found.collect::<Result<Vec<_>, Fault>>()?.into_iter().filter(|found| found != "ok").collect())
        };
        looked.await.map_err(|fault: Fault| fault.into_error(&self.path, "looking whether it is whole"))
    }
}
