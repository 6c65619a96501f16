//! What a row gives: astout's side, the other side, and the ratio that is held against a target.

use std::fmt;

/// Rounds of one side, in the row's unit.
#[derive(Clone, Debug)]
pub(crate) struct Rounds(Vec<f64>);

/// What a ratio has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// The row that it belongs to: `B6`.
    pub(crate) row: &'static str,
    /// What was measured, with its unit: `messages parsed a second`.
    pub(crate) what: String,
    /// What it is compared with, with its unit.
    pub(crate) against: String,
    pub(crate) ours: Rounds,
    pub(crate) theirs: Rounds,
    /// The median over the rounds of ours by theirs.
    pub(crate) ratio: f64,
    pub(crate) target: Target,
}

impl Rounds {
    /// One that needs no second round: a limit, a size.
    pub(crate) fn fixed(value: f64) -> Self {
        Self(vec![value])
    }

    pub(crate) fn of(values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "nothing was measured");
        Self(values)
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        }
    }

    /// The least and the greatest.
    fn spread(&self) -> (f64, f64) {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        (least, self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }
}

impl Target {
    pub(crate) fn is_met_by(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }
}

impl Figure {
    /// Of sides that were measured in turn: the ratio is that of the rounds, not of their medians, for a machine that
    /// is slow for a while slows both sides of a round.
    pub(crate) fn new(
        row: &'static str,
        (what, ours): (impl Into<String>, Rounds),
        (against, theirs): (impl Into<String>, Rounds),
        target: Target,
    ) -> Self {
        let ratios = if ours.0.len() == theirs.0.len() {
            ours.0.iter().zip(&theirs.0).map(|(ours, theirs)| ours / theirs).collect()
        } else {
            vec![ours.median() / theirs.median()]
        };
        let ratio = Rounds(ratios).median();
        Self { row, what: what.into(), against: against.into(), ours, theirs, ratio, target }
    }
}

/// Measures both sides in turn, and the one that begins in turn too.
pub(crate) fn alternate(
    rounds: usize,
    mut ours: impl FnMut() -> f64,
    mut theirs: impl FnMut() -> f64,
) -> (Rounds, Rounds) {
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round.is_multiple_of(2) {
            of_ours.push(ours());
            of_theirs.push(theirs());
        } else {
            of_theirs.push(theirs());
            of_ours.push(ours());
        }
        eprintln!("bench:     round {}: {} | {}", round + 1, Short(of_ours[round]), Short(of_theirs[round]));
    }
    (Rounds::of(of_ours), Rounds::of(of_theirs))
}

/// A number with as many digits as mean something.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.0.abs() {
            size if size >= 100.0 => 0,
            size if size >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{:.digits$}", self.0)
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Short(self.median()))?;
        if self.0.len() > 1 {
            let (least, greatest) = self.spread();
            write!(f, " ({}–{})", Short(least), Short(greatest))?;
        }
        Ok(())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, against, ours, theirs, ratio, target, .. } = self;
        let met = if target.is_met_by(*ratio) { "met" } else { "MISSED" };
        write!(f, "{what}: {ours}, {against}: {theirs}: ratio {ratio:.3}, {target}: {met}")
    }
}
