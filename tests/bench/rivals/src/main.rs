//! How many AMI messages a second of one core's time the crate asterisk-rs-ami parses.
//! Arguments: a captured stream, and how often it is taken; in pieces as they come from a socket.

use std::hint::black_box;

use asterisk_rs_ami::codec::AmiCodec;
use bytes::BytesMut;
use tokio_util::codec::Decoder;

const PIECE: usize = 16 * 1024;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let captured = std::fs::read(arguments.next().expect("a file")).expect("the file");
    let times: usize = arguments.next().and_then(|times| times.parse().ok()).expect("how often");
    let banner = captured.iter().position(|byte| *byte == b'\n').expect("a banner") + 1;
    let mut codec = AmiCodec::default();
    let mut source = BytesMut::from(&captured[..banner]);
    let stream = captured[banner..].repeat(20);
    let (mut count, mut found) = (0_u32, 0_u32);
    let began = cpu_seconds();
    for piece in (0..times / 20).flat_map(|_| stream.chunks(PIECE)) {
        source.extend_from_slice(piece);
        while let Some(message) = codec.decode(&mut source).expect("AMI") {
            count += 1;
            found += u32::from(black_box(&message).get("Uniqueid").is_some());
        }
    }
    let seconds = cpu_seconds() - began;
    println!("{count} {found} {}", f64::from(count) / seconds);
}

/// What this thread has taken of its core.
fn cpu_seconds() -> f64 {
    let taken = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    taken.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}
