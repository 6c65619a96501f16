//! A queue's agents at one moment, as Asterisk tells of them to whoever asks and as astout sees them; and a look at both.

use std::time::{Duration, Instant};

use astout::ami::Message;

use super::ami::{Client, PATIENCE, header};

/// Within which astout has to see what Asterisk tells. That somebody need not be left alone any more has no event: it is
/// asked four times a second.
const IN_FLIGHT: Duration = Duration::from_secs(2);

/// What either side says of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub logged_in: usize,
    pub free: usize,
    pub ringing: usize,
    pub talking: usize,
    pub wrapping: usize,
    pub paused: usize,
    pub busy: usize,
    pub waiting: usize,
}

/// Asterisk's answers, a second session's: QueueSummary, QueueStatus and the count of those that it would call.
pub fn asterisk(admin: &mut Client, queue: &str) -> View {
    let of = [("Queue", queue)];
    let summary = admin.list("QueueSummary", &of);
    let number = |name: &str| header(&summary[0], name).parse().unwrap();
    let (logged_in, waiting) = (number("LoggedIn"), number("Callers"));
    let items = admin.list("QueueStatus", &of);
    let ready = admin.done("Getvar", &[("Variable", &format!("QUEUE_MEMBER({queue},ready)"))]);
    let free: usize = header(&ready, "Value").parse().unwrap();
    let is = |member: &Message, name: &str, value: &str| header(member, name) == value;
    let mut view = View { logged_in, free, ringing: 0, talking: 0, wrapping: 0, paused: 0, busy: 0, waiting };
    for member in items.iter().filter(|item| is(item, "Event", "QueueMember")) {
        let place = match header(member, "Status").as_str() {
            "4" | "5" => continue,
            _ if is(member, "InCall", "1") => &mut view.talking,
            "6" => &mut view.ringing,
            _ if is(member, "PausedReason", "wrap-up") => &mut view.wrapping,
            _ if is(member, "Paused", "1") => &mut view.paused,
            "0" | "1" => continue,
            _ => &mut view.busy,
        };
        *place += 1;
    }
    // The rest are idle, and Asterisk leaves them alone, or would call them.
    let others = view.ringing + view.talking + view.wrapping + view.paused + view.busy;
    view.wrapping += (view.logged_in - others).saturating_sub(view.free);
    view
}

/// Waits until Asterisk has told astout of the queue.
pub fn until_told(client: &mut Client, campaign: &str) {
    let deadline = Instant::now() + PATIENCE;
    while told(client, campaign).contains("has not told yet") {
        assert!(Instant::now() < deadline, "astout was told of no agent");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn told(client: &mut Client, campaign: &str) -> String {
    let items = client.list("OutExplain", &[("Uuid", campaign)]);
    let gate = items.iter().find(|item| header(item, "Gate") == "Queue").expect("the gate");
    header(gate, "Saw")
}

/// What astout tells of it.
pub fn astout(client: &mut Client, campaign: &str) -> (View, String) {
    let saw = told(client, campaign);
    let counts: Vec<usize> =
        saw.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    let [free, logged_in, ringing, talking, wrapping, paused, busy, waiting, ..] = counts[..] else {
        panic!("{saw}");
    };
    (View { logged_in, free, ringing, talking, wrapping, paused, busy, waiting }, saw)
}

/// How a look at both sides ends.
pub struct Look {
    /// After how long they agreed; `None` where Asterisk told something else before they did: that was no quiet instant.
    pub agreed: Option<Duration>,
    /// Whether astout saw something else at first.
    pub differed: bool,
}

/// Compares the two at one instant; a quiet one is one at which Asterisk tells the same before and after.
pub fn look(admin: &mut Client, client: &mut Client, queue: &str, campaign: &str) -> Look {
    let begun = Instant::now();
    let told = asterisk(admin, queue);
    let mut differed = false;
    loop {
        let (seen, words) = astout(client, campaign);
        let late = begun.elapsed();
        if asterisk(admin, queue) != told {
            return Look { agreed: None, differed };
        }
        if seen == told {
            return Look { agreed: Some(late), differed };
        }
        differed = true;
        assert!(late < IN_FLIGHT, "Asterisk tells {told:?}, astout sees {seen:?}: {words}");
    }
}
