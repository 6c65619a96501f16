//! B8: `astout import` of a long file into a list of a daemon that dials another one meanwhile, against `sqlite3 .import`
//! of the same file, and how far the calls were off their time. The shell takes the file into a table of its own, for it
//! has no columns to leave out, and what came moves on into astout's table with its indices and triggers, all in one go.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::alone;
use crate::figure::{Figure, Rounds, Target, alternate};
use crate::spacing::{Spacing, times};
use crate::support::daemon::Daemon;
use crate::support::list;
use crate::support::sandbox::Sandbox;
use crate::support::scenario::{Campaign, LOCAL};

/// How many rows the file has, where somebody wants it done sooner.
const ROWS: &str = "ASTOUT_BENCH_IMPORT_ROWS";
const A_MILLION: u64 = 1_000_000;
/// What is dialled meanwhile, and so far a call may be off its time.
const CALLS_PER_SECOND: u32 = 20;
const DIALLED: u64 = 20_000;
const MOST_MS: f64 = 50.0;
/// Calls before the import begins.
const FIRST: usize = 40;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let rows = std::env::var(ROWS).ok().and_then(|text| text.parse().ok()).unwrap_or(A_MILLION);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("leads.csv");
    write(&file, rows);
    let mut off_ms = Vec::new();
    let (ours, of_sqlite) = alternate(
        rounds,
        || {
            let (seconds, off) = import(&file, rows);
            eprintln!("bench:     off the time of a call: {off}");
            off_ms.push(off.max_ms);
            rows as f64 / seconds
        },
        || rows as f64 / import_by_sqlite(&file, rows),
    );
    vec![
        Figure::new(
            "B8",
            (format!("rows imported a second, of {rows}, while it dials"), ours),
            ("sqlite3 .import into astout's table", of_sqlite),
            Target::AtLeast(0.5),
        ),
        Figure::new(
            "B8",
            ("ms that a call was off its time meanwhile, at most", Rounds::of(off_ms)),
            ("the limit", Rounds::fixed(MOST_MS)),
            Target::AtMost(1.0),
        ),
    ]
}

fn write(file: &Path, rows: u64) {
    let mut file = BufWriter::new(File::create(file).unwrap());
    writeln!(file, "name,number1,ukey,email").unwrap();
    for row in 0..rows {
        writeln!(file, "client {row:07},2000{row:08},k{row:08},client{row}@example.org").unwrap();
    }
    file.flush().unwrap();
}

/// How many seconds it took, and how calls were placed meanwhile.
fn import(file: &Path, rows: u64) -> (f64, Spacing) {
    let sandbox = Sandbox::up(
        "[asterisk]\noriginate_s = 0.0\n[[context]]\nname = \"astout-demo\"\nnumbers = \"lab\"\n\
         [[destination]]\ncontext = \"astout-dest\"\nexten = \"hold\"\nstay_s = 1.0\n",
    );
    let mut daemon = Daemon::start_limited(&sandbox, CALLS_PER_SECOND, 500);
    let plan = [&LOCAL[..], &[("MaxRetry1", "1")]].concat();
    let hold = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
    let campaign = Campaign::create(&mut daemon.client(), &plan, &hold, &[]);
    assert!(daemon.stop().success());
    list::fill(&daemon.path("astout.sqlite3"), &campaign.dlma, 0, DIALLED);
    daemon.run();
    let mut client = daemon.client();
    let leads = client.create("OutDlmaCreate", &[("Name", "leads")]);
    campaign.request(&mut client, "1");
    let began = Instant::now();
    while sandbox.dialled_of("dialled").len() < FIRST {
        assert!(began.elapsed() < PATIENCE, "nothing is dialled");
        std::thread::sleep(Duration::from_millis(50));
    }

    let (from, began) = (sandbox.dialled_of("dialled").len(), Instant::now());
    let output = daemon.cli(&["import", "--dlma", &leads, file.to_str().unwrap()]);
    let seconds = began.elapsed().as_secs_f64();
    let to = sandbox.dialled_of("dialled").len();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with(&format!("{rows} rows: {rows} imported")), "{said}");
    assert!(daemon.stop().success());
    (seconds, Spacing::of(&times(&sandbox.dialled_of("dialled")[from..to]), CALLS_PER_SECOND))
}

/// How many seconds it took.
fn import_by_sqlite(file: &Path, rows: u64) -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("alone.sqlite3");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(alone::make_tables(&database));
    let mut commands = String::from("PRAGMA synchronous = FULL;\n");
    writeln!(commands, ".import --csv \"{}\" leads", file.display()).unwrap();
    commands.push_str(
        "INSERT INTO dl_list (uuid, dlma_uuid, name, number_1, ukey, email, tm_create)
             SELECT printf('00000000-0000-7000-8000-%012x', rowid), '11111111-1111-4111-8111-111111111111', name, number1,
                 ukey, email, '2026-01-01T00:00:00.000000000Z' FROM leads;
         DROP TABLE leads;
         SELECT count(*) FROM dl_list;\n",
    );
    let began = Instant::now();
    let mut shell = Command::new("sqlite3")
        .arg(&database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("B8 wants the shell of SQLite: apt-get install sqlite3");
    shell.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), rows.to_string(), "{}", String::from_utf8_lossy(&output.stderr));
    seconds
}
