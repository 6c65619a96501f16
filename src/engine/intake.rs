//! How many calls an Asterisk sets up at once, found from how long it takes.
//!
//! An Asterisk that is given more at once than it can work on makes fewer calls, not more: each waits for all others.
//! So the calls that are being set up (claimed or sent, and neither their channel nor a failure was seen) have a
//! window, and the window follows the time from an Originate to its channel. A round is as many set-ups as the window
//! is wide; their median is judged:
//!
//! ```text
//!   median ≤ 2 × unloaded + 50 ms    the window grows by 2 (at first it doubles), if it was full in that round
//!   median > 4 × unloaded + 150 ms   it shrinks by a fifth
//!   else                             it stays
//! ```
//!
//! What it takes unloaded is the least median of late. A window that stays wide never sees that again, so each half a
//! minute it is narrow for a moment. One that is not filled shrinks slowly to where it began: what an Asterisk that
//! stands still may place late is never much more than what it was just given.

use std::time::Duration;

/// The window with which it begins, and to which it goes back where it is not needed.
pub const FIRST: u32 = 10;
/// The least window.
const LEAST: f64 = 4.0;
/// How often it is narrow for a moment.
const PROBE_EVERY: Duration = Duration::from_secs(30);
/// What a round adds to the window.
const STEP: f64 = 2.0;
/// By what a round multiplies it that took too long, and one that did not fill it.
const BACK_OFF: f64 = 0.8;
const UNUSED: f64 = 0.95;
/// How many times as long as unloaded a set-up may take, and how much longer, before it no longer grows, and before
/// it shrinks.
const GOOD: (u32, Duration) = (2, Duration::from_millis(50));
const BAD: (u32, Duration) = (4, Duration::from_millis(150));

/// See the module.
#[derive(Debug)]
pub struct Intake {
    window: f64,
    /// Whether it has only grown so far.
    doubles: bool,
    /// Whether the window was full in this round.
    full: bool,
    /// How long the set-ups of this round took.
    round: Vec<Duration>,
    /// How many of them make it whole.
    wanted: usize,
    /// The least median of this half a minute, and of the one before.
    unloaded: [Option<Duration>; 2],
    /// When this half a minute has begun.
    since: Option<Duration>,
    probe: Option<Probe>,
}

/// It is narrow for a moment.
#[derive(Debug)]
struct Probe {
    /// What the window is afterwards.
    back_to: f64,
    /// Whether those that were sent before are through.
    alone: bool,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            window: f64::from(FIRST),
            doubles: true,
            full: false,
            round: Vec::new(),
            wanted: FIRST as usize,
            unloaded: [None; 2],
            since: None,
            probe: None,
        }
    }
}

impl Intake {
    /// How many may be set up at once, where `ceiling` is the most ever.
    pub fn most(&self, ceiling: u32) -> usize {
        // It is between LEAST and a ceiling of 32 bits.
        (self.window as usize).min(ceiling as usize)
    }

    /// So many are being set up or claimed.
    pub fn has(&mut self, calls: usize, ceiling: u32) {
        self.full |= calls >= self.most(ceiling);
    }

    /// One was set up, or failed, and that took so long.
    pub fn took(&mut self, now: Duration, took: Duration, ceiling: u32) {
        self.since.get_or_insert(now);
        self.round.push(took);
        if self.round.len() >= self.wanted {
            self.judge(now, f64::from(ceiling.max(FIRST)));
        }
    }

    /// Whoever comes now may be another Asterisk, or a slower one.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    fn judge(&mut self, now: Duration, ceiling: f64) {
        let middle = self.round.len() / 2;
        let median = *self.round.select_nth_unstable(middle).1;
        self.round.clear();
        let full = std::mem::take(&mut self.full);
        match &mut self.probe {
            Some(probe) if probe.alone => {
                self.window = probe.back_to;
                self.probe = None;
                self.learn(median);
            }
            Some(probe) => probe.alone = true,
            None => {
                self.learn(median);
                self.follow(median, full, ceiling);
                self.turn(now);
            }
        }
        self.wanted = (self.window as usize).max(FIRST as usize);
        if let Some(Probe { back_to, alone: false }) = self.probe {
            self.wanted = (back_to as usize).max(FIRST as usize);
        }
    }

    fn learn(&mut self, median: Duration) {
        self.unloaded[0] = Some(self.unloaded[0].map_or(median, |least| least.min(median)));
    }

    fn follow(&mut self, median: Duration, full: bool, ceiling: f64) {
        let unloaded = self.unloaded.into_iter().flatten().min().unwrap_or(median);
        let within = |(times, more): (u32, Duration)| median <= unloaded * times + more;
        if !within(BAD) {
            self.doubles = false;
            self.window = (self.window * BACK_OFF).max(LEAST);
        } else if !full {
            self.window = (self.window * UNUSED).max(self.window.min(f64::from(FIRST)));
        } else if within(GOOD) {
            let grown = if self.doubles { self.window * 2.0 } else { self.window + STEP };
            self.window = grown.min(ceiling);
        } else {
            self.doubles = false;
        }
    }

    /// Each half a minute what is known of the one before the last is forgotten, and looked for anew.
    fn turn(&mut self, now: Duration) {
        if self.since.is_none_or(|since| now < since + PROBE_EVERY) {
            return;
        }
        self.since = Some(now);
        self.unloaded = [None, self.unloaded[0]];
        if self.window > 2.0 * f64::from(FIRST) {
            self.probe = Some(Probe { back_to: self.window, alone: false });
            self.window = f64::from(FIRST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEILING: u32 = 1_000;

    /// An Asterisk that works on so many calls at once for so long each, and gets to the others later.
    struct Pbx {
        at_once: f64,
        each: Duration,
    }

    impl Pbx {
        /// How long a set-up takes among so many.
        fn takes(&self, calls: usize) -> Duration {
            self.each.mul_f64((calls as f64 / self.at_once).max(1.0))
        }
    }

    /// Gives the intake as many calls as it takes (and at most so many), for so long; its widest window after the
    /// first second.
    fn feed(intake: &mut Intake, pbx: &Pbx, now: &mut Duration, span: Duration, demand: usize) -> usize {
        let (until, settled, mut widest) = (*now + span, *now + Duration::from_secs(1), 0);
        while *now < until {
            let calls = intake.most(CEILING).min(demand);
            intake.has(calls, CEILING);
            let took = pbx.takes(calls);
            *now += took;
            for _ in 0..calls {
                intake.took(*now, took, CEILING);
            }
            if *now > settled {
                widest = widest.max(intake.most(CEILING));
            }
        }
        widest
    }

    #[test]
    fn the_window_finds_what_the_asterisk_can_work_on_and_stays_there() {
        for (at_once, each) in [(2.0, 1), (2.0, 5), (16.0, 1), (64.0, 20), (1.0, 0)] {
            let pbx = Pbx { at_once, each: Duration::from_micros(each * 1_000 + 200) };
            let (mut intake, mut now) = (Intake::default(), Duration::ZERO);
            let widest = feed(&mut intake, &pbx, &mut now, Duration::from_secs(300), usize::MAX);
            let took = pbx.takes(widest);
            assert!(widest as f64 >= at_once, "{at_once} at once: {widest}");
            let unloaded = pbx.takes(FIRST as usize);
            assert!(
                took <= unloaded * 4 + Duration::from_millis(200),
                "{at_once} at once: {widest}, {took:?}"
            );
        }
    }

    #[test]
    fn an_asterisk_that_becomes_slow_is_given_less() {
        let (mut intake, mut now) = (Intake::default(), Duration::ZERO);
        let fast = Pbx { at_once: 100.0, each: Duration::from_millis(2) };
        let before = feed(&mut intake, &fast, &mut now, Duration::from_secs(20), usize::MAX);
        let slow = Pbx { at_once: 2.0, each: Duration::from_millis(50) };
        feed(&mut intake, &slow, &mut now, Duration::from_secs(20), usize::MAX);
        assert!(intake.most(CEILING) < before / 4, "{before} to {}", intake.most(CEILING));
    }

    #[test]
    fn who_dials_little_has_a_narrow_window() {
        let (mut intake, mut now) = (Intake::default(), Duration::ZERO);
        let pbx = Pbx { at_once: 100.0, each: Duration::from_millis(2) };
        assert!(feed(&mut intake, &pbx, &mut now, Duration::from_secs(20), usize::MAX) > 50);
        feed(&mut intake, &pbx, &mut now, Duration::from_secs(5), 8);
        assert_eq!(intake.most(CEILING), FIRST as usize);
    }

    #[test]
    fn a_ceiling_below_the_window_holds_at_once() {
        let mut intake = Intake::default();
        assert_eq!(intake.most(3), 3);
        for _ in 0..100 {
            intake.has(3, 3);
            intake.took(Duration::ZERO, Duration::from_millis(1), 3);
        }
        assert_eq!(intake.most(3), 3);
    }
}
