//! What a campaign's calls go over and to, as its plan and destination have it: worked out once for all its claims.

use super::Engine;
use super::gate::Parts;
use super::place::Place;
use super::run::Run;
use crate::model::codes::DialMode;
use crate::model::node;
use crate::model::ratio::PowerRatio;

/// See the module.
#[derive(Debug)]
pub(super) struct Route {
    /// What its calls share a fate by.
    pub(super) trunk: String,
    /// The queue that takes them.
    pub(super) queue: Option<String>,
    /// The nodes of its destination, and of that of those whom no agent takes, where calls go on from there.
    pub(super) nodes: Vec<String>,
    /// The place of the dialplan that takes them.
    pub(super) place: Option<Place>,
    pub(super) mode: DialMode,
    pub(super) power_ratio: Option<PowerRatio>,
    pub(super) service_level: u32,
}

impl Engine {
    /// The run's route, or what its campaign lacks. Whatever changes a part of it has it made anew ([`Run::refresh`]).
    pub(super) fn route<'a>(&self, run: &'a Run) -> Result<&'a Route, &'static str> {
        let made =
            run.route.get_or_init(|| self.parts(&run.campaign).map(|parts| self.make_route(parts).into()));
        made.as_deref().map_err(|lacks| *lacks)
    }

    fn make_route(&self, Parts { plan, destination, .. }: Parts<'_>) -> Route {
        let ways = self.ways(destination);
        let away = plan.abandonment.dest.and_then(|dest| self.destinations.get(&dest));
        // One that is a place of the dialplan needs no node.
        let away = away.filter(|away| away.place().is_none()).map(|away| node::name(&self.ways(away)));
        Route {
            trunk: plan.trunk(),
            queue: destination.queue(),
            nodes: node::of(&ways).into_iter().chain(away).collect(),
            place: Place::of(&ways),
            mode: plan.dial_mode,
            power_ratio: plan.power_ratio,
            service_level: plan.service_level,
        }
    }
}
