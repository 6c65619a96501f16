//! One life of the daemon: the real desk, store, log and interpreter, and what `daemon::driver`, the store's writer, the
//! log's writer and `boot` do around them, step by step. A kill takes all of it away; what was committed and written
//! stays.

use std::collections::VecDeque;
use std::time::Duration;

use astout::asterisk::Order;
use astout::asterisk::connection::{FromAsterisk, ToAsterisk};
use astout::asterisk::interpreter::{Interpreter, Output, Tag};
use astout::daemon::desk::{Act, Desk};
use astout::engine::dialing::CallEvent;
use astout::engine::{Engine, Input, Records};
use astout::model::event::{Change, Noun, OutEvent};
use astout::model::ids::{DialingUuid, Ids};
use astout::model::time::Timestamp;
use astout::result_log::{Logged, ResultLog};
use astout::store::{Cause, Command, Committed, Done, Store, StoreError, StoreOptions};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::kills::Point;
use crate::link::Dialup;
use crate::operator::Asked;
use crate::simulation::{Due, Simulation, millis, secs};

/// As the store's writer and the log's writer have them.
const COMMANDS_AT_ONCE: usize = 128;
const LINES_AT_ONCE: usize = 512;
const LOG_RETRY: Duration = secs(1);
/// As `boot` reads them.
const LINES: u32 = 1000;
/// So long after the link came up whatever lives is known.
pub(crate) const SEEING_AFTER: Duration = millis(1500);
/// P5.
const SETTLED_WITHIN: Duration = secs(10);

/// What was submitted to the store.
struct Submitted {
    ticket: u64,
    now: Timestamp,
    command: Command,
}

/// A place where things keep their order on the way: none arrives before the one that left before it.
#[derive(Clone, Copy)]
enum Lane {
    Told,
    Ask,
    Input,
    Order,
    Answer,
    Logged,
}

/// See the module.
pub(crate) struct Daemon {
    pub(crate) desk: Desk,
    store: Store,
    answers: mpsc::UnboundedReceiver<Committed>,
    /// Waits for the store's writer.
    submitted: VecDeque<Submitted>,
    /// In its hands.
    committing: Vec<Submitted>,
    log: ResultLog,
    /// Waits for the log's writer.
    lines: VecDeque<(i64, String)>,
    /// In its hands.
    writing: Vec<(i64, String)>,
    interpreter: Interpreter,
    pub(crate) dialup: Dialup,
    /// When the last thing in each lane arrives.
    lanes: [Duration; 6],
    /// What operators wait for.
    pub(crate) asked: Vec<Asked>,
}

impl Simulation {
    // ---- start and end

    pub(crate) async fn boot(&mut self) {
        if self.daemon.is_some() {
            return;
        }
        if !(self.store_works && self.log_works) {
            return self.after(secs(1), Due::Boot);
        }
        let url = format!("sqlite://{}", self.places.database().display());
        let options = StoreOptions {
            url,
            policy: self.operator.options.policy.clone(),
            result: Default::default(),
            log_seq: 0,
        };
        let opened = Store::open(options).await.unwrap();
        let recovered = opened.recovered;
        self.model.recovered(&recovered);
        self.trace.say(self.now, || {
            let open = recovered.open_dialings.len();
            format!(
                "astout  starts: {open} open, line {} of {} logged",
                recovered.logged_seq, recovered.last_seq
            )
        });
        let mut log = ResultLog::open(&self.places.log()).unwrap();
        let mut after = log.resume(recovered.logged_seq, recovered.last_seq);
        self.model.resumed(after);
        let mut lines = VecDeque::new();
        loop {
            let left = opened.store.lines_after(after, LINES).await.unwrap();
            let Some((last, ..)) = left.last() else { break };
            after = *last;
            self.tally.add("lines written at a start", left.len() as u64);
            lines.extend(left.into_iter().map(|(seq, _, line)| (seq, line)));
        }
        let records = Records {
            plans: recovered.plans,
            dlmas: recovered.dlmas,
            destinations: recovered.destinations,
            campaigns: recovered.campaigns,
            open: recovered.open_dialings,
            pools: recovered.pools,
        };
        let mut chance = self.rng.fork();
        let ids = Ids::new(move || Uuid::from_u128(chance.u128(..)));
        let engine = Engine::new(self.operator.options.clone(), records, ids);
        self.daemon = Some(Daemon {
            desk: Desk::new(engine),
            store: opened.store,
            answers: opened.done,
            submitted: VecDeque::new(),
            committing: Vec::new(),
            log,
            lines,
            writing: Vec::new(),
            interpreter: Interpreter::default(),
            dialup: Dialup::new(),
            lanes: [self.now; 6],
            asked: Vec::new(),
        });
        if self.reach(Point::LogMended) {
            return;
        }
        self.start_writing();
        self.after(millis(1), Due::Connect);
        self.tell_desk(Input::Tick);
    }

    /// The daemon dies at this point, if it is to.
    pub(crate) fn reach(&mut self, point: Point) -> bool {
        let dies = self.daemon.is_some() && self.kills.reach(point);
        if dies {
            self.kill(point.name());
        }
        dies
    }

    pub(crate) fn kill(&mut self, why: &'static str) {
        let Some(daemon) = self.daemon.take() else { return };
        self.trace.say(self.now, || format!("astout  IS KILLED: {why}"));
        self.tally.count(why);
        self.tally.count("KILLS");
        self.model.killed(self.now, &mut self.tally);
        self.forget_daemon();
        self.places.die();
        self.hang_up_link(daemon.dialup.client);
        let dead = millis(if self.rng.bool() { self.rng.u64(50..1000) } else { self.rng.u64(50..6000) });
        self.after(dead, Due::Boot);
        // Sometimes the next one comes as soon as it may.
        let peace = if self.rng.u8(..3) == 0 { dead } else { dead + millis(self.rng.u64(..8000)) };
        self.after(peace, Due::Arm);
    }

    // ---- time

    pub(crate) fn daemon_deadline(&self) -> Option<Duration> {
        let daemon = self.daemon.as_ref()?;
        let client = daemon.dialup.client.as_ref().and_then(|client| client.session.next_deadline());
        [daemon.desk.next_deadline(), daemon.interpreter.next_deadline(), client].into_iter().flatten().min()
    }

    pub(crate) fn daemon_timer(&mut self) {
        let now = self.now;
        let due = |deadline: Option<Duration>| deadline.is_some_and(|at| at <= now);
        let Some(daemon) = &mut self.daemon else { return };
        if due(daemon.desk.next_deadline()) {
            return self.tell_desk(Input::Tick);
        }
        if due(daemon.interpreter.next_deadline()) {
            let outputs = daemon.interpreter.tick(now);
            return self.interpreted(outputs);
        }
        if let Some(client) = &mut daemon.dialup.client {
            client.session.handle_timer(now);
            self.pump_client();
        }
    }

    /// Has something arrive by that lane.
    fn by(&mut self, lane: Lane, due: Due) {
        let wait = self.some(self.lag);
        let Some(daemon) = &mut self.daemon else { return };
        let last = &mut daemon.lanes[lane as usize];
        *last = (self.now + wait).max(*last);
        let at = *last;
        self.at(at, due);
    }

    // ---- the desk

    pub(crate) fn tell_desk(&mut self, input: Input) {
        let now = self.time();
        match &input {
            Input::LinkUp { .. } => {
                self.trace.say(self.now, || "desk    hears that the link is up");
                self.model.link_up(self.now);
                self.after(SEEING_AFTER, Due::Seeing(self.model.blind_serial));
                let settled = Due::Settled { up: self.now, troubles: self.model.troubles };
                self.after(SETTLED_WITHIN, settled);
            }
            Input::LinkDown => {
                self.trace.say(self.now, || "desk    hears that the link is down");
                self.model.linked = false;
                self.model.blind(self.now);
            }
            Input::Call(dialing, event) => {
                self.trace.say(self.now, || format!("desk    {dialing} {event:?}"));
            }
            Input::Live(live) => self.trace.say(self.now, || {
                let live = live.as_ref().map(|live| live.iter().filter(|live| live.own).count());
                format!("desk    hears of live channels: {live:?}")
            }),
            _ => {}
        }
        let (up, queued) =
            (matches!(input, Input::LinkUp { .. }), matches!(input, Input::Call(_, CallEvent::Queued)));
        let Some(daemon) = &mut self.daemon else { return };
        if matches!(input, Input::Call(_, CallEvent::Present { .. }))
            && let Input::Call(dialing, _) = &input
            && daemon.desk.engine().dialing(*dialing).is_some()
        {
            self.tally.count("calls found by a probe");
        }
        let acts = daemon.desk.input(now, [input]);
        self.perform(acts);
        if up && self.reach(Point::LinkUp) {
            return;
        }
        if queued {
            self.reach(Point::OriginateAcknowledged);
        }
    }

    pub(crate) fn answer(&mut self, answer: Committed) {
        let now = self.time();
        let claimed = matches!(&answer.done, Done::Claimed(claimed) if !claimed.dialings.is_empty());
        if claimed && self.reach(Point::ClaimCommitted) {
            return;
        }
        let Some(daemon) = &mut self.daemon else { return };
        let acts = daemon.desk.committed(now, [answer]);
        self.perform(acts);
        if claimed && self.reach(Point::ClaimTold) {
            return;
        }
        self.hear_answers();
    }

    pub(crate) fn logged(&mut self, logged: Logged) {
        let now = self.time();
        let Some(daemon) = &mut self.daemon else { return };
        let acts = daemon.desk.logged(now, logged);
        self.perform(acts);
        self.reach(Point::LoggedSubmitted);
    }

    /// Does what the desk decides, as the driver does it.
    pub(crate) fn perform(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Submit { ticket, now, command } => {
                    let reached = match &*command {
                        Command::Claim(order) if !order.ids.is_empty() => Some(Point::ClaimSubmitted),
                        Command::Finish(ending) => {
                            self.trace.say(self.now, || {
                                format!("desk    {} ends: {:?}", ending.dialing.attempt.uuid, ending.outcome)
                            });
                            self.model.decided(self.now, ending.dialing.attempt.uuid);
                            Some(Point::FinishSubmitted)
                        }
                        _ => None,
                    };
                    let Some(daemon) = &mut self.daemon else { return };
                    daemon.submitted.push_back(Submitted { ticket, now: now.wall, command: *command });
                    if reached.is_some_and(|point| self.reach(point)) {
                        return;
                    }
                }
                Act::Order(order) => {
                    if let Order::Originate(attempt) = &order {
                        self.model.originates(self.now, attempt.uuid);
                    }
                    self.by(Lane::Order, Due::Order(order));
                }
                Act::Append { seq, line } => {
                    if let Some(daemon) = &mut self.daemon {
                        daemon.lines.push_back((seq, line));
                    }
                    if self.reach(Point::FinishCommitted) {
                        return;
                    }
                    self.start_writing();
                }
                Act::Publish(event) => {
                    if let OutEvent::Noun { change: Change::Delete, noun } = &event
                        && let Noun::Dialing(dialing) = &**noun
                    {
                        self.model.announced(dialing.attempt.uuid);
                    }
                }
                Act::Tell(notice) => {
                    self.trace.say(self.now, || format!("desk    notice {notice:?}"));
                    self.tally.count("notices");
                }
                Act::Orphan(dialing) => self.after(Duration::ZERO, Due::Orphan(dialing)),
            }
        }
        self.start_committing();
    }

    pub(crate) async fn orphan(&mut self, dialing: DialingUuid) {
        let Some(daemon) = &self.daemon else { return };
        if !daemon.store.is_dialing(dialing).await.unwrap() {
            return;
        }
        self.tally.count("orphans");
        if self.operator.hangs_up_orphans {
            self.model.may_be_hung_up(dialing);
            self.by(Lane::Order, Due::Order(Order::Hangup(dialing)));
        }
    }

    // ---- the interpreter

    pub(crate) fn told(&mut self, told: FromAsterisk<Tag>) {
        self.by(Lane::Told, Due::Told(Box::new(told)));
    }

    pub(crate) fn tell_interpreter(&mut self, told: FromAsterisk<Tag>) {
        let now = self.now;
        let Some(daemon) = &mut self.daemon else { return };
        let outputs = daemon.interpreter.told(now, told);
        self.interpreted(outputs);
    }

    pub(crate) fn order(&mut self, order: Order) {
        let Some(daemon) = &mut self.daemon else { return };
        let outputs = daemon.interpreter.order(order);
        self.interpreted(outputs);
    }

    fn interpreted(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Submit(action, tag) => {
                    self.by(Lane::Ask, Due::Ask(ToAsterisk::Submit { action, tag }));
                }
                Output::SubmitList(action, tag) => {
                    self.by(Lane::Ask, Due::Ask(ToAsterisk::SubmitList { action, tag }));
                }
                Output::Input(input) => self.by(Lane::Input, Due::Input(Box::new(input))),
                // Nobody sends UserEvents here.
                Output::Contact(_) => {}
            }
        }
    }

    // ---- the store

    /// The store's writer takes what is there, if it has nothing in hand.
    fn start_committing(&mut self) {
        let Some(daemon) = &mut self.daemon else { return };
        if !daemon.committing.is_empty() || daemon.submitted.is_empty() {
            return;
        }
        let count = daemon.submitted.len().min(COMMANDS_AT_ONCE);
        daemon.committing = daemon.submitted.drain(..count).collect();
        let wait = self.some(self.disk);
        self.after(wait, Due::Commit);
    }

    pub(crate) async fn commit(&mut self) {
        let half = self.rng.u8(..8) == 0 && self.reach_half_a_group();
        let Some(daemon) = &mut self.daemon else { return };
        let mut group = std::mem::take(&mut daemon.committing);
        self.tally.count("commits");
        self.tally.add("commands", group.len() as u64);
        if half {
            group.truncate(group.len() / 2);
        }
        let answers = if self.store_works {
            daemon.write(&group).await
        } else {
            let path = self.places.database();
            let failed = StoreError::Database {
                path,
                doing: "committing",
                what: "disk full".into(),
                cause: Cause::Full,
            };
            let failed =
                |of: &Submitted| Committed { ticket: Some(of.ticket), done: Done::Failed(failed.clone()) };
            self.tally.add("commits that fail", group.len() as u64);
            group.iter().map(failed).collect()
        };
        for (submitted, answer) in group.iter().zip(&answers) {
            self.trace.say(self.now, || told(&submitted.command, &answer.done));
            self.model.committed(self.now, &submitted.command, &answer.done, &mut self.tally);
        }
        if half {
            return self.kill(Point::GroupHalfCommitted.name());
        }
        for answer in answers {
            self.by(Lane::Answer, Due::Answer(Box::new(answer)));
        }
        self.start_committing();
    }

    /// A kill in the middle of what was submitted: the first half is committed, the rest is not.
    fn reach_half_a_group(&mut self) -> bool {
        let company = self.daemon.as_ref().is_some_and(|daemon| daemon.committing.len() > 1);
        company && self.kills.reach(Point::GroupHalfCommitted)
    }

    // ---- the result log

    fn start_writing(&mut self) {
        let Some(daemon) = &mut self.daemon else { return };
        if !daemon.writing.is_empty() || daemon.lines.is_empty() {
            return;
        }
        let count = daemon.lines.len().min(LINES_AT_ONCE);
        daemon.writing = daemon.lines.drain(..count).collect();
        let wait = self.some(self.disk);
        self.after(wait, Due::Write);
    }

    pub(crate) fn write(&mut self) {
        if !self.log_works {
            self.tally.count("writes of the log that fail");
            return self.after(LOG_RETRY, Due::Write);
        }
        if self.kills.reach(Point::LineTorn) {
            return self.tear();
        }
        let Some(daemon) = &mut self.daemon else { return };
        let logged = daemon.log.write(&mut daemon.writing).unwrap();
        let written = std::mem::take(&mut daemon.writing);
        self.trace.say(self.now, || format!("log     has every line up to {}", logged.seq));
        self.model.logged(&written);
        self.places.stamp(self.system_time());
        if self.reach(Point::LineWritten) {
            return;
        }
        self.by(Lane::Logged, Due::Logged(logged));
        self.start_writing();
    }

    /// The daemon dies in the middle of a write.
    fn tear(&mut self) {
        let Some(daemon) = &self.daemon else { return };
        let new = daemon.writing.iter().filter(|(seq, _)| *seq > daemon.log.last_seq());
        let bytes: Vec<u8> = new.flat_map(|(_, line)| format!("{line}\n").into_bytes()).collect();
        if !bytes.is_empty() {
            let torn = &bytes[..self.rng.usize(..=bytes.len())];
            self.places.tear(torn);
            self.places.stamp(self.system_time());
            self.model.torn(torn);
            if !torn.is_empty() && !torn.ends_with(b"\n") {
                self.tally.count("torn lines");
            }
        }
        self.kill(Point::LineTorn.name());
    }
}

impl Daemon {
    /// A database whose files are taken from under it is never closed.
    pub(crate) async fn close(self) {
        self.store.close().await.unwrap();
    }

    /// Has the real store commit these, one behind the other, and waits for its answers.
    async fn write(&mut self, group: &[Submitted]) -> Vec<Committed> {
        for Submitted { ticket, now, command } in group {
            self.store.submit(*ticket, *now, command.clone());
        }
        let mut answers = Vec::with_capacity(group.len());
        while answers.len() < group.len() {
            answers.push(self.answers.recv().await.expect("the store's writer is gone"));
        }
        answers
    }
}

/// A commit in words.
fn told(command: &Command, done: &Done) -> String {
    match (command, done) {
        (_, Done::Failed(_)) => "store   fails".to_owned(),
        (Command::Claim(_), Done::Claimed(claimed)) => {
            let dialings = claimed.dialings.iter().map(|(attempt, _)| attempt.uuid.to_string());
            format!("store   claims {:?}, {:?}", dialings.collect::<Vec<_>>(), claimed.outlook)
        }
        (Command::Finish(ending), Done::Finished { seq, .. }) => {
            format!("store   ends {}: {:?}, line {seq}", ending.dialing.attempt.uuid, ending.outcome)
        }
        (Command::Transition { campaign, to, .. }, Done::Moved { .. }) => {
            format!("store   moves {campaign} to {to}")
        }
        (Command::Create { kind, uuid, .. }, Done::Stored { .. }) => {
            format!("store   has a new {kind} {uuid}")
        }
        (Command::Logged { seq }, _) => format!("store   notes line {seq} as logged"),
        (_, Done::Refused(why)) => format!("store   refuses: {why}"),
        (command, done) => {
            let (command, done) = (format!("{command:?}"), format!("{done:?}"));
            let first = |text: &str| text.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
            format!("store   {}: {}", first(&command), first(&done))
        }
    }
}
