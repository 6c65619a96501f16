//! Drives: owns the engine, carries out its effects in order, and serves the doors' requests.

pub mod bus;
pub mod clock;
pub mod driver;
pub mod handle;
