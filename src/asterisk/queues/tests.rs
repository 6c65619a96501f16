//! What the lab's Asterisk 22.10 has told of queues, an event a line with the headers that matter, in the orders in which
//! it came; and what the agents do by that.

use proptest::prelude::*;

use super::*;

const START: Duration = Duration::from_secs(100);

/// `Event A=1 B=2` as a message.
fn message(line: &str) -> Message {
    let mut words = line.split_whitespace();
    let mut text = format!("Event: {}\r\n", words.next().unwrap());
    for word in words {
        let (name, value) = word.split_once('=').unwrap();
        text += &format!("{name}: {}\r\n", value.replace('_', " "));
    }
    Message::from_wire(text + "\r\n")
}

fn list(lines: &str) -> Vec<Message> {
    lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(message).collect()
}

/// A queue of two, 2101 and 2102, of whom none has had a call.
const TWO: &str = "
    QueueParams Queue=agw Calls=0
    QueueMember Queue=agw Location=Local/2101@a Status=1 Paused=0 PausedReason= InCall=0 LastCall=0 Wrapuptime=0
    QueueMember Queue=agw Location=Local/2102@a Status=1 Paused=0 PausedReason= InCall=0 LastCall=0 Wrapuptime=0
";

struct Scene {
    queues: Queues,
    now: Duration,
    agents: QueueAgents,
    wrapped: Vec<u64>,
    asked: Vec<Question>,
}

impl Scene {
    fn new(status: &str) -> Self {
        let mut scene = Self {
            queues: Queues::default(),
            now: START,
            agents: QueueAgents::default(),
            wrapped: Vec::new(),
            asked: Vec::new(),
        };
        scene.status(status);
        scene
    }

    fn status(&mut self, lines: &str) {
        let input = self.queues.status(self.now, "AgW", &list(lines));
        self.take(Some(input));
    }

    fn take(&mut self, input: Option<Input>) {
        match input {
            Some(Input::Agents { queue, agents, wrapped }) => {
                assert_eq!(queue, "agw");
                self.wrapped.extend(wrapped.iter().map(Duration::as_secs));
                self.agents = agents.unwrap_or_default();
            }
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }

    /// Tells events, one a line.
    fn told(&mut self, lines: &str) -> QueueAgents {
        for event in list(lines) {
            let input = self.queues.event(self.now, &event);
            self.take(input);
        }
        self.agents
    }

    fn later(&mut self, span: Duration) -> Vec<Question> {
        self.now += span;
        let asked = self.queues.questions(self.now);
        self.asked.extend(asked.clone());
        asked
    }

    /// Asterisk is asked who is ready, and says so many.
    fn ready(&mut self, count: usize) -> QueueAgents {
        self.later(Duration::ZERO);
        let asked = std::mem::take(&mut self.asked);
        assert!(asked.contains(&Question::Ready("agw".into())), "{asked:?}");
        let input = self.queues.ready(self.now, "agw", Some(count));
        self.take(input);
        self.agents
    }

    fn summary(&mut self, line: &str) -> Option<Question> {
        self.queues.summary(self.now, "agw", &list(line))
    }
}

fn doing(agents: QueueAgents) -> [u32; 6] {
    let QueueAgents { free, ringing, talking, wrapping, paused, busy, .. } = agents;
    [free, ringing, talking, wrapping, paused, busy]
}

const JOIN: &str = "QueueCallerJoin Queue=agw Uniqueid=1795305170.4 Position=1 Count=1";
const CALLED: &str = "AgentCalled Queue=agw Interface=Local/2101@a Uniqueid=1795305170.4";
const RINGS: &str =
    "QueueMemberStatus Queue=agw Interface=Local/2101@a Status=6 Paused=0 InCall=0 LastCall=0";
const IN_USE: &str =
    "QueueMemberStatus Queue=agw Interface=Local/2101@a Status=2 Paused=0 InCall=0 LastCall=0";
const LEAVE: &str = "QueueCallerLeave Queue=agw Uniqueid=1795305170.4 Position=1 Count=0";
const CONNECT: &str = "AgentConnect Queue=AGW Interface=Local/2101@a Uniqueid=1795305170.4 HoldTime=1";
const IDLE: &str =
    "QueueMemberStatus Queue=agw Interface=Local/2101@a Status=1 Paused=0 InCall=0 LastCall=1795305174";
const COMPLETE: &str =
    "AgentComplete Queue=agw Interface=Local/2101@a Uniqueid=1795305170.4 TalkTime=3 Reason=agent";

#[test]
fn an_agent_rings_talks_wraps_up_and_is_free_when_asterisk_counts_it_as_ready() {
    let mut scene = Scene::new(TWO);
    assert_eq!(doing(scene.ready(2)), [2, 0, 0, 0, 0, 0]);
    let joined = scene.told(JOIN);
    assert_eq!((joined.waiting, joined.others), (1, 1));
    let called = scene.told(CALLED);
    assert_eq!((doing(called), called.others), ([1, 1, 0, 0, 0, 0], 0), "its caller has an agent already");
    assert_eq!(doing(scene.told(RINGS)), [1, 1, 0, 0, 0, 0]);
    assert_eq!(doing(scene.told(IN_USE)), [1, 1, 0, 0, 0, 0], "not connected yet");
    assert_eq!(scene.told(LEAVE).waiting, 0);
    assert_eq!(doing(scene.told(CONNECT)), [1, 0, 1, 0, 0, 0]);
    scene.later(Duration::from_secs(3));
    assert_eq!(doing(scene.told(IDLE)), [1, 0, 0, 1, 0, 0]);
    scene.told(COMPLETE);
    // By wrapuptime it is left alone for three seconds more.
    for _ in 0..3 {
        assert_eq!(doing(scene.ready(1)), [1, 0, 0, 1, 0, 0]);
        scene.now += Duration::from_secs(1);
    }
    assert_eq!(doing(scene.ready(2)), [2, 0, 0, 0, 0, 0]);
    assert_eq!(scene.wrapped, [3]);
    assert!(!scene.later(READY_EVERY).contains(&Question::Ready("agw".into())));
}

#[test]
fn whichever_of_device_and_queue_tells_first_of_a_call_the_agent_does_the_same() {
    let orders: [&[&str]; 4] = [
        &[JOIN, CALLED, RINGS, IN_USE, LEAVE, CONNECT],
        &[JOIN, CALLED, RINGS, LEAVE, CONNECT, IN_USE],
        // A Local device is in use from its first ring on.
        &[JOIN, CALLED, IN_USE, LEAVE, CONNECT],
        // One whose state nobody knows.
        &[JOIN, CALLED, LEAVE, CONNECT],
    ];
    for order in orders {
        for ends in [[IDLE, COMPLETE], [COMPLETE, IDLE]] {
            let mut scene = Scene::new(TWO);
            scene.ready(2);
            for (place, event) in order.iter().enumerate().skip(1) {
                let agents = scene.told(event);
                let connected = order[..=place].contains(&CONNECT);
                let expected = if connected { [1, 0, 1, 0, 0, 0] } else { [1, 1, 0, 0, 0, 0] };
                assert_eq!(doing(agents), expected, "after {event} of {order:?}");
            }
            for event in ends {
                assert_eq!(doing(scene.told(event)), [1, 0, 0, 1, 0, 0], "after {event} of {order:?}");
            }
            assert_eq!(doing(scene.ready(2)), [2, 0, 0, 0, 0, 0], "{order:?}");
        }
    }
}

#[test]
fn an_agent_whom_nobody_asks_for_any_more_is_free_again() {
    for ends in [
        // Its time was out.
        "AgentRingNoAnswer Queue=agw Interface=Local/2101@a Uniqueid=1795305170.4 RingTime=2000
         QueueMemberStatus Queue=agw Interface=Local/2101@a Status=1 Paused=0 InCall=0 LastCall=0",
        // The caller gave up; the device says so, or has no state.
        "QueueCallerAbandon Queue=agw Uniqueid=1795305170.4 Position=1 HoldTime=3
         QueueCallerLeave Queue=agw Uniqueid=1795305170.4 Position=1 Count=0
         QueueMemberStatus Queue=agw Interface=Local/2101@a Status=1 Paused=0 InCall=0 LastCall=0",
    ] {
        let mut scene = Scene::new(TWO);
        scene.ready(2);
        scene.told(&[JOIN, CALLED, RINGS].join("\n"));
        assert_eq!(
            doing(scene.told(ends)),
            [2, 0, 0, 0, 0, 0],
            "whom Asterisk calls it leaves alone no more"
        );
    }
    let mut scene = Scene::new(TWO);
    scene.ready(2);
    scene.told(&[JOIN, CALLED].join("\n"));
    assert_eq!(doing(scene.told("QueueCallerAbandon Queue=agw Uniqueid=1795305170.4")), [2, 0, 0, 0, 0, 0]);
}

#[test]
fn of_all_that_are_called_for_a_caller_one_gets_it_and_the_others_are_free() {
    let mut scene = Scene::new(TWO);
    scene.ready(2);
    scene.told(&[JOIN, CALLED, &CALLED.replace("2101", "2102")].join("\n"));
    assert_eq!(doing(scene.agents), [0, 2, 0, 0, 0, 0]);
    assert_eq!(doing(scene.told(&[LEAVE, CONNECT].join("\n"))), [1, 0, 1, 0, 0, 0]);
}

#[test]
fn a_caller_who_left_in_silence_keeps_nobody_ringing_longer_than_to_the_next_check() {
    let mut scene = Scene::new(TWO);
    scene.ready(2);
    scene.told(&[JOIN, CALLED, LEAVE].join("\n"));
    assert_eq!(doing(scene.agents), [1, 1, 0, 0, 0, 0]);
    scene.later(CHECK_EVERY);
    assert_eq!(scene.summary("QueueSummary Queue=agw LoggedIn=2 Available=2 Callers=0"), None);
    let input = scene.queues.ready(scene.now, "agw", Some(2));
    scene.take(input);
    assert_eq!(doing(scene.agents), [2, 0, 0, 0, 0, 0]);
}

#[test]
fn a_caller_who_was_sent_away_waits_no_more_though_asterisk_tells_of_no_leaving() {
    let mut scene = Scene::new(TWO);
    scene.ready(2);
    scene.told(&[JOIN, CALLED].join("\n"));
    let nobody = scene.queues.sent_away(scene.now, "1795305170.9");
    assert!(nobody.is_none(), "he waits in no queue");
    let agents = scene.queues.sent_away(scene.now, "1795305170.4");
    scene.take(agents);
    assert_eq!((scene.agents.waiting, scene.agents.unserved), (0, 0));
    assert_eq!(doing(scene.agents), [2, 0, 0, 0, 0, 0]);
    assert_eq!(scene.summary("QueueSummary Queue=agw LoggedIn=2 Available=2 Callers=0"), None);
    assert_eq!(scene.agents.corrections, 0);
}

#[test]
fn one_in_two_queues_is_busy_in_the_one_while_it_talks_in_the_other() {
    let mut scene = Scene::new(TWO);
    scene.ready(2);
    assert_eq!(doing(scene.told(&RINGS.replace("LastCall=0", "LastCall=1795305174"))), [1, 1, 0, 0, 0, 0]);
    assert_eq!(doing(scene.told(IN_USE)), [1, 0, 0, 0, 0, 1]);
    // With shared_lastcall it is left alone here, too.
    assert_eq!(doing(scene.told(IDLE)), [1, 0, 0, 1, 0, 0]);
    assert_eq!(doing(scene.ready(2)), [2, 0, 0, 0, 0, 0]);
}

#[test]
fn a_pause_is_for_what_follows_a_call_by_its_reason_or_by_when_it_begins() {
    let pause = |reason: &str, in_call: u8, status: u8| {
        format!(
            "QueueMemberPause Queue=agw Interface=Local/2101@a Status={status} Paused=1 PausedReason={reason} InCall={in_call}"
        )
    };
    let talked = |then: &[&str]| {
        let mut scene = Scene::new(TWO);
        scene.told(&[JOIN, CALLED, IN_USE, LEAVE, CONNECT].join("\n"));
        scene.told(&then.join("\n"));
        scene
    };
    let [wraps, rests] = [[1, 0, 0, 1, 0, 0], [1, 0, 0, 0, 1, 0]];
    for (reason, expected) in
        [("", wraps), ("Wrap-up", wraps), ("ACW", wraps), ("after_call_work", wraps), ("lunch", rests)]
    {
        let mut scene = talked(&[IDLE, COMPLETE, &pause(reason, 0, 1)]);
        scene.ready(1);
        assert_eq!(doing(scene.agents), expected, "{reason:?}");
    }
    // Begun during the call it shows only then; and without a reason it is a break that was asked for.
    let idle = IDLE.replace("Paused=0", "Paused=1 PausedReason=acw");
    let mut scene = talked(&[&pause("acw", 1, 2)]);
    assert_eq!(doing(scene.agents), [1, 0, 1, 0, 0, 0]);
    assert_eq!(doing(scene.told(&idle)), wraps);
    let idle = IDLE.replace("Paused=0", "Paused=1 PausedReason=");
    assert_eq!(doing(talked(&[&pause("", 1, 2), &idle]).agents), rests);
    // Later it is a break, too, and so is one that does not end.
    let mut scene = talked(&[IDLE, COMPLETE]);
    scene.ready(2);
    scene.later(Duration::from_secs(3));
    assert_eq!(doing(scene.told(&pause("", 0, 1))), rests);
    let mut scene = talked(&[IDLE, COMPLETE, &pause("wrapup", 0, 1)]);
    scene.later(Duration::from_secs(601));
    assert_eq!(doing(scene.ready(1)), rests);
}

#[test]
fn how_long_an_agent_has_wrapped_up_is_told_once_when_it_is_done() {
    let call = |agent: &str, caller: &str, events: &[&str]| {
        events.join("\n").replace("2101", agent).replace("1795305170.4", caller)
    };
    let talks = [JOIN, CALLED, IN_USE, LEAVE, CONNECT];
    let mut scene = Scene::new(TWO);
    scene.ready(2);
    for agent in ["2101", "2102"] {
        scene.told(&call(agent, agent, &talks));
    }
    // Left alone by Asterisk: whose call ended first is the first to be done.
    scene.told(&call("2102", "2102", &[IDLE, COMPLETE]));
    scene.ready(0);
    scene.later(Duration::from_secs(2));
    scene.told(&call("2101", "2101", &[IDLE, COMPLETE]));
    scene.ready(0);
    scene.later(Duration::from_secs(3));
    scene.ready(1);
    assert_eq!(scene.wrapped, [5]);
    // It is called: so it was done, however it came.
    scene.later(Duration::from_secs(1));
    scene.told(&call("2101", "next", &talks));
    assert_eq!(scene.wrapped, [5, 4]);
    // By a pause; and a break says nothing.
    scene.told(&[IDLE, COMPLETE].join("\n"));
    let pause = "QueueMemberPause Queue=agw Interface=Local/2101@a Status=1 InCall=0";
    scene.told(&format!("{pause} Paused=1 PausedReason=wrap"));
    scene.later(Duration::from_secs(7));
    scene.told(&format!("{pause} Paused=0 PausedReason="));
    scene.ready(2);
    assert_eq!(scene.wrapped, [5, 4, 7]);
    scene.told(&call("2102", "last", &talks));
    scene.told(&call("2102", "last", &[IDLE, COMPLETE]));
    scene.told(&format!("{pause} Paused=1 PausedReason=lunch").replace("2101", "2102"));
    scene.told(&format!("{pause} Paused=0 PausedReason=").replace("2101", "2102"));
    scene.ready(2);
    assert_eq!(scene.wrapped, [5, 4, 7]);
}

#[test]
fn members_come_and_go_and_one_that_is_removed_in_its_call_is_gone_at_once() {
    let mut scene = Scene::new(TWO);
    scene.ready(2);
    let added = "QueueMemberAdded Queue=agw Interface=Local/2106@a Status=0 Paused=0 InCall=0 LastCall=0 Wrapuptime=4";
    assert_eq!(doing(scene.told(added)), [3, 0, 0, 0, 0, 0]);
    let late = "QueueMemberAdded Queue=agw Interface=Local/2105@a Status=0 Paused=1 PausedReason=late InCall=0 LastCall=0";
    assert_eq!(doing(scene.told(late)), [3, 0, 0, 0, 1, 0]);
    scene.told(&[JOIN, CALLED, IN_USE, LEAVE, CONNECT].join("\n"));
    assert_eq!(doing(scene.agents), [2, 0, 1, 0, 1, 0]);
    let removed = "QueueMemberRemoved Queue=agw Interface=Local/2101@a Status=2 Paused=0 InCall=1 LastCall=0";
    assert_eq!(doing(scene.told(&[removed, COMPLETE].join("\n"))), [2, 0, 0, 0, 1, 0]);
}

#[test]
fn devices_that_are_away_are_not_logged_in_and_those_in_use_are_not_free() {
    let mut scene = Scene::new(TWO);
    scene.ready(2);
    for (status, expected) in [
        (5, [1, 0, 0, 0, 0, 0]),
        (4, [1, 0, 0, 0, 0, 0]),
        (8, [1, 0, 0, 0, 0, 1]),
        (7, [1, 0, 0, 0, 0, 1]),
        (3, [1, 0, 0, 0, 0, 1]),
        (2, [1, 0, 0, 0, 0, 1]),
        (6, [1, 1, 0, 0, 0, 0]),
        (0, [2, 0, 0, 0, 0, 0]),
    ] {
        let event = IN_USE.replace("Status=2", &format!("Status={status}"));
        assert_eq!(doing(scene.told(&event)), expected, "status {status}");
    }
}

#[test]
fn after_a_start_amid_calls_those_left_alone_are_not_free_before_asterisk_has_said_so() {
    let amid = TWO.replacen("LastCall=0", "LastCall=1795305174", 1);
    let mut scene =
        Scene::new(&(amid + "QueueEntry Queue=agw Position=1 Uniqueid=72855ab4-3473-4750-8fec-e9da71abb98f"));
    assert_eq!(doing(scene.agents), [1, 0, 0, 1, 0, 0]);
    assert_eq!((scene.agents.waiting, scene.agents.others), (1, 0), "the caller is ours");
    assert_eq!(doing(scene.ready(2)), [2, 0, 0, 0, 0, 0]);
}

#[test]
fn where_asterisk_does_not_tell_who_is_ready_an_agent_is_free_once_its_call_is_over() {
    let mut scene = Scene::new(TWO);
    let input = scene.queues.ready(scene.now, "agw", None);
    scene.take(input);
    scene.told(&[JOIN, CALLED, IN_USE, LEAVE, CONNECT].join("\n"));
    assert_eq!(doing(scene.told(&[IDLE, COMPLETE].join("\n"))), [2, 0, 0, 0, 0, 0]);
}

const SUMMARY: &str = "QueueSummary Queue=agw LoggedIn=2 Available=2 Callers=0";

#[test]
fn asterisk_is_asked_every_few_seconds_and_a_queue_that_agrees_is_left_as_it_is() {
    let mut scene = Scene::new(TWO);
    scene.ready(2);
    for _ in 0..3 {
        let asked = scene.later(CHECK_EVERY);
        assert_eq!(asked, [Question::Summary("agw".into()), Question::Ready("agw".into())]);
        assert_eq!(scene.summary(SUMMARY), None);
        scene.queues.ready(scene.now, "agw", Some(2));
    }
    assert_eq!(scene.agents.corrections, 0);
}

#[test]
fn a_disagreement_that_lasts_is_counted_and_asterisk_is_right() {
    let mut scene = Scene::new(TWO);
    let other = SUMMARY.replace("Available=2", "Available=1");
    scene.later(CHECK_EVERY);
    assert_eq!(scene.summary(&other), None, "an event may be on its way");
    assert!(scene.later(CHECK_AGAIN).contains(&Question::Summary("agw".into())));
    assert_eq!(scene.summary(&other), Some(Question::Status("agw".into())));
    scene.status(&TWO.replacen("Status=1", "Status=2", 1));
    assert_eq!((doing(scene.agents), scene.agents.corrections), ([1, 0, 0, 0, 0, 1], 1));
}

#[test]
fn an_event_that_comes_after_the_answer_is_no_disagreement() {
    let mut scene = Scene::new(TWO);
    scene.later(CHECK_EVERY);
    assert_eq!(scene.summary(&SUMMARY.replace("Available=2", "Available=1")), None);
    scene.told(IN_USE);
    scene.later(CHECK_AGAIN);
    assert_eq!(scene.summary(&SUMMARY.replace("Available=2", "Available=1")), None);
    assert_eq!(scene.agents.corrections, 0);
    // But one that differs time and again is one, whatever comes meanwhile.
    let mut asked = Vec::new();
    for _ in 0..CHECKS_IN_FLIGHT {
        scene.later(CHECK_AGAIN);
        scene.told(JOIN);
        asked.extend(scene.summary(&SUMMARY.replace("LoggedIn=2", "LoggedIn=3")));
    }
    assert_eq!(asked, [Question::Status("agw".into())]);
}

#[test]
fn a_queue_that_comes_or_goes_by_a_reload_is_noticed_by_the_next_check() {
    let mut scene = Scene::new(TWO);
    scene.later(CHECK_EVERY);
    assert_eq!(scene.summary(""), Some(Question::Status("agw".into())));
    scene.agents.free = 9;
    scene.status("");
    assert_eq!(scene.agents, QueueAgents::default(), "there is no such queue");
    assert!(scene.queues.event(scene.now, &message(IDLE)).is_none());
    assert_eq!(scene.later(CHECK_EVERY), [Question::Summary("agw".into())]);
    assert_eq!(scene.summary(SUMMARY), Some(Question::Status("agw".into())));
}

#[test]
fn queues_that_are_not_watched_are_passed_over() {
    let mut queues = Queues::default();
    assert!(queues.event(START, &message(IDLE)).is_none());
    assert_eq!(queues.next_deadline(), None);
}

fn event() -> impl Strategy<Value = String> {
    let names = [
        "QueueMemberStatus",
        "QueueMemberPause",
        "QueueMemberAdded",
        "QueueMemberRemoved",
        "AgentCalled",
        "AgentConnect",
        "AgentComplete",
        "AgentRingNoAnswer",
        "QueueCallerJoin",
        "QueueCallerLeave",
        "QueueCallerAbandon",
    ];
    let reasons = ["", "lunch", "wrap"];
    (prop::sample::select(names.to_vec()), 1..4, 0..4, 0..9, any::<bool>(), any::<bool>(), prop::sample::select(reasons.to_vec()))
        .prop_map(|(name, agent, caller, status, paused, in_call, reason)| {
            let (paused, in_call) = (u8::from(paused), u8::from(in_call));
            format!(
                "{name} Queue=agw Interface=Local/210{agent}@a Uniqueid=1.{caller} Status={status} Paused={paused} \
                 PausedReason={reason} InCall={in_call} LastCall=0"
            )
        })
}

proptest! {
    /// Whatever comes in whatever order: each agent is counted once, and the whole answer of Asterisk puts all right.
    #[test]
    fn every_agent_is_counted_once_and_an_answer_in_whole_puts_all_right(
        events in prop::collection::vec((event(), 0..3_u64, prop::option::of(0..4_usize)), 0..60)
    ) {
        let mut scene = Scene::new(TWO);
        for (event, seconds, ready) in events {
            scene.now += Duration::from_secs(seconds);
            scene.told(&event);
            if let Some(ready) = ready {
                let input = scene.queues.ready(scene.now, "agw", Some(ready));
                scene.take(input);
            }
            let queue = scene.queues.0["agw"].queue.as_ref().unwrap();
            let (agents, summary) = (queue.agents(scene.now), queue.summary(scene.now));
            prop_assert_eq!(agents.logged_in() as usize, summary.logged_in);
            prop_assert_eq!(agents.waiting as usize, summary.callers);
            prop_assert!(agents.others <= agents.waiting);
        }
        scene.status(TWO);
        let input = scene.queues.ready(scene.now, "agw", Some(2));
        scene.take(input);
        prop_assert_eq!(scene.agents, QueueAgents { free: 2, ..QueueAgents::default() });
    }
}
