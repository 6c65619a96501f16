//! The end of a seed: nothing goes wrong any more, everything comes to its end, and what is left is read: by `astout
//! check`, and by eyes of our own.

use std::fs;
use std::time::Duration;

use astout::check;
use astout::model::refusal::NounKind;
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
        let mut quiet = 0;
        while quiet < 2 {
            assert!(self.now < deadline, "no end: {}", self.whats_open().await);
            for place in 0..self.operator.campaigns.len() {
                self.deed(&Deed::Status(place, "1"));
            }
            self.advance(secs(10)).await;
            // A campaign that has nothing left ends by itself, and so it is twice in a row.
            quiet = if self.is_quiet().await { quiet + 1 } else { 0 };
        }
        self.read_what_is_left().await;
    }

    async fn numbers(&self, sql: &'static str) -> Vec<(String, i64)> {
        let options = SqliteConnectOptions::new().filename(self.places.database()).read_only(true);
        let mut database = options.connect().await.unwrap();
        let rows = query(sql).fetch_all(&mut database).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    async fn is_quiet(&self) -> bool {
        let running = self.numbers("SELECT uuid, status FROM campaign WHERE status <> 0").await;
        let open = self.model.rows.values().any(|row| row.end.is_none());
        running.is_empty() && !open && self.daemon.as_ref().is_some_and(|daemon| daemon.desk.is_settled())
    }

    async fn whats_open(&self) -> String {
        let running = self.numbers("SELECT uuid, status FROM campaign WHERE status <> 0").await;
        let open: Vec<_> = self.model.rows.iter().filter(|(_, row)| row.end.is_none()).collect();
        let settled = self.daemon.as_ref().map(|daemon| daemon.desk.is_settled());
        format!("campaigns {running:?}, dialings {open:?}, the desk is settled: {settled:?}")
    }

    async fn read_what_is_left(&mut self) {
        self.read_log();
        self.read_database().await;
        let dial_log: String = self.pbx.dial_log.iter().map(Entry::to_line).collect();
        fs::write(self.places.dial_log(), dial_log).unwrap();
        let options = check::Options {
            database: self.places.database(),
            result_log: self.places.log(),
            dial_logs: vec![self.places.dial_log()],
            max_channels: Some(self.operator.options.max_channels),
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
                assert_eq!(
                    row.end.map(|(seq, outcome)| (seq, outcome.as_str().into())),
                    Some((expected, line["outcome"].clone()))
                );
            }
        }
        assert_eq!(expected, self.model.last_seq, "P4: every line is in the log");
        assert_eq!(expected, self.model.rows.len() as i64, "P4: every dialing has its line");
    }

    /// The contacts' tries are those of their lines, and what operators were told is there.
    async fn read_database(&self) {
        for (place, sql) in [
            (0, "SELECT uuid, trycnt_1 FROM dl_list"),
            (1, "SELECT uuid, trycnt_2 FROM dl_list"),
            (2, "SELECT uuid, trycnt_3 FROM dl_list"),
        ] {
            for (dl, tries) in self.numbers(sql).await {
                let counted = self.model.contacts.get(&dl.parse().unwrap()).map_or(0, |dl| dl.tries[place]);
                assert_eq!(tries, i64::from(counted), "tries of number {} of contact {dl}", place + 1);
            }
        }
        for (kind, sql) in [
            (NounKind::Plan, "SELECT uuid, in_use FROM plan"),
            (NounKind::Dlma, "SELECT uuid, in_use FROM dl_list_ma"),
            (NounKind::Destination, "SELECT uuid, in_use FROM destination"),
            (NounKind::Dl, "SELECT uuid, in_use FROM dl_list"),
            (NounKind::Campaign, "SELECT uuid, in_use FROM campaign"),
        ] {
            let there = self.numbers(sql).await;
            for (_, promised) in self.model.promised.iter().filter(|(of, _)| *of == kind) {
                let found = there.iter().any(|(uuid, in_use)| uuid == promised && *in_use == 1);
                assert!(found, "P14: {kind} {promised} was created, and is not there");
            }
        }
    }
}
