//! Cases 1 to 8 and 10: SIGKILL at the moments that matter, and what the next start makes of it.

use crate::fault::{Witness, assert_killed, campaign, finish, killed_at, on_both, record, told};
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::pbx::Pbx;

/// Answers after 0.3 s and stays 0.5 s.
const ANSWERS: &str = "1030501";
const BUSY: &str = "2001";

on_both!(
    case_01_killed_before_the_claim_is_committed_nothing_was_done,
    case_02_killed_after_the_claim_the_attempt_is_unknown_and_counted,
    case_02_killed_before_the_originate_the_attempt_is_unknown_and_counted,
    case_03_killed_before_the_answer_to_the_originate_the_call_is_followed_on,
    case_03_killed_after_the_answer_to_the_originate_the_call_is_followed_on,
    case_04_killed_while_it_rings_the_call_is_followed_on,
    case_05_a_call_that_ends_meanwhile_is_answered_where_that_was_known_else_unknown,
    case_06_killed_before_the_commit_of_an_end_nobody_saw_it,
    case_06_killed_after_the_commit_of_an_end_its_line_is_written,
    case_07_a_torn_line_is_cut_off_and_written_anew,
    case_08_a_line_whose_position_was_not_committed_is_not_written_again,
    case_10_what_was_replied_is_there_after_a_kill,
    case_10_so_are_contacts_that_were_asked_for_together,
);

fn case_01_killed_before_the_claim_is_committed_nothing_was_done(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    let (mut daemon, campaign) = killed_at(pbx, "before_claim_commit:1", "1", &[ANSWERS]);
    assert_eq!(record::<i64>(&daemon, "SELECT count(*) FROM dialing"), 0);
    assert_eq!(record::<i64>(&daemon, "SELECT status + trycnt + trycnt_1 FROM dl_list"), 0);
    assert!(daemon.results().is_empty());
    assert!(witness.dialled().is_empty());

    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("answered", 4, 1)]);
    witness.assert_dialled_once(&lines);
}

fn case_02_killed_after_the_claim_the_attempt_is_unknown_and_counted(pbx: &mut impl Pbx) {
    killed_unsent(pbx, "after_claim_commit:1");
}

fn case_02_killed_before_the_originate_the_attempt_is_unknown_and_counted(pbx: &mut impl Pbx) {
    killed_unsent(pbx, "before_originate_write:1");
}

fn killed_unsent(pbx: &impl Pbx, point: &str) {
    let mut witness = Witness::at(pbx);
    let (mut daemon, campaign) = killed_at(pbx, point, "2", &[ANSWERS]);
    assert!(witness.dialled().is_empty());

    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("unknown", 0, 1), ("answered", 4, 2)]);
    witness.assert_dialled_once(&lines[1..]);
    let mut client = daemon.client();
    assert_eq!(header(&campaign.contacts(&mut client)[ANSWERS], "TryCnt1"), "2");
}

fn case_03_killed_before_the_answer_to_the_originate_the_call_is_followed_on(pbx: &mut impl Pbx) {
    killed_sent(pbx, "after_originate_write:1");
}

fn case_03_killed_after_the_answer_to_the_originate_the_call_is_followed_on(pbx: &mut impl Pbx) {
    killed_sent(pbx, "after_ack:1");
}

fn killed_sent(pbx: &impl Pbx, point: &str) {
    let mut witness = Witness::at(pbx);
    // Rings 2 s, stays 2 s: it is answered after the next start.
    let (mut daemon, campaign) = killed_at(pbx, point, "2", &["1202001"]);
    witness.first(&mut daemon);
    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("answered", 4, 1)]);
    assert_eq!(lines[0]["res_hangup"], 16);
    witness.assert_dialled_once(&lines);
}

fn case_04_killed_while_it_rings_the_call_is_followed_on(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    let mut daemon = Daemon::start(pbx, "");
    let mut client = daemon.client();
    // One answers after 3 s, one never does and is given up after 6.
    let numbers = ["1301001", "3001"];
    let campaign = campaign(&mut client, "1", &numbers);
    campaign.request(&mut client, "1");
    for _ in numbers {
        client.wait_for("DialBegin", |event| header(event, "Status") == "3");
    }
    daemon.kill();
    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("answered", 4, 1), ("noanswer", 3, 1)]);
    assert_eq!((&lines[0]["res_hangup"], &lines[1]["res_hangup"]), (&16.into(), &19.into()));
    witness.assert_dialled_once(&lines);
}

fn case_05_a_call_that_ends_meanwhile_is_answered_where_that_was_known_else_unknown(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    let mut daemon = Daemon::start(pbx, "");
    let mut client = daemon.client();
    // One is answered at once and stays; one rings.
    let campaign = campaign(&mut client, "1", &["1000001", "3001"]);
    campaign.request(&mut client, "1");
    client.wait_for("the ringing", |event| header(event, "Status") == "3");
    daemon.poll("the answer in the records", |daemon| {
        let known = "SELECT count(*) FROM dialing WHERE res_dial = 4";
        (record::<i64>(daemon, known) == 1 && witness.dialled().len() == 2).then_some(())
    });
    daemon.kill();
    let mut admin = pbx.admin();
    for dialing in witness.dialled().keys() {
        admin.done("Hangup", &[("Channel", dialing)]);
    }
    daemon.poll("the end of the calls", |_| admin.list("CoreShowChannels", &[]).is_empty().then_some(()));

    daemon.run();
    let mut lines = finish(&mut daemon, &campaign);
    lines.sort_by_key(|line| line["dial_addr"].as_str().unwrap().to_owned());
    assert_eq!(told(&lines), [("answered", 4, 1), ("unknown", 0, 1)]);
    for line in &lines {
        assert_eq!((line["res_hangup"].as_i64(), line["tm_hangup"].as_str()), (Some(0), None), "{line}");
    }
    witness.assert_dialled_once(&lines);
}

fn case_06_killed_before_the_commit_of_an_end_nobody_saw_it(pbx: &mut impl Pbx) {
    killed_ending(pbx, "before_end_commit:1", 0, ("unknown", 0, 1));
}

fn case_06_killed_after_the_commit_of_an_end_its_line_is_written(pbx: &mut impl Pbx) {
    killed_ending(pbx, "after_end_commit:1", 1, ("busy", 5, 1));
}

fn killed_ending(pbx: &impl Pbx, point: &str, written: i64, outcome: (&str, i64, i64)) {
    let mut witness = Witness::at(pbx);
    let (mut daemon, campaign) = killed_at(pbx, point, "1", &[BUSY]);
    let ended: i64 = record(&daemon, "SELECT count(*) FROM dialing WHERE open = 0");
    let queued: i64 = record(&daemon, "SELECT count(*) FROM outbox");
    let free: i64 = record(&daemon, "SELECT status = 0 FROM dl_list");
    assert_eq!((ended, queued, free), (written, written, written));
    assert!(daemon.results().is_empty());

    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [outcome]);
    witness.assert_dialled_once(&lines);
}

fn case_07_a_torn_line_is_cut_off_and_written_anew(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    // The second busy one comes after the first one's line.
    let (mut daemon, campaign) = killed_at(pbx, "mid_log_write:2", "1", &[BUSY, "1500301"]);
    let text = std::fs::read_to_string(daemon.path("astout.result")).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.ends_with('\n'), "{text}");

    daemon.run();
    assert!(daemon.log().contains("cut off a torn line"), "{}", daemon.log());
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("busy", 5, 1), ("answered", 4, 1)]);
    witness.assert_dialled_once(&lines);
}

fn case_08_a_line_whose_position_was_not_committed_is_not_written_again(pbx: &mut impl Pbx) {
    let mut witness = Witness::at(pbx);
    let (mut daemon, campaign) = killed_at(pbx, "after_log_write:1", "1", &[BUSY]);
    assert_eq!(record::<i64>(&daemon, "SELECT seq FROM logpos"), 0);
    assert_eq!(daemon.results().len(), 1);

    daemon.run();
    let lines = finish(&mut daemon, &campaign);
    assert_eq!(told(&lines), [("busy", 5, 1)]);
    witness.assert_dialled_once(&lines);
}

fn case_10_what_was_replied_is_there_after_a_kill(pbx: &mut impl Pbx) {
    let mut daemon = Daemon::beside(pbx, "");
    let mut made: Vec<(&str, String)> = Vec::new();
    let creations: [(&str, &[&str], &str); 5] = [
        ("OutPlanCreate", &[], "OutPlanShow"),
        ("OutDlmaCreate", &[], "OutDlmaShow"),
        ("OutDestinationCreate", &[], "OutDestinationShow"),
        ("OutDlListCreate", &["DlmaUuid"], "OutDlListShow"),
        ("OutCampaignCreate", &["Plan", "Dlma", "Dest"], "OutCampaignShow"),
    ];
    for (create, links, show) in creations {
        daemon.run_with(&[("ASTOUT_CRASH_AT", "after_reply:1")]);
        let of = |link: &str| {
            let show = match link {
                "Plan" => "OutPlanShow",
                "Dest" => "OutDestinationShow",
                _ => "OutDlmaShow",
            };
            made.iter().find(|(shown, _)| *shown == show).map(|(_, uuid)| uuid.as_str()).unwrap()
        };
        let mut fields =
            vec![("Number1", "300"), ("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
        fields.extend(links.iter().map(|link| (*link, of(link))));
        let uuid = daemon.client().create(create, &fields);
        assert_killed(&mut daemon);
        made.push((show, uuid));
    }
    daemon.run();
    let mut client = daemon.client();
    for (show, uuid) in &made {
        assert_eq!(client.list(show, &[("Uuid", uuid)]).len(), 1, "{show}");
    }
    daemon.check();
}

fn case_10_so_are_contacts_that_were_asked_for_together(pbx: &mut impl Pbx) {
    let mut daemon = Daemon::start(pbx, "");
    let mut client = daemon.client();
    let dlma = client.create("OutDlmaCreate", &[]);
    let ids: Vec<_> = (0..2000)
        .map(|_| client.submit("OutDlListCreate", &[("DlmaUuid", &dlma), ("Number1", "300")]))
        .collect();
    let replied: Vec<_> = ids[..600].iter().map(|id| header(&client.response(id), "Uuid")).collect();
    daemon.kill();
    daemon.run();
    let mut client = daemon.client();
    let listed = client.list("OutDlListShow", &[("DlmaUuid", &dlma), ("Count", "1000")]);
    let listed: Vec<_> = listed.iter().map(|contact| header(contact, "Uuid")).collect();
    assert!(listed.starts_with(&replied), "{replied:?} are not the first of {listed:?}");
}
