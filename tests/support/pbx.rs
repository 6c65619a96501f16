//! What a test dials on: a real Asterisk or the sandbox, told apart by nobody.

use super::lab::Lab;

/// A PBX of a test's own.
pub trait Pbx {
    /// `ASTERISK_AMI`, `ASTERISK_USER`, `ASTERISK_SECRET`, and what else the lab's `env` prints.
    fn get(&self, name: &str) -> &str;
}

impl Pbx for Lab {
    fn get(&self, name: &str) -> &str {
        Lab::get(self, name)
    }
}
