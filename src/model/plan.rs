//! A plan: how numbers are dialled, how often, and by which trunk.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::abandonment::Abandonment;
use super::calling::Calling;
use super::codes::{DialMode, DlEndHandle};
use super::fields::{FieldError, Fields};
use super::ids::PlanUuid;
use super::number::{NUMBERS, NumberIndex, PhoneNumber};
use super::originate::OriginateOptions;
use super::policy::Policy;
use super::ratio::{PowerRatio, RATIO_FORM};
use super::retry::{LastEnd, MAX_DELAY_S, Retry};
use super::rung::Rung;
use super::time::Timestamp;
use super::variables::{self, Variables};

/// What OutPlanCreate makes. Its JSON has the column names of the original's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id.
    pub uuid: PlanUuid,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub detail: Option<String>,
    /// False once deleted.
    #[serde(with = "super::in_use")]
    pub in_use: bool,
    /// Set on every channel that is dialled by this plan.
    #[serde(with = "variables::as_text")]
    pub variables: Variables,
    /// What the dialing is paced by.
    pub dial_mode: DialMode,
    /// How long a number may ring, in milliseconds.
    #[serde(rename = "dial_timeout")]
    pub dial_timeout_ms: u32,
    /// `"Name" <number>`, or a number, as Asterisk's Originate takes it.
    pub caller_id: Option<String>,
    /// What happens at the end of the list.
    pub dl_end_handle: DlEndHandle,
    /// From the end of a contact's last try to its next one, in seconds.
    #[serde(rename = "retry_delay")]
    pub retry_delay_s: u32,
    /// Other delays by how that try ended, and tries more after faults of the trunk.
    #[serde(flatten)]
    pub retry: Retry,
    /// Goes behind the number as `@trunk`.
    pub trunk_name: Option<String>,
    /// The channel technology, with or without its slash, as it was given.
    pub tech_name: Option<String>,
    /// Added to the free agents of a queue destination.
    pub service_level: u32,
    /// What it adds to the Originate of its calls.
    #[serde(flatten)]
    pub originate: OriginateOptions,
    /// What it says of callees who answer and get no agent.
    #[serde(flatten)]
    pub abandonment: Abandonment,
    /// How often and when it lets people be called.
    #[serde(flatten)]
    pub calling: Calling,
    /// With `DialMode` 3: how many lines a free agent gets; `None`: one.
    #[serde(default)]
    pub power_ratio: Option<PowerRatio>,
    /// The tries that each number gets in all.
    #[serde(flatten)]
    pub max_retry: MaxRetry,
    /// When it was created.
    pub tm_create: Timestamp,
    /// When it was deleted.
    pub tm_delete: Option<Timestamp>,
    /// When it was last updated.
    pub tm_update: Option<Timestamp>,
}

/// The tries that each of a contact's numbers gets in all; 0 = never dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxRetry(pub [u32; NUMBERS]);

impl MaxRetry {
    /// The tries of one number.
    pub fn of(&self, index: NumberIndex) -> u32 {
        self.0[index.place()]
    }
}

const DEFAULT_MAX_RETRY: u32 = 5;
const DEFAULT_DIAL_TIMEOUT_MS: u32 = 30_000;
const DEFAULT_RETRY_DELAY_S: u32 = 60;

impl Plan {
    /// A plan of these fields, everything else at the mission's defaults.
    pub fn create(
        uuid: PlanUuid,
        fields: &Fields,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, FieldError> {
        let mut plan = Self {
            uuid,
            name: None,
            detail: None,
            in_use: true,
            variables: Variables::default(),
            dial_mode: DialMode::Predictive,
            dial_timeout_ms: DEFAULT_DIAL_TIMEOUT_MS,
            caller_id: None,
            dl_end_handle: DlEndHandle::StopCampaign,
            retry_delay_s: DEFAULT_RETRY_DELAY_S,
            retry: Retry::default(),
            trunk_name: None,
            tech_name: None,
            service_level: 0,
            originate: OriginateOptions::default(),
            abandonment: Abandonment::default(),
            calling: Calling::default(),
            power_ratio: None,
            max_retry: MaxRetry([DEFAULT_MAX_RETRY; NUMBERS]),
            tm_create: now,
            tm_delete: None,
            tm_update: None,
        };
        plan.apply(fields, policy)?;
        Ok(plan)
    }

    /// The plan with these fields changed.
    pub fn updated(&self, fields: &Fields, policy: &Policy, now: Timestamp) -> Result<Self, FieldError> {
        let mut plan = Self { tm_update: Some(now), ..self.clone() };
        plan.apply(fields, policy)?;
        Ok(plan)
    }

    fn apply(&mut self, fields: &Fields, policy: &Policy) -> Result<(), FieldError> {
        if let Some(name) = fields.text("Name")? {
            self.name = name;
        }
        if let Some(detail) = fields.text("Detail")? {
            self.detail = detail;
        }
        if let Some(variables) = Variables::from_fields(fields)? {
            self.variables = variables;
        }
        if let Some(mode) = fields
            .parsed("DialMode", "0 (none), 1 (predictive), 2 (progressive), 3 (power) or 4 (preview)")?
        {
            self.dial_mode = mode;
        }
        if let Some(timeout) = fields.number("DialTimeout", 1..=3_600_000, " (milliseconds)")? {
            self.dial_timeout_ms = timeout;
        }
        if let Some(caller_id) = fields.text("CallerId")? {
            self.caller_id = caller_id.map(|text| check_caller_id(text, policy)).transpose()?;
        }
        if let Some(handle) =
            fields.parsed("DlEndHandle", "0 (keep current status) or 1 (stop the campaign)")?
        {
            self.dl_end_handle = handle;
        }
        if let Some(delay) = fields.number("RetryDelay", 0..=MAX_DELAY_S, " (seconds)")? {
            self.retry_delay_s = delay;
        }
        self.retry = self.retry.updated(fields)?;
        self.originate = self.originate.updated(fields)?;
        self.abandonment = self.abandonment.updated(fields)?;
        self.calling = self.calling.updated(fields)?;
        if let Some(ratio) = fields.parsed_or_unset("PowerRatio", RATIO_FORM)? {
            self.power_ratio = ratio;
        }
        if let Some(level) = fields.number("ServiceLevel", 0..=10_000, " (calls)")? {
            self.service_level = level;
        }
        for index in NumberIndex::all() {
            // The name that is shown is taken as well as the one that the original takes.
            for name in [format!("MaxRetry{index}"), format!("MaxRetryCnt{index}")] {
                if let Some(tries) = fields.number(&name, 0..=1000, " (tries)")? {
                    self.max_retry.0[index.place()] = tries;
                    break;
                }
            }
        }
        self.apply_route(fields, policy)
    }

    fn apply_route(&mut self, fields: &Fields, policy: &Policy) -> Result<(), FieldError> {
        let tech_given = fields.text("TechName")?;
        let trunk_given = fields.text("TrunkName")?;
        if let Some(tech) = &tech_given {
            if let Some(text) = tech {
                let bare = text.strip_suffix('/').unwrap_or(text);
                if !policy.technologies.allows(bare) {
                    let allowed = policy.technologies.describe();
                    return Err(FieldError::invalid(
                        "TechName",
                        text,
                        format!("{allowed} (by [policy] technologies)"),
                    ));
                }
            }
            self.tech_name.clone_from(tech);
        }
        if let Some(trunk) = &trunk_given {
            if let Some(text) = trunk {
                let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
                if text.len() > 64 || !text.chars().all(word) {
                    return Err(FieldError::invalid("TrunkName", text, "1 to 64 letters, digits, _ . -"));
                }
            }
            self.trunk_name.clone_from(trunk);
        }
        let local = self.is_of("Local");
        if local && (tech_given.is_some() || trunk_given.is_some()) {
            let context = self.trunk_name.as_deref();
            if !context.is_some_and(|context| policy.local_contexts.allows(context)) {
                let allowed = policy.local_contexts.describe();
                let allowed = format!("with TechName Local/ a context of [policy] local_contexts: {allowed}");
                return Err(match context {
                    Some(context) => FieldError::invalid("TrunkName", context, allowed),
                    None => FieldError::missing("TrunkName", allowed),
                });
            }
        }
        Ok(())
    }

    /// Whether it dials by that technology.
    pub fn is_of(&self, tech: &str) -> bool {
        self.bare_tech().is_some_and(|own| own.eq_ignore_ascii_case(tech))
    }

    fn bare_tech(&self) -> Option<&str> {
        self.tech_name.as_deref().map(|tech| tech.strip_suffix('/').unwrap_or(tech))
    }

    /// The channel that dials `number`: `sip/300`, `PJSIP/300@trunk`, `Local/300@ctx`. `None` for a plan without
    /// a technology.
    pub fn dial_channel(&self, number: &PhoneNumber) -> Option<String> {
        let tech = self.bare_tech()?;
        Some(match &self.trunk_name {
            Some(trunk) => format!("{tech}/{number}@{trunk}"),
            None => format!("{tech}/{number}"),
        })
    }

    /// What its calls go over, by which they share a fate: the technology, and the trunk where there is one.
    pub fn trunk(&self) -> String {
        let tech = self.bare_tech().unwrap_or_default().to_ascii_lowercase();
        match &self.trunk_name {
            Some(trunk) => format!("{tech}/{trunk}"),
            None => tech,
        }
    }

    /// What keeps a campaign from dialing by it: a field of it, what that is, and what it may be.
    pub fn why_not_dialled(&self) -> Option<(&'static str, String, &'static str)> {
        if self.tech_name.is_none() {
            return Some(("TechName", String::new(), "set, such as PJSIP"));
        }
        let allowed = match self.dial_mode {
            DialMode::Predictive | DialMode::Progressive | DialMode::Power | DialMode::Preview => {
                return None;
            }
            DialMode::None => {
                "1 (predictive), 2 (progressive), 3 (power) or 4 (preview); DialMode 0 is no dialing"
            }
        };
        Some(("DialMode", self.dial_mode.to_string(), allowed))
    }

    /// Why a call by this plan may not be sent under `policy`, or `None` where it may: what was allowed when the
    /// plan was created may have been taken from the policy since.
    pub fn refused_by(&self, policy: &Policy) -> Option<String> {
        let tech = self.bare_tech().unwrap_or_default();
        if !policy.technologies.allows(tech) {
            return Some(format!("[policy] technologies does not allow {tech}"));
        }
        let context = self.trunk_name.as_deref().unwrap_or_default();
        if tech.eq_ignore_ascii_case("Local") && !policy.local_contexts.allows(context) {
            return Some(format!("[policy] local_contexts does not allow {context}"));
        }
        None
    }

    /// From the end of the last try of a contact on `rung` to its next one.
    pub fn retry_delay(&self, rung: &Rung) -> Duration {
        let delays = self.retry.delays(rung.last());
        Duration::from_secs(delays.map_or(self.retry_delay_s, |delays| delays.after(rung.total())).into())
    }

    /// The field that says that delay.
    pub fn retry_delay_field(&self, rung: &Rung) -> &'static str {
        match self.retry.delays(rung.last()) {
            Some(_) => rung.last().field(),
            None => LastEnd::Other.field(),
        }
    }

    /// The tries that a number of a contact on `rung` gets in all.
    pub fn tries(&self, rung: &Rung, index: NumberIndex) -> u32 {
        self.max_retry.of(index) + rung.faults(index).min(self.retry.trunk_faults)
    }

    /// How long a number may ring.
    pub fn dial_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.dial_timeout_ms))
    }
}

/// Takes `"Name" <number>`, `Name <number>`, `<number>` or a number alone.
fn check_caller_id(text: String, policy: &Policy) -> Result<String, FieldError> {
    const FORM: &str = "a number, or \"Name\" <number>; number: digits, * # and a leading +; name: at most 40 \
                        characters without \" < > \\";
    let invalid = || FieldError::invalid("CallerId", &text, FORM);
    let (name, number) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, number)) => (name.trim().trim_matches('"'), number),
        None => ("", text.as_str()),
    };
    let digits = number.strip_prefix('+').unwrap_or(number);
    let number_ok = !digits.is_empty()
        && digits.len() <= 32
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
    let name_ok = name.chars().count() <= 40 && !name.contains(['"', '<', '>', '\\']);
    if !number_ok || !name_ok {
        return Err(invalid());
    }
    if !policy.caller_ids.allows(number) {
        let allowed = format!("{} (by [policy] caller_ids)", policy.caller_ids.describe());
        return Err(FieldError::invalid("CallerId", &text, allowed));
    }
    Ok(text)
}

const MAX_RETRY_COLUMNS: [&str; NUMBERS] = [
    "max_retry_cnt_1",
    "max_retry_cnt_2",
    "max_retry_cnt_3",
    "max_retry_cnt_4",
    "max_retry_cnt_5",
    "max_retry_cnt_6",
    "max_retry_cnt_7",
    "max_retry_cnt_8",
];

impl Serialize for MaxRetry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(MAX_RETRY_COLUMNS.iter().zip(&self.0))
    }
}

impl<'de> Deserialize<'de> for MaxRetry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::eight_columns(deserializer, &MAX_RETRY_COLUMNS).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(pairs: &[(&str, &str)]) -> Result<Plan, FieldError> {
        let uuid = PlanUuid::new(uuid::Uuid::nil());
        Plan::create(uuid, &pairs.iter().copied().collect(), &Policy::default(), Timestamp::from_micros(0))
    }

    fn channel(pairs: &[(&str, &str)]) -> String {
        create(pairs).unwrap().dial_channel(&PhoneNumber::trusted("300".into())).unwrap()
    }

    #[test]
    fn a_plan_of_no_fields_has_the_missions_defaults() {
        let plan = create(&[]).unwrap();
        assert_eq!(
            (plan.dial_mode, plan.dial_timeout_ms, plan.retry_delay_s),
            (DialMode::Predictive, 30_000, 60)
        );
        assert_eq!((plan.dl_end_handle, plan.max_retry), (DlEndHandle::StopCampaign, MaxRetry([5; 8])));
    }

    #[test]
    fn the_technology_is_taken_with_and_without_its_slash_in_any_case() {
        assert_eq!(channel(&[("TechName", "sip/")]), "sip/300");
        assert_eq!(channel(&[("TechName", "pjsip"), ("TrunkName", "trunk")]), "pjsip/300@trunk");
        assert_eq!(channel(&[("TechName", "Local/"), ("TrunkName", "astout-demo")]), "Local/300@astout-demo");
    }

    #[test]
    fn a_wrong_field_is_named_with_what_is_allowed() {
        for (field, given) in [
            ("DialMode", "99"),
            ("DialMode", ""),
            ("DialTimeout", "abc"),
            ("DialTimeout", "0"),
            ("RetryDelay", "-5"),
            ("MaxRetry1", "-1"),
            ("MaxRetryCnt8", "x"),
            ("DlEndHandle", "2"),
            ("TechName", "Console/"),
            ("TrunkName", "a&b"),
            ("CallerId", "<script>"),
            ("Variable", "noequals"),
            ("ServiceLevel", "-1"),
        ] {
            let error = create(&[(field, given)]).unwrap_err().to_string();
            assert!(error.starts_with(field) && error.contains("allowed"), "{field}={given}: {error}");
        }
    }

    #[test]
    fn local_needs_a_context_of_the_policy() {
        assert!(create(&[("TechName", "Local/")]).is_err());
        assert!(create(&[("TechName", "Local/"), ("TrunkName", "default")]).is_err());
        assert!(create(&[("TechName", "local"), ("TrunkName", "astout-demo")]).is_ok());
    }

    #[test]
    fn caller_ids_are_taken_in_asterisks_forms() {
        for text in ["5551000", "\"Sales\" <5551000>", "Sales Team <+4930123>", "<100>"] {
            assert_eq!(create(&[("CallerId", text)]).unwrap().caller_id.as_deref(), Some(text));
        }
    }

    #[test]
    fn a_plan_reads_back_from_its_json() {
        let plan = create(&[("Name", "é \"x\""), ("Variable", "A=1"), ("MaxRetry3", "7")]).unwrap();
        let json = serde_json::to_value(&plan).unwrap();
        assert_eq!(json["max_retry_cnt_3"], 7);
        assert_eq!(json["variables"], "{\"A\":\"1\"}");
        assert_eq!(serde_json::from_value::<Plan>(json).unwrap(), plan);
    }
}
