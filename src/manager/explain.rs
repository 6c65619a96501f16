//! `OutExplain`, and `out explain …`: why is this not being dialled right now? What the engine says of a campaign, or of
//! each contact that has a number and each campaign of its list.

use serde_json::{Value, json};

use super::actions::Replies;
use super::nouns;
use super::render::UNKNOWN;
use crate::ami::{MessageBuilder, response};
use crate::daemon::handle::{Handle, RequestError};
use crate::engine::explain::{About, Explanation, Finding, causes};
use crate::engine::selection::By;
use crate::model::campaign::Campaign;
use crate::model::dl::Dl;
use crate::model::event::Noun;
use crate::model::fields::{FieldError, Fields, MAX_TEXT, check_text};
use crate::model::ids::{CampaignUuid, DialingUuid};
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Timestamp;

/// The action's name.
pub(super) const EXPLAIN: &str = "OutExplain";
/// Contacts of one number that are explained, at most.
const CONTACTS: usize = 20;
const FORM: &str = "Uuid (of a campaign or a contact) or Number (of contacts), one of them";

/// One answer: what was asked about, and what every gate says.
#[derive(Debug)]
struct Answer {
    campaign: Option<Campaign>,
    contact: Option<Dl>,
    number: Option<String>,
    /// The call that the contact has now.
    call: Option<String>,
    findings: Vec<Finding>,
    next: Option<Timestamp>,
}

impl Answer {
    fn new(explanation: Explanation, number: Option<&str>) -> Self {
        Self {
            next: explanation.next(),
            campaign: Some(explanation.campaign),
            contact: explanation.contact,
            number: number.map(str::to_owned),
            call: explanation.call,
            findings: explanation.findings,
        }
    }

    /// The answer of one gate alone.
    fn of(contact: Option<Dl>, number: Option<&str>, findings: Vec<Finding>) -> Self {
        Self { campaign: None, contact, number: number.map(str::to_owned), call: None, findings, next: None }
    }

    fn holds(&self) -> Vec<&Finding> {
        self.findings.iter().filter(|finding| finding.holds).collect()
    }

    /// Whether nothing holds it back, or it is on the phone already.
    fn is_dialled(&self) -> bool {
        self.call.is_some() || self.holds().is_empty()
    }

    fn verdict(&self) -> String {
        if let Some(call) = &self.call {
            return call.clone();
        }
        match causes(&self.findings).as_slice() {
            [] => "it is being dialled right now".to_owned(),
            [only] => format!("not dialled now. {}: {}", only.gate, only.saw),
            [first, others @ ..] => {
                let others: Vec<_> = others.iter().map(|finding| finding.gate).collect();
                format!("not dialled now. {}: {}. Held by {} too", first.gate, first.saw, others.join(", "))
            }
        }
    }
}

pub(super) async fn perform(fields: &Fields, handle: &Handle, replies: &Replies) {
    let answers = match answers(fields, handle).await {
        Ok(answers) => answers,
        Err(why) => return replies.error(&refused(&why)).await,
    };
    replies.send(response::list_start(replies.id(), "Explain List will follow")).await;
    let mut items = 0;
    for answer in &answers {
        let verdict = subject(response::list_item(replies.id(), "OutExplainVerdict"), answer);
        let holds: Vec<_> = answer.holds().iter().map(|finding| finding.gate).collect();
        let verdict = verdict
            .header("Dialled", yes(answer.is_dialled()))
            .header("HeldBy", if holds.is_empty() { UNKNOWN.to_owned() } else { holds.join(",") })
            .header("Verdict", answer.verdict())
            .header("Next", at(answer.next));
        replies.send(verdict.finish_lossy()).await;
        for finding in &answer.findings {
            let entry = subject(response::list_item(replies.id(), "OutExplainEntry"), answer);
            let entry = entry
                .header("Gate", finding.gate)
                .header("Holds", yes(finding.holds))
                .header("Saw", &finding.saw)
                .header("Next", at(finding.next));
            replies.send(entry.finish_lossy()).await;
        }
        items += 1 + answer.findings.len();
    }
    let end = response::list_complete(replies.id(), "OutExplainListComplete", items);
    replies.send(end.finish_lossy()).await;
}

/// What it is about, in the headers that every item has.
fn subject(item: MessageBuilder, answer: &Answer) -> MessageBuilder {
    let campaign = answer.campaign.as_ref();
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| UNKNOWN.to_owned());
    item.header("Uuid", or_unknown(campaign.map(|campaign| campaign.uuid.to_string())))
        .header("Name", or_unknown(campaign.and_then(|campaign| campaign.name.clone())))
        .header("DlListUuid", or_unknown(answer.contact.as_ref().map(|dl| dl.uuid.to_string())))
        .header("Number", or_unknown(answer.number.clone()))
}

fn yes(yes: bool) -> &'static str {
    if yes { "Yes" } else { "No" }
}

fn at(at: Option<Timestamp>) -> String {
    at.map_or_else(|| UNKNOWN.to_owned(), |at| at.to_string())
}

fn refused(why: &RequestError) -> String {
    match why {
        RequestError::Refused(Refusal::NoSuch { noun, .. }) => format!("No such {noun}: {why}"),
        RequestError::Refused(_) | RequestError::Store(_) | RequestError::Stopping => {
            format!("Error encountered while explaining: {why}")
        }
    }
}

/// `out explain …`: a verdict each, and a line a gate.
pub(super) async fn lines(fields: &Fields, json: bool, handle: &Handle) -> Result<Vec<String>, String> {
    let answers = answers(fields, handle).await.map_err(|why| refused(&why))?;
    if json {
        let values = Value::from(answers.iter().map(value).collect::<Vec<_>>());
        let text = serde_json::to_string_pretty(&values).map_err(|why| why.to_string())?;
        return Ok(text.lines().map(str::to_owned).collect());
    }
    let mut lines = Vec::new();
    for answer in &answers {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        if let Some(campaign) = &answer.campaign {
            let name = campaign.name.as_deref().unwrap_or_default();
            lines.push(format!("Campaign {} {name}", campaign.uuid).trim_end().to_owned());
        }
        if let Some(dl) = &answer.contact {
            let name = dl.name.as_deref().unwrap_or_default();
            lines.push(format!("Contact {} {name}", dl.uuid).trim_end().to_owned());
        }
        let mut verdict = answer.verdict();
        if let Some(next) = answer.next {
            verdict.push_str(&format!(". Next: {next}"));
        }
        lines.push(verdict);
        for Finding { gate, holds, saw, next } in &answer.findings {
            let mark = if *holds { "HOLDS" } else { "ok" };
            let next = next.map(|at| format!(" (until {at})")).unwrap_or_default();
            lines.push(format!("  {mark:<5} {gate:<8} {saw}{next}"));
        }
    }
    Ok(lines)
}

fn value(answer: &Answer) -> Value {
    let gate = |finding: &Finding| json!({ "gate": finding.gate, "holds": finding.holds, "saw": finding.saw, "next": finding.next });
    json!({
        "uuid": answer.campaign.as_ref().map(|campaign| campaign.uuid),
        "dl_uuid": answer.contact.as_ref().map(|dl| dl.uuid),
        "number": answer.number,
        "dialled": answer.is_dialled(),
        "verdict": answer.verdict(),
        "next": answer.next,
        "gates": answer.findings.iter().map(gate).collect::<Vec<_>>(),
    })
}

async fn answers(fields: &Fields, handle: &Handle) -> Result<Vec<Answer>, RequestError> {
    let given = |name| fields.raw(name).filter(|text: &&str| !text.is_empty());
    match (given("Uuid"), given("Number")) {
        (Some(_), None) => {
            let uuid: DialingUuid = fields.required_uuid("Uuid").map_err(Refusal::from)?;
            of_uuid(uuid, handle).await
        }
        (None, Some(number)) => {
            check_text("Number", number, MAX_TEXT).map_err(Refusal::from)?;
            of_number(number, handle).await
        }
        (None, None) => Err(Refusal::from(FieldError::missing("Uuid", FORM)).into()),
        (Some(_), Some(number)) => Err(Refusal::from(FieldError::invalid("Number", number, FORM)).into()),
    }
}

/// Of a campaign, or of a contact.
async fn of_uuid(uuid: DialingUuid, handle: &Handle) -> Result<Vec<Answer>, RequestError> {
    let campaign = CampaignUuid::new(uuid.uuid());
    let list = handle.records().outlook(campaign).await?;
    let explained = handle.explain(vec![About { campaign, list, contact: None }], None).await?;
    let mut answers: Vec<_> =
        explained.explanations.into_iter().map(|explanation| Answer::new(explanation, None)).collect();
    if answers.is_empty() {
        return match nouns::one(handle, NounKind::Dl, uuid.uuid()).await? {
            Some(Noun::Dl(dl)) => of_contact(dl, None, handle).await,
            _ => {
                let uuid = uuid.to_string();
                Err(Refusal::NoSuch { noun: NounKind::Campaign, field: "Uuid", uuid }.into())
            }
        };
    }
    for answer in &mut answers {
        count_list(answer, handle).await?;
    }
    Ok(answers)
}

/// The list is told in figures.
async fn count_list(answer: &mut Answer, handle: &Handle) -> Result<(), RequestError> {
    let list = answer.findings.iter_mut().find(|finding| finding.gate == "List");
    let (Some(list), Some(campaign)) = (list, &answer.campaign) else { return Ok(()) };
    if let Some(stat) = handle.records().stat(campaign.uuid).await? {
        let (total, finished, held) = (stat.total, stat.finished, stat.held);
        list.saw = match total {
            0 => "the list is empty".to_owned(),
            _ => format!("{} (of {total} contacts {finished} are finished, {held} are held)", list.saw),
        };
    }
    Ok(())
}

async fn of_number(number: &str, handle: &Handle) -> Result<Vec<Answer>, RequestError> {
    let most = u32::try_from(CONTACTS + 1).unwrap_or(u32::MAX);
    let mut found = handle.records().dls_of_number(number, most).await?;
    let more = found.len() > CONTACTS;
    found.truncate(CONTACTS);
    let mut answers = Vec::new();
    if found.is_empty() {
        let explained = handle.explain(Vec::new(), Some(number.to_owned())).await?;
        let mut findings =
            vec![gate("Contact", true, "no contact in use, of any list, has this number".to_owned())];
        findings.extend(explained.number_refused.map(|why| gate("Policy", true, why)));
        answers.push(Answer::of(None, Some(number), findings));
    }
    for dl in found {
        answers.extend(of_contact(dl, Some(number), handle).await?);
    }
    if more {
        let text =
            format!("more than {CONTACTS} contacts have this number: the first {CONTACTS} are explained");
        answers.push(Answer::of(None, Some(number), vec![gate("More", true, text)]));
    }
    Ok(answers)
}

/// Of a contact, with every campaign of its list.
async fn of_contact(dl: Dl, number: Option<&str>, handle: &Handle) -> Result<Vec<Answer>, RequestError> {
    let records = handle.records();
    let campaigns = records.campaigns().await?;
    let campaigns: Vec<_> = campaigns.into_iter().filter(|own| own.dlma == Some(dl.dlma_uuid)).collect();
    if campaigns.is_empty() {
        let text = format!("no campaign dials its list, dlma {}", dl.dlma_uuid);
        return Ok(vec![Answer::of(Some(dl), number, vec![gate("Campaign", true, text)])]);
    }
    let mut asked = Vec::new();
    for campaign in campaigns {
        let plan = match campaign.plan {
            Some(plan) => records.plan(plan).await?,
            None => None,
        };
        // A contact that has been deleted meanwhile stands nowhere.
        let by = plan.as_ref().map(|plan| By { plan, zone: campaign.schedule.zone() });
        if let Some(standing) = records.standing(dl.uuid, by, handle.now().wall).await? {
            let list = records.outlook(campaign.uuid).await?;
            asked.push(About { campaign: campaign.uuid, list, contact: Some(standing) });
        }
    }
    let explained = handle.explain(asked, None).await?;
    Ok(explained.explanations.into_iter().map(|explanation| Answer::new(explanation, number)).collect())
}

fn gate(gate: &'static str, holds: bool, saw: String) -> Finding {
    Finding { gate, holds, saw, next: None }
}
