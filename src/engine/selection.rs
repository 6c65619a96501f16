//! Which contact is next, at which of its numbers, and when: the contract's "Who is dialled, and when", asked a
//! rung rather than a contact.

use chrono_tz::Tz;

use crate::model::dialing::Capsule;
use crate::model::number::NumberIndex;
use crate::model::plan::Plan;
use crate::model::rung::Rung;
use crate::model::terms::Terms;
use crate::model::time::Timestamp;

/// By what a contact's turn is worked out: a plan, and the zone of the campaign's schedule.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The zone.
    pub zone: Tz,
}

impl<'a> By<'a> {
    /// What the attempts of a capsule are by.
    pub fn of(capsule: &'a Capsule) -> Self {
        Self { plan: &capsule.plan, zone: capsule.campaign.schedule.zone() }
    }

    /// The same in short.
    pub fn terms(self) -> Terms {
        Terms::of(self.plan, self.zone)
    }
}

/// The number that a contact on `rung` is dialled at next under `plan`: number N+1 only when the tries of number
/// N are used up. `None` where none of its numbers has a try left: such a contact is finished.
pub fn next_number(rung: &Rung, plan: &Plan) -> Option<NumberIndex> {
    numbers(rung, plan).next()
}

/// Its numbers that have a try left under `plan`.
pub fn numbers<'a>(rung: &'a Rung, plan: &'a Plan) -> impl Iterator<Item = NumberIndex> + 'a {
    NumberIndex::all()
        .filter(|index| rung.tries(*index).is_some_and(|tries| tries < plan.tries(rung, *index)))
}

/// The latest end of a last try, in microseconds since 1970, with which a contact on `rung` is due at `now`.
/// `RetryDelay`, or the one of its own that the plan has for how the last try ended, runs from the end of that try; a
/// contact that was never tried has 0 there.
pub fn due_before(rung: &Rung, plan: &Plan, now: Timestamp) -> i64 {
    now.micros().saturating_sub(retry_delay_micros(rung, plan))
}

/// When a contact on `rung`, whose last try ended at `last_end` (microseconds since 1970), is due.
pub fn due_at(rung: &Rung, plan: &Plan, last_end: i64) -> Timestamp {
    Timestamp::from_micros(last_end.saturating_add(retry_delay_micros(rung, plan)))
}

/// When the turn of a contact on `rung` comes, or when that is to be looked at. Its `turn`, in microseconds since 1970, is
/// when its last try ended, or until when it is put off. One that was put off by others may be due at any time. `terms` are
/// those of the plan; only who is put off is asked for them.
pub fn turn_at(rung: &Rung, plan: &Plan, terms: impl FnOnce() -> Terms, turn: i64) -> Timestamp {
    match rung.put_off(terms) {
        None => due_at(rung, plan, turn),
        Some(true) => Timestamp::from_micros(turn),
        Some(false) => Timestamp::from_micros(0),
    }
}

/// The latest `turn` with which that of a contact on `rung` has come at `now`.
pub fn turn_before(rung: &Rung, plan: &Plan, terms: impl FnOnce() -> Terms, now: Timestamp) -> i64 {
    match rung.put_off(terms) {
        None => due_before(rung, plan, now),
        Some(true) => now.micros(),
        Some(false) => i64::MAX,
    }
}

fn retry_delay_micros(rung: &Rung, plan: &Plan) -> i64 {
    // A delay is a year at most.
    i64::try_from(plan.retry_delay(rung).as_micros()).unwrap_or(i64::MAX)
}

/// The rungs on which contacts have a try left under `plan`, each with the number that is dialled next, in the
/// order in which they are served: fewest tries first, so that a retry never keeps a new contact waiting.
pub fn ladder(rungs: impl IntoIterator<Item = Rung>, plan: &Plan) -> Vec<(Rung, NumberIndex)> {
    let mut ladder: Vec<_> =
        rungs.into_iter().filter_map(|rung| next_number(&rung, plan).map(|index| (rung, index))).collect();
    ladder.sort_by_key(|(rung, _)| (rung.total(), *rung));
    ladder
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::PlanUuid;
    use crate::model::policy::Policy;

    fn plan(fields: &[(&str, &str)]) -> Plan {
        let uuid = PlanUuid::new(uuid::Uuid::nil());
        let fields = fields.iter().copied().collect();
        Plan::create(uuid, &fields, &Policy::default(), Timestamp::from_micros(0)).unwrap()
    }

    fn stands(rung: &str, past: &str) -> Rung {
        rung.parse::<Rung>().unwrap().with(past.parse().unwrap())
    }

    fn next(rung: &str, plan: &Plan) -> Option<u8> {
        next_number(&rung.parse().unwrap(), plan).map(NumberIndex::get)
    }

    #[test]
    fn the_next_number_is_tried_only_when_the_tries_of_the_one_before_are_used_up() {
        let plan = plan(&[("MaxRetry1", "2"), ("MaxRetry2", "1"), ("MaxRetry3", "3")]);
        assert_eq!(next("0.0.0", &plan), Some(1));
        assert_eq!(next("1.0.0", &plan), Some(1));
        assert_eq!(next("2.0.0", &plan), Some(2));
        assert_eq!(next("2.1.0", &plan), Some(3));
        assert_eq!(next("2.1.3", &plan), None);
    }

    #[test]
    fn a_number_that_is_not_there_or_has_no_tries_is_passed_over() {
        let plan = plan(&[("MaxRetry1", "0")]);
        assert_eq!(next("0", &plan), None);
        assert_eq!(next("0.-.0", &plan), Some(3));
    }

    #[test]
    fn retry_delay_runs_from_the_end_of_the_last_try() {
        let plan = plan(&[("RetryDelay", "60")]);
        let rung = "1".parse().unwrap();
        assert_eq!(due_at(&rung, &plan, 5_000_000), Timestamp::from_micros(65_000_000));
        assert_eq!(due_before(&rung, &plan, Timestamp::from_micros(65_000_000)), 5_000_000);
    }

    #[test]
    fn each_end_has_a_delay_of_its_own_where_the_plan_says_so() {
        let plan = plan(&[("RetryDelay", "60"), ("RetryDelayBusy", "5 30"), ("RetryDelayFailed", "0")]);
        let delay = |rung: &str, past: &str| due_at(&stands(rung, past), &plan, 0).micros() / 1_000_000;
        assert_eq!([delay("1", "busy"), delay("2", "busy"), delay("1.3", "busy")], [5, 30, 30]);
        assert_eq!([delay("1", "failed"), delay("1", "noanswer"), delay("1", "")], [0, 60, 60]);
    }

    #[test]
    fn a_fault_of_the_trunk_gives_its_number_a_try_more_as_far_as_the_plan_allows() {
        let plan = plan(&[("MaxRetry1", "1"), ("MaxRetry2", "1"), ("TrunkFaultRetries", "2")]);
        let next = |rung: &str, past: &str| next_number(&stands(rung, past), &plan);
        let one = NumberIndex::new(1);
        let two = NumberIndex::new(2);
        assert_eq!(next("1.0", ""), two);
        assert_eq!(next("1.0", "failed 1:1"), one);
        assert_eq!(next("2.0", "busy 1:1"), two, "what was no fault gives none");
        assert_eq!(next("2.0", "failed 1:2"), one);
        assert_eq!(next("3.0", "failed 1:3"), two);
        assert_eq!(next("3.1", "failed 2:1"), two, "each number has its own");
        assert_eq!(next("3.3", "failed 2:3"), None);
        assert_eq!(next("0.1", " 1:9"), one);
        assert_eq!(next("1.1", " 1:9"), one, "at most as many as it had tries");
    }

    #[test]
    fn contacts_with_fewer_tries_come_first() {
        let rungs = ["1", "0.1", "0", "5"].map(|text| text.parse::<Rung>().unwrap());
        let served: Vec<String> =
            ladder(rungs, &plan(&[])).into_iter().map(|(rung, _)| rung.to_string()).collect();
        assert_eq!(served, ["0", "0.1", "1"]);
    }
}
