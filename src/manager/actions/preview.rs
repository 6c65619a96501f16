//! Preview: an agent, or a program for him, asks for a contact, and says go or skip.

use super::Replies;
use crate::ami::response;
use crate::daemon::handle::{Handle, RequestError};
use crate::manager::render;
use crate::model::fields::FieldError;
use crate::model::preview::{Answer, Ask};
use crate::model::refusal::Refusal;

/// `OutPreviewNext`, `OutPreviewGo`, `OutPreviewSkip`, by what their fields ask.
pub(super) async fn ask(asked: Result<Ask, FieldError>, handle: &Handle, replies: &Replies) {
    let answer = match asked {
        Ok(ask) => handle.preview(ask).await,
        Err(wrong) => Err(Refusal::from(wrong).into()),
    };
    let success = |text| response::success(replies.id()).header("Message", text);
    let reply = match answer {
        Ok(Answer::Kept(preview)) => {
            let reply = success("Preview created successfully");
            let left = preview.tm_expire.since(handle.now().wall).as_secs_f64().ceil();
            render::preview(reply.header("Expires", left.to_string()), &preview)
        }
        Ok(Answer::Dialled(dialing)) => {
            success("Preview dialled successfully").header("Uuid", dialing.to_string())
        }
        Ok(Answer::Skipped) => success("Preview skipped successfully"),
        Err(why) => return replies.error(&refused(&why)).await,
    };
    replies.send(reply.finish_lossy()).await;
}

fn refused(why: &RequestError) -> String {
    match why {
        RequestError::Refused(Refusal::NoSuch { noun, .. }) => format!("No such {noun}: {why}"),
        RequestError::Refused(_) | RequestError::Store(_) | RequestError::Stopping => {
            format!("Error encountered while previewing: {why}")
        }
    }
}

/// `OutPreviewShow`: what agents look at now.
pub(super) async fn show(handle: &Handle, replies: &Replies) {
    let previews = match handle.previews().await {
        Ok(previews) => previews,
        Err(why) => return replies.error(&refused(&why)).await,
    };
    replies.send(response::list_start(replies.id(), "Preview List will follow")).await;
    for preview in &previews {
        let item = response::list_item(replies.id(), "OutPreviewEntry");
        replies.send(render::preview(item, preview).finish_lossy()).await;
    }
    let end = response::list_complete(replies.id(), "OutPreviewListComplete", previews.len());
    replies.send(end.finish_lossy()).await;
}
