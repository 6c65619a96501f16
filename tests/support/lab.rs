//! A real Asterisk of a test's own, from `tests/lab/asterisk`; down again when it is dropped.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use astout::ami::Message;

use super::ami::{Client, header};

/// One instance of the lab.
pub struct Lab {
    name: String,
    env: HashMap<String, String>,
}

fn lab(name: &str, arguments: &[&str]) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/lab/asterisk");
    let output = Command::new(script)
        .args(arguments)
        .env("LAB", name)
        .stdin(Stdio::null())
        .output()
        .expect("the lab's script");
    assert!(output.status.success(), "lab {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Lab {
    /// Starts an Asterisk under a name that no other test has.
    pub fn up(name: &str) -> Self {
        let name = format!("t{}-{name}", std::process::id());
        lab(&name, &["up"]);
        let mut lab = Self { name, env: HashMap::new() };
        lab.read_env();
        lab
    }

    fn read_env(&mut self) {
        let text = lab(&self.name, &["env"]);
        self.env = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
    }

    /// One of the values that `env` prints.
    pub fn get(&self, name: &str) -> &str {
        self.env.get(name).unwrap_or_else(|| panic!("the lab gives no {name}"))
    }

    /// Adds to its dialplan, and has it read that.
    pub fn add_dialplan(&self, more: &str) {
        let path = format!("{}/extensions.conf", self.get("ASTERISK_CONF"));
        let text = std::fs::read_to_string(&path).expect("the lab's dialplan");
        std::fs::write(&path, text + more).expect("the lab's dialplan");
        self.cli("dialplan reload");
    }

    /// What a command of its CLI prints.
    pub fn cli(&self, command: &str) -> String {
        lab(&self.name, &["cli", command])
    }

    /// Begins a command of its CLI that does not come back at once.
    pub fn begin_cli(&self, command: &str) {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/lab/asterisk");
        let mut child = Command::new(script)
            .args(["cli", command])
            .env("LAB", &self.name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the lab's script");
        // It ends with the Asterisk that it talks to.
        std::thread::spawn(move || child.wait());
    }

    /// SIGKILL.
    pub fn kill(&self) {
        lab(&self.name, &["kill"]);
    }

    /// Starts it again, on the same ports.
    pub fn start_again(&mut self) {
        lab(&self.name, &["up"]);
        self.read_env();
    }

    /// Has the dialplan run an extension, `exten@context`, with these variables; gives the UserEvent `Told` in which it says
    /// what came of it.
    pub fn told(admin: &mut Client, at: &str, variables: &[(&str, &str)]) -> Message {
        let channel = format!("Local/{at}/n");
        let variables: Vec<String> =
            variables.iter().map(|(name, value)| format!("\"{name}={value}\"")).collect();
        let mut fields =
            vec![("Channel", channel.as_str()), ("Application", "Wait"), ("Data", "5"), ("Async", "true")];
        fields.extend(variables.iter().map(|variable| ("Variable", variable.as_str())));
        admin.done("Originate", &fields);
        admin.wait_for("what was told", |event| header(event, "UserEvent") == "Told")
    }

    /// A client of the user who may do everything: for looking from outside.
    pub fn admin(&self) -> Client {
        Client::login(
            self.get("ASTERISK_AMI"),
            self.get("ASTERISK_ADMIN_USER"),
            self.get("ASTERISK_ADMIN_SECRET"),
        )
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/lab/asterisk");
        // The test's own failure is the one to show.
        drop(Command::new(script).arg("down").env("LAB", &self.name).output());
    }
}
