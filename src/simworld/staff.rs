//! The agents of a simulated day: who is free since when, who talks, who has left; and the seconds that they spent.

use std::collections::{BTreeSet, VecDeque};

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Not there.
    Away,
    /// Waits for a call.
    Free,
    /// With a caller.
    Talking,
    /// With the work after a call.
    Wrapping,
    /// Between calls, for a while.
    Pausing,
}

#[derive(Debug, Clone, Copy)]
struct Agent {
    doing: Doing,
    since: f64,
    /// Goes when call and work are done.
    leaving: bool,
    /// The number of the last call.
    call: u64,
}

/// Seconds of agents.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seconds {
    /// With callers.
    pub talk: f64,
    /// With the work after calls.
    pub wrap: f64,
    /// Waiting.
    pub idle: f64,
}

impl Seconds {
    /// All of them: breaks are not counted.
    pub fn staffed(&self) -> f64 {
        self.talk + self.wrap + self.idle
    }

    /// The share of them in talk.
    pub fn occupancy(&self) -> f64 {
        if self.staffed() > 0.0 { self.talk / self.staffed() } else { 0.0 }
    }
}

/// All agents.
#[derive(Debug)]
pub struct Staff {
    agents: Vec<Agent>,
    /// Those that are free, longest first.
    free: VecDeque<usize>,
    /// Those that are not there.
    away: BTreeSet<usize>,
    end: f64,
    talking: u32,
    wrapping: u32,
    /// Seconds of each hour.
    pub hours: Vec<Seconds>,
}

impl Staff {
    /// Nobody yet, on a day of that length.
    pub fn new(end: f64) -> Self {
        let hours = vec![Seconds::default(); (end / 3600.0).ceil() as usize];
        let (agents, free, away) = (Vec::new(), VecDeque::new(), BTreeSet::new());
        Self { agents, free, away, end, talking: 0, wrapping: 0, hours }
    }

    /// How many are free.
    pub fn free(&self) -> u32 {
        self.free.len() as u32
    }

    /// How many are with a caller.
    pub fn talking(&self) -> u32 {
        self.talking
    }

    /// How many have work after a call.
    pub fn wrapping(&self) -> u32 {
        self.wrapping
    }

    /// How many the queue has that do not pause.
    pub fn logged_in(&self) -> u32 {
        self.free() + self.talking + self.wrapping
    }

    /// A shift begins: so many are there from now on.
    pub fn set(&mut self, now: f64, target: u32) {
        let mut there =
            self.agents.iter().filter(|agent| agent.doing != Doing::Away && !agent.leaving).count() as u32;
        while there < target {
            let who = self.away.pop_first().unwrap_or_else(|| {
                self.agents.push(Agent { doing: Doing::Away, since: now, leaving: false, call: 0 });
                self.agents.len() - 1
            });
            self.becomes(now, who, Doing::Free);
            there += 1;
        }
        while there > target {
            if let Some(&who) = self.free.back() {
                self.becomes(now, who, Doing::Away);
            } else if let Some(who) = self.highest_to_leave() {
                match self.agents[who].doing {
                    Doing::Pausing => self.becomes(now, who, Doing::Away),
                    Doing::Away | Doing::Free | Doing::Talking | Doing::Wrapping => {
                        self.agents[who].leaving = true;
                    }
                }
            }
            there -= 1;
        }
    }

    fn highest_to_leave(&self) -> Option<usize> {
        self.agents.iter().rposition(|agent| agent.doing != Doing::Away && !agent.leaving)
    }

    /// The agent that has been free longest takes that call: who, and how long it has waited.
    pub fn take(&mut self, now: f64, call: u64) -> Option<(usize, f64)> {
        let who = *self.free.front()?;
        let waited = now - self.agents[who].since;
        self.becomes(now, who, Doing::Talking);
        self.agents[who].call = call;
        Some((who, waited))
    }

    /// The agent's last call.
    pub fn call(&self, who: usize) -> u64 {
        self.agents[who].call
    }

    /// Since when the agent does what it does.
    pub fn since(&self, who: usize) -> f64 {
        self.agents[who].since
    }

    /// What the agent does.
    pub fn doing(&self, who: usize) -> Doing {
        self.agents[who].doing
    }

    /// The agent's work is done. True: it is to go home, and has gone.
    pub fn goes(&mut self, now: f64, who: usize) -> bool {
        let leaving = self.agents[who].leaving;
        if leaving {
            self.becomes(now, who, Doing::Away);
        }
        leaving
    }

    /// The agent does something else from now on.
    pub fn becomes(&mut self, now: f64, who: usize, doing: Doing) {
        let Agent { doing: was, since, .. } = self.agents[who];
        self.spend(was, since, now);
        match was {
            Doing::Free => self.free.retain(|free| *free != who),
            Doing::Talking => self.talking -= 1,
            Doing::Wrapping => self.wrapping -= 1,
            Doing::Away | Doing::Pausing => {}
        }
        let leaving = match doing {
            Doing::Free => {
                self.free.push_back(who);
                false
            }
            Doing::Away => {
                self.away.insert(who);
                false
            }
            Doing::Talking => {
                self.talking += 1;
                self.agents[who].leaving
            }
            Doing::Wrapping => {
                self.wrapping += 1;
                self.agents[who].leaving
            }
            Doing::Pausing => self.agents[who].leaving,
        };
        let agent = &mut self.agents[who];
        (agent.doing, agent.since, agent.leaving) = (doing, now, leaving);
    }

    /// The day ends then: what is done after that does not count.
    pub fn ends(&mut self, end: f64) {
        self.end = end;
    }

    /// The day is over: what each has done last counts too.
    pub fn close(&mut self) {
        for who in 0..self.agents.len() {
            let Agent { doing, since, .. } = self.agents[who];
            self.spend(doing, since, self.end);
            self.agents[who].since = self.end.max(since);
        }
    }

    /// All seconds of the day.
    pub fn seconds(&self) -> Seconds {
        self.hours.iter().fold(Seconds::default(), |sum, hour| Seconds {
            talk: sum.talk + hour.talk,
            wrap: sum.wrap + hour.wrap,
            idle: sum.idle + hour.idle,
        })
    }

    fn spend(&mut self, doing: Doing, from: f64, until: f64) {
        let until = until.min(self.end);
        let mut at = from;
        while at < until {
            let hour = (at / 3600.0) as usize;
            let next = ((hour + 1) as f64 * 3600.0).min(until);
            let Some(seconds) = self.hours.get_mut(hour) else { return };
            match doing {
                Doing::Talking => seconds.talk += next - at,
                Doing::Wrapping => seconds.wrap += next - at,
                Doing::Free => seconds.idle += next - at,
                Doing::Away | Doing::Pausing => {}
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shrinking_shift_takes_who_became_free_last_and_lets_the_others_finish() {
        let mut staff = Staff::new(3600.0);
        staff.set(0.0, 3);
        assert_eq!(staff.take(1.0, 0), Some((0, 1.0)));
        staff.set(2.0, 1);
        assert_eq!((staff.free(), staff.talking(), staff.logged_in()), (0, 1, 1));
        staff.set(3.0, 0);
        assert_eq!(staff.talking(), 1);
        assert!(staff.goes(4.0, 0));
        assert_eq!(staff.logged_in(), 0);
    }

    #[test]
    fn a_day_that_ends_early_has_no_seconds_after_its_end() {
        let mut staff = Staff::new(3600.0);
        staff.set(0.0, 2);
        staff.take(10.0, 0);
        staff.ends(100.0);
        staff.becomes(130.0, 0, Doing::Wrapping);
        staff.close();
        assert_eq!(staff.seconds(), Seconds { talk: 90.0, wrap: 0.0, idle: 110.0 });
    }

    #[test]
    fn seconds_are_those_of_the_day_and_of_each_hour() {
        let mut staff = Staff::new(5400.0);
        staff.set(0.0, 1);
        staff.take(3000.0, 0);
        staff.close();
        assert_eq!(staff.seconds(), Seconds { talk: 2400.0, wrap: 0.0, idle: 3000.0 });
        assert_eq!(staff.hours[1], Seconds { talk: 1800.0, wrap: 0.0, idle: 0.0 });
    }
}
