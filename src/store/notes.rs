//! What is noted of open dialings on their way: progress, withdrawn. It serves only to tell after a crash how far
//! each had come, and there is a lot of it, so all notes of a transaction go into one statement a kind.

use serde::Serialize;
use sqlx::{SqliteConnection, query};

use super::error::Fault;
use super::row;
use crate::model::dialing::Progress;
use crate::model::ids::DialingUuid;

pub(super) const WITHDRAWN: &str = "UPDATE dialing SET withdrawn = 1
    FROM json_each(?1) AS note WHERE dialing.uuid = note.value ->> 'uuid' AND open = 1";
pub(super) const PROGRESS: &str = "UPDATE dialing SET status = note.value ->> 'status',
        channel_name = note.value ->> 'channel_name',
        res_dial = note.value ->> 'res_dial', res_dial_detail = note.value ->> 'res_dial_detail',
        res_hangup = note.value ->> 'res_hangup', res_hangup_detail = note.value ->> 'res_hangup_detail',
        tm_dial_begin = note.value ->> 'tm_dial_begin', tm_dial_end = note.value ->> 'tm_dial_end',
        tm_hangup = note.value ->> 'tm_hangup', tm_update = note.value ->> 'tm_update'
    FROM json_each(?1) AS note WHERE dialing.uuid = note.value ->> 'uuid' AND open = 1";

/// The notes of one transaction.
#[derive(Debug, Default)]
pub(super) struct Notes<'a> {
    /// Of each dialing the last one alone: which of two rows a statement would take is not told.
    pub(super) progress: Vec<Note<'a>>,
    pub(super) withdrawn: Vec<Withdrawn>,
}

#[derive(Debug, Serialize)]
pub(super) struct Note<'a> {
    pub(super) uuid: DialingUuid,
    #[serde(flatten)]
    pub(super) progress: &'a Progress,
}

#[derive(Debug, Serialize)]
pub(super) struct Withdrawn {
    pub(super) uuid: DialingUuid,
}

impl Notes<'_> {
    /// Writes them all, for dialings that are open.
    pub(super) async fn write(&self, conn: &mut SqliteConnection) -> Result<(), Fault> {
        for (sql, some, notes) in [
            (PROGRESS, !self.progress.is_empty(), row::json("dialing", &self.progress)?),
            (WITHDRAWN, !self.withdrawn.is_empty(), row::json("dialing", &self.withdrawn)?),
        ] {
            if some {
                query(sql).bind(notes).execute(&mut *conn).await?;
            }
        }
        Ok(())
    }
}
