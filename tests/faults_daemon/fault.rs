//! What the cases share: a daemon that is about to die, a look at its records while it is dead, and a witness at the PBX.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use crate::support::ami::{Client, header};
use crate::support::daemon::Daemon;
use crate::support::pbx::Pbx;
use crate::support::scenario::{Campaign, LOCAL, assert_lines_whole};

/// Where answered calls go: until the callee hangs up.
pub(crate) const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];

/// Each case on both PBXs: `case_01_…::on_the_sandbox`, `case_01_…::on_a_real_asterisk`.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => { $(
        mod $case {
            #[test]
            fn on_the_sandbox() {
                super::$case(&mut crate::support::sandbox::Sandbox::up(""));
            }

            #[test]
            fn on_a_real_asterisk() {
                super::$case(&mut crate::support::lab::Lab::up(&crate::fault::lab_name(stringify!($case))));
            }
        }
    )* };
}
pub(crate) use on_both;

/// A name that no other lab of this run has; the case's first letters are enough, for paths of sockets are short.
pub(crate) fn lab_name(case: &str) -> String {
    static LABS: AtomicUsize = AtomicUsize::new(0);
    format!("{}-{}", &case[..7], LABS.fetch_add(1, Ordering::Relaxed))
}

/// A campaign of one try each, or as many as `tries` says, to these numbers.
pub(crate) fn campaign(client: &mut Client, tries: &str, numbers: &[&str]) -> Campaign {
    let plan = [&LOCAL[..], &[("MaxRetry1", tries), ("RetryDelay", "1"), ("DialTimeout", "6000")]].concat();
    let contacts: Vec<_> = numbers.iter().map(|number| [("Name", *number), ("Number1", *number)]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    Campaign::create(client, &plan, &HOLD, &contacts)
}

/// A daemon that has died of that point while it dialled these numbers.
pub(crate) fn killed_at(pbx: &impl Pbx, point: &str, tries: &str, numbers: &[&str]) -> (Daemon, Campaign) {
    let mut daemon = Daemon::beside(pbx, "");
    daemon.run_with(&[("ASTOUT_CRASH_AT", point)]);
    let mut client = daemon.client();
    let campaign = campaign(&mut client, tries, numbers);
    campaign.request(&mut client, "1");
    assert_killed(&mut daemon);
    (daemon, campaign)
}

/// It ends by SIGKILL.
pub(crate) fn assert_killed(daemon: &mut Daemon) {
    use std::os::unix::process::ExitStatusExt;

    let status = daemon.ended();
    assert_eq!(status.signal(), Some(9), "{status}\n{}", daemon.log());
}

/// Lets the campaign come to its end; gives the lines.
pub(crate) fn finish(daemon: &mut Daemon, campaign: &Campaign) -> Vec<Value> {
    let mut client = daemon.client();
    daemon.poll("the end of the campaign", |_| {
        let shown = client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)]);
        (header(&shown[0], "Status") == "0").then_some(())
    });
    assert!(client.list("OutDialingShow", &[]).is_empty());
    let lines = daemon.results();
    assert_lines_whole(&lines);
    daemon.check();
    lines
}

/// What the lines say: outcome, `res_dial`, try.
pub(crate) fn told(lines: &[Value]) -> Vec<(&str, i64, i64)> {
    let of = |line: &'_ Value, key: &str| line[key].as_i64().unwrap();
    lines
        .iter()
        .map(|line| (line["outcome"].as_str().unwrap(), of(line, "res_dial"), of(line, "dial_trycnt")))
        .collect()
}

/// Changes the records of a daemon that is dead.
pub(crate) fn change_records(daemon: &Daemon, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(daemon.path("astout.sqlite3"));
        let mut conn = options.connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.unwrap();
        sqlx::Connection::close(conn).await.unwrap();
    });
}

/// The first column of the one row, from the database of whatever lives or is dead.
pub(crate) fn record<T>(daemon: &Daemon, sql: &str) -> T
where
    T: for<'row> sqlx::Decode<'row, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let path = daemon.path("astout.sqlite3");
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(5));
        let mut conn = options.connect().await.unwrap();
        let row: SqliteRow = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut conn).await.unwrap();
        row.get(0)
    })
}

/// Somebody at the PBX who sees every call from its beginning, whether astout lives or not.
pub(crate) struct Witness {
    client: Client,
    channels: BTreeMap<String, usize>,
}

impl Witness {
    pub(crate) fn at(pbx: &impl Pbx) -> Self {
        Self { client: pbx.admin(), channels: BTreeMap::new() }
    }

    /// How often a channel was made under each dialing's id so far: what was dialled.
    pub(crate) fn dialled(&mut self) -> &BTreeMap<String, usize> {
        // Whatever was told before the answer has come before it.
        self.client.done("Ping", &[]);
        while let Some(event) = self.client.event(Duration::ZERO) {
            let (own, linked) = (header(&event, "Uniqueid"), header(&event, "Linkedid"));
            if header(&event, "Event") == "Newchannel" && own == linked {
                *self.channels.entry(own).or_default() += 1;
            }
        }
        &self.channels
    }

    /// The dialing that is dialled first.
    pub(crate) fn first(&mut self, daemon: &mut Daemon) -> String {
        daemon.poll("a channel", |_| self.dialled().keys().next().cloned())
    }

    /// Every line's dialing was dialled once, but for those that were never sent.
    pub(crate) fn assert_dialled_once(&mut self, lines: &[Value]) {
        let mut dialled: Vec<String> = Vec::new();
        for (dialing, times) in self.dialled() {
            assert_eq!(*times, 1, "{dialing} was dialled {times} times");
            dialled.push(dialing.clone());
        }
        let mut lines: Vec<_> =
            lines.iter().map(|line| line["dialing_uuid"].as_str().unwrap().to_owned()).collect();
        lines.sort_unstable();
        assert_eq!(dialled, lines);
    }
}
