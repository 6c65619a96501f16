//! What Asterisk says: the login, its version, our rights, its clock, and whether what campaigns name is there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::finding::{Findings, Level};
use super::session::{Answer, NoSession, Session};
use crate::ami::{CloseReason, Message, MessageBuilder};
use crate::check::facts::{Facts, Place, Technology};
use crate::config;
use crate::daemon::clock::Clock;

/// What the dialer does, and the class that allows it.
const NEEDED: [(&str, &str); 5] = [
    ("Originate", "originate"),
    ("Hangup", "call"),
    ("CoreShowChannels", "reporting"),
    ("CoreStatus", "reporting"),
    ("Status", "reporting"),
];
/// What nobody needs to dial, and what with a stolen secret is the whole PBX.
const POWERS: [(&str, &str); 5] = [
    ("Command", "command"),
    ("UpdateConfig", "config"),
    ("CreateConfig", "config"),
    ("ModuleLoad", "system"),
    ("DBPut", "system"),
];
/// Asterisks that are dialled by in the tests.
const TESTED: std::ops::RangeInclusive<u32> = 16..=22;
/// The last with chan_sip.
const LAST_WITH_SIP: u32 = 20;
/// Asterisk tells its time in whole seconds.
const CLOCKS_APART: i64 = 2;

/// Asks it everything; `facts` are what campaigns name, where that is known. Where astout writes dialplan, it needs
/// class `system` for Asterisk to read it.
pub(super) fn check(
    asterisk: &config::Asterisk,
    facts: Option<&Facts>,
    (clock, writes_dialplan): (Clock, bool),
    findings: &mut Findings,
) {
    let what = format!("Asterisk at {}:{}", asterisk.host, asterisk.port);
    let session = match Session::open(asterisk) {
        Ok(session) => session,
        Err(why) => return no_session(&what, asterisk, &why, findings),
    };
    findings.ok(what, format!("logged in as {} ({})", asterisk.username, session.banner));
    let mut doctor = Doctor { session, findings, commands: BTreeSet::new(), version: None };
    doctor.rights(writes_dialplan);
    doctor.version();
    doctor.clock(clock);
    doctor.live_dangerously();
    doctor.findings.note(
        "writetimeout",
        "AMI does not tell it",
        format!("have writetimeout = 5000 in [{}] of manager.conf: with its 100 one stumble under load loses events", asterisk.username),
    );
    if let Some(facts) = facts {
        doctor.destinations(facts);
        doctor.technologies(facts);
    }
    doctor.session.close();
}

fn no_session(what: &str, asterisk: &config::Asterisk, why: &NoSession, findings: &mut Findings) {
    match why {
        NoSession::Unreachable(why) => findings.fail(
            what,
            format!("no answer: {why}"),
            "start Asterisk; manager.conf needs enabled = yes and this bindaddr and port in [general]",
        ),
        NoSession::Closed(CloseReason::Refused(text)) => {
            findings.fail(what, format!("login as {} refused: {text}", asterisk.username), stanza(asterisk));
        }
        NoSession::Closed(why) => {
            findings.fail(what, why.to_string(), "is this the port of Asterisk's manager?");
        }
    }
}

/// What manager.conf needs; the secret is the one thing that is not shown.
fn stanza(asterisk: &config::Asterisk) -> String {
    let local = asterisk.host == "localhost"
        || asterisk.host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let from = if local { "127.0.0.1" } else { "<this machine>" };
    format!(
        "have in manager.conf, then asterisk -rx \"manager reload\":\n[{}]\nsecret = <the one of [asterisk] in astout.toml>\n\
         deny = 0.0.0.0/0.0.0.0\npermit = {from}/255.255.255.255\nread = system,call,agent,user,reporting\n\
         write = originate,call,reporting\nwritetimeout = 5000",
        asterisk.username
    )
}

struct Doctor<'a> {
    session: Session,
    findings: &'a mut Findings,
    /// What we may do.
    commands: BTreeSet<String>,
    version: Option<u32>,
}

impl Doctor<'_> {
    fn may(&self, command: &str) -> bool {
        self.commands.contains(&command.to_ascii_lowercase())
    }

    fn rights(&mut self, writes_dialplan: bool) {
        let answer = self.session.ask(MessageBuilder::action("ListCommands"));
        let refusal = answer.refusal();
        let Some(listed) = answer.success() else {
            let to_do = "is this an Asterisk?";
            return self.findings.warn("rights", format!("ListCommands: {refusal}"), to_do);
        };
        self.commands = listed.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let lacking: Vec<_> = NEEDED.into_iter().filter(|(command, _)| !self.may(command)).collect();
        if lacking.is_empty() {
            self.findings.ok("rights", "all that dialing needs");
        } else {
            let classes: BTreeSet<&str> = lacking.iter().map(|(_, class)| *class).collect();
            let classes: Vec<_> = classes.into_iter().collect();
            let lacking: Vec<_> = lacking.iter().map(|(command, _)| *command).collect();
            self.findings.fail(
                "rights",
                format!("lacks {}", lacking.join(", ")),
                format!("add {} to write = in manager.conf", classes.join(", ")),
            );
        }
        // It needs no class, so that it is missing with its module only.
        if !self.may("QueueStatus") {
            self.findings.warn(
                "rights",
                "there is no QueueStatus",
                "load app_queue, or nobody is dialled for a queue",
            );
        }
        let powers = POWERS.into_iter().filter(|(command, _)| self.may(command));
        let powers: Vec<_> = powers.filter(|(_, class)| !writes_dialplan || *class != "system").collect();
        if !powers.is_empty() {
            let classes: BTreeSet<&str> = powers.iter().map(|(_, class)| *class).collect();
            let classes: Vec<_> = classes.into_iter().collect();
            let powers: Vec<_> = powers.iter().map(|(command, _)| *command).collect();
            self.findings.warn(
                "least privilege",
                format!("may use {}", powers.join(", ")),
                format!(
                    "take {} from write = in manager.conf: write = originate,call,reporting is enough",
                    classes.join(", ")
                ),
            );
        }
        if !self.session.booted {
            let to_do = "add system to read = in manager.conf; that call and agent are in it cannot be told from here";
            self.findings.warn(
                "events",
                "FullyBooted did not come: restarts of Asterisk are seen late",
                to_do,
            );
        }
    }

    fn version(&mut self) {
        let answer = self.session.ask(MessageBuilder::action("CoreSettings"));
        let refusal = answer.refusal();
        let version =
            answer.success().and_then(|settings| Some(settings.get("AsteriskVersion")?.into_owned()));
        let Some(version) = version else {
            return self.findings.note(
                "version",
                format!("CoreSettings: {refusal}"),
                "add reporting to write = in manager.conf",
            );
        };
        self.version = major(&version);
        match self.version {
            Some(major) if major < *TESTED.start() => {
                self.findings.fail("version", version, format!("{} or newer is needed", TESTED.start()));
            }
            Some(major) if TESTED.contains(&major) => self.findings.ok("version", version),
            Some(_) | None => {
                let to_do =
                    format!("tested with {} to {}; run a small campaign first", TESTED.start(), TESTED.end());
                self.findings.warn("version", version, to_do);
            }
        }
    }

    fn variable(&mut self, name: &str) -> Option<String> {
        let answer = self.session.ask(MessageBuilder::action("Getvar").header("Variable", name));
        answer.success().and_then(|message| Some(message.get("Value")?.into_owned()))
    }

    fn clock(&mut self, clock: Clock) {
        let theirs = self.variable("EPOCH").and_then(|epoch| epoch.parse::<i64>().ok());
        let Some(theirs) = theirs else {
            let to_do = "compare date on both machines; the right reporting lets it be asked";
            return self.findings.note("clock", "Asterisk does not tell its time", to_do);
        };
        let apart = clock.now().wall.micros().div_euclid(1_000_000) - theirs;
        if apart.abs() <= CLOCKS_APART {
            self.findings.ok("clock", "as Asterisk's");
        } else {
            let to_do =
                "have NTP on both; results have this machine's time, Asterisk's logs and CDR the other";
            self.findings.warn("clock", format!("{apart} s from Asterisk's"), to_do);
        }
    }

    /// Whoever may originate may run programs where it is on. A function that it guards, and that tells of `/` only,
    /// gives an answer then; else Asterisk's log has a line that it was blocked.
    fn live_dangerously(&mut self) {
        let what = "live_dangerously";
        let to_do = "have live_dangerously = no in [options] of asterisk.conf";
        if self.variable("STAT(e,/)").as_deref() == Some("1") {
            self.findings.warn(
                what,
                "is on: dialplan functions run programs for whoever may originate",
                to_do,
            );
        } else if self.module("func_env") == Some(true) {
            self.findings.ok(what, "is off");
        } else {
            self.findings.note(what, "cannot be told over AMI", to_do);
        }
    }

    /// Whether a module is loaded; `None` where we may not ask.
    fn module(&mut self, name: &str) -> Option<bool> {
        if !self.may("ModuleCheck") {
            return None;
        }
        match self.session.ask(MessageBuilder::action("ModuleCheck").header("Module", name)) {
            Answer::Response(message) => Some(message.is_success()),
            Answer::List(_) | Answer::None(_) => None,
        }
    }

    fn destinations(&mut self, facts: &Facts) {
        let mut places: BTreeMap<&Place, &str> = BTreeMap::new();
        for destination in &facts.destinations {
            places.entry(&destination.place).or_insert(&destination.campaign);
        }
        for (place, campaign) in places {
            match place {
                Place::Queue(queue) => self.queue(queue, campaign),
                Place::Exten { context, exten } => {
                    self.exten(context, Some(exten), &format!("campaign {campaign}"));
                }
                Place::Application(_) => {}
            }
        }
    }

    fn queue(&mut self, queue: &str, campaign: &str) {
        let what = format!("queue {queue}");
        let asked = self.session.list(MessageBuilder::action("QueueStatus").header("Queue", queue));
        let named = |item: &&Message, event| {
            item.is_event_named(event) && item.get("Queue").is_some_and(|name| name == queue)
        };
        match &asked {
            Answer::List(items) if items.iter().any(|item| named(&item, "QueueParams")) => {
                match items.iter().filter(|item| named(item, "QueueMember")).count() {
                    0 => self.findings.warn(
                        what,
                        "has no member: nobody is dialled for it",
                        "add agents, or let them log in",
                    ),
                    members => self.findings.ok(what, format!("{members} members")),
                }
            }
            Answer::List(_) => {
                let to_do = format!("add it to queues.conf, or mend the destination of campaign {campaign}");
                self.findings.fail(what, "Asterisk has no such queue", to_do);
            }
            Answer::Response(_) | Answer::None(_) => {
                self.findings.warn(what, asked.refusal(), "load app_queue");
            }
        }
    }

    fn exten(&mut self, context: &str, exten: Option<&str>, who: &str) {
        let what = match exten {
            Some(exten) => format!("extension {exten}@{context}"),
            None => format!("context {context}"),
        };
        if !self.may("ShowDialPlan") {
            let to_do = format!(
                "asterisk -rx \"dialplan show {}{context}\"",
                exten.map(|exten| format!("{exten}@")).unwrap_or_default()
            );
            return self.findings.note(what, "we may not look", to_do);
        }
        let mut action = MessageBuilder::action("ShowDialPlan").header("Context", context);
        if let Some(exten) = exten {
            action = action.header("Extension", exten);
        }
        match self.session.list(action) {
            Answer::List(_) => self.findings.ok(what, "is there"),
            answer @ (Answer::Response(_) | Answer::None(_)) => {
                let to_do = format!("add it to extensions.conf, or mend what {who} names");
                self.findings.fail(what, answer.refusal(), to_do);
            }
        }
    }

    fn technologies(&mut self, facts: &Facts) {
        let mut names: BTreeMap<&str, &Technology> = BTreeMap::new();
        let mut contexts: BTreeMap<&str, &str> = BTreeMap::new();
        for technology in &facts.technologies {
            let kept = names.entry(&technology.name).or_insert(technology);
            if technology.in_use && !kept.in_use {
                *kept = technology;
            }
            if technology.name == "LOCAL" && !technology.trunk.is_empty() {
                contexts.entry(&technology.trunk).or_insert(&technology.plan);
            }
        }
        for (name, technology) in names {
            self.technology(name, technology);
        }
        for (context, plan) in contexts {
            self.exten(context, None, &format!("plan {plan}"));
        }
    }

    fn technology(&mut self, name: &str, technology: &Technology) {
        let what = format!("technology {name}");
        let driver = match name {
            // A part of Asterisk's core.
            "LOCAL" => return self.findings.ok(what, "is always there"),
            "PJSIP" => "chan_pjsip",
            "SIP" => "chan_sip",
            "IAX2" => "chan_iax2",
            "DAHDI" => "chan_dahdi",
            _ => {
                let to_do = format!("asterisk -rx \"core show channeltypes\" has to show {name}");
                return self.findings.note(what, "its driver is not known here", to_do);
            }
        };
        let gone = name == "SIP" && self.version.is_some_and(|version| version > LAST_WITH_SIP);
        let there = if gone { Some(false) } else { self.module(driver) };
        let plan = &technology.plan;
        let level = if technology.in_use { Level::Fail } else { Level::Warn };
        match there {
            Some(true) => self.findings.ok(what, format!("{driver} is loaded")),
            Some(false) if name == "SIP" => {
                let to_do = format!("use PJSIP, as in plan {plan}: TechName: PJSIP/");
                self.findings.add(level, what, "chan_sip is not there, and gone since Asterisk 21", to_do);
            }
            Some(false) => {
                let to_do = format!("load it in modules.conf, or mend plan {plan}");
                self.findings.add(level, what, format!("{driver} is not loaded"), to_do);
            }
            None => {
                let to_do = format!("asterisk -rx \"module show like {driver}\"");
                self.findings.note(what, "we may not look for its driver", to_do);
            }
        }
    }
}

/// `22.10.1+dfsg` and `certified/18.9-cert5` → 22, 18.
fn major(version: &str) -> Option<u32> {
    let digits = version.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_found() {
        for (version, expected) in [
            ("22.10.1+dfsg+~cs6", Some(22)),
            ("certified/18.9-cert5", Some(18)),
            ("16.28.0", Some(16)),
            ("GIT-master", None),
        ] {
            assert_eq!(major(version), expected, "{version}");
        }
    }
}
