//! The credit of permitted abandonment: each person who is put through earns a part of an abandoned call, each
//! abandoned call costs one. What is abandoned in a window can so never be more than was earned in it, but for the
//! calls that were on their way when the credit ended.

use serde::{Deserialize, Serialize};

/// The account.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Credit {
    /// What may be abandoned now.
    pub(super) left: f64,
    /// Persons who answered in this window.
    pub(super) live: f64,
    /// Of them, those whom no agent took in time.
    pub(super) abandoned: f64,
}

impl Credit {
    /// A person was put through. More than `most` is not saved up: what was not needed for an hour would be spent in
    /// a burst.
    pub(super) fn connected(&mut self, target: f64, most: f64) {
        self.live += 1.0;
        if self.left < most {
            self.left += target;
        }
    }

    /// Who was put through was a machine: what was earned by it goes back.
    pub(super) fn machine(&mut self, target: f64) {
        self.live = (self.live - 1.0).max(0.0);
        self.left -= target;
    }

    /// So many persons (part of one, where it is an estimate) were abandoned.
    pub(super) fn abandoned(&mut self, persons: f64, target: f64) {
        self.live += persons;
        self.abandoned += persons;
        self.left += persons * (target - 1.0);
    }

    /// What is lent to a window that has just begun: a call, given back as persons answer.
    pub(super) fn loan(&self, target: f64) -> f64 {
        (1.0 - self.live * target / 2.0).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_persons_earn_three_abandoned_calls() {
        let mut credit = Credit::default();
        (0..100).for_each(|_| credit.connected(0.03, 50.0));
        assert!((credit.left - 3.0).abs() < 1e-9);
        credit.abandoned(1.0, 0.03);
        assert!((credit.left - 2.03).abs() < 1e-9);
        assert!((credit.left - (0.03 * credit.live - credit.abandoned)).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_spent_is_not_saved_without_end_and_a_machine_earns_nothing() {
        let mut credit = Credit::default();
        (0..1000).for_each(|_| credit.connected(0.03, 2.0));
        assert!(credit.left < 2.04, "{credit:?}");
        let before = credit;
        credit.connected(0.03, 50.0);
        credit.machine(0.03);
        assert!((credit.left - before.left).abs() < 1e-9 && credit.live == before.live);
    }

    #[test]
    fn the_loan_is_given_back_by_the_first_persons() {
        let mut credit = Credit::default();
        assert_eq!(credit.loan(0.03), 1.0);
        (0..67).for_each(|_| credit.connected(0.03, 50.0));
        assert_eq!(credit.loan(0.03), 0.0);
    }
}
