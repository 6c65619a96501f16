//! Five agents of a queue of a real Asterisk, paced over a list of numbers of which three of ten answer: they are as busy
//! as `astout simulate` says, no more callers are abandoned than may be, and astout sees them as Asterisk does.
//!
//! The day is drawn beforehand: the number that is dialled n-th says what the simulation's n-th call meets, how long it
//! rings, whether somebody answers, how long they talk and the agent wraps up. What is left between the two is what Asterisk
//! and astout take to do it, and what they decide otherwise for it.
//!
//! `ASTOUT_PACING` says how many numbers there are (60 by default; `make pacing` has 300).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failure is a failed test, and what was measured is told"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use astout::ami::Message;
use astout::simworld::draws::{Draws, slot};
use astout::simworld::{Outcome, Policy, Scenario, run};
use serde_json::Value;
use support::ami::{Client, header};
use support::daemon::Daemon;
use support::lab::Lab;
use support::scenario::Campaign;
use support::view::{astout, look, until_told};

/// The world, and which day of it is played. All takes about a tenth as long as on P1 of docs/pacing.md, and more numbers are
/// busy: three hundred of them are dialled in five minutes.
const DAY: &str = r#"{
    "agents": 5, "p_human": 0.3, "p_fail": 0.3,
    "originate": {"mean_s": 0.03, "cv": 0}, "bridge_s": 0.2,
    "ring_human": {"mean_s": 1.8, "cv": 0.5}, "ring_timeout_s": 4, "fail_after": {"mean_s": 0.5, "cv": 0.5},
    "talk": {"mean_s": 8, "cv": 0.8}, "wrap": {"mean_s": 2, "cv": 0.6}
}"#;
const SEED: u64 = 1;
/// How many points of occupancy Asterisk's agents may be from the simulated ones.
const POINTS: f64 = 5.0;
/// Calls that were on their way when the credit ended may be lost besides (docs/pacing.md): of thirty simulated days of this
/// world none loses more than one.
const LATE: f64 = 1.0;
/// Until then a day counts after its last dial, as in the simulation.
const AFTER_LAST_DIAL: Duration = Duration::from_secs(30);
/// What a day may take for each number, on a machine that is busy with other things.
const PATIENCE_A_NUMBER: Duration = Duration::from_secs(5);

const POLICY: &str = "[policy]\nlocal_contexts = [\"astout-drawn\"]\n";
const QUEUE: &str = "sales_drawn";
const AGENTS: u32 = 5;

/// How many numbers there are.
fn numbers() -> u64 {
    std::env::var("ASTOUT_PACING").ok().and_then(|value| value.parse().ok()).unwrap_or(60)
}

/// `cap` is the share of callers that may be abandoned.
fn day(cap: f64, leads: u64) -> Scenario {
    Scenario { cap, leads: Some(leads), ..Scenario::parse(DAY).unwrap() }
}

/// The number whose callee does what the simulation's call of that place meets, as the lab's `astout-drawn` reads it.
fn number(day: &Scenario, place: u64) -> String {
    let draws = Draws::new(SEED);
    let hundredths = |seconds: f64| ((seconds * 100.0).round() as u64).min(9999);
    let person = day.p_human.at(0.0);
    let (fate, rings) = match draws.uniform(place, slot::OUTCOME) {
        u if u < person => match draws.time(place, slot::RING, day.ring_human) {
            rings if rings > day.ring_timeout_s => (3, rings),
            rings => (1, rings),
        },
        u if u < person + day.p_fail => (2, draws.time(place, slot::RING, day.fail_after)),
        _ => (3, day.ring_timeout_s),
    };
    let (talk, wrap) = (draws.talk(place, &day.talk), draws.time(place, slot::WRAP, day.wrap));
    let [rings, talk, wrap] = [rings, talk, wrap].map(hundredths);
    format!("7{fate}{rings:04}{talk:04}{wrap:04}{place:04}")
}

/// What Asterisk has told of its agents and their callers, with the times at which it did.
#[derive(Debug, Default)]
struct Ledger {
    dials: Vec<Instant>,
    /// Those of them for which no agent was free, but may soon be.
    ahead: usize,
    /// Calls that no agent is called for yet.
    under_way: BTreeSet<String>,
    /// Who entered the queue, when, and when an agent had them.
    callers: BTreeMap<String, (Instant, Option<Instant>)>,
    /// Since when agents are with a caller, or wrap up.
    with_caller: BTreeMap<String, Instant>,
    wrapping: BTreeMap<String, Instant>,
    talks: Vec<(Instant, Instant)>,
    wraps: Vec<(Instant, Instant)>,
}

impl Ledger {
    fn note(&mut self, now: Instant, event: &Message) {
        let agent = || header(event, "Interface");
        let caller = header(event, "Uniqueid");
        match header(event, "Event").as_str() {
            "Newchannel" => {
                let channel = header(event, "Channel");
                if channel.contains("@astout-drawn") && channel.ends_with(";1") {
                    self.dials.push(now);
                    self.under_way.insert(caller);
                    let free = AGENTS as usize - self.with_caller.len() - self.wrapping.len();
                    self.ahead += usize::from(self.under_way.len() > free);
                }
            }
            "Hangup" => drop(self.under_way.remove(&caller)),
            "QueueCallerJoin" => drop(self.callers.insert(caller, (now, None))),
            "AgentCalled" => {
                self.with_caller.insert(agent(), now);
                self.under_way.remove(&caller);
            }
            "AgentConnect" => drop(self.callers.entry(caller).and_modify(|(_, taken)| *taken = Some(now))),
            "AgentRingNoAnswer" => {
                self.with_caller.remove(&agent());
                self.under_way.insert(caller);
            }
            "AgentComplete" => {
                let since = self.with_caller.remove(&agent()).expect("AgentCalled before AgentComplete");
                self.talks.push((since, now));
                self.wrapping.insert(agent(), now);
            }
            "QueueMemberPause" if header(event, "Paused") == "0" => {
                if let Some(since) = self.wrapping.remove(&agent()) {
                    self.wraps.push((since, now));
                }
            }
            _ => {}
        }
    }

    /// The share of the agents' time that these spans take, from the first dial to the end of the day.
    fn share(&self, spans: &[(Instant, Instant)]) -> f64 {
        let from = *self.dials.first().expect("a dial");
        let until = *self.dials.last().expect("a dial") + AFTER_LAST_DIAL;
        let within =
            |(begun, ended): &(Instant, Instant)| (*ended.min(&until)).saturating_duration_since(*begun);
        let spent: Duration = spans.iter().map(within).sum();
        spent.as_secs_f64() / (f64::from(AGENTS) * (until - from).as_secs_f64())
    }

    /// How many waited for an agent for longer than that, or in vain.
    fn abandoned(&self, after: Duration) -> usize {
        let in_time =
            |(joined, taken): &(Instant, Option<Instant>)| taken.is_some_and(|at| at - *joined <= after);
        self.callers.values().filter(|caller| !in_time(caller)).count()
    }
}

/// A second session of Asterisk's that writes down what it is told.
struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Ledger>,
}

impl Watch {
    fn begin(lab: &Lab) -> Self {
        let mut admin = lab.admin();
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut ledger = Ledger::default();
            while !until.load(Ordering::Relaxed) {
                if let Some(event) = admin.event(Duration::from_millis(100)) {
                    ledger.note(Instant::now(), &event);
                }
            }
            ledger
        });
        Self { over, thread }
    }

    fn end(self) -> Ledger {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Mean and standard deviation.
fn spread(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance.sqrt())
}

fn status(client: &mut Client, campaign: &str) -> String {
    let shown = client.list("OutCampaignShow", &[("Uuid", campaign)]);
    header(&shown[0], "Status")
}

/// What has come of the day on Asterisk.
struct Played {
    ledger: Ledger,
    /// The result log.
    lines: Vec<Value>,
    looks: Looks,
}

/// How often the queue was looked at, by astout's words and by Asterisk's.
#[derive(Default)]
struct Looks {
    agreed: u64,
    /// Looks at which astout saw something else at first.
    differed: u64,
    /// How long it took until they agreed, at most.
    latest: Duration,
    /// What astout said last.
    words: String,
}

/// Plays the day on Asterisk.
fn play(world: &Scenario, dial_mode: &str, min_ring_s: &str) -> Played {
    let count = world.leads.unwrap();
    let lab = Lab::up(&format!("paced-{dial_mode}-{}", world.cap));
    let daemon = Daemon::start(&lab, POLICY);
    let (mut client, mut admin) = (daemon.client(), lab.admin());
    for client in [&mut client, &mut admin] {
        client.action("Events", &[("EventMask", "off")]);
    }
    let drawn: Vec<_> = (0..count).map(|place| number(world, place)).collect();
    let contacts: Vec<_> = drawn.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let apology = [("Type", "0"), ("Exten", "hangup"), ("Context", "astout-dest")];
    let apology = client.create("OutDestinationCreate", &apology);
    let timeout = format!("{:.0}", world.ring_timeout_s * 1000.0);
    let (target, patience) = (format!("{:.0}", world.cap * 100.0), format!("{:.0}", world.abandon_after_s));
    let plan = [
        ("TechName", "Local/"),
        ("TrunkName", "astout-drawn"),
        ("DialMode", dial_mode),
        ("DialTimeout", &timeout),
        ("MaxRetry1", "1"),
        ("RetryDelay", "0"),
        ("AbandonTarget", &target),
        ("AbandonAfter", &patience),
        ("AbandonDest", &apology),
        ("MinRing", min_ring_s),
    ];
    let queue = [("Type", "1"), ("Application", "Queue"), ("Data", QUEUE)];
    let campaign = Campaign::create(&mut client, &plan, &queue, &contacts);
    let watch = Watch::begin(&lab);
    campaign.request(&mut client, "1");

    let deadline = Instant::now() + PATIENCE_A_NUMBER * count as u32 + AFTER_LAST_DIAL;
    let mut looks = Looks::default();
    until_told(&mut client, &campaign.uuid);
    while status(&mut client, &campaign.uuid) != "0" {
        assert!(Instant::now() < deadline, "the campaign does not end");
        let look = look(&mut admin, &mut client, QUEUE, &campaign.uuid);
        looks.differed += u64::from(look.differed);
        if let Some(late) = look.agreed {
            looks.agreed += 1;
            looks.latest = looks.latest.max(late);
        }
        looks.words = astout(&mut client, &campaign.uuid).1;
        // As often as people look, not as fast as can be.
        std::thread::sleep(Duration::from_millis(200));
    }
    let played = Played { ledger: watch.end(), lines: daemon.results(), looks };
    daemon.check();
    played
}

/// Plays the day on Asterisk and in the simulation, and compares them.
fn paced(dial_mode: &str, min_ring_s: &str, cap: f64) {
    let count = numbers();
    let world = day(cap, count);
    let Played { ledger, lines, looks } = play(&world, dial_mode, min_ring_s);

    let policy: Policy = match dial_mode {
        "1" => format!("predictive:min-ring={min_ring_s}").parse().unwrap(),
        _ => "progressive".parse().unwrap(),
    };
    let dials = ledger.dials.len() as u64;
    // Who was given up is dialled again.
    let simulated = run(&day(cap, dials), &policy, SEED, None);
    let occupancy = |outcome: &Outcome| outcome.seconds.occupancy() * 100.0;
    let others: Vec<f64> = (1..=30).map(|seed| occupancy(&run(&world, &policy, seed, None))).collect();
    let ((few, _), (_, deviation)) = (spread(&others[..6]), spread(&others));
    let live = ledger.share(&ledger.talks) * 100.0;
    let off = live - occupancy(&simulated);
    let answers = ledger.callers.len() as u64;
    let abandoned = ledger.abandoned(Duration::from_secs_f64(world.abandon_after_s));
    let told = lines.iter().filter(|line| line["abandoned"] == true).count();
    let given_up = lines.iter().filter(|line| line["outcome"] == "withdrawn").count();
    let Looks { agreed, differed, latest, words } = looks;
    println!(
        "{policy}, {:.0} % may be abandoned: agents talk {live:.1} % of their time, simulated {:.1} %: {off:+.1}. They wrap up \
         {:.1} %, simulated {:.1} %. {dials} dials, {} of them ahead, {given_up} given up; {answers} answers, {abandoned} abandoned, \
         simulated {} of {}. Other days, simulated: seeds 1 to 6 {few:.1} %, standard deviation of a day {deviation:.1}. Looks at \
         the queue: {agreed} agreed, the latest after {latest:?}; {differed} differed at first",
        cap * 100.0,
        occupancy(&simulated),
        ledger.share(&ledger.wraps) * 100.0,
        simulated.seconds.wrap / simulated.seconds.staffed() * 100.0,
        ledger.ahead,
        simulated.abandoned,
        simulated.live_answers,
    );

    assert!(off.abs() <= POINTS, "{off:+.1} points from the simulation");
    let twice = dials - count + simulated.cancels;
    assert!(answers.abs_diff(simulated.live_answers) <= twice, "{answers} answers, simulated {simulated:?}");
    let most = cap * answers as f64 + 0.5 + LATE;
    assert!(abandoned as f64 <= most, "{abandoned} of {answers} abandoned");
    assert!(told.abs_diff(abandoned) <= 1, "astout tells of {told} abandoned, Asterisk of {abandoned}");
    match policy {
        Policy::Lines(_) => assert_eq!(ledger.ahead, 0, "calls for which no agent was free"),
        Policy::Predictive(_) => assert!(ledger.ahead > 0, "no call was dialled ahead"),
    }
    assert!(agreed * 2 >= count, "{agreed} quiet instants");
    assert!(words.contains("corrections by Asterisk's answers: 0)"), "{words}");
}

#[test]
fn agents_who_get_a_call_each_are_as_busy_as_simulated() {
    paced("2", "2", 0.03);
}

/// Two seconds are to callees that ring for four what fifteen are to others.
#[test]
fn agents_whose_calls_are_foreseen_are_as_busy_as_simulated() {
    paced("1", "2", 0.03);
}

/// Three hundred numbers are soon over, and three per cent of their answers are two calls: where more is allowed, the pacing
/// dials well ahead of the agents, and callers are abandoned. No call is given up: the simulation has no second call to the
/// same callee, as Asterisk has, and the days would differ by that.
#[test]
fn agents_for_whom_much_may_be_risked_are_as_busy_as_simulated() {
    paced("1", "5", 0.2);
}
