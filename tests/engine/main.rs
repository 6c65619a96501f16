//! The engine in a world that it can be held to: every fate of a call, every order of its events, every gate.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod calendar;
mod call;
mod calling;
mod campaign;
mod chaos;
mod coverage;
mod day;
mod dialled;
mod explain;
mod interleaving;
mod limits;
mod link;
mod pbx;
mod place;
mod predictive;
mod preview;
mod promises;
mod queue;
mod records;
mod schedule;
mod store;
mod world;
