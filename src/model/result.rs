//! The line of the result log: one JSON object an attempt, every key in every line, `null` where it does not apply.

use serde::Serialize;

use super::campaign::Campaign;
use super::codes::{DestinationKind, DialResult, Outcome};
use super::destination::Destination;
use super::dialing::{Attempt, Dialing, Ending, Progress};
use super::dl::Dl;
use super::dlma::Dlma;
use super::history::History;
use super::plan::Plan;
use super::time::Timestamp;

/// The version of the line's format. Keys are never renamed; new ones may come.
pub const RESULT_VERSION: u32 = 1;

/// What `[result]` asks to have in each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResultOptions {
    /// Adds `info_camp`, `info_plan`, `info_dlma`, `info_dest`, `info_dl_list` and `info_dial`.
    pub info: bool,
    /// Adds `history_events`.
    pub history: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: i64,
    result_version: u32,
    dialing_uuid: String,
    camp_uuid: String,
    plan_uuid: String,
    dlma_uuid: String,
    dest_uuid: String,
    dl_list_uuid: String,
    #[serde(flatten)]
    dial: Dial<'a>,
    outcome: Outcome,
    disposition: Option<&'a str>,
    tm_dialing: Timestamp,
    channel_name: Option<&'a str>,
    res_dial: DialResult,
    res_dial_detail: Option<&'a str>,
    tm_dial_begin: Option<Timestamp>,
    tm_dial_end: Option<Timestamp>,
    tm_hangup: Option<Timestamp>,
    res_hangup: u32,
    res_hangup_detail: Option<&'a str>,
    res_amd: Option<&'a str>,
    res_amd_detail: Option<&'a str>,
    wait_ms: Option<u64>,
    abandoned: Option<bool>,
    #[serde(flatten)]
    info: Option<Info<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_events: Option<&'a History>,
}

/// What was dialled. `uuid` is the contact's, as in the original.
#[derive(Serialize, Clone)]
struct Dial<'a> {
    dial_exten: Option<&'a str>,
    dial_context: Option<&'a str>,
    dial_priority: Option<&'a str>,
    dial_application: Option<&'a str>,
    dial_data: Option<&'a str>,
    dest_variables: String,
    dial_type: DestinationKind,
    uuid: String,
    dial_channel: &'a str,
    dial_addr: &'a str,
    dial_index: u8,
    dial_trycnt: u32,
    dl_variables: String,
    channelid: String,
    otherchannelid: String,
    dial_timeout: u32,
    dlma_variables: String,
    plan_variables: String,
    callerid: Option<&'a str>,
    variables: String,
}

#[derive(Serialize)]
struct Info<'a> {
    info_camp: &'a Campaign,
    info_plan: &'a Plan,
    info_dlma: &'a Dlma,
    info_dest: &'a Destination,
    info_dl_list: &'a Dl,
    info_dial: Dial<'a>,
}

impl<'a> Dial<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        let capsule = &*attempt.capsule;
        let destination = &capsule.destination;
        let in_dialplan = destination.kind == DestinationKind::Exten;
        Self {
            dial_exten: destination.exten.as_deref().filter(|_| in_dialplan),
            dial_context: destination.context.as_deref().filter(|_| in_dialplan),
            dial_priority: in_dialplan.then(|| destination.priority_or_first()),
            dial_application: destination.application.as_deref().filter(|_| !in_dialplan),
            dial_data: destination.data.as_deref().filter(|_| !in_dialplan),
            dest_variables: destination.variables.to_json().unwrap_or_default(),
            dial_type: destination.kind,
            uuid: attempt.dl.uuid.to_string(),
            dial_channel: &attempt.channel,
            dial_addr: attempt.addr.as_str(),
            dial_index: attempt.index.get(),
            dial_trycnt: attempt.try_count,
            dl_variables: attempt.dl.variables.to_json().unwrap_or_default(),
            channelid: attempt.uuid.to_string(),
            otherchannelid: attempt.other.to_string(),
            dial_timeout: capsule.plan.dial_timeout_ms,
            dlma_variables: capsule.dlma.variables.to_json().unwrap_or_default(),
            plan_variables: capsule.plan.variables.to_json().unwrap_or_default(),
            callerid: capsule.plan.caller_id.as_deref(),
            variables: attempt.variables.json_object(),
        }
    }
}

impl<'a> Info<'a> {
    fn of(attempt: &'a Attempt, dial: &Dial<'a>) -> Self {
        let capsule = &*attempt.capsule;
        Self {
            info_camp: &capsule.campaign,
            info_plan: &capsule.plan,
            info_dlma: &capsule.dlma,
            info_dest: &capsule.destination,
            info_dl_list: &attempt.dl,
            info_dial: dial.clone(),
        }
    }
}

/// The line for one ended attempt, without its line feed.
///
/// # Errors
/// None in practice: every field serializes. The error is passed on rather than hidden.
pub fn line(seq: i64, ending: &Ending, options: ResultOptions) -> Result<String, serde_json::Error> {
    let attempt = &*ending.dialing.attempt;
    let progress = &ending.dialing.progress;
    let capsule = &*attempt.capsule;
    let destination = &capsule.destination;
    let dial = Dial::of(attempt);
    let info = options.info.then(|| Info::of(attempt, &dial));
    serde_json::to_string(&Line {
        seq,
        result_version: RESULT_VERSION,
        dialing_uuid: attempt.uuid.to_string(),
        camp_uuid: capsule.campaign.uuid.to_string(),
        plan_uuid: capsule.plan.uuid.to_string(),
        dlma_uuid: capsule.dlma.uuid.to_string(),
        dest_uuid: destination.uuid.to_string(),
        dl_list_uuid: attempt.dl.uuid.to_string(),
        dial,
        outcome: ending.outcome,
        disposition: None,
        tm_dialing: attempt.tm_create,
        channel_name: progress.channel_name.as_deref(),
        res_dial: progress.res_dial,
        res_dial_detail: progress.res_dial_detail.as_deref(),
        tm_dial_begin: progress.tm_dial_begin,
        tm_dial_end: progress.tm_dial_end,
        tm_hangup: progress.tm_hangup,
        res_hangup: progress.res_hangup.map_or(0, |cause| cause.0),
        res_hangup_detail: progress.res_hangup_detail.as_deref(),
        res_amd: progress.amd.as_ref().map(|amd| amd.status.as_str()),
        res_amd_detail: progress.amd.as_ref().map(|amd| amd.cause.as_str()),
        wait_ms: progress.wait.map(|wait| wait.ms),
        abandoned: progress.wait.map(|wait| wait.abandoned),
        info,
        history_events: options.history.then_some(&ending.history),
    })
}

/// A dialing that has not ended: what the line will hold as far as it is known, `info_…` included.
#[derive(Serialize)]
struct Open<'a> {
    dialing_uuid: String,
    camp_uuid: String,
    plan_uuid: String,
    dlma_uuid: String,
    dest_uuid: String,
    dl_list_uuid: String,
    #[serde(flatten)]
    info: Info<'a>,
    #[serde(flatten)]
    dial: Dial<'a>,
    tm_dialing: Timestamp,
    #[serde(flatten)]
    progress: &'a Progress,
}

/// What is known of a dialing that has not ended, with the keys of the line that it will have.
///
/// # Errors
/// None in practice, as for [`line()`].
pub fn so_far(dialing: &Dialing) -> Result<serde_json::Value, serde_json::Error> {
    let attempt = &*dialing.attempt;
    let capsule = &*attempt.capsule;
    let dial = Dial::of(attempt);
    serde_json::to_value(Open {
        dialing_uuid: attempt.uuid.to_string(),
        camp_uuid: capsule.campaign.uuid.to_string(),
        plan_uuid: capsule.plan.uuid.to_string(),
        dlma_uuid: capsule.dlma.uuid.to_string(),
        dest_uuid: capsule.destination.uuid.to_string(),
        dl_list_uuid: attempt.dl.uuid.to_string(),
        info: Info::of(attempt, &dial),
        dial,
        tm_dialing: attempt.tm_create,
        progress: &dialing.progress,
    })
}
