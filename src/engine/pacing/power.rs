//! Power dialing: a fixed number of lines a free agent.

use crate::model::ratio::PowerRatio;

/// How many lines that many free agents take.
pub fn lines(free: u32, ratio: Option<PowerRatio>) -> usize {
    ratio.unwrap_or_default().lines(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_ratio_an_agent_takes_one_line() {
        assert_eq!(lines(3, None), 3);
        assert_eq!(lines(3, "2.5".parse().ok()), 7);
    }
}
