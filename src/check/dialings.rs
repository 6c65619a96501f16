//! P2, P3, P8 and the tries: the rows of attempts, contact by contact, against each other and against the contact.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use serde::Deserialize;
use serde_json::{Map, Value};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, query};

use super::CheckError;
use super::clock::Clock;
use super::database::Database;
use super::line::is_time;
use super::report::{Findings, Promise, count, grouped};

const NUMBERS: usize = 8;

/// Along the unique index, so that a contact's attempts come together and in order.
const ATTEMPTS: &str =
    "SELECT d.uuid, d.dl_uuid, d.attempt_no, d.number_index, d.addr, d.try_count, d.capsule_uuid, d.dl,
        d.open, d.outcome, d.tm_create, d.tm_end, l.uuid IS NOT NULL, l.tm_update, l.trycnt,
        l.trycnt_1, l.trycnt_2, l.trycnt_3, l.trycnt_4, l.trycnt_5, l.trycnt_6, l.trycnt_7, l.trycnt_8
    FROM dialing d LEFT JOIN dl_list l ON l.uuid = d.dl_uuid
    ORDER BY d.dl_uuid, d.attempt_no";
const CAPSULES: &str = "SELECT uuid, json FROM capsule";
const SPANS: &str = "SELECT tm_create AS at, 1 AS step FROM dialing
    UNION ALL SELECT tm_end, -1 FROM dialing WHERE tm_end IS NOT NULL
    ORDER BY at, step";
const STUCK: &str = "SELECT d.uuid, c.uuid FROM dialing d JOIN campaign c ON c.uuid = d.campaign_uuid
    WHERE d.open = 1 AND c.status = 0";

type Tries = [i64; NUMBERS];

/// One attempt, and what the contact is now.
struct Attempt {
    uuid: String,
    dl: String,
    number: i64,
    index: usize,
    addr: String,
    try_count: i64,
    capsule: String,
    before: Before,
    open: bool,
    outcome: Option<String>,
    tm_create: String,
    tm_end: Option<String>,
    now: Option<Now>,
}

/// The contact as it was before the claim.
struct Before {
    number: Value,
    tries: Tries,
    total: i64,
    answered: bool,
    tm_update: Value,
}

/// The contact as it is.
struct Now {
    tm_update: Option<String>,
    total: i64,
    tries: Tries,
}

/// How often a number may be tried by one capsule's plan.
type MaxRetry = [i64; NUMBERS];

/// Reads all rows. `max_channels` is how many calls there may be at once.
pub(super) async fn check(
    database: &mut Database,
    clock: &Clock,
    max_channels: Option<u32>,
    findings: &mut Findings,
) -> Result<(), CheckError> {
    let plans = max_retries(database, findings).await?;
    let failed = database.failed();
    let mut checker =
        Checker { findings, clock, plans: &plans, edited: 0, contacts: 0, dialings: 0, gone: 0 };
    let mut rows = query(ATTEMPTS).fetch(&mut database.conn);
    let mut last: Option<Attempt> = None;
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let attempt = match Attempt::read(&row).map_err(&failed)? {
            Ok(attempt) => attempt,
            Err(why) => {
                checker.findings.breach(Promise::Codes, || why);
                continue;
            }
        };
        if let Some(last) = last.take_if(|last| last.dl != attempt.dl) {
            checker.contact_ends(&last);
        }
        checker.attempt(&attempt, last.as_ref());
        last = Some(attempt);
    }
    if let Some(last) = last {
        checker.contact_ends(&last);
    }
    drop(rows);
    let Checker { edited, contacts, dialings, gone, .. } = checker;
    if edited > 0 {
        findings.note(format!("tries changed by hand, not compared: {}", count(edited, "contact")));
    }
    if gone > 0 {
        findings.note(format!("removed from dl_list by hand: {} with attempts", count(gone, "contact")));
    }
    findings.checked(Promise::P2, format!("{}, each an attempt of its own", count(dialings, "dialing")));
    findings.checked(Promise::P3, format!("{} dialled, none twice at once", count(contacts, "contact")));
    findings.checked(
        Promise::Tries,
        format!("{} with the tries that their lines have", count(contacts, "contact")),
    );
    spans(database, clock, max_channels, findings).await
}

/// What each capsule's plan allows.
async fn max_retries(
    database: &mut Database,
    findings: &mut Findings,
) -> Result<HashMap<String, MaxRetry>, CheckError> {
    #[derive(Deserialize)]
    struct Capsule {
        plan: Map<String, Value>,
    }
    let failed = database.failed();
    let mut plans = HashMap::new();
    let mut rows = query(CAPSULES).fetch(&mut database.conn);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let uuid: String = row.try_get(0).map_err(&failed)?;
        let json: String = row.try_get(1).map_err(&failed)?;
        match serde_json::from_str::<Capsule>(&json) {
            Ok(Capsule { plan }) => {
                let more = plan.get("trunk_fault_retries").and_then(Value::as_i64).unwrap_or_default();
                let of = |index: usize| plan.get(&format!("max_retry_cnt_{}", index + 1))?.as_i64();
                plans.insert(uuid, std::array::from_fn(|index| of(index).unwrap_or_default() + more));
            }
            Err(why) => findings.breach(Promise::Codes, || format!("capsule {uuid} cannot be read: {why}")),
        }
    }
    Ok(plans)
}

impl Attempt {
    /// The inner error is of a row with nonsense in it.
    fn read(row: &SqliteRow) -> Result<Result<Self, String>, sqlx::Error> {
        let uuid: String = row.try_get(0)?;
        let index: i64 = row.try_get(3)?;
        let snapshot: String = row.try_get(7)?;
        let Some(index) = usize::try_from(index).ok().filter(|index| (1..=NUMBERS).contains(index)) else {
            return Ok(Err(format!("dialing {uuid}: number_index {index} is not 1 to 8")));
        };
        let before = match Before::read(&snapshot, index) {
            Ok(before) => before,
            Err(why) => return Ok(Err(format!("dialing {uuid}: its dl cannot be read: {why}"))),
        };
        let now = if row.try_get::<bool, _>(12)? {
            let mut tries = [0; NUMBERS];
            for (place, tries) in tries.iter_mut().enumerate() {
                *tries = row.try_get(15 + place)?;
            }
            Some(Now { tm_update: row.try_get(13)?, total: row.try_get(14)?, tries })
        } else {
            None
        };
        Ok(Ok(Self {
            uuid,
            dl: row.try_get(1)?,
            number: row.try_get(2)?,
            index,
            addr: row.try_get(4)?,
            try_count: row.try_get(5)?,
            capsule: row.try_get(6)?,
            before,
            open: row.try_get(8)?,
            outcome: row.try_get(9)?,
            tm_create: row.try_get(10)?,
            tm_end: row.try_get(11)?,
            now,
        }))
    }

    /// The one outcome that is no try.
    fn is_a_try(&self) -> bool {
        self.outcome.as_deref() != Some("withdrawn")
    }

    /// The contact's tries once this attempt is counted.
    fn tries_after(&self) -> (Tries, i64) {
        let (mut tries, counted) = (self.before.tries, i64::from(self.is_a_try()));
        tries[self.index - 1] += counted;
        (tries, self.before.total + counted)
    }
}

impl Before {
    fn read(snapshot: &str, index: usize) -> Result<Self, String> {
        let mut dl: Map<String, Value> = serde_json::from_str(snapshot).map_err(|why| why.to_string())?;
        let number = |key: &str| dl.get(key).and_then(Value::as_i64).ok_or_else(|| format!("no {key}"));
        let mut tries = [0; NUMBERS];
        for (place, tries) in tries.iter_mut().enumerate() {
            *tries = number(&format!("trycnt_{}", place + 1))?;
        }
        let (total, answered) = (number("trycnt")?, number("res_dial")? == 4);
        let mut take = |key: &str| dl.get_mut(key).map(Value::take).unwrap_or_default();
        Ok(Self {
            tries,
            total,
            answered,
            number: take(&format!("number_{index}")),
            tm_update: take("tm_update"),
        })
    }
}

struct Checker<'a> {
    findings: &'a mut Findings,
    clock: &'a Clock,
    plans: &'a HashMap<String, MaxRetry>,
    edited: u64,
    contacts: u64,
    dialings: u64,
    gone: u64,
}

impl Checker<'_> {
    fn attempt(&mut self, attempt: &Attempt, last: Option<&Attempt>) {
        self.dialings += 1;
        self.by_itself(attempt);
        let Attempt { uuid, dl, number, .. } = attempt;
        let expected = last.map_or(1, |last| last.number + 1);
        if *number != expected {
            self.findings.breach(Promise::P2, || {
                format!("dialing {uuid} is attempt {number} of contact {dl}, and {expected} was to come")
            });
        }
        let Some(last) = last else { return };
        match &last.tm_end {
            _ if last.open => self.findings.breach(Promise::P3, || {
                format!("contact {dl}: dialing {} was open when {uuid} was claimed", last.uuid)
            }),
            Some(end) if *end > attempt.tm_create && self.clock.orders(end, &attempt.tm_create) => {
                self.findings.breach(Promise::P3, || {
                    format!(
                        "contact {dl}: dialing {} ended at {end}, {uuid} began at {}",
                        last.uuid, attempt.tm_create
                    )
                });
            }
            Some(_) | None => {}
        }
        let (tries, total) = last.tries_after();
        if (tries, total) != (attempt.before.tries, attempt.before.total) {
            if last.before.tm_update == attempt.before.tm_update {
                let found = &attempt.before.tries;
                self.findings.breach(Promise::Tries, || {
                    format!(
                        "contact {dl}: tries {tries:?} after dialing {}, {found:?} before {uuid}",
                        last.uuid
                    )
                });
            } else {
                self.edited += 1;
            }
        }
    }

    fn by_itself(&mut self, attempt: &Attempt) {
        let Attempt { uuid, index, addr, try_count, before, outcome, .. } = attempt;
        let mut wrong =
            |promise, what: String| self.findings.breach(promise, || format!("dialing {uuid}: {what}"));
        if attempt.open != outcome.is_none() || attempt.open != attempt.tm_end.is_none() {
            let state = if attempt.open { "open" } else { "ended" };
            wrong(
                Promise::P4,
                format!("it is {state}, with outcome {outcome:?} and tm_end {:?}", attempt.tm_end),
            );
        }
        if !is_time(&attempt.tm_create) || attempt.tm_end.as_deref().is_some_and(|end| !is_time(end)) {
            wrong(
                Promise::Codes,
                format!("tm_create {} or tm_end {:?} is no time", attempt.tm_create, attempt.tm_end),
            );
        }
        if before.number != addr.as_str() {
            wrong(
                Promise::Tries,
                format!("{addr} was dialled, the contact's number {index} was {}", before.number),
            );
        }
        if *try_count != before.tries[index - 1] + 1 {
            let had = before.tries[index - 1];
            wrong(Promise::Tries, format!("it is try {try_count} of number {index}, which had {had} before"));
        }
        if before.answered {
            wrong(Promise::Tries, "its contact had been answered before".to_owned());
        }
        match self.plans.get(&attempt.capsule).map(|plan| plan[index - 1]) {
            Some(most) if *try_count > most => {
                wrong(
                    Promise::Tries,
                    format!("it is try {try_count} of number {index}, its plan allows {most}"),
                );
            }
            Some(_) => {}
            None => {
                wrong(Promise::P1, format!("what it was decided on, capsule {}, is gone", attempt.capsule));
            }
        }
    }

    /// After a contact's last attempt: is the contact as that has left it?
    fn contact_ends(&mut self, last: &Attempt) {
        self.contacts += 1;
        let Some(now) = &last.now else {
            self.gone += 1;
            return;
        };
        let (tries, total) = last.tries_after();
        if (tries, total) == (now.tries, now.total) {
            return;
        }
        let updated = now.tm_update.as_deref();
        if updated != last.before.tm_update.as_str() {
            self.edited += 1;
            return;
        }
        self.findings.breach(Promise::Tries, || {
            let (found, sum) = (&now.tries, now.total);
            format!("contact {}: its lines make tries {tries:?}, together {total}; it has {found:?}, together {sum}", last.dl)
        });
    }
}

/// P8: how many calls there were at once, and none that its campaign has forgotten.
async fn spans(
    database: &mut Database,
    clock: &Clock,
    max_channels: Option<u32>,
    findings: &mut Findings,
) -> Result<(), CheckError> {
    let failed = database.failed();
    let (mut calls, mut most, mut most_at) = (0, 0, String::new());
    let mut rows = query(SPANS).fetch(&mut database.conn);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let step: i64 = row.try_get(1).map_err(&failed)?;
        calls += step;
        if calls > most {
            most = calls;
            most_at = row.try_get(0).map_err(&failed)?;
        }
    }
    drop(rows);
    let most = u64::try_from(most).unwrap_or_default();
    let told = format!("at most {} at once", count(most, "call"));
    match max_channels.map(u64::from).filter(|_| clock.is_steady()) {
        Some(ceiling) if most > ceiling => findings.breach(Promise::P8, || {
            format!(
                "{told}, at {most_at}; max_channels is {ceiling} (if it was more then, give --max-channels)"
            )
        }),
        Some(ceiling) => findings.checked(Promise::P8, format!("{told}, {} allowed", grouped(ceiling))),
        None => findings.checked(Promise::P8, told),
    }
    let mut rows = query(STUCK).fetch(&mut database.conn);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let uuid: String = row.try_get(0).map_err(&failed)?;
        let campaign: String = row.try_get(1).map_err(&failed)?;
        findings.breach(Promise::P8, || {
            format!("dialing {uuid} is open, and its campaign {campaign} has stopped")
        });
    }
    Ok(())
}
