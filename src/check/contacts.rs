//! The contacts by themselves: who is marked as being dialled, tries without an attempt, and the counters of rungs.

use futures_util::TryStreamExt;
use sqlx::{Row, query};

use super::CheckError;
use super::database::Database;
use super::report::{Findings, Promise, count};

const MARKED: &str = "SELECT l.uuid, l.dialing_uuid FROM dl_list l
    LEFT JOIN dialing d ON d.uuid = l.dialing_uuid AND d.open = 1 AND d.dl_uuid = l.uuid
    WHERE l.status = 1 AND d.uuid IS NULL";
const UNMARKED: &str = "SELECT d.uuid, l.uuid FROM dialing d JOIN dl_list l ON l.uuid = d.dl_uuid
    WHERE d.open = 1 AND (l.status <> 1 OR l.dialing_uuid IS NOT d.uuid)";
/// The claim sets `tm_last_dial`; counts without it were brought along from elsewhere.
const TRIED: &str = "SELECT l.uuid, l.trycnt, l.tm_last_dial IS NOT NULL FROM dl_list l
    WHERE (l.trycnt > 0 OR l.tm_last_dial IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM dialing d WHERE d.dl_uuid = l.uuid)";
const RUNGS: &str = "SELECT r.dlma_uuid, r.rung || ' ' || r.past, r.waiting, r.dialing, r.answered, r.held,
        coalesce(c.waiting, 0), coalesce(c.dialing, 0), coalesce(c.answered, 0), coalesce(c.held, 0)
    FROM dl_rung r FULL JOIN (
        SELECT dlma_uuid, rung, past, sum(status = 0 AND res_dial <> 4 AND held = 0) AS waiting,
            sum(status = 1) AS dialing, sum(status = 0 AND res_dial = 4) AS answered,
            sum(status = 0 AND res_dial <> 4 AND held = 1) AS held
        FROM dl_list WHERE in_use = 1 GROUP BY dlma_uuid, rung, past
    ) c ON c.dlma_uuid = r.dlma_uuid AND c.rung = r.rung AND c.past = r.past";

/// Checks them all.
pub(super) async fn check(database: &mut Database, findings: &mut Findings) -> Result<(), CheckError> {
    marks(database, findings).await?;
    tries_without_attempt(database, findings).await?;
    rungs(database, findings).await
}

/// P3: a contact is marked while, and only while, it has an open dialing: the mark keeps a second claim off.
async fn marks(database: &mut Database, findings: &mut Findings) -> Result<(), CheckError> {
    let failed = database.failed();
    let mut rows = query(MARKED).fetch(&mut database.conn);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let dl: String = row.try_get(0).map_err(&failed)?;
        let by: Option<String> = row.try_get(1).map_err(&failed)?;
        findings.breach(Promise::P3, || {
            format!("contact {dl} is marked as being dialled by {by:?}, which is no open dialing of its")
        });
    }
    drop(rows);
    let mut rows = query(UNMARKED).fetch(&mut database.conn);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        let uuid: String = row.try_get(0).map_err(&failed)?;
        let dl: String = row.try_get(1).map_err(&failed)?;
        findings.breach(Promise::P3, || {
            format!("dialing {uuid} is open, and contact {dl} is not marked with it")
        });
    }
    Ok(())
}

async fn tries_without_attempt(database: &mut Database, findings: &mut Findings) -> Result<(), CheckError> {
    let failed = database.failed();
    let mut brought = 0;
    let mut rows = query(TRIED).fetch(&mut database.conn);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        if !row.try_get::<bool, _>(2).map_err(&failed)? {
            brought += 1;
            continue;
        }
        let dl: String = row.try_get(0).map_err(&failed)?;
        let tries: i64 = row.try_get(1).map_err(&failed)?;
        findings.breach(Promise::P1, || {
            format!("contact {dl} was dialled ({tries} tries), and no dialing tells of it")
        });
    }
    drop(rows);
    if brought > 0 {
        findings.note(format!("{} came with tries from elsewhere", count(brought, "contact")));
    }
    Ok(())
}

async fn rungs(database: &mut Database, findings: &mut Findings) -> Result<(), CheckError> {
    let failed = database.failed();
    let mut counted = 0;
    let mut rows = query(RUNGS).fetch(&mut database.conn);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        counted += 1;
        let numbers = |from: usize| -> Result<[Option<i64>; 4], CheckError> {
            let number = |place| row.try_get::<Option<i64>, _>(place).map_err(&failed);
            Ok([number(from)?, number(from + 1)?, number(from + 2)?, number(from + 3)?])
        };
        let (kept, recount) = (numbers(2)?, numbers(6)?);
        // A rung without contacts need not have a row.
        let kept = kept.map(|number| Some(number.unwrap_or_default()));
        if kept == recount {
            continue;
        }
        let list: Option<String> = row.try_get(0).map_err(&failed)?;
        let rung: Option<String> = row.try_get(1).map_err(&failed)?;
        findings.breach(Promise::Counters, || {
            let words = |numbers: [Option<i64>; 4]| {
                let [waiting, dialing, answered, held] = numbers.map(Option::unwrap_or_default);
                format!("{waiting} waiting, {dialing} dialing, {answered} answered, {held} held")
            };
            let place = match (list, rung) {
                (Some(list), Some(rung)) => format!("list {list}, rung {rung:?}"),
                _ => "a rung without counters".to_owned(),
            };
            format!("{place}: counted {}, kept {}", words(recount), words(kept))
        });
    }
    drop(rows);
    findings.checked(Promise::Counters, format!("{} counted anew", count(counted, "rung")));
    Ok(())
}
