//! B9: an event of a real Asterisk on its way to fifty operators: how long it takes, and what astout takes of the processor
//! for each that it tells. Against the same operators logged in to Asterisk itself.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::figure::{Figure, Rounds, Target, alternate};
use crate::support::ami::PATIENCE;
use crate::support::daemon::{Daemon, SECRET, USER};
use crate::support::lab::Lab;
use crate::support::process::Process;

const READERS: usize = 50;
const EVENTS_A_SECOND: u32 = 2000;
const WHILE: Duration = Duration::from_secs(4);
const P99_MS: f64 = 5.0;
const SHARE_OF_CPU: f64 = 0.25;
/// The header that says when an event was made, in nanoseconds of the run.
const SENT: &[u8] = b"Sent: ";

/// What was seen of one side in a round.
struct Seen {
    /// Microseconds of the processor for each event and reader.
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Of Asterisk, in seconds.
    asterisk_s: f64,
}

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let lab = Lab::up("fanout");
    let mut daemon = Daemon::start_relaying(&lab, "relay", "");
    daemon.stop();
    daemon.run_with(&[("ASTOUT_LOG", "info")]);
    wait_for_asterisk(&daemon);
    let (ours, theirs) = (std::cell::RefCell::new(Vec::new()), std::cell::RefCell::new(Vec::new()));
    let asterisk: u32 = lab.get("ASTERISK_PID").parse().unwrap();
    let astout = daemon.pid();
    let admin = (lab.get("ASTERISK_ADMIN_USER"), lab.get("ASTERISK_ADMIN_SECRET"));
    alternate(
        rounds,
        || {
            let seen = play(&lab, &daemon.address(), (USER, SECRET), astout, asterisk);
            let cpu = seen.cpu_us;
            ours.borrow_mut().push(seen);
            cpu
        },
        || {
            let seen = play(&lab, lab.get("ASTERISK_AMI"), admin, asterisk, asterisk);
            let cpu = seen.cpu_us;
            theirs.borrow_mut().push(seen);
            cpu
        },
    );
    let (ours, theirs) = (ours.into_inner(), theirs.into_inner());
    let p99 = |seen: &[Seen]| Rounds::of(seen.iter().map(|seen| seen.p99_ms).collect());
    let p50 = |seen: &[Seen]| Rounds::of(seen.iter().map(|seen| seen.p50_ms).collect());
    let deliveries = f64::from(EVENTS_A_SECOND) * WHILE.as_secs_f64() * READERS as f64;
    // Without what making the events takes: that Asterisk takes beside astout too.
    let fan_out = ours.iter().zip(&theirs);
    let fan_out = fan_out.map(|(ours, theirs)| (theirs.asterisk_s - ours.asterisk_s) / deliveries * 1e6);
    vec![
        Figure::new(
            "B9",
            (
                format!(
                    "ms from an event to an operator, p99 (p50 {}), 2,000 a second, 50 operators",
                    p50(&ours)
                ),
                p99(&ours),
            ),
            (
                format!("the limit; Asterisk itself: p99 {}, p50 {}", p99(&theirs), p50(&theirs)),
                Rounds::fixed(P99_MS),
            ),
            Target::AtMost(1.0),
        ),
        Figure::new(
            "B9",
            ("µs of CPU an event and operator", Rounds::of(ours.iter().map(|seen| seen.cpu_us).collect())),
            ("Asterisk's own for the same operators", Rounds::of(fan_out.collect())),
            Target::AtMost(SHARE_OF_CPU),
        ),
    ]
}

fn wait_for_asterisk(daemon: &Daemon) {
    let mut client = daemon.client();
    client.action("Events", &[("EventMask", "off")]);
    let deadline = Instant::now() + PATIENCE;
    while !client.action("CoreStatus", &[]).is_success() {
        assert!(Instant::now() < deadline, "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Has Asterisk tell its events to fifty who are logged in there, and looks at that process meanwhile.
fn play(lab: &Lab, address: &str, (user, secret): (&str, &str), told_by: u32, asterisk: u32) -> Seen {
    let origin = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let login = format!("Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\nEvents: user\r\n\r\n");
    let expected = (f64::from(EVENTS_A_SECOND) * WHILE.as_secs_f64()) as usize;
    let logged_in = Arc::new(tokio::sync::Barrier::new(READERS + 1));
    let (begin, begun) = std::sync::mpsc::channel();
    let (address, all_in) = (address.to_owned(), Arc::clone(&logged_in));
    let reading = std::thread::spawn(move || {
        runtime.block_on(async move {
            let readers: Vec<_> = (0..READERS)
                .map(|_| {
                    tokio::spawn(read(address.clone(), login.clone(), expected, origin, Arc::clone(&all_in)))
                })
                .collect();
            all_in.wait().await;
            begin.send(()).unwrap();
            let mut late = Vec::new();
            for reader in readers {
                late.extend(reader.await.unwrap());
            }
            late
        })
    });
    begun.recv().unwrap();
    let (telling, pbx) = (Process::of(told_by), Process::of(asterisk));
    let before = (telling.sample(), pbx.sample());
    tell(lab, expected, origin);
    let mut late = reading.join().unwrap();
    let after = (telling.sample(), pbx.sample());
    late.sort_unstable();
    let at = |share: f64| f64::from(late[((late.len() - 1) as f64 * share) as usize]) / 1e6;
    let cpu_s = before.0.cpu_since(&after.0, 1.0) / 100.0;
    Seen {
        cpu_us: cpu_s / late.len() as f64 * 1e6,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        asterisk_s: before.1.cpu_since(&after.1, 1.0) / 100.0,
    }
}

/// Has Asterisk make so many events, evenly.
fn tell(lab: &Lab, events: usize, origin: Instant) {
    let mut stream = std::net::TcpStream::connect(lab.get("ASTERISK_AMI")).unwrap();
    stream.set_nodelay(true).unwrap();
    let (user, secret) = (lab.get("ASTERISK_ADMIN_USER"), lab.get("ASTERISK_ADMIN_SECRET"));
    let login = format!("Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\nEvents: off\r\n\r\n");
    stream.write_all(login.as_bytes()).unwrap();
    let mut answers = stream.try_clone().unwrap();
    std::thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
    let padding = "Channel: PJSIP/trunk-00000001\r\nChannelStateDesc: Up\r\nCallerIDName: <unknown>\r\n\
                   ConnectedLineNum: <unknown>\r\nContext: agents\r\nExten: s\r\nUniqueid: 1795249015.19\r\n";
    let began = Instant::now();
    for event in 0..events {
        let due = began + Duration::from_secs(1) / EVENTS_A_SECOND * u32::try_from(event).unwrap();
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let sent = origin.elapsed().as_nanos();
        let action = format!("Action: UserEvent\r\nUserEvent: Measured\r\n{padding}Sent: {sent}\r\n\r\n");
        stream.write_all(action.as_bytes()).unwrap();
    }
}

/// Logs in, and gives for each event how many nanoseconds it took to get here.
async fn read(
    address: String,
    login: String,
    events: usize,
    origin: Instant,
    logged_in: Arc<tokio::sync::Barrier>,
) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(login.as_bytes()).await.unwrap();
    let mut bytes = BytesMut::with_capacity(64 * 1024);
    while memmem::find(&bytes, b"Authentication accepted\r\n\r\n").is_none() {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "no login");
    }
    logged_in.wait().await;
    let mut late = Vec::with_capacity(events);
    while late.len() < events {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut bytes)).await;
        assert!(read.expect("events that do not come").unwrap() > 0, "dropped");
        let now = origin.elapsed().as_nanos();
        let mut done = 0;
        for place in memmem::find_iter(&bytes, SENT) {
            let digits = &bytes[place + SENT.len()..];
            let Some(end) = digits.iter().position(|byte| *byte == b'\r') else { break };
            let sent: u128 = std::str::from_utf8(&digits[..end]).unwrap().parse().unwrap();
            late.push(u32::try_from(now - sent).unwrap_or(u32::MAX));
            done = place + SENT.len() + end;
        }
        // What is left may be the beginning of the header.
        let rest = bytes.len().saturating_sub(SENT.len() + 32).max(done);
        bytes.advance(rest);
    }
    late
}
