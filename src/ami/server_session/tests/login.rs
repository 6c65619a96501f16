//! Who gets in, and what he may read.

use super::*;

const FULLY_BOOTED: &str = "S: Event: FullyBooted\nS: Privilege: system,all\nS: Uptime: 100\nS: LastReload: 100\n\
    S: Status: Fully Booted\nS:";

#[test]
fn a_login_before_the_banner_was_read_and_actions_behind_it_are_served_in_order() {
    play(&format!(
        "C: Action: Login\nC: Username: ADMIN\nC: Secret: adminpw\nC: ActionID: a\nC:
         C: Action: pInG\nC: ActionID: b\nC:
         S: Asterisk Call Manager/11.0.0
         S: Response: Success\nS: ActionID: a\nS: Message: Authentication accepted\nS:
         {FULLY_BOOTED}
         S: Response: Success\nS: ActionID: b\nS: Ping: Pong\nS: Timestamp: 1795249015.199103\nS:"
    ));
}

#[test]
fn every_failed_login_is_answered_alike_after_a_second_and_closes() {
    for login in [
        "C: Username: admin\nC: Secret: nope",
        "C: Username: admin\nC: Secret: adminpw ",
        "C: Username: nobody\nC: Secret: adminpw",
        "C: Secret: adminpw",
        "C: Username: admin",
        "C: Username: admin\nC: AuthType: MD5\nC: Key: 00",
        "C: Username: admin\nC: AuthType: MD5",
    ] {
        let mut host = Host::new();
        host.output();
        host.play(&format!("C: Action: Login\n{login}\nC: ActionID: L1\nC:"));
        host.play("C: Action: Login\nC: Username: admin\nC: Secret: adminpw\nC:");
        assert_eq!(host.output(), "", "{login}");
        host.play(
            "T: 0.99
             C: Action: Logoff\nC:",
        );
        assert_eq!(host.output(), "", "{login}");
        host.play("T: 0.02\nS: Response: Error\nS: ActionID: L1\nS: Message: Authentication failed\nS:\nX");
        assert_eq!(host.closed, Some(Closed::Denied));
    }
}

#[test]
fn a_user_who_may_log_in_once_is_told_so() {
    let mut host = Host::new();
    host.play("C: Action: Login\nC: Username: once\nC: Secret: x\nC:\nS: Asterisk Call Manager/11.0.0");
    assert_eq!(host.session.next_deadline(), Some(Duration::from_secs(101)));
    host.play("T: 1\nS: Response: Error\nS: Message: Login Already In Use\nS:\nX");
}

#[test]
fn md5_login_and_the_same_challenge_on_repeat() {
    let challenge = auth::challenge([7; 16]);
    let key = auth::md5_key(&challenge, "adminpw");
    play(&format!(
        "C: Action: Challenge\nC: AuthType: md5\nC: ActionID: c1\nC:
         C: Action: Challenge\nC: AuthType: MD5\nC:
         C: Action: Challenge\nC: ActionID: x\nC:
         C: Action: Challenge\nC: AuthType: SHA1\nC:
         S: Asterisk Call Manager/11.0.0
         S: Response: Success\nS: ActionID: c1\nS: Challenge: {challenge}\nS:
         S: Response: Success\nS: Challenge: {challenge}\nS:
         S: Response: Error\nS: ActionID: x\nS: Message: Must specify AuthType\nS:
         S: Response: Error\nS: Message: Must specify AuthType\nS:
         C: Action: Login\nC: AuthType: MD5\nC: Username: admin\nC: Key: {key}\nC: Events: off\nC:
         S: Response: Success\nS: Message: Authentication accepted\nS:
         C: Action: Challenge\nC: AuthType: MD5\nC:
         S: Response: Success\nS: Challenge: {challenge}\nS:"
    ));
}

#[test]
fn before_login_everything_but_login_logoff_and_challenge_is_denied() {
    let closed = play(
        "C: Action: Ping\nC: ActionID: p0\nC:
         C: Action: OutCampaignShow\nC:
         C: ActionID: p2\nC: Foo: bar\nC:
         C:
         S: Asterisk Call Manager/11.0.0
         S: Response: Error\nS: ActionID: p0\nS: Message: Permission denied\nS:
         S: Response: Error\nS: Message: Permission denied\nS:
         S: Response: Error\nS: ActionID: p2\nS: Message: Missing action in request\nS:
         S: Response: Error\nS: Message: Missing action in request\nS:
         C: Action: Logoff\nC: ActionID: p3\nC:
         C: Action: Ping\nC:
         S: Response: Goodbye\nS: ActionID: p3\nS: Message: Thanks for all the fish.\nS:
         X",
    );
    assert_eq!(closed, Some(Closed::LoggedOff));
}

#[test]
fn a_second_login_is_already_authenticated() {
    Host::member().play(
        "C: Action: Login\nC: Username: admin\nC: Secret: wrong\nC: ActionID: again\nC:
         S: Response: Success\nS: ActionID: again\nS: Message: Already authenticated\nS:",
    );
}

#[test]
fn the_event_mask_is_answered_as_asterisk_does() {
    let mut host = Host::member();
    for (mask, answer) in [
        ("on", "Events: On"),
        ("OFF", "Events: Off"),
        ("call,user", "Events: On"),
        ("bogus", "Events: Off"),
        ("all,bogus", "Events: On"),
        ("2", "Events: On"),
    ] {
        host.play(&format!(
            "C: Action: Events\nC: EventMask: {mask}\nC: ActionID: e\nC:
             S: Response: Success\nS: ActionID: e\nS: {answer}\nS:"
        ));
    }
    host.play(
        "C: Action: Events\nC: EventMask:\nC:
         C: Action: Events\nC:
         S: Response: Error\nS: Message: Invalid event mask\nS:
         S: Response: Error\nS: Message: Invalid event mask\nS:",
    );
}

#[test]
fn no_mask_goes_beyond_what_the_account_reads() {
    let mut host = Host::new();
    host.play(
        "C: Action: Login\nC: Username: callonly\nC: Secret: adminpw\nC:
         C: Action: Events\nC: EventMask: all\nC:
         S: Asterisk Call Manager/11.0.0
         S: Response: Success\nS: Message: Authentication accepted\nS:
         S: Response: Success\nS: Events: On\nS:",
    );
    assert_eq!(host.session.event_classes(), Class::Call.into());
    host.user_event("unseen");
    assert_eq!(host.output(), "");
}

#[test]
fn events_at_login_decide_on_fully_booted_and_an_empty_one_is_everything() {
    for (events, booted) in [("off", false), ("call", false), ("-1", false), ("system", true), ("", true)] {
        let mut host = Host::new();
        host.play(&format!(
            "C: Action: Login\nC: Username: admin\nC: Secret: adminpw\nC: Events: {events}\nC:"
        ));
        assert_eq!(host.output().contains("FullyBooted"), booted, "{events:?}");
    }
}

#[test]
fn a_stranger_is_closed_silently_even_if_he_keeps_pinging() {
    let mut host = Host::new();
    host.output();
    assert_eq!(host.session.next_deadline(), Some(Duration::from_secs(130)));
    host.play("T: 29\nC: Action: Ping\nC:\nS: Response: Error\nS: Message: Permission denied\nS:\nT: 1");
    assert_eq!(host.output(), "");
    assert_eq!(host.closed, Some(Closed::AuthTimeout));
}

#[test]
fn a_member_stays() {
    let mut host = Host::member();
    assert_eq!(host.session.next_deadline(), None);
    host.play("T: 86400\nC: Action: Echo\nC:\nS: Response: Success\nS: Message: Echoed\nS:");
}

#[test]
fn a_preauthenticated_session_greets_and_serves_at_once_without_events() {
    let now = Now::default();
    let account = Account { name: "root".into(), read: Privileges::ALL, write: Privileges::ALL };
    let session = ServerSession::preauthenticated(now, "unix", ServerOptions::default(), account);
    let mut host = Host { session, now, closed: None };
    host.user_event("unasked");
    host.play(
        "C: Action: Echo\nC:\nS: Asterisk Call Manager/11.0.0\nS: Response: Success\nS: Message: Echoed\nS:",
    );
}
