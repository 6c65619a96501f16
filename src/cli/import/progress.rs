//! How far it is, on stderr: one line that is written over on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::model::import::Import;

const ON_A_TERMINAL: Duration = Duration::from_millis(100);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Progress {
    began: Instant,
    told: Instant,
    terminal: bool,
    /// What a terminal shows now.
    shown: bool,
    /// Rows that were done with before.
    before: u64,
    /// Rows of the file, where that is known.
    total: Option<u64>,
}

impl Progress {
    /// Begins now, with so many rows done.
    pub(super) fn new(before: u64, total: Option<u64>) -> Self {
        let now = Instant::now();
        Self { began: now, told: now, terminal: io::stderr().is_terminal(), shown: false, before, total }
    }

    /// How long it has taken.
    pub(super) fn took(&self) -> Duration {
        self.began.elapsed()
    }

    /// Tells, if it is time to.
    pub(super) fn tell(&mut self, import: &Import) {
        if self.told.elapsed() < if self.terminal { ON_A_TERMINAL } else { ELSEWHERE } {
            return;
        }
        self.told = Instant::now();
        let share = self.total.filter(|total| *total > 0).map(|total| share(import.rows, total));
        let bar = share.filter(|_| self.terminal).map_or_else(String::new, bar);
        let text = bar + &line(import, self.before, self.took(), share);
        let mut stderr = io::stderr().lock();
        // Where stderr is closed nobody wants to know.
        drop(if self.terminal {
            write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush())
        } else {
            writeln!(stderr, "{text}")
        });
        self.shown = self.terminal;
    }

    /// Clears the line, for something else is to be told.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            drop(write!(io::stderr().lock(), "\r\x1b[K"));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn share(rows: u64, total: u64) -> f64 {
    (rows as f64 / total as f64).min(1.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 20")]
fn bar(share: f64) -> String {
    const WIDTH: usize = 20;
    let full = (share * 20.0) as usize;
    format!("[{}{}] ", "#".repeat(full), "-".repeat(WIDTH.saturating_sub(full)))
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn line(import: &Import, before: u64, took: Duration, share: Option<f64>) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    let rate = (import.rows - before.min(import.rows)) as f64 / seconds;
    let far = share.map_or_else(String::new, |share| {
        let left = if rate > 0.0 { import.rows as f64 * (1.0 / share.max(0.001) - 1.0) / rate } else { 0.0 };
        format!("{:.0} %, {left:.0} s left: ", share * 100.0)
    });
    let (rows, refused, duplicates) = (import.rows, import.faulty(), import.duplicates());
    format!("{far}{rows} rows, {rate:.0} a second, {refused} refused, {duplicates} duplicates")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::DlmaUuid;
    use crate::model::import::{Order, Source};
    use crate::model::time::Timestamp;

    #[test]
    fn the_line_says_how_far_how_fast_and_how_long_still() {
        let order = Order {
            dlma: DlmaUuid::new(uuid::Uuid::nil()),
            source: Source { name: String::new(), content: None },
            mapping: String::new(),
            again: false,
            dry_run: false,
        };
        let import = Import { rows: 3000, ..Import::new(&order, Timestamp::from_micros(0)) };
        assert_eq!(
            bar(0.5) + &line(&import, 1000, Duration::from_secs(2), Some(share(3000, 6000))),
            "[##########----------] 50 %, 3 s left: 3000 rows, 1000 a second, 0 refused, 0 duplicates"
        );
        assert_eq!(
            line(&import, 0, Duration::from_secs(2), None),
            "3000 rows, 1500 a second, 0 refused, 0 duplicates"
        );
    }
}
