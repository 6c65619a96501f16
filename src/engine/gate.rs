//! The gates before a claim, in the order in which they are asked. To ask one changes nothing; its answer is what it
//! saw, and how many calls that lets through. The dispatcher asks until one says none; an explanation asks them all
//! ([`super::explain`]). There is no second opinion that could come to differ.

use std::time::Duration;

use super::link::Link;
use super::pacing::{agents, power};
use super::route::Route;
use super::run::Run;
use super::{Engine, Outlook, QueueAgents};
use crate::model::campaign::Campaign;
use crate::model::codes::{CampaignStatus, DialMode};
use crate::model::destination::Destination;
use crate::model::dlma::Dlma;
use crate::model::plan::Plan;
use crate::model::time::{Now, Timestamp};

/// What a gate saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saw {
    /// Whether the daemon is stopping.
    Draining(bool),
    /// Whether nothing may be dialled whose end could not be recorded either.
    Held(bool),
    /// The campaign's status.
    Status(CampaignStatus),
    /// Whether its schedule lets it dial.
    Window { open: bool },
    /// The status that it is being moved to.
    Moving(Option<CampaignStatus>),
    /// The calls that a claim under way may bring.
    Claiming(Option<usize>),
    /// When it goes on after a failed commit.
    Failed(Option<Duration>),
    /// What is known of its list.
    List(Option<Outlook>),
    /// What it lacks.
    Lacks(Option<&'static str>),
    /// When its next contact is due, where that is to come.
    Due(Option<Timestamp>),
    /// What its plan dials by.
    Mode(DialMode),
    /// Whether Asterisk's dialplan has the node of its destination; `None` where none is needed.
    Node(Option<bool>),
    /// Whether Asterisk's dialplan has the place of its destination.
    Place(PlaceState),
    /// The agents of the queue that its calls are for.
    Agents(Agents),
    /// How many calls may go over its trunk, and when time alone lets more.
    Trunk { room: usize, next: Option<Duration> },
    /// Whether Asterisk is there.
    Link(LinkState),
    /// Calls, and how many there may be.
    Channels { calls: usize, most: usize },
    /// Calls that Asterisk is setting up, and how many it is given at once.
    Intake { calls: usize, most: usize },
    /// Calls that may be claimed in this moment, and when time alone lets more.
    Rate { room: usize, next: Option<Duration> },
    /// How many calls it gets of those that all may make.
    Turn { share: usize },
}

/// How far the link to Asterisk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkState {
    Down,
    Settling,
    Ready,
}

/// What is known of a place in the dialplan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlaceState {
    /// Calls need none.
    NotAPlace,
    /// Nothing is known against it.
    There,
    /// It is missing, and until then no call tries it.
    Missing { until: Duration },
    /// It was missing: one call tries it, once none of the campaign's originates waits for its answer.
    Trial { unanswered: usize },
}

/// What is known of a queue's agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agents {
    /// Calls are for no queue.
    NotAQueue,
    /// Asterisk has not said yet.
    Unknown,
    /// There is no such queue.
    NoSuchQueue,
    /// What they do, the lines that the free ones take, and how many calls are not with one yet.
    There { agents: QueueAgents, lines: usize, service_level: u32, awaiting: usize },
    /// What they do, and how many calls more predictive pacing lets through.
    Paced { agents: QueueAgents, room: u32 },
}

impl Saw {
    /// How many calls that lets through.
    pub(super) fn room(self) -> usize {
        let all_or_none = |open: bool| if open { usize::MAX } else { 0 };
        match self {
            Self::Draining(holds) | Self::Held(holds) => all_or_none(!holds),
            Self::Status(status) => all_or_none(status == CampaignStatus::Start),
            Self::Window { open } => all_or_none(open),
            Self::Moving(moving) => all_or_none(moving.is_none()),
            Self::Claiming(claiming) => all_or_none(claiming.is_none()),
            Self::Failed(until) => all_or_none(until.is_none()),
            // What is not known may be anything: a claim finds out.
            Self::List(outlook) => all_or_none(outlook.is_none_or(|outlook| outlook.next_due.is_some())),
            Self::Lacks(part) => all_or_none(part.is_none()),
            Self::Due(at) => all_or_none(at.is_none()),
            Self::Mode(mode) => match mode {
                // Nobody is dialled by itself; what an agent says go to passes by this gate.
                DialMode::None | DialMode::Preview => 0,
                DialMode::Predictive | DialMode::Progressive | DialMode::Power => usize::MAX,
            },
            // An answered call would have nowhere to go.
            Self::Node(there) => all_or_none(there.unwrap_or(true)),
            Self::Place(state) => match state {
                PlaceState::NotAPlace | PlaceState::There => usize::MAX,
                PlaceState::Missing { .. } => 0,
                PlaceState::Trial { unanswered } => 1_usize.saturating_sub(unanswered),
            },
            Self::Agents(Agents::NotAQueue) => usize::MAX,
            // Of a queue that is not there nobody would ever take a call.
            Self::Agents(Agents::Unknown | Agents::NoSuchQueue) => 0,
            Self::Agents(Agents::There { agents: _, lines, service_level, awaiting }) => {
                agents::capacity(lines, service_level, awaiting)
            }
            Self::Agents(Agents::Paced { agents: _, room }) => room as usize,
            Self::Trunk { room, .. } | Self::Rate { room, .. } => room,
            Self::Link(state) => all_or_none(state == LinkState::Ready),
            Self::Channels { calls: taken, most } | Self::Intake { calls: taken, most } => {
                most.saturating_sub(taken)
            }
            Self::Turn { share } => share,
        }
    }

    /// Whether it lets none through.
    pub(super) fn holds(self) -> bool {
        self.room() == 0
    }
}

/// The gates that a campaign alone stands for.
pub(super) const OF_RUN: [fn(&Run, Now) -> Saw; 6] = [
    |run, _| Saw::Status(run.campaign.status),
    |run, now| Saw::Window { open: run.is_in_window(now) },
    |run, _| Saw::Moving(run.moving),
    |run, _| Saw::Claiming(run.claiming.as_ref().map(|claim| claim.calls)),
    |run, now| Saw::Failed(run.retry_at.filter(|at| *at > now.mono)),
    |run, _| Saw::List(run.outlook),
];

/// What attempts are made of.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) plan: &'a Plan,
    pub(super) dlma: &'a Dlma,
    pub(super) destination: &'a Destination,
}

impl Engine {
    /// The gates that stand for all campaigns.
    pub(super) fn gates_of_all(&self) -> [Saw; 2] {
        [Saw::Draining(self.draining), Saw::Held(self.held)]
    }

    /// What the campaign dials by, or what it lacks.
    pub(super) fn parts(&self, campaign: &Campaign) -> Result<Parts<'_>, &'static str> {
        let plan = campaign.plan.and_then(|plan| self.plans.get(&plan)).ok_or("plan")?;
        let dlma = campaign.dlma.and_then(|dlma| self.dlmas.get(&dlma)).ok_or("dlma")?;
        let destination = campaign.dest.and_then(|dest| self.destinations.get(&dest)).ok_or("destination")?;
        Ok(Parts { plan, dlma, destination })
    }

    /// The nodes of the campaign's destination, and of the one of those whom no agent takes, where calls go on from there.
    pub(super) fn node_gate(&self, route: &Route) -> Saw {
        let (mut nodes, there) = (route.nodes.iter().peekable(), |node| self.nodes.contains(node));
        Saw::Node(nodes.peek().is_some().then(|| nodes.all(there)))
    }

    /// The place in the dialplan that the run's destination names, where calls go there.
    pub(super) fn place_gate(&self, now: Now, run: &Run, route: &Route) -> Saw {
        let Some(place) = &route.place else { return Saw::Place(PlaceState::NotAPlace) };
        Saw::Place(match self.places.missing_until(place) {
            None => PlaceState::There,
            Some(until) if until > now.mono => PlaceState::Missing { until },
            Some(_) => PlaceState::Trial { unanswered: run.unacknowledged },
        })
    }

    /// The agents of the campaign's queue.
    pub(super) fn agents_gate(&self, route: &Route) -> Saw {
        // In preview an agent has said go: no other is waited for.
        let queue = route.queue.as_ref().filter(|_| route.mode != DialMode::Preview);
        let Some(queue) = queue else { return Saw::Agents(Agents::NotAQueue) };
        Saw::Agents(match self.agents.get(queue) {
            Some(_) if !self.link.is_ready() => Agents::Unknown,
            Some(Some(agents)) if route.mode == DialMode::Predictive => {
                Agents::Paced { agents: *agents, room: self.pools.get(queue).map_or(0, |pool| pool.room) }
            }
            Some(Some(agents)) => Agents::There {
                agents: *agents,
                lines: lines(agents.free, route),
                service_level: route.service_level,
                // The next free agent goes to whoever waits, whosever caller that is.
                awaiting: self.tally.awaiting_agent(queue) + agents.others as usize,
            },
            // Nobody has answered yet, or there is none.
            Some(None) if self.asked_queues.contains(queue) => Agents::Unknown,
            Some(None) => Agents::NoSuchQueue,
            None => Agents::Unknown,
        })
    }

    /// The breaker of the campaign's trunk.
    pub(super) fn trunk_gate(&self, now: Now, trunk: &str) -> Saw {
        match self.breakers.get(trunk) {
            Some(breaker) => Saw::Trunk { room: breaker.room(now.mono), next: breaker.next_at(now.mono) },
            None => Saw::Trunk { room: super::breaker::Breaker::default().room(now.mono), next: None },
        }
    }

    /// The gates of the Asterisk, for whatever campaign.
    pub(super) fn gates_of_asterisk(&self, now: Now) -> [Saw; 4] {
        let claiming = self.tally.claiming();
        [
            Saw::Link(self.link.state()),
            Saw::Channels { calls: self.calls.len() + claiming, most: self.options.max_channels as usize },
            Saw::Intake {
                calls: self.tally.setting_up() + claiming,
                most: self.intake.most(self.options.max_unanswered),
            },
            Saw::Rate { room: self.rate.allowed(now.mono), next: self.rate.next_at(now.mono) },
        ]
    }
}

/// How many lines that many free agents take by the plan's mode.
fn lines(free: u32, route: &Route) -> usize {
    match route.mode {
        DialMode::Power => power::lines(free, route.power_ratio),
        DialMode::None | DialMode::Predictive | DialMode::Progressive | DialMode::Preview => free as usize,
    }
}

/// When a list's next contact is due, where that is to come.
pub(super) fn due_gate(outlook: Option<Outlook>, now: Now) -> Saw {
    Saw::Due(outlook.and_then(|outlook| outlook.next_due).filter(|due| *due > now.wall))
}

impl Link {
    fn state(&self) -> LinkState {
        if self.is_ready() {
            LinkState::Ready
        } else if self.is_settling() {
            LinkState::Settling
        } else {
            LinkState::Down
        }
    }
}
