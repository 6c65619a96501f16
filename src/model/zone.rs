//! By whose clock a callee lives: the time zone that his record names, else those that his number may be in.

use std::collections::HashMap;
use std::fmt;
use std::slice;
use std::sync::LazyLock;

use chrono_tz::Tz;

use super::number::PhoneNumber;
use super::schedule::ScZone;

/// Lines of zones, a colon, and prefixes.
const PREFIXES: &str = include_str!("zone/prefixes.txt");
/// The longest prefix, in digits.
const LONGEST: usize = 6;

/// The table, by its prefixes.
static TABLE: LazyLock<HashMap<&'static str, Vec<Tz>>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for (zones, prefixes) in lines() {
        // A name that the program does not know would be told by a test.
        let zones: Vec<Tz> = zones.split(' ').filter_map(|name| name.parse().ok()).collect();
        table.extend(prefixes.split(' ').map(|prefix| (prefix, zones.clone())));
    }
    table
});

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    PREFIXES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "))
}

/// Where a callee may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// His record says it.
    Said(Tz),
    /// His number begins with that, and may be in any of these zones.
    Prefix(&'static str, &'static [Tz]),
    /// Nothing is known: he is taken to be where his campaign is.
    Unknown(Tz),
}

impl Whereabouts {
    /// Those of a contact of that zone, where it has one, who is called at that number by a campaign of that zone.
    pub fn of(said: Option<ScZone>, number: &PhoneNumber, campaign: Tz) -> Self {
        match (said, by_prefix(number.as_str())) {
            (Some(zone), _) => Self::Said(zone.tz()),
            (None, Some((prefix, zones))) => Self::Prefix(prefix, zones),
            (None, None) => Self::Unknown(campaign),
        }
    }

    /// The zones that he may be in, at least one.
    pub fn zones(&self) -> &[Tz] {
        match self {
            Self::Said(zone) | Self::Unknown(zone) => slice::from_ref(zone),
            Self::Prefix(_, zones) => zones,
        }
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(zone) => write!(f, "{zone}, its TimeZone"),
            Self::Prefix(prefix, [zone]) => write!(f, "{zone}, by its number's prefix {prefix}"),
            Self::Prefix(prefix, zones) => {
                let names: Vec<_> = zones.iter().map(|zone| zone.name()).collect();
                write!(f, "any of {}, by its number's prefix {prefix}", names.join(", "))
            }
            Self::Unknown(zone) => {
                write!(
                    f,
                    "{zone}, its campaign's: it has no TimeZone, and its number no prefix that says one"
                )
            }
        }
    }
}

/// The longest prefix that is known of a number in its international form, `+49…` or `0049…`, and its zones.
fn by_prefix(number: &str) -> Option<(&'static str, &'static [Tz])> {
    let digits = number.strip_prefix('+').or_else(|| number.strip_prefix("00"))?;
    let known = (1..=LONGEST).rev().filter_map(|length| digits.get(..length));
    let (prefix, zones) = known.filter_map(|prefix| TABLE.get_key_value(prefix)).next()?;
    Some((prefix, zones))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: &str) -> String {
        let number = PhoneNumber::trusted(number.to_owned());
        let whereabouts = Whereabouts::of(None, &number, Tz::UTC);
        whereabouts.zones().iter().map(|zone| zone.name()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_line_of_the_table_is_read_whole() {
        let mut seen = std::collections::HashSet::new();
        for line in PREFIXES.lines().filter(|line| !line.starts_with('#')) {
            let (zones, prefixes) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            for zone in zones.split(' ') {
                assert!(zone.parse::<Tz>().is_ok(), "{zone}");
            }
            for prefix in prefixes.split(' ') {
                let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
                assert!(digits && (1..=LONGEST).contains(&prefix.len()), "{prefix}");
                assert!(seen.insert(prefix), "{prefix} is there twice");
                assert_eq!(TABLE[prefix].len(), zones.split(' ').count());
            }
        }
        assert!(seen.len() > 600);
    }

    #[test]
    fn the_longest_prefix_counts() {
        for (number, zones) in [
            ("+49301234", "Europe/Berlin"),
            ("0049301234", "Europe/Berlin"),
            ("+12125550100", "America/New_York"),
            ("+18085550100", "Pacific/Honolulu"),
            ("+12705550100", "America/Chicago America/New_York"),
            ("+34928123456", "Atlantic/Canary"),
            ("+34600123456", "Europe/Madrid Atlantic/Canary"),
            ("+74955550100", "Europe/Moscow"),
            ("+77015550100", "Asia/Almaty"),
            ("+61731234567", "Australia/Brisbane"),
            ("+6281234567", "Asia/Jakarta Asia/Makassar Asia/Jayapura"),
            (
                "+1",
                "America/St_Johns America/Halifax America/Puerto_Rico America/New_York America/Chicago America/Regina America/Denver America/Phoenix America/Los_Angeles America/Anchorage America/Adak Pacific/Honolulu Pacific/Pago_Pago Pacific/Guam",
            ),
        ] {
            assert_eq!(of(number), zones, "{number}");
        }
        assert!(of("+18005550100").starts_with("America/St_Johns America/Halifax"), "a number of no region");
        assert_eq!(of("+79165550100").split(' ').count(), 11, "a Russian mobile number");
        for number in ["030123456", "301", "*72", "12125550100", "+", "00", "+999", "+8835100", "alice"] {
            assert_eq!(of(number), "UTC", "{number}");
        }
    }

    #[test]
    fn what_the_record_says_goes_before_what_the_number_may_mean() {
        let number = PhoneNumber::trusted("+49301234".to_owned());
        let said = Whereabouts::of("Asia/Tokyo".parse().ok(), &number, Tz::UTC);
        assert_eq!(said, Whereabouts::Said(Tz::Asia__Tokyo));
        assert_eq!(said.to_string(), "Asia/Tokyo, its TimeZone");
        let prefix = Whereabouts::of(None, &number, Tz::UTC).to_string();
        assert_eq!(prefix, "Europe/Berlin, by its number's prefix 49");
        let number = PhoneNumber::trusted("+34600123456".to_owned());
        let ambiguous = Whereabouts::of(None, &number, Tz::UTC).to_string();
        assert_eq!(ambiguous, "any of Europe/Madrid, Atlantic/Canary, by its number's prefix 34");
    }
}
