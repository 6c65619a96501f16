//! A sandbox of a test's own, the binary itself, with a dial log; killed when it is dropped.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::ami::{Client, PATIENCE};
use super::pbx::{Breakable, Pbx};

const USER: &str = "astout";
const SECRET: &str = "sandboxes-secret-of-the-tests";

/// A running sandbox.
pub struct Sandbox {
    dir: TempDir,
    child: Child,
    address: String,
    arguments: Vec<String>,
}

/// Starts the binary and waits until it listens; gives where.
fn spawn(dir: &TempDir, listen: &str, arguments: &[String]) -> (Child, String) {
    let log = fs::File::create(dir.path().join("log")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_astout"))
        .args(["sandbox", "--listen", listen, "--seed", "1", "--username", USER, "--profile"])
        .arg(dir.path().join("profile.toml"))
        .arg("--dial-log")
        .arg(dir.path().join("dialled"))
        .args(arguments)
        .env("ASTOUT_SANDBOX_SECRET", SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = fs::read_to_string(dir.path().join("log")).unwrap();
        if let Some((_, rest)) = said.split_once("sandbox listens on ")
            && let Some((address, _)) = rest.split_once(',')
        {
            return (child, address.to_owned());
        }
        let gone = child.try_wait().unwrap();
        assert!(gone.is_none() && Instant::now() < deadline, "the sandbox did not start: {gone:?}\n{said}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Sandbox {
    /// Starts one on a free port. `profile` is TOML; empty: the default one.
    pub fn up(profile: &str) -> Self {
        Self::up_with(profile, &[])
    }

    /// The same with further arguments.
    pub fn up_with(profile: &str, arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("profile.toml"), profile).unwrap();
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let (child, address) = spawn(&dir, "127.0.0.1:0", &arguments);
        Self { dir, child, address, arguments }
    }

    /// A client that reads every event.
    pub fn client(&self) -> Client {
        Client::login(&self.address, USER, SECRET)
    }

    /// The lines of the dial log.
    pub fn dialled(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.file("dialled")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Those of one kind: `dialled`, `answered`, `ended`, `restarted`.
    pub fn dialled_of(&self, event: &str) -> Vec<Value> {
        self.dialled().into_iter().filter(|line| line["event"] == event).collect()
    }

    /// Restarts, as a SIGKILL and a new start of an Asterisk look from outside: every connection and call is gone, and
    /// the next start has another time.
    pub fn restart(&self) {
        let mut client = self.client();
        client.send(b"Action: SandboxRestart\r\n\r\n");
        // It is done once every connection is closed, this one too.
        let deadline = Instant::now() + PATIENCE;
        while client.read(deadline).is_some() {}
        assert!(Instant::now() < deadline, "the sandbox does not restart");
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Pbx for Sandbox {
    fn get(&self, name: &str) -> &str {
        match name {
            "ASTERISK_AMI" => &self.address,
            "ASTERISK_USER" | "ASTERISK_ADMIN_USER" => USER,
            "ASTERISK_SECRET" | "ASTERISK_ADMIN_SECRET" => SECRET,
            other => panic!("the sandbox has no {other}"),
        }
    }

    fn witness(&self) -> (&'static str, PathBuf) {
        ("--dial-log", self.file("dialled"))
    }
}

impl Breakable for Sandbox {
    fn pid(&self) -> u32 {
        Self::pid(self)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn start_again(&mut self) {
        (self.child, _) = spawn(&self.dir, &self.address, &self.arguments);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
