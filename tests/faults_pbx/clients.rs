//! Cases 55 and 56: operators' programs that do not read, and connections by the thousand of which none logs in. A door for
//! SSE is not built, so only AMI clients are slow here.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::measure::{number_of, saw};
use crate::scene::{self, count, finish, numbers, said, stop_and_finish, wait_until_said};
use crate::support::ami::{Client, PATIENCE};
use crate::support::daemon::{Daemon, SECRET, USER};
use crate::support::lab::Lab;
use crate::support::pbx::Breakable;
use crate::support::proxy::Proxy;
use crate::support::sandbox::Sandbox;

/// How long an action takes.
fn ping(client: &mut Client) -> Duration {
    let asked = Instant::now();
    assert!(client.action("Ping", &[]).is_success());
    asked.elapsed()
}

/// How far apart the proxy saw the Originates, those first that are furthest.
fn gaps(proxy: &Proxy) -> Vec<Duration> {
    let sent = proxy.sent("Originate");
    let mut gaps: Vec<Duration> = sent.windows(2).map(|two| two[1].at - two[0].at).collect();
    gaps.sort_unstable_by(|one, other| other.cmp(one));
    gaps
}

/// An operator's program that stops reading is dropped before it costs anybody anything.
fn case_55(pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[("second = 200", "second = 20")], "");
    let mut client = daemon.client();
    let slow = TcpStream::connect(daemon.address()).unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&slow, 4096).unwrap();
    (&slow)
        .write_all(format!("Action: Login\r\nUsername: {USER}\r\nSecret: {SECRET}\r\n\r\n").as_bytes())
        .unwrap();
    wait_until_said(&mut daemon, "logged in user", 2);
    let campaign = scene::campaign(&mut client, &[("MaxRetry1", "1")], &numbers("10001", 400));
    let plan = client.create("OutPlanCreate", &[("Name", "updated over and over")]);
    client.action("Events", &[("EventMask", "off")]);
    campaign.request(&mut client, "1");
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let (mut slowest, mut updates) = (Duration::ZERO, 0);
    std::thread::scope(|scope| {
        let busy: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut busy = daemon.client();
                    busy.action("Events", &[("EventMask", "off")]);
                    let mut done = 0_u32;
                    while !stop.load(Ordering::Relaxed) {
                        busy.done("OutPlanUpdate", &[("Uuid", &plan), ("Detail", &"x".repeat(200))]);
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        while said(&daemon, "dropped: it does not read") == 0 && begun.elapsed() < PATIENCE * 2 {
            slowest = slowest.max(ping(&mut client));
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        updates = busy.into_iter().map(|one| one.join().unwrap()).sum();
    });
    assert_eq!(said(&daemon, "dropped: it does not read"), 1, "{}", daemon.log());
    saw(
        55,
        &format!(
            "dropped after {:.1?} and {updates} events of others; the slowest answer to another took {slowest:.1?}, \
             the longest gap between two Originates was {:.1?}",
            begun.elapsed(),
            gaps(&proxy)[0]
        ),
    );
    assert!(slowest < Duration::from_secs(2));
    finish(&daemon, &mut client, &campaign);
    assert_eq!(count(&daemon, "answered"), 400);
    drop(slow);
}

#[test]
fn case_55_an_operator_that_does_not_read_is_dropped_and_nobody_else_notices_on_the_sandbox() {
    case_55(Sandbox::up(""));
}

#[test]
fn case_55_an_operator_that_does_not_read_is_dropped_and_nobody_else_notices_on_a_real_asterisk() {
    case_55(Lab::up("case55"));
}

/// Whether the other side has closed.
fn is_closed(stream: &TcpStream) -> bool {
    let mut part = [0; 1024];
    loop {
        match (&mut &*stream).read(&mut part) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(why) if why.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

/// So many connections at once, if each of them is greeted.
fn all_let_in(address: &str, count: usize) -> Option<Vec<TcpStream>> {
    let greeted = |_| {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        matches!(stream.read(&mut [0]), Ok(1)).then_some(stream)
    };
    (0..count).map(greeted).collect()
}

/// Connects again and again, and gives how many of these were kept.
fn storm(address: &str, times: usize) -> usize {
    let mut kept = Vec::new();
    for _ in 0..times {
        let Ok(stream) = TcpStream::connect(address) else { continue };
        stream.set_nonblocking(true).unwrap();
        kept.push(stream);
        // As many as the kernel has accepted for it, and it has not yet seen.
        if kept.len() >= 500 {
            kept.retain(|stream| !is_closed(stream));
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while kept.len() > 50 && Instant::now() < deadline {
        kept.retain(|stream| !is_closed(stream));
        std::thread::sleep(Duration::from_millis(10));
    }
    kept.len()
}

/// Half logins and slow ones take the places of strangers for half a minute; ten thousand more are turned away; who is in
/// is served, and the dialing goes on in step.
fn case_56(pbx: impl Breakable) {
    let connections = number_of("ASTOUT_FAULTS_CONNECTIONS", 10_000);
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[("second = 200", "second = 20")], "");
    let mut client = daemon.client();
    let plan = [("MaxRetry1", "1"), ("RetryDelay", "0")];
    let campaign = scene::campaign(&mut client, &plan, &numbers("5", 1500));
    campaign.request(&mut client, "1");
    daemon.poll("dialing", |daemon| (count(daemon, "failed") > 20).then_some(()));
    let begun = Instant::now();
    let mut strangers: Vec<TcpStream> = (0..50)
        .map(|place| {
            let stream = TcpStream::connect(daemon.address()).unwrap();
            if place % 2 == 0 {
                (&stream).write_all(b"Action: Challenge\r\nAuthType: MD5\r\n\r\n").unwrap();
            }
            stream.set_nonblocking(true).unwrap();
            stream
        })
        .collect();
    let address = daemon.address();
    let others = std::thread::spawn(move || storm(&address, connections));
    let (mut slowest, mut asked, mut freed) = (Duration::ZERO, 0_u32, None);
    while !strangers.is_empty() && begun.elapsed() < Duration::from_secs(45) {
        slowest = slowest.max(ping(&mut client));
        asked += 1;
        // The slow half: a byte now and then of a login that never ends.
        if asked.is_multiple_of(20) {
            for stream in &strangers {
                drop((&mut &*stream).write(b"A"));
            }
        }
        strangers.retain(|stream| !is_closed(stream));
        if strangers.len() < 50 {
            freed.get_or_insert(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let gone = begun.elapsed();
    assert!(strangers.is_empty(), "{} strangers are still connected after {gone:?}", strangers.len());
    assert!(gone < Duration::from_secs(40), "{gone:?}");
    let kept = others.join().unwrap();
    assert!(kept <= 50, "{kept} of the storm were kept");
    assert!(said(&daemon, "too many connections to the AMI server") >= 1, "{}", daemon.log());
    // The last of the storm are gone once all places of strangers but one can be had; then fifty programs of one host come.
    let strangers = daemon.poll("room for strangers", |daemon| all_let_in(&daemon.address(), 49));
    let mut operators: Vec<Client> = (0..50).map(|_| daemon.client()).collect();
    for operator in &mut operators {
        ping(operator);
    }
    drop(strangers);
    let gaps = gaps(&proxy);
    let late = gaps.iter().filter(|gap| **gap > Duration::from_millis(100)).count();
    saw(
        56,
        &format!(
            "{connections} connections: half logins gone after {:.1?} to {gone:.1?}; {asked} answers to another, the slowest in \
             {slowest:.1?}; of {} gaps between two Originates at 20 a second {late} were over 100 ms, the longest {:.1?}",
            freed.unwrap_or_default(),
            gaps.len(),
            gaps[0]
        ),
    );
    assert!(slowest < Duration::from_secs(2));
    assert!(gaps[0] < Duration::from_secs(2));
    stop_and_finish(&daemon, &mut client, &campaign);
}

#[test]
fn case_56_ten_thousand_connections_and_half_logins_keep_nobody_from_dialing_on_the_sandbox() {
    case_56(Sandbox::up(""));
}

#[test]
fn case_56_ten_thousand_connections_and_half_logins_keep_nobody_from_dialing_on_a_real_asterisk() {
    case_56(Lab::up("case56"));
}
