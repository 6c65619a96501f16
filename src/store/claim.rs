//! Claims: due contacts become attempts, in one transaction, before anything is sent. Several claims that come
//! together share their statements, for each is a trip to SQLite's thread. Who is due and may not be dialled yet is put
//! off ([`super::put_off`]), and others are claimed in his place.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, query};

use super::command::{ClaimOrder, Claimed};
use super::dialing;
use super::error::Fault;
use super::put_off::{self, Due, Later, Rules, Taken};
use super::row;
use super::stat::{self, RungCount};
use crate::engine::Outlook;
use crate::engine::calling::Ruling;
use crate::engine::selection::{self, By};
use crate::model::dialing::{Attempt, Capsule};
use crate::model::dl::Dl;
use crate::model::ids::{CampaignUuid, CapsuleUuid, DestinationUuid, DlmaUuid, PlanUuid};
use crate::model::number::NumberIndex;
use crate::model::plan::Plan;
use crate::model::refusal::NounKind;
use crate::model::rung::Rung;
use crate::model::time::Timestamp;

/// `?1` is a JSON array of [`May`].
const MAY_DIAL: &str = "SELECT
    EXISTS (SELECT 1 FROM campaign
        WHERE uuid = value ->> 'campaign' AND in_use = 1 AND status = 1
            AND plan = value ->> 'plan' AND dlma = value ->> 'dlma' AND dest = value ->> 'dest'),
    EXISTS (SELECT 1 FROM capsule WHERE uuid = value ->> 'capsule')
    FROM json_each(?1) ORDER BY key";
/// `?1` is a JSON array of [`Step`]. Walks index `dl_waiting`: what it costs does not depend on how long the lists are.
pub(super) const PICK: &str = "SELECT step.key AS step, dl_list.* FROM json_each(?1) step CROSS JOIN dl_list
    WHERE dl_list.id IN (SELECT waits.id FROM dl_list waits
        WHERE waits.dlma_uuid = step.value ->> 'dlma' AND waits.rung = step.value ->> 'rung'
            AND waits.past = step.value ->> 'past'
            AND waits.in_use = 1 AND waits.status = 0 AND waits.res_dial <> 4 AND waits.held = 0
            AND NOT EXISTS (SELECT 1 FROM dialing WHERE dl_uuid = waits.uuid AND open = 1)
            AND NOT EXISTS (SELECT 1 FROM temp.preview WHERE dl_uuid = waits.uuid)
        ORDER BY waits.turn, waits.id LIMIT ?2)";
const PUT_BACK: &str =
    "UPDATE dl_list SET last_end = ?2, put_off_by = NULL, put_off_until = NULL WHERE id = ?1";

/// What a claim is by.
#[derive(Serialize)]
struct May {
    campaign: CampaignUuid,
    plan: PlanUuid,
    dlma: DlmaUuid,
    dest: DestinationUuid,
    capsule: CapsuleUuid,
}

impl May {
    fn by(campaign: CampaignUuid, capsule: &Capsule) -> Self {
        Self {
            campaign,
            plan: capsule.plan.uuid,
            dlma: capsule.dlma.uuid,
            dest: capsule.destination.uuid,
            capsule: capsule.uuid,
        }
    }
}

/// A rung of a list from which contacts are picked.
#[derive(Serialize)]
struct Step {
    dlma: DlmaUuid,
    rung: String,
    past: String,
}

/// A claim on its way.
struct Claim<'a> {
    now: Timestamp,
    order: &'a ClaimOrder,
    counts: Vec<RungCount>,
    /// Rungs that were not looked at yet, those first that go first, each with the number that is dialled there.
    ladder: VecDeque<(Rung, NumberIndex)>,
    has_capsule: bool,
    attempts: Vec<Attempt>,
    rules: Rules<'a>,
    /// Contacts that it has put off, and those among them that are not written yet.
    put_off: usize,
    later: Vec<Later>,
    /// Whether it has come to the end of what it may put off, and that was of use.
    more: bool,
}

/// Rows of a rung, in order of their turns, each with that and its id.
struct Page {
    rows: Vec<(i64, i64, SqliteRow)>,
    /// Whether there are no more.
    is_last: bool,
}

/// How many of the first of these orders can be carried out together: a list is in one of them at most, for what one
/// takes the next must not find.
pub(super) fn together<'a>(orders: impl Iterator<Item = &'a ClaimOrder>) -> usize {
    let mut lists = BTreeSet::new();
    orders.take_while(|order| lists.insert(order.capsule.dlma.uuid)).count()
}

/// Claims for each order as many due contacts as it has ids, fewest tries first. No list is in two of them.
pub(super) async fn claim(
    conn: &mut SqliteConnection,
    orders: &[(Timestamp, &ClaimOrder)],
) -> Result<Vec<Claimed>, Fault> {
    let mut claims = choose(conn, orders).await?;
    let used = claims.iter().filter(|claim| !claim.attempts.is_empty() && !claim.has_capsule);
    dialing::put_capsules(conn, used.map(|claim| &*claim.order.capsule)).await?;
    dialing::take(conn, claims.iter().flat_map(Claim::takes)).await?;
    count_anew(conn, &mut claims).await?;
    Ok(claims.into_iter().map(Claim::done).collect())
}

/// The contact that a claim of one would take, and what would be left in the list: nobody is taken.
pub(super) async fn choose_one(
    conn: &mut SqliteConnection,
    now: Timestamp,
    order: &ClaimOrder,
) -> Result<(Option<Attempt>, Outlook), Fault> {
    let mut claims = choose(conn, &[(now, order)]).await?;
    count_anew(conn, &mut claims).await?;
    let Some(mut claim) = claims.pop() else { return Ok((None, Outlook::default())) };
    Ok((claim.attempts.pop(), claim.outlook()))
}

/// Whether a campaign may dial by its capsule now, and whether that is written.
pub(super) async fn may_dial(
    conn: &mut SqliteConnection,
    campaign: CampaignUuid,
    capsule: &Capsule,
) -> Result<(bool, bool), Fault> {
    let may = row::json("claim", &[May::by(campaign, capsule)])?;
    let row = query(MAY_DIAL).bind(may).fetch_one(conn).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Where those stand now that were put off is not kept count of.
async fn count_anew(conn: &mut SqliteConnection, claims: &mut [Claim<'_>]) -> Result<(), Fault> {
    if claims.iter().any(|claim| claim.put_off > 0) {
        let lists: Vec<_> = claims.iter().map(|claim| claim.order.capsule.dlma.uuid).collect();
        for (claim, counts) in claims.iter_mut().zip(stat::rungs_of(conn, &lists).await?) {
            claim.counts = counts;
        }
    }
    Ok(())
}

/// Finds for each order whom it claims, and puts off who may not be dialled; takes nobody yet.
async fn choose<'a>(
    conn: &mut SqliteConnection,
    orders: &[(Timestamp, &'a ClaimOrder)],
) -> Result<Vec<Claim<'a>>, Fault> {
    let lists: Vec<_> = orders.iter().map(|(_, order)| order.capsule.dlma.uuid).collect();
    let rungs = stat::rungs_of(&mut *conn, &lists).await?;
    let mut claims: Vec<_> =
        orders.iter().zip(rungs).map(|(&(now, order), counts)| Claim::new(now, order, counts)).collect();
    look(conn, &mut claims).await?;
    let counts_numbers =
        claims.iter().any(|claim| !claim.ladder.is_empty() && claim.plan().calling.number_cap.is_some());
    if counts_numbers {
        query(put_off::INDEX).execute(&mut *conn).await?;
    }
    let mut taken = Taken::new(counts_numbers);
    loop {
        let mut steps: BTreeMap<usize, Vec<(&mut Claim<'_>, RungCount, NumberIndex)>> = BTreeMap::new();
        for claim in &mut claims {
            if let Some((count, index)) = claim.next_step() {
                // Those that want about as many are asked for together: one limit holds for all.
                let about = claim.reach().next_power_of_two();
                steps.entry(about).or_default().push((claim, count, index));
            }
        }
        if steps.is_empty() {
            break;
        }
        for (_, steps) in steps {
            pick(conn, steps, &mut taken).await?;
        }
    }
    Ok(claims)
}

impl<'a> Claim<'a> {
    fn new(now: Timestamp, order: &'a ClaimOrder, counts: Vec<RungCount>) -> Self {
        let plan = &order.capsule.plan;
        let by = By::of(&order.capsule);
        let none_due = stat::outlook(&counts, by).next_due.is_none_or(|due| due > now);
        let ladder = if none_due || order.ids.is_empty() || plan.tech_name.is_none() {
            VecDeque::new()
        } else {
            selection::ladder(counts.iter().map(|count| count.rung), plan).into_iter().collect()
        };
        let rules = Rules::new(by, now);
        let (attempts, later) = (Vec::new(), Vec::new());
        Self {
            now,
            order,
            counts,
            ladder,
            has_capsule: false,
            attempts,
            rules,
            put_off: 0,
            later,
            more: false,
        }
    }

    fn plan(&self) -> &Plan {
        &self.order.capsule.plan
    }

    /// How many contacts it still lacks.
    fn wanted(&self) -> usize {
        self.order.ids.len() - self.attempts.len()
    }

    /// How many more contacts it looks at; more once it has had to put some off.
    fn reach(&self) -> usize {
        match self.put_off {
            0 => self.wanted(),
            _ => self.wanted().max(put_off::AT_ONCE),
        }
    }

    /// Those that it has taken stand on their rungs until they are written.
    fn passes_over(&self) -> usize {
        if self.put_off == 0 { 0 } else { self.attempts.len() }
    }

    fn due_before(&self, rung: &Rung) -> i64 {
        selection::turn_before(rung, self.plan(), || self.rules.terms(), self.now)
    }

    /// The rung from which contacts are picked next, with what it holds and the number that is dialled there.
    fn next_step(&mut self) -> Option<(RungCount, NumberIndex)> {
        while self.wanted() > 0 {
            let (rung, index) = self.ladder.pop_front()?;
            let count = self.counts.iter().find(|count| count.rung == rung).copied();
            let due = |count: &RungCount| count.earliest.is_some_and(|at| at <= self.due_before(&rung));
            if let Some(count) = count.filter(due) {
                return Some((count, index));
            }
        }
        None
    }

    /// Takes of the rows of a rung those that are due, those first that have waited longest, as far as it lacks them.
    async fn take(
        &mut self,
        conn: &mut SqliteConnection,
        mut count: RungCount,
        index: NumberIndex,
        page: Page,
        taken: &mut Taken,
    ) -> Result<(), Fault> {
        let due_before = self.due_before(&count.rung);
        // What is left as it is once they are claimed.
        count.earliest = None;
        for (turn, _, row) in page.rows {
            if turn > due_before || self.wanted() == 0 {
                count.earliest = [count.earliest, Some(turn)].into_iter().flatten().min();
                break;
            }
            match row::record::<Dl>(NounKind::Dl.word(), &row) {
                Ok(dl) => self.claim(dl, &mut count, index, taken),
                Err(fault) => {
                    put_back(conn, self.now, &row, fault).await?;
                    count.earliest = Some(self.now.micros());
                }
            }
        }
        self.leave(count);
        Ok(())
    }

    /// The same where each is to be asked whether he may be dialled; who may not is put off.
    async fn take_or_put_off(
        &mut self,
        conn: &mut SqliteConnection,
        mut count: RungCount,
        index: NumberIndex,
        page: Page,
        taken: &mut Taken,
    ) -> Result<(), Fault> {
        let due_before = self.due_before(&count.rung);
        let mut due = Vec::with_capacity(page.rows.len());
        let mut next = None;
        for (turn, id, row) in page.rows {
            if turn > due_before {
                next = Some(turn);
                break;
            }
            match row::record::<Dl>(NounKind::Dl.word(), &row) {
                Ok(dl) => due.push((turn, id, row.try_get::<i64, _>("last_end")?, dl)),
                Err(fault) => put_back(conn, self.now, &row, fault).await?,
            }
        }
        let is_last = page.is_last || next.is_some();
        count.earliest = next;
        let asked: Vec<_> = due.iter().map(|(.., dl)| (dl, index)).collect();
        let by = By::of(&self.order.capsule);
        let histories = put_off::histories(conn, by, self.now, &asked).await?;
        let (mut last, mut is_through) = (None, true);
        for ((turn, id, last_end, dl), history) in due.into_iter().zip(histories) {
            if self.wanted() == 0 || self.put_off == put_off::AT_MOST {
                count.earliest = Some(turn);
                is_through = false;
                break;
            }
            last = Some(turn);
            let due = Due { dl: &dl, index, rung: count.rung, last_end };
            match self.rules.ruling(&due, &history, taken) {
                Ruling::Now => self.claim(dl, &mut count, index, taken),
                Ruling::Later(until) => {
                    let (later, is_of_use) = self.rules.later(id, &count.rung, turn, until);
                    self.later.push(later);
                    self.put_off += 1;
                    self.more |= is_of_use;
                }
            }
        }
        if is_through && !is_last && self.put_off > 0 {
            // Behind those that were put off there may be others.
            count.earliest = last;
            self.ladder.push_front((count.rung, index));
        }
        if self.put_off == put_off::AT_MOST {
            self.ladder.clear();
        }
        self.leave(count);
        Ok(())
    }

    fn claim(&mut self, dl: Dl, count: &mut RungCount, index: NumberIndex, taken: &mut Taken) {
        let Some(pair) = self.order.ids.get(self.attempts.len()) else { return };
        count.waiting = count.waiting.saturating_sub(1);
        count.dialing += 1;
        // It cannot fail: the rung says that the number is there, and the plan has a technology.
        let capsule = Arc::clone(&self.order.capsule);
        let attempt = Attempt::new(*pair, capsule, dl, index, self.now);
        attempt.iter().for_each(|attempt| taken.add(attempt));
        self.attempts.extend(attempt);
    }

    /// Notes how it leaves a rung.
    fn leave(&mut self, count: RungCount) {
        if let Some(place) = self.counts.iter_mut().find(|place| place.rung == count.rung) {
            *place = count;
        }
    }

    fn takes(&self) -> impl Iterator<Item = (&Attempt, &str)> {
        self.attempts.iter().map(|attempt| (attempt, self.order.epoch.as_str()))
    }

    fn outlook(&self) -> Outlook {
        let mut outlook = stat::outlook(&self.counts, By::of(&self.order.capsule));
        outlook.more = self.more && self.put_off >= put_off::AT_MOST;
        if self.order.capsule.plan.tech_name.is_none() {
            // Nothing can be dialled by it, so nothing is due.
            outlook.next_due = None;
        }
        outlook
    }

    fn done(self) -> Claimed {
        let outlook = self.outlook();
        let dialings = self.attempts.into_iter().map(|attempt| {
            let dl = dialing::taken(&attempt);
            (Arc::new(attempt), dl)
        });
        Claimed { dialings: dialings.collect(), outlook }
    }
}

impl Page {
    /// The rows that were found, of at most so many, but for those that the claim has taken.
    fn of(claim: &Claim<'_>, found: Vec<SqliteRow>, most: usize) -> Result<Self, Fault> {
        let is_last = found.len() < most;
        let has = if claim.put_off > 0 { &claim.attempts[..] } else { &[] };
        let has: BTreeSet<_> = has.iter().map(|attempt| attempt.dl.uuid.to_string()).collect();
        let mut rows = Vec::with_capacity(found.len());
        for row in found {
            if has.is_empty() || !has.contains(row.try_get::<&str, _>("uuid")?) {
                rows.push((row.try_get::<i64, _>("turn")?, row.try_get::<i64, _>("id")?, row));
            }
        }
        rows.sort_unstable_by_key(|(turn, id, _)| (*turn, *id));
        Ok(Self { rows, is_last })
    }
}

/// Whether the campaigns may dial by their capsules now, and whether the capsules are written. One that may not gets
/// nothing.
async fn look(conn: &mut SqliteConnection, claims: &mut [Claim<'_>]) -> Result<(), Fault> {
    let mut asking: Vec<_> = claims.iter_mut().filter(|claim| !claim.ladder.is_empty()).collect();
    if asking.is_empty() {
        return Ok(());
    }
    let may: Vec<_> =
        asking.iter().map(|claim| May::by(claim.order.campaign, &claim.order.capsule)).collect();
    let rows = query(MAY_DIAL).bind(row::json("claim", &may)?).fetch_all(conn).await?;
    for (claim, row) in asking.iter_mut().zip(rows) {
        claim.has_capsule = row.try_get(1)?;
        if !row.try_get::<bool, _>(0)? {
            claim.ladder.clear();
        }
    }
    Ok(())
}

/// Picks contacts, each claim's from the rung that it is at.
async fn pick(
    conn: &mut SqliteConnection,
    steps: Vec<(&mut Claim<'_>, RungCount, NumberIndex)>,
    taken: &mut Taken,
) -> Result<(), Fault> {
    let of = |(claim, count, _): &(&mut Claim<'_>, RungCount, NumberIndex)| Step {
        dlma: claim.order.capsule.dlma.uuid,
        rung: count.rung.to_string(),
        past: count.rung.past().to_string(),
    };
    let asked: Vec<_> = steps.iter().map(of).collect();
    let looks_at =
        |(claim, ..): &(&mut Claim<'_>, RungCount, NumberIndex)| claim.reach() + claim.passes_over();
    // One more than wanted: the one that is then due first.
    let most = steps.iter().map(looks_at).max().unwrap_or_default() + 1;
    let rows = query(PICK)
        .bind(row::json("claim", &asked)?)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(&mut *conn)
        .await?;
    let mut found: Vec<Vec<SqliteRow>> = steps.iter().map(|_| Vec::new()).collect();
    for row in rows {
        let step: i64 = row.try_get(0)?;
        if let Some(rows) = usize::try_from(step).ok().and_then(|step| found.get_mut(step)) {
            rows.push(row);
        }
    }
    let mut later = Vec::new();
    for ((claim, count, index), rows) in steps.into_iter().zip(found) {
        let page = Page::of(claim, rows, most)?;
        if claim.rules.are_for(&count.rung) {
            claim.take_or_put_off(conn, count, index, page, taken).await?;
        } else {
            claim.take(conn, count, index, page, taken).await?;
        }
        later.append(&mut claim.later);
    }
    put_off::write(conn, &later).await
}

/// A row that cannot be read, written by hand, must not stand at the head of its rung for ever: it waits a
/// `RetryDelay` like one that was tried.
async fn put_back(
    conn: &mut SqliteConnection,
    now: Timestamp,
    row: &SqliteRow,
    fault: Fault,
) -> Result<(), Fault> {
    let Fault::Row { noun, what } = fault else { return Err(fault) };
    tracing::error!(noun, what, "a contact cannot be read and is not dialled; mend or delete its row");
    let id: i64 = row.try_get("id")?;
    query(PUT_BACK).bind(id).bind(now.micros()).execute(conn).await?;
    Ok(())
}
