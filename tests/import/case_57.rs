//! Fault case 57: a file is imported into the list that is being dialled, and everybody who has a part in it is killed in
//! the middle. Each of its rows is in the list once in the end, or among the refused once, and dialing has gone on.
//!
//! `ASTOUT_IMPORT_ROWS` says how many rows the file has: 20,000 by default, a million in the long form.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::list::{import, number, query, said, start};
use crate::support::ami::{Client, header};
use crate::support::daemon::Daemon;
use crate::support::lab::Lab;
use crate::support::pbx::Pbx;
use crate::support::sandbox::Sandbox;
use crate::support::scenario::{Campaign, LOCAL};

/// Every so many rows one has a number that is none.
const FAULTY: u64 = 1000;
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(5);
fn rows() -> u64 {
    std::env::var("ASTOUT_IMPORT_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(20_000)
}

/// Contacts that are there before, for the campaign to dial: as many as last until the first rows are in, at twenty a
/// second. A campaign whose list has ended stops.
fn before() -> u64 {
    50 + rows() / 1000
}

/// How far the import has come.
fn rows_done(daemon: &Daemon) -> u64 {
    number(daemon, "SELECT coalesce(max(rows), 0) FROM import")
}

/// Busy ones, without a key that could keep a contact from coming twice.
fn write_file(daemon: &Daemon, rows: u64) -> PathBuf {
    let path = daemon.path("leads.csv");
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    writeln!(file, "name,phone,note").unwrap();
    for row in 0..rows {
        let number = if row % FAULTY == FAULTY - 1 { "none".to_owned() } else { format!("2{row:07}") };
        writeln!(file, "imported {row},{number},\"row {row}, as it was\"").unwrap();
    }
    file.flush().unwrap();
    path
}

fn campaign(daemon: &Daemon) -> Campaign {
    let mut client = daemon.client();
    let plan = [&LOCAL[..], &[("MaxRetry1", "1"), ("DialTimeout", "1500"), ("CallerId", "5551000")]].concat();
    let numbers: Vec<String> = (0..before()).map(|place| format!("2{place:07}")).collect();
    let contacts: Vec<_> = numbers.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let hold = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
    let campaign = Campaign::create(&mut client, &plan, &hold, &contacts);
    campaign.request(&mut client, "1");
    campaign
}

fn status(client: &mut Client, campaign: &Campaign) -> String {
    header(&client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0], "Status")
}

/// Imports until so many rows are done with, and gives the process that is at it.
fn import_until(daemon: &Daemon, dlma: &str, path: &std::path::Path, rows: u64) -> std::process::Child {
    let mut child = start(daemon, dlma, path);
    let deadline = Instant::now() + Duration::from_secs(600);
    while rows_done(daemon) < rows {
        let gone = child.try_wait().unwrap();
        assert!(gone.is_none(), "it ended with {gone:?} before {rows} rows were done");
        assert!(Instant::now() < deadline, "{rows} rows are not done");
        std::thread::sleep(LOOK);
    }
    child
}

fn case_57(pbx: &impl Pbx) {
    let rows = rows();
    let mut daemon = Daemon::start_slow(pbx, 20);
    let path = write_file(&daemon, rows);
    let campaign = campaign(&daemon);
    daemon.poll("the first result", |daemon| (!daemon.results().is_empty()).then_some(()));

    let mut client = import_until(&daemon, &campaign.dlma, &path, rows / 5);
    client.kill().unwrap();
    client.wait().unwrap();
    let after_client = rows_done(&daemon);
    assert!(after_client < rows, "the client was killed too late");

    let client = import_until(&daemon, &campaign.dlma, &path, after_client.max(rows / 2));
    daemon.kill();
    let (code, text) = said(&client.wait_with_output().unwrap());
    let after_daemon = rows_done(&daemon);
    assert!(after_daemon < rows, "the daemon was killed too late");
    assert_eq!(code, 69, "{text}");
    assert!(text.contains("the same command goes on"), "{text}");

    daemon.run();
    let began = daemon.results().len();
    let (code, text) = import(&daemon, &campaign.dlma, &path, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("{rows} rows: {} imported", rows - rows / FAULTY)), "{text}");
    daemon.poll("dialing to go on", |daemon| (daemon.results().len() > began).then_some(()));

    let imported = "FROM dl_list WHERE name LIKE 'imported %'";
    let once = query(&daemon, &format!("SELECT count(*), count(DISTINCT name) {imported}"));
    assert_eq!(once, [[(rows - rows / FAULTY).to_string(), (rows - rows / FAULTY).to_string()]]);
    let counted = "SELECT sum(waiting + dialing + answered) FROM dl_rung";
    assert_eq!(number(&daemon, counted), number(&daemon, "SELECT count(*) FROM dl_list"));
    let kept = fs::read_to_string(daemon.path("leads.csv.refused.csv")).unwrap();
    let kept: Vec<&str> = kept.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    let expected: Vec<String> =
        (0..rows).filter(|row| row % FAULTY == FAULTY - 1).map(|row| format!("imported {row}")).collect();
    assert_eq!(kept, expected);

    let mut client = daemon.client();
    campaign.request(&mut client, "0");
    daemon.poll("the stop", |_| (status(&mut client, &campaign) == "0").then_some(()));
    daemon.check();
}

#[test]
fn case_57_a_file_imported_while_dialing_is_in_the_list_once_on_the_sandbox() {
    case_57(&Sandbox::up(""));
}

#[test]
fn case_57_a_file_imported_while_dialing_is_in_the_list_once_on_a_real_asterisk() {
    case_57(&Lab::up("import"));
}
