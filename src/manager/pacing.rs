//! `OutPacingShow`, the event `OutPacingUpdate`, and what `OutCampaignStatShow` says of pacing: how campaigns that dial for a
//! queue are paced.

use super::actions::Replies;
use super::render::{CLASS, UNKNOWN};
use crate::ami::event::event as event_of_class;
use crate::ami::{Message, MessageBuilder, response};
use crate::daemon::handle::{Handle, RequestError};
use crate::model::agents::QueueAgents;
use crate::model::fields::Fields;
use crate::model::ids::CampaignUuid;
use crate::model::pacing::{Answered, Pacing};
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Timestamp;

/// The action's name.
pub(super) const SHOW: &str = "OutPacingShow";
const HOUR: i64 = 3_600_000_000;

pub(super) async fn show(fields: &Fields, handle: &Handle, replies: &Replies) {
    let read = async {
        let only = match fields.raw("Uuid") {
            None | Some("") => None,
            Some(_) => Some(fields.required_uuid::<CampaignUuid>("Uuid").map_err(Refusal::from)?),
        };
        let paced = handle.pacing(only).await?;
        if let Some(only) = only.filter(|_| paced.is_empty())
            && handle.records().campaign(only).await?.is_none()
        {
            let (noun, uuid) = (NounKind::Campaign, only.to_string());
            return Err(Refusal::NoSuch { noun, field: "Uuid", uuid }.into());
        }
        let mut shown = Vec::new();
        for pacing in paced {
            let rates = rates(&pacing, handle).await?;
            shown.push((pacing, rates));
        }
        Ok::<_, RequestError>(shown)
    };
    match read.await {
        Err(RequestError::Refused(why @ Refusal::NoSuch { .. })) => {
            replies.error(&format!("No such campaign: {why}")).await;
        }
        Err(why) => replies.error(&format!("Error encountered while showing pacing: {why}")).await,
        Ok(shown) => {
            replies.send(response::list_start(replies.id(), "Pacing List will follow")).await;
            for (pacing, rates) in &shown {
                let item = response::list_item(replies.id(), "OutPacingEntry");
                let item = item
                    .header("Uuid", pacing.campaign.to_string())
                    .header("Name", pacing.name.as_deref().unwrap_or(UNKNOWN));
                replies.send(told(headers(item, pacing), rates).finish_lossy()).await;
            }
            let end = response::list_complete(replies.id(), "OutPacingListComplete", shown.len());
            replies.send(end.finish_lossy()).await;
        }
    }
}

/// The further fields that the statistics of such a campaign have.
pub(super) async fn further(
    item: MessageBuilder,
    pacing: &Pacing,
    handle: &Handle,
) -> Result<MessageBuilder, RequestError> {
    let rates = rates(pacing, handle).await?;
    Ok(told(headers(item, pacing), &rates))
}

/// The event of each second.
pub(super) fn event(pacing: &Pacing) -> Message {
    let event = event_of_class("OutPacingUpdate", CLASS);
    let event = event
        .header("Uuid", pacing.campaign.to_string())
        .header("Name", pacing.name.as_deref().unwrap_or(UNKNOWN));
    headers(event, pacing).finish_lossy()
}

fn headers(item: MessageBuilder, pacing: &Pacing) -> MessageBuilder {
    let count = |count: Option<u32>| count.map_or_else(|| UNKNOWN.to_owned(), |count| count.to_string());
    let agents = pacing.agents;
    let mut item = item.header("DialMode", pacing.mode.to_string()).header("Queue", &pacing.queue);
    for (name, of) in [
        ("AgentsLoggedIn", agents.map(QueueAgents::logged_in)),
        ("AgentsFree", agents.map(|agents| agents.free)),
        ("AgentsRinging", agents.map(|agents| agents.ringing)),
        ("AgentsTalking", agents.map(|agents| agents.talking)),
        ("AgentsWrapping", agents.map(|agents| agents.wrapping)),
        ("AgentsPaused", agents.map(|agents| agents.paused)),
        ("AgentsBusy", agents.map(|agents| agents.busy)),
        ("CallersWaiting", agents.map(|agents| agents.waiting)),
        ("CallsOriginating", Some(pacing.calls.originating)),
        ("CallsRinging", Some(pacing.calls.ringing)),
        ("CallsAnswered", Some(pacing.calls.answered)),
        ("CallsWaiting", Some(pacing.calls.waiting)),
        ("CallsTalking", Some(pacing.calls.talking)),
    ] {
        item = item.header(name, count(of));
    }
    if let Some(predicted) = &pacing.predicted {
        item = item
            .header("CallsNext", predicted.next.to_string())
            .header("PredictedAnswers", format!("{:.2}", predicted.answers))
            .header("Credit", format!("{:.2}", predicted.credit))
            .header("Risk", format!("{:.4}", predicted.risk));
    }
    item.header("AbandonTarget", pacing.abandonment.target.to_string())
        .header("AbandonWindow", pacing.abandonment.window.to_string())
        .header("LimitedBy", pacing.limited_by)
        .header("Limit", &pacing.limit)
}

fn told(mut item: MessageBuilder, rates: &[(&str, Answered)]) -> MessageBuilder {
    let per_cent = |rate: Option<f64>| rate.map_or_else(|| UNKNOWN.to_owned(), |rate| format!("{rate:.2}"));
    for (window, answered) in rates {
        item = item
            .header(&format!("Answered{window}"), answered.live.to_string())
            .header(&format!("Abandoned{window}"), answered.abandoned.to_string())
            .header(&format!("AbandonRate{window}"), per_cent(answered.rate()))
            .header(&format!("AbandonUpper{window}"), per_cent(answered.upper()));
    }
    item
}

/// Who was abandoned over each window, by the records, which count by the hour.
async fn rates(pacing: &Pacing, handle: &Handle) -> Result<Vec<(&'static str, Answered)>, RequestError> {
    let now = handle.now().wall.micros();
    let mut rates = Vec::new();
    for (name, since) in [
        ("Hour", Timestamp::from_micros(now - HOUR)),
        ("Day", pacing.day_began),
        ("Month", pacing.month_began),
        ("30Days", Timestamp::from_micros(now - 30 * 24 * HOUR)),
    ] {
        rates.push((name, handle.records().answered_since(pacing.campaign, since).await?));
    }
    Ok(rates)
}
