//! The command line: what can be typed, one file a subcommand, and the exit codes (sysexits) that they end with.

mod backup;
mod check;
pub mod check_config;
mod control;
mod doctor;
mod import;
mod migrate;
mod nouns;
mod prompt;
mod remote;
mod sandbox;
mod serve;
mod simulate;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config;

/// All went well.
const OK: u8 = 0;
/// The daemon answered with an error, or what was checked is not right.
const REFUSED: u8 = 1;
/// The arguments were wrong.
const USAGE: u8 = 64;
/// What was given to read holds nothing that can be taken.
const DATA: u8 = 65;
/// Something that is needed is not there, or is another's.
const UNAVAILABLE: u8 = 69;
/// What must not happen did.
const INTERNAL: u8 = 70;
/// A file cannot be read or written.
const IO: u8 = 74;
/// The configuration is wrong.
const CONFIG: u8 = 78;

#[derive(Debug, Parser)]
#[command(
    name = "astout",
    version,
    about = "An outbound dialer beside Asterisk: campaigns over AMI, nobody dialled twice, no result lost.",
    after_help = "Examples:\n  astout check-config --config /etc/astout/astout.toml\n  astout serve --config \
                  /etc/astout/astout.toml\n  astout -rx \"out show campaigns\"\n  astout campaign list\n  astout import --dlma UUID leads.csv \
                  --dry-run\n  astout doctor\n  astout check\n  astout simulate day.json\n\nExit codes: 0 fine, 1 refused by the daemon or found \
                  wrong, 64 usage, 65 nothing to take, 69 unavailable, 70 internal, 74 IO, 78 config",
    arg_required_else_help = true
)]
struct Arguments {
    /// The configuration.
    #[arg(long, global = true, display_order = 100, value_name = "FILE", default_value_os_t = config::default_path().to_owned())]
    config: PathBuf,
    /// Talk to the running daemon (as `asterisk -r`): a prompt; from a pipe, a command a line.
    #[arg(short = 'r')]
    remote: bool,
    /// Execute one command, such as "out show campaigns" or "campaign list", in place of the prompt.
    #[arg(short = 'x', value_name = "COMMAND")]
    execute: Option<String>,
    /// Print JSON in place of tables.
    #[arg(long, global = true, display_order = 101)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon in the foreground; logs go to stderr, SIGTERM stops it
    Serve {
        /// Log in JSON, a line an event.
        #[arg(long)]
        log_json: bool,
    },
    /// Tell the running daemon to end: nothing more is dialled, what rings is waited for 20 s, calls that are up stay up
    Stop(control::Stop),
    /// Tell the running daemon to dial no more and to end with its last call; says how many are left
    Drain,
    /// Have the running daemon read its configuration anew; 78 where it is wrong, and the running one stays
    Reload,
    /// Say whether the configuration is right: every mistake with its line and what is allowed
    CheckConfig,
    /// Run a PBX that speaks AMI and rings nobody, to rehearse a campaign on
    Sandbox(sandbox::Arguments),
    /// Play a campaign's days under virtual time, with the engine's own pacing: several settings side by side
    Simulate(simulate::Arguments),
    /// Say whether the promises held: reads database and result log, and what others have seen; 1 if not
    Check(check::Arguments),
    /// Put the contacts of a CSV file into a dial list; cut off, the same command goes on where it was
    Import(import::Arguments),
    /// Say why a campaign, a contact or a number is not being dialled right now: every gate, and what it saw
    Explain {
        /// The uuid of a campaign or of a contact, or a number.
        what: String,
    },
    /// Write database, configuration and your own dialplan into one file; safe while the daemon runs
    Backup(backup::Arguments),
    /// Put a backup back; what was there is kept aside, campaigns are paused, and no daemon may run
    Restore(backup::Arguments),
    /// Take over the database of an original installation, tries included
    Migrate(migrate::Arguments),
    /// Say whether everything is there that dialing needs, and what to do; 1 where something does not work
    Doctor(doctor::Arguments),
    /// Print what completes astout's commands in a shell: source <(astout completions bash)
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// What the daemon dials with, a subcommand a noun.
    #[command(flatten)]
    Noun(nouns::Asked),
}

/// Does what the arguments ask for; gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where neither stdout nor stderr takes it, the exit code still tells.
            drop(error.print());
            return if error.use_stderr() { USAGE } else { OK };
        }
    };
    let environment = config::process_environment();
    match (arguments.execute, arguments.command) {
        (Some(_), Some(_)) => complain(USAGE, "-x goes without a subcommand"),
        (None, Some(_)) if arguments.remote => complain(USAGE, "-r goes without a subcommand"),
        (None, None) if arguments.remote => prompt::run(&arguments.config, environment, arguments.json),
        (Some(line), None) => prompt::line(&arguments.config, environment, &line, arguments.json),
        (None, Some(Command::Serve { log_json })) => serve::run(&arguments.config, environment, log_json),
        (None, Some(Command::Stop(how))) => control::stop(&arguments.config, environment, &how),
        (None, Some(Command::Drain)) => control::drain(&arguments.config, environment),
        (None, Some(Command::Reload)) => control::reload(&arguments.config, environment),
        (None, Some(Command::CheckConfig)) => {
            check_config::run(&arguments.config, environment, &mut std::io::stdout().lock())
        }
        (None, Some(Command::Sandbox(sandbox))) => sandbox::run(sandbox),
        (None, Some(Command::Simulate(what))) => simulate::run(&what, arguments.json),
        (None, Some(Command::Check(what))) => {
            check::run(&arguments.config, environment, what, arguments.json)
        }
        (None, Some(Command::Import(what))) => {
            import::run(&arguments.config, environment, &what, arguments.json)
        }
        (None, Some(Command::Explain { what })) => {
            let line = format!("out explain {what}");
            prompt::line(&arguments.config, environment, &line, arguments.json)
        }
        (None, Some(Command::Backup(what))) => backup::back_up(&arguments.config, environment, &what),
        (None, Some(Command::Restore(what))) => backup::restore(&arguments.config, environment, &what),
        (None, Some(Command::Migrate(what))) => {
            migrate::run(&arguments.config, environment, &what, arguments.json)
        }
        (None, Some(Command::Doctor(how))) => {
            doctor::run(&arguments.config, environment, &how, arguments.json)
        }
        (None, Some(Command::Completions { shell })) => completions(shell),
        (None, Some(Command::Noun(asked))) => {
            nouns::run(&arguments.config, environment, &asked, arguments.json)
        }
        (None, None) => complain(USAGE, "nothing to do; see astout --help"),
    }
}

fn completions(shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "astout", &mut script);
    printed(std::io::stdout().lock().write_all(&script), OK)
}

/// The exit code of what has been printed. Who stops reading, as `head` does, has what they want.
fn printed(done: std::io::Result<()>, code: u8) -> u8 {
    match done {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => complain(IO, why),
        Ok(()) | Err(_) => code,
    }
}

/// Says what is wrong on stderr; gives the exit code back.
fn complain(code: u8, why: impl std::fmt::Display) -> u8 {
    // Where stderr is closed, the exit code still tells.
    drop(writeln!(std::io::stderr().lock(), "astout: {why}"));
    code
}
