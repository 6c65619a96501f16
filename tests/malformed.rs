//! Malformed input at every door of a daemon that dials: bytes flipped, cut, doubled, mixed. It stands, it serves others
//! meanwhile, and the campaign comes to its end.
//!
//! `ASTOUT_MALFORMED` says how many messages are sent to each door (3,000 by default), `ASTOUT_SEED` repeats a run.

#![expect(clippy::unwrap_used, reason = "a failure is a failed test, and its seed is told")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use support::ami::{Client, header};
use support::daemon::{Daemon, SECRET, USER};
use support::sandbox::Sandbox;
use support::scenario::{Campaign, LOCAL};

/// What people send, before it is spoilt.
const SAMPLES: [&str; 8] = [
    "Action: Ping\r\nActionID: 1\r\n\r\n",
    "Action: OutPlanCreate\r\nName: a plan\r\nMaxRetry1: 2\r\nVariable: A=b\\,c\r\nVariable: D=\"e,f\"\r\n\r\n",
    "Action: OutDlListShow\r\nDlmaUuid: 3f8a1ff2-5d67-4e0f-a4a3-a1f9d8f2a111\r\nCount: 5\r\n\r\n",
    "Action: OutCampaignUpdate\r\nUuid: 3f8a1ff2-5d67-4e0f-a4a3-a1f9d8f2a111\r\nStatus: 1\r\n\r\n",
    "Action: OutDestinationCreate\r\nType: 1\r\nApplication: Park\r\nData: \u{e9}\u{1f600}\r\n\r\n",
    "Action: Command\r\nCommand: out show campaigns\r\n\r\n",
    "Action: OutDlListImportRows\r\nImport: 7\r\nFrom: 0\r\nRow: a,1\r\nRow: b,2\r\n\r\n",
    "Action: Events\r\nEventMask: on\r\n\r\n",
];
/// As long as whoever is served well has to wait at most.
const AT_MOST: Duration = Duration::from_secs(2);

/// A message with some of its bytes spoilt.
fn spoilt(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = random.choice(SAMPLES).unwrap().as_bytes().to_vec();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..bytes.len());
        match random.u8(..7) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at] = *random.choice(&[0, b'\r', b'\n', b':', b'=', 0x80, 0xff]).unwrap(),
            2 => bytes.truncate(at.max(1)),
            3 => drop(bytes.drain(at..(at + random.usize(..9)).min(bytes.len()))),
            4 => bytes.splice(at..at, std::iter::repeat_n(b'x', random.usize(..3000))).for_each(drop),
            5 => bytes.extend_from_within(at..),
            _ => bytes.splice(at..at, *b"\r\n\r\n").for_each(drop),
        }
        if bytes.is_empty() {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// Sends spoilt messages on connections of a few dozen each, and reads what comes, if anything.
fn pester<S: Read + Write>(random: &mut fastrand::Rng, connect: impl Fn() -> S) {
    let most: usize = std::env::var("ASTOUT_MALFORMED").ok().map_or(3_000, |most| most.parse().unwrap());
    let mut sent = 0;
    while sent < most {
        let mut stream = connect();
        for _ in 0..random.usize(1..60) {
            sent += 1;
            // It may have been thrown out already.
            if stream.write_all(&spoilt(random)).is_err() {
                break;
            }
        }
        // A whole one at last, so that there is something to read; often it is swallowed by what stands before it.
        drop(stream.write_all(b"\r\n\r\nAction: Logoff\r\n\r\n"));
        drop(stream.read(&mut [0; 16 * 1024]));
    }
}

/// Asks until it is told to stop, and says how long the slowest answer took.
fn be_served(client: &mut Client, until: impl Fn() -> bool) -> Duration {
    let mut slowest = Duration::ZERO;
    while !until() {
        let asked = Instant::now();
        assert!(client.action("Ping", &[]).is_success());
        slowest = slowest.max(asked.elapsed());
    }
    slowest
}

#[test]
fn whatever_comes_in_at_its_doors_a_daemon_that_dials_goes_on() {
    let seed = std::env::var("ASTOUT_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("ASTOUT_SEED={seed} repeats what is sent");
    let sandbox = Sandbox::up("");
    let mut daemon = Daemon::start_slow(&sandbox, 20);
    let mut client = daemon.client();
    let numbers: Vec<String> = (0..100).map(|place| format!("10310{place:05}")).collect();
    let contacts: Vec<_> = numbers.iter().map(|number| [("Number1", number.as_str())]).collect();
    let contacts: Vec<&[(&str, &str)]> = contacts.iter().map(|contact| &contact[..]).collect();
    let hold = [("Type", "0"), ("Exten", "hold"), ("Context", "astout-dest")];
    let campaign = Campaign::create(&mut client, &LOCAL, &hold, &contacts);
    campaign.request(&mut client, "1");

    let (address, socket) = (daemon.address(), daemon.path("ctl.sock"));
    let slowest = std::thread::scope(|scope| {
        let by_network = scope.spawn(|| {
            pester(&mut fastrand::Rng::with_seed(seed), || {
                let mut stream = TcpStream::connect(&address).unwrap();
                stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
                let login =
                    format!("Action: Login\r\nUsername: {USER}\r\nSecret: {SECRET}\r\nEvents: off\r\n\r\n");
                stream.write_all(login.as_bytes()).unwrap();
                stream
            });
        });
        let by_socket = scope.spawn(|| {
            pester(&mut fastrand::Rng::with_seed(seed ^ 1), || {
                let stream = UnixStream::connect(&socket).unwrap();
                stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
                stream
            });
        });
        be_served(&mut daemon.client(), || by_network.is_finished() && by_socket.is_finished())
    });

    assert!(slowest < AT_MOST, "somebody waited {slowest:?} behind malformed input");
    daemon.poll("the end of the campaign", |daemon| {
        let status = header(&client.list("OutCampaignShow", &[("Uuid", &campaign.uuid)])[0], "Status");
        (status == "0" && daemon.results().len() == numbers.len()).then_some(())
    });
    assert!(daemon.stop().success());
    daemon.check();
}
