//! The `out …` lines of `Action: Command`: what the original had at Asterisk's prompt, and `astout -rx` has at ours.

mod line;
mod show;
mod table;

use self::line::{Daemon, Line, Wrong};
pub use self::line::{FORMS, OPEN_QUOTE, status_word, words};
use super::actions::Replies;
use super::nouns;
use crate::ami::MessageBuilder;
use crate::daemon::control::{Control, Manner};
use crate::daemon::handle::Handle;
use crate::model::codes::CampaignStatus;
use crate::model::event::Noun;
use crate::model::fields::Fields;
use crate::model::ids::DialingUuid;
use crate::model::refusal::NounKind;

/// What one answer may hold; a client takes no longer message.
const MOST_BYTES: usize = 900 * 1024;

/// Runs the line of the `Command` header and answers as Asterisk does, one `Output` a line. `Json: yes` asks for JSON in
/// place of tables.
pub(super) async fn perform(fields: &Fields, handle: &Handle, control: Option<&Control>, replies: &Replies) {
    let Some(line) = fields.raw("Command").filter(|line| !line.trim().is_empty()) else {
        return replies.error("No command provided").await;
    };
    let json = fields.raw("Json").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    let (response, output) = match run(line, json, handle, control).await {
        Ok(output) if output.iter().map(|line| line.len() + 10).sum::<usize>() > MOST_BYTES => {
            let text = "That is more than one answer holds; the Out…Show actions give it piece by piece";
            ("Error", vec![text.to_owned()])
        }
        Ok(output) => ("Success", output),
        Err(output) => ("Error", output),
    };
    let answer = MessageBuilder::new("Response", response).echo(replies.id());
    let answer = answer.header("Message", "Command output follows");
    let answer = output.into_iter().fold(answer, |answer, line| answer.header("Output", line));
    replies.send(answer.finish_lossy()).await;
}

/// Whether that line is one of ours, be it a wrong one.
pub(super) fn is_ours(text: &str) -> bool {
    !matches!(line::parse(text), Err(Wrong::NotOurs))
}

type Output = Vec<String>;

async fn run(text: &str, json: bool, handle: &Handle, control: Option<&Control>) -> Result<Output, Output> {
    let line = line::parse(text).map_err(|wrong| match wrong {
        Wrong::NotOurs => {
            let text = text.trim();
            let wrong = format!(
                "No such command '{text}' (type 'core show help {text}' for other possible commands)"
            );
            [wrong].into_iter().chain(line::meant(text)).collect()
        }
        Wrong::Usage(usage) => usage,
        Wrong::OpenQuote => vec![OPEN_QUOTE.to_owned()],
    })?;
    let output = match line {
        Line::List(kind) => show::list(kind, json, handle).await,
        Line::Contacts(which) => show::contacts(&which, json, handle).await,
        Line::One(kind, uuid) => show::one(kind, &uuid, json, handle).await,
        Line::SetStatus(status, uuid) => set_status(status, &uuid, handle).await,
        Line::CreateCampaign(fields) => create_campaign(fields, handle).await,
        Line::DeleteCampaign(uuid) => delete_campaign(&uuid, handle).await,
        Line::Explain(what) => explain(&what, json, handle).await,
        Line::Daemon(what) => tell_daemon(what, handle, control).await,
    };
    output.map_err(|why| why.lines().map(str::to_owned).collect())
}

/// What reads as a number is one; all else is a uuid, or the beginning of a campaign's.
async fn explain(what: &str, json: bool, handle: &Handle) -> Result<Output, String> {
    let is_number = what.bytes().all(|byte| byte.is_ascii_digit() || b"+*#".contains(&byte));
    let field = if is_number { ("Number", what.to_owned()) } else { ("Uuid", uuid_of(what, handle).await?) };
    super::explain::lines(&[field].into_iter().collect(), json, handle).await
}

async fn uuid_of(what: &str, handle: &Handle) -> Result<String, String> {
    if what.parse::<DialingUuid>().is_ok() {
        return Ok(what.to_owned());
    }
    Ok(nouns::uuid(&show::find(NounKind::Campaign, what, handle).await?).to_string())
}

/// What concerns the daemon itself is not for everybody who may dial.
async fn tell_daemon(what: Daemon, handle: &Handle, control: Option<&Control>) -> Result<Output, String> {
    let Some(control) = control else {
        return Err("only over the local socket: astout stop, drain or reload on its own machine".to_owned());
    };
    match what {
        Daemon::Stop(manner) => {
            control.stop.request(manner);
            Ok(vec![stopping(manner).to_owned()])
        }
        Daemon::Reload => {
            control.reload().await?;
            Ok(vec!["The configuration was taken up".to_owned()])
        }
        Daemon::Calls => match handle.dialings().await {
            Ok(dialings) => Ok(vec![dialings.len().to_string()]),
            Err(why) => Err(why.to_string()),
        },
    }
}

fn stopping(manner: Manner) -> &'static str {
    match manner {
        Manner::Drain => "Draining: nothing more is dialled, astout ends with the last call",
        Manner::InOrder => "Stopping: nothing more is dialled, calls that are up stay up",
        Manner::HangUp => "Stopping: nothing more is dialled, every call is hung up",
        Manner::Now => "Stopping at once",
    }
}

async fn set_status(status: CampaignStatus, uuid: &str, handle: &Handle) -> Result<Output, String> {
    let noun = show::find(NounKind::Campaign, uuid, handle).await?;
    let uuid = nouns::uuid(&noun).to_string();
    let fields = [("Uuid", uuid), ("Status", status.to_string())].into_iter().collect();
    match handle.update(NounKind::Campaign, fields).await {
        Ok(Noun::Campaign(campaign)) => {
            let (uuid, status) = (campaign.uuid, campaign.status);
            Ok(vec![format!("Campaign {uuid}: status {status} ({})", status_word(status))])
        }
        Ok(_) => Ok(Vec::new()),
        Err(why) => Err(format!("Error encountered while updating campaign: {why}")),
    }
}

async fn create_campaign(fields: Fields, handle: &Handle) -> Result<Output, String> {
    match handle.create(NounKind::Campaign, fields).await {
        Ok(noun) => Ok(vec![format!("Campaign created successfully: {}", nouns::uuid(&noun))]),
        Err(why) => Err(format!("Error encountered while creating campaign: {why}")),
    }
}

async fn delete_campaign(uuid: &str, handle: &Handle) -> Result<Output, String> {
    let noun = show::find(NounKind::Campaign, uuid, handle).await?;
    let fields = [("Uuid", nouns::uuid(&noun).to_string())].into_iter().collect();
    match handle.delete(NounKind::Campaign, fields).await {
        Ok(noun) => Ok(vec![format!("Campaign deleted successfully: {}", nouns::uuid(&noun))]),
        Err(why) => Err(format!("Error encountered while deleting campaign: {why}")),
    }
}
