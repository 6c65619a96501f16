//! B7: contacts created over AMI, each answered once it is on disk: by one client in sequence, by eight, and pipelined.
//! Against a server that does nothing but append what it is sent to a file and sync it; and against SQLite itself, which no
//! daemon on it can outdo.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::alone;
use crate::figure::{Figure, Rounds, Target, alternate};
use crate::support::daemon::{Daemon, SECRET, USER};
use crate::support::sandbox::Sandbox;

/// How long each side of a round takes where it goes by time.
const WHILE: Duration = Duration::from_millis(1500);
const CLIENTS: usize = 8;
/// What is wanted of them at most.
const CLIENTS_ENOUGH: f64 = 20_000.0;
const SHARE: f64 = 0.7;
/// What one client sends without waiting for answers.
const PIPELINED: usize = 20_000;
const PIPELINED_A_SECOND: f64 = 30_000.0;
/// The answer that the bare server gives: as long as astout's.
const ANSWER: &[u8] = b"Response: Success\r\nActionID: 1\r\nMessage: Dl list created successfully\r\n\
                        Uuid: 01234567-89ab-7def-8123-456789abcdef\r\n\r\n";

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let sandbox = Sandbox::up("");
    let daemon = Daemon::start_limited(&sandbox, 200, 500);
    let dlma = daemon.client().create("OutDlmaCreate", &[("Name", "measured")]);
    let request = format!(
        "Action: OutDlListCreate\r\nActionID: 1\r\nDlmaUuid: {dlma}\r\nName: client 01\r\nNumber1: 300\r\n\r\n"
    );
    let request = request.as_bytes();
    let bare = bare_server();
    let log_in = || {
        let mut stream = connect(&daemon.address());
        let login = format!("Action: Login\r\nUsername: {USER}\r\nSecret: {SECRET}\r\nEvents: off\r\n\r\n");
        stream.write_all(login.as_bytes()).unwrap();
        // Behind the banner, which no empty line follows.
        Answers::default().await_one(&mut stream);
        stream
    };

    let (sequence, of_bare) = alternate(
        rounds,
        || in_sequence(&mut log_in(), request),
        || in_sequence(&mut connect(&bare), request),
    );
    let (beside_sqlite, of_sqlite) =
        alternate(rounds, || in_sequence(&mut log_in(), request), || alone::contacts_a_second(WHILE));
    let (eight, of_syncs) = alternate(
        rounds,
        || side_by_side(|| in_sequence(&mut log_in(), request)),
        || (syncs_a_second(request) * CLIENTS as f64).min(CLIENTS_ENOUGH / SHARE),
    );
    let pipelined = Rounds::of((0..rounds).map(|_| at_once(log_in(), request)).collect());
    let wanted = Rounds::fixed(PIPELINED_A_SECOND);
    vec![
        Figure::new(
            "B7",
            ("contacts created a second, one client in sequence", sequence),
            ("a server that appends and syncs each", of_bare),
            Target::AtLeast(0.8),
        ),
        Figure::new(
            "B7",
            ("the same again", beside_sqlite),
            ("SQLite alone, one thread, a row and a sync each", of_sqlite),
            Target::AtLeast(0.8),
        ),
        Figure::new(
            "B7",
            ("the same by eight clients", eight),
            ("eight times the syncs a second, 28,571 at most", of_syncs),
            Target::AtLeast(SHARE),
        ),
        Figure::new(
            "B7",
            ("the same, pipelined", pipelined),
            ("what is wanted", wanted),
            Target::AtLeast(1.0),
        ),
    ]
}

/// Sends the request again and again, each after the answer to the one before; gives how many a second.
fn in_sequence(stream: &mut TcpStream, request: &[u8]) -> f64 {
    let mut answers = Answers::default();
    let began = Instant::now();
    let mut count = 0.0;
    while began.elapsed() < WHILE {
        stream.write_all(request).unwrap();
        answers.await_one(stream);
        count += 1.0;
    }
    count / began.elapsed().as_secs_f64()
}

/// The sum of what so many do at once.
fn side_by_side(one: impl Fn() -> f64 + Sync) -> f64 {
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(&one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    })
}

/// Sends the request many times without waiting, and takes the answers as they come.
fn at_once(stream: TcpStream, request: &[u8]) -> f64 {
    let mut writer = stream.try_clone().unwrap();
    let all = request.repeat(PIPELINED);
    let began = Instant::now();
    let sending = std::thread::spawn(move || writer.write_all(&all).unwrap());
    let (mut stream, mut answers) = (stream, Answers::default());
    let mut count = 0;
    while count < PIPELINED {
        count += answers.await_some(&mut stream);
    }
    let seconds = began.elapsed().as_secs_f64();
    sending.join().unwrap();
    PIPELINED as f64 / seconds
}

/// How often what is appended to a file can be synced in a second, by nobody but this.
fn syncs_a_second(line: &[u8]) -> f64 {
    let (_directory, mut file) = file_to_append();
    let began = Instant::now();
    let mut count = 0.0;
    while began.elapsed() < WHILE {
        append(&mut file, line);
        count += 1.0;
    }
    count / began.elapsed().as_secs_f64()
}

/// A server that appends each request to a file, syncs it and answers, for as long as the process lives; gives where.
fn bare_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            stream.set_nodelay(true).unwrap();
            let (_directory, mut file) = file_to_append();
            let (mut bytes, mut requests) = (vec![0; 4096], Ends::default());
            while let Ok(read @ 1..) = stream.read(&mut bytes) {
                for _ in 0..requests.count(&bytes[..read]) {
                    append(&mut file, &bytes[..read]);
                    stream.write_all(ANSWER).unwrap();
                }
            }
        }
    });
    address
}

fn file_to_append() -> (tempfile::TempDir, File) {
    let directory = tempfile::tempdir().unwrap();
    let file = OpenOptions::new().create(true).append(true).open(directory.path().join("log")).unwrap();
    (directory, file)
}

fn append(file: &mut File, line: &[u8]) {
    file.write_all(line).unwrap();
    file.sync_data().unwrap();
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The answers on one connection.
#[derive(Default)]
struct Answers(Ends);

impl Answers {
    fn await_one(&mut self, stream: &mut TcpStream) {
        while self.await_some(stream) == 0 {}
    }

    /// Reads once; gives how many answers that completed.
    fn await_some(&mut self, stream: &mut TcpStream) -> usize {
        let mut bytes = [0; 64 * 1024];
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "the connection was closed");
        let bytes = &bytes[..read];
        let refused = b"Response: Error";
        assert!(
            !bytes.windows(refused.len()).any(|text| text == refused),
            "{}",
            String::from_utf8_lossy(bytes)
        );
        self.0.count(bytes)
    }
}

/// Counts the empty lines that end messages, wherever the bytes are cut.
#[derive(Default)]
struct Ends {
    /// How much of CR LF CR LF was seen last.
    seen: usize,
}

impl Ends {
    fn count(&mut self, bytes: &[u8]) -> usize {
        const END: &[u8] = b"\r\n\r\n";
        let mut ends = 0;
        for byte in bytes {
            self.seen = if *byte == END[self.seen] { self.seen + 1 } else { usize::from(*byte == END[0]) };
            if self.seen == END.len() {
                ends += 1;
                self.seen = 0;
            }
        }
        ends
    }
}
