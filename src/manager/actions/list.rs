//! `Out…Show`: all nouns of a kind, or the one that is named. The framing is the same for all.

use tracing::error;
use uuid::Uuid;

use super::Replies;
use crate::ami::{MessageBuilder, response};
use crate::daemon::handle::{Handle, RequestError};
use crate::manager::{names, nouns, pacing, render};
use crate::model::event::Noun;
use crate::model::fields::{FieldError, Fields};
use crate::model::ids::{CampaignUuid, DialingUuid, DlUuid, DlmaUuid};
use crate::model::refusal::{NounKind, Refusal};

/// How many contacts are listed where `Count` does not say.
pub(super) const DEFAULT_COUNT: u32 = 100;
const MOST: u32 = 100_000;
/// Contacts that are read at once.
const PAGE: u32 = 500;

pub(super) async fn show(kind: NounKind, fields: &Fields, handle: &Handle, replies: &Replies) {
    let names = names::of(kind);
    let listed = async {
        if let Some(uuid) = wanted(fields, "Uuid")? {
            let noun = nouns::one(handle, kind, uuid).await?;
            return Ok(Listed::Whole(vec![noun.ok_or_else(|| no_such(kind, "Uuid", uuid))?]));
        }
        if kind == NounKind::Dl {
            return contacts(fields, handle).await.map(Listed::Contacts);
        }
        nouns::all(handle, kind, MOST).await.map(Listed::Whole)
    };
    match listed.await {
        Err(why) => replies.error(&refused(kind, &why)).await,
        Ok(listed) => {
            replies.send(response::list_start(replies.id(), names.will_follow)).await;
            let sent = match listed {
                Listed::Whole(nouns) => Ok(send_all(names.entry, &nouns, replies).await),
                Listed::Contacts(contacts) => send_contacts(contacts, handle, replies).await,
            };
            end(names.complete, sent, replies).await;
        }
    }
}

pub(super) async fn show_stat(fields: &Fields, handle: &Handle, replies: &Replies) {
    let read = async {
        let only = wanted(fields, "Uuid")?;
        let stats = match only {
            None => handle.records().stats().await?,
            Some(uuid) => {
                let stat = handle.records().stat(CampaignUuid::new(uuid)).await?;
                vec![stat.ok_or_else(|| no_such(NounKind::Campaign, "Uuid", uuid))?]
            }
        };
        let paced = handle.pacing(only.map(CampaignUuid::new)).await?;
        let mut items = Vec::new();
        for stat in &stats {
            let mut item = render::stat(response::list_item(replies.id(), "OutCampaignStatEntry"), stat);
            if let Some(pacing) = paced.iter().find(|pacing| pacing.campaign == stat.uuid) {
                item = pacing::further(item, pacing, handle).await?;
            }
            items.push(item);
        }
        Ok(items)
    };
    match read.await {
        Err(why) => replies.error(&refused(NounKind::Campaign, &why)).await,
        Ok(items) => {
            let sent = Sent { items: items.len(), last: None };
            replies.send(response::list_start(replies.id(), "Campaign Stat List will follow")).await;
            for item in items {
                replies.send(item.finish_lossy()).await;
            }
            end("OutCampaignStatListComplete", Ok(sent), replies).await;
        }
    }
}

enum Listed {
    Whole(Vec<Noun>),
    Contacts(Contacts),
}

/// Contacts, the first of them read.
struct Contacts {
    dlma: Option<DlmaUuid>,
    left: u32,
    page: Vec<Noun>,
}

async fn contacts(fields: &Fields, handle: &Handle) -> Result<Contacts, RequestError> {
    let count = fields.number("Count", 1..=MOST, "").map_err(Refusal::from)?.unwrap_or(DEFAULT_COUNT);
    let dlma = wanted(fields, "DlmaUuid")?.map(DlmaUuid::new);
    if let Some(dlma) = dlma
        && handle.records().dlma(dlma).await?.is_none()
    {
        return Err(no_such(NounKind::Dlma, "DlmaUuid", dlma.uuid()));
    }
    let after = wanted(fields, "After")?.map(DlUuid::new);
    if let Some(after) = after
        && !handle.records().was_dl(after).await?
    {
        return Err(no_such(NounKind::Dl, "After", after.uuid()));
    }
    let mut contacts = Contacts { dlma, left: count, page: Vec::new() };
    contacts.turn(handle, after).await?;
    Ok(contacts)
}

impl Contacts {
    /// Reads the page behind `last`.
    async fn turn(&mut self, handle: &Handle, last: Option<DlUuid>) -> Result<(), RequestError> {
        let page = handle.records().dls(self.dlma, self.left.min(PAGE), last).await?;
        self.left -= u32::try_from(page.len()).unwrap_or(self.left).min(self.left);
        self.page = page.into_iter().map(Noun::Dl).collect();
        Ok(())
    }
}

/// What was sent.
struct Sent {
    items: usize,
    /// The last one, where others come after it that were not asked for.
    last: Option<DlUuid>,
}

/// What was sent, or how much before what kept the rest back.
type Ended = Result<Sent, (usize, RequestError)>;

async fn send_contacts(mut contacts: Contacts, handle: &Handle, replies: &Replies) -> Ended {
    let mut items = 0;
    while let Some(last) = contacts.page.last() {
        let last = DlUuid::new(nouns::uuid(last));
        items += send_all(names::of(NounKind::Dl).entry, &contacts.page, replies).await.items;
        if contacts.left == 0 {
            let more = handle.records().dls(contacts.dlma, 1, Some(last)).await;
            let more = more.map_err(|why| (items, why.into()))?;
            return Ok(Sent { items, last: (!more.is_empty()).then_some(last) });
        }
        contacts.turn(handle, Some(last)).await.map_err(|why| (items, why))?;
    }
    Ok(Sent { items, last: None })
}

async fn send_all(entry: &str, nouns: &[Noun], replies: &Replies) -> Sent {
    for noun in nouns {
        let item = response::list_item(replies.id(), entry);
        replies.send(render::headers(item, noun).finish_lossy()).await;
    }
    Sent { items: nouns.len(), last: None }
}

/// Closes the list; one that broke off says so, so that nobody takes a part for the whole, and so does one of which there
/// is more.
async fn end(complete: &str, ended: Ended, replies: &Replies) {
    let end = match ended {
        Ok(Sent { items, last }) => {
            let end = response::list_complete(replies.id(), complete, items);
            match last {
                Some(last) => end.header("After", last.to_string()),
                None => end,
            }
        }
        Err((items, why)) => {
            error!(%why, list = complete, items, "a list broke off");
            MessageBuilder::new("Event", complete)
                .echo(replies.id())
                .header("EventList", "Cancelled")
                .header("ListItems", items.to_string())
                .header("Message", why.to_string())
        }
    };
    replies.send(end.finish_lossy()).await;
}

/// The uuid under that name; none where it is missing or empty, which is the same to Asterisk.
fn wanted(fields: &Fields, name: &str) -> Result<Option<Uuid>, RequestError> {
    match fields.raw(name) {
        None | Some("") => Ok(None),
        // Whichever id: they all have the one form.
        Some(_) => {
            let id: DialingUuid = fields.required_uuid(name).map_err(Refusal::from)?;
            Ok(Some(id.uuid()))
        }
    }
}

fn no_such(noun: NounKind, field: &'static str, uuid: Uuid) -> RequestError {
    Refusal::NoSuch { noun, field, uuid: uuid.to_string() }.into()
}

/// The original's text where it has one: it looks a malformed uuid up, and finds nothing.
fn refused(kind: NounKind, why: &RequestError) -> String {
    match why {
        RequestError::Refused(Refusal::NoSuch { noun, .. }) => format!("No such {}: {why}", noun.word()),
        RequestError::Refused(Refusal::Field(
            FieldError::Missing { field, .. } | FieldError::Invalid { field, .. },
        )) if field == "Uuid" => format!("No such {}: {why}", kind.word()),
        RequestError::Refused(Refusal::Field(
            FieldError::Missing { field, .. } | FieldError::Invalid { field, .. },
        )) if field == "DlmaUuid" => format!("No such {}: {why}", NounKind::Dlma.word()),
        RequestError::Refused(_) | RequestError::Store(_) | RequestError::Stopping => {
            format!("Error encountered while showing {}: {why}", names::of(kind).wrong)
        }
    }
}
