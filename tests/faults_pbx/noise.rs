//! Cases 34 to 38: floods, broken messages, bytes that dribble or never end a line, an odd greeting, another clock.

use std::time::{Duration, Instant};

use crate::measure::{saw, seconds_of};
use crate::scene::{self, answered, count, dial, finish, line_of, numbers, said, wait_until_said};
use crate::support::ami::header;
use crate::support::daemon::Daemon;
use crate::support::lab::Lab;
use crate::support::pbx::Breakable;
use crate::support::proxy::{Proxy, value};
use crate::support::sandbox::Sandbox;
use crate::support::scenario::{Campaign, LOCAL};

const BACK: &str = "is back after";
/// What the dialer says of its connection; others of astout's come and go, such as those that look at the dialplan.
const LOGGED_IN: &str = "logged in to Asterisk";

/// Five thousand events a second that the dialer reads, of channels that are not ours, while a campaign is dialled.
fn case_34(pbx: impl Breakable) {
    let lasts = seconds_of("ASTOUT_FAULTS_FLOOD", 5);
    let proxy = Proxy::before(&pbx);
    let daemon = Daemon::start_at(&pbx, proxy.address(), &[("second = 200", "second = 20")], "");
    let mut client = daemon.client();
    let plan = [("MaxRetry1", "1")];
    let callees = numbers("10002", 20 * usize::try_from(lasts.as_secs()).unwrap());
    let campaign = scene::campaign(&mut client, &plan, &callees);
    let strangers: String = (0..50)
        .map(|place| {
            format!(
                "Event: VarSet\r\nPrivilege: dialplan,all\r\nChannel: PJSIP/x-{place:08x}\r\nChannelState: 6\r\n\
                 Uniqueid: 1795249527.{place}\r\nLinkedid: 1795249527.{place}\r\nVariable: X\r\nValue: y\r\n\r\n"
            )
        })
        .collect();
    campaign.request(&mut client, "1");
    let begun = Instant::now();
    let mut events = 0;
    while begun.elapsed() < lasts {
        // Fifty each time, as many times as it takes to keep up.
        while events < (begun.elapsed().as_secs_f64() * 5000.0) as usize {
            proxy.inject(strangers.as_bytes());
            events += 50;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let rate = events as f64 / begun.elapsed().as_secs_f64();
    // Whoever has not read for half a minute is dropped.
    let mut client = daemon.client();
    finish(&daemon, &mut client, &campaign);
    assert_eq!(count(&daemon, "answered"), callees.len());
    assert_eq!(said(&daemon, LOGGED_IN), 1, "the connection was lost:\n{}", daemon.log());
    saw(34, &format!("{events} events, {rate:.0} a second, and one connection throughout"));
}

#[test]
fn case_34_a_flood_of_events_loses_neither_connection_nor_calls_on_the_sandbox() {
    case_34(Sandbox::up(""));
}

#[test]
fn case_34_a_flood_of_events_loses_neither_connection_nor_calls_on_a_real_asterisk() {
    case_34(Lab::up("case34"));
}

/// What no Asterisk should send, between what it sends.
fn case_35(pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    let (mut client, campaign) = dial(&daemon, &[("MaxRetry1", "1")], &["1000001", "1201001"]);
    let up = answered(&mut client, "1000001");
    let long = format!("Event: Hangup\r\nUniqueid: x\r\nLong: {}\r\n\r\n", "x".repeat(1023));
    let longer = format!("Event: Newchannel\r\nUniqueid: x\r\nLong: {}\r\n\r\n", "x".repeat(30_000));
    let many: String = (0..200).map(|place| format!("Header{place}: {place}\r\n")).collect();
    let many = format!("Event: Newstate\r\n{many}\r\n");
    for bytes in [
        long.as_bytes(),
        longer.as_bytes(),
        many.as_bytes(),
        b"Event: Hangup\r\nUniqueid: \xff\xfe\x80\r\nCause: \xc3\x28\r\n\r\n",
        b"Event: Hang\0up\r\nUniqueid: 1\0\r\nCause: 1\0\r\n\r\n",
        b"Event Hangup\r\nno colon in this\r\n: \r\n:::\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"Response: Success\r\nActionID: nobody-asked\r\n\r\n",
    ] {
        proxy.inject(bytes);
    }
    // A hangup of ours whose other headers are nonsense is one all the same.
    assert_eq!(line_of(&mut daemon, "1201001")["res_hangup"], 16);
    proxy.inject(format!("Event: Hangup\r\nUniqueid: {up}\r\nCause: sixteen\r\n\r\n").as_bytes());
    assert_eq!(line_of(&mut daemon, "1000001")["res_hangup"], 0);
    pbx.admin().done("Hangup", &[("Channel", &up)]);
    assert_eq!(said(&daemon, LOGGED_IN), 1, "{}", daemon.log());
    finish(&daemon, &mut client, &campaign);
}

#[test]
fn case_35_broken_messages_of_the_pbx_are_passed_over_on_the_sandbox() {
    case_35(Sandbox::up(""));
}

#[test]
fn case_35_broken_messages_of_the_pbx_are_passed_over_on_a_real_asterisk() {
    case_35(Lab::up("case35"));
}

/// Asterisk takes lines of at most 1022 bytes, and 128 of them. What could make an Originate longer is refused when it
/// comes in: the most that gets by, of each noun's variables as many and as long as may be, Asterisk takes.
fn case_35_out(pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    let daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    let mut client = daemon.client();
    let of = |name: &str, count: usize, length: usize| -> Vec<String> {
        // Commas are what is escaped.
        (0..count).map(|place| format!("{name}{place}={}", ",".repeat(length))).collect()
    };
    fn fields(texts: &[String]) -> Vec<(&str, &str)> {
        texts.iter().map(|text| ("Variable", text.as_str())).collect()
    }
    for (name, count, length) in [("M", 25, 1), ("L", 1, 401)] {
        let refused = client.action("OutPlanCreate", &fields(&of(name, count, length)));
        assert!(header(&refused, "Message").contains("Variable: "), "{refused:?}");
    }
    let most = ["P", "D", "C", "L"].map(|name| of(name, 24, 400));
    let plan = [&LOCAL[..], &[("MaxRetry1", "1")], &fields(&most[0])].concat();
    let destination = [&scene::HOLD[..], &fields(&most[1])].concat();
    let contact = [&[("Number1", "1000301")][..], &fields(&most[2])].concat();
    let campaign = Campaign::create(&mut client, &plan, &destination, &[&contact]);
    let list = [&[("Uuid", campaign.dlma.as_str())][..], &fields(&most[3])].concat();
    client.done("OutDlmaUpdate", &list);
    campaign.request(&mut client, "1");
    finish(&daemon, &mut client, &campaign);
    assert_eq!(count(&daemon, "answered"), 1, "{:?}", daemon.results());
    let sent = &proxy.sent("Originate")[0].message;
    let bytes = sent.to_wire().len();
    saw(35, &format!("the greatest Originate has {bytes} bytes, and was taken"));
    assert_eq!(said(&daemon, LOGGED_IN), 1);
}

#[test]
fn case_35_the_greatest_originate_is_one_that_asterisk_takes_on_the_sandbox() {
    case_35_out(Sandbox::up(""));
}

#[test]
fn case_35_the_greatest_originate_is_one_that_asterisk_takes_on_a_real_asterisk() {
    case_35_out(Lab::up("case35o"));
}

/// A megabyte without a line end is not waited for, nor is a byte a second.
fn case_36(pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    let mut daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    let (mut client, campaign) = dial(&daemon, &[("MaxRetry1", "1")], &["1000001"]);
    let up = answered(&mut client, "1000001");
    proxy.inject(&vec![b'x'; 1 << 20]);
    let begun = Instant::now();
    wait_until_said(&mut daemon, BACK, 1);
    assert!(daemon.log().contains("a line of more than"), "{}", daemon.log());
    saw(36, &format!("back {:.1?} after a megabyte without a line end", begun.elapsed()));
    let begun = Instant::now();
    proxy.dribble(Duration::from_secs(1));
    wait_until_said(&mut daemon, "cannot reach Asterisk", 2);
    saw(36, &format!("given up after {:.1?} of a byte a second", begun.elapsed()));
    assert!(begun.elapsed() < Duration::from_secs(16));
    proxy.dribble(Duration::ZERO);
    proxy.cut();
    wait_until_said(&mut daemon, BACK, 2);
    assert!(daemon.results().is_empty());
    pbx.admin().done("Hangup", &[("Channel", &up), ("Cause", "16")]);
    finish(&daemon, &mut client, &campaign);
    assert_eq!(count(&daemon, "answered"), 1);
}

#[test]
fn case_36_a_line_without_end_and_a_dribble_cost_the_connection_only_on_the_sandbox() {
    case_36(Sandbox::up(""));
}

/// Whatever it greets with: if the login works, it is one.
fn case_37(pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    let mut first = true;
    proxy.rewrite(move |message| match std::mem::take(&mut first) {
        true => vec!["Fraggle Rock/99.0\r\n".to_owned()],
        false => vec![message.to_owned()],
    });
    let daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    let (mut client, campaign) = dial(&daemon, &[("MaxRetry1", "1")], &["1000301"]);
    finish(&daemon, &mut client, &campaign);
    assert_eq!(count(&daemon, "answered"), 1);
    assert_eq!(said(&daemon, "does not greet like an Asterisk"), 1, "{}", daemon.log());
}

#[test]
fn case_37_an_odd_greeting_is_told_and_no_reason_not_to_dial_on_the_sandbox() {
    case_37(Sandbox::up(""));
}

#[test]
fn case_37_an_odd_greeting_is_told_and_no_reason_not_to_dial_on_a_real_asterisk() {
    case_37(Lab::up("case37"));
}

/// An Asterisk whose clock stands in 1970 and goes on there: no time of its is ours.
fn case_38(pbx: impl Breakable) {
    let proxy = Proxy::before(&pbx);
    proxy.rewrite(|message| {
        let start = value(message, "CoreStartupDate");
        if !start.is_empty() {
            return vec![message.replace(start, "1970-01-01")];
        }
        if message.starts_with("Event: ") {
            let old = "\r\nTimestamp: 86400.000000\r\nEventTV: 1970-01-02 00:00:00\r\n\r\n";
            return vec![message.replace("\r\n\r\n", old)];
        }
        vec![message.to_owned()]
    });
    let daemon = Daemon::start_at(&pbx, proxy.address(), &[], "");
    let begun = scene::now();
    let (mut client, campaign) = dial(&daemon, &[("MaxRetry1", "1")], &["1010301", "5"]);
    finish(&daemon, &mut client, &campaign);
    let ended = scene::now();
    for line in daemon.results() {
        for key in ["tm_dialing", "tm_dial_begin", "tm_dial_end", "tm_hangup"] {
            let time = line[key].as_str().unwrap_or_else(|| panic!("{key} in {line}")).to_owned();
            assert!((&begun..=&ended).contains(&&time), "{key} is not between {begun} and {ended}: {line}");
        }
    }
    assert_eq!((count(&daemon, "answered"), count(&daemon, "failed")), (1, 1));
}

#[test]
fn case_38_the_times_of_a_call_are_of_our_clock_on_the_sandbox() {
    case_38(Sandbox::up(""));
}

#[test]
fn case_38_the_times_of_a_call_are_of_our_clock_on_a_real_asterisk() {
    case_38(Lab::up("case38"));
}
