//! The rows of the table, a file each, in its order.

mod creation;
mod fanout;
mod memory;
mod parsing;

use crate::figure::Figure;

/// A row of the suite.
pub(crate) struct Row {
    /// As people type it: `B6`.
    pub(crate) name: &'static str,
    /// What it measures, in a line.
    pub(crate) about: &'static str,
    /// Measures it in so many rounds; one figure a target.
    pub(crate) measure: fn(rounds: usize) -> Vec<Figure>,
}

/// Every row.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "B5",
        about: "resident memory: idle, with a million contacts, with 2,000 calls",
        measure: memory::measure,
    },
    Row {
        name: "B6",
        about: "AMI messages parsed a second, one core, against other libraries",
        measure: parsing::measure,
    },
    Row {
        name: "B7",
        about: "OutDlListCreate: in sequence, by eight clients, pipelined",
        measure: creation::measure,
    },
    Row {
        name: "B9",
        about: "an event of Asterisk's to fifty operators: how long it takes, and how much CPU",
        measure: fanout::measure,
    },
];
