//! Keeps the file of Asterisk's dialplan that destinations need: writes it whenever one has changed, has Asterisk read it,
//! and tells the engine which nodes Asterisk has. The user's own file is looked at first, and copied for Asterisk once it
//! is right: what is wrong never gets there, whoever has Asterisk read its dialplan. Calls of a destination with a failover are dialled only once Asterisk has its
//! node, for an answered one would have nowhere to go.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::handle::Handle;
use crate::ami::Message;
use crate::asterisk::connection::ConnectionOptions;
use crate::asterisk::errand::Errand;
use crate::asterisk::extensions::{self, Mistake};
use crate::asterisk::originate::{self, is_in_dialplan, reload_dialplan};
use crate::model::destination::Destination;
use crate::model::dialing::Dialing;
use crate::model::node;
use crate::model::plan::Plan;

/// The file that is written.
pub const FILE: &str = "astout_dialplan.conf";
/// The user's own.
pub const OWN: &str = "astout_extensions_custom.conf";
/// The copy of it that Asterisk reads.
const TAKEN: &str = "astout_extensions_taken.conf";
/// How often it is looked whether Asterisk still has the nodes: others read its dialplan anew, too.
const LOOK: Duration = Duration::from_secs(60);
/// The same where something is missing.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often it is looked whether the file is still as it was written.
const LOOK_AT_FILE: Duration = Duration::from_secs(5);

const HEAD: &str = "; Written by astout, anew whenever a destination changes: what is changed here is lost.\n\
    ; Asterisk reads it by this line in extensions.conf:  #tryinclude \"THIS FILE\"\n";

/// What the keeper is told to live by.
#[derive(Debug)]
pub struct Options {
    /// Where the file is written; `None`: nowhere.
    pub directory: Option<PathBuf>,
    /// How Asterisk is reached.
    pub asterisk: ConnectionOptions,
}

/// Somebody asks whether Asterisk has a place.
#[derive(Debug)]
pub struct Question {
    /// The destination that names it.
    pub destination: Destination,
    /// Where the answer goes; `None` where Asterisk does not say.
    pub reply: oneshot::Sender<Option<bool>>,
}

/// Somebody asks for the user's own file to be taken up; answered with what is wrong with it.
pub type TakeUp = oneshot::Sender<Result<(), String>>;

/// Keeps the files until `stop`.
pub async fn keep(
    options: Options,
    handle: Handle,
    (questions, take_ups): (mpsc::Receiver<Question>, mpsc::Receiver<TakeUp>),
    stop: CancellationToken,
) {
    let keeper =
        Keeper { options, handle, missing: BTreeSet::new(), unread: false, written: None, trouble: None };
    tokio::select! {
        () = keeper.run(questions, take_ups) => {}
        () = stop.cancelled() => {}
    }
}

struct Keeper {
    options: Options,
    handle: Handle,
    /// The nodes that Asterisk was last found not to have.
    missing: BTreeSet<String>,
    /// Whether a file has changed since Asterisk last read them.
    unread: bool,
    /// What was last written to the file, or found there and right.
    written: Option<String>,
    /// What was last said to be wrong.
    trouble: Option<String>,
}

impl Keeper {
    async fn run(mut self, mut questions: mpsc::Receiver<Question>, mut take_ups: mpsc::Receiver<TakeUp>) {
        let (mut destinations, mut link) = (self.handle.destinations(), self.handle.link());
        // Not at once: Asterisk has to say which contexts there are.
        let mut own_is_known = false;
        let mut look_at = Instant::now();
        let mut look_at_file = Instant::now() + LOOK_AT_FILE;
        loop {
            tokio::select! {
                changed = destinations.changed() => match changed {
                    Ok(()) => look_at = Instant::now(),
                    Err(_) => return,
                },
                changed = link.changed() => match changed {
                    Ok(()) => look_at = Instant::now(),
                    Err(_) => return,
                },
                Some(question) = questions.recv() => self.answer(question).await,
                Some(done) = take_ups.recv() => {
                    own_is_known = true;
                    let taken_up = self.take_up_own().await;
                    if taken_up.is_ok() {
                        let linked = *link.borrow();
                        self.look_and_tell(linked).await;
                    }
                    // Whoever sent a signal waits for no answer.
                    _ = done.send(taken_up);
                }
                () = sleep_until(look_at_file) => {
                    let changed = self.is_changed_by_others();
                    if changed {
                        look_at = Instant::now();
                    }
                    // Two that write it in turn shall not have Asterisk read it without end.
                    look_at_file = Instant::now() + if changed { LOOK } else { LOOK_AT_FILE };
                }
                () = sleep_until(look_at) => {
                    let linked = *link.borrow_and_update();
                    if linked && !std::mem::replace(&mut own_is_known, linked) {
                        // The log has said what is wrong; what was taken up before stays.
                        _ = self.take_up_own().await;
                    }
                    self.look_and_tell(linked).await;
                    let whole = self.missing.is_empty() && self.trouble.is_none();
                    look_at = Instant::now() + if whole { LOOK } else { LOOK_AGAIN };
                }
            }
        }
    }

    async fn look_and_tell(&mut self, linked: bool) {
        match self.look(linked).await {
            Ok(()) => self.all_is_well(),
            Err(why) => self.tell(why),
        }
    }

    /// Brings file, Asterisk and engine together.
    async fn look(&mut self, linked: bool) -> Result<(), String> {
        let destinations = self.handle.records().destinations().await.map_err(|why| why.to_string())?;
        let dialings = self.handle.dialings().await.map_err(|why| why.to_string())?;
        let plans = self.handle.records().plans().await.map_err(|why| why.to_string())?;
        let aways = aways(&destinations, &plans);
        let wanted = wanted(&destinations, &aways, &dialings);
        let Some(directory) = self.options.directory.clone() else {
            let first = destinations.iter().find(|destination| destination.failover.is_some());
            let (what, uuid) = match (first, aways.first()) {
                (Some(first), _) => ("has a Failover", first.uuid),
                (None, Some(away)) => ("is an AbandonDest of Type 1", away.uuid),
                (None, None) => return Ok(()),
            };
            return Err(format!(
                "destination {uuid} {what}, and [dialplan] directory is not set: its campaigns are not dialled, for an \
                 answered call would have no dialplan to find it in"
            ));
        };
        let kept = dialings.iter().map(|dialing| &dialing.attempt.capsule);
        let kept = kept.filter(|capsule| capsule.node().is_some()).map(|capsule| capsule.ways());
        let own = format!("#tryinclude \"{}\"\n", directory.join(TAKEN).display());
        let text = format!("{HEAD}{own}\n{}", node::dialplan(&destinations, kept));
        let path = directory.join(FILE);
        if self.is_changed_by_others() {
            warn!(
                "{} was changed by somebody else: it is written and read anew, and what was changed is lost. If another astout \
                 writes it, give each a [dialplan] directory of its own; dialplan of your own belongs into {OWN}",
                path.display()
            );
        }
        self.write(&path, &text)?;
        self.written = Some(text);
        if !linked {
            return Ok(());
        }
        let mut errand = Errand::open(&self.options.asterisk).await?;
        let looked = self.read_in(&mut errand, &path, &wanted).await;
        errand.close().await;
        looked
    }

    async fn read_in(
        &mut self,
        errand: &mut Errand,
        path: &Path,
        wanted: &BTreeSet<String>,
    ) -> Result<(), String> {
        let mut found = if self.unread { BTreeSet::new() } else { found(errand, wanted).await? };
        let mut why = None;
        if self.unread || found != *wanted {
            let answer = errand.ask(reload_dialplan()).await?;
            if answer.is_success() {
                self.unread = false;
            } else {
                why = Some(answer.get("Message").unwrap_or_default().into_owned());
            }
            found = self::found(errand, wanted).await?;
        }
        self.missing = wanted.difference(&found).cloned().collect();
        self.handle.set_nodes(found).await.map_err(|why| why.to_string())?;
        match (self.missing.len(), why) {
            (0, None) => Ok(()),
            (0, Some(why)) => Err(format!(
                "Asterisk does not read its dialplan anew for astout ({why}): give its manager user write = system, or run \
                 `asterisk -rx \"dialplan reload\"` after each change of a destination, for others to find it"
            )),
            (missing, Some(why)) => Err(format!(
                "Asterisk does not read its dialplan anew for astout ({why}), and {missing} destinations with a Failover are \
                 not in it: their campaigns are not dialled. Give its manager user write = system, or run `asterisk -rx \
                 \"dialplan reload\"`"
            )),
            (missing, None) => Err(format!(
                "{missing} destinations with a Failover are not in Asterisk's dialplan: their campaigns are not dialled. \
                 extensions.conf needs the line: #tryinclude \"{}\"; Asterisk must be able to read that file, and have \
                 func_dialplan and app_exec loaded",
                path.display()
            )),
        }
    }

    /// Whether the file is no longer as it was left.
    fn is_changed_by_others(&self) -> bool {
        let path = self.options.directory.as_ref().map(|directory| directory.join(FILE));
        let found = path.and_then(|path| fs::read_to_string(path).ok());
        self.written.is_some() && self.written != found
    }

    /// Writes a file that Asterisk is to read, where it is not there already.
    fn write(&mut self, path: &Path, text: &str) -> Result<(), String> {
        if fs::read_to_string(path).ok().as_deref() == Some(text) {
            return Ok(());
        }
        write(path, text).map_err(|why| {
            format!("{} cannot be written: {why}; the directory must be writable for astout", path.display())
        })?;
        self.unread = true;
        Ok(())
    }

    /// Takes up the user's own file, if there is nothing wrong with it.
    async fn take_up_own(&mut self) -> Result<(), String> {
        let Some(directory) = self.options.directory.clone() else { return Ok(()) };
        let (own, taken) = (directory.join(OWN), directory.join(TAKEN));
        let before = fs::read_to_string(&taken).unwrap_or_default();
        let text = match fs::read_to_string(&own) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => String::new(),
            Err(why) => return Err(format!("{}: cannot be read: {why}", own.display())),
        };
        if text == before {
            return Ok(());
        }
        let taken_up = match self.check(&text, &before).await {
            Ok(()) => self.write(&taken, &text),
            Err(mistakes) => {
                let line = |wrong: &Mistake| format!("\n{}:{}: {}", own.display(), wrong.line, wrong.text);
                Err(format!("nothing of it is taken up:{}", mistakes.iter().map(line).collect::<String>()))
            }
        };
        match &taken_up {
            Ok(()) => info!("took up {}", own.display()),
            Err(why) => {
                error!("{}: {}", own.display(), why.lines().next().unwrap_or_default());
                why.lines().skip(1).for_each(|mistake| error!("{mistake}"));
            }
        }
        taken_up
    }

    async fn check(&self, text: &str, before: &str) -> Result<(), Vec<Mistake>> {
        let elsewhere = extensions::read(text)?.elsewhere;
        // What the file itself has made until now is no longer there.
        let gone = extensions::read(before).unwrap_or_default().contexts;
        let mut mistakes = Vec::new();
        let mut errand =
            if elsewhere.is_empty() { None } else { Errand::open(&self.options.asterisk).await.ok() };
        for (context, line) in elsewhere {
            let answer = match &mut errand {
                Some(errand) => errand.ask(originate::context(&context)).await.ok(),
                None => None,
            };
            let text = match answer {
                Some(answer) if answer.is_success() && !gone.contains(&context) => continue,
                Some(_) => {
                    format!("there is no context {context}, in this file or elsewhere in the dialplan")
                }
                None => format!(
                    "Asterisk cannot be asked whether it has a context {context}; once it is there, try again"
                ),
            };
            mistakes.push(Mistake { line, text });
        }
        if let Some(errand) = errand {
            errand.close().await;
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    async fn answer(&self, Question { destination, reply }: Question) {
        let asked = async {
            let place = destination.place()?;
            let mut errand = Errand::open(&self.options.asterisk).await.ok()?;
            let answer = errand.ask(is_in_dialplan(place)).await.ok()?;
            errand.close().await;
            says(&answer)
        };
        // Whoever asked may have stopped waiting.
        _ = reply.send(asked.await);
    }

    /// Says once what is wrong.
    fn tell(&mut self, why: String) {
        if self.trouble.as_ref() != Some(&why) {
            warn!("{why}");
            self.trouble = Some(why);
        }
    }

    fn all_is_well(&mut self) {
        if self.trouble.take().is_some() {
            info!("Asterisk's dialplan has every destination");
        }
    }
}

/// The destinations of those whom no agent takes that are no places of the dialplan by themselves.
fn aways<'a>(destinations: &'a [Destination], plans: &[Plan]) -> Vec<&'a Destination> {
    let is_away = |destination: &&Destination| {
        let named = |plan: &Plan| plan.abandonment.dest == Some(destination.uuid);
        destination.place().is_none() && plans.iter().any(named)
    };
    destinations.iter().filter(is_away).collect()
}

/// The nodes that have to be there: of destinations with a failover, of these, and of calls that are under way.
fn wanted(destinations: &[Destination], aways: &[&Destination], dialings: &[Dialing]) -> BTreeSet<String> {
    let find = |uuid| destinations.iter().find(|destination| destination.uuid == uuid);
    let with = destinations.iter().map(|first| (first, node::failovers(first, find)));
    let is_away = |first: &Destination| aways.iter().any(|away| away.uuid == first.uuid);
    let with = with.filter(|(first, failovers)| !failovers.is_empty() || is_away(first));
    let with = with.map(|(first, failovers)| node::name(&[&[first][..], &failovers].concat()));
    with.chain(dialings.iter().filter_map(|dialing| dialing.attempt.capsule.node())).collect()
}

/// Those of the wanted nodes that Asterisk has.
async fn found(errand: &mut Errand, wanted: &BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    for node in wanted {
        if says(&errand.ask(is_in_dialplan([node::CONTEXT, node, "1"])).await?) == Some(true) {
            found.insert(node.clone());
        }
    }
    Ok(found)
}

fn says(answer: &Message) -> Option<bool> {
    match answer.get("Value").as_deref() {
        Some("1") => Some(true),
        Some("0") => Some(false),
        Some(_) | None => None,
    }
}

/// Whole or not at all: Asterisk may read it at any moment.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("conf.new");
    let mut file = fs::File::create(&new)?;
    // Asterisk is another user.
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}
