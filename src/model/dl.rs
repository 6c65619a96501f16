//! A dl: one contact of a dial list, with its eight numbers and the tries that each has had.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codes::{DialResult, DlStatus, Outcome};
use super::fields::{FieldError, Fields};
use super::ids::{CampaignUuid, DialingUuid, DlUuid, DlmaUuid, PlanUuid};
use super::number::{NUMBERS, NumberIndex, PhoneNumber};
use super::policy::Policy;
use super::retry::LastEnd;
use super::rung::{Past, Rung};
use super::schedule::{ScZone, ZONE_FORM};
use super::terms::PutOff;
use super::time::Timestamp;
use super::variables::{self, Variables};

/// What OutDlListCreate makes. Its JSON has the column names of the original's table `dl_list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dl {
    /// Its id.
    pub uuid: DlUuid,
    /// The list it belongs to.
    pub dlma_uuid: DlmaUuid,
    /// False once deleted.
    #[serde(with = "super::in_use")]
    pub in_use: bool,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub detail: Option<String>,
    /// Whether it is being dialled: 0 or 1, as the original's table has it. What is shown is [`Dl::shown_status`].
    pub status: DlStatus,
    /// Kept for its place in the original's table.
    pub resv_target: Option<String>,
    /// The user's own key.
    pub ukey: Option<String>,
    /// The user's own data.
    pub udata: Option<String>,
    /// Set on every channel that dials this contact.
    #[serde(with = "variables::as_text")]
    pub variables: Variables,
    /// The dialing that has it now.
    pub dialing_uuid: Option<DialingUuid>,
    /// The campaign of that dialing.
    pub dialing_camp_uuid: Option<CampaignUuid>,
    /// The plan of that dialing.
    pub dialing_plan_uuid: Option<PlanUuid>,
    /// Its numbers.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// For people and for what the destination does.
    pub email: Option<String>,
    /// The zone in which it is called at its plan's calling hours; `None`: what its number's prefix says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<ScZone>,
    /// The tries that each number has had.
    #[serde(flatten)]
    pub tries: Tries,
    /// How the last try ended.
    pub res_dial: DialResult,
    /// The same in words, where there is something to say.
    pub res_dial_detail: Option<String>,
    /// The hangup cause of the last try.
    pub res_hangup: u32,
    /// The same in words.
    pub res_hangup_detail: Option<String>,
    /// When it was created.
    pub tm_create: Timestamp,
    /// When it was deleted.
    pub tm_delete: Option<Timestamp>,
    /// When it was last updated.
    pub tm_update: Option<Timestamp>,
    /// When its last try began.
    pub tm_last_dial: Option<Timestamp>,
    /// When its last try ended.
    pub tm_last_hangup: Option<Timestamp>,
    /// All its tries together.
    pub trycnt: u32,
    /// Whether it waits for a person to decide.
    #[serde(with = "super::in_use", default)]
    pub held: bool,
    /// How its last try ended, in the word of the result line.
    #[serde(default)]
    pub last_outcome: Option<Outcome>,
    /// Which of its numbers was the last to fail by a fault of the trunk or ours, 1 to 8; 0 for none.
    #[serde(default)]
    pub fault_number: u8,
    /// How often that number did.
    #[serde(default)]
    pub faultcnt: u32,
}

/// A contact's eight numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbers(pub [Option<PhoneNumber>; NUMBERS]);

/// The tries that each of a contact's numbers has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tries(pub [u32; NUMBERS]);

impl Dl {
    /// A contact of these fields, in that list.
    pub fn create(
        uuid: DlUuid,
        dlma_uuid: DlmaUuid,
        fields: &Fields,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, FieldError> {
        let mut dl = Self {
            uuid,
            dlma_uuid,
            in_use: true,
            name: None,
            detail: None,
            status: DlStatus::Idle,
            resv_target: None,
            ukey: None,
            udata: None,
            variables: Variables::default(),
            dialing_uuid: None,
            dialing_camp_uuid: None,
            dialing_plan_uuid: None,
            numbers: Numbers::default(),
            email: None,
            time_zone: None,
            tries: Tries::default(),
            res_dial: DialResult::None,
            res_dial_detail: None,
            res_hangup: 0,
            res_hangup_detail: None,
            tm_create: now,
            tm_delete: None,
            tm_update: None,
            tm_last_dial: None,
            tm_last_hangup: None,
            trycnt: 0,
            held: false,
            last_outcome: None,
            fault_number: 0,
            faultcnt: 0,
        };
        dl.apply(fields, policy)?;
        Ok(dl)
    }

    /// The contact with these fields changed.
    pub fn updated(&self, fields: &Fields, policy: &Policy, now: Timestamp) -> Result<Self, FieldError> {
        let mut dl = Self { tm_update: Some(now), ..self.clone() };
        dl.apply(fields, policy)?;
        Ok(dl)
    }

    fn apply(&mut self, fields: &Fields, policy: &Policy) -> Result<(), FieldError> {
        for (field, place) in [
            ("Name", &mut self.name),
            ("Detail", &mut self.detail),
            ("UKey", &mut self.ukey),
            ("UData", &mut self.udata),
            ("Email", &mut self.email),
        ] {
            if let Some(given) = fields.text(field)? {
                *place = given;
            }
        }
        if let Some(variables) = Variables::from_fields(fields)? {
            self.variables = variables;
        }
        if let Some(zone) = fields.parsed_or_unset("TimeZone", ZONE_FORM)? {
            self.time_zone = zone;
        }
        if let Some(text) = fields.raw("Status") {
            self.held = self.held_by(text)?;
        }
        for index in NumberIndex::all() {
            let field = format!("Number{index}");
            if let Some(text) = fields.raw(&field) {
                let number = match text {
                    "" => None,
                    text => Some(PhoneNumber::parse(&field, text, policy)?),
                };
                self.numbers.0[index.place()] = number;
            }
        }
        if self.numbers.0.iter().all(Option::is_none) {
            return Err(FieldError::missing("Number1", "at least one of Number1 to Number8"));
        }
        Ok(())
    }

    /// Whether a request for that status holds it. Whoever writes back what was shown changes nothing.
    fn held_by(&self, text: &str) -> Result<bool, FieldError> {
        let status = text.parse::<i64>().ok().and_then(|code| DlStatus::try_from(code).ok());
        match status {
            Some(status) if status == self.shown_status() => Ok(self.held),
            Some(DlStatus::Idle) => Ok(false),
            Some(DlStatus::Held) => Ok(true),
            Some(DlStatus::Dialing) | None => {
                Err(FieldError::invalid("Status", text, "0 (it may be dialled), 2 (it is held)"))
            }
        }
    }

    /// Its status as it is shown: a held contact that would wait for its next try has one of its own.
    pub fn shown_status(&self) -> DlStatus {
        match self.status {
            DlStatus::Idle if self.held && self.res_dial != DialResult::Answered => DlStatus::Held,
            status => status,
        }
    }

    /// Where it stands on the retry ladder, as one that is not put off.
    pub fn rung(&self) -> Rung {
        let tries = self.numbers.0.iter().zip(self.tries.0);
        let mut rung = [None; NUMBERS];
        for (place, (number, tries)) in rung.iter_mut().zip(tries) {
            *place = number.as_ref().map(|_| tries);
        }
        let faults = NumberIndex::new(self.fault_number.into()).map(|index| (index, self.faultcnt));
        Rung::new(rung, Past { last: LastEnd::of(self.last_outcome), faults, put_off: PutOff::default() })
    }

    /// One of its numbers.
    pub fn number(&self, index: NumberIndex) -> Option<&PhoneNumber> {
        self.numbers.0[index.place()].as_ref()
    }
}

const NUMBER_COLUMNS: [&str; NUMBERS] =
    ["number_1", "number_2", "number_3", "number_4", "number_5", "number_6", "number_7", "number_8"];
const TRIES_COLUMNS: [&str; NUMBERS] =
    ["trycnt_1", "trycnt_2", "trycnt_3", "trycnt_4", "trycnt_5", "trycnt_6", "trycnt_7", "trycnt_8"];

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(NUMBER_COLUMNS.iter().zip(&self.0))
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::eight_columns(deserializer, &NUMBER_COLUMNS).map(Self)
    }
}

impl Serialize for Tries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(TRIES_COLUMNS.iter().zip(&self.0))
    }
}

impl<'de> Deserialize<'de> for Tries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::eight_columns(deserializer, &TRIES_COLUMNS).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(pairs: &[(&str, &str)]) -> Result<Dl, FieldError> {
        let nil = uuid::Uuid::nil();
        let fields = pairs.iter().copied().collect();
        Dl::create(
            DlUuid::new(nil),
            DlmaUuid::new(nil),
            &fields,
            &Policy::default(),
            Timestamp::from_micros(0),
        )
    }

    #[test]
    fn a_contact_needs_a_number() {
        let error = create(&[("Name", "x")]).unwrap_err().to_string();
        assert!(error.starts_with("Number1"), "{error}");
        assert!(create(&[("Number8", "300")]).is_ok());
        assert!(create(&[("Number1", "")]).is_err());
    }

    #[test]
    fn its_rung_shows_numbers_and_tries() {
        let mut dl = create(&[("Number1", "300"), ("Number3", "301")]).unwrap();
        assert_eq!(dl.rung().to_string(), "0.-.0");
        dl.tries.0[2] = 4;
        assert_eq!(dl.rung().to_string(), "0.-.4");
    }

    #[test]
    fn its_json_has_all_the_columns_of_the_missions_example() {
        let json = serde_json::to_value(create(&[("Number1", "300")]).unwrap()).unwrap();
        for column in [
            "res_hangup_detail",
            "name",
            "status",
            "number_4",
            "uuid",
            "dlma_uuid",
            "in_use",
            "dialing_plan_uuid",
            "detail",
            "tm_delete",
            "dialing_camp_uuid",
            "ukey",
            "res_dial_detail",
            "tm_last_dial",
            "trycnt_4",
            "tm_last_hangup",
            "resv_target",
            "dialing_uuid",
            "udata",
            "number_1",
            "number_8",
            "trycnt_8",
            "email",
            "tm_create",
            "res_dial",
            "res_hangup",
            "tm_update",
            "trycnt",
        ] {
            assert!(json.get(column).is_some(), "{column}");
        }
        let back: Dl = serde_json::from_value(json).unwrap();
        assert_eq!(back, create(&[("Number1", "300")]).unwrap());
    }
}
