//! Control characters in whatever field of whatever action: refused by the field's name, nothing is written, no event.

use tokio::io::AsyncWriteExt;

use crate::client::Client;
use crate::daemon::Daemon;
use crate::made::{Made, make};

/// Every action with its fields; a test of its own holds it to the code.
const REFERENCE: &str = include_str!("../../docs/reference/actions.md");

/// C0, DEL and C1, the latter as UTF-8 and as the bytes of ISO 8859; and what Unicode ends lines with.
const CONTROL: [&[u8]; 12] = [
    b"\0",
    b"\x01",
    b"\x08",
    b"\t",
    b"\r",
    b"\x1b",
    b"\x7f",
    "\u{80}".as_bytes(),
    "\u{9f}".as_bytes(),
    b"\x80",
    b"\x9f",
    "\u{2028}".as_bytes(),
];

/// The fields of each `Out…` action, from the tables of the reference.
fn fields() -> Vec<(&'static str, &'static str)> {
    let mut fields = Vec::new();
    for section in REFERENCE.split("\n## ").filter(|section| section.starts_with("Out")) {
        let (action, rest) = section.split_once('\n').unwrap();
        let (_, table) = rest.split_once("|---|---|---|\n").unwrap_or_default();
        let rows = table.lines().take_while(|line| line.starts_with('|'));
        // Of a row "Number1 … Number8" the first and the last.
        let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().trim().split(" … "));
        fields.extend(names.map(|name| (action, name)));
    }
    fields
}

/// What the action needs beside the field that is spoilt.
fn others(action: &str, made: &Made) -> String {
    match action {
        "OutDestinationCreate" => "Type: 1\r\nApplication: Park\r\n".to_owned(),
        "OutDlListCreate" => format!("DlmaUuid: {}\r\nNumber1: 300\r\n", made.dlma),
        "OutPlanUpdate" => format!("Uuid: {}\r\n", made.plan),
        "OutDlmaUpdate" => format!("Uuid: {}\r\n", made.dlma),
        "OutDestinationUpdate" => format!("Uuid: {}\r\n", made.destination),
        "OutCampaignUpdate" => format!("Uuid: {}\r\n", made.campaign),
        "OutDlListUpdate" => format!("Uuid: {}\r\n", made.dl),
        "OutDlListImport" => format!("File: f\r\nSize: 1\r\nHash: h\r\nDlmaUuid: {}\r\n", made.dlma),
        "OutDlListImportRows" => {
            format!("DlmaUuid: {}\r\nImport: 1\r\nColumns: [\"Number1\"]\r\n", made.dlma)
        }
        "OutPreviewNext" => format!("CampaignUuid: {}\r\nAgent: PJSIP/100\r\n", made.campaign),
        "OutPreviewGo" | "OutPreviewSkip" => format!("Uuid: {}\r\n", made.campaign),
        _ => String::new(),
    }
}

async fn is_refused(client: &mut Client, action: &str, field: &str, value: &[u8], others: &str) {
    let begin = format!("Action: {action}\r\n{field}: ");
    let request = [begin.as_bytes(), value, b"\r\n", others.as_bytes(), b"\r\n"].concat();
    client.stream.write_all(&request).await.unwrap();
    let reply = client.response().await;
    let (response, message) = (reply.get("Response"), reply.get("Message"));
    let tells = message.contains(&format!("{field}: ")) && message.contains("allowed: ");
    assert!(response == "Error" && tells, "{action} {field} {}: {}", value.escape_ascii(), reply.0);
}

#[tokio::test]
async fn control_characters_are_refused_in_every_field_and_nothing_is_written() {
    let daemon = Daemon::start().await;
    let mut client = daemon.login_with_events("admin", "off").await;
    let made = make(&mut client).await;
    let mut viewer = daemon.login("viewer").await;
    let fields = fields();
    assert!(fields.len() > 90, "{fields:?}");
    for (action, field) in fields {
        let others = others(action, &made);
        // The bytes of the field's own value around it: a Variable has a name.
        let begin: &[u8] = if field == "Variable" { b"A=1" } else { b"1" };
        for control in CONTROL {
            for value in [[begin, control, b"2"].concat(), [begin, control].concat()] {
                is_refused(&mut client, action, field, &value, &others).await;
            }
            // A tab before a value is a blank.
            if control != b"\t" {
                is_refused(&mut client, action, field, &[control, begin].concat(), &others).await;
            }
        }
    }
    // The same by a line of the command line's.
    for control in CONTROL {
        let line =
            [b"Action: Command\r\nCommand: out create campaign Name=\"a", control, b"b\"\r\n\r\n"].concat();
        client.stream.write_all(&line).await.unwrap();
        let reply = client.response().await;
        let output = reply.get("Output");
        assert!(reply.get("Response") == "Error" && output.contains("Name: \"a"), "{}", reply.0);
    }
    for action in ["OutPlanShow", "OutDlmaShow", "OutDestinationShow", "OutCampaignShow", "OutDlListShow"] {
        let list = client.list(&format!("Action: {action}")).await;
        assert_eq!(list.len(), 1, "{action}");
        assert_eq!(list[0].get("TmUpdate"), "<unknown>", "{action}");
    }
    // The first event that anybody hears of is that of a change that was made.
    let plan = client.create("Action: OutPlanCreate\nName: the first").await;
    let heard = viewer.read().await.unwrap();
    assert!(heard.is_event("OutPlanCreate") && heard.get("Uuid") == plan, "{}", heard.0);
}
