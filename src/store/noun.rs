//! Create, update and delete, handed to the noun's own file.

use sqlx::SqliteConnection;
use uuid::Uuid;

use super::command::Done;
use super::dl::NewContact;
use super::error::Fault;
use super::writer::Rules;
use super::{campaign, destination, dl, dlma, plan, row};
use crate::model::event::{Change, Noun};
use crate::model::fields::Fields;
use crate::model::refusal::NounKind;
use crate::model::time::Timestamp;

pub(super) async fn create(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    (kind, uuid): (NounKind, Uuid),
    fields: &Fields,
) -> Result<Done, Fault> {
    let noun = match kind {
        NounKind::Plan => Noun::Plan(plan::create(conn, rules, now, uuid, fields).await?),
        NounKind::Dlma => Noun::Dlma(dlma::create(conn, now, uuid, fields).await?),
        NounKind::Destination => {
            Noun::Destination(destination::create(conn, rules, now, uuid, fields).await?)
        }
        NounKind::Campaign => Noun::Campaign(campaign::create(conn, now, uuid, fields).await?),
        NounKind::Dl => Noun::Dl(dl::create(conn, rules, NewContact { now, uuid, fields }).await?),
        NounKind::Dialing => return Err(row::no_dialing()),
    };
    Ok(Done::Stored { change: Change::Create, noun })
}

pub(super) async fn update(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    kind: NounKind,
    fields: &Fields,
) -> Result<Done, Fault> {
    let noun = match kind {
        NounKind::Plan => Noun::Plan(plan::update(conn, rules, now, fields).await?),
        NounKind::Dlma => Noun::Dlma(dlma::update(conn, now, fields).await?),
        NounKind::Destination => Noun::Destination(destination::update(conn, rules, now, fields).await?),
        NounKind::Campaign => Noun::Campaign(campaign::update(conn, now, fields).await?),
        NounKind::Dl => Noun::Dl(dl::update(conn, rules, now, fields).await?),
        NounKind::Dialing => return Err(row::no_dialing()),
    };
    Ok(Done::Stored { change: Change::Update, noun })
}

pub(super) async fn delete(
    conn: &mut SqliteConnection,
    now: Timestamp,
    kind: NounKind,
    fields: &Fields,
) -> Result<Done, Fault> {
    let noun = match kind {
        NounKind::Plan => Noun::Plan(plan::delete(conn, now, fields).await?),
        NounKind::Dlma => Noun::Dlma(dlma::delete(conn, now, fields).await?),
        NounKind::Destination => Noun::Destination(destination::delete(conn, now, fields).await?),
        NounKind::Campaign => Noun::Campaign(campaign::delete(conn, now, fields).await?),
        NounKind::Dl => Noun::Dl(dl::delete(conn, now, fields).await?),
        NounKind::Dialing => return Err(row::no_dialing()),
    };
    Ok(Done::Stored { change: Change::Delete, noun })
}
