//! `astout backup FILE` and `astout restore FILE`: database, configuration and the dialplan of the user's own in one file. The
//! result log is not in it: it is only ever appended to, so a copy of it is a backup; what a backup knows is its position.

mod archive;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use clap::Args;
use toml::Table;

use super::{CONFIG, DATA, INTERNAL, IO, OK, UNAVAILABLE, complain};
use crate::boot::{self, BootError};
use crate::config::Config;
use crate::daemon::clock::Clock;
use crate::daemon::dialplan::OWN;
use crate::store::backup as store;
use archive::{Archive, beside};

/// The parts, by their names in the file.
const CONFIGURATION: &str = "configuration";
const SECRET: &str = "secret_file";
const DIALPLAN: &str = "dialplan";
const DATABASE: &str = "database";

/// A database is three files: their names' ends.
const DATABASE_FILES: [&str; 3] = ["", "-wal", "-shm"];
/// Copies of one second that are kept aside, at most.
const MOST_KEPT: u32 = 1000;

/// What a restore reads, and a backup writes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Why it was not done, and the exit code that says so.
struct Failure(u8, String);

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.display().to_string();
    move |why| Failure(IO, format!("{path}: {why}"))
}

/// Writes a backup; safe while the daemon runs.
pub(super) fn back_up(path: &Path, environment: Vec<(String, String)>, what: &Arguments) -> u8 {
    let config = match Config::load(path, environment) {
        Ok(config) => config,
        Err(error) => return complain(CONFIG, format!("the configuration is wrong:\n{error}")),
    };
    end(write(path, &config, &what.file))
}

/// Puts a backup back; refused while the daemon runs.
pub(super) fn restore(path: &Path, environment: Vec<(String, String)>, what: &Arguments) -> u8 {
    end(put_back(path, environment, &what.file))
}

fn end(done: Result<Vec<String>, Failure>) -> u8 {
    match done {
        Ok(lines) => {
            // It is done, whether anybody reads of it or not.
            drop(writeln!(io::stdout().lock(), "{}", lines.join("\n")));
            OK
        }
        Err(Failure(code, why)) => complain(code, why),
    }
}

fn write(path: &Path, config: &Config, to: &Path) -> Result<Vec<String>, Failure> {
    if to.exists() {
        return Err(Failure(IO, format!("{}: it is there already; nothing is written over", to.display())));
    }
    let copy = beside(to, ".database");
    // One that was cut off.
    drop(fs::remove_file(&copy));
    new_file(&copy).map_err(io_at(&copy))?;
    let written = (|| {
        let last = in_runtime(store::copy(&config.database.file, &copy))?;
        let text = fs::read_to_string(path).map_err(io_at(path))?;
        let own = config.dialplan.directory.as_ref().map(|directory| directory.join(OWN));
        let mut parts: Vec<(&str, &Path)> = vec![(CONFIGURATION, path)];
        let secret = secret_file(&text, path);
        parts.extend(secret.as_deref().map(|secret| (SECRET, secret)));
        parts.extend(own.as_deref().filter(|own| own.exists()).map(|own| (DIALPLAN, own)));
        parts.push((DATABASE, &copy));
        let now = Clock::start().now().wall.to_string();
        archive::write(to, (now, last), &parts).map_err(io_at(to))?;
        let names: Vec<_> = parts.iter().map(|(name, _)| *name).collect();
        Ok(vec![
            format!("{}: {}; result lines up to {last}", to.display(), names.join(", ")),
            "it holds the secrets of the configuration and the numbers of all contacts: only its owner can read it, \
             and it should stay so"
                .to_owned(),
            format!("{} is not in it: copy it, too", config.result.filename.display()),
        ])
    })();
    drop(fs::remove_file(&copy));
    written
}

fn put_back(path: &Path, environment: Vec<(String, String)>, from: &Path) -> Result<Vec<String>, Failure> {
    let damaged = |why: io::Error| {
        let code = if why.kind() == io::ErrorKind::InvalidData { DATA } else { IO };
        Failure(code, format!("{}: {why}; nothing is restored", from.display()))
    };
    let mut archive = Archive::open(from).map_err(damaged)?;
    let mut text = Vec::new();
    archive.extract(CONFIGURATION, &mut text).map_err(damaged)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    // Where everything belongs is what the backup's own configuration says; its secret is not there yet.
    let mut with_secret = environment.clone();
    with_secret.push(("ASTOUT__ASTERISK__SECRET".to_owned(), "in the backup".to_owned()));
    let config = Config::load_str(&text, path, with_secret)
        .map_err(|error| Failure(CONFIG, format!("the configuration in the backup is wrong:\n{error}")))?;
    let database = &config.database.file;
    let mut locks = vec![lock(database)?];
    // The one that runs here may have another.
    if let Ok(now) = Config::load(path, environment)
        && now.database.file != *database
    {
        locks.push(lock(&now.database.file)?);
    }

    let mut staged = Staged::default();
    let new = staged.part(&mut archive, DATABASE, database)?;
    let new = new.ok_or_else(|| Failure(DATA, format!("{}: it has no database", from.display())))?;
    let paused = in_runtime(store::make_ready(&new))?;
    staged.part(&mut archive, CONFIGURATION, path)?;
    if let Some(secret) = secret_file(&text, path) {
        staged.part(&mut archive, SECRET, &secret)?;
    }
    if let Some(directory) = &config.dialplan.directory {
        fs::create_dir_all(directory).map_err(io_at(directory))?;
        staged.part(&mut archive, DIALPLAN, &directory.join(OWN))?;
    }
    let stamp: String =
        Clock::start().now().wall.to_string().chars().take(19).filter(|c| *c != '-' && *c != ':').collect();
    let mut said = staged.put_in_place(&format!(".before-restore-{stamp}"))?;
    said.push(match paused.as_slice() {
        [] => "no campaign was running".to_owned(),
        paused => format!(
            "paused, for whoever was dialled since {} would be dialled again; compare with the result log, then start: {}",
            archive.manifest.created,
            paused.join(", ")
        ),
    });
    said.push(format!(
        "{} is as it was; the backup knows of its lines up to {}",
        config.result.filename.display(),
        archive.manifest.result_seq
    ));
    Ok(said)
}

/// New files beside those that they will replace.
#[derive(Default)]
struct Staged(Vec<(PathBuf, PathBuf)>);

impl Staged {
    /// Takes a part out of the backup, to be `target`.
    fn part(&mut self, archive: &mut Archive, name: &str, target: &Path) -> Result<Option<PathBuf>, Failure> {
        let new = beside(target, ".restoring");
        // One that was cut off.
        drop(fs::remove_file(&new));
        let mut file = new_file(&new).map_err(io_at(&new))?;
        self.0.push((new.clone(), target.to_owned()));
        if !archive.extract(name, &mut file).map_err(io_at(&new))? {
            self.0.pop();
            drop(fs::remove_file(&new));
            return Ok(None);
        }
        file.sync_all().map_err(io_at(&new))?;
        // Whoever reads it now reads it then.
        if let Ok(old) = fs::metadata(target) {
            drop(fs::set_permissions(&new, old.permissions()));
            drop(chown(&new, Some(old.uid()), Some(old.gid())));
        }
        Ok(Some(new))
    }

    /// Keeps what was there aside, and moves the new in its place.
    fn put_in_place(mut self, aside: &str) -> Result<Vec<String>, Failure> {
        let mut said = Vec::new();
        for (new, target) in std::mem::take(&mut self.0) {
            let there: Vec<_> = DATABASE_FILES.iter().filter(|end| is_there(&beside(&target, end))).collect();
            if !there.is_empty() {
                let aside = free_name(&beside(&target, aside))?;
                for end in there {
                    let (old, kept) = (beside(&target, end), beside(&aside, end));
                    fs::rename(&old, &kept).map_err(io_at(&old))?;
                    said.push(format!("{} is now {}", old.display(), kept.display()));
                }
            }
            fs::rename(&new, &target).map_err(io_at(&target))?;
            let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
            let synced =
                File::open(directory.unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all());
            synced.map_err(io_at(&target))?;
            said.push(format!("restored {}", target.display()));
        }
        Ok(said)
    }
}

impl Drop for Staged {
    /// What came to nothing leaves nothing behind.
    fn drop(&mut self) {
        for (new, _) in &self.0 {
            drop(fs::remove_file(new));
        }
    }
}

/// A name that nothing has, nor a database's other files: that one, or with `-2`, `-3` … behind it. An empty file holds it
/// against others that look for one meanwhile, until what is to be kept takes its place.
fn free_name(wanted: &Path) -> Result<PathBuf, Failure> {
    for count in 1..=MOST_KEPT {
        let name = if count == 1 { wanted.to_owned() } else { beside(wanted, &format!("-{count}")) };
        if DATABASE_FILES.iter().any(|end| is_there(&beside(&name, end))) {
            continue;
        }
        match new_file(&name) {
            Ok(_) => return Ok(name),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(io_at(&name)(why)),
        }
    }
    let many = format!("{}: {MOST_KEPT} of them are kept already; move some away", wanted.display());
    Err(Failure(IO, many))
}

/// Also a link that leads nowhere is there.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// A file that only its owner can read, and that was not there.
fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// No daemon may run on that database, nor come to.
fn lock(database: &Path) -> Result<File, Failure> {
    boot::lock(database).map_err(|why| match why {
        BootError::Running { .. } => Failure(UNAVAILABLE, why.to_string()),
        why => Failure(IO, why.to_string()),
    })
}

/// The file that holds the secret, where the configuration names one.
fn secret_file(text: &str, config: &Path) -> Option<PathBuf> {
    let table: Table = text.parse().ok()?;
    let name = table.get("asterisk")?.get("secret_file")?.as_str().filter(|name| !name.is_empty())?;
    Some(config.parent().unwrap_or(Path::new("")).join(name))
}

fn in_runtime<T>(work: impl Future<Output = Result<T, crate::store::StoreError>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Failure(INTERNAL, why.to_string()))?;
    runtime.block_on(work).map_err(|why| Failure(IO, why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_aside_is_never_written_over_and_stays_with_its_own_files() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("db");
        let put = |new: &str, old: &[(&str, &str)]| {
            for (end, text) in old {
                fs::write(beside(&target, end), text).unwrap();
            }
            fs::write(beside(&target, ".restoring"), new).unwrap();
            let staged = Staged(vec![(beside(&target, ".restoring"), target.clone())]);
            assert!(staged.put_in_place(".kept").is_ok());
        };
        let read = |end: &str| fs::read_to_string(beside(&target, end)).ok();
        put("second", &[("", "first"), ("-wal", "first's"), ("-shm", "first's")]);
        put("third", &[]);
        // Whatever has one of the three names.
        fs::write(beside(&target, ".kept-3-wal"), "a stranger's").unwrap();
        put("fourth", &[("-wal", "third's")]);
        let kept = [
            ".kept",
            ".kept-wal",
            ".kept-shm",
            ".kept-2",
            ".kept-2-wal",
            ".kept-3",
            ".kept-4",
            ".kept-4-wal",
            "",
        ];
        let found = kept.map(read);
        let found = found.each_ref().map(Option::as_deref);
        let (first, third) = (Some("first's"), Some("third's"));
        assert_eq!(
            found,
            [Some("first"), first, first, Some("second"), None, None, Some("third"), third, Some("fourth")]
        );
    }
}
