//! The run over the original's rows: each becomes a noun of ours by the rules that hold for a request, or is told of.

use std::collections::{BTreeMap, HashSet};

use sqlx::{AssertSqlSafe, Row, SqliteConnection, query};
use uuid::Uuid;

use super::columns::{CAMPAIGN, DESTINATION, DL, PLAN, eight};
use super::loose::Loose;
use super::{Order, Part, Report, Told};
use crate::model::campaign::Campaign;
use crate::model::codes::{CampaignStatus, DialResult, Outcome, ScMode};
use crate::model::destination::Destination;
use crate::model::dl::Dl;
use crate::model::dlma::Dlma;
use crate::model::fields::{FieldError, Fields};
use crate::model::ids::{CampaignUuid, DestinationUuid, DlUuid, DlmaUuid, PlanUuid};
use crate::model::number::NumberIndex;
use crate::model::plan::Plan;
use crate::model::policy::{AllowList, Policy};
use crate::model::refusal::NounKind;
use crate::model::time::Timestamp;
use crate::store::error::Fault;
use crate::store::row::{self, Stored};
use crate::store::{dl, dlma};

const LAST_END: &str = "UPDATE dl_list SET last_end = ?2 WHERE uuid = ?1";
/// Contacts that were not taken are listed so far; all are counted.
const LISTED: usize = 10_000;
/// How calls are dialled goes on without these: where one of them is refused, they are left out.
const LEFT_OUT: [&str; 3] = ["EarlyMedia", "Codecs", "UuiField"];

/// What is allowed where it does not matter what this configuration allows: nothing is dialled without being asked again.
fn lenient(policy: &Policy) -> Policy {
    let all = || -> AllowList { ["*"].into_iter().collect() };
    Policy {
        technologies: all(),
        local_contexts: all(),
        contexts: all(),
        applications: all(),
        caller_ids: all(),
        ..policy.clone()
    }
}

/// Whose trouble it is.
pub(super) enum Trouble {
    Ours(Fault),
    Theirs(sqlx::Error),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Ours(fault)
    }
}

/// Why a row is not taken.
enum Left {
    Refused(String),
    Ours(Fault),
}

impl From<FieldError> for Left {
    fn from(error: FieldError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<Fault> for Left {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(refusal) => Self::Refused(refusal.to_string()),
            other => Self::Ours(other),
        }
    }
}

impl From<sqlx::Error> for Left {
    fn from(error: sqlx::Error) -> Self {
        Self::Ours(error.into())
    }
}

/// One run.
pub(super) struct Moving<'a> {
    from: &'a mut SqliteConnection,
    to: &'a mut SqliteConnection,
    policy: Policy,
    lenient: Policy,
    order: &'a Order<'a>,
    /// The original's tables and views.
    views: BTreeMap<String, bool>,
    report: Report,
    /// Lists that were deleted in the original.
    gone: HashSet<Uuid>,
    /// Lists that are here: asked for once, and not for each of their contacts.
    here: HashSet<DlmaUuid>,
}

impl<'a> Moving<'a> {
    pub(super) fn new(
        from: &'a mut SqliteConnection,
        to: &'a mut SqliteConnection,
        policy: Policy,
        order: &'a Order<'a>,
        views: BTreeMap<String, bool>,
    ) -> Self {
        let (lenient, report) = (lenient(&policy), Report::default());
        Self { from, to, policy, lenient, order, views, report, gone: HashSet::new(), here: HashSet::new() }
    }

    /// Takes every row that can be taken.
    pub(super) async fn run(mut self) -> Result<Report, Trouble> {
        for loose in self.rows("plan").await? {
            self.one(NounKind::Plan, &loose).await?;
        }
        if self.views.contains_key("destination") {
            for loose in self.rows("destination").await? {
                self.one(NounKind::Destination, &loose).await?;
            }
        }
        let lists = self.rows("dl_list_ma").await?;
        for loose in &lists {
            if let (false, Ok(uuid)) = (loose.in_use(), loose.uuid("uuid")) {
                self.gone.insert(uuid);
            }
            self.one(NounKind::Dlma, loose).await?;
        }
        for loose in self.rows("campaign").await? {
            self.one(NounKind::Campaign, &loose).await?;
        }
        self.contacts("dl_list", None).await?;
        // Where a list is a table of its own, and not a view of the common one.
        for loose in &lists {
            if let (Some(table), Ok(uuid)) = (loose.get("dl_table"), loose.uuid("uuid"))
                && table != "dl_list"
                && self.views.get(table).copied().unwrap_or(false)
            {
                let table = table.to_owned();
                self.contacts(&table, Some(uuid)).await?;
            }
        }
        Ok(self.report)
    }

    /// The rows of a small table.
    async fn rows(&mut self, table: &str) -> Result<Vec<Loose>, Trouble> {
        let rows = query(all_of(table)).fetch_all(&mut *self.from).await.map_err(Trouble::Theirs)?;
        rows.iter().map(Loose::read).collect::<Result<_, _>>().map_err(Trouble::Theirs)
    }

    /// The contacts of a table, of `list` where they do not say otherwise.
    async fn contacts(&mut self, table: &str, list: Option<Uuid>) -> Result<(), Trouble> {
        // They may be a million: read and written one after the other.
        let mut after = i64::MIN;
        loop {
            let page = query(page_of(table))
                .bind(after)
                .fetch_all(&mut *self.from)
                .await
                .map_err(Trouble::Theirs)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.try_get("rowid_").map_err(Trouble::Theirs)?;
            for row in &page {
                let mut loose = Loose::read(row).map_err(Trouble::Theirs)?;
                if let Some(list) = list {
                    loose.or_set("dlma_uuid", || list.to_string());
                }
                self.one(NounKind::Dl, &loose).await?;
            }
        }
    }

    /// Takes one row, or says why not.
    async fn one(&mut self, kind: NounKind, loose: &Loose) -> Result<(), Trouble> {
        self.part(kind).there += 1;
        let deleted =
            kind == NounKind::Dl && loose.uuid("dlma_uuid").is_ok_and(|list| self.gone.contains(&list));
        if !loose.in_use() || deleted {
            self.part(kind).deleted += 1;
            return Ok(());
        }
        let notes = self.report.notes.len();
        let taken = match kind {
            NounKind::Plan => self.plan(loose).await,
            NounKind::Destination => self.destination(loose).await,
            NounKind::Dlma => self.dlma(loose).await,
            NounKind::Campaign => self.campaign(loose).await,
            NounKind::Dl => self.contact(loose).await,
            NounKind::Dialing => Ok(false),
        };
        match taken {
            Ok(true) => self.part(kind).taken += 1,
            Ok(false) => self.part(kind).known += 1,
            Err(Left::Refused(why)) => {
                self.report.notes.truncate(notes);
                self.part(kind).refused += 1;
                if kind != NounKind::Dl || self.report.refused.len() < LISTED {
                    self.report.refused.push(told(kind, loose, why));
                }
            }
            Err(Left::Ours(fault)) => return Err(fault.into()),
        }
        Ok(())
    }

    fn part(&mut self, kind: NounKind) -> &mut Part {
        self.report.parts.entry(kind).or_default()
    }

    fn note(&mut self, kind: NounKind, loose: &Loose, what: String) {
        self.report.notes.push(told(kind, loose, what));
    }

    /// The row's uuid, unless that is here already.
    async fn fresh<T: Stored>(&mut self, loose: &Loose) -> Result<Option<Uuid>, Left> {
        let uuid = loose.uuid("uuid")?;
        let taken = query(T::TAKEN).bind(uuid.to_string()).fetch_optional(&mut *self.to).await?;
        Ok(taken.is_none().then_some(uuid))
    }

    fn created(&self, loose: &Loose) -> Timestamp {
        loose.moment("tm_create").unwrap_or(self.order.now)
    }

    async fn plan(&mut self, loose: &Loose) -> Result<bool, Left> {
        let Some(uuid) = self.fresh::<Plan>(loose).await? else { return Ok(false) };
        let mut columns = PLAN.to_vec();
        let tries = eight("MaxRetry", "max_retry_cnt_");
        columns.extend(tries.iter().map(|(field, column)| (field.as_str(), column.as_str())));
        let fields = loose.fields(&columns)?;
        let (uuid, now) = (PlanUuid::new(uuid), self.created(loose));
        // What not even a policy that allows everything allows is told of in the words of the real one.
        let create = |fields: &Fields| {
            Plan::create(uuid, fields, &self.lenient, now)
                .or_else(|_| Plan::create(uuid, fields, &self.policy, now))
        };
        let (plan, left) = without_options(&fields, &columns, loose, create)?;
        if let Some(what) = left {
            self.note(NounKind::Plan, loose, format!("left out: {what}"));
        }
        if let Some(why) = plan.refused_by(&self.policy) {
            self.note(NounKind::Plan, loose, format!("nothing is dialled by it: {why}"));
        } else if let Some((field, given, allowed)) = plan.why_not_dialled() {
            let what = format!("nothing is dialled by it: {field}: \"{given}\"; allowed: {allowed}");
            self.note(NounKind::Plan, loose, what);
        }
        row::save(self.to, &Plan { tm_update: loose.moment("tm_update"), ..plan }).await?;
        Ok(true)
    }

    async fn destination(&mut self, loose: &Loose) -> Result<bool, Left> {
        let Some(uuid) = self.fresh::<Destination>(loose).await? else { return Ok(false) };
        let fields = loose.fields(&DESTINATION)?;
        let (uuid, now) = (DestinationUuid::new(uuid), self.created(loose));
        let destination = Destination::create(uuid, &fields, &self.lenient, now)
            .or_else(|_| Destination::create(uuid, &fields, &self.policy, now))?;
        if let Some(why) = destination.refused_by(&self.policy) {
            self.note(NounKind::Destination, loose, format!("no call is sent there: {why}"));
        }
        row::save(self.to, &Destination { tm_update: loose.moment("tm_update"), ..destination }).await?;
        Ok(true)
    }

    async fn dlma(&mut self, loose: &Loose) -> Result<bool, Left> {
        let Some(uuid) = self.fresh::<Dlma>(loose).await? else { return Ok(false) };
        let fields = loose.fields(&[("Name", "name"), ("Detail", "detail")])?;
        let dlma = Dlma::create(DlmaUuid::new(uuid), &fields, self.created(loose))?;
        if let Some(table) = loose.get("dl_table").filter(|table| *table != dlma.dl_table) {
            let what = format!("its view was named {table} and is named {} now", dlma.dl_table);
            self.note(NounKind::Dlma, loose, what);
        }
        dlma::insert(self.to, &Dlma { tm_update: loose.moment("tm_update"), ..dlma }).await?;
        Ok(true)
    }

    async fn campaign(&mut self, loose: &Loose) -> Result<bool, Left> {
        let Some(uuid) = self.fresh::<Campaign>(loose).await? else { return Ok(false) };
        let fields = loose.fields(&CAMPAIGN)?;
        let campaign = Campaign::create(CampaignUuid::new(uuid), &fields, self.created(loose))?;
        if let Some(plan) = campaign.plan {
            row::named::<Plan>(self.to, "Plan", plan.uuid()).await?;
        }
        if let Some(dlma) = campaign.dlma {
            row::named::<Dlma>(self.to, "Dlma", dlma.uuid()).await?;
        }
        if let Some(dest) = campaign.dest {
            row::named::<Destination>(self.to, "Dest", dest.uuid()).await?;
        }
        if loose.count("status") != CampaignStatus::Stop.code() {
            let status = loose.count("status");
            self.note(
                NounKind::Campaign,
                loose,
                format!("its status was {status}; it is stopped until it is started"),
            );
        }
        if loose.count("sc_mode") == ScMode::Schedule.code() {
            let what = "it starts and stops by itself, by its schedule: look at its days, which the original got wrong";
            self.note(NounKind::Campaign, loose, what.to_owned());
        }
        if loose.get("next_campaign").is_some() {
            self.note(
                NounKind::Campaign,
                loose,
                "next_campaign is left out: the original never used it".to_owned(),
            );
        }
        row::save(self.to, &Campaign { tm_update: loose.moment("tm_update"), ..campaign }).await?;
        Ok(true)
    }

    async fn contact(&mut self, loose: &Loose) -> Result<bool, Left> {
        let Some(uuid) = self.fresh::<Dl>(loose).await? else { return Ok(false) };
        let list = DlmaUuid::new(loose.uuid("dlma_uuid")?);
        if !self.here.contains(&list) {
            row::named::<Dlma>(self.to, "DlmaUuid", list.uuid()).await?;
            self.here.insert(list);
        }
        let numbers = eight("Number", "number_");
        let mut columns = DL.to_vec();
        columns.extend(numbers.iter().map(|(field, column)| (field.as_str(), column.as_str())));
        let fields = loose.fields(&columns)?;
        let mut dl = Dl::create(DlUuid::new(uuid), list, &fields, &self.policy, self.created(loose))?;
        for index in NumberIndex::all() {
            dl.tries.0[index.place()] = whole(loose.count(&format!("trycnt_{index}")));
        }
        dl.trycnt = dl.tries.0.iter().fold(0, |sum: u32, tries| sum.saturating_add(*tries));
        // What is in no table is a result of no meaning here.
        dl.res_dial = DialResult::try_from(loose.count("res_dial")).unwrap_or(DialResult::None);
        dl.last_outcome = match dl.res_dial {
            DialResult::Busy => Some(Outcome::Busy),
            DialResult::Congestion => Some(Outcome::Congestion),
            DialResult::Ringing => Some(Outcome::NoAnswer),
            DialResult::Answered => Some(Outcome::Answered),
            // A try of which nothing is known, or none at all.
            DialResult::None => None,
        };
        dl.res_dial_detail = loose.get("res_dial_detail").map(str::to_owned);
        dl.res_hangup = whole(loose.count("res_hangup"));
        dl.res_hangup_detail = loose.get("res_hangup_detail").map(str::to_owned);
        dl.tm_update = loose.moment("tm_update");
        // When it was dialled is left blank, as of every contact whose tries come from elsewhere: `check` goes by that. A
        // try without a time is one of just now: rather late than twice at once.
        let last = loose.moment("tm_last_dial").max(loose.moment("tm_last_hangup"));
        dl.tm_last_hangup = last.or(Some(self.order.now)).filter(|_| dl.trycnt > 0);
        let interrupted = loose.count("status") != 0 || loose.get("dialing_uuid").is_some();
        dl.held = interrupted && self.order.hold_unknown;
        dl::check_ukey(self.to, &dl).await?;
        row::save(self.to, &dl).await?;
        if let Some(last) = dl.tm_last_hangup {
            query(LAST_END).bind(dl.uuid.to_string()).bind(last.micros()).execute(&mut *self.to).await?;
        }
        self.report.interrupted += u64::from(interrupted);
        Ok(true)
    }
}

/// Makes it of those fields, or where one of [`LEFT_OUT`] is refused, without these; says what is refused.
fn without_options<T>(
    fields: &Fields,
    columns: &[(&str, &str)],
    loose: &Loose,
    create: impl Fn(&Fields) -> Result<T, FieldError>,
) -> Result<(T, Option<FieldError>), FieldError> {
    let error = match create(fields) {
        Ok(made) => return Ok((made, None)),
        Err(error) => error,
    };
    let (FieldError::Missing { field, .. } | FieldError::Invalid { field, .. }) = &error;
    if !LEFT_OUT.contains(&field.as_str()) {
        return Err(error);
    }
    let kept: Vec<_> = columns.iter().copied().filter(|(field, _)| !LEFT_OUT.contains(field)).collect();
    Ok((create(&loose.fields(&kept)?)?, Some(error)))
}

fn told(kind: NounKind, loose: &Loose, what: String) -> Told {
    let text = |column| loose.get(column).unwrap_or_default().to_owned();
    Told { kind, uuid: text("uuid"), name: text("name"), what }
}

/// A count that was negative is none.
fn whole(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

/// A name can be no bound value; a quote in it is doubled, so that it ends nowhere.
fn quoted(table: &str) -> String {
    format!("\"{}\"", table.replace('"', "\"\""))
}

fn all_of(table: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("SELECT * FROM {} ORDER BY rowid", quoted(table)))
}

fn page_of(table: &str) -> AssertSqlSafe<String> {
    let table = quoted(table);
    AssertSqlSafe(format!(
        "SELECT rowid AS rowid_, * FROM {table} WHERE rowid > ?1 ORDER BY rowid LIMIT 1000"
    ))
}
