//! Reads nouns of whichever kind.

use uuid::Uuid;

use crate::daemon::handle::{Handle, RequestError};
use crate::model::event::Noun;
use crate::model::ids::{CampaignUuid, DestinationUuid, DialingUuid, DlUuid, DlmaUuid, PlanUuid};
use crate::model::refusal::NounKind;

/// The uuid of a noun, as text.
pub(super) fn uuid(noun: &Noun) -> Uuid {
    match noun {
        Noun::Plan(plan) => plan.uuid.uuid(),
        Noun::Dlma(dlma) => dlma.uuid.uuid(),
        Noun::Destination(destination) => destination.uuid.uuid(),
        Noun::Dl(dl) => dl.uuid.uuid(),
        Noun::Campaign(campaign) => campaign.uuid.uuid(),
        Noun::Dialing(dialing) => dialing.attempt.uuid.uuid(),
    }
}

/// One noun in use.
pub(super) async fn one(handle: &Handle, kind: NounKind, uuid: Uuid) -> Result<Option<Noun>, RequestError> {
    let records = handle.records();
    Ok(match kind {
        NounKind::Plan => records.plan(PlanUuid::new(uuid)).await?.map(Noun::Plan),
        NounKind::Dlma => records.dlma(DlmaUuid::new(uuid)).await?.map(Noun::Dlma),
        NounKind::Destination => {
            records.destination(DestinationUuid::new(uuid)).await?.map(Noun::Destination)
        }
        NounKind::Campaign => records.campaign(CampaignUuid::new(uuid)).await?.map(Noun::Campaign),
        NounKind::Dl => records.dl(DlUuid::new(uuid)).await?.map(Noun::Dl),
        NounKind::Dialing => {
            let wanted = DialingUuid::new(uuid);
            let dialings = handle.dialings().await?;
            dialings.into_iter().find(|dialing| dialing.attempt.uuid == wanted).map(Noun::Dialing)
        }
    })
}

/// All nouns in use of a kind, oldest first; of contacts `count` at most.
pub(super) async fn all(handle: &Handle, kind: NounKind, count: u32) -> Result<Vec<Noun>, RequestError> {
    let records = handle.records();
    Ok(match kind {
        NounKind::Plan => records.plans().await?.into_iter().map(Noun::Plan).collect(),
        NounKind::Dlma => records.dlmas().await?.into_iter().map(Noun::Dlma).collect(),
        NounKind::Destination => records.destinations().await?.into_iter().map(Noun::Destination).collect(),
        NounKind::Campaign => records.campaigns().await?.into_iter().map(Noun::Campaign).collect(),
        NounKind::Dl => records.dls(None, count, None).await?.into_iter().map(Noun::Dl).collect(),
        NounKind::Dialing => handle.dialings().await?.into_iter().map(Noun::Dialing).collect(),
    })
}
