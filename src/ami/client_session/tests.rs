//! The server is played by literal text; time is what the test says.

use super::*;
use crate::ami::auth::md5_key;

type Session = ClientSession<&'static str>;

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn options(auth: Auth) -> ClientOptions {
    ClientOptions { username: "astout".into(), secret: "pw".into(), auth, ..ClientOptions::default() }
}

fn sent(session: &mut Session) -> String {
    session.take_output().map_or_else(String::new, |bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// Logged in at 0 s; its Login was `c:1`.
fn member() -> Session {
    let mut session = Session::new(at(0.0), options(Auth::Plain));
    session.receive(
        at(0.0),
        b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\n",
    );
    sent(&mut session);
    assert!(session.is_logged_in());
    shown(&mut session);
    session
}

/// One line an event.
fn shown(session: &mut Session) -> Vec<String> {
    let text =
        |message: &Message| message.get("Message").or(message.event_name()).unwrap_or_default().into_owned();
    std::iter::from_fn(|| session.poll_event())
        .map(|event| match event {
            ClientEvent::Response { tag, message } => format!("{tag}: {}", text(&message)),
            ClientEvent::List { tag, items, .. } => format!("{tag}: {} items", items.len()),
            ClientEvent::NoAnswer { tag, why } => format!("{tag}: {why}"),
            ClientEvent::Event(message) => format!("event {}", text(&message)),
            ClientEvent::Stray(message) => format!("stray {}", text(&message)),
            ClientEvent::Closed { why } => format!("closed: {why}"),
            ClientEvent::FullyBooted(message) => {
                format!("booted {}", message.get("Uptime").unwrap_or_default())
            }
            ClientEvent::Banner(_)
            | ClientEvent::LoggedIn
            | ClientEvent::PingMissed { .. }
            | ClientEvent::PingAnswered { .. } => format!("{event:?}"),
        })
        .collect()
}

fn status() -> MessageBuilder {
    MessageBuilder::action("Status")
}

#[test]
fn md5_login_waits_for_the_banner_and_answers_the_challenge() {
    let mut session = Session::new(at(0.0), options(Auth::Md5));
    assert_eq!(sent(&mut session), "");
    session.receive(at(0.0), b"Asterisk Call Manager/11.0.0\r\n");
    assert_eq!(sent(&mut session), "Action: Challenge\r\nActionID: c:1\r\nAuthType: MD5\r\n\r\n");
    session.receive(at(0.1), b"Response: Success\r\nActionID: c:1\r\nChallenge: 696196513\r\n\r\n");
    let key = md5_key("696196513", "pw");
    let login =
        format!("Action: Login\r\nActionID: c:2\r\nAuthType: MD5\r\nUsername: astout\r\nKey: {key}\r\n\r\n");
    assert_eq!(sent(&mut session), login);
    session.receive(
        at(0.2),
        b"Response: Success\r\nActionID: c:2\r\nMessage: Authentication accepted\r\n\r\n\
          Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 123\r\n\r\n",
    );
    let banner = r#"Banner("Asterisk Call Manager/11.0.0")"#;
    assert_eq!(shown(&mut session), [banner, "LoggedIn", "booted 123"]);
}

#[test]
fn a_refused_login_closes_with_its_text() {
    for auth in [Auth::Plain, Auth::Md5] {
        let mut session = Session::new(at(0.0), options(auth));
        session.receive(at(0.0), b"B/1\r\nResponse: Error\r\nMessage: Authentication failed\r\n\r\n");
        assert_eq!(shown(&mut session)[1..], ["closed: login refused: Authentication failed"]);
        assert!(session.is_closed());
    }
}

#[test]
fn a_login_without_answer_is_given_up() {
    let mut session = Session::new(at(5.0), options(Auth::Md5));
    assert_eq!(session.next_deadline(), Some(at(15.0)));
    session.handle_timer(at(14.9));
    assert!(!session.is_closed());
    session.handle_timer(at(15.0));
    assert_eq!(shown(&mut session), ["closed: no answer to the login"]);
    assert_eq!(session.next_deadline(), None);
}

#[test]
fn nothing_is_accepted_before_login() {
    let mut session = Session::new(at(0.0), options(Auth::Md5));
    session.submit(at(0.0), status(), "early");
    assert_eq!(shown(&mut session), ["early: not sent"]);
    assert_eq!(sent(&mut session), "");
}

#[test]
fn answers_find_their_tags_in_any_order_and_between_events() {
    let mut session = member();
    session.submit(at(1.0), status(), "ours");
    session.submit(at(1.0), MessageBuilder::action("Originate").action_id("o:1"), "originate");
    let wire = "Action: Status\r\nActionID: c:2\r\n\r\nAction: Originate\r\nActionID: o:1\r\n\r\n";
    assert_eq!(sent(&mut session), wire);
    session.receive(
        at(1.1),
        b"Event: Newchannel\r\n\r\nResponse: Success\r\nActionID: o:1\r\nMessage: Originate successfully queued\r\n\r\n\
          Event: OriginateResponse\r\nActionID: o:1\r\nResponse: Failure\r\n\r\n\
          Response: Error\r\nActionID: foreign\r\nMessage: foreign\r\n\r\n\
          Response: Success\r\nActionID: c:2\r\nMessage: Status\r\n\r\n",
    );
    let expected = [
        "event Newchannel",
        "originate: Originate successfully queued",
        "event OriginateResponse",
        "stray foreign",
        "ours: Status",
    ];
    assert_eq!(shown(&mut session), expected);
    assert_eq!(session.unanswered(), 0);
}

#[test]
fn a_list_is_given_whole_and_foreign_events_keep_their_place() {
    let mut session = member();
    session.submit_list(at(1.0), status(), "list");
    session.receive(
        at(1.0),
        b"Response: Success\r\nActionID: c:2\r\nEventList: start\r\nMessage: Channel status will follow\r\n\r\n\
          Event: Status\r\nPrivilege: Call\r\nActionID: c:2\r\n\r\nEvent: Hangup\r\n\r\n",
    );
    assert_eq!(shown(&mut session), ["event Hangup"]);
    session.receive(
        at(2.0),
        b"Event: Status\r\nActionID: c:2\r\n\r\n\
          Event: StatusComplete\r\nActionID: c:2\r\nEventList: Complete\r\nListItems: 2\r\nItems: 2\r\n\r\n",
    );
    assert_eq!(shown(&mut session), ["list: 2 items"]);
}

#[test]
fn an_empty_list_is_a_list_and_an_error_is_a_response() {
    let mut session = member();
    session.submit_list(at(1.0), status(), "empty");
    session.submit_list(at(1.0), status(), "error");
    session.receive(
        at(1.0),
        b"Response: Success\r\nActionID: c:2\r\nEventList: start\r\n\r\n\
          Event: StatusComplete\r\nActionID: c:2\r\nEventList: Complete\r\nListItems: 0\r\n\r\n\
          Response: Error\r\nActionID: c:3\r\nMessage: No such channel\r\n\r\n",
    );
    assert_eq!(shown(&mut session), ["empty: 0 items", "error: No such channel"]);
}

#[test]
fn a_list_that_lacks_items_or_its_end_is_no_list() {
    let start = b"Response: Success\r\nActionID: c:2\r\nEventList: start\r\n\r\n";
    let short = &b"Event: StatusComplete\r\nActionID: c:2\r\nEventList: Complete\r\nListItems: 3\r\n\r\n"[..];
    let cancelled = &b"Event: StatusComplete\r\nActionID: c:2\r\nEventList: cancelled\r\n\r\n"[..];
    for end in [short, cancelled] {
        let mut session = member();
        session.submit_list(at(1.0), status(), "list");
        session.receive(at(1.0), start);
        session.receive(at(1.0), end);
        assert_eq!(shown(&mut session), ["list: the list is incomplete"]);
    }
    let mut session = member();
    session.submit_list(at(1.0), status(), "list");
    sent(&mut session);
    session.receive(at(1.0), start);
    session.receive(at(2.0), b"Event: Status\r\nActionID: c:2\r\n\r\n");
    session.receive_eof();
    let expected =
        ["list: the connection was lost before the answer", "closed: the server closed the connection"];
    assert_eq!(shown(&mut session), expected);
}

#[test]
fn a_list_may_take_long_as_long_as_it_goes_on() {
    let mut session = member();
    session.options.ping_every = at(1000.0);
    session.pings = Pings::new(at(1000.0), at(2.0));
    session.submit_list(at(0.0), status(), "list");
    session.receive(at(9.0), b"Response: Success\r\nActionID: c:2\r\nEventList: start\r\n\r\n");
    session.receive(at(18.0), b"Event: Status\r\nActionID: c:2\r\n\r\n");
    session.handle_timer(at(27.9));
    assert_eq!(shown(&mut session), [""; 0]);
    assert_eq!(session.next_deadline(), Some(at(28.0)));
    session.handle_timer(at(28.0));
    assert_eq!(shown(&mut session), ["list: the list is incomplete"]);
}

#[test]
fn an_action_without_answer_times_out_and_a_late_answer_is_stray() {
    let mut session = member();
    session.submit(at(1.0), status(), "slow");
    sent(&mut session);
    session.handle_timer(at(11.0));
    assert_eq!(shown(&mut session), ["slow: no answer in time"]);
    session.receive(at(12.0), b"Response: Success\r\nActionID: c:2\r\nMessage: late\r\n\r\n");
    assert_eq!(shown(&mut session), ["stray late"]);
}

#[test]
fn what_was_not_written_in_time_is_withdrawn() {
    let mut session = member();
    session.submit(at(1.0), MessageBuilder::action("Originate"), "withdrawn");
    session.submit(at(2.0), status(), "later");
    session.handle_timer(at(11.0));
    assert_eq!(shown(&mut session)[0], "withdrawn: not sent");
    let wire = sent(&mut session);
    assert!(wire.contains("Status") && !wire.contains("Originate"), "{wire}");
}

#[test]
fn a_lost_connection_tells_what_may_have_been_executed() {
    let mut session = member();
    session.submit(at(1.0), status(), "written");
    sent(&mut session);
    session.submit(at(1.0), status(), "queued");
    session.fail("reset by peer");
    let expected =
        ["written: the connection was lost before the answer", "queued: not sent", "closed: reset by peer"];
    assert_eq!(shown(&mut session), expected);
    session.submit(at(2.0), status(), "after");
    assert_eq!(shown(&mut session), ["after: not sent"]);
    assert!(NoAnswer::Lost.was_sent() && NoAnswer::TimedOut.was_sent() && !NoAnswer::NotSent.was_sent());
}

#[test]
fn what_can_not_be_encoded_and_an_action_id_in_use_come_back_unsent() {
    let mut session = member();
    session.submit(at(1.0), status().header("Channel", "a\r\nb"), "injection");
    session.submit(at(1.0), status().action_id("o:1"), "first");
    session.submit(at(1.0), status().action_id("o:1"), "second");
    let shown = shown(&mut session);
    assert!(shown[0].starts_with("injection: not sent: the value of Channel"), "{shown:?}");
    assert_eq!(shown[1..], ["second: not sent: its ActionID is in use"]);
    assert_eq!(sent(&mut session), "Action: Status\r\nActionID: o:1\r\n\r\n");
}

#[test]
fn three_missed_pings_close_the_session() {
    let mut session = member();
    for (due, missed) in [(4.0, 1), (8.0, 2), (12.0, 3)] {
        assert_eq!(session.next_deadline(), Some(at(due)));
        session.handle_timer(at(due));
        assert!(sent(&mut session).starts_with("Action: Ping\r\n"));
        assert_eq!(session.next_deadline(), Some(at(due + 2.0)));
        session.handle_timer(at(due + 2.0));
        assert_eq!(shown(&mut session)[0], format!("PingMissed {{ missed: {missed} }}"));
    }
    assert!(session.is_closed());
}

#[test]
fn an_answered_ping_says_nothing_and_a_late_one_that_all_is_well_again() {
    let mut session = member();
    session.handle_timer(at(5.0));
    session.receive(at(5.1), b"Response: Success\r\nActionID: c:2\r\nPing: Pong\r\n\r\n");
    assert_eq!(shown(&mut session), [""; 0]);
    session.handle_timer(at(10.0));
    session.handle_timer(at(12.0));
    session.receive(at(13.0), b"Response: Success\r\nActionID: c:3\r\nPing: Pong\r\n\r\n");
    assert_eq!(shown(&mut session), ["PingMissed { missed: 1 }", "PingAnswered { round_trip: 3s }"]);
    session.handle_timer(at(15.0));
    session.handle_timer(at(17.0));
    assert_eq!(shown(&mut session), ["PingMissed { missed: 1 }"]);
}

#[test]
fn what_is_no_ami_is_a_protocol_error() {
    let mut session = member();
    session.receive(at(1.0), &vec![b'x'; 100_000]);
    assert_eq!(shown(&mut session), ["closed: protocol error: a line of more than 65536 bytes"]);
}

#[test]
fn logoff_waits_for_the_goodbye() {
    let mut session = member();
    session.logoff();
    assert_eq!(sent(&mut session), "Action: Logoff\r\nActionID: c:2\r\n\r\n");
    session.receive(at(1.0), b"Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n");
    assert_eq!(shown(&mut session), ["closed: logged off"]);
}

#[test]
fn any_cut_of_the_stream_gives_the_same_events() {
    let text =
        b"Event: A\r\n\r\nResponse: Error\r\nMessage: x\n\r\n\r\nEvent: FullyBooted\r\nUptime: 1\r\n\r\n";
    let mut whole = member();
    whole.receive(at(1.0), text);
    let mut bytewise = member();
    text.chunks(1).for_each(|byte| bytewise.receive(at(1.0), byte));
    assert_eq!(shown(&mut whole), shown(&mut bytewise));
}

#[test]
fn output_is_given_in_portions_so_that_the_rest_can_be_withdrawn() {
    let mut session = member();
    for _ in 0..1000 {
        session.submit(at(1.0), status().header("Pad", "x".repeat(100)), "bulk");
    }
    let portion = session.take_output().unwrap();
    assert!(portion.len() <= MAX_OUTPUT && portion.ends_with(b"\r\n\r\n"));
    session.fail("gone");
    let shown = shown(&mut session);
    let unsent = shown.iter().filter(|line| line.ends_with("not sent")).count();
    assert!((800..900).contains(&unsent), "{unsent}");
}

#[test]
fn the_secret_does_not_show() {
    assert!(!format!("{:?}", options(Auth::Plain)).contains("pw"));
}
