//! The table, and its place in `docs/performance.md`: a row that was not played keeps its line.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::figure::Figure;
use super::machine;

const BEGIN: &str = "<!-- the table of make bench begins -->\n";
const END: &str = "<!-- the table of make bench ends -->\n";
const HEAD: &str = "| # | what | seen | against | seen | ratio | target | | measured at |\n|---|---|---|---|---|---|---|---|---|\n";

/// The table of these figures.
pub(crate) fn table(figures: &[Figure]) -> String {
    let lines: Vec<_> = figures.iter().map(line).collect();
    format!("{HEAD}{}", lines.concat())
}

/// Writes these figures over those of the same rows.
pub(crate) fn write(figures: &[Figure]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (now, after) = rest.split_once(END).unwrap();
    let row_of = |line: &str| line.split('|').nth(1).unwrap_or_default().trim().to_owned();
    let kept = now.lines().filter(|line| row_of(line).starts_with('B'));
    let kept = kept.filter(|line| figures.iter().all(|figure| figure.row != row_of(line)));
    let mut lines: Vec<_> = kept.map(|line| format!("{line}\n")).chain(figures.iter().map(line)).collect();
    lines.sort_by_key(|line| row_of(line)[1..].parse::<u32>().unwrap_or(u32::MAX));
    let mut page = format!("{before}{BEGIN}{HEAD}{}\nLast on {}.\n", lines.concat(), machine::told());
    write!(page, "{END}{after}").unwrap();
    fs::write(path, page).unwrap();
}

fn line(figure: &Figure) -> String {
    let Figure { row, what, against, ours, theirs, ratio, target } = figure;
    let met = if target.is_met_by(*ratio) { "met" } else { "**missed**" };
    format!(
        "| {row} | {what} | {ours} | {against} | {theirs} | {ratio:.3} | {target} | {met} | {} |\n",
        machine::now()
    )
}
