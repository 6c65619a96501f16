//! Every check and what it is there for: records are spoilt in one place, and that is what is told.

use crate::records::{Records, at, contact, dialing, uuid};

/// Spoils the database, and gives what is said of the promise.
async fn with_sql(promise: &str, statements: impl Into<String>) -> String {
    let mut records = Records::right().await;
    records.sql(statements).await;
    records.breach(promise, &[])
}

/// Spoils one of the files.
async fn with_file(file: &str, change: impl FnOnce(String) -> String) -> String {
    let records = Records::right().await;
    records.edit(file, change);
    records.breach("P4", &[])
}

#[tokio::test]
async fn right_records_hold() {
    let records = Records::right().await;
    let output = records.check(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for line in [
        "P1 not checked: needs --dial-log or --cdr\n",
        "P2 ok: 5 dialings, each an attempt of its own\n",
        "P3 ok: 3 contacts dialled, none twice at once\n",
        "P4 ok: 4 ended dialings, one line each, 1 open without one\n",
        "P8 ok: at most 1 call at once, 500 allowed\n",
        "tries ok: 3 contacts with the tries that their lines have\n",
        "caps ok: no attempt by a plan with a cap\n",
        "counters ok: 3 rungs counted anew\n",
        "held, as far as the records tell: 4 result lines read\n",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("note:"), "{text}");
}

// ---- the files

#[tokio::test]
async fn a_line_that_was_deleted_is_missed() {
    for (file, seq) in [("astout.result.1", 1), ("astout.result.1", 2), ("astout.result", 3)] {
        let told = with_file(file, |text| {
            let kept = text.lines().filter(|line| !line.contains(&format!("\"seq\":{seq},")));
            kept.map(|line| format!("{line}\n")).collect()
        })
        .await;
        assert!(told.contains(&format!("line {seq} of dialing {}", dialing(seq))), "{told}");
        assert!(told.contains(&format!("and {seq} was to come")), "{told}");
    }
}

#[tokio::test]
async fn a_last_line_that_was_written_and_is_gone_is_missed() {
    let told =
        with_file("astout.result", |text| text.lines().take(1).map(|line| format!("{line}\n")).collect())
            .await;
    assert!(told.contains("line 4 of dialing") && told.contains("is not in the log"), "{told}");
}

#[tokio::test]
async fn a_file_that_was_deleted_is_missed() {
    let records = Records::right().await;
    std::fs::remove_file(records.path("astout.result.1")).unwrap();
    let told = records.breach("P4", &[]);
    assert!(told.contains("astout.result:1 has seq 3, and 1 was to come"), "{told}");
}

#[tokio::test]
async fn a_doubled_line_is_told() {
    let told =
        with_file("astout.result", |text| text.clone() + text.lines().next_back().unwrap() + "\n").await;
    assert!(told.contains("astout.result:3 has seq 4 behind 4"), "{told}");
    assert!(told.contains("not the only line of this dialing"), "{told}");
}

#[tokio::test]
async fn lines_out_of_order_are_told() {
    let told =
        with_file("astout.result", |text| text.lines().rev().map(|line| format!("{line}\n")).collect()).await;
    assert!(told.contains("seq 3 behind 4"), "{told}");
}

#[tokio::test]
async fn a_line_that_was_torn_in_the_middle_is_told() {
    let told = with_file("astout.result.1", |text| {
        let cut = text.find("dial_exten").unwrap();
        let feed = text.find('\n').unwrap();
        text[..cut].to_owned() + &text[feed..]
    })
    .await;
    assert!(told.contains("astout.result.1:1 is no whole JSON object"), "{told}");
}

#[tokio::test]
async fn a_torn_beginning_with_its_whole_line_behind_it_is_passed_over() {
    let records = Records::right().await;
    records.edit("astout.result.1", |text| {
        let torn = &text[..text.find("dial_exten").unwrap()];
        format!("{torn}\n{text}")
    });
    let output = records.check(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("astout.result.1:1 is the torn beginning of the line behind it"), "{text}");
}

#[tokio::test]
async fn a_line_that_was_torn_at_the_end_after_it_was_synced_is_missed() {
    let told = with_file("astout.result", |text| text[..text.len() - 20].to_owned()).await;
    assert!(told.contains("line 4 of dialing"), "{told}");
}

#[tokio::test]
async fn a_line_without_a_key_is_told() {
    let told = with_file("astout.result", |text| text.replacen("\"disposition\":null,", "", 1)).await;
    assert!(told.contains("lacks disposition"), "{told}");
}

#[tokio::test]
async fn a_field_that_is_not_the_rows_is_told() {
    for (field, before, after) in [
        ("dial_addr", "\"100\"", "\"101\""),
        ("dial_index", "1", "2"),
        ("dial_trycnt", "2", "1"),
        ("res_hangup", "16", "17"),
        ("channel_name", "\"PJSIP/100-0001\"", "\"PJSIP/100-0002\""),
        ("camp_uuid", &format!("\"{}\"", uuid(0xca, 1)), &format!("\"{}\"", uuid(0xca, 2))),
        ("tm_hangup", &format!("\"{}\"", at(38)), &format!("\"{}\"", at(39))),
    ] {
        let told = with_file("astout.result", |text| {
            text.replacen(&format!("\"{field}\":{before}"), &format!("\"{field}\":{after}"), 1)
        })
        .await;
        assert!(told.contains(&format!("{field} is ")) && told.contains("its row has"), "{field}: {told}");
    }
}

#[tokio::test]
async fn a_field_without_a_column_that_is_not_what_was_committed_is_told() {
    let told = with_file("astout.result", |text| {
        text.replacen("\"dial_data\":\"sales\"", "\"dial_data\":\"other\"", 1)
    })
    .await;
    assert!(told.contains("it is not what was committed"), "{told}");
}

#[tokio::test]
async fn an_outcome_that_does_not_go_with_its_result_is_told_though_the_row_says_the_same() {
    let mut records = Records::right().await;
    records.sql(format!("UPDATE dialing SET outcome = 'busy' WHERE uuid = '{}'", dialing(3))).await;
    records.sql("UPDATE outbox SET line = replace(line, '\"answered\"', '\"busy\"')").await;
    records.edit("astout.result", |text| text.replace("\"answered\"", "\"busy\""));
    let told = records.breach("P4", &[]);
    assert!(told.contains("outcome busy does not go with res_dial 4"), "{told}");
}

#[tokio::test]
async fn times_that_run_backwards_are_told_though_the_row_says_the_same() {
    let mut records = Records::right().await;
    let (from, to) = (at(37), at(39));
    records.sql(format!("UPDATE dialing SET tm_dial_end = '{to}' WHERE uuid = '{}'", dialing(3))).await;
    records.sql(format!("UPDATE outbox SET line = replace(line, '{from}', '{to}')")).await;
    records.edit("astout.result", |text| text.replace(&from, &to));
    let told = records.breach("P4", &[]);
    assert!(told.contains("tm_hangup") && told.contains("is before tm_dial_end"), "{told}");
}

#[tokio::test]
async fn a_line_of_a_dialing_that_nobody_made_is_told() {
    let told = with_file("astout.result", |text| {
        let line = text.lines().next_back().unwrap().replace(&dialing(4), &dialing(99));
        text.clone() + &line.replace("\"seq\":4", "\"seq\":5") + "\n"
    })
    .await;
    assert!(told.contains("no row has this dialing; was an older database restored?"), "{told}");
}

// ---- the rows

#[tokio::test]
async fn a_row_that_is_gone_is_missed() {
    let remove = format!("DELETE FROM dialing WHERE uuid = '{}'", dialing(1));
    assert!(with_sql("P4", remove.clone()).await.contains("no row has this dialing"));
    let told = with_sql("P2", remove).await;
    assert!(told.contains("is attempt 2 of contact") && told.contains("and 1 was to come"), "{told}");
}

#[tokio::test]
async fn a_contact_that_was_dialled_without_any_row_is_told() {
    let told = with_sql(
        "P1",
        format!("UPDATE dl_list SET tm_last_dial = tm_create, trycnt = 1 WHERE uuid = '{}'", contact(4)),
    )
    .await;
    assert!(told.contains(&contact(4)), "{told}");
}

#[tokio::test]
async fn a_line_of_an_open_dialing_is_told() {
    let told = with_sql(
        "P4",
        format!("UPDATE dialing SET open = 1, outcome = NULL, tm_end = NULL WHERE uuid = '{}'", dialing(4)),
    )
    .await;
    assert!(told.contains("the dialing has not ended") && told.contains("which is open"), "{told}");
}

#[tokio::test]
async fn an_ended_dialing_without_a_line_is_told() {
    let told = with_sql(
        "P4",
        format!(
            "UPDATE dialing SET open = 0, outcome = 'failed', tm_end = '{}' WHERE uuid = '{}'",
            at(90),
            dialing(5)
        ),
    )
    .await;
    assert!(told.contains("has ended, and no line was made of it"), "{told}");
}

#[tokio::test]
async fn an_ended_dialing_without_an_outcome_is_told() {
    let told =
        with_sql("P4", format!("UPDATE dialing SET outcome = NULL WHERE uuid = '{}'", dialing(4))).await;
    assert!(told.contains("it is ended, with outcome None"), "{told}");
}

#[tokio::test]
async fn a_second_open_dialing_is_told() {
    let again = format!(
        "DROP INDEX one_open; CREATE TEMP TABLE again AS SELECT * FROM dialing WHERE uuid = '{}';
        UPDATE again SET uuid = '{}', attempt_no = 2, tm_create = '{}'; INSERT INTO dialing SELECT * FROM again",
        dialing(5),
        dialing(6),
        at(85)
    );
    let told = with_sql("P3", again).await;
    assert!(told.contains(&format!("dialing {} was open when {}", dialing(5), dialing(6))), "{told}");
    assert!(told.contains("is not marked with it"), "{told}");
}

#[tokio::test]
async fn attempts_that_overlap_are_told() {
    let told =
        with_sql("P3", format!("UPDATE dialing SET tm_end = '{}' WHERE uuid = '{}'", at(33), dialing(1)))
            .await;
    assert!(told.contains("ended at 2026-11-21T10:00:33"), "{told}");
}

#[tokio::test]
async fn marks_without_a_dialing_and_dialings_without_a_mark_are_told() {
    let told = with_sql(
        "P3",
        format!("UPDATE dl_list SET status = 1, dialing_uuid = 'x' WHERE uuid = '{}'", contact(4)),
    )
    .await;
    assert!(told.contains("is marked as being dialled"), "{told}");
    let told = with_sql("P3", format!("UPDATE dl_list SET status = 0 WHERE uuid = '{}'", contact(3))).await;
    assert!(told.contains("is not marked with it"), "{told}");
}

#[tokio::test]
async fn a_dialing_that_its_stopped_campaign_forgot_is_told() {
    let told = with_sql("P8", "UPDATE campaign SET status = 0").await;
    assert!(told.contains("has stopped"), "{told}");
}

#[tokio::test]
async fn more_calls_than_allowed_are_told() {
    let mut records = Records::right().await;
    records.sql(format!("UPDATE dialing SET tm_create = '{}' WHERE uuid = '{}'", at(35), dialing(4))).await;
    let told = records.breach("P8", &["--max-channels", "1"]);
    assert!(told.contains("at most 2 calls at once"), "{told}");
}

// ---- tries, counters, codes

#[tokio::test]
async fn a_changed_count_of_tries_is_told_but_for_a_contact_that_was_edited() {
    let change = format!("UPDATE dl_list SET trycnt_1 = 1 WHERE uuid = '{}'", contact(1));
    let told = with_sql("tries", change.clone()).await;
    assert!(told.contains("its lines make tries [2, 0"), "{told}");
    let told =
        with_sql("tries", format!("UPDATE dl_list SET trycnt = 7 WHERE uuid = '{}'", contact(1))).await;
    assert!(told.contains("together 7"), "{told}");

    let mut records = Records::right().await;
    records.sql(change).await;
    records.sql(format!("UPDATE dl_list SET tm_update = '{}'", at(60))).await;
    assert!(records.notes(&[]).contains("tries changed by hand, not compared: 1 contact"));
}

#[tokio::test]
async fn a_try_beyond_what_the_plan_allows_is_told() {
    let told = with_sql(
        "tries",
        "UPDATE capsule SET json = replace(json, '\"max_retry_cnt_1\":2', '\"max_retry_cnt_1\":1')",
    )
    .await;
    assert!(told.contains("it is try 2 of number 1, its plan allows 1"), "{told}");
}

#[tokio::test]
async fn an_attempt_that_is_not_of_its_contact_is_told() {
    let of = |column: &str, value: &str| {
        format!("UPDATE dialing SET {column} = {value} WHERE uuid = '{}'", dialing(3))
    };
    let told = with_sql("tries", of("try_count", "1")).await;
    assert!(told.contains("it is try 1 of number 1, which had 1 before"), "{told}");
    let told = with_sql("tries", of("addr", "'101'")).await;
    assert!(told.contains("101 was dialled, the contact's number 1 was \\\"100\\\""), "{told}");
    let told = with_sql("tries", of("dl", "replace(dl, '\"res_dial\":5', '\"res_dial\":4')")).await;
    assert!(told.contains("had been answered before"), "{told}");
    let told = with_sql("tries", of("dl", "replace(dl, '\"trycnt\":1', '\"trycnt\":0')")).await;
    assert!(told.contains("after dialing"), "{told}");
    assert!(with_sql("P1", "DELETE FROM capsule").await.contains("is gone"));
}

#[tokio::test]
async fn a_counter_that_is_not_what_a_count_gives_is_told() {
    let told = with_sql("counters", "UPDATE dl_rung SET waiting = waiting + 1 WHERE rung = '0'").await;
    assert!(told.contains("counted 1 waiting") && told.contains("kept 2 waiting"), "{told}");
    let told = with_sql("counters", "DELETE FROM dl_rung WHERE rung = '0'").await;
    assert!(told.contains("kept 0 waiting"), "{told}");
    let told = with_sql("counters", "INSERT INTO dl_rung VALUES ('x', '3', '', 1, 0, 0, 0)").await;
    assert!(told.contains("counted 0 waiting"), "{told}");
}

#[tokio::test]
async fn codes_out_of_their_tables_are_told() {
    for (change, told) in [
        ("UPDATE campaign SET status = 5", "campaign.status is 5 in 1 row"),
        ("UPDATE dialing SET status = 8 WHERE open = 1", "dialing.status is 8 in 1 row"),
        ("UPDATE dialing SET res_dial = 6 WHERE open = 1", "dialing.res_dial is 6 in 1 row"),
        ("UPDATE destination SET type = 2", "destination.type is 2 in 1 row"),
        (
            "UPDATE dialing SET outcome = 'gone' WHERE outcome = 'busy'",
            "dialing.outcome is \\\"gone\\\" in 1 row",
        ),
        ("UPDATE dialing SET tm_create = 'today' WHERE open = 1", "tm_create today"),
    ] {
        let found = with_sql("codes", change).await;
        assert!(found.contains(told), "{told} in {found}");
    }
}

// ---- the outbox

#[tokio::test]
async fn an_outbox_that_lacks_lines_or_counts_wrongly_is_told() {
    for (change, told) in [
        ("DELETE FROM outbox WHERE seq = 2", "the outbox lacks 1 of the lines 1 to 4"),
        ("DELETE FROM outbox WHERE seq = 4", "the last line's number is 3, the counter says 4"),
        (
            "UPDATE meta SET value = 9 WHERE key = 'last_seq'",
            "the last line's number is 4, the counter says 9",
        ),
        ("UPDATE logpos SET seq = 5", "line 5 is said to be in the log, and 4 is the last"),
        ("DELETE FROM outbox WHERE seq < 3; UPDATE logpos SET seq = 1", "the outbox begins with line 3"),
    ] {
        let found = with_sql("P4", change).await;
        assert!(found.contains(told), "{told} in {found}");
    }
    let told = with_sql(
        "P4",
        "UPDATE outbox SET seq = 14 WHERE seq = 4; UPDATE meta SET value = 14 WHERE key = 'last_seq'",
    )
    .await;
    assert!(told.contains("it was committed as line 14"), "{told}");
    let stranger = format!("INSERT INTO outbox VALUES (5, '{}', '{{}}')", dialing(77));
    assert!(with_sql("P4", stranger).await.contains("which has no row"));
}

#[tokio::test]
async fn an_attempt_above_a_cap_is_told() {
    let cap = |field: &str, cap: &str| {
        format!("UPDATE capsule SET json = json_set(json, '$.plan.{field}', '{cap}')")
    };
    let told = with_sql("caps", cap("contact_cap", "3/1d 1/1m")).await;
    let of = contact(1);
    let breach = format!("dialing {} is attempt 2 of contact {of} in 60 s; its plan has 1", dialing(3));
    assert!(told.contains(&breach) && told.contains(&contact(2)), "what was given up has rung: {told}");
    let unsent = "UPDATE dialing SET channel_name = NULL WHERE outcome = 'withdrawn'";
    let told = with_sql("caps", format!("{}; {unsent}", cap("contact_cap", "1/1m"))).await;
    assert!(told.contains(&breach) && !told.contains(&contact(2)), "but not without a channel: {told}");
    let told = with_sql("caps", cap("number_cap", "1/21s")).await;
    assert!(told.contains("is attempt 2 of number 100 in 21 s"), "{told}");
    let mut records = Records::right().await;
    records.sql(cap("number_cap", "1/20s")).await;
    let text = String::from_utf8(records.check(&[]).stdout).unwrap();
    assert!(text.contains("caps ok: 5 attempts by plans with caps, none above\n"), "{text}");
}
