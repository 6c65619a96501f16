//! `docs/reference/actions.md`, made by carrying out every action of the table on a real store, engine and driver: the fields
//! are those that the code asked for, what is allowed is what it said to wrong values, defaults, replies and events are those
//! that came. So it cannot differ from the code; and each field of each action has been given wrong values, of which
//! nothing was written and nobody was told.
//!
//! A new action needs its example in [`Daemon::example`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{ACTIONS, Action, Does, Replies, carry_out, list, list_commands};
use crate::ami::{Message, Privileges, Request};
use crate::asterisk::Order;
use crate::daemon::bus::Told;
use crate::daemon::clock::Clock;
use crate::daemon::control::{Control, Manner};
use crate::daemon::driver::{self, Parts};
use crate::daemon::handle::Handle;
use crate::engine::explain::About;
use crate::engine::{self, Engine, Input, Records};
use crate::manager::{names, nouns, render};
use crate::model::dialing::NextTry;
use crate::model::event::Noun;
use crate::model::fields::{Fields, MAX_TEXT};
use crate::model::ids::{CampaignUuid, Ids};
use crate::model::policy::Policy;
use crate::model::preview::{Answer, Ask};
use crate::model::refusal::NounKind;
use crate::model::result::ResultOptions;
use crate::result_log::{LogWriter, ResultLog};
use crate::store::{Store, StoreOptions};

const FILE: &str = "docs/reference/actions.md";
/// Set, the file is written anew.
const WRITE: &str = "ASTOUT_WRITE_REFERENCE";

/// Wrong values, of which most fields take none; what is said to the first that is refused is what is allowed.
const WRONG: [&str; 4] = ["Nonesuch", "<&bad>\\", "${X}", "\u{1}"];
/// What is said of a text with control characters.
const TEXT: &str = "UTF-8 text without control characters";

/// What no wrong value tells.
const OTHER_WORDS: [(&str, &str, &str); 3] = [
    ("Command", "Command", "a line that begins with out, as at the command line"),
    ("Command", "Json", "yes: JSON in place of tables"),
    ("OutDlListImportRows", "Row", "a JSON array of as many texts as Columns; repeated, a header a row"),
];

type Pairs = Vec<(&'static str, String)>;

/// A daemon without Asterisk, with a noun of each kind.
struct Daemon {
    handle: Handle,
    made: BTreeMap<NounKind, Uuid>,
    /// The campaign by which agents dial.
    previewed: Option<Uuid>,
    agents: u32,
    stop: CancellationToken,
    _asterisk: (mpsc::UnboundedReceiver<Order>, mpsc::Sender<Input>),
    _dir: TempDir,
}

/// What came of one action.
struct Seen {
    asked: Vec<String>,
    messages: Vec<Message>,
    events: Vec<String>,
}

impl Seen {
    fn is_refused(&self) -> bool {
        self.messages[0].response().is_some_and(|response| response == "Error")
    }

    fn text(&self) -> String {
        self.messages[0].get("Message").unwrap_or_default().into_owned()
    }
}

impl Daemon {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("db").display());
        let policy = Policy::default();
        let rules =
            StoreOptions { url, policy: policy.clone(), result: ResultOptions::default(), log_seq: 0 };
        let opened = Store::open(rules).await.unwrap();
        let options = engine::Options {
            max_channels: 500,
            calls_per_second: 50,
            max_unanswered: 10,
            policy,
            on_unknown: NextTry::default(),
            preview_timeout: Duration::from_secs(60),
        };
        let (orders, taken_orders) = mpsc::unbounded_channel();
        let (given_inputs, inputs) = mpsc::channel(16);
        let (driver, handle) = driver::new(Parts {
            engine: Engine::new(options, Records::default(), Ids::new(Uuid::now_v7)),
            store: opened.store,
            committed: opened.done,
            orders,
            inputs,
            log: LogWriter::start(ResultLog::open(&dir.path().join("result")).unwrap(), Vec::new()),
            low: tokio::sync::watch::channel(false).1,
            health: opened.health,
            clock: Clock::start(),
            hang_up_orphans: false,
        });
        let (stop, control) = (CancellationToken::new(), Control::new().0);
        let (ends, asked) = (control.stop.clone(), stop.clone());
        tokio::spawn(async move {
            asked.cancelled().await;
            ends.request(Manner::InOrder);
        });
        tokio::spawn(driver.run(control.stop.clone()));
        // One that is there and never answers.
        given_inputs.send(Input::LinkUp { epoch: "1".to_owned() }).await.unwrap();
        let _asterisk = (taken_orders, given_inputs);
        let mut daemon =
            Self { handle, made: BTreeMap::new(), previewed: None, agents: 0, stop, _asterisk, _dir: dir };
        for kind in [NounKind::Plan, NounKind::Dlma, NounKind::Destination, NounKind::Campaign, NounKind::Dl]
        {
            daemon.make(kind).await;
        }
        daemon
    }

    async fn make(&mut self, kind: NounKind) -> Uuid {
        let fields = self.least(kind).into_iter().collect();
        let uuid = nouns::uuid(&self.handle.create(kind, fields).await.unwrap());
        self.made.insert(kind, uuid);
        uuid
    }

    /// A campaign by which agents dial, with contacts for all that ask.
    async fn previewed(&mut self) -> Uuid {
        if let Some(campaign) = self.previewed {
            return campaign;
        }
        let create = async |kind, fields: &[(&str, &str)]| {
            nouns::uuid(&self.handle.create(kind, fields.iter().copied().collect()).await.unwrap())
        };
        let plan = [("DialMode", "4"), ("TechName", "PJSIP")];
        let plan = create(NounKind::Plan, &plan).await.to_string();
        let dlma = create(NounKind::Dlma, &[]).await.to_string();
        for _ in 0..20 {
            create(NounKind::Dl, &[("DlmaUuid", &dlma), ("Number1", "300")]).await;
        }
        let dest = [("Type", "1"), ("Application", "Park")];
        let dest = create(NounKind::Destination, &dest).await.to_string();
        let campaign = [("Plan", &*plan), ("Dlma", &dlma), ("Dest", &dest)];
        let campaign = create(NounKind::Campaign, &campaign).await;
        let start = [("Uuid", campaign.to_string()), ("Status", "1".to_owned())];
        self.handle.update(NounKind::Campaign, start.into_iter().collect()).await.unwrap();
        let asked = About { campaign: CampaignUuid::new(campaign), list: None, contact: None };
        let started = async {
            loop {
                let explained = self.handle.explain(vec![asked.clone()], None).await.unwrap();
                if !explained.explanations[0].holds().any(|finding| finding.gate == "Status") {
                    break;
                }
            }
        };
        timeout(Duration::from_secs(20), started).await.expect("it starts");
        self.previewed = Some(campaign);
        campaign
    }

    /// What a new agent asks for a contact with.
    async fn next(&mut self) -> Pairs {
        let campaign = self.previewed().await.to_string();
        self.agents += 1;
        vec![("CampaignUuid", campaign), ("Agent", format!("PJSIP/{}", self.agents))]
    }

    /// A contact that a new agent looks at.
    async fn preview(&mut self) -> Pairs {
        let fields = self.next().await.into_iter().collect();
        match self.handle.preview(Ask::next(&fields).unwrap()).await.unwrap() {
            Answer::Kept(preview) => vec![("Uuid", preview.uuid.to_string())],
            other => panic!("{other:?}"),
        }
    }

    fn uuid(&self, kind: NounKind) -> String {
        self.made[&kind].to_string()
    }

    /// The least that a create of that kind takes.
    fn least(&self, kind: NounKind) -> Pairs {
        match kind {
            NounKind::Plan | NounKind::Dlma | NounKind::Campaign | NounKind::Dialing => Vec::new(),
            NounKind::Destination => {
                vec![("Exten", "100".to_owned()), ("Context", "from-internal".to_owned())]
            }
            NounKind::Dl => {
                vec![("DlmaUuid", self.uuid(NounKind::Dlma)), ("Number1", "300".to_owned())]
            }
        }
    }

    /// The least with which an action does what it is for.
    async fn example(&mut self, does: Does) -> Pairs {
        match does {
            Does::Create(kind) => self.least(kind),
            Does::Update(kind) => vec![("Uuid", self.uuid(kind)), ("Name", "another".to_owned())],
            Does::Delete(kind) => {
                // The one that stays is what others are created with.
                let stays = self.made[&kind];
                let goes = self.make(kind).await;
                self.made.insert(kind, stays);
                vec![("Uuid", goes.to_string())]
            }
            Does::Show(_)
            | Does::ShowStat
            | Does::ShowPacing
            | Does::CountDialings
            | Does::ShowPreviews
            | Does::ListCommands => Vec::new(),
            Does::PreviewNext => self.next().await,
            Does::PreviewGo | Does::PreviewSkip => self.preview().await,
            Does::WithdrawDialing => vec![("Uuid", Uuid::nil().to_string())],
            Does::BeginImport => {
                vec![("DlmaUuid", self.uuid(NounKind::Dlma)), ("File", "leads.csv".to_owned())]
            }
            Does::ImportRows => vec![
                ("DlmaUuid", self.uuid(NounKind::Dlma)),
                ("Import", "1".to_owned()),
                ("Columns", "[\"Number1\"]".to_owned()),
                ("Row", "[\"301\"]".to_owned()),
            ],
            Does::Explain => vec![("Uuid", self.uuid(NounKind::Campaign))],
            Does::Command => vec![("Command", "out show plans".to_owned())],
        }
    }

    async fn perform(&self, action: &Action, pairs: &[(&str, String)]) -> Seen {
        let mut listening = self.handle.events();
        let fields: Fields = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let copy = fields.clone();
        let request = Message::from_wire(format!("Action: {}\r\nActionID: 1\r\n\r\n", action.name));
        let (sender, mut received) = mpsc::channel(16);
        let replies = Replies::new(&Request::from_message(request).unwrap(), sender);
        let answering = async {
            carry_out(action.does, fields, Privileges::ALL, &self.handle, None, &replies).await;
            drop(replies);
        };
        let reading = async {
            let mut messages = Vec::new();
            while let Some(message) = received.recv().await {
                messages.push(message);
            }
            messages
        };
        let ((), messages) = tokio::join!(answering, reading);
        let mut seen = Seen { asked: copy.asked(), messages, events: Vec::new() };
        let tells = !seen.is_refused() && changes(action.does);
        seen.events = told(&mut listening, &self.handle, tells).await;
        seen
    }

    /// All that is written down.
    async fn records(&self) -> String {
        let mut all = String::new();
        for kind in self.made.keys() {
            write!(all, "{:?}", nouns::all(&self.handle, *kind, 10_000).await.unwrap()).unwrap();
        }
        all
    }
}

/// The events, by name; at least one where there has to be.
async fn told(listening: &mut broadcast::Receiver<Arc<Told>>, handle: &Handle, tells: bool) -> Vec<String> {
    let mut events = Vec::new();
    let name = |told: &Told| render::event(told.event()).event_name().unwrap().into_owned();
    if tells {
        let first = timeout(Duration::from_secs(20), listening.recv()).await.expect("an event").unwrap();
        events.push(name(&first));
    }
    handle.beat().await;
    while let Ok(event) = listening.try_recv() {
        events.push(name(&event));
    }
    events.dedup();
    events
}

/// Whether it writes something, and so has events.
fn changes(does: Does) -> bool {
    match does {
        Does::Create(_)
        | Does::Update(_)
        | Does::Delete(_)
        | Does::ImportRows
        | Does::PreviewNext
        | Does::PreviewGo
        | Does::PreviewSkip => true,
        Does::Show(_)
        | Does::ShowStat
        | Does::ShowPacing
        | Does::CountDialings
        | Does::WithdrawDialing
        | Does::BeginImport
        | Does::Explain
        | Does::ShowPreviews
        | Does::Command
        | Does::ListCommands => false,
    }
}

/// A field, and what is allowed.
#[derive(PartialEq, Clone)]
struct Row {
    name: String,
    default: String,
    allowed: String,
}

/// Gives the field wrong values until one is refused: nothing may have been written then, and nobody told.
async fn allowed(daemon: &mut Daemon, action: &Action, field: &str) -> String {
    if let Some((.., words)) = OTHER_WORDS.iter().find(|(of, name, _)| *of == action.name && *name == field) {
        return (*words).to_owned();
    }
    for wrong in WRONG {
        let mut example = daemon.example(action.does).await;
        // Each of these has another example beside which it counts.
        if matches!(action.does, Does::Create(NounKind::Destination))
            && ["Application", "Data"].contains(&field)
        {
            example = vec![("Type", "1".to_owned()), ("Application", "Park".to_owned())];
        } else if matches!(action.does, Does::Explain) && field == "Number" {
            example.clear();
        }
        let mut pairs: Vec<(&str, String)> = example;
        pairs.retain(|(name, _)| !name.eq_ignore_ascii_case(field));
        pairs.push((field, wrong.to_owned()));
        let before = daemon.records().await;
        let seen = daemon.perform(action, &pairs).await;
        // A key that an earlier try has made its own is not wrong of itself.
        if seen.is_refused() && seen.text().contains("is taken") {
            continue;
        }
        if seen.is_refused() {
            let text = seen.text();
            assert!(text.contains(&format!("{field}: ")), "{} with {field}: {wrong:?}: {text}", action.name);
            assert_eq!(seen.events, Vec::<String>::new(), "{} with {field}: {wrong:?}", action.name);
            assert_eq!(daemon.records().await, before, "{} with {field}: {wrong:?}", action.name);
            let (_, allowed) = text.rsplit_once("allowed: ").unwrap_or_else(|| panic!("{field}: {text}"));
            return match allowed {
                TEXT => format!("text without control characters, at most {MAX_TEXT} bytes"),
                allowed => allowed.to_owned(),
            };
        }
    }
    panic!("{}: {field} takes every wrong value: what is right? (OTHER_WORDS)", action.name);
}

/// What a field is where a create does not name it.
async fn default(daemon: &Daemon, action: &Action, field: &str, needed: bool) -> String {
    if needed {
        return "needed".to_owned();
    }
    let kind = match action.does {
        Does::Create(_) if field == "Uuid" => return "a new one".to_owned(),
        Does::Create(kind) => kind,
        Does::Update(_) => return "unchanged".to_owned(),
        Does::Show(_) | Does::ShowStat | Does::ShowPacing if field.ends_with("Uuid") => {
            return "all of them".to_owned();
        }
        Does::Show(_) if field == "Count" => return list::DEFAULT_COUNT.to_string(),
        Does::PreviewNext if field == "Timeout" => return "`[dialer] preview_timeout`".to_owned(),
        Does::PreviewGo if field == "Number" => return "the one that is next".to_owned(),
        Does::PreviewSkip if field == "RetryDelay" => return "the plan's".to_owned(),
        Does::Delete(_)
        | Does::Show(_)
        | Does::ShowStat
        | Does::ShowPacing
        | Does::CountDialings
        | Does::WithdrawDialing
        | Does::BeginImport
        | Does::ImportRows
        | Does::Explain
        | Does::PreviewNext
        | Does::PreviewGo
        | Does::PreviewSkip
        | Does::ShowPreviews
        | Does::Command
        | Does::ListCommands => return "none".to_owned(),
    };
    let noun = nouns::one(&daemon.handle, kind, daemon.made[&kind]).await.unwrap().unwrap();
    let value = match noun {
        Noun::Plan(noun) => serde_json::to_value(noun),
        Noun::Dlma(noun) => serde_json::to_value(noun),
        Noun::Destination(noun) => serde_json::to_value(noun),
        Noun::Campaign(noun) => serde_json::to_value(noun),
        Noun::Dl(noun) => serde_json::to_value(noun),
        Noun::Dialing(_) => return String::new(),
    };
    let Ok(Value::Object(columns)) = value else { return String::new() };
    let bare = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let wanted = bare(field);
    let also = wanted.replace("maxretry", "maxretrycnt");
    let column = columns.iter().find(|(name, _)| {
        [&wanted, &also].contains(&&bare(name)) || (wanted == "variable" && *name == "variables")
    });
    match column {
        Some((_, Value::Null)) | None => "not set".to_owned(),
        Some((_, Value::String(text))) if text.is_empty() => "not set".to_owned(),
        Some((_, Value::String(text))) => text.clone(),
        Some((_, value)) => value.to_string(),
    }
}

/// One row for all fields that differ by their number only: `Number1` … `Number8`.
fn together(rows: Vec<Row>) -> Vec<Row> {
    let mut together: Vec<Row> = Vec::new();
    let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    for row in rows {
        let first = |last: &Row| last.name.split(" … ").next().unwrap_or_default().to_owned();
        match together.iter_mut().find(|last| {
            stem(&row.name) != row.name
                && stem(&first(last)) == stem(&row.name)
                && (&last.default, &last.allowed) == (&row.default, &row.allowed)
        }) {
            Some(last) => last.name = format!("{} … {}", first(last), row.name),
            None => together.push(row),
        }
    }
    together
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

/// The answer in words: its message, its headers, the items of a list.
fn reply(action: &Action, seen: &Seen) -> String {
    let headers = |message: &Message| {
        let mut names: Vec<String> = message
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .filter(|name| {
                !["`Response`", "`ActionID`", "`Message`", "`EventList`", "`Event`"].contains(&name.as_str())
            })
            .collect();
        names.dedup();
        names.join(", ")
    };
    match action.does {
        Does::WithdrawDialing => return "`Dialing deleted successfully`".to_owned(),
        Does::ListCommands => {
            return "a header an action: what it does, and the classes that it asks for".to_owned();
        }
        _ => {}
    }
    assert!(!seen.is_refused(), "{}: {}", action.name, seen.text());
    let mut text = format!("`{}`", seen.text());
    let also = headers(&seen.messages[0]);
    if !also.is_empty() {
        write!(text, ", and {also}").unwrap();
    }
    if seen.messages.len() > 1 {
        let last = seen.messages.last().unwrap();
        let mut items: BTreeMap<String, String> = BTreeMap::new();
        for item in &seen.messages[1..seen.messages.len() - 1] {
            items.insert(item.event_name().unwrap().into_owned(), headers(item));
        }
        if let (Does::Show(kind), true) = (action.does, items.is_empty()) {
            items.insert(names::of(kind).entry.to_owned(), String::new());
        }
        for (name, headers) in items {
            write!(text, "; `{name}`").unwrap();
            if !headers.is_empty() {
                write!(text, " ({headers})").unwrap();
            }
        }
        write!(text, "; at the end `{}`", last.event_name().unwrap()).unwrap();
    }
    text
}

fn events(action: &Action, seen: &Seen) -> String {
    let later = match action.does {
        Does::Update(NounKind::Campaign) => {
            ", one for each change of its status, also for those that follow by themselves"
        }
        Does::WithdrawDialing => "`OutDialingUpdate`, and `OutDialingDelete` once the call has ended",
        _ => "",
    };
    let told: Vec<String> = seen.events.iter().map(|name| format!("`{name}`")).collect();
    format!("{}{later}", told.join(", "))
}

async fn made() -> String {
    let mut daemon = Daemon::start().await;
    let mut text = String::from(
        "# The actions\n\n<!-- Made by `make reference`: do not edit. A test fails where this is not what the code does. -->\n\n\
         Each was carried out to make this page: fields are those that it asked for, replies and events those that came, what is\n\
         allowed is what it said to a wrong value (lists of `[policy]` as by default). Field names go in any case; unknown fields\n\
         are ignored; of a repeated one the first counts, but all of `Variable`. An empty value unsets, where a field may be unset.\n\
         Every reply and every item of a list has the `ActionID` of the request. A list opens with `EventList: start`, and ends\n\
         with `EventList: Complete` and `ListItems`. What is refused is `Response: Error` with a `Message` that names the field and\n\
         what is allowed; nothing is written then, and there is no event. A control character in a value is refused, NUL too, at which\n\
         Asterisk ends the line; tabs before the value are blanks. A line that begins with NUL ends the message, as it does there.\n\n\
         Any one of the classes of an action is enough. Of the session itself, for everybody who is logged in, but `Filter`\n\
         for the class `system`: ",
    );
    let own: Vec<String> =
        list_commands::OF_THE_SESSION.iter().map(|(name, text, _)| format!("`{name}` ({text})")).collect();
    writeln!(text, "{}.\nEvery other action goes to Asterisk: [the relay](../relay.md).\n", own.join(", "))
        .unwrap();
    text.push_str("| action | what it does | classes |\n|---|---|---|\n");
    for action in &ACTIONS {
        let anchor = action.name.to_ascii_lowercase();
        let classes: Vec<_> = action.needs.iter().map(|class| class.as_str()).collect();
        let classes = if classes.is_empty() { "none".to_owned() } else { classes.join(", ") };
        writeln!(text, "| [{}](#{anchor}) | {} | {classes} |", action.name, escaped(action.synopsis))
            .unwrap();
    }
    for action in &ACTIONS {
        let example = daemon.example(action.does).await;
        let seen = daemon.perform(action, &example).await;
        let mut rows = Vec::new();
        for field in &seen.asked {
            let needed = example.iter().any(|(name, _)| name.eq_ignore_ascii_case(field)) && field != "Name";
            let default = default(&daemon, action, field, needed).await;
            let allowed = allowed(&mut daemon, action, field).await;
            rows.push(Row { name: field.clone(), default, allowed });
        }
        write!(text, "\n## {}\n\n", action.name).unwrap();
        writeln!(text, "Reply: {}  ", reply(action, &seen)).unwrap();
        let events = events(action, &seen);
        writeln!(text, "Events: {}", if events.is_empty() { "none" } else { &events }).unwrap();
        if rows.is_empty() {
            text.push_str("Fields: none\n");
            continue;
        }
        text.push_str("\n| field | default | allowed |\n|---|---|---|\n");
        for Row { name, default, allowed } in together(rows) {
            writeln!(text, "| {name} | {} | {} |", escaped(&default), escaped(&allowed)).unwrap();
        }
    }
    daemon.stop.cancel();
    text
}

#[tokio::test]
async fn the_reference_of_the_actions_is_what_the_code_does() {
    let made = made().await;
    if std::env::var_os(WRITE).is_some() {
        std::fs::create_dir_all("docs/reference").unwrap();
        std::fs::write(FILE, &made).unwrap();
    }
    let there = std::fs::read_to_string(FILE).unwrap_or_default();
    for (number, (is, should)) in there.lines().zip(made.lines()).enumerate() {
        assert_eq!(is, should, "{FILE}:{} is stale; make it anew: make reference", number + 1);
    }
    assert_eq!(there.lines().count(), made.lines().count(), "{FILE} is stale; make it anew: make reference");
    for action in &ACTIONS {
        assert!(there.contains(&format!("## {}\n", action.name)), "{}", action.name);
    }
}
