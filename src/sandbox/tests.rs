//! The world under scripted time: no sockets, no clock, and the same seed gives the same bytes.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::dial_log::{Entry, What};
use super::profile::Profile;
use super::world::{Input, Output, World};
use crate::ami::{Message, MessageBuilder, Now, Request};

/// A world, its clock, and all that it said.
pub(super) struct Scene {
    world: World,
    now: Duration,
    pub(super) said: Vec<(Duration, Output)>,
}

impl Scene {
    pub(super) fn of(profile: &str, seed: u64) -> Self {
        let world = World::new(Profile::parse(profile).unwrap(), seed, now(Duration::ZERO));
        Self { world, now: Duration::ZERO, said: Vec::new() }
    }

    pub(super) fn ask(&mut self, name: &str, headers: &[(&str, &str)]) -> Message {
        let action =
            headers.iter().fold(MessageBuilder::action(name), |it, (name, value)| it.header(name, value));
        let wire = action.finish().unwrap().to_wire();
        let request = Request::from_message(Message::from_wire(wire)).unwrap();
        let said = self.world.handle(now(self.now), Input::Request(1, request));
        let answer = said.iter().find_map(|output| match output {
            Output::Reply(1, message) => Some(message.clone()),
            _ => None,
        });
        self.said.extend(said.into_iter().map(|output| (self.now, output)));
        answer.unwrap_or_else(|| Message::from_wire(""))
    }

    /// Lets time pass, from one deadline to the next.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.world.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let said = self.world.handle(now(self.now), Input::Tick);
            self.said.extend(said.into_iter().map(|output| (self.now, output)));
        }
        self.now = end;
    }

    pub(super) fn dial(&mut self, channel: &str, id: &str, more: &[(&str, &str)]) -> Message {
        let action_id = format!("o:{id}");
        let own = [("Channel", channel), ("ChannelId", id), ("ActionID", &action_id), ("Async", "true")];
        let stays = [("Application", "Wait"), ("Data", "3600")];
        let elsewhere = more.iter().any(|(name, _)| *name == "Context");
        let stays = stays.into_iter().filter(|_| !elsewhere);
        let headers: Vec<_> = own.into_iter().chain(stays).chain(more.iter().copied()).collect();
        self.ask("Originate", &headers)
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Message> {
        self.said.iter().filter_map(|(_, output)| match output {
            Output::Event { message, .. } => Some(message),
            _ => None,
        })
    }

    /// The events of that name about that Uniqueid.
    fn about(&self, name: &str, uniqueid: &str) -> Vec<&Message> {
        let concerned = |event: &&Message| {
            ["Uniqueid", "DestUniqueid"].iter().any(|header| text(event, header) == uniqueid)
        };
        self.events().filter(|event| event.is_event_named(name)).filter(concerned).collect()
    }

    fn log<'a>(&'a self) -> Vec<&'a Entry> {
        let entry = |(_, output): &'a (Duration, Output)| match output {
            Output::Log(entry) => Some(entry),
            _ => None,
        };
        self.said.iter().filter_map(entry).collect()
    }

    fn wire(&self) -> Vec<u8> {
        self.events().flat_map(|event| event.to_wire().to_vec()).collect()
    }
}

fn now(monotonic: Duration) -> Now {
    Now { monotonic, unix: Duration::from_secs(1_795_249_000) + monotonic }
}

fn text(message: &Message, name: &str) -> String {
    message.get(name).unwrap_or_default().into_owned()
}

const MINUTE: Duration = Duration::from_secs(60);

/// `Reason · DialStatus · cause of the originated channel`; a dash where there is no such event.
fn fate(scene: &Scene, id: &str) -> String {
    let only = |name: &str, header: &str| {
        let found = scene.about(name, id);
        assert!(found.len() <= 1, "{name} of {id}: {found:?}");
        found.first().map_or("-".to_owned(), |event| text(event, header))
    };
    format!(
        "{} {} {}",
        only("OriginateResponse", "Reason"),
        only("DialEnd", "DialStatus"),
        only("Hangup", "Cause")
    )
}

#[test]
fn every_number_of_the_lab_has_its_reason_dial_status_and_cause() {
    for (channel, expected) in [
        ("Local/10520017@astout-demo", "4 ANSWER 16"),
        ("Local/00101@astout-demo", "4 ANSWER 16"),
        ("Local/2001@astout-demo", "5 BUSY 0"),
        ("Local/3001@astout-demo", "3 - 19"),
        ("Local/4001@astout-demo", "8 CONGESTION 0"),
        ("Local/5001@astout-demo", "0 NOANSWER 1"),
        ("Local/6001@astout-demo", "0 NOANSWER 21"),
        ("Local/70301@astout-demo", "0 NOANSWER 16"),
        ("Local/8001@astout-demo", "3 - 19"),
        ("Local/901701@astout-demo", "0 BUSY 17"),
        ("Local/903401@astout-demo", "0 CONGESTION 34"),
        ("Local/902701@astout-demo", "0 NOANSWER 27"),
        ("Local/*1@astout-demo", "0 - 0"),
        ("Local/1@nowhere", "0 - 0"),
        ("Local/1@astout-empty", "0 - 0"),
        // A BYE from the callee of a call that is not bridged has no cause.
        ("PJSIP/2001@sipp", "4 ANSWER 0"),
        ("PJSIP/486@sipp", "0 BUSY 17"),
        ("PJSIP/503@sipp", "0 CONGESTION 34"),
        ("PJSIP/404@sipp", "0 NOANSWER 1"),
        ("PJSIP/603@sipp", "0 NOANSWER 21"),
        ("PJSIP/180@sipp", "3 - 19"),
        ("PJSIP/1@dead", "0 NOANSWER 18"),
        ("PJSIP/1@nocontact", "0 - -"),
        ("PJSIP/300", "0 - -"),
        ("DAHDI/1", "0 - -"),
    ] {
        let mut scene = Scene::of("", 1);
        assert!(scene.dial(channel, "id-1", &[("Timeout", "9000")]).is_success(), "{channel}");
        scene.pass(MINUTE);
        assert_eq!(fate(&scene, "id-1"), expected, "{channel}");
        let ended: Vec<_> = scene.log().into_iter().filter(|entry| entry.event == What::Ended).collect();
        assert_eq!(ended.len(), 1, "{channel}");
        assert_eq!(scene.world.live_calls(), 0, "{channel}");
    }
}

#[test]
fn the_events_of_a_channel_are_in_asterisks_order() {
    let mut scene = Scene::of("[asterisk]\nresponse_anywhere = false", 1);
    scene.dial("Local/10301@astout-demo", "id-1", &[]);
    scene.pass(MINUTE);
    let own = |event: &&Message| {
        ["Uniqueid", "DestUniqueid"].iter().any(|header| text(event, header) == "id-1")
            && !event.is_event_named("Newexten")
    };
    let names: Vec<_> =
        scene.events().filter(own).map(|event| event.event_name().unwrap().into_owned()).collect();
    let expected = [
        "Newchannel",
        "DialBegin",
        "Newstate",
        "DialState",
        "Newstate",
        "DialEnd",
        "OriginateResponse",
        "Hangup",
    ];
    assert_eq!(names, expected);
    let other = scene.about("Newchannel", "id-1;2");
    assert_eq!(text(other[0], "Linkedid"), "id-1");
    assert!(text(other[0], "Channel").ends_with(";2"));
}

#[test]
fn ring_and_talk_take_the_times_that_the_number_says() {
    let mut scene = Scene::of("", 1);
    scene.dial("Local/10520@astout-demo", "id-1", &[]);
    scene.pass(MINUTE);
    let when = |wanted: &dyn Fn(&Message) -> bool| {
        let said = scene.said.iter().find(|(_, output)| match output {
            Output::Event { message, .. } => wanted(message) && text(message, "Uniqueid") == "id-1",
            _ => false,
        });
        said.unwrap().0
    };
    let began = when(&|event| event.is_event_named("Newchannel"));
    let up = when(&|event| event.is_event_named("Newstate") && text(event, "ChannelState") == "6");
    let ended = when(&|event| event.is_event_named("Hangup"));
    assert_eq!((up - began, ended - up), (Duration::from_millis(500), Duration::from_secs(2)));
}

#[test]
fn an_originate_response_stands_anywhere_among_the_events_of_its_moment() {
    let mut places = HashMap::new();
    for seed in 0..200 {
        let mut scene = Scene::of("", seed);
        scene.dial("Local/5001@astout-demo", "id-1", &[]);
        scene.pass(MINUTE);
        let names: Vec<_> = scene.events().map(|event| event.event_name().unwrap().into_owned()).collect();
        let response = names.iter().position(|name| name == "OriginateResponse").unwrap();
        let place = if response == 0 {
            "before Newchannel"
        } else if response == names.len() - 1 {
            "after Hangup"
        } else {
            "between"
        };
        *places.entry(place).or_insert(0) += 1;
    }
    assert_eq!(places.len(), 3, "{places:?}");
}

#[test]
fn what_asterisk_refuses_at_once_is_refused() {
    let mut scene = Scene::of("", 1);
    let dest = |context, exten, priority| [("Context", context), ("Exten", exten), ("Priority", priority)];
    for (more, said) in [
        (dest("astout-dest", "nosuch", "1"), "Extension does not exist."),
        (dest("nowhere", "hold", "1"), "Extension does not exist."),
        (dest("ani", "10", "1"), "Extension does not exist."),
    ] {
        let answer = scene.dial("Local/10000@astout-demo", "id-1", &more);
        assert_eq!((text(&answer, "Response"), text(&answer, "Message")), ("Error".into(), said.into()));
    }
    let long = "x".repeat(150);
    let answer = scene.dial("Local/10000@astout-demo", &long, &[]);
    assert_eq!(text(&answer, "Message"), "Uniqueid length exceeds maximum of 149");
    assert_eq!(text(&scene.ask("Originate", &[]), "Message"), "Channel not specified");
    scene.pass(MINUTE);
    assert_eq!(scene.events().filter(|event| !event.is_event_named("FullyBooted")).count(), 0);
    assert!(scene.dial("Local/10000@astout-demo", "id-2", &dest("ani", "10", "40000")).is_success());
}

#[test]
fn an_id_that_a_live_one_begins_with_clashes_in_any_case_and_the_live_call_is_not_touched() {
    let mut scene = Scene::of("", 1);
    scene.dial("Local/10000@astout-demo", "Pfx-10", &[]);
    scene.pass(Duration::from_secs(1));
    for (id, clashes) in [("pfx-1", true), ("PFX-10", true), ("pfx-100", false), ("fx-10", false)] {
        scene.dial("Local/2@astout-demo", id, &[]);
        scene.pass(Duration::from_secs(1));
        let made = scene.about("Newchannel", id).is_empty();
        assert_eq!(made, clashes, "{id}");
        let responses: Vec<_> = scene
            .events()
            .filter(|event| event.is_event_named("OriginateResponse") && text(event, "Uniqueid") == id)
            .collect();
        assert_eq!(responses.len(), 1);
        assert_eq!(text(responses[0], "Reason"), if clashes { "0" } else { "5" }, "{id}");
    }
    assert!(scene.about("Hangup", "Pfx-10").is_empty());
    // Once it is over the same id is taken again.
    scene.ask("Hangup", &[("Channel", "pfx-10"), ("Cause", "16")]);
    assert_eq!(text(scene.about("Hangup", "Pfx-10")[0], "Cause"), "16");
    scene.dial("Local/2@astout-demo", "Pfx-10", &[]);
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.about("Newchannel", "Pfx-10").len(), 2);
}

#[test]
fn a_hangup_while_it_rings_fails_the_call_without_a_cause() {
    for channel in ["Local/3@astout-demo", "PJSIP/180@sipp"] {
        let mut scene = Scene::of("", 1);
        scene.dial(channel, "id-1", &[]);
        scene.pass(Duration::from_secs(1));
        let answer = scene.ask("Hangup", &[("Channel", "id-1")]);
        assert_eq!(text(&answer, "Message"), "Channel Hungup");
        assert_eq!(fate(&scene, "id-1"), "0 NOANSWER 0", "{channel}");
        assert_eq!(text(&scene.ask("Hangup", &[("Channel", "id-1")]), "Message"), "No such channel");
    }
}

#[test]
fn variables_are_on_both_halves_and_a_caller_id_is_shown() {
    let mut scene = Scene::of("", 1);
    let more = [("Variable", r"A=p\,q"), ("Variable", "B=1,C=2"), ("CallerID", "\"Sales\" <5551000>")];
    scene.dial("Local/10000@astout-demo", "id-1", &more);
    scene.pass(Duration::from_secs(1));
    for (channel, name, value) in [
        ("id-1", "A", "p,q"),
        ("id-1;2", "C", "2"),
        ("ID-1", "B", "1"),
        ("id-1", "CALLERID(num)", "5551000"),
        ("id-1", "NOSUCH", ""),
    ] {
        let answer = scene.ask("Getvar", &[("Channel", channel), ("Variable", name)]);
        assert_eq!(text(&answer, "Value"), value, "{name} of {channel}");
    }
    let answer = scene.ask("Getvar", &[("Channel", "id-"), ("Variable", "A")]);
    assert_eq!(text(&answer, "Message"), "No such channel");
}

#[test]
fn a_queue_hands_its_callers_to_its_agents_who_hang_up_first() {
    let mut scene = Scene::of("", 1);
    for place in 0..5 {
        let (id, action) = (format!("caller-{place}"), format!("o:{place}"));
        let headers = [
            ("Channel", "Local/10000@astout-demo"),
            ("ChannelId", &id),
            ("ActionID", &action),
            ("Async", "true"),
            ("Application", "Queue"),
            ("Data", "sales_1"),
        ];
        assert!(scene.ask("Originate", &headers).is_success());
    }
    scene.pass(MINUTE);
    for place in 0..5 {
        let id = format!("caller-{place}");
        assert_eq!(scene.about("QueueCallerJoin", &id).len(), 1);
        assert_eq!(scene.about("AgentConnect", &id).len(), 1);
        assert_eq!(scene.about("AgentComplete", &id).len(), 1);
        let hangups: Vec<_> = scene.about("Hangup", &id);
        assert_eq!((hangups.len(), text(hangups[0], "Cause").as_str()), (1, "16"));
    }
    let status = |event: &&Message| event.is_event_named("QueueMemberStatus");
    let seen: Vec<_> = scene.events().filter(status).map(|event| text(event, "Status")).collect();
    assert!(["1", "2", "6"].iter().all(|status| seen.iter().any(|one| one == status)), "{seen:?}");
    let answer = scene.ask("CoreShowChannels", &[]);
    assert_eq!(text(&answer, "Message"), "Channels will follow");
    assert_eq!(scene.world.live_calls(), 0);
    assert!(scene.world.channels.is_empty(), "{:?}", scene.world.channels);
}

#[test]
fn a_caller_whom_nobody_takes_gives_up() {
    let mut scene = Scene::of("", 1);
    let headers = [
        ("Channel", "Local/10020@astout-demo"),
        ("ChannelId", "id-1"),
        ("Async", "true"),
        ("Application", "Queue"),
        ("Data", "sales_slow"),
    ];
    scene.ask("Originate", &headers);
    scene.pass(MINUTE);
    let abandoned = scene.about("QueueCallerAbandon", "id-1");
    assert_eq!(text(abandoned[0], "HoldTime"), "2");
    assert_eq!(scene.about("QueueCallerLeave", "id-1").len(), 1);
    assert!(scene.world.channels.is_empty(), "{:?}", scene.world.channels);
    let last = scene.events().filter(|event| event.is_event_named("QueueMemberStatus")).last().unwrap();
    assert_eq!(text(last, "Status"), "1");
}

#[test]
fn agents_log_in_pause_after_a_call_and_go() {
    let queue = "[[queue]]\nname = \"q\"\nagents = [{ from = 1, count = 1, answers_s = 0.1, talks_s = 1, wraps_up_s = 2, \
                 logs_in_s = 5, shift_s = 60 }]";
    let mut scene = Scene::of(queue, 1);
    let headers =
        [("Channel", "Local/10000@astout-demo"), ("Async", "1"), ("Application", "Queue"), ("Data", "q")];
    scene.ask("Originate", &headers);
    scene.pass(MINUTE * 2);
    let names: Vec<_> = scene
        .events()
        .filter(|event| event.event_name().unwrap().starts_with("QueueMember"))
        .map(|event| {
            format!("{} {} {}", event.event_name().unwrap(), text(event, "Status"), text(event, "Paused"))
        })
        .collect();
    let expected = [
        "QueueMemberAdded 1 0",
        "QueueMemberStatus 6 0",
        "QueueMemberStatus 2 0",
        "QueueMemberStatus 1 0",
        "QueueMemberPause 1 1",
        "QueueMemberPause 1 0",
        "QueueMemberRemoved 1 0",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_trunk_at_its_limit_meets_congestion() {
    let trunk = "[[trunk]]\nname = \"t\"\nnumbers = \"sip\"\nlimit = 1";
    let mut scene = Scene::of(trunk, 1);
    scene.dial("PJSIP/2002@t", "id-1", &[]);
    scene.dial("PJSIP/2002@t", "id-2", &[]);
    scene.pass(Duration::from_secs(1));
    let failed = if fate(&scene, "id-1") == "4 ANSWER -" { "id-2" } else { "id-1" };
    assert_eq!(fate(&scene, failed), "0 CONGESTION 34");
    scene.ask("Hangup", &[("Channel", if failed == "id-1" { "id-2" } else { "id-1" })]);
    scene.dial("PJSIP/2002@t", "id-3", &[]);
    scene.pass(Duration::from_secs(1));
    assert_eq!(fate(&scene, "id-3"), "4 ANSWER -");
}

#[test]
fn a_restart_loses_the_calls_and_shows_another_start() {
    let mut scene = Scene::of("", 1);
    let started = text(&scene.ask("CoreStatus", &[]), "CoreStartupTime");
    scene.dial("Local/10000@astout-demo", "id-1", &[]);
    scene.pass(Duration::from_millis(100));
    scene.ask("SandboxRestart", &[]);
    assert!(scene.said.iter().any(|(_, output)| matches!(output, Output::Restart(_))));
    assert_ne!(text(&scene.ask("CoreStatus", &[]), "CoreStartupTime"), started);
    scene.pass(MINUTE);
    assert!(scene.about("Hangup", "id-1").is_empty());
    let log: Vec<_> = scene.log().iter().map(|entry| (entry.event, entry.cause)).collect();
    let expected = [What::Dialled, What::Answered, What::Ended, What::Restarted].map(|what| (what, None));
    assert_eq!(log, expected);
    // In order, each channel is hung up first.
    scene.dial("Local/10000@astout-demo", "id-2", &[]);
    scene.pass(Duration::from_millis(100));
    scene.ask("SandboxRestart", &[("Gracefully", "yes")]);
    assert_eq!(text(scene.about("Hangup", "id-2")[0], "Cause"), "0");
    assert!(scene.events().any(|event| event.is_event_named("Shutdown")));
}

/// Some of everything, at times that depend on nothing.
fn busy_scene(seed: u64) -> Scene {
    let mut scene = Scene::of("", seed);
    let numbers = ["10520", "2", "3", "4", "5", "6", "703", "8", "9017", "*", "10000"];
    for (place, number) in numbers.iter().cycle().take(60).enumerate() {
        let (id, channel) = (format!("id-{place:03}"), format!("Local/{number}@astout-demo"));
        let people = format!("PJSIP/{place:04}@people");
        let channel = if place % 3 == 0 { &people } else { &channel };
        let headers = [
            ("Channel", channel.as_str()),
            ("ChannelId", &id),
            ("ActionID", &id),
            ("Async", "true"),
            ("Application", "Queue"),
            ("Data", "sales_5"),
        ];
        scene.ask("Originate", &headers);
        scene.pass(Duration::from_millis(300));
    }
    scene.pass(MINUTE * 60);
    scene
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let (first, again, other) = (busy_scene(7), busy_scene(7), busy_scene(8));
    assert!(first.wire().len() > 100_000);
    assert!(first.wire() == again.wire());
    assert!(first.wire() != other.wire());
    assert_eq!(first.said, again.said);
}

#[test]
fn what_people_do_depends_on_the_seed_and_the_number_not_on_who_else_is_dialled() {
    let dial = |numbers: &[&str]| {
        let mut scene = Scene::of("", 3);
        for number in numbers {
            scene.dial(&format!("Local/{number}@people"), number, &[]);
            scene.pass(MINUTE * 60);
        }
        numbers.iter().map(|number| ((*number).to_owned(), fate(&scene, number))).collect::<HashMap<_, _>>()
    };
    let (one, other) =
        (dial(&["555001", "555002", "555003", "555004"]), dial(&["555004", "555003", "555001"]));
    for (number, fate) in other {
        assert_eq!(one[&number], fate, "{number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is dialled and hung up when: every call ends once, and nothing is left over.
    #[test]
    fn every_call_ends_exactly_once(
        seed: u64,
        calls in prop::collection::vec(("[0-9]{5}", 0_u64..3000, any::<bool>(), 0_usize..4), 1..25),
    ) {
        let mut scene = Scene::of("", seed);
        for (place, (number, wait, hang_up, target)) in calls.iter().enumerate() {
            let (id, channel) = (format!("id-{place:03}"), format!("Local/{number}@astout-demo"));
            let target = [("Queue", "sales_1"), ("Queue", "sales_slow"), ("Park", ""), ("Wait", "3")][*target];
            let headers = [
                ("Channel", channel.as_str()), ("ChannelId", &id), ("ActionID", &id), ("Async", "true"),
                ("Application", target.0), ("Data", target.1),
            ];
            scene.ask("Originate", &headers);
            scene.pass(Duration::from_millis(*wait));
            if *hang_up {
                scene.ask("Hangup", &[("Channel", &id)]);
            }
        }
        scene.pass(MINUTE * 3);
        for place in 0..calls.len() {
            let id = format!("id-{place:03}");
            scene.ask("Hangup", &[("Channel", &id)]);
            prop_assert_eq!(scene.about("Hangup", &id).len(), 1);
            prop_assert_eq!(scene.about("OriginateResponse", &id).len(), 1);
        }
        scene.pass(MINUTE * 3);
        let ended = scene.log().into_iter().filter(|entry| entry.event == What::Ended).count();
        prop_assert_eq!(ended, calls.len());
        prop_assert!(scene.world.channels.is_empty(), "{:?}", scene.world.channels);
        prop_assert!(scene.world.parked.is_empty());
        prop_assert!(scene.world.lines_in_use.values().all(|in_use| *in_use == 0));
        prop_assert!(scene.world.queues.values().all(|queue| queue.waiting.is_empty()));
        let busy = scene.world.queues.values().flat_map(|queue| queue.members.values()).filter(|one| one.status() != "1");
        prop_assert_eq!(busy.count(), 0);
    }
}
