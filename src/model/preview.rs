//! A preview: a contact that an agent looks at. It is kept for him until he says go or skip, or his time is over; nobody
//! dials it meanwhile.

use std::fmt;
use std::time::Duration;

use super::dl::Dl;
use super::fields::{FieldError, Fields};
use super::ids::{CampaignUuid, DialingUuid};
use super::number::NumberIndex;
use super::retry::MAX_DELAY_S;
use super::time::Timestamp;

/// The variable of a call's channel that has the agent who said go.
pub const AGENT_VARIABLE: &str = "ASTOUT_AGENT";

/// How long a contact may be kept for an agent, in seconds.
pub const LEAST_S: u32 = 1;
/// The most of it.
pub const MOST_S: u32 = 3600;

const MOST_CHARS: usize = 80;
const AGENT_FORM: &str = "1 to 80 letters, digits and _ . - + : @ /, such as PJSIP/100";

/// Who looks at contacts, as his phone system knows him: `PJSIP/100`, `Local/100@agents`, `anna`. Nothing in it has a
/// meaning for a dialplan that dials it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Agent(String);

impl Agent {
    /// The one that field `Agent` names.
    pub fn from_fields(fields: &Fields) -> Result<Self, FieldError> {
        let text = fields.raw("Agent").filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| FieldError::missing("Agent", AGENT_FORM))?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_.-+:@/".contains(c);
        if text.len() > MOST_CHARS || !text.chars().all(is_word) {
            return Err(FieldError::invalid("Agent", text, AGENT_FORM));
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an agent asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// For a contact.
    Next {
        /// Of that campaign's list.
        campaign: CampaignUuid,
        /// For whom.
        agent: Agent,
        /// How long it is kept; `None`: as the configuration says.
        timeout: Option<Duration>,
    },
    /// That it is dialled.
    Go {
        /// The preview.
        preview: DialingUuid,
        /// At which of its numbers; `None`: at the one that is next.
        number: Option<NumberIndex>,
    },
    /// That it is not.
    Skip {
        /// The preview.
        preview: DialingUuid,
        /// After how long it may be shown again; `None`: the plan's `RetryDelay`.
        later: Option<Duration>,
        /// Why, for people.
        reason: Option<String>,
    },
}

impl Ask {
    /// For a contact, by `CampaignUuid`, `Agent` and `Timeout`.
    pub fn next(fields: &Fields) -> Result<Self, FieldError> {
        let campaign = fields.required_uuid("CampaignUuid")?;
        let agent = Agent::from_fields(fields)?;
        let timeout = fields.number("Timeout", LEAST_S..=MOST_S, " (seconds)")?;
        Ok(Self::Next { campaign, agent, timeout: timeout.map(seconds) })
    }

    /// That it is dialled, by `Uuid` and `Number`.
    pub fn go(fields: &Fields) -> Result<Self, FieldError> {
        let preview = fields.required_uuid("Uuid")?;
        let number = fields.number("Number", 1..=8, " (which of the contact's numbers)")?;
        Ok(Self::Go { preview, number: number.and_then(|number| NumberIndex::new(number.into())) })
    }

    /// That it is not, by `Uuid`, `RetryDelay` and `Reason`.
    pub fn skip(fields: &Fields) -> Result<Self, FieldError> {
        let preview = fields.required_uuid("Uuid")?;
        let later = fields.number("RetryDelay", 0..=MAX_DELAY_S, " (seconds)")?.map(seconds);
        Ok(Self::Skip { preview, later, reason: fields.text("Reason")?.flatten() })
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// What an agent is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The contact that is kept for him.
    Kept(Box<Preview>),
    /// It is being dialled: the dialing has the preview's uuid.
    Dialled(DialingUuid),
    /// It is nobody's any more.
    Skipped,
}

/// A contact that an agent looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its id, and that of the dialing that may come of it.
    pub uuid: DialingUuid,
    /// The campaign that dials it on a go.
    pub campaign: CampaignUuid,
    /// Who looks at it.
    pub agent: Agent,
    /// The contact.
    pub dl: Dl,
    /// Which of its numbers is dialled where a go does not say.
    pub index: NumberIndex,
    /// Since when.
    pub tm_create: Timestamp,
    /// Until when.
    pub tm_expire: Timestamp,
}

/// What became of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreviewEnd {
    /// The agent said go, and it is dialled.
    Dialled,
    /// The agent said skip.
    Skipped {
        /// Why.
        reason: Option<String>,
    },
    /// The agent said nothing in time.
    Expired,
    /// Its campaign no longer shows it, or the contact is no longer one to dial.
    Released,
}

impl PreviewEnd {
    /// In a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Dialled => "dialled",
            Self::Skipped { .. } => "skipped",
            Self::Expired => "expired",
            Self::Released => "released",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_named_by_what_means_nothing_to_a_dialplan() {
        let read = |text: &str| Agent::from_fields(&[("Agent", text)].into_iter().collect());
        for text in ["PJSIP/100", "Local/100@agents", "Agent:1001", "anna", "sip+x_y.z-1"] {
            assert_eq!(read(text).unwrap().as_str(), text);
        }
        for text in ["", "PJSIP/1&PJSIP/2", "a,b", "${X}", "a b", "a\"b", "a|b", "é", &"x".repeat(81)] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with("Agent: ") && error.contains("allowed: 1 to 80"), "{error}");
        }
    }
}
