//! What operators do to dialings: count them, and give one up.

use super::{Replies, change};
use crate::ami::response;
use crate::daemon::handle::{Handle, RequestError};
use crate::model::fields::Fields;
use crate::model::refusal::{NounKind, Refusal};

pub(super) async fn summary(handle: &Handle, replies: &Replies) {
    match handle.dialings().await {
        Err(why) => replies.error(&format!("Error encountered while showing dialing: {why}")).await,
        Ok(dialings) => {
            replies.send(response::list_start(replies.id(), "Summary List will follow")).await;
            let item = response::list_item(replies.id(), "OutDialingSummary");
            replies.send(item.header("Count", dialings.len().to_string()).finish_lossy()).await;
            let end = response::list_complete(replies.id(), "OutSummaryListComplete", 1);
            replies.send(end.finish_lossy()).await;
        }
    }
}

pub(super) async fn withdraw(fields: &Fields, handle: &Handle, replies: &Replies) {
    let withdrawn = match fields.required_uuid("Uuid") {
        Ok(dialing) => handle.withdraw(dialing).await,
        Err(error) => Err(RequestError::Refused(Refusal::Field(error))),
    };
    match withdrawn {
        Ok(()) => change::done(NounKind::Dialing, "deleted", replies).await,
        Err(error) => replies.error(&change::not_deleted(NounKind::Dialing, &error)).await,
    }
}
