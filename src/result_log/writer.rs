//! The thread that writes: it takes lines in the order of their numbers and tells how far the log is on disk.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc as told;
use tracing::{error, info};

use super::{LogError, ResultLog};

/// How long after a failed write the next one is tried.
const RETRY: Duration = Duration::from_secs(1);
/// Lines that are written at once, at most, but for those that wait since it failed.
const BATCH: usize = 512;

/// The log holds every line up to this one, and they are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged {
    /// The line's number.
    pub seq: i64,
}

/// The word of the thread.
#[derive(Debug)]
pub enum News {
    /// More lines are on disk.
    Logged(Logged),
    /// It cannot be written: nothing new should begin. It is tried again until it can.
    Failing,
    /// It can be written, and has every line that was handed over until now. The first word, or what follows
    /// [`News::Failing`].
    Working,
    /// What was written last is perhaps not on disk, and nothing more will be. The last word.
    Broken(LogError),
}

/// Where lines are handed to the thread that writes them, and where its word comes back.
#[derive(Debug)]
pub struct LogWriter {
    lines: mpsc::Sender<(i64, String)>,
    news: told::UnboundedReceiver<News>,
}

impl LogWriter {
    /// Starts the thread; `waiting` are the lines that the log lacks. It ends when this is dropped and all lines are
    /// written, or cannot be.
    pub fn start(log: ResultLog, waiting: Vec<(i64, String)>) -> Self {
        let (lines, taken) = mpsc::channel();
        let (tell, news) = told::unbounded_channel();
        tokio::task::spawn_blocking(move || Thread { log, lines: taken, waiting, tell }.run());
        Self { lines, news }
    }

    /// Hands over a line; lines come in the order of their numbers.
    pub fn append(&self, seq: i64, line: String) {
        // The thread ends before this side only where it said so; a panic in it aborts the process.
        drop(self.lines.send((seq, line)));
    }

    /// Waits for the next word. Never ends by itself while lines can be handed over, but after [`News::Broken`].
    pub async fn news(&mut self) -> Option<News> {
        self.news.recv().await
    }
}

struct Thread {
    log: ResultLog,
    lines: mpsc::Receiver<(i64, String)>,
    waiting: Vec<(i64, String)>,
    tell: told::UnboundedSender<News>,
}

impl Thread {
    fn run(mut self) {
        // `None`: not known yet.
        let mut works = None;
        let mut last_try = false;
        loop {
            while self.waiting.len() < BATCH
                && let Ok(line) = self.lines.try_recv()
            {
                self.waiting.push(line);
            }
            let some = !self.waiting.is_empty();
            match self.log.write(&mut self.waiting) {
                Ok(logged) => {
                    self.waiting.clear();
                    if some {
                        self.told(News::Logged(logged));
                    }
                    if works == Some(false) {
                        info!("the result log can be written again, and has every line: dialing goes on");
                    }
                    if works != Some(true) {
                        self.told(News::Working);
                    }
                    works = Some(true);
                    match self.lines.recv() {
                        Ok(line) => self.waiting.push(line),
                        Err(mpsc::RecvError) => return,
                    }
                }
                Err(why) if why.is_final() => return self.told(News::Broken(why)),
                Err(why) => {
                    if works != Some(false) {
                        error!(%why, "results wait in the database: dialing stops, calls go on; trying again");
                        self.told(News::Failing);
                    }
                    works = Some(false);
                    if last_try {
                        return;
                    }
                    last_try = self.wait();
                }
            }
        }
    }

    /// Waits until the next try, and takes what comes meanwhile. True once nothing more can come.
    fn wait(&mut self) -> bool {
        let until = Instant::now() + RETRY;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.waiting.push(line),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    fn told(&self, news: News) {
        // Nobody listens any more while stopping.
        drop(self.tell.send(news));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn line(seq: i64) -> (i64, String) {
        (seq, format!("{{\"seq\":{seq}}}"))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_writer_tells_what_is_on_disk_and_never_writes_a_line_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("astout.result");
        fs::write(&path, "{\"seq\":1}\n").unwrap();
        let mut writer = LogWriter::start(ResultLog::open(&path).unwrap(), vec![line(1), line(2)]);
        assert!(matches!(writer.news().await, Some(News::Logged(Logged { seq: 2 }))));
        assert!(matches!(writer.news().await, Some(News::Working)));
        let (seq, text) = line(3);
        writer.append(seq, text);
        assert!(matches!(writer.news().await, Some(News::Logged(Logged { seq: 3 }))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_writer_says_that_it_cannot_write_and_that_it_can_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("astout.result");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut writer = LogWriter::start(ResultLog::open(&path).unwrap(), Vec::new());
        assert!(matches!(writer.news().await, Some(News::Failing)));
        for (seq, text) in [line(1), line(2)] {
            writer.append(seq, text);
        }
        fs::remove_file(&path).unwrap();
        // Tried again perhaps before the lines came.
        while !matches!(writer.news().await, Some(News::Logged(Logged { seq: 2 }))) {}
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"seq\":1}\n{\"seq\":2}\n");
    }
}
