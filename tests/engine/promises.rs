//! What holds always, whatever happens: watched at every step of a [`crate::world::World`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use astout::engine::dialing::CallEvent;
use astout::engine::preview::Wish;
use astout::engine::{Effect, Input, Options, window};
use astout::model::codes::CampaignStatus;
use astout::model::ids::DialingUuid;
use astout::model::time::Now;

use crate::records::Records;

/// What has to be remembered to tell.
pub(crate) struct Promises {
    max_channels: usize,
    calls_per_second: usize,
    max_unanswered: usize,
    /// Dialings that hold a channel: claimed, or found open, and not yet ended.
    holding: BTreeSet<DialingUuid>,
    unacknowledged: BTreeSet<DialingUuid>,
    originated: BTreeSet<DialingUuid>,
    /// Ends that the store was asked for, and whether it has committed them.
    finished: BTreeMap<DialingUuid, bool>,
    last_second: VecDeque<Duration>,
    /// Nothing may be claimed for now.
    held: bool,
}

impl Promises {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            max_channels: options.max_channels as usize,
            calls_per_second: options.calls_per_second as usize,
            max_unanswered: options.max_unanswered as usize,
            holding: BTreeSet::new(),
            unacknowledged: BTreeSet::new(),
            originated: BTreeSet::new(),
            finished: BTreeMap::new(),
            last_second: VecDeque::new(),
            held: false,
        }
    }

    /// The daemon was started anew and found these open.
    pub(crate) fn restarted(&mut self, open: impl IntoIterator<Item = DialingUuid>) {
        self.holding = open.into_iter().collect();
        self.unacknowledged.clear();
        // The rate is kept within one run of the daemon.
        self.last_second.clear();
        self.held = false;
        self.finished.retain(|_, committed| *committed);
    }

    /// Watches what the engine is told.
    pub(crate) fn before(&mut self, input: &Input) {
        match input {
            Input::Claimed { attempts, .. } => {
                self.holding.extend(attempts.iter().map(|(attempt, _)| attempt.uuid));
            }
            Input::Ended(dialing, _) => {
                self.holding.remove(dialing);
                self.unacknowledged.remove(dialing);
                self.finished.insert(*dialing, true);
            }
            Input::EndFailed(ending) => {
                self.finished.remove(&ending.dialing.attempt.uuid);
            }
            Input::Call(dialing, event) => match event {
                CallEvent::Sent | CallEvent::ShutDown | CallEvent::WithAgent | CallEvent::Gone => {}
                _ => {
                    self.unacknowledged.remove(dialing);
                }
            },
            Input::Hold(held) => self.held = *held,
            Input::Live(_)
            | Input::Tick
            | Input::Drain
            | Input::Options(_)
            | Input::Changed(..)
            | Input::ListChanged(_)
            | Input::NotMoved(_)
            | Input::StoreFailed(_)
            | Input::Withdraw(_)
            | Input::GivenUp(_)
            | Input::LinkUp { .. }
            | Input::LinkDown
            | Input::Preview(_)
            | Input::Nodes(_)
            | Input::Agents { .. } => {}
        }
    }

    /// Watches what the engine decides.
    pub(crate) fn after(&mut self, Now { mono: now, wall }: Now, effect: &Effect, records: &Records) {
        match effect {
            Effect::Originate(attempt) => {
                let uuid = attempt.uuid;
                assert!(records.open.contains_key(&uuid), "no dial without record");
                assert!(self.originated.insert(uuid), "one Originate a dialing");
                let campaign = &records.campaigns[&attempt.capsule.campaign.uuid];
                assert_eq!(campaign.status, CampaignStatus::Start, "only a started campaign dials");
                assert!(window::is_open(&campaign.schedule, wall), "nobody is dialled outside of the window");
                self.unacknowledged.insert(uuid);
                assert!(self.unacknowledged.len() <= self.max_unanswered, "originates without an answer");
                assert!(self.holding.len() <= self.max_channels, "channels");
                while self.last_second.front().is_some_and(|at| *at + Duration::from_secs(1) <= now) {
                    self.last_second.pop_front();
                }
                self.last_second.push_back(now);
                assert!(self.last_second.len() <= self.calls_per_second, "calls a second");
            }
            Effect::Finish(ending) => {
                let uuid = ending.dialing.attempt.uuid;
                self.unacknowledged.remove(&uuid);
                assert!(self.finished.insert(uuid, false).is_none(), "a second end of {uuid}");
            }
            Effect::Claim { .. } | Effect::Preview(Wish::Dial { .. }) => {
                assert!(!self.held, "a claim while nothing may be claimed");
            }
            Effect::Preview(Wish::Keep { .. } | Wish::LetGo { .. } | Wish::Answer { .. })
            | Effect::Transition { .. }
            | Effect::Hangup(_)
            | Effect::GiveUp(_)
            | Effect::SendAway(..)
            | Effect::KeepPool(_)
            | Effect::Probe(_)
            | Effect::Scan
            | Effect::WatchQueue(_)
            | Effect::Progress(..)
            | Effect::Publish(_)
            | Effect::Notice(_)
            | Effect::Orphan(_) => {}
        }
    }
}
