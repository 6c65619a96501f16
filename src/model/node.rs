//! Destinations as places in Asterisk's dialplan. Asterisk runs them by itself: an answered call finds its failover also
//! while astout is away.
//!
//! Of context [`CONTEXT`] there are
//! - nodes, `n` and 32 hexadecimal digits: a destination and its failovers, tried in turn. The digits are made from what
//!   the node does, so that a node is never changed: calls that were sent to one keep what they were decided on.
//! - labels, for everybody else's `Goto(astout-custom,LABEL,1)`: each destination's uuid, and its name where that can be
//!   an extension. They set the destination's variables and go to its node.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use super::destination::Destination;
use super::ids::DestinationUuid;

/// The context that astout writes; nobody else may.
pub const CONTEXT: &str = "astout-custom";
/// In it, where no way was left.
const OVER: &str = "over";

/// The failover of `first`, that one's failover, and so on; at most each once.
pub fn failovers<'a>(
    first: &Destination,
    find: impl Fn(DestinationUuid) -> Option<&'a Destination>,
) -> Vec<&'a Destination> {
    let mut found: Vec<&Destination> = Vec::new();
    let mut next = first.failover;
    while let Some(destination) = next.and_then(&find) {
        if destination.uuid == first.uuid || found.iter().any(|before| before.uuid == destination.uuid) {
            break;
        }
        found.push(destination);
        next = destination.failover;
    }
    found
}

/// The node through which calls go that may have to go on; `None` where there is nowhere else to go.
pub fn of(ways: &[&Destination]) -> Option<String> {
    (ways.len() > 1).then(|| name(ways))
}

/// The name of the node that tries these in turn.
pub fn name(ways: &[&Destination]) -> String {
    let digest = Md5::digest(steps(ways, "").concat().as_bytes());
    format!("n{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The names by which a dialplan can go to each destination, where they are its own: the uuid, and the destination's
/// name with dashes for blanks. Of two that would have the same the older one has it; Asterisk takes extensions for the
/// same that differ in dashes only.
pub fn labels(destinations: &[Destination]) -> BTreeMap<DestinationUuid, String> {
    let mut taken: Vec<String> = Vec::new();
    let mut labels = BTreeMap::new();
    for destination in destinations {
        let Some(label) = destination.name.as_deref().map(|name| name.replace(' ', "-")) else { continue };
        let bare = label.replace('-', "").to_ascii_lowercase();
        if is_label(&label, &bare) && !taken.contains(&bare) {
            taken.push(bare);
            labels.insert(destination.uuid, label);
        }
    }
    labels
}

/// Whether it is an extension that means itself: no pattern, none that Asterisk goes to by itself (`s`, `h`, `t` …), and
/// neither a node nor a uuid.
fn is_label(label: &str, bare: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let is_ours =
        matches!(bare.len(), 32 | 33) && bare.trim_start_matches('n').bytes().all(|b| b.is_ascii_hexdigit());
    label.len() <= 79 && bare.len() > 1 && label.chars().all(word) && !label.starts_with('_') && !is_ours
}

/// The context: nodes and labels of these destinations, and the nodes of `kept`, where calls are on their way to.
pub fn dialplan<'a>(
    destinations: &'a [Destination],
    kept: impl IntoIterator<Item = Vec<&'a Destination>>,
) -> String {
    let (labels, mut nodes) = (labels(destinations), BTreeMap::new());
    let mut lines = vec![format!("[{CONTEXT}]\n")];
    let find = |uuid| destinations.iter().find(|destination| destination.uuid == uuid);
    for destination in destinations {
        let ways: Vec<_> = std::iter::once(destination).chain(failovers(destination, find)).collect();
        let (node, uuid) = (name(&ways), destination.uuid);
        let label = labels.get(&uuid);
        let exten = label.cloned().unwrap_or_else(|| uuid.to_string());
        lines.push(format!("exten => {exten},1,NoOp(destination {uuid})\n"));
        for (name, value) in destination.variables.iter() {
            lines.push(format!(" same => n,Set({name}={})\n", escaped(value)));
        }
        lines.push(format!(" same => n,Goto({node},1)\n"));
        if label.is_some() {
            lines.push(format!("exten => {uuid},1,Goto({exten},1)\n"));
        }
        nodes.insert(node, ways);
    }
    nodes.extend(kept.into_iter().map(|ways| (name(&ways), ways)));
    for (node, ways) in nodes {
        let uuids: Vec<_> = ways.iter().map(|way| way.uuid.to_string()).collect();
        lines.push(format!("exten => {node},1,NoOp({})\n", uuids.join(" else ")));
        lines.extend(steps(&ways, &node));
    }
    lines.concat()
}

/// What a node does, line by line.
fn steps(ways: &[&Destination], node: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, way) in ways.iter().enumerate() {
        // A dialplan that finds that it cannot take the call may go on there by itself.
        let next =
            if place + 1 < ways.len() { format!("{CONTEXT},{node},w{}", place + 2) } else { String::new() };
        lines.push(format!(" same => n(w{}),Set(ASTOUT_FAILOVER={next})\n", place + 1));
        lines.extend(attempt(way).iter().map(|step| format!(" same => n,{step}\n")));
    }
    lines.push(format!(" same => n({OVER}),Hangup()\n"));
    lines
}

/// The steps that are left behind only where the destination could not take the call.
///
/// `TryExec` takes the meaning from an application's end: one that has served the call and then asks for its hangup
/// (Queue, Park) is told by `FAILED`, and one that Asterisk does not have by `NOAPP`, with the call still up.
fn attempt(way: &Destination) -> Vec<String> {
    if let Some([context, exten, priority]) = way.place() {
        let place = format!("{context},{exten},{priority}");
        return vec![format!("GotoIf(${{DIALPLAN_EXISTS({place})}}?{place})")];
    }
    let application = way.application.as_deref().unwrap_or_default();
    let data = escaped(way.data.as_deref().unwrap_or_default());
    let run = format!("TryExec({application}({data}))");
    let over_if = |condition: &str| format!("GotoIf($[{condition}]?{OVER})");
    let (has_ended, is_done) = (r#""${TRYSTATUS}" = "FAILED""#, r#""${TRYSTATUS}" = "SUCCESS""#);
    match application.to_ascii_lowercase().as_str() {
        // It comes back where it could not take the call: none there, full, nobody in it, waited too long.
        "queue" => vec![
            "Set(QUEUESTATUS=)".to_owned(),
            run,
            over_if(has_ended),
            over_if(r#""${QUEUESTATUS}" = "CONTINUE""#),
        ],
        "park" => vec![run, over_if(has_ended)],
        "playback" => vec![
            "Set(PLAYBACKSTATUS=)".to_owned(),
            run,
            over_if(&format!(r#"{is_done} & "${{PLAYBACKSTATUS}}" = "SUCCESS""#)),
        ],
        "confbridge" => vec![
            "Set(CONFBRIDGE_RESULT=)".to_owned(),
            run,
            over_if(&format!(r#"{is_done} & "${{CONFBRIDGE_RESULT}}" != "FAILED""#)),
        ],
        _ => vec![run, over_if(is_done)],
    }
}

/// A semicolon begins a comment.
fn escaped(text: &str) -> String {
    text.replace(';', "\\;")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::policy::Policy;
    use crate::model::time::Timestamp;

    fn destination(number: u128, pairs: &[(&str, &str)]) -> Destination {
        let (uuid, fields) = (DestinationUuid::new(Uuid::from_u128(number)), pairs.iter().copied().collect());
        Destination::create(uuid, &fields, &Policy::default(), Timestamp::from_micros(0)).unwrap()
    }

    fn place(number: u128, name: &str, failover: u128) -> Destination {
        let mut pairs = vec![("Exten", "10"), ("Context", "ani"), ("Name", name)];
        let failover = Uuid::from_u128(failover).to_string();
        if failover != Uuid::nil().to_string() {
            pairs.push(("Failover", &failover));
        }
        destination(number, &pairs)
    }

    #[test]
    fn a_destination_is_a_label_that_sets_its_variables_and_a_node_that_tries_its_failovers_in_turn() {
        let failover = Uuid::from_u128(2).to_string();
        let pairs = [("Exten", "10"), ("Context", "ani"), ("Priority", "40000"), ("Name", "to ani")];
        let more = [("Variable", "V=a;b,c"), ("Failover", failover.as_str())];
        let first = destination(1, &[&pairs[..], &more].concat());
        let queue = [("Type", "1"), ("Application", "Queue"), ("Data", "sales_1,t;x")];
        let destinations = [first, destination(2, &queue)];
        let (one, two) = (&destinations[0], &destinations[1]);
        let (both, alone) = (name(&[one, two]), name(&[two]));
        let mut nodes = [
            format!(
                "exten => {both},1,NoOp({} else {})
 same => n(w1),Set(ASTOUT_FAILOVER=astout-custom,{both},w2)
 same => n,GotoIf(${{DIALPLAN_EXISTS(ani,10,40000)}}?ani,10,40000)
 same => n(w2),Set(ASTOUT_FAILOVER=)
 same => n,Set(QUEUESTATUS=)
 same => n,TryExec(Queue(sales_1,t\\;x))
 same => n,GotoIf($[\"${{TRYSTATUS}}\" = \"FAILED\"]?over)
 same => n,GotoIf($[\"${{QUEUESTATUS}}\" = \"CONTINUE\"]?over)
 same => n(over),Hangup()
",
                one.uuid, two.uuid
            ),
            format!(
                "exten => {alone},1,NoOp({})
 same => n(w1),Set(ASTOUT_FAILOVER=)
 same => n,Set(QUEUESTATUS=)
 same => n,TryExec(Queue(sales_1,t\\;x))
 same => n,GotoIf($[\"${{TRYSTATUS}}\" = \"FAILED\"]?over)
 same => n,GotoIf($[\"${{QUEUESTATUS}}\" = \"CONTINUE\"]?over)
 same => n(over),Hangup()
",
                two.uuid
            ),
        ];
        nodes.sort();
        let labels = format!(
            "[astout-custom]
exten => to-ani,1,NoOp(destination {0})
 same => n,Set(V=a\\;b,c)
 same => n,Goto({both},1)
exten => {0},1,Goto(to-ani,1)
exten => {1},1,NoOp(destination {1})
 same => n,Goto({alone},1)
",
            one.uuid, two.uuid
        );
        assert_eq!(dialplan(&destinations, []), labels + &nodes.concat());
    }

    #[test]
    fn a_node_that_calls_are_on_their_way_to_stays_and_one_that_does_the_same_is_the_same() {
        let (before, other) = (place(1, "a", 2), place(2, "b", 0));
        let after = [place(1, "a", 0), place(2, "b", 0)];
        let old = name(&[&before, &other]);
        assert!(!dialplan(&after, []).contains(&old));
        assert!(dialplan(&after, [vec![&before, &other]]).contains(&old));
        assert_eq!(name(&[&place(7, "x", 0)]), name(&[&after[1]]));
    }

    #[test]
    fn failovers_come_in_turn_and_a_loop_ends() {
        let all = [place(1, "a", 2), place(2, "b", 3), place(3, "c", 1)];
        let find = |uuid| all.iter().find(|destination| destination.uuid == uuid);
        let found: Vec<_> = failovers(&all[0], find).iter().map(|found| found.uuid).collect();
        assert_eq!(found, [all[1].uuid, all[2].uuid]);
    }

    #[test]
    fn a_name_that_is_no_extension_of_its_own_is_no_label() {
        let uuid = Uuid::from_u128(9).to_string();
        let names = ["sales", "Sa-les", "s", "_X.", "a,b", "Grüße", &uuid, "agents 2"];
        let all: Vec<_> = (1..).zip(names).map(|(number, name)| place(number, name, 0)).collect();
        let labels: Vec<_> = labels(&all).into_values().collect();
        assert_eq!(labels, ["sales", "agents-2"]);
    }
}
