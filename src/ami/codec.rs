//! Bytes to messages and back, as `tokio-util` codecs. The two ends differ in temper: [`ServerCodec`] copies Asterisk's
//! oddities towards clients, [`ClientCodec`] tolerates what Asterisk sends.
//!
//! Both give the same messages however the stream was cut, look at each byte once, and hold a bounded amount of
//! memory whatever the peer sends.

mod client;
mod server;

pub use client::{ClientCodec, FromServer, ProtocolError};
pub use server::{Fault, FaultKind, FromClient, ServerCodec};

/// `line` without the CR of its CRLF; a CR elsewhere is data (spec 1.3).
fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Where the next LF is in `bytes`, from `start`.
fn find_newline(bytes: &[u8], start: usize) -> Option<usize> {
    memchr::memchr(b'\n', &bytes[start..]).map(|at| start + at)
}
