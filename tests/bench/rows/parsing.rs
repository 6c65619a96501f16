//! B6: AMI messages parsed a second of one core's time, of a stream that was captured from a real Asterisk: by astout's own
//! parser, and by the libraries that are at hand.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use astout::ami::codec::{ClientCodec, FromServer};
use bytes::BytesMut;

use crate::figure::{Figure, Target, alternate};

/// Calls into a queue, a parking lot and the dialplan: 135 messages of 372 bytes and 15 headers on the average.
const CAPTURED: &[u8] = include_bytes!("../captured.ami");
const MESSAGES: f64 = 135.0;
/// As much as is read from a socket at once.
const PIECE: usize = 16 * 1024;
/// How often the captured stream lies in memory.
const COPIES: usize = 20;
/// How often it is parsed in a round; the rivals' share takes them as long.
const TIMES: usize = 20_000;
const FASTER: f64 = 5.0;

/// Another parser of the same bytes.
struct Rival {
    name: &'static str,
    /// How often it parses the captured stream in a round.
    times: usize,
    /// What runs it, once all it needs is there; why it cannot be had.
    command: fn() -> Result<Command, String>,
}

const RIVALS: [Rival; 3] = [
    Rival { name: "the crate asterisk-rs-ami", times: 3000, command: asterisk_rs_ami },
    Rival { name: "panoramisk", times: 500, command: panoramisk },
    Rival { name: "npm's asterisk-manager", times: 300, command: asterisk_manager },
];

pub(crate) fn measure(rounds: usize) -> Vec<Figure> {
    let mut figures = Vec::new();
    for rival in RIVALS {
        if let Err(why) = (rival.command)() {
            eprintln!("bench:   {} is left out: {why}", rival.name);
            continue;
        }
        let (of_ours, of_theirs) = alternate(rounds, ours, || theirs(&rival));
        figures.push(Figure::new(
            "B6",
            ("AMI messages parsed a second of one core", of_ours),
            (rival.name, of_theirs),
            Target::AtLeast(FASTER),
        ));
    }
    figures
}

fn ours() -> f64 {
    let banner = CAPTURED.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut source = BytesMut::from(&CAPTURED[..banner]);
    let stream = CAPTURED[banner..].repeat(COPIES);
    let mut codec = ClientCodec::new();
    assert!(matches!(codec.next_item(&mut source), Ok(Some(FromServer::Banner(_)))));
    let (mut count, mut found) = (0.0, 0_u32);
    let began = cpu_seconds();
    for piece in (0..TIMES / COPIES).flat_map(|_| stream.chunks(PIECE)) {
        source.extend_from_slice(piece);
        while let Some(item) = codec.next_item(&mut source).unwrap() {
            let FromServer::Message(message) = item else { panic!("{item:?}") };
            count += 1.0;
            found += u32::from(black_box(&message).get_bytes("Uniqueid").is_some());
        }
    }
    let seconds = cpu_seconds() - began;
    assert_eq!(count, MESSAGES * TIMES as f64);
    assert!(found > 0);
    count / seconds
}

/// What this thread has taken of its core.
fn cpu_seconds() -> f64 {
    let taken = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    taken.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// It prints how many messages it took, in how many it found a `Uniqueid`, and how many it takes a second.
fn theirs(rival: &Rival) -> f64 {
    let mut command = (rival.command)().unwrap();
    command.arg(here("captured.ami")).arg(rival.times.to_string());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {said}{}", rival.name, String::from_utf8_lossy(&output.stderr));
    let numbers: Vec<f64> = said.split_whitespace().map(|number| number.parse().unwrap()).collect();
    assert_eq!(numbers[0], MESSAGES * rival.times as f64, "{} takes other messages", rival.name);
    numbers[2]
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench").join(name)
}

fn asterisk_rs_ami() -> Result<Command, String> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rivals");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--release", "--locked", "--manifest-path"]);
    cargo.arg(here("rivals/Cargo.toml")).arg("--target-dir").arg(&target);
    told(cargo)?;
    Ok(Command::new(target.join("release/rivals")))
}

fn panoramisk() -> Result<Command, String> {
    let python = told(Command::new(here("../python")))?;
    let mut command = Command::new(python);
    command.arg(here("rivals/panoramisk_parses.py"));
    Ok(command)
}

fn asterisk_manager() -> Result<Command, String> {
    let modules = told(Command::new(here("../node")))?;
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules).arg(here("rivals/asterisk_manager_parses.js"));
    Ok(command)
}

/// What it printed, or what it said as it failed.
fn told(mut command: Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|why| why.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
