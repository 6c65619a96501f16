//! AMI clients by the dozen: those that read all they are sent and count it, and those that never read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::daemon::{SECRET, USER};

/// What a client that never reads leaves room for.
const LITTLE: u32 = 4096;

/// A client on a thread of its own.
pub(crate) struct Reader {
    messages: Arc<AtomicU64>,
}

impl Reader {
    /// Logs in with every event and reads from then on, until the connection ends.
    pub(crate) fn start(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        log_in(&mut stream);
        let messages = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&messages);
        std::thread::spawn(move || {
            let mut bytes = vec![0; 64 * 1024];
            let mut ends = Ends::default();
            while let Ok(count @ 1..) = stream.read(&mut bytes) {
                counted.fetch_add(ends.count(&bytes[..count]), Ordering::Relaxed);
            }
        });
        Self { messages }
    }

    /// How many messages each has read.
    pub(crate) fn count_all(readers: &[Self]) -> Vec<u64> {
        readers.iter().map(|reader| reader.messages.load(Ordering::Relaxed)).collect()
    }
}

/// Logs in with every event, and never reads.
pub(crate) fn deaf(address: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        // What the kernel keeps for it is not what this is about.
        socket.set_recv_buffer_size(LITTLE).unwrap();
        socket.connect(address.parse().unwrap()).await.unwrap().into_std().unwrap()
    });
    let mut stream: TcpStream = stream;
    stream.set_nonblocking(false).unwrap();
    log_in(&mut stream);
    stream
}

fn log_in(stream: &mut TcpStream) {
    let login = format!("Action: Login\r\nUsername: {USER}\r\nSecret: {SECRET}\r\n\r\n");
    stream.write_all(login.as_bytes()).unwrap();
}

/// Counts the blank lines that end messages, wherever the bytes are cut.
#[derive(Default)]
struct Ends {
    /// Bytes of the line under way, the carriage return not counted.
    line: usize,
}

impl Ends {
    fn count(&mut self, bytes: &[u8]) -> u64 {
        let mut ends = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            self.line += text.strip_suffix(b"\r").unwrap_or(text).len();
            if line.ends_with(b"\n") {
                ends += u64::from(self.line == 0);
                self.line = 0;
            }
        }
        ends
    }
}
