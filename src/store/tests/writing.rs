//! The writer: group commit, and failures of one command, of a transaction and of the file.

use super::*;
use crate::model::dialing::Progress;
use crate::store::writer::MAX_BATCH;

pub(super) fn create_plan(name: &str) -> Command {
    Command::Create { kind: NounKind::Plan, uuid: Uuid::new_v4(), fields: fields(&[("Name", name)]) }
}

#[tokio::test]
async fn what_queues_up_is_committed_together_and_answered_in_order() {
    let mut lab = lab().await;
    // Nothing of the writer's runs between these on this one thread.
    let all = 2 * MAX_BATCH as u64 + 44;
    for place in 0..all {
        lab.submit(create_plan(&place.to_string()));
    }
    let mut sizes = Vec::new();
    let mut answered = Vec::new();
    while answered.len() < all as usize {
        let before = answered.len();
        answered.push(lab.next().await.ticket);
        while let Ok(committed) = lab.done.try_recv() {
            answered.push(committed.ticket);
        }
        sizes.push(answered.len() - before);
    }
    assert_eq!(answered, (1..=all).map(Some).collect::<Vec<_>>());
    assert_eq!(sizes, [MAX_BATCH, MAX_BATCH, 44]);
    assert_eq!(lab.store.plans().await.unwrap().len(), all as usize);
}

#[tokio::test]
async fn a_command_that_fails_does_not_undo_its_neighbours() {
    let mut lab = lab().await;
    // ROLLBACK takes the whole transaction back, as SQLite does by itself on a full disk.
    lab.sql(
        "CREATE TRIGGER fault BEFORE INSERT ON plan WHEN NEW.name = 'bad'
         BEGIN SELECT RAISE(ROLLBACK, 'a fault'); END",
    )
    .await
    .unwrap();
    for name in ["a", "bad", "c"] {
        lab.submit(create_plan(name));
    }
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(match lab.next().await.done {
            Done::Stored { .. } => "stored".to_owned(),
            Done::Failed(error) => error.to_string(),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!((answers[0].as_str(), answers[2].as_str()), ("stored", "stored"));
    assert!(answers[1].contains("creating: a fault"), "{}", answers[1]);
    assert_eq!(lab.store.plans().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_failed_end_leaves_no_gap_in_the_numbers_of_the_lines() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    let mut attempts = Vec::new();
    for number in ["1", "2", "3"] {
        lab.contact(&capsule, &[("Number1", number)]).await;
        attempts.push(lab.claim_one(&capsule).await);
    }
    lab.sql(
        "CREATE TRIGGER fault AFTER INSERT ON outbox WHEN NEW.line LIKE '%\"dial_addr\":\"2\"%'
         BEGIN SELECT RAISE(ABORT, 'a fault'); END",
    )
    .await
    .unwrap();
    for attempt in &attempts {
        lab.submit(ending(attempt, Outcome::Busy, seconds(1)));
    }
    let mut seqs = Vec::new();
    for _ in 0..3 {
        seqs.push(match lab.next().await.done {
            Done::Finished { seq, .. } => seq,
            Done::Failed(_) => 0,
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seqs, [1, 0, 2]);
    // What failed was left open, whole, and can be ended later.
    lab.sql("DROP TRIGGER fault").await.unwrap();
    assert_eq!(lab.finish(&attempts[1], Outcome::Busy).await.1, 3);
}

#[tokio::test]
async fn a_failed_claim_claims_nothing() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    for number in ["1", "2"] {
        lab.contact(&capsule, &[("Number1", number)]).await;
    }
    lab.sql(
        "CREATE TRIGGER fault BEFORE INSERT ON dialing WHEN NEW.addr = '2'
         BEGIN SELECT RAISE(ABORT, 'a fault'); END",
    )
    .await
    .unwrap();
    assert!(matches!(lab.run(order(&capsule, 2)).await, Done::Failed(_)));
    assert_eq!(lab.number("SELECT count(*) FROM dl_list WHERE status = 1 OR trycnt > 0").await, 0);
    assert_eq!(lab.number("SELECT count(*) FROM dialing").await, 0);
}

#[tokio::test]
async fn a_lock_of_somebody_elses_fails_what_is_queued_and_nothing_after() {
    let mut lab = lab().await;
    let mut foreign = lab.foreign().await;
    query("BEGIN IMMEDIATE").execute(&mut foreign).await.unwrap();
    lab.submit(create_plan("a"));
    lab.submit(create_plan("b"));
    for _ in 0..2 {
        let Done::Failed(error) = lab.next().await.done else { panic!() };
        assert!(error.is_of_the_file(), "{error}");
        assert!(error.to_string().contains("another program holds its lock"), "{error}");
    }
    query("ROLLBACK").execute(&mut foreign).await.unwrap();
    assert!(matches!(lab.run(create_plan("c")).await, Done::Stored { .. }));
    assert_eq!(lab.store.plans().await.unwrap().len(), 1);
}

#[tokio::test]
async fn closing_finishes_what_is_queued() {
    let mut lab = lab().await;
    for _ in 0..200 {
        lab.submit(create_plan("x"));
    }
    assert_eq!(lab.reopened().await.recovered.plans.len(), 200);
}

#[tokio::test]
async fn of_progress_in_one_batch_the_last_counts() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    let attempt = lab.claim_one(&capsule).await;
    for name in ["a", "b", "c"] {
        let progress = Progress { channel_name: Some(name.into()), ..Progress::default() };
        lab.submit(Command::Progress(attempt.uuid, progress));
    }
    for _ in 0..3 {
        assert!(matches!(lab.next().await.done, Done::Noted));
    }
    let lab = lab.reopened().await;
    assert_eq!(lab.recovered.open_dialings[0].progress.channel_name.as_deref(), Some("c"));
}
