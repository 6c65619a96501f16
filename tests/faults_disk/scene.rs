//! A campaign in full swing, with a call that stays up: what a disk is taken away under.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::ami::{Client, PATIENCE, header};
use super::support::daemon::Daemon;
use super::support::lab::Lab;
use super::support::pbx::Pbx;
use super::support::sandbox::Sandbox;
use super::support::scenario::{Campaign, LOCAL, assert_lines_whole};

/// Contacts beside the one whose call stays up.
const CONTACTS: usize = 90;
/// What the lab's telephones do: answer and stay a moment, busy, no such number.
const CALLEES: [&str; 3] = ["10101", "2", "5"];
/// Answers at once and stays.
const STAYS: &str = "1000099999";
/// Where answered calls go: until the callee hangs up.
const HOLD: [(&str, &str); 3] = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
/// How long nothing may be dialled before it counts as nothing.
const NOTHING: Duration = Duration::from_secs(2);

/// Somebody who looks at the PBX from outside.
pub(crate) fn admin(pbx: &impl Pbx) -> Client {
    Client::login(pbx.get("ASTERISK_AMI"), pbx.get("ASTERISK_ADMIN_USER"), pbx.get("ASTERISK_ADMIN_SECRET"))
}

/// The sandbox.
pub(crate) fn sandbox() -> Sandbox {
    Sandbox::up("")
}

/// A real Asterisk.
pub(crate) fn asterisk(name: &str) -> Lab {
    Lab::up(name)
}

/// The campaign.
pub(crate) struct Scene {
    pub(crate) campaign: Campaign,
    /// The call that stays up.
    pub(crate) up: String,
}

impl Scene {
    /// A daemon beside that PBX, not started yet, at so many calls a second that the list lasts.
    pub(crate) fn daemon(pbx: &impl Pbx) -> Daemon {
        let daemon = Daemon::prepared_beside(pbx, "");
        daemon.reconfigure("calls_per_second = 200", "calls_per_second = 20");
        daemon
    }

    /// Sets it up, and starts it.
    pub(crate) fn begin(client: &mut Client) -> Campaign {
        let plan = [&LOCAL[..], &[("MaxRetry1", "1"), ("DialTimeout", "5000")]].concat();
        let mut numbers = vec![STAYS.to_owned()];
        numbers.extend((0..CONTACTS).map(|place| format!("{}{place:05}", CALLEES[place % CALLEES.len()])));
        let contacts: Vec<_> = numbers.iter().map(|number| [("Number1", number.as_str())]).collect();
        let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
        let campaign = Campaign::create(client, &plan, &HOLD, &contacts);
        campaign.request(client, "1");
        campaign
    }

    /// The same, and waits until it is in full swing: a call is up that stays up, and others have ended.
    pub(crate) fn in_full_swing(daemon: &mut Daemon) -> Self {
        let campaign = Self::begin(&mut daemon.client());
        Self::join(campaign, daemon)
    }

    /// The same with a campaign that is set up.
    pub(crate) fn join(campaign: Campaign, daemon: &mut Daemon) -> Self {
        daemon.poll("lines", |daemon| (daemon.results().len() >= 5).then_some(()));
        let up = daemon.poll("the call that stays up", |daemon| {
            let calls = daemon.client().list("OutDialingShow", &[]);
            let stays = |call: &&astout::ami::Message| {
                header(call, "ResDial") == "4" && header(call, "DialAddr") == STAYS
            };
            calls.iter().find(stays).map(|call| header(call, "Uuid"))
        });
        Self { campaign, up }
    }

    /// Whether the call that stays up is up.
    pub(crate) fn is_up(&self, pbx: &impl Pbx) -> bool {
        admin(pbx).action("Getvar", &[("Channel", &self.up), ("Variable", "CHANNEL")]).is_success()
    }

    /// Hangs it up, from outside.
    pub(crate) fn hang_up(&self, pbx: &impl Pbx) {
        admin(pbx).done("Hangup", &[("Channel", &self.up), ("Cause", "16")]);
    }

    /// Waits for the campaign's end.
    fn ends(&self, daemon: &mut Daemon) {
        let mut client = daemon.client();
        daemon.poll("the end of the campaign", |_| {
            let status =
                header(&client.list("OutCampaignShow", &[("Uuid", &self.campaign.uuid)])[0], "Status");
            (status == "0").then_some(())
        });
    }

    /// The same, with what `astout check` says of it.
    pub(crate) fn ends_unchecked(&self, daemon: &mut Daemon) -> Output {
        self.ends(daemon);
        daemon.cli(&["check"])
    }

    /// The same with a log of several files, oldest first.
    pub(crate) fn ends_in(&self, daemon: &mut Daemon, files: &[PathBuf]) {
        self.ends(daemon);
        let lines: Vec<_> = files.iter().flat_map(|file| lines_of(file)).collect();
        assert_lines_whole(&lines);
        assert_eq!(lines.len(), CONTACTS + 1);
        daemon.check();
    }

    /// Waits for the campaign's end: everybody was dialled once and has one line; and the promises held.
    pub(crate) fn ends_whole(&self, daemon: &mut Daemon) {
        self.ends(daemon);
        let lines = daemon.results();
        assert_lines_whole(&lines);
        assert_eq!(lines.len(), CONTACTS + 1);
        daemon.check();
    }
}

/// Waits until dialing has stopped: for a while nobody is dialled.
pub(crate) fn dialing_stops(daemon: &Daemon) {
    let mut client = daemon.client();
    let deadline = Instant::now() + PATIENCE;
    while dials_within(&mut client, NOTHING) {
        assert!(Instant::now() < deadline, "dialing does not stop:\n{}", daemon.log());
    }
}

/// Nobody is dialled.
pub(crate) fn assert_nobody_is_dialled(daemon: &Daemon) {
    assert!(!dials_within(&mut daemon.client(), NOTHING), "somebody was dialled:\n{}", daemon.log());
}

fn dials_within(client: &mut Client, span: Duration) -> bool {
    let until = Instant::now() + span;
    while let Some(left) = until.checked_duration_since(Instant::now())
        && let Some(event) = client.event(left)
    {
        if header(&event, "Event") == "OutDialingCreate" {
            return true;
        }
    }
    false
}

/// Waits until it says that.
pub(crate) fn says(daemon: &mut Daemon, what: &str) {
    daemon.poll(what, |daemon| daemon.log().contains(what).then_some(()));
}

/// How often it has said that.
pub(crate) fn times(daemon: &Daemon, what: &str) -> usize {
    daemon.log().matches(what).count()
}

/// The lines of a file of the log.
fn lines_of(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
