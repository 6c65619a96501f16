//! A PBX that speaks AMI and rings nobody: for tests, for the demo without Asterisk, and for whoever wants to see what a
//! campaign would do before it costs money.
//!
//! | file | subject |
//! |---|---|
//! | [`profile`] | who can be called and what they do, trunks, queues, destinations; TOML |
//! | [`world`] | all that is alive, and what is due when; pure, seeded, time is a parameter |
//! | `actions` | the actions, as Asterisk answers them |
//! | `execute`, `call` | an Originate is carried out; the life of its call, event by event |
//! | `destination` | where an answered call goes |
//! | `queue` | queues and agents |
//! | `channel`, `numbers`, `spread` | what a channel shows; what a number's callee does; how long things take |
//! | [`faults`], `flood` | what goes wrong on demand |
//! | [`dial_log`] | the ground truth, for checkers |
//! | [`server`] | the shell: the listener, the sessions, the clock |

mod actions;
mod call;
mod channel;
mod destination;
pub mod dial_log;
mod execute;
pub mod faults;
mod flood;
mod numbers;
pub mod profile;
mod queue;
pub mod server;
mod spread;
pub mod world;

pub use profile::{Profile, ProfileError};
pub use server::{Options, serve};
pub use world::World;

#[cfg(test)]
mod tests;
