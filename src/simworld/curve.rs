//! A value that changes over the day: a number, or knots with steps or straight lines between them.

use serde::{Deserialize, Serialize};

/// What a value is at each second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "allowed: a number, or {\"mode\": \"step\" or \"linear\", \"knots\": [[second, value], …]}"
)]
pub enum Curve {
    /// The same all day.
    Fixed(f64),
    /// By knots.
    Knots(Knots),
}

/// Values at some seconds. Before the first and after the last the nearest one holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knots {
    /// What is between two of them.
    pub mode: Between,
    /// Second and value.
    pub knots: Vec<(f64, f64)>,
}

/// What is between two knots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// The value of the earlier one.
    Step,
    /// A straight line.
    Linear,
}

impl Curve {
    /// The value at that second.
    pub fn at(&self, second: f64) -> f64 {
        let Knots { mode, knots } = match self {
            Self::Fixed(value) => return *value,
            Self::Knots(knots) => knots,
        };
        let after = knots.partition_point(|knot| knot.0 <= second);
        let Some(&(from, value)) = after.checked_sub(1).and_then(|before| knots.get(before)) else {
            return knots.first().map_or(0.0, |knot| knot.1);
        };
        match (mode, knots.get(after)) {
            (Between::Linear, Some(&(to, next))) => value + (next - value) * (second - from) / (to - from),
            (Between::Linear, None) | (Between::Step, _) => value,
        }
    }

    /// Every value that it goes through, with its second.
    pub fn knots(&self) -> Vec<(f64, f64)> {
        match self {
            Self::Fixed(value) => vec![(0.0, *value)],
            Self::Knots(knots) => knots.knots.clone(),
        }
    }

    /// Whether there are knots, and their seconds go forward.
    pub fn in_order(&self) -> bool {
        let knots = self.knots();
        !knots.is_empty() && knots.is_sorted_by(|a, b| a.0 <= b.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(mode: Between) -> Curve {
        Curve::Knots(Knots { mode, knots: vec![(10.0, 1.0), (20.0, 3.0)] })
    }

    #[test]
    fn steps_hold_and_lines_lead_to_the_next_knot() {
        let steps: Vec<_> = [0.0, 10.0, 19.0, 20.0, 99.0].map(|at| curve(Between::Step).at(at)).into();
        assert_eq!(steps, [1.0, 1.0, 1.0, 3.0, 3.0]);
        let lines: Vec<_> = [0.0, 10.0, 15.0, 20.0, 99.0].map(|at| curve(Between::Linear).at(at)).into();
        assert_eq!(lines, [1.0, 1.0, 2.0, 3.0, 3.0]);
    }
}
