//! Drives: owns the engine, carries out its effects in order, and serves the doors' requests. What is done next is
//! decided by the [`desk`], which has neither clock nor socket; the [`driver`] is the loop around it.

pub mod bus;
pub mod clock;
pub mod control;
pub mod desk;
pub mod dialplan;
pub mod driver;
pub mod handle;
