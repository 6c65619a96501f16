//! What the tests share: an AMI client, a real Asterisk, the sandbox, the daemon itself.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "each test crate uses its own part, and a failure here is a failed test"
)]

pub mod ami;
pub mod clock;
pub mod daemon;
pub mod disk;
pub mod fates;
pub mod lab;
pub mod list;
pub mod pbx;
pub mod process;
pub mod proxy;
pub mod sandbox;
pub mod scenario;
pub mod tutorial;
pub mod view;
