//! `astout campaign|plan|dlma|dl|destination|dialing …`: what the `out …` lines and the `Out…` actions do, each field an
//! option of its own.

mod fields;
mod table;

use std::io;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand, value_parser};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use self::fields::Value;
use super::remote::{Remote, gone, say, socket_of};
use super::{OK, REFUSED, USAGE, complain};
use crate::ami::MessageBuilder;
use crate::ami::builder::Limits;
use crate::model::refusal::NounKind;

/// Contacts that are asked for at once: what they hold at most fits one answer.
const PAGE: u64 = 50;

/// A noun on the command line.
#[derive(Debug)]
struct Noun {
    kind: NounKind,
    /// Its subcommand, and what `out show` calls one.
    word: &'static str,
    /// What `out show` calls all of them.
    words: &'static str,
    /// In the names of actions: `Out<this>Create`.
    action: &'static str,
    about: &'static str,
    verbs: &'static [Verb],
}

/// What can be done with a noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    List,
    Show,
    Create,
    Update,
    Delete,
    Start,
    Pause,
    Stop,
}

const ALL: &[Verb] = &[Verb::List, Verb::Show, Verb::Create, Verb::Update, Verb::Delete];

const NOUNS: [Noun; 6] = [
    Noun {
        kind: NounKind::Campaign,
        word: "campaign",
        words: "campaigns",
        action: "Campaign",
        about: "Campaigns: a plan, a dial list and a destination put to work",
        verbs: &[
            Verb::List,
            Verb::Show,
            Verb::Create,
            Verb::Update,
            Verb::Delete,
            Verb::Start,
            Verb::Pause,
            Verb::Stop,
        ],
    },
    Noun {
        kind: NounKind::Plan,
        word: "plan",
        words: "plans",
        action: "Plan",
        about: "Plans: how numbers are dialled, how often, and by which trunk",
        verbs: ALL,
    },
    Noun {
        kind: NounKind::Dlma,
        word: "dlma",
        words: "dlmas",
        action: "Dlma",
        about: "Dial list masters: the heads of dial lists",
        verbs: ALL,
    },
    Noun {
        kind: NounKind::Dl,
        word: "dl",
        words: "dls",
        action: "DlList",
        about: "Contacts of dial lists, each with up to eight numbers (many at once: astout import)",
        verbs: ALL,
    },
    Noun {
        kind: NounKind::Destination,
        word: "destination",
        words: "destinations",
        action: "Destination",
        about: "Destinations: where answered calls go",
        verbs: ALL,
    },
    Noun {
        kind: NounKind::Dialing,
        word: "dialing",
        words: "dialings",
        action: "Dialing",
        about: "Dialings: calls that have not ended",
        verbs: &[Verb::List, Verb::Show, Verb::Delete],
    },
];

fn noun(kind: NounKind) -> &'static Noun {
    // Every kind has its row: a test walks them.
    NOUNS.iter().find(|noun| noun.kind == kind).unwrap_or(&NOUNS[0])
}

impl Verb {
    const fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Show => "show",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Stop => "stop",
        }
    }

    /// What it does to a noun of that kind, and the options that it has there.
    fn command(self, noun: &'static Noun) -> Command {
        let (one, all) = (noun.word, noun.words);
        let command = Command::new(self.word());
        let full = Arg::new("full").long("full").action(ArgAction::SetTrue).help("Cut no value");
        match self {
            Self::List if noun.kind == NounKind::Dl => command
                .about("List contacts, all or those of one dial list")
                .arg(uuid_option("dlma", "The dial list"))
                .arg(
                    Arg::new("count")
                        .long("count")
                        .value_name("N")
                        .value_parser(value_parser!(u64).range(1..))
                        .help("So many at most"),
                )
                .arg(full),
            Self::List => command.about(format!("List the {all}")).arg(full),
            Self::Show => {
                command.about(format!("Show a {one} with all that is known of it")).arg(uuids(noun))
            }
            Self::Create => {
                let fields = fields::of(noun.kind).iter();
                let args = fields.map(|field| argument(field).required(field.name == "DlmaUuid"));
                let uuid = Arg::new("uuid")
                    .long("uuid")
                    .value_name("UUID")
                    .help("Its uuid, where it is to bring one");
                command
                    .about(format!("Create a {one}, and print its uuid"))
                    .args(args)
                    .arg(uuid)
                    .arg(others())
            }
            Self::Update => {
                let fields = fields::of(noun.kind).iter().filter(|field| field.name != "DlmaUuid");
                command
                    .about(format!("Change fields of a {one}; an empty value unsets a field"))
                    .arg(uuids(noun))
                    .args(fields.map(argument))
                    .arg(others())
            }
            Self::Delete if noun.kind == NounKind::Dialing => command
                .about("Give up dialings that are not answered, and hang up their calls")
                .arg(many(noun)),
            Self::Delete => {
                command.about(format!("Delete {all} that no running campaign uses")).arg(many(noun))
            }
            Self::Start => command.about("Start campaigns").arg(many(noun)),
            Self::Pause => command.about("Pause campaigns: calls go on, nobody is dialled").arg(many(noun)),
            Self::Stop => {
                let forcedly = Arg::new("forcedly").long("forcedly").action(ArgAction::SetTrue);
                command
                    .about("Stop campaigns: they end with the last of their calls")
                    .arg(many(noun))
                    .arg(forcedly.help("Hang up the calls that are there"))
            }
        }
    }
}

fn uuids(noun: &Noun) -> Arg {
    let help = format!("The {}: its uuid, or the first characters that no other has", noun.word);
    Arg::new("of").value_name("UUID").required(true).help(help)
}

fn many(noun: &Noun) -> Arg {
    uuids(noun).num_args(1..)
}

fn uuid_option(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("UUID").help(help)
}

fn others() -> Arg {
    Arg::new("other")
        .long("set")
        .value_name("FIELD=VALUE")
        .action(ArgAction::Append)
        .help("Any other field, by its name in AMI")
}

fn argument(field: &'static fields::Field) -> Arg {
    let argument = Arg::new(field.name).long(field.option()).help(field.help);
    match field.value {
        Value::Of(what) => argument.value_name(what),
        Value::Uuid(_) => argument.value_name("UUID"),
        Value::Variables => argument.value_name("NAME=VALUE").action(ArgAction::Append),
    }
}

/// What was asked for: a noun's subcommand with its options.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    word: String,
    matches: ArgMatches,
}

impl Subcommand for Asked {
    fn augment_subcommands(command: Command) -> Command {
        NOUNS.iter().fold(command, |command, noun| {
            let verbs = noun.verbs.iter().map(|verb| verb.command(noun));
            let own = Command::new(noun.word).about(noun.about).subcommands(verbs);
            command.subcommand(own.subcommand_required(true).arg_required_else_help(true))
        })
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        NOUNS.iter().any(|noun| noun.word == name)
    }
}

impl FromArgMatches for Asked {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (word, matches) =
            matches.subcommand().ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
        Ok(Self { word: word.to_owned(), matches: matches.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Does what was asked for, and prints what comes of it.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, asked: &Asked, json: bool) -> u8 {
    match Remote::connect(socket_of(path, environment)) {
        Ok(mut daemon) => execute(&mut daemon, asked, json).unwrap_or_else(|why| gone(&why)),
        Err(code) => code,
    }
}

/// The same of a daemon that is connected to; an error is a daemon that says nothing.
pub(super) fn execute(daemon: &mut Remote, asked: &Asked, json: bool) -> io::Result<u8> {
    let known = NOUNS.iter().find(|noun| noun.word == asked.word);
    let verb = asked.matches.subcommand();
    let found = known.zip(verb).and_then(|(noun, (word, matches))| {
        let verb = noun.verbs.iter().find(|verb| verb.word() == word)?;
        Some((noun, *verb, matches))
    });
    // What clap has read is of this table.
    let Some((noun, verb, matches)) = found else { return Ok(complain(USAGE, "nothing to do; see --help")) };
    let mut desk = Desk { daemon, noun, json };
    let status = |word| format!("out set status {word} on");
    match verb {
        Verb::List => desk.list(matches),
        Verb::Show => desk.show(matches),
        Verb::Create => desk.create(matches),
        Verb::Update => desk.update(matches),
        Verb::Delete => desk.delete(matches),
        Verb::Start => desk.each_line(matches, &status("start")),
        Verb::Pause => desk.each_line(matches, &status("pause")),
        Verb::Stop if matches.get_flag("forcedly") => desk.each_line(matches, &status("stop-forcedly")),
        Verb::Stop => desk.each_line(matches, &status("stop")),
    }
}

/// Where one command is carried out.
struct Desk<'a> {
    daemon: &'a mut Remote,
    noun: &'static Noun,
    json: bool,
}

/// What has come of a part of a command: something, or the code that the command ends with.
type Found<T> = io::Result<Result<T, u8>>;

impl Desk<'_> {
    fn list(&mut self, matches: &ArgMatches) -> io::Result<u8> {
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

    fn show(&mut self, matches: &ArgMatches) -> io::Result<u8> {
        let uuid = of(matches).next().cloned().unwrap_or_default();
        Ok(match self.find(self.noun.kind, &uuid)? {
            Ok(noun) if self.json => say_json(&noun),
            Ok(noun) => say(&detail(&noun)),
            Err(code) => code,
        })
    }

    fn create(&mut self, matches: &ArgMatches) -> io::Result<u8> {
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

    fn update(&mut self, matches: &ArgMatches) -> io::Result<u8> {
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

    fn delete(&mut self, matches: &ArgMatches) -> io::Result<u8> {
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

    /// Has the daemon execute that line with each of the uuids.
    fn each_line(&mut self, matches: &ArgMatches, line: &str) -> io::Result<u8> {
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
                    Value::Uuid(_) | Value::Of(_) | Value::Variables => text.clone(),
                };
                fields.push((field.name.to_owned(), value));
            }
        }
        for text in matches.get_many::<String>("other").into_iter().flatten() {
            let Some((name, value)) = text.split_once('=') else {
                return Ok(Err(complain(USAGE, format!("--set {text}: allowed: FIELD=VALUE"))));
            };
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

/// What `out show` calls all nouns of that subcommand.
pub(super) fn all_of(word: &str) -> Option<&'static str> {
    NOUNS.iter().find(|noun| noun.word == word).map(|noun| noun.words)
}

/// The same of the nouns whose uuid that option takes.
pub(super) fn uuid_in(option: &str) -> Option<&'static str> {
    let fields = NOUNS.iter().flat_map(|noun| fields::of(noun.kind));
    let kinds = fields.filter_map(|field| match field.value {
        Value::Uuid(kind) if field.name == option => Some(kind),
        Value::Uuid(_) | Value::Of(_) | Value::Variables => None,
    });
    let list = (option == "dlma").then_some(NounKind::Dlma);
    kinds.chain(list).next().map(|kind| noun(kind).words)
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
pub(super) fn word(text: &str) -> String {
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
    fn every_kind_of_noun_has_its_row() {
        for kind in NOUNS.iter().map(|noun| noun.kind) {
            assert_eq!(noun(kind).kind, kind);
        }
        assert_eq!(noun(NounKind::Dialing).word, "dialing");
    }

    #[test]
    fn the_commands_are_as_clap_wants_them() {
        Asked::augment_subcommands(Command::new("astout")).debug_assert();
    }

    #[test]
    fn a_detail_has_a_line_for_what_is_set() {
        let noun =
            json!({"uuid": "a", "name": null, "j_dialing": {"dial_addr": "300", "info_camp": {"x": 1}}});
        assert_eq!(detail(&noun), "uuid       a\ndial_addr  300");
    }
}
