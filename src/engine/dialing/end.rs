//! How a call ends: its outcome by the facts that are there, whatever order they came in.

use super::{Call, CallOutput, Cut, DialStatus, Response};
use crate::model::codes::{DialResult, DialingStatus, HangupCause, Outcome};
use crate::model::dialing::{Ending, NextTry};
use crate::model::time::Now;

impl Call {
    /// The callee is gone.
    pub(super) fn waits_no_more(&mut self, now: Now) {
        let capsule = &self.dialing.attempt.capsule;
        let progress = &self.dialing.progress;
        // Of one that an earlier run has left nobody has seen whether he had an agent.
        let seen = self.claimed.is_some() && self.is_answered() && capsule.destination.queue().is_some();
        // Before the queue there may be dialplan that hangs up on machines, whose words do not come here.
        let is_person = match &progress.amd {
            Some(amd) => amd.is_person(),
            None => capsule.destination.is_queue(),
        };
        let held = progress.tm_hangup.zip(progress.tm_dial_end).map(|(end, answer)| end.since(answer));
        self.way.ends(now.mono, held.filter(|_| seen && is_person));
        self.dialing.progress.wait = self.way.wait();
    }

    /// Ends it without its events; where its hangup was seen, by that.
    pub fn cut(&mut self, now: Now, why: Cut) -> Option<CallOutput> {
        let unseen = self.dialing.progress.res_hangup.is_none();
        (!self.ended).then(|| self.end(now, unseen.then_some(why)))
    }

    pub(super) fn end(&mut self, now: Now, cut: Option<Cut>) -> CallOutput {
        let (mut outcome, res_dial) = self.result();
        let answered = self.is_answered();
        self.waits_no_more(now);
        let progress = &mut self.dialing.progress;
        progress.res_dial = res_dial;
        progress.tm_update = Some(now.wall);
        // The response may come before the dial's begin and after the hangup, and is the end of the dial where no other
        // was told: what came later in time cannot have been before.
        progress.tm_dial_end = progress.tm_dial_end.map(|end| end.min(progress.tm_hangup.unwrap_or(end)));
        progress.tm_dial_begin =
            progress.tm_dial_begin.map(|begin| begin.min(progress.tm_dial_end.unwrap_or(begin)));
        if progress.res_hangup.is_some() {
            progress.status = DialingStatus::Hangup;
        }
        match cut {
            Some(Cut::NotSent) => outcome = Outcome::Withdrawn,
            Some(Cut::WindowClosed) => outcome = Outcome::WindowClosed,
            Some(Cut::Unseen) => {
                progress.status = DialingStatus::Error;
                if !answered {
                    outcome = Outcome::Unknown;
                }
            }
            Some(Cut::PbxRestart) => {
                progress.status = DialingStatus::Error;
                if !answered {
                    outcome = Outcome::PbxRestart;
                }
            }
            // Nothing is said of the number by a hangup that was the PBX's own.
            None if self.shut_down && !answered => outcome = Outcome::PbxRestart,
            None => {}
        }
        if self.withdrawn && !answered {
            outcome = Outcome::Withdrawn;
        }
        self.ended = true;
        self.wake = None;
        let fault = self.is_a_fault(outcome);
        let dialing = self.dialing.clone();
        CallOutput::Ended(Box::new(Ending {
            dialing,
            outcome,
            fault,
            next_try: NextTry::AfterDelay,
            tm_end: now.wall,
            history: std::mem::take(&mut self.history),
        }))
    }

    /// Whether it ended so by a fault of the trunk or ours. Of one that nobody saw the callee may have had his part in it.
    fn is_a_fault(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::PbxRestart | Outcome::WindowClosed => true,
            Outcome::Busy | Outcome::Congestion | Outcome::NoAnswer | Outcome::Rejected | Outcome::Failed => {
                let status = self.dialing.progress.status;
                let never_made = matches!(
                    status,
                    DialingStatus::OriginateRequestFailed | DialingStatus::OriginateQueuedFailed
                );
                never_made || self.blames_trunk() == Some(true)
            }
            Outcome::Answered | Outcome::Unknown | Outcome::Withdrawn => false,
        }
    }

    /// The contract's table, from the facts that are there.
    pub(super) fn result(&self) -> (Outcome, DialResult) {
        let cause = self.dialing.progress.res_hangup;
        let reason = match self.response {
            Some(Response::Failure { reason }) => Some(reason),
            Some(Response::Success) | None => None,
        };
        let is = |causes: &[HangupCause]| cause.is_some_and(|cause| causes.contains(&cause));
        if self.is_answered() {
            (Outcome::Answered, DialResult::Answered)
        } else if self.dial_status == Some(DialStatus::Busy)
            || reason == Some(5)
            || is(&[HangupCause::USER_BUSY])
        {
            (Outcome::Busy, DialResult::Busy)
        } else if self.dial_status == Some(DialStatus::Congestion)
            || reason == Some(8)
            || is(&[HangupCause::CONGESTION, HangupCause::SWITCH_CONGESTION])
        {
            (Outcome::Congestion, DialResult::Congestion)
        } else if reason == Some(3) {
            (Outcome::NoAnswer, DialResult::Ringing)
        } else if is(&[HangupCause::NO_USER_RESPONSE, HangupCause::NO_ANSWER]) {
            (Outcome::NoAnswer, DialResult::None)
        } else if is(&[HangupCause::CALL_REJECTED]) {
            (Outcome::Rejected, DialResult::None)
        } else {
            (Outcome::Failed, DialResult::None)
        }
    }
}
