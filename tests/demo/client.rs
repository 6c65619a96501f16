//! The demo's operator: the tutorial over AMI, with 20 contacts of mixed fates, and what happens, told as it happens.
//! `tests/demo/run` starts it beside a daemon and an Asterisk; the arguments are the daemon's address, user, secret
//! and result log.

#[path = "../support/ami.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "it is a part of the tests, which use the rest of it too"
)]
mod ami;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use ami::{Client, header};
use serde_json::Value;

/// Longer than the demo takes by far.
const AT_MOST: Duration = Duration::from_secs(150);

/// The callees, by what the number makes the lab's telephone do (`tests/lab/README.md`).
const CALLEES: [(&str, &str); 7] = [
    ("10800", "answers after 0.8 s"),
    ("12000", "answers after 2 s"),
    ("2", "is busy"),
    ("3", "rings and never answers"),
    ("4", "cannot be reached: congestion"),
    ("5", "has a number that does not exist"),
    ("6", "rejects the call"),
];
/// Which of them each of the 20 contacts is.
const CONTACTS: [usize; 20] = [0, 2, 1, 0, 3, 0, 5, 1, 0, 4, 0, 2, 0, 6, 1, 0, 3, 0, 0, 1];

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, user, secret, result_log] = arguments.as_slice() else {
        return Err(io::Error::other("usage: demo ADDRESS USER SECRET RESULT_LOG; tests/demo/run does that"));
    };
    let mut out = io::stdout().lock();
    let mut operator = Client::login(address, user, secret);
    let campaign = set_up(&mut operator, &mut out)?;
    let mut names = HashMap::new();
    for contact in operator.list("OutDlListShow", &[]) {
        names.insert(header(&contact, "Uuid"), header(&contact, "Name"));
    }
    let started = Instant::now();
    operator.done("OutCampaignUpdate", &[("Uuid", &campaign), ("Status", "1")]);
    watch(&mut operator, &campaign, &names, started, &mut out)?;
    let stat = operator.list("OutCampaignStatShow", &[("Uuid", &campaign)]);
    summary(&fs::read_to_string(result_log)?, &names, &stat, &mut out)?;
    writeln!(out, "\nThe result log, a JSON line an attempt: {result_log}")
}

/// The tutorial's plan, dlma, destination, dial list and campaign.
fn set_up(operator: &mut Client, out: &mut impl Write) -> io::Result<String> {
    let plan = operator.create(
        "OutPlanCreate",
        &[
            ("Name", "sales_plan"),
            ("Detail", "two tries a number, three seconds apart"),
            ("TechName", "Local/"),
            ("TrunkName", "astout-demo"),
            ("CallerId", "\"Sales\" <5551000>"),
            ("DialTimeout", "5000"),
            ("RetryDelay", "3"),
            ("MaxRetry1", "2"),
            ("ServiceLevel", "2"),
        ],
    );
    let dlma = operator.create("OutDlmaCreate", &[("Name", "DialListMaster_Sales")]);
    let destination = operator.create(
        "OutDestinationCreate",
        &[("Name", "agents"), ("Type", "1"), ("Application", "Queue"), ("Data", "sales_1")],
    );
    for (place, kind) in CONTACTS.iter().enumerate() {
        let (number, fate) = CALLEES[*kind];
        let name = format!("client {:02}", place + 1);
        let number = format!("{number}{:02}", place + 1);
        operator.create(
            "OutDlListCreate",
            &[("DlmaUuid", &dlma), ("Name", &name), ("Detail", fate), ("Number1", &number)],
        );
    }
    let campaign = operator.create(
        "OutCampaignCreate",
        &[("Name", "Sales campaign"), ("Plan", &plan), ("Dlma", &dlma), ("Dest", &destination)],
    );
    writeln!(
        out,
        "A plan, a dlma with {} contacts, the queue sales_1 as destination, a campaign:",
        CONTACTS.len()
    )?;
    writeln!(out, "all created over AMI, on {campaign}. Starting it: OutCampaignUpdate, Status 1.\n")?;
    Ok(campaign)
}

/// Tells what happens, until the campaign has stopped by itself.
fn watch(
    operator: &mut Client,
    campaign: &str,
    names: &HashMap<String, String>,
    started: Instant,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut live = 0;
    let mut finished = 0;
    loop {
        let left = AT_MOST.saturating_sub(started.elapsed());
        let Some(event) = operator.event(left) else {
            return Err(io::Error::other(format!("the campaign did not end within {AT_MOST:?}")));
        };
        let at = started.elapsed().as_secs_f64();
        let who = names.get(&header(&event, "DlListUuid")).map_or("", String::as_str);
        let number = header(&event, "DialAddr");
        let told = match (header(&event, "Event").as_str(), header(&event, "Status").as_str()) {
            ("OutCampaignUpdate", status) if header(&event, "Uuid") == campaign => {
                let word = match status {
                    "11" => "starting",
                    "1" => "started",
                    "10" => "stopping: every contact is finished",
                    "0" => "stopped",
                    other => other,
                };
                writeln!(out, "{at:6.2}  campaign {word}")?;
                if status == "0" {
                    return Ok(());
                }
                continue;
            }
            ("OutDialingCreate", _) => {
                live += 1;
                format!("dialling {number}, try {}", header(&event, "DialTryCnt"))
            }
            ("OutDialingUpdate", "6") => "answered: on the way to an agent".to_owned(),
            ("OutDialingDelete", _) => {
                live -= 1;
                finished += 1;
                format!("ended: {}", fate(&header(&event, "ResDial"), &header(&event, "ResHangupDetail")))
            }
            _ => continue,
        };
        writeln!(out, "{at:6.2}  {who:<9}  {told:<44} {live:>2} live, {finished:>2} attempts ended")?;
        out.flush()?;
    }
}

fn fate(res_dial: &str, hangup: &str) -> String {
    let word = match res_dial {
        "4" => "answered",
        "5" => "busy",
        "8" => "congestion",
        "3" => "no answer",
        _ => "failed",
    };
    if matches!(hangup, "Unknown" | "<unknown>") { word.to_owned() } else { format!("{word} ({hangup})") }
}

fn summary(
    results: &str,
    names: &HashMap<String, String>,
    stat: &[astout::ami::Message],
    out: &mut impl Write,
) -> io::Result<()> {
    let mut attempts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in results.lines() {
        let result: Value = serde_json::from_str(line)?;
        let name =
            result["dl_list_uuid"].as_str().and_then(|uuid| names.get(uuid)).cloned().unwrap_or_default();
        attempts.entry(name).or_default().push(result);
    }
    writeln!(out, "\n{:<10} {:<9} {:>5}  {:<24} callee", "contact", "number", "tries", "outcomes")?;
    for (name, attempts) in &attempts {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let outcomes: Vec<String> = attempts.iter().map(|result| text(&result["outcome"])).collect();
        let last = &attempts[attempts.len() - 1];
        let callee = text(&last["info_dl_list"]["detail"]);
        let (number, tries) = (text(&last["dial_addr"]), attempts.len());
        writeln!(out, "{name:<10} {number:<9} {tries:>5}  {:<24} {callee}", outcomes.join(", "))?;
    }
    for entry in stat {
        let count = |name: &str| header(entry, name);
        writeln!(
            out,
            "\n{} contacts: {} finished, {} available, {} dialing, {} called",
            count("DlTotalCount"),
            count("DlFinishedCount"),
            count("DlAvailableCount"),
            count("DlDialingCount"),
            count("DlCalledCount"),
        )?;
    }
    Ok(())
}
