//! `UserEvent(OutDlCreate,DlmaUuid: …,Number1: …)`: contacts of whoever reaches only Asterisk, its dialplan or an AMI client of
//! its. The headers are those of `OutDlListCreate`; `Dlma` is the same as `DlmaUuid`, and `Variables` are several by colons.
//!
//! **No answer goes back, and nothing is promised**: an event that comes while astout is away, or more of them at once than
//! wait here, is lost, and whoever sends it again because he has not seen the contact may make it twice. A `UKey` keeps it
//! at one: the second is refused. That a contact was made is told by `OutDlListCreate`, as always; a refusal is logged.
//!
//! Whoever may send a UserEvent at Asterisk may make contacts by this, with no user of astout's: it is off unless
//! `[agi] user_events = true`.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Said;
use crate::daemon::handle::Handle;
use crate::model::fields::Fields;

/// Makes the contacts that come, one after the other, until `stop`.
pub async fn take(mut events: mpsc::Receiver<Fields>, handle: Handle, stop: CancellationToken) {
    loop {
        let fields = tokio::select! {
            fields = events.recv() => fields,
            () = stop.cancelled() => return,
        };
        let Some(fields) = fields else { return };
        let Said { status, detail, .. } = super::create(fields, &handle).await;
        if status == "OK" {
            debug!(contact = detail, "a UserEvent made a contact");
        } else {
            warn!(status, detail, "a UserEvent OutDlCreate made no contact");
        }
    }
}
