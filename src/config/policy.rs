//! `[policy]`: what may ever be sent to Asterisk, by campaigns and by relayed Originates. Plain words here: what
//! they mean is the dialer's to know. `"*"` is everything.

use super::section::Section;

/// The fence around everything that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Channel technologies, in any case.
    pub technologies: Vec<String>,
    /// Where `Local/…@context` may lead.
    pub local_contexts: Vec<String>,
    /// Where destinations of type 0 may point.
    pub contexts: Vec<String>,
    /// What destinations of type 1 may run.
    pub applications: Vec<String>,
    /// Caller ids that may be shown.
    pub caller_ids: Vec<String>,
    /// Numbers that start with one of these are never dialled.
    pub denied_prefixes: Vec<String>,
    /// Exact numbers that are never dialled.
    pub emergency_numbers: Vec<String>,
    /// Whether a number may have letters, dots and dashes.
    pub allow_sip_users: bool,
}

pub(super) fn read(mut section: Section<'_, '_>) -> Policy {
    let applications = ["Queue", "Park", "Playback", "ConfBridge", "Wait", "Hangup"];
    let letters = section.flag("allow_sip_users", false);
    let policy = Policy {
        technologies: section.list("technologies", &["PJSIP", "SIP", "IAX2", "DAHDI", "Local"]),
        local_contexts: section.list("local_contexts", &["astout-demo"]),
        contexts: section.list("contexts", &["*"]),
        applications: section.list("applications", &applications),
        caller_ids: section.list("caller_ids", &["*"]),
        denied_prefixes: numbers(&mut section, letters, "denied_prefixes", &[]),
        emergency_numbers: numbers(&mut section, letters, "emergency_numbers", &["110", "112", "911", "999"]),
        allow_sip_users: letters,
    };
    section.finish();
    policy
}

/// Numbers, or how they begin. One that no number can be like would guard nothing, and nobody would notice.
fn numbers(section: &mut Section<'_, '_>, letters: bool, key: &'static str, default: &[&str]) -> Vec<String> {
    let allowed = "digits, * and #, a leading +, and with allow_sip_users letters . _ -; no blanks";
    let may_be = |c: char| {
        c.is_ascii_digit()
            || matches!(c, '*' | '#')
            || letters && (c.is_ascii_alphabetic() || matches!(c, '.' | '_' | '-'))
    };
    let given = section.list(key, default);
    for number in &given {
        if !number.strip_prefix('+').unwrap_or(number).chars().all(may_be) {
            section.problem(key, format!("\"{number}\" is no number; allowed: {allowed}"));
        }
    }
    given
}
