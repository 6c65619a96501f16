//! How a campaign's calls for the agents of a queue are paced, as a supervisor sees it.

use super::abandonment::Abandonment;
use super::agents::QueueAgents;
use super::codes::DialMode;
use super::ids::CampaignUuid;
use super::time::Timestamp;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Pacing {
    /// The campaign.
    pub campaign: CampaignUuid,
    /// Its name.
    pub name: Option<String>,
    /// By what it dials.
    pub mode: DialMode,
    /// The queue, in lower case.
    pub queue: String,
    /// What its agents do, where Asterisk has told.
    pub agents: Option<QueueAgents>,
    /// Its own calls.
    pub calls: Stages,
    /// What predictive pacing goes by; of the queue, whichever campaigns share it.
    pub predicted: Option<Predicted>,
    /// What its plan says of abandonment.
    pub abandonment: Abandonment,
    /// When this day began in the campaign's zone.
    pub day_began: Timestamp,
    /// When this month did.
    pub month_began: Timestamp,
    /// What limits it now, in a word.
    pub limited_by: &'static str,
    /// The same in a sentence.
    pub limit: String,
}

/// How many calls are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stages {
    /// Those that do not ring yet.
    pub originating: u32,
    /// Those that ring.
    pub ringing: u32,
    /// Those that are answered and not in the queue, such as those that AMD listens to.
    pub answered: u32,
    /// Those that wait in the queue.
    pub waiting: u32,
    /// Those that are with an agent.
    pub talking: u32,
}

/// Where predictive pacing stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Predicted {
    /// Calls more that it lets through now.
    pub next: u32,
    /// How many of the calls under way will be answered within the next half minute.
    pub answers: f64,
    /// How many calls may still be abandoned.
    pub credit: f64,
    /// How likely to make one be lost the next call may be.
    pub risk: f64,
    /// Calls whose fate it has learnt from, the older the less.
    pub learnt: u64,
}

/// Persons who answered, and those among them whom no agent took in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answered {
    /// All of them.
    pub live: u64,
    /// Those without an agent.
    pub abandoned: u64,
}

/// Of a normal variable 95 of 100 values are below its mean and so many standard deviations.
const Z: f64 = 1.644_853_626_951_472_2;

impl Answered {
    /// Of those who answered so many per cent were abandoned; `None` where nobody answered.
    pub fn rate(self) -> Option<f64> {
        (self.live > 0).then(|| 100.0 * self.abandoned as f64 / self.live as f64)
    }

    /// What the rate is below with a confidence of 95 %, in per cent, were the calls drawn by chance: Wilson's score bound
    /// (E. B. Wilson, JASA 22, 1927). `None` where nobody answered.
    pub fn upper(self) -> Option<f64> {
        let (n, share) = (self.live as f64, self.rate()? / 100.0);
        let middle = share + Z * Z / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        Some((100.0 * (middle + spread) / (1.0 + Z * Z / n)).min(100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_answers_say_little_of_the_rate_and_none_nothing() {
        let of = |live, abandoned| Answered { live, abandoned };
        assert_eq!((of(0, 0).rate(), of(0, 0).upper()), (None, None));
        assert_eq!(of(100, 3).rate(), Some(3.0));
        let upper = |live, abandoned| of(live, abandoned).upper().unwrap();
        // By hand: of 100 with 3, 0.0435 + 0.0312 over 1.0271; of 10 with none, z² over 10 + z².
        assert!((upper(100, 3) - 7.27).abs() < 0.01, "{}", upper(100, 3));
        assert!((upper(10, 0) - 21.29).abs() < 0.01, "{}", upper(10, 0));
        assert!(upper(10_000, 300) < 3.3 && upper(10_000, 300) > 3.0);
        assert!((upper(5, 5) - 100.0).abs() < 1e-9);
    }
}
