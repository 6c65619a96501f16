//! How many calls the agents of a queue could take: one file a mode.

pub mod agents;
pub mod power;
