//! A connection against a peer on the loopback that is played by the test.

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::ami::{Auth, ClientOptions, Message, MessageBuilder};

const LOGIN_OK: &str = "Response: Success\r\nMessage: Authentication accepted\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(10);

struct Ours {
    commands: mpsc::Sender<ToAsterisk<u32>>,
    told: mpsc::Receiver<FromAsterisk<u32>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct Peer {
    stream: BufReader<TcpStream>,
}

fn options(port: u16) -> ConnectionOptions {
    ConnectionOptions {
        port,
        session: ClientOptions {
            username: "astout".into(),
            secret: "pw".into(),
            auth: Auth::Plain,
            ..ConnectionOptions::default().session
        },
        retry_min: Duration::from_millis(10),
        retry_max: Duration::from_millis(50),
        retry_refused: Duration::from_millis(300),
        ..ConnectionOptions::default()
    }
}

fn start(options: ConnectionOptions) -> Ours {
    let (commands, commands_there) = mpsc::channel(100);
    let (told_there, told) = mpsc::channel(100);
    let stop = CancellationToken::new();
    let task = tokio::spawn(run(options, commands_there, told_there, stop.clone()));
    Ours { commands, told, stop, task }
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

impl Ours {
    async fn next(&mut self) -> FromAsterisk<u32> {
        timeout(PATIENCE, self.told.recv()).await.expect("nothing was told").expect("the connection is gone")
    }

    async fn submit(&self, action: &str, tag: u32) {
        self.commands.send(ToAsterisk::Submit { action: MessageBuilder::action(action), tag }).await.unwrap();
    }

    async fn expect_up(&mut self) {
        let told = self.next().await;
        assert!(matches!(&told, FromAsterisk::Up { banner } if banner == crate::ami::BANNER), "{told:?}");
    }

    async fn expect_down(&mut self) -> (String, bool) {
        match self.next().await {
            FromAsterisk::Down { why, refused } => (why, refused),
            told => panic!("{told:?}"),
        }
    }
}

impl Peer {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.expect("nobody connects").unwrap();
        let mut peer = Self { stream: BufReader::new(stream) };
        peer.say("Asterisk Call Manager/11.0.0\r\n").await;
        peer
    }

    async fn accept_login(listener: &TcpListener) -> Self {
        let mut peer = Self::accept(listener).await;
        assert_eq!(peer.read().await.get("Action").as_deref(), Some("Login"));
        peer.say(LOGIN_OK).await;
        peer
    }

    async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    async fn read(&mut self) -> Message {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            let read =
                timeout(PATIENCE, self.stream.read_line(&mut text)).await.expect("nothing was sent").unwrap();
            assert!(read > 0, "closed after {text:?}");
        }
        Message::from_wire(text)
    }

    async fn answer(&mut self, text: &str) -> Message {
        let action = self.read().await;
        let id = action.action_id().unwrap().into_owned();
        self.say(&format!("Response: Success\r\nActionID: {id}\r\nMessage: {text}\r\n\r\n")).await;
        action
    }
}

#[tokio::test]
async fn commands_are_answered_and_events_keep_their_order_however_the_bytes_are_cut() {
    let (listener, port) = listen().await;
    let mut ours = start(options(port));
    let mut peer = Peer::accept_login(&listener).await;
    ours.expect_up().await;
    ours.submit("Status", 7).await;
    let id = peer.read().await.action_id().unwrap().into_owned();
    let text =
        format!("Event: A\r\n\r\nResponse: Success\r\nActionID: {id}\r\n\r\nEvent: FullyBooted\r\n\r\n");
    for byte in text.split_inclusive(|_| true) {
        peer.say(byte).await;
        peer.stream.flush().await.unwrap();
    }
    assert!(matches!(ours.next().await, FromAsterisk::Event(event) if event.is_event_named("A")));
    assert!(matches!(ours.next().await, FromAsterisk::Response { tag: 7, .. }));
    assert!(matches!(ours.next().await, FromAsterisk::FullyBooted(_)));
}

#[tokio::test]
async fn a_list_is_collected() {
    let (listener, port) = listen().await;
    let mut ours = start(options(port));
    let mut peer = Peer::accept_login(&listener).await;
    ours.expect_up().await;
    let action = MessageBuilder::action("QueueStatus");
    ours.commands.send(ToAsterisk::SubmitList { action, tag: 1 }).await.unwrap();
    let id = peer.read().await.action_id().unwrap().into_owned();
    peer.say(&format!(
        "Response: Success\r\nActionID: {id}\r\nEventList: start\r\n\r\nEvent: QueueParams\r\nActionID: {id}\r\n\r\n\
         Event: QueueStatusComplete\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: 1\r\n\r\n"
    ))
    .await;
    assert!(matches!(ours.next().await, FromAsterisk::List { tag: 1, items, .. } if items.len() == 1));
}

#[tokio::test]
async fn it_comes_back_after_a_loss_and_tells_each_outage_once() {
    let (listener, port) = listen().await;
    let mut ours = start(options(port));
    let mut peer = Peer::accept_login(&listener).await;
    ours.expect_up().await;
    ours.submit("Originate", 1).await;
    peer.read().await;
    drop(peer);
    let told = ours.next().await;
    assert!(matches!(told, FromAsterisk::NoAnswer { tag: 1, why: NoAnswer::Lost }), "{told:?}");
    assert_eq!(ours.expect_down().await, ("the server closed the connection".to_owned(), false));
    for _ in 0..3 {
        drop(Peer::accept(&listener).await);
    }
    let mut peer = Peer::accept_login(&listener).await;
    ours.expect_up().await;
    ours.submit("Status", 2).await;
    peer.answer("Fine").await;
    assert!(matches!(ours.next().await, FromAsterisk::Response { tag: 2, .. }));
}

#[tokio::test]
async fn while_down_a_command_comes_back_unsent_at_once() {
    let (listener, port) = listen().await;
    drop(listener);
    let mut ours = start(options(port));
    let (why, refused) = ours.expect_down().await;
    assert!(why.contains("refused") && !refused, "{why}");
    ours.submit("Originate", 3).await;
    assert!(matches!(ours.next().await, FromAsterisk::NoAnswer { tag: 3, why: NoAnswer::NotSent }));
}

#[tokio::test]
async fn a_refused_login_is_told_and_not_tried_again_too_soon() {
    let (listener, port) = listen().await;
    let mut ours = start(options(port));
    let mut peer = Peer::accept(&listener).await;
    peer.read().await;
    let refused_at = Instant::now();
    peer.say("Response: Error\r\nMessage: Authentication failed\r\n\r\n").await;
    assert_eq!(ours.expect_down().await, ("login refused: Authentication failed".to_owned(), true));
    Peer::accept_login(&listener).await;
    assert!(refused_at.elapsed() >= Duration::from_millis(300));
    ours.expect_up().await;
}

#[tokio::test]
async fn a_silent_peer_is_noticed_by_its_pings_and_left() {
    let (listener, port) = listen().await;
    let mut options = options(port);
    options.session.ping_every = Duration::from_millis(50);
    options.session.ping_deadline = Duration::from_millis(20);
    let mut ours = start(options);
    let _silent = Peer::accept_login(&listener).await;
    ours.expect_up().await;
    for missed in 1..=3 {
        let told = ours.next().await;
        assert!(matches!(told, FromAsterisk::PingMissed { missed: count } if count == missed), "{told:?}");
    }
    assert_eq!(ours.expect_down().await.0, "pings are not answered");
    Peer::accept_login(&listener).await;
    ours.expect_up().await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_does_not_stop_the_reading() {
    let (listener, port) = listen().await;
    let mut options = options(port);
    // A slow machine takes longer for the flood than a ping may.
    options.session.ping_every = PATIENCE * 2;
    let mut ours = start(options);
    let mut peer = Peer::accept_login(&listener).await;
    ours.expect_up().await;
    let commands = ours.commands.clone();
    let flood = tokio::spawn(async move {
        for tag in 0..20_000 {
            let action = MessageBuilder::action("Status").header("Pad", "x".repeat(1000));
            if commands.send(ToAsterisk::Submit { action, tag }).await.is_err() {
                return;
            }
        }
    });
    timeout(PATIENCE, flood).await.expect("the commands are stuck behind the socket").unwrap();
    peer.say("Event: Still\r\n\r\n").await;
    assert!(matches!(ours.next().await, FromAsterisk::Event(event) if event.is_event_named("Still")));
}

#[tokio::test]
async fn a_consumer_that_does_not_listen_loses_events_but_no_answer() {
    let (listener, port) = listen().await;
    let mut ours = start(options(port));
    let mut peer = Peer::accept_login(&listener).await;
    ours.expect_up().await;
    ours.submit("Status", 9).await;
    for _ in 0..1000 {
        peer.say("Event: Flood\r\n\r\n").await;
    }
    peer.answer("Fine").await;
    let (mut events, mut lost) = (0, 0);
    loop {
        match ours.next().await {
            FromAsterisk::Event(_) => events += 1,
            FromAsterisk::Gap { lost: count } => lost += count,
            FromAsterisk::Response { tag: 9, .. } => break,
            told => panic!("{told:?}"),
        }
    }
    assert_eq!(events + lost, 1000);
}

#[tokio::test]
async fn stopping_logs_off_and_gives_every_tag_back() {
    let (listener, port) = listen().await;
    let mut ours = start(options(port));
    let mut peer = Peer::accept_login(&listener).await;
    ours.expect_up().await;
    ours.submit("Originate", 1).await;
    peer.read().await;
    ours.stop.cancel();
    assert_eq!(peer.read().await.get("Action").as_deref(), Some("Logoff"));
    peer.say("Response: Goodbye\r\n\r\n").await;
    assert!(matches!(ours.next().await, FromAsterisk::NoAnswer { tag: 1, why: NoAnswer::Lost }));
    timeout(PATIENCE, ours.task).await.unwrap().unwrap();
    assert!(ours.told.recv().await.is_none());
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_silent_peer_nor_for_an_absent_one() {
    let (listener, port) = listen().await;
    let mut ours = start(options(port));
    let _silent = Peer::accept_login(&listener).await;
    ours.expect_up().await;
    ours.stop.cancel();
    timeout(PATIENCE, ours.task).await.unwrap().unwrap();

    let (listener, port) = listen().await;
    drop(listener);
    let mut ours = start(options(port));
    ours.expect_down().await;
    ours.stop.cancel();
    timeout(PATIENCE, ours.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn any_stream_will_do() {
    let (near, far) = tokio::io::duplex(64);
    let (told, mut heard) = mpsc::channel(10);
    let (_commands, commands) = mpsc::channel::<ToAsterisk<u32>>(1);
    let mut connection = Connection {
        options: options(0),
        origin: Instant::now(),
        commands,
        out: Delivery::new(told),
        stop: CancellationToken::new(),
        outage: None,
        retry: Duration::ZERO,
    };
    let peer = tokio::spawn(async move {
        let mut far = BufReader::new(far);
        far.write_all(b"Asterisk Call Manager/11.0.0\r\n").await.unwrap();
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            far.read_line(&mut line).await.unwrap();
        }
        far.write_all(LOGIN_OK.as_bytes()).await.unwrap();
    });
    assert!(matches!(connection.converse(near).await, End::Lost { refused: false, .. }));
    peer.await.unwrap();
    assert!(matches!(heard.try_recv(), Ok(FromAsterisk::Up { .. })));
}

#[tokio::test]
async fn the_wait_doubles_from_200_ms_to_10_s_and_is_10_s_at_least_after_a_refusal() {
    let (told, _heard) = mpsc::channel(1);
    let (_commands, commands) = mpsc::channel::<ToAsterisk<u32>>(1);
    let mut connection = Connection {
        options: ConnectionOptions::default(),
        origin: Instant::now(),
        commands,
        out: Delivery::new(told),
        stop: CancellationToken::new(),
        outage: None,
        retry: ConnectionOptions::default().retry_min,
    };
    let refused = connection.next_wait(true);
    assert!(refused >= Duration::from_secs(10), "{refused:?}");
    for expected in [0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0] {
        let wait = connection.next_wait(false).as_secs_f64();
        assert!((expected..=expected * 1.25).contains(&wait), "{wait} for {expected}");
    }
}
