//! A table of transitions as text: a row for each state, a column for each thing that may happen, in each cell the
//! state that follows. And which of its cells were seen.

use std::collections::BTreeMap;

/// See the module.
pub(super) struct Table {
    columns: Vec<&'static str>,
    cells: BTreeMap<(&'static str, &'static str), (&'static str, bool)>,
}

impl Table {
    /// The first line names the columns; every other begins with its state.
    pub(super) fn parse(text: &'static str) -> Self {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let columns: Vec<_> = lines.next().unwrap().split_whitespace().collect();
        let mut cells = BTreeMap::new();
        for line in lines {
            let mut words = line.split_whitespace();
            let state = words.next().unwrap();
            let row: Vec<_> = words.collect();
            assert_eq!(row.len(), columns.len(), "{state}");
            for (column, cell) in columns.iter().zip(row) {
                let to = if cell == "." { state } else { cell };
                assert!(cells.insert((state, *column), (to, false)).is_none(), "{state} has two rows");
            }
        }
        Self { columns, cells }
    }

    /// The columns in their order.
    pub(super) fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    /// What the table says of a cell, which is seen now.
    pub(super) fn see(&mut self, state: &str, column: &str) -> &'static str {
        let (_, cell) = self
            .cells
            .iter_mut()
            .find(|((row, of), _)| *row == state && *of == column)
            .unwrap_or_else(|| panic!("{state} × {column} is not in the table"));
        cell.1 = true;
        cell.0
    }

    /// Fails where a cell was not seen that is not impossible, or was seen though it is; gives how many there are.
    pub(super) fn assert_covered(&self, impossible: impl Fn(&str, &str) -> Option<&'static str>) -> Count {
        let mut count = Count { seen: 0, impossible: BTreeMap::new() };
        let mut wrong = Vec::new();
        for ((state, column), (to, seen)) in &self.cells {
            match impossible(state, column) {
                None if *seen => count.seen += 1,
                Some(why) if !*seen && *to == "-" => *count.impossible.entry(why).or_default() += 1,
                None => wrong.push(format!("{state} × {column} was not driven")),
                Some(why) => wrong.push(format!("{state} × {column} is said to be impossible: {why}")),
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        count
    }
}

/// How many transitions there are.
pub(super) struct Count {
    /// Driven, and gone where the table says.
    pub(super) seen: usize,
    /// Those that cannot be, by the reason.
    pub(super) impossible: BTreeMap<&'static str, usize>,
}

impl Count {
    /// Prints it.
    #[expect(clippy::print_stdout, reason = "how much is covered is what is asked of this test")]
    pub(super) fn tell(&self, what: &str) {
        println!("{what}: {0} of {0} transitions", self.seen);
        for (why, cells) in &self.impossible {
            println!("  {cells} more cannot be: {why}");
        }
    }
}
