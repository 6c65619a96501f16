//! Ends: one a dialing, with one line, and what they leave of the contact.

use super::*;
use crate::engine::Outlook;
use crate::model::dialing::Progress;

#[tokio::test]
async fn an_end_writes_row_line_and_contact_together_and_once() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "0")]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    let attempt = lab.claim_one(&capsule).await;
    lab.now = seconds(7);
    let (dl, seq, line) = lab.finish(&attempt, Outcome::Busy).await;
    assert_eq!(seq, 1);
    assert_eq!((dl.dialing_uuid, dl.dialing_camp_uuid, dl.dialing_plan_uuid), (None, None, None));
    assert_eq!((dl.res_dial, dl.tm_last_hangup, dl.trycnt), (DialResult::Busy, Some(seconds(7)), 1));
    assert_eq!(lab.store.dl(dl.uuid).await.unwrap(), Some(dl));
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((json["seq"].as_i64(), json["outcome"].as_str()), (Some(1), Some("busy")));
    assert_eq!(json["dialing_uuid"], attempt.uuid.to_string());
    let again = lab.run(ending(&attempt, Outcome::Failed, seconds(8))).await;
    assert!(matches!(again, Done::AlreadyFinished), "{again:?}");
    let outcome = "SELECT outcome = 'busy' AND open = 0 AND tm_end IS NOT NULL FROM dialing";
    assert_eq!(lab.number(outcome).await, 1);
    // Notes that come late change nothing.
    lab.run(Command::Progress(attempt.uuid, Progress::default())).await;
    lab.run(Command::Withdraw(attempt.uuid)).await;
    assert_eq!(lab.number("SELECT res_dial * 10 + withdrawn FROM dialing").await, 50);
    assert_eq!(lab.store.lines_after(0, 10).await.unwrap(), [(1, attempt.uuid, line)]);
}

#[tokio::test]
async fn a_withdrawn_attempt_gives_its_try_back_and_is_an_attempt_all_the_same() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "0"), ("MaxRetry1", "1")]).await;
    lab.contact(&capsule, &[("Number1", "1")]).await;
    let attempt = lab.claim_one(&capsule).await;
    let (dl, ..) = lab.finish(&attempt, Outcome::Withdrawn).await;
    assert_eq!((dl.trycnt, dl.tries.0[0]), (0, 0));
    let again = lab.claim_one(&capsule).await;
    assert_eq!(again.try_count, 1);
    // Its tries set to zero by hand meanwhile: they never fall below.
    lab.sql("UPDATE dl_list SET trycnt = 0, trycnt_1 = 0").await.unwrap();
    let (dl, ..) = lab.finish(&again, Outcome::Withdrawn).await;
    assert_eq!((dl.trycnt, dl.tries.0[0]), (0, 0));
    assert_eq!(lab.number("SELECT max(attempt_no) FROM dialing").await, 2);
}

#[tokio::test]
async fn an_answered_contact_is_never_dialled_again() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("RetryDelay", "0")]).await;
    lab.contact(&capsule, &[("Number1", "1"), ("Number2", "2")]).await;
    let attempt = lab.claim_one(&capsule).await;
    lab.finish(&attempt, Outcome::Answered).await;
    lab.now = seconds(100_000);
    let claimed = lab.claim(&capsule, 1).await;
    assert!(claimed.dialings.is_empty());
    assert_eq!(claimed.outlook, Outlook::default());
    let stat = lab.store.stat(capsule.campaign.uuid).await.unwrap().unwrap();
    assert_eq!((stat.total, stat.finished, stat.called, stat.available), (1, 1, 1, 0));
    // Reached by another way while it was being dialled, and marked so by hand.
    lab.contact(&capsule, &[("Number1", "1")]).await;
    let attempt = lab.claim_one(&capsule).await;
    lab.sql("UPDATE dl_list SET res_dial = 4").await.unwrap();
    assert_eq!(lab.finish(&attempt, Outcome::Busy).await.0.res_dial, DialResult::Answered);
    assert!(lab.claim(&capsule, 1).await.dialings.is_empty());
}

#[tokio::test]
async fn a_contact_that_somebody_took_away_does_not_keep_its_dialing_from_ending() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    for sql in [
        "UPDATE dl_list SET in_use = 0",
        "UPDATE dl_list SET status = 0, dialing_uuid = NULL WHERE in_use = 1",
        "DELETE FROM dl_list WHERE in_use = 1",
    ] {
        lab.contact(&capsule, &[("Number1", "1")]).await;
        let attempt = lab.claim(&capsule, 1).await.dialings[0].0.clone();
        lab.sql(sql).await.unwrap();
        let (dl, ..) = lab.finish(&attempt, Outcome::Busy).await;
        assert_eq!(dl.uuid, attempt.dl.uuid, "{sql}");
        lab.sql("DELETE FROM dl_list").await.unwrap();
    }
    assert_eq!(lab.number("SELECT count(*) FROM dialing WHERE open = 1").await, 0);
    assert_eq!(lab.number("SELECT count(*) FROM dl_rung").await, 0);
    assert_eq!(lab.number("SELECT count(*) FROM outbox").await, 3);
}

#[tokio::test]
async fn the_position_of_the_result_log_never_goes_back() {
    let mut lab = lab().await;
    assert_eq!((lab.recovered.logged_seq, lab.recovered.last_seq), (0, 0));
    let capsule = lab.campaign(&[("RetryDelay", "0")]).await;
    for _ in 0..3 {
        lab.contact(&capsule, &[("Number1", "1")]).await;
        let attempt = lab.claim_one(&capsule).await;
        lab.finish(&attempt, Outcome::Answered).await;
    }
    for seq in [2, 1] {
        assert!(matches!(lab.run(Command::Logged { seq }).await, Done::Noted));
    }
    let after = lab.store.lines_after(1, 1).await.unwrap();
    assert_eq!(after.iter().map(|(seq, ..)| *seq).collect::<Vec<_>>(), [2]);
    assert_eq!((lab.store.last_logged().await.unwrap(), lab.store.last_seq().await.unwrap()), (2, 3));
    let lab = lab.reopened().await;
    assert_eq!((lab.recovered.logged_seq, lab.recovered.last_seq), (2, 3));
    assert!(lab.recovered.open_dialings.is_empty());
}
