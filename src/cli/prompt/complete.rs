//! Completion at the prompt: words of the `out …` forms and of the commands in today's style, and uuids of what is there,
//! which a name completes to as well.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use clap::Command;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::cli::nouns;
use crate::cli::remote::Remote;
use crate::manager::command::{FORMS, words};

/// What begins a line without being a command of the daemon.
const OURS: [&str; 2] = ["help", "exit"];

pub(super) struct Completion {
    grammar: Command,
    daemon: Rc<RefCell<Remote>>,
}

/// What may stand at a place.
#[derive(Debug, Default, PartialEq, Eq)]
struct Next {
    words: BTreeSet<String>,
    /// The uuid of a noun, by what `out show` calls all of them.
    uuid_of: Option<&'static str>,
}

impl Completion {
    pub(super) fn new(grammar: Command, daemon: Rc<RefCell<Remote>>) -> Self {
        Self { grammar, daemon }
    }

    /// The nouns of that kind that are there: their uuids and names. A daemon that is gone has none.
    fn there(&self, nouns: &str) -> Vec<(String, String)> {
        let Ok(Ok(list)) = self.daemon.borrow_mut().json(&format!("out show {nouns}")) else {
            return Vec::new();
        };
        let text = |noun: &serde_json::Value, key| noun[key].as_str().unwrap_or_default().to_owned();
        let list = list.as_array().into_iter().flatten();
        list.map(|noun| (text(noun, "uuid"), text(noun, "name"))).collect()
    }
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..at];
        let start = before.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
        let begun = &before[start..];
        let next = next(&words(&before[..start]).0, &self.grammar);
        let begins = |text: &str| text.to_lowercase().starts_with(&begun.to_lowercase());
        let words = next.words.iter().filter(|word| begins(word));
        let mut pairs: Vec<Pair> =
            words.map(|word| Pair { display: word.clone(), replacement: format!("{word} ") }).collect();
        for (uuid, name) in next.uuid_of.map(|nouns| self.there(nouns)).unwrap_or_default() {
            if begins(&uuid) || begins(&name) {
                let display = format!("{uuid} {name}").trim_end().to_owned();
                pairs.push(Pair { display, replacement: format!("{uuid} ") });
            }
        }
        Ok((start, pairs))
    }
}

impl Hinter for Completion {
    type Hint = String;
}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}

/// What may stand behind those words.
fn next(given: &[String], grammar: &Command) -> Next {
    let mut next = of_forms(given);
    let ours = of_grammar(given, grammar);
    next.words.extend(ours.words);
    next.uuid_of = next.uuid_of.or(ours.uuid_of);
    if given.is_empty() {
        next.words.extend(OURS.map(str::to_owned));
    }
    next
}

/// By the `out …` forms: a word of theirs in small letters is typed as it stands, one with `|` in it is one of several.
fn of_forms(given: &[String]) -> Next {
    let mut next = Next::default();
    for form in FORMS {
        let places: Vec<&str> = form.split(' ').map(|place| place.trim_matches(['[', ']'])).collect();
        let fits = places.len() > given.len()
            && given.iter().zip(&places).all(|(word, place)| is_placeholder(place) || one_of(place, word));
        if !fits {
            continue;
        }
        let place = places[given.len()];
        if is_placeholder(place) {
            next.uuid_of =
                next.uuid_of.or(place.contains("UUID").then(|| noun_of(&places[..given.len()], place)));
        } else {
            next.words.extend(place.split('|').map(str::to_owned));
        }
    }
    next
}

fn is_placeholder(place: &str) -> bool {
    place.chars().any(|c| c.is_uppercase() || matches!(c, '=' | '…'))
}

fn one_of(place: &str, word: &str) -> bool {
    place.split('|').any(|allowed| allowed.eq_ignore_ascii_case(word))
}

/// Whose uuid stands behind the words of a form.
fn noun_of(places: &[&str], place: &str) -> &'static str {
    match places {
        _ if place.contains("DLMA") => "dlmas",
        [.., "list"] => "dlmas",
        [.., "after"] => "dls",
        [.., "plan"] => "plans",
        [.., "dlma"] => "dlmas",
        [.., "dl"] => "dls",
        [.., "destination"] => "destinations",
        [.., "dialing"] => "dialings",
        // `out … campaign`, and `out set status … on`.
        _ => "campaigns",
    }
}

/// By the commands of today's style: subcommands, then options and the uuid that they are about.
fn of_grammar(given: &[String], grammar: &Command) -> Next {
    let mut next = Next::default();
    let mut command = grammar;
    let mut rest = given;
    while let [word, behind @ ..] = rest {
        let Some(below) = command.find_subcommand(word) else { break };
        (command, rest) = (below, behind);
    }
    if command.has_subcommands() {
        if rest.is_empty() {
            next.words.extend(command.get_subcommands().map(|below| below.get_name().to_owned()));
        }
        return next;
    }
    let takes = |word: &str| {
        let option = word.strip_prefix("--")?;
        let argument = command.get_arguments().find(|argument| argument.get_long() == Some(option))?;
        argument.get_action().takes_values().then_some(argument)
    };
    if let Some(argument) = rest.last().and_then(|last| takes(last)) {
        next.uuid_of = nouns::uuid_in(argument.get_id().as_str());
        return next;
    }
    next.words.extend(command.get_arguments().filter_map(|one| Some(format!("--{}", one.get_long()?))));
    if command.get_positionals().next().is_some() {
        next.uuid_of = given.first().and_then(|noun| nouns::all_of(noun));
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(line: &str) -> Next {
        next(&words(line).0, &crate::cli::prompt::grammar())
    }

    fn words_behind(line: &str) -> Vec<String> {
        behind(line).words.into_iter().collect()
    }

    #[test]
    fn the_words_of_the_forms_complete() {
        assert_eq!(words_behind("out set status"), ["pause", "start", "stop", "stop-forcedly"]);
        assert_eq!(words_behind("out set status pause"), ["on"]);
        assert!(words_behind("out show").contains(&"dlmas".to_owned()));
        assert_eq!(words_behind("out show dlma"), ["list"]);
        assert!(words_behind("").contains(&"campaign".to_owned()));
        assert!(words_behind("").contains(&"out".to_owned()));
        assert!(words_behind("nonsense").is_empty());
    }

    #[test]
    fn where_a_uuid_stands_those_of_that_noun_complete() {
        for (line, nouns) in [
            ("out show campaign", "campaigns"),
            ("out set status start on", "campaigns"),
            ("out delete campaign", "campaigns"),
            ("out show dlma list", "dlmas"),
            ("out show dlma", "dlmas"),
            ("out show dls", "dlmas"),
            ("out show dls abcd count 5 after", "dls"),
            ("out show dl", "dls"),
            ("out show dialing", "dialings"),
            ("plan show", "plans"),
            ("campaign update --plan", "plans"),
            ("campaign create --dest", "destinations"),
            ("dl list --dlma", "dlmas"),
            ("dl delete a b", "dls"),
        ] {
            assert_eq!(behind(line).uuid_of, Some(nouns), "{line}");
        }
        for line in ["out show", "plan", "plan create", "plan update --name", "dl list --count"] {
            assert_eq!(behind(line).uuid_of, None, "{line}");
        }
    }

    #[test]
    fn subcommands_and_options_complete() {
        assert_eq!(words_behind("dialing"), ["delete", "list", "show"]);
        let options = words_behind("plan create");
        assert!(options.contains(&"--dial-mode".to_owned()) && options.contains(&"--max-retry1".to_owned()));
    }
}
