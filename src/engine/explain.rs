//! Why is this not being dialled right now? Every gate in the order in which the dispatcher asks them (`engine::gate`),
//! then those that a contact alone stands for: what each saw, whether it holds back, and when that changes by itself.

mod bounds;

use std::time::Duration;

use super::calling::History;
use super::dialing::Call;
use super::dispatch::refused_by_policy;
use super::gate::{self, Agents, LinkState, Parts, PlaceState, Saw};
use super::place;
use super::run::Run;
use super::window::{self, Hindrance};
use super::{Engine, Outlook, QueueAgents, selection};
use crate::model::campaign::Campaign;
use crate::model::codes::{CampaignStatus, DialMode, DialResult, DlEndHandle, DlStatus};
use crate::model::dl::Dl;
use crate::model::ids::CampaignUuid;
use crate::model::number::{NumberIndex, PhoneNumber};
use crate::model::preview::Preview;
use crate::model::time::{Now, Timestamp};
use bounds::Bounds;

/// What one gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name.
    pub gate: &'static str,
    /// Whether it holds back.
    pub holds: bool,
    /// What it saw, a sentence.
    pub saw: String,
    /// When it opens by itself, as far as that is known.
    pub next: Option<Timestamp>,
}

/// What was asked of several at one moment.
#[derive(Debug, Clone)]
pub struct Explained {
    /// What was asked about campaigns and contacts, in that order; of campaigns that are gone there is none.
    pub explanations: Vec<Explanation>,
    /// Why the number would never be dialled, where one was asked about.
    pub number_refused: Option<String>,
}

/// What all gates say, in the order in which they are asked.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The campaign that was asked about.
    pub campaign: Campaign,
    /// The contact, where one was asked about.
    pub contact: Option<Dl>,
    /// The call that the contact has now, a sentence, where one was asked about and has one.
    pub call: Option<String>,
    /// A finding a gate.
    pub findings: Vec<Finding>,
    /// Before when the contact is not dialled, by its delays, caps and calling hours together.
    not_before: Option<Timestamp>,
}

impl Explanation {
    /// The gates that hold back; none where it is dialled in this moment.
    pub fn holds(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.holds)
    }

    /// When the last of them opens by itself, where each of them does, and no other closes until then.
    pub fn next(&self) -> Option<Timestamp> {
        let all: Option<Vec<_>> = self.holds().map(|finding| finding.next).collect();
        all?.into_iter().max().max(self.not_before)
    }
}

/// What is asked about.
#[derive(Debug, Clone)]
pub struct About {
    /// The campaign.
    pub campaign: CampaignUuid,
    /// What the records say is left of its list.
    pub list: Option<Outlook>,
    /// A contact of that list.
    pub contact: Option<Standing>,
}

/// How a contact stands in the records.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The contact.
    pub dl: Dl,
    /// When its last try ended, in microseconds since 1970; 0 where it was never tried.
    pub last_end: i64,
    /// Whether a dialing of its has not ended.
    pub open: bool,
    /// Contacts that are due and come before it, counted up to [`AHEAD_AT_MOST`].
    pub ahead: u64,
    /// Until when a claim has put it off by its plan's caps, calling hours and holidays as they are now.
    pub put_off: Option<Timestamp>,
    /// What counts towards the caps.
    pub history: History,
}

/// The findings that hold back, the causes before what comes of them: while Asterisk is away, nobody tells of a queue's
/// agents.
pub fn causes(findings: &[Finding]) -> Vec<&Finding> {
    const FIRST: [&str; 5] = ["Daemon", RECORDS, "Status", "Schedule", "Asterisk"];
    let mut causes: Vec<_> = findings.iter().filter(|finding| finding.holds).collect();
    causes
        .sort_by_key(|finding| FIRST.iter().position(|first| *first == finding.gate).unwrap_or(FIRST.len()));
    causes
}

/// The gate of the records: what holds it is known to the owner of the engine.
pub const RECORDS: &str = "Records";

/// The order in which due contacts are claimed: that of the ladder, and on a rung that of the claim.
const LINE: &str =
    "first fewest tries, then alike in numbers and tries, then longest since its last try, then oldest";

/// Up to where the contacts that come first are counted.
pub const AHEAD_AT_MOST: u64 = 1000;

impl Engine {
    /// Why that campaign, or that contact of its list, is not being dialled right now. Changes nothing. `None` where
    /// there is no such campaign. What the records say of its list counts where the dispatcher does not know, as of one
    /// that is stopped: it asks the same of them with its next claim.
    pub fn explain(&self, now: Now, asked: &About) -> Option<Explanation> {
        let About { campaign, list, contact } = asked;
        let (campaign, contact) = (*campaign, contact.as_ref());
        let run = self.runs.get(&campaign)?;
        let outlook = run.outlook.or(*list);
        let mut asked = Asked { engine: self, now, run, outlook, findings: Vec::new(), not_before: None };
        asked.all(self.gates_of_all());
        asked.all(gate::OF_RUN.map(|gate| match gate(run, now) {
            Saw::List(_) => Saw::List(outlook),
            saw => saw,
        }));
        match self.parts(&run.campaign).and_then(|parts| Ok((parts, self.route(run)?))) {
            Ok((parts, route)) => {
                asked.one(Saw::Lacks(None), None);
                asked.one(gate::due_gate(outlook, now), None);
                asked.one(Saw::Mode(route.mode), None);
                asked.one(self.node_gate(route), None);
                let place = route.place.as_ref().map(ToString::to_string);
                asked.one(self.place_gate(now, run, route), place.as_deref());
                asked.one(self.agents_gate(route), route.queue.as_deref());
                asked.one(self.trunk_gate(now, &route.trunk), Some(&route.trunk));
                asked.all(self.gates_of_asterisk(now));
                let open = asked.findings.iter().all(|finding| !finding.holds);
                let round = self.deal(now);
                let dealt = round.candidates.iter().find(|candidate| candidate.campaign == campaign);
                let share = dealt.map_or(0, |candidate| candidate.share);
                asked.one(Saw::Turn { share: if open { share } else { usize::MAX } }, None);
                if let Some(contact) = contact {
                    asked.contact(contact, parts);
                }
            }
            Err(part) => asked.one(Saw::Lacks(Some(part)), None),
        }
        let (findings, not_before) = (asked.findings, asked.not_before);
        let call = contact.and_then(|contact| self.call_of(contact));
        let contact = contact.map(|contact| contact.dl.clone());
        Some(Explanation { campaign: run.campaign.clone(), contact, call, findings, not_before })
    }

    /// The call that a contact has now, of whichever campaign.
    fn call_of(&self, Standing { dl, open, .. }: &Standing) -> Option<String> {
        if dl.status != DlStatus::Dialing && !open {
            return None;
        }
        let up = dl.dialing_uuid.and_then(|uuid| self.calls.get(&uuid)).is_some_and(Call::is_answered);
        let how = if up { "its call is up" } else { "it is being dialled right now" };
        let dialing = dl.dialing_uuid.map(|uuid| uuid.to_string()).unwrap_or_default();
        let campaign = dl.dialing_camp_uuid.map(|uuid| uuid.to_string()).unwrap_or_default();
        Some(format!("{how}: dialing {dialing} of campaign {campaign}"))
    }

    /// Why that number would not be dialled by whatever plan.
    pub fn refuses_number(&self, number: &str) -> Option<String> {
        PhoneNumber::parse("Number", number, &self.options.policy).err().map(|wrong| wrong.to_string())
    }
}

/// The gates that were asked so far.
struct Asked<'a> {
    engine: &'a Engine,
    now: Now,
    run: &'a Run,
    /// What is left of its list, as far as that is known.
    outlook: Option<Outlook>,
    findings: Vec<Finding>,
    /// Before when the contact is not dialled.
    not_before: Option<Timestamp>,
}

impl Asked<'_> {
    fn all<const N: usize>(&mut self, gates: [Saw; N]) {
        for saw in gates {
            self.one(saw, None);
        }
    }

    /// Adds what a gate saw; `of` is the place, queue or trunk that it is about.
    fn one(&mut self, saw: Saw, of: Option<&str>) {
        let (gate, text, next) = self.words(saw, of.unwrap_or_default());
        self.findings.push(Finding { gate, holds: saw.holds(), saw: text, next });
    }

    fn words(&self, saw: Saw, of: &str) -> (&'static str, String, Option<Timestamp>) {
        let (gate, text, next) = match saw {
            Saw::Draining(true) => ("Daemon", "astout is stopping and dials no more".to_owned(), None),
            Saw::Draining(false) => ("Daemon", "astout is not stopping".to_owned(), None),
            Saw::Held(true) => (RECORDS, "what a call came to could not be recorded".to_owned(), None),
            Saw::Held(false) => {
                (RECORDS, "database, result log and disk take what calls come to".to_owned(), None)
            }
            Saw::Status(status) => ("Status", self.status(status), None),
            Saw::Window { open } => {
                let (text, next) = self.window(open);
                return ("Schedule", text, next);
            }
            Saw::Moving(None) => ("Change", "its status is not being changed".to_owned(), None),
            Saw::Moving(Some(to)) => ("Change", format!("its status is being changed to {to}"), None),
            Saw::Claiming(None) => ("Claim", "no claim of its is under way".to_owned(), None),
            Saw::Claiming(Some(0)) => ("Claim", "its list is being looked at".to_owned(), None),
            Saw::Claiming(Some(calls)) => (
                "Claim",
                format!("up to {calls} of its contacts are being claimed, to be dialled at once"),
                None,
            ),
            Saw::Failed(None) => ("Retry", "its last change was written".to_owned(), None),
            Saw::Failed(at) => {
                ("Retry", "the database did not take its last change: it is tried again".to_owned(), at)
            }
            Saw::List(outlook) => ("List", self.list(outlook), None),
            Saw::Lacks(None) => ("Parts", "plan, dlma and destination are there".to_owned(), None),
            Saw::Lacks(Some(part)) => {
                ("Parts", format!("it has no {part}: OutCampaignUpdate names one that is there"), None)
            }
            Saw::Due(None) => {
                ("Due", "a contact is due, or its list is yet to be looked at".to_owned(), None)
            }
            Saw::Due(Some(at)) => {
                let plan = self.engine.parts(&self.run.campaign).ok().map(|parts| parts.plan);
                let by = if plan.is_some_and(|plan| plan.calling.is_set()) {
                    "retry delay, caps and calling hours"
                } else {
                    "retry delay"
                };
                return ("Due", format!("by its plan's {by} its next contact is due at {at}"), Some(at));
            }
            Saw::Mode(mode) => ("Mode", mode_words(mode), None),
            Saw::Node(there) => ("Node", node_words(there), None),
            Saw::Place(state) => {
                let until = match state {
                    PlaceState::Missing { until } => Some(until),
                    PlaceState::NotAPlace | PlaceState::There | PlaceState::Trial { .. } => None,
                };
                ("Place", place_words(state, of), until)
            }
            Saw::Agents(agents) => ("Queue", agents_words(agents, of), None),
            Saw::Trunk { room, next } => {
                let breaker = self.engine.breakers.get(of).filter(|_| room == 0);
                let closed = breaker.map(|breaker| breaker.why_closed(self.now.mono));
                ("Trunk", format!("{of}: {}", closed.unwrap_or_else(|| "calls get through".to_owned())), next)
            }
            Saw::Link(state) => ("Asterisk", link_words(state), None),
            Saw::Channels { calls, most } => {
                ("Channels", format!("{calls} calls; [asterisk] max_channels = {most}"), None)
            }
            Saw::Intake { calls, most } => (
                "Answers",
                format!(
                    "Asterisk is setting up {calls} calls, and by how long it takes gets {most} at once; [asterisk] \
                     max_unanswered = {}",
                    self.engine.options.max_unanswered
                ),
                None,
            ),
            Saw::Rate { room, next } => {
                let most = self.engine.rate.calls_per_second();
                ("Rate", format!("{room} calls may go now; [asterisk] calls_per_second = {most}"), next)
            }
            Saw::Turn { share: 0 } => (
                "Turn",
                "others that share what there is have had less by their Weight: they come first".to_owned(),
                None,
            ),
            Saw::Turn { share: usize::MAX } => {
                ("Turn", "it comes to this once the gates before are open".to_owned(), None)
            }
            Saw::Turn { share } => ("Turn", format!("{share} of its contacts are dialled now"), None),
        };
        let held = next.filter(|_| saw.holds());
        (gate, text, held.map(|at| self.wall(at)))
    }

    /// A time of the monotonic clock on the wall's.
    fn wall(&self, at: Duration) -> Timestamp {
        self.now.wall.plus(at.saturating_sub(self.now.mono))
    }

    fn status(&self, status: CampaignStatus) -> String {
        let (open, waiting) = (self.run.open, self.run.unacknowledged);
        match status {
            CampaignStatus::Start => "1 (start)".to_owned(),
            CampaignStatus::Stop if self.would_end() => {
                "0 (stop): its list has ended, and a start ends at once: nobody in it has a try left"
                    .to_owned()
            }
            CampaignStatus::Stop => "0 (stop): OutCampaignUpdate with Status: 1 starts it".to_owned(),
            CampaignStatus::Pause => "2 (pause): OutCampaignUpdate with Status: 1 goes on with it".to_owned(),
            CampaignStatus::Stopping => format!("10 (stopping): {open} calls of its are waited for"),
            CampaignStatus::Starting => {
                format!("11 (starting): {waiting} originates of its wait for Asterisk's answer")
            }
            CampaignStatus::Pausing => {
                format!("12 (pausing): {waiting} originates of its wait for Asterisk's answer")
            }
            CampaignStatus::StoppingForcedly => {
                format!("30 (stopping forcedly): {open} calls of its are being hung up")
            }
        }
    }

    /// Whether a start would come to the end of the list at once, and its plan stops it then.
    fn would_end(&self) -> bool {
        let ended = self.outlook.is_some_and(|outlook| outlook.waiting == 0 && outlook.dialing == 0);
        let parts = self.engine.parts(&self.run.campaign);
        ended && parts.is_ok_and(|parts| parts.plan.dl_end_handle == DlEndHandle::StopCampaign)
    }

    fn window(&self, open: bool) -> (String, Option<Timestamp>) {
        match window::hindrance(&self.run.campaign, self.now.wall) {
            Some(hindrance @ Hindrance::Closed { opens }) => (hindrance.to_string(), opens),
            Some(hindrance @ Hindrance::Served) => (hindrance.to_string(), None),
            None if !self.run.campaign.schedule.is_on() => ("ScMode 0: it has no schedule".to_owned(), None),
            None if open => ("its schedule's window is open".to_owned(), None),
            None => ("its schedule's window has just opened".to_owned(), None),
        }
    }

    fn list(&self, outlook: Option<Outlook>) -> String {
        let Some(Outlook { next_due, dialing, waiting, more: _ }) = outlook else {
            return "what is left of it is not known: that is asked with the next claim".to_owned();
        };
        let counts = format!("{waiting} contacts have a try left, {dialing} are being dialled");
        let plan = self.engine.parts(&self.run.campaign).ok().and_then(|parts| parts.plan.why_not_dialled());
        match (next_due, plan) {
            (Some(at), _) if at > self.now.wall => format!("{counts}; the next is due at {at}"),
            (Some(_), _) => format!("{counts}; the next is due now"),
            (None, Some((field, given, allowed))) if waiting > 0 => {
                format!("{counts}; its plan has {field} \"{given}\"; allowed: {allowed}")
            }
            (None, _) => format!("{counts}: the others are finished or held, or the list is empty"),
        }
    }

    /// The gates that a contact stands for in the claim, whose transaction asks the same of the records.
    fn contact(&mut self, standing: &Standing, parts: Parts<'_>) {
        let Standing { dl, last_end, open: _, ahead, .. } = standing;
        let (plan, wall) = (parts.plan, self.now.wall);
        let mut say = |gate, holds, saw, next| self.findings.push(Finding { gate, holds, saw, next });
        let call = self.engine.call_of(standing);
        let is_called = call.is_some();
        let looked_at = self.engine.previews.of_contact(dl.uuid).filter(|_| !is_called);
        let (held, text) = match (call, looked_at, dl.res_dial, dl.held) {
            (Some(call), ..) => (true, call),
            (None, Some(preview), ..) => (true, looked_at_words(preview)),
            (None, None, DialResult::Answered, _) => (true, "it is finished: it was answered".to_owned()),
            (None, None, _, true) => {
                (true, "it is held: OutDlListUpdate with Status: 0 has it dialled again".to_owned())
            }
            (None, None, _, false) => (false, "it waits to be dialled".to_owned()),
        };
        say("Contact", held, text, looked_at.map(|preview| preview.tm_expire));
        let rung = dl.rung();
        let Some(index) = selection::next_number(&rung, plan) else {
            let tries = NumberIndex::all().filter_map(|index| {
                rung.tries(index)
                    .map(|tries| format!("{tries} of {} at number {index}", plan.tries(&rung, index)))
            });
            let tries = tries.collect::<Vec<_>>().join(", ");
            let text = if is_called {
                format!("its last try is under way ({tries})")
            } else {
                format!("it is finished: no try is left ({tries})")
            };
            return say("Tries", true, text, None);
        };
        let (number, tries) = (dl.number(index), rung.tries(index).unwrap_or_default() + 1);
        let addr = number.map(PhoneNumber::as_str).unwrap_or_default();
        let most = plan.tries(&rung, index);
        say("Tries", false, format!("next is number {index}, {addr}: try {tries} of {most}"), None);
        let due = *last_end <= selection::due_before(&rung, plan, wall);
        let bounds = Bounds::of(standing, index, plan, self.run.campaign.schedule.zone(), wall);
        if is_called {
            say("Delay", false, "it runs from the end of the call that it has now".to_owned(), None);
        } else if let Some(at) = bounds.not_before.filter(|_| due && !bounds.hold()) {
            let text = format!("it was put off by its caps or calling hours, and is looked at again at {at}");
            say("Delay", true, text, Some(at));
        } else if due {
            say("Delay", false, "it is due".to_owned(), None);
        } else {
            let at = selection::due_at(&rung, plan, *last_end);
            say("Delay", true, format!("{}: it is due at {at}", plan.retry_delay_field(&rung)), Some(at));
        }
        let bounds_hold = bounds.hold();
        self.not_before = bounds.not_before;
        self.findings.extend(bounds.findings);
        let mut say = |gate, holds, saw, next| self.findings.push(Finding { gate, holds, saw, next });
        let policy = &self.engine.options.policy;
        let ways = self.engine.ways(parts.destination);
        match number.and_then(|number| refused_by_policy(policy, number, plan, &ways)) {
            Some(why) => say("Policy", true, format!("never sent, each try of it fails: {why}"), None),
            None => say("Policy", false, "[policy] allows it".to_owned(), None),
        }
        let text = match *ahead {
            _ if held || !due || bounds_hold => "it takes its place once it is due".to_owned(),
            0 => "none comes before it".to_owned(),
            AHEAD_AT_MOST.. => format!("{AHEAD_AT_MOST} due contacts or more come before it ({LINE})"),
            1 => format!("1 due contact comes before it ({LINE})"),
            ahead => format!("{ahead} due contacts come before it ({LINE})"),
        };
        say("Line", !held && due && !bounds_hold && *ahead > 0, text, None);
    }
}

fn mode_words(mode: DialMode) -> String {
    match mode {
        DialMode::None => "DialMode 0: no dialing".to_owned(),
        DialMode::Predictive | DialMode::Progressive | DialMode::Power => format!("DialMode {mode}"),
        DialMode::Preview => {
            "DialMode 4 (preview): a contact is dialled when an agent who looks at it says go".to_owned()
        }
    }
}

fn looked_at_words(preview: &Preview) -> String {
    let Preview { agent, uuid, campaign, tm_expire, .. } = preview;
    format!("agent {agent} looks at it until {tm_expire}: preview {uuid} of campaign {campaign}")
}

fn node_words(there: Option<bool>) -> String {
    match there {
        None => "its destination has no Failover: its calls need nothing of the dialplan's context astout-custom",
        Some(true) => "Asterisk's dialplan has the way to its destination's failover",
        Some(false) => {
            "Asterisk's dialplan has not got the way to its destination's failover yet: astout writes it as soon as \
             Asterisk is there; the log says where that failed"
        }
    }
    .to_owned()
}

fn place_words(state: PlaceState, place: &str) -> String {
    match state {
        PlaceState::NotAPlace => "its calls need no place of the dialplan".to_owned(),
        PlaceState::There => format!("{place}: Asterisk has not refused it"),
        PlaceState::Missing { .. } => format!(
            "{place}: Asterisk's dialplan has no such place; one call tries it every {:?}. `dialplan show` at \
             Asterisk says what there is",
            place::WAIT
        ),
        PlaceState::Trial { .. } => {
            format!(
                "{place}: Asterisk's dialplan had no such place; one call tries it, and its answer is waited for"
            )
        }
    }
}

fn agents_words(agents: Agents, queue: &str) -> String {
    match agents {
        Agents::NotAQueue if !queue.is_empty() => {
            format!("queue {queue}: in preview no agent of it is waited for")
        }
        Agents::NotAQueue => "its destination is no queue: no agent is waited for".to_owned(),
        Agents::Unknown => format!("queue {queue}: Asterisk has not told yet who is free"),
        Agents::NoSuchQueue => format!("queue {queue}: Asterisk has no such queue"),
        Agents::Paced { agents, room } => format!(
            "queue {queue}: {}; pacing lets {room} calls more through, OutPacingShow tells why",
            agents_told(agents)
        ),
        Agents::There { agents, lines, service_level, awaiting } => format!(
            "queue {queue}: {}; they take {lines} lines, ServiceLevel {service_level}, {awaiting} calls are not with an agent yet",
            agents_told(agents)
        ),
    }
}

fn agents_told(agents: QueueAgents) -> String {
    format!(
        "{} agents are free (of {} that are logged in: {} being called, {} talking, {} wrapping up, {} paused, {} in other calls; \
         {} callers wait; corrections by Asterisk's answers: {})",
        agents.free,
        agents.logged_in(),
        agents.ringing,
        agents.talking,
        agents.wrapping,
        agents.paused,
        agents.busy,
        agents.waiting,
        agents.corrections,
    )
}

fn link_words(state: LinkState) -> String {
    match state {
        LinkState::Down => {
            "not connected: it is away, refuses the login or shuts down; astout's log says which"
        }
        LinkState::Settling => "connected, and asked what became of the calls of before",
        LinkState::Ready => "connected",
    }
    .to_owned()
}
