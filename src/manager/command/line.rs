//! What an `out …` line asks for. Its words are read in any case.

use crate::daemon::control::Manner;
use crate::model::codes::CampaignStatus;
use crate::model::fields::Fields;
use crate::model::refusal::NounKind;

/// What there is.
pub const FORMS: [&str; 21] = [
    "out show campaigns",
    "out show campaign UUID",
    "out show plans",
    "out show plan UUID",
    "out show dlmas",
    "out show dlma UUID",
    "out show dlma list UUID",
    "out show dls [DLMA_UUID] [count N] [after UUID]",
    "out show dl UUID",
    "out show destinations",
    "out show destination UUID",
    "out show dialings",
    "out show dialing UUID",
    "out set status start|stop|pause|stop-forcedly on UUID",
    "out create campaign Name=… Plan=UUID Dlma=UUID Dest=UUID …",
    "out delete campaign UUID",
    "out explain CAMPAIGN_UUID|CONTACT_UUID|NUMBER",
    "out daemon stop [now|hangup]",
    "out daemon drain",
    "out daemon calls",
    "out daemon reload",
];

/// One line, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    List(NounKind),
    Contacts(Contacts),
    One(NounKind, String),
    SetStatus(CampaignStatus, String),
    CreateCampaign(Fields),
    DeleteCampaign(String),
    /// Of a campaign's or a contact's uuid, or of a number.
    Explain(String),
    Daemon(Daemon),
}

/// Which contacts are shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contacts {
    /// Of this list, or of all.
    pub(super) dlma: Option<String>,
    /// So many at most.
    pub(super) count: Option<u32>,
    /// Those that come after this one.
    pub(super) after: Option<String>,
}

/// What the daemon itself is told, or asked; `astout stop`, `drain` and `reload` say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Daemon {
    Stop(Manner),
    Reload,
    /// How many dialings have not ended.
    Calls,
}

/// Why it is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It does not begin with `out`.
    NotOurs,
    /// What would be right, a line each.
    Usage(Vec<String>),
    /// A quote is opened and not closed.
    OpenQuote,
}

/// What a line with such a quote is answered with.
pub const OPEN_QUOTE: &str =
    "a quote is opened and not closed; close it, or write \\\" within quotes for one that is text";

pub(super) fn parse(text: &str) -> Result<Line, Wrong> {
    let (words, open) = words(text);
    let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let line = match lower.as_slice() {
        ["out", ..] if open => return Err(Wrong::OpenQuote),
        ["out", "show", "campaigns"] => Line::List(NounKind::Campaign),
        ["out", "show", "plans"] => Line::List(NounKind::Plan),
        ["out", "show", "dlmas"] => Line::List(NounKind::Dlma),
        ["out", "show", "destinations"] => Line::List(NounKind::Destination),
        ["out", "show", "dialings"] => Line::List(NounKind::Dialing),
        ["out", "show", "dls", which @ ..] => Line::Contacts(contacts(which).ok_or_else(|| usage(&lower))?),
        ["out", "show", "dlma", "list", dlma] => {
            Line::Contacts(Contacts { dlma: Some((*dlma).to_owned()), ..Contacts::default() })
        }
        ["out", "show", "dlma", "list"] => return Err(usage(&lower)),
        ["out", "show", "campaign", uuid] => Line::One(NounKind::Campaign, (*uuid).to_owned()),
        ["out", "show", "plan", uuid] => Line::One(NounKind::Plan, (*uuid).to_owned()),
        ["out", "show", "dlma", uuid] => Line::One(NounKind::Dlma, (*uuid).to_owned()),
        ["out", "show", "dl", uuid] => Line::One(NounKind::Dl, (*uuid).to_owned()),
        ["out", "show", "destination", uuid] => Line::One(NounKind::Destination, (*uuid).to_owned()),
        ["out", "show", "dialing", uuid] => Line::One(NounKind::Dialing, (*uuid).to_owned()),
        ["out", "set", "status", status, "on", uuid] => {
            let status = requested(status).ok_or_else(|| usage(&lower))?;
            Line::SetStatus(status, (*uuid).to_owned())
        }
        ["out", "create", "campaign", _, ..] => {
            let pairs: Option<Vec<_>> = words[3..].iter().map(|word| word.split_once('=')).collect();
            Line::CreateCampaign(pairs.ok_or_else(|| usage(&lower))?.into_iter().collect())
        }
        ["out", "delete", "campaign", uuid] => Line::DeleteCampaign((*uuid).to_owned()),
        ["out", "explain", what] => Line::Explain((*what).to_owned()),
        ["out", "daemon", "stop"] => Line::Daemon(Daemon::Stop(Manner::InOrder)),
        ["out", "daemon", "stop", "now"] => Line::Daemon(Daemon::Stop(Manner::Now)),
        ["out", "daemon", "stop", "hangup"] => Line::Daemon(Daemon::Stop(Manner::HangUp)),
        ["out", "daemon", "drain"] => Line::Daemon(Daemon::Stop(Manner::Drain)),
        ["out", "daemon", "reload"] => Line::Daemon(Daemon::Reload),
        ["out", "daemon", "calls"] => Line::Daemon(Daemon::Calls),
        ["out", ..] => return Err(usage(&lower)),
        _ => return Err(Wrong::NotOurs),
    };
    Ok(line)
}

/// What stands behind `out show dls`.
fn contacts(words: &[&str]) -> Option<Contacts> {
    let (dlma, mut rest) = match words {
        [] | ["count" | "after", ..] => (None, words),
        [dlma, rest @ ..] => (Some((*dlma).to_owned()), rest),
    };
    let mut contacts = Contacts { dlma, ..Contacts::default() };
    loop {
        rest = match rest {
            [] => return Some(contacts),
            ["count", count, rest @ ..] => {
                contacts.count = Some(count.parse().ok().filter(|count| *count > 0)?);
                rest
            }
            ["after", uuid, rest @ ..] => {
                contacts.after = Some((*uuid).to_owned());
                rest
            }
            _ => return None,
        };
    }
}

/// The forms that begin as the line does, as far as any does.
fn usage(given: &[&str]) -> Wrong {
    let begins =
        |form: &str, count: usize| form.split(' ').zip(&given[..count]).all(|(word, given)| word == *given);
    let longest = (0..=given.len()).rev().find(|count| FORMS.iter().any(|form| begins(form, *count)));
    let right = FORMS.iter().filter(|form| begins(form, longest.unwrap_or_default()));
    Wrong::Usage(right.map(|form| format!("usage: {form}")).collect())
}

/// What may be meant by a line that only lacks its `out`, a line each: itself with that, or the forms that begin so.
pub(super) fn meant(text: &str) -> Vec<String> {
    let under_out = |word: &String| {
        FORMS.iter().any(|form| form.split(' ').nth(1).is_some_and(|known| word.eq_ignore_ascii_case(known)))
    };
    if !words(text).0.first().is_some_and(under_out) {
        return Vec::new();
    }
    let whole = format!("out {text}");
    match parse(&whole) {
        Ok(_) => vec![format!("did you mean: {whole}")],
        Err(Wrong::Usage(usage)) => usage,
        Err(Wrong::OpenQuote) => vec![OPEN_QUOTE.to_owned()],
        Err(Wrong::NotOurs) => Vec::new(),
    }
}

/// The words of a line, between blanks; within `"…"` blanks count, and `\` takes its sense from what follows; and whether
/// a quote is left open.
pub fn words(text: &str) -> (Vec<String>, bool) {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(chars.next()),
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (words, quoted)
}

fn requested(word: &str) -> Option<CampaignStatus> {
    [CampaignStatus::Start, CampaignStatus::Stop, CampaignStatus::Pause, CampaignStatus::StoppingForcedly]
        .into_iter()
        .find(|status| word == status_word(*status) || (word == "stop-forcedly" && status.code() == 30))
}

/// The status in a word.
pub const fn status_word(status: CampaignStatus) -> &'static str {
    match status {
        CampaignStatus::Stop => "stop",
        CampaignStatus::Start => "start",
        CampaignStatus::Pause => "pause",
        CampaignStatus::Stopping => "stopping",
        CampaignStatus::Starting => "starting",
        CampaignStatus::Pausing => "pausing",
        CampaignStatus::StoppingForcedly => "stopping forcedly",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage_of(text: &str) -> Vec<String> {
        match parse(text) {
            Err(Wrong::Usage(usage)) => usage,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn words_are_read_in_any_case_and_with_any_blanks() {
        assert_eq!(parse("  OUT  show\tCampaigns "), Ok(Line::List(NounKind::Campaign)));
        let list = || Contacts { dlma: Some("abcd".into()), ..Contacts::default() };
        assert_eq!(parse("out show dlma list abcd"), Ok(Line::Contacts(list())));
        assert_eq!(parse("out show dls ABCD"), Ok(Line::Contacts(list())));
        let part = Contacts { count: Some(5), after: Some("beef".into()), ..Contacts::default() };
        assert_eq!(parse("out show dls count 5 after beef"), Ok(Line::Contacts(part)));
        assert_eq!(parse("out show dlma abcd"), Ok(Line::One(NounKind::Dlma, "abcd".into())));
    }

    #[test]
    fn a_line_that_lacks_its_out_is_understood_enough_to_say_so() {
        assert_eq!(meant("explain abcd"), ["did you mean: out explain abcd"]);
        assert_eq!(meant("Show plans"), ["did you mean: out Show plans"]);
        assert_eq!(meant("explain"), ["usage: out explain CAMPAIGN_UUID|CONTACT_UUID|NUMBER"]);
        assert_eq!(meant("create \"x"), [OPEN_QUOTE]);
        assert!(meant("core show channels").is_empty() && meant("").is_empty() && meant("out").is_empty());
    }

    #[test]
    fn the_status_is_asked_for_in_words() {
        for (word, status) in [("start", 1), ("stop", 0), ("pause", 2), ("stop-forcedly", 30)] {
            let line = parse(&format!("out set status {word} on abcd"));
            assert_eq!(line, Ok(Line::SetStatus(status.try_into().unwrap(), "abcd".into())), "{word}");
        }
        assert_eq!(
            usage_of("out set status go on abcd"),
            ["usage: out set status start|stop|pause|stop-forcedly on UUID"]
        );
    }

    #[test]
    fn a_campaign_is_created_of_fields_whose_values_may_be_quoted() {
        let fields = [("Name", "a \"b\""), ("Plan", "x")].into_iter().collect();
        assert_eq!(parse(r#"out create campaign Name="a \"b\"" Plan=x"#), Ok(Line::CreateCampaign(fields)));
    }

    #[test]
    fn a_quote_that_is_not_closed_is_not_guessed_at() {
        for line in
            [r#"out create campaign Name="open"#, r#"out create campaign Name="a\" Plan=x"#, "out show \""]
        {
            assert_eq!(parse(line), Err(Wrong::OpenQuote), "{line}");
        }
        assert_eq!(parse(r#"dialplan show "x"#), Err(Wrong::NotOurs), "Asterisk reads its lines itself");
    }

    #[test]
    fn a_wrong_line_is_answered_with_the_forms_that_begin_alike() {
        assert_eq!(usage_of("out show campaign"), ["usage: out show campaign UUID"]);
        assert_eq!(
            usage_of("out show dlma"),
            ["usage: out show dlma UUID", "usage: out show dlma list UUID"]
        );
        assert_eq!(usage_of("out show dlma list"), ["usage: out show dlma list UUID"]);
        for wrong in ["count", "count 0", "abcd beef", "after"] {
            let usage = usage_of(&format!("out show dls {wrong}"));
            assert_eq!(usage, ["usage: out show dls [DLMA_UUID] [count N] [after UUID]"], "{wrong}");
        }
        assert_eq!(usage_of("out").len(), FORMS.len());
        assert_eq!(usage_of("out shw").len(), FORMS.len());
        assert_eq!(parse("core stop now"), Err(Wrong::NotOurs));
        assert_eq!(parse("outrageous"), Err(Wrong::NotOurs));
    }
}
