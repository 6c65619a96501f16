//! `astout campaign|plan|dlma|dl|destination|dialing …`: what the `out …` lines and the `Out…` actions do, each field an
//! option of its own.

mod desk;
mod fields;
mod table;

use std::io;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand, value_parser};

use self::desk::Desk;
use self::fields::Value;
use super::remote::{Remote, gone, socket_of};
use super::{USAGE, complain};
use crate::model::refusal::NounKind;

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
    Stat,
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
            Verb::Stat,
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
            Self::Stat => "stat",
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
            Self::Stat => command
                .about("Count the contacts of campaigns: in all, finished, available, being dialled, called, held")
                .arg(uuids(noun).required(false))
                .arg(full),
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

/// What is said to a verb that a dialing has not got.
fn no_such(verb: &str) -> String {
    let why = match verb {
        "create" => {
            "a dialing cannot be created: campaigns make them, one for each call that they dial\n\n\
             \x20 astout dl create, astout import   put numbers into a dial list\n\
             \x20 astout campaign start UUID        dials them\n"
        }
        "update" => {
            "a dialing cannot be updated: it is a call under way, with what held when it was dialled\n\n\
             \x20 astout dialing delete UUID        gives it up and hangs up its call\n\
             \x20 astout campaign|plan|dl update    change what is dialled from now on\n"
        }
        other => return format!("unrecognized subcommand '{other}'; dialings have list, show and delete"),
    };
    format!(
        "{why}\nOf the dialings that are there: astout dialing list, show, delete.\nFor one call without a campaign: Action: Originate, which astout relays to Asterisk."
    )
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
        Value::Millis => argument.value_name("TIME"),
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
            // What a dialing has not got is answered by [`no_such`], in words that help.
            let own = own.allow_external_subcommands(noun.kind == NounKind::Dialing);
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
        let noun = NOUNS.iter().find(|noun| noun.word == word);
        if let (Some(noun), Some((verb, _))) = (noun, matches.subcommand())
            && noun.verbs.iter().all(|known| known.word() != verb)
        {
            return Err(clap::Error::raw(ErrorKind::InvalidSubcommand, no_such(verb)));
        }
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
        Verb::Stat => desk.stat(matches),
        Verb::Start => desk.each_line(matches, &status("start")),
        Verb::Pause => desk.each_line(matches, &status("pause")),
        Verb::Stop if matches.get_flag("forcedly") => desk.each_line(matches, &status("stop-forcedly")),
        Verb::Stop => desk.each_line(matches, &status("stop")),
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
        Value::Uuid(_) | Value::Of(_) | Value::Millis | Value::Variables => None,
    });
    let list = (option == "dlma").then_some(NounKind::Dlma);
    kinds.chain(list).next().map(|kind| noun(kind).words)
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
}
