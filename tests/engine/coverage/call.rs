//! The call's machine: from every state, everything that can happen to a call.
//!
//! A state is what decides how the call goes on:
//!
//! | | |
//! |---|---|
//! | `c` | claimed: Asterisk has not answered the Originate |
//! | `a` | accepted, or the answer was lost |
//! | `cU` `U` | the same, and it is up |
//! | `cH` `cUH` `H` `UH` | the same, and hung up: its response is waited for |
//! | `S` | the response says Success: it is up |
//! | `F` `FU` | the response says Failure; and yet it was seen up |
//! | `…?` | Asterisk has said once that it has no such channel |
//! | `e7` | ended by its hangup |
//! | `e10` | ended unseen, or with the Asterisk that it was on |
//! | `e11` `e12` | ended: not sent, refused |
//! | `eN` | ended by a failed response without a channel |
//! | `eT` | taken back before it was sent |
//! | `eW` | not sent: the window had closed |

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use astout::engine::dialing::{Call, CallEvent, CallOutput, Cut, DialStatus, Response, Since};
use astout::model::codes::{DialResult, DialingStatus, Outcome};
use astout::model::dialing::{Attempt, Ending, Progress};
use astout::model::time::{Now, Timestamp};

use super::table::Table;
use crate::pbx::{SUCCESS, created, failure, hangup, name};
use crate::world::{World, secs};

/// Where each leads; `.` stays, `-` cannot be. `gone2` is Gone two seconds or more after the first one, `look` is the
/// time that the call wanted to be woken at, `anew` a link that was lost and is back.
const TABLE: &str = "
     sent not-sent queued refused unanswered created begin up   end-answer end success failure hangup agent present present-up gone gone2 look unseen restart take-back window withdraw anew shutdown
c    .    e11      a      e12     a          .       .     cU   cU         .   S       F       cH     .     a       U          c?   c?    .    e10    e10     eT        eW     .        .    .
c?   .    e11      a?     e12     a?         c       .     cU?  cU?        .   S?      F?      cH     .     a       U          .    e10   .    e10    e10     -         -      .        c    .
cU   .    e11      U      e12     U          .       .     .    .          .   S       FU      cUH    .     U       U          cU?  cU?   .    e10    e10     -         -      .        .    .
cU?  .    e11      U?     e12     U?         cU      .     .    .          .   S?      FU?     cUH    .     U       U          .    e10   .    e10    e10     -         -      .        cU   .
cH   .    e7       H      e7      H          .       .     cUH  cUH        .   e7      e7      .      .     .       .          .    .     e7   e7     e7      -         -      .        .    .
cUH  .    e7       UH     e7      UH         .       .     .    .          .   e7      e7      .      .     .       .          .    .     e7   e7     e7      -         -      .        .    .
a    .    e11      .      e12     .          .       .     U    U          .   S       F       H      .     .       U          a?   a?    .    e10    e10     -         -      .        .    .
a?   .    e11      .      e12     .          a       .     U?   U?         .   S?      F?      H      .     a       U          .    e10   .    e10    e10     -         -      .        a    .
U    .    e11      .      e12     .          .       .     .    .          .   S       FU      UH     .     .       .          U?   U?    .    e10    e10     -         -      .        .    .
U?   .    e11      .      e12     .          U       .     .    .          .   S?      FU?     UH     .     U       U          .    e10   .    e10    e10     -         -      .        U    .
H    .    e7       .      e7      .          .       .     UH   UH         .   e7      e7      .      .     .       .          .    .     e7   e7     e7      -         -      .        .    .
UH   .    e7       .      e7      .          .       .     .    .          .   e7      e7      .      .     .       .          .    .     e7   e7     e7      -         -      .        .    .
S    .    e11      .      e12     .          .       .     .    .          .   .       .       e7     .     .       .          S?   S?    .    e10    e10     -         -      .        .    .
S?   .    e11      .      e12     .          S       .     .    .          .   .       .       e7     .     S       S          .    e10   .    e10    e10     -         -      .        S    .
F    .    e11      .      e12     .          .       .     FU   FU         .   .       .       e7     .     .       FU         eN   eN    .    e10    e10     -         -      .        .    .
F?   .    e11      .      e12     .          F       .     FU?  FU?        .   .       .       e7     .     F       FU         eN   eN    .    e10    e10     -         -      .        F    .
FU   .    e11      .      e12     .          .       .     .    .          .   .       .       e7     .     .       .          eN   eN    .    e10    e10     -         -      .        .    .
FU?  .    e11      .      e12     .          FU      .     .    .          .   .       .       e7     .     FU      FU         eN   eN    .    e10    e10     -         -      .        FU   .
e7   .    .        .      .       .          .       .     .    .          .   .       .       .      .     .       .          .    .     -    .      .       .         .      .        .    .
e10  .    .        .      .       .          .       .     .    .          .   .       .       .      .     .       .          .    .     -    .      .       .         .      .        .    .
e11  .    .        .      .       .          .       .     .    .          .   .       .       .      .     .       .          .    .     -    .      .       .         .      .        .    .
e12  .    .        .      .       .          .       .     .    .          .   .       .       .      .     .       .          .    .     -    .      .       .         .      .        .    .
eN   .    .        .      .       .          .       .     .    .          .   .       .       .      .     .       .          .    .     -    .      .       .         .      .        .    .
eT   .    .        .      .       .          .       .     .    .          .   .       .       .      .     .       .          .    .     -    .      .       .         .      .        .    .
eW   .    .        .      .       .          .       .     .    .          .   .       .       .      .     .       .          .    .     -    .      .       .         .      .        .    .
";

/// Why there are cells that nobody can reach.
fn impossible(state: &str, column: &str) -> Option<&'static str> {
    match column {
        "look" if is_end(state) => Some("a call that has ended asks for nothing at any time"),
        "take-back" | "window" if state != "c" && !is_end(state) => {
            Some("only what was claimed this moment is taken back, before anything was sent or heard")
        }
        _ => None,
    }
}

fn is_end(state: &str) -> bool {
    state.starts_with('e')
}

fn is_up(state: &str) -> bool {
    state.contains(['U', 'S'])
}

/// What is done to a call.
enum Deed {
    Event(CallEvent),
    Gone { again: bool },
    Look,
    Cut(Cut),
    Withdraw,
    Anew,
}

/// All that a column stands for.
fn deeds(column: &str) -> Vec<Deed> {
    let one = |event| vec![Deed::Event(event)];
    let known = Since { dialled: Some(secs(2)), answered: Some(secs(1)) };
    let present = |up| {
        [Since::default(), known]
            .map(|since| Deed::Event(CallEvent::Present { name: name(), up, since }))
            .into()
    };
    match column {
        "sent" => one(CallEvent::Sent),
        "not-sent" => one(CallEvent::NotSent("not connected".to_owned())),
        "queued" => one(CallEvent::Queued),
        "refused" => one(CallEvent::Refused("no".to_owned())),
        "unanswered" => one(CallEvent::Unanswered),
        "created" => one(created()),
        "begin" => one(CallEvent::DialBegin),
        "up" => one(CallEvent::Up),
        "end-answer" => one(CallEvent::DialEnd(DialStatus::Answer)),
        "end" => [DialStatus::Busy, DialStatus::Congestion, DialStatus::Other]
            .map(|status| Deed::Event(CallEvent::DialEnd(status)))
            .into(),
        "success" => one(SUCCESS),
        "failure" => [0, 3, 5, 8].map(|reason| Deed::Event(failure(reason))).into(),
        "hangup" => [0, 16, 17, 19, 21, 34].map(|cause| Deed::Event(hangup(cause))).into(),
        // That it enters the queue gives it a time of its own to wake at: see the unit tests of its way to an agent.
        "agent" => [
            CallEvent::Ringing,
            CallEvent::AgentCalled,
            CallEvent::AgentNotThere,
            CallEvent::WithAgent,
            CallEvent::Talked,
        ]
        .map(Deed::Event)
        .into(),
        "shutdown" => one(CallEvent::ShutDown),
        "present" => present(false),
        "present-up" => present(true),
        "gone" => vec![Deed::Gone { again: false }],
        "gone2" => vec![Deed::Gone { again: true }],
        "look" => vec![Deed::Look],
        "unseen" => vec![Deed::Cut(Cut::Unseen)],
        "restart" => vec![Deed::Cut(Cut::PbxRestart)],
        "take-back" => vec![Deed::Cut(Cut::NotSent)],
        "window" => vec![Deed::Event(CallEvent::WindowClosed), Deed::Cut(Cut::WindowClosed)],
        "withdraw" => vec![Deed::Withdraw],
        "anew" => vec![Deed::Anew],
        other => panic!("{other} is no column"),
    }
}

/// The column of an event: one that is new has to be given its own.
fn column_of(event: &CallEvent) -> &'static str {
    match event {
        CallEvent::Sent => "sent",
        CallEvent::NotSent(_) => "not-sent",
        CallEvent::WindowClosed => "window",
        CallEvent::Queued => "queued",
        CallEvent::Refused(_) => "refused",
        CallEvent::Unanswered => "unanswered",
        CallEvent::ChannelCreated { .. } => "created",
        CallEvent::Up => "up",
        CallEvent::DialBegin => "begin",
        CallEvent::DialEnd(DialStatus::Answer) => "end-answer",
        CallEvent::DialEnd(DialStatus::Busy | DialStatus::Congestion | DialStatus::Other) => "end",
        CallEvent::Responded(Response::Success) => "success",
        CallEvent::Responded(Response::Failure { .. }) => "failure",
        CallEvent::Hangup { .. } => "hangup",
        CallEvent::Ringing
        | CallEvent::Joined
        | CallEvent::AgentCalled
        | CallEvent::AgentNotThere
        | CallEvent::WithAgent
        | CallEvent::Talked => "agent",
        CallEvent::ShutDown => "shutdown",
        CallEvent::Present { up: false, .. } => "present",
        CallEvent::Present { up: true, .. } => "present-up",
        CallEvent::Gone => "gone",
    }
}

/// A call, where the table says that it stands, and how it came there.
#[derive(Clone)]
struct Walker {
    call: Call,
    state: &'static str,
    now: Duration,
    /// When Asterisk first had no such channel.
    missing: Option<Duration>,
    withdrawn: bool,
    /// Asterisk has hung it up to shut down.
    shut_down: bool,
    ending: Option<Box<Ending>>,
    way: Vec<&'static str>,
}

impl Walker {
    fn new(state: &'static str, call: Call) -> Self {
        let walker = Self {
            call,
            state,
            now: Duration::ZERO,
            missing: None,
            withdrawn: false,
            shut_down: false,
            ending: None,
            way: vec![state],
        };
        walker.assert_shows();
        walker
    }

    fn starts() -> Vec<Self> {
        let mut world = World::new();
        world.one_call(&[]);
        let attempt: Arc<Attempt> = world.attempts()[0].1.clone();
        let answered = Progress { res_dial: DialResult::Answered, ..Progress::default() };
        vec![
            Self::new("c", Call::new(at(Duration::ZERO), attempt.clone())),
            Self::new("a", Call::resumed(attempt.clone(), Progress::default())),
            Self::new("U", Call::resumed(attempt, answered)),
        ]
    }

    /// What may make a difference and is no part of the state.
    fn key(&self) -> String {
        let (call, progress) = (&self.call, &self.call.dialing().progress);
        format!(
            "{} {} {} {} {:?} {} {}",
            self.state,
            call.wake().map_or("none", |at| if at <= self.now { "due" } else { "later" }),
            self.withdrawn,
            self.shut_down,
            progress.status,
            call.has_channel(),
            self.missing.is_some_and(|first| self.now >= first + secs(2)),
        )
    }

    /// Does it and checks that the call goes where the table says, and asks for what it should; `None` where it cannot
    /// be done here and now.
    fn step(&self, table: &mut Table, column: &'static str, deed: Deed) -> Option<Self> {
        let mut next = self.clone();
        next.way.push(column);
        if !is_end(self.state) && impossible(self.state, column).is_some() {
            return None;
        }
        let outputs = match deed {
            Deed::Event(event) => {
                assert_eq!(column_of(&event), column);
                next.shut_down |= event == CallEvent::ShutDown;
                next.call.handle(at(next.now), event)
            }
            Deed::Gone { again } => {
                if again {
                    next.now += secs(2);
                } else if next.missing.is_some_and(|first| next.now >= first + secs(2)) {
                    return None;
                }
                next.call.handle(at(next.now), CallEvent::Gone)
            }
            Deed::Look => {
                next.now = next.now.max(next.call.wake()?);
                next.call.handle_wake(at(next.now))
            }
            Deed::Cut(why) => next.call.cut(at(next.now), why).into_iter().collect(),
            Deed::Withdraw => {
                next.withdrawn = true;
                next.call.withdraw();
                Vec::new()
            }
            Deed::Anew => {
                next.call.look_anew();
                Vec::new()
            }
        };
        next.state = table.see(self.state, column);
        next.missing = next.state.ends_with('?').then(|| self.missing.unwrap_or(next.now));
        for output in &outputs {
            if let CallOutput::Ended(ending) = output {
                assert!(next.ending.replace(ending.clone()).is_none(), "a second end: {:?}", next.way);
            }
        }
        next.assert_shows();
        self.assert_asks(&next, column, &outputs);
        Some(next)
    }

    /// What the call shows of itself is what its state says.
    fn assert_shows(&self) {
        let (call, way) = (&self.call, &self.way);
        let progress = &call.dialing().progress;
        assert_eq!(call.is_ended(), is_end(self.state), "{way:?}");
        assert_eq!(self.ending.is_some(), is_end(self.state), "{way:?}");
        let Some(ending) = &self.ending else {
            assert_eq!(call.is_unacknowledged(), self.state.starts_with('c'), "{way:?}");
            assert_eq!(call.is_answered(), is_up(self.state), "{way:?}");
            assert_eq!(progress.res_hangup.is_some(), self.state.contains('H'), "{way:?}");
            return;
        };
        assert_eq!(call.wake(), None, "{way:?}");
        assert_eq!(ending.dialing.progress, *progress, "nothing changes after the end: {way:?}");
        let status = match self.state {
            "e7" => Some(DialingStatus::Hangup),
            "e10" => Some(DialingStatus::Error),
            "e11" => Some(DialingStatus::OriginateRequestFailed),
            "e12" => Some(DialingStatus::OriginateQueuedFailed),
            _ => None,
        };
        match status {
            Some(status) => assert_eq!(progress.status, status, "{way:?}"),
            None => assert!(progress.res_hangup.is_none(), "{way:?}"),
        }
    }

    /// What is asked for on the way to `next`.
    fn assert_asks(&self, next: &Self, column: &str, outputs: &[CallOutput]) {
        let way = &next.way;
        let asked = |wanted: &CallOutput| outputs.iter().filter(|output| *output == wanted).count();
        if is_end(self.state) {
            return assert!(outputs.is_empty(), "late, and yet {outputs:?}: {way:?}");
        }
        if is_end(next.state) {
            assert!(matches!(outputs, [CallOutput::Ended(_)]), "{outputs:?}: {way:?}");
            return next.assert_outcome(is_up(self.state), column);
        }
        let shown = match column {
            "sent" => Some(DialingStatus::OriginateSent),
            "queued" => Some(DialingStatus::OriginateQueued),
            "created" => Some(DialingStatus::ChannelCreated),
            "begin" => Some(DialingStatus::DialBegin),
            "end" | "end-answer" => Some(DialingStatus::DialEnd),
            // The first response counts, and a second one shows the first again.
            "success" | "failure" if next.state.starts_with('S') => Some(DialingStatus::OriginateResponsed),
            "success" | "failure" => Some(DialingStatus::OriginateResponseFailed),
            _ => None,
        };
        assert_eq!(asked(&CallOutput::Updated), usize::from(shown.is_some()), "{way:?}");
        if let Some(shown) = shown {
            assert_eq!(next.call.dialing().progress.status, shown, "{way:?}");
        }
        let answered = !is_up(self.state) && is_up(next.state);
        let timed = |walker: &Self| walker.call.dialing().progress.tm_dial_end.is_some();
        let learnt = column == "present-up" && !timed(self) && timed(next);
        assert_eq!(asked(&CallOutput::Answered), usize::from(answered || learnt), "{way:?}");
        // Who is up and not missing is not asked for: the end will be told.
        let looks = column == "look" && (!is_up(self.state) || self.state.ends_with('?'));
        assert_eq!(asked(&CallOutput::Probe), usize::from(looks), "{way:?}");
    }

    /// The word of the end.
    fn assert_outcome(&self, was_up: bool, column: &str) {
        let way = &self.way;
        let outcome = self.ending.as_ref().unwrap().outcome;
        let answered = was_up || column == "success";
        let told = self.call.dialing().progress.res_hangup.is_some();
        match column {
            "take-back" => assert_eq!(outcome, Outcome::Withdrawn, "{way:?}"),
            "window" if !self.withdrawn => assert_eq!(outcome, Outcome::WindowClosed, "{way:?}"),
            _ if answered => assert_eq!(outcome, Outcome::Answered, "{way:?}"),
            _ if self.withdrawn => assert_eq!(outcome, Outcome::Withdrawn, "{way:?}"),
            "restart" if !told => assert_eq!(outcome, Outcome::PbxRestart, "{way:?}"),
            "unseen" if !told => assert_eq!(outcome, Outcome::Unknown, "{way:?}"),
            "gone" | "gone2" if self.state == "e10" => assert_eq!(outcome, Outcome::Unknown, "{way:?}"),
            _ if self.shut_down => assert_eq!(outcome, Outcome::PbxRestart, "{way:?}"),
            _ => assert!(
                matches!(
                    outcome,
                    Outcome::Busy
                        | Outcome::Congestion
                        | Outcome::NoAnswer
                        | Outcome::Rejected
                        | Outcome::Failed
                ),
                "{outcome:?}: {way:?}"
            ),
        }
    }
}

fn at(mono: Duration) -> Now {
    let micros = i64::try_from(mono.as_micros()).unwrap();
    Now { mono, wall: Timestamp::from_micros(1_767_225_600_000_000 + micros) }
}

/// From each way to stand in a state, everything.
fn walk_all(table: &mut Table) {
    let columns = table.columns().to_vec();
    let mut known = BTreeSet::new();
    let mut open: VecDeque<Walker> = Walker::starts().into();
    while let Some(walker) = open.pop_front() {
        if !known.insert(walker.key()) {
            continue;
        }
        for column in &columns {
            for deed in deeds(column) {
                open.extend(walker.step(table, column, deed));
            }
        }
    }
}

#[test]
fn every_transition_of_the_calls_machine_goes_where_the_table_says() {
    let mut table = Table::parse(TABLE);

    walk_all(&mut table);

    table.assert_covered(impossible).tell("call machine");
}

#[test]
fn long_ways_through_the_calls_machine_keep_to_the_table() {
    let mut table = Table::parse(TABLE);
    let columns = table.columns().to_vec();
    for seed in 0..3_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut walker = random.choice(Walker::starts()).unwrap();
        for _ in 0..25 {
            let column = *random.choice(&columns).unwrap();
            let deed = random.choice(deeds(column)).unwrap();
            if let Some(next) = walker.step(&mut table, column, deed) {
                walker = next;
            }
        }
    }
}

#[test]
fn a_response_counts_by_its_first_word_only() {
    for (first, second) in [(SUCCESS, failure(0)), (failure(0), SUCCESS)] {
        let mut call = Walker::starts().swap_remove(0).call;
        call.handle(at(secs(1)), first.clone());
        call.handle(at(secs(1)), second);
        let answered = first == CallEvent::Responded(Response::Success);
        assert_eq!(call.is_answered(), answered);
    }
}
