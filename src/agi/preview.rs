//! Preview by the dialplan: an agent dials an extension and has a contact to look at, another one and it is dialled.
//!
//! `OUTSTATUS` is as for contacts, and `NONE` where no contact is due. With `OK` these are set before it:
//!
//! | variable | |
//! |---|---|
//! | `OUTPREVIEW` | the preview's uuid, which go and skip take |
//! | `OUTEXPIRES` | for how many seconds it is kept |
//! | `OUTNUMBER`, `OUTNUMBERINDEX`, `OUTTRY` | the number that a go dials, which of the eight it is, and which try of it that will be |
//! | `OUTCONTACT`, `OUTNAME`, `OUTCONTACTDETAIL`, `OUTUKEY`, `OUTUDATA`, `OUTEMAIL` | the contact: its uuid and what it is described by |

use super::Said;
use super::codec::Call;
use crate::daemon::handle::Handle;
use crate::model::fields::{FieldError, Fields};
use crate::model::preview::{Answer, Ask, Preview};

pub(super) const NEXT: &str = "OutPreviewNext,campaign,agent[,seconds]";
pub(super) const GO: &str = "OutPreviewGo,preview[,number]";
pub(super) const SKIP: &str = "OutPreviewSkip,preview[,seconds[,reason]]";

pub(super) async fn next(call: &Call, handle: &Handle) -> Said {
    let fields = fields(call, &["CampaignUuid", "Agent", "Timeout"], NEXT);
    said(fields.and_then(|fields| Ask::next(&fields)), handle).await
}

pub(super) async fn go(call: &Call, handle: &Handle) -> Said {
    said(fields(call, &["Uuid", "Number"], GO).and_then(|fields| Ask::go(&fields)), handle).await
}

pub(super) async fn skip(call: &Call, handle: &Handle) -> Said {
    let fields = fields(call, &["Uuid", "RetryDelay", "Reason"], SKIP);
    said(fields.and_then(|fields| Ask::skip(&fields)), handle).await
}

/// The arguments as the fields of the action; an empty one is one that was not given.
fn fields(call: &Call, names: &[&str], form: &str) -> Result<Fields, FieldError> {
    if let Some(more) = call.arguments.get(names.len()) {
        return Err(FieldError::invalid("arguments", more, format!("nothing after {form}")));
    }
    let given = names.iter().zip(&call.arguments).filter(|(_, value)| !value.is_empty());
    Ok(given.map(|(name, value)| (*name, value.as_str())).collect())
}

async fn said(asked: Result<Ask, FieldError>, handle: &Handle) -> Said {
    let ask = match asked {
        Ok(ask) => ask,
        Err(wrong) => return Said::refused(&wrong.into()),
    };
    match handle.preview(ask).await {
        Ok(Answer::Kept(preview)) => {
            let left = preview.tm_expire.since(handle.now().wall).as_secs();
            Said { more: variables(&preview, left), ..Said::ok(preview.uuid.to_string()) }
        }
        Ok(Answer::Dialled(dialing)) => Said::ok(dialing.to_string()),
        Ok(Answer::Skipped) => Said::ok(String::new()),
        Err(why) => Said::failed(&why),
    }
}

/// What the agent's channel is told of the contact. What it has not got is empty: the channel may have had another before.
fn variables(preview: &Preview, left: u64) -> Vec<(&'static str, String)> {
    let (dl, index) = (&preview.dl, preview.index);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    vec![
        ("OUTPREVIEW", preview.uuid.to_string()),
        ("OUTEXPIRES", left.to_string()),
        ("OUTNUMBER", dl.number(index).map(ToString::to_string).unwrap_or_default()),
        ("OUTNUMBERINDEX", index.to_string()),
        ("OUTTRY", (dl.tries.0[index.place()] + 1).to_string()),
        ("OUTCONTACT", dl.uuid.to_string()),
        ("OUTNAME", text(&dl.name)),
        ("OUTCONTACTDETAIL", text(&dl.detail)),
        ("OUTUKEY", text(&dl.ukey)),
        ("OUTUDATA", text(&dl.udata)),
        ("OUTEMAIL", text(&dl.email)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_a_field_and_too_many_are_refused_with_the_form() {
        let call = |arguments: &[&str]| Call {
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            ..Call::default()
        };
        let read = |arguments: &[&str]| fields(&call(arguments), &["Uuid", "Number"], GO);
        assert_eq!(read(&["u", "2"]).unwrap(), [("Uuid", "u"), ("Number", "2")].into_iter().collect());
        assert_eq!(read(&["u", ""]).unwrap(), [("Uuid", "u")].into_iter().collect());
        let error = read(&["u", "2", "3"]).unwrap_err().to_string();
        assert!(error.starts_with("arguments: \"3\"") && error.ends_with(GO), "{error}");
    }
}
