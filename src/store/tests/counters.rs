//! Random lives of a list against a simple model of it.

use crate::engine::Outlook;
use crate::model::dialing::Attempt;
use proptest::prelude::*;

use super::*;
use crate::model::dl::Dl;

#[derive(Debug, Clone)]
enum Step {
    Create { numbers: u8 },
    Claim { by: usize, count: usize },
    Finish { which: usize, outcome: Outcome },
    FinishAgain { which: usize },
    Delete { which: usize },
    DeleteBySql { which: usize },
    MoveBySql { which: usize },
    Wait { seconds: u64 },
    ChangePlan { of: usize, tries: u8, delay: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop::sample::select(vec![
        Outcome::Busy,
        Outcome::Busy,
        Outcome::Failed,
        // In these tests a fault of the trunk.
        Outcome::Congestion,
        Outcome::Congestion,
        Outcome::Answered,
        Outcome::Withdrawn,
    ]);
    // Few shapes, so that many contacts stand on one rung.
    let numbers = prop::sample::select(vec![0b1, 0b1, 0b1, 0b11, 0b101, 0b1000_0000, 0b1111_1111]);
    let step = prop_oneof![
        6 => numbers.prop_map(|numbers| Step::Create { numbers }),
        6 => (0..2_usize, 0..4_usize).prop_map(|(by, count)| Step::Claim { by, count }),
        6 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::Finish { which, outcome }),
        1 => any::<usize>().prop_map(|which| Step::FinishAgain { which }),
        1 => any::<usize>().prop_map(|which| Step::Delete { which }),
        1 => any::<usize>().prop_map(|which| Step::DeleteBySql { which }),
        1 => any::<usize>().prop_map(|which| Step::MoveBySql { which }),
        4 => (1..20_u64).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0..2_usize, 0..4_u8, 0..15_u8).prop_map(|(of, tries, delay)| Step::ChangePlan { of, tries, delay }),
    ];
    prop::collection::vec(step, 1..80)
}

/// What the test knows of a contact.
struct Contact {
    uuid: DlUuid,
    numbers: [bool; 8],
    tries: [u32; 8],
    last_end: Option<Timestamp>,
    last: Option<Outcome>,
    /// The faults of the number that had one last.
    faults: Option<(usize, u32)>,
    dialled: bool,
    answered: bool,
}

impl Contact {
    fn next(&self, capsule: &Capsule) -> Option<usize> {
        let waits = !self.dialled && !self.answered;
        let more = |n: usize| match self.faults {
            Some((number, faults)) if number == n => faults.min(capsule.plan.retry.trunk_faults),
            _ => 0,
        };
        (0..8).find(|n| waits && self.numbers[*n] && self.tries[*n] < capsule.plan.max_retry.0[*n] + more(*n))
    }

    fn due_at(&self, capsule: &Capsule) -> Option<Timestamp> {
        self.next(capsule)?;
        let plan = &capsule.plan;
        let seconds = match (self.last, self.tries.iter().sum::<u32>()) {
            (Some(Outcome::Busy), 0 | 1) if plan.retry.busy.is_some() => 2,
            (Some(Outcome::Busy), _) if plan.retry.busy.is_some() => 9,
            (Some(Outcome::Congestion), _) if plan.retry.congestion.is_some() => 1,
            _ => plan.retry_delay_s,
        };
        let last_end = self.last_end.unwrap_or(Timestamp::from_micros(0));
        Some(last_end.plus(Duration::from_secs(seconds.into())))
    }
}

#[derive(Default)]
struct Model {
    contacts: Vec<Contact>,
    open: Vec<Arc<Attempt>>,
    ended: Vec<Arc<Attempt>>,
    lines: i64,
}

impl Model {
    fn contact(&mut self, uuid: DlUuid) -> &mut Contact {
        self.contacts.iter_mut().find(|contact| contact.uuid == uuid).unwrap()
    }

    fn outlook(&self, capsule: &Capsule) -> Outlook {
        Outlook {
            next_due: self.contacts.iter().filter_map(|contact| contact.due_at(capsule)).min(),
            dialing: self.contacts.iter().filter(|contact| contact.dialled).count() as u64,
            waiting: self.contacts.iter().filter(|contact| contact.next(capsule).is_some()).count() as u64,
            more: false,
        }
    }

    fn claimed(&mut self, capsule: &Capsule, now: Timestamp, count: usize, claimed: &Claimed) {
        let due = self.contacts.iter().filter(|c| c.due_at(capsule).is_some_and(|due| due <= now)).count();
        assert_eq!(claimed.dialings.len(), due.min(count), "every due contact is claimed, and no other");
        let mut last_total = 0;
        for (attempt, dl) in &claimed.dialings {
            let contact = self.contact(dl.uuid);
            assert!(contact.due_at(capsule).is_some_and(|due| due <= now));
            let number = contact.next(capsule).unwrap();
            assert_eq!((attempt.index.place(), attempt.try_count), (number, contact.tries[number] + 1));
            let total: u32 = contact.tries.iter().sum();
            assert!(total >= last_total, "fewest tries first");
            last_total = total;
            contact.tries[number] += 1;
            contact.dialled = true;
            assert_eq!((dl.tries.0, dl.trycnt), (contact.tries, contact.tries.iter().sum()));
            self.open.push(Arc::clone(attempt));
        }
        assert_eq!(claimed.outlook, self.outlook(capsule));
    }

    fn ended(&mut self, now: Timestamp, attempt: Arc<Attempt>, outcome: Outcome, (dl, seq): (&Dl, i64)) {
        self.lines += 1;
        assert_eq!(seq, self.lines, "no gap");
        let contact = self.contact(attempt.dl.uuid);
        if outcome == Outcome::Withdrawn {
            contact.tries[attempt.index.place()] -= 1;
        }
        if outcome == Outcome::Congestion {
            let place = attempt.index.place();
            let before =
                contact.faults.filter(|(number, _)| *number == place).map_or(0, |(_, faults)| faults);
            contact.faults = Some((place, before + 1));
        }
        contact.last = Some(outcome);
        contact.dialled = false;
        contact.answered = outcome == Outcome::Answered;
        contact.last_end = Some(now);
        assert_eq!((dl.tries.0, dl.trycnt), (contact.tries, contact.tries.iter().sum()));
        self.ended.push(attempt);
    }

    /// One that is not being dialled, taken out of the model.
    fn take_idle(&mut self, which: usize) -> Option<DlUuid> {
        let idle: Vec<usize> =
            (0..self.contacts.len()).filter(|place| !self.contacts[*place].dialled).collect();
        let place = *idle.get(which.checked_rem(idle.len())?)?;
        Some(self.contacts.remove(place).uuid)
    }
}

const NUMBERS: [&str; 8] =
    ["Number1", "Number2", "Number3", "Number4", "Number5", "Number6", "Number7", "Number8"];
const RECOUNT: &str =
    "SELECT dlma_uuid, rung, past, sum(status = 0 AND res_dial <> 4 AND held = 0) AS waiting, sum(status = 1) AS dialing,
        sum(status = 0 AND res_dial = 4) AS answered, sum(status = 0 AND res_dial <> 4 AND held = 1) AS held
    FROM dl_list WHERE in_use = 1 GROUP BY dlma_uuid, rung, past ORDER BY dlma_uuid, rung, past";

async fn live(steps: Vec<Step>) {
    let mut lab = lab().await;
    let one = lab.campaign(&[("RetryDelay", "10"), ("MaxRetry1", "2"), ("MaxRetry2", "1")]).await;
    let plan = [("TechName", "IAX2"), ("RetryDelay", "3"), ("MaxRetry1", "1"), ("MaxRetry3", "0")];
    let by_end = [("RetryDelayBusy", "2 9"), ("RetryDelayCongestion", "1"), ("TrunkFaultRetries", "2")];
    let plan = [&plan[..], &by_end].concat();
    let plan = uuid_of(&lab.create(NounKind::Plan, &plan).await.unwrap());
    let (dlma, dest) = (one.dlma.uuid.to_string(), one.destination.uuid.to_string());
    let two = lab.campaign_of(&plan, &dlma, &dest).await;
    let mut capsules = [one, two];
    let mut model = Model::default();
    let mut foreign = lab.foreign().await;
    for step in steps {
        match step {
            Step::Create { numbers } => {
                let there: [bool; 8] = std::array::from_fn(|n| numbers & (1 << n) != 0);
                let pairs: Vec<_> = (0..8).filter(|n| there[*n]).map(|n| (NUMBERS[n], "300")).collect();
                let uuid = lab.contact(&capsules[0], &pairs).await;
                let contact = Contact {
                    uuid,
                    numbers: there,
                    tries: [0; 8],
                    last_end: None,
                    last: None,
                    faults: None,
                    dialled: false,
                    answered: false,
                };
                model.contacts.push(contact);
            }
            Step::Claim { by, count } => {
                let claimed = lab.claim(&capsules[by], count).await;
                model.claimed(&capsules[by], lab.now, count, &claimed);
            }
            Step::Finish { which, outcome } => {
                if let Some(place) = which.checked_rem(model.open.len()) {
                    let attempt = model.open.swap_remove(place);
                    let (dl, seq, _) = lab.finish(&attempt, outcome).await;
                    model.ended(lab.now, attempt, outcome, (&dl, seq));
                }
            }
            Step::FinishAgain { which } => {
                if let Some(place) = which.checked_rem(model.ended.len()) {
                    let again = lab.run(ending(&model.ended[place], Outcome::Failed, lab.now)).await;
                    assert!(matches!(again, Done::AlreadyFinished));
                }
            }
            Step::Delete { which } => {
                if let Some(uuid) = model.take_idle(which) {
                    lab.delete(NounKind::Dl, &uuid.to_string()).await.unwrap();
                }
            }
            Step::DeleteBySql { which } => {
                if let Some(uuid) = model.take_idle(which) {
                    let delete = query("DELETE FROM dl_list WHERE uuid = ?1").bind(uuid.to_string());
                    delete.execute(&mut foreign).await.unwrap();
                }
            }
            Step::MoveBySql { which } => {
                if let Some(uuid) = model.take_idle(which) {
                    let sql = "UPDATE dl_list SET dlma_uuid = '00000000-0000-4000-8000-000000000000' WHERE uuid = ?1";
                    query(sql).bind(uuid.to_string()).execute(&mut foreign).await.unwrap();
                }
            }
            Step::Wait { seconds } => lab.now = lab.now.plus(Duration::from_secs(seconds)),
            Step::ChangePlan { of, tries, delay } => {
                let (tries, delay) = (tries.to_string(), delay.to_string());
                let uuid = capsules[of].plan.uuid.to_string();
                let change = [("Uuid", uuid.as_str()), ("MaxRetry1", &tries), ("RetryDelay", &delay)];
                lab.update(NounKind::Plan, &change).await.unwrap();
                capsules[of] = lab.capsule(capsules[of].campaign.uuid).await;
            }
        }
    }
    let counts = "SELECT * FROM dl_rung ORDER BY dlma_uuid, rung, past";
    let counted = query(counts).fetch_all(&mut foreign).await.unwrap();
    let recounted = query(RECOUNT).fetch_all(&mut foreign).await.unwrap();
    let text = |rows: &[sqlx::sqlite::SqliteRow]| {
        rows.iter()
            .map(|row| {
                let text = |n| row.get::<String, _>(n);
                let number = |n| row.get::<i64, _>(n);
                (text(0), text(1), text(2), number(3), number(4), number(5), number(6))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(text(&counted), text(&recounted));
    for dl in lab.store.dls(capsules[0].campaign.dlma, 1000, None).await.unwrap() {
        let rung = query("SELECT rung || past FROM dl_list WHERE uuid = ?1").bind(dl.uuid.to_string());
        let rung: String = rung.fetch_one(&mut foreign).await.unwrap().get(0);
        assert_eq!(rung, dl.rung().to_string() + &dl.rung().past().to_string());
    }
    for stat in lab.store.stats().await.unwrap() {
        assert_eq!(stat.total, model.contacts.len() as u64);
        assert_eq!(stat.total, stat.finished + stat.available + stat.dialing);
        assert_eq!(stat.dialing, model.open.len() as u64);
        let called = model.contacts.iter().filter(|contact| contact.tries != [0; 8]).count();
        assert_eq!(stat.called, called as u64);
    }
    let lines = lab.store.lines_after(0, 10_000).await.unwrap();
    assert!(lines.iter().map(|(seq, ..)| *seq).eq(1..=model.lines));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_list_lives_as_its_model_does_and_its_counters_equal_a_recount(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(steps));
    }
}
