//! An accepted Originate is carried out: where it leads, whether its ids clash, what the callee will do, and its channels.

use std::time::Duration;

use super::call::{Call, Originate, Step, entry};
use super::channel::{State, variables};
use super::destination::Place;
use super::dial_log::{Entry, What};
use super::faults::OriginateFault;
use super::numbers::{self, Fate};
use super::profile::{Line, Numbers, seconds};
use super::world::{Due, NewChannel, Owner, World};

/// Where an Originate leads: the technology's address, taken apart.
struct Address<'a> {
    local: bool,
    number: &'a str,
    /// The context or the trunk.
    line: &'a str,
}

fn address(channel: &str) -> Option<Address<'_>> {
    let (technology, rest) = channel.split_once('/')?;
    let local = technology.eq_ignore_ascii_case("Local");
    if !local && !technology.eq_ignore_ascii_case("PJSIP") {
        return None;
    }
    // `/n` asks for a Local channel that stays in its call.
    let rest = if local { rest.split('/').next().unwrap_or_default() } else { rest };
    Some(match rest.split_once('@') {
        Some((number, line)) => Address { local, number, line },
        None if local => Address { local, number: rest, line: "default" },
        None => Address { local, number: "", line: rest },
    })
}

impl World {
    /// Has an accepted Originate carried out in a moment, unless a fault says otherwise.
    pub(super) fn schedule(&mut self, originate: Originate, fault: Option<OriginateFault>) {
        let mut wait = self.profile.asterisk.originate_s.draw(&mut self.rng);
        match fault {
            Some(OriginateFault::Late(late)) => wait += late,
            Some(OriginateFault::Swallow) => return,
            Some(OriginateFault::Error | OriginateFault::Mute) | None => {}
        }
        self.after(wait, Due::Execute(Box::new(originate)));
    }

    pub(super) fn execute(&mut self, originate: Originate) {
        self.executed += 1;
        self.processed += 1;
        let n = self.executed;
        let address = address(&originate.channel);
        let number = address.as_ref().map_or("", |address| address.number).to_owned();
        let line = address.as_ref().and_then(|address| self.line(address));
        let local = address.as_ref().is_some_and(|address| address.local);
        let (context, name) = match (&address, &line) {
            (Some(address), _) => (address.line.to_owned(), format!("{}@{}", address.number, address.line)),
            (None, _) => (String::new(), String::new()),
        };
        let clash = self.clashes(&originate);
        let fate = match &line {
            Some(line) => self.decide(line, local, &number),
            // A Local channel can be made to anywhere; an endpoint has to exist.
            None if local => self.dialplan_fate(&context, &number),
            None => Fate::NoChannel,
        };
        // `PJSIP/300` calls the endpoint 300 itself: that is its number.
        let called = if number.is_empty() { &context } else { &number };
        self.log(Entry {
            channel: Some(originate.channel.clone()),
            number: Some(called.clone()),
            fate: Some(if clash { "clash" } else { fate.word() }),
            ..entry(&originate, self.timestamp(), What::Dialled, n)
        });
        if clash || fate == Fate::NoChannel {
            self.respond(&originate, None, 0);
            self.log(entry(&originate, self.timestamp(), What::Ended, n));
            return;
        }
        let line = line.map(|line| line.name).unwrap_or_default();
        *self.lines_in_use.entry(line_key(local, &line)).or_default() += 1;
        let one_id = originate.channel_id.clone().unwrap_or_else(|| self.new_uniqueid());
        let (one, two) = if local {
            let base = self.new_local_name(&name);
            let channel = |half: &str, uniqueid: String, state| NewChannel {
                name: format!("{base};{half}"),
                uniqueid,
                linkedid: &one_id,
                state,
                context: &context,
                exten: &number,
                owner: Owner::Call(n),
            };
            let two_id = match (&originate.other_channel_id, &originate.channel_id) {
                (Some(other), _) => other.clone(),
                (None, Some(one)) => format!("{one};2"),
                (None, None) => self.new_uniqueid(),
            };
            let one = self.new_channel(channel("1", one_id.clone(), State::Down));
            (one, Some(self.new_channel(channel("2", two_id, State::Ring))))
        } else {
            let name = self.new_pjsip_name(&context);
            let channel = NewChannel {
                name,
                uniqueid: one_id.clone(),
                linkedid: &one_id,
                state: State::Down,
                context: "astout-dest",
                exten: "s",
                owner: Owner::Call(n),
            };
            (self.new_channel(channel), None)
        };
        self.dress(&originate, &one, two.as_deref());
        self.run_application(&one, "AppDial2", "(Outgoing Line)");
        let timeout = originate.timeout;
        let call = Call { n, originate, one, two, fate, line, answered: None, place: Place::Dialling };
        self.calls.insert(n, call);
        if fate == Fate::NoSuchNumber {
            self.fail(n, 0, None, 0, 0);
            return;
        }
        self.begin_dialling(n, &name, local, &number);
        if self.calls.contains_key(&n) {
            self.after(timeout, Due::Call(n, Step::Timeout));
        }
    }

    /// Whether a channel lives whose Uniqueid begins with one of those asked for, in any case: Asterisk compares only as
    /// many characters as the new id has.
    fn clashes(&self, originate: &Originate) -> bool {
        let (one, two) = (originate.channel_id.as_deref(), originate.other_channel_id.as_deref());
        let taken = |id: &str| {
            let id = id.to_ascii_lowercase();
            self.channels.range(id.clone()..).next().is_some_and(|(key, _)| key.starts_with(&id))
        };
        one.is_some_and(taken) || two.is_some_and(taken) || (one.is_some() && one == two)
    }

    fn line(&self, address: &Address<'_>) -> Option<Line> {
        let lines = if address.local { &self.profile.context } else { &self.profile.trunk };
        lines.iter().find(|line| line.name.eq_ignore_ascii_case(address.line)).cloned()
    }

    /// The fate of a call on a known line. What people do depends on the seed, the number, and how often it was
    /// dialled: not on who else is dialled when.
    fn decide(&mut self, line: &Line, local: bool, number: &str) -> Fate {
        let in_use = self.lines_in_use.get(&line_key(local, &line.name)).copied().unwrap_or_default();
        if line.limit > 0 && in_use >= line.limit {
            return Fate::Refuse { ring: None, cause: 34 };
        }
        let hour = usize::try_from(self.now.unix.as_secs() / 3600 % 24).unwrap_or_default();
        if line.numbers != Numbers::People {
            return numbers::fate(line.numbers, number, &self.profile.people, hour, &mut self.rng);
        }
        let times = self.dialled.entry(number.to_owned()).or_default();
        *times += 1;
        let bytes = number.bytes().chain(times.to_le_bytes()).chain(self.seed.to_le_bytes());
        // FNV-1a: any hash that stays the same will do.
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut rng = fastrand::Rng::with_seed(hash);
        numbers::fate(line.numbers, number, &self.profile.people, hour, &mut rng)
    }

    /// `Local/` to an extension for answered calls: it answers at once, and stays.
    fn dialplan_fate(&self, context: &str, exten: &str) -> Fate {
        match self.extension(context, exten, "1") {
            Some(destination) => Fate::Answer {
                ring: Duration::ZERO,
                early_media: false,
                stay: Some(seconds(destination.stay_s)),
                machine: false,
            },
            None => Fate::NoSuchNumber,
        }
    }

    /// Caller ID, account and variables: on both halves, set in the reverse of their order.
    fn dress(&mut self, originate: &Originate, one: &str, two: Option<&str>) {
        for key in std::iter::once(one).chain(two) {
            let Some(channel) = self.channels.get_mut(key) else { continue };
            channel.account.clone_from(&originate.account);
            channel.caller = originate.caller.clone();
            channel.connected = originate.caller.clone();
            for (name, value) in originate.variables.iter().rev().flat_map(|header| variables(header)) {
                channel.set(&name, &value);
            }
        }
    }
}

pub(super) fn line_key(local: bool, line: &str) -> String {
    format!("{}{line}", if local { "Local/" } else { "PJSIP/" })
}
