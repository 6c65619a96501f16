//! The walk of the free agents over the next half minute: agents become free, answers take them, and an answer that
//! finds none is lost. What one call more would lose is the weight that a decision goes by.

use super::forecast::{Arrival, Steps};

/// Steps that are looked ahead,
pub(super) const STEPS: usize = 16;
/// of so many seconds each.
pub(super) const STEP_S: f64 = 2.0;

/// More free agents than this are as good as any number.
const MOST_FREE: usize = 48;
/// Poisson terms beyond this share are left out.
const RARE: f64 = 1e-4;
const MOST_AT_ONCE: usize = 40;
/// From so many expected comings and goings on, the walk is taken for a normal one.
const MANY: f64 = 55.0;

/// What is expected in each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outlook {
    /// Agents that are free now.
    pub(super) free: f64,
    /// Agents that there are: more can't become free.
    pub(super) agents: usize,
    /// Agents that become free.
    pub(super) freed: Steps,
    /// Calls that are answered.
    pub(super) answers: Arrival,
}

/// Probabilities of 0, 1, 2 … of a Poisson number.
struct Poisson {
    terms: [f64; MOST_AT_ONCE],
    count: usize,
}

impl Poisson {
    fn new(mean: f64) -> Self {
        let mut terms = [0.0; MOST_AT_ONCE];
        let mut term = libm::exp(-mean);
        let (mut count, mut sum) = (0, 0.0);
        while count < MOST_AT_ONCE {
            terms[count] = term;
            sum += term;
            count += 1;
            if 1.0 - sum < RARE {
                break;
            }
            term *= mean / count as f64;
        }
        // What was left out is given to the last one.
        terms[count - 1] += (1.0 - sum).max(0.0);
        Self { terms, count }
    }

    fn terms(&self) -> &[f64] {
        &self.terms[..self.count]
    }
}

/// How likely a further answer in each step makes one be lost: itself or, by the agent that it takes, a later one. Who
/// answers late finds an agent or would have been given up before, so late answers take agents and lose nobody.
pub(super) fn loss_of_one_more(outlook: &Outlook) -> Arrival {
    let most = outlook.agents.min(MOST_FREE);
    let freed: [Poisson; STEPS] = std::array::from_fn(|step| Poisson::new(outlook.freed[step]));
    let answers: [Poisson; STEPS] = std::array::from_fn(|step| Poisson::new(outlook.answers.bound[step]));
    let late: [Poisson; STEPS] = std::array::from_fn(|step| Poisson::new(outlook.answers.late[step]));
    // Backward: lost[x] is how likely one agent fewer, with x free before the answers of the step, loses a caller.
    let mut lost = [[0.0; MOST_FREE + 1]; STEPS];
    let mut lost_late = [[0.0; MOST_FREE + 1]; STEPS];
    let mut after = [0.0; MOST_FREE + 1];
    after[0] = 0.0;
    for step in (0..STEPS).rev() {
        let terms = late[step].terms();
        for x in 1..=most {
            lost_late[step][x] =
                terms.iter().enumerate().take(x).map(|(count, term)| term * after[x - count]).sum();
        }
        let after_risky = lost_late[step];
        let here = &mut lost[step];
        here[0] = 1.0;
        let terms = answers[step].terms();
        for x in 1..=most {
            let mut sum = 0.0;
            let mut told = 0.0;
            for (count, term) in terms.iter().enumerate().take(x) {
                sum += term * after_risky[x - count];
                told += term;
            }
            here[x] = sum + (1.0 - told).max(0.0);
        }
        // Before the agents of this step become free: what the step before goes on with.
        let terms = freed[step].terms();
        let mut before = [0.0; MOST_FREE + 1];
        for (x, cell) in before.iter_mut().enumerate().take(most + 1) {
            *cell = terms.iter().enumerate().map(|(count, term)| term * here[(x + count).min(most)]).sum();
        }
        after = before;
    }
    // Forward: where the walk is.
    let mut at = [0.0; MOST_FREE + 1];
    at[(outlook.free.max(0.0) as usize).min(most)] = 1.0;
    let mut risks = Arrival::default();
    for step in 0..STEPS {
        let mut then = [0.0; MOST_FREE + 1];
        for (x, here) in at.iter().enumerate().filter(|(_, here)| **here > 1e-7) {
            for (count, term) in freed[step].terms().iter().enumerate() {
                then[(x + count).min(most)] += here * term;
            }
        }
        risks.bound[step] = then.iter().zip(&lost[step]).map(|(here, lost)| here * lost).sum();
        at = [0.0; MOST_FREE + 1];
        for (x, here) in then.iter().enumerate().filter(|(_, here)| **here > 1e-7) {
            for (count, term) in answers[step].terms().iter().enumerate() {
                at[x.saturating_sub(count)] += here * term;
            }
        }
        risks.late[step] = at.iter().zip(&lost_late[step]).map(|(here, lost)| here * lost).sum();
        let before = at;
        at = [0.0; MOST_FREE + 1];
        for (x, here) in before.iter().enumerate().filter(|(_, here)| **here > 1e-7) {
            for (count, term) in late[step].terms().iter().enumerate() {
                at[x.saturating_sub(count)] += here * term;
            }
        }
    }
    risks
}

/// Whether there are so many that the walk is taken for a normal one.
pub(super) fn is_many(outlook: &Outlook) -> bool {
    outlook.freed.iter().sum::<f64>() + outlook.answers.total() + outlook.free > MANY
}

fn both(arrival: &Arrival, step: usize) -> f64 {
    arrival.bound[step] + arrival.late[step]
}

/// How many callers are lost, where there are many: the walk is held at nought, and its mean and variance are those of
/// a normal variable that is held there.
pub(super) fn losses(outlook: &Outlook, one: &Arrival, calls_more: f64) -> f64 {
    let (mut mean, mut variance, mut lost) = (outlook.free.max(0.0), 0.0_f64, 0.0);
    for step in 0..STEPS {
        let answers = both(&outlook.answers, step) + calls_more * both(one, step);
        mean += outlook.freed[step] - answers;
        variance += outlook.freed[step] + answers;
        let deviation = variance.max(1e-9).sqrt();
        let z = mean / deviation;
        if z > 6.0 {
            continue;
        }
        let below = 0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2);
        let density = libm::exp(-z * z / 2.0) * 0.398_942_280_401_432_7;
        let first = mean * (1.0 - below) + deviation * density;
        let second = (mean * mean + variance) * (1.0 - below) + mean * deviation * density;
        lost += first - mean;
        mean = first;
        variance = (second - first * first).max(0.0);
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook(free: f64, freed: f64, answers: f64) -> Outlook {
        let answers = Arrival { bound: [answers; STEPS], late: [0.0; STEPS] };
        Outlook { free, agents: 100, freed: [freed; STEPS], answers }
    }

    #[test]
    fn without_agents_one_more_is_lost_and_among_many_free_ones_none_is() {
        assert!(loss_of_one_more(&outlook(0.0, 0.0, 0.0)).bound.iter().all(|risk| *risk == 1.0));
        assert!(loss_of_one_more(&outlook(40.0, 0.0, 0.5)).bound.iter().all(|risk| *risk < 1e-3));
    }

    #[test]
    fn the_risk_grows_with_answers_and_falls_with_agents() {
        let risk = |free, freed, answers| loss_of_one_more(&outlook(free, freed, answers)).bound[3];
        assert!(risk(2.0, 0.3, 0.4) > risk(2.0, 0.3, 0.2));
        assert!(risk(2.0, 0.3, 0.4) > risk(3.0, 0.3, 0.4));
        assert!(risk(2.0, 0.3, 0.4) > risk(2.0, 0.5, 0.4));
    }

    #[test]
    fn late_answers_take_agents_and_lose_nobody() {
        let mut late = outlook(0.0, 0.0, 0.0);
        late.answers.late = [1.0; STEPS];
        assert!(loss_of_one_more(&late).late.iter().all(|risk| *risk == 0.0));
        late.free = 1.0;
        let risks = loss_of_one_more(&late);
        assert!(risks.late.iter().all(|risk| *risk == 0.0), "{risks:?}");
    }

    #[test]
    fn the_normal_walk_loses_as_many_as_the_exact_one() {
        let many = outlook(12.0, 3.0, 3.4);
        let one = Arrival {
            bound: std::array::from_fn(|step| if step == 5 { 1.0 } else { 0.0 }),
            late: [0.0; STEPS],
        };
        let normal = losses(&many, &one, 1.0) - losses(&many, &one, 0.0);
        let exact = loss_of_one_more(&many).bound[5];
        assert!((normal - exact).abs() < 0.05, "{normal} {exact}");
    }
}
