//! Terms: all that a plan says of when a contact is due, in short. A contact that is put off is so by terms; where they
//! change, or another plan's count, it is looked at anew.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use md5::{Digest, Md5};

use super::plan::Plan;

/// Those of a plan, for a campaign of a time zone: alike where all is alike that they stand for. As text sixteen
/// hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Terms(u64);

/// By whose terms a contact is put off: none, or up to four that were asked one after the other. As text these with commas
/// between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PutOff([Option<Terms>; MOST]);

const MOST: usize = 4;
const DIGITS: usize = 16;

/// A text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sixteen hexadecimal digits, or up to four times that with commas between")]
pub struct NotTerms;

impl Terms {
    /// Those of `plan` in a campaign whose schedule is of that zone.
    pub fn of(plan: &Plan, zone: Tz) -> Self {
        let said = (&plan.calling, plan.retry_delay_s, &plan.retry, plan.max_retry, zone.name());
        let digest = Md5::digest(format!("{said:?}"));
        Self(digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }
}

impl PutOff {
    /// By these alone.
    pub const fn by(terms: Terms) -> Self {
        Self([Some(terms), None, None, None])
    }

    /// By these as well; `None` where there is no room for more.
    pub fn and(self, terms: Terms) -> Option<Self> {
        let mut all = self.0;
        *all.iter_mut().find(|place| place.is_none())? = Some(terms);
        Some(Self(all))
    }

    /// Whether it is by nobody's.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Whether it is by these, too.
    pub fn is_by(self, terms: Terms) -> bool {
        self.0.contains(&Some(terms))
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$x}", self.0)
    }
}

impl FromStr for Terms {
    type Err = NotTerms;

    fn from_str(text: &str) -> Result<Self, NotTerms> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        let digits = text.len() == DIGITS && text.bytes().all(is_digit);
        u64::from_str_radix(text, 16).ok().filter(|_| digits).map(Self).ok_or(NotTerms)
    }
}

impl fmt::Display for PutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, terms) in self.0.iter().flatten().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            terms.fmt(f)?;
        }
        Ok(())
    }
}

impl FromStr for PutOff {
    type Err = NotTerms;

    fn from_str(text: &str) -> Result<Self, NotTerms> {
        let mut put_off = Self::default();
        for terms in text.split(',') {
            put_off = put_off.and(terms.parse()?).ok_or(NotTerms)?;
        }
        Ok(put_off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::PlanUuid;
    use crate::model::policy::Policy;
    use crate::model::time::Timestamp;

    fn terms(fields: &[(&str, &str)], zone: Tz) -> Terms {
        let uuid = PlanUuid::new(uuid::Uuid::nil());
        let fields = fields.iter().copied().collect();
        let plan = Plan::create(uuid, &fields, &Policy::default(), Timestamp::from_micros(0)).unwrap();
        Terms::of(&plan, zone)
    }

    #[test]
    fn terms_change_with_whatever_says_when_a_contact_is_due_and_with_nothing_else() {
        let bare = terms(&[], Tz::UTC);
        for fields in
            [&[("Name", "x"), ("TechName", "PJSIP")][..], &[("DialTimeout", "1000"), ("RetryDelay", "60")]]
        {
            assert_eq!(terms(fields, Tz::UTC), bare, "{fields:?}");
        }
        for field in [
            ("ContactCap", "3/1d"),
            ("NumberCap", "3/1d"),
            ("CallingHours", "mon 08:00-09:00"),
            ("Holidays", "12-25"),
            ("RetryDelay", "61"),
            ("RetryDelayBusy", "60"),
            ("TrunkFaultRetries", "1"),
            ("MaxRetry8", "1"),
        ] {
            assert_ne!(terms(&[field], Tz::UTC), bare, "{field:?}");
        }
        assert_ne!(terms(&[], Tz::Europe__Berlin), bare);
    }

    #[test]
    fn what_a_contact_is_put_off_by_reads_back_and_holds_four() {
        let [a, b, c, d, e] = ["1", "2", "3", "4", "5"].map(|delay| terms(&[("RetryDelay", delay)], Tz::UTC));
        let all = PutOff::by(a).and(b).and_then(|all| all.and(c)).and_then(|all| all.and(d)).unwrap();
        assert_eq!(all.to_string().parse(), Ok(all));
        assert_eq!(PutOff::by(b).to_string(), b.to_string());
        assert!(all.is_by(d) && !all.is_by(e) && all.and(e).is_none());
        assert!(PutOff::default().is_none() && !all.is_none());
        for text in ["", "x", "0123456789abcde", "0123456789ABCDEF", "0123456789abcdef,", ","] {
            assert!(text.parse::<PutOff>().is_err(), "{text}");
        }
    }
}
