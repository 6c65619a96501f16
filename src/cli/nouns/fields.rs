//! The one table of what can be said of nouns on the command line: an option for each field that `create` and `update`
//! take. What a field may hold is checked by the daemon, which names the field and what is allowed.

use crate::config::suggestion;
use crate::model::refusal::NounKind;

/// A field of a noun.
#[derive(Debug)]
pub(super) struct Field {
    /// Its header in the actions `Out…Create` and `Out…Update`.
    pub(super) name: &'static str,
    pub(super) value: Value,
    /// For people, with what is allowed and what holds where it is not given.
    pub(super) help: &'static str,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, a number, a code: shown in the help as that word.
    Of(&'static str),
    /// A time, handed on in milliseconds: that many, or with its unit.
    Millis,
    /// The uuid of such a noun, which may be cut short.
    Uuid(NounKind),
    /// A `NAME=value`, as often as there are variables.
    Variables,
}

/// Below this a time in bare milliseconds is more likely meant in seconds.
const SHORTEST_BARE_MS: u64 = 1000;

/// The milliseconds of a time. What is none is handed on as it is: the daemon says what is allowed.
pub(super) fn millis(field: &Field, text: &str) -> Result<String, String> {
    let number = |digits: &str| digits.trim_end().parse::<u64>().ok();
    let ms = if let Some(digits) = text.strip_suffix("ms") {
        number(digits)
    } else if let Some(digits) = text.strip_suffix('s') {
        number(digits).and_then(|seconds| seconds.checked_mul(1000))
    } else {
        match number(text) {
            Some(ms @ 1..SHORTEST_BARE_MS) => {
                return Err(format!(
                    "--{} {ms}: a bare number is milliseconds; say {ms}s for seconds, or {ms}ms if that is meant",
                    field.option()
                ));
            }
            ms => ms,
        }
    };
    Ok(ms.map_or_else(|| text.to_owned(), |ms| ms.to_string()))
}

const fn field(name: &'static str, value: &'static str, help: &'static str) -> Field {
    Field { name, value: Value::Of(value), help }
}

const fn uuid(name: &'static str, kind: NounKind, help: &'static str) -> Field {
    Field { name, value: Value::Uuid(kind), help }
}

const NAME: Field = field("Name", "TEXT", "For people");
const DETAIL: Field = field("Detail", "TEXT", "For people");
const VARIABLES: Field = Field {
    name: "Variable",
    value: Value::Variables,
    help: "Set on its channels; may be given several times; dl overrides destination, dlma and plan",
};

const CAMPAIGN: &[Field] = &[
    NAME,
    DETAIL,
    uuid("Plan", NounKind::Plan, "How it dials"),
    uuid("Dlma", NounKind::Dlma, "Whom it dials"),
    uuid("Dest", NounKind::Destination, "Where answered calls go"),
    field("Weight", "1-100", "Its share where campaigns compete [default: 1]"),
    uuid(
        "NextCampaign",
        NounKind::Campaign,
        "Starts when this one's list has ended, not when somebody stops it",
    ),
    field("ScMode", "0|1", "1: it starts and stops by its schedule [default: 0]"),
    field("ScTimeStart", "hh:mm:ss", "From when on its window is open, each day that is admitted"),
    field("ScTimeEnd", "hh:mm:ss", "Until when; before the start: on the next day"),
    field("ScDateStart", "YYYY-MM-DD", "The first date"),
    field("ScDateEnd", "YYYY-MM-DD", "The last date"),
    field("ScDateList", "DATES", "Dates that are admitted whatever else is set: 2026-12-01, 2026-12-02"),
    field("ScDateListExcept", "DATES", "Dates that are not"),
    field("ScDayList", "DAYS", "Days of the week from 0, Sunday, to 6: 1, 2, 3"),
    field("ScTimezone", "ZONE", "Of those times and dates: Europe/Berlin [default: UTC]"),
];

const PLAN: &[Field] = &[
    NAME,
    DETAIL,
    field("DialMode", "0-4", "0 none, 1 predictive, 2 progressive, 3 power, 4 preview [default: 1]"),
    field("PowerRatio", "RATIO", "With --dial-mode 3: lines a free agent, such as 1.5 [default: 1]"),
    Field {
        name: "DialTimeout",
        value: Value::Millis,
        help: "How long a number may ring: 30s, or in milliseconds, 30000 or 30000ms [default: 30000]",
    },
    field("CallerId", "ID", "\"Name\" <number>, or a number"),
    field("DlEndHandle", "0|1", "At the end of the list: 0 stay started, 1 stop the campaign [default: 1]"),
    field("TechName", "TECH", "The channel technology: PJSIP, Local …"),
    field("TrunkName", "TRUNK", "The trunk, or the context of Local; goes behind the number as @TRUNK"),
    field("ServiceLevel", "CALLS", "Calls beyond the free agents of a queue [default: 0]"),
    field(
        "AbandonTarget",
        "PERCENT",
        "How many of the calls that people answer may get no agent [default: 3]",
    ),
    field("AbandonWindow", "WINDOW", "Over what: day, month, rolling-30d, calls [default: day]"),
    field("AbandonAfter", "SECONDS", "After how long without an agent a call counts so [default: 2]"),
    field("MinRing", "SECONDS", "No call is given up that has rung for less [default: 15]"),
    uuid("AbandonDest", NounKind::Destination, "Takes a callee whom no agent can"),
    field("CountAmdFalsePositives", "0|1", "1: people taken for machines count as abandoned [default: 0]"),
    field("RetryDelay", "SECONDS", "From the end of a contact's last try to its next [default: 60]"),
    field(
        "RetryDelayBusy",
        "SECONDS…",
        "The same after a busy number; growing where several are given: \"60 300 900\"",
    ),
    field("RetryDelayNoAnswer", "SECONDS…", "The same where nobody answered"),
    field("RetryDelayCongestion", "SECONDS…", "The same after congestion"),
    field("RetryDelayFailed", "SECONDS…", "The same after any other failure"),
    field("TrunkFaultRetries", "TRIES", "Further tries after faults of the trunk or ours"),
    field(
        "ContactCap",
        "CAPS",
        "At most so many attempts a contact in any such period: 3/1d, or \"3/1d 7/7d\" [default: none]",
    ),
    field("NumberCap", "CAPS", "The same a number, whosever it is"),
    field(
        "CallingHours",
        "HOURS",
        "When, by the callee's own clock: \"mon-fri 08:00-21:00, sat 10:00-18:00\" [default: at any time]",
    ),
    field("Holidays", "DATES", "Dates on which nobody is called: \"12-25, 2026-04-03\""),
    field("MaxRetry1", "TRIES", "The tries of number 1 in all; 0 never dials it [default: 5]"),
    field("MaxRetry2", "TRIES", "The same of number 2"),
    field("MaxRetry3", "TRIES", "The same of number 3"),
    field("MaxRetry4", "TRIES", "The same of number 4"),
    field("MaxRetry5", "TRIES", "The same of number 5"),
    field("MaxRetry6", "TRIES", "The same of number 6"),
    field("MaxRetry7", "TRIES", "The same of number 7"),
    field("MaxRetry8", "TRIES", "The same of number 8"),
    field(
        "EarlyMedia",
        "yes|no",
        "Whether what is played before the answer counts as an answer [default: no]",
    ),
    field("Codecs", "CODECS", "The codecs to offer, such as ulaw,alaw [default: Asterisk's own choice]"),
    field("UuiField", "NAME", "What is sent along: Name, Detail, UKey, UData, Email, or a variable"),
    VARIABLES,
];

const DLMA: &[Field] = &[NAME, DETAIL, VARIABLES];

const DESTINATION: &[Field] = &[
    NAME,
    DETAIL,
    field("Type", "0|1", "0 a place in the dialplan, 1 an application [default: 0]"),
    field("Exten", "EXTEN", "Type 0: the extension"),
    field("Context", "CONTEXT", "Type 0: the context"),
    field("Priority", "PRIORITY", "Type 0: the priority's number or label [default: 1]"),
    field("Application", "NAME", "Type 1: the application: Queue, Park, Playback …"),
    field("Data", "DATA", "Type 1: its data, such as the name of the queue"),
    field("Queue", "NAME", "Type 0: the queue that its dialplan leads to, whose agents calls are paced by"),
    uuid("Failover", NounKind::Destination, "Takes the calls that this one cannot take"),
    VARIABLES,
];

const DL: &[Field] = &[
    uuid("DlmaUuid", NounKind::Dlma, "The dial list it belongs to"),
    NAME,
    DETAIL,
    field("Number1", "NUMBER", "The number that is tried first; a contact has at least one"),
    field("Number2", "NUMBER", "Tried once the first is out of tries, and so on"),
    field("Number3", "NUMBER", "A further number"),
    field("Number4", "NUMBER", "A further number"),
    field("Number5", "NUMBER", "A further number"),
    field("Number6", "NUMBER", "A further number"),
    field("Number7", "NUMBER", "A further number"),
    field("Number8", "NUMBER", "A further number"),
    field("UKey", "TEXT", "Your own key, once in a list"),
    field("UData", "TEXT", "Your own data"),
    field("Email", "TEXT", "An address"),
    field(
        "TimeZone",
        "ZONE",
        "By whose clock it is called: Europe/Berlin [default: as its number's prefix says]",
    ),
    field("Status", "0|2", "2: held, it is not dialled; 0: released"),
    VARIABLES,
];

/// The fields of that kind of noun; none where it cannot be created.
pub(super) const fn of(kind: NounKind) -> &'static [Field] {
    match kind {
        NounKind::Campaign => CAMPAIGN,
        NounKind::Plan => PLAN,
        NounKind::Dlma => DLMA,
        NounKind::Destination => DESTINATION,
        NounKind::Dl => DL,
        NounKind::Dialing => &[],
    }
}

/// Why `--set` cannot give that field; `options` are those that the verb has.
pub(super) fn unknown(kind: NounKind, given: &str, options: impl Fn(&str) -> bool) -> Option<String> {
    // A plan's entries show its tries by the original's name, which is taken as well.
    let shown = MAX_RETRY_CNT.into_iter().filter(|_| kind == NounKind::Plan);
    let uuid = options("uuid").then_some("Uuid");
    let named = of(kind).iter().map(|field| field.name).filter(|name| options(name));
    let known: Vec<&str> = named.chain(uuid).chain(shown).collect();
    if known.iter().any(|name| name.eq_ignore_ascii_case(given)) {
        return None;
    }
    let what = suggestion(given, known.into_iter());
    Some(format!("--set {given}: a {} has no such field; {what}", kind.word()))
}

const MAX_RETRY_CNT: [&str; 8] = [
    "MaxRetryCnt1",
    "MaxRetryCnt2",
    "MaxRetryCnt3",
    "MaxRetryCnt4",
    "MaxRetryCnt5",
    "MaxRetryCnt6",
    "MaxRetryCnt7",
    "MaxRetryCnt8",
];

impl Field {
    /// Its option: `DialMode` is `--dial-mode`, `DlmaUuid` is `--dlma`.
    pub(super) fn option(&self) -> String {
        let name = self.name.strip_suffix("Uuid").unwrap_or(self.name);
        let mut option = String::new();
        let mut after_lower = false;
        for c in name.chars() {
            if c.is_ascii_uppercase() && after_lower {
                option.push('-');
            }
            after_lower = c.is_ascii_lowercase();
            option.push(c.to_ascii_lowercase());
        }
        option
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_milliseconds_that_can_hardly_be_meant_as_seconds() {
        let field = PLAN.iter().find(|field| field.name == "DialTimeout").unwrap();
        for (text, ms) in [("30s", "30000"), ("30000ms", "30000"), ("30000", "30000"), ("500ms", "500")] {
            assert_eq!(millis(field, text).as_deref(), Ok(ms), "{text}");
        }
        for text in ["", "0", "soon", "s", "-5s", "99999999999999999s"] {
            let handed_on = millis(field, text).unwrap();
            assert!(handed_on == text, "the daemon refuses it by its own words: {text}");
        }
        let why = millis(field, "30").unwrap_err();
        assert!(
            why.starts_with("--dial-timeout 30: ") && why.contains("30s") && why.contains("30ms"),
            "{why}"
        );
    }

    #[test]
    fn a_field_that_is_not_there_is_told_with_the_one_that_may_be_meant() {
        for kind in [NounKind::Campaign, NounKind::Plan, NounKind::Dlma, NounKind::Dl, NounKind::Destination]
        {
            for field in of(kind) {
                assert_eq!(unknown(kind, field.name, |_| true), None);
                assert_eq!(unknown(kind, &field.name.to_lowercase(), |_| true), None);
            }
        }
        let wrong = unknown(NounKind::Plan, "MaxRetrys1", |_| true).unwrap();
        assert!(wrong.contains("did you mean \"MaxRetry1\"?"), "{wrong}");
        assert_eq!(unknown(NounKind::Plan, "MaxRetryCnt8", |_| true), None);
        let wrong = unknown(NounKind::Dlma, "Colour", |option| option != "uuid").unwrap();
        assert!(wrong.ends_with("allowed: Name, Detail, Variable"), "{wrong}");
        assert!(unknown(NounKind::Dl, "DlmaUuid", |option| option != "DlmaUuid").is_some());
    }

    #[test]
    fn options_are_the_fields_in_small_letters() {
        for (name, option) in [
            ("Name", "name"),
            ("DialMode", "dial-mode"),
            ("ScDateListExcept", "sc-date-list-except"),
            ("UKey", "ukey"),
            ("UuiField", "uui-field"),
            ("Number1", "number1"),
            ("DlmaUuid", "dlma"),
        ] {
            assert_eq!(field(name, "", "").option(), option);
        }
    }
}
