//! The fault matrix's cases of Asterisk and its connection (20 to 40), and of astout's own clients (55, 56, 59, 60): each
//! test's name begins with the number of its case. Those that can be had on a real Asterisk run on it too. Each says what
//! it saw on its output.
//!
//! Longer than by default, in seconds: `ASTOUT_FAULTS_STOP` (case 25, 12), `ASTOUT_FAULTS_FLOOD` (case 34, 5); fewer
//! connections than 10,000 in case 56: `ASTOUT_FAULTS_CONNECTIONS`.

#![expect(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a failure is a failed test; a case owns its PBX, which ends with it"
)]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod clients;
mod measure;
mod network;
mod noise;
mod records;
mod scene;
mod stopped;
mod trunk;
mod unknown;
