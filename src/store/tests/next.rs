//! `NextCampaign`: what may be one, and when it starts.

use super::*;
use crate::model::campaign::Campaign;
use CampaignStatus::{Start, Starting, Stop, Stopping};

/// A started campaign with a contact, and a stopped one that comes behind it.
async fn two() -> (Lab, Arc<Capsule>, String) {
    let mut lab = lab().await;
    let first = lab.campaign(&[("MaxRetry1", "1")]).await;
    lab.contact(&first, &[("Number1", "300")]).await;
    let parts = [
        ("Plan", first.plan.uuid.to_string()),
        ("Dlma", first.dlma.uuid.to_string()),
        ("Dest", first.destination.uuid.to_string()),
    ];
    let parts: Vec<_> = parts.iter().map(|(name, uuid)| (*name, uuid.as_str())).collect();
    let next = uuid_of(&lab.create(NounKind::Campaign, &parts).await.unwrap());
    let uuid = first.campaign.uuid.to_string();
    lab.update(NounKind::Campaign, &[("Uuid", &uuid), ("NextCampaign", &next)]).await.unwrap();
    let first = lab.capsule(first.campaign.uuid).await;
    (lab, first, next)
}

async fn moved(
    lab: &mut Lab,
    campaign: CampaignUuid,
    from: CampaignStatus,
    to: CampaignStatus,
) -> Option<Campaign> {
    match lab.run(Command::Transition { campaign, from, to }).await {
        Done::Moved { next, .. } => next,
        other => panic!("{other:?}"),
    }
}

async fn status(lab: &Lab, uuid: &str) -> CampaignStatus {
    lab.store.campaign(uuid.parse().unwrap()).await.unwrap().unwrap().status
}

#[tokio::test]
async fn it_starts_in_the_transaction_in_which_the_list_of_the_one_before_has_ended() {
    let (mut lab, first, next) = two().await;
    let attempt = lab.claim_one(&first).await;
    lab.finish(&attempt, Outcome::Busy).await;

    let started = moved(&mut lab, first.campaign.uuid, Start, Stopping).await.unwrap();

    assert_eq!((started.uuid.to_string(), started.status), (next.clone(), Starting));
    let lab = lab.reopened().await;
    assert_eq!(status(&lab, &next).await, Starting);
}

#[tokio::test]
async fn a_stop_before_the_end_of_the_list_starts_nothing() {
    let (mut lab, first, next) = two().await;
    // As a schedule's close does.
    assert_eq!(moved(&mut lab, first.campaign.uuid, Start, Stopping).await, None);
    assert_eq!(moved(&mut lab, first.campaign.uuid, Stopping, Stop).await, None);
    assert_eq!(status(&lab, &next).await, Stop);
}

#[tokio::test]
async fn an_operators_stop_starts_nothing_also_where_the_list_has_ended() {
    let (mut lab, first, next) = two().await;
    let attempt = lab.claim_one(&first).await;
    lab.finish(&attempt, Outcome::Answered).await;
    let uuid = first.campaign.uuid.to_string();
    lab.update(NounKind::Campaign, &[("Uuid", &uuid), ("Status", "0")]).await.unwrap();
    assert_eq!(moved(&mut lab, first.campaign.uuid, Stopping, Stop).await, None);
    assert_eq!(status(&lab, &next).await, Stop);
}

#[tokio::test]
async fn one_that_dials_is_paused_or_cannot_start_stays_as_it_is() {
    for change in [("Status", "1"), ("Status", "2"), ("Plan", ""), ("ScDateEnd", "2016-11-17")] {
        let (mut lab, first, next) = two().await;
        if change == ("Status", "2") {
            lab.update(NounKind::Campaign, &[("Uuid", &next), ("Status", "1")]).await.unwrap();
        }
        if change.0 == "ScDateEnd" {
            lab.update(NounKind::Campaign, &[("Uuid", &next), ("ScMode", "1")]).await.unwrap();
        }
        lab.update(NounKind::Campaign, &[("Uuid", &next), change]).await.unwrap();
        let before = status(&lab, &next).await;
        let attempt = lab.claim_one(&first).await;
        lab.finish(&attempt, Outcome::Busy).await;
        assert_eq!(moved(&mut lab, first.campaign.uuid, Start, Stopping).await, None, "{change:?}");
        assert_eq!(status(&lab, &next).await, before, "{change:?}");
    }
}

#[tokio::test]
async fn one_that_is_not_there_or_leads_back_is_refused_with_words() {
    let (mut lab, first, next) = two().await;
    let uuid = first.campaign.uuid.to_string();
    let third = uuid_of(&lab.create(NounKind::Campaign, &[("NextCampaign", &uuid)]).await.unwrap());
    let gone = uuid_of(&lab.create(NounKind::Campaign, &[]).await.unwrap());
    lab.delete(NounKind::Campaign, &gone).await.unwrap();
    for (of, named, words) in [
        (&uuid, &uuid, "start each other for ever"),
        (&next, &uuid, "start each other for ever"),
        (&next, &third, "start each other for ever"),
        (&next, &gone, "names no campaign"),
        (&next, &"x".to_owned(), "a uuid, xxxxxxxx"),
    ] {
        let refused = lab.update(NounKind::Campaign, &[("Uuid", of), ("NextCampaign", named)]).await;
        let words_said = refused.unwrap_err().to_string();
        assert!(words_said.starts_with("NextCampaign: ") && words_said.contains(words), "{words_said}");
    }
    assert_eq!(lab.capsule(first.campaign.uuid).await.campaign, first.campaign);
}

#[tokio::test]
async fn one_that_another_names_is_not_deleted_until_that_has_another_or_none() {
    let (mut lab, first, next) = two().await;
    let refused = lab.delete(NounKind::Campaign, &next).await.unwrap_err().to_string();
    assert!(refused.contains(&first.campaign.uuid.to_string()) && refused.contains("spring"), "{refused}");
    let uuid = first.campaign.uuid.to_string();
    lab.update(NounKind::Campaign, &[("Uuid", &uuid), ("NextCampaign", "")]).await.unwrap();
    lab.delete(NounKind::Campaign, &next).await.unwrap();
}
