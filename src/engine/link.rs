//! The link to Asterisk, and what becomes of calls that were open while it was down.
//!
//! ```text
//!   Down ──link up──► Settling ──the open calls are found, or missed twice──► Ready ──link down──► Down
//! ```
//!
//! Nothing is claimed before the link is Ready. When Asterisk was started anew, the calls that it had are gone with it:
//! they end as `pbx-restart`. Otherwise it is asked which channels it has, now, and again after a while for those that
//! were missing; and every minute as a check.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::dialing::{Call, CallEvent, Cut, Since};
use super::{Effect, Engine, LiveChannel};
use crate::model::ids::DialingUuid;
use crate::model::time::Now;

const SCAN_EVERY: Duration = Duration::from_secs(60);
const SCAN_AGAIN: Duration = Duration::from_secs(2);
/// A call that was claimed less than this ago may have no channel yet.
const CHANNEL_BY_NOW: Duration = Duration::from_secs(10);

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum State {
    #[default]
    Down,
    Settling,
    Ready,
}

/// What is known of the link.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: State,
    epoch: String,
    /// Calls that were sent before the link was last up, each with the start of the Asterisk it was sent to.
    unsettled: BTreeMap<DialingUuid, Option<String>>,
    next_scan: Option<Duration>,
    /// Channels of the last list that belong to no open dialing.
    strays: BTreeSet<DialingUuid>,
    /// Those among them that were told of.
    orphans: BTreeSet<DialingUuid>,
}

impl Link {
    /// A call that an earlier run of the daemon left open.
    pub(super) fn inherit(&mut self, dialing: DialingUuid, epoch: Option<String>) {
        self.unsettled.insert(dialing, epoch);
    }

    /// A call has ended.
    pub(super) fn forget(&mut self, dialing: DialingUuid) {
        self.unsettled.remove(&dialing);
    }

    /// Whether calls may be claimed and sent.
    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Whether it is up, and the calls that were open are looked for.
    pub(super) fn is_settling(&self) -> bool {
        self.state == State::Settling
    }

    /// The start of the Asterisk that calls are sent to now.
    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// When Asterisk is asked for its channels next.
    pub(super) fn next_scan(&self) -> Option<Duration> {
        self.next_scan
    }
}

impl Engine {
    pub(super) fn link_up(&mut self, now: Now, epoch: String, effects: &mut Vec<Effect>) {
        let restarted = is_another(&self.link.epoch, &epoch);
        self.link.epoch = epoch;
        let open: Vec<_> = self.calls.values().filter(|call| !call.is_ended()).map(uuid_of).collect();
        for dialing in open {
            self.link.unsettled.entry(dialing).or_default();
            self.touch(now, dialing, effects, |call| {
                call.look_anew();
                Vec::new()
            });
        }
        let before: Vec<_> = self
            .link
            .unsettled
            .iter()
            .filter(|(_, sent_to)| {
                sent_to.as_ref().map_or(restarted, |sent_to| is_another(sent_to, &self.link.epoch))
            })
            .map(|(dialing, _)| *dialing)
            .collect();
        for dialing in before {
            self.link.unsettled.remove(&dialing);
            self.touch(now, dialing, effects, |call| call.cut(now, Cut::PbxRestart).into_iter().collect());
        }
        self.settle(now);
        if self.link.state == State::Settling {
            effects.push(Effect::Scan);
        }
        self.agents.clear();
        self.asked_queues.clear();
        for run in self.runs.values_mut() {
            run.look_again();
        }
    }

    pub(super) fn link_down(&mut self) {
        self.link.state = State::Down;
        self.link.next_scan = None;
        self.agents.clear();
        self.asked_queues.clear();
        // Whoever comes back may have another dialplan.
        self.nodes.clear();
        self.places.forget();
        self.intake.forget();
    }

    fn settle(&mut self, now: Now) {
        let settled = self.link.unsettled.is_empty();
        self.link.state = if settled { State::Ready } else { State::Settling };
        self.link.next_scan = Some(now.mono + if settled { SCAN_EVERY } else { SCAN_AGAIN });
    }

    /// Asterisk has said which channels it has.
    pub(super) fn live(&mut self, now: Now, channels: Option<Vec<LiveChannel>>, effects: &mut Vec<Effect>) {
        if self.link.state == State::Down {
            return;
        }
        let Some(channels) = channels else {
            // A list that is not whole says nothing of what is missing.
            let again = if self.link.state == State::Settling { SCAN_AGAIN } else { SCAN_EVERY };
            self.link.next_scan = Some(now.mono + again);
            return;
        };
        let mut live: BTreeMap<DialingUuid, LiveChannel> = BTreeMap::new();
        for channel in channels {
            let known = live.entry(channel.dialing).or_insert_with(|| channel.clone());
            if channel.own {
                *known = channel;
            }
        }
        self.look_for_orphans(&live, effects);
        let asked: Vec<_> =
            self.calls.values().filter(|call| self.is_to_be_there(now, call)).map(uuid_of).collect();
        for dialing in asked {
            let event = match live.get(&dialing) {
                Some(LiveChannel { name, up, .. }) => {
                    CallEvent::Present { name: name.clone(), up: *up, since: Since::default() }
                }
                None => CallEvent::Gone,
            };
            if event != CallEvent::Gone {
                self.link.unsettled.remove(&dialing);
            }
            self.happened(now, dialing, event, effects);
            // A look at the one channel tells more than the list of all. Another's channel would not be found by it.
            if let Some(own) = live.get(&dialing).filter(|channel| channel.own)
                && self.calls.get_mut(&dialing).is_some_and(|call| call.asks_for_times(own.up))
            {
                effects.push(Effect::Probe(dialing));
            }
        }
        let calls = &self.calls;
        self.link.unsettled.retain(|dialing, _| calls.get(dialing).is_some_and(|call| !call.is_ended()));
        self.settle(now);
    }

    /// Channels of dialings that are not open, in this list and in the one before: one that has ended a moment ago may
    /// stand in a list that was made before.
    fn look_for_orphans(&mut self, live: &BTreeMap<DialingUuid, LiveChannel>, effects: &mut Vec<Effect>) {
        let stray = |channel: &&LiveChannel| channel.own && !self.calls.contains_key(&channel.dialing);
        let strays: BTreeSet<DialingUuid> =
            live.values().filter(stray).map(|channel| channel.dialing).collect();
        let orphans =
            strays.intersection(&self.link.strays).filter(|orphan| !self.link.orphans.contains(*orphan));
        let orphans: Vec<DialingUuid> = orphans.copied().collect();
        effects.extend(orphans.iter().map(|orphan| Effect::Orphan(*orphan)));
        self.link.orphans.retain(|orphan| strays.contains(orphan));
        self.link.orphans.extend(orphans);
        self.link.strays = strays;
    }

    /// Whether a call has a channel, if it is ever to have one.
    fn is_to_be_there(&self, now: Now, call: &Call) -> bool {
        !call.is_ended()
            && (self.link.unsettled.contains_key(&uuid_of(call)) || call.age(now) > CHANNEL_BY_NOW)
    }

    pub(super) fn rescan(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.link.next_scan.is_some_and(|at| at <= now.mono) {
            // Should the answer never come, it is asked again.
            self.link.next_scan = Some(now.mono + SCAN_EVERY);
            effects.push(Effect::Scan);
            // A queue may have come or gone by a reload, which tells nobody.
            effects.extend(self.agents.keys().cloned().map(Effect::WatchQueue));
            // Somebody else may have written to the lists, past the daemon.
            for run in self.runs.values_mut() {
                run.look_again();
            }
        }
    }
}

/// Whether these are two starts of Asterisk; an empty one is not known, and may be either.
fn is_another(start: &str, other: &str) -> bool {
    !start.is_empty() && !other.is_empty() && start != other
}

fn uuid_of(call: &Call) -> DialingUuid {
    call.dialing().attempt.uuid
}
