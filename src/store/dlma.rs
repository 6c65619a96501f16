//! Table `dl_list_ma`, the heads of dial lists, and the view that shows each list alone.

use sqlx::{AssertSqlSafe, SqliteConnection, query};
use uuid::Uuid;

use super::campaign::{self, Used};
use super::error::Fault;
use super::row::{self, Stored};
use super::{Store, StoreError};
use crate::model::dlma::Dlma;
use crate::model::fields::Fields;
use crate::model::ids::DlmaUuid;
use crate::model::refusal::NounKind;
use crate::model::time::Timestamp;

impl Stored for Dlma {
    const KIND: NounKind = NounKind::Dlma;
    const SAVE: &'static str = row::save_sql!("dl_list_ma": "name" "detail" "dl_table" "variables" "in_use" "tm_create"
        "tm_delete" "tm_update");
    const ONE: &'static str = "SELECT * FROM dl_list_ma WHERE uuid = ?1 AND in_use = 1";
    const TAKEN: &'static str = "SELECT 1 FROM dl_list_ma WHERE uuid = ?1";
}

pub(super) const ALL: &str = "SELECT * FROM dl_list_ma WHERE in_use = 1 ORDER BY rowid";

pub(super) async fn create(
    conn: &mut SqliteConnection,
    now: Timestamp,
    uuid: Uuid,
    fields: &Fields,
) -> Result<Dlma, Fault> {
    let uuid = row::new_uuid::<Dlma>(conn, uuid, fields).await?;
    let dlma = Dlma::create(DlmaUuid::new(uuid), fields, now)?;
    insert(conn, &dlma).await?;
    Ok(dlma)
}

/// Writes a new head, and makes its view.
pub(super) async fn insert(conn: &mut SqliteConnection, dlma: &Dlma) -> Result<(), Fault> {
    row::save(conn, dlma).await?;
    // A view can take no bound values. Both that go into it are a parsed uuid written out: hexadecimal digits with
    // `-`, or in the name `_`, so neither quote can be left.
    let view = dlma.uuid.to_string().replace('-', "_");
    let uuid = dlma.uuid;
    let sql =
        format!("CREATE VIEW \"{view}\" AS SELECT * FROM dl_list WHERE dlma_uuid = '{uuid}' AND in_use = 1");
    query(AssertSqlSafe(sql)).persistent(false).execute(conn).await?;
    Ok(())
}

pub(super) async fn update(
    conn: &mut SqliteConnection,
    now: Timestamp,
    fields: &Fields,
) -> Result<Dlma, Fault> {
    let dlma = row::requested::<Dlma>(conn, fields).await?.updated(fields, now)?;
    row::save(conn, &dlma).await?;
    Ok(dlma)
}

/// Deletes the head and its view. The contacts stay in the table, where nothing shows, dials or changes them.
pub(super) async fn delete(
    conn: &mut SqliteConnection,
    now: Timestamp,
    fields: &Fields,
) -> Result<Dlma, Fault> {
    let dlma: Dlma = row::requested(conn, fields).await?;
    campaign::check_unused(conn, Used::Dlma(dlma.uuid)).await?;
    campaign::check_no_dl_is_dialled(conn, dlma.uuid).await?;
    let dlma = Dlma { in_use: false, tm_delete: Some(now), ..dlma };
    row::save(conn, &dlma).await?;
    // As above: the name is a parsed uuid written out with `_`.
    let view = dlma.uuid.to_string().replace('-', "_");
    query(AssertSqlSafe(format!("DROP VIEW IF EXISTS \"{view}\""))).persistent(false).execute(conn).await?;
    Ok(dlma)
}

impl Store {
    /// Dlmas in use, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn dlmas(&self) -> Result<Vec<Dlma>, StoreError> {
        self.reading("reading dlmas", async { row::records(&query(ALL).fetch_all(&self.readers).await?) })
            .await
    }

    /// One dlma in use.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn dlma(&self, uuid: DlmaUuid) -> Result<Option<Dlma>, StoreError> {
        self.reading("reading a dlma", row::one(&self.readers, uuid.uuid())).await
    }
}
