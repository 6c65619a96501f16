//! Case 15: the kernel kills the daemon for its memory, with calls in every state.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::fault::{Witness, campaign, finish, lab_name, on_both};
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::pbx::Pbx;

on_both!(case_15_killed_for_its_memory_with_calls_in_every_state_nothing_is_lost,);

/// What it may still take once it is in there.
const LITTLE: &str = "131072";

/// A memory cgroup of a test's own, by either version of cgroups.
struct Cgroup {
    at: PathBuf,
    limit: &'static str,
    /// The file that counts what the OOM killer has killed.
    told: &'static str,
}

impl Cgroup {
    /// Makes one; that takes root, and a hierarchy that may be written.
    fn new() -> Option<Self> {
        let versions = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"),
            ("/sys/fs/cgroup", "memory.max", "memory.events"),
        ];
        versions.into_iter().find_map(|(root, limit, told)| {
            let at = Path::new(root).join(format!("astout-{}-{}", std::process::id(), lab_name("case_15")));
            fs::create_dir(&at).ok()?;
            let cgroup = Self { at, limit, told };
            // Also where it could be made: of a tmpfs or a hierarchy without that controller it is but a directory.
            cgroup.at.join(limit).exists().then_some(cgroup)
        })
    }

    /// That process gets next to no memory from now on.
    fn take(&self, pid: u32) {
        fs::write(self.at.join(self.limit), LITTLE).unwrap();
        fs::write(self.at.join("cgroup.procs"), pid.to_string()).unwrap();
    }

    /// How often the OOM killer has killed in it.
    fn kills(&self) -> u32 {
        let told = fs::read_to_string(self.at.join(self.told)).unwrap();
        told.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).unwrap()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        drop(fs::remove_dir(&self.at));
    }
}

fn case_15_killed_for_its_memory_with_calls_in_every_state_nothing_is_lost(pbx: &mut impl Pbx) {
    const SIGKILL: i32 = 9;
    let mut witness = Witness::at(pbx);
    let mut daemon = Daemon::start(pbx, "");
    let mut client = daemon.client();
    let numbers: Vec<String> =
        (0..40).map(|place| format!("{}{place:03}", ["10315", "2", "3", "5", "12040"][place % 5])).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let campaign = campaign(&mut client, "1", &numbers);
    campaign.request(&mut client, "1");
    client.wait_for("an answer", |event| header(event, "Status") == "6");
    match Cgroup::new() {
        Some(cgroup) => {
            cgroup.take(daemon.pid());
            assert_eq!(daemon.ended().signal(), Some(SIGKILL));
            assert_eq!(cgroup.kills(), 1);
        }
        None => {
            // Never silently: who reads the test's output sees what it has shown.
            let told =
                "no memory cgroup can be made (that takes root): a plain SIGKILL instead of the OOM killer's";
            drop(writeln!(std::io::stderr(), "{told}"));
            daemon.kill();
        }
    }
    let since = Instant::now();
    daemon.run();
    // With RestartSec=2 it is there again soon after.
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(lines.len(), numbers.len());
    // Each was claimed in one go; what was not sent yet is unknown, and dialled by nobody.
    let dialled = witness.dialled();
    for line in &lines {
        let times = dialled.get(line["dialing_uuid"].as_str().unwrap()).copied().unwrap_or_default();
        assert!(times <= 1, "{line}");
        assert!(times == 1 || line["outcome"] == "unknown", "{line}");
    }
}
