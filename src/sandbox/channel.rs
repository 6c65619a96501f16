//! A channel as AMI shows it: the block of headers that every event of a channel carries, and its variables.

use std::collections::BTreeMap;
use std::time::Duration;

use super::world::Owner;
use crate::ami::MessageBuilder;

/// What AMI writes where nothing is known.
pub(super) const UNKNOWN: &str = "<unknown>";

/// The states that a channel of ours goes through (`include/asterisk/channelstate.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Down,
    /// It calls somebody: the half of a Local channel that runs the dialplan.
    Ring,
    /// Somebody is called by it.
    Ringing,
    Up,
    Busy,
}

impl State {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Down => "0",
            Self::Ring => "4",
            Self::Ringing => "5",
            Self::Up => "6",
            Self::Busy => "7",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Down => "Down",
            Self::Ring => "Ring",
            Self::Ringing => "Ringing",
            Self::Up => "Up",
            Self::Busy => "Busy",
        }
    }
}

/// One channel.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) uniqueid: String,
    pub(super) linkedid: String,
    pub(super) state: State,
    pub(super) caller: Party,
    pub(super) connected: Party,
    pub(super) account: String,
    pub(super) context: String,
    pub(super) exten: String,
    pub(super) priority: String,
    pub(super) application: String,
    pub(super) data: String,
    pub(super) bridge: String,
    pub(super) created: Duration,
    pub(super) answered: Option<Duration>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) owner: Owner,
}

/// A number and a name, each maybe unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Party {
    pub(super) number: Option<String>,
    pub(super) name: Option<String>,
}

impl Party {
    /// Reads `"Sales" <5551000>`, `Sales <5551000>` or a bare number, as Asterisk's `ast_callerid_parse` does.
    pub(super) fn parse(text: &str) -> Self {
        let some = |part: &str| (!part.is_empty()).then(|| part.to_owned());
        if let Some((name, rest)) = text.split_once('<') {
            let number = rest.split('>').next().unwrap_or_default();
            let name = name.trim().trim_matches('"').trim();
            return Self { number: some(number.trim()), name: some(name) };
        }
        let text = text.trim().trim_matches('"');
        let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "+*#-() ".contains(c));
        if is_number {
            Self { number: some(text), name: None }
        } else {
            Self { number: None, name: some(text) }
        }
    }

    pub(super) fn number(&self) -> &str {
        self.number.as_deref().unwrap_or(UNKNOWN)
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(UNKNOWN)
    }
}

impl Channel {
    /// Appends the block, each name behind `prefix` (`Dest`, `LocalOne`, `Parkee` …).
    pub(super) fn headers(&self, prefix: &str, message: MessageBuilder) -> MessageBuilder {
        let fields: [(&str, &str); 14] = [
            ("Channel", &self.name),
            ("ChannelState", self.state.code()),
            ("ChannelStateDesc", self.state.word()),
            ("CallerIDNum", self.caller.number()),
            ("CallerIDName", self.caller.name()),
            ("ConnectedLineNum", self.connected.number()),
            ("ConnectedLineName", self.connected.name()),
            ("Language", "en"),
            ("AccountCode", &self.account),
            ("Context", &self.context),
            ("Exten", &self.exten),
            ("Priority", &self.priority),
            ("Uniqueid", &self.uniqueid),
            ("Linkedid", &self.linkedid),
        ];
        let mut name = String::with_capacity(prefix.len() + 17);
        fields.into_iter().fold(message, |message, (field, value)| {
            name.clear();
            name.push_str(prefix);
            name.push_str(field);
            message.header(&name, value)
        })
    }

    /// The value of a variable or of one of the few functions that are known; empty where it is not set.
    pub(super) fn variable(&self, name: &str) -> String {
        let own = match name.to_ascii_uppercase().as_str() {
            "UNIQUEID" | "CHANNEL(UNIQUEID)" => Some(self.uniqueid.clone()),
            "CHANNEL" | "CHANNEL(NAME)" => Some(self.name.clone()),
            "CHANNEL(LINKEDID)" => Some(self.linkedid.clone()),
            "CHANNEL(STATE)" => Some(self.state.word().to_owned()),
            "EXTEN" => Some(self.exten.clone()),
            "CONTEXT" => Some(self.context.clone()),
            "PRIORITY" => Some(self.priority.clone()),
            "CALLERID(NUM)" | "CALLERID(ANI)" => Some(self.caller.number.clone().unwrap_or_default()),
            "CALLERID(NAME)" => Some(self.caller.name.clone().unwrap_or_default()),
            _ => None,
        };
        own.or_else(|| self.variables.get(name).cloned()).unwrap_or_default()
    }

    /// Sets a variable; the two functions that set a caller ID do so. `_` and `__` say that a channel's children get
    /// it too, and are no part of its name when it is read.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        match name.to_ascii_uppercase().as_str() {
            "CALLERID(NUM)" => self.caller.number = Some(value.to_owned()),
            "CALLERID(NAME)" => self.caller.name = Some(value.to_owned()),
            _ => {
                let name = name.strip_prefix("__").or_else(|| name.strip_prefix('_')).unwrap_or(name);
                self.variables.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// Splits a `Variable` header as Asterisk does the arguments of an application: at commas, outside of quotes, which
/// are taken away; a backslash takes the meaning from the character behind it. Parts without `=` are ignored.
pub(super) fn variables(header: &str) -> Vec<(String, String)> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = header.chars();
    while let Some(c) = characters.next() {
        let part = match c {
            ',' if !quoted => {
                parts.push(String::new());
                continue;
            }
            '"' => {
                quoted = !quoted;
                continue;
            }
            '\\' => characters.next(),
            _ => Some(c),
        };
        if let Some(last) = parts.last_mut() {
            last.extend(part);
        }
    }
    let pairs = parts.iter().filter_map(|part| part.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.to_owned())).collect()
}

/// The words of a hangup cause (`main/channel.c`, `causes`).
pub(super) fn cause_text(cause: u32) -> &'static str {
    match cause {
        1 => "Unallocated (unassigned) number",
        2 => "No route to specified transit network",
        3 => "No route to destination",
        5 => "Misdialled trunk prefix",
        6 => "Channel unacceptable",
        7 => "Call awarded and being delivered in an established channel",
        8 => "Pre-empted",
        14 => "Number ported elsewhere",
        16 => "Normal Clearing",
        17 => "User busy",
        18 => "No user responding",
        19 => "User alerting, no answer",
        20 => "Subscriber absent",
        21 => "Call Rejected",
        22 => "Number changed",
        23 => "Redirected to new destination",
        26 => "Answered elsewhere",
        27 => "Destination out of order",
        28 => "Invalid number format",
        29 => "Facility rejected",
        30 => "Response to STATus ENQuiry",
        31 => "Normal, unspecified",
        34 => "Circuit/channel congestion",
        38 => "Network out of order",
        41 => "Temporary failure",
        42 => "Switching equipment congestion",
        43 => "Access information discarded",
        44 => "Requested channel not available",
        50 => "Facility not subscribed",
        52 => "Outgoing call barred",
        54 => "Incoming call barred",
        57 => "Bearer capability not authorized",
        58 => "Bearer capability not available",
        65 => "Bearer capability not implemented",
        66 => "Channel not implemented",
        69 => "Facility not implemented",
        81 => "Invalid call reference value",
        88 => "Incompatible destination",
        95 => "Invalid message unspecified",
        96 => "Mandatory information element missing",
        97 => "Message type nonexist.",
        98 => "Wrong message",
        99 => "Info. element nonexist or not implemented",
        100 => "Invalid information element contents",
        101 => "Message not compatible with call state",
        102 => "Recover on timer expiry",
        103 => "Mandatory IE length error",
        111 => "Protocol error, unspecified",
        127 => "Interworking, unspecified",
        _ => "Unknown",
    }
}

/// `TechCause` of a PJSIP channel: the SIP answer that goes with a cause; `None` where no header is written.
pub(super) fn sip_code(cause: u32) -> Option<&'static str> {
    match cause {
        1 => Some("404"),
        17 => Some("486"),
        18 => Some("408"),
        19 => Some("480"),
        21 => Some("603"),
        27 | 3 => Some("404"),
        34 => Some("503"),
        38 | 41 => Some("500"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(header: &str) -> Vec<(String, String)> {
        variables(header)
    }

    #[test]
    fn variables_are_split_as_asterisk_splits_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs("A=1,B=2"), [pair("A", "1"), pair("B", "2")]);
        assert_eq!(pairs(r#"A="x,y""#), [pair("A", "x,y")]);
        assert_eq!(pairs(r"A=p\,q"), [pair("A", "p,q")]);
        assert_eq!(pairs("EQ=a=b"), [pair("EQ", "a=b")]);
        assert_eq!(pairs("E="), [pair("E", "")]);
        assert_eq!(pairs("noequals"), []);
        // Whatever came behind the comma is no variable: Asterisk keeps `two` and says nothing.
        assert_eq!(pairs("B=two, three"), [pair("B", "two")]);
        assert_eq!(
            pairs(r#"V=say \"hi\", C:\\dir"#.replace(", ", r"\, ").as_str()),
            [pair("V", r#"say "hi", C:\dir"#)]
        );
    }

    #[test]
    fn a_caller_id_is_a_name_a_number_or_both() {
        let party = |number: Option<&str>, name: Option<&str>| Party {
            number: number.map(str::to_owned),
            name: name.map(str::to_owned),
        };
        assert_eq!(Party::parse("\"Sales\" <5551000>"), party(Some("5551000"), Some("Sales")));
        assert_eq!(Party::parse("5551000"), party(Some("5551000"), None));
        assert_eq!(Party::parse("Sales"), party(None, Some("Sales")));
        assert_eq!(Party::parse(""), party(None, None));
    }
}
