//! `astout backup` and `astout restore`: what a daemon at work has, in one file and back.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use support::ami::{Client, header};
use support::daemon::Daemon;
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL};

const OWN: &str = "[omnileads_custom]\nexten => s,1,Answer()\n";

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Everything that operators have made, as it is shown.
fn shown(client: &mut Client) -> Vec<String> {
    let mut shown = Vec::new();
    for list in ["OutPlanShow", "OutDlmaShow", "OutDestinationShow", "OutCampaignShow", "OutDlListShow"] {
        for entry in client.list(list, &[]) {
            let headers = entry.iter().map(|(name, value)| format!("{name}: {value}\n"));
            shown.push(headers.filter(|line| !line.starts_with("ActionID")).collect());
        }
    }
    shown
}

/// A daemon with a dialplan of its user's own, and a campaign at work: two lines are written, calls are up.
fn at_work(sandbox: &Sandbox) -> (Daemon, Campaign) {
    let mut daemon = Daemon::prepared_beside(sandbox, "");
    let dialplan = daemon.path("dialplan");
    fs::create_dir(&dialplan).unwrap();
    fs::write(dialplan.join("astout_extensions_custom.conf"), OWN).unwrap();
    let configuration = fs::read_to_string(daemon.path("astout.toml")).unwrap();
    let more = format!("[dialplan]\ndirectory = \"{}\"\n", dialplan.display());
    fs::write(daemon.path("astout.toml"), configuration + &more).unwrap();
    daemon.run();
    let mut client = daemon.client();
    let park = [("Type", "1"), ("Application", "Park")];
    let contacts =
        ["1000001", "1000002", "2001", "2002"].map(|number| [("Name", number), ("Number1", number)]);
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let campaign = Campaign::create(&mut client, &LOCAL, &park, &contacts);
    campaign.request(&mut client, "1");
    daemon.poll("two results", |daemon| (daemon.results().len() >= 2).then_some(()));
    (daemon, campaign)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_was_backed_up_while_the_daemon_ran_comes_back_with_its_campaigns_paused() {
    let sandbox = Sandbox::up("");
    let (mut daemon, campaign) = at_work(&sandbox);
    let backup = daemon.path("the.backup");
    let (code, text) = said(&daemon.cli(&["backup", backup.to_str().unwrap()]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("configuration, dialplan, database") && text.contains("only its owner"), "{text}");
    assert_eq!(mode(&backup), 0o600);
    let (code, text) = said(&daemon.cli(&["backup", backup.to_str().unwrap()]));
    assert!(code == Some(74) && text.contains("there already"), "{code:?} {text}");

    let (code, text) = said(&daemon.cli(&["restore", backup.to_str().unwrap()]));
    assert!(code == Some(69) && text.contains("already running"), "{code:?} {text}");
    let mut client = daemon.client();
    // What comes after the backup is to be gone again.
    client.create("OutDlmaCreate", &[("Name", "made later")]);
    drop(client);
    daemon.stop();
    let configuration = fs::read_to_string(daemon.path("astout.toml")).unwrap();
    fs::write(daemon.path("astout.toml"), configuration.clone() + "# changed later\n").unwrap();

    let (code, text) = said(&daemon.cli(&["restore", backup.to_str().unwrap()]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("paused, for whoever was dialled since"), "{text}");
    assert_eq!(fs::read_to_string(daemon.path("astout.toml")).unwrap(), configuration);
    let aside = |name: &str| {
        let mut names =
            fs::read_dir(daemon.dir()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.any(|found| found.starts_with(&format!("{name}.before-restore-")))
    };
    assert!(aside("astout.sqlite3") && aside("astout.toml"), "what was there is kept");

    let before = daemon.results().len();
    daemon.run();
    let mut client = daemon.client();
    assert!(!shown(&mut client).iter().any(|noun| noun.contains("made later")));
    let status = &client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0];
    assert_eq!(header(status, "Status"), "2", "nobody is dialled before somebody has looked");
    assert_eq!(client.list("OutDlListShow", &[]).len(), 4);
    assert!(daemon.results().len() >= before);
}

#[test]
fn a_backup_of_a_stopped_daemon_is_restored_on_a_machine_that_has_nothing() {
    let sandbox = Sandbox::up("");
    let (mut daemon, campaign) = at_work(&sandbox);
    let mut client = daemon.client();
    // The calls that are up are hung up.
    campaign.request(&mut client, "30");
    campaign.until_stopped(&mut client);
    let before = shown(&mut client);
    drop(client);
    daemon.stop();
    let backup = daemon.path("the.backup");
    let (code, text) = said(&daemon.cli(&["backup", backup.to_str().unwrap()]));
    assert_eq!(code, Some(0), "{text}");
    for name in ["astout.sqlite3", "astout.sqlite3-wal", "astout.sqlite3-shm", "astout.toml"] {
        drop(fs::remove_file(daemon.path(name)));
    }
    let (code, text) = said(&daemon.cli(&["restore", backup.to_str().unwrap()]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("no campaign was running"), "{text}");
    assert_eq!((mode(&daemon.path("astout.toml")), mode(&daemon.path("astout.sqlite3"))), (0o600, 0o600));
    daemon.run();
    assert_eq!(shown(&mut daemon.client()), before);
    daemon.check();
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_touched() {
    let sandbox = Sandbox::up("");
    let (mut daemon, _) = at_work(&sandbox);
    let backup = daemon.path("the.backup");
    daemon.cli(&["backup", backup.to_str().unwrap()]);
    daemon.stop();
    let whole = fs::read(&backup).unwrap();
    let names = || {
        let names = fs::read_dir(daemon.dir()).unwrap().map(|file| file.unwrap().file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let before = (names(), fs::read(daemon.path("astout.sqlite3")).unwrap());
    let mut spoilt = whole.clone();
    let last = spoilt.len() - 5000;
    spoilt[last] ^= 1;
    for bytes in [&spoilt[..], &whole[..whole.len() - 1], b"SQLite format 3\0", b""] {
        fs::write(&backup, bytes).unwrap();
        let (code, text) = said(&daemon.cli(&["restore", backup.to_str().unwrap()]));
        assert!(code == Some(65) && text.contains("nothing is restored"), "{code:?} {text}");
    }
    let (code, text) = said(&daemon.cli(&["restore", daemon.path("no-such").to_str().unwrap()]));
    assert!(code == Some(74) && text.contains("nothing is restored"), "{code:?} {text}");
    assert_eq!((names(), fs::read(daemon.path("astout.sqlite3")).unwrap()), before);
}

#[test]
fn restores_within_a_second_keep_aside_what_each_has_found() {
    let mut daemon = Daemon::start_beside("127.0.0.1:9", "user", "secret", "");
    daemon.stop();
    let backup = daemon.path("the.backup");
    let (code, text) = said(&daemon.cli(&["backup", backup.to_str().unwrap()]));
    assert_eq!(code, Some(0), "{text}");
    let kept = |file: &str| {
        let names = fs::read_dir(daemon.dir()).unwrap().map(|file| file.unwrap().path());
        let aside = format!("{file}.before-restore-");
        let ours = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(&aside) && !name.ends_with("-wal") && !name.ends_with("-shm")
        };
        names.filter(ours).map(|path| fs::read(path).unwrap()).collect::<std::collections::BTreeSet<_>>()
    };
    let configuration = fs::read_to_string(daemon.path("astout.toml")).unwrap();
    let mut had = [const { std::collections::BTreeSet::new() }; 2];
    // More than there are seconds in which they are carried out.
    for restore in 0..6 {
        let changed = format!("{configuration}# {restore}\n");
        fs::write(daemon.path("astout.toml"), &changed).unwrap();
        had[0].insert(changed.into_bytes());
        let database = fs::File::options().append(true).open(daemon.path("astout.sqlite3")).unwrap();
        // A page's worth that SQLite does not look at tells one copy from another.
        database.set_len(database.metadata().unwrap().len() + 4096 * restore).unwrap();
        had[1].insert(fs::read(daemon.path("astout.sqlite3")).unwrap());
        let (code, text) = said(&daemon.cli(&["restore", backup.to_str().unwrap()]));
        assert_eq!(code, Some(0), "{text}");
    }
    assert_eq!([kept("astout.toml"), kept("astout.sqlite3")], had);
}
