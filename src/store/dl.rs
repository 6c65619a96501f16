//! Table `dl_list`: contacts.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::sync::LazyLock;

use sqlx::error::ErrorKind;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, SqliteConnection, query};
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
use crate::model::number::NumberIndex;
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Timestamp;

/// A contact of a deleted list is out of use as well.
impl Stored for Dl {
    const KIND: NounKind = NounKind::Dl;
    const SAVE: &'static str = row::save_sql!("dl_list": "dlma_uuid" "in_use" "name" "detail" "status" "resv_target"
        "ukey" "udata" "variables" "dialing_uuid" "dialing_camp_uuid" "dialing_plan_uuid" "number_1" "number_2"
        "number_3" "number_4" "number_5" "number_6" "number_7" "number_8" "email" "time_zone" "trycnt_1" "trycnt_2" "trycnt_3"
        "trycnt_4" "trycnt_5" "trycnt_6" "trycnt_7" "trycnt_8" "res_dial" "res_dial_detail" "res_hangup"
        "res_hangup_detail" "tm_create" "tm_delete" "tm_update" "tm_last_dial" "tm_last_hangup" "trycnt" "held" "last_outcome"
        "fault_number" "faultcnt");
    const ONE: &'static str = "SELECT d.* FROM dl_list d JOIN dl_list_ma m ON m.uuid = d.dlma_uuid
        WHERE d.uuid = ?1 AND d.in_use = 1 AND m.in_use = 1";
    const TAKEN: &'static str = "SELECT 1 FROM dl_list WHERE uuid = ?1";
}

/// The columns that a new contact fills; the others have their defaults.
const COLUMNS: &str = "held, uuid, dlma_uuid, name, detail, ukey, udata, email, time_zone, variables, tm_create, number_1, number_2, \
                       number_3, number_4, number_5, number_6, number_7, number_8";
/// The statements that write so many contacts each, the most first.
static INSERTS: LazyLock<[(usize, String); 11]> =
    LazyLock::new(|| [64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1].map(|rows| (rows, insert_sql(rows))));

/// None is written where the list of one is not in use, for then there is nothing that `dlma_uuid` could be.
fn insert_sql(rows: usize) -> String {
    let value = |column: &str| match column.trim() {
        "dlma_uuid" => "(SELECT uuid FROM dl_list_ma WHERE uuid = ? AND in_use = 1)",
        _ => "?",
    };
    let row = format!("({})", COLUMNS.split(',').map(value).collect::<Vec<_>>().join(", "));
    format!("INSERT INTO dl_list ({COLUMNS}) VALUES {}", vec![row; rows].join(", "))
}

/// How many of so many contacts the largest statement takes that they fill, and the statement.
fn largest_insert(contacts: usize) -> Option<&'static (usize, String)> {
    INSERTS.iter().find(|(rows, _)| *rows <= contacts)
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

/// A contact to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewContact<'a> {
    pub(super) now: Timestamp,
    /// A fresh id, unless the fields bring one.
    pub(super) uuid: Uuid,
    pub(super) fields: &'a Fields,
}

impl NewContact<'_> {
    /// What it makes where nothing in the tables speaks against it; `None` where its fields are wrong.
    fn unchecked(&self, rules: &Rules) -> Option<Dl> {
        let list: DlmaUuid = self.fields.required_uuid("DlmaUuid").ok()?;
        let uuid = row::uuid_brought(self.fields).ok()?.unwrap_or(self.uuid);
        Dl::create(DlUuid::new(uuid), list, self.fields, &rules.policy, self.now).ok()
    }
}

pub(super) async fn create(
    conn: &mut SqliteConnection,
    rules: &Rules,
    contact: NewContact<'_>,
) -> Result<Dl, Fault> {
    let dl = Checks::default().pass(conn, rules, contact).await?;
    insert(conn, std::slice::from_ref(&dl)).await?;
    Ok(dl)
}

/// Whether one statement takes them all.
pub(super) fn fit_a_statement(contacts: &[NewContact<'_>]) -> bool {
    largest_insert(contacts.len()).is_some_and(|(rows, _)| *rows == contacts.len())
}

/// Makes those that one statement takes, or none of them, where any is to be refused. Needs no transaction around it.
pub(super) async fn create_at_once(
    conn: &mut SqliteConnection,
    rules: &Rules,
    contacts: &[NewContact<'_>],
) -> Result<Option<Vec<Dl>>, Fault> {
    let Some(dls) = contacts.iter().map(|contact| contact.unchecked(rules)).collect::<Option<Vec<_>>>()
    else {
        return Ok(None);
    };
    match insert(conn, &dls).await {
        Ok(()) => Ok(Some(dls)),
        // No such list, or the uuid or the key is taken: the tables know, and SQLite has undone the statement.
        Err(Fault::Sql(sqlx::Error::Database(why))) if is_of_a_row(&why.kind()) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn is_of_a_row(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotNullViolation | ErrorKind::UniqueViolation)
}

/// Makes them one after the other, in fewer statements; what is refused is none of the others' matter.
pub(super) async fn create_all(
    conn: &mut SqliteConnection,
    rules: &Rules,
    contacts: &[NewContact<'_>],
) -> Result<Vec<Result<Dl, Refusal>>, Fault> {
    let mut answers = Vec::with_capacity(contacts.len());
    let mut rest = contacts;
    while let Some((rows, _)) = largest_insert(rest.len()) {
        let (chunk, others) = rest.split_at(*rows);
        match create_at_once(conn, rules, chunk).await? {
            Some(made) => answers.extend(made.into_iter().map(Ok)),
            None => answers.extend(create_checked(conn, rules, chunk).await?),
        }
        rest = others;
    }
    Ok(answers)
}

/// The same where some are to be refused, and it is to be said why.
async fn create_checked(
    conn: &mut SqliteConnection,
    rules: &Rules,
    contacts: &[NewContact<'_>],
) -> Result<Vec<Result<Dl, Refusal>>, Fault> {
    let mut checks = Checks::default();
    let mut answers = Vec::with_capacity(contacts.len());
    for contact in contacts {
        answers.push(match checks.pass(conn, rules, *contact).await {
            Ok(dl) => Ok(dl),
            Err(Fault::Refused(refusal)) => Err(refusal),
            Err(fault) => return Err(fault),
        });
    }
    let made: Vec<&Dl> = answers.iter().flatten().collect();
    insert(conn, &made).await?;
    Ok(answers)
}

/// What contacts are checked by that are written together: the table, and those before them that are not in it yet.
#[derive(Default)]
struct Checks {
    lists: HashSet<DlmaUuid>,
    uuids: HashSet<Uuid>,
    ukeys: HashSet<(DlmaUuid, String)>,
}

impl Checks {
    async fn pass(
        &mut self,
        conn: &mut SqliteConnection,
        rules: &Rules,
        NewContact { now, uuid: fresh, fields }: NewContact<'_>,
    ) -> Result<Dl, Fault> {
        let list: DlmaUuid = fields.required_uuid("DlmaUuid")?;
        if !self.lists.contains(&list) {
            row::named::<Dlma>(conn, "DlmaUuid", list.uuid()).await?;
            self.lists.insert(list);
        }
        let uuid = row::new_uuid::<Dl>(conn, fresh, fields).await?;
        if self.uuids.contains(&uuid) {
            return Err(Refusal::Taken { uuid: uuid.to_string() }.into());
        }
        let dl = Dl::create(DlUuid::new(uuid), list, fields, &rules.policy, now)?;
        if let Some(ukey) = &dl.ukey {
            check_ukey(conn, &dl).await?;
            if !self.ukeys.insert((list, ukey.clone())) {
                return Err(Refusal::UkeyTaken { ukey: ukey.clone() }.into());
            }
        }
        self.uuids.insert(uuid);
        Ok(dl)
    }
}

/// Writes new contacts, in as few statements as may be: a statement costs more than a row.
pub(super) async fn insert(conn: &mut SqliteConnection, contacts: &[impl Borrow<Dl>]) -> Result<(), Fault> {
    let mut rest = contacts;
    while let Some((rows, sql)) = largest_insert(rest.len()) {
        let (chunk, others) = rest.split_at(*rows);
        insert_rows(conn, sql, chunk).await?;
        rest = others;
    }
    Ok(())
}

/// In the order of [`COLUMNS`].
async fn insert_rows(
    conn: &mut SqliteConnection,
    sql: &'static str,
    contacts: &[impl Borrow<Dl>],
) -> Result<(), Fault> {
    let mut values = SqliteArguments::default();
    for dl in contacts {
        let dl = dl.borrow();
        let numbers =
            NumberIndex::all().map(|index| dl.number(index).map(|number| number.as_str().to_owned()));
        let texts = [
            Some(dl.uuid.to_string()),
            Some(dl.dlma_uuid.to_string()),
            dl.name.clone(),
            dl.detail.clone(),
            dl.ukey.clone(),
            dl.udata.clone(),
            dl.email.clone(),
            dl.time_zone.map(String::from),
            dl.variables.to_json(),
            Some(dl.tm_create.to_string()),
        ];
        values.add(dl.held).map_err(sqlx::Error::Encode)?;
        for text in texts.into_iter().chain(numbers) {
            values.add(text).map_err(sqlx::Error::Encode)?;
        }
    }
    sqlx::query_with(sql, values).execute(conn).await?;
    Ok(())
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
