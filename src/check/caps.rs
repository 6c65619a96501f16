//! Caps on attempts: of a contact and of a number never more in a period than the plan said by which they were claimed.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::{Row, query};

use super::CheckError;
use super::database::Database;
use super::report::{Findings, Promise, count};
use crate::model::time::Timestamp;

const CAPS: &str = "SELECT uuid, json ->> '$.plan.contact_cap', json ->> '$.plan.number_cap' FROM capsule
    WHERE json ->> '$.plan.contact_cap' IS NOT NULL OR json ->> '$.plan.number_cap' IS NOT NULL";
const BY_CONTACT: &str = "SELECT dl_uuid, uuid, capsule_uuid, tm_create, outcome, channel_name FROM dialing ORDER BY dl_uuid, attempt_no";
/// Rows are written in the order of the claims.
const BY_NUMBER: &str =
    "SELECT addr, uuid, capsule_uuid, tm_create, outcome, channel_name FROM dialing ORDER BY addr, rowid";

/// So many in so many microseconds.
type Cap = (usize, i64);

/// The caps of capsules.
type Caps = HashMap<String, Vec<Cap>>;

/// Checks them all.
pub(super) async fn check(database: &mut Database, findings: &mut Findings) -> Result<(), CheckError> {
    let failed = database.failed();
    let (mut contacts, mut numbers): (Caps, Caps) = Default::default();
    for row in query(CAPS).fetch_all(&mut database.conn).await.map_err(&failed)? {
        let uuid: String = row.try_get(0).map_err(&failed)?;
        for (caps, place) in [(&mut contacts, 1), (&mut numbers, 2)] {
            if let Some(text) = row.try_get::<Option<&str>, _>(place).map_err(&failed)? {
                caps.insert(uuid.clone(), text.split(' ').filter_map(read).collect());
            }
        }
    }
    let mut capped = 0;
    for (whose, caps, sql) in [("contact", contacts, BY_CONTACT), ("number", numbers, BY_NUMBER)] {
        if !caps.is_empty() {
            capped += walk(database, findings, whose, &caps, sql).await?;
        }
    }
    let what = match capped {
        0 => "no attempt by a plan with a cap".to_owned(),
        _ => format!("{} by plans with caps, none above", count(capped, "attempt")),
    };
    findings.checked(Promise::Caps, what);
    Ok(())
}

/// Walks the attempts of each contact, or number, in their order; gives how many had a cap.
async fn walk(
    database: &mut Database,
    findings: &mut Findings,
    whose: &str,
    caps: &Caps,
    sql: &'static str,
) -> Result<u64, CheckError> {
    let failed = database.failed();
    let (mut capped, mut of) = (0, String::new());
    // When those before it were claimed that count.
    let mut before: Vec<i64> = Vec::new();
    let mut rows = query(sql).fetch(&mut database.conn);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let text = |place| row.try_get::<Option<&str>, _>(place).map(Option::unwrap_or_default);
        let (next, uuid) = (text(0).map_err(&failed)?, text(1).map_err(&failed)?);
        let (capsule, at) = (text(2).map_err(&failed)?, text(3).map_err(&failed)?);
        // One that had a channel may have rung.
        let counts = text(4).map_err(&failed)? != "withdrawn" || !text(5).map_err(&failed)?.is_empty();
        if next != of {
            next.clone_into(&mut of);
            before.clear();
        }
        // One that is no time is told elsewhere.
        let Ok(at) = at.parse::<Timestamp>().map(Timestamp::micros) else { continue };
        if let Some(caps) = caps.get(capsule) {
            capped += 1;
            for (most, period) in caps {
                let made = before.iter().filter(|earlier| **earlier > at - period).count() + 1;
                if made > *most {
                    let seconds = period / 1_000_000;
                    findings.breach(Promise::Caps, || {
                        format!("dialing {uuid} is attempt {made} of {whose} {of} in {seconds} s; its plan has {most}")
                    });
                }
            }
        }
        if counts {
            before.push(at);
        }
    }
    Ok(capped)
}

/// Reads `3/1d`.
fn read(text: &str) -> Option<Cap> {
    let (most, period) = text.split_once('/')?;
    let seconds = match period.chars().next_back()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count: i64 = period.get(..period.len() - 1)?.parse().ok()?;
    Some((most.parse().ok()?, count.checked_mul(seconds * 1_000_000)?))
}
