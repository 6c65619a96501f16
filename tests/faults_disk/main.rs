//! The disk cases of the fault matrix, 41 to 52: dialing stops, calls go on, nothing is lost, and it goes on by itself, or
//! the daemon ends and says why.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod broken;
mod database;
mod log;
mod power;
mod scene;
#[path = "../support/mod.rs"]
mod support;
