//! `astout simulate`: days that cost nothing, under virtual time, paced by the same code as live ones.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{DATA, INTERNAL, IO, OK, USAGE, complain, printed};
use crate::simworld::outcome::HEADER;
use crate::simworld::report::{Summary, report};
use crate::simworld::{Outcome, Policy, Scenario, learn, run as play};

/// More days than this take longer than anybody waits.
const MOST_SEEDS: usize = 1000;

#[derive(Debug, Args)]
#[command(
    after_help = "A scenario is JSON; only agents is needed: {\"agents\": 20} is eight hours of 20 agents. Keys and \
                        defaults: docs/pacing.md, examples: tests/pacing/scenarios.\n\nExamples:\n  astout simulate day.json\n  \
                        astout simulate day.json --policy progressive --policy power:1.5 --policy predictive --seeds 1-20\n  \
                        astout simulate day.json --policy predictive:target=2,min-ring=20 --csv days.csv\n  \
                        astout simulate --from-results /var/lib/astout/astout.result --agents 12 --save tomorrow.json\n\n\
                        Policies: progressive, power:R, predictive, predictive:KEY=VALUE,… with target (per cent that may be \
                        abandoned), min-ring (seconds before a ringing call may be given up), \
                        service-level (added to the free agents)"
)]
pub(super) struct Arguments {
    /// Scenario files
    #[arg(value_name = "SCENARIO", required_unless_present = "from_results")]
    scenarios: Vec<PathBuf>,
    /// What paces the dialing; several are shown side by side [default: progressive, power:2, predictive]
    #[arg(long, value_name = "POLICY", value_delimiter = ' ')]
    policy: Vec<Policy>,
    /// Which days of chance: 1-6, or 1,5,9
    #[arg(long, value_name = "SEEDS", default_value = "1-6")]
    seeds: String,
    /// Write a row a scenario, policy and seed into that file; - is stdout, in place of the tables
    #[arg(long, visible_alias = "out", value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Build the scenario from the last full day of a result log: answer rates by hour, ring and talk times
    #[arg(long, value_name = "FILE")]
    from_results: Option<PathBuf>,
    /// How many agents will be there, for --from-results
    #[arg(long, value_name = "N", requires = "from_results")]
    agents: Option<u32>,
    /// Write the scenario that --from-results has built into that file
    #[arg(long, value_name = "FILE", requires = "from_results")]
    save: Option<PathBuf>,
    /// Have the pacing put down and taken up again at that second of the day, as by a restart of the daemon
    #[arg(long, value_name = "SECOND")]
    restart_at: Option<f64>,
}

/// Plays the days and prints what came of them.
pub(super) fn run(what: &Arguments, json: bool) -> u8 {
    match simulate(what, json) {
        Ok(code) => code,
        Err((code, why)) => complain(code, why),
    }
}

fn simulate(what: &Arguments, json: bool) -> Result<u8, (u8, String)> {
    let seeds = seeds(&what.seeds).ok_or_else(|| {
        let allowed = format!("such as 1-6, 3, or 1,5,9, {MOST_SEEDS} at most");
        (USAGE, format!("--seeds {}: allowed: numbers {allowed}", what.seeds))
    })?;
    let default = || ["progressive", "power:2", "predictive"].iter().filter_map(|name| name.parse().ok());
    let policies: Vec<Policy> =
        if what.policy.is_empty() { default().collect() } else { what.policy.clone() };
    let mut scenarios = what.scenarios.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    if let Some(log) = &what.from_results {
        scenarios.push(from_results(what, log)?);
    }
    let mut rows = String::from(HEADER) + "\n";
    let mut out = io::stdout().lock();
    let mut summaries = Vec::new();
    let to_stdout = what.csv.as_deref() == Some(Path::new("-"));
    for scenario in &scenarios {
        let settings: Vec<Vec<Outcome>> = policies
            .iter()
            .map(|policy| seeds.iter().map(|seed| play(scenario, policy, *seed, what.restart_at)).collect())
            .collect();
        for day in settings.iter().flatten() {
            rows += &day.row();
            rows.push('\n');
        }
        summaries.extend(json.then(|| Summary::of(scenario, &settings)));
        if !to_stdout && !json {
            let text = report(scenario, &settings).map_err(|why| (INTERNAL, why.to_string()))?;
            if let Err(why) = writeln!(out, "{text}") {
                return Ok(printed(Err(why), OK));
            }
        }
    }
    if json && !to_stdout {
        let text = serde_json::to_string_pretty(&summaries).map_err(|why| (INTERNAL, why.to_string()))?;
        if let Err(why) = writeln!(out, "{text}") {
            return Ok(printed(Err(why), OK));
        }
    }
    match &what.csv {
        Some(_) if to_stdout => Ok(printed(out.write_all(rows.as_bytes()), OK)),
        Some(path) => std::fs::write(path, rows).map(|()| OK).map_err(|why| cannot("write", path, &why)),
        None => Ok(OK),
    }
}

fn cannot(what: &str, path: &Path, why: &io::Error) -> (u8, String) {
    (IO, format!("cannot {what} {}: {why}", path.display()))
}

fn read(path: &Path) -> Result<Scenario, (u8, String)> {
    let text = std::fs::read_to_string(path).map_err(|why| cannot("read", path, &why))?;
    let mut scenario = Scenario::parse(&text).map_err(|why| (DATA, format!("{}: {why}", path.display())))?;
    if scenario.name.is_empty() {
        scenario.name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    }
    Ok(scenario)
}

fn from_results(what: &Arguments, path: &Path) -> Result<Scenario, (u8, String)> {
    let Some(agents) = what.agents else {
        return Err((USAGE, "--from-results: a log does not know who will be there; add --agents N".into()));
    };
    let file = File::open(path).map_err(|why| cannot("read", path, &why))?;
    let learnt = learn::learn(BufReader::new(file), agents).map_err(|why| match why {
        learn::LearnError::Read(why) => cannot("read", path, &why),
        learn::LearnError::Few { .. } => (DATA, format!("{}: {why}", path.display())),
    })?;
    complain(
        OK,
        format!(
            "the world of {} ({} attempts, {} lines unread); the work after a call is not in a log: 20 s are assumed, change \
             wrap in what --save writes",
            learnt.day, learnt.attempts, learnt.unread
        ),
    );
    if let Some(to) = &what.save {
        let text =
            serde_json::to_string_pretty(&learnt.scenario).map_err(|why| (INTERNAL, why.to_string()))?;
        std::fs::write(to, text + "\n").map_err(|why| cannot("write", to, &why))?;
    }
    Ok(learnt.scenario)
}

/// `1-6`, `1..6`, `3`, `1,5,9`.
fn seeds(text: &str) -> Option<Vec<u64>> {
    let mut seeds = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once("..").or_else(|| part.split_once('-')).unwrap_or((part, part));
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last - first >= MOST_SEEDS as u64 {
            return None;
        }
        seeds.extend(first..=last);
    }
    (seeds.len() <= MOST_SEEDS).then_some(seeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_ranges_and_lists() {
        assert_eq!(seeds("1-3"), Some(vec![1, 2, 3]));
        assert_eq!(seeds("1..3,7"), Some(vec![1, 2, 3, 7]));
        for wrong in ["", "x", "3-1", "1-5000", "1,,2"] {
            assert_eq!(seeds(wrong), None, "{wrong}");
        }
    }
}
