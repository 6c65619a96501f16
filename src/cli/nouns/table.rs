//! Nouns as a table for people: columns as wide as what they hold, none that nobody fills.

use serde_json::Value;

use crate::manager::command::status_word;
use crate::model::codes::CampaignStatus;
use crate::model::refusal::NounKind;

/// A longer value is cut.
const WIDEST: usize = 40;
/// So much of another noun's uuid is shown.
const SHORT: usize = 8;

/// A heading, and where in the noun's record its value stands.
pub(super) type Column = (&'static str, &'static str);

const fn columns(kind: NounKind) -> &'static [Column] {
    match kind {
        NounKind::Campaign => &[
            ("UUID", "/uuid"),
            ("NAME", "/name"),
            ("STATUS", "/status"),
            ("PLAN", "/plan"),
            ("DLMA", "/dlma"),
            ("DEST", "/dest"),
            ("DETAIL", "/detail"),
        ],
        NounKind::Plan => &[
            ("UUID", "/uuid"),
            ("NAME", "/name"),
            ("MODE", "/dial_mode"),
            ("TIMEOUT", "/dial_timeout"),
            ("TECH", "/tech_name"),
            ("TRUNK", "/trunk_name"),
            ("RETRY DELAY", "/retry_delay"),
            ("DETAIL", "/detail"),
        ],
        NounKind::Dlma => &[("UUID", "/uuid"), ("NAME", "/name"), ("DETAIL", "/detail")],
        NounKind::Destination => &[
            ("UUID", "/uuid"),
            ("NAME", "/name"),
            ("TYPE", "/type"),
            ("EXTEN", "/exten"),
            ("CONTEXT", "/context"),
            ("PRIORITY", "/priority"),
            ("APPLICATION", "/application"),
            ("DATA", "/data"),
            ("DETAIL", "/detail"),
        ],
        NounKind::Dl => &[
            ("UUID", "/uuid"),
            ("NAME", "/name"),
            ("UKEY", "/ukey"),
            ("STATUS", "/status"),
            ("TRIES", "/trycnt"),
            ("RESULT", "/res_dial"),
            ("DLMA", "/dlma_uuid"),
            ("NUMBER1", "/number_1"),
            ("NUMBER2", "/number_2"),
            ("NUMBER3", "/number_3"),
            ("NUMBER4", "/number_4"),
            ("NUMBER5", "/number_5"),
            ("NUMBER6", "/number_6"),
            ("NUMBER7", "/number_7"),
            ("NUMBER8", "/number_8"),
            ("DETAIL", "/detail"),
        ],
        NounKind::Dialing => &[
            ("UUID", "/uuid"),
            ("STATUS", "/status"),
            ("ADDR", "/j_dialing/dial_addr"),
            ("CHANNEL", "/j_dialing/dial_channel"),
            ("TRY", "/j_dialing/dial_trycnt"),
            ("CAMPAIGN", "/j_dialing/camp_uuid"),
            ("DL", "/j_dialing/dl_list_uuid"),
            ("SINCE", "/tm_create"),
        ],
    }
}

/// What a campaign's counts are shown as.
pub(super) const STAT: &[Column] = &[
    ("UUID", "/uuid"),
    ("NAME", "/name"),
    ("STATUS", "/status"),
    ("TOTAL", "/dl_total_count"),
    ("FINISHED", "/dl_finished_count"),
    ("AVAILABLE", "/dl_available_count"),
    ("DIALING", "/dl_dialing_count"),
    ("CALLED", "/dl_called_count"),
    ("HELD", "/dl_held_count"),
];

/// The table of nouns, a line each, headings first; `full` cuts nothing.
pub(super) fn lines(kind: NounKind, nouns: &[Value], full: bool) -> Vec<String> {
    of(kind, columns(kind), nouns, full)
}

/// The table of those columns, of nouns of that kind.
pub(super) fn of(kind: NounKind, columns: &[Column], nouns: &[Value], full: bool) -> Vec<String> {
    let filled: Vec<(&str, Vec<String>)> = columns
        .iter()
        .map(|(heading, at)| {
            let value = |noun: &Value| noun.pointer(at).map(text).unwrap_or_default();
            (*heading, nouns.iter().map(|noun| shown(kind, heading, value(noun), full)).collect::<Vec<_>>())
        })
        .filter(|(heading, values)| {
            matches!(*heading, "UUID" | "NAME") || values.iter().any(|value| !value.is_empty())
        })
        .collect();
    let width = |heading: &str, values: &[String]| {
        values.iter().map(|value| value.chars().count()).fold(heading.len(), usize::max)
    };
    let widths: Vec<usize> = filled.iter().map(|(heading, values)| width(heading, values)).collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let headings = line(filled.iter().map(|(heading, _)| *heading).collect());
    let row = |row: usize| line(filled.iter().map(|(_, values)| values[row].as_str()).collect());
    std::iter::once(headings).chain((0..nouns.len()).map(row)).collect()
}

/// A value as people read it; nothing where it is not set.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn shown(kind: NounKind, heading: &str, text: String, full: bool) -> String {
    match (kind, heading) {
        (NounKind::Campaign, "STATUS") => status(&text),
        (_, "UUID" | "DL") => text,
        _ if full => text,
        (_, "PLAN" | "DLMA" | "DEST" | "CAMPAIGN") => text.chars().take(SHORT).collect(),
        _ if text.chars().count() > WIDEST => {
            text.chars().take(WIDEST - 1).chain(std::iter::once('…')).collect()
        }
        _ => text,
    }
}

/// A campaign's status with its word.
fn status(code: &str) -> String {
    let known = code.parse::<i64>().ok().and_then(|code| CampaignStatus::try_from(code).ok());
    known.map_or_else(|| code.to_owned(), |status| format!("{code} {}", status_word(status)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_they_hold_and_those_that_nobody_fills_are_left_out() {
        let nouns = [
            json!({"uuid": "a", "name": "Sales of the year", "status": 11, "plan": "0123456789", "dlma": null}),
            json!({"uuid": "b", "name": null, "status": 0, "plan": null, "dlma": null}),
        ];
        assert_eq!(
            lines(NounKind::Campaign, &nouns, false),
            [
                "UUID  NAME               STATUS       PLAN",
                "a     Sales of the year  11 starting  01234567",
                "b                        0 stop"
            ]
        );
        assert!(lines(NounKind::Campaign, &nouns, true)[1].ends_with(" 0123456789"));
        assert_eq!(lines(NounKind::Plan, &[], false), ["UUID  NAME"]);
    }

    #[test]
    fn a_long_value_is_cut_unless_all_of_it_is_wanted() {
        let nouns = [json!({"uuid": "a", "name": "é".repeat(50)})];
        assert!(lines(NounKind::Dlma, &nouns, false)[1].ends_with("é…"));
        assert!(lines(NounKind::Dlma, &nouns, true)[1].ends_with(&"é".repeat(50)));
    }
}
