//! A call for each line that the free agents take, and `ServiceLevel` more.

/// How many calls a queue could take now: lines (but with power dialing as many as there are free agents) + `ServiceLevel`
/// − calls that are not yet with an agent (originating, ringing, waiting in the queue). A call in conversation has already
/// taken its agent from the free ones.
pub fn capacity(lines: usize, service_level: u32, awaiting_agent: usize) -> usize {
    (lines + service_level as usize).saturating_sub(awaiting_agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_on_its_way_takes_the_place_of_a_free_agent() {
        assert_eq!(capacity(2, 0, 0), 2);
        assert_eq!(capacity(2, 0, 1), 1);
        assert_eq!(capacity(2, 3, 1), 4);
        assert_eq!(capacity(0, 0, 3), 0);
    }
}
