//! A world for the engine: a store in memory, an Asterisk that follows a script, and a clock that only the test moves.
//!
//! Every effect is carried out as the daemon's driver does it: what the store is asked for is committed in the order of
//! asking, at once or after [`World::latency`], and each answer comes back as an input. Whatever a test is about, each
//! step is checked against the promises that hold always (see [`crate::promises`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use astout::engine::campaign::on_request;
use astout::engine::dialing::CallEvent;
use astout::engine::explain::{About, Standing};
use astout::engine::preview::{Told, Wish};
use astout::engine::{Effect, Engine, Input, KeptPool, Options, QueueAgents, window};
use astout::model::campaign::Campaign;
use astout::model::codes::{CampaignStatus, DialMode, DialingStatus, Outcome};
use astout::model::destination::Destination;
use astout::model::dialing::NextTry;
use astout::model::dialing::{Attempt, Capsule, Ending, Progress};
use astout::model::dl::Dl;
use astout::model::dlma::Dlma;
use astout::model::event::{Change, Noun, OutEvent};
use astout::model::fields::Fields;
use astout::model::ids::{CampaignUuid, DestinationUuid, DialingUuid, DlUuid, DlmaUuid, Ids, PlanUuid};
use astout::model::plan::Plan;
use astout::model::policy::Policy;
use astout::model::preview::{Answer, Ask};
use astout::model::refusal::Refusal;
use astout::model::time::{Now, Timestamp};
use uuid::Uuid;

use crate::pbx::{Fate, ListAnswer, Pbx, Step, failure, hangup};
use crate::promises::Promises;
use crate::records::{Contact, Records};

/// How long the connection waits for the answer to an Originate.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// 2026-01-01, 00:00 UTC.
const WALL_AT_START: i64 = 1_767_225_600_000_000;
/// More ticks than this at one instant are a busy loop.
const TICKS_AT_ONCE: usize = 20;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What an operator changes in the records, and what is told of it.
type Operation = dyn FnOnce(&mut Records) -> (Change, Noun);

/// What the store is asked for.
enum Command {
    Claim { campaign: CampaignUuid, capsule: Arc<Capsule>, ids: Vec<(DialingUuid, Uuid)>, epoch: String },
    Transition { campaign: CampaignUuid, from: CampaignStatus, to: CampaignStatus },
    Finish(Box<Ending>),
    Progress(DialingUuid, Progress),
    GiveUp(DialingUuid),
    KeepPool(Box<KeptPool>),
    Preview(Wish),
    Operator(Box<Operation>),
}

/// What is to happen at some time.
enum Due {
    Command(Command),
    Step(DialingUuid, Step),
    Input(Input),
}

/// A campaign that is started, and its parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Running {
    pub(crate) campaign: CampaignUuid,
    pub(crate) plan: PlanUuid,
    pub(crate) dlma: DlmaUuid,
    pub(crate) dest: DestinationUuid,
}

/// See the module.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) records: Records,
    pub(crate) pbx: Pbx,
    pub(crate) options: Options,
    /// Every effect so far, and when.
    pub(crate) log: Vec<(Duration, Effect)>,
    /// When the engine was given a tick.
    pub(crate) ticks: Vec<Duration>,
    /// How long the store takes for its next command.
    pub(crate) latency: Box<dyn FnMut() -> Duration>,
    pub(crate) store_works: bool,
    /// What agents were answered, by the number of the question.
    pub(crate) answers: BTreeMap<u64, Result<Answer, Refusal>>,
    asked: u64,
    now: Duration,
    /// How far the wall clock was set off.
    wall_offset: i64,
    due: BTreeMap<(Duration, u64), Due>,
    order: u64,
    last_commit: Duration,
    linked: bool,
    /// Originates that Asterisk has not answered.
    unanswered: BTreeSet<DialingUuid>,
    promises: Promises,
    seed: u64,
    made: u64,
}

impl World {
    /// An empty one, with no link to Asterisk.
    pub(crate) fn new() -> Self {
        Self::with(Options {
            max_channels: 500,
            calls_per_second: 500,
            max_unanswered: 10,
            policy: Policy::default(),
            on_unknown: NextTry::default(),
            preview_timeout: Duration::from_secs(60),
        })
    }

    pub(crate) fn with(options: Options) -> Self {
        Self {
            engine: Engine::new(options.clone(), astout::engine::Records::default(), seeded(1)),
            records: Records::default(),
            pbx: Pbx::new(),
            promises: Promises::new(&options),
            options,
            log: Vec::new(),
            ticks: Vec::new(),
            latency: Box::new(|| Duration::ZERO),
            store_works: true,
            answers: BTreeMap::new(),
            asked: 0,
            now: Duration::ZERO,
            wall_offset: 0,
            due: BTreeMap::new(),
            order: 0,
            last_commit: Duration::ZERO,
            linked: false,
            unanswered: BTreeSet::new(),
            seed: 1,
            made: 0,
        }
    }

    /// The daemon dies and is started anew on the same records. Asterisk goes on.
    pub(crate) fn restart_daemon(&mut self) {
        self.due.retain(|_, due| matches!(due, Due::Step(..)));
        // As the table of the writer's own connection.
        self.records.kept.clear();
        self.linked = false;
        self.unanswered.clear();
        self.seed += 1;
        let records = astout::engine::Records {
            plans: self.records.plans.values().cloned().collect(),
            dlmas: self.records.dlmas.values().cloned().collect(),
            destinations: self.records.destinations.values().cloned().collect(),
            campaigns: self.records.campaigns.values().cloned().collect(),
            open: self.records.open.values().cloned().collect(),
            pools: self.records.pools.values().cloned().collect(),
        };
        self.engine = Engine::new(self.options.clone(), records, seeded(self.seed));
        self.promises.restarted(self.records.open.keys().copied());
        self.feed(Input::Tick);
    }

    // ---- the clock

    pub(crate) fn now(&self) -> Now {
        let micros = i64::try_from(self.now.as_micros()).unwrap();
        let wall = Timestamp::from_micros(WALL_AT_START + self.wall_offset + micros);
        Now { mono: self.now, wall }
    }

    /// Sets the wall clock off by so many seconds.
    pub(crate) fn jump_wall(&mut self, seconds: i64) {
        self.wall_offset += seconds * 1_000_000;
    }

    /// Sets the wall clock.
    pub(crate) fn set_wall(&mut self, at: &str) {
        let at: Timestamp = at.parse().unwrap();
        self.wall_offset += at.micros() - self.now().wall.micros();
    }

    /// Lets time pass until the wall clock, if nobody sets it, shows that.
    pub(crate) fn advance_to(&mut self, at: &str) {
        let at: Timestamp = at.parse().unwrap();
        self.advance(at.since(self.now().wall));
    }

    /// Lets time pass, with everything that happens in it.
    pub(crate) fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        let mut ticks_now = 0;
        loop {
            let due = self.due.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.engine.next_deadline();
            let Some(next) = [due, deadline].into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            if next > self.now {
                self.now = next;
                ticks_now = 0;
            }
            if due.is_some_and(|at| at <= self.now) {
                self.settle();
            } else {
                ticks_now += 1;
                assert!(ticks_now < TICKS_AT_ONCE, "a busy loop at {:?}", self.now);
                self.ticks.push(self.now);
                self.feed(Input::Tick);
            }
        }
        self.now = end;
    }

    // ---- inputs

    /// Gives the engine an input and carries out what it decides, as far as that takes no time.
    pub(crate) fn feed(&mut self, input: Input) {
        self.feed_alone(input);
        self.settle();
    }

    /// An agent asks; gives the number of the question.
    pub(crate) fn ask(&mut self, ask: Ask) -> u64 {
        self.asked += 1;
        let asked = self.asked;
        self.feed(Input::Preview(Told::Asked(asked, ask)));
        asked
    }

    /// How many questions agents have asked.
    pub(crate) const fn asked(&self) -> u64 {
        self.asked
    }

    /// Something happens to a call.
    pub(crate) fn call(&mut self, dialing: DialingUuid, event: CallEvent) {
        self.happen(dialing, &Step::now(event));
        self.settle();
    }

    pub(crate) fn link_up(&mut self, epoch: &str) {
        self.linked = true;
        self.feed(Input::LinkUp { epoch: epoch.to_owned() });
    }

    /// The connection is lost: what Asterisk has not answered stays so, and its events are not heard.
    pub(crate) fn link_down(&mut self) {
        self.linked = false;
        for dialing in std::mem::take(&mut self.unanswered) {
            self.feed(Input::Call(dialing, CallEvent::Unanswered));
        }
        self.feed(Input::LinkDown);
    }

    /// Asterisk dies and comes back without its calls.
    pub(crate) fn restart_asterisk(&mut self, epoch: &str) {
        self.link_down();
        self.due.retain(|_, due| !matches!(due, Due::Step(..)));
        self.pbx.channels.clear();
        self.link_up(epoch);
    }

    pub(crate) fn set_agents(&mut self, queue: &str, free: u32) {
        self.pbx.queues.insert(queue.to_owned(), free);
        self.feed(Input::Agents {
            queue: queue.to_owned(),
            agents: Some(free_agents(free)),
            wrapped: Vec::new(),
        });
    }

    /// What becomes of every call from now on: it rings so long, and talks so long where it is answered.
    pub(crate) fn every_call(&mut self, fate: &Fate, ring: Duration, talk: Duration) {
        let steps = fate.steps(ring, talk);
        self.pbx.script = Box::new(move |_| steps.clone());
    }

    // ---- what an operator does

    /// A change to the records by an operator, committed in its turn.
    pub(crate) fn operate(&mut self, change: impl FnOnce(&mut Records) -> (Change, Noun) + 'static) {
        self.submit(Command::Operator(Box::new(change)));
        self.settle();
    }

    /// Asks for a status as an operator does.
    pub(crate) fn request(&mut self, campaign: CampaignUuid, status: CampaignStatus) {
        let now = self.now().wall;
        self.operate(move |records| {
            let campaign = records.campaigns.get_mut(&campaign).unwrap();
            let before = campaign.clone();
            campaign.status = on_request(campaign.status, status).unwrap();
            window::changed(&before, campaign, Some(status), now).unwrap();
            (Change::Update, Noun::Campaign(campaign.clone()))
        });
    }

    /// Changes a campaign's fields as an operator does.
    pub(crate) fn update_campaign(&mut self, campaign: CampaignUuid, fields: &[(&str, &str)]) {
        let (now, fields) = (self.now().wall, fields_of(fields));
        self.operate(move |records| {
            let campaign = records.campaigns.get_mut(&campaign).unwrap();
            let before = std::mem::replace(campaign, campaign.updated(&fields, now).unwrap());
            window::changed(&before, campaign, None, now).unwrap();
            (Change::Update, Noun::Campaign(campaign.clone()))
        });
    }

    pub(crate) fn plan(&mut self, fields: &[(&str, &str)]) -> PlanUuid {
        let uuid = PlanUuid::new(self.next_uuid());
        let mut all = vec![("TechName", "Local/"), ("TrunkName", "astout-demo")];
        all.splice(0..0, fields.iter().copied());
        let plan = Plan::create(uuid, &fields_of(&all), &Policy::default(), self.now().wall).unwrap();
        self.operate(move |records| {
            records.plans.insert(uuid, plan.clone());
            (Change::Create, Noun::Plan(plan))
        });
        uuid
    }

    pub(crate) fn update_plan(&mut self, uuid: PlanUuid, fields: &[(&str, &str)]) {
        let plan = &self.records.plans[&uuid];
        let plan = plan.updated(&fields_of(fields), &Policy::default(), self.now().wall).unwrap();
        self.operate(move |records| {
            records.plans.insert(uuid, plan.clone());
            (Change::Update, Noun::Plan(plan))
        });
    }

    pub(crate) fn dlma(&mut self) -> DlmaUuid {
        let uuid = DlmaUuid::new(self.next_uuid());
        let dlma = Dlma::create(uuid, &Fields::default(), self.now().wall).unwrap();
        self.operate(move |records| {
            records.dlmas.insert(uuid, dlma.clone());
            (Change::Create, Noun::Dlma(dlma))
        });
        uuid
    }

    pub(crate) fn destination(&mut self, fields: &[(&str, &str)]) -> DestinationUuid {
        let uuid = DestinationUuid::new(self.next_uuid());
        let now = self.now().wall;
        let destination = Destination::create(uuid, &fields_of(fields), &Policy::default(), now).unwrap();
        self.operate(move |records| {
            records.destinations.insert(uuid, destination.clone());
            (Change::Create, Noun::Destination(destination))
        });
        uuid
    }

    /// A destination that takes any number of calls.
    pub(crate) fn anywhere(&mut self) -> DestinationUuid {
        self.destination(&[("Type", "1"), ("Application", "Park")])
    }

    pub(crate) fn queue(&mut self, name: &str) -> DestinationUuid {
        self.destination(&[("Type", "1"), ("Application", "Queue"), ("Data", name)])
    }

    /// A contact that is in no record yet.
    pub(crate) fn new_contact(&mut self, dlma: DlmaUuid, fields: &[(&str, &str)]) -> Contact {
        let uuid = DlUuid::new(self.next_uuid());
        let now = self.now().wall;
        let dl = Dl::create(uuid, dlma, &fields_of(fields), &Policy::default(), now).unwrap();
        Contact { dl, last_end: 0 }
    }

    pub(crate) fn dl(&mut self, dlma: DlmaUuid, fields: &[(&str, &str)]) -> DlUuid {
        let contact = self.new_contact(dlma, fields);
        let (uuid, dl) = (contact.dl.uuid, contact.dl.clone());
        self.operate(move |records| {
            records.contacts.push(contact);
            (Change::Create, Noun::Dl(dl))
        });
        uuid
    }

    /// So many contacts with one number each.
    pub(crate) fn dls(&mut self, dlma: DlmaUuid, count: usize) {
        for place in 0..count {
            self.dl(dlma, &[("Number1", &format!("3{place:05}"))]);
        }
    }

    /// A campaign that is stopped.
    pub(crate) fn campaign(
        &mut self,
        plan: PlanUuid,
        dlma: DlmaUuid,
        dest: DestinationUuid,
        fields: &[(&str, &str)],
    ) -> CampaignUuid {
        let uuid = CampaignUuid::new(self.next_uuid());
        let parts = [plan.to_string(), dlma.to_string(), dest.to_string()];
        let mut all = vec![("Plan", &*parts[0]), ("Dlma", &*parts[1]), ("Dest", &*parts[2])];
        all.extend_from_slice(fields);
        let campaign = Campaign::create(uuid, &fields_of(&all), self.now().wall).unwrap();
        self.operate(move |records| {
            records.campaigns.insert(uuid, campaign.clone());
            (Change::Create, Noun::Campaign(campaign))
        });
        uuid
    }

    /// A campaign over one contact that is started, with the link up, and the dialing that it makes at once.
    pub(crate) fn one_call(&mut self, plan: &[(&str, &str)]) -> (CampaignUuid, DialingUuid) {
        let (plan, dlma, dest) = (self.plan(plan), self.dlma(), self.anywhere());
        self.dl(dlma, &[("Number1", "300")]);
        let campaign = self.campaign(plan, dlma, dest, &[]);
        self.link_up("first start");
        self.request(campaign, CampaignStatus::Start);
        (campaign, self.originated()[0])
    }

    /// A campaign over so many contacts that is started, with the link up.
    pub(crate) fn running(&mut self, plan: &[(&str, &str)], contacts: usize) -> Running {
        let (plan, dlma, dest) = (self.plan(plan), self.dlma(), self.anywhere());
        self.dls(dlma, contacts);
        let campaign = self.campaign(plan, dlma, dest, &[]);
        if !self.linked {
            self.link_up("first start");
        }
        self.request(campaign, CampaignStatus::Start);
        Running { campaign, plan, dlma, dest }
    }

    /// The gates that hold a campaign, each with what it saw.
    pub(crate) fn held_by(&self, campaign: CampaignUuid) -> Vec<(&'static str, String)> {
        let explained = self.engine.explain(self.now(), &about(campaign, None)).unwrap();
        explained.holds().map(|finding| (finding.gate, finding.saw.clone())).collect()
    }

    // ---- what came of it

    pub(crate) fn status(&self, campaign: CampaignUuid) -> CampaignStatus {
        self.records.campaigns[&campaign].status
    }

    /// The attempts that were sent, in their order, and when.
    pub(crate) fn attempts(&self) -> Vec<(Duration, Arc<Attempt>)> {
        let sent = |(at, effect): &(Duration, Effect)| match effect {
            Effect::Originate(attempt) => Some((*at, Arc::clone(attempt))),
            _ => None,
        };
        self.log.iter().filter_map(sent).collect()
    }

    pub(crate) fn originated(&self) -> Vec<DialingUuid> {
        self.attempts().into_iter().map(|(_, attempt)| attempt.uuid).collect()
    }

    /// How many effects there were of that kind.
    pub(crate) fn count(&self, kind: impl Fn(&Effect) -> bool) -> usize {
        self.log.iter().filter(|(_, effect)| kind(effect)).count()
    }

    /// What was published of a dialing, with the status that each event showed.
    pub(crate) fn shown(&self, dialing: DialingUuid) -> Vec<(Change, DialingStatus)> {
        let shown = |(_, effect): &(Duration, Effect)| match effect {
            Effect::Publish(OutEvent::Noun { change, noun }) => match &**noun {
                Noun::Dialing(shown) if shown.attempt.uuid == dialing => {
                    Some((*change, shown.progress.status))
                }
                _ => None,
            },
            _ => None,
        };
        self.log.iter().filter_map(shown).collect()
    }

    /// The statuses that a campaign went through by itself.
    pub(crate) fn moves(&self, campaign: CampaignUuid) -> Vec<(CampaignStatus, CampaignStatus)> {
        let moved = |(_, effect): &(Duration, Effect)| match effect {
            Effect::Transition { campaign: of, from, to } if *of == campaign => Some((*from, *to)),
            _ => None,
        };
        self.log.iter().filter_map(moved).collect()
    }

    /// How the dialings ended.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.records.outcomes()
    }

    /// The end of a dialing that has one line.
    pub(crate) fn ending(&self, dialing: DialingUuid) -> &Ending {
        let mut of = self.records.endings.iter().filter(|ending| ending.dialing.attempt.uuid == dialing);
        let ending = of.next().unwrap();
        assert!(of.next().is_none(), "a second line");
        ending
    }

    // ---- the machinery

    fn next_uuid(&mut self) -> Uuid {
        self.made += 1;
        Uuid::from_u64_pair(0, self.made)
    }

    fn schedule(&mut self, at: Duration, due: Due) {
        self.order += 1;
        self.due.insert((at, self.order), due);
    }

    /// The store commits in the order of asking.
    fn submit(&mut self, command: Command) {
        let at = (self.now + (self.latency)()).max(self.last_commit);
        self.last_commit = at;
        self.schedule(at, Due::Command(command));
    }

    fn settle(&mut self) {
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            match entry.remove() {
                Due::Command(command) => self.commit(command),
                Due::Step(dialing, step) => self.happen(dialing, &step),
                Due::Input(input) => self.feed_alone(input),
            }
        }
    }

    fn feed_alone(&mut self, input: Input) {
        self.promises.before(&input);
        let expected = matches!(input, Input::Tick).then(|| self.at_no_gate());
        let effects = self.engine.handle(self.now(), input);
        // Every few steps: an explanation is many words.
        if expected.is_some() || self.log.len().is_multiple_of(8) {
            let free = self.at_no_gate();
            assert!(free.is_empty(), "nothing holds {free:?}, and it was not claimed for");
        }
        // Where time alone has passed, what claims is what nothing held before.
        if let Some(expected) = expected
            && effects.iter().all(|effect| matches!(effect, Effect::Claim { .. }))
        {
            let claimed = effects.iter().filter_map(|effect| match effect {
                Effect::Claim { campaign, ids, .. } if !ids.is_empty() => Some(*campaign),
                _ => None,
            });
            let claimed: BTreeSet<_> = claimed.collect();
            // Pacing decides anew as time passes, and what it lets through others do not get.
            if !claimed.iter().any(|campaign| self.is_paced(*campaign)) {
                assert_eq!(claimed, expected, "what an explanation says, and what is done");
            }
        }
        for effect in effects {
            self.promises.after(self.now(), &effect, &self.records);
            self.log.push((self.now, effect.clone()));
            self.carry_out(effect);
        }
    }

    fn is_paced(&self, campaign: CampaignUuid) -> bool {
        let campaign = &self.records.campaigns[&campaign];
        let plan = campaign.plan.map(|plan| &self.records.plans[&plan]);
        let dest = campaign.dest.map(|dest| &self.records.destinations[&dest]);
        plan.is_some_and(|plan| plan.dial_mode == DialMode::Predictive)
            && dest.is_some_and(|dest| dest.queue().is_some())
    }

    /// The campaigns that nothing holds, as an explanation has it.
    fn at_no_gate(&self) -> BTreeSet<CampaignUuid> {
        let is_free = |campaign: &CampaignUuid| {
            let explained = self.engine.explain(self.now(), &about(*campaign, None));
            explained.is_some_and(|explained| explained.holds().next().is_none())
        };
        let started = self.records.campaigns.values().filter(|row| row.status == CampaignStatus::Start);
        started.map(|row| row.uuid).filter(is_free).collect()
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Claim { campaign, capsule, ids, epoch } => {
                self.submit(Command::Claim { campaign, capsule, ids, epoch });
            }
            Effect::Preview(Wish::Answer { ask, answer }) => self.answer(Some(ask), answer),
            Effect::Preview(wish) => self.submit(Command::Preview(wish)),
            Effect::Transition { campaign, from, to } => {
                self.submit(Command::Transition { campaign, from, to });
            }
            Effect::Progress(dialing, progress) => self.submit(Command::Progress(dialing, progress)),
            Effect::Finish(ending) => self.submit(Command::Finish(ending)),
            Effect::Originate(attempt) => self.originate(&attempt),
            Effect::Hangup(dialing) => self.hang_up(dialing),
            Effect::GiveUp(dialing) => self.submit(Command::GiveUp(dialing)),
            Effect::KeepPool(pool) => self.submit(Command::KeepPool(pool)),
            Effect::Probe(dialing) if self.linked => {
                let answer = self.pbx.probe(dialing);
                self.schedule(self.now, Due::Input(Input::Call(dialing, answer)));
            }
            Effect::Scan if self.linked => {
                let answer = match self.pbx.list {
                    ListAnswer::Whole => Some(self.pbx.live()),
                    ListAnswer::Truncated => None,
                    ListAnswer::Silence => return,
                };
                self.schedule(self.now, Due::Input(Input::Live(answer)));
            }
            Effect::WatchQueue(queue) if self.linked => {
                let agents = self.pbx.queues.get(&queue).copied().map(free_agents);
                self.schedule(self.now, Due::Input(Input::Agents { queue, agents, wrapped: Vec::new() }));
            }
            Effect::SendAway(..)
            | Effect::Probe(_)
            | Effect::Scan
            | Effect::WatchQueue(_)
            | Effect::Publish(_)
            | Effect::Notice(_)
            | Effect::Orphan(_) => {}
        }
    }

    fn answer(&mut self, ask: Option<u64>, answer: Result<Answer, Refusal>) {
        if let Some(ask) = ask {
            assert!(self.answers.insert(ask, answer).is_none(), "an agent is answered twice");
        }
    }

    fn wish(&mut self, now: Timestamp, wish: Wish) -> Input {
        let not_written = || Err(Refusal::Preview("not written".to_owned()));
        match wish {
            Wish::Keep { ask, preview, .. } if !self.store_works => {
                self.answer(Some(ask), not_written());
                Input::Preview(Told::Failed(preview))
            }
            Wish::LetGo { ask, preview, .. } if !self.store_works => {
                self.answer(ask, not_written());
                Input::Preview(Told::Failed(preview))
            }
            Wish::Dial { ask, dial } if !self.store_works => {
                self.answer(Some(ask), not_written());
                Input::StoreFailed(dial.campaign)
            }
            Wish::Keep { ask: _, preview, campaign, capsule } => {
                let (contact, outlook) = self.records.keep(now, campaign, &capsule, preview);
                Input::Preview(Told::Kept { preview, contact: contact.map(Box::new), outlook })
            }
            Wish::LetGo { ask, preview, behind } => {
                self.records.let_go(preview, behind);
                Input::Preview(Told::LetGo { ask, preview })
            }
            Wish::Dial { ask: _, dial } => {
                let (attempts, outlook) = self.records.dial(now, &dial);
                Input::Claimed { campaign: dial.campaign, attempts, outlook }
            }
            Wish::Answer { .. } => unreachable!("answered at once"),
        }
    }

    fn originate(&mut self, attempt: &Attempt) {
        let dialing = attempt.uuid;
        if !self.linked {
            let not_sent = CallEvent::NotSent("not connected to Asterisk".to_owned());
            self.schedule(self.now, Due::Input(Input::Call(dialing, not_sent)));
            return;
        }
        self.unanswered.insert(dialing);
        self.schedule(self.now, Due::Step(dialing, Step::now(CallEvent::Sent)));
        let mut at = self.now;
        for step in (self.pbx.script)(attempt) {
            at += step.after;
            self.schedule(at, Due::Step(dialing, step));
        }
    }

    fn hang_up(&mut self, dialing: DialingUuid) {
        if !self.linked || !self.pbx.channels.contains_key(&dialing) {
            return;
        }
        self.due.retain(|_, due| !matches!(due, Due::Step(of, _) if *of == dialing));
        if !self.pbx.responded.contains(&dialing) {
            self.schedule(self.now, Due::Step(dialing, Step::now(failure(0))));
        }
        self.schedule(self.now, Due::Step(dialing, Step::now(hangup(0))));
    }

    /// Something happens to a call at Asterisk, and the daemon hears of it where the link is up.
    fn happen(&mut self, dialing: DialingUuid, step: &Step) {
        self.pbx.happen(dialing, &step.event);
        if !self.linked {
            return;
        }
        let answers = matches!(step.event, CallEvent::Queued | CallEvent::Refused(_));
        if answers && step.heard == 0 {
            let lost = Due::Input(Input::Call(dialing, CallEvent::Unanswered));
            self.schedule(self.now + ANSWER_WAIT, lost);
        }
        if answers {
            self.unanswered.remove(&dialing);
        }
        for _ in 0..step.heard {
            self.feed_alone(Input::Call(dialing, step.event.clone()));
        }
    }

    fn commit(&mut self, command: Command) {
        let now = self.now().wall;
        let answer = match command {
            Command::Claim { campaign, .. } | Command::Transition { campaign, .. } if !self.store_works => {
                Input::StoreFailed(campaign)
            }
            Command::Finish(ending) if !self.store_works => Input::EndFailed(ending),
            Command::Claim { campaign, capsule, ids, epoch } => {
                let (attempts, outlook) = self.records.claim(now, campaign, &capsule, &ids, &epoch);
                Input::Claimed { campaign, attempts, outlook }
            }
            Command::Transition { campaign, from, to } => {
                match self.records.transition(campaign, from, to, now) {
                    Some(moved) => Input::Changed(Change::Update, Arc::new(Noun::Campaign(moved))),
                    None => Input::NotMoved(campaign),
                }
            }
            Command::Finish(ending) => {
                Input::Ended(ending.dialing.attempt.uuid, self.records.finish(&ending).map(Box::new))
            }
            Command::Progress(dialing, progress) => {
                self.records.progress(dialing, progress);
                return;
            }
            Command::GiveUp(dialing) => {
                if let Some(open) = self.records.open.get_mut(&dialing) {
                    open.withdrawn = true;
                }
                Input::GivenUp(dialing)
            }
            Command::KeepPool(pool) => {
                self.records.pools.insert(pool.queue.clone(), *pool);
                return;
            }
            Command::Preview(wish) => self.wish(now, wish),
            Command::Operator(change) => {
                let (change, noun) = change(&mut self.records);
                Input::Changed(change, Arc::new(noun))
            }
        };
        self.feed_alone(answer);
    }
}

/// A queue that nobody else calls, with so many free agents and no others.
pub(crate) fn free_agents(free: u32) -> QueueAgents {
    QueueAgents { free, ..QueueAgents::default() }
}

fn fields_of(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().copied().collect()
}

fn seeded(seed: u64) -> Ids {
    let mut given = 0;
    Ids::new(move || {
        given += 1;
        Uuid::from_u64_pair(seed, given)
    })
}

/// Asks about a campaign, or a contact of its, and has nothing but the engine say what is left of the list.
pub(crate) fn about(campaign: CampaignUuid, contact: Option<Standing>) -> About {
    About { campaign, list: None, contact }
}
