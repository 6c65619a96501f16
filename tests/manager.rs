//! The door that operators speak AMI to, over a real socket, with a real store, engine and driver behind it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "manager/client.rs"]
mod client;
#[path = "manager/daemon.rs"]
mod daemon;
#[path = "manager/tutorial.rs"]
mod tutorial;
