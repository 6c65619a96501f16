//! The actions: one table says what there is, who may use it, and what it does.

mod change;
mod dialings;
mod list;
pub(super) mod list_commands;
mod preview;
#[cfg(test)]
mod reference;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{command, explain, import, pacing};
use crate::ami::{Class, Message, Privileges, Request, response};
use crate::daemon::control::Control;
use crate::daemon::handle::Handle;
use crate::model::fields::Fields;
use crate::model::preview::Ask;
use crate::model::refusal::NounKind;

/// What an action does.
#[derive(Debug, Clone, Copy)]
enum Does {
    Create(NounKind),
    Update(NounKind),
    Delete(NounKind),
    Show(NounKind),
    ShowStat,
    ShowPacing,
    CountDialings,
    WithdrawDialing,
    BeginImport,
    ImportRows,
    Explain,
    PreviewNext,
    PreviewGo,
    PreviewSkip,
    ShowPreviews,
    Command,
    ListCommands,
}

/// One row of the table.
#[derive(Debug)]
struct Action {
    name: &'static str,
    /// Any of these classes is enough; none is needed where it is empty.
    needs: &'static [Class],
    synopsis: &'static str,
    does: Does,
}

const fn ours(name: &'static str, synopsis: &'static str, does: Does) -> Action {
    Action { name, needs: &[Class::Message], synopsis, does }
}

/// Every action that this door serves, but those of the session itself.
const ACTIONS: [Action; 34] = [
    ours("OutPlanCreate", "Create a plan", Does::Create(NounKind::Plan)),
    ours("OutPlanUpdate", "Update a plan", Does::Update(NounKind::Plan)),
    ours("OutPlanDelete", "Delete a plan", Does::Delete(NounKind::Plan)),
    ours("OutPlanShow", "List plans", Does::Show(NounKind::Plan)),
    ours("OutDlmaCreate", "Create a dial list master", Does::Create(NounKind::Dlma)),
    ours("OutDlmaUpdate", "Update a dial list master", Does::Update(NounKind::Dlma)),
    ours("OutDlmaDelete", "Delete a dial list master", Does::Delete(NounKind::Dlma)),
    ours("OutDlmaShow", "List dial list masters", Does::Show(NounKind::Dlma)),
    ours("OutDestinationCreate", "Create a destination", Does::Create(NounKind::Destination)),
    ours("OutDestinationUpdate", "Update a destination", Does::Update(NounKind::Destination)),
    ours("OutDestinationDelete", "Delete a destination", Does::Delete(NounKind::Destination)),
    ours("OutDestinationShow", "List destinations", Does::Show(NounKind::Destination)),
    ours("OutCampaignCreate", "Create a campaign", Does::Create(NounKind::Campaign)),
    ours("OutCampaignUpdate", "Update a campaign, start, pause or stop it", Does::Update(NounKind::Campaign)),
    ours("OutCampaignDelete", "Delete a campaign", Does::Delete(NounKind::Campaign)),
    ours("OutCampaignShow", "List campaigns", Does::Show(NounKind::Campaign)),
    ours("OutCampaignStatShow", "List how far campaigns have come", Does::ShowStat),
    ours(pacing::SHOW, "List how campaigns for queues are paced", Does::ShowPacing),
    ours("OutDlListCreate", "Create a contact of a dial list", Does::Create(NounKind::Dl)),
    ours("OutDlListUpdate", "Update a contact of a dial list", Does::Update(NounKind::Dl)),
    ours("OutDlListDelete", "Delete a contact of a dial list", Does::Delete(NounKind::Dl)),
    ours("OutDlListShow", "List contacts of dial lists", Does::Show(NounKind::Dl)),
    ours(import::BEGIN, "Begin an import into a dial list, or go on with one", Does::BeginImport),
    ours(import::ROWS, "Take rows of an import", Does::ImportRows),
    ours("OutDialingShow", "List dialings", Does::Show(NounKind::Dialing)),
    ours("OutDialingSummary", "Count dialings", Does::CountDialings),
    ours("OutDialingDelete", "Give up a dialing and hang up its call", Does::WithdrawDialing),
    ours(
        explain::EXPLAIN,
        "Explain why a campaign, a contact or a number is not being dialled now",
        Does::Explain,
    ),
    ours("OutPreviewNext", "Keep a contact for an agent to look at", Does::PreviewNext),
    ours("OutPreviewGo", "Dial the contact that an agent looks at", Does::PreviewGo),
    ours("OutPreviewSkip", "Give back the contact that an agent looks at", Does::PreviewSkip),
    ours("OutPreviewShow", "List contacts that agents look at", Does::ShowPreviews),
    Action {
        name: "Command",
        needs: &[Class::Command, Class::Message],
        synopsis: "Execute an \"out ...\" command line",
        does: Does::Command,
    },
    Action {
        name: "ListCommands",
        needs: &[],
        synopsis: "List available manager commands",
        does: Does::ListCommands,
    },
];

impl Action {
    fn is_allowed(&self, may: Privileges) -> bool {
        is_enough(may, self.needs)
    }
}

/// Any of the classes is enough; none is needed where there are none.
fn is_enough(may: Privileges, needs: &[Class]) -> bool {
    needs.is_empty() || may.intersects(needs.iter().copied().collect())
}

/// Where the messages of one answer go, each with the request's ActionID. Waits while the client has enough unread.
#[derive(Debug)]
pub(super) struct Replies {
    action_id: Option<Bytes>,
    sender: mpsc::Sender<Message>,
}

impl Replies {
    pub(super) fn new(request: &Request, sender: mpsc::Sender<Message>) -> Self {
        Self { action_id: request.action_id().map(Bytes::copy_from_slice), sender }
    }

    /// The ActionID to echo.
    pub(super) fn id(&self) -> Option<&[u8]> {
        self.action_id.as_deref()
    }

    pub(super) async fn send(&self, message: Message) {
        // A client that is gone needs no answer.
        drop(self.sender.send(message).await);
    }

    /// Room for one more message, once the client has taken enough of the others; `None` where it is gone.
    pub(super) async fn place(&self) -> Option<mpsc::Permit<'_, Message>> {
        self.sender.reserve().await.ok()
    }

    pub(super) async fn error(&self, text: &str) {
        self.send(response::error(self.id(), text)).await;
    }
}

/// Whether the request is for Asterisk, where there is a relay; nothing that begins with `Out` is.
pub(super) fn is_for_asterisk(request: &Request) -> bool {
    match ACTIONS.iter().find(|action| request.is(action.name)).map(|action| action.does) {
        Some(Does::Command) => request.get("Command").is_some_and(|line| !command::is_ours(&line)),
        Some(Does::ListCommands) => true,
        Some(_) => false,
        None => !request.name().get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("out")),
    }
}

/// Answers one request of somebody who `may` use actions of these classes.
pub(super) async fn perform(
    request: Request,
    may: Privileges,
    handle: Handle,
    control: Option<Control>,
    replies: Replies,
) {
    let Some(action) = ACTIONS.iter().find(|action| request.is(action.name)) else {
        return replies.send(response::unknown_command(replies.id(), request.name())).await;
    };
    if !action.is_allowed(may) {
        return replies.send(response::permission_denied(replies.id())).await;
    }
    carry_out(action.does, fields(&request), may, &handle, control.as_ref(), &replies).await;
}

/// Whether the request is one of those that are carried out together, where they come together and whoever asks `may`:
/// contacts are created by the thousand, and a commit for each would be what they wait for.
pub(super) fn joins(request: &Request, may: Privileges) -> bool {
    ACTIONS
        .iter()
        .find(|action| request.is(action.name))
        .is_some_and(|action| matches!(action.does, Does::Create(NounKind::Dl)) && action.is_allowed(may))
}

/// Requests that [`joins`] takes, on their way to [`perform_together`].
pub(super) struct Together {
    replies: mpsc::Sender<Message>,
    requests: mpsc::UnboundedSender<(Replies, Fields)>,
}

impl Together {
    pub(super) fn add(&self, request: &Request) {
        let replies = Replies::new(request, self.replies.clone());
        // Where it has ended the answer has too.
        drop(self.requests.send((replies, fields(request))));
    }
}

/// Answers the requests that are added, in their order, until none is left; each waits for its commit, and none for the one
/// before it.
pub(super) fn perform_together(
    handle: Handle,
    replies: mpsc::Sender<Message>,
) -> (Together, impl Future<Output = ()> + Send) {
    let (requests, coming) = mpsc::unbounded_channel();
    let done = async move { change::create_as_they_come(NounKind::Dl, coming, &handle).await };
    (Together { replies, requests }, done)
}

async fn carry_out(
    does: Does,
    fields: Fields,
    may: Privileges,
    handle: &Handle,
    control: Option<&Control>,
    replies: &Replies,
) {
    match does {
        Does::Create(kind) => change::create(kind, fields, handle, replies).await,
        Does::Update(kind) => change::update(kind, fields, handle, replies).await,
        Does::Delete(kind) => change::delete(kind, fields, handle, replies).await,
        Does::Show(kind) => list::show(kind, &fields, handle, replies).await,
        Does::ShowStat => list::show_stat(&fields, handle, replies).await,
        Does::ShowPacing => pacing::show(&fields, handle, replies).await,
        Does::CountDialings => dialings::summary(handle, replies).await,
        Does::WithdrawDialing => dialings::withdraw(&fields, handle, replies).await,
        Does::BeginImport => import::begin(&fields, handle, replies).await,
        Does::ImportRows => import::rows(&fields, handle, replies).await,
        Does::Explain => explain::perform(&fields, handle, replies).await,
        Does::PreviewNext => preview::ask(Ask::next(&fields), handle, replies).await,
        Does::PreviewGo => preview::ask(Ask::go(&fields), handle, replies).await,
        Does::PreviewSkip => preview::ask(Ask::skip(&fields), handle, replies).await,
        Does::ShowPreviews => preview::show(handle, replies).await,
        Does::Command => command::perform(&fields, handle, control, replies).await,
        Does::ListCommands => replies.send(list_commands::answer(replies.id(), may, &[])).await,
    }
}

/// The request's headers as they were written: what is not UTF-8 becomes U+FFFD, and a control character stays where
/// Asterisk's reading would drop it, so that the model refuses both.
fn fields(request: &Request) -> Fields {
    let own = |name: &str| name.eq_ignore_ascii_case("Action") || name.eq_ignore_ascii_case("ActionID");
    request.message().iter_as_written().filter(|(name, _)| !own(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_stands_once_in_the_table() {
        for (place, action) in ACTIONS.iter().enumerate() {
            let again =
                ACTIONS.iter().skip(place + 1).any(|other| other.name.eq_ignore_ascii_case(action.name));
            assert!(!again, "{}", action.name);
        }
    }

    #[test]
    fn whoever_may_nothing_may_list_commands_only() {
        let allowed = ACTIONS.iter().filter(|action| action.is_allowed(Privileges::NONE));
        assert_eq!(allowed.map(|action| action.name).collect::<Vec<_>>(), ["ListCommands"]);
    }
}
