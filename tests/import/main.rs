//! `astout import` as people use it: through a daemon and beside none, whatever the file holds, cut off and gone on with.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod alone;
mod case_57;
mod files;
mod list;
#[path = "../support/mod.rs"]
mod support;
mod through;
