//! The tables of lists: headings and widths are the original's, for scripts that cut them by column.

use std::fmt::Display;

use crate::model::dl::Dl;
use crate::model::event::Noun;
use crate::model::number::NumberIndex;
use crate::model::refusal::NounKind;

/// A column.
struct Column {
    heading: &'static str,
    width: usize,
    /// Numbers stand at its right.
    right: bool,
}

const fn text(heading: &'static str, width: usize) -> Column {
    Column { heading, width, right: false }
}

const fn number(heading: &'static str, width: usize) -> Column {
    Column { heading, width, right: true }
}

const UUID: Column = text("Uuid", 36);

fn columns(kind: NounKind) -> Vec<Column> {
    match kind {
        NounKind::Campaign => vec![
            UUID,
            text("Name", 10),
            text("Detail", 20),
            number("Status", 10),
            text("Plan", 10),
            text("Dlma", 10),
            text("Dest", 10),
        ],
        NounKind::Plan => vec![
            UUID,
            text("Name", 20),
            text("Detail", 20),
            number("DialMode", 8),
            number("DialTimeout", 11),
            text("TrunkName", 10),
            text("TechName", 10),
        ],
        NounKind::Dlma => vec![UUID, text("Name", 20), text("Detail", 20), text("Table", 30)],
        NounKind::Destination => vec![
            UUID,
            text("Name", 10),
            text("Detail", 20),
            number("Type", 5),
            text("Exten", 10),
            text("Context", 10),
            text("Application", 10),
            text("Data", 10),
        ],
        NounKind::Dl => vec![
            UUID,
            text("Name", 10),
            text("Detail", 20),
            text("Num1", 20),
            text("Num2", 20),
            text("Num3", 20),
            text("Num4", 20),
            text("Num5", 20),
            text("Num6", 20),
            text("Num7", 20),
            text("Num8", 20),
        ],
        NounKind::Dialing => vec![
            UUID,
            number("Status", 6),
            text("Channel", 20),
            text("Addr", 20),
            text("Camp", 10),
            text("Plan", 10),
            text("Dlma", 10),
            text("Dest", 10),
            text("Dl", 10),
        ],
    }
}

/// The table of nouns of that kind, a line each, headings first.
pub(super) fn lines<'a>(kind: NounKind, nouns: impl IntoIterator<Item = &'a Noun>) -> Vec<String> {
    let columns = columns(kind);
    let mut lines = vec![joined(columns.iter().map(|column| cell(column.heading, column.width, false)))];
    for noun in nouns {
        let cells = cells(noun).into_iter().zip(&columns);
        lines.push(joined(cells.map(|(value, column)| cell(&value, column.width, column.right))));
    }
    lines
}

fn joined(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(" ")
}

fn cell(value: &str, width: usize, right: bool) -> String {
    if right {
        return format!("{value:>width$}");
    }
    format!("{value:<width$.width$}")
}

fn cells(noun: &Noun) -> Vec<String> {
    match noun {
        Noun::Campaign(campaign) => vec![
            campaign.uuid.to_string(),
            set(campaign.name.as_ref()),
            set(campaign.detail.as_ref()),
            campaign.status.to_string(),
            set(campaign.plan),
            set(campaign.dlma),
            set(campaign.dest),
        ],
        Noun::Plan(plan) => vec![
            plan.uuid.to_string(),
            set(plan.name.as_ref()),
            set(plan.detail.as_ref()),
            plan.dial_mode.to_string(),
            plan.dial_timeout_ms.to_string(),
            set(plan.trunk_name.as_ref()),
            set(plan.tech_name.as_ref()),
        ],
        Noun::Dlma(dlma) => vec![
            dlma.uuid.to_string(),
            set(dlma.name.as_ref()),
            set(dlma.detail.as_ref()),
            dlma.dl_table.clone(),
        ],
        Noun::Destination(destination) => vec![
            destination.uuid.to_string(),
            set(destination.name.as_ref()),
            set(destination.detail.as_ref()),
            destination.kind.to_string(),
            set(destination.exten.as_ref()),
            set(destination.context.as_ref()),
            set(destination.application.as_ref()),
            set(destination.data.as_ref()),
        ],
        Noun::Dl(dl) => contact(dl),
        Noun::Dialing(dialing) => {
            let (attempt, capsule) = (&*dialing.attempt, &*dialing.attempt.capsule);
            vec![
                attempt.uuid.to_string(),
                dialing.progress.status.to_string(),
                attempt.channel.clone(),
                attempt.addr.to_string(),
                capsule.campaign.uuid.to_string(),
                capsule.plan.uuid.to_string(),
                capsule.dlma.uuid.to_string(),
                capsule.destination.uuid.to_string(),
                attempt.dl.uuid.to_string(),
            ]
        }
    }
}

fn contact(dl: &Dl) -> Vec<String> {
    let mut cells = vec![dl.uuid.to_string(), set(dl.name.as_ref()), set(dl.detail.as_ref())];
    cells.extend(NumberIndex::all().map(|index| set(dl.number(index))));
    cells
}

/// What is not set is blank.
fn set(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
