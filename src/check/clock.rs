//! When the wall clock was set back: times from around then do not tell what came first, so they accuse nobody.

use futures_util::TryStreamExt;
use sqlx::{Row, query};

use super::CheckError;
use super::database::Database;
use super::report::{Findings, count};
use crate::model::time::Timestamp;

/// Rows are written one after the other: a claim before the one that was written before it, or an end before its claim.
const SET_BACK: &str = "SELECT at, before FROM (
        SELECT tm_create AS at, lag(tm_create) OVER (ORDER BY rowid) AS before FROM dialing
    ) WHERE at < before
    UNION ALL SELECT tm_end, tm_create FROM dialing WHERE tm_end < tm_create";
/// How far around a jump that a claim shows its other times may lie: a call's length.
const AROUND: i64 = 3_600 * 1_000_000;

/// The spans of time that came twice.
#[derive(Debug, Default)]
pub(super) struct Clock(Vec<(i64, i64)>);

impl Clock {
    /// Finds them in the rows.
    pub(super) async fn read(database: &mut Database, findings: &mut Findings) -> Result<Self, CheckError> {
        let failed = database.failed();
        let mut spans: Vec<(i64, i64)> = Vec::new();
        let mut rows = query(SET_BACK).fetch(&mut database.conn);
        let mut jumps = 0;
        while let Some(row) = rows.try_next().await.map_err(&failed)? {
            let at: String = row.try_get(0).map_err(&failed)?;
            let before: String = row.try_get(1).map_err(&failed)?;
            let (Some(at), Some(before)) = (micros(&at), micros(&before)) else { continue };
            jumps += 1;
            let (from, to) = (at - AROUND, before + AROUND);
            // One jump shows in many rows.
            match spans.iter_mut().find(|(first, last)| from <= *last && *first <= to) {
                Some(span) => *span = (span.0.min(from), span.1.max(to)),
                None => spans.push((from, to)),
            }
        }
        if let Some((from, to)) = spans.first() {
            let (from, to) = (Timestamp::from_micros(*from), Timestamp::from_micros(*to));
            findings.note(format!(
                "the clock was set back ({}); what came first between {from} and {to} is not judged by its times",
                count(jumps, "row")
            ));
        }
        Ok(Self(spans))
    }

    /// Whether it was never set back.
    pub(super) fn is_steady(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether these two times tell which of them came first.
    pub(super) fn orders(&self, one: &str, other: &str) -> bool {
        self.is_steady() || ![one, other].into_iter().filter_map(micros).any(|at| self.is_doubtful(at))
    }

    fn is_doubtful(&self, at: i64) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&at))
    }
}

fn micros(time: &str) -> Option<i64> {
    time.parse().ok().map(Timestamp::micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_around_a_jump_accuse_nobody() {
        let at = |hour: u8| format!("2026-11-15T{hour:02}:00:00.000000000Z");
        let clock = Clock(vec![(micros(&at(10)).unwrap(), micros(&at(12)).unwrap())]);
        assert!(clock.orders(&at(8), &at(9)) && clock.orders(&at(9), &at(13)));
        assert!(!clock.orders(&at(9), &at(11)) && !clock.orders(&at(12), &at(13)));
        assert!(Clock::default().orders(&at(9), &at(8)));
    }
}
