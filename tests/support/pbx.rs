//! What a test dials on: a real Asterisk or the sandbox, told apart by nobody.

use std::path::PathBuf;

use super::ami::Client;
use super::lab::Lab;

/// A PBX of a test's own.
pub trait Pbx {
    /// `ASTERISK_AMI`, `ASTERISK_USER`, `ASTERISK_SECRET`, and what else the lab's `env` prints.
    fn get(&self, name: &str) -> &str;

    /// What it has written down of its calls itself, as `astout check` takes it: the option and its file.
    fn witness(&self) -> (&'static str, PathBuf);

    /// A client of somebody who looks from outside, and may do everything.
    fn admin(&self) -> Client {
        Client::login(
            self.get("ASTERISK_AMI"),
            self.get("ASTERISK_ADMIN_USER"),
            self.get("ASTERISK_ADMIN_SECRET"),
        )
    }
}

impl Pbx for Lab {
    fn get(&self, name: &str) -> &str {
        Lab::get(self, name)
    }

    fn witness(&self) -> (&'static str, PathBuf) {
        ("--cdr", self.get("ASTERISK_CDR").into())
    }
}
