//! `astout -r`: the prompt on a terminal of the test's own, and what a pipe gets.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use support::ami::PATIENCE;
use support::daemon::Daemon;

/// Nobody listens there: the daemon waits for an Asterisk.
const NOWHERE: &str = "127.0.0.1:9";

/// A prompt on a terminal.
struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<Mutex<String>>,
    /// What was looked at already.
    seen: usize,
}

impl Terminal {
    fn open(daemon: &Daemon) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let line = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let end = || Stdio::from(line.try_clone().unwrap());
        let child = command(daemon).stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        drop(line);
        let keys = File::from(keys);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut reader, shown) = (keys.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            // An error is how a terminal tells that its other end is closed.
            while let Ok(count @ 1..) = reader.read(&mut part) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&part[..count]));
            }
        });
        let mut terminal = Self { child, keys, screen, seen: 0 };
        terminal.shows("astout> ");
        terminal
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen shows that, behind what was waited for before.
    fn shows(&mut self, text: &str) {
        let since = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap().clone();
            if let Some(found) = screen[self.seen..].find(text) {
                self.seen += found + text.len();
                return;
            }
            assert!(since.elapsed() < PATIENCE, "no {text:?} in {:?}", &screen[self.seen..]);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn code(mut self) -> i32 {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            assert!(since.elapsed() < PATIENCE, "{:?}", self.screen.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn command(daemon: &Daemon) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_astout"));
    command.args(["-r", "--config"]).arg(daemon.path("astout.toml"));
    command.env("XDG_STATE_HOME", daemon.path("state")).env("TERM", "xterm");
    command
}

fn piped(daemon: &Daemon, lines: &str) -> (i32, String, String) {
    let mut child =
        command(daemon).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn start() -> Daemon {
    Daemon::start_beside(NOWHERE, "user", "secret", "")
}

#[test]
fn a_command_is_typed_completed_and_answered() {
    let daemon = start();
    let plan = daemon.client().create("OutPlanCreate", &[("Name", "sales"), ("TechName", "sip/")]);
    let mut terminal = Terminal::open(&daemon);
    terminal.press("out sh\tplans\r");
    terminal.shows("out show ");
    terminal.shows("DialTimeout");
    terminal.shows(&plan);
    terminal.shows("astout> ");

    // Its name stands for its uuid.
    terminal.press("out show plan sal\t\r");
    terminal.shows(&plan);
    terminal.shows(&format!("Plan detail info. plan-uuid[{plan}]"));
    terminal.shows("astout> ");

    terminal.press("plan li\t\r");
    terminal.shows("plan list ");
    terminal.shows("RETRY DELAY");
    terminal.shows("1 plan");
    terminal.shows("astout> ");

    terminal.press("plan delete --nonsense\r");
    terminal.shows("unexpected argument");
    terminal.shows("astout> ");
    terminal.press("\x04");
    assert_eq!(terminal.code(), 0);
}

#[test]
fn control_c_throws_the_line_away_and_control_d_leaves() {
    let daemon = start();
    let mut terminal = Terminal::open(&daemon);
    terminal.press("out create nonsense\x03");
    terminal.shows("astout> ");
    terminal.press("out show dlmas\r");
    terminal.shows("Table");
    terminal.shows("astout> ");
    terminal.press("\x04");
    assert_eq!(terminal.code(), 0);
    assert!(!history(&daemon).contains("nonsense"));
}

fn history(daemon: &Daemon) -> String {
    fs::read_to_string(daemon.path("state").join(Path::new("astout/history"))).unwrap()
}

#[test]
fn lines_are_remembered_from_one_prompt_to_the_next() {
    let daemon = start();
    let mut terminal = Terminal::open(&daemon);
    terminal.press("out show dialings\r");
    terminal.shows("Channel");
    terminal.shows("astout> ");
    terminal.press("exit\r");
    assert_eq!(terminal.code(), 0);
    assert!(history(&daemon).ends_with("out show dialings\n"));

    let mut terminal = Terminal::open(&daemon);
    terminal.press("\x1b[A");
    terminal.shows("out show dialings");
    terminal.press("\r");
    terminal.shows("Channel");
    terminal.shows("astout> ");
    terminal.press("quit\r");
    assert_eq!(terminal.code(), 0);
}

#[test]
fn a_daemon_that_was_started_anew_is_found_again() {
    let mut daemon = start();
    let mut terminal = Terminal::open(&daemon);
    daemon.kill();
    daemon.run();
    terminal.press("out show plans\r");
    terminal.shows("connected again");
    terminal.shows("astout> ");
    terminal.press("out show plans\r");
    terminal.shows("DialTimeout");
    terminal.press("\x04");
    assert_eq!(terminal.code(), 0);
}

#[test]
fn a_pipe_gets_no_prompt_and_the_exit_code_of_the_worst() {
    let daemon = start();
    let (code, text, said) =
        piped(&daemon, "# two commands\n\nout show plans\ndlma create --name \"one list\"\n");
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(text.starts_with("Uuid ") && !text.contains("astout>"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");

    let (code, text, said) = piped(&daemon, "out show plan beefbeef\nplan show\ndlma list\n");
    assert_eq!(code, 64, "{said}");
    assert!(said.contains("No such plan") && said.contains("Usage"), "{said}");
    assert!(text.contains("one list"), "what is wrong stops nobody: {text}");
    assert_eq!(piped(&daemon, "out show plan beefbeef\nexit\nplan show\n").0, 1);
}

#[test]
fn a_line_that_lacks_its_out_is_answered_with_the_one_that_is_meant() {
    let daemon = start();
    let (code, _, said) = piped(&daemon, "explain 4711\n");
    assert_eq!(code, 1);
    assert!(said.contains("did you mean: out explain 4711"), "{said}");
}

#[test]
fn a_quote_that_is_not_closed_is_refused_with_words_and_creates_nothing() {
    let daemon = start();
    for (line, ends) in [("plan create --name \"open", 64), ("out create campaign Name=\"open", 1)] {
        let (code, text, said) = piped(&daemon, &format!("{line}\n"));
        assert_eq!((code, text.as_str()), (ends, ""), "{line}: {said}");
        assert!(said.contains("a quote is opened and not closed"), "{line}: {said}");
    }
    let (_, text, _) = piped(&daemon, "plan list\ncampaign list\n");
    assert!(text.contains("0 plans") && text.contains("0 campaigns"), "{text}");
}

#[test]
fn without_a_daemon_there_is_no_prompt_but_69() {
    let daemon = Daemon::prepared(NOWHERE, "user", "secret", "");
    let (code, _, said) = piped(&daemon, "out show plans\n");
    assert_eq!(code, 69);
    assert!(said.contains("ctl.sock") && said.contains("serve"), "{said}");
}
