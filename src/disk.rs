//! Watches the room that is left on the disks of the database and of the result log. Below a mark nothing new begins,
//! so that what is under way can still be recorded; and a ballast beside the database is let go once nothing is left,
//! for a full SQLite cannot even delete.
//!
//! Mark and ballast go by the size of the file system: a twentieth of it, at most 256 MB, and half of that, at most 16 MB.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(500);
const MB: u64 = 1024 * 1024;
const MARK_AT_MOST: u64 = 256 * MB;
const BALLAST_AT_MOST: u64 = 16 * MB;

/// Starts watching, until `stop`. What it gives is true as long as nothing new should begin, and has been looked up
/// once already.
pub async fn watch(database: &Path, log: &Path, stop: CancellationToken) -> watch::Receiver<bool> {
    let mut watched = look(Watched::new(database, log)).await;
    let (tell, told) = watch::channel(watched.is_low());
    tokio::spawn(async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            watched = look(watched).await;
            tell.send_if_modified(|low| std::mem::replace(low, watched.is_low()) != *low);
        }
    });
    told
}

/// Where a file system's server is gone, looking takes its time.
async fn look(mut watched: Watched) -> Watched {
    let looked = tokio::task::spawn_blocking(move || {
        watched.look();
        watched
    });
    match looked.await {
        Ok(watched) => watched,
        // A panic aborts the process; so this is a runtime that ends.
        Err(_) => std::future::pending().await,
    }
}

/// Room of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    free: u64,
    size: u64,
}

impl Room {
    /// `None` where it cannot be said: there is no such directory, or the file system does not know.
    fn at(path: &Path) -> Option<Self> {
        let found = statvfs(path).ok()?;
        let room = Self { free: found.f_bavail * found.f_frsize, size: found.f_blocks * found.f_frsize };
        (room.size > 0).then_some(room)
    }

    fn mark(self) -> u64 {
        (self.size / 20).min(MARK_AT_MOST)
    }

    /// Less than the mark: what it sets free must not let anything new begin.
    fn ballast(self) -> u64 {
        (self.mark() / 2).min(BALLAST_AT_MOST)
    }

    /// How much has to be free before what was too little is enough: some more, so that it does not flutter.
    fn enough(self) -> u64 {
        self.mark() + self.mark() / 8
    }
}

#[derive(Debug)]
struct Watched {
    database: Place,
    log: Place,
    ballast: PathBuf,
    has_ballast: bool,
    /// Not every file system lets blocks be taken in advance.
    can_have_ballast: bool,
}

impl Watched {
    fn new(database: &Path, log: &Path) -> Self {
        let mut ballast = database.as_os_str().to_owned();
        ballast.push(".ballast");
        let ballast = PathBuf::from(ballast);
        let has_ballast = ballast.exists();
        Self {
            database: Place::of(database),
            log: Place::of(log),
            ballast,
            has_ballast,
            can_have_ballast: true,
        }
    }

    fn is_low(&self) -> bool {
        self.database.low || self.log.low
    }

    fn look(&mut self) {
        let (database, log) = (self.database.room(), self.log.room());
        if let Some(room) = database {
            self.keep_ballast(room);
            let wanted = if self.has_ballast { 0 } else { room.ballast() };
            self.database.judge(room, wanted);
        }
        // One disk is told of once. A log that is a link may be on another one.
        if self.log.directory == self.database.directory && log == database {
            self.log.low = self.database.low;
        } else if let Some(room) = log {
            self.log.judge(room, 0);
        }
    }

    fn keep_ballast(&mut self, room: Room) {
        if self.has_ballast && room.free < room.ballast() / 4 {
            match fs::remove_file(&self.ballast) {
                Ok(()) => warn!(
                    ballast = %self.ballast.display(),
                    "the disk of the database is full: the ballast is let go, so that the ends of calls can be recorded"
                ),
                Err(why) => warn!(ballast = %self.ballast.display(), %why, "the ballast cannot be let go"),
            }
            self.has_ballast = false;
        } else if !self.has_ballast && self.can_have_ballast && room.free >= room.enough() + room.ballast() {
            match make_ballast(&self.ballast, room.ballast()) {
                Ok(()) => self.has_ballast = true,
                Err(why) => {
                    drop(fs::remove_file(&self.ballast));
                    self.can_have_ballast = why.kind() == ErrorKind::StorageFull;
                    if !self.can_have_ballast {
                        info!(ballast = %self.ballast.display(), %why, "goes without a ballast");
                    }
                }
            }
        }
    }
}

/// Blocks that are really taken.
fn make_ballast(path: &Path, size: u64) -> io::Result<()> {
    let file = File::create(path)?;
    fallocate(&file, FallocateFlags::empty(), 0, size)?;
    Ok(())
}

/// Where a file is, and whether there is too little room for something new.
#[derive(Debug)]
struct Place {
    file: PathBuf,
    directory: PathBuf,
    low: bool,
}

impl Place {
    fn of(file: &Path) -> Self {
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new(".")).to_owned();
        Self { file: file.to_owned(), directory, low: false }
    }

    fn room(&self) -> Option<Room> {
        Room::at(&self.file).or_else(|| Room::at(&self.directory))
    }

    /// `wanted` is what the next thing to be written takes.
    fn judge(&mut self, room: Room, wanted: u64) {
        let directory = self.directory.display();
        if !self.low && room.free < room.mark() {
            self.low = true;
            warn!(
                "little room is left on the disk of {directory}: {} of {}; below {} nothing new is dialled, calls go on; \
                 free some space",
                size(room.free),
                size(room.size),
                size(room.mark())
            );
        } else if self.low && room.free >= room.enough() + wanted {
            self.low = false;
            info!("there is room again on the disk of {directory}: {}; dialing goes on", size(room.free));
        }
    }
}

fn size(bytes: u64) -> String {
    if bytes < 10 * MB { format!("{} KB", bytes / 1024) } else { format!("{} MB", bytes / MB) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_and_ballast_go_by_the_size_of_the_disk_up_to_their_bounds() {
        for (size, mark, ballast) in
            [(4 * MB, MB / 5, MB / 10), (1000 * MB, 50 * MB, 16 * MB), (1_000_000 * MB, 256 * MB, 16 * MB)]
        {
            let room = Room { free: 0, size };
            assert_eq!((room.mark() / 1024, room.ballast() / 1024), (mark / 1024, ballast / 1024), "{size}");
            assert!(room.ballast() < room.mark());
        }
    }

    #[test]
    fn little_room_is_told_once_and_needs_some_more_to_be_enough_again() {
        let mut place = Place::of(Path::new("/var/lib/astout/astout.sqlite3"));
        let mut after = |free| {
            place.judge(Room { free: free * MB, size: 1000 * MB }, 0);
            place.low
        };
        assert!(!after(50));
        assert!(after(49));
        assert!(after(51));
        assert!(!after(57));
    }

    #[test]
    fn the_ballast_takes_blocks_and_is_let_go_when_nothing_is_left() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("astout.sqlite3");
        let mut watched = Watched::new(&database, &database);
        watched.keep_ballast(Room { free: 900 * MB, size: 1000 * MB });
        assert!(watched.has_ballast);
        assert!(fs::metadata(&watched.ballast).unwrap().blocks() * 512 >= 16 * MB);
        watched.keep_ballast(Room { free: 5 * MB, size: 1000 * MB });
        assert!(watched.has_ballast);
        watched.keep_ballast(Room { free: MB, size: 1000 * MB });
        assert!(!watched.ballast.exists());
        watched.keep_ballast(Room { free: 70 * MB, size: 1000 * MB });
        assert!(!watched.has_ballast, "what it takes would be little room again");
    }
}
