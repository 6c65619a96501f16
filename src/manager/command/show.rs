//! `out show …`: tables of lists, and single nouns in full.

use serde::Serialize;
use serde_json::{Value, json};

use super::line::Contacts;
use super::{Output, table};
use crate::daemon::handle::{Handle, RequestError};
use crate::manager::nouns;
use crate::model::event::Noun;
use crate::model::ids::{DialingUuid, DlUuid, DlmaUuid};
use crate::model::refusal::{NounKind, Refusal};
use crate::model::result;

/// Contacts in one answer, at most.
const CONTACTS: u32 = 500;
/// Contacts among which a uuid that is cut short is looked for.
const CONTACTS_SEARCHED: u32 = 10_000;
/// Of a uuid that is cut short so much has to be there.
const SHORTEST: usize = 4;

pub(super) async fn list(kind: NounKind, json: bool, handle: &Handle) -> Result<Output, String> {
    let nouns = nouns::all(handle, kind, CONTACTS).await.map_err(failed)?;
    shown(kind, &nouns, json)
}

/// Contacts of one list, or of all.
pub(super) async fn contacts(which: &Contacts, json: bool, handle: &Handle) -> Result<Output, String> {
    let dlma = match &which.dlma {
        Some(dlma) => Some(DlmaUuid::new(nouns::uuid(&find(NounKind::Dlma, dlma, handle).await?))),
        None => None,
    };
    let after = match &which.after {
        Some(dl) => Some(DlUuid::new(nouns::uuid(&find(NounKind::Dl, dl, handle).await?))),
        None => None,
    };
    let count = which.count.unwrap_or(CONTACTS).min(CONTACTS);
    let read = handle.records().dls(dlma, count + 1, after).await.map_err(|why| failed(why.into()))?;
    let all = read.len() <= count as usize;
    let contacts: Vec<Noun> = read.into_iter().take(count as usize).map(Noun::Dl).collect();
    let mut output = shown(NounKind::Dl, &contacts, json)?;
    if let (false, false, None, Some(last)) = (all, json, which.count, contacts.last()) {
        output.push(format!("(the first {count}; out show dls … after {} shows more)", nouns::uuid(last)));
    }
    Ok(output)
}

/// One noun in full.
pub(super) async fn one(kind: NounKind, uuid: &str, json: bool, handle: &Handle) -> Result<Output, String> {
    let noun = find(kind, uuid, handle).await?;
    let text = serde_json::to_string_pretty(&value(&noun)?).map_err(|why| why.to_string())?;
    let mut output = Vec::new();
    if !json {
        let (title, id) = titles(kind);
        output.push(format!("{title} detail info. {id}-uuid[{}]", nouns::uuid(&noun)));
        output.push(String::new());
    }
    output.extend(text.lines().map(str::to_owned));
    Ok(output)
}

/// The noun of that uuid, or of the only one that begins so.
pub(super) async fn find(kind: NounKind, text: &str, handle: &Handle) -> Result<Noun, String> {
    if let Ok(uuid) = text.parse::<DialingUuid>() {
        let noun = nouns::one(handle, kind, uuid.uuid()).await.map_err(failed)?;
        return noun.ok_or_else(|| no_such(kind, text));
    }
    let text = text.to_ascii_lowercase();
    let is_begin = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !is_begin || text.len() < SHORTEST {
        let word = kind.word();
        return Err(format!(
            "No such {word}: \"{}\" is no uuid; allowed: the uuid of a {word}, or its first {SHORTEST} or more characters",
            text.escape_debug()
        ));
    }
    let nouns = nouns::all(handle, kind, CONTACTS_SEARCHED).await.map_err(failed)?;
    let mut found = nouns.into_iter().filter(|noun| nouns::uuid(noun).to_string().starts_with(&text));
    match (found.next(), found.next()) {
        (None, _) => Err(no_such(kind, &text)),
        (Some(noun), None) => Ok(noun),
        (Some(one), Some(other)) => Err(format!(
            "{text} is the beginning of several: {}, {}{}; give more of it",
            nouns::uuid(&one),
            nouns::uuid(&other),
            if found.next().is_some() { ", …" } else { "" }
        )),
    }
}

fn shown(kind: NounKind, nouns: &[Noun], json: bool) -> Result<Output, String> {
    if !json {
        return Ok(table::lines(kind, nouns));
    }
    let mut lines = vec!["[".to_owned()];
    for (place, noun) in nouns.iter().enumerate() {
        let comma = if place + 1 < nouns.len() { "," } else { "" };
        lines.push(format!("{}{comma}", value(noun)?));
    }
    lines.push("]".to_owned());
    Ok(lines)
}

/// The noun with the keys of its record.
fn value(noun: &Noun) -> Result<Value, String> {
    fn of(record: &impl Serialize) -> Result<Value, serde_json::Error> {
        serde_json::to_value(record)
    }
    let value = match noun {
        Noun::Plan(plan) => of(plan),
        Noun::Dlma(dlma) => of(dlma),
        Noun::Destination(destination) => of(destination),
        Noun::Dl(dl) => of(dl),
        Noun::Campaign(campaign) => of(campaign),
        Noun::Dialing(dialing) => result::so_far(dialing).map(|j_dialing| {
            json!({
                "uuid": dialing.attempt.uuid,
                "status": dialing.progress.status,
                "name": dialing.progress.channel_name,
                "tm_create": dialing.attempt.tm_create,
                "tm_update": dialing.progress.tm_update,
                "tm_delete": null,
                "j_dialing": j_dialing,
            })
        }),
    };
    value.map_err(|why| why.to_string())
}

/// What the first line of a detail calls it, and its uuid.
const fn titles(kind: NounKind) -> (&'static str, &'static str) {
    match kind {
        NounKind::Plan => ("Plan", "plan"),
        NounKind::Dlma => ("Dlma", "dlma"),
        NounKind::Destination => ("Destination", "dest"),
        NounKind::Campaign => ("Campaign", "camp"),
        NounKind::Dl => ("Dl", "dl"),
        NounKind::Dialing => ("Dialing", "dialing"),
    }
}

fn no_such(noun: NounKind, uuid: &str) -> String {
    let refusal = Refusal::NoSuch { noun, field: "Uuid", uuid: uuid.to_owned() };
    format!("No such {}: {refusal}", noun.word())
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn failed(why: RequestError) -> String {
    format!("The records could not be read: {why}")
}
