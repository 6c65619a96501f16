//! Event filters, as the action Filter adds them to a session (spec 5.7) and manager.conf's `eventfilter` has them: what an
//! operator wants of the events that he may read.
//!
//! With filters that include, an event passes that any of them matches; of those, and without such of all, the ones go that a
//! filter which excludes matches. A filter is a regular expression over the whole text of the event (`!` before it:
//! excludes), or has a `MatchCriteria` such as `action(exclude),name(Newchannel),header(Channel),method(starts_with)`.

use bytes::Bytes;
use regex_lite::{Regex, RegexBuilder};

use super::action::Request;
use super::message::Message;

/// The most filters of a session: each costs time with every event.
const MOST: usize = 100;
/// The most that an expression may take, compiled, in bytes.
const MOST_COMPILED: usize = 256 * 1024;

/// Why a filter was not added, in Asterisk's words where it has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdded {
    /// The operation is not `Add`.
    #[error("Unknown operation")]
    Operation,
    /// No expression, or criteria that are none.
    #[error("Filter was formatted incorrectly.  Check the syntax of the filter given.")]
    Format,
    /// No regular expression.
    #[error("Filter did not compile.  Check the syntax of the filter given.")]
    Expression,
    /// There are too many already.
    #[error("Too many filters; allowed: {MOST} on a connection")]
    TooMany,
}

/// The filters of one session.
#[derive(Debug, Default)]
pub struct Filters {
    include: Vec<Filter>,
    exclude: Vec<Filter>,
}

#[derive(Debug)]
struct Filter {
    name: Option<String>,
    header: Option<String>,
    method: Method,
}

#[derive(Debug)]
enum Method {
    Any,
    Regex(Regex),
    Exact(String),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
}

impl Filters {
    /// Carries out an action Filter.
    ///
    /// # Errors
    /// Where it is not of its form; nothing changes then.
    pub fn add(&mut self, request: &Request) -> Result<(), NotAdded> {
        if !request.get("Operation").is_some_and(|operation| operation.eq_ignore_ascii_case("Add")) {
            return Err(NotAdded::Operation);
        }
        if self.include.len() + self.exclude.len() >= MOST {
            return Err(NotAdded::TooMany);
        }
        let expression = request.get("Filter").unwrap_or_default();
        let (filter, excludes) = match request.get("MatchCriteria") {
            Some(criteria) => Filter::of_criteria(&criteria, &expression)?,
            None => {
                let (text, excludes) = match expression.strip_prefix('!') {
                    Some(text) => (text, true),
                    None => (&*expression, false),
                };
                let method = Method::new("regex", text)?;
                (Filter { name: None, header: None, method }, excludes)
            }
        };
        let filters = if excludes { &mut self.exclude } else { &mut self.include };
        filters.push(filter);
        Ok(())
    }

    /// Whether an event passes that is written so.
    pub fn pass(&self, wire: &Bytes) -> bool {
        if self.include.is_empty() && self.exclude.is_empty() {
            return true;
        }
        let event = Message::from_wire(wire.clone());
        let text = String::from_utf8_lossy(wire);
        (self.include.is_empty() || self.include.iter().any(|filter| filter.matches(&event, &text)))
            && !self.exclude.iter().any(|filter| filter.matches(&event, &text))
    }
}

impl Filter {
    /// The filter, and whether it excludes.
    fn of_criteria(criteria: &str, expression: &str) -> Result<(Self, bool), NotAdded> {
        let (mut action, mut name, mut header, mut method) = (None, None, None, None);
        for criterion in criteria.split(',') {
            let criterion = criterion.trim().strip_suffix(')').and_then(|rest| rest.split_once('('));
            let (word, value) = criterion.ok_or(NotAdded::Format)?;
            let place = match word.trim() {
                "action" => &mut action,
                "name" => &mut name,
                "header" => &mut header,
                "method" => &mut method,
                _ => return Err(NotAdded::Format),
            };
            if value.is_empty() || place.replace(value.to_owned()).is_some() {
                return Err(NotAdded::Format);
            }
        }
        let excludes = match action.as_deref() {
            None | Some("include") => false,
            Some("exclude") => true,
            Some(_) => return Err(NotAdded::Format),
        };
        let method = Method::new(method.as_deref().unwrap_or("none"), expression)?;
        Ok((Self { name, header, method }, excludes))
    }

    fn matches(&self, event: &Message, text: &str) -> bool {
        if let Some(name) = &self.name
            && event.event_name().as_deref() != Some(name)
        {
            return false;
        }
        match &self.header {
            Some(header) => event.all(header).any(|value| self.method.matches(&value)),
            None => self.method.matches(text),
        }
    }
}

impl Method {
    fn new(word: &str, expression: &str) -> Result<Self, NotAdded> {
        let text = || match expression {
            "" => Err(NotAdded::Format),
            text => Ok(text.to_owned()),
        };
        Ok(match word {
            "none" => Self::Any,
            // As POSIX has it: a dot is any byte, line ends too, and only the ends of the whole text are anchors.
            "regex" => {
                let regex =
                    RegexBuilder::new(&text()?).dot_matches_new_line(true).size_limit(MOST_COMPILED).build();
                Self::Regex(regex.map_err(|_| NotAdded::Expression)?)
            }
            "exact" => Self::Exact(text()?),
            "starts_with" => Self::StartsWith(text()?),
            "ends_with" => Self::EndsWith(text()?),
            "contains" => Self::Contains(text()?),
            _ => return Err(NotAdded::Format),
        })
    }

    fn matches(&self, data: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Regex(regex) => regex.is_match(data),
            Self::Exact(text) => data == text,
            Self::StartsWith(text) => data.starts_with(text),
            Self::EndsWith(text) => data.ends_with(text),
            Self::Contains(text) => data.contains(text.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &str) -> Request {
        Request::from_message(Message::from_wire(format!("Action: Filter\n{lines}\n\n"))).unwrap()
    }

    fn filters(all: &[&str]) -> Filters {
        let mut filters = Filters::default();
        for lines in all {
            filters.add(&request(&format!("Operation: Add\n{lines}"))).unwrap();
        }
        filters
    }

    fn passing(filters: &Filters) -> Vec<&'static str> {
        [
            ("new local", "Event: Newchannel\r\nChannel: Local/1@x\r\nExten: 1\r\n\r\n"),
            ("new sip", "Event: Newchannel\r\nChannel: PJSIP/james-1\r\nExten: 2\r\n\r\n"),
            ("gone local", "Event: Hangup\r\nChannel: Local/1@x\r\nCause: 16\r\n\r\n"),
            ("user", "Event: UserEvent\r\nUserEvent: Foo\r\nA: 1\r\nA: 2\r\n\r\n"),
        ]
        .into_iter()
        .filter(|(_, text)| filters.pass(&Bytes::from_static(text.as_bytes())))
        .map(|(name, _)| name)
        .collect()
    }

    #[test]
    fn without_filters_everything_passes() {
        assert_eq!(passing(&Filters::default()).len(), 4);
    }

    #[test]
    fn expressions_are_run_over_the_whole_event() {
        assert_eq!(passing(&filters(&["Filter: Event: Newchannel"])), ["new local", "new sip"]);
        assert_eq!(passing(&filters(&["Filter: Channel: (PJ)?SIP/(james|jim)-"])), ["new sip"]);
        assert_eq!(
            passing(&filters(&["Filter: !Event: (Newchannel|Hangup).*Channel: Local/"])),
            ["new sip", "user"]
        );
        let both = ["Filter: Event: Newchannel", "Filter: Event: Hangup", "Filter: !Channel: Local/"];
        assert_eq!(passing(&filters(&both)), ["new sip"]);
        assert_eq!(passing(&filters(&["Filter: ^Event: [[:alpha:]]+Event\r"])), ["user"]);
    }

    #[test]
    fn criteria_narrow_it_to_a_name_and_a_header() {
        let criteria = |criteria: &str, filter: &str| {
            passing(&filters(&[&format!("MatchCriteria: {criteria}\nFilter: {filter}")]))
        };
        assert_eq!(criteria("name(Newchannel)", ""), ["new local", "new sip"]);
        assert_eq!(criteria("header(Channel),method(regex)", "^(PJ)?SIP/"), ["new sip"]);
        assert_eq!(criteria("header(A),method(exact)", "2"), ["user"]);
        assert_eq!(criteria("method(ends_with),header(Channel)", "@x"), ["new local", "gone local"]);
        assert_eq!(criteria("method(contains)", "Cause"), ["gone local"]);
        assert_eq!(
            criteria("action(exclude),name(Newchannel),header(Channel),method(starts_with)", "Local/"),
            ["new sip", "gone local", "user"]
        );
    }

    #[test]
    fn what_is_no_filter_is_refused_in_asterisks_words() {
        for (lines, why) in [
            ("Operation: Remove\nFilter: x", NotAdded::Operation),
            ("Filter: abc", NotAdded::Operation),
            ("Operation: Add", NotAdded::Format),
            ("Operation: Add\nFilter: !", NotAdded::Format),
            ("Operation: Add\nFilter: (((", NotAdded::Expression),
            ("Operation: Add\nMatchCriteria: bogus(\nFilter: Bar", NotAdded::Format),
            ("Operation: Add\nMatchCriteria: name(a),name(b)", NotAdded::Format),
            ("Operation: Add\nMatchCriteria: action(maybe)", NotAdded::Format),
            ("Operation: Add\nMatchCriteria: method(regex)", NotAdded::Format),
            ("Operation: Add\nFilter: (a{1000}){1000}", NotAdded::Expression),
        ] {
            assert_eq!(Filters::default().add(&request(lines)), Err(why), "{lines}");
        }
        let mut many = filters(&["Filter: x"; MOST]);
        assert_eq!(many.add(&request("Operation: Add\nFilter: x")), Err(NotAdded::TooMany));
    }
}
