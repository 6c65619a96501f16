//! Create, update, delete: the same for every kind of noun. What is answered with success is committed.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tracing::warn;

use super::Replies;
use crate::ami::{Message, MessageBuilder, response};
use crate::daemon::handle::{Handle, RequestError};
use crate::manager::{names, nouns};
use crate::model::event::Noun;
use crate::model::fields::Fields;
use crate::model::refusal::{NounKind, Refusal};

pub(super) async fn create(kind: NounKind, fields: Fields, handle: &Handle, replies: &Replies) {
    let created = handle.create(kind, fields).await;
    replies.send(answer(kind, created, handle, replies.id()).await).await;
}

/// Makes those that come, none of which waits for the one before it, and answers each in its turn. It ends when none is left.
pub(super) async fn create_as_they_come(
    kind: NounKind,
    mut coming: mpsc::UnboundedReceiver<(Replies, Fields)>,
    handle: &Handle,
) {
    let mut begun = VecDeque::new();
    loop {
        while let Ok((replies, fields)) = coming.try_recv() {
            begun.push_back((replies, handle.begin_to_create(kind, fields).await));
        }
        let Some((replies, writing)) = begun.front_mut() else { return };
        let created = tokio::select! {
            biased;
            created = writing.done() => created,
            Some((replies, fields)) = coming.recv() => {
                begun.push_back((replies, handle.begin_to_create(kind, fields).await));
                continue;
            }
        };
        replies.send(answer(kind, created, handle, replies.id()).await).await;
        begun.pop_front();
    }
}

async fn answer(
    kind: NounKind,
    created: Result<Noun, RequestError>,
    handle: &Handle,
    id: Option<&[u8]>,
) -> Message {
    match created {
        Ok(noun) => {
            let reply = response::success(id)
                .header("Message", format!("{} created successfully", names::of(kind).done))
                .header("Uuid", nouns::uuid(&noun).to_string());
            warned(reply, kind, &noun, handle).await.finish_lossy()
        }
        Err(error) => {
            let doing = format!("Error encountered while creating {}", names::of(kind).wrong);
            response::error(id, &format!("{doing}: {error}"))
        }
    }
}

pub(super) async fn update(kind: NounKind, fields: Fields, handle: &Handle, replies: &Replies) {
    match handle.update(kind, fields).await {
        Ok(noun) => {
            let reply = response::success(replies.id())
                .header("Message", format!("{} updated successfully", names::of(kind).done));
            replies.send(warned(reply, kind, &noun, handle).await.finish_lossy()).await;
        }
        Err(error) => {
            let doing = format!("Error encountered while updating {}", names::of(kind).wrong);
            replies.error(&format!("{doing}: {error}")).await;
        }
    }
}

pub(super) async fn delete(kind: NounKind, fields: Fields, handle: &Handle, replies: &Replies) {
    match handle.delete(kind, fields).await {
        Ok(_) => done(kind, "deleted", replies).await,
        Err(error) => replies.error(&not_deleted(kind, &error)).await,
    }
}

/// Says with a success what a destination still lacks: a place in the dialplan may be made later.
async fn warned(reply: MessageBuilder, kind: NounKind, noun: &Noun, handle: &Handle) -> MessageBuilder {
    let Noun::Destination(destination) = noun else { return reply };
    if handle.is_in_dialplan(destination).await != Some(false) {
        return reply;
    }
    let place = destination.place().unwrap_or_default().join(",");
    warn!(destination = %destination.uuid, "Asterisk's dialplan has no {place}");
    reply.header("Warning", format!("{}: Asterisk's dialplan has no {place}, so far", kind.word()))
}

pub(super) async fn done(kind: NounKind, what: &str, replies: &Replies) {
    let text = format!("{} {what} successfully", names::of(kind).done);
    replies.send(response::success_message(replies.id(), &text)).await;
}

/// The original says success where nothing is there to delete, and so has no text for it; its lists have one.
pub(super) fn not_deleted(kind: NounKind, error: &RequestError) -> String {
    match error {
        RequestError::Refused(Refusal::NoSuch { noun, .. }) if *noun == kind => {
            format!("No such {}: {error}", kind.word())
        }
        RequestError::Refused(_) | RequestError::Store(_) | RequestError::Stopping => {
            format!("Error encountered while deleting {}: {error}", kind.word())
        }
    }
}
