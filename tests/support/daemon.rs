//! An astout of a test's own, the binary itself, in a directory of its own. When it is dropped it is killed, and
//! `astout check` looks whether the promises held.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::ami::{Client, PATIENCE};
use super::pbx::Pbx;

/// The user that the tests' configuration has.
pub const USER: &str = "operator";
/// Its secret.
pub const SECRET: &str = "operators-secret-of-the-tests";

/// A running daemon, or one between two runs.
pub struct Daemon {
    dir: TempDir,
    child: Option<Child>,
    port: u16,
    /// What it is started with beside its configuration.
    environment: Vec<(String, String)>,
    /// Its result log.
    results: PathBuf,
    /// What the PBX has written down of its calls.
    witness: Option<(&'static str, PathBuf)>,
    log_level: &'static str,
    /// Why nothing is checked at the end, where a test has broken what no dialer can keep.
    broken: Option<&'static str>,
    /// It was ready once: there is a database.
    has_run: bool,
}

impl Daemon {
    /// Starts one beside that PBX. `more` is TOML after the sections that every test has.
    pub fn start(pbx: &impl Pbx, more: &str) -> Self {
        let mut daemon = Self::beside(pbx, more);
        daemon.run();
        daemon
    }

    /// The same, not started.
    pub fn beside(pbx: &impl Pbx, more: &str) -> Self {
        Self::prepared_at(pbx, pbx.get("ASTERISK_AMI"), &[], more)
    }

    /// The same with so many calls a second at most.
    pub fn start_slow(pbx: &impl Pbx, calls_per_second: u32) -> Self {
        let mut daemon = Self::limited(pbx, calls_per_second, 500);
        daemon.run();
        daemon
    }

    /// The same with so many at once at most, and a log of what people read only.
    pub fn start_limited(pbx: &impl Pbx, calls_per_second: u32, max_channels: u32) -> Self {
        let mut daemon = Self::prepared_limited(pbx, calls_per_second, max_channels);
        daemon.run();
        daemon
    }

    /// The same, not started.
    pub fn prepared_limited(pbx: &impl Pbx, calls_per_second: u32, max_channels: u32) -> Self {
        let mut daemon = Self::limited(pbx, calls_per_second, max_channels);
        daemon.log_level = "info";
        daemon
    }

    fn limited(pbx: &impl Pbx, calls_per_second: u32, max_channels: u32) -> Self {
        let limits = format!("calls_per_second = {calls_per_second}\nmax_channels = {max_channels}");
        Self::prepared_at(pbx, pbx.get("ASTERISK_AMI"), &[("calls_per_second = 200", &limits)], "")
    }

    /// Starts one that finds that PBX at that address, a proxy's. Of its configuration each first text of `edits` is
    /// replaced by the second.
    pub fn start_at(pbx: &impl Pbx, address: &str, edits: &[(&str, &str)], more: &str) -> Self {
        let mut daemon = Self::prepared_at(pbx, address, edits, more);
        daemon.run();
        daemon
    }

    fn prepared_at(pbx: &impl Pbx, address: &str, edits: &[(&str, &str)], more: &str) -> Self {
        let (user, secret) = (pbx.get("ASTERISK_USER"), pbx.get("ASTERISK_SECRET"));
        let mut daemon = Self::prepared(address, user, secret, more);
        let path = daemon.path("astout.toml");
        let mut text = fs::read_to_string(&path).unwrap();
        for (from, to) in edits {
            assert!(text.contains(from), "no {from} in {text}");
            text = text.replace(from, to);
        }
        fs::write(&path, text).unwrap();
        daemon.witness = Some(pbx.witness());
        daemon
    }

    /// Starts one beside an Asterisk at that address, which need not be there.
    pub fn start_beside(asterisk: &str, user: &str, secret: &str, more: &str) -> Self {
        let mut daemon = Self::prepared(asterisk, user, secret, more);
        daemon.run();
        daemon
    }

    /// Writes the configuration and starts nothing.
    pub fn prepared(asterisk: &str, user: &str, secret: &str, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (host, asterisk_port) = asterisk.rsplit_once(':').unwrap();
        let port = free_port();
        let at = dir.path().display();
        let sections = format!(
            r#"
[asterisk]
host = "{host}"
port = {asterisk_port}
username = "{user}"
secret = "{secret}"
calls_per_second = 200

[manager]
listen = "127.0.0.1:{port}"
relay = false
[[manager.user]]
name = "{USER}"
secret = "{SECRET}"
read = ["all"]
write = ["all"]

[http]
listen = ""
[agi]
listen = ""
[cli]
socket = "{at}/ctl.sock"
[database]
url = "sqlite://{at}/astout.sqlite3"
[result]
filename = "{at}/astout.result"
info_enable = true
"#
        );
        fs::write(dir.path().join("astout.toml"), sections + more).unwrap();
        let results = dir.path().join("astout.result");
        Self {
            dir,
            child: None,
            port,
            environment: Vec::new(),
            results,
            witness: None,
            log_level: "debug",
            broken: None,
            has_run: false,
        }
    }

    /// Beside that PBX, not started yet.
    pub fn prepared_beside(pbx: &impl Pbx, more: &str) -> Self {
        let (user, secret) = (pbx.get("ASTERISK_USER"), pbx.get("ASTERISK_SECRET"));
        let mut daemon = Self::prepared(pbx.get("ASTERISK_AMI"), user, secret, more);
        daemon.witness = Some(pbx.witness());
        daemon
    }

    /// Starts one with a door for the dialplan, `more` being further keys of `[agi]`; says where the door is.
    pub fn start_with_agi(pbx: &impl Pbx, more: &str) -> (Self, String) {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let edits = [("[agi]\nlisten = \"\"", &*format!("[agi]\nlisten = \"{free}\"\n{more}"))];
        (Self::start_at(pbx, pbx.get("ASTERISK_AMI"), &edits, ""), free)
    }

    /// Starts one that relays; on a real Asterisk as a user of its own.
    pub fn start_relaying(pbx: &impl Pbx, relay_username: &str, more: &str) -> Self {
        let user = format!("calls_per_second = 200\nrelay_username = \"{relay_username}\"");
        let edits = [("relay = false", "relay = true"), ("calls_per_second = 200", user.as_str())];
        Self::start_at(pbx, pbx.get("ASTERISK_AMI"), &edits, more)
    }

    /// Rewrites its configuration, for the next start.
    pub fn reconfigure(&self, from: &str, to: &str) {
        let path = self.path("astout.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in\n{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }

    /// Has it keep its database there from the next start on.
    pub fn keep_database(&self, at: &Path) {
        let now = self.path("astout.sqlite3");
        self.reconfigure(now.to_str().unwrap(), at.to_str().unwrap());
    }

    /// Has it write its result log there from the next start on.
    pub fn keep_results(&mut self, at: &Path) {
        let now = std::mem::replace(&mut self.results, at.to_owned());
        self.reconfigure(now.to_str().unwrap(), at.to_str().unwrap());
    }

    /// Sets variables for the next start.
    pub fn set_environment(&mut self, variables: &[(&str, &Path)]) {
        for (name, value) in variables {
            self.environment.push(((*name).to_owned(), value.to_str().unwrap().to_owned()));
        }
    }

    /// Starts it and waits until it is ready.
    pub fn run(&mut self) {
        self.run_with(&[]);
    }

    /// The same with these variables in its environment.
    pub fn run_with(&mut self, environment: &[(&str, &str)]) {
        let before = fs::metadata(self.path("log")).map_or(0, |log| log.len());
        self.spawn(environment);
        let ready = |daemon: &mut Self| {
            let gone = daemon.child.as_mut().unwrap().try_wait().unwrap();
            assert!(gone.is_none(), "astout ended with {gone:?}:\n{}", daemon.log());
            daemon.log_from(before).contains("ready").then_some(())
        };
        self.poll("ready", ready);
        self.has_run = true;
    }

    /// Starts it and waits for nothing.
    pub fn spawn(&mut self, environment: &[(&str, &str)]) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_astout"))
            .args(["serve", "--config"])
            .arg(self.path("astout.toml"))
            .env("ASTOUT_LOG", self.log_level)
            .env("ASTOUT_CLOCK_OFFSET_FILE", self.path(super::clock::FILE))
            .envs(self.environment.iter().cloned())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Runs `astout` with these arguments and this daemon's configuration.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_astout"))
            .args(arguments)
            .arg("--config")
            .arg(self.path("astout.toml"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// `astout check`: whatever a test has done, the promises held. Every test ends so by itself, with its daemon killed;
    /// this is for those that ask in between, or while it runs.
    pub fn check(&self) {
        let mut arguments = vec!["check"];
        // Without a call there is no such file.
        if let Some((option, file)) = self.witness.as_ref().filter(|(_, file)| file.exists()) {
            arguments.extend([*option, file.to_str().unwrap()]);
        }
        let output = self.cli(&arguments);
        let (said, failed) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "astout check: {:?}\n{said}{failed}", output.status);
    }

    /// Says why nothing is checked when this one is dropped.
    pub fn not_checked(&mut self, why: &'static str) {
        self.broken = Some(why);
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// A file of its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The address of its AMI server.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The same from that place on: a log of many runs is long.
    fn log_from(&self, place: u64) -> String {
        let mut said = String::new();
        let mut file = fs::File::open(self.path("log")).unwrap();
        file.seek(SeekFrom::Start(place)).unwrap();
        file.read_to_string(&mut said).unwrap();
        said
    }

    /// A client that is logged in and reads every event.
    pub fn client(&self) -> Client {
        Client::login(&self.address(), USER, SECRET)
    }

    /// The result log.
    pub fn results_path(&self) -> &Path {
        &self.results
    }

    /// The lines of the result log. While astout runs its last line may be half written; once it does not, none may.
    pub fn results(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.results).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        assert!(self.child.is_some() || whole == text.len(), "a torn line: {text}");
        let text = &text[..whole];
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// It has not ended.
    pub fn assert_runs(&mut self) {
        let gone = self.child.as_mut().unwrap().try_wait().unwrap();
        assert!(gone.is_none(), "astout ended with {gone:?}:\n{}", self.log());
    }

    /// Starts it where it has to refuse: the exit code, and what it says.
    pub fn refused(&mut self) -> (i32, String) {
        let before = self.log().len();
        self.spawn(&[]);
        let code = self.ended().code().unwrap();
        (code, self.log()[before..].to_owned())
    }

    /// SIGHUP.
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// A signal, as `kill` names it.
    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.ended()
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() >= deadline {
                self.child = Some(child);
                panic!("astout does not end:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks `check` again and again until it gives something.
    pub fn poll<T>(&mut self, what: &str, mut check: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = check(self) {
                return found;
            }
            assert!(Instant::now() < deadline, "{what} did not come within {PATIENCE:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A port that was free a moment ago, for the daemon has to keep it over restarts. Below those that the kernel gives to
/// whoever connects, and that the lab takes.
fn free_port() -> u16 {
    std::iter::repeat_with(|| fastrand::u16(10_000..20_000))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Shown by the test runner with the failure.
            drop(writeln!(std::io::stderr(), "the log of astout:\n{}", self.log()));
        }
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        if !std::thread::panicking() && self.broken.is_none() && self.has_run {
            self.check();
        }
    }
}
