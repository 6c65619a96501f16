//! Table `dl_list`: contacts.

use sqlx::{SqliteConnection, query};
use uuid::Uuid;

use super::campaign;
use super::error::Fault;
use super::row::{self, Stored};
use super::writer::Rules;
use super::{Store, StoreError};
use crate::model::codes::DlStatus;
use crate::model::dl::Dl;
use crate::model::dlma::Dlma;
use crate::model::fields::Fields;
use crate::model::ids::{DlUuid, DlmaUuid};
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Timestamp;

/// A contact of a deleted list is out of use as well.
impl Stored for Dl {
    const KIND: NounKind = NounKind::Dl;
    const SAVE: &'static str = row::save_sql!("dl_list": "dlma_uuid" "in_use" "name" "detail" "status" "resv_target"
        "ukey" "udata" "variables" "dialing_uuid" "dialing_camp_uuid" "dialing_plan_uuid" "number_1" "number_2"
        "number_3" "number_4" "number_5" "number_6" "number_7" "number_8" "email" "trycnt_1" "trycnt_2" "trycnt_3"
        "trycnt_4" "trycnt_5" "trycnt_6" "trycnt_7" "trycnt_8" "res_dial" "res_dial_detail" "res_hangup"
        "res_hangup_detail" "tm_create" "tm_delete" "tm_update" "tm_last_dial" "tm_last_hangup" "trycnt" "held" "last_outcome"
        "fault_number" "faultcnt");
    const ONE: &'static str = "SELECT d.* FROM dl_list d JOIN dl_list_ma m ON m.uuid = d.dlma_uuid
        WHERE d.uuid = ?1 AND d.in_use = 1 AND m.in_use = 1";
    const TAKEN: &'static str = "SELECT 1 FROM dl_list WHERE uuid = ?1";
}

pub(super) const OF_LIST: &str = "SELECT d.* FROM dl_list d
    WHERE d.dlma_uuid = ?1 AND d.in_use = 1
        AND EXISTS (SELECT 1 FROM dl_list_ma m WHERE m.uuid = ?1 AND m.in_use = 1)
        AND d.id > coalesce((SELECT id FROM dl_list WHERE uuid = ?2), 0)
    ORDER BY d.id LIMIT ?3";
const OF_ALL: &str = "SELECT d.* FROM dl_list d
    WHERE d.in_use = 1
        AND EXISTS (SELECT 1 FROM dl_list_ma m WHERE m.uuid = d.dlma_uuid AND m.in_use = 1)
        AND d.id > coalesce((SELECT id FROM dl_list WHERE uuid = ?1), 0)
    ORDER BY d.id LIMIT ?2";
pub(super) const UKEY_TAKEN: &str =
    "SELECT 1 FROM dl_list WHERE dlma_uuid = ?1 AND ukey = ?2 AND in_use = 1 AND uuid <> ?3";

pub(super) async fn create(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    uuid: Uuid,
    fields: &Fields,
) -> Result<Dl, Fault> {
    let list: DlmaUuid = fields.required_uuid("DlmaUuid")?;
    let dlma: Dlma = row::named(conn, "DlmaUuid", list.uuid()).await?;
    let uuid = row::new_uuid::<Dl>(conn, uuid, fields).await?;
    let dl = Dl::create(DlUuid::new(uuid), dlma.uuid, fields, &rules.policy, now)?;
    check_ukey(conn, &dl).await?;
    row::save(conn, &dl).await?;
    Ok(dl)
}

pub(super) async fn update(
    conn: &mut SqliteConnection,
    rules: &Rules,
    now: Timestamp,
    fields: &Fields,
) -> Result<Dl, Fault> {
    let dl = row::requested::<Dl>(conn, fields).await?.updated(fields, &rules.policy, now)?;
    check_ukey(conn, &dl).await?;
    row::save(conn, &dl).await?;
    Ok(dl)
}

pub(super) async fn delete(
    conn: &mut SqliteConnection,
    now: Timestamp,
    fields: &Fields,
) -> Result<Dl, Fault> {
    let dl: Dl = row::requested(conn, fields).await?;
    if dl.status == DlStatus::Dialing {
        return Err(campaign::dials(conn, dl.dialing_camp_uuid).await?);
    }
    let dl = Dl { in_use: false, tm_delete: Some(now), ..dl };
    row::save(conn, &dl).await?;
    Ok(dl)
}

pub(super) async fn check_ukey(conn: &mut SqliteConnection, dl: &Dl) -> Result<(), Fault> {
    let Some(ukey) = &dl.ukey else { return Ok(()) };
    let taken = query(UKEY_TAKEN)
        .bind(dl.dlma_uuid.to_string())
        .bind(ukey)
        .bind(dl.uuid.to_string())
        .fetch_optional(conn)
        .await?;
    match taken {
        None => Ok(()),
        Some(_) => Err(Refusal::UkeyTaken { ukey: ukey.clone() }.into()),
    }
}

impl Store {
    /// At most `count` contacts in use, of one list or of all, in the order in which they were created, from the
    /// one that follows `after`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn dls(
        &self,
        dlma: Option<DlmaUuid>,
        count: u32,
        after: Option<DlUuid>,
    ) -> Result<Vec<Dl>, StoreError> {
        let after = after.map(|uuid| uuid.to_string());
        self.reading("reading contacts", async {
            let rows = match dlma {
                Some(dlma) => query(OF_LIST).bind(dlma.to_string()).bind(after).bind(count),
                None => query(OF_ALL).bind(after).bind(count),
            };
            row::records(&rows.fetch_all(&self.readers).await?)
        })
        .await
    }

    /// Whether there is, or was, a contact of that uuid: a place in a list that others come after.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn was_dl(&self, uuid: DlUuid) -> Result<bool, StoreError> {
        self.reading("looking for a contact", async {
            let found = query(<Dl as Stored>::TAKEN).bind(uuid.to_string()).fetch_optional(&self.readers);
            Ok(found.await?.is_some())
        })
        .await
    }

    /// One contact in use.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn dl(&self, uuid: DlUuid) -> Result<Option<Dl>, StoreError> {
        self.reading("reading a contact", row::one(&self.readers, uuid.uuid())).await
    }
}
