//! `astout -r`: a prompt that takes the `out …` lines and `campaign list` and the like; with a pipe as its input no prompt,
//! a command a line, and the exit code of the worst.

mod complete;

use std::cell::RefCell;
use std::env;
use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::{Command, FromArgMatches, Subcommand};
use rustyline::config::{BellStyle, Configurer};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor};

use self::complete::Completion;
use super::nouns::{self, Asked};
use super::remote::{self, Remote, gone, say, socket_of};
use super::{IO, OK, USAGE, complain};
use crate::manager::command::{FORMS, OPEN_QUOTE, words};

const PROMPT: &str = "astout> ";
/// Lines that are remembered.
const REMEMBERED: usize = 1000;

/// Serves who types, or what a pipe brings, until its end.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, json: bool) -> u8 {
    let socket = match socket_of(path, environment) {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    let daemon = match Remote::connect(Ok(socket.clone())) {
        Ok(daemon) => Rc::new(RefCell::new(daemon)),
        Err(code) => return code,
    };
    let mut desk = Desk { socket, daemon, json };
    if io::stdin().is_terminal() { desk.prompt() } else { desk.read() }
}

/// Executes one line that may be of either style.
pub(super) fn line(path: &Path, environment: Vec<(String, String)>, line: &str, json: bool) -> u8 {
    match Remote::connect(socket_of(path, environment)) {
        Ok(mut daemon) => execute(&mut daemon, line, json).unwrap_or_else(|why| gone(&why)),
        Err(code) => code,
    }
}

struct Desk {
    socket: PathBuf,
    daemon: Rc<RefCell<Remote>>,
    json: bool,
}

/// What a line asks for.
enum Asks {
    Nothing,
    Help,
    Leave,
    /// Something of the daemon.
    Work,
}

impl Desk {
    /// A command a line; an empty one, and one that begins with `#`, is passed over.
    fn read(&mut self) -> u8 {
        let mut worst = OK;
        for line in io::stdin().lock().lines() {
            let line = match line {
                Ok(line) => line,
                Err(why) => return complain(IO, format!("what is to be executed cannot be read: {why}")),
            };
            let code = match asks(&line) {
                Asks::Nothing => OK,
                Asks::Leave => break,
                Asks::Help => help(),
                Asks::Work => match execute(&mut self.daemon.borrow_mut(), &line, self.json) {
                    Ok(code) => code,
                    // What follows may build on it.
                    Err(why) => return gone(&why),
                },
            };
            worst = worst.max(code);
        }
        worst
    }

    fn prompt(&mut self) -> u8 {
        let mut editor = match self.editor() {
            Ok(editor) => editor,
            Err(why) => return complain(IO, format!("the terminal cannot be used: {why}")),
        };
        let kept = history();
        if let Some(file) = &kept {
            // The first time there is none.
            drop(editor.load_history(file));
        }
        say("Tab completes, help lists what there is, Ctrl-D leaves");
        loop {
            let line = match editor.readline(PROMPT) {
                Ok(line) => line,
                // The line is thrown away, as in a shell.
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => break,
                Err(why) => return complain(IO, format!("the terminal cannot be read: {why}")),
            };
            match asks(&line) {
                Asks::Nothing => continue,
                Asks::Leave => break,
                Asks::Help => _ = help(),
                Asks::Work => self.work(&line),
            }
            if editor.add_history_entry(line.trim_end()).unwrap_or(false)
                && let Some(file) = &kept
            {
                // A prompt whose history cannot be kept is a prompt.
                drop(editor.append_history(file));
            }
        }
        OK
    }

    /// Executes a line; a daemon that was started anew since is connected to again.
    fn work(&mut self, line: &str) {
        let done = execute(&mut self.daemon.borrow_mut(), line, self.json);
        let Err(why) = done else { return };
        gone(&why);
        if let Ok(daemon) = Remote::connect(Ok(self.socket.clone())) {
            *self.daemon.borrow_mut() = daemon;
            complain(OK, "connected again; whether the last command was carried out is not known");
        }
    }

    fn editor(&self) -> rustyline::Result<Editor<Completion, DefaultHistory>> {
        let config = Config::builder()
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .bell_style(BellStyle::None)
            .max_history_size(REMEMBERED)?
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_auto_add_history(false);
        editor.set_helper(Some(Completion::new(grammar(), Rc::clone(&self.daemon))));
        Ok(editor)
    }
}

fn asks(line: &str) -> Asks {
    match line.trim() {
        "" => Asks::Nothing,
        line if line.starts_with('#') => Asks::Nothing,
        "help" | "?" | "core show help" => Asks::Help,
        "exit" | "quit" => Asks::Leave,
        _ => Asks::Work,
    }
}

fn help() -> u8 {
    let grammar = grammar();
    let nouns = grammar.get_subcommands().map(|noun| {
        let verbs: Vec<&str> = noun.get_subcommands().map(Command::get_name).collect();
        format!("{} {}", noun.get_name(), verbs.join("|"))
    });
    let rest = ["NOUN VERB --help", "help", "exit"].map(str::to_owned);
    let lines = FORMS.iter().map(|form| (*form).to_owned()).chain(nouns).chain(rest);
    say(&lines.collect::<Vec<_>>().join("\n"))
}

/// The commands in today's style, as they are typed at a prompt.
fn grammar() -> Command {
    let command = Command::new("astout").no_binary_name(true).disable_help_subcommand(true);
    let json = clap::Arg::new("json").long("json").global(true).action(clap::ArgAction::SetTrue);
    Asked::augment_subcommands(command.arg(json.help("Print JSON in place of tables")))
}

/// Has one line executed: those of [`Asked`] here, every other by the daemon.
fn execute(daemon: &mut Remote, line: &str, json: bool) -> io::Result<u8> {
    let (words, open) = words(line);
    if !words.first().is_some_and(|first| Asked::has_subcommand(first)) {
        return remote::execute(daemon, line, json);
    }
    if open {
        return Ok(complain(USAGE, OPEN_QUOTE));
    }
    let read = grammar().try_get_matches_from(words);
    match read.and_then(|matches| Ok((Asked::from_arg_matches(&matches)?, matches.get_flag("json")))) {
        Ok((asked, in_json)) => nouns::execute(daemon, &asked, json || in_json),
        Err(error) => {
            // Where neither stdout nor stderr takes it, the exit code still tells.
            drop(error.print());
            Ok(if error.use_stderr() { USAGE } else { OK })
        }
    }
}

/// Where lines are remembered; the directory is made.
fn history() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    let directory = state.join("astout");
    fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_ask_for_nothing() {
        for line in ["", "  ", "# out show plans"] {
            assert!(matches!(asks(line), Asks::Nothing), "{line}");
        }
        assert!(matches!(asks(" exit "), Asks::Leave));
        assert!(matches!(asks("out show plans"), Asks::Work));
    }
}
