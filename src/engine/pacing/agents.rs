//! A call for each agent that is free, and `ServiceLevel` more.

/// How many calls a queue could take now: free agents + `ServiceLevel` − calls that are not yet with an agent
/// (originating, ringing, waiting in the queue). A call in conversation has already taken its agent from the free ones.
pub fn capacity(free: u32, service_level: u32, awaiting_agent: usize) -> usize {
    (free as usize + service_level as usize).saturating_sub(awaiting_agent)
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
