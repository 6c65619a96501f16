//! The door that operators speak AMI to, over a real socket, with a real store, engine and driver behind it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "manager/actions.rs"]
mod actions;
#[path = "manager/client.rs"]
mod client;
#[path = "manager/command.rs"]
mod command;
#[path = "manager/control_characters.rs"]
mod control_characters;
#[path = "manager/creations.rs"]
mod creations;
#[path = "manager/daemon.rs"]
mod daemon;
#[path = "manager/list.rs"]
mod list;
#[path = "manager/login.rs"]
mod login;
#[path = "manager/made.rs"]
mod made;
#[path = "manager/plan.rs"]
mod plan;
#[path = "manager/schedule.rs"]
mod schedule;
#[path = "manager/sessions.rs"]
mod sessions;
#[path = "manager/status.rs"]
mod status;
#[path = "manager/tutorial.rs"]
mod tutorial;
