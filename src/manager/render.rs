//! Nouns and events as headers: names and their order are the original's, for programs that read them by place.
//! What is not set is `<unknown>`.

use std::fmt::Display;

use super::{import, names, pacing};
use crate::ami::event::event as event_of_class;
use crate::ami::{Class, Message, MessageBuilder};
use crate::model::campaign::Campaign;
use crate::model::codes::DestinationKind;
use crate::model::destination::Destination;
use crate::model::dialing::Dialing;
use crate::model::dl::Dl;
use crate::model::dlma::Dlma;
use crate::model::event::{Change, Noun, OutEvent};
use crate::model::number::NumberIndex;
use crate::model::plan::Plan;
use crate::model::preview::{Preview, PreviewEnd};
use crate::model::stat::CampaignStat;
use crate::model::variables::Variables;

/// What stands for a value that is not set.
pub(super) const UNKNOWN: &str = "<unknown>";

/// The class of our events, and of our actions.
pub(super) const CLASS: Class = Class::Message;

/// The event that tells of it. Of a dlma or a contact that is gone only the uuid is told, as in the original.
pub(super) fn event(event: &OutEvent) -> Message {
    let (change, noun) = match event {
        OutEvent::Noun { change, noun } => (*change, &**noun),
        OutEvent::Imported(import) => {
            let builder = event_of_class("OutDlListImport", CLASS);
            let builder = builder.header("DlmaUuid", import.dlma_uuid.to_string());
            let builder = builder.header("File", &import.source.name);
            return import::progress(builder, import).finish_lossy();
        }
        OutEvent::Paced(pacing) => return pacing::event(pacing),
        OutEvent::Preview { change, preview: shown, end } => {
            let builder = event_of_class(&format!("OutPreview{}", names::change(*change)), CLASS);
            return preview_end(preview(builder, shown), end.as_ref()).finish_lossy();
        }
    };
    let builder = event_of_class(&names::event(names::kind(noun), change), CLASS);
    let builder = match (noun, change) {
        (Noun::Dlma(dlma), Change::Delete) => builder.header("Uuid", dlma.uuid.to_string()),
        (Noun::Dl(dl), Change::Delete) => builder.header("Uuid", dl.uuid.to_string()),
        (Noun::Dialing(gone), Change::Delete) => dialing(Headers(builder), gone, true).0,
        (_, Change::Create | Change::Update | Change::Delete) => headers(builder, noun),
    };
    builder.finish_lossy()
}

/// All headers of a noun.
pub(super) fn headers(builder: MessageBuilder, noun: &Noun) -> MessageBuilder {
    let headers = Headers(builder);
    let headers = match noun {
        Noun::Plan(noun) => plan(headers, noun),
        Noun::Dlma(noun) => dlma(headers, noun),
        Noun::Destination(noun) => destination(headers, noun),
        Noun::Dl(noun) => dl(headers, noun),
        Noun::Campaign(noun) => campaign(headers, noun),
        Noun::Dialing(noun) => dialing(headers, noun, false),
    };
    headers.0
}

/// How far a campaign has come.
pub(super) fn stat(builder: MessageBuilder, stat: &CampaignStat) -> MessageBuilder {
    let headers = Headers(builder)
        .is("Uuid", stat.uuid)
        .is("DlTotalCount", stat.total)
        .is("DlFinishedCount", stat.finished)
        .is("DlAvailableCount", stat.available)
        .is("DlDialingCount", stat.dialing)
        .is("DlCalledCount", stat.called);
    // The original has no such thing, and neither has who holds nobody.
    let headers = if stat.held > 0 { headers.is("DlHeldCount", stat.held) } else { headers };
    headers.0
}

/// A contact that an agent looks at.
pub(super) fn preview(builder: MessageBuilder, preview: &Preview) -> MessageBuilder {
    let (dl, index) = (&preview.dl, preview.index);
    let mut headers = Headers(builder)
        .is("Uuid", preview.uuid)
        .is("CampUuid", preview.campaign)
        .is("Agent", &preview.agent)
        .is("DlListUuid", dl.uuid)
        .is("DlmaUuid", dl.dlma_uuid)
        .is("DialIndex", index)
        .may_be("DialAddr", dl.number(index))
        .is("DialTryCnt", dl.tries.0[index.place()] + 1)
        .is("TmCreate", preview.tm_create)
        .is("TmExpire", preview.tm_expire)
        .may_be("Name", dl.name.as_deref())
        .may_be("Detail", dl.detail.as_deref())
        .may_be("UKey", dl.ukey.as_deref())
        .may_be("UData", dl.udata.as_deref())
        .may_be("Email", dl.email.as_deref())
        .variables(&dl.variables);
    for index in NumberIndex::all() {
        headers = headers.may_be(&format!("Number{index}"), dl.number(index));
    }
    for index in NumberIndex::all() {
        headers = headers.is(&format!("TryCnt{index}"), dl.tries.0[index.place()]);
    }
    headers.is("ResDial", dl.res_dial).is("ResHangup", dl.res_hangup).0
}

/// What became of it, in its last event.
fn preview_end(builder: MessageBuilder, end: Option<&PreviewEnd>) -> MessageBuilder {
    let Some(end) = end else { return builder };
    let headers = Headers(builder).is("Result", end.word());
    match end {
        PreviewEnd::Skipped { reason } => headers.may_be("Reason", reason.as_deref()).0,
        PreviewEnd::Dialled | PreviewEnd::Expired | PreviewEnd::Released => headers.0,
    }
}

fn plan(headers: Headers, plan: &Plan) -> Headers {
    let mut headers = headers
        .is("Uuid", plan.uuid)
        .may_be("Name", plan.name.as_deref())
        .may_be("Detail", plan.detail.as_deref())
        .is("DialMode", plan.dial_mode)
        .is("DialTimeout", plan.dial_timeout_ms)
        .may_be("CallerId", plan.caller_id.as_deref())
        .is("DlEndHandle", plan.dl_end_handle)
        .is("RetryDelay", plan.retry_delay_s)
        .may_be("TrunkName", plan.trunk_name.as_deref())
        .may_be("TechName", plan.tech_name.as_deref())
        .variables(&plan.variables);
    for index in NumberIndex::all() {
        headers = headers.is(&format!("MaxRetryCnt{index}"), plan.max_retry.of(index));
    }
    headers = headers
        .is("TmCreate", plan.tm_create)
        .may_be("TmDelete", plan.tm_delete)
        .may_be("TmUpdate", plan.tm_update);
    // The original has none of these: they stand behind its headers, and only where somebody has set them.
    if plan.service_level > 0 {
        headers = headers.is("ServiceLevel", plan.service_level);
    }
    let (retry, originate) = (&plan.retry, &plan.originate);
    for (name, text) in [
        ("EarlyMedia", &originate.early_media),
        ("Codecs", &originate.codecs),
        ("UuiField", &originate.uui_field),
    ] {
        if let Some(text) = text {
            headers = headers.is(name, text);
        }
    }
    if let Some(ratio) = plan.power_ratio {
        headers = headers.is("PowerRatio", ratio);
    }
    for (name, value) in plan.abandonment.set().into_iter().chain(plan.calling.set()) {
        headers = headers.is(name, value);
    }
    for (name, delays) in [
        ("RetryDelayBusy", &retry.busy),
        ("RetryDelayNoAnswer", &retry.no_answer),
        ("RetryDelayCongestion", &retry.congestion),
        ("RetryDelayFailed", &retry.failed),
    ] {
        if let Some(delays) = delays {
            headers = headers.is(name, delays);
        }
    }
    if retry.trunk_faults > 0 { headers.is("TrunkFaultRetries", retry.trunk_faults) } else { headers }
}

fn dlma(headers: Headers, dlma: &Dlma) -> Headers {
    headers
        .is("Uuid", dlma.uuid)
        .may_be("Name", dlma.name.as_deref())
        .may_be("Detail", dlma.detail.as_deref())
        .is("DlTable", &dlma.dl_table)
        .variables(&dlma.variables)
        .is("TmCreate", dlma.tm_create)
        .may_be("TmDelete", dlma.tm_delete)
        .may_be("TmUpdate", dlma.tm_update)
}

fn destination(headers: Headers, destination: &Destination) -> Headers {
    let headers = headers
        .is("Uuid", destination.uuid)
        .may_be("Name", destination.name.as_deref())
        .may_be("Detail", destination.detail.as_deref())
        .is("Type", destination.kind)
        .may_be("Exten", destination.exten.as_deref())
        .may_be("Context", destination.context.as_deref())
        .may_be("Priority", destination.priority.as_deref())
        .variables(&destination.variables)
        .may_be("Application", destination.application.as_deref())
        .may_be("Data", destination.data.as_deref())
        .is("TmCreate", destination.tm_create)
        .may_be("TmDelete", destination.tm_delete)
        .may_be("TmUpdate", destination.tm_update);
    // The original has no such headers: they stand last, and only where somebody has set them.
    let headers = match destination.failover {
        Some(failover) => headers.is("Failover", failover),
        None => headers,
    };
    match &destination.leads_to {
        Some(queue) => headers.is("Queue", queue),
        None => headers,
    }
}

fn dl(headers: Headers, dl: &Dl) -> Headers {
    let mut headers = headers
        .is("Uuid", dl.uuid)
        .is("DlmaUuid", dl.dlma_uuid)
        .may_be("Name", dl.name.as_deref())
        .may_be("Detail", dl.detail.as_deref())
        .is("Status", dl.shown_status())
        .may_be("UKey", dl.ukey.as_deref())
        .variables(&dl.variables)
        .may_be("DialingUuid", dl.dialing_uuid)
        .may_be("DialingCampUuid", dl.dialing_camp_uuid)
        .may_be("DialingPlanUuid", dl.dialing_plan_uuid);
    for index in NumberIndex::all() {
        headers = headers.may_be(&format!("Number{index}"), dl.number(index));
    }
    headers = headers.may_be("Email", dl.email.as_deref());
    for index in NumberIndex::all() {
        headers = headers.is(&format!("TryCnt{index}"), dl.tries.0[index.place()]);
    }
    headers = headers
        .is("ResDial", dl.res_dial)
        .may_be("ResDialDetail", dl.res_dial_detail.as_deref())
        .is("ResHangup", dl.res_hangup)
        .may_be("ResHangupDetail", dl.res_hangup_detail.as_deref())
        .is("TmCreate", dl.tm_create)
        .may_be("TmDelete", dl.tm_delete)
        .may_be("TmUpdate", dl.tm_update);
    // The original takes the one and never shows it, and has not got the other: they stand behind its headers, where they are
    // set.
    if let Some(udata) = &dl.udata {
        headers = headers.is("UData", udata);
    }
    match dl.time_zone {
        Some(zone) => headers.is("TimeZone", zone),
        None => headers,
    }
}

fn campaign(headers: Headers, campaign: &Campaign) -> Headers {
    let mut headers = headers
        .is("Uuid", campaign.uuid)
        .may_be("Name", campaign.name.as_deref())
        .may_be("Detail", campaign.detail.as_deref())
        .is("Status", campaign.status)
        .may_be("Plan", campaign.plan)
        .may_be("Dlma", campaign.dlma)
        .may_be("Dest", campaign.dest)
        .is("ScMode", campaign.schedule.mode());
    for (name, value) in campaign.schedule.headers() {
        headers = headers.may_be(name, value);
    }
    // The original has no such header: it stands only where somebody has set it.
    if let Some(zone) = campaign.schedule.timezone() {
        headers = headers.is("ScTimezone", zone);
    }
    headers = headers
        .is("TmCreate", campaign.tm_create)
        .may_be("TmDelete", campaign.tm_delete)
        .may_be("TmUpdate", campaign.tm_update);
    // Behind the original's, where somebody has set them.
    if campaign.weight > 1 {
        headers = headers.is("Weight", campaign.weight);
    }
    match campaign.next_campaign {
        Some(next) => headers.is("NextCampaign", next),
        None => headers,
    }
}

/// A dialing ends with the last thing that was seen of it: that is its `TmDelete` once it is `gone`, which the original
/// leaves unset.
fn dialing(headers: Headers, dialing: &Dialing, gone: bool) -> Headers {
    let (attempt, progress) = (&*dialing.attempt, &dialing.progress);
    let (capsule, destination) = (&*attempt.capsule, &attempt.capsule.destination);
    let in_dialplan = destination.kind == DestinationKind::Exten;
    headers
        .is("Uuid", attempt.uuid)
        .is("Status", progress.status)
        .is("CampUuid", capsule.campaign.uuid)
        .is("PlanUuid", capsule.plan.uuid)
        .is("DlmaUuid", capsule.dlma.uuid)
        .is("DestUuid", destination.uuid)
        .is("DlListUuid", attempt.dl.uuid)
        .is("DialIndex", attempt.index)
        .is("DialAddr", &attempt.addr)
        .is("DialChannel", &attempt.channel)
        .is("DialTryCnt", attempt.try_count)
        .is("DialTimeout", capsule.plan.dial_timeout_ms)
        .is("DialType", destination.kind)
        .may_be("DialExten", destination.exten.as_deref().filter(|_| in_dialplan))
        .may_be("DialContext", destination.context.as_deref().filter(|_| in_dialplan))
        .may_be("DialApplication", destination.application.as_deref().filter(|_| !in_dialplan))
        .may_be("DialData", destination.data.as_deref().filter(|_| !in_dialplan))
        .variables(&attempt.variables)
        .may_be("ChannelName", progress.channel_name.as_deref())
        .is("ResDial", progress.res_dial)
        .is("ResHangup", progress.res_hangup.map_or(0, |cause| cause.0))
        .may_be("ResHangupDetail", progress.res_hangup_detail.as_deref())
        .is("TmCreate", attempt.tm_create)
        .may_be("TmUpdate", progress.tm_update)
        .may_be("TmDelete", progress.tm_update.filter(|_| gone))
}

/// Headers one after the other.
struct Headers(MessageBuilder);

impl Headers {
    fn is(self, name: &str, value: impl Display) -> Self {
        Self(self.0.header(name, value.to_string()))
    }

    fn may_be(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.is(name, value),
            None => Self(self.0.header(name, UNKNOWN)),
        }
    }

    fn variables(self, variables: &Variables) -> Self {
        if variables.is_empty() {
            return Self(self.0.header("Variable", UNKNOWN));
        }
        variables
            .iter()
            .fold(self, |headers, (name, value)| headers.is("Variable", format!("{name}={value}")))
    }
}
