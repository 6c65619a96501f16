//! What the tests share: an AMI client, a real Asterisk, the daemon itself.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test crate uses its own part")]

pub mod ami;
pub mod daemon;
pub mod lab;
pub mod scenario;
