//! The wall clock, which people set: a jump is noticed, and campaigns start and stop by their schedules.

use std::time::Duration;

use super::window::{self, Window};
use super::{Effect, Engine, Notice};
use crate::model::codes::CampaignStatus;
use crate::model::ids::CampaignUuid;
use crate::model::time::Now;

/// By how much the wall clock may go otherwise than time, from one input to the next.
const STEADY_MS: i64 = 2_000;
/// How long a schedule is not looked at, at most: a clock that was set is noticed by then, also where nothing happens.
const LOOK: Duration = Duration::from_secs(10);

impl Engine {
    /// Says it where the wall clock was set since the last input.
    pub(super) fn watch_clock(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if let Some(last) = self.clocks.replace(now) {
            let passed = i64::try_from(now.mono.saturating_sub(last.mono).as_micros()).unwrap_or(i64::MAX);
            let shown = now.wall.micros().saturating_sub(last.wall.micros());
            let ahead_ms = shown.saturating_sub(passed) / 1_000;
            if ahead_ms.abs() > STEADY_MS {
                effects.push(Effect::Notice(Notice::ClockJump { ahead_ms }));
            }
        }
    }

    /// Starts and stops the campaigns whose windows have opened or closed, and sees to it that the next change is not
    /// missed.
    pub(super) fn follow_schedules(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.window_deadline = None;
        let scheduled: Vec<_> = self.roster.scheduled().collect();
        for uuid in scheduled {
            let Some(run) = self.runs.get_mut(&uuid) else { continue };
            let Some((window, left)) = run.window(now) else { continue };
            let look = now.mono + left.map_or(LOOK, |left| left.min(LOOK));
            self.window_deadline = Some(self.window_deadline.map_or(look, |earlier| earlier.min(look)));
            if run.is_busy() {
                continue;
            }
            let from = run.campaign.status;
            match window::on_schedule(&run.campaign, window) {
                // What a stopping daemon would start, the next one starts.
                Some(CampaignStatus::Starting) if self.draining => {}
                Some(to @ CampaignStatus::Starting) => match self.why_not_started(uuid) {
                    None => self.move_on(uuid, from, to, effects),
                    Some(why) => self.tell_once(uuid, window, why, effects),
                },
                Some(to) => self.move_on(uuid, from, to, effects),
                None => {}
            }
        }
    }

    fn move_on(
        &mut self,
        campaign: CampaignUuid,
        from: CampaignStatus,
        to: CampaignStatus,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(run) = self.runs.get_mut(&campaign) {
            (run.moving, run.ends) = (Some(to), false);
            effects.push(Effect::Transition { campaign, from, to });
        }
    }

    /// What a campaign lacks to dial. An operator's start is refused for it; for a schedule's there is nobody to tell.
    fn why_not_started(&self, campaign: CampaignUuid) -> Option<String> {
        let campaign = &self.runs.get(&campaign)?.campaign;
        let plan = match self.parts(campaign) {
            Ok(parts) => parts.plan,
            Err(part) => return Some(format!("it has no {part}")),
        };
        let (field, given, allowed) = plan.why_not_dialled()?;
        Some(format!("its plan has {field} \"{given}\"; allowed: {allowed}"))
    }

    fn tell_once(&mut self, campaign: CampaignUuid, window: Window, why: String, effects: &mut Vec<Effect>) {
        let Some(run) = self.runs.get_mut(&campaign) else { return };
        if run.told.replace(window) != Some(window) {
            effects.push(Effect::Notice(Notice::CannotStart { campaign, why }));
        }
    }
}
