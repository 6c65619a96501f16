//! Every status in its table.

use sqlx::{Row, query};

use super::CheckError;
use super::database::Database;
use super::report::{Findings, Promise, count};
use crate::model::codes::{
    CampaignStatus, DestinationKind, DialMode, DialResult, DialingStatus, DlEndHandle, DlStatus, ScMode,
};

const OUTCOMES: [&str; 10] = [
    "answered",
    "busy",
    "congestion",
    "noanswer",
    "rejected",
    "failed",
    "unknown",
    "pbx-restart",
    "window-closed",
    "withdrawn",
];
const FOUND: &str = "SELECT 'campaign.status', status, count(*) FROM campaign GROUP BY status
    UNION ALL SELECT 'campaign.sc_mode', sc_mode, count(*) FROM campaign GROUP BY sc_mode
    UNION ALL SELECT 'plan.dial_mode', dial_mode, count(*) FROM plan GROUP BY dial_mode
    UNION ALL SELECT 'plan.dl_end_handle', dl_end_handle, count(*) FROM plan GROUP BY dl_end_handle
    UNION ALL SELECT 'destination.type', type, count(*) FROM destination GROUP BY type
    UNION ALL SELECT 'dl_list.status', status, count(*) FROM dl_list GROUP BY status
    UNION ALL SELECT 'dl_list.res_dial', res_dial, count(*) FROM dl_list GROUP BY res_dial
    UNION ALL SELECT 'dialing.status', status, count(*) FROM dialing GROUP BY status
    UNION ALL SELECT 'dialing.res_dial', res_dial, count(*) FROM dialing GROUP BY res_dial";
const FOUND_OUTCOMES: &str =
    "SELECT outcome, count(*) FROM dialing WHERE outcome IS NOT NULL GROUP BY outcome";

/// Whether the table of that column has the number.
fn is_known(column: &str, code: i64) -> bool {
    match column {
        "campaign.status" => CampaignStatus::try_from(code).is_ok(),
        "campaign.sc_mode" => ScMode::try_from(code).is_ok(),
        "plan.dial_mode" => DialMode::try_from(code).is_ok(),
        "plan.dl_end_handle" => DlEndHandle::try_from(code).is_ok(),
        "destination.type" => DestinationKind::try_from(code).is_ok(),
        "dl_list.status" => DlStatus::try_from(code).is_ok(),
        "dialing.status" => DialingStatus::try_from(code).is_ok(),
        _ => DialResult::try_from(code).is_ok(),
    }
}

/// Checks them all.
pub(super) async fn check(database: &mut Database, findings: &mut Findings) -> Result<(), CheckError> {
    let failed = database.failed();
    let mut looked_at = 0;
    for row in query(FOUND).fetch_all(&mut database.conn).await.map_err(&failed)? {
        let column: String = row.try_get(0).map_err(&failed)?;
        let code: i64 = row.try_get(1).map_err(&failed)?;
        let rows: i64 = row.try_get(2).map_err(&failed)?;
        looked_at += rows.unsigned_abs();
        if !is_known(&column, code) {
            let rows = count(rows.unsigned_abs(), "row");
            findings.breach(Promise::Codes, || {
                format!("{column} is {code} in {rows}, which is not in its table")
            });
        }
    }
    for row in query(FOUND_OUTCOMES).fetch_all(&mut database.conn).await.map_err(&failed)? {
        let outcome: String = row.try_get(0).map_err(&failed)?;
        let rows: i64 = row.try_get(1).map_err(&failed)?;
        looked_at += rows.unsigned_abs();
        if !OUTCOMES.contains(&outcome.as_str()) {
            let rows = count(rows.unsigned_abs(), "row");
            findings.breach(Promise::Codes, || {
                format!("dialing.outcome is {outcome:?} in {rows}, which is not in its table")
            });
        }
    }
    findings.checked(Promise::Codes, format!("{} in their tables", count(looked_at, "code")));
    Ok(())
}
