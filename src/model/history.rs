//! What was seen of one call, in the order in which it was heard: the result line's `history_events`.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::time::Timestamp;

/// Events that are kept of one call, at most. A call has about ten; what is beyond is counted.
const MOST: usize = 64;
/// Characters that are kept of a text that came from elsewhere, at most.
const LONGEST: usize = 200;

/// The events of one call. What nobody saw is absent: events that a lost connection, or a restart of astout, has
/// swallowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    events: Vec<Seen>,
    /// Events that are not kept.
    more: u32,
}

/// One event: a JSON object of `tm`, `event` and what that event tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// When it was heard, by the clock that the call's other times go by.
    pub tm: Option<Timestamp>,
    /// Asterisk's name of it, or what astout did.
    pub event: &'static str,
    /// The channel that it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_name: Option<String>,
    /// Whether that channel is up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up: Option<bool>,
    /// Of DialEnd: `ANSWER`, `BUSY`, `CONGESTION`, or `OTHER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_status: Option<&'static str>,
    /// Of OriginateResponse: `Success` or `Failure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<&'static str>,
    /// Of a Failure: its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<u32>,
    /// Of a hangup: its cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<u32>,
    /// The same, or a refusal, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Of `More`: how many events are not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

impl Seen {
    /// An event of that name.
    pub fn named(event: &'static str) -> Self {
        Self { event, ..Self::default() }
    }

    /// The same with a text from elsewhere.
    #[must_use]
    pub fn told(self, detail: &str) -> Self {
        Self { detail: Some(cut(detail)), ..self }
    }

    /// The same with the name of a channel.
    #[must_use]
    pub fn of(self, channel: &str) -> Self {
        Self { channel_name: Some(cut(channel)), ..self }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

impl History {
    /// Of a call that an earlier run of astout has left: what that run saw is not known any more.
    pub fn resumed() -> Self {
        Self { events: vec![Seen::named("Resumed")], more: 0 }
    }

    /// Adds an event.
    pub fn add(&mut self, at: Timestamp, seen: Seen) {
        if self.events.len() < MOST {
            self.events.push(Seen { tm: Some(at), ..seen });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let more = (self.more > 0).then(|| Seen { count: Some(self.more), ..Seen::named("More") });
        let mut seq = serializer.serialize_seq(Some(self.events.len() + usize::from(more.is_some())))?;
        for seen in self.events.iter().chain(&more) {
            seq.serialize_element(seen)?;
        }
        seq.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_many_events_keeps_the_first_and_says_how_many_more_there_were() {
        let mut history = History::resumed();
        let at = Timestamp::from_micros(0);
        for _ in 0..1000 {
            history.add(at, Seen::named("DialBegin").told(&"ü".repeat(10_000)));
        }
        let json = serde_json::to_value(&history).unwrap();
        let events = json.as_array().unwrap();
        assert_eq!((events.len(), &events[0]), (65, &serde_json::json!({ "tm": null, "event": "Resumed" })));
        assert_eq!(events[1]["detail"].as_str().unwrap().chars().count(), 200);
        assert_eq!(events[64], serde_json::json!({ "tm": null, "event": "More", "count": 937 }));
    }
}
