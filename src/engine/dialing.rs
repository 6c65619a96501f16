//! The dialing's machine: from its claim to its one end, through the events of its call in whatever order they come.
//!
//! ```text
//!  0 None ──sent──► 1 Sent ──Response Success──► 2 Queued ──► 4 Channel ─► 3 Dial begin ─► 5 Dial end   (any order,
//!    │                │                              └───────► 6 / 13 Originate response                  6 too)
//!    │ not sent       │ Response Error                                    │
//!    ▼                ▼                                                   ▼ hung up, and the response is there
//!   11               12                                                   7
//! ```
//!
//! - The events of a channel are in order among themselves; `OriginateResponse` may stand anywhere among them, also
//!   before the channel's first and after its last. So every event only adds a fact, and the end is worked out from
//!   the facts: any order of the same events ends alike. The first word on a fact counts; a repeated event changes
//!   nothing.
//! - A call ends with its hangup and its response both seen, or with a failed response and Asterisk's word that there
//!   is no such channel. The dialing shows 7 (or 13) last, whichever came first.
//! - A refused or unsent request ends at once (12, 11). An end that nobody saw (connection lost, Asterisk restarted) is
//!   found by asking which channels are there; a channel that is missing twice is gone.

mod end;
mod event;
mod way;

use std::sync::Arc;
use std::time::Duration;

use super::{breaker, history, place};

use crate::model::codes::{DialResult, DialingStatus};
use crate::model::dialing::{Attempt, Dialing, Progress};
use crate::model::history::History;
use crate::model::time::{Now, Timestamp};
pub use event::{CallEvent, CallOutput, Cut, DialStatus, Response, Since, Stage};
use way::Way;

/// How long a call that was hung up waits for its response.
const RESPONSE_WAIT: Duration = Duration::from_secs(2);
/// How long a failed response waits for the channel's events before Asterisk is asked for the channel. In the
/// captures all events of one step were under 5 ms apart.
const CHANNEL_WAIT: Duration = Duration::from_millis(500);
/// How long after the time that a number may ring a call is asked for that has been neither answered nor given up:
/// Asterisk may have lost it, or we its events.
const OVERDUE: Duration = Duration::from_secs(5);
/// How far apart two looks for a missing channel are: Asterisk makes the channel of an accepted request on a thread
/// of its own, so one look may be too early.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// One dialing under way.
#[derive(Debug, Clone)]
pub struct Call {
    dialing: Dialing,
    acknowledged: bool,
    response: Option<Response>,
    dial_status: Option<DialStatus>,
    up: bool,
    way: Way,
    withdrawn: bool,
    /// By pacing, for want of agents.
    given_up: bool,
    /// Asterisk has hung it up to shut down.
    shut_down: bool,
    /// When its contact was claimed; `None` for one that an earlier run of the daemon left.
    claimed: Option<Now>,
    /// When its Originate was sent, on the monotonic clock.
    sent: Option<Duration>,
    /// When Asterisk was first found not to have its channel, since it was last seen.
    missing: Option<Duration>,
    /// Whether Asterisk was asked, since the link was last up, for the times that it alone has seen.
    asked_for_times: bool,
    ended: bool,
    wake: Option<Duration>,
    history: History,
}

impl Call {
    /// A call that was just claimed.
    pub fn new(now: Now, attempt: Arc<Attempt>) -> Self {
        let claimed = Self::resumed(attempt, Progress::default());
        // A clock that was set back since it was written does not bring its times together.
        let wall = now.wall.max(claimed.dialing.attempt.tm_create);
        let claimed_at = Some(Now { wall, ..now });
        Self { acknowledged: false, claimed: claimed_at, history: History::default(), ..claimed }
    }

    /// A call that an earlier run of the daemon left open.
    pub fn resumed(attempt: Arc<Attempt>, progress: Progress) -> Self {
        let up = progress.res_dial == DialResult::Answered;
        Self {
            dialing: Dialing { attempt, progress },
            acknowledged: true,
            response: None,
            dial_status: None,
            up,
            way: Way::resumed(up),
            withdrawn: false,
            given_up: false,
            shut_down: false,
            claimed: None,
            sent: None,
            missing: None,
            asked_for_times: false,
            ended: false,
            wake: None,
            history: History::resumed(),
        }
    }

    /// What it is and how far it has come.
    pub fn dialing(&self) -> &Dialing {
        &self.dialing
    }

    /// Whether its Originate still waits for Asterisk's answer.
    pub fn is_unacknowledged(&self) -> bool {
        !self.acknowledged && !self.ended
    }

    /// Whether Asterisk is still at setting it up: it has not answered the Originate, or neither its channel nor that
    /// it failed was seen. One that an earlier run has left is counted no more.
    pub fn is_being_set_up(&self) -> bool {
        let set_up = self.acknowledged && (self.has_channel() || self.response.is_some());
        self.claimed.is_some() && !self.ended && !set_up
    }

    /// When its Originate was sent, where that was by this run.
    pub fn sent(&self) -> Option<Duration> {
        self.sent
    }

    /// Whether it was answered.
    pub fn is_answered(&self) -> bool {
        self.up || self.response == Some(Response::Success)
    }

    /// Whether it is on its way and no channel of it was seen.
    pub fn is_blind(&self) -> bool {
        !self.ended && !self.has_channel()
    }

    /// Whether its channel was seen.
    pub fn has_channel(&self) -> bool {
        self.dialing.progress.channel_name.is_some()
    }

    /// Whether it is known if it was answered: it was, or it has ended.
    pub fn is_decided(&self) -> bool {
        self.ended || self.is_answered()
    }

    /// Whether the trunk is to blame for how it went; `None` where that is not said.
    pub fn blames_trunk(&self) -> Option<bool> {
        let progress = &self.dialing.progress;
        if self.is_answered() {
            return Some(false);
        }
        match progress.res_hangup {
            _ if self.withdrawn || self.shut_down || !self.ended => None,
            Some(cause) => Some(breaker::is_fault(cause)),
            None if matches!(self.response, Some(Response::Failure { .. })) => Some(!self.has_channel()),
            None => None,
        }
    }

    /// Whether Asterisk has found the place in the dialplan that it is for; `None` where that is not known.
    pub fn found_place(&self) -> Option<bool> {
        let progress = &self.dialing.progress;
        match progress.status {
            DialingStatus::OriginateQueuedFailed => {
                progress.res_dial_detail.as_deref().filter(|why| place::is_missing(why)).map(|_| false)
            }
            DialingStatus::OriginateQueued
            | DialingStatus::OriginateResponsed
            | DialingStatus::OriginateResponseFailed
            | DialingStatus::ChannelCreated
            | DialingStatus::DialBegin
            | DialingStatus::DialEnd
            | DialingStatus::Hangup => Some(true),
            DialingStatus::None
            | DialingStatus::OriginateSent
            | DialingStatus::OriginateRequestFailed
            | DialingStatus::Error => None,
        }
    }

    /// Whether it ended without a channel, by the technology `SIP`, whose driver Asterisk no longer has.
    pub fn asks_for_lost_sip(&self) -> bool {
        let sip =
            |channel: &str| channel.split('/').next().is_some_and(|tech| tech.eq_ignore_ascii_case("SIP"));
        self.blames_trunk() == Some(true) && !self.has_channel() && sip(&self.dialing.attempt.channel)
    }

    /// Whether it still needs an agent of its queue.
    pub fn awaits_agent(&self) -> bool {
        !self.way.with_agent && !self.ended
    }

    /// Where it is on its way to one.
    pub fn stage(&self) -> Stage {
        match &self.way {
            _ if self.ended || self.dialing.progress.res_hangup.is_some() => Stage::Over,
            way if way.talked => Stage::Talked,
            way if way.with_agent => Stage::Talking,
            way if way.waits() => Stage::Waiting,
            _ if self.is_answered() => Stage::Answered,
            way if way.rings => Stage::Ringing,
            _ => Stage::Originating,
        }
    }

    /// Whether the callee has waited for an agent for too long, or is gone without one.
    pub fn is_abandoned(&self) -> bool {
        self.way.abandoned
    }

    /// Whether its end is decided; what comes now is late.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// When it wants to be woken, on the monotonic clock.
    pub fn wake(&self) -> Option<Duration> {
        self.wake.into_iter().chain(self.way.deadline()).min()
    }

    /// How long ago its contact was claimed.
    pub fn age(&self, now: Now) -> Duration {
        self.claimed.map_or(Duration::MAX, |claimed| now.mono.saturating_sub(claimed.mono))
    }

    /// The time of what happens to it now. The wall clock may have been set since the claim, and the times of a call are
    /// as far apart as they were: they go by the clock as it was then. Of one that an earlier run has left at least
    /// their order is right.
    fn moment(&self, now: Now) -> Timestamp {
        let progress = &self.dialing.progress;
        let known = [progress.tm_dial_begin, progress.tm_dial_end, progress.tm_hangup].into_iter().flatten();
        match self.claimed {
            Some(claimed) => claimed.wall.plus(now.mono.saturating_sub(claimed.mono)),
            None => known.fold(now.wall, Timestamp::max),
        }
        .max(self.dialing.attempt.tm_create)
    }

    /// The operator gives it up: an end without an answer is then `withdrawn`.
    pub fn withdraw(&mut self) {
        self.withdrawn = true;
    }

    /// The link was lost and is back: earlier looks for its channel say nothing, for an Asterisk that stood still
    /// may carry out what it was sent only now.
    pub fn look_anew(&mut self) {
        // How long it took says nothing of how long a set-up takes.
        self.sent = None;
        self.missing = None;
        self.asked_for_times = false;
        self.way.missed(self.is_answered());
    }

    /// Whether Asterisk is to be asked for the times of what happened while nobody was looking; once is enough. `up` is
    /// whether its channel was just seen to be.
    pub fn asks_for_times(&mut self, up: bool) -> bool {
        let progress = &self.dialing.progress;
        let lacks = progress.tm_dial_begin.is_none() || (up && progress.tm_dial_end.is_none());
        !self.ended
            && progress.res_hangup.is_none()
            && lacks
            && !std::mem::replace(&mut self.asked_for_times, true)
    }

    /// Pacing gives it up while it rings.
    pub fn give_up(&mut self) {
        (self.withdrawn, self.given_up) = (true, true);
    }

    /// Whether its channel is to be hung up: whom pacing has given up, and who has answered all the same, is not.
    pub fn is_to_be_hung_up(&self) -> bool {
        self.withdrawn && !(self.given_up && self.is_answered())
    }

    /// Whether it was given up.
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// Takes one event.
    pub fn handle(&mut self, now: Now, event: CallEvent) -> Vec<CallOutput> {
        if self.ended {
            return Vec::new();
        }
        let moment = self.moment(now);
        self.history.add(moment, history::seen(&event));
        let progress = &mut self.dialing.progress;
        let mut outputs = Vec::new();
        let status = match event {
            CallEvent::Sent => {
                self.sent = Some(now.mono);
                DialingStatus::OriginateSent
            }
            CallEvent::NotSent(why) => {
                progress.res_dial_detail = Some(why);
                progress.status = DialingStatus::OriginateRequestFailed;
                self.acknowledged = true;
                return vec![self.end(now, None)];
            }
            CallEvent::WindowClosed => {
                let has_hours = self.dialing.attempt.capsule.plan.calling.has_hours();
                let or_hours = if has_hours { ", or the callee's calling hour was over" } else { "" };
                progress.res_dial_detail = Some(format!("the campaign's window had closed{or_hours}"));
                self.acknowledged = true;
                return vec![self.end(now, Some(Cut::WindowClosed))];
            }
            CallEvent::Queued => {
                self.acknowledged = true;
                // By then it was answered or given up; whoever has not heard of that asks.
                let rings = self.dialing.attempt.capsule.plan.dial_timeout();
                self.wake.get_or_insert(now.mono + rings + OVERDUE);
                DialingStatus::OriginateQueued
            }
            CallEvent::Refused(message) => {
                progress.res_dial_detail = Some(message);
                progress.status = DialingStatus::OriginateQueuedFailed;
                self.acknowledged = true;
                return vec![self.end(now, None)];
            }
            CallEvent::Unanswered => {
                // It may live: the answer was lost, not the request.
                self.acknowledged = true;
                if progress.res_hangup.is_none() {
                    self.wake = Some(now.mono);
                }
                return Vec::new();
            }
            CallEvent::ChannelCreated { name } => {
                progress.channel_name = Some(name);
                self.missing = None;
                DialingStatus::ChannelCreated
            }
            CallEvent::DialBegin => {
                progress.tm_dial_begin.get_or_insert(moment);
                DialingStatus::DialBegin
            }
            CallEvent::DialEnd(dial_status) => {
                progress.tm_dial_end.get_or_insert(moment);
                self.dial_status = Some(dial_status);
                if dial_status == DialStatus::Answer {
                    outputs.extend(self.answered());
                }
                DialingStatus::DialEnd
            }
            CallEvent::Up => {
                progress.tm_dial_end.get_or_insert(moment);
                return self.answered().into_iter().collect();
            }
            CallEvent::ShutDown => {
                self.shut_down = true;
                return Vec::new();
            }
            CallEvent::Ringing => {
                self.way.rings = true;
                return Vec::new();
            }
            CallEvent::Joined => {
                self.way.joins(now.mono, self.dialing.attempt.capsule.plan.abandonment.after());
                return Vec::new();
            }
            CallEvent::AgentCalled => {
                self.way.is_called_for();
                return Vec::new();
            }
            CallEvent::AgentNotThere => {
                let leaves = self.way.is_not_called_for();
                return self.send_away(leaves).into_iter().collect();
            }
            CallEvent::WithAgent => {
                self.way.is_served(now.mono);
                return Vec::new();
            }
            CallEvent::Talked => {
                self.way.is_served(now.mono);
                self.way.talked = true;
                return Vec::new();
            }
            CallEvent::Responded(response) => {
                self.acknowledged = true;
                progress.tm_dial_end.get_or_insert(moment);
                match *self.response.get_or_insert(response) {
                    Response::Success => {
                        outputs.extend(self.answered());
                        DialingStatus::OriginateResponsed
                    }
                    Response::Failure { .. } => DialingStatus::OriginateResponseFailed,
                }
            }
            CallEvent::Hangup { cause, text, amd } => {
                if progress.res_hangup.is_some() {
                    return Vec::new();
                }
                progress.res_hangup = Some(cause);
                progress.res_hangup_detail = Some(text);
                progress.amd = amd;
                progress.tm_hangup = Some(moment);
                self.waits_no_more(now);
                if self.response.is_some() {
                    return vec![self.end(now, None)];
                }
                self.wake = Some(now.mono + RESPONSE_WAIT);
                return Vec::new();
            }
            // An answer from before the hangup: what keeps the call now is its response.
            CallEvent::Present { .. } | CallEvent::Gone if progress.res_hangup.is_some() => {
                return Vec::new();
            }
            CallEvent::Present { name, up, since } => {
                self.missing = None;
                self.acknowledged = true;
                self.wake = None;
                progress.channel_name.get_or_insert(name);
                let claimed = self.dialing.attempt.tm_create;
                let at = |age| moment.minus(age).max(claimed);
                progress.tm_dial_begin = progress.tm_dial_begin.or(since.dialled.map(at));
                if !up {
                    return Vec::new();
                }
                self.way.found_up();
                let untimed = progress.tm_dial_end.is_none();
                progress.tm_dial_end = progress.tm_dial_end.or(since.answered.map(at));
                let learnt = untimed && progress.tm_dial_end.is_some();
                return self.answered().or(learnt.then_some(CallOutput::Answered)).into_iter().collect();
            }
            CallEvent::Gone => return self.gone(now),
        };
        let res_dial = self.result().1;
        let progress = &mut self.dialing.progress;
        progress.status = status;
        progress.tm_update = Some(now.wall);
        progress.res_dial = res_dial;
        if self.response.is_some() && self.dialing.progress.res_hangup.is_some() {
            return vec![self.end(now, None)];
        }
        if matches!(self.response, Some(Response::Failure { .. })) {
            let look = now.mono + CHANNEL_WAIT;
            self.wake = Some(self.wake.map_or(look, |wake| wake.min(look)));
        }
        outputs.insert(0, CallOutput::Updated);
        outputs
    }

    fn answered(&mut self) -> Option<CallOutput> {
        let first = !self.up;
        self.up = true;
        self.dialing.progress.res_dial = DialResult::Answered;
        first.then_some(CallOutput::Answered)
    }

    /// The time that [`Call::wake`] named has come.
    pub fn handle_wake(&mut self, now: Now) -> Vec<CallOutput> {
        let leaves = self.way.overdue(now.mono);
        let mut outputs: Vec<_> = self.send_away(leaves).into_iter().collect();
        outputs.extend(self.look(now));
        outputs
    }

    /// Where the plan says where to.
    fn send_away(&self, leaves: bool) -> Option<CallOutput> {
        (leaves && self.dialing.attempt.capsule.plan.abandonment.dest.is_some())
            .then_some(CallOutput::SendAway)
    }

    fn look(&mut self, now: Now) -> Vec<CallOutput> {
        if self.ended || self.wake.is_none_or(|wake| wake > now.mono) {
            return Vec::new();
        }
        self.wake = None;
        let lives = self.is_answered() && self.missing.is_none();
        if lives && self.dialing.progress.res_hangup.is_none() {
            // It was answered in time; its end will be told.
            return Vec::new();
        }
        if self.dialing.progress.res_hangup.is_some() {
            // The response did not come: the hangup alone tells enough.
            return vec![self.end(now, None)];
        }
        // In case the answer never comes, the look is repeated.
        self.wake = Some(now.mono + LOOK_AGAIN);
        vec![CallOutput::Probe]
    }

    fn gone(&mut self, now: Now) -> Vec<CallOutput> {
        if matches!(self.response, Some(Response::Failure { .. })) {
            return vec![self.end(now, None)];
        }
        let first = *self.missing.get_or_insert(now.mono);
        if now.mono >= first + LOOK_AGAIN {
            return vec![self.end(now, Some(Cut::Unseen))];
        }
        self.wake = Some(first + LOOK_AGAIN);
        Vec::new()
    }
}
