//! The simulated world of `astout simulate`: callees, agents and virtual time, no sockets. The pacing is the engine's own.
//!
//! | file | subject |
//! |---|---|
//! | [`scenario`], [`curve`] | what a day is like: the scenario file |
//! | [`draws`] | chance, counted and not drawn from a stream |
//! | [`staff`] | the agents, and the seconds that they spent |
//! | [`policy`] | who decides how many are dialled |
//! | [`world`] | a day, event by event |
//! | [`outcome`] | what came of it: the row of the CSV, and each hour |
//! | [`report`], `chart` | several settings side by side: the table, the hours, and which one to take |
//! | [`learn`] | a scenario from a result log |

mod chart;
pub mod curve;
pub mod draws;
pub mod learn;
pub mod outcome;
pub mod policy;
pub mod report;
pub mod scenario;
pub mod staff;
pub mod world;

pub use outcome::Outcome;
pub use policy::Policy;
pub use scenario::Scenario;
pub use world::{run, run_watched};
