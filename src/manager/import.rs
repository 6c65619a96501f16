//! An import on the wire, both ends of it: `OutDlListImport` begins it or goes on with it, `OutDlListImportRows` brings
//! its rows, a thousand in a message. docs/import.md shows what goes over the line.

use std::borrow::Cow;

use uuid::Uuid;

use super::actions::Replies;
use crate::ami::builder::{EncodeError, Limits};
use crate::ami::{Message, MessageBuilder, response};
use crate::daemon::handle::{Handle, RequestError};
use crate::model::fields::{FieldError, Fields};
use crate::model::ids::DlmaUuid;
use crate::model::import::{self, Batch, Column, Import, Order, RefusedRow, Row, Step};
use crate::model::refusal::Refusal;

/// The action that begins one.
pub(super) const BEGIN: &str = "OutDlListImport";
/// The action that brings rows.
pub(super) const ROWS: &str = "OutDlListImportRows";

/// The longest row, as [`row_line`] gives it, that a message takes.
pub const LONGEST_ROW: usize = 60 * 1024;
/// What the rows of one message may be long together.
pub const ROWS_AT_ONCE: usize = 900 * 1024;
/// The most rows of one message.
pub const MOST_ROWS: usize = 4000;

/// What a client sends to begin.
///
/// # Errors
/// Where a field holds what cannot be sent.
pub fn begin_action(order: &Order) -> Result<Message, EncodeError> {
    let mut action = MessageBuilder::action(BEGIN)
        .header("DlmaUuid", order.dlma.to_string())
        .header("File", &order.source.name)
        .header("Mapping", &order.mapping);
    if let Some((size, hash)) = &order.source.content {
        action = action.header("Size", size.to_string()).header("Hash", hash);
    }
    let action = [("Again", order.again), ("DryRun", order.dry_run)]
        .into_iter()
        .filter(|(_, yes)| *yes)
        .fold(action, |action, (name, _)| action.header(name, "yes"));
    action.finish_within(Limits::OWN)
}

/// What a client sends of rows that [`row_line`] made. `batch.rows` is not looked at.
///
/// # Errors
/// Where there are too many.
pub fn rows_action<'a>(batch: &Batch, rows: impl Iterator<Item = &'a str>) -> Result<Message, EncodeError> {
    let columns: Vec<String> = batch.columns.iter().map(Column::to_string).collect();
    let action = MessageBuilder::action(ROWS)
        .header("DlmaUuid", batch.dlma.to_string())
        .header("From", batch.from.to_string())
        .header("Columns", json(&columns));
    let action = match batch.import {
        Some(import) => action.header("Import", import.to_string()),
        None => action.header("DryRun", "yes"),
    };
    let action = if batch.finish { action.header("Finish", "yes") } else { action };
    rows.fold(action, |action, row| action.header("Row", row)).finish_within(Limits::OWN)
}

/// A row in one line: its values as a JSON array, or why it could not be read as an object.
pub fn row_line(row: &Row) -> String {
    match row {
        Row::Values(values) => json(values),
        Row::Unreadable { kind, why } => json(&serde_json::json!({ "kind": kind, "why": why })),
    }
}

/// What the daemon answered: how far the import has come, or what it said against it.
pub fn answered(order: &Order, answer: &Message) -> Result<Import, String> {
    if !answer.is_success() {
        let text = answer.get("Message").map_or_else(|| "no reason given".to_owned(), Cow::into_owned);
        return Err(text);
    }
    let unread = || "its answer cannot be read: is it an astout of another version?".to_owned();
    let number = |name| answer.get(name).and_then(|text| text.parse::<u64>().ok()).ok_or_else(unread);
    let at = |name| answer.get(name).and_then(|text| text.parse().ok()).ok_or_else(unread);
    let refused = answer.get("Reasons").and_then(|text| serde_json::from_str(&text).ok());
    let last_refused: Result<Vec<RefusedRow>, String> =
        answer.all("RefusedRow").map(|text| serde_json::from_str(&text).map_err(|_| unread())).collect();
    Ok(Import {
        id: answer.get("Import").and_then(|text| text.parse().ok()),
        dlma_uuid: order.dlma,
        source: order.source.clone(),
        rows: number("Rows")?,
        imported: number("Imported")?,
        refused: refused.ok_or_else(unread)?,
        last_from: number("LastFrom")?,
        last_refused: last_refused?,
        finished: number("Finished")? == 1,
        tm_create: at("TmCreate")?,
        tm_update: at("TmUpdate")?,
    })
}

/// Serves [`BEGIN`].
pub(super) async fn begin(fields: &Fields, handle: &Handle, replies: &Replies) {
    step(Order::from_fields(fields).map(Step::Begin), handle, replies).await;
}

/// Serves [`ROWS`].
pub(super) async fn rows(fields: &Fields, handle: &Handle, replies: &Replies) {
    step(batch(fields).map(Step::Rows), handle, replies).await;
}

async fn step(step: Result<Step, FieldError>, handle: &Handle, replies: &Replies) {
    let done = match step {
        Ok(step) => handle.import(step).await,
        Err(error) => Err(RequestError::Refused(Refusal::Field(error))),
    };
    match done {
        Ok(import) => replies.send(answer(replies.id(), &import)).await,
        Err(why) => replies.error(&format!("Error encountered while importing dl list: {why}")).await,
    }
}

fn answer(id: Option<&[u8]>, import: &Import) -> Message {
    let answer = progress(response::success(id).header("Message", "Dl list import goes on"), import);
    let answer = answer
        .header("Reasons", json(&import.refused))
        .header("LastFrom", import.last_from.to_string())
        .header("TmCreate", import.tm_create.to_string())
        .header("TmUpdate", import.tm_update.to_string());
    let rows = import.last_refused.iter();
    rows.fold(answer, |answer, refused| answer.header("RefusedRow", json(refused))).finish_lossy()
}

/// The headers that the answers and the event have in common.
pub(super) fn progress(message: MessageBuilder, import: &Import) -> MessageBuilder {
    let message = import.id.into_iter().fold(message, |message, id| message.header("Import", id.to_string()));
    [
        ("Rows", import.rows),
        ("Imported", import.imported),
        ("Refused", import.faulty()),
        ("Duplicates", import.duplicates()),
        ("Finished", u64::from(import.finished)),
    ]
    .into_iter()
    .fold(message, |message, (name, count)| message.header(name, count.to_string()))
}

fn batch(fields: &Fields) -> Result<Batch, FieldError> {
    let dlma: DlmaUuid = fields.required_uuid("DlmaUuid")?;
    let import = fields.parsed("Import", "the number that the start gave")?;
    if import.is_none() && !import::yes(fields, "DryRun")? {
        return Err(FieldError::missing("Import", "the number that the start gave, or DryRun: yes"));
    }
    let from = fields.parsed("From", "how many rows come before these")?;
    let names = fields.raw("Columns").unwrap_or("[]");
    let names: Vec<String> = serde_json::from_str(names)
        .map_err(|_| FieldError::invalid("Columns", names, "a JSON array of the columns' names"))?;
    let columns = names.iter().map(|name| name.parse()).collect::<Result<Vec<Column>, _>>()?;
    // Ids that grow with time keep the index of contacts together on disk.
    let rows = fields.all("Row").map(|text| Ok((Uuid::now_v7(), row(text, columns.len())?)));
    let rows = rows.collect::<Result<Vec<_>, FieldError>>()?;
    let finish = import::yes(fields, "Finish")?;
    Ok(Batch { import, dlma, from: from.unwrap_or_default(), columns, rows, finish })
}

fn row(text: &str, columns: usize) -> Result<Row, FieldError> {
    let wrong = || {
        let allowed = format!("a JSON array of {columns} texts, or an object of kind and why");
        FieldError::invalid("Row", text, allowed)
    };
    if text.starts_with('{') {
        #[derive(serde::Deserialize)]
        struct Unreadable {
            kind: String,
            why: String,
        }
        let Unreadable { kind, why } = serde_json::from_str(text).map_err(|_| wrong())?;
        return Ok(Row::Unreadable { kind, why });
    }
    let values: Vec<String> = serde_json::from_str(text).map_err(|_| wrong())?;
    if values.len() == columns { Ok(Row::Values(values)) } else { Err(wrong()) }
}

/// Texts and numbers always have JSON.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::import::Source;
    use crate::model::time::Timestamp;

    fn order() -> Order {
        Order {
            dlma: DlmaUuid::new(Uuid::nil()),
            source: Source { name: "leads.csv".into(), content: Some((5, "abc".into())) },
            mapping: "Name=name".into(),
            again: true,
            dry_run: false,
        }
    }

    fn fields_of(message: &Message) -> Fields {
        message.iter().skip(1).collect()
    }

    #[test]
    fn an_order_arrives_as_it_was_sent() {
        let sent = begin_action(&order()).unwrap();
        assert_eq!(Order::from_fields(&fields_of(&sent)), Ok(order()));
    }

    #[test]
    fn rows_arrive_as_they_were_sent_whatever_is_in_them() {
        let rows = [
            Row::Values(vec![" \"a\", b\r\nAction: Logoff\r\n\r\n\u{1f600}".into(), "300".into()]),
            Row::Unreadable { kind: "columns".into(), why: "x: y".into() },
            Row::Values(vec![String::new(), "[".into()]),
        ];
        let columns = ["Name", "Number1"].map(|name| name.parse().unwrap()).to_vec();
        let batch =
            Batch { import: Some(3), dlma: order().dlma, from: 7, columns, rows: Vec::new(), finish: true };
        let lines: Vec<String> = rows.iter().map(row_line).collect();
        let sent = rows_action(&batch, lines.iter().map(String::as_str)).unwrap();
        let read = super::batch(&fields_of(&sent)).unwrap();
        assert_eq!(read.rows.iter().map(|(_, row)| row.clone()).collect::<Vec<_>>(), rows);
        assert_eq!(Batch { rows: Vec::new(), ..read }, batch);
    }

    #[test]
    fn an_answer_arrives_as_it_was_given() {
        let mut import = Import::new(&order(), Timestamp::from_micros(5));
        import.id = Some(3);
        import.rows = 10;
        import.imported = 9;
        import.refuse(RefusedRow { row: 4, kind: "Number1".into(), why: "no \"number\"".into() });
        assert_eq!(answered(&order(), &answer(Some(b"1"), &import)), Ok(import));
    }

    #[test]
    fn a_wrong_row_is_refused_with_its_form() {
        let fields = |row| {
            let nil = Uuid::nil().to_string();
            [("DlmaUuid", nil.as_str()), ("Import", "1"), ("Columns", "[\"Name\"]"), ("Row", row)]
                .into_iter()
                .collect()
        };
        for row in ["[]", "x", "[1]", "[\"a\",\"b\"]", "{}"] {
            let error = batch(&fields(row)).unwrap_err().to_string();
            assert!(error.starts_with("Row:") && error.contains("1 texts"), "{error}");
        }
    }
}
