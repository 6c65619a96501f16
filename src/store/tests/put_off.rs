//! Caps on attempts, calling hours and holidays: who is claimed, who is put off until when, and what has that looked at anew.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::put_off;
use super::*;
use crate::engine::{Outlook, selection};

const DAY: i64 = 86_400;
/// 2023-11-14, 22:13:20 UTC, a Tuesday, is [`seconds`]' 0.
const MIDNIGHT: i64 = 6400;

impl Lab {
    /// Claims until nobody is left to be looked at; gives how many claims that took, too.
    async fn claim_all(&mut self, capsule: &Arc<Capsule>, count: usize) -> (Claimed, usize) {
        for claims in 1.. {
            let claimed = self.claim(capsule, count).await;
            if !claimed.outlook.more {
                return (claimed, claims);
            }
        }
        unreachable!()
    }

    async fn numbers(&mut self, capsule: &Arc<Capsule>, count: usize) -> Vec<String> {
        let (claimed, _) = self.claim_all(capsule, count).await;
        claimed.dialings.iter().map(|(attempt, _)| attempt.addr.to_string()).collect()
    }

    /// Changes a plan, and gives what is dialled by it.
    async fn plan(&mut self, capsule: &Arc<Capsule>, pairs: &[(&str, &str)]) -> Arc<Capsule> {
        let uuid = capsule.plan.uuid.to_string();
        let pairs: Vec<_> = pairs.iter().copied().chain([("Uuid", uuid.as_str())]).collect();
        self.update(NounKind::Plan, &pairs).await.unwrap();
        self.capsule(capsule.campaign.uuid).await
    }

    async fn put_off(&self) -> i64 {
        self.number("SELECT count(*) FROM dl_list WHERE put_off_by IS NOT NULL").await
    }

    async fn try_once(&mut self, capsule: &Arc<Capsule>, outcome: Outcome) {
        let attempt = self.claim_one(capsule).await;
        self.finish(&attempt, outcome).await;
    }
}

#[tokio::test]
async fn a_contact_is_not_tried_more_often_than_its_cap_says_also_after_a_restart() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "0"), ("ContactCap", "2/1d 3/2d")]).await;
    let dl = lab.contact(&capsule, &[("Number1", "1"), ("Number2", "2")]).await;
    for second in [0, 100] {
        lab.now = seconds(second);
        lab.try_once(&capsule, Outcome::Busy).await;
    }
    lab.now = seconds(200);
    let claimed = lab.claim(&capsule, 5).await;
    assert!(claimed.dialings.is_empty());
    let until = seconds(DAY);
    let waits = Outlook { next_due: Some(until), waiting: 1, ..Outlook::default() };
    assert_eq!(claimed.outlook, waits);
    let mut lab = lab.reopened().await;
    lab.now = seconds(DAY - 1);
    assert_eq!(lab.claim(&capsule, 5).await.outlook, waits);
    lab.now = until;
    lab.try_once(&capsule, Outcome::Withdrawn).await;
    lab.now = seconds(DAY + 1);
    lab.try_once(&capsule, Outcome::NoAnswer).await;
    assert_eq!(lab.number("SELECT count(*) FROM dialing").await, 4, "what was given back does not count");
    let outlook = lab.claim(&capsule, 5).await.outlook;
    assert_eq!(outlook.next_due, Some(seconds(2 * DAY)), "the longer period of the two");
    let by = selection::By::of(&capsule);
    let standing = lab.store.standing(dl, Some(by), lab.now).await.unwrap().unwrap();
    assert_eq!((standing.put_off, standing.history.contact.len()), (outlook.next_due, 3));
}

#[tokio::test]
async fn what_was_given_up_while_it_rang_counts_for_the_callee_has_heard_it() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "0"), ("ContactCap", "1/1d")]).await;
    lab.contact(&capsule, &[("Number1", "300")]).await;
    let attempt = lab.claim_one(&capsule).await;
    let Command::Finish(mut ended) = ending(&attempt, Outcome::Withdrawn, lab.now) else { panic!() };
    ended.dialing.progress.channel_name = Some("PJSIP/300-1".to_owned());
    lab.run(Command::Finish(ended)).await;
    lab.now = seconds(60);
    let claimed = lab.claim(&capsule, 1).await;
    assert!(claimed.dialings.is_empty());
    assert_eq!(claimed.outlook.next_due, Some(seconds(DAY)));
}

#[tokio::test]
async fn a_number_has_its_cap_whosever_it_is_and_whichever_campaign_calls_it() {
    let mut lab = lab().await;
    let capped = lab.campaign(&[("RetryDelay", "0"), ("NumberCap", "2/1d")]).await;
    let free = lab.campaign(&[("RetryDelay", "0")]).await;
    for _ in 0..3 {
        lab.contact(&capped, &[("Number1", "300")]).await;
    }
    lab.contact(&free, &[("Number1", "300")]).await;
    lab.try_once(&free, Outcome::Busy).await;
    lab.now = seconds(10);
    // Of one claim, too, and of claims that come together.
    lab.contact(&capped, &[("Number1", "301")]).await;
    assert_eq!(lab.numbers(&capped, 9).await, ["300", "301"]);
    // It may be given back: so it is asked again soon, and no sooner.
    let outlook = lab.claim(&capped, 9).await.outlook;
    assert_eq!((outlook.next_due, outlook.waiting, outlook.dialing), (Some(seconds(70)), 2, 2));
    // Who has no such cap calls it.
    assert_eq!(lab.numbers(&free, 9).await, ["300"]);
    lab.now = seconds(70);
    assert!(lab.numbers(&capped, 9).await.is_empty());
    lab.now = seconds(DAY + 9);
    assert!(lab.numbers(&capped, 9).await.is_empty(), "two of the number are under way");
    lab = lab.reopened().await;
    lab.now = seconds(DAY + 9);
    for open in lab.recovered.open_dialings.clone() {
        lab.finish(&open.attempt, Outcome::Busy).await;
    }
    lab.now = seconds(DAY + 140);
    assert_eq!(lab.numbers(&capped, 9).await.iter().filter(|number| *number == "300").count(), 2);
}

#[tokio::test]
async fn claims_of_two_campaigns_that_come_together_do_not_exceed_a_numbers_cap() {
    let mut lab = lab().await;
    let one = lab.campaign(&[("NumberCap", "1/1d")]).await;
    let two = lab.campaign(&[("NumberCap", "1/1d")]).await;
    lab.contact(&one, &[("Number1", "300")]).await;
    lab.contact(&two, &[("Number1", "300")]).await;
    for capsule in [&one, &two] {
        lab.submit(order(capsule, 5));
    }
    let mut claimed = 0;
    for _ in 0..2 {
        let Done::Claimed(of_one) = lab.next().await.done else { panic!("not claimed") };
        claimed += of_one.dialings.len();
    }
    assert_eq!(claimed, 1);
}

#[tokio::test]
async fn contacts_are_claimed_at_their_own_hours_and_the_others_are_out_of_the_way() {
    let mut lab = lab().await;
    // It is 22:13 in London, 17:13 in New York, 07:13 of the next day in Tokyo.
    let capsule = lab.campaign(&[("CallingHours", "mon-fri 09:00-18:00")]).await;
    let zoned = [("Number1", "1"), ("TimeZone", "America/New_York")];
    lab.contact(&capsule, &[("Number1", "+441234")]).await;
    lab.contact(&capsule, &[("Number1", "+81312345678")]).await;
    lab.contact(&capsule, &zoned).await;
    lab.contact(&capsule, &[("Number1", "+12125550100")]).await;
    lab.contact(&capsule, &[("Number1", "2")]).await;
    assert_eq!(lab.numbers(&capsule, 1).await, ["1"], "those before it are put off on the way");
    assert_eq!(lab.numbers(&capsule, 9).await, ["+12125550100"]);
    assert_eq!(lab.put_off().await, 3);
    // 00:00 UTC is 09:00 in Tokyo.
    let outlook = lab.claim(&capsule, 9).await.outlook;
    let waits = Outlook { next_due: Some(seconds(MIDNIGHT)), waiting: 3, dialing: 2, more: false };
    assert_eq!(outlook, waits);
    lab.now = seconds(MIDNIGHT);
    assert_eq!(lab.numbers(&capsule, 9).await, ["+81312345678"]);
    // The others' day begins at 09:00 UTC: who has neither zone nor prefix is in the campaign's.
    lab.now = seconds(MIDNIGHT + 9 * 3600);
    assert_eq!(lab.numbers(&capsule, 9).await, ["+441234", "2"]);
}

#[tokio::test]
async fn what_changes_a_contacts_hours_has_it_looked_at_anew_at_once() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("CallingHours", "mon-fri 09:00-18:00"), ("RetryDelay", "0")]).await;
    let dl = lab.contact(&capsule, &[("Number1", "+441234")]).await.to_string();
    let next = async |lab: &mut Lab, capsule: &Arc<Capsule>| lab.claim(capsule, 0).await.outlook.next_due;
    assert!(lab.numbers(&capsule, 9).await.is_empty());
    assert!(next(&mut lab, &capsule).await > Some(lab.now));
    // Its number, its zone, and by somebody's own SQL.
    lab.update(NounKind::Dl, &[("Uuid", &dl), ("Number1", "+12125550100")]).await.unwrap();
    assert!(next(&mut lab, &capsule).await <= Some(lab.now));
    lab.update(NounKind::Dl, &[("Uuid", &dl), ("TimeZone", "Asia/Tokyo")]).await.unwrap();
    assert!(lab.numbers(&capsule, 9).await.is_empty());
    lab.sql("UPDATE dl_list SET time_zone = 'America/New_York'").await.unwrap();
    assert_eq!(lab.numbers(&capsule, 9).await, ["+12125550100"]);
    // Its name changes nothing.
    lab.update(NounKind::Dl, &[("Uuid", &dl), ("TimeZone", "Asia/Tokyo")]).await.unwrap();
    lab = lab.reopened().await;
    let attempt = Arc::clone(&lab.recovered.open_dialings[0].attempt);
    lab.finish(&attempt, Outcome::Busy).await;
    assert!(lab.numbers(&capsule, 9).await.is_empty());
    lab.update(NounKind::Dl, &[("Uuid", &dl), ("Name", "x")]).await.unwrap();
    assert_eq!(lab.put_off().await, 1);
    // The plan, and the zone of the campaign.
    let capsule = lab.plan(&capsule, &[("CallingHours", "mon-sun 00:00-24:00")]).await;
    assert!(next(&mut lab, &capsule).await <= Some(lab.now));
    lab.try_once(&capsule, Outcome::Busy).await;
    let capsule = lab.plan(&capsule, &[("ContactCap", "2/1d")]).await;
    assert!(lab.numbers(&capsule, 9).await.is_empty());
    let capsule = lab.plan(&capsule, &[("ContactCap", "3/1d")]).await;
    assert_eq!(lab.numbers(&capsule, 9).await, ["+12125550100"], "a cap that is raised");
    let capsule = lab.plan(&capsule, &[("Holidays", "11-15")]).await;
    lab.contact(&capsule, &[("Number1", "7")]).await;
    assert_eq!(lab.numbers(&capsule, 9).await, ["7"], "no holiday in UTC yet");
    lab.contact(&capsule, &[("Number1", "+81312345678")]).await;
    assert!(lab.numbers(&capsule, 9).await.is_empty(), "but in Tokyo");
    let campaign = capsule.campaign.uuid.to_string();
    lab.contact(&capsule, &[("Number1", "8")]).await;
    lab.update(NounKind::Campaign, &[("Uuid", &campaign), ("ScTimezone", "Asia/Tokyo")]).await.unwrap();
    let capsule = lab.capsule(capsule.campaign.uuid).await;
    assert!(lab.numbers(&capsule, 9).await.is_empty(), "and where the campaign is");
}

#[tokio::test]
async fn a_long_list_that_sleeps_is_put_off_some_at_a_time_and_once() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("CallingHours", "mon-fri 09:00-18:00")]).await;
    lab.contact(&capsule, &[("Number1", "+441234")]).await;
    lab.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
         INSERT INTO dl_list (uuid, dlma_uuid, number_1)
         SELECT printf('00000000-0000-4000-8000-%012d', i), dlma_uuid, '+44' || i FROM n, dl_list WHERE dl_list.id = 1",
    )
    .await
    .unwrap();
    let first = lab.claim(&capsule, 3).await;
    assert!(first.dialings.is_empty() && first.outlook.more && first.outlook.next_due <= Some(lab.now));
    assert_eq!(lab.put_off().await, put_off::AT_MOST as i64);
    let (last, claims) = lab.claim_all(&capsule, 3).await;
    assert!(last.dialings.is_empty() && claims <= 2000 / put_off::AT_MOST, "{claims}");
    let opens = seconds(MIDNIGHT + 9 * 3600);
    assert_eq!(last.outlook, Outlook { next_due: Some(opens), waiting: 2000, ..Outlook::default() });
    assert_eq!(lab.claim_all(&capsule, 3).await.1, 1);
    lab.now = opens;
    let (claimed, claims) = lab.claim_all(&capsule, 100).await;
    assert_eq!((claimed.dialings.len(), claims), (100, 1));
    assert_eq!(lab.put_off().await, 1900, "those who are dialled are no longer put off, the others stay so");
}

#[tokio::test]
async fn campaigns_that_share_a_list_do_not_undo_what_the_other_has_put_off() {
    let mut lab = lab().await;
    let early = lab.campaign(&[("CallingHours", "mon-fri 09:00-18:00"), ("RetryDelay", "0")]).await;
    let plan = [("TechName", "PJSIP"), ("CallingHours", "mon-fri 06:00-18:00"), ("RetryDelay", "0")];
    let plan = uuid_of(&lab.create(NounKind::Plan, &plan).await.unwrap());
    let bare =
        uuid_of(&lab.create(NounKind::Plan, &[("TechName", "PJSIP"), ("RetryDelay", "600")]).await.unwrap());
    let (dlma, dest) = (early.dlma.uuid.to_string(), early.destination.uuid.to_string());
    let late = lab.campaign_of(&plan, &dlma, &dest).await;
    let bare = lab.campaign_of(&bare, &dlma, &dest).await;
    let dl = lab.contact(&early, &[("Number1", "+441234")]).await;
    assert!(lab.numbers(&early, 9).await.is_empty());
    // One without hours takes it as if nobody had put it off.
    lab.try_once(&bare, Outcome::Busy).await;
    lab.now = seconds(60);
    for _ in 0..3 {
        for capsule in [&early, &late, &bare] {
            assert!(lab.claim(capsule, 9).await.dialings.is_empty());
        }
    }
    assert_eq!(lab.number("SELECT length(put_off_by) FROM dl_list").await, 50, "by all three");
    let wait = seconds(600);
    for capsule in [&early, &late, &bare] {
        assert_eq!(lab.claim(capsule, 9).await.outlook.next_due, Some(wait), "the first of their times");
    }
    // When the first of their times has come, each looks at it again.
    lab.now = wait;
    assert!(lab.numbers(&early, 9).await.is_empty() && lab.numbers(&late, 9).await.is_empty());
    assert_eq!(lab.numbers(&bare, 9).await, ["+441234"]);
    assert_eq!(lab.store.dl(dl).await.unwrap().unwrap().trycnt, 2);
}

#[tokio::test]
async fn what_caps_count_is_found_by_an_index() {
    let mut lab = lab().await;
    let index = "SELECT count(*) FROM sqlite_schema WHERE name = 'dialing_of_number'";
    let plain = lab.campaign(&[("ContactCap", "2/1d"), ("CallingHours", "mon-sun 00:00-24:00")]).await;
    lab.contact(&plain, &[("Number1", "1")]).await;
    lab.claim(&plain, 1).await;
    assert_eq!(lab.number(index).await, 0, "no attempt writes an index that nobody asks for");
    let capped = lab.campaign(&[("NumberCap", "2/1d")]).await;
    lab.contact(&capped, &[("Number1", "1")]).await;
    lab.claim(&capped, 1).await;
    assert_eq!(lab.number(index).await, 1);
    for (sql, index) in [
        (put_off::OF_CONTACTS, "INDEX sqlite_autoindex_dialing_2 (dl_uuid=?)"),
        (put_off::OF_NUMBERS, "INDEX dialing_of_number (addr=? AND tm_create>?)"),
    ] {
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = query(sql).fetch_all(&mut lab.foreign().await).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let plan = plan.join("\n").replace("SCAN asked VIRTUAL TABLE", "");
        assert!(plan.contains(index) && !plan.contains("SCAN"), "{plan}");
    }
}

#[tokio::test]
async fn a_row_that_somebody_has_written_wrongly_is_refused_or_passed_over() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("CallingHours", "mon-sun 00:00-24:00")]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    for wrong in
        ["'x'", "'0123456789abcde'", "'0123456789abcdef,'", "'0123456789ABCDEF'", "'0123456789abcdef'"]
    {
        let sql = format!("UPDATE dl_list SET put_off_by = {wrong}");
        let refused = query(sqlx::AssertSqlSafe(sql)).execute(&mut lab.foreign().await).await;
        assert!(refused.is_err(), "{wrong}");
    }
    let stray = "UPDATE dl_list SET put_off_until = 9e18, put_off_by = '0123456789abcdef,0123456789abcdee'";
    lab.sql(stray).await.unwrap();
    assert_eq!(lab.numbers(&capsule, 9).await, ["1"], "by nobody's terms");
    lab.contact(&capsule, &[("Number1", "2")]).await;
    lab.sql("UPDATE dl_list SET time_zone = 'Mars/Olympus' WHERE number_1 = '2'").await.unwrap();
    lab.contact(&capsule, &[("Number1", "3")]).await;
    assert_eq!(lab.numbers(&capsule, 9).await, ["3"]);
}

/// A step in the life of a list.
#[derive(Debug, Clone)]
enum Step {
    Claim { by: usize, count: usize },
    Finish { which: usize, outcome: Outcome },
    Wait { seconds: u64 },
    Change { of: usize, caps: (u8, u8) },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop::sample::select(vec![Outcome::Busy, Outcome::NoAnswer, Outcome::Withdrawn]);
    let step = prop_oneof![
        6 => (0..2_usize, 1..4_usize).prop_map(|(by, count)| Step::Claim { by, count }),
        5 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::Finish { which, outcome }),
        4 => (1..90_u64).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0..2_usize, (1..5_u8, 1..5_u8)).prop_map(|(of, caps)| Step::Change { of, caps }),
    ];
    prop::collection::vec(step, 1..60)
}

/// An attempt as the test knows it.
struct Made {
    dl: DlUuid,
    addr: String,
    at: Timestamp,
    end: Option<(Timestamp, Outcome)>,
}

fn caps(of: (u8, u8)) -> [(&'static str, String); 2] {
    [("ContactCap", format!("{}/100s", of.0)), ("NumberCap", format!("{}/200s 1/7s", of.1))]
}

/// Whether it may be dialled now, told a second time.
fn may(made: &[Made], dl: DlUuid, addr: &str, of: (u8, u8), delay: u64, now: Timestamp) -> bool {
    let counts = |made: &&Made| !matches!(made.end, Some((_, Outcome::Withdrawn)));
    let young = |made: &&Made, period| made.at.plus(Duration::from_secs(period)) > now;
    let own = made.iter().filter(|made| made.dl == dl);
    let numbers = || made.iter().filter(counts).filter(|made| made.addr == addr);
    let rested =
        own.clone().filter_map(|made| made.end).all(|(end, _)| end.plus(Duration::from_secs(delay)) <= now);
    rested
        && own.clone().all(|made| made.end.is_some())
        && own.filter(counts).filter(|made| young(made, 100)).count() < of.0.into()
        && numbers().filter(|made| young(made, 200)).count() < of.1.into()
        && !numbers().any(|made| young(&made, 7))
}

async fn live(steps: Vec<Step>) {
    let mut lab = lab().await;
    let (mut limits, delays) = ([(2, 3), (4, 4)], [5, 20]);
    let tries = [("MaxRetry1", "1000"), ("MaxRetry2", "1000")];
    let set = |of: (u8, u8), delay: &str| {
        let caps = caps(of);
        let own = caps.iter().map(|(name, value)| (*name, value.clone()));
        own.chain([("RetryDelay", delay.to_owned())]).collect::<Vec<_>>()
    };
    let pairs = set(limits[0], "5");
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).chain(tries).collect();
    let one = lab.campaign(&pairs).await;
    let pairs = set(limits[1], "20");
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain(tries)
        .chain([("TechName", "PJSIP")])
        .collect();
    let plan = uuid_of(&lab.create(NounKind::Plan, &pairs).await.unwrap());
    let two = lab.campaign_of(&plan, &one.dlma.uuid.to_string(), &one.destination.uuid.to_string()).await;
    let mut capsules = [one, two];
    let mut contacts = BTreeMap::new();
    for number in ["300", "300", "301", "302", "302", "302"] {
        contacts.insert(lab.contact(&capsules[0], &[("Number1", number)]).await, number);
    }
    let (mut made, mut open): (Vec<Made>, Vec<(usize, Arc<Attempt>)>) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Claim { by, count } => {
                let (claimed, _) = lab.claim_all(&capsules[by], count).await;
                for (attempt, _) in &claimed.dialings {
                    let (dl, addr) = (attempt.dl.uuid, attempt.addr.to_string());
                    assert!(
                        may(&made, dl, &addr, limits[by], delays[by], lab.now),
                        "above its cap: {dl} {addr}"
                    );
                    open.push((made.len(), Arc::clone(attempt)));
                    made.push(Made { dl, addr, at: lab.now, end: None });
                }
                if claimed.dialings.len() < count {
                    let left = contacts
                        .iter()
                        .filter(|(dl, number)| may(&made, **dl, number, limits[by], delays[by], lab.now));
                    // What was under way when somebody was put off is asked again a minute later.
                    let recent = |made: &Made| {
                        matches!(made.end, Some((end, Outcome::Withdrawn))
                        if end.plus(Duration::from_secs(60)) > lab.now)
                    };
                    let left = left.count();
                    assert!(left == 0 || made.iter().any(recent), "{left} could have been claimed");
                }
                assert_eq!(claimed.outlook.waiting + claimed.outlook.dialing, contacts.len() as u64);
            }
            Step::Finish { which, outcome } => {
                if let Some(place) = which.checked_rem(open.len()) {
                    let (place, attempt) = open.swap_remove(place);
                    lab.finish(&attempt, outcome).await;
                    made[place].end = Some((lab.now, outcome));
                }
            }
            Step::Wait { seconds } => lab.now = lab.now.plus(Duration::from_secs(seconds)),
            Step::Change { of, caps: to } => {
                limits[of] = to;
                let changed = caps(to);
                let changed: Vec<_> = changed.iter().map(|(name, value)| (*name, value.as_str())).collect();
                capsules[of] = lab.plan(&capsules[of], &changed).await;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whoever_claims_and_whatever_changes_no_cap_is_exceeded_and_nobody_is_forgotten(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(steps));
    }
}
