//! The end of a seed: nothing goes wrong any more, everything comes to its end, and what is left is read: by `astout
//! check`, and by eyes of our own.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use astout::check;
use astout::sandbox::dial_log::Entry;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row, query};

use crate::operator::Deed;
use crate::simulation::{Simulation, secs};

/// So long a world may take to come to its end: some retries of a contact, and a breaker that waits.
const PATIENCE: Duration = secs(900);

impl Simulation {
    pub(crate) async fn come_to_an_end(&mut self) {
        self.make_peace();
        self.advance(secs(30)).await;
        // Whatever the wall clock was set back, the retries are due.
        self.jump_wall(4 * 3600);
        let deadline = self.now + PATIENCE;
        loop {
            for place in 0..self.operator.campaigns.len() {
                self.deed(&Deed::Status(place, "1"));
            }
            // A campaign that has nothing left ends by itself.
            self.advance(secs(10)).await;
            if self.is_over() {
                break;
            }
            assert!(self.now < deadline, "no end: {}", self.whats_open());
        }
        self.model.everybody_is_through();
        self.read_log();
        self.read_database().await;
        self.check().await;
    }

    /// Whether every campaign has ended, and everything with it.
    fn is_over(&self) -> bool {
        let open = self.model.rows.values().any(|row| row.end.is_none());
        self.model.is_stopped()
            && !open
            && self.daemon.as_ref().is_some_and(|daemon| daemon.desk.is_settled())
    }

    fn whats_open(&self) -> String {
        let open: Vec<_> = self.model.rows.iter().filter(|(_, row)| row.end.is_none()).collect();
        let settled = self.daemon.as_ref().map(|daemon| daemon.desk.is_settled());
        let statuses: Vec<_> = self.model.campaigns.values().map(|campaign| campaign.status).collect();
        format!("campaigns {statuses:?}, dialings {open:?}, the desk is settled: {settled:?}")
    }

    async fn check(&mut self) {
        // It reads as long as half a seed takes.
        if self.rng.u8(..4) != 0 {
            return;
        }
        self.tally.count("read by astout check");
        // A clock that was set back by less than the calls are apart is seen in no record: then times tell nothing.
        let timed = !self.set_back;
        let dial_log: String = self.pbx.dial_log.iter().map(|entry| line(entry, timed)).collect();
        fs::write(self.places.dial_log(), dial_log).unwrap();
        let options = check::Options {
            database: self.places.database(),
            result_log: self.places.log(),
            dial_logs: vec![self.places.dial_log()],
            max_channels: timed.then_some(self.operator.options.max_channels),
            policy: self.operator.options.policy.clone(),
            ..check::Options::default()
        };
        let report = check::run(&options).await.unwrap();
        assert!(report.held, "astout check:\n{report}");
        assert_eq!(report.pending, 0, "lines are still on their way");
    }

    /// P4, by the bytes.
    fn read_log(&self) {
        let mut expected = 0;
        for path in self.places.logs() {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'), "P4: a line is not whole");
            for line in text.lines() {
                expected += 1;
                let line: Value = serde_json::from_str(line).expect("P4: a line is no JSON");
                assert_eq!(line["seq"], expected, "P4: lines are in order, each once, in {}", path.display());
                let dialing = line["dialing_uuid"].as_str().unwrap().parse().unwrap();
                let row = self.model.rows.get(&dialing).expect("P4: a line without a row");
                let committed = row.end.map(|(seq, outcome)| (seq, Value::from(outcome.as_str())));
                assert_eq!(
                    committed,
                    Some((expected, line["outcome"].clone())),
                    "P4: it is what was committed"
                );
            }
        }
        assert_eq!(expected, self.model.last_seq, "P4: every line is in the log");
        assert_eq!(expected, self.model.rows.len() as i64, "P4: every dialing has its line");
    }

    /// The contacts' tries are those of their lines, and what operators were told is there.
    async fn read_database(&self) {
        let options = SqliteConnectOptions::new().filename(self.places.database()).read_only(true);
        let mut database = options.connect().await.unwrap();
        let sql = "SELECT uuid, trycnt_1, trycnt_2, trycnt_3 FROM dl_list";
        for row in query(sql).fetch_all(&mut database).await.unwrap() {
            let dl: String = row.get(0);
            let tries: [i64; 3] = [row.get(1), row.get(2), row.get(3)];
            let counted = self.model.contacts.get(&dl.parse().unwrap()).map(|contact| contact.tries);
            let counted = counted.unwrap_or_default();
            let counted = [counted[0], counted[1], counted[2]].map(i64::from);
            assert_eq!(tries, counted, "tries of contact {dl}");
        }
        let sql =
            "SELECT uuid FROM (SELECT uuid, in_use FROM plan UNION ALL SELECT uuid, in_use FROM dl_list_ma
            UNION ALL SELECT uuid, in_use FROM destination UNION ALL SELECT uuid, in_use FROM dl_list
            UNION ALL SELECT uuid, in_use FROM campaign) WHERE in_use = 1";
        let there = query(sql).fetch_all(&mut database).await.unwrap();
        let there: BTreeSet<String> = there.iter().map(|row| row.get(0)).collect();
        let lost: Vec<_> = self.model.promised.iter().filter(|promised| !there.contains(*promised)).collect();
        assert!(lost.is_empty(), "P14: these were created, and are not there: {lost:?}");
    }
}

/// A line of the dial log, with its time or without.
fn line(entry: &Entry, timed: bool) -> String {
    let mut entry = serde_json::to_value(entry).unwrap();
    if !timed {
        entry.as_object_mut().unwrap().remove("time");
    }
    format!("{entry}\n")
}
