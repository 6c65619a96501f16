//! A destination: where an answered call goes.

use serde::{Deserialize, Serialize};

use super::codes::DestinationKind;
use super::fields::{FieldError, Fields, UUID_FORM, check_text};
use super::ids::DestinationUuid;
use super::policy::Policy;
use super::time::Timestamp;
use super::variables::{self, Variables};

/// What OutDestinationCreate makes. Its JSON has the column names of the original's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Its id.
    pub uuid: DestinationUuid,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub detail: Option<String>,
    /// False once deleted.
    #[serde(with = "super::in_use")]
    pub in_use: bool,
    /// Whether it names a place in the dialplan or an application.
    #[serde(rename = "type")]
    pub kind: DestinationKind,
    /// Type 0: the extension.
    pub exten: Option<String>,
    /// Type 0: the context.
    pub context: Option<String>,
    /// Type 0: a priority's number or label; 1 where it is not set.
    pub priority: Option<String>,
    /// Set on every channel that goes there.
    #[serde(with = "variables::as_text")]
    pub variables: Variables,
    /// Type 1: the application.
    pub application: Option<String>,
    /// Type 1: its data.
    pub data: Option<String>,
    /// Where a call goes that this one cannot take. The original has no such column: its records hold none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<DestinationUuid>,
    /// Type 0: the queue that its dialplan leads to.
    #[serde(rename = "queue", default, skip_serializing_if = "Option::is_none")]
    pub leads_to: Option<String>,
    /// When it was created.
    pub tm_create: Timestamp,
    /// When it was deleted.
    pub tm_delete: Option<Timestamp>,
    /// When it was last updated.
    pub tm_update: Option<Timestamp>,
}

/// Functions that reach out of the dialplan when an application's data is evaluated.
const DANGEROUS_FUNCTIONS: [&str; 9] =
    ["${", "$[", "CURL(", "DB(", "EVAL(", "FILE(", "ODBC", "REALTIME", "SHELL("];

impl Destination {
    /// A destination of these fields.
    pub fn create(
        uuid: DestinationUuid,
        fields: &Fields,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, FieldError> {
        let mut destination = Self {
            uuid,
            name: None,
            detail: None,
            in_use: true,
            kind: DestinationKind::Exten,
            exten: None,
            context: None,
            priority: None,
            variables: Variables::default(),
            application: None,
            data: None,
            failover: None,
            leads_to: None,
            tm_create: now,
            tm_delete: None,
            tm_update: None,
        };
        destination.apply(fields, policy)?;
        Ok(destination)
    }

    /// The destination with these fields changed.
    pub fn updated(&self, fields: &Fields, policy: &Policy, now: Timestamp) -> Result<Self, FieldError> {
        let mut destination = Self { tm_update: Some(now), ..self.clone() };
        destination.apply(fields, policy)?;
        Ok(destination)
    }

    fn apply(&mut self, fields: &Fields, policy: &Policy) -> Result<(), FieldError> {
        if let Some(name) = fields.text("Name")? {
            self.name = name;
        }
        if let Some(detail) = fields.text("Detail")? {
            self.detail = detail;
        }
        if let Some(kind) = fields.parsed("Type", "0 (exten, context, priority) or 1 (application, data)")? {
            self.kind = kind;
        }
        if let Some(variables) = Variables::from_fields(fields)? {
            self.variables = variables;
        }
        for (field, place, form, is_form) in [
            ("Exten", &mut self.exten, "1 to 79 letters, digits, _ . * # + -", is_exten as fn(&str) -> bool),
            ("Context", &mut self.context, "1 to 79 letters, digits, _ . -", is_context),
            ("Priority", &mut self.priority, "a number from 1, or a label", is_priority),
            ("Application", &mut self.application, "the name of an application", is_context),
            ("Queue", &mut self.leads_to, "the name of a queue: 1 to 79 letters, digits, _ . -", is_context),
        ] {
            if let Some(given) = fields.text(field)? {
                if let Some(text) = given.as_deref().filter(|text| !is_form(text)) {
                    return Err(FieldError::invalid(field, text, form));
                }
                *place = given;
            }
        }
        if let Some(data) = fields.text("Data")? {
            if let Some(text) = &data {
                check_data(text)?;
            }
            self.data = data;
        }
        if let Some(failover) = fields.parsed_or_unset("Failover", UUID_FORM)? {
            self.failover = failover;
        }
        self.check(policy)
    }

    /// Checks what only the fields together say.
    fn check(&self, policy: &Policy) -> Result<(), FieldError> {
        match self.kind {
            DestinationKind::Exten => {
                if self.exten.is_none() {
                    return Err(FieldError::missing("Exten", "an extension, for a destination of Type 0"));
                }
                let allowed = || {
                    let contexts = policy.contexts.describe();
                    format!("for a destination of Type 0 a context of [policy] contexts: {contexts}")
                };
                match self.context.as_deref() {
                    None => Err(FieldError::missing("Context", allowed())),
                    Some(context) if !policy.contexts.allows(context) => {
                        Err(FieldError::invalid("Context", context, allowed()))
                    }
                    Some(_) => Ok(()),
                }
            }
            DestinationKind::Application => {
                let allowed = || {
                    let applications = policy.applications.describe();
                    format!("for a destination of Type 1 one of [policy] applications: {applications}")
                };
                match self.application.as_deref() {
                    None => Err(FieldError::missing("Application", allowed())),
                    Some(application) if !policy.allows_application(application) => {
                        Err(FieldError::invalid("Application", application, allowed()))
                    }
                    Some(_) if self.is_queue() && self.queue().is_none() => {
                        Err(FieldError::missing("Data", "for the application Queue the name of a queue"))
                    }
                    Some(_) if self.leads_to.is_some() => {
                        let queue = self.leads_to.as_deref().unwrap_or_default();
                        Err(FieldError::invalid(
                            "Queue",
                            queue,
                            "none for a destination of Type 1: the application Queue names its own in Data",
                        ))
                    }
                    Some(_) if self.queue_runs_agi() => {
                        let data = self.data.as_deref().unwrap_or_default();
                        Err(FieldError::invalid("Data", data, "no sixth argument (AGI) of Queue"))
                    }
                    Some(_) => Ok(()),
                }
            }
        }
    }

    fn queue_runs_agi(&self) -> bool {
        self.is_queue()
            && self.data.as_deref().and_then(|data| data.split(',').nth(5)).is_some_and(|agi| !agi.is_empty())
    }

    /// Whether calls come into the queue without any dialplan before it.
    pub fn is_queue(&self) -> bool {
        let application = self.application.as_deref().filter(|_| self.kind == DestinationKind::Application);
        application.is_some_and(|application| application.eq_ignore_ascii_case("queue"))
    }

    /// The queue that takes the calls: the application `Queue` with its name, or the one that the dialplan leads to. In
    /// lower case, for Asterisk tells queues apart without it.
    pub fn queue(&self) -> Option<String> {
        let name = match self.kind {
            DestinationKind::Exten => self.leads_to.as_deref(),
            DestinationKind::Application => {
                self.data.as_deref().filter(|_| self.is_queue())?.split(',').next()
            }
        };
        name.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase)
    }

    /// Why a call may not be sent there under `policy`, or `None` where it may: what was allowed when the
    /// destination was created may have been taken from the policy since.
    pub fn refused_by(&self, policy: &Policy) -> Option<String> {
        self.check(policy).err().map(|error| error.to_string())
    }

    /// The place in the dialplan that a destination of type 0 names: context, extension, priority.
    pub fn place(&self) -> Option<[&str; 3]> {
        match self.kind {
            DestinationKind::Exten => {
                Some([self.context.as_deref()?, self.exten.as_deref()?, self.priority_or_first()])
            }
            DestinationKind::Application => None,
        }
    }

    /// The priority to go to.
    pub fn priority_or_first(&self) -> &str {
        self.priority.as_deref().unwrap_or("1")
    }
}

fn is_exten(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '*' | '#' | '+' | '-');
    text.len() <= 79 && text.chars().all(word)
}

fn is_context(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.len() <= 79 && text.chars().all(word)
}

fn is_priority(text: &str) -> bool {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<u32>().is_ok_and(|number| (1..=i32::MAX as u32).contains(&number));
    }
    is_context(text)
}

fn check_data(text: &str) -> Result<(), FieldError> {
    check_text("Data", text, 512)?;
    let upper = text.to_ascii_uppercase();
    match DANGEROUS_FUNCTIONS.iter().find(|function| upper.contains(*function)) {
        Some(function) => Err(FieldError::invalid("Data", text, format!("nothing with {function}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(pairs: &[(&str, &str)]) -> Result<Destination, FieldError> {
        let uuid = DestinationUuid::new(uuid::Uuid::nil());
        let fields = pairs.iter().copied().collect();
        Destination::create(uuid, &fields, &Policy::default(), Timestamp::from_micros(0))
    }

    #[test]
    fn a_place_in_the_dialplan_needs_exten_and_context() {
        for (pairs, field) in [
            (&[][..], "Exten"),
            (&[("Type", "0"), ("Exten", "10")][..], "Context"),
            (&[("Type", "0"), ("Context", "ani")][..], "Exten"),
        ] {
            let error = create(pairs).unwrap_err().to_string();
            assert!(error.starts_with(field), "{error}");
        }
        let ani =
            create(&[("Type", "0"), ("Exten", "10"), ("Context", "ani"), ("Priority", "40000")]).unwrap();
        assert_eq!(ani.priority_or_first(), "40000");
        assert_eq!(ani.queue(), None);
    }

    #[test]
    fn a_place_in_the_dialplan_may_lead_to_a_queue_and_an_application_may_not() {
        let place = [("Type", "0"), ("Exten", "amd"), ("Context", "sales"), ("Queue", "Sales_1")];
        let place = create(&place).unwrap();
        assert_eq!((place.queue().as_deref(), place.is_queue()), (Some("sales_1"), false));
        for (pairs, allowed) in [
            (&[("Exten", "1"), ("Context", "c"), ("Queue", "a,b")][..], "1 to 79 letters"),
            (
                &[("Type", "1"), ("Application", "Queue"), ("Data", "q"), ("Queue", "q")][..],
                "names its own in Data",
            ),
        ] {
            let error = create(pairs).unwrap_err().to_string();
            assert!(error.starts_with("Queue") && error.contains(allowed), "{error}");
        }
    }

    #[test]
    fn an_application_has_to_be_of_the_policy() {
        assert!(create(&[("Type", "1"), ("Application", "park")]).is_ok());
        for pairs in [
            &[("Type", "1")][..],
            &[("Type", "1"), ("Application", "System"), ("Data", "id")][..],
            &[("Type", "1"), ("Application", "Playback"), ("Data", "${SHELL(id)}")][..],
            &[("Type", "1"), ("Application", "Queue"), ("Data", "q,,,,,x.agi")][..],
            &[("Type", "7"), ("Application", "park")][..],
        ] {
            assert!(create(pairs).is_err(), "{pairs:?}");
        }
    }

    #[test]
    fn a_queue_is_known_by_its_name() {
        let queue = create(&[("Type", "1"), ("Application", "queue"), ("Data", "Sales_1,t")]).unwrap();
        assert_eq!(queue.queue().as_deref(), Some("sales_1"));
        for data in ["", ",t"] {
            let error = create(&[("Type", "1"), ("Application", "Queue"), ("Data", data)]).unwrap_err();
            assert!(error.to_string().starts_with("Data"), "{error}");
        }
    }
}
