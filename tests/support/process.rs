//! What a process takes, by the kernel's account of it.

use std::fmt;
use std::fs;
use std::path::PathBuf;

/// The kernel counts CPU time in hundredths of a second.
const TICKS_A_SECOND: f64 = 100.0;

/// A process to look at.
pub struct Process {
    directory: PathBuf,
}

/// What it takes at some moment.
pub struct Sample {
    /// Resident memory.
    pub mb: f64,
    /// The most that it was.
    pub peak_mb: f64,
    threads: u64,
    files: usize,
    cpu_s: f64,
}

impl Process {
    pub fn of(pid: u32) -> Self {
        Self { directory: PathBuf::from(format!("/proc/{pid}")) }
    }

    pub fn sample(&self) -> Sample {
        let status = fs::read_to_string(self.directory.join("status")).unwrap();
        let number = |name: &str| -> u64 {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let stat = fs::read_to_string(self.directory.join("stat")).unwrap();
        // The name, in brackets, may have blanks.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: f64 = fields[11..=12].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        Sample {
            mb: number("VmRSS:") as f64 / 1024.0,
            peak_mb: number("VmHWM:") as f64 / 1024.0,
            threads: number("Threads:"),
            files: fs::read_dir(self.directory.join("fd")).unwrap().count(),
            cpu_s: ticks / TICKS_A_SECOND,
        }
    }
}

impl Sample {
    /// How much of one core it took from this moment to that one.
    pub fn cpu_since(&self, later: &Self, seconds: f64) -> f64 {
        (later.cpu_s - self.cpu_s) / seconds * 100.0
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mb, peak_mb, threads, files, .. } = self;
        write!(out, "{mb:.0} MB resident, {peak_mb:.0} MB at most, {threads} threads, {files} files")
    }
}
