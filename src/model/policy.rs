//! What may ever be sent to Asterisk: allow-lists, asked when something is created and again when it is sent.
//! Deny-lists at Asterisk have leaked before (CVE-2024-42365 is the latest), so what is not allowed is refused.

/// A list of words that are allowed, compared without case; `*` allows everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<String>);

impl<S: Into<String>> FromIterator<S> for AllowList {
    fn from_iter<I: IntoIterator<Item = S>>(words: I) -> Self {
        Self(words.into_iter().map(Into::into).collect())
    }
}

impl AllowList {
    /// Whether `word` may be used.
    pub fn allows(&self, word: &str) -> bool {
        self.0.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(word))
    }

    /// The list in words, for a message.
    pub fn describe(&self) -> String {
        if self.0.is_empty() { "nothing".to_owned() } else { self.0.join(", ") }
    }
}

/// The `[policy]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Channel technologies that calls may use.
    pub technologies: AllowList,
    /// Contexts that `Local/…@context` may dial into.
    pub local_contexts: AllowList,
    /// Contexts that a destination of type 0 may point at.
    pub contexts: AllowList,
    /// Applications that a destination of type 1 may run.
    pub applications: AllowList,
    /// Caller ids (the number) that calls may show.
    pub caller_ids: AllowList,
    /// Prefixes that no dialled number may start with.
    pub denied_prefixes: Vec<String>,
    /// Exact numbers that are never dialled.
    pub emergency_numbers: Vec<String>,
    /// Whether a number may hold letters, dots, dashes and underscores.
    pub allow_sip_users: bool,
}

/// Applications that run programs, write files or move calls out of sight: refused even where they are listed.
const DANGEROUS_APPLICATIONS: [&str; 20] = [
    "System",
    "TrySystem",
    "AGI",
    "EAGI",
    "DeadAGI",
    "FastAGI",
    "Exec",
    "ExecIf",
    "ExecIfTime",
    "TryExec",
    "ExternalIVR",
    "MixMonitor",
    "Monitor",
    "Originate",
    "Set",
    "MSet",
    "Dial",
    "UserEvent",
    "Reload",
    "DBdeltree",
];

impl Policy {
    /// Whether a destination may run that application.
    pub fn allows_application(&self, application: &str) -> bool {
        !DANGEROUS_APPLICATIONS.iter().any(|name| name.eq_ignore_ascii_case(application))
            && self.applications.allows(application)
    }

    /// Why that number may not be dialled, or `None` where it may. Visual separators are no part of a number,
    /// so there is nothing to strip; a leading `+` is not counted, and no `#` behind, which trunks take for its end.
    pub fn refuses_number(&self, number: &str) -> Option<String> {
        let bare = number.trim_start_matches('+');
        let ended = |number: &str| number.trim_start_matches('+').trim_end_matches('#').to_owned();
        if self.emergency_numbers.iter().any(|emergency| ended(emergency) == ended(number)) {
            return Some(format!("{number} is an emergency number"));
        }
        self.denied_prefixes
            .iter()
            .find(|prefix| {
                // `+` alone means what is written with it; `+881` also means 881.
                let digits = prefix.trim_start_matches('+');
                (!prefix.is_empty() && number.starts_with(prefix.as_str()))
                    || (!digits.is_empty() && bare.starts_with(digits))
            })
            .map(|prefix| format!("{number} starts with the denied prefix {prefix}"))
    }
}

impl Default for Policy {
    /// The defaults of the contract.
    fn default() -> Self {
        Self {
            technologies: ["PJSIP", "SIP", "IAX2", "DAHDI", "Local"].into_iter().collect(),
            local_contexts: ["astout-demo"].into_iter().collect(),
            contexts: ["*"].into_iter().collect(),
            applications: ["Queue", "Park", "Playback", "ConfBridge", "Wait", "Hangup"].into_iter().collect(),
            caller_ids: ["*"].into_iter().collect(),
            denied_prefixes: Vec::new(),
            emergency_numbers: ["110", "112", "911", "999"].map(str::to_owned).to_vec(),
            allow_sip_users: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case() {
        let policy = Policy::default();
        assert!(policy.technologies.allows("pjsip"));
        assert!(!policy.technologies.allows("Console"));
        assert!(policy.contexts.allows("anything"));
    }

    #[test]
    fn a_dangerous_application_is_refused_even_where_everything_is_allowed() {
        let policy = Policy { applications: ["*"].into_iter().collect(), ..Policy::default() };
        assert!(policy.allows_application("queue"));
        assert!(!policy.allows_application("system"));
    }

    #[test]
    fn emergency_numbers_and_denied_prefixes_are_never_dialled() {
        let policy = Policy { denied_prefixes: vec!["+881".into()], ..Policy::default() };
        assert!(policy.refuses_number("112").is_some());
        assert!(policy.refuses_number("+112").is_some());
        assert!(policy.refuses_number("88166").is_some());
        assert!(policy.refuses_number("112#").is_some());
        assert_eq!(policy.refuses_number("1123"), None);
        let international = Policy { denied_prefixes: vec!["+".into(), String::new()], ..Policy::default() };
        assert!(international.refuses_number("+49301").is_some());
        assert_eq!(international.refuses_number("49301"), None);
    }
}
