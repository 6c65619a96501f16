//! The `out …` command lines.

use super::actions::Replies;
use crate::daemon::handle::Handle;
use crate::model::fields::Fields;

/// Runs the line.
pub(super) async fn perform(_fields: &Fields, _handle: &Handle, replies: &Replies) {
    replies.error("No command provided").await;
}
