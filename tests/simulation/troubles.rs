//! What goes wrong, by chance: the network, the PBX, the disk, the clock, and what people do meanwhile.

use std::time::Duration;

use astout::ami::MessageBuilder;
use fastrand::Rng;

use crate::daemon::SEEING_AFTER;
use crate::kills::Point;
use crate::operator::Deed;
use crate::simulation::{Due, Simulation, millis, secs};

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Trouble {
    /// The connection is cut.
    Cut,
    /// No byte comes through.
    Blackout,
    /// The PBX neither reads nor writes its connections; new ones work.
    HalfOpen(Duration),
    /// The PBX stands still.
    Freeze(Duration),
    /// The PBX loses its calls.
    Restart {
        down: Duration,
        in_order: bool,
    },
    /// The PBX misbehaves.
    Fault(&'static str, f64),
    Garbage,
    StoreFails,
    LogFails,
    /// The wall clock is set, by seconds.
    ClockJumps(i64),
    LogIsRotated,
}

/// The faults of the sandbox: of each the header, the word in the tally, and whether something is lost by it.
const FAULTS: [(&str, &str, bool); 9] = [
    ("Drop", "faults: events lost", true),
    ("Duplicate", "faults: events doubled", false),
    ("Reorder", "faults: events reordered", false),
    ("Delay", "faults: events late", false),
    ("Truncate", "faults: lists cut short", true),
    ("Error", "faults: Originates refused", true),
    ("Swallow", "faults: Originates swallowed", true),
    ("Mute", "faults: Originates not answered", true),
    ("Late", "faults: Originates carried out late", true),
];

/// How long what was lost or late has its consequences.
const AFTERMATH: Duration = secs(5);

impl Trouble {
    fn any(rng: &mut Rng) -> (Self, Duration) {
        let span = millis(if rng.bool() { rng.u64(100..3000) } else { rng.u64(1000..20_000) });
        let trouble = match rng.u8(..16) {
            0 | 1 => Self::Cut,
            2 => Self::Blackout,
            3 => Self::HalfOpen(span),
            4 => Self::Freeze(span),
            5 | 6 => Self::Restart { down: millis(rng.u64(..3000)), in_order: rng.bool() },
            7..=9 => Self::Fault(FAULTS[rng.usize(..FAULTS.len())].0, [0.1, 0.5, 1.0][rng.usize(..3)]),
            10 => Self::Garbage,
            11 => Self::StoreFails,
            12 => Self::LogFails,
            13 => Self::ClockJumps(if rng.bool() { rng.i64(-7200..7200) } else { rng.i64(-5..5) }),
            _ => Self::LogIsRotated,
        };
        (trouble, span)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Cut => "connections cut",
            Self::Blackout => "network blackouts",
            Self::HalfOpen(_) => "connections half open",
            Self::Freeze(_) => "PBX frozen",
            Self::Restart { in_order: true, .. } => "PBX restarted in order",
            Self::Restart { in_order: false, .. } => "PBX killed",
            Self::Fault(header, _) => {
                FAULTS.iter().find(|(name, ..)| *name == header).map_or("", |fault| fault.1)
            }
            Self::Garbage => "garbage from the PBX",
            Self::StoreFails => "store failing",
            Self::LogFails => "log failing",
            Self::ClockJumps(_) => "clock set",
            Self::LogIsRotated => "log rotated",
        }
    }

    fn loses(self) -> bool {
        matches!(self, Self::Fault(header, _) if FAULTS.iter().any(|(name, _, loses)| *name == header && *loses))
    }
}

impl Simulation {
    /// What will go wrong in this world, and what its operators will do, within that time.
    pub(crate) fn plan_troubles(&mut self, within: Duration) {
        let within = u64::try_from(within.as_millis()).unwrap();
        let mut rng = self.rng.fork();
        let mut at = || millis(rng.u64(..within));
        let times: Vec<Duration> = (0..32).map(|_| at()).collect();
        let mut times = times.into_iter();
        for _ in 0..rng.u8(..5) {
            self.kills.plan(&mut rng);
        }
        if rng.u8(..3) == 0 {
            self.after(times.next().unwrap(), Due::Kill);
        }
        self.after(millis(rng.u64(..3000)), Due::Arm);
        self.after(times.next().unwrap(), Due::Arm);
        for _ in 0..[0, 1, 2, 3, 5][rng.usize(..5)] {
            let (trouble, span) = Trouble::any(&mut rng);
            let at = times.next().unwrap();
            self.after(at, Due::Trouble(trouble));
            self.after(at + span, Due::Mended(trouble));
        }
        for _ in 0..[0, 1, 3, 6][rng.usize(..4)] {
            let place = rng.usize(..3);
            let deed = match rng.u8(..16) {
                0 | 1 => Deed::Status(place, "0"),
                2 | 3 => Deed::Status(place, "2"),
                4 => Deed::Status(place, "30"),
                5..=7 => Deed::Status(place, "1"),
                8 | 9 => Deed::Withdraw,
                10 | 11 => Deed::NewContact,
                12 => Deed::DeleteContact,
                13 => Deed::UpdatePlan,
                14 => Deed::UpdateDestination,
                _ => Deed::DeletePlan,
            };
            self.after(times.next().unwrap(), Due::Deed(deed));
        }
    }

    pub(crate) fn trouble(&mut self, trouble: Trouble) {
        self.trace.say(self.now, || format!("trouble {trouble:?}"));
        self.tally.count(trouble.word());
        self.model.trouble_begins();
        let shares = |share: f64| share.to_string();
        match trouble {
            Trouble::Cut => {
                self.model.blind(self.now);
                self.cut();
            }
            Trouble::Blackout => {
                self.model.blind(self.now);
                self.blackout = true;
            }
            Trouble::HalfOpen(span) => {
                self.model.blind(self.now);
                self.pbx_ask(fault("HalfOpen", span.as_secs_f64().to_string()));
            }
            Trouble::Freeze(span) => {
                self.model.blind(self.now);
                self.pbx_ask(fault("Freeze", span.as_secs_f64().to_string()));
            }
            Trouble::Restart { down, in_order } => {
                self.model.blind(self.now);
                let in_order = if in_order { "yes" } else { "no" };
                let restart = MessageBuilder::action("SandboxRestart");
                let restart = restart.header("Down", down.as_secs_f64().to_string());
                self.pbx_ask(restart.header("Gracefully", in_order));
            }
            Trouble::Fault(header, share) => {
                if trouble.loses() {
                    self.model.loses(self.now);
                }
                let action = fault(header, shares(share)).header("DelayTime", "0.2");
                let action = action.header("LateTime", (self.rng.f64() * 5.0).to_string());
                let few = ["", "Hangup", "OriginateResponse", "Newchannel,DialEnd"][self.rng.usize(..4)];
                self.pbx_ask(action.header("Events", few));
            }
            Trouble::Garbage => self.pbx_ask(fault("Garbage", "300".to_owned())),
            Trouble::StoreFails => self.store_works = false,
            Trouble::LogFails => self.log_works = false,
            Trouble::ClockJumps(seconds) => self.jump_wall(seconds),
            Trouble::LogIsRotated => {
                self.places.rotate();
                self.reach(Point::LogRotated);
            }
        }
    }

    pub(crate) fn mended(&mut self, trouble: Trouble) {
        self.trace.say(self.now, || format!("over    {trouble:?}"));
        self.model.trouble_ends();
        match trouble {
            Trouble::Blackout => {
                self.blackout = false;
                let (least, _) = self.latency;
                for held in std::mem::take(&mut self.held_back) {
                    self.after(least, held);
                }
            }
            Trouble::Fault(..) => {
                self.pbx_ask(fault("Reset", "yes".to_owned()));
                if trouble.loses() {
                    self.model.no_longer_loses(self.now + AFTERMATH);
                }
            }
            Trouble::StoreFails => self.store_works = true,
            Trouble::LogFails => self.log_works = true,
            Trouble::Cut
            | Trouble::HalfOpen(_)
            | Trouble::Freeze(_)
            | Trouble::Restart { .. }
            | Trouble::Garbage
            | Trouble::ClockJumps(_)
            | Trouble::LogIsRotated => {}
        }
        if self.daemon.is_some() {
            self.after(SEEING_AFTER, Due::Seeing(self.model.blind_serial));
        }
    }

    /// The link was up for some time.
    pub(crate) fn seeing(&mut self, serial: u64) {
        self.model.seeing(self.now, serial);
    }

    /// Nothing goes wrong any more.
    pub(crate) fn make_peace(&mut self) {
        self.kills.stop();
        self.forget(|due| matches!(due, Due::Trouble(_) | Due::Kill | Due::Arm | Due::Deed(_)));
    }
}

fn fault(header: &str, value: String) -> MessageBuilder {
    MessageBuilder::action("SandboxFault").header(header, value)
}
