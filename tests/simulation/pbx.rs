//! The PBX: the sandbox's world with its dial log, which is the truth; what it puts out goes to the connections.

use std::time::Duration;

use astout::ami::{MessageBuilder, Request};
use astout::sandbox::dial_log::Entry;
use astout::sandbox::profile::{Agents, Even, Lognormal, Queue, Spread, Strategy};
use astout::sandbox::world::{Input, Output};
use astout::sandbox::{Profile, World};
use fastrand::Rng;

use crate::simulation::{Due, Simulation};

/// The session of nobody: what goes wrong is asked by it.
const NOBODY: u64 = 0;

/// See the module.
pub(crate) struct Pbx {
    pub(crate) world: World,
    /// Until when it takes no connection.
    pub(crate) closed_until: Duration,
    /// Until when it stands still.
    pub(crate) frozen_until: Option<Duration>,
    pub(crate) dial_log: Vec<Entry>,
    sessions: u64,
}

fn profile(rng: &mut Rng) -> Profile {
    let mut profile = Profile::default();
    profile.asterisk.parking_s = 3.0;
    for destination in &mut profile.destination {
        destination.stay_s = destination.stay_s.min(5.0);
    }
    if rng.u8(..4) == 0 {
        profile.asterisk.boot_s = rng.f64() * 2.0;
    }
    if rng.u8(..4) == 0 {
        profile.asterisk.originate_s = Spread::Even(Even { min: 0.001, max: 0.8 });
    }
    profile.people.ring_s = Spread::Lognormal(Lognormal { median: 1.0, sigma: 0.6, max: 5.0 });
    profile.people.stay_s = Spread::Lognormal(Lognormal { median: 2.0, sigma: 0.6, max: 8.0 });
    profile.people.answer_rate_by_hour = vec![0.5; 24];
    let agents = Agents {
        from: 2001,
        count: rng.u32(1..4),
        answers_s: Some(Spread::Even(Even { min: 0.1, max: 1.0 })),
        talks_s: Spread::Even(Even { min: 0.5, max: 3.0 }),
        wraps_up_s: Spread::Even(Even { min: 0.0, max: 1.0 }),
        logs_in_s: 0.0,
        shift_s: 0.0,
    };
    profile.queue.push(Queue {
        name: "sales".to_owned(),
        strategy: Strategy::RrMemory,
        timeout_s: 3.0,
        retry_s: 0.5,
        wrapuptime_s: 0,
        agents: vec![agents],
    });
    profile
}

impl Pbx {
    pub(crate) fn new(seed: u64, rng: &mut Rng, unix: Duration) -> Self {
        let now = astout::ami::Now { monotonic: Duration::ZERO, unix };
        Self {
            world: World::new(profile(rng), seed, now),
            closed_until: Duration::ZERO,
            frozen_until: None,
            dial_log: Vec::new(),
            sessions: NOBODY,
        }
    }

    /// The id of a new connection.
    pub(crate) fn next_session(&mut self) -> u64 {
        self.sessions += 1;
        self.sessions
    }
}

impl Simulation {
    /// When something is due at the PBX.
    pub(crate) fn pbx_deadline(&self) -> Option<Duration> {
        let world =
            self.pbx.world.next_deadline().map(|at| at.max(self.pbx.frozen_until.unwrap_or_default()));
        let sessions = self.wires.values().filter(|wire| !wire.is_stalled());
        world.into_iter().chain(sessions.filter_map(|wire| wire.server.next_deadline())).min()
    }

    pub(crate) fn pbx_timer(&mut self) {
        let now = self.ami_time();
        for wire in self.wires.values_mut().filter(|wire| !wire.is_stalled()) {
            wire.server.handle_timer(now);
        }
        if self.pbx.frozen_until.is_none_or(|until| until <= self.now) {
            self.pbx.frozen_until = None;
            self.pbx_input(Input::Tick);
        }
        for session in self.wires.keys().copied().collect::<Vec<_>>() {
            self.serve(session);
        }
    }

    /// Asks the PBX for what no Asterisk does.
    pub(crate) fn pbx_ask(&mut self, action: MessageBuilder) {
        let message = action.action_id("nobody").finish().unwrap();
        self.pbx_input(Input::Request(NOBODY, Request::from_message(message).unwrap()));
    }

    /// Gives the world an input, and carries out what comes of it.
    pub(crate) fn pbx_input(&mut self, input: Input) {
        for output in self.pbx.world.handle(self.ami_time(), input) {
            match output {
                Output::Reply(session, message) => {
                    if let Some(wire) = self.wires.get_mut(&session) {
                        wire.server.send_reply(&message);
                    }
                }
                Output::Done(session) => {
                    if let Some(wire) = self.wires.get_mut(&session) {
                        wire.server.reply_done();
                    }
                }
                Output::Event { only, class, message } => {
                    self.trace.say(self.now, || {
                        let uniqueid = message.get("Uniqueid").or(message.get("DestUniqueid"));
                        let name = message.event_name().unwrap_or_default().into_owned();
                        format!("pbx     event {name} {}", uniqueid.unwrap_or_default())
                    });
                    for (session, wire) in &mut self.wires {
                        if only.is_none_or(|only| only == *session) {
                            wire.server.send_event(class, &message);
                        }
                    }
                }
                Output::Log(entry) => {
                    self.trace.say(self.now, || format!("pbx     {}", entry.to_line().trim_end()));
                    self.model.truth(self.now, &entry, &mut self.tally);
                    self.pbx.dial_log.push(entry);
                }
                Output::Garbage(_, bytes) => {
                    for wire in self.wires.values_mut() {
                        wire.raw.push_back(bytes.clone().into());
                    }
                }
                Output::HalfOpen(_, span) => self.stall(span),
                Output::Freeze(span) => {
                    self.pbx.frozen_until = Some(self.now + span);
                    self.stall(span);
                }
                Output::Restart(down) => {
                    self.pbx.closed_until = self.now + down;
                    self.pbx.frozen_until = None;
                    self.cut_all();
                }
            }
        }
    }

    /// No connection is read or written for so long.
    fn stall(&mut self, span: Duration) {
        let until = self.now + span;
        for session in self.wires.keys().copied().collect::<Vec<_>>() {
            if let Some(wire) = self.wires.get_mut(&session) {
                wire.stalled_until = Some(until);
            }
            self.at(until, Due::Resume(session));
        }
    }
}
