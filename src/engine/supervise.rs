//! What a supervisor sees of the pacing of campaigns that dial for a queue.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Datelike;

use super::dialing::{Call, Stage};
use super::explain::{About, causes};
use super::window::{begin, local_date};
use super::{Effect, Engine, campaign_of};
use crate::model::codes::{CampaignStatus, DialMode};
use crate::model::event::OutEvent;
use crate::model::ids::CampaignUuid;
use crate::model::pacing::{Pacing, Predicted, Stages};
use crate::model::time::Now;

/// How often those who listen are told.
const EVERY: Duration = Duration::from_secs(1);
/// What is said of a campaign that nothing holds.
const NOTHING: &str = "None";

impl Engine {
    /// How campaigns are paced that are for a queue and not stopped; of one that is asked for, also where it is stopped.
    pub fn pacing(&self, now: Now, only: Option<CampaignUuid>) -> Vec<Pacing> {
        let mut calls: BTreeMap<CampaignUuid, Stages> = BTreeMap::new();
        for call in self.calls.values() {
            count(calls.entry(campaign_of(&call.dialing().attempt)).or_default(), call);
        }
        let asked = self.runs.iter().filter(|(uuid, run)| match only {
            Some(only) => **uuid == only,
            None => run.campaign.status != CampaignStatus::Stop,
        });
        let paced = asked
            .filter_map(|(uuid, _)| self.pacing_of(now, *uuid, calls.get(uuid).copied().unwrap_or_default()));
        paced.collect()
    }

    fn pacing_of(&self, now: Now, uuid: CampaignUuid, calls: Stages) -> Option<Pacing> {
        let run = self.runs.get(&uuid)?;
        let route = self.route(run).ok()?;
        let queue = route.queue.clone()?;
        let plan = run.campaign.plan.and_then(|plan| self.plans.get(&plan))?;
        let agents = self.agents.get(&queue).copied().flatten().filter(|_| self.link.is_ready());
        let paced = self.paced(&queue).filter(|_| route.mode == DialMode::Predictive);
        let predicted = paced.map(|paced| Predicted {
            next: paced.room,
            answers: paced.standing.expected_answers,
            credit: paced.standing.credit,
            risk: paced.standing.risk,
            learnt: paced.standing.learnt,
        });
        let zone = run.campaign.schedule.zone();
        let today = local_date(zone, now.wall);
        let explained = self.explain(now, &About { campaign: uuid, list: None, contact: None })?;
        let (limited_by, limit) = match causes(&explained.findings).first() {
            None => (NOTHING, "nothing: a call is on its way to being made".to_owned()),
            Some(cause) if cause.gate == "Queue" && agents.is_some() => match predicted {
                Some(predicted) => predicted.limit(),
                None => ("Agents", cause.saw.clone()),
            },
            Some(cause) => (cause.gate, cause.saw.clone()),
        };
        Some(Pacing {
            campaign: uuid,
            name: run.campaign.name.clone(),
            mode: route.mode,
            queue,
            agents,
            calls,
            predicted,
            abandonment: plan.abandonment.clone(),
            day_began: begin(zone, today),
            month_began: begin(zone, today.with_day(1).unwrap_or(today)),
            limited_by,
            limit,
        })
    }

    /// Tells it each second while such a campaign is started.
    pub(super) fn tell_pacing(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.told_deadline = if self.for_queues.is_empty() {
            None
        } else {
            Some(self.told_deadline.unwrap_or(now.mono + EVERY))
        };
        if self.told_deadline.is_none_or(|at| at > now.mono) {
            return;
        }
        self.told_deadline = Some(now.mono + EVERY);
        let told = self.pacing(now, None).into_iter().map(|pacing| OutEvent::Paced(pacing.into()));
        effects.extend(told.map(Effect::Publish));
    }
}

impl Predicted {
    /// Why predictive pacing lets no call more through.
    fn limit(&self) -> (&'static str, String) {
        const BLIND: u64 = 30;
        if self.learnt < BLIND {
            let learnt = self.learnt;
            (
                "Learning",
                format!(
                    "of {learnt} calls too little is known: until {BLIND} have ended only free agents get calls"
                ),
            )
        } else if self.risk <= 0.0 {
            (
                "Credit",
                format!(
                    "no abandoned call is left to be risked ({:.2}): only free agents get calls",
                    self.credit
                ),
            )
        } else {
            (
                "Agents",
                format!(
                    "{:.1} answers are expected of the calls under way, and one call more is likelier than {:.3} to find no agent",
                    self.answers, self.risk
                ),
            )
        }
    }
}

fn count(stages: &mut Stages, call: &Call) {
    let place = match call.stage() {
        Stage::Originating => &mut stages.originating,
        Stage::Ringing => &mut stages.ringing,
        Stage::Answered => &mut stages.answered,
        Stage::Waiting => &mut stages.waiting,
        Stage::Talking => &mut stages.talking,
        Stage::Talked | Stage::Over => return,
    };
    *place += 1;
}
