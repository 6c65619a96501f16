//! A client session and a server session talk to each other through a pipe that cuts anywhere.

use std::time::Duration;

use proptest::prelude::*;

use super::builder::MessageBuilder;
use super::client_session::Auth;
use super::*;

/// The server's caller: `admin` with the secret `pw`; `List` answers with `Count` items, everything else with success.
fn serve(server: &mut ServerSession, now: Now) {
    while let Some(event) = server.poll(now) {
        match event {
            ServerEvent::Authenticate(login) => {
                let account =
                    Account { name: login.username.clone(), read: Privileges::ALL, write: Privileges::ALL };
                let right = login.username == "admin" && login.proof.matches("pw");
                server.authenticated(now, right.then_some(account).ok_or(Denied::AuthenticationFailed));
            }
            ServerEvent::Request(request) => {
                let id = request.action_id();
                if request.is("List") {
                    let count = request.get("Count").and_then(|count| count.parse().ok()).unwrap_or(0);
                    server.send_reply(&response::list_start(id, "Things will follow"));
                    for number in 0..count {
                        let item = response::list_item(id, "Thing").header("Number", number.to_string());
                        server.send_reply(&item.finish_lossy());
                        let event = event::event("Noise", Class::Call).echo(id).finish_lossy();
                        server.send_event(Class::Call, &event);
                    }
                    server.send_reply(&response::list_complete(id, "ListComplete", count).finish_lossy());
                } else {
                    server.send_reply(&response::success_message(id, request.name()));
                }
                server.reply_done();
            }
            ServerEvent::Closed(_) => {}
        }
    }
}

struct Pipe {
    client: ClientSession<usize>,
    server: ServerSession,
    seconds: u64,
    cut: usize,
    told: Vec<ClientEvent<usize>>,
}

impl Pipe {
    fn new(auth: Auth, secret: &str, cut: usize) -> Self {
        let options = ClientOptions {
            username: "admin".into(),
            secret: secret.into(),
            auth,
            ..ClientOptions::default()
        };
        Self {
            client: ClientSession::new(Duration::ZERO, options),
            server: ServerSession::new(Now::default(), "pipe", ServerOptions::default(), [1; 16]),
            seconds: 0,
            cut,
            told: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        Now { monotonic: Duration::from_secs(self.seconds), unix: Duration::from_secs(self.seconds) }
    }

    /// Lets both talk until neither has anything to say.
    fn settle(&mut self) {
        let now = self.now();
        loop {
            serve(&mut self.server, now);
            let to_client = self.server.take_output();
            let to_server = self.client.take_output();
            if to_client.is_none() && to_server.is_none() {
                break;
            }
            for chunk in to_client.iter().flat_map(|bytes| bytes.chunks(self.cut)) {
                self.client.receive(now.monotonic, chunk);
            }
            for chunk in to_server.iter().flat_map(|bytes| bytes.chunks(self.cut)) {
                self.server.receive(chunk);
                serve(&mut self.server, now);
            }
            self.told.extend(std::iter::from_fn(|| self.client.poll_event()));
        }
    }

    fn second(&mut self) {
        self.seconds += 1;
        let now = self.now();
        self.client.handle_timer(now.monotonic);
        self.server.handle_timer(now);
        self.settle();
    }
}

proptest! {
    #[test]
    fn what_one_end_asks_the_other_answers(md5: bool, cut in 1_usize..200, counts in prop::collection::vec(0_usize..20, 1..6)) {
        let mut pipe = Pipe::new(if md5 { Auth::Md5 } else { Auth::Plain }, "pw", cut);
        pipe.settle();
        prop_assert!(pipe.client.is_logged_in());
        let is_booted = |told: &[ClientEvent<usize>]| matches!(told, [.., ClientEvent::LoggedIn, ClientEvent::FullyBooted(_)]);
        prop_assert!(is_booted(&pipe.told), "{:?}", pipe.told);
        pipe.told.clear();
        for (tag, count) in counts.iter().enumerate() {
            let now = pipe.now().monotonic;
            pipe.client.submit_list(now, MessageBuilder::action("List").header("Count", count.to_string()), tag);
            pipe.client.submit(now, MessageBuilder::action("Other"), 100 + tag);
        }
        pipe.settle();
        let (mut tags, mut noise) = (Vec::new(), 0);
        for event in &pipe.told {
            match event {
                ClientEvent::List { tag, items, .. } => {
                    prop_assert_eq!(items.len(), counts[*tag]);
                    tags.push(*tag);
                }
                ClientEvent::Response { tag, .. } => tags.push(*tag),
                ClientEvent::Event(_) => noise += 1,
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert_eq!(tags, (0..counts.len()).flat_map(|tag| [tag, 100 + tag]).collect::<Vec<_>>());
        prop_assert_eq!(noise, counts.iter().sum::<usize>());
        for _ in 0..60 {
            pipe.second();
        }
        prop_assert!(pipe.client.is_logged_in(), "pings were not answered");
    }
}

#[test]
fn a_wrong_secret_is_refused_a_second_later() {
    for auth in [Auth::Plain, Auth::Md5] {
        let mut pipe = Pipe::new(auth, "wrong", 7);
        pipe.settle();
        assert!(!pipe.client.is_closed());
        pipe.second();
        let why = CloseReason::Refused("Authentication failed".into());
        assert!(
            matches!(pipe.told.last(), Some(ClientEvent::Closed { why: told }) if *told == why),
            "{:?}",
            pipe.told
        );
    }
}
