//! Carries out what was asked for: has the daemon execute `out …` lines and actions, and prints what comes of it.

use std::io;

use clap::ArgMatches;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::fields::{self, Value};
use super::{Noun, noun, table};
use crate::ami::builder::Limits;
use crate::ami::{Message, MessageBuilder};
use crate::cli::remote::{Remote, say};
use crate::cli::{OK, REFUSED, USAGE, complain};
use crate::model::refusal::NounKind;

/// Contacts that are asked for at once: what they hold at most fits one answer.
const PAGE: u64 = 50;

/// Where one command is carried out.
pub(super) struct Desk<'a> {
    pub(super) daemon: &'a mut Remote,
    pub(super) noun: &'static Noun,
    pub(super) json: bool,
}

/// What has come of a part of a command: something, or the code that the command ends with.
type Found<T> = io::Result<Result<T, u8>>;

impl Desk<'_> {
    pub(super) fn list(&mut self, matches: &ArgMatches) -> io::Result<u8> {
        let nouns = if self.noun.kind == NounKind::Dl {
            self.contacts(matches.get_one("dlma"), matches.get_one("count").copied())?
        } else {
            self.read(&format!("out show {}", self.noun.words))?.map(items)
        };
        let nouns = match nouns {
            Ok(nouns) => nouns,
            Err(code) => return Ok(code),
        };
        if self.json {
            return Ok(say_json(&Json::Array(nouns)));
        }
        let lines = table::lines(self.noun.kind, &nouns, matches.get_flag("full"));
        let count = match nouns.len() {
            1 => format!("1 {}", self.noun.word),
            count => format!("{count} {}", self.noun.words),
        };
        Ok(say(&format!("{}\n{count}", lines.join("\n"))))
    }

    /// Contacts, a page after the other.
    fn contacts(&mut self, dlma: Option<&String>, count: Option<u64>) -> Found<Vec<Json>> {
        let mut line = "out show dls".to_owned();
        if let Some(dlma) = dlma {
            match self.resolve(NounKind::Dlma, dlma)? {
                Ok(uuid) => line = format!("{line} {uuid}"),
                Err(code) => return Ok(Err(code)),
            }
        }
        let mut nouns = Vec::new();
        loop {
            let left = count.map_or(PAGE, |count| (count - nouns.len() as u64).min(PAGE));
            let last = nouns.last().and_then(uuid_of);
            let after = last.map(|uuid| format!(" after {uuid}")).unwrap_or_default();
            let page = match self.read(&format!("{line} count {left}{after}"))? {
                Ok(page) => items(page),
                Err(code) => return Ok(Err(code)),
            };
            let whole = page.len() as u64 == left;
            nouns.extend(page);
            if !whole || count == Some(nouns.len() as u64) {
                return Ok(Ok(nouns));
            }
        }
    }

    pub(super) fn show(&mut self, matches: &ArgMatches) -> io::Result<u8> {
        let uuid = of(matches).next().cloned().unwrap_or_default();
        Ok(match self.find(self.noun.kind, &uuid)? {
            Ok(noun) if self.json => say_json(&noun),
            Ok(noun) => say(&detail(&noun)),
            Err(code) => code,
        })
    }

    pub(super) fn create(&mut self, matches: &ArgMatches) -> io::Result<u8> {
        let mut fields = match self.fields(matches)? {
            Ok(fields) => fields,
            Err(code) => return Ok(code),
        };
        fields.extend(matches.get_one::<String>("uuid").map(|uuid| ("Uuid".to_owned(), uuid.clone())));
        let answer = self.act("Create", &fields)?;
        Ok(match answer {
            Ok(uuid) if self.json => say_json(&json!({ "uuid": uuid })),
            Ok(uuid) => say(&uuid),
            Err(code) => code,
        })
    }

    pub(super) fn update(&mut self, matches: &ArgMatches) -> io::Result<u8> {
        let uuid = of(matches).next().cloned().unwrap_or_default();
        let uuid = match self.resolve(self.noun.kind, &uuid)? {
            Ok(uuid) => uuid,
            Err(code) => return Ok(code),
        };
        let mut fields = match self.fields(matches)? {
            Ok(fields) => fields,
            Err(code) => return Ok(code),
        };
        if fields.is_empty() {
            let noun = self.noun.word;
            let why = format!("nothing to change: give a field, such as --name; see {noun} update --help");
            return Ok(complain(USAGE, why));
        }
        fields.insert(0, ("Uuid".to_owned(), uuid.to_string()));
        Ok(match self.act("Update", &fields)? {
            Ok(_) => self.done("updated", uuid),
            Err(code) => code,
        })
    }

    pub(super) fn delete(&mut self, matches: &ArgMatches) -> io::Result<u8> {
        let mut worst = OK;
        for uuid in of(matches) {
            let code = match self.resolve(self.noun.kind, uuid)? {
                Ok(uuid) => match self.act("Delete", &[("Uuid".to_owned(), uuid.to_string())])? {
                    Ok(_) => self.done("deleted", uuid),
                    Err(code) => code,
                },
                Err(code) => code,
            };
            worst = worst.max(code);
        }
        Ok(worst)
    }

    /// How far campaigns have come, with their names.
    pub(super) fn stat(&mut self, matches: &ArgMatches) -> io::Result<u8> {
        let mut action = MessageBuilder::action("OutCampaignStatShow");
        if let Some(uuid) = of(matches).next() {
            match self.resolve(self.noun.kind, uuid)? {
                Ok(uuid) => action = action.header("Uuid", uuid.to_string()),
                Err(code) => return Ok(code),
            }
        }
        let campaigns = match self.read(&format!("out show {}", self.noun.words))?.map(items) {
            Ok(campaigns) => campaigns,
            Err(code) => return Ok(code),
        };
        let entries = match self.daemon.list(action)? {
            Ok(entries) => entries,
            Err(why) => return Ok(complain(REFUSED, why)),
        };
        let stats: Vec<Json> = entries.iter().map(|entry| counts(entry, &campaigns)).collect();
        if self.json {
            return Ok(say_json(&Json::Array(stats)));
        }
        Ok(say(&table::of(self.noun.kind, table::STAT, &stats, matches.get_flag("full")).join("\n")))
    }

    /// Has the daemon execute that line with each of the uuids.
    pub(super) fn each_line(&mut self, matches: &ArgMatches, line: &str) -> io::Result<u8> {
        let mut worst = OK;
        for uuid in of(matches) {
            let code = match self.daemon.command(&format!("{line} {}", word(uuid)))? {
                Ok(_) if self.json => say_json(&json!({ "uuid": uuid })),
                Ok(text) => say(&text),
                Err(why) => complain(REFUSED, why),
            };
            worst = worst.max(code);
        }
        Ok(worst)
    }

    fn done(&self, what: &str, uuid: Uuid) -> u8 {
        if self.json { say_json(&json!({ "uuid": uuid })) } else { say(&format!("{what} {uuid}")) }
    }

    /// The fields that were given, uuids that were cut short made whole.
    fn fields(&mut self, matches: &ArgMatches) -> Found<Vec<(String, String)>> {
        let mut fields = Vec::new();
        for field in fields::of(self.noun.kind) {
            // Not every field is an option of every verb.
            for text in matches.try_get_many::<String>(field.name).ok().flatten().into_iter().flatten() {
                let value = match field.value {
                    Value::Uuid(kind) if !text.is_empty() => match self.resolve(kind, text)? {
                        Ok(uuid) => uuid.to_string(),
                        Err(code) => return Ok(Err(code)),
                    },
                    Value::Millis => match fields::millis(field, text) {
                        Ok(ms) => ms,
                        Err(why) => return Ok(Err(complain(USAGE, why))),
                    },
                    Value::Uuid(_) | Value::Of(_) | Value::Variables => text.clone(),
                };
                fields.push((field.name.to_owned(), value));
            }
        }
        for text in matches.get_many::<String>("other").into_iter().flatten() {
            let Some((name, value)) = text.split_once('=') else {
                return Ok(Err(complain(USAGE, format!("--set {text}: allowed: FIELD=VALUE"))));
            };
            let options = |name: &str| matches.try_contains_id(name).is_ok();
            if let Some(why) = fields::unknown(self.noun.kind, name, options) {
                return Ok(Err(complain(USAGE, why)));
            }
            fields.push((name.to_owned(), value.to_owned()));
        }
        Ok(Ok(fields))
    }

    /// Has the daemon do that; gives the uuid that its answer has, where it has one.
    fn act(&mut self, what: &str, fields: &[(String, String)]) -> Found<String> {
        let action = MessageBuilder::action(&format!("Out{}{what}", self.noun.action));
        let action = fields.iter().fold(action, |action, (name, value)| action.header(name, value));
        let action = match action.finish_within(Limits::OWN) {
            Ok(action) => action,
            Err(why) => return Ok(Err(complain(USAGE, format!("this cannot be sent: {why}")))),
        };
        let answer = self.daemon.ask(&action)?;
        for warning in answer.all("Warning") {
            complain(OK, format!("warning: {warning}"));
        }
        let text = |name| answer.get(name).unwrap_or_default().into_owned();
        Ok(if answer.is_success() { Ok(text("Uuid")) } else { Err(complain(REFUSED, text("Message"))) })
    }

    /// The uuid of the noun that is meant.
    fn resolve(&mut self, kind: NounKind, text: &str) -> Found<Uuid> {
        if let Ok(uuid) = Uuid::try_parse(text) {
            return Ok(Ok(uuid));
        }
        Ok(match self.find(kind, text)? {
            Ok(noun) => {
                uuid_of(&noun).ok_or_else(|| complain(REFUSED, format!("the daemon shows no uuid of {text}")))
            }
            Err(code) => Err(code),
        })
    }

    /// The record of the noun that is meant.
    fn find(&mut self, kind: NounKind, text: &str) -> Found<Json> {
        self.read(&format!("out show {} {}", noun(kind).word, word(text)))
    }

    fn read(&mut self, line: &str) -> Found<Json> {
        Ok(self.daemon.json(line)?.map_err(|why| complain(REFUSED, why)))
    }
}

/// What an entry of OutCampaignStatShow counts.
fn counts(entry: &Message, campaigns: &[Json]) -> Json {
    let uuid = entry.get("Uuid").unwrap_or_default();
    let campaign = campaigns.iter().find(|campaign| campaign["uuid"] == *uuid);
    let count = |name| entry.get(name).and_then(|count| count.parse::<u64>().ok());
    json!({
        "uuid": uuid,
        "name": campaign.map(|campaign| &campaign["name"]),
        "status": campaign.map(|campaign| &campaign["status"]),
        "dl_total_count": count("DlTotalCount"),
        "dl_finished_count": count("DlFinishedCount"),
        "dl_available_count": count("DlAvailableCount"),
        "dl_dialing_count": count("DlDialingCount"),
        "dl_called_count": count("DlCalledCount"),
        "dl_held_count": count("DlHeldCount"),
    })
}

fn of(matches: &ArgMatches) -> impl Iterator<Item = &String> {
    matches.get_many("of").into_iter().flatten()
}

fn items(list: Json) -> Vec<Json> {
    match list {
        Json::Array(items) => items,
        one => vec![one],
    }
}

fn uuid_of(noun: &Json) -> Option<Uuid> {
    Uuid::try_parse(noun["uuid"].as_str()?).ok()
}

/// The text as one word of a line.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A noun, a line each value that is set.
fn detail(noun: &Json) -> String {
    let mut pairs = Vec::new();
    collect(noun, &mut pairs);
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines = pairs.iter().map(|(name, value)| format!("{name:<width$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn collect<'a>(noun: &'a Json, pairs: &mut Vec<(&'a str, String)>) {
    for (name, value) in noun.as_object().into_iter().flatten() {
        match value {
            // What a dialing was decided on is what it shows, once more in whole: for programs.
            Json::Object(_) if name.starts_with("info_") => {}
            Json::Object(_) => collect(value, pairs),
            Json::Null => {}
            Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                pairs.push((name, table::text(value)));
            }
        }
    }
}

fn say_json(value: &Json) -> u8 {
    say(&format!("{value:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_has_a_line_for_what_is_set() {
        let noun =
            json!({"uuid": "a", "name": null, "j_dialing": {"dial_addr": "300", "info_camp": {"x": 1}}});
        assert_eq!(detail(&noun), "uuid       a\ndial_addr  300");
    }
}
