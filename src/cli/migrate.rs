//! `astout migrate`: takes the database of an original installation over, while no daemon runs.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::remote::say;
use super::{CONFIG, DATA, INTERNAL, IO, UNAVAILABLE, complain};
use crate::boot::{self, BootError};
use crate::config::{Config, OnUnknown};
use crate::daemon::clock::Clock;
use crate::model::refusal::NounKind;
use crate::model::result::ResultOptions;
use crate::store::StoreOptions;
use crate::store::original::{self, Order, Part, Report, Told, Wrong};

/// Contacts that were not taken are told of so far; `--json` has more.
const TOLD: usize = 20;

/// What is taken over.
#[derive(Debug, Args)]
#[command(
    after_help = "Campaigns, plans, destinations, dial lists and contacts with their tries are taken as they are, or \
    not at all; those whose uuid is here already are left alone, so a second run takes nothing twice. Stop astout before \
    (astout stop), and unload the original (module unload res_outbound).\n\nExit codes: 0 taken, also where some rows were \
    not; 65 not an original's database, or nothing of it could be taken; 69 a daemon runs; 74 IO; 78 config"
)]
pub(super) struct Arguments {
    /// The database of the original installation; it is only read.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Write nothing, and say what would be.
    #[arg(long)]
    dry_run: bool,
}

/// Takes it over, and prints what became of it.
pub(super) fn run(path: &Path, environment: Vec<(String, String)>, what: &Arguments, json: bool) -> u8 {
    let config = match Config::load(path, environment) {
        Ok(config) => config,
        Err(error) => return complain(CONFIG, format!("the configuration is wrong:\n{error}")),
    };
    let from = what.from.display();
    if let Err(why) = std::fs::File::open(&what.from) {
        return complain(IO, format!("{from}: {why}"));
    }
    let file = &config.database.file;
    // A dry run beside nothing leaves nothing behind.
    let lock = if what.dry_run && !file.exists() { None } else { Some(boot::lock(file)) };
    let _lock = match lock.transpose() {
        Ok(lock) => lock,
        Err(why @ BootError::Running { .. }) => {
            return complain(UNAVAILABLE, format!("{why}; nothing is taken over while it runs: astout stop"));
        }
        Err(why) => return complain(IO, why),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return complain(INTERNAL, format!("cannot start: {why}")),
    };
    let options = StoreOptions {
        url: config.database.url.clone(),
        policy: boot::policy(&config.policy),
        result: ResultOptions::default(),
        // Nobody is dialled here.
        log_seq: 0,
    };
    let order = Order {
        from: &what.from,
        hold_unknown: config.dialer.on_unknown == OnUnknown::Hold,
        dry_run: what.dry_run,
        now: Clock::start().now().wall,
    };
    match runtime.block_on(original::take_over(options, &order)) {
        Ok(report) => {
            let printed = say(&if json { as_json(&report, what.dry_run) } else { text(&report, &order) });
            let parts = report.parts.values();
            let (taken, known, refused) = parts.fold((0, 0, 0), |(taken, known, refused), part| {
                (taken + part.taken, known + part.known, refused + part.refused)
            });
            if taken + known == 0 && refused > 0 { DATA } else { printed }
        }
        Err(why @ Wrong::NotAnOriginal { .. }) => complain(DATA, why),
        Err(why @ (Wrong::Unreadable { .. } | Wrong::Store(_))) => {
            complain(IO, format!("{why}; nothing was taken"))
        }
    }
}

const fn heading(kind: NounKind) -> &'static str {
    match kind {
        NounKind::Plan => "plans",
        NounKind::Dlma => "dlmas",
        NounKind::Destination => "destinations",
        NounKind::Campaign => "campaigns",
        NounKind::Dl => "contacts",
        NounKind::Dialing => "dialings",
    }
}

fn text(report: &Report, order: &Order<'_>) -> String {
    let mut lines = vec![format!(
        "{:<12} {:>9} {:>9} {:>12} {:>12} {:>9}",
        "",
        "there",
        if order.dry_run { "to take" } else { "taken" },
        "here already",
        "deleted there",
        "not taken"
    )];
    for (kind, part) in &report.parts {
        let Part { there, taken, known, deleted, refused } = part;
        let kind = heading(*kind);
        lines.push(format!("{kind:<12} {there:>9} {taken:>9} {known:>12} {deleted:>12} {refused:>9}"));
    }
    if report.interrupted > 0 {
        let count = report.interrupted;
        let then = if order.hold_unknown {
            "they are held ([dialer] on_unknown)"
        } else {
            "they go on after RetryDelay"
        };
        lines.push(format!(
            "contacts that were being dialled when the original ended: {count}; that try counts, its end is not known, {then}"
        ));
    }
    section(&mut lines, "Not taken:", &report.refused);
    section(&mut lines, "Taken, and to be known:", &report.notes);
    if order.dry_run {
        lines.push("Nothing was written.".to_owned());
    }
    lines.join("\n")
}

fn section(lines: &mut Vec<String>, title: &str, told: &[Told]) {
    let (contacts, nouns): (Vec<_>, Vec<_>) = told.iter().partition(|told| told.kind == NounKind::Dl);
    if !told.is_empty() {
        lines.push(title.to_owned());
    }
    for told in nouns.into_iter().chain(contacts.iter().copied().take(TOLD)) {
        let Told { kind, uuid, name, what } = told;
        let kind = if *kind == NounKind::Dl { "contact" } else { kind.word() };
        lines.push(format!("  {kind} {uuid} \"{name}\": {what}"));
    }
    if contacts.len() > TOLD {
        lines.push("  … --json tells of more".to_owned());
    }
}

fn as_json(report: &Report, dry_run: bool) -> String {
    let parts: serde_json::Map<_, _> = report
        .parts
        .iter()
        .map(|(kind, part)| {
            let Part { there, taken, known, deleted, refused } = part;
            let part = json!({
                "there": there, "taken": taken, "here_already": known, "deleted_there": deleted, "not_taken": refused,
            });
            (heading(*kind).to_owned(), part)
        })
        .collect();
    let told = |told: &[Told]| -> Vec<_> {
        let one = |told: &Told| json!({ "kind": told.kind.word(), "uuid": told.uuid, "name": told.name, "what": told.what });
        told.iter().map(one).collect()
    };
    let report = json!({
        "dry_run": dry_run,
        "rows": parts,
        "interrupted": report.interrupted,
        "not_taken": told(&report.refused),
        "notes": told(&report.notes),
    });
    format!("{report:#}")
}
