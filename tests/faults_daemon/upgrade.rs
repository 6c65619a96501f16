//! Case 19: a new version of astout takes over a database of an older one while calls are up, and an older one refuses
//! that of a newer.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

use crate::fault::{Witness, campaign, change_records, finish, on_both, record, told};
use crate::stops::hang_up_all;
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::pbx::Pbx;
use crate::support::sandbox::Sandbox;

on_both!(case_19_an_older_schema_is_brought_up_to_date_with_calls_up);

/// The tables as the first version had them.
const FIRST: &str = include_str!("../../migrations/sqlite/0001_tables.sql");

/// Makes the database one of the first version: its tables, with what of ours they can hold.
fn make_older(daemon: &Daemon) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (path, older) = (daemon.path("astout.sqlite3"), daemon.path("older.sqlite3"));
        let options = SqliteConnectOptions::new().filename(&older).create_if_missing(true);
        let mut conn = options.connect().await.unwrap();
        run(&mut conn, FIRST.to_owned()).await;
        run(&mut conn, format!("ATTACH '{}' AS ours", path.display())).await;
        run(
            &mut conn,
            "CREATE TABLE _sqlx_migrations AS SELECT * FROM ours._sqlx_migrations WHERE version = 1".to_owned(),
        )
        .await;
        // Those of the counters are kept by triggers.
        let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' \
                      AND name NOT IN ('_sqlx_migrations', 'dl_rung')";
        for table in column(&mut conn, tables.to_owned()).await {
            let columns = format!("SELECT name FROM pragma_table_xinfo('{table}', 'main') WHERE hidden = 0");
            let columns = column(&mut conn, columns).await.join(", ");
            let copy = format!(
                "DELETE FROM main.{table}; INSERT INTO main.{table} ({columns}) SELECT {columns} FROM ours.{table}"
            );
            run(&mut conn, copy).await;
        }
        for view in column(&mut conn, "SELECT sql FROM ours.sqlite_schema WHERE type = 'view'".to_owned()).await {
            run(&mut conn, view).await;
        }
        run(&mut conn, "DETACH ours".to_owned()).await;
        conn.close().await.unwrap();
        std::fs::rename(older, path).unwrap();
        for rest in ["astout.sqlite3-wal", "astout.sqlite3-shm"] {
            // What they belong to is gone; mostly they are too.
            drop(std::fs::remove_file(daemon.path(rest)));
        }
    });
}

async fn run(conn: &mut SqliteConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

async fn column(conn: &mut SqliteConnection, sql: String) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await.unwrap()
}

fn case_19_an_older_schema_is_brought_up_to_date_with_calls_up(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    let mut daemon = Daemon::start(pbx, "");
    let mut client = daemon.client();
    // One is up, one rings and is answered while or after the database is another's; both stay.
    let campaign = campaign(&mut client, "1", &["1000001", "1500001"]);
    campaign.request(&mut client, "1");
    client.wait_for("an answer", |event| header(event, "Status") == "6");
    daemon.poll("both calls, and the answer in the records", |daemon| {
        let known: i64 = record(daemon, "SELECT count(*) FROM dialing WHERE res_dial = 4");
        (witness.dialled().len() == 2 && known == 1).then_some(())
    });
    daemon.signal("-TERM");
    daemon.signal("-TERM");
    assert!(daemon.ended().success());
    let migrations = "SELECT count(*) FROM _sqlx_migrations";
    let ours: i64 = record(&daemon, migrations);
    make_older(&daemon);
    assert_eq!(record::<i64>(&daemon, migrations), 1);

    daemon.run();
    assert_eq!(record::<i64>(&daemon, migrations), ours);
    let mut client = daemon.client();
    daemon.poll("both answers", |_| {
        let dialings = client.list("OutDialingShow", &[]);
        let answered = dialings.iter().filter(|dialing| header(dialing, "ResDial") == "4");
        (answered.count() == 2).then_some(())
    });
    hang_up_all(&mut pbx.admin());
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
