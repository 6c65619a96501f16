//! `astout check` by itself: right records hold, and each way to spoil them is found and named.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod others;
mod records;
mod spoilt;
#[path = "../support/mod.rs"]
mod support;
mod unread;
