//! Who may have what relayed: a table of Asterisk's actions and the classes that each asks for, as Asterisk's own
//! `ListCommands` has them.
//!
//! Asterisk checks only its user, which is ours; so the operator is checked here. Stricter than Asterisk in three things:
//! actions that change something and that it lets everybody use ask for a class; a CLI line that does more than `… show …`
//! asks for `system` beside `command`, for it can stop Asterisk, or dial past `[policy]`; and an action that is not in the
//! table asks for every class.

use crate::ami::{Class, Privileges};

/// A name, and the classes of which any one is enough; none is needed where there are none.
type Row = (&'static str, &'static [Class]);

/// As Asterisk 22 has them.
const AS_ASTERISK: &[Row] = &[
    ("AbsoluteTimeout", &[Class::System, Class::Call]),
    ("AgentLogoff", &[Class::Agent]),
    ("Agents", &[Class::Agent]),
    ("AGI", &[Class::Agi]),
    ("AOCMessage", &[Class::Aoc]),
    ("Atxfer", &[Class::Call]),
    ("BlindTransfer", &[Class::Call]),
    ("Bridge", &[Class::Call]),
    ("BridgeInfo", &[]),
    ("BridgeList", &[]),
    ("BridgeTechnologyList", &[]),
    ("CancelAtxfer", &[Class::Call]),
    ("Command", &[Class::Command]),
    ("ConfbridgeKick", &[Class::Call]),
    ("ConfbridgeList", &[Class::Reporting]),
    ("ConfbridgeListRooms", &[Class::Reporting]),
    ("ConfbridgeLock", &[Class::Call]),
    ("ConfbridgeMute", &[Class::Call]),
    ("ConfbridgeSetSingleVideoSrc", &[Class::Call]),
    ("ConfbridgeStartRecord", &[Class::System]),
    ("ConfbridgeStopRecord", &[Class::System]),
    ("ConfbridgeUnlock", &[Class::Call]),
    ("ConfbridgeUnmute", &[Class::Call]),
    ("ControlPlayback", &[Class::Call]),
    ("CoreSettings", &[Class::System, Class::Reporting]),
    ("CoreShowChannelMap", &[Class::System, Class::Reporting]),
    ("CoreShowChannels", &[Class::System, Class::Reporting]),
    ("CoreStatus", &[Class::System, Class::Reporting]),
    ("CreateConfig", &[Class::Config]),
    ("DBDel", &[Class::System]),
    ("DBDelTree", &[Class::System]),
    ("DBGet", &[Class::System, Class::Reporting]),
    ("DBGetTree", &[Class::System, Class::Reporting]),
    ("DBPut", &[Class::System]),
    ("DeviceStateList", &[Class::Call, Class::Reporting]),
    ("DialplanExtensionAdd", &[Class::System]),
    ("DialplanExtensionRemove", &[Class::System]),
    ("ExtensionState", &[Class::Call, Class::Reporting]),
    ("ExtensionStateList", &[Class::Call, Class::Reporting]),
    ("FAXSession", &[Class::Call]),
    ("FAXSessions", &[Class::Call]),
    ("FAXStats", &[Class::Reporting]),
    ("GetConfig", &[Class::System, Class::Config]),
    ("GetConfigJSON", &[Class::System, Class::Config]),
    ("Getvar", &[Class::Call, Class::Reporting]),
    ("Hangup", &[Class::System, Class::Call]),
    ("IAXnetstats", &[Class::System, Class::Reporting]),
    ("IAXpeerlist", &[Class::System, Class::Reporting]),
    ("IAXpeers", &[Class::System, Class::Reporting]),
    ("IAXregistry", &[Class::System, Class::Reporting]),
    ("JabberSend", &[Class::System]),
    ("ListCategories", &[Class::Config]),
    ("LocalOptimizeAway", &[Class::System, Class::Call]),
    ("LoggerRotate", &[Class::System, Class::Reporting]),
    ("MailboxCount", &[Class::Call, Class::Reporting]),
    ("MailboxStatus", &[Class::Call, Class::Reporting]),
    ("MeetmeList", &[Class::Reporting]),
    ("MeetmeListRooms", &[Class::Reporting]),
    ("MeetmeMute", &[Class::Call]),
    ("MeetmeUnmute", &[Class::Call]),
    ("MessageSend", &[Class::Message]),
    ("MixMonitor", &[Class::System]),
    ("MixMonitorMute", &[Class::System, Class::Call]),
    ("ModuleCheck", &[Class::System]),
    ("ModuleLoad", &[Class::System]),
    ("MuteAudio", &[Class::System]),
    ("MWIDelete", &[Class::Call, Class::Reporting]),
    ("MWIGet", &[Class::Call, Class::Reporting]),
    ("MWIUpdate", &[Class::Call, Class::Reporting]),
    ("Originate", &[Class::Originate]),
    ("Park", &[Class::Call]),
    ("ParkedCalls", &[Class::Call]),
    ("Parkinglots", &[Class::Call]),
    ("PJSIPHangup", &[Class::System, Class::Call]),
    ("PJSIPNotify", &[Class::System]),
    ("PJSIPQualify", &[Class::System, Class::Reporting]),
    ("PJSIPRegister", &[Class::System, Class::Reporting]),
    ("PJSIPSetMaintenance", &[Class::System]),
    ("PJSIPShowAors", &[Class::System]),
    ("PJSIPShowAuths", &[Class::System]),
    ("PJSIPShowContacts", &[Class::System]),
    ("PJSIPShowEndpoint", &[Class::System]),
    ("PJSIPShowEndpoints", &[Class::System]),
    ("PJSIPShowMaintenance", &[Class::System, Class::Reporting]),
    ("PJSIPShowRegistrationInboundContactStatuses", &[Class::System]),
    ("PJSIPShowRegistrationsInbound", &[Class::System]),
    ("PJSIPShowRegistrationsOutbound", &[Class::System, Class::Reporting]),
    ("PJSIPShowResourceLists", &[Class::System]),
    ("PJSIPShowSubscriptionsInbound", &[Class::System]),
    ("PJSIPShowSubscriptionsOutbound", &[Class::System]),
    ("PJSIPUnregister", &[Class::System, Class::Reporting]),
    ("PlayDTMF", &[Class::Call]),
    ("PresenceState", &[Class::Call, Class::Reporting]),
    ("PresenceStateList", &[Class::Call, Class::Reporting]),
    ("QueueAdd", &[Class::Agent]),
    ("QueueLog", &[Class::Agent]),
    ("QueueMemberRingInUse", &[Class::Agent]),
    ("QueuePause", &[Class::Agent]),
    ("QueuePenalty", &[Class::Agent]),
    ("QueueRemove", &[Class::Agent]),
    ("QueueRule", &[]),
    ("QueueStatus", &[]),
    ("QueueSummary", &[]),
    ("Redirect", &[Class::Call]),
    ("Reload", &[Class::System, Class::Config]),
    ("SendFlash", &[Class::Call]),
    ("SendText", &[Class::Call]),
    ("Setvar", &[Class::Call]),
    ("ShowDialPlan", &[Class::Config, Class::Reporting]),
    ("SorceryMemoryCacheExpire", &[Class::System]),
    ("SorceryMemoryCacheExpireObject", &[Class::System]),
    ("SorceryMemoryCachePopulate", &[Class::System]),
    ("SorceryMemoryCacheStale", &[Class::System]),
    ("SorceryMemoryCacheStaleObject", &[Class::System]),
    ("Status", &[Class::System, Class::Call, Class::Reporting]),
    ("StopMixMonitor", &[Class::System, Class::Call]),
    ("UpdateConfig", &[Class::Config]),
    ("UserEvent", &[Class::User]),
    ("VoicemailBoxSummary", &[Class::Call, Class::Reporting]),
    ("VoicemailForward", &[Class::User]),
    ("VoicemailMove", &[Class::User]),
    ("VoicemailRefresh", &[Class::User]),
    ("VoicemailRemove", &[Class::User]),
    ("VoicemailUsersList", &[Class::Call, Class::Reporting]),
    ("VoicemailUserStatus", &[Class::Call, Class::Reporting]),
    ("WaitEvent", &[]),
];

/// Those that Asterisk lets everybody use though they change something.
const STRICTER: &[Row] = &[
    ("BridgeDestroy", &[Class::Call]),
    ("BridgeKick", &[Class::Call]),
    ("BridgeTechnologySuspend", &[Class::System]),
    ("BridgeTechnologyUnsuspend", &[Class::System]),
    ("QueueChangePriorityCaller", &[Class::Agent]),
    ("QueueReload", &[Class::Agent]),
    ("QueueReset", &[Class::Agent]),
    ("QueueWithdrawCaller", &[Class::Agent]),
];

/// Whether somebody may have an action relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// It goes to Asterisk.
    Granted,
    /// A class is missing.
    Denied,
    /// It is in no table, and so only for those who may everything; nobody else learns whether it exists.
    Unknown,
}

/// Whether somebody who `may` use these classes may have that action relayed.
pub(super) fn right(action: &str, may: Privileges) -> Right {
    let row = AS_ASTERISK.iter().chain(STRICTER).find(|(name, _)| name.eq_ignore_ascii_case(action));
    match row {
        Some((_, needs)) if needs.is_empty() || may.intersects(needs.iter().copied().collect()) => {
            Right::Granted
        }
        Some(_) => Right::Denied,
        None if may.includes(Privileges::ALL) => Right::Granted,
        None => Right::Unknown,
    }
}

/// Whether somebody who `may` use these classes may run that line of Asterisk's CLI.
pub(super) fn may_run(line: &str, may: Privileges) -> bool {
    let mut words = line.split_ascii_whitespace();
    let only_shows =
        words.next().is_some() && words.next().is_some_and(|word| word.eq_ignore_ascii_case("show"));
    may.contains(Class::Command) && (only_shows || may.contains(Class::System))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(classes: &str) -> Privileges {
        classes.parse().unwrap()
    }

    #[test]
    fn any_of_an_actions_classes_is_enough() {
        assert_eq!(right("hangup", may("call")), Right::Granted);
        assert_eq!(right("Hangup", may("system")), Right::Granted);
        assert_eq!(right("Hangup", may("agent,user")), Right::Denied);
        assert_eq!(right("QueueStatus", Privileges::NONE), Right::Granted);
    }

    #[test]
    fn what_changes_something_is_not_for_everybody() {
        for (name, needs) in STRICTER {
            assert_eq!(right(name, Privileges::NONE), Right::Denied, "{name}");
            assert_eq!(right(name, needs[0].into()), Right::Granted, "{name}");
        }
    }

    #[test]
    fn what_nobody_knows_is_for_those_who_may_everything() {
        assert_eq!(right("FutureAction", Privileges::ALL), Right::Granted);
        assert_eq!(right("FutureAction", may("system,call,command,config,originate")), Right::Unknown);
    }

    #[test]
    fn command_alone_only_looks() {
        for (line, with_command, with_system) in [
            ("core show channels", true, true),
            ("  Queue SHOW sales_1", true, true),
            ("core stop now", false, true),
            ("channel originate Local/1@x application System id", false, true),
            ("show", false, true),
            ("", false, true),
        ] {
            assert_eq!(may_run(line, may("command")), with_command, "{line}");
            assert_eq!(may_run(line, may("command,system")), with_system, "{line}");
            assert!(!may_run(line, may("system,call,originate,message")), "{line}");
        }
    }

    #[test]
    fn each_name_stands_once() {
        let mut names: Vec<_> =
            AS_ASTERISK.iter().chain(STRICTER).map(|(name, _)| name.to_ascii_lowercase()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
