//! What a test dials on: a real Asterisk or the sandbox, told apart by nobody.

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

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

/// A PBX whose process can be broken.
pub trait Breakable: Pbx {
    /// Its process.
    fn pid(&self) -> u32;

    /// SIGKILL, and waits for the end.
    fn kill(&mut self);

    /// Starts it again, at the same address.
    fn start_again(&mut self);

    /// Stops its process where it stands.
    fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends it a signal.
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
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

impl Breakable for Lab {
    fn pid(&self) -> u32 {
        self.get("ASTERISK_PID").parse().unwrap()
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn start_again(&mut self) {
        Self::start_again(self);
    }
}
