//! The Asterisk of the [`crate::world::World`]: what becomes of a call that it is asked for, which channels it has,
//! and how many agents are free. It rings nobody and keeps no time; the world carries its steps out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use astout::engine::LiveChannel;
use astout::engine::dialing::{CallEvent, DialStatus, Response, Since};
use astout::model::codes::{DialResult, HangupCause, Outcome};
use astout::model::dialing::Attempt;
use astout::model::ids::DialingUuid;

/// One thing that happens to a call, so long after the one before, and how often the daemon hears of it: 1, 0 where
/// the event is lost, 2 where it is doubled.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) after: Duration,
    pub(crate) event: CallEvent,
    pub(crate) heard: usize,
}

impl Step {
    pub(crate) fn now(event: CallEvent) -> Self {
        Self { after: Duration::ZERO, event, heard: 1 }
    }

    pub(crate) fn after(after: Duration, event: CallEvent) -> Self {
        Self { after, event, heard: 1 }
    }
}

/// What Asterisk says when it is asked for all its channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListAnswer {
    Whole,
    Truncated,
    Silence,
}

type Script = Box<dyn FnMut(&Attempt) -> Vec<Step>>;

/// See the module.
pub(crate) struct Pbx {
    /// What becomes of each call, from its Response on; nothing where the test says it itself.
    pub(crate) script: Script,
    /// The channels that there are, and whether they are up.
    pub(crate) channels: BTreeMap<DialingUuid, bool>,
    /// Calls that were hung up.
    gone: BTreeSet<DialingUuid>,
    /// Calls whose OriginateResponse was sent.
    pub(crate) responded: BTreeSet<DialingUuid>,
    pub(crate) list: ListAnswer,
    pub(crate) queues: BTreeMap<String, u32>,
}

impl Pbx {
    /// One that takes what it is sent and says nothing.
    pub(crate) fn new() -> Self {
        Self {
            script: Box::new(|_| Vec::new()),
            channels: BTreeMap::new(),
            gone: BTreeSet::new(),
            responded: BTreeSet::new(),
            list: ListAnswer::Whole,
            queues: BTreeMap::new(),
        }
    }

    /// Something happens to a call, whether the daemon hears of it or not.
    pub(crate) fn happen(&mut self, dialing: DialingUuid, event: &CallEvent) {
        match event {
            // A channel that was hung up does not come back by an event that comes twice.
            CallEvent::ChannelCreated { .. } if self.gone.contains(&dialing) => {}
            CallEvent::ChannelCreated { .. } => {
                self.channels.entry(dialing).or_insert(false);
            }
            CallEvent::Up => {
                self.channels.entry(dialing).and_modify(|up| *up = true);
            }
            CallEvent::Hangup { .. } => {
                self.channels.remove(&dialing);
                self.gone.insert(dialing);
            }
            CallEvent::Responded(_) => {
                self.responded.insert(dialing);
            }
            CallEvent::Sent
            | CallEvent::NotSent(_)
            | CallEvent::WindowClosed
            | CallEvent::Queued
            | CallEvent::Refused(_)
            | CallEvent::Unanswered
            | CallEvent::DialBegin
            | CallEvent::DialEnd(_)
            | CallEvent::ShutDown
            | CallEvent::Ringing
            | CallEvent::Joined
            | CallEvent::AgentCalled
            | CallEvent::AgentNotThere
            | CallEvent::WithAgent
            | CallEvent::Talked
            | CallEvent::Present { .. }
            | CallEvent::Gone => {}
        }
    }

    /// The answer to a request for all channels.
    pub(crate) fn live(&self) -> Vec<LiveChannel> {
        let channel = |(dialing, up): (&DialingUuid, &bool)| LiveChannel {
            dialing: *dialing,
            name: name(),
            up: *up,
            own: true,
        };
        self.channels.iter().map(channel).collect()
    }

    /// The answer to a request for one channel.
    pub(crate) fn probe(&self, dialing: DialingUuid) -> CallEvent {
        match self.channels.get(&dialing) {
            Some(up) => CallEvent::Present { name: name(), up: *up, since: Since::default() },
            None => CallEvent::Gone,
        }
    }
}

pub(crate) fn name() -> String {
    "Local/300@astout-demo-00000001;1".to_owned()
}

pub(crate) fn created() -> CallEvent {
    CallEvent::ChannelCreated { name: name() }
}

pub(crate) fn hangup(cause: u32) -> CallEvent {
    CallEvent::Hangup { cause: HangupCause(cause), text: format!("cause {cause}"), amd: None }
}

pub(crate) fn failure(reason: u32) -> CallEvent {
    CallEvent::Responded(Response::Failure { reason })
}

pub(crate) const SUCCESS: CallEvent = CallEvent::Responded(Response::Success);

/// What a real Asterisk was seen to do with a call.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    pub(crate) name: &'static str,
    /// The events of its channel, in their order.
    pub(crate) channel: Vec<CallEvent>,
    pub(crate) response: CallEvent,
    pub(crate) outcome: Outcome,
    pub(crate) res_dial: DialResult,
    pub(crate) res_hangup: Option<u32>,
}

impl Fate {
    /// The events in the order in which an idle Asterisk sends them: the response after the dial's end.
    pub(crate) fn canonical(&self) -> Vec<CallEvent> {
        let mut events = vec![CallEvent::Queued];
        let ends = |event: &CallEvent| matches!(event, CallEvent::Hangup { .. });
        let end = self.channel.iter().position(ends).unwrap_or(self.channel.len());
        events.extend_from_slice(&self.channel[..end]);
        events.push(self.response.clone());
        events.extend_from_slice(&self.channel[end..]);
        events
    }

    /// The same as steps: it rings `ring` long and, where it is answered, talks `talk` long.
    pub(crate) fn steps(&self, ring: Duration, talk: Duration) -> Vec<Step> {
        let answered = self.outcome == Outcome::Answered;
        self.canonical()
            .into_iter()
            .map(|event| match event {
                CallEvent::Up => Step::after(ring, event),
                CallEvent::DialEnd(_) if !answered => Step::after(ring, event),
                CallEvent::Hangup { .. } if answered => Step::after(talk, event),
                event => Step::now(event),
            })
            .collect()
    }
}

fn dialled(end: Option<DialStatus>, up: bool, cause: u32) -> Vec<CallEvent> {
    let mut events = vec![created(), CallEvent::DialBegin];
    events.extend(up.then_some(CallEvent::Up));
    events.extend(end.map(CallEvent::DialEnd));
    events.push(hangup(cause));
    events
}

/// What happens to calls that Asterisk has accepted, as measured with Asterisk 22.
pub(crate) fn fates() -> Vec<Fate> {
    use DialResult as R;
    use DialStatus::{Answer, Busy, Congestion, Other};
    use Outcome as O;
    let fate = |name, end, reason, cause, (outcome, res_dial)| Fate {
        name,
        channel: dialled(end, false, cause),
        response: failure(reason),
        outcome,
        res_dial,
        res_hangup: Some(cause),
    };
    let answered = |name, cause| Fate {
        name,
        channel: dialled(Some(Answer), true, cause),
        response: SUCCESS,
        outcome: O::Answered,
        res_dial: R::Answered,
        res_hangup: Some(cause),
    };
    vec![
        answered("answered, and the application ends", 0),
        answered("answered, and hung up out of a bridge", 16),
        Fate {
            // OriginateResponse Success, and an end at once: nothing in AMI tells that the application is invalid.
            channel: vec![created(), CallEvent::DialBegin, CallEvent::Up, hangup(0)],
            ..answered("answered with an invalid application", 0)
        },
        fate("486 of a trunk", Some(Busy), 0, 17, (O::Busy, R::Busy)),
        fate("Busy() of a Local channel", Some(Busy), 5, 0, (O::Busy, R::Busy)),
        fate("busy by its cause alone", Some(Other), 0, 17, (O::Busy, R::Busy)),
        fate("busy by its reason alone", None, 5, 0, (O::Busy, R::Busy)),
        fate("503 of a trunk", Some(Congestion), 0, 34, (O::Congestion, R::Congestion)),
        fate("Congestion() of a Local channel", Some(Congestion), 8, 0, (O::Congestion, R::Congestion)),
        fate("congestion by its cause alone", Some(Other), 0, 34, (O::Congestion, R::Congestion)),
        fate("congestion of a switch", Some(Other), 0, 42, (O::Congestion, R::Congestion)),
        fate("congestion by its reason alone", None, 8, 0, (O::Congestion, R::Congestion)),
        fate("rang until the time was out", None, 3, 19, (O::NoAnswer, R::Ringing)),
        fate("no user response", Some(Other), 0, 18, (O::NoAnswer, R::None)),
        fate("no answer, said by the other end", Some(Other), 0, 19, (O::NoAnswer, R::None)),
        fate("603 of a trunk", Some(Other), 0, 21, (O::Rejected, R::None)),
        fate("404 of a trunk", Some(Other), 0, 1, (O::Failed, R::None)),
        fate("hung up by hand while ringing", Some(Other), 0, 0, (O::Failed, R::None)),
        fate("Hangup() without an answer", Some(Other), 0, 16, (O::Failed, R::None)),
        Fate {
            channel: vec![created(), hangup(0)],
            ..fate("no such extension", None, 0, 0, (O::Failed, R::None))
        },
        Fate {
            channel: Vec::new(),
            res_hangup: None,
            ..fate("no channel made", None, 0, 0, (O::Failed, R::None))
        },
    ]
}

/// The fate of that name.
pub(crate) fn fate(name: &str) -> Fate {
    fates().into_iter().find(|fate| fate.name == name).unwrap()
}
