//! Where an answered call goes, and what it does there: an application, or an extension of the profile.

use super::call::Step;
use super::channel::cause_text;
use super::profile::{Destination, seconds};
use super::world::{Due, World};
use crate::ami::event::event;
use crate::ami::{Class, MessageBuilder};

/// The spaces of the parking lot.
const PARKING: std::ops::RangeInclusive<u32> = 701..=799;

/// What an Originate asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Application { name: String, data: String },
    Exten { context: String, exten: String, priority: String },
}

/// Where a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Not answered yet.
    Dialling,
    /// In an application that asks nothing of anybody.
    Application,
    Parked {
        space: u32,
    },
    /// It waits in a queue; `ring` counts how often agents were rung for it, and is odd while they are.
    Waiting {
        queue: String,
        since: std::time::Duration,
        ring: u64,
    },
    /// With an agent.
    Talking {
        queue: String,
        member: u32,
    },
}

impl World {
    /// The extension of that name, where it has that priority.
    pub(super) fn extension(&self, context: &str, exten: &str, priority: &str) -> Option<&Destination> {
        self.profile.destination.iter().find(|destination| {
            destination.context.eq_ignore_ascii_case(context)
                && (destination.exten == "*" || destination.exten == exten)
                && destination.priority.to_string() == priority
        })
    }

    /// Whether a call could be sent there: an extension of the profile, or a telephone's.
    pub(super) fn exists(&self, context: &str, exten: &str, priority: &str) -> bool {
        self.extension(context, exten, priority).is_some()
    }

    /// An answered call begins what it was answered for.
    pub(super) fn enter(&mut self, n: u64) {
        let Some(call) = self.calls.get_mut(&n) else { return };
        call.place = Place::Application;
        let (one, target) = (call.one.clone(), call.originate.target.clone());
        match target {
            Target::Application { name, data } => self.enter_application(n, &one, &name, &data),
            Target::Exten { context, exten, priority } => {
                if let Some(channel) = self.channels.get_mut(&one) {
                    (channel.context, channel.exten, channel.priority) =
                        (context.clone(), exten.clone(), priority.clone());
                }
                let Some(destination) = self.extension(&context, &exten, &priority).cloned() else {
                    return self.hang_up(n, 0);
                };
                if !destination.user_event.is_empty() {
                    self.show(&one, &destination.user_event);
                }
                self.run_application(&one, "Wait", &destination.stay_s.to_string());
                self.through(n, destination.stay_s, 16);
            }
        }
    }

    fn enter_application(&mut self, n: u64, one: &str, name: &str, data: &str) {
        self.run_application(one, name, data);
        let first = data.split(',').next().unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            "queue" => self.join(n, first),
            "park" => self.park(n, one),
            "playback" | "background" => self.through(n, self.profile.asterisk.playback_s, 0),
            "wait" => self.through(n, first.parse().unwrap_or_default(), 0),
            "hangup" => {
                let cause = first.parse().ok().filter(|cause| cause_text(*cause) != "Unknown").unwrap_or(16);
                self.through(n, 0.0, cause);
            }
            "echo" | "confbridge" | "musiconhold" | "waitexten" | "stasis" => {}
            // Over at once; and what is no application is an answered call that ends at once, too.
            _ => self.through(n, 0.0, 0),
        }
    }

    /// Hangs the call up after so many seconds.
    fn through(&mut self, n: u64, after_s: f64, cause: u32) {
        if after_s > 0.0 {
            self.after(seconds(after_s), Due::Call(n, Step::Through { cause }));
        } else {
            self.hang_up(n, cause);
        }
    }

    /// The lab's extension that shows what a call brought with it.
    fn show(&mut self, one: &str, name: &str) {
        let Some(channel) = self.channels.get(one).cloned() else { return };
        let message = event("UserEvent", Class::User);
        let mut message = channel.headers("", message).header("UserEvent", name);
        for variable in ["V1", "V2", "V3", "V4"] {
            message = message.header(variable, channel.variable(variable));
        }
        let message = message
            .header("CallerIDNum", channel.variable("CALLERID(num)"))
            .header("CallerIDName", channel.variable("CALLERID(name)"))
            .header("Uniqueid", &channel.uniqueid);
        self.event(Class::User, message);
    }

    fn park(&mut self, n: u64, one: &str) {
        let Some(space) = PARKING.into_iter().find(|space| !self.parked.contains(space)) else {
            return self.hang_up(n, 0);
        };
        self.parked.insert(space);
        if let Some(call) = self.calls.get_mut(&n) {
            call.place = Place::Parked { space };
        }
        self.parking_event("ParkedCall", one, space);
        self.about("MusicOnHoldStart", Class::Call, one, |message| message.header("Class", "default"));
        self.through(n, self.profile.asterisk.parking_s.max(0.001), 16);
    }

    fn parking_event(&mut self, name: &str, one: &str, space: u32) {
        let Some(channel) = self.channels.get(one) else { return };
        let dial_string = channel.name.rsplit_once('-').map_or(channel.name.as_str(), |(name, _)| name);
        let message: MessageBuilder = channel
            .headers("Parkee", event(name, Class::Call))
            .header("ParkerDialString", dial_string)
            .header("Parkinglot", "default")
            .header("ParkingSpace", space.to_string())
            .header("ParkingTimeout", self.profile.asterisk.parking_s.to_string())
            .header("ParkingDuration", "0");
        self.event(Class::Call, message);
    }

    /// A call is about to be hung up: it leaves where it is.
    pub(super) fn leave(&mut self, n: u64, cause: u32) {
        let Some(call) = self.calls.get_mut(&n) else { return };
        let (one, place) = (call.one.clone(), std::mem::replace(&mut call.place, Place::Application));
        match place {
            Place::Dialling | Place::Application => {}
            Place::Parked { space } => {
                self.parked.remove(&space);
                self.about("MusicOnHoldStop", Class::Call, &one, |message| message);
                self.parking_event("ParkedCallGiveUp", &one, space);
            }
            Place::Waiting { queue, since, .. } => self.abandon(n, &one, &queue, since),
            Place::Talking { queue, member } => self.end_talk(&queue, member, "caller", cause),
        }
    }
}
