//! Contacts that agents look at: no claim gets them, and a go is a claim like any other.

use super::*;
use crate::engine::preview::Dial;
use crate::model::number::NumberIndex;
use crate::model::preview::Agent;

fn preview() -> DialingUuid {
    DialingUuid::new(Uuid::now_v7())
}

impl Lab {
    async fn keep(&mut self, capsule: &Arc<Capsule>, preview: DialingUuid) -> Option<(Dl, NumberIndex)> {
        let (campaign, capsule) = (capsule.campaign.uuid, Arc::clone(capsule));
        match self.run(Command::Preview(PreviewOrder::Keep { preview, campaign, capsule })).await {
            Done::Kept { contact, .. } => contact.map(|contact| *contact),
            other => panic!("{other:?}"),
        }
    }

    async fn let_go(&mut self, preview: DialingUuid, behind: Option<i64>) {
        let done = self.run(Command::Preview(PreviewOrder::LetGo { preview, behind })).await;
        assert!(matches!(done, Done::Noted), "{done:?}");
    }

    async fn go(
        &mut self,
        capsule: &Arc<Capsule>,
        (preview, dl, number): (DialingUuid, DlUuid, i64),
    ) -> Claimed {
        let agent = [("Agent", "PJSIP/100")].into_iter().collect();
        let dial = Dial {
            preview,
            other: Uuid::new_v4(),
            campaign: capsule.campaign.uuid,
            capsule: Arc::clone(capsule),
            epoch: "e1".into(),
            dl,
            index: NumberIndex::new(number).unwrap(),
            agent: Agent::from_fields(&agent).unwrap(),
        };
        match self.run(Command::Preview(PreviewOrder::Dial(Box::new(dial)))).await {
            Done::Claimed(claimed) => claimed,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn whom_an_agent_looks_at_no_claim_gets_and_nobody_else_is_shown() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("DialMode", "4"), ("RetryDelay", "10")]).await;
    let first = lab.contact(&capsule, &[("Number1", "1")]).await;
    let second = lab.contact(&capsule, &[("Number1", "2")]).await;
    let [a, b, c] = [preview(), preview(), preview()];
    let (dl, index) = lab.keep(&capsule, a).await.unwrap();
    assert_eq!((dl.uuid, index.get(), dl.status.code(), dl.trycnt), (first, 1, 0, 0));
    assert_eq!(lab.keep(&capsule, b).await.unwrap().0.uuid, second);
    assert!(lab.keep(&capsule, c).await.is_none());
    // Both wait, and nothing is due for anybody else until one of them is let go.
    let claimed = lab.claim(&capsule, 5).await;
    assert_eq!((claimed.dialings.len(), claimed.outlook.waiting, claimed.outlook.next_due), (0, 2, None));
    lab.let_go(b, None).await;
    assert_eq!(lab.claim(&capsule, 5).await.dialings[0].1.uuid, second);
    // What is put behind is due as if its last try had ended then.
    lab.let_go(a, Some(lab.now.micros())).await;
    assert!(lab.keep(&capsule, c).await.is_none());
    lab.now = seconds(10);
    assert_eq!(lab.keep(&capsule, c).await.unwrap().0.uuid, first);
    // Letting go what is not kept changes nothing.
    lab.let_go(a, Some(0)).await;
    assert!(lab.claim(&capsule, 5).await.dialings.is_empty());
    // Nothing of it is left once the process is gone.
    let mut lab = lab.reopened().await;
    lab.now = seconds(10);
    assert_eq!(lab.claim(&capsule, 5).await.dialings[0].1.uuid, first);
}

#[tokio::test]
async fn a_claim_behind_a_keep_of_the_same_transaction_passes_it_by() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    let first = lab.contact(&capsule, &[("Number1", "1")]).await;
    let second = lab.contact(&capsule, &[("Number1", "2")]).await;
    let (preview, campaign) = (preview(), capsule.campaign.uuid);
    let keep = PreviewOrder::Keep { preview, campaign, capsule: Arc::clone(&capsule) };
    lab.submit(Command::Preview(keep));
    lab.submit(order(&capsule, 2));
    let Done::Kept { contact: Some(kept), .. } = lab.next().await.done else { panic!() };
    let Done::Claimed(claimed) = lab.next().await.done else { panic!() };
    assert_eq!(kept.0.uuid, first);
    assert_eq!(claimed.dialings.iter().map(|(_, dl)| dl.uuid).collect::<Vec<_>>(), [second]);
}

#[tokio::test]
async fn a_go_claims_the_contact_as_ever_and_tells_who_said_it() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("DialMode", "4"), ("Variable", "P=1")]).await;
    let dl = lab.contact(&capsule, &[("Number1", "1"), ("Number3", "3"), ("Variable", "A=1")]).await;
    let preview = preview();
    lab.keep(&capsule, preview).await.unwrap();
    let claimed = lab.go(&capsule, (preview, dl, 3)).await;
    let [(attempt, after)] = claimed.dialings.as_slice() else { panic!("{claimed:?}") };
    assert_eq!((attempt.uuid, attempt.index.get(), attempt.channel.as_str()), (preview, 3, "PJSIP/3"));
    let variables: Vec<_> = attempt.variables.iter().collect();
    assert_eq!(variables, [("A", "1"), ("ASTOUT_AGENT", "PJSIP/100"), ("P", "1")]);
    assert_eq!(lab.store.dl(dl).await.unwrap().as_ref(), Some(after), "the contact itself is told nothing");
    assert_eq!((after.dialing_uuid, after.trycnt, after.tries.0[2]), (Some(preview), 1, 1));
    assert_eq!((claimed.outlook.dialing, claimed.outlook.waiting), (1, 0));
    // A second go finds it open, and it is kept no longer.
    assert!(lab.go(&capsule, (preview, dl, 1)).await.dialings.is_empty());
    lab.finish(attempt, Outcome::Busy).await;
    let attempt = Arc::clone(attempt);
    lab.now = seconds(100);
    let (again, _) = lab.keep(&capsule, self::preview()).await.unwrap();
    assert_eq!(again.uuid, dl);
    // After a crash it is as it was.
    let second = lab.contact(&capsule, &[("Number1", "5")]).await;
    let preview = self::preview();
    assert_eq!(lab.keep(&capsule, preview).await.unwrap().0.uuid, second);
    let claimed = lab.go(&capsule, (preview, second, 1)).await;
    let open = lab.reopened().await.recovered.open_dialings;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].attempt, claimed.dialings[0].0);
    assert_ne!(open[0].attempt.uuid, attempt.uuid);
}

#[tokio::test]
async fn a_go_claims_nobody_who_is_not_kept_for_it_or_not_one_to_dial() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("DialMode", "4"), ("MaxRetry2", "0")]).await;
    let campaign = capsule.campaign.uuid.to_string();
    let dl = lab.contact(&capsule, &[("Number1", "1"), ("Number2", "2")]).await;
    assert!(lab.go(&capsule, (preview(), dl, 1)).await.dialings.is_empty(), "nobody keeps it");
    let uuid = dl.to_string();
    for change in ["2", "status"] {
        let kept = preview();
        lab.keep(&capsule, kept).await.unwrap();
        assert!(lab.go(&capsule, (preview(), dl, 1)).await.dialings.is_empty(), "another keeps it");
        match change {
            // A number without a try.
            "2" => assert!(lab.go(&capsule, (kept, dl, 2)).await.dialings.is_empty()),
            _ => {
                lab.update(NounKind::Dl, &[("Uuid", &uuid), ("Status", "2")]).await.unwrap();
                assert!(lab.go(&capsule, (kept, dl, 1)).await.dialings.is_empty());
                lab.update(NounKind::Dl, &[("Uuid", &uuid), ("Status", "0")]).await.unwrap();
            }
        }
    }
    // A campaign that is stopped shows nobody, and dials nobody.
    let kept = preview();
    lab.keep(&capsule, kept).await.unwrap();
    lab.update(NounKind::Campaign, &[("Uuid", &campaign), ("Status", "0")]).await.unwrap();
    assert!(lab.go(&capsule, (kept, dl, 1)).await.dialings.is_empty());
    assert!(lab.keep(&capsule, preview()).await.is_none());
    assert_eq!(lab.number("SELECT count(*) FROM dialing").await, 0);
    assert_eq!(lab.number("SELECT sum(trycnt) FROM dl_list").await, 0);
}

#[tokio::test]
async fn caps_are_asked_of_the_number_that_is_dialled() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("DialMode", "4"), ("NumberCap", "1/1d"), ("RetryDelay", "3600")]).await;
    lab.contact(&capsule, &[("Number1", "2")]).await;
    let tried = lab.claim_one(&capsule).await;
    lab.finish(&tried, Outcome::Busy).await;
    let dl = lab.contact(&capsule, &[("Number1", "1"), ("Number2", "2")]).await;
    // Whose next number has been tried as often as may be is put off, and not shown.
    lab.contact(&capsule, &[("Number1", "2"), ("Number2", "7")]).await;
    let kept = preview();
    assert_eq!(lab.keep(&capsule, kept).await.unwrap().0.uuid, dl);
    assert!(lab.keep(&capsule, preview()).await.is_none());
    assert!(lab.go(&capsule, (kept, dl, 2)).await.dialings.is_empty(), "it was called as often as may be");
    let kept = preview();
    lab.keep(&capsule, kept).await.unwrap();
    assert_eq!(lab.go(&capsule, (kept, dl, 1)).await.dialings.len(), 1);
}

#[tokio::test]
async fn who_was_put_off_and_is_skipped_comes_behind_like_any_other() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[("DialMode", "4"), ("ContactCap", "1/1h"), ("RetryDelay", "10")]).await;
    let dl = lab.contact(&capsule, &[("Number1", "1")]).await;
    let tried = lab.claim_one(&capsule).await;
    lab.finish(&tried, Outcome::Busy).await;
    lab.now = seconds(100);
    assert!(lab.keep(&capsule, preview()).await.is_none(), "put off for the hour");
    lab.now = seconds(4000);
    let kept = preview();
    assert_eq!(lab.keep(&capsule, kept).await.unwrap().0.uuid, dl);
    lab.let_go(kept, Some(lab.now.micros())).await;
    assert!(lab.keep(&capsule, preview()).await.is_none(), "not at once");
    lab.now = seconds(4010);
    assert_eq!(lab.keep(&capsule, preview()).await.unwrap().0.uuid, dl);
}
