//! Previews (`DialMode` 4): contacts that agents look at. Nobody is dialled before his agent says go.
//!
//! ```text
//!  next ──► Picking ──kept──► Shown ──go──► Going ──its gates are open──► Dialling ──committed──► a call
//!              │ none is due    │ ▲           │                               │
//!              ▼                │ └───────────┴── a gate is shut that ────────┘ not written: refused, and
//!           refused             │                 time alone does not open      still shown
//!                               ▼ skip; its time is over; its campaign no longer shows it
//!                            Leaving ──committed──► gone
//! ```
//!
//! Which contact it is, the store decides, by the rules of every claim and in one order with all claims: whom it keeps
//! for an agent, no other claim gets. A go claims that contact, and from there on its call is one like any other. The
//! gates are those of `engine::gate`, and what is refused has the words of [`super::explain`]. What agents look at is
//! kept in memory, here and in the store: a start has none, and whoever was looked at is free again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::dispatch::refused_by_policy;
use super::explain::{About, Finding, causes};
use super::run::STORE_RETRY;
use super::{Effect, Engine, Outlook, selection};
use crate::model::codes::{CampaignStatus, DialMode, DialResult};
use crate::model::dialing::Capsule;
use crate::model::dl::Dl;
use crate::model::event::{Change, OutEvent};
use crate::model::fields::FieldError;
use crate::model::ids::{CampaignUuid, DialingUuid, DlUuid};
use crate::model::number::NumberIndex;
use crate::model::preview::{Agent, Answer, Ask, Preview, PreviewEnd};
use crate::model::refusal::{NounKind, Refusal};
use crate::model::time::Now;

/// Contacts that agents look at, at once and at most: each is one that no campaign dials.
pub const MOST: usize = 1000;

/// Gates that stand for dialing without an agent, and are no matter of his.
const NOT_ASKED: [&str; 4] = ["Mode", "Turn", "List", "Due"];
/// Gates that open within a moment: who has said go waits for them.
const MOMENTARY: [&str; 5] = ["Claim", "Retry", "Change", "Answers", "Rate"];
/// By the time that somebody has looked at a contact, a call may have ended.
const BY_THEN: &str = "Channels";

/// What is heard of previews.
#[derive(Debug)]
pub enum Told {
    /// An agent asks; the answer comes as [`Wish::Answer`] with the same number.
    Asked(u64, Ask),
    /// A [`Wish::Keep`] is committed.
    Kept {
        /// The preview.
        preview: DialingUuid,
        /// The contact, and which of its numbers is next; `None` where none is due.
        contact: Option<Box<(Dl, NumberIndex)>>,
        /// What is left of the list.
        outlook: Outlook,
    },
    /// A [`Wish::LetGo`] is committed.
    LetGo {
        /// Who waits for the answer.
        ask: Option<u64>,
        /// The preview.
        preview: DialingUuid,
    },
    /// A [`Wish::Keep`] or [`Wish::LetGo`] was not committed. Whoever has asked is answered.
    Failed(DialingUuid),
}

/// What is to be done about previews. `ask` is the number of the question that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Find a contact that is due, and keep it from every claim.
    Keep {
        /// Who waits for the answer.
        ask: u64,
        /// The preview's id.
        preview: DialingUuid,
        /// The campaign.
        campaign: CampaignUuid,
        /// What it dials by.
        capsule: Arc<Capsule>,
    },
    /// Keep it no longer.
    LetGo {
        /// Who waits for the answer.
        ask: Option<u64>,
        /// The preview.
        preview: DialingUuid,
        /// As if its last try had ended then, in microseconds since 1970: it comes behind others.
        behind: Option<i64>,
    },
    /// Claim the contact. Answered as every claim: by [`super::Input::Claimed`], or [`super::Input::StoreFailed`].
    Dial {
        /// Who waits for the answer.
        ask: u64,
        /// The preview, and what is dialled.
        dial: Box<Dial>,
    },
    /// Answer.
    Answer {
        /// Whom.
        ask: u64,
        /// What.
        answer: Result<Answer, Refusal>,
    },
}

/// The claim of one contact that an agent looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// The preview, and the dialing that comes of it.
    pub preview: DialingUuid,
    /// The `OtherChannelId` of its Originate.
    pub other: Uuid,
    /// The campaign.
    pub campaign: CampaignUuid,
    /// What its attempt is frozen with.
    pub capsule: Arc<Capsule>,
    /// The start of the Asterisk that it will be sent to.
    pub epoch: String,
    /// The contact.
    pub dl: DlUuid,
    /// Which of its numbers.
    pub index: NumberIndex,
    /// Who has said go.
    pub agent: Agent,
}

/// A contact is looked for.
#[derive(Debug)]
struct Picking {
    ask: u64,
    campaign: CampaignUuid,
    agent: Agent,
    timeout: Duration,
}

/// A contact that is kept.
#[derive(Debug)]
struct Hold {
    preview: Preview,
    ends: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    Shown,
    Going { ask: u64, index: NumberIndex },
    Dialling { ask: u64 },
    Leaving { end: PreviewEnd, behind: Option<i64>, retry_at: Option<Duration> },
}

/// What agents look at.
#[derive(Debug, Default)]
pub(super) struct Previews {
    picking: BTreeMap<DialingUuid, Picking>,
    held: BTreeMap<DialingUuid, Hold>,
    wake: Option<Duration>,
}

impl Previews {
    /// When time alone changes something about them.
    pub(super) fn wake(&self) -> Option<Duration> {
        self.wake
    }

    /// The one who looks at that contact.
    pub(super) fn of_contact(&self, dl: DlUuid) -> Option<&Preview> {
        self.all().find(|preview| preview.dl.uuid == dl)
    }

    fn all(&self) -> impl Iterator<Item = &Preview> {
        let there = |hold: &&Hold| !matches!(hold.state, State::Leaving { .. });
        self.held.values().filter(there).map(|hold| &hold.preview)
    }
}

impl Engine {
    /// What agents look at, in the order of the ids.
    pub fn previews(&self) -> impl Iterator<Item = &Preview> {
        self.previews.all()
    }

    pub(super) fn preview_told(&mut self, now: Now, told: Told, effects: &mut Vec<Effect>) {
        match told {
            Told::Asked(ask, Ask::Next { campaign, agent, timeout }) => {
                let timeout = timeout.unwrap_or(self.options.preview_timeout);
                let picking = Picking { ask, campaign, agent, timeout };
                if let Some(answer) = self.pick(now, picking, effects) {
                    effects.push(answered(ask, answer));
                }
            }
            Told::Asked(ask, Ask::Go { preview, number }) => match self.going(preview, number) {
                Err(refusal) => effects.push(answered(ask, Err(refusal))),
                Ok(index) => self.set_state(preview, State::Going { ask, index }),
            },
            Told::Asked(ask, Ask::Skip { preview, later, reason }) => {
                match self.behind(now, preview, later) {
                    Err(refusal) => effects.push(answered(ask, Err(refusal))),
                    Ok(behind) => {
                        let end = PreviewEnd::Skipped { reason };
                        self.leave(preview, Some(ask), end, Some(behind), effects);
                    }
                }
            }
            Told::Kept { preview, contact, outlook } => self.kept(now, preview, contact, outlook, effects),
            Told::LetGo { ask, preview } => {
                if let Some(Hold { preview, state: State::Leaving { end, .. }, .. }) =
                    self.previews.held.remove(&preview)
                {
                    self.list_changed(preview.dl.dlma_uuid);
                    effects.push(ended(preview, end));
                }
                effects.extend(ask.map(|ask| answered(ask, Ok(Answer::Skipped))));
            }
            Told::Failed(preview) => {
                self.previews.picking.remove(&preview);
                let hold = self.previews.held.get_mut(&preview);
                if let Some(Hold { state, .. }) = hold
                    && let State::Leaving { end, retry_at, .. } = state
                {
                    match end {
                        // Its agent was told, and may say it again.
                        PreviewEnd::Skipped { .. } => *state = State::Shown,
                        PreviewEnd::Dialled | PreviewEnd::Expired | PreviewEnd::Released => {
                            *retry_at = Some(now.mono + STORE_RETRY);
                        }
                    }
                }
            }
        }
    }

    /// Looks for a contact; or the answer, where there is one already.
    fn pick(
        &mut self,
        now: Now,
        picking: Picking,
        effects: &mut Vec<Effect>,
    ) -> Option<Result<Answer, Refusal>> {
        let Picking { ask, campaign, ref agent, .. } = picking;
        if let Some(hold) = self.previews.held.values().find(|hold| hold.preview.agent == *agent) {
            let (uuid, of) = (hold.preview.uuid, hold.preview.campaign);
            return Some(match hold.state {
                // Whoever has lost the answer asks again.
                State::Shown | State::Going { .. } if of == campaign => {
                    Ok(Answer::Kept(Box::new(hold.preview.clone())))
                }
                State::Shown | State::Going { .. } | State::Dialling { .. } | State::Leaving { .. } => {
                    Err(Refusal::Preview(format!(
                        "Agent: {agent} has preview {uuid} of campaign {of}; allowed: once that is dialled, skipped or over"
                    )))
                }
            });
        }
        if self.previews.picking.values().any(|other| other.agent == *agent) {
            let why = format!(
                "Agent: a contact is being looked for already for {agent}; allowed: one request at a time"
            );
            return Some(Err(Refusal::Preview(why)));
        }
        if self.previews.held.len() + self.previews.picking.len() >= MOST {
            let why = format!(
                "Agent: {MOST} contacts are being looked at; allowed: once one of them is dialled, skipped or over"
            );
            return Some(Err(Refusal::Preview(why)));
        }
        let Some(run) = self.runs.get(&campaign) else {
            let uuid = campaign.to_string();
            return Some(Err(Refusal::NoSuch { noun: NounKind::Campaign, field: "CampaignUuid", uuid }));
        };
        if let Ok(route) = self.route(run)
            && route.mode != DialMode::Preview
        {
            let allowed = format!("a campaign whose plan has DialMode 4 (preview), not {}", route.mode);
            return Some(Err(FieldError::invalid("CampaignUuid", &campaign.to_string(), allowed).into()));
        }
        let is_asked = |gate: &str| !MOMENTARY.contains(&gate) && gate != BY_THEN;
        if let Some(finding) = self.shut(now, campaign, is_asked) {
            return Some(Err(refused_by(&finding)));
        }
        let Some(capsule) = self.capsule(campaign) else {
            // A gate says so first.
            return Some(Err(Refusal::Preview("Parts: something is missing".to_owned())));
        };
        let preview = DialingUuid::new(self.ids.next_uuid());
        self.previews.picking.insert(preview, picking);
        effects.push(Effect::Preview(Wish::Keep { ask, preview, campaign, capsule }));
        None
    }

    /// The first of the gates, causes before what comes of them, that is asked and shut.
    fn shut(&self, now: Now, campaign: CampaignUuid, is_asked: impl Fn(&str) -> bool) -> Option<Finding> {
        let explained = self.explain(now, &About { campaign, list: None, contact: None })?;
        let shut = causes(&explained.findings);
        shut.into_iter().find(|finding| !NOT_ASKED.contains(&finding.gate) && is_asked(finding.gate)).cloned()
    }

    fn kept(
        &mut self,
        now: Now,
        uuid: DialingUuid,
        contact: Option<Box<(Dl, NumberIndex)>>,
        outlook: Outlook,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Picking { ask, campaign, agent, timeout }) = self.previews.picking.remove(&uuid) else {
            return;
        };
        let Some((dl, index)) = contact.map(|contact| *contact) else {
            if let Some(capsule) = self.capsule(campaign).filter(|_| outlook.more) {
                // As many were put off as one claim may: there are others behind them.
                self.previews.picking.insert(uuid, Picking { ask, campaign, agent, timeout });
                return effects.push(Effect::Preview(Wish::Keep { ask, preview: uuid, campaign, capsule }));
            }
            let why = self.why_none(now, campaign, outlook);
            return effects.push(answered(ask, Err(Refusal::NoContact(why))));
        };
        let (tm_create, tm_expire) = (now.wall, now.wall.plus(timeout));
        let preview = Preview { uuid, campaign, agent, dl, index, tm_create, tm_expire };
        effects.push(published(Change::Create, preview.clone(), None));
        effects.push(answered(ask, Ok(Answer::Kept(Box::new(preview.clone())))));
        let hold = Hold { preview, ends: now.mono + timeout, state: State::Shown };
        self.previews.held.insert(uuid, hold);
    }

    fn why_none(&self, now: Now, campaign: CampaignUuid, outlook: Outlook) -> String {
        let list = self.runs.get(&campaign).and_then(|run| run.campaign.dlma);
        let looked_at = self.previews.all().filter(|preview| Some(preview.dl.dlma_uuid) == list).count();
        if looked_at > 0 && outlook.next_due.is_none_or(|due| due <= now.wall) && outlook.waiting > 0 {
            return format!("agents are looking at all that are due, {looked_at} in this list");
        }
        let explained = self.explain(now, &About { campaign, list: Some(outlook), contact: None });
        let findings = explained.map(|explained| explained.findings).unwrap_or_default();
        let why = causes(&findings).into_iter().find(|finding| {
            ["List", "Due"].contains(&finding.gate)
                || !(NOT_ASKED.contains(&finding.gate) || MOMENTARY.contains(&finding.gate))
        });
        why.map_or_else(|| "none is due any more".to_owned(), words)
    }

    /// At which of its numbers a preview may be dialled.
    fn going(&self, uuid: DialingUuid, number: Option<NumberIndex>) -> Result<NumberIndex, Refusal> {
        let preview = self.shown(uuid)?;
        let index = number.unwrap_or(preview.index);
        let run = self.runs.get(&preview.campaign);
        // Without its parts a gate is shut, which has words for it.
        let Some(parts) = run.and_then(|run| self.parts(&run.campaign).ok()) else { return Ok(index) };
        let rung = preview.dl.rung();
        let left: Vec<_> = selection::numbers(&rung, parts.plan).map(|index| index.to_string()).collect();
        if !left.contains(&index.to_string()) {
            let allowed = format!("{} (its numbers that have a try left)", left.join(", "));
            return Err(FieldError::invalid("Number", &index.to_string(), allowed).into());
        }
        let ways = self.ways(parts.destination);
        let number = preview.dl.number(index);
        let refused =
            number.and_then(|number| refused_by_policy(&self.options.policy, number, parts.plan, &ways));
        refused.map_or(Ok(index), |why| Err(Refusal::Preview(format!("Policy: {why}"))))
    }

    /// Where a preview that is skipped goes: as if its last try had ended then.
    fn behind(&self, now: Now, uuid: DialingUuid, later: Option<Duration>) -> Result<i64, Refusal> {
        let preview = self.shown(uuid)?;
        let plan = self.runs.get(&preview.campaign).and_then(|run| self.parts(&run.campaign).ok());
        let delay = plan.map(|parts| parts.plan.retry_delay(&preview.dl.rung())).unwrap_or_default();
        Ok(now.wall.plus(later.unwrap_or(delay)).minus(delay).micros())
    }

    /// A preview that waits for a word.
    fn shown(&self, uuid: DialingUuid) -> Result<&Preview, Refusal> {
        let hold = self.previews.held.get(&uuid);
        match hold.map(|hold| (&hold.preview, &hold.state)) {
            Some((preview, State::Shown)) => Ok(preview),
            Some((_, State::Going { .. } | State::Dialling { .. })) => {
                let why = format!("Uuid: preview {uuid} is being dialled; allowed: one go a preview");
                Err(Refusal::Preview(why))
            }
            Some((_, State::Leaving { .. })) | None => {
                let allowed = "that of a preview which OutPreviewNext gave, and whose time is not over";
                Err(FieldError::invalid("Uuid", &uuid.to_string(), allowed).into())
            }
        }
    }

    fn set_state(&mut self, uuid: DialingUuid, state: State) {
        if let Some(hold) = self.previews.held.get_mut(&uuid) {
            hold.state = state;
        }
    }

    /// Gives a contact back.
    fn leave(
        &mut self,
        preview: DialingUuid,
        ask: Option<u64>,
        end: PreviewEnd,
        behind: Option<i64>,
        effects: &mut Vec<Effect>,
    ) {
        self.set_state(preview, State::Leaving { end, behind, retry_at: None });
        effects.push(Effect::Preview(Wish::LetGo { ask, preview, behind }));
    }

    /// What follows from the time, and from what has become of campaigns; and whoever has said go is dialled.
    pub(super) fn follow_previews(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.previews.wake = None;
        if self.previews.held.is_empty() {
            return;
        }
        let mut leaving = Vec::new();
        let mut going = Vec::new();
        for (uuid, hold) in &self.previews.held {
            let end = if !self.shows(&hold.preview) {
                Some(PreviewEnd::Released)
            } else {
                (hold.ends <= now.mono).then_some(PreviewEnd::Expired)
            };
            match (&hold.state, end) {
                (State::Shown, Some(end)) => leaving.push((*uuid, None, end, None)),
                (State::Going { ask, .. }, Some(end)) => {
                    effects.push(answered(*ask, Err(self.too_late(now, hold.preview.campaign))));
                    leaving.push((*uuid, None, end, None));
                }
                (State::Going { ask, index }, None) => going.push((*ask, *uuid, *index)),
                (State::Leaving { end, behind, retry_at: Some(at) }, _) if *at <= now.mono => {
                    leaving.push((*uuid, None, end.clone(), *behind));
                }
                (State::Shown | State::Dialling { .. } | State::Leaving { .. }, _) => {}
            }
        }
        for (uuid, ask, end, behind) in leaving {
            self.leave(uuid, ask, end, behind, effects);
        }
        // Who has said it first is dialled first.
        going.sort_unstable();
        for (ask, uuid, index) in going {
            self.go(now, ask, (uuid, index), effects);
        }
        let waits = |hold: &Hold| match hold.state {
            State::Shown => Some(hold.ends),
            State::Going { .. } => {
                Some(self.rate.next_at(now.mono).map_or(hold.ends, |at| at.min(hold.ends)))
            }
            State::Leaving { retry_at, .. } => retry_at,
            State::Dialling { .. } => None,
        };
        self.previews.wake = self.previews.held.values().filter_map(waits).min();
    }

    /// Whether its campaign still shows it.
    fn shows(&self, preview: &Preview) -> bool {
        self.runs.get(&preview.campaign).is_some_and(|run| {
            let campaign = &run.campaign;
            campaign.status == CampaignStatus::Start
                && campaign.dlma == Some(preview.dl.dlma_uuid)
                && self.route(run).is_ok_and(|route| route.mode == DialMode::Preview)
        })
    }

    /// What is said to somebody who has said go and was not dialled in time.
    fn too_late(&self, now: Now, campaign: CampaignUuid) -> Refusal {
        let shut = self.shut(now, campaign, |_| true);
        shut.map_or_else(|| Refusal::Preview("its time is over".to_owned()), |finding| refused_by(&finding))
    }

    /// Dials the contact of somebody who has said go, where nothing is in the way.
    fn go(
        &mut self,
        now: Now,
        ask: u64,
        (uuid, index): (DialingUuid, NumberIndex),
        effects: &mut Vec<Effect>,
    ) {
        let Some(hold) = self.previews.held.get(&uuid) else { return };
        let (campaign, dl, agent) = (hold.preview.campaign, hold.preview.dl.uuid, hold.preview.agent.clone());
        if let Some(finding) = self.shut(now, campaign, |gate| !MOMENTARY.contains(&gate)) {
            self.set_state(uuid, State::Shown);
            return effects.push(answered(ask, Err(refused_by(&finding))));
        }
        if self.shut(now, campaign, |_| true).is_some() {
            return;
        }
        // What it is made of is there: that was asked.
        let Some(capsule) = self.capsule(campaign) else { return };
        let other = self.ids.next_uuid();
        let epoch = self.begin_claim(now, campaign, &capsule, &[(uuid, other)]);
        let turn = self.turn;
        if let Some(run) = self.runs.get_mut(&campaign) {
            run.turn = run.turn.max(turn) + run.price(1);
        }
        self.set_state(uuid, State::Dialling { ask });
        let dial = Dial { preview: uuid, other, campaign, capsule, epoch, dl, index, agent };
        effects.push(Effect::Preview(Wish::Dial { ask, dial: Box::new(dial) }));
    }

    /// A claim of that campaign is committed and carried out: where it was a go's, that is answered.
    pub(super) fn preview_claimed(
        &mut self,
        campaign: CampaignUuid,
        dialling: Option<DialingUuid>,
        effects: &mut Vec<Effect>,
    ) {
        let Some((uuid, ask)) = self.dialling(campaign) else { return };
        let Some(Hold { preview, .. }) = self.previews.held.remove(&uuid) else { return };
        let call = dialling.and_then(|dialing| self.calls.get(&dialing));
        let answer = match call {
            Some(call) if !call.is_ended() => Ok(Answer::Dialled(uuid)),
            Some(call) => {
                let why = call.dialing().progress.res_dial_detail.as_deref();
                Err(Refusal::Preview(format!("not sent: {}", why.unwrap_or("its campaign was stopped"))))
            }
            None => {
                self.list_changed(preview.dl.dlma_uuid);
                let why = "Contact: it is no longer one to dial at that number now; OutExplain says why";
                Err(Refusal::Preview(why.to_owned()))
            }
        };
        let end = if dialling.is_some() { PreviewEnd::Dialled } else { PreviewEnd::Released };
        effects.push(ended(preview, end));
        effects.push(answered(ask, answer));
    }

    /// A claim of that campaign was not committed. Whoever has said go was told.
    pub(super) fn preview_not_written(&mut self, campaign: CampaignUuid) {
        if let Some((uuid, _)) = self.dialling(campaign) {
            self.set_state(uuid, State::Shown);
        }
    }

    /// The preview that the claim under way of that campaign is for, and who waits for it.
    fn dialling(&self, campaign: CampaignUuid) -> Option<(DialingUuid, u64)> {
        self.previews.held.iter().find_map(|(uuid, hold)| match hold.state {
            State::Dialling { ask } if hold.preview.campaign == campaign => Some((*uuid, ask)),
            State::Dialling { .. } | State::Shown | State::Going { .. } | State::Leaving { .. } => None,
        })
    }

    /// A contact has changed, or is gone: whoever looks at it is told.
    pub(super) fn preview_changed(&mut self, change: Change, dl: &Dl, effects: &mut Vec<Effect>) {
        let of_contact = |hold: &&mut Hold| hold.preview.dl.uuid == dl.uuid;
        let Some(hold) = self.previews.held.values_mut().find(of_contact) else { return };
        hold.preview.dl = dl.clone();
        let (uuid, campaign) = (hold.preview.uuid, hold.preview.campaign);
        let next = self.runs.get(&campaign).and_then(|run| {
            let plan = self.parts(&run.campaign).ok()?.plan;
            selection::next_number(&dl.rung(), plan)
        });
        let is_to_dial =
            change != Change::Delete && !dl.held && dl.res_dial != DialResult::Answered && next.is_some();
        let Some(hold) = self.previews.held.get_mut(&uuid) else { return };
        match hold.state {
            // What its claim finds is what counts.
            State::Dialling { .. } | State::Leaving { .. } => {}
            State::Shown | State::Going { .. } if is_to_dial => {
                hold.preview.index = next.unwrap_or(hold.preview.index);
                effects.push(published(Change::Update, hold.preview.clone(), None));
            }
            State::Shown => self.leave(uuid, None, PreviewEnd::Released, None, effects),
            State::Going { ask, .. } => {
                let why = "Contact: it has changed meanwhile, and is no longer one to dial";
                effects.push(answered(ask, Err(Refusal::Preview(why.to_owned()))));
                self.leave(uuid, None, PreviewEnd::Released, None, effects);
            }
        }
    }
}

fn answered(ask: u64, answer: Result<Answer, Refusal>) -> Effect {
    Effect::Preview(Wish::Answer { ask, answer })
}

fn published(change: Change, preview: Preview, end: Option<PreviewEnd>) -> Effect {
    Effect::Publish(OutEvent::Preview { change, preview: Arc::new(preview), end })
}

fn ended(preview: Preview, end: PreviewEnd) -> Effect {
    published(Change::Delete, preview, Some(end))
}

fn refused_by(finding: &Finding) -> Refusal {
    Refusal::Preview(words(finding))
}

fn words(finding: &Finding) -> String {
    let next = finding.next.map(|at| format!(" (until {at})")).unwrap_or_default();
    format!("{}: {}{next}", finding.gate, finding.saw)
}
