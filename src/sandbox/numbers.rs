//! What a number's callee does: by the number itself, as the telephones and the SIP trunk of `tests/lab` do it, or by
//! chance, as people do it.

use std::time::Duration;

use fastrand::Rng;

use super::profile::{Numbers, People};

/// What becomes of a call to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Rings, answers, stays.
    Answer {
        ring: Duration,
        /// Sound before the answer, in place of ringing.
        early_media: bool,
        /// How long the callee stays on the line; `None`: until the other side hangs up.
        stay: Option<Duration>,
        /// It is a machine that answers.
        machine: bool,
    },
    Busy,
    Congestion,
    /// Rings, and nobody answers.
    RingsForEver,
    /// Neither rings nor answers.
    Silent,
    /// Says no with that cause, at once or after ringing.
    Refuse {
        ring: Option<Duration>,
        cause: u32,
    },
    /// A host that does not answer: given up after that time, with cause 18.
    Dead {
        after: Duration,
    },
    /// There is no such extension.
    NoSuchNumber,
    /// The channel cannot even be made.
    NoChannel,
}

impl Fate {
    /// The word in the dial log.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Answer { machine: false, .. } => "answer",
            Self::Answer { machine: true, .. } => "machine",
            Self::Busy | Self::Refuse { cause: 17, .. } => "busy",
            Self::Congestion | Self::Refuse { cause: 34 | 42, .. } => "congestion",
            Self::RingsForEver => "noanswer",
            Self::Silent => "silent",
            Self::Refuse { cause: 1, .. } => "unallocated",
            Self::Refuse { cause: 21, .. } => "rejected",
            Self::Refuse { .. } => "hangup",
            Self::Dead { .. } => "dead",
            Self::NoSuchNumber => "nonexistent",
            Self::NoChannel => "nochannel",
        }
    }
}

/// What the callee at `number` does. `rng` decides for people; `hour` is that of the day in UTC.
pub(super) fn fate(numbers: Numbers, number: &str, people: &People, hour: usize, rng: &mut Rng) -> Fate {
    match numbers {
        Numbers::Lab => lab(number),
        Numbers::Sip => sip(number),
        Numbers::People => person(people, hour, rng),
        Numbers::None => Fate::NoSuchNumber,
        Numbers::Unregistered => Fate::NoChannel,
        Numbers::Dead => Fate::Dead { after: Duration::from_millis(6400) },
    }
}

/// Two digits, tenths of a second.
fn tenths(number: &str, at: usize) -> Option<Duration> {
    let digits = number.get(at..at + 2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().map(|tenths: u64| Duration::from_millis(tenths * 100))
}

/// The telephones of `tests/lab/README.md`.
fn lab(number: &str) -> Fate {
    let fate = || {
        Some(match number.bytes().next()? {
            kind @ (b'0' | b'1') => {
                let stay = tenths(number, 3)?;
                Fate::Answer {
                    ring: tenths(number, 1)?,
                    early_media: kind == b'0',
                    stay: (!stay.is_zero()).then_some(stay),
                    machine: false,
                }
            }
            b'2' => Fate::Busy,
            b'3' => Fate::RingsForEver,
            b'4' => Fate::Congestion,
            b'5' => Fate::Refuse { ring: None, cause: 1 },
            b'6' => Fate::Refuse { ring: None, cause: 21 },
            b'7' => Fate::Refuse { ring: Some(tenths(number, 1)?), cause: 16 },
            b'8' => Fate::Silent,
            b'9' => {
                let digits =
                    number.get(1..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
                Fate::Refuse { ring: None, cause: digits.parse().ok()? }
            }
            _ => return None,
        })
    };
    fate().unwrap_or(Fate::NoSuchNumber)
}

/// The far end of the lab's SIP trunk.
fn sip(number: &str) -> Fate {
    let answer =
        |stay| Fate::Answer { ring: Duration::from_millis(2), early_media: false, stay, machine: false };
    let refuse = |cause| Fate::Refuse { ring: None, cause };
    match number {
        _ if number.starts_with("2001") => answer(Some(Duration::from_secs(1))),
        _ if number.starts_with("2002") => answer(None),
        _ if number.starts_with("180") => Fate::RingsForEver,
        _ if number.starts_with("404") => refuse(1),
        _ if number.starts_with("486") => refuse(17),
        _ if number.starts_with("503") => refuse(34),
        _ if number.starts_with("603") => refuse(21),
        _ => refuse(38),
    }
}

/// Somebody, by the chances of the profile.
fn person(people: &People, hour: usize, rng: &mut Rng) -> Fate {
    let mut chance = rng.f64();
    let mut falls = |share: f64| {
        let hit = chance < share;
        chance -= share;
        hit
    };
    if falls(people.unallocated) {
        return Fate::Refuse { ring: None, cause: 1 };
    }
    if falls(people.congestion) {
        return Fate::Refuse { ring: None, cause: 34 };
    }
    if falls(people.busy) {
        return Fate::Refuse { ring: None, cause: 17 };
    }
    let ring = people.ring_s.draw(rng);
    if falls(people.rejected) {
        return Fate::Refuse { ring: Some(ring), cause: 21 };
    }
    if falls(people.machine) {
        let stay = Some(people.machine_s.draw(rng));
        return Fate::Answer {
            ring: people.machine_ring_s.draw(rng),
            early_media: false,
            stay,
            machine: true,
        };
    }
    // What is left is divided between those who answer and those who let it ring.
    let left = 1.0 - people.unallocated - people.congestion - people.busy - people.rejected - people.machine;
    if falls(left * people.answer_rate_by_hour.get(hour).copied().unwrap_or(1.0)) {
        let stay = Some(people.stay_s.draw(rng));
        return Fate::Answer { ring, early_media: false, stay, machine: false };
    }
    Fate::RingsForEver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_says_what_the_telephone_of_the_lab_does() {
        let answer = |ring, early_media, stay: u64| Fate::Answer {
            ring: Duration::from_millis(ring),
            early_media,
            stay: (stay > 0).then(|| Duration::from_millis(stay)),
            machine: false,
        };
        for (number, fate) in [
            ("10520017", answer(500, false, 2000)),
            ("00520", answer(500, true, 2000)),
            ("10000", answer(0, false, 0)),
            ("2", Fate::Busy),
            ("3001", Fate::RingsForEver),
            ("4", Fate::Congestion),
            ("5", Fate::Refuse { ring: None, cause: 1 }),
            ("6", Fate::Refuse { ring: None, cause: 21 }),
            ("70301", Fate::Refuse { ring: Some(Duration::from_millis(300)), cause: 16 }),
            ("8", Fate::Silent),
            ("9017", Fate::Refuse { ring: None, cause: 17 }),
            ("1052", Fate::NoSuchNumber),
            ("7", Fate::NoSuchNumber),
            ("901", Fate::NoSuchNumber),
            ("+49", Fate::NoSuchNumber),
            ("1é000", Fate::NoSuchNumber),
            ("", Fate::NoSuchNumber),
        ] {
            assert_eq!(lab(number), fate, "{number}");
        }
    }

    #[test]
    fn people_do_what_the_profile_gives_them_for_chances() {
        let people = People::default();
        let mut rng = Rng::with_seed(7);
        let mut answered = 0;
        let mut busy = 0;
        for _ in 0..20_000 {
            match person(&people, 11, &mut rng) {
                Fate::Answer { machine: false, .. } => answered += 1,
                Fate::Refuse { cause: 17, .. } => busy += 1,
                _ => {}
            }
        }
        let near = |count: i32, share: f64| (f64::from(count) / 20_000.0 - share).abs() < 0.01;
        let left =
            1.0 - people.unallocated - people.congestion - people.busy - people.rejected - people.machine;
        assert!(near(answered, left * people.answer_rate_by_hour[11]), "{answered}");
        assert!(near(busy, people.busy), "{busy}");
    }
}
