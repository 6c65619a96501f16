//! The ids of the nouns: one type each, so that a plan's uuid never lands where a campaign's belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is no uuid in its hyphenated form (`xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a uuid of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")]
pub struct NotAUuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a uuid that something else has made or checked.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The uuid itself.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAUuid;

            fn from_str(text: &str) -> Result<Self, NotAUuid> {
                if text.len() != uuid::fmt::Hyphenated::LENGTH {
                    return Err(NotAUuid);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| NotAUuid)
            }
        }
    )*};
}

ids! {
    /// Names a plan.
    PlanUuid;
    /// Names a dlma (dial list master).
    DlmaUuid;
    /// Names a destination.
    DestinationUuid;
    /// Names a dl: one contact of a dial list.
    DlUuid;
    /// Names a campaign.
    CampaignUuid;
    /// Names a dialing: one attempt. It is the `ChannelId` of its Originate and so the `Uniqueid` of its channel.
    DialingUuid;
    /// Names a capsule: one frozen state of campaign, plan, dlma and destination together.
    CapsuleUuid;
}

/// Where new uuids come from: randomness as a parameter, so that the same source gives the same run again.
pub struct Ids(Box<dyn FnMut() -> Uuid + Send>);

impl Ids {
    /// Takes them from `source`, which never gives one twice.
    pub fn new(source: impl FnMut() -> Uuid + Send + 'static) -> Self {
        Self(Box::new(source))
    }

    /// A new one.
    pub fn next_uuid(&mut self) -> Uuid {
        (self.0)()
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_and_shown_in_lower_case_with_hyphens() {
        let id: PlanUuid = "F9866959-9CF5-49FB-AEE0-878BFC7BD71F".parse().unwrap();
        assert_eq!(id.to_string(), "f9866959-9cf5-49fb-aee0-878bfc7bd71f");
    }

    #[test]
    fn other_spellings_of_a_uuid_are_refused() {
        for text in ["", "x", "f98669599cf549fbaee0878bfc7bd71f", "{f9866959-9cf5-49fb-aee0-878bfc7bd71f}"] {
            assert_eq!(text.parse::<PlanUuid>(), Err(NotAUuid), "{text}");
        }
    }
}
