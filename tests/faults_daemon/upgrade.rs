//! Case 19: a new version of astout takes over a database of an older one while calls are up, and an older one refuses
//! that of a newer.

use crate::fault::{Witness, campaign, change_records, finish, on_both, record, told};
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::pbx::Pbx;
use crate::support::sandbox::Sandbox;

on_both!(case_19_an_older_schema_is_brought_up_to_date_with_calls_up);

/// Every migration behind the first, and how it is undone: what makes an older version's database of ours.
const UNDONE: [(i64, &str); 2] = [
    (3, "ALTER TABLE campaign DROP COLUMN sc_timezone; ALTER TABLE campaign DROP COLUMN sc_served;"),
    (4, "DROP TABLE import;"),
];

fn make_older(daemon: &Daemon) {
    let versions: String =
        record(daemon, "SELECT group_concat(version) FROM _sqlx_migrations WHERE version > 1");
    let known: Vec<String> = UNDONE.iter().map(|(version, _)| version.to_string()).collect();
    assert_eq!(versions, known.join(","), "a migration has come: say in UNDONE how it is undone");
    for (version, undo) in UNDONE.iter().rev() {
        change_records(daemon, &format!("{undo} DELETE FROM _sqlx_migrations WHERE version = {version};"));
    }
}

fn case_19_an_older_schema_is_brought_up_to_date_with_calls_up(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    let mut daemon = Daemon::start(pbx, "");
    let mut client = daemon.client();
    // One is up and stays a while, one rings and is answered after the upgrade.
    let campaign = campaign(&mut client, "1", &["1006001", "1401001"]);
    campaign.request(&mut client, "1");
    client.wait_for("an answer", |event| header(event, "Status") == "6");
    daemon.poll("both calls, and the answer in the records", |daemon| {
        let known: i64 = record(daemon, "SELECT count(*) FROM dialing WHERE res_dial = 4");
        (witness.dialled().len() == 2 && known == 1).then_some(())
    });
    daemon.signal("-TERM");
    daemon.signal("-TERM");
    assert!(daemon.ended().success());
    make_older(&daemon);

    daemon.run();
    assert_eq!(record::<i64>(&daemon, "SELECT count(*) FROM _sqlx_migrations"), 1 + UNDONE.len() as i64);
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("answered", 4, 1); 2]);
    assert!(lines.iter().all(|line| line["res_hangup"] == 16), "{lines:?}");
    witness.assert_dialled_once(&lines);
}

#[test]
fn case_19_a_newer_schema_is_refused_and_left_as_it_is() {
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start(&sandbox, "");
    assert!(daemon.stop().success());
    change_records(&daemon, "INSERT INTO _sqlx_migrations VALUES (999, 'later', '2030-01-01', 1, x'00', 1)");
    let before = std::fs::read(daemon.path("astout.sqlite3")).unwrap();
    let output = daemon.cli(&["serve"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{text}");
    assert!(
        text.contains("its schema does not fit") && text.contains("use the version that wrote it"),
        "{text}"
    );
    assert_eq!(std::fs::read(daemon.path("astout.sqlite3")).unwrap(), before);
}
