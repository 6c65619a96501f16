//! The times of calls that live while astout is dead: those in the result line are true to 200 ms, also of what nobody
//! of ours has seen. A client of the PBX that sees everything is the judge.

use std::collections::HashMap;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::fault::{campaign, finish, on_both, told};
use crate::support::ami::{Client, header};
use crate::support::daemon::Daemon;
use crate::support::pbx::Pbx;

on_both!(case_04_the_times_of_calls_that_were_answered_unseen_are_true);

const TRUE_TO: Duration = Duration::from_millis(200);

/// When what happened to each dialing: `DialBegin`, `Up`, `Hangup`.
type Seen = HashMap<(String, &'static str), DateTime<Utc>>;

#[expect(clippy::disallowed_methods, reason = "it is compared with what the daemon's clock has said")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Sees until it is told to end.
struct Judge {
    end: mpsc::Sender<()>,
    seeing: JoinHandle<Seen>,
    answered: mpsc::Receiver<String>,
}

impl Judge {
    fn at(pbx: &impl Pbx) -> Self {
        let mut client = pbx.admin();
        let (end, ended) = mpsc::channel();
        let (tell, answered) = mpsc::channel();
        let seeing = std::thread::spawn(move || {
            let mut seen = Seen::new();
            while ended.try_recv().is_err() {
                let Some(event) = client.event(Duration::from_millis(50)) else { continue };
                let (of, what) = match header(&event, "Event").as_str() {
                    "DialBegin" => ("DestUniqueid", "DialBegin"),
                    "Newstate" if header(&event, "ChannelState") == "6" => ("Uniqueid", "Up"),
                    "Hangup" => ("Uniqueid", "Hangup"),
                    _ => continue,
                };
                let dialing = header(&event, of);
                if what == "Up" {
                    // Nobody may listen any more.
                    drop(tell.send(dialing.clone()));
                }
                seen.entry((dialing, what)).or_insert_with(now);
            }
            seen
        });
        Self { end, seeing, answered }
    }

    /// Waits until the PBX has said that this call is up.
    fn until_answered(&self, dialing: &str) {
        while self.answered.recv_timeout(Duration::from_secs(30)).unwrap() != dialing {}
    }

    fn seen(self) -> Seen {
        self.end.send(()).unwrap();
        self.seeing.join().unwrap()
    }
}

fn dialing_of(client: &mut Client, number: &str) -> String {
    let dialings = client.list("OutDialingShow", &[]);
    let of_number = dialings.iter().find(|dialing| header(dialing, "DialAddr") == number);
    header(of_number.unwrap(), "Uuid")
}

fn case_04_the_times_of_calls_that_were_answered_unseen_are_true(pbx: &mut impl Pbx) {
    let judge = Judge::at(pbx);
    let mut daemon = Daemon::start(pbx, "");
    let mut client = daemon.client();
    // Answered before astout dies, while it is dead, and after it is back; each hung up once it is back.
    let numbers = ["1016001", "1204001", "1502001"];
    let campaign = campaign(&mut client, "1", &numbers);
    campaign.request(&mut client, "1");
    client.wait_for("an answer", |event| header(event, "Status") == "6");
    let unseen = dialing_of(&mut client, numbers[1]);
    daemon.kill();
    judge.until_answered(&unseen);
    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("answered", 4, 1); 3]);
    let seen = judge.seen();
    for line in &lines {
        for (key, what) in [("tm_dial_begin", "DialBegin"), ("tm_dial_end", "Up"), ("tm_hangup", "Hangup")] {
            let told = at(line, key);
            let seen = seen[&(line["dialing_uuid"].as_str().unwrap().to_owned(), what)];
            let apart = (told - seen).abs().to_std().unwrap();
            assert!(apart < TRUE_TO, "{} of {}: {told} and {what} at {seen}", key, line["dial_addr"]);
        }
    }
}

fn at(line: &Value, key: &str) -> DateTime<Utc> {
    line[key].as_str().unwrap_or_else(|| panic!("no {key} in {line}")).parse().unwrap()
}
