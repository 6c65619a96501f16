//! Transcripts in the manner of `C:` what the client sends, `S:` what it gets, `T:` seconds that pass, `X` the close.
//! The caller is played by [`Host`]: users `admin` (everything) and `callonly`, actions `Echo`, `List` and `Park`.

use proptest::prelude::*;

use super::*;

mod login;

struct Host {
    session: ServerSession,
    now: Now,
    closed: Option<Closed>,
}

impl Host {
    fn new() -> Self {
        Self::with(ServerOptions::default())
    }

    fn with(options: ServerOptions) -> Self {
        let now =
            Now { monotonic: Duration::from_secs(100), unix: Duration::from_micros(1_795_249_015_199_103) };
        let session = ServerSession::new(now, "127.0.0.1:5", options, [7; 16]);
        Self { session, now, closed: None }
    }

    fn member() -> Self {
        let mut host = Self::new();
        host.play("C: Action: Login\nC: Username: admin\nC: Secret: adminpw\nC: Events: user\nC:");
        host.output();
        host
    }

    fn advance(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.unix += time;
        self.session.handle_timer(self.now);
    }

    fn output(&mut self) -> String {
        let mut output = String::new();
        loop {
            while let Some(event) = self.session.poll(self.now) {
                self.answer(event);
            }
            match self.session.take_output() {
                Some(bytes) => output.push_str(&String::from_utf8_lossy(&bytes)),
                None => return output,
            }
        }
    }

    fn answer(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Closed(why) => self.closed = Some(why),
            ServerEvent::Authenticate(login) => {
                let read = match login.username.to_lowercase().as_str() {
                    "admin" => Privileges::ALL,
                    "callonly" => Class::Call.into(),
                    "once" => return self.session.authenticated(self.now, Err(Denied::LoginInUse)),
                    _ => return self.session.authenticated(self.now, Err(Denied::AuthenticationFailed)),
                };
                let account = Account { name: login.username, read, write: read };
                let verdict = match login.proof {
                    // A careless caller: the session refuses all the same.
                    Proof::Missing(_) => Ok(account),
                    ref proof => {
                        proof.matches("adminpw").then_some(account).ok_or(Denied::AuthenticationFailed)
                    }
                };
                self.session.authenticated(self.now, verdict);
            }
            ServerEvent::Request(request) => {
                let id = request.action_id();
                if request.is("Park") {
                    return;
                } else if request.is("Echo") {
                    self.session.send_reply(&response::success_message(id, "Echoed"));
                } else if request.is("List") {
                    self.session.send_reply(&response::list_start(id, "Things will follow"));
                    self.user_event("inside");
                    self.session.send_reply(&response::list_item(id, "Thing").finish_lossy());
                    self.session.send_reply(&response::list_complete(id, "ListComplete", 1).finish_lossy());
                } else {
                    self.session.send_reply(&response::unknown_command(id, request.name()));
                }
                self.session.reply_done();
            }
        }
    }

    fn user_event(&mut self, text: &str) {
        let event = crate::ami::event::event("UserEvent", Class::User).header("Text", text).finish_lossy();
        self.session.send_event(Class::User, &event);
    }

    fn play(&mut self, script: &str) {
        let mut lines = script.lines().map(str::trim_start).filter(|line| !line.is_empty()).peekable();
        while let Some(line) = lines.next() {
            let (who, text) = line.split_once(':').unwrap_or((line, ""));
            let text = text.strip_prefix(' ').unwrap_or(text);
            match who {
                "C" => self.session.receive(format!("{text}\r\n").as_bytes()),
                "T" => self.advance(Duration::from_secs_f64(text.parse().unwrap())),
                "X" => assert!(self.closed.is_some(), "not closed"),
                "S" => {
                    let mut expected = format!("{text}\r\n");
                    while let Some(next) = lines.next_if(|next| next.starts_with("S:")) {
                        expected.push_str(next[2..].strip_prefix(' ').unwrap_or(&next[2..]));
                        expected.push_str("\r\n");
                    }
                    assert_eq!(self.output(), expected, "in {script}");
                }
                other => panic!("what is {other:?}?"),
            }
        }
    }
}

fn play(script: &str) -> Option<Closed> {
    let mut host = Host::new();
    host.play(script);
    host.closed
}

#[test]
fn the_banner_is_one_line_without_an_empty_one_behind_it() {
    play("S: Asterisk Call Manager/11.0.0");
}

#[test]
fn faults_are_answered_in_their_place_and_the_connection_goes_on() {
    let long = "y".repeat(3000);
    Host::member().play(&format!(
        "C: Action: Ping\nC: ActionID: l\nC: X: {long}\nC:
         C: Action: Echo\nC: ActionID: e  \nC:
         S: Response: Error\nS: ActionID: l\nS: Message: Failed to parse message: line too long\nS:
         S: Response: Success\nS: ActionID: e  \nS: Message: Echoed\nS:
         {}C:
         S: Response: Error\nS: Message: Too many lines in message or allocation failure\nS:",
        "C: H: v\n".repeat(129)
    ));
}

#[test]
fn an_action_of_the_callers_is_handed_out() {
    Host::member().play(
        "C: Action: OutX\nC: ActionID: 1\nC:
         S: Response: Error\nS: ActionID: 1\nS: Message: Invalid/unknown command: OutX. Use Action: ListCommands to show available commands.\nS:",
    );
}

#[test]
fn events_never_fall_inside_an_answer() {
    let mut host = Host::member();
    host.user_event("before");
    host.play(
        "C: Action: List\nC: ActionID: 7\nC:
         S: Event: UserEvent\nS: Privilege: user,all\nS: Text: before\nS:
         S: Response: Success\nS: ActionID: 7\nS: EventList: start\nS: Message: Things will follow\nS:
         S: Event: Thing\nS: ActionID: 7\nS:
         S: Event: ListComplete\nS: ActionID: 7\nS: EventList: Complete\nS: ListItems: 1\nS:
         S: Event: UserEvent\nS: Privilege: user,all\nS: Text: inside\nS:",
    );
}

#[test]
fn an_event_of_several_classes_is_for_those_who_read_them_all() {
    let mut host = Host::member();
    host.play("C: Action: Events\nC: EventMask: on\nC:\nS: Response: Success\nS: Events: On\nS:");
    host.session.send_event_of(Privileges::ALL, Bytes::from_static(b"Event: All\r\n\r\n"));
    assert_eq!(host.output(), "Event: All\r\n\r\n");
    host.play("C: Action: Events\nC: EventMask: call\nC:\nS: Response: Success\nS: Events: On\nS:");
    host.session.send_event_of(Privileges::ALL, Bytes::from_static(b"Event: All\r\n\r\n"));
    host.session.send_event_of(Class::Call.into(), Bytes::from_static(b"Event: Call\r\n\r\n"));
    assert_eq!(host.output(), "Event: Call\r\n\r\n");
}

#[test]
fn events_may_be_let_go_before_an_answer_that_is_long_in_coming() {
    let mut host = Host::member();
    host.play("C: Action: Park\nC:");
    host.user_event("meanwhile");
    host.session.release_events();
    assert_eq!(host.output(), "Event: UserEvent\r\nPrivilege: user,all\r\nText: meanwhile\r\n\r\n");
    host.user_event("later");
    host.session.send_reply(&response::success_message(None, "Parked"));
    host.session.reply_done();
    assert!(host.output().starts_with("Response: Success"));
}

#[test]
fn the_next_request_waits_for_the_answer_to_the_one_before() {
    let mut host = Host::member();
    host.play("C: Action: Park\nC:\nC: Action: Ping\nC: ActionID: 2\nC:");
    assert_eq!(host.output(), "");
    host.user_event("meanwhile");
    assert_eq!(host.output(), "");
    host.session.send_reply(&response::success_message(None, "Parked"));
    host.session.reply_done();
    host.play(
        "S: Response: Success\nS: Message: Parked\nS:
         S: Event: UserEvent\nS: Privilege: user,all\nS: Text: meanwhile\nS:
         S: Response: Success\nS: ActionID: 2\nS: Ping: Pong\nS: Timestamp: 1795249015.199103\nS:",
    );
}

#[test]
fn what_came_before_a_half_close_is_answered_and_then_closed() {
    let mut host = Host::member();
    host.play("C: Action: Park\nC:\nC: Action: Echo\nC:\nC: Action: Unfinished");
    host.session.receive_eof();
    assert_eq!((host.output().as_str(), host.closed), ("", None));
    host.session.reply_done();
    host.play("S: Response: Success\nS: Message: Echoed\nS:\nX");
    assert_eq!(host.closed, Some(Closed::Eof));
}

#[test]
fn a_client_that_does_not_read_is_dropped_at_the_bound() {
    let mut host = Host::with(ServerOptions { max_queued_bytes: 10_000, ..ServerOptions::default() });
    host.play("C: Action: Login\nC: Username: admin\nC: Secret: adminpw\nC:");
    host.output();
    let mut sent = 0;
    while host.session.poll(host.now).is_none() && sent < 1000 {
        host.user_event(&"x".repeat(100));
        sent += 1;
        assert!(host.session.room() <= 10_000);
    }
    assert!((50..100).contains(&sent), "{sent}");
    assert_eq!(host.session.take_output(), None);
    assert!(matches!(host.session.state, State::Closed { why: Closed::Overflow, .. }));
}

#[test]
fn twenty_thousand_pipelined_pings_are_all_answered_without_overflow() {
    let mut host = Host::member();
    let mut unsent: &[u8] = &b"Action: Ping\r\n\r\n".repeat(20_000);
    let (mut answers, mut largest) = (0, 0);
    while !unsent.is_empty() || answers < 20_000 {
        if host.session.wants_input() {
            let (chunk, rest) = unsent.split_at(unsent.len().min(4096));
            host.session.receive(chunk);
            unsent = rest;
        }
        assert_eq!(host.session.poll(host.now), None);
        let output = host.session.take_output().unwrap();
        largest = largest.max(output.len());
        answers += output.windows(4).filter(|bytes| bytes == b"Pong").count();
    }
    assert_eq!((answers, host.closed), (20_000, None));
    assert!(largest <= 70_000, "{largest}");
}

#[test]
fn any_bytes_of_an_action_id_are_echoed_and_long_ones_too() {
    let mut host = Host::member();
    host.session.receive(b"Action: Echo\r\nActionID: \xc3\xa9\xe9\xff\r\n\r\n");
    while let Some(event) = host.session.poll(host.now) {
        host.answer(event);
    }
    let reply = host.session.take_output().unwrap();
    assert_eq!(reply, &b"Response: Success\r\nActionID: \xc3\xa9\xe9\xff\r\nMessage: Echoed\r\n\r\n"[..]);
    let id = "i".repeat(900);
    host.play(&format!(
        "C: Action: Events\nC: EventMask: off\nC: ActionID: {id}\nC:
         S: Response: Success\nS: ActionID: {id}\nS: Events: Off\nS:"
    ));
}

#[test]
fn the_longest_message_gets_in_where_reading_stops_when_the_input_is_full() {
    let mut host = Host::member();
    let longest = format!("Action: Echo\r\n{}\r\n", format!("X: {}\r\n", "y".repeat(1019)).repeat(127));
    for chunk in longest.as_bytes().chunks(1000) {
        assert!(host.session.wants_input());
        host.session.receive(chunk);
    }
    host.play("S: Response: Success\nS: Message: Echoed\nS:");
}

#[test]
fn a_client_that_pipelines_behind_a_slow_action_is_made_to_wait() {
    let mut host = Host::member();
    host.play("C: Action: Park\nC:");
    host.output();
    let mut chunks = 0;
    while host.session.wants_input() {
        host.session.receive(&b"Action: Ping\r\n\r\n".repeat(256));
        assert_eq!(host.session.poll(host.now), None);
        chunks += 1;
    }
    assert!(chunks < 100, "{chunks}");
    host.session.reply_done();
    host.output();
    assert!(host.session.wants_input());
}

#[test]
fn requests_join_the_one_under_way_until_one_that_is_not_taken() {
    let mut host = Host::member();
    let ask = |name: &str| format!("Action: {name}\r\n\r\n");
    host.session
        .receive([ask("Park"), ask("Echo"), ask("Echo"), ask("Ping"), ask("Echo")].concat().as_bytes());
    assert_eq!(host.session.poll_joining(|_| true), None);
    assert!(matches!(host.session.poll(host.now), Some(ServerEvent::Request(request)) if request.is("Park")));
    let echoes = |request: &Request| request.is("Echo");
    assert!(host.session.poll_joining(echoes).is_some_and(|request| request.is("Echo")));
    assert!(host.session.poll_joining(echoes).is_some_and(|request| request.is("Echo")));
    for _ in 0..2 {
        assert_eq!(host.session.poll_joining(echoes), None);
    }
    // What waits is served in its turn, and what came behind it too.
    host.user_event("meanwhile");
    host.session.reply_done();
    let told = host.output();
    let (event, pong) = (told.find("meanwhile").unwrap(), told.find("Ping: Pong").unwrap());
    assert!(event < pong && told[pong..].contains("Echoed"), "{told}");
}

#[test]
fn no_request_joins_for_a_client_that_does_not_read_its_answers() {
    let mut host = Host::member();
    host.session.receive(&b"Action: Park\r\n\r\n".repeat(2000));
    assert!(host.session.poll(host.now).is_some());
    let mut joined = 0;
    while host.session.poll_joining(|_| true).is_some() {
        host.session.send_reply(&response::success_message(None, &"x".repeat(1000)));
        joined += 1;
    }
    assert!((60..70).contains(&joined), "{joined}");
    while host.session.take_output().is_some() {}
    assert!(host.session.poll_joining(|_| true).is_some());
}

proptest! {
    #[test]
    fn any_cut_of_any_bytes_gives_the_same_answers(
        pieces in prop::collection::vec(prop_oneof![
            Just(&b"Action: Login\r\nUsername: admin\r\nSecret: adminpw\r\n\r\n"[..]),
            Just(&b"Action: Challenge\nAuthType: MD5\n\n"[..]),
            Just(&b"Action: Ping\r\nActionID: 1\r\n\r\n"[..]),
            Just(&b"Action: List\r\n\r\n"[..]),
            Just(&b"Action: Events\r\nEventMask: on\r\n"[..]),
            Just(&b"Action: Logoff\r\n"[..]),
            Just(&b"\r\n"[..]),
            Just(&b"\0x\n"[..]),
            Just(&b"\xff: \r\rActionID"[..]),
        ], 0..12),
        size in 1_usize..40,
    ) {
        let stream = pieces.concat();
        let mut whole = Host::new();
        whole.session.receive(&stream);
        let expected = whole.output();
        let mut cut = Host::new();
        let mut output = cut.output();
        for chunk in stream.chunks(size) {
            cut.session.receive(chunk);
            output.push_str(&cut.output());
        }
        prop_assert_eq!(output, expected);
        prop_assert_eq!(cut.closed, whole.closed);
    }
}
