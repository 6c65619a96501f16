//! Who is claimed, at which number, and when.

use super::*;
use crate::engine::{OpenDialing, Outlook, selection};
use crate::model::dialing::Progress;

#[tokio::test]
async fn a_claim_marks_contact_and_dialing_together() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    let dl = lab.contact(&capsule, &[("Number2", "200"), ("Variable", "A=1")]).await;
    lab.now = seconds(5);
    let claimed = lab.claim(&capsule, 3).await;
    let [(attempt, after)] = claimed.dialings.as_slice() else { panic!("{claimed:?}") };
    assert_eq!((attempt.index.get(), attempt.try_count, attempt.channel.as_str()), (2, 1, "PJSIP/200"));
    assert_eq!((attempt.dl.uuid, attempt.dl.trycnt, attempt.tm_create), (dl, 0, seconds(5)));
    assert_eq!(lab.store.dl(dl).await.unwrap().as_ref(), Some(after));
    assert_eq!((after.dialing_uuid, after.trycnt, after.tries.0[1]), (Some(attempt.uuid), 1, 1));
    assert_eq!(after.dialing_camp_uuid, Some(capsule.campaign.uuid));
    assert_eq!(after.dialing_plan_uuid, Some(capsule.plan.uuid));
    assert_eq!(after.tm_last_dial, Some(seconds(5)));
    assert_eq!(claimed.outlook, Outlook { next_due: None, dialing: 1, waiting: 0, ..Outlook::default() });
    // P1: what is claimed is there after a crash, as it was.
    let progress = Progress { channel_name: Some("PJSIP/x".into()), ..Progress::default() };
    lab.run(Command::Progress(attempt.uuid, progress.clone())).await;
    lab.run(Command::Withdraw(attempt.uuid)).await;
    let open =
        OpenDialing { attempt: Arc::clone(attempt), progress, epoch: Some("e1".into()), withdrawn: true };
    assert_eq!(lab.reopened().await.recovered.open_dialings, [open]);
}

#[tokio::test]
async fn contacts_with_fewer_tries_come_first_and_then_those_that_waited_longest() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "10")]).await;
    let one = lab.contact(&capsule, &[("Number1", "1")]).await;
    let two = lab.contact(&capsule, &[("Number1", "2")]).await;
    let claimed = lab.claim(&capsule, 2).await;
    for (second, dl) in [(5, two), (9, one)] {
        let (attempt, _) = claimed.dialings.iter().find(|(attempt, _)| attempt.dl.uuid == dl).unwrap();
        lab.now = seconds(second);
        lab.finish(attempt, Outcome::Busy).await;
    }
    let three = lab.contact(&capsule, &[("Number2", "3")]).await;
    let four = lab.contact(&capsule, &[("Number2", "4")]).await;
    lab.now = seconds(100);
    // Whoever asks how they stand is told the same as a claim does.
    for (ahead, dl) in [three, four, two, one].into_iter().enumerate() {
        let standing =
            lab.store.standing(dl, Some(selection::By::of(&capsule)), lab.now).await.unwrap().unwrap();
        assert_eq!((standing.ahead, standing.open), (ahead as u64, false));
    }
    let claimed = lab.claim(&capsule, 9).await;
    let standing =
        lab.store.standing(one, Some(selection::By::of(&capsule)), lab.now).await.unwrap().unwrap();
    assert_eq!((standing.ahead, standing.open), (0, true));
    let found = lab.store.dls_of_number("3", 5).await.unwrap();
    assert_eq!(found.iter().map(|dl| dl.uuid).collect::<Vec<_>>(), [three]);
    let order: Vec<DlUuid> = claimed.dialings.iter().map(|(attempt, _)| attempt.dl.uuid).collect();
    assert_eq!(order, [three, four, two, one]);
}

#[tokio::test]
async fn a_contact_that_is_not_due_never_holds_up_one_that_is() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "60")]).await;
    for number in ["1", "2", "3"] {
        lab.contact(&capsule, &[("Number1", number)]).await;
    }
    for _ in 0..3 {
        let attempt = lab.claim_one(&capsule).await;
        lab.now = lab.now.plus(Duration::from_secs(10));
        lab.finish(&attempt, Outcome::Busy).await;
    }
    // The ends were at 10, 20, 30.
    let claimed = lab.claim(&capsule, 5).await;
    assert!(claimed.dialings.is_empty());
    assert_eq!(
        claimed.outlook,
        Outlook { next_due: Some(seconds(70)), dialing: 0, waiting: 3, ..Outlook::default() }
    );
    let late = lab.contact(&capsule, &[("Number1", "4")]).await;
    let claimed = lab.claim(&capsule, 5).await;
    assert_eq!(claimed.dialings.iter().map(|(attempt, _)| attempt.dl.uuid).collect::<Vec<_>>(), [late]);
    lab.now = seconds(80);
    assert_eq!(lab.claim(&capsule, 5).await.dialings.len(), 2);
    lab.now = seconds(89);
    assert!(lab.claim(&capsule, 5).await.dialings.is_empty());
    lab.now = seconds(90);
    assert_eq!(lab.claim(&capsule, 5).await.dialings.len(), 1);
}

#[tokio::test]
async fn a_change_of_the_plan_takes_effect_at_once_for_waiting_contacts() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "3600"), ("MaxRetry1", "2")]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    let attempt = lab.claim_one(&capsule).await;
    lab.finish(&attempt, Outcome::Busy).await;
    assert!(lab.claim(&capsule, 1).await.dialings.is_empty());
    let plan = capsule.plan.uuid.to_string();
    let campaign = capsule.campaign.uuid;
    lab.update(NounKind::Plan, &[("Uuid", &plan), ("RetryDelay", "0")]).await.unwrap();
    let capsule = lab.capsule(campaign).await;
    let attempt = lab.claim_one(&capsule).await;
    lab.finish(&attempt, Outcome::Busy).await;
    let finished = lab.store.stat(campaign).await.unwrap().unwrap();
    assert_eq!((finished.finished, finished.available), (1, 0));
    assert_eq!(lab.claim(&capsule, 1).await.outlook, Outlook::default());
    lab.update(NounKind::Plan, &[("Uuid", &plan), ("MaxRetry1", "3")]).await.unwrap();
    let stat = lab.store.stat(campaign).await.unwrap().unwrap();
    assert_eq!((stat.finished, stat.available), (0, 1));
    let capsule = lab.capsule(campaign).await;
    assert_eq!(lab.claim_one(&capsule).await.try_count, 3);
}

#[tokio::test]
async fn each_of_eight_numbers_is_tried_to_its_exact_count() {
    let mut lab = lab().await;
    let tries = ["2", "1", "0", "3", "1", "2", "1", "4"];
    let names: Vec<_> =
        (1..=8).map(|n| (format!("MaxRetry{n}"), format!("Number{n}"), n.to_string())).collect();
    let mut plan: Vec<_> =
        names.iter().zip(tries).map(|((retry, ..), tries)| (retry.as_str(), tries)).collect();
    plan.push(("RetryDelay", "0"));
    let capsule = lab.campaign(&plan).await;
    let numbers: Vec<_> = names.iter().map(|(_, field, number)| (field.as_str(), number.as_str())).collect();
    let dl = lab.contact(&capsule, &numbers).await;
    let mut dialled = String::new();
    while let Some((attempt, _)) = lab.claim(&capsule, 1).await.dialings.first().cloned() {
        dialled.push_str(attempt.addr.as_str());
        lab.now = lab.now.plus(Duration::from_secs(1));
        lab.finish(&attempt, Outcome::NoAnswer).await;
    }
    assert_eq!(dialled, "11244456678888");
    let dl = lab.store.dl(dl).await.unwrap().unwrap();
    assert_eq!((dl.tries.0, dl.trycnt), ([2, 1, 0, 3, 1, 2, 1, 4], 14));
}

#[tokio::test]
async fn only_a_started_campaign_claims_and_only_by_the_parts_that_it_has() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    for sql in [
        "UPDATE campaign SET status = 2",
        "UPDATE campaign SET status = 11",
        "UPDATE campaign SET status = 1, in_use = 0",
        "UPDATE campaign SET in_use = 1, dest = NULL",
    ] {
        lab.sql(sql).await.unwrap();
        let claimed = lab.claim(&capsule, 1).await;
        assert!(claimed.dialings.is_empty(), "{sql}");
        assert_eq!(claimed.outlook.waiting, 1);
    }
    lab.sql("UPDATE campaign SET dest = (SELECT uuid FROM destination)").await.unwrap();
    assert_eq!(lab.claim(&capsule, 1).await.dialings.len(), 1);
}

#[tokio::test]
async fn a_plan_without_a_technology_claims_nothing_and_has_nothing_due() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    let mut bare = (*capsule).clone();
    bare.plan.tech_name = None;
    let claimed = lab.claim(&Arc::new(bare), 1).await;
    assert!(claimed.dialings.is_empty());
    assert_eq!(claimed.outlook, Outlook { next_due: None, dialing: 0, waiting: 1, ..Outlook::default() });
}

#[tokio::test]
async fn two_campaigns_on_one_list_never_have_one_contact_at_once() {
    let mut lab = lab().await;
    let one = lab.campaign(&[("MaxRetry1", "1")]).await;
    let plan =
        uuid_of(&lab.create(NounKind::Plan, &[("TechName", "IAX2"), ("RetryDelay", "0")]).await.unwrap());
    let (dlma, dest) = (one.dlma.uuid.to_string(), one.destination.uuid.to_string());
    let two = lab.campaign_of(&plan, &dlma, &dest).await;
    lab.contact(&one, &[("Number1", "1")]).await;
    let attempt = lab.claim_one(&one).await;
    let none = lab.claim(&two, 1).await;
    assert!(none.dialings.is_empty());
    assert_eq!(none.outlook, Outlook { next_due: None, dialing: 1, waiting: 0, ..Outlook::default() });
    lab.finish(&attempt, Outcome::Busy).await;
    // Finished for one plan, and a try left for the other.
    assert!(lab.claim(&one, 1).await.outlook.next_due.is_none());
    assert_eq!(lab.claim_one(&two).await.try_count, 2);
    assert_eq!(lab.number("SELECT max(attempt_no) FROM dialing").await, 2);
    assert_eq!(lab.number("SELECT count(*) FROM capsule").await, 2);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_does_not_stop_its_list() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    lab.sql("UPDATE dl_list SET variables = '[1]'").await.unwrap();
    let good = lab.contact(&capsule, &[("Number1", "2")]).await;
    assert_eq!(lab.claim_one(&capsule).await.dl.uuid, good);
    // It waits like one that was tried, so it is not looked at again at once.
    let due = lab.now.plus(Duration::from_secs(60));
    assert_eq!(lab.claim(&capsule, 1).await.outlook.next_due, Some(due));
}

#[tokio::test]
async fn claims_that_come_together_get_what_each_would_alone() {
    let mut lab = lab().await;
    let few = lab.campaign(&[]).await;
    let many = lab.campaign(&[("RetryDelay", "10")]).await;
    let stopped = lab.campaign(&[]).await;
    let empty = lab.campaign(&[]).await;
    let mut first = Vec::new();
    for number in ["1", "2", "3"] {
        first.push(lab.contact(&few, &[("Number1", number)]).await);
    }
    let tried = lab.contact(&many, &[("Number1", "4")]).await;
    let attempt = lab.claim_one(&many).await;
    lab.finish(&attempt, Outcome::Busy).await;
    let fresh = lab.contact(&many, &[("Number2", "5"), ("Number3", "6")]).await;
    lab.contact(&stopped, &[("Number1", "7")]).await;
    let uuid = stopped.campaign.uuid.to_string();
    lab.update(NounKind::Campaign, &[("Uuid", &uuid), ("Status", "0")]).await.unwrap();
    // One that shares the first one's list comes in the same transaction: it finds what that has left.
    let (plan, dlma) = (few.plan.uuid.to_string(), few.dlma.uuid.to_string());
    let sharing = lab.campaign_of(&plan, &dlma, &few.destination.uuid.to_string()).await;
    lab.now = seconds(100);

    for (capsule, count) in [(&few, 2), (&many, 5), (&stopped, 3), (&empty, 1), (&sharing, 5), (&many, 0)] {
        lab.submit(order(capsule, count));
    }
    let mut got = Vec::new();
    for _ in 0..6 {
        let Done::Claimed(claimed) = lab.next().await.done else { panic!("not claimed") };
        let taken = claimed.dialings.iter().map(|(attempt, dl)| {
            assert_eq!((attempt.uuid, attempt.dl.uuid), (dl.dialing_uuid.unwrap(), dl.uuid));
            (attempt.dl.uuid, attempt.index.get(), attempt.capsule.campaign.uuid)
        });
        got.push((taken.collect::<Vec<_>>(), claimed.outlook));
    }

    let of = |dl, index, capsule: &Capsule| (dl, index, capsule.campaign.uuid);
    let outlook = |next_due, dialing, waiting| Outlook { next_due, dialing, waiting, ..Outlook::default() };
    let begin = Some(seconds(0));
    assert_eq!(got[0].0, [of(first[0], 1, &few), of(first[1], 1, &few)]);
    assert_eq!((got[0].1.dialing, got[0].1.waiting), (2, 1));
    assert!(got[0].1.next_due <= begin, "one is left that is due");
    assert_eq!(got[1], (vec![of(fresh, 2, &many), of(tried, 1, &many)], outlook(None, 2, 0)));
    assert_eq!((got[2].0.len(), got[2].1.waiting), (0, 1));
    assert_eq!(got[3], (vec![], outlook(None, 0, 0)));
    assert_eq!(got[4], (vec![of(first[2], 1, &sharing)], outlook(None, 3, 0)));
    assert_eq!(got[5], (vec![], outlook(None, 2, 0)));
    // And so the records have it.
    let open = lab.reopened().await.recovered.open_dialings;
    let campaigns: Vec<_> = open.iter().map(|open| open.attempt.capsule.campaign.uuid).collect();
    let [few, many, sharing] = [&few, &many, &sharing].map(|capsule| capsule.campaign.uuid);
    assert_eq!(campaigns, [few, few, many, many, sharing]);
    assert!(open.iter().all(|open| open.epoch.as_deref() == Some("e1")));
}

#[tokio::test]
async fn what_dialing_asks_often_walks_an_index_without_a_sort_or_a_scan() {
    let lab = lab().await;
    let plan = |sql: String| {
        let conn = lab.foreign();
        async move {
            let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let mut conn = conn.await;
            crate::store::preview::prepare(&mut conn).await.unwrap();
            let rows = query(sql).fetch_all(&mut conn).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
        }
    };
    let pick = plan(claim::PICK.to_owned()).await;
    assert!(pick.contains("INDEX dl_waiting (dlma_uuid=? AND rung=? AND past=?)"), "{pick}");
    for earliest in [stat::COUNTS_WITH_EARLIEST, stat::COUNTS_OF] {
        let earliest = plan(earliest.to_owned()).await;
        assert!(earliest.contains("INDEX dl_waiting (dlma_uuid=? AND rung=? AND past=?)"), "{earliest}");
        assert!(earliest.contains("SEARCH r USING PRIMARY KEY (dlma_uuid=?)"), "{earliest}");
        assert!(!earliest.contains("TEMP B-TREE") && !earliest.contains("SCAN r"), "{earliest}");
    }
    for notes in [notes::PROGRESS, notes::WITHDRAWN] {
        let notes = plan(notes.to_owned()).await;
        assert!(notes.contains("SEARCH dialing USING INDEX sqlite_autoindex_dialing_1 (uuid=?)"), "{notes}");
    }
    let close = plan(ending::CLOSE.to_owned()).await;
    assert!(close.contains("SEARCH dialing USING INDEX sqlite_autoindex_dialing_1 (uuid=?)"), "{close}");
    for contacts in [dialing::TAKE.split_once(';').unwrap().0, ending::RELEASE.split_once(';').unwrap().1] {
        let contacts = plan(contacts.to_owned()).await;
        assert!(
            contacts.contains("SEARCH dl_list USING INDEX sqlite_autoindex_dl_list_1 (uuid=?)"),
            "{contacts}"
        );
    }
    let page = plan(dl::OF_LIST.to_owned()).await;
    assert!(page.contains("INDEX dl_of_list (dlma_uuid=? AND id>?)"), "{page}");
    let ukey = plan(dl::UKEY_TAKEN.to_owned()).await;
    assert!(ukey.contains("INDEX dl_ukey (dlma_uuid=? AND ukey=?)"), "{ukey}");
    for plan in [pick, page, ukey] {
        // What is asked for comes as JSON, and is gone through.
        let asked = plan.replace("SCAN step VIRTUAL TABLE", "");
        assert!(!asked.contains("TEMP B-TREE") && !asked.contains("SCAN"), "{plan}");
    }
}
