//! What it was measured on: figures of another machine say little.

use std::fs;
use std::process::Command;

/// A line with processors, memory, kernel and compiler.
pub(crate) fn told() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, model)| model);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{cores} × {model}, {} GiB, Linux {}, {}",
        kib / (1024 * 1024),
        fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        said("rustc", &["--version"]),
    )
}

/// What was measured, and when: the commit and the day in UTC.
#[expect(clippy::disallowed_methods, reason = "it decides nothing: it is written beside the figures")]
pub(crate) fn now() -> String {
    format!(
        "{}, {}",
        said("git", &["describe", "--always", "--dirty"]),
        chrono::Utc::now().format("%Y-%m-%d")
    )
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| format!("no {program}"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
