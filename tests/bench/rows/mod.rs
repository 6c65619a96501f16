//! The rows of the table, a file each, in its order.

mod calls;
mod campaigns;
mod creation;
mod fanout;
mod import;
mod lives;
mod long_lists;
mod memory;
mod pacing;
mod parsing;
mod start;

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
        name: "B1",
        about: "calls a second through a real Asterisk, over Local channels",
        measure: calls::local,
    },
    Row {
        name: "B2",
        about: "calls a second through a real Asterisk, over PJSIP to SIPp",
        measure: calls::sip,
    },
    Row {
        name: "B3",
        about: "whole lives of calls a second, beside a peer that costs next to nothing; syncs a life",
        measure: lives::measure,
    },
    Row {
        name: "B4",
        about: "what a dial costs with lists from a thousand to a million contacts",
        measure: long_lists::measure,
    },
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
        name: "B8",
        about: "astout import while it dials, against sqlite3 .import; how far calls are off their time",
        measure: import::measure,
    },
    Row {
        name: "B9",
        about: "an event of Asterisk's to fifty operators: how long it takes, and how much CPU",
        measure: fanout::measure,
    },
    Row {
        name: "B10",
        about: "from a start to ready, with a million contacts and a thousand open dialings",
        measure: start::measure,
    },
    Row {
        name: "B11",
        about: "two, ten, a thousand campaigns at once, against one; fairness by weight",
        measure: campaigns::measure,
    },
    Row {
        name: "B12",
        about: "predictive pacing: a decision with a thousand agents, and a day of twenty in `astout simulate`",
        measure: pacing::measure,
    },
];
