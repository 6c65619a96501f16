//! Contacts that are due and may not be dialled yet: what their plans' caps count, and until when they are put off. Who is
//! put off is out of the way of claims until then, and is not looked at; whose plan has no such bounds costs nothing.

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono_tz::Tz;
use serde::Serialize;
use sqlx::{Row, SqliteConnection, query};

use super::error::Fault;
use super::row;
use crate::engine::calling::{self, History, Ruling, Tried};
use crate::engine::selection::{self, By};
use crate::model::calling::Caps;
use crate::model::dialing::Attempt;
use crate::model::dl::Dl;
use crate::model::number::NumberIndex;
use crate::model::rung::Rung;
use crate::model::terms::{PutOff, Terms};
use crate::model::time::Timestamp;
use crate::model::zone::Whereabouts;

/// So many that one claim may put off: so few that it takes some ten milliseconds.
pub(super) const AT_MOST: usize = 512;
/// So many are looked at together, once one has been put off.
pub(super) const AT_ONCE: usize = 256;

/// `?1` is a JSON array of contacts. Of each the newest `?3` attempts behind `?2` that count.
pub(super) const OF_CONTACTS: &str = "SELECT asked.key AS place, d.tm_create, d.open FROM json_each(?1) asked
    CROSS JOIN dialing d WHERE d.rowid IN (SELECT t.rowid FROM dialing t
        WHERE t.dl_uuid = asked.value AND t.tm_create > ?2 AND (t.outcome IS NOT 'withdrawn' OR t.channel_name IS NOT NULL)
        ORDER BY t.tm_create DESC LIMIT ?3)";
/// The same of numbers.
pub(super) const OF_NUMBERS: &str = "SELECT asked.key AS place, d.tm_create, d.open FROM json_each(?1) asked
    CROSS JOIN dialing d WHERE d.rowid IN (SELECT t.rowid FROM dialing t
        WHERE t.addr = asked.value AND t.tm_create > ?2 AND (t.outcome IS NOT 'withdrawn' OR t.channel_name IS NOT NULL)
        ORDER BY t.tm_create DESC LIMIT ?3)";
/// Made when the first plan asks for it: each attempt would have to write it.
pub(super) const INDEX: &str = "CREATE INDEX IF NOT EXISTS dialing_of_number ON dialing (addr, tm_create)";
/// `?1` is a JSON array of [`Later`].
const PUT_OFF: &str =
    "UPDATE dl_list SET put_off_until = later.value ->> 'until', put_off_by = later.value ->> 'by'
    FROM json_each(?1) AS later WHERE dl_list.id = later.value ->> 'id'";

/// A contact that is put off.
#[derive(Debug, Serialize)]
pub(super) struct Later {
    id: i64,
    until: i64,
    by: String,
}

/// Attempts of a transaction that are not in the tables yet, by their numbers, where somebody asks for them.
#[derive(Debug)]
pub(super) struct Taken(Option<HashMap<String, Vec<Tried>>>);

/// A contact that is due, where it stands.
pub(super) struct Due<'a> {
    pub(super) dl: &'a Dl,
    pub(super) index: NumberIndex,
    /// With what it is put off by.
    pub(super) rung: Rung,
    pub(super) last_end: i64,
}

/// The rules of one claim.
pub(super) struct Rules<'a> {
    by: By<'a>,
    terms: OnceLock<Terms>,
    now: Timestamp,
    /// When it is an hour for calls in these zones: most contacts of a list are in few of them.
    opens: HashMap<Vec<Tz>, Option<Timestamp>>,
}

impl Taken {
    pub(super) fn new(are_asked_for: bool) -> Self {
        Self(are_asked_for.then(HashMap::new))
    }

    pub(super) fn add(&mut self, attempt: &Attempt) {
        if let Some(taken) = &mut self.0 {
            let tried = Tried { at: attempt.tm_create, open: true };
            taken.entry(attempt.addr.as_str().to_owned()).or_default().push(tried);
        }
    }

    fn of(&self, addr: &str) -> &[Tried] {
        self.0.as_ref().and_then(|taken| taken.get(addr)).map_or(&[], Vec::as_slice)
    }
}

impl<'a> Rules<'a> {
    pub(super) fn new(by: By<'a>, now: Timestamp) -> Self {
        Self { by, terms: OnceLock::new(), now, opens: HashMap::new() }
    }

    /// Whether contacts on a rung are to be looked at one by one.
    pub(super) fn are_for(&self, rung: &Rung) -> bool {
        self.by.plan.calling.is_set() || !rung.past().put_off.is_none()
    }

    /// What they are in short.
    pub(super) fn terms(&self) -> Terms {
        *self.terms.get_or_init(|| self.by.terms())
    }

    /// Whether it may be dialled.
    pub(super) fn ruling(&mut self, due: &Due<'_>, history: &History, taken: &Taken) -> Ruling {
        let Some(number) = due.dl.number(due.index) else { return Ruling::Now };
        let (by, now) = (self.by, self.now);
        let full = history.full(&by.plan.calling, taken.of(number.as_str()), now);
        let rested = selection::due_at(&due.rung, by.plan, due.last_end);
        let whereabouts = Whereabouts::of(due.dl.time_zone, number, by.zone);
        calling::ruling(rested, full, now, |from| {
            let zones = whereabouts.zones();
            let calling = &by.plan.calling;
            if from > now {
                return calling::opens(calling, zones, from);
            }
            match self.opens.get(zones) {
                Some(known) => *known,
                None => *self.opens.entry(zones.to_vec()).or_insert(calling::opens(calling, zones, now)),
            }
        })
    }

    /// Puts it off, and whether that is more than two in turn who undo what the other has done.
    pub(super) fn later(&self, id: i64, rung: &Rung, turn: i64, until: Timestamp) -> (Later, bool) {
        let terms = self.terms();
        let (now, before) = (self.now.micros(), rung.past().put_off);
        // Never too early, for want of a part of a microsecond.
        let until = until.micros() + i64::from(Timestamp::from_micros(until.micros()) < until);
        // Whoever has put it off until a time that is to come needs not look at it again either.
        let both = (!before.is_none() && !before.is_by(terms) && turn > now).then(|| before.and(terms));
        let (by, until) = match both {
            Some(Some(both)) => (both, until.min(turn)),
            Some(None) | None => (PutOff::by(terms), until),
        };
        (Later { id, until, by: by.to_string() }, both != Some(None))
    }
}

/// What counts towards the caps of each of these contacts, who are called at these numbers next.
pub(super) async fn histories(
    conn: &mut SqliteConnection,
    by: By<'_>,
    now: Timestamp,
    asked: &[(&Dl, NumberIndex)],
) -> Result<Vec<History>, Fault> {
    let calling = &by.plan.calling;
    let mut histories = vec![History::default(); asked.len()];
    if let Some(caps) = &calling.contact_cap {
        let contacts = asked.iter().map(|(dl, _)| dl.uuid.to_string()).collect();
        for (history, tried) in histories.iter_mut().zip(tried(conn, OF_CONTACTS, contacts, caps, now).await?)
        {
            history.contact = tried;
        }
    }
    if let Some(caps) = &calling.number_cap {
        let addr = |(dl, index): &(&Dl, NumberIndex)| {
            dl.number(*index).map(|number| number.as_str().to_owned()).unwrap_or_default()
        };
        let numbers = asked.iter().map(addr).collect();
        for (history, tried) in histories.iter_mut().zip(tried(conn, OF_NUMBERS, numbers, caps, now).await?) {
            history.number = tried;
        }
    }
    Ok(histories)
}

async fn tried(
    conn: &mut SqliteConnection,
    sql: &'static str,
    asked: Vec<String>,
    caps: &Caps,
    now: Timestamp,
) -> Result<Vec<Vec<Tried>>, Fault> {
    let mut tried: Vec<_> = asked.iter().map(|_| Vec::new()).collect();
    let rows = query(sql)
        .bind(row::json("dialing", &asked)?)
        .bind(now.minus(caps.longest()).to_string())
        .bind(i64::try_from(caps.most()).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    for row in rows {
        let place: i64 = row.try_get("place")?;
        if let Some(tried) = usize::try_from(place).ok().and_then(|place| tried.get_mut(place)) {
            let at = row::parsed("dialing", &row, "tm_create")?;
            tried.push(Tried { at, open: row.try_get("open")? });
        }
    }
    Ok(tried)
}

/// Writes those that are put off.
pub(super) async fn write(conn: &mut SqliteConnection, later: &[Later]) -> Result<(), Fault> {
    if !later.is_empty() {
        query(PUT_OFF).bind(row::json("dl_list", &later)?).execute(conn).await?;
    }
    Ok(())
}
