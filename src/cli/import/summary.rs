//! What became of an import: for people, and as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::rows::{LATIN_1, NOT_UTF8};
use crate::model::import::{DUPLICATE, Import, Order};

/// What there is to tell.
pub(super) struct Summary<'a> {
    pub(super) order: &'a Order,
    pub(super) import: &'a Import,
    /// Rows that an earlier run was done with.
    pub(super) before: u64,
    pub(super) seconds: f64,
    /// Where the refused rows are kept.
    pub(super) refused: Option<&'a Path>,
    /// Some of those that no file keeps.
    pub(super) told: &'a [String],
}

impl Summary<'_> {
    /// For people.
    pub(super) fn text(&self) -> String {
        let import = self.import;
        let would = if self.order.dry_run { "would be " } else { "" };
        let mut text = format!("{} rows: {} {would}imported", import.rows, import.imported);
        if import.duplicates() > 0 {
            text += &format!(", {} duplicates (their UKey is taken)", import.duplicates());
        }
        if import.faulty() > 0 {
            let kinds = import.refused.iter().filter(|(kind, _)| *kind != DUPLICATE);
            let kinds: Vec<String> = kinds.map(|(kind, count)| format!("{kind} {count}")).collect();
            text += &format!(", {} refused ({})", import.faulty(), kinds.join(", "));
        }
        text += &format!(" in {:.1} s\n", self.seconds);
        if import.refused.contains_key(NOT_UTF8) {
            text += &format!("{NOT_UTF8}: {LATIN_1}\n");
        }
        if let Some(file) = self.refused {
            text += &format!("what was not imported, with line and reason: {}\n", file.display());
        }
        for told in self.told {
            text += &format!("  {told}\n");
        }
        text
    }

    /// As JSON.
    pub(super) fn json(&self) -> String {
        let import = self.import;
        let why: BTreeMap<&String, &u64> =
            import.refused.iter().filter(|(kind, _)| *kind != DUPLICATE).collect();
        let summary = json!({
            "file": self.order.source.name,
            "dlma_uuid": import.dlma_uuid,
            "import": import.id,
            "dry_run": self.order.dry_run,
            "rows": import.rows,
            "rows_before": self.before,
            "imported": import.imported,
            "duplicates": import.duplicates(),
            "refused": import.faulty(),
            "refused_for": why,
            "refused_file": self.refused.map(|file| file.to_string_lossy()),
            "seconds": (self.seconds * 1000.0).round() / 1000.0,
        });
        format!("{summary:#}\n")
    }
}
